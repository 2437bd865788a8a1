/* SPDX-License-Identifier: MIT */
/*
 * dirops.c: making and removing names: create, mkdir, mknod, symlink, link, unlink, rmdir. Rename
 * is in rename.c.
 *
 * The vfs_ functions check permissions, call the file system and notify watchers; the directory's
 * i_rwsem is held for writing by their callers. path_create() finds and locks the directory for a
 * new name, done_path_create() unlocks it.
 *
 * Locks: directory i_rwsem, then the victim's i_rwsem. mnt_want_write() is taken before both.
 */
#include <linux/inotify.h>

#include "gen/syscalls.h"
#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/landlock/landlock.h"
#include "kernel/vfs/name/namei.h"

static void notify_create(struct inode *dir, struct dentry *d, u32 extra)
{
	fsnotify_name(dir, IN_CREATE | extra, d->d_inode, d->d_name.name, d->d_name.len, 0);
}

int vfs_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl)
{
	int err = may_create(dir, d);

	if (err)
		return err;
	if (!dir->i_op->create)
		return -EACCES;
	err = dir->i_op->create(dir, d, (mode & S_IALLUGO) | S_IFREG, excl);
	if (!err)
		notify_create(dir, d, 0);
	return err;
}

int vfs_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	int err = may_create(dir, d);

	if (err)
		return err;
	if (!dir->i_op->mkdir)
		return -EPERM;
	err = dir->i_op->mkdir(dir, d, mode & (S_IRWXUGO | S_ISVTX));
	if (!err)
		notify_create(dir, d, IN_ISDIR);
	return err;
}

int vfs_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev)
{
	bool whiteout = S_ISCHR(mode) && dev == 0, device = S_ISCHR(mode) || S_ISBLK(mode);
	int err = may_create(dir, d);

	if (err)
		return err;
	if (device && !whiteout && !capable(CAP_MKNOD))
		return -EPERM;
	if (!dir->i_op->mknod)
		return -EPERM;
	if (device && !whiteout && device_guard)
		err = device_guard->permission(mode, dev, DEVICE_MKNOD);
	if (err)
		return err;
	err = dir->i_op->mknod(dir, d, mode, dev);
	if (!err)
		notify_create(dir, d, 0);
	return err;
}

int vfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	int err = may_create(dir, d);

	if (err)
		return err;
	if (!dir->i_op->symlink)
		return -EPERM;
	err = dir->i_op->symlink(dir, d, target);
	if (!err)
		notify_create(dir, d, 0);
	return err;
}

int vfs_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *inode = old->d_inode;
	int err = may_create(dir, d);

	if (err)
		return err;
	if (inode->i_sb != dir->i_sb)
		return -EXDEV;
	if ((inode->i_flags & (S_APPEND | S_IMMUTABLE)) || !inode_ids_are_mapped(inode) ||
		!dir->i_op->link || is_dir(inode))
		return -EPERM;
	down_write(&inode->i_rwsem);
	if (!inode->i_nlink && !(inode->i_state & I_LINKABLE))
		err = -ENOENT;
	else
		err = dir->i_op->link(old, dir, d);
	if (!err && (inode->i_state & I_LINKABLE)) {
		spin_lock(&inode->i_lock);
		inode->i_state &= ~I_LINKABLE;
		spin_unlock(&inode->i_lock);
	}
	up_write(&inode->i_rwsem);
	if (!err) {
		fsnotify_inode(inode, IN_ATTRIB);
		notify_create(dir, d, 0);
	}
	return err;
}

/*
 * Notifies watchers of a removal. IN_DELETE_SELF is sent when the dentry's last user is gone: here,
 * before the directory's event, if only the caller uses the dentry; otherwise at the last close.
 */
static void notify_removed(struct inode *dir, struct dentry *d, u32 extra)
{
	if (!extra)
		fsnotify_inode(d->d_inode, IN_ATTRIB); /* its link count has changed */
	if (atomic_read(&d->d_count) == 1)
		d_notify_gone(d);
	fsnotify_name(dir, IN_DELETE | extra, d->d_inode, d->d_name.name, d->d_name.len, 0);
}

int vfs_unlink(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->d_inode;
	int err = may_delete(dir, d, false);

	if (err)
		return err;
	if (!dir->i_op->unlink)
		return -EPERM;
	down_write(&inode->i_rwsem);
	err = is_mountpoint_here(d) ? -EBUSY : dir->i_op->unlink(dir, d);
	up_write(&inode->i_rwsem);
	if (err)
		return err;
	if (d_mounted(d))
		detach_mounts(d);
	d_delete(d);
	notify_removed(dir, d, 0);
	return 0;
}

int vfs_rmdir(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->d_inode;
	int err = may_delete(dir, d, true);

	if (err)
		return err;
	if (!dir->i_op->rmdir)
		return -EPERM;
	down_write(&inode->i_rwsem);
	err = is_mountpoint_here(d) ? -EBUSY : dir->i_op->rmdir(dir, d);
	if (!err)
		inode->i_flags |= S_DEAD;
	up_write(&inode->i_rwsem);
	if (err)
		return err;
	shrink_dcache_parent(d);
	if (d_mounted(d))
		detach_mounts(d);
	d_delete(d);
	notify_removed(dir, d, IN_ISDIR);
	return 0;
}

/* ---- the directory of a new name ---- */

struct dentry *path_create(int dfd, const char *name, struct path *parent, u32 flags)
{
	struct nameidata nd;
	struct dentry *d;
	int err, err_write;

	err = nd_parent(&nd, dfd, name, flags & ~(LOOKUP_DIRECTORY | LOOKUP_FOLLOW));
	if (err)
		return ERR_PTR(err);
	err = -EEXIST;
	if (nd.last.type != LAST_NORM)
		goto err_end;
	err_write = mnt_want_write(nd.path.mnt);
	err = down_write_killable(&nd.path.dentry->d_inode->i_rwsem);
	if (err)
		goto err_drop;
	d = lookup_hash(nd.path.dentry, &nd.last.name, LOOKUP_CREATE);
	err = PTR_ERR(d);
	if (IS_ERR(d))
		goto err_unlock;
	err = -EEXIST;
	if (d->d_inode)
		goto err_dput;
	err = -ENOENT;
	if (nd.last.slash && !(flags & LOOKUP_DIRECTORY))
		goto err_dput;
	err = err_write;
	if (err)
		goto err_dput;
	*parent = nd.path;
	idmap_enter(parent->mnt); /* done_path_create() leaves the map */
	nd.path.mnt = NULL;
	nd_end(&nd);
	return d;
err_dput:
	dput(d);
err_unlock:
	up_write(&nd.path.dentry->d_inode->i_rwsem);
err_drop:
	if (!err_write)
		mnt_drop_write(nd.path.mnt);
err_end:
	nd_end(&nd);
	return ERR_PTR(err);
}

void done_path_create(struct path *parent, struct dentry *d)
{
	dput(d);
	up_write(&parent->dentry->d_inode->i_rwsem);
	idmap_leave(NULL);
	mnt_drop_write(parent->mnt);
	path_put(parent);
}

static struct dentry *user_path_create(int dfd, uaddr_t ua, struct path *parent, u32 flags)
{
	char *name = getname(ua);
	struct dentry *d;

	if (IS_ERR(name))
		return ERR_CAST(name);
	d = path_create(dfd, name, parent, flags);
	putname(name);
	return d;
}

/* ---- system calls ---- */

long sys_mkdirat(int dfd, uaddr_t ua, u32 mode)
{
	struct path parent;
	struct dentry *d = user_path_create(dfd, ua, &parent, LOOKUP_DIRECTORY);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	err = landlocked() ? landlock_make(&parent, S_IFDIR) : 0;
	if (!err)
		err = vfs_mkdir(parent.dentry->d_inode, d,
			acl_umask(
				parent.dentry->d_inode, (umode_t)(mode & ~(u32)S_IFMT) | S_IFDIR));
	done_path_create(&parent, d);
	return err;
}

long sys_mkdir(uaddr_t ua, u32 mode)
{
	return sys_mkdirat(AT_FDCWD, ua, mode);
}

/*
 * Decodes a 32-bit device number of a system call. Bits 0 to 7 and 20 to 31 are the minor number,
 * bits 8 to 19 the major number.
 */
static dev_t decode_dev(u32 dev)
{
	return MKDEV((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}

long sys_mknodat(int dfd, uaddr_t ua, u32 mode, u32 dev)
{
	struct path parent;
	struct dentry *d;
	int err;

	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK: break;
	case S_IFDIR: return -EPERM;
	default: return -EINVAL;
	}
	d = user_path_create(dfd, ua, &parent, 0);
	if (IS_ERR(d))
		return PTR_ERR(d);
	mode = acl_umask(parent.dentry->d_inode, (umode_t)mode);
	err = landlocked() ? landlock_make(&parent, (umode_t)mode) : 0;
	if (err)
		;
	else if (!(mode & S_IFMT) || S_ISREG(mode))
		err = vfs_create(parent.dentry->d_inode, d, mode, true);
	else
		err = vfs_mknod(parent.dentry->d_inode, d, mode,
			S_ISCHR(mode) || S_ISBLK(mode) ? decode_dev(dev) : 0);
	done_path_create(&parent, d);
	return err;
}

long sys_mknod(uaddr_t ua, u32 mode, u32 dev)
{
	return sys_mknodat(AT_FDCWD, ua, mode, dev);
}

long sys_symlinkat(uaddr_t target, int dfd, uaddr_t ua)
{
	char *text = getname(target);
	struct path parent;
	struct dentry *d;
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	d = user_path_create(dfd, ua, &parent, 0);
	err = PTR_ERR(d);
	if (IS_ERR(d))
		goto out;
	err = landlocked() ? landlock_make(&parent, S_IFLNK) : 0;
	if (!err)
		err = vfs_symlink(parent.dentry->d_inode, d, text);
	done_path_create(&parent, d);
out:
	putname(text);
	return err;
}

long sys_symlink(uaddr_t target, uaddr_t ua)
{
	return sys_symlinkat(target, AT_FDCWD, ua);
}

/*
 * Applies the sysctl protected_hardlinks: a caller that neither owns the file nor has CAP_FOWNER
 * may link only to a regular file that it can read and write, and that has neither S_ISUID nor
 * S_ISGID with S_IXGRP. Returns 0, -EPERM, or -EOVERFLOW if an id of the file is not mapped.
 */
static int may_linkat(struct inode *inode)
{
	umode_t mode = inode->i_mode;

	if (!inode_ids_are_mapped(inode))
		return -EOVERFLOW;
	if (!sysctl_protected_hardlinks || inode_owner_or_capable(inode))
		return 0;
	if (!S_ISREG(mode) || (mode & S_ISUID) ||
		(mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		return -EPERM;
	return inode_permission(inode, MAY_READ | MAY_WRITE) ? -EPERM : 0;
}

/*
 * Checks Landlock's rules for a link. They apply to the directory through which the caller reached
 * the file. Returns 0 or -errno.
 */
static int landlock_link(const struct path *old, const struct path *parent, struct dentry *d)
{
	struct path from = { old->mnt, dget_parent(old->dentry) };
	int err = landlock_refer(&from, old->dentry, parent, d, false, false);

	dput(from.dentry);
	return err;
}

long sys_linkat(int odfd, uaddr_t oname, int ndfd, uaddr_t nname, int flags)
{
	u32 how = flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0;
	struct path old, parent;
	struct dentry *d;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		how |= LOOKUP_EMPTY | LOOKUP_OPENER;
	err = user_path_at(odfd, oname, how, &old);
	if (err)
		return err;
	d = user_path_create(ndfd, nname, &parent, 0);
	err = PTR_ERR(d);
	if (IS_ERR(d))
		goto out;
	err = old.mnt != parent.mnt ? -EXDEV : may_linkat(old.dentry->d_inode);
	if (!err && landlocked())
		err = landlock_link(&old, &parent, d);
	if (!err)
		err = vfs_link(old.dentry, parent.dentry->d_inode, d);
	done_path_create(&parent, d);
out:
	path_put(&old);
	return err;
}

long sys_link(uaddr_t oname, uaddr_t nname)
{
	return sys_linkat(AT_FDCWD, oname, AT_FDCWD, nname, 0);
}

static int last_forbids_rmdir(int type)
{
	switch (type) {
	case LAST_DOT: return -EINVAL;
	case LAST_DOTDOT: return -ENOTEMPTY;
	case LAST_ROOT: return -EBUSY;
	default: return 0;
	}
}

/* Returns the error of unlink(2) for a name that ends in slashes. The parent is locked. */
static int unlink_with_slash(struct dentry *d)
{
	if (!d->d_inode)
		return -ENOENT;
	return is_dir(d->d_inode) ? -EISDIR : -ENOTDIR;
}

/*
 * Serves unlink(2), or with @dir rmdir(2), of a path in kernel memory. No lock is held. Returns 0
 * or -errno.
 */
static int do_remove(int dfd, const char *name, bool dir)
{
	struct inode *parent, *inode = NULL;
	struct user_namespace *was;
	struct nameidata nd;
	struct dentry *d;
	int err;

	err = nd_parent(&nd, dfd, name, 0);
	if (err)
		return err;
	if (nd.last.type != LAST_NORM) {
		err = dir ? last_forbids_rmdir(nd.last.type) : -EISDIR;
		goto out_end;
	}
	err = mnt_want_write(nd.path.mnt);
	if (err)
		goto out_end;
	parent = nd.path.dentry->d_inode;
	err = down_write_killable(&parent->i_rwsem);
	if (err)
		goto out_drop;
	was = idmap_enter(nd.path.mnt);
	d = lookup_hash(nd.path.dentry, &nd.last.name, 0);
	err = IS_ERR(d) ? PTR_ERR(d) : 0;
	if (err)
		goto out_unlock;
	if (d->d_inode) {
		inode = d->d_inode;
		/*
		 * Keeps the inode beyond the release of the directory's lock. Its blocks are freed
		 * below.
		 */
		ihold(inode);
	}
	if (landlocked() && d->d_inode && (dir || !nd.last.slash))
		err = landlock_remove(&nd.path, dir);
	if (err)
		;
	else if (dir)
		err = d->d_inode ? vfs_rmdir(parent, d) : -ENOENT;
	else if (nd.last.slash)
		err = unlink_with_slash(d);
	else
		err = vfs_unlink(parent, d);
	dput(d);
out_unlock:
	up_write(&parent->i_rwsem);
	idmap_leave(was);
	iput_removed(inode);
out_drop:
	mnt_drop_write(nd.path.mnt);
out_end:
	nd_end(&nd);
	return err;
}

int kern_unlink(const char *name)
{
	return do_remove(AT_FDCWD, name, false);
}

long sys_unlinkat(int dfd, uaddr_t ua, int flags)
{
	char *name;
	int err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	name = getname(ua);
	if (IS_ERR(name))
		return PTR_ERR(name);
	err = do_remove(dfd, name, flags & AT_REMOVEDIR);
	putname(name);
	return err;
}

long sys_unlink(uaddr_t ua)
{
	return sys_unlinkat(AT_FDCWD, ua, 0);
}

long sys_rmdir(uaddr_t ua)
{
	return sys_unlinkat(AT_FDCWD, ua, AT_REMOVEDIR);
}
