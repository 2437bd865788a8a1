/* SPDX-License-Identifier: MIT */
/*
 * sigpipe: which writers get SIGPIPE with EPIPE: those of SOCK_STREAM sockets, unless they pass
 * MSG_NOSIGNAL.
 */
#include "inet.h"
#include <sys/uio.h>

static volatile sig_atomic_t pipes;

static void count(int sig)
{
	(void)sig;
	pipes++;
}

static void one(const char *what, ssize_t n, int err)
{
	say("  %s: %zd %s, signals %d", what, n, n < 0 ? t_errno(err) : "", (int)pipes);
	pipes = 0;
}

static void all(const char *who, int fd)
{
	struct iovec v = { "ab", 2 };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };
	ssize_t n;

	say("%s", who);
	n = send(fd, "x", 1, 0);
	one("send", n, errno);
	n = send(fd, "x", 1, MSG_NOSIGNAL);
	one("send without a signal", n, errno);
	n = write(fd, "x", 1);
	one("write", n, errno);
	n = writev(fd, &v, 1);
	one("writev", n, errno);
	n = sendmmsg(fd, &m, 1, 0);
	one("sendmmsg", n, errno);
	close(fd);
}

static int half(int type, int who, int how)
{
	int p[2];

	NEED(socketpair(AF_UNIX, type, 0, p));
	NEED(shutdown(p[who], how));
	return p[0];
}

TEST(sigpipe)
{
	struct sockaddr_in a = at("127.0.0.1", 9);
	int fd;

	lo_up();
	signal(SIGPIPE, count);
	all("stream, shut", half(SOCK_STREAM, 0, SHUT_WR));
	all("stream, the other shut", half(SOCK_STREAM, 1, SHUT_RD));
	all("datagrams, shut", half(SOCK_DGRAM, 0, SHUT_WR));
	all("datagrams, the other shut", half(SOCK_DGRAM, 1, SHUT_RD));
	all("packets, shut", half(SOCK_SEQPACKET, 0, SHUT_WR));
	all("packets, the other shut", half(SOCK_SEQPACKET, 1, SHUT_RD));
	fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(connect(fd, SA(&a), sizeof(a)));
	NEED(shutdown(fd, SHUT_WR));
	all("UDP, shut", fd);
	all("TCP, not connected", NEED(socket(AF_INET, SOCK_STREAM, 0)));
	fd = listener(1);
	all("TCP, listening", fd);
}
