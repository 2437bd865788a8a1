/* SPDX-License-Identifier: MIT */
/*
 * values.c: the parameters of a bridge and of a port: IFLA_BR_* and IFLA_BRPORT_*
 * (<linux/if_link.h>), which rtnetlink, sysfs and brctl's calls share. Features that this bridge
 * lacks (sources of groups' members, VLAN filtering, proxy ARP) can be switched off, which changes
 * nothing. Switching them on fails with EOPNOTSUPP.
 * Locks: link.c's mutex, which the caller holds.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/bridge/bridge.h"

#define SECOND 100U /* a second, in ticks */
#define PORT_PRIORITY_MAX 63U
#define COST_MAX 65535U
#define NEVER_PASSED_ON 7U /* bits of group_fwd_mask never allowed */

/* Parameters that can be set to one value only. */
static const struct fixed {
	u16 attr;
	u8 size;
	u32 value;
} fixed_values[] = {
	{ IFLA_BR_VLAN_FILTERING, 1, 0 },
	{ IFLA_BR_MCAST_STATS_ENABLED, 1, 0 },
	{ IFLA_BR_NF_CALL_IPTABLES, 1, 0 },
	{ IFLA_BR_NF_CALL_IP6TABLES, 1, 0 },
	{ IFLA_BR_NF_CALL_ARPTABLES, 1, 0 },
	{ IFLA_BR_VLAN_PROTOCOL, 2, 0x0081 }, /* 802.1Q, in network order */
	{ IFLA_BR_VLAN_STATS_ENABLED, 1, 0 },
	{ IFLA_BR_VLAN_STATS_PER_PORT, 1, 0 },
	{ IFLA_BR_VLAN_DEFAULT_PVID, 2, 1 },
	{ IFLA_BR_MCAST_IGMP_VERSION, 1, 2 },
	{ IFLA_BR_MCAST_MLD_VERSION, 1, 1 },
};

/* The parameters of snoop.c, and the lengths of their attributes. */
static const struct {
	u16 attr;
	u8 size;
} snoop_values[] = {
	{ IFLA_BR_MCAST_SNOOPING, 1 },
	{ IFLA_BR_MCAST_QUERIER, 1 },
	{ IFLA_BR_MCAST_ROUTER, 1 },
	{ IFLA_BR_MCAST_QUERY_USE_IFADDR, 1 },
	{ IFLA_BR_MCAST_HASH_ELASTICITY, 4 },
	{ IFLA_BR_MCAST_HASH_MAX, 4 },
	{ IFLA_BR_MCAST_LAST_MEMBER_CNT, 4 },
	{ IFLA_BR_MCAST_STARTUP_QUERY_CNT, 4 },
	{ IFLA_BR_MCAST_LAST_MEMBER_INTVL, 8 },
	{ IFLA_BR_MCAST_MEMBERSHIP_INTVL, 8 },
	{ IFLA_BR_MCAST_QUERIER_INTVL, 8 },
	{ IFLA_BR_MCAST_QUERY_INTVL, 8 },
	{ IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, 8 },
	{ IFLA_BR_MCAST_STARTUP_QUERY_INTVL, 8 },
};

/* Parameters of a port that can be set to one value only. */
static const struct fixed fixed_port[] = {
	{ IFLA_BRPORT_PROXYARP, 1, 0 },
	{ IFLA_BRPORT_PROXYARP_WIFI, 1, 0 },
	{ IFLA_BRPORT_MCAST_TO_UCAST, 1, 0 },
	{ IFLA_BRPORT_NEIGH_SUPPRESS, 1, 0 },
	{ IFLA_BRPORT_VLAN_TUNNEL, 1, 0 },
};

static const u16 port_flags[BRP_FLAGS] = {
	[BRP_HAIRPIN] = IFLA_BRPORT_MODE,
	[BRP_GUARD] = IFLA_BRPORT_GUARD,
	[BRP_PROTECT] = IFLA_BRPORT_PROTECT,
	[BRP_FAST_LEAVE] = IFLA_BRPORT_FAST_LEAVE,
	[BRP_LEARNING] = IFLA_BRPORT_LEARNING,
	[BRP_UNICAST_FLOOD] = IFLA_BRPORT_UNICAST_FLOOD,
	[BRP_MCAST_FLOOD] = IFLA_BRPORT_MCAST_FLOOD,
	[BRP_BCAST_FLOOD] = IFLA_BRPORT_BCAST_FLOOD,
	[BRP_ISOLATED] = IFLA_BRPORT_ISOLATED,
	[BRP_LOCKED] = IFLA_BRPORT_LOCKED,
};

static const struct fixed *find_fixed(const struct fixed *f, u32 n, u16 attr)
{
	for (; n--; f++)
		if (f->attr == attr)
			return f;
	return NULL;
}

/* ---- parameters of a bridge ---- */

static int set_time(struct bridge *br, u32 *to, u64 v, u32 least, u32 most)
{
	if (v < least || v > most)
		return -ERANGE;
	WRITE_ONCE(*to, (u32)v);
	br_stp_times_changed(br);
	return 0;
}

int br_set_value(struct bridge *br, u16 attr, u64 v)
{
	const struct fixed *f = find_fixed(fixed_values, ARRAY_SIZE(fixed_values), attr);
	int err = br_snoop_set(br, attr, v);

	if (err != -ENOENT)
		return err;
	if (f)
		return v == f->value ? 0 : -EOPNOTSUPP;
	switch (attr) {
	case IFLA_BR_FORWARD_DELAY:
		return br->stp.on ? set_time(br, &br->forward_delay, v, 2 * SECOND, 30 * SECOND) :
				    set_time(br, &br->forward_delay, v, 0, ~0U);
	case IFLA_BR_HELLO_TIME: return set_time(br, &br->hello, v, SECOND, 10 * SECOND);
	case IFLA_BR_MAX_AGE: return set_time(br, &br->max_age, v, 6 * SECOND, 40 * SECOND);
	case IFLA_BR_STP_STATE: br_stp_switch(br, v); return 0;
	case IFLA_BR_AGEING_TIME:
		br->ageing = (u32)min(v, (u64)~0U);
		br_fdb_gc_soon(br);
		return v > ~0U ? -ERANGE : 0;
	case IFLA_BR_PRIORITY:
		if (v > 0xffff)
			return -ERANGE;
		br_stp_set_id(br, (u16)v, br->id_mac);
		return 0;
	case IFLA_BR_GROUP_FWD_MASK:
		if (v > 0xffff || v & NEVER_PASSED_ON)
			return -EINVAL;
		br->group_fwd_mask = (u16)v;
		return 0;
	case IFLA_BR_FDB_FLUSH: br_fdb_flush(br, NULL, BR_FLUSH_LEARNED); return 0;
	}
	return -EOPNOTSUPP;
}

/* Returns the length of an attribute of br_set_value(). */
static u32 size_of(u16 attr)
{
	const struct fixed *f = find_fixed(fixed_values, ARRAY_SIZE(fixed_values), attr);

	if (f)
		return f->size;
	for (u32 i = 0; i < ARRAY_SIZE(snoop_values); i++)
		if (snoop_values[i].attr == attr)
			return snoop_values[i].size;
	switch (attr) {
	case IFLA_BR_FORWARD_DELAY:
	case IFLA_BR_HELLO_TIME:
	case IFLA_BR_MAX_AGE:
	case IFLA_BR_STP_STATE:
	case IFLA_BR_AGEING_TIME: return 4;
	case IFLA_BR_PRIORITY:
	case IFLA_BR_GROUP_FWD_MASK: return 2;
	case IFLA_BR_FDB_FLUSH: return 0;
	}
	return ~0U;
}

static u64 number(const void *p, u32 size)
{
	u64 v = 0;

	memcpy(&v, p, min(size, (u32)sizeof(v)));
	return v;
}

/* Sets the group address, which may be none of 802.1D's other addresses (1, 2, 3). */
static int set_group_addr(struct bridge *br, const u8 *mac)
{
	static const u8 prefix[5] = { 0x01, 0x80, 0xc2, 0, 0 };

	if (memcmp(mac, prefix, sizeof(prefix)) != 0 || mac[5] & 0xf0 ||
		(mac[5] >= 1 && mac[5] <= 3))
		return -EINVAL;
	memcpy(br->group_addr, mac, ETH_ALEN);
	return 0;
}

/* Sets flags by struct br_boolopt_multi, which has a mask of the flags to set and their values. */
static int set_bools(struct bridge *br, const void *p)
{
	struct br_boolopt_multi m;

	memcpy(&m, p, sizeof(m));
	if (m.optmask & m.optval & ~BIT(BR_BOOLOPT_NO_LL_LEARN))
		return -EOPNOTSUPP;
	if (m.optmask & BIT(BR_BOOLOPT_NO_LL_LEARN))
		br->no_linklocal_learn = m.optval & BIT(BR_BOOLOPT_NO_LL_LEARN);
	return 0;
}

/* Calls @set for each attribute of a nest, until a call fails. */
static int for_attrs(
	const void *data, u32 len, int (*set)(void *of, u16 attr, const void *p, u32 n), void *of)
{
	const u8 *at = data, *end = at + len;
	int err = 0;

	while (!err && end - at >= (long)sizeof(struct rtattr)) {
		const struct rtattr *a = (const void *)at;

		if (a->rta_len < sizeof(*a) || a->rta_len > end - at)
			return -EINVAL;
		err = set(of, a->rta_type & 0x3fff, RTA_DATA(a), a->rta_len - (u32)sizeof(*a));
		at += min((long)RTA_ALIGN((u32)a->rta_len), (long)(end - at));
	}
	return err;
}

static int set_attr(void *of, u16 attr, const void *p, u32 n)
{
	struct bridge *br = of;
	u32 size = size_of(attr);

	if (attr == IFLA_BR_GROUP_ADDR)
		return n == ETH_ALEN ? set_group_addr(br, p) : -EINVAL;
	if (attr == IFLA_BR_MULTI_BOOLOPT)
		return n >= sizeof(struct br_boolopt_multi) ? set_bools(br, p) : -EINVAL;
	if (size == ~0U)
		return -EOPNOTSUPP;
	return n < size ? -ERANGE : br_set_value(br, attr, number(p, size));
}

static bool is_time(u16 attr)
{
	return attr == IFLA_BR_FORWARD_DELAY || attr == IFLA_BR_HELLO_TIME ||
	       attr == IFLA_BR_MAX_AGE;
}

static int set_time_attr(void *of, u16 attr, const void *p, u32 n)
{
	return is_time(attr) ? set_attr(of, attr, p, n) : 0;
}

static int set_other_attr(void *of, u16 attr, const void *p, u32 n)
{
	return is_time(attr) ? 0 : set_attr(of, attr, p, n);
}

/*
 * Changes parameters. Times are set first, whatever their position, since switching on the spanning
 * tree changes their limits.
 */
int br_change(struct net_device *dev, const void *data, u32 len)
{
	struct bridge *br = BRIDGE(dev);
	int err = br ? for_attrs(data, len, set_time_attr, br) : -ENODEV;

	return err ? err : for_attrs(data, len, set_other_attr, br);
}

static void put(struct nl_builder *b, u16 attr, u64 v, u32 size)
{
	nl_attr(b, attr, &v, size); /* the machine is little-endian */
}

u32 br_ageing_shown(const struct bridge *br)
{
	return br->stp.on && br->stp.change ? 2 * br->forward_delay : br->ageing;
}

void br_fill(struct nl_builder *b, const struct net_device *dev)
{
	const struct bridge *br = BRIDGE(dev);
	struct br_boolopt_multi bools = { .optmask = BIT(BR_BOOLOPT_NO_LL_LEARN) |
						     BIT(BR_BOOLOPT_MCAST_VLAN_SNOOPING) };
	const struct br_stp *t;
	u8 id[8];

	if (!br)
		return;
	t = &br->stp;
	br_id(br, id);
	put(b, IFLA_BR_HELLO_TIMER, br_ticks_until(t->hello_at), 8);
	put(b, IFLA_BR_TCN_TIMER, br_ticks_until(t->tcn_at), 8);
	put(b, IFLA_BR_TOPOLOGY_CHANGE_TIMER, br_ticks_until(t->change_at), 8);
	put(b, IFLA_BR_GC_TIMER, 0, 8);
	put(b, IFLA_BR_FORWARD_DELAY, t->forward_delay, 4);
	put(b, IFLA_BR_HELLO_TIME, t->hello, 4);
	put(b, IFLA_BR_MAX_AGE, t->max_age, 4);
	put(b, IFLA_BR_AGEING_TIME, br_ageing_shown(br), 4);
	put(b, IFLA_BR_STP_STATE, t->on, 4);
	put(b, IFLA_BR_PRIORITY, br->priority, 2);
	put(b, IFLA_BR_GROUP_FWD_MASK, br->group_fwd_mask, 2);
	nl_attr(b, IFLA_BR_BRIDGE_ID, id, sizeof(id));
	nl_attr(b, IFLA_BR_ROOT_ID, t->root, sizeof(t->root));
	put(b, IFLA_BR_ROOT_PORT, t->root_port, 2);
	put(b, IFLA_BR_ROOT_PATH_COST, t->root_cost, 4);
	put(b, IFLA_BR_TOPOLOGY_CHANGE, t->change, 1);
	put(b, IFLA_BR_TOPOLOGY_CHANGE_DETECTED, t->change_detected, 1);
	nl_attr(b, IFLA_BR_GROUP_ADDR, br->group_addr, ETH_ALEN);
	bools.optval = br->no_linklocal_learn ? BIT(BR_BOOLOPT_NO_LL_LEARN) : 0;
	nl_attr(b, IFLA_BR_MULTI_BOOLOPT, &bools, sizeof(bools));
	for (u32 i = 0; i < ARRAY_SIZE(fixed_values); i++)
		put(b, fixed_values[i].attr, fixed_values[i].value, fixed_values[i].size);
	for (u32 i = 0; i < ARRAY_SIZE(snoop_values); i++)
		put(b, snoop_values[i].attr, br_snoop_value(br, snoop_values[i].attr),
			snoop_values[i].size);
}

/* ---- parameters of a port ---- */

static int set_state(struct br_port *p, u64 v)
{
	if (v > BR_STATE_BLOCKING)
		return -EINVAL;
	if (p->br->stp.on)
		return -EBUSY;
	if (!(p->dev->flags & IFF_UP) || (!p->dev->carrier && v != BR_STATE_DISABLED))
		return -ENETDOWN;
	return br_stp_set_state(p, (u8)v);
}

int br_port_set_value(struct br_port *p, u16 attr, u64 v)
{
	const struct fixed *f = find_fixed(fixed_port, ARRAY_SIZE(fixed_port), attr);

	if (f)
		return v == f->value ? 0 : -EOPNOTSUPP;
	for (u32 i = 0; i < BRP_FLAGS; i++) {
		if (port_flags[i] == attr) {
			WRITE_ONCE(p->flags, v ? p->flags | (u32)BIT(i) : p->flags & ~(u32)BIT(i));
			return 0;
		}
	}
	switch (attr) {
	case IFLA_BRPORT_STATE: return set_state(p, v);
	case IFLA_BRPORT_PRIORITY:
		if (v > PORT_PRIORITY_MAX)
			return -ERANGE;
		br_stp_set_priority(p, (u16)v);
		return 0;
	case IFLA_BRPORT_COST:
		if (v < 1 || v > COST_MAX)
			return -ERANGE;
		br_stp_set_cost(p, (u32)v);
		return 0;
	case IFLA_BRPORT_GROUP_FWD_MASK:
		if (v > 0xffff || v & NEVER_PASSED_ON)
			return -EINVAL;
		p->group_fwd_mask = (u16)v;
		return 0;
	case IFLA_BRPORT_MULTICAST_ROUTER: return br_snoop_set_router(p, v);
	case IFLA_BRPORT_FLUSH: br_fdb_flush(p->br, p, BR_FLUSH_LEARNED); return 0;
	}
	return -EOPNOTSUPP;
}

static u32 port_size_of(u16 attr)
{
	switch (attr) {
	case IFLA_BRPORT_COST: return 4;
	case IFLA_BRPORT_PRIORITY:
	case IFLA_BRPORT_GROUP_FWD_MASK: return 2;
	case IFLA_BRPORT_FLUSH: return 0;
	}
	return 1;
}

static int set_port_attr(void *of, u16 attr, const void *p, u32 n)
{
	u32 size = port_size_of(attr);

	return n < size ? -ERANGE : br_port_set_value(of, attr, number(p, size));
}

int br_change_port(struct net_device *port, const void *data, u32 len)
{
	struct br_port *p = br_port_of(port);
	int err = p ? for_attrs(data, len, set_port_attr, p) : -EINVAL;

	if (!err)
		br_notify_port(p);
	return err;
}

void br_fill_port(struct nl_builder *b, const struct net_device *port)
{
	const struct br_port *p = br_port_of(port);
	const struct br_vector *v;

	if (!p)
		return;
	v = &p->stp.best;
	put(b, IFLA_BRPORT_STATE, p->state, 1);
	put(b, IFLA_BRPORT_PRIORITY, p->priority, 2);
	put(b, IFLA_BRPORT_COST, p->cost, 4);
	for (u32 i = 0; i < BRP_FLAGS; i++)
		put(b, port_flags[i], p->flags & BIT(i) ? 1 : 0, 1);
	for (u32 i = 0; i < ARRAY_SIZE(fixed_port); i++)
		put(b, fixed_port[i].attr, fixed_port[i].value, fixed_port[i].size);
	put(b, IFLA_BRPORT_MULTICAST_ROUTER, p->snoop.router, 1);
	nl_attr(b, IFLA_BRPORT_ROOT_ID, v->root, sizeof(v->root));
	nl_attr(b, IFLA_BRPORT_BRIDGE_ID, v->bridge, sizeof(v->bridge));
	put(b, IFLA_BRPORT_DESIGNATED_PORT, v->port, 2);
	put(b, IFLA_BRPORT_DESIGNATED_COST, v->cost, 2);
	put(b, IFLA_BRPORT_ID, br_port_id(p), 2);
	put(b, IFLA_BRPORT_NO, p->no, 2);
	put(b, IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, p->stp.change_ack, 1);
	put(b, IFLA_BRPORT_CONFIG_PENDING, p->stp.pending, 1);
	put(b, IFLA_BRPORT_MESSAGE_AGE_TIMER, br_ticks_until(p->stp.age_at), 8);
	put(b, IFLA_BRPORT_FORWARD_DELAY_TIMER, br_ticks_until(p->stp.forward_at), 8);
	put(b, IFLA_BRPORT_HOLD_TIMER, br_ticks_until(p->stp.hold_at), 8);
	put(b, IFLA_BRPORT_GROUP_FWD_MASK, p->group_fwd_mask, 2);
}
