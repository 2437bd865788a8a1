/* SPDX-License-Identifier: MIT */
/*
 * link_defaults: RTM_NEWLINK with attributes at their default values, as NetworkManager sends them:
 * bridges, macvlan, VLANs; ethtool's names.
 */
#include "netns.h"

#include "guest.h"
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_vlan.h>
#include <linux/sockios.h>

struct value {
	const char *name;
	int attr;
	unsigned size;
	unsigned long v;
};
#define V(attr, size, v)                                                                           \
	{                                                                                          \
#attr, attr, size, v                                                               \
	}

/*
 * Makes a device @name of @kind over @lower (NULL: none) with the @n attributes at @v. 0 or -errno.
 */
static int make(const char *kind, const char *name, const char *lower, const struct value *v, int n)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	struct rtattr *info, *data;
	unsigned index = lower ? if_nametoindex(lower) : 0;

	nl_add(&m, IFLA_IFNAME, name, (unsigned)strlen(name) + 1);
	if (lower)
		nl_add(&m, IFLA_LINK, &index, 4);
	info = nl_add(&m, IFLA_LINKINFO, NULL, 0);
	nl_add(&m, IFLA_INFO_KIND, kind, (unsigned)strlen(kind));
	data = nl_add(&m, IFLA_INFO_DATA, NULL, 0);
	for (int i = 0; i < n; i++)
		nl_add(&m, v[i].attr, &v[i].v, v[i].size);
	nl_nested(&m, data);
	nl_nested(&m, info);
	return nl_do(&m);
}

static void bridges(void)
{
	static const struct value defaults[] = {
		V(IFLA_BR_FORWARD_DELAY, 4, 1500),
		V(IFLA_BR_HELLO_TIME, 4, 200),
		V(IFLA_BR_MAX_AGE, 4, 2000),
		V(IFLA_BR_AGEING_TIME, 4, 30000),
		V(IFLA_BR_STP_STATE, 4, 0),
		V(IFLA_BR_PRIORITY, 2, 32768),
		V(IFLA_BR_VLAN_FILTERING, 1, 0),
		V(IFLA_BR_VLAN_PROTOCOL, 2, 0x0081),
		V(IFLA_BR_VLAN_DEFAULT_PVID, 2, 1),
		V(IFLA_BR_VLAN_STATS_ENABLED, 1, 0),
		V(IFLA_BR_VLAN_STATS_PER_PORT, 1, 0),
		V(IFLA_BR_MCAST_SNOOPING, 1, 1),
		V(IFLA_BR_MCAST_ROUTER, 1, 1),
		V(IFLA_BR_MCAST_QUERY_USE_IFADDR, 1, 0),
		V(IFLA_BR_MCAST_QUERIER, 1, 0),
		V(IFLA_BR_MCAST_HASH_ELASTICITY, 4, 16),
		V(IFLA_BR_MCAST_HASH_MAX, 4, 4096),
		V(IFLA_BR_MCAST_LAST_MEMBER_CNT, 4, 2),
		V(IFLA_BR_MCAST_STARTUP_QUERY_CNT, 4, 2),
		V(IFLA_BR_MCAST_LAST_MEMBER_INTVL, 8, 100),
		V(IFLA_BR_MCAST_MEMBERSHIP_INTVL, 8, 26000),
		V(IFLA_BR_MCAST_QUERIER_INTVL, 8, 25500),
		V(IFLA_BR_MCAST_QUERY_INTVL, 8, 12500),
		V(IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, 8, 1000),
		V(IFLA_BR_MCAST_STARTUP_QUERY_INTVL, 8, 3125),
		V(IFLA_BR_MCAST_STATS_ENABLED, 1, 0),
		V(IFLA_BR_MCAST_IGMP_VERSION, 1, 2),
		V(IFLA_BR_MCAST_MLD_VERSION, 1, 1),
	};
	/* what NetworkManager asks for besides, or can be told to */
	static const struct value asked[] = { V(IFLA_BR_STP_STATE, 4, 1),
		V(IFLA_BR_MCAST_SNOOPING, 1, 0), V(IFLA_BR_MCAST_QUERIER, 1, 1),
		V(IFLA_BR_MCAST_ROUTER, 1, 2), V(IFLA_BR_MCAST_QUERY_USE_IFADDR, 1, 1),
		V(IFLA_BR_MCAST_HASH_MAX, 4, 512), V(IFLA_BR_MCAST_QUERY_INTVL, 8, 6000) };
	static const struct value too_short[] = { V(IFLA_BR_MCAST_QUERY_INTVL, 4, 12500) };
	char name[16];

	for (unsigned i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
		snprintf(name, sizeof(name), "b%u", i);
		say("%s", defaults[i].name);
		G(make("bridge", name, NULL, defaults + i, 1), "0");
	}
	G(make("bridge", "b", NULL, defaults, sizeof(defaults) / sizeof(*defaults)), "0");
	for (unsigned i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		snprintf(name, sizeof(name), "a%u", i);
		say("%s %lu", asked[i].name, asked[i].v);
		G(make("bridge", name, NULL, asked + i, 1), "0");
	}
	G(make("bridge", "short", NULL, too_short, 1), "-34");
}

static void others(void)
{
	static const struct value macvlan[] = { V(IFLA_MACVLAN_MODE, 4, MACVLAN_MODE_BRIDGE),
		V(IFLA_MACVLAN_FLAGS, 2, 0) };
	struct ifla_vlan_qos_mapping map[2] = { { 3, 0 }, { 5, 0 } };
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	struct rtattr *info, *data, *qos;
	unsigned index;
	unsigned short id = 7;

	if (in_guest())
		veth_pair("va", "vb");
	G(make("macvlan", "mv", "va", macvlan, 2), "0");
	index = if_nametoindex("vb");
	nl_add(&m, IFLA_IFNAME, "vb.7", 5);
	nl_add(&m, IFLA_LINK, &index, 4);
	info = nl_add(&m, IFLA_LINKINFO, NULL, 0);
	nl_add(&m, IFLA_INFO_KIND, "vlan", 4);
	data = nl_add(&m, IFLA_INFO_DATA, NULL, 0);
	nl_add(&m, IFLA_VLAN_ID, &id, 2);
	for (int way = 0; way < 2; way++) {
		qos = nl_add(&m, way ? IFLA_VLAN_INGRESS_QOS : IFLA_VLAN_EGRESS_QOS, NULL, 0);
		for (int k = 0; k < 2; k++)
			nl_add(&m, IFLA_VLAN_QOS_MAPPING, &map[k], sizeof(map[k]));
		nl_nested(&m, qos);
	}
	nl_nested(&m, data);
	nl_nested(&m, info);
	G(nl_do(&m), "0");
}

static long ethtool(const char *dev, void *what)
{
	struct ifreq r = { .ifr_data = what };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ret;

	strncpy(r.ifr_name, dev, IFNAMSIZ - 1);
	ret = ioctl(fd, SIOCETHTOOL, &r);
	close(fd);
	return ret;
}

/* Returns whether feature @name of @dev is on, or -1 if there is no such name. */
static int feature(const char *dev, const char *name)
{
	struct {
		struct ethtool_sset_info i;
		unsigned n;
	} count = { { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1UL << ETH_SS_FEATURES }, 0 };
	struct {
		struct ethtool_gstrings s;
		char names[256][ETH_GSTRING_LEN];
	} *strings = calloc(1, sizeof(*strings));
	struct {
		struct ethtool_gfeatures f;
		struct ethtool_get_features_block b[8];
	} on = { { .cmd = ETHTOOL_GFEATURES, .size = 8 }, { { 0 } } };
	int found = -1;

	strings->s =
		(struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES };
	if (!ethtool(dev, &count) && count.n && count.n <= 256 && !ethtool(dev, strings) &&
		!ethtool(dev, &on))
		for (unsigned i = 0; i < count.n; i++)
			if (!strcmp(strings->names[i], name))
				found = on.b[i / 32].active >> i % 32 & 1;
	free(strings);
	return found;
}

static void names(void)
{
	struct {
		struct ethtool_sset_info i;
		unsigned n;
	} none = { { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1UL << ETH_SS_STATS | 1UL << 60 }, 5 };
	struct ethtool_gstrings bad = { .cmd = ETHTOOL_GSTRINGS, .string_set = 999 };

	G(feature("lo", "vlan-challenged"), "1");
	G(feature("lo", "loopback"), "1");
	G(feature("va", "vlan-challenged"), "0");
	G(feature("va", "rx-lro"), "0");
	G(feature("va", "no-such-feature"), "-1");
	G(ethtool("lo", &none), "0");
	G(none.n, "5");
	G(ethtool("lo", &bad), "-1 EOPNOTSUPP");
}

TEST(link_defaults)
{
	GNEED(unshare(CLONE_NEWNET));
	bridges();
	others();
	names();
}
