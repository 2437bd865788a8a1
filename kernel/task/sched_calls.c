/* SPDX-License-Identifier: MIT */
/*
 * sched_calls.c: the system calls of scheduling and their permission checks. The scheduler itself
 * is kernel/sched.
 *
 * A caller may change threads of its own effective user. It needs CAP_SYS_NICE to raise a priority
 * above what RLIMIT_NICE and RLIMIT_RTPRIO allow, or to change threads of other users. A raised
 * priority takes CPU from all users: the capability of a user namespace is not enough.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/task/futex/futex.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"

#define ATTR_SIZE_V0 48
#define PRIO_PROCESS 0
#define PRIO_PGRP 1
#define PRIO_USER 2

/* Yields the CPU. For a task of SCHED_DEADLINE this ends its work in this period. */
long sys_sched_yield(void)
{
	if (unlikely(current->policy == SCHED_DEADLINE))
		dl_yield();
	else
		yield();
	return 0;
}

void sched_deadline_over(void)
{
	if (likely(current->policy != SCHED_DEADLINE))
		return;
	if (READ_ONCE(current->dl_overran)) {
		WRITE_ONCE(current->dl_overran, false);
		if (current->dl_flags & SCHED_FLAG_DL_OVERRUN)
			send_sig_group(SIGXCPU, current, SEND_SIG_PRIV);
	}
	dl_throttle();
}

/* ---- target and rights ---- */

/* Returns the task with this pid (0: current), with a reference, or ERR_PTR(-ESRCH, -EINVAL). */
static struct task *target(int pid)
{
	struct task *t;

	if (pid < 0)
		return ERR_PTR(-EINVAL);
	if (!pid) {
		get_task(current);
		return current;
	}
	t = find_get_task(pid);
	return t ? t : ERR_PTR(-ESRCH);
}

static bool owns(struct task *t)
{
	const struct cred *c = get_task_cred(t);
	bool same = current_euid() == c->euid || current_euid() == c->uid;

	put_cred(c);
	return same;
}

static bool may_touch(struct task *t)
{
	return owns(t) || ns_capable_to(t, CAP_SYS_NICE);
}

/*
 * True if current may give @t the nice level. The values of RLIMIT_NICE are 1 (nice 19) to 40 (nice
 * -20).
 */
static bool may_nice(struct task *t, int nice)
{
	return nice >= t->nice || (u64)(20 - nice) <= task_rlimit(t, RLIMIT_NICE) ||
	       capable(CAP_SYS_NICE);
}

static bool realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* Checks whether current may set this policy of @t. Returns 0 or -EPERM. */
static int check_change(struct task *t, int policy, int prio, int nice)
{
	u64 limit = task_rlimit(t, RLIMIT_RTPRIO);

	if (!owns(t) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (realtime(policy)) {
		bool up = policy != t->policy || prio > t->rt_priority;

		if (up && (u64)prio > limit && !capable(CAP_SYS_NICE))
			return -EPERM;
		return 0;
	}
	if (t->policy == SCHED_IDLE && policy != SCHED_IDLE && !may_nice(t, t->nice - 1))
		return -EPERM;
	return may_nice(t, nice) ? 0 : -EPERM;
}

/* True if policy and priority are valid. The caller checks rights later. */
static bool can_be(int policy, int prio)
{
	if (realtime(policy))
		return prio >= 1 && prio <= 99;
	return !prio && (policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE);
}

/* Returns 0 if these parameters are valid and current may set them, or -errno. */
static int may_change(struct task *t, int policy, int prio, int nice, bool reset_on_fork)
{
	if (!can_be(policy, prio))
		return -EINVAL;
	if (t->sched_reset_on_fork && !reset_on_fork && !capable(CAP_SYS_NICE))
		return -EPERM;
	return check_change(t, policy, prio, nice);
}

/* Sets the policy of @t, if current may. Returns 0 or -errno. */
static int change(struct task *t, int policy, int prio, int nice, bool reset_on_fork)
{
	int err = may_change(t, policy, prio, nice, reset_on_fork);

	if (!err)
		err = sched_setscheduler(t, policy, prio);
	if (err)
		return err;
	if (realtime(policy))
		process_timer_ops.limit_changed(t->signal); /* RLIMIT_RTTIME applies from now on */
	t->sched_reset_on_fork = reset_on_fork;
	if (!realtime(policy) && nice != t->nice)
		set_user_nice(t, nice);
	futex_pi_priority_changed(t);
	return 0;
}

/* ---- policies ---- */

/*
 * Sets the priority that @param contains and, if @set_policy is true, the policy. Returns 0 or
 * -errno.
 */
static long set_priority(int pid, bool set_policy, int policy, uaddr_t param)
{
	bool reset = policy & SCHED_RESET_ON_FORK;
	struct task *t;
	int prio, err;

	if (!param.v)
		return -EINVAL;
	if (get_user(prio, param))
		return -EFAULT;
	t = target(pid);
	if (IS_ERR(t))
		return PTR_ERR(t);
	if (set_policy)
		err = change(t, policy & ~SCHED_RESET_ON_FORK, prio, t->nice, reset);
	else
		err = change(t, t->policy, prio, t->nice, t->sched_reset_on_fork);
	put_task(t);
	return err;
}

long sys_sched_setscheduler(int pid, int policy, uaddr_t param)
{
	return policy < 0 ? -EINVAL : set_priority(pid, true, policy, param);
}

long sys_sched_setparam(int pid, uaddr_t param)
{
	return set_priority(pid, false, 0, param);
}

long sys_sched_getscheduler(int pid)
{
	struct task *t = target(pid);
	long policy;

	if (IS_ERR(t))
		return PTR_ERR(t);
	policy = t->policy | (t->sched_reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	put_task(t);
	return policy;
}

long sys_sched_getparam(int pid, uaddr_t param)
{
	struct task *t;
	int prio;

	if (!param.v)
		return -EINVAL;
	t = target(pid);
	if (IS_ERR(t))
		return PTR_ERR(t);
	prio = t->rt_priority;
	put_task(t);
	return put_user(prio, param);
}

/*
 * Reads the guest's struct, which may be of another version. Returns 0 or -errno. If unknown fields
 * of it are set, writes the size that this kernel knows to the guest and returns -E2BIG.
 */
static int get_attr(uaddr_t ua, struct sched_attr *attr)
{
	int err = -E2BIG;
	u32 size;

	if (get_user(size, ua))
		return -EFAULT;
	if (!size)
		size = ATTR_SIZE_V0;
	if (size >= ATTR_SIZE_V0 && size <= PAGE_SIZE)
		err = copy_struct_from_user(attr, sizeof(*attr), ua, size);
	if (err == -E2BIG && put_user((u32)sizeof(*attr), ua))
		err = -EFAULT;
	return err;
}

/*
 * True if a slice can be set for the policy. A task of SCHED_IDLE keeps the slice that it had, as
 * on Linux.
 */
static bool has_slice(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH;
}

/*
 * Puts the parameters of @t into @attr, for SCHED_FLAG_KEEP_PARAMS. Those that its policy does not
 * have stay the caller's, and are checked.
 */
static void own_params(const struct task *t, struct sched_attr *attr)
{
	if (t->policy == SCHED_DEADLINE) {
		attr->sched_priority = 0;
		attr->sched_runtime = t->dl_runtime;
		attr->sched_deadline = t->dl_deadline;
		attr->sched_period = t->dl_period;
		attr->sched_flags &= ~(u64)(SCHED_FLAG_RECLAIM | SCHED_FLAG_DL_OVERRUN);
		attr->sched_flags |= t->dl_flags;
	} else if (realtime(t->policy)) {
		attr->sched_priority = (u32)t->rt_priority;
	} else {
		attr->sched_nice = t->nice;
		attr->sched_runtime = sched_slice(t);
	}
}

/*
 * Makes @t a deadline task. With SCHED_FLAG_KEEP_PARAMS only checks the arguments and sets whether
 * a fork resets the policy. Returns 0, -EINVAL, -EPERM, or -EBUSY if no bandwidth is left.
 */
static int set_deadline(struct task *t, const struct sched_attr *attr)
{
	u64 period = attr->sched_period;
	int err = 0;

	if (attr->sched_priority || dl_check(attr->sched_runtime, attr->sched_deadline, &period))
		return -EINVAL;
	if (!capable(CAP_SYS_NICE))
		return -EPERM;
	if (!(attr->sched_flags & SCHED_FLAG_KEEP_PARAMS))
		err = sched_set_deadline(t, attr->sched_runtime, attr->sched_deadline,
			attr->sched_period,
			attr->sched_flags & (SCHED_FLAG_RECLAIM | SCHED_FLAG_DL_OVERRUN));
	if (err)
		return err;
	t->sched_reset_on_fork = attr->sched_flags & SCHED_FLAG_RESET_ON_FORK;
	futex_pi_priority_changed(t);
	return 0;
}

/*
 * Sets another policy than SCHED_DEADLINE. With SCHED_FLAG_KEEP_PARAMS even the policy stays, as on
 * Linux: the arguments are checked, and a fork resets the policy or not.
 */
static int set_other(struct task *t, int policy, const struct sched_attr *attr)
{
	bool reset = attr->sched_flags & SCHED_FLAG_RESET_ON_FORK;
	int prio = (int)attr->sched_priority, nice = clamp(attr->sched_nice, -20, 19), err;

	if (attr->sched_flags & SCHED_FLAG_KEEP_PARAMS) {
		err = may_change(t, policy, prio, nice, reset);
		if (!err)
			t->sched_reset_on_fork = reset;
		return err;
	}
	err = change(t, policy, prio, nice, reset);
	if (!err && has_slice(policy))
		sched_set_slice(t, attr->sched_runtime);
	return err;
}

long sys_sched_setattr(int pid, uaddr_t uattr, int flags)
{
	struct sched_attr attr;
	struct task *t;
	int err, policy;

	if (!uattr.v || pid < 0 || flags)
		return -EINVAL;
	err = get_attr(uattr, &attr);
	if (err)
		return err;
	if ((int)attr.sched_policy < 0)
		return -EINVAL;
	/* Refused, with EOPNOTSUPP: utilisation clamps are missing (docs/coverage.md). */
	if (attr.sched_flags & (SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX))
		return -EOPNOTSUPP;
	if (attr.sched_flags & ~(u64)(SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_ALL |
				       SCHED_FLAG_RECLAIM | SCHED_FLAG_DL_OVERRUN))
		return -EINVAL;
	t = target(pid);
	if (IS_ERR(t))
		return PTR_ERR(t);
	policy = (int)attr.sched_policy;
	if (attr.sched_flags & SCHED_FLAG_KEEP_POLICY) {
		policy = t->policy;
		attr.sched_flags &= ~(u64)SCHED_FLAG_RESET_ON_FORK;
		attr.sched_flags |= t->sched_reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	}
	if (attr.sched_flags & SCHED_FLAG_KEEP_PARAMS)
		own_params(t, &attr);
	err = policy == SCHED_DEADLINE ? set_deadline(t, &attr) : set_other(t, policy, &attr);
	put_task(t);
	return err;
}

long sys_sched_getattr(int pid, uaddr_t uattr, u32 size, int flags)
{
	struct sched_attr attr;
	struct task *t;

	if (!uattr.v || pid < 0 || flags || size < ATTR_SIZE_V0 || size > PAGE_SIZE)
		return -EINVAL;
	t = target(pid);
	if (IS_ERR(t))
		return PTR_ERR(t);
	memset(&attr, 0, sizeof(attr));
	attr.size = min_t(u32, size, sizeof(attr));
	attr.sched_policy = (u32)t->policy;
	attr.sched_flags = t->sched_reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	if (t->policy == SCHED_DEADLINE) {
		attr.sched_runtime = t->dl_runtime;
		attr.sched_deadline = t->dl_deadline;
		attr.sched_period = t->dl_period;
		attr.sched_flags |= t->dl_flags;
	} else if (realtime(t->policy)) {
		attr.sched_priority = (u32)t->rt_priority;
	} else {
		attr.sched_nice = t->nice;
		attr.sched_runtime = sched_slice(t);
	}
	put_task(t);
	return copy_to_user(uattr, &attr, attr.size) ? -EFAULT : 0;
}

/* Linux has priority limits for this policy even if it cannot load a scheduler. */
#define SCHED_EXT_ 7

long sys_sched_get_priority_max(int policy)
{
	if (realtime(policy))
		return 99;
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE ||
			       policy == SCHED_DEADLINE || policy == SCHED_EXT_ ?
		       0 :
		       -EINVAL;
}

long sys_sched_get_priority_min(int policy)
{
	return realtime(policy) ? 1 : sys_sched_get_priority_max(policy);
}

long sys_sched_rr_get_interval(int pid, uaddr_t interval)
{
	struct task *t = target(pid);
	s64 ts[2];
	u64 ns;

	if (IS_ERR(t))
		return PTR_ERR(t);
	ns = sched_rr_interval(t);
	put_task(t);
	ts[0] = (s64)(ns / 1000000000);
	ts[1] = (s64)(ns % 1000000000);
	return copy_to_user(interval, ts, sizeof(ts)) ? -EFAULT : 0;
}

/* ---- vCPUs ---- */

long sys_sched_setaffinity(int pid, u32 len, uaddr_t umask)
{
	u64 mask = 0;
	struct task *t;
	int err;

	if (copy_from_user(&mask, umask, min_t(size_t, len, sizeof(mask))))
		return -EFAULT;
	t = pid < 0 ? ERR_PTR(-ESRCH) : target(pid);
	if (IS_ERR(t))
		return PTR_ERR(t);
	err = may_touch(t) ? sched_setaffinity(t, mask) : -EPERM;
	put_task(t);
	return err;
}

long sys_sched_getaffinity(int pid, u32 len, uaddr_t umask)
{
	u64 mask;
	struct task *t;

	if (len < sizeof(mask) || len % sizeof(mask))
		return -EINVAL;
	t = pid < 0 ? ERR_PTR(-ESRCH) : target(pid);
	if (IS_ERR(t))
		return PTR_ERR(t);
	mask = READ_ONCE(t->cpus_allowed) & (nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1);
	put_task(t);
	return put_user(mask, umask) ? -EFAULT : (long)sizeof(mask);
}

long sys_getcpu(uaddr_t ucpu, uaddr_t unode, uaddr_t cache)
{
	u32 cpu = (u32)smp_processor_id(), node = 0;

	if (ucpu.v && put_user(cpu, ucpu))
		return -EFAULT;
	return unode.v ? put_user(node, unode) : 0;
}

/* ---- nice levels of processes, groups and users ---- */

struct prio_walk {
	int which, who;
	kuid_t uid;
	struct pid *pgrp;
	bool set;
	int nice;
	/*
	 * Of a get: the best value, as 20 - nice. Of a set: 0 or an error. -ESRCH while no task was
	 * found.
	 */
	long result;
};

static bool has_uid(struct task *t, kuid_t uid)
{
	const struct cred *c = get_task_cred(t);
	bool same = c->uid == uid;

	put_cred(c);
	return same;
}

static bool in_walk(const struct prio_walk *w, struct task *leader, struct task *t)
{
	switch (w->which) {
	case PRIO_PROCESS:
		return t == current ? !w->who || w->who == task_pid_vnr(t) :
				      w->who == task_pid_vnr(t);
	case PRIO_PGRP: return task_pgrp(leader) == w->pgrp;
	default: return has_uid(t, w->uid) && task_pid_vnr(t); /* not of an outer pid namespace */
	}
}

/* Sets the nice value of @t, if current may. Returns 0, -EPERM or -EACCES. */
static long set_one(struct task *t, int nice)
{
	const struct cred *c = get_task_cred(t);
	bool mine = c->uid == current_euid() || c->euid == current_euid();

	put_cred(c);
	if (!mine && !ns_capable_to(t, CAP_SYS_NICE))
		return -EPERM;
	if (!may_nice(t, nice))
		return -EACCES;
	set_user_nice(t, nice);
	return 0;
}

static void visit(struct prio_walk *w, struct task *t)
{
	long r;

	if (!w->set) {
		w->result = max(w->result, (long)(20 - t->nice));
		return;
	}
	r = set_one(t, w->nice);
	if (r || w->result == -ESRCH)
		w->result = r;
}

/* Visits every thread that the walk selects. Takes tasklist_lock. */
static void walk_all(struct prio_walk *w)
{
	struct task *leader, *t;

	read_lock(&tasklist_lock);
	list_for_each_entry(leader, &all_processes, tasks)
		list_for_each_entry(t, &leader->signal->threads, thread_node)
			if (in_walk(w, leader, t))
				visit(w, t);
	read_unlock(&tasklist_lock);
}

/* Serves getpriority(2) or setpriority(2). Returns its result or -errno. */
static long walk(struct prio_walk *w)
{
	struct task *t;

	if (w->which < PRIO_PROCESS || w->which > PRIO_USER)
		return -EINVAL;
	w->result = -ESRCH;
	w->uid = w->who ? make_kuid(current_user_ns(), (u32)w->who) : current_uid();
	if (w->which == PRIO_PROCESS) {
		t = target(w->who);
		if (IS_ERR(t))
			return -ESRCH;
		visit(w, t);
		put_task(t);
		return w->result;
	}
	if (w->which == PRIO_PGRP) {
		w->pgrp = w->who ? find_get_pid(w->who) : get_task_pid(current, PIDTYPE_PGID);
		if (!w->pgrp)
			return -ESRCH;
	}
	walk_all(w);
	put_pid(w->pgrp);
	return w->result;
}

long sys_getpriority(int which, int who)
{
	struct prio_walk w = { .which = which, .who = who };

	return walk(&w);
}

long sys_setpriority(int which, int who, int nice)
{
	struct prio_walk w = {
		.which = which, .who = who, .set = true, .nice = clamp(nice, -20, 19)
	};

	return walk(&w);
}
