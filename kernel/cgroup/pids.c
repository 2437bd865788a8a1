/* SPDX-License-Identifier: MIT */
/*
 * pids.c: the pids controller, which limits the number of tasks of a group and all groups below. A
 * task counts from its birth until it is reaped.
 *
 * Every group but the root counts, whether the controller is enabled or not; a group without the
 * controller has the limit PIDS_NO_LIMIT. Moving a task may exceed a limit, a fork may not. No
 * lock: pids.h.
 */
#include "kernel/cgroup/pids.h"
#include "kernel/lib/printk.h"

void pids_group_init(struct pids_group *g, struct pids_group *parent)
{
	g->parent = parent;
	g->max = PIDS_NO_LIMIT;
}

static void note_peak(struct pids_group *g, s64 n)
{
	if (n > READ_ONCE(g->peak))
		WRITE_ONCE(g->peak, n);
}

void pids_charge_force(struct pids_group *g)
{
	for (; g; g = g->parent)
		note_peak(g, atomic_add_return(1, &g->count));
}

void pids_uncharge(struct pids_group *g)
{
	for (; g; g = g->parent)
		atomic_sub(1, &g->count);
}

struct pids_group *pids_try_charge(struct pids_group *g)
{
	struct pids_group *at, *undo;

	for (at = g; at; at = at->parent) {
		s64 n = atomic_add_return(1, &at->count);

		if (n > READ_ONCE(at->max))
			goto err_uncharge;
		note_peak(at, n);
	}
	return NULL;

err_uncharge:
	for (undo = g;; undo = undo->parent) {
		atomic_sub(1, &undo->count);
		if (undo == at)
			break;
	}
	return at;
}
