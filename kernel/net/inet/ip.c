/* SPDX-License-Identifier: MIT */
/*
 * ip.c: IPv4 and IPv6: adds and removes headers, finds the packets for this machine, and gives each
 * to its protocol.
 *
 * A received packet is checked here, once: its lengths against each other, and the header checksum
 * if the packet came over a wire. The layers above read the header's values in skb->ip.
 * Sources: RFC 791, 1122, 8200.
 */
#include <asm/errno.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/net/inet/frag.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netfilter/netfilter.h"

#define IP_OFFSET_OR_MORE 0x3fff
#define EXT_MAX 8 /* most extension headers of a packet */

/* ---- out ---- */

u16 ip_next_id(void)
{
	static atomic_t id;

	return (u16)atomic_inc_return(&id);
}

/*
 * Puts the IPv4 header, with the route's options, in front of @skb. @df: the packet must not be
 * fragmented.
 */
static void push_v4(struct net *net, struct sk_buff *skb, const struct flow *f, u8 ttl, bool df)
{
	u32 hlen = sizeof(struct iphdr);
	struct iphdr *h;

	if (unlikely(f->opts)) {
		ip4_opts_push(net, skb, f);
		hlen += ip4_opts_len(f->opts);
	}
	h = skb_push(skb, sizeof(*h));

	*h = (struct iphdr){
		.version = 4,
		.ihl = (u8)(hlen / 4) & 15,
		.tos = f->tos,
		.tot_len = htons(skb_len(skb)),
		.id = htons(df ? 0 : ip_next_id()),
		.frag_off = htons(df ? IP_DF : 0),
		.ttl = ttl,
		.protocol = f->proto,
		.saddr = f->saddr.w[3],
		.daddr = f->daddr.w[3],
	};
	h->check = csum_fold(csum_partial(h, hlen, 0));
	skb->protocol = ETH_P_IP;
}

static void push_v6(struct sk_buff *skb, const struct flow *f, u8 ttl, u8 next)
{
	u32 len = skb_len(skb);
	struct ipv6hdr *h = skb_push(skb, sizeof(*h));

	memset(h, 0, sizeof(*h));
	h->version = 6;
	h->priority = f->tos >> 4;
	h->flow_lbl[0] = (u8)(f->tos << 4 | f->label >> 16);
	h->flow_lbl[1] = (u8)(f->label >> 8);
	h->flow_lbl[2] = (u8)f->label;
	h->payload_len = htons(len);
	h->nexthdr = next;
	h->hop_limit = ttl;
	memcpy(&h->saddr, &f->saddr, 16);
	memcpy(&h->daddr, &f->daddr, 16);
	skb->protocol = ETH_P_IPV6;
}

/*
 * Gives a copy of an outgoing packet to this machine: of a broadcast always, of a multicast if the
 * sender wants it (f->loop) and this machine is a member of the group. Returns true if the packet
 * must not leave this machine.
 */
static bool loop_back(struct sk_buff *skb, const struct flow *f)
{
	bool mc = ip_is_multicast(&f->daddr);
	struct sk_buff *c = NULL;

	if (!mc || (f->loop && mcast_accepts(f->dev, &f->daddr, &f->saddr, f->proto)))
		c = skb_clone(skb, GFP_ATOMIC);
	if (c) {
		c->csum_ok = true;
		c->pkt_type = PKT_LOOPBACK;
		netif_loop(f->dev, c);
	}
	return mc && (f->stays || (!ip_is_v4(&f->daddr) && (ntohl(f->daddr.w[0]) >> 16 & 15) < 2));
}

/* Sends a packet to the next hop, or to all for a broadcast. */
int ip_output(struct sk_buff *skb, const struct flow *f)
{
	static const u8 all[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct ip_stats *n = &IP_STATS(READ_ONCE(f->dev->net), skb->protocol == ETH_P_IPV6);

	n->out_octets += skb_len(skb);
	n->out_transmits++;
	if (unlikely(ip_is_multicast(&f->daddr))) {
		n->out_mcast++;
		n->out_mcast_octets += skb_len(skb);
	} else if (unlikely(f->broadcast)) {
		n->out_bcast++;
		n->out_bcast_octets += skb_len(skb);
	}
	if (unlikely(f->broadcast || ip_is_multicast(&f->daddr)) &&
		!(f->dev->flags & IFF_LOOPBACK) && loop_back(skb, f)) {
		kfree_skb(skb);
		return 0;
	}
	if (f->dev->type != ARPHRD_ETHER)
		return dev_xmit(f->dev, skb);
	if (f->broadcast)
		return eth_send(f->dev, skb, all, skb->protocol);
	return neigh_output(f->dev, &f->next_hop, skb);
}

/* True if the route's device has moved to another namespace than @net. */
static bool has_left(const struct net *net, const struct flow *f)
{
	return unlikely(READ_ONCE(f->dev->net) != net);
}

/* Looks up the route again if the filter has changed the addresses or the mark of the packet. */
static int reroute(struct net *net, const struct sk_buff *skb, struct flow *f)
{
	struct flow g = { .mark = skb->mark, .tos = f->tos, .proto = f->proto, .ttl = f->ttl };
	u8 tmp[sizeof(struct ipv6hdr)];
	bool v4 = skb->protocol == ETH_P_IP;
	const void *h = skb_header(skb, v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr), tmp);
	int err;

	if (v4) {
		g.saddr = ip_v4(((const struct iphdr *)h)->saddr);
		g.daddr = ip_v4(((const struct iphdr *)h)->daddr);
	} else {
		memcpy(&g.saddr, &((const struct ipv6hdr *)h)->saddr, 16);
		memcpy(&g.daddr, &((const struct ipv6hdr *)h)->daddr, 16);
	}
	if (ip_equal(&g.daddr, &f->daddr) && ip_equal(&g.saddr, &f->saddr) && g.mark == f->mark)
		return 0;
	g.no_fragment = f->no_fragment;
	g.sport = f->sport;
	g.dport = f->dport;
	g.uid = f->uid;
	g.gid = f->gid;
	g.owned = f->owned;
	err = route_output(net, &g);
	if (!err)
		*f = g;
	return err;
}

/*
 * Passes an outgoing packet, with its header, through the packet filter, and sends it. Consumes
 * @skb.
 */
static int filter_out(struct net *net, struct sk_buff *skb, const struct flow *f)
{
	struct flow g = *f;
	int err;

	if (!skb->mark)
		skb->mark = f->mark;
	g.mark = skb->mark;
	skb->uid = f->uid;
	skb->gid = f->gid;
	skb->owned = f->owned;
	skb->classid = f->classid;
	err = nf_hook(net, NF_INET_LOCAL_OUT, skb, NULL, f->dev);
	if (err)
		return err;
	err = reroute(net, skb, &g);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	if (f->local && !g.local)
		nf_fill_checksum(skb);
	err = nf_hook(net, NF_INET_POST_ROUTING, skb, NULL, g.dev);
	if (err)
		return err;
	skb->owned = false;
	return skb_len(skb) > g.mtu ? ip_fragment(skb, g.mtu, &g, ip_output) : ip_output(skb, &g);
}

/* Cuts a GSO packet and sends its segments one by one, as the device cannot cut them. */
static int send_cut(struct net *net, struct sk_buff *skb, const struct flow *f)
{
	LIST_HEAD(cut);
	int err = gso_cut(skb, 0, &cut);
	bool some = false;

	while (!list_empty(&cut)) {
		struct sk_buff *s = list_first_entry(&cut, struct sk_buff, list);
		int e;

		list_del_init(&s->list);
		e = unlikely(nf_active(net)) ? filter_out(net, s, f) :
		    skb_len(s) > f->mtu      ? ip_fragment(s, f->mtu, f, ip_output) :
					       ip_output(s, f);
		some |= !e;
		err = err ? err : e;
	}
	return gso_sent(err, some);
}

void icmp_count_out(struct net *net, u8 type, bool v6)
{
	IP_STATS(net, v6).icmp_out++;
	IP_STATS(net, v6).icmp_types_out[type]++;
}

/* Counts a sent ICMP message; @skb begins with its ICMP header. */
static void count_icmp(struct net *net, const struct sk_buff *skb, const struct flow *f)
{
	bool v6 = !ip_is_v4(&f->daddr);
	const u8 *h;
	u8 tmp;

	if (likely(f->proto != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)))
		return;
	h = skb_header(skb, 1, &tmp);
	if (h)
		icmp_count_out(net, *h, v6);
}

/*
 * Returns the route's TTL or hop limit, or else the default of the namespace (IPv4) or device
 * (IPv6).
 */
static u8 default_ttl(const struct net *net, const struct flow *f, bool v4)
{
	if (f->hoplimit)
		return f->hoplimit;
	return (u8)(v4 ? READ_ONCE(net->ipv4.default_ttl) : CONF6(f->dev, CONF6_HOP_LIMIT));
}

/*
 * Sends @skb like ip_send(), behind extension headers; @next: the type of what follows the network
 * header. Consumes @skb. Returns 0 or -errno.
 */
static int send_with_proto(struct net *net, struct sk_buff *skb, const struct flow *f, u8 next)
{
	bool v4 = ip_is_v4(&f->daddr);
	u32 whole = skb_len(skb) +
		    (v4 ? sizeof(struct iphdr) + ip4_opts_len(f->opts) : sizeof(struct ipv6hdr));
	u8 ttl = f->ttl || f->stays ? f->ttl : default_ttl(net, f, v4);
	/* segments cut by the card are within the MTU */
	bool cut = (skb->gso ? whole - skb->len + skb->gso : whole) > f->mtu;
	struct ip_stats *n = &IP_STATS(net, !v4);

	n->out_requests++;
	skb->prioidx = f->prioidx;
	if (has_left(net, f)) {
		kfree_skb(skb);
		return -ENETDOWN;
	}
	if ((cut && (f->no_fragment || f->mtu < 68)) ||
		whole > 65535 + (v4 ? 0 : sizeof(struct ipv6hdr))) {
		n->out_discards++;
		kfree_skb(skb);
		return -EMSGSIZE;
	}
	if (v4)
		push_v4(net, skb, f, ttl, f->dont_fragment && !cut);
	else
		push_v6(skb, f, ttl, next);
	if (unlikely(skb->gso) && (cut || nf_active(net) || (f->proto == IPPROTO_UDP && !f->local)))
		return send_cut(net, skb, f);
	if (skb->csum_head &&
		(cut || unlikely(nf_active(net)))) { /* a hook may change or redirect it */
		skb->csum_head = 0;
		nf_fill_checksum(skb);
	}
	if (unlikely(nf_active(net)))
		return filter_out(net, skb, f);
	return cut ? ip_fragment(skb, f->mtu, f, ip_output) : ip_output(skb, f);
}

int ip_send(struct net *net, struct sk_buff *skb, const struct flow *f)
{
	u8 next = f->proto;

	count_icmp(net, skb, f);
	if (unlikely(f->ext)) {
		skb = ip6_ext_push(skb, f->ext, &next);
		if (!skb)
			return -ENOBUFS;
	}
	return send_with_proto(net, skb, f, next);
}

int ip_answer_by(const struct sk_buff *skb)
{
	if (!ip_is_linklocal(&skb->ip.saddr) || skb->dev->flags & IFF_LOOPBACK)
		return 0;
	return skb->dev->ifindex;
}

int ip_send_raw(struct net *net, struct sk_buff *skb, const struct flow *f)
{
	/* as on Linux, IPv4 does not count a request */
	if (!ip_is_v4(&f->daddr))
		IP_STATS(net, true).out_requests++;
	if (skb_len(skb) > f->mtu || has_left(net, f)) {
		kfree_skb(skb);
		return -EMSGSIZE;
	}
	skb->protocol = ip_is_v4(&f->daddr) ? ETH_P_IP : ETH_P_IPV6;
	skb->prioidx = f->prioidx;
	/* the program has written the transport checksum */
	skb->foreign = true;
	if (unlikely(nf_active(net)))
		return filter_out(net, skb, f);
	return ip_output(skb, f);
}

int ip_send_on(struct net *net, struct sk_buff *skb, const struct flow *f)
{
	IP_STATS(net, !ip_is_v4(&f->daddr)).out_requests++;
	if (has_left(net, f) || (skb->gso ? gso_segment_len(skb) : skb_len(skb)) > f->mtu) {
		kfree_skb(skb);
		return -EMSGSIZE;
	}
	if (unlikely(skb->gso))
		return send_cut(net, skb, f);
	if (skb->csum_head) {
		skb->csum_head = 0;
		nf_fill_checksum(skb);
	}
	return unlikely(nf_active(net)) ? filter_out(net, skb, f) : ip_output(skb, f);
}

/* ---- in ---- */

/* Records the start of the packet that is being parsed, for ip_rewind(). */
static void set_front(struct sk_buff *skb)
{
	skb->ip.front_off = skb->off;
	skb->ip.front_head = skb->head;
}

/* Pulls the header into skb->ip. Returns false if the packet is invalid. */
bool ip_parse_v4(struct sk_buff *skb)
{
	u8 tmp[60];
	const struct iphdr *h = skb_header(skb, sizeof(*h), tmp);
	u32 hlen, total;

	if (!h || h->version != 4 || h->ihl < 5)
		return false;
	hlen = h->ihl * 4U;
	total = ntohs(h->tot_len);
	if (total < hlen || total > skb_len(skb))
		return false;
	if (!skb->csum_ok && csum_fold(skb_sum(skb, 0, hlen, 0)))
		return false;
	/*
	 * skb_network() put the header into one piece, but a rule may have written a larger length
	 * since.
	 */
	if (unlikely(skb_headlen(skb) && skb_headlen(skb) < hlen))
		h = (const struct iphdr *)nf_writable(skb, hlen);
	skb->ip = (struct ip_meta){
		.saddr = ip_v4(h->saddr),
		.daddr = ip_v4(h->daddr),
		.proto = h->protocol,
		.ttl = h->ttl,
		.tos = h->tos,
		.hdr_len = (u8)hlen,
		.is_frag = ntohs(h->frag_off) & IP_OFFSET_OR_MORE,
		.frag_more = ntohs(h->frag_off) & IP_MF,
		.frag_off = (u16)((ntohs(h->frag_off) & 0x1fff) * 8),
		.frag_len = (u16)(total - hlen),
		.frag_id = h->id,
	};
	skb_trim(skb, total);
	set_front(skb);
	return true;
}

/*
 * Parses a fragment header. A first fragment that is also the last is a whole packet (RFC 6946).
 * Returns false if a packet that was reassembled is a fragment.
 */
static bool parse_fragment(struct sk_buff *skb, const u8 *e)
{
	u16 off = (u16)(e[2] << 8 | e[3]);

	skb->ip.frag_header = true;
	if (!(off & 0xfff9))
		return true;
	if (skb->defragged)
		return false;
	skb->ip.is_frag = true;
	skb->ip.frag_more = off & 1;
	skb->ip.frag_off = off & 0xfff8;
	memcpy(&skb->ip.frag_id, e + 4, 4);
	return true;
}

/*
 * Skips all extension headers: hop-by-hop and destination options without reading them, routing
 * headers only without segments left. Stops behind a fragment header. Returns false if a header is
 * invalid.
 */
static bool skip_extensions(struct sk_buff *skb, u8 next)
{
	static const u8 alert[4] = { 5, 2, 0, 0 };
	u8 tmp[8], first = next;
	bool in_place = false;

	for (int i = 0; i < EXT_MAX; i++) {
		const u8 *e;
		u32 len;

		if (next != 0 && next != 60 && next != 44 && next != 43) {
			skb->ip.proto = next;
			return true;
		}
		e = skb_header(skb, 8, tmp);
		if (!e || (next == 43 && e[3]) || (next == 44 && !parse_fragment(skb, e)))
			return false;
		len = next == 44 ? 8 : (e[1] + 1U) * 8;
		next = e[0];
		if (len > skb_len(skb))
			return false;
		if (!i && len == 8 && !memcmp(e + 2, alert, sizeof(alert)))
			skb->ip.alert_mld = true;
		if (!i && !skb_headlen(skb)) {
			skb->ip.ext_at = skb->off;
			skb->ip.ext_first = first;
			in_place = true;
		}
		skb_pull(skb, len);
		if (in_place)
			skb->ip.ext_len = (u16)(skb->off - skb->ip.ext_at);
		if (skb->ip.is_frag) {
			skb->ip.proto = next;
			skb->ip.frag_len = (u16)skb_len(skb);
			return true;
		}
	}
	return false;
}

static bool parse_v6(struct sk_buff *skb)
{
	struct ipv6hdr tmp;
	const struct ipv6hdr *h = skb_header(skb, sizeof(*h), &tmp);
	u32 total;
	u8 next;

	if (!h || h->version != 6)
		return false;
	total = sizeof(*h) + ntohs(h->payload_len);
	if (total > skb_len(skb))
		return false;
	next = h->nexthdr;
	skb->ip = (struct ip_meta){
		.v6 = true,
		.ttl = h->hop_limit,
		.tos = (u8)(h->priority << 4 | h->flow_lbl[0] >> 4),
		.label = (h->flow_lbl[0] & 15U) << 16 | h->flow_lbl[1] << 8 | h->flow_lbl[2],
		.hdr_len = sizeof(*h),
	};
	memcpy(&skb->ip.saddr, &h->saddr, 16);
	memcpy(&skb->ip.daddr, &h->daddr, 16);
	if (ip_is_v4(&skb->ip.saddr) || ip_is_v4(&skb->ip.daddr))
		/* mapped addresses are invalid in packets (RFC 4942, 2.2) */
		return false;
	skb_trim(skb, total);
	set_front(skb);
	skb_pull(skb, sizeof(*h));
	return skip_extensions(skb, next);
}

static bool parse(struct sk_buff *skb)
{
	return skb->protocol == ETH_P_IPV6 ? parse_v6(skb) : ip_parse_v4(skb);
}

void ip_rewind(struct sk_buff *skb)
{
	skb->len += skb->off - skb->ip.front_off;
	skb->off = skb->ip.front_off;
	skb->head = skb->ip.front_head;
}

/*
 * Passes a received packet, from its network header on, to hook @hook of the filter, and parses it
 * again. Returns false if the packet was consumed.
 */
static bool filter_in(struct net *net, u8 hook, struct sk_buff *skb)
{
	ip_rewind(skb);
	if (nf_hook(net, hook, skb, skb->dev, NULL))
		return false;
	if (parse(skb))
		return true;
	kfree_skb(skb);
	return false;
}

static bool for_us(struct net *net, struct sk_buff *skb)
{
	const ip_addr *d = &skb->ip.daddr;
	struct ip_stats *n = &IP_STATS(net, skb->ip.v6);
	u32 len = skb_len(skb) + (skb->ip.v6 ? skb->ip.hdr_len : 0);

	if (ip_is_multicast(d)) {
		n->in_mcast += !skb->defragged;
		n->in_mcast_octets += skb->defragged ? 0 : len;
		skb->broadcast = true;
		return mcast_accepts(skb->dev, d, &skb->ip.saddr, skb->ip.proto);
	}
	skb->broadcast = addr_is_broadcast(net, d);
	if (unlikely(skb->broadcast) && d->w[3] != ~0U &&
		CONF4_AND(skb->dev, CONF4_BC_FORWARDING)) { /* a directed broadcast is forwarded */
		skb->broadcast = false;
		return false;
	}
	if (skb->broadcast && !skb->defragged) {
		n->in_bcast++;
		n->in_bcast_octets += len;
	}
	return skb->broadcast || addr_is_local(net, d, 0);
}

/* Passes a whole, parsed packet for this machine to raw sockets and its transport. Consumes it. */
static void deliver(struct net *net, struct sk_buff *skb)
{
	bool taken = raw_rcv(net, skb);
	struct ip_stats *n = &IP_STATS(net, skb->ip.v6);

	if (!skb->ip.v6)
		skb_pull(skb, skb->ip.hdr_len);
	n->in_delivers++;
	switch (skb->ip.proto) {
	case IPPROTO_TCP: tcp_rcv(net, skb); return;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE: udp_rcv(net, skb); return;
	case IPPROTO_ICMP:
		if (skb->ip.v6)
			break;
		icmp_rcv(net, skb);
		return;
	case IPPROTO_IGMP:
		if (skb->ip.v6)
			break;
		igmp_rcv(net, skb);
		return;
	case IPPROTO_ICMPV6:
		if (!skb->ip.v6)
			break;
		icmp6_rcv(net, skb);
		return;
	}
	if (!taken) {
		n->in_delivers--;
		n->in_unknown++;
		icmp_unreachable(
			net, skb, 2 /* protocol */, 4 /* port: ICMPv6 has no code "protocol" */);
	}
	kfree_skb(skb);
}

/*
 * True for an IPv4 packet in a broadcast or multicast frame of the link layer, if
 * conf/NAME/drop_unicast_in_l2_multicast is set: the caller drops it if it is a unicast packet (RFC
 * 1122, 3.3.6). For IPv6 see is_smuggled().
 */
static bool link_says_many(const struct sk_buff *skb)
{
	return (skb->pkt_type == PKT_BROADCAST || skb->pkt_type == PKT_MULTICAST) && !skb->ip.v6 &&
	       CONF4_OR(skb->dev, CONF4_DROP_L2_MULTICAST);
}

static void receive(struct sk_buff *skb, bool shown);

/*
 * Takes a fragment, and receives the whole packet once all fragments have arrived. @shown: the
 * fragments have passed the filter.
 */
static void reassemble(struct net *net, struct sk_buff *skb, bool shown)
{
	skb = ip_defrag(net, skb);
	if (!skb)
		return;
	memset(&skb->ip, 0, sizeof(skb->ip));
	/* recurses once, as a reassembled packet is not a fragment */
	receive(skb, shown);
}

/*
 * True for an IPv6 unicast packet in a broadcast or multicast frame, which
 * conf/NAME/drop_unicast_in_l2_multicast drops.
 */
static bool is_smuggled(const struct sk_buff *skb)
{
	return skb->ip.v6 && (skb->pkt_type == PKT_BROADCAST || skb->pkt_type == PKT_MULTICAST) &&
	       CONF6(skb->dev, CONF6_DROP_UNICAST) && !ip_is_multicast(&skb->ip.daddr);
}

static void receive(struct sk_buff *skb, bool shown)
{
	struct net *net = skb->dev->net;
	bool filtered = unlikely(nf_active(net));
	struct ip_stats *n = &IP_STATS(net, skb->protocol == ETH_P_IPV6);

	if (!skb->defragged) { /* else its fragments were counted */
		n->in_receives++;
		n->in_octets += skb_len(skb);
	}
	if (skb->pkt_type == PKT_OTHERHOST || !parse(skb)) {
		n->in_hdr_errors++;
		kfree_skb(skb);
		return;
	}
	if (!skb->defragged)
		n->in_ecn[skb->ip.tos & 3]++;
	if (unlikely(skb->ip.ext_len) && !ip6_options_hold(net, skb, false)) {
		n->in_hdr_errors++;
		kfree_skb(skb);
		return;
	}
	if (filtered && skb->ip.is_frag && nf_defrags(net)) {
		reassemble(net, skb, false);
		return;
	}
	if (filtered && !shown && !filter_in(net, NF_INET_PRE_ROUTING, skb))
		return;
	if (skb->pkt_type != PKT_LOOPBACK &&
		(!ip_source_valid(net, skb) || unlikely(is_smuggled(skb)))) {
		n->in_addr_errors++;
		kfree_skb(skb);
		return;
	}
	if (!for_us(net, skb)) {
		/* the packet is for a group that this machine has not joined */
		if (skb->broadcast) {
			kfree_skb(skb);
			return;
		}
		ip_rewind(skb);
		if (!ip_routed_here(net, skb)) {
			ip_forward(net, skb);
			return;
		}
		if (!parse(skb)) {
			kfree_skb(skb);
			return;
		}
	}
	if (unlikely(link_says_many(skb)) && !skb->broadcast) {
		n->in_discards++;
		kfree_skb(skb);
		return;
	}
	/*
	 * A filter rule has turned a reassembled packet into a fragment; it is not reassembled
	 * again.
	 */
	if (unlikely(skb->ip.is_frag && skb->defragged)) {
		n->in_hdr_errors++;
		kfree_skb(skb);
		return;
	}
	if (skb->ip.is_frag) {
		reassemble(net, skb, filtered);
		return;
	}
	if (unlikely(skb->ip.ext_len) && !ip6_options_hold(net, skb, true)) {
		n->in_hdr_errors++;
		kfree_skb(skb);
		return;
	}
	if (!skb->ip.v6 && unlikely(skb->ip.hdr_len > sizeof(struct iphdr)) &&
		!ip4_opts_rcv(net, skb)) {
		n->in_hdr_errors++;
		kfree_skb(skb);
		return;
	}
	if (!filtered || filter_in(net, NF_INET_LOCAL_IN, skb))
		deliver(net, skb);
}

void ip_rcv(struct sk_buff *skb)
{
	receive(skb, false);
}
