/* SPDX-License-Identifier: MIT */
/*
 * attr.c: changes attributes that stat shows: mode, owner and size, and the times that reading and
 * writing change. The system calls that set times are in utimes.c.
 *
 * All changes go through notify_change() with the inode's i_rwsem held: setattr_prepare() checks
 * the caller's rights, then the file system's setattr, or setattr_copy(), makes the change. Reading
 * (touch_atime, relatime) and writing (file_update_time) set times without i_rwsem: the times are
 * independent words, and the last store wins.
 */
#include <linux/falloc.h>
#include <linux/inotify.h>

#include "gen/syscalls.h"
#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/calls.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/process_ops.h"
#include "kernel/vfs/landlock/landlock.h"

#define NSEC 1000000000L
#define DAY (24 * 60 * 60)

/* ---- time ---- */

static struct timespec64 time_trunc(struct timespec64 t, const struct super_block *sb)
{
	if (sb->s_time_gran > 1)
		t.tv_nsec -= t.tv_nsec % sb->s_time_gran;
	if (t.tv_sec <= sb->s_time_min || t.tv_sec >= sb->s_time_max) {
		t.tv_sec = clamp(t.tv_sec, sb->s_time_min, sb->s_time_max);
		t.tv_nsec = 0;
	}
	return t;
}

struct timespec64 current_time(struct inode *inode)
{
	u64 now = ktime_get_real();
	struct timespec64 t = { now / NSEC, now % NSEC };

	return time_trunc(t, inode->i_sb);
}

static struct timespec64 coarse_time(struct inode *inode)
{
	u64 now = ktime_get_real_coarse();
	struct timespec64 t = { now / NSEC, now % NSEC };

	return time_trunc(t, inode->i_sb);
}

static int time_cmp(const struct timespec64 *a, const struct timespec64 *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

/*
 * True if a read must set the access time. With relatime: if the access time is not newer than the
 * last modification or change, or if it is at least a day old.
 */
bool atime_needs_update(const struct path *p, struct inode *inode)
{
	u32 flags = p->mnt->mnt_flags;

	if ((inode->i_flags & S_NOATIME) || (flags & MS_NOATIME) ||
		(inode->i_sb->s_flags & SB_NOATIME))
		return false;
	if ((flags & MS_NODIRATIME) && is_dir(inode))
		return false;
	if (!(flags & MS_RELATIME))
		return !mnt_readonly(p->mnt);
	if (time_cmp(&inode->i_mtime, &inode->i_atime) < 0 &&
		time_cmp(&inode->i_ctime, &inode->i_atime) < 0 &&
		(s64)(ktime_get_real_coarse() / NSEC) - inode->i_atime.tv_sec < DAY)
		return false;
	return !mnt_readonly(p->mnt);
}

void touch_atime(const struct path *p)
{
	struct inode *inode = p->dentry->d_inode;
	struct timespec64 now;

	if (!atime_needs_update(p, inode) || READ_ONCE(inode->i_sb->s_changes_stopped) ||
		mnt_want_write(p->mnt)) /* a reader does not wait for a thaw */
		return;
	now = current_time(inode);
	if (time_cmp(&now, &inode->i_atime)) {
		inode->i_atime = now;
		mark_inode_dirty_sync(inode);
	}
	mnt_drop_write(p->mnt);
}

void file_accessed(struct file *f)
{
	if (!(f->f_flags & O_NOATIME) && f->f_path.mnt)
		touch_atime(&f->f_path);
}

/* True if @t lies in the current tick of the coarse clock. */
static bool is_current(
	const struct timespec64 *t, const struct timespec64 *tick, const struct timespec64 *now)
{
	return time_cmp(t, tick) >= 0 && time_cmp(t, now) <= 0;
}

/*
 * Sets the times of a write, unless they were set in the current tick (4 ms) and stat() has not
 * read them since, as Linux's multigrain timestamps do. So a reader of the times notices every
 * write, but a database that writes and syncs often need not write its inode, and the journal, each
 * time.
 */
int file_update_time(struct file *f)
{
	struct inode *inode = f->f_inode;
	struct timespec64 now = current_time(inode), tick = coarse_time(inode);

	if (!(READ_ONCE(inode->i_state) & I_TIMES_SEEN) &&
		is_current(&inode->i_mtime, &tick, &now) &&
		is_current(&inode->i_ctime, &tick, &now))
		return 0;
	if (READ_ONCE(inode->i_state) & I_TIMES_SEEN) {
		spin_lock(&inode->i_lock);
		inode->i_state &= ~I_TIMES_SEEN;
		spin_unlock(&inode->i_lock);
	}
	inode->i_mtime = inode->i_ctime = now;
	mark_inode_dirty_sync(inode);
	return 0;
}

/* ---- set-id bits ---- */

/*
 * True if a write or a change of owner must clear the set-group-id bit. Without the group's x bit,
 * the set-group-id bit does not affect execution, and a member of the group may keep it.
 */
static bool sgid_goes(const struct inode *inode)
{
	if (!(inode->i_mode & S_ISGID))
		return false;
	return (inode->i_mode & S_IXGRP) ||
	       (!in_kept_group(inode, inode->i_gid) && !capable_wrt_inode(inode, CAP_FSETID));
}

/*
 * Returns the privileges (ATTR_KILL_*) that a write takes from a program. Only a capability in the
 * initial user namespace lets current keep them.
 */
static u32 privs_to_kill(const struct inode *inode)
{
	umode_t mode = inode->i_mode;
	u32 kill = 0;

	if (!S_ISREG(mode))
		return 0;
	if (mode & S_ISUID)
		kill |= ATTR_KILL_SUID;
	if (sgid_goes(inode))
		kill |= ATTR_KILL_SGID;
	return kill && !capable(CAP_FSETID) ? kill : 0;
}

/*
 * Removes the xattr that gives capabilities at exec. Called for a write, a truncation and a change
 * of owner, whatever capabilities current has. Returns 0, or -errno if the xattr remains.
 */
static int drop_file_caps(struct inode *inode)
{
	int err;

	if (inode->i_flags & S_NOSEC || !is_reg(inode))
		return 0;
	if (inode->i_op->getxattr &&
		inode->i_op->getxattr(inode, "security.capability", NULL, 0) > 0) {
		err = inode->i_op->setxattr(inode, "security.capability", NULL, 0, 0);
		return err == -EOPNOTSUPP ? 0 : err;
	}
	inode->i_flags |= S_NOSEC;
	return 0;
}

int file_remove_privs(struct file *f)
{
	struct inode *inode = f->f_inode;
	struct user_namespace *was = idmap_enter(f->f_path.mnt);
	struct iattr a = { .ia_valid = privs_to_kill(inode) };
	int err = a.ia_valid ? notify_change(f->f_path.dentry, &a) : 0;

	idmap_leave(was);
	return err ? err : drop_file_caps(inode);
}

/* ---- notify_change ---- */

int inode_newsize_ok(struct inode *inode, loff_t size)
{
	if (size <= inode->i_size)
		return 0;
	if ((u64)size > rlimit(RLIMIT_FSIZE)) {
		send_io_signal(SIGXFSZ, SEND_SIG_PRIV);
		return -EFBIG;
	}
	return size > inode->i_sb->s_maxbytes ? -EFBIG : 0;
}

static bool may_chown(const struct inode *inode, const struct iattr *a)
{
	if (!(a->ia_valid & (ATTR_UID | ATTR_GID)) || capable_wrt_inode(inode, CAP_CHOWN))
		return true;
	if (!uid_valid(seen_uid(inode)) &&
		ns_capable(sb_user_ns(inode->i_sb), CAP_CHOWN)) /* sets a mapped owner */
		return true;
	if (current_fsuid() != seen_uid(inode))
		return false;
	if ((a->ia_valid & ATTR_UID) && a->ia_uid != inode->i_uid)
		return false;
	return !(a->ia_valid & ATTR_GID) || a->ia_gid == inode->i_gid ||
	       in_kept_group(inode, a->ia_gid);
}

int setattr_prepare(struct dentry *d, struct iattr *a)
{
	struct inode *inode = d->d_inode;
	int err;

	if (a->ia_valid & ATTR_SIZE) {
		err = inode_newsize_ok(inode, a->ia_size);
		if (err)
			return err;
	}
	if ((a->ia_valid & (ATTR_UID | ATTR_GID)) && !may_chown(inode, a))
		return -EPERM;
	if (a->ia_valid & ATTR_MODE) {
		kgid_t gid = a->ia_valid & ATTR_GID ? a->ia_gid : inode->i_gid;

		if (!inode_owner_or_capable(inode))
			return -EPERM;
		if ((a->ia_mode & S_ISGID) && !in_kept_group(inode, gid) &&
			!capable_wrt_inode(inode, CAP_FSETID))
			a->ia_mode &= ~S_ISGID;
	}
	if ((a->ia_valid & (ATTR_ATIME_SET | ATTR_MTIME_SET)) && !inode_owner_or_capable(inode))
		return -EPERM;
	return 0;
}

void setattr_copy(struct inode *inode, const struct iattr *a)
{
	if (a->ia_valid & ATTR_UID)
		inode->i_uid = a->ia_uid;
	if (a->ia_valid & ATTR_GID)
		inode->i_gid = a->ia_gid;
	if (a->ia_valid & ATTR_ATIME)
		inode->i_atime = time_trunc(a->ia_atime, inode->i_sb);
	if (a->ia_valid & ATTR_MTIME)
		inode->i_mtime = time_trunc(a->ia_mtime, inode->i_sb);
	if (a->ia_valid & ATTR_CTIME)
		inode->i_ctime = time_trunc(a->ia_ctime, inode->i_sb);
	if (a->ia_valid & ATTR_MODE)
		inode->i_mode = (inode->i_mode & S_IFMT) | (a->ia_mode & S_IALLUGO);
}

/*
 * Sets attributes for file systems without setattr. The content of their files is generated, so a
 * new size changes only i_size.
 */
static int setattr_plain(struct dentry *d, struct iattr *a)
{
	int err = setattr_prepare(d, a);

	if (err)
		return err;
	if (a->ia_valid & ATTR_SIZE)
		i_size_write(d->d_inode, a->ia_size);
	setattr_copy(d->d_inode, a);
	mark_inode_dirty(d->d_inode);
	return 0;
}

/*
 * Turns ATTR_KILL_* into a change of the mode. If @a does not change the mode itself, changes
 * i_mode here, since setattr would refuse it if current does not own the file. The rest of the
 * change has been checked.
 */
static void kill_privs(struct inode *inode, struct iattr *a)
{
	umode_t kill = 0;

	if (a->ia_valid & ATTR_KILL_SUID)
		kill |= S_ISUID;
	if (a->ia_valid & ATTR_KILL_SGID)
		kill |= S_ISGID;
	a->ia_valid &= ~(ATTR_KILL_SUID | ATTR_KILL_SGID);
	a->ia_killed = kill;
	if (a->ia_valid & ATTR_MODE)
		a->ia_mode &= ~kill;
	else if (inode->i_mode & kill) {
		inode->i_mode &= ~kill;
		mark_inode_dirty(inode);
	}
}

static u32 attr_events(u32 valid)
{
	u32 times = valid & (ATTR_ATIME | ATTR_MTIME), events = 0;

	if (valid & (ATTR_UID | ATTR_GID | ATTR_MODE))
		events |= IN_ATTRIB;
	if (valid & ATTR_SIZE)
		events |= IN_MODIFY;
	if (times == (ATTR_ATIME | ATTR_MTIME))
		return events | IN_ATTRIB;
	if (times)
		events |= times & ATTR_ATIME ? IN_ACCESS : IN_MODIFY;
	return events;
}

/*
 * True if the inode's owner or group has no id on this mount and @a does not set a new one. Such a
 * change is refused.
 */
static bool keeps_unmapped_id(const struct inode *inode, const struct iattr *a)
{
	return unlikely(current->idmap) &&
	       ((!(a->ia_valid & ATTR_UID) && !uid_valid(seen_uid(inode))) ||
		       (!(a->ia_valid & ATTR_GID) && !uid_valid(seen_gid(inode))));
}

int notify_change(struct dentry *d, struct iattr *a)
{
	struct inode *inode = d->d_inode;
	struct timespec64 now = current_time(inode);
	u32 events = attr_events(a->ia_valid);
	umode_t mode = inode->i_mode;
	int err;

	assert_rwsem_held_write(&inode->i_rwsem);
	if (inode->i_flags & (S_IMMUTABLE | S_APPEND))
		if (a->ia_valid &
			(ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME_SET | ATTR_MTIME_SET))
			return -EPERM;
	if (a->ia_valid & ATTR_SIZE &&
		(inode->i_flags & S_SWAPFILE || (inode->i_pins && a->ia_size < inode->i_size)))
		return -ETXTBSY;
	if (keeps_unmapped_id(inode, a))
		return -EOVERFLOW;
	a->ia_valid |= ATTR_CTIME;
	a->ia_ctime = now;
	if (!(a->ia_valid & ATTR_ATIME_SET))
		a->ia_atime = now;
	if (!(a->ia_valid & ATTR_MTIME_SET))
		a->ia_mtime = now;
	/*
	 * Refuse the change if the file system could not map the owner or the group, unless the
	 * change sets that id.
	 */
	if ((!(a->ia_valid & ATTR_UID) && !uid_valid(inode->i_uid)) ||
		(!(a->ia_valid & ATTR_GID) && !uid_valid(inode->i_gid)))
		return -EOVERFLOW;
	kill_privs(inode, a);
	err = inode->i_op->setattr ? inode->i_op->setattr(d, a) : setattr_plain(d, a);
	if (err && !(a->ia_valid & ATTR_MODE))
		inode->i_mode |= mode & a->ia_killed;
	if (!err && (a->ia_valid & ATTR_MODE))
		err = acl_chmod(inode);
	if (!err && events)
		fsnotify_dentry(d, events);
	return err;
}

/* Makes a change. Called by change_with() with i_rwsem held for writing. */
typedef int (*change_fn)(const struct path *p, struct iattr *a);

/*
 * Calls @change with write access to the mount, the mount's id map and i_rwsem, and returns its
 * result. -EROFS: there is no write access.
 */
static int change_with(const struct path *p, struct iattr *a, change_fn change)
{
	struct inode *inode = p->dentry->d_inode;
	struct user_namespace *was;
	int err = mnt_want_write(p->mnt);

	if (err)
		return err;
	was = idmap_enter(p->mnt);
	down_write(&inode->i_rwsem);
	err = change(p, a);
	up_write(&inode->i_rwsem);
	idmap_leave(was);
	mnt_drop_write(p->mnt);
	return err;
}

static int change_plain(const struct path *p, struct iattr *a)
{
	return notify_change(p->dentry, a);
}

static int change_path(const struct path *p, struct iattr *a)
{
	return change_with(p, a, change_plain);
}

static int change_fd(int fd, struct iattr *a)
{
	struct fd f = fdget(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = change_path(&f.file->f_path, a);
	fdput(f);
	return err;
}

/* ---- chmod, chown ---- */

static struct iattr attr_mode(u32 mode)
{
	return (struct iattr){ .ia_valid = ATTR_MODE, .ia_mode = mode & S_IALLUGO };
}

/* Changes a mode. The mode of a symbolic link is never used, so it cannot be changed. */
static int chmod_at(int dfd, uaddr_t ua, u32 mode, u32 lookup)
{
	struct iattr a = attr_mode(mode);
	struct path path;
	int err = user_path_at(dfd, ua, lookup, &path);

	if (err)
		return err;
	if (!is_lnk(path.dentry->d_inode))
		err = change_path(&path, &a);
	else
		err = mnt_readonly(path.mnt) ? -EROFS : -EOPNOTSUPP;
	path_put(&path);
	return err;
}

long sys_fchmodat2(int dfd, uaddr_t ua, u32 mode, int flags)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chmod_at(dfd, ua, mode, lookup | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0));
}

long sys_fchmodat(int dfd, uaddr_t ua, u32 mode)
{
	return chmod_at(dfd, ua, mode, LOOKUP_FOLLOW);
}

long sys_chmod(uaddr_t ua, u32 mode)
{
	return sys_fchmodat(AT_FDCWD, ua, mode);
}

long sys_fchmod(int fd, u32 mode)
{
	struct iattr a = attr_mode(mode);

	return change_fd(fd, &a);
}

/* Returns the change of owner and group that chown(2) requests. An id of -1 does not change. */
static struct iattr attr_owner(u32 uid, u32 gid)
{
	struct iattr a = { .ia_uid = make_kuid(current_user_ns(), uid),
		.ia_gid = make_kgid(current_user_ns(), gid) };

	if (uid != ~0U)
		a.ia_valid |= ATTR_UID;
	if (gid != ~0U)
		a.ia_valid |= ATTR_GID;
	return a;
}

/*
 * Checks that the file system can store the new owners, and translates the ids in @a from those
 * that programs see to those that are stored. Adds ATTR_KILL_* for the set-id bits that a change of
 * owner clears. Returns 0 or -errno.
 */
static int judge_owner(const struct inode *inode, struct iattr *a)
{
	const struct user_namespace *theirs = sb_user_ns(inode->i_sb);

	if (((a->ia_valid & ATTR_UID) && !uid_valid(a->ia_uid)) ||
		((a->ia_valid & ATTR_GID) && !uid_valid(a->ia_gid)))
		return -EINVAL;
	a->ia_uid = sb_kept_uid(inode->i_sb, a->ia_uid);
	a->ia_gid = sb_kept_gid(inode->i_sb, a->ia_gid);
	if (((a->ia_valid & ATTR_UID) && !kuid_has_mapping(theirs, a->ia_uid)) ||
		((a->ia_valid & ATTR_GID) && !kgid_has_mapping(theirs, a->ia_gid)) ||
		keeps_unmapped_id(inode, a))
		return -EOVERFLOW;
	if (!is_dir(inode)) {
		if (inode->i_mode & S_ISUID)
			a->ia_valid |= ATTR_KILL_SUID;
		if (sgid_goes(inode))
			a->ia_valid |= ATTR_KILL_SGID;
		/*
		 * Check here that the change is allowed, before any set-id bit is removed. The file
		 * system (or FUSE's server) makes the other checks.
		 */
		if (a->ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID) &&
			(!may_chown(inode, a) || !inode_owner_or_capable(inode)))
			return -EPERM;
	}
	return 0;
}

/*
 * Changes the owner. Called with i_rwsem held, so that the old owner cannot change the mode after
 * judge_owner() has read it.
 */
static int change_owner(const struct path *p, struct iattr *a)
{
	int err = judge_owner(p->dentry->d_inode, a);

	if (!err)
		err = notify_change(p->dentry, a);
	return err ? err : drop_file_caps(p->dentry->d_inode);
}

static int chown_path(const struct path *p, struct iattr a)
{
	return change_with(p, &a, change_owner);
}

long sys_fchownat(int dfd, uaddr_t ua, u32 uid, u32 gid, int flags)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = user_path_at(dfd, ua, lookup, &path);
	if (err)
		return err;
	err = chown_path(&path, attr_owner(uid, gid));
	path_put(&path);
	return err;
}

long sys_chown(uaddr_t ua, u32 uid, u32 gid)
{
	return sys_fchownat(AT_FDCWD, ua, uid, gid, 0);
}

long sys_lchown(uaddr_t ua, u32 uid, u32 gid)
{
	return sys_fchownat(AT_FDCWD, ua, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, u32 uid, u32 gid)
{
	struct fd f = fdget(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = chown_path(&f.file->f_path, attr_owner(uid, gid));
	fdput(f);
	return err;
}

/* ---- size ---- */

int do_truncate(const struct path *p, loff_t len, struct file *f, u32 extra)
{
	struct iattr a = { .ia_valid = ATTR_SIZE | extra, .ia_size = len, .ia_file = f };
	struct inode *inode = p->dentry->d_inode;
	struct user_namespace *was;
	int err;

	if (len < 0)
		return -EINVAL;
	was = idmap_enter(p->mnt);
	a.ia_valid |= privs_to_kill(inode);
	down_write(&inode->i_rwsem);
	err = notify_change(p->dentry, &a);
	if (!err)
		err = drop_file_caps(inode);
	up_write(&inode->i_rwsem);
	idmap_leave(was);
	return err;
}

/*
 * Serves truncate(2): checks the permission, refuses a program that is being executed (-ETXTBSY),
 * and breaks leases. @len: bytes, not negative.
 */
static int truncate_path(const struct path *p, loff_t len)
{
	struct inode *inode = p->dentry->d_inode;
	int err;

	if (is_dir(inode))
		return -EISDIR;
	if (!is_reg(inode))
		return -EINVAL;
	err = mnt_want_write(p->mnt);
	if (err)
		return err;
	err = path_permission(p, MAY_WRITE);
	if (!err && (inode->i_flags & S_APPEND))
		err = -EPERM;
	if (!err && landlocked())
		err = landlock_truncate(p);
	if (!err)
		err = get_write_access(inode);
	if (!err) {
		err = lease_break(inode, NULL, true, false);
		if (!err)
			err = do_truncate(p, len, NULL, ATTR_MTIME);
		put_write_access(inode);
	}
	mnt_drop_write(p->mnt);
	return err;
}

long sys_truncate(uaddr_t ua, s64 len)
{
	struct path path;
	int err;

	if (len < 0)
		return -EINVAL;
	err = user_path_at(AT_FDCWD, ua, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	err = truncate_path(&path, len);
	path_put(&path);
	return err;
}

int vfs_ftruncate(struct file *f, s64 len)
{
	int err;

	if (len < 0 || !is_reg(f->f_inode) || !(f->f_mode & FMODE_WRITE))
		return -EINVAL;
	if (f->f_inode->i_flags & S_APPEND)
		return -EPERM;
	err = landlock_ftruncate(f);
	return err ? err : do_truncate(&f->f_path, len, f, ATTR_MTIME);
}

long sys_ftruncate(int fd, s64 len)
{
	struct fd f;
	int err;

	if (len < 0)
		return -EINVAL;
	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	err = vfs_ftruncate(f.file, len);
	fdput(f);
	return err;
}

/* ---- fallocate ---- */

#define FALLOC_KNOWN                                                                               \
	(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |                   \
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE)

static int fallocate_mode_ok(int mode)
{
	if (mode & ~FALLOC_KNOWN)
		return -EOPNOTSUPP;
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) ==
		(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_COLLAPSE_RANGE) && (mode & ~FALLOC_FL_COLLAPSE_RANGE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_INSERT_RANGE) && (mode & ~FALLOC_FL_INSERT_RANGE))
		return -EOPNOTSUPP;
	return 0;
}

int vfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *inode = f->f_inode;
	loff_t end;
	int err;

	if (off < 0 || len <= 0)
		return -EINVAL;
	err = fallocate_mode_ok(mode);
	if (err)
		return err;
	if (!(f->f_mode & FMODE_WRITE))
		return -EBADF;
	if ((mode & ~FALLOC_FL_KEEP_SIZE) && (inode->i_flags & S_APPEND))
		return -EPERM;
	if (inode->i_flags & S_IMMUTABLE)
		return -EPERM;
	if (inode->i_flags & S_SWAPFILE)
		return -ETXTBSY;
	if (S_ISFIFO(inode->i_mode))
		return -ESPIPE;
	if (is_dir(inode))
		return -EISDIR;
	if (!is_reg(inode) && !S_ISBLK(inode->i_mode))
		return -ENODEV;
	if (check_add_overflow(off, len, &end) || end > inode->i_sb->s_maxbytes)
		return -EFBIG;
	if (!f->f_op->fallocate)
		return -EOPNOTSUPP;
	err = f->f_op->fallocate(f, mode, off, len);
	if (!err)
		fsnotify_file(f, IN_MODIFY);
	return err;
}

long sys_fallocate(int fd, int mode, s64 off, s64 len)
{
	struct fd f = fdget(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = vfs_fallocate(f.file, mode, off, len);
	fdput(f);
	return err;
}
