/* SPDX-License-Identifier: MIT */
/*
 * async_poll.c: waits for events of a file without a sleeping task (async_poll.h has the
 * interface).
 *
 * States: IDLE -> (start) ARMING -> ARMED -> FIRED -> IDLE. The wake-up or canceller that takes
 * ARMED to FIRED queues the work, so each arming leads to one run of the work. A wake-up that comes
 * while hooks are still being added takes ARMING to EARLY, and start polls the file again. The work
 * takes the hooks off and polls the file. Then it either calls done or arms again.
 *
 * The hooks of a multishot poll stay: the work goes from FIRED back to ARMED when it has reported
 * the events. A wake-up meanwhile takes FIRED to AGAIN, and the work polls once more. A task that
 * is faster than the work takes FIRED or AGAIN to TAKEN and reports the events itself.
 *
 * Invariants:
 * 1. Hooks are touched by start, by the work, and by the task that has stopped the work; these
 *    never overlap.
 * 2. While hooks are on queues the state is not IDLE.
 * 3. The work holds no reference. Once it has armed a poll it does not access the poll any more,
 *    since the caller of async_poll_stop() may have freed it. So a canceller sets `cancelled` first
 *    and then reads the state; the arming side sets ARMING first and then reads `cancelled`.
 *
 * Locks: those of the wait queues.
 */
#include <linux/eventpoll.h>

#include "kernel/vfs/async_poll.h"
#include "kernel/vfs/internal.h"

enum { IDLE, ARMING, EARLY, ARMED, FIRED, AGAIN, TAKEN };

/*
 * Returns the state that follows @state after a wake-up or a cancel. The caller changes the state
 * by cmpxchg, since it may have changed since it was read.
 */
static u32 next_state(const struct async_poll *p, u32 state)
{
	switch (state) {
	case ARMED: return FIRED;
	case ARMING: return EARLY;
	case FIRED: return p->shot ? AGAIN : FIRED;
	case TAKEN: return AGAIN;
	default: return state;
	}
}

static void poll_work(struct work *w);

static void poll_task_work(struct task_work *w)
{
	poll_work(&container_of(w, struct async_poll, task_work)->work);
}

/*
 * Runs the work of the poll. If current is the waiting task, and neither exiting nor in an exec,
 * the work runs on current's way to user mode; otherwise in a worker. Called under locks of wait
 * queues.
 */
static void run(struct async_poll *p)
{
	struct task *t = current;

	if (p->task != t || t->flags & PF_EXITING || t->in_execve) {
		work_queue(&p->work);
		return;
	}
	p->task_work.func = poll_task_work;
	task_work_add(t, &p->task_work);
	/* If the task's system call is about to sleep, it must return to user mode instead. */
	set_bit(TIF_SIGPENDING, &t->work_flags);
	wake_up_state(t, TASK_INTERRUPTIBLE);
}

static void notify_poll(struct async_poll *p)
{
	u32 was, to;

	do {
		was = __atomic_load_n(&p->state, __ATOMIC_SEQ_CST);
		to = next_state(p, was);
		if (to == was)
			return;
	} while (cmpxchg(&p->state, was, to) != was);
	if (was == ARMED)
		run(p);
}

/*
 * Handles a wake-up of a wait queue, whose lock is held. @key: events; 0: any. Returns 0: it uses
 * up no exclusive wake-up.
 */
static int hook_wake(struct wait_queue_entry *e, u64 key)
{
	struct async_hook *h = container_of(e, struct async_hook, wait);
	struct async_poll *p = h->poll;

	if (!key || (key & (p->events | WAKE_QUEUE_GONE))) {
		if (key & WAKE_OF_URING)
			WRITE_ONCE(p->once, true);
		notify_poll(p);
	}
	/*
	 * This comes last, since from now on an unhooking task does not wait for the queue's lock.
	 */
	if (key & WAKE_QUEUE_GONE) {
		list_del_init(&e->entry);
		smp_store_release(&h->head, NULL);
	}
	return 0;
}

static void hook(struct file *f, struct wait_queue_head *q, struct poll_table *pt)
{
	struct async_poll *p = container_of(pt, struct async_poll, table);
	struct async_hook *h = &p->hooks[p->nr];

	if (p->nr == ASYNC_POLL_QUEUES) {
		p->too_many = true;
		return;
	}
	p->nr++;
	init_wait_entry(&h->wait);
	h->wait.func = hook_wake;
	h->head = q;
	h->poll = p;
	add_wait_queue(q, &h->wait);
}

static void unhook(struct async_poll *p)
{
	while (p->nr) {
		struct async_hook *h = &p->hooks[--p->nr];
		struct wait_queue_head *q = smp_load_acquire(&h->head);

		if (q)
			remove_wait_queue(q, &h->wait);
	}
	WRITE_ONCE(p->state, (u32)IDLE);
}

/* Queues the work as a wake-up would. */
static void run_work(struct async_poll *p)
{
	WRITE_ONCE(p->state, (u32)FIRED);
	work_queue(&p->work);
}

/*
 * Arms a multishot poll. Called once, while the caller keeps the poll. Returns the pending events,
 * or -EINVAL if the file has too many wait queues.
 */
static int start_shots(struct async_poll *p)
{
	u32 mask;

	__atomic_store_n(&p->state, (u32)ARMING, __ATOMIC_SEQ_CST);
	mask = vfs_poll(p->file, &p->table) & p->events;
	if (p->too_many) {
		unhook(p);
		return -EINVAL;
	}
	if (__atomic_load_n(&p->cancelled, __ATOMIC_SEQ_CST) ||
		cmpxchg(&p->state, (u32)ARMING, (u32)ARMED) != ARMING)
		run_work(p);
	return (int)mask;
}

int async_poll_start(struct async_poll *p)
{
	u32 mask;

	if (p->shot)
		return start_shots(p);
	for (;;) {
		__atomic_store_n(&p->state, (u32)ARMING, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&p->cancelled, __ATOMIC_SEQ_CST)) {
			run_work(p);
			return 0;
		}
		mask = vfs_poll(p->file, &p->table) & p->events;
		if (!mask && !p->too_many && cmpxchg(&p->state, (u32)ARMING, (u32)ARMED) == ARMING)
			return 0;
		unhook(p);
		if (mask)
			return (int)mask;
		if (p->too_many)
			return -EINVAL;
	}
}

/*
 * Returns the events that are pending now. Called by a worker, or by a task on its way to user
 * mode, neither of which may wait for a file system's server.
 */
static u32 look(struct async_poll *p)
{
	struct poll_table only = { .no_wait = true };

	return vfs_poll(p->file, &only) & p->events;
}

/*
 * Changes the state from @from to ARMED. Returns false if a wake-up or a canceller has changed the
 * state.
 */
static bool rearmed(struct async_poll *p, u32 from)
{
	return cmpxchg(&p->state, from, (u32)ARMED) == from;
}

/* Reports the pending events. Events that arrive meanwhile are left to the next run. */
static void shots(struct async_poll *p)
{
	u32 mask;

	if (!READ_ONCE(p->cancelled) && rearmed(p, TAKEN))
		return;
	mask = READ_ONCE(p->cancelled) ? 0 : look(p);
	if (READ_ONCE(p->cancelled) || (mask && (READ_ONCE(p->once) || !p->shot(p, mask)))) {
		unhook(p);
		p->done(p, READ_ONCE(p->cancelled) ? 0 : mask);
		return;
	}
	if (!rearmed(p, FIRED) && !rearmed(p, TAKEN)) /* the state is AGAIN */
		run_work(p);
}

u32 async_poll_take(struct async_poll *p)
{
	u32 was = READ_ONCE(p->state);

	if ((was != FIRED && was != AGAIN) || READ_ONCE(p->once) || READ_ONCE(p->cancelled))
		return 0;
	if (cmpxchg(&p->state, was, (u32)TAKEN) != was)
		return 0;
	return look(p) & ~ASYNC_POLL_ASK;
}

static void poll_work(struct work *w)
{
	struct async_poll *p = container_of(w, struct async_poll, work);
	int mask = 0;

	if (p->shot) {
		shots(p);
		return;
	}
	unhook(p);
	p->table.no_wait = true;
	if (!READ_ONCE(p->cancelled)) {
		mask = async_poll_start(p);
		if (!mask)
			return;
	}
	p->done(p, mask > 0 ? (u32)mask : 0);
}

void async_poll_cancel(struct async_poll *p)
{
	__atomic_store_n(&p->cancelled, true, __ATOMIC_SEQ_CST);
	notify_poll(p);
}

bool async_poll_stop(struct async_poll *p)
{
	return cmpxchg(&p->state, (u32)ARMED, (u32)FIRED) == ARMED;
}

void async_poll_unhook(struct async_poll *p)
{
	unhook(p);
}

void async_poll_setup(struct async_poll *p, struct file *f, u32 events,
	void (*done)(struct async_poll *p, u32 mask))
{
	p->file = f;
	p->events = events;
	p->done = done;
	p->shot = NULL;
	p->task = NULL;
	p->table = (struct poll_table){ .queue = hook, .key = events };
	p->state = IDLE;
	p->cancelled = p->too_many = p->once = false;
	p->nr = 0;
	work_setup(&p->work, poll_work);
}
