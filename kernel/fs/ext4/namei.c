/* SPDX-License-Identifier: MIT */
/*
 * namei.c: names: lookup, creation and removal. Renaming is in rename.c.
 *
 * Each operation makes all its changes (the new inode, its name, the counts) under one handle. The
 * VFS holds the i_rwsem of the directories and has checked permissions and existence. A new inode
 * is written before its name. While it is I_NEW, the write replaces its whole slot on disk. If
 * adding the name fails, the inode is freed again.
 */
#include <linux/fs.h>

#include "kernel/fs/ext4/namei.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/xattr/acl.h"

/*
 * Returns the inode @ino, which an entry of the directory names, referenced. Reports damage, and
 * returns ERR_PTR on failure.
 */
static struct inode *named_inode(struct inode *dir, u32 ino)
{
	const char *why = NULL;
	struct inode *inode;

	if (ino == dir->i_ino) {
		ext4_error_inode(dir, "directory %lu has an entry that is itself", dir->i_ino);
		return ERR_PTR(-EFSCORRUPTED);
	}
	if (ino < EXT4_SB(dir->i_sb)->first_ino && ino != EXT4_ROOT_INO) {
		ext4_error_inode(
			dir, "directory %lu names inode %u, which is reserved", dir->i_ino, ino);
		return ERR_PTR(-EFSCORRUPTED);
	}
	inode = ext4_iget(dir->i_sb, ino);
	if (inode == ERR_PTR(-ESTALE)) {
		why = "is free or has no link";
	} else if (!IS_ERR(inode) && EXT4_I(inode)->i_flags & EXT4_EA_INODE_FL) {
		iput(inode);
		why = "is an attribute's value";
	}
	if (!why)
		return inode;
	ext4_error_inode(dir, "directory %lu names inode %u, which %s", dir->i_ino, ino, why);
	return ERR_PTR(-EFSCORRUPTED);
}

static struct dentry *ext4_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct ext4_dir_entry *de;
	struct ext4_buf *b;
	struct inode *inode = NULL;

	if (d->d_name.len > 255)
		return ERR_PTR(-ENAMETOOLONG);
	b = ext4_dir_find(dir, &d->d_name, &de);
	if (IS_ERR(b))
		return ERR_CAST(b);
	if (b) {
		u32 ino = de->inode;

		ext4_brelse(b);
		inode = named_inode(dir, ino);
	}
	return d_splice_alias(inode, d);
}

struct ext4_handle *ext4_start_names(struct inode *dir, u32 credits)
{
	struct ext4_handle *h = ext4_start(dir->i_sb, credits);

	if (!IS_ERR(h) && inode_is_dirsync(dir))
		ext4_stop_waits(h);
	return h;
}

/* ---- making: each make_*() tries once, in one handle, and returns 0 or -errno ---- */

/*
 * Writes the new inode, adds its name and attaches it to the dentry. Returns 0, or -errno after
 * freeing the inode.
 */
static int add_name(struct ext4_handle *h, struct inode *dir, struct dentry *d, struct inode *inode)
{
	int err = ext4_write_inode_raw(h, inode);

	if (!err)
		err = acl_inherit(dir, inode);
	if (!err)
		err = ext4_dir_add(h, dir, &d->d_name, (u32)inode->i_ino, inode->i_mode);
	if (!err) {
		d_instantiate_new(d, inode);
		return 0;
	}
	clear_nlink(inode);
	ext4_orphan_add(h, inode);
	unlock_new_inode(inode);
	iput(inode);
	return err;
}

/* Stores the number in i_block: 8 bits for major and minor, or a second form for larger numbers. */
static void set_device(struct inode *inode, dev_t dev)
{
	struct ext4_inode *ei = EXT4_I(inode);
	u32 ma = MAJOR(dev), mi = MINOR(dev);

	if (ma < 256 && mi < 256) {
		ei->i_block[0] = ma << 8 | mi;
		ei->i_block[1] = 0;
	} else {
		ei->i_block[0] = 0;
		ei->i_block[1] = (mi & 0xff) | ma << 8 | (mi & ~0xffU) << 12;
	}
}

static int make_node(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev)
{
	struct ext4_handle *h = ext4_start_names(dir, EXT4_NEW_CREDITS);
	struct inode *inode;
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	inode = ext4_new_inode(h, dir, mode);
	err = IS_ERR(inode) ? (int)PTR_ERR(inode) : 0;
	if (!err) {
		if (!S_ISREG(mode))
			set_device(inode, dev);
		ext4_set_inode_ops(inode);
		err = add_name(h, dir, d, inode);
	}
	ext4_stop(h);
	return err;
}

static int ext4_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev)
{
	u32 tries = 0;
	int err;

	do
		err = make_node(dir, d, mode, dev);
	while (ext4_try_again(dir->i_sb, err, &tries));
	return err;
}

static int ext4_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl)
{
	return ext4_mknod(dir, d, mode | S_IFREG, 0);
}

static int ext4_tmpfile(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct ext4_handle *h = ext4_start(dir->i_sb, EXT4_NEW_CREDITS);
	struct inode *inode;
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	inode = ext4_new_inode(h, dir, mode | S_IFREG);
	err = IS_ERR(inode) ? (int)PTR_ERR(inode) : 0;
	if (!err) {
		ext4_set_inode_ops(inode);
		clear_nlink(inode);
		err = ext4_write_inode_raw(h, inode);
		if (!err)
			err = acl_inherit(dir, inode);
		if (!err)
			err = ext4_orphan_add(h, inode);
		d_instantiate_new(d, inode);
	}
	ext4_stop(h);
	return err;
}

/*
 * Makes the content of a new directory, "." and "..", in its first block or in its inode. Returns 0
 * or -errno.
 */
static int fill_directory(struct ext4_handle *h, struct inode *dir, struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	struct qstr dot = { .name = ".", .len = 1 }, dotdot = { .name = "..", .len = 2 };
	struct ext4_buf *b;
	u32 lblk;
	int err;

	if (ext4_wants_inline(inode)) {
		err = ext4_write_inode_raw(h, inode); /* writes the whole slot */
		if (err)
			return err;
		b = ext4_bprivate(sbi);
		if (!b)
			return -ENOMEM;
	} else {
		b = ext4_dir_append(h, inode, &lblk);
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
	}
	ext4_leaf_init(sbi, b);
	err = ext4_leaf_add(h, inode, b, &dot, (u32)inode->i_ino, S_IFDIR);
	if (!err)
		err = ext4_leaf_add(h, inode, b, &dotdot, (u32)dir->i_ino, S_IFDIR);
	ext4_brelse(b);
	return err;
}

void ext4_dir_count_inc(struct inode *dir)
{
	if (dir->i_nlink == 1)
		return;
	inc_nlink(dir);
	if (dir->i_nlink >= EXT4_LINK_MAX &&
		EXT4_HAS(EXT4_SB(dir->i_sb), ro_compat, RO_COMPAT_DIR_NLINK))
		set_nlink(dir, 1);
}

void ext4_dir_count_dec(struct inode *dir)
{
	if (dir->i_nlink > 2)
		drop_nlink(dir);
}

static int make_directory(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct ext4_handle *h;
	struct inode *inode;
	int err;

	if (dir->i_nlink >= EXT4_LINK_MAX &&
		!EXT4_HAS(EXT4_SB(dir->i_sb), ro_compat, RO_COMPAT_DIR_NLINK))
		return -EMLINK;
	h = ext4_start_names(dir, EXT4_NEW_CREDITS);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	inode = ext4_new_inode(h, dir, mode | S_IFDIR);
	err = IS_ERR(inode) ? (int)PTR_ERR(inode) : 0;
	if (err)
		goto out;
	ext4_set_inode_ops(inode);
	set_nlink(inode, 2);
	err = fill_directory(h, dir, inode);
	if (err) {
		clear_nlink(inode);
		ext4_write_inode_raw(h, inode);
		ext4_orphan_add(h, inode);
		unlock_new_inode(inode);
		iput(inode);
		goto out;
	}
	err = add_name(h, dir, d, inode);
	if (!err) {
		ext4_dir_count_inc(dir);
		ext4_write_inode_raw(h, dir);
	}
out:
	ext4_stop(h);
	return err;
}

static int ext4_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	u32 tries = 0;
	int err;

	do
		err = make_directory(dir, d, mode);
	while (ext4_try_again(dir->i_sb, err, &tries));
	return err;
}

static int make_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	size_t len = strlen(target);
	struct ext4_handle *h;
	struct inode *inode;
	int err;

	if (len >= dir->i_sb->s_blocksize)
		return -ENAMETOOLONG;
	h = ext4_start_names(dir, EXT4_NEW_CREDITS);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	inode = ext4_new_inode(h, dir, S_IFLNK | 0777);
	err = IS_ERR(inode) ? (int)PTR_ERR(inode) : 0;
	if (err)
		goto out;
	if (len < sizeof(EXT4_I(inode)->i_block)) {
		EXT4_I(inode)->i_flags &= ~(u32)EXT4_EXTENTS_FL;
		memset(EXT4_I(inode)->i_block, 0, sizeof(EXT4_I(inode)->i_block));
		memcpy(EXT4_I(inode)->i_block, target, len);
	} else {
		u32 lblk;
		struct ext4_buf *b =
			ext4_dir_append(h, inode, &lblk); /* a metadata block, as in directories */

		err = IS_ERR(b) ? (int)PTR_ERR(b) : 0;
		if (!err) {
			memcpy(b->data, target, len);
			ext4_dirty(h, b);
			ext4_brelse(b);
		}
	}
	i_size_write(inode, (loff_t)len);
	EXT4_I(inode)->disksize = (loff_t)len;
	ext4_set_inode_ops(inode);
	if (!err) {
		err = add_name(h, dir, d, inode);
	} else {
		clear_nlink(inode);
		ext4_write_inode_raw(h, inode);
		ext4_orphan_add(h, inode);
		unlock_new_inode(inode);
		iput(inode);
	}
out:
	ext4_stop(h);
	return err;
}

static int ext4_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	u32 tries = 0;
	int err;

	do
		err = make_symlink(dir, d, target);
	while (ext4_try_again(dir->i_sb, err, &tries));
	return err;
}

static int make_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *inode = d_inode(old);
	struct ext4_handle *h;
	int err;

	if (inode->i_nlink >= EXT4_LINK_MAX)
		return -EMLINK;
	h = ext4_start_names(dir, EXT4_NEW_CREDITS);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = ext4_dir_add(h, dir, &d->d_name, (u32)inode->i_ino, inode->i_mode);
	if (!err) {
		if (!inode->i_nlink) /* an O_TMPFILE inode gets a name */
			ext4_orphan_del(h, inode);
		inode->i_ctime = current_time(inode);
		inc_nlink(inode);
		ext4_write_inode_raw(h, inode);
		ihold(inode);
		d_instantiate(d, inode);
	}
	ext4_stop(h);
	return err;
}

static int ext4_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	u32 tries = 0;
	int err;

	do
		err = make_link(old, dir, d);
	while (ext4_try_again(dir->i_sb, err, &tries));
	return err;
}

/* ---- removing ---- */

struct ext4_buf *ext4_entry_of(
	struct inode *dir, struct dentry *d, struct inode *inode, struct ext4_dir_entry **de)
{
	struct ext4_buf *b = ext4_dir_find(dir, &d->d_name, de);

	if (!b)
		return ERR_PTR(-ENOENT);
	if (!IS_ERR(b) && (*de)->inode != inode->i_ino) {
		ext4_brelse(b);
		return ERR_PTR(-EFSCORRUPTED);
	}
	return b;
}

int ext4_entry_remove(
	struct ext4_handle *h, struct inode *dir, struct dentry *d, struct inode *inode)
{
	struct ext4_dir_entry *de;
	struct ext4_buf *b = ext4_entry_of(dir, d, inode, &de);
	int err;

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	err = ext4_dir_remove(h, dir, b, de);
	ext4_brelse(b);
	return err;
}

void ext4_lose_link(struct ext4_handle *h, struct inode *inode)
{
	inode->i_ctime = current_time(inode);
	if (S_ISDIR(inode->i_mode)) {
		clear_nlink(inode);
		i_size_write(inode, inode->i_size);
	} else if (inode->i_nlink) {
		drop_nlink(inode);
	}
	if (!inode->i_nlink)
		ext4_orphan_add(h, inode);
	ext4_write_inode_raw(h, inode);
}

static int ext4_unlink(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d_inode(d);
	struct ext4_handle *h = ext4_start_names(
		dir, EXT4_DIR_CREDITS + EXT4_ALLOC_CREDITS + 4 * EXT4_INODE_CREDITS);
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = ext4_entry_remove(h, dir, d, inode);
	if (!err)
		ext4_lose_link(h, inode);
	ext4_stop(h);
	return err;
}

int ext4_dir_empty(struct inode *dir)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	u32 lblk, off;

	for (lblk = 0; lblk < ext4_dir_nr_blocks(dir); lblk++) {
		struct ext4_buf *b = ext4_dir_block(dir, lblk);
		bool found = false;

		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		if (!b)
			continue;
		for (off = 0; off < sbi->block_size && !found;
			off += ext4_rec_len(sbi, (const void *)(b->data + off))) {
			const struct ext4_dir_entry *de = (const void *)(b->data + off);

			found = de->inode && !(de->name_len == 1 && de->name[0] == '.') &&
				!(de->name_len == 2 && de->name[0] == '.' && de->name[1] == '.');
		}
		ext4_brelse(b);
		if (found)
			return -ENOTEMPTY;
		cond_resched();
		if (!current->journal_info && fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int ext4_rmdir(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d_inode(d);
	struct ext4_handle *h;
	int err = ext4_dir_empty(inode);

	if (err)
		return err;
	h = ext4_start_names(dir, EXT4_DIR_CREDITS + EXT4_ALLOC_CREDITS + 4 * EXT4_INODE_CREDITS);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = ext4_entry_remove(h, dir, d, inode);
	if (!err) {
		ext4_lose_link(h, inode);
		ext4_dir_count_dec(dir);
		ext4_write_inode_raw(h, dir);
	}
	ext4_stop(h);
	return err;
}

const struct inode_operations ext4_dir_iops = {
	.lookup = ext4_lookup,
	.create = ext4_create,
	.link = ext4_link,
	.unlink = ext4_unlink,
	.symlink = ext4_symlink,
	.mkdir = ext4_mkdir,
	.rmdir = ext4_rmdir,
	.mknod = ext4_mknod,
	.rename = ext4_rename,
	.tmpfile = ext4_tmpfile,
	.setattr = ext4_setattr,
	.extent_at = ext4_extent_at,
	.xattr_extent = ext4_xattr_extent,
	.getxattr = ext4_getxattr,
	.setxattr = ext4_setxattr,
	.listxattr = ext4_listxattr,
	EXT4_FLAG_OPS,
};
