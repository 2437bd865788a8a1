/* SPDX-License-Identifier: MIT */
/*
 * reuseport_cpu: SO_INCOMING_CPU among sockets that share a port: a packet goes to the socket that
 * has chosen the processor on which it arrives, or to any if none has.
 */
#include "inet.h"

#include <sched.h>

#define ALL 4
#define TRIES 24

static int group[ALL];

static void members(int type)
{
	int first = bound(type, "127.0.0.1"), one = 1;
	struct sockaddr_in a = at("127.0.0.1", port_of(first));

	close(first);
	for (int i = 0; i < ALL; i++) {
		group[i] = NEED(socket(AF_INET, type | SOCK_NONBLOCK, 0));
		NEED(setsockopt(group[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
		NEED(bind(group[i], SA(&a), sizeof(a)));
		if (type == SOCK_STREAM)
			NEED(listen(group[i], TRIES));
	}
}

static int take(int fd, int type)
{
	char c;
	int n = 0, got;

	while ((got = type == SOCK_STREAM ? accept(fd, NULL, NULL) : (int)recv(fd, &c, 1, 0)) >=
		0) {
		if (type == SOCK_STREAM)
			close(got);
		n++;
	}
	return n;
}

/* Sends from many ports. Prints how many packets member @who got, or whether others got some. */
static void spread(const char *what, int type, int who)
{
	struct sockaddr_in a = at("127.0.0.1", port_of(group[0]));
	int got[ALL], sum = 0;

	for (int i = 0; i < TRIES; i++) {
		int fd = NEED(socket(AF_INET, type, 0));

		NEED(connect(fd, SA(&a), sizeof(a)));
		if (type == SOCK_DGRAM)
			NEED(send(fd, "x", 1, 0));
		close(fd);
	}
	for (int i = 0; i < ALL; i++)
		sum += got[i] = take(group[i], type);
	if (who < 0)
		say("%s: %d, all by one: %d", what, sum, got[0] == sum);
	else
		say("%s: %d of %d", what, got[who], sum);
}

static void of_type(int type)
{
	members(type);
	for (int who = 0; who < ALL; who++) {
		NEED(setsockopt(group[who], SOL_SOCKET, SO_INCOMING_CPU, &(int){ 0 }, sizeof(int)));
		spread("wanted", type, who);
		NEED(setsockopt(
			group[who], SOL_SOCKET, SO_INCOMING_CPU, &(int){ -1 }, sizeof(int)));
	}
	spread("not wanted", type, -1);
	for (int i = 0; i < ALL; i++)
		close(group[i]);
}

TEST(reuseport_cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	NEED(sched_setaffinity(0, sizeof(set), &set));
	lo_up();
	of_type(SOCK_STREAM);
	of_type(SOCK_DGRAM);
}
