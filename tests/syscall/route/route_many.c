/* SPDX-License-Identifier: MIT */
/*
 * route_many: more addresses and routes than fit into a message: a dump has all of them, and ends.
 * Guests only.
 */
#include "guest.h"
#include "inet.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#define MANY 300

static int fd;

static int change(int type, __u32 to)
{
	struct {
		struct nlmsghdr h;
		union {
			struct ifaddrmsg a;
			struct rtmsg r;
		};
		char attrs[32];
	} m = { .h = { .nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL } };
	struct rtattr *a = (void *)m.attrs, *oif = (void *)(m.attrs + 8);
	char buf[4096];

	if (type == RTM_NEWADDR)
		m.a = (struct ifaddrmsg){
			.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1
		};
	else
		m.r = (struct rtmsg){ .rtm_family = AF_INET,
			.rtm_dst_len = 32,
			.rtm_table = RT_TABLE_MAIN,
			.rtm_protocol = RTPROT_STATIC,
			.rtm_scope = RT_SCOPE_LINK,
			.rtm_type = RTN_UNICAST };
	a = (void *)((char *)NLMSG_DATA(&m.h) + (type == RTM_NEWADDR ? sizeof(m.a) : sizeof(m.r)));
	*a = (struct rtattr){ .rta_len = 8, .rta_type = type == RTM_NEWADDR ? IFA_LOCAL : RTA_DST };
	memcpy(RTA_DATA(a), &to, 4);
	m.h.nlmsg_len = (char *)a + 8 - (char *)&m;
	if (type == RTM_NEWROUTE) {
		oif = (void *)((char *)a + 8);
		*oif = (struct rtattr){ .rta_len = 8, .rta_type = RTA_OIF };
		memcpy(RTA_DATA(oif), &(int){ 1 }, 4);
		m.h.nlmsg_len += 8;
	}
	if (send(fd, &m, m.h.nlmsg_len, 0) == -1 || recv(fd, buf, sizeof(buf), 0) == -1)
		return errno;
	return -((struct nlmsgerr *)NLMSG_DATA(buf))->error;
}

static int count(int type)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} m = { { sizeof(m), type, NLM_F_REQUEST | NLM_F_DUMP, 0, 0 }, { AF_INET } };
	static char buf[65536];
	int n = 0;

	NEED(send(fd, &m, sizeof(m), 0));
	for (;;) {
		struct nlmsghdr *h = (void *)buf;
		int len = NEED(recv(fd, buf, sizeof(buf), 0));

		for (; NLMSG_OK(h, (unsigned)len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return n;
			n++;
		}
	}
}

static int fill(int type, int most)
{
	int err = 0;

	for (int i = 0; i < most && !err; i++)
		err = change(type, htonl(0x0a090000 + i));
	return err;
}

TEST(route_many)
{
	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	}
	G(fill(RTM_NEWADDR, MANY), "0");
	GIS(count(RTM_GETADDR) >= MANY);
	G(fill(RTM_NEWROUTE, MANY), "0");
	GIS(count(RTM_GETROUTE) >= MANY);
	GIS(change(RTM_NEWROUTE, htonl(0x0a090000)) == EEXIST);
	GIS(fill(RTM_NEWADDR, 0) == 0 && change(RTM_NEWADDR, htonl(0x0a090000)) == EEXIST);
	GIS(({
		int err = 0;
		for (int i = MANY; i < 100000 && !err; i++)
			err = change(RTM_NEWADDR, htonl(0x0a090000 + i));
		err == ENOBUFS;
	}));
}
