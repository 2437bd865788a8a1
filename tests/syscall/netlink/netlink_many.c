/* SPDX-License-Identifier: MIT */
/*
 * netlink_many: thousands of netlink sockets: events do not cost more for the processes that cause
 * them, and each listener gets all of them in order. Guests only, since it checks times.
 */
#include "guest.h"

#include "netns.h"
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/neighbour.h>
#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <sys/prctl.h>

#define MANY 10000
#define NEIGHS 1000
#define NAMES 1000
#define SMALL 8192
#define LARGE (8 << 20)

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
		socks[i] = open_one(protocol, groups, i % (MANY / 2) ? SMALL : LARGE);
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

/* Returns the shortest of several times (ms), since the host may be busy. Each name is an event. */
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

#define SOME 100

static void set_names(int from, int to)
{
	char name[16];

	for (; from < to; from++) {
		snprintf(name, sizeof(name), "name %d", from);
		NEED(prctl(PR_SET_NAME, name));
	}
}

/* Returns how many of our names @fd has got, in order and without other events of ours. */
static int names_heard(int fd)
{
	struct {
		struct nlmsghdr head;
		struct cn_msg cn;
		struct proc_event ev;
	} __attribute__((packed)) p;
	char name[16];
	int n = 0;

	while (recv(fd, &p, sizeof(p), MSG_DONTWAIT) > 0) {
		if (p.ev.what != PROC_EVENT_COMM || p.ev.event_data.comm.process_pid != getpid())
			continue;
		snprintf(name, sizeof(name), "name %d", n++);
		if (strcmp(p.ev.event_data.comm.comm, name) != 0)
			return -1;
	}
	return n;
}

/* With more listeners than get an event at once, each gets the events of its time in the group. */
static void in_order(void)
{
	int fd[SOME], group = CN_IDX_PROC, late;

	for (int i = 0; i < SOME; i++)
		fd[i] = open_one(NETLINK_CONNECTOR, CN_IDX_PROC, LARGE);
	listen_to_processes(fd[0]);
	set_names(0, 500);
	NEED(setsockopt(fd[1], SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)));
	late = open_one(NETLINK_CONNECTOR, CN_IDX_PROC, LARGE);
	set_names(500, 600);
	say("the last hears of %d names", names_heard(fd[SOME - 1]));
	say("a socket that left hears of %d", names_heard(fd[1]));
	say("a late socket hears %s", names_heard(late) == -1 ? "later ones" : "others");
	say("the first hears of %d", names_heard(fd[0]));
	for (int i = 0; i < SOME; i++)
		close(fd[i]);
	close(late);
}

/* ---- lists ---- */

static volatile bool over;

static void *comes_and_goes(void *arg)
{
	while (!over)
		close(open_one(NETLINK_USERSOCK, 0, SMALL));
	return arg;
}

/* Returns how many sockets with the group of the permanent sockets are listed. */
static int listed(void)
{
	FILE *f = fopen("/proc/net/netlink", "r");
	char line[256];
	unsigned group;
	int n = 0, protocol;

	while (f && fgets(line, sizeof(line), f))
		n += sscanf(line, "%*s %d %*u %x", &protocol, &group) == 2 &&
		     protocol == NETLINK_USERSOCK && group == 0x40;
	if (f)
		fclose(f);
	return n;
}

/* Returns how many sockets sock_diag lists: the test's, and at times another. */
static int told(void)
{
	struct {
		struct nlmsghdr h;
		struct netlink_diag_req r;
	} q = { { sizeof(q), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		{ .sdiag_family = AF_NETLINK, .sdiag_protocol = NETLINK_USERSOCK } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)), n = 0;
	char buf[8192];

	NEED(send(fd, &q, sizeof(q), 0));
	for (;;) {
		int len = (int)NEED(recv(fd, buf, sizeof(buf), 0));

		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)len);
			h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
				close(fd);
				return n;
			}
			n++;
		}
	}
}

static void lists(void)
{
	int all = 0, least = INT_MAX, n;
	pthread_t t;

	open_many(NETLINK_USERSOCK, 0x40);
	over = false;
	NEED0(pthread_create(&t, NULL, comes_and_goes, NULL));
	for (int i = 0; i < 5; i++) {
		all += listed();
		n = told();
		least = n < least ? n : least;
	}
	over = true;
	NEED0(pthread_join(t, NULL));
	close_many();
	say("each is listed once: %d, told: %d", all == 5 * MANY, least >= MANY);
}

/* ---- neighbours ---- */

static void neigh(int dev, int i)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWNEIGH,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)) } };
	struct ndmsg *d = NLMSG_DATA(&m.h);
	unsigned to = htonl(0x0a090000U + (unsigned)i);

	d->ndm_family = AF_INET;
	d->ndm_ifindex = dev;
	d->ndm_state = NUD_PERMANENT;
	nl_add(&m, NDA_DST, &to, 4);
	nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\2", 6);
	NEED0(nl_do(&m));
}

/* Returns how many neighbours have been reported, each once. */
static int heard(int fd, int flags)
{
	char buf[8192], seen[NEIGHS];
	int n = 0;
	ssize_t len;

	memset(seen, 0, sizeof(seen));
	while (n < NEIGHS && (len = recv(fd, buf, sizeof(buf), flags)) > 0)
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)len);
			h = NLMSG_NEXT(h, len)) {
			const struct ndmsg *d = NLMSG_DATA(h);
			int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(sizeof(*d));
			struct rtattr *a = (void *)((char *)d + NLMSG_ALIGN(sizeof(*d)));
			unsigned to;

			if (h->nlmsg_type != RTM_DELNEIGH || !RTA_OK(a, left))
				continue;
			memcpy(&to, RTA_DATA(a), sizeof(to));
			to = ntohl(to) - 0x0a090000U;
			if (to >= NEIGHS || seen[to]++)
				return -1;
			n++;
		}
	return n;
}

static volatile int waiting_for;

static void *waits(void *arg)
{
	return (void *)(long)heard(waiting_for, 0);
}

static long lose_them(int dev)
{
	long start;

	for (int i = 0; i < NEIGHS; i++)
		neigh(dev, i);
	start = now_ms();
	set_mac("va0", 7 + (unsigned char)(start % 100));
	return now_ms() - start;
}

static void neighbours(void)
{
	int dev, few;
	long alone, told;
	pthread_t t;
	void *got;

	own_net();
	dev = (int)if_nametoindex("va0");
	few = open_one(NETLINK_ROUTE, RTMGRP_NEIGH, LARGE);
	alone = lose_them(dev);
	say("one hears of %d", heard(few, MSG_DONTWAIT));
	for (int i = 0; i < NEIGHS; i++)
		neigh(dev, i);
	open_many(NETLINK_ROUTE, RTMGRP_NEIGH);
	waiting_for = socks[MANY / 2];
	NEED0(pthread_create(&t, NULL, waits, NULL));
	told = now_ms();
	set_mac("va0", 200);
	told = now_ms() - told;
	took("neighbours", alone, told, 20 * alone + 300);
	say("a non-waiting reader hears of %d", heard(socks[0], MSG_DONTWAIT));
	NEED0(pthread_join(t, &got));
	say("a waiting reader hears of %ld", (long)got);
	close_many();
	close(few);
}

TEST(netlink_many)
{
	if (!in_guest()) {
		took("names", 0, 0, 0);
		say("the last hears of 600 names");
		say("a socket that left hears of 500");
		say("a late socket hears later ones");
		say("the first hears of 600");
		say("each is listed once: 1, told: 1");
		say("one hears of %d", NEIGHS);
		took("neighbours", 0, 0, 0);
		say("a non-waiting reader hears of %d", NEIGHS);
		say("a waiting reader hears of %d", NEIGHS);
		return;
	}
	others_cost_nothing();
	in_order();
	lists();
	neighbours();
}
