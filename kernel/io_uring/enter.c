/* SPDX-License-Identifier: MIT */
/*
 * enter.c: io_uring_enter(2): submits requests and waits for completions. Also ends the requests of
 * a task that exits or begins an exec.
 *
 * Submission: entries are copied, checked, collected into chains, and run. A refused entry has a
 * completion too, and ends the batch of entries unless IORING_SETUP_SUBMIT_ALL is set. Waiting: the
 * task first does the work that other tasks or workers have queued for it, and then counts
 * completions.
 *
 * Locks: ring->lock while submitting; none while waiting.
 */
#include "kernel/io_uring/uring.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/time.h"

#define SQE_FLAGS                                                                                  \
	(IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC |     \
		IOSQE_CQE_SKIP_SUCCESS | IOSQE_BUFFER_SELECT)
#define LINKS (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)
#define ENTER_FLAGS                                                                                \
	(IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT |                  \
		IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING | URING_ENTER_ABS_TIMER)

/* ---- submission ---- */

struct batch {
	struct uring *ring;
	struct uring_req *head, *tail; /* of the chain being collected */
	bool broken;                   /* a request of this chain was refused */
};

static struct uring_req *req_new(struct uring *u)
{
	struct uring_req *r = uring_zalloc(1, sizeof(*r));

	if (!r)
		return NULL;
	atomic_set(&r->refs, 1);
	INIT_LIST_HEAD(&r->link);
	INIT_LIST_HEAD(&r->deferred);
	INIT_LIST_HEAD(&r->shot_link);
	atomic_inc(&u->refs);
	r->ring = u;
	return r;
}

/*
 * Checks the entry against the ring's restrictions and prepares the request. Returns 0 or -errno.
 * An unknown opcode becomes a NOP, so that it has an entry in uring_ops.
 */
static int check_sqe(struct uring_req *r)
{
	const struct uring_op *op;

	if (r->sqe.opcode >= URING_OP_LAST) {
		r->sqe.opcode = IORING_OP_NOP;
		return -EINVAL;
	}
	op = op_of(r);
	if (r->sqe.flags & ~SQE_FLAGS || !op->issue)
		return -EINVAL;
	if (r->sqe.flags & IOSQE_BUFFER_SELECT && !op->select)
		return -EOPNOTSUPP;
	if (r->sqe.flags & IOSQE_CQE_SKIP_SUCCESS)
		r->ring->no_drain = true;
	if (r->sqe.flags & IOSQE_IO_DRAIN && r->ring->no_drain)
		return -EOPNOTSUPP;
	if (r->ring->limits.active && !uring_permitted(r))
		return -EACCES;
	if ((r->sqe.ioprio && !op->ioprio) ||
		(r->ring->flags & IORING_SETUP_IOPOLL && !op->on_iopoll))
		return -EINVAL;
	if (r->sqe.personality) {
		r->cred = uring_personality(r->ring, r->sqe.personality);
		if (!r->cred)
			return -EINVAL;
	}
	return op->prep ? op->prep(r) : 0;
}

static void start(struct uring_req *r)
{
	if (!uring_drain(r))
		uring_run(r);
}

/* Runs the complete chain, or ends it if one of its requests was refused. */
static void chain_start(struct batch *b)
{
	struct uring_req *head = b->head;

	b->head = b->tail = NULL;
	if (!head)
		return;
	if (b->broken)
		uring_refuse_chain(head);
	else
		start(head);
	b->broken = false;
}

/*
 * Handles IOSQE_IO_DRAIN in the middle of a chain: the whole chain waits for earlier requests, and
 * the next chain waits for this chain.
 */
static void note_drain(struct batch *b, struct uring_req *r)
{
	if (!b->head && b->ring->drain_next) {
		b->ring->drain_next = false;
		r->sqe.flags |= IOSQE_IO_DRAIN;
	} else if (b->head && r->sqe.flags & IOSQE_IO_DRAIN) {
		b->ring->drain_next = true;
		b->head->sqe.flags |= IOSQE_IO_DRAIN;
	}
}

/* Adds @r to the chain that is being collected, and runs the chain if @r is its last request. */
static void gather(struct batch *b, struct uring_req *r)
{
	bool more = r->sqe.flags & LINKS;

	if (!r->refused)
		note_drain(b, r);
	b->broken = b->broken || r->refused;
	if (b->head)
		b->tail->next = r;
	else
		b->head = r;
	b->tail = r;
	if (!more)
		chain_start(b);
}

/*
 * True if the next request may be a LINK_TIMEOUT: it must follow a request of the chain that is not
 * a LINK_TIMEOUT.
 */
static bool may_limit(const struct batch *b)
{
	return b->head && b->tail->sqe.opcode != IORING_OP_LINK_TIMEOUT;
}

/* Submits an entry. Returns 0, or -errno if the batch must end with it. */
static int submit_one(struct batch *b, u32 index)
{
	struct uring_req *r = req_new(b->ring);
	bool more;
	int err;

	if (!r)
		return -EAGAIN;
	memcpy(&r->sqe, map_at(&b->ring->sqes, (u64)index * uring_sqe_size(b->ring->flags)),
		sizeof(r->sqe));
	err = check_sqe(r);
	if (!err && r->sqe.opcode == IORING_OP_LINK_TIMEOUT && !may_limit(b))
		err = -EINVAL;
	r->refused = err;
	more = r->sqe.flags & LINKS; /* a chain is submitted as a whole */
	gather(b, r);
	return b->ring->flags & IORING_SETUP_SUBMIT_ALL || more ? 0 : err;
}

/*
 * Returns the index of the next submission entry. With a submission array, the guest may have
 * written any number into it.
 */
static u32 next_index(struct uring *u)
{
	u32 at = u->sq_head & (u->sq_entries - 1);

	if (!u->array_at)
		return at;
	return READ_ONCE(*(u32 *)map_at(&u->rings, u->array_at + (u64)at * sizeof(u32)));
}

/*
 * Submits up to @want entries. Returns their number, or -EAGAIN if there is no memory for the
 * first.
 */
static long submit(struct uring *u, u32 want)
{
	struct uring_shared *s = shared_of(u);
	struct batch b = { .ring = u };
	u32 there = smp_load_acquire(&s->sq_tail) - u->sq_head;
	long n = 0;
	int err = 0;

	want = min(want, min(there, u->sq_entries));
	while ((u32)n < want && !err) {
		u32 index = next_index(u);

		if (index >= u->sq_entries) {
			u->sq_head++;
			s->sq_dropped++;
			break;
		}
		err = submit_one(&b, index);
		if (err == -EAGAIN)
			break;
		u->sq_head++;
		n++;
		cond_resched();
	}
	chain_start(&b);
	smp_store_release(&s->sq_head, u->sq_head);
	return n ? n : err == -EAGAIN ? err : 0;
}

/* ---- waiting ---- */

/* Runs the task work that is queued for current. Returns true if a signal is pending. */
static bool work_and_signal(void)
{
	task_work_run();
	spin_lock(&current->sighand->lock);
	recalc_sigpending();
	spin_unlock(&current->sighand->lock);
	return signal_pending(current);
}

/*
 * True if the ring has @min_nr completions, or if a timeout has expired since ring->timeouts was
 * @timeouts. Always true with IORING_SETUP_IOPOLL: Nestling polls no device, so all submitted
 * requests have already ended.
 */
static bool enough(struct uring *u, u32 min_nr, int timeouts)
{
	return u->flags & IORING_SETUP_IOPOLL || uring_ready(u) >= min_nr ||
	       atomic_read(&u->timeouts) != timeouts;
}

struct wait_arg {
	u32 min_nr;
	/*
	 * ktime until which to wait for min_nr completions, afterwards for one. 0: always wait for
	 * min_nr.
	 */
	u64 min_until;
	u64 deadline;  /* ktime; ~0: none */
	uaddr_t mask;  /* signal mask of the wait; NULL: none */
	u64 mask_size; /* bytes */
};

/* Sleeps, at most until a deadline of @w. Returns 0 or -ETIME. */
static long sleep_for(struct wait_arg *w)
{
	if (!w->min_until)
		return schedule_deadline(w->deadline) ? -ETIME : 0;
	if (!schedule_deadline(w->min_until))
		return 0;
	w->min_until = 0;
	w->min_nr = min(w->min_nr, 1U);
	return w->deadline == ~0UL ? -ETIME : 0; /* no later deadline is set */
}

/*
 * Waits for completions or an expired timeout, and runs deferred work meanwhile. ring->lock is not
 * held. Returns 0 if any completion is there or a timeout has expired, else -ETIME or -EINTR.
 */
static long wait_cqes(struct uring *u, struct wait_arg *w)
{
	int timeouts = atomic_read(&u->timeouts);
	struct wait_queue_entry e;
	long ret = 0;

	w->min_nr = min(w->min_nr, u->cq_entries);
	init_wait_entry(&e);
	for (;;) {
		bool sig = work_and_signal();

		uring_run_deferred(u);
		uring_flush_overflow(u);
		if (enough(u, w->min_nr, timeouts) || ret)
			break;
		if (sig) {
			ret = -EINTR;
			break;
		}
		prepare_to_wait(&u->wait, &e, TASK_INTERRUPTIBLE);
		if (!enough(u, w->min_nr, timeouts) && !uring_has_deferred(u) &&
			!test_bit(TIF_NOTIFY, &current->work_flags) && !signal_pending(current))
			ret = sleep_for(w);
		finish_wait(&u->wait, &e);
	}
	return enough(u, w->min_nr, timeouts) || uring_ready(u) ? 0 : ret;
}

/*
 * Reads io_uring_enter(2)'s last two arguments into @w: a signal mask or a struct
 * io_uring_getevents_arg. Returns 0 or -errno.
 */
static int parse_arg(const struct uring *u, struct wait_arg *w, u32 flags, uaddr_t arg, size_t size)
{
	struct io_uring_getevents_arg ext;
	u64 ns;
	int err;

	w->deadline = ~0UL;
	w->mask = arg;
	w->mask_size = size;
	if (!(flags & IORING_ENTER_EXT_ARG))
		return 0;
	if (size != sizeof(ext))
		return -EINVAL;
	if (copy_from_user(&ext, arg, sizeof(ext)))
		return -EFAULT;
	if (ext.pad) /* this field holds min_wait_usec */
		w->min_until = deadline_in((u64)ext.pad * 1000);
	w->mask = UADDR(ext.sigmask);
	w->mask_size = ext.sigmask_sz;
	if (!ext.ts)
		return 0;
	err = get_timespec(UADDR(ext.ts), &ns);
	if (!err)
		w->deadline =
			flags & URING_ENTER_ABS_TIMER ? deadline_at(u->clock, ns) : deadline_in(ns);
	return err;
}

static long get_events(struct uring *u, u32 min_nr, u32 flags, uaddr_t arg, size_t size)
{
	struct wait_arg w = { .min_nr = min_nr };
	long ret = parse_arg(u, &w, flags, arg, size);

	if (ret)
		return ret;
	if (w.mask.v) {
		ret = set_user_sigmask(w.mask, w.mask_size);
		if (ret)
			return ret;
	}
	ret = wait_cqes(u, &w);
	if (w.mask.v)
		restore_saved_sigmask_unless(ret == -EINTR);
	return ret;
}

/*
 * Submits for a task of another process. Runs as task work when the thread returns to user mode.
 * Submits nothing if the thread exits.
 */
static void submit_for_other(struct task_work *w)
{
	struct uring *u = container_of(w, struct uring, sq_work);
	struct file *f = u->sq_file;

	__atomic_store_n(
		&u->sq_asked, false, __ATOMIC_SEQ_CST); /* from now on another task may reuse @w */
	if (!(current->flags & PF_EXITING) && !current->in_execve) {
		mutex_lock(&u->lock);
		submit(u, u->sq_entries);
		mutex_unlock(&u->lock);
	}
	fput(f);
}

/*
 * Asks a thread of the owner to submit, since current belongs to another process, whose descriptors
 * and memory are not those of the ring. The thread submits soon, as Linux's polling thread would,
 * with all entries added until then. Returns 0 or -EOWNERDEAD.
 */
static long ask_owner(struct uring *u, struct file *f)
{
	if (__atomic_exchange_n(&u->sq_asked, true, __ATOMIC_SEQ_CST))
		return 0;
	u->sq_file = get_file(f);
	u->sq_work.func = submit_for_other;
	if (process_work_add(u->owner, &u->sq_work))
		return 0;
	__atomic_store_n(&u->sq_asked, false, __ATOMIC_SEQ_CST);
	fput(f);
	return -EOWNERDEAD;
}

/*
 * Does the work of Linux's polling thread, which submits soon after entries are added. Returns 0 or
 * -errno.
 */
static long wake_sqpoll(struct uring *u, struct file *f)
{
	if (u->owner != current->group_leader->thread_pid)
		return ask_owner(u, f);
	if (mutex_lock_killable(&u->lock))
		return -EINTR;
	submit(u, u->sq_entries);
	mutex_unlock(&u->lock);
	return 0;
}

static long enter(struct file *f, u32 to_submit, u32 min_nr, u32 flags, uaddr_t arg, size_t size)
{
	struct uring *u = f->private_data;
	long n = 0, ret;

	if (READ_ONCE(u->flags) & IORING_SETUP_R_DISABLED)
		return -EBADFD;
	if (u->owner) {
		ret = wake_sqpoll(u, f);
		if (ret)
			return ret;
		n = to_submit;
	} else if (to_submit) {
		/* The lock's holder may be sleeping in an operation that runs at submission. */
		if (mutex_lock_killable(&u->lock))
			return -EINTR;
		n = uring_may_issue(u) ? submit(u, to_submit) : -EEXIST;
		mutex_unlock(&u->lock);
		if (n != (long)to_submit)
			return n;
	}
	if (!(flags & IORING_ENTER_GETEVENTS))
		return n;
	if (uring_defers(u) && !uring_may_issue(u))
		return n ? n : -EEXIST;
	ret = get_events(u, min_nr, flags, arg, size);
	return n ? n : ret;
}

long sys_io_uring_enter(int fd, u32 to_submit, u32 min_nr, int flags, uaddr_t arg, size_t size)
{
	struct file *f;
	long ret;

	if (flags & ~(int)ENTER_FLAGS)
		return -EINVAL;
	f = uring_get_ring(fd, flags & IORING_ENTER_REGISTERED_RING);
	if (IS_ERR(f))
		return PTR_ERR(f);
	ret = -EOPNOTSUPP;
	if (f->f_op == &uring_fops)
		ret = enter(f, to_submit, min_nr, (u32)flags, arg, size);
	fput(f);
	return ret;
}

/* ---- tasks that exit or exec ---- */

static bool of_task(const struct uring_req *r, const void *arg)
{
	return r->task == arg;
}

/*
 * Returns the ring that follows @u in the list, or the first one if @u is NULL, referenced, and
 * drops the reference to @u. Returns NULL at the end of the list, or if @u has left the list: the
 * caller must then start again.
 */
static struct uring *ring_after(struct uring *u)
{
	struct uring *next = NULL;
	struct list_head *at;

	spin_lock(&rings_lock);
	at = u ? u->all.next : all_rings.next;
	if (at != &all_rings && (!u || !list_empty(&u->all))) {
		next = list_entry(at, struct uring, all);
		atomic_inc(&next->refs);
	}
	spin_unlock(&rings_lock);
	if (u)
		uring_put(u);
	return next;
}

/*
 * True if the request must end with its task: a drained request, which only its task could run; a
 * poll of a ring, which keeps that ring open (perhaps its own, or two rings keep each other open
 * for ever); or a wait for children or words in memory, which the task loses.
 */
static bool ends_with(const struct uring_req *r, const void *arg)
{
	return r->task == arg && (r->where == ON_DRAINED || r->polls_ring || waits_apart(r));
}

/*
 * Ends requests of @t. At exec: all that @t has submitted. At exit: only those for which
 * ends_with() is true; the others are detached from @t.
 */
static void ring_loses_task(struct uring *u, struct task *t)
{
	bool exits = t->flags & PF_EXITING;

	uring_cancel(u, exits ? ends_with : of_task, t, NULL, ~0U);
	if (uring_defers(u) && (u->issuer == t->thread_pid || uring_has_deferred_of(u, t)))
		uring_run_deferred(u);
	if (exits)
		uring_orphan(u, t);
}

static void task_ends(struct task *t)
{
	struct uring *u;

	uring_rings_free(t);
	while (atomic_read(&t->uring_busy)) {
		for (u = NULL; (u = ring_after(u)); cond_resched())
			ring_loses_task(u, t);
		task_work_run();
		if (!atomic_read(&t->uring_busy))
			break;
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + 1000000);
	}
}

static const struct task_uring_ops ops_for_tasks = { .end = task_ends };

static int uring_init(void)
{
	task_uring_ops = &ops_for_tasks;
	return 0;
}
INITCALL(3, uring_init);
