/* SPDX-License-Identifier: MIT */
/*
 * rename.c: renaming, exchanging and whiteouts. As in namei.c, all changes of a call are made under
 * one handle. What may fail is read and checked before the first name changes, or undone.
 */
#include <linux/fs.h>

#include "kernel/fs/ext4/namei.h"
#include "kernel/lib/string.h"

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
	b = ext4_entry_of(dir, d, was, &de);
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
	int err = victim ? set_entry(h, ndir, new, inode, victim) :
			   ext4_entry_remove(h, ndir, new, inode);

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

			ext4_dir_count_inc(gains);
			ext4_dir_count_dec(loses);
		}
	}
	a->i_ctime = b->i_ctime = current_time(a);
	ext4_write_inode_raw(h, a);
	ext4_write_inode_raw(h, b);
	ext4_write_inode_raw(h, odir);
	ext4_write_inode_raw(h, ndir);
	return err;
}

/* Begins a handle, whose end waits for the commit if one of the directories is synchronous. */
static struct ext4_handle *start_rename(struct inode *odir, struct inode *ndir, u32 credits)
{
	struct ext4_handle *h = ext4_start_names(odir, credits);

	if (!IS_ERR(h) && inode_is_dirsync(ndir))
		ext4_stop_waits(h);
	return h;
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
	h = start_rename(odir, ndir, 2 * EXT4_DIR_CREDITS + 8 * EXT4_INODE_CREDITS);
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
			 ext4_entry_remove(h, odir, old, inode);
	if (err) {
		undo_new_name(h, ndir, new, inode, victim);
		return err;
	}
	if (dir && odir != ndir) {
		set_parent(h, inode, ndir);
		ext4_dir_count_dec(odir);
		if (!victim)
			ext4_dir_count_inc(ndir);
	} else if (dir && victim) {
		ext4_dir_count_dec(ndir);
	}
	if (victim)
		ext4_lose_link(h, victim);
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
		err = ext4_dir_empty(victim);
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
	h = start_rename(odir, ndir, 2 * EXT4_NEW_CREDITS);
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

int ext4_rename(
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
