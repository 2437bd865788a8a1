/* SPDX-License-Identifier: MIT */
/*
 * sock_sweep: every option number of IP, IPV6, TCP and UDP, on every kind of socket: its first
 * value, its results for 0, 1, -1, a large value, a byte and nothing, and its value then.
 */
#include "inet.h"

static const struct kind {
	const char *name;
	int family, type, protocol;
} kinds[] = {
	{ "tcp", AF_INET, SOCK_STREAM, 0 },
	{ "udp", AF_INET, SOCK_DGRAM, 0 },
	{ "raw", AF_INET, SOCK_RAW, 200 },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0 },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0 },
	{ "raw6", AF_INET6, SOCK_RAW, 200 },
};

static void show(int fd, int level, int opt, char *out)
{
	unsigned char v[64];
	socklen_t n = sizeof(v);
	int r;

	memset(v, 0xee, sizeof(v));
	r = getsockopt(fd, level, opt, v, &n);
	out += strlen(out);
	if (r) {
		sprintf(out, " %s", t_errno(errno));
		return;
	}
	out += sprintf(out, " %d:", (int)n);
	for (unsigned k = 0; k < n && k < 20; k++)
		out += sprintf(out, "%02x", v[k]);
}

static void put(int fd, int level, int opt, const void *v, socklen_t n, const char *what, char *out)
{
	int r = setsockopt(fd, level, opt, v, n);

	sprintf(out + strlen(out), " | %s %s:", what, r ? t_errno(errno) : "ok");
	show(fd, level, opt, out);
}

/* Options that docs/net.md names as missing: IPV6_HOPOPTS and IPV6_DSTOPTS on streams. */
static const struct {
	int level, opts[32];
} missing[] = {
	{ SOL_IP, { 4, 5, 6, 7, 9, 16, 17, 23 } },
	{ SOL_IPV6, { 1, 6, 22, 27, 28, 30, 32, 33, 34, 35, 54, 55, 57, 59, 60, 61 } },
	{ SOL_TCP, { 14, 19, 20, 21, 22, 29, 32, 33, 35, 37, 38, 39, 40 } },
};
/*
 * What is the machine's (its congestion control, its clock, its buffers), or has changed in Linux
 * in the last years.
 */
static const struct {
	int level, opts[32];
} varies[] = {
	{ SOL_IP, { 3, 36 /* to leave no group */, 51, 52 } },
	{ SOL_IPV6, { 64, 65, 68, 69, 80 } },
	{ SOL_TCP, { 10, 11, 13, 24, 26, 43, 44, 45, 46 } },
};

static int skipped(const struct kind *k, int level, int opt)
{
	for (unsigned n = 0; n < 3; n++)
		for (unsigned o = 0; o < 32; o++)
			if ((missing[n].level == level && missing[n].opts[o] == opt) ||
				(varies[n].level == level && varies[n].opts[o] == opt))
				return 1;
	/* tables of packet filters */
	return level == SOL_IP && opt >= 64;
}

static void one(const struct kind *k, int level, int opt)
{
	static const int values[] = { 1, 0, -1, 255, 70000 };
	static const char *const names[] = { "1", "0", "-1", "255", "70000" };
	int fd = NEED(socket(k->family, k->type, k->protocol));
	char line[2000];
	uint64_t zero[4] = { 0 };

	sprintf(line, "%s %d %d:", k->name, level, opt);
	show(fd, level, opt, line);
	for (int v = 0; v < 5; v++)
		put(fd, level, opt, &values[v], sizeof(int), names[v], line);
	put(fd, level, opt, "\1", 1, "byte", line);
	put(fd, level, opt, "", 0, "nothing", line);
	put(fd, level, opt, zero, sizeof(zero), "zeroes", line);
	say("%s", line);
	close(fd);
}

TEST(sock_sweep)
{
	static const struct {
		int level, to;
	} levels[] = { { SOL_IP, 60 }, { SOL_IPV6, 85 }, { SOL_TCP, 50 }, { 17, 10 }, { 255, 3 },
		{ 17, 105 } };

	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	for (int k = 0; k < 6; k++)
		for (int l = 0; l < 6; l++)
			for (int o = l == 5 ? 100 : 0; o < levels[l].to; o++)
				if (!skipped(&kinds[k], levels[l].level, o))
					one(&kinds[k], levels[l].level, o);
}
