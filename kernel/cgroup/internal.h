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
/* tasks.c: sorts numbers in ascending order and removes duplicates; returns how many remain */
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
/*
 * v1_devices.c: copies the parent's rules for a new group, 0 or -ENOMEM; frees the rules of a
 * removed group.
 */
int cgroup1_copy_rules(struct cgroup1 *g, struct cgroup1 *parent);
void cgroup1_free_rules(struct cgroup1 *g);
/*
 * v1_net.c: makes the numbers of a new group, under cgroup1_mutex, 0, -ENOMEM, -ENOSPC; frees those
 * of a removed group; a hierarchy becomes listed or unlisted.
 */
int cgroup1_inherit_net(struct cgroup1 *g, const struct cgroup1 *parent);
void cgroup1_free_net(const struct cgroup1 *g);
void cgroup1_net_owner(struct cgroup1_hier *h, bool on);
/*
 * v1_blkio.c: blkio gets or loses its hierarchy; under cgroup1_lock: @t has moved to @g, NULL: the
 * top.
 */
void cgroup1_blkio_owner(struct cgroup1_hier *h, bool on);
void cgroup1_blkio_moved(struct task *t, struct cgroup1 *g);
/*
 * v1_cpu.c, v1_cpuset.c: for cpu and cpuset. The first is under cgroup_threads: sets the group that
 * counts @t.
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
/*
 * For mem_group_ops: a threshold was crossed; returns the group to which current's huge pages are
 * charged.
 */
void cgroup1_mem_crossed(struct mem_group *m);
struct mem_group *cgroup1_huge_payer(void);
void cgroup1_cpuset_top(struct cgroup1 *top);
void cgroup1_inherit_cpuset(struct cgroup1 *g, const struct cgroup1 *parent);
/* Checks that tasks may move to @g: 0, or -ENOSPC without a vCPU or node. Under cgroup1_mutex. */
int cgroup1_cpuset_has_room(const struct cgroup1 *g);
/* Marks sockets after @t, or its whole process, has moved to @g. Under cgroup1_mutex. */
void cgroup1_mark_moved(const struct cgroup1 *g, struct task *t, bool process);
/*
 * Adds up the usage of @t, which enters or leaves a group of cpuacct other than the top. Under
 * cgroup1_lock.
 */
void cgroup1_flush_usage(struct task *t, struct cgroup1 *from);
/*
 * Sets the freeze state of @t, which has moved to its group of @h. Under cgroup_tasks_lock and
 * cgroup1_lock.
 */
void cgroup1_freeze_as_group(struct task *t, const struct cgroup1_hier *h);

/* cpuset.c: computes the effective vCPUs of @top and all below again; cgroup_mutex is held */
void cgroup_apply_cpus(struct cgroup *top);

/* tree.c: updates the scheduler's groups in which tasks of @c run */
void cgroup_apply_sched(struct cgroup *c);
/* True if @c may have tasks of its own next to threaded groups below it. */
bool cgroup_may_divide(const struct cgroup *c);
struct sched_group *cgroup_sched_group(struct cgroup *c);

#endif
