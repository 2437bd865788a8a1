/* SPDX-License-Identifier: MIT */
/*
 * dir.c: making and removing names.
 *
 * A new file is made in the upper directory. If a whiteout has its name there, the new file is made
 * in the work directory instead, and one rename puts it in the place of the whiteout.
 *
 * A name that the lower layers do not show is removed from the upper directory. Any other name is
 * covered: a whiteout is made in the work directory, and one rename puts it under the name. If the
 * upper directory has a file of this name, the rename exchanges the two, and the file is then
 * removed from the work directory.
 *
 * New files belong to the caller, so they are made with the mounter's capabilities but the caller's
 * fsuid and fsgid.
 *
 * Locks, outer to inner: the overlay directory's i_rwsem (vfs), for a removal ovl_inode.lock of the
 * removed inode, then the i_rwsem of the upper directory and of the work directory.
 */
#include "kernel/fs/overlay/overlay.h"
#include "kernel/vfs/xattr/acl.h"

/* The file that a new name gets: a new file, or with @hardlink an existing one. */
struct new_entry {
	umode_t mode;
	dev_t rdev;
	const char *link;        /* target of a symbolic link */
	struct dentry *hardlink; /* the upper file to link, or NULL */
	bool tmpfile;
};

int ovl_set_opaque(struct inode *inode, struct dentry *upper, int none)
{
	int err = ovl_set_own_xattr(inode->i_sb, upper, OVL_OPAQUE, "y", 1);

	return err == -EOPNOTSUPP ? none : err;
}

int ovl_whiteout(struct super_block *sb, struct dentry **white)
{
	*white = ovl_make_temp(sb, S_IFCHR, 0, NULL);
	return IS_ERR(*white) ? (int)PTR_ERR(*white) : 0;
}

/* ---- making ---- */

/* Makes the name @d in an upper directory, whose i_rwsem is held. Returns 0 or -errno. */
static int make_entry(struct inode *dir, struct dentry *d, const struct new_entry *n)
{
	if (n->hardlink)
		return vfs_link(n->hardlink, dir, d);
	switch (n->mode & S_IFMT) {
	case S_IFREG: return vfs_create(dir, d, n->mode, true);
	case S_IFDIR: return vfs_mkdir(dir, d, n->mode);
	case S_IFLNK: return vfs_symlink(dir, d, n->link);
	default: return vfs_mknod(dir, d, n->mode, n->rdev);
	}
}

/*
 * Makes a name that must not exist in @updir. Takes its i_rwsem. Returns the dentry, referenced, or
 * ERR_PTR.
 */
static struct dentry *create_direct(
	struct dentry *updir, const struct qstr *name, const struct new_entry *n)
{
	struct dentry *d;
	int err = -EEXIST;

	down_write(&updir->d_inode->i_rwsem);
	d = lookup_one_len(name->name, updir, (int)name->len);
	if (!IS_ERR(d)) {
		if (!d->d_inode)
			err = make_entry(updir->d_inode, d, n);
		if (err) {
			dput(d);
			d = ERR_PTR(err);
		}
	}
	up_write(&updir->d_inode->i_rwsem);
	return d;
}

/*
 * Gives @temp the owner, mode and access control lists that a new file in @dir would have. @temp
 * lacks them, since the work directory has neither @dir's set-group-id bit nor its default list.
 * Takes the i_rwsem of @temp. Returns 0 or -errno.
 */
static int inherit(struct inode *dir, struct dentry *temp, const struct new_entry *n)
{
	struct iattr a = { .ia_valid = ATTR_UID | ATTR_GID, .ia_uid = current_fsuid() };
	umode_t mode = n->mode;
	int err;

	a.ia_gid = dir->i_mode & S_ISGID ? dir->i_gid : current_fsgid();
	if (S_ISDIR(mode) && (dir->i_mode & S_ISGID))
		mode |= S_ISGID;
	down_write(&temp->d_inode->i_rwsem);
	err = notify_change(temp, &a);
	if (!err && !S_ISLNK(mode)) {
		a = (struct iattr){ .ia_valid = ATTR_MODE, .ia_mode = mode };
		err = notify_change(temp, &a);
	}
	if (!err && acl_inherits(dir)) {
		err = acl_inherit(dir, temp->d_inode);
		mark_inode_dirty(temp->d_inode);
	}
	up_write(&temp->d_inode->i_rwsem);
	return err;
}

/* Makes a hard link to @source in the work directory. Returns it, referenced, or ERR_PTR. */
static struct dentry *make_hidden_link(struct super_block *sb, struct dentry *source)
{
	struct ovl_sb *ofs = OVL_SB(sb);
	struct new_entry n = { .hardlink = source };
	char name[24];
	struct qstr q = { name, 0, 0 };

	q.len = (u32)scnprintf(name, sizeof(name), "#%lx",
		__atomic_add_fetch(&ofs->tmp_count, 1, __ATOMIC_RELAXED));
	return create_direct(ofs->work, &q, &n);
}

/*
 * Puts the directory @temp into the place of a whiteout. A rename cannot replace a whiteout (a
 * device file) by a directory, so the two are exchanged, and the whiteout is removed from the work
 * directory. Returns 0 or -errno.
 */
static int swap_in(
	struct super_block *sb, struct dentry *temp, struct dentry *updir, const struct qstr *name)
{
	struct dentry *work = OVL_SB(sb)->work, *white;
	struct name_snapshot was;
	int err;

	d_keep_name(temp, &was);
	err = ovl_place(sb, temp, updir, name->name, (int)name->len, RENAME_EXCHANGE);
	if (err)
		goto out;
	/* Runs even if the task is being killed, since no other task would remove the whiteout. */
	down_write(&work->d_inode->i_rwsem);
	white = lookup_one_len(was.name.name, work, (int)was.name.len);
	up_write(&work->d_inode->i_rwsem);
	if (!IS_ERR(white)) {
		ovl_remove_temp(sb, white);
		dput(white);
	}
out:
	d_drop_name(&was);
	return err;
}

/*
 * Makes a file in the work directory and moves it over the whiteout. Returns its dentry,
 * referenced, or ERR_PTR.
 */
static struct dentry *create_over_whiteout(
	struct inode *dir, const struct qstr *name, const struct new_entry *n)
{
	struct super_block *sb = dir->i_sb;
	struct dentry *updir = ovl_upper(dir), *temp;
	int err = 0;

	temp = n->hardlink ? make_hidden_link(sb, n->hardlink) :
			     ovl_make_temp(sb, n->mode, n->rdev, n->link);
	if (IS_ERR(temp))
		return temp;
	if (!n->hardlink)
		err = inherit(updir->d_inode, temp, n);
	if (!err && S_ISDIR(n->mode))
		err = ovl_set_opaque(dir, temp, -EIO);
	if (!err)
		err = S_ISDIR(n->mode) ? swap_in(sb, temp, updir, name) :
					 ovl_place(sb, temp, updir, name->name, (int)name->len, 0);
	if (!err)
		return temp;
	ovl_remove_temp(sb, temp);
	dput(temp);
	return ERR_PTR(err);
}

/* Returns 1 if the upper directory has a whiteout of this name, 0 if it has not, or -errno. */
static int whiteout_at(struct dentry *updir, const struct qstr *name)
{
	struct dentry *d = lookup_one_unlocked(name->name, updir, (int)name->len);
	bool yes;

	if (IS_ERR(d))
		return (int)PTR_ERR(d);
	yes = ovl_is_whiteout(d);
	dput(d);
	return yes;
}

/*
 * Makes the upper entry and returns its dentry with a reference, or ERR_PTR. Called with the
 * mounter's credentials.
 */
static struct dentry *create_upper(struct inode *dir, struct dentry *d, const struct new_entry *n)
{
	struct dentry *updir = ovl_upper(dir), *upper;
	int white = whiteout_at(updir, &d->d_name);

	if (white < 0)
		return ERR_PTR(white);
	if (white)
		return create_over_whiteout(dir, &d->d_name, n);
	upper = create_direct(updir, &d->d_name, n);
	/*
	 * The mark hides nothing now, but would hide a directory that is added to a lower layer
	 * later. The directory exists, so an error is ignored, as on Linux.
	 */
	if (!IS_ERR(upper) && S_ISDIR(n->mode) && OVL_I(dir)->nr_lower)
		ovl_set_opaque(dir, upper, 0);
	return upper;
}

/*
 * Makes a file without a name (O_TMPFILE), to which linkat(2) can give a name. Returns its dentry,
 * referenced, or ERR_PTR.
 */
static struct dentry *tmpfile_upper(struct inode *dir, const struct new_entry *n)
{
	struct path path = { OVL_SB(dir->i_sb)->layer[0].mnt, ovl_upper(dir) };

	return vfs_tmpfile(&path, n->mode, true);
}

/*
 * Makes the upper file with the mounter's credentials, but owned by the caller. Returns its dentry,
 * referenced, or ERR_PTR.
 */
static struct dentry *create_as_caller(
	struct inode *dir, struct dentry *d, const struct new_entry *n)
{
	const struct cred *caller = ovl_enter(dir->i_sb), *mounter;
	struct cred *c = prepare_creds();
	struct dentry *upper = ERR_PTR(-ENOMEM);

	if (c) {
		if (!n->hardlink) {
			c->fsuid = caller->fsuid;
			c->fsgid = caller->fsgid;
		}
		mounter = override_creds(c);
		put_cred(c);
		upper = n->tmpfile ? tmpfile_upper(dir, n) : create_upper(dir, d, n);
		revert_creds(mounter);
	}
	ovl_leave(caller);
	return upper;
}

/*
 * Makes @d. @linked: the inode that gets another name, or NULL for a new inode. Returns 0 or
 * -errno.
 */
static int create(
	struct inode *dir, struct dentry *d, const struct new_entry *n, struct inode *linked)
{
	struct dentry *upper;
	struct inode *inode = linked;
	int err = ovl_copy_up(d->d_parent);

	if (!err)
		err = ovl_want_write(dir->i_sb);
	if (err)
		return err;
	upper = create_as_caller(dir, d, n);
	ovl_dir_changed(dir);
	ovl_copy_attr(dir);
	ovl_drop_write(dir->i_sb);
	if (IS_ERR(upper))
		return (int)PTR_ERR(upper);
	if (linked) {
		dput(upper);
		ihold(linked);
		ovl_copy_attr(linked);
	} else {
		const struct cred *caller = ovl_enter(dir->i_sb);

		inode = ovl_get_inode(dir->i_sb,
			&(struct ovl_found){ .upper = upper,
				.opaque =
					S_ISDIR(n->mode) && ovl_is_opaque(dir->i_sb, upper) > 0 });
		ovl_leave(caller);
		if (IS_ERR(inode)) {
			d_drop(d); /* the next lookup finds the file */
			return (int)PTR_ERR(inode);
		}
	}
	d_instantiate(d, inode);
	return 0;
}

static int ovl_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl)
{
	struct new_entry n = { .mode = (mode & 07777) | S_IFREG };

	return create(dir, d, &n, NULL);
}

static int ovl_tmpfile(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct new_entry n = { .mode = (mode & 07777) | S_IFREG, .tmpfile = true };

	return create(dir, d, &n, NULL);
}

static int ovl_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct new_entry n = { .mode = (mode & 07777) | S_IFDIR };

	return create(dir, d, &n, NULL);
}

static int ovl_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t rdev)
{
	struct new_entry n = { .mode = mode, .rdev = rdev };

	if (S_ISCHR(mode) && !rdev)
		return -EPERM; /* device 0/0 would be a whiteout */
	return create(dir, d, &n, NULL);
}

static int ovl_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct new_entry n = { .mode = S_IFLNK | 0777, .link = target };

	return create(dir, d, &n, NULL);
}

static int ovl_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct new_entry n = { .mode = old->d_inode->i_mode };
	int err = ovl_copy_up(old);

	if (err)
		return err;
	n.hardlink = ovl_upper(old->d_inode);
	return create(dir, d, &n, old->d_inode);
}

/* ---- removing ---- */

/*
 * Finds the upper dentry with @d's name and checks that its inode is @d's upper inode. Returns a
 * referenced dentry, NULL if @d is not in the upper layer, or ERR_PTR.
 */
static struct dentry *upper_entry(struct dentry *updir, struct dentry *d)
{
	struct dentry *up = ovl_upper(d->d_inode), *found;

	if (!up)
		return NULL;
	found = lookup_one_unlocked(d->d_name.name, updir, (int)d->d_name.len);
	if (IS_ERR(found) || found->d_inode == up->d_inode)
		return found;
	dput(found);
	/* the upper layer was changed directly, not through the overlay */
	return ERR_PTR(-ESTALE);
}

/* Removes an upper file whose name the lower layers do not show. Returns 0 or -errno. */
static int remove_plain(
	struct super_block *sb, struct dentry *updir, struct dentry *upper, bool dir)
{
	struct inode *inode = updir->d_inode;
	int err = dir ? ovl_clear_whiteouts(sb, upper) : 0;

	if (err)
		return err;
	down_write(&inode->i_rwsem);
	if (upper->d_parent != updir || !upper->d_inode)
		err = -ESTALE;
	else
		err = dir ? vfs_rmdir(inode, upper) : vfs_unlink(inode, upper);
	up_write(&inode->i_rwsem);
	return err;
}

/* Puts a whiteout under the name, and removes @upper (NULL: there is none). Returns 0 or -errno. */
static int remove_and_cover(
	struct super_block *sb, struct dentry *updir, struct dentry *upper, const struct qstr *name)
{
	struct dentry *white;
	int err = ovl_whiteout(sb, &white);

	if (err)
		return err;
	err = ovl_place(sb, white, updir, name->name, (int)name->len,
		upper ? RENAME_EXCHANGE : RENAME_NOREPLACE);
	if (err) {
		ovl_remove_temp(sb, white);
	} else if (upper) { /* @upper was moved to work/ */
		if (S_ISDIR(upper->d_inode->i_mode))
			ovl_clear_whiteouts(sb, upper);
		ovl_remove_temp(sb, upper);
	}
	dput(white);
	return err;
}

/* Removes the name from the overlay. The mounter's credentials are in use. Returns 0 or -errno. */
static int remove_upper(struct inode *dir, struct dentry *d, bool is_dir)
{
	struct dentry *updir = ovl_upper(dir), *upper = upper_entry(updir, d);
	int err, below;

	if (IS_ERR(upper))
		return (int)PTR_ERR(upper);
	below = ovl_lower_has(dir, d->d_name.name, (int)d->d_name.len);
	if (below < 0)
		err = below;
	else if (below || !upper)
		err = remove_and_cover(dir->i_sb, updir, upper, &d->d_name);
	else
		err = remove_plain(dir->i_sb, updir, upper, is_dir);
	dput(upper);
	return err;
}

/* Removes a name. Returns 0 or -errno: -ENOTEMPTY for a directory that shows names. */
static int do_remove(struct inode *dir, struct dentry *d, bool is_dir)
{
	struct inode *inode = d->d_inode;
	const struct cred *old;
	int err = ovl_copy_up(d->d_parent);

	if (!err && is_dir)
		err = ovl_dir_empty(inode);
	if (!err)
		err = ovl_want_write(dir->i_sb);
	if (err)
		return err;
	/* Excludes a concurrent copy-up. If it comes later, it finds that the name is gone. */
	mutex_lock(&OVL_I(inode)->lock);
	old = ovl_enter(dir->i_sb);
	err = remove_upper(dir, d, is_dir);
	ovl_dir_changed(dir);
	ovl_leave(old);
	mutex_unlock(&OVL_I(inode)->lock);
	if (!err) {
		if (is_dir)
			clear_nlink(inode);
		else if (ovl_upper(inode))
			ovl_copy_attr(inode);
		else if (inode->i_nlink)
			drop_nlink(inode);
		ovl_copy_attr(dir);
	}
	ovl_drop_write(dir->i_sb);
	return err;
}

static int ovl_unlink(struct inode *dir, struct dentry *d)
{
	return do_remove(dir, d, false);
}

static int ovl_rmdir(struct inode *dir, struct dentry *d)
{
	return do_remove(dir, d, true);
}

const struct inode_operations ovl_dir_iops = {
	.lookup = ovl_lookup,
	.create = ovl_create,
	.link = ovl_link,
	.unlink = ovl_unlink,
	.symlink = ovl_symlink,
	.mkdir = ovl_mkdir,
	.rmdir = ovl_rmdir,
	.mknod = ovl_mknod,
	.rename = ovl_rename,
	.tmpfile = ovl_tmpfile,
	OVL_COMMON_OPS,
};
