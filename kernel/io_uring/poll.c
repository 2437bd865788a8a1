/* SPDX-License-Identifier: MIT */
/*
 * poll.c: POLL_ADD (one shot), POLL_REMOVE and ASYNC_CANCEL.
 * Locks: cq_lock, in request.c.
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"

#define MAX_RING_POLLS 128

/* ---- POLL_ADD ---- */

int poll_add_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	/* several shots, level triggering: not here */
	return s->buf_index || s->off || s->addr || s->len ? -EINVAL : 0;
}

static void poll_ready(struct async_poll *p, u32 mask)
{
	struct uring_req *r = container_of(p, struct uring_req, poll);

	long ret = mask ? (long)mask : -ECANCELED;

	if (mask & ASYNC_POLL_ASK)
		ret = URING_QUEUED;
	if (uring_delist(r))
		uring_finish_elsewhere(r, ret);
	uring_req_put(r);
}

/* Each completion wakes all who poll the ring, and their ends are completions: so many and no more. */
static int may_poll(struct uring_req *r)
{
	struct uring *polled = r->file->private_data;

	if (r->file->f_op != &uring_fops || r->polls_ring)
		return 0;
	if (atomic_inc_return(&polled->polls) > MAX_RING_POLLS) {
		atomic_dec(&polled->polls);
		return -EBUSY;
	}
	r->polls_ring = true;
	return 0;
}

long poll_add_issue(struct uring_req *r)
{
	u32 events = r->sqe.poll32_events & 0xffff;
	int mask = may_poll(r);

	if (mask)
		return mask;

	async_poll_setup(
		&r->poll, r->file, events | EPOLLERR | EPOLLHUP | ASYNC_POLL_ASK, poll_ready);
	if (!uring_enlist(r, ON_WAITING))
		return -ECANCELED;
	atomic_add(2, &r->refs);
	mask = async_poll_start(&r->poll);
	if (mask) {
		bool mine = uring_delist(r);

		uring_req_put(r);
		uring_req_put(r);
		return mine ? mask : URING_QUEUED;
	}
	uring_req_put(r);
	return URING_QUEUED;
}

static bool is_poll(const struct uring_req *r, const void *arg)
{
	return r->sqe.opcode == IORING_OP_POLL_ADD && r->sqe.user_data == *(const u64 *)arg;
}

int poll_remove_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->buf_index || s->splice_fd_in || s->len || s->off || s->poll32_events ? -EINVAL :
											 0;
}

long poll_remove_issue(struct uring_req *r)
{
	u64 data = r->sqe.addr;

	return uring_cancel(r->ring, is_poll, &data, 1) ? 0 : -ENOENT;
}

/* ---- ASYNC_CANCEL ---- */

struct cancel_key {
	u32 flags;
	u64 data;
	const struct file *file;
};

static bool is_wanted(const struct uring_req *r, const void *arg)
{
	const struct cancel_key *k = arg;

	if (k->flags & IORING_ASYNC_CANCEL_ANY)
		return true;
	if (k->flags & IORING_ASYNC_CANCEL_FD)
		return r->file && r->file == k->file;
	return r->sqe.user_data == k->data;
}

int cancel_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->splice_fd_in)
		return -EINVAL;
	if (s->cancel_flags &
		~(IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY))
		return -EINVAL;
	if (s->cancel_flags & IORING_ASYNC_CANCEL_FD && s->cancel_flags & IORING_ASYNC_CANCEL_ANY)
		return -EINVAL;
	return 0;
}

long cancel_issue(struct uring_req *r)
{
	struct cancel_key k = { .flags = r->sqe.cancel_flags, .data = r->sqe.addr };
	bool all = k.flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY);
	u32 n;

	if (k.flags & IORING_ASYNC_CANCEL_FD) {
		struct file *f = fget(r->sqe.fd);

		if (!f)
			return -EBADF;
		k.file = f;
		n = uring_cancel(r->ring, is_wanted, &k, all ? ~0U : 1);
		fput(f);
	} else {
		n = uring_cancel(r->ring, is_wanted, &k, all ? ~0U : 1);
	}
	if (all)
		return n;
	return n ? 0 : -ENOENT;
}
