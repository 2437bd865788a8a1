/* SPDX-License-Identifier: MIT */
/*
 * poll.c: POLL_ADD, POLL_REMOVE (which also changes polls), ASYNC_CANCEL, and REGISTER_SYNC_CANCEL,
 * which waits until the cancelled requests have ended.
 *
 * A multishot poll stays armed, and a worker reports each event. With IORING_SETUP_DEFER_TASKRUN
 * the worker collects events in r->shot, and the issuer reports them. If the completion queue has
 * no room for a completion of the poll, the poll ends with its last completion. A poll that is
 * changed is first disarmed, by the request that changes it or by the worker that is handling it.
 * Then the poll's task issues it again.
 *
 * Locks: cq_lock, also taken in request.c.
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"
#include "kernel/time/time.h"

#define MAX_RING_POLLS 128
#define ALWAYS (EPOLLERR | EPOLLHUP | EPOLLNVAL | EPOLLRDHUP) /* reported without being asked for */

/* ---- POLL_ADD ---- */

int poll_add_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->buf_index || s->off || s->addr || s->len & ~(u32)IORING_POLL_ADD_MULTI)
		return -EINVAL;
	return s->len & IORING_POLL_ADD_MULTI && s->flags & IOSQE_CQE_SKIP_SUCCESS ? -EINVAL : 0;
}

static void change(struct uring_req *r)
{
	r->sqe.poll32_events = (r->sqe.poll32_events & ~0xffffU) | (r->new_events & 0xffff);
	r->sqe.user_data = r->new_data;
	r->update = false;
}

static void poll_over(struct async_poll *p, u32 mask)
{
	struct uring_req *r = container_of(p, struct uring_req, poll);
	struct uring *u = r->ring;
	long ret = mask ? (long)mask : -ECANCELED;
	bool mine;

	spin_lock(&u->cq_lock);
	if (r->update && !r->cancelled) {
		change(r);
		ret = URING_QUEUED;
	}
	mine = uring_unlist_locked(r);
	spin_unlock(&u->cq_lock);
	if (mask & ASYNC_POLL_ASK)
		ret = URING_QUEUED;
	if (mine)
		uring_finish_elsewhere(r, ret);
	uring_req_put(r);
}

void uring_report_shots(struct uring_req *r)
{
	struct uring *u = r->ring;
	bool alive;
	u32 mask;

	spin_lock(&u->cq_lock);
	mask = r->shot;
	r->shot = 0;
	alive = r->where == ON_WAITING && !r->cancelled;
	spin_unlock(&u->cq_lock);
	if (alive)
		mask |= async_poll_take(&r->poll);
	if (!alive || uring_post_more(r, mask, 0) || !uring_delist(r))
		return;
	async_poll_cancel(&r->poll);
	/* ring->lock is not held here, so the rest of the chain cannot run here. */
	uring_finish_elsewhere(r, mask);
}

static bool poll_shot(struct async_poll *p, u32 mask)
{
	struct uring_req *r = container_of(p, struct uring_req, poll);

	if (mask & ASYNC_POLL_ASK || r->orphan)
		return false;
	if (!uring_defers(r->ring))
		return uring_post_more(r, mask, 0);
	return uring_defer_shot(r, mask);
}

/*
 * Limits the number of polls of a ring: each completion wakes up all of them, and each end of a
 * poll is a completion again. Returns 0 or -EBUSY.
 */
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

/*
 * Handles the events @mask that were already pending when a multishot poll was armed: they are the
 * first to be reported. With DEFER_TASKRUN the issuer reports them together with events that come
 * until then. Returns URING_QUEUED or the request's result.
 */
static long first_shot(struct uring_req *r, int mask)
{
	bool mine;

	if (mask < 0) {
		mine = uring_delist(r);
		uring_req_put(r); /* poll_over() will not be called */
		return mine ? mask : URING_QUEUED;
	}
	if (!mask || (uring_defers(r->ring) && uring_defer_shot(r, (u32)mask)))
		return URING_QUEUED;
	if (uring_post_more(r, mask, 0) || !uring_delist(r))
		return URING_QUEUED;
	async_poll_cancel(&r->poll);
	return mask;
}

/*
 * Arms a poll. A poll of a ring is never multishot, since its own completions would be events of
 * that ring.
 */
long poll_add_issue(struct uring_req *r)
{
	u32 events = r->sqe.poll32_events & 0xffff;
	bool several = r->sqe.len & IORING_POLL_ADD_MULTI && r->file->f_op != &uring_fops &&
		       r->file->f_op->poll;
	bool mine;
	int mask = may_poll(r);
	long ret = URING_QUEUED;

	if (mask)
		return mask;
	if (!r->file->f_op->poll && !(events & (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM)))
		return -EINVAL; /* would never report an event */
	async_poll_setup(&r->poll, r->file, events | ALWAYS | ASYNC_POLL_ASK, poll_over);
	r->poll.task = current;
	if (several)
		r->poll.shot = poll_shot;
	if (!uring_enlist(r, ON_WAITING))
		return -ECANCELED;
	atomic_add(2, &r->refs);
	mask = async_poll_start(&r->poll);
	if (several) {
		ret = first_shot(r, mask);
	} else if (mask) {
		mine = uring_delist(r);
		uring_req_put(r);
		ret = mine ? mask : URING_QUEUED;
	}
	uring_req_put(r);
	return ret;
}

static bool is_poll(const struct uring_req *r, const void *arg)
{
	return r->sqe.opcode == IORING_OP_POLL_ADD && r->sqe.user_data == *(const u64 *)arg &&
	       r->where != ON_DRAINED;
}

int poll_remove_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	u32 known =
		IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA | IORING_POLL_ADD_MULTI;

	if (s->buf_index || s->splice_fd_in || s->len & ~known || s->len == IORING_POLL_ADD_MULTI)
		return -EINVAL;
	if (!(s->len & IORING_POLL_UPDATE_USER_DATA) && s->off)
		return -EINVAL;
	return !(s->len & IORING_POLL_UPDATE_EVENTS) && s->poll32_events ? -EINVAL : 0;
}

static struct uring_req *find_poll(struct uring *u, u64 data)
{
	struct uring_req *r;

	list_for_each_entry(r, uring_bucket(u, data), link)
		if (!r->cancelled && is_poll(r, &data))
			return r;
	return uring_find_again(u, is_poll, &data);
}

/*
 * Records the changes that @by makes to @r. Returns true if @r was disarmed and taken off its list.
 * cq_lock is held.
 */
static bool change_to(struct uring_req *r, const struct io_uring_sqe *by)
{
	bool first = !r->update;

	if (first) {
		r->new_events = r->sqe.poll32_events;
		r->new_data = by->addr;
		r->update = true;
	}
	if (by->len & IORING_POLL_UPDATE_EVENTS)
		r->new_events = by->poll32_events;
	if (by->len & IORING_POLL_UPDATE_USER_DATA)
		r->new_data = by->off;
	if (r->where == RUNNING) { /* its task has not armed it yet */
		change(r);
	} else if (first && async_poll_stop(&r->poll)) {
		uring_unlist_locked(r);
		change(r);
		return true;
	} else if (first) {
		async_poll_cancel(&r->poll);
	}
	return false;
}

/*
 * Disarms the poll that @by selects, and lets its task arm it again with @by's changes. Returns 0
 * or -ENOENT.
 */
static long update(struct uring *u, const struct io_uring_sqe *by)
{
	bool disarmed = false;
	struct uring_req *r;

	spin_lock(&u->cq_lock);
	r = find_poll(u, by->addr);
	if (r)
		disarmed = change_to(r, by);
	spin_unlock(&u->cq_lock);
	if (disarmed) {
		async_poll_unhook(&r->poll);
		uring_req_put(r); /* the poll's reference */
		uring_finish_elsewhere(r, URING_QUEUED);
	}
	return r ? 0 : -ENOENT;
}

long poll_remove_issue(struct uring_req *r)
{
	u64 data = r->sqe.addr;

	if (r->sqe.len & (IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA))
		return update(r->ring, &r->sqe);
	return uring_cancel(r->ring, is_poll, &data, &data, 1) ? 0 : -ENOENT;
}

/* ---- ASYNC_CANCEL, REGISTER_SYNC_CANCEL ---- */

#define CANCEL_FLAGS                                                                               \
	(IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY |              \
		IORING_ASYNC_CANCEL_FD_FIXED | CANCEL_USERDATA | CANCEL_OP)
/* IORING_ASYNC_CANCEL_USERDATA and _OP, which older headers lack */
#define CANCEL_USERDATA (1U << 4)
#define CANCEL_OP (1U << 5)

struct cancel_key {
	u32 flags, opcode;
	u64 data;
	const struct file *file;
	bool *apart; /* result: waits_apart() of the request */
};

static bool fits(const struct uring_req *r, const struct cancel_key *k)
{
	if (k->flags & IORING_ASYNC_CANCEL_ANY)
		return true;
	if (k->flags & IORING_ASYNC_CANCEL_FD && (!r->file || r->file != k->file))
		return false;
	if (k->flags & CANCEL_OP && r->sqe.opcode != k->opcode)
		return false;
	if (k->flags & (IORING_ASYNC_CANCEL_FD | CANCEL_OP) && !(k->flags & CANCEL_USERDATA))
		return true;
	return r->sqe.user_data == k->data;
}

static bool is_wanted(const struct uring_req *r, const void *arg)
{
	const struct cancel_key *k = arg;
	/* Linux does not find drained requests either. */
	bool wanted = r->where != ON_DRAINED && fits(r, k);

	if (wanted)
		*k->apart = waits_apart(r);
	return wanted;
}

int cancel_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->splice_fd_in || s->cancel_flags & ~(u32)CANCEL_FLAGS)
		return -EINVAL;
	if (s->cancel_flags & (IORING_ASYNC_CANCEL_FD | CANCEL_OP) &&
		s->cancel_flags & IORING_ASYNC_CANCEL_ANY)
		return -EINVAL;
	return 0;
}

/*
 * Cancels requests. Returns their number for ALL, ANY and requests that wait apart (waits_apart()),
 * else 0, or -ENOENT or -EBADF.
 */
static long cancel_by(struct uring *u, struct cancel_key *k, int fd)
{
	bool all = k->flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY);
	bool by_data =
		(k->flags & (CANCEL_USERDATA | IORING_ASYNC_CANCEL_ANY)) == CANCEL_USERDATA ||
		!(k->flags & (IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD | CANCEL_OP));
	struct file *f = NULL;
	u32 n;

	if (k->flags & IORING_ASYNC_CANCEL_FD) {
		k->file = f = uring_file(u, fd, k->flags & IORING_ASYNC_CANCEL_FD_FIXED);
		if (!f)
			return -EBADF;
	}
	n = uring_cancel(u, is_wanted, k, by_data ? &k->data : NULL, all ? ~0U : 1);
	if (f)
		fput(f);
	if (all || (n && *k->apart))
		return n;
	return n ? 0 : -ENOENT;
}

long cancel_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool apart = false;
	struct cancel_key k = {
		.flags = s->cancel_flags, .opcode = s->len, .data = s->addr, .apart = &apart
	};

	if (s->flags & IOSQE_FIXED_FILE)
		k.flags |= IORING_ASYNC_CANCEL_FD_FIXED;

	return cancel_by(r->ring, &k, s->fd);
}

static bool still_ending(struct uring *u)
{
	bool some;

	spin_lock(&u->cq_lock);
	some = !list_empty(&u->ending);
	spin_unlock(&u->cq_lock);
	return some;
}

/*
 * Waits until the cancelled polls have ended. The polls end in a worker, which needs none of the
 * locks that are held here. Polls of current end in its task work, and so before the system call
 * returns. That work makes a signal pending, which ends this wait. Returns 0 or -ETIME.
 */
static long await_ends(struct uring *u, u64 deadline)
{
	while (still_ending(u)) {
		if (signal_pending(current))
			return 0;
		if (ktime_get() >= deadline)
			return -ETIME;
		set_current_state(TASK_INTERRUPTIBLE);
		schedule_deadline(ktime_get() + 1000000);
	}
	return 0;
}

long uring_sync_cancel(struct uring *u, uaddr_t arg)
{
	struct io_uring_sync_cancel_reg sc;
	struct cancel_key k;
	bool apart = false;
	u64 ns, deadline = ~0UL;
	long ret, end;

	if (copy_from_user(&sc, arg, sizeof(sc)))
		return -EFAULT;
	if (sc.pad[0] >> 8 || sc.pad[1] || sc.pad[2] || sc.pad[3])
		return -EINVAL;
	if (sc.flags & ~(u32)CANCEL_FLAGS) /* ANY overrides the other flags */
		return -EINVAL;
	if (sc.timeout.tv_sec != -1 || sc.timeout.tv_nsec != -1) {
		ret = get_timespec(uaddr_add(arg, offsetof(typeof(sc), timeout)), &ns);
		if (ret)
			return ret;
		deadline = deadline_in(ns);
	}
	/* The opcode is the byte that follows the fields of older headers. */
	k = (struct cancel_key){
		.flags = sc.flags, .opcode = sc.pad[0], .data = sc.addr, .apart = &apart
	};
	ret = cancel_by(u, &k, sc.fd);
	end = ret < 0 ? 0 : await_ends(u, deadline);
	return end ? end : ret;
}
