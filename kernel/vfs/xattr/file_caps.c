/* SPDX-License-Identifier: MIT */
/*
 * file_caps.c: the attribute security.capability, which gives a program capabilities at exec
 * (kernel/task/exec/exec_cred.c).
 *
 * The attribute applies to one user namespace: version 3 names the root user of the namespace whose
 * processes get the capabilities, version 2 means the namespace of the file system. A program reads
 * and writes the attribute in terms of its own user namespace. The program sees an attribute for
 * its own root user as version 2. If it writes version 2, version 3 for its root user is stored,
 * unless it has CAP_SETFCAP over the whole file system and the mount is not id-mapped.
 */
#include <linux/xattr.h>

#include "kernel/vfs/xattr/file_caps.h"
#include "kernel/vfs/idmap.h"

static u32 revision(const struct vfs_ns_cap_data *d)
{
	return d->magic_etc & VFS_CAP_REVISION_MASK;
}

static bool valid(const struct vfs_ns_cap_data *d, size_t size)
{
	return (size == XATTR_CAPS_SZ_2 && revision(d) == VFS_CAP_REVISION_2) ||
	       (size == XATTR_CAPS_SZ_3 && revision(d) == VFS_CAP_REVISION_3);
}

/* Changes the value to revision @rev, keeps its flags, and returns its size. */
static size_t become(struct vfs_ns_cap_data *d, u32 rev, u32 rootid)
{
	d->magic_etc = rev | (d->magic_etc & VFS_CAP_FLAGS_EFFECTIVE);
	d->rootid = rootid;
	return rev == VFS_CAP_REVISION_3 ? XATTR_CAPS_SZ_3 : XATTR_CAPS_SZ_2;
}

int file_caps_to_keep(
	const struct inode *inode, const void *value, size_t *size, struct vfs_ns_cap_data *keep)
{
	struct user_namespace *theirs = sb_user_ns(inode->i_sb);
	kuid_t root;
	u32 id;

	memset(keep, 0, sizeof(*keep));
	memcpy(keep, value, min(*size, sizeof(*keep)));
	if (!valid(keep, *size))
		return -EINVAL;
	if (!capable_wrt_inode(inode, CAP_SETFCAP))
		return -EPERM;
	if (*size == XATTR_CAPS_SZ_2 && !current->idmap && ns_capable(theirs, CAP_SETFCAP))
		return 0;
	root = make_kuid(current_user_ns(), *size == XATTR_CAPS_SZ_3 ? keep->rootid : 0);
	if (!uid_valid(root))
		return -EINVAL;
	root = sb_kept_uid(inode->i_sb, root);
	id = uid_valid(root) ? from_kuid(theirs, root) : root;
	if (!uid_valid(id))
		return -EINVAL;
	*size = become(keep, VFS_CAP_REVISION_3, id);
	return 0;
}

ssize_t file_caps_to_show(struct inode *inode, void *buf, size_t size)
{
	struct vfs_ns_cap_data d = { 0 };
	ssize_t n = vfs_getxattr(inode, XATTR_NAME_CAPS, &d, sizeof(d));
	kuid_t root;
	u32 id;

	if (n < 0)
		return n == -ERANGE ? -EINVAL : n;
	if (!valid(&d, (size_t)n))
		return -EINVAL;
	root = make_kuid(
		sb_user_ns(inode->i_sb), revision(&d) == VFS_CAP_REVISION_3 ? d.rootid : 0);
	root = uid_valid(root) ? sb_seen_uid(inode->i_sb, root) : root;
	id = uid_valid(root) ? from_kuid(current_user_ns(), root) : root;
	if (uid_valid(id) && id)
		n = (ssize_t)become(&d, VFS_CAP_REVISION_3, id);
	else if (root_of_current(root))
		n = (ssize_t)become(&d, VFS_CAP_REVISION_2, 0);
	else
		return -EOVERFLOW;
	if (!size)
		return n;
	if ((size_t)n > size)
		return -ERANGE;
	memcpy(buf, &d, (size_t)n);
	return n;
}
