/* SPDX-License-Identifier: MIT */
/*
 * frag.c: IP fragments: cuts packets that are too large, and reassembles received fragments.
 *
 *     ip_fragment(skb, mtu, f, send)  cuts a packet; the fragments share the payload's buffer
 *     ip_defrag(net, skb)             takes a fragment; returns the whole packet once its last
 *                                     fragment has arrived
 *
 * An incomplete packet (struct frag_queue) has its fragments in a list by offset, and in a tree to
 * search. It is dropped when its time is over (30 s, IPv6 60 s), when fragments overlap, or to make
 * room. When its time is over and its first fragment has arrived, its sender gets an ICMP error.
 * Overlap drops a packet of IPv6 (RFC 5722) and, as on Linux, of IPv4. Only a fragment with the
 * same offset and length as a received one is ignored instead.
 *
 * Invariants:
 * 1. Fragments of a packet do not overlap and lie within [0, 65535 - header).
 * 2. The fragments of a namespace and version (struct net_frags) have true sizes of at most
 *    ipfrag_high_thresh bytes in all, and belong to at most QUEUES_MAX packets. To make room, the
 *    oldest packet is dropped.
 * 3. All fragments of the machine have at most TOTAL_MAX bytes. The namespace with the most bytes
 *    loses its oldest packet, so none can displace the packets of a namespace with less.
 * 4. No walk visits packets of another namespace.
 *
 * Locks: frag_lock (spin) protects all queues.
 * Sources: RFC 791 (3.2), 815, 8200 (4.5), 5722.
 */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/netfilter/netfilter.h"

/* code of ICMP_TIME_EXCEEDED and ICMPV6_TIME_EXCEED */
#define EXC_FRAGTIME 1
#define PACKET_MAX 65535U
#define HIGH_THRESH (4 << 20)
/* Linux's default; its only effect is that ipfrag_high_thresh cannot be set below it */
#define LOW_THRESH (3 << 20)
#define TOTAL_MAX (16U << 20)
#define QUEUES_MAX 256U
#define PIECES_MAX 8192U
/* most bytes of headers that are copied to each fragment; limited by the skb's headroom */
#define MODEL_MAX 120U
#define TIME4 30 /* seconds */
#define TIME6 60

/* ---- fragmentation ---- */

struct frag6 {
	u8 next, reserved;
	u16 offset; /* offset, with bit 0 for "more fragments" */
	u32 id;
};

/*
 * Writes the IPv4 header of a fragment. A forwarded packet may be a fragment itself, whose offset
 * is added.
 */
static void header4(struct sk_buff *skb, const struct iphdr *model, u32 offset, bool more)
{
	u32 hlen = model->ihl * 4U;
	u16 was = ntohs(model->frag_off) & (IP_MF | 0x1fff);
	struct iphdr *h = skb_push(skb, hlen);

	memcpy(h, model, hlen);
	h->tot_len = htons(skb_len(skb));
	h->frag_off = htons((was + offset / 8) | (more ? IP_MF : 0));
	h->check = 0;
	h->check = csum_fold(csum_partial(h, hlen, 0));
}

/*
 * Writes the IPv6 headers of a fragment. @model: @hlen bytes, the IPv6 header and perhaps
 * hop-by-hop options, which each fragment repeats.
 */
static void header6(struct sk_buff *skb, const u8 *model, u32 hlen, u32 offset, bool more, u32 id)
{
	struct frag6 *f = skb_push(skb, sizeof(*f));
	u32 next = hlen > sizeof(struct ipv6hdr) ? (u32)sizeof(struct ipv6hdr) :
						   (u32)offsetof(struct ipv6hdr, nexthdr);
	struct ipv6hdr *h;

	*f = (struct frag6){ model[next], 0, htons(offset | more), htonl(id) };
	h = skb_push(skb, hlen);
	memcpy(h, model, hlen);
	((u8 *)h)[next] = IPPROTO_FRAGMENT;
	h->payload_len = htons(skb_len(skb) - (u32)sizeof(*h));
}

static struct sk_buff *piece(struct sk_buff *skb, u32 offset, u32 len)
{
	struct sk_buff *c = skb_clone(skb, GFP_ATOMIC);

	if (c) {
		c->defragged = false;
		skb_pull(c, offset);
		skb_trim(c, len);
	}
	return c;
}

static u32 header_len(const struct sk_buff *skb)
{
	struct ipv6hdr v6;
	struct iphdr v4;
	u8 hop[2];

	if (skb->protocol == ETH_P_IP) {
		skb_copy(skb, 0, &v4, sizeof(v4));
		return v4.ihl < 5 ? 0 :
				    /* a filter rule may have changed the length */
				    v4.ihl * 4U;
	}
	skb_copy(skb, 0, &v6, sizeof(v6));
	if (v6.nexthdr != IPPROTO_HOPOPTS || skb_len(skb) < sizeof(v6) + sizeof(hop))
		return sizeof(v6);
	skb_copy(skb, sizeof(v6), hop, sizeof(hop));
	return sizeof(v6) + (hop[1] + 1U) * 8;
}

int ip_fragment(struct sk_buff *skb, u32 mtu, const struct flow *f,
	int (*send)(struct sk_buff *skb, const struct flow *f))
{
	static atomic_t ids;
	bool v4 = skb->protocol == ETH_P_IP;
	struct net *net = READ_ONCE(f->dev->net);
	u8 model[MODEL_MAX];
	u32 hlen = mtu < MTU_MIN ? 0 : header_len(skb), n, total, room = 0;
	u32 all = hlen + (v4 ? 0 : (u32)sizeof(struct frag6)); /* bytes of headers of a fragment */
	u32 id = (u32)atomic_inc_return(&ids);
	int err = 0;

	if (hlen && hlen <= MODEL_MAX && hlen <= skb_len(skb) && mtu > all)
		room = (mtu - all) & ~7U;
	/* the MTU has no room for payload behind the headers */
	if (!room) {
		kfree_skb(skb);
		return -EMSGSIZE;
	}
	/* the checksum that is still to be filled in covers the whole packet */
	if (unlikely(skb->csum_owed)) {
		skb->csum_owed = false;
		nf_fill_checksum(skb);
	}
	/* all fragments use the whole packet's transmit queue */
	skb->flow = flow_hash(skb, 0, skb->protocol);
	skb_copy(skb, 0, model, hlen);
	skb_pull(skb, hlen);
	total = skb_len(skb);
	for (u32 at = 0; at < total && !err; at += n) {
		bool more = total - at > room;
		struct sk_buff *c;

		n = min(room, total - at);
		c = piece(skb, at, n);
		if (!c) {
			err = -ENOBUFS;
			break;
		}
		if (v4)
			header4(c, (const struct iphdr *)model, at, more);
		else
			header6(c, model, hlen, at, more, id);
		if (v4 && !at && hlen > sizeof(struct iphdr))
			ip4_opts_later(
				model + sizeof(struct iphdr), hlen - (u32)sizeof(struct iphdr));
		/* the transmit timestamp is that of the first fragment */
		if (!at)
			c->stamp_for = skb->stamp_for;
		/* the last fragment takes over the destructor and the charge */
		if (!more) {
			c->destructor = skb->destructor;
			c->owner = skb->owner;
			c->charged = skb->charged;
			skb->destructor = NULL;
		}
		IP_STATS(net, !v4).frag_creates++;
		err = send(c, f);
	}
	if (err)
		IP_STATS(net, !v4).frag_fails++;
	else
		IP_STATS(net, !v4).frag_oks++;
	kfree_skb(skb);
	return err;
}

/* ---- reassembly ---- */

struct frag_queue {
	struct list_head list; /* of net_frags.queues, the oldest first */
	struct rb_node due;    /* by deadline */
	struct net_frags *of;
	/* see ip_defrag_for(); 0: the network layer */
	u64 user;
	ip_addr saddr, daddr;
	u32 id;
	u8 proto;
	bool v6;
	struct list_head pieces; /* of sk_buff.list, by ip.frag_off */
	struct rb_root tree;     /* the pieces, by sk_buff.place */
	/* number of fragments; bytes received; length of the whole payload, 0: not known yet */
	u32 nr, got, end;
	/* bytes of the largest fragment with headers */
	u32 largest;
	u32 memory;
	int ifindex; /* of the latest fragment's device */
	u64 deadline;
};

static struct net *net_of(const struct frag_queue *q)
{
	return container_of(q->of - q->v6, struct net, frags[0]);
}

static DEFINE_SPINLOCK(frag_lock);
static struct rb_root due;
static LIST_HEAD(users);           /* net_frags that have packets, by `link` */
static u32 nr_queues, memory_used; /* protected by frag_lock */
static struct ktimer frag_timer;

/* Removes an incomplete packet from all lists; moves its fragments to @dead. */
static void drop(struct frag_queue *q, struct list_head *dead)
{
	struct net_frags *of = q->of;

	assert_spin_held(&frag_lock);
	list_del(&q->list);
	rb_erase(&q->due, &due);
	nr_queues--;
	of->memory -= q->memory;
	memory_used -= q->memory;
	if (!--of->packets)
		list_del(&of->link);
	list_splice_tail_init(&q->pieces, dead);
	kfree(q);
}

/* Drops the oldest packet of @of, which must have one. */
static void drop_oldest(struct net_frags *of, struct list_head *dead)
{
	struct frag_queue *q = list_first_entry(&of->queues, struct frag_queue, list);

	IP_STATS(net_of(q), q->v6).reasm_fails++;
	drop(q, dead);
}

static struct net_frags *hungriest(void)
{
	struct net_frags *most = NULL, *of;

	list_for_each_entry(of, &users, link)
		if (!most || of->memory > most->memory)
			most = of;
	return most;
}

/* Drops old packets until @need bytes fit. Returns false if @need alone exceeds the limit. */
static bool make_room(struct net_frags *of, u32 need, struct list_head *dead)
{
	u64 most = READ_ONCE(of->high_thresh);

	while (of->packets && (of->packets >= QUEUES_MAX || of->memory + need > most))
		drop_oldest(of, dead);
	while (nr_queues && memory_used + need > TOTAL_MAX)
		drop_oldest(hungriest(), dead);
	return need <= most;
}

static struct frag_queue *find(const struct net_frags *of, u64 user, const struct sk_buff *skb)
{
	const struct ip_meta *ip = &skb->ip;
	struct frag_queue *q;

	if (!of->packets)
		return NULL;
	list_for_each_entry(q, &of->queues, list)
		if (q->user == user && q->id == ip->frag_id && (ip->v6 || q->proto == ip->proto) &&
			ip_equal(&q->saddr, &ip->saddr) && ip_equal(&q->daddr, &ip->daddr))
			return q;
	return NULL;
}

static void enter_due(struct frag_queue *q)
{
	struct rb_node **link = &due.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = q->deadline < rb_entry(parent, struct frag_queue, due)->deadline ?
			       &parent->left :
			       &parent->right;
	}
	rb_link_node(&q->due, parent, link);
	rb_insert_color(&q->due, &due);
	if (!timer_armed(&frag_timer) || rb_first(&due) == &q->due)
		timer_start(&frag_timer, q->deadline);
}

static struct frag_queue *create(struct net_frags *of, u64 user, const struct sk_buff *skb)
{
	struct frag_queue *q = kzalloc(sizeof(*q), GFP_ATOMIC);

	if (!q)
		return NULL;
	q->of = of;
	q->user = user;
	q->saddr = skb->ip.saddr;
	q->daddr = skb->ip.daddr;
	q->id = skb->ip.frag_id;
	q->proto = skb->ip.proto;
	q->v6 = skb->ip.v6;
	q->deadline = ktime_get() + (u64)READ_ONCE(of->time) * NSEC_PER_SEC;
	INIT_LIST_HEAD(&q->pieces);
	list_add_tail(&q->list, &of->queues);
	enter_due(q);
	nr_queues++;
	if (!of->packets++)
		list_add_tail(&of->link, &users);
	return q;
}

static u32 end_of(const struct sk_buff *p)
{
	return (u32)p->ip.frag_off + p->ip.frag_len;
}

/* Returns the last fragment that begins at or before @off, or NULL. */
static struct sk_buff *find_piece(const struct frag_queue *q, u32 off)
{
	struct rb_node *n = q->tree.node;
	struct sk_buff *found = NULL;

	while (n) {
		struct sk_buff *p = rb_entry(n, struct sk_buff, place);

		if (p->ip.frag_off > off) {
			n = n->left;
		} else {
			found = p;
			n = n->right;
		}
	}
	return found;
}

/*
 * True if the fragments from @p on cover the bytes up to @to without a gap, and each of them but @p
 * was appended: when it arrived, it began at the end of the bytes received before. Only then is a
 * further fragment with these bytes a duplicate, as on Linux.
 */
static bool in_run(const struct frag_queue *q, const struct sk_buff *p, u32 to)
{
	while (end_of(p) < to) {
		if (p->list.next == &q->pieces)
			return false;
		p = list_next_entry(p, list);
		if (!p->ip.frag_appended)
			return false;
	}
	return true;
}

/* Returns the end of the last byte that has arrived. */
static u32 top_of(const struct frag_queue *q)
{
	if (list_empty(&q->pieces))
		return 0;
	return end_of(list_last_entry(&q->pieces, struct sk_buff, list));
}

/*
 * Inserts a fragment. Returns 0, -EEXIST for a duplicate, or -EINVAL if it overlaps another
 * fragment or contradicts the known end of the packet.
 */
static int insert(struct frag_queue *q, struct sk_buff *skb)
{
	u32 from = skb->ip.frag_off, len = skb->ip.frag_len, to = from + len, top = top_of(q);
	struct sk_buff *p = find_piece(q, from);
	struct list_head *before = p ? &p->list : &q->pieces;
	const struct sk_buff *next = list_entry(before->next, struct sk_buff, list);

	if (q->end && (skb->ip.frag_more ? to > q->end : to != q->end))
		return -EINVAL;
	if (!skb->ip.frag_more && to < top)
		return -EINVAL;
	if (!skb->ip.frag_more)
		q->end = to;
	if (p && end_of(p) > from)
		return in_run(q, p, to) ? -EEXIST : -EINVAL;
	if (&next->list != &q->pieces && next->ip.frag_off < to)
		return -EINVAL;
	skb->ip.frag_appended = p && from == top;
	list_add(&skb->list, before);
	skb_place(&q->tree, skb, p);
	q->nr++;
	q->got += len;
	q->largest = max(q->largest, skb->ip.hdr_len + len + (q->v6 ? 8U : 0U));
	q->memory += skb_truesize(skb);
	q->of->memory += skb_truesize(skb);
	memory_used += skb_truesize(skb);
	return 0;
}

static bool is_whole(const struct frag_queue *q)
{
	return q->end && q->got == q->end;
}

/*
 * Returns a new packet with copies of the fragments. Each fragment begins with its network header
 * (IPv4), or behind the fragment header (IPv6). @dev: the device of the latest fragment; those of
 * others may be gone. NULL: no memory, or the packet would exceed 64 KB.
 */
static struct sk_buff *join(const struct frag_queue *q, struct net_device *dev)
{
	const struct sk_buff *first = list_first_entry(&q->pieces, struct sk_buff, list);
	const struct sk_buff *p;
	u32 hlen = q->v6 ? sizeof(struct ipv6hdr) : first->ip.hdr_len;
	struct sk_buff *skb;
	u8 *to;

	if (hlen + q->end > PACKET_MAX + (q->v6 ? sizeof(struct ipv6hdr) : 0))
		return NULL;
	skb = skb_alloc(hlen + q->end, GFP_ATOMIC);
	if (!skb)
		return NULL;
	to = skb->buf->data;
	skb->len = hlen + q->end;
	skb->csum_ok = true;
	if (q->v6) {
		struct ipv6hdr *h = (struct ipv6hdr *)to;

		memset(h, 0, sizeof(*h));
		h->version = 6;
		h->priority = first->ip.tos >> 4;
		h->flow_lbl[0] = (u8)(first->ip.tos << 4 | first->ip.label >> 16);
		h->flow_lbl[1] = (u8)(first->ip.label >> 8);
		h->flow_lbl[2] = (u8)first->ip.label;
		h->payload_len = htons(q->end);
		h->nexthdr = first->ip.proto;
		h->hop_limit = first->ip.ttl;
		memcpy(&h->saddr, &q->saddr, 16);
		memcpy(&h->daddr, &q->daddr, 16);
	} else {
		struct iphdr *h = (struct iphdr *)to;

		skb_copy(first, 0, to, hlen);
		h->tot_len = htons(hlen + q->end);
		h->frag_off = 0;
		h->check = 0;
		h->check = csum_fold(csum_partial(h, hlen, 0));
	}
	list_for_each_entry(p, &q->pieces, list) {
		skb_copy(p, q->v6 ? 0 : p->ip.hdr_len, to + hlen + p->ip.frag_off, p->ip.frag_len);
		skb->csum_ok &= p->csum_ok;
		skb->foreign |= p->foreign;
	}
	skb->dev = dev;
	skb->protocol = first->protocol;
	skb->pkt_type = first->pkt_type;
	skb->stamp = first->stamp;
	skb->defragged = true;
	skb->frag_size = (u16)min(q->largest, 65535U);
	return skb;
}

struct sk_buff *ip_defrag_for(
	struct net *net, u64 user, struct sk_buff *skb, struct list_head *dead)
{
	struct sk_buff *whole = NULL;
	struct ip_stats *stats = &IP_STATS(net, skb->ip.v6);
	struct net_frags *of = &net->frags[skb->ip.v6];
	struct frag_queue *q = NULL;
	int err = -EINVAL;

	stats->reasm_reqds++;
	if (!skb->ip.frag_len || (skb->ip.frag_more && skb->ip.frag_len % 8) ||
		skb->ip.frag_off + skb->ip.frag_len > PACKET_MAX) {
		list_add_tail(&skb->list, dead);
		stats->reasm_fails++;
		return NULL;
	}
	/* Uncharges the sender now, as it must not wait for the other fragments. */
	if (skb->destructor) {
		skb->destructor(skb);
		skb->destructor = NULL;
	}
	spin_lock(&frag_lock);
	if (make_room(of, skb_truesize(skb), dead)) {
		q = find(of, user, skb);
		if (!q)
			q = create(of, user, skb);
	}
	if (!q)
		stats->reasm_fails++;
	if (q)
		q->ifindex = skb->dev->ifindex;
	if (q)
		err = q->nr < PIECES_MAX ? insert(q, skb) : -EINVAL;
	if (!err && is_whole(q))
		whole = join(q, skb->dev);
	if (q && ((err && err != -EEXIST) || (!err && is_whole(q)))) {
		if (whole)
			stats->reasm_oks++;
		else
			stats->reasm_fails++;
		drop(q, dead);
	}
	if (err)
		list_add_tail(&skb->list, dead);
	spin_unlock(&frag_lock);
	return whole;
}

struct sk_buff *ip_defrag(struct net *net, struct sk_buff *skb)
{
	LIST_HEAD(dead);
	struct sk_buff *whole = ip_defrag_for(net, 0, skb, &dead);

	skb_free_list(&dead);
	return whole;
}

/*
 * Returns the first fragment of a packet for this machine, removed from the packet, or NULL if it
 * has not arrived. The caller then drops @q.
 */
static struct sk_buff *take_first(struct frag_queue *q)
{
	struct sk_buff *first = list_first_entry_or_null(&q->pieces, struct sk_buff, list);

	if (!first || first->ip.frag_off || q->user)
		return NULL;
	list_del_init(&first->list);
	return first;
}

/*
 * Tells the sender of @first, the first fragment, that its packet was not complete in time. Only
 * the packet's destination does so (RFC 792), not a filter on the way. Called in a timer, so that
 * @net and the device are not freed meanwhile.
 */
static void report_expired(struct net *net, int ifindex, struct sk_buff *first)
{
	first->dev = netdev_find_index(net, ifindex);
	if (!first->dev || !addr_is_local(net, &first->ip.daddr, 0))
		return;
	ip_rewind(first);
	icmp_error(net, first, first->ip.v6 ? ICMPV6_TIME_EXCEED : ICMP_TIME_EXCEEDED, EXC_FRAGTIME,
		0);
}

/*
 * Drops one packet whose time is over. Returns false if there is none; the timer then waits for the
 * next.
 */
static bool drop_one_expired(u64 now)
{
	LIST_HEAD(dead);
	struct sk_buff *first = NULL;
	struct frag_queue *q;
	struct net *net = NULL;
	int ifindex = 0;
	bool due_now;

	spin_lock(&frag_lock);
	q = rb_entry_safe(rb_first(&due), struct frag_queue, due);
	due_now = q && q->deadline <= now;
	if (due_now) {
		net = net_of(q);
		ifindex = q->ifindex;
		IP_STATS(net, q->v6).reasm_timeouts++;
		IP_STATS(net, q->v6).reasm_fails++;
		first = take_first(q);
		drop(q, &dead);
	} else if (q) {
		timer_start(&frag_timer, q->deadline);
	}
	spin_unlock(&frag_lock);
	if (first) {
		report_expired(net, ifindex, first);
		list_add(&first->list, &dead);
	}
	skb_free_list(&dead);
	return due_now;
}

static void drop_expired(struct ktimer *t)
{
	u64 now = ktime_get();

	while (drop_one_expired(now))
		;
	net_rx_flush();
}

void frags_net_init(struct net *net)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct net_frags *of = &net->frags[v6];

		INIT_LIST_HEAD(&of->queues);
		of->high_thresh = HIGH_THRESH;
		of->low_thresh = LOW_THRESH;
		of->time = v6 ? TIME6 : TIME4;
	}
}

void frags_forget(struct net *net)
{
	LIST_HEAD(dead);
	struct frag_queue *q, *n;

	spin_lock(&frag_lock);
	for (int v6 = 0; v6 < 2; v6++)
		list_for_each_entry_safe(q, n, &net->frags[v6].queues, list)
			drop(q, &dead);
	spin_unlock(&frag_lock);
	skb_free_list(&dead);
}

void frag_usage(u32 *packets, u32 *memory)
{
	*packets = READ_ONCE(nr_queues);
	*memory = READ_ONCE(memory_used);
}

static int frag_init(void)
{
	timer_setup(&frag_timer, drop_expired);
	return 0;
}
INITCALL(1, frag_init);
