/* SPDX-License-Identifier: MIT */
/*
 * namei.h: what namei.c and rename.c share: names of a directory and links of an inode. The caller
 * holds the i_rwsem of the directories and, where @h is passed, a handle with enough credits.
 */
#ifndef NESTLING_EXT4_NAMEI_H
#define NESTLING_EXT4_NAMEI_H

#include "kernel/fs/ext4/dir.h"

#define EXT4_LINK_MAX 65000
#define EXT4_NEW_CREDITS (EXT4_DIR_CREDITS + 3 * EXT4_ALLOC_CREDITS + 4 * EXT4_INODE_CREDITS)

/*
 * Begins a handle for changes of names in the directory, whose end waits for the commit if the
 * directory is synchronous. Returns ERR_PTR if ext4_start() does.
 */
struct ext4_handle *ext4_start_names(struct inode *dir, u32 credits);
/*
 * Returns the block with the entry of @d, referenced, and sets *de. Returns ERR_PTR(-ENOENT) if
 * there is no entry, ERR_PTR(-EFSCORRUPTED) if it does not lead to @inode, or another ERR_PTR.
 */
struct ext4_buf *ext4_entry_of(
	struct inode *dir, struct dentry *d, struct inode *inode, struct ext4_dir_entry **de);
/* Removes the entry of @d, which must lead to @inode. Returns 0 or -errno. */
int ext4_entry_remove(
	struct ext4_handle *h, struct inode *dir, struct dentry *d, struct inode *inode);
/*
 * Drops a link of the inode. After the last link, the inode is an orphan until it has no user any
 * more.
 */
void ext4_lose_link(struct ext4_handle *h, struct inode *inode);
/*
 * Count one name of the directory ("." or "..") more or less. A count that reaches EXT4_LINK_MAX
 * becomes 1 and stays 1 (feature dir_nlink). The caller writes the inode.
 */
void ext4_dir_count_inc(struct inode *dir);
void ext4_dir_count_dec(struct inode *dir);
/*
 * Returns 0 if the directory is empty, -ENOTEMPTY, -EINTR after a fatal signal, or another -errno.
 */
int ext4_dir_empty(struct inode *dir);
/* Implements rename(2) of the VFS: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. */
int ext4_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags);

#endif
