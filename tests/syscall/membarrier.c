/* SPDX-License-Identifier: MIT */
/* membarrier(2), getcpu(2). */
#include "t.h"
#include <linux/membarrier.h>

TEST(membarrier)
{
	unsigned cpu = ~0u, node = ~0u;
	long q = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	say("global %d, private expedited %d", !!(q & MEMBARRIER_CMD_GLOBAL),
		!!(q & MEMBARRIER_CMD_PRIVATE_EXPEDITED));
	T(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	T(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	T(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	T(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
	T(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
	T(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1, 0));
	T(syscall(SYS_membarrier, 1 << 30, 0, 0));
	T(syscall(SYS_getcpu, &cpu, &node, NULL));
	say("%d %d", cpu < 4096, node < 64);
	T(syscall(SYS_getcpu, NULL, NULL, NULL));
	T(syscall(SYS_getcpu, BAD, NULL, NULL));
	say("the vDSO's works: %d", sched_getcpu() >= 0);
}
