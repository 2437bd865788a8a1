/* SPDX-License-Identifier: MIT */
/*
 * rename.c: renaming.
 *
 * The source is copied up first. RENAME_EXCHANGE needs a copy of the target, too. A directory that
 * has parts in lower layers moves only with redirect_dir=on: then its redirect records where these
 * parts are. Otherwise the call gives EXDEV, and the program copies. A directory without lower
 * parts becomes opaque if it moves into a directory that has lower parts.
 *
 * If the lower layers show the old name, the rename leaves a whiteout under that name in the upper
 * directory (RENAME_WHITEOUT of the upper file system). RENAME_EXCHANGE leaves no whiteout, since
 * both names stay in use.
 *
 * Locks: vfs holds the i_rwsem of both overlay directories. If they differ, it holds the overlay's
 * s_rename_mutex, too. Inside these locks lock_rename() takes those of the upper directories.
 */
#include "kernel/fs/overlay/overlay.h"

/* Returns 0 if a rename may move the dentry with its whole subtree without a copy, else -EXDEV. */
static int may_move(const struct dentry *d)
{
	const struct inode *inode = d->d_inode;

	if (!inode || !S_ISDIR(inode->i_mode) || !OVL_I(inode)->nr_lower)
		return 0;
	return OVL_SB(d->d_sb)->redirect_dir ? 0 : -EXDEV;
}

/* ---- redirects ---- */

/*
 * Reads into @text under which name or path the lower parts of @d are found: its redirect, or else
 * its name. Returns the length in bytes or -errno.
 *
 * @d may be an ancestor that another task renames within its directory. Such a rename stores a
 * redirect before the dentry changes its name, and never changes or removes a redirect. So if the
 * redirect is missing, the name that was read before is still that of the lower parts.
 */
static int lower_name(struct dentry *d, char text[OVL_REDIRECT_MAX])
{
	struct dentry *upper = ovl_upper(d->d_inode);
	struct name_snapshot s;
	int n;

	d_keep_name(d, &s);
	n = upper ? ovl_get_redirect(d->d_sb, upper, text) : 0;
	if (!n) {
		n = (int)s.name.len;
		memcpy(text, s.name.name, s.name.len);
	}
	d_drop_name(&s);
	return n;
}

/*
 * Builds the redirect that leads to the lower parts of @d. If @d stays in its directory (@samedir),
 * the redirect is the present one of @d, or the name of @d if there is none. Otherwise the redirect
 * is the path of @d in the lower layers. A directory that has a redirect stands in this path by its
 * redirect instead of its name, and the path begins at an absolute redirect or at the root. Writes
 * the redirect at the end of @page. Returns its start or ERR_PTR: -EXDEV if it is too long.
 *
 * Without @samedir, s_rename_mutex is held, so that no ancestor gets another parent.
 */
static char *build_redirect(struct dentry *d, bool samedir, char *page)
{
	char text[OVL_REDIRECT_MAX], *at = page + PAGE_SIZE - 1;

	*at = 0;
	for (;; d = d->d_parent) {
		int len = lower_name(d, text);

		if (len < 0)
			return ERR_PTR(len);
		if (at - page < len + 2)
			return ERR_PTR(-EXDEV);
		at -= len;
		memcpy(at, text, (size_t)len);
		if (*at == '/' || samedir)
			break;
		*--at = '/';
		if (d->d_parent->d_parent == d->d_parent)
			break;
	}
	return page + PAGE_SIZE - 1 - at < OVL_REDIRECT_MAX ? at : ERR_PTR(-EXDEV);
}

/*
 * Gives the directory a redirect to its lower parts, unless it has one that stays right. Returns 0
 * or -errno: -EXDEV if it cannot be stored.
 */
static int set_redirect(struct dentry *d, bool samedir)
{
	char *page = get_free_page(GFP_KERNEL), *text;
	int err;

	if (!page)
		return -ENOMEM;
	err = ovl_get_redirect(d->d_sb, ovl_upper(d->d_inode), page);
	if (err && (err < 0 || samedir || *page == '/')) {
		free_page_addr(page);
		return min(err, 0);
	}
	text = build_redirect(d, samedir, page);
	err = IS_ERR(text) ? (int)PTR_ERR(text) :
			     ovl_set_own_xattr(d->d_sb, ovl_upper(d->d_inode), OVL_REDIRECT, text,
				     strlen(text));
	free_page_addr(page);
	return err == -EOPNOTSUPP ? -EXDEV : err;
}

/*
 * Prepares @d for a name in @dir. A directory that has lower parts gets a redirect. A directory
 * without lower parts becomes opaque if @dir has lower parts. In all other cases does nothing.
 * Returns 0 or -errno.
 */
static int prepare_dir(struct dentry *d, struct inode *dir, bool samedir)
{
	struct ovl_inode *oi = OVL_I(d->d_inode);
	int err;

	if (!S_ISDIR(d->d_inode->i_mode))
		return 0;
	if (oi->nr_lower)
		return set_redirect(d, samedir);
	if (oi->opaque || !OVL_I(dir)->nr_lower)
		return 0;
	err = ovl_set_opaque(dir, ovl_upper(d->d_inode), -EXDEV);
	if (!err)
		oi->opaque = true;
	return err;
}

/*
 * Prepares the target for its replacement. If it is a directory with an upper part, removes the
 * whiteouts there, which are its only entries. If this directory has lower parts, makes it opaque
 * first, so that no lower entries show through meanwhile. Does nothing for any other target.
 * Returns 0 or -errno.
 */
static int empty_target(struct dentry *new)
{
	struct dentry *upper = ovl_upper(new->d_inode);
	int err;

	if (!upper || !S_ISDIR(new->d_inode->i_mode))
		return 0;
	err = OVL_I(new->d_inode)->nr_lower ? ovl_set_opaque(new->d_inode, upper, -EIO) : 0;
	return err ? err : ovl_clear_whiteouts(new->d_sb, upper);
}

/* ---- the move ---- */

/*
 * Removes a whiteout that a rename has put under a name that no lower layer has. One that stays
 * hides nothing. The i_rwsem of @updir is held.
 */
static void unlink_white(struct dentry *updir, const struct qstr *name)
{
	struct dentry *d = lookup_one_len(name->name, updir, (int)name->len);
	int err = IS_ERR(d) ? (int)PTR_ERR(d) : 0;

	if (!err && ovl_is_whiteout(d))
		err = vfs_unlink(updir->d_inode, d);
	if (!IS_ERR(d))
		dput(d);
	if (err && printk_ratelimit(__func__))
		pr_warn("overlay: cannot remove a whiteout after a rename (%d)\n", err);
}

/*
 * Renames, with the upper directories locked. @below: the lower layers show the old name. Returns 0
 * or -errno: -ESTALE if the upper layer was changed directly, not through the overlay.
 */
static int move_locked(struct dentry *old, struct dentry *updir, struct dentry *new,
	struct dentry *new_updir, const struct dentry *trap, u32 flags, bool below)
{
	struct dentry *from = lookup_one_len(old->d_name.name, updir, (int)old->d_name.len), *to;
	bool dir = S_ISDIR(old->d_inode->i_mode), clean = false;
	int err;

	if (IS_ERR(from))
		return (int)PTR_ERR(from);
	to = lookup_one_len(new->d_name.name, new_updir, (int)new->d_name.len);
	err = IS_ERR(to) ? (int)PTR_ERR(to) : 0;
	if (err)
		goto out;
	err = -ESTALE;
	if (from->d_inode != ovl_upper(old->d_inode)->d_inode || from == trap || to == trap)
		goto out;
	if (dir && !(flags & RENAME_EXCHANGE) && ovl_is_whiteout(to)) {
		flags = RENAME_EXCHANGE; /* moves the whiteout to @from */
		clean = !below;
	} else if (!(flags & RENAME_EXCHANGE)) {
		flags = below ? RENAME_WHITEOUT : 0;
	}
	err = vfs_rename(updir->d_inode, from, new_updir->d_inode, to, flags);
	if (!err && clean)
		unlink_white(updir, &old->d_name);
out:
	if (!IS_ERR(to))
		dput(to);
	dput(from);
	return err;
}

/* Renames in the upper layer. The mounter's credentials are in use. Returns 0 or -errno. */
static int move(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags)
{
	struct dentry *updir = ovl_upper(odir), *new_updir = ovl_upper(ndir), *trap;
	bool samedir = odir == ndir, exchange = flags & RENAME_EXCHANGE;
	int err = prepare_dir(old, ndir, samedir), below;

	if (!err && exchange)
		err = prepare_dir(new, odir, samedir);
	else if (!err && new->d_inode)
		err = empty_target(new);
	if (err)
		return err;
	/*
	 * Looked up before the upper directories are locked: a rename made directly in the layers
	 * may hold a lower directory's lock and wait for an upper directory's.
	 */
	below = ovl_lower_has(odir, old->d_name.name, (int)old->d_name.len);
	if (below < 0)
		return below;
	trap = lock_rename(updir, new_updir);
	err = move_locked(old, updir, new, new_updir, trap, flags, below);
	unlock_rename(updir, new_updir);
	return err;
}

/* Checks that the rename is possible, and copies up what it needs. Returns 0 or -errno. */
static int copy_up_all(struct dentry *old, struct dentry *new, bool exchange)
{
	int err = may_move(old);

	if (!err && exchange)
		err = may_move(new);
	else if (!err && new->d_inode && S_ISDIR(new->d_inode->i_mode))
		err = ovl_dir_empty(new->d_inode);
	if (!err)
		err = ovl_copy_up(old);
	if (!err)
		err = ovl_copy_up(new->d_parent);
	if (!err && exchange)
		err = ovl_copy_up(new);
	return err;
}

/* Updates the link count of an inode whose name was replaced by a rename. */
static void replaced(struct inode *inode)
{
	if (S_ISDIR(inode->i_mode))
		clear_nlink(inode);
	else if (ovl_upper(inode))
		ovl_copy_attr(inode);
	else if (inode->i_nlink)
		drop_nlink(inode);
}

int ovl_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags)
{
	const struct cred *cred;
	int err;

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = copy_up_all(old, new, flags & RENAME_EXCHANGE);
	if (!err)
		err = ovl_want_write(odir->i_sb);
	if (err)
		return err;
	cred = ovl_enter(odir->i_sb);
	err = move(odir, old, ndir, new, flags & RENAME_EXCHANGE);
	ovl_dir_changed(odir);
	ovl_dir_changed(ndir);
	ovl_leave(cred);
	if (!err) {
		ovl_copy_attr(old->d_inode);
		if (new->d_inode && (flags & RENAME_EXCHANGE))
			ovl_copy_attr(new->d_inode);
		else if (new->d_inode)
			replaced(new->d_inode);
	}
	ovl_copy_attr(odir);
	ovl_copy_attr(ndir);
	ovl_drop_write(odir->i_sb);
	return err;
}
