/* SPDX-License-Identifier: MIT */
/*
 * ndisc_ra.c: router advertisements: the prefixes, routes, MTU and times that a router announces.
 * ndisc.c describes what is accepted, and the locks. Each length in a message is checked against
 * the rest of the message.
 * Sources: RFC 4861 (6.3), 4862 (5.5.3), 4191.
 */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>

#include "kernel/lib/printk.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/ndisc.h"

#define OPT_PREFIX 3
#define OPT_MTU 5
#define OPT_ROUTE 24 /* RFC 4191 */
#define PREFIX_AUTO 0x40
/* metric of a route to a prefix that a router announces */
#define ROUTE_METRIC 1024
/*
 * seconds: no advertisement shortens the rest of a lifetime below this; otherwise any machine on
 * the link could end an address (RFC 4862, 5.5.3 e)
 */
#define SHORTENED_TO 7200
#define LIFETIME_MAX (1UL << 31) /* seconds; more means for ever */

static u32 be32_at(const u8 *p)
{
	u32 v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

static u64 end_of(u64 seconds)
{
	return seconds >= LIFETIME_MAX ? FOREVER : ktime_get() + seconds * NSEC_PER_SEC;
}

/* True if the lifetime is too short to be accepted. 0 is accepted: it ends a route. */
static bool too_short(const struct net_device *dev, u64 lifetime)
{
	return lifetime && lifetime < (u64)max(CONF6(dev, CONF6_RA_MIN_LFT), 0);
}

static void got_prefix(struct net_device *dev, const u8 *p)
{
	u64 valid = be32_at(p + 4), preferred = be32_at(p + 8);
	u64 least = CONF6(dev, CONF6_RA_PIO_LIFE) ? 0 : end_of(SHORTENED_TO);
	u32 most = (u32)max(CONF6(dev, CONF6_MAX_ADDRESSES), 0);
	struct ifaddr a = { .prefix = 64, .expires = end_of(valid) };
	ip_addr prefix;

	memcpy(&prefix, p + 16, 16);
	if (p[2] != 64 || !(p[3] & PREFIX_AUTO) || ip_is_linklocal(&prefix) ||
		ip_is_multicast(&prefix) || preferred > valid || too_short(dev, valid))
		return;
	addr_gen(dev, &prefix, 0, &a);
	if (ip_is_v4(&a.addr) || ip_is_loopback(&a.addr))
		return;
	if (addr_renew(dev, &a.addr, a.expires, end_of(preferred), least))
		return;
	a.preferred_until = preferred >= LIFETIME_MAX ? 0 : end_of(preferred);
	if (valid && addr_state(dev, &a.addr) == ADDR_NONE && (!most || addr6_count(dev) < most))
		nd_take_address(dev, &prefix, 0, &a);
}

/*
 * Adds the route that @end describes, by the router that has announced it, for @lifetime seconds.
 * @pref: the route's preference (RFC 4191).
 */
static void got_way(struct nd_job *end, u32 lifetime, u8 pref)
{
	struct route r = {
		.dev = end->dev,
		.dst = end->dst,
		.prefix = end->prefix,
		.gateway = end->addr,
		.table = RT_TABLE_MAIN,
		.protocol = RTPROT_RA,
		.type = RTN_UNICAST,
		.metric = end->metric,
		.pref = pref,
	};
	struct nd_job was;

	end->pref = pref;
	if (nd_drop_job(end, &was) && (!lifetime || was.metric != end->metric || was.pref != pref))
		nd_route_ends(&was);
	end->at = end_of(lifetime);
	if (lifetime && nd_schedule(end))
		route_add(end->dev->net, &r);
}

static void got_router(struct net_device *dev, const ip_addr *from, const u8 *m)
{
	struct nd_job end = {
		.kind = JOB_ROUTE_ENDS,
		.dev = dev,
		.addr = *from,
		.metric = (u32)CONF6(dev, CONF6_RA_METRIC),
	};
	u32 lifetime = (u32)m[6] << 8 | m[7];
	u8 pref = CONF6(dev, CONF6_RA_RTR_PREF) ? m[5] >> 3 & 3 : 0;

	if (too_short(dev, lifetime))
		return;
	got_way(&end, lifetime, pref == 2 ? 0 : pref);
	if (m[4] && m[4] >= CONF6(dev, CONF6_RA_MIN_HOP_LIMIT))
		WRITE_ONCE(dev->conf.v6[CONF6_HOP_LIMIT], m[4]);
}

/*
 * Handles a route information option, if its prefix length is allowed by
 * accept_ra_rt_info_{min,max}_plen.
 */
static void got_route(struct net_device *dev, const ip_addr *from, const u8 *p)
{
	struct nd_job end = {
		.kind = JOB_ROUTE_ENDS,
		.dev = dev,
		.addr = *from,
		.prefix = p[2],
		.metric = p[2] ? ROUTE_METRIC : (u32)CONF6(dev, CONF6_RA_METRIC),
	};
	u8 pref = p[3] >> 3 & 3, *dst = (u8 *)&end.dst;
	u32 lifetime = be32_at(p + 4);

	if (p[1] > 3 || p[2] > 128 ||
		p[1] < (p[2] > 64   ? 3 :
			       p[2] ? 2 :
				      1) ||
		pref == 2 || too_short(dev, lifetime))
		return;
	if (p[2] < CONF6(dev, CONF6_RA_INFO_MIN) || p[2] > CONF6(dev, CONF6_RA_INFO_MAX) ||
		(!p[2] && !CONF6(dev, CONF6_RA_DEFRTR)))
		return;
	memcpy(dst, p + 8, (p[2] + 7U) / 8);
	if (p[2] % 8)
		dst[p[2] / 8] &= (u8)(0xff00U >> p[2] % 8);
	got_way(&end, lifetime, pref);
}

static void got_mtu(struct net_device *dev, const u8 *p)
{
	u32 mtu = be32_at(p + 4);

	if (mtu >= IPV6_MTU_MIN && mtu <= READ_ONCE(dev->mtu))
		WRITE_ONCE(dev->conf.v6[CONF6_MTU], (int)mtu);
}

/*
 * Sets the reachable time of neighbours, and the time between two solicitations; both in ms, 0:
 * unspecified.
 */
static void got_times(struct net_device *dev, u32 reachable, u32 retrans)
{
	int *words = dev->conf.v6 + CONF6_NEIGH;

	if (retrans && retrans <= INT32_MAX)
		WRITE_ONCE(words[NEIGH_RETRANS], (int)retrans);
	if (reachable && reachable <= INT32_MAX / 3) {
		WRITE_ONCE(words[NEIGH_REACHABLE], (int)reachable);
		WRITE_ONCE(words[NEIGH_STALE], (int)reachable * 3);
	}
}

void nd_got_ra(struct net_device *dev, const struct ip_meta *ip, const u8 *m, u32 len)
{
	const u8 *mac, *p = m + 16, *end = m + len;
	bool ours;

	if (!nd_believes_routers(dev) || len < 16 || !ip_is_linklocal(&ip->saddr) ||
		!nd_find_mac(p, end, OPT_SOURCE, &mac))
		return;
	nd_drop_job(&(struct nd_job){ .kind = JOB_RS, .dev = dev }, NULL);
	ours = addr_is_local(dev->net, &ip->saddr, dev->ifindex);
	if (ours && CONF6(dev, CONF6_RA_FROM_LOCAL)) {
		if (m[6] | m[7] && CONF6(dev, CONF6_RA_DEFRTR))
			return; /* no route leads to ourselves */
		ours = false;
	}
	if (mac)
		neigh_learn(dev, &ip->saddr, mac,
			NEIGH_CREATE | NEIGH_OVERRIDE | NEIGH_ROUTER | NEIGH_ISROUTER_KNOWN);
	if (!ours && CONF6(dev, CONF6_RA_DEFRTR))
		got_router(dev, &ip->saddr, m);
	got_times(dev, be32_at(m + 8), be32_at(m + 12));
	/* nd_find_mac() has checked that the options are complete */
	for (; p < end; p += p[1] * 8) {
		if (p[0] == OPT_ROUTE && !ours && CONF6(dev, CONF6_RA_RTR_PREF))
			got_route(dev, &ip->saddr, p);
		else if (p[0] == OPT_PREFIX && p[1] == 4 && CONF6(dev, CONF6_RA_PINFO) &&
			 CONF6(dev, CONF6_AUTOCONF) && !ours)
			got_prefix(dev, p);
		else if (p[0] == OPT_MTU && p[1] == 1 && CONF6(dev, CONF6_RA_MTU))
			got_mtu(dev, p);
	}
}
