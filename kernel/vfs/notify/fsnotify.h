/* SPDX-License-Identifier: MIT */
/*
 * fsnotify.h: reports events of files to inotify, fanotify and F_NOTIFY. The calls are cheap while
 * there are no watchers. All may sleep. @mask: IN_*. The caller has references to what it passes.
 */
#ifndef NESTLING_VFS_FSNOTIFY_H
#define NESTLING_VFS_FSNOTIFY_H

#include "kernel/lib/types.h"

struct dentry;
struct file;
struct inode;
struct mount;
struct super_block;

/* Reports an event to the watches of the inode itself. */
void fsnotify_inode(struct inode *inode, u32 mask);
/*
 * Reports to the watches of @dir that its entry @name (@len bytes) was made, removed or renamed.
 * The two events of a rename have one @cookie, other events 0. @child: its inode.
 */
void fsnotify_name(
	struct inode *dir, u32 mask, struct inode *child, const char *name, u32 len, u32 cookie);
/* Reports an event to the watches of the inode and of the directory that holds its name. */
void fsnotify_dentry(struct dentry *d, u32 mask);
/* Reports an event as fsnotify_dentry() does, unless f_mode has FMODE_NONOTIFY. */
void fsnotify_file(struct file *f, u32 mask);
/* Reports FAN_RENAME of @child from @was in @odir to @name in @ndir, to fanotify only. */
void fsnotify_rename(struct inode *odir, struct inode *ndir, struct inode *child, const char *was,
	u32 was_len, const char *name, u32 len); /* lengths in bytes */
/*
 * Asks the listeners that may forbid the access, and waits for their answers. @mask:
 * FSNOTIFY_*_PERM. Called without locks. Returns 0, or -errno to refuse, mostly -EPERM.
 */
int fsnotify_permission(struct file *f, u32 mask);
#define FSNOTIFY_OPEN_PERM 0x10000
#define FSNOTIFY_ACCESS_PERM 0x20000
/*
 * Remove the watches of an object that is about to be freed. fsnotify_sb_gone() also removes those
 * of the superblock's inodes.
 */
void fsnotify_mount_gone(struct mount *m);
void fsnotify_sb_gone(struct super_block *sb);
void fsnotify_inode_gone(struct inode *inode);
/*
 * Notifies the users of F_NOTIFY of an event in @dir. @in: IN_*; @renamed: a rename within @dir.
 * Called only if i_dnotify is set.
 */
void dnotify_signal(struct inode *dir, u32 in, bool renamed);

#endif
