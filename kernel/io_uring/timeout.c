/* SPDX-License-Identifier: MIT */
/*
 * timeout.c: TIMEOUT, which ends at a time (-ETIME) or after a number of completions (0);
 * TIMEOUT_REMOVE; and LINK_TIMEOUT, which ends the request to which it is linked.
 *
 * The timer holds a reference to its request. The timer, a completion that reaches the target, or a
 * canceller takes the request off the waiting list, and then ends it. A timer that expires later
 * does nothing. A LINK_TIMEOUT is on no list: it belongs to the request that it limits (req->limit)
 * once that request runs. Its timer starts when that request waits, and it ends with that request.
 *
 * A relative time counts from the start of the request, which a link or a drain may delay. That of
 * a LINK_TIMEOUT counts from the start of the request that it limits.
 *
 * Locks: the ring's cq_lock, under which requests leave their list and timers are started and
 * stopped.
 */
#include "kernel/io_uring/uring.h"
#include "kernel/time/time.h"

#define RETRY_NS 2000000
#define SEVERAL URING_TIMEOUT_MULTISHOT
#define KNOWN                                                                                      \
	(IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS | SEVERAL)

static int clock_of(u32 flags)
{
	if (flags & IORING_TIMEOUT_REALTIME)
		return CLOCK_REALTIME;
	return flags & IORING_TIMEOUT_BOOTTIME ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;
}

static u64 deadline_of(u64 ns, int clock, u32 flags)
{
	return flags & IORING_TIMEOUT_ABS ? deadline_at(clock, ns) : deadline_in(ns);
}

/* Returns the ktime at which the timer of @r must expire. */
static u64 due(const struct uring_req *r)
{
	return r->real ? deadline_at(CLOCK_REALTIME, r->period) : r->deadline;
}

static bool follows_clock(int clock, u32 flags)
{
	return clock == CLOCK_REALTIME && flags & IORING_TIMEOUT_ABS;
}

/*
 * Reads a time from the guest, in ns. As on Linux, tv_nsec may exceed a second. Returns 0, -EFAULT
 * or -EINVAL.
 */
static int get_time(u64 at, u64 *ns)
{
	struct __kernel_timespec ts;
	u64 sec;

	if (copy_from_user(&ts, UADDR(at), sizeof(ts)))
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0)
		return -EINVAL;
	if (check_mul_overflow((u64)ts.tv_sec, 1000000000UL, &sec) ||
		check_add_overflow(sec, (u64)ts.tv_nsec, ns) || *ns > S64_MAX)
		*ns = S64_MAX;
	return 0;
}

int timeout_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	u64 ns;
	int err;

	if (s->buf_index || s->len != 1 || s->splice_fd_in || s->timeout_flags & ~KNOWN)
		return -EINVAL;
	if ((s->timeout_flags & IORING_TIMEOUT_CLOCK_MASK) == IORING_TIMEOUT_CLOCK_MASK)
		return -EINVAL;
	if (s->timeout_flags & SEVERAL && s->timeout_flags & IORING_TIMEOUT_ABS)
		return -EINVAL;
	err = get_time(s->addr, &ns);
	r->period = ns;
	if (err)
		return err;
	if (s->timeout_flags & IORING_TIMEOUT_ABS)
		r->deadline = deadline_at(clock_of(s->timeout_flags), ns);
	r->real = follows_clock(clock_of(s->timeout_flags), s->timeout_flags);
	if (r->real)
		clock_watch(&r->ring->watch);
	return 0;
}

/* Sets the deadline of a relative time, when its request starts. */
static void count_from_now(struct uring_req *r)
{
	if (!(r->sqe.timeout_flags & IORING_TIMEOUT_ABS))
		r->deadline = deadline_in(r->period);
}

static bool several(const struct uring_req *r)
{
	return r->sqe.timeout_flags & SEVERAL;
}

/*
 * Ends a timeout whose timer has expired. If it is multishot, its task instead reports the expiry
 * and arms the timeout again.
 */
static void timer_over(struct ktimer *t)
{
	struct uring_req *r = container_of(t, struct uring_req, timer);

	if (uring_delist(r)) {
		r->rings = several(r);
		uring_finish_elsewhere(r, r->rings ? URING_QUEUED : -ETIME);
	}
	uring_req_put(r);
}

bool timeout_stop(struct uring_req *r)
{
	assert_spin_held(&r->ring->cq_lock);
	if (!timer_cancel(&r->timer))
		return false;
	atomic_dec(&r->refs); /* timer's reference; caller has one */
	return true;
}

/*
 * Puts @r on the list of waiting requests and starts its timer, which calls @over at @deadline
 * (ktime), or at due() if the timer follows real time. Returns URING_QUEUED or -ECANCELED.
 */
static long wait_timer(struct uring_req *r, void (*over)(struct ktimer *t), u64 deadline)
{
	struct uring *u = r->ring;
	long ret = URING_QUEUED;

	timer_setup(&r->timer, over);
	r->poll.file = NULL;
	if (!uring_enlist(r, ON_WAITING))
		return -ECANCELED;
	atomic_add(2, &r->refs); /* references: timer, this function */
	/* cq_lock excludes clock_set(). @r may have been cancelled since uring_enlist(). */
	spin_lock(&u->cq_lock);
	timer_start(&r->timer, r->real ? due(r) : deadline);
	if (r->cancelled && r->where == ON_WAITING && timeout_stop(r)) {
		uring_unlist_locked(r);
		ret = -ECANCELED;
	}
	spin_unlock(&u->cq_lock);
	uring_req_put(r);
	return ret;
}

/*
 * Reports an expiry of a multishot timeout. sqe.off is the number of expiries left, or 0 for no
 * limit. Returns true if the expiry was reported and was not the last one.
 */
static bool report_shot(struct uring_req *r)
{
	r->rings = false;
	if ((u32)r->sqe.off == 1)
		return false;
	if ((u32)r->sqe.off)
		r->sqe.off--;
	r->deadline = deadline_in(r->period);
	r->real = false;
	atomic_inc(&r->ring->timeouts);
	return uring_post_more(r, -ETIME, 0);
}

/*
 * Arms a timeout, after it has reported an expiry that is due. Afterwards checks the target again,
 * since completions may have come between the setting of the target and the start of the timer.
 * Returns URING_QUEUED, -ECANCELED, or -ETIME if that expiry was the last one.
 */
long timeout_issue(struct uring_req *r)
{
	struct uring *u = r->ring;
	u32 after = timeout_counts(r) ? (u32)r->sqe.off : 0;
	long ret;

	if (!r->rings)
		count_from_now(r);
	else if (!report_shot(r))
		return -ETIME;
	r->target = READ_ONCE(u->counted) + after;
	ret = wait_timer(r, timer_over, r->deadline);
	if (after && ret == URING_QUEUED)
		timeouts_check(u);
	return ret;
}

struct list_head *timeout_place(struct uring_req *r)
{
	struct uring_req *before;

	list_for_each_entry_reverse(before, &r->ring->counting, link)
		if (before->target <= r->target)
			return before->link.next;
	return r->ring->counting.next;
}

static void try_again(struct ktimer *t)
{
	struct uring_req *r = container_of(t, struct uring_req, timer);

	if (uring_delist(r))
		uring_finish_elsewhere(r, URING_QUEUED);
	uring_req_put(r);
}

long uring_wait_a_while(struct uring_req *r)
{
	return wait_timer(r, try_again, ktime_get() + RETRY_NS);
}

static bool is_reached(const struct uring *u, const struct uring_req *r)
{
	return u->counted >= r->target;
}

/*
 * Finds a timeout whose target is reached and whose timer has not expired, and removes it from
 * ring->counting, which is sorted by target. Returns NULL if there is none. cq_lock is held.
 */
static struct uring_req *take_reached(struct uring *u)
{
	struct uring_req *r;

	list_for_each_entry(r, &u->counting, link) {
		if (!is_reached(u, r))
			break;
		if (timeout_stop(r)) {
			uring_unlist_locked(r);
			return r;
		}
	}
	return NULL;
}

/*
 * Ends the timeouts whose target is reached. Each end may complete more requests (linked requests
 * are cancelled if no task is left to run them), which calls this function again. Such a nested
 * call does nothing, and the outer one continues, so that calls do not nest as deep as there are
 * timeouts.
 */
void timeouts_check(struct uring *u)
{
	struct uring_req *r;

	if (list_empty(&u->counting))
		return;
	spin_lock(&u->cq_lock);
	if (!u->checking) {
		u->checking = true;
		while ((r = take_reached(u))) {
			spin_unlock(&u->cq_lock);
			uring_finish_elsewhere(r, 0);
			spin_lock(&u->cq_lock);
		}
		u->checking = false;
	}
	spin_unlock(&u->cq_lock);
}

/* ---- TIMEOUT_REMOVE ---- */

/*
 * Prepares a removal or a change. For a change r->deadline gets the requested time in ns: relative
 * or, with IORING_TIMEOUT_ABS, a time of the clock of the timeout that will be found. Returns 0 or
 * -errno.
 */
int timeout_remove_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->buf_index || s->len || s->splice_fd_in || s->flags & IOSQE_FIXED_FILE)
		return -EINVAL;
	if (!(s->timeout_flags & IORING_TIMEOUT_UPDATE_MASK))
		return s->timeout_flags ? -EINVAL : 0;
	if (s->timeout_flags & ~(IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS))
		return -EINVAL;
	return get_time(s->addr2, &r->deadline);
}

static bool is_timeout(const struct uring_req *r, const void *arg)
{
	return r->sqe.opcode == IORING_OP_TIMEOUT && r->sqe.user_data == *(const u64 *)arg &&
	       r->where != ON_DRAINED;
}

/* Finds a timeout by its user_data. cq_lock is held. */
static struct uring_req *find_timeout(struct list_head *list, u64 data)
{
	struct uring_req *r;

	list_for_each_entry(r, list, link)
		if (is_timeout(r, &data))
			return r;
	return NULL;
}

static bool is_limited(const struct uring_req *r, const void *arg)
{
	const struct uring_req *lt = r->limit;

	return lt && lt->limited && lt->sqe.user_data == *(const u64 *)arg;
}

static struct uring_req *limit_in(const struct list_head *list, u64 data)
{
	struct uring_req *r;

	list_for_each_entry(r, list, link)
		if (is_limited(r, &data))
			return r->limit;
	return NULL;
}

/*
 * Finds a running LINK_TIMEOUT by its user_data, among those of the waiting requests. cq_lock is
 * held.
 */
static struct uring_req *find_limit(struct uring *u, u64 data)
{
	struct uring_req *lt = limit_in(&u->ending, data), *r;

	for (u32 i = 0; !lt && i < URING_BUCKETS; i++)
		lt = limit_in(&u->waiting[i], data);
	if (!lt)
		lt = limit_in(&u->counting, data);
	if (lt)
		return lt;
	r = uring_find_again(u, is_limited, &data);
	return r ? r->limit : NULL;
}

static struct uring_req *find_to_update(struct uring *u, const struct io_uring_sqe *by)
{
	struct uring_req *r;

	if (by->timeout_flags & IORING_LINK_TIMEOUT_UPDATE)
		return find_limit(u, by->addr);
	r = find_timeout(uring_bucket(u, by->addr), by->addr);
	return r ? r : find_timeout(&u->counting, by->addr);
}

/*
 * Removes the number of completions or expiries of a TIMEOUT that is being changed, and moves it to
 * ring->waiting, since it has no target now. cq_lock is held.
 */
static void without_number(struct uring_req *r)
{
	if (r->sqe.opcode != IORING_OP_TIMEOUT)
		return;
	r->sqe.off = 0;
	list_move_tail(&r->link, uring_bucket(r->ring, r->sqe.user_data));
}

/*
 * Gives a waiting timeout the new time @ns. Returns 0, -ENOENT, or -EALREADY if it has just
 * expired.
 */
static long update(struct uring *u, const struct io_uring_sqe *by, u64 ns)
{
	struct uring_req *r;
	long ret = -ENOENT;

	if (by->timeout_flags & IORING_TIMEOUT_ABS)
		clock_watch(&u->watch);
	spin_lock(&u->cq_lock);
	r = find_to_update(u, by);
	if (r)
		ret = -EALREADY;
	if (r && timer_cancel(&r->timer)) {
		r->period = ns;
		r->real = follows_clock(clock_of(r->sqe.timeout_flags), by->timeout_flags);
		without_number(r);
		timer_start(&r->timer,
			deadline_of(ns, clock_of(r->sqe.timeout_flags), by->timeout_flags));
		ret = 0;
	}
	spin_unlock(&u->cq_lock);
	return ret;
}

long timeout_remove_issue(struct uring_req *r)
{
	u64 data = r->sqe.addr;

	if (r->sqe.timeout_flags & IORING_TIMEOUT_UPDATE)
		return update(r->ring, &r->sqe, r->deadline);
	return uring_cancel(r->ring, is_timeout, &data, &data, 1) ? 0 : -ENOENT;
}

/* ---- LINK_TIMEOUT ---- */

int link_timeout_prep(struct uring_req *r)
{
	return r->sqe.off ? -EINVAL : timeout_prep(r);
}

/*
 * Refuses the request: a LINK_TIMEOUT never runs by itself, since uring_run() takes it out of the
 * chain.
 */
long link_timeout_issue(struct uring_req *r)
{
	return -ECANCELED;
}

static void limit_over(struct ktimer *t)
{
	struct uring_req *lt = container_of(t, struct uring_req, timer);

	uring_cancel_one(lt->limited);
	uring_req_put(lt->limited);
	uring_req_put(lt);
}

/* Starts the timer of a LINK_TIMEOUT. cq_lock keeps clock_set() out between due() and the start. */
static void limit_arm(struct uring_req *lt)
{
	struct uring *u = lt->ring;

	spin_lock(&u->cq_lock);
	timer_start(&lt->timer, due(lt));
	spin_unlock(&u->cq_lock);
}

void limit_start(struct uring_req *r, struct uring_req *lt)
{
	if (!lt || lt->limited)
		return;
	atomic_inc(&r->refs);
	lt->limited = r;
	atomic_inc(&lt->refs); /* the timer's reference */
	timer_setup(&lt->timer, limit_over);
	count_from_now(lt);
	limit_arm(lt);
}

long limit_stop(struct uring_req *lt)
{
	struct uring *u = lt->ring;
	bool stopped;

	if (!lt->limited)
		return -ECANCELED;
	/* Excludes clock_set(), which stops the timer and starts it again. */
	spin_lock(&u->cq_lock);
	stopped = timer_cancel(&lt->timer);
	spin_unlock(&u->cq_lock);
	if (!stopped)
		return -ETIME;
	uring_req_put(lt->limited);
	uring_req_put(lt);
	return -ECANCELED;
}

/* ---- clock_settime() ---- */

/*
 * Starts the timer of @r (may be NULL) again, with its new expiry time, if it follows real time and
 * has not expired. cq_lock is held.
 */
static void follow_clock(struct uring_req *r)
{
	if (r && r->real && timer_cancel(&r->timer))
		timer_start(&r->timer, due(r));
}

static void follow_in(const struct list_head *list)
{
	struct uring_req *r;

	list_for_each_entry(r, list, link) {
		follow_clock(r);
		if (r->limit && r->limit->limited)
			follow_clock(r->limit);
	}
}

static void clock_set(struct clock_watch *w)
{
	struct uring *u = container_of(w, struct uring, watch);
	struct uring_req *r;

	spin_lock(&u->cq_lock);
	for (u32 i = 0; i < URING_BUCKETS; i++)
		follow_in(&u->waiting[i]);
	follow_in(&u->counting);
	follow_in(&u->ending);
	list_for_each_entry(r, uring_defers(u) ? &u->deferred : &u->again, deferred)
		if (r->limit && r->limit->limited)
			follow_clock(r->limit);
	spin_unlock(&u->cq_lock);
}

void timeout_init(struct uring *u)
{
	clock_watch_setup(&u->watch, clock_set);
}
