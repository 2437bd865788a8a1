/* SPDX-License-Identifier: MIT */
/*
 * file_caps.c: security.capability between a program's user namespace and the file system's (capabilities(7), "Namespaced file
 * capabilities"). What exec makes of it: kernel/task/exec_cred.c.
 */
#include <linux/capability.h>
#include <linux/xattr.h>

#include "kernel/vfs/file_caps.h"
#include "kernel/vfs/internal.h"

bool root_is_ours(kuid_t root)
{
	const struct user_namespace *ns;

	if (!uid_valid(root))
		return false;
	for (ns = current_user_ns(); ns; ns = ns->parent)
		if (from_kuid(ns, root) == 0)
			return true;
	return false;
}

/* Version 2 or 3 in its right size; 0: neither. */
static u32 version(const void *value, size_t size)
{
	const struct vfs_ns_cap_data *d = value;
	u32 magic;

	if (size != XATTR_CAPS_SZ_2 && size != XATTR_CAPS_SZ_3)
		return 0;
	magic = d->magic_etc & ~VFS_CAP_FLAGS_EFFECTIVE;
	if (size == XATTR_CAPS_SZ_2)
		return magic == VFS_CAP_REVISION_2 ? 2 : 0;
	return magic == VFS_CAP_REVISION_3 ? 3 : 0;
}

static u32 magic_of(u32 revision, const struct vfs_ns_cap_data *d)
{
	return revision | (d->magic_etc & VFS_CAP_FLAGS_EFFECTIVE);
}

ssize_t file_caps_in(
	const struct inode *inode, const void *value, size_t size, struct vfs_ns_cap_data *to)
{
	u32 v = version(value, size), root;

	if (!v)
		return -EINVAL;
	if (!capable_wrt_ids(inode->i_uid, inode->i_gid, CAP_SETFCAP))
		return -EPERM;
	to->rootid = 0;
	memcpy(to, value, size);
	if (v == 2 && ns_capable(sb_user_ns(inode->i_sb), CAP_SETFCAP))
		return (ssize_t)size;
	root = from_kuid(sb_user_ns(inode->i_sb), make_kuid(current_user_ns(), to->rootid));
	if (root == (u32)-1)
		return -EINVAL;
	to->magic_etc = magic_of(VFS_CAP_REVISION_3, to);
	to->rootid = root;
	return XATTR_CAPS_SZ_3;
}

ssize_t file_caps_get(struct inode *inode, void *buf, size_t size)
{
	struct vfs_ns_cap_data d = { .rootid = 0 };
	ssize_t n = vfs_getxattr(inode, XATTR_NAME_CAPS, &d, sizeof(d));
	kuid_t kroot;
	u32 root;

	if (n == -ERANGE)
		return -EINVAL;
	if (n < 0)
		return n;
	if (!version(&d, (size_t)n))
		return -EINVAL;
	kroot = make_kuid(sb_user_ns(inode->i_sb), d.rootid);
	root = from_kuid(current_user_ns(), kroot);
	if (root != (u32)-1 && root) {
		n = XATTR_CAPS_SZ_3;
		d.magic_etc = magic_of(VFS_CAP_REVISION_3, &d);
		d.rootid = root;
	} else if (root_is_ours(kroot)) {
		n = XATTR_CAPS_SZ_2;
		d.magic_etc = magic_of(VFS_CAP_REVISION_2, &d);
	} else {
		return -EOVERFLOW;
	}
	if (size && size < (size_t)n)
		return -ERANGE;
	if (size)
		memcpy(buf, &d, (size_t)n);
	return n;
}
