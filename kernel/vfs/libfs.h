/* SPDX-License-Identifier: MIT */
/* libfs.h: generic pieces of memory file systems and of trees that the kernel fills. */
#ifndef NESTLING_VFS_LIBFS_H
#define NESTLING_VFS_LIBFS_H

#include "kernel/vfs/vfs.h"

/*
 * Directories of memory file systems (libfs.c): the dcache is the directory. simple_dir_add() makes
 * a dentry an entry that stays (0 or -ENOMEM; the directory's i_rwsem is held), simple_dir_remove()
 * removes it.
 */
extern const struct file_operations simple_dir_operations;
int simple_dir_add(struct inode *dir, struct dentry *d);
/*
 * Adds a new inode like simple_dir_add(). The reference goes to the dentry; an inode that cannot
 * get a name is dropped.
 */
int simple_dir_add_new(struct inode *dir, struct dentry *d, struct inode *inode);
void simple_dir_remove(struct inode *dir, struct dentry *d);
bool simple_dir_empty(struct inode *dir);
void simple_dir_free(struct inode *dir); /* evict_inode: drops the table */
struct dentry *simple_lookup(struct inode *dir, struct dentry *d, u32 flags);
int simple_link(struct dentry *old, struct inode *dir, struct dentry *d);
int simple_unlink(struct inode *dir, struct dentry *d);
int simple_rmdir(struct inode *dir, struct dentry *d);
int simple_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *nd, u32 flags);
int simple_setattr(struct dentry *d, struct iattr *attr);
/*
 * Makes an entry of a read-only tree that the kernel fills (devpts, sysfs): the dentry with a
 * reference, ERR_PTR.
 */
struct dentry *simple_add_entry(struct dentry *parent, const char *name, struct inode *inode);
void simple_remove_entry(struct dentry *d); /* whole subtree */
const char *simple_get_link(struct dentry *d, struct inode *inode, char **to_free); /* i_link */

#endif
