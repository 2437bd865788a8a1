/* SPDX-License-Identifier: MIT */
/*
 * epoll_threads: many threads wait for one epoll set: each event is taken once, no thread misses
 * its wakeup, and sets may change meanwhile.
 */
#include "t.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static int ep;
static volatile int stop;
static volatile long taken;

static void *edge_taker(void *arg)
{
	struct epoll_event e;
	uint64_t v;

	while (!stop) {
		if (epoll_wait(ep, &e, 1, 20) != 1)
			continue;
		while (read(e.data.fd, &v, 8) == 8)
			__atomic_add_fetch(&taken, (long)v, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void *shot_taker(void *arg)
{
	struct epoll_event e;
	uint64_t v;

	while (!stop) {
		if (epoll_wait(ep, &e, 1, 20) != 1)
			continue;
		if (read(e.data.fd, &v, 8) == 8)
			__atomic_add_fetch(&taken, (long)v, __ATOMIC_SEQ_CST);
		else
			say("a one-shot event came twice");
		e.events = EPOLLIN | EPOLLONESHOT;
		NEED(epoll_ctl(ep, EPOLL_CTL_MOD, e.data.fd, &e));
	}
	return NULL;
}

static void run(const char *what, void *(*fn)(void *), unsigned events)
{
	pthread_t t[4];
	int fds[8], i, n;
	uint64_t one = 1;

	ep = NEED(epoll_create1(0));
	stop = 0;
	taken = 0;
	for (i = 0; i < 8; i++) {
		struct epoll_event e = { .events = events };

		fds[i] = e.data.fd = NEED(eventfd(0, EFD_NONBLOCK));
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e));
	}
	for (i = 0; i < 4; i++)
		NEED0(pthread_create(&t[i], NULL, fn, NULL));
	for (n = 0; n < 500; n++)
		for (i = 0; i < 8; i++)
			NEED(write(fds[i], &one, 8));
	for (n = 0; n < 100000 && taken < 4000; n++)
		usleep(1000);
	stop = 1;
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	say("%s: %ld of 4000", what, taken);
	for (i = 0; i < 8; i++)
		close(fds[i]);
	close(ep);
}

static void *changer(void *arg)
{
	int i, fd;

	for (i = 0; i < 500; i++) {
		struct epoll_event e = { .events = EPOLLIN };
		uint64_t one = 1;

		fd = NEED(eventfd(0, EFD_NONBLOCK));
		e.data.fd = -1;
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
		NEED(write(fd, &one, 8));
		if (i % 2)
			NEED(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
		close(fd);
	}
	return NULL;
}

static void *ignorer(void *arg)
{
	struct epoll_event e[4];

	while (!stop)
		NEED(epoll_wait(ep, e, 4, 5));
	return NULL;
}

TEST(epoll_threads)
{
	pthread_t t[4];
	struct epoll_event e;
	int i;

	run("edges", edge_taker, EPOLLIN | EPOLLET);
	run("one shot", shot_taker, EPOLLIN | EPOLLONESHOT);
	ep = NEED(epoll_create1(0));
	stop = 0;
	for (i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, changer, NULL));
	for (i = 2; i < 4; i++)
		NEED0(pthread_create(&t[i], NULL, ignorer, NULL));
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	stop = 1;
	for (i = 2; i < 4; i++)
		pthread_join(t[i], NULL);
	T(epoll_wait(ep, &e, 1, 0)); /* all of them are gone */
	{
		int tf = NEED(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)), n = 0;
		struct itimerspec its = { { 0, 2000000 }, { 0, 2000000 } };
		uint64_t v, sum = 0;
		long start = now_ms();

		e = (struct epoll_event){ .events = EPOLLIN };
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, tf, &e));
		NEED(timerfd_settime(tf, 0, &its, NULL));
		while (sum < 50) {
			NEED(epoll_wait(ep, &e, 1, 100000));
			NEED(read(tf, &v, 8));
			sum += v;
			n++;
		}
		say("fifty ticks of 2 ms: %d", now_ms() - start >= 98 && n <= 50);
	}
}
