/* SPDX-License-Identifier: MIT */
/*
 * clock_timer.c: timers on guests' clocks, built on the scheduler's timers, which know monotonic
 * time only.
 *
 * A timer for a point in real time is in a list while it is armed. When the clock is set, all
 * timers in the list are armed again, for the monotonic time at which that point now comes. A timer
 * that is just expiring is armed again too: then only the later expiry counts.
 *
 * Locks: clock_timers_lock protects the list. A timer in the list is armed, is set to a time that
 * never comes (TIME_MAX), or is about to be checked by is_over(). The owner serialises the arming
 * of a timer. clock_watches_lock protects the watchers of jumps; the locks of their functions are
 * taken inside it.
 */
#include "arch/um/machine/arch.h"
#include "kernel/time/internal.h"

static DEFINE_SPINLOCK(clock_timers_lock);
static LIST_HEAD(real_timers);

/* True if the timer's clock can be set, so that the timer is in the list while it is armed. */
static bool follows_real_time(const struct clock_timer *ct)
{
	return ct->clock == CLOCK_REALTIME || ct->clock == CLOCK_REALTIME_ALARM ||
	       ct->clock == CLOCK_TAI;
}

/* Takes the timer off the list. Takes clock_timers_lock. */
static void unlist(struct clock_timer *ct)
{
	if (!follows_real_time(ct))
		return;
	spin_lock(&clock_timers_lock);
	list_del_init(&ct->list);
	spin_unlock(&clock_timers_lock);
}

/*
 * True if the timer's time has come, and the timer was neither re-armed nor cancelled meanwhile. If
 * true, the timer has been removed from the list. The host's clocks may differ a little between two
 * readings: a timer that expires too early is armed again.
 */
static bool is_over(struct clock_timer *ct)
{
	bool over = false;
	u64 now;

	if (!follows_real_time(ct))
		return true;
	spin_lock(&clock_timers_lock);
	if (!list_empty(&ct->list) && !timer_armed(&ct->timer)) {
		over = clock_read(ct->clock, &now) || now >= ct->abs;
		if (over)
			list_del_init(&ct->list);
		else
			timer_start(&ct->timer, deadline_at(ct->clock, ct->abs));
	}
	spin_unlock(&clock_timers_lock);
	return over;
}

static void expired(struct ktimer *t)
{
	struct clock_timer *ct = container_of(t, struct clock_timer, timer);

	if (is_over(ct))
		ct->func(ct);
}

void clock_timer_setup(struct clock_timer *ct, int clock, void (*func)(struct clock_timer *ct))
{
	timer_setup(&ct->timer, expired);
	INIT_LIST_HEAD(&ct->list);
	ct->clock = clock;
	ct->func = func;
}

int clock_timer_base(int clock, bool absolute)
{
	return clock == CLOCK_REALTIME && !absolute ? CLOCK_MONOTONIC : clock;
}

/* Arms the timer for @abs (ns on its clock), or disarms it if that time never comes. */
static void start(struct clock_timer *ct, u64 abs)
{
	u64 deadline = deadline_at(ct->clock, abs);

	ct->abs = abs;
	if (deadline != ~0UL)
		timer_start(&ct->timer, deadline);
	else
		timer_cancel(&ct->timer);
}

/*
 * Arms a timer. A timer that follows real time is armed under clock_timers_lock. Otherwise a
 * deadline computed before the clock was set could replace the deadline of rearm_for_new_time().
 */
void clock_timer_start(struct clock_timer *ct, u64 abs)
{
	if (!follows_real_time(ct)) {
		start(ct, abs);
		return;
	}
	spin_lock(&clock_timers_lock);
	list_del_init(&ct->list);
	list_add(&ct->list, &real_timers);
	start(ct, abs);
	spin_unlock(&clock_timers_lock);
}

bool clock_timer_cancel(struct clock_timer *ct)
{
	unlist(ct);
	return timer_cancel(&ct->timer);
}

bool clock_timer_try_cancel(struct clock_timer *ct)
{
	unlist(ct);
	return timer_try_cancel(&ct->timer);
}

/*
 * Cancels a timer and waits until its function has ended. The timer leaves the list first, since
 * clock_settime() can arm a timer in the list at any time. If the function has armed the timer
 * again, the timer is in the list again, and the loop repeats.
 */
void clock_timer_cancel_sync(struct clock_timer *ct)
{
	do {
		unlist(ct);
		timer_cancel_sync(&ct->timer);
	} while (!list_empty(&ct->list));
}

/* Arms all timers of the list again. Takes clock_timers_lock. */
static void rearm_for_new_time(void)
{
	struct clock_timer *ct;

	spin_lock(&clock_timers_lock);
	list_for_each_entry(ct, &real_timers, list) {
		if (ct->abs < TIME_MAX)
			timer_start(&ct->timer, deadline_at(ct->clock, ct->abs));
	}
	spin_unlock(&clock_timers_lock);
}

void clock_has_moved(void)
{
	rearm_for_new_time();
}

/* ---- sleeping until a time of CLOCK_REALTIME ---- */

struct real_sleeper {
	struct clock_timer timer;
	struct task *task; /* NULL once the time has come */
};

static void real_sleeper_over(struct clock_timer *ct)
{
	struct real_sleeper *s = container_of(ct, struct real_sleeper, timer);
	struct task *t = s->task;

	WRITE_ONCE(s->task, NULL);
	wake_up_state(t, TASK_NORMAL | TASK_WAKEKILL);
}

int sleep_until_real(u64 at)
{
	struct real_sleeper s = { .task = current };

	clock_timer_setup(&s.timer, CLOCK_REALTIME, real_sleeper_over);
	clock_timer_start(&s.timer, at);
	schedule();
	clock_timer_cancel_sync(&s.timer);
	return READ_ONCE(s.task) ? 0 : -ETIMEDOUT;
}

/* ---- jumps ---- */

static DEFINE_SPINLOCK(clock_watches_lock);
static LIST_HEAD(clock_watches);

void clock_watch_setup(struct clock_watch *w, void (*func)(struct clock_watch *w))
{
	INIT_LIST_HEAD(&w->list);
	w->func = func;
}

void clock_watch(struct clock_watch *w)
{
	spin_lock(&clock_watches_lock);
	if (list_empty(&w->list))
		list_add(&w->list, &clock_watches);
	spin_unlock(&clock_watches_lock);
}

void clock_unwatch(struct clock_watch *w)
{
	spin_lock(&clock_watches_lock);
	list_del_init(&w->list);
	spin_unlock(&clock_watches_lock);
}

void clock_was_set(void)
{
	struct clock_watch *w;

	rearm_for_new_time();
	spin_lock(&clock_watches_lock);
	list_for_each_entry(w, &clock_watches, list)
		w->func(w);
	spin_unlock(&clock_watches_lock);
}
