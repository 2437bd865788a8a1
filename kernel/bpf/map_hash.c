/* SPDX-License-Identifier: MIT */
/*
 * map_hash.c: hash tables, with one value or a value for every CPU, and LRU variants of both, which
 * evict an element when they are full.
 *
 * An element begins with a struct head, followed by its key. Elements are identified by their index
 * in the store: buckets, the free list and the LRU list are chains of such indexes. Elements from
 * index `made` on were never used.
 *
 * The LRU is simpler than Linux's: one list, the newest first. A program's lookup marks an element,
 * and so does an update of an element that exists. Instead of being evicted, a marked element loses
 * its mark and moves to the front.
 *
 * Locks: map->lock protects the chains, keys and marks, and values that system calls read or write.
 */
#include "arch/um/machine/arch.h"
#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

/* elements that are examined before the lock is dropped for a moment */
#define WALK 1024
#define KEYED_MAX (4u << 20) /* bytes of key and value together */

struct head {
	u32 next; /* index, in the bucket or free list */
	u32 newer, older;
	bool used, marked;
};

struct hash {
	/*
	 * Each table has its own key, since programs and their users choose the keys of elements.
	 */
	struct hash_key key;
	u32 nr_buckets, nr, made, free;
	u32 low;            /* no index below it is used */
	u32 newest, oldest; /* ends of the list of an LRU map */
	u32 bucket[];
};

static bool drops(const struct bpf_map *m)
{
	return m->type == BPF_MAP_TYPE_LRU_HASH || m->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static struct head *head_at(const struct bpf_map *m, u32 i)
{
	return (struct head *)bpf_map_at(m, i);
}

static u8 *key_of(const struct bpf_map *m, struct head *e)
{
	return (u8 *)e + m->key_at;
}

static u8 *values_of(const struct bpf_map *m, struct head *e)
{
	return (u8 *)e + m->value_at;
}

/* ---- making ---- */

static int hash_check(const union bpf_attr *a)
{
	if (!a->key_size || !a->value_size)
		return -EINVAL;
	return (u64)a->key_size + a->value_size >= KEYED_MAX - 2 * sizeof(struct head) ? -E2BIG : 0;
}

static int lru_check(const union bpf_attr *a)
{
	return a->map_flags & BPF_F_NO_PREALLOC ? -ENOTSUPP : hash_check(a);
}

static int hash_make(struct bpf_map *m)
{
	struct hash *h;
	u32 n = 1;

	while (n < min(m->max, BPF_BUCKETS_MAX))
		n *= 2;
	h = kmalloc(sizeof(*h) + n * sizeof(u32), GFP_KERNEL | __GFP_ACCOUNT);
	if (!h)
		return -ENOMEM;
	*h = (struct hash){
		.nr_buckets = n, .free = MAP_NONE, .newest = MAP_NONE, .oldest = MAP_NONE
	};
	/* Random even with BPF_F_ZERO_SEED, since the order of hashes is visible nowhere. */
	arch_random(&h->key, sizeof(h->key));
	memset(h->bucket, 0xff, n * sizeof(u32)); /* 0xff in all bytes: MAP_NONE */
	m->own = h;
	return 0;
}

static void hash_free(struct bpf_map *m)
{
	kfree(m->own);
}

/* ---- chains: map->lock is held ---- */

static u32 *bucket_of(const struct bpf_map *m, const u8 *key)
{
	struct hash *own = m->own;

	return &own->bucket[bpf_map_hash(&own->key, key, m->key_size, 0) & (own->nr_buckets - 1)];
}

/*
 * Returns the link that has the index of the element with @key, or if there is none, a link with
 * MAP_NONE.
 */
static u32 *link_of(struct bpf_map *m, const void *key)
{
	u32 *p = bucket_of(m, key);
	struct head *e;

	for (; *p != MAP_NONE; p = &e->next) {
		e = head_at(m, *p);
		if (!memcmp(key_of(m, e), key, m->key_size))
			break;
	}
	return p;
}

static void leave_order(struct bpf_map *m, struct head *e)
{
	struct hash *h = m->own;

	*(e->newer == MAP_NONE ? &h->newest : &head_at(m, e->newer)->older) = e->older;
	*(e->older == MAP_NONE ? &h->oldest : &head_at(m, e->older)->newer) = e->newer;
}

static void is_newest(struct bpf_map *m, u32 i)
{
	struct hash *h = m->own;
	struct head *e = head_at(m, i);

	e->newer = MAP_NONE;
	e->older = h->newest;
	*(h->newest == MAP_NONE ? &h->oldest : &head_at(m, h->newest)->newer) = i;
	h->newest = i;
}

static void remove_at(struct bpf_map *m, u32 *link)
{
	struct hash *h = m->own;
	u32 i = *link;
	struct head *e = head_at(m, i);

	*link = e->next;
	if (drops(m))
		leave_order(m, e);
	e->used = e->marked = false;
	e->next = h->free;
	h->free = i;
	h->nr--;
}

/* Evicts an element of a full LRU table. The loop ends, since each step clears a mark. */
static void drop_one(struct bpf_map *m)
{
	struct hash *h = m->own;
	struct head *e;
	u32 i;

	for (i = h->oldest; head_at(m, i)->marked; i = h->oldest) {
		e = head_at(m, i);
		e->marked = false;
		leave_order(m, e);
		is_newest(m, i);
	}
	remove_at(m, link_of(m, key_of(m, head_at(m, i))));
}

/*
 * Returns a free element of a table that is not full, or MAP_NONE if its chunk must be allocated
 * first.
 */
static u32 get_free(struct bpf_map *m)
{
	struct hash *h = m->own;
	u32 i = h->free;

	if (i != MAP_NONE) {
		h->free = head_at(m, i)->next;
		return i;
	}
	return bpf_map_at(m, h->made) ? h->made++ : MAP_NONE;
}

/* ---- operations ---- */

static u32 hash_find(struct bpf_map *m, const void *key)
{
	u32 i;

	spin_lock(&m->lock);
	i = *link_of(m, key);
	if (i != MAP_NONE)
		head_at(m, i)->marked = true;
	spin_unlock(&m->lock);
	return i;
}

/*
 * Copies an element's value, unless @value is NULL, and removes the element if @take is set.
 * Returns 0 or -ENOENT.
 */
static int read_or_take(struct bpf_map *m, const void *key, void *value, bool take)
{
	u32 *link;
	int err = -ENOENT;

	spin_lock(&m->lock);
	link = link_of(m, key);
	if (*link != MAP_NONE) {
		err = 0;
		if (value)
			memcpy(value, values_of(m, head_at(m, *link)), m->value_bytes);
		if (take)
			remove_at(m, link);
	}
	spin_unlock(&m->lock);
	return err;
}

static int hash_read(struct bpf_map *m, const void *key, void *value)
{
	return read_or_take(m, key, value, false);
}

static int hash_take(struct bpf_map *m, const void *key, void *value)
{
	return read_or_take(m, key, value, true);
}

static void set_values(struct bpf_map *m, u32 i, const void *value, bool all, bool fresh)
{
	u8 *at = values_of(m, head_at(m, i));

	if (all) {
		memcpy(at, value, m->value_bytes);
		return;
	}
	if (fresh)
		memset(at, 0, m->value_bytes);
	memcpy(bpf_map_value(m, i), value, m->value_size);
}

/* Adds an element. Returns 0 or -errno: -EAGAIN if its chunk must be allocated first. */
static int add(struct bpf_map *m, const void *key, const void *value, bool all)
{
	struct hash *h = m->own;
	struct head *e;
	u32 i, *bucket;

	if (h->nr >= m->max) {
		if (!drops(m))
			return -E2BIG;
		drop_one(m);
	}
	i = get_free(m);
	if (i == MAP_NONE)
		return -EAGAIN;
	e = head_at(m, i);
	memcpy(key_of(m, e), key, m->key_size);
	set_values(m, i, value, all, true);
	e->used = true;
	h->low = min(h->low, i);
	/* @key may lie in a value that other CPUs are writing, so use the element's copy. */
	bucket = bucket_of(m, key_of(m, e));
	e->next = *bucket;
	*bucket = i;
	if (drops(m))
		is_newest(m, i);
	h->nr++;
	return 0;
}

static int try_update(struct bpf_map *m, const void *key, const void *value, u64 flags, bool all)
{
	u32 i = *link_of(m, key);

	if (i == MAP_NONE)
		return flags == BPF_EXIST ? -ENOENT : add(m, key, value, all);
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	set_values(m, i, value, all, false);
	if (drops(m))
		head_at(m, i)->marked = true;
	return 0;
}

static int hash_update(struct bpf_map *m, const void *key, const void *value, u64 flags, bool all)
{
	struct hash *h = m->own;
	u32 made;
	int err;

	for (;;) {
		spin_lock(&m->lock);
		err = try_update(m, key, value, flags, all);
		made = h->made;
		spin_unlock(&m->lock);
		if (err != -EAGAIN)
			return err;
		if (!bpf_map_want(m, made, !all))
			return -ENOMEM;
	}
}

static int hash_remove(struct bpf_map *m, const void *key)
{
	return read_or_take(m, key, NULL, true);
}

/*
 * Returns the first used element at or after @cursor, in the order of the store, or MAP_NONE. Drops
 * the lock at times, since millions of elements may be free.
 */
static u32 used_from(struct bpf_map *m, u32 cursor)
{
	struct hash *h = m->own;

	for (u32 n = 1;; n++) {
		cursor = max(cursor, h->low);
		if (cursor >= h->made || head_at(m, cursor)->used)
			break;
		h->low += cursor == h->low;
		cursor++;
		if (n % WALK)
			continue;
		spin_unlock(&m->lock);
		cond_resched();
		spin_lock(&m->lock);
	}
	return cursor < h->made ? cursor : MAP_NONE;
}

/*
 * Copies the key that follows @key to @next, or the first key if @key does not exist. Returns 0 or
 * -ENOENT.
 */
static int hash_next(struct bpf_map *m, const void *key, void *next)
{
	u32 i;

	spin_lock(&m->lock);
	i = key ? *link_of(m, key) : MAP_NONE;
	i = used_from(m, i == MAP_NONE ? 0 : i + 1);
	if (i != MAP_NONE)
		memcpy(next, key_of(m, head_at(m, i)), m->key_size);
	spin_unlock(&m->lock);
	return i == MAP_NONE ? -ENOENT : 0;
}

static int hash_walk(struct bpf_map *m, u32 *cursor, void *key, void *value)
{
	u32 i;

	spin_lock(&m->lock);
	i = used_from(m, *cursor);
	if (i != MAP_NONE) {
		memcpy(key, key_of(m, head_at(m, i)), m->key_size);
		memcpy(value, values_of(m, head_at(m, i)), m->value_bytes);
		*cursor = i + 1;
	}
	spin_unlock(&m->lock);
	return i == MAP_NONE ? -ENOENT : 0;
}

#define HASH_OPS                                                                                   \
	.prog = true, .head = sizeof(struct head), .make = hash_make, .free = hash_free,           \
	.find = hash_find, .read = hash_read, .take = hash_take, .update = hash_update,            \
	.remove = hash_remove, .next = hash_next, .walk = hash_walk

const struct bpf_map_ops map_hash = { HASH_OPS, .check = hash_check,
	.flags = BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED };
const struct bpf_map_ops map_percpu_hash = { HASH_OPS, .check = hash_check, .per_cpu = true,
	.flags = BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED };
const struct bpf_map_ops map_lru = { HASH_OPS, .check = lru_check, .preallocated = true,
	.flags = BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED | BPF_F_NO_COMMON_LRU };
const struct bpf_map_ops map_percpu_lru = { HASH_OPS, .check = lru_check, .per_cpu = true,
	.preallocated = true, .flags = BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED | BPF_F_NO_COMMON_LRU };
