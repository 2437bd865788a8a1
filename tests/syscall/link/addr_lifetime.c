/* SPDX-License-Identifier: MIT */
/*
 * addr_lifetime: addresses that programs add: their lifetimes (IFA_CACHEINFO) reported, replaced,
 * expired; their routes; which address inherits a network.
 */
#include "netns.h"
#include <linux/if_addr.h>

static int heard;
static const char *device = "va0";
static unsigned more_metric; /* IFA_RT_PRIORITY of what is added */

static unsigned char v4_prefix = 24;

/* Adds an address with a prefix of v4_prefix or 64 bits. Returns 0 or -errno. */
static int add(int family, const char *text, unsigned nlflags, unsigned flags, unsigned valid,
	unsigned preferred)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWADDR,
				    .nlmsg_flags = (unsigned short)(NLM_F_CREATE | nlflags),
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
	struct ifaddrmsg *a = NLMSG_DATA(&m.h);
	struct ifa_cacheinfo life = { .ifa_valid = valid, .ifa_prefered = preferred };
	char bin[16];

	flags |= family == AF_INET6 ? IFA_F_NODAD : 0;
	a->ifa_family = (unsigned char)family;
	a->ifa_prefixlen = family == AF_INET ? v4_prefix : 64;
	a->ifa_index = if_nametoindex(device);
	inet_pton(family, text, bin);
	nl_add(&m, IFA_LOCAL, bin, family == AF_INET ? 4 : 16);
	nl_add(&m, IFA_FLAGS, &flags, 4);
	if (more_metric)
		nl_add(&m, IFA_RT_PRIORITY, &more_metric, 4);
	nl_add(&m, IFA_CACHEINFO, &life, sizeof(life));
	return nl_do(&m);
}

/* Returns @seconds as text, rounded up to a multiple of twenty, since some time has passed. */
static const char *about(unsigned seconds, char *room, size_t n)
{
	if (seconds == ~0U)
		return "forever";
	snprintf(room, n, "%u", (seconds + 19) / 20 * 20);
	return room;
}

/* Prints the address in @h, or writes it to the 160 bytes at @line. */
static void told(const struct nlmsghdr *h, char *line)
{
	struct ifaddrmsg *m = NLMSG_DATA(h);
	struct rtattr *a = IFA_RTA(m);
	int len = (int)IFA_PAYLOAD(h);
	char text[64] = "", v[16], p[16], here[160];
	struct ifa_cacheinfo life = { 0 };
	unsigned flags = 0, priority = 0;

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFA_ADDRESS)
			inet_ntop(m->ifa_family, RTA_DATA(a), text, sizeof(text));
		if (a->rta_type == IFA_CACHEINFO)
			memcpy(&life, RTA_DATA(a), sizeof(life));
		if (a->rta_type == IFA_FLAGS)
			memcpy(&flags, RTA_DATA(a), sizeof(flags));
		if (a->rta_type == IFA_RT_PRIORITY)
			memcpy(&priority, RTA_DATA(a), sizeof(priority));
	}
	snprintf(line ? line : here, 160, "  %s %s/%u flags %x valid %s preferred %s metric %u",
		h->nlmsg_type == RTM_NEWADDR ? "there" : "gone", text, m->ifa_prefixlen, flags,
		about(life.ifa_valid, v, sizeof(v)), about(life.ifa_prefered, p, sizeof(p)),
		priority);
	if (!line)
		say("%s", here);
}

/* Waits for the next message of @type about that address. */
static void hear(int type, const char *of, int silently)
{
	char b[4096], bin[16];
	int family = strchr(of, ':') ? AF_INET6 : AF_INET, n, found = 0;

	inet_pton(family, of, bin);
	while (!found) {
		n = NEED(recv(heard, b, sizeof(b), 0));
		for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			struct rtattr *a = IFA_RTA(NLMSG_DATA(h));

			if (h->nlmsg_type != type ||
				memcmp(RTA_DATA(a), bin, family == AF_INET ? 4 : 16))
				continue;
			if (!silently)
				told(h, NULL);
			found = 1;
		}
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Prints all addresses, sorted, since the order of IPv6 addresses is up to the host. */
static void list(int family)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
	} m = { { sizeof(m), RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 0, 0 },
		{ .ifa_family = (unsigned char)family } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), end = 0;
	static char b[16384], lines[32][160];
	size_t nr = 0;

	NEED(send(fd, &m, sizeof(m), 0));
	while (!end) {
		int n = NEED(recv(fd, b, sizeof(b), 0));

		for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			end |= h->nlmsg_type == NLMSG_DONE;
			if (h->nlmsg_type != RTM_NEWADDR || nr == 32)
				continue;
			told(h, lines[nr]);
			nr += !strstr(lines[nr], " fe80");
		}
	}
	qsort(lines, nr, sizeof(lines[0]), by_text);
	for (size_t i = 0; i < nr; i++)
		say("%s", lines[i]);
	close(fd);
}

static void what_is_said(int family, const char *a, const char *b, const char *c)
{
	say("%s: %d", a, add(family, a, 0, 0, 1000, 500));
	say("%s: %d", b, add(family, b, 0, 0, 1000, 0));
	say("%s: %d", c, add(family, c, 0, 0, ~0U, ~0U));
	say("none: %d, more preferred than valid: %d", add(family, "::", 0, 0, 0, 0),
		add(family, c, 0, 0, 10, 20));
	list(family);
	say("again: %d", add(family, a, 0, 0, 2000, 600));
	say("replaced: %d %d %d", add(family, a, NLM_F_REPLACE, 0, 2000, 600),
		add(family, b, NLM_F_REPLACE, 0, ~0U, ~0U),
		add(family, c, NLM_F_REPLACE, 0, 400, 400));
	list(family);
}

/* Addresses whose lifetimes end after a second. */
static void over(int family, const char *soon, const char *later)
{
	say("%s: %d", soon, add(family, soon, 0, 0, 1, 1));
	hear(RTM_DELADDR, soon, 0);
	say("%s: %d", later, add(family, later, 0, 0, 4000, 1));
	hear(RTM_NEWADDR, later, 1); /* added */
	hear(RTM_NEWADDR, later, 0); /* preferred no more */
	say("%s: %d", later, add(family, later, NLM_F_REPLACE, 0, 4000, 4000));
	hear(RTM_NEWADDR, later, 0);
}

/* Prints which routes an address brings. */
static void routes(void)
{
	say("no route: %d", add(AF_INET, "10.77.1.1", 0, IFA_F_NOPREFIXROUTE, ~0U, ~0U));
	say("no route: %d", add(AF_INET6, "fd77::1", 0, IFA_F_NOPREFIXROUTE, ~0U, ~0U));
	say("a route: %d", add(AF_INET, "10.78.1.1", 0, 0, ~0U, ~0U));
	show_file("/proc/net/route", "va0\t004E0A0A");
	show_file("/proc/net/route", "va0\t00014D0A");
	show_file("/proc/net/route", "va0\t00014E0A");
	show_file("/proc/net/ipv6_route", "fd770000000000000000000000000000 40");
}

static void metric(const char *what, int family, const char *text, unsigned nlflags, unsigned m)
{
	more_metric = m;
	say("%s, %s metric %u: %d", what, text, m, add(family, text, nlflags, 0, ~0U, ~0U));
	more_metric = 0;
	list(family);
	show_file("/proc/net/route", "va0\t0000320A");
	show_file("/proc/net/ipv6_route", "fd500000000000000000000000000000 40");
}

static void metrics(void)
{
	metric("new", AF_INET, "10.50.0.1", 0, 7);
	metric("replaced", AF_INET, "10.50.0.1", NLM_F_REPLACE, 8);
	metric("another", AF_INET, "10.50.0.2", 0, 9);
	metric("none", AF_INET, "10.50.0.1", NLM_F_REPLACE, 0);
	metric("new", AF_INET6, "fd50::1", 0, 7);
	metric("another", AF_INET6, "fd50::2", 0, 9);
	metric("replaced", AF_INET6, "fd50::1", NLM_F_REPLACE, 8);
}

/*
 * Replaces an address: its flags and the route that they add, other addresses of its network,
 * another prefix.
 */
static void replaced(void)
{
	say("with a route: %d", add(AF_INET, "10.79.0.1", 0, 0, ~0U, ~0U));
	say("another: %d", add(AF_INET, "10.79.0.2", 0, 0, ~0U, ~0U));
	more_metric = 50;
	say("metric 50: %d", add(AF_INET, "10.79.0.1", NLM_F_REPLACE, 0, ~0U, ~0U));
	more_metric = 0;
	show_file("/proc/net/route", "va0\t00004F0A");
	say("a flag: %d", add(AF_INET, "10.79.0.1", NLM_F_REPLACE, IFA_F_NOPREFIXROUTE, ~0U, ~0U));
	say("no flag: %d", add(AF_INET, "10.77.1.1", NLM_F_REPLACE, 0, ~0U, ~0U));
	v4_prefix = 16;
	say("16 bits: %d", add(AF_INET, "10.77.1.1", 0, 0, ~0U, ~0U));
	say("deprecated: %d", add(AF_INET, "10.77.1.1", NLM_F_REPLACE, 0, 1000, 0));
	v4_prefix = 24;
	list(AF_INET);
	show_file("/proc/net/route", "va0\t00004F0A");
	show_file("/proc/net/route", "va0\t00014D0A");
	say("a route: %d", add(AF_INET6, "fd77::1", NLM_F_REPLACE, 0, ~0U, ~0U));
	show_file("/proc/net/ipv6_route", "fd770000000000000000000000000000 40");
	say("none: %d", add(AF_INET6, "fd77::1", NLM_F_REPLACE, IFA_F_NOPREFIXROUTE, ~0U, ~0U));
	show_file("/proc/net/ipv6_route", "fd770000000000000000000000000000 40");
	list(AF_INET6);
}

static void del(const char *text)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_DELADDR,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
	struct ifaddrmsg *a = NLMSG_DATA(&m.h);
	char bin[4];

	a->ifa_family = AF_INET;
	a->ifa_prefixlen = 24;
	a->ifa_index = if_nametoindex(device);
	inet_pton(AF_INET, text, bin);
	nl_add(&m, IFA_LOCAL, bin, 4);
	nl_add(&m, IFA_ADDRESS, bin, 4);
	say("%s goes: %d", text, nl_do(&m));
}

/* Which address inherits the network when its first address goes. */
static void heirs(const char *promote)
{
	put_text("/proc/sys/net/ipv4/conf/va0/promote_secondaries", promote);
	for (int i = 1; i < 5; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.40.1.%d", i);
		say("%s: %d", text, add(AF_INET, text, 0, 0, ~0U, ~0U));
	}
	del("10.40.1.3");
	list(AF_INET);
	del("10.40.1.1");
	list(AF_INET);
	show_file("/proc/net/route", "va0\t0001280A");
	del("10.40.1.2");
	list(AF_INET);
	del("10.40.1.4");
	show_file("/proc/net/route", "va0\t0001280A");
}

/* Networks of lo are local: no other route is added with them. */
static void heirs_of_lo(void)
{
	device = "lo";
	put_text("/proc/sys/net/ipv4/conf/lo/promote_secondaries", "1");
	say("10.41.1.1: %d", add(AF_INET, "10.41.1.1", 0, 0, ~0U, ~0U));
	say("10.41.1.2: %d", add(AF_INET, "10.41.1.2", 0, 0, ~0U, ~0U));
	del("10.41.1.1");
	show_file("/proc/net/route", "lo");
	del("10.41.1.2");
	device = "va0";
}

TEST(addr_lifetime)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };

	own_net();
	what_is_said(AF_INET, "10.20.1.1", "10.20.2.1", "10.20.3.1");
	what_is_said(AF_INET6, "fd20:1::1", "fd20:2::1", "fd20:3::1");
	routes();
	metrics();
	replaced();
	heirs("0");
	heirs("1");
	heirs_of_lo();
	heard = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	NEED(bind(heard, SA(&a), sizeof(a)));
	over(AF_INET, "10.30.1.1", "10.30.2.1");
	over(AF_INET6, "fd30:1::1", "fd30:2::1");
	list(AF_INET);
	list(AF_INET6);
}
