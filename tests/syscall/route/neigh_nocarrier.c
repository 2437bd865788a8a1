/* SPDX-License-Identifier: MIT */
/*
 * neigh_nocarrier: neighbours of a device that loses its carrier: conf/NAME/arp_evict_nocarrier and
 * ndisc_evict_nocarrier.
 */
#include "netns.h"
#include <linux/ethtool.h>
#include <linux/neighbour.h>
#include <linux/sockios.h>

#define CONF4 "/proc/sys/net/ipv4/conf/"
#define CONF6 "/proc/sys/net/ipv6/conf/"

static const struct {
	const char *addr, *state;
	int family, nud;
} all[] = {
	{ "10.9.0.11", "permanent", AF_INET, NUD_PERMANENT },
	{ "10.9.0.12", "noarp", AF_INET, NUD_NOARP },
	{ "10.9.0.13", "reachable", AF_INET, NUD_REACHABLE },
	{ "10.9.0.14", "stale", AF_INET, NUD_STALE },
	{ "10.9.0.15", "failed", AF_INET, NUD_FAILED },
	{ "2001:db8::11", "permanent", AF_INET6, NUD_PERMANENT },
	{ "2001:db8::12", "noarp", AF_INET6, NUD_NOARP },
	{ "2001:db8::13", "reachable", AF_INET6, NUD_REACHABLE },
	{ "2001:db8::14", "stale", AF_INET6, NUD_STALE },
};
#define ALL (sizeof(all) / sizeof(all[0]))

static void add_all(void)
{
	for (unsigned i = 0; i < ALL; i++) {
		struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWNEIGH,
					    .nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE,
					    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)) } };
		struct ndmsg *d = NLMSG_DATA(&m.h);
		char bin[16];

		d->ndm_family = (unsigned char)all[i].family;
		d->ndm_ifindex = (int)if_nametoindex("va0");
		d->ndm_state = (unsigned short)all[i].nud;
		inet_pton(all[i].family, all[i].addr, bin);
		nl_add(&m, NDA_DST, bin, all[i].family == AF_INET ? 4 : 16);
		nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\2", 6);
		NEED0(nl_do(&m));
	}
}

static unsigned found;

static void note(const struct nlmsghdr *h)
{
	const struct ndmsg *d = NLMSG_DATA(h);
	int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(sizeof(*d));
	struct rtattr *a = (void *)((char *)d + NLMSG_ALIGN(sizeof(*d)));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		for (unsigned i = 0; i < ALL; i++) {
			char bin[16];

			inet_pton(all[i].family, all[i].addr, bin);
			if (a->rta_type == NDA_DST && d->ndm_family == all[i].family &&
				!memcmp(RTA_DATA(a), bin, RTA_PAYLOAD(a)))
				found |= 1U << i;
		}
	}
}

static void dump(void)
{
	struct {
		struct nlmsghdr h;
		struct ndmsg d;
	} m = { { sizeof(m), RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, { 0 } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	static char buf[65536];
	bool more = true;

	found = 0;
	NEED(send(fd, &m, sizeof(m), 0));
	while (more) {
		struct nlmsghdr *h = (void *)buf;
		int len = (int)NEED(recv(fd, buf, sizeof(buf), 0));

		for (; more && NLMSG_OK(h, (unsigned)len); h = NLMSG_NEXT(h, len)) {
			more = h->nlmsg_type == RTM_NEWNEIGH;
			if (more)
				note(h);
		}
	}
	close(fd);
}

/*
 * Linux sends the event of a change a little later, but at once to a caller that requests it like
 * this.
 */
static int link_of(const char *dev)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GLINK };
	struct ifreq r = { .ifr_data = (char *)&v };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strcpy(r.ifr_name, dev);
	NEED(ioctl(fd, SIOCETHTOOL, &r));
	close(fd);
	return (int)v.data;
}

static void lose_link(const char *what)
{
	add_all();
	dump();
	say("%s: %d are there, link %d", what, __builtin_popcount(found), link_of("va0"));
	set_up("vb0", 0);
	say("  then link %d", link_of("va0"));
	dump();
	for (unsigned i = 0; i < ALL; i++)
		if (found & 1U << i)
			say("  IPv%d %s", all[i].family == AF_INET ? 4 : 6, all[i].state);
	set_up("vb0", 1);
	say("  link %d again", link_of("va0"));
}

TEST(neigh_nocarrier)
{
	static const char *const names[] = { "all", "default", "va0" };
	char path[128];

	own_net();
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), CONF4 "%s/arp_evict_nocarrier", names[i]);
		show_file(path, NULL);
		snprintf(path, sizeof(path), CONF6 "%s/ndisc_evict_nocarrier", names[i]);
		show_file(path, NULL);
	}
	lose_link("as it is");
	put_text(CONF4 "va0/arp_evict_nocarrier", "0");
	lose_link("IPv4's stay here");
	put_text(CONF4 "va0/arp_evict_nocarrier", "1");
	put_text(CONF4 "all/arp_evict_nocarrier", "0");
	lose_link("everywhere");
	put_text(CONF4 "all/arp_evict_nocarrier", "2");
	put_text(CONF6 "va0/ndisc_evict_nocarrier", "0");
	lose_link("IPv6's stay here");
	put_text(CONF6 "va0/ndisc_evict_nocarrier", "1");
	put_text(CONF6 "all/ndisc_evict_nocarrier", "0");
	lose_link("everywhere");
	put_text(CONF6 "all/ndisc_evict_nocarrier", "2");
	put_text(CONF6 "all/ndisc_evict_nocarrier", "1");
	lose_link("as before");
}
