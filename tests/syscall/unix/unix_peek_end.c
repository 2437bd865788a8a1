/* SPDX-License-Identifier: MIT */
/*
 * unix_peek_end: AF_UNIX: a peek that skips all that is there (an out-of-band byte, data before
 * SO_PEEK_OFF) waits, or meets the end.
 */
#include "inet.h"

static int fd[2];
static volatile pid_t peeker;

static void pair(int type)
{
	NEED(socketpair(AF_UNIX, type, 0, fd));
}

static void offset(int off)
{
	NEED(setsockopt(fd[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
}

static void *peeks(void *arg)
{
	char c[8] = "";
	long n;

	peeker = (pid_t)syscall(SYS_gettid);
	n = recv(fd[1], c, 4, MSG_PEEK);
	say("the peek that waited: %ld %s", n, c);
	return NULL;
}

/* Starts a thread that waits in a peek. */
static pthread_t peek(void)
{
	pthread_t t;

	peeker = 0;
	NEED0(pthread_create(&t, NULL, peeks, NULL));
	t_until_sleeps(&peeker);
	return t;
}

TEST(unix_peek_end)
{
	char c[8];
	pthread_t t;

	pair(SOCK_STREAM);
	NEED(send(fd[0], "x", 1, MSG_OOB));
	T(recv(fd[1], c, 4, MSG_PEEK | MSG_DONTWAIT));
	t = peek();
	NEED(send(fd[0], "abc", 3, 0));
	NEED0(pthread_join(t, NULL));
	pair(SOCK_STREAM);
	NEED(send(fd[0], "x", 1, MSG_OOB));
	NEED(shutdown(fd[0], SHUT_WR));
	T(recv(fd[1], c, 4, MSG_PEEK));
	/* in line it is a byte like others, which the offset passes over */
	for (int off = 0; off < 4; off++) {
		pair(SOCK_STREAM);
		NEED(setsockopt(fd[1], SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int)));
		NEED(send(fd[0], "x", 1, MSG_OOB));
		NEED(send(fd[0], "b", 1, 0));
		offset(off);
		T(recv(fd[1], c, 4, MSG_PEEK | MSG_DONTWAIT));
	}
	for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_STREAM) {
		pair(type);
		NEED(send(fd[0], "abc", 3, 0));
		offset(3);
		T(recv(fd[1], c, 4, MSG_PEEK | MSG_DONTWAIT));
		t = peek();
		NEED(shutdown(fd[0], SHUT_WR));
		NEED0(pthread_join(t, NULL));
		T(recv(fd[1], c, 4, MSG_PEEK));
		T(recv(fd[1], c, 4, 0));
		T(recv(fd[1], c, 4, 0));
	}
}
