/* SPDX-License-Identifier: MIT */
/*
 * work.c: work for kernel threads: functions that may sleep, queued from contexts that may not.
 *
 *      work_setup(&w, fn); work_queue(&w); ... work_flush(&w);
 *
 * One queue, served by up to MAX_WORKERS threads. A worker that takes an item while no other worker
 * is idle first starts another worker, so that an item that sleeps does not delay the others.
 *
 * States of an item: idle -> (work_queue) queued -> (worker) running -> idle. It may be queued
 * again while it runs, and then runs again afterwards: never twice at a time. The function may free
 * its item.
 *
 * Locks: work_lock protects the list, item->queued and the workers' table. Starting a worker
 * sleeps, so it happens without the lock.
 */
#include "kernel/lib/printk.h"
#include "kernel/sched/internal.h"

#define MAX_WORKERS 16

static DEFINE_SPINLOCK(work_lock);
static struct work *work_first, **work_tail = &work_first;
static struct work *running[MAX_WORKERS]; /* NULL: idle or no such worker */
/* nr_workers: used slots of running[]. nr_idle: workers without an item. Under work_lock. */
static u32 nr_workers, nr_idle;
static DECLARE_WAIT_QUEUE_HEAD(work_wait); /* workers */
static DECLARE_WAIT_QUEUE_HEAD(work_done); /* work_flush */

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->next = NULL;
	w->func = func;
	w->queued = 0;
}

bool work_queue(struct work *w)
{
	bool fresh;

	spin_lock(&work_lock);
	fresh = !w->queued;
	if (fresh) {
		w->queued = 1;
		w->next = NULL;
		*work_tail = w;
		work_tail = &w->next;
	}
	spin_unlock(&work_lock);
	if (fresh)
		wake_up(&work_wait);
	return fresh;
}

static bool is_running(const struct work *w)
{
	for (u32 i = 0; i < nr_workers; i++)
		if (running[i] == w)
			return true;
	return false;
}

/* Takes the first item whose function no other worker runs right now; under work_lock. */
static struct work *take_work(void)
{
	struct work **p = &work_first, *w;

	while ((w = *p) && is_running(w))
		p = &w->next;
	if (!w)
		return NULL;
	*p = w->next;
	if (work_tail == &w->next)
		work_tail = p;
	w->queued = 0;
	return w;
}

static int worker(void *arg);

/* Starts a worker if none is idle and there are fewer than MAX_WORKERS. May sleep. */
static void spawn(void)
{
	u64 n = MAX_WORKERS;

	spin_lock(&work_lock);
	if (nr_workers < MAX_WORKERS && !nr_idle) {
		n = nr_workers++;
		nr_idle++;
	}
	spin_unlock(&work_lock);
	if (n == MAX_WORKERS)
		return;
	if (!kthread_run(worker, (void *)n, "kworker/u:%lu", (unsigned long)n)) {
		spin_lock(&work_lock);
		/* nr_workers is not decremented, and the slot of running[] is not reused. */
		nr_idle--;
		spin_unlock(&work_lock);
	}
}

static void run_one(u64 me, struct work *w)
{
	spawn();
	w->func(w);
	spin_lock(&work_lock);
	running[me] = NULL;
	nr_idle++;
	spin_unlock(&work_lock);
	wake_up_all(&work_done);
}

/* Takes the next item for worker @me. NULL: none can run now. */
static struct work *begin_one(u64 me)
{
	struct work *w;

	spin_lock(&work_lock);
	w = take_work();
	if (w) {
		running[me] = w;
		nr_idle--;
	}
	spin_unlock(&work_lock);
	return w;
}

static int worker(void *arg)
{
	u64 me = (u64)arg;
	struct work *w = NULL;

	for (;;) {
		wait_event_idle_exclusive(&work_wait, (w = begin_one(me)) != NULL);
		if (w)
			run_one(me, w);
	}
	return 0;
}

static bool busy(const struct work *w)
{
	bool b;

	spin_lock(&work_lock);
	b = w->queued || is_running(w);
	spin_unlock(&work_lock);
	return b;
}

void work_flush(struct work *w)
{
	might_sleep();
	wait_event(&work_done, !busy(w));
}

static int work_init(void)
{
	spawn();
	return nr_idle ? 0 : -ENOMEM;
}
INITCALL(2, work_init);
