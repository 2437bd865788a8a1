/* SPDX-License-Identifier: MIT */
/*
 * tree.c: see tree.h. Data of the instance is untrusted: each process is printed once, even if
 * parents form a cycle, and no deeper than DEPTH_MAX.
 */
#include "tools/nestctl/watch/tree.h"

#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/width.h"

#define DEPTH_MAX 32

/* A process. */
struct process {
	const struct sample_task *t; /* its first thread */
	int threads;
	double used; /* percent of a vCPU */
	bool printed;
};

struct tree {
	FILE *out;
	struct process *all;
	size_t n;
	int columns;
	/* for each ancestor: it is the last child of its parent */
	bool last[DEPTH_MAX];
};

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return x->t->pid < y->t->pid ? -1 : x->t->pid > y->t->pid;
}

/* Returns the process, or NULL. */
static struct process *find(struct tree *t, int pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->all[i].t->pid == pid)
			return &t->all[i];
	return NULL;
}

/* Fills t->all from the tasks of @new. */
static void gather(struct tree *t, const struct sample *old, const struct sample *new)
{
	const double seconds = new->at > old->at ? new->at - old->at : 1;

	t->all = xalloc((new->nr_tasks + 1) * sizeof(*t->all));
	for (size_t i = 0; i < new->nr_tasks; i++) {
		struct process *p = find(t, new->tasks[i].pid);

		if (!p) {
			p = &t->all[t->n++];
			p->t = &new->tasks[i];
		}
		p->threads++;
		p->used += (double)task_increase(old, &new->tasks[i]) / 1e7 / seconds;
	}
	if (t->n)
		qsort(t->all, t->n, sizeof(*t->all), by_pid);
}

/* True if a process after index @after has this parent and is not printed yet. */
static bool has_more(const struct tree *t, size_t after, int parent)
{
	for (size_t i = after + 1; i < t->n; i++)
		if (!t->all[i].printed && t->all[i].t->ppid == parent)
			return true;
	return false;
}

static void print_process(struct tree *t, struct process *p, int depth)
{
	char *line;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		die("out of memory");
	fprintf(out, "%7d %5.1f%% %7d %4d %c  ", p->t->pid, p->used, p->threads, p->t->cpu,
		p->t->state);
	for (int i = 1; i < depth; i++)
		fputs(t->last[i] ? "   " : "│  ", out);
	if (depth)
		fputs(t->last[depth] ? "└─ " : "├─ ", out);
	fputs(p->t->name, out);
	fclose(out);
	put_cut(t->out, line, t->columns);
	putc('\n', t->out);
	free(line);
	p->printed = true;
}

static void print_children(struct tree *t, int parent, int depth)
{
	if (depth == DEPTH_MAX)
		return;
	for (size_t i = 0; i < t->n; i++) {
		struct process *p = &t->all[i];

		if (p->printed || p->t->ppid != parent)
			continue;
		t->last[depth] = !has_more(t, i, parent);
		print_process(t, p, depth);
		print_children(t, p->t->pid, depth + 1);
	}
}

void tree_print(FILE *out, const struct sample *old, const struct sample *new, int columns)
{
	struct tree t = { .out = out, .columns = columns };

	gather(&t, old, new);
	fputs("    PID   CPU THREADS vCPU S  NAME\n", out);
	print_children(&t, 0, 0);
	for (size_t i = 0; i < t.n; i++)
		if (!t.all[i].printed)
			print_process(&t, &t.all[i], 0);
	free(t.all);
}
