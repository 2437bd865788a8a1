/* SPDX-License-Identifier: MIT */
/*
 * unix_orders: AF_UNIX: which of several errors comes first, results of a read of no bytes and of
 * one at the end of a stream, the source address of a datagram.
 */
#include "unix_name.h"

static int make(int type)
{
	return socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
}

static ssize_t sends_to(int s, size_t n, const char *name)
{
	static char data[1 << 20];
	struct sockaddr_un u = at(name);

	return sendto(s, data, n, MSG_NOSIGNAL, (void *)&u, sizeof(u));
}

/* Sends @n bytes with one control record of @type, which holds @value. */
static ssize_t sends_record(int s, size_t n, int type, int value)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr h;
	} c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, type } };
	struct iovec v = { "abcde", n };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};

	memcpy(CMSG_DATA(&c.h), &value, sizeof(value));
	return sendmsg(s, &m, MSG_NOSIGNAL);
}

/* ---- order of errors ---- */

static void accepting(void)
{
	int file = open("file", O_RDWR | O_CREAT, 0600), l = make(SOCK_STREAM);

	T(accept4(-1, NULL, NULL, 1));
	T(accept4(file, NULL, NULL, 1));
	T(accept4(l, NULL, NULL, 1));
	T(accept4(file, NULL, NULL, 0));
	T(accept4(l, NULL, NULL, 0));
	OK(binds(l, "listener") == 0 && listen(l, 1) == 0);
	T(accept4(l, NULL, NULL, 0));
	T(shutdown(l, SHUT_RD));
	fcntl(l, F_SETFL, 0);
	T(accept4(l, NULL, NULL, 0));
	close(l);
	close(file);
}

static void connecting(void)
{
	int l = make(SOCK_STREAM), a = make(SOCK_STREAM), b = make(SOCK_STREAM);
	struct sockaddr_un u = at("x");
	socklen_t len = sizeof(u);
	int one = 1;

	T(binds(l, "self"));
	T(connects(l, "self"));
	T(listen(l, 0));
	T(connects(l, "self"));
	T(connects(a, "self"));
	/* The socket is connected, but a full queue is checked first. */
	T(connects(a, "self"));
	T(connects(b, "self"));
	T(shutdown(l, SHUT_RD));
	T(connects(l, "self"));
	T(connects(a, "self"));
	close(l);
	T(connects(b, "self"));
	T(setsockopt(b, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	T(connect(b, (void *)&u, sizeof(sa_family_t))); /* no name: and none is made for @b */
	T(getsockname(b, (void *)&u, &len));
	T((int)len);
	close(a);
	close(b);
}

static void binding(void)
{
	int s = make(SOCK_STREAM);

	T(binds(s, "one"));
	T(binds(s, "one"));
	T(binds(s, "file"));
	T(binds(s, "no/two"));
	T(binds(s, "two"));
	T(access("two", F_OK));
	close(s);
}

static void sending(void)
{
	int s = make(SOCK_SEQPACKET), d = make(SOCK_DGRAM), t = make(SOCK_STREAM);

	T(sends_record(s, 1, SCM_RIGHTS, -1));
	T(sends_record(s, 1, 77, 0));
	T(sends_record(t, 1, SCM_RIGHTS, -1));
	T(sends_record(t, 1, 77, 0));
	T(sends_record(t, 1, SCM_RIGHTS, t));
	T(sends_to(d, 1 << 20, "missing"));
	T(sends_to(d, 1, "missing"));
	T(shutdown(d, SHUT_WR));
	T(sends_to(d, 1, "missing"));
	close(s);
	close(d);
	close(t);
}

/* ---- what a read tells ---- */

static void tell_record(const struct cmsghdr *h)
{
	struct ucred who;
	int fd;

	if (h->cmsg_type == SCM_CREDENTIALS) {
		memcpy(&who, CMSG_DATA(h), sizeof(who));
		say("  from %s, %d, %d",
			!who.pid            ? "nobody" :
			who.pid == getpid() ? "me" :
					      "another",
			(int)who.uid, (int)who.gid);
	} else if (h->cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
		say("  a descriptor");
		close(fd);
	}
}

static void reads(const char *what, int s, size_t n, int flags)
{
	struct sockaddr_un from;
	char data[64];
	union {
		char room[128];
		struct cmsghdr h;
	} c;
	struct iovec v = { data, n };
	struct msghdr m = { &from, sizeof(from), &v, 1, &c, sizeof(c), 0 };
	ssize_t r = recvmsg(s, &m, flags | MSG_DONTWAIT);
	struct cmsghdr *h;

	if (r < 0) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: %zd, flags %x, a name of %d", what, r, m.msg_flags, (int)m.msg_namelen);
	for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		tell_record(h);
}

static void passes(int s)
{
	int one = 1;

	setsockopt(s, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
}

static void few_bytes(const char *name, int type)
{
	int p[2];

	say("%s", name);
	OK(socketpair(AF_UNIX, type, 0, p) == 0 && binds(p[0], name) == 0);
	passes(p[1]);
	T(sends_record(p[0], 5, SCM_RIGHTS, 1));
	reads("looks at none", p[1], 0, MSG_PEEK);
	reads("reads none", p[1], 0, 0);
	reads("one", p[1], 1, 0);
	reads("the rest", p[1], 50, 0);
	reads("none of nothing", p[1], 0, 0);
	T(sends_record(p[0], 0, SCM_RIGHTS, 1));
	reads("a message of none", p[1], 5, 0);
	T(sends_record(p[0], 5, SCM_RIGHTS, 1));
	reads("with MSG_ERRQUEUE", p[1], 5, MSG_ERRQUEUE);
	T(shutdown(p[0], SHUT_WR));
	reads("at the end", p[1], 5, 0);
	reads("none at the end", p[1], 0, 0);
	reads("looks at the end", p[1], 5, MSG_PEEK);
	close(p[0]);
	reads("closed", p[1], 5, 0);
	close(p[1]);

	OK(socketpair(AF_UNIX, type, 0, p) == 0);
	T(sends_record(p[0], 5, SCM_RIGHTS, 1));
	close(p[1]);
	reads("none of a reset", p[0], 0, 0);
	reads("after it", p[0], 5, 0);
	close(p[0]);
}

static void late_name(void)
{
	int r = make(SOCK_DGRAM), s = make(SOCK_DGRAM);

	T(binds(r, "reader"));
	T(sends_to(s, 1, "reader"));
	T(sends_to(s, 1, "reader"));
	reads("from one without a name", r, 5, MSG_PEEK);
	T(binds(s, "late"));
	reads("from one that has got one", r, 5, 0);
	close(s);
	reads("from one that is gone", r, 5, 0);
	close(r);
}

TEST(unix_orders)
{
	accepting();
	connecting();
	binding();
	sending();
	few_bytes("stream", SOCK_STREAM);
	few_bytes("datagrams", SOCK_DGRAM);
	few_bytes("seqpackets", SOCK_SEQPACKET);
	late_name();
}
