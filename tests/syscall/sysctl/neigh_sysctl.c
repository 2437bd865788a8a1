/* SPDX-License-Identifier: MIT */
/*
 * neigh_sysctl: /proc/sys/net/{ipv4,ipv6}/neigh/NAME: contents, and valid values.
 * tests/unit/net_link.c tests their effect.
 */
#include "guest.h"
#include "netns.h"
#include <linux/neighbour.h>

#define NEIGH4 "/proc/sys/net/ipv4/neigh/"
#define NEIGH6 "/proc/sys/net/ipv6/neigh/"

static void show_all(const char *dir)
{
	static const char *const names[] = { "mcast_solicit", "ucast_solicit", "retrans_time_ms",
		"base_reachable_time", "base_reachable_time_ms", "delay_first_probe_time",
		"app_solicit", "mcast_resolicit", "gc_stale_time", "unres_qlen_bytes", "unres_qlen",
		"locktime" };
	char path[128];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		show_file(path, NULL);
	}
}

static void try(const char *path, const char *text)
{
	say("%s <- %s", path, text);
	put_text(path, text);
	show_file(path, NULL);
}

/* Sends a datagram to 10.9.0.@n, an unknown neighbour. */
static void send_to(int n)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(0x0a090000 + (unsigned)n) };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(sendto(fd, "x", 1, 0, SA(&to), sizeof(to)));
	close(fd);
}

/* Prints how often listeners are asked for 10.9.0.@n until it has failed. */
static void hear(int fd, int n)
{
	char b[4096];
	int state = 0, wanted = 0;

	while (state != NUD_FAILED) {
		int len = NEED(recv(fd, b, sizeof(b), 0));

		for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			struct ndmsg *m = NLMSG_DATA(h);
			struct rtattr *a = (void *)(m + 1);

			if (m->ndm_family != AF_INET || a->rta_type != NDA_DST ||
				*(unsigned *)RTA_DATA(a) != htonl(0x0a090000 + (unsigned)n))
				continue;
			if (h->nlmsg_type == RTM_GETNEIGH) {
				wanted++;
				IS(h->nlmsg_flags & NLM_F_REQUEST);
				IS(m->ndm_state == NUD_INCOMPLETE);
			} else {
				state = m->ndm_state;
			}
		}
	}
	say("%d: programs were asked %d times", n, wanted);
}

static void programs(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

	NEED(bind(fd, SA(&a), sizeof(a)));
	put_text(NEIGH4 "va0/retrans_time_ms", "100");
	put_text(NEIGH4 "va0/mcast_solicit", "1");
	send_to(7);
	hear(fd, 7);
	put_text(NEIGH4 "va0/app_solicit", "2");
	send_to(8);
	hear(fd, 8);
	close(fd);
}

/* Checks the collector's settings, which the whole machine shares. */
static void collector(void)
{
	static const char *const names[] = { "gc_thresh1", "gc_thresh2", "gc_thresh3",
		"gc_interval" };
	static const char *const want[] = { "128", "512", "1024", "30" };
	char path[128], text[32] = "";

	for (unsigned i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "%sdefault/%s", i / 4 ? NEIGH6 : NEIGH4, names[i % 4]);
		if (in_guest()) {
			int fd = NEED(open(path, O_RDWR));

			text[NEED(read(fd, text, sizeof(text) - 1)) - 1] = 0;
			T(pwrite(fd, "-1", 2, 0));
			close(fd);
		} else {
			say("pwrite(fd, \"-1\", 2, 0) = -1 EINVAL");
		}
		say("%s: %s", path, in_guest() ? text : want[i % 4]);
	}
}

TEST(neigh_sysctl)
{
	collector();
	own_net();
	say("default: %d", access(NEIGH4 "default", F_OK));
	say("all: %d", access(NEIGH4 "all", F_OK));
	show_all(NEIGH4 "lo");
	show_all(NEIGH4 "va0");
	show_all(NEIGH6 "va0");
	try(NEIGH4 "va0/mcast_solicit", "-1");
	try(NEIGH4 "va0/mcast_solicit", "x");
	try(NEIGH4 "va0/ucast_solicit", "7");
	try(NEIGH4 "va0/ucast_solicit", "0");
	try(NEIGH4 "va0/retrans_time_ms", "-1");
	try(NEIGH4 "va0/base_reachable_time_ms", "-1");
	try(NEIGH4 "va0/base_reachable_time", "7");
	show_file(NEIGH4 "va0/base_reachable_time_ms", NULL);
	try(NEIGH4 "va0/base_reachable_time_ms", "40000");
	show_file(NEIGH4 "va0/base_reachable_time", NULL);
	try(NEIGH4 "va0/delay_first_probe_time", "3");
	try(NEIGH4 "va0/app_solicit", "-1");
	try(NEIGH4 "va0/mcast_resolicit", "-1");
	try(NEIGH4 "va0/mcast_resolicit", "4");
	try(NEIGH4 "va0/gc_stale_time", "-5");
	try(NEIGH4 "va0/gc_stale_time", "7");
	try(NEIGH4 "va0/locktime", "x");
	try(NEIGH4 "va0/locktime", "8");
	try(NEIGH4 "va0/unres_qlen", "3");
	show_file(NEIGH4 "va0/unres_qlen_bytes", NULL);
	try(NEIGH4 "va0/unres_qlen", "-1");
	try(NEIGH4 "va0/unres_qlen", "1027505");
	try(NEIGH4 "va0/unres_qlen", "1027506");
	try(NEIGH4 "va0/unres_qlen_bytes", "-1");
	try(NEIGH4 "va0/unres_qlen_bytes", "5000");
	show_file(NEIGH4 "va0/unres_qlen", NULL);
	try(NEIGH4 "va0/proxy_qlen", "-1");
	try(NEIGH4 "va0/proxy_qlen", "5");
	try(NEIGH4 "va0/proxy_delay", "x");
	try(NEIGH4 "va0/proxy_delay", "4");
	programs();
	show_all(NEIGH4 "vb0");
	show_all(NEIGH6 "va0");
}
