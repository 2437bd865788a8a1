/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of kernel/cgroup. */
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

/*
 * tasks.c; under cgroup_tasks_lock. cgroup_link_task() enters @t in the list and counts of @c, and
 * leaves t->cgroup to the caller. cgroup_unlink_task() removes @t from the list and counts of
 * t->cgroup. cgroup_flush_times() adds what @t has used since the last flush to t->cgroup and the
 * groups above.
 */
void cgroup_link_task(struct cgroup *c, struct task *t);
void cgroup_unlink_task(struct task *t);
void cgroup_flush_times(struct task *t);
/* tasks.c: sorts @n pids in ascending order and removes duplicates; returns how many remain */
s64 cgroup_sort_unique(pid_t *all, s64 n);

/*
 * tasks.c: sets the groups that pay for each task's memory and I/O (@controllers). If @away,
 * version 1 takes over and there is no such group; otherwise version 2's groups pay again. Takes
 * cgroup_threads for writing.
 */
void cgroup_switch_payers(u32 controllers, bool away);

/*
 * freezer.c; under cgroup_tasks_lock. cgroup_freeze_task() freezes @t if @on is set, which is what
 * version 2 requires, or if version 1 freezes it (t->cg1_freeze). Otherwise it thaws @t. It ignores
 * kernel threads. cgroup_update_frozen() updates @frozen of @c and the groups above.
 */
void cgroup_freeze_task(struct task *t, bool on);
void cgroup_update_frozen(struct cgroup *c);

/* v1.c, v1_controllers.c */
struct cgroup1;
struct cgroup1_hier;
extern spinlock_t cgroup1_lock;
/* Returns @t's group in @h, or the top; valid while cgroup1_lock is held. */
struct cgroup1 *cgroup1_group_of(
	const struct task *t, const struct cgroup1_hier *h); /* takes no reference */
/* True if @g is @top or lies below it. */
bool cgroup1_is_below(const struct cgroup1 *g, const struct cgroup1 *top);
/*
 * v1_devices.c: cgroup1_copy_rules() gives a new group its parent's rules. Returns 0 or -ENOMEM.
 * cgroup1_free_rules() frees the rules of a removed group.
 */
int cgroup1_copy_rules(struct cgroup1 *g, struct cgroup1 *parent);
void cgroup1_free_rules(struct cgroup1 *g);
/*
 * v1_net.c: cgroup1_inherit_net() makes the socket numbers (cgroup1_net_ids) of a new group, and
 * returns 0, -ENOMEM or -ENOSPC. cgroup1_net_owner() notes that @h was listed (@on) or unlisted.
 * Both are called under cgroup1_mutex. cgroup1_free_net() frees the numbers of a group that is
 * being freed, in any context.
 */
int cgroup1_inherit_net(struct cgroup1 *g, const struct cgroup1 *parent);
void cgroup1_free_net(const struct cgroup1 *g);
void cgroup1_net_owner(struct cgroup1_hier *h, bool on);
/*
 * v1_blkio.c: cgroup1_blkio_owner() gives the controller blkio to @h (@on) or back to version 2.
 * cgroup1_blkio_moved() sets the group that pays for @t's I/O (@g NULL: the top); under
 * cgroup1_lock.
 */
void cgroup1_blkio_owner(struct cgroup1_hier *h, bool on);
void cgroup1_blkio_moved(struct task *t, struct cgroup1 *g);
/*
 * v1_cpu.c, v1_cpuset.c: apply a move of @t to @g (NULL: the top) for pids, cpu and cpuset, under
 * cgroup1_lock. cgroup1_pids_moved() is also under cgroup_threads, and sets the group in which @t
 * counts until it is reaped.
 */
void cgroup1_pids_moved(struct task *t, struct cgroup1 *g);
void cgroup1_cpu_moved(struct task *t, struct cgroup1 *g);
void cgroup1_cpuset_moved(struct task *t, struct cgroup1 *g);
/*
 * v1_memory.c: cgroup1_memory_init() sets up the memory part of a new group, and
 * cgroup1_inherit_memory() gives @g the settings of @parent. cgroup1_memory_owner() gives memory
 * and hugetlb to @h (@on) or back to version 2, under cgroup1_mutex. cgroup1_memory_moved() sets
 * the group that pays for @t's memory (@g NULL: the top), under cgroup1_lock. cgroup1_oom_kill() is
 * mem_group_ops.oom_kill() for a group of version 1; it may sleep until there is room.
 * cgroup1_memory_exit() signals and drops the eventfds of a removed group.
 */
void cgroup1_memory_init(struct cgroup1 *g);
void cgroup1_inherit_memory(struct cgroup1 *g, struct cgroup1 *parent);
void cgroup1_memory_owner(struct cgroup1_hier *h, bool on);
void cgroup1_memory_moved(struct task *t, struct cgroup1 *g);
bool cgroup1_oom_kill(struct mem_group *g);
void cgroup1_memory_exit(struct cgroup1 *g);
/*
 * For mem_group_ops. cgroup1_mem_crossed() is called when usage has crossed a threshold, perhaps
 * with locks held. cgroup1_huge_payer() returns the group to which current's huge pages are
 * charged, with a reference to its owner, or NULL.
 */
void cgroup1_mem_crossed(struct mem_group *m);
struct mem_group *cgroup1_huge_payer(void);
/*
 * v1_cpuset.c: cgroup1_cpuset_top() gives the top all vCPUs and nodes. cgroup1_inherit_cpuset()
 * gives a new group its parent's flags for spreading memory and, with clone_children, its parent's
 * masks. It is called under cgroup1_mutex.
 */
void cgroup1_cpuset_top(struct cgroup1 *top);
void cgroup1_inherit_cpuset(struct cgroup1 *g, const struct cgroup1 *parent);
/*
 * Checks that @g has a vCPU and a memory node, so that tasks may move to it. Returns 0 or -ENOSPC.
 * Under cgroup1_mutex.
 */
int cgroup1_cpuset_has_room(const struct cgroup1 *g);
/*
 * Marks the open sockets of @t, or of its whole process, with @g's numbers after a move to @g.
 * Under cgroup1_mutex.
 */
void cgroup1_mark_moved(const struct cgroup1 *g, struct task *t, bool process);
/*
 * Adds the usage of @t since the last call to its cpuacct group @from and to those above. Called
 * when @t enters or leaves a group below the top. Under cgroup1_lock.
 */
void cgroup1_flush_usage(struct task *t, struct cgroup1 *from);
/*
 * Freezes or thaws @t after a move, as its group in @h requires. Under cgroup_tasks_lock and
 * cgroup1_lock.
 */
void cgroup1_freeze_as_group(struct task *t, const struct cgroup1_hier *h);

/* cpuset.c: recomputes the effective vCPUs of @top and all groups below; cgroup_mutex is held */
void cgroup_apply_cpus(struct cgroup *top);

/*
 * tree.c: links the scheduler's groups and moves the tasks of @c to them, as the controllers of @c
 * require. Under cgroup_mutex.
 */
void cgroup_apply_sched(struct cgroup *c);
/* True if @c may have tasks of its own beside the threaded groups below it. */
bool cgroup_may_divide(const struct cgroup *c);
/* Returns the scheduler's group of @c's tasks, without a reference; NULL: the root. */
struct sched_group *cgroup_sched_group(struct cgroup *c);

#endif
