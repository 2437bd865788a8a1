/* SPDX-License-Identifier: MIT */
/* Error queues of sockets whose packets waited for a neighbour that did not answer. */
#include "netns.h"
#include "errqueue.h"
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

static void show(ssize_t n, struct msghdr *m)
{
	struct sock_extended_err e;
	struct sockaddr_storage offender;
	struct in_pktinfo p;
	struct in6_pktinfo p6;
	char text[64];

	say(" %zd bytes, flags %x, to %s", n, m->msg_flags, addr_text(m->msg_name, text));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		say("  level %d type %d length %d", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len);
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&p, CMSG_DATA(c), sizeof(p));
			say("   device %d, to %s", p.ipi_ifindex,
				inet_ntop(AF_INET, &p.ipi_addr, text, sizeof(text)));
		}
		if (c->cmsg_len == CMSG_LEN(4))
			say("   %d", *(int *)CMSG_DATA(c));
		if (c->cmsg_len == CMSG_LEN(1))
			say("   %d", *CMSG_DATA(c));
		if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&p6, CMSG_DATA(c), sizeof(p6));
			say("   device %d, to %s", p6.ipi6_ifindex,
				inet_ntop(AF_INET6, &p6.ipi6_addr, text, sizeof(text)));
		}
		if (c->cmsg_type != (c->cmsg_level == SOL_IP ? IP_RECVERR : IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		memset(&offender, 0, sizeof(offender));
		memcpy(&offender, CMSG_DATA(c) + sizeof(e), c->cmsg_len - CMSG_LEN(sizeof(e)));
		say("   %s origin %d type %d code %d from %s", t_errno((int)e.ee_errno),
			e.ee_origin, e.ee_type, e.ee_code, addr_text(&offender, text));
	}
}

static int made(int family, int type, int protocol)
{
	int fd = NEED(socket(family, type, protocol));

	set(fd, family == AF_INET ? SOL_IP : SOL_IPV6,
		family == AF_INET ? IP_RECVERR : IPV6_RECVERR, 1);
	tell_all(fd);
	return fd;
}

TEST(errqueue_nohost)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
	char echo[8] = { ICMP_ECHO, [2] = (char)0xf7, (char)0xff },
	     echo6[8] = { (char)ICMP6_ECHO_REQUEST };
	int fd[4];

	own_net();
	set(fd[0] = made(AF_INET, SOCK_DGRAM, 0), SOL_IP, IP_TOS, 0x28);
	add_addr("va0", AF_INET6, "fd09::1", 64);
	to = at("10.9.0.77", 7);
	inet_pton(AF_INET6, "fd09::77", &to6.sin6_addr);
	fd[1] = made(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	fd[2] = made(AF_INET6, SOCK_DGRAM, 0);
	fd[3] = made(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	T(sendto(fd[0], "udp", 3, 0, SA(&to), sizeof(to)));
	to.sin_port = 0;
	T(sendto(fd[1], echo, 8, 0, SA(&to), sizeof(to)));
	T(sendto(fd[2], "udp", 3, 0, SA(&to6), sizeof(to6)));
	to6.sin6_port = 0;
	T(sendto(fd[3], echo6, 8, 0, SA(&to6), sizeof(to6)));
	for (int k = 0; k < 4; k++) {
		struct pollfd p = { .fd = fd[k] };

		say("socket %d", k);
		T(poll(&p, 1, 100000));
		drain(fd[k]);
	}
}
