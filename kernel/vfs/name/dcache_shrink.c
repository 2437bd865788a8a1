/* SPDX-License-Identifier: MIT */
/*
 * dcache_shrink.c: frees unused dentries: under memory pressure from the old end of the LRU list,
 * and whole subtrees when a directory is removed or a file system is unmounted.
 *
 * dentry_condemn() takes an unused dentry to dead, with d_lock held. Dead dentries are collected on
 * a list and freed (dentry_bury) without locks, since that may drop references to an inode and a
 * parent. A walk over a tree goes depth first, with a reference to the directory that it visits. A
 * concurrent rename makes it miss dentries, but never leave the tree; callers that must get all
 * dentries repeat until a pass finds nothing.
 *
 * Locks: d_lock of a parent before its child's; the LRU lock inside d_lock, so the shrinker only
 * tries d_lock.
 */
#include "kernel/vfs/name/dcache.h"

#define SHRINK_BATCH 128

static void bury_list(struct list_head *dead)
{
	while (!list_empty(dead)) {
		struct dentry *d = list_first_entry(dead, struct dentry, d_lru);

		list_del_init(&d->d_lru);
		dput(dentry_bury(d));
		cond_resched();
	}
}

struct shrink_walk {
	struct list_head dead;
	u64 nr; /* number of dentries on @dead */
	/*
	 * For an unmount: also drop the references that only keep dentries in the cache
	 * (DCACHE_PERSISTENT).
	 */
	bool umount;
	/* The batch was full, so this directory must be visited again. */
	bool more;
};

static bool condemn_child(struct dentry *c, struct shrink_walk *w)
{
	if (w->umount && (c->d_flags & DCACHE_PERSISTENT)) {
		c->d_flags &= ~DCACHE_PERSISTENT;
		atomic_dec(&c->d_count);
	}
	if (!dentry_condemn(c))
		return false;
	list_add_tail(&c->d_lru, &w->dead);
	w->nr++;
	return true;
}

/*
 * Condemns the unused children of @p, from @from on, up to the first child that has children.
 * Returns that child with a reference, or NULL if there is none. The caller walks the tree below
 * that child, and then passes the child as @from to this function, which drops the reference.
 */
static struct dentry *condemn_children(struct dentry *p, struct dentry *from, struct shrink_walk *w)
{
	struct dentry *c, *next, *down = NULL;

	w->nr = 0;
	w->more = false;
	spin_lock(&p->d_lock);
	if (from && (from->d_parent != p || list_empty(&from->d_child))) {
		spin_unlock(&p->d_lock); /* @from was renamed meanwhile */
		dput(from);
		return NULL;
	}
	c = from ? from : list_first_entry(&p->d_subdirs, struct dentry, d_child);
	for (; &c->d_child != &p->d_subdirs && !w->more && !down; c = next) {
		next = list_next_entry(c, d_child);
		spin_lock(&c->d_lock);
		if (c == from)
			atomic_dec(&c->d_count);
		if (!condemn_child(c, w) && c != from && !list_empty(&c->d_subdirs) && d_tryget(c))
			down = c;
		spin_unlock(&c->d_lock);
		w->more = w->nr >= SHRINK_BATCH;
	}
	spin_unlock(&p->d_lock);
	return down;
}

/* Passes once over the tree below @root, depth first; returns the number of dentries it freed. */
static u64 shrink_pass(struct dentry *root, bool umount)
{
	struct shrink_walk w = { .dead = LIST_HEAD_INIT(w.dead), .umount = umount };
	struct dentry *p = dget(root), *from = NULL, *down;
	u64 freed = 0;

	for (;;) {
		down = condemn_children(p, from, &w);
		from = NULL;
		freed += w.nr;
		bury_list(&w.dead);
		if (w.more) {
			dput(down);
		} else if (down) {
			dput(p);
			p = down;
		} else if (p == root || p->d_parent == p) {
			break;
		} else {
			from = p;
			p = dget_parent(from);
		}
	}
	dput(p);
	return freed;
}

void shrink_dcache_parent(struct dentry *d)
{
	while (shrink_pass(d, false))
		cond_resched();
}

void shrink_dcache_for_umount(struct super_block *sb)
{
	struct dentry *root = sb->s_root;

	if (!root)
		return;
	while (shrink_pass(root, true))
		cond_resched();
	/*
	 * A dentry that is still there is being released by another task. It is freed together with
	 * its inode (wait_for_inodes()).
	 */
	sb->s_root = NULL;
	dput(root);
}

void shrink_dcache_sb(struct super_block *sb)
{
	if (sb->s_root)
		shrink_dcache_parent(sb->s_root);
}

void d_invalidate(struct dentry *d)
{
	d_drop(d);
	if (d->d_inode && is_dir(d->d_inode))
		shrink_dcache_parent(d);
	if (d_mounted(d))
		detach_mounts(d);
}

/*
 * Picks a dentry from the old end of the LRU list and returns it with d_lock held, or NULL. A
 * recently used dentry is moved to the new end once.
 */
static struct dentry *lru_victim(void)
{
	struct dentry *d, *victim = NULL;
	bool passed;

	spin_lock(&dentry_lru.lock);
	for (int tries = 0; tries < 32 && !victim && !list_empty(&dentry_lru.list); tries++) {
		d = list_last_entry(&dentry_lru.list, struct dentry, d_lru);
		list_move(&d->d_lru, &dentry_lru.list);
		if (!spin_trylock(&d->d_lock))
			continue;
		passed = atomic_read(&d->d_count) != 0;
		if (passed) {
			list_del_init(&d->d_lru);
			dentry_lru.nr--;
			d->d_flags &= ~DCACHE_LRU;
		} else if (d->d_flags & DCACHE_REFERENCED) {
			d->d_flags &= ~DCACHE_REFERENCED;
			passed = true;
		}
		if (passed)
			spin_unlock(&d->d_lock);
		else
			victim = d; /* d_lock stays held */
	}
	spin_unlock(&dentry_lru.lock);
	return victim;
}

static u64 dcache_count(void)
{
	return READ_ONCE(dentry_lru.nr);
}

static u64 dcache_scan(u64 nr)
{
	u64 freed = 0;

	while (nr--) {
		struct dentry *d = lru_victim();
		bool dead;

		if (!d)
			continue;
		dead = dentry_condemn(d);
		spin_unlock(&d->d_lock);
		if (!dead)
			continue;
		freed++;
		dput(dentry_bury(d));
	}
	return freed;
}

void dcache_stats(u64 *nr, u64 *unused)
{
	*nr = atomic_read(&nr_dentries);
	*unused = READ_ONCE(dentry_lru.nr);
}

static struct shrinker dcache_shrinker = { .count = dcache_count, .scan = dcache_scan };

void dcache_shrinker_init(void)
{
	register_shrinker(&dcache_shrinker);
}
