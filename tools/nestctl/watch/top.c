/* SPDX-License-Identifier: MIT */
/*
 * top.c: `nestctl top`: a table of instances that is drawn again every second (rates.c), and the
 * processes of an instance as a tree. An instance that does not answer has "-" in some columns. A
 * terminal of 120 columns has room for graphs of CPU and network.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/screen.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/core/width.h"
#include "tools/nestctl/watch/frame.h"
#include "tools/nestctl/watch/rates.h"
#include "tools/nestctl/watch/tree.h"

#define ANSWER_MS 1000
#define GRAPH 24      /* characters */
#define GRAPHS_AT 120 /* columns */
#define FIXED 57      /* columns of the figures */
#define NAME_LEAST 8

/* Earlier rates of an instance. */
struct trend {
	pid_t pid;
	int n;
	double cpu[GRAPH], net[GRAPH];
	struct trend *next;
};

/* How the table is shown, and what the screen shows. */
struct view {
	bool json, live, reverse, help;
	int order, columns, rows;
	size_t chosen; /* index of the selected row */
	/* name of the instance whose processes are shown, or NULL */
	char *tree;
	struct sample old, new; /* samples of the instance @tree */
	struct trend *trends;
};

/* ---- graphs ---- */

/* Returns the trend of an instance, which is made if needed. */
static struct trend *trend_of(struct view *v, pid_t pid)
{
	struct trend *t = v->trends;

	while (t && t->pid != pid)
		t = t->next;
	if (t)
		return t;
	t = xalloc(sizeof(*t));
	t->pid = pid;
	t->next = v->trends;
	v->trends = t;
	return t;
}

/* Adds the rates of a round to the trends. */
static void remember(struct view *v, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct trend *t = trend_of(v, rows[i].in->pid);

		if (t->n == GRAPH) {
			memmove(t->cpu, t->cpu + 1, sizeof(t->cpu) - sizeof(double));
			memmove(t->net, t->net + 1, sizeof(t->net) - sizeof(double));
			t->n--;
		}
		t->cpu[t->n] = rows[i].r.cpu;
		t->net[t->n++] = rows[i].r.net_in + rows[i].r.net_out;
	}
}

/* Writes a graph of the last GRAPH values, padded. */
static void put_trend(FILE *out, const double *values, int n)
{
	put_graph(out, values, n, GRAPH);
	fprintf(out, "%*s  ", GRAPH - n, "");
}

/* ---- the table ---- */

/*
 * Returns the width of the column of names: that of the longest name, but no more than other
 * columns leave.
 */
static int name_width(const struct row *rows, size_t n, const struct view *v)
{
	int most = NAME_LEAST;
	const int left = v->columns ? v->columns - FIXED - 10 : 32;

	for (size_t i = 0; i < n; i++)
		if (text_width(rows[i].in->name) > most)
			most = text_width(rows[i].in->name);
	if (most > left && v->columns)
		most = left > NAME_LEAST ? left : NAME_LEAST;
	return most;
}

static bool has_graphs(const struct view *v)
{
	return v->live && v->columns >= GRAPHS_AT;
}

static void put_row(FILE *out, const struct row *w, struct view *v, int name)
{
	const struct instance *in = w->in;
	const struct counts *n = w->n;
	const struct rates *r = &w->r;
	const char *image = strrchr(in->image, '/') ? strrchr(in->image, '/') + 1 : in->image;
	const char *guest = "-";
	const double traffic[] = { r->disk_read, r->disk_written, r->net_in, r->net_out };
	const int used = name + FIXED + (has_graphs(v) ? 2 * (GRAPH + 2) : 0);

	if (n->answered)
		guest = format("%s/%s", short_size((double)(n->total - n->available)),
			short_size((double)n->total));
	put_padded(out, in->name, name);
	fprintf(out, " %7d %s%4.0f%%%s %6s %9s", (int)in->pid,
		colour(r->cpu > 90  ? COLOUR_RED :
			r->cpu > 50 ? COLOUR_YELLOW :
				      COLOUR_NONE),
		r->cpu, colour(COLOUR_NONE), short_size((double)in->memory), guest);
	for (size_t i = 0; i < sizeof(traffic) / sizeof(traffic[0]); i++)
		fprintf(out, " %5s", n->answered ? short_size(traffic[i]) : "-");
	fputs("  ", out);
	if (has_graphs(v)) {
		const struct trend *t = trend_of(v, in->pid);

		fputs(colour(COLOUR_GREEN), out);
		put_trend(out, t->cpu, t->n);
		put_trend(out, t->net, t->n);
		fputs(colour(COLOUR_NONE), out);
	}
	if (!v->columns || v->columns > used)
		put_cut(out, image, v->columns ? v->columns - used : 1000);
}

static void put_heads(FILE *out, const struct view *v, int name)
{
	fprintf(out, "%s%-*s %7s %5s %6s %9s %5s %5s %5s %5s  ", colour(COLOUR_BOLD), name, "NAME",
		"PID", "CPU", "MEMORY", "USED/OF", "READ", "WRITE", "IN", "OUT");
	if (has_graphs(v))
		fprintf(out, "%-*s  %-*s  ", GRAPH, "CPU", GRAPH, "NETWORK");
	fprintf(out, "IMAGE%s\n", colour(COLOUR_NONE));
}

/* Writes the table, and on a screen the part that fits and has the chosen row. */
static void put_table(FILE *out, const struct row *rows, size_t n, struct view *v)
{
	const int name = name_width(rows, n, v);
	const size_t room = v->live && v->rows > 2 ? (size_t)v->rows - 2 : n;
	size_t first = 0;

	put_heads(out, v, name);
	if (v->chosen >= n)
		v->chosen = n ? n - 1 : 0;
	if (v->live && v->chosen >= room)
		first = v->chosen - room + 1;
	for (size_t i = first; i < n && i < first + room; i++) {
		const bool chosen = v->live && i == v->chosen;

		if (chosen)
			fputs("\033[7m", out);
		put_row(out, &rows[i], v, name);
		fputs(chosen ? "\033[0m\n" : "\n", out);
	}
	for (size_t i = n; v->live && i < room; i++)
		putc('\n', out);
}

/* ---- the tree ---- */

/* Closes the tree, so that the table is shown again. */
static void tree_close(struct view *v)
{
	free(v->tree);
	v->tree = NULL;
	sample_free(&v->old);
	sample_free(&v->new);
}

/* Samples the processes of @tree. Returns false if the instance does not answer. */
static bool tree_ask(struct view *v)
{
	struct timespec t;
	struct instance *in;
	struct umid_console c;
	struct sample s;
	bool answers;
	size_t n;

	in = instances_find(v->tree, &n);
	answers = n && umid_try_connect(&c, in[0].folder);
	instances_free(in, n);
	if (!answers)
		return false;
	c.wait_ms = ANSWER_MS;
	answers = sample_take(&s, &c, NULL);
	close(c.fd);
	if (!answers)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &t);
	s.at = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	sample_free(&v->old);
	v->old = v->new;
	v->new = s;
	return true;
}

/* Writes the tree, and empty lines down to the line of keys. */
static void put_tree(FILE *out, struct view *v)
{
	char *text, *line, *all;
	size_t size;
	FILE *lines = open_memstream(&text, &size);
	int n = 1;

	if (!lines)
		die("out of memory");
	tree_print(lines, &v->old, &v->new, v->columns);
	fclose(lines);
	all = text;
	fprintf(out, "%s%s%s\n", colour(COLOUR_BOLD), v->tree, colour(COLOUR_NONE));
	for (; n < v->rows - 1 && (line = strsep(&all, "\n")) && *line; n++)
		fprintf(out, "%s\n", line);
	for (; n < v->rows - 1; n++)
		putc('\n', out);
	free(text);
}

/* ---- the screen ---- */

static const char help_text[] =
	"nestctl top\n\n"
	"  q           end\n"
	"  up, down    choose an instance\n"
	"  Enter       its processes as a tree; Enter again: back\n"
	"  n c m d t   sort by name, CPU, memory, disk, traffic of the network\n"
	"  r           reverse the order\n"
	"  ?           this help; any key leaves it\n\n"
	"CPU      of all its processes on the host; 100 % is one CPU\n"
	"MEMORY   of the host, that it holds\n"
	"USED/OF  the guest's own view\n"
	"READ, WRITE, IN, OUT   bytes a second of all disks and cards but lo\n\n"
	"nestctl watch NAME shows one instance in depth.\n";

/*
 * Draws the table or the tree: on the screen, or on standard output. True if it could be written.
 */
static bool draw(const struct row *rows, size_t n, struct view *v)
{
	static const char keys[] = "q quit  ? help  Enter processes  n c m d t sort by name, CPU, "
				   "memory, disk, net  r "
				   "reverse";
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool fine;

	if (!out)
		die("out of memory");
	if (v->live)
		screen_size(&v->columns, &v->rows);
	if (v->tree)
		put_tree(out, v);
	else
		put_table(out, rows, n, v);
	if (v->live) {
		fputs(colour(COLOUR_DIM), out);
		put_cut(out, v->tree ? "q quit  Enter back" : keys, v->columns);
		fputs(colour(COLOUR_NONE), out);
	}
	fclose(out);
	fine = v->live ? screen_draw(v->help ? help_text : text) : fputs(text, stdout) >= 0;
	free(text);
	return fine && !fflush(stdout);
}

/* Carries out a key. Returns false if `top` must end. */
static bool obey(int key, const struct row *rows, size_t n, struct view *v)
{
	if (v->help && key > 0) {
		v->help = false;
		return true;
	}
	if (key == '\r' && v->tree) {
		tree_close(v);
	} else if (key == '\r' && v->chosen < n) {
		v->tree = format("%s", rows[v->chosen].in->name);
		if (!tree_ask(v))
			tree_close(v);
	}
	v->help = key == '?';
	v->reverse ^= key == 'r';
	v->chosen -= key == KEY_UP && v->chosen;
	v->chosen += key == KEY_DOWN && v->chosen + 1 < n;
	for (int i = 0; i < NR_ORDERS; i++)
		if (orders[i].key == key)
			v->order = i;
	return key != 'q' && key != KEY_GONE;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Shows a round for @seconds. Returns false if `top` must end. */
static bool show(const struct round *old, const struct round *new, struct view *v, double seconds)
{
	const double until = now() + seconds;
	bool go_on = true;

	for (bool first = true; go_on; first = false) {
		struct row *rows = rows_sorted(old, new, v->order, v->reverse);
		double left;
		int key;

		if (first)
			remember(v, rows, new->n);
		go_on = draw(rows, new->n, v);
		left = until - now();
		key = go_on ? screen_key(left > 0 ? left : 0) : KEY_GONE;
		go_on = obey(key, rows, new->n, v);
		free(rows);
		if (key == KEY_TIME)
			break;
	}
	return go_on;
}

/* ---- the command ---- */

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

/* Returns the seconds of --delay. */
static double interval_of(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || s < 0.1 || s > 3600)
		die("top: --delay: expected seconds, at least 0.1, not '%s'", text);
	return s;
}

/* Returns the number of -n. Dies unless it is 1 or more. */
static long count_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1)
		die("top: -n: expected a number from 1, not '%s'", text);
	return n;
}

static void print(const struct round *old, const struct round *new, struct view *v)
{
	struct row *rows = rows_sorted(old, new, v->order, v->reverse);

	if (v->json)
		print_json(rows, new->n);
	else
		draw(rows, new->n, v);
	free(rows);
}

/* Shows the table on a terminal. The first table appears at once. */
static void top_live(const char *only, double delay, struct view *v)
{
	struct round old = round_take(only), new = round_take(only);

	while (show(&old, &new, v, delay)) {
		round_release(&old);
		old = new;
		new = round_take(only);
		if (v->tree && !tree_ask(v))
			tree_close(v);
	}
	round_release(&old);
	round_release(&new);
}

/* Prints the table @times times, each with the rates of @delay seconds. */
static void top_printed(const char *only, double delay, long times, struct view *v)
{
	struct round old = round_take(only), new;

	v->columns = terminal_columns();
	while (times-- > 0) {
		if (screen_key(delay) == KEY_GONE)
			break;
		new = round_take(only);
		print(&old, &new, v);
		round_release(&old);
		old = new;
		if (fflush(stdout))
			break;
	}
	round_release(&old);
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
	if (v.live)
		top_live(only, delay, &v);
	else
		top_printed(only, delay, times < 0 ? 1 : times, &v);
	screen_die_of_signal();
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
		"disks and network traffic, r reverses the order, Enter shows the processes of the "
		"instance that the arrows choose, ? explains, q quits. A terminal of 120 columns "
		"or "
		"more has graphs of CPU and network.",
	.options = options,
	.run = top,
};
