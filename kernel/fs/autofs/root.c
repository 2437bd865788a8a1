/* SPDX-License-Identifier: MIT */
/*
 * root.c: the names of an autofs mount, and path walks over them.
 *
 * In an indirect mount, the lookup of a missing name makes a negative dentry that is a trigger. The
 * path walk then makes a request, and the daemon makes the directory and mounts on it, or makes a
 * symlink. Only the daemon may change names, but in a catatonic mount any process that has the
 * permission (autofs_oz()).
 */
#include "kernel/fs/autofs/autofs.h"
#include "kernel/vfs/libfs.h"

bool autofs_oz_locked(const struct autofs_sb *s)
{
	return s->catatonic || task_pgrp(current) == s->oz_pgrp;
}

bool autofs_oz(struct autofs_sb *s)
{
	bool oz;

	mutex_lock(&s->lock);
	oz = autofs_oz_locked(s);
	mutex_unlock(&s->lock);
	return oz;
}

int autofs_info_new(struct dentry *d)
{
	struct autofs_info *i = kzalloc(sizeof(*i), GFP_KERNEL | __GFP_ACCOUNT);

	if (!i)
		return -ENOMEM;
	INIT_LIST_HEAD(&i->link);
	i->dentry = d;
	i->uid = (kuid_t)-1;
	i->gid = (kgid_t)-1;
	i->last_used = ktime_get();
	d->d_fsdata = i;
	return 0;
}

static void autofs_release(struct dentry *d)
{
	kfree(d->d_fsdata);
}

/* ---- walks ---- */

/*
 * True if the name needs no mount: a symlink, or a directory that has entries and on which no mount
 * is.
 */
static bool is_complete(const struct path *p)
{
	const struct inode *inode = d_inode(p->dentry);

	if (!inode)
		return false;
	if (S_ISLNK(inode->i_mode))
		return true;
	return !simple_dir_empty((struct inode *)inode) && !path_is_mountpoint(p);
}

static void touch(struct autofs_sb *s, const struct dentry *d)
{
	struct autofs_info *i = autofs_info(d);

	if (i && !s->strictexpire)
		WRITE_ONCE(i->last_used, ktime_get());
}

static int autofs_manage(const struct path *p)
{
	struct autofs_sb *s = AUTOFS_SB(p->dentry->d_sb);
	int err;

	if (autofs_oz(s))
		return path_is_mountpoint(p) ? 0 : -EISDIR;
	err = autofs_await_expiry(s, p->dentry);
	if (err)
		return err;
	touch(s, p->dentry);
	return is_complete(p) ? -EISDIR : 0;
}

/*
 * Replaces p->dentry by the dentry that the daemon may have made for the same name meanwhile.
 * Returns 0 or -ENOENT.
 */
static int take_new_dentry(struct path *p)
{
	struct dentry *parent, *d;

	if (d_inode(p->dentry) && (p->dentry == p->dentry->d_sb->s_root ||
					  !(READ_ONCE(p->dentry->d_flags) & DCACHE_UNHASHED)))
		return 0;
	parent = dget_parent(p->dentry);
	d = d_lookup(parent, &p->dentry->d_name);
	dput(parent);
	if (!d || !d_inode(d)) {
		dput(d);
		return -ENOENT;
	}
	dput(p->dentry);
	p->dentry = d;
	return 0;
}

static int autofs_automount(struct path *p)
{
	struct autofs_sb *s = AUTOFS_SB(p->dentry->d_sb);
	int err;

	if (autofs_oz(s))
		return -EISDIR;
	err = autofs_await_expiry(s, p->dentry);
	if (!err)
		err = autofs_ask(s, p, false);
	return err ? err : take_new_dentry(p);
}

const struct dentry_operations autofs_dops = {
	.d_release = autofs_release,
	.d_manage = autofs_manage,
	.d_automount = autofs_automount,
};

/* ---- names ---- */

static struct dentry *autofs_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct autofs_sb *s = AUTOFS_SB(dir->i_sb);
	bool in_root = d->d_parent == dir->i_sb->s_root;
	int err;

	if (d->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	if (!in_root && !autofs_oz(s))
		return ERR_PTR(-ENOENT);
	if (in_root && s->type == AUTOFS_TYPE_INDIRECT) {
		err = autofs_info_new(d);
		if (err)
			return ERR_PTR(err);
		d_set_managed(d);
	}
	d_add(d, NULL);
	return NULL;
}

static void list_name(struct autofs_sb *s, struct dentry *d)
{
	struct autofs_info *i = autofs_info(d);

	if (!i)
		return;
	mutex_lock(&s->lock);
	i->last_used = ktime_get();
	if (list_empty(&i->link))
		list_add(&i->link, &s->names);
	mutex_unlock(&s->lock);
}

static void unlist_name(struct autofs_sb *s, struct dentry *d)
{
	struct autofs_info *i = autofs_info(d);

	if (!i)
		return;
	mutex_lock(&s->lock);
	list_del_init(&i->link);
	mutex_unlock(&s->lock);
}

static int autofs_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct autofs_sb *s = AUTOFS_SB(dir->i_sb);
	struct inode *inode;
	int err;

	if (!autofs_oz(s))
		return -EACCES;
	inode = autofs_new_inode(dir->i_sb, S_IFDIR | (mode & 07777));
	if (!inode)
		return -ENOMEM;
	err = simple_dir_add_new(dir, d, inode);
	if (err)
		return err;
	inc_nlink(dir);
	list_name(s, d);
	return 0;
}

static int autofs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct autofs_sb *s = AUTOFS_SB(dir->i_sb);
	struct inode *inode;
	int err;

	if (!autofs_oz(s))
		return -EACCES;
	inode = autofs_new_inode(dir->i_sb, S_IFLNK | 0777);
	if (!inode)
		return -ENOMEM;
	inode->i_link = kstrdup(target);
	if (!inode->i_link) {
		clear_nlink(inode);
		iput(inode);
		return -ENOMEM;
	}
	inode->i_size = (loff_t)strlen(target);
	err = simple_dir_add_new(dir, d, inode);
	if (!err)
		list_name(s, d);
	return err;
}

static int autofs_unlink(struct inode *dir, struct dentry *d)
{
	struct autofs_sb *s = AUTOFS_SB(dir->i_sb);

	if (!autofs_oz(s) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	unlist_name(s, d);
	return simple_unlink(dir, d);
}

static int autofs_rmdir(struct inode *dir, struct dentry *d)
{
	struct autofs_sb *s = AUTOFS_SB(dir->i_sb);
	int err;

	if (!autofs_oz(s))
		return -EACCES;
	err = simple_rmdir(dir, d);
	if (!err)
		unlist_name(s, d);
	return err;
}

static int autofs_permission(struct inode *inode, int mask)
{
	if (mask & MAY_WRITE && !autofs_oz(AUTOFS_SB(inode->i_sb)))
		return -EACCES;
	return generic_permission(inode, mask);
}

const struct inode_operations autofs_dir_iops = {
	.lookup = autofs_lookup,
	.mkdir = autofs_mkdir,
	.rmdir = autofs_rmdir,
	.symlink = autofs_symlink,
	.unlink = autofs_unlink,
	.permission = autofs_permission,
	.setattr = simple_setattr,
};
