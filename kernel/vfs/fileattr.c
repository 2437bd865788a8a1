/* SPDX-License-Identifier: MIT */
/*
 * fileattr.c: the ioctls that ask a file system about a file: its flags (chattr, lsattr), where its blocks are (FIBMAP, FIEMAP), and
 * what no file system of ours can do: sharing blocks between files (FICLONE and its kin) and freezing.
 *
 *   file_attr_ioctl(file, cmd, arg)     -ENOIOCTLCMD: none of these
 *
 * Flags are the FS_*_FL of linux/fs.h; a file system that keeps them has get_flags and set_flags. Struct fsxattr is another form of the same
 * flags. Locks: the inode's i_rwsem around a change.
 */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/stat.h>

#include "kernel/vfs/internal.h"

static const struct {
	u32 flag, xflag, inode, stat;
} forms[] = {
	{ FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE, S_IMMUTABLE, STATX_ATTR_IMMUTABLE },
	{ FS_APPEND_FL, FS_XFLAG_APPEND, S_APPEND, STATX_ATTR_APPEND },
	{ FS_SYNC_FL, FS_XFLAG_SYNC, S_SYNC, 0 },
	{ FS_NOATIME_FL, FS_XFLAG_NOATIME, S_NOATIME, 0 },
	{ FS_NODUMP_FL, FS_XFLAG_NODUMP, 0, STATX_ATTR_NODUMP },
	{ FS_DIRSYNC_FL, 0, S_DIRSYNC, 0 },
	{ FS_COMPR_FL, 0, 0, STATX_ATTR_COMPRESSED },
};

void inode_set_flags(struct inode *inode, u32 flags)
{
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
		inode->i_flags &= ~forms[i].inode;
		if (flags & forms[i].flag)
			inode->i_flags |= forms[i].inode;
	}
}

void fill_attributes(struct inode *inode, struct kstat *st)
{
	u32 flags = 0;

	for (u32 i = 0; i < ARRAY_SIZE(forms); i++)
		if (inode->i_flags & forms[i].inode)
			flags |= forms[i].flag;
	st->attributes_mask |= STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
	if (inode->i_op->get_flags && !inode->i_op->get_flags(inode, &flags))
		st->attributes_mask |= STATX_ATTR_NODUMP;
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++)
		if (flags & forms[i].flag)
			st->attributes |= forms[i].stat;
}

/* ---- flags ---- */

static int change_locked(struct inode *inode, u32 flags)
{
	const u32 hard = FS_IMMUTABLE_FL | FS_APPEND_FL;
	u32 old;
	int err = inode->i_op->get_flags(inode, &old);

	if (err)
		return err;
	if (((old ^ flags) & hard) && !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	err = inode->i_op->set_flags(inode, flags);
	if (err)
		return err;
	inode->i_ctime = current_time(inode);
	mark_inode_dirty(inode);
	return 0;
}

static int change_flags(struct file *f, u32 flags)
{
	struct inode *inode = f->f_inode;
	int err = mnt_want_write(f->f_path.mnt);

	if (err)
		return err;
	down_write(&inode->i_rwsem);
	err = inode_owner_or_capable(inode) ? change_locked(inode, flags) : -EPERM;
	up_write(&inode->i_rwsem);
	mnt_drop_write(f->f_path.mnt);
	return err;
}

static int get_flags(struct file *f, u32 *flags)
{
	struct inode *inode = f->f_inode;

	return inode->i_op->get_flags ? inode->i_op->get_flags(inode, flags) : -ENOTTY;
}

static int ioc_getflags(struct file *f, uaddr_t arg)
{
	u32 flags;
	int err = get_flags(f, &flags);

	return err ? err : put_user(flags, arg);
}

static int ioc_setflags(struct file *f, uaddr_t arg)
{
	u32 flags;

	if (!f->f_inode->i_op->set_flags)
		return -ENOTTY;
	return get_user(flags, arg) ? -EFAULT : change_flags(f, flags);
}

static int ioc_getxattr(struct file *f, uaddr_t arg)
{
	struct fsxattr x = { .fsx_xflags = 0 };
	u32 flags;
	int err = get_flags(f, &flags);

	if (err)
		return err;
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++)
		if (flags & forms[i].flag)
			x.fsx_xflags |= forms[i].xflag;
	return copy_to_user(arg, &x, sizeof(x)) ? -EFAULT : 0;
}

static int ioc_setxattr(struct file *f, uaddr_t arg)
{
	struct fsxattr x;
	u32 flags;
	int err;

	if (!f->f_inode->i_op->set_flags)
		return -ENOTTY;
	if (copy_from_user(&x, arg, sizeof(x)))
		return -EFAULT;
	err = get_flags(f, &flags);
	if (err)
		return err;
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
		if (!forms[i].xflag)
			continue;
		flags = x.fsx_xflags & forms[i].xflag ? flags | forms[i].flag :
							flags & ~forms[i].flag;
		x.fsx_xflags &= ~forms[i].xflag;
	}
	if (x.fsx_xflags || x.fsx_extsize || x.fsx_projid || x.fsx_cowextsize)
		return -EOPNOTSUPP;
	return change_flags(f, flags);
}

/* ---- where the blocks are ---- */

static int ioc_fibmap(struct file *f, uaddr_t arg)
{
	struct inode *inode = f->f_inode;
	struct file_extent e = { .pos = 0 };
	s32 block;
	int err;

	if (!inode->i_op->extent_at)
		return -EINVAL;
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (get_user(block, arg))
		return -EFAULT;
	if (block < 0)
		return -EINVAL;
	filemap_write_and_wait_range(inode->i_mapping, 0, S64_MAX); /* delayed blocks get a place */
	err = inode->i_op->extent_at(inode, (u64)block << inode->i_blkbits, &e);
	if (err)
		return err;
	e.phys += ((u64)block << inode->i_blkbits) - e.pos;
	block = e.flags & FILE_EXTENT_HOLE ? 0 : (s32)(e.phys >> inode->i_blkbits);
	return put_user(block, arg);
}

struct fiemap_walk {
	struct fiemap head;
	uaddr_t to; /* the next record of the guest's */
	struct fiemap_extent
		held; /* the last found: another must follow, or it is the file's last */
	bool holds;
};

static int fiemap_emit(struct fiemap_walk *w, u32 flags)
{
	if (!w->holds)
		return 0;
	w->holds = false;
	w->held.fe_flags |= flags;
	w->head.fm_mapped_extents++;
	if (!w->head.fm_extent_count)
		return 0;
	if (copy_to_user(w->to, &w->held, sizeof(w->held)))
		return -EFAULT;
	w->to = uaddr_add(w->to, sizeof(w->held));
	return 0;
}

static bool fiemap_full(const struct fiemap_walk *w)
{
	return w->head.fm_extent_count && w->head.fm_mapped_extents >= w->head.fm_extent_count;
}

/* Extents that overlap [pos, end), at most as many as there is room for. */
static int fiemap_extents(struct inode *inode, struct fiemap_walk *w, u64 pos, u64 end)
{
	u64 size = DIV_ROUND_UP((u64)i_size_read(inode), 1UL << inode->i_blkbits)
		   << inode->i_blkbits;
	struct file_extent e;
	int err = 0;

	while (!err && pos < size && !fatal_signal_pending(current)) {
		err = inode->i_op->extent_at(inode, pos, &e);
		if (err)
			return err;
		pos = e.pos + e.len;
		if (e.flags & FILE_EXTENT_HOLE)
			continue;
		err = fiemap_emit(w, 0);
		if (err || fiemap_full(w) || e.pos >= end)
			return err;
		w->held = (struct fiemap_extent){ .fe_logical = e.pos,
			.fe_physical = e.phys,
			.fe_length = e.len,
			.fe_flags = e.flags & FILE_EXTENT_UNWRITTEN ? FIEMAP_EXTENT_UNWRITTEN : 0 };
		w->holds = true;
		cond_resched();
	}
	return err ? err : fiemap_emit(w, FIEMAP_EXTENT_LAST);
}

static int ioc_fiemap(struct file *f, uaddr_t arg)
{
	struct inode *inode = f->f_inode;
	struct fiemap_walk w = { .to = uaddr_add(arg, sizeof(struct fiemap)) };
	struct fiemap *h = &w.head;
	u64 max = inode->i_sb->s_maxbytes, end;
	int err;

	if (!inode->i_op->extent_at)
		return -EOPNOTSUPP;
	if (copy_from_user(h, arg, sizeof(*h)))
		return -EFAULT;
	if (h->fm_extent_count > (~0U - sizeof(*h)) / sizeof(struct fiemap_extent) || !h->fm_length)
		return -EINVAL;
	if (h->fm_start > max)
		return -EFBIG;
	end = h->fm_length > max || max - h->fm_length < h->fm_start ? max :
								       h->fm_start + h->fm_length;
	if (h->fm_flags & ~(u32)FIEMAP_FLAG_SYNC) {
		h->fm_flags &= ~(u32)FIEMAP_FLAG_SYNC;
		return copy_to_user(arg, h, sizeof(*h)) ? -EFAULT : -EBADR;
	}
	/* delayed blocks have no place yet: with or without FLAG_SYNC they get one */
	filemap_write_and_wait_range(inode->i_mapping, h->fm_start, end - 1);
	h->fm_mapped_extents = 0;
	err = fiemap_extents(inode, &w, h->fm_start, end);
	if (err)
		return err;
	return copy_to_user(arg, h, sizeof(*h)) ? -EFAULT : 0;
}

/* ---- what cannot be done ---- */

static int clone_refused(struct file *to, int from_fd)
{
	struct fd from = fdget(from_fd);
	struct inode *in, *out = to->f_inode;
	int err;

	if (!from.file)
		return -EBADF;
	in = from.file->f_inode;
	if (in->i_sb != out->i_sb)
		err = -EXDEV;
	else if (is_dir(in) || is_dir(out))
		err = -EISDIR;
	else if (!is_reg(in) || !is_reg(out))
		err = -EINVAL;
	else if (!(from.file->f_mode & FMODE_READ) || !(to->f_mode & FMODE_WRITE) ||
		 (to->f_flags & O_APPEND))
		err = -EBADF;
	else
		err = -EOPNOTSUPP;
	fdput(from);
	return err;
}

static int clone_range_refused(struct file *to, uaddr_t arg)
{
	struct file_clone_range r;

	return copy_from_user(&r, arg, sizeof(r)) ? -EFAULT : clone_refused(to, r.src_fd);
}

static int dedupe_refused(uaddr_t arg)
{
	struct file_dedupe_range r;

	return copy_from_user(&r, arg, sizeof(r)) ? -EFAULT : -EOPNOTSUPP;
}

long file_attr_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case FS_IOC_GETFLAGS: return ioc_getflags(f, UADDR(arg));
	case FS_IOC_SETFLAGS: return ioc_setflags(f, UADDR(arg));
	case FS_IOC_FSGETXATTR: return ioc_getxattr(f, UADDR(arg));
	case FS_IOC_FSSETXATTR: return ioc_setxattr(f, UADDR(arg));
	case FS_IOC_FIEMAP: return ioc_fiemap(f, UADDR(arg));
	case FIBMAP: return is_reg(f->f_inode) ? ioc_fibmap(f, UADDR(arg)) : -ENOIOCTLCMD;
	case FICLONE: return clone_refused(f, arg);
	case FICLONERANGE: return clone_range_refused(f, UADDR(arg));
	case FIDEDUPERANGE: return dedupe_refused(UADDR(arg));
	case FIFREEZE: return capable(CAP_SYS_ADMIN) ? -EOPNOTSUPP : -EPERM;
	case FITHAW: return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	default: return -ENOIOCTLCMD;
	}
}
