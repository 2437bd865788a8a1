/* SPDX-License-Identifier: MIT */
/*
 * tcp_maxseg: TCP_MAXSEG bounds the segments that a socket sends and, since it announces the value,
 * those that it gets; SO_TXTIME and the times of messages.
 */
#include "inet.h"
#include <linux/net_tstamp.h>
#include <netinet/tcp.h>

static int maxseg(int fd)
{
	int n = -1;
	socklen_t len = sizeof(n);

	getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &n, &len);
	return n;
}

/*
 * Prints both ends of a connection whose listener and client asked for these sizes; 0: did not ask.
 */
static void pair(int at_listener, int at_client)
{
	int l = bound(SOCK_STREAM, "127.0.0.1"), c = NEED(socket(AF_INET, SOCK_STREAM, 0)), s;

	T(at_listener ? setsockopt(l, IPPROTO_TCP, TCP_MAXSEG, &at_listener, sizeof(int)) : 0);
	T(at_client ? setsockopt(c, IPPROTO_TCP, TCP_MAXSEG, &at_client, sizeof(int)) : 0);
	T(listen(l, 1));
	T(reach(c, port_of(l)));
	s = NEED(accept(l, NULL, NULL));
	say("%d, %d: client %d, server %d", at_listener, at_client, maxseg(c), maxseg(s));
	close(c);
	close(s);
	close(l);
}

static void timed(int fd, int to, size_t len)
{
	char control[CMSG_SPACE(16)] = { 0 };
	struct sockaddr_in a = at("127.0.0.1", to);
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_name = &a,
		.msg_namelen = sizeof(a),
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(len) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_TXTIME;
	h->cmsg_len = CMSG_LEN(len);
	T(sendmsg(fd, &m, 0));
}

TEST(tcp_maxseg)
{
	struct sock_txtime t = { .clockid = CLOCK_MONOTONIC };
	int to, fd;
	char c;

	lo_up();
	pair(873, 0);
	pair(0, 1000);
	pair(1200, 700);
	pair(88, 32767);

	to = bound(SOCK_DGRAM, "127.0.0.1");
	fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	timed(fd, port_of(to), 8); /* without SO_TXTIME */
	T(setsockopt(fd, SOL_SOCKET, SO_TXTIME, &t, sizeof(t)));
	timed(fd, port_of(to), 4);
	timed(fd, port_of(to), 16);
	timed(fd, port_of(to), 8);
	T(recv(to, &c, 1, 0)); /* what carries a time arrives */
}
