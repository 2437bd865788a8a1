/* SPDX-License-Identifier: MIT */
/*
 * inode.c: tmpfs's inodes and directories. A directory is a simple directory (vfs/libfs.c): its
 * dentries are its contents.
 *
 * Locks: the directory's i_rwsem, held by the VFS; tmpfs_sb.lock for the counts of inodes and of
 * bytes in attributes.
 */
#include <linux/fs.h>

#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/libfs.h"

static const struct inode_operations tmpfs_dir_iops, tmpfs_link_iops, tmpfs_special_iops;

/* True if this kind of tmpfs lacks symlinks, extended attributes and inode flags. */
static bool is_bare(const struct inode *inode)
{
	return tmpfs_sb(inode->i_sb)->kind->bare;
}

/* Counts an inode against max_inodes. Returns 0 or -ENOSPC. */
static int reserve_inode(struct super_block *sb)
{
	struct tmpfs_sb *s = tmpfs_sb(sb);
	int err = 0;

	spin_lock(&s->lock);
	if (s->max_inodes &&
		tmpfs_inode_space(s) + TMPFS_INODE_SPACE > s->max_inodes * TMPFS_INODE_SPACE)
		err = -ENOSPC;
	else
		s->used_inodes++;
	spin_unlock(&s->lock);
	return err;
}

static void unreserve_inode(struct super_block *sb)
{
	struct tmpfs_sb *s = tmpfs_sb(sb);

	spin_lock(&s->lock);
	s->used_inodes--;
	spin_unlock(&s->lock);
}

/* Sets the operations that suit the type in i_mode. @rdev: number of a device. */
static void set_operations(struct inode *inode, dev_t rdev)
{
	const struct tmpfs_kind *kind = tmpfs_sb(inode->i_sb)->kind;

	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = kind->iops;
		inode->i_fop = kind->fops;
		inode->i_data.a_ops = kind->aops;
		if (!kind->bare)
			inode->i_seals =
				SEALS_ALLOWED | F_SEAL_SEAL; /* memfd_create() may allow seals */
		if (kind->init)
			kind->init(inode);
		break;
	case S_IFDIR:
		inode->i_op = &tmpfs_dir_iops;
		inode->i_fop = &simple_dir_operations;
		set_nlink(inode, 2);
		break;
	case S_IFLNK: inode->i_op = &tmpfs_link_iops; break;
	default: inode->i_op = &tmpfs_special_iops; init_special_inode(inode, inode->i_mode, rdev);
	}
}

struct inode *tmpfs_new_inode(struct super_block *sb, struct inode *dir, umode_t mode, dev_t rdev)
{
	struct inode *inode;
	int err = reserve_inode(sb);

	if (err)
		return ERR_PTR(err);
	inode = new_inode(sb);
	if (!inode) {
		unreserve_inode(sb);
		return ERR_PTR(-ENOMEM);
	}
	inode->i_ino = __atomic_add_fetch(&tmpfs_sb(sb)->next_ino.v, 1, __ATOMIC_RELAXED);
	inode_init_owner(inode, dir, mode);
	inode->i_atime = inode->i_mtime = inode->i_ctime = inode->i_btime = current_time(inode);
	inode->i_generation = inode->i_ino;
	set_operations(inode, rdev);
	if (dir && !is_bare(inode)) {
		tmpfs_inode(inode)->flags =
			tmpfs_inode(dir)->flags & (FS_NODUMP_FL | FS_NOATIME_FL);
		inode_set_flags(inode, tmpfs_inode(inode)->flags);
	}
	return inode;
}

/*
 * Adds a new inode to @dir, under the name of @d. Returns 0, -errno with the inode dropped, or the
 * error if @inode is an ERR_PTR.
 */
static int add_entry(struct inode *dir, struct dentry *d, struct inode *inode)
{
	int err;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = acl_inherit(dir, inode);
	if (!err)
		return simple_dir_add_new(dir, d, inode);
	clear_nlink(inode);
	iput(inode);
	return err;
}

static int tmpfs_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t rdev)
{
	return add_entry(dir, d, tmpfs_new_inode(dir->i_sb, dir, mode, rdev));
}

static int tmpfs_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl)
{
	return tmpfs_mknod(dir, d, mode, 0);
}

static int tmpfs_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	int err = tmpfs_mknod(dir, d, mode | S_IFDIR, 0);

	if (!err)
		inc_nlink(dir);
	return err;
}

static int tmpfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct inode *inode;

	if (is_bare(dir))
		return -EINVAL;
	inode = tmpfs_new_inode(dir->i_sb, dir, S_IFLNK | 0777, 0);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	inode->i_link = kstrdup(target);
	if (!inode->i_link) {
		clear_nlink(inode);
		iput(inode);
		return -ENOMEM;
	}
	inode->i_size = strlen(target);
	return add_entry(dir, d, inode);
}

static int tmpfs_tmpfile(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct inode *inode = tmpfs_new_inode(dir->i_sb, dir, mode, 0);
	int err;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	clear_nlink(inode);
	err = acl_inherit(dir, inode);
	if (err)
		iput(inode);
	else
		d_instantiate(d, inode);
	return err;
}

/*
 * True if each hard link of the file after the first counts as an inode against max_inodes, since
 * its dentry takes memory. On hugetlbfs, hard links do not count, as on Linux.
 */
static bool is_link_counted(const struct inode *inode)
{
	return !is_bare(inode) && !S_ISDIR(inode->i_mode);
}

/*
 * Makes a hard link. The first name of a nameless file (i_nlink 0) is not counted. i_nlink does not
 * change meanwhile, since the file's i_rwsem is held here, in tmpfs_unlink() and in tmpfs_rename().
 */
static int tmpfs_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	bool counted = is_link_counted(old->d_inode) && old->d_inode->i_nlink;
	int err = counted ? reserve_inode(dir->i_sb) : 0;

	if (err)
		return err;
	err = simple_link(old, dir, d);
	if (err && counted)
		unreserve_inode(dir->i_sb);
	return err;
}

static int tmpfs_unlink(struct inode *dir, struct dentry *d)
{
	if (is_link_counted(d->d_inode) && d->d_inode->i_nlink > 1)
		unreserve_inode(dir->i_sb);
	return simple_unlink(dir, d);
}

/*
 * Makes a whiteout for the name of @old: *inode, a character device 0/0, and a dentry that is in
 * @dir but has no inode and is not hashed yet. Returns the dentry, or ERR_PTR.
 */
static struct dentry *make_whiteout(struct inode *dir, struct dentry *old, struct inode **inode)
{
	struct dentry *d;
	int err = -ENOMEM;

	*inode = tmpfs_new_inode(dir->i_sb, dir, S_IFCHR, 0); /* WHITEOUT_MODE is 0 */
	if (IS_ERR(*inode))
		return ERR_CAST(*inode);
	d = d_alloc(old->d_parent, &old->d_name);
	if (d)
		err = simple_dir_add(dir, d);
	if (!err)
		return d;
	dput(d);
	clear_nlink(*inode);
	iput(*inode);
	return ERR_PTR(err);
}

static int tmpfs_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *nd, u32 flags)
{
	bool frees = !(flags & RENAME_EXCHANGE) && nd->d_inode && is_link_counted(nd->d_inode) &&
		     nd->d_inode->i_nlink > 1;
	struct dentry *white = NULL;
	struct inode *inode = NULL;
	int err;

	if (flags & RENAME_WHITEOUT) {
		white = make_whiteout(odir, old, &inode);
		if (IS_ERR(white))
			return PTR_ERR(white);
	}
	err = simple_rename(odir, old, ndir, nd, flags & ~(u32)RENAME_WHITEOUT);
	if (!err && frees)
		unreserve_inode(ndir->i_sb);
	if (!white)
		return err;
	if (err) {
		simple_dir_remove(odir, white);
		clear_nlink(inode);
		iput(inode);
	} else {
		/* Lookups now find the whiteout, not @old, which the VFS moves to its new name. */
		d_add(white, inode);
	}
	dput(white);
	return err;
}

ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	if (is_bare(inode))
		return -EOPNOTSUPP;
	return simple_xattr_get(&tmpfs_inode(inode)->xattrs, name, buf, size);
}

/*
 * Charges the memory of extended attributes to the allowance of nr_inodes=, which inodes and
 * attributes share. Returns 0 or -ENOSPC.
 */
static int charge_xattr(struct inode *inode, u64 bytes)
{
	struct tmpfs_sb *s = tmpfs_sb(inode->i_sb);
	int err = 0;

	spin_lock(&s->lock);
	if (s->max_inodes && tmpfs_inode_space(s) + bytes > s->max_inodes * TMPFS_INODE_SPACE) {
		err = -ENOSPC;
	} else {
		s->xattr_bytes += bytes;
		tmpfs_inode(inode)->xattr_bytes += bytes;
	}
	spin_unlock(&s->lock);
	return err;
}

static void uncharge_xattr(struct inode *inode, u64 bytes)
{
	struct tmpfs_sb *s = tmpfs_sb(inode->i_sb);

	spin_lock(&s->lock);
	s->xattr_bytes -= bytes;
	tmpfs_inode(inode)->xattr_bytes -= bytes;
	spin_unlock(&s->lock);
}

/* Returns the bytes charged for an attribute with a value of @size bytes; @size < 0: 0. */
static u64 xattr_space(const char *name, ssize_t size)
{
	return size < 0 ? 0 : (u64)size + strlen(name) + TMPFS_XATTR_SPACE;
}

/*
 * Sets an extended attribute, or removes it if @value is NULL. i_rwsem is held, or no other task
 * can see the inode yet.
 */
int tmpfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	bool acl = is_acl_name(name) && (inode->i_sb->s_iflags & SB_I_POSIXACL);
	/*
	 * Bytes of the new and the old value. The new one is charged before the old one is
	 * uncharged, as on Linux.
	 */
	u64 more, less;
	int err;

	if (is_bare(inode) || (!acl && !strncmp(name, "system.", 7)))
		return -EOPNOTSUPP;
	more = xattr_space(name, value ? (ssize_t)size : -1);
	less = xattr_space(name, simple_xattr_get(&tmpfs_inode(inode)->xattrs, name, NULL, 0));
	err = more ? charge_xattr(inode, more) : 0;
	if (err)
		return err;
	err = simple_xattr_set(&tmpfs_inode(inode)->xattrs, name, value, size, flags);
	uncharge_xattr(inode, err ? more : less);
	if (!err)
		inode->i_ctime = current_time(inode);
	if (!err && acl)
		acl_changed(inode);
	return err;
}

ssize_t tmpfs_listxattr(struct inode *inode, char *buf, size_t size)
{
	return simple_xattr_list(&tmpfs_inode(inode)->xattrs, buf, size);
}

/* ---- flags ---- */

#define TMPFS_FLAGS (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL)

int tmpfs_get_flags(struct inode *inode, u32 *flags)
{
	if (is_bare(inode))
		return -ENOTTY;
	*flags = tmpfs_inode(inode)->flags;
	return 0;
}

int tmpfs_set_flags(struct inode *inode, u32 flags)
{
	if (is_bare(inode))
		return -ENOTTY;
	if (flags & ~(u32)TMPFS_FLAGS)
		return -EOPNOTSUPP;
	tmpfs_inode(inode)->flags = flags;
	inode_set_flags(inode, flags);
	return 0;
}

static const struct inode_operations tmpfs_dir_iops = {
	.lookup = simple_lookup,
	.create = tmpfs_create,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.symlink = tmpfs_symlink,
	.mkdir = tmpfs_mkdir,
	.rmdir = simple_rmdir,
	.mknod = tmpfs_mknod,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
	.setattr = simple_setattr,
	TMPFS_XATTR_OPS,
	TMPFS_FLAG_OPS,
};
static const struct inode_operations tmpfs_link_iops = {
	.get_link = simple_get_link,
	.setattr = simple_setattr,
	TMPFS_XATTR_OPS,
};
static const struct inode_operations tmpfs_special_iops = { .setattr = simple_setattr,
	TMPFS_XATTR_OPS };
