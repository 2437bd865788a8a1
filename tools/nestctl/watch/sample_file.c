/* SPDX-License-Identifier: MIT */
/*
 * sample_file.c: recordings of `nestctl watch`, lines of text (docs/guide/watch.md):
 *
 *      nestling-watch 1                the version, always the first line
 *      name NAME                       the instance
 *      mode WORD                       how its calls are intercepted
 *      sample SECONDS                  begins a sample; seconds since the first
 *      SECTION NAME NUMBER...          a figure: sections and numbers of sample.h
 *      task PID TID PPID CPU STATE RUNNING USER-NS SYSTEM-NS NAME
 *      .                               ends the sample
 *
 * Files are untrusted: every line is checked before anything is shown.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/watch/sample.h"

#define VERSION "1"
#define FILE_MAX (256L << 20) /* also the limit for a pipe */
#define LINE_MAX 512
#define FIGURES_MAX 4096 /* of each sample */
#define TASKS_MAX 16384

/* ---- writing ---- */

void samples_write_head(FILE *f, const struct samples *all)
{
	fprintf(f, "nestling-watch " VERSION "\nname %s\nmode %s\n", all->instance,
		*all->mode ? all->mode : "-");
}

void sample_write(FILE *f, const struct sample *s)
{
	fprintf(f, "sample %.3f\n", s->at);
	for (size_t i = 0; i < s->nr_figures; i++) {
		const struct figure *g = &s->figures[i];

		fprintf(f, "%s %s", section_name(g->section), g->name);
		for (int field = 0; field < SAMPLE_FIELDS && section_field(g->section, field);
			field++)
			fprintf(f, " %llu", (unsigned long long)g->v[field]);
		putc('\n', f);
	}
	for (size_t i = 0; i < s->nr_tasks; i++) {
		const struct sample_task *t = &s->tasks[i];

		fprintf(f, "task %d %d %d %d %c %d %llu %llu %s\n", t->pid, t->tid, t->ppid, t->cpu,
			t->state, t->running, (unsigned long long)t->user,
			(unsigned long long)t->system, t->name);
	}
	fputs(".\n", f);
}

/* ---- reading ---- */

/* A recording that is read. @line: number of the present line. */
struct reader {
	FILE *f;
	const char *path;
	unsigned long line;
	size_t bytes; /* read so far */
	char text[LINE_MAX];
};

static void __attribute__((noreturn)) bad(const struct reader *r, const char *why)
{
	die("%s:%lu: %s", r->path, r->line, why);
}

/* Reads a line without its newline. Returns false at the end of the file. */
static bool next_line(struct reader *r)
{
	char *end;

	r->line++;
	memset(r->text, 1, sizeof(r->text));
	if (!fgets(r->text, sizeof(r->text), r->f)) {
		if (ferror(r->f))
			bad(r, strerror(errno));
		return false;
	}
	end = memchr(r->text, '\n', sizeof(r->text));
	if (!end)
		bad(r, "the line is too long, or has no end");
	r->bytes += (size_t)(end - r->text) + 1;
	if (r->bytes > FILE_MAX)
		die("%s: larger than 256 MiB", r->path);
	*end = '\0';
	if (memchr(r->text, '\0', (size_t)(end - r->text)))
		bad(r, "not a text");
	return true;
}

/* Returns the next word. Dies if there is none. */
static const char *word(struct reader *r, char **at)
{
	char *w = strsep(at, " ");

	if (!w || !*w)
		bad(r, "the line lacks a word");
	return w;
}

/* Returns the next word as a number. Dies if it is none, or above @most. */
static uint64_t number(struct reader *r, char **at, uint64_t most)
{
	const char *w = word(r, at);
	char *end;

	errno = 0;
	unsigned long long n = strtoull(w, &end, 10);

	if (!isdigit((unsigned char)*w) || *end || errno || n > most)
		bad(r, "expected a number there");
	return n;
}

static void end_of_line(struct reader *r, const char *at)
{
	if (at)
		bad(r, "the line has a word too many");
}

/* Reads the line "@key VALUE". @value has @size bytes. */
static void read_head(struct reader *r, const char *key, char *value, size_t size)
{
	const size_t n = strlen(key);

	if (!next_line(r) || strncmp(r->text, key, n) != 0 || r->text[n] != ' ' || !r->text[n + 1])
		die("%s:%lu: expected \"%s ...\" there", r->path, r->line, key);
	if (strlen(r->text + n + 1) >= size)
		bad(r, "the name is too long");
	snprintf(value, size, "%s", r->text + n + 1);
	for (char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			bad(r, "a name has control characters");
}

static void read_version(struct reader *r)
{
	static const char mark[] = "nestling-watch ";

	if (!next_line(r) || strncmp(r->text, mark, sizeof(mark) - 1) != 0)
		die("%s: not a recording of nestctl watch", r->path);
	if (strcmp(r->text + sizeof(mark) - 1, VERSION) != 0)
		die("%s: version '%.20s' of recordings; this nestctl reads version " VERSION,
			r->path, r->text + sizeof(mark) - 1);
}

static void read_task(struct reader *r, struct sample *s, char *at)
{
	struct sample_task t = { 0 };
	const char *state;

	if (s->nr_tasks == TASKS_MAX)
		bad(r, "too many tasks in a sample");
	t.pid = (int)number(r, &at, INT32_MAX);
	t.tid = (int)number(r, &at, INT32_MAX);
	t.ppid = (int)number(r, &at, INT32_MAX);
	t.cpu = (int)number(r, &at, 4096);
	state = word(r, &at);
	t.running = number(r, &at, 1);
	t.user = number(r, &at, UINT64_MAX / 2);
	t.system = number(r, &at, UINT64_MAX / 2);
	if (strlen(state) != 1 || !isgraph((unsigned char)*state))
		bad(r, "expected a letter for the state");
	if (!at || strlen(at) >= SAMPLE_NAME)
		bad(r, "expected the name of a task");
	t.state = *state;
	struct sample_task *to = sample_task(s, at);

	memcpy(t.name, to->name, sizeof(t.name));
	*to = t;
}

static void read_figure(struct reader *r, struct sample *s, const char *kind, char *at)
{
	int section = 0;
	const char *name;
	struct figure *f;

	while (section < NR_SECTIONS && strcmp(section_name((enum section)section), kind) != 0)
		section++;
	if (section == NR_SECTIONS)
		bad(r, "an unknown kind of line");
	if (s->nr_figures == FIGURES_MAX)
		bad(r, "too many figures in a sample");
	name = word(r, &at);
	if (strlen(name) >= SAMPLE_NAME)
		bad(r, "the name is too long");
	f = sample_figure(s, (enum section)section, name);
	for (int i = 0; i < SAMPLE_FIELDS && section_field(f->section, i); i++)
		f->v[i] = number(r, &at, UINT64_MAX / 2);
	end_of_line(r, at);
}

/* Reads "sample SECONDS". @last: the seconds of the sample before. */
static double read_time(struct reader *r, double last)
{
	const char *p = r->text + 7;
	char *end;
	double at;

	if (strncmp(r->text, "sample ", 7) != 0 || !isdigit((unsigned char)*p))
		bad(r, "expected \"sample SECONDS\" there");
	at = strtod(p, &end);
	if (*end || !isfinite(at) || at > 1e9)
		bad(r, "expected \"sample SECONDS\" there");
	if (at <= last)
		bad(r, "the sample is not later than the one before");
	return at;
}

/* Reads a sample. @last: the seconds of the sample before. */
static void read_sample(struct reader *r, struct sample *s, double last)
{
	s->at = read_time(r, last);
	for (;;) {
		char *at = r->text;

		if (!next_line(r))
			bad(r, "the file ends within a sample");
		if (!strcmp(r->text, "."))
			return;
		const char *kind = word(r, &at);

		if (!strcmp(kind, "task"))
			read_task(r, s, at);
		else
			read_figure(r, s, kind, at);
	}
}

void samples_read(struct samples *all, const char *path)
{
	struct reader r = { .f = fopen(path, "re"), .path = path };
	struct stat st;

	if (!r.f || fstat(fileno(r.f), &st))
		die("%s: %s", path, strerror(errno));
	if (S_ISREG(st.st_mode) && st.st_size > FILE_MAX)
		die("%s: larger than 256 MiB", path);
	read_version(&r);
	read_head(&r, "name", all->instance, sizeof(all->instance));
	read_head(&r, "mode", all->mode, sizeof(all->mode));
	while (next_line(&r)) {
		if (!(all->n & (all->n - 1)))
			all->at = realloc(all->at, (all->n ? 2 * all->n : 1) * sizeof(*all->at));
		if (!all->at)
			die("out of memory");
		all->at[all->n] = (struct sample){ 0 };
		read_sample(&r, &all->at[all->n], all->n ? all->at[all->n - 1].at : -1);
		all->n++;
	}
	fclose(r.f);
	if (all->n < 2)
		die("%s: has fewer than two samples", path);
}
