/* SPDX-License-Identifier: MIT */
/*
 * sleep.c: nanosleep and clock_nanosleep.
 *
 * A relative sleep is turned into a deadline once. When a signal interrupts it, the remaining time
 * is reported to the guest and the deadline is kept in the restart block, so a restarted sleep ends
 * at the original time. An absolute sleep is restarted with the same arguments (ERESTARTNOHAND).
 * Sleeps on real time use a clock_timer, so that they follow clock_settime().
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/internal.h"
#include "kernel/time/time.h"
#include "gen/syscalls.h"
#include "kernel/task/ns/nsproxy.h"

struct clock_sleep {
	struct clock_timer timer;
	struct task *task; /* NULL once the time has come */
};

static void sleep_over(struct clock_timer *ct)
{
	struct clock_sleep *s = container_of(ct, struct clock_sleep, timer);
	struct task *t = s->task;

	WRITE_ONCE(s->task, NULL);
	wake_up_state(t, TASK_INTERRUPTIBLE);
}

/* Sleeps until @abs (ns) on @clock. Returns 0, or -ERESTARTSYS if a signal came. */
static int sleep_until(int clock, u64 abs)
{
	struct clock_sleep s = { .task = current };

	clock_timer_setup(&s.timer, clock, sleep_over);
	set_current_state(TASK_INTERRUPTIBLE);
	clock_timer_start(&s.timer, abs);
	while (READ_ONCE(s.task) && !signal_pending(current)) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	clock_timer_cancel_sync(&s.timer);
	return READ_ONCE(s.task) ? -ERESTARTSYS : 0;
}

/*
 * Sleeps on a CPU clock, in steps: the remaining CPU time cannot pass faster than if all threads
 * ran. Returns 0, -ERESTARTSYS, or -EINVAL if the clock has ended.
 */
static int sleep_cpu(int clock, u64 abs)
{
	bool own = clock >= 0 || ~(clock >> 3) == 0;
	u64 now, threads;
	int err;

	for (;;) {
		err = clock_read(clock, &now);
		if (err || now >= abs)
			return err;
		/*
		 * The number of threads that can run at once; for another process, the number of
		 * vCPUs.
		 */
		threads = own ? max(READ_ONCE(current->signal->nr_threads), 1) : nr_cpus;
		threads = min_t(u64, threads, nr_cpus);
		err = sleep_until(
			CLOCK_MONOTONIC, ktime_get() + max((abs - now) / threads, 1000000UL));
		if (err)
			return err;
	}
}

/* Sleeps until @abs (ns) on any clock. Returns what sleep_cpu() returns. */
static int sleep_on(int clock, u64 abs)
{
	return clock_is_cpu(clock) ? sleep_cpu(clock, abs) : sleep_until(clock, abs);
}

/*
 * Ends a relative sleep that a signal interrupted: reports the rest in @rem, and sets the restart
 * block. Returns -ERESTART_RESTARTBLOCK, 0 if the time has come, or another -errno.
 */
static long relative_interrupted(int clock, u64 abs, uaddr_t rem);

static long relative_restart(struct restart_block *rb)
{
	int clock = (int)rb->arg[0];

	if (!sleep_on(clock, rb->arg[1]))
		return 0;
	return relative_interrupted(clock, rb->arg[1], UADDR(rb->arg[2]));
}

static long relative_interrupted(int clock, u64 abs, uaddr_t rem)
{
	struct restart_block *rb = &current->restart;
	u64 now;

	if (clock_read(clock, &now))
		return -EINVAL;
	if (now >= abs)
		return 0;
	if (rem.v && put_timespec(rem, abs - now))
		return -EFAULT;
	rb->fn = relative_restart;
	rb->arg[0] = (u64)clock;
	rb->arg[1] = abs;
	rb->arg[2] = rem.v;
	return -ERESTART_RESTARTBLOCK;
}

/* Sleeps for @ns. Returns 0 or -errno. */
static long sleep_relative(int clock, u64 ns, uaddr_t rem)
{
	u64 now, abs;
	int err = clock_read(clock, &now);

	if (err)
		return err;
	if (check_add_overflow(now, ns, &abs) || abs > TIME_MAX)
		abs = TIME_MAX;
	err = sleep_on(clock, abs);
	return err == -ERESTARTSYS ? relative_interrupted(clock, abs, rem) : err;
}

long sys_nanosleep(uaddr_t req, uaddr_t rem)
{
	u64 ns;
	int err = get_timespec(req, &ns);

	return err ? err : sleep_relative(CLOCK_MONOTONIC, ns, rem);
}

/* True if @clock is the CPU clock of current, a thread, by its number or by 0. */
static bool is_own_thread(int clock)
{
	pid_t pid = ~(clock >> 3);

	return clock < 0 && clock & 4 && (!pid || pid == task_pid_vnr(current));
}

long sys_clock_nanosleep(int which, int flags, uaddr_t req, uaddr_t rem)
{
	bool cpu = which < 0 && (which & 7) != CLOCK_OF_FILE; /* sleep_cpu() checks a CPU clock */
	u64 ns, now;
	int err = cpu ? 0 : clock_read(which, &now);

	if (err)
		return err;
	if (which == CLOCK_THREAD_CPUTIME_ID || which == CLOCK_MONOTONIC_RAW ||
		which == CLOCK_MONOTONIC_COARSE || which == CLOCK_REALTIME_COARSE)
		return -EOPNOTSUPP;
	err = get_timespec(req, &ns);
	if (err)
		return err;
	if (clock_is_alarm(which) && flags & ~TIMER_ABSTIME)
		return -EINVAL;
	if (clock_is_alarm(which) && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	if (is_own_thread(which))
		return -EINVAL; /* it stands still while the thread sleeps */
	if (!(flags & TIMER_ABSTIME)) {
		/* A relative sleep does not follow clock_settime(). */
		if (which == CLOCK_REALTIME || which == CLOCK_TAI)
			which = CLOCK_MONOTONIC;
		return sleep_relative(which, ns, rem);
	}
	err = sleep_on(which, time_ns_abs(which, ns));
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}
