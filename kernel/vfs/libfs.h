/* SPDX-License-Identifier: MIT */
/*
 * libfs.h: generic pieces for memory file systems and for trees that the kernel fills (devpts,
 * sysfs).
 */
#ifndef NESTLING_VFS_LIBFS_H
#define NESTLING_VFS_LIBFS_H

#include "kernel/vfs/vfs.h"

/*
 * Directories of memory file systems (libfs.c), whose entries exist in the dcache only.
 * simple_dir_add() makes a dentry an entry that stays in the dcache, and returns 0 or -ENOMEM.
 * simple_dir_remove() removes the entry. The directory's i_rwsem is held for writing.
 */
extern const struct file_operations simple_dir_operations;
int simple_dir_add(struct inode *dir, struct dentry *d);
/*
 * Adds a new inode by simple_dir_add(), with its results. The caller's reference passes to the
 * dentry, or is dropped on an error.
 */
int simple_dir_add_new(struct inode *dir, struct dentry *d, struct inode *inode);
void simple_dir_remove(struct inode *dir, struct dentry *d);
bool simple_dir_empty(struct inode *dir); /* true if it has no entries */
void simple_dir_free(struct inode *dir);  /* called at eviction */
/*
 * Operations (inode_operations) for such directories. simple_lookup() finds nothing, since all
 * entries are cached. simple_rename() serves RENAME_NOREPLACE and RENAME_EXCHANGE.
 */
struct dentry *simple_lookup(struct inode *dir, struct dentry *d, u32 flags);
int simple_link(struct dentry *old, struct inode *dir, struct dentry *d);
int simple_unlink(struct inode *dir, struct dentry *d);
int simple_rmdir(struct inode *dir, struct dentry *d);
int simple_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *nd, u32 flags);
int simple_setattr(struct dentry *d, struct iattr *attr); /* a new size has no effect */
/*
 * Makes an entry of a read-only tree that the kernel fills (devpts, sysfs). Takes over the
 * reference to @inode, even on failure, and takes the parent's i_rwsem. Returns the dentry with a
 * reference, or ERR_PTR(-EEXIST, -ENOMEM). @name is copied.
 */
struct dentry *simple_add_entry(struct dentry *parent, const char *name, struct inode *inode);
/*
 * Removes the whole subtree. Takes i_rwsem of the directories. The caller keeps its reference to
 * @d.
 */
void simple_remove_entry(struct dentry *d);
/* A get_link operation that returns i_link. */
const char *simple_get_link(struct dentry *d, struct inode *inode, char **to_free);

#endif
