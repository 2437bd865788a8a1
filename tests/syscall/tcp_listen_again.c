/* SPDX-License-Identifier: MIT */
/* listen(2) on a socket whose connection has ended: it gets a port of its own, or keeps the one that it was bound to, and who comes is heard. */
#include "t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
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

/* A connected pair; the one that @side says is returned, and the other resets it. */
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

static void again(const char *what, bool bound, bool child)
{
	int fd = was_connected(bound, child), fd2 = stream(), fd3;
	struct sockaddr_in before = name_of(fd), after;
	int r = listen(fd, 4);

	say("%s: listen %s", what, r ? strerrorname_np(errno) : "0");
	if (r)
		return;
	after = name_of(fd);
	say("a port: %d, the same: %d", after.sin_port != 0,
		bound ? after.sin_port == before.sin_port : 2);
	after.sin_addr = local.sin_addr;
	r = connect(fd2, (struct sockaddr *)&after, sizeof(after));
	say("connect: %s", r ? strerrorname_np(errno) : "0");
	fd3 = accept(fd, NULL, NULL);
	say("accept: %d", fd3 >= 0);
	close(fd3);
	close(fd2);
	close(fd);
}

TEST(tcp_listen_again)
{
	for (int k = 0; k < 4; k++)
		again("a port of its own choice", false, false);
	for (int k = 0; k < 4; k++)
		again("bound", true, false);
	again("accepted", false, true);
	for (int k = 0; k < 200; k++) {
		int fd = stream();

		NEED(bind(fd, (const struct sockaddr *)&local, sizeof(local)));
		close(fd);
	}
}
