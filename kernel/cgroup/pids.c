/* SPDX-License-Identifier: MIT */
/*
 * pids.c: the pids controller: how many tasks a group and all below may have. A task counts from its birth until it is reaped.
 *
 * Counts are kept in every group, enabled or not; a limit of a group without the controller is INT64_MAX. Moving a task may exceed a limit,
 * a fork may not. No lock: counts are atomic, and a limit that is set meanwhile counts for the next fork.
 */
#include "kernel/cgroup/internal.h"

static void note_peak(struct cgroup *c, s64 n)
{
	if (n > READ_ONCE(c->pids_peak))
		WRITE_ONCE(c->pids_peak, n);
}

void pids_charge_force(struct cgroup *c)
{
	for (; c && !cgroup_is_root(c); c = c->parent)
		note_peak(c, atomic_add_return(1, &c->pids));
}

void pids_uncharge(struct cgroup *c)
{
	for (; c && !cgroup_is_root(c); c = c->parent)
		atomic_sub(1, &c->pids);
}

/* Of a fork, by the limit of @c: those above hear of it, too. */
static void note_refusal(struct cgroup *c)
{
	__atomic_add_fetch(&c->pids_refused_local, 1, __ATOMIC_RELAXED);
	cgroup_notify(c, CGN_PIDS_LOCAL);
	for (; !cgroup_is_root(c); c = c->parent) {
		__atomic_add_fetch(&c->pids_refused, 1, __ATOMIC_RELAXED);
		cgroup_notify(c, CGN_PIDS);
	}
}

int pids_charge(struct cgroup *c)
{
	struct cgroup *at, *undo;

	for (at = c; at && !cgroup_is_root(at); at = at->parent) {
		s64 n = atomic_add_return(1, &at->pids);

		if (n > READ_ONCE(at->pids_max))
			goto err_uncharge;
		note_peak(at, n);
	}
	return 0;

err_uncharge:
	note_refusal(at);
	for (undo = c;; undo = undo->parent) {
		atomic_sub(1, &undo->pids);
		if (undo == at)
			break;
	}
	return -EAGAIN;
}
