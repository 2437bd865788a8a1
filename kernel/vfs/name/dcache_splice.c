/* SPDX-License-Identifier: MIT */
/*
 * dcache_splice.c: keeps one dentry for each directory. A lookup may find a directory that already
 * has a dentry under another name: a server or the host renamed it without this kernel's knowledge,
 * or the file system is broken or malicious. That dentry then moves to the new name.
 *
 * Locks: the directory's i_rwsem is held, for reading at least. The other locks of a rename are
 * above it in the order, so they can only be tried.
 */
#include "kernel/vfs/name/dcache.h"

bool d_instantiate_only(struct dentry *d, struct inode *inode)
{
	const struct dentry *a;
	bool ok = true;

	BUG_ON(d->d_inode);
	spin_lock(&inode->i_lock);
	list_for_each_entry(a, &inode->i_dentry, d_alias)
		ok = ok && atomic_read(&a->d_count) < 0; /* all aliases are dead */
	if (ok) {
		list_add(&d->d_alias, &inode->i_dentry);
		smp_store_release(&d->d_inode, inode);
	}
	spin_unlock(&inode->i_lock);
	return ok;
}

/*
 * Moves @alias from another directory to the name of @d, as a rename does. The other directory's
 * i_rwsem is held only for reading, so lookups there continue. Returns 0 or -errno; -ESTALE if a
 * lock was not free.
 */
static int splice_from_elsewhere(struct dentry *alias, struct dentry *d)
{
	struct inode *from;
	int err = -ESTALE;

	if (!mutex_trylock(&d->d_sb->s_rename_mutex))
		return err;
	from = alias->d_parent->d_inode;
	if (d_move_within(alias, d)) { /* another lookup has moved it already */
		err = 0;
	} else if (d_is_ancestor(alias, d)) {
		err = -ELOOP;
	} else if (down_read_trylock(&from->i_rwsem)) {
		d_move(alias, d);
		up_read(&from->i_rwsem);
		err = 0;
	}
	mutex_unlock(&d->d_sb->s_rename_mutex);
	return err;
}

/*
 * Hashes a new dentry as d_rehash() does, under rename_seq.lock. As soon as the dentry has its
 * inode, a lookup of another name in this directory may rename it (d_move_within()). Under the lock
 * that rename comes either before the dentry is hashed or after.
 */
static void rehash_new(struct dentry *d)
{
	spin_lock(&rename_seq.lock);
	d_rehash(d);
	spin_unlock(&rename_seq.lock);
}

/*
 * Moves @alias, the live dentry of the directory @inode, to the name of @d, unless that would make
 * a loop, as on a broken file system. Takes over the reference to @inode. Returns @alias or
 * ERR_PTR.
 */
static struct dentry *splice_known_dir(struct inode *inode, struct dentry *alias, struct dentry *d)
{
	int err = 0;

	if (alias->d_flags & DCACHE_ROOT)
		err = -ELOOP;
	else if (!d_move_within(alias, d))
		err = splice_from_elsewhere(alias, d);
	iput(inode);
	if (!err)
		return alias;
	dput(alias);
	return ERR_PTR(err);
}

struct dentry *d_splice_alias(struct inode *inode, struct dentry *d)
{
	struct dentry *alias;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	if (!inode || !is_dir(inode)) {
		d_add(d, inode);
		return NULL;
	}
	do {
		alias = d_find_alias(inode);
		if (alias)
			return splice_known_dir(inode, alias, d);
	} while (!d_instantiate_only(d, inode));
	rehash_new(d);
	return NULL;
}
