/* SPDX-License-Identifier: MIT */
/*
 * igmp: what a host sends when sockets join and leave groups, and when a router queries: all
 * versions of IGMP and MLD, byte by byte.
 */
#include "guest.h"
#include "nd.h"

static int tap, s4, s6;

struct seen {
	char text[512];
	int n;
};
/* The reports of this window of listen_for(), and those of the window before. */
static struct seen seen[32], before[32];
/* 0: reports may repeat, so only new reports are printed, without their number */
static int counted = 1;

static int by_text(const void *a, const void *b)
{
	return strcmp(b, a); /* empty entries last */
}

/*
 * Adds a frame to seen[] if it is a report of IGMP or MLD; an equal frame only adds to the count.
 */
static void note(const unsigned char *f, int n, int with_v6)
{
	int v6 = f[12] == 0x86, at = v6 ? ETH_HLEN : ETH_HLEN + 24, from = v6 ? ETH_HLEN + 48 : at,
	    len = 0;
	char text[512];

	if (v6 ? f[13] != 0xdd || f[20] != 0 || n < 70 :
		 f[12] != 8 || f[13] || f[23] != 2 || n < 46)
		return;
	if (v6 && !with_v6)
		return;
	for (int k = 0; k < n && len < 480; k++) {
		if (!v6 && (k == ETH_HLEN + 4 || k == ETH_HLEN + 5)) /* the packet's number */
			continue;
		if (!v6 && (k == ETH_HLEN + 10 || k == ETH_HLEN + 11))
			continue;
		len += sprintf(text + len, "%s%02x",
			k == ETH_HLEN || k == from || k == from + 8 ? " " : "", f[k]);
	}
	for (int k = 0; k < 32; k++) {
		if (seen[k].n && strcmp(seen[k].text, text))
			continue;
		strcpy(seen[k].text, text);
		seen[k].n++;
		return;
	}
}

/* True if the window before had this report, too. */
static int was_seen(const char *text)
{
	for (int k = 0; k < 32; k++)
		if (before[k].n && !strcmp(before[k].text, text))
			return 1;
	return 0;
}

/*
 * Prints the reports that va0 sends within @ms. The time is counted in short sleeps, so that a
 * pause of the machine does not use it up.
 */
static void listen_for(const char *why, int ms, int with_v6)
{
	int left = ms / 10;
	unsigned char f[2048];

	memcpy(before, seen, sizeof(seen));
	memset(seen, 0, sizeof(seen));
	while (left > 0) {
		struct sockaddr_ll from;
		socklen_t n = sizeof(from);
		ssize_t r = recvfrom(tap, f, sizeof(f), MSG_DONTWAIT, SA(&from), &n);

		if (r > 0 && from.sll_pkttype != PACKET_OUTGOING)
			note(f, (int)r, with_v6);
		if (r < 0) {
			usleep(10000);
			left--;
		}
	}
	qsort(seen, 32, sizeof(seen[0]), by_text);
	say("%s:", why);
	for (int k = 0; k < 32 && seen[k].n; k++)
		if (counted)
			say("  %d x %s", seen[k].n, seen[k].text);
		else if (!was_seen(seen[k].text))
			say("  %s", seen[k].text);
}

static uint16_t sum(const unsigned char *p, int n, uint32_t s)
{
	for (; n > 1; n -= 2, p += 2)
		s += (uint32_t)p[0] << 8 | p[1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void send_frame(const void *f, int n)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex("vb0") };

	NEED(sendto(tap, f, (size_t)n, 0, SA(&to), sizeof(to)));
}

/* Sends an IGMP query. @code: the longest delay of the answer in tenths of a second. */
static void ask4(int code, const char *group, int v3, int nsrc, const char *src)
{
	unsigned char f[128] = { 1, 0, 0x5e, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x46, 0xc0, 0, 0, 0,
		0, 0, 0, 1, 2, 0, 0, 10, 9, 0, 2, 224, 0, 0, 1, 0x94, 4, 0, 0, 0x11,
		(unsigned char)code };
	int n = 8 + (v3 ? 4 + 4 * nsrc : 0);
	uint16_t s;

	f[17] = (unsigned char)(24 + n);
	inet_pton(AF_INET, group, f + 42);
	if (v3) {
		f[46] = 2;
		f[49] = (unsigned char)nsrc;
		for (int k = 0; k < nsrc; k++)
			inet_pton(AF_INET, src, f + 50 + 4 * k);
	}
	s = sum(f + 14, 24, 0);
	f[24] = (unsigned char)(s >> 8);
	f[25] = (unsigned char)s;
	s = sum(f + 38, n, 0);
	f[40] = (unsigned char)(s >> 8);
	f[41] = (unsigned char)s;
	send_frame(f, 38 + n);
}

static void ask6(int delay, const char *group, int v2, int hops)
{
	unsigned char f[128] = { 0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0,
		0, 0, 0, 0, (unsigned char)hops };
	unsigned char *i = f + 62;
	int n = v2 ? 28 : 24;
	uint32_t s = 58 + (uint32_t)n;

	f[19] = (unsigned char)(8 + n);
	inet_pton(AF_INET6, "fe80::ff:fe00:2", f + 22);
	inet_pton(AF_INET6, "ff02::1", f + 38);
	memcpy(f + 54, (unsigned char[]){ 58, 0, 5, 2, 0, 0, 1, 0 }, 8);
	i[0] = 130;
	i[4] = (unsigned char)(delay >> 8);
	i[5] = (unsigned char)delay;
	/*
	 * Version 2: the querier's interval in seconds. For twice that time the host remembers that
	 * there is an older querier, so no late answer has the new form.
	 */
	i[25] = 10;
	inet_pton(AF_INET6, group, i + 8);
	for (int k = 22; k < 54; k += 2)
		s += (uint32_t)f[k] << 8 | f[k + 1];
	s = sum(i, n, s);
	i[2] = (unsigned char)(s >> 8);
	i[3] = (unsigned char)s;
	send_frame(f, 62 + n);
}

static int src4(int opt, const char *group, const char *src)
{
	struct ip_mreq_source r;

	inet_pton(AF_INET, group, &r.imr_multiaddr);
	inet_pton(AF_INET, "10.9.0.1", &r.imr_interface);
	inet_pton(AF_INET, src, &r.imr_sourceaddr);
	return setsockopt(s4, SOL_IP, opt, &r, sizeof(r));
}

static int any4(int opt, const char *group)
{
	struct ip_mreqn r = { .imr_ifindex = (int)if_nametoindex("va0") };

	inet_pton(AF_INET, group, &r.imr_multiaddr);
	return setsockopt(s4, SOL_IP, opt, &r, sizeof(r));
}

static int any6(int opt, const char *group)
{
	struct ipv6_mreq r = { .ipv6mr_interface = if_nametoindex("va0") };

	inet_pton(AF_INET6, group, &r.ipv6mr_multiaddr);
	return setsockopt(s6, SOL_IPV6, opt, &r, sizeof(r));
}

static int src6(int opt, const char *group, const char *src)
{
	struct group_source_req r = { .gsr_interface = if_nametoindex("va0") };
	struct sockaddr_in6 *g = (void *)&r.gsr_group, *s = (void *)&r.gsr_source;

	g->sin6_family = s->sin6_family = AF_INET6;
	inet_pton(AF_INET6, group, &g->sin6_addr);
	inet_pton(AF_INET6, src, &s->sin6_addr);
	return setsockopt(s6, SOL_IPV6, opt, &r, sizeof(r));
}

/*
 * Milliseconds to listen. A change is reported twice, the second time within the interval that the
 * device is set to: a second by default, and 50 ms from be_quick() on. Queries ask for answers
 * within 100 ms.
 */
#define DEFAULT_REPORTS 2200
#define REPORTS 400
#define ANSWERS 400

static void be_quick(void)
{
	put_text("/proc/sys/net/ipv4/conf/va0/igmpv3_unsolicited_report_interval", "50");
	conf6("va0", "mldv2_unsolicited_report_interval", "50");
}

static void changes(void)
{
	T(any4(IP_ADD_MEMBERSHIP, "239.1.1.1"));
	T(any6(IPV6_ADD_MEMBERSHIP, "ff05::99"));
	listen_for("join", DEFAULT_REPORTS, 1);
	be_quick();
	T(src4(IP_BLOCK_SOURCE, "239.1.1.1", "10.1.0.1"));
	listen_for("block", REPORTS, 0);
	T(src4(IP_UNBLOCK_SOURCE, "239.1.1.1", "10.1.0.1"));
	listen_for("unblock", REPORTS, 0);
	T(any4(IP_DROP_MEMBERSHIP, "239.1.1.1"));
	listen_for("leave", REPORTS, 0);
	T(src4(IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.2", "10.1.0.1"));
	listen_for("source", REPORTS, 0);
	T(src4(IP_ADD_SOURCE_MEMBERSHIP, "239.1.1.2", "10.1.0.2"));
	listen_for("another", REPORTS, 0);
	T(src4(IP_DROP_SOURCE_MEMBERSHIP, "239.1.1.2", "10.1.0.1"));
	listen_for("one less", REPORTS, 0);
	T(src6(MCAST_JOIN_SOURCE_GROUP, "ff05::77", "2001:db8::1"));
	listen_for("source", REPORTS, 1);
	T(src6(MCAST_BLOCK_SOURCE, "ff05::99", "2001:db8::1"));
	listen_for("block", REPORTS, 1);
	T(any6(IPV6_ADD_MEMBERSHIP, "ff01::99"));
	listen_for("join here", REPORTS, 1);
}

/* Discards what va0 sends within @ms, which listen_for() counts in the same way. */
static void forget(int ms)
{
	for (int left = ms / 10; left; left--) {
		while (recv(tap, (char[2048]){ 0 }, 2048, MSG_DONTWAIT) > 0)
			;
		usleep(10000);
	}
}

static bool report_came(void)
{
	unsigned char f[2048];
	struct sockaddr_ll from;
	socklen_t n = sizeof(from);
	ssize_t r = recvfrom(tap, f, sizeof(f), MSG_DONTWAIT, SA(&from), &n);

	return r > ETH_HLEN + 24 && from.sll_pkttype != PACKET_OUTGOING && f[12] == 8 && !f[13] &&
	       f[23] == 2;
}

/*
 * A host that joins and leaves without a pause still reports, or the reports due would pile up.
 * Linux puts off its report for as long as the changes go on.
 */
static void all_the_time(void)
{
	bool told = false;
	long end = now_ms() + 60000;

	if (in_guest())
		while (!told && now_ms() < end) {
			NEED(any4(IP_ADD_MEMBERSHIP, "239.1.1.9"));
			NEED(any4(IP_DROP_MEMBERSHIP, "239.1.1.9"));
			told = report_came();
		}
	GIS(told);
	if (in_guest())
		forget(REPORTS);
}

static void questions(void)
{
	T(any4(IP_ADD_MEMBERSHIP, "239.1.1.1"));
	listen_for("join", REPORTS, 0);
	ask4(1, "0.0.0.0", 1, 0, NULL);
	listen_for("all", ANSWERS, 0);
	ask4(1, "239.1.1.1", 1, 0, NULL);
	listen_for("a group", ANSWERS, 0);
	ask4(1, "239.1.1.2", 1, 1, "10.1.0.2");
	listen_for("a source", ANSWERS, 0);
	ask4(1, "239.1.1.2", 1, 1, "10.1.0.3");
	listen_for("another source", ANSWERS, 0);
	ask4(1, "239.1.1.9", 1, 0, NULL);
	listen_for("no group of ours", ANSWERS, 0);
	show_file("/proc/net/igmp", "V");
	ask6(100, "::", 1, 1);
	listen_for("all", ANSWERS, 1);
	ask6(100, "ff05::99", 1, 1);
	listen_for("a group", ANSWERS, 1);
	ask6(100, "::", 1, 2);
	listen_for("from afar", ANSWERS, 1);
	show_file("/proc/net/igmp6", "va0");
}

static void old_versions(void)
{
	ask4(1, "0.0.0.0", 0, 0, NULL);
	listen_for("version 2", ANSWERS, 0);
	show_file("/proc/net/igmp", "V");
	T(any4(IP_ADD_MEMBERSHIP, "239.1.1.7"));
	listen_for("join", ANSWERS, 0);
	T(any4(IP_DROP_MEMBERSHIP, "239.1.1.7"));
	listen_for("leave", ANSWERS, 0);
	ask6(100, "::", 0, 1);
	listen_for("version 1", ANSWERS, 1);
	T(any6(IPV6_ADD_MEMBERSHIP, "ff05::55"));
	listen_for("join", ANSWERS, 1);
	T(any6(IPV6_DROP_MEMBERSHIP, "ff05::55"));
	listen_for("leave", ANSWERS, 1);
}

TEST(igmp)
{
	own_net();
	tap = packet_socket("vb0", SOCK_RAW, ETH_P_ALL);
	s4 = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	s6 = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	nd_ready();
	forget(DEFAULT_REPORTS); /* the reports of the new address */
	changes();
	all_the_time();
	questions();
	/* The old versions repeat a report within ten seconds. */
	counted = 0;
	old_versions();
}
