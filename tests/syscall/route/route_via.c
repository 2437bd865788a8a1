/* SPDX-License-Identifier: MIT */
/*
 * route_via: IPv4 routes with an IPv6 gateway (RTA_VIA): which are accepted, how they are dumped,
 * and where a packet goes.
 */
#include "nd.h"
#include <linux/neighbour.h>

struct via {
	unsigned short family;
	unsigned char addr[16];
};

static unsigned via(struct via *v, int family, const char *addr)
{
	v->family = (unsigned short)family;
	if (addr)
		inet_pton(strchr(addr, ':') ? AF_INET6 : AF_INET, addr, v->addr);
	return 2 + (family == AF_INET ? 4 : 16);
}

/* Adds a route with RTA_VIA, @cut bytes too short, and with a device and a gateway if given. */
static int route(const char *to, int prefix, int family, const char *by, unsigned cut,
	const char *dev, const char *gw)
{
	struct nl_msg m = nl_route(to, prefix);
	struct via v = { 0 };
	unsigned n = via(&v, family, by);
	char bin[16];

	nl_add(&m, RTA_VIA, &v, n - cut);
	if (gw) {
		inet_pton(AF_INET, gw, bin);
		nl_add(&m, RTA_GATEWAY, bin, 4);
	}
	if (dev)
		nl_add(&m, RTA_OIF, &(int){ (int)if_nametoindex(dev) }, 4);
	return nl_do(&m);
}

static void show(const struct nlmsghdr *h)
{
	struct rtmsg *r = NLMSG_DATA(h);
	int left = (int)RTM_PAYLOAD(h);
	char line[300];

	if (r->rtm_family != AF_INET || r->rtm_table != RT_TABLE_MAIN)
		return;
	sprintf(line, "/%d flags %x:", r->rtm_dst_len, r->rtm_flags);
	for (struct rtattr *a = RTM_RTA(r); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		sprintf(line + strlen(line), " %d", a->rta_type);
		if (a->rta_type == RTA_OIF)
			continue;
		sprintf(line + strlen(line), "=");
		for (unsigned k = 0; k < RTA_PAYLOAD(a); k++)
			sprintf(line + strlen(line), "%02x", ((unsigned char *)RTA_DATA(a))[k]);
	}
	say("%s", line);
}

static void neighbour(const char *dev, const char *addr)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWNEIGH,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)) } };
	char bin[16];

	*(struct ndmsg *)NLMSG_DATA(&m.h) = (struct ndmsg){ .ndm_family = AF_INET6,
		.ndm_ifindex = (int)if_nametoindex(dev),
		.ndm_state = NUD_PERMANENT };
	inet_pton(AF_INET6, addr, bin);
	nl_add(&m, NDA_DST, bin, 16);
	nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\x77", 6);
	NEED0(nl_do(&m));
}

/* Sends a datagram to @addr, and prints the frame that it becomes on the wire. */
static void sent(int tap, const char *addr)
{
	struct sockaddr_in a = at(addr, 9);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	unsigned char f[200];
	ssize_t n;

	T(sendto(fd, "hello", 5, 0, SA(&a), sizeof(a)));
	close(fd);
	await(tap, POLLIN);
	n = recv(tap, f, sizeof(f), 0);
	say("%s: %zd to ..%02x, type %02x%02x, %d.%d.%d.%d to %d.%d.%d.%d", addr, n, f[5], f[12],
		f[13], f[26], f[27], f[28], f[29], f[30], f[31], f[32], f[33]);
}

TEST(route_via)
{
	struct rtmsg all = { .rtm_family = AF_INET };
	int tap;

	own_net();
	add_addr("va0", AF_INET6, "2001:db8::1", 64);
	tap = packet_socket("vb0", SOCK_RAW, ETH_P_IP);

	say("%d", route("10.5.0.0", 24, AF_INET6, "2001:db8::2", 0, NULL, NULL));
	say("%d", route("10.5.1.0", 24, AF_INET6, "fe80::2", 0, "va0", NULL));
	say("%d", route("10.5.2.0", 24, AF_INET, "10.9.0.2", 0, NULL, NULL));
	say("%d", route("10.5.3.0", 24, AF_INET6, "fe80::2", 0, NULL, NULL) < 0);
	say("%d", route("10.5.3.0", 24, AF_INET6, "2001:db9::2", 0, NULL, NULL) < 0);
	say("%d", route("10.5.3.0", 24, AF_INET6, "2001:db8::1", 0, NULL, NULL) < 0);
	say("%d", route("10.5.3.0", 24, AF_INET6, "ff02::2", 0, "va0", NULL) < 0);
	say("%d", route("10.5.3.0", 24, AF_INET6, "2001:db8::2", 4, NULL, NULL));
	say("%d", route("10.5.3.0", 24, AF_INET, "10.9.0.2", 2, NULL, NULL));
	say("%d", route("10.5.3.0", 24, 7, "2001:db8::2", 0, NULL, NULL));
	say("%d", route("10.5.3.0", 24, AF_INET6, "2001:db8::2", 0, NULL, "10.9.0.2"));
	say("%d", route("2001:db8:5::", 64, AF_INET6, "2001:db8::2", 0, NULL, NULL));
	dump_routes(&all, 0, show);
	show_file("/proc/net/route", "050A");

	neighbour("va0", "2001:db8::2");
	neighbour("va0", "fe80::2");
	/* Linux gives va0 its link-local address once it can send; a packet before that is lost. */
	T_WAIT(flags_of(VA_LL) >= 0);
	sent(tap, "10.5.0.9");
	sent(tap, "10.5.1.9");
}
