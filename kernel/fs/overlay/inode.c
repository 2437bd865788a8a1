/* SPDX-License-Identifier: MIT */
/*
 * inode.c: attributes, permissions and extended attributes of overlay inodes.
 *
 * Mode, owner, times, size, flags and link count are copies of the real inode's (ovl_copy_attr()
 * after each change). A permission is checked twice: for the caller, and for the mounter, with
 * whose credentials the operation on the real file runs. The overlay's own xattrs are hidden.
 */
#include "kernel/fs/overlay/overlay.h"
#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/xattr/file_caps.h"

/* ---- xattrs of the layers: called with the mounter's credentials ---- */

const char *ovl_xattr(const struct ovl_sb *ofs, int which, char buf[48])
{
	static const char *const names[] = {
		[OVL_OPAQUE] = "opaque",
		[OVL_REDIRECT] = "redirect",
		[OVL_ORIGIN] = "origin",
		[OVL_IMPURE] = "impure",
		[OVL_METACOPY] = "metacopy",
		[OVL_PROTATTR] = "protattr",
	};

	scnprintf(buf, 48, "%s.overlay.%s", ofs->userxattr ? "user" : "trusted", names[which]);
	return buf;
}

bool ovl_private_xattr(const struct ovl_sb *ofs, const char *name)
{
	const char *prefix = ofs->userxattr ? "user.overlay." : "trusted.overlay.";

	return !strncmp(name, prefix, strlen(prefix));
}

/*
 * Checks whether the mounter, whose credentials are in use, may access the xattr @name. Any user
 * may read an ACL. Only the file's owner or a user with CAP_FOWNER may change it. Returns 0 or
 * -errno.
 */
static int may_xattr(struct inode *real, const char *name, int mask)
{
	if (!is_acl_name(name))
		return xattr_permission(real, name, mask);
	return mask & MAY_WRITE && !inode_owner_or_capable(real) ? -EPERM : 0;
}

int ovl_set_xattr(struct dentry *upper, const char *name, const void *value, size_t n)
{
	struct inode *inode = upper->d_inode;
	int err;

	if (!inode->i_op->setxattr)
		return -EOPNOTSUPP;
	down_write(&inode->i_rwsem);
	err = may_xattr(inode, name, MAY_WRITE);
	if (!err)
		err = inode->i_op->setxattr(inode, name, value, n, 0);
	if (!err)
		inode->i_flags &= ~(u32)S_NOSEC;
	up_write(&inode->i_rwsem);
	return err;
}

ssize_t ovl_get_xattr(struct dentry *real, const char *name, void *buf, size_t n)
{
	int err = may_xattr(real->d_inode, name, MAY_READ);

	return err ? err : vfs_getxattr(real->d_inode, name, buf, n);
}

int ovl_set_own_xattr(
	const struct super_block *sb, struct dentry *upper, int which, const void *value, size_t n)
{
	const struct ovl_sb *ofs = OVL_SB(sb);
	char name[48];

	if (ofs->no_marks)
		return -EOPNOTSUPP;
	return ovl_set_xattr(upper, ovl_xattr(ofs, which, name), value, n);
}

/*
 * The xattr "origin": a file handle in Linux's layout, with version 0, magic, length, flags, type,
 * the file system's UUID, and the handle (inode number and generation).
 */
struct origin {
	u8 version, magic, len, flags, type;
	u8 uuid[16];
	u8 fh[12];
} __packed;
#define ORIGIN_MAGIC 0xfb
#define ORIGIN_HEAD 21

int ovl_set_origin(const struct super_block *sb, struct dentry *upper, const struct ovl_path *from)
{
	struct inode *real = from->dentry->d_inode;
	struct origin o = { .magic = ORIGIN_MAGIC, .type = 1 };
	u32 n, fh[3] = { 0 };
	int err;

	if (!inode_has_handle(real) || (real->i_nlink > 1 && !S_ISDIR(real->i_mode)))
		return 0;
	n = inode_handle(real, fh);
	memcpy(o.fh, fh, sizeof(fh));
	o.len = (u8)(ORIGIN_HEAD + n);
	memcpy(o.uuid, real->i_sb->s_uuid, sizeof(o.uuid));
	err = ovl_set_own_xattr(sb, upper, OVL_ORIGIN, &o, o.len);
	return err == -EOPNOTSUPP ? 0 : err;
}

/*
 * Returns the first lower layer whose file system has this UUID, or 0. File systems without a UUID
 * all match each other.
 */
static u32 layer_of_uuid(const struct ovl_sb *ofs, const u8 *uuid)
{
	u32 i;

	for (i = 1; i < ofs->nr_layers; i++)
		if (!memcmp(ofs->layer[i].mnt->mnt_sb->s_uuid, uuid, 16))
			return i;
	return 0;
}

u64 ovl_origin_ino(const struct super_block *sb, struct dentry *upper)
{
	const struct ovl_sb *ofs = OVL_SB(sb);
	struct origin o = { .len = 0 };
	char name[48];
	ssize_t n = ovl_get_xattr(upper, ovl_xattr(ofs, OVL_ORIGIN, name), &o, sizeof(o));
	u32 layer, fh[3];

	if (n < ORIGIN_HEAD + 8 || o.magic != ORIGIN_MAGIC || o.version || o.type != 1 ||
		o.len != n)
		return 0;
	layer = layer_of_uuid(ofs, o.uuid);
	if (!layer)
		return 0;
	memcpy(fh, o.fh, sizeof(fh));
	return ovl_ino(sb, layer, fh[0] | (n == ORIGIN_HEAD + 12 ? (u64)fh[2] << 32 : 0));
}

/* ---- attributes ---- */

void ovl_copy_attr(struct inode *inode)
{
	const struct path path = ovl_real_path(inode);
	const struct inode *real = path.dentry->d_inode;

	inode->i_mode = real->i_mode;
	inode->i_uid = mnt_seen_uid(path.mnt, real->i_uid);
	inode->i_gid = mnt_seen_gid(path.mnt, real->i_gid);
	inode->i_atime = real->i_atime;
	inode->i_mtime = real->i_mtime;
	inode->i_ctime = real->i_ctime;
	inode->i_flags = (inode->i_flags & S_DEAD) |
			 (real->i_flags & (S_IMMUTABLE | S_APPEND | S_NOATIME | S_SYNC)) |
			 OVL_I(inode)->prot;
	i_size_write(inode, i_size_read(real));
	set_nlink(inode, real->i_nlink);
}

int ovl_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;
	struct path real = ovl_real_path(inode);
	const struct cred *old = ovl_enter(inode->i_sb);
	int err = vfs_getattr(&real, st, request, flags);

	ovl_leave(old);
	if (err)
		return err;
	st->ino = inode->i_ino;
	st->dev = inode->i_sb->s_dev;
	/*
	 * The subdirectories of a merged directory are not counted, so its link count is 1, as on
	 * Linux.
	 */
	if (S_ISDIR(st->mode) && ovl_is_merged(inode))
		st->nlink = 1;
	else if (!S_ISDIR(st->mode) && ovl_upper(inode))
		st->nlink = inode->i_nlink;
	if (ovl_data_elsewhere(inode)) { /* the data file has the blocks */
		const struct inode *data = ovl_data_inode(inode);

		st->blocks = data ? data->i_blocks : (u64)(st->size + 511) / 512;
	}
	if (inode->i_flags & S_IMMUTABLE)
		st->attributes |= STATX_ATTR_IMMUTABLE;
	if (inode->i_flags & S_APPEND)
		st->attributes |= STATX_ATTR_APPEND;
	return 0;
}

static int change_upper(struct dentry *d, struct iattr *attr)
{
	struct dentry *upper = ovl_upper(d->d_inode);
	struct inode *real = upper->d_inode;
	const struct cred *old;
	int err = ovl_want_write(d->d_sb);

	if (err)
		return err;
	attr->ia_file = NULL;
	/*
	 * vfs has cleared the set-id bits only in the overlay inode's copy of the mode. ATTR_KILL_*
	 * makes notify_change() clear them in the real file's mode.
	 */
	if (attr->ia_killed & S_ISUID)
		attr->ia_valid |= ATTR_KILL_SUID;
	if (attr->ia_killed & S_ISGID)
		attr->ia_valid |= ATTR_KILL_SGID;
	down_write(&real->i_rwsem);
	old = ovl_enter(d->d_sb);
	err = notify_change(upper, attr);
	ovl_leave(old);
	up_write(&real->i_rwsem);
	ovl_copy_attr(d->d_inode);
	ovl_drop_write(d->d_sb);
	return err;
}

int ovl_setattr(struct dentry *d, struct iattr *attr)
{
	int err = setattr_prepare(d, attr);

	if (err)
		return err;
	if (attr->ia_valid & ATTR_SIZE) {
		const struct inode *data = ovl_data_inode(d->d_inode);

		if (data && atomic_read(&data->i_writecount) < 0)
			return -ETXTBSY;
		err = ovl_copy_up_truncated(d, attr->ia_size);
	} else {
		err = ovl_copy_up(d);
	}
	return err ? err : change_upper(d, attr);
}

/*
 * Returns the path of the real file below all stacked overlays. Its inode has the access control
 * list. The overlays' inodes have only copies of its mode and owner.
 */
static struct path bottom_of(const struct inode *inode)
{
	struct path p;

	do {
		p = ovl_real_path(inode);
		inode = p.dentry->d_inode;
	} while (inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC);
	return p;
}

/* True for a FIFO, a socket or a device. A write to it changes no layer, so it is not copied up. */
static bool is_special(const struct inode *inode)
{
	return !S_ISREG(inode->i_mode) && !S_ISDIR(inode->i_mode) && !S_ISLNK(inode->i_mode);
}

int ovl_permission(struct inode *inode, int mask)
{
	struct path bottom = bottom_of(inode), real;
	struct user_namespace *was = mnt_enter(bottom.mnt);
	int err = generic_permission(bottom.dentry->d_inode, mask);
	const struct cred *old;

	mnt_leave(was);
	if (err)
		return err;
	if ((mask & (MAY_WRITE | MAY_APPEND)) && !ovl_upper(inode) && !is_special(inode))
		/* a write will copy the file up */
		mask = (mask & ~(MAY_WRITE | MAY_APPEND)) | MAY_READ;
	real = ovl_real_path(inode);
	old = ovl_enter(inode->i_sb);
	err = path_permission(&real, mask);
	ovl_leave(old);
	return err;
}

/* ---- xattrs ---- */

/*
 * True if the real file system may store the xattr @name. An access control list needs
 * SB_I_POSIXACL.
 */
static bool keeps_lists(const struct inode *real, const char *name)
{
	return !is_acl_name(name) || real->i_sb->s_iflags & SB_I_POSIXACL;
}

ssize_t ovl_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct path path = ovl_real_path(inode);
	struct inode *real = path.dentry->d_inode;
	struct user_namespace *was;
	const struct cred *old;
	ssize_t n;

	if (ovl_private_xattr(OVL_SB(inode->i_sb), name) || !keeps_lists(real, name))
		return -EOPNOTSUPP;
	old = ovl_enter(inode->i_sb);
	was = mnt_enter(path.mnt);
	/*
	 * In file capabilities, ids are converted: ids on the real file system belong to its user
	 * namespace, not to the overlay's. @size 0 only asks whether the attribute exists.
	 */
	if (size && !strcmp(name, XATTR_NAME_CAPS))
		n = file_caps_to_show(real, buf, size);
	else
		n = ovl_get_xattr(path.dentry, name, buf, size);
	if (n > 0 && size && is_acl_name(name))
		acl_value_seen(path.mnt, buf, (size_t)n);
	mnt_leave(was);
	ovl_leave(old);
	return n;
}

/*
 * Checks the mounter's right to set the attribute on the real file. *value becomes the value to
 * store there, in @caps if it is converted.
 */
static int judge_value(struct inode *real, const char *name, const void **value, size_t *size,
	struct vfs_ns_cap_data *caps)
{
	int err = may_xattr(real, name, MAY_WRITE);

	if (err || strcmp(name, XATTR_NAME_CAPS) != 0 || !*value || !*size)
		return err;
	err = file_caps_to_keep(real, *value, size, caps);
	*value = caps;
	return err;
}

int ovl_copy_up_inode(struct inode *inode)
{
	struct dentry *d;
	int err;

	if (ovl_upper(inode))
		return 0;
	d = d_find_alias(inode);
	if (!d)
		return -ESTALE;
	err = ovl_copy_up(d);
	dput(d);
	return err;
}

int ovl_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	struct super_block *sb = inode->i_sb;
	struct vfs_ns_cap_data caps;
	const struct cred *old;
	struct inode *real;
	int err;

	if (ovl_private_xattr(OVL_SB(sb), name))
		return -EOPNOTSUPP;
	if (!value) {
		ssize_t n = ovl_getxattr(inode, name, NULL, 0);

		if (n < 0)
			return (int)n;
	}
	err = ovl_copy_up_inode(inode);
	if (!err)
		err = ovl_want_write(sb);
	if (err)
		return err;
	real = ovl_upper(inode)->d_inode;
	err = -EOPNOTSUPP;
	if (real->i_op->setxattr && keeps_lists(real, name)) {
		down_write(&real->i_rwsem);
		old = ovl_enter(sb);
		err = judge_value(real, name, &value, &size, &caps);
		if (!err)
			err = real->i_op->setxattr(real, name, value, size, flags);
		ovl_leave(old);
		if (!err)
			real->i_flags &= ~(u32)S_NOSEC;
		up_write(&real->i_rwsem);
	}
	if (is_acl_name(name))
		acl_changed(inode);
	ovl_copy_attr(inode);
	ovl_drop_write(sb);
	return err;
}

/*
 * Removes from @list the names of the overlay's own attributes, and the names that the mounter,
 * whose credentials are in use, may not see (trusted.*). Returns the remaining length in bytes.
 */
static ssize_t filter_list(const struct ovl_sb *ofs, char *list, ssize_t n)
{
	bool all = capable(CAP_SYS_ADMIN);
	ssize_t kept = 0, at = 0;

	while (at < n) {
		size_t len = strlen(list + at) + 1;

		if (!ovl_private_xattr(ofs, list + at) &&
			(all || strncmp(list + at, XATTR_TRUSTED_PREFIX,
					XATTR_TRUSTED_PREFIX_LEN) != 0)) {
			memmove(list + kept, list + at, len);
			kept += (ssize_t)len;
		}
		at += (ssize_t)len;
	}
	return kept;
}

ssize_t ovl_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct inode *real = ovl_real(inode)->d_inode;
	const struct cred *old;
	ssize_t n;
	char *all;

	if (!real->i_op->listxattr)
		return 0;
	old = ovl_enter(inode->i_sb);
	n = real->i_op->listxattr(real, NULL, 0);
	if (n <= 0)
		goto out;
	all = kmalloc((size_t)n, GFP_KERNEL);
	if (!all) {
		n = -ENOMEM;
		goto out;
	}
	n = real->i_op->listxattr(real, all, (size_t)n);
	if (n > 0)
		n = filter_list(OVL_SB(inode->i_sb), all, n);
	if (n > 0 && buf) {
		if ((size_t)n > size)
			n = -ERANGE;
		else
			memcpy(buf, all, (size_t)n);
	}
	kfree(all);
out:
	ovl_leave(old);
	return n;
}

/* ---- links and operations ---- */

static const char *ovl_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	const struct cred *old = ovl_enter(inode->i_sb);
	const char *text = vfs_get_link(ovl_real(inode), to_free);

	ovl_leave(old);
	return text;
}

static const struct inode_operations ovl_file_iops = { OVL_COMMON_OPS };
static const struct inode_operations ovl_link_iops = { .get_link = ovl_get_link, OVL_COMMON_OPS };

void ovl_set_ops(struct inode *inode)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &ovl_file_iops;
		inode->i_fop = &ovl_file_ops;
		break;
	case S_IFDIR:
		inode->i_op = &ovl_dir_iops;
		inode->i_fop = &ovl_dir_fops;
		break;
	case S_IFLNK: inode->i_op = &ovl_link_iops; break;
	default:
		inode->i_op = &ovl_file_iops;
		init_special_inode(inode, inode->i_mode, inode->i_rdev);
	}
}
