/* SPDX-License-Identifier: MIT */
/*
 * top.c: `nestctl top`: a table of instances that is drawn anew every second. CPU and memory are the host's knowledge (instance.h); what
 * disks and cards have carried, and how much of its memory the guest has given to programs, each instance is asked for: one that
 * does not answer at once has "-" there, and the others go on.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/colour.h"
#include "tools/nestctl/command.h"
#include "tools/nestctl/instance.h"
#include "tools/nestctl/json.h"
#include "tools/nestctl/nestctl.h"
#include "tools/nestctl/umid.h"

#define ANSWER_MS 100

/* What has been counted of one instance since it began. */
struct counts {
	pid_t pid;
	double cpu;
	bool answered;
	uint64_t total, available; /* the guest's memory, bytes */
	uint64_t disk_read, disk_written, net_in, net_out;
};
struct sample {
	double when;
	struct instance *in;
	struct counts *counts;
	size_t n;
};

/* ---- asking ---- */

static char *ask(struct umid_console *c, const char *what)
{
	size_t len;
	int err;
	char *text = umid_ask(c, what, &err, &len);

	if (text && err) {
		free(text);
		return NULL;
	}
	return text;
}

static void read_meminfo(char *text, struct counts *n)
{
	unsigned long long kib;

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, "MemTotal: %llu", &kib) == 1)
			n->total = kib << 10;
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			n->available = kib << 10;
	}
}

/* Whole disks of ubd: their names have no digit. */
static void read_diskstats(char *text, struct counts *n)
{
	unsigned long long read, written;
	char name[32];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, "%*u %*u %31s %*u %*u %llu %*u %*u %*u %llu", name, &read,
			    &written) != 3 ||
			strncmp(name, "ubd", 3) || strpbrk(name, "0123456789"))
			continue;
		n->disk_read += read * 512;
		n->disk_written += written * 512;
	}
}

static void read_net(char *text, struct counts *n)
{
	unsigned long long in, out;
	char name[32];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, " %31[^: ]: %llu %*u %*u %*u %*u %*u %*u %*u %llu", name, &in,
			    &out) != 3 ||
			strncmp(name, "eth", 3))
			continue;
		n->net_in += in;
		n->net_out += out;
	}
}

static void count(const struct instance *in, struct counts *n)
{
	static const struct {
		const char *question;
		void (*read)(char *text, struct counts *n);
	} questions[] = {
		{ "proc meminfo", read_meminfo },
		{ "proc diskstats", read_diskstats },
		{ "proc net/dev", read_net },
	};
	struct umid_console c;

	*n = (struct counts){ .pid = in->pid, .cpu = in->cpu };
	if (!umid_try_connect(&c, in->folder))
		return;
	c.wait_ms = ANSWER_MS;
	n->answered = true;
	for (size_t i = 0; n->answered && i < sizeof(questions) / sizeof(questions[0]); i++) {
		char *text = ask(&c, questions[i].question);

		n->answered = text;
		if (text)
			questions[i].read(text, n);
		free(text);
	}
	close(c.fd);
}

static struct sample take(const char *only)
{
	struct sample s = { 0 };
	struct timespec now;

	s.in = instances_find(only, &s.n);
	s.counts = xalloc((s.n + 1) * sizeof(*s.counts));
	clock_gettime(CLOCK_MONOTONIC, &now);
	s.when = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	for (size_t i = 0; i < s.n; i++)
		count(&s.in[i], &s.counts[i]);
	return s;
}

/* ---- rates ---- */

/* Per second, since @old of the same process; one that has just begun: since it began. */
static double rate(double now, double before, double seconds)
{
	return now > before && seconds > 0 ? (now - before) / seconds : 0;
}

struct rates {
	double cpu, disk_read, disk_written, net_in, net_out;
};

static struct rates rates_of(const struct sample *old, const struct sample *new, size_t i)
{
	const struct counts *n = &new->counts[i];
	struct counts none = { 0 };
	const struct counts *o = &none;
	double dt = new->in[i].age;

	for (size_t j = 0; j < old->n; j++)
		if (old->counts[j].pid == n->pid && old->counts[j].answered) {
			o = &old->counts[j];
			dt = new->when - old->when;
		}
	return (struct rates){
		.cpu = 100 * rate(n->cpu, o->cpu, dt),
		.disk_read = rate((double)n->disk_read, (double)o->disk_read, dt),
		.disk_written = rate((double)n->disk_written, (double)o->disk_written, dt),
		.net_in = rate((double)n->net_in, (double)o->net_in, dt),
		.net_out = rate((double)n->net_out, (double)o->net_out, dt),
	};
}

/* ---- printing ---- */

static void print_row(const struct instance *in, const struct counts *n, const struct rates *r)
{
	const char *guest = n->answered ?
				    format("%s/%s", short_size((double)(n->total - n->available)),
					    short_size((double)n->total)) :
				    "-";
	const char *image = strrchr(in->image, '/') ? strrchr(in->image, '/') + 1 : in->image;

	printf("%-16s %8d %s%5.0f%%%s %7s %12s %7s %7s %7s %7s  %s", in->name, (int)in->pid,
		colour(r->cpu > 50 ? COLOUR_YELLOW : COLOUR_NONE), r->cpu, colour(COLOUR_NONE),
		short_size((double)in->memory), guest, n->answered ? short_size(r->disk_read) : "-",
		n->answered ? short_size(r->disk_written) : "-",
		n->answered ? short_size(r->net_in) : "-",
		n->answered ? short_size(r->net_out) : "-", image);
}

static void print_table(const struct sample *old, const struct sample *new, bool live)
{
	const char *end = live ? "\033[K\r\n" : "\n";

	printf("%s%-16s %8s %6s %7s %12s %7s %7s %7s %7s  %s%s%s", colour(COLOUR_BOLD), "NAME",
		"PID", "CPU", "MEMORY", "USED/OF", "READ/s", "WRITE/s", "IN/s", "OUT/s", "IMAGE",
		colour(COLOUR_NONE), end);
	for (size_t i = 0; i < new->n; i++) {
		struct rates r = rates_of(old, new, i);

		print_row(&new->in[i], &new->counts[i], &r);
		fputs(end, stdout);
	}
}

static void print_json(const struct sample *old, const struct sample *new)
{
	json_open(NULL, '[');
	for (size_t i = 0; i < new->n; i++) {
		struct rates r = rates_of(old, new, i);
		const struct counts *n = &new->counts[i];

		json_open(NULL, '{');
		json_text("name", new->in[i].name);
		json_number("pid", new->in[i].pid);
		json_real("cpu", r.cpu);
		json_number("memory", (int64_t) new->in[i].memory);
		json_bool("answers", n->answered);
		if (n->answered) {
			json_number("guest_used", (int64_t)(n->total - n->available));
			json_number("guest_total", (int64_t)n->total);
			json_real("disk_read", r.disk_read);
			json_real("disk_written", r.disk_written);
			json_real("net_in", r.net_in);
			json_real("net_out", r.net_out);
		}
		json_close('}');
	}
	json_close(']');
	fflush(stdout);
}

/* ---- the screen ---- */

static struct termios before;

static void screen_leave(void)
{
	static const char normal[] = "\033[?25h\033[?1049l";

	tcsetattr(0, TCSANOW, &before);
	if (write(1, normal, sizeof(normal) - 1) < 0)
		return;
}

static void on_signal(int sig)
{
	screen_leave();
	_exit(128 + sig);
}

static bool screen_enter(void)
{
	struct termios raw;

	if (!isatty(1) || tcgetattr(0, &before))
		return false;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	on_ending_signals(on_signal);
	tcsetattr(0, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l", stdout);
	return true;
}

/* Until the time is over, or q is pressed: false. */
static bool pause_for(double seconds, bool keys)
{
	struct pollfd p = { .fd = keys ? 0 : -1, .events = POLLIN };
	char key = 0;

	if (poll(&p, 1, (int)(seconds * 1000)) > 0 && read(0, &key, 1) == 1)
		return key != 'q';
	return true;
}

static double interval_of(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || s < 0.1 || s > 3600)
		die("top: --delay: wants seconds, at least 0.1, not '%s'", text);
	return s;
}

static int top(int argc, char **argv)
{
	struct sample old = { 0 }, new;
	double delay = 1;
	bool json = false, live;
	long times = -1;
	const char *only;

	for (int key; (key = next_option(&cmd_top, argc, argv));) {
		switch (key) {
		case 'd': delay = interval_of(optarg); break;
		case 'n': times = (long)parse_size(optarg, "-n"); break;
		default: json = true; break;
		}
	}
	only = take_words(&cmd_top, argc, argv, 0, 1)[0];
	live = !json && times < 0 && screen_enter();
	if (times < 0 && !live)
		times = 1;
	for (old = take(only); pause_for(live && !old.when ? 0 : delay, live); old = new) {
		new = take(only);
		if (live)
			printf("\033[H");
		if (json)
			print_json(&old, &new);
		else
			print_table(&old, &new, live);
		if (live)
			printf("\033[J");
		if (fflush(stdout) || (times > 0 && !--times))
			break;
	}
	if (live)
		screen_leave();
	return 0;
}

static const struct option_row options[] = {
	{ 'd', "delay", "SECONDS", "how long between two tables (1)" },
	{ 'n', "count", "N",
		"so many tables, one below the other; 1 where standard output is no terminal" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_top = {
	.name = "top",
	.args = "[UMID]",
	.help = "A live table of instances: CPU, memory, disks and network.",
	.text = "CPU is that of all their processes on the host; MEMORY what they hold of the "
		"host's; USED/OF the guest's own view. The rates are bytes a second of all disks "
		"and of all cards but lo. A key q ends it.",
	.options = options,
	.run = top,
};
