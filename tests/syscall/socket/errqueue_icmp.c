/* SPDX-License-Identifier: MIT */
/*
 * errqueue_icmp: IP_RECVERR and IPV6_RECVERR with errors that a router and a peer in the test make:
 * which types result in which error, in what order, with what records beside them, truncated,
 * peeked at, and the state of SO_ERROR and POLLERR. ip(7), ipv6(7), RFC 4884.
 */
#include "netns.h"
#include "errqueue.h"
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

static void show_rfc4884(const struct sock_extended_err *e)
{
	struct {
		uint16_t len;
		uint8_t flags, reserved;
	} r;

	memcpy(&r, &e->ee_data, sizeof(r));
	if (e->ee_data)
		say("   extensions at %d flags %d", r.len, r.flags);
}

static void records(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = c->cmsg_len - CMSG_LEN(0);
		char text[64] = "", more[64] = "";

		say("  level %d type %d length %d", c->cmsg_level, c->cmsg_type, (int)n);
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo p;

			memcpy(&p, CMSG_DATA(c), sizeof(p));
			say("   device %s, %s to %s", p.ipi_ifindex ? "some" : "none",
				inet_ntop(AF_INET, &p.ipi_spec_dst, text, sizeof(text)),
				inet_ntop(AF_INET, &p.ipi_addr, more, sizeof(more)));
		} else if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo p;

			memcpy(&p, CMSG_DATA(c), sizeof(p));
			say("   device %s, %s", p.ipi6_ifindex ? "some" : "none",
				inet_ntop(AF_INET6, &p.ipi6_addr, text, sizeof(text)));
		} else if (c->cmsg_level != SOL_SOCKET && n == 4) {
			say("   %d", *(int *)CMSG_DATA(c));
		} else if (c->cmsg_level != SOL_SOCKET && n == 1) {
			say("   %d", *CMSG_DATA(c));
		} else if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			   (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			struct sock_extended_err e;
			struct sockaddr_storage o = { 0 };

			memcpy(&e, CMSG_DATA(c), sizeof(e) < n ? sizeof(e) : n);
			if (n > sizeof(e))
				memcpy(&o, CMSG_DATA(c) + sizeof(e), n - sizeof(e));
			say("   %s origin %d type %d code %d pad %d info %u family %d %s port %d",
				t_errno((int)e.ee_errno), e.ee_origin, e.ee_type, e.ee_code,
				e.ee_pad, e.ee_info, o.ss_family, addr_text(&o, text),
				((struct sockaddr_in *)&o)->sin_port);
			show_rfc4884(&e);
		}
	}
}

static void show(ssize_t n, struct msghdr *m)
{
	struct sockaddr_storage *a = m->msg_name;
	char *data = m->msg_iov->iov_base, text[64];

	say(" %zd bytes %.8s, flags %x, name %d %s %d, control %d", n,
		n && data[0] > 32 ? data : "", m->msg_flags, (int)m->msg_namelen,
		addr_text(a, text), ntohs(((struct sockaddr_in *)a)->sin_port),
		(int)m->msg_controllen);
	records(m);
}

/* ---- errors as another machine would send them ---- */

static uint16_t sum(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t s = 0;

	for (size_t k = 0; k < n; k++)
		s += (uint32_t)b[k] << (k & 1 ? 0 : 8);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

/* What is wrong with the extensions; see rfc4884(). */
enum { GOOD, BAD_SUM, NO_SUM, BAD_VERSION, SHORT_OBJECT, LONG_OBJECT, EARLY, LATE, SPOILS };
static int spoil;

/* Writes @n bytes of extensions: a header and one object. */
static void extensions(uint8_t *x, int n)
{
	uint16_t c;

	x[0] = spoil == BAD_VERSION ? 0x30 : 0x20;
	x[5] = (uint8_t)(spoil == SHORT_OBJECT ? 3 : spoil == LONG_OBJECT ? n : n - 4);
	x[6] = 1;
	x[7] = 1;
	c = sum(x, (size_t)n);
	if (spoil == BAD_SUM)
		c ^= 0x100;
	if (spoil != NO_SUM)
		memcpy(x + 2, &c, 2);
}

/* Writes the datagram that an error is about, from @sport to port 7. */
static void quote(uint16_t *udp, int sport)
{
	udp[0] = htons((uint16_t)sport);
	udp[1] = htons(7);
	udp[2] = htons(14);
	memcpy(udp + 4, "quoted", 6);
}

/*
 * Sends an ICMP error of @type and @code to 127.0.0.1, about a datagram with payload "quoted" from
 * @sport to port 7 of 127.0.0.5, or of another protocol. @ext: bytes of extensions (RFC 4884) after
 * 128 bytes of quote.
 */
static void icmp4(int type, int code, uint32_t word, int proto, int sport, int ext)
{
	static int raw = -1;
	struct sockaddr_in to = at("127.0.0.1", 0);
	uint8_t p[300] = { (uint8_t)type, (uint8_t)code };
	struct iphdr *ip = (void *)(p + 8);
	uint16_t *ports = (void *)(p + 28), c;
	size_t n = 28 + 8 + 6;

	if (raw < 0)
		raw = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	word = htonl(word);
	memcpy(p + 4, &word, 4);
	*ip = (struct iphdr){ .version = 4,
		.ihl = 5,
		.tot_len = htons(34),
		.ttl = 64,
		.protocol = (uint8_t)proto,
		.saddr = htonl(0x7f000001),
		.daddr = htonl(0x7f000005) };
	ip->check = sum(ip, 20);
	quote(ports, sport);
	if (ext) {
		uint8_t *x = p + 8 + 128;

		ip->tot_len = htons(128);
		ip->check = 0;
		ip->check = sum(ip, 20);
		ports[2] = htons(108);
		p[5] = spoil == EARLY ? 64 / 4 : spoil == LATE ? 255 : 128 / 4;
		extensions(x, ext);
		n = (size_t)(8 + 128 + ext);
	}
	c = sum(p, n);
	memcpy(p + 2, &c, 2);
	NEED(sendto(raw, p, n, 0, SA(&to), sizeof(to)));
}

/* Sends an ICMPv6 error as icmp() does one of IPv4, from ::1 to ::1. */
static void icmp6(int type, int code, uint32_t word, int proto, int sport, int ext)
{
	static int raw = -1;
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	uint8_t p[300] = { (uint8_t)type, (uint8_t)code };
	uint16_t *ports = (void *)(p + 48);
	size_t n = 48 + 8 + 6;

	if (raw < 0)
		raw = NEED(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
	word = htonl(word);
	memcpy(p + 4, &word, 4);
	p[8] = 0x60;
	p[13] = 14;
	p[14] = (uint8_t)proto;
	p[15] = 64;
	p[31] = p[47] = 1;
	quote(ports, sport);
	if (ext) {
		uint8_t *x = p + 8 + 128;

		p[13] = 88;
		ports[2] = htons(88);
		p[4] = spoil == EARLY ? 64 / 8 : spoil == LATE ? 255 : 128 / 8;
		extensions(x, ext);
		n = (size_t)(8 + 128 + ext);
	}
	NEED(sendto(raw, p, n, 0, SA(&to), sizeof(to)));
}

static int udp4(int connected)
{
	struct sockaddr_in a = at("127.0.0.1", 0), to = at("127.0.0.5", 7);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(bind(fd, SA(&a), sizeof(a)));
	if (connected)
		NEED(connect(fd, SA(&to), sizeof(to)));
	return fd;
}

static int udp6(int connected)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

	NEED(bind(fd, SA(&a), sizeof(a)));
	a.sin6_port = htons(7);
	if (connected)
		NEED(connect(fd, SA(&a), sizeof(a)));
	return fd;
}

static void state(int fd)
{
	int e = events(fd) & (POLLERR | POLLIN | POLLHUP | POLLPRI);

	say(" events %x, error %s", e, t_errno(number(fd, SOL_SOCKET, SO_ERROR)));
}

/* Sends errors of every type and code to sockets with and without IP_RECVERR. */
static void types(void)
{
	static const struct {
		int type, to;
	} four[] = { { 3, 17 }, { 4, 1 }, { 5, 2 }, { 11, 3 }, { 12, 3 }, { 40, 1 } },
	  six[] = { { 1, 10 }, { 2, 2 }, { 3, 3 }, { 4, 4 }, { 100, 1 }, { 5, 1 } };

	for (int connected = 0; connected < 2; connected++)
		for (int asks = 0; asks < 2; asks++)
			for (int v6 = 0; v6 < 2; v6++) {
				int fd = v6 ? udp6(connected) : udp4(connected), port = port_of(fd);

				set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVERR : IP_RECVERR,
					asks);
				for (int t = 0; t < 6; t++)
					for (int c = 0; c < (v6 ? six : four)[t].to; c++) {
						int type = (v6 ? six : four)[t].type;

						if (v6 &&
							type == 2) /* the way's, kept by the host */
							continue;
						if (!v6 && type == 3 && c == 4)
							continue;
						say("ipv%d %s%s type %d code %d", v6 ? 6 : 4,
							connected ? "connected " : "",
							asks ? "asks" : "", type, c);
						(v6 ? icmp6 : icmp4)(
							type, c, 0, IPPROTO_UDP, port, 0);
						drain(fd);
						state(fd);
					}
				close(fd);
			}
}

/*
 * A packet was too large: which sockets get an error. The reported size is that of the link, so
 * that no path MTU is learnt.
 */
static void too_large(void)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (int connected = 0; connected < 2; connected++)
			for (int asks = 0; asks < 2; asks++)
				for (int mind = IP_PMTUDISC_DONT; mind <= IP_PMTUDISC_PROBE;
					mind++) {
					int fd = v6 ? udp6(connected) : udp4(connected);

					say("too large ipv%d%s%s minds %d", v6 ? 6 : 4,
						connected ? " connected" : "", asks ? " asks" : "",
						mind);
					set(fd, v6 ? SOL_IPV6 : SOL_IP,
						v6 ? IPV6_RECVERR : IP_RECVERR, asks);
					set(fd, v6 ? SOL_IPV6 : SOL_IP,
						v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, mind);
					if (v6)
						icmp6(2, 0, 65536, IPPROTO_UDP, port_of(fd), 0);
					else
						icmp4(3, 4, 65535, IPPROTO_UDP, port_of(fd), 0);
					drain(fd);
					state(fd);
					close(fd);
				}
}

/* Checks that a socket that is bound to a device gets an error that came by that device. */
static void by_device(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		int fd = v6 ? udp6(1) : udp4(1);

		say("bound to a device, ipv%d", v6 ? 6 : 4);
		NEED(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
		(v6 ? icmp6 : icmp4)(v6 ? 1 : 3, v6 ? 4 : 3, 0, IPPROTO_UDP, port_of(fd), 0);
		drain(fd);
		state(fd);
		close(fd);
	}
}

/* Prints the records that come beside the error. */
static void beside(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		int fd = v6 ? udp6(0) : udp4(0), port = port_of(fd);

		say("beside, ipv%d", v6 ? 6 : 4);
		set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVERR : IP_RECVERR, 1);
		tell_all(fd);
		(v6 ? icmp6 : icmp4)(v6 ? 1 : 3, v6 ? 4 : 3, 0, IPPROTO_UDP, port, 0);
		drain(fd);
		close(fd);
	}
}

/* Queues several errors and takes them in parts. Prints SO_ERROR and results of calls between. */
static void order(void)
{
	char buf[16];

	for (int v6 = 0; v6 < 2; v6++) {
		int fd = v6 ? udp6(1) : udp4(1), port = port_of(fd);

		say("order, ipv%d", v6 ? 6 : 4);
		set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVERR : IP_RECVERR, 1);
		for (int k = 0; k < 8; k++)
			(v6 ? icmp6 : icmp4)(v6 ? 1 : 3,
				v6    ? k % 2 ? 4 : 1 :
				k % 2 ? 3 :
					13,
				0, IPPROTO_UDP, port, 0);
		lo_settled();
		state(fd);
		T(take_in(fd, MSG_ERRQUEUE, 3, 1024));
		state(fd);
		T(take_in(fd, MSG_ERRQUEUE | MSG_PEEK, 2048, 1024));
		T(take_in(fd, MSG_ERRQUEUE | MSG_TRUNC, 2, 1024));
		T(take_in(fd, MSG_ERRQUEUE, 2048, 0));
		T(take_in(fd, MSG_ERRQUEUE, 2048, 30));
		T(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
		T(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
		T(take_in(fd, MSG_ERRQUEUE, 0, 1024));
		T(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
		state(fd);
		/* the switch empties what waits */
		set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVERR : IP_RECVERR, 0);
		state(fd);
		T(take_in(fd, MSG_ERRQUEUE, 2048, 1024));
		close(fd);
	}
}

/* Raw sockets are told with more of the packet; those that are not connected only when they ask. */
static void raws(void)
{
	for (int connected = 0; connected < 2; connected++)
		for (int v6 = 0; v6 < 2; v6++)
			for (int asks = 0; asks < 2; asks++) {
				struct sockaddr_in to = at("127.0.0.5", 0);
				struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
				int fd = NEED(socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, 200));

				say("raw ipv%d%s%s", v6 ? 6 : 4, connected ? " connected" : "",
					asks ? " asks" : "");
				set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVERR : IP_RECVERR,
					asks);
				if (connected)
					NEED(connect(fd, v6 ? SA(&to6) : SA(&to),
						v6 ? sizeof(to6) : sizeof(to)));
				(v6 ? icmp6 : icmp4)(v6 ? 1 : 3, v6 ? 1 : 2, 0, 200, 0x4142, 0);
				(v6 ? icmp6 : icmp4)(v6 ? 1 : 3, v6 ? 4 : 1, 0, 200, 0x4142, 0);
				drain(fd);
				state(fd);
				if (!v6) {
					set(fd, SOL_IP, IP_HDRINCL, 1);
					icmp4(3, 2, 0, 200, 0x4142, 0);
					drain(fd);
				}
				close(fd);
			}
}

/* Sends datagrams that are refused before they leave. */
static void local(void)
{
	static char big[70000];

	for (int v6 = 0; v6 < 2; v6++)
		for (int connected = 0; connected < 2; connected++)
			for (int asks = 0; asks < 2; asks++) {
				int fd = v6 ? udp6(connected) : udp4(connected);
				struct sockaddr_in to = at("127.0.0.5", 7);
				struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
					.sin6_port = htons(7),
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };

				say("local ipv%d%s%s", v6 ? 6 : 4, connected ? " connected" : "",
					asks ? " asks" : "");
				set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVERR : IP_RECVERR,
					asks);
				tell_all(fd);
				set(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
				set(fd, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
				T(sendto(fd, big, 65530, 0, v6 ? SA(&to6) : SA(&to),
					v6 ? sizeof(to6) : sizeof(to)));
				drain(fd);
				state(fd);
				set(fd, SOL_IPV6, IPV6_DONTFRAG, 1);
				T(sendto(fd, big, 65500, 0, v6 ? SA(&to6) : SA(&to),
					v6 ? sizeof(to6) : sizeof(to)));
				drain(fd);
				state(fd);
				close(fd);
			}
}

/* IP_RECVERR_RFC4884: where the extensions begin. */
static void rfc4884(void)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (int on = 0; on < 2; on++) {
			int fd = v6 ? udp6(0) : udp4(0), port = port_of(fd);

			say("extensions ipv%d %d", v6 ? 6 : 4, on);
			T(number(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? 31 : 26));
			T(set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVERR : IP_RECVERR, 1));
			T(set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? 31 : 26, on));
			T(set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? 31 : 26, 2));
			T(set(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? 31 : 26, -1));
			T(number(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? 31 : 26));
			for (int ext = 0; ext <= 40; ext += ext ? 16 : 8) {
				(v6 ? icmp6 : icmp4)(v6 ? 3 : 11, 0, 0, IPPROTO_UDP, port, ext);
				drain(fd);
			}
			for (spoil = BAD_SUM; on && spoil < SPOILS; spoil++) {
				say("wrong %d", spoil);
				(v6 ? icmp6 : icmp4)(v6 ? 3 : 11, 0, 0, IPPROTO_UDP, port, 12);
				drain(fd);
			}
			spoil = GOOD;
			close(fd);
		}
}

/* An unread queue is bounded. */
static void full(void)
{
	int fd = udp4(0), port = port_of(fd), n = 0;
	char buf[16];

	set(fd, SOL_IP, IP_RECVERR, 1);
	set(fd, SOL_SOCKET, SO_RCVBUF, 4096);
	for (int k = 0; k < 200; k++)
		icmp4(3, 3, 0, IPPROTO_UDP, port, 0);
	lo_settled();
	while (recv(fd, buf, sizeof(buf), MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		n++;
	IS(n > 2 && n < 50);
	state(fd);
	close(fd);
}

TEST(errqueue_icmp)
{
	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	set_up("lo", 1);
	types();
	beside();
	order();
	raws();
	local();
	rfc4884();
	full();
	too_large();
	by_device();
}
