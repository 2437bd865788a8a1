/* SPDX-License-Identifier: MIT */
/*
 * nft_tree.c: finds elements of sets in a tree by key. In an interval set, an element is the
 * beginning of an interval or, marked `end`, the first key behind it. So a key is in the set if the
 * last element at or before it is a beginning. Concatenations of ranges are searched linearly, so
 * their number is limited (NFT_RANGES). nn->lock is held everywhere.
 */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"

#define NFT_RANGES 4096U
#define GC_MOST 256U /* most elements freed in one lock hold */

/* Compares the key of an element with @key; if they are equal, an `end` comes first. */
static int compare(const struct nft_set *s, const struct nft_elem *e, const u8 *key,
	const u8 *key_end, bool end)
{
	int d = memcmp(e->key, key, s->key_len);

	if (!d && s->flags & NFT_SET_CONCAT)
		d = memcmp(e->key_end, key_end, s->key_len);
	return d ? d : (int)end - (int)e->end;
}

static bool usable(const struct nft_elem *e)
{
	return !(e->pend & NFT_NEW) && !nft_elem_expired(e);
}

static bool any(const struct nft_elem *e)
{
	return true;
}

static bool next_sees(const struct nft_elem *e)
{
	return !(e->pend & NFT_DEL) && !nft_elem_expired(e);
}

/*
 * Returns the element with exactly this key. There may be several such elements: some have expired,
 * or a batch deletes one and makes another. Returns the element that @seen accepts, else any of
 * them, or NULL if there is none.
 */
static struct nft_elem *find(struct nft_set *s, const u8 *key, const u8 *key_end, bool end,
	bool (*seen)(const struct nft_elem *))
{
	struct rb_node *n = s->elems.node, *first = NULL;

	while (n) {
		int d = compare(s, rb_entry(n, struct nft_elem, node), key, key_end, end);

		if (!d)
			first = n;
		n = d < 0 ? n->right : n->left;
	}
	for (n = first; n; n = rb_next(n)) {
		struct nft_elem *e = rb_entry(n, struct nft_elem, node);

		if (compare(s, e, key, key_end, end))
			break;
		if (seen(e))
			return e;
		s->walked++;
	}
	return rb_entry_safe(first, struct nft_elem, node);
}

struct nft_elem *nft_elem_find(struct nft_set *s, const u8 *key, const u8 *key_end, bool end)
{
	return find(s, key, key_end, end, usable);
}

struct nft_elem *nft_elem_find_next(struct nft_set *s, const u8 *key, const u8 *key_end, bool end)
{
	return find(s, key, key_end, end, next_sees);
}

/* Returns the last element at or before @key that @seen accepts, or NULL. */
static struct nft_elem *floor_of(
	struct nft_set *s, const u8 *key, bool (*seen)(const struct nft_elem *e))
{
	struct rb_node *n = s->elems.node, *best = NULL;

	while (n) {
		struct nft_elem *e = rb_entry(n, struct nft_elem, node);

		if (memcmp(e->key, key, s->key_len) <= 0) {
			best = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	for (; best && !seen(rb_entry(best, struct nft_elem, node)); best = rb_prev(best))
		s->walked++;
	return rb_entry_safe(best, struct nft_elem, node);
}

/* True if each field of a concatenation lies within its range. */
static bool in_ranges(const struct nft_set *s, const struct nft_elem *e, const u8 *key)
{
	u32 at = 0;

	for (u32 i = 0; i < s->fields; i++) {
		if (memcmp(key + at, e->key + at, s->field_len[i]) < 0 ||
			memcmp(key + at, e->key_end + at, s->field_len[i]) > 0)
			return false;
		at += round_up(s->field_len[i], 4U);
	}
	return true;
}

static struct nft_elem *lookup_ranges(struct nft_set *s, const u8 *key)
{
	for (struct rb_node *n = rb_first(&s->elems); n; n = rb_next(n)) {
		struct nft_elem *e = rb_entry(n, struct nft_elem, node);

		if (usable(e) && in_ranges(s, e, key))
			return e;
	}
	return NULL;
}

struct nft_elem *nft_set_lookup(struct nft_set *s, const void *key)
{
	struct nft_elem *e;

	if (s->flags & NFT_SET_INTERVAL && s->flags & NFT_SET_CONCAT && s->fields)
		e = lookup_ranges(s, key);
	else if (s->flags & NFT_SET_INTERVAL)
		e = floor_of(s, key, usable);
	else
		e = nft_elem_find(s, key, key, false);
	if (e && !e->end && usable(e))
		return e;
	return s->catchall && usable(s->catchall) ? s->catchall : NULL;
}

bool nft_set_has_ends(const struct nft_set *s)
{
	return s->flags & NFT_SET_INTERVAL && !(s->flags & NFT_SET_CONCAT);
}

/*
 * Checks whether a new element collides: -EEXIST if its key exists, -ENOTEMPTY if it lies in an
 * interval, else 0.
 */
static int clashes(struct nft_set *s, const struct nft_elem *e)
{
	struct nft_elem *o = nft_elem_find_next(s, e->key, e->key_end, e->end);

	if (o && next_sees(o))
		return -EEXIST;
	if (!nft_set_has_ends(s) || e->end)
		return 0;
	o = floor_of(s, e->key, next_sees);
	return o && !o->end ? -ENOTEMPTY : 0;
}

void nft_elem_unlink(struct nft_elem *e)
{
	struct nft_set *s = e->set;

	if (e->catchall && s->catchall == e)
		s->catchall = NULL;
	else if (!e->catchall)
		rb_erase(&e->node, &s->elems);
	s->nelems--;
}

void nft_elem_end(struct net *net, struct nft_elem *e)
{
	nft_elem_deactivate(e);
	nft_elem_unlink(e);
	nft_elem_free(net, e);
}

static struct nft_elem *prev_of(const struct nft_elem *e)
{
	return rb_entry_safe(rb_prev(&e->node), struct nft_elem, node);
}

static bool may_free(const struct nft_elem *e)
{
	return !e->pend && nft_elem_expired(e);
}

/*
 * Frees an expired element, and in an interval set the `end` behind it, which has no timeout of its
 * own. Returns the node behind them, or NULL.
 */
static struct rb_node *free_expired(struct net *net, struct nft_elem *e)
{
	struct rb_node *next = rb_next(&e->node);
	struct nft_elem *end = rb_entry_safe(next, struct nft_elem, node);

	if (end && nft_set_has_ends(e->set) && end->end && !end->pend) {
		next = rb_next(next);
		nft_elem_end(net, end);
	}
	nft_elem_end(net, e);
	return next;
}

/*
 * Frees the expired intervals in which the key of @new lies, or which end just there: the last
 * interval that begins before @new, and at most GC_MOST in all. Else their ends would stay within
 * the interval that @new begins or ends.
 */
static void free_overlapped(struct net *net, struct nft_set *s, const struct nft_elem *new)
{
	struct nft_elem *e;
	u32 n;

	for (n = 0; n < GC_MOST && (e = floor_of(s, new->key, any)); n++) {
		/* skip an interval that begins where @new ends another */
		if (new->end && !e->end && !memcmp(e->key, new->key, s->key_len))
			e = prev_of(e);
		if (e && e->end)
			e = prev_of(e);
		if (!e || e->end || !may_free(e))
			return;
		free_expired(net, e);
	}
}

int nft_elem_insert(struct net *net, struct nft_set *s, struct nft_elem *e)
{
	struct rb_node **link = &s->elems.node, *parent = NULL;
	int err;

	if (e->catchall) {
		if (s->catchall && next_sees(s->catchall))
			return -EEXIST;
		if (s->catchall)
			return -EBUSY;
		s->catchall = e;
		s->nelems++;
		return 0;
	}
	if (nft_set_has_ends(s) && s->flags & NFT_SET_TIMEOUT)
		free_overlapped(net, s, e);
	err = clashes(s, e);
	if (err)
		return err;
	if ((s->max && s->nelems >= s->max) ||
		(s->fields && s->flags & NFT_SET_INTERVAL && s->nelems >= NFT_RANGES))
		return -ENFILE;
	while (*link) {
		parent = *link;
		link = compare(s, rb_entry(parent, struct nft_elem, node), e->key, e->key_end,
			       e->end) <= 0 ?
			       &parent->right :
			       &parent->left;
	}
	rb_link_node(&e->node, parent, link);
	rb_insert_color(&e->node, &s->elems);
	s->nelems++;
	return 0;
}

/*
 * Frees expired elements that no batch is changing, at most GC_MOST in a call. A walk that is
 * complete is repeated after a second at the earliest.
 */
void nft_set_gc(struct net *net, struct nft_set *s)
{
	struct rb_node *n = rb_first(&s->elems);
	u64 now = ktime_get();
	u32 ended = 0;

	if (s->catchall && !s->catchall->pend && nft_elem_expired(s->catchall))
		nft_elem_end(net, s->catchall); /* makes room for a new catchall */
	if (!(s->flags & NFT_SET_TIMEOUT) || now < s->next_gc)
		return;
	s->next_gc = now + NSEC_PER_SEC;
	while (n && ended < GC_MOST) {
		struct nft_elem *e = rb_entry(n, struct nft_elem, node);

		if (!may_free(e)) {
			n = rb_next(n);
			continue;
		}
		n = free_expired(net, e);
		ended++;
	}
	if (n) /* let the next call continue */
		s->next_gc = now;
}
