/* SPDX-License-Identifier: MIT */
/* sample.c: see sample.h: the table of a sample, and the requests that fill it. */
#include "tools/nestctl/watch/sample.h"

#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/nestctl.h"

static const struct {
	const char *name;
	const char *fields[SAMPLE_FIELDS + 1];
} sections[NR_SECTIONS] = {
	[SECTION_CPU] = { "cpu", { "user", "system", "idle", "other" } },
	[SECTION_CALL] = { "call", { "calls", "errors" } },
	[SECTION_FAULT] = { "fault", { "faults", "major", "us" } },
	[SECTION_ENTRY] = { "entry", { "count" } },
	[SECTION_NET] = { "net", { "in_packets", "in_bytes", "out_packets", "out_bytes" } },
	[SECTION_DISK] = { "disk", { "reads", "read_bytes", "writes", "written_bytes" } },
	[SECTION_MEMORY] = { "memory", { "bytes" } },
};

const char *section_name(enum section s)
{
	return sections[s].name;
}

const char *section_field(enum section s, int field)
{
	return sections[s].fields[field];
}

/* ---- the table ---- */

/* Copies a name, cut to SAMPLE_NAME bytes with its NUL, with '?' for control characters. */
static void copy_name(char *to, const char *name)
{
	snprintf(to, SAMPLE_NAME, "%s", name);
	for (char *p = to; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

/* Returns the array with room for one more element. The room doubles when it is full. */
static void *grown(void *all, size_t n, size_t size)
{
	if (n & (n - 1))
		return all;
	all = realloc(all, (n ? 2 * n : 1) * size);
	if (!all)
		die("out of memory");
	return all;
}

struct figure *sample_figure(struct sample *s, enum section section, const char *name)
{
	struct figure *f;

	s->figures = grown(s->figures, s->nr_figures, sizeof(*f));
	f = &s->figures[s->nr_figures++];
	*f = (struct figure){ .section = section };
	copy_name(f->name, name);
	return f;
}

struct sample_task *sample_task(struct sample *s, const char *name)
{
	struct sample_task *t;

	s->tasks = grown(s->tasks, s->nr_tasks, sizeof(*t));
	t = &s->tasks[s->nr_tasks++];
	*t = (struct sample_task){ 0 };
	copy_name(t->name, name);
	return t;
}

void sample_free(struct sample *s)
{
	free(s->figures);
	free(s->tasks);
	*s = (struct sample){ 0 };
}

const struct figure *sample_find(const struct sample *s, enum section section, const char *name)
{
	for (size_t i = 0; i < s->nr_figures; i++)
		if (s->figures[i].section == section && !strcmp(s->figures[i].name, name))
			return &s->figures[i];
	return NULL;
}

uint64_t figure_increase(const struct sample *old, const struct figure *f, int field)
{
	const struct figure *o = sample_find(old, f->section, f->name);
	const uint64_t before = o ? o->v[field] : 0;

	return f->v[field] > before ? f->v[field] - before : 0;
}

uint64_t task_increase(const struct sample *old, const struct sample_task *t)
{
	const uint64_t now = t->user + t->system;

	for (size_t i = 0; i < old->nr_tasks; i++) {
		const struct sample_task *o = &old->tasks[i];

		if (o->tid == t->tid && o->pid == t->pid)
			return now > o->user + o->system ? now - o->user - o->system : 0;
	}
	return now;
}

/* ---- requests to the instance ---- */

/* Functions that add the figures of a reply, which they change. */
static void read_calls(struct sample *s, char *text)
{
	unsigned long long calls, errors;
	char name[SAMPLE_NAME];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, "%*d %31s %llu %llu", name, &calls, &errors) != 3 || !calls)
			continue;
		struct figure *f = sample_figure(s, SECTION_CALL, name);

		f->v[0] = calls;
		f->v[1] = errors;
	}
}

static void read_stat(struct sample *s, char *text)
{
	unsigned long long t[8];
	char name[SAMPLE_NAME];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, "%31s %llu %llu %llu %llu %llu %llu %llu %llu", name, &t[0], &t[1],
			    &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 9 &&
			!strncmp(name, "cpu", 3) && name[3]) {
			struct figure *f = sample_figure(s, SECTION_CPU, name + 3);

			f->v[0] = t[0] + t[1];
			f->v[1] = t[2] + t[5] + t[6];
			f->v[2] = t[3] + t[4];
			f->v[3] = t[7];
		} else if (sscanf(line, "ctxt %llu", &t[0]) == 1) {
			sample_figure(s, SECTION_ENTRY, "switches")->v[0] = t[0];
		} else if (sscanf(line, "processes %llu", &t[0]) == 1) {
			sample_figure(s, SECTION_ENTRY, "forks")->v[0] = t[0];
		}
	}
}

static void read_vmstat(struct sample *s, char *text)
{
	struct figure *f = sample_figure(s, SECTION_FAULT, "all");
	unsigned long long n;

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, "pgfault %llu", &n) == 1)
			f->v[0] = n;
		if (sscanf(line, "pgmajfault %llu", &n) == 1)
			f->v[1] = n;
	}
}

/* Reads kinds of faults. They exist if the kernel counts them (debugging.md). */
static void read_faults(struct sample *s, char *text)
{
	unsigned long long faults, major, us;
	char name[SAMPLE_NAME];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, "%31s %llu %llu %llu", name, &faults, &major, &us) != 4)
			continue;
		struct figure *f = sample_figure(s, SECTION_FAULT, name);

		f->v[0] = faults;
		f->v[1] = major;
		f->v[2] = us;
	}
}

static void read_handoff(struct sample *s, char *text)
{
	unsigned long long n;
	char name[SAMPLE_NAME];

	for (char *line; (line = strsep(&text, "\n"));)
		if (sscanf(line, "%31s %llu", name, &n) == 2)
			sample_figure(s, SECTION_ENTRY, name)->v[0] = n;
}

/* Reads the kinds of page frames, up to "besides:". */
static void read_memory(struct sample *s, char *text)
{
	unsigned long long kib;
	char name[SAMPLE_NAME];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (!strcmp(line, "besides:"))
			return;
		if (sscanf(line, "%31s %llu kB", name, &kib) == 2)
			sample_figure(s, SECTION_MEMORY, name)->v[0] = kib << 10;
	}
}

static void read_net(struct sample *s, char *text)
{
	unsigned long long in, in_packets, out, out_packets;
	char name[SAMPLE_NAME];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, " %31[^: ]: %llu %llu %*u %*u %*u %*u %*u %*u %llu %llu", name,
			    &in, &in_packets, &out, &out_packets) != 5)
			continue;
		struct figure *f = sample_figure(s, SECTION_NET, name);

		f->v[0] = in_packets;
		f->v[1] = in;
		f->v[2] = out_packets;
		f->v[3] = out;
	}
}

/* Reads the lines of ubd's whole disks, whose names have no digit. */
static void read_disks(struct sample *s, char *text)
{
	unsigned long long reads, read, writes, written;
	char name[SAMPLE_NAME];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (sscanf(line, "%*u %*u %31s %llu %*u %llu %*u %llu %*u %llu", name, &reads,
			    &read, &writes, &written) != 5 ||
			strncmp(name, "ubd", 3) || strpbrk(name, "0123456789"))
			continue;
		struct figure *f = sample_figure(s, SECTION_DISK, name);

		f->v[0] = reads;
		f->v[1] = read * 512;
		f->v[2] = writes;
		f->v[3] = written * 512;
	}
}

static void read_tasks(struct sample *s, char *text)
{
	for (char *line; (line = strsep(&text, "\n"));) {
		unsigned long long user, system;
		int pid, tid, ppid, cpu, running, n = 0;
		char state;

		if (sscanf(line, "%d %d %d %d %c %d %llu %llu %n", &pid, &tid, &ppid, &cpu, &state,
			    &running, &user, &system, &n) != 8 ||
			!n)
			continue;
		struct sample_task *t = sample_task(s, line + n);

		t->pid = pid;
		t->tid = tid;
		t->ppid = ppid;
		t->cpu = cpu;
		t->state = (char)(state > ' ' && state < 0x7f ? state : '?');
		t->running = running;
		t->user = user;
		t->system = system;
	}
}

/* An older kernel lacks some of these files; the others are shown. */
static const struct {
	const char *question;
	void (*read)(struct sample *s, char *text);
} questions[] = {
	{ "proc stat", read_stat },
	{ "proc nestling/syscalls", read_calls },
	{ "proc vmstat", read_vmstat },
	{ "proc nestling/faults", read_faults },
	{ "proc nestling/handoff", read_handoff },
	{ "proc nestling/memory", read_memory },
	{ "proc net/dev", read_net },
	{ "proc diskstats", read_disks },
	{ "proc nestling/tasks", read_tasks },
};

static void read_mode(const char *text, char *mode)
{
	if (sscanf(text, "mode %31[a-z+]", mode) != 1)
		*mode = '\0';
}

bool sample_take(struct sample *s, struct umid_console *c, char *mode)
{
	*s = (struct sample){ 0 };
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		size_t len;
		int err;
		char *text = umid_ask(c, questions[i].question, &err, &len);

		if (!text) {
			sample_free(s);
			return false;
		}
		if (mode && questions[i].read == read_handoff)
			read_mode(text, mode);
		if (!err)
			questions[i].read(s, text);
		free(text);
	}
	return true;
}
