/* SPDX-License-Identifier: MIT */
/*
 * propagation.c: shared, private, slave and unbindable mounts (mount_namespaces(7)).
 *
 * Mounts of a peer group (mnt_group_id, a ring through mnt_share) repeat each other's mounts and umounts below them. A slave
 * (mnt_master, on the master's mnt_slave_list) repeats its master's, not the reverse. Since there is one namespace, copies made with
 * MS_BIND are what groups are made of.
 *
 * Lock: namespace_sem for writing. What this file does not do: mount propagation never puts a copy below an older mount at the same
 * place, it goes on top.
 */
#include "kernel/vfs/mount.h"

static int next_group; /* under namespace_sem */

bool mnt_is_shared(const struct mount *m)
{
	return m->mnt_group_id != 0;
}

int mnt_make_group(struct mount *m)
{
	if (!m->mnt_group_id)
		m->mnt_group_id = ++next_group;
	return 0;
}

static void leave_master(struct mount *m)
{
	if (!m->mnt_master)
		return;
	list_del_init(&m->mnt_slave);
	m->mnt_master = NULL;
}

static void set_master(struct mount *m, struct mount *master)
{
	leave_master(m);
	m->mnt_master = master;
	if (master)
		list_add(&m->mnt_slave, &master->mnt_slave_list);
}

static struct mount *other_peer(struct mount *m)
{
	return list_empty(&m->mnt_share) ? NULL :
					   list_first_entry(&m->mnt_share, struct mount, mnt_share);
}

/* Its slaves go to a peer, or to its own master. */
static void hand_over_slaves(struct mount *m)
{
	struct mount *heir = other_peer(m), *s, *next;

	if (!heir)
		heir = m->mnt_master;
	list_for_each_entry_safe(s, next, &m->mnt_slave_list, mnt_slave)
		set_master(s, heir);
}

void mnt_leave_group(struct mount *m)
{
	hand_over_slaves(m);
	list_del_init(&m->mnt_share);
	m->mnt_group_id = 0;
	leave_master(m);
}

static void make_slave(struct mount *m)
{
	struct mount *peer = other_peer(m), *master = peer ? peer : m->mnt_master;

	hand_over_slaves(m);
	list_del_init(&m->mnt_share);
	m->mnt_group_id = 0;
	set_master(m, master);
}

int mnt_set_type(struct mount *m, u32 type)
{
	m->mnt_state &= ~MNT_UNBINDABLE;
	switch (type) {
	case MS_SHARED: return mnt_make_group(m);
	case MS_SLAVE: make_slave(m); return 0;
	case MS_UNBINDABLE: m->mnt_state |= MNT_UNBINDABLE; /* fall through */
	default: mnt_leave_group(m); return 0;
	}
}

/* ---- who repeats ---- */

typedef int (*repeater_t)(struct mount *t, void *arg);

/* The slaves of a mount (peers of a slave are slaves of the same master), and theirs. Chains deeper than this stop repeating. */
static int for_each_slave(struct mount *m, repeater_t fn, void *arg, int depth)
{
	struct mount *s, *next;
	int err = 0;

	if (depth > 16)
		return 0;
	list_for_each_entry_safe(s, next, &m->mnt_slave_list, mnt_slave) {
		err = fn(s, arg);
		if (!err)
			err = for_each_slave(s, fn, arg, depth + 1);
		if (err)
			break;
	}
	return err;
}

/* All that repeat what happens to @origin: called once for each. */
static int for_each_repeater(struct mount *origin, repeater_t fn, void *arg)
{
	struct mount *m = origin;
	int err;

	if (!mnt_is_shared(origin))
		return 0;
	do {
		err = m == origin ? 0 : fn(m, arg);
		if (!err)
			err = for_each_slave(m, fn, arg, 0);
		m = list_next_entry(m, mnt_share);
	} while (!err && m != origin);
	return err;
}

/* ---- mount ---- */

struct repeat_mount {
	struct mount *m;
	const struct path *where;
	struct list_head *copies;
};

static bool same_place_exists(struct mount *t, struct dentry *d)
{
	bool below;

	if (!(t->mnt_state & MNT_IN_NS) || t->mnt_sb != d->d_sb)
		return false;
	spin_lock(&rename_seq.lock);
	below = d_is_ancestor(t->mnt_root, d);
	spin_unlock(&rename_seq.lock);
	return below;
}

/* Copies of the tree become slaves of what they were copied from. */
static void enslave_tree(struct mount *copy, struct mount *from, bool shared)
{
	struct mount *c = copy, *f = from;

	for (; c && f; c = mnt_next(c, copy), f = mnt_next(f, from)) {
		list_del_init(&c->mnt_share);
		c->mnt_group_id = 0;
		set_master(c, f);
		if (shared)
			mnt_make_group(c);
	}
}

static int repeat_mount(struct mount *t, void *arg)
{
	struct repeat_mount *r = arg;
	struct path at = { t, r->where->dentry };
	struct mount *copy, *top;
	int err;

	if (!same_place_exists(t, at.dentry))
		return 0;
	err = mnt_ns_room(t->mnt_ns, r->m);
	if (err)
		return err;
	copy = mnt_copy_tree(r->m, r->m->mnt_root, COPY_RECURSIVE);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	if (t->mnt_ns->ns.owner != current_user_ns() &&
		!in_userns(t->mnt_ns->ns.owner, r->where->mnt->mnt_ns->ns.owner)) {
		mnt_lock_tree(copy);
		copy->mnt_state &= ~MNT_LOCKED;
	}
	if (t->mnt_group_id != r->where->mnt->mnt_group_id)
		enslave_tree(copy, r->m, mnt_is_shared(t));
	while ((top = mount_lookup_rcu(at.mnt, at.dentry)))
		at = (struct path){ top, top->mnt_root };
	mnt_attach(copy, &at);
	return 0;
}

int propagate_mount(struct mount *m, const struct path *where, struct list_head *copies)
{
	struct repeat_mount r = { m, where, copies };
	struct mount *c;

	if (!mnt_is_shared(where->mnt))
		return 0;
	for (c = m; c; c = mnt_next(c, m))
		mnt_make_group(c);
	return for_each_repeater(where->mnt, repeat_mount, &r);
}

/* ---- umount ---- */

struct repeat_umount {
	struct mount *m;
	struct dentry *at;
	struct list_head *dead;
	bool busy;
};

static struct mount *repeated(struct mount *t, struct repeat_umount *r)
{
	struct mount *c = mount_lookup_rcu(t, r->at);

	return c && c->mnt_sb == r->m->mnt_sb && c->mnt_root == r->m->mnt_root ? c : NULL;
}

static int repeat_umount(struct mount *t, void *arg)
{
	struct repeat_umount *r = arg;
	struct mount *c = repeated(t, r);

	if (c && list_empty(&c->mnt_mounts))
		mnt_umount_tree(c, r->dead);
	return 0;
}

static int repeat_busy(struct mount *t, void *arg)
{
	struct repeat_umount *r = arg;
	struct mount *c = repeated(t, r);

	if (c && list_empty(&c->mnt_mounts) && mnt_busy(c, 0))
		r->busy = true;
	return 0;
}

void propagate_umount(struct mount *m, struct list_head *dead)
{
	struct repeat_umount r = { m, m->mnt_mountpoint, dead, false };

	if (m->mnt_parent != m)
		for_each_repeater(m->mnt_parent, repeat_umount, &r);
}

bool propagation_busy(struct mount *m)
{
	struct repeat_umount r = { m, m->mnt_mountpoint, NULL, false };

	if (m->mnt_parent != m)
		for_each_repeater(m->mnt_parent, repeat_busy, &r);
	return r.busy;
}
