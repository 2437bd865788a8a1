/* SPDX-License-Identifier: MIT */
/*
 * race_unix_poll: a thread polls a stream that another reads byte by byte: it is readable as long
 * as a byte is left.
 */
#include "t.h"
#include <sys/epoll.h>
#include <sys/socket.h>

#define ROUNDS 300
#define BYTES 100

static int s[2];
static int left;

static void *reads(void *arg)
{
	char c;

	for (int i = 0; i < ROUNDS * BYTES; i++) {
		NEED(recv(s[1], &c, 1, 0));
		__atomic_sub_fetch(&left, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* Returns how often s[1] was not readable although data was left, both before and after. */
static int watch(int ep)
{
	struct pollfd p = { .fd = s[1], .events = POLLIN };
	struct epoll_event e;
	int lost = 0;

	while (__atomic_load_n(&left, __ATOMIC_SEQ_CST) > 1) {
		bool none = !poll(&p, 1, 0) || !epoll_wait(ep, &e, 1, 0);

		/* what was read meanwhile had gone by then; one may be in flight */
		lost += none && __atomic_load_n(&left, __ATOMIC_SEQ_CST) > 1;
	}
	return lost;
}

TEST(race_unix_poll)
{
	struct epoll_event e = { .events = EPOLLIN };
	char text[BYTES] = "";
	int ep, lost = 0;
	pthread_t t;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	ep = NEED(epoll_create1(0));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, s[1], &e));
	NEED0(pthread_create(&t, NULL, reads, NULL));
	for (int i = 0; i < ROUNDS; i++) {
		NEED(send(s[0], text, BYTES, 0));
		__atomic_add_fetch(&left, BYTES, __ATOMIC_SEQ_CST);
		lost += watch(ep);
	}
	pthread_join(t, NULL);
	say("not told: %d", lost);
}
