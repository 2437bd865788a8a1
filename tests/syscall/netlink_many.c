/* SPDX-License-Identifier: MIT */
/*
 * Thousands of netlink sockets: what others are told of is not paid for by who does it.
 * The guest's only: times are looked at.
 */
#include "guest.h"

#include "netns.h"
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <sys/prctl.h>

#define MANY 10000
#define NAMES 1000
#define SMALL 8192

static int socks[MANY];

static int open_one(int protocol, unsigned groups, int room)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));

	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)));
	NEED(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static void open_many(int protocol, unsigned groups)
{
	struct rlimit l = { MANY + 64, MANY + 64 };

	NEED(setrlimit(RLIMIT_NOFILE, &l));
	for (int i = 0; i < MANY; i++)
		socks[i] = open_one(protocol, groups, SMALL);
}

static void close_many(void)
{
	for (int i = 0; i < MANY; i++)
		close(socks[i]);
}

static void took(const char *what, long alone, long beside, long most)
{
	if (getenv("NETLINK_MANY_TIMES"))
		say("%s: %ld ms, beside %d sockets %ld ms", what, alone, MANY, beside);
	say("%s take no longer beside many sockets: %s", what, beside <= most ? "yes" : "no");
}

/* ---- processes ---- */

static void listen_to_processes(int fd)
{
	struct {
		struct nlmsghdr head;
		struct cn_msg cn;
		unsigned op;
	} __attribute__((packed)) p = {
		.head = { .nlmsg_len = sizeof(p), .nlmsg_type = NLMSG_DONE },
		.cn = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(p.op) },
		.op = PROC_CN_MCAST_LISTEN,
	};

	NEED(send(fd, &p, sizeof(p), 0));
}

/* Each name is an event. The shortest of several times: the host may be busy. */
static long time_names(void)
{
	long least = LONG_MAX;

	for (int k = 0; k < 4; k++) {
		long start = now_ms();

		for (int i = 0; i < NAMES; i++)
			NEED(prctl(PR_SET_NAME, i % 2 ? "one" : "another"));
		least = now_ms() - start < least ? now_ms() - start : least;
	}
	return least;
}

static void others_cost_nothing(void)
{
	int fd = open_one(NETLINK_CONNECTOR, CN_IDX_PROC, SMALL);
	long alone, beside;

	listen_to_processes(fd);
	alone = time_names();
	open_many(NETLINK_ROUTE, RTMGRP_NEIGH);
	beside = time_names();
	close_many();
	close(fd);
	took("names", alone, beside, 6 * alone + 30);
}

TEST(netlink_many)
{
	if (!in_guest()) {
		took("names", 0, 0, 0);
		return;
	}
	others_cost_nothing();
}
