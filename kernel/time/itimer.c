/* SPDX-License-Identifier: MIT */
/*
 * itimer.c: interval timers (getitimer, setitimer, alarm), and the life of a process's timers.
 *
 * ITIMER_REAL is a timer in signal_struct that sends SIGALRM; each expiry is computed from the one
 * before, so it does not drift. ITIMER_VIRTUAL and ITIMER_PROF are values of the process's CPU
 * time, which cpu_timer.c checks.
 *
 * Locks: real_lock protects the real timer's fields (the timer's function takes it too),
 * sighand->lock protects signal->it.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/internal.h"
#include "gen/syscalls.h"

/* Shortest period in ns. A shorter one causes overruns instead of more signals. */
#define MIN_PERIOD 20000UL
#define MAX_UNSEEN 5
/*
 * How long a timer rests, in ns. Grows eightfold with each expiry whose signal is not taken, up to
 * 0.7 s.
 */
#define rest_of(unseen) (MIN_PERIOD << 3 * (unseen))

static DEFINE_SPINLOCK(real_lock);

u64 next_period(u64 expires, u64 interval, u64 now, u64 *missed)
{
	u64 n = now >= expires ? (now - expires) / interval : 0;

	*missed = n;
	return expires + (n + 1) * interval;
}

u64 next_expiry(u64 expires, u64 interval, u64 now, u8 *unseen, u64 *missed, u64 *left_out)
{
	u64 next = next_period(expires, interval, now, missed);
	u8 n = READ_ONCE(*unseen);

	*left_out = 0;
	if (n < MAX_UNSEEN)
		WRITE_ONCE(*unseen, (u8)(n + 1));
	if (interval >= rest_of(n))
		return next;
	next = next_period(next, interval, now + rest_of(n), left_out);
	++*left_out;
	return next;
}

u64 rest_of_period(u64 rest, u64 interval)
{
	/*
	 * A timer with a period of at least the longest rest never rests. If @rest exceeds such a
	 * period, the clock was set back, and @rest is shown unchanged.
	 */
	if (!rest || !interval || interval >= rest_of(MAX_UNSEEN))
		return rest;
	return (rest - 1) % interval + 1;
}

static void real_expired(struct ktimer *t)
{
	struct signal_struct *sig = container_of(t, struct signal_struct, real_timer);
	u64 missed, left_out;

	kill_pid(sig->pids[PIDTYPE_TGID], SIGALRM, SEND_SIG_PRIV);
	spin_lock(&real_lock);
	if (sig->it_real_incr && !timer_armed(t)) {
		sig->it_real_again = true;
		timer_start(t, next_expiry(t->expires, sig->it_real_incr, ktime_get(),
				       &sig->it_real_unseen, &missed, &left_out));
	}
	spin_unlock(&real_lock);
}

void real_timer_wanted(void)
{
	struct signal_struct *sig = current->signal;
	u64 rest, now;

	if (!READ_ONCE(sig->it_real_incr))
		return;
	spin_lock(&real_lock);
	sig->it_real_unseen = 0;
	now = ktime_get();
	if (sig->it_real_again && timer_armed(&sig->real_timer) && sig->real_timer.expires > now) {
		rest = rest_of_period(sig->real_timer.expires - now, sig->it_real_incr);
		if (rest < MIN_PERIOD)
			rest += (MIN_PERIOD - rest + sig->it_real_incr - 1) / sig->it_real_incr *
				sig->it_real_incr;
		timer_start(&sig->real_timer, now + rest);
	}
	spin_unlock(&real_lock);
}

static void process_timers_init(struct signal_struct *sig)
{
	timer_setup(&sig->real_timer, real_expired);
}

static void process_timers_exec(struct signal_struct *sig)
{
	posix_timers_delete_all(sig);
}

static void process_timers_exit(struct signal_struct *sig)
{
	spin_lock(&real_lock);
	sig->it_real_incr = 0;
	spin_unlock(&real_lock);
	timer_cancel_sync(&sig->real_timer);
	posix_timers_delete_all(sig);
}

/*
 * Returns the ns until the expiry, 1000 if it is due already, or 0 if the timer is not armed.
 * real_lock is held.
 */
static u64 real_rest(struct signal_struct *sig)
{
	u64 now = ktime_get(), rest;

	if (!timer_armed(&sig->real_timer))
		return 0;
	rest = min(sig->real_timer.expires, TIME_MAX);
	rest = rest > now ? rest - now : 1000;
	return sig->it_real_again ? rest_of_period(rest, sig->it_real_incr) : rest;
}

/* Returns the CPU time of the process in ns. For ITIMER_VIRTUAL, time in the kernel is left out. */
static u64 cpu_used(int which)
{
	u64 ut, st;

	thread_group_times(current, &ut, &st);
	return which == ITIMER_VIRTUAL ? ut : ut + st;
}

/*
 * Gets the period and the remaining time, in ns, of a timer of the current process. Returns 0, or
 * -EINVAL if @which is invalid.
 */
static int get_itimer(int which, u64 *incr, u64 *value)
{
	struct signal_struct *sig = current->signal;
	u64 used, expires;

	switch (which) {
	case ITIMER_REAL:
		spin_lock(&real_lock);
		*incr = sig->it_real_incr;
		*value = real_rest(sig);
		spin_unlock(&real_lock);
		return 0;
	case ITIMER_VIRTUAL:
	case ITIMER_PROF:
		used = cpu_used(which);
		spin_lock(&current->sighand->lock);
		*incr = sig->it[which - 1].incr;
		expires = sig->it[which - 1].expires;
		spin_unlock(&current->sighand->lock);
		*value = !expires ? 0 : expires > used ? expires - used : 1000;
		return 0;
	default: return -EINVAL;
	}
}

/* Sets ITIMER_REAL. Takes real_lock. */
static void set_real(u64 incr, u64 value)
{
	struct signal_struct *sig = current->signal;

	spin_lock(&real_lock);
	timer_cancel(&sig->real_timer);
	sig->it_real_incr = value ? incr : 0;
	sig->it_real_unseen = 0;
	sig->it_real_again = false;
	if (value)
		timer_start(&sig->real_timer, deadline_in(value));
	spin_unlock(&real_lock);
}

/*
 * Sets the period and the remaining time, in ns, as get_itimer() gets them. Returns 0 or -EINVAL.
 */
static int set_itimer(int which, u64 incr, u64 value)
{
	struct signal_struct *sig = current->signal;
	u64 used;

	switch (which) {
	case ITIMER_REAL: set_real(incr, value); return 0;
	case ITIMER_VIRTUAL:
	case ITIMER_PROF:
		used = cpu_used(which);
		spin_lock(&current->sighand->lock);
		sig->it[which - 1].expires = value ? used + value : 0;
		sig->it[which - 1].incr = incr;
		spin_unlock(&current->sighand->lock);
		cpu_timers_changed(sig);
		return 0;
	default: return -EINVAL;
	}
}

static int put_itimerval(uaddr_t ua, u64 incr, u64 value)
{
	int err = put_timeval(ua, incr);

	return err ? err : put_timeval(uaddr_add(ua, sizeof(struct __kernel_old_timeval)), value);
}

long sys_getitimer(int which, uaddr_t value)
{
	u64 incr, left;
	int err = get_itimer(which, &incr, &left);

	return err ? err : put_itimerval(value, incr, left);
}

long sys_setitimer(int which, uaddr_t value, uaddr_t ovalue)
{
	u64 incr = 0, left = 0, old_incr, old_left;
	int err;

	if (value.v) {
		err = get_timeval(value, &incr);
		if (!err)
			err = get_timeval(
				uaddr_add(value, sizeof(struct __kernel_old_timeval)), &left);
		if (err)
			return err;
	}
	err = get_itimer(which, &old_incr, &old_left);
	if (!err)
		err = set_itimer(which, incr, left);
	if (err || !ovalue.v)
		return err;
	return put_itimerval(ovalue, old_incr, old_left);
}

long sys_alarm(uint32_t seconds)
{
	u64 incr, left;

	get_itimer(ITIMER_REAL, &incr, &left);
	set_real(0, seconds * NSEC_PER_SEC);
	if (left && left < NSEC_PER_SEC)
		return 1;
	return (long)((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}

const struct process_timer_ops process_timer_ops = {
	.init = process_timers_init,
	.exec = process_timers_exec,
	.exit = process_timers_exit,
	.limit_changed = cpu_timers_changed,
	.taken = timer_signal_taken,
	.wanted = timer_signal_wanted,
};
