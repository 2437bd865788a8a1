/* SPDX-License-Identifier: MIT */
/*
 * inet_recv_cmsg.c: control messages about received packets, which options of the socket enable
 * (ip(7), ipv6(7)).
 *
 *     datagram sockets  recvmsg(2) returns them with the datagram
 *     TCP sockets       getsockopt(2) of IP_PKTOPTIONS or IPV6_2292PKTOPTIONS returns them. Over
 *                       IPv4 they always describe the SYN of an accepted connection; over IPv6 they
 *                       describe the newest segment that arrived while such an option was enabled
 *
 * A TCP socket that has kept no segment still returns them, with no device and a TTL of 1, the
 * default for multicast. systemd-resolved needs that for DNS over TCP.
 */
#include <asm/errno.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"

/* struct in6_pktinfo with ip_addr. */
struct pktinfo6 {
	ip_addr addr;
	u32 ifindex;
};

void inet_hear(struct inet_heard *h, const struct sk_buff *skb)
{
	*h = (struct inet_heard){
		.daddr = skb->ip.daddr,
		.ifindex = skb->dev->ifindex,
		.label = skb->ip.label,
		.ttl = skb->ip.ttl,
		.tos = skb->ip.tos,
	};
}

void inet_report_changed(struct inet_sock *i)
{
	WRITE_ONCE(i->recv.keeps_last,
		i->v6 && (i->recv.pktinfo6 || i->recv.hops || i->recv.tclass || i->recv.flow6 ||
				 i->recv.pktinfo6_old || i->recv.hops_old));
}

/* ---- IPv4 ---- */

static void put4(
	struct inet_sock *i, struct msg *m, const struct inet_heard *h, u32 spec_dst, int tos_size)
{
	if (i->recv.pktinfo) {
		struct in_pktinfo p = {
			.ipi_ifindex = h->ifindex,
			.ipi_spec_dst.s_addr = spec_dst,
			.ipi_addr.s_addr = h->daddr.w[3],
		};

		msg_put_cmsg(m, SOL_IP, IP_PKTINFO, &p, sizeof(p));
	}
	if (i->recv.ttl)
		msg_put_cmsg(m, SOL_IP, IP_TTL, &(int){ h->ttl }, sizeof(int));
	if (i->recv.tos)
		msg_put_cmsg(m, SOL_IP, IP_TOS, &(int){ h->tos }, (u32)tos_size);
}

/* ---- IPv6 ---- */

static void put6_pktinfo(struct msg *m, int type, const struct inet_heard *h)
{
	struct pktinfo6 p = { h->daddr, (u32)h->ifindex };

	msg_put_cmsg(m, SOL_IPV6, type, &p, sizeof(p));
}

static void put6_new(struct inet_sock *i, struct msg *m, const struct inet_heard *h)
{
	if (i->recv.pktinfo6)
		put6_pktinfo(m, IPV6_PKTINFO, h);
	if (i->recv.hops)
		msg_put_cmsg(m, SOL_IPV6, IPV6_HOPLIMIT, &(int){ h->ttl }, sizeof(int));
	if (i->recv.tclass)
		msg_put_cmsg(m, SOL_IPV6, IPV6_TCLASS, &(int){ h->tos }, sizeof(int));
}

/* Writes the control messages in RFC 2292's form. */
static void put6_old(struct inet_sock *i, struct msg *m, const struct inet_heard *h)
{
	if (i->recv.pktinfo6_old)
		put6_pktinfo(m, IPV6_2292PKTINFO, h);
	if (i->recv.hops_old)
		msg_put_cmsg(m, SOL_IPV6, IPV6_2292HOPLIMIT, &(int){ h->ttl }, sizeof(int));
}

static void put6_flow(struct inet_sock *i, struct msg *m, const struct inet_heard *h)
{
	if (i->recv.flow6)
		msg_put_cmsg(m, SOL_IPV6, IPV6_FLOWINFO,
			&(u32){ htonl((u32)h->tos << 20 | h->label) }, sizeof(u32));
}

/* ---- datagrams ---- */

/* Writes the packet's destination as a socket address (IP_ORIGDSTADDR, IPV6_ORIGDSTADDR). */
static void put_origdst(struct msg *m, const struct sk_buff *skb)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = htons(skb->dport),
		.sin_addr.s_addr = skb->ip.daddr.w[3],
	};
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(skb->dport) };

	if (!skb->ip.v6) {
		msg_put_cmsg(m, SOL_IP, IP_ORIGDSTADDR, &in, sizeof(in));
		return;
	}
	memcpy(&in6.sin6_addr, &skb->ip.daddr, sizeof(in6.sin6_addr));
	msg_put_cmsg(m, SOL_IPV6, IPV6_ORIGDSTADDR, &in6, sizeof(in6));
}

void inet_put_cmsgs(struct inet_sock *i, struct msg *m, const struct sk_buff *skb)
{
	bool v6 = skb->ip.v6;
	struct inet_heard h;

	msg_put_skb_info(m, &i->c, skb);
	inet_hear(&h, skb);
	if (v6) {
		put6_new(i, m, &h);
		if (h.label || h.tos)
			put6_flow(i, m, &h);
		if (unlikely(skb->ip.ext_len))
			ip6_ext_put_cmsgs(i, m, skb);
		put6_old(i, m, &h);
	} else {
		if (i->recv.pktinfo6) /* as an IPv4-mapped address */
			put6_pktinfo(m, IPV6_PKTINFO, &h);
		/* as on Linux, ipi_spec_dst is 0 for a ping socket */
		put4(i, m, &h, i->table == &ping_ids ? 0 : h.daddr.w[3], 1);
		if (unlikely(skb->ip.hdr_len > sizeof(struct iphdr)))
			ip4_opts_put_cmsgs(i, m, skb);
	}
	if (v6 ? i->recv.origdst6 : i->recv.origdst)
		put_origdst(m, skb);
	if (skb->frag_size && (v6 ? i->recv.fragsize6 : i->recv.fragsize))
		msg_put_cmsg(m, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVFRAGSIZE : IP_RECVFRAGSIZE,
			&(int){ skb->frag_size }, sizeof(int));
	if (i->udp.gro && skb->gso)
		msg_put_cmsg(m, SOL_UDP, UDP_GRO, &(int){ skb->gso }, sizeof(int));
}

void inet_report_heard(
	struct inet_sock *i, struct msg *m, const struct inet_heard *h, u32 spec_dst, bool v6)
{
	if (v6) {
		put6_new(i, m, h);
		if (h->label || h->tos)
			put6_flow(i, m, h);
		put6_old(i, m, h);
	} else {
		if (i->recv.pktinfo6) /* as an IPv4-mapped address */
			put6_pktinfo(m, IPV6_PKTINFO, h);
		put4(i, m, h, spec_dst, 1);
	}
}

/* ---- TCP sockets ---- */

static void stream4(struct inet_sock *i, struct msg *m)
{
	struct inet_heard h = i->heard_syn;

	if (!h.ifindex)
		h.ttl = 1;
	h.daddr = i->saddr;
	put4(i, m, &h, h.daddr.w[3], sizeof(int));
}

static void stream6(struct inet_sock *i, struct msg *m)
{
	struct inet_heard h = i->heard_last;

	if (h.ifindex) {
		put6_new(i, m, &h);
		if (h.label || h.tos)
			put6_flow(i, m, &h);
		put6_old(i, m, &h);
		return;
	}
	h = i->heard_syn;
	h.daddr = h.ifindex ? i->raddr : IP_ANY;
	if (!h.ifindex) {
		h.ttl = 1;
		h.ifindex = i->opts.sticky_if;
	}
	put6_new(i, m, &h);
	put6_old(i, m, &h);
	put6_flow(i, m, &h);
}

int inet_pktoptions(struct inet_sock *i, bool v6, void *val, u32 *len)
{
	struct msg m = { .ctl_len = 0 };

	if (i->c.type != SOCK_STREAM)
		return -ENOPROTOOPT;
	spin_lock(&i->c.lock);
	if (v6)
		stream6(i, &m);
	else
		stream4(i, &m);
	spin_unlock(&i->c.lock);
	*len = msg_flatten(&m, val, *len);
	return 0;
}
