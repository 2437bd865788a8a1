/* SPDX-License-Identifier: MIT */
/*
 * merge.c: keeps the number of host maps of a restored instance's memory bounded
 * (os-linux/state/base.c).
 *
 * When the memory consists of many maps, a kernel thread repeatedly stops the machine for a moment
 * and merges some of them. Tasks that would add maps wait for it (physmem_take()).
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/state/internal.h"
#include "kernel/time/time.h"

/* blocks of 2 MiB merged in one stop; ns that the machine runs between two stops */
#define BLOCKS 2
#define PAUSE_NS 1000000UL

static struct work work;

/*
 * Merges some blocks. Returns a positive number if more blocks must be merged, 0 if none or after
 * an error, or -EAGAIN if merging is not possible now.
 */
static int merge_some(void)
{
	struct state_why why;
	int n = 1;

	if (!state_begin())
		return -EAGAIN;
	if (machine_stop()) {
		state_end();
		return -EAGAIN;
	}
	for (int i = 0; i < BLOCKS && n > 0 && !state_quiet(&why); i++)
		n = physmem_merge();
	machine_go();
	state_end();
	if (n < 0)
		pr_warn("state: the memory stays in many maps of the host: %s\n", arch_strerror(n));
	return n < 0 ? 0 : n;
}

static int merger(void *unused)
{
	sched_setaffinity(current, 1);
	while (merge_some())
		state_pause(PAUSE_NS);
	physmem_merged();
	return 0;
}

static void begin(struct work *w)
{
	if (!kthread_run(merger, NULL, "merger"))
		physmem_merged();
}

static int merge_init(void)
{
	work_setup(&work, begin);
	physmem_in_pieces(&work);
	return 0;
}
INITCALL(2, merge_init);
