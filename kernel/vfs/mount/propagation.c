/* SPDX-License-Identifier: MIT */
/*
 * propagation.c: shared, private, slave and unbindable mounts (mount_namespaces(7)).
 *
 * The mounts of a peer group (mnt_group_id, a ring through mnt_share) repeat each mount and umount
 * that is made below one of them. A slave (mnt_master, on the master's mnt_slave_list) repeats
 * those of its master, but not the reverse. Bind mounts and the copies in new namespaces join the
 * group of the original.
 *
 * Lock: namespace_sem for writing.
 */
#include "kernel/vfs/mount/mount.h"

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

/* Hands the slaves of @m over to a peer of @m, or to the master of @m if it has no peer. */
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
	if (type != MS_SLAVE)
		m->mnt_state &= ~MNT_UNBINDABLE;
	switch (type) {
	case MS_SHARED: return mnt_make_group(m);
	case MS_SLAVE: make_slave(m); return 0;
	case MS_UNBINDABLE: m->mnt_state |= MNT_UNBINDABLE; /* fall through */
	default: mnt_leave_group(m); return 0;
	}
}

/* ---- mounts that repeat an event ---- */

typedef int (*repeater_t)(struct mount *t, void *arg);

/*
 * Limit for chains of slaves, in which each mount is a slave of the mount before it. The mounts of
 * a chain after the first MAX_CHAIN + 1 slaves repeat nothing. Linux has no such limit.
 */
#define MAX_CHAIN 16

/*
 * Calls @fn for the slaves of @m and their slaves, and stops at the first result that is not 0,
 * which it returns.
 */
static int for_each_slave(struct mount *m, repeater_t fn, void *arg, int depth)
{
	struct mount *s, *next;
	int err = 0;

	if (depth > MAX_CHAIN)
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

/*
 * Calls @fn once for each mount, other than @origin, that repeats changes below @origin. Stops if
 * @fn returns an error, and returns that.
 */
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

/*
 * A mount that is being propagated. All copies are made before the first is attached, so that the
 * new mount does not propagate to its own copies. Until then mnt_dead_at holds the parent and the
 * mountpoint that a copy will have, and mnt_list links the copies.
 */
struct repeat_mount {
	const struct path *where;
	struct list_head copies;
};

static bool same_place_exists(struct mount *t, struct dentry *d)
{
	if (!(t->mnt_state & MNT_IN_NS) || t->mnt_sb != d->d_sb)
		return false;
	return d_is_below(d, t->mnt_root);
}

/*
 * Copies @from for the mount @t: as a slave of @from if @slave, else as its peer. Returns the copy,
 * NULL if @t does not show the mountpoint, or ERR_PTR.
 */
static struct mount *copy_for(
	struct repeat_mount *r, struct mount *t, struct mount *from, bool slave)
{
	u32 n = mnt_tree_size(from);
	struct mount *copy, *c;
	int err;

	if (!same_place_exists(t, r->where->dentry))
		return NULL;
	err = mnt_ns_room(t->mnt_ns, n);
	if (err)
		return ERR_PTR(err);
	copy = mnt_copy_tree(from, from->mnt_root, COPY_RECURSIVE | (slave ? COPY_SLAVE : 0));
	if (IS_ERR(copy))
		return copy;
	for (c = copy; c && slave && mnt_is_shared(t); c = mnt_next(c, copy))
		mnt_make_group(c);
	if (t->mnt_ns->ns.owner != r->where->mnt->mnt_ns->ns.owner) {
		mnt_lock_tree(copy);
		copy->mnt_state &= ~MNT_LOCKED;
	}
	t->mnt_ns->nr_coming += n;
	copy->mnt_dead_at = (struct path){ mntget(t), dget(r->where->dentry) };
	list_add_tail(&copy->mnt_list, &r->copies);
	return copy;
}

static int copy_for_slaves(struct repeat_mount *r, struct mount *m, struct mount *from, int depth);

/*
 * Makes copies for @s and its peers, which are slaves of one master: the first copy is a slave of
 * @from, the others are peers of the first. Then makes copies for the slaves of @s and its peers.
 * MNT_VISITED marks the mounts that have had their turn, until unvisit(). Linux makes copies, and
 * so assigns their ids, in this order. Returns 0 or -errno.
 */
static int copy_for_slave_group(
	struct repeat_mount *r, struct mount *s, struct mount *from, int depth)
{
	struct mount *p = s, *first = NULL, *last = NULL, *copy;
	int err = 0;

	do {
		p->mnt_state |= MNT_VISITED;
		copy = copy_for(r, p, last ? last : from, !last);
		if (IS_ERR(copy))
			return PTR_ERR(copy);
		last = copy ? copy : last;
		first = first ? first : copy;
		p = list_next_entry(p, mnt_share);
	} while (mnt_is_shared(s) && p != s);
	p = s;
	do {
		err = copy_for_slaves(r, p, first ? first : from, depth + 1);
		p = list_next_entry(p, mnt_share);
	} while (!err && mnt_is_shared(s) && p != s);
	return err;
}

static int copy_for_slaves(struct repeat_mount *r, struct mount *m, struct mount *from, int depth)
{
	struct mount *s;
	int err = 0;

	if (depth > MAX_CHAIN)
		return 0;
	list_for_each_entry(s, &m->mnt_slave_list, mnt_slave) {
		if ((s->mnt_state & MNT_VISITED) || !(s->mnt_state & MNT_IN_NS))
			continue;
		err = copy_for_slave_group(r, s, from, depth);
		if (err)
			break;
	}
	return err;
}

static int unvisit(struct mount *t, void *arg)
{
	t->mnt_state &= ~MNT_VISITED;
	return 0;
}

/*
 * Attaches a copy. If a mount is already on its mountpoint, that mount stays visible, on top of the
 * copy.
 */
static void attach_copy(struct mount *copy)
{
	struct path at = copy->mnt_dead_at;
	struct mount *top = mount_lookup_rcu(at.mnt, at.dentry);

	list_del_init(&copy->mnt_list);
	copy->mnt_dead_at = (struct path){ NULL, NULL };
	if (top)
		mnt_slip_below(copy, top);
	else
		mnt_attach(copy, &at);
	path_put(&at);
}

static void drop_copies(struct list_head *copies, struct list_head *dead)
{
	while (!list_empty(copies)) {
		struct mount *m = list_first_entry(copies, struct mount, mnt_list);
		struct path at = m->mnt_dead_at;

		list_del_init(&m->mnt_list);
		m->mnt_dead_at = (struct path){ NULL, NULL };
		mnt_umount_tree(m, dead);
		path_put(&at); /* not the last: the mount there has one */
	}
}

/*
 * Makes copies for the peers of @origin, each a copy of the previous one, and then for their
 * slaves. Returns 0 or -errno.
 */
static int copy_for_all(struct repeat_mount *r, struct mount *origin, struct mount *m)
{
	struct mount *p, *copy, *last = m;
	int err;

	for (p = list_next_entry(origin, mnt_share); p != origin;
		p = list_next_entry(p, mnt_share)) {
		copy = copy_for(r, p, last, false);
		if (IS_ERR(copy))
			return (int)PTR_ERR(copy);
		last = copy ? copy : last;
	}
	p = origin;
	do {
		err = copy_for_slaves(r, p, m, 0);
		p = list_next_entry(p, mnt_share);
	} while (!err && p != origin);
	return err;
}

int propagate_mount(struct mount *m, const struct path *where, struct list_head *dead)
{
	struct repeat_mount r = { .where = where };
	struct mount *origin = where->mnt, *c;
	int last = next_group, err;

	if (!mnt_is_shared(origin))
		return 0;
	INIT_LIST_HEAD(&r.copies);
	for (c = m; c; c = mnt_next(c, m))
		mnt_make_group(c);
	if (m->mnt_ns != origin->mnt_ns)
		origin->mnt_ns->nr_coming = mnt_tree_size(m);
	err = copy_for_all(&r, origin, m);
	for_each_repeater(origin, unvisit, NULL);
	origin->mnt_ns->nr_coming = 0;
	list_for_each_entry(c, &r.copies, mnt_list)
		c->mnt_dead_at.mnt->mnt_ns->nr_coming = 0;
	if (err) {
		drop_copies(&r.copies, dead);
		/* The groups that were made above have no other member any more. */
		for (c = m; c; c = mnt_next(c, m))
			if (c->mnt_group_id > last)
				c->mnt_group_id = 0;
		return err;
	}
	while (!list_empty(&r.copies))
		attach_copy(list_first_entry(&r.copies, struct mount, mnt_list));
	return 0;
}

/* ---- umount ---- */

/*
 * An unmount below a shared mount is repeated below each of the repeaters: the mount on the same
 * dentry there is unmounted too, if all mounts on it are unmounted, or if only one of them stays,
 * which covers it wholly. Such a cover moves down onto the mount below. MNT_GOING: will be
 * unmounted; MNT_VISITED: has children, and may be unmounted after those.
 */
struct repeat_umount {
	struct dentry *at;
	struct list_head going; /* mounts, by mnt_going */
};

static bool may_go(struct mount *m)
{
	struct mount *c;

	if (m->mnt_state & MNT_LOCKED)
		return false;
	list_for_each_entry(c, &m->mnt_mounts, mnt_child)
		if (!(c->mnt_state & MNT_GOING) && c->mnt_mountpoint != m->mnt_root)
			return false;
	return true;
}

static int repeat_umount(struct mount *t, void *arg)
{
	struct repeat_umount *r = arg;
	struct mount *c = mount_lookup_rcu(t, r->at);

	while (c && !(c->mnt_state & MNT_GOING)) {
		if (!may_go(c)) {
			c->mnt_state |= MNT_VISITED;
			list_move_tail(&c->mnt_going, &r->going);
			break;
		}
		c->mnt_state |= MNT_GOING;
		list_move_tail(&c->mnt_going, &r->going);
		c = c->mnt_parent;
		if (!(c->mnt_state & MNT_VISITED))
			break;
	}
	return 0;
}

/*
 * If @m, which is being unmounted, has a cover that stays, moves the cover to the first mount below
 * @m that stays.
 */
static void lower_cover(struct mount *m)
{
	struct mount *c, *cover = NULL, *p = m;
	struct path at;

	list_for_each_entry(c, &m->mnt_mounts, mnt_child)
		if (!(c->mnt_state & MNT_GOING) && c->mnt_mountpoint == m->mnt_root)
			cover = c;
	if (!cover)
		return;
	while ((p->mnt_state & MNT_GOING) && p->mnt_parent != p) {
		at = (struct path){ p->mnt_parent, p->mnt_mountpoint };
		p = p->mnt_parent;
	}
	mnt_move(cover, &at);
}

void propagate_umount(struct mount *top, bool whole, struct list_head *dead)
{
	struct repeat_umount r = { NULL, LIST_HEAD_INIT(r.going) };
	struct mount *m, *next;

	for (m = top; m; m = whole ? mnt_next(m, top) : NULL)
		m->mnt_state |= MNT_GOING;
	/*
	 * Children come before their parents, so that the tests of the parents find the children
	 * MNT_GOING.
	 */
	for (m = whole ? mnt_last(top) : top; m; m = m == top ? NULL : mnt_prev(m)) {
		r.at = m->mnt_mountpoint;
		if (m->mnt_parent != m)
			for_each_repeater(m->mnt_parent, repeat_umount, &r);
	}
	list_for_each_entry(m, &r.going, mnt_going)
		if (m->mnt_state & MNT_GOING)
			lower_cover(m);
	list_for_each_entry_safe(m, next, &r.going, mnt_going) {
		bool goes = m->mnt_state & MNT_GOING;

		list_del_init(&m->mnt_going);
		m->mnt_state &= ~(MNT_GOING | MNT_VISITED);
		if (goes)
			mnt_umount_one(m, dead);
	}
	for (m = top; m; m = whole ? mnt_next(m, top) : NULL)
		m->mnt_state &= ~MNT_GOING;
}

struct repeat_busy {
	struct dentry *at;
	bool busy;
};

static int repeat_busy(struct mount *t, void *arg)
{
	struct repeat_busy *r = arg;
	struct mount *c = mount_lookup_rcu(t, r->at), *only;
	int cover = 0;

	if (!c)
		return 0;
	if (!list_empty(&c->mnt_mounts)) {
		only = list_first_entry(&c->mnt_mounts, struct mount, mnt_child);
		if (!list_is_singular(&c->mnt_mounts) || only->mnt_mountpoint != c->mnt_root)
			/* This mount would not be unmounted. */
			return 0;
		cover = 1;
	}
	if (mnt_busy(c, cover))
		r->busy = true;
	return 0;
}

static bool propagation_busy(struct mount *m)
{
	struct repeat_busy r = { m->mnt_mountpoint, false };

	for_each_repeater(m->mnt_parent, repeat_busy, &r);
	return r.busy;
}

/* Closes a copy, if repeat_umount() will find that it may go. */
static int repeat_close(struct mount *t, void *at)
{
	struct mount *c = mount_lookup_rcu(t, at);

	if (c && may_go(c))
		c->mnt_state |= MNT_CLOSED;
	return 0;
}

bool close_unused(struct mount *m)
{
	bool busy;

	/*
	 * A walk that found a mount but has no reference yet will see by the sequence number that
	 * it must start again. Then it sees MNT_CLOSED until the mount is detached.
	 */
	vfs_seq_write_begin(&mount_seq);
	busy = mnt_busy(m, 1) || propagation_busy(m);
	if (!busy) {
		m->mnt_state |= MNT_CLOSED;
		for_each_repeater(m->mnt_parent, repeat_close, m->mnt_mountpoint);
	}
	vfs_seq_write_end(&mount_seq);
	return !busy;
}
