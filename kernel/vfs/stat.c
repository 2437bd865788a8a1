/* SPDX-License-Identifier: MIT */
/*
 * stat.c: the stat family, statx, readlink, access.
 *
 * The attributes come from i_op->getattr, or by generic_fillattr() from the inode. They are read
 * without a lock: the fields are words, and a reader that races with a change may see some old and
 * some new values, as on Linux.
 */
#include <linux/securebits.h>
#include <asm/stat.h>

#include "gen/syscalls.h"
#include "kernel/vfs/idmap.h"

void generic_fillattr(struct inode *inode, struct kstat *st)
{
	if (!(READ_ONCE(inode->i_state) & I_TIMES_SEEN)) {
		spin_lock(&inode->i_lock);
		inode->i_state |= I_TIMES_SEEN;
		spin_unlock(&inode->i_lock);
	}
	st->result_mask = STATX_BASIC_STATS;
	st->mode = inode->i_mode;
	st->nlink = inode->i_nlink;
	st->uid = inode->i_uid;
	st->gid = inode->i_gid;
	st->ino = inode->i_ino;
	st->dev = inode->i_sb->s_dev;
	st->rdev = inode->i_rdev;
	st->size = i_size_read(inode);
	st->atime = inode->i_atime;
	st->mtime = inode->i_mtime;
	st->ctime = inode->i_ctime;
	st->btime = inode->i_btime;
	st->blksize = 1U << max_t(u32, inode->i_blkbits, 9);
	st->blocks = inode->i_blocks;
	if (inode->i_btime.tv_sec)
		st->result_mask |= STATX_BTIME;
}

#define STATX_MNT_ID_UNIQUE_ 0x4000

/*
 * A request without STATX_ATTR_*, for callers such as stat(2) whose structure has no field for
 * them: they cost more than all other fields. Users cannot pass this bit, which statx(2) refuses.
 */
#define STAT_PLAIN STATX__RESERVED

int vfs_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;
	int err = 0;

	memset(st, 0, sizeof(*st));
	if (inode->i_op->getattr)
		err = inode->i_op->getattr(path, st, request, flags);
	else
		generic_fillattr(inode, st);
	if (unlikely(path->mnt->mnt_idmap)) {
		st->uid = idmap_uid(path->mnt->mnt_idmap, inode->i_sb, st->uid);
		st->gid = idmap_gid(path->mnt->mnt_idmap, inode->i_sb, st->gid);
	}
	if (request & STATX_MNT_ID_UNIQUE_) {
		st->mnt_id = path->mnt->mnt_id_unique;
		st->result_mask |= STATX_MNT_ID_UNIQUE_;
	} else {
		st->mnt_id = path->mnt->mnt_id;
		st->result_mask |= STATX_MNT_ID;
	}
	if (!(request & STATX_BTIME)) {
		st->result_mask &= ~STATX_BTIME;
		st->btime = (struct timespec64){ 0 };
	}
	if (!(request & STAT_PLAIN))
		fill_attributes(inode, st);
	if (path->dentry == path->mnt->mnt_root)
		st->attributes |= STATX_ATTR_MOUNT_ROOT;
	st->attributes_mask |= STATX_ATTR_MOUNT_ROOT | STATX_ATTR_AUTOMOUNT | STATX_ATTR_DAX;
	if ((request & STATX_DIOALIGN) && inode_may_be_direct(inode)) {
		st->result_mask |= STATX_DIOALIGN;
		st->dio_align = 512;
	}
	return err;
}

/*
 * Encodes a device number for struct stat: bits 0 to 7 and 20 to 31 are the minor number, bits 8 to
 * 19 the major number.
 */
static u64 encode_dev(dev_t d)
{
	u64 ma = MAJOR(d), mi = MINOR(d);

	return (mi & 0xff) | (ma << 8) | ((mi & ~0xffUL) << 12);
}

static int copy_stat(const struct kstat *st, uaddr_t ua)
{
	struct stat s;

	memset(&s, 0, sizeof(s));
	s.st_dev = encode_dev(st->dev);
	s.st_ino = st->ino;
	s.st_nlink = st->nlink;
	s.st_mode = st->mode;
	s.st_uid = from_kuid_munged(current_user_ns(), st->uid);
	s.st_gid = from_kgid_munged(current_user_ns(), st->gid);
	s.st_rdev = encode_dev(st->rdev);
	s.st_size = st->size;
	s.st_blksize = st->blksize;
	s.st_blocks = st->blocks;
	s.st_atime = st->atime.tv_sec;
	s.st_atime_nsec = st->atime.tv_nsec;
	s.st_mtime = st->mtime.tv_sec;
	s.st_mtime_nsec = st->mtime.tv_nsec;
	s.st_ctime = st->ctime.tv_sec;
	s.st_ctime_nsec = st->ctime.tv_nsec;
	return copy_to_user(ua, &s, sizeof(s)) ? -EFAULT : 0;
}

static int fstat_kernel(int fd, struct kstat *st, u32 mask, u32 flags)
{
	struct fd f = fdget_raw(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = vfs_getattr(&f.file->f_path, st, mask, flags);
	fdput(f);
	return err;
}

/*
 * True if the name is empty, or its address is NULL. The function must be fast, since glibc's
 * fstat() is newfstatat(fd, "", AT_EMPTY_PATH).
 */
static bool name_is_empty(uaddr_t ua)
{
	char c;

	return !ua.v || (!get_user(c, ua) && !c);
}

struct stat_request {
	struct kstat *st;
	u32 mask, flags;
};

static int stat_look(const struct path *path, void *arg)
{
	const struct stat_request *rq = arg;
	const struct inode_operations *op = path->dentry->d_inode->i_op;

	if ((op->getattr && !op->getattr_plain) ||
		/* A mount's id map may be used only with a reference to the mount. */
		path->mnt->mnt_idmap)
		return -ECHILD;
	return vfs_getattr(path, rq->st, rq->mask, rq->flags);
}

static int stat_name(int dfd, const char *name, u32 lookup, struct stat_request *rq)
{
	struct path path;
	int err = walk_look(dfd, name, lookup, stat_look, rq);

	if (err != -ECHILD)
		return err;
	err = path_lookupat(dfd, name, lookup, &path);
	if (err)
		return err;
	err = vfs_getattr(&path, rq->st, rq->mask, rq->flags);
	path_put(&path);
	return err;
}

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)

/*
 * Serves the stat calls: fills *st for the path at the guest address @ua. @flags: AT_*; @mask:
 * STATX_*. Returns 0 or -errno.
 */
static int stat_at(int dfd, uaddr_t ua, int flags, struct kstat *st, u32 mask)
{
	u32 lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
		     (flags & AT_NO_AUTOMOUNT ? 0 : LOOKUP_AUTOMOUNT);
	struct stat_request rq = { st, mask, flags };
	char *name;
	int err;

	if (flags & ~STAT_FLAGS)
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) && dfd >= 0 && name_is_empty(ua))
		return fstat_kernel(dfd, st, mask, flags);
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	if ((flags & AT_EMPTY_PATH) && !ua.v)
		return stat_name(dfd, "", lookup, &rq);
	name = getname_flags(ua, lookup);
	if (IS_ERR(name))
		return PTR_ERR(name);
	err = stat_name(dfd, name, lookup, &rq);
	putname(name);
	return err;
}

long sys_newfstatat(int dfd, uaddr_t ua, uaddr_t buf, int flags)
{
	struct kstat st;
	int err = stat_at(dfd, ua, flags | AT_NO_AUTOMOUNT, &st, STATX_BASIC_STATS | STAT_PLAIN);

	return err ? err : copy_stat(&st, buf);
}

long sys_stat(uaddr_t ua, uaddr_t buf)
{
	return sys_newfstatat(AT_FDCWD, ua, buf, 0);
}

long sys_lstat(uaddr_t ua, uaddr_t buf)
{
	return sys_newfstatat(AT_FDCWD, ua, buf, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(int fd, uaddr_t buf)
{
	struct kstat st;
	int err = fstat_kernel(fd, &st, STATX_BASIC_STATS | STAT_PLAIN, 0);

	return err ? err : copy_stat(&st, buf);
}

static struct statx_timestamp statx_time(struct timespec64 t)
{
	return (struct statx_timestamp){ .tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec };
}

static int copy_statx(const struct kstat *st, uaddr_t ua)
{
	struct statx x;

	memset(&x, 0, sizeof(x));
	x.stx_mask = st->result_mask;
	x.stx_blksize = st->blksize;
	x.stx_attributes = st->attributes;
	x.stx_attributes_mask = st->attributes_mask;
	x.stx_nlink = st->nlink;
	x.stx_uid = from_kuid_munged(current_user_ns(), st->uid);
	x.stx_gid = from_kgid_munged(current_user_ns(), st->gid);
	x.stx_mode = st->mode;
	x.stx_ino = st->ino;
	x.stx_size = st->size;
	x.stx_blocks = st->blocks;
	x.stx_atime = statx_time(st->atime);
	x.stx_btime = statx_time(st->btime);
	x.stx_ctime = statx_time(st->ctime);
	x.stx_mtime = statx_time(st->mtime);
	x.stx_rdev_major = MAJOR(st->rdev);
	x.stx_rdev_minor = MINOR(st->rdev);
	x.stx_dev_major = MAJOR(st->dev);
	x.stx_dev_minor = MINOR(st->dev);
	x.stx_mnt_id = st->mnt_id;
	x.stx_dio_mem_align = st->dio_align;
	x.stx_dio_offset_align = st->dio_align;
	return copy_to_user(ua, &x, sizeof(x)) ? -EFAULT : 0;
}

long sys_statx(int dfd, uaddr_t ua, int flags, u32 mask, uaddr_t buf)
{
	struct kstat st;
	int err;

	if ((mask & STATX__RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = stat_at(dfd, ua, flags, &st, mask);
	return err ? err : copy_statx(&st, buf);
}

/* ---- readlink ---- */

static int readlink_magic(struct dentry *d, uaddr_t buf, int size)
{
	char *page, *text;
	struct path to;
	int n = d->d_inode->i_op->follow_link(d, d->d_inode, &to);

	if (n)
		return n;
	page = kmalloc(PATH_MAX, GFP_KERNEL);
	text = page ? d_path(&to, page, PATH_MAX) : ERR_PTR(-ENOMEM);
	n = PTR_ERR(text);
	if (!IS_ERR(text)) {
		n = min_t(int, strlen(text), size);
		if (copy_to_user(buf, text, n))
			n = -EFAULT;
	}
	kfree(page);
	path_put(&to);
	return n;
}

static int readlink_path(const struct path *p, uaddr_t buf, int size)
{
	struct inode *inode = p->dentry->d_inode;
	char *to_free = NULL;
	const char *text;
	int n;

	if (!is_lnk(inode))
		return -EINVAL;
	touch_atime(p);
	if (inode->i_op->follow_link && !inode->i_op->get_link)
		return readlink_magic(p->dentry, buf, size);
	text = vfs_get_link(p->dentry, &to_free);
	if (IS_ERR(text))
		return PTR_ERR(text);
	n = min_t(int, strlen(text), size);
	if (copy_to_user(buf, text, n))
		n = -EFAULT;
	kfree(to_free);
	return n;
}

long sys_readlinkat(int dfd, uaddr_t ua, uaddr_t buf, int size)
{
	struct path path;
	bool empty;
	int err;

	if (size <= 0)
		return -EINVAL;
	err = user_path_at(dfd, ua, LOOKUP_EMPTY, &path);
	if (err)
		return err;
	empty = name_is_empty(ua);
	err = readlink_path(&path, buf, size);
	if (err == -EINVAL && empty)
		err = -ENOENT;
	path_put(&path);
	return err;
}

long sys_readlink(uaddr_t ua, uaddr_t buf, int size)
{
	return sys_readlinkat(AT_FDCWD, ua, buf, size);
}

/* ---- access ---- */

/*
 * Returns new credentials in which the real ids replace the file-system ids. With
 * SECURE_NO_SETUID_FIXUP the effective capabilities stay; otherwise they are the permitted ones if
 * the real user is root, else none. NULL: current's credentials are such already; or ERR_PTR.
 */
static struct cred *access_cred(void)
{
	const struct cred *c = current_cred();
	u64 caps = c->uid == make_kuid(c->user_ns, 0) ? c->cap_permitted : 0;
	struct cred *n;

	if (c->securebits & issecure_mask(SECURE_NO_SETUID_FIXUP))
		caps = c->cap_effective;

	if (c->uid == c->fsuid && c->gid == c->fsgid && caps == c->cap_effective)
		return NULL;
	n = prepare_creds();
	if (!n)
		return ERR_PTR(-ENOMEM);
	n->fsuid = n->uid;
	n->fsgid = n->gid;
	n->cap_effective = caps;
	return n;
}

static int access_path(const struct path *p, int mode)
{
	struct inode *inode = p->dentry->d_inode;
	int err;

	if ((mode & MAY_EXEC) && is_reg(inode) && (p->mnt->mnt_flags & MS_NOEXEC))
		return -EACCES;
	err = path_permission(p, mode | MAY_ACCESS);
	if (!err && (mode & MAY_WRITE) && mnt_readonly(p->mnt) &&
		(is_reg(inode) || is_dir(inode) || is_lnk(inode)))
		err = -EROFS;
	return err;
}

static int do_access(int dfd, uaddr_t ua, int mode, int flags)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	const struct cred *saved = NULL;
	struct cred *c = NULL;
	struct path path;
	int err;

	if ((mode & ~7) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	if (!(flags & AT_EACCESS))
		c = access_cred();
	if (IS_ERR(c))
		return PTR_ERR(c);
	if (c)
		saved = override_creds(c);
	err = user_path_at(dfd, ua, lookup, &path);
	if (!err) {
		err = access_path(&path, mode);
		path_put(&path);
	}
	if (c) {
		revert_creds(saved);
		abort_creds(c);
	}
	return err;
}

long sys_faccessat2(int dfd, uaddr_t ua, int mode, int flags)
{
	return do_access(dfd, ua, mode, flags);
}

long sys_faccessat(int dfd, uaddr_t ua, int mode)
{
	return do_access(dfd, ua, mode, 0);
}

long sys_access(uaddr_t ua, int mode)
{
	return do_access(AT_FDCWD, ua, mode, 0);
}
