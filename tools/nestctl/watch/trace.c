/* SPDX-License-Identifier: MIT */
/*
 * trace.c: `nestctl trace`: shows the system calls and tracepoints of an instance, as its kernel
 * records them.
 *
 * The kernel writes lines to a ring, and nestctl fetches them over the management console some
 * dozen times a second. At its end, also by SIGINT, nestctl switches the tracing off. A killed
 * nestctl leaves it on (`nestctl trace --off`).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

#define PAUSE_MS 30 /* after a fetch without new lines */
#define ROWS_MAX 1024

/* A run of `nestctl trace`. @pos: where the next lines in the kernel's ring begin. */
struct trace {
	struct umid_console console;
	const char *only, *points, *pid;
	bool follow, counts, off, json;
	double seconds; /* 0: until a signal */
	unsigned long long pos;
	FILE *out;
	/* the file of -o, or NULL for standard output */
	const char *path;
	/* the errno with which output failed first, or 0; EPIPE: its reader has gone */
	int error;
};

/* the signal that asks for the end, or 0 */
static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	ended = sig;
}

/* Sends a command. Dies if it fails. Returns the reply, which the caller frees. */
static char *ask(struct trace *t, const char *command)
{
	size_t len;
	int err;
	char *text = umid_ask(&t->console, command, &err, &len);

	if (!text)
		die("the instance does not answer");
	if (err)
		die("%s", text);
	return text;
}

/* Prints new lines. Returns false if there were none. */
static bool fetch(struct trace *t, const char *from)
{
	char *text = ask(t, from), *lines = strchr(text, '\n');
	unsigned long long lost = 0;
	bool some;

	if (sscanf(text, "%llu %llu", &t->pos, &lost) != 2 || !lines)
		die("the instance's answer is not valid");
	if (lost)
		fprintf(t->out, "[%llu bytes lost]\n", lost);
	some = lines[1];
	put_plain(t->out, lines + 1);
	if ((fflush(t->out) || ferror(t->out)) && !t->error)
		t->error = errno;
	free(text);
	return some;
}

/*
 * Waits PAUSE_MS. Ends the wait and sets t->error if the reader of the output has gone: no write
 * shows this while there are no lines to write.
 */
static void pause_a_little(struct trace *t)
{
	struct pollfd reader = { .fd = fileno(t->out) };

	if (poll(&reader, 1, PAUSE_MS) > 0 && reader.revents & (POLLERR | POLLHUP) && !t->error)
		t->error = EPIPE;
}

/* Switches the tracing on. */
static void begin(struct trace *t)
{
	fetch(t, "trace read"); /* skips the ring's present content */
	if (t->counts || !t->points)
		free(ask(t, format("trace %s%s%s%s%s%s", t->counts ? "times" : "calls",
				    t->pid ? " pid=" : "", t->pid ? t->pid : "",
				    t->follow ? " follow" : "", t->only ? " only=" : "",
				    t->only ? t->only : "")));
	for (char *p = t->points ? format("%s", t->points) : NULL, *name; (name = strsep(&p, ","));)
		free(ask(t, format("trace point %s on", name)));
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Prints lines until the time is over, a signal comes, or no more can be written. */
static void follow_lines(struct trace *t)
{
	double end = t->seconds ? now() + t->seconds : 0;

	while (!ended && !t->error && (!end || now() < end))
		if (t->counts || !fetch(t, format("trace read %llu", t->pos)))
			pause_a_little(t);
}

/* The calls of one kind. @us and @most: microseconds, of all and of the longest. */
struct row {
	char name[40];
	unsigned long long calls, errors, us, most;
};

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->us < y->us ? 1 : x->us > y->us ? -1 : strcmp(x->name, y->name);
}

static void print_table(FILE *out, const struct row *rows, int n)
{
	unsigned long long total = 0;

	for (int i = 0; i < n; i++)
		total += rows[i].us;
	fprintf(out, "%% time     seconds  us/call     calls    errors   longest syscall\n");
	for (int i = 0; i < n; i++)
		fprintf(out, "%6.2f %11.6f %8.1f %9llu %9llu %9.6f %s\n",
			total ? 100.0 * rows[i].us / total : 0, rows[i].us / 1e6,
			(double)rows[i].us / rows[i].calls, rows[i].calls, rows[i].errors,
			rows[i].most / 1e6, rows[i].name);
}

static void print_json(const struct row *rows, int n)
{
	json_open(NULL, '[');
	for (int i = 0; i < n; i++) {
		json_open(NULL, '{');
		json_text("syscall", rows[i].name);
		json_number("calls", (int64_t)rows[i].calls);
		json_number("errors", (int64_t)rows[i].errors);
		json_number("usec", (int64_t)rows[i].us);
		json_number("longest_usec", (int64_t)rows[i].most);
		json_close('}');
	}
	json_close(']');
}

static void print_counts(struct trace *t)
{
	static struct row rows[ROWS_MAX];
	char *text = ask(t, "trace counts"), *p = text, *line;
	int n = 0;

	while (n < ROWS_MAX && (line = strsep(&p, "\n"))) {
		struct row *r = &rows[n];

		n += sscanf(line, "%39s %llu %llu %llu %llu", r->name, &r->calls, &r->errors,
			     &r->us, &r->most) == 5 &&
		     r->calls;
	}
	qsort(rows, n, sizeof(*rows), by_time);
	if (t->json)
		print_json(rows, n);
	else
		print_table(t->out, rows, n);
	free(text);
}

static void parse(struct trace *t, int argc, char **argv)
{
	char **words, *end;
	const char *name = NULL;

	for (int key; (key = next_option(&cmd_trace, argc, argv));) {
		switch (key) {
		case 'f': t->follow = true; break;
		case 'c': t->counts = true; break;
		case 'e': t->only = optarg; break;
		case 'p': t->points = optarg; break;
		case 'd':
			t->seconds = strtod(optarg, &end);
			if (end == optarg || *end || !(t->seconds > 0 && t->seconds < 1e9))
				die("trace: -d %s: not a number of seconds", optarg);
			break;
		case 'o':
			t->out = create_private(optarg);
			t->path = optarg;
			if (!t->out)
				die("%s: %s", optarg, strerror(errno));
			break;
		case KEY_JSON: t->json = true; break;
		case 256: t->off = true; break;
		}
	}
	if (t->json && (!t->counts || t->out != stdout))
		die("trace: --json goes with -c, to standard output");
	words = take_words(&cmd_trace, argc, argv, 0, 2);
	if (*words)
		name = *words++;
	t->pid = *words;
	if (t->pid && strspn(t->pid, "0123456789") != strlen(t->pid))
		die("trace: %s: not the number of a task", t->pid);
	umid_connect(&t->console, umid_folder(name));
}

static int trace_command(int argc, char **argv)
{
	struct trace t = { .out = stdout };

	parse(&t, argc, argv);
	if (t.off) {
		free(ask(&t, "trace off"));
		return 0;
	}
	on_ending_signals(on_signal);
	/* SIGPIPE would end nestctl before it has switched the tracing off */
	signal(SIGPIPE, SIG_IGN);
	begin(&t);
	follow_lines(&t);
	free(ask(&t, "trace off"));
	if (t.counts)
		print_counts(&t);
	else
		while (!t.error && fetch(&t, format("trace read %llu", t.pos)))
			;
	if (t.path && !t.error && fflush(t.out))
		t.error = errno;
	if (t.path && t.error && t.error != EPIPE)
		warn("%s: %s", t.path, strerror(t.error));
	/* for standard output finish_output() prints the message */
	errno = t.error;
	return t.error ? 1 : 0;
}

static const struct option_row options[] = {
	{ 'f', "follow", NULL, "with PID: also its children and their threads" },
	{ 'e', "only", "CALL[,CALL...]", "only these system calls" },
	{ 'c', "count", NULL, "print no lines, but at the end a table of calls with their times" },
	{ 'p', "point", "POINT[,POINT...]",
		"trace tracepoints instead of calls: all, or some of switch, wake, fault, "
		"fork, exec, exit, signal, block, irq" },
	{ 'd', "duration", "SECONDS", "duration; the default is until Ctrl-C" },
	{ 'o', "output", "FILE", "write to FILE" },
	{ KEY_JSON, "json", NULL, "with -c: print JSON, for programs" },
	{ 256, "off", NULL, "switch off tracing that a killed nestctl has left on" },
	{ 0 },
};

const struct command cmd_trace = {
	.name = "trace",
	.args = "[UMID [PID]]",
	.help = "Prints an instance's system calls as they happen.",
	.text = "Each line has names and arguments in words, the result and the time, for all "
		"tasks or for one process, without ptrace in the guest. Lines that come faster "
		"than they are fetched are lost, which is reported.",
	.options = options,
	.run = trace_command,
};
