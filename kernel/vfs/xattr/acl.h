/* SPDX-License-Identifier: MIT */
/*
 * acl.h: POSIX access control lists, on file systems whose superblock has SB_I_POSIXACL.
 *
 * A file system stores the attributes system.posix_acl_access and system.posix_acl_default by its
 * getxattr and setxattr, in the form of linux/posix_acl_xattr.h. It calls acl_changed() after it
 * has stored one. Its create, mkdir, mknod and tmpfile call acl_inherit() before the inode has a
 * name. vfs does the rest.
 *
 * Functions of type int return 0 or -errno. They and acl_get() may read the list from the disk, and
 * so may sleep.
 */
#ifndef NESTLING_VFS_ACL_H
#define NESTLING_VFS_ACL_H

#include "kernel/vfs/vfs.h"

/*
 * The value of i_acl and i_default_acl before the list was read and after it changed. NULL means
 * that the inode has no list. Any other odd value marks a task that is reading the list.
 */
#define ACL_UNREAD ((struct posix_acl *)1)

/* True if a value of i_acl or i_default_acl means that the list is not cached. */
static inline bool acl_unread(const struct posix_acl *acl)
{
	return (u64)acl & 1;
}
bool is_acl_name(const char *name); /* true for system.posix_acl_* */
/*
 * Checks the list for generic_permission(), if current does not own the inode. Returns 0 or
 * -EACCES; -EAGAIN: the mode decides, since there is no list or its mask is empty; other errors:
 * the list could not be read.
 */
int acl_permission(struct inode *inode, int mask);
/*
 * Translates the ids in an attribute's value of @size bytes, in place, from the stored ids to those
 * seen through @m.
 */
void acl_value_seen(const struct mount *m, void *value, size_t size);
/*
 * Serves getxattr(2): returns the bytes of the list, or -errno; -ENODATA: there is none;
 * -EOPNOTSUPP: the inode cannot have one; -ERANGE: @buf is too small. @buf NULL: returns only the
 * size. Ids are those in current's user namespace.
 */
ssize_t acl_get(struct inode *inode, const char *name, void *buf, size_t size);
/*
 * Sets a list, as setxattr(2). @value NULL, @size 0 or a value without entries removes the list.
 * i_rwsem is held for writing.
 */
int acl_set(struct dentry *d, const char *name, const void *value, size_t size);
/*
 * Returns the mode of a new file in @dir (S_IFDIR: a directory). The umask's bits are removed,
 * unless @dir has a default list, which decides instead. The set-group-ID bit of a program is
 * removed if the caller may not set it for the group that the file gets from @dir.
 */
umode_t acl_umask(struct inode *dir, umode_t mode);
/*
 * Applies @dir's default list, if there is one, to the new inode, and narrows the inode's mode by
 * the list. Does nothing for a symbolic link.
 */
int acl_inherit(struct inode *dir, struct inode *inode);
/* True if acl_inherit() might store a list. */
bool acl_inherits(struct inode *dir);
/* Adapts the list to i_mode after chmod(2). i_rwsem is held for writing. */
int acl_chmod(struct inode *inode);
void acl_changed(struct inode *inode); /* forgets the cached lists; does not sleep */
void acl_free(struct inode *inode);    /* called when the inode is freed */

#endif
