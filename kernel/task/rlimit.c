/* SPDX-License-Identifier: MIT */
/*
 * rlimit.c: getrlimit, setrlimit, prlimit64. Limits belong to the process. They are written under
 * the leader's alloc_lock.
 */
#include "gen/syscalls.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/limits.h"
#include "kernel/vfs/vfs.h"

/* Checks a new limit. The alloc_lock of the group leader is held. Returns 0, -EINVAL or -EPERM. */
static int check_limit(struct signal_struct *sig, u32 which, const struct rlimit64_pair *new)
{
	if (new->cur > new->max)
		return -EINVAL;
	if (which == RLIMIT_NOFILE && new->max > READ_ONCE(sysctl_nr_open))
		return -EPERM;
	if (new->max > sig->rlim[which].max && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return 0;
}

/*
 * Reads the limit @which into @old and sets @new, each unless NULL. Takes the leader's alloc_lock.
 * Returns 0, -EINVAL or -EPERM.
 */
static int do_prlimit(
	struct task *t, u32 which, const struct rlimit64_pair *new, struct rlimit64_pair *old)
{
	struct signal_struct *sig = t->signal;
	/* An exec may change the leader. */
	struct task *leader = READ_ONCE(t->group_leader);
	int err = 0;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	spin_lock(&leader->alloc_lock);
	if (old)
		*old = sig->rlim[which];
	if (new) {
		err = check_limit(sig, which, new);
		if (!err) {
			WRITE_ONCE(sig->rlim[which].cur, new->cur);
			WRITE_ONCE(sig->rlim[which].max, new->max);
		}
	}
	spin_unlock(&leader->alloc_lock);
	if (new && !err && (which == RLIMIT_CPU || which == RLIMIT_RTTIME))
		process_timer_ops.limit_changed(sig);
	return err;
}

long sys_getrlimit(u32 which, uaddr_t to)
{
	struct rlimit64_pair old;
	int err = do_prlimit(current, which, NULL, &old);

	if (err)
		return err;
	return copy_to_user(to, &old, sizeof(old)) ? -EFAULT : 0;
}

long sys_setrlimit(u32 which, uaddr_t from)
{
	struct rlimit64_pair new;

	if (copy_from_user(&new, from, sizeof(new)))
		return -EFAULT;
	return do_prlimit(current, which, &new, NULL);
}

static int may_prlimit(struct task *t)
{
	const struct cred *c = current_cred(), *tc;
	bool same;

	if (same_thread_group(t, current))
		return 0;
	tc = get_task_cred(t);
	same = c->uid == tc->euid && c->uid == tc->suid && c->uid == tc->uid &&
	       c->gid == tc->egid && c->gid == tc->sgid && c->gid == tc->gid;
	put_cred(tc);
	return same || ns_capable_to(t, CAP_SYS_RESOURCE) ? 0 : -EPERM;
}

long sys_prlimit64(pid_t pid, u32 which, uaddr_t unew, uaddr_t uold)
{
	struct rlimit64_pair new, old;
	struct task *t;
	int err;

	if (unew.v && copy_from_user(&new, unew, sizeof(new)))
		return -EFAULT;
	t = find_get_task(pid ? pid : task_pid_vnr(current));
	if (!t)
		return -ESRCH;
	err = may_prlimit(t);
	if (!err)
		err = do_prlimit(t, which, unew.v ? &new : NULL, uold.v ? &old : NULL);
	put_task(t);
	if (!err && uold.v && copy_to_user(uold, &old, sizeof(old)))
		err = -EFAULT;
	return err;
}
