/* SPDX-License-Identifier: MIT */
/*
 * autogroup.c: gives each session a group of its own, with a number and a nice level in
 * /proc/PID/autogroup.
 *
 * It behaves as a Linux that was booted with "noautogroup": the groups exist and can be read, and
 * the scheduler ignores them. kernel.sched_autogroup_enabled says so: it is 0 and cannot be set. A
 * task that has joined no session belongs to the root group, which has no line.
 *
 * Locks: tasklist_lock for signal->autogroup; a group's level is written and read racily.
 */
#include "kernel/lib/sysctl.h"
#include "kernel/task/internal.h"

/* ns: least interval between changes by tasks without CAP_SYS_ADMIN */
#define SET_EVERY 100000000UL

struct autogroup {
	atomic_t count;
	u64 id;
	int nice;
};

static u64 last_id;  /* under tasklist_lock, for writing */
static u64 next_set; /* ktime; racy: it only slows down */
static int sysctl_sched_autogroup_enabled;

struct autogroup *autogroup_new(void)
{
	struct autogroup *ag = kzalloc(sizeof(*ag), GFP_KERNEL);

	if (ag)
		atomic_set(&ag->count, 1);
	return ag;
}

void autogroup_put(struct autogroup *ag)
{
	if (ag && atomic_dec_and_test(&ag->count))
		kfree(ag);
}

struct autogroup *autogroup_join(struct signal_struct *sig, struct autogroup *ag)
{
	struct autogroup *old = sig->autogroup;

	if (ag)
		ag->id = ++last_id;
	sig->autogroup = ag;
	return old;
}

void autogroup_fork(struct signal_struct *sig, struct signal_struct *old)
{
	sig->autogroup = old->autogroup;
	if (sig->autogroup)
		atomic_inc(&sig->autogroup->count);
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
	if (ag)
		WRITE_ONCE(ag->nice, nice);
	read_unlock(&tasklist_lock);
	return ag ? 0 : -EINVAL;
}

static const struct sysctl autogroup_sysctls[] = {
	SYSCTL_NUM("kernel/sched_autogroup_enabled", sysctl_sched_autogroup_enabled, 0, 0),
};

static int autogroup_init(void)
{
	return sysctl_register(autogroup_sysctls, ARRAY_SIZE(autogroup_sysctls));
}
INITCALL(4, autogroup_init);
