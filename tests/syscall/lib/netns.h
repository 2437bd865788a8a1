/* SPDX-License-Identifier: MIT */
/*
 * netns.h: a network namespace of the test's own, with a pair of veth devices. Root and an ordinary
 * user can make it. Errors end the test.
 */
#ifndef TESTS_SYSCALL_NETNS_H
#define TESTS_SYSCALL_NETNS_H

#include "inet.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_packet.h>
#include <linux/veth.h>
#include <sched.h>

/* A message of rtnetlink, whose length so far is h.nlmsg_len. */
struct nl_msg {
	struct nlmsghdr h;
	char room[1024];
};

/*
 * Adds an attribute with @len bytes, and returns it. If it is nested, nl_nested() ends it once the
 * attributes inside it were added.
 */
static T_UNUSED void *nl_add(struct nl_msg *m, int type, const void *data, unsigned len)
{
	struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	a->rta_type = (unsigned short)type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	m->h.nlmsg_len = NLMSG_ALIGN(m->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

/* Ends a nested attribute, which contains all attributes that were added since. */
static T_UNUSED void nl_nested(struct nl_msg *m, struct rtattr *a)
{
	a->rta_len = (unsigned short)((char *)m + m->h.nlmsg_len - (char *)a);
}

/* Sends a request of rtnetlink. Returns 0 or -errno. */
static T_UNUSED int nl_do(struct nl_msg *m)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[1024];
	} r;
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

	m->h.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	NEED(send(fd, m, m->h.nlmsg_len, 0));
	NEED(recv(fd, &r, sizeof(r), 0));
	close(fd);
	return r.e.error;
}

/* Makes two devices that are joined. They are down. */
static T_UNUSED void veth_pair(const char *a, const char *b)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	struct rtattr *info, *data, *peer;

	nl_add(&m, IFLA_IFNAME, a, (unsigned)strlen(a) + 1);
	info = nl_add(&m, IFLA_LINKINFO, NULL, 0);
	nl_add(&m, IFLA_INFO_KIND, "veth", 4);
	data = nl_add(&m, IFLA_INFO_DATA, NULL, 0);
	peer = nl_add(&m, VETH_INFO_PEER, NULL, 0);
	m.h.nlmsg_len += sizeof(struct ifinfomsg);
	nl_add(&m, IFLA_IFNAME, b, (unsigned)strlen(b) + 1);
	nl_nested(&m, peer);
	nl_nested(&m, data);
	nl_nested(&m, info);
	NEED0(nl_do(&m));
}

/* Adds the address @addr/@prefix. An IPv6 address can be used at once. */
static T_UNUSED void add_addr(const char *dev, int family, const char *addr, int prefix)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWADDR,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
	struct ifaddrmsg *a = NLMSG_DATA(&m.h);
	char bin[16];

	a->ifa_family = (unsigned char)family;
	a->ifa_prefixlen = (unsigned char)prefix;
	a->ifa_index = if_nametoindex(dev);
	a->ifa_flags = family == AF_INET6 ? 2 /* IFA_F_NODAD */ : 0;
	inet_pton(family, addr, bin);
	nl_add(&m, IFA_LOCAL, bin, family == AF_INET ? 4 : 16);
	NEED0(nl_do(&m));
}

/* Brings a device up, or down if @on is 0. */
static T_UNUSED void set_up(const char *dev, int on)
{
	struct ifreq r = { 0 };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strncpy(r.ifr_name, dev, IFNAMSIZ - 1);
	NEED(ioctl(fd, SIOCGIFFLAGS, &r));
	r.ifr_flags = (short)(on ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	NEED(ioctl(fd, SIOCSIFFLAGS, &r));
	close(fd);
}

/* Sets the address 02:00:00:00:00:@last. */
static T_UNUSED void set_mac(const char *dev, int last)
{
	struct ifreq r = { .ifr_hwaddr = {
				   .sa_family = 1, .sa_data = { 2, 0, 0, 0, 0, (char)last } } };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strncpy(r.ifr_name, dev, IFNAMSIZ - 1);
	NEED(ioctl(fd, SIOCSIFHWADDR, &r));
	close(fd);
}

/* Writes a file with one write(). Prints an error. */
static T_UNUSED void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		say("%s: %s", path, strerror(errno));
	close(fd);
}

/* Prints each line of a file that contains @of (NULL: all lines). */
static T_UNUSED void show_file(const char *path, const char *of)
{
	FILE *f = fopen(path, "r");
	char line[256];

	say("%s:", path);
	while (f && fgets(line, sizeof(line), f))
		if (!of || strstr(line, of))
			say("  %.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

/*
 * Returns an AF_PACKET socket of type @type that gets the frames of protocol @proto of device @dev
 * (NULL: of all).
 */
static T_UNUSED int packet_socket(const char *dev, int type, int proto)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons((uint16_t)proto),
		.sll_ifindex = dev ? (int)if_nametoindex(dev) : 0 };
	int fd = NEED(socket(AF_PACKET, type, 0));

	NEED(bind(fd, SA(&a), sizeof(a)));
	return fd;
}

/*
 * Enters a network namespace with va0 (MAC 02::1, 10.9.0.1) and vb0 (02::2), its peer; both are up,
 * as is lo.
 */
static T_UNUSED void own_net(void)
{
	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	veth_pair("va0", "vb0");
	set_mac("va0", 1);
	set_mac("vb0", 2);
	set_up("lo", 1);
	set_up("va0", 1);
	set_up("vb0", 1);
	add_addr("va0", AF_INET, "10.9.0.1", 24);
}
/*
 * Calls @show for each message of a dump that @r requests, with strict checking unless @strict is
 * 0.
 */
static T_UNUSED void dump_routes(
	const struct rtmsg *r, int strict, void (*show)(const struct nlmsghdr *h))
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
	} m = { { sizeof(m), RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, *r };
	static char buf[65536];
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

	if (strict)
		NEED(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict)));
	NEED(send(fd, &m, sizeof(m), 0));
	for (;;) {
		struct nlmsghdr *h = (void *)buf;
		int len = NEED(recv(fd, buf, sizeof(buf), 0));

		for (; NLMSG_OK(h, (unsigned)len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				close(fd);
				return;
			}
			show(h);
		}
	}
}

static T_UNUSED void set_mtu(const char *dev, int mtu)
{
	struct ifreq r = { .ifr_mtu = mtu };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strcpy(r.ifr_name, dev);
	NEED(ioctl(fd, SIOCSIFMTU, &r));
	close(fd);
}

/* True if the device can send. Linux notices a little later that a link was lost or is back. */
static T_UNUSED bool link_runs(const char *dev)
{
	struct ifreq r = { 0 };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strcpy(r.ifr_name, dev);
	NEED(ioctl(fd, SIOCGIFFLAGS, &r));
	close(fd);
	return r.ifr_flags & IFF_RUNNING;
}

/* Returns the beginning of a message that adds a route to @to/@prefix in the main table. */
static T_UNUSED struct nl_msg nl_route(const char *to, int prefix)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWROUTE,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) } };
	int family = strchr(to, ':') ? AF_INET6 : AF_INET;
	char bin[16];

	*(struct rtmsg *)NLMSG_DATA(&m.h) = (struct rtmsg){ .rtm_family = (unsigned char)family,
		.rtm_dst_len = (unsigned char)prefix,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST };
	inet_pton(family, to, bin);
	nl_add(&m, RTA_DST, bin, family == AF_INET ? 4 : 16);
	return m;
}

/* Adds a route; @gateway and @dev may be NULL. */
static T_UNUSED void nl_add_route(const char *to, int prefix, const char *gateway, const char *dev)
{
	struct nl_msg m = nl_route(to, prefix);
	int family = strchr(to, ':') ? AF_INET6 : AF_INET;
	char bin[16];

	if (gateway) {
		inet_pton(family, gateway, bin);
		nl_add(&m, RTA_GATEWAY, bin, family == AF_INET ? 4 : 16);
	}
	if (dev)
		nl_add(&m, RTA_OIF, &(int){ (int)if_nametoindex(dev) }, 4);
	NEED0(nl_do(&m));
}

#endif
