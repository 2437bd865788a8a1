/* SPDX-License-Identifier: MIT */
/*
 * steal.c: the time that the host took from a vCPU to run others. To the guest it is neither its programs' CPU time nor idleness, but
 * "steal" in /proc/stat and waiting in a task's schedstat: a CPU-time limit must not hit a program for what its neighbours did, and an
 * instance inside this one must not take a starved runner for one that computes.
 *
 * The host counts how long each of its threads was ready and waited; to ask costs some microseconds, so a busy vCPU asks every LOOK_NS
 * (steal_looked is when it last did), and when it leaves a longer idleness, whose waiting is nobody's. What is found is taken from the
 * time of who runs, and where that has been charged already, from what it uses next (steal_debt).
 *
 * Where the host is a guest itself and its hypervisor takes time, that counts as ours: we cannot see it.
 *
 * Locks: rq->lock.
 */
#include "arch/um/machine/arch.h"
#include "kernel/sched/internal.h"

#define LOOK_NS 4000000UL

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
