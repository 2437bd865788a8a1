/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/snmp, snmp6 and netstat: the counters that each event changes; each network namespace
 * has its own.
 */
#include "t.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/*
 * Returns the number @name of protocol @proto in a file of pairs of lines: names, numbers. -1:
 * missing.
 */
static long in_pairs(const char *path, const char *proto, const char *name)
{
	static char names[8192], numbers[8192];
	FILE *f = fopen(path, "re");
	size_t n = strlen(proto);
	long found = -1;

	while (f && found < 0 && fgets(names, sizeof(names), f) &&
		fgets(numbers, sizeof(numbers), f)) {
		char *a, *b, *k, *v;

		if (strncmp(names, proto, n) != 0 || names[n] != ':')
			continue;
		k = strtok_r(names, " \n", &a);
		v = strtok_r(numbers, " \n", &b);
		for (; k && v; k = strtok_r(NULL, " \n", &a), v = strtok_r(NULL, " \n", &b))
			if (!strcmp(k, name))
				found = atol(v);
	}
	if (f)
		fclose(f);
	return found;
}

static long in_snmp6(const char *name)
{
	FILE *f = fopen("/proc/self/net/snmp6", "re");
	char k[64];
	long v, found = -1;

	while (f && fscanf(f, "%63s %ld", k, &v) == 2)
		if (!strcmp(k, name))
			found = v;
	if (f)
		fclose(f);
	return found;
}

/* Returns the number "Proto:Name", or a name of snmp6. */
static long count(const char *what)
{
	const char *colon = strchr(what, ':');
	char proto[16];

	if (!colon)
		return in_snmp6(what);
	snprintf(proto, sizeof(proto), "%.*s", (int)(colon - what), what);
	return in_pairs(strstr(proto, "Ext") ? "/proc/self/net/netstat" : "/proc/self/net/snmp",
		proto, colon + 1);
}

/* Prints what @event adds to each of @names, which NULL ends, at most @most. */
static void adds(const char *event, void (*fn)(void), long most, const char *const *names)
{
	long before[16];
	int n = 0;

	say("%s", event);
	for (; names[n]; n++)
		before[n] = count(names[n]);
	fn();
	for (int k = 0; k < n; k++) {
		long now = count(names[k]);

		say("  %s %s%ld", names[k], before[k] < 0 ? "missing " : "",
			now - before[k] > most ? most : now - before[k]);
	}
}
#define ADDS(event, fn, most, ...) adds(event, fn, most, (const char *const[]){ __VA_ARGS__, NULL })

static struct sockaddr_in at(const char *host, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, host, &a.sin_addr);
	return a;
}

static int udp_at(int port)
{
	struct sockaddr_in a = at("127.0.0.1", port);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(bind(fd, (void *)&a, sizeof(a)));
	return fd;
}

static void to(int fd, const char *host, int port, size_t n)
{
	static char data[8192];
	struct sockaddr_in a = at(host, port);

	sendto(fd, data, n, MSG_DONTWAIT, (void *)&a, sizeof(a));
}

static char room[8192];

static void udp_read(void)
{
	int r = udp_at(5000), s = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	for (int k = 0; k < 5; k++)
		to(s, "127.0.0.1", 5000, 10);
	recv(r, room, sizeof(room), MSG_PEEK);
	for (int k = 0; k < 3; k++) /* two are never read */
		recv(r, room, sizeof(room), 0);
	close(r);
	close(s);
}

static void udp_nobody(void)
{
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	for (int k = 0; k < 3; k++)
		to(s, "127.0.0.1", 5999, 10);
	close(s);
}

static void udp_fragments(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = 1500 };
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0)), d = udp_at(5000);

	NEED(ioctl(s, SIOCSIFMTU, &r));
	for (int k = 0; k < 3; k++) {
		to(s, "127.0.0.1", 5000, 5000);
		recv(d, room, sizeof(room), 0);
	}
	r.ifr_mtu = 65536;
	NEED(ioctl(s, SIOCSIFMTU, &r));
	close(s);
	close(d);
}

static void udp_overflow(void)
{
	int r = udp_at(5000), s = NEED(socket(AF_INET, SOCK_DGRAM, 0)), small = 2304;

	NEED(setsockopt(r, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	for (int k = 0; k < 50; k++)
		to(s, "127.0.0.1", 5000, 1000);
	close(r);
	close(s);
}

static void udp_unroutable(void)
{
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	for (int k = 0; k < 3; k++)
		to(s, "10.99.9.9", 9, 1);
	close(s);
}

static void ip6_unroutable(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int s = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

	inet_pton(AF_INET6, "2001:db8::1", &a.sin6_addr);
	sendto(s, "x", 1, 0, (void *)&a, sizeof(a));
	close(s);
}

/* Sends an IPv4 packet with its own header to this machine: @proto, @n bytes of @data. */
static void raw(int proto, const void *data, size_t n)
{
	unsigned char p[64] = { 0x45, [8] = 64, [9] = (unsigned char)proto, [12] = 127, [15] = 1,
		[16] = 127, [19] = 1 };
	struct sockaddr_in a = at("127.0.0.1", 0);
	int s = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));

	memcpy(p + 20, data, n);
	NEED(sendto(s, p, 20 + n, 0, (void *)&a, sizeof(a)));
	close(s);
}

static void bad_sum(void)
{
	static const unsigned char udp[12] = { 4, 87, 0x13, 0x88, 0, 12, 0x12, 0x34, 'a', 'b', 'c',
		'd' };
	static const unsigned char tcp[20] = { 4, 87, 0x13, 0x88, [12] = 0x50, 2, [16] = 0x12,
		0x34 };

	raw(IPPROTO_UDP, udp, sizeof(udp));
	raw(IPPROTO_TCP, tcp, sizeof(tcp));
	raw(IPPROTO_TCP, tcp, sizeof(tcp));
}

/* Sends two packets of a protocol that this machine does not know. */
static void unknown_protocol(void)
{
	raw(250, "abcd", 4);
	raw(250, "abcd", 4);
}

static int listener(int backlog)
{
	struct sockaddr_in a = at("127.0.0.1", 6000);
	int fd = NEED(socket(AF_INET, SOCK_STREAM, 0)), one = 1;

	NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	NEED(bind(fd, (void *)&a, sizeof(a)));
	NEED(listen(fd, backlog));
	return fd;
}

static int client(int flags)
{
	struct sockaddr_in a = at("127.0.0.1", 6000);
	int fd = NEED(socket(AF_INET, SOCK_STREAM | flags, 0));

	connect(fd, (void *)&a, sizeof(a));
	return fd;
}

static void tcp_refused(void)
{
	for (int k = 0; k < 4; k++)
		close(client(0));
}

static void tcp_reset(void)
{
	struct linger now = { .l_onoff = 1 };
	int l = listener(5), c = client(0), a = NEED(accept(l, NULL, NULL));

	NEED(setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(c);
	recv(a, room, 1, 0);
	close(a);
	close(l);
}

static void tcp_unread(void)
{
	int l = listener(5), c = client(0), a = NEED(accept(l, NULL, NULL));

	NEED(send(c, "abc", 3, 0));
	recv(a, room, 1, 0);
	close(a);
	recv(c, room, 1, 0);
	close(c);
	close(l);
}

static void tcp_plain(void)
{
	int l = listener(5), c = client(0), a = NEED(accept(l, NULL, NULL));

	for (int k = 0; k < 10; k++) {
		NEED(send(c, "ping", 4, 0));
		recv(a, room, 4, 0);
		NEED(send(a, "pong", 4, 0));
		recv(c, room, 4, 0);
	}
	shutdown(c, SHUT_WR);
	recv(a, room, 1, 0);
	close(a);
	recv(c, room, 1, 0);
	close(c);
	close(l);
}

static void tcp_backlog(void)
{
	int l = listener(1), c[6];

	for (int k = 0; k < 6; k++)
		c[k] = client(SOCK_NONBLOCK);
	for (int k = 0; k < 6; k++)
		close(c[k]);
	close(l);
}

static void tcp_keepalive(void)
{
	int l = listener(5), c = client(0), a = NEED(accept(l, NULL, NULL)), one = 1;

	NEED(setsockopt(c, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)));
	NEED(setsockopt(c, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one)));
	for (int k = 0; k < 200 && count("TcpExt:TCPKeepAlive") <= 0; k++)
		usleep(50000);
	close(c);
	close(a);
	close(l);
}

static void nothing(void)
{
}

static void up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(ioctl(fd, SIOCSIFFLAGS, &r));
	close(fd);
}

/* CurrEstab: neither listeners nor sockets that are closing count. */
static void established(void)
{
	int l, c, a, first, both, half;

	NEED(unshare(CLONE_NEWNET));
	up();
	l = listener(5);
	close(NEED(socket(AF_INET, SOCK_STREAM, 0)));
	first = (int)count("Tcp:CurrEstab");
	c = client(0);
	a = NEED(accept(l, NULL, NULL));
	both = (int)count("Tcp:CurrEstab");
	NEED(shutdown(c, SHUT_WR));
	recv(a, room, 1, 0);
	half = (int)count("Tcp:CurrEstab"); /* CLOSE-WAIT alone */
	close(a);
	recv(c, room, 1, 0);
	close(c);
	say("established: %d, %d, %d, %ld", first, both, half, count("Tcp:CurrEstab"));
	close(l);
}

TEST(net_counts)
{
	NEED(unshare(CLONE_NEWNET));
	up();
	ADDS("datagrams, some read", udp_read, 100, "Udp:InDatagrams", "Udp:OutDatagrams",
		"Udp:InErrors", "Ip:InReceives", "Ip:InDelivers", "Ip:OutRequests");
	ADDS("datagrams to nobody", udp_nobody, 100, "Udp:NoPorts", "Udp:OutDatagrams",
		"Icmp:InDestUnreachs", "Icmp:OutDestUnreachs");
	ADDS("fragments", udp_fragments, 100, "Ip:FragOKs", "Ip:FragCreates", "Ip:ReasmReqds",
		"Ip:ReasmOKs", "Ip:InReceives", "Ip:InDelivers", "IpExt:InNoECTPkts");
	ADDS("a full socket", udp_overflow, 20, "Udp:InErrors", "Udp:RcvbufErrors",
		"Udp:InDatagrams");
	ADDS("no route", udp_unroutable, 100, "Ip:OutNoRoutes", "Udp:OutDatagrams");
	ADDS("no route over IPv6", ip6_unroutable, 100, "Ip6OutNoRoutes", "Udp6OutDatagrams");
	ADDS("wrong checksums", bad_sum, 100, "Udp:InCsumErrors", "Udp:InErrors",
		"Tcp:InCsumErrors", "Tcp:InErrs", "Ip:InDelivers");
	ADDS("an unknown protocol", unknown_protocol, 100, "Ip:InUnknownProtos", "Icmp:InErrors",
		"Icmp:InDestUnreachs");
	ADDS("connections refused", tcp_refused, 100, "Tcp:ActiveOpens", "Tcp:PassiveOpens",
		"Tcp:AttemptFails", "Tcp:EstabResets", "Tcp:OutRsts");
	ADDS("a reset", tcp_reset, 100, "Tcp:PassiveOpens", "Tcp:EstabResets", "Tcp:OutRsts",
		"TcpExt:TCPAbortOnData", "TcpExt:TCPAbortOnClose");
	ADDS("closed with data unread", tcp_unread, 100, "Tcp:EstabResets", "Tcp:OutRsts",
		"TcpExt:TCPAbortOnData", "TcpExt:TCPAbortOnClose");
	ADDS("data both ways", tcp_plain, 100, "Tcp:ActiveOpens", "Tcp:PassiveOpens",
		"Tcp:AttemptFails", "Tcp:EstabResets", "TcpExt:TW");
	ADDS("segments as they were expected", tcp_plain, 15, "TcpExt:TCPHPHits",
		"TcpExt:TCPHPAcks");
	ADDS("acknowledgements alone", tcp_plain, 2, "TcpExt:TCPPureAcks");
	ADDS("a full backlog", tcp_backlog, 4, "TcpExt:ListenOverflows", "TcpExt:ListenDrops",
		"Tcp:AttemptFails");
	ADDS("keep-alive", tcp_keepalive, 1, "TcpExt:TCPKeepAlive");
	NEED(unshare(CLONE_NEWNET));
	say("another namespace: %ld %ld %ld", count("Udp:OutDatagrams"), count("Tcp:ActiveOpens"),
		count("TcpExt:ListenDrops"));
	ADDS("nothing", nothing, 100, "Tcp:InSegs");
	established();
}
