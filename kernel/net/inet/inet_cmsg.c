/* SPDX-License-Identifier: MIT */
/*
 * inet_cmsg.c: control messages of sendmsg(2) at levels IP, IPV6 and UDP: options for a single
 * message.
 * Sources: ip(7), ipv6(7), udp(7), RFC 3542.
 */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/in6.h>
#include <linux/udp.h>

#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"

/* struct in6_pktinfo with ip_addr. */
struct pktinfo6 {
	ip_addr addr;
	u32 ifindex;
};

/*
 * Parses a control message of level SOL_IP, with @n bytes at @data. Returns 0, -EINVAL (also for an
 * unknown type), or an error of ip4_opts_cmsg().
 */
static int cmsg4(struct net *net, struct inet_control *c, int type, const void *data, u64 n)
{
	const struct in_pktinfo *p = data;

	switch (type) {
	case IP_PKTINFO:
		if (n != sizeof(*p))
			return -EINVAL;
		c->has_src = true;
		c->src = ip_v4(p->ipi_spec_dst.s_addr);
		c->ifindex = p->ipi_ifindex;
		return 0;
	case IP_TTL:
		if (n != sizeof(int))
			return -EINVAL;
		c->has_ttl = true;
		c->ttl = *(const int *)data;
		return c->ttl < 1 || c->ttl > 255 ? -EINVAL : 0;
	case IP_TOS:
		if (n != sizeof(int) && n != 1)
			return -EINVAL;
		c->has_tos = true;
		c->tos = n == 1 ? *(const u8 *)data : *(const int *)data;
		return c->tos < 0 || c->tos > 255 ? -EINVAL : 0;
	case IP_RETOPTS: return ip4_opts_cmsg(net, c, data, n);
	}
	return -EINVAL;
}

/*
 * Parses a control message of level SOL_IPV6, with @n bytes at @data. Returns 0, -EINVAL (also for
 * an unknown type), or an error of ip6_ext_cmsg().
 */
static int cmsg6(struct net *net, struct inet_control *c, int type, const void *data, u64 n)
{
	const struct pktinfo6 *p = data;
	int value;

	switch (type) {
	case IPV6_2292HOPOPTS: return ip6_ext_cmsg(net, c, IPV6_HOPOPTS, data, n);
	case IPV6_2292DSTOPTS: return ip6_ext_cmsg(net, c, IPV6_DSTOPTS, data, n);
	case IPV6_HOPOPTS:
	case IPV6_DSTOPTS: return ip6_ext_cmsg(net, c, type, data, n);
	case IPV6_2292PKTINFO:
	case IPV6_PKTINFO:
		if (n < sizeof(*p))
			return -EINVAL;
		c->has_src = true;
		c->src = p->addr;
		c->ifindex = (int)p->ifindex;
		return 0;
	case IPV6_FLOWINFO:
		if (n < sizeof(u32))
			return -EINVAL;
		c->has_label = true;
		c->label = ntohl(*(const u32 *)data) & 0xfffffU;
		return 0;
	case IPV6_DONTFRAG:
		if (n != sizeof(int))
			return -EINVAL;
		value = *(const int *)data;
		c->has_dontfrag = true;
		c->dontfrag = value;
		return value < 0 || value > 1 ? -EINVAL : 0;
	case IPV6_2292HOPLIMIT:
	case IPV6_HOPLIMIT:
	case IPV6_TCLASS:
		if (n != sizeof(int))
			return -EINVAL;
		value = *(const int *)data;
		if (value < -1 || value > 255)
			return -EINVAL;
		if (value == -1) /* the default */
			return 0;
		*(type == IPV6_TCLASS ? &c->has_tos : &c->has_ttl) = true;
		*(type == IPV6_TCLASS ? &c->tos : &c->ttl) = value;
		return 0;
	}
	return -EINVAL;
}

/* Sets the message's UDP_SEGMENT: the payload bytes of each datagram that it is cut into. */
static int cmsg_udp(struct inet_control *c, int type, const void *data, u64 n)
{
	if (type != UDP_SEGMENT || n != sizeof(c->segment))
		return -EINVAL;
	memcpy(&c->segment, data, sizeof(c->segment));
	c->has_segment = true;
	return 0;
}

/* True if the message is sent as IPv4. */
static bool goes_by_v4(const struct socket *s, const struct msg *m)
{
	const struct inet_sock *i = container_of(s->sk, const struct inet_sock, c);
	const struct sockaddr_in6 *to = m->name ? (const void *)m->name->data : NULL;

	if (s->sk->family == AF_INET)
		return true;
	if (!to || m->name->len < sizeof(*to))
		return to ? m->name->len >= 2 && to->sin6_family == AF_INET :
			    ip_is_v4(&i->raddr) && !ip_is_any(&i->raddr);
	return to->sin6_family == AF_INET ||
	       ip_is_v4((const ip_addr *)(const void *)&to->sin6_addr);
}

/*
 * Parses a control message. Ignores a message of another IP version than the packet's, as on Linux.
 */
int inet_cmsg(const struct socket *s, struct msg *m, int level, int type, const void *data, u64 n)
{
	bool v4 = goes_by_v4(s, m),
	     udp = s->sk->protocol == IPPROTO_UDP || s->sk->protocol == IPPROTO_UDPLITE;

	if (level == SOL_UDP && udp)
		return cmsg_udp(&m->inet, type, data, n);
	if (level == SOL_IP && v4)
		return cmsg4(s->sk->net, &m->inet, type, data, n);
	if (level == SOL_IPV6 &&
		(!v4 || (s->sk->family == AF_INET6 &&
				(type == IPV6_PKTINFO || type == IPV6_2292PKTINFO))))
		return cmsg6(s->sk->net, &m->inet, type, data, n);
	return 0;
}
