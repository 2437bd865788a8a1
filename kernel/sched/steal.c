/* SPDX-License-Identifier: MIT */
/*
 * steal.c: time that the host took from a vCPU to run other threads. To the guest it is neither CPU
 * time of its programs nor idle time, but "steal" in /proc/stat and waiting time in a task's
 * schedstat. A program must not exceed its CPU-time limit because of other processes of the host,
 * and an instance inside this one must be able to tell a starved thread from one that computes.
 *
 * The host counts how long each of its threads was runnable but waited for a CPU. Reading the count
 * costs some microseconds, so a busy vCPU reads it every LOOK_NS (steal_looked is the time of the
 * last read). It is also read after a longer idle time, and that waiting is charged to no task. The
 * result is subtracted from the time of the running task. Stolen time that has been charged to a
 * task already is subtracted from later time (steal_debt).
 *
 * If the host is itself a guest, time that its hypervisor takes is invisible and counts as used.
 *
 * Locks: rq->lock.
 */
#include "arch/um/machine/arch.h"
#include "kernel/sched/internal.h"

#define LOOK_NS 4000000UL

/* Returns the ns that the host took since the last look, at most the time since then. */
static u64 look_locked(struct rq *rq, u64 now)
{
	u64 since = now - rq->steal_looked;

	rq->steal_looked = now;
	return min(arch_cpu_stolen(rq->cpu), since);
}

u64 steal_take_locked(struct rq *rq, struct task *t, u64 delta, u64 now)
{
	u64 stolen;

	if ((s64)(now - rq->steal_looked) >= (s64)LOOK_NS) {
		stolen = look_locked(rq, now);
		rq->steal_debt += stolen;
		t->se.run_delay += stolen;
		WRITE_ONCE(rq->stolen, rq->stolen + stolen);
	}
	stolen = min(rq->steal_debt, delta);
	rq->steal_debt -= stolen;
	return stolen;
}

void steal_after_idle_locked(struct rq *rq, u64 now)
{
	rq->steal_debt = 0;
	if ((s64)(now - rq->steal_looked) >= (s64)LOOK_NS)
		look_locked(rq, now);
}
