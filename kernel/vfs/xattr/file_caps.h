/* SPDX-License-Identifier: MIT */
/*
 * file_caps.h: security.capability, which names the root user of the user namespace in which it
 * counts: version 2 for that of the file system's namespace, version 3 for another, by its number
 * there.
 */
#ifndef NESTLING_VFS_FILE_CAPS_H
#define NESTLING_VFS_FILE_CAPS_H

#include "kernel/vfs/super.h"

struct vfs_ns_cap_data;

/*
 * Converts @value of @size bytes (not 0), as set by current, into the stored form, and sets its
 * size. 0, -EINVAL or -EPERM.
 */
int file_caps_to_keep(
	const struct inode *inode, const void *value, size_t *size, struct vfs_ns_cap_data *keep);
/*
 * Converts the stored attribute into the form that current sees, and returns its bytes; @size 0:
 * only their number. -ERANGE, -EOVERFLOW (for another namespace), -ENODATA ...
 */
ssize_t file_caps_to_show(struct inode *inode, void *buf, size_t size);

#endif
