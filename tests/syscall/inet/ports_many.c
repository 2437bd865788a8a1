/* SPDX-License-Identifier: MIT */
/*
 * ports_many: thousands of sockets at one port: the costs of bind(2), of a packet and of a
 * connection do not depend on how many sockets share the port, nor how. Also which socket a program
 * selects (SO_ATTACH_REUSEPORT_CBPF) after members have come and gone. Times are checked in the
 * guest only.
 */
#include "guest.h"
#include "netns.h"
#include <linux/filter.h>

#define MANY 6000
#define ROUNDS 40
#define TIMES 8 /* a batch must not be interrupted */
#define ENOUGH 4

/* ---- the socket that a program selects ---- */

static int member(int type, int port)
{
	struct sockaddr_in a = at("127.0.0.1", port);
	int fd = NEED(socket(AF_INET, type | SOCK_NONBLOCK, 0));

	NEED(set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	NEED(bind(fd, SA(&a), sizeof(a)));
	if (type == SOCK_STREAM)
		NEED(listen(fd, 8));
	return fd;
}

static int names(int fd, unsigned index)
{
	struct sock_filter code[] = { { BPF_RET | BPF_K, 0, 0, index } };
	struct sock_fprog p = { 1, code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof(p));
}

static void send_one(int type, int port)
{
	struct sockaddr_in to = at("127.0.0.1", port);
	int fd = NEED(socket(AF_INET, type, 0));

	NEED(connect(fd, SA(&to), sizeof(to)));
	if (type == SOCK_DGRAM)
		NEED(send(fd, "x", 1, 0));
	lo_settled();
	close(fd);
}

static int took(int fd, int type)
{
	char c;
	int got;

	if (fd < 0)
		return 0;
	got = type == SOCK_STREAM ? accept(fd, NULL, NULL) : (int)recv(fd, &c, 1, 0);
	if (type == SOCK_STREAM && got >= 0)
		close(got);
	return got >= 0;
}

/* Prints for each index which socket gets a packet. Past the end it may be any socket. */
static void row(const char *what, const int *fds, int n, int any, int type, int port)
{
	int there = 0, got;

	for (int k = 0; k < n; k++)
		there += fds[k] >= 0;
	say("%s:", what);
	for (int index = 0; index <= there; index++) {
		NEED(names(fds[any], (unsigned)index));
		send_one(type, port);
		got = 0;
		for (int k = 0; k < n; k++)
			if (took(fds[k], type)) {
				got++;
				if (index < there)
					say("  %d: %d", index, k);
			}
		say("  %d got it", got);
	}
}

static void leave(int *fds, int k)
{
	close(fds[k]);
	fds[k] = -1;
}

static void indices(const char *what, int type)
{
	int fds[6], port;

	say("%s", what);
	fds[0] = member(type, 0);
	port = port_of(fds[0]);
	for (int k = 1; k < 5; k++)
		fds[k] = member(type, port);
	row("five", fds, 5, 0, type, port);
	leave(fds, 1);
	row("the second went", fds, 5, 0, type, port);
	leave(fds, 0);
	fds[0] = member(type, port);
	row("the first came again", fds, 5, 2, type, port);
	leave(fds, 4);
	leave(fds, 2);
	row("the last and another went", fds, 5, 0, type, port);
	fds[1] = member(type, port);
	fds[5] = member(type, port);
	row("two more", fds, 6, 3, type, port);
	NEED(set(fds[5], SOL_SOCKET, SO_REUSEADDR, 1));
	row("as before", fds, 6, 3, type, port);
	for (int k = 0; k < 6; k++)
		if (fds[k] >= 0)
			close(fds[k]);
}

/* ---- times ---- */

static int fds[MANY], nr;

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int fresh(int type, int opt)
{
	int fd = NEED(socket(AF_INET, type, 0));

	if (opt)
		NEED(setsockopt(fd, SOL_SOCKET, opt, &(int){ 1 }, sizeof(int)));
	return fd;
}

static void empty(void)
{
	while (nr)
		close(fds[--nr]);
}

struct crowd {
	const char *what;
	int type, opt;
	unsigned first; /* address; 0: any */
	unsigned step;
	int peer; /* they have one */
	int listens;
};

static struct sockaddr_in address(const struct crowd *c, int k, int port)
{
	struct sockaddr_in a = at("0.0.0.0", port);

	a.sin_addr.s_addr = htonl(c->first + (unsigned)k * c->step);
	return a;
}

static int one_more(const struct crowd *c, int k, int port)
{
	struct sockaddr_in a = address(c, k, port), to = at("127.0.0.1", 77);
	int fd = fresh(c->type, c->opt);

	NEED(bind(fd, SA(&a), sizeof(a)));
	if (c->peer)
		NEED(connect(fd, SA(&to), sizeof(to)));
	if (c->listens)
		NEED(listen(fd, 2 * ROUNDS * TIMES)); /* connections are not accepted */
	return fd;
}

static void fill(const struct crowd *c, int port)
{
	while (nr < MANY) {
		fds[nr] = one_more(c, nr, port);
		nr++;
	}
}

static long binds(const struct crowd *c, int port)
{
	int fd[TIMES];
	long t = now();

	for (int k = 0; k < TIMES; k++)
		fd[k] = one_more(c, MANY + k, port);
	t = now() - t;
	for (int k = 0; k < TIMES; k++)
		close(fd[k]);
	return t;
}

static long packets(const struct crowd *c, int port)
{
	struct sockaddr_in to = address(c, 0, port), from = at("127.0.0.1", 77);
	int out;
	long t;

	if (!c->first)
		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	t = now();
	for (int k = 0; k < TIMES; k++) {
		out = fresh(c->type, SO_REUSEADDR);
		if (c->peer)
			NEED(bind(out, SA(&from), sizeof(from)));
		NEED(connect(out, SA(&to), sizeof(to)));
		if (c->type == SOCK_DGRAM)
			NEED(send(out, "x", 1, 0));
		close(out);
	}
	return now() - t;
}

static bool is_cheap(
	const struct crowd *c, const char *what, long (*fn)(const struct crowd *c, int port))
{
	long alone = LONG_MAX, among = LONG_MAX;

	for (int k = 0; k < ROUNDS; k++) {
		long a = fn(c, 4001), b = fn(c, 4000);

		alone = a < alone ? a : alone;
		among = b < among ? b : among;
	}
	if (among > ENOUGH * alone)
		say("%s, %s: %ld ns alone, %ld ns among %d", c->what, what, alone / TIMES,
			among / TIMES, MANY);
	return among <= ENOUGH * alone;
}

static void times(const struct crowd *c)
{
	int alone;

	if (!in_guest()) {
		say("%s: bind: 1\n%s: what comes: 1", c->what, c->what);
		return;
	}
	alone = one_more(c, 0, 4001);
	fill(c, 4000);
	say("%s: bind: %d", c->what, is_cheap(c, "bind", binds));
	say("%s: what comes: %d", c->what, is_cheap(c, "what comes", packets));
	empty();
	close(alone);
}

TEST(ports_many)
{
	static const struct crowd all[] = {
		{ "addresses", SOCK_DGRAM, 0, 0x7f010000, 1, 0, 0 },
		{ "any address", SOCK_DGRAM, SO_REUSEADDR, 0, 0, 0, 0 },
		{ "a group", SOCK_DGRAM, SO_REUSEPORT, 0x7f000001, 0, 0, 0 },
		{ "one peer", SOCK_DGRAM, SO_REUSEADDR, 0x7f000001, 0, 1, 0 },
		{ "listeners", SOCK_STREAM, SO_REUSEPORT, 0x7f000001, 0, 0, 1 },
		{ "listeners' addresses", SOCK_STREAM, 0, 0x7f010000, 1, 0, 1 },
	};
	struct rlimit l = { MANY + 64, MANY + 64 };

	own_net();
	indices("datagrams", SOCK_DGRAM);
	indices("listeners", SOCK_STREAM);
	if (in_guest())
		NEED(setrlimit(RLIMIT_NOFILE, &l));
	for (unsigned k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		times(&all[k]);
}
