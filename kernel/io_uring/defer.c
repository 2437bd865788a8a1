/* SPDX-License-Identifier: MIT */
/*
 * defer.c: IORING_SETUP_DEFER_TASKRUN: a request that another task or a worker ends is queued in
 * the ring until the ring's issuer asks for completions. If the issuer has exited, the queued
 * requests end with the ring, as on Linux.
 *
 * An item is a request with req->work to run, or a multishot poll with events to report
 * (req->shot), to which the list has a reference. While items are queued, the ring polls as
 * readable, and with IORING_SETUP_TASKRUN_FLAG sq_flags has IORING_SQ_TASKRUN. A new item signals
 * the eventfd.
 *
 * Locks: cq_lock for the lists. The items run without it.
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"

#define MAX_AT_ONCE 1024

/*
 * Reports that items are queued, by sq_flags and the eventfd. A request that polls the eventfd
 * itself does not signal it. cq_lock is held.
 */
static void show(struct uring *u, const struct uring_req *r)
{
	if (u->flags & IORING_SETUP_TASKRUN_FLAG)
		uring_set_sq_flag(u, IORING_SQ_TASKRUN, true);
	if (r->file != u->eventfd)
		uring_announce(u);
}

bool uring_defer(struct uring_req *r, void (*func)(struct task_work *w))
{
	struct uring *u = r->ring;
	bool ok;

	r->work.func = func;
	spin_lock(&u->cq_lock);
	ok = !u->dying;
	if (ok) {
		list_add_tail(&r->deferred, &u->deferred);
		show(u, r);
	}
	spin_unlock(&u->cq_lock);
	if (ok)
		wake_up_common(&u->wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM | WAKE_OF_URING);
	return ok;
}

bool uring_defer_shot(struct uring_req *r, u32 mask)
{
	struct uring *u = r->ring;
	bool ok, first = false;

	spin_lock(&u->cq_lock);
	ok = !u->dying;
	if (ok) {
		first = !r->shot;
		r->shot |= mask;
	}
	if (first) {
		atomic_inc(&r->refs);
		list_add_tail(&r->shot_link, &u->shots);
		show(u, r);
	}
	spin_unlock(&u->cq_lock);
	if (first)
		wake_up_common(&u->wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM | WAKE_OF_URING);
	return ok;
}

bool uring_has_deferred(struct uring *u)
{
	return !list_empty(&u->deferred) || !list_empty(&u->shots);
}

bool uring_has_deferred_of(struct uring *u, const struct task *t)
{
	struct uring_req *r;
	bool has = false;

	spin_lock(&u->cq_lock);
	list_for_each_entry(r, &u->deferred, deferred)
		has = has || r->task == t;
	spin_unlock(&u->cq_lock);
	return has;
}

/*
 * Takes the first item off the two lists, or returns NULL if both are empty. *shot: the item is a
 * multishot poll.
 */
static struct uring_req *next_deferred(struct uring *u, bool *shot)
{
	struct uring_req *r = NULL;

	spin_lock(&u->cq_lock);
	*shot = !list_empty(&u->shots);
	if (*shot) {
		r = list_first_entry(&u->shots, struct uring_req, shot_link);
		list_del_init(&r->shot_link);
	} else if (!list_empty(&u->deferred)) {
		r = list_first_entry(&u->deferred, struct uring_req, deferred);
		list_del_init(&r->deferred);
	}
	spin_unlock(&u->cq_lock);
	return r;
}

static void hide(struct uring *u)
{
	spin_lock(&u->cq_lock);
	if (!uring_has_deferred(u))
		uring_set_sq_flag(u, IORING_SQ_TASKRUN, false);
	spin_unlock(&u->cq_lock);
}

/*
 * Runs queued items, but only a limited number, so that a request that always has events does not
 * occupy the task for ever.
 */
void uring_run_deferred(struct uring *u)
{
	struct uring_req *r;
	bool shot;

	for (int i = 0; i < MAX_AT_ONCE && uring_has_deferred(u); i++) {
		r = next_deferred(u, &shot);
		if (r && shot) {
			uring_report_shots(r);
			uring_req_put(r);
		} else if (r) {
			r->work.func(&r->work);
		}
		cond_resched();
	}
	if (u->flags & IORING_SETUP_TASKRUN_FLAG)
		hide(u);
}

void uring_drop_deferred(struct uring *u)
{
	struct uring_req *r;
	bool shot;

	while ((r = next_deferred(u, &shot))) {
		if (shot)
			uring_req_put(r);
		else
			uring_abandon(r, -ECANCELED);
	}
}
