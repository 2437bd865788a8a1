/* SPDX-License-Identifier: MIT */
/*
 * radix.c: sparse arrays of pointers: trees of nodes with 64 slots, as tall as the largest index
 * needs.
 *
 * Invariants:
 * 1. A linked node has at least one used slot.
 * 2. `used` has a bit for each slot that is not NULL.
 * 3. `full` has a bit for each slot under which no index is free (in a leaf: the used ones).
 *    radix_alloc follows `full`, so that the lowest free index is found in one walk down.
 *
 * Height 0 is an empty array. Nodes are allocated with GFP_ATOMIC, because the owners hold
 * spinlocks.
 */
#include "kernel/lib/alloc.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"

#define BITS 6
#define SLOTS 64
#define MAX_HEIGHT 11

struct radix_node {
	u64 used, full;
	void *slot[SLOTS];
};

/* A walk from the root to a leaf: node[0] is the root, idx[] the slot taken in each node. */
struct path {
	struct radix_node *node[MAX_HEIGHT];
	u32 idx[MAX_HEIGHT];
};

static bool fits(u32 height, u64 index)
{
	return height * BITS >= 64 || !(index >> (height * BITS));
}

static u32 slot_of(u64 index, u32 levels_below)
{
	return (index >> (levels_below * BITS)) & (SLOTS - 1);
}

static struct radix_node *leaf_of(const struct radix *r, u64 index)
{
	struct radix_node *n = r->root;

	if (!n || !fits(r->height, index))
		return NULL;
	for (u32 below = r->height - 1; n && below; below--)
		n = n->slot[slot_of(index, below)];
	return n;
}

void *radix_lookup(const struct radix *r, u64 index)
{
	struct radix_node *n = leaf_of(r, index);

	return n ? n->slot[slot_of(index, 0)] : NULL;
}

/* Tests the slots alone, not `used`: in a large tree that would cost one more cache miss. */
u32 radix_run(const struct radix *r, u64 index, u32 nr, void **items)
{
	struct radix_node *leaf = leaf_of(r, index);
	u32 first = slot_of(index, 0), n;

	if (!leaf)
		return 0;
	nr = min(nr, SLOTS - first);
	for (n = 0; n < nr && leaf->slot[first + n]; n++)
		items[n] = leaf->slot[first + n];
	return n;
}

static struct radix_node *node_new(void)
{
	return kzalloc(sizeof(struct radix_node), 1);
}

/*
 * Makes the tree tall enough for @index. An empty tree gets one node: levels below it would be
 * empty.
 */
static int grow(struct radix *r, u64 index)
{
	if (!r->root) {
		r->root = node_new();
		if (!r->root)
			return -ENOMEM;
		for (r->height = 1; !fits(r->height, index);)
			r->height++;
	}
	while (!fits(r->height, index)) {
		struct radix_node *n = node_new();

		if (!n)
			return -ENOMEM;
		n->slot[0] = r->root;
		n->used = 1;
		n->full = !~r->root->full;
		r->root = n;
		r->height++;
	}
	return 0;
}

/*
 * Frees nodes of the first @depth nodes of the path that have become empty, from the deepest up,
 * and levels that are no longer needed.
 */
static void shrink(struct radix *r, struct path *p, u32 depth)
{
	while (depth-- && !p->node[depth]->used) {
		kfree(p->node[depth]);
		if (!depth) {
			r->root = NULL;
			r->height = 0;
			return;
		}
		p->node[depth - 1]->slot[p->idx[depth - 1]] = NULL;
		p->node[depth - 1]->used &= ~BIT(p->idx[depth - 1]);
	}
	while (r->height > 1 && r->root->used == 1) {
		struct radix_node *n = r->root;

		r->root = n->slot[0];
		r->height--;
		kfree(n);
	}
}

/* Walks to @index and allocates missing nodes. On failure new nodes are freed again. */
static int walk_create(struct radix *r, u64 index, struct path *p)
{
	u32 d = 0;
	int err = grow(r, index);

	for (struct radix_node *n = r->root; !err; n = n->slot[p->idx[d++]]) {
		u32 i = slot_of(index, r->height - 1 - d);

		p->node[d] = n;
		p->idx[d] = i;
		if (d == r->height - 1)
			return 0;
		if (n->slot[i])
			continue;
		n->slot[i] = node_new();
		if (n->slot[i])
			n->used |= BIT(i);
		else
			err = -ENOMEM;
	}
	shrink(r, p, d);
	return err;
}

static void mark_full(struct radix *r, struct path *p)
{
	for (u32 d = r->height; d--;) {
		p->node[d]->full |= BIT(p->idx[d]);
		if (~p->node[d]->full)
			return;
	}
}

static void clear_full(struct radix *r, struct path *p)
{
	for (u32 d = r->height; d--;)
		p->node[d]->full &= ~BIT(p->idx[d]);
}

int radix_insert(struct radix *r, u64 index, void *item)
{
	struct path p;
	u32 leaf;
	int err = walk_create(r, index, &p);

	if (err)
		return err;
	leaf = r->height - 1;
	if (p.node[leaf]->slot[p.idx[leaf]])
		return -EEXIST;
	p.node[leaf]->slot[p.idx[leaf]] = item;
	p.node[leaf]->used |= BIT(p.idx[leaf]);
	mark_full(r, &p);
	return 0;
}

/* Fills in the path to @index. Returns false if there is no item. */
static bool walk(const struct radix *r, u64 index, struct path *p)
{
	struct radix_node *n = r->root;

	if (!n || !fits(r->height, index))
		return false;
	for (u32 d = 0; d < r->height; d++) {
		if (!n)
			return false;
		p->node[d] = n;
		p->idx[d] = slot_of(index, r->height - 1 - d);
		n = n->slot[p->idx[d]];
	}
	return n != NULL;
}

void *radix_replace(struct radix *r, u64 index, void *item)
{
	struct path p;
	void *old;

	if (!walk(r, index, &p))
		return NULL;
	old = p.node[r->height - 1]->slot[p.idx[r->height - 1]];
	p.node[r->height - 1]->slot[p.idx[r->height - 1]] = item;
	return old;
}

void *radix_delete(struct radix *r, u64 index)
{
	struct path p;
	void *old;
	u32 leaf;

	if (!walk(r, index, &p))
		return NULL;
	leaf = r->height - 1;
	old = p.node[leaf]->slot[p.idx[leaf]];
	p.node[leaf]->slot[p.idx[leaf]] = NULL;
	p.node[leaf]->used &= ~BIT(p.idx[leaf]);
	clear_full(r, &p);
	shrink(r, &p, r->height);
	return old;
}

/*
 * Finds the lowest used index >= *index under @n, whose children have height @below. Returns its
 * item, or NULL if this subtree has none.
 */
static void *next_in(struct radix_node *n, u32 below, u64 *index)
{
	u64 span = 1UL << (below * BITS);
	u32 first = slot_of(*index, below);

	for (u32 i = first; i < SLOTS; i++) {
		u64 rest = n->used & (~0UL << i);
		void *found;

		if (!rest)
			return NULL;
		i = (u32)__builtin_ctzl(rest);
		if (i != first) {
			*index &= ~(span * SLOTS - 1);
			*index |= i * span;
			first = i;
		}
		found = below ? next_in(n->slot[i], below - 1, index) : n->slot[i];
		if (found)
			return found;
		/* Search the next slot's subtree from its start. */
		first = SLOTS;
	}
	return NULL;
}

void *radix_next(const struct radix *r, u64 *index)
{
	u64 at = *index;
	void *found;

	if (!r->root || !fits(r->height, at))
		return NULL;
	found = next_in(r->root, r->height - 1, &at);
	if (found)
		*index = at;
	return found;
}

/* Returns the lowest free index >= @at under @n, whose first index is @base, or ~0. */
static u64 free_in(const struct radix_node *n, u32 below, u64 base, u64 at)
{
	u64 span = 1UL << (below * BITS);
	u32 i = at > base ? (u32)((at - base) / span) : 0;

	for (; i < SLOTS; i++) {
		u64 rest = ~n->full & (~0UL << i), sub, got;

		if (!rest)
			return ~0UL;
		i = (u32)__builtin_ctzl(rest);
		sub = base + i * span;
		if (!below || !n->slot[i])
			return max(sub, at);
		got = free_in(n->slot[i], below - 1, sub, at);
		if (got != ~0UL)
			return got;
	}
	return ~0UL;
}

s64 radix_alloc(struct radix *r, u64 min, u64 max, void *item)
{
	u64 at = min;
	int err;

	if (r->root && fits(r->height, min)) {
		at = free_in(r->root, r->height - 1, 0, min);
		if (at == ~0UL && r->height * BITS < 63)
			at = max(min, 1UL << (r->height * BITS));
	}
	if (at > max || at > (u64)INT64_MAX)
		return -ENOSPC;
	err = radix_insert(r, at, item);
	return err ? err : (s64)at;
}
