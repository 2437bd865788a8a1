/* SPDX-License-Identifier: MIT */
/*
 * unix_peer: AF_UNIX: credentials of the peer of each kind of socket, options that an accepted
 * socket takes over.
 */
#include "newer.h"
#include <sys/socket.h>
#include <sys/un.h>

#define PASSPIDFD 76
#define PEERPIDFD 77
#define PASSRIGHTS 83

static struct sockaddr_un at(const char *name)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };

	strcpy(u.sun_path, name);
	return u;
}

static int binds(int s, const char *name)
{
	struct sockaddr_un u = at(name);

	return bind(s, (void *)&u, sizeof(u));
}

static int connects(int s, const char *name)
{
	struct sockaddr_un u = at(name);

	return connect(s, (void *)&u, sizeof(u));
}

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

TEST(unix_peer)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

	for (int i = 0; i < 3; i++)
		peers(types[i]);
	accepted();
}
