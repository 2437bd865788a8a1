/* SPDX-License-Identifier: MIT */
/*
 * fault_count.c: counts guests' faults by kind and the time that the kernel took for them, while
 * faults_counted is set. The time of the switch between guest and kernel is not included:
 * /proc/nestling/handoff has it.
 *
 * Locks: none; each vCPU has its own counters, and readers may see old values.
 */
#include "kernel/mm/fault/fault.h"

#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

struct fault_time {
	u64 faults, major, ns, most;
};

bool faults_counted;
static struct fault_time times[MAX_CPUS][FAULT_KINDS];

static const char *const names[FAULT_KINDS] = {
	[FAULT_INVALID] = "invalid",
	[FAULT_PRESENT] = "present",
	[FAULT_ANON] = "anonymous",
	[FAULT_FILE] = "file",
	[FAULT_COPY] = "copy",
	[FAULT_SHARED] = "shared-write",
	[FAULT_SPECIAL] = "special",
	[FAULT_HUGE] = "huge",
	[FAULT_USER] = "userfaultfd",
	[FAULT_SWAP] = "swap",
};

void fault_count(enum fault_kind kind, bool major, u64 ns)
{
	struct fault_time *t = &times[smp_processor_id()][kind];

	t->faults++;
	t->major += major;
	t->ns += ns;
	t->most = max(t->most, ns);
}

void fault_counts_reset(void)
{
	memset(times, 0, sizeof(times));
}

int fault_count_line(int i, char *buf, size_t size)
{
	struct fault_time all = { 0 };

	if (i < 0 || i >= FAULT_KINDS)
		return -1;
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		const struct fault_time *t = &times[cpu][i];

		all.faults += READ_ONCE(t->faults);
		all.major += READ_ONCE(t->major);
		all.ns += READ_ONCE(t->ns);
		all.most = max(all.most, READ_ONCE(t->most));
	}
	if (!all.faults)
		return 0;
	return scnprintf(buf, size, "%-12s %10lu %10lu %12lu %9lu\n", names[i], all.faults,
		all.major, all.ns / 1000, all.most / 1000);
}
