/* SPDX-License-Identifier: MIT */
/*
 * rcu.c: grace periods. A function queued with call_rcu() runs when every vCPU has passed a
 * boundary since then. A lock-free reader holds no pointer across a boundary, so no reader can
 * still see the object.
 *
 * Each vCPU keeps two lists: `waiting`, functions of the current grace period, and `fresh`,
 * functions queued since it began. When a grace period begins, the vCPU copies the boundary
 * counters of all vCPUs (`snapshot`). A vCPU whose counter is odd (guest code, idle) or has changed
 * has passed. At the first boundary after all have passed, the functions of `waiting` run, and
 * those of `fresh` become `waiting`. The vCPUs share no list, so there is no lock.
 *
 * A vCPU with anything in its lists has a deadline (timers_next): RCU_DELAY_NS after the first was
 * queued, or at once if RCU_BATCH of them are queued or a task waits (synchronize_rcu()). So a
 * guest that makes one system call after the other cannot pile up freed objects. The delay is
 * longer than the host's tick: an earlier deadline costs the host a write to its timer for every
 * sleep. A batch is small: the objects that it frees are still in the caches, and the runner
 * (skas.h), which spins while it waits for this vCPU, does not fall asleep.
 *
 * Functions run at a boundary, in order, with no lock held, and may not sleep.
 */
#include "arch/um/machine/arch.h"
#include "kernel/sched/internal.h"

#define RCU_DELAY_NS (10 * MSEC)
#define RCU_RETRY_NS (2 * MSEC) /* retry when a vCPU has not passed */
#define RCU_BATCH 32

struct rcu_list {
	struct rcu_head *first, **tail;
};

struct rcu_cpu {
	struct rcu_list fresh, waiting;
	u64 snapshot[MAX_CPUS];
	u64 missing; /* mask of the vCPUs that have not passed */
	/* ktime of the next rcu_check() that tests the counters, while the lists are not empty. */
	u64 due;
	u32 nr; /* in both lists */
	bool running;
} __aligned(64);

static struct rcu_cpu rcu_cpus[MAX_CPUS]; /* own vCPU only */

static bool rcu_list_empty(const struct rcu_list *l)
{
	return !l->first;
}

static void rcu_list_add(struct rcu_list *l, struct rcu_head *h)
{
	h->next = NULL;
	if (!l->first)
		l->tail = &l->first;
	*l->tail = h;
	l->tail = &h->next;
}

bool rcu_waiting(int cpu)
{
	return rcu_cpus[cpu].nr;
}

void call_rcu(struct rcu_head *h, void (*func)(struct rcu_head *h))
{
	struct rcu_cpu *rc = &rcu_cpus[smp_processor_id()];

	h->func = func;
	rcu_list_add(&rc->fresh, h);
	if (!rc->nr++)
		rc->due = ktime_get() + RCU_DELAY_NS;
	else if (rc->nr >= RCU_BATCH)
		rc->due = 0;
}

u64 rcu_next(int cpu)
{
	return rcu_cpus[cpu].nr ? rcu_cpus[cpu].due : ~0UL;
}

/* Begins a grace period for the functions in rc->fresh. */
static void begin(struct rcu_cpu *rc)
{
	rc->waiting = rc->fresh;
	rc->fresh.first = NULL;
	rc->missing = nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1;
	rc->missing &= ~BIT(smp_processor_id()); /* this vCPU is at a boundary */
	/* Unlinking of the objects must be visible before the counters are read. */
	smp_mb();
	for (int i = 0; i < nr_cpus; i++)
		rc->snapshot[i] = READ_ONCE(boundaries[i].count);
}

/* Removes the vCPUs that have passed from rc->missing. */
static void look(struct rcu_cpu *rc)
{
	for (u64 m = rc->missing; m; m &= m - 1) {
		int i = __builtin_ctzl(m);
		u64 c = smp_load_acquire(&boundaries[i].count);

		if ((c & 1) || (rc->snapshot[i] & 1) || c != rc->snapshot[i])
			rc->missing &= ~BIT(i);
	}
}

/* Calls the functions whose grace period has ended. */
static void run(struct rcu_cpu *rc)
{
	struct rcu_head *h = rc->waiting.first;

	rc->waiting.first = NULL;
	while (h) {
		struct rcu_head *next = h->next;
		const void *outer = lockdep_atomic_begin(h->func);

		rc->nr--;
		h->func(h);
		lockdep_atomic_end(outer);
		h = next;
	}
}

/* Runs due functions at a boundary of @cpu, the own vCPU. */
void rcu_check(int cpu)
{
	struct rcu_cpu *rc = &rcu_cpus[cpu];

	if (rc->running)
		return;
	rc->running = true;
	boundary_pass(cpu);
	if (rcu_list_empty(&rc->waiting))
		begin(rc);
	look(rc);
	if (!rc->missing) {
		run(rc);
		if (!rcu_list_empty(&rc->fresh))
			begin(rc);
	}
	if (rc->nr)
		rc->due = ktime_get() + RCU_RETRY_NS;
	rc->running = false;
}

/* Waits until vCPU @cpu, whose counter was @seen in guest code, has left guest code. May sleep. */
static void wait_for_exit(int cpu, u64 seen)
{
	for (u32 spins = 0; smp_load_acquire(&boundaries[cpu].count) == seen; spins++) {
		if (test_bit(cpu, &idle_mask))
			return;
		if (spins < 2000) {
			cpu_relax();
			continue;
		}
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + 50000);
	}
}

/*
 * Makes every vCPU execute a full barrier. A vCPU in the kernel executes one on its way to guest
 * code. A vCPU in guest code counts as passed for a grace period, but has executed no barrier: a
 * kick makes it leave guest code.
 */
void sched_barrier(void)
{
	u64 seen[MAX_CPUS];
	int me = smp_processor_id();

	smp_mb();
	for (int i = 0; i < nr_cpus; i++) {
		seen[i] = READ_ONCE(boundaries[i].count);
		if (i != me && (seen[i] & 1) && !test_bit(i, &idle_mask))
			arch_kick_cpu(i);
		else
			seen[i] = 0;
	}
	for (int i = 0; i < nr_cpus; i++)
		if (seen[i])
			wait_for_exit(i, seen[i]);
	smp_mb();
}

struct rcu_waiter {
	struct rcu_head head;
	struct completion done;
};

static void rcu_wake_waiter(struct rcu_head *h)
{
	complete(&container_of(h, struct rcu_waiter, head)->done);
}

void synchronize_rcu(void)
{
	struct rcu_waiter w;

	might_sleep();
	init_completion(&w.done);
	call_rcu(&w.head, rcu_wake_waiter);
	rcu_cpus[smp_processor_id()].due = 0;
	wait_for_completion(&w.done);
}
