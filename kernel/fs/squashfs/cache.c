/* SPDX-License-Identifier: MIT */
/*
 * cache.c: decoded metadata blocks and fragments, and cursors that read through a chain of metadata
 * blocks.
 *
 *	b = sqfs_fragment_get(s, pos, size);
 *	use b->data, b->len;
 *	sqfs_cached_put(&s->fragment, b);
 *
 *	c = { block, end, offset };
 *	sqfs_read(s, &c, buf, n);
 *
 * States of a block:
 *
 *	unused (hashed, and on the LRU list)
 *	        -> used (refs)
 *	        -> pending: the oldest block is reused for another position and filled
 *	used    -> unused
 *	pending -> used; if it cannot be filled, it leaves the hash
 *
 * Tasks that need a pending block wait for it. Memory: at most @max blocks of @size bytes,
 * allocated on demand. A task that finds all of them in use waits. No task holds a block while it
 * gets another of the same cache, so each waiting task gets one in the end.
 */
#include <asm/errno.h>

#include "kernel/fs/squashfs/squashfs.h"

void sqfs_cache_init(struct sqfs_cache *c, u32 max, u32 size)
{
	spin_lock_init(&c->lock);
	init_waitqueue_head(&c->wait);
	INIT_LIST_HEAD(&c->lru);
	c->max = max;
	c->size = size;
}

void sqfs_cache_free(struct sqfs_cache *c)
{
	struct sqfs_cached *b, *next;

	if (!c->max)
		return;
	list_for_each_entry_safe(b, next, &c->lru, lru) {
		kfree(b->data);
		kfree(b);
	}
	INIT_LIST_HEAD(&c->lru);
}

static struct hlist_head *bucket(struct sqfs_cache *c, u64 pos)
{
	return &c->hash[hash_u64(pos) % SQFS_CACHE_HASH];
}

/* Returns the block at @pos, referenced, also if it is pending, or NULL. */
static struct sqfs_cached *find_locked(struct sqfs_cache *c, u64 pos)
{
	struct sqfs_cached *b;

	assert_spin_held(&c->lock);
	hlist_for_each_entry(b, bucket(c, pos), hash)
		if (b->pos == pos) {
			if (!b->refs++)
				list_del_init(&b->lru);
			return b;
		}
	return NULL;
}

/* Makes @b the pending block at @pos, referenced. */
static void begin_locked(struct sqfs_cache *c, struct sqfs_cached *b, u64 pos)
{
	b->pos = pos;
	b->refs = 1;
	b->pending = true;
	b->err = 0;
	hlist_add_head(&b->hash, bucket(c, pos));
}

/*
 * Returns the block at @pos, referenced. If *fill is set, it is a reused block that the caller must
 * fill. Returns NULL if the caller must allocate one more block (*grow), or wait.
 */
static struct sqfs_cached *try_get(struct sqfs_cache *c, u64 pos, bool *fill, bool *grow)
{
	struct sqfs_cached *b;
	bool unused;

	spin_lock(&c->lock);
	*fill = *grow = false;
	b = find_locked(c, pos);
	/* an unused block is in front of the list */
	unused = !b && !list_empty(&c->lru) &&
		 hlist_unhashed(&list_first_entry(&c->lru, struct sqfs_cached, lru)->hash);
	if (!b && !unused && c->nr < c->max) {
		c->nr++;
		*grow = true;
	} else if (!b && !list_empty(&c->lru)) {
		b = list_first_entry(&c->lru, struct sqfs_cached, lru);
		list_del_init(&b->lru);
		hlist_del_init(&b->hash);
		begin_locked(c, b, pos);
		*fill = true;
	}
	spin_unlock(&c->lock);
	return b;
}

/*
 * Allocates one more block and adds it to the unused ones. Returns 0, or -ENOMEM if there is no
 * block at all.
 */
static int grow_cache(struct sqfs_cache *c)
{
	struct sqfs_cached *b = kzalloc(sizeof(*b), GFP_NOFS);
	u8 *data = b ? kmalloc(c->size, GFP_NOFS) : NULL;
	int err = 0;

	spin_lock(&c->lock);
	if (data) {
		b->data = data;
		list_add(&b->lru, &c->lru);
	} else {
		c->nr--;
		if (c->nr)
			c->max = c->nr; /* use only the existing blocks */
		else
			err = -ENOMEM;
	}
	spin_unlock(&c->lock);
	if (!data)
		kfree(b);
	wake_up_all(&c->wait);
	return err;
}

/* Returns the block at @pos, referenced, or ERR_PTR. *fill: as for try_get(). May wait. */
static struct sqfs_cached *get(struct sqfs_cache *c, u64 pos, bool *fill)
{
	struct sqfs_cached *b;
	bool grow;
	int err;

	for (;;) {
		b = try_get(c, pos, fill, &grow);
		if (!b && !grow)
			wait_event(&c->wait, (b = try_get(c, pos, fill, &grow)) || grow);
		if (b)
			return b;
		err = grow_cache(c);
		if (err)
			return ERR_PTR(err);
	}
}

/* Ends pending. @r: the length in bytes, or -errno. */
static void filled(struct sqfs_cache *c, struct sqfs_cached *b, long r)
{
	spin_lock(&c->lock);
	b->pending = false;
	b->err = r < 0 ? (int)r : 0;
	b->len = r < 0 ? 0 : (u32)r;
	if (b->err)
		hlist_del_init(&b->hash);
	spin_unlock(&c->lock);
	if (waitqueue_active(&c->wait))
		wake_up_all(&c->wait);
}

void sqfs_cached_put(struct sqfs_cache *c, struct sqfs_cached *b)
{
	bool unused;

	spin_lock(&c->lock);
	unused = !--b->refs;
	if (unused && b->err)
		list_add(&b->lru, &c->lru);
	else if (unused)
		list_add_tail(&b->lru, &c->lru);
	spin_unlock(&c->lock);
	if (unused && waitqueue_active(&c->wait))
		wake_up_all(&c->wait);
}

/* Waits until the block is filled. Returns it, or ERR_PTR if that failed. */
static struct sqfs_cached *settled(struct sqfs_cache *c, struct sqfs_cached *b)
{
	int err;

	if (smp_load_acquire(&b->pending))
		wait_event(&c->wait, !smp_load_acquire(&b->pending));
	err = b->err;
	if (!err)
		return b;
	sqfs_cached_put(c, b);
	return ERR_PTR(err);
}

/* Returns the metadata block at @pos, referenced and filled, or ERR_PTR. */
static struct sqfs_cached *meta_get(struct sqfs_sb *s, u64 pos)
{
	struct sqfs_cached *b;
	bool fill;

	b = get(&s->meta, pos, &fill);
	if (IS_ERR(b))
		return b;
	if (fill)
		filled(&s->meta, b, sqfs_decode_meta(s, pos, b->data, &b->next));
	return settled(&s->meta, b);
}

struct sqfs_cached *sqfs_fragment_get(struct sqfs_sb *s, u64 pos, u32 size)
{
	struct sqfs_space *w;
	struct sqfs_cached *b;
	bool fill;

	b = get(&s->fragment, pos, &fill);
	if (IS_ERR(b))
		return b;
	if (fill) {
		w = sqfs_space_get(s);
		filled(&s->fragment, b, sqfs_decode_data(s, w, pos, size, b->data, s->block_size));
		sqfs_space_put(s, w);
	}
	return settled(&s->fragment, b);
}

/* ---- cursors ---- */

int sqfs_read(struct sqfs_sb *s, struct sqfs_cursor *c, void *buf, u64 n)
{
	u8 *to = buf;

	while (n) {
		struct sqfs_cached *b;
		u32 part;

		if (c->block >= c->end)
			return sqfs_error(s, "metadata goes beyond its table", c->block);
		b = meta_get(s, c->block);
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		if (c->offset > b->len || (c->offset == b->len && b->len < SQFS_META_SIZE)) {
			sqfs_cached_put(&s->meta, b);
			return sqfs_error(s, "metadata goes beyond its block", c->block);
		}
		part = (u32)min_t(u64, n, b->len - c->offset);
		if (to) {
			memcpy(to, b->data + c->offset, part);
			to += part;
		}
		n -= part;
		c->offset += part;
		if (c->offset == b->len) {
			c->block = b->next;
			c->offset = 0;
		}
		sqfs_cached_put(&s->meta, b);
	}
	return 0;
}

int sqfs_read_entry(struct sqfs_sb *s, u64 table, u64 index, u32 size, void *buf)
{
	u64 at = index * size; /* both have 32 bits: no overflow */
	struct sqfs_cursor c = { .end = table, .offset = (u32)(at % SQFS_META_SIZE) };
	__le64 block;
	int err = sqfs_read_cached(
		s, table + at / SQFS_META_SIZE * sizeof(block), &block, sizeof(block));

	if (err)
		return err;
	c.block = block;
	return sqfs_read(s, &c, buf, size);
}
