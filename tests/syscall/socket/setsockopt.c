/* SPDX-License-Identifier: MIT */
/* setsockopt(2), getsockopt(2) at the socket level: values, sizes, timeouts, errors. */
#include "t.h"
#include <sys/socket.h>

static int fd;

static void get(const char *what, int name)
{
	int v = -1;
	socklen_t n = sizeof(v);

	if (getsockopt(fd, SOL_SOCKET, name, &v, &n) == -1)
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: %d length %d", what, v, (int)n);
}

static int set(int name, int v)
{
	return setsockopt(fd, SOL_SOCKET, name, &v, sizeof(v));
}

TEST(setsockopt)
{
	struct timeval tv = { 0, 30000 }, got, bad = { 0, 1000000 };
	struct linger l = { 1, 5 }, gl;
	socklen_t n;
	char c;
	int s[2], v;
	long start;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fd = s[0];
	get("SO_REUSEADDR", SO_REUSEADDR);
	T(set(SO_REUSEADDR, 5));
	get("SO_REUSEADDR", SO_REUSEADDR);
	T(set(SO_KEEPALIVE, 1));
	get("SO_KEEPALIVE", SO_KEEPALIVE);
	T(set(SO_PASSCRED, 1));
	get("SO_PASSCRED", SO_PASSCRED);
	T(set(SO_SNDBUF, 20000));
	get("SO_SNDBUF is doubled", SO_SNDBUF);
	T(set(SO_RCVBUF, 20000));
	get("SO_RCVBUF is doubled", SO_RCVBUF);
	T(set(SO_SNDBUF, 1));
	v = 0;
	n = sizeof(v);
	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &v, &n);
	say("a smallest size: %d", v > 1000 && v < 10000);
	T(set(SO_PRIORITY, 3));
	get("SO_PRIORITY", SO_PRIORITY);
	T(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	n = sizeof(gl);
	T(getsockopt(fd, SOL_SOCKET, SO_LINGER, &gl, &n));
	say("%d %d", gl.l_onoff, gl.l_linger);
	T(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	n = sizeof(got);
	T(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got, &n));
	say("%ld about right %d", (long)got.tv_sec, got.tv_usec >= 30000 && got.tv_usec <= 40000);
	start = now_ms();
	T(read(fd, &c, 1));
	say("waited %d", now_ms() - start >= 29);
	T(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bad, sizeof(bad)));
	T(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, 4));
	T(set(SO_TYPE, 1));
	T(set(SO_ERROR, 1));
	get("SO_ERROR", SO_ERROR);
	get("unknown", 999);
	T(set(999, 1));
	T(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, 2));
	T(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, BAD, 4));
	T(setsockopt(1, SOL_SOCKET, SO_REUSEADDR, &v, 4));
	T(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &v, 4));
	T(setsockopt(fd, 77, 1, &v, 4));
	n = 2;
	v = 0;
	T(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &n));
	say("cut %d length %d", v, (int)n);
	n = -1;
	T(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &n));
	T(getsockopt(fd, SOL_SOCKET, SO_TYPE, BAD, &n) == -1);
	T(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, BAD));
}
