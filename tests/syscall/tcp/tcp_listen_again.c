/* SPDX-License-Identifier: MIT */
/*
 * tcp_listen_again: listen(2) on a socket whose connection has ended: it gets a port of its own, or
 * keeps the port that it was bound to, and accepts connections.
 */
#include "t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static const struct sockaddr_in local = { .sin_family = AF_INET,
	.sin_addr = { .s_addr = 0x0100007f } };

static int stream(void)
{
	return NEED(socket(AF_INET, SOCK_STREAM, 0));
}

static struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof(a);

	NEED(getsockname(fd, (struct sockaddr *)&a, &n));
	return a;
}

/*
 * Makes a connected pair. Returns the end that @child selects; the other end resets the connection.
 */
static int was_connected(bool bound, bool child)
{
	struct linger l = { 1, 0 };
	struct sockaddr_in a;
	int listener = stream(), fd = stream(), peer;
	char c;

	NEED(bind(listener, (const struct sockaddr *)&local, sizeof(local)));
	NEED(listen(listener, 1));
	a = name_of(listener);
	if (bound)
		NEED(bind(fd, (const struct sockaddr *)&local, sizeof(local)));
	NEED(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	peer = NEED(accept(listener, NULL, NULL));
	close(listener);
	if (child) {
		int t = fd;

		fd = peer;
		peer = t;
	}
	NEED(setsockopt(peer, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(peer);
	say("reset: %s", read(fd, &c, 1) < 0 ? strerrorname_np(errno) : "no");
	return fd;
}

/* Gives up a connect() that does not end because the listener's queue is full. */
static int was_connecting(int *full, int *waiting)
{
	struct sockaddr_in a;
	int n = 0, fd = -1;

	*full = stream();
	NEED(bind(*full, (const struct sockaddr *)&local, sizeof(local)));
	NEED(listen(*full, 0));
	a = name_of(*full);
	do {
		struct pollfd p = { .events = POLLOUT };

		p.fd = fd = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		(void)connect(fd, (struct sockaddr *)&a, sizeof(a));
		if (poll(&p, 1, 2000) == 0)
			break;
		waiting[n++] = fd;
	} while (n < 8);
	say("it waits: %d", n < 8);
	say("listen: %d %s", listen(fd, 1), strerrorname_np(errno));
	NEED(shutdown(fd, SHUT_RDWR));
	while (n < 8)
		waiting[n++] = -1;
	return fd;
}

static void hears(const char *what, int fd)
{
	int r = listen(fd, 4), client = stream(), child;
	struct sockaddr_in a;

	say("%s: listen %s", what, r ? strerrorname_np(errno) : "0");
	if (!r) {
		a = name_of(fd);
		say("a port: %d", a.sin_port != 0);
		a.sin_addr = local.sin_addr;
		r = connect(client, (struct sockaddr *)&a, sizeof(a));
		say("connect: %s", r ? strerrorname_np(errno) : "0");
		if (!r) {
			child = accept(fd, NULL, NULL);
			say("accept: %d", child >= 0);
			close(child);
		}
	}
	close(client);
	close(fd);
}

static void unspec(int fd)
{
	struct sockaddr a = { .sa_family = AF_UNSPEC };

	say("AF_UNSPEC: %d", connect(fd, &a, sizeof(a)));
}

TEST(tcp_listen_again)
{
	int fd, full, waiting[8];

	hears("reset", was_connected(false, false));
	hears("reset, bound", was_connected(true, false));
	hears("reset, accepted", was_connected(false, true));
	unspec(fd = was_connected(false, false));
	hears("and forgotten", fd);
	unspec(fd = was_connected(true, false));
	hears("and forgotten, bound", fd);
	unspec(fd = was_connected(false, true));
	hears("and forgotten, accepted", fd);
	fd = was_connecting(&full, waiting);
	hears("given up", fd);
	close(full);
	for (int k = 0; k < 8; k++)
		close(waiting[k]);
	for (int k = 0; k < 200; k++) {
		fd = stream();
		NEED(bind(fd, (const struct sockaddr *)&local, sizeof(local)));
		close(fd);
	}
}
