/* SPDX-License-Identifier: MIT */
/*
 * pipe_edges: edges of epoll(7) at a pipe: readers get one for each write, writers only if there
 * was no room, once a whole page is free again.
 */
#include "t.h"
#include <sys/epoll.h>

static char bytes[70000];
static int p[2], ep;

static void edges(const char *what)
{
	struct epoll_event e[4];
	int n = epoll_wait(ep, e, 4, 0);
	unsigned events[2] = { 0, 0 };

	for (int i = 0; i < n; i++)
		events[e[i].data.u32] |= e[i].events;
	say("%s: reader %x, writer %x", what, events[0], events[1]);
}

static void begin(bool reader, bool writer)
{
	struct epoll_event in = { EPOLLIN | EPOLLET, { .u32 = 0 } },
			   out = { EPOLLOUT | EPOLLET, { .u32 = 1 } };

	NEED(pipe2(p, O_NONBLOCK));
	ep = NEED(epoll_create1(0));
	if (reader)
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &in));
	if (writer)
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &out));
	edges("made");
}

static void end(void)
{
	close(p[0]);
	close(p[1]);
	edges("closed");
	close(ep);
}

static void with_room(void)
{
	begin(true, true);
	NEED(write(p[1], bytes, 6));
	edges("six are written");
	NEED(write(p[1], bytes, 6));
	edges("six more");
	NEED(read(p[0], bytes, 2));
	edges("two are read");
	NEED(read(p[0], bytes, 100));
	edges("all are read");
	T(read(p[0], bytes, 1));
	edges("nothing was there");
	end();
}

static void without_room(void)
{
	begin(false, true);
	say("%zd", write(p[1], bytes, sizeof(bytes)));
	edges("full");
	T(write(p[1], bytes, 1));
	NEED(read(p[0], bytes, 1));
	edges("one is read");
	NEED(read(p[0], bytes, 4095));
	edges("a page is read");
	NEED(read(p[0], bytes, 4096));
	edges("another");
	NEED(write(p[1], bytes, 8192));
	edges("full again");
	NEED(read(p[0], bytes, 5000));
	edges("more than a page");
	end();
}

/* Pages that are not full take no less room. */
static void small_ones(void)
{
	int n = 0;

	begin(false, true);
	NEED(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT)); /* each write is a page */
	while (write(p[1], bytes, 10) == 10)
		n++;
	say("%d", n);
	edges("full");
	NEED(read(p[0], bytes, 5)); /* the rest of it is lost */
	edges("one is read");
	NEED(read(p[0], bytes, 10));
	edges("another");
	end();
}

TEST(pipe_edges)
{
	with_room();
	without_room();
	small_ones();
}
