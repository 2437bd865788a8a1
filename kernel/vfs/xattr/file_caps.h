/* SPDX-License-Identifier: MIT */
/*
 * file_caps.h: the attribute security.capability. It takes effect in one user namespace, which it
 * names by that namespace's root user. Version 2 means the namespace of the file system. Version 3
 * stores that root user's uid in the file system's namespace.
 */
#ifndef NESTLING_VFS_FILE_CAPS_H
#define NESTLING_VFS_FILE_CAPS_H

#include "kernel/vfs/super.h"

struct vfs_ns_cap_data;

/*
 * Converts @value of *size bytes (not 0), which current wants to set, into the stored form *keep,
 * and sets *size to the length of that. Returns 0, -EINVAL or -EPERM.
 */
int file_caps_to_keep(
	const struct inode *inode, const void *value, size_t *size, struct vfs_ns_cap_data *keep);
/*
 * Converts the stored attribute into the form that current sees, and writes it to @buf unless @size
 * is 0. Returns its bytes, or -errno: -ERANGE (@buf is too small), -EOVERFLOW (it belongs to
 * another namespace), -ENODATA and others. May sleep.
 */
ssize_t file_caps_to_show(struct inode *inode, void *buf, size_t size);

#endif
