/* SPDX-License-Identifier: MIT */
/*
 * rename.c: rename(2), renameat(2), renameat2(2).
 *
 * Order of locks: s_rename_mutex when the parents differ (so that no directory moves while rename
 * checks which parent is above the other), the parents' i_rwsem (an ancestor before its descendant,
 * else by address), then the i_rwsem of the two inodes: directories first, else by address. A
 * directory is locked only if its ".." changes, or if it is replaced, since it must stay empty. Two
 * directories are locked only under s_rename_mutex, and then neither is above the other. With
 * s_rename_mutex held the tree above both parents cannot change, so the checks for loops stay valid
 * until the end.
 *
 * All checks come first. The last step that can fail is the file system's rename, after which the
 * dentries move.
 */
#include <linux/inotify.h>

#include "gen/syscalls.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/landlock/landlock.h"
#include "kernel/vfs/name/namei.h"

struct rename {
	struct nameidata from, to;
	struct dentry *old, *new;
	/*
	 * If one parent is an ancestor of the other: the ancestor's child on the path between them;
	 * else NULL.
	 */
	struct dentry *trap;
	u32 flags;
};

static void lock_dirs(struct inode *first, struct inode *second)
{
	down_write(&first->i_rwsem);
	if (second != first)
		down_write(&second->i_rwsem);
}

/*
 * Returns the child of @above that is @d or an ancestor of @d, or NULL if @d is not below @above.
 * Under s_rename_mutex. Reschedules, since programs choose how deep @d is.
 */
static struct dentry *child_towards(struct dentry *above, struct dentry *d)
{
	for (u32 n = 1; d->d_parent != d; d = d->d_parent, n++) {
		if (d->d_parent == above)
			return d;
		if (!(n % 1024))
			cond_resched();
	}
	return NULL;
}

struct dentry *lock_rename(struct dentry *a, struct dentry *b)
{
	struct dentry *trap;

	if (a == b) {
		down_write(&a->d_inode->i_rwsem);
		return NULL;
	}
	mutex_lock(&a->d_sb->s_rename_mutex);
	trap = child_towards(b, a);
	if (trap) {
		lock_dirs(b->d_inode, a->d_inode);
		return trap;
	}
	trap = child_towards(a, b);
	if (trap || a->d_inode < b->d_inode)
		lock_dirs(a->d_inode, b->d_inode);
	else
		lock_dirs(b->d_inode, a->d_inode);
	return trap;
}

void unlock_rename(struct dentry *a, struct dentry *b)
{
	up_write(&a->d_inode->i_rwsem);
	if (a == b)
		return;
	if (a->d_inode != b->d_inode) /* as in lock_dirs() */
		up_write(&b->d_inode->i_rwsem);
	mutex_unlock(&a->d_sb->s_rename_mutex);
}

/*
 * Returns the inode if a rename locks it. NULL: there is no inode, or it is a directory that does
 * not change. @dir_too: directories are locked as well.
 */
static struct inode *to_lock(struct inode *inode, bool dir_too)
{
	return inode && is_dir(inode) && !dir_too ? NULL : inode;
}

static void lock_inodes(struct inode *a, struct inode *b)
{
	struct inode *t;

	if (a && b && (is_dir(a) == is_dir(b) ? a > b : is_dir(b))) {
		t = a;
		a = b;
		b = t;
	}
	if (a)
		down_write(&a->i_rwsem);
	if (b && b != a)
		down_write(&b->i_rwsem);
}

static void unlock_inodes(struct inode *a, struct inode *b)
{
	if (a)
		up_write(&a->i_rwsem);
	if (b && b != a)
		up_write(&b->i_rwsem);
}

/*
 * Checks the permissions for all files and directories that the rename changes. Returns 0 or
 * -errno.
 */
static int rename_allowed(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags)
{
	bool dir = is_dir(old->d_inode);
	int err = may_delete(odir, old, dir);

	if (err)
		return err;
	if (!new->d_inode)
		err = may_create(ndir, new);
	else if (flags & RENAME_EXCHANGE)
		err = may_delete(ndir, new, is_dir(new->d_inode));
	else
		err = may_delete(ndir, new, dir);
	if (err || odir == ndir)
		return err;
	/* A directory that moves to another parent gets a new "..". */
	if (dir)
		err = inode_permission(old->d_inode, MAY_WRITE);
	if (!err && (flags & RENAME_EXCHANGE) && is_dir(new->d_inode))
		err = inode_permission(new->d_inode, MAY_WRITE);
	return err;
}

static void notify_moved(struct inode *odir, struct inode *ndir, struct dentry *old,
	const char *was, u32 was_len, struct inode *replaced)
{
	static atomic_t cookies;
	u32 dir = is_dir(old->d_inode) ? IN_ISDIR : 0;
	u32 cookie = atomic_inc_return(&cookies);

	fsnotify_rename(odir, ndir, old->d_inode, was, was_len, old->d_name.name, old->d_name.len);
	fsnotify_name(odir, IN_MOVED_FROM | dir, old->d_inode, was, was_len, cookie);
	fsnotify_name(
		ndir, IN_MOVED_TO | dir, old->d_inode, old->d_name.name, old->d_name.len, cookie);
	if (odir == ndir && READ_ONCE(odir->i_dnotify))
		dnotify_signal(odir, 0, true);
	if (replaced)
		fsnotify_inode(replaced, IN_ATTRIB);
	fsnotify_inode(old->d_inode, IN_MOVE_SELF);
}

/* Moves the dentries, after the file system has made the rename. */
static void rename_commit(struct dentry *old, struct dentry *new, u32 flags)
{
	if (flags & RENAME_EXCHANGE) {
		d_exchange(old, new);
		return;
	}
	if (new->d_inode && is_dir(new->d_inode)) {
		new->d_inode->i_flags |= S_DEAD;
		shrink_dcache_parent(new);
	}
	if (d_mounted(new))
		detach_mounts(new);
	d_move(old, new);
}

int vfs_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags)
{
	struct inode *source = old->d_inode, *target = new->d_inode;
	struct inode *a = to_lock(source, odir != ndir);
	struct inode *b = to_lock(target, odir != ndir || !(flags & RENAME_EXCHANGE));
	char was[NAME_MAX + 1];
	u32 was_len = old->d_name.len;
	int err;

	if (source == target)
		return 0;
	err = rename_allowed(odir, old, ndir, new, flags);
	if (err)
		return err;
	if (!odir->i_op->rename)
		return -EPERM;
	memcpy(was, old->d_name.name, was_len + 1);
	if (target)
		ihold(target);
	lock_inodes(a, b);
	err = -EBUSY;
	if (is_mountpoint_here(old) || (target && is_mountpoint_here(new)))
		goto out;
	err = odir->i_op->rename(odir, old, ndir, new, flags);
	if (!err)
		rename_commit(old, new, flags);
out:
	unlock_inodes(a, b);
	if (!err)
		notify_moved(
			odir, ndir, old, was, was_len, flags & RENAME_EXCHANGE ? NULL : target);
	/* The exchanged file moved too, out of the directory where @old is now. */
	if (!err && (flags & RENAME_EXCHANGE))
		notify_moved(ndir, odir, new, old->d_name.name, old->d_name.len, NULL);
	iput(target);
	return err;
}

/*
 * Makes the checks that depend on the names, and renames. The parents are locked. Returns 0 or
 * -errno.
 */
static int rename_locked(struct rename *r)
{
	bool odir = is_dir(r->old->d_inode);
	int err = 0;

	if ((r->flags & RENAME_NOREPLACE) && r->new->d_inode)
		return -EEXIST;
	if (r->flags & RENAME_EXCHANGE) {
		if (!r->new->d_inode)
			return -ENOENT;
		if (!is_dir(r->new->d_inode) && r->to.last.slash)
			return -ENOTDIR;
	}
	if (!odir) {
		if (r->from.last.slash)
			return -ENOTDIR;
		if (!(r->flags & RENAME_EXCHANGE) && r->to.last.slash)
			return -ENOTDIR;
	}
	if (r->old == r->trap)
		return -EINVAL;
	if (r->new == r->trap)
		return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (landlocked())
		err = landlock_refer(&r->from.path, r->old, &r->to.path, r->new, true,
			r->flags & RENAME_EXCHANGE);
	if (err)
		return err;
	return vfs_rename(
		r->from.path.dentry->d_inode, r->old, r->to.path.dentry->d_inode, r->new, r->flags);
}

/*
 * Looks up both names. i_rwsem of both parents is held for writing. Returns 0, with references in
 * r->old and r->new, or -errno.
 */
static int rename_lookup(struct rename *r)
{
	struct qstr *nname = &r->to.last.name;
	int err;

	r->old = lookup_hash(r->from.path.dentry, &r->from.last.name, 0);
	if (IS_ERR(r->old))
		return PTR_ERR(r->old);
	err = -ENOENT;
	if (!r->old->d_inode)
		goto err_put_old;
	r->new = lookup_hash(r->to.path.dentry, nname, LOOKUP_CREATE | LOOKUP_RENAME_TARGET);
	err = PTR_ERR(r->new);
	if (!IS_ERR(r->new))
		return 0;
err_put_old:
	dput(r->old);
	return err;
}

/*
 * Renames between two parents that have been found. The blocks of a replaced file are freed at the
 * end, after the directories' locks are released.
 */
static int rename_between(struct rename *r)
{
	struct inode *target = NULL;
	int err;

	if (r->from.path.mnt != r->to.path.mnt)
		return -EXDEV;
	if (r->from.last.type != LAST_NORM)
		return -EBUSY;
	if (r->to.last.type != LAST_NORM)
		return r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	err = mnt_want_write(r->from.path.mnt);
	if (err)
		return err;
	r->trap = lock_rename(r->from.path.dentry, r->to.path.dentry);
	err = rename_lookup(r);
	if (!err) {
		struct user_namespace *was = idmap_enter(r->from.path.mnt);

		target = r->new->d_inode;
		if (target)
			ihold(target);
		err = rename_locked(r);
		idmap_leave(was);
		dput(r->new);
		dput(r->old);
	}
	unlock_rename(r->from.path.dentry, r->to.path.dentry);
	iput_removed(target);
	mnt_drop_write(r->from.path.mnt);
	return err;
}

/*
 * Serves rename(2) and its variants. @nname may be an ERR_PTR, which is returned only if the old
 * path has no error.
 */
static int do_rename(int odfd, const char *oname, int ndfd, const char *nname, u32 flags)
{
	struct rename *r;
	int err;

	r = kmalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	r->flags = flags;
	err = nd_parent(&r->from, odfd, oname, 0);
	if (err)
		goto out_free;
	err = IS_ERR(nname) ? PTR_ERR(nname) : nd_parent(&r->to, ndfd, nname, 0);
	if (err)
		goto out_end_from;
	err = rename_between(r);
	nd_end(&r->to);
out_end_from:
	nd_end(&r->from);
out_free:
	kfree(r);
	return err;
}

long sys_renameat2(int odfd, uaddr_t oua, int ndfd, uaddr_t nua, int flags)
{
	char *oname, *nname;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	oname = getname(oua);
	if (IS_ERR(oname))
		return PTR_ERR(oname);
	nname = getname(nua);
	err = do_rename(odfd, oname, ndfd, nname, flags);
	putname(nname);
	putname(oname);
	return err;
}

long sys_renameat(int odfd, uaddr_t oua, int ndfd, uaddr_t nua)
{
	return sys_renameat2(odfd, oua, ndfd, nua, 0);
}

long sys_rename(uaddr_t oua, uaddr_t nua)
{
	return sys_renameat2(AT_FDCWD, oua, AT_FDCWD, nua, 0);
}
