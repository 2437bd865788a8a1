/* SPDX-License-Identifier: MIT */
/*
 * gdb.c: `nestctl gdb`: runs gdb on an instance's kernel, or on a core of it, with the helper of
 * tools/gdb.
 *
 * gdb itself loads a helper nestling-gdb.py beside the program if it trusts the folder, so nestctl
 * adds the folder of the instance's program to gdb's trusted ones. If a newer build has replaced
 * the program, gdb reads the old one from /proc/PID/exe and the helper beside nestctl.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

#define ARGS_MAX 256

/* The command line of gdb. */
struct debug {
	const char *argv[ARGS_MAX];
	int argc;
	const char *core, *kernel;
};

static void add(struct debug *d, const char *arg)
{
	if (d->argc == ARGS_MAX - 1)
		die("gdb: too many arguments");
	d->argv[d->argc++] = arg;
}

/* Returns the folder of a program, or "." for a name without a folder. */
static const char *folder_of(const char *program)
{
	const char *slash = strrchr(program, '/');

	return slash ? format("%.*s", (int)(slash - program), program) : ".";
}

/* Returns the target of a symbolic link, or dies. */
static const char *link_text(const char *path)
{
	char buf[4096];
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);

	if (n < 0)
		die("%s: %s", path, strerror(errno));
	buf[n] = '\0';
	return format("%s", buf);
}

/* Makes gdb load the helper beside @program, or else the helper beside nestctl. */
static void add_helper(struct debug *d, const char *program)
{
	const char *ours = folder_of(link_text("/proc/self/exe"));
	const char *real = realpath(program, NULL) ?: program;

	add(d, "-iex");
	if (!access(format("%s-gdb.py", real), R_OK)) {
		add(d, format("add-auto-load-safe-path %s", folder_of(real)));
		return;
	}
	add(d, "set auto-load python-scripts off");
	add(d, "-ex");
	add(d, format("source %s/nestling-gdb.py", ours));
}

static void debug_process(struct debug *d, const char *name)
{
	pid_t pid = umid_pid(umid_folder(name));
	const char *exe = format("/proc/%d/exe", (int)pid), *program = link_text(exe);

	if (access(program, R_OK)) /* such as "... (deleted)" */
		program = exe;
	add_helper(d, program);
	add(d, "-p");
	add(d, format("%d", (int)pid));
	add(d, program);
}

static void debug_core(struct debug *d)
{
	const char *program = d->kernel;

	if (access(d->core, R_OK))
		die("%s: %s", d->core, strerror(errno));
	if (!program)
		program = format("%s/nestling", folder_of(link_text("/proc/self/exe")));
	if (access(program, R_OK))
		die("%s: %s; --kernel names the program", program, strerror(errno));
	add_helper(d, program);
	add(d, program);
	add(d, d->core);
}

static int gdb_command(int argc, char **argv)
{
	struct debug d = { .argv = { "gdb", "-q" }, .argc = 2 };
	const char *gdb = find_program("gdb");
	const char *name = NULL;
	char **words;

	for (int key; (key = next_option(&cmd_gdb, argc, argv));) {
		switch (key) {
		case 'c': d.core = optarg; break;
		case 'k': d.kernel = optarg; break;
		}
	}
	words = take_words(&cmd_gdb, argc, argv, 0, -1);
	if (!gdb)
		die("gdb is not installed");
	if (*words && !d.core && (*words)[0] != '-')
		name = *words++;
	if (d.core)
		debug_core(&d);
	else
		debug_process(&d, name);
	if (*words && !strcmp(*words, "--"))
		words++;
	while (*words)
		add(&d, *words++);
	execv(gdb, (char **)d.argv);
	die("%s: %s", gdb, strerror(errno));
}

static const struct option_row options[] = {
	{ 'c', "core", "FILE", "look at the core of a crash" },
	{ 'k', "kernel", "PATH", "with --core: the program; by default the one beside nestctl" },
	{ 0 },
};

const struct command cmd_gdb = {
	.name = "gdb",
	.args = "[UMID] [-- GDB'S ARGUMENT...]",
	.help = "Runs gdb on an instance's kernel, with commands for guest tasks.",
	.text = "Without UMID, on the only instance. `help nest` and `help task` in gdb list "
		"the commands; docs/debugging.md explains them. While gdb has the kernel "
		"stopped the whole instance is stopped.",
	.options = options,
	.run = gdb_command,
};
