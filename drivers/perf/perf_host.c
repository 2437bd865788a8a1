/* SPDX-License-Identifier: MIT */
/*
 * perf_host.c: the profiler's clock: a thread that sleeps, then looks at the state of each vCPU
 * (os.h) and interrupts it: by SIGPROF, which only vCPU threads do not block, or by a kick. When
 * the profiler is switched off, the thread stays asleep, and SIGPROF is ignored.
 */
#include "drivers/perf/perf_host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "os-linux/host.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int rate, started;              /* under lock; rate 0: off */
static const struct perf_host *kernel; /* set before SIGPROF is */

static void on_signal(int sig, siginfo_t *si, void *context)
{
	const greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	int saved = errno, cpu = os_vcpu_self();

	if (cpu >= 0)
		kernel->kernel(cpu, g[REG_RIP], g[REG_RBP], g[REG_RSP]);
	errno = saved;
}

static void look_at(int cpu)
{
	struct perf_looks *l = &kernel->looks[cpu];

	switch (os_cpu_state(cpu)) {
	case OS_CPU_KERNEL:
		__atomic_fetch_add(&l->kernel, 1, __ATOMIC_SEQ_CST);
		syscall(SYS_tgkill, getpid(), os_vcpu_tid(cpu), SIGPROF);
		break;
	case OS_CPU_GUEST:
		if (!kernel->has_turn(cpu))
			__atomic_fetch_add(&l->handoff, 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&l->guest, 1, __ATOMIC_SEQ_CST);
		os_cpu_kick(cpu);
		break;
	case OS_CPU_IDLE: __atomic_fetch_add(&l->idle, 1, __ATOMIC_RELAXED); break;
	}
}

static void sampler(void *unused)
{
	struct timespec pause = { 0 };

	for (;;) {
		pthread_mutex_lock(&lock);
		while (!rate)
			pthread_cond_wait(&changed, &lock);
		for (int cpu = 0; cpu < kernel->ncpus; cpu++)
			look_at(cpu);
		pause.tv_nsec = 1000000000 / rate - 1;
		pthread_mutex_unlock(&lock);
		nanosleep(&pause, NULL);
	}
}

static int handle_signal(void (*handler)(int sig, siginfo_t *si, void *context))
{
	struct sigaction sa = { .sa_flags = SA_ONSTACK | SA_RESTART };

	if (handler) {
		sa.sa_sigaction = handler;
		sa.sa_flags |= SA_SIGINFO;
	} else {
		sa.sa_handler = SIG_IGN;
	}
	return sigaction(SIGPROF, &sa, NULL) ? -errno : 0;
}

int perf_host_start(int hz, const struct perf_host *host)
{
	int err;

	pthread_mutex_lock(&lock);
	kernel = host;
	err = handle_signal(on_signal);
	if (!err && !started)
		err = os_worker_start("perf", sampler, NULL);
	if (!err) {
		started = 1;
		rate = hz;
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void perf_host_stop(void)
{
	pthread_mutex_lock(&lock);
	rate = 0;
	handle_signal(NULL);
	pthread_mutex_unlock(&lock);
}
