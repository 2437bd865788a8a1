/* SPDX-License-Identifier: MIT */
/*
 * nd_sysctl: settings of /proc/sys/net/ipv6/conf/NAME for neighbour discovery. nd_words() has the
 * values of the files.
 */
#include "nd.h"
#include <linux/neighbour.h>

#define ND_NS 135
#define ND_NA 136

static void nd_words(void)
{
	static const char *const names[] = { "hop_limit", "mtu", "dad_transmits", "enhanced_dad",
		"keep_addr_on_down", "max_addresses", "use_oif_addrs_only", "router_solicitations",
		"router_solicitation_delay", "router_solicitation_interval",
		"router_solicitation_max_interval", "accept_ra_defrtr", "ra_defrtr_metric",
		"accept_ra_rtr_pref", "accept_ra_pinfo", "ra_honor_pio_life", "accept_ra_mtu",
		"accept_ra_min_hop_limit", "accept_ra_min_lft", "accept_ra_from_local",
		"accept_ra_rt_info_min_plen", "accept_ra_rt_info_max_plen", "force_tllao",
		"ndisc_notify", "ndisc_tclass", "drop_unsolicited_na", "accept_untracked_na",
		"suppress_frag_ndisc", "mldv1_unsolicited_report_interval",
		"mldv2_unsolicited_report_interval", "ignore_routes_with_linkdown",
		"drop_unicast_in_l2_multicast", "mc_forwarding" };
	static const char *const values[] = { "-1", "0", "2", "256", "1500", "x", "2147483648" };
	static const char *const devs[] = { "all", "default", "va0" };
	struct stat st;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (int d = 0; d < 3; d++) {
			char path[128], was[16], line[512] = "";

			snprintf(path, sizeof(path), CONF6 "%s/%s", devs[d], names[i]);
			NEED(stat(path, &st));
			snprintf(was, sizeof(was), "%d", get6(devs[d], names[i]));
			for (int v = 0; v < 7 && st.st_mode & 0200; v++) {
				int fd = NEED(open(path, O_WRONLY));
				ssize_t n = write(fd, values[v], strlen(values[v]));

				sprintf(line + strlen(line), " %s", n < 0 ? t_errno(errno) : "ok");
				close(fd);
			}
			say("%s %o: %s%s", path + 20, st.st_mode & 0777, was, line);
			if (st.st_mode & 0200)
				put_text(path, was);
		}
	}
	say("on a device that comes later:");
	conf6("default", "dad_transmits", "3");
	conf6("default", "mtu", "1400");
	conf6("all", "ndisc_tclass", "3");
	conf6("all", "ignore_routes_with_linkdown", "1");
	veth_pair("vc0", "vd0");
	say("%d %d %d %d %d", get6("vc0", "dad_transmits"), get6("vc0", "mtu"),
		get6("vc0", "ndisc_tclass"), get6("vc0", "ignore_routes_with_linkdown"),
		get6("va0", "ignore_routes_with_linkdown"));
	conf6("all", "ignore_routes_with_linkdown", "0");
	conf6("default", "dad_transmits", "1");
	conf6("all", "ndisc_tclass", "0");
}

/* Solicits the owner of va0's address, by multicast or unicast. */
static void ask(const char *from, int all)
{
	unsigned char m[32] = { ND_NS, [24] = 1, 1, 2, 0, 0, 0, 0, 9 };

	inet_pton(AF_INET6, VA_LL, m + 8);
	nd_drain();
	nd_send(from, all ? "ff02::1:ff00:1" : VA_LL, m, 32);
}

static void show_answer(const char *what)
{
	unsigned char p[512];
	int n = nd_get(58, ND_NA, p, sizeof(p), 5000);

	if (!n)
		say("%s: none", what);
	else
		say("%s: flags %x, class %x, %s, it says where", what, p[PACKET_AT + 4] >> 5,
			(p[0] & 15) << 4 | p[1] >> 4, nd_option(p, n, 24, 2) ? "and" : "but not");
}

static void answers(void)
{
	ask("fe80::99", 1);
	show_answer("to all");
	ask("fe80::99", 0);
	show_answer("to it alone");
	conf6("va0", "force_tllao", "1");
	ask("fe80::99", 0);
	show_answer("where it has to");
	conf6("va0", "force_tllao", "0");
	conf6("va0", "ndisc_tclass", "224");
	conf6("va0", "forwarding", "1");
	ask("fe80::99", 0);
	show_answer("of a router, in haste");
	conf6("va0", "ndisc_tclass", "0");
}

/* Checks whether a solicitation that comes as a fragment is answered. */
static void pieces(void)
{
	unsigned char p[128], m[32] = { ND_NS, [24] = 1, 1, 2, 0, 0, 0, 0, 9 };

	for (int k = 0; k < 2; k++) {
		conf6("va0", "suppress_frag_ndisc", k ? "0" : "1");
		nd_head(p, "fe80::99", VA_LL, 32, 58, 255);
		inet_pton(AF_INET6, VA_LL, m + 8);
		memcpy(p + PACKET_AT, m, 32);
		nd_check(p, PACKET_AT, 32, 58);
		memmove(p + PACKET_AT + 8, p + PACKET_AT, 32);
		memset(p + PACKET_AT, 0, 8);
		p[PACKET_AT] = 58;
		p[6] = 44;
		p[5] = 40;
		nd_drain();
		nd_put(p, PACKET_AT + 40, 0);
		if (k)
			show_answer("a fragment");
		else
			say("suppressed: %d", nd_get(58, ND_NA, p, sizeof(p), 200));
	}
}

static int state_of(const char *addr)
{
	struct {
		struct nlmsghdr h;
		struct ndmsg d;
		char attrs[64];
	} m = { .h = { NLMSG_LENGTH(sizeof(m.d)), RTM_GETNEIGH, NLM_F_REQUEST, 0, 0 },
		.d = { .ndm_family = AF_INET6 } };
	struct rtattr *a = (void *)m.attrs;
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	char b[1024];
	struct nlmsghdr *h = (void *)b;

	m.d.ndm_ifindex = (int)if_nametoindex("va0");
	*a = (struct rtattr){ RTA_LENGTH(16), NDA_DST };
	inet_pton(AF_INET6, addr, RTA_DATA(a));
	m.h.nlmsg_len += RTA_SPACE(16);
	NEED(send(fd, &m, m.h.nlmsg_len, 0));
	NEED(recv(fd, b, sizeof(b), 0));
	close(fd);
	return h->nlmsg_type == RTM_NEWNEIGH ? ((struct ndmsg *)NLMSG_DATA(h))->ndm_state : 0;
}

/* Sends an unsolicited advertisement. */
static void says(const char *who, int flags)
{
	unsigned char m[32] = { ND_NA, [4] = (unsigned char)flags, [24] = 2, 1, 2, 0, 0, 0, 0, 9 };

	inet_pton(AF_INET6, who, m + 8);
	nd_send(who, flags & 0x40 ? VA_LL : "ff02::1", m, 32);
}

static void unasked(void)
{
	add_addr("va0", AF_INET6, "2001:db8::1", 64);
	says("2001:db8::7", 0x20);
	say("untracked: %x", state_of("2001:db8::7"));
	conf6("va0", "accept_untracked_na", "1");
	says("2001:db8:9::7", 0x20);
	say("1: %x", state_of("2001:db8:9::7"));
	says("2001:db8:9::8", 0x60);
	say("1, as an answer: %x", state_of("2001:db8:9::8"));
	conf6("va0", "accept_untracked_na", "2");
	says("2001:db8:9::9", 0x20);
	say("2, of another network: %x", state_of("2001:db8:9::9"));
	says("2001:db8::9", 0x20);
	say("2, of its own: %x", state_of("2001:db8::9"));
	conf6("va0", "drop_unsolicited_na", "1");
	says("2001:db8::a", 0x20);
	say("dropped: %x", state_of("2001:db8::a"));
	says("2001:db8::a", 0x60);
	say("an answer: %x", state_of("2001:db8::a"));
	conf6("va0", "drop_unsolicited_na", "0");
	conf6("va0", "forwarding", "0");
	says("2001:db8::b", 0x20);
	say("of no router: %x", state_of("2001:db8::b"));
	conf6("va0", "accept_untracked_na", "0");
}

static void told_about(const char *what, const char *addr, int ms)
{
	unsigned char p[512], want[16];
	int n, there = 0, where = 0;

	inet_pton(AF_INET6, addr, want);
	while (!there && (n = nd_get(58, ND_NA, p, sizeof(p), ms))) {
		there = !memcmp(p + PACKET_AT + 8, want, 16);
		where = nd_option(p, n, 24, 2) != NULL;
	}
	say("%s: %d %d flags %x", what, there, where, there ? p[PACKET_AT + 4] >> 5 : 0);
}

static void add_tested(const char *addr)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWADDR,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
	struct ifaddrmsg *a = NLMSG_DATA(&m.h);
	unsigned char bin[16];

	*a = (struct ifaddrmsg){ AF_INET6, 64, 0, 0, if_nametoindex("va0") };
	inet_pton(AF_INET6, addr, bin);
	nl_add(&m, IFA_LOCAL, bin, 16);
	NEED0(nl_do(&m));
}

static void notify(void)
{
	add_addr("va0", AF_INET6, "2001:db8::2", 64);
	told_about("a new one, in silence", "2001:db8::2", 100);
	nd_drain();
	conf6("va0", "ndisc_notify", "1");
	add_addr("va0", AF_INET6, "2001:db8::3", 64);
	told_about("a new one that is not tested", "2001:db8::3", 100);
	add_tested("2001:db8::4");
	told_about("one that is", "2001:db8::4", 10000);
	nd_drain();
	set_mac("va0", 1);
	told_about("another card, the first", "2001:db8::1", 5000);
	conf6("va0", "ndisc_notify", "0");
}

/* Addresses that stay when a device goes down. */
static void kept(void)
{
	static const char *const keep[] = { "0", "1", "-1" };

	for (int k = 0; k < 5; k++) {
		conf6("va0", "keep_addr_on_down", k < 3 ? keep[k] : "0");
		conf6("all", "keep_addr_on_down", k == 3 ? "1" : k == 4 ? "-1" : "0");
		if (flags_of("2001:db8::1") < 0)
			add_addr("va0", AF_INET6, "2001:db8::1", 64);
		set_up("va0", 0);
		say("%d: %d, link-local %d", k, flags_of("2001:db8::1") >= 0, flags_of(VA_LL) >= 0);
		set_up("va0", 1);
		say("up: %d", flags_of("2001:db8::1") >= 0);
	}
	conf6("all", "keep_addr_on_down", "1");
	if (flags_of("2001:db8::1") < 0)
		add_addr("va0", AF_INET6, "2001:db8::1", 64);
	set_up("va0", 0);
	T_WAIT(!link_runs("vb0"));
	set_up("va0", 1);
	T_WAIT(!(flags_of("2001:db8::1") & TENTATIVE));
	nd_ready();
}

static void show_way(const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	struct rtattr *a = RTM_RTA(r);
	int len = (int)RTM_PAYLOAD(h);
	char dst[64] = "";

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == RTA_DST)
			inet_ntop(AF_INET6, RTA_DATA(a), dst, sizeof(dst));
	if (h->nlmsg_type == RTM_NEWROUTE && !strcmp(dst, "2001:db8::"))
		say("  %s/%d flags %x", dst, r->rtm_dst_len, r->rtm_flags & 0x1f);
}

static void try_way(const char *what)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

	inet_pton(AF_INET6, "2001:db8::77", &to.sin6_addr);
	say("%s: %s", what, connect(fd, SA(&to), sizeof(to)) ? t_errno(errno) : "there is a way");
	dump_routes(&(struct rtmsg){ .rtm_family = AF_INET6 }, 0, show_way);
	close(fd);
}

static void no_link(void)
{
	try_way("with a link");
	set_up("vb0", 0);
	T_WAIT(!link_runs("va0"));
	try_way("without");
	conf6("va0", "ignore_routes_with_linkdown", "1");
	try_way("where it matters");
	conf6("va0", "ignore_routes_with_linkdown", "0");
	try_way("where not");
	set_up("vb0", 1);
	T_WAIT(link_runs("va0") && link_runs("vb0"));
}

/* What leaves: its hop limit, and the size of its pieces. */
static void leaving(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), hops = 0;
	socklen_t len = sizeof(hops);
	unsigned char p[2048];
	char big[1400] = "";

	inet_pton(AF_INET6, "2001:db8::9", &to.sin6_addr);
	says("2001:db8::9", 0x20);
	conf6("va0", "hop_limit", "33");
	conf6("all", "hop_limit", "44");
	NEED(getsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, &len));
	say("a socket's: %d", hops);
	NEED(sendto(fd, big, 10, 0, SA(&to), sizeof(to)));
	hops = 0;
	for (int n; !hops && (n = nd_get(58, ND_NS, p, sizeof(p), 5000));) {
		unsigned char m[32] = { ND_NA, [4] = 0x60, [24] = 2, 1, 2, 0, 0, 0, 0, 9 };

		memcpy(m + 8, p + PACKET_AT + 8, 16);
		if (m[23] != 9)
			continue;
		nd_send("2001:db8::9", "2001:db8::1", m, 32);
		hops = 1;
	}
	nd_get(17, 0, p, sizeof(p), 5000);
	say("a packet's: %d", p[7]);
	NEED(sendto(fd, big, sizeof(big), 0, SA(&to), sizeof(to)));
	say("whole: %d", nd_get(17, 0, p, sizeof(p), 5000) != 0);
	conf6("va0", "mtu", "1300");
	NEED(sendto(fd, big, sizeof(big), 0, SA(&to), sizeof(to)));
	say("a piece of %d", nd_get(44, 0, p, sizeof(p), 5000));
	conf6("va0", "mtu", "1500");
	conf6("va0", "hop_limit", "64");
	close(fd);
}

/* Sends datagrams to our address in frames for all, which a setting drops. */
static void smuggled(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(7777) };
	struct pollfd f = { .fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), .events = POLLIN };
	unsigned char p[64] = { 0 };

	NEED(bind(f.fd, SA(&a), sizeof(a)));
	nd_head(p, "2001:db8::9", "2001:db8::1", 9, 17, 64);
	memcpy(p + PACKET_AT, (unsigned char[]){ 0, 9, 7777 >> 8, 7777 & 255, 0, 9, 0, 0, 'x' }, 9);
	nd_check(p, PACKET_AT, 9, 17);
	for (int k = 0; k < 2; k++) {
		conf6("va0", "drop_unicast_in_l2_multicast", k ? "0" : "1");
		nd_put(p, PACKET_AT + 9, 1);
		say("for all: %d", poll(&f, 1, k ? 5000 : 200));
		nd_put(p, PACKET_AT + 9, 0);
		say("for us: %d", poll(&f, 1, 5000));
		while (recv(f.fd, p + 50, 1, MSG_DONTWAIT) > 0)
			;
	}
	close(f.fd);
}

/* Prints whether a datagram may have the address of another device as its source. */
static void source(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9) };

	set_up("vc0", 1);
	set_up("vd0", 1);
	nl_add_route("2001:db8:77::", 48, NULL, "vc0");
	inet_pton(AF_INET6, "2001:db8:77::7", &to.sin6_addr);
	for (int k = 0; k < 3; k++) {
		struct sockaddr_in6 me;
		socklen_t len = sizeof(me);
		int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

		conf6(k == 1 ? "vc0" : "all", "use_oif_addrs_only", k ? "1" : "0");
		if (connect(fd, SA(&to), sizeof(to))) {
			say("%d: %s", k, t_errno(errno));
		} else {
			NEED(getsockname(fd, SA(&me), &len));
			say("%d: from va0's: %d", k, me.sin6_addr.s6_addr[0] == 0x20);
		}
		conf6("vc0", "use_oif_addrs_only", "0");
		close(fd);
	}
}

TEST(nd_sysctl)
{
	own_net();
	nd_words();
	nd_open();
	nd_ready();
	answers();
	pieces();
	unasked();
	notify();
	kept();
	no_link();
	/* the packet socket at vb0 has got ENETDOWN: opens it again */
	close(nd_fd);
	nd_open();
	smuggled();
	leaving();
	source();
}
