/* SPDX-License-Identifier: MIT */
/*
 * space.c: the tasks of spaces, on the host's side; os_space.h is the contract. The zygote, which
 * forks them, is started by space_zygote.c.
 *
 * Invariant: a task's pid is valid from os_space_fork/adopt until os_space_reap, which alone lets
 * the zygote reap it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/internal.h"
#include "os-linux/os_space.h"
#include "os-linux/space_internal.h"
#include "os-linux/why.h"
#include "skas/stub_abi.h"

#define MAX_TASKS 65536

static struct task {
	pid_t pid;
	/* true: kicked since os_space_quiet() last returned 0 */
	uint32_t kicked;
	bool traced;
	int next_free;
	uint64_t delay_seen; /* ns; for os_space_stolen() */
} * tasks;
/* the length of tasks[] and the list of free handles; protected by task_lock */
static int nr_tasks = 1, first_free;
static pthread_mutex_t task_lock = PTHREAD_MUTEX_INITIALIZER;
/* true if the zygote's policy is SCHED_OTHER; set once */
static bool ordinary;

static uint32_t no_tasks[16 * OS_MAX_CPUS];
static uint32_t *running = no_tasks;
static uint32_t kickers[OS_MAX_CPUS]; /* threads inside kick_cpu() for that vCPU */

static void kick_cpu(int cpu);

int os_space_start(const struct os_space_setup *s, uint64_t *vdso)
{
	int err;

	if (!tasks) {
		tasks = mmap(NULL, MAX_TASKS * sizeof(*tasks), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (tasks == MAP_FAILED) {
			tasks = NULL;
			return os_refused("mmap", errno);
		}
	}
	err = zygote_start(s, vdso);
	if (err)
		return err;
	ordinary = sched_getscheduler(os_space_zygote()) == SCHED_OTHER;
	os_space_note_oom_kills();
	running = s->running;
	os_kicker_set(kick_cpu);
	return 0;
}

/*
 * Kills the zygote and all tasks without waiting for tasks: other vCPUs may be creating or ending
 * some at this moment. A task that is missed here dies with the zygote (PR_SET_PDEATHSIG), and its
 * new parent reaps it.
 */
void os_space_stop(void)
{
	if (!os_space_zygote())
		return;
	running = no_tasks;
	for (int h = 1; h < nr_tasks; h++)
		os_space_end(h);
	zygote_abandon();
}

/* ---- tasks ---- */

static int task_add(pid_t pid)
{
	int h;

	pthread_mutex_lock(&task_lock);
	h = first_free;
	if (h)
		first_free = tasks[h].next_free;
	else if (nr_tasks < MAX_TASKS)
		h = nr_tasks++;
	pthread_mutex_unlock(&task_lock);
	if (!h)
		return -EAGAIN;
	tasks[h] = (struct task){ .pid = pid };
	return h;
}

static void task_del(int h)
{
	pthread_mutex_lock(&task_lock);
	tasks[h].pid = 0;
	tasks[h].next_free = first_free;
	first_free = h;
	pthread_mutex_unlock(&task_lock);
}

pid_t os_space_pid(int task)
{
	return tasks[task].pid;
}

uint64_t *os_space_delay_seen(int task)
{
	return &tasks[task].delay_seen;
}

bool os_space_ordinary(void)
{
	return ordinary;
}

void os_space_set_traced(int task)
{
	tasks[task].traced = true;
}

static int add_or_end(pid_t pid)
{
	int h = task_add(pid);

	if (h < 0) {
		host_kill(pid);
		zygote_ask(ZYG_REAP, (uint64_t)pid, 0, 0);
	}
	return h;
}

int os_space_fork(uint64_t order_offset, uint64_t order_size)
{
	long pid = zygote_ask(ZYG_FORK, order_offset, order_size, 0);

	return pid < 0 ? os_refused("clone", (int)-pid) : os_space_adopt((uint32_t)pid);
}

int os_space_adopt(uint32_t pid)
{
	/* no process has such a number */
	if (!pid || pid > INT_MAX)
		return -ESRCH;
	return add_or_end((pid_t)pid);
}

/*
 * Kills the task unless it is reaped already: then its pid is 0, which would name this process's
 * own process group.
 */
void os_space_end(int task)
{
	if (tasks[task].pid > 0)
		host_kill(tasks[task].pid);
}

/*
 * Waits until no kick is in progress. A late kick could hit the next task with this handle, or the
 * next host process with this pid.
 */
static void await_kickers(void)
{
	/* running[] was cleared without a fence */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (int cpu = 0; cpu < OS_MAX_CPUS; cpu++)
		while (__atomic_load_n(&kickers[cpu], __ATOMIC_SEQ_CST))
			sched_yield();
}

int os_space_reap(int task)
{
	int status;

	await_kickers();
	/* the tracer sees a death before the parent does */
	if (tasks[task].traced)
		while (waitpid(tasks[task].pid, &status, __WALL) >= 0 || errno == EINTR)
			;
	status = (int)zygote_ask(ZYG_REAP, (uint64_t)tasks[task].pid, 0, 0);
	task_del(task);
	return status;
}

/* Reads /proc/PID/stat from the state on, behind the name. Returns false if that fails. */
static bool read_stat(pid_t pid, char *state, int *parent)
{
	char path[64], buf[512], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	/* the end of the name, which may have brackets */
	p = strrchr(buf, ')');
	return p && sscanf(p, ") %c %d", state, parent) == 2;
}

/* Reads /proc if the host gives no pidfd. A zombie counts as dead. */
int os_space_is_dead(int task)
{
	struct pollfd p = { .events = POLLIN };
	int r, parent;
	char state;

	p.fd = (int)syscall(SYS_pidfd_open, tasks[task].pid, 0);
	if (p.fd < 0 && errno == ESRCH)
		return 1;
	if (p.fd < 0)
		return read_stat(tasks[task].pid, &state, &parent) && strchr("ZX", state);
	r = poll(&p, 1, 0);
	close(p.fd);
	return r == 1;
}

int os_space_is_stray(int task)
{
	int parent;
	char state;

	return read_stat(tasks[task].pid, &state, &parent) && parent != os_space_zygote();
}

void os_space_kick(int task)
{
	__atomic_store_n(&tasks[task].kicked, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_tgkill, tasks[task].pid, tasks[task].pid, SIG_KICK);
}

/*
 * Kicks the runner that the vCPU runs (see os_kicker_set()). The thread that has cleared running[]
 * waits until kickers[] is 0, so no kick comes late.
 */
static void kick_cpu(int cpu)
{
	uint32_t task = __atomic_load_n(&running[16 * cpu], __ATOMIC_SEQ_CST);

	if (!task)
		return;
	__atomic_fetch_add(&kickers[cpu], 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&running[16 * cpu], __ATOMIC_SEQ_CST) == task)
		os_space_kick((int)task);
	__atomic_fetch_sub(&kickers[cpu], 1, __ATOMIC_SEQ_CST);
}

/* True if SIG_KICK is pending for the process, or /proc cannot be read. */
static bool kick_pending(pid_t pid)
{
	char path[64], buf[4096], *p;
	uint64_t mask = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, "\nSigPnd:");
	if (!p)
		return true;
	mask = strtoull(p + 8, NULL, 16);
	p = strstr(p, "\nShdPnd:");
	if (p)
		mask |= strtoull(p + 8, NULL, 16);
	return mask & (1UL << (SIG_KICK - 1));
}

int os_space_quiet(int task, int cpu)
{
	/* running[] was cleared without a fence */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (int i = 0; __atomic_load_n(&kickers[cpu], __ATOMIC_SEQ_CST); i++) {
		if (i == 1000)
			return -EBUSY;
		sched_yield();
	}
	if (!__atomic_load_n(&tasks[task].kicked, __ATOMIC_SEQ_CST))
		return 0;
	if (kick_pending(tasks[task].pid))
		return -EBUSY;
	__atomic_store_n(&tasks[task].kicked, 0, __ATOMIC_SEQ_CST);
	return 0;
}

int os_space_count_maps(int task)
{
	char path[64], buf[4096];
	int fd, lines = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tasks[task].pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	close(fd);
	return lines;
}

int os_space_present(int task, uint64_t va, uint32_t n, uint8_t *vec)
{
	return os_pagemap((int)tasks[task].pid, va, n, vec);
}

/*
 * Reads a CPU clock of the process. @which is 2 for the scheduler's precise clock, 1 for user mode
 * only. Returns ns, or 0 if the task is gone.
 */
static uint64_t task_clock(int task, unsigned which)
{
	clockid_t clock = (clockid_t)((~(unsigned)tasks[task].pid << 3) | which);
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

uint64_t os_space_cputime(int task)
{
	return task_clock(task, 2);
}

uint64_t os_space_usertime(int task)
{
	return task_clock(task, 1);
}

/*
 * Reads the state. S is a sleep that a signal would end; D waits for a disk or the freezer; T and t
 * are stopped.
 */
int os_space_is_asleep(int task)
{
	int parent;
	char state;

	return read_stat(tasks[task].pid, &state, &parent) && state == 'S';
}

int os_space_requeue(uint32_t *from, uint32_t *to, uint32_t val)
{
	long r = syscall(SYS_futex, from, FUTEX_CMP_REQUEUE, 0, 1L, to, val);

	return r < 0 ? -errno : (int)r;
}

void os_space_yield(void)
{
	sched_yield();
}
