/* SPDX-License-Identifier: MIT */
/*
 * prefix.c: a hash of networks (prefix.h). It has between one and two buckets per node. If there is
 * no memory for more buckets, the lists of the present ones get longer. The hash is multilinear in
 * the words of the key, with random factors chosen once, so that two keys share a bucket only by
 * chance.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/net/route/prefix.h"

#define SIZE_MIN 16U
#define SIZE_MAX_ 65536U
#define WORDS 6U

/* random; the last one is not 0 once they are chosen */
static u64 keys[WORDS + 1];

static ip_addr cut(const ip_addr *a, u32 bits)
{
	ip_addr r;

	for (u32 i = 0; i < 4; i++) {
		u32 n = bits > i * 32 ? min(bits - i * 32, 32U) : 0;

		r.w[i] = a->w[i] & (n == 32 ? ~0U : htonl(~(n ? ~0U >> n : ~0U)));
	}
	return r;
}

static struct list_head *bucket(
	const struct prefix_hash *h, u32 space, u32 bits, const ip_addr *net)
{
	u64 sum = keys[WORDS] + keys[4] * space + keys[5] * bits;

	for (u32 i = 0; i < 4; i++)
		sum += keys[i] * net->w[i];
	return &h->buckets[sum >> 32 & (h->size - 1)];
}

static struct list_head *make_buckets(u32 n)
{
	struct list_head *b = kmalloc(n * sizeof(*b), GFP_ATOMIC | __GFP_ACCOUNT);

	for (u32 i = 0; b && i < n; i++)
		INIT_LIST_HEAD(&b[i]);
	return b;
}

bool prefix_ready(struct prefix_hash *h)
{
	if (h->buckets)
		return true;
	while (unlikely(!READ_ONCE(keys[WORDS]))) {
		u64 new[WORDS + 1];

		arch_random(new, sizeof(new));
		for (u32 i = 0; i < WORDS; i++)
			if (!READ_ONCE(keys[i]))
				(void)cmpxchg(&keys[i], 0, new[i]);
		(void)cmpxchg(&keys[WORDS], 0, new[WORDS]);
	}
	h->buckets = make_buckets(SIZE_MIN);
	h->size = h->buckets ? SIZE_MIN : 0;
	return h->buckets;
}

void prefix_free(struct prefix_hash *h)
{
	kfree(h->buckets);
	*h = (struct prefix_hash){ 0 };
}

/* Moves the nodes to more buckets. The nodes of one network keep their order. */
static void grow(struct prefix_hash *h)
{
	struct prefix_hash old = *h;
	struct list_head *b = make_buckets(old.size * 2);
	struct prefix_node *n, *next;

	if (!b)
		return;
	h->buckets = b;
	h->size = old.size * 2;
	for (u32 i = 0; i < old.size; i++)
		list_for_each_entry_safe(n, next, &old.buckets[i], list)
			list_add_tail(&n->list, bucket(h, n->space, n->bits, &n->net));
	kfree(old.buckets);
}

void prefix_set(struct prefix_node *n, u32 space, const ip_addr *net, u32 bits)
{
	*n = (struct prefix_node){ .net = cut(net, bits), .space = space, .bits = (u8)bits };
	INIT_LIST_HEAD(&n->list);
}

void prefix_add(struct prefix_hash *h, struct prefix_node *n, struct prefix_node *before)
{
	BUG_ON(!h->buckets);
	if (++h->nr > h->size && h->size < SIZE_MAX_)
		grow(h);
	list_add_tail(&n->list, before ? &before->list : bucket(h, n->space, n->bits, &n->net));
}

void prefix_del(struct prefix_hash *h, struct prefix_node *n)
{
	list_del_init(&n->list);
	h->nr--;
}

/* Returns the first node of the network in bucket @b, from @at on. */
static struct prefix_node *find(
	struct list_head *b, struct list_head *at, u32 space, u32 bits, const ip_addr *net)
{
	for (; at != b; at = at->next) {
		struct prefix_node *n = list_entry(at, struct prefix_node, list);

		if (n->space == space && n->bits == bits && ip_equal(&n->net, net))
			return n;
	}
	return NULL;
}

struct prefix_node *prefix_first(const struct prefix_hash *h, u32 space, u32 bits, const ip_addr *a)
{
	ip_addr net;
	struct list_head *b;

	if (!h->nr)
		return NULL;
	net = cut(a, bits);
	b = bucket(h, space, bits, &net);
	return find(b, b->next, space, bits, &net);
}

struct prefix_node *prefix_next(const struct prefix_hash *h, const struct prefix_node *n)
{
	return find(
		bucket(h, n->space, n->bits, &n->net), n->list.next, n->space, n->bits, &n->net);
}

/* ---- lengths ---- */

void prefix_len_add(struct prefix_lens *l, u32 bits)
{
	if (!l->nr[bits]++)
		l->set[bits / 64] |= 1UL << bits % 64;
}

void prefix_len_del(struct prefix_lens *l, u32 bits)
{
	if (!--l->nr[bits])
		l->set[bits / 64] &= ~(1UL << bits % 64);
}

int prefix_longest(const struct prefix_lens *l, int most)
{
	for (int w = most / 64; most >= 0 && w >= 0; w--) {
		u64 m = l->set[w];

		if (w == most / 64 && most % 64 != 63)
			m &= (1UL << (most % 64 + 1)) - 1;
		if (m)
			return w * 64 + 63 - __builtin_clzl(m);
	}
	return -1;
}
