/* SPDX-License-Identifier: MIT */
/*
 * dir.c: operations on names. The host's result counts: if a process of the host has created a name
 * meanwhile, the guest's attempt to create it fails with EEXIST, and open(2) without O_EXCL opens
 * that file.
 *
 * Each call names a folder's node and one component. Symbolic links are ordinary objects; the
 * guest's vfs follows their texts, from its own root, so a link to /etc/passwd leads to the guest's
 * file.
 *
 * Locks: the directory's i_rwsem, held by vfs.
 */
#include "drivers/hostfs/hostfs.h"

static int node_of(const struct inode *inode)
{
	return HOSTFS_I(inode)->node;
}

/* ---- revalidating names ---- */

static void set_fresh(struct dentry *d)
{
	WRITE_ONCE(d->d_fsdata, (void *)hostfs_until(d->d_sb->s_fs_info));
}

static bool hostfs_fresh(const struct dentry *d)
{
	u64 until = (u64)READ_ONCE(d->d_fsdata);

	return until == HOSTFS_FOREVER || (until && until > ktime_get());
}

static int hostfs_d_revalidate(struct dentry *d, u32 flags)
{
	struct hostfs_sb *hs = d->d_sb->s_fs_info;
	struct dentry *parent;
	struct hostfs_attr a;
	u64 sample;
	int err;

	if (d->d_parent == d)
		return 1;
	if (!d->d_inode && flags & (LOOKUP_CREATE | LOOKUP_RENAME_TARGET))
		return 0;
	if (hostfs_fresh(d))
		return 1;
	sample = hostfs_sample(hs);
	parent = dget_parent(d);
	err = hostfs_host_lookup(node_of(parent->d_inode), d->d_name.name, &a);
	dput(parent);
	if (err && err != -ENOENT)
		return err == -ENOMEM || err == -ENFILE ? err : 0;
	if (err ? !!d->d_inode : !d->d_inode || !hostfs_same(d->d_inode, &a))
		return 0;
	if (d->d_inode)
		hostfs_take_attr(d->d_inode, &a, sample);
	set_fresh(d);
	return 1;
}

const struct dentry_operations hostfs_dops = {
	.d_revalidate = hostfs_d_revalidate,
	.d_fresh = hostfs_fresh,
};

/* ---- looking up ---- */

static struct dentry *hostfs_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	u64 sample = hostfs_sample(hostfs_sb_of(dir));
	struct inode *inode = NULL;
	struct hostfs_attr a;
	struct dentry *other;
	int err = hostfs_host_lookup(node_of(dir), d->d_name.name, &a);

	if (err && err != -ENOENT)
		return ERR_PTR(err);
	if (!err) {
		inode = hostfs_iget(dir->i_sb, node_of(dir), d->d_name.name, 0, &a, sample);
		if (IS_ERR(inode))
			return ERR_CAST(inode);
		if (a.dev != HOSTFS_I(dir)->dev)
			hostfs_note_dev(inode, true);
	}
	set_fresh(d);
	other = d_splice_alias(inode, d);
	if (!IS_ERR_OR_NULL(other))
		set_fresh(other);
	return other;
}

/* ---- creating ---- */

/* Fills in mode and owner of a new object. Returns 0, or -errno if it may not be created. */
static int fill_new(const struct inode *dir, umode_t mode, struct hostfs_new *new)
{
	const struct hostfs_sb *hs = hostfs_sb_of(dir);

	if (mode & (S_ISUID | S_ISGID) && !S_ISDIR(mode) && !hs->setid)
		return -EPERM;
	*new = (struct hostfs_new){ .mode = mode, .uid = ~0U, .gid = ~0U };
	if (S_ISDIR(mode) && dir->i_mode & S_ISGID)
		new->mode |= S_ISGID;
	if (!hs->real_ids)
		return 0;
	if (current_fsuid() != hs->host_uid)
		new->uid = current_fsuid();
	if (dir->i_mode & S_ISGID)
		return 0; /* the host sets the folder's group */
	if (current_fsgid() != hs->host_gid)
		new->gid = current_fsgid();
	return 0;
}

static int finish_new(struct inode *dir, struct dentry *d, const struct hostfs_attr *a)
{
	struct inode *inode = hostfs_iget(
		dir->i_sb, node_of(dir), d->d_name.name, 0, a, hostfs_sample(hostfs_sb_of(dir)));

	hostfs_forget_attr(dir);
	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	set_fresh(d);
	d_add(d, inode);
	hostfs_audit("create", d, NULL);
	return 0;
}

static int make(struct inode *dir, struct dentry *d, const struct hostfs_new *new)
{
	struct hostfs_attr a;
	int err = hostfs_host_make(node_of(dir), d->d_name.name, new, &a);

	if (!err)
		return finish_new(dir, d, &a);
	if (err == -EEXIST)
		d_drop(d); /* a process of the host made the name */
	return err;
}

static int hostfs_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl)
{
	struct hostfs_file *f;
	struct hostfs_new new;
	struct hostfs_attr a;
	int err = fill_new(dir, (mode & 07777) | S_IFREG, &new);

	if (err)
		return err;
	f = hostfs_create_file(node_of(dir), d->d_name.name, &new, &a);
	if (IS_ERR(f)) {
		if (PTR_ERR(f) == -EEXIST)
			d_drop(d);
		return (int)PTR_ERR(f);
	}
	err = finish_new(dir, d, &a);
	if (err)
		hostfs_file_put(f);
	else
		hostfs_adopt_file(d->d_inode, f);
	return err;
}

static int hostfs_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct hostfs_new new;
	int err = fill_new(dir, (mode & 07777) | S_IFDIR, &new);

	return err ? err : make(dir, d, &new);
}

/*
 * Creates a node. FIFOs and sockets of the guest are plain names on the host. Devices are refused,
 * since users of the host could open them.
 */
static int hostfs_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev)
{
	struct hostfs_new new;
	int err = fill_new(dir, mode, &new);

	if ((S_ISCHR(mode) && dev) || S_ISBLK(mode))
		return -EPERM;
	return err ? err : make(dir, d, &new);
}

static int hostfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct hostfs_new new;
	int err = fill_new(dir, S_IFLNK | 0777, &new);

	new.target = target;
	return err ? err : make(dir, d, &new);
}

static int hostfs_tmpfile(struct inode *dir, struct dentry *d, umode_t mode)
{
	int node;
	struct hostfs_file *f;
	struct hostfs_new new;
	struct hostfs_attr a;
	struct inode *inode;
	int err = fill_new(dir, mode, &new);

	if (err)
		return err;
	f = hostfs_create_tmpfile(node_of(dir), &new, &node, &a);
	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	inode = hostfs_iget(dir->i_sb, 0, NULL, node, &a, hostfs_sample(hostfs_sb_of(dir)));
	if (IS_ERR(inode)) {
		hostfs_file_put(f);
		return (int)PTR_ERR(inode);
	}
	hostfs_adopt_file(inode, f);
	set_fresh(d);
	d_instantiate(d, inode);
	hostfs_audit("create", d, NULL);
	return 0;
}

static int hostfs_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *inode = old->d_inode;
	struct hostfs_attr a;
	int err;

	hostfs_change_begin(inode);
	err = hostfs_host_link(node_of(inode), node_of(dir), d->d_name.name, &a);
	hostfs_change_end(inode, err ? NULL : &a, false);
	if (err == -EEXIST)
		d_drop(d);
	if (err)
		return err;
	hostfs_found_as(inode, node_of(dir), d->d_name.name);
	hostfs_forget_attr(dir);
	set_fresh(d);
	ihold(inode);
	d_add(d, inode);
	hostfs_audit("link", old, d);
	return 0;
}

/* ---- removing, renaming ---- */

/* True if the guest uses @d's object by @d, beside the caller, or by another name. */
static bool in_use(const struct dentry *d)
{
	struct inode *inode = d->d_inode;
	bool used = atomic_read(&d->d_count) > 1;
	const struct dentry *other;

	spin_lock(&inode->i_lock);
	list_for_each_entry(other, &inode->i_dentry, d_alias)
		used |= other != d && atomic_read(&other->d_count) > 0;
	spin_unlock(&inode->i_lock);
	return used;
}

/*
 * Keeps the node's descriptor open if the object is in use, since it cannot be opened by @d's name
 * afterwards. Otherwise forgets its other names: the lookup that finds one of them again gives that
 * name to the node. Called before @d's name is removed. Returns 0 or -errno.
 */
static int keep_object(const struct dentry *d)
{
	struct inode *inode = d->d_inode;
	int err;

	if (!S_ISDIR(inode->i_mode))
		d_prune_aliases(inode);
	if (!in_use(d))
		return 0;
	err = hostfs_host_keep(node_of(inode));
	if (!err)
		WRITE_ONCE(HOSTFS_I(inode)->nameless, true);
	return err;
}

/* Undoes keep_object() after @d's name could not be removed, unless the host has lost the name. */
static void not_removed(const struct inode *dir, const struct dentry *d, int err)
{
	if (err != -ENOENT && err != -ESTALE && READ_ONCE(HOSTFS_I(d->d_inode)->nameless))
		hostfs_found_as(d->d_inode, node_of(dir), d->d_name.name);
}

/*
 * Names the node of an object that keep_object() has kept by another cached name that is still
 * valid, if there is such a name. The removed name's dentry is unhashed.
 */
static void use_other_name(struct inode *inode)
{
	struct dentry *d, *parent;
	struct name_snapshot s;
	struct hostfs_attr a;

	if (!inode->i_nlink || S_ISDIR(inode->i_mode) || !READ_ONCE(HOSTFS_I(inode)->nameless))
		return;
	d = d_find_alias(inode);
	if (!d)
		return;
	parent = dget_parent(d);
	d_keep_name(d, &s);
	if (!hostfs_host_lookup(node_of(parent->d_inode), s.name.name, &a) &&
		hostfs_same(inode, &a))
		hostfs_found_as(inode, node_of(parent->d_inode), s.name.name);
	d_drop_name(&s);
	dput(parent);
	dput(d);
}

/* Closes kept files of an object that has lost its last name, so that the host frees its space. */
static void drop_kept(struct inode *inode)
{
	if (!inode->i_nlink && READ_ONCE(HOSTFS_I(inode)->kept))
		hostfs_drop_kept(hostfs_sb_of(inode), inode);
}

static int remove_name(struct inode *dir, struct dentry *d, bool is_dir)
{
	struct inode *inode = d->d_inode;
	int err = hostfs_sb_of(dir)->append ? -EPERM : keep_object(d);

	if (err && err != -ESTALE)
		return err;
	hostfs_change_begin(inode);
	err = hostfs_host_remove(node_of(dir), d->d_name.name, is_dir);
	hostfs_change_end(inode, NULL, false);
	if (err)
		not_removed(dir, d, err);
	if (err == -ENOENT)
		d_drop(d);
	if (err)
		return err;
	hostfs_forget_attr(dir);
	hostfs_audit("remove", d, NULL);
	if (is_dir)
		clear_nlink(inode);
	else if (inode->i_nlink)
		drop_nlink(inode);
	drop_kept(inode);
	d_drop(d);
	use_other_name(inode);
	return 0;
}

static int hostfs_unlink(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d, false);
}

static int hostfs_rmdir(struct inode *dir, struct dentry *d)
{
	return remove_name(dir, d, true);
}

static void note_renamed(struct inode *odir, struct dentry *old, struct inode *ndir,
	struct dentry *nd, bool exchange)
{
	hostfs_forget_attr(odir);
	hostfs_forget_attr(ndir);
	hostfs_found_as(old->d_inode, node_of(ndir), nd->d_name.name);
	if (nd->d_inode && exchange)
		hostfs_found_as(nd->d_inode, node_of(odir), old->d_name.name);
	if (!nd->d_inode || exchange)
		return;
	if (S_ISDIR(nd->d_inode->i_mode))
		clear_nlink(nd->d_inode);
	else if (nd->d_inode->i_nlink)
		drop_nlink(nd->d_inode);
	drop_kept(nd->d_inode);
	d_drop(nd);
	use_other_name(nd->d_inode);
}

static int hostfs_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *nd, u32 flags)
{
	struct hostfs_rename r = { node_of(odir), node_of(ndir), old->d_name.name, nd->d_name.name,
		flags };
	bool exchange = flags & RENAME_EXCHANGE;
	int err = 0;

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (hostfs_sb_of(odir)->append)
		return -EPERM;
	if (nd->d_inode && !exchange)
		err = keep_object(nd);
	if (err && err != -ESTALE)
		return err;
	hostfs_change_begin(old->d_inode);
	if (nd->d_inode)
		hostfs_change_begin(nd->d_inode);
	err = hostfs_host_rename(&r);
	if (nd->d_inode)
		hostfs_change_end(nd->d_inode, NULL, false);
	hostfs_change_end(old->d_inode, NULL, false);
	if (err && nd->d_inode && !exchange)
		not_removed(ndir, nd, err);
	if (err)
		return err;
	note_renamed(odir, old, ndir, nd, exchange);
	hostfs_audit(exchange ? "exchange" : "rename", old, nd);
	return 0;
}

static const char *hostfs_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	return inode->i_link;
}

const struct inode_operations hostfs_dir_iops = {
	.lookup = hostfs_lookup,
	.create = hostfs_create,
	.link = hostfs_link,
	.unlink = hostfs_unlink,
	.symlink = hostfs_symlink,
	.mkdir = hostfs_mkdir,
	.rmdir = hostfs_rmdir,
	.mknod = hostfs_mknod,
	.rename = hostfs_rename,
	.tmpfile = hostfs_tmpfile,
	HOSTFS_COMMON_OPS,
};
const struct inode_operations hostfs_link_iops = { .get_link = hostfs_get_link, HOSTFS_COMMON_OPS };
const struct inode_operations hostfs_file_iops = { HOSTFS_COMMON_OPS };
