/* SPDX-License-Identifier: MIT */
/*
 * cq.c: the completion queue.
 *
 * A completion is written to the ring. If the ring is full, or other completions are waiting, it
 * waits on a list (IORING_FEAT_NODROP), which io_uring_enter() moves to the ring when there is
 * room. If there is no memory for the list entry, the completion is dropped, and counted in
 * cq_overflow.
 *
 * Invariants:
 * 1. Completions reach the guest in the order of uring_post().
 * 2. sq_flags has CQ_OVERFLOW while the list is not empty.
 *
 * Locks: cq_lock. The guest writes cq_head, so cq_head is read once, and the ring counts as full if
 * the distance from cq_head to the tail is too large.
 */
#include <linux/eventpoll.h>

#include "kernel/event/eventfd.h"
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
	at += (u64)(u->cq_tail & (u->cq_entries - 1)) * uring_cqe_size(u->flags);
	memcpy(map_at(&u->rings, at), c, sizeof(*c));
	if (u->flags & IORING_SETUP_CQE32)
		memset(map_at(&u->rings, at + sizeof(*c)), 0, sizeof(*c));
	u->cq_tail++;
	smp_store_release(&shared_of(u)->cq_tail, u->cq_tail);
	return true;
}

void uring_set_sq_flag(struct uring *u, u32 flag, bool on)
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
	uring_set_sq_flag(u, IORING_SQ_CQ_OVERFLOW, true);
}

void uring_announce(struct uring *u)
{
	assert_spin_held(&u->cq_lock);
	if (u->eventfd && !(READ_ONCE(shared_of(u)->cq_flags) & IORING_CQ_EVENTFD_DISABLED))
		eventfd_signal_from(u->eventfd, 1, WAKE_OF_URING);
}

static void wake_waiters(struct uring *u, bool counted)
{
	wake_up_common(&u->wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM | WAKE_OF_URING);
	if (counted)
		timeouts_check(u);
}

static void fill(struct io_uring_cqe *c, struct uring_result res)
{
	memset(c, 0, sizeof(*c));
	c->user_data = res.user_data;
	c->res = res.res;
	c->flags = res.flags;
}

void uring_post(struct uring *u, struct uring_result res, bool counts)
{
	struct io_uring_cqe c;

	fill(&c, res);
	spin_lock(&u->cq_lock);
	if (!list_empty(&u->overflow) || !put_one(u, &c))
		put_aside(u, &c);
	u->counted += counts;
	uring_announce(u);
	spin_unlock(&u->cq_lock);
	wake_waiters(u, counts);
}

bool uring_post_more(struct uring_req *r, long res, u32 flags)
{
	struct uring *u = r->ring;
	bool ok, counts = r->sqe.opcode != IORING_OP_TIMEOUT;
	struct io_uring_cqe c;

	fill(&c, (struct uring_result){ r->sqe.user_data, (s32)res, flags | IORING_CQE_F_MORE });
	spin_lock(&u->cq_lock);
	ok = list_empty(&u->overflow) && put_one(u, &c);
	if (ok) {
		u->counted += counts;
		uring_announce(u);
	}
	spin_unlock(&u->cq_lock);
	if (ok)
		wake_waiters(u, counts);
	return ok;
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
		uring_set_sq_flag(u, IORING_SQ_CQ_OVERFLOW, false);
	spin_unlock(&u->cq_lock);
}
