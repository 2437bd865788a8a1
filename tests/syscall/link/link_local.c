/* SPDX-License-Identifier: MIT */
/*
 * link_local: addresses with link scope (RFC 4007), between two namespaces with two links: the
 * device that an address selects, the device of a request, and that answers leave by the link on
 * which the request came. ipv6(7).
 */
#include "netns.h"
#include <netinet/icmp6.h>
#include <poll.h>

#define PORT 7000

static const char *device(unsigned n)
{
	static char name[IF_NAMESIZE];

	return n ? if_indextoname(n, name) ? name : "?" : "none";
}

/* Returns fe80::SIDEn on @dev. NULL: without a device. */
static struct sockaddr_in6 link_addr(const char *side, int n, const char *dev)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
		.sin6_port = htons(PORT),
		.sin6_scope_id = dev ? if_nametoindex(dev) : 0 };
	char text[64];

	snprintf(text, sizeof(text), "fe80::%s%d", side, n);
	inet_pton(AF_INET6, text, &a.sin6_addr);
	return a;
}

static int sock(int type, int bound)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct timeval limit = { 100, 0 };
	int fd = NEED(socket(AF_INET6, type, 0));

	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	NEED(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	if (bound)
		NEED(bind(fd, SA(&any), sizeof(any)));
	return fd;
}

static void names(const char *who, int fd)
{
	struct sockaddr_in6 own = { 0 }, peer = { 0 };
	socklen_t n = sizeof(own), m = sizeof(peer);

	NEED(getsockname(fd, SA(&own), &n));
	say("%s: own %s, peer %s", who, device(own.sin6_scope_id),
		getpeername(fd, SA(&peer), &m) ? "not there" : device(peer.sin6_scope_id));
}

/* Answers one datagram. */
static void answer(int fd)
{
	struct sockaddr_in6 from = { 0 };
	socklen_t n = sizeof(from);
	char c;

	NEED(recvfrom(fd, &c, 1, 0, SA(&from), &n));
	say("a datagram from %s", device(from.sin6_scope_id));
	NEED(sendto(fd, "y", 1, 0, SA(&from), n));
}

static void server(int udp, int tcp)
{
	for (int k = 1; k >= 0; k--) {
		int fd;

		answer(udp);
		fd = NEED(accept(tcp, NULL, NULL));
		names("accepted", fd);
		NEED(write(fd, "y", 1));
		close(fd);
		answer(udp);
	}
}

static void without(const char *what, int type)
{
	struct sockaddr_in6 to = link_addr("a", 1, NULL), group = to;
	int fd = sock(type, 0), one = (int)if_nametoindex("vb1");

	inet_pton(AF_INET6, "ff02::1234", &group.sin6_addr);
	say("%s", what);
	T(connect(fd, SA(&to), sizeof(to)));
	to.sin6_scope_id = if_nametoindex("vb0");
	NEED(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "vb1", 4));
	T(connect(fd, SA(&to), sizeof(to)));
	close(fd);
	if (type == SOCK_STREAM)
		return;
	fd = sock(type, 0);
	T(connect(fd, SA(&group), sizeof(group)));
	NEED(setsockopt(fd, SOL_IPV6, IPV6_MULTICAST_IF, &one, sizeof(one)));
	T(connect(fd, SA(&group), sizeof(group)));
	names("group", fd);
	close(fd);
}

/* Sends to a closed port: the error comes by the right link. */
static void refused(const struct sockaddr_in6 *server)
{
	struct sockaddr_in6 to = *server;
	int udp = sock(SOCK_DGRAM, 0), tcp = sock(SOCK_STREAM, 0);
	char c;

	to.sin6_port = htons(PORT + 1);
	T(connect(tcp, SA(&to), sizeof(to)));
	NEED(connect(udp, SA(&to), sizeof(to)));
	NEED(send(udp, "x", 1, 0));
	T(recv(udp, &c, 1, 0));
	close(udp);
	close(tcp);
}

static void ping(const struct sockaddr_in6 *server)
{
	struct sockaddr_in6 to = *server;
	struct timeval limit = { 100, 0 };
	struct icmp6_filter only;
	uint8_t p[64] = { ICMP6_ECHO_REQUEST };
	int fd = NEED(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));

	ICMP6_FILTER_SETBLOCKALL(&only);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &only);
	NEED(setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof(only)));
	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	to.sin6_port = 0;
	NEED(sendto(fd, p, 16, 0, SA(&to), sizeof(to)));
	T(recv(fd, p, sizeof(p), 0));
	close(fd);
}

static void client(int k)
{
	struct sockaddr_in6 to = link_addr("a", k, k ? "vb1" : "vb0"), from = { 0 };
	int udp = sock(SOCK_DGRAM, 0), tcp = sock(SOCK_STREAM, 0);
	socklen_t n = sizeof(from);
	char c = 0;
	long r;

	refused(&to);
	ping(&to);
	NEED(sendto(udp, "x", 1, 0, SA(&to), sizeof(to)));
	r = recvfrom(udp, &c, 1, 0, SA(&from), &n);
	say("answer %ld from %s", r, device(from.sin6_scope_id));
	r = connect(tcp, SA(&to), sizeof(to)) ? -errno : 0;
	r = r ? r : read(tcp, &c, 1);
	say("connected %ld", r);
	if (r > 0)
		names("connected", tcp);
	T(connect(udp, SA(&to), sizeof(to)));
	names("connected", udp);
	NEED(send(udp, "x", 1, 0));
	r = recv(udp, &c, 1, 0);
	say("answer %ld", r);
	to.sin6_family = AF_UNSPEC;
	T(connect(udp, SA(&to), sizeof(to)));
	names("no more", udp);
	close(udp);
	close(tcp);
}

static void move_to(const char *dev, pid_t child)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	struct ifinfomsg *i = NLMSG_DATA(&m.h);

	i->ifi_index = (int)if_nametoindex(dev);
	nl_add(&m, IFLA_NET_NS_PID, &child, sizeof(child));
	NEED0(nl_do(&m));
}

static void two_links(const char *side)
{
	for (int k = 0; k < 2; k++) {
		char dev[8], addr[16];

		snprintf(dev, sizeof(dev), "v%s%d", side, k);
		snprintf(addr, sizeof(addr), "fe80::%s%d", side, k);
		set_up(dev, 1);
		add_addr(dev, AF_INET6, addr, 64);
	}
}

TEST(link_local)
{
	int ready[2], go[2], udp, tcp;
	pid_t child;
	char c;

	own_net();
	veth_pair("va1", "vb1");
	NEED(pipe(ready));
	NEED(pipe(go));
	child = SPAWN({
		NEED(unshare(CLONE_NEWNET));
		NEED(write(ready[1], "x", 1));
		NEED(read(go[0], &c, 1));
		set_up("lo", 1);
		two_links("b");
		without("stream", SOCK_STREAM);
		without("datagrams", SOCK_DGRAM);
		NEED(write(ready[1], "x", 1));
		NEED(read(go[0], &c, 1));
		client(1);
		client(0);
	});
	NEED(read(ready[0], &c, 1));
	move_to("vb0", child);
	move_to("vb1", child);
	two_links("a");
	udp = sock(SOCK_DGRAM, 1);
	tcp = sock(SOCK_STREAM, 1);
	NEED(listen(tcp, 5));
	NEED(write(go[1], "x", 1));
	NEED(read(ready[0], &c, 1));
	NEED(write(go[1], "x", 1));
	server(udp, tcp);
	t_wait("client", child);
}
