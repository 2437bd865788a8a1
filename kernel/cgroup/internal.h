/* SPDX-License-Identifier: MIT */
/* internal.h: between the files of kernel/cgroup. */
#ifndef NESTLING_CGROUP_INTERNAL_H
#define NESTLING_CGROUP_INTERNAL_H

#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/arch.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/task/process.h"

extern struct rwsem cgroup_threads;

/* tasks.c; under cgroup_tasks_lock */
void cgroup_link_task(struct cgroup *c, struct task *t);
void cgroup_unlink_task(struct task *t);
void cgroup_flush_times(struct task *t);
/* tasks.c: in ascending order, each once: how many remain */
s64 cgroup_sort_unique(pid_t *all, s64 n);

/* freezer.c; under cgroup_tasks_lock */
void cgroup_freeze_task(struct task *t, bool on);
void cgroup_update_frozen(struct cgroup *c);

/* pids.c */
int pids_charge(struct cgroup *c);
void pids_charge_force(struct cgroup *c);
void pids_uncharge(struct cgroup *c);

/* cpuset.c: what @top and those below it have, anew; cgroup_mutex is held */
void cgroup_apply_cpus(struct cgroup *top);

/* tree.c: the groups of the scheduler that tasks of @c run in */
void cgroup_apply_sched(struct cgroup *c);
/* May @c have tasks of its own next to groups of threads below it? */
bool cgroup_may_divide(const struct cgroup *c);
struct sched_group *cgroup_sched_group(struct cgroup *c);

#endif
