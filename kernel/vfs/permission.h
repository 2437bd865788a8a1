/* SPDX-License-Identifier: MIT */
/*
 * permission.h: checks whether current may use a file. Functions return 0 or -errno, mostly -EACCES
 * or -EPERM; predicates are true if current may.
 */
#ifndef NESTLING_VFS_PERMISSION_H
#define NESTLING_VFS_PERMISSION_H

#include "kernel/lib/types.h"

struct file;
struct inode;
struct path;

/* Bits of a mask: what current wants to do. The first three may be combined. */
#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4
#define MAY_APPEND 8
#define MAY_ACCESS 16 /* access(2): nothing is done */
#define MAY_OPEN 32   /* at open(2) */
#define MAY_CHDIR 64  /* a directory becomes root or cwd */

/*
 * Checks mode bits, ACL and capabilities only, for i_op->permission. Other bits of @mask are
 * ignored.
 */
int generic_permission(struct inode *inode, int mask);
/*
 * Checks everything: also read-only file systems (-EROFS), immutable files (-EPERM),
 * i_op->permission and devices. Uses the map that is entered (idmap.h). May sleep.
 */
int inode_permission(struct inode *inode, int mask);
/* Checks permission (@mask: MAY_*) through the path's mount (idmap.h). */
int path_permission(const struct path *p, int mask);
/* True if current owns the file or has CAP_FOWNER over it. */
bool inode_owner_or_capable(const struct inode *inode);
bool path_owner_or_capable(const struct path *p); /* through the path's mount */
/*
 * Translate an id that the file system of @f stores, such as i_uid, into the id seen through the
 * mount of @f. Return -1 if the id has no counterpart.
 */
kuid_t file_seen_uid(const struct file *f, kuid_t kept);
kgid_t file_seen_gid(const struct file *f, kgid_t kept);

#endif
