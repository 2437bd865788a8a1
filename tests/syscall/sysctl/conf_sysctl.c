/* SPDX-License-Identifier: MIT */
/*
 * conf_sysctl: settings of /proc/sys/net/ipv4/conf: which device has which value, and their effect:
 * source and target of ARP requests, answers to ARP, packets that are forwarded, dropped, or
 * broadcast. The test itself is the peer.
 */
#include "put.h"
#include "wire.h"

#define CONF "/proc/sys/net/ipv4/conf/"

static int wire2; /* on vb1, the other link */

static long set_word(const char *dev, const char *word, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), CONF "%s/%s", dev, word);
	return put(path, value);
}

static const char *word(const char *dev, const char *name)
{
	static char text[2][32];
	static int turn;
	char path[128], *to = text[turn++ & 1];
	int fd;

	snprintf(path, sizeof(path), CONF "%s/%s", dev, name);
	memset(to, 0, 32);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, to, 31) < 0)
		return strerror(errno);
	close(fd);
	to[strcspn(to, "\n")] = 0;
	return to;
}

/* "default" of forwarding is for new devices only; "all" sets every device. */
static void forwarding(void)
{
	T(set_word("default", "forwarding", "0"));
	T(set_word("vb0", "forwarding", "0"));
	T(set_word("default", "forwarding", "1"));
	veth_pair("va2", "vb2");
	say("lo %s, vb0 %s", word("lo", "forwarding"), word("vb0", "forwarding"));
	say("va1 %s, va2 %s", word("va1", "forwarding"), word("va2", "forwarding"));
	say("all %s", word("all", "forwarding"));
	T(set_word("all", "forwarding", "1"));
	say("va1 %s, default %s", word("va1", "forwarding"), word("default", "forwarding"));
	T(set_word("all", "forwarding", "0"));
	say("va2 %s, default %s", word("va2", "forwarding"), word("default", "forwarding"));
}

/* A device follows "default" until it has an address or a value of its own. */
static void whose(void)
{
	static const char *const names[] = { "arp_announce", "arp_filter", "arp_accept",
		"drop_gratuitous_arp", "proxy_arp_pvlan", "medium_id", "shared_media",
		"src_valid_mark", "bc_forwarding", "mc_forwarding", "bootp_relay",
		"drop_unicast_in_l2_multicast", "ignore_routes_with_linkdown",
		"igmpv2_unsolicited_report_interval", "igmpv3_unsolicited_report_interval" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		say("%s: %s", names[i], word("default", names[i]));
	T(set_word("all", "mc_forwarding", "1"));
	T(set_word("vb0", "arp_accept", "5"));
	T(set_word("default", "arp_accept", "2"));
	T(set_word("default", "shared_media", "0"));
	veth_pair("va1", "vb1");
	say("va0 %s, vb0 %s", word("va0", "shared_media"), word("vb0", "shared_media"));
	say("lo %s, va1 %s", word("lo", "shared_media"), word("va1", "shared_media"));
	say("va0 %s, vb0 %s", word("va0", "arp_accept"), word("vb0", "arp_accept"));
	T(set_word("default", "shared_media", "1"));
	T(set_word("default", "arp_accept", "0"));
	say("vb0 %s, va1 %s", word("vb0", "shared_media"), word("va1", "shared_media"));
	say("all %s", word("all", "shared_media"));
}

/* ---- ARP ---- */

static void arp(int op, int to_one, const char *sip, const char *tip)
{
	unsigned char f[42] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6,
		4, 0, (unsigned char)op, 2, 0, 0, 0, 0, 2 };

	if (to_one)
		memcpy(f, (unsigned char[]){ 2, 0, 0, 0, 0, 1 }, 6);
	inet_pton(AF_INET, sip, f + 28);
	if (op == 2)
		memcpy(f + 32, f + 22, 6);
	inet_pton(AF_INET, tip, f + 38);
	NEED(send(wire, f, sizeof(f), 0));
}

/*
 * Returns the source of the next ARP packet of type @op that the stack sends within @ms, or
 * "nobody".
 */
static const char *arp_from(int op, int ms)
{
	static char text[32];
	unsigned char f[2048];
	int n;

	while ((n = wire_read(f, sizeof(f), ms)))
		if (n >= 42 && f[12] == 8 && f[13] == 6 && f[21] == op) {
			inet_ntop(AF_INET, f + 28, text, sizeof(text));
			return text;
		}
	return "nobody";
}

static void asked(const char *what, const char *sip, const char *tip)
{
	arp(1, 1, sip, tip);
	wire_quiet();
	say("%s: %s answers", what, arp_from(2, 0));
}

static void announce(const char *level, const char *to)
{
	struct sockaddr_in from = at("10.8.0.1", 0), a = at(to, 9);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	T(set_word("va0", "arp_announce", level));
	NEED(bind(fd, SA(&from), sizeof(from)));
	NEED(sendto(fd, "x", 1, 0, SA(&a), sizeof(a)));
	say("announce %s: %s asks", level, arp_from(1, 100000));
	close(fd);
}

static void ignore(const char *level)
{
	T(set_word("va0", "arp_ignore", level));
	asked("of this link", "10.9.0.2", "10.9.0.1");
	asked("of another", "10.9.0.2", "10.8.0.1");
	asked("by a stranger", "10.6.0.6", "10.9.0.1");
}

static int known(const char *addr)
{
	FILE *f = fopen("/proc/net/arp", "r");
	char line[256], want[32];
	int found = 0;

	snprintf(want, sizeof(want), "%s ", addr);
	while (f && fgets(line, sizeof(line), f))
		found |= !strncmp(line, want, strlen(want));
	if (f)
		fclose(f);
	return found;
}

static void unasked(int op, const char *addr)
{
	arp(op, 0, addr, addr);
	wire_settle();
	say("%s of %s: %s", op == 1 ? "question" : "answer", addr,
		known(addr) ? "known" : "not known");
}

static void gratuitous(void)
{
	T(set_word("va0", "arp_accept", "0"));
	unasked(1, "10.9.0.60");
	T(set_word("va0", "arp_accept", "1"));
	unasked(1, "10.9.0.61");
	unasked(2, "10.9.0.62");
	unasked(2, "10.6.0.61");
	T(set_word("va0", "arp_accept", "2"));
	unasked(1, "10.9.0.63");
	unasked(1, "10.6.0.63");
	T(set_word("va0", "drop_gratuitous_arp", "1"));
	unasked(1, "10.9.0.64");
	T(set_word("va0", "drop_gratuitous_arp", "0"));
	T(set_word("va0", "arp_accept", "0"));
}

static void proxies(void)
{
	T(set_word("va0", "forwarding", "1"));
	asked("a neighbour's neighbour", "10.9.0.71", "10.9.0.70");
	T(set_word("va0", "proxy_arp_pvlan", "1"));
	asked("a neighbour's neighbour", "10.9.0.71", "10.9.0.70");
	asked("himself", "10.9.0.70", "10.9.0.70");
	asked("on the other link", "10.9.0.71", "10.7.0.7");
	T(set_word("va0", "proxy_arp_pvlan", "0"));
	T(set_word("va0", "proxy_arp", "1"));
	asked("on the other link", "10.9.0.71", "10.7.0.7");
	T(set_word("va0", "medium_id", "1"));
	T(set_word("va1", "medium_id", "1"));
	asked("of the same medium", "10.9.0.71", "10.7.0.7");
	T(set_word("va1", "medium_id", "2"));
	asked("of another", "10.9.0.71", "10.7.0.7");
	T(set_word("va0", "medium_id", "-1"));
	asked("of an unknown one", "10.9.0.71", "10.7.0.7");
	T(set_word("va0", "medium_id", "0"));
	T(set_word("va0", "proxy_arp", "0"));
	T(set_word("va0", "forwarding", "0"));
}

/* ---- packets ---- */

/* Sends a datagram for port 99 of @to, in a frame to all (@many) or to us. */
static void datagram(const char *from, const char *to, int many)
{
	unsigned char f[64] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 29, 0, 0, 0,
		0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 99, 0, 9, 0, 0, 'x' };

	if (many)
		memset(f, 255, 6);
	inet_pton(AF_INET, from, f + 26);
	inet_pton(AF_INET, to, f + 30);
	wire_put_sum(f + 24, wire_sum(f + 14, 20, 0));
	NEED(send(wire, f, 43, 0));
}

static int came(int fd)
{
	char c;

	wire_quiet();
	return recv(fd, &c, 1, MSG_DONTWAIT) == 1;
}

static void many(void)
{
	struct sockaddr_in a = at("0.0.0.0", 99);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(bind(fd, SA(&a), sizeof(a)));
	datagram("10.9.0.2", "10.9.0.1", 1);
	say("for one, in a frame for all: %d", came(fd));
	T(set_word("va0", "drop_unicast_in_l2_multicast", "1"));
	datagram("10.9.0.2", "10.9.0.1", 1);
	say("for one, in a frame for all: %d", came(fd));
	datagram("10.9.0.2", "10.9.0.1", 0);
	datagram("10.9.0.2", "10.9.0.255", 1);
	say("for one, for all: %d %d", came(fd), came(fd));
	T(set_word("va0", "drop_unicast_in_l2_multicast", "0"));
	close(fd);
}

/* True if a broadcast leaves by the other link. */
static int left_by_other(void)
{
	unsigned char f[2048];
	struct pollfd p = { .fd = wire2, .events = POLLIN };
	int n;

	wire_quiet();
	while (poll(&p, 1, 0) > 0) {
		n = (int)recv(wire2, f, sizeof(f), 0);
		if (n >= 42 && f[12] == 8 && !f[13] && f[0] == 255 && f[23] == 17 && f[22] == 63)
			return 1;
	}
	return 0;
}

static void broadcasts(void)
{
	static const char *const on[][2] = { { "0", "0" }, { "1", "0" }, { "0", "1" },
		{ "1", "1" } };
	struct sockaddr_in a = at("0.0.0.0", 99);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(bind(fd, SA(&a), sizeof(a)));
	T(set_word("va0", "forwarding", "1"));
	for (int i = 0; i < 4; i++) {
		NEED(set_word("all", "bc_forwarding", on[i][0]));
		NEED(set_word("va0", "bc_forwarding", on[i][1]));
		datagram("10.9.0.2", "10.7.0.255", 0);
		say("all %s, va0 %s: passed on %d, taken %d", on[i][0], on[i][1], left_by_other(),
			came(fd));
	}
	NEED(set_word("all", "bc_forwarding", "0"));
	T(set_word("va0", "forwarding", "0"));
	close(fd);
}

/* True if the sender gets a redirect. */
static int redirected(const char *from, const char *to)
{
	unsigned char f[2048];
	int n;

	datagram(from, to, 0);
	while ((n = wire_read(f, sizeof(f), 300)))
		if (n >= 42 && f[12] == 8 && !f[13] && f[23] == 1 && f[34] == 5)
			return 1;
	return 0;
}

static void redirects(void)
{
	wire_peer(3);
	nl_add_route("10.4.0.0", 24, "10.9.0.3", "va0");
	T(set_word("va0", "forwarding", "1"));
	add_addr("va0", AF_INET, "10.3.0.1", 24);
	nl_add_route("10.44.0.0", 24, "10.3.0.9", "va0");
	say("a neighbour: %d", redirected("10.9.0.3", "10.9.0.2"));
	say("a host behind a neighbour: %d", redirected("10.4.0.4", "10.9.0.2"));
	say("to a host behind a neighbour of the other network: %d",
		redirected("10.9.0.3", "10.44.0.1"));
	NEED(set_word("all", "shared_media", "0"));
	T(set_word("va0", "shared_media", "0"));
	/* Other targets: a host that ignores redirects gets fewer of them. */
	wire_peer(4);
	wire_peer(5);
	say("a neighbour: %d", redirected("10.9.0.4", "10.9.0.2"));
	say("to a host behind a neighbour of the other network: %d",
		redirected("10.9.0.5", "10.44.0.1"));
	T(set_word("va0", "forwarding", "0"));
}

static void linkdown(void)
{
	struct sockaddr_in a = at("10.7.0.9", 9);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	set_up("vb1", 0);
	T_WAIT(!link_runs("va1"));
	T(connect(fd, SA(&a), sizeof(a)));
	T(set_word("va1", "ignore_routes_with_linkdown", "1"));
	T(connect(fd, SA(&a), sizeof(a)));
	set_up("vb1", 1);
	T_WAIT(!connect(fd, SA(&a), sizeof(a))); /* the link is up, and then it is known */
	T(connect(fd, SA(&a), sizeof(a)));
	close(fd);
}

static void members(const char *version, const char *name, const char *group)
{
	struct ip_mreqn m = { .imr_ifindex = (int)if_nametoindex("va0") };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0)), n = 0, len;
	unsigned char f[2048];

	inet_pton(AF_INET, group, &m.imr_multiaddr);
	NEED(set_word("va0", "force_igmp_version", version));
	T(set_word("va0", name, "60"));
	NEED(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)));
	while (n < 2 && (len = wire_read(f, sizeof(f), 100000)))
		n += len >= 42 && f[12] == 8 && !f[13] && f[23] == 2;
	say("version %s: %d reports", version, n);
	close(fd);
}

TEST(conf_sysctl)
{
	wire_open();
	NEED(set_word("all", "rp_filter", "0"));
	NEED(set_word("va0", "rp_filter", "0"));
	whose();
	forwarding();
	NEED(set_word("va1", "rp_filter", "0"));
	add_addr("lo", AF_INET, "10.8.0.1", 32);
	add_addr("va1", AF_INET, "10.7.0.1", 24);
	set_up("va1", 1);
	set_up("vb1", 1);
	wire2 = packet_socket("vb1", SOCK_RAW, ETH_P_ALL);
	announce("0", "10.9.0.50");
	announce("1", "10.9.0.51");
	announce("2", "10.9.0.52");
	announce("3", "10.9.0.53");
	wire_settle();
	for (char level[2] = "0"; *level <= '8'; ++*level)
		ignore(level);
	T(set_word("va0", "arp_ignore", "0"));
	asked("by one of the other link", "10.7.0.5", "10.9.0.1");
	T(set_word("va0", "arp_filter", "1"));
	asked("by one of the other link", "10.7.0.5", "10.9.0.1");
	asked("by one of this", "10.9.0.5", "10.9.0.1");
	T(set_word("va0", "arp_filter", "0"));
	gratuitous();
	proxies();
	many();
	broadcasts();
	redirects();
	linkdown();
	members("2", "igmpv2_unsolicited_report_interval", "239.1.1.1");
	members("3", "igmpv3_unsolicited_report_interval", "239.1.1.2");
}
