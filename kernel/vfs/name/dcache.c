/* SPDX-License-Identifier: MIT */
/*
 * dcache.c: the cache of names. A dentry connects a name in a directory to an inode, or records
 * that there is none (negative).
 *
 *   d_alloc -> d_add / d_splice_alias      by the file system's lookup, the directory's i_rwsem
 *                                          held
 *   d_find_rcu, d_lookup                   by path walks, without any lock
 *   d_instantiate                          creation: a negative dentry gets its inode
 *   d_drop, d_delete, d_invalidate         the name is removed
 *   d_move, d_exchange                     rename
 *
 * dcache_shrink.c frees unused dentries, under memory pressure and at umount. dcache_splice.c
 * handles directories that a lookup finds under a second name.
 *
 * States: in use (d_count > 0); unused but cached (0, on the LRU list); dead (D_DEAD, about to be
 * freed). dput() goes from in use to unused or dead, d_tryget() from unused to in use, the shrinker
 * and shrink_dcache_parent() from unused to dead.
 *
 * Invariants:
 *   1. A dentry holds a reference on its parent, so an unused dentry has no children.
 *   2. d_inode changes once at most, from NULL to an inode. Removing a file unhashes its dentry,
 *      which never turns negative, so a reader without locks may rely on what it read.
 *   3. At most one live dentry is hashed under one parent and name. The directory's i_rwsem orders
 *      the tasks that add dentries; where it is held for reading only, lookup.c admits one task at
 *      a time for each name. A directory's inode has at most one dentry.
 *   4. Name and parent change with rename_seq odd, under rename_lock; memory is freed after a grace
 *      period.
 *   5. An unused dentry is on the LRU list, except for a moment while the shrinker skips it. It is
 *      then added again after its next use.
 *
 * Locks: kernel/lib/lock_order. This file does not handle permissions, mounts, or lookups in
 * progress (lookup.c, i_rwsem).
 */
#include <linux/inotify.h>

#include "arch/um/machine/arch.h"
#include "kernel/vfs/name/dcache.h"

/* A name that is too long for d_iname. Two dentries share it after a rename over another name. */
struct ext_name {
	atomic_t refs;
	struct rcu_head rcu;
	char text[];
};

#define NR_BUCKET_LOCKS 256
struct vfs_seq rename_seq = { 0, SPINLOCK_INIT(rename_lock) };
static struct hlist_head *buckets; /* set once; lists under bucket_locks */
static u32 bucket_mask;
static spinlock_t bucket_locks[NR_BUCKET_LOCKS];
struct dentry_lru dentry_lru = { SPINLOCK_INIT(dentry_lru_lock), LIST_HEAD_INIT(dentry_lru.list),
	0 };
atomic64_t nr_dentries;
static struct kmem_cache *dentry_cache;

struct hash_key name_key;

u32 full_name_hash(const char *name, u32 len)
{
	return keyhash_bytes(&name_key, name, len);
}

static inline u32 bucket_of(const struct dentry *parent, u32 hash)
{
	return hash_u64((u64)parent + ((u64)hash << 24) + hash) & bucket_mask;
}

static inline spinlock_t *bucket_lock(u32 b)
{
	return &bucket_locks[b & (NR_BUCKET_LOCKS - 1)];
}

static inline bool name_equal(const char *a, const char *b, u32 len)
{
	u64 x, y;

	for (; len >= 8; len -= 8, a += 8, b += 8) {
		__builtin_memcpy(&x, a, 8);
		__builtin_memcpy(&y, b, 8);
		if (x != y)
			return false;
	}
	for (; len; len--)
		if (*a++ != *b++)
			return false;
	return true;
}

static inline bool d_matches(
	const struct dentry *d, const struct dentry *parent, const struct qstr *name)
{
	return READ_ONCE(d->d_name.hash) == name->hash && READ_ONCE(d->d_parent) == parent &&
	       READ_ONCE(d->d_name.len) == name->len &&
	       name_equal(READ_ONCE(d->d_name.name), name->name, name->len) && !d_unhashed(d);
}

struct dentry *d_find_rcu(const struct dentry *parent, const struct qstr *name)
{
	struct hlist_node *n = READ_ONCE(buckets[bucket_of(parent, name->hash)].first);

	for (; n; n = READ_ONCE(n->next)) {
		struct dentry *d = container_of(n, struct dentry, d_hash);

		if (d_matches(d, parent, name))
			return d;
	}
	return NULL;
}

struct dentry *d_lookup(struct dentry *parent, const struct qstr *name)
{
	for (;;) {
		u32 seq = vfs_seq_begin(&rename_seq);
		struct dentry *d = d_find_rcu(parent, name);
		bool got = d && d_tryget(d);

		if (!vfs_seq_retry(&rename_seq, seq)) {
			if (!d || (got && !d_unhashed(d)))
				return d;
			if (!got)
				/* A dead dentry, which is about to be unhashed. */
				cpu_relax();
		}
		if (got)
			dput(d);
	}
}

/* ---- names ---- */

static void ext_name_free(struct rcu_head *h)
{
	kfree(container_of(h, struct ext_name, rcu));
}

static inline bool name_is_external(const struct dentry *d)
{
	return d->d_name.name != d->d_iname;
}

static inline struct ext_name *ext_name_of(const struct dentry *d)
{
	return container_of(d->d_name.name, struct ext_name, text[0]);
}

static void ext_name_put(struct ext_name *e)
{
	if (atomic_dec_and_test(&e->refs))
		call_rcu(&e->rcu, ext_name_free);
}

/* Gives a new dentry a copy of the name, with a NUL. Returns 0 or -ENOMEM. */
static int d_set_name(struct dentry *d, const struct qstr *name)
{
	char *text = d->d_iname;

	if (name->len >= DNAME_INLINE) {
		struct ext_name *e = kmalloc(sizeof(*e) + name->len + 1, GFP_KERNEL);

		if (!e)
			return -ENOMEM;
		atomic_set(&e->refs, 1);
		text = e->text;
	}
	memcpy(text, name->name, name->len);
	text[name->len] = 0;
	d->d_name = (struct qstr){ text, name->len, name->hash };
	return 0;
}

/* ---- hash ---- */

static void d_hash_insert(struct dentry *d)
{
	u32 b = bucket_of(d->d_parent, d->d_name.hash);
	struct hlist_head *h = &buckets[b];

	assert_spin_held(&d->d_lock);
	spin_lock(bucket_lock(b));
	d->d_hash.next = h->first;
	d->d_hash.pprev = &h->first;
	if (h->first)
		h->first->pprev = &d->d_hash.next;
	d->d_flags &= ~DCACHE_UNHASHED;
	smp_store_release(&h->first, &d->d_hash);
	spin_unlock(bucket_lock(b));
}

/*
 * Removes a dentry from the hash. Its next pointer stays, so that a lock-free reader at this dentry
 * continues with the rest of the chain.
 */
static void d_hash_remove(struct dentry *d)
{
	u32 b = bucket_of(d->d_parent, d->d_name.hash);

	assert_spin_held(&d->d_lock);
	if (d->d_flags & DCACHE_UNHASHED)
		return;
	spin_lock(bucket_lock(b));
	WRITE_ONCE(*d->d_hash.pprev, d->d_hash.next);
	if (d->d_hash.next)
		d->d_hash.next->pprev = d->d_hash.pprev;
	WRITE_ONCE(d->d_flags, d->d_flags | DCACHE_UNHASHED);
	spin_unlock(bucket_lock(b));
}

void d_drop(struct dentry *d)
{
	spin_lock(&d->d_lock);
	d_hash_remove(d);
	spin_unlock(&d->d_lock);
}

void d_delete(struct dentry *d)
{
	d_drop(d);
}

/* ---- making ---- */

/*
 * Makes an unhashed negative dentry that is its own parent, with one reference and a copy of the
 * name. Returns NULL if memory is short.
 */
static struct dentry *dentry_new(struct super_block *sb, const struct qstr *name)
{
	struct dentry *d = kmem_cache_zalloc(dentry_cache, GFP_KERNEL);

	if (!d)
		return NULL;
	if (d_set_name(d, name)) {
		kmem_cache_free(dentry_cache, d);
		return NULL;
	}
	d->d_flags = DCACHE_UNHASHED;
	atomic_set(&d->d_count, 1);
	spin_lock_init(&d->d_lock);
	d->d_parent = d;
	d->d_sb = sb;
	d->d_op = sb->s_d_op;
	INIT_LIST_HEAD(&d->d_child);
	INIT_LIST_HEAD(&d->d_subdirs);
	INIT_LIST_HEAD(&d->d_alias);
	INIT_LIST_HEAD(&d->d_lru);
	__atomic_add_fetch(&nr_dentries.v, 1, __ATOMIC_RELAXED);
	return d;
}

struct dentry *d_alloc(struct dentry *parent, const struct qstr *name)
{
	struct dentry *d = dentry_new(parent->d_sb, name);

	if (!d)
		return NULL;
	dget(parent);
	d->d_parent = parent;
	spin_lock(&parent->d_lock);
	list_add(&d->d_child, &parent->d_subdirs);
	spin_unlock(&parent->d_lock);
	return d;
}

struct dentry *d_make_root(struct inode *inode)
{
	struct qstr name = { "/", 1, full_name_hash("/", 1) };
	struct dentry *d;

	if (!inode)
		return NULL;
	d = dentry_new(inode->i_sb, &name);
	if (!d) {
		iput(inode);
		return NULL;
	}
	d->d_flags |= DCACHE_ROOT;
	d_instantiate(d, inode);
	return d;
}

struct dentry *d_alloc_pseudo(struct super_block *sb, const char *text)
{
	struct qstr name = { text, strlen(text), 0 };
	struct dentry *d;

	name.len = min_t(u32, name.len, NAME_MAX);
	d = dentry_new(sb, &name);
	if (d)
		d->d_flags |= DCACHE_PSEUDO;
	return d;
}

void d_instantiate(struct dentry *d, struct inode *inode)
{
	BUG_ON(d->d_inode);
	if (!inode)
		return;
	spin_lock(&inode->i_lock);
	list_add(&d->d_alias, &inode->i_dentry);
	smp_store_release(&d->d_inode, inode);
	spin_unlock(&inode->i_lock);
}

void d_instantiate_new(struct dentry *d, struct inode *inode)
{
	d_instantiate(d, inode);
	unlock_new_inode(inode);
}

void d_rehash(struct dentry *d)
{
	spin_lock(&d->d_lock);
	if (d->d_flags & DCACHE_UNHASHED)
		d_hash_insert(d);
	spin_unlock(&d->d_lock);
}

void d_add(struct dentry *d, struct inode *inode)
{
	d_instantiate(d, inode);
	d_rehash(d);
}

/* ---- references and death ---- */

struct dentry *dget(struct dentry *d)
{
	if (d)
		atomic_inc(&d->d_count);
	return d;
}

struct dentry *dget_parent(struct dentry *d)
{
	for (;;) {
		struct dentry *p = READ_ONCE(d->d_parent);

		if (!d_tryget(p))
			continue;
		if (READ_ONCE(d->d_parent) == p)
			return p;
		dput(p);
	}
}

static void dentry_free_rcu(struct rcu_head *h)
{
	kmem_cache_free(dentry_cache, container_of(h, struct dentry, d_rcu));
}

static void lru_add(struct dentry *d)
{
	assert_spin_held(&d->d_lock);
	if (d->d_flags & DCACHE_LRU) {
		d->d_flags |= DCACHE_REFERENCED;
		return;
	}
	spin_lock(&dentry_lru.lock);
	list_add(&d->d_lru, &dentry_lru.list);
	dentry_lru.nr++;
	spin_unlock(&dentry_lru.lock);
	d->d_flags |= DCACHE_LRU;
}

static void lru_del(struct dentry *d)
{
	assert_spin_held(&d->d_lock);
	if (!(d->d_flags & DCACHE_LRU))
		return;
	spin_lock(&dentry_lru.lock);
	list_del_init(&d->d_lru);
	dentry_lru.nr--;
	spin_unlock(&dentry_lru.lock);
	d->d_flags &= ~DCACHE_LRU;
}

/*
 * Makes an unused dentry dead and removes it from the hash and the LRU list. Returns false if the
 * dentry is in use. d_lock is held.
 */
bool dentry_condemn(struct dentry *d)
{
	assert_spin_held(&d->d_lock);
	if (cmpxchg(&d->d_count.v, 0, D_DEAD) != 0)
		return false;
	d_hash_remove(d);
	lru_del(d);
	return true;
}

void d_notify_gone(struct dentry *d)
{
	struct inode *inode = d->d_inode;

	if (!inode || (inode->i_nlink && !(inode->i_flags & S_DEAD)) ||
		(d->d_flags & DCACHE_GONE_NOTIFIED))
		return;
	spin_lock(&d->d_lock);
	d->d_flags |= DCACHE_GONE_NOTIFIED;
	spin_unlock(&d->d_lock);
	fsnotify_inode(inode, IN_DELETE_SELF);
}

/*
 * Unlinks a dead dentry from its parent and inode. Returns its parent, whose reference passes to
 * the caller, or NULL.
 */
struct dentry *dentry_bury(struct dentry *d)
{
	struct inode *inode = d->d_inode;
	struct dentry *parent = d->d_parent == d ? NULL : d->d_parent;

	if (inode) {
		spin_lock(&inode->i_lock);
		list_del_init(&d->d_alias);
		spin_unlock(&inode->i_lock);
	}
	if (parent) {
		spin_lock(&parent->d_lock);
		list_del_init(&d->d_child);
		spin_unlock(&parent->d_lock);
	}
	d_notify_gone(d);
	if (d->d_op && d->d_op->d_release)
		d->d_op->d_release(d);
	if (name_is_external(d))
		ext_name_put(ext_name_of(d));
	__atomic_sub_fetch(&nr_dentries.v, 1, __ATOMIC_RELAXED);
	call_rcu(&d->d_rcu, dentry_free_rcu);
	iput(inode);
	return parent;
}

static bool d_worth_keeping(const struct dentry *d)
{
	if (d->d_flags & (DCACHE_UNHASHED | DCACHE_DONTCACHE))
		return false;
	if (!(d->d_sb->s_flags & SB_ACTIVE))
		return false;
	return !(d->d_op && d->d_op->d_delete && d->d_op->d_delete(d));
}

/* Drops a reference that may be the last. Returns the parent to put next, or NULL. */
static struct dentry *dput_last(struct dentry *d)
{
	bool dead = false;

	spin_lock(&d->d_lock);
	if (atomic_sub_return(1, &d->d_count) == 0) {
		if (d_worth_keeping(d))
			lru_add(d);
		else
			dead = dentry_condemn(d);
	}
	spin_unlock(&d->d_lock);
	return dead ? dentry_bury(d) : NULL;
}

/*
 * Drops a reference and returns true in the common cases: other references remain, or the dentry is
 * on the LRU list and marked as recently used.
 */
static inline bool dput_fast(struct dentry *d)
{
	s32 c = atomic_read(&d->d_count);

	while (c > 1)
		if (__atomic_compare_exchange_n(
			    &d->d_count.v, &c, c - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return true;
	if (c != 1 || (d->d_op && d->d_op->d_delete) || !(d->d_sb->s_flags & SB_ACTIVE))
		return false;
	if ((READ_ONCE(d->d_flags) & (DCACHE_LRU | DCACHE_REFERENCED | DCACHE_UNHASHED |
					     DCACHE_DONTCACHE)) != (DCACHE_LRU | DCACHE_REFERENCED))
		return false;
	if (cmpxchg(&d->d_count.v, 1, 0) != 1)
		return false;
	/*
	 * Since the flags were read above, another task may have unhashed and put the dentry, and
	 * left its removal to this task. The dentry is not freed meanwhile, since this stretch of
	 * code has no boundary. This task then takes a reference again, which dput_last() drops.
	 */
	return likely(!(READ_ONCE(d->d_flags) & (DCACHE_UNHASHED | DCACHE_DONTCACHE))) ||
	       !d_tryget(d);
}

void dput(struct dentry *d)
{
	while (d && !dput_fast(d))
		d = dput_last(d);
}

void d_persist(struct dentry *d)
{
	dget(d);
	spin_lock(&d->d_lock);
	d->d_flags |= DCACHE_PERSISTENT;
	spin_unlock(&d->d_lock);
}

void d_unpersist(struct dentry *d)
{
	bool was;

	spin_lock(&d->d_lock);
	was = d->d_flags & DCACHE_PERSISTENT;
	d->d_flags &= ~DCACHE_PERSISTENT;
	spin_unlock(&d->d_lock);
	if (was)
		dput(d);
}

void d_set_managed(struct dentry *d)
{
	spin_lock(&d->d_lock);
	d->d_flags |= DCACHE_MANAGED;
	spin_unlock(&d->d_lock);
}

void d_set_mounted(struct dentry *d, bool on)
{
	spin_lock(&d->d_lock);
	d->d_flags = on ? d->d_flags | DCACHE_MOUNTED : d->d_flags & ~DCACHE_MOUNTED;
	spin_unlock(&d->d_lock);
}

/* ---- aliases ---- */

struct dentry *d_find_alias(struct inode *inode)
{
	struct dentry *d, *found = NULL;

	spin_lock(&inode->i_lock);
	list_for_each_entry(d, &inode->i_dentry, d_alias)
		if ((!d_unhashed(d) || is_dir(inode)) && d_tryget(d)) {
			found = d;
			break;
		}
	spin_unlock(&inode->i_lock);
	return found;
}

void d_prune_aliases(struct inode *inode)
{
	struct dentry *d, *dead;

	do {
		dead = NULL;
		spin_lock(&inode->i_lock);
		list_for_each_entry(d, &inode->i_dentry, d_alias) {
			if (atomic_read(&d->d_count) != 0 || !spin_trylock(&d->d_lock))
				continue;
			if (dentry_condemn(d))
				dead = d;
			spin_unlock(&d->d_lock);
			if (dead)
				break;
		}
		spin_unlock(&inode->i_lock);
		if (dead)
			dput(dentry_bury(dead));
	} while (dead);
}

/* ---- rename ---- */

bool d_is_ancestor(const struct dentry *a, const struct dentry *d)
{
	const struct dentry *up;

	for (;; d = up) {
		if (d == a)
			return true;
		up = READ_ONCE(d->d_parent);
		if (up == d)
			return false;
	}
}

/* Gives @d the name of @from. Under rename_lock. */
static void d_copy_name(struct dentry *d, const struct dentry *from)
{
	struct ext_name *old = name_is_external(d) ? ext_name_of(d) : NULL;

	if (name_is_external(from)) {
		atomic_inc(&ext_name_of(from)->refs);
		WRITE_ONCE(d->d_name.name, from->d_name.name);
	} else {
		memcpy(d->d_iname, from->d_iname, DNAME_INLINE);
		WRITE_ONCE(d->d_name.name, d->d_iname);
	}
	WRITE_ONCE(d->d_name.len, from->d_name.len);
	WRITE_ONCE(d->d_name.hash, from->d_name.hash);
	if (old)
		ext_name_put(old);
}

void d_keep_name(struct dentry *d, struct name_snapshot *s)
{
	spin_lock(&rename_seq.lock);
	s->name = d->d_name;
	if (name_is_external(d)) {
		atomic_inc(&ext_name_of(d)->refs);
	} else {
		memcpy(s->text, d->d_iname, DNAME_INLINE);
		s->name.name = s->text;
	}
	spin_unlock(&rename_seq.lock);
}

void d_drop_name(struct name_snapshot *s)
{
	if (s->name.name && s->name.name != s->text)
		ext_name_put(container_of(s->name.name, struct ext_name, text[0]));
}

static void d_swap_names(struct dentry *a, struct dentry *b)
{
	struct qstr qa = a->d_name, qb = b->d_name;
	bool ea = name_is_external(a), eb = name_is_external(b);
	char text[DNAME_INLINE];

	memcpy(text, a->d_iname, DNAME_INLINE);
	memcpy(a->d_iname, b->d_iname, DNAME_INLINE);
	memcpy(b->d_iname, text, DNAME_INLINE);
	a->d_name = (struct qstr){ eb ? qb.name : a->d_iname, qb.len, qb.hash };
	b->d_name = (struct qstr){ ea ? qa.name : b->d_iname, qa.len, qa.hash };
}

/*
 * Changes the parent of @d; the caller handles the references to both parents. Only one parent's
 * lock is held at a time, so readers of d_subdirs may see the dentry in neither list for a moment.
 */
static void d_set_parent(struct dentry *d, struct dentry *parent)
{
	struct dentry *old = d->d_parent;

	if (old != d) {
		spin_lock(&old->d_lock);
		list_del_init(&d->d_child);
		spin_unlock(&old->d_lock);
	}
	WRITE_ONCE(d->d_parent, parent);
	spin_lock(&parent->d_lock);
	list_add(&d->d_child, &parent->d_subdirs);
	spin_unlock(&parent->d_lock);
}

/*
 * Gives @d the name and the parent of @target, which is unhashed. @parent: the new parent; NULL:
 * the parent does not change. Under rename_lock.
 */
static void take_place(struct dentry *d, struct dentry *target, struct dentry *parent)
{
	d_drop(d);
	d_drop(target);
	d_copy_name(d, target);
	if (parent)
		d_set_parent(d, parent);
	spin_lock(&d->d_lock);
	d_hash_insert(d);
	spin_unlock(&d->d_lock);
}

void d_move(struct dentry *d, struct dentry *target)
{
	struct dentry *old = d->d_parent, *parent = target->d_parent;

	dget(parent);
	vfs_seq_write_begin(&rename_seq);
	take_place(d, target, parent);
	vfs_seq_write_end(&rename_seq);
	if (old != d)
		dput(old);
}

bool d_move_within(struct dentry *d, struct dentry *target)
{
	bool here;

	vfs_seq_write_begin(&rename_seq);
	here = d->d_parent == target->d_parent;
	if (here)
		take_place(d, target, NULL);
	vfs_seq_write_end(&rename_seq);
	return here;
}

void d_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *pa = a->d_parent, *pb = b->d_parent;

	vfs_seq_write_begin(&rename_seq);
	d_drop(a);
	d_drop(b);
	d_swap_names(a, b);
	d_set_parent(a, pb);
	d_set_parent(b, pa);
	spin_lock(&a->d_lock);
	d_hash_insert(a);
	spin_unlock(&a->d_lock);
	spin_lock(&b->d_lock);
	d_hash_insert(b);
	spin_unlock(&b->d_lock);
	vfs_seq_write_end(&rename_seq);
}

/*
 * Allocates the hash table: at least one bucket for every 16 KiB of memory, but not fewer than 1024
 * and not more than 4 MiB of buckets.
 */
void dcache_init(void)
{
	u32 n = 1024;

	while (n < nr_managed_frames() / 4 && n < 512 * 1024)
		n *= 2;
	arch_random(&name_key, sizeof(name_key));
	buckets = kzalloc(n * sizeof(*buckets), GFP_KERNEL);
	dentry_cache = kmem_cache_create("dentry", sizeof(struct dentry), 64 | SLAB_RECLAIMABLE);
	if (!buckets || !dentry_cache)
		panic("no memory for the dentry cache");
	bucket_mask = n - 1;
	for (u32 i = 0; i < NR_BUCKET_LOCKS; i++)
		spin_lock_init(&bucket_locks[i]);
	dcache_shrinker_init();
}
