/* SPDX-License-Identifier: MIT */
/*
 * process_madvise.c: advice about another process's memory, and giving the memory of a dying
 * process back early (process_mrelease). Both name the process by a pidfd.
 */
#include <asm/mman.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"
#include "kernel/vfs/vfs.h"

static bool may_advise_others(int advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED ||
	       advice == 25 /* MADV_COLLAPSE */;
}

/* Returns the process to which a pidfd refers, with a reference, or ERR_PTR. */
static struct task *pidfd_task(int fd)
{
	struct file *f = fget(fd);
	struct task *t = NULL;
	struct pid *pid;

	if (!f)
		return ERR_PTR(-EBADF);
	pid = pidfd_pid(f);
	if (!IS_ERR(pid))
		t = pid_get_task(pid, PIDTYPE_TGID);
	fput(f);
	if (IS_ERR(pid))
		return ERR_PTR(PTR_ERR(pid));
	return t ? t : ERR_PTR(-ESRCH);
}

/*
 * Returns the mm to advise, with mmget(), or ERR_PTR. The caller's own mm takes any advice; another
 * mm only takes advice that does not change its content.
 */
static struct mm *mm_to_advise(int fd, int advice)
{
	struct task *t = pidfd_task(fd);
	struct mm *mm;
	int err = 0;

	if (IS_ERR(t))
		return ERR_PTR(PTR_ERR(t));
	mm = mm_access(t, false);
	put_task(t);
	if (IS_ERR_OR_NULL(mm))
		return mm ? mm : ERR_PTR(-ESRCH);
	if (mm == current->mm)
		return mm;
	if (!may_advise_others(advice))
		err = -EINVAL;
	else if (!capable(CAP_SYS_NICE))
		err = -EPERM;
	if (err) {
		mmput(mm);
		return ERR_PTR(err);
	}
	return mm;
}

/* Returns the bytes of the ranges before the first failure, or -errno if there are none. */
static long advise_all(struct mm *mm, const struct iov_iter *it, int advice)
{
	const struct uvec *vec = it->vec ? it->vec : &it->one;
	u64 nr = it->vec ? it->nr_vecs : 1;
	long done = 0;
	int err = 0;

	for (u64 i = 0; i < nr && !err; i++) {
		err = mm_madvise(mm, vec[i].base, vec[i].len, advice);
		if (!err)
			done += (long)vec[i].len;
	}
	return done ? done : err;
}

long sys_process_madvise(int pidfd, uaddr_t vec, size_t vlen, int advice, int flags)
{
	struct uvec *to_free = NULL;
	struct iov_iter it;
	struct mm *mm;
	long ret;

	if (flags)
		return -EINVAL;
	ret = iov_iter_import(&it, vec, vlen, &to_free);
	if (ret)
		return ret;
	mm = mm_to_advise(pidfd, advice);
	ret = PTR_ERR(mm);
	if (IS_ERR(mm))
		goto out_free;
	ret = advise_all(mm, &it, advice);
	mmput(mm);
out_free:
	kfree(to_free);
	return ret;
}

/*
 * True if all threads of the process are ending, and no core dump of it is being written.
 * tasklist_lock is held.
 */
static bool process_is_dying(const struct task *p)
{
	const struct signal_struct *sig = p->signal;
	bool ends = READ_ONCE(sig->group_exit) ||
		    (thread_group_empty(p) && READ_ONCE(p->flags) & PF_EXITING);

	/* Pairs with stop_others(): a core dump sets core_state before group_exit. */
	smp_mb();
	return ends && !READ_ONCE(sig->core_state);
}

bool mm_users_are_dying(const struct mm *mm)
{
	struct task *p, *t;
	bool yes = true;

	read_lock(&tasklist_lock);
	for_each_process(p) {
		bool user = false;

		for_each_thread(p->signal, t)
			user |= READ_ONCE(t->mm) == mm;
		yes &= !user || process_is_dying(p);
	}
	read_unlock(&tasklist_lock);
	return yes;
}

/*
 * Serves process_mrelease(2): frees private, unshared pages now. All other pages are freed when the
 * last thread ends. Returns 0; -EINVAL: a process that uses the memory is not dying; or another
 * -errno.
 */
long sys_process_mrelease(int pidfd, int flags)
{
	struct task *t;
	struct mm *mm;
	bool dying;

	if (flags)
		return -EINVAL;
	t = pidfd_task(pidfd);
	if (IS_ERR(t))
		return PTR_ERR(t);
	mm = get_task_mm(t);
	put_task(t);
	if (!mm)
		return -ESRCH;
	dying = mm_users_are_dying(mm);
	if (dying)
		mm_reap(mm);
	mmput(mm);
	return dying ? 0 : -EINVAL;
}
