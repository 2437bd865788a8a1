/* SPDX-License-Identifier: MIT */
/*
 * sysfs.c: a bridge in /sys/class/net/NAME/bridge and its ports in NAME/brport, for brctl(8) and
 * for programs that test whether these exist. Values are read under net->lock, and set through
 * values.c under link.c's mutex.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/bridge/bridge.h"
#include "kernel/net/link/net_sysfs.h"

static bool when_bridge(const struct net_device *d)
{
	return is_bridge(d);
}

static bool when_port(const struct net_device *d)
{
	return br_port_of(d);
}

static int set_bridge(struct net_device *d, u16 attr, const char *text)
{
	struct bridge *br;
	u64 v;
	int err;

	if (kstrtou64(text, 0, &v))
		return -EINVAL;
	link_lock();
	br = BRIDGE(d);
	err = br ? br_set_value(br, attr, v) : -ENODEV;
	link_unlock();
	if (!err)
		rtnl_notify_link(d, RTM_NEWLINK, 0);
	/* sends the frames that the spanning tree has queued */
	net_rx_flush();
	return err;
}

static int set_port(struct net_device *d, u16 attr, const char *text)
{
	struct br_port *p;
	u64 v;
	int err;

	if (kstrtou64(text, 0, &v))
		return -EINVAL;
	link_lock();
	p = br_port_of(d);
	err = p ? br_port_set_value(p, attr, v) : -ENODEV;
	if (!err)
		br_notify_port(p);
	link_unlock();
	net_rx_flush();
	return err;
}

static void show_id(struct seq *s, const u8 id[8])
{
	seq_printf(s, "%02x%02x.%02x%02x%02x%02x%02x%02x\n", id[0], id[1], id[2], id[3], id[4],
		id[5], id[6], id[7]);
}

/* ---- the bridge ---- */

#define BR_SHOW(name, format, ...)                                                                 \
	static void show_##name(struct seq *s, const struct net_device *d)                         \
	{                                                                                          \
		const struct bridge *br = BRIDGE(d);                                               \
                                                                                                   \
		if (br)                                                                            \
			seq_printf(s, format "\n", __VA_ARGS__);                                   \
	}
#define BR_STORE(name, attr)                                                                       \
	static int store_##name(struct net_device *d, const char *text)                            \
	{                                                                                          \
		return set_bridge(d, attr, text);                                                  \
	}

BR_SHOW(ageing_time, "%u", br_ageing_shown(br))
BR_STORE(ageing_time, IFLA_BR_AGEING_TIME)
BR_SHOW(forward_delay, "%u", br->stp.forward_delay)
BR_STORE(forward_delay, IFLA_BR_FORWARD_DELAY)
BR_SHOW(hello_time, "%u", br->stp.hello)
BR_STORE(hello_time, IFLA_BR_HELLO_TIME)
BR_SHOW(max_age, "%u", br->stp.max_age)
BR_STORE(max_age, IFLA_BR_MAX_AGE)
BR_SHOW(priority, "%u", br->priority)
BR_STORE(priority, IFLA_BR_PRIORITY)
BR_SHOW(group_fwd_mask, "0x%x", br->group_fwd_mask)
BR_STORE(group_fwd_mask, IFLA_BR_GROUP_FWD_MASK)
BR_SHOW(group_addr, "%02x:%02x:%02x:%02x:%02x:%02x", br->group_addr[0], br->group_addr[1],
	br->group_addr[2], br->group_addr[3], br->group_addr[4], br->group_addr[5])
BR_SHOW(zero, "%d", br ? 0 : 1)
BR_SHOW(stp_state, "%d", br->stp.on)
BR_SHOW(root_port, "%u", br->stp.root_port)
BR_SHOW(root_path_cost, "%u", br->stp.root_cost)
BR_SHOW(topology_change, "%d", br->stp.change)
BR_SHOW(topology_change_detected, "%d", br->stp.change_detected)
BR_SHOW(hello_timer, "%lu", br_ticks_until(br->stp.hello_at))
BR_SHOW(tcn_timer, "%lu", br_ticks_until(br->stp.tcn_at))
BR_SHOW(topology_change_timer, "%lu", br_ticks_until(br->stp.change_at))
BR_SHOW(no_linklocal_learn, "%d", br->no_linklocal_learn)
BR_STORE(stp_state, IFLA_BR_STP_STATE)
BR_SHOW(multicast_igmp_version, "%d", br ? 2 : 0)
BR_STORE(multicast_igmp_version, IFLA_BR_MCAST_IGMP_VERSION)
BR_SHOW(multicast_mld_version, "%d", br ? 1 : 0)
BR_STORE(multicast_mld_version, IFLA_BR_MCAST_MLD_VERSION)
BR_STORE(multicast_stats_enabled, IFLA_BR_MCAST_STATS_ENABLED)
#define BR_SNOOP(name, attr)                                                                       \
	BR_SHOW(name, "%lu", br_snoop_value(br, attr))                                             \
	BR_STORE(name, attr)
BR_SNOOP(hash_elasticity, IFLA_BR_MCAST_HASH_ELASTICITY)
BR_SNOOP(hash_max, IFLA_BR_MCAST_HASH_MAX)
BR_SNOOP(multicast_last_member_count, IFLA_BR_MCAST_LAST_MEMBER_CNT)
BR_SNOOP(multicast_last_member_interval, IFLA_BR_MCAST_LAST_MEMBER_INTVL)
BR_SNOOP(multicast_membership_interval, IFLA_BR_MCAST_MEMBERSHIP_INTVL)
BR_SNOOP(multicast_querier, IFLA_BR_MCAST_QUERIER)
BR_SNOOP(multicast_querier_interval, IFLA_BR_MCAST_QUERIER_INTVL)
BR_SNOOP(multicast_query_interval, IFLA_BR_MCAST_QUERY_INTVL)
BR_SNOOP(multicast_query_response_interval, IFLA_BR_MCAST_QUERY_RESPONSE_INTVL)
BR_SNOOP(multicast_query_use_ifaddr, IFLA_BR_MCAST_QUERY_USE_IFADDR)
BR_SNOOP(multicast_router, IFLA_BR_MCAST_ROUTER)
BR_SNOOP(multicast_snooping, IFLA_BR_MCAST_SNOOPING)
BR_SNOOP(multicast_startup_query_count, IFLA_BR_MCAST_STARTUP_QUERY_CNT)
BR_SNOOP(multicast_startup_query_interval, IFLA_BR_MCAST_STARTUP_QUERY_INTVL)
BR_STORE(vlan_filtering, IFLA_BR_VLAN_FILTERING)
BR_STORE(nf_call_iptables, IFLA_BR_NF_CALL_IPTABLES)
BR_STORE(flush, IFLA_BR_FDB_FLUSH)

static void show_bridge_id(struct seq *s, const struct net_device *d)
{
	const struct bridge *br = BRIDGE(d);
	u8 id[8];

	if (!br)
		return;
	br_id(br, id);
	show_id(s, id);
}

static void show_root_id(struct seq *s, const struct net_device *d)
{
	const struct bridge *br = BRIDGE(d);

	if (br)
		show_id(s, br->stp.root);
}

static const struct net_attribute bridge_files[] = {
	{ "bridge/ageing_time", show_ageing_time, store_ageing_time, when_bridge },
	{ "bridge/bridge_id", show_bridge_id, NULL, when_bridge },
	{ "bridge/flush", show_zero, store_flush, when_bridge },
	{ "bridge/forward_delay", show_forward_delay, store_forward_delay, when_bridge },
	{ "bridge/gc_timer", show_zero, NULL, when_bridge },
	{ "bridge/group_addr", show_group_addr, NULL, when_bridge },
	{ "bridge/group_fwd_mask", show_group_fwd_mask, store_group_fwd_mask, when_bridge },
	{ "bridge/hash_elasticity", show_hash_elasticity, store_hash_elasticity, when_bridge },
	{ "bridge/hash_max", show_hash_max, store_hash_max, when_bridge },
	{ "bridge/hello_time", show_hello_time, store_hello_time, when_bridge },
	{ "bridge/hello_timer", show_hello_timer, NULL, when_bridge },
	{ "bridge/max_age", show_max_age, store_max_age, when_bridge },
	{ "bridge/multicast_igmp_version", show_multicast_igmp_version,
		store_multicast_igmp_version, when_bridge },
	{ "bridge/multicast_mld_version", show_multicast_mld_version, store_multicast_mld_version,
		when_bridge },
	{ "bridge/multicast_stats_enabled", show_zero, store_multicast_stats_enabled, when_bridge },
	{ "bridge/multicast_last_member_count", show_multicast_last_member_count,
		store_multicast_last_member_count, when_bridge },
	{ "bridge/multicast_last_member_interval", show_multicast_last_member_interval,
		store_multicast_last_member_interval, when_bridge },
	{ "bridge/multicast_membership_interval", show_multicast_membership_interval,
		store_multicast_membership_interval, when_bridge },
	{ "bridge/multicast_querier", show_multicast_querier, store_multicast_querier,
		when_bridge },
	{ "bridge/multicast_querier_interval", show_multicast_querier_interval,
		store_multicast_querier_interval, when_bridge },
	{ "bridge/multicast_query_interval", show_multicast_query_interval,
		store_multicast_query_interval, when_bridge },
	{ "bridge/multicast_query_response_interval", show_multicast_query_response_interval,
		store_multicast_query_response_interval, when_bridge },
	{ "bridge/multicast_query_use_ifaddr", show_multicast_query_use_ifaddr,
		store_multicast_query_use_ifaddr, when_bridge },
	{ "bridge/multicast_router", show_multicast_router, store_multicast_router, when_bridge },
	{ "bridge/multicast_snooping", show_multicast_snooping, store_multicast_snooping,
		when_bridge },
	{ "bridge/multicast_startup_query_count", show_multicast_startup_query_count,
		store_multicast_startup_query_count, when_bridge },
	{ "bridge/multicast_startup_query_interval", show_multicast_startup_query_interval,
		store_multicast_startup_query_interval, when_bridge },
	{ "bridge/nf_call_arptables", show_zero, NULL, when_bridge },
	{ "bridge/nf_call_ip6tables", show_zero, NULL, when_bridge },
	{ "bridge/nf_call_iptables", show_zero, store_nf_call_iptables, when_bridge },
	{ "bridge/no_linklocal_learn", show_no_linklocal_learn, NULL, when_bridge },
	{ "bridge/priority", show_priority, store_priority, when_bridge },
	{ "bridge/root_id", show_root_id, NULL, when_bridge },
	{ "bridge/root_path_cost", show_root_path_cost, NULL, when_bridge },
	{ "bridge/root_port", show_root_port, NULL, when_bridge },
	{ "bridge/stp_state", show_stp_state, store_stp_state, when_bridge },
	{ "bridge/tcn_timer", show_tcn_timer, NULL, when_bridge },
	{ "bridge/topology_change", show_topology_change, NULL, when_bridge },
	{ "bridge/topology_change_detected", show_topology_change_detected, NULL, when_bridge },
	{ "bridge/topology_change_timer", show_topology_change_timer, NULL, when_bridge },
	{ "bridge/vlan_filtering", show_zero, store_vlan_filtering, when_bridge },
};
const struct net_attribute_group br_attributes = { bridge_files, ARRAY_SIZE(bridge_files) };

/* ---- a port ---- */

#define PORT_SHOW(name, format, value)                                                             \
	static void show_port_##name(struct seq *s, const struct net_device *d)                    \
	{                                                                                          \
		const struct br_port *p = br_port_of(d);                                           \
                                                                                                   \
		if (p)                                                                             \
			seq_printf(s, format "\n", value);                                         \
	}
#define PORT_STORE(name, attr)                                                                     \
	static int store_port_##name(struct net_device *d, const char *text)                       \
	{                                                                                          \
		return set_port(d, attr, text);                                                    \
	}
#define PORT_FLAG(name, bit, attr)                                                                 \
	PORT_SHOW(name, "%d", p->flags &BIT(bit) ? 1 : 0)                                          \
	PORT_STORE(name, attr)

PORT_SHOW(path_cost, "%u", p->cost)
PORT_STORE(path_cost, IFLA_BRPORT_COST)
PORT_SHOW(priority, "%u", p->priority)
PORT_STORE(priority, IFLA_BRPORT_PRIORITY)
PORT_SHOW(port_id, "0x%x", br_port_id(p))
PORT_SHOW(port_no, "0x%x", p->no)
PORT_SHOW(state, "%u", p->state)
PORT_SHOW(designated_port, "%u", p->stp.best.port)
PORT_SHOW(designated_cost, "%u", p->stp.best.cost)
PORT_SHOW(change_ack, "%d", p->stp.change_ack)
PORT_SHOW(config_pending, "%d", p->stp.pending)
PORT_SHOW(message_age_timer, "%lu", br_ticks_until(p->stp.age_at))
PORT_SHOW(forward_delay_timer, "%lu", br_ticks_until(p->stp.forward_at))
PORT_SHOW(hold_timer, "%lu", br_ticks_until(p->stp.hold_at))
PORT_SHOW(zero, "%d", p ? 0 : 1)
PORT_SHOW(group_fwd_mask, "0x%x", p->group_fwd_mask)
PORT_STORE(group_fwd_mask, IFLA_BRPORT_GROUP_FWD_MASK)
PORT_STORE(flush, IFLA_BRPORT_FLUSH)
PORT_FLAG(hairpin_mode, BRP_HAIRPIN, IFLA_BRPORT_MODE)
PORT_FLAG(bpdu_guard, BRP_GUARD, IFLA_BRPORT_GUARD)
PORT_FLAG(root_block, BRP_PROTECT, IFLA_BRPORT_PROTECT)
PORT_FLAG(learning, BRP_LEARNING, IFLA_BRPORT_LEARNING)
PORT_FLAG(unicast_flood, BRP_UNICAST_FLOOD, IFLA_BRPORT_UNICAST_FLOOD)
PORT_FLAG(multicast_flood, BRP_MCAST_FLOOD, IFLA_BRPORT_MCAST_FLOOD)
PORT_FLAG(broadcast_flood, BRP_BCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD)
PORT_FLAG(multicast_fast_leave, BRP_FAST_LEAVE, IFLA_BRPORT_FAST_LEAVE)
PORT_SHOW(multicast_router, "%u", p->snoop.router)
PORT_STORE(multicast_router, IFLA_BRPORT_MULTICAST_ROUTER)
PORT_FLAG(isolated, BRP_ISOLATED, IFLA_BRPORT_ISOLATED)

static void show_designated_bridge(struct seq *s, const struct net_device *d)
{
	const struct br_port *p = br_port_of(d);

	if (p)
		show_id(s, p->stp.best.bridge);
}

static void show_designated_root(struct seq *s, const struct net_device *d)
{
	const struct br_port *p = br_port_of(d);

	if (p)
		show_id(s, p->stp.best.root);
}

static const struct net_attribute port_files[] = {
	{ "brport/bpdu_guard", show_port_bpdu_guard, store_port_bpdu_guard, when_port },
	{ "brport/broadcast_flood", show_port_broadcast_flood, store_port_broadcast_flood,
		when_port },
	{ "brport/change_ack", show_port_change_ack, NULL, when_port },
	{ "brport/config_pending", show_port_config_pending, NULL, when_port },
	{ "brport/designated_bridge", show_designated_bridge, NULL, when_port },
	{ "brport/designated_cost", show_port_designated_cost, NULL, when_port },
	{ "brport/designated_port", show_port_designated_port, NULL, when_port },
	{ "brport/designated_root", show_designated_root, NULL, when_port },
	{ "brport/flush", show_port_zero, store_port_flush, when_port },
	{ "brport/forward_delay_timer", show_port_forward_delay_timer, NULL, when_port },
	{ "brport/group_fwd_mask", show_port_group_fwd_mask, store_port_group_fwd_mask, when_port },
	{ "brport/hairpin_mode", show_port_hairpin_mode, store_port_hairpin_mode, when_port },
	{ "brport/hold_timer", show_port_hold_timer, NULL, when_port },
	{ "brport/isolated", show_port_isolated, store_port_isolated, when_port },
	{ "brport/learning", show_port_learning, store_port_learning, when_port },
	{ "brport/message_age_timer", show_port_message_age_timer, NULL, when_port },
	{ "brport/multicast_fast_leave", show_port_multicast_fast_leave,
		store_port_multicast_fast_leave, when_port },
	{ "brport/multicast_flood", show_port_multicast_flood, store_port_multicast_flood,
		when_port },
	{ "brport/multicast_router", show_port_multicast_router, store_port_multicast_router,
		when_port },
	{ "brport/path_cost", show_port_path_cost, store_port_path_cost, when_port },
	{ "brport/port_id", show_port_port_id, NULL, when_port },
	{ "brport/port_no", show_port_port_no, NULL, when_port },
	{ "brport/priority", show_port_priority, store_port_priority, when_port },
	{ "brport/root_block", show_port_root_block, store_port_root_block, when_port },
	{ "brport/state", show_port_state, NULL, when_port },
	{ "brport/unicast_flood", show_port_unicast_flood, store_port_unicast_flood, when_port },
};
const struct net_attribute_group br_port_attributes = { port_files, ARRAY_SIZE(port_files) };
