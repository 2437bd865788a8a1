/* SPDX-License-Identifier: MIT */
/*
 * errqueue: IP_RECVERR, IPV6_RECVERR, MSG_ERRQUEUE; timestamps of received and sent packets
 * (SO_TIMESTAMPING). ip(7), timestamping.rst.
 */
#include "inet.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

static void records(int fd, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct sock_extended_err ee;

		say(" level %d type %d length %d", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len);
		if (c->cmsg_level == SOL_SOCKET) {
			struct scm_timestamping ts;

			memcpy(&ts, CMSG_DATA(c), 16);
			IS(ts.ts[0].tv_sec > 1600000000);
		}
		if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			char text[64];
			struct sockaddr_storage o = { 0 };

			memcpy(&ee, CMSG_DATA(c), sizeof(ee));
			memcpy(&o, CMSG_DATA(c) + sizeof(ee), c->cmsg_len - CMSG_LEN(sizeof(ee)));
			say(" %s origin %d type %d code %d info %u data %u offender %d %s",
				t_errno(ee.ee_errno), ee.ee_origin, ee.ee_type, ee.ee_code,
				ee.ee_info, ee.ee_data, o.ss_family, addr_text(&o, text));
		}
	}
}

static void take(int fd, const char *what, int flags, int names)
{
	struct sockaddr_storage a = { 0 };
	char buf[512], ctl[512];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { &a, sizeof(a), &v, 1, ctl, sizeof(ctl), 0 };
	ssize_t n = recvmsg(fd, &m, flags | MSG_DONTWAIT);

	if (n < 0) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: %zd bytes, flags %x", what, n, m.msg_flags);
	if (names)
		say(" family %d, a port %d, name %d", a.ss_family,
			((struct sockaddr_in *)&a)->sin_port != 0, (int)m.msg_namelen);
	records(fd, &m);
}

/* Returns a port that is not in use. */
static int free_port(void)
{
	int fd = bound(SOCK_DGRAM, "127.0.0.1"), p = port_of(fd);

	close(fd);
	return p;
}

static void refused(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), port = free_port();
	struct sockaddr_in a = at("127.0.0.1", port);
	char buf[8];

	/* not connected: needs IP_RECVERR */
	T(sendto(fd, "abc", 3, 0, SA(&a), sizeof(a)));
	T(number(fd, SOL_SOCKET, SO_ERROR));
	T(recv(fd, buf, 8, MSG_ERRQUEUE | MSG_DONTWAIT));
	T(set(fd, SOL_IP, IP_RECVERR, 1));
	T(sendto(fd, "abc", 3, 0, SA(&a), sizeof(a)));
	T(await(fd, POLLERR));
	T(sendto(fd, "abcd", 4, 0, SA(&a), sizeof(a)));
	take(fd, "unconnected", MSG_ERRQUEUE, 1);
	T(events(fd));
	take(fd, "no more", MSG_ERRQUEUE, 1);
	T(sendto(fd, "abcd", 4, 0, SA(&a), sizeof(a)));
	T(number(fd, SOL_SOCKET, SO_ERROR));
	T(events(fd));
	T(recv(fd, buf, 2, MSG_ERRQUEUE));
	T(events(fd));
	T(connect(fd, SA(&a), sizeof(a)));
	T(send(fd, "1", 1, 0));
	T(recv(fd, buf, 8, MSG_DONTWAIT));
	T(recv(fd, buf, 8, MSG_DONTWAIT));
	T(send(fd, "12", 2, 0));
	T(send(fd, "12", 2, 0));
	T(send(fd, "123", 3, 0));
	take(fd, "first", MSG_ERRQUEUE, 0);
	take(fd, "second", MSG_ERRQUEUE, 0);
	take(fd, "third", MSG_ERRQUEUE, 0);
	take(fd, "fourth", MSG_ERRQUEUE, 0);
	T(number(fd, SOL_SOCKET, SO_ERROR));
	close(fd);
}

static void large(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = at("127.0.0.1", 9);
	static char big[66000];

	T(set(fd, SOL_IP, IP_RECVERR, 1));
	T(sendto(fd, big, 65535, 0, SA(&a), sizeof(a)));
	take(fd, "too long", MSG_ERRQUEUE, 1);
	T(sendto(fd, big, 66000, 0, SA(&a), sizeof(a)));
	take(fd, "far too long", MSG_ERRQUEUE, 1);
	close(fd);
}

static void v6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), port = free_port();
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in6 m = a;

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &m.sin6_addr);
	T(set(fd, SOL_IPV6, IPV6_RECVERR, 1));
	if (sendto(fd, "six", 3, 0, SA(&a), sizeof(a)) == 3) {
		await(fd, POLLERR);
		take(fd, "v6", MSG_ERRQUEUE, 1);
	}
	T(set(fd, SOL_IP, IP_RECVERR, 1));
	T(sendto(fd, "four", 4, 0, SA(&m), sizeof(m)));
	T(await(fd, POLLERR));
	take(fd, "mapped", MSG_ERRQUEUE, 1);
	close(fd);
}

static int rx, tx;

static void pair_up(int type)
{
	struct sockaddr_in a;

	if (type == SOCK_STREAM) {
		int fd[2];

		tcp_pair(fd);
		tx = fd[0];
		rx = fd[1];
		return;
	}
	rx = bound(SOCK_DGRAM, "127.0.0.1");
	a = at("127.0.0.1", port_of(rx));
	tx = socket(AF_INET, SOCK_DGRAM, 0);
	NEED(connect(tx, SA(&a), sizeof(a)));
}

static void received(void)
{
	static const int opts[] = { SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW,
		SO_TIMESTAMPNS_NEW };

	pair_up(SOCK_DGRAM);
	for (int i = 0; i < 4; i++) {
		T(set(rx, SOL_SOCKET, opts[i], 1));
		NEED(send(tx, "x", 1, 0));
		take(rx, "stamped", 0, 0);
		T(set(rx, SOL_SOCKET, opts[i], 0));
	}
	T(set(rx, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE));
	NEED(send(tx, "x", 1, 0));
	take(rx, "not reported", 0, 0);
	T(set(rx, SOL_SOCKET, SO_TIMESTAMPING,
		SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE));
	NEED(send(tx, "x", 1, 0));
	take(rx, "stamping", 0, 0);
	T(set(rx, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	NEED(send(tx, "x", 1, 0));
	take(rx, "both", 0, 0);
	close(rx);
	close(tx);
	pair_up(SOCK_STREAM);
	T(set(rx, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	NEED(send(tx, "x", 1, 0));
	T(await(rx, POLLIN) & POLLIN);
	take(rx, "stream", 0, 0);
	close(rx);
	close(tx);
}

#define TX (SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE)

static void sent(void)
{
	pair_up(SOCK_DGRAM);
	T(set(tx, SOL_SOCKET, SO_TIMESTAMPING, TX));
	NEED(send(tx, "hello", 5, 0));
	T(await(tx, POLLERR) & POLLERR);
	take(tx, "with data", MSG_ERRQUEUE, 0);
	take(tx, "no more", MSG_ERRQUEUE, 0);
	T(set(tx, SOL_SOCKET, SO_TIMESTAMPING,
		TX | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_OPT_TSONLY |
			SOF_TIMESTAMPING_OPT_ID));
	NEED(send(tx, "hello", 5, 0));
	NEED(send(tx, "hello", 5, 0));
	T(await(tx, POLLERR) & POLLERR);
	for (int i = 0; i < 5; i++)
		take(tx, "numbered", MSG_ERRQUEUE, 0);
	close(rx);
	close(tx);
	pair_up(SOCK_STREAM);
	T(set(tx, SOL_SOCKET, SO_TIMESTAMPING,
		TX | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_TSONLY |
			SOF_TIMESTAMPING_OPT_ID));
	NEED(send(tx, "hello", 5, 0));
	T(await(tx, POLLERR) & POLLERR);
	take(tx, "stream", MSG_ERRQUEUE, 0);
	T_WAIT(events(tx) & POLLERR);
	take(tx, "acknowledged", MSG_ERRQUEUE, 0);
	close(rx);
	close(tx);
	tx = socket(AF_INET, SOCK_STREAM, 0);
	T(set(tx, SOL_SOCKET, SO_TIMESTAMPING, TX | SOF_TIMESTAMPING_OPT_ID));
	close(tx);
}

/* True if messages have a timestamp. The socket is connected to itself. */
static bool stamped(int fd)
{
	char c, ctl[256];
	struct iovec v = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};

	NEED(send(fd, "x", 1, 0));
	NEED(recvmsg(fd, &m, 0));
	return CMSG_FIRSTHDR(&m);
}

TEST(errqueue)
{
	/*
	 * The first socket with timestamps makes the host begin to stamp packets, a little later.
	 */
	int first;

	lo_up();
	first = bound(SOCK_DGRAM, "127.0.0.1");
	NEED(reach(first, port_of(first)));
	NEED(set(first, SOL_SOCKET, SO_TIMESTAMPING,
		SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE));
	T_WAIT(stamped(first));
	refused();
	large();
	v6();
	received();
	sent();
}
