/* SPDX-License-Identifier: MIT */
/*
 * permission.h: whether current may use a file. 0 or -errno, mostly -EACCES or -EPERM; a predicate
 * is true if current may.
 *
 * A caller that has a path checks through its mount (path_permission()), which may map ids
 * (kernel/vfs/idmap.h) or be read-only. A file system checks its inodes.
 */
#ifndef NESTLING_VFS_PERMISSION_H
#define NESTLING_VFS_PERMISSION_H

#include "kernel/lib/types.h"

struct file;
struct inode;
struct path;

#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4
#define MAY_APPEND 8
#define MAY_ACCESS 16
#define MAY_OPEN 32
#define MAY_CHDIR 64

int generic_permission(struct inode *inode, int mask);
int inode_permission(struct inode *inode, int mask);
/* Checks permission through a mount (idmap.h). */
int path_permission(const struct path *p, int mask);
bool inode_owner_or_capable(const struct inode *inode);
bool path_owner_or_capable(const struct path *p); /* through a mount */
/* Translates an id of the file system of @f, such as i_uid, through its mount; -1: unmapped. */
kuid_t file_seen_uid(const struct file *f, kuid_t kept);
kgid_t file_seen_gid(const struct file *f, kgid_t kept);

#endif
