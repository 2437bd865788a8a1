/* SPDX-License-Identifier: MIT */
/*
 * inode.c: the cache of inodes: the hash by number, reference counts, the list of unused inodes,
 * eviction.
 *
 *   iget_locked -> fill -> unlock_new_inode | iget_failed     a file system reads an inode
 *   new_inode -> insert_inode_locked -> d_instantiate_new     a file system makes one
 *   ihold / igrab, iput                                       references
 *
 * States: new (I_NEW, hashed, being filled; lookups wait) -> live -> unused (count 0, kept on the
 * LRU list) -> freeing (I_FREEING; a lookup waits until the inode has left the hash) -> freed after
 * a grace period. The last iput() frees the inode at once if it has no names left, is not hashed,
 * drop_inode returns 1, or its superblock is not SB_ACTIVE.
 *
 * Invariants:
 *   1. i_count goes from 0 to 1 only under i_lock with I_FREEING clear.
 *   2. An inode with I_FREEING is off the LRU list. It may be on the dirty list until evict().
 *   3. An inode is on s_inodes from new_inode() or iget_locked() to eviction.
 * Locks: kernel/lib/lock_order. Writeback is in writeback.c.
 */
#include <linux/inotify.h>

#include "arch/um/machine/arch.h"
#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/libfs.h"

#define NR_BUCKET_LOCKS 64
#define NR_WAITQ 64

static struct hlist_head *buckets; /* set once; lists under bucket_locks */
static u32 bucket_mask;
static spinlock_t bucket_locks[NR_BUCKET_LOCKS];
static struct wait_queue_head waitqs[NR_WAITQ];
static DEFINE_SPINLOCK(inode_lru_lock);
static LIST_HEAD(inode_lru); /* under inode_lru_lock; oldest last */
static u64 nr_unused;        /* under inode_lru_lock */
static atomic64_t nr_inodes;
static struct kmem_cache *inode_cache;
static struct hash_key ino_key;

static inline u32 bucket_of(const struct super_block *sb, ino_t ino)
{
	struct keyhash h;

	keyhash_init(&h, &ino_key);
	/* A file system's server may choose the number, hence the secret key. */
	keyhash_word(&h, &ino_key, ino);
	keyhash_word(&h, &ino_key, (u64)sb);
	return (u32)h.h & bucket_mask;
}

static inline spinlock_t *bucket_lock(u32 b)
{
	return &bucket_locks[b & (NR_BUCKET_LOCKS - 1)];
}

static struct wait_queue_head *inode_waitq(const struct inode *inode)
{
	return &waitqs[hash_u64((u64)inode) & (NR_WAITQ - 1)];
}

void wait_on_inode_bit(struct inode *inode, u32 bit)
{
	if (READ_ONCE(inode->i_state) & bit)
		wait_event(inode_waitq(inode), !(READ_ONCE(inode->i_state) & bit));
}

void wake_inode(struct inode *inode)
{
	wake_up_all(inode_waitq(inode));
}

/* ---- making and freeing memory ---- */

static const struct address_space_operations no_aops;
static const struct inode_operations no_iops; /* until the file system sets i_op */

static void inode_free_plain(struct inode *inode)
{
	kmem_cache_free(inode_cache, inode);
}

static void inode_free_rcu(struct rcu_head *h)
{
	struct inode *inode = container_of(h, struct inode, i_rcu);

	acl_free(inode);
	inode->i_free(inode);
}

static void inode_setup(struct inode *inode, struct super_block *sb)
{
	memset(inode, 0, sizeof(*inode));
	inode->i_sb = sb;
	inode->i_free = sb->s_op->free_inode ? sb->s_op->free_inode : inode_free_plain;
	inode->i_blkbits = sb->s_blocksize_bits;
	inode->i_nlink = 1;
	inode->i_op = &no_iops;
	spin_lock_init(&inode->i_lock);
	init_rwsem(&inode->i_rwsem);
	atomic_set(&inode->i_count, 1);
	INIT_HLIST_NODE(&inode->i_hash);
	INIT_LIST_HEAD(&inode->i_sb_list);
	INIT_LIST_HEAD(&inode->i_dirty_list);
	INIT_LIST_HEAD(&inode->i_lru);
	INIT_LIST_HEAD(&inode->i_dentry);
	INIT_LIST_HEAD(&inode->i_flock);
	address_space_init(&inode->i_data, inode, &no_aops);
	inode->i_data.mark_inode_dirty = writeback_kick;
	inode->i_data.bdi = sb->s_bdi;
	inode->i_mapping = &inode->i_data;
	__atomic_add_fetch(&nr_inodes.v, 1, __ATOMIC_RELAXED);
}

static struct inode *inode_alloc(struct super_block *sb)
{
	struct inode *inode;

	inode = sb->s_op->alloc_inode ? sb->s_op->alloc_inode(sb) :
					kmem_cache_alloc(inode_cache, GFP_KERNEL);
	if (inode)
		inode_setup(inode, sb);
	return inode;
}

static void inode_free(struct inode *inode)
{
	__atomic_sub_fetch(&nr_inodes.v, 1, __ATOMIC_RELAXED);
	call_rcu(&inode->i_rcu, inode_free_rcu);
}

static void sb_list_add(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;

	spin_lock(&sb->s_inode_list_lock);
	list_add(&inode->i_sb_list, &sb->s_inodes);
	spin_unlock(&sb->s_inode_list_lock);
}

struct inode *new_inode(struct super_block *sb)
{
	struct inode *inode = inode_alloc(sb);

	if (inode)
		sb_list_add(inode);
	return inode;
}

/* ---- the hash ---- */

static void hash_insert(struct inode *inode, u32 b)
{
	assert_spin_held(bucket_lock(b));
	hlist_add_head(&inode->i_hash, &buckets[b]);
}

static void hash_remove(struct inode *inode)
{
	u32 b = bucket_of(inode->i_sb, inode->i_ino);

	spin_lock(bucket_lock(b));
	hlist_del_init(&inode->i_hash);
	spin_unlock(bucket_lock(b));
}

static struct inode *hash_find(struct super_block *sb, ino_t ino, u32 b)
{
	struct inode *inode;

	assert_spin_held(bucket_lock(b));
	hlist_for_each_entry(inode, &buckets[b], i_hash)
		if (inode->i_ino == ino && inode->i_sb == sb)
			return inode;
	return NULL;
}

static void lru_del(struct inode *inode)
{
	assert_spin_held(&inode->i_lock);
	if (list_empty(&inode->i_lru))
		return;
	spin_lock(&inode_lru_lock);
	list_del_init(&inode->i_lru);
	nr_unused--;
	spin_unlock(&inode_lru_lock);
}

static void lru_add(struct inode *inode)
{
	assert_spin_held(&inode->i_lock);
	if (!list_empty(&inode->i_lru))
		return;
	spin_lock(&inode_lru_lock);
	list_add(&inode->i_lru, &inode_lru);
	nr_unused++;
	spin_unlock(&inode_lru_lock);
}

bool igrab(struct inode *inode)
{
	bool ok;

	spin_lock(&inode->i_lock);
	ok = !(inode->i_state & I_FREEING);
	if (ok)
		atomic_inc(&inode->i_count);
	spin_unlock(&inode->i_lock);
	return ok;
}

/*
 * Takes a reference to @inode, after waiting until it has been filled. Returns NULL if the inode
 * was being freed, after waiting for its end, or could not be read: the caller then searches again.
 * Called with the bucket locked, and unlocks it.
 */
static struct inode *hash_take(struct inode *inode, u32 b)
{
	struct wait_queue_head *q = inode_waitq(inode);
	struct wait_queue_entry e;

	if (igrab(inode)) {
		spin_unlock(bucket_lock(b));
		wait_on_inode_bit(inode, I_NEW);
		if (!hlist_unhashed(&inode->i_hash))
			return inode;
		/* The task that read the inode from the disk failed. */
		iput(inode);
		return NULL;
	}
	init_wait_entry(&e);
	prepare_to_wait(q, &e, TASK_UNINTERRUPTIBLE);
	spin_unlock(bucket_lock(b));
	schedule();
	finish_wait(q, &e);
	return NULL;
}

/* Returns the hashed inode with a reference, or NULL with the bucket locked. */
static struct inode *find_or_lock_bucket(struct super_block *sb, ino_t ino, u32 b)
{
	struct inode *inode;

	for (;;) {
		spin_lock(bucket_lock(b));
		inode = hash_find(sb, ino, b);
		if (!inode)
			return NULL;
		inode = hash_take(inode, b);
		if (inode)
			return inode;
	}
}

struct inode *ilookup(struct super_block *sb, ino_t ino)
{
	u32 b = bucket_of(sb, ino);
	struct inode *inode = find_or_lock_bucket(sb, ino, b);

	if (!inode)
		spin_unlock(bucket_lock(b));
	return inode;
}

struct inode *iget_locked(struct super_block *sb, ino_t ino)
{
	struct inode *inode = ilookup(sb, ino), *fresh;
	u32 b = bucket_of(sb, ino);

	if (inode)
		return inode;
	fresh = inode_alloc(sb);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->i_ino = ino;
	fresh->i_state = I_NEW;
	inode = find_or_lock_bucket(sb, ino, b);
	if (inode) {
		inode_free(fresh);
		return inode;
	}
	hash_insert(fresh, b);
	spin_unlock(bucket_lock(b));
	sb_list_add(fresh);
	return fresh;
}

int insert_inode_locked(struct inode *inode)
{
	u32 b = bucket_of(inode->i_sb, inode->i_ino);
	struct inode *old = find_or_lock_bucket(inode->i_sb, inode->i_ino, b);

	if (old) {
		iput(old);
		return -EBUSY;
	}
	inode->i_state |= I_NEW;
	hash_insert(inode, b);
	spin_unlock(bucket_lock(b));
	return 0;
}

void inode_hash_late(struct inode *inode)
{
	u32 b = bucket_of(inode->i_sb, inode->i_ino);

	spin_lock(bucket_lock(b));
	spin_lock(&inode->i_lock);
	if (hlist_unhashed(&inode->i_hash) && !(inode->i_state & I_FREEING))
		hash_insert(inode, b);
	spin_unlock(&inode->i_lock);
	spin_unlock(bucket_lock(b));
}

void inode_unhash(struct inode *inode)
{
	hash_remove(inode);
}

void unlock_new_inode(struct inode *inode)
{
	spin_lock(&inode->i_lock);
	inode->i_state &= ~I_NEW;
	spin_unlock(&inode->i_lock);
	wake_inode(inode);
}

void iget_failed(struct inode *inode)
{
	hash_remove(inode);
	/*
	 * The inode could not be read, but was not removed. A link count above 0 keeps iput() from
	 * freeing its space on the disk.
	 */
	set_nlink(inode, 1);
	unlock_new_inode(inode);
	iput(inode);
}

/* ---- references and eviction ---- */

void ihold(struct inode *inode)
{
	atomic_inc(&inode->i_count);
}

int generic_delete_inode(struct inode *inode)
{
	return 1;
}

void clear_inode(struct inode *inode)
{
	BUG_ON(inode->i_data.nrpages);
}

/* Woken up when an inode of a superblock that is being unmounted has been freed. */
static DECLARE_WAIT_QUEUE_HEAD(inodes_gone);

static void sb_list_del(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;

	spin_lock(&sb->s_inode_list_lock);
	list_del_init(&inode->i_sb_list);
	spin_unlock(&sb->s_inode_list_lock);
	if (unlikely(!(READ_ONCE(sb->s_flags) & SB_ACTIVE)))
		wake_up_all(&inodes_gone);
}

static void dirty_list_del(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;

	spin_lock(&sb->s_inode_wblist_lock);
	list_del_init(&inode->i_dirty_list);
	spin_unlock(&sb->s_inode_wblist_lock);
}

/* Frees an inode in I_FREEING, which no lookup can take any more. */
static void evict(struct inode *inode)
{
	wait_on_inode_bit(inode, I_SYNC);
	dirty_list_del(inode);
	fsnotify_inode_gone(inode);
	if (inode->i_sb->s_op->evict_inode)
		inode->i_sb->s_op->evict_inode(inode);
	else
		truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	simple_dir_free(inode);
	sb_list_del(inode);
	hash_remove(inode);
	wake_inode(inode);
	inode_free(inode);
}

static bool inode_worth_keeping(struct inode *inode)
{
	const struct super_operations *op = inode->i_sb->s_op;

	if (!(inode->i_sb->s_flags & SB_ACTIVE) || hlist_unhashed(&inode->i_hash))
		return false;
	return op->drop_inode ? !op->drop_inode(inode) : inode->i_nlink != 0;
}

/*
 * Handles the last reference: frees the inode, or keeps it on the list of unused inodes. The count
 * is 0. Called with i_lock held, which it releases.
 */
static void iput_final(struct inode *inode)
{
	if (inode_worth_keeping(inode)) {
		lru_add(inode);
		spin_unlock(&inode->i_lock);
		return;
	}
	inode->i_state |= I_FREEING;
	lru_del(inode);
	spin_unlock(&inode->i_lock);
	if (inode->i_nlink && (inode->i_state & I_DIRTY))
		writeback_inode(inode, true);
	evict(inode);
}

/*
 * Drops a reference and returns the number of references left. If it is 0, @inode may have been
 * freed.
 */
static s32 drop_reference(struct inode *inode)
{
	s32 c = atomic_read(&inode->i_count);

	while (c > 1)
		if (__atomic_compare_exchange_n(&inode->i_count.v, &c, c - 1, false,
			    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return c - 1;
	spin_lock(&inode->i_lock);
	BUG_ON(atomic_read(&inode->i_count) <= 0);
	c = atomic_sub_return(1, &inode->i_count);
	if (c == 0)
		iput_final(inode);
	else
		spin_unlock(&inode->i_lock);
	return c;
}

void iput(struct inode *inode)
{
	if (inode)
		drop_reference(inode);
}

void iput_removed(struct inode *inode)
{
	struct backing_dev *b = inode ? inode->i_sb->s_bdi : NULL;
	/*
	 * Without a disk, a process may serve the file system, perhaps current itself. A task that
	 * reclaims memory does not need the space on the disk, and the flusher may be waiting for
	 * that task.
	 */
	bool wait =
		inode && !inode->i_nlink && inode->i_sb->s_bdev && !(current->flags & PF_RECLAIM);

	/*
	 * The single remaining reference may be the flusher's. If more remain, a file has the inode
	 * open, and the task that closes that file last waits.
	 */
	if (inode && drop_reference(inode) == 1 && wait)
		bdi_wait_flushing(b, inode);
}

/*
 * Sets I_FREEING in an unused inode, which the caller found on a list. Returns false if the inode
 * is in use or being freed already. i_lock is held.
 */
static bool inode_condemn(struct inode *inode)
{
	assert_spin_held(&inode->i_lock);
	if (atomic_read(&inode->i_count) || (inode->i_state & (I_FREEING | I_NEW | I_SYNC)))
		return false;
	inode->i_state |= I_FREEING;
	lru_del(inode);
	return true;
}

/*
 * Returns the next unused inode of the superblock, after setting I_FREEING. NULL: all inodes that
 * are left are in use, or other tasks are freeing them.
 */
static struct inode *sb_next_unused(struct super_block *sb)
{
	struct inode *inode, *found = NULL;

	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		spin_lock(&inode->i_lock);
		if (inode_condemn(inode))
			found = inode;
		spin_unlock(&inode->i_lock);
		if (found)
			break;
	}
	spin_unlock(&sb->s_inode_list_lock);
	return found;
}

/* Number of inodes visited before the lock is dropped. */
#define LOOK_AT 256

struct inode *sb_next_inode(
	struct super_block *sb, struct inode *at, bool (*wanted)(const struct inode *inode))
{
	struct inode *found = NULL;
	struct list_head *p;
	u32 n = 0;

	spin_lock(&sb->s_inode_list_lock);
	p = at ? at->i_sb_list.next : sb->s_inodes.next;
	for (; p != &sb->s_inodes && !found; p = p->next) {
		struct inode *inode = list_entry(p, struct inode, i_sb_list);

		if ((wanted(inode) || ++n >= LOOK_AT) && igrab(inode))
			found = inode;
	}
	spin_unlock(&sb->s_inode_list_lock);
	iput(at);
	return found;
}

static bool is_watched(const struct inode *inode)
{
	return READ_ONCE(inode->i_fsnotify);
}

void fsnotify_unmount(struct super_block *sb)
{
	struct inode *inode = NULL;

	while ((inode = sb_next_inode(sb, inode, is_watched))) {
		if (is_watched(inode)) {
			fsnotify_inode(inode, IN_UNMOUNT);
			fsnotify_inode_gone(inode);
		}
		cond_resched();
	}
}

/* Evicts all inodes, after all dentries have been freed and all has been written. */
void evict_inodes(struct super_block *sb)
{
	struct inode *inode;

	while ((inode = sb_next_unused(sb))) {
		if (inode->i_nlink && (inode->i_state & I_DIRTY))
			writeback_inode(inode, true);
		evict(inode);
		cond_resched();
	}
}

static bool only_own_inodes(struct super_block *sb)
{
	struct inode *inode;
	bool only = true;

	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list)
		if (!(READ_ONCE(inode->i_state) & I_OWN)) {
			only = false;
			break;
		}
	spin_unlock(&sb->s_inode_list_lock);
	return only;
}

#define LET_GO_NS 10000000000UL

/*
 * Waits for tasks that are releasing an inode but hold no reference to a mount: a task that
 * reclaims memory or removes a watch uses the file system until it has released the inode. No more
 * such tasks begin, and inodes released now are not cached.
 */
bool wait_for_inodes(struct super_block *sb)
{
	if (likely(only_own_inodes(sb)))
		return true;
	wait_event_timeout(&inodes_gone, only_own_inodes(sb), ktime_get() + LET_GO_NS, false);
	return only_own_inodes(sb);
}

/* ---- memory pressure ---- */

static u64 inode_count_unused(void)
{
	return READ_ONCE(nr_unused);
}

static bool inode_is_dirty(const struct inode *inode)
{
	return inode->i_state & I_DIRTY || READ_ONCE(inode->i_data.nrdirty);
}

/*
 * Takes a clean unused inode from the old end of the list and returns it, after setting I_FREEING.
 * The inode has no cached pages, unless @with_pages is set; its pages will be dropped. Dirty inodes
 * must be written first and are skipped. If one of them is on a disk, *dirty is set to its backing
 * device.
 */
static struct inode *inode_victim(bool with_pages, struct backing_dev **dirty)
{
	struct inode *inode, *victim = NULL;

	spin_lock(&inode_lru_lock);
	for (int tries = 0; tries < 32 && !victim && !list_empty(&inode_lru); tries++) {
		inode = list_last_entry(&inode_lru, struct inode, i_lru);
		list_move(&inode->i_lru, &inode_lru);
		if (!spin_trylock(&inode->i_lock))
			continue;
		if (atomic_read(&inode->i_count)) {
			list_del_init(&inode->i_lru);
			nr_unused--;
		} else if (inode_is_dirty(inode)) {
			*dirty = inode->i_sb->s_bdev ? inode->i_sb->s_bdi : *dirty;
		} else if (!(inode->i_state & (I_SYNC | I_FREEING | I_NEW)) &&
			   (with_pages || !READ_ONCE(inode->i_data.nrpages))) {
			inode->i_state |= I_FREEING;
			list_del_init(&inode->i_lru);
			nr_unused--;
			victim = inode;
		}
		spin_unlock(&inode->i_lock);
	}
	spin_unlock(&inode_lru_lock);
	return victim;
}

static u64 inode_scan(u64 nr)
{
	struct backing_dev *dirty = NULL;
	bool with_pages = false;
	u64 freed = 0;

	while (nr--) {
		struct inode *inode = inode_victim(with_pages, &dirty);

		/* No inode that was visited can be freed now: leave them to the next scan. */
		if (!inode && with_pages)
			break;
		/*
		 * All clean inodes that were visited have pages: free the oldest one with its
		 * pages.
		 */
		if (!inode) {
			with_pages = true;
			continue;
		}
		with_pages = false;
		evict(inode);
		freed++;
	}
	if (dirty)
		bdi_want_inodes(dirty);
	return freed;
}

static struct shrinker inode_shrinker = { .count = inode_count_unused, .scan = inode_scan };

void inode_stats(u64 *nr, u64 *unused)
{
	*nr = atomic_read(&nr_inodes);
	*unused = READ_ONCE(nr_unused);
}

/* ---- link counts and sizes ---- */

void inc_nlink(struct inode *inode)
{
	inode->i_nlink++;
}

void drop_nlink(struct inode *inode)
{
	WARN_ON_ONCE(!inode->i_nlink);
	if (inode->i_nlink)
		inode->i_nlink--;
}

void clear_nlink(struct inode *inode)
{
	inode->i_nlink = 0;
}

void set_nlink(struct inode *inode, u32 n)
{
	inode->i_nlink = n;
}

void inode_add_bytes(struct inode *inode, s64 n)
{
	spin_lock(&inode->i_lock);
	inode->i_blocks += n / 512;
	spin_unlock(&inode->i_lock);
}

void inode_init_owner(struct inode *inode, struct inode *dir, umode_t mode)
{
	inode->i_uid = sb_kept_uid(inode->i_sb, current_fsuid());
	if (dir && (dir->i_mode & S_ISGID)) {
		inode->i_gid = dir->i_gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
		else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
			 !in_kept_group(dir, dir->i_gid) && !capable_wrt_inode(inode, CAP_FSETID))
			mode &= ~S_ISGID;
	} else {
		inode->i_gid = sb_kept_gid(inode->i_sb, current_fsgid());
	}
	inode->i_mode = mode;
}

void init_special_inode(struct inode *inode, umode_t mode, dev_t rdev)
{
	inode->i_mode = mode;
	inode->i_rdev = rdev;
	vfs_special_fops(inode);
}

/* Allocates one bucket for every 32 KiB of memory. */
void inode_init(void)
{
	u32 n = 1024;

	while (n < nr_managed_frames() / 8 && n < 512 * 1024)
		n *= 2;
	arch_random(&ino_key, sizeof(ino_key));
	buckets = kzalloc(n * sizeof(*buckets), GFP_KERNEL);
	inode_cache = kmem_cache_create("inode", sizeof(struct inode), 64 | SLAB_RECLAIMABLE);
	if (!buckets || !inode_cache)
		panic("no memory for the inode cache");
	bucket_mask = n - 1;
	for (u32 i = 0; i < NR_BUCKET_LOCKS; i++)
		spin_lock_init(&bucket_locks[i]);
	for (u32 i = 0; i < NR_WAITQ; i++)
		init_waitqueue_head(&waitqs[i]);
	register_shrinker(&inode_shrinker);
}

/* ---- marks ---- */

bool inode_is_sync(const struct inode *inode)
{
	return inode->i_flags & S_SYNC || inode->i_sb->s_flags & SB_SYNCHRONOUS;
}

bool inode_is_dirsync(const struct inode *inode)
{
	return inode_is_sync(inode) || inode->i_flags & S_DIRSYNC ||
	       inode->i_sb->s_flags & SB_DIRSYNC;
}
