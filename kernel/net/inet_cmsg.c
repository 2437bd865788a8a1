/* SPDX-License-Identifier: MIT */
/*
 * inet_cmsg.c: control messages of a sender at levels IP, IPV6 and UDP: what would be an option, for one message.
 * Sources: ip(7), ipv6(7), udp(7), RFC 3542.
 */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/in6.h>
#include <linux/udp.h>

#include "kernel/lib/string.h"
#include "kernel/net/inet.h"

/* in6_pktinfo, with an address as the stack has it. */
struct pktinfo6 {
	ip_addr addr;
	u32 ifindex;
};

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

static int cmsg6(struct net *net, struct inet_control *c, int type, const void *data, u64 n)
{
	const struct pktinfo6 *p = data;
	int value;

	switch (type) {
	case IPV6_HOPOPTS:
	case IPV6_DSTOPTS: return ip6_ext_cmsg(net, c, type, data, n);
	case IPV6_PKTINFO:
		if (n < sizeof(*p))
			return -EINVAL;
		c->has_src = true;
		c->src = p->addr;
		c->ifindex = (int)p->ifindex;
		return 0;
	case IPV6_HOPLIMIT:
	case IPV6_TCLASS:
		if (n != sizeof(int))
			return -EINVAL;
		value = *(const int *)data;
		if (value < -1 || value > 255)
			return -EINVAL;
		if (value == -1) /* the default */
			return 0;
		*(type == IPV6_HOPLIMIT ? &c->has_ttl : &c->has_tos) = true;
		*(type == IPV6_HOPLIMIT ? &c->ttl : &c->tos) = value;
		return 0;
	}
	return -EINVAL;
}

/* UDP_SEGMENT: how long each of the packets is that this message makes. */
static int cmsg_udp(struct inet_control *c, int type, const void *data, u64 n)
{
	if (type != UDP_SEGMENT || n != sizeof(c->segment))
		return -EINVAL;
	memcpy(&c->segment, data, sizeof(c->segment));
	c->has_segment = true;
	return 0;
}

int inet_cmsg(const struct socket *s, struct msg *m, int level, int type, const void *data, u64 n)
{
	if (level == SOL_UDP)
		return cmsg_udp(&m->inet, type, data, n);
	if (level == SOL_IP)
		return cmsg4(s->sk->net, &m->inet, type, data, n);
	if (level == SOL_IPV6)
		return cmsg6(s->sk->net, &m->inet, type, data, n);
	return 0;
}
