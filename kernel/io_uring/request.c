/* SPDX-License-Identifier: MIT */
/*
 * request.c: runs, waits for, cancels and finishes requests.
 *
 * States:
 *
 *	RUNNING in its task (uring_run)
 *	        -> finished
 *	        -> ON_WAITING (a poll of its file, a timer)
 *	        -> ON_DRAINED (IOSQE_IO_DRAIN)
 *	        -> ON_DISK (a direct transfer, which cannot be cancelled)
 *	ON_WAITING, ON_DRAINED, ON_DISK: the party that ends the wait takes it off the list
 *	        -> finished
 *	        -> RUNNING again in its task, by task work
 *
 * For task work, the task is woken up from an interruptible sleep as by a signal, but no signal is
 * delivered. Until the work runs, a canceller finds the request in ring->again, and the work then
 * ends the request instead of issuing it.
 *
 * A LINK_TIMEOUT leaves the chain when the request before it runs (take_limit()). Its completion
 * comes after that request's.
 *
 * A chain (IOSQE_IO_LINK) is a list by req->next. A request runs when the request before it has
 * finished. If a request without IOSQE_IO_HARDLINK fails, the whole rest of the chain is cancelled.
 *
 * Invariants: 1. A request on a list holds a reference to its task and counts as busy in the ring
 * and in the task. A task that exits ends or detaches its requests before. 2. The party that takes
 * a request off its list, under cq_lock, is the only one that continues it. 3. Only its task issues
 * a request.
 *
 * Locks: cq_lock.
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"

#define MAX_TRIES 4 /* tries at once; then after 2 ms each */
#define VAIN_TRIES 128

/* ---- references ---- */

void uring_req_put(struct uring_req *r)
{
	if (!atomic_dec_and_test(&r->refs))
		return;
	if (r->polls_ring)
		atomic_dec(&((struct uring *)r->file->private_data)->polls);
	if (r->file)
		fput(r->file);
	if (r->other)
		fput(r->other);
	uring_rsrc_put(r->file_slot);
	uring_rsrc_put(r->other_slot);
	uring_rsrc_put(r->buffer);
	if (r->task)
		put_task(r->task);
	if (r->cred)
		put_cred(r->cred);
	kfree(r->vec);
	uring_header_free(r);
	uring_names_free(r);
	uring_put(r->ring);
	uring_free(r, 1, sizeof(*r));
}

static bool drains(const struct uring_req *r)
{
	return r->sqe.flags & IOSQE_IO_DRAIN;
}

/* Counts the request as active. cq_lock is held. */
static void set_active(struct uring_req *r)
{
	if (!r->active) {
		r->active = true;
		r->ring->nr_active++;
		r->draining = drains(r);
		r->ring->nr_draining += r->draining;
	}
}

/* Stops counting the request as active. cq_lock is held. */
static void clear_active(struct uring_req *r)
{
	if (r->active) {
		r->active = false;
		r->ring->nr_active--;
		r->ring->nr_draining -= r->draining;
	}
}

static void set_busy(struct uring_req *r, struct task *t)
{
	if (!r->task) {
		get_task(t);
		r->task = t;
	}
	if (!r->busy) {
		r->busy = true;
		atomic_inc(&t->uring_busy);
	}
}

/*
 * If no request is active, moves the requests that may run now to @go: either one draining request,
 * or all requests up to the next draining one, since those may wait for each other. cq_lock is
 * held.
 */
static void undrain(struct uring *u, struct list_head *go)
{
	struct uring_req *r, *next;

	if (u->nr_active || u->dying)
		return;
	list_for_each_entry_safe(r, next, &u->drained, link) {
		if (drains(r) && !list_empty(go))
			break;
		r->where = RUNNING;
		list_move_tail(&r->link, go);
		set_active(r);
		if (drains(r))
			break;
	}
}

/*
 * Stops counting an ended request as busy and active, and runs the drained requests that waited for
 * its end.
 */
static void not_busy(struct uring_req *r)
{
	struct uring *u = r->ring;
	LIST_HEAD(go);

	if (!r->busy && !r->active)
		return;
	spin_lock(&u->cq_lock);
	clear_active(r);
	undrain(u, &go);
	spin_unlock(&u->cq_lock);
	while (!list_empty(&go)) {
		struct uring_req *drained = list_first_entry(&go, struct uring_req, link);

		list_del_init(&drained->link);
		uring_finish_elsewhere(drained, URING_QUEUED);
	}
	if (r->busy)
		atomic_dec(&r->task->uring_busy);
	r->busy = false;
}

/* ---- lists ---- */

/* Returns the entry before which @r is queued: a list's head, or a request in a list. */
static struct list_head *list_for(struct uring_req *r, enum uring_where where)
{
	struct uring *u = r->ring;

	if (where == ON_DRAINED)
		return &u->drained;
	if (where == ON_DISK)
		return &u->ending; /* cancellers do not search this list */
	if (r->sqe.opcode == IORING_OP_TIMEOUT && timeout_counts(r))
		return timeout_place(r);
	return uring_bucket(u, r->sqe.user_data);
}

bool uring_enlist(struct uring_req *r, enum uring_where where)
{
	struct uring *u = r->ring;
	bool ok;

	spin_lock(&u->cq_lock);
	ok = !u->dying && !r->cancelled;
	if (ok) {
		set_busy(r, current);
		if (where != ON_DRAINED)
			set_active(r);
		r->where = where;
		list_add_tail(&r->link, list_for(r, where));
	}
	spin_unlock(&u->cq_lock);
	return ok;
}

bool uring_drain(struct uring_req *r)
{
	struct uring *u = r->ring;
	bool wait;

	spin_lock(&u->cq_lock);
	wait = u->nr_draining || !list_empty(&u->drained) || (drains(r) && u->nr_active);
	if (wait) {
		set_busy(r, current);
		r->where = ON_DRAINED;
		list_add_tail(&r->link, &u->drained);
	}
	spin_unlock(&u->cq_lock);
	return wait;
}

bool uring_unlist_locked(struct uring_req *r)
{
	assert_spin_held(&r->ring->cq_lock);
	if (r->where == RUNNING)
		return false;
	r->where = RUNNING;
	list_del_init(&r->link);
	return true;
}

bool uring_delist(struct uring_req *r)
{
	bool mine;

	spin_lock(&r->ring->cq_lock);
	mine = uring_unlist_locked(r);
	spin_unlock(&r->ring->cq_lock);
	return mine;
}

/* ---- the end of a request ---- */

static bool is_failure(const struct uring_req *r, long res)
{
	if (r->sqe.opcode == IORING_OP_TIMEOUT && res == -ETIME)
		return !(r->sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS);
	return r->failed || (res < 0 && !op_of(r)->soft);
}

/* Posts the second completion of a SEND_ZC, whatever the result of the request is. */
static void post_notification(struct uring_req *r)
{
	struct uring_result c = { .user_data = r->sqe.user_data, .flags = IORING_CQE_F_NOTIF };

	if (!r->notify)
		return;
	if (r->sqe.ioprio & IORING_SEND_ZC_REPORT_USAGE)
		c.res = (s32)IORING_NOTIF_USAGE_ZC_COPIED;
	uring_post(r->ring, c, true);
}

/*
 * Posts the result. @begun: the operation was begun, so a SEND_ZC sets IORING_CQE_F_MORE, since a
 * second completion follows.
 */
static void post(struct uring_req *r, long res, bool begun)
{
	struct uring_result c = { .user_data = r->sqe.user_data };

	if (r->sqe.opcode == IORING_OP_TIMEOUT && (!res || res == -ETIME))
		atomic_inc(&r->ring->timeouts);
	if (!is_failure(r, res) && r->sqe.flags & IOSQE_CQE_SKIP_SUCCESS)
		return;
	if (r->notify && begun)
		r->cflags |= IORING_CQE_F_MORE;
	c.res = (s32)res;
	c.flags = r->cflags;
	uring_post(r->ring, c, r->sqe.opcode != IORING_OP_TIMEOUT);
	post_notification(r);
}

/*
 * Ends a request that was not run, with r->refused or -ECANCELED, and drops the caller's reference.
 * @silent: without a completion. @begun: as in post().
 */
static void end_unbegun(struct uring_req *r, bool silent, bool begun)
{
	r->next = NULL;
	r->failed = true;
	if (silent)
		post_notification(r);
	else
		post(r, r->refused ? r->refused : -ECANCELED, begun);
	/*
	 * The first request of a chain may have been counted as busy, so that the chain could
	 * continue.
	 */
	not_busy(r);
	uring_req_put(r);
}

void uring_cancel_chain(struct uring_req *r, bool silent)
{
	while (r) {
		struct uring_req *next = r->next;

		end_unbegun(r, silent, false);
		r = next;
	}
}

void uring_refuse_chain(struct uring_req *head)
{
	struct uring_req *rest = head->next;
	bool silent = head->sqe.flags & IOSQE_CQE_SKIP_SUCCESS;

	end_unbegun(head, false, true);
	uring_cancel_chain(rest, silent);
}

/*
 * Returns -EINTR for the codes that restart an interrupted system call, since requests are not
 * restarted.
 */
static long plain_error(long res)
{
	return res <= -ERESTARTSYS && res >= -ERESTART_RESTARTBLOCK ? -EINTR : res;
}

/*
 * Returns the number of bytes moved so far if a request is cancelled between two parts, since
 * nothing else reports them, else @res.
 */
static long part_or(struct uring_req *r, long res)
{
	if (res != -ECANCELED || r->done <= 0 || r->sqe.opcode == IORING_OP_CONNECT)
		return res;
	r->failed = true;
	return r->done;
}

/* Ends the request's LINK_TIMEOUT, if it has one, and posts its completion. */
static void end_limit(struct uring_req *r)
{
	struct uring_req *lt = r->limit;
	long res;

	if (!lt)
		return;
	r->limit = NULL;
	res = limit_stop(lt);
	if (res == -ETIME && r->cancelled && waits_apart(r))
		res = 1; /* one request was cancelled */
	/*
	 * Posted here and not by uring_finish(), since no result counts as a failure of the
	 * LINK_TIMEOUT.
	 */
	if (!(lt->sqe.flags & IOSQE_CQE_SKIP_SUCCESS))
		post(lt, res, true);
	uring_req_put(lt);
}

struct uring_req *uring_finish(struct uring_req *r, long res)
{
	struct uring_req *next = r->next;
	bool broken;

	res = part_or(r, plain_error(res));
	r->failed = r->failed || res == -ECANCELED;
	broken = is_failure(r, res) && !(r->sqe.flags & IOSQE_IO_HARDLINK);
	r->next = NULL;
	post(r, res, true);
	end_limit(r);
	if (next && broken) {
		uring_cancel_chain(next, r->sqe.flags & IOSQE_CQE_SKIP_SUCCESS);
		next = NULL;
	}
	/* The chain stays busy: the count moves to its next request. */
	if (next && r->busy && !r->orphan) {
		set_busy(next, r->task);
		next->active = r->active;
		r->active = false;
	}
	not_busy(r);
	uring_req_put(r);
	return next;
}

/* ---- running ---- */

/*
 * Runs the operation with the request's file, credentials and paths. Returns its result or
 * URING_QUEUED.
 */
static long issue(struct uring_req *r)
{
	const struct uring_op *op = op_of(r);
	struct names_given given;
	const struct cred *old;
	long res;

	/*
	 * The tables and groups of a closed ring are already freed, so entries that were added now
	 * would never be freed. A task in execve() has no reference to the ring's file, which may
	 * be closed.
	 */
	if (r->cancelled || READ_ONCE(r->ring->dying) || current->flags & PF_EXITING ||
		current->in_execve)
		return -ECANCELED;
	if (op->file && !r->file) {
		r->file = uring_req_file(
			r, r->sqe.fd, r->sqe.flags & IOSQE_FIXED_FILE, &r->file_slot);
		r->failed = !r->file;
		if (!r->file)
			return -EBADF;
	}
	names_give(&given, r->names);
	old = r->cred ? override_creds(r->cred) : NULL;
	res = op->issue(r);
	if (old)
		revert_creds(old);
	names_take_back(&given);
	return res;
}

/*
 * Takes the LINK_TIMEOUT that follows @r, which is about to run, out of the chain. Returns @r's
 * LINK_TIMEOUT, or NULL.
 */
static struct uring_req *take_limit(struct uring_req *r)
{
	struct uring_req *lt = r->next;

	if (lt && lt->sqe.opcode == IORING_OP_LINK_TIMEOUT) {
		r->next = lt->next;
		lt->next = NULL;
		r->limit = lt;
	}
	return r->limit;
}

/*
 * Runs a request and the rest of its chain. A request with a LINK_TIMEOUT ends in its task, with
 * ring->lock held, and so not before limit_start() has returned.
 */
void uring_run(struct uring_req *r)
{
	while (r) {
		struct uring_req *lt = take_limit(r);
		long res = issue(r);

		if (res == URING_QUEUED) {
			if (lt)
				limit_start(r, lt);
			return;
		}
		r = uring_finish(r, res);
		cond_resched();
	}
}

void uring_run_in_task(struct uring_req *r, void (*func)(struct task_work *w))
{
	struct task *t = r->task;

	if (uring_defers(r->ring)) {
		if (!uring_defer(r, func))
			uring_abandon(r, -ECANCELED);
		return;
	}
	r->work.func = func;
	get_task(t);
	spin_lock(&r->ring->cq_lock);
	list_add_tail(&r->deferred, &r->ring->again);
	spin_unlock(&r->ring->cq_lock);
	task_work_add(t, &r->work);
	set_bit(TIF_SIGPENDING, &t->work_flags);
	wake_up_state(t, TASK_INTERRUPTIBLE);
	put_task(t);
}

static void run_work(struct task_work *w)
{
	struct uring_req *r = container_of(w, struct uring_req, work);
	struct uring *u = r->ring;

	atomic_inc(&u->refs);
	mutex_lock(&u->lock);
	spin_lock(&u->cq_lock);
	list_del_init(&r->deferred);
	spin_unlock(&u->cq_lock);
	if (r->result == URING_QUEUED)
		uring_run(r);
	else
		uring_run(uring_finish(r, r->result));
	mutex_unlock(&u->lock);
	uring_put(u);
}

void uring_abandon(struct uring_req *r, long res)
{
	struct uring_req *next;

	if (res == URING_QUEUED || (r->orphan && r->sqe.opcode != IORING_OP_TIMEOUT))
		res = -ECANCELED;
	next = uring_finish(r, res);
	if (next)
		next->refused = -EFAULT; /* as on Linux without a task */
	uring_cancel_chain(next, false);
}

void uring_finish_elsewhere(struct uring_req *r, long res)
{
	if (r->orphan && !uring_defers(r->ring)) {
		uring_abandon(r, res);
		return;
	}
	if (!r->next && !r->limit && res != URING_QUEUED && !uring_defers(r->ring)) {
		uring_finish(r, res);
		return;
	}
	r->result = res;
	uring_run_in_task(r, run_work);
}

/* ---- waiting for a file ---- */

static void file_ready(struct async_poll *p, u32 mask)
{
	struct uring_req *r = container_of(p, struct uring_req, poll);

	if (uring_delist(r))
		uring_finish_elsewhere(r, p->cancelled ? -ECANCELED : URING_QUEUED);
	uring_req_put(r);
}

long uring_wait_file(struct uring_req *r, u32 events)
{
	return uring_wait_other(r, r->file, events);
}

bool uring_in_vain(const struct uring_req *r)
{
	return r->tries > VAIN_TRIES && r->file->f_flags & O_NONBLOCK;
}

/*
 * True if the file stays ready although the operation fails, as a datagram socket does that polls
 * as writable while its receiver is full.
 */
static bool ready_for_nothing(struct uring_req *r, struct file *f, u32 events)
{
	if (r->tries <= MAX_TRIES)
		return false;
	if (!(vfs_poll(f, NULL) & (events | EPOLLERR | EPOLLHUP))) {
		r->tries = 0;
		return false;
	}
	r->tries += r->tries <= VAIN_TRIES;
	return true;
}

long uring_wait_other(struct uring_req *r, struct file *f, u32 events)
{
	int mask;

	if (ready_for_nothing(r, f, events))
		return uring_wait_a_while(r);
	async_poll_setup(&r->poll, f, events | EPOLLERR | EPOLLHUP, file_ready);
	r->poll.task = current;
	if (!uring_enlist(r, ON_WAITING))
		return -ECANCELED;
	/*
	 * One reference for the poll, and one for this function until async_poll_start() has
	 * returned.
	 */
	atomic_add(2, &r->refs);
	mask = async_poll_start(&r->poll);
	if (mask) {
		bool mine = uring_delist(r);

		r->tries++;
		uring_req_put(r);
		uring_req_put(r);
		return mine ? min(mask, 0) : URING_QUEUED;
	}
	uring_req_put(r);
	return URING_QUEUED;
}

/* ---- cancelling ---- */

/* Cancels @r, which was found on a list. Called with cq_lock held, which it releases. */
static void cancel_found(struct uring_req *r)
{
	struct uring *u = r->ring;
	bool poll = r->where == ON_WAITING && r->poll.file;
	bool disarmed = poll && async_poll_stop(&r->poll);
	bool stopped = disarmed || (!poll && r->where != ON_DISK &&
					   (r->where == ON_DRAINED || timeout_stop(r)));

	r->cancelled = true;
	if (stopped) {
		uring_unlist_locked(r);
		/* file_ready() or poll_over() will end the request */
	} else if (poll) {
		list_move(&r->link, &u->ending);
		async_poll_cancel(&r->poll);
	}
	spin_unlock(&u->cq_lock);
	if (disarmed) {
		async_poll_unhook(&r->poll);
		uring_req_put(r); /* the poll's reference */
	}
	if (!stopped)
		return;
	if (r->task != current || current->flags & PF_EXITING) {
		uring_finish_elsewhere(r, -ECANCELED);
		return;
	}
	/* Completed in its task, after the completion of the cancel request. */
	r->result = -ECANCELED;
	uring_run_in_task(r, run_work);
}

void uring_cancel_one(struct uring_req *r)
{
	spin_lock(&r->ring->cq_lock);
	if (r->where != RUNNING && !r->cancelled) {
		cancel_found(r); /* releases cq_lock */
		return;
	}
	r->cancelled = true;
	spin_unlock(&r->ring->cq_lock);
}

static struct uring_req *find_in(struct list_head *list,
	bool (*match)(const struct uring_req *r, const void *arg), const void *arg)
{
	struct uring_req *r;

	list_for_each_entry(r, list, link)
		if (!r->cancelled && match(r, arg))
			return r;
	return NULL;
}

struct uring_req *uring_find_again(
	struct uring *u, bool (*match)(const struct uring_req *r, const void *arg), const void *arg)
{
	struct uring_req *r;

	assert_spin_held(&u->cq_lock);
	list_for_each_entry(r, uring_defers(u) ? &u->deferred : &u->again, deferred)
		if (r->result == URING_QUEUED && !r->cancelled && match(r, arg))
			return r;
	return NULL;
}

static struct uring_req *find(struct uring *u,
	bool (*match)(const struct uring_req *r, const void *arg), const void *arg, const u64 *data)
{
	struct uring_req *r = NULL;

	if (data)
		r = find_in(uring_bucket(u, *data), match, arg);
	for (u32 i = 0; !data && !r && i < URING_BUCKETS; i++)
		r = find_in(&u->waiting[i], match, arg);
	if (!r)
		r = find_in(&u->counting, match, arg);
	if (!r)
		r = find_in(&u->drained, match, arg);
	return r ? r : uring_find_again(u, match, arg);
}

u32 uring_cancel(struct uring *u, bool (*match)(const struct uring_req *r, const void *arg),
	const void *arg, const u64 *data, u32 max)
{
	struct uring_req *r;
	u32 n = 0;

	while (n < max) {
		spin_lock(&u->cq_lock);
		r = find(u, match, arg, data);
		if (!r) {
			spin_unlock(&u->cq_lock);
			break;
		}
		if (r->where == RUNNING) {
			r->cancelled = true;
			spin_unlock(&u->cq_lock);
		} else {
			cancel_found(r);
		}
		n++;
		cond_resched();
	}
	return n;
}

/* ---- the end of the task ---- */

static void orphan_list(struct list_head *list, struct task *t)
{
	struct uring_req *r;

	list_for_each_entry(r, list, link) {
		if (r->task != t || r->orphan)
			continue;
		r->orphan = true;
		if (r->busy)
			atomic_dec(&t->uring_busy);
		r->busy = false;
	}
}

void uring_orphan(struct uring *u, struct task *t)
{
	spin_lock(&u->cq_lock);
	for (u32 i = 0; i < URING_BUCKETS; i++)
		orphan_list(&u->waiting[i], t);
	orphan_list(&u->counting, t);
	orphan_list(&u->ending, t);
	spin_unlock(&u->cq_lock);
}
