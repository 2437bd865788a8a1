/* SPDX-License-Identifier: MIT */
/*
 * simple_xattr.h: extended attributes of memory file systems. Sizes are in bytes, names end with a
 * NUL. The functions take simple_xattrs.lock themselves, except those that free all attributes.
 */
#ifndef NESTLING_VFS_SIMPLE_XATTR_H
#define NESTLING_VFS_SIMPLE_XATTR_H

#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/rbtree.h"

struct simple_xattrs {
	spinlock_t lock;
	/* The attributes, the newest first. This and the fields below are protected by @lock. */
	struct list_head list;
	struct rb_root tree; /* by name */
	size_t names_len;    /* bytes of all names with their NULs */
};
void simple_xattrs_init(struct simple_xattrs *x);
/*
 * Free all attributes when no task uses them any more. simple_xattrs_free() is for any context,
 * since groups are freed with locks held. simple_xattrs_evict() is for very many attributes and may
 * sleep.
 */
void simple_xattrs_free(struct simple_xattrs *x);
void simple_xattrs_evict(struct simple_xattrs *x);
/*
 * Returns the number of attributes whose names begin with @prefix, and sets *bytes to the sum of
 * the sizes of their values.
 */
u32 simple_xattrs_count(struct simple_xattrs *x, const char *prefix, size_t *bytes);
/*
 * Serve getxattr, setxattr and listxattr of inode_operations. simple_xattr_set() may sleep. Errors:
 * -ENODATA, -ERANGE (@buf is too small), -EEXIST, -ENOMEM.
 */
ssize_t simple_xattr_get(struct simple_xattrs *x, const char *name, void *buf, size_t size);
int simple_xattr_set(
	struct simple_xattrs *x, const char *name, const void *value, size_t size, int flags);
/*
 * As simple_xattr_set(), for a directory that any user may own. Returns -EOPNOTSUPP for names other
 * than user.*, trusted.* and security.*, and -ENOSPC for too many of user.*. The inode's i_rwsem is
 * held for writing.
 */
int simple_xattr_set_bounded(
	struct simple_xattrs *x, const char *name, const void *value, size_t size, int flags);
ssize_t simple_xattr_list(struct simple_xattrs *x, char *buf, size_t size);

#endif
