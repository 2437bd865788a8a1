/* SPDX-License-Identifier: MIT */
/*
 * netconf.c: /proc/sys/net/{ipv4,ipv6}/conf/NAME/..., ip_forward and conf/all/forwarding, of the
 * reader's namespace (linux-doc networking/ip-sysctl). A sysctl that would have no effect is not in
 * the table. Exceptions: "tag" and "bootp_relay", which have no effect on Linux either, and the
 * sysctls that machines commonly switch off for safety, which are always off.
 * Locks: net->lock, which keeps a device in place.
 */
#include <asm/errno.h>
#include <linux/if_link.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/mm.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netname.h"

struct key {
	const char *name;
	bool v6;
	u8 index;
	/* a limit above INT32_MAX: the value is unsigned */
	s64 min, max;
	int initial;
};

/*
 * Values of neigh/NAME. Values written in seconds are kept in milliseconds, and queue limits
 * written in packets are kept in bytes: as on Linux, PACKET bytes for a largest Ethernet packet.
 */
#define SECONDS (INT32_MAX / 1000)
#define PACKET 2090
#define PACKETS (INT32_MAX / PACKET)
#define NEIGH_KEYS(v6, at, lock)                                                                   \
	{ "mcast_solicit", v6, (at) + NEIGH_ASK_ALL, 0, INT32_MAX, 3 },                            \
		{ "ucast_solicit", v6, (at) + NEIGH_ASK_ONE, 0, INT32_MAX, 3 },                    \
		{ "retrans_time_ms", v6, (at) + NEIGH_RETRANS, 0, INT32_MAX, 1000 },               \
		{ "base_reachable_time_ms", v6, (at) + NEIGH_REACHABLE, 0, INT32_MAX, 30000 },     \
		{ "base_reachable_time", v6, (at) + NEIGH_REACHABLE, 0, SECONDS, 30000 },          \
		{ "delay_first_probe_time", v6, (at) + NEIGH_DELAY, 0, SECONDS, 5000 },            \
		{ "app_solicit", v6, (at) + NEIGH_ASK_APP, 0, INT32_MAX, 0 },                      \
		{ "mcast_resolicit", v6, (at) + NEIGH_ASK_AGAIN, 0, INT32_MAX, 0 },                \
		{ "gc_stale_time", v6, (at) + NEIGH_STALE, -SECONDS, SECONDS, 60000 },             \
		{ "unres_qlen_bytes", v6, (at) + NEIGH_QUEUE, 0, INT32_MAX, 212992 },              \
		{ "unres_qlen", v6, (at) + NEIGH_QUEUE, 0, PACKETS, 212992 },                      \
	{                                                                                          \
		"locktime", v6, (at) + NEIGH_LOCK, INT32_MIN, INT32_MAX, lock                      \
	}

/* no value is in this range; mode 0444 */
#define READ_ONLY 1, 0

static const struct key keys[] = {
	{ "forwarding", false, CONF4_FORWARDING, INT32_MIN, INT32_MAX, 0 },
	{ "rp_filter", false, CONF4_RP_FILTER, INT32_MIN, INT32_MAX, 0 },
	{ "accept_local", false, CONF4_ACCEPT_LOCAL, INT32_MIN, INT32_MAX, 0 },
	{ "route_localnet", false, CONF4_ROUTE_LOCALNET, INT32_MIN, INT32_MAX, 0 },
	{ "send_redirects", false, CONF4_SEND_REDIRECTS, INT32_MIN, INT32_MAX, 1 },
	{ "proxy_arp", false, CONF4_PROXY_ARP, INT32_MIN, INT32_MAX, 0 },
	{ "arp_notify", false, CONF4_ARP_NOTIFY, INT32_MIN, INT32_MAX, 0 },
	{ "arp_ignore", false, CONF4_ARP_IGNORE, INT32_MIN, INT32_MAX, 0 },
	{ "force_igmp_version", false, CONF4_FORCE_IGMP, INT32_MIN, INT32_MAX, 0 },
	{ "promote_secondaries", false, CONF4_PROMOTE, INT32_MIN, INT32_MAX, 0 },
	{ "accept_redirects", false, CONF4_ACCEPT_REDIRECTS, 0, 0, 0 },
	{ "accept_source_route", false, CONF4_ACCEPT_SOURCE_ROUTE, 0, 0, 0 },
	{ "log_martians", false, CONF4_LOG_MARTIANS, 0, 0, 0 },
	{ "arp_evict_nocarrier", false, CONF4_ARP_EVICT, INT32_MIN, INT32_MAX, 1 },
	{ "tag", false, CONF4_TAG, INT32_MIN, INT32_MAX, 0 },
	{ "bootp_relay", false, CONF4_BOOTP_RELAY, INT32_MIN, INT32_MAX, 0 },
	{ "arp_announce", false, CONF4_ARP_ANNOUNCE, INT32_MIN, INT32_MAX, 0 },
	{ "arp_filter", false, CONF4_ARP_FILTER, INT32_MIN, INT32_MAX, 0 },
	{ "arp_accept", false, CONF4_ARP_ACCEPT, INT32_MIN, INT32_MAX, 0 },
	{ "drop_gratuitous_arp", false, CONF4_DROP_GRATUITOUS, INT32_MIN, INT32_MAX, 0 },
	{ "proxy_arp_pvlan", false, CONF4_PROXY_ARP_PVLAN, INT32_MIN, INT32_MAX, 0 },
	{ "medium_id", false, CONF4_MEDIUM_ID, INT32_MIN, INT32_MAX, 0 },
	{ "shared_media", false, CONF4_SHARED_MEDIA, INT32_MIN, INT32_MAX, 1 },
	{ "src_valid_mark", false, CONF4_SRC_VALID_MARK, INT32_MIN, INT32_MAX, 0 },
	{ "bc_forwarding", false, CONF4_BC_FORWARDING, INT32_MIN, INT32_MAX, 0 },
	{ "mc_forwarding", false, CONF4_MC_FORWARDING, READ_ONLY, 0 },
	{ "drop_unicast_in_l2_multicast", false, CONF4_DROP_L2_MULTICAST, INT32_MIN, INT32_MAX, 0 },
	{ "ignore_routes_with_linkdown", false, CONF4_IGNORE_LINKDOWN, INT32_MIN, INT32_MAX, 0 },
	{ "igmpv2_unsolicited_report_interval", false, CONF4_IGMP2_INTERVAL, INT32_MIN, INT32_MAX,
		10000 },
	{ "igmpv3_unsolicited_report_interval", false, CONF4_IGMP3_INTERVAL, INT32_MIN, INT32_MAX,
		1000 },
	NEIGH_KEYS(false, CONF4_NEIGH, 100),
	{ "proxy_delay", false, CONF4_NEIGH + NEIGH_PROXY, INT32_MIN, INT32_MAX, 80 },
	{ "proxy_qlen", false, CONF4_NEIGH + NEIGH_PROXIED, 0, INT32_MAX, 64 },
	NEIGH_KEYS(true, CONF6_NEIGH, 0),
	{ "forwarding", true, CONF6_FORWARDING, INT32_MIN, INT32_MAX, 0 },
	{ "disable_ipv6", true, CONF6_DISABLE, INT32_MIN, INT32_MAX, 0 },
	{ "accept_ra", true, CONF6_ACCEPT_RA, INT32_MIN, INT32_MAX, 1 },
	{ "accept_dad", true, CONF6_ACCEPT_DAD, INT32_MIN, INT32_MAX, 1 },
	{ "autoconf", true, CONF6_AUTOCONF, INT32_MIN, INT32_MAX, 1 },
	{ "addr_gen_mode", true, CONF6_ADDR_GEN_MODE, 0, 3, 0 },
	{ "force_mld_version", true, CONF6_FORCE_MLD, INT32_MIN, INT32_MAX, 0 },
	{ "accept_redirects", true, CONF6_ACCEPT_REDIRECTS, 0, 0, 0 },
	{ "accept_source_route", true, CONF6_ACCEPT_SOURCE_ROUTE, 0, 0, 0 },
	{ "use_tempaddr", true, CONF6_USE_TEMPADDR, 0, 0, 0 },
	{ "proxy_ndp", true, CONF6_PROXY_NDP, 0, 0, 0 },
	{ "ndisc_evict_nocarrier", true, CONF6_NDISC_EVICT, 0, 1, 1 },
	{ "hop_limit", true, CONF6_HOP_LIMIT, 1, 255, 64 },
	{ "mtu", true, CONF6_MTU, IPV6_MTU_MIN, INT32_MAX, IPV6_MTU_MIN },
	{ "dad_transmits", true, CONF6_DAD_TRANSMITS, INT32_MIN, INT32_MAX, 1 },
	{ "enhanced_dad", true, CONF6_ENHANCED_DAD, INT32_MIN, INT32_MAX, 1 },
	{ "keep_addr_on_down", true, CONF6_KEEP_ADDR, INT32_MIN, INT32_MAX, 0 },
	{ "max_addresses", true, CONF6_MAX_ADDRESSES, INT32_MIN, INT32_MAX, 16 },
	{ "use_oif_addrs_only", true, CONF6_OIF_ADDRS_ONLY, INT32_MIN, INT32_MAX, 0 },
	{ "router_solicitations", true, CONF6_RS_COUNT, INT32_MIN, INT32_MAX, -1 },
	{ "router_solicitation_delay", true, CONF6_RS_DELAY, -SECONDS, SECONDS, 1000 },
	{ "router_solicitation_interval", true, CONF6_RS_INTERVAL, -SECONDS, SECONDS, 4000 },
	{ "router_solicitation_max_interval", true, CONF6_RS_MAX_INTERVAL, -SECONDS, SECONDS,
		3600000 },
	{ "accept_ra_defrtr", true, CONF6_RA_DEFRTR, INT32_MIN, INT32_MAX, 1 },
	{ "ra_defrtr_metric", true, CONF6_RA_METRIC, 1, UINT32_MAX, 1024 },
	{ "accept_ra_rtr_pref", true, CONF6_RA_RTR_PREF, INT32_MIN, INT32_MAX, 1 },
	{ "accept_ra_pinfo", true, CONF6_RA_PINFO, INT32_MIN, INT32_MAX, 1 },
	{ "ra_honor_pio_life", true, CONF6_RA_PIO_LIFE, 0, 1, 0 },
	{ "accept_ra_mtu", true, CONF6_RA_MTU, INT32_MIN, INT32_MAX, 1 },
	{ "accept_ra_min_hop_limit", true, CONF6_RA_MIN_HOP_LIMIT, INT32_MIN, INT32_MAX, 1 },
	{ "accept_ra_min_lft", true, CONF6_RA_MIN_LFT, INT32_MIN, INT32_MAX, 0 },
	{ "accept_ra_from_local", true, CONF6_RA_FROM_LOCAL, INT32_MIN, INT32_MAX, 0 },
	{ "accept_ra_rt_info_min_plen", true, CONF6_RA_INFO_MIN, INT32_MIN, INT32_MAX, 0 },
	{ "accept_ra_rt_info_max_plen", true, CONF6_RA_INFO_MAX, INT32_MIN, INT32_MAX, 0 },
	{ "force_tllao", true, CONF6_FORCE_TLLAO, INT32_MIN, INT32_MAX, 0 },
	{ "ndisc_notify", true, CONF6_NDISC_NOTIFY, INT32_MIN, INT32_MAX, 0 },
	{ "ndisc_tclass", true, CONF6_NDISC_TCLASS, 0, 255, 0 },
	{ "drop_unsolicited_na", true, CONF6_DROP_UNSOLICITED_NA, INT32_MIN, INT32_MAX, 0 },
	{ "accept_untracked_na", true, CONF6_ACCEPT_UNTRACKED_NA, 0, 2, 0 },
	{ "suppress_frag_ndisc", true, CONF6_SUPPRESS_FRAG, INT32_MIN, INT32_MAX, 1 },
	{ "mldv1_unsolicited_report_interval", true, CONF6_MLDV1_INTERVAL, 0, INT32_MAX, 10000 },
	{ "mldv2_unsolicited_report_interval", true, CONF6_MLDV2_INTERVAL, 0, INT32_MAX, 1000 },
	{ "ignore_routes_with_linkdown", true, CONF6_IGNORE_LINKDOWN, INT32_MIN, INT32_MAX, 0 },
	{ "drop_unicast_in_l2_multicast", true, CONF6_DROP_UNICAST, INT32_MIN, INT32_MAX, 0 },
	{ "mc_forwarding", true, CONF6_MC_FORWARDING, READ_ONLY, 0 },
};

BUILD_BUG_ON(CONF4_NEIGH > 64); /* netconf.own4 has a bit for each word */

static bool is(const struct key *k, bool v6, u8 index)
{
	return k->v6 == v6 && k->index == index;
}

static bool is_neigh(const struct key *k)
{
	return k->index >= (k->v6 ? CONF6_NEIGH : CONF4_NEIGH);
}

static int unit(const struct key *k)
{
	return k->max == SECONDS ? 1000 : k->max == PACKETS ? PACKET : 1;
}

static int *word(struct netconf *c, const struct key *k)
{
	return k->v6 ? &c->v6[k->index] : &c->v4[k->index];
}

/* Where the first values of a new namespace come from (devconf_inherit_init_net). */
enum { INHERIT_V4, INHERIT_INIT, INHERIT_NONE, INHERIT_OWN };
static int inherit_init_net = INHERIT_V4;
static const struct sysctl inherits[] = {
	SYSCTL_NUM("net/core/devconf_inherit_init_net", inherit_init_net, INHERIT_V4, INHERIT_OWN),
};

static void take_over(struct net *net, const struct net *from, bool v6)
{
	struct netconf *all = &net->conf_all, *def = &net->conf_default;

	if (v6) {
		memcpy(all->v6, from->conf_all.v6, sizeof(all->v6));
		memcpy(def->v6, from->conf_default.v6, sizeof(def->v6));
	} else {
		memcpy(all->v4, from->conf_all.v4, sizeof(all->v4));
		memcpy(def->v4, from->conf_default.v4, sizeof(def->v4));
	}
}

void netconf_init(struct net *net)
{
	struct netconf fresh = { 0 };

	for (u32 i = 0; i < ARRAY_SIZE(keys); i++)
		*word(&fresh, &keys[i]) = keys[i].initial;
	net->conf_all = net->conf_default = fresh;
	net->conf_all.v6[CONF6_ACCEPT_DAD] = 0;
	if (net == &init_net)
		return;
	if (inherit_init_net != INHERIT_NONE)
		take_over(net, inherit_init_net == INHERIT_OWN ? current_net() : &init_net, false);
	if (inherit_init_net == INHERIT_INIT || inherit_init_net == INHERIT_OWN)
		take_over(net, inherit_init_net == INHERIT_OWN ? current_net() : &init_net, true);
}

void netconf_new(struct net_device *dev)
{
	dev->conf = dev->net->conf_default;
	dev->conf.v6[CONF6_MTU] = (int)dev->mtu;
	if (dev->conf.secret.set)
		dev->conf.v6[CONF6_ADDR_GEN_MODE] = IN6_ADDR_GEN_MODE_STABLE_PRIVACY;
	memcpy(&dev->conf.v4[CONF4_NEIGH], &init_net.conf_default.v4[CONF4_NEIGH],
		NEIGH_WORDS * sizeof(int));
	memcpy(&dev->conf.v6[CONF6_NEIGH], &init_net.conf_default.v6[CONF6_NEIGH],
		NEIGH_WORDS * sizeof(int));
}

/* ---- files ---- */

/* A file of a device's name, or of "all" or "default". */
struct conf_file {
	const struct netname *n;
	const struct key *key;
};

/*
 * Finds the settings of a device, of "all" or of "default". NULL: no such device. net->lock held.
 */
static struct netconf *conf_of(struct net *net, const char *name)
{
	struct net_device *d;

	if (!strcmp(name, "all"))
		return &net->conf_all;
	if (!strcmp(name, "default"))
		return &net->conf_default;
	d = netdev_by_name(net, name);
	return d ? &d->conf : NULL;
}

static int show_conf(struct seq *s, void *arg)
{
	const struct conf_file *f = arg;
	struct net *net = current_net();
	struct netconf *c;
	int v = 0;

	spin_lock(&net->lock);
	c = conf_of(net, f->n->name);
	if (c)
		v = *word(c, f->key);
	spin_unlock(&net->lock);
	if (f->key->max > INT32_MAX)
		seq_printf(s, "%u\n", (u32)v);
	else
		seq_printf(s, "%d\n", v / unit(f->key));
	return c ? 0 : -ENODEV;
}

/* Sets forwarding for all devices, as a write to "all" does. net->lock held. */
static void set_everywhere(struct net *net, const struct key *k, int v)
{
	struct net_device *d;

	WRITE_ONCE(*word(&net->conf_all, k), v);
	WRITE_ONCE(*word(&net->conf_default, k), v);
	list_for_each_entry(d, &net->devs.list, list)
		WRITE_ONCE(*word(&d->conf, k), v);
}

/* Sets the "default" value, also for devices whose value was not set. net->lock held. */
static void set_default4(struct net *net, const struct key *k, int v)
{
	struct net_device *d;

	WRITE_ONCE(net->conf_default.v4[k->index], v);
	list_for_each_entry(d, &net->devs.list, list)
		if (!(d->conf.own4 & 1UL << k->index))
			WRITE_ONCE(d->conf.v4[k->index], v);
}

static bool is_for_each(const struct key *k)
{
	if (k->v6)
		return k->index == CONF6_FORWARDING || k->index == CONF6_DISABLE ||
		       k->index == CONF6_IGNORE_LINKDOWN || k->index == CONF6_ADDR_GEN_MODE;
	return k->index == CONF4_FORWARDING;
}

/* Calls @what for the devices that @name means, after a value of theirs has changed. */
static void apply(struct net *net, const char *name, void (*what)(struct net_device *dev))
{
	bool all = !strcmp(name, "all");
	struct net_device *d;
	int index = 0;

	/* Handles one device at a time without the lock, which @what takes itself. */
	do {
		struct net_device *next = NULL;

		spin_lock(&net->lock);
		list_for_each_entry(d, &net->devs.list, list)
			if (!next && d->ifindex > index && (all || !strcmp(d->name, name)))
				next = d;
		spin_unlock(&net->lock);
		d = next;
		if (d) {
			index = d->ifindex;
			what(d);
		}
	} while (d);
}

static void forwarding_switched(struct net_device *dev)
{
	mcast_forwarding(dev, CONF6(dev, CONF6_FORWARDING) > 0);
}

/*
 * True if the device refuses @v: an MTU above its own, or a mode of generating addresses for which
 * it has no secret. net->lock held.
 */
static bool cannot(const struct net *net, const struct netconf *c, const struct key *k, int v)
{
	const struct net_device *d = container_of(c, struct net_device, conf);

	if (c == &net->conf_all || c == &net->conf_default)
		return false;
	return (is(k, true, CONF6_MTU) && (u32)v > d->mtu) ||
	       (is(k, true, CONF6_ADDR_GEN_MODE) && !addr_gen_may(d, v));
}

/*
 * Sets a value of a device, of "all" or of "default", and applies it. Takes net->lock; may sleep.
 * Returns 0, -EINVAL, or -ENODEV if there is no device @name.
 */
static int set_conf(struct net *net, const char *name, const struct key *k, int v)
{
	bool changed = false, refused = false;
	struct netconf *c;

	spin_lock(&net->lock);
	c = conf_of(net, name);
	refused = c && cannot(net, c, k, v);
	if (c && !refused) {
		changed = *word(c, k) != v;
		if (c == &net->conf_all && is_for_each(k))
			set_everywhere(net, k, v);
		else if (c == &net->conf_default && !k->v6 && !is_neigh(k) && !is_for_each(k))
			set_default4(net, k, v);
		else
			WRITE_ONCE(*word(c, k), v);
		if (!k->v6 && !is_neigh(k))
			c->own4 |= 1UL << k->index;
	}
	spin_unlock(&net->lock);
	if (changed && is(k, true, CONF6_DISABLE)) /* adds or removes IPv6 addresses */
		apply(net, name, netdev_ipv6_switched);
	if (changed && is(k, true, CONF6_FORWARDING))
		apply(net, name, forwarding_switched);
	if (changed && is(k, true, CONF6_ADDR_GEN_MODE))
		apply(net, name, ndisc_regenerate);
	return refused ? -EINVAL : c ? 0 : -ENODEV;
}

static int number(char *text, const struct key *k, int *v)
{
	s64 n;

	text += strspn(text, " \t");
	text[strcspn(text, " \t\n")] = 0;
	if (kstrtos64(text, 0, &n) || n < k->min || n > k->max)
		return -EINVAL;
	*v = (int)(n * unit(k));
	return 0;
}

static int store_conf(char *text, size_t n, void *arg)
{
	const struct conf_file *f = arg;
	int v, err = number(text, f->key, &v);

	return err ? err : set_conf(current_net(), f->n->name, f->key, v);
}

static int show_ip_forward(struct seq *s, void *arg)
{
	seq_printf(s, "%d\n", READ_ONCE(current_net()->conf_all.v4[CONF4_FORWARDING]));
	return 0;
}

static int store_ip_forward(char *text, size_t n, void *arg)
{
	int v, err = number(text, &keys[0], &v);

	return err ? err : set_conf(current_net(), "all", &keys[0], v);
}

bool net_sysctl_may(const struct cred *c)
{
	return cred_ns_capable(c, current_net()->ns.owner, CAP_NET_ADMIN);
}

int netconf_files(struct netname *n)
{
	struct conf_file *f = kcalloc(ARRAY_SIZE(keys), sizeof(*f), GFP_KERNEL);
	char path[80];
	int err = f ? 0 : -ENOMEM;

	for (u32 i = 0; i < ARRAY_SIZE(keys) && !err; i++) {
		if (is_neigh(&keys[i]) && !strcmp(n->name, "all"))
			continue;
		f[i] = (struct conf_file){ n, &keys[i] };
		snprintf(path, sizeof(path), "sys/net/%s/%s/%s/%s", keys[i].v6 ? "ipv6" : "ipv4",
			is_neigh(&keys[i]) ? "neigh" : "conf", n->name, keys[i].name);
		err = proc_create(path, keys[i].min > keys[i].max ? 0444 : 0644, show_conf,
			keys[i].min > keys[i].max ? NULL : store_conf, &f[i]);
		if (!err && keys[i].min <= keys[i].max)
			err = proc_let(path, net_sysctl_may);
	}
	if (!err) {
		snprintf(path, sizeof(path), "sys/net/ipv6/conf/%s/stable_secret", n->name);
		err = proc_create(path, 0600, addr_secret_show, addr_secret_store, n);
		if (!err)
			err = proc_let(path, net_sysctl_may);
	}
	return err;
}

/*
 * True in the first namespace: its "default" values of neigh/ apply to new devices of all
 * namespaces.
 */
static bool in_first_net(void *arg)
{
	return current_net() == &init_net;
}

static int netconf_proc_init(void)
{
	static struct netname all = { .name = "all" }, fresh = { .name = "default" };
	int err = proc_create(
		"sys/net/ipv4/ip_forward", 0644, show_ip_forward, store_ip_forward, NULL);

	if (!err)
		err = proc_let("sys/net/ipv4/ip_forward", net_sysctl_may);
	if (!err)
		err = netconf_files(&all);
	if (!err)
		err = netconf_files(&fresh);
	if (!err)
		err = proc_show_when("sys/net/ipv4/neigh/default", "default", in_first_net, NULL);
	if (!err)
		err = sysctl_register(inherits, ARRAY_SIZE(inherits));
	if (!err)
		err = proc_show_when("sys/net/core/devconf_inherit_init_net",
			"devconf_inherit_init_net", in_first_net, NULL);
	return err ? err :
		     proc_show_when("sys/net/ipv6/neigh/default", "default", in_first_net, NULL);
}
INITCALL(3, netconf_proc_init);
