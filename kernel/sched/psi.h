/* SPDX-License-Identifier: MIT */
/*
 * psi.h: pressure stall information: for how much of the time somebody, or everybody, of a group of tasks had to wait for a CPU, for memory or
 * for a disk. Meanings: linux-doc's accounting/psi.
 */
#ifndef NESTLING_SCHED_PSI_H
#define NESTLING_SCHED_PSI_H

#include "kernel/lib/list.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

struct task;
struct file;

enum psi_resource { PSI_IO, PSI_MEM, PSI_CPU, PSI_RESOURCES };
#define PSI_STATES (2 * PSI_RESOURCES) /* some and full of each: 2 * resource, 2 * resource + 1 */
#define PSI_NONIDLE PSI_STATES

/* Of one vCPU, under its runqueue's lock. */
struct psi_cpu {
	u32 runnable, running, iowait, memstall, memstall_runnable;
	u32 mask;  /* states that hold, by bit */
	u64 since; /* clock of the last change */
	u64 times[PSI_STATES + 1];
	u64 seen[PSI_STATES + 1]; /* what totals have; under the group's lock */
};

struct psi_group {
	struct psi_group *parent; /* NULL: the whole machine */
	struct psi_cpu *cpu;      /* of nr_cpus */
	bool off;                 /* no time is added up: psi_group_set(); read racily */
	spinlock_t lock;          /* raw; all below */
	u64 total[PSI_STATES];    /* ns */
	u64 avg_total[PSI_STATES], avg_at;
	u64 avg[PSI_STATES][3]; /* percent, 11 bits of fraction: over 10, 60, 300 seconds */
};

extern struct psi_group psi_system;
int psi_group_init(struct psi_group *g, struct psi_group *parent, u32 gfp); /* 0 or -ENOMEM */
void psi_group_free(struct psi_group *g);
/* From now on stalls are measured, or not: what they come from is counted all the same, so that it is right again at once. */
void psi_group_set(struct psi_group *g, bool on);
static inline bool psi_group_on(const struct psi_group *g)
{
	return !__atomic_load_n(&g->off, __ATOMIC_RELAXED);
}
void psi_move_task(struct task *t, struct psi_group *g);
/* The text of a pressure file: bytes. */
int psi_show(struct psi_group *g, enum psi_resource r, char *buf, size_t size);

/* The caller waits for memory, or frees some, until leave. */
bool psi_memstall_enter(void);     /* false: it was in it already */
void psi_memstall_leave(bool was); /* @was: what enter returned */

/*
 * "some 150000 1000000": an event when so many of so many microseconds were lost. Who is not @privileged has windows of whole two seconds.
 * ERR_PTR(-EINVAL, -ENOMEM).
 */
struct psi_trigger;
struct psi_trigger *psi_trigger_create(
	struct psi_group *g, enum psi_resource r, const char *text, bool privileged);
void psi_trigger_destroy(struct psi_trigger *t); /* may sleep */
struct wait_queue_head *psi_trigger_wait(struct psi_trigger *t);
bool psi_trigger_take(struct psi_trigger *t); /* has there been an event since the last call? */

#endif
