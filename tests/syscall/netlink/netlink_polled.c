/* SPDX-License-Identifier: MIT */
/*
 * netlink_polled: a hundred sockets listen to a netlink group: when one of them can read a message,
 * poll, select and epoll report it at once.
 */
#include "netns.h"
#include <poll.h>
#include <sys/select.h>

#define MANY 100

static int fds[MANY];

/* Brings va0 up or down, which the group is notified of. */
static void tell(int on)
{
	set_up("va0", on);
}

static void empty(void)
{
	char buf[8192];

	for (int k = 0; k < MANY; k++)
		while (recv(fds[k], buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
}

static int polled(void)
{
	struct pollfd p[MANY];

	for (int k = 0; k < MANY; k++)
		p[k] = (struct pollfd){ .fd = fds[k], .events = POLLIN };
	return poll(p, MANY, 0);
}

static int selected(void)
{
	struct timeval none = { 0 };
	fd_set set;

	FD_ZERO(&set);
	for (int k = 0; k < MANY; k++)
		FD_SET(fds[k], &set);
	return select(fds[MANY - 1] + 1, &set, NULL, NULL, &none);
}

static int epolled(void)
{
	static struct epoll_event got[MANY];
	int ep = NEED(epoll_create1(0)), n;

	for (int k = 0; k < MANY; k++)
		NEED(epoll_ctl(
			ep, EPOLL_CTL_ADD, fds[k], &(struct epoll_event){ .events = EPOLLIN }));
	n = epoll_wait(ep, got, MANY, 0);
	close(ep);
	return n;
}

TEST(netlink_polled)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };

	own_net();
	for (int k = 0; k < MANY; k++) {
		fds[k] = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
		NEED(bind(fds[k], SA(&a), sizeof(a)));
	}
	tell(0);
	T(polled());
	empty();
	T(polled());
	tell(1);
	T(selected());
	empty();
	tell(0);
	T(epolled());
}
