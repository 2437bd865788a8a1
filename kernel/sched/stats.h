/* SPDX-License-Identifier: MIT */
/* stats.h: CPU times, load and counts of the scheduler, for /proc, control groups and timers. */
#ifndef NESTLING_SCHED_STATS_H
#define NESTLING_SCHED_STATS_H

#include "kernel/lib/types.h"

struct task;

/* Numbers for /proc/stat, loadavg, uptime. */
struct cpu_times {
	u64 user, nice, system, idle, iowait, steal; /* ns */
};
void sched_cpu_times(int cpu, struct cpu_times *ct);
/* For /proc/schedstat: how long tasks of a vCPU ran and waited, in ns. */
struct sched_cpu_stats {
	u64 switches, run_ns, wait_ns, slices;
};
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

/* Returns the averages of 1, 5 and 15 minutes, with 11 bits of fraction. */
void sched_loadavg(u64 avg[3]);
/* Sums over all vCPUs, read racily: switches since boot, runnable tasks now. */
u64 nr_context_switches(void);
u32 nr_running(void);

#endif
