/* SPDX-License-Identifier: MIT */
/*
 * stamping: SO_TIMESTAMP, SO_TIMESTAMPNS and SO_TIMESTAMPING by their old and new numbers on every
 * kind of socket: what a receiver gets, what the error queue reports to a sender (SCM_TSTAMP_*,
 * OPT_ID, OPT_TSONLY, OPT_CMSG, OPT_STATS), in which order and form. networking/timestamping.rst.
 */
#include "netns.h"
#include "errqueue.h"
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <netinet/udp.h>

#define SW SOF_TIMESTAMPING_SOFTWARE
#define RX SOF_TIMESTAMPING_RX_SOFTWARE
#define TX SOF_TIMESTAMPING_TX_SOFTWARE
#define SCHED SOF_TIMESTAMPING_TX_SCHED
#define ACK SOF_TIMESTAMPING_TX_ACK
#define ID SOF_TIMESTAMPING_OPT_ID
#define TSONLY SOF_TIMESTAMPING_OPT_TSONLY
#define CMSG SOF_TIMESTAMPING_OPT_CMSG
#define STATS SOF_TIMESTAMPING_OPT_STATS
#define PKTINFO SOF_TIMESTAMPING_OPT_PKTINFO
#define ID_TCP (1 << 16)
#define SCM_TS_OPT_ID_ 81

static const int names[] = { SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD, SO_TIMESTAMPING_OLD,
	SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW, SO_TIMESTAMPING_NEW };
static const char *const texts[] = { "usec", "nsec", "stamping", "usec new", "nsec new",
	"stamping new" };

/* Returns whether there is a time, since its value may not be printed. */
static const char *time_of(const int64_t *t)
{
	return t[0] > 1600000000 ? "a time" : t[0] || t[1] ? "something" : "none";
}

static void show_error(const struct cmsghdr *c)
{
	struct sock_extended_err e;
	struct sockaddr_storage o = { 0 };
	char text[64] = "";

	memcpy(&e, CMSG_DATA(c), sizeof(e));
	memcpy(&o, CMSG_DATA(c) + sizeof(e), c->cmsg_len - CMSG_LEN(sizeof(e)));
	inet_ntop(o.ss_family == AF_INET6 ? AF_INET6 : AF_INET,
		o.ss_family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)&o)->sin6_addr :
					  (void *)&((struct sockaddr_in *)&o)->sin_addr,
		text, sizeof(text));
	say("   error %s origin %d type %d code %d pad %d info %u data %u family %d %s port %d",
		t_errno((int)e.ee_errno), e.ee_origin, e.ee_type, e.ee_code, e.ee_pad, e.ee_info,
		e.ee_data, o.ss_family, text, ((struct sockaddr_in *)&o)->sin_port);
}

/* Of TCP_NLA_*: what does not depend on time, rates and when an acknowledgement comes. */
#define STEADY 0x4398a20U

static void show_stats(const struct cmsghdr *c)
{
	char line[400] = "   stats";
	size_t n = c->cmsg_len - CMSG_LEN(0);

	for (size_t at = 0; at + 4 <= n;) {
		const struct nlattr *a = (const void *)(CMSG_DATA(c) + at);

		uint64_t v = 0;

		memcpy(&v, a + 1, a->nla_len - 4 < 8 ? a->nla_len - 4U : 8);
		sprintf(line + strlen(line), " %d:%d", a->nla_type, a->nla_len);
		if (a->nla_type < 32 && STEADY >> a->nla_type & 1)
			sprintf(line + strlen(line), "=%d", (int)v);
		at += NLA_ALIGN(a->nla_len);
		if (!a->nla_len)
			break;
	}
	say("%s", line);
}

static void records(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		int64_t t[6] = { 0 };
		size_t n = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING_OPT_STATS) {
			show_stats(c);
			continue;
		}
		say("  level %d type %d length %d", c->cmsg_level, c->cmsg_type, (int)n);
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo p;
			char text[64], more[64];

			memcpy(&p, CMSG_DATA(c), sizeof(p));
			say("   device %d %s to %s", p.ipi_ifindex,
				inet_ntop(AF_INET, &p.ipi_spec_dst, text, sizeof(text)),
				inet_ntop(AF_INET, &p.ipi_addr, more, sizeof(more)));
		}
		if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo p;
			char text[64];

			memcpy(&p, CMSG_DATA(c), sizeof(p));
			say("   device %d %s", p.ipi6_ifindex,
				inet_ntop(AF_INET6, &p.ipi6_addr, text, sizeof(text)));
		}
		if (c->cmsg_level != SOL_SOCKET && n == 4)
			say("   %d", *(int *)CMSG_DATA(c));
		if (c->cmsg_level != SOL_SOCKET && n == 1)
			say("   %d", *CMSG_DATA(c));
		if (c->cmsg_level == SOL_SOCKET && n >= 16) {
			memcpy(t, CMSG_DATA(c), n < sizeof(t) ? n : sizeof(t));
			say("   %s %s %s", time_of(t), time_of(t + 2), time_of(t + 4));
			if (c->cmsg_type == SO_TIMESTAMP_OLD || c->cmsg_type == SO_TIMESTAMP_NEW)
				IS(t[1] < 1000000);
		}
		if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR) ||
			(c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_TX_TIMESTAMP))
			show_error(c);
	}
}

static void show(ssize_t n, struct msghdr *m)
{
	say(" %zd bytes, flags %x, name %d family %d, control %d", n, m->msg_flags,
		(int)m->msg_namelen, ((struct sockaddr_storage *)m->msg_name)->ss_family,
		(int)m->msg_controllen);
	records(m);
}

static void take(int fd, int flags)
{
	struct pollfd p = { .fd = fd, .events = flags & MSG_ERRQUEUE ? 0 : POLLIN };
	int err;

	/* on the host an acknowledgement may take a moment */
	poll(&p, 1, 1000);
	err = take_in(fd, flags, 2048, 1024);
	if (err)
		say(" %s", t_errno(-err));
}

/* ---- what is set, and read back ---- */

static void shown(int fd, const char *after)
{
	char line[300];

	sprintf(line, "%s:", after);
	for (int k = 0; k < 6; k++) {
		int v[2] = { -7, -7 };
		socklen_t n = sizeof(v);

		if (getsockopt(fd, SOL_SOCKET, names[k], v, &n))
			sprintf(line + strlen(line), " %s", t_errno(errno));
		else
			sprintf(line + strlen(line), " %d/%x/%x", (int)n, (unsigned)v[0],
				(unsigned)v[1]);
	}
	say("%s", line);
}

static void pairs(void)
{
	char text[80];

	for (int a = 0; a < 6; a++)
		for (int b = 0; b < 6; b++)
			for (int off = 0; off < 2; off++) {
				int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

				set(fd, SOL_SOCKET, names[a], a % 3 == 2 ? SW | RX : 1);
				set(fd, SOL_SOCKET, names[b], off ? 0 : b % 3 == 2 ? RX : 1);
				sprintf(text, "%s, %s%s", texts[a], texts[b], off ? " off" : "");
				shown(fd, text);
				close(fd);
			}
}

static void taken(void)
{
	static const struct {
		int family, type, protocol;
	} kinds[] = { { AF_INET, SOCK_DGRAM, 0 }, { AF_INET, SOCK_STREAM, 0 },
		{ AF_UNIX, SOCK_STREAM, 0 }, { AF_UNIX, SOCK_DGRAM, 0 },
		{ AF_NETLINK, SOCK_RAW, 0 }, { AF_PACKET, SOCK_RAW, 0 },
		{ AF_INET, SOCK_RAW, 200 } };

	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		char line[600] = "bits:";
		int fd = NEED(socket(kinds[k].family, kinds[k].type, kinds[k].protocol)), v[2];

		for (int bit = 0; bit < 18; bit++)
			sprintf(line + strlen(line), " %d",
				set(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, 1 << bit) ? errno : 0);
		sprintf(line + strlen(line), " all %d",
			set(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, 0x7fff) ? errno : 0);
		sprintf(line + strlen(line), " far %d",
			set(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, 1 << 24) ? errno : 0);
		sprintf(line + strlen(line), " stats %d",
			set(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, STATS) ? errno : 0);
		sprintf(line + strlen(line), " %d",
			set(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, STATS | TSONLY) ? errno : 0);
		sprintf(line + strlen(line), " id %d",
			set(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, ID_TCP) ? errno : 0);
		sprintf(line + strlen(line), " %d",
			set(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, ID) ? errno : 0);
		for (unsigned n = 0; n <= 16; n++) {
			char z[16] = { SW };

			sprintf(line + strlen(line), " %s%d", n ? "" : "length ",
				setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, z, n) ? errno : 0);
		}
		v[0] = SW | SOF_TIMESTAMPING_BIND_PHC;
		v[1] = 5;
		sprintf(line + strlen(line), " clock %d",
			setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING_NEW, v, sizeof(v)) ? errno : 0);
		shown(fd, line);
		close(fd);
	}
}

/* ---- receiving ---- */

static const struct kind {
	const char *name;
	int family, type, protocol;
	const char *addr;
} kinds[] = {
	{ "udp", AF_INET, SOCK_DGRAM, 0, "127.0.0.1" },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0, "::1" },
	{ "mapped", AF_INET6, SOCK_DGRAM, 0, "::ffff:127.0.0.1" },
	{ "raw", AF_INET, SOCK_RAW, 200, "127.0.0.1" },
	{ "raw6", AF_INET6, SOCK_RAW, 200, "::1" },
	{ "tcp", AF_INET, SOCK_STREAM, 0, "127.0.0.1" },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0, "::1" },
	{ "unix", AF_UNIX, SOCK_DGRAM, 0, "" },
	{ "unix stream", AF_UNIX, SOCK_STREAM, 0, "" },
};
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static socklen_t address(const struct kind *k, struct sockaddr_storage *a, int port)
{
	memset(a, 0, sizeof(*a));
	a->ss_family = (sa_family_t)k->family;
	if (k->family == AF_INET) {
		*(struct sockaddr_in *)a = at(k->addr, port);
		return sizeof(struct sockaddr_in);
	}
	inet_pton(AF_INET6, k->addr, &((struct sockaddr_in6 *)a)->sin6_addr);
	((struct sockaddr_in6 *)a)->sin6_port = htons((uint16_t)port);
	return sizeof(struct sockaddr_in6);
}

/* Makes two sockets, of which fd[0] sends to fd[1]. */
static void pair_up(const struct kind *k, int fd[2])
{
	struct sockaddr_storage a;
	socklen_t n;

	if (k->family == AF_UNIX) {
		NEED(socketpair(AF_UNIX, k->type, 0, fd));
		return;
	}
	fd[0] = NEED(socket(k->family, k->type, k->protocol));
	fd[1] = NEED(socket(k->family, k->type, k->protocol));
	n = address(k, &a, 0);
	NEED(bind(fd[1], SA(&a), n));
	if (k->type == SOCK_STREAM)
		NEED(listen(fd[1], 1));
	n = address(k, &a, k->type == SOCK_RAW ? 0 : port_of(fd[1]));
	NEED(connect(fd[0], SA(&a), n));
	if (k->type == SOCK_STREAM) {
		int l = fd[1];

		fd[1] = NEED(accept(l, NULL, NULL));
		close(l);
	}
}

static void receive(const struct kind *k)
{
	for (int o = 0; o < 6; o++) {
		int fd[2];

		pair_up(k, fd);
		say("%s receives %s", k->name, texts[o]);
		set(fd[1], SOL_SOCKET, names[o], o % 3 == 2 ? SW | RX : 1);
		NEED(send(fd[0], "abc", 3, 0));
		await(fd[1], POLLIN);
		take(fd[1], MSG_PEEK);
		take(fd[1], 0);
		/* both, and what is asked for and not to be told */
		if (o == 2) {
			set(fd[1], SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1);
			NEED(send(fd[0], "abc", 3, 0));
			await(fd[1], POLLIN);
			take(fd[1], 0);
			set(fd[1], SOL_SOCKET, SO_TIMESTAMPING_OLD, RX);
			NEED(send(fd[0], "abc", 3, 0));
			await(fd[1], POLLIN);
			take(fd[1], 0);
			set(fd[1], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | RX | PKTINFO | CMSG);
			NEED(send(fd[0], "abc", 3, 0));
			await(fd[1], POLLIN);
			take(fd[1], 0);
		}
		close(fd[0]);
		close(fd[1]);
	}
}

/* ---- sending ---- */

static void send_with(int fd, const char *what, int type, int flags, int type2, int value2)
{
	char ctl[128] = { 0 };
	struct iovec v = { "hello", 5 };
	struct msghdr m = { NULL, 0, &v, 1, ctl, CMSG_SPACE(4) + (type2 ? CMSG_SPACE(4) : 0), 0 };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){ CMSG_LEN(4), SOL_SOCKET, type };
	memcpy(CMSG_DATA(c), &flags, 4);
	if (type2) {
		c = CMSG_NXTHDR(&m, c);
		*c = (struct cmsghdr){ CMSG_LEN(4), SOL_SOCKET, type2 };
		memcpy(CMSG_DATA(c), &value2, 4);
	}
	TN(what, sendmsg(fd, &m, 0));
}

static void send_kind(const struct kind *k)
{
	static const struct {
		const char *name;
		int flags;
	} ways[] = {
		{ "plain", SW | TX },
		{ "not told", TX },
		{ "scheduled", SW | TX | SCHED },
		{ "numbered", SW | TX | ID },
		{ "alone", SW | TX | SCHED | ID | TSONLY },
		{ "cmsg", SW | TX | CMSG },
		{ "cmsg alone", SW | TX | CMSG | TSONLY | ID },
		{ "all", SW | TX | SCHED | ACK | ID | TSONLY },
		{ "acknowledged", SW | ACK | ID },
		{ "pktinfo", SW | TX | PKTINFO },
		{ "stats", SW | TX | SCHED | ACK | ID | TSONLY | STATS },
		{ "tcp ids", SW | TX | ACK | ID | TSONLY | ID_TCP },
	};
	for (unsigned w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
		for (int o = 2; o < 6; o += 3) {
			int fd[2];

			if (o == 5 && w > 1)
				continue;
			pair_up(k, fd);
			say("%s sends %s, %s", k->name, ways[w].name, texts[o]);
			T(set(fd[0], SOL_SOCKET, names[o], ways[w].flags));
			T(send(fd[0], "hello", 5, 0));
			drain(fd[0]);
			T(send(fd[0], "hello you", 9, 0));
			T(events(fd[0]) & (POLLERR | POLLPRI));
			drain(fd[0]);
			T(events(fd[0]) & (POLLERR | POLLPRI));
			close(fd[0]);
			close(fd[1]);
		}
}

static void send_controlled(const struct kind *k)
{
	int fd[2];

	pair_up(k, fd);
	say("%s by message", k->name);
	send_with(fd[0], "not reported", SO_TIMESTAMPING_OLD, TX, 0, 0);
	send_with(fd[0], "has none", SO_TIMESTAMPING_OLD, TX, SCM_TS_OPT_ID_, 4711);
	drain(fd[0]);
	T(set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TSONLY | ID));
	send_with(fd[0], "one", SO_TIMESTAMPING_OLD, TX, 0, 0);
	drain(fd[0]);
	send_with(fd[0], "none", SO_TIMESTAMPING_OLD, 0, 0, 0);
	drain(fd[0]);
	send_with(fd[0], "more", SO_TIMESTAMPING_NEW, TX | SCHED | ACK, 0, 0);
	drain(fd[0]);
	/* whose numbers Linux 6.18 forgets to take back */
	if (k->type != SOCK_RAW)
		send_with(fd[0], "its number", SO_TIMESTAMPING_OLD, TX, SCM_TS_OPT_ID_, 4711);
	drain(fd[0]);
	send_with(fd[0], "its number", SO_TIMESTAMPING_OLD, TX, 0, 0);
	drain(fd[0]);
	send_with(fd[0], "others", SO_TIMESTAMPING_OLD, TX | ID, 0, 0);
	send_with(fd[0], "rx", SO_TIMESTAMPING_OLD, RX, 0, 0);
	T(send(fd[0], "plain", 5, 0));
	drain(fd[0]);
	T(set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TX | TSONLY | ID));
	send_with(fd[0], "off", SO_TIMESTAMPING_OLD, 0, 0, 0);
	drain(fd[0]);
	T(set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TX | TSONLY));
	T(send(fd[0], "plain", 5, 0));
	drain(fd[0]);
	T(set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TX | TSONLY | ID));
	T(send(fd[0], "plain", 5, 0));
	drain(fd[0]);
	close(fd[0]);
	close(fd[1]);
}

/* Tests a buffer that is too small, MSG_PEEK, and a queue that reports POLLPRI. */
static void small(void)
{
	int fd[2];

	pair_up(&kinds[0], fd);
	T(set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TX | SCHED));
	T(set(fd[0], SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1));
	T(send(fd[0], "hello", 5, 0));
	T(send(fd[0], "hello", 5, 0));
	T(send(fd[0], "hello", 5, 0));
	T(events(fd[0]));
	T(take_in(fd[0], MSG_ERRQUEUE, 10, 1024));
	T(take_in(fd[0], MSG_ERRQUEUE | MSG_PEEK, 2048, 1024));
	T(take_in(fd[0], MSG_ERRQUEUE | MSG_TRUNC, 10, 1024));
	T(take_in(fd[0], MSG_ERRQUEUE, 2048, 0));
	T(take_in(fd[0], MSG_ERRQUEUE, 2048, 40));
	T(take_in(fd[0], MSG_ERRQUEUE, 0, 70));
	T(take_in(fd[0], MSG_ERRQUEUE, 2048, 1024));
	T(number(fd[0], SOL_SOCKET, SO_ERROR));
	T(events(fd[0]));
	close(fd[0]);
	close(fd[1]);
}

/*
 * Bytes of a call without timestamps are merged with bytes of a call with them, whose timestamps
 * still arrive.
 */
static void joined(int fd, size_t n)
{
	static char big[2000];
	int on = 1;

	setsockopt(fd, SOL_TCP, TCP_CORK, &on, sizeof(on));
	T(send(fd, big, n, 0));
	send_with(fd, "without times", SO_TIMESTAMPING_OLD, 0, 0, 0);
	on = 0;
	setsockopt(fd, SOL_TCP, TCP_CORK, &on, sizeof(on));
	drain(fd);
}

/*
 * A stream: the number of a timestamp is that of the last byte of the call, however it is
 * segmented.
 */
static void bytes(void)
{
	static char big[40000];
	int fd[2], on = 1;

	for (int tcp_ids = 0; tcp_ids < 2; tcp_ids++) {
		pair_up(&kinds[5], fd);
		NEED(send(fd[0], big, 1000, 0));
		NEED(recv(fd[1], big, 1000, MSG_WAITALL));
		T(set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD,
			SW | TX | ACK | SCHED | ID | TSONLY | (tcp_ids ? ID_TCP : 0)));
		T(send(fd[0], big, 1, 0));
		drain(fd[0]);
		T(send(fd[0], big, 40000, 0));
		NEED(recv(fd[1], big, 40000, MSG_WAITALL));
		NEED(recv(fd[1], big, 1, MSG_WAITALL));
		drain(fd[0]);
		setsockopt(fd[0], SOL_TCP, TCP_CORK, &on, sizeof(on));
		T(send(fd[0], big, 10, 0));
		T(send(fd[0], big, 20, 0));
		on = 0;
		setsockopt(fd[0], SOL_TCP, TCP_CORK, &on, sizeof(on));
		drain(fd[0]);
		joined(fd[0], 10);
		joined(fd[0], 1020);
		T(set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TX | TSONLY));
		T(send(fd[0], big, 10, 0));
		drain(fd[0]);
		close(fd[0]);
		close(fd[1]);
	}
}

/* Prints the other records of a packet with a timestamp. */
static void told(const struct kind *k)
{
	int fd[2];

	for (int tsonly = 0; tsonly < 2; tsonly++) {
		pair_up(k, fd);
		say("%s told", k->name);
		set(fd[0], SOL_IP, IP_PKTINFO, 1);
		set(fd[0], SOL_IP, IP_RECVTTL, 1);
		set(fd[0], SOL_IP, IP_RECVTOS, 1);
		set(fd[0], SOL_IP, IP_TOS, 0x10);
		set(fd[0], SOL_IPV6, IPV6_RECVPKTINFO, 1);
		set(fd[0], SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
		set(fd[0], SOL_IPV6, IPV6_RECVTCLASS, 1);
		set(fd[0], SOL_IPV6, IPV6_TCLASS, 0x20);
		set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TX | CMSG | (tsonly ? TSONLY : 0));
		T(send(fd[0], "hello", 5, 0));
		drain(fd[0]);
		set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TX);
		T(send(fd[0], "hello", 5, 0));
		drain(fd[0]);
		close(fd[0]);
		close(fd[1]);
	}
}

/* Datagrams in pieces, and many in one call. */
static void pieces(void)
{
	static char big[60000];
	int fd[2], seg = 1000;

	pair_up(&kinds[0], fd);
	set_mtu("lo", 1500);
	T(set(fd[0], SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | TX | SCHED | ID | TSONLY));
	T(send(fd[0], big, 20000, 0));
	drain(fd[0]);
	T(setsockopt(fd[0], SOL_UDP, 103 /* UDP_SEGMENT */, &seg, sizeof(seg)));
	T(send(fd[0], big, 20000, 0));
	drain(fd[0]);
	set_mtu("lo", 65536);
	close(fd[0]);
	close(fd[1]);
}

/* ---- packet sockets ---- */

static void frame(int type, int flags, const char *what)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(0x88b5),
		.sll_ifindex = (int)if_nametoindex("va0"),
		.sll_halen = 6,
		.sll_addr = { 2, 0, 0, 0, 0, 2 } };
	char f[64] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, (char)0x88, (char)0xb5 };
	int tx = NEED(socket(AF_PACKET, type, 0)),
	    rx = NEED(socket(AF_PACKET, type, htons(0x88b5)));
	struct sockaddr_ll b = a;

	b.sll_ifindex = (int)if_nametoindex("vb0");
	NEED(bind(rx, SA(&b), sizeof(b)));
	say("packet %d %s", type, what);
	T(set(tx, SOL_SOCKET, SO_TIMESTAMPING_OLD, flags));
	T(set(rx, SOL_SOCKET, SO_TIMESTAMPING_OLD, SW | RX));
	for (int k = 0; k < 2; k++) {
		T(sendto(tx, f, 60, 0, SA(&a), sizeof(a)));
		drain(tx);
	}
	T(events(tx) & (POLLERR | POLLPRI));
	take(rx, 0);
	set(rx, SOL_SOCKET, SO_TIMESTAMPNS_OLD, 1);
	take(rx, 0);
	close(tx);
	close(rx);
}

/* ---- devices ---- */

static void device(const char *name)
{
	struct hwtstamp_config c = { 0 };
	struct ethtool_ts_info info = { .cmd = ETHTOOL_GET_TS_INFO };
	struct ifreq r = { .ifr_data = (void *)&info };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strcpy(r.ifr_name, name);
	say("device %s", name);
	T(ioctl(fd, SIOCETHTOOL, &r));
	say("%x %d %x %x", info.so_timestamping, info.phc_index, info.tx_types, info.rx_filters);
	r.ifr_data = (void *)&c;
	T(ioctl(fd, SIOCSHWTSTAMP, &r));
	T(ioctl(fd, SIOCGHWTSTAMP, &r));
	c.tx_type = HWTSTAMP_TX_ON;
	c.rx_filter = HWTSTAMP_FILTER_ALL;
	T(ioctl(fd, SIOCSHWTSTAMP, &r));
	c.flags = 1 << 7;
	T(ioctl(fd, SIOCSHWTSTAMP, &r));
	c = (struct hwtstamp_config){ 0, 77, 0 };
	T(ioctl(fd, SIOCSHWTSTAMP, &r));
	c = (struct hwtstamp_config){ 0, 0, 77 };
	T(ioctl(fd, SIOCSHWTSTAMP, &r));
	r.ifr_data = NULL;
	T(ioctl(fd, SIOCSHWTSTAMP, &r));
	T(ioctl(fd, SIOCGHWTSTAMP, &r));
	close(fd);
}

static void last(void)
{
	int fd[2];
	int64_t t[2] = { 0 };

	pair_up(&kinds[0], fd);
	T(ioctl(fd[1], 0x8906 /* SIOCGSTAMP_OLD */, t));
	T(ioctl(fd[1], SIOCGSTAMPNS_NEW, t));
	NEED(send(fd[0], "a", 1, 0));
	take(fd[1], 0);
	T(ioctl(fd[1], 0x8906, t));
	IS(t[0] > 1600000000 && t[1] < 1000000);
	T(ioctl(fd[1], 0x8907, t));
	T(ioctl(fd[1], SIOCGSTAMP_NEW, t));
	T(ioctl(fd[1], SIOCGSTAMPNS_NEW, t));
	IS(t[0] > 1600000000);
	shown(fd[1], "after");
	close(fd[0]);
	close(fd[1]);
}

/* The first socket with timestamps makes the host begin to stamp packets, a little later. */
static void begin(void)
{
	int fd = bound(SOCK_DGRAM, "127.0.0.1");
	char c, ctl[256];
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl };

	NEED(set(fd, SOL_SOCKET, SO_TIMESTAMPING, RX | SW));
	NEED(reach(fd, port_of(fd)));
	do {
		m.msg_controllen = sizeof(ctl);
		NEED(send(fd, "x", 1, 0));
		NEED(recvmsg(fd, &m, 0));
	} while (!m.msg_controllen);
}

TEST(stamping)
{
	own_net();
	begin();
	pairs();
	taken();
	for (int k = 0; k < KINDS; k++) {
		receive(&kinds[k]);
		if (kinds[k].family != AF_UNIX) {
			send_kind(&kinds[k]);
			send_controlled(&kinds[k]);
		}
	}
	for (int k = 0; k < 7; k++)
		told(&kinds[k]);
	pieces();
	small();
	bytes();
	frame(SOCK_RAW, SW | TX, "plain");
	frame(SOCK_DGRAM, SW | TX | SCHED | ID | TSONLY, "numbered");
	device("lo");
	device("va0");
	last();
}
