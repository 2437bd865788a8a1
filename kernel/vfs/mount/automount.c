/* SPDX-License-Identifier: MIT */
/*
 * automount.c: queries on the tree of mounts for file systems with automounts: whether a directory
 * is a mountpoint, and whether a mount is in use.
 *
 * Locks: the functions that walk over several mounts hold namespace_sem for reading. It keeps the
 * trees from changing, but not the reference counts. path_is_mountpoint() takes only mount_lock,
 * and path_mounted_on() takes no lock.
 */
#include "kernel/vfs/mount/mount.h"

bool path_is_mountpoint(const struct path *p)
{
	bool is;

	if (!d_mounted(p->dentry))
		return false;
	/* No reference is taken: it would make the mount look busy to a daemon that unmounts it. */
	spin_lock(&mount_seq.lock);
	is = mount_lookup_rcu(p->mnt, p->dentry);
	spin_unlock(&mount_seq.lock);
	return is;
}

bool path_mounted_on(const struct path *p, struct path *on)
{
	struct mount *m = d_mounted(p->dentry) ? mount_lookup(p) : NULL;

	if (m)
		*on = (struct path){ m, dget(m->mnt_root) };
	return m;
}

/*
 * Returns the mount after @after (NULL: the first) whose mountpoint is @p or below it on @p's
 * mount; NULL at the end. Mounts on those mounts are left out. namespace_sem is held.
 */
static struct mount *next_on(const struct path *p, const struct mount *after)
{
	struct mount *m;

	list_for_each_entry(m, &p->mnt->mnt_mounts, mnt_child) {
		if (after) {
			after = m == after ? NULL : after;
			continue;
		}
		if (d_is_below(m->mnt_mountpoint, p->dentry))
			return m;
	}
	return NULL;
}

bool path_has_submounts(const struct path *p)
{
	bool has;

	down_read(&namespace_sem);
	has = next_on(p, NULL);
	up_read(&namespace_sem);
	return has;
}

/*
 * Returns the number of references to the mounts of a tree, without those of the tree itself: one
 * to each mount, and one from each mount to its parent. namespace_sem is held.
 */
static s64 tree_users(struct mount *top)
{
	s64 users = 1; /* @top's parent is outside the tree */

	for (struct mount *m = top; m; m = mnt_next(m, top))
		users += (s64)atomic_read(&m->mnt_count) - 2;
	return users;
}

bool path_mounts_busy(const struct path *p)
{
	bool busy = false;

	down_read(&namespace_sem);
	for (struct mount *m = next_on(p, NULL); m && !busy; m = next_on(p, m))
		busy = tree_users(m) > 0;
	up_read(&namespace_sem);
	return busy;
}

bool mnt_tree_busy(struct mount *m, int mine)
{
	bool busy;

	down_read(&namespace_sem);
	busy = tree_users(m) > mine;
	up_read(&namespace_sem);
	return busy;
}

bool mnt_may_umount(struct mount *m, int mine)
{
	bool may;

	down_read(&namespace_sem);
	may = list_empty(&m->mnt_mounts) && !mnt_busy(m, mine);
	up_read(&namespace_sem);
	return may;
}
