/* SPDX-License-Identifier: MIT */
/*
 * tcp_anew: a TCP socket begins another connection: a read returns no byte of the old one, also for
 * readers that are there meanwhile.
 */
#include "inet.h"

#define ROUNDS 300

static int l, fd;

static void reset(int s)
{
	struct linger now = { 1, 0 };

	NEED(setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(s);
}

static void await_end(void)
{
	struct pollfd p = { .fd = fd };

	NEED(poll(&p, 1, 100000) == 1 ? 0 : -1);
}

/* Checks that a new connection does not get what a reset one left unread, nor its end. */
static void rest(void)
{
	char c[32];
	int s;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	reach(fd, port_of(l));
	s = NEED(accept(l, NULL, NULL));
	NEED(send(s, "0123456789", 10, 0));
	reset(s);
	await_end();
	T(reach(fd, port_of(l)));
	reach(fd, port_of(l));
	s = NEED(accept(l, NULL, NULL));
	NEED(fcntl(fd, F_SETFL, 0));
	NEED(send(s, "abc", 3, 0));
	T(recv(fd, c, sizeof(c), 0));
	T(memcmp(c, "abc", 3));
	NEED(shutdown(s, SHUT_WR));
	T(recv(fd, c, sizeof(c), 0));
	close(s);
	close(fd);
}

static void *reads(void *arg)
{
	char c[4096];

	while (recv(fd, c, sizeof(c), 0) > 0)
		;
	return NULL;
}

/*
 * A reader waits, or copies, while the socket leaves its connection, and listens or begins another
 * one.
 */
static void meanwhile(bool again)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	static char much[40000];
	pthread_t t;
	int s, s2;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	NEED(reach(fd, port_of(l)));
	s = NEED(accept(l, NULL, NULL));
	NEED0(pthread_create(&t, NULL, reads, NULL));
	NEED(send(s, much, sizeof(much), MSG_NOSIGNAL));
	NEED(connect(fd, &none, sizeof(none)));
	if (again) {
		NEED(reach(fd, port_of(l)));
		s2 = NEED(accept(l, NULL, NULL));
		send(s2, "abc", 3, MSG_NOSIGNAL);
		close(s2);
	} else {
		NEED(listen(fd, 1));
	}
	NEED0(pthread_join(t, NULL));
	close(s);
	close(fd);
}

TEST(tcp_anew)
{
	lo_up();
	l = listener(8);
	rest();
	for (int i = 0; i < ROUNDS; i++)
		meanwhile(i & 1);
	say("done");
}
