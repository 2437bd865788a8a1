/* SPDX-License-Identifier: MIT */
/*
 * permission.c: permission checks on an inode or a name: mode bits, capabilities, sticky
 * directories, immutable flags. The checks use fsuid, fsgid and capabilities of current. Access
 * control lists are in acl.c.
 */
#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/idmap.h"

bool inode_owner_or_capable(const struct inode *inode)
{
	kuid_t uid = seen_uid(inode);

	return current_fsuid() == uid || (kuid_has_mapping(current_user_ns(), uid) &&
						 ns_capable(current_user_ns(), CAP_FOWNER));
}

/*
 * Checks the mode bits and the access control list, without capabilities. Returns 0, -EACCES, or an
 * error from reading the list.
 */
static int bits_permit(struct inode *inode, int mask)
{
	umode_t mode = inode->i_mode;

	if (current_fsuid() == seen_uid(inode)) {
		mode >>= 6;
	} else {
		int err = likely(!READ_ONCE(inode->i_acl)) ? -EAGAIN : acl_permission(inode, mask);

		if (unlikely(err != -EAGAIN))
			return err;
		if ((mode & 070) != (mode & 07) << 3 &&
			/* The group is tested only if that changes the result. */
			in_kept_group(inode, inode->i_gid))
			mode >>= 3;
	}
	return mask & ~mode ? -EACCES : 0;
}

int generic_permission(struct inode *inode, int mask)
{
	int err;

	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	err = bits_permit(inode, mask);
	if (err != -EACCES)
		return err;
	if (is_dir(inode)) {
		if (!(mask & MAY_WRITE) && capable_wrt_inode(inode, CAP_DAC_READ_SEARCH))
			return 0;
		return capable_wrt_inode(inode, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (mask == MAY_READ && capable_wrt_inode(inode, CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(mask & MAY_EXEC) || (inode->i_mode & S_IXUGO)) &&
		capable_wrt_inode(inode, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

/*
 * Returns -EPERM if current's control group forbids the use of the device, even to a task with all
 * capabilities; otherwise 0.
 */
static int check_device(const struct inode *inode, int mask)
{
	int what = (mask & MAY_READ ? DEVICE_READ : 0) | (mask & MAY_WRITE ? DEVICE_WRITE : 0);

	if (!device_guard || !what || !inode->i_rdev)
		return 0;
	return device_guard->permission(inode->i_mode, inode->i_rdev, what);
}

int inode_permission(struct inode *inode, int mask)
{
	umode_t type = inode->i_mode & S_IFMT;
	int err;

	if (mask & MAY_WRITE) {
		if (sb_rdonly(inode->i_sb) &&
			(type == S_IFREG || type == S_IFDIR || type == S_IFLNK)) {
			if (!(mask & MAY_ACCESS)) /* access(2) tries no write */
				notify_write_refused(inode);
			return -EROFS;
		}
		if (inode->i_flags & S_IMMUTABLE)
			return -EPERM;
		if (!inode_ids_are_mapped(inode))
			/* An inode whose owner or group has no seen id cannot be changed. */
			return -EACCES;
	}
	if (inode->i_op->permission)
		err = inode->i_op->permission(inode, mask);
	else
		err = generic_permission(inode, mask);
	if (!err && (type == S_IFCHR || type == S_IFBLK))
		err = check_device(inode, mask);
	return err;
}

/*
 * True if the directory is sticky and current may not remove the entry: it is neither the owner of
 * the entry nor of the directory, and lacks the capability.
 */
static bool sticky_forbids(struct inode *dir, struct inode *inode)
{
	u32 fsuid = current_fsuid();

	if (!(dir->i_mode & S_ISVTX) || seen_uid(inode) == fsuid || seen_uid(dir) == fsuid)
		return false;
	return !capable_wrt_inode(inode, CAP_FOWNER);
}

/* True if the file system can store current's fsuid and fsgid as the owner of a new file. */
bool has_kept_ids(const struct super_block *sb)
{
	return kuid_has_mapping(sb_user_ns(sb), sb_kept_uid(sb, current_fsuid())) &&
	       kgid_has_mapping(sb_user_ns(sb), sb_kept_gid(sb, current_fsgid()));
}

int may_create(struct inode *dir, struct dentry *d)
{
	if (d->d_inode)
		return -EEXIST;
	if (dir->i_flags & S_DEAD)
		return -ENOENT;
	if (!has_kept_ids(dir->i_sb))
		return -EOVERFLOW;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

int may_delete(struct inode *dir, struct dentry *d, bool isdir)
{
	struct inode *inode = d->d_inode;
	int err;

	if (!inode)
		return -ENOENT;
	if (!inode_ids_are_mapped(inode))
		return -EOVERFLOW;
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (dir->i_flags & S_APPEND)
		return -EPERM;
	if (sticky_forbids(dir, inode) || (inode->i_flags & (S_APPEND | S_IMMUTABLE | S_SWAPFILE)))
		return -EPERM;
	if (isdir && !is_dir(inode))
		return -ENOTDIR;
	if (isdir && (d->d_flags & DCACHE_ROOT))
		return -EBUSY;
	if (!isdir && is_dir(inode))
		return -EISDIR;
	return dir->i_flags & S_DEAD ? -ENOENT : 0;
}
