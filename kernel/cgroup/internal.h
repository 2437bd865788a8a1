/* SPDX-License-Identifier: MIT */
/* internal.h: between the files of kernel/cgroup. */
#ifndef NESTLING_CGROUP_INTERNAL_H
#define NESTLING_CGROUP_INTERNAL_H

#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/machine/arch.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/ident/thread_group.h"

extern struct rwsem cgroup_threads;

/* tasks.c; under cgroup_tasks_lock */
void cgroup_link_task(struct cgroup *c, struct task *t);
void cgroup_unlink_task(struct task *t);
void cgroup_flush_times(struct task *t);
/* tasks.c: in ascending order, each once: how many remain */
s64 cgroup_sort_unique(pid_t *all, s64 n);

/*
 * tasks.c: moves each task's charges of these controllers: away (@away, to version 1), or to its
 * group
 */
void cgroup_switch_payers(u32 controllers, bool away);

/* freezer.c; under cgroup_tasks_lock */
void cgroup_freeze_task(struct task *t, bool on);
void cgroup_update_frozen(struct cgroup *c);

/* v1.c, v1_controllers.c */
struct cgroup1;
struct cgroup1_hier;
extern spinlock_t cgroup1_lock;
struct cgroup1 *cgroup1_group_of(
	const struct task *t, const struct cgroup1_hier *h);               /* no reference */
bool cgroup1_is_below(const struct cgroup1 *g, const struct cgroup1 *top); /* or itself */
/* v1_devices.c: a new group has what its parent has, 0 or -ENOMEM; a group has gone. */
int cgroup1_copy_rules(struct cgroup1 *g, struct cgroup1 *parent);
void cgroup1_free_rules(struct cgroup1 *g);
/*
 * v1_net.c: a new group, under cgroup1_mutex, 0, -ENOMEM, -ENOSPC; one that has gone; a hierarchy
 * that is listed, or not any more.
 */
int cgroup1_inherit_net(struct cgroup1 *g, const struct cgroup1 *parent);
void cgroup1_free_net(const struct cgroup1 *g);
void cgroup1_net_owner(struct cgroup1_hier *h, bool on);
/* v1_blkio.c: for blkio; under cgroup1_lock: @t has come to @g, NULL: the top. */
void cgroup1_blkio_owner(struct cgroup1_hier *h, bool on);
void cgroup1_blkio_moved(struct task *t, struct cgroup1 *g);
/*
 * v1_cpu.c, v1_cpuset.c: for cpu and cpuset; the first under cgroup_threads: the group that counts
 * @t.
 */
void cgroup1_pids_moved(struct task *t, struct cgroup1 *g);
void cgroup1_cpu_moved(struct task *t, struct cgroup1 *g);
void cgroup1_cpuset_moved(struct task *t, struct cgroup1 *g);
/* v1_memory.c */
void cgroup1_memory_init(struct cgroup1 *g);
void cgroup1_inherit_memory(struct cgroup1 *g, struct cgroup1 *parent);
void cgroup1_memory_owner(struct cgroup1_hier *h, bool on);
void cgroup1_memory_moved(struct task *t, struct cgroup1 *g);
bool cgroup1_oom_kill(struct mem_group *g);
void cgroup1_memory_exit(struct cgroup1 *g);
/* For mem_group_ops: a threshold was crossed; the group that pays for current's huge pages. */
void cgroup1_mem_crossed(struct mem_group *m);
struct mem_group *cgroup1_huge_payer(void);
void cgroup1_cpuset_top(struct cgroup1 *top);
void cgroup1_inherit_cpuset(struct cgroup1 *g, const struct cgroup1 *parent);
/* May tasks come? 0, -ENOSPC: there is nothing to run on. Under cgroup1_mutex. */
int cgroup1_cpuset_has_room(const struct cgroup1 *g);
/* Under cgroup1_mutex: @t, or its whole process, has come to @g. */
void cgroup1_mark_moved(const struct cgroup1 *g, struct task *t, bool process);
/* Under cgroup1_lock: @t comes to or leaves a group of cpuacct that is not the top. */
void cgroup1_flush_usage(struct task *t, struct cgroup1 *from);
/* Under cgroup_tasks_lock and cgroup1_lock: @t has come to its group of @h. */
void cgroup1_freeze_as_group(struct task *t, const struct cgroup1_hier *h);

/* cpuset.c: what @top and those below it have, anew; cgroup_mutex is held */
void cgroup_apply_cpus(struct cgroup *top);

/* tree.c: the groups of the scheduler that tasks of @c run in */
void cgroup_apply_sched(struct cgroup *c);
/* May @c have tasks of its own next to groups of threads below it? */
bool cgroup_may_divide(const struct cgroup *c);
struct sched_group *cgroup_sched_group(struct cgroup *c);

#endif
