/* SPDX-License-Identifier: MIT */
/*
 * thread.c: vCPU threads and workers. All inherit the signal mask of os_process_setup(), which
 * blocks all signals except synchronous faults and SIGURG.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/os_space.h"

#define HOST_STACK_SIZE (256 * 1024)
#define HELD_MAX 64
#define SLICE_NS 100000 /* the shortest slice */

__thread int os_this_cpu = -1;
static int tids[OS_MAX_CPUS];

struct start {
	char name[16];
	int cpu; /* -1: a worker */
	void (*fn)(void *arg);
	void *arg;
};

/* futex: 1 while new vCPUs wait */
static uint32_t vcpus_wait;

void os_vcpus_hold(void)
{
	__atomic_store_n(&vcpus_wait, 1, __ATOMIC_RELEASE);
}

void os_vcpus_release(void)
{
	__atomic_store_n(&vcpus_wait, 0, __ATOMIC_RELEASE);
	os_futex_wake(&vcpus_wait, OS_MAX_CPUS);
}

static void *thread_main(void *p)
{
	struct start s = *(struct start *)p;

	free(p);
	prctl(PR_SET_NAME, s.name);
	/* the vCPU that starts this thread may be pinned */
	os_space_pin_self(-1);
	if (s.cpu >= 0 && os_vcpu_adopt(s.cpu)) {
		static const char text[] = "nestling: cannot set up a vCPU thread\n";

		os_write_stderr(text, sizeof(text) - 1);
		os_exit(1);
	}
	while (s.cpu >= 0 && __atomic_load_n(&vcpus_wait, __ATOMIC_ACQUIRE))
		os_futex_wait(&vcpus_wait, 1, OS_FOREVER);
	os_vcpu_run(s.fn, s.arg);
	return NULL;
}

static __thread jmp_buf vcpu_begin;
static __thread uint64_t unpark_sp;

void os_vcpu_run(void (*fn)(void *arg), void *arg)
{
	if (_setjmp(vcpu_begin))
		arch_unpark(unpark_sp);
	fn(arg);
}

void os_vcpu_again(uint64_t sp)
{
	unpark_sp = sp;
	_longjmp(vcpu_begin, 1);
}

static int start_thread(const struct start *from)
{
	struct start *s = malloc(sizeof(*s));
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (!s)
		return -ENOMEM;
	*s = *from;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HOST_STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, thread_main, s);
	pthread_attr_destroy(&attr);
	if (!err)
		return 0;
	free(s);
	return os_refused("clone3", err);
}

/*
 * Workers that begin when the jail is closed (os_workers_hold()). The first one begins at once,
 * since libc installs a signal handler with it, which the jail forbids. So do those for which start
 * has no room.
 */
static struct {
	bool on, first;
	int nr;
	struct start start[HELD_MAX];
} held;

int os_worker_start(const char *name, void (*fn)(void *arg), void *arg)
{
	struct start s = { .cpu = -1, .fn = fn, .arg = arg };

	snprintf(s.name, sizeof(s.name), "%s", name);
	if (!held.on || held.first || held.nr == HELD_MAX) {
		held.first = false;
		return start_thread(&s);
	}
	held.start[held.nr++] = s;
	return 0;
}

void os_workers_hold(void)
{
	held.on = held.first = true;
}

int os_workers_release(void)
{
	int err = 0;

	held.on = false;
	for (int i = 0; i < held.nr && !err; i++)
		err = start_thread(&held.start[i]);
	held.nr = 0;
	return err;
}

int os_vcpu_start(int cpu, void (*entry)(void *arg), void *arg)
{
	struct start s = { .cpu = cpu, .fn = entry, .arg = arg };

	snprintf(s.name, sizeof(s.name), "vcpu%d", cpu);
	return start_thread(&s);
}

/* the fields of struct sched_attr that are used (sched_setattr(2)); libc has neither */
struct fair_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* Hosts before Linux 6.12 ignore the slice. */
void os_short_slices(int tid)
{
	struct fair_attr a = { .size = sizeof(a) };

	if (syscall(SYS_sched_getattr, tid, &a, sizeof(a), 0) || a.policy != SCHED_OTHER)
		return;
	a.runtime = SLICE_NS;
	syscall(SYS_sched_setattr, tid, &a, 0);
}

int os_vcpu_self(void)
{
	return os_this_cpu;
}

int os_vcpu_tid(int cpu)
{
	return __atomic_load_n(&tids[cpu], __ATOMIC_ACQUIRE);
}

/*
 * Unblocks SIGPROF, the profiler's signal, which is sent to vCPUs only. Its handler does nothing
 * until the profiler sets a function (os_sample_set()).
 */
static void admit_sampling(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/*
 * Also shortens the timer slack: the default of 50 us would delay every deadline of an idle vCPU.
 */
int os_vcpu_adopt(int cpu)
{
	os_this_cpu = cpu;
	prctl(PR_SET_TIMERSLACK, 1);
	os_short_slices(0);
	admit_sampling();
	__atomic_store_n(&tids[cpu], gettid(), __ATOMIC_RELEASE);
	return os_fault_thread_setup();
}

int os_ncpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set) ? CPU_COUNT(&set) : 1;
}
