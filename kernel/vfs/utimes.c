/* SPDX-License-Identifier: MIT */
/*
 * utimes.c: utimensat(2), futimesat(2), utimes(2) and utime(2). notify_change() in attr.c checks
 * and sets the times.
 */
#include "gen/syscalls.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/internal.h"

#define NSEC 1000000000L
#define UTIME_NOW ((1L << 30) - 1)
#define UTIME_OMIT ((1L << 30) - 2)

static bool bad_nsec(s64 n)
{
	return n != UTIME_NOW && n != UTIME_OMIT && (n < 0 || n >= NSEC);
}

static void attr_time(
	struct iattr *a, const struct timespec64 *t, struct timespec64 *to, u32 attr, u32 set)
{
	if (t->tv_nsec == UTIME_OMIT)
		return;
	a->ia_valid |= attr;
	if (t->tv_nsec == UTIME_NOW)
		return;
	*to = *t;
	a->ia_valid |= set;
}

/*
 * Sets the times of a path. If @t is NULL or both times are UTIME_NOW, sets both to the current
 * time, which a caller with write access may do even if it does not own the file.
 */
static int utimes_path(const struct path *p, const struct timespec64 *t)
{
	struct iattr a = { .ia_valid = 0 };
	struct inode *inode = p->dentry->d_inode;
	bool now = !t || (t[0].tv_nsec == UTIME_NOW && t[1].tv_nsec == UTIME_NOW);
	struct user_namespace *was;
	int err;

	if (t && (bad_nsec(t[0].tv_nsec) || bad_nsec(t[1].tv_nsec)))
		return -EINVAL;
	if (t && t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT)
		return 0;
	err = mnt_want_write(p->mnt);
	if (err)
		return err;
	was = idmap_enter(p->mnt);
	if (now) {
		a.ia_valid = ATTR_ATIME | ATTR_MTIME;
		err = inode->i_flags & S_IMMUTABLE ? -EPERM : 0;
		if (!err && !inode_owner_or_capable(inode))
			err = inode_permission(inode, MAY_WRITE);
	} else {
		attr_time(&a, &t[0], &a.ia_atime, ATTR_ATIME, ATTR_ATIME_SET);
		attr_time(&a, &t[1], &a.ia_mtime, ATTR_MTIME, ATTR_MTIME_SET);
		if (inode->i_flags & (S_IMMUTABLE | S_APPEND) || !inode_owner_or_capable(inode))
			/*
			 * Write access is not enough, even if one time is UTIME_NOW and the other
			 * UTIME_OMIT.
			 */
			err = -EPERM;
	}
	if (!err) {
		down_write(&inode->i_rwsem);
		err = notify_change(p->dentry, &a);
		up_write(&inode->i_rwsem);
	}
	idmap_leave(was);
	mnt_drop_write(p->mnt);
	return err;
}

static int utimes_fd(int fd, const struct timespec64 *t)
{
	struct fd f = fdget(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = utimes_path(&f.file->f_path, t);
	fdput(f);
	return err;
}

static int do_utimes(int dfd, uaddr_t ua, const struct timespec64 *t, int flags)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!ua.v && dfd != AT_FDCWD)
		return flags ? -EINVAL : utimes_fd(dfd, t);
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = user_path_at(dfd, ua, lookup, &path);
	if (err)
		return err;
	err = utimes_path(&path, t);
	path_put(&path);
	return err;
}

long sys_utimensat(int dfd, uaddr_t ua, uaddr_t utimes, int flags)
{
	struct timespec64 t[2];

	if (!utimes.v)
		return do_utimes(dfd, ua, NULL, flags);
	if (copy_from_user(t, utimes, sizeof(t)))
		return -EFAULT;
	if (t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT)
		return 0;
	return do_utimes(dfd, ua, t, flags);
}

long sys_futimesat(int dfd, uaddr_t ua, uaddr_t utimes)
{
	struct timespec64 t[2];

	if (!utimes.v)
		return do_utimes(dfd, ua, NULL, 0);
	/* struct timeval has the layout of struct timespec64. */
	if (copy_from_user(t, utimes, sizeof(t)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (t[i].tv_nsec < 0 || t[i].tv_nsec >= 1000000)
			return -EINVAL;
		t[i].tv_nsec *= 1000;
	}
	return do_utimes(dfd, ua, t, 0);
}

long sys_utimes(uaddr_t ua, uaddr_t utimes)
{
	return sys_futimesat(AT_FDCWD, ua, utimes);
}

long sys_utime(uaddr_t ua, uaddr_t utimes)
{
	struct timespec64 t[2];
	s64 u[2];

	if (!utimes.v)
		return do_utimes(AT_FDCWD, ua, NULL, 0);
	if (copy_from_user(u, utimes, sizeof(u)))
		return -EFAULT;
	t[0] = (struct timespec64){ u[0], 0 };
	t[1] = (struct timespec64){ u[1], 0 };
	return do_utimes(AT_FDCWD, ua, t, 0);
}
