/* SPDX-License-Identifier: MIT */
/*
 * echo_ignore: net.ipv4.icmp_echo_ignore_all and related settings, in a namespace of the test's
 * own: which requests are answered.
 */
#include "inet.h"
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>

/*
 * Sends an echo request and prints whether a reply comes. @hope: a reply is expected and waited
 * for.
 */
static void ping(const char *to, bool v6, bool hope)
{
	struct icmphdr h = { .type = ICMP_ECHO, .checksum = (uint16_t)~ICMP_ECHO };
	struct icmp6_hdr h6 = { .icmp6_type = ICMP6_ECHO_REQUEST };
	struct sockaddr_in a = at("127.0.0.1", 0);
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_scope_id = 1 };
	int fd =
		NEED(socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP));
	unsigned char p[256];
	bool answered = false;

	NEED(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &(int){ 1 }, sizeof(int)));
	if (v6) {
		inet_pton(AF_INET6, to, &a6.sin6_addr);
		NEED(sendto(fd, &h6, sizeof(h6), 0, SA(&a6), sizeof(a6)));
	} else {
		inet_pton(AF_INET, to, &a.sin_addr);
		NEED(sendto(fd, &h, sizeof(h), 0, SA(&a), sizeof(a)));
	}
	while (!answered && poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, hope ? 100000 : 50) == 1) {
		ssize_t n = recv(fd, p, sizeof(p), 0);

		if (n > 0 && p[v6 ? 0 : 20] == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
			answered = true;
	}
	say("%s: %s", to, answered ? "answers" : "is silent");
	close(fd);
}

static void all(bool one, bool many, bool v6)
{
	ping("127.0.0.1", false, one);
	ping("127.255.255.255", false, many);
	ping("::1", true, v6);
}

static void turn(const char *name, const char *value)
{
	char old[16] = "";
	int fd = NEED(open(name, O_RDONLY));

	NEED(read(fd, old, sizeof(old) - 1));
	close(fd);
	old[strcspn(old, "\n")] = 0;
	say("%s: %s, then %s", strrchr(name, '/'), old, value);
	fd = NEED(open(name, O_WRONLY));
	T(write(fd, value, strlen(value)));
	close(fd);
}

#define IPV4 "/proc/sys/net/ipv4/"
#define IPV6 "/proc/sys/net/ipv6/icmp/"

TEST(echo_ignore)
{
	if (unshare(CLONE_NEWNET)) {
		say("no namespace");
		return;
	}
	lo_up();
	all(true, false, true);
	turn(IPV4 "icmp_echo_ignore_broadcasts", "0");
	all(true, true, true);
	turn(IPV4 "icmp_echo_ignore_all", "1");
	turn(IPV6 "echo_ignore_all", "1");
	all(false, false, false);
	turn(IPV4 "icmp_echo_ignore_all", "2");
	turn(IPV6 "echo_ignore_all", "-1");
	turn(IPV6 "echo_ignore_all", "0");
	all(false, false, true);
}
