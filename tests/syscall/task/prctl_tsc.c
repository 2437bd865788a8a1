/* SPDX-License-Identifier: MIT */
/*
 * prctl_tsc: prctl(PR_SET_TSC) belongs to the thread, and is inherited by fork, threads and exec;
 * threads that may read the counter run beside some that may not.
 */
#include "t.h"
#include <setjmp.h>
#include <sys/prctl.h>
#include <x86intrin.h>

static __thread sigjmp_buf back;
static __thread int code;

static void on_segv(int sig, siginfo_t *si, void *context)
{
	code = si->si_code == SI_KERNEL && !si->si_addr;
	siglongjmp(back, 1);
}

static int reads(void)
{
	unsigned aux;

	if (sigsetjmp(back, 1))
		return code ? 0 : -1;
	return __rdtsc() + __rdtscp(&aux) != 0;
}

/* Reads a clock, for which the vDSO reads the counter. */
static int tells(void)
{
	struct timespec ts = { 0 };

	if (sigsetjmp(back, 1))
		return code ? 0 : -1;
	return !clock_gettime(CLOCK_MONOTONIC, &ts) && (ts.tv_sec || ts.tv_nsec);
}

static int mode(void)
{
	int m = -1;

	prctl(PR_GET_TSC, &m);
	return m;
}

static void report(const char *who)
{
	say("%s: mode %d, reads %d, tells %d", who, mode(), reads(), tells());
}

/* The fault must not change registers, also floating-point registers. */
static void registers(void)
{
	double d[4] = { 1.5, 2.5, 3.5, 4.5 }, sum = 0;
	int faults = 0;

	for (int i = 0; i < 2000; i++) {
		prctl(PR_SET_TSC, i & 1 ? PR_TSC_SIGSEGV : PR_TSC_ENABLE);
		faults += !reads();
		for (int k = 0; k < 4; k++)
			sum += d[k] * i;
		getppid();
	}
	say("%d faults, sum %.1f", faults, sum);
}

static pthread_barrier_t start;
static int bad;

static void *reader(void *arg)
{
	long forbid = (long)arg;
	unsigned long long last = 0;

	if (forbid)
		prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
	pthread_barrier_wait(&start);
	for (int i = 0; i < 500; i++) {
		if (reads() != !forbid)
			__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED);
		if (!forbid) {
			unsigned long long now = __rdtsc();

			if (now < last && last - now > 1000000)
				__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED);
			last = now;
		}
		if (i % 50 == 0)
			sched_yield();
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[6];

	pthread_barrier_init(&start, NULL, 6);
	for (long i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, reader, (void *)(i & 1));
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	say("threads: %d wrong", bad);
}

TEST(prctl_tsc)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	if (t_argc > 1) {
		report("behind exec");
		return;
	}
	report("at first");
	T(prctl(PR_SET_TSC, 0));
	T(prctl(PR_SET_TSC, 3));
	T(prctl(PR_SET_TSC, -1L));
	T(prctl(PR_GET_TSC, BAD));
	T(prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	report("forbidden");
	CHILD({
		report("child");
		T(prctl(PR_SET_TSC, PR_TSC_ENABLE));
		report("child that may");
		T(prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
		execl("/proc/self/exe", "prctl_tsc", "exec", NULL);
	});
	report("parent");
	T(prctl(PR_SET_TSC, PR_TSC_ENABLE));
	report("allowed");
	threads();
	registers();
	report("at last");
	CHILD(reads(); signal(SIGSEGV, SIG_DFL); T(prctl(PR_SET_TSC, PR_TSC_SIGSEGV)); __rdtsc();
		say("alive"););
}
