/* SPDX-License-Identifier: MIT */
/*
 * rtnl_netconf: RTM_GETNETCONF: settings of /proc/sys/net/.../conf, of all devices and of a single
 * one.
 */
#include "netns.h"
#include <linux/netconf.h>

struct request {
	struct nlmsghdr h;
	struct netconfmsg m;
	char pad[3];
	struct rtattr a;
	int ifindex;
};

static void show(const struct nlmsghdr *h)
{
	struct netconfmsg *m = NLMSG_DATA(h);
	int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(sizeof(*m));
	char text[256] = "";

	for (struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(sizeof(*m))); RTA_OK(a, left);
		a = RTA_NEXT(a, left))
		sprintf(text + strlen(text), " %d=%d", a->rta_type, *(int *)RTA_DATA(a));
	say("  family %d:%s", m->ncm_family, text);
}

static void ask(int family, bool dump, bool strict, int ifindex, unsigned len)
{
	struct request q = {
		.h = { .nlmsg_len = len,
			.nlmsg_type = RTM_GETNETCONF,
			.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0)) },
		.m = { (unsigned char)family },
		.a = { RTA_LENGTH(4), NETCONFA_IFINDEX },
		.ifindex = ifindex
	};
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	static char room[16384];
	bool more = true;

	say("family %d, %s%s of %d, %u bytes", family, strict ? "strict " : "",
		dump ? "list" : "words", ifindex, len);
	NEED(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &(int){ strict }, sizeof(int)));
	NEED(send(fd, &q, len, 0));
	while (more) {
		int n = (int)NEED(recv(fd, room, sizeof(room), 0));

		for (struct nlmsghdr *h = (void *)room; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == RTM_NEWNETCONF) {
				show(h);
				more = dump;
				continue;
			}
			say("  end: %d", *(int *)NLMSG_DATA(h));
			more = false;
		}
	}
	close(fd);
}

TEST(rtnl_netconf)
{
	unsigned plain = NLMSG_LENGTH(sizeof(struct netconfmsg)), all = sizeof(struct request);

	if (unshare(CLONE_NEWNET)) {
		say("no namespace");
		return;
	}
	/* a new namespace begins with the host's own settings */
	put_text("/proc/sys/net/ipv4/ip_forward", "0");
	put_text("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	put_text("/proc/sys/net/ipv4/conf/default/rp_filter", "2");
	veth_pair("a", "b");
	put_text("/proc/sys/net/ipv4/conf/lo/rp_filter", "0");
	put_text("/proc/sys/net/ipv4/conf/a/forwarding", "1");
	put_text("/proc/sys/net/ipv4/conf/b/proxy_arp", "1");
	put_text("/proc/sys/net/ipv6/conf/b/forwarding", "1");
	for (int strict = 0; strict < 2; strict++) {
		ask(AF_INET, true, strict, 0, plain);
		ask(AF_INET6, true, strict, 0, 20);
		ask(AF_UNSPEC, true, strict, 0, 20);
		ask(AF_INET, true, strict, 1, all);
		ask(AF_INET, false, strict, 1, all);
		ask(AF_INET6, false, strict, NETCONFA_IFINDEX_ALL, all);
		ask(AF_INET, false, strict, NETCONFA_IFINDEX_DEFAULT, all);
		ask(AF_INET, false, strict, 0, all);
		ask(AF_INET6, false, strict, 99, all);
		ask(AF_INET, false, strict, -3, all);
		ask(AF_INET, false, strict, 1, plain);
		ask(AF_UNSPEC, false, strict, 1, all);
	}
}
