/* SPDX-License-Identifier: MIT */
/*
 * file_caps.h: security.capability, which says for the root of which user namespace it is meant: version 2 for that of the file system's
 * namespace, version 3 for another, by its number there.
 */
#ifndef NESTLING_VFS_FILE_CAPS_H
#define NESTLING_VFS_FILE_CAPS_H

#include "kernel/vfs/super.h"

struct vfs_ns_cap_data;

/* Is that id the root of current's user namespace, or of one above? */
bool root_is_ours(kuid_t root);
/* What a program sets, as the file system keeps it: the bytes at @to, or -EINVAL, -EPERM. */
ssize_t file_caps_in(
	const struct inode *inode, const void *value, size_t size, struct vfs_ns_cap_data *to);
/* As getxattr(2): as current's namespace sees it. -EOVERFLOW: it is another's, who has no number here. */
ssize_t file_caps_get(struct inode *inode, void *buf, size_t size);

#endif
