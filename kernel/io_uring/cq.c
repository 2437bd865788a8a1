/* SPDX-License-Identifier: MIT */
/*
 * cq.c: the completion queue.
 *
 * A completion goes into the ring; while that is full, or others wait already, it waits in a list (IORING_FEAT_NODROP), which
 * io_uring_enter empties as room comes. Only where memory ends is it dropped and counted in cq_overflow.
 *
 * Invariants: 1. Completions reach the guest in the order of uring_post(). 2. sq_flags has CQ_OVERFLOW while the list is not empty.
 * Locks: cq_lock; head is the guest's, read once, and a distance that cannot be counts as full.
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"

u32 uring_ready(struct uring *u)
{
	return READ_ONCE(u->cq_tail) - READ_ONCE(shared_of(u)->cq_head);
}

static bool put_one(struct uring *u, const struct io_uring_cqe *c)
{
	u64 at = offsetof(struct uring_shared, cqes);

	if (uring_ready(u) >= u->cq_entries)
		return false;
	at += (u64)(u->cq_tail & (u->cq_entries - 1)) * sizeof(*c);
	memcpy(map_at(&u->rings, at), c, sizeof(*c));
	u->cq_tail++;
	smp_store_release(&shared_of(u)->cq_tail, u->cq_tail);
	return true;
}

static void set_sq_flag(struct uring *u, u32 flag, bool on)
{
	u32 *flags = &shared_of(u)->sq_flags;

	if (on)
		__atomic_or_fetch(flags, flag, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(flags, ~flag, __ATOMIC_SEQ_CST);
}

static void put_aside(struct uring *u, const struct io_uring_cqe *c)
{
	struct uring_overflow *o = NULL;

	if (!uring_charge(sizeof(*o))) {
		o = kmalloc(sizeof(*o), GFP_ATOMIC);
		if (!o)
			uring_uncharge(sizeof(*o));
	}
	if (!o) {
		shared_of(u)->cq_overflow++;
		return;
	}
	memcpy(&o->cqe, c, sizeof(*c));
	list_add_tail(&o->link, &u->overflow);
	set_sq_flag(u, IORING_SQ_CQ_OVERFLOW, true);
}

/* Under cq_lock, so that the eventfd stays. */
static void announce(struct uring *u)
{
	if (u->eventfd && !(READ_ONCE(shared_of(u)->cq_flags) & IORING_CQ_EVENTFD_DISABLED))
		eventfd_signal(u->eventfd, 1);
}

void uring_post(struct uring *u, u64 user_data, s32 res, bool counts)
{
	struct io_uring_cqe c;

	memset(&c, 0, sizeof(c));
	c.user_data = user_data;
	c.res = res;
	spin_lock(&u->cq_lock);
	if (!list_empty(&u->overflow) || !put_one(u, &c))
		put_aside(u, &c);
	u->counted += counts;
	announce(u);
	spin_unlock(&u->cq_lock);
	wake_up_common(&u->wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM);
	if (counts)
		timeouts_check(u);
}

void uring_flush_overflow(struct uring *u)
{
	struct uring_overflow *o, *next;

	if (list_empty(&u->overflow))
		return;
	spin_lock(&u->cq_lock);
	list_for_each_entry_safe(o, next, &u->overflow, link) {
		if (!put_one(u, &o->cqe))
			break;
		list_del(&o->link);
		kfree(o);
		uring_uncharge(sizeof(*o));
	}
	if (list_empty(&u->overflow))
		set_sq_flag(u, IORING_SQ_CQ_OVERFLOW, false);
	spin_unlock(&u->cq_lock);
}
