/* SPDX-License-Identifier: MIT */
/*
 * cpu_timer.c: limits and timers of CPU time: ITIMER_VIRTUAL, ITIMER_PROF, POSIX timers on CPU
 * clocks, RLIMIT_CPU and RLIMIT_RTTIME.
 *
 * A running thread checks all timers of its process when ktime reaches task->cpu_timer_at, and then
 * sets cpu_timer_at to the earliest time at which a timer could be due: n threads use up the
 * remaining CPU time r in no less than r / n. So there is no tick. A process without such timers
 * pays one comparison at each boundary.
 *
 * Locks: sighand->lock protects signal->it. tasklist_lock, taken before it, protects the list of
 * threads whose times are added.
 */
#include <linux/sched.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/internal.h"

#define MIN_WAIT 1000000UL    /* ns: the shortest time between two checks */
#define MAX_LATE 1000000000UL /* ns: the longest delay of a check */

u64 process_cpu_time(struct signal_struct *sig)
{
	struct task *t;
	u64 sum;

	read_lock(&tasklist_lock);
	sum = sig->sum_exec;
	list_for_each_entry(t, &sig->threads, thread_node)
		sum += task_sched_runtime(t);
	read_unlock(&tasklist_lock);
	return sum;
}

void cpu_timers_changed(struct signal_struct *sig)
{
	struct task *t;

	read_lock(&tasklist_lock);
	list_for_each_entry(t, &sig->threads, thread_node) {
		WRITE_ONCE(t->cpu_timer_at, 0);
		kick_process(t);
	}
	read_unlock(&tasklist_lock);
}

struct usage {
	u64 user, total, exec; /* CPU time of the process, ns */
	u64 wait;              /* ns until the first timer can be due */
};

static void want(struct usage *u, u64 rest)
{
	u->wait = min(u->wait, rest);
}

/*
 * Checks ITIMER_VIRTUAL (@i 0) or ITIMER_PROF (@i 1), at @used ns of CPU time. If the timer is due,
 * sets bit @signo of *fire, and the next expiry. sighand->lock is held, as for the next two
 * functions.
 */
static void check_interval(
	struct signal_struct *sig, int i, u64 used, int signo, struct usage *u, u32 *fire)
{
	if (!sig->it[i].expires)
		return;
	if (used >= sig->it[i].expires) {
		*fire |= 1U << signo;
		sig->it[i].expires =
			sig->it[i].incr ? max(sig->it[i].expires + sig->it[i].incr, used + 1) : 0;
	}
	if (sig->it[i].expires)
		want(u, sig->it[i].expires - used);
}

/*
 * Checks RLIMIT_CPU: SIGKILL at the hard limit. At the soft limit SIGXCPU, which also raises that
 * limit, so that the signal comes again after another second.
 */
static void check_rlimit(struct signal_struct *sig, struct usage *u, u32 *fire)
{
	u64 soft = READ_ONCE(sig->rlim[RLIMIT_CPU].cur),
	    hard = READ_ONCE(sig->rlim[RLIMIT_CPU].max);
	u64 sec = u->total / NSEC_PER_SEC;

	if (soft == RLIM64_INFINITY && hard == RLIM64_INFINITY)
		return;
	if (hard != RLIM64_INFINITY && sec >= hard) {
		*fire |= 1U << SIGKILL;
		return;
	}
	if (soft != RLIM64_INFINITY && sec >= soft) {
		*fire |= 1U << SIGXCPU;
		sig->rlim[RLIMIT_CPU].cur = sec + 1; /* SIGXCPU again after another second */
		soft = sec + 1;
	}
	if (min(soft, hard) < TIME_MAX / NSEC_PER_SEC)
		want(u, min(soft, hard) * NSEC_PER_SEC - u->total);
}

/* Checks RLIMIT_RTTIME: the time, in us, for which a real-time thread may run without sleeping. */
static void check_rttime(struct task *t, struct usage *u, u32 *fire)
{
	struct rlimit64_pair *r = &t->signal->rlim[RLIMIT_RTTIME];
	u64 soft = READ_ONCE(r->cur), hard = READ_ONCE(r->max), ran;

	if ((t->policy != SCHED_FIFO && t->policy != SCHED_RR) ||
		(soft == RLIM64_INFINITY && hard == RLIM64_INFINITY))
		return;
	ran = (task_sched_runtime(t) - t->se.woken_exec) / 1000;
	if (ran >= hard) {
		*fire |= 1U << SIGKILL;
		return;
	}
	if (ran >= soft) {
		*fire |= 1U << SIGXCPU;
		soft = r->cur = soft + 1000000; /* SIGXCPU again after another second */
	}
	if (min(soft, hard) < TIME_MAX / 1000)
		want(u, (min(soft, hard) - ran) * 1000);
}

/*
 * Sets the ktime of current's next check, unless another thread has armed a timer meanwhile and has
 * requested a check at once.
 */
static void look_again(struct task *t, u64 when)
{
	u64 at = ~0UL;

	__atomic_compare_exchange_n(
		&t->cpu_timer_at, &at, when, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/*
 * True if the thread has signals to take first. If their handlers take longer than MIN_WAIT, each
 * check would find that all timers have expired again, and the program would run nothing but
 * handlers. Signals from elsewhere delay a check no longer than MAX_LATE.
 */
static bool has_signals_first(struct task *t, u64 now)
{
	if (!signal_pending(t) || (t->cpu_timers_late && now > t->cpu_timers_late + MAX_LATE)) {
		t->cpu_timers_late = 0;
		return false;
	}
	if (!t->cpu_timers_late)
		t->cpu_timers_late = now;
	return true;
}

/*
 * Checks the timers of current's process, at a boundary after cpu_timer_at. A thread that keeps
 * arming timers or taking their signals does not check each time, or it would make no progress.
 */
static void check(u64 now)
{
	struct task *t = current;
	struct signal_struct *sig = t->signal;
	struct sighand_struct *sh;
	struct usage u = { .wait = ~0UL };
	u64 st;
	u32 fire = 0;

	if (!sig || (t->flags & (PF_KTHREAD | PF_EXITING)))
		return;
	if (now < t->cpu_timers_seen + MIN_WAIT) {
		look_again(t, t->cpu_timers_seen + MIN_WAIT);
		return;
	}
	t->cpu_timers_seen = now;
	if (has_signals_first(t, now)) {
		look_again(t, now + MIN_WAIT);
		return;
	}
	thread_group_times(t, &u.user, &st);
	u.total = u.user + st;
	u.exec = process_cpu_time(sig);
	sh = lock_task_sighand(t);
	if (!sh)
		return;
	check_interval(sig, 0, u.user, SIGVTALRM, &u, &fire);
	check_interval(sig, 1, u.total, SIGPROF, &u, &fire);
	check_rlimit(sig, &u, &fire);
	check_rttime(t, &u, &fire);
	unlock_task_sighand(sh);
	want(&u, posix_cpu_timers_check(sig, u.exec));
	for (; fire; fire &= fire - 1)
		send_sig_group(__builtin_ctz(fire), t, SEND_SIG_PRIV);
	if (u.wait != ~0UL)
		look_again(
			t, now + max(u.wait / (u64)max(READ_ONCE(sig->nr_threads), 1), MIN_WAIT));
}

static const struct sched_timer_ops timer_ops = {
	.cpu_timers = check,
	.sleep_real = sleep_until_real,
};

static int cpu_timers_init(void)
{
	sched_timer_ops = &timer_ops;
	return 0;
}
INITCALL(1, cpu_timers_init);
