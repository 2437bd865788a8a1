/* SPDX-License-Identifier: MIT */
/*
 * dir.c: names and attributes. A dentry is valid until the ktime in d_fsdata (0: the server is
 * asked at each use), attributes are valid until fuse_inode.attr_until. The server sets both times.
 *
 * Without allow_other only the mounting user may enter. Other users, including root, get EACCES,
 * since a server could hang or deceive their processes. Without default_permissions the server
 * checks permissions: it refuses operations, and answers ACCESS.
 */
#include "kernel/fs/fuse/fuse.h"

static const struct inode_operations fuse_dir_iops, fuse_link_iops, fuse_file_iops;

/* ---- access ---- */

bool fuse_allowed(const struct fuse_conn *fc)
{
	const struct cred *c = current_cred();

	if (fc->allow_other)
		return in_userns(fc->user_ns, c->user_ns);
	return c->euid == fc->user_id && c->suid == fc->user_id && c->uid == fc->user_id &&
	       c->egid == fc->group_id && c->sgid == fc->group_id && c->gid == fc->group_id;
}

/* ---- attributes ---- */

void fuse_stale_attr(struct inode *inode)
{
	struct fuse_inode *fi = FUSE_I(inode);

	spin_lock(&fi->lock);
	fi->attr_until = 0;
	spin_unlock(&fi->lock);
}

/*
 * Takes over the server's attributes. @asked: fuse_asking() before the request. Returns 0, or -EIO
 * if they cannot be this inode's.
 */
static int take_attr(struct inode *inode, const struct fuse_attr_out *o, u64 asked)
{
	if ((o->attr.mode & S_IFMT) != (inode->i_mode & S_IFMT) || o->attr.size > S64_MAX)
		return -EIO;
	fuse_set_attr(inode, &o->attr, fuse_until(o->attr_valid, o->attr_valid_nsec), asked);
	return 0;
}

/*
 * Marks the attributes as out of date if the server has invalidated them since the request. @asked:
 * fuse_asking() before the request.
 */
static void keep_outdated(struct inode *inode, u64 asked)
{
	struct fuse_inode *fi = FUSE_I(inode);

	spin_lock(&fi->lock);
	if (fi->inval_version > asked)
		fi->attr_until = 0;
	spin_unlock(&fi->lock);
}

int fuse_refresh_attr(struct inode *inode, struct file *f)
{
	struct fuse_getattr_in in = { .getattr_flags = 0 };
	const struct fuse_file *ff = f ? f->private_data : NULL;
	u64 asked = fuse_asking(fuse_conn_of(inode));
	struct fuse_attr_out o;
	int err;

	if (ff && S_ISREG(inode->i_mode) && !ff->none) {
		in.getattr_flags = FUSE_GETATTR_FH;
		in.fh = ff->fh;
	}
	err = fuse_call(fuse_conn_of(inode), FUSE_GETATTR, FUSE_I(inode)->nodeid, &in, sizeof(in),
		NULL, 0, &o, sizeof(o));
	return err ? err : take_attr(inode, &o, asked);
}

static bool attr_stale(struct inode *inode)
{
	struct fuse_inode *fi = FUSE_I(inode);
	u64 until;

	spin_lock(&fi->lock);
	until = fi->attr_until;
	spin_unlock(&fi->lock);
	return until <= ktime_get();
}

int fuse_update_attr(struct inode *inode, struct file *f)
{
	return attr_stale(inode) ? fuse_refresh_attr(inode, f) : 0;
}

static int fuse_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;
	int err;

	if (!fuse_allowed(fuse_conn_of(inode)))
		return -EACCES;
	err = flags & AT_STATX_FORCE_SYNC ? fuse_refresh_attr(inode, NULL) :
	      flags & AT_STATX_DONT_SYNC  ? 0 :
					    fuse_update_attr(inode, NULL);
	if (err)
		return err;
	generic_fillattr(inode, st);
	st->ino = FUSE_I(inode)->ino;
	return 0;
}

/* Copies the changes @a into the request. @ours: this kernel, not the server, keeps the times. */
static void fill_setattr(
	const struct fuse_conn *fc, struct fuse_setattr_in *in, const struct iattr *a, bool ours)
{
	u32 v = a->ia_valid;

	if (v & ATTR_MODE) {
		in->valid |= FATTR_MODE;
		in->mode = a->ia_mode;
	}
	if (v & ATTR_UID) {
		in->valid |= FATTR_UID;
		in->uid = from_kuid(fc->user_ns, a->ia_uid);
	}
	if (v & ATTR_GID) {
		in->valid |= FATTR_GID;
		in->gid = from_kgid(fc->user_ns, a->ia_gid);
	}
	if (v & ATTR_SIZE) {
		in->valid |= FATTR_SIZE;
		in->size = (u64)a->ia_size;
	}
	if (v & ATTR_ATIME && (v & ATTR_ATIME_SET || !(v & ATTR_SIZE))) {
		in->valid |= FATTR_ATIME | (v & ATTR_ATIME_SET ? 0 : FATTR_ATIME_NOW);
		in->atime = (u64)a->ia_atime.tv_sec;
		in->atimensec = (u32)a->ia_atime.tv_nsec;
	}
	if (v & ATTR_MTIME && (ours || v & ATTR_MTIME_SET || !(v & ATTR_SIZE))) {
		in->valid |= FATTR_MTIME | (ours || v & ATTR_MTIME_SET ? 0 : FATTR_MTIME_NOW);
		in->mtime = (u64)a->ia_mtime.tv_sec;
		in->mtimensec = (u32)a->ia_mtime.tv_nsec;
	}
}

/*
 * Adds a change of mode that clears the set-id bits, unless the server clears them itself
 * (handle_killpriv). The VFS computed the new mode from a cached mode that may be outdated, so the
 * mode is fetched from the server first. Returns 0 or -errno.
 */
static int take_killed(struct inode *inode, struct fuse_setattr_in *in, const struct iattr *a)
{
	int err;

	if (!a->ia_killed || a->ia_valid & ATTR_MODE || fuse_conn_of(inode)->handle_killpriv)
		return 0;
	err = fuse_refresh_attr(inode, a->ia_file);
	if (!err && inode->i_mode & a->ia_killed) {
		in->valid |= FATTR_MODE;
		in->mode = inode->i_mode & ~(u32)a->ia_killed;
	}
	return err;
}

/* Sets the inode's size and times to those of the change @a, which the server has accepted. */
static void set_ours(struct inode *inode, const struct iattr *a)
{
	struct fuse_inode *fi = FUSE_I(inode);

	if (a->ia_valid & ATTR_SIZE)
		fuse_set_size(inode, a->ia_size, false);
	spin_lock(&fi->lock);
	if (a->ia_valid & ATTR_MTIME) {
		inode->i_mtime = a->ia_mtime;
		fi->times_ours = false;
	}
	if (a->ia_valid & ATTR_CTIME)
		inode->i_ctime = a->ia_ctime;
	spin_unlock(&fi->lock);
}

int fuse_flush_times(struct inode *inode, struct file *f)
{
	const struct fuse_file *ff = f->private_data;
	struct fuse_setattr_in in = { .valid = FATTR_MTIME | FATTR_CTIME };
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_attr_out o;
	bool ours;

	spin_lock(&fi->lock);
	ours = fi->times_ours;
	fi->times_ours = false;
	in.mtime = (u64)inode->i_mtime.tv_sec;
	in.mtimensec = (u32)inode->i_mtime.tv_nsec;
	in.ctime = (u64)inode->i_ctime.tv_sec;
	in.ctimensec = (u32)inode->i_ctime.tv_nsec;
	spin_unlock(&fi->lock);
	if (!ours)
		return 0;
	if (f->f_mode & FMODE_WRITE && !ff->none) {
		in.valid |= FATTR_FH;
		in.fh = ff->fh;
	}
	if (current->flags & PF_EXITING) /* this task may be the server itself */
		return fuse_send_and_forget(
			inode, ff->fc, FUSE_SETATTR, fi->nodeid, &in, sizeof(in), sizeof(o));
	return fuse_call(ff->fc, FUSE_SETATTR, fi->nodeid, &in, sizeof(in), NULL, 0, &o, sizeof(o));
}

/*
 * Sends SETATTR, takes over the answer, and cuts the page cache to a new size. Returns 0 or -errno.
 */
static int send_setattr(struct inode *inode, const struct iattr *a)
{
	const struct fuse_file *ff = a->ia_file ? a->ia_file->private_data : NULL;
	u64 asked = fuse_asking(fuse_conn_of(inode));
	struct fuse_setattr_in in;
	struct fuse_attr_out o;
	int err;

	memset(&in, 0, sizeof(in));
	fill_setattr(fuse_conn_of(inode), &in, a, FUSE_I(inode)->ours);
	err = take_killed(inode, &in, a);
	if (err)
		return err;
	if (!in.valid)
		return 0;
	if (ff && a->ia_valid & ATTR_SIZE && !ff->none) {
		in.valid |= FATTR_FH;
		in.fh = ff->fh;
	}
	err = fuse_call(fuse_conn_of(inode), FUSE_SETATTR, FUSE_I(inode)->nodeid, &in, sizeof(in),
		NULL, 0, &o, sizeof(o));
	if (err == -EINTR)
		fuse_stale_attr(inode);
	if (err)
		return err;
	err = take_attr(inode, &o, ~0UL); /* ~0: i_rwsem kept the size */
	keep_outdated(inode, asked);
	if (!err && FUSE_I(inode)->ours)
		set_ours(inode, a);
	if (!err && a->ia_valid & ATTR_SIZE)
		truncate_pagecache(&inode->i_data, a->ia_size);
	return err;
}

static int fuse_setattr(struct dentry *d, struct iattr *a)
{
	struct inode *inode = d->d_inode;
	struct fuse_conn *fc = fuse_conn_of(inode);
	int err;

	if (!fuse_allowed(fc))
		return -EACCES;
	if (fc->default_permissions) {
		err = setattr_prepare(d, a);
		if (err)
			return err;
	} else if (a->ia_valid & ATTR_SIZE) {
		err = inode_newsize_ok(inode, a->ia_size);
		if (err)
			return err;
	}
	/* The server truncates the file at OPEN. */
	if (a->ia_valid & ATTR_OPEN && fc->atomic_trunc) {
		fuse_set_size(inode, 0, false);
		truncate_pagecache(&inode->i_data, 0);
		return 0;
	}
	/*
	 * Flushes first: later writes would change the time that is set now, or fail if this call
	 * takes write access away.
	 */
	if (a->ia_valid & ATTR_SIZE || FUSE_I(inode)->ours) {
		err = fuse_flush_pages(inode);
		if (err)
			return err;
	}
	return send_setattr(inode, a);
}

/* Asks the server by ACCESS. Returns its answer, or 0 if it has no such operation. */
static int ask_access(struct inode *inode, int mask)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	struct fuse_access_in in = { .mask = (u32)mask & (MAY_READ | MAY_WRITE | MAY_EXEC) };
	int err;

	if (fc->no_access)
		return 0;
	err = fuse_call(fc, FUSE_ACCESS, FUSE_I(inode)->nodeid, &in, sizeof(in), NULL, 0, NULL, 0);
	if (err != -ENOSYS)
		return err;
	fc->no_access = true;
	return 0;
}

static int fuse_permission(struct inode *inode, int mask)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	bool exec = (mask & MAY_EXEC) && S_ISREG(inode->i_mode);
	int err = 0;

	if (!fuse_allowed(fc))
		return -EACCES;
	/* a lookup comes next, and how it locks the directory is known after INIT only */
	if (S_ISDIR(inode->i_mode))
		err = fuse_await_init(fc);
	if (!err && (fc->default_permissions || exec))
		err = fuse_update_attr(inode, NULL);
	if (err)
		return err;
	if (fc->default_permissions)
		return generic_permission(inode, mask);
	if (mask & (MAY_ACCESS | MAY_CHDIR))
		return ask_access(inode, mask);
	return exec && !(inode->i_mode & 0111) ? -EACCES : 0;
}

/* ---- looking up ---- */

/* Returns fc->entry_version, which grows when the server invalidates a name. Takes fc->lock. */
static u64 asking_names(struct fuse_conn *fc)
{
	u64 v;

	spin_lock(&fc->lock);
	v = fc->entry_version;
	spin_unlock(&fc->lock);
	return v;
}

/*
 * Sets the time until which the name is valid. @asked: asking_names() before the request. If the
 * server has invalidated any name since then, it may have been this name, so the dentry expires at
 * once.
 */
static void set_entry_until(struct dentry *d, const struct fuse_entry_out *e, u64 asked)
{
	struct fuse_conn *fc = d->d_sb->s_fs_info;
	u64 until = fuse_until(e->entry_valid, e->entry_valid_nsec);

	spin_lock(&fc->lock);
	d->d_fsdata = fc->entry_version == asked ? (void *)until : NULL;
	spin_unlock(&fc->lock);
}

/* Sends a LOOKUP. Returns 0 or -errno. e->nodeid is 0 if the name does not exist. */
static int send_lookup(struct inode *dir, const struct qstr *name, struct fuse_entry_out *e)
{
	char text[FUSE_NAME_LEN + 1];
	int err;

	if (name->len > FUSE_NAME_LEN)
		return -ENAMETOOLONG;
	memcpy(text, name->name, name->len);
	text[name->len] = 0;
	err = fuse_call(fuse_conn_of(dir), FUSE_LOOKUP, FUSE_I(dir)->nodeid, text, name->len + 1,
		NULL, 0, e, sizeof(*e));
	if (err == -ENOENT) {
		memset(e, 0, sizeof(*e));
		return 0;
	}
	if (!err && e->nodeid && !fuse_valid_entry(e))
		err = -EIO;
	return err;
}

static struct dentry *fuse_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	u64 asked = fuse_asking(fuse_conn_of(dir)), names = asking_names(fuse_conn_of(dir));
	struct inode *inode = NULL;
	struct fuse_entry_out e;
	struct dentry *other;
	int err;

	if (!fuse_allowed(fuse_conn_of(dir)))
		return ERR_PTR(-EACCES);
	err = send_lookup(dir, &d->d_name, &e);
	if (err)
		return ERR_PTR(err);
	if (e.nodeid) {
		inode = fuse_iget(dir->i_sb, &e, asked);
		if (IS_ERR(inode))
			return ERR_CAST(inode);
	}
	set_entry_until(d, &e, names);
	other = d_splice_alias(inode, d);
	/* Set again: an invalidation before d_splice_alias() could not find the dentry. */
	if (!IS_ERR(other))
		set_entry_until(other ? other : d, &e, names);
	return other;
}

/* Returns 1 if the server still has the name @d with this inode, 0 if not, or -EINTR or -ENOMEM. */
static int revalidate_by_lookup(struct dentry *d)
{
	struct inode *inode = d->d_inode;
	struct dentry *parent = dget_parent(d);
	struct fuse_conn *fc = fuse_conn_of(inode);
	struct fuse_inode *fi = FUSE_I(inode);
	u64 asked = fuse_asking(fc), names = asking_names(fc);
	struct fuse_entry_out e;
	struct name_snapshot name;
	int err;

	/* No lock prevents a rename of @d meanwhile, so use a copy of the name. */
	d_keep_name(d, &name);
	err = send_lookup(parent->d_inode, &name.name, &e);
	d_drop_name(&name);
	dput(parent);
	if (err == -EINTR || err == -ENOMEM)
		return err;
	if (err || !e.nodeid)
		return 0;
	if (e.nodeid != fi->nodeid || (e.attr.mode & S_IFMT) != (inode->i_mode & S_IFMT)) {
		fuse_forget_one(fc, e.nodeid);
		return 0;
	}
	spin_lock(&fi->lock);
	fi->nlookup++;
	spin_unlock(&fi->lock);
	fuse_set_attr(inode, &e.attr, fuse_until(e.attr_valid, e.attr_valid_nsec), asked);
	set_entry_until(d, &e, names);
	return 1;
}

static int fuse_revalidate(struct dentry *d, u32 flags)
{
	if (d->d_parent == d || (u64)d->d_fsdata > ktime_get())
		return 1;
	if (!d->d_inode || flags & LOOKUP_RENAME_TARGET)
		return 0;
	return revalidate_by_lookup(d);
}

const struct dentry_operations fuse_dops = { .d_revalidate = fuse_revalidate };

/*
 * Handles a failed change of the name @d. If @err is @surprise, the server's view of @d differs
 * from the dentry. If it is -EINTR (the task was killed), the result is unknown. In both cases the
 * next lookup asks the server.
 */
static void doubt_name(struct inode *dir, struct dentry *d, int err, int surprise)
{
	if (err != -EINTR && err != surprise)
		return;
	d->d_fsdata = NULL;
	if (d->d_inode)
		fuse_stale_attr(d->d_inode);
	if (err == -EINTR)
		fuse_stale_attr(dir);
}

/* ---- making ---- */

/*
 * Sends a request whose answer is a new entry of type @type (S_IF*), and gives @d the entry's
 * inode. The request is @in (@n bytes), then @more. Returns 0 or -errno.
 */
static int make_entry(struct inode *dir, struct dentry *d, u32 opcode, const void *in, size_t n,
	const void *more, size_t more_n, umode_t type)
{
	struct fuse_conn *fc = fuse_conn_of(dir);
	u64 asked = fuse_asking(fc), names = asking_names(fc);
	struct fuse_entry_out e;
	struct inode *inode;
	int err;

	if (d->d_name.len > FUSE_NAME_LEN)
		return -ENAMETOOLONG;
	err = fuse_call(fc, opcode, FUSE_I(dir)->nodeid, in, n, more, more_n, &e, sizeof(e));
	if (err) {
		doubt_name(dir, d, err, -EEXIST);
		return err;
	}
	fuse_stale_attr(dir);
	if (!e.nodeid || !fuse_valid_entry(&e) || (e.attr.mode & S_IFMT) != type)
		return -EIO;
	inode = fuse_iget(dir->i_sb, &e, asked);
	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	if (type != S_IFDIR) {
		d_instantiate(d, inode);
	} else if (!d_instantiate_only(d, inode)) { /* the directory already has a dentry */
		iput(inode);
		return -EIO;
	}
	/* Set last, when an invalidation can find the inode. */
	set_entry_until(d, &e, names);
	return 0;
}

static int fuse_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t rdev)
{
	struct fuse_mknod_in in = { .mode = mode, .umask = (u32)current->fs->umask };

	in.rdev = (MINOR(rdev) & 0xff) | MAJOR(rdev) << 8 | (MINOR(rdev) & ~0xffU) << 12;
	return make_entry(dir, d, FUSE_MKNOD, &in, sizeof(in), d->d_name.name, d->d_name.len + 1,
		mode & S_IFMT);
}

/*
 * Creates a file by CREATE, which also opens it on the server. The handle is kept in fi->created
 * for the open that follows. Returns 0 or -errno: -ENOSYS if the server has no CREATE.
 */
static int create_open(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct fuse_conn *fc = fuse_conn_of(dir);
	struct fuse_create_in in = {
		.flags = O_RDWR | O_CREAT | O_EXCL, .mode = mode, .umask = (u32)current->fs->umask
	};
	struct {
		struct fuse_entry_out e;
		struct fuse_open_out o;
	} out;
	struct fuse_file *ff = fuse_file_new(fc, 0);
	u64 asked = fuse_asking(fc), names = asking_names(fc);
	struct inode *inode;
	int err;

	if (!ff)
		return -ENOMEM;
	err = fuse_call(fc, FUSE_CREATE, FUSE_I(dir)->nodeid, &in, sizeof(in), d->d_name.name,
		d->d_name.len + 1, &out, sizeof(out));
	if (err) {
		doubt_name(dir, d, err, -EEXIST);
		fuse_file_drop(ff);
		return err;
	}
	fuse_stale_attr(dir);
	ff->fh = out.o.fh;
	ff->flags = out.o.open_flags;
	ff->nodeid = out.e.nodeid;
	ff->maker = current;
	inode = out.e.nodeid && fuse_valid_entry(&out.e) && S_ISREG(out.e.attr.mode) ?
			fuse_iget(dir->i_sb, &out.e, asked) :
			ERR_PTR(-EIO);
	if (IS_ERR(inode)) {
		fuse_file_release(dir, ff, O_RDWR);
		return (int)PTR_ERR(inode);
	}
	ff = xchg(&FUSE_I(inode)->created, ff);
	if (ff)
		fuse_file_release(inode, ff, O_RDWR);
	d_instantiate(d, inode);
	set_entry_until(d, &out.e, names);
	return 0;
}

static int fuse_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl)
{
	struct fuse_conn *fc = fuse_conn_of(dir);
	int err = -ENOSYS;

	if (d->d_name.len > FUSE_NAME_LEN)
		return -ENAMETOOLONG;
	if (!fc->no_create)
		err = create_open(dir, d, mode);
	if (err != -ENOSYS)
		return err;
	fc->no_create = true;
	return fuse_mknod(dir, d, mode, 0);
}

static int fuse_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct fuse_mkdir_in in = { .mode = mode, .umask = (u32)current->fs->umask };

	return make_entry(
		dir, d, FUSE_MKDIR, &in, sizeof(in), d->d_name.name, d->d_name.len + 1, S_IFDIR);
}

static int fuse_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	return make_entry(dir, d, FUSE_SYMLINK, d->d_name.name, d->d_name.len + 1, target,
		strlen(target) + 1, S_IFLNK);
}

static int fuse_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *inode = old->d_inode;
	struct fuse_link_in in = { .oldnodeid = FUSE_I(inode)->nodeid };
	int err = make_entry(dir, d, FUSE_LINK, &in, sizeof(in), d->d_name.name, d->d_name.len + 1,
		inode->i_mode & S_IFMT);

	fuse_stale_attr(inode);
	return err;
}

/* ---- removing, renaming ---- */

/* Sends UNLINK or RMDIR, and counts the lost link. Returns 0 or -errno. */
static int remove_entry(struct inode *dir, struct dentry *d, u32 opcode)
{
	int err = fuse_call(fuse_conn_of(dir), opcode, FUSE_I(dir)->nodeid, d->d_name.name,
		d->d_name.len + 1, NULL, 0, NULL, 0);

	if (err) {
		doubt_name(dir, d, err, -ENOENT);
		return err;
	}
	fuse_stale_attr(dir);
	if (opcode == FUSE_RMDIR)
		clear_nlink(d->d_inode);
	else if (d->d_inode->i_nlink)
		drop_nlink(d->d_inode);
	fuse_stale_attr(d->d_inode);
	return 0;
}

static int fuse_unlink(struct inode *dir, struct dentry *d)
{
	return remove_entry(dir, d, FUSE_UNLINK);
}

static int fuse_rmdir(struct inode *dir, struct dentry *d)
{
	return remove_entry(dir, d, FUSE_RMDIR);
}

/* Sends RENAME, or RENAME2 if @flags is not 0. Returns 0 or -errno. */
static int send_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *nd, u32 flags)
{
	size_t head = flags ? sizeof(struct fuse_rename2_in) : sizeof(struct fuse_rename_in);
	size_t a = old->d_name.len + 1, b = nd->d_name.len + 1;
	struct fuse_req *r = fuse_req_new(fuse_conn_of(odir), flags ? FUSE_RENAME2 : FUSE_RENAME,
		FUSE_I(odir)->nodeid, head + a + b, 0);
	struct fuse_rename2_in in = { .newdir = FUSE_I(ndir)->nodeid, .flags = flags };
	int err;

	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	memcpy(r->in, &in, head);
	memcpy((char *)r->in + head, old->d_name.name, a);
	memcpy((char *)r->in + head + a, nd->d_name.name, b);
	err = fuse_send(r);
	fuse_req_put(r);
	return err;
}

static int fuse_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *nd, u32 flags)
{
	struct fuse_conn *fc = fuse_conn_of(odir);
	int err;

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (flags && fc->no_rename2)
		return -EINVAL;
	err = send_rename(odir, old, ndir, nd, flags);
	if (flags && err == -ENOSYS) {
		fc->no_rename2 = true;
		return -EINVAL;
	}
	if (err) {
		doubt_name(odir, old, err, -ENOENT);
		doubt_name(ndir, nd, err, -ENOENT);
		return err;
	}
	fuse_stale_attr(odir);
	fuse_stale_attr(ndir);
	fuse_stale_attr(old->d_inode);
	if (nd->d_inode) {
		if (!(flags & RENAME_EXCHANGE) && nd->d_inode->i_nlink)
			drop_nlink(nd->d_inode);
		fuse_stale_attr(nd->d_inode);
	}
	return 0;
}

static const char *fuse_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	struct fuse_req *r;
	char *text;
	int err;

	if (!fuse_allowed(fuse_conn_of(inode)))
		return ERR_PTR(-EACCES);
	r = fuse_req_new(
		fuse_conn_of(inode), FUSE_READLINK, FUSE_I(inode)->nodeid, 0, PATH_MAX - 1);
	if (IS_ERR(r))
		return ERR_CAST(r);
	r->out_var = true;
	err = fuse_send(r);
	text = err ? ERR_PTR(err) : kzalloc(r->out_len + 1, GFP_KERNEL);
	if (!text)
		text = ERR_PTR(-ENOMEM);
	if (!IS_ERR(text)) {
		memcpy(text, r->out, r->out_len);
		*to_free = text;
	}
	fuse_req_put(r);
	return text;
}

/* ---- operations ---- */

#define COMMON_OPS                                                                                 \
	.getattr = fuse_getattr, .setattr = fuse_setattr, .permission = fuse_permission,           \
	.getxattr = fuse_getxattr, .setxattr = fuse_setxattr, .listxattr = fuse_listxattr

static const struct inode_operations fuse_dir_iops = {
	.lookup = fuse_lookup,
	.create = fuse_create,
	.link = fuse_link,
	.unlink = fuse_unlink,
	.symlink = fuse_symlink,
	.mkdir = fuse_mkdir,
	.rmdir = fuse_rmdir,
	.mknod = fuse_mknod,
	.rename = fuse_rename,
	COMMON_OPS,
};
static const struct inode_operations fuse_link_iops = { .get_link = fuse_get_link, COMMON_OPS };
static const struct inode_operations fuse_file_iops = { COMMON_OPS };

void fuse_set_ops(struct inode *inode)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFDIR:
		inode->i_op = &fuse_dir_iops;
		inode->i_fop = &fuse_dir_fops;
		break;
	case S_IFLNK: inode->i_op = &fuse_link_iops; break;
	case S_IFREG:
		inode->i_op = &fuse_file_iops;
		inode->i_fop = &fuse_file_fops;
		break;
	default:
		inode->i_op = &fuse_file_iops;
		init_special_inode(inode, inode->i_mode, inode->i_rdev);
	}
}
