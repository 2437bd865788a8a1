/* SPDX-License-Identifier: MIT */
/* mnt_copy.c: makes and copies mounts, alone or with the tree below them. mnt.c attaches them. */
#include "kernel/vfs/mount/mount.h"

static atomic_t next_id;

struct mount *mnt_alloc(struct dentry *root, const char *devname, u32 flags)
{
	struct mount *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return ERR_PTR(-ENOMEM);
	m->mnt_devname = kstrdup(devname ? devname : "none");
	if (!m->mnt_devname) {
		kfree(m);
		return ERR_PTR(-ENOMEM);
	}
	m->mnt_root = dget(root);
	m->mnt_sb = root->d_sb;
	m->mnt_flags = flags;
	m->mnt_parent = m;
	m->mnt_mountpoint = root;
	m->mnt_id = atomic_inc_return(&next_id);
	m->mnt_id_unique = MNT_FIRST_UNIQUE + (u32)m->mnt_id;
	atomic_set(&m->mnt_count, 1);
	INIT_LIST_HEAD(&m->mnt_child);
	INIT_LIST_HEAD(&m->mnt_mounts);
	INIT_LIST_HEAD(&m->mnt_list);
	INIT_LIST_HEAD(&m->mnt_share);
	INIT_LIST_HEAD(&m->mnt_slave_list);
	INIT_LIST_HEAD(&m->mnt_slave);
	INIT_LIST_HEAD(&m->mnt_going);
	return m;
}

struct mount *mnt_alloc_internal(struct dentry *root, const char *name)
{
	struct mount *m = mnt_alloc(root, name, 0);

	if (!IS_ERR(m))
		m->mnt_state |= MNT_INTERNAL;
	return m;
}

/*
 * True if the path may be cloned: its mount is bindable, and is in current's namespace or the root
 * of a detached tree, and no locked mount covers a part of what @path shows. namespace_sem is held.
 */
static bool may_clone(const struct path *path)
{
	struct mount *m = path->mnt;

	if (m->mnt_state & MNT_UNBINDABLE)
		return false;
	if (!mnt_is_ours(m) && !(m->mnt_parent == m && m->mnt_ns && m->mnt_ns->detached))
		return false;
	return !has_locked_children(m, path->dentry);
}

struct mount *clone_private_mount(const struct path *path)
{
	struct mount *m;
	bool may;

	down_read(&namespace_sem);
	may = may_clone(path);
	up_read(&namespace_sem);
	if (!may)
		return ERR_PTR(-EINVAL);
	/* @path keeps the superblock alive. */
	atomic_inc(&path->mnt->mnt_sb->s_active);
	m = mnt_alloc_internal(path->dentry, path->mnt->mnt_sb->s_type->name);
	if (IS_ERR(m)) {
		deactivate_super(path->mnt->mnt_sb);
		return m;
	}
	m->mnt_flags |= path->mnt->mnt_flags & (MS_NOATIME | MS_RELATIME | MS_NODIRATIME);
	if (path->mnt->mnt_idmap)
		m->mnt_idmap = get_user_ns(path->mnt->mnt_idmap);
	return m;
}

/*
 * Adds the copy @to to the peer group of the original @from, and makes @to a slave of @from's
 * master.
 */
void mnt_copy_group(struct mount *to, struct mount *from)
{
	to->mnt_group_id = from->mnt_group_id;
	if (from->mnt_group_id)
		list_add(&to->mnt_share, &from->mnt_share);
	to->mnt_master = from->mnt_master;
	if (from->mnt_master)
		list_add(&to->mnt_slave, &from->mnt_slave);
}

struct mount *mnt_clone(struct mount *m, struct dentry *root, u32 how)
{
	struct mount *c = mnt_alloc(root, m->mnt_devname, m->mnt_flags);

	if (IS_ERR(c))
		return c;
	atomic_inc(&m->mnt_sb->s_active);
	c->mnt_idmap = m->mnt_idmap ? get_user_ns(m->mnt_idmap) : NULL;
	c->mnt_state |= m->mnt_state & (MNT_LOCK_READONLY | MNT_LOCK_NODEV | MNT_LOCK_NOSUID |
					       MNT_LOCK_NOEXEC | MNT_LOCK_ATIME | MNT_LOCKED);
	if (how & COPY_PRIVATE)
		return c;
	if ((how & COPY_SLAVE) && m->mnt_group_id) {
		c->mnt_master = m;
		list_add(&c->mnt_slave, &m->mnt_slave_list);
		return c;
	}
	mnt_copy_group(c, m);
	return c;
}

struct mount *mnt_next(struct mount *m, struct mount *top)
{
	if (!list_empty(&m->mnt_mounts))
		return list_first_entry(&m->mnt_mounts, struct mount, mnt_child);
	for (; m != top; m = m->mnt_parent)
		if (m->mnt_child.next != &m->mnt_parent->mnt_mounts)
			return list_next_entry(m, mnt_child);
	return NULL;
}

struct mount *mnt_last(struct mount *top)
{
	while (!list_empty(&top->mnt_mounts))
		top = list_last_entry(&top->mnt_mounts, struct mount, mnt_child);
	return top;
}

struct mount *mnt_prev(struct mount *m)
{
	if (m->mnt_child.prev == &m->mnt_parent->mnt_mounts)
		return m->mnt_parent;
	return mnt_last(list_entry(m->mnt_child.prev, struct mount, mnt_child));
}

/*
 * True if @d is @top or below it. Renames do not wait for this walk, since guests choose how deep
 * @d is. Only if renames have interrupted the walk three times does it take their lock.
 */
bool d_is_below(const struct dentry *d, const struct dentry *top)
{
	bool below;

	for (int i = 0; i < 3; i++) {
		u32 seq = vfs_seq_begin(&rename_seq);

		below = d_is_ancestor(top, d);
		if (likely(!vfs_seq_retry(&rename_seq, seq)))
			return below;
	}
	spin_lock(&rename_seq.lock);
	below = d_is_ancestor(top, d);
	spin_unlock(&rename_seq.lock);
	return below;
}

bool mnt_is_below(struct mount *m, struct mount *top)
{
	for (; m != top; m = m->mnt_parent)
		if (m->mnt_parent == m)
			return false;
	return true;
}

static bool copied(const struct mount *c, const struct dentry *root, u32 how)
{
	const struct ns_common *ns = inode_ns(root->d_inode);

	if ((c->mnt_state & MNT_UNBINDABLE) && !(how & COPY_UNBINDABLE))
		return false;
	return !ns || ns->ops->flag != CLONE_NEWNS || (how & COPY_NS_FILES);
}

/*
 * True if the copy of a tree must fail because of @c. Since @c is unbindable, it must be left out;
 * but since it is locked over something, it must be copied.
 */
static bool forbids_copy(const struct mount *c, u32 how)
{
	return (c->mnt_state & MNT_UNBINDABLE) && (c->mnt_state & MNT_LOCKED) &&
	       !(how & COPY_UNBINDABLE);
}

/*
 * Returns a copy of @c, which is below @top; NULL if neither @c nor the mounts below @c are to be
 * copied; or ERR_PTR.
 */
static struct mount *copy_child(struct mount *c, struct mount *top, struct dentry *root, u32 how)
{
	if (c->mnt_parent == top && !d_is_below(c->mnt_mountpoint, root))
		return NULL;
	if (forbids_copy(c, how))
		return ERR_PTR(-EPERM);
	return copied(c, c->mnt_root, how) ? mnt_clone(c, c->mnt_root, how) : NULL;
}

struct mount *mnt_copy_tree(struct mount *m, struct dentry *root, u32 how)
{
	struct mount *copy, *c, *last_from = m, *last_to;
	LIST_HEAD(dead);

	if (!copied(m, root, how))
		return ERR_PTR(-EINVAL);
	copy = last_to = mnt_clone(m, root, how);
	if (IS_ERR(copy))
		return copy;
	copy->mnt_state &= ~MNT_LOCKED;
	if (!(how & COPY_RECURSIVE))
		return copy;
	for (c = mnt_next(m, m); c; c = mnt_next(c, m)) {
		struct path where;
		struct mount *n = copy_child(c, m, root, how);

		if (!n) { /* the mounts below @c are skipped too */
			while (!list_empty(&c->mnt_mounts))
				c = list_last_entry(&c->mnt_mounts, struct mount, mnt_child);
			continue;
		}
		if (IS_ERR(n)) {
			mnt_umount_tree(copy, &dead);
			mnt_put_list(&dead);
			return n;
		}
		while (last_from != c->mnt_parent) {
			last_from = last_from->mnt_parent;
			last_to = last_to->mnt_parent;
		}
		where = (struct path){ last_to, c->mnt_mountpoint };
		mnt_attach(n, &where);
		last_from = c;
		last_to = n;
	}
	return copy;
}
