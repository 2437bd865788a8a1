/* SPDX-License-Identifier: MIT */
/* stats.h: CPU times, load and counts of the scheduler, for /proc, control groups and timers. */
#ifndef NESTLING_SCHED_STATS_H
#define NESTLING_SCHED_STATS_H

#include "kernel/lib/types.h"

struct task;

/* Times of a vCPU since boot in ns, for /proc/stat and /proc/uptime. */
struct cpu_times {
	u64 user, nice, system, idle, iowait, steal;
};
/* Reads the times of vCPU @cpu up to now. Does not sleep. */
void sched_cpu_times(int cpu, struct cpu_times *ct);
/*
 * Numbers of a vCPU since boot, for /proc/schedstat. switches: how often it switched tasks. run_ns:
 * ns for which its tasks ran. wait_ns: ns for which tasks were runnable and waited for it. slices:
 * how often a task was put on it.
 */
struct sched_cpu_stats {
	u64 switches, run_ns, wait_ns, slices;
};
/* Reads the numbers of vCPU @cpu up to now. Does not sleep. */
void sched_cpu_stats(int cpu, struct sched_cpu_stats *st);
/*
 * Returns the CPU time of @t in ns, up to now if it is running. The caller has a reference to @t.
 */
u64 task_sched_runtime(struct task *t);
/*
 * Frame sleeps of current that wait for a disk, for /proc/stat and pressure. @outer is the result
 * of io_wait_begin().
 */
bool io_wait_begin(void);
void io_wait_end(bool outer);

/* Stores the load averages of 1, 5 and 15 minutes, with 11 bits of fraction, in @avg. */
void sched_loadavg(u64 avg[3]);
/* Sums over all vCPUs, read racily: switches since boot, runnable tasks now. */
u64 nr_context_switches(void);
u32 nr_running(void);

#endif
