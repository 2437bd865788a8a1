/* SPDX-License-Identifier: MIT */
/*
 * ra_lifetime: lifetimes of prefixes in router advertisements: any host of the link may announce
 * the end of an address, but not for sooner than in two hours.
 */
#include "netns.h"
#include <linux/if_ether.h>

static int out;

static unsigned fold(unsigned sum)
{
	return ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
}

static void tell(unsigned valid, unsigned preferred)
{
	unsigned char p[40 + 16 + 32] = { 0x60, [5] = 48, 58, 255, 0xfe, 0x80, [23] = 99, 0xff,
		2, [39] = 1 };
	unsigned char *ra = p + 40, *o = ra + 16;
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = (int)if_nametoindex("vb0"),
		.sll_halen = 6,
		.sll_addr = { 0x33, 0x33, 0, 0, 0, 1 } };
	unsigned sum = 48 + 58;

	ra[0] = 134;
	ra[4] = 64;
	o[0] = 3;
	o[1] = 4;
	o[2] = 64;
	o[3] = 0xc0;
	memcpy(o + 4, &(unsigned){ htonl(valid) }, 4);
	memcpy(o + 8, &(unsigned){ htonl(preferred) }, 4);
	memcpy(o + 16, "\xfd\x77", 2);
	for (int i = 8; i < (int)sizeof(p); i += 2)
		sum += (unsigned)(p[i] << 8 | p[i + 1]);
	sum = fold(sum);
	ra[2] = (unsigned char)(sum >> 8);
	ra[3] = (unsigned char)sum;
	NEED(sendto(out, p, sizeof(p), 0, SA(&to), sizeof(to)));
}

/* Returns the lifetime in minutes of the address that begins with fd77. */
static int left(void)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
	} m = { { sizeof(m), RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 0, 0 },
		{ .ifa_family = AF_INET6 } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), found = -1, end = 0;
	static char b[16384];

	NEED(send(fd, &m, sizeof(m), 0));
	while (!end) {
		int n = NEED(recv(fd, b, sizeof(b), 0));

		for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			struct rtattr *a = IFA_RTA(NLMSG_DATA(h));
			int len = (int)IFA_PAYLOAD(h), ours = 0;

			end |= h->nlmsg_type == NLMSG_DONE;
			for (; h->nlmsg_type == RTM_NEWADDR && RTA_OK(a, len);
				a = RTA_NEXT(a, len)) {
				if (a->rta_type == IFA_ADDRESS)
					ours = !memcmp(RTA_DATA(a), "\xfd\x77", 2);
				if (a->rta_type == IFA_CACHEINFO && ours)
					found = (int)(((struct ifa_cacheinfo *)RTA_DATA(a))
								      ->ifa_valid /
							      60.0 +
						      0.5);
			}
		}
	}
	close(fd);
	return found;
}

static void told(unsigned valid, unsigned preferred)
{
	tell(valid, preferred);
	say("%u: %d minutes left", valid, left());
}

/* Waits for the first address, which rtnetlink reports: only then the device is ready. */
static void until_heard(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV6_IFADDR };
	struct pollfd p = { .fd = (int)NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)),
		.events = POLLIN };
	char b[4096];

	NEED(bind(p.fd, SA(&a), sizeof(a)));
	tell(86400, 86400);
	while (left() < 0 && poll(&p, 1, 100000) == 1) {
		NEED(recv(p.fd, b, sizeof(b), 0));
		tell(86400, 86400);
	}
	close(p.fd);
}

TEST(ra_lifetime)
{
	own_net();
	out = NEED(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IPV6)));
	told(0, 0);
	until_heard();
	told(86400, 86400);
	told(100000, 0);
	told(20000, 20001);
	told(20000, 20000);
	told(3000, 3000);
	told(600, 600);
	told(7100, 7100);
	told(7300, 7300);
	told(0, 0);
	told(14400, 14400);
	told(0, 0);
	told(0xffffffff, 0xffffffff);
	told(60, 60);
}
