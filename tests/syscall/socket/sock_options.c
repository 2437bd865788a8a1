/* SPDX-License-Identifier: MIT */
/*
 * sock_options: options of SOL_SOCKET on every kind of socket: which exist, their first values, the
 * values they accept. socket(7).
 */
#include "inet.h"
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <sys/un.h>

static const struct {
	const char *name;
	int family, type, protocol;
} kinds[] = {
	{ "unix stream", AF_UNIX, SOCK_STREAM, 0 },
	{ "unix dgram", AF_UNIX, SOCK_DGRAM, 0 },
	{ "tcp", AF_INET, SOCK_STREAM, 0 },
	{ "udp", AF_INET, SOCK_DGRAM, 0 },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0 },
	{ "netlink", AF_NETLINK, SOCK_RAW, 0 },
};

/*
 * Options that depend on the machine (sizes of buffers, cookies), or have other tests (peers'
 * names, devices, CAP_NET_ADMIN).
 */
static int skipped(int opt, int kind)
{
	switch (opt) {
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
	case SO_COOKIE:
	case SO_MEMINFO:
	case SO_NETNS_COOKIE:
	case SO_DEBUG:
	case SO_MARK:
	case SO_BUSY_POLL:
	case SO_PREFER_BUSY_POLL:
	case SO_BUSY_POLL_BUDGET:
	case SO_ZEROCOPY:
	case SO_RESERVE_MEM:
	case SO_BINDTODEVICE:
	case SO_BINDTOIFINDEX: return 1;
	}
	/* what hosts of the last years do not agree on */
	if ((opt == SO_PASSCRED || opt == SO_PASSSEC) && kind != 0 && kind != 1 && kind != 5)
		return 1;
	if ((opt == SO_REUSEPORT && kinds[kind].family != AF_INET) ||
		(opt == SO_PEEK_OFF && kind != 0))
		return 1;
	return opt > 75 || (kind == 5 && opt == SO_PEERNAME);
}

static void one(int kind, int opt)
{
	int fd = socket(kinds[kind].family, kinds[kind].type, kinds[kind].protocol), one = 1, r;
	unsigned char v[64] = { 0 };
	socklen_t n = sizeof(v);
	char text[64], hex[40] = "";

	snprintf(text, sizeof(text), "%s get %d", kinds[kind].name, opt);
	r = getsockopt(fd, SOL_SOCKET, opt, v, &n);
	for (unsigned i = 0; !r && i < n && i < 16; i++)
		sprintf(hex + 2 * i, "%02x", v[i]);
	say("%s: %s %d %s", text, r ? t_errno(errno) : "ok", r ? 0 : (int)n, hex);
	snprintf(text, sizeof(text), "%s set %d", kinds[kind].name, opt);
	TN(text, setsockopt(fd, SOL_SOCKET, opt, &one, sizeof(one)));
	n = sizeof(one);
	one = -77;
	if (!getsockopt(fd, SOL_SOCKET, opt, &one, &n))
		say("now %d %d", one, (int)n);
	close(fd);
}

static void limits(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), u = socket(AF_UNIX, SOCK_DGRAM, 0);
	char buf[64];
	socklen_t n;
	uint64_t a, b;

	T(set(fd, SOL_SOCKET, SO_PEEK_OFF, -2));
	T(set(fd, SOL_SOCKET, SO_BUF_LOCK, 4));
	T(set(fd, SOL_SOCKET, SO_BUF_LOCK, 3));
	T(number(fd, SOL_SOCKET, SO_BUF_LOCK));
	T(set(fd, SOL_SOCKET, SO_TXREHASH, 1));
	T(set(fd, SOL_SOCKET, SO_CNX_ADVICE, 2));
	T(set(fd, SOL_SOCKET, SO_TIMESTAMPING, 1 << 20));
	T(set(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_OPT_STATS));
	T(set(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE));
	T(number(fd, SOL_SOCKET, SO_TIMESTAMPING));
	T(set(fd, SOL_SOCKET, SO_TIMESTAMP, 1));
	T(set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	T(number(fd, SOL_SOCKET, SO_TIMESTAMP));
	T(set(fd, SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1));
	T(number(fd, SOL_SOCKET, SO_TIMESTAMPNS));
	T(number(fd, SOL_SOCKET, SO_TIMESTAMPNS_NEW));
	T(set(fd, SOL_SOCKET, SO_ATTACH_BPF, -1));
	n = 4;
	T(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &a, &n));
	n = 8;
	T(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &a, &n));
	T(getsockopt(u, SOL_SOCKET, SO_COOKIE, &b, &n));
	IS(a != 0 && b != 0 && a != b);
	T(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &b, &n));
	IS(a == b);
	n = 16;
	T(getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, buf, &n));
	n = 64;
	T(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, buf, &n));
	T(n);
	n = 4;
	T(getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, buf, &n));
	T(n);
	T(set(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 1000));
	n = 8;
	T(getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &a, &n));
	T(a);
	T(set(fd, SOL_SOCKET, SO_RCVBUF, 4096));
	T(number(fd, SOL_SOCKET, SO_BUF_LOCK));
	close(fd);
	close(u);
}

TEST(sock_options)
{
	for (int k = 0; k < (int)(sizeof(kinds) / sizeof(kinds[0])); k++)
		for (int o = 1; o < 78; o++)
			if (!skipped(o, k))
				one(k, o);
	limits();
}
