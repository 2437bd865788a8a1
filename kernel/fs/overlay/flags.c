/* SPDX-License-Identifier: MIT */
/*
 * flags.c: the flags of chattr(1) on overlay inodes.
 *
 * An overlay inode shows the flags of its real file, except S_IMMUTABLE and S_APPEND. With these
 * set, the overlay itself could not copy up, link or rename the upper file. So the upper file has
 * neither flag. The xattr protattr records them by the letters "i" and "a", as on Linux, and the
 * overlay's inode has them in ovl_inode.prot.
 *
 * vfs checks the caller's permission on the overlay's inode. Locks: the overlay inode's i_rwsem
 * (vfs), inside it the upper inode's.
 */
#include "kernel/fs/overlay/overlay.h"

u32 ovl_read_prot(const struct ovl_sb *ofs, struct dentry *upper)
{
	char name[48], text[2] = { 0 };
	u32 prot = 0;
	ssize_t n;

	if (!S_ISREG(upper->d_inode->i_mode) && !S_ISDIR(upper->d_inode->i_mode))
		return 0;
	n = ovl_get_xattr(upper, ovl_xattr(ofs, OVL_PROTATTR, name), text, sizeof(text));
	for (ssize_t i = 0; i < n; i++)
		prot |= text[i] == 'a' ? S_APPEND : text[i] == 'i' ? S_IMMUTABLE : 0;
	return prot;
}

int ovl_write_prot(const struct super_block *sb, struct dentry *upper, u32 prot)
{
	char text[2];
	size_t n = 0;
	int err;

	if (prot & S_APPEND)
		text[n++] = 'a';
	if (prot & S_IMMUTABLE)
		text[n++] = 'i';
	err = ovl_set_own_xattr(sb, upper, OVL_PROTATTR, n ? text : NULL, n);
	return !n && err == -ENODATA ? 0 : err;
}

int ovl_get_flags(struct inode *inode, u32 *flags)
{
	struct inode *real = ovl_real(inode)->d_inode;
	u32 prot = OVL_I(inode)->prot;
	int err = real->i_op->get_flags ? real->i_op->get_flags(real, flags) : -ENOTTY;

	if (!err)
		*flags |= (prot & S_APPEND ? FS_APPEND_FL : 0) |
			  (prot & S_IMMUTABLE ? FS_IMMUTABLE_FL : 0);
	return err;
}

/* Sets the flags of the upper file @real, except the two that are only recorded in protattr. */
static int set_real(struct inode *real, u32 flags)
{
	int err;

	down_write(&real->i_rwsem);
	err = real->i_op->set_flags(real, flags & ~(u32)(FS_APPEND_FL | FS_IMMUTABLE_FL));
	if (!err) {
		real->i_ctime = current_time(real);
		mark_inode_dirty(real);
	}
	up_write(&real->i_rwsem);
	return err;
}

static int set_upper(struct inode *inode, u32 flags)
{
	struct super_block *sb = inode->i_sb;
	struct dentry *upper = ovl_upper(inode);
	u32 prot =
		(flags & FS_APPEND_FL ? S_APPEND : 0) | (flags & FS_IMMUTABLE_FL ? S_IMMUTABLE : 0);
	int err = -EOPNOTSUPP;
	const struct cred *old;

	if (!upper->d_inode->i_op->set_flags)
		return err;
	old = ovl_enter(sb);
	err = inode_owner_or_capable(upper->d_inode) ? set_real(upper->d_inode, flags) : -EPERM;
	if (!err && prot != OVL_I(inode)->prot)
		err = ovl_write_prot(sb, upper, prot);
	if (!err)
		OVL_I(inode)->prot = prot;
	ovl_leave(old);
	ovl_copy_attr(inode);
	return err;
}

int ovl_set_flags(struct inode *inode, u32 flags)
{
	int err = ovl_copy_up_inode(inode);

	if (!err)
		err = ovl_want_write(inode->i_sb);
	if (err)
		return err;
	err = set_upper(inode, flags);
	ovl_drop_write(inode->i_sb);
	return err;
}
