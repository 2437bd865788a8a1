/* SPDX-License-Identifier: MIT */
/*
 * membarrier.c: membarrier(2): barriers on all CPUs that run threads of a process, so that the part
 * of an algorithm that runs often needs no barrier.
 *
 * All commands, expedited and private or not, make one barrier on all vCPUs, which are few. A vCPU
 * in guest code is brought out of it, and goes back through the host's return from an interrupt,
 * which serialises the core: SYNC_CORE costs nothing more. RSEQ first marks the areas of the
 * process's running threads out of date, so that their interrupted sequences restart.
 *
 * The registrations of a process are in its mm: inherited by fork, dropped by exec.
 *
 * Locks: none; mm->membarrier is atomic.
 */
#include <linux/membarrier.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"

#define CMD_GET_REGISTRATIONS BIT(9) /* Linux 6.3 */
#define SUPPORTED                                                                                  \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                                 \
		MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |      \
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |                                        \
		MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |                                       \
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |                              \
		MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ |                                            \
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ | CMD_GET_REGISTRATIONS)

static long do_register(u32 cmd)
{
	__atomic_fetch_or(&current->mm->membarrier, cmd, __ATOMIC_SEQ_CST);
	return 0;
}

static long barrier_for(u32 registration)
{
	if (registration && !(READ_ONCE(current->mm->membarrier) & registration))
		return -EPERM;
	sched_barrier();
	return 0;
}

/*
 * Makes interrupted sequences of current's running threads on @cpu (-1: all) restart. A thread that
 * does not run was switched out, so its sequence restarts anyway.
 */
static void restart_sequences(int cpu)
{
	struct task *leader, *t;

	read_lock(&tasklist_lock);
	for_each_process(leader)
		for_each_thread(leader->signal, t)
			if (READ_ONCE(t->mm) == current->mm && READ_ONCE(t->on_cpu) &&
				(cpu < 0 || READ_ONCE(t->cpu) == cpu))
				rseq_outdate(t);
	read_unlock(&tasklist_lock);
}

static long rseq_barrier(int cpu)
{
	if (!(READ_ONCE(current->mm->membarrier) & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ))
		return -EPERM;
	restart_sequences(cpu);
	sched_barrier();
	return 0;
}

long sys_membarrier(int cmd, int flags, int cpu_id)
{
	if (cmd == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ ? flags & ~MEMBARRIER_CMD_FLAG_CPU : flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY: return SUPPORTED;
	case CMD_GET_REGISTRATIONS: return READ_ONCE(current->mm->membarrier);
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ: return do_register((u32)cmd);
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED: return barrier_for(0);
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		return barrier_for(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		return barrier_for(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ: return rseq_barrier(flags ? cpu_id : -1);
	default: return -EINVAL;
	}
}
