/* SPDX-License-Identifier: MIT */
/*
 * unix_oob: AF_UNIX: peeking over several messages and from an offset, out-of-band bytes, the
 * peer's groups, rings of sockets in each other's queues.
 */
#include "inet.h"
#include <sys/ioctl.h>
#include <sys/un.h>

static int fd[2];

static void pair(int type)
{
	NEED(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fd));
}

static void unpair(void)
{
	close(fd[0]);
	close(fd[1]);
}

static void get(const char *what, int flags, size_t len)
{
	char buf[64] = "";
	ssize_t n = recv(fd[1], buf, len, flags);

	say("%s: %zd %s %s", what, n, n < 0 ? t_errno(errno) : "", n > 0 ? buf : "");
}

static void peeks(void)
{
	pair(SOCK_STREAM);
	NEED(send(fd[0], "abc", 3, 0));
	NEED(send(fd[0], "defg", 4, 0));
	get("peek all", MSG_PEEK, 60);
	get("peek some", MSG_PEEK, 5);
	T(set(fd[1], SOL_SOCKET, SO_PEEK_OFF, 1));
	get("from 1", MSG_PEEK, 3);
	T(number(fd[1], SOL_SOCKET, SO_PEEK_OFF));
	get("from 4", MSG_PEEK, 2);
	get("from 6", MSG_PEEK, 10);
	get("from 7", MSG_PEEK, 10);
	T(number(fd[1], SOL_SOCKET, SO_PEEK_OFF));
	get("read", 0, 2);
	T(number(fd[1], SOL_SOCKET, SO_PEEK_OFF));
	NEED(send(fd[0], "hij", 3, 0));
	get("new", MSG_PEEK, 10);
	get("read", 0, 60);
	T(number(fd[1], SOL_SOCKET, SO_PEEK_OFF));
	unpair();
	pair(SOCK_DGRAM);
	T(set(fd[1], SOL_SOCKET, SO_PEEK_OFF, 0));
	NEED(send(fd[0], "abcde", 5, 0));
	NEED(send(fd[0], "fgh", 3, 0));
	get("dgram", MSG_PEEK, 2);
	get("dgram", MSG_PEEK, 2);
	get("dgram", MSG_PEEK, 2);
	get("dgram", MSG_PEEK, 10);
	get("dgram", MSG_PEEK, 10);
	get("read", 0, 10);
	T(number(fd[1], SOL_SOCKET, SO_PEEK_OFF));
	get("dgram", MSG_PEEK, 10);
	unpair();
}

static void udp_peeks(void)
{
	struct sockaddr_in a;

	fd[1] = bound(SOCK_DGRAM | SOCK_NONBLOCK, "127.0.0.1");
	a = at("127.0.0.1", port_of(fd[1]));
	fd[0] = socket(AF_INET, SOCK_DGRAM, 0);
	NEED(connect(fd[0], SA(&a), sizeof(a)));
	T(set(fd[1], SOL_SOCKET, SO_PEEK_OFF, 0));
	NEED(send(fd[0], "abcde", 5, 0));
	NEED(send(fd[0], "fgh", 3, 0));
	get("udp", MSG_PEEK, 2);
	get("udp", MSG_PEEK, 10);
	get("udp", MSG_PEEK, 10);
	get("udp", MSG_PEEK, 10);
	get("read", 0, 10);
	T(number(fd[1], SOL_SOCKET, SO_PEEK_OFF));
	unpair();
}

static void marks(const char *what)
{
	int mark = -1;

	ioctl(fd[1], SIOCATMARK, &mark);
	say("%s: mark %d, pri %d, in %d", what, mark, !!(events(fd[1]) & POLLPRI),
		!!(events(fd[1]) & POLLIN));
}

static void oob(void)
{
	pair(SOCK_DGRAM);
	T(send(fd[0], "x", 1, MSG_OOB));
	T(recv(fd[1], &(char){ 0 }, 1, MSG_OOB));
	unpair();
	pair(SOCK_STREAM);
	get("none", MSG_OOB, 1);
	T(send(fd[0], "", 0, MSG_OOB));
	T(send(fd[0], "hello", 5, MSG_OOB));
	marks("sent");
	get("peek oob", MSG_OOB | MSG_PEEK, 1);
	get("normal stops", 0, 10);
	marks("at it");
	get("oob", MSG_OOB, 4);
	get("again", MSG_OOB, 1);
	get("nothing", 0, 10);
	/* passed over by a read */
	NEED(send(fd[0], "ab", 2, MSG_OOB));
	NEED(send(fd[0], "cd", 2, 0));
	get("before", 0, 10);
	get("over it", 0, 10);
	get("gone", MSG_OOB, 1);
	/* in line */
	T(set(fd[1], SOL_SOCKET, SO_OOBINLINE, 1));
	NEED(send(fd[0], "uvw", 3, MSG_OOB));
	get("not apart", MSG_OOB, 1);
	get("in line", 0, 10);
	get("in line", 0, 10);
	unpair();
}

static void groups(void)
{
	gid_t g[2] = { 0 };
	socklen_t n = 0;

	if (!geteuid())
		setgroups(2, (gid_t[]){ 5, 7 });
	pair(SOCK_STREAM);
	T(getsockopt(fd[0], SOL_SOCKET, SO_PEERGROUPS, g, &n));
	IS(n % 4 == 0);
	n = sizeof(g);
	if (!geteuid()) {
		T(getsockopt(fd[0], SOL_SOCKET, SO_PEERGROUPS, g, &n));
		say("%d: %u %u", (int)n, g[0], g[1]);
	}
	unpair();
}

/* Sends the descriptor @what over the socket @over. */
static int give(int over, int what)
{
	char c = 'f', ctl[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { NULL, 0, &v, 1, ctl, sizeof(ctl), 0 };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &what, sizeof(int));
	return sendmsg(over, &m, 0);
}

/*
 * The writing end of a pipe is queued in a ring of sockets: its reader sees the end when the ring
 * is collected.
 */
static void ring(const char *what, void (*make)(int))
{
	struct pollfd p;
	int pi[2], other[2];

	NEED(pipe(pi));
	make(pi[1]);
	close(pi[1]);
	for (int i = 0; i < 5000; i++) {
		p = (struct pollfd){ pi[0], POLLIN, 0 };
		/* a close of any socket lets the collector look */
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, other));
		close(other[0]);
		close(other[1]);
		if (poll(&p, 1, 20) == 1)
			break;
	}
	say("%s: %s", what, p.revents & POLLHUP ? "collected" : "lost");
	close(pi[0]);
}

static void self_ring(int w)
{
	pair(SOCK_STREAM);
	give(fd[0], w);
	give(fd[0], fd[1]);
	unpair();
}

static void cross_ring(int w)
{
	int a[2], b[2];

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, a));
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, b));
	give(a[0], b[1]);
	give(a[0], w);
	give(b[0], a[1]);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

/* Sends a listener and @w over a connection that waits in the listener's own queue. */
static void embryo(int w)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t n = sizeof(a);
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);

	NEED(bind(l, SA(&a), sizeof(sa_family_t)));
	NEED(getsockname(l, SA(&a), &n));
	NEED(listen(l, 1));
	NEED(connect(c, SA(&a), n));
	give(c, w);
	give(c, l);
	close(c);
	close(l);
}

TEST(unix_oob)
{
	lo_up();
	peeks();
	udp_peeks();
	oob();
	groups();
	ring("itself", self_ring);
	ring("each other", cross_ring);
	ring("never accepted", embryo);
}
