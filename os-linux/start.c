/* SPDX-License-Identifier: MIT */
/*
 * start.c: main(). The host's main thread becomes vCPU 0 and lives until the end: the parent-death
 * signals of the zygote and of the spaces depend on it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os-linux/internal.h"

/* arch/um/entry/start.S: switches to vCPU 0's kernel stack and never returns. */
void arch_start(int argc, char **argv, char **envp) __attribute__((noreturn));

char **os_argv;

/* Reads the beginning of a file as a string, empty on an error. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
}

/*
 * Prints the advice to use `nestctl gdb` if gdb has refused to load the script beside the program,
 * as it does in a folder that it does not trust. A loaded script sets NESTLING_GDB
 * (tools/gdb/nestling_gdb).
 */
static void name_helper_to_gdb(void)
{
	char text[4096], path[64];
	const char *line;
	int tracer;

	read_text("/proc/self/status", text, sizeof(text));
	line = strstr(text, "\nTracerPid:");
	tracer = line ? atoi(line + strlen("\nTracerPid:")) : 0;
	if (!tracer || getenv("NESTLING_GDB"))
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", tracer);
	read_text(path, text, sizeof(text));
	if (!strcmp(text, "gdb\n"))
		fputs("nestling: this gdb has not loaded the commands for guest tasks; "
		      "`nestctl gdb` does\n",
			stderr);
}

/* Restores the name of a process that has executed /proc/self/exe, which the host calls "exe". */
static void name_process(const char *program)
{
	const char *slash = strrchr(program, '/');
	char name[16] = "";

	if (!prctl(PR_GET_NAME, name) && !strcmp(name, "exe"))
		prctl(PR_SET_NAME, slash ? slash + 1 : program);
}

static uint64_t restored_sp;

/* Enters the kernel world. The first function of vCPU 0. */
static void enter(void *envp)
{
	int argc = 0;

	while (os_argv[argc])
		argc++;
	if (restored_sp)
		arch_unpark(restored_sp);
	arch_start(argc, os_argv, envp);
}

int main(int argc, char **argv, char **envp)
{
	int err;

	os_argv = argv;
	if (argc)
		name_process(argv[0]);
	os_process_setup();
	err = os_jail_begin(argv);
	if (err) {
		fprintf(stderr, "nestling: jail: no broker: %s\n", os_why(err));
		return 1;
	}
	name_helper_to_gdb();
	err = os_vcpu_adopt(0);
	if (err) {
		fprintf(stderr, "nestling: no main thread: %s\n", os_why(err));
		return 1;
	}
	restored_sp = os_state_restore(argc, argv);
	if (restored_sp)
		os_workers_hold();
	else
		early_init();
	os_jail_folders();
	os_vcpu_run(enter, envp);
}
