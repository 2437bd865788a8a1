/* SPDX-License-Identifier: MIT */
/* AF_NETLINK route sockets: listing links and addresses, the loopback device, errors in replies. */
#include "t.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

struct request {
	struct nlmsghdr h;
	union {
		struct rtgenmsg gen;
		struct ifinfomsg link;
	} u;
};

static int fd;

static void ask(int type, int flags)
{
	struct request r = { .h = { NLMSG_LENGTH(sizeof(struct ifinfomsg)), type,
				     NLM_F_REQUEST | flags, 42, 0 } };

	r.u.link.ifi_family = AF_UNSPEC;
	NEED(send(fd, &r, r.h.nlmsg_len, 0));
}

static void loopback(struct nlmsghdr *h)
{
	struct ifinfomsg *i = NLMSG_DATA(h);
	struct rtattr *a = IFLA_RTA(i);
	int left = IFLA_PAYLOAD(h);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME && !strcmp(RTA_DATA(a), "lo"))
			say("lo: index %d, loopback %d, type %d", i->ifi_index,
				!!(i->ifi_flags & IFF_LOOPBACK), i->ifi_type);
}

static void answers(const char *what)
{
	char buf[65536];
	int n, done = 0, count = 0, wrong = 0;

	while (!done) {
		struct nlmsghdr *h = (void *)buf;

		n = NEED(recv(fd, buf, sizeof(buf), 0));
		for (; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			wrong += h->nlmsg_seq != 42;
			if (h->nlmsg_type == NLMSG_DONE) {
				done = 1;
			} else if (h->nlmsg_type == NLMSG_ERROR) {
				say("%s: error %s", what,
					t_errno(-((struct nlmsgerr *)NLMSG_DATA(h))->error));
				return;
			} else {
				count++;
				if (h->nlmsg_type == RTM_NEWLINK)
					loopback(h);
			}
		}
	}
	say("%s: done, some %d, wrong numbers %d", what, count > 0, wrong);
}

TEST(netlink)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	socklen_t n = sizeof(a);
	char buf[100];

	fd = OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	OK(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE));
	T(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
	T(socket(AF_NETLINK, SOCK_RAW, 99));
	T(bind(fd, (void *)&a, sizeof(a)));
	T(getsockname(fd, (void *)&a, &n));
	say("family %d, a port id %d, length %d", a.nl_family, a.nl_pid != 0, (int)n);
	ask(RTM_GETLINK, NLM_F_DUMP);
	answers("links");
	ask(RTM_GETADDR, NLM_F_DUMP);
	{
		/* addresses there may be or not */
		char big[65536];
		int done = 0;

		while (!done) {
			struct nlmsghdr *h = (void *)big;
			int len = NEED(recv(fd, big, sizeof(big), 0));

			for (; NLMSG_OK(h, (unsigned)len); h = NLMSG_NEXT(h, len))
				done |= h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
		}
		say("addresses end");
	}
	T(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	ask(RTM_GETLINK, 0); /* index 0 is nobody */
	answers("no link");
	T(bind(fd, (void *)&a, 4));
	a.nl_family = AF_UNIX;
	T(bind(fd, (void *)&a, sizeof(a)));
	OK(if_nametoindex("lo"));
}
