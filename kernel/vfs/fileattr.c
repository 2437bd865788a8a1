/* SPDX-License-Identifier: MIT */
/*
 * fileattr.c: the ioctls for flags and layout of a file: its flags (chattr, lsattr), where its
 * blocks are (FIBMAP, FIEMAP), and blocks shared between files (FICLONE, FIDEDUPERANGE), which no
 * file system of Nestling supports.
 *
 *   file_attr_ioctl(file, cmd, arg)     -ENOIOCTLCMD: @cmd is another ioctl
 *
 * Flags are the FS_*_FL of linux/fs.h; a file system that keeps them has get_flags and set_flags.
 * struct fsxattr is another form of these flags. Locks: the inode's i_rwsem around a change.
 */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/stat.h>

#include "gen/syscalls.h"
#include "kernel/vfs/idmap.h"
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
	st->attributes_mask |= inode->i_sb->s_stat_attrs;
	if (inode->i_op->get_flags)
		inode->i_op->get_flags(inode, &flags);
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
	if (!inode->i_op->set_flags)
		return -EOPNOTSUPP; /* these flags are read-only */
	if (((old ^ flags) & hard) && !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	err = inode->i_op->set_flags(inode, flags);
	if (err)
		return err;
	inode->i_ctime = current_time(inode);
	mark_inode_dirty(inode);
	return 0;
}

static int change_flags(const struct path *p, u32 flags)
{
	struct inode *inode = p->dentry->d_inode;
	int err = mnt_want_write(p->mnt);

	if (err)
		return err;
	down_write(&inode->i_rwsem);
	err = path_owner_or_capable(p) ? change_locked(inode, flags) : -EPERM;
	up_write(&inode->i_rwsem);
	mnt_drop_write(p->mnt);
	return err;
}

static int get_flags(struct inode *inode, u32 *flags)
{
	return inode->i_op->get_flags ? inode->i_op->get_flags(inode, flags) : -ENOTTY;
}

static int ioc_getflags(struct file *f, uaddr_t arg)
{
	u32 flags;
	int err = get_flags(f->f_inode, &flags);

	return err ? err : put_user(flags, arg);
}

static int ioc_setflags(struct file *f, uaddr_t arg)
{
	u32 flags;

	if (!f->f_inode->i_op->set_flags)
		return -ENOTTY;
	return get_user(flags, arg) ? -EFAULT : change_flags(&f->f_path, flags);
}

static int get_xflags(struct inode *inode, u32 *xflags)
{
	u32 flags;
	int err = get_flags(inode, &flags);

	*xflags = 0;
	for (u32 i = 0; !err && i < ARRAY_SIZE(forms); i++)
		if (flags & forms[i].flag)
			*xflags |= forms[i].xflag;
	return err;
}

#define XFLAGS_UNKNOWN 0x7ffe0004 /* bits without an FS_XFLAG_* */

/*
 * Sets the flags of struct fsxattr. Flags that Linux knows but that have no counterpart here are
 * ignored, as ext4 and tmpfs do on Linux.
 */
static int set_xflags(const struct path *p, u32 xflags)
{
	struct inode *inode = p->dentry->d_inode;
	u32 flags;
	int err = get_flags(inode, &flags);

	if (err)
		return err;
	if ((xflags & FS_XFLAG_EXTSIZE && !is_reg(inode)) ||
		(xflags & FS_XFLAG_EXTSZINHERIT && !is_dir(inode)))
		return -EINVAL;
	if (xflags & (XFLAGS_UNKNOWN | FS_XFLAG_PROJINHERIT | FS_XFLAG_DAX))
		return -EOPNOTSUPP;
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
		if (!forms[i].xflag)
			continue;
		flags = xflags & forms[i].xflag ? flags | forms[i].flag : flags & ~forms[i].flag;
	}
	return change_flags(p, flags);
}

static int ioc_getxattr(struct file *f, uaddr_t arg)
{
	struct fsxattr x = { .fsx_xflags = 0 };
	int err = get_xflags(f->f_inode, &x.fsx_xflags);

	if (err)
		return err;
	return copy_to_user(arg, &x, sizeof(x)) ? -EFAULT : 0;
}

static int ioc_setxattr(struct file *f, uaddr_t arg)
{
	struct fsxattr x;

	if (!f->f_inode->i_op->set_flags)
		return -ENOTTY;
	if (copy_from_user(&x, arg, sizeof(x)))
		return -EFAULT;
	if (x.fsx_projid)
		return -EOPNOTSUPP;
	return set_xflags(&f->f_path, x.fsx_xflags);
}

/* ---- file_getattr(2), file_setattr(2): flags of a file by its path ---- */

/* struct file_attr of Linux 6.17, which the headers of the build lack */
struct file_attributes {
	u64 xflags;
	u32 extsize, nextents, projid, cowextsize;
};
#define XFLAGS_KNOWN 0x8001ffffUL
#define XFLAGS_READ_ONLY (FS_XFLAG_PREALLOC | FS_XFLAG_HASATTR)

/* Checks the arguments of both calls and looks up the path. Returns 0 or -errno. */
static long attr_path(int dfd, uaddr_t name, size_t size, u32 flags, struct path *path)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;

	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < sizeof(struct file_attributes))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	return user_path_at(dfd, name, lookup, path);
}

long sys_file_getattr(int dfd, uaddr_t name, uaddr_t uattr, size_t size, int flags)
{
	struct file_attributes a = { 0 };
	struct path path;
	u32 xflags;
	long err = attr_path(dfd, name, size, (u32)flags, &path);

	if (err)
		return err;
	err = get_xflags(path.dentry->d_inode, &xflags);
	path_put(&path);
	if (err)
		return err == -ENOTTY ? -EOPNOTSUPP : err;
	a.xflags = xflags;
	if (copy_to_user(uattr, &a, sizeof(a)))
		return -EFAULT;
	return clear_user(uaddr_add(uattr, sizeof(a)), size - sizeof(a)) ? -EFAULT : 0;
}

static long set_attributes(const struct path *path, const struct file_attributes *a)
{
	if (!path->dentry->d_inode->i_op->set_flags)
		return -EOPNOTSUPP;
	if (a->projid || a->cowextsize)
		return -EOPNOTSUPP;
	return set_xflags(path, (u32)a->xflags & ~(u32)XFLAGS_READ_ONLY);
}

long sys_file_setattr(int dfd, uaddr_t name, uaddr_t uattr, size_t size, int flags)
{
	struct file_attributes a;
	struct path path;
	long err = attr_path(dfd, name, size, (u32)flags, &path);

	if (err)
		return err;
	err = copy_struct_from_user(&a, sizeof(a), uattr, size);
	if (!err)
		err = a.xflags & ~XFLAGS_KNOWN ? -EINVAL : set_attributes(&path, &a);
	path_put(&path);
	return err;
}

/* ---- where the blocks are ---- */

static int ioc_fibmap(struct file *f, uaddr_t arg)
{
	struct inode *inode = f->f_inode;
	struct file_extent e = { .pos = 0 };
	u32 bits = inode->i_sb->s_blocksize_bits; /* log2 of a block's bytes; vfat: a sector */
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
	/* Delayed data has no blocks until writeback allocates them. */
	filemap_write_and_wait_range(inode->i_mapping, 0, S64_MAX);
	err = inode->i_op->extent_at(inode, (u64)block << bits, &e);
	if (err)
		return err;
	e.phys += ((u64)block << bits) - e.pos;
	block = e.flags & FILE_EXTENT_HOLE ? 0 : (s32)(e.phys >> bits);
	if (e.phys >> bits > 0x7fffffff && !(e.flags & FILE_EXTENT_HOLE))
		err = -ERANGE;
	block = err ? 0 : block;
	return put_user(block, arg) ? -EFAULT : err;
}

struct fiemap_walk {
	struct fiemap head;
	uaddr_t to; /* address of the guest's next record */
	/*
	 * The last extent found, valid if @holds is set. It is reported when another extent
	 * follows, or as the file's last extent.
	 */
	struct fiemap_extent held;
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

/*
 * Extends the last extent by @e if @e is a single block (FILE_EXTENT_BLOCKS) and follows it in the
 * file and on the disk. Returns true if so.
 */
static bool fiemap_joined(struct fiemap_walk *w, const struct file_extent *e)
{
	struct fiemap_extent *h = &w->held;

	if (!w->holds || !(e->flags & FILE_EXTENT_BLOCKS) ||
		h->fe_logical + h->fe_length != e->pos || h->fe_physical + h->fe_length != e->phys)
		return false;
	h->fe_length += e->len;
	return true;
}

/* Reports extents that overlap [pos, end), as many as there is room for. */
static int fiemap_extents(struct inode *inode, struct fiemap_walk *w, u64 pos, u64 end)
{
	u64 max = inode->i_sb->s_maxbytes;
	struct file_extent e;
	int err = 0;

	/* Blocks may be allocated beyond the end of the file too. */
	while (!err && pos < max && !fatal_signal_pending(current)) {
		err = inode->i_op->extent_at(inode, pos, &e);
		if (err)
			return err;
		pos = e.pos + e.len;
		cond_resched();
		if (e.flags & FILE_EXTENT_HOLE || (e.pos < end && fiemap_joined(w, &e)))
			continue;
		err = fiemap_emit(w, 0);
		if (err || fiemap_full(w) || e.pos >= end)
			return err;
		w->held = (struct fiemap_extent){ .fe_logical = e.pos,
			.fe_physical = e.phys,
			.fe_length = e.len,
			.fe_flags =
				(e.flags & FILE_EXTENT_UNWRITTEN ? FIEMAP_EXTENT_UNWRITTEN : 0) |
				(e.flags & FILE_EXTENT_BLOCKS ? FIEMAP_EXTENT_MERGED : 0) };
		w->holds = true;
	}
	return err ? err : fiemap_emit(w, FIEMAP_EXTENT_LAST);
}

/* Reports the single extent of the extended attributes, if it overlaps the requested range. */
static int fiemap_xattrs(struct inode *inode, struct fiemap_walk *w)
{
	struct file_extent e;
	int err = inode->i_op->xattr_extent(inode, &e);

	w->head.fm_flags &= ~(u32)FIEMAP_FLAG_XATTR;
	if (err || e.flags & FILE_EXTENT_HOLE || w->head.fm_start >= e.len)
		return err;
	w->held = (struct fiemap_extent){ .fe_physical = e.phys,
		.fe_length = e.len,
		.fe_flags = e.flags & FILE_EXTENT_INLINE ?
				    FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED :
				    0 };
	w->holds = true;
	return fiemap_emit(w, FIEMAP_EXTENT_LAST);
}

static u32 fiemap_flags(const struct inode *inode)
{
	return FIEMAP_FLAG_SYNC | (inode->i_op->xattr_extent ? FIEMAP_FLAG_XATTR : 0);
}

static int ioc_fiemap(struct file *f, uaddr_t arg)
{
	struct inode *inode = f->f_inode;
	struct fiemap_walk w = { .to = uaddr_add(arg, sizeof(struct fiemap)) };
	struct fiemap *h = &w.head;
	u64 max = inode->i_sb->s_maxbytes, end;
	int err;

	if (!inode->i_op->extent_at || inode->i_op->only_fibmap)
		return -EOPNOTSUPP;
	if (copy_from_user(h, arg, sizeof(*h)))
		return -EFAULT;
	if (h->fm_extent_count > (~0U - sizeof(*h)) / sizeof(struct fiemap_extent) || !h->fm_length)
		return -EINVAL;
	if (h->fm_start > max)
		return -EFBIG;
	end = h->fm_length > max || max - h->fm_length < h->fm_start ? max :
								       h->fm_start + h->fm_length;
	h->fm_flags &= ~(u32)FIEMAP_FLAG_CACHE; /* only a hint */
	if (h->fm_flags & ~fiemap_flags(inode)) {
		h->fm_flags &= ~fiemap_flags(inode);
		return copy_to_user(arg, h, sizeof(*h)) ? -EFAULT : -EBADR;
	}
	/*
	 * Delayed data has no blocks yet. Writeback allocates them, whether or not FIEMAP_FLAG_SYNC
	 * is set.
	 */
	filemap_write_and_wait_range(inode->i_mapping, h->fm_start, end - 1);
	h->fm_mapped_extents = 0;
	err = h->fm_flags & FIEMAP_FLAG_XATTR ? fiemap_xattrs(inode, &w) :
						fiemap_extents(inode, &w, h->fm_start, end);
	if (err)
		return err;
	return copy_to_user(arg, h, sizeof(*h)) ? -EFAULT : 0;
}

/* ---- UUID and path of the file system ---- */

struct fs_uuid { /* struct fsuuid2 of newer headers */
	u8 len;
	u8 uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

static int ioc_fs_uuid(const struct super_block *sb, uaddr_t arg)
{
	struct fs_uuid u = { .len = sizeof(u.uuid) };
	static const u8 none[sizeof(u.uuid)];

	memcpy(u.uuid, sb->s_uuid, sizeof(u.uuid));
	if (!memcmp(u.uuid, none, sizeof(none)))
		return -ENOTTY;
	return copy_to_user(arg, &u, sizeof(u)) ? -EFAULT : 0;
}

/* ---- unsupported requests ---- */

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

static int dedupe_refused(const struct file *f, uaddr_t arg)
{
	struct file_dedupe_range r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (!(f->f_mode & FMODE_READ))
		return -EINVAL;
	if (is_dir(f->f_inode))
		return -EISDIR;
	return is_reg(f->f_inode) ? -EOPNOTSUPP : -EINVAL;
}

long file_attr_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case FS_IOC_GETFLAGS:
	case FS_IOC_SETFLAGS:
	case FS_IOC_FSGETXATTR:
	case FS_IOC_FSSETXATTR:
		if (!f->f_inode->i_op->get_flags)
			return -ENOIOCTLCMD; /* the driver may handle it */
	}
	switch (cmd) {
	case FS_IOC_GETFLAGS: return ioc_getflags(f, UADDR(arg));
	case FS_IOC_SETFLAGS: return ioc_setflags(f, UADDR(arg));
	case FS_IOC_FSGETXATTR: return ioc_getxattr(f, UADDR(arg));
	case FS_IOC_FSSETXATTR: return ioc_setxattr(f, UADDR(arg));
	case FS_IOC_FIEMAP: return ioc_fiemap(f, UADDR(arg));
	case FIBMAP: return is_reg(f->f_inode) ? ioc_fibmap(f, UADDR(arg)) : -ENOIOCTLCMD;
	case FICLONE: return clone_refused(f, arg);
	case FICLONERANGE: return clone_range_refused(f, UADDR(arg));
	case FIDEDUPERANGE: return dedupe_refused(f, UADDR(arg));
	case GET_FS_UUID: return ioc_fs_uuid(f->f_inode->i_sb, UADDR(arg));
	case FIFREEZE:
		return ns_capable(sb_user_ns(f->f_inode->i_sb), CAP_SYS_ADMIN) ?
			       freeze_super(f->f_inode->i_sb) :
			       -EPERM;
	case FITHAW:
		return ns_capable(sb_user_ns(f->f_inode->i_sb), CAP_SYS_ADMIN) ?
			       thaw_super(f->f_inode->i_sb) :
			       -EPERM;
	default: return -ENOIOCTLCMD;
	}
}
