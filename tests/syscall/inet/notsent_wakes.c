/* SPDX-License-Identifier: MIT */
/* A higher TCP_NOTSENT_LOWAT wakes up writers that the lower one held back: poll, write. */
#include "t.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>

#define LOW 4096
#define HIGH (1 << 20)

static int fd;

static void *poller(void *unused)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return (void *)(long)(poll(&p, 1, 60000) == 1 && p.revents == POLLOUT);
}

static void *writer(void *unused)
{
	return (void *)(long)(write(fd, "x", 1) == 1);
}

/*
 * Connects fd to a peer that reads nothing, and sends until as much is unsent as @lowat permits.
 * Returns the listener.
 */
static int fill(int lowat)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), big = HIGH, small = 4096;
	static char block[4096];

	NEED(setsockopt(l, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)));
	NEED(listen(l, 1));
	NEED(getsockname(l, (struct sockaddr *)&a, &len));
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big)));
	NEED(setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat)));
	NEED(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	/* until what is still on its way makes no more room */
	do {
		while (send(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
			;
		usleep(50000);
	} while (poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 0));
	return l;
}

static void wakes(const char *what, void *(*wait)(void *))
{
	int l = fill(LOW), high = HIGH;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	pthread_t t;
	void *ret;

	say("%s: ready %d", what, poll(&p, 1, 0));
	NEED0(pthread_create(&t, NULL, wait, NULL));
	usleep(100000);
	NEED(setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &high, sizeof(high)));
	alarm(30); /* ends a writer that is not woken */
	NEED0(pthread_join(t, &ret));
	alarm(0);
	say("woken: %ld", (long)ret);
	close(fd);
	close(l);
}

TEST(notsent_wakes)
{
	wakes("poll", poller);
	wakes("write", writer);
}
