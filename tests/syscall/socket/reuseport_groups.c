/* SPDX-License-Identifier: MIT */
/*
 * reuseport_groups: sockets of one port (SO_REUSEPORT) that had programs before they were bound:
 * which may join, and whose program chooses.
 */
#include "inet.h"
#include <linux/filter.h>

#define NONE (-1)
#define DETACHED (-2) /* it had one */

/* Chooses the socket of that number. */
static int program(int fd, unsigned index)
{
	struct sock_filter code[] = { { BPF_RET | BPF_K, 0, 0, index } };
	struct sock_fprog p = { 1, code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof(p));
}

static int fresh(int type, int index)
{
	int fd = NEED(socket(AF_INET, type | SOCK_NONBLOCK, 0));

	NEED(set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	if (index != NONE)
		NEED(program(fd, index == DETACHED ? 0 : (unsigned)index));
	if (index == DETACHED)
		NEED(setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &(int){ 0 }, sizeof(int)));
	return fd;
}

/* Sends a byte to the port and prints which of @fds gets it. */
static void who(const int *fds, int n, int port)
{
	struct sockaddr_in to = at("127.0.0.1", port);
	int from = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	char c;

	NEED(sendto(from, "x", 1, 0, SA(&to), sizeof(to)));
	lo_settled();
	for (int k = 0; k < n; k++)
		if (recv(fds[k], &c, 1, 0) == 1)
			say("  to %d", k);
	close(from);
}

/* @programs: for each socket the index of its program before the bind, or NONE or DETACHED. */
static void group(const char *name, const int *programs, int n)
{
	int fds[4], in[4], port = 0;

	say("%s:", name);
	for (int k = 0; k < n; k++) {
		struct sockaddr_in a = at("127.0.0.1", port);

		fds[k] = fresh(SOCK_DGRAM, programs[k]);
		in[k] = T(bind(fds[k], SA(&a), sizeof(a))) == 0;
		if (!k)
			port = port_of(fds[0]);
	}
	T(setsockopt(fds[n - 1], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &(int){ 0 }, sizeof(int)));
	T(setsockopt(fds[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &(int){ 0 }, sizeof(int)));
	if (T(program(fds[n - 1], 0)) == 0 && in[n - 1]) /* else by hash */
		who(fds, n, port);
	T(program(fds[0], 0));
	who(fds, n, port);
	for (int k = 0; k < n; k++)
		close(fds[k]);
}

/* Listeners are in a group once they listen. */
static void listeners(void)
{
	int a = fresh(SOCK_STREAM, 1), b = fresh(SOCK_STREAM, 0), c;
	struct sockaddr_in to = at("127.0.0.1", 0);

	T(bind(a, SA(&to), sizeof(to)));
	to = at("127.0.0.1", port_of(a));
	T(bind(b, SA(&to), sizeof(to)));
	T(listen(a, 5));
	T(listen(b, 5));
	c = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(connect(c, SA(&to), sizeof(to)));
	lo_settled();
	say("first %d second %d", !!(events(a) & POLLIN), !!(events(b) & POLLIN));
	close(a);
	close(b);
	close(c);
}

TEST(reuseport_groups)
{
	lo_up();
	group("none", (int[]){ NONE, NONE, NONE }, 3);
	group("it had one", (int[]){ NONE, DETACHED, NONE }, 3);
	group("the first had one", (int[]){ DETACHED, NONE, NONE }, 3);
	group("the first", (int[]){ 1, NONE, NONE }, 3);
	group("the second", (int[]){ NONE, 1, NONE }, 3);
	group("the last", (int[]){ NONE, NONE, 1 }, 3);
	group("two", (int[]){ 1, 0 }, 2);
	group("all", (int[]){ 2, 1, 0 }, 3);
	listeners();
}
