/* SPDX-License-Identifier: MIT */
/*
 * snoop_rx.c: messages of IGMP, MLD and PIM that pass through a bridge.
 *
 * A packet to a group reports a member (reports, leaves), is from a querier or a router (queries,
 * PIM hello messages), or is data. Each length in a message is checked against the bytes that
 * arrived. A malformed message is not forwarded, as in Linux.
 * Sources: RFC 2236, 3376, 2710, 3810, 7761, 4541.
 */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/lib/string.h"
#include "kernel/net/bridge/bridge.h"
#include "kernel/net/inet/ip.h"

#define IGMP_QUERY 0x11
#define IGMP_V1_REPORT 0x12
#define IGMP_V2_REPORT 0x16
#define IGMP_LEAVE 0x17
#define IGMP_V3_REPORT 0x22
#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define MLD_V2_REPORT 143
#define PIM_HELLO 0
#define PROTO_PIM 103
#define TO_INCLUDE 3
#define IS_INCLUDE 1
#define RECORD_TYPES 6
#define DECISECOND (NSEC_PER_SEC / 10)

/* A message: the bytes [at, at + len) of a frame, which is at least at + len bytes long. */
struct message {
	struct bridge *br;
	struct br_port *port; /* NULL: from the bridge's own host */
	const struct sk_buff *skb;
	u32 at, len;
	ip_addr from, to;
	int family;
};

static bool read(const struct message *m, u32 off, void *to, u32 n)
{
	if (off > m->len || n > m->len - off)
		return false;
	skb_copy(m->skb, m->at + off, to, n);
	return true;
}

/* True if @a is of the family of the message: a mapped IPv4 address in MLD is not. */
static bool is_own_kind(const struct message *m, const ip_addr *a)
{
	return ip_is_v4(a) == (m->family == SNOOP_V4);
}

/* True if members of @a are tracked. Frames to 224.0.0.0/24 and ff02::1 go to all ports. */
static bool is_tracked(const ip_addr *a)
{
	static const ip_addr all_nodes = { { htonl(0xff020000), 0, 0, htonl(1) } };

	if (!ip_is_multicast(a))
		return false;
	return ip_is_v4(a) ? ntohl(a->w[3]) >> 8 != 0xe00000 : !ip_equal(a, &all_nodes);
}

static void join(const struct message *m, const ip_addr *group)
{
	if (is_own_kind(m, group) && is_tracked(group))
		br_group_join(m->br, m->port, group);
}

static void leave(const struct message *m, const ip_addr *group)
{
	if (is_own_kind(m, group) && is_tracked(group))
		br_group_leave(m->br, m->port, group);
}

/*
 * Handles the @n records of a report of IGMPv3 or MLDv2; the first is at @off. Returns true if all
 * records are complete.
 */
static bool records(const struct message *m, u32 off, u32 n)
{
	u32 size = m->family == SNOOP_V4 ? 4 : 16;
	u8 head[4];
	ip_addr group;

	while (n--) {
		u32 sources;

		group = ip_v4(0);
		if (!read(m, off, head, sizeof(head)) ||
			!read(m, off + 4, size == 4 ? &group.w[3] : &group.w[0], size))
			return false;
		sources = (u32)head[2] << 8 | head[3];
		off += 4 + size;
		if (sources * size > m->len - off)
			return false;
		off += sources * size + head[1] * 4U;
		if (!head[0] || head[0] > RECORD_TYPES)
			continue;
		if ((head[0] == TO_INCLUDE || head[0] == IS_INCLUDE) && !sources)
			leave(m, &group);
		else
			join(m, &group);
		/* an offset beyond the end is valid only after the last record */
		if (off > m->len)
			return !n;
	}
	return true;
}

/* ---- IGMP ---- */

static void igmp_query(const struct message *m, const u8 *b, const ip_addr *group)
{
	u64 delay = b[1] * DECISECOND;
	ip_addr asked = *group;
	u8 more[4];

	if (m->len == 8) {
		if (!b[1]) { /* IGMPv1 */
			delay = 10 * NSEC_PER_SEC;
			asked = IP_ANY;
		}
	} else if (!read(m, 8, more, sizeof(more)) || more[2] || more[3]) {
		return; /* a query for sources is ignored */
	} else {
		delay = max(mcast_scaled(b[1]), 1U) * DECISECOND;
	}
	br_heard_query(m->br, m->port, &m->from, m->family, &asked, delay);
}

/* Handles an IGMP message. br->lock held. Returns false if it is malformed. */
static bool igmp(const struct message *m, struct br_heard *h)
{
	ip_addr group = ip_v4(0);
	u8 b[8];

	if (!read(m, 0, b, sizeof(b)) || csum_fold(skb_sum(m->skb, m->at, m->len, 0)))
		return false;
	memcpy(&group.w[3], b + 4, 4);
	switch (b[0]) {
	case IGMP_V1_REPORT:
	case IGMP_V2_REPORT:
		h->routers_only = true;
		join(m, &group);
		return true;
	case IGMP_LEAVE: leave(m, &group); return true;
	case IGMP_V3_REPORT: return records(m, 8, (u32)b[6] << 8 | b[7]);
	case IGMP_QUERY:
		if (m->len != 8 && m->len < 12)
			return false;
		igmp_query(m, b, &group);
		return true;
	}
	h->routers_only = is_tracked(&m->to);
	return true;
}

/*
 * Reads the IPv4 header of a packet, and an IGMP or PIM message if it has one. br->lock held.
 * Returns false if the packet is malformed.
 */
static bool look_v4(struct message *m, struct br_heard *h)
{
	struct iphdr ip;
	u32 total, head;
	u8 type;

	if (!read(m, 0, &ip, sizeof(ip)))
		return false;
	total = ntohs(ip.tot_len);
	head = ip.ihl * 4U;
	if (ip.version != 4 || head < sizeof(ip) || total < head || total > m->len)
		return false;
	m->from = ip_v4(ip.saddr);
	m->to = ip_v4(ip.daddr);
	m->at += head;
	m->len = total - head;
	if (ip.protocol == IPPROTO_IGMP)
		return igmp(m, h);
	h->group = br_group_find(m->br, &m->to);
	h->routers_only = is_tracked(&m->to);
	if (ip.protocol == PROTO_PIM && ip.daddr == htonl(0xe000000d) && read(m, 0, &type, 1) &&
		type == (2 << 4 | PIM_HELLO))
		br_heard_router(m->br, m->port, SNOOP_V4);
	return true;
}

/* ---- MLD ---- */

static bool mld_query(const struct message *m, const u8 *b, const ip_addr *group)
{
	u32 delay = (u32)b[4] << 8 | b[5];
	u8 more[4];

	if (!ip_is_linklocal(&m->from) || !is_own_kind(m, group) || (m->len != 24 && m->len < 28))
		return false;
	if (m->len != 24) {
		if (!read(m, 24, more, sizeof(more)) || more[2] || more[3])
			return true;
		if (delay >= 0x8000)
			delay = ((delay & 0xfff) | 0x1000) << ((delay >> 12 & 7) + 3);
		delay = max(delay, 1U);
	}
	br_heard_query(m->br, m->port, &m->from, m->family, group, delay * NSEC_PER_MSEC);
	return true;
}

static bool is_mld(u8 type)
{
	return type == MLD_QUERY || type == MLD_REPORT || type == MLD_DONE || type == MLD_V2_REPORT;
}

static bool mld(const struct message *m, struct br_heard *h)
{
	u32 pseudo = csum_pseudo(&m->from, &m->to, IPPROTO_ICMPV6, m->len);
	ip_addr group = IP_ANY;
	u8 b[8];

	if (!read(m, 0, b, sizeof(b)) || csum_fold(skb_sum(m->skb, m->at, m->len, pseudo)))
		return false;
	if (b[0] == MLD_V2_REPORT)
		return records(m, 8, (u32)b[6] << 8 | b[7]);
	if (!read(m, 8, &group, sizeof(group)))
		return false;
	if (b[0] == MLD_QUERY)
		return mld_query(m, b, &group);
	if (b[0] == MLD_REPORT) {
		h->routers_only = true;
		join(m, &group);
	} else {
		leave(m, &group);
	}
	return true;
}

/*
 * Reads the IPv6 header of a packet, and an MLD or PIM message if it has one. br->lock held.
 * Returns false if the packet is malformed.
 */
static bool look_v6(struct message *m, struct br_heard *h)
{
	struct ipv6hdr ip;
	u8 options[2], type, first;
	u32 total, skip;

	if (!read(m, 0, &ip, sizeof(ip)))
		return false;
	total = ntohs(ip.payload_len);
	if (ip.version != 6 || total > m->len - sizeof(ip))
		return false;
	memcpy(&m->from, &ip.saddr, sizeof(m->from));
	memcpy(&m->to, &ip.daddr, sizeof(m->to));
	m->at += sizeof(ip);
	m->len = total;
	/* An MLD message follows hop-by-hop options with a router alert. */
	if (!ip.nexthdr && read(m, 0, options, 2) && options[0] == IPPROTO_ICMPV6) {
		skip = (options[1] + 1U) * 8;
		if (read(m, skip, &type, 1) && is_mld(type)) {
			m->at += skip;
			m->len -= skip;
			return mld(m, h);
		}
	}
	h->group = br_group_find(m->br, &m->to);
	h->routers_only = is_tracked(&m->to);
	if (ip.nexthdr == PROTO_PIM && m->to.w[3] == htonl(0xd) && read(m, 0, &first, 1) &&
		first == (2 << 4 | PIM_HELLO))
		br_heard_router(m->br, m->port, SNOOP_V6);
	return true;
}

void br_snoop_look(struct bridge *br, struct br_port *p, const struct sk_buff *skb, u32 off,
	u16 protocol, struct br_heard *h)
{
	struct message m = { .br = br, .port = p, .skb = skb, .at = off };

	*h = (struct br_heard){ .family = SNOOP_FAMILIES };
	if (!br->snoop.on || off > skb_len(skb))
		return;
	m.len = skb_len(skb) - off;
	if (protocol == ETH_P_IP)
		m.family = SNOOP_V4;
	else if (protocol == ETH_P_IPV6)
		m.family = SNOOP_V6;
	else
		return;
	h->family = m.family;
	h->drop = m.family == SNOOP_V4 ? !look_v4(&m, h) : !look_v6(&m, h);
}
