/* SPDX-License-Identifier: MIT */
/*
 * autogroup.c: gives each session a group of its own (an autogroup), with a number and a nice level
 * in /proc/PID/autogroup.
 *
 * At boot the scheduler ignores autogroups, as on a Linux that was booted with "noautogroup". While
 * kernel.sched_autogroup_enabled is 1, each autogroup is a group of the scheduler, for those of its
 * tasks that are in no group of the cpu controller. A task that has joined no session belongs to
 * the root group, which has no /proc/PID/autogroup text.
 *
 * Locks: tasklist_lock protects signal->autogroup. A group's nice level is written and read racily.
 * A group is freed after a grace period: vCPUs read the scheduler's group of their task without a
 * lock.
 */
#include "kernel/lib/sysctl.h"
#include "kernel/sched/group.h"
#include "kernel/sched/timer.h"
#include "kernel/task/internal.h"

/* Minimum interval, in ns, between changes by tasks without CAP_SYS_ADMIN. */
#define SET_EVERY 100000000UL

struct autogroup {
	atomic_t count;
	u64 id;
	int nice;
	struct sched_group sched;
	struct rcu_head rcu;
};

static u64 last_id; /* under tasklist_lock (write) */
/* ktime from which on tasks without CAP_SYS_ADMIN may change a nice level again; racy */
static u64 next_set;
static int sysctl_sched_autogroup_enabled;

struct autogroup *autogroup_new(void)
{
	struct autogroup *ag = kzalloc(sizeof(*ag), GFP_KERNEL);

	if (!ag)
		return NULL;
	atomic_set(&ag->count, 1);
	sched_group_init(&ag->sched);
	return ag;
}

static void free_rcu(struct rcu_head *h)
{
	kfree(container_of(h, struct autogroup, rcu));
}

void autogroup_put(struct autogroup *ag)
{
	if (ag && atomic_dec_and_test(&ag->count))
		call_rcu(&ag->rcu, free_rcu);
}

struct autogroup *autogroup_join(struct signal_struct *sig, struct autogroup *ag)
{
	struct autogroup *old = sig->autogroup;
	struct task *t;

	if (ag)
		ag->id = ++last_id;
	sig->autogroup = ag;
	for_each_thread(sig, t)
		sched_move_session(t, ag ? &ag->sched : NULL);
	return old;
}

void autogroup_fork(struct signal_struct *sig, struct signal_struct *old)
{
	sig->autogroup = old->autogroup;
	if (sig->autogroup)
		atomic_inc(&sig->autogroup->count);
}

void autogroup_link(struct task *t)
{
	struct autogroup *ag = t->signal->autogroup;

	sched_set_session(t, ag ? &ag->sched : NULL);
}

bool task_autogroup(struct task *t, u64 *id, int *nice)
{
	const struct autogroup *ag;

	read_lock(&tasklist_lock);
	ag = t->signal->autogroup;
	if (ag) {
		*id = ag->id;
		*nice = READ_ONCE(ag->nice);
	}
	read_unlock(&tasklist_lock);
	return ag;
}

int task_set_autogroup_nice(struct task *t, int nice)
{
	struct autogroup *ag;
	u64 now = ktime_get();

	if (nice < -20 || nice > 19)
		return -EINVAL;
	if (nice < 0 && (u64)(20 - nice) > task_rlimit(current, RLIMIT_NICE) &&
		!capable(CAP_SYS_NICE))
		return -EPERM;
	if (!capable(CAP_SYS_ADMIN) && now < READ_ONCE(next_set))
		return -EAGAIN;
	WRITE_ONCE(next_set, now + SET_EVERY);
	read_lock(&tasklist_lock);
	ag = t->signal->autogroup;
	if (ag) {
		WRITE_ONCE(ag->nice, nice);
		sched_group_set_shares(&ag->sched, sched_nice_shares(nice), false);
	}
	read_unlock(&tasklist_lock);
	return ag ? 0 : -EINVAL;
}

static void enabled_changed(void)
{
	struct task *p, *t;

	sched_sessions_count(READ_ONCE(sysctl_sched_autogroup_enabled));
	read_lock(&tasklist_lock);
	for_each_process(p)
		for_each_thread(p->signal, t)
			sched_regroup(t);
	read_unlock(&tasklist_lock);
}

static const struct sysctl autogroup_sysctls[] = {
	{ .path = "kernel/sched_autogroup_enabled",
		.kind = SYSCTL_INT,
		.mode = 0644,
		.data = &sysctl_sched_autogroup_enabled,
		.max = 1,
		.changed = enabled_changed },
};

static int autogroup_init(void)
{
	return sysctl_register(autogroup_sysctls, ARRAY_SIZE(autogroup_sysctls));
}
INITCALL(4, autogroup_init);
