/* SPDX-License-Identifier: MIT */
/* AF_NETLINK route sockets: listing links and addresses, the loopback device, errors in replies. */
#include "t.h"
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
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

/* Asks for the route to an address: a clone of a route with its attributes. */
static void way(void)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg m;
		struct rtattr a;
		uint32_t to;
	} r = { { sizeof(r), RTM_GETROUTE, NLM_F_REQUEST, 42, 0 },
		{ .rtm_family = AF_INET, .rtm_dst_len = 32 }, { RTA_LENGTH(4), RTA_DST },
		htonl(INADDR_LOOPBACK) };
	char buf[4096];

	for (int lookup = 0; lookup < 2; lookup++) {
		r.m.rtm_flags = lookup ? RTM_F_LOOKUP_TABLE : 0;
		NEED(send(fd, &r, sizeof(r), 0));
		int len = NEED(recv(fd, buf, sizeof(buf), 0));
		struct nlmsghdr *h = (void *)buf;
		struct rtmsg *m = NLMSG_DATA(h);
		struct rtattr *a = RTM_RTA(m);
		unsigned seen = 0;

		say("a route %d of %d bits, table %d, type %d, scope %d, from %d, flags %x",
			h->nlmsg_type == RTM_NEWROUTE, m->rtm_dst_len, m->rtm_table, m->rtm_type,
			m->rtm_scope, m->rtm_protocol, m->rtm_flags & ~RTM_F_LOOKUP_TABLE);
		for (len = RTM_PAYLOAD(h); RTA_OK(a, len); a = RTA_NEXT(a, len))
			seen |= 1U << a->rta_type;
		say("attributes %x", seen);
	}
}

/*
 * Reads the list of memberships, which is empty before the first group. It is cut to the buffer,
 * but the length is that of the whole list.
 */
static void memberships(void)
{
	static const socklen_t room[] = { 0, 4, 8, 64 };
	int s = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), group = RTNLGRP_LINK;
	unsigned char got[64];
	socklen_t n;

	for (int joined = 0; joined < 2; joined++) {
		n = 0;
		T(getsockopt(s, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, NULL, &n));
		say("length %d", (int)n);
		for (int i = 0; i < 4; i++) {
			n = room[i];
			memset(got, 0xaa, sizeof(got));
			T(getsockopt(s, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, got, &n));
			say("room %d: length %d, %02x %02x %02x %02x %02x", (int)room[i], (int)n,
				got[0], got[3], got[4], got[7], got[8]);
		}
		T(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
	}
	T(setsockopt(s, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)));
	n = sizeof(got);
	T(getsockopt(s, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, got, &n));
	say("left: length %d, %02x", (int)n, got[0]);
	close(s);
}

/* Sets lo up: by write() to the socket @to, or, if @named, by sendto() with an address. */
static int set_up(int to, bool named)
{
	struct request r = { .h = { NLMSG_LENGTH(sizeof(struct ifinfomsg)), RTM_NEWLINK,
				     NLM_F_REQUEST | NLM_F_ACK, 7, 0 } };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[256];
	} a;

	r.u.link.ifi_index = 1;
	r.u.link.ifi_flags = r.u.link.ifi_change = IFF_UP;
	if (named)
		NEED(sendto(to, &r, r.h.nlmsg_len, 0, (void *)&kernel, sizeof(kernel)));
	else
		NEED(write(to, &r, r.h.nlmsg_len));
	NEED(recv(to, &a, sizeof(a), 0));
	return a.e.error;
}

static void may_set(bool yes)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	NEED(syscall(SYS_capget, &h, d));
	d[0].effective = yes ? d[0].effective | 1U << CAP_NET_ADMIN :
			       d[0].effective & ~(1U << CAP_NET_ADMIN);
	NEED(syscall(SYS_capset, &h, d));
}

/*
 * A request also needs the rights of the process that opened the socket, unless the sender named
 * the kernel as destination. Otherwise the message might be an error text written to descriptor 2.
 */
static void handed(void)
{
	int s[2];

	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	s[1] = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	may_set(false);
	s[0] = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	for (int now = 0; now < 2; now++) {
		may_set(now);
		for (int then = 0; then < 2; then++) {
			say("the opener could %d, the writer can %d", then, now);
			T(set_up(s[then], false));
			T(set_up(s[then], true));
		}
	}
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
	ask(RTM_GETLINK, 0); /* no device has index 0 */
	answers("no link");
	T(bind(fd, (void *)&a, 4));
	a.nl_family = AF_UNIX;
	T(bind(fd, (void *)&a, sizeof(a)));
	OK(if_nametoindex("lo"));
	way();
	memberships();
	CHILD(handed());
}
