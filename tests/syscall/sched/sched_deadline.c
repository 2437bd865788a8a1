/* SPDX-License-Identifier: MIT */
/*
 * sched_deadline: SCHED_DEADLINE: parameters that are checked, kept and refused, and that such a
 * task makes progress. A host that does not permit it is not asked: each check knows its answer.
 */
#include "sched_attr.h"
#include "asked.h"
#include <sys/socket.h>

#define DEADLINE 6
#define MS 1000000UL

static long set(uint64_t runtime, uint64_t deadline, uint64_t period, uint64_t flags, int priority)
{
	struct attr a = { sizeof(a), DEADLINE, flags, 0, priority, runtime, deadline, period };

	return syscall(SYS_sched_setattr, 0, &a, 0);
}

static long runtime_of(pid_t pid)
{
	struct attr a = { 0 };

	if (syscall(SYS_sched_getattr, pid, &a, sizeof(a), 0) == -1)
		return -1;
	return a.policy == DEADLINE && a.deadline == a.period ? (long)a.runtime : 0;
}

static uint64_t flags_of(void)
{
	struct attr a = { 0 };

	return syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) ? ~0UL : a.flags;
}

static long work(void)
{
	volatile long x = 0;

	for (long i = 0; i < 20000000; i++)
		x++;
	return 0;
}

static void life(void)
{
	struct sched_param p = { 77 };
	struct timespec ts = { 7, 7 };
	unsigned long one = 1;

	WANT(0, set(10 * MS, 30 * MS, 0, 0, 0));
	WANT(10 * MS, runtime_of(0));
	WANT(0, set(0, 0, 0, 0x18, 0)); /* SCHED_FLAG_KEEP_ALL */
	WANT(10 * MS, runtime_of(0));
	WANT(0, set(20 * MS, 30 * MS, 0, 8, 0)); /* SCHED_FLAG_KEEP_POLICY */
	WANT(20 * MS, runtime_of(0));
	WANT(0, set(10 * MS, 30 * MS, 0, 0, 0));
	WANT(DEADLINE, sched_getscheduler(0));
	WANT(0, sched_getparam(0, &p));
	WANT(0, p.sched_priority);
	WANT(0, sched_rr_get_interval(0, &ts));
	WANT(0, ts.tv_sec + ts.tv_nsec);
	WANT(-EAGAIN, fork());
	WANT(-EBUSY, sysconf(_SC_NPROCESSORS_ONLN) > 1 ?
			     syscall(SYS_sched_setaffinity, 0, sizeof(one), &one) :
			     -EBUSY);
	WANT(0, sched_yield());
	WANT(0, work());                         /* beyond its budget */
	WANT(0, set(10 * MS, 30 * MS, 0, 1, 0)); /* SCHED_FLAG_RESET_ON_FORK */
	CHILD(WANT(0, sched_getscheduler(0)));
	WANT(0, set(0, 0, 0, 0x18, 0));
	WANT(1, flags_of());
	WANT(0, set(10 * MS, 30 * MS, 0, 8, 0));
	WANT(1, flags_of());
	WANT(0, set(0, 0, 0, 0x10, 0)); /* SCHED_FLAG_KEEP_PARAMS */
	WANT(0, flags_of());
	WANT(10 * MS, runtime_of(0));
	WANT(-EINVAL, sched_setparam(0, &(struct sched_param){ 0 }));
	WANT(0, sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 }));
	WANT(0, sched_getscheduler(0));
	WANT(-EINVAL, set(10 * MS, 0, 0, 0x10, 0));
	WANT(0, set(10 * MS, 30 * MS, 0, 0x10, 0));
	WANT(0, sched_getscheduler(0));
}

static long us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Computes for half a second. Returns how many percent of that time it had the CPU. */
static long share(void)
{
	long start = us(CLOCK_MONOTONIC), used = us(CLOCK_THREAD_CPUTIME_ID);

	while (us(CLOCK_MONOTONIC) - start < 500000)
		;
	return (us(CLOCK_THREAD_CPUTIME_ID) - used) * 100 / (us(CLOCK_MONOTONIC) - start);
}

static volatile sig_atomic_t overruns;
static void on_xcpu(int sig)
{
	overruns++;
}

/*
 * Even alone on the CPU, a task gets its runtime and no more; a yield sleeps until the next period.
 */
static void limits(void)
{
	long start;

	signal(SIGXCPU, on_xcpu);
	WANT(0, set(5 * MS, 50 * MS, 0, 0, 0));
	WANT(1, share() <= 15);
	WANT(0, overruns);
	start = us(CLOCK_MONOTONIC); /* before the first period begins */
	WANT(0, set(20 * MS, 50 * MS, 0, 0, 0));
	for (int i = 0; i < 6; i++)
		WANT(0, sched_yield());
	WANT(1, us(CLOCK_MONOTONIC) - start >= 240000);
	WANT(0, overruns);
	WANT(0, set(5 * MS, 50 * MS, 0, 4, 0)); /* SCHED_FLAG_DL_OVERRUN */
	WANT(4, flags_of());
	WANT(1, share() <= 15);
	WANT(1, overruns > 0);
	WANT(0, sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 }));
	WANT(0, flags_of());
}

/* Another's change of its policy ends the wait for a period that is far away. */
static long freed_after(void)
{
	long start, before;
	clockid_t used;
	pid_t pid;
	int s[2], status;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	pid = SPAWN({
		before = us(CLOCK_PROCESS_CPUTIME_ID);
		NEED(write(s[1], &before, sizeof(before)));
		if (asked) {
			NEED(set(MS, 4000 * MS, 0, 0, 0));
			work();
		}
		NEED(read(s[1], &before, 1)); /* the parent reads our times */
	});
	NEED(read(s[0], &before, sizeof(before)));
	NEED0(clock_getcpuclockid(pid, &used));
	if (asked)
		T_WAIT(sched_getscheduler(pid) == DEADLINE && us(used) - before >= 1000);
	start = us(CLOCK_MONOTONIC);
	if (asked)
		NEED(sched_setscheduler(pid, SCHED_OTHER, &(struct sched_param){ 0 }));
	NEED(write(s[0], "x", 1));
	NEED(waitpid(pid, &status, 0));
	NEED(status ? -1 : 0);
	close(s[0]);
	close(s[1]);
	return us(CLOCK_MONOTONIC) - start;
}

/* A throttled task needs four seconds each time; a task that the machine delays does not. */
static void freed(void)
{
	long least = freed_after();

	for (int i = 0; i < 4 && least >= 3000000; i++)
		least = freed_after();
	WANT(1, least < 3000000);
}

static void refused(void)
{
	WANT(-EINVAL, set(1000, 30 * MS, 0, 0, 0));
	WANT(-EINVAL, set(40 * MS, 30 * MS, 0, 0, 0));
	WANT(-EINVAL, set(10 * MS, 30 * MS, 20 * MS, 0, 0));
	WANT(-EINVAL, set(10 * MS, 0, 30 * MS, 0, 0));
	WANT(-EINVAL, set(10 * MS, 30 * MS, 0, 0, 1));
	WANT(-EINVAL, set(10 * MS, 1UL << 63, 0, 0, 0));
	WANT(-EINVAL, set(10 * MS, 5000 * MS, 0, 0, 0)); /* a period of more than 4.19 s */
	WANT(-EINVAL, set(10 * MS, 30 * MS, 5000 * MS, 0, 0));
	WANT(-EINVAL, sched_setscheduler(0, DEADLINE, &(struct sched_param){ 0 }));
	CHILD({
		NEED(setresuid(54321, 54321, 54321));
		WANT(-EPERM, set(10 * MS, 30 * MS, 0, 0, 0));
		WANT(-EINVAL, set(40 * MS, 30 * MS, 0, 0, 0));
	});
}

TEST(sched_deadline)
{
	asked = set(MS, 30 * MS, 0, 0, 0) == 0 || access("/proc/nestling/mode", F_OK) == 0;
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	life();
	limits();
	freed();
	refused();
}
