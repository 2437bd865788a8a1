/* SPDX-License-Identifier: MIT */
/*
 * frame.c: see frame.h. A frame has a title, panes side by side, and perhaps a line that explains
 * keys. Each block (a heading and its lines) is put into the pane that is shortest so far. The
 * blocks of calls and of tasks come last and fill the rest of their panes.
 */
#include "tools/nestctl/watch/frame.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/width.h"

#define PANES_MAX 6
#define PANE_WIDTH 38 /* least width if there are several */
#define PANE_LINES 200
#define GAP 2
/* what room() returns if the number of rows is not limited: any number above 0 */
#define UNLIMITED 20
#define BAR 10

struct pane {
	int n;
	struct line {
		char *text;
		enum colour colour;
	} lines[PANE_LINES];
};

/* The state of a layout. */
struct layout {
	const struct frame *f;
	double seconds;
	int width, nr_panes, rows;
	struct pane panes[PANES_MAX];
	struct pane *to; /* pane of the present block */
};

/* Adds a line to the present pane, without blanks at its end. Drops it if the pane is full. */
static void __attribute__((format(printf, 3, 4)))
put(struct layout *l, enum colour colour, const char *fmt, ...)
{
	struct pane *p = l->to;
	va_list args;

	if (p->n >= PANE_LINES)
		return;
	va_start(args, fmt);
	if (vasprintf(&p->lines[p->n].text, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	for (char *end = strchr(p->lines[p->n].text, '\0');
		end > p->lines[p->n].text && end[-1] == ' ';)
		*--end = '\0';
	p->lines[p->n++].colour = colour;
}

/* Begins a block in the shortest pane. */
static void begin(struct layout *l, const char *heading)
{
	l->to = &l->panes[0];
	for (int i = 1; i < l->nr_panes; i++)
		if (l->panes[i].n < l->to->n)
			l->to = &l->panes[i];
	if (l->to->n)
		put(l, COLOUR_NONE, "%s", "");
	put(l, COLOUR_BOLD, "%s", heading);
}

/* True if there are so few rows that small figures are left out in favour of calls and tasks. */
static bool is_tight(const struct layout *l)
{
	return l->rows && l->rows < 30;
}

/*
 * Returns how many lines the present pane may still get. Without a limit of rows it is always
 * UNLIMITED, and only put() limits the lines, to PANE_LINES.
 */
static int room(const struct layout *l)
{
	return l->rows ? l->rows - l->to->n : UNLIMITED;
}

/*
 * Returns a number of events as "1.2", "1234", "123.4k". The sixteenth call after this one
 * overwrites the text.
 */
static const char *amount(double n)
{
	static char texts[16][16];
	static unsigned int next;
	char *text = texts[next++ % 16];

	if (n > 0 && n < 9.95)
		snprintf(text, 16, "%.1f", n);
	else if (n < 99999.5)
		snprintf(text, 16, "%.0f", n);
	else if (n < 9999950)
		snprintf(text, 16, "%.1fk", n / 1e3);
	else
		snprintf(text, 16, "%.1fM", n / 1e6);
	return text;
}

/* Returns the increase per second of a field of the figure @g. */
static double rate(const struct layout *l, const struct figure *g, int field)
{
	return (double)figure_increase(l->f->old, g, field) / l->seconds;
}

/* Returns the rate per second of a field of the figure @name, or 0 without such a figure. */
static double rate_of(const struct layout *l, enum section section, const char *name, int field)
{
	const struct figure *g = sample_find(l->f->new, section, name);

	return g ? rate(l, g, field) : 0;
}

#define FOR_EACH(g, l, wanted)                                                                     \
	for (const struct figure *g = (l)->f->new->figures;                                        \
		g < (l)->f->new->figures + (l)->f->new->nr_figures; g++)                           \
		if (g->section == (wanted))

/* ---- vCPUs and tasks ---- */

struct busy {
	const struct sample_task *t;
	double part; /* percent of one vCPU */
};

/* Sorts by used time, the largest first, then running tasks first, then by tid. */
static int by_part(const void *a, const void *b)
{
	const struct busy *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? 1 : -1;
	if (x->t->running != y->t->running)
		return x->t->running < y->t->running ? 1 : -1;
	return x->t->tid - y->t->tid;
}

/* Returns all tasks, sorted by by_part(), which the caller frees. The first *n have used time. */
static struct busy *busy_tasks(const struct frame *f, double seconds, size_t *n)
{
	struct busy *all = xalloc((f->new->nr_tasks + 1) * sizeof(*all));

	for (size_t i = 0; i < f->new->nr_tasks; i++) {
		all[i].t = &f->new->tasks[i];
		all[i].part = (double)task_increase(f->old, all[i].t) / 1e7 / seconds;
	}
	if (f->new->nr_tasks)
		qsort(all, f->new->nr_tasks, sizeof(*all), by_part);
	*n = 0;
	while (*n < f->new->nr_tasks && all[*n].part > 0)
		++*n;
	return all;
}

/*
 * Returns the task of a vCPU: the one that ran at the moment of the sample, or the one that used
 * most of its time, or NULL. @all: sorted by by_part(), @n tasks, the first @used of which have
 * used time. Ignores the management console's thread, which takes the sample and so always runs.
 */
static const struct sample_task *task_on(const struct busy *all, size_t n, int cpu, size_t used)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].t->running && all[i].t->cpu == cpu && strcmp(all[i].t->name, "mconsole"))
			return all[i].t;
	for (size_t i = 0; i < used; i++)
		if (all[i].t->cpu == cpu && strcmp(all[i].t->name, "mconsole") != 0)
			return all[i].t;
	return NULL;
}

/* Returns a bar for @part percent. The next call overwrites the text. */
static const char *bar(double part)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	static char text[BAR * 3 + 4];
	const int n = (int)((part < 0 ? 0 : part > 100 ? 100 : part) * BAR * 8 / 100 + 0.5);
	char *p = text;

	for (int i = 0; i < n / 8; i++)
		p = stpcpy(p, "█");
	p = stpcpy(p, eighths[n % 8]);
	for (int i = (n + 7) / 8; i < BAR; i++)
		p = stpcpy(p, "·");
	return text;
}

/* @used: the number of tasks that used CPU time; they come first in @tasks. */
static void put_cpus(struct layout *l, const struct busy *tasks, size_t used)
{
	begin(l, "vCPU        used  user  sys  task");
	FOR_EACH(g, l, SECTION_CPU)
	{
		const double user = rate(l, g, 0), system = rate(l, g, 1), idle = rate(l, g, 2),
			     all = user + system + idle + rate(l, g, 3);
		const double part = all > 0 ? 100 * (user + system) / all : 0;
		const struct sample_task *t =
			task_on(tasks, l->f->new->nr_tasks, atoi(g->name), used);

		put(l,
			part > 90 ? COLOUR_RED :
			part > 50 ? COLOUR_YELLOW :
				    COLOUR_NONE,
			"%-2s %s %3.0f%% %3.0f%% %3.0f%% %s%s", g->name, bar(part), part,
			all > 0 ? 100 * user / all : 0, all > 0 ? 100 * system / all : 0,
			t ? format("%d ", t->tid) : "-", t ? t->name : "");
	}
	put(l, COLOUR_NONE, "switches %s/s  forks %s/s",
		amount(rate_of(l, SECTION_ENTRY, "switches", 0)),
		amount(rate_of(l, SECTION_ENTRY, "forks", 0)));
}

static void put_tasks(struct layout *l, const struct busy *all, size_t used)
{
	begin(l, "Tasks           TID S vCPU   used");
	for (size_t i = 0; i < used && room(l) > 0; i++) {
		const struct sample_task *t = all[i].t;
		FILE *out;
		char *name;
		size_t size;

		out = open_memstream(&name, &size);
		if (!out)
			die("out of memory");
		put_padded(out, t->name, 12);
		fclose(out);
		put(l, COLOUR_NONE, "%s %6d %c %4d %5.1f%%", name, t->tid, t->state, t->cpu,
			all[i].part);
		free(name);
	}
	if (!used)
		put(l, COLOUR_DIM, "no task has run");
}

/* ---- the other blocks ---- */

struct line_of {
	const struct figure *g;
	double rate;
};

static int by_rate(const void *a, const void *b)
{
	const struct line_of *x = a, *y = b;

	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	return strcmp(x->g->name, y->g->name);
}

static void put_calls(struct layout *l)
{
	struct line_of *all = xalloc((l->f->new->nr_figures + 1) * sizeof(*all));
	double sum = 0;
	size_t n = 0;

	FOR_EACH(g, l, SECTION_CALL)
	{
		all[n] = (struct line_of){ g, rate(l, g, 0) };
		sum += all[n].rate;
		n += all[n].rate > 0;
	}
	if (n)
		qsort(all, n, sizeof(*all), by_rate);
	begin(l, format("Calls %13s/s  errors/s", amount(sum)));
	for (size_t i = 0; i < n && room(l) > 0; i++) {
		const double errors = rate(l, all[i].g, 1);

		put(l, COLOUR_NONE, "%-14.14s %6s %8s", all[i].g->name, amount(all[i].rate),
			errors > 0 ? amount(errors) : "");
	}
	if (!n)
		put(l, COLOUR_DIM, "no calls");
	free(all);
}

static void put_faults(struct layout *l)
{
	begin(l, "Page faults        /s   major     us");
	FOR_EACH(g, l, SECTION_FAULT)
	{
		const double n = rate(l, g, 0);

		if (n > 0 || !strcmp(g->name, "all"))
			put(l, COLOUR_NONE, "%-14.14s %6s %7s %6s", g->name, amount(n),
				amount(rate(l, g, 1)),
				g->v[2] && n > 0 ? amount(rate(l, g, 2) / n) : "");
	}
}

/*
 * Puts the figures of hand-offs, named as in docs/skas.md, and of address spaces. The first three
 * are always shown, others if they are not 0 and there is room.
 */
static void put_handoffs(struct layout *l)
{
	static const char *const names[] = { "spun", "slept", "woken", "across", "patched_calls",
		"kicks", "flushes", "orders", "spaces_made", "spaces_from_pool" };
	static const size_t always = 3;

	begin(l, "Hand-offs          /s");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const double n = rate_of(l, SECTION_ENTRY, names[i], 0);

		if (i < always || (n > 0 && (!is_tight(l) || i < 6)))
			put(l, COLOUR_NONE, "%-16s %4s", names[i], amount(n));
	}
}

static void put_memory(struct layout *l)
{
	const struct figure *total = sample_find(l->f->new, SECTION_MEMORY, "total");
	const double all = total && total->v[0] ? (double)total->v[0] : 1;

	begin(l, format("Memory        %6s", total ? short_size((double)total->v[0]) : "-"));
	FOR_EACH(g, l, SECTION_MEMORY)
	{
		if (g != total && (double)g->v[0] > (is_tight(l) ? all / 100 : 0))
			put(l, COLOUR_NONE, "%-13.13s %6s %s", g->name, short_size((double)g->v[0]),
				bar(100 * (double)g->v[0] / all));
	}
}

static void put_traffic(struct layout *l, enum section section, const char *heading)
{
	int n = 0;

	begin(l, heading);
	FOR_EACH(g, l, section)
	{
		if (!g->v[0] && !g->v[2])
			continue;
		put(l, COLOUR_NONE, "%-8.8s %6s %6s %6s %6s", g->name, amount(rate(l, g, 0)),
			short_size(rate(l, g, 1)), amount(rate(l, g, 2)),
			short_size(rate(l, g, 3)));
		n++;
	}
	if (!n)
		put(l, COLOUR_DIM, "none yet");
}

void put_graph(FILE *out, const double *values, int nr, int n)
{
	static const char *const heights[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	const int first = nr > n ? nr - n : 0;
	double most = 0;

	for (int i = first; i < nr; i++)
		most = values[i] > most ? values[i] : most;
	for (int i = first; i < nr; i++)
		fputs(most > 0 ? heights[(int)(values[i] * 7 / most + 0.5)] : heights[0], out);
}

static void put_history(struct layout *l)
{
	const struct history *h = l->f->history;
	const struct {
		const char *name;
		const double *values;
	} graphs[] = { { "calls", h->calls }, { "faults", h->faults }, { "packets", h->packets },
		{ "requests", h->requests } };

	begin(l, "History");
	for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++) {
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		if (!out)
			die("out of memory");
		put_graph(out, graphs[i].values, h->n, l->width - 10);
		fclose(out);
		put(l, COLOUR_GREEN, "%-9s%s", graphs[i].name, text);
		free(text);
	}
}

void history_add(struct history *h, const struct sample *old, const struct sample *new)
{
	const double seconds = new->at - old->at;
	double sums[NR_SECTIONS] = { 0 };

	for (size_t i = 0; i < new->nr_figures &&seconds > 0; i++) {
		const struct figure *g = &new->figures[i];
		const bool two = g->section == SECTION_NET || g->section == SECTION_DISK;

		if (g->section == SECTION_FAULT && strcmp(g->name, "all") != 0)
			continue;
		sums[g->section] += (double)figure_increase(old, g, 0) / seconds;
		if (two)
			sums[g->section] += (double)figure_increase(old, g, 2) / seconds;
	}
	if (h->n == HISTORY) {
		memmove(h->calls, h->calls + 1, sizeof(h->calls) - sizeof(double));
		memmove(h->faults, h->faults + 1, sizeof(h->faults) - sizeof(double));
		memmove(h->packets, h->packets + 1, sizeof(h->packets) - sizeof(double));
		memmove(h->requests, h->requests + 1, sizeof(h->requests) - sizeof(double));
		h->n--;
	}
	h->calls[h->n] = sums[SECTION_CALL];
	h->faults[h->n] = sums[SECTION_FAULT];
	h->packets[h->n] = sums[SECTION_NET];
	h->requests[h->n++] = sums[SECTION_DISK];
}

/* ---- the frame ---- */

static void put_blocks(struct layout *l)
{
	size_t used;
	struct busy *tasks = busy_tasks(l->f, l->seconds, &used);

	put_cpus(l, tasks, used);
	put_memory(l);
	put_handoffs(l);
	put_traffic(l, SECTION_NET, "Packets/s    in  bytes    out  bytes");
	put_faults(l);
	put_traffic(l, SECTION_DISK, "Requests/s read  bytes  write  bytes");
	if (l->f->history && l->nr_panes > 2)
		put_history(l);
	put_calls(l);
	put_tasks(l, tasks, used);
	free(tasks);
}

static void print_title(FILE *out, const struct frame *f, const struct layout *l)
{
	const char *left = format("%s  %s  %zu tasks  %.1f s", f->of->instance, f->of->mode,
		f->new->nr_tasks, l->seconds);
	const char *right = f->note ? f->note : "";
	const int n = f->columns - text_width(right);

	fputs(colour(COLOUR_BOLD), out);
	if (*right && n > 8) {
		put_padded(out, left, n - 1);
		fprintf(out, " %s", right);
	} else {
		put_cut(out, left, f->columns);
	}
	fprintf(out, "%s\n", colour(COLOUR_NONE));
}

static void print_row(FILE *out, const struct layout *l, int row)
{
	int last = 0;

	for (int i = 0; i < l->nr_panes; i++)
		if (row < l->panes[i].n && *l->panes[i].lines[row].text)
			last = i;
	for (int i = 0; i <= last; i++) {
		const struct line none = { (char *)"", COLOUR_NONE };
		const struct line *line = row < l->panes[i].n ? &l->panes[i].lines[row] : &none;

		if (line->colour != COLOUR_NONE)
			fputs(colour(line->colour), out);
		if (i < last)
			put_padded(out, line->text, l->width);
		else
			put_cut(out, line->text, l->width);
		if (line->colour != COLOUR_NONE)
			fputs(colour(COLOUR_NONE), out);
		if (i < last)
			fprintf(out, "%*s", GAP, "");
	}
	putc('\n', out);
}

void frame_print(FILE *out, const struct frame *f)
{
	struct layout *l = xalloc(sizeof(*l));
	const int others = 1 + !!f->keys; /* lines besides the panes */
	int most = 0;

	l->f = f;
	l->seconds = f->new->at > f->old->at ? f->new->at - f->old->at : 1;
	l->nr_panes = f->columns / PANE_WIDTH;
	l->nr_panes = l->nr_panes < 1 ? 1 : l->nr_panes > PANES_MAX ? PANES_MAX : l->nr_panes;
	l->width = (f->columns - GAP * (l->nr_panes - 1)) / l->nr_panes;
	l->rows = f->rows ? (f->rows > others ? f->rows - others : 1) : 0;
	put_blocks(l);
	print_title(out, f, l);
	for (int i = 0; i < l->nr_panes; i++)
		most = l->panes[i].n > most ? l->panes[i].n : most;
	if (l->rows && most > l->rows)
		most = l->rows;
	for (int row = 0; row < most; row++)
		print_row(out, l, row);
	for (int row = most; f->keys && row < l->rows; row++)
		putc('\n', out);
	if (f->keys) {
		fputs(colour(COLOUR_DIM), out);
		put_cut(out, f->keys, f->columns);
		fprintf(out, "%s\n", colour(COLOUR_NONE));
	}
	for (int i = 0; i < l->nr_panes; i++)
		for (int j = 0; j < l->panes[i].n; j++)
			free(l->panes[i].lines[j].text);
	free(l);
}

/* ---- JSON ---- */

static void json_tasks(const struct frame *f, double seconds)
{
	size_t used;
	struct busy *all = busy_tasks(f, seconds, &used);

	json_open("tasks", '[');
	for (size_t i = 0; i < f->new->nr_tasks; i++) {
		const struct sample_task *t = all[i].t;

		json_open(NULL, '{');
		json_number("pid", t->pid);
		json_number("tid", t->tid);
		json_number("ppid", t->ppid);
		json_text("name", t->name);
		json_text("state", (const char[]){ t->state, 0 });
		json_number("cpu", t->cpu);
		json_bool("running", t->running);
		json_real("used", all[i].part);
		json_close('}');
	}
	json_close(']');
	free(all);
}

/* Prints a figure: memory as its value, others as rates per second. */
static void json_figure(const struct frame *f, const struct figure *g, double seconds)
{
	if (g->section == SECTION_MEMORY)
		return json_number(g->name, (int64_t)g->v[0]);
	json_open(g->name, '{');
	for (int i = 0; i < SAMPLE_FIELDS && section_field(g->section, i); i++)
		json_real(section_field(g->section, i),
			(double)figure_increase(f->old, g, i) / seconds);
	json_close('}');
}

void frame_print_json(const struct frame *f)
{
	const double seconds = f->new->at > f->old->at ? f->new->at - f->old->at : 1;

	json_open(NULL, '{');
	json_text("name", f->of->instance);
	json_text("mode", f->of->mode);
	json_real("at", f->new->at);
	json_real("seconds", seconds);
	for (int section = 0; section < NR_SECTIONS; section++) {
		json_open(section_name((enum section)section), '{');
		for (size_t i = 0; i < f->new->nr_figures; i++)
			if (f->new->figures[i].section == (enum section)section)
				json_figure(f, &f->new->figures[i], seconds);
		json_close('}');
	}
	json_tasks(f, seconds);
	json_close('}');
}
