/* SPDX-License-Identifier: MIT */
/*
 * race_epoll_polled: a thread waits in an epoll set that another thread polls: each event reaches
 * the waiter, whatever the other one polls meanwhile.
 */
#include "t.h"
#include <sys/epoll.h>

#define ROUNDS 3000

static int ep, in[2], done[2], lost;
static volatile bool over;

static void *waits(void *arg)
{
	struct epoll_event e;
	char c;

	for (int i = 0; i < ROUNDS && !lost; i++) {
		long begun = now_ms();

		/*
		 * at the end of its time it looks again, and finds the event that it was not woken
		 * for
		 */
		lost = epoll_wait(ep, &e, 1, 60000) != 1 || now_ms() - begun > 50000;
		NEED(read(in[0], &c, 1));
		NEED(write(done[1], &c, 1));
	}
	return NULL;
}

static void *polls(void *arg)
{
	struct pollfd p = { .fd = ep, .events = POLLIN };

	while (!over)
		poll(&p, 1, 0);
	return NULL;
}

TEST(race_epoll_polled)
{
	struct epoll_event e = { .events = EPOLLIN };
	pthread_t waiter, poller;
	char c = 0;

	NEED(pipe(in));
	NEED(pipe(done));
	ep = NEED(epoll_create1(0));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, in[0], &e));
	NEED0(pthread_create(&waiter, NULL, waits, NULL));
	NEED0(pthread_create(&poller, NULL, polls, NULL));
	for (int i = 0; i < ROUNDS && !lost; i++) {
		NEED(write(in[1], &c, 1));
		NEED(read(done[0], &c, 1));
	}
	pthread_join(waiter, NULL);
	over = true;
	pthread_join(poller, NULL);
	say("not woken: %d", lost);
}
