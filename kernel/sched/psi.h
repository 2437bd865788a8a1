/* SPDX-License-Identifier: MIT */
/*
 * psi.h: pressure stall information: for how much of the time some, or all, of a group's tasks had
 * to wait for a CPU, for memory or for a disk. Linux's Documentation/accounting/psi.rst defines the
 * terms.
 */
#ifndef NESTLING_SCHED_PSI_H
#define NESTLING_SCHED_PSI_H

#include "kernel/lib/list.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

struct task;
struct file;

enum psi_resource { PSI_IO, PSI_MEM, PSI_CPU, PSI_RESOURCES };
/* Two states for each resource: "some" at index 2 * resource, "full" at 2 * resource + 1. */
#define PSI_STATES (2 * PSI_RESOURCES)
#define PSI_NONIDLE PSI_STATES

/* The state of one vCPU, under its runqueue's lock. */
struct psi_cpu {
	/*
	 * Numbers of tasks. runnable, running (0 or 1): as for the runqueue. iowait: asleep for a
	 * disk. memstall: between psi_memstall_enter() and psi_memstall_leave(), counted by the
	 * vCPU on which the stall began. memstall_runnable: stalled and runnable.
	 */
	u32 runnable, running, iowait, memstall, memstall_runnable;
	u32 mask;  /* bits of the states that hold now */
	u64 since; /* arch_cpu_clock() of the last change */
	/* ns that each state held; the last element: ns in which the vCPU was not idle */
	u64 times[PSI_STATES + 1];
	/* The part of times[] that the group's totals contain already; under the group's lock. */
	u64 seen[PSI_STATES + 1];
};

struct psi_group {
	struct psi_group *parent; /* NULL: the whole machine */
	struct psi_cpu *cpu;      /* array of nr_cpus elements */
	/* True while stalls are not measured (psi_group_set()); read racily. */
	bool off;
	spinlock_t lock;       /* raw; protects all below */
	u64 total[PSI_STATES]; /* ns */
	/*
	 * avg_at: arch_cpu_clock() of the last update of the averages, or 0. avg_total: total[] at
	 * that time.
	 */
	u64 avg_total[PSI_STATES], avg_at;
	/* averages in percent, with 11 bits of fraction, over 10, 60 and 300 seconds */
	u64 avg[PSI_STATES][3];
};

extern struct psi_group psi_system;
/*
 * Initialises a zeroed group, which measures at once. @parent must outlive @g. Sleeps as @gfp
 * allows. Returns 0 or -ENOMEM. psi_group_free() frees the memory that psi_group_init() has
 * allocated, not @g.
 */
int psi_group_init(struct psi_group *g, struct psi_group *parent, u32 gfp);
void psi_group_free(struct psi_group *g);
/*
 * Starts or stops measuring stalls. The tasks that wait are counted even while it is off, so that a
 * restart is correct at once.
 */
void psi_group_set(struct psi_group *g, bool on);
/* True while stalls of @g are measured. */
static inline bool psi_group_on(const struct psi_group *g)
{
	return !__atomic_load_n(&g->off, __ATOMIC_RELAXED);
}
/* Moves a task to another group (NULL: none but the machine). Callable with spinlocks held. */
void psi_move_task(struct task *t, struct psi_group *g);
/*
 * Writes the text of a pressure file (cpu.pressure...) to @buf of @size bytes, terminated. Returns
 * the text's length in bytes.
 */
int psi_show(struct psi_group *g, enum psi_resource r, char *buf, size_t size);

/*
 * Frame a stretch in which current waits for memory or reclaims memory, and do not sleep. @was: the
 * result of psi_memstall_enter(), true if that call marked current.
 */
bool psi_memstall_enter(void);
void psi_memstall_leave(bool was);

/*
 * Makes a trigger from a text like "some 150000 1000000": it fires when the state "some" held for
 * 150000 us of 1000000 us. The second number is 500000 to 10000000; without @privileged it must be
 * a multiple of two seconds. @g must outlive the trigger. May sleep. Returns the trigger, or
 * ERR_PTR(-EINVAL or -ENOMEM).
 */
struct psi_trigger;
struct psi_trigger *psi_trigger_create(
	struct psi_group *g, enum psi_resource r, const char *text, bool privileged);
void psi_trigger_destroy(struct psi_trigger *t); /* may sleep; @t may be NULL */
/* Returns the queue that is woken when the trigger fires. */
struct wait_queue_head *psi_trigger_wait(struct psi_trigger *t);
/* True if the trigger has fired since the last call. */
bool psi_trigger_take(struct psi_trigger *t);

#endif
