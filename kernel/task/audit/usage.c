/* SPDX-License-Identifier: MIT */
/*
 * usage.c: the guest's peak use of resources, for the line "usage" at the end of the audit.
 *
 * Used memory is memory that is neither free nor page cache of files. It is measured when a program
 * starts and when a process ends. A process may have used more in between, so the end of a process
 * also adds the difference to its own peak.
 *
 * Locks: none: if two tasks raise the maximum at the same time, the smaller value may stay.
 */
#include "arch/um/machine/arch.h"
#include "kernel/mm/stats.h"
#include "kernel/task/audit/audit.h"
#include "kernel/task/internal.h"

static u64 most; /* frames */

void audit_note_memory(u64 more)
{
	u64 now = mm_used_frames() + more;

	if (now > READ_ONCE(most))
		WRITE_ONCE(most, now);
}

void audit_usage(void)
{
	struct audit a;

	if (!audit_on() || !audit_begin(&a, "usage"))
		return;
	audit_number(&a, "memory", (s64)(most << PAGE_SHIFT));
	audit_number(&a, "pids", guest_tasks_most());
	audit_number(&a, "cpus", nr_cpus);
	audit_end(&a);
}
