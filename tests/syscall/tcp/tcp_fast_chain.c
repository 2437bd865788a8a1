/* SPDX-License-Identifier: MIT */
/*
 * tcp_fast_chain: TCP Fast Open: an accepted socket becomes a listener itself, many times over, and
 * the last one is closed.
 */
#include "netns.h"
#include "put.h"

#define LINKS 1000

#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static int on(int fd, int opt, int value)
{
	return setsockopt(fd, SOL_TCP, opt, &value, sizeof(value));
}

static void start_listening(int fd)
{
	struct sockaddr_in a = at("127.0.0.1", 0);

	NEED(bind(fd, SA(&a), sizeof(a)));
	NEED(on(fd, TCP_FASTOPEN, 5));
	NEED(on(fd, TCP_FASTOPEN_NO_COOKIE, 1));
	NEED(listen(fd, 5));
}

/* Makes a connection to @l, closes @l, and lets the accepted end listen. Returns that end. */
static int next_of(int l)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in a = at("127.0.0.1", port_of(l));
	struct linger abort = { 1, 0 };
	int s = NEED(socket(AF_INET, SOCK_STREAM, 0)), c;

	NEED(on(s, TCP_FASTOPEN_NO_COOKIE, 1));
	NEED(sendto(s, "x", 1, MSG_FASTOPEN, SA(&a), sizeof(a)));
	c = NEED(accept(l, NULL, NULL));
	NEED(setsockopt(s, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)));
	close(s);
	close(l);
	NEED(connect(c, &none, sizeof(none)));
	start_listening(c);
	return c;
}

TEST(tcp_fast_chain)
{
	int l;

	t_one_cpu();
	own_net();
	l = NEED(socket(AF_INET, SOCK_STREAM, 0));
	T(put("/proc/sys/net/ipv4/tcp_fastopen", "3") > 0);
	start_listening(l);
	for (int i = 0; i < LINKS; i++)
		l = next_of(l);
	T(close(l));
	say("%d listeners", LINKS);
}
