/* SPDX-License-Identifier: MIT */
/*
 * forward.c: packets for other machines: forwarded if conf/NAME/forwarding of the receiving device
 * is on, else refused.
 *
 *	ip_rcv() -> ip_source_valid() -> ip_forward() -> ip_output()
 *
 * The header is changed in a copy (in room[]), since the payload's buffer may be shared. A packet
 * that is too large is fragmented (IPv4 without DF), or its sender gets an ICMP error.
 * Sources: RFC 1812 (5.2, 5.3), 8200, 4443, 3704.
 * Not supported: multicast routing.
 */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/lib/printk.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/netfilter/conntrack.h"

/*
 * Reads the packet's protocol and ports if rules match them. @back: swaps the ports, as the answer
 * has them. A fragment other than the first has no ports.
 */
static void read_ports(const struct net *net, const struct sk_buff *skb, bool back, struct flow *f)
{
	struct nf_l4 l4;
	u16 ports[2];

	if (likely(!READ_ONCE(net->route.policy_by_ports)) || !nf_find_l4(skb, skb->ip.v6, &l4))
		return;
	f->proto = l4.proto;
	if ((l4.proto != IPPROTO_TCP && l4.proto != IPPROTO_UDP && l4.proto != IPPROTO_UDPLITE) ||
		l4.frag_off || skb_len(skb) < l4.off + sizeof(ports))
		return;
	skb_copy(skb, l4.off, ports, sizeof(ports));
	f->sport = ntohs(ports[back]);
	f->dport = ntohs(ports[!back]);
}

/* ---- source addresses ---- */

/*
 * True if the packet's source has a route: by the device that received the packet if @strict, else
 * by any device.
 */
static bool way_back(struct net *net, const struct sk_buff *skb, bool strict)
{
	struct flow f = { .saddr = skb->ip.daddr, .daddr = skb->ip.saddr };

	if (CONF4_OR(skb->dev, CONF4_SRC_VALID_MARK))
		f.mark = skb->mark;
	if (ip_is_multicast(&f.saddr) || f.saddr.w[3] == ~0U)
		f.saddr = ip_v4(0);
	f.iif = skb->dev->ifindex;
	read_ports(net, skb, true, &f);
	if (route_forward(net, &f))
		return false;
	return !strict || f.dev == skb->dev;
}

/*
 * True if the source address of a packet is valid. IPv4 packets received by lo are not checked. An
 * IPv4 packet without a source address is valid: its sender requests an address.
 */
bool ip_source_valid(struct net *net, const struct sk_buff *skb)
{
	const struct net_device *dev = skb->dev;
	const ip_addr *s = &skb->ip.saddr, *d = &skb->ip.daddr;
	int filter;

	/* ::1 is not used on links (RFC 4291, 2.5.3) */
	if (skb->ip.v6)
		return !ip_is_multicast(s) &&
		       (dev->flags & IFF_LOOPBACK || (!ip_is_loopback(s) && !ip_is_loopback(d)));
	if (dev->flags & IFF_LOOPBACK || ip_is_any(s))
		return true;
	if (ip_is_multicast(s) || s->w[3] == ~0U)
		return false;
	if ((ip_is_loopback(s) || ip_is_loopback(d)) && !CONF4_OR(dev, CONF4_ROUTE_LOCALNET))
		return false;
	if (!CONF4_OR(dev, CONF4_ACCEPT_LOCAL) && addr_is_local(net, s, 0))
		return false;
	filter = CONF4_MAX(dev, CONF4_RP_FILTER);
	return filter <= 0 || way_back(net, skb, filter == 1);
}

/* Returns the key for the route of a received packet, without ports. */
static struct flow flow_of(const struct sk_buff *skb)
{
	return (struct flow){
		.saddr = skb->ip.saddr,
		.daddr = skb->ip.daddr,
		.tos = skb->ip.tos,
		.mark = skb->mark,
		.iif = skb->dev->ifindex,
		.proto = skb->ip.proto,
	};
}

bool ip_routed_here(struct net *net, const struct sk_buff *skb)
{
	struct flow f = flow_of(skb);

	if (likely(!READ_ONCE(net->route.local)))
		return false;
	read_ports(net, skb, false, &f);
	return !route_forward(net, &f) && f.local;
}

/* ---- forwarding ---- */

/*
 * Copies the whole header into room[], where it may be changed. IPv6's extension headers stay in
 * the buffer.
 */
static void *own_header(struct sk_buff *skb)
{
	u8 tmp[60];
	u32 n = skb->ip.hdr_len;
	void *h;

	skb_copy(skb, 0, tmp, n);
	skb_pull(skb, n);
	h = skb_push(skb, n);
	memcpy(h, tmp, n);
	skb->room_pulled = false;
	skb->mac_len = 0;
	return h;
}

/* Decrements the TTL, and updates the checksum accordingly (RFC 1624). */
static void count_hop4(struct iphdr *h)
{
	u32 sum = (u16)~h->check + 0xffffU - 1;

	h->ttl--;
	h->check = csum_fold(sum);
}

static void refuse_way(struct net *net, struct sk_buff *skb, int err)
{
	bool v6 = skb->ip.v6;
	u8 type = v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH;

	IP_STATS(net, v6).out_noroutes++;
	if (!v6 && !icmp_may_refuse(net, &skb->ip.saddr)) {
		kfree_skb(skb);
		return;
	}
	if (err == -ENETUNREACH)
		icmp_error(net, skb, type, 0, 0);
	else if (err == -EHOSTUNREACH)
		icmp_error(net, skb, type, v6 ? 0 : 1, 0);
	else if (err == -EACCES)
		icmp_error(net, skb, type, v6 ? 1 : 13, 0);
	kfree_skb(skb);
}

/* Sends a redirect if the packet's sender can reach the next hop directly. */
static void redirect(struct net *net, struct sk_buff *skb, const struct flow *f)
{
	bool direct = ip_equal(&f->next_hop, &f->daddr);
	struct flow back = { .saddr = IP_ANY, .daddr = skb->ip.saddr };

	if (skb->ip.v6 || !ip_is_v4(&f->next_hop) || f->dev != skb->dev ||
		!CONF4_OR(skb->dev, CONF4_SEND_REDIRECTS))
		return;
	if (route_output(net, &back) || back.dev != skb->dev ||
		!ip_equal(&back.next_hop, &back.daddr))
		return;
	/*
	 * Without shared_media, a redirect is sent only if the sender is on the link of the next
	 * hop.
	 */
	if (!CONF4_OR(skb->dev, CONF4_SHARED_MEDIA) &&
		!addr_on_link(skb->dev, &skb->ip.saddr, direct ? NULL : &f->next_hop))
		return;
	if (!icmp_may_redirect(net, &skb->ip.saddr))
		return;
	icmp_error(net, skb, ICMP_REDIRECT, 1, ntohl(f->next_hop.w[3]));
}

/*
 * True if the packet is larger than the MTU and must not be fragmented: sends an ICMP error. Also
 * true, without an error, for an IPv4 packet without DF if the MTU is below IPv4's minimum of 68.
 */
static bool too_large(struct net *net, struct sk_buff *skb, const struct flow *f)
{
	struct iphdr tmp;
	const struct iphdr *h;

	if ((skb->gso ? gso_segment_len(skb) : skb_len(skb)) <= f->mtu)
		return false;
	if (skb->ip.v6) {
		icmp_error(net, skb, ICMPV6_PKT_TOOBIG, 0, max(f->mtu, IPV6_MTU_MIN));
		return true;
	}
	h = skb_header(skb, sizeof(tmp), &tmp);
	if (!h || !(h->frag_off & htons(IP_DF)))
		return f->mtu < 68;
	icmp_error(net, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, f->mtu);
	return true;
}

static bool may_forward(const struct sk_buff *skb)
{
	const ip_addr *s = &skb->ip.saddr, *d = &skb->ip.daddr;
	const struct net_device *dev = skb->dev;

	if (skb->pkt_type != PKT_HOST || dev->flags & IFF_LOOPBACK || ip_is_any(s) || ip_is_any(d))
		return false;
	if (skb->ip.v6)
		return CONF6(dev, CONF6_FORWARDING) && !ip_is_linklocal(s) && !ip_is_linklocal(d) &&
		       !ip_is_loopback(s) && !ip_is_loopback(d);
	return CONF4(dev, CONF4_FORWARDING) && !ip_is_multicast(d) && d->w[3] != ~0U;
}

static void send_on(struct net *net, struct sk_buff *skb, struct flow *f)
{
	struct net_device *in = skb->dev;
	void *h = own_header(skb);

	if (skb->ip.v6)
		((struct ipv6hdr *)h)->hop_limit--;
	else
		count_hop4(h);
	if (!skb->ip.v6 && unlikely(skb->ip.hdr_len > sizeof(struct iphdr)))
		ip4_opts_forward(net, h, f);
	IP_STATS(net, skb->ip.v6).forwarded++;
	skb->pkt_type = PKT_OUTGOING;
	if (unlikely(nf_active(net)) &&
		(nf_hook(net, NF_INET_FORWARD, skb, in, f->dev) ||
			nf_hook(net, NF_INET_POST_ROUTING, skb, in, f->dev)))
		return;
	if (skb_len(skb) > f->mtu && !skb->gso)
		ip_fragment(skb, f->mtu, f, ip_output);
	else
		ip_output(skb, f);
}

void ip_forward(struct net *net, struct sk_buff *skb)
{
	struct flow f = flow_of(skb);
	int err;

	if (!may_forward(skb)) {
		IP_STATS(net, skb->ip.v6).in_addr_errors++;
		kfree_skb(skb);
		return;
	}
	if (!skb->ip.v6 && unlikely(skb->ip.hdr_len > sizeof(struct iphdr)) &&
		!ip4_opts_may_forward(net, skb)) {
		IP_STATS(net, false).in_hdr_errors++;
		kfree_skb(skb);
		return;
	}
	read_ports(net, skb, false, &f);
	err = route_forward(net, &f);
	if (err) {
		refuse_way(net, skb, err);
		return;
	}
	/*
	 * The route has become local since the caller's check, or the packet is for the socket of a
	 * proxy: it must not be forwarded.
	 */
	if (unlikely(f.local || skb->proxy_port)) {
		kfree_skb(skb);
		return;
	}
	/*
	 * ICMP errors that reduce the path MTU may be forged, so a router uses them only if
	 * configured.
	 */
	if (!skb->ip.v6 && unlikely(READ_ONCE(net->ipv4.forward_use_pmtu)))
		f.mtu = pmtu_of(net, &f.daddr, f.mtu);
	if (skb->ip.ttl <= 1) {
		icmp_error(net, skb, skb->ip.v6 ? ICMPV6_TIME_EXCEED : ICMP_TIME_EXCEEDED, 0, 0);
	} else if (!too_large(net, skb, &f)) {
		redirect(net, skb, &f);
		send_on(net, skb, &f);
		return;
	}
	kfree_skb(skb);
}
