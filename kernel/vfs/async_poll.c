/* SPDX-License-Identifier: MIT */
/*
 * async_poll.c: waiting for events of a file without a task that sleeps (async_poll.h has the interface).
 *
 * States: IDLE -> (start) ARMING -> ARMED -> FIRED -> IDLE. Whoever takes ARMED to FIRED, a wake-up or a canceller, queues the work, so
 * each arming leads to one run of it. A wake-up that comes while hooks are still being added takes ARMING to EARLY, and start looks
 * again. The work takes the hooks off, asks the file, and either calls done or arms again. With several shots the hooks stay: the work goes from FIRED
 * back to ARMED when it has told what there is; a wake-up meanwhile takes FIRED to AGAIN, and it looks again.
 *
 * Invariants: 1. hooks are touched by start, by the work, and by who has stopped it, which never overlap. 2. While hooks are on queues the state is not
 * IDLE. 3. After ARMED only the work ends the life of a poll, so the work may look at it after it has armed it again.
 * Locks: those of the wait queues.
 */
#include <linux/eventpoll.h>

#include "kernel/vfs/async_poll.h"

enum { IDLE, ARMING, EARLY, ARMED, FIRED, AGAIN };

/* True: this caller has ended the wait. */
static bool fire(struct async_poll *p)
{
	if (cmpxchg(&p->state, (u32)ARMED, (u32)FIRED) != ARMED)
		return false;
	work_queue(&p->work);
	return true;
}

static void tell(struct async_poll *p)
{
	if (fire(p))
		return;
	cmpxchg(&p->state, (u32)ARMING, (u32)EARLY);
	if (p->shot)
		cmpxchg(&p->state, (u32)FIRED, (u32)AGAIN);
}

static int hook_wake(struct wait_queue_entry *e, u64 key)
{
	struct async_hook *h = container_of(e, struct async_hook, wait);
	struct async_poll *p = h->poll;

	if (!key || (key & (p->events | WAKE_QUEUE_GONE)))
		tell(p);
	if (key & WAKE_QUEUE_GONE) { /* at last: who unhooks no longer waits for the queue's lock */
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

static int start_shots(struct async_poll *p)
{
	u32 mask;

	WRITE_ONCE(p->state, (u32)ARMING);
	mask = vfs_poll(p->file, &p->table) & p->events;
	if (p->too_many) {
		unhook(p);
		return -EINVAL;
	}
	if (cmpxchg(&p->state, (u32)ARMING, (u32)ARMED) != ARMING) {
		WRITE_ONCE(p->state, (u32)FIRED);
		work_queue(&p->work);
	} else if (__atomic_load_n(&p->cancelled, __ATOMIC_SEQ_CST)) {
		fire(p);
	}
	return (int)mask;
}

int async_poll_start(struct async_poll *p)
{
	u32 mask;

	if (p->shot)
		return start_shots(p);
	for (;;) {
		WRITE_ONCE(p->state, (u32)ARMING);
		mask = vfs_poll(p->file, &p->table) & p->events;
		if (!mask && !p->too_many &&
			cmpxchg(&p->state, (u32)ARMING, (u32)ARMED) == ARMING) {
			if (__atomic_load_n(&p->cancelled, __ATOMIC_SEQ_CST))
				fire(p);
			return 0;
		}
		unhook(p);
		if (mask)
			return (int)mask;
		if (p->too_many)
			return -EINVAL;
	}
}

/* Tells what there is; what has come meanwhile is for the next run. */
static void shots(struct async_poll *p)
{
	u32 mask = READ_ONCE(p->cancelled) ? 0 : vfs_poll(p->file, NULL) & p->events;

	if (READ_ONCE(p->cancelled) || (mask && !p->shot(p, mask))) {
		unhook(p);
		p->done(p, READ_ONCE(p->cancelled) ? 0 : mask);
		return;
	}
	if (cmpxchg(&p->state, (u32)FIRED, (u32)ARMED) != FIRED) {
		WRITE_ONCE(p->state, (u32)FIRED);
		work_queue(&p->work);
	} else if (__atomic_load_n(&p->cancelled, __ATOMIC_SEQ_CST)) {
		fire(p);
	}
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
	fire(p);
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
	p->table = (struct poll_table){ .queue = hook, .key = events };
	p->state = IDLE;
	p->cancelled = p->too_many = false;
	p->nr = 0;
	work_setup(&p->work, poll_work);
}
