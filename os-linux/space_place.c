/* SPDX-License-Identifier: MIT */
/*
 * space_place.c: places tasks of spaces and vCPU threads on the host's CPUs, and reads how long
 * they wait there; os_space.h describes the interface.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/os_space.h"
#include "os-linux/space_internal.h"

/* ---- placement ---- */

/* Returns the host CPUs that the process could use at the first call of this function. */
static const cpu_set_t *allowed_cpus(void)
{
	static cpu_set_t set;
	static int done;

	if (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		sched_getaffinity(getpid(), sizeof(set), &set);
		__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	}
	return &set;
}

static void pin(pid_t pid, int nth)
{
	const cpu_set_t *all = allowed_cpus();
	cpu_set_t one;

	if (nth < 0) {
		sched_setaffinity(pid, sizeof(*all), all);
		return;
	}
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, all) || nth--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(pid, sizeof(one), &one);
		return;
	}
}

void os_space_pin(int task, int host_cpu)
{
	pin(os_space_pid(task), host_cpu);
}

void os_space_patient(int task, int patient)
{
	struct sched_param param = { 0 };

	if (os_space_ordinary())
		sched_setscheduler(os_space_pid(task), patient ? SCHED_BATCH : SCHED_OTHER, &param);
}

void os_space_pin_self(int host_cpu)
{
	pin(0, host_cpu);
}

int os_space_this_cpu(void)
{
	const cpu_set_t *all = allowed_cpus();
	int here = sched_getcpu(), n = 0;

	for (int cpu = 0; cpu < here; cpu++)
		n += CPU_ISSET(cpu, all) != 0;
	return n;
}

static uint64_t read_delay(int fd)
{
	char buf[128], *delay;
	ssize_t n = fd < 0 ? -1 : host_pread(fd, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return 0;
	buf[n] = 0;
	delay = strchr(buf, ' ');
	return delay ? strtoull(delay, NULL, 10) : 0;
}

/*
 * Returns a descriptor of the schedstat file of the calling vCPU thread, or -1. It stays open,
 * since it is read often.
 */
static int own_schedstat(void)
{
	static __thread int fd = -1;

	if (fd < 0)
		fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	return fd;
}

/*
 * The number of tasks that a thread queried recently and whose files it keeps open. A vCPU runs
 * only a few tasks.
 */
#define DELAYS 4

/*
 * Reads schedstat of the task, from a kept file if possible. A kept file that reads as empty
 * belongs to a process that has ended, and another task may have its number now: then the file is
 * opened again.
 */
uint64_t os_space_delayed(int task)
{
	static __thread struct {
		pid_t pid;
		int fd;
	} delays[DELAYS];
	static __thread unsigned int next;
	pid_t pid = os_space_pid(task);
	uint64_t delay = 0;
	unsigned int i = 0;
	char path[64];

	if (!task)
		return read_delay(own_schedstat());
	if (pid <= 0)
		return 0;
	while (i < DELAYS && delays[i].pid != pid)
		i++;
	if (i < DELAYS)
		delay = read_delay(delays[i].fd);
	else
		i = next++ % DELAYS;
	if (delay)
		return delay;
	if (delays[i].pid && delays[i].fd >= 0)
		close(delays[i].fd);
	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	delays[i].fd = open(path, O_RDONLY | O_CLOEXEC);
	delays[i].pid = pid;
	return read_delay(delays[i].fd);
}

/*
 * Returns by how many ns the waiting time of the vCPU's thread has grown since the last call. Reads
 * the file that the vCPU's own thread has opened, which shows that thread and not the reader.
 */
static uint64_t vcpu_stolen(int cpu)
{
	static struct {
		int fd;
		uint64_t seen;
	} vcpus[OS_MAX_CPUS];
	uint64_t delay, grown = 0;

	if (!__atomic_load_n(&vcpus[cpu].fd, __ATOMIC_ACQUIRE)) {
		if (os_this_cpu != cpu)
			return 0;
		vcpus[cpu].seen = read_delay(own_schedstat());
		__atomic_store_n(&vcpus[cpu].fd, own_schedstat(), __ATOMIC_RELEASE);
		return 0;
	}
	delay = read_delay(vcpus[cpu].fd);
	if (delay > vcpus[cpu].seen) {
		grown = delay - vcpus[cpu].seen;
		vcpus[cpu].seen = delay;
	}
	return grown;
}

uint64_t os_space_stolen(int cpu, int task)
{
	uint64_t own = vcpu_stolen(cpu), delay, seen, its;

	if (!task)
		return own;
	delay = os_space_delayed(task);
	seen = __atomic_exchange_n(os_space_delay_seen(task), delay, __ATOMIC_RELAXED);
	its = delay > seen ? delay - seen : 0;
	return own > its ? own : its;
}
