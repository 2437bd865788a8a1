/* SPDX-License-Identifier: MIT */
/*
 * unix_peer: AF_UNIX: credentials of the peer of each kind of socket, options that an accepted
 * socket takes over, SO_PASSRIGHTS, the mode of a socket's file.
 */
#include "acl.h"
#include "newer.h"
#include "unix_name.h"

#define PASSPIDFD 76
#define PEERPIDFD 77
#define PASSRIGHTS 83

static int set(int s, int opt, int value)
{
	return setsockopt(s, SOL_SOCKET, opt, &value, sizeof(value));
}

static int get(int s, int opt)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(s, SOL_SOCKET, opt, &value, &len) ? -1 : value;
}

/* ---- credentials of the peer ---- */

static void peer(const char *what, int s)
{
	struct ucred u = { 1, 1, 1 };
	socklen_t len = sizeof(u);

	TN(what, getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &len));
	say(" pid %s uid %d gid %d",
		u.pid == getpid() ? "mine" :
		u.pid             ? "another" :
				    "0",
		(int)u.uid, (int)u.gid);
}

static void peers(int type)
{
	int a = NEED(socket(AF_UNIX, type, 0)), b = NEED(socket(AF_UNIX, type, 0)), c = -1, p[2];

	say("type %d", type);
	peer("new", a);
	T(binds(b, "b"));
	peer("bound", b);
	if (type != SOCK_DGRAM) {
		T(listen(b, 1));
		peer("listens", b);
	}
	T(connects(a, "b"));
	peer("connected", a);
	if (type != SOCK_DGRAM) {
		c = NEED(accept(b, NULL, NULL));
		peer("accepted", c);
		close(c);
		peer("left", a);
	}
	close(b);
	peer("closed", a);
	close(a);
	unlink("b");
	NEED(socketpair(AF_UNIX, type, 0, p));
	peer("pair", p[0]);
	if (type == SOCK_DGRAM) {
		struct sockaddr none = { .sa_family = AF_UNSPEC };

		T(connect(p[0], &none, sizeof(none)));
		peer("disconnected", p[0]);
		have = get(p[1], PEERPIDFD) >= 0;
		WORKS(get(p[0], PEERPIDFD));
	}
	close(p[0]);
	close(p[1]);
}

/* ---- what an accepted socket takes over ---- */

/* Options, a value for the listener, and the value that its accepted socket has. */
static const struct {
	const char *name;
	int opt, set, has;
} options[] = {
	{ "PASSCRED", SO_PASSCRED, 1, 1 },
	{ "PASSSEC", SO_PASSSEC, 1, 1 },
	{ "PASSPIDFD", PASSPIDFD, 1, 1 },
	{ "PASSRIGHTS", PASSRIGHTS, 0, 0 },
	{ "TIMESTAMP", SO_TIMESTAMP, 1, 0 },
	{ "RCVLOWAT", SO_RCVLOWAT, 9, 1 },
	{ "KEEPALIVE", SO_KEEPALIVE, 1, 0 },
	{ "OOBINLINE", SO_OOBINLINE, 1, 0 },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static void accepted(void)
{
	int l = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), c, s;

	/* older kernels pass on other options, and in accept() */
	have = get(l, PASSRIGHTS) == 1;
	NEED(binds(l, "l"));
	NEED(listen(l, 5));
	for (unsigned i = 0; i < OPTIONS; i++)
		set(l, options[i].opt, options[i].set);
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	NEED(connects(c, "l"));
	/* the socket has them since the client connected */
	for (unsigned i = 0; i < 4; i++)
		set(l, options[i].opt, !options[i].set);
	s = NEED(accept(l, NULL, NULL));
	for (unsigned i = 0; i < OPTIONS; i++)
		check(options[i].name, get(s, options[i].opt), options[i].has);
	close(s);
	close(c);
	close(l);
}

/* ---- SO_PASSRIGHTS ---- */

static ssize_t sends_fd(int s)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr h;
	} c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec v = { "abcde", 5 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	int one = 1;

	memcpy(CMSG_DATA(&c.h), &one, sizeof(one));
	return sendmsg(s, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Returns the number of bytes, plus 100 with a descriptor, plus 1000 with MSG_CTRUNC. */
static long receives(int s)
{
	char data[20], ctl[200];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};
	struct cmsghdr *c;
	long n = recvmsg(s, &m, MSG_DONTWAIT);

	if (n < 0)
		return n;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS) {
		int fd;

		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		close(fd);
	}
	return n + (c ? 100 : 0) + (m.msg_flags & MSG_CTRUNC ? 1000 : 0);
}

static void rights(int type)
{
	int p[2], other;

	say("type %d", type);
	NEED(socketpair(AF_UNIX, type, 0, p));
	have = get(p[0], PASSRIGHTS) == 1;
	CHECK(sends_fd(p[0]), 5);
	CHECK(set(p[1], PASSRIGHTS, 0), 0);
	CHECK(receives(p[1]), 105);
	CHECK(sends_fd(p[0]), -EPERM);
	CHECK(receives(p[1]), -EAGAIN);
	CHECK(send(p[0], "abc", 3, 0), 3);
	CHECK(receives(p[1]), 3);
	CHECK(sends_fd(p[1]), 5);
	CHECK(receives(p[0]), 105);
	CHECK(shutdown(p[1], SHUT_RD), 0);
	CHECK(sends_fd(p[0]), -EPIPE);
	other = dup(p[0]);
	close(p[1]);
	CHECK(sends_fd(other), type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE);
	close(other);
	close(p[0]);
}

/* ---- the mode of the file ---- */

static void mode(const char *what, int mode, int mask)
{
	int s = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	struct stat st;

	umask(mask);
	say("%s", what);
	if (mode >= 0)
		T(fchmod(s, mode));
	NEED(fstat(s, &st));
	say(" socket %o", st.st_mode);
	T(binds(s, "m"));
	NEED(stat("m", &st));
	say(" file %o", st.st_mode);
	umask(0);
	T(fchmod(s, 0611));
	NEED(stat("m", &st));
	say(" still %o", st.st_mode);
	unlink("m");
	close(s);
}

/* A default list does not replace the mask. */
static void inherited(void)
{
	int s = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	struct stat st;

	NEED(mkdir("d", 0755));
	OK(acl_put("d", ACL_DEFAULT, "u::7 g::7 o::7"));
	umask(027);
	T(binds(s, "d/m"));
	NEED(stat("d/m", &st));
	say(" file %o", st.st_mode);
	umask(0);
	close(s);
}

TEST(unix_peer)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

	for (int i = 0; i < 3; i++)
		peers(types[i]);
	accepted();
	for (int i = 0; i < 3; i++)
		rights(types[i]);
	mode("as made", -1, 0);
	mode("a mask", -1, 027);
	mode("0600", 0600, 0);
	mode("0640 and a mask", 0640, 077);
	mode("special bits", 07755, 02);
	inherited();
}
