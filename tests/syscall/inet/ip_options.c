/* SPDX-License-Identifier: MIT */
/*
 * ip_options: IP_OPTIONS: valid options, options that are sent with datagrams, raw packets and
 * streams, what a receiver gets, and what an echo returns.
 */
#include "inet.h"
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

static void hex(const unsigned char *p, size_t n)
{
	char text[3 * 64 + 1] = "";

	for (size_t k = 0; k < n && k < 64; k++)
		sprintf(text + 3 * k, " %02x", p[k]);
	say("   %s", text);
}

static void try(const char *what, const unsigned char *o, size_t n)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	unsigned char got[64];
	socklen_t len = sizeof(got);

	errno = 0;
	setsockopt(fd, SOL_IP, IP_OPTIONS, o, (socklen_t)n);
	say("%s: %d", what, errno);
	NEED(getsockopt(fd, SOL_IP, IP_OPTIONS, got, &len));
	hex(got, len);
	close(fd);
}
#define TRY(what, ...)                                                                             \
	try(what, (const unsigned char[]){ __VA_ARGS__ }, sizeof((unsigned char[]){ __VA_ARGS__ }))

static void common(void)
{
	static unsigned char nops[64];

	memset(nops, 1, sizeof(nops));
	TRY("nop", 1);
	TRY("end", 0);
	TRY("five", 1, 1, 1, 1, 1);
	TRY("behind the end", 0, 5, 6, 7, 8);
	TRY("alert", 148, 4, 0, 0);
	TRY("alert of 5", 148, 5, 0, 0, 0);
	TRY("alert of 3", 148, 3, 0);
	TRY("rr", 7, 7, 4, 0, 0, 0, 0);
	TRY("rr at 3", 7, 7, 3, 0, 0, 0, 0);
	TRY("rr at 5", 7, 7, 5, 1, 2, 3, 4);
	TRY("rr full", 7, 7, 8, 0, 0, 0, 0);
	TRY("rr of 2", 7, 2, 4);
	TRY("rr of 3", 7, 3, 4);
	TRY("rr twice", 7, 7, 4, 0, 0, 0, 0, 7, 7, 4, 0, 0, 0, 0);
	TRY("ts", 68, 8, 5, 0, 0, 0, 0, 0);
	TRY("ts with address", 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0);
	TRY("ts of ours", 68, 12, 5, 3, 127, 0, 0, 1, 0, 0, 0, 0);
	TRY("ts with address, too short", 68, 8, 5, 1, 0, 0, 0, 0);
	TRY("ts at 4", 68, 8, 4, 0, 0, 0, 0, 0);
	TRY("ts full", 68, 8, 9, 0, 0, 0, 0, 0);
	TRY("ts overflown", 68, 8, 9, 0xf0, 0, 0, 0, 0);
	TRY("ts of ours, overflown", 68, 12, 13, 0xf3, 0, 0, 0, 0, 0, 0, 0, 0);
	TRY("ts of 3", 68, 3, 5, 0);
	TRY("route that has begun", 131, 7, 8, 127, 0, 0, 1);
	TRY("route of 3", 131, 3, 4);
	TRY("labels", 134, 6, 0, 0, 0, 0);
	TRY("length 0", 222, 0, 0, 0);
	TRY("length 1", 222, 1, 0, 0);
	TRY("past the end", 222, 9, 0, 0);
	TRY("no length", 222);
	try("40", nops, 40);
	try("41", nops, 41);
	try("none", nops, 0);
	try("less than none", nops, (size_t)-1);
	try("no memory", NULL, 4);
}

/* What root may and others may not; source routes are refused to others. */
static void privileged(void)
{
	TRY("ts of another kind", 68, 12, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0);
	TRY("security", 130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	TRY("stream", 136, 4, 0, 5);
	TRY("unknown", 222, 4, 0, 0);
	TRY("unknown, not copied", 30, 4, 0, 0);
}

/* Hides the times of a timestamp option: all times, or only the last if it has addresses. */
static void no_times(unsigned char *o, size_t n)
{
	if (n >= 8 && o[0] == 68)
		memset(o + (o[3] & 15 ? o[1] - 4 : 4), 0xee, o[3] & 15 ? 4 : o[1] - 4U);
}

static void told(int fd)
{
	char data[64], control[512];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	say("  received %zd", n);
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		say("  type %d", c->cmsg_type);
		no_times(CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		hex(CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	}
}

static void send_one(int from, int to, const unsigned char *o, size_t n, bool once)
{
	char control[CMSG_SPACE(64)];
	struct sockaddr_in a = at("127.0.0.1", port_of(to));
	struct iovec iov = { "hello", 5 };
	struct msghdr m = {
		.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1
	};

	if (once) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		NEED(setsockopt(from, SOL_IP, IP_OPTIONS, NULL, 0));
		*c = (struct cmsghdr){
			.cmsg_level = SOL_IP, .cmsg_type = IP_RETOPTS, .cmsg_len = CMSG_LEN(n)
		};
		memcpy(CMSG_DATA(c), o, n);
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(n);
	} else {
		NEED(setsockopt(from, SOL_IP, IP_OPTIONS, o, (socklen_t)n));
	}
	say("sent %zd %s", sendmsg(from, &m, 0), once ? "for once" : "");
	told(to);
}

static void datagrams(void)
{
	static const unsigned char sets[][16] = {
		{ 7, 7, 4, 0, 0, 0, 0, 1 },
		{ 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
		{ 7, 15, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ 148, 4, 0, 0, 1, 1, 1, 1 },
		{ 68, 8, 5, 0, 0, 0, 0, 0 },
		{ 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ 68, 12, 5, 3, 127, 0, 0, 1, 0, 0, 0, 0 },
		{ 1, 1, 1, 1 },
	};
	static const unsigned char lens[] = { 8, 12, 16, 8, 8, 12, 12, 4 };
	int a = bound(SOCK_DGRAM, "127.0.0.1"), b = bound(SOCK_DGRAM, "127.0.0.1");

	T(setsockopt(b, SOL_IP, IP_RECVOPTS, &(int){ 1 }, sizeof(int)));
	T(setsockopt(b, SOL_IP, IP_RETOPTS, &(int){ 1 }, sizeof(int)));
	for (size_t k = 0; k < sizeof(lens); k++) {
		send_one(a, b, sets[k], lens[k], false);
		send_one(a, b, sets[k], lens[k], true);
	}
	send_one(a, b, (const unsigned char[]){ 7, 3, 9, 0, 7, 3, 4 }, 7, true);
	send_one(a, b, NULL, 0, false);
	T(setsockopt(b, SOL_IP, IP_RECVOPTS, &(int){ 0 }, sizeof(int)));
	T(setsockopt(b, SOL_IP, IP_RETOPTS, &(char){ 0 }, sizeof(char)));
	send_one(a, b, sets[0], lens[0], false);
}

static void large(void)
{
	static const unsigned char o[12] = { 7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0 };
	static char data[65507];
	int a = bound(SOCK_DGRAM, "127.0.0.1"), b = bound(SOCK_DGRAM, "127.0.0.1");
	struct sockaddr_in to = at("127.0.0.1", port_of(b));

	NEED(setsockopt(a, SOL_IP, IP_OPTIONS, o, sizeof(o)));
	NEED(setsockopt(b, SOL_IP, IP_RECVOPTS, &(int){ 1 }, sizeof(int)));
	T(sendto(a, data, 65000, 0, SA(&to), sizeof(to)));
	told(b);
	T(sendto(a, data, sizeof(data), 0, SA(&to), sizeof(to)));
}

/* Prints the IP options of the next ICMP packet of type @wanted. */
static void next_header(int fd, int wanted)
{
	unsigned char p[256];

	for (;;) {
		ssize_t n = recv(fd, p, sizeof(p), 0);
		size_t hlen = n > 0 ? (p[0] & 15) * 4U : 0;

		if (n <= 0) {
			say("nothing");
			return;
		}
		if (p[hlen] != wanted)
			continue;
		no_times(p + 20, hlen - 20);
		say("type %d, options:", wanted);
		hex(p + 20, hlen - 20);
		return;
	}
}

static void echo(void)
{
	struct icmphdr h = { .type = ICMP_ECHO, .checksum = (uint16_t)~ICMP_ECHO };
	static const unsigned char rr[40] = { 1, 7, 39, 4 }, ts[12] = { 68, 12, 5, 0 },
				   wrong[4] = { 222, 4, 1, 2 };
	struct timeval wait = { .tv_sec = 2 };
	int fd = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	struct sockaddr_in a = at("127.0.0.1", 0);

	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
	NEED(setsockopt(fd, SOL_IP, IP_OPTIONS, rr, sizeof(rr)));
	T(sendto(fd, &h, sizeof(h), 0, SA(&a), sizeof(a)));
	next_header(fd, ICMP_ECHO);
	next_header(fd, ICMP_ECHOREPLY);
	NEED(setsockopt(fd, SOL_IP, IP_OPTIONS, ts, sizeof(ts)));
	T(sendto(fd, &h, sizeof(h), 0, SA(&a), sizeof(a)));
	next_header(fd, ICMP_ECHOREPLY);
	NEED(setsockopt(fd, SOL_IP, IP_OPTIONS, wrong, sizeof(wrong)));
	T(sendto(fd, &h, sizeof(h), 0, SA(&a), sizeof(a)));
	next_header(fd, ICMP_ECHOREPLY);
	close(fd);
}

/* A raw header with a pointer out of range. */
static void wrong(void)
{
	unsigned char p[28] = { 0x47, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
		7, 7, 3, 0 };
	int raw = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_RAW)),
	    fd = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	struct timeval wait = { .tv_sec = 2 };
	struct sockaddr_in a = at("127.0.0.1", 0);
	unsigned char q[256];

	/* errors about errors are not sent: a datagram's */
	p[9] = 17;
	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
	T(sendto(raw, p, sizeof(p), 0, SA(&a), sizeof(a)));
	say("problem: %zd bytes", recv(fd, q, sizeof(q), 0));
	say("type %d code %d at %d", q[20], q[21], q[24]);
	NEED(setsockopt(raw, IPPROTO_IP, IP_OPTIONS, "\1\1\1\1", 4));
	T(sendto(raw, p, sizeof(p), 0, SA(&a), sizeof(a))); /* the header is the program's own */
	close(fd);
	close(raw);
}

static void streams(void)
{
	static const unsigned char o[] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	int l = listener(1), fd = NEED(socket(AF_INET, SOCK_STREAM, 0)), to, raw;
	static char data[100000], got[sizeof(data)];
	unsigned char p[128];
	size_t all = 0;
	ssize_t n;

	raw = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
	T(setsockopt(fd, SOL_IP, IP_OPTIONS, o, sizeof(o)));
	NEED(reach(fd, port_of(l)));
	to = NEED(accept(l, NULL, NULL));
	do
		n = recv(raw, p, sizeof(p), MSG_DONTWAIT);
	while (n > 0 && (p[0] & 15) == 5);
	hex(p + 20, 8);
	close(raw);
	memset(data, 'x', sizeof(data));
	CHILD({
		NEED(write(fd, data, sizeof(data)));
		NEED(setsockopt(fd, SOL_IP, IP_OPTIONS, NULL, 0));
		NEED(write(fd, data, sizeof(data)));
	});
	close(fd);
	while ((n = read(to, got, sizeof(got))) > 0)
		all += (size_t)n;
	say("%zu bytes", all);
}

TEST(ip_options)
{
	lo_up();
	common();
	privileged();
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		common();
		privileged();
		TRY("route", 131, 7, 4, 127, 0, 0, 1);
		TRY("strict route", 137, 7, 4, 127, 0, 0, 1);
	});
	datagrams();
	large();
	echo();
	wrong();
	streams();
}
