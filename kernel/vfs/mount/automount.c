/* SPDX-License-Identifier: MIT */
/*
 * automount.c: questions about the tree of mounts for file systems with automounts: is a folder a
 * mount point, is a mount in use?
 *
 * Locks: namespace_sem for reading, so that trees do not change; reference counts may.
 */
#include "kernel/vfs/mount/mount.h"

bool path_is_mountpoint(const struct path *p)
{
	bool is;

	if (!d_mounted(p->dentry))
		return false;
	/* no reference is taken: a daemon that unmounts must not find it busy */
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
 * Returns the next mount on @p or below it, after @after (NULL: the first), but no mount on that
 * mount. namespace_sem held.
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
 * Returns the references to the mounts of a tree, without those among themselves. namespace_sem
 * held.
 */
static s64 tree_users(struct mount *top)
{
	s64 users = 1; /* the top's parent is outside of the tree */

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
