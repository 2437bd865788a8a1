/* SPDX-License-Identifier: MIT */
/* /proc/sys/net/{ipv4,ipv6}/neigh/NAME: what stands there, and what may be written. tests/unit/net_link.c has what follows. */
#include "netns.h"

#define NEIGH4 "/proc/sys/net/ipv4/neigh/"
#define NEIGH6 "/proc/sys/net/ipv6/neigh/"

static void show_all(const char *dir)
{
	static const char *const names[] = { "mcast_solicit", "ucast_solicit", "retrans_time_ms",
		"base_reachable_time", "base_reachable_time_ms", "delay_first_probe_time" };
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

TEST(neigh_sysctl)
{
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
	show_all(NEIGH4 "vb0");
	show_all(NEIGH6 "va0");
}
