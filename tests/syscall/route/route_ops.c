/* SPDX-License-Identifier: MIT */
/*
 * route_ops: routes by rtnetlink: adding, replacing, changing, appending and deleting, with one
 * nexthop and with several, metrics, and what is refused; and which nexthop packets take.
 * ip-route(8).
 */
#include "netns.h"

/* fields of a route that are not given are 0 */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define EXCL (NLM_F_CREATE | NLM_F_EXCL)
#define REPLACE (NLM_F_CREATE | NLM_F_REPLACE)
#define CHANGE NLM_F_REPLACE
#define APPEND (NLM_F_CREATE | NLM_F_APPEND)
#define FRONT NLM_F_CREATE

struct way {
	const char *via, *dev;
	int weight, flags;
};

struct want {
	const char *dst;
	int prefix;
	/* more than one, or one with a weight: RTA_MULTIPATH */
	struct way ways[4];
	uint32_t metric, table, mtu, advmss, hoplimit, reordering;
	int protocol, scope, type;
	const char *src;
};

static int family_of(const char *a)
{
	return strchr(a, ':') ? AF_INET6 : AF_INET;
}

static void add_ip(struct nl_msg *m, int type, const char *a)
{
	char bin[16];

	inet_pton(family_of(a), a, bin);
	nl_add(m, type, bin, family_of(a) == AF_INET ? 4 : 16);
}

static void add_ways(struct nl_msg *m, const struct want *w)
{
	struct rtattr *all = nl_add(m, RTA_MULTIPATH, NULL, 0);

	for (int k = 0; k < 4 && (w->ways[k].via || w->ways[k].dev); k++) {
		struct rtnexthop *h = (void *)((char *)m + m->h.nlmsg_len);

		*h = (struct rtnexthop){
			.rtnh_hops = (unsigned char)(w->ways[k].weight ? w->ways[k].weight - 1 : 0),
			.rtnh_flags = (unsigned char)w->ways[k].flags
		};
		if (w->ways[k].dev)
			h->rtnh_ifindex = (int)if_nametoindex(w->ways[k].dev);
		m->h.nlmsg_len += sizeof(*h);
		if (w->ways[k].via)
			add_ip(m, RTA_GATEWAY, w->ways[k].via);
		h->rtnh_len = (unsigned short)((char *)m + m->h.nlmsg_len - (char *)h);
	}
	nl_nested(m, all);
}

static int route(int type, int flags, struct want w)
{
	struct nl_msg m = { .h = { .nlmsg_type = (uint16_t)type,
				    .nlmsg_flags = (uint16_t)flags,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) } };
	struct rtmsg *r = NLMSG_DATA(&m.h);
	uint32_t ifindex = w.ways[0].dev ? if_nametoindex(w.ways[0].dev) : 0;

	r->rtm_family = (unsigned char)family_of(w.dst);
	r->rtm_dst_len = (unsigned char)w.prefix;
	r->rtm_protocol = (unsigned char)(w.protocol           ? w.protocol :
					  type == RTM_NEWROUTE ? RTPROT_BOOT :
								 0);
	r->rtm_type = (unsigned char)(w.type ? w.type : type == RTM_NEWROUTE ? RTN_UNICAST : 0);
	r->rtm_scope = (unsigned char)(w.scope              ? w.scope :
				       type == RTM_DELROUTE ? RT_SCOPE_NOWHERE :
							      0);
	if (type == RTM_NEWROUTE && !w.ways[0].via && !w.scope && r->rtm_family == AF_INET)
		r->rtm_scope = RT_SCOPE_LINK;
	r->rtm_table = RT_TABLE_MAIN;
	if (w.prefix)
		add_ip(&m, RTA_DST, w.dst);
	if (w.table)
		nl_add(&m, RTA_TABLE, &w.table, 4);
	if (w.metric)
		nl_add(&m, RTA_PRIORITY, &w.metric, 4);
	if (w.src)
		add_ip(&m, RTA_PREFSRC, w.src);
	if (w.mtu || w.advmss || w.hoplimit || w.reordering) {
		struct rtattr *x = nl_add(&m, RTA_METRICS, NULL, 0);

		if (w.mtu)
			nl_add(&m, RTAX_MTU, &w.mtu, 4);
		if (w.advmss)
			nl_add(&m, RTAX_ADVMSS, &w.advmss, 4);
		if (w.hoplimit)
			nl_add(&m, RTAX_HOPLIMIT, &w.hoplimit, 4);
		nl_nested(&m, x);
	}
	if (w.ways[1].via || w.ways[1].dev || w.ways[0].weight) {
		add_ways(&m, &w);
	} else {
		r->rtm_flags = (unsigned)w.ways[0].flags;
		if (w.ways[0].via)
			add_ip(&m, RTA_GATEWAY, w.ways[0].via);
		if (ifindex)
			nl_add(&m, RTA_OIF, &ifindex, 4);
	}
	return nl_do(&m);
}

#define NEW(flags, ...) route(RTM_NEWROUTE, flags, (struct want){ __VA_ARGS__ })
#define DEL(...) route(RTM_DELROUTE, 0, (struct want){ __VA_ARGS__ })

static const char *name_of(int ifindex)
{
	static char name[IFNAMSIZ];

	return ifindex && if_indextoname((unsigned)ifindex, name) ? name : "-";
}

static void show_ways(char *out, const struct rtattr *a, int family)
{
	const struct rtnexthop *h = RTA_DATA(a);
	int left = (int)RTA_PAYLOAD(a);
	char text[64];

	for (; RTNH_OK(h, left); left -= RTNH_ALIGN(h->rtnh_len), h = RTNH_NEXT(h)) {
		const struct rtattr *g = RTNH_DATA(h);

		out += sprintf(out, " [%s weight %d flags %d", name_of(h->rtnh_ifindex),
			h->rtnh_hops + 1, h->rtnh_flags);
		if (h->rtnh_len > sizeof(*h) && g->rta_type == RTA_GATEWAY)
			out += sprintf(
				out, " via %s", inet_ntop(family, RTA_DATA(g), text, sizeof(text)));
		out += sprintf(out, "]");
	}
}

static void show_route(const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	const struct rtattr *a = RTM_RTA(r);
	int left = (int)RTM_PAYLOAD(h), table = r->rtm_table;
	char line[1000] = "", dst[64] = "default", text[64], *out = line;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		out = line + strlen(line);
		switch (a->rta_type) {
		case RTA_DST: inet_ntop(r->rtm_family, RTA_DATA(a), dst, sizeof(dst)); break;
		case RTA_TABLE: table = *(int *)RTA_DATA(a); break;
		case RTA_GATEWAY:
			sprintf(out, " via %s", inet_ntop(r->rtm_family, RTA_DATA(a), text, 64));
			break;
		case RTA_PREFSRC:
			sprintf(out, " src %s", inet_ntop(r->rtm_family, RTA_DATA(a), text, 64));
			break;
		case RTA_OIF: sprintf(out, " dev %s", name_of(*(int *)RTA_DATA(a))); break;
		case RTA_PRIORITY: sprintf(out, " metric %d", *(int *)RTA_DATA(a)); break;
		case RTA_MULTIPATH: show_ways(out, a, r->rtm_family); break;
		case RTA_PREF: sprintf(out, " pref %d", *(unsigned char *)RTA_DATA(a)); break;
		case RTA_METRICS: {
			const struct rtattr *x = RTA_DATA(a);
			int n = (int)RTA_PAYLOAD(a);

			for (; RTA_OK(x, n); x = RTA_NEXT(x, n))
				out += sprintf(
					out, " metric-%d %d", x->rta_type, *(int *)RTA_DATA(x));
			break;
		}
		}
	}
	if (table == RT_TABLE_LOCAL || !strncmp(dst, "ff00", 4) || !strncmp(dst, "fe80", 4) ||
		!strcmp(dst, "::1"))
		return; /* what the kernel has for itself */
	say("  %s/%d table %d type %d proto %d scope %d flags %d%s", dst, r->rtm_dst_len, table,
		r->rtm_type, r->rtm_protocol, r->rtm_scope, (int)r->rtm_flags, line);
}

static void show(int family)
{
	struct rtmsg r = { .rtm_family = (unsigned char)family };

	dump_routes(&r, 0, show_route);
}

static void one_way(void)
{
	T(NEW(EXCL, "1.0.0.0", 8, { { "10.9.0.2" } }));
	T(NEW(EXCL, "1.0.0.0", 8, { { "10.9.0.3" } }));
	T(NEW(REPLACE, "1.0.0.0", 8, { { "10.9.0.3" } }));
	T(NEW(APPEND, "1.0.0.0", 8, { { "10.9.0.4" } }));
	T(NEW(APPEND, "1.0.0.0", 8, { { "10.9.0.4" } }));
	T(NEW(FRONT, "1.0.0.0", 8, { { "10.9.0.6" } }));
	show(AF_INET);
	T(NEW(CHANGE, "1.0.0.0", 8, { { "10.9.0.5" } }));
	T(NEW(CHANGE, "1.0.0.0", 8, { { "10.9.0.4" } }));
	T(NEW(CHANGE, "2.0.0.0", 8, { { "10.9.0.5" } }));
	T(NEW(EXCL, "1.0.0.0", 8, { { "10.9.0.3" } }, .metric = 5));
	show(AF_INET);
	T(DEL("1.0.0.0", 8, .protocol = RTPROT_STATIC));
	T(DEL("1.0.0.0", 8, { { "10.9.0.4" } }));
	T(DEL("1.0.0.0", 8, .metric = 5));
	T(DEL("1.0.0.0", 8, { { .dev = "va1" } }));
	T(DEL("1.0.0.0", 8));
	T(DEL("1.0.0.0", 8));
	T(DEL("1.0.0.0", 8));
	T(NEW(EXCL, "3.0.0.0", 8, { { "10.9.0.2" } }, .mtu = 1400, .advmss = 1300, .hoplimit = 9,
		.protocol = RTPROT_STATIC));
	T(NEW(EXCL, "3.0.0.0", 16, { { .dev = "va1" } }, .src = "10.8.0.1"));
	T(NEW(EXCL, "3.1.0.0", 16, { { .dev = "va1" } }, .src = "10.8.0.77"));
	T(NEW(EXCL, "4.0.0.0", 8, { { "7.7.7.7", "va0" } }));
	T(NEW(EXCL, "4.0.0.0", 8, { { "7.7.7.7", "va0", .flags = RTNH_F_ONLINK } }));
	T(NEW(EXCL, "5.0.0.0", 8, { { "3.0.1.1" } }));
	T(NEW(EXCL, "5.0.0.0", 8, { { "3.77.1.1" } }));
	T(NEW(EXCL, "5.0.0.0", 8));
	T(NEW(EXCL, "7.0.0.0", 8, .type = RTN_BLACKHOLE));
	T(NEW(EXCL, "9.0.0.0", 8, { { .dev = "va0" } }, .table = 1000));
	show(AF_INET);
	T(DEL("7.0.0.0", 8, .type = RTN_UNREACHABLE));
	T(DEL("7.0.0.0", 8, .type = RTN_BLACKHOLE));
	T(DEL("9.0.0.0", 8));
	T(DEL("9.0.0.0", 8, .table = 1000));
}

static void many_ways(void)
{
	T(NEW(EXCL, "0.0.0.0", 0, { { "10.9.0.2" }, { "10.8.0.2", .weight = 3 } }));
	show(AF_INET);
	T(NEW(EXCL, "0.0.0.0", 0, { { "10.9.0.2" }, { "10.8.0.2" } }));
	T(NEW(APPEND, "0.0.0.0", 0, { { "10.9.0.2" }, { "10.8.0.2", .weight = 3 } }));
	T(NEW(REPLACE, "0.0.0.0", 0, { { "10.9.0.2" } }));
	T(NEW(EXCL, "6.0.0.0", 8, { { "10.9.0.2" }, { "77.7.7.7", "va0" } }));
	T(NEW(EXCL, "6.0.0.0", 8, { { "10.9.0.2", "va0" }, { .dev = "va1" } }));
	T(NEW(EXCL, "6.1.0.0", 16, { { "10.9.0.2", .weight = 7 } }));
	show(AF_INET);
	T(DEL("6.0.0.0", 8, { { "10.8.0.2" } }));
	T(DEL("6.0.0.0", 8, { { "10.9.0.2", "va0" }, { .dev = "va1", .weight = 2 } }));
	T(DEL("6.0.0.0", 8, { { "10.9.0.2", "va0" }, { .dev = "va1" } }));
	T(DEL("0.0.0.0", 0));
}

static void version6(void)
{
	T(NEW(EXCL, "fd01::", 64, { { "fd09::2" } }));
	T(NEW(EXCL, "fd01::", 64, { { "fd09::3" } }));
	T(NEW(APPEND, "fd01::", 64, { { "fd09::3" } }));
	T(NEW(APPEND, "fd01::", 64, { { "fd09::3" } }));
	show(AF_INET6);
	T(DEL("fd01::", 64, { { "fd09::2" } }));
	show(AF_INET6);
	T(NEW(REPLACE, "fd01::", 64, { { "fd09::4" } }));
	T(NEW(EXCL, "fd02::", 64, { { "fd09::2" }, { "fd08::2", .weight = 2 } }));
	T(NEW(EXCL, "fd03::", 64, { { .dev = "va0" } }, .metric = 7, .mtu = 1300));
	T(NEW(EXCL, "fd03::", 64, { { .dev = "va0" } }, .metric = 7, .mtu = 1300));
	T(NEW(EXCL, "fd00::", 16, { { .dev = "va0" } }));
	T(NEW(EXCL, "::", 0, { { "fd09::2" } }));
	T(NEW(EXCL, "fd04::", 64, { { "2001:db8::1", "va1" } }));
	T(NEW(EXCL, "fd04::", 64, { { "fe80::1" } }));
	T(NEW(EXCL, "fd04::", 64, { { "fe80::1", "va1" } }));
	show(AF_INET6);
	T(DEL("fd02::", 64));
	T(DEL("fd03::", 64, .metric = 8));
	T(DEL("fd03::", 64));
	T(DEL("fd01::", 64));
	show(AF_INET6);
}

/*
 * Checks that packets to a hundred addresses leave by both devices, and that those to one address
 * keep to one device.
 */
static void spread(void)
{
	int by[2] = { 0 }, moved = 0;

	T(NEW(EXCL, "20.0.0.0", 8, { { "10.9.0.2" }, { "10.8.0.2" } }));
	for (int k = 0; k < 100; k++) {
		char last[64] = "";

		for (int again = 0; again < 3; again++) {
			char text[64], from[64];
			struct sockaddr_in a;
			socklen_t n = sizeof(a);
			int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

			snprintf(text, sizeof(text), "20.%d.%d.%d", k, 3 * k % 251, 7 * k % 253);
			a = at(text, 9);
			NEED(connect(fd, SA(&a), sizeof(a)));
			NEED(getsockname(fd, SA(&a), &n));
			snprintf(from, sizeof(from), "%s", inet_ntoa(a.sin_addr));
			moved += again && strcmp(from, last);
			strcpy(last, from);
			close(fd);
		}
		by[!strcmp(last, "10.8.0.1")]++;
	}
	IS(by[0] > 10 && by[1] > 10);
	T(moved);
}

/* Prints the effect of a route's MTU and ADVMSS on an unanswered connection. */
static void segments_to(const char *dst, uint32_t mtu, uint32_t advmss)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(9) };
	bool is6 = family_of(dst) == AF_INET6;
	int fd = NEED(socket(family_of(dst), SOCK_STREAM | SOCK_NONBLOCK, 0));
	struct tcp_info ti = { 0 };
	socklen_t len = sizeof(ti);

	NEED(NEW(FRONT, dst, is6 ? 64 : 16, { { .dev = "va0" } }, .mtu = mtu, .advmss = advmss));
	inet_pton(family_of(dst), dst, is6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr);
	NEED(connect(fd, is6 ? (void *)&six : (void *)&four, is6 ? sizeof(six) : sizeof(four)) &&
				errno != EINPROGRESS ?
			-1 :
			0);
	NEED(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len));
	say("%s mtu %u advmss %u: we take %u", dst, mtu, advmss, ti.tcpi_advmss);
	close(fd);
	NEED(DEL(dst, is6 ? 64 : 16, { { .dev = "va0" } }));
}

static void segments(void)
{
	static const uint32_t mtus[] = { 60, 68, 100, 128, 300, 576, 1279, 1280, 1400 };

	segments_to("10.200.0.0", 40, 0); /* less would wrap on the host */
	segments_to("10.200.0.0", 59, 0);
	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		segments_to("10.200.0.0", mtus[i], 0);
		segments_to("fd77::", mtus[i], 0);
	}
	segments_to("10.200.0.0", 0, 1);
	segments_to("10.200.0.0", 0, 100);
	segments_to("10.200.0.0", 0, 9000);
	segments_to("10.200.0.0", 0, 70000);
	segments_to("10.200.0.0", 100, 1000);
	segments_to("fd77::", 0, 100);
	segments_to("fd77::", 0, 9000);
}

static void del_addr(const char *dev, const char *addr, int prefix)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_DELADDR,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
	struct ifaddrmsg *a = NLMSG_DATA(&m.h);

	a->ifa_family = (unsigned char)family_of(addr);
	a->ifa_prefixlen = (unsigned char)prefix;
	a->ifa_index = if_nametoindex(dev);
	add_ip(&m, IFA_LOCAL, addr);
	if (prefix)
		add_ip(&m, IFA_ADDRESS, addr);
	T(nl_do(&m));
}

static void show_addrs(const char *dev)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
	} m = { { sizeof(m), RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		{ .ifa_family = AF_INET } };
	static char buf[65536];
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	char text[64];

	NEED(send(fd, &m, sizeof(m), 0));
	for (;;) {
		struct nlmsghdr *h = (void *)buf;
		int len = NEED(recv(fd, buf, sizeof(buf), 0));

		for (; NLMSG_OK(h, (unsigned)len); h = NLMSG_NEXT(h, len)) {
			struct ifaddrmsg *a = NLMSG_DATA(h);
			struct rtattr *x = IFA_RTA(a);
			int left = (int)IFA_PAYLOAD(h);

			if (h->nlmsg_type != RTM_NEWADDR) {
				close(fd);
				return;
			}
			if (a->ifa_index != if_nametoindex(dev))
				continue;
			for (; RTA_OK(x, left); x = RTA_NEXT(x, left))
				if (x->rta_type == IFA_LOCAL || x->rta_type == IFA_BROADCAST)
					say("  %d: %s/%d flags %x", x->rta_type,
						inet_ntop(AF_INET, RTA_DATA(x), text, 64),
						a->ifa_prefixlen, a->ifa_flags);
		}
	}
}

/* Several addresses of one network share its route. */
static void addresses(void)
{
	NEW(EXCL, "3.0.0.0", 8, { { NULL, "va1" } }, .src = "10.8.0.1");
	NEW(EXCL, "6.0.0.0", 8, { { NULL, "va1" } }, .src = "10.9.0.1");
	NEW(EXCL, "7.0.0.0", 8, { { NULL, "va1" } });
	NEW(EXCL, "8.0.0.0", 8, { { NULL, "va0" } }, .src = "10.8.0.1");
	show(AF_INET);
	add_addr("va1", AF_INET6, "fd08::2", 64);
	del_addr("va1", "fd08::1", 64);
	show(AF_INET6);
	del_addr("va1", "fd08::2", 64);
	show(AF_INET6);
	add_addr("va1", AF_INET6, "fd08::1", 64);
	add_addr("va1", AF_INET, "10.8.0.2", 24);
	add_addr("va1", AF_INET, "10.8.0.3", 24);
	add_addr("va1", AF_INET, "10.8.0.2", 25);
	add_addr("va1", AF_INET, "10.8.128.1", 24);
	NEW(EXCL, "4.0.0.0", 8, { { NULL, "va1" } }, .src = "10.8.0.3");
	NEW(EXCL, "5.0.0.0", 8, { { NULL, "va1" } }, .src = "10.8.0.2");
	show_addrs("va1");
	show(AF_INET);
	del_addr("va1", "10.8.0.2", 24);
	show_addrs("va1");
	show(AF_INET);
	del_addr("va1", "10.8.0.1", 24); /* and the other address of it */
	show_addrs("va1");
	show(AF_INET);
	del_addr("va1", "10.8.0.3", 24);
	del_addr("va1", "10.8.0.2", 0); /* whatever its prefix is */
	del_addr("va1", "10.8.128.1", 24);
	show(AF_INET);
}

static void sends_to(const char *addr, int broadcast, const char *dev)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) }, own = { 0 };
	socklen_t len = sizeof(own);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	char text[64];

	inet_pton(AF_INET, addr, &to.sin_addr);
	say("%s by %s, SO_BROADCAST %d", addr, dev ? dev : "any", broadcast);
	NEED(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &broadcast, sizeof(broadcast)));
	if (dev)
		NEED(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, (socklen_t)strlen(dev)));
	T(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
	if (!T(connect(fd, (struct sockaddr *)&to, sizeof(to)))) {
		NEED(getsockname(fd, (struct sockaddr *)&own, &len));
		say("  from %s", inet_ntop(AF_INET, &own.sin_addr, text, sizeof(text)));
	}
	close(fd);
}

/*
 * The last address of a network is a broadcast address, also if no address names it. A sender that
 * names the device needs no route.
 */
static void broadcasts(void)
{
	static const char *const to[] = { "10.3.0.255", "10.3.0.0", "10.3.0.127", "10.3.1.1",
		"10.3.1.0", "10.3.2.3", "10.4.0.255", "255.255.255.255", "224.0.0.1", "10.5.5.5" };

	for (int has = 0; has < 2; has++) {
		for (size_t k = 0; k < sizeof(to) / sizeof(to[0]); k++)
			for (int n = 0; n < 4; n++)
				sends_to(to[k], n & 1, n & 2 ? "vb1" : NULL);
		sends_to("127.255.255.255", 0, NULL);
		sends_to("127.255.255.255", 1, NULL);
		if (has)
			break;
		add_addr("vb1", AF_INET, "10.3.0.1", 24);
		add_addr("vb1", AF_INET, "10.3.0.2", 25);
		add_addr("vb1", AF_INET, "10.3.1.0", 31);
		add_addr("vb1", AF_INET, "10.3.2.1", 30);
		add_addr("vb1", AF_INET, "10.3.2.2", 30);
	}
	set_up("vb1", 0);
	show(AF_INET);
	set_up("vb1", 1);
	show(AF_INET);
}

static void two_pairs(void)
{
	own_net();
	veth_pair("va1", "vb1");
	set_mac("va1", 3);
	set_up("vb1", 1);
	set_up("va1", 1);
	add_addr("va1", AF_INET, "10.8.0.1", 24);
	add_addr("va0", AF_INET6, "fd09::1", 64);
	add_addr("va1", AF_INET6, "fd08::1", 64);
}

TEST(route_ops)
{
	two_pairs();
	one_way();
	many_ways();
	version6();
	segments();
	spread();
	two_pairs();
	addresses();
	two_pairs();
	del_addr("va0", "10.9.0.1", 24);
	del_addr("va1", "10.8.0.1", 24);
	broadcasts();
}
