/* SPDX-License-Identifier: MIT */
/*
 * quota.c: quotactl(2), quotactl_fd(2). They behave like a kernel that supports quotas but has
 * switched none on: commands on a quota return ESRCH, and file systems that never have quotas
 * return ENOSYS.
 *
 * The order of the checks is that of Linux 6.18: the type of quota, the file system, the caller's
 * rights, then the argument that the command reads.
 */
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>

#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"

struct quota_call {
	u32 cmd, type, id;
	uaddr_t addr;
	int path_err; /* error of looking up Q_QUOTAON's file */
	bool fault;   /* the argument cannot be read */
	s8 version;   /* first byte of the argument */
	dev_t dev;
	int err;
};

/* True if the quota is the caller's own, which any user may see. */
static bool is_own(const struct quota_call *q)
{
	if (q->type == USRQUOTA)
		return make_kuid(current_user_ns(), q->id) == current_euid();
	return q->type == GRPQUOTA && in_egroup(make_kgid(current_user_ns(), q->id));
}

static int may(const struct quota_call *q)
{
	switch (q->cmd) {
	case Q_GETFMT:
	case Q_SYNC:
	case Q_GETINFO:
	case Q_XGETQSTAT:
	case Q_XGETQSTATV:
	case Q_XQUOTASYNC: return 0;
	case Q_GETQUOTA:
	case Q_XGETQUOTA:
		if (is_own(q))
			return 0;
		break;
	}
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

/* Returns the size in bytes of the argument that the command reads; 0: it reads none. */
static size_t reads(u32 cmd)
{
	switch (cmd) {
	case Q_SETINFO: return sizeof(struct if_dqinfo);
	case Q_SETQUOTA: return sizeof(struct if_dqblk);
	case Q_XSETQLIM: return sizeof(struct fs_disk_quota);
	case Q_XQUOTAON:
	case Q_XQUOTAOFF:
	case Q_XQUOTARM: return sizeof(u32);
	case Q_XGETQSTATV: return 1;
	default: return 0;
	}
}

/*
 * Reads the argument before a file system is locked: the guest's page may need a userfaultfd
 * handler, which may wait for a sync.
 */
static void read_arg(struct quota_call *q)
{
	u8 buf[sizeof(struct fs_disk_quota)] = { 0 };

	q->fault = copy_from_user(buf, q->addr, reads(q->cmd));
	q->version = (s8)buf[0];
}

/*
 * Returns the result of a command that reads its argument: -EFAULT if the argument could not be
 * read, otherwise @err.
 */
static int judged(const struct quota_call *q, int err)
{
	return q->fault ? -EFAULT : err;
}

/*
 * Returns the result of a command on one quota: -ESRCH, since quotas are off, or -EINVAL if the
 * current user namespace does not map the id of the quota.
 */
static int of_id(const struct quota_call *q)
{
	u32 id = q->type == GRPQUOTA ? make_kgid(current_user_ns(), q->id) :
				       make_kuid(current_user_ns(), q->id);

	return uid_valid(id) ? -ESRCH : -EINVAL;
}

static int on_super(const struct quota_call *q, const struct super_block *sb)
{
	int err = sb->s_type->fs_flags & FS_QUOTA ? may(q) : -ENOSYS;

	if (err)
		return err;
	switch (q->cmd) {
	case Q_QUOTAON: return q->path_err ? q->path_err : -EINVAL;
	case Q_QUOTAOFF:
	/* Quotas are off, so there is nothing to write. */
	case Q_SYNC: return 0;
	case Q_XQUOTASYNC: return sb_rdonly(sb) ? -EROFS : 0;
	case Q_GETFMT:
	case Q_GETINFO: return -ESRCH;
	case Q_SETINFO: return judged(q, -ESRCH);
	case Q_GETQUOTA:
	case Q_GETNEXTQUOTA:
	case Q_XGETQUOTA:
	case Q_XGETNEXTQUOTA: return of_id(q);
	case Q_SETQUOTA:
	case Q_XSETQLIM: return judged(q, of_id(q));
	case Q_XQUOTAON:
	case Q_XQUOTAOFF:
	case Q_XQUOTARM: return judged(q, -ENOSYS);
	case Q_XGETQSTAT: return -ENOSYS;
	case Q_XGETQSTATV: return judged(q, q->version == FS_QSTATV_VERSION1 ? -ENOSYS : -EINVAL);
	}
	return -EINVAL;
}

/* ---- the file system of a command ---- */

static void if_on_device(struct super_block *sb, void *arg)
{
	struct quota_call *q = arg;

	if (sb->s_bdev && sb->s_dev == q->dev && q->err == -ENODEV)
		q->err = on_super(q, sb);
}

static int find_device(uaddr_t special, dev_t *dev)
{
	struct path path;
	int err = user_path_at(AT_FDCWD, special, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	if (!S_ISBLK(path.dentry->d_inode->i_mode))
		err = -ENOTBLK;
	else if ((path.mnt->mnt_flags & MS_NODEV) || (path.dentry->d_sb->s_iflags & SB_I_NODEV))
		err = -EACCES;
	*dev = path.dentry->d_inode->i_rdev;
	path_put(&path);
	return err;
}

static struct quota_call decode(u32 cmd, u32 id, uaddr_t addr)
{
	return (struct quota_call){
		.cmd = cmd >> SUBCMDSHIFT, .type = cmd & SUBCMDMASK, .id = id, .addr = addr
	};
}

long sys_quotactl(u32 cmd, uaddr_t special, u32 id, uaddr_t addr)
{
	struct quota_call q = decode(cmd, id, addr);
	int err;

	if (q.type >= MAXQUOTAS)
		return -EINVAL;
	if (!special.v)
		return q.cmd == Q_SYNC ? 0 : -ENODEV;
	if (q.cmd == Q_QUOTAON) {
		struct path path;

		q.path_err = user_path_at(AT_FDCWD, addr, LOOKUP_FOLLOW, &path);
		if (!q.path_err)
			path_put(&path);
	}
	err = find_device(special, &q.dev);
	if (err)
		return err;
	read_arg(&q);
	q.err = -ENODEV;
	for_each_super(if_on_device, &q);
	return q.err;
}

/* True for commands that change something. All other commands also work on a read-only mount. */
static bool is_writing(u32 cmd)
{
	switch (cmd) {
	case Q_GETFMT:
	case Q_GETINFO:
	case Q_SYNC:
	case Q_GETQUOTA:
	case Q_GETNEXTQUOTA:
	case Q_XGETQSTAT:
	case Q_XGETQSTATV:
	case Q_XGETQUOTA:
	case Q_XGETNEXTQUOTA:
	case Q_XQUOTASYNC: return false;
	}
	return true;
}

long sys_quotactl_fd(int fd, u32 cmd, u32 id, uaddr_t addr)
{
	struct quota_call q = decode(cmd, id, addr);
	struct fd f = fdget_raw(fd);
	struct mount *m;
	int err = 0;

	if (!f.file)
		return -EBADF;
	m = f.file->f_path.mnt;
	q.path_err = -EINVAL;
	read_arg(&q);
	if (q.type >= MAXQUOTAS)
		err = -EINVAL;
	else if (is_writing(q.cmd))
		err = mnt_want_write(m);
	if (err)
		goto out;
	down_read(&m->mnt_sb->s_umount);
	err = on_super(&q, m->mnt_sb);
	up_read(&m->mnt_sb->s_umount);
	if (is_writing(q.cmd))
		mnt_drop_write(m);
out:
	fdput(f);
	return err;
}
