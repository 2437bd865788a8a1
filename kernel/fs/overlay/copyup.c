/* SPDX-License-Identifier: MIT */
/*
 * copyup.c: copies a file from a lower layer to the upper one, before the first change.
 *
 * The copy is made in the work directory: first the data, which is synced (not with the option
 * volatile), then xattrs, flags, owner, mode and times. A rename moves it into its place, so the
 * upper layer never has an incomplete file under its name. The directories above are copied up
 * first. The upper parent keeps its times. Only the data of an upper metacopy file is copied into
 * the file itself, which loses its mark after that.
 *
 * Locks: ovl_inode.lock of the copied inode, under which ovl_inode.upper is set; inside it the real
 * directories' locks by lock_rename().
 */
#include "kernel/fs/overlay/overlay.h"
#include "kernel/vfs/xattr/acl.h"

#define COPY_BUF 65536

/* ---- the work directory ---- */

/*
 * Makes a file of the type in @mode. The i_rwsem of @dir is held. Returns its dentry, referenced,
 * or ERR_PTR.
 */
static struct dentry *make_in(
	struct dentry *dir, const char *name, umode_t mode, dev_t rdev, const char *link)
{
	struct inode *inode = dir->d_inode;
	struct dentry *d = lookup_one_len(name, dir, (int)strlen(name));
	int err = -EEXIST;

	if (IS_ERR(d))
		return d;
	if (!d->d_inode) {
		switch (mode & S_IFMT) {
		case S_IFREG: err = vfs_create(inode, d, mode, true); break;
		case S_IFDIR: err = vfs_mkdir(inode, d, mode); break;
		case S_IFLNK: err = vfs_symlink(inode, d, link); break;
		default: err = vfs_mknod(inode, d, mode, rdev);
		}
	}
	if (!err && !d->d_inode)
		err = -EIO;
	if (!err)
		return d;
	dput(d);
	return ERR_PTR(err);
}

struct dentry *ovl_make_temp(struct super_block *sb, umode_t mode, dev_t rdev, const char *link)
{
	struct ovl_sb *ofs = OVL_SB(sb);
	struct dentry *d;
	char name[24];

	scnprintf(name, sizeof(name), "#%lx",
		__atomic_add_fetch(&ofs->tmp_count, 1, __ATOMIC_RELAXED));
	down_write(&ofs->work->d_inode->i_rwsem);
	d = make_in(ofs->work, name, mode, rdev, link);
	up_write(&ofs->work->d_inode->i_rwsem);
	return d;
}

/* Removes a file or an empty directory from the work directory. */
void ovl_remove_temp(struct super_block *sb, struct dentry *temp)
{
	struct dentry *work = OVL_SB(sb)->work;
	int err = 0;

	down_write(&work->d_inode->i_rwsem);
	if (temp->d_parent == work && temp->d_inode)
		err = S_ISDIR(temp->d_inode->i_mode) ? vfs_rmdir(work->d_inode, temp) :
						       vfs_unlink(work->d_inode, temp);
	if (err)
		pr_warn("overlay: cannot remove %s from the work directory (%d)\n",
			temp->d_name.name, err);
	up_write(&work->d_inode->i_rwsem);
}

int ovl_place(struct super_block *sb, struct dentry *temp, struct dentry *dir, const char *name,
	int len, u32 flags)
{
	struct dentry *work = OVL_SB(sb)->work, *to;
	int err = -ESTALE;

	lock_rename(work, dir);
	if (temp->d_parent != work)
		goto out;
	to = lookup_one_len(name, dir, len);
	err = (int)PTR_ERR(to);
	if (IS_ERR(to))
		goto out;
	if ((flags & RENAME_EXCHANGE) && !to->d_inode)
		err = -ENOENT;
	else if ((flags & RENAME_NOREPLACE) && to->d_inode)
		err = -EEXIST;
	else
		err = vfs_rename(work->d_inode, temp, dir->d_inode, to, flags);
	dput(to);
out:
	unlock_rename(work, dir);
	return err;
}

/* ---- contents ---- */

/*
 * Finds the next piece of data at or after *pos, moves *pos to its beginning and returns its end,
 * or a negative value if there is none. If the file system lacks SEEK_DATA, the whole file counts
 * as data.
 */
static loff_t next_data(struct file *f, loff_t *pos, loff_t size)
{
	loff_t at, end;

	if (!f->f_op->llseek)
		return size;
	at = f->f_op->llseek(f, *pos, SEEK_DATA);
	if (at == -ENXIO)
		return -1;
	if (at < *pos)
		return size;
	end = f->f_op->llseek(f, at, SEEK_HOLE);
	*pos = at;
	return end > at && end < size ? end : size;
}

/*
 * Copies the bytes [pos, end), through @buf of @size bytes. Returns 0, also if @in ends before
 * @end, or -errno: -ERESTARTSYS if a signal came while bytes were left.
 */
static int copy_stretch(
	struct file *in, struct file *out, loff_t pos, loff_t end, char *buf, size_t size)
{
	while (pos < end) {
		loff_t at = pos;
		ssize_t n = kernel_read(in, buf, min(size, (size_t)(end - pos)), &at);

		if (n <= 0)
			return (int)n;
		at = pos;
		n = kernel_write(out, buf, (size_t)n, &at);
		if (n < 0)
			return (int)n;
		pos += n;
		if (!n)
			return -EIO; /* a FUSE server can accept 0 bytes */
		if (pos < end && signal_pending(current))
			return -ERESTARTSYS;
		cond_resched();
	}
	return 0;
}

/* Copies the first @size bytes, except for holes. Returns 0 or -errno. */
static int copy_data(struct file *in, struct file *out, loff_t size)
{
	size_t room = COPY_BUF;
	char *buf = kmalloc_most(&room, PAGE_SIZE, GFP_KERNEL);
	loff_t pos = 0, end;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && pos < size) {
		end = next_data(in, &pos, size);
		if (end < 0 || pos >= size)
			break;
		err = copy_stretch(in, out, pos, end, buf, room);
		pos = end;
	}
	kfree(buf);
	return err;
}

/* Sets the size in bytes. Takes i_rwsem. Returns 0 or -errno. */
static int set_size(struct dentry *d, loff_t size)
{
	struct iattr a = { .ia_valid = ATTR_SIZE, .ia_size = size };
	int err;

	down_write(&d->d_inode->i_rwsem);
	err = notify_change(d, &a);
	up_write(&d->d_inode->i_rwsem);
	return err;
}

/*
 * Copies the first @size bytes of a file, and syncs them unless the mount is volatile. Returns 0 or
 * -errno: -ENOENT if @from has no dentry, since the data is missing.
 */
static int copy_file(
	struct super_block *sb, const struct path *from, struct dentry *to, loff_t size)
{
	struct ovl_sb *ofs = OVL_SB(sb);
	struct path op = { ofs->layer[0].mnt, to };
	struct file *in, *out;
	int err;

	if (!from->dentry)
		return -ENOENT;
	if (!size)
		return 0;
	in = ovl_open_layer(from, O_RDONLY | O_LARGEFILE);
	if (IS_ERR(in))
		return (int)PTR_ERR(in);
	out = ovl_open_layer(&op, O_WRONLY | O_LARGEFILE);
	if (IS_ERR(out)) {
		fput(in);
		return (int)PTR_ERR(out);
	}
	err = copy_data(in, out, size);
	if (!err)
		err = set_size(to, size); /* for a hole at the file's end */
	if (!err && !ofs->is_volatile)
		err = vfs_fsync_range(out, 0, S64_MAX, false);
	fput(out);
	fput(in);
	return err;
}

static struct user_namespace *user_ns_of(const struct dentry *d)
{
	return d->d_sb->s_user_ns ? d->d_sb->s_user_ns : &init_user_ns;
}

/*
 * Converts file capabilities for the copy. They are valid in the user namespace whose root user
 * they name. If that is the mounter's namespace or one above it, the copy names the mounter's root,
 * otherwise the same user. The copy never gives capabilities in a namespace where the mounter is
 * not root, since a lower layer (FUSE) may lie. @n: size of *d in bytes. Returns 0 or -errno:
 * -ENODATA if the attribute is malformed and is not copied, anything else if the copy-up must fail.
 */
static int convert_caps(
	const struct path *from, struct dentry *to, struct vfs_ns_cap_data *d, size_t n)
{
	struct user_namespace *mine = current_user_ns(), *ns;
	u32 revision = d->magic_etc & VFS_CAP_REVISION_MASK;
	kuid_t root =
		make_kuid(user_ns_of(from->dentry), revision == VFS_CAP_REVISION_3 ? d->rootid : 0);

	if (!(revision == VFS_CAP_REVISION_3 && n == XATTR_CAPS_SZ_3) &&
		!(revision == VFS_CAP_REVISION_2 && n == XATTR_CAPS_SZ_2))
		return -ENODATA;
	if (uid_valid(root))
		root = mnt_seen_uid(from->mnt, root);
	if (!uid_valid(root))
		return -EOVERFLOW;
	for (ns = mine; ns && from_kuid(ns, root); ns = ns->parent)
		;
	if (ns)
		root = make_kuid(mine, 0);
	if (!uid_valid(root) || !kuid_has_mapping(mine, root) ||
		!kuid_has_mapping(user_ns_of(to), root))
		return -EOVERFLOW;
	d->rootid = from_kuid(user_ns_of(to), root);
	d->magic_etc = (d->magic_etc & VFS_CAP_FLAGS_EFFECTIVE) |
		       (d->rootid ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2);
	return capable_wrt_ids(to->d_inode->i_uid, to->d_inode->i_gid, CAP_SETFCAP) ? 0 : -EPERM;
}

/* Copies the file capabilities. Returns 0, also if there are none, or -errno. */
static int copy_caps(const struct path *from, struct dentry *to)
{
	struct vfs_ns_cap_data d = { 0 };
	ssize_t n = ovl_get_xattr(from->dentry, XATTR_NAME_CAPS, &d, sizeof(d));
	int err = n < 0 ? (int)n : convert_caps(from, to, &d, (size_t)n);

	if (err)
		return err == -ENODATA ? 0 : err;
	return ovl_set_xattr(to, XATTR_NAME_CAPS, &d, d.rootid ? XATTR_CAPS_SZ_3 : XATTR_CAPS_SZ_2);
}

/* As ovl_get_xattr(), with the ids that the lower mount shows. */
static ssize_t lower_xattr(const struct path *from, const char *name, void *buf, size_t n)
{
	struct user_namespace *was = mnt_enter(from->mnt);
	ssize_t got = ovl_get_xattr(from->dentry, name, buf, n);

	mnt_leave(was);
	return got;
}

/* Copies an attribute, if it still exists and the mounter sees it. Returns 0 or -errno. */
static int copy_one_xattr(const struct path *from, struct dentry *to, const char *name)
{
	ssize_t n, room;
	void *value;
	int err;

	/* a mounter without CAP_SYS_ADMIN cannot see trusted.* */
	if (!strncmp(name, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN) &&
		!capable(CAP_SYS_ADMIN))
		return 0;
	if (!strcmp(name, XATTR_NAME_CAPS))
		return copy_caps(from, to);
	room = lower_xattr(from, name, NULL, 0);
	if (room < 0)
		return room == -ENODATA ? 0 : (int)room;
	value = kmalloc(max_t(size_t, (size_t)room, 1), GFP_KERNEL);
	if (!value)
		return -ENOMEM;
	n = room ? lower_xattr(from, name, value, (size_t)room) : 0;
	if (n > room)
		n = -EIO;
	if (n > 0 && is_acl_name(name))
		acl_value_seen(from->mnt, value, (size_t)n);
	err = n < 0 ? (int)n : ovl_set_xattr(to, name, value, (size_t)n);
	kfree(value);
	/* Attributes that the upper file system cannot store are dropped, except security.*. */
	return err == -EOPNOTSUPP && strncmp(name, "security.", 9) ? 0 : err;
}

static int copy_xattrs(struct super_block *sb, const struct path *from, struct dentry *to)
{
	struct inode *inode = from->dentry->d_inode;
	ssize_t n, at;
	char *list;
	int err = 0;

	if (!inode->i_op->listxattr || !to->d_inode->i_op->setxattr)
		return 0;
	n = inode->i_op->listxattr(inode, NULL, 0);
	if (n <= 0)
		return n == -EOPNOTSUPP ? 0 : (int)n;
	list = kmalloc((size_t)n, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	n = inode->i_op->listxattr(inode, list, (size_t)n);
	if (n < 0)
		err = (int)n;
	for (at = 0; at < n && !err; at += (ssize_t)strlen(list + at) + 1)
		if (!ovl_private_xattr(OVL_SB(sb), list + at))
			err = copy_one_xattr(from, to, list + at);
	kfree(list);
	return err;
}

/*
 * Copies the flags S, A, a and i of chattr. A failure to set S or A is ignored, and so is an upper
 * layer that cannot record a and i. Returns 0 or -errno.
 */
static int copy_flags(struct super_block *sb, const struct inode *in, struct dentry *to)
{
	struct inode *out = to->d_inode;
	u32 flags, wanted = (in->i_flags & S_SYNC ? FS_SYNC_FL : 0) |
			    (in->i_flags & S_NOATIME ? FS_NOATIME_FL : 0);
	int err = 0;

	if (!S_ISREG(in->i_mode) && !S_ISDIR(in->i_mode))
		return 0;
	if (wanted && out->i_op->set_flags && !out->i_op->get_flags(out, &flags)) {
		down_write(&out->i_rwsem);
		if (!out->i_op->set_flags(out, flags | wanted))
			mark_inode_dirty(out);
		up_write(&out->i_rwsem);
	}
	if (in->i_flags & OVL_PROT)
		err = ovl_write_prot(sb, to, in->i_flags & OVL_PROT);
	/* Without xattrs in the upper layer, ovl_inode.prot is lost at the next mount. */
	return err == -EOPNOTSUPP ? 0 : err;
}

/* Copies owner, mode (not of a symbolic link) and times. Takes i_rwsem. Returns 0 or -errno. */
static int copy_attributes(const struct path *from, struct dentry *to)
{
	const struct inode *in = from->dentry->d_inode;
	struct inode *out = to->d_inode;
	struct iattr a = {
		.ia_valid = ATTR_UID | ATTR_GID,
		.ia_uid = mnt_seen_uid(from->mnt, in->i_uid),
		.ia_gid = mnt_seen_gid(from->mnt, in->i_gid),
	};
	int err;

	down_write(&out->i_rwsem);
	err = notify_change(to, &a);
	if (!err && !S_ISLNK(in->i_mode)) {
		a = (struct iattr){ .ia_valid = ATTR_MODE, .ia_mode = in->i_mode };
		err = notify_change(to, &a);
	}
	if (!err) {
		a = (struct iattr){
			.ia_valid = ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_SET | ATTR_MTIME_SET,
			.ia_atime = in->i_atime,
			.ia_mtime = in->i_mtime,
		};
		err = notify_change(to, &a);
	}
	up_write(&out->i_rwsem);
	return err;
}

/* ---- one inode ---- */

/*
 * Makes a copy with at most @size bytes of data in the work directory. Returns its dentry,
 * referenced, or ERR_PTR.
 */
static struct dentry *make_copy(struct super_block *sb, const struct inode *of, loff_t size)
{
	const struct ovl_path *from = &OVL_I(of)->lower[0];
	struct path path = { OVL_SB(sb)->layer[from->layer].mnt, from->dentry };
	struct path data = ovl_data_path(of);
	struct inode *inode = from->dentry->d_inode;
	char *to_free = NULL;
	const char *link = NULL;
	struct dentry *temp;
	int err = 0;

	/*
	 * The mounter's credentials are in use. They cannot make or chown files of users that the
	 * mounter's user namespace does not map.
	 */
	if (!kuid_has_mapping(current_user_ns(), mnt_seen_uid(path.mnt, inode->i_uid)) ||
		!kgid_has_mapping(current_user_ns(), mnt_seen_gid(path.mnt, inode->i_gid)))
		return ERR_PTR(-EOVERFLOW);
	if (S_ISLNK(inode->i_mode)) {
		link = vfs_get_link(from->dentry, &to_free);
		if (IS_ERR(link))
			return ERR_CAST(link);
	}
	temp = ovl_make_temp(sb,
		(inode->i_mode & S_IFMT) | 0600 | (S_ISDIR(inode->i_mode) ? 0100 : 0),
		inode->i_rdev, link);
	kfree(to_free);
	if (IS_ERR(temp))
		return temp;
	if (S_ISREG(inode->i_mode))
		err = copy_file(sb, &data, temp, min(size, i_size_read(inode)));
	if (!err)
		err = copy_xattrs(sb, &path, temp);
	if (!err)
		err = ovl_set_origin(sb, temp, from);
	if (!err)
		err = copy_flags(sb, inode, temp);
	if (!err)
		err = copy_attributes(&path, temp);
	if (!err)
		return temp;
	ovl_remove_temp(sb, temp);
	dput(temp);
	return ERR_PTR(err);
}

/*
 * Renames the copy into its place. The upper parent keeps its times, and is marked as impure: files
 * in it may show the inode numbers of their origins. Returns 0 or -errno.
 */
static int place_copy(
	struct super_block *sb, struct dentry *temp, struct dentry *dir, const struct qstr *name)
{
	struct inode *inode = dir->d_inode;
	struct timespec64 mtime = inode->i_mtime, ctime = inode->i_ctime;
	int err = ovl_set_own_xattr(sb, dir, OVL_IMPURE, "y", 1);

	if (!err || err == -EOPNOTSUPP)
		err = ovl_place(sb, temp, dir, name->name, (int)name->len, RENAME_NOREPLACE);
	if (err)
		return err;
	down_write(&inode->i_rwsem);
	inode->i_mtime = mtime;
	inode->i_ctime = ctime;
	mark_inode_dirty_sync(inode);
	up_write(&inode->i_rwsem);
	return 0;
}

/*
 * Copies up the inode, whose parent is copied up. ovl_inode.lock is held. @d keeps its name
 * meanwhile, since a rename copies up first. Returns 0 or -errno.
 */
static int copy_up_locked(struct dentry *d, struct dentry *parent, loff_t size)
{
	struct inode *inode = d->d_inode;
	struct ovl_inode *oi = OVL_I(inode);
	struct dentry *temp = make_copy(d->d_sb, inode, size);
	int err;

	if (IS_ERR(temp))
		return (int)PTR_ERR(temp);
	err = place_copy(d->d_sb, temp, ovl_upper(parent->d_inode), &d->d_name);
	if (err) {
		ovl_remove_temp(d->d_sb, temp);
		dput(temp);
		return err;
	}
	WRITE_ONCE(oi->prot, inode->i_flags & OVL_PROT);
	smp_store_release(&oi->upper, temp);
	/*
	 * Set after oi->upper: an opener that runs between the two still finds the old data through
	 * oi->data.
	 */
	smp_store_release(&oi->has_own_data, true);
	ovl_dir_changed(parent->d_inode);
	ovl_copy_attr(inode);
	if (!S_ISDIR(inode->i_mode))
		ovl_rehash(inode, temp->d_inode);
	return 0;
}

/*
 * Copies up the data of an upper metacopy file from a lower layer. The mark metacopy is removed
 * only after all data is copied and synced, so after a crash the file is still a metacopy file.
 * The upper file's times change, but the caller is about to change them anyway. Returns 0 or
 * -errno.
 */
static int copy_data_up(struct dentry *d, loff_t size)
{
	struct inode *inode = d->d_inode;
	struct ovl_inode *oi = OVL_I(inode);
	struct path data = ovl_data_path(inode);
	char name[48];
	int err = copy_file(d->d_sb, &data, oi->upper, min(size, i_size_read(inode)));

	if (!err && !size)
		err = set_size(oi->upper, 0);
	if (!err)
		err = ovl_set_xattr(
			oi->upper, ovl_xattr(OVL_SB(d->d_sb), OVL_METACOPY, name), NULL, 0);
	if (err)
		return err;
	smp_store_release(&oi->has_own_data, true);
	ovl_copy_attr(inode);
	return 0;
}

/* Copies up @d or its data, unless another task has. Takes ovl_inode.lock. Returns 0 or -errno. */
static int copy_up_one(struct dentry *d, loff_t size)
{
	struct ovl_inode *oi = OVL_I(d->d_inode);
	const struct cred *old;
	struct dentry *parent;
	int err = ovl_want_write(d->d_sb);

	if (err)
		return err;
	parent = dget_parent(d);
	mutex_lock(&oi->lock);
	old = ovl_enter(d->d_sb);
	if (!oi->upper)
		err = copy_up_locked(d, parent, size);
	else if (ovl_data_elsewhere(d->d_inode))
		err = copy_data_up(d, size);
	ovl_leave(old);
	mutex_unlock(&oi->lock);
	dput(parent);
	ovl_drop_write(d->d_sb);
	return err;
}

/*
 * Returns the topmost one of @d and its parent directories that is not copied up yet, referenced.
 */
static struct dentry *topmost_lower(struct dentry *d)
{
	struct dentry *top = dget(d), *parent;

	for (;;) {
		parent = dget_parent(top);
		if (ovl_upper(parent->d_inode) || parent == top) {
			dput(parent);
			return top;
		}
		dput(top);
		top = parent;
	}
}

int ovl_copy_up_truncated(struct dentry *d, loff_t size)
{
	int err = 0;

	while (!err && !ovl_upper(d->d_inode)) {
		struct dentry *top = topmost_lower(d);

		err = copy_up_one(top, top == d ? size : 0);
		dput(top);
	}
	if (!err && ovl_data_elsewhere(d->d_inode))
		err = copy_up_one(d, size);
	return err;
}

int ovl_copy_up(struct dentry *d)
{
	return ovl_copy_up_truncated(d, S64_MAX);
}
