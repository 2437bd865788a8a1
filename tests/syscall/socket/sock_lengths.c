/* SPDX-License-Identifier: MIT */
/*
 * sock_lengths: options of every level on every kind of socket, with values of 0, 1, 2, 4, 8 and 16
 * bytes, with and without capabilities: results of setsockopt for 0, 1, -1 and a large number, and
 * of getsockopt with buffers of those sizes.
 */
#include "netns.h"
#include <linux/capability.h>

static const struct kind {
	const char *name;
	int family, type, protocol;
} kinds[] = {
	{ "unix stream", AF_UNIX, SOCK_STREAM, 0 },
	{ "unix dgram", AF_UNIX, SOCK_DGRAM, 0 },
	{ "unix seqpacket", AF_UNIX, SOCK_SEQPACKET, 0 },
	{ "tcp", AF_INET, SOCK_STREAM, 0 },
	{ "udp", AF_INET, SOCK_DGRAM, 0 },
	{ "udplite", AF_INET, SOCK_DGRAM, 136 },
	{ "raw", AF_INET, SOCK_RAW, 200 },
	{ "raw icmp", AF_INET, SOCK_RAW, IPPROTO_ICMP },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0 },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0 },
	{ "raw6", AF_INET6, SOCK_RAW, 200 },
	{ "raw icmp6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 },
	{ "packet raw", AF_PACKET, SOCK_RAW, 0 },
	{ "packet dgram", AF_PACKET, SOCK_DGRAM, 0 },
	{ "netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
};
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static const struct {
	int level, to;
} levels[] = { { SOL_SOCKET, 78 }, { SOL_IP, 55 }, { SOL_IPV6, 82 }, { SOL_TCP, 50 }, { 17, 12 },
	{ 17, 106 }, { 58, 3 }, { 136, 12 }, { 255, 9 }, { 263, 26 }, { 270, 14 }, { 1000, 2 } };
#define LEVELS (int)(sizeof(levels) / sizeof(levels[0]))

/*
 * Options that docs/net.md names as missing, and those that depend on the machine or differ between
 * recent hosts.
 */
static const struct {
	int level, opts[40];
} skips[] = {
	{ SOL_SOCKET, { 7, 8, 18, 26, 32, 33, 12, 36, 46, 69, 70, 55, 56, 57, 60, 71, 73 } },
	{ SOL_IP, { 3, 36, 51, 52, 4, 5, 6, 7, 9, 16, 17, 23 } },
	{ SOL_IPV6, { 64, 65, 68, 69, 80, 1, 6, 22, 27, 28, 30, 32, 33, 34, 35, 54, 55, 57, 59, 60,
			    61 } },
	{ SOL_TCP, { 10, 11, 13, 24, 26, 43, 44, 45, 46, 14, 19, 20, 21, 22, 29, 32, 33, 35, 37, 38,
			   39, 40, 41, 42 } },
};
#define SKIPS (int)(sizeof(skips) / sizeof(skips[0]))

static int skipped(const struct kind *k, int level, int opt)
{
	for (int n = 0; n < SKIPS; n++)
		for (int o = 0; o < 40; o++)
			if (skips[n].level == level && skips[n].opts[o] == opt && opt)
				return 1;
	return 0;
}

static const socklen_t lengths[] = { 0, 1, 2, 4, 8, 16 };

static void put(int fd, int level, int opt, int value, const char *what, char *line)
{
	unsigned char v[16], back[64];

	memset(v, value < 0 ? 0xff : 0, sizeof(v));
	memcpy(v, &value, 4);
	sprintf(line + strlen(line), " | %s", what);
	for (int n = 0; n < 6; n++) {
		socklen_t room = sizeof(back);
		int r = setsockopt(fd, level, opt, v, lengths[n]);

		sprintf(line + strlen(line), " %s", r ? t_errno(errno) : "ok");
		memset(back, 0, sizeof(back));
		if (!r && !getsockopt(fd, level, opt, back, &room))
			sprintf(line + strlen(line), "=%02x%02x%02x%02x", back[3], back[2], back[1],
				back[0]);
	}
}

static void get(int fd, int level, int opt, char *line)
{
	for (int n = 0; n < 6; n++) {
		unsigned char v[32];
		socklen_t room = lengths[n];
		int r;

		memset(v, 0xee, sizeof(v));
		r = getsockopt(fd, level, opt, v, &room);
		if (r)
			sprintf(line + strlen(line), " %s", t_errno(errno));
		else
			sprintf(line + strlen(line), " %d:%02x%02x%02x%02x%02x", (int)room, v[0],
				v[1], v[2], v[3], v[4]);
	}
}

static void one(const struct kind *k, int level, int opt)
{
	int fd = NEED(socket(k->family, k->type, k->protocol));
	char line[3000];

	sprintf(line, "%s %d %d:", k->name, level, opt);
	get(fd, level, opt, line);
	put(fd, level, opt, 0, "0", line);
	put(fd, level, opt, 1, "1", line);
	put(fd, level, opt, -1, "-1", line);
	put(fd, level, opt, 0x12345678, "big", line);
	say("%s", line);
	close(fd);
}

/* Of levels that are not a socket's own, a few are enough. */
static int own(const struct kind *k, int level)
{
	int inet = k->family == AF_INET || k->family == AF_INET6;

	switch (level) {
	case SOL_SOCKET: return 1;
	case SOL_IP: return inet;
	case SOL_IPV6: return k->family == AF_INET6;
	case SOL_TCP: return inet && k->type == SOCK_STREAM;
	case 17:
	case 136: return inet && k->type == SOCK_DGRAM;
	case 58:
	case 255: return inet && k->type == SOCK_RAW;
	case 263: return k->family == AF_PACKET;
	case 270: return k->family == AF_NETLINK;
	}
	return 0;
}

static void without_capabilities(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { 0 };

	NEED(syscall(SYS_capset, &h, d));
}

static void sweep(void)
{
	for (int k = 0; k < KINDS; k++) {
		int fd = socket(kinds[k].family, kinds[k].type, kinds[k].protocol);

		if (fd < 0) {
			say("%s: %s", kinds[k].name, t_errno(errno));
			continue;
		}
		close(fd);
		for (int l = 0; l < LEVELS; l++)
			for (int o = levels[l].to > 100 ? 100 : 0; o < levels[l].to; o++)
				if (!skipped(&kinds[k], levels[l].level, o) &&
					(o < 3 || own(&kinds[k], levels[l].level)))
					one(&kinds[k], levels[l].level, o);
	}
}

TEST(sock_lengths)
{
	NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	sweep();
	say("without capabilities");
	without_capabilities();
	sweep();
}
