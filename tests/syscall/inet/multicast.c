/* SPDX-License-Identifier: MIT */
/*
 * multicast: groups of sockets: options and their errors, sources, limits; which packets arrive;
 * what /proc/net shows.
 */
#include "netns.h"
#define ROOM 300

static int fd4, fd6;

static int mreq(int fd, int opt, const char *group, const char *iface, int ifindex)
{
	struct ip_mreqn r = { .imr_ifindex = ifindex };

	inet_pton(AF_INET, group, &r.imr_multiaddr);
	inet_pton(AF_INET, iface, &r.imr_address);
	return setsockopt(fd, SOL_IP, opt, &r, sizeof(r));
}

static int source(int fd, int opt, const char *group, const char *iface, const char *src)
{
	struct ip_mreq_source r;

	inet_pton(AF_INET, group, &r.imr_multiaddr);
	inet_pton(AF_INET, iface, &r.imr_interface);
	inet_pton(AF_INET, src, &r.imr_sourceaddr);
	return setsockopt(fd, SOL_IP, opt, &r, sizeof(r));
}

static void put(struct sockaddr_storage *s, int family, const char *addr)
{
	s->ss_family = (sa_family_t)family;
	inet_pton(family, addr,
		family == AF_INET ? (void *)&((struct sockaddr_in *)s)->sin_addr :
				    (void *)&((struct sockaddr_in6 *)s)->sin6_addr);
}

static int greq(int fd, int level, int opt, int family, const char *group, const char *dev)
{
	struct group_req r = { .gr_interface = dev ? if_nametoindex(dev) : 0 };

	put(&r.gr_group, family, group);
	return setsockopt(fd, level, opt, &r, sizeof(r));
}

static int gsrc(
	int fd, int level, int opt, int family, const char *group, const char *dev, const char *src)
{
	struct group_source_req r = { .gsr_interface = dev ? if_nametoindex(dev) : 0 };

	put(&r.gsr_group, family, group);
	put(&r.gsr_source, family, src);
	return setsockopt(fd, level, opt, &r, sizeof(r));
}

static int msf(int fd, const char *group, const char *iface, uint32_t mode, uint32_t n, int first,
	socklen_t len)
{
	struct {
		struct in_addr group, iface;
		uint32_t mode, n, src[80];
	} f = { .mode = mode, .n = n };

	inet_pton(AF_INET, group, &f.group);
	inet_pton(AF_INET, iface, &f.iface);
	for (uint32_t k = 0; k < n && k < 80; k++)
		f.src[k] = htonl(0x0a010000U + (uint32_t)first + k);
	return setsockopt(fd, SOL_IP, IP_MSFILTER, &f, len ? len : 16 + n * 4);
}

static void get_msf(int fd, const char *group, const char *iface, uint32_t room, socklen_t len)
{
	struct {
		struct in_addr group, iface;
		uint32_t mode, n;
		struct in_addr src[80];
	} f = { .n = room };
	int r;

	inet_pton(AF_INET, group, &f.group);
	inet_pton(AF_INET, iface, &f.iface);
	r = getsockopt(fd, SOL_IP, IP_MSFILTER, &f, &len);
	say("msfilter %s: %d %s len %u mode %u n %u", group, r, r ? strerror(errno) : "", len,
		f.mode, f.n);
	for (uint32_t k = 0; !r && k < room && k < f.n; k++)
		say("  %s", inet_ntoa(f.src[k]));
}

static int gfilter(int fd, int level, int family, const char *group, const char *dev, uint32_t mode,
	uint32_t n, socklen_t len)
{
	static char room[GROUP_FILTER_SIZE(80)];
	struct group_filter *f = (void *)room;
	char text[64];

	memset(room, 0, sizeof(room));
	f->gf_interface = dev ? if_nametoindex(dev) : 0;
	f->gf_fmode = mode;
	f->gf_numsrc = n;
	put(&f->gf_group, family, group);
	for (uint32_t k = 0; k < n && k < 80; k++) {
		snprintf(text, sizeof(text), family == AF_INET ? "10.2.0.%u" : "2001:db8::%x",
			k + 1);
		put(&f->gf_slist[k], family, text);
	}
	return setsockopt(
		fd, level, MCAST_MSFILTER, f, len ? len : (socklen_t)GROUP_FILTER_SIZE(n));
}

static void get_gfilter(
	int fd, int level, int family, const char *group, const char *dev, uint32_t room_n)
{
	static char room[GROUP_FILTER_SIZE(80)];
	struct group_filter *f = (void *)room;
	socklen_t len = (socklen_t)GROUP_FILTER_SIZE(room_n);
	char text[64];
	int r;

	memset(room, 0, sizeof(room));
	f->gf_interface = dev ? if_nametoindex(dev) : 0;
	f->gf_numsrc = room_n;
	put(&f->gf_group, family, group);
	r = getsockopt(fd, level, MCAST_MSFILTER, f, &len);
	say("gfilter %s: %d %s len %u mode %u n %u", group, r, r ? strerror(errno) : "", len,
		f->gf_fmode, f->gf_numsrc);
	for (uint32_t k = 0; !r && k < room_n && k < f->gf_numsrc; k++) {
		struct sockaddr_storage *s = &f->gf_slist[k];

		inet_ntop(family,
			family == AF_INET ? (void *)&((struct sockaddr_in *)s)->sin_addr :
					    (void *)&((struct sockaddr_in6 *)s)->sin6_addr,
			text, sizeof(text));
		say("  %d %s", s->ss_family, text);
	}
}

static int mreq6(int fd, int opt, const char *group, const char *dev)
{
	struct ipv6_mreq r = { .ipv6mr_interface = dev ? if_nametoindex(dev) : 0 };

	inet_pton(AF_INET6, group, &r.ipv6mr_multiaddr);
	return setsockopt(fd, SOL_IPV6, opt, &r, sizeof(r));
}

static void lists(void)
{
	show_file("/proc/net/igmp", NULL);
	show_file("/proc/net/igmp6", "va0");
	show_file("/proc/net/igmp6", "lo ");
	show_file("/proc/net/mcfilter", NULL);
	show_file("/proc/net/mcfilter6", NULL);
	show_file("/proc/net/dev_mcast", "va0");
}

static void members4(void)
{
	int va0 = (int)if_nametoindex("va0"), tcp = NEED(socket(AF_INET, SOCK_STREAM, 0));
	char text[32], byte[64] = { 0 };

	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.1", "0.0.0.0", va0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.1", "0.0.0.0", va0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.1", "10.9.0.1", 0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.2", "10.9.0.1", 0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.2", "10.9.0.1", 0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.3", "10.9.0.7", 0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.3", "0.0.0.0", 0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.3", "0.0.0.0", 99));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "10.9.0.1", "0.0.0.0", va0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "224.0.0.1", "0.0.0.0", va0));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "224.0.0.251", "0.0.0.0", va0));
	T(mreq(tcp, IP_ADD_MEMBERSHIP, "239.1.1.1", "0.0.0.0", va0));
	for (int n = 0; n < 17; n++)
		T(setsockopt(fd4, SOL_IP, IP_ADD_MEMBERSHIP, byte, (socklen_t)n));
	lists();
	T(mreq(fd4, IP_DROP_MEMBERSHIP, "239.1.1.9", "0.0.0.0", va0));
	T(mreq(fd4, IP_DROP_MEMBERSHIP, "239.1.1.9", "0.0.0.0", 0));
	T(mreq(fd4, IP_DROP_MEMBERSHIP, "239.1.1.2", "10.9.0.9", 0));
	T(mreq(fd4, IP_DROP_MEMBERSHIP, "239.1.1.2", "10.9.0.1", 0));
	T(mreq(fd4, IP_DROP_MEMBERSHIP, "239.1.1.1", "0.0.0.0", 99));
	T(mreq(fd4, IP_DROP_MEMBERSHIP, "239.1.1.1", "0.0.0.0", va0));
	T(mreq(fd4, IP_DROP_MEMBERSHIP, "10.9.0.1", "0.0.0.0", va0));
	for (int n = 0; n < 22; n++) {
		snprintf(text, sizeof(text), "239.2.0.%d", n + 1);
		T(mreq(fd4, IP_ADD_MEMBERSHIP, text, "0.0.0.0", va0));
	}
	close(tcp);
}

static void sources4(void)
{
	char byte[ROOM] = { 0 };

	T(source(fd4, IP_BLOCK_SOURCE, "239.1.1.1", "10.9.0.1", "10.0.0.1"));
	T(source(fd4, IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.0.0.1"));
	T(source(fd4, IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.0.0.1"));
	T(source(fd4, IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.0.0.2"));
	T(source(fd4, IP_BLOCK_SOURCE, "239.1.1.1", "10.9.0.1", "10.0.0.1"));
	T(source(fd4, IP_DROP_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.0.0.3"));
	T(source(fd4, IP_ADD_SOURCE_MEMBERSHIP, "10.1.1.1", "10.9.0.1", "10.0.0.3"));
	T(source(fd4, IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.8", "10.0.0.3"));
	lists();
	T(source(fd4, IP_DROP_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.0.0.1"));
	T(source(fd4, IP_DROP_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.0.0.2"));
	T(source(fd4, IP_DROP_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.0.0.2"));
	T(mreq(fd4, IP_ADD_MEMBERSHIP, "239.1.1.5", "10.9.0.1", 0));
	T(source(fd4, IP_BLOCK_SOURCE, "239.1.1.5", "10.9.0.1", "10.0.0.1"));
	T(source(fd4, IP_BLOCK_SOURCE, "239.1.1.5", "10.9.0.1", "10.0.0.1"));
	T(source(fd4, IP_UNBLOCK_SOURCE, "239.1.1.5", "10.9.0.1", "10.0.0.2"));
	T(source(fd4, IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.5", "10.9.0.1", "10.0.0.2"));
	lists();
	T(source(fd4, IP_UNBLOCK_SOURCE, "239.1.1.5", "10.9.0.1", "10.0.0.1"));
	T(source(fd4, IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.5", "10.9.0.1", "10.0.0.2"));
	get_msf(fd4, "239.1.1.5", "10.9.0.1", 10, 56);
	for (int n = 0; n < 14; n++)
		T(setsockopt(fd4, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, byte, (socklen_t)n));
	T(msf(fd4, "239.1.1.5", "10.9.0.1", MCAST_EXCLUDE, 3, 1, 0));
	get_msf(fd4, "239.1.1.5", "10.9.0.1", 10, 56);
	get_msf(fd4, "239.1.1.5", "10.9.0.1", 2, 56);
	get_msf(fd4, "239.1.1.5", "10.9.0.1", 0, 16);
	get_msf(fd4, "239.1.1.5", "10.9.0.1", 0, 15);
	get_msf(fd4, "239.1.1.6", "10.9.0.1", 0, 16);
	T(msf(fd4, "239.1.1.5", "10.9.0.1", MCAST_INCLUDE, 10, 2, 0));
	lists();
	T(msf(fd4, "239.1.1.5", "10.9.0.1", MCAST_INCLUDE, 11, 2, 0));
	T(msf(fd4, "239.1.1.5", "10.9.0.1", MCAST_INCLUDE, 3, 2, 27));
	T(msf(fd4, "239.1.1.5", "10.9.0.1", MCAST_INCLUDE, 3, 2, 15));
	T(msf(fd4, "239.1.1.5", "10.9.0.1", 2, 1, 2, 0));
	T(msf(fd4, "239.1.1.6", "10.9.0.1", MCAST_EXCLUDE, 1, 2, 0));
	T(msf(fd4, "239.1.1.6", "10.9.0.1", MCAST_INCLUDE, 0, 2, 0));
	T(msf(fd4, "239.1.1.5", "10.9.0.1", MCAST_INCLUDE, 0, 2, 0));
	lists();
}

static void generic(int fd, int level, int family, const char *g1, const char *g2, const char *s1,
	const char *s2)
{
	char byte[ROOM] = { 0 };

	T(greq(fd, level, MCAST_JOIN_GROUP, family, g1, "va0"));
	T(greq(fd, level, MCAST_JOIN_GROUP, family, g1, "va0"));
	T(greq(fd, level, MCAST_JOIN_GROUP, family, g1, "vb0"));
	T(greq(fd, level, MCAST_JOIN_GROUP, family, s1, "va0"));
	T(greq(fd, level, MCAST_JOIN_GROUP, AF_UNIX, g1, "va0"));
	T(gsrc(fd, level, MCAST_BLOCK_SOURCE, family, g1, "va0", s1));
	T(gsrc(fd, level, MCAST_BLOCK_SOURCE, family, g1, "va0", s2));
	T(gsrc(fd, level, MCAST_BLOCK_SOURCE, family, g2, "va0", s2));
	T(gsrc(fd, level, MCAST_JOIN_SOURCE_GROUP, family, g1, "va0", s2));
	T(gsrc(fd, level, MCAST_JOIN_SOURCE_GROUP, family, g2, "va0", s2));
	T(gsrc(fd, level, MCAST_JOIN_SOURCE_GROUP, family, g2, "va0", s1));
	T(gsrc(fd, level, MCAST_JOIN_SOURCE_GROUP, AF_UNIX, g2, "va0", s1));
	lists();
	get_gfilter(fd, level, family, g1, "va0", 5);
	get_gfilter(fd, level, family, g2, "va0", 1);
	get_gfilter(fd, level, family, "ff02::999", "va0", 1);
	T(gsrc(fd, level, MCAST_UNBLOCK_SOURCE, family, g1, "va0", s1));
	T(gsrc(fd, level, MCAST_UNBLOCK_SOURCE, family, g1, "va0", s1));
	T(gsrc(fd, level, MCAST_LEAVE_SOURCE_GROUP, family, g2, "va0", s1));
	T(gsrc(fd, level, MCAST_LEAVE_SOURCE_GROUP, family, g2, "va0", s2));
	T(gsrc(fd, level, MCAST_LEAVE_SOURCE_GROUP, family, g2, "va0", s2));
	T(gfilter(fd, level, family, g1, "va0", MCAST_EXCLUDE, 4, 0));
	get_gfilter(fd, level, family, g1, "va0", 5);
	T(gfilter(fd, level, family, g1, "va0", MCAST_INCLUDE, 4, 300));
	T(gfilter(fd, level, family, g1, "va0", MCAST_INCLUDE, 65, 0));
	T(gfilter(fd, level, family, g1, "va0", 3, 1, 0));
	T(gfilter(fd, level, family, g2, "va0", MCAST_EXCLUDE, 1, 0));
	T(gfilter(fd, level, family, g1, "va0", MCAST_INCLUDE, 1, 0));
	lists();
	T(gfilter(fd, level, family, g1, "va0", MCAST_INCLUDE, 0, 0));
	T(greq(fd, level, MCAST_LEAVE_GROUP, family, g1, "va0"));
	T(greq(fd, level, MCAST_LEAVE_GROUP, family, g1, "vb0"));
	for (int n = 128; n < 144; n += 4)
		T(setsockopt(fd, level, MCAST_JOIN_GROUP, byte, (socklen_t)n));
	for (int n = 260; n < 272; n += 4)
		T(setsockopt(fd, level, MCAST_JOIN_SOURCE_GROUP, byte, (socklen_t)n));
	lists();
}

static void members6(void)
{
	int tcp = NEED(socket(AF_INET6, SOCK_STREAM, 0));
	char byte[64] = { 0 };

	T(mreq6(fd6, IPV6_ADD_MEMBERSHIP, "ff02::1234", "va0"));
	T(mreq6(fd6, IPV6_ADD_MEMBERSHIP, "ff02::1234", "va0"));
	T(mreq6(fd6, IPV6_ADD_MEMBERSHIP, "ff02::1234", NULL));
	T(mreq6(fd6, IPV6_ADD_MEMBERSHIP, "ff02::1234", "vb0"));
	T(mreq6(fd6, IPV6_ADD_MEMBERSHIP, "ff05::1", "lo"));
	T(mreq6(fd6, IPV6_ADD_MEMBERSHIP, "ff01::77", "va0"));
	T(mreq6(fd6, IPV6_ADD_MEMBERSHIP, "2001:db8::1", "va0"));
	T(mreq6(tcp, IPV6_ADD_MEMBERSHIP, "ff02::1234", "va0"));
	T(mreq(fd6, IP_ADD_MEMBERSHIP, "239.1.1.1", "0.0.0.0", (int)if_nametoindex("va0")));
	for (int n = 16; n < 24; n++)
		T(setsockopt(fd6, SOL_IPV6, IPV6_ADD_MEMBERSHIP, byte, (socklen_t)n));
	lists();
	T(mreq6(fd6, IPV6_DROP_MEMBERSHIP, "ff02::1234", NULL));
	T(mreq6(fd6, IPV6_DROP_MEMBERSHIP, "ff02::1235", NULL));
	T(mreq6(fd6, IPV6_DROP_MEMBERSHIP, "::1", NULL));
	T(mreq6(fd6, IPV6_DROP_MEMBERSHIP, "ff05::1", "va0"));
	T(mreq6(fd6, IPV6_DROP_MEMBERSHIP, "ff05::1", "lo"));
	close(tcp);
}

static void again(int *fd, int family)
{
	close(*fd);
	*fd = NEED(socket(family, SOCK_DGRAM, 0));
}

/* ---- what arrives ---- */

static int got(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[16];
	int n = 0;

	/* a busy host delivers some of them late */
	while (poll(&p, 1, 60) > 0 && recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static int put_number(int fd, int level, int opt, int v)
{
	return setsockopt(fd, level, opt, &v, sizeof(v));
}

static void arrives4(void)
{
	int a = bound(SOCK_DGRAM, "0.0.0.0"), b, port = port_of(a),
	    out = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in to = at("239.1.1.1", port), other = at("239.1.1.2", port),
			   anywhere = at("0.0.0.0", port);
	int va0 = (int)if_nametoindex("va0");

	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(mreq(out, IP_MULTICAST_IF, "0.0.0.0", "0.0.0.0", va0));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(mreq(a, IP_ADD_MEMBERSHIP, "239.1.1.1", "0.0.0.0", va0));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(sendto(out, "x", 1, 0, SA(&other), sizeof(other)));
	T(got(a));
	T(put_number(out, SOL_IP, IP_MULTICAST_TTL, 0));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(put_number(out, SOL_IP, IP_MULTICAST_LOOP, 0));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(put_number(out, SOL_IP, IP_MULTICAST_LOOP, 1));
	T(mreq(a, IP_DROP_MEMBERSHIP, "239.1.1.1", "0.0.0.0", va0));
	T(source(a, IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.9.0.5"));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(source(a, IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.1", "10.9.0.1", "10.9.0.1"));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	/* another socket on the port gets it by the first socket's membership, unless it refuses */
	T(put_number(a, SOL_SOCKET, SO_REUSEADDR, 1));
	b = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	T(put_number(b, SOL_SOCKET, SO_REUSEADDR, 1));
	T(bind(b, SA(&anywhere), sizeof(anywhere)));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(got(b));
	T(put_number(b, SOL_IP, IP_MULTICAST_ALL, 0));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(b));
	close(a);
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(b));
	T(put_number(b, SOL_IP, IP_MULTICAST_ALL, 1));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(b));
	close(b);
	close(out);
}

static void arrives6(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 }, any = { .sin6_family = AF_INET6 };
	int a = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), out = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	socklen_t n = sizeof(any);

	T(bind(a, SA(&any), sizeof(any)));
	NEED(getsockname(a, SA(&any), &n));
	to.sin6_port = any.sin6_port;
	to.sin6_scope_id = if_nametoindex("va0");
	inet_pton(AF_INET6, "ff02::4567", &to.sin6_addr);
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(mreq6(a, IPV6_ADD_MEMBERSHIP, "ff02::4567", "va0"));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(put_number(out, SOL_IPV6, IPV6_MULTICAST_LOOP, 0));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(put_number(out, SOL_IPV6, IPV6_MULTICAST_LOOP, 1));
	T(gsrc(a, SOL_IPV6, MCAST_BLOCK_SOURCE, AF_INET6, "ff02::4567", "va0", "2001:db8:9::1"));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	T(gsrc(a, SOL_IPV6, MCAST_BLOCK_SOURCE, AF_INET6, "ff02::4567", "va0", "fe80::ff:fe00:1"));
	T(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	T(got(a));
	close(a);
	close(out);
}

/* True if no address is tentative any more. */
static bool all_tested(void)
{
	char line[200];
	unsigned flags;
	bool all = true;
	FILE *f = fopen("/proc/net/if_inet6", "r");

	while (f && fgets(line, sizeof(line), f))
		all &= sscanf(line, "%*s %*x %*x %*x %x", &flags) != 1 || !(flags & 0x40);
	if (f)
		fclose(f);
	return all;
}

/* Waits until no address is tentative, and first 2.5 s for the packets about that to be sent. */
static void addresses_tested(void)
{
	usleep(2500000);
	T_WAIT(all_tested());
}

TEST(multicast)
{
	own_net();
	addresses_tested();
	fd4 = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	fd6 = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	lists();
	members4();
	again(&fd4, AF_INET);
	sources4();
	again(&fd4, AF_INET);
	generic(fd4, SOL_IP, AF_INET, "239.3.0.1", "239.3.0.2", "10.0.0.1", "10.0.0.2");
	again(&fd4, AF_INET);
	members6();
	again(&fd6, AF_INET6);
	generic(fd6, SOL_IPV6, AF_INET6, "ff05::3:1", "ff05::3:2", "2001:db8::1", "2001:db8::2");
	again(&fd6, AF_INET6);
	lists();
	arrives4();
	arrives6();
	set_up("va0", 0);
	lists();
	set_up("va0", 1);
	addresses_tested();
	lists();
}
