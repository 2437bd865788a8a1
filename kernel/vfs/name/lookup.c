/* SPDX-License-Identifier: MIT */
/*
 * lookup.c: looks up one name in one directory, in the cache or the file system.
 *
 *   lookup_name(parent, &name, flags)    with no lock
 *   lookup_hash(parent, &name, flags)    with the directory's i_rwsem
 *
 * Locks: i_rwsem for writing around the file system's lookup. If a lookup may take arbitrarily long
 * and the file system supports it (FUSE: s_shared_lookup), i_rwsem is held for reading, and there
 * is only one lookup of a name at a time. Fatal signals end all these waits.
 */
#include "kernel/vfs/name/namei.h"

/*
 * Asks the file system whether a cached dentry is still valid. Takes over the reference to @d.
 * Returns @d; NULL if it was invalid and was dropped; or ERR_PTR.
 */
struct dentry *revalidate(struct dentry *d, u32 flags)
{
	int ok;

	if (!d->d_op || !d->d_op->d_revalidate)
		return d;
	ok = d->d_op->d_revalidate(d, flags);
	if (ok > 0)
		return d;
	if (ok == 0)
		d_invalidate(d);
	dput(d);
	return ok ? ERR_PTR(ok) : NULL;
}

/* Looks up a name that is not cached in the file system. Returns a dentry or ERR_PTR. */
static struct dentry *lookup_real(struct dentry *parent, const struct qstr *name, u32 flags)
{
	struct inode *dir = parent->d_inode;
	struct dentry *d, *other;

	if (dir->i_flags & S_DEAD)
		return ERR_PTR(-ENOENT);
	if (!dir->i_op->lookup)
		return ERR_PTR(-ENOTDIR);
	d = d_alloc(parent, name);
	if (!d)
		return ERR_PTR(-ENOMEM);
	other = dir->i_op->lookup(dir, d, flags);
	if (!other)
		return d;
	dput(d);
	return other;
}

struct dentry *lookup_cached(struct dentry *parent, const struct qstr *name, u32 flags)
{
	struct dentry *d = d_lookup(parent, name);

	return d ? revalidate(d, flags) : NULL;
}

struct dentry *lookup_hash(struct dentry *parent, const struct qstr *name, u32 flags)
{
	struct dentry *d = lookup_cached(parent, name, flags);

	return d ? d : lookup_real(parent, name, flags);
}

/* ---- concurrent lookups in one directory, on file systems that a process serves ---- */

#define NR_LOOKING 64
/*
 * A lookup in progress, on the stack of the task that calls the file system. Other tasks that look
 * up this name wait for its end.
 */
struct looking {
	struct list_head list;
	const struct dentry *parent;
	const struct qstr *name;
};
static struct looking_bucket {
	spinlock_t lock;
	struct list_head list; /* lookups in progress, under lock */
	struct wait_queue_head wait;
} looking[NR_LOOKING];

static struct looking_bucket *looking_bucket(const struct looking *l)
{
	return &looking[hash_u64((u64)l->parent + l->name->hash) & (NR_LOOKING - 1)];
}

static bool is_looked_for(struct looking_bucket *b, const struct looking *l)
{
	const struct looking *o;

	assert_spin_held(&b->lock);
	list_for_each_entry(o, &b->list, list)
		if (o->parent == l->parent && o->name->len == l->name->len &&
			!memcmp(o->name->name, l->name->name, l->name->len))
			return true;
	return false;
}

static bool lookup_has_ended(struct looking_bucket *b, const struct looking *l)
{
	bool yes;

	spin_lock(&b->lock);
	yes = !is_looked_for(b, l);
	spin_unlock(&b->lock);
	return yes;
}

/*
 * Begins a lookup. Returns 0 if the caller must call the file system and then looking_end(); 1 if
 * another task has just looked the name up, so that the caller must search the cache again; or
 * -EINTR.
 */
static int looking_begin(struct looking *l)
{
	struct looking_bucket *b = looking_bucket(l);
	bool wait;

	spin_lock(&b->lock);
	wait = is_looked_for(b, l);
	if (!wait)
		list_add(&l->list, &b->list);
	spin_unlock(&b->lock);
	if (!wait)
		return 0;
	return wait_event_killable(&b->wait, lookup_has_ended(b, l)) ? -EINTR : 1;
}

static void looking_end(struct looking *l)
{
	struct looking_bucket *b = looking_bucket(l);

	spin_lock(&b->lock);
	list_del(&l->list);
	spin_unlock(&b->lock);
	wake_up_all(&b->wait);
}

/* Looks up a name as lookup_hash() does, with i_rwsem held for reading. */
static struct dentry *lookup_shared(struct dentry *parent, const struct qstr *name, u32 flags)
{
	struct looking l = { .parent = parent, .name = name };
	struct dentry *d;
	int err;

	do {
		d = lookup_cached(parent, name, flags);
		if (d)
			return d;
		err = looking_begin(&l);
	} while (err > 0);
	if (err)
		return ERR_PTR(err);
	/* Another task's lookup of the name may have ended just before looking_begin(). */
	d = lookup_cached(parent, name, flags);
	if (!d)
		d = lookup_real(parent, name, flags);
	looking_end(&l);
	return d;
}

void looking_init(void)
{
	for (int i = 0; i < NR_LOOKING; i++) {
		spin_lock_init(&looking[i].lock);
		INIT_LIST_HEAD(&looking[i].list);
		init_waitqueue_head(&looking[i].wait);
	}
}

struct dentry *lookup_name(struct dentry *parent, const struct qstr *name, u32 flags)
{
	struct rwsem *s = &parent->d_inode->i_rwsem;
	struct dentry *d = lookup_cached(parent, name, flags);

	if (d)
		return d;
	if (READ_ONCE(parent->d_sb->s_shared_lookup)) {
		if (down_read_killable(s))
			return ERR_PTR(-EINTR);
		d = lookup_shared(parent, name, flags);
		up_read(s);
		return d;
	}
	if (down_write_killable(s))
		return ERR_PTR(-EINTR);
	d = lookup_hash(parent, name, flags);
	up_write(s);
	return d;
}
