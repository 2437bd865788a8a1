/* SPDX-License-Identifier: MIT */
/*
 * acl.h: POSIX access control lists, on file systems whose superblock has SB_I_POSIXACL.
 *
 * A file system keeps the two attributes system.posix_acl_access and system.posix_acl_default by
 * its getxattr and setxattr, in the form of acl(5)'s attributes (linux/posix_acl_xattr.h), and
 * calls acl_changed() when it has stored one. Its create, mkdir, mknod and tmpfile call
 * acl_inherit() before the inode has a name. All else is done by vfs.
 */
#ifndef NESTLING_VFS_ACL_H
#define NESTLING_VFS_ACL_H

#include "kernel/vfs/vfs.h"

/*
 * i_acl, i_default_acl: not read since they changed. NULL: there is none. Odd words in general: a
 * task is reading it.
 */
#define ACL_UNREAD ((struct posix_acl *)1)

static inline bool acl_unread(const struct posix_acl *acl)
{
	return (u64)acl & 1;
}
bool is_acl_name(const char *name); /* system.posix_acl_* */
/*
 * Checks the list for a caller that does not own the inode, for generic_permission(): 0, -EACCES;
 * -EAGAIN: there is no list. Others: it could not be read.
 */
int acl_permission(struct inode *inode, int mask);
/*
 * Translates the ids of an attribute's value, in place, from those kept to those seen through @m.
 */
void acl_value_seen(const struct mount *m, void *value, size_t size);
/* Serves getxattr(2); ids are those of current's user namespace. */
ssize_t acl_get(struct inode *inode, const char *name, void *buf, size_t size);
/* Sets a list; @value NULL: removes it. i_rwsem held. */
int acl_set(struct dentry *d, const char *name, const void *value, size_t size);
/*
 * Returns the mode of a new file in @dir (S_IFDIR: a directory): without the umask's bits, unless a
 * default list decides instead.
 */
umode_t acl_umask(struct inode *dir, umode_t mode);
/* Applies @dir's default list to the new inode, and sets its mode. */
int acl_inherit(struct inode *dir, struct inode *inode);
/* True if acl_inherit() may store a list. */
bool acl_inherits(struct inode *dir);
/* Adapts the list to i_mode after chmod(2). i_rwsem held. */
int acl_chmod(struct inode *inode);
void acl_changed(struct inode *inode);
void acl_free(struct inode *inode); /* with the inode */

#endif
