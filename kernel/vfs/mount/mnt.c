/* SPDX-License-Identifier: MIT */
/*
 * mnt.c: the tree of mounts as a data structure. mnt_copy.c makes and copies mounts, namespace.c
 * has mount(2) and umount(2).
 *
 * A mount shows a subtree (mnt_root) of a superblock on a mountpoint: a dentry of another mount
 * (mnt_mountpoint of mnt_parent). Path walks find it by hash of (parent, mountpoint), without
 * locks.
 *
 * States: free (not attached, owned by the task that made it) -> attached (MNT_IN_NS; one reference
 * belongs to the tree) -> detached (stays allocated while files or working directories use it) ->
 * freed after a grace period. A locked mount whose parent is unmounted with it is MNT_STUCK: it
 * stays in the hash and holds no reference to the parent. The tree's reference to it then belongs
 * to the parent, and is dropped when the parent is freed.
 *
 * Invariants:
 *   1. A mount always holds references to its root and its superblock (s_active). An attached mount
 *      also holds references to its mountpoint and, unless it is stuck, to its parent.
 *   2. The tree, the hash and the list of the namespace change under namespace_sem for writing and
 *      within a mount_seq write section.
 *   3. A walk takes its reference within one mount_seq read section, and never to a mount that is
 *      MNT_CLOSED. umount(2) counts references and sets that flag in one write section. So either
 *      it counts the reference of a walk, or the walk sees the flag.
 */
#include "kernel/vfs/mount/mount.h"

#define NR_BUCKETS 1024

struct vfs_seq mount_seq = { 0, SPINLOCK_INIT(mount_lock) };
struct rwsem namespace_sem = RWSEM_INIT(namespace_sem);
/*
 * Hash table by (parent, mountpoint). Changes under mount_seq's lock, read within its read
 * sections.
 */
static struct hlist_head buckets[NR_BUCKETS];
/* Hash table by mountpoint alone; under mount_seq's lock. */
static struct hlist_head places[NR_BUCKETS];
struct mnt_namespace init_mnt_ns = {
	.ns = { .count = ATOMIC_INIT(2), .inum = 4026531841U, .owner = &init_user_ns },
	.siblings = LIST_HEAD_INIT(init_mnt_ns.siblings),
	.poll = WAIT_QUEUE_HEAD_INIT(init_mnt_ns.poll),
};
u32 sysctl_mount_max = 100000;

static inline struct hlist_head *bucket(const struct mount *m, const struct dentry *d)
{
	return &buckets[hash_u64((u64)m * 31 + (u64)d) & (NR_BUCKETS - 1)];
}

static inline struct hlist_head *place_bucket(const struct dentry *d)
{
	return &places[hash_u64((u64)d) & (NR_BUCKETS - 1)];
}

struct mount *mount_lookup_rcu(struct mount *m, struct dentry *d)
{
	struct hlist_node *n = READ_ONCE(bucket(m, d)->first);

	for (; n; n = READ_ONCE(n->next)) {
		struct mount *c = container_of(n, struct mount, mnt_hash);

		if (READ_ONCE(c->mnt_parent) == m && READ_ONCE(c->mnt_mountpoint) == d)
			return c;
	}
	return NULL;
}

struct mount *mount_lookup(const struct path *p)
{
	for (;;) {
		u32 seq = vfs_seq_begin(&mount_seq);
		struct mount *m = mount_lookup_rcu(p->mnt, p->dentry);
		bool closed = m && READ_ONCE(m->mnt_state) & MNT_CLOSED;
		bool got = m && !closed && mnt_tryget(m);

		if (closed) {
			down_read(&namespace_sem);
			up_read(&namespace_sem);
			continue;
		}
		if (!vfs_seq_retry(&mount_seq, seq))
			return got ? m : NULL;
		if (got)
			mntput(m);
	}
}

bool in_first_mnt_ns(void)
{
	return current_mnt_ns() == &init_mnt_ns;
}

bool follow_up(struct path *p)
{
	struct mount *parent;
	struct dentry *d;

	spin_lock(&mount_seq.lock);
	parent = p->mnt->mnt_parent;
	/* A stuck mount holds no reference to its parent, which may be about to be freed. */
	if (parent == p->mnt || !mnt_tryget(parent)) {
		spin_unlock(&mount_seq.lock);
		return false;
	}
	d = dget(p->mnt->mnt_mountpoint);
	spin_unlock(&mount_seq.lock);
	path_put(p);
	*p = (struct path){ parent, d };
	return true;
}

/* ---- references ---- */

struct mount *mntget(struct mount *m)
{
	if (m)
		atomic_inc(&m->mnt_count);
	return m;
}

static void mnt_free_rcu(struct rcu_head *h)
{
	struct mount *m = container_of(h, struct mount, mnt_rcu);

	kfree(m->mnt_devname);
	kfree(m);
}

static struct path unlink_mount(struct mount *m);
static void settle(const struct path *was);

/*
 * Takes a stuck mount off its parent. The mount holds no reference to the parent. Called in a
 * mount_seq write section.
 */
static void take_stuck(struct mount *m)
{
	struct path at = unlink_mount(m);

	settle(&at);
	m->mnt_state &= ~(u32)MNT_STUCK;
	m->mnt_dead_at = (struct path){ NULL, at.dentry };
}

/*
 * Takes the stuck mounts off @m, which has no reference any more. Stuck mounts without any other
 * reference move to @todo.
 */
static void drop_stuck(struct mount *m, struct list_head *todo)
{
	while (!list_empty(&m->mnt_mounts)) {
		struct mount *c = NULL;
		struct dentry *at = NULL;

		vfs_seq_write_begin(&mount_seq);
		if (!list_empty(&m->mnt_mounts)) {
			c = list_first_entry(&m->mnt_mounts, struct mount, mnt_child);
			take_stuck(c);
			at = c->mnt_dead_at.dentry;
			c->mnt_dead_at.dentry = NULL;
		}
		vfs_seq_write_end(&mount_seq);
		dput(at);
		if (c && atomic_dec_and_test(&c->mnt_count))
			list_add_tail(&c->mnt_list, todo);
	}
}

/* Releases mounts iteratively, since they may be stuck on each other to any depth. */
static void mnt_release(struct mount *m)
{
	LIST_HEAD(todo);

	for (;;) {
		struct super_block *sb = m->mnt_sb;

		drop_stuck(m, &todo);
		fsnotify_mount_gone(m);
		dput(m->mnt_root);
		if (m->mnt_idmap)
			put_user_ns(m->mnt_idmap);
		call_rcu(&m->mnt_rcu, mnt_free_rcu);
		deactivate_super(sb);
		if (list_empty(&todo))
			break;
		m = list_first_entry(&todo, struct mount, mnt_list);
		list_del_init(&m->mnt_list);
	}
}

/* ---- releasing without the caller's locks ---- */

/*
 * Mounts that were released by kernel threads and zombies, which never return to user mode. A work
 * item frees them.
 */
static struct task_work *orphans; /* lock-free list */
static struct work orphan_work;

static void release_task_work(struct task_work *w)
{
	mnt_release(container_of(w, struct mount, mnt_work));
}

static void release_orphans(struct work *w)
{
	struct task_work *l = xchg(&orphans, NULL), *next;

	for (; l; l = next) {
		next = l->next;
		release_task_work(l);
	}
}

/*
 * Drops a reference while the caller holds a directory's lock. If it was the last, the mount is
 * released on current's way to user mode: the end of a superblock takes s_umount, which is outside
 * of i_rwsem.
 */
static void mntput_later(struct mount *m)
{
	if (!atomic_dec_and_test(&m->mnt_count))
		return;
	if (!(current->flags & PF_KTHREAD) && !current->exit_state) {
		m->mnt_work.func = release_task_work;
		task_work_add(current, &m->mnt_work);
		return;
	}
	do
		m->mnt_work.next = READ_ONCE(orphans);
	while (cmpxchg(&orphans, m->mnt_work.next, &m->mnt_work) != m->mnt_work.next);
	work_queue(&orphan_work);
}

static int mnt_init(void)
{
	work_setup(&orphan_work, release_orphans);
	return 0;
}
INITCALL(1, mnt_init);

void mntput(struct mount *m)
{
	if (!m)
		return;
	if (unlikely(m->mnt_expiry))
		m->mnt_expiry = 0;
	if (atomic_dec_and_test(&m->mnt_count))
		mnt_release(m);
}

/* Drops a reference that was taken only to test whether the mount is in use. */
void mnt_put_keep_expiry(struct mount *m)
{
	if (atomic_dec_and_test(&m->mnt_count))
		mnt_release(m);
}

bool mnt_busy(struct mount *m, int mine)
{
	return __atomic_load_n(&m->mnt_count.v, __ATOMIC_SEQ_CST) > 1 + mine;
}

/* ---- writers ---- */

bool mnt_readonly(const struct mount *m)
{
	/*
	 * s_going_ro is read before SB_RDONLY. A remount sets SB_RDONLY before it clears
	 * s_going_ro, so the reverse order could miss both.
	 */
	if (__atomic_load_n(&m->mnt_sb->s_going_ro, __ATOMIC_ACQUIRE))
		return true;
	return (READ_ONCE(m->mnt_flags) & MS_RDONLY) || sb_rdonly(m->mnt_sb);
}

int mnt_want_write(struct mount *m)
{
	int err;

	/* Wait for a thaw before taking any lock that readers need. */
	sb_start_change(m->mnt_sb);
	err = mnt_keep_write(m);
	if (!err)
		return 0;
	sb_end_change(m->mnt_sb);
	if (sb_rdonly(m->mnt_sb))
		notify_write_refused(m->mnt_sb->s_root->d_inode);
	return err;
}

void mnt_drop_write(struct mount *m)
{
	mnt_drop_kept(m);
	sb_end_change(m->mnt_sb);
}

int mnt_keep_write(struct mount *m)
{
	atomic_inc(&m->mnt_writers);
	/*
	 * Both increments are full barriers: the remount sees the counts, or this task sees the
	 * remount.
	 */
	atomic_inc(&m->mnt_sb->s_writers);
	if (!mnt_readonly(m))
		return 0;
	mnt_drop_kept(m);
	return -EROFS;
}

void mnt_drop_kept(struct mount *m)
{
	atomic_dec(&m->mnt_sb->s_writers);
	atomic_dec(&m->mnt_writers);
}

/* ---- the tree ---- */

/* Puts one mount into @ns. In a mount_seq write section, with namespace_sem held for writing. */
static void ns_add(struct mnt_namespace *ns, struct mount *m)
{
	struct rb_node **link = &ns->mounts.node, *parent = NULL;

	m->mnt_ns = ns;
	m->mnt_state |= MNT_IN_NS;
	while (*link) {
		parent = *link;
		link = rb_entry(parent, struct mount, mnt_node)->mnt_id_unique > m->mnt_id_unique ?
			       &parent->left :
			       &parent->right;
	}
	rb_link_node(&m->mnt_node, parent, link);
	rb_insert_color(&m->mnt_node, &ns->mounts);
	ns->nr_mounts++;
}

static void ns_del(struct mount *m)
{
	if (!(m->mnt_state & MNT_IN_NS))
		return;
	rb_erase(&m->mnt_node, &m->mnt_ns->mounts);
	m->mnt_ns->nr_mounts--;
	m->mnt_ns = NULL;
	m->mnt_state &= ~MNT_IN_NS;
}

void mnt_ns_changed(struct mnt_namespace *ns)
{
	if (!ns)
		return;
	WRITE_ONCE(ns->event, ns->event + 1);
	wake_up_poll(&ns->poll, 0);
}

void mnt_ns_add_tree(struct mnt_namespace *ns, struct mount *m)
{
	struct mount *c;

	assert_rwsem_held_write(&namespace_sem);
	vfs_seq_write_begin(&mount_seq);
	for (c = m; c; c = mnt_next(c, m))
		ns_add(ns, c);
	vfs_seq_write_end(&mount_seq);
	mnt_ns_changed(ns);
}

struct mnt_namespace *mnt_ns_del_tree(struct mount *m)
{
	struct mnt_namespace *ns = m->mnt_ns;
	struct mount *c;

	assert_rwsem_held_write(&namespace_sem);
	vfs_seq_write_begin(&mount_seq);
	for (c = m; c; c = mnt_next(c, m))
		ns_del(c);
	vfs_seq_write_end(&mount_seq);
	ns->root = NULL;
	return ns;
}

u32 mnt_tree_size(struct mount *m)
{
	struct mount *c;
	u32 n = 0;

	for (c = m; c; c = mnt_next(c, m))
		n++;
	return n;
}

int mnt_ns_room(const struct mnt_namespace *ns, u32 n)
{
	return (u64)ns->nr_mounts + ns->nr_coming + n > READ_ONCE(sysctl_mount_max) ? -ENOSPC : 0;
}

void mnt_lock_tree(struct mount *m)
{
	struct mount *c;

	for (c = m; c; c = mnt_next(c, m)) {
		u32 f = c->mnt_flags;

		c->mnt_state |= MNT_LOCK_ATIME | MNT_LOCKED |
				(f & MS_RDONLY ? MNT_LOCK_READONLY : 0) |
				(f & MS_NODEV ? MNT_LOCK_NODEV : 0) |
				(f & MS_NOSUID ? MNT_LOCK_NOSUID : 0) |
				(f & MS_NOEXEC ? MNT_LOCK_NOEXEC : 0);
	}
}

/* Sets the root mount of the initial mount namespace. */
void mnt_set_ns_root(struct mount *m)
{
	down_write(&namespace_sem);
	vfs_seq_write_begin(&mount_seq);
	init_mnt_ns.root = m;
	ns_add(&init_mnt_ns, m);
	vfs_seq_write_end(&mount_seq);
	up_write(&namespace_sem);
}

/*
 * Returns a mount on @d, or NULL: a mount in the namespace @ns, or in any if @ns is NULL.
 * mount_seq's lock is held.
 */
static struct mount *mount_on(struct dentry *d, const struct mnt_namespace *ns)
{
	struct mount *m;

	hlist_for_each_entry(m, place_bucket(d), mnt_on)
		if (m->mnt_mountpoint == d && (!ns || m->mnt_ns == ns))
			return m;
	return NULL;
}

/*
 * Unlinks a mount, in a mount_seq write section, and returns its parent and mountpoint. The
 * references to the mountpoint and, unless the mount is stuck, to the parent pass to the caller.
 */
static struct path unlink_mount(struct mount *m)
{
	struct path where = { m->mnt_parent, m->mnt_mountpoint };

	WRITE_ONCE(*m->mnt_hash.pprev, m->mnt_hash.next);
	if (m->mnt_hash.next)
		m->mnt_hash.next->pprev = m->mnt_hash.pprev;
	m->mnt_hash.pprev = NULL;
	hlist_del_init(&m->mnt_on);
	list_del_init(&m->mnt_child);
	m->mnt_parent = m;
	m->mnt_mountpoint = m->mnt_root;
	return where;
}

/*
 * Clears DCACHE_MOUNTED of a dentry if unlink_mount() has taken the last mount off it. Called at
 * the end of the write section, since walks read the flag before the sequence number.
 */
static void settle(const struct path *was)
{
	if (was->dentry && !mount_on(was->dentry, NULL))
		d_set_mounted(was->dentry, false);
}

/* Links a mount into the tree, in a mount_seq write section. */
static void link_mount(struct mount *m, const struct path *where)
{
	struct mount *c;

	mntget(where->mnt);
	dget(where->dentry);
	d_set_mounted(where->dentry, true);
	m->mnt_parent = where->mnt;
	m->mnt_mountpoint = where->dentry;
	list_add_tail(&m->mnt_child, &where->mnt->mnt_mounts);
	hlist_add_head(&m->mnt_hash, bucket(where->mnt, where->dentry));
	hlist_add_head(&m->mnt_on, place_bucket(where->dentry));
	if (where->mnt->mnt_state & MNT_IN_NS)
		for (c = m; c; c = mnt_next(c, m))
			ns_add(where->mnt->mnt_ns, c);
}

/*
 * Takes a mount with all that is mounted below it out of the tree. Returns its former parent and
 * mountpoint, the references to which pass to the caller.
 */
static struct path take_out(struct mount *m)
{
	struct path where = unlink_mount(m);
	struct mount *c;

	for (c = m; c; c = mnt_next(c, m))
		ns_del(c);
	return where;
}

void mnt_attach(struct mount *m, const struct path *where)
{
	assert_rwsem_held_write(&namespace_sem);
	vfs_seq_write_begin(&mount_seq);
	link_mount(m, where);
	vfs_seq_write_end(&mount_seq);
	mnt_ns_changed(where->mnt->mnt_ns);
}

void mnt_detach(struct mount *m)
{
	struct mnt_namespace *ns = m->mnt_ns;
	struct path where;

	assert_rwsem_held_write(&namespace_sem);
	vfs_seq_write_begin(&mount_seq);
	where = take_out(m);
	settle(&where);
	vfs_seq_write_end(&mount_seq);
	mnt_ns_changed(ns);
	path_put(&where); /* not the last one: the tree has another */
}

void mnt_move(struct mount *m, const struct path *where)
{
	struct mnt_namespace *from = m->mnt_ns;
	struct path at;

	assert_rwsem_held_write(&namespace_sem);
	vfs_seq_write_begin(&mount_seq);
	at = take_out(m);
	link_mount(m, where);
	settle(&at);
	vfs_seq_write_end(&mount_seq);
	mnt_ns_changed(from);
	if (m->mnt_ns != from)
		mnt_ns_changed(m->mnt_ns);
	path_put(&at);
}

void mnt_slip_below(struct mount *m, struct mount *top)
{
	const struct path on = { m, m->mnt_root };
	struct mnt_namespace *from = m->mnt_ns;
	struct path at, old = { NULL, NULL };

	assert_rwsem_held_write(&namespace_sem);
	vfs_seq_write_begin(&mount_seq);
	if (m->mnt_parent != m)
		old = take_out(m);
	at = take_out(top);
	link_mount(m, &at);
	link_mount(top, &on);
	settle(&old);
	vfs_seq_write_end(&mount_seq);
	mnt_ns_changed(from);
	if (m->mnt_ns != from)
		mnt_ns_changed(m->mnt_ns);
	path_put(&old);
	path_put(&at);
}

void mnt_pivot(struct mount *new, struct mount *old, const struct path *put_old)
{
	struct path inner, outer;

	assert_rwsem_held_write(&namespace_sem);
	vfs_seq_write_begin(&mount_seq);
	inner = take_out(new);
	outer = take_out(old);
	link_mount(old, put_old);
	link_mount(new, &outer);
	settle(&inner);
	vfs_seq_write_end(&mount_seq);
	mnt_ns_changed(new->mnt_ns);
	path_put(&inner);
	path_put(&outer);
}

/* Detaches @m and adds it to @dead. namespace_sem is held for writing. */
static void umount_one(struct mount *m, struct list_head *dead)
{
	mnt_leave_group(m);
	vfs_seq_write_begin(&mount_seq);
	ns_del(m);
	if (m->mnt_parent != m) {
		struct path where = unlink_mount(m);

		m->mnt_dead_at = where;
		settle(&where);
	}
	m->mnt_state &= ~(u32)MNT_CLOSED;
	vfs_seq_write_end(&mount_seq);
	list_add_tail(&m->mnt_list, dead);
}

/* Leaves a locked mount on its parent, which is being unmounted too. */
static void umount_stuck(struct mount *m)
{
	struct mount *parent = m->mnt_parent;

	mnt_leave_group(m);
	vfs_seq_write_begin(&mount_seq);
	ns_del(m);
	m->mnt_state |= MNT_STUCK;
	vfs_seq_write_end(&mount_seq);
	/* Not the last reference: the parent's own tree holds another. */
	mntput(parent);
}

void mnt_umount_one(struct mount *m, struct list_head *dead)
{
	struct mnt_namespace *ns = m->mnt_ns;

	assert_rwsem_held_write(&namespace_sem);
	umount_one(m, dead);
	mnt_ns_changed(ns);
}

/*
 * Unmounts a tree, children first. The mounts whose references the caller must drop are linked on
 * @dead by mnt_list, which is unused after a mount has left its namespace.
 */
void mnt_umount_tree(struct mount *m, struct list_head *dead)
{
	struct mnt_namespace *ns = m->mnt_ns;
	struct mount *c, *prev;

	assert_rwsem_held_write(&namespace_sem);
	for (c = mnt_last(m); c; c = prev) {
		prev = c == m ? NULL : mnt_prev(c);
		if (c != m && (c->mnt_state & MNT_LOCKED))
			umount_stuck(c);
		else
			umount_one(c, dead);
	}
	mnt_ns_changed(ns);
}

static void put_list(struct list_head *dead, void (*put)(struct mount *m))
{
	while (!list_empty(dead)) {
		struct mount *m = list_first_entry(dead, struct mount, mnt_list);
		struct path at = m->mnt_dead_at;

		list_del_init(&m->mnt_list);
		m->mnt_dead_at = (struct path){ NULL, NULL };
		put(m);
		path_put(&at);
	}
}

void mnt_put_list(struct list_head *dead)
{
	put_list(dead, mntput);
}

/* ---- queries ---- */

bool is_mountpoint_here(struct dentry *d)
{
	bool found;

	if (!d_mounted(d))
		return false;
	spin_lock(&mount_seq.lock);
	found = mount_on(d, current_mnt_ns());
	spin_unlock(&mount_seq.lock);
	return found;
}

bool mnt_in_current_ns(const struct mount *m)
{
	return READ_ONCE(m->mnt_ns) == current_mnt_ns();
}

#define TURN_NS 2000000UL

/*
 * Reschedules from time to time. Unless @keep is set, namespace_sem is released meanwhile, so that
 * waiting tasks can mount. Returns true if the tree is unchanged. namespace_sem is held for
 * reading.
 */
static bool take_turns(const struct mnt_namespace *ns, u64 *start, bool keep)
{
	u64 event = ns->event;

	if (ktime_get() - *start < TURN_NS)
		return true;
	if (!keep)
		up_read(&namespace_sem);
	cond_resched();
	if (!keep)
		down_read(&namespace_sem);
	*start = ktime_get();
	return ns->event == event;
}

bool mnt_ns_for_each(
	struct ns_common *ns, bool keep, void (*fn)(struct mount *m, void *arg), void *arg)
{
	struct mnt_namespace *mns = container_of(ns, struct mnt_namespace, ns);
	u64 start = ktime_get();
	bool whole = true;
	struct mount *m;

	down_read(&namespace_sem);
	for (m = mnt_ns_first_mount(mns); m; m = mnt_ns_next_mount(m)) {
		fn(m, arg);
		whole = take_turns(mns, &start, keep);
		if (!whole)
			break;
	}
	up_read(&namespace_sem);
	return whole;
}

u64 mnt_ns_event(struct ns_common *ns)
{
	return READ_ONCE(container_of(ns, struct mnt_namespace, ns)->event);
}

struct wait_queue_head *mnt_ns_queue(struct ns_common *ns)
{
	return &container_of(ns, struct mnt_namespace, ns)->poll;
}

void detach_mounts(struct dentry *d)
{
	LIST_HEAD(dead);
	struct mount *m;

	down_write(&namespace_sem);
	do {
		bool stuck;

		vfs_seq_write_begin(&mount_seq);
		m = mount_on(d, NULL);
		stuck = m && (m->mnt_state & MNT_STUCK);
		/* Take the mount off its parent here, since the parent may be about to drop it. */
		if (stuck)
			take_stuck(m);
		vfs_seq_write_end(&mount_seq);
		if (stuck)
			list_add_tail(&m->mnt_list, &dead);
		else if (m)
			mnt_umount_tree(m, &dead);
	} while (m);
	up_write(&namespace_sem);
	put_list(&dead, mntput_later);
}

static bool is_under(const struct path *p, const struct path *root)
{
	const struct mount *m = p->mnt, *up;
	const struct dentry *d = p->dentry;

	for (; m != root->mnt; m = up) {
		up = READ_ONCE(m->mnt_parent);
		if (up == m)
			return false;
		d = READ_ONCE(m->mnt_mountpoint);
	}
	return d_is_below(d, root->dentry);
}

bool path_is_under(const struct path *p, const struct path *root)
{
	bool under;

	for (int i = 0; i < 3; i++) {
		u32 seq = vfs_seq_begin(&mount_seq);

		under = is_under(p, root);
		if (likely(!vfs_seq_retry(&mount_seq, seq)))
			return under;
	}
	spin_lock(&mount_seq.lock);
	under = is_under(p, root);
	spin_unlock(&mount_seq.lock);
	return under;
}
