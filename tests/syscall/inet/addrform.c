/* SPDX-License-Identifier: MIT */
/*
 * addrform: IPV6_ADDRFORM turns an IPv6 socket with an IPv4 peer into an IPv4 socket. Also an
 * accepted socket that connects elsewhere.
 */
#include "netns.h"

static int become(int fd, int family)
{
	return setsockopt(fd, SOL_IPV6, IPV6_ADDRFORM, &family, sizeof(family));
}

static int forget(int fd)
{
	struct sockaddr none = { AF_UNSPEC };

	return connect(fd, &none, sizeof(none));
}

static void look(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	int v = -1;

	T(getsockname(fd, SA(&a), &n));
	say("  name: family %d, %d bytes", a.ss_family, n);
	n = sizeof(a);
	if (!T(getpeername(fd, SA(&a), &n)))
		say("  peer: family %d, %d bytes", a.ss_family, n);
	n = sizeof(v);
	T(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &v, &n));
	say("  domain %d", v);
	T(getsockopt(fd, SOL_IPV6, IPV6_ADDRFORM, &v, &n));
	say("  form %d", v);
	T(setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &v, sizeof(v)));
	T(setsockopt(fd, SOL_IP, IP_TOS, &v, 1));
}

static struct sockaddr_in6 in6(const char *addr, in_port_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = port };

	inet_pton(AF_INET6, addr, &a.sin6_addr);
	return a;
}

static void refused(int fd)
{
	int v = AF_INET;

	T(become(fd, AF_INET));
	T(become(fd, AF_INET6));
	T(become(fd, 99));
	T(setsockopt(fd, SOL_IPV6, IPV6_ADDRFORM, &v, 2));
	T(setsockopt(fd, SOL_IPV6, IPV6_ADDRFORM, BAD, 4));
}

static void kind(int type)
{
	struct sockaddr_in peer = at("127.0.0.1", 0);
	struct sockaddr_in6 mapped, six = in6("::1", 0);
	int p = NEED(socket(AF_INET, type, 0)), p6 = NEED(socket(AF_INET6, type, 0)),
	    s = NEED(socket(AF_INET6, type, 0)), one = 1;
	socklen_t n = sizeof(peer);

	say("type %d", type);
	NEED(bind(p, SA(&peer), n));
	NEED(getsockname(p, SA(&peer), &n));
	n = sizeof(six);
	NEED(bind(p6, SA(&six), n));
	NEED(getsockname(p6, SA(&six), &n));
	if (type == SOCK_STREAM) {
		NEED(listen(p, 4));
		NEED(listen(p6, 4));
	}
	mapped = in6("::ffff:127.0.0.1", peer.sin_port);
	refused(s);
	T(connect(s, SA(&mapped), sizeof(mapped)));
	T(become(s, AF_INET));
	look(s);
	T(send(s, "abc", 3, 0));
	T(become(s, AF_INET));
	T(forget(s));
	T(connect(s, SA(&mapped), sizeof(mapped)));
	T(connect(s, SA(&peer), sizeof(peer)));
	look(s);
	close(s);
	s = NEED(socket(AF_INET6, type, 0));
	T(connect(s, SA(&six), sizeof(six)));
	T(become(s, AF_INET));
	close(s);
	s = NEED(socket(AF_INET6, type, 0));
	NEED(setsockopt(s, SOL_IPV6, IPV6_V6ONLY, &one, sizeof(one)));
	T(become(s, AF_INET));
	close(s);
	close(p);
	close(p6);
}

/* A socket that an IPv6 listener accepted can listen itself, as an IPv4 socket. */
static void listens(void)
{
	struct sockaddr_in6 a = in6("::", 0);
	struct sockaddr_in b;
	int l = NEED(socket(AF_INET6, SOCK_STREAM, 0)), c = NEED(socket(AF_INET, SOCK_STREAM, 0)),
	    d = NEED(socket(AF_INET, SOCK_STREAM, 0)), s;
	socklen_t n = sizeof(a);

	NEED(bind(l, SA(&a), n));
	NEED(listen(l, 4));
	NEED(getsockname(l, SA(&a), &n));
	b = at("127.0.0.1", ntohs(a.sin6_port));
	NEED(connect(c, SA(&b), sizeof(b)));
	s = NEED(accept(l, NULL, NULL));
	T(become(s, AF_INET));
	T(forget(s));
	b = at("0.0.0.0", 0);
	T(bind(s, SA(&b), sizeof(b)));
	T(listen(s, 1));
	n = sizeof(b);
	NEED(getsockname(s, SA(&b), &n));
	inet_pton(AF_INET, "127.0.0.1", &b.sin_addr);
	T(connect(d, SA(&b), sizeof(b)));
	close(c);
	c = NEED(accept(s, NULL, NULL));
	look(c);
	close(c);
	close(d);
	close(l);
	close(s);
}

/* The address was that of its connection, not the one it is bound to. */
static void elsewhere(void)
{
	struct sockaddr_in6 a = in6("::", 0), to;
	int l = NEED(socket(AF_INET6, SOCK_STREAM, 0)), c = NEED(socket(AF_INET6, SOCK_STREAM, 0)),
	    s;
	socklen_t n = sizeof(a);
	char text[64];

	NEED(bind(l, SA(&a), n));
	NEED(listen(l, 4));
	NEED(getsockname(l, SA(&a), &n));
	to = in6("::ffff:127.0.0.1", a.sin6_port);
	NEED(connect(c, SA(&to), sizeof(to)));
	s = NEED(accept(l, NULL, NULL));
	T(forget(s));
	NEED(getsockname(s, SA(&to), &n));
	say("bound to %s", inet_ntop(AF_INET6, &to.sin6_addr, text, sizeof(text)));
	to = in6("::ffff:127.0.0.1", a.sin6_port);
	T(connect(s, SA(&to), sizeof(to)));
	NEED(getsockname(s, SA(&to), &n));
	IS(to.sin6_port == a.sin6_port);
	close(c);
	close(l);
	close(s);
}

static bool is_member(void)
{
	char line[200];
	FILE *f = fopen("/proc/net/igmp6", "r");
	bool is = false;

	while (f && fgets(line, sizeof(line), f))
		is = is || strstr(line, "ff050000000000000000000000000077");
	fclose(f);
	return is;
}

/* A socket that has become IPv4 cannot leave groups of IPv6 any more, so it is in none. */
static void leaves_groups(void)
{
	struct sockaddr_in peer = at("127.0.0.1", 9);
	struct sockaddr_in6 mapped = in6("::ffff:127.0.0.1", peer.sin_port);
	struct ipv6_mreq r = { .ipv6mr_interface = if_nametoindex("lo") };
	int s = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

	inet_pton(AF_INET6, "ff05::77", &r.ipv6mr_multiaddr);
	T(setsockopt(s, SOL_IPV6, IPV6_JOIN_GROUP, &r, sizeof(r)));
	say("%s", is_member() ? "a member" : "not a member");
	NEED(connect(s, SA(&mapped), sizeof(mapped)));
	T(become(s, AF_INET));
	say("%s", is_member() ? "a member" : "not a member");
	close(s);
}

TEST(addrform)
{
	int raw, v = -1;
	socklen_t n = sizeof(v);

	own_net();
	kind(SOCK_STREAM);
	kind(SOCK_DGRAM);
	raw = socket(AF_INET6, SOCK_RAW, IPPROTO_UDP);
	refused(raw);
	T(getsockopt(raw, SOL_IPV6, IPV6_ADDRFORM, &v, &n));
	close(raw);
	leaves_groups();
	listens();
	elsewhere();
}
