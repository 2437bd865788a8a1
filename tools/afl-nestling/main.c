/* SPDX-License-Identifier: MIT */
/*
 * main.c: afl-nestling's options, and its use without a fuzzer: --once prints the result of one
 * input, --bench the speed of runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/afl-nestling/afl.h"
#include "tools/afl-nestling/protocol.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

#define COVER_SIZE 65536u
#define ONCE_MS 1000
/* Time that the agent has to report a hanging program, before the guest counts as hanging. */
#define GRACE_MS 3000

enum { STATUS_CRASH = 2, STATUS_HANG = 3, STATUS_GUEST = 4 };

/*
 * Reads a file, or standard input for "-", to machine_input(). Returns the length in bytes. Bytes
 * after the first AGENT_INPUT_MAX are ignored without a message.
 */
static uint32_t load(struct machine *m, const char *path)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : 0;
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	while (len < AGENT_INPUT_MAX &&
		(n = read(fd, machine_input(m) + len, AGENT_INPUT_MAX - len))) {
		if (n < 0 && errno != EINTR)
			die("%s: %s", path, strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	if (fd)
		close(fd);
	return (uint32_t)len;
}

/* Prints a wait(2) status. Returns the exit status. */
static int say_status(int status)
{
	int sig = WTERMSIG(status);

	if (WIFSIGNALED(status)) {
		printf("crash: signal %d (%s)\n", sig, strsignal(sig));
		return STATUS_CRASH;
	}
	printf("ok: exit with %d\n", WEXITSTATUS(status));
	return 0;
}

/*
 * Prints how a run has ended, and the guest's log if the guest has broken. Returns the exit status.
 */
static int say_ending(struct machine *m, enum ending end)
{
	const struct agent_record *r = machine_record(m);
	const char *why = log_reason(), *text;
	size_t len;

	switch (end) {
	case END_DONE:
		if (r->flags & AGENT_LOST)
			puts("crash: the program's fork server has died");
		if (r->flags & AGENT_LOST)
			return STATUS_CRASH;
		if (!(r->flags & AGENT_HANG))
			return say_status(r->status);
		puts("hang: the program does not end");
		return STATUS_HANG;
	case END_HALT: puts("ok: the guest has halted"); return 0;
	case END_READER: puts("crash: the agent was killed"); return STATUS_CRASH;
	case END_STOP: puts("hang: the guest does not answer"); break;
	case END_PANIC: printf("panic: %s\n", why ?: "the guest's kernel"); break;
	default: puts("gone: the instance has ended"); break;
	}
	fflush(stdout);
	log_read(m->log_fd);
	text = log_text(&len);
	if (len && write(2, text, len) < 0)
		errno = 0;
	return end == END_STOP ? STATUS_HANG : STATUS_GUEST;
}

static enum ending run_once(struct machine *m, const struct options *o, uint32_t len)
{
	return machine_run(m, len, -1, o->timeout + GRACE_MS);
}

/* Runs one input. Returns the exit status. */
static int once(struct options *o, const char *path)
{
	struct machine m;
	int status;

	if (!o->timeout)
		o->timeout = ONCE_MS;
	machine_start(&m, o);
	status = say_ending(&m, run_once(&m, o, load(&m, path)));
	machine_stop(&m);
	return status;
}

/* Returns seconds of CLOCK_MONOTONIC. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Runs an input @count times and prints how long that takes. Returns the exit status. */
static int bench(struct options *o, const char *path, int count)
{
	uint64_t ns = 0, pages = 0;
	int first = 0, others = 0;
	struct machine m;
	uint32_t len;
	double start;

	if (!o->timeout)
		o->timeout = ONCE_MS;
	machine_start(&m, o);
	len = path ? load(&m, path) : 0;
	start = now();
	for (int i = 0; i < count; i++) {
		enum ending end = run_once(&m, o, len);

		if (end != END_DONE || machine_record(&m)->flags & (AGENT_HANG | AGENT_LOST)) {
			int status = say_ending(&m, end);

			machine_stop(&m);
			return status;
		}
		if (!i)
			first = machine_record(&m)->status;
		others += machine_record(&m)->status != first;
		ns += m.area->reset_ns;
		pages += m.area->reset_pages;
	}
	start = now() - start;
	printf("%d runs in %.2f s: %.0f a second; %.0f us and %.0f pages to put it back\n", count,
		start, count / start, (double)ns / count / 1000, (double)pages / count);
	machine_stop(&m);
	if (others)
		die("%d runs have not ended as the first one has", others);
	return say_status(first);
}

/* ---- options ---- */

enum {
	KEY_ONCE = 256,
	KEY_BENCH,
	KEY_MOUNT,
	KEY_COVER,
	KEY_PLAIN,
	KEY_FORKED,
	KEY_KEEP,
	KEY_NET,
	KEY_PARAM,
	KEY_MAN
};

static const struct option_row rows[] = {
	{ 'i', "image", "IMAGE", "the instance's image, a name or a path as for nestctl (debian)" },
	{ 'v', "volume", "HOSTDIR:GUESTDIR",
		"copy a folder of the host to the guest's memory at the start, for example with "
		"the program in it" },
	{ 'e', "env", "VAR[=VALUE]", "a variable of the program's environment" },
	{ 'w', "workdir", "GUESTDIR", "where the program starts" },
	{ 'm', "mem", "SIZE", "memory of the instance (256M)" },
	{ 'n', "cpus", "N", "virtual CPUs (1)" },
	{ 'k', "kernel", "FILE",
		"the kernel; by default $NESTLING_KERNEL, or nestling beside this program or in "
		"PATH" },
	{ KEY_NET, "net", "KIND",
		"a network card, as behind eth0= in nestling(1); by default none" },
	{ KEY_PARAM, "param", "PARAMETER", "pass a parameter to the kernel, see nestling(1)" },
	{ 't', "timeout", "MS",
		"the time of a run, after which the program hangs; by default afl-fuzz's own time, "
		"and 1000 for --once" },
	{ KEY_MOUNT, "mount", "TYPE",
		"there is no PROGRAM: the input is mounted as a file system of this type, walked "
		"over, changed and unmounted. Includes --cover." },
	{ KEY_COVER, "cover", NULL,
		"add the guest kernel's coverage; the kernel was built with "
		"MODE=cover" },
	{ KEY_PLAIN, "plain", NULL, "execute the program for each input, though afl-cc made it" },
	{ KEY_FORKED, "forked", NULL,
		"the program has AFL's fork server, though its file does not look like it: a "
		"script, or a library has it" },
	{ KEY_KEEP, "keep", "DIR",
		"where inputs that break the guest are kept with its log; by default the folder "
		"nestling of afl-fuzz's output" },
	{ KEY_ONCE, "once", "INPUT",
		"run one input (-: standard input) and say what became of it" },
	{ KEY_BENCH, "bench", "N",
		"run the input of --once, or an empty one, so often, and say how "
		"fast that was" },
	{ 'V', "verbose", NULL, "show the guest's log and the program's output" },
	{ KEY_MAN, "man", NULL, NULL },
	{ 0 },
};

static const struct command program = {
	.name = "afl-nestling",
	.program = true,
	.args = "-- PROGRAM [ARGUMENT...]",
	.help = "Runs a program of a guest for AFL, and puts the guest back after each run.",
	.text = "afl-fuzz executes it as its target. It starts an instance of Nestling, starts "
		"PROGRAM there and freezes the whole machine when the program waits for its first "
		"input. From then on each input runs in this machine, which is put back "
		"afterwards: "
		"files, processes, memory. PROGRAM is looked up in the guest. It gets the input as "
		"standard input, or as a file where an ARGUMENT contains @@.\n\nA program that "
		"afl-cc has compiled reports its coverage as on the host. With --cover or --mount "
		"it is the guest kernel's coverage.\n\nA crash of the program is a crash for AFL. "
		"A "
		"panic of the guest's kernel is one too, with signal 6, and its log is kept. A run "
		"that outlasts afl-fuzz's time is a hang.\n\n\tafl-fuzz -i seeds -o out -- "
		"afl-nestling -v $PWD:/t -- /t/parser @@\n\tafl-nestling -v $PWD:/t --once "
		"out/default/crashes/id:000000* -- /t/parser @@\n\tafl-fuzz -i images -o out -- "
		"afl-nestling -k build/cover/nestling --mount ext4",
	.exits = "of --once: 0 if the input did no harm, 2 for a crash of the program, 3 for a "
		 "hang, "
		 "4 where the guest's kernel broke; 1 for an error",
	.options = rows,
	.command_follows = true,
};

static int number(const char *text, const char *what)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > 100000000)
		die("%s %s: expected a number from 1 to 100000000", what, text);
	return (int)n;
}

static void parse_option(struct options *o, int key)
{
	switch (key) {
	case 'i': o->run.image = optarg; break;
	case 'v': run_add_volume(&o->run, optarg); break;
	case 'e': run_add_env(&o->run, optarg); break;
	case 'w': o->run.dir = optarg; break;
	case 'm': o->run.mem = optarg; break;
	case 'n': o->run.ncpus = optarg; break;
	case 'k': o->run.kernel = optarg; break;
	case 't': o->timeout = number(optarg, "-t"); break;
	case 'V': o->verbose = true; break;
	case KEY_NET:
		if (o->run.nr_nets)
			die("--net: there is one card at most");
		run_set_nets(&o->run, optarg);
		break;
	case KEY_PARAM: run_add(&o->run, optarg); break;
	case KEY_MOUNT: o->mount = optarg; break;
	case KEY_COVER: o->cover = COVER_SIZE; break;
	case KEY_PLAIN: o->plain = true; break;
	case KEY_FORKED: o->forked = true; break;
	case KEY_KEEP: o->keep = optarg; break;
	case KEY_MAN: man_program(&program); exit(finish_output(0));
	default: break;
	}
}

static void parse(struct options *o, int argc, char **argv, const char **input, int *count)
{
	char **words;

	run_add(&o->run, "nestling"); /* argv[0]; parameters follow */
	for (int key; (key = next_option(&program, argc, argv));) {
		if (key == KEY_ONCE)
			*input = optarg;
		else if (key == KEY_BENCH)
			*count = number(optarg, "--bench");
		else
			parse_option(o, key);
	}
	words = take_words(&program, argc, argv, 0, -1);
	if (o->mount && *words)
		die("--mount: there is no program then");
	if (!o->mount && !*words)
		die("which program? usage: %s", command_usage(&program));
	if (o->plain && o->forked)
		die("--plain and --forked exclude each other");
	o->program = words;
	if (o->mount)
		o->cover = COVER_SIZE;
	if (!o->run.kernel)
		o->run.kernel = default_kernel();
	o->run.argv[0] = o->run.kernel;
	o->run.image = image_path(o->run.image);
	o->run.real_image = realpath(o->run.image, NULL);
	if (!o->run.real_image)
		die("%s: %s", o->run.image, strerror(errno));
	if (access(o->run.kernel, X_OK))
		die("%s: %s", o->run.kernel, strerror(errno));
}

int main(int argc, char **argv)
{
	static struct options o = { .run = { .image = "debian", .mem = "256M", .ncpus = "1" } };
	const char *input = NULL;
	int count = 0;

	program_name = "afl-nestling";
	prepare_process();
	parse(&o, argc, argv, &input, &count);
	signal(SIGPIPE, SIG_IGN);
	if (o.verbose)
		log_show();
	if (count)
		return finish_output(bench(&o, input, count));
	if (input)
		return finish_output(once(&o, input));
	if (fcntl(AFL_STATUS_FD, F_GETFD) < 0)
		die("no fuzzer has started this: expected --once or --bench, or afl-fuzz -- "
		    "afl-nestling ...");
	restore_file_arguments(o.program);
	return fork_server(&o);
}
