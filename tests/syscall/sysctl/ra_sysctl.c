/* SPDX-License-Identifier: MIT */
/*
 * ra_sysctl: which parts of a router advertisement are believed: accept_ra and related settings of
 * /proc/sys/net/ipv6/conf/NAME, and their effect.
 */
#include "nd.h"

struct ra {
	int hops, lifetime, pref, mtu;
	unsigned reachable, retrans;
	const char *route; /* a part of the net that it reaches */
	int plen, route_pref;
	unsigned route_life;
	const char *prefix;
	unsigned valid;
};

static void put32(unsigned char *p, unsigned v)
{
	memcpy(p, &(unsigned){ htonl(v) }, 4);
}

static void tell_from(const char *from, const struct ra *r)
{
	unsigned char m[128] = { 134, [4] = (unsigned char)r->hops, (unsigned char)(r->pref << 3),
		(unsigned char)(r->lifetime >> 8), (unsigned char)r->lifetime };
	unsigned n = 16;

	put32(m + 8, r->reachable);
	put32(m + 12, r->retrans);
	if (r->mtu) {
		m[n] = 5;
		m[n + 1] = 1;
		put32(m + n + 4, (unsigned)r->mtu);
		n += 8;
	}
	if (r->route) {
		m[n] = 24;
		m[n + 1] = 3;
		m[n + 2] = (unsigned char)r->plen;
		m[n + 3] = (unsigned char)(r->route_pref << 3);
		put32(m + n + 4, r->route_life);
		inet_pton(AF_INET6, r->route, m + n + 8);
		n += 24;
	}
	if (r->prefix) {
		m[n] = 3;
		m[n + 1] = 4;
		m[n + 2] = 64;
		m[n + 3] = 0x40;
		put32(m + n + 4, r->valid);
		put32(m + n + 8, r->valid);
		inet_pton(AF_INET6, r->prefix, m + n + 16);
		n += 32;
	}
	nd_send(from, "ff02::1", m, n);
}

#define TELL(...) tell_from("fe80::99", &(struct ra){ __VA_ARGS__ })

static int routes;

static void show_route(const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	struct rtattr *a = RTM_RTA(r);
	int len = (int)RTM_PAYLOAD(h), metric = 0, pref = 0;
	char dst[64] = "::", gw[64] = "";

	if (h->nlmsg_type != RTM_NEWROUTE || r->rtm_protocol != RTPROT_RA)
		return;
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == RTA_DST)
			inet_ntop(AF_INET6, RTA_DATA(a), dst, sizeof(dst));
		if (a->rta_type == RTA_GATEWAY)
			inet_ntop(AF_INET6, RTA_DATA(a), gw, sizeof(gw));
		if (a->rta_type == RTA_PRIORITY)
			metric = *(int *)RTA_DATA(a);
		if (a->rta_type == RTA_PREF)
			pref = *(unsigned char *)RTA_DATA(a);
	}
	if (!*gw)
		return;
	routes++;
	say("  %s/%d by %s metric %d pref %d", dst, r->rtm_dst_len, gw, metric, pref);
}

static void ways(const char *what)
{
	say("%s:", what);
	dump_routes(&(struct rtmsg){ .rtm_family = AF_INET6 }, 0, show_route);
}

static int count_ways(void)
{
	routes = 0;
	ways("ways");
	return routes;
}

static void words(void)
{
	say("hop_limit %d mtu %d", get6("va0", "hop_limit"), get6("va0", "mtu"));
	show_file("/proc/sys/net/ipv6/neigh/va0/retrans_time_ms", NULL);
	show_file("/proc/sys/net/ipv6/neigh/va0/base_reachable_time_ms", NULL);
	show_file("/proc/sys/net/ipv6/neigh/va0/gc_stale_time", NULL);
}

static bool heard(void)
{
	TELL(.hops = 77);
	return get6("va0", "hop_limit") == 77;
}

static void link_words(void)
{
	words();
	TELL(.hops = 78, .mtu = 1400, .retrans = 2000, .reachable = 20000);
	words();
	conf6("va0", "accept_ra_min_hop_limit", "80");
	conf6("va0", "accept_ra_mtu", "0");
	TELL(.hops = 79, .mtu = 1300);
	words();
	conf6("va0", "accept_ra_mtu", "1");
	TELL(.hops = 80, .mtu = 1279);
	words();
	TELL(.mtu = 1501);
	words();
	TELL(.hops = 0, .mtu = 1500);
	words();
	TELL(.mtu = 1400);
	set_mtu("va0", 1450);
	words();
	set_mtu("va0", 1500);
	conf6("va0", "accept_ra_defrtr", "0");
	TELL(.hops = 90);
	words();
	conf6("va0", "accept_ra_defrtr", "1");
}

static void default_routes(void)
{
	TELL(.lifetime = 600, .pref = 1);
	ways("high");
	TELL(.lifetime = 600, .pref = 3);
	ways("low");
	conf6("va0", "accept_ra_rtr_pref", "0");
	TELL(.lifetime = 600, .pref = 1);
	ways("no preference");
	conf6("va0", "ra_defrtr_metric", "500");
	TELL(.lifetime = 600);
	ways("metric 500");
	conf6("va0", "accept_ra_defrtr", "0");
	TELL(.lifetime = 0);
	ways("not heard");
	conf6("va0", "accept_ra_defrtr", "1");
	TELL(.lifetime = 0);
	ways("gone");
	conf6("va0", "accept_ra_min_lft", "1000");
	TELL(.lifetime = 999);
	ways("too short");
	TELL(.lifetime = 1000);
	TELL(.lifetime = 999);
	ways("long enough");
	TELL(.lifetime = 0);
	ways("gone");
}

static void parts(void)
{
#define PART(p, l, ...) TELL(.route = p, .plen = l, .route_life = 2000, __VA_ARGS__)
	PART("2001:db8:1::", 48);
	ways("by default none");
	conf6("va0", "accept_ra_rt_info_max_plen", "48");
	conf6("va0", "accept_ra_rt_info_min_plen", "20");
	PART("2001:db8:1::", 48, .route_pref = 1);
	ways("where preferences are passed over none");
	conf6("va0", "accept_ra_rtr_pref", "1");
	PART("2001:db8:1::", 48, .route_pref = 1);
	PART("2001:db8:2:3::", 64);
	PART("2000::", 16);
	PART("2001:db9:ffff::", 33, .route_pref = 3);
	PART("2001:dba::", 32, .route_pref = 2);
	ways("48 and 33");
	TELL(.route = "2001:db8:1::", .plen = 48, .route_life = 999);
	ways("too short a time");
	TELL(.route = "2001:db8:1::", .plen = 48, .route_life = 0);
	TELL(.route = "2001:db9:ffff::", .plen = 33, .route_life = 0);
	ways("gone");
}

static int nr_of(const char *begin)
{
	char line[128];
	int n = 0;
	FILE *f = fopen("/proc/net/if_inet6", "r");

	while (f && fgets(line, sizeof(line), f))
		n += !strncmp(line, begin, strlen(begin)) && strstr(line, "va0");
	if (f)
		fclose(f);
	return n;
}

static void prefixes(void)
{
	conf6("va0", "accept_ra_pinfo", "0");
	TELL(.prefix = "fd77:1::", .valid = 5000);
	say("of no prefix: %d", nr_of("fd77"));
	conf6("va0", "accept_ra_pinfo", "1");
	TELL(.prefix = "fd77:1::", .valid = 999);
	say("too short: %d", nr_of("fd77"));
	conf6("va0", "max_addresses", "2");
	for (int i = 0; i < 4; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "fd77:%d::", i + 1);
		TELL(.prefix = prefix, .valid = 5000);
	}
	say("two at most: %d", nr_of("fd77") + nr_of("fe80"));
	conf6("va0", "max_addresses", "0");
	for (int i = 0; i < 4; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "fd77:%d::", i + 1);
		TELL(.prefix = prefix, .valid = 5000);
	}
	say("any number: %d", nr_of("fd77"));
	conf6("va0", "accept_ra_min_lft", "0");
	conf6("va0", "ra_honor_pio_life", "1");
	TELL(.prefix = "fd77:1::", .valid = 1);
	T_WAIT(nr_of("fd7700010000") == 0);
}

/*
 * Advertisements of a router that is va0 itself, that is no default router, or that is another
 * device of this machine.
 */
static void ourselves(void)
{
	static const char *const ours[] = { VA_LL, VB_LL };

	nd_ready();
	T_WAIT(flags_of_dev("vb0", VB_LL) >= 0 && !(flags_of_dev("vb0", VB_LL) & TENTATIVE));
	for (int k = 0; k < 8; k++) {
		conf6("va0", "accept_ra_from_local", k / 4 ? "1" : "0");
		tell_from(
			ours[k / 2 % 2], &(struct ra){ .lifetime = k % 2 * 1000, .hops = 100 + k });
		say("hop_limit %d, %d ways", get6("va0", "hop_limit"), count_ways());
	}
}

TEST(ra_sysctl)
{
	own_net();
	nd_open();
	T_WAIT(heard());
	link_words();
	default_routes();
	parts();
	prefixes();
	ourselves();
}
