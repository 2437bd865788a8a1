/* SPDX-License-Identifier: MIT */
/*
 * pids_limit.c: pids=N: how many processes and threads the guest's programs may have at a time, all
 * together. The user of the host sets it at the start; unlike kernel.threads-max and the pids
 * controller, the guest's root cannot raise it. A fork beyond it fails with EAGAIN. Process 1,
 * threads of the kernel and helper programs that the kernel starts (spawn.c) do not count, but
 * their threads and children do.
 *
 * Locks: tasklist_lock, held for writing.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/task/internal.h"

#define PIDS_MOST 4194304

static u32 limit; /* 0: no limit */
/* Counted tasks: present number, and the highest so far. */
static u32 now, most;

static int set_pids(const char *s)
{
	u64 n;

	if (kstrtou64(s, 10, &n) || !n || n > PIDS_MOST)
		refuse("pids=%s: expected a number from 1 to %d", s, PIDS_MOST);
	limit = (u32)n;
	return 0;
}
PARAM("pids=", set_pids,
	"N: processes and threads that programs may have, besides process 1 (any number)");

bool guest_tasks_add(struct task *t)
{
	if (limit && now >= limit)
		return false;
	t->is_counted = true;
	now++;
	most = max(most, now);
	return true;
}

void guest_tasks_remove(const struct task *t)
{
	now -= t->is_counted;
}

u32 guest_tasks_most(void)
{
	return READ_ONCE(most);
}
