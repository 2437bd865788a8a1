/* SPDX-License-Identifier: MIT */
/*
 * SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST: a redirected connection's first destination, for
 * transparent proxies.
 */
#include "guest.h"
#include "nft.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#define ORIGINAL_DST 80

/* Adds a NAT rule: TCP to port 81 goes to port 8081 of this machine. */
static void redirect_81(void)
{
	uint16_t from = htons(81), to = htons(8081);
	uint8_t tcp = IPPROTO_TCP;
	unsigned list, d, e;

	list = nft_rule("t", "c");
	nft_meta(NFT_META_L4PROTO);
	equal(&tcp, 1);
	nft_load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	equal(&from, 2);
	nft_immediate(NFT_REG_1, &to, 2);
	e = expr("redir", &d);
	be32(NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
	end(d);
	end(e);
	end(list);
}

static void rules(int family)
{
	nft_family = family;
	start();
	nft_table("t");
	nft_chain("t", "c", "nat", NF_INET_LOCAL_OUT, (uint32_t)-100);
	redirect_81();
	GNEED(finish());
}

static socklen_t address(int family, const char *host, int port, struct sockaddr_in6 *a)
{
	struct sockaddr_in *a4 = (void *)a;

	memset(a, 0, sizeof(*a));
	a->sin6_family = family;
	a->sin6_port = htons(port);
	inet_pton(family, host, family == AF_INET ? (void *)&a4->sin_addr : &a->sin6_addr);
	return family == AF_INET ? sizeof(*a4) : sizeof(*a);
}

static int tcp(int family)
{
	int fd = GNEED(socket(family, SOCK_STREAM, 0)), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

static char told[80];

/* Returns the answer as text, or the error. */
static const char *original(int fd, int level, socklen_t room)
{
	struct sockaddr_in6 a = { 0 };
	struct sockaddr_in *a4 = (void *)&a;
	char host[INET6_ADDRSTRLEN];
	socklen_t n = room;

	if (getsockopt(fd, level, ORIGINAL_DST, &a, &n))
		return strerrorname_np(errno);
	inet_ntop(a.sin6_family, a.sin6_family == AF_INET ? (void *)&a4->sin_addr : &a.sin6_addr,
		host, sizeof(host));
	snprintf(told, sizeof(told), "%s port %d, length %u", host, ntohs(a.sin6_port), n);
	return told;
}

/* Connects a client to @host, port @port, and accepts the connection. */
static void connect_to(int listener, int family, const char *host, int port, int *c, int *a)
{
	struct sockaddr_in6 to;
	socklen_t n = address(family, host, port, &to);

	*c = tcp(family);
	GNEED(connect(*c, (void *)&to, n));
	*a = GNEED(accept(listener, NULL, NULL));
}

static void family(int f, const char *host, int level, const char *want, const char *plain)
{
	struct sockaddr_in6 at;
	int l = tcp(f), c, a;

	say("%s", f == AF_INET ? "IPv4" : "IPv6");
	GNEED(bind(l, (void *)&at, address(f, f == AF_INET ? "0.0.0.0" : "::", 8081, &at)));
	GNEED(listen(l, 5));
	connect_to(l, f, host, 81, &c, &a);
	GT(original(a, level, 28), want);
	GT(original(c, level, 28), want); /* the client's end answers, too */
	GT(original(a, level, f == AF_INET ? 15 : 27), "EINVAL");
	GT(original(l, level, 28), "ENOENT");
	close(c);
	close(a);
	connect_to(l, f, host, 8081, &c, &a);
	GT(original(a, level, 28), plain);
	close(c);
	close(a);
	close(l);
	c = GNEED(socket(f, SOCK_DGRAM, 0));
	GT(original(c, level, 28), "ENOPROTOOPT");
	close(c);
}

/* An IPv6 socket that talks IPv4: SOL_IP answers. */
static void mapped(void)
{
	struct sockaddr_in6 at;
	int l = tcp(AF_INET6), c, a;

	say("mapped");
	GNEED(bind(l, (void *)&at, address(AF_INET6, "::", 8081, &at)));
	GNEED(listen(l, 5));
	connect_to(l, AF_INET, "127.0.0.1", 81, &c, &a);
	GT(original(a, SOL_IP, 28), "127.0.0.1 port 81, length 28");
	GT(original(a, SOL_IPV6, 28), "ENOENT");
	GT(original(c, SOL_IPV6, 28), "EOPNOTSUPP");
	close(c);
	close(a);
	close(l);
}

TEST(original_dst)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	GNEED(unshare(CLONE_NEWNET));
	fd = GNEED(socket(AF_INET, SOCK_DGRAM, 0));
	GNEED(ioctl(fd, SIOCSIFFLAGS, &ifr));
	nl = GNEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	rules(NFPROTO_IPV4);
	rules(NFPROTO_IPV6);
	family(AF_INET, "127.0.0.1", SOL_IP, "127.0.0.1 port 81, length 28",
		"127.0.0.1 port 8081, length 28");
	family(AF_INET6, "::1", SOL_IPV6, "::1 port 81, length 28", "::1 port 8081, length 28");
	mapped();
}
