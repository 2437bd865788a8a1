/* SPDX-License-Identifier: MIT */
/*
 * logs.c: `nestctl logs`: prints what the program of a kept instance, or a machine that continues
 * from a state, has written. With --follow it ends when no supervisor or keeper lives and the log
 * has been printed.
 */
#include <ctype.h>
#include <errno.h>
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
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/state/state.h"
#include "tools/nestctl/watch/kernel_log.h"

#define FOLLOW_MS 250
#define TAIL_ALL SIZE_MAX
#define TAIL_MAX 10000000

/* The options of `nestctl logs`, and the state of its output. */
struct logs {
	bool follow, times, json, kernel, raw;
	size_t tail;
	int64_t since, until; /* ns since 1970 */
	bool begun[3];        /* the stream is within a line */
	/* for --json: the line of each stream so far */
	char *line[3];
	size_t size[3];
};

/* ---- times ---- */

/* Parses "1h30m", "90s", "10m", "2d". Returns ns, or -1 if the text has another form. */
static int64_t duration(const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	int64_t all = 0;
	size_t at = 0;

	while (*text) {
		char *end;
		double n = strtod(text, &end);

		while (at < 4 && units[at].unit != *end)
			at++;
		if (end == text || at == 4 || !(n >= 0 && n < 1e9))
			return -1;
		all += (int64_t)(n * 1e9) * units[at++].seconds;
		text = end + 1;
	}
	return at ? all : -1;
}

/*
 * Parses a date with or without a time of day. The time is UTC with Z, or has an offset, or is
 * local without either. Returns ns since 1970, or -1.
 */
static int64_t date(const char *text)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		double fraction = 0;
		int hours, minutes, used = 0;
		char sign;

		if (!end)
			continue;
		if (*end == '.') {
			char *behind;

			fraction = strtod(end, &behind);
			end = behind;
		}
		if (!strcmp(end, "Z"))
			return timegm(&tm) * 1000000000L + (int64_t)(fraction * 1e9);
		if (!*end)
			return mktime(&tm) * 1000000000L + (int64_t)(fraction * 1e9);
		if (sscanf(end, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) == 3 && !end[used] &&
			(sign == '+' || sign == '-'))
			return (timegm(&tm) -
				       (sign == '+' ? 1 : -1) * (hours * 3600L + minutes * 60L)) *
				       1000000000L +
			       (int64_t)(fraction * 1e9);
	}
	return -1;
}

int64_t parse_when(const char *what, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);
	int64_t t = duration(text);

	if (t >= 0)
		return now_ns() - t;
	if (isdigit((unsigned char)*text) && !*end && seconds < 1e10)
		return (int64_t)(seconds * 1e9);
	t = date(text);
	if (t < 0)
		die("%s %s: expected a time (2024-05-01T12:00:00Z), a duration (10m, 1h30m) or "
		    "seconds since 1970",
			what, text);
	return t;
}

/* ---- printing ---- */

static FILE *target(enum log_stream stream)
{
	return stream == LOG_OUT ? stdout : stderr;
}

/* Collects the parts of a line. Prints it as an object once it is complete or too long. */
static void print_json(struct logs *l, const struct log_record *rec)
{
	static const char *const names[] = { "stdout", "stderr", "nestctl" };
	char **line = &l->line[rec->stream];
	size_t *size = &l->size[rec->stream];

	*line = realloc(*line, *size + rec->size + 1);
	if (!*line)
		die("out of memory");
	memcpy(*line + *size, rec->text, rec->size);
	*size += rec->size;
	(*line)[*size] = '\0';
	if (!rec->whole && *size < TAIL_MAX)
		return;
	json_open(NULL, '{');
	json_text("time", format("%.*s", (int)rec->when_size, rec->when));
	json_text("stream", names[rec->stream]);
	json_text("text", *line);
	json_close('}');
	*size = 0;
}

/* Prints text. On a terminal control characters are shown as numbers, unless --raw is given. */
static void print_text(const struct logs *l, FILE *f, const struct log_record *rec)
{
	char *copy;

	if (l->raw || !isatty(fileno(f))) {
		fwrite(rec->text, 1, rec->size, f);
		return;
	}
	copy = format("%.*s", (int)rec->size, rec->text);
	/* a terminal's line discipline ends lines with \r\n */
	if (*copy && copy[strlen(copy) - 1] == '\r' && rec->whole)
		copy[strlen(copy) - 1] = '\0';
	put_plain(f, copy);
	free(copy);
}

static void print(struct logs *l, const struct log_record *rec)
{
	FILE *f = target(rec->stream);

	if (rec->time < l->since || rec->time > l->until)
		return;
	if (l->json)
		return print_json(l, rec);
	if (f == stderr) /* keep the order if both are one pipe */
		fflush(stdout);
	if (l->times && !l->begun[rec->stream])
		fprintf(f, "%.*s ", (int)rec->when_size, rec->when);
	print_text(l, f, rec);
	if (rec->whole)
		putc('\n', f);
	l->begun[rec->stream] = !rec->whole;
}

/* Prints lines that are still incomplete, for --json. */
static void print_rest(struct logs *l)
{
	for (int i = 0; i < 3; i++)
		if (l->json && l->size[i]) {
			const struct log_record end = { .stream = (enum log_stream)i,
				.whole = true,
				.time = l->since,
				.when = "",
				.text = "" };

			print_json(l, &end);
		}
}

/* Prints the records that are complete now. */
static void print_all(struct logs *l, struct log_reader *r)
{
	struct log_record rec;

	while (log_next(r, &rec) && !ferror(stdout))
		print(l, &rec);
	fflush(stdout);
	fflush(stderr);
	if (r->lost)
		warn("output was lost: its files were removed before they were read");
	r->lost = false;
}

/*
 * Prints the program's output, from files in the folder @dir. @s: the kept instance, NULL: the
 * machine has a keeper. Returns the exit status.
 */
static int program_log(struct logs *l, int dir, const struct service *s)
{
	struct log_reader r;
	int watch = -1;

	if (l->follow)
		watch = log_watch(dir);
	log_reader_open(&r, dir);
	if (l->tail != TAIL_ALL)
		log_seek_tail(&r, l->tail);
	for (;;) {
		/* checked before printing, so that no output before the end is missed */
		bool busy = l->follow && (s ? service_is_busy(s) : machine_log_is_busy(dir));

		print_all(l, &r);
		if (!busy || ferror(stdout) || (l->follow && now_ns() > l->until))
			break;
		log_wait(watch, -1, FOLLOW_MS);
	}
	print_rest(l);
	if (s && service_state_read(s).lost)
		warn("%s: some of what it wrote is lost: the host has refused it", s->name);
	log_reader_close(&r);
	return 0;
}

/* Returns the lines of --tail, or TAIL_ALL. */
static size_t parse_tail(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!strcmp(text, "all"))
		return TAIL_ALL;
	if (!isdigit((unsigned char)*text) || *end)
		die("logs: --tail %s: expected a number of lines, or all", text);
	return n > TAIL_MAX ? TAIL_ALL : n;
}

enum { KEY_SINCE = 256, KEY_UNTIL, KEY_KERNEL, KEY_RAW };

/* True if an instance called @name runs. */
static bool is_served(const char *name)
{
	for (int i = 0; i < 2; i++)
		if (umid_home(i) && umid_is_served(format("%s/%s", umid_home(i), name)))
			return true;
	return false;
}

static int logs(int argc, char **argv)
{
	struct logs l = { .tail = TAIL_ALL, .until = INT64_MAX };
	struct service s;
	const char *name;
	int dir;

	for (int key; (key = next_option(&cmd_logs, argc, argv));)
		switch (key) {
		case 'f': l.follow = true; break;
		case 't': l.times = true; break;
		case 'n': l.tail = parse_tail(optarg); break;
		case KEY_SINCE: l.since = parse_when("logs: --since", optarg); break;
		case KEY_UNTIL: l.until = parse_when("logs: --until", optarg); break;
		case KEY_KERNEL: l.kernel = true; break;
		case KEY_RAW: l.raw = true; break;
		default: l.json = true;
		}
	name = take_words(&cmd_logs, argc, argv, l.kernel ? 0 : 1, 1)[0];
	if (l.kernel && name && service_find(&s, name) && !is_served(name))
		die("%s: does not run, and its kernel's log is gone with it; run --param "
		    "kmsg=FILE keeps one",
			name);
	if (l.kernel)
		return kernel_log(name, l.follow, l.json);
	if (service_find(&s, name))
		return program_log(&l, s.dir, &s);
	dir = machine_log_open(name);
	if (dir >= 0 && (machine_log_is_busy(dir) || !is_served(name)))
		return program_log(&l, dir, NULL);
	if (!strchr(name, '/') && is_served(name))
		die("%s: is not detached: its output is that of its nestctl run, or of no "
		    "command if it was restored; --kernel prints the kernel's log",
			name);
	s = service_open(name);
	return 1;
}

static const struct option_row options[] = {
	{ 'f', "follow", NULL, "print new lines until the instance ends" },
	{ 'n', "tail", "N", "only the last N lines of what there is, or all" },
	{ 't', "timestamps", NULL, "the time in front of each line, in UTC" },
	{ KEY_SINCE, "since", "TIME",
		"only lines since then: 2024-05-01T12:00:00Z, 10m for ten minutes ago, or seconds "
		"since 1970" },
	{ KEY_UNTIL, "until", "TIME", "only lines until then" },
	{ KEY_RAW, "raw", NULL,
		"the program's bytes also on a terminal, where they could do anything to it" },
	{ KEY_KERNEL, "kernel", NULL,
		"the kernel's log instead, as dmesg(1) would show it inside; of each running "
		"instance, detached or not" },
	{ KEY_JSON, "json", NULL, "print JSON, an object for each line" },
	{ 0 },
};

const struct command cmd_logs = {
	.name = "logs",
	.args = "NAME",
	.help = "Prints what the program of a detached instance has written.",
	.text = "The output of an instance of `nestctl run -d` is kept in files of its folder, "
		"whose size is bounded (run --log-opt), until nestctl rm. What the program wrote "
		"to its standard error goes to standard error. Without -f it ends at once, also "
		"while the program writes.\n\nOf a machine that goes on from a state (restore, "
		"clone) the console's output is kept, 3 MiB at most, and what its kernels said. "
		"It stays after the machine's end, until another of that name begins or 16 others "
		"have ended.",
	.options = options,
	.run = logs,
};
