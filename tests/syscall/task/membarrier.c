/* SPDX-License-Identifier: MIT */
/* membarrier(2), getcpu(2). */
#include "t.h"
#include <linux/membarrier.h>

static long mb(int cmd, unsigned flags, int cpu)
{
	return syscall(SYS_membarrier, cmd, flags, cpu);
}

static void each(void)
{
	char text[64];
	int i;

	for (i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "command %#x", 1 << i);
		TN(text, mb(1 << i, 0, 0));
	}
}

TEST(membarrier)
{
	unsigned cpu = ~0u, node = ~0u;

	if (t_argc > 1) { /* exec forgets */
		T(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
		return;
	}
	say("commands %#lx", mb(MEMBARRIER_CMD_QUERY, 0, 0) & 0x1ff);
	/* what must be registered for is, before the next round */
	each();
	each();
	T(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0));
	T(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 999999));
	T(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, -1));
	T(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 2, 0));
	T(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_FLAG_CPU, 0));
	T(mb(MEMBARRIER_CMD_QUERY, 1, 0));
	T(mb(1 << 30, 0, 0));
	T(mb(3, 0, 0));
	CHILD(T(mb(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0)));
	CHILD(execl("/proc/self/exe", "membarrier", "again", NULL));
	T(syscall(SYS_getcpu, &cpu, &node, NULL));
	say("%d %d", cpu < 4096, node < 64);
	T(syscall(SYS_getcpu, NULL, NULL, NULL));
	T(syscall(SYS_getcpu, BAD, NULL, NULL));
	say("the vDSO's works: %d", sched_getcpu() >= 0);
}
