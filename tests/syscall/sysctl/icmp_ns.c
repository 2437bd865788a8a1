/* SPDX-License-Identifier: MIT */
/*
 * icmp_ns: each network namespace has rate limits of ICMP of its own. Before Linux 6.12
 * icmp_msgs_per_sec and icmp_msgs_burst were of the whole machine.
 */
#include "netns.h"
#include "newer.h"

static const char *const paths[] = { "/proc/sys/net/ipv4/icmp_ratelimit",
	"/proc/sys/net/ipv4/icmp_ratemask", "/proc/sys/net/ipv6/icmp/ratelimit",
	"/proc/sys/net/ipv4/icmp_msgs_per_sec", "/proc/sys/net/ipv4/icmp_msgs_burst" };
#define PATHS (int)(sizeof(paths) / sizeof(paths[0]))

static long value(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -1;
	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	return atol(text);
}

static long write_eight(const char *path)
{
	int fd = open(path, O_WRONLY);
	long n = fd < 0 ? -1 : write(fd, "8", 1);

	if (fd >= 0)
		close(fd);
	return n;
}

TEST(icmp_ns)
{
	long first[PATHS];

	own_net();
	for (int i = 0; i < PATHS; i++) {
		have = i < 3 || access(paths[i], F_OK) == 0;
		say("%s", paths[i]);
		first[i] = value(paths[i]);
		CHECK(write_eight(paths[i]), 1);
		CHECK(value(paths[i]), 8);
	}
	NEED(unshare(CLONE_NEWNET));
	for (int i = 0; i < PATHS; i++) {
		have = i < 3 || access(paths[i], F_OK) == 0;
		HOLDS(value(paths[i]) == first[i]);
	}
}
