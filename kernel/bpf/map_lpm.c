/* SPDX-License-Identifier: MIT */
/*
 * map_lpm.c: longest-prefix match. A key is a number of bits, followed by that many bits (struct
 * bpf_lpm_trie_key). A lookup finds the longest prefix of its key.
 *
 * The map is a hash table of prefixes, not a trie. A lookup tries every length for which a prefix
 * exists, the longest first. If there are only a few lengths, as in tables of addresses, that is as
 * fast as a trie. Elements are identified as in map_hash.c.
 *
 * Keys are listed in the order of a trie walk that reports a node after its descendants: longer
 * keys come before their own prefixes.
 *
 * A program's key may lie in a value that other CPUs are writing, so functions that change the
 * table use a copy of the key.
 *
 * Locks: map->lock.
 */
#include "arch/um/machine/arch.h"
#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

#define DATA_AT ((u32)sizeof(u32)) /* offset of the bits in a key, in bytes */
#define DATA_MAX 256
/* elements that are examined before the lock is dropped for a moment */
#define WALK 1024

struct node {
	u32 next;
	bool used;
};

struct lpm {
	struct hash_key key;
	u32 nr, made, free, nr_buckets;
	u32 of_length[DATA_MAX * 8 + 1]; /* number of prefixes, by length in bits */
	u32 bucket[];
};

static int lpm_check(const union bpf_attr *a)
{
	if (!(a->map_flags & BPF_F_NO_PREALLOC) || !a->value_size || a->key_size <= DATA_AT ||
		a->key_size > DATA_AT + DATA_MAX)
		return -EINVAL;
	return a->value_size > (4u << 20) - 1024 ? -E2BIG : 0;
}

static int lpm_make(struct bpf_map *m)
{
	struct lpm *l;
	u32 n = 1;

	while (n < min(m->max, BPF_BUCKETS_MAX))
		n *= 2;
	l = kzalloc(sizeof(*l) + n * sizeof(u32), GFP_KERNEL | __GFP_ACCOUNT);
	if (!l)
		return -ENOMEM;
	l->nr_buckets = n;
	l->free = MAP_NONE;
	arch_random(&l->key, sizeof(l->key));
	memset(l->bucket, 0xff, n * sizeof(u32));
	m->own = l;
	return 0;
}

static void lpm_free(struct bpf_map *m)
{
	kfree(m->own);
}

/* ---- keys ---- */

static u32 length_of(const u8 *key)
{
	u32 n;

	memcpy(&n, key, sizeof(n));
	return n;
}

static u32 bits_of(const struct bpf_map *m)
{
	return (m->key_size - DATA_AT) * 8;
}

static bool bit_at(const u8 *key, u32 i)
{
	return key[DATA_AT + i / 8] >> (7 - i % 8) & 1;
}

static bool same_bits(const u8 *a, const u8 *b, u32 n)
{
	u8 mask = (u8)(0xff00 >> n % 8);

	return !memcmp(a + DATA_AT, b + DATA_AT, n / 8) &&
	       (!(n % 8) || !((a[DATA_AT + n / 8] ^ b[DATA_AT + n / 8]) & mask));
}

static struct node *node_at(const struct bpf_map *m, u32 i)
{
	return (struct node *)bpf_map_at(m, i);
}

static u8 *key_of(const struct bpf_map *m, u32 i)
{
	return bpf_map_at(m, i) + m->key_at;
}

/* ---- chains: map->lock is held ---- */

/*
 * Returns the link that has the index of the prefix formed by the first @n bits of @key, or if
 * there is none, a link with MAP_NONE.
 */
static u32 *link_of(struct bpf_map *m, const u8 *key, u32 n)
{
	struct lpm *l = m->own;
	u32 last = n % 8 ? key[DATA_AT + n / 8] & (0xff00 >> n % 8 & 0xff) : 0, h, *p;

	h = bpf_map_hash(&l->key, key + DATA_AT, n / 8, n << 8 | last);
	p = &l->bucket[h & (l->nr_buckets - 1)];
	while (*p != MAP_NONE &&
		!(length_of(key_of(m, *p)) == n && same_bits(key_of(m, *p), key, n)))
		p = &node_at(m, *p)->next;
	return p;
}

static u32 longest(struct bpf_map *m, const u8 *key)
{
	const struct lpm *l = m->own;
	u32 i;

	for (s64 n = min(length_of(key), bits_of(m)); n >= 0; n--) {
		if (!l->of_length[n])
			continue;
		i = *link_of(m, key, (u32)n);
		if (i != MAP_NONE)
			return i;
	}
	return MAP_NONE;
}

/* ---- operations ---- */

static u32 lpm_find(struct bpf_map *m, const void *key)
{
	u32 i;

	if (length_of(key) > bits_of(m))
		return MAP_NONE;
	spin_lock(&m->lock);
	i = longest(m, key);
	spin_unlock(&m->lock);
	return i;
}

static int lpm_read(struct bpf_map *m, const void *key, void *value)
{
	u32 i;

	if (length_of(key) > bits_of(m))
		return -ENOENT;
	spin_lock(&m->lock);
	i = longest(m, key);
	if (i != MAP_NONE)
		memcpy(value, bpf_map_at(m, i) + m->value_at, m->value_bytes);
	spin_unlock(&m->lock);
	return i == MAP_NONE ? -ENOENT : 0;
}

/* Adds a prefix. Returns 0 or -errno: -EAGAIN if its chunk must be allocated first. */
static int add(struct bpf_map *m, const u8 *key, const void *value)
{
	struct lpm *l = m->own;
	u32 i = l->free, *link = link_of(m, key, length_of(key));

	if (l->nr >= m->max)
		return -ENOSPC;
	if (i != MAP_NONE)
		l->free = node_at(m, i)->next;
	else if (bpf_map_at(m, l->made))
		i = l->made++;
	else
		return -EAGAIN;
	memcpy(key_of(m, i), key, m->key_size);
	memcpy(bpf_map_at(m, i) + m->value_at, value, m->value_size);
	*node_at(m, i) = (struct node){ .next = MAP_NONE, .used = true };
	*link = i;
	l->nr++;
	l->of_length[length_of(key)]++;
	return 0;
}

static int try_update(struct bpf_map *m, const u8 *key, const void *value, u64 flags)
{
	u32 i = *link_of(m, key, length_of(key));

	if (i == MAP_NONE)
		return flags == BPF_EXIST ? -ENOENT : add(m, key, value);
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	memcpy(key_of(m, i), key, m->key_size);
	memcpy(bpf_map_at(m, i) + m->value_at, value, m->value_size);
	return 0;
}

static int lpm_update(struct bpf_map *m, const void *from, const void *value, u64 flags, bool all)
{
	struct lpm *l = m->own;
	u8 key[DATA_AT + DATA_MAX];
	u32 made;
	int err;

	memcpy(key, from, m->key_size);
	if (length_of(key) > bits_of(m))
		return -EINVAL;
	for (;;) {
		spin_lock(&m->lock);
		err = try_update(m, key, value, flags);
		made = l->made;
		spin_unlock(&m->lock);
		if (err != -EAGAIN)
			return err;
		if (!bpf_map_want(m, made, !all))
			return -ENOMEM;
	}
}

static int lpm_remove(struct bpf_map *m, const void *from)
{
	struct lpm *l = m->own;
	u8 key[DATA_AT + DATA_MAX];
	u32 *link, i;

	memcpy(key, from, m->key_size);
	if (length_of(key) > bits_of(m))
		return -EINVAL;
	spin_lock(&m->lock);
	link = link_of(m, key, length_of(key));
	i = *link;
	if (i != MAP_NONE) {
		*link = node_at(m, i)->next;
		*node_at(m, i) = (struct node){ .next = l->free };
		l->free = i;
		l->nr--;
		l->of_length[length_of(key)]--;
	}
	spin_unlock(&m->lock);
	return i == MAP_NONE ? -ENOENT : 0;
}

/* True if key @a is listed before key @b. */
static bool before(const u8 *a, const u8 *b)
{
	u32 na = length_of(a), nb = length_of(b), n = min(na, nb);

	for (u32 i = 0; i < n; i++)
		if (bit_at(a, i) != bit_at(b, i))
			return bit_at(b, i);
	return na > nb;
}

static int lpm_next(struct bpf_map *m, const void *key, void *next)
{
	const struct lpm *l = m->own;
	u8 best[DATA_AT + DATA_MAX];
	bool found = false;

	spin_lock(&m->lock);
	if (key && (length_of(key) > bits_of(m) || *link_of(m, key, length_of(key)) == MAP_NONE))
		key = NULL;
	for (u32 i = 0; i < l->made; i++) {
		const u8 *k = key_of(m, i);

		if (node_at(m, i)->used && (!key || before(key, k)) &&
			(!found || before(k, best))) {
			memcpy(best, k, m->key_size);
			found = true;
		}
		if (i % WALK != WALK - 1)
			continue;
		spin_unlock(&m->lock);
		cond_resched();
		spin_lock(&m->lock);
	}
	spin_unlock(&m->lock);
	if (found)
		memcpy(next, best, m->key_size);
	return found ? 0 : -ENOENT;
}

const struct bpf_map_ops map_lpm = {
	.prog = true,
	.by_length = true,
	.head = sizeof(struct node),
	.flags = BPF_F_NO_PREALLOC,
	.check = lpm_check,
	.make = lpm_make,
	.free = lpm_free,
	.find = lpm_find,
	.read = lpm_read,
	.update = lpm_update,
	.remove = lpm_remove,
	.next = lpm_next,
};
