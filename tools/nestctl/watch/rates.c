/* SPDX-License-Identifier: MIT */
/*
 * rates.c: see rates.h. CPU and memory come from the host (instance.h). The traffic of disks and
 * cards, and the memory that the guest's programs use, come from the instance. An instance that
 * does not answer a request within ANSWER_MS has none of these figures and gets no further request:
 * it hardly delays the other instances.
 */
#include "tools/nestctl/watch/rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

#define ANSWER_MS 100

/* ---- requests to the instances ---- */

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

/* Reads the lines of ubd's whole disks, whose names have no digit. */
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
			!strcmp(name, "lo"))
			continue;
		n->net_in += in;
		n->net_out += out;
	}
}

/* Reads the number of threads from a line such as "0.00 0.01 0.05 1/53 77". */
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

struct round round_take(const char *only)
{
	struct round s = { 0 };
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

void round_release(struct round *s)
{
	instances_free(s->in, s->n);
	free(s->counts);
}

/* ---- rates ---- */

/* Returns the increase from @before to @now per second. Returns 0 if the counter has decreased. */
static double rate(double now, double before, double seconds)
{
	return now > before && seconds > 0 ? (now - before) / seconds : 0;
}

static struct rates rates_of(const struct round *old, const struct round *new, size_t i)
{
	const struct counts *n = &new->counts[i];
	struct counts none = { 0 };
	/* @o: counters in @old. @asked: those of them that the instance itself has reported. */
	const struct counts *o = &none, *asked = &none;
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

const struct order orders[NR_ORDERS] = { { "name", 'n' }, { "cpu", 'c' }, { "memory", 'm' },
	{ "disk", 'd' }, { "net", 't' } };

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

/* Sorts by key, the largest first. Rows with equal keys are sorted by name. */
static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return strcmp(x->in->name, y->in->name);
}

struct row *rows_sorted(const struct round *old, const struct round *new, int order, bool reverse)
{
	struct row *rows = xalloc((new->n + 1) * sizeof(*rows));

	for (size_t i = 0; i < new->n; i++) {
		rows[i] = (struct row){
			.in = &new->in[i], .n = &new->counts[i], .r = rates_of(old, new, i)
		};
		rows[i].key = key_of(&rows[i], order);
	}
	if (new->n)
		qsort(rows, new->n, sizeof(*rows), by_key);
	for (size_t i = 0; reverse && i < new->n / 2; i++) {
		struct row other = rows[i];

		rows[i] = rows[new->n - 1 - i];
		rows[new->n - 1 - i] = other;
	}
	return rows;
}

int order_of(const char *word)
{
	for (int i = 0; i < NR_ORDERS; i++)
		if (!strcmp(orders[i].word, word))
			return i;
	die("top: --sort: expected name, cpu, memory, disk or net, not '%s'", word);
}
