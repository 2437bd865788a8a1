/* SPDX-License-Identifier: MIT */
/*
 * top.c: `nestctl top`: a table of instances that is redrawn every second. CPU and memory come from
 * the host (instance.h). Each instance is asked for the traffic of its disks and cards, and for the
 * memory that the guest's programs use. One that does not answer at once has "-" there, and the
 * others go on.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/core/umid.h"

#define ANSWER_MS 100

/* Counters of an instance since it began. */
struct counts {
	pid_t pid;
	double cpu;
	bool answered;
	uint64_t total, available; /* the guest's memory, bytes */
	uint64_t disk_read, disk_written, net_in, net_out;
	unsigned int threads; /* of the guest */
};
struct sample {
	double when;
	struct instance *in;
	struct counts *counts;
	size_t n;
};

/* How the table is shown. */
struct view {
	bool json, live, reverse;
	int order;
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

/* Reads whole disks of ubd, whose names have no digit. */
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

/* Reads the threads of "0.00 0.01 0.05 1/53 77". */
static void read_loadavg(char *text, struct counts *n)
{
	sscanf(text, "%*s %*s %*s %*u/%u", &n->threads);
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
		{ "proc loadavg", read_loadavg },
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
	instances_measure(s.in, s.n);
	s.counts = xalloc((s.n + 1) * sizeof(*s.counts));
	clock_gettime(CLOCK_MONOTONIC, &now);
	s.when = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	for (size_t i = 0; i < s.n; i++)
		count(&s.in[i], &s.counts[i]);
	return s;
}

static void release(struct sample *s)
{
	instances_free(s->in, s->n);
	free(s->counts);
}

/* ---- rates ---- */

/* Returns a rate per second since @old of this process; of a new one since it began. */
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
	const struct counts *o = &none, *asked = &none; /* asked: its last answer */
	double age = new->in[i].age, dt = age, dt_asked = age;

	for (size_t j = 0; j < old->n; j++) {
		if (old->counts[j].pid != n->pid)
			continue;
		o = &old->counts[j];
		dt = new->when - old->when;
		if (o->answered) {
			asked = o;
			dt_asked = dt;
		}
	}
	return (struct rates){
		.cpu = 100 * rate(n->cpu, o->cpu, dt),
		.disk_read = rate((double)n->disk_read, (double)asked->disk_read, dt_asked),
		.disk_written =
			rate((double)n->disk_written, (double)asked->disk_written, dt_asked),
		.net_in = rate((double)n->net_in, (double)asked->net_in, dt_asked),
		.net_out = rate((double)n->net_out, (double)asked->net_out, dt_asked),
	};
}

/* ---- the order of the rows ---- */

struct row {
	const struct instance *in;
	const struct counts *n;
	struct rates r;
	double key;
};

/* A word of --sort, and its key on a terminal: its first letter, except for net. */
static const struct order {
	const char *word;
	char key;
} orders[] = { { "name", 'n' }, { "cpu", 'c' }, { "memory", 'm' }, { "disk", 'd' },
	{ "net", 't' } };
enum { BY_NAME, BY_CPU, BY_MEMORY, BY_DISK, BY_NET, NR_ORDERS };

static double key_of(const struct row *w, int order)
{
	switch (order) {
	case BY_CPU: return w->r.cpu;
	case BY_MEMORY: return (double)w->in->memory;
	case BY_DISK: return w->r.disk_read + w->r.disk_written;
	case BY_NET: return w->r.net_in + w->r.net_out;
	default: return 0;
	}
}

/* Sorts by the largest first; names, and equal values, by the alphabet. */
static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return strcmp(x->in->name, y->in->name);
}

static struct row *sort(const struct sample *old, const struct sample *new, const struct view *v)
{
	struct row *rows = xalloc((new->n + 1) * sizeof(*rows));

	for (size_t i = 0; i < new->n; i++) {
		rows[i] = (struct row){
			.in = &new->in[i], .n = &new->counts[i], .r = rates_of(old, new, i)
		};
		rows[i].key = key_of(&rows[i], v->order);
	}
	if (new->n)
		qsort(rows, new->n, sizeof(*rows), by_key);
	for (size_t i = 0; v->reverse && i < new->n / 2; i++) {
		struct row other = rows[i];

		rows[i] = rows[new->n - 1 - i];
		rows[new->n - 1 - i] = other;
	}
	return rows;
}

static int order_of(const char *word)
{
	for (int i = 0; i < NR_ORDERS; i++)
		if (!strcmp(orders[i].word, word))
			return i;
	die("top: --sort: wants name, cpu, memory, disk or net, not '%s'", word);
}

/* ---- printing ---- */

static void print_row(const struct row *w)
{
	const struct instance *in = w->in;
	const struct counts *n = w->n;
	const struct rates *r = &w->r;
	const char *image = strrchr(in->image, '/') ? strrchr(in->image, '/') + 1 : in->image;
	char guest[40] = "-";

	if (n->answered)
		snprintf(guest, sizeof(guest), "%s/%s",
			short_size((double)(n->total - n->available)),
			short_size((double)n->total));
	printf("%-16s %8d %s%5.0f%%%s %7s %12s %7s %7s %7s %7s  %s", in->name, (int)in->pid,
		colour(r->cpu > 50 ? COLOUR_YELLOW : COLOUR_NONE), r->cpu, colour(COLOUR_NONE),
		short_size((double)in->memory), guest, n->answered ? short_size(r->disk_read) : "-",
		n->answered ? short_size(r->disk_written) : "-",
		n->answered ? short_size(r->net_in) : "-",
		n->answered ? short_size(r->net_out) : "-", image);
}

/* Returns as many rows as the screen has room for. */
static size_t rows_shown(const struct view *v, size_t n)
{
	struct winsize ws;
	size_t room = v->live && !ioctl(1, TIOCGWINSZ, &ws) && ws.ws_row > 1 ? ws.ws_row - 1u : n;

	return n < room ? n : room;
}

static void print_table(const struct row *rows, size_t n, const struct view *v)
{
	const char *end = v->live ? "\033[K\r\n" : "\n";
	size_t shown = rows_shown(v, n);

	if (v->live)
		printf("\033[H");
	printf("%s%-16s %8s %6s %7s %12s %7s %7s %7s %7s  %s%s", colour(COLOUR_BOLD), "NAME", "PID",
		"CPU", "MEMORY", "USED/OF", "READ/s", "WRITE/s", "IN/s", "OUT/s", "IMAGE",
		colour(COLOUR_NONE));
	for (size_t i = 0; i < shown; i++) {
		fputs(end, stdout);
		print_row(&rows[i]);
	}
	fputs(v->live ? "\033[K\033[J" : "\n", stdout);
}

static void print_json(const struct row *rows, size_t n)
{
	json_open(NULL, '[');
	for (const struct row *w = rows; w < rows + n; w++) {
		json_open(NULL, '{');
		json_text("name", w->in->name);
		json_number("pid", w->in->pid);
		json_real("cpu", w->r.cpu);
		json_number("memory", (int64_t)w->in->memory);
		json_bool("answers", w->n->answered);
		if (w->n->answered) {
			json_number("guest_used", (int64_t)(w->n->total - w->n->available));
			json_number("guest_total", (int64_t)w->n->total);
			json_real("disk_read", w->r.disk_read);
			json_real("disk_written", w->r.disk_written);
			json_real("net_in", w->r.net_in);
			json_real("net_out", w->r.net_out);
		}
		json_close('}');
	}
	json_close(']');
}

static int print(const struct sample *old, const struct sample *new, const struct view *v)
{
	struct row *rows = sort(old, new, v);

	if (v->json)
		print_json(rows, new->n);
	else
		print_table(rows, new->n, v);
	free(rows);
	return fflush(stdout);
}

/* ---- the screen ---- */

static struct termios before, raw;

/* Writes the screen; lines that are too long end at the edge. */
static void screen_write(bool enter)
{
	static const char ours[] = "\033[?1049h\033[?25l\033[?7l",
			  normal[] = "\033[?7h\033[?25h\033[?1049l";

	tcsetattr(0, TCSANOW, enter ? &raw : &before);
	if (write(1, enter ? ours : normal, enter ? sizeof(ours) - 1 : sizeof(normal) - 1) < 0)
		return;
}

static void on_signal(int sig)
{
	screen_write(false);
	_exit(128 + sig);
}

static void on_stop(int sig)
{
	screen_write(false);
	kill(getpid(), SIGSTOP);
	screen_write(true);
}

static bool screen_enter(void)
{
	const struct sigaction stop = { .sa_handler = on_stop };

	if (!isatty(1) || tcgetattr(0, &before))
		return false;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	on_ending_signals(on_signal);
	sigaction(SIGTSTP, &stop, NULL);
	screen_write(true);
	return true;
}

/* Waits until the time is over or a key is pressed; false if that was q. */
static bool pause_for(double seconds, struct view *v)
{
	struct pollfd p = { .fd = v->live ? 0 : -1, .events = POLLIN };
	char key = 0;

	if (poll(&p, 1, (int)(seconds * 1000)) <= 0)
		return true;
	if (read(0, &key, 1) <= 0)
		return false; /* the terminal is gone */
	v->reverse ^= key == 'r';
	for (int i = 0; i < NR_ORDERS; i++)
		if (orders[i].key == key)
			v->order = i;
	return key != 'q';
}

static double interval_of(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || s < 0.1 || s > 3600)
		die("top: --delay: wants seconds, at least 0.1, not '%s'", text);
	return s;
}

static long count_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1)
		die("top: -n: wants a number from 1, not '%s'", text);
	return n;
}

static void watch(const char *only, double delay, long times, struct view *v)
{
	struct sample old = take(only), new;

	/* on a terminal the first table appears at once */
	for (bool first = v->live; pause_for(first ? 0 : delay, v); first = false) {
		new = take(only);
		int failed = print(&old, &new, v);

		release(&old);
		old = new;
		if (failed || (times > 0 && !--times))
			break;
	}
	release(&old);
}

static int top(int argc, char **argv)
{
	struct view v = { .order = BY_NAME };
	double delay = 1;
	long times = -1;
	const char *only;

	for (int key; (key = next_option(&cmd_top, argc, argv));) {
		switch (key) {
		case 'd': delay = interval_of(optarg); break;
		case 'n': times = count_of(optarg); break;
		case 's': v.order = order_of(optarg); break;
		case 'r': v.reverse = true; break;
		default: v.json = true; break;
		}
	}
	only = take_words(&cmd_top, argc, argv, 0, 1)[0];
	if (only)
		instance_find(only);
	v.live = !v.json && times < 0 && screen_enter();
	if (times < 0 && !v.live)
		times = 1;
	watch(only, delay, times, &v);
	if (v.live)
		screen_write(false);
	return 0;
}

static const struct option_row options[] = {
	{ 'd', "delay", "SECONDS", "time between two tables (1)" },
	{ 'n', "count", "N",
		"number of tables, one below the other; 1 if standard output is no terminal" },
	{ 's', "sort", "name|cpu|memory|disk|net",
		"the largest first; by name unless this option is given" },
	{ 'r', "reverse", NULL, "reverse the order" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_top = {
	.name = "top",
	.args = "[UMID]",
	.help = "A live table of instances: CPU, memory, disks and network.",
	.text = "CPU is that of all processes of an instance on the host, MEMORY the host memory "
		"that they hold, USED/OF the guest's own view. The rates are bytes a second of all "
		"disks and of all cards but lo. Keys: n, c, m, d and t sort by name, CPU, memory, "
		"disks and network traffic, r reverses the order, q quits.",
	.options = options,
	.run = top,
};

/* ---- stats: with the columns of docker ---- */

static const char *pair(uint64_t a, uint64_t b)
{
	/* short_size() uses its buffers again */
	const char *first = format("%sB", short_size((double)a));

	return format("%s / %sB", first, short_size((double)b));
}

/* The texts of a row; "--" of an instance that does not answer, as with docker. */
struct texts {
	const char *cpu, *usage, *part, *net, *block, *pids;
};

static struct texts texts_of(const struct row *w)
{
	const struct counts *n = w->n;
	const uint64_t used = n->total - n->available;
	const char *cpu = format("%.2f%%", w->r.cpu);

	if (!n->answered)
		return (struct texts){ cpu, "-- / --", "--", "-- / --", "-- / --", "--" };
	return (struct texts){ cpu, pair(used, n->total),
		format("%.2f%%", n->total ? 100 * (double)used / (double)n->total : 0),
		pair(n->net_in, n->net_out), pair(n->disk_read, n->disk_written),
		format("%u", n->threads) };
}

static void put_stats(const struct row *w)
{
	const struct texts t = texts_of(w);

	json_open(NULL, '{');
	json_text("ID", w->in->name);
	json_text("Container", w->in->name);
	json_text("Name", w->in->name);
	json_text("CPUPerc", t.cpu);
	json_text("MemUsage", t.usage);
	json_text("MemPerc", t.part);
	json_text("NetIO", t.net);
	json_text("BlockIO", t.block);
	json_text("PIDs", t.pids);
	json_close('}');
}

static void print_stats_table(const struct row *rows, size_t n)
{
	struct table *t = table_new((const char *[]){ "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %",
		"NET I/O", "BLOCK I/O", "PIDS", NULL });

	for (size_t i = 0; i < n; i++) {
		const struct texts x = texts_of(&rows[i]);

		table_row(t, (const char *[]){ rows[i].in->name, x.cpu, x.usage, x.part, x.net,
				     x.block, x.pids });
	}
	table_print(t);
}

/* Leaves the rows of these instances; all, if there are no names. */
static size_t keep_named(struct row *rows, size_t n, char **names)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		bool named = !*names;

		for (char **name = names; *name; name++)
			named = named || !strcmp(*name, rows[i].in->name);
		if (named)
			rows[left++] = rows[i];
	}
	return left;
}

static void print_stats(struct row *rows, size_t n, const struct view *v, const char *template)
{
	struct fields *f;

	if (v->live)
		printf("\033[H\033[J");
	if (v->json)
		json_open(NULL, '[');
	for (size_t i = 0; v->json && i < n; i++)
		put_stats(&rows[i]);
	if (v->json)
		return json_close(']');
	if (!template)
		return print_stats_table(rows, n);
	f = fields_parse(template);
	for (size_t i = 0; i < n; i++) {
		fields_row_begin(f);
		put_stats(&rows[i]);
		fields_row_end(f);
	}
	fields_finish(f);
}

enum { KEY_NO_STREAM = 256, KEY_FORMAT };

static int stats(int argc, char **argv)
{
	struct view v = { .order = BY_NAME };
	const char *template = NULL;
	struct sample old, new;
	bool once = false;
	char **names;

	for (int key; (key = next_option(&cmd_stats, argc, argv));)
		switch (key) {
		case KEY_NO_STREAM: once = true; break;
		case KEY_FORMAT: template = optarg; break;
		case KEY_JSON: v.json = true; break;
		default: break; /* -a: those that do not run have no counts */
		}
	names = take_words(&cmd_stats, argc, argv, 0, -1);
	for (char **name = names; *name; name++)
		instance_find(*name);
	old = take(NULL);
	once = once || v.json;
	v.live = !once && screen_enter();
	while (pause_for(1, &v)) {
		struct row *rows;

		new = take(NULL);
		rows = sort(&old, &new, &v);
		print_stats(rows, keep_named(rows, new.n, names), &v, template);
		free(rows);
		release(&old);
		old = new;
		if (fflush(stdout) || once)
			break;
	}
	release(&old);
	if (v.live)
		screen_write(false);
	return 0;
}

static const struct option_row stats_options[] = {
	{ KEY_NO_STREAM, "no-stream", NULL, "one table, of one second" },
	{ KEY_FORMAT, "format", "TEMPLATE",
		"print fields: {{.Name}}, {{.CPUPerc}}, {{.MemUsage}}, {{.MemPerc}}, {{.NetIO}}, "
		"{{.BlockIO}}, {{.PIDs}}; json, or table {{.Name}}\\t{{.CPUPerc}}" },
	{ 'a', "all", NULL, NULL },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_stats = {
	.name = "stats",
	.args = "[UMID...]",
	.help = "A live table of instances with docker's columns; nestctl top has more.",
	.text = "CPU % is that of all processes of an instance on the host, memory and PIDS "
		"(threads) are the guest's own view, and the limit is what the machine has. "
		"Traffic is that of all cards but lo and of all disks since the start. Without a "
		"terminal a table follows each second; --no-stream prints one, and --json too.",
	.options = stats_options,
	.run = stats,
};
