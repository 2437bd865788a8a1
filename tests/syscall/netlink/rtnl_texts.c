/* SPDX-License-Identifier: MIT */
/*
 * rtnl_texts: messages of rtnetlink for requests that it refuses (NETLINK_EXT_ACK), which ip(8)
 * shows.
 */
#include "netns.h"
#include <linux/if_addr.h>
#include <linux/neighbour.h>

static struct nl_msg m;

static void *begin(int type, int flags, unsigned fixed)
{
	memset(&m, 0, sizeof(m));
	m.h.nlmsg_type = (unsigned short)type;
	m.h.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
	m.h.nlmsg_len = NLMSG_LENGTH(fixed);
	return NLMSG_DATA(&m.h);
}

static void add_text(int type, int family, const char *text)
{
	char bin[16];

	inet_pton(family, text, bin);
	nl_add(&m, type, bin, family == AF_INET ? 4 : 16);
}

static void ask(const char *what)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[1024];
	} r = { 0 };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), on = 1, len;
	const char *text = "-";

	NEED(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)));
	NEED(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)));
	NEED(send(fd, &m, m.h.nlmsg_len, 0));
	NEED(recv(fd, &r, sizeof(r), 0));
	len = (int)r.h.nlmsg_len - (int)NLMSG_LENGTH(sizeof(r.e));
	for (struct rtattr *a = (void *)r.more; r.h.nlmsg_flags & NLM_F_ACK_TLVS && RTA_OK(a, len);
		a = RTA_NEXT(a, len))
		if (a->rta_type == NLMSGERR_ATTR_MSG)
			text = RTA_DATA(a);
	say("%s: %d %s", what, r.e.error, text);
	close(fd);
}

static void address(const char *what, int type, int family, const char *text, int prefix,
	const char *dev, unsigned valid, unsigned preferred)
{
	struct ifaddrmsg *a =
		begin(type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*a));
	struct ifa_cacheinfo life = { .ifa_valid = valid, .ifa_prefered = preferred };

	a->ifa_family = (unsigned char)family;
	a->ifa_prefixlen = (unsigned char)prefix;
	a->ifa_index = dev ? if_nametoindex(dev) : 77;
	a->ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
	add_text(IFA_LOCAL, family, text);
	add_text(IFA_ADDRESS, family, text);
	nl_add(&m, IFA_CACHEINFO, &life, sizeof(life));
	ask(what);
}

static void addresses(int family, const char *one, const char *two)
{
	int prefix = family == AF_INET ? 24 : 64;

	say("family %d", family);
	address("an address", RTM_NEWADDR, family, one, prefix, "va0", ~0U, ~0U);
	address("again", RTM_NEWADDR, family, one, prefix, "va0", ~0U, ~0U);
	address("no device", RTM_NEWADDR, family, two, prefix, NULL, ~0U, ~0U);
	address("no lifetime", RTM_NEWADDR, family, two, prefix, "va0", 0, 0);
	address("preferred too long", RTM_NEWADDR, family, two, prefix, "va0", 10, 11);
	address("long prefix", RTM_NEWADDR, family, two, 129, "va0", ~0U, ~0U);
	address("not there", RTM_DELADDR, family, two, prefix, "va0", ~0U, ~0U);
	address("nor the device", RTM_DELADDR, family, two, prefix, NULL, ~0U, ~0U);
}

static void route(const char *what, int type, int family, const char *to, int prefix,
	const char *gateway, const char *dev, int kind)
{
	struct rtmsg *r =
		begin(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*r));
	unsigned index = dev ? if_nametoindex(dev) : 0;

	r->rtm_family = (unsigned char)family;
	r->rtm_dst_len = (unsigned char)prefix;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = RTPROT_BOOT;
	r->rtm_type = (unsigned char)kind;
	add_text(RTA_DST, family, to);
	if (gateway)
		add_text(RTA_GATEWAY, family, gateway);
	if (dev)
		nl_add(&m, RTA_OIF, &index, 4);
	ask(what);
}

static void routes(void)
{
	route("a route", RTM_NEWROUTE, AF_INET, "10.50.0.0", 16, "10.9.0.2", NULL, RTN_UNICAST);
	route("again", RTM_NEWROUTE, AF_INET, "10.50.0.0", 16, "10.9.0.2", NULL, RTN_UNICAST);
	route("a gateway nowhere", RTM_NEWROUTE, AF_INET, "10.51.0.0", 16, "10.99.0.2", NULL,
		RTN_UNICAST);
	route("by ourselves", RTM_NEWROUTE, AF_INET, "10.54.0.1", 32, "127.0.0.1", NULL,
		RTN_UNICAST);
	route("away", RTM_DELROUTE, AF_INET, "10.54.0.1", 32, "127.0.0.1", "lo", RTN_UNICAST);
	route("by ourselves, elsewhere", RTM_NEWROUTE, AF_INET, "10.54.0.1", 32, "127.0.0.1", "va0",
		RTN_UNICAST);
	route("by our address", RTM_NEWROUTE, AF_INET, "10.54.0.1", 32, "10.9.0.1", NULL,
		RTN_UNICAST);
	route("away", RTM_DELROUTE, AF_INET, "10.54.0.1", 32, "10.9.0.1", "va0", RTN_UNICAST);
	route("by our address there", RTM_NEWROUTE, AF_INET, "10.54.0.1", 32, "10.9.0.1", "va0",
		RTN_UNICAST);
	route("bits of the host", RTM_NEWROUTE, AF_INET, "10.51.0.1", 16, NULL, "va0", RTN_UNICAST);
	route("a long prefix", RTM_NEWROUTE, AF_INET, "10.51.0.0", 33, NULL, "va0", RTN_UNICAST);
	route("a gateway to nowhere", RTM_NEWROUTE, AF_INET, "10.51.0.0", 16, "10.9.0.2", NULL,
		RTN_UNREACHABLE);
	route("no way", RTM_NEWROUTE, AF_INET, "10.51.0.0", 16, NULL, NULL, RTN_UNICAST);
	route("not there", RTM_DELROUTE, AF_INET, "10.52.0.0", 16, NULL, "va0", RTN_UNICAST);
	set_up("vb0", 0);
	route("a device that is down", RTM_NEWROUTE, AF_INET, "10.53.0.0", 16, NULL, "vb0",
		RTN_UNICAST);
	set_up("vb0", 1);
	route("a gateway nowhere", RTM_NEWROUTE, AF_INET6, "fd51::", 64, "fd99::1", NULL,
		RTN_UNICAST);
	route("a long prefix", RTM_NEWROUTE, AF_INET6, "fd51::", 129, NULL, "va0", RTN_UNICAST);
	route("not there", RTM_DELROUTE, AF_INET6, "fd52::", 64, NULL, "va0", RTN_UNICAST);
}

static void links(void)
{
	struct ifinfomsg *i = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*i));
	struct rtattr *info;

	nl_add(&m, IFLA_IFNAME, "d0", 3);
	info = nl_add(&m, IFLA_LINKINFO, NULL, 0);
	nl_add(&m, IFLA_INFO_KIND, "nosuch", 6);
	nl_nested(&m, info);
	ask("no such kind");
	for (int k = 0; k < 2; k++) {
		i = begin(RTM_NEWLINK, 0, sizeof(*i));
		i->ifi_index = (int)if_nametoindex("va0");
		nl_add(&m, IFLA_MTU, &(int){ k ? 100000 : 50 }, 4);
		ask(k ? "a large MTU" : "a small MTU");
	}
	i = begin(RTM_DELLINK, 0, sizeof(*i));
	i->ifi_index = (int)if_nametoindex("lo");
	ask("lo stays");
}

static void neighbour(const char *what, const char *of, int flags, const void *mac, unsigned n)
{
	struct ndmsg *d = begin(RTM_NEWNEIGH, NLM_F_CREATE | flags, sizeof(*d));

	d->ndm_family = AF_INET;
	d->ndm_ifindex = (int)if_nametoindex("va0");
	d->ndm_state = NUD_PERMANENT;
	add_text(NDA_DST, AF_INET, of);
	if (mac)
		nl_add(&m, NDA_LLADDR, mac, n);
	ask(what);
}

TEST(rtnl_texts)
{
	own_net();
	addresses(AF_INET, "10.60.0.1", "10.61.0.1");
	addresses(AF_INET6, "fd60::1", "fd61::1");
	address("to many", RTM_NEWADDR, AF_INET6, "ff02::77", 64, "va0", ~0U, ~0U);
	routes();
	links();
	neighbour("a permanent neighbour without address", "10.9.0.77", NLM_F_EXCL, NULL, 0);
	neighbour("half an address", "10.9.0.77", NLM_F_EXCL, "\2\1\1", 3);
	neighbour("a whole one", "10.9.0.78", NLM_F_EXCL, "\2\1\1\1\1\1", 6);
	neighbour("that one without", "10.9.0.78", NLM_F_REPLACE, NULL, 0);
	neighbour("again", "10.9.0.78", NLM_F_EXCL, "\2\1\1\1\1\1", 6);
}
