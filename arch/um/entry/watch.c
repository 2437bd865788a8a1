/* SPDX-License-Identifier: MIT */
/*
 * watch.c: checks about once a second for guests that compute while no vCPU drives them
 * (skas/watch.c).
 *
 * The timer runs only while such guests may exist. A vCPU that returns to a guest sets stirred, at
 * most once a millisecond. If stirred stayed clear for a second and no runner has computed, all
 * runners are asleep, and none wakes up by itself. Then the timer is not set again. With
 * time-travel there are no checks.
 *
 * Locks: none. stirred is written by vCPUs that run guests; dormant by the vCPU that ends a check
 * and by the vCPU that sets the timer.
 */
#include "arch/um/internal.h"
#include "arch/um/machine/timetravel.h"
#include "arch/um/entry/watch.h"
#include "kernel/lib/atomic.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"
#include "skas/skas.h"

#define LOOK_NS 1000000000UL

static struct ktimer timer;
static struct work work;
static bool stirred;
static u32 dormant;

/* Checks the runners. A check that comes early or late does no harm. */
static void look(struct work *w)
{
	bool active = xchg(&stirred, false);
	u32 at = 0;

	do {
		at = skas_look(at, &active);
		cond_resched();
	} while (at);
	if (active) {
		timer_start(&timer, ktime_get() + LOOK_NS);
		return;
	}
	(void)xchg(&dormant, 1);
	if (READ_ONCE(stirred))
		watch_stir();
}

static void on_timer(struct ktimer *t)
{
	work_queue(&work);
}

void watch_stir(void)
{
	if (!READ_ONCE(stirred))
		(void)xchg(&stirred, true);
	if (unlikely(READ_ONCE(dormant)) && xchg(&dormant, 0))
		timer_start(&timer, ktime_get() + LOOK_NS);
}

void watch_init(void)
{
	timer_setup(&timer, on_timer);
	work_setup(&work, look);
	dormant = !time_travels;
}
