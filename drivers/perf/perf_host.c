/* SPDX-License-Identifier: MIT */
/*
 * perf_host.c: the profiler's clock: a thread that sleeps, then reads the state of each vCPU (os.h)
 * and interrupts it: by SIGPROF, which only vCPU threads do not block, or by a kick. While the
 * profiler is off, the thread sleeps, and a SIGPROF does nothing.
 */
#include "drivers/perf/perf_host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "os-linux/host.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int rate, started;              /* under lock; rate 0: off */
static int process;                    /* pid of this process */
static const struct perf_host *kernel; /* set before SIGPROF's handler */

static void on_signal(void *context)
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
		syscall(SYS_tgkill, process, os_vcpu_tid(cpu), SIGPROF);
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
	uint64_t next;

	for (;;) {
		pthread_mutex_lock(&lock);
		while (!rate)
			pthread_cond_wait(&changed, &lock);
		for (int cpu = 0; cpu < kernel->ncpus; cpu++)
			look_at(cpu);
		next = os_clock_mono() + 1000000000 / rate;
		pthread_mutex_unlock(&lock);
		os_sleep_until(next);
	}
}

int perf_host_start(int hz, const struct perf_host *host)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	process = getpid();
	kernel = host;
	os_sample_set(on_signal);
	if (!started)
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
	os_sample_set(NULL);
	pthread_mutex_unlock(&lock);
}
