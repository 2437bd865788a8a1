/* SPDX-License-Identifier: MIT */
/*
 * race_unix_oob: out-of-band bytes of AF_UNIX are sent, read in their turn, and read by MSG_OOB, at
 * the same time: no byte is read twice, and all arrive.
 */
#include "t.h"

#include <pthread.h>
#include <sys/socket.h>

#define ROUNDS 200000

static int ends[2];
static long ordinary, urgent;
static volatile int over;

static void *sender(void *arg)
{
	for (int k = 0; k < ROUNDS; k++) {
		while (send(ends[0], "u", 1, MSG_OOB | MSG_DONTWAIT) < 0 && errno == EAGAIN)
			sched_yield();
		if (k % 3 == 0)
			while (send(ends[0], "o", 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
				sched_yield();
	}
	shutdown(ends[0], SHUT_WR);
	return NULL;
}

static void *by_oob(void *arg)
{
	char c;

	while (!over) {
		if (recv(ends[1], &c, 1, MSG_OOB) == 1 && c == 'u')
			urgent++;
		sched_yield();
	}
	return NULL;
}

TEST(race_unix_oob)
{
	pthread_t a, b;
	char buf[64];
	ssize_t n;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	NEED0(pthread_create(&a, NULL, sender, NULL));
	NEED0(pthread_create(&b, NULL, by_oob, NULL));
	while ((n = recv(ends[1], buf, sizeof(buf), 0)) > 0)
		for (ssize_t k = 0; k < n; k++)
			ordinary += buf[k] == 'o';
	over = 1;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	say("end %zd, ordinary %ld, urgent %s", n, ordinary,
		urgent <= ROUNDS ? "not more than were sent" : "too many");
}
