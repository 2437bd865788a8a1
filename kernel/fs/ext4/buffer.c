/* SPDX-License-Identifier: MIT */
/*
 * buffer.c: the cache of metadata blocks of one mounted file system.
 *
 *	b = ext4_bread(sbi, block, use);
 *	change it under a handle; ext4_dirty(h, b);
 *	ext4_brelse(b);
 *
 * Blocks are found by number in a hash. Unused blocks stay on an LRU list. The first user reads the
 * block under b->lock. If that fails, BUF_UPTODATE stays unset, and the next user tries again. The
 * journal holds references to blocks that are dirty or not yet written to their place, so the
 * content of an unused block always equals the disk's. Memory pressure and vm.drop_caches free
 * unused blocks, the oldest first (a shrinker).
 *
 * Locks: sbi->buf_lock protects hash, list and reference counts; b->lock (mutex) is held around the
 * read, and while an inode is put into its slot. caches_lock, which is taken before buf_lock,
 * protects the list of caches.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/string.h"

#define BUF_HASH_SIZE 8192
/* with more blocks in the cache, a block that becomes unused displaces the oldest unused block */
#define BUF_KEEP 8192
#define BUF_BATCH 64UL /* blocks that the shrinker frees at once */

static DEFINE_SPINLOCK(caches_lock);
static LIST_HEAD(caches); /* by sbi->buf_cache, one for each mount */

static void buf_free(struct ext4_buf *b)
{
	kfree(b->data);
	kfree(b);
}

/* ---- memory pressure ---- */

/*
 * Moves up to @nr unused buffers to @victims and returns their number. Unused buffers have the
 * disk's content.
 */
static u64 take_unused(struct ext4_sb *sbi, u64 nr, struct list_head *victims)
{
	u64 n = 0;

	spin_lock(&sbi->buf_lock);
	while (n < nr && !list_empty(&sbi->buf_lru)) {
		struct ext4_buf *b = list_first_entry(&sbi->buf_lru, struct ext4_buf, lru);

		list_move(&b->lru, victims);
		hlist_del_init(&b->hash);
		sbi->nr_bufs--;
		n++;
	}
	spin_unlock(&sbi->buf_lock);
	return n;
}

static u64 bufs_count(void)
{
	struct ext4_sb *sbi;
	u64 n = 0;

	spin_lock(&caches_lock);
	list_for_each_entry(sbi, &caches, buf_cache)
		n += READ_ONCE(sbi->nr_bufs);
	spin_unlock(&caches_lock);
	return n;
}

static u64 bufs_scan(u64 nr)
{
	struct ext4_buf *b, *next;
	struct ext4_sb *sbi;
	u64 freed = 0, n;

	do {
		u64 batch = min(nr - freed, BUF_BATCH);
		LIST_HEAD(victims);

		n = 0;
		spin_lock(&caches_lock);
		list_for_each_entry(sbi, &caches, buf_cache)
			n += take_unused(sbi, batch - n, &victims);
		spin_unlock(&caches_lock);
		list_for_each_entry_safe(b, next, &victims, lru)
			buf_free(b);
		freed += n;
	} while (n && freed < nr);
	return freed;
}

static struct shrinker bufs_shrinker = { .count = bufs_count, .scan = bufs_scan };

void ext4_bufs_shrinker_init(void)
{
	register_shrinker(&bufs_shrinker);
}

/* ---- one cache ---- */

int ext4_bufs_init(struct ext4_sb *sbi)
{
	spin_lock_init(&sbi->buf_lock);
	INIT_LIST_HEAD(&sbi->buf_lru);
	sbi->buf_hash = kcalloc(BUF_HASH_SIZE, sizeof(sbi->buf_hash[0]), GFP_KERNEL);
	if (!sbi->buf_hash)
		return -ENOMEM;
	spin_lock(&caches_lock);
	list_add(&sbi->buf_cache, &caches);
	spin_unlock(&caches_lock);
	return 0;
}

void ext4_bufs_destroy(struct ext4_sb *sbi)
{
	struct ext4_buf *b, *next;

	if (!sbi->buf_hash)
		return;
	spin_lock(&caches_lock);
	list_del(&sbi->buf_cache);
	spin_unlock(&caches_lock);
	list_for_each_entry_safe(b, next, &sbi->buf_lru, lru)
		buf_free(b);
	kfree(sbi->buf_hash);
	sbi->buf_hash = NULL;
}

static struct hlist_head *bucket(struct ext4_sb *sbi, u64 block)
{
	return &sbi->buf_hash[hash_u64(block) % BUF_HASH_SIZE];
}

/* Finds a block in the cache and returns it, referenced, or NULL. buf_lock is held. */
static struct ext4_buf *find(struct ext4_sb *sbi, u64 block)
{
	struct ext4_buf *b;

	hlist_for_each_entry(b, bucket(sbi, block), hash)
		if (b->block == block) {
			if (!b->refs++)
				list_del_init(&b->lru);
			return b;
		}
	return NULL;
}

struct ext4_buf *ext4_bfind(struct ext4_sb *sbi, u64 block)
{
	struct ext4_buf *b;

	spin_lock(&sbi->buf_lock);
	b = find(sbi, block);
	spin_unlock(&sbi->buf_lock);
	return b;
}

/* True if the disk has older content. */
static bool is_newer(const struct ext4_buf *b)
{
	/*
	 * A change moves from b->txn to BUF_LOGGING to b->copy, and each is cleared only after the
	 * next is set. So tests in this order cannot miss it.
	 */
	return smp_load_acquire(&b->flags) & BUF_UPTODATE &&
	       (smp_load_acquire(&b->txn) || smp_load_acquire(&b->flags) & BUF_LOGGING ||
		       smp_load_acquire(&b->copy));
}

bool ext4_block_is_newer(struct ext4_sb *sbi, u64 block)
{
	struct ext4_buf *b;
	bool newer = false;

	spin_lock(&sbi->buf_lock);
	hlist_for_each_entry(b, bucket(sbi, block), hash)
		if (b->block == block) {
			newer = is_newer(b);
			break;
		}
	spin_unlock(&sbi->buf_lock);
	return newer;
}

bool ext4_bdrop(struct ext4_sb *sbi, u64 block)
{
	struct ext4_buf *b;
	bool used = false;

	spin_lock(&sbi->buf_lock);
	hlist_for_each_entry(b, bucket(sbi, block), hash)
		if (b->block == block)
			break;
	if (b && b->refs) {
		used = true;
		b = NULL;
	} else if (b) {
		list_del_init(&b->lru);
		hlist_del_init(&b->hash);
		sbi->nr_bufs--;
	}
	spin_unlock(&sbi->buf_lock);
	if (b)
		buf_free(b);
	return !used;
}

/*
 * Makes a buffer. Waits for memory and never returns NULL, because a change of several blocks
 * cannot stop half way, and an inode without names must be freed.
 */
static struct ext4_buf *buf_new(struct ext4_sb *sbi, u64 block)
{
	struct ext4_buf *b = kzalloc(sizeof(*b), GFP_NOFS | __GFP_NOFAIL);

	b->data = kmalloc(sbi->block_size, GFP_NOFS | __GFP_NOFAIL);
	b->sbi = sbi;
	b->block = block;
	b->refs = 1;
	mutex_init(&b->lock);
	INIT_LIST_HEAD(&b->lru);
	INIT_LIST_HEAD(&b->t_list);
	INIT_LIST_HEAD(&b->cp_list);
	return b;
}

/* Returns the block's buffer, referenced, whose content may not be read yet. */
static struct ext4_buf *getblk(struct ext4_sb *sbi, u64 block)
{
	struct ext4_buf *b = ext4_bfind(sbi, block), *fresh;

	if (b)
		return b;
	fresh = buf_new(sbi, block);
	spin_lock(&sbi->buf_lock);
	b = find(sbi, block);
	if (!b) {
		hlist_add_head(&fresh->hash, bucket(sbi, block));
		sbi->nr_bufs++;
		b = fresh;
		fresh = NULL;
	}
	spin_unlock(&sbi->buf_lock);
	if (fresh)
		buf_free(fresh);
	return b;
}

static const char *kind_name(u64 use)
{
	static const char *const names[] = { "nothing", "the superblock", "descriptors", "a bitmap",
		"inodes", "attributes", "extents", "a block map", "contents" };

	return names[min_t(u64, use >> 32, ARRAY_SIZE(names) - 1)];
}

/*
 * Sets the buffer's use to @use if it has none. Returns 0, or -EFSCORRUPTED if it has another use.
 * The caller has a reference, so the use cannot change afterwards.
 */
static int take_for(struct ext4_buf *b, u64 use)
{
	u64 was = __atomic_load_n(&b->use, __ATOMIC_RELAXED);

	if (!was && __atomic_compare_exchange_n(
			    &b->use, &was, use, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return 0;
	if (was == use)
		return 0;
	ext4_error(b->sbi->sb, "block %lu has two uses: %s of inode %u, and %s of inode %u",
		b->block, kind_name(was), (u32)was, kind_name(use), (u32)use);
	return -EFSCORRUPTED;
}

/*
 * Reads the block from the disk unless it has been read (BUF_UPTODATE). Takes b->lock. Returns 0 or
 * -errno.
 */
static int read_in(struct ext4_buf *b)
{
	struct ext4_sb *sbi = b->sbi;
	int err = 0;

	if (smp_load_acquire(&b->flags) & BUF_UPTODATE)
		return 0;
	mutex_lock(&b->lock);
	if (!(b->flags & BUF_UPTODATE)) {
		err = bdev_rw(sbi->sb->s_bdev, REQ_READ | REQ_META,
			b->block * (sbi->block_size >> SECTOR_SHIFT), b->data, sbi->block_size);
		if (!err)
			__atomic_or_fetch(&b->flags, BUF_UPTODATE, __ATOMIC_RELEASE);
	}
	mutex_unlock(&b->lock);
	return err;
}

struct ext4_buf *ext4_bread(struct ext4_sb *sbi, u64 block, u64 use)
{
	struct ext4_buf *b;
	int err;

	if (block >= sbi->blocks_count)
		return ERR_PTR(-EFSCORRUPTED);
	b = getblk(sbi, block);
	if (!b)
		return ERR_PTR(-ENOMEM);
	err = take_for(b, use);
	if (!err)
		err = read_in(b);
	if (!err)
		return b;
	ext4_brelse(b);
	return ERR_PTR(err);
}

/*
 * True if the caller has the only reference. The buffer then gets the use @use. Later users wait
 * for b->lock, and check the content again. Takes buf_lock.
 */
static bool take_alone(struct ext4_buf *b, u64 use)
{
	bool alone;

	spin_lock(&b->sbi->buf_lock);
	alone = b->refs == 1;
	if (alone) {
		__atomic_and_fetch(
			&b->flags, ~(u32)(BUF_UPTODATE | BUF_VERIFIED), __ATOMIC_RELAXED);
		__atomic_store_n(&b->use, use, __ATOMIC_RELAXED);
	}
	spin_unlock(&b->sbi->buf_lock);
	return alone;
}

struct ext4_buf *ext4_bnew(struct ext4_sb *sbi, u64 block, u64 use)
{
	struct ext4_buf *b;

	if (block >= sbi->blocks_count)
		return ERR_PTR(-EFSCORRUPTED);
	b = getblk(sbi, block);
	if (!b)
		return ERR_PTR(-ENOMEM);
	/*
	 * A damaged bitmap may show a used block as free. That block's user, which may hold
	 * b->lock, relies on its content.
	 */
	if (!mutex_trylock(&b->lock))
		goto busy;
	if (!take_alone(b, use)) {
		mutex_unlock(&b->lock);
		goto busy;
	}
	memset(b->data, 0, sbi->block_size);
	__atomic_or_fetch(&b->flags, BUF_UPTODATE, __ATOMIC_RELEASE);
	mutex_unlock(&b->lock);
	return b;
busy:
	ext4_brelse(b);
	ext4_error(sbi->sb, "block %lu is new and in use already", block);
	return ERR_PTR(-EFSCORRUPTED);
}

struct ext4_buf *ext4_bprivate(struct ext4_sb *sbi)
{
	struct ext4_buf *b = buf_new(sbi, 0);

	b->flags = BUF_UPTODATE | BUF_VERIFIED | BUF_PRIVATE;
	return b;
}

void ext4_bget(struct ext4_buf *b)
{
	spin_lock(&b->sbi->buf_lock);
	b->refs++;
	spin_unlock(&b->sbi->buf_lock);
}

void ext4_brelse(struct ext4_buf *b)
{
	struct ext4_sb *sbi = b->sbi;
	struct ext4_buf *old = NULL;

	spin_lock(&sbi->buf_lock);
	if (!--b->refs && b->flags & BUF_PRIVATE) {
		old = b;
	} else if (!b->refs) {
		list_add_tail(&b->lru, &sbi->buf_lru);
		if (sbi->nr_bufs > BUF_KEEP) {
			old = list_first_entry(&sbi->buf_lru, struct ext4_buf, lru);
			list_del_init(&old->lru);
			hlist_del_init(&old->hash);
			sbi->nr_bufs--;
		}
	}
	spin_unlock(&sbi->buf_lock);
	if (old)
		buf_free(old);
}
