/* SPDX-License-Identifier: MIT */
/*
 * conntrack.c: finds the connection of a packet. Each namespace that tracks connections has a table
 * of both tuples of each connection. If the table is full, an unassured connection among the oldest
 * is dropped; if there is none, the new packet is dropped. Expired connections are removed when a
 * lookup finds them, and a few with each new connection.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter/nfnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/sched/sched.h"

#define GC_STEP 8
#define EXT_MAX 8
#define END_STEP 256
#define EACH_STEP 64 /* buckets for which the lock is held */
#define EACH_ROOM 512
#define EVENTS_AUTO 2
#define LOG_LEVEL 5
/* all bits of NF_LOG_MASK except NF_LOG_MACDECODE */
#define LOG_FLAGS 0xfU

u32 nf_ct_max = 65536;

void nf_ct_conf_init(struct net *net)
{
	net->nf.ct_conf = (struct nf_ct_conf){ .events = EVENTS_AUTO,
		.checksum = 1,
		.tcp_loose = 1,
		.tcp_max_retrans = 3,
		.tcp_timeout_max_retrans = 300 };
}

void nf_ct_log_invalid(const struct nf_state *s, const struct nf_l4 *l4, const char *why)
{
	int which = READ_ONCE(s->net->nf.ct_conf.log_invalid);
	struct nf_state shown = { .net = s->net, .skb = s->skb, .v6 = s->v6 };
	char text[64];

	if (likely(!which) || (which != IPPROTO_RAW && which != l4->proto))
		return;
	snprintf(text, sizeof(text), "nf_ct_proto_%u: %s ", l4->proto, why);
	nf_log_packet(&shown, LOG_LEVEL, LOG_FLAGS, text);
}

void nf_conn_get(struct nf_conn *ct)
{
	atomic_inc(&ct->refs);
}

void nf_conn_put(struct nf_conn *ct)
{
	if (atomic_dec_and_test(&ct->refs))
		kfree(ct);
}

/* ---- packets ---- */

/* Finds the transport header behind IPv6's extension headers, like nf_find_l4(). */
static bool find_v6(const struct sk_buff *skb, struct nf_l4 *l4)
{
	u8 h[40], e[8], next;
	u32 off = sizeof(h);

	if (skb_len(skb) < off)
		return false;
	skb_copy(skb, 0, h, sizeof(h));
	next = h[6];
	for (int i = 0; i < EXT_MAX; i++) {
		*l4 = (struct nf_l4){ .proto = next, .off = off, .frag_off = l4->frag_off };
		if (next != 0 && next != 43 && next != 44 && next != 60)
			return next != 59;
		if (skb_len(skb) < off + 8)
			return false;
		skb_copy(skb, off, e, 8);
		if (next == 44)
			l4->frag_off = (u16)(e[2] << 8 | (e[3] & 0xf8));
		off += next == 44 ? 8 : (e[1] + 1U) * 8;
		next = e[0];
		/* a filter rule may have changed the length */
		if (l4->frag_off || skb_len(skb) < off)
			return false;
	}
	return false;
}

bool nf_find_l4(const struct sk_buff *skb, bool v6, struct nf_l4 *l4)
{
	struct iphdr h;

	*l4 = (struct nf_l4){ 0 };
	if (v6)
		return find_v6(skb, l4);
	if (skb_len(skb) < sizeof(h))
		return false;
	skb_copy(skb, 0, &h, sizeof(h));
	l4->proto = h.protocol;
	l4->off = h.ihl * 4U;
	l4->frag_off = ntohs(h.frag_off) & 0x1fff;
	return h.ihl >= 5 && skb_len(skb) >= l4->off && !l4->frag_off;
}

/*
 * Returns the ICMP type of the reply to a message of @type; 0xff: @type is neither a request nor a
 * reply.
 */
static u8 icmp_answer(u8 type, bool v6)
{
	static const u8 v4[][2] = { { 8, 0 }, { 13, 14 }, { 15, 16 }, { 17, 18 } };

	if (v6)
		return type == 128 ? 129 : type == 129 ? 128 : 0xff;
	for (u32 i = 0; i < ARRAY_SIZE(v4); i++)
		for (u32 k = 0; k < 2; k++)
			if (v4[i][k] == type)
				return v4[i][1 - k];
	return 0xff;
}

void nf_ct_invert(struct nf_tuple *to, const struct nf_tuple *from)
{
	*to = (struct nf_tuple){ .src = from->dst,
		.dst = from->src,
		.sport = from->dport,
		.dport = from->sport,
		.proto = from->proto,
		.code = from->code };
	if (from->proto == IPPROTO_ICMP || from->proto == IPPROTO_ICMPV6)
		to->type = icmp_answer(from->type, from->proto == IPPROTO_ICMPV6);
}

/*
 * Fills *@t with the tuple of the packet whose network header is at offset @base of @skb. Returns
 * true if the packet has a tuple.
 */
bool nf_ct_tuple(const struct sk_buff *skb, bool v6, u32 base, struct nf_tuple *t)
{
	struct sk_buff view = { .buf = skb->buf, .head = SKB_ROOM };
	struct nf_l4 l4;
	u8 h[8];

	memset(t, 0, sizeof(*t));
	/* a quoted header may be split between room[] and the buffer, so parse a contiguous copy */
	if (base) {
		u8 tmp[128];
		u32 n = min(skb_len(skb) - min(base, skb_len(skb)), (u32)sizeof(tmp));

		skb_copy(skb, base, tmp, n);
		memcpy(view.room + SKB_ROOM - n, tmp, n);
		view.head = (u8)(SKB_ROOM - n);
		skb = &view;
	}
	if (!nf_find_l4(skb, v6, &l4))
		return false;
	nf_addrs(skb, v6, &t->src, &t->dst);
	t->proto = l4.proto;
	switch (l4.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		if (skb_len(skb) < l4.off + 8)
			return false;
		skb_copy(skb, l4.off, h, 4);
		memcpy(&t->sport, h, 2);
		memcpy(&t->dport, h + 2, 2);
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (skb_len(skb) < l4.off + 8)
			return false;
		skb_copy(skb, l4.off, h, 8);
		t->type = h[0];
		t->code = h[1];
		memcpy(&t->sport, h + 4, 2);
		t->dport = t->sport;
		return icmp_answer(t->type, v6) != 0xff;
	default: return true;
	}
}

/* ---- the table ---- */

static u32 hash_of(const struct nf_ct_net *c, const struct nf_tuple *t)
{
	u32 h = c->seed;

	for (u32 i = 0; i < 4; i++) {
		h = (h ^ t->src.w[i]) * 0x9e3779b1U;
		h = (h ^ h >> 15 ^ t->dst.w[i]) * 0x85ebca6bU;
	}
	h = (h ^ ((u32)t->sport << 16 | t->dport)) * 0x9e3779b1U;
	h = (h ^ h >> 13 ^ t->proto) * 0xc2b2ae35U;
	return (h ^ h >> 16) % CT_BUCKETS;
}

static bool same(const struct nf_tuple *a, const struct nf_tuple *b)
{
	return a->proto == b->proto && a->sport == b->sport && a->dport == b->dport &&
	       a->type == b->type && a->code == b->code && ip_equal(&a->src, &b->src) &&
	       ip_equal(&a->dst, &b->dst);
}

bool nf_ct_unlink(struct nf_conn *ct)
{
	struct nf_ct_net *c = ct->net->nf.ct;

	assert_spin_held(&c->lock);
	if (ct->gone || !(ct->status & IPS_CONFIRMED))
		return false;
	ct->gone = true;
	ct->status |= IPS_DYING;
	if (ct->stamped)
		ct->ended = ktime_get_real();
	hlist_del_init(&ct->dir[0].node);
	hlist_del_init(&ct->dir[1].node);
	list_del_init(&ct->all);
	c->count--;
	nf_ct_notify(ct, NFNLGRP_CONNTRACK_DESTROY);
	return true;
}

static struct nf_conn_dir *find_locked(struct nf_ct_net *c, const struct nf_tuple *t)
{
	struct nf_conn_dir *d;

	hlist_for_each_entry(d, &c->table[hash_of(c, t)], node) {
		if (!same(&d->t, t))
			continue;
		if (d->ct->expires > ktime_get())
			return d;
		if (nf_ct_unlink(d->ct))
			nf_conn_put(d->ct);
		return NULL;
	}
	return NULL;
}

struct nf_conn_dir *nf_ct_find(struct net *net, const struct nf_tuple *t)
{
	struct nf_ct_net *c = net->nf.ct;
	struct nf_conn_dir *d;

	if (!c)
		return NULL;
	spin_lock(&c->lock);
	d = find_locked(c, t);
	if (d)
		nf_conn_get(d->ct);
	spin_unlock(&c->lock);
	return d;
}

int nf_ct_original_dst(struct net *net, const struct nf_tuple *local, ip_addr *dst, u16 *port)
{
	struct nf_conn_dir *d = nf_ct_find(net, local);
	const struct nf_tuple *first;

	if (!d)
		return -ENOENT;
	first = &d->ct->dir[IP_CT_DIR_ORIGINAL].t;
	*dst = first->dst;
	*port = first->dport;
	nf_conn_put(d->ct);
	return 0;
}

void nf_ct_kill(struct nf_conn *ct)
{
	struct nf_ct_net *c = ct->net->nf.ct;
	bool was;

	spin_lock(&c->lock);
	was = nf_ct_unlink(ct);
	spin_unlock(&c->lock);
	if (was)
		nf_conn_put(ct);
}

/*
 * Removes a few expired connections. With @need it checks more connections, and removes one that is
 * not assured if none has expired. ct->lock held.
 */
static void make_room(struct nf_ct_net *c, bool need)
{
	struct nf_conn *ct, *next, *victim = NULL;
	u64 now = ktime_get();
	u32 n = 0;

	list_for_each_entry_safe(ct, next, &c->all, all) {
		if (n++ >= (need ? GC_STEP * 16 : GC_STEP))
			break;
		if (ct->expires <= now) {
			if (nf_ct_unlink(ct))
				nf_conn_put(ct);
			need = false;
		} else if (!victim && !(ct->status & IPS_ASSURED)) {
			victim = ct;
		} else {
			list_move_tail(&ct->all, &c->all);
		}
	}
	if (need && victim && nf_ct_unlink(victim))
		nf_conn_put(victim);
}

/* ---- walks over all connections ---- */

/* Some connections of the table, with a reference to each. */
struct batch {
	u32 n, room;
	struct nf_conn **all;
};

/*
 * Adds the live connections of bucket @k to the batch. A connection is added at its first tuple
 * only. Returns false, and adds none, if they do not fit; *@need is the room they need. ct->lock
 * held.
 */
static bool take_bucket(struct nf_ct_net *c, u32 k, struct batch *b, u32 *need)
{
	struct nf_conn_dir *d;
	u64 now = ktime_get();

	*need = b->n;
	hlist_for_each_entry(d, &c->table[k], node)
		*need += d == &d->ct->dir[0] && d->ct->expires > now;
	if (*need > b->room)
		return false;
	hlist_for_each_entry(d, &c->table[k], node) {
		if (d != &d->ct->dir[0] || d->ct->expires <= now)
			continue;
		nf_conn_get(d->ct);
		b->all[b->n++] = d->ct;
	}
	return true;
}

static int make_batch(struct batch *b, u32 room)
{
	kfree(b->all);
	*b = (struct batch){ .room = room };
	b->all = kmalloc(room * sizeof(struct nf_conn *), GFP_KERNEL);
	return b->all ? 0 : -ENOMEM;
}

/* Adds buckets from @k on to the batch until it is full, and returns the next bucket. */
static u32 fill_batch(struct nf_ct_net *c, u32 k, struct batch *b, u32 *need)
{
	u32 end = min(k + EACH_STEP, (u32)CT_BUCKETS);

	spin_lock(&c->lock);
	while (k < end && take_bucket(c, k, b, need))
		k++;
	spin_unlock(&c->lock);
	return k;
}

static int show_batch(struct batch *b, int err, int (*fn)(struct nf_conn *ct, void *arg), void *arg)
{
	for (u32 i = 0; i < b->n; i++) {
		if (!err)
			err = fn(b->all[i], arg);
		nf_conn_put(b->all[i]);
		cond_resched();
	}
	b->n = 0;
	return err;
}

/* Walks in batches, so that packets wait for ct->lock no longer than a batch takes. */
int nf_ct_each(struct net *net, int (*fn)(struct nf_conn *ct, void *arg), void *arg)
{
	struct nf_ct_net *c = net->nf.ct;
	struct batch b = { 0 };
	u32 need, k = 0;
	int err = c ? make_batch(&b, EACH_ROOM) : 0;

	while (!err && c && k < CT_BUCKETS) {
		u32 from = k;

		k = fill_batch(c, k, &b, &need);
		err = show_batch(&b, 0, fn, arg);
		if (!err && k == from) /* the batch is too small for one bucket */
			err = make_batch(&b, need + EACH_ROOM);
		cond_resched();
	}
	kfree(b.all);
	return err;
}

/* ---- tracking a packet ---- */

/*
 * Returns a new connection for the tuple @t, with one reference; NULL if the packet may not begin
 * one, or there is no memory. It is not in the table yet.
 */
static struct nf_conn *begin(struct nf_state *s, const struct nf_tuple *t, const struct nf_l4 *l4)
{
	struct nf_ct_net *c = s->net->nf.ct;
	struct nf_conn *ct;

	if (!nf_ct_may_begin(s->net, s->skb, l4)) {
		nf_ct_log_invalid(s, l4, "invalid new");
		return NULL;
	}
	ct = kzalloc(sizeof(*ct), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!ct)
		return NULL;
	atomic_set(&ct->refs, 1);
	ct->net = s->net;
	ct->dir[0].ct = ct->dir[1].ct = ct;
	ct->dir[0].t = *t;
	nf_ct_invert(&ct->dir[1].t, t);
	INIT_LIST_HEAD(&ct->all);
	INIT_HLIST_NODE(&ct->dir[0].node);
	INIT_HLIST_NODE(&ct->dir[1].node);
	ct->started = ktime_get();
	ct->counted = READ_ONCE(s->net->nf.ct_conf.acct);
	ct->stamped = READ_ONCE(s->net->nf.ct_conf.timestamp);
	ct->silent = !READ_ONCE(s->net->nf.ct_conf.events);
	spin_lock(&c->lock);
	ct->id = c->next_id += 0x9e3779b1U;
	spin_unlock(&c->lock);
	return ct;
}

/*
 * Finds the packet's connection, or makes a new one. Returns it with a reference; NULL if the
 * packet is invalid or there is no memory. *@dir: the packet's direction.
 */
static struct nf_conn *resolve(struct nf_state *s, const struct nf_l4 *l4, int *dir)
{
	struct nf_conn_dir *d;
	struct nf_tuple t;

	*dir = IP_CT_DIR_ORIGINAL;
	if (!nf_ct_tuple(s->skb, s->v6, 0, &t))
		return NULL;
	d = nf_ct_find(s->net, &t);
	if (!d)
		return begin(s, &t, l4);
	*dir = d == &d->ct->dir[IP_CT_DIR_REPLY];
	return d->ct;
}

/*
 * Returns the IP_CT_* of a packet in direction @dir, and records that a reply was seen. ct->lock
 * held.
 */
static u32 info_of(struct nf_conn *ct, int dir)
{
	if (dir == IP_CT_DIR_REPLY) {
		ct->status |= IPS_SEEN_REPLY;
		return IP_CT_ESTABLISHED_REPLY;
	}
	return ct->status & IPS_SEEN_REPLY ? IP_CT_ESTABLISHED : IP_CT_NEW;
}

/*
 * Hook function: attaches its connection to the packet, with a reference, and updates the
 * connection. Takes ct->lock. Always returns NF_ACCEPT: a packet without a connection is invalid.
 */
static u32 track(struct nf_state *s, void *priv)
{
	struct sk_buff *skb = s->skb;
	struct nf_ct_net *c = s->net->nf.ct;
	struct nf_conn *ct;
	struct nf_l4 l4;
	int dir, tries = 2;
	u32 verdict, status;
	u8 state;
	bool changed = false;

	if (skb->nf_info || !c || !nf_find_l4(skb, s->v6, &l4))
		return NF_ACCEPT;
	if (s->hook == NF_INET_PRE_ROUTING && READ_ONCE(s->net->nf.ct_conf.checksum) &&
		!nf_ct_sum_holds(s, &l4)) {
		nf_ct_log_invalid(s, &l4, "bad checksum");
		return NF_ACCEPT;
	}
	if (nf_ct_error(s, &l4))
		return NF_ACCEPT;
	do {
		ct = resolve(s, &l4, &dir);
		if (!ct)
			return NF_ACCEPT;
		spin_lock(&c->lock);
		status = ct->status;
		state = ct->tcp_state;
		verdict = nf_ct_packet(ct, skb, &l4, dir);
		if (verdict == NF_ACCEPT) {
			skb->nf_info = 1 + info_of(ct, dir);
			skb->nfct = ct;
			ct->dir[dir].packets++;
			ct->dir[dir].bytes += skb_len(skb);
			changed = status & IPS_CONFIRMED &&
				  (status != ct->status || state != ct->tcp_state);
		}
		spin_unlock(&c->lock);
		if (unlikely(changed))
			nf_ct_notify(ct, NFNLGRP_CONNTRACK_UPDATE);
		if (verdict == NF_REPEAT)
			nf_ct_kill(ct);
		if (verdict != NF_ACCEPT)
			nf_conn_put(ct);
	} while (verdict == NF_REPEAT && --tries);
	return NF_ACCEPT;
}

/*
 * Hook function: enters a new connection into the table when its first packet has passed all other
 * hooks. Returns NF_DROP if the table is full, or already has one of the connection's tuples.
 */
static u32 confirm(struct nf_state *s, void *priv)
{
	struct nf_ct_net *c = s->net->nf.ct;
	int info;
	struct nf_conn *ct = nf_ct_get(s->skb, &info);
	u32 verdict = NF_ACCEPT;

	if (likely(!ct || ct->status & IPS_CONFIRMED || !c) ||
		nf_ct_dir(info) != IP_CT_DIR_ORIGINAL)
		return NF_ACCEPT;
	spin_lock(&c->lock);
	if (ct->status & IPS_CONFIRMED) {
		spin_unlock(&c->lock);
		return NF_ACCEPT;
	}
	make_room(c, c->count >= READ_ONCE(nf_ct_max));
	if (c->count >= READ_ONCE(nf_ct_max) || find_locked(c, &ct->dir[0].t) ||
		find_locked(c, &ct->dir[1].t)) {
		verdict = NF_DROP;
	} else {
		ct->status |= IPS_CONFIRMED;
		if (ct->stamped)
			ct->began = ktime_get_real();
		nf_conn_get(ct);
		for (int i = 0; i < 2; i++)
			hlist_add_head(&ct->dir[i].node, &c->table[hash_of(c, &ct->dir[i].t)]);
		list_add_tail(&ct->all, &c->all);
		c->count++;
	}
	spin_unlock(&c->lock);
	if (verdict == NF_ACCEPT)
		nf_ct_notify(ct, NFNLGRP_CONNTRACK_NEW);
	return verdict;
}

/* ---- hooks ---- */

static const struct nf_hook_ops ct_hooks[] = {
	{ .fn = track, .hook = NF_INET_PRE_ROUTING, .priority = NF_PRI_CONNTRACK },
	{ .fn = track, .hook = NF_INET_LOCAL_OUT, .priority = NF_PRI_CONNTRACK },
	{ .fn = confirm, .hook = NF_INET_LOCAL_IN, .priority = NF_PRI_LAST },
	{ .fn = confirm, .hook = NF_INET_POST_ROUTING, .priority = NF_PRI_LAST },
};

bool nf_defrags(const struct net *net)
{
	const struct nf_ct_net *c = smp_load_acquire(&net->nf.ct);

	return READ_ONCE(net->nf.whole) || (c && READ_ONCE(c->users));
}

int nf_ct_use(struct net *net)
{
	struct nf_ct_net *c = net->nf.ct;
	int err = 0;

	if (!c) {
		c = kzalloc(sizeof(*c), GFP_KERNEL | __GFP_ACCOUNT);
		if (!c)
			return -ENOMEM;
		spin_lock_init(&c->lock);
		INIT_LIST_HEAD(&c->all);
		arch_random(&c->seed, sizeof(c->seed));
		smp_store_release(&net->nf.ct, c);
	}
	if (!c->users)
		err = nf_register_both(net, ct_hooks, ARRAY_SIZE(ct_hooks));
	if (!err)
		c->users++;
	return err;
}

void nf_ct_unuse(struct net *net)
{
	if (net->nf.ct && !--net->nf.ct->users)
		nf_unregister_both(net, ct_hooks, ARRAY_SIZE(ct_hooks));
}

/* Empties and frees the table. Connections that packets still hold are freed with the packets. */
void nf_ct_net_end(struct net *net)
{
	struct nf_ct_net *c = net->nf.ct;
	bool more;

	if (!c)
		return;
	do {
		spin_lock(&c->lock);
		for (u32 n = 0; n < END_STEP && !list_empty(&c->all); n++) {
			struct nf_conn *ct = list_first_entry(&c->all, struct nf_conn, all);

			if (nf_ct_unlink(ct))
				nf_conn_put(ct);
		}
		more = !list_empty(&c->all);
		spin_unlock(&c->lock);
		cond_resched();
	} while (more);
	net->nf.ct = NULL;
	kfree(c);
}
