/* SPDX-License-Identifier: MIT */
/*
 * race_tcp_filter: the filter of a listener comes and goes during connects: each connection keeps
 * the filter that it was made with.
 */
#include "inet.h"
#include <linux/filter.h>
#include <pthread.h>

#define ROUNDS 1500

static int l;
static volatile int done;

static void *change(void *arg)
{
	struct sock_filter all = { BPF_RET | BPF_K, 0, 0, 0xffffffff };
	struct sock_fprog p = { 1, &all };

	while (!done) {
		setsockopt(l, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p));
		setsockopt(l, SOL_SOCKET, SO_DETACH_FILTER, NULL, 0);
	}
	return NULL;
}

TEST(race_tcp_filter)
{
	struct linger at_once = { 1, 0 };
	int good = 0, port;
	pthread_t t;
	char c;

	lo_up();
	l = listener(16);
	port = port_of(l);
	NEED0(pthread_create(&t, NULL, change, NULL));
	for (int k = 0; k < ROUNDS; k++) {
		int a = NEED(socket(AF_INET, SOCK_STREAM, 0)), b;

		NEED(setsockopt(a, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
		if (reach(a, port))
			say("connect: %s", strerror(errno));
		b = NEED(accept(l, NULL, NULL));
		good += send(a, "x", 1, 0) == 1 && recv(b, &c, 1, 0) == 1;
		close(a);
		close(b);
	}
	done = 1;
	pthread_join(t, NULL);
	say("%d of %d", good, ROUNDS);
}
