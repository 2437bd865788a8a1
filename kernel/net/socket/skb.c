/* SPDX-License-Identifier: MIT */
/* skb.c: packets, their buffers and checksums. skb.h has their layout in memory. */
#include <asm/errno.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/socket/skb.h"

/* a buffer of at least so many bytes is allocated apart from its struct pbuf */
#define APART_MIN 2048U
/* bytes of pulled headers that a clone also has: IPv6 and UDP, or IPv4 with options */
#define PULLED_MAX 80U

static struct pbuf *pbuf_alloc(u32 size, gfp_t gfp)
{
	bool apart = size >= APART_MIN;
	struct pbuf *b = kmalloc(sizeof(*b) + (apart ? 0 : size), gfp);

	if (!b)
		return NULL;
	b->data = apart ? kmalloc(size, gfp) : (u8 *)(b + 1);
	if (!b->data) {
		kfree(b);
		return NULL;
	}
	atomic_set(&b->refs, 1);
	b->size = size;
	return b;
}

static void pbuf_put(struct pbuf *b)
{
	if (!b || !atomic_dec_and_test(&b->refs))
		return;
	if (b->data != (u8 *)(b + 1))
		kfree(b->data);
	kfree(b);
}

/* Allocates an skb and clears all of it except room[], which is written before it is read. */
static struct sk_buff *skb_bare(gfp_t gfp)
{
	struct sk_buff *skb = kmalloc(sizeof(*skb), gfp);

	if (skb) {
		memset(skb, 0, offsetof(struct sk_buff, room));
		INIT_LIST_HEAD(&skb->list);
		skb->head = SKB_ROOM;
	}
	return skb;
}

struct sk_buff *skb_alloc(u32 size, gfp_t gfp)
{
	struct sk_buff *skb = skb_bare(gfp);

	if (!skb || !size)
		return skb;
	skb->buf = pbuf_alloc(size, gfp);
	if (!skb->buf) {
		kfree(skb);
		return NULL;
	}
	return skb;
}

struct sk_buff *skb_from_iter(struct iov_iter *from, size_t len)
{
	struct sk_buff *skb = skb_alloc(max((u32)len, 1U), GFP_KERNEL);

	if (!skb)
		return ERR_PTR(-ENOBUFS);
	if (copy_from_iter(skb->buf->data, len, from) != len) {
		kfree_skb(skb);
		return ERR_PTR(-EFAULT);
	}
	skb->len = (u32)len;
	return skb;
}

struct sk_buff *skb_clone(const struct sk_buff *skb, gfp_t gfp)
{
	struct sk_buff *c = kmalloc(sizeof(*c), gfp);
	u32 from = skb->head;

	if (!c)
		return NULL;
	/* A clone must contain pulled headers, too, since they may be read later. */
	if (unlikely(skb->room_pulled || skb_network_apart(skb)))
		from -= min(from, PULLED_MAX);
	memcpy(c, skb, offsetof(struct sk_buff, room));
	memcpy(c->room + from, skb->room + from, SKB_ROOM - from);
	INIT_LIST_HEAD(&c->list);
	c->destructor = NULL;
	c->stamp_for = NULL;
	c->owner = NULL;
	c->charged = 0;
	if (unlikely(c->nfct))
		nf_conn_get(c->nfct);
	if (c->buf)
		atomic_inc(&c->buf->refs);
	return c;
}

void kfree_skb(struct sk_buff *skb)
{
	if (!skb)
		return;
	if (skb->destructor)
		skb->destructor(skb);
	if (unlikely(skb->nfct))
		nf_conn_put(skb->nfct);
	pbuf_put(skb->buf);
	kfree(skb);
}

void skb_orphan(struct sk_buff *skb)
{
	if (skb->destructor)
		skb->destructor(skb);
	skb->destructor = NULL;
	skb->owner = NULL;
	skb->charged = 0;
}

void skb_free_list(struct list_head *queue)
{
	struct sk_buff *skb, *next;

	list_for_each_entry_safe(skb, next, queue, list) {
		list_del_init(&skb->list);
		kfree_skb(skb);
	}
}

void skb_place(struct rb_root *tree, struct sk_buff *skb, struct sk_buff *before)
{
	struct rb_node *at = before ? &before->place : rb_first(tree), **link = &tree->node;

	/* @before has a right child, so its successor has no left one */
	if (before && at->right) {
		at = rb_next(at);
		link = &at->left;
	} else if (at) {
		link = before ? &at->right : &at->left;
	}
	rb_link_node(&skb->place, at, link);
	rb_insert_color(&skb->place, tree);
}

void *skb_push(struct sk_buff *skb, u32 n)
{
	BUG_ON(n > skb->head);
	skb->head = (u8)(skb->head - n);
	return skb->room + skb->head;
}

void skb_pull(struct sk_buff *skb, u32 n)
{
	u32 first = min(n, skb_headlen(skb));

	skb->head = (u8)(skb->head + first);
	skb->room_pulled = first;
	n -= first;
	BUG_ON(n > skb->len);
	skb->off += n;
	skb->len -= n;
}

void skb_trim(struct sk_buff *skb, u32 n)
{
	u32 head = skb_headlen(skb);

	if (n >= head) {
		skb->len = min(skb->len, n - head);
		return;
	}
	/* Headers end at the end of room[], so the remaining bytes move there. */
	memmove(skb->room + SKB_ROOM - n, skb->room + skb->head, n);
	skb->head = (u8)(SKB_ROOM - n);
	skb->len = 0;
}

void skb_copy(const struct sk_buff *skb, u32 from, void *to, u32 n)
{
	u32 head = skb_headlen(skb), first = 0;

	if (from < head) {
		first = min(n, head - from);
		memcpy(to, skb->room + skb->head + from, first);
		from = head;
	}
	if (n > first)
		memcpy((u8 *)to + first, skb_payload(skb) + from - head, n - first);
}

bool skb_own_payload(struct sk_buff *skb)
{
	struct pbuf *b = skb->buf, *own;

	if (!b || atomic_read(&b->refs) == 1)
		return true;
	own = pbuf_alloc(b->size, GFP_ATOMIC);
	if (!own)
		return false;
	memcpy(own->data, b->data, b->size); /* includes pulled headers */
	skb->buf = own;
	pbuf_put(b);
	return true;
}

void skb_write(struct sk_buff *skb, u32 to, const void *from, u32 n)
{
	u32 head = skb_headlen(skb), first = 0;

	if (to < head) {
		first = min(n, head - to);
		memcpy(skb->room + skb->head + to, from, first);
		to = head;
	}
	if (n > first)
		memcpy(skb_payload(skb) + to - head, (const u8 *)from + first, n - first);
}

const void *skb_header(const struct sk_buff *skb, u32 n, void *tmp)
{
	if (n > skb_len(skb))
		return NULL;
	if (n <= skb_headlen(skb))
		return skb->room + skb->head;
	if (!skb_headlen(skb))
		return skb_payload(skb);
	skb_copy(skb, 0, tmp, n);
	return tmp;
}

int skb_copy_to_iter(const struct sk_buff *skb, u32 from, u32 n, struct iov_iter *to)
{
	u32 head = skb_headlen(skb), first = 0;

	if (from < head) {
		first = min(n, head - from);
		if (copy_to_iter(skb->room + skb->head + from, first, to) != first)
			return -EFAULT;
		from = head;
	}
	n -= first;
	return !n || copy_to_iter(skb_payload(skb) + from - head, n, to) == n ? 0 : -EFAULT;
}

struct sk_buff *skb_linear(const struct sk_buff *skb, gfp_t gfp)
{
	u32 n = skb_len(skb);
	struct sk_buff *c = skb_alloc(max(n, 1U), gfp);

	if (!c)
		return NULL;
	skb_copy(skb, 0, c->buf->data, n);
	c->len = n;
	c->dev = skb->dev;
	c->protocol = skb->protocol;
	c->csum_ok = skb->csum_ok;
	c->foreign = skb->foreign;
	c->broadcast = skb->broadcast;
	c->stamp = skb->stamp;
	c->mark = skb->mark;
	c->priority = skb->priority;
	c->prioidx = skb->prioidx;
	c->gso = skb->gso;
	c->csum_owed = skb->csum_owed;
	c->vlan_proto = skb->vlan_proto;
	c->vlan_tci = skb->vlan_tci;
	c->ip = skb->ip;
	/* extension headers are in the other buffer */
	c->ip.ext_len = 0;
	return c;
}

/* ---- checksums ---- */

/*
 * Adds 32-bit words into 64-bit sums, which are folded at the end: the ones' complement sum does
 * not depend on the grouping. Four independent sums take less than half the time of a single one
 * for 64 KiB.
 */
u32 csum_partial(const void *p, u32 n, u32 sum)
{
	const u8 *at = p;
	u64 acc = sum, acc1 = 0, acc2 = 0, acc3 = 0, w[4];
	u32 word;

	for (; n >= sizeof(w); n -= (u32)sizeof(w), at += sizeof(w)) {
		memcpy(w, at, sizeof(w));
		acc += (u32)w[0] + (w[0] >> 32);
		acc1 += (u32)w[1] + (w[1] >> 32);
		acc2 += (u32)w[2] + (w[2] >> 32);
		acc3 += (u32)w[3] + (w[3] >> 32);
	}
	acc += acc1 + acc2 + acc3;
	for (; n >= 4; n -= 4, at += 4) {
		memcpy(&word, at, 4);
		acc += word;
	}
	if (n) {
		word = 0;
		memcpy(&word, at, n);
		acc += word;
	}
	acc = (acc & 0xffffffff) + (acc >> 32);
	acc = (acc & 0xffffffff) + (acc >> 32);
	return (u32)acc;
}

static u32 csum_add(u32 a, u32 b)
{
	u64 s = (u64)a + b;

	return (u32)((s & 0xffffffff) + (s >> 32));
}

/* Adds the sum of a piece that begins at an odd offset with its bytes swapped. */
u32 skb_sum(const struct sk_buff *skb, u32 from, u32 n, u32 sum)
{
	u32 head = skb_headlen(skb), first = 0, part;

	if (from < head) {
		first = min(n, head - from);
		sum = csum_partial(skb->room + skb->head + from, first, sum);
		from = head;
	}
	if (n == first)
		return sum;
	part = csum_partial(skb_payload(skb) + from - head, n - first, 0);
	if (first & 1)
		part = (part << 8) | (part >> 24);
	return csum_add(sum, part);
}

u32 csum_pseudo(const ip_addr *saddr, const ip_addr *daddr, u8 proto, u32 len)
{
	u32 sum, tail[2] = { htonl(len), htonl(proto) };

	if (ip_is_v4(saddr)) {
		sum = csum_partial(&saddr->w[3], 4, 0);
		sum = csum_partial(&daddr->w[3], 4, sum);
	} else {
		sum = csum_partial(saddr, sizeof(*saddr), 0);
		sum = csum_partial(daddr, sizeof(*daddr), sum);
	}
	return csum_partial(tail, sizeof(tail), sum);
}

bool ip_prefix_equal(const ip_addr *a, const ip_addr *b, u32 bits)
{
	for (u32 i = 0; i < 4 && bits; i++) {
		u32 n = min(bits, 32U), mask = n == 32 ? ~0U : htonl(~(~0U >> n));

		if ((a->w[i] ^ b->w[i]) & mask)
			return false;
		bits -= n;
	}
	return true;
}
