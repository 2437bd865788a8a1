/* SPDX-License-Identifier: MIT */
/*
 * unix_peer: AF_UNIX: credentials of the peer of each kind of socket.
 */
#include "newer.h"
#include <sys/socket.h>
#include <sys/un.h>

#define PEERPIDFD 77

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

TEST(unix_peer)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

	for (int i = 0; i < 3; i++)
		peers(types[i]);
}
