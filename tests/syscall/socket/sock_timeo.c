/* SPDX-License-Identifier: MIT */
/*
 * sock_timeo: SO_RCVTIMEO holds although other things happen to the socket meanwhile: it sends, and
 * its send buffer fills and empties.
 */
#include "inet.h"

static int fd;
static volatile bool done;

static void *sends(void *arg)
{
	struct sockaddr_in to = at("127.0.0.1", port_of(*(int *)arg));
	long end = now_ms() + 60000;
	char c;

	while (!done && now_ms() < end) {
		NEED(sendto(fd, "x", 1, 0, SA(&to), sizeof(to)));
		NEED(recv(*(int *)arg, &c, 1, 0));
	}
	return NULL;
}

TEST(sock_timeo)
{
	struct timeval limit = { .tv_usec = 200000 };
	struct timespec a, b;
	pthread_t t;
	int other;
	char c;

	lo_up();
	fd = bound(SOCK_DGRAM, "127.0.0.1");
	other = bound(SOCK_DGRAM, "127.0.0.1");
	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	NEED0(pthread_create(&t, NULL, sends, &other));
	clock_gettime(CLOCK_MONOTONIC, &a);
	T(recv(fd, &c, 1, 0));
	clock_gettime(CLOCK_MONOTONIC, &b);
	done = true;
	say("within %s", (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 50000 ?
				 "its time" :
				 "more than its time");
	NEED0(pthread_join(t, NULL));
}
