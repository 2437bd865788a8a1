/* SPDX-License-Identifier: MIT */
/*
 * namei.c: names: lookup, creation, removal and renaming.
 *
 * Each operation makes all its changes (the new inode, its name, the counts) under one handle. The
 * VFS holds the i_rwsem of the directories and has checked permissions and existence. A new inode
 * is written before its name. While it is I_NEW, the write replaces its whole slot on disk. If
 * adding the name fails, the inode is freed again.
 */
#include <linux/fs.h>

#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/xattr/acl.h"

#define EXT4_LINK_MAX 65000
#define NEW_CREDITS (EXT4_DIR_CREDITS + 3 * EXT4_ALLOC_CREDITS + 4 * EXT4_INODE_CREDITS)

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
		if (ino == dir->i_ino) {
			ext4_error_inode(
				dir, "directory %lu has an entry that is itself", dir->i_ino);
			return ERR_PTR(-EFSCORRUPTED);
		}
		inode = ext4_iget(dir->i_sb, ino);
		if (!IS_ERR(inode) && EXT4_I(inode)->i_flags & EXT4_EA_INODE_FL) {
			iput(inode);
			ext4_error_inode(dir,
				"directory %lu names inode %u, which is an attribute's value",
				dir->i_ino, ino);
			return ERR_PTR(-EFSCORRUPTED);
		}
		if (inode == ERR_PTR(-ESTALE)) {
			ext4_error_inode(dir, "directory %lu names inode %u, which is free",
				dir->i_ino, ino);
			return ERR_PTR(-EFSCORRUPTED);
		}
	}
	return d_splice_alias(inode, d);
}

/* ---- making: make_node() and the like try once, in one handle, and return 0 or -errno ---- */

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
	struct ext4_handle *h = ext4_start(dir->i_sb, NEW_CREDITS);
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
	struct ext4_handle *h = ext4_start(dir->i_sb, NEW_CREDITS);
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

/*
 * Counts one more name of the directory ("." or ".."). A count that reaches EXT4_LINK_MAX becomes 1
 * and stays 1 (feature dir_nlink). After this function and after dec_dir_count(), the caller writes
 * the inode.
 */
static void inc_dir_count(struct inode *dir)
{
	if (dir->i_nlink == 1)
		return;
	inc_nlink(dir);
	if (dir->i_nlink >= EXT4_LINK_MAX &&
		EXT4_HAS(EXT4_SB(dir->i_sb), ro_compat, RO_COMPAT_DIR_NLINK))
		set_nlink(dir, 1);
}

static void dec_dir_count(struct inode *dir)
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
	h = ext4_start(dir->i_sb, NEW_CREDITS);
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
		inc_dir_count(dir);
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
	h = ext4_start(dir->i_sb, NEW_CREDITS);
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
	h = ext4_start(dir->i_sb, NEW_CREDITS);
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

/*
 * Returns the block with the entry of @d, referenced, and sets *de. Returns ERR_PTR(-ENOENT) if
 * there is no entry, ERR_PTR(-EFSCORRUPTED) if it does not lead to @inode, or another ERR_PTR.
 */
static struct ext4_buf *entry_of(
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

/* Removes the entry of @d, which must lead to @inode. Returns 0 or -errno. */
static int remove_entry(
	struct ext4_handle *h, struct inode *dir, struct dentry *d, struct inode *inode)
{
	struct ext4_dir_entry *de;
	struct ext4_buf *b = entry_of(dir, d, inode, &de);
	int err;

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	err = ext4_dir_remove(h, dir, b, de);
	ext4_brelse(b);
	return err;
}

/*
 * Drops a link of the inode. After the last link, the inode is an orphan until it has no user any
 * more.
 */
static void lose_link(struct ext4_handle *h, struct inode *inode)
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
	struct ext4_handle *h = ext4_start(
		dir->i_sb, EXT4_DIR_CREDITS + EXT4_ALLOC_CREDITS + 4 * EXT4_INODE_CREDITS);
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = remove_entry(h, dir, d, inode);
	if (!err)
		lose_link(h, inode);
	ext4_stop(h);
	return err;
}

/*
 * Returns 0 if the directory is empty, -ENOTEMPTY, -EINTR after a fatal signal, or another -errno.
 */
static int is_empty(struct inode *dir)
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
	int err = is_empty(inode);

	if (err)
		return err;
	h = ext4_start(dir->i_sb, EXT4_DIR_CREDITS + EXT4_ALLOC_CREDITS + 4 * EXT4_INODE_CREDITS);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = remove_entry(h, dir, d, inode);
	if (!err) {
		lose_link(h, inode);
		dec_dir_count(dir);
		ext4_write_inode_raw(h, dir);
	}
	ext4_stop(h);
	return err;
}

/* ---- renaming ---- */

/*
 * Makes the entry @de in @b lead to the inode @now. The caller has a reference to the block with
 * @dir's inode. Returns 0 or -errno.
 */
static int change_entry(struct ext4_handle *h, struct inode *dir, struct ext4_buf *b,
	struct ext4_dir_entry *de, const struct inode *now)
{
	int err;

	de->inode = (u32)now->i_ino;
	if (EXT4_HAS(EXT4_SB(dir->i_sb), incompat, INCOMPAT_FILETYPE)) {
		static const u8 types[16] = {
			[1] = 5, [2] = 3, [4] = 2, [6] = 4, [8] = 1, [10] = 7, [12] = 6
		};

		de->file_type = types[(now->i_mode & S_IFMT) >> 12];
	}
	err = ext4_leaf_dirty(h, dir, b);
	dir->i_mtime = dir->i_ctime = current_time(dir);
	return err ? err : ext4_write_inode_raw(h, dir);
}

/*
 * Makes the entry of @d lead to @now instead of @was. As in dir.c (home_block()), the block with
 * the directory's inode is read before the change. Returns 0 or -errno.
 */
static int set_entry(struct ext4_handle *h, struct inode *dir, struct dentry *d, struct inode *was,
	struct inode *now)
{
	struct ext4_disk_inode *raw;
	struct ext4_dir_entry *de;
	struct ext4_buf *home = ext4_raw_inode(dir, &raw), *b;
	int err;

	if (IS_ERR(home))
		return (int)PTR_ERR(home);
	b = entry_of(dir, d, was, &de);
	err = IS_ERR(b) ? (int)PTR_ERR(b) : change_entry(h, dir, b, de, now);
	if (!IS_ERR(b))
		ext4_brelse(b);
	ext4_brelse(home);
	return err;
}

/*
 * Returns the block with the directory's "..", referenced, which is read and checked before any
 * name changes. Returns NULL if the rename will not change ".." (@change), and ERR_PTR on failure.
 */
static struct ext4_buf *parent_block(struct inode *inode, bool change)
{
	struct qstr dotdot = { .name = "..", .len = 2 };
	struct ext4_buf *b;

	if (!change || !S_ISDIR(inode->i_mode))
		return NULL;
	b = ext4_dir_block(inode, 0);
	if (!b)
		return ERR_PTR(-EFSCORRUPTED);
	if (!IS_ERR(b) && !ext4_leaf_find(EXT4_SB(inode->i_sb), b->data, &dotdot)) {
		ext4_brelse(b);
		return ERR_PTR(-EFSCORRUPTED);
	}
	return b;
}

/* @b: a result of parent_block(), also NULL or ERR_PTR */
static void parent_block_put(struct ext4_buf *b)
{
	if (!IS_ERR_OR_NULL(b))
		ext4_brelse(b);
}

/* Writes @parent into the directory's "..". Returns 0 or -errno. */
static int write_parent(struct ext4_handle *h, struct inode *inode, struct inode *parent)
{
	struct ext4_buf *b = ext4_dir_block(inode, 0);
	struct ext4_dir_entry *de;
	struct qstr dotdot = { .name = "..", .len = 2 };
	int err = 0;

	if (IS_ERR_OR_NULL(b))
		return b ? (int)PTR_ERR(b) : -EFSCORRUPTED;
	de = ext4_leaf_find(EXT4_SB(inode->i_sb), b->data, &dotdot);
	if (!de) {
		ext4_brelse(b);
		return -EFSCORRUPTED;
	}
	de->inode = (u32)parent->i_ino;
	if (EXT4_I(inode)->i_flags & EXT4_INDEX_FL) {
		ext4_htree_root_csum(inode, b);
		ext4_dirty(h, b);
	} else {
		err = ext4_leaf_dirty(h, inode, b);
	}
	ext4_brelse(b);
	return err;
}

/*
 * Sets ".." of a directory whose name has moved. A failure is reported as an error of the file
 * system and not returned: both names are changed by then, so the rename has succeeded.
 */
static void set_parent(struct ext4_handle *h, struct inode *inode, struct inode *parent)
{
	int err = write_parent(h, inode, parent);

	if (err)
		ext4_error(inode->i_sb, "inode %lu: '..' of a moved directory was not set (%d)",
			(unsigned long)inode->i_ino, err);
}

/*
 * Undoes the change of the new name after the old one could not be removed. Cannot fail by a read
 * error, since the blocks were just changed and are in memory.
 */
static void undo_new_name(struct ext4_handle *h, struct inode *ndir, struct dentry *new,
	struct inode *inode, struct inode *victim)
{
	int err =
		victim ? set_entry(h, ndir, new, inode, victim) : remove_entry(h, ndir, new, inode);

	if (err)
		ext4_error(ndir->i_sb, "inode %lu: half of a rename could not be undone (%d)",
			(unsigned long)ndir->i_ino, err);
}

/* Exchanges the two names in the handle. Returns 0 or -errno. */
static int exchange(struct ext4_handle *h, struct inode *odir, struct dentry *old,
	struct inode *ndir, struct dentry *new)
{
	struct inode *a = d_inode(old), *b = d_inode(new);
	int err = set_entry(h, odir, old, a, b);

	if (!err) {
		err = set_entry(h, ndir, new, b, a);
		if (err)
			undo_new_name(h, odir, old, b, a);
	}
	if (!err && odir != ndir) {
		if (S_ISDIR(a->i_mode))
			set_parent(h, a, ndir);
		if (S_ISDIR(b->i_mode))
			set_parent(h, b, odir);
		if (S_ISDIR(a->i_mode) != S_ISDIR(b->i_mode)) {
			struct inode *gains = S_ISDIR(a->i_mode) ? ndir : odir,
				     *loses = gains == ndir ? odir : ndir;

			inc_dir_count(gains);
			dec_dir_count(loses);
		}
	}
	a->i_ctime = b->i_ctime = current_time(a);
	ext4_write_inode_raw(h, a);
	ext4_write_inode_raw(h, b);
	ext4_write_inode_raw(h, odir);
	ext4_write_inode_raw(h, ndir);
	return err;
}

static int cross_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new)
{
	struct ext4_buf *a = parent_block(d_inode(old), odir != ndir), *b;
	struct ext4_handle *h;
	int err;

	if (IS_ERR(a))
		return (int)PTR_ERR(a);
	b = parent_block(d_inode(new), odir != ndir);
	err = IS_ERR(b) ? (int)PTR_ERR(b) : 0;
	if (err)
		goto out;
	h = ext4_start(odir->i_sb, 2 * EXT4_DIR_CREDITS + 8 * EXT4_INODE_CREDITS);
	err = IS_ERR(h) ? (int)PTR_ERR(h) : exchange(h, odir, old, ndir, new);
	if (!IS_ERR(h))
		ext4_stop(h);
out:
	parent_block_put(a);
	parent_block_put(b);
	return err;
}

/*
 * Makes the inode of the whiteout that RENAME_WHITEOUT leaves under the old name. Returns ERR_PTR
 * on failure.
 */
static struct inode *new_whiteout(struct ext4_handle *h, struct inode *dir)
{
	struct inode *inode = ext4_new_inode(h, dir, S_IFCHR);

	if (IS_ERR(inode))
		return inode;
	ext4_set_inode_ops(inode);
	ext4_write_inode_raw(h, inode);
	unlock_new_inode(inode);
	return inode;
}

/*
 * Makes the new name lead to the inode, and removes the old name or makes it lead to @whiteout.
 * Returns 0, or -errno if neither name is changed.
 */
static int do_rename(struct ext4_handle *h, struct inode *odir, struct dentry *old,
	struct inode *ndir, struct dentry *new, struct inode *whiteout)
{
	struct inode *inode = d_inode(old), *victim = d_inode(new);
	bool dir = S_ISDIR(inode->i_mode);
	int err;

	if (victim)
		err = set_entry(h, ndir, new, victim, inode);
	else
		err = ext4_dir_add(h, ndir, &new->d_name, (u32)inode->i_ino, inode->i_mode);
	if (err)
		return err;
	/* Adding the name may have moved entries, so the old one is looked up only now. */
	err = whiteout ? set_entry(h, odir, old, inode, whiteout) :
			 remove_entry(h, odir, old, inode);
	if (err) {
		undo_new_name(h, ndir, new, inode, victim);
		return err;
	}
	if (dir && odir != ndir) {
		set_parent(h, inode, ndir);
		dec_dir_count(odir);
		if (!victim)
			inc_dir_count(ndir);
	} else if (dir && victim) {
		dec_dir_count(ndir);
	}
	if (victim)
		lose_link(h, victim);
	inode->i_ctime = current_time(inode);
	ext4_write_inode_raw(h, inode);
	ext4_write_inode_raw(h, odir);
	if (ndir != odir)
		ext4_write_inode_raw(h, ndir);
	return 0;
}

/* Renames in one handle. @white: RENAME_WHITEOUT. Returns 0 or -errno. */
static int move(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, bool white)
{
	struct inode *victim = d_inode(new), *whiteout = NULL;
	struct ext4_buf *above;
	struct ext4_handle *h;
	int err = 0;

	if (victim && S_ISDIR(victim->i_mode)) {
		err = is_empty(victim);
		if (err)
			return err;
	}
	if (S_ISDIR(d_inode(old)->i_mode) && odir != ndir && !victim &&
		ndir->i_nlink >= EXT4_LINK_MAX &&
		!EXT4_HAS(EXT4_SB(ndir->i_sb), ro_compat, RO_COMPAT_DIR_NLINK))
		return -EMLINK;
	/* auto_da_alloc: allocate the new file's data before the replaced file is removed */
	if (victim)
		ext4_flush_new(d_inode(old));
	above = parent_block(d_inode(old), odir != ndir);
	if (IS_ERR(above))
		return (int)PTR_ERR(above);
	h = ext4_start(odir->i_sb, 2 * NEW_CREDITS);
	if (IS_ERR(h)) {
		parent_block_put(above);
		return (int)PTR_ERR(h);
	}
	if (white) {
		whiteout = new_whiteout(h, odir);
		if (IS_ERR(whiteout))
			err = (int)PTR_ERR(whiteout);
	}
	if (!err)
		err = do_rename(h, odir, old, ndir, new, whiteout);
	if (whiteout && !IS_ERR(whiteout)) {
		if (err) {
			clear_nlink(whiteout);
			ext4_orphan_add(h, whiteout);
		}
		iput(whiteout);
	}
	ext4_stop(h);
	parent_block_put(above);
	return err;
}

static int ext4_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags)
{
	u32 tries = 0;
	int err;

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		return cross_rename(odir, old, ndir, new);
	do
		err = move(odir, old, ndir, new, flags & RENAME_WHITEOUT);
	while (ext4_try_again(odir->i_sb, err, &tries));
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
