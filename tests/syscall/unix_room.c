/* SPDX-License-Identifier: MIT */
/* AF_UNIX: how much fits before EAGAIN and until POLLOUT goes, in messages of which size, what SIOCOUTQ says, and how room comes back. */
#include "t.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static char bytes[300000];

static int outq(int fd)
{
	int n = -1;

	ioctl(fd, SIOCOUTQ, &n);
	return n;
}

static bool writable(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	return poll(&p, 1, 0) == 1;
}

static void fill(const char *name, int type, size_t size)
{
	int s[2], buf = 100000, one = -1, first_full = 0, n = 0;

	NEED(socketpair(AF_UNIX, type, 0, s));
	NEED(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &buf, sizeof(buf)));
	while (send(s[0], bytes, size, MSG_DONTWAIT) == (ssize_t)size) {
		if (!n++)
			one = outq(s[0]);
		if (!first_full && !writable(s[0]))
			first_full = n;
	}
	say("%s of %zu: %s after %d, not writable from %d on; one is %d, all are %d", name, size,
		t_errno(errno), n, first_full, one, outq(s[0]));
	if (n) {
		OK(read(s[1], bytes, size));
		say("one is read: %d, writable %d", outq(s[0]), writable(s[0]));
		OK(send(s[0], bytes, 1, MSG_DONTWAIT));
	}
	close(s[0]);
	close(s[1]);
}

/* A stream's message counts until its last byte is read. */
static void in_parts(void)
{
	int s[2], left;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(write(s[0], bytes, 3000));
	OK(read(s[1], bytes, 2999));
	NEED(ioctl(s[1], FIONREAD, &left));
	say("left %d, counts %d", left, outq(s[0]));
	OK(read(s[1], bytes, 2999));
	say("counts %d", outq(s[0]));
	close(s[0]);
	close(s[1]);
}

/* Of strangers a receiver takes as many datagrams as the system says, and one. */
static void strangers(void)
{
	struct sockaddr_un a = { AF_UNIX, "room" };
	int to = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), from = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)),
	    buf = 10000000, n = 0, most = 0;
	FILE *f = fopen("/proc/sys/net/unix/max_dgram_qlen", "r");

	if (f && fscanf(f, "%d", &most) != 1)
		most = -1;
	setsockopt(from, SOL_SOCKET, SO_SNDBUFFORCE, &buf, sizeof(buf));
	setsockopt(from, SOL_SOCKET, SO_SNDBUF, &buf, sizeof(buf));
	NEED(bind(to, (void *)&a, sizeof(a)));
	while (sendto(from, "x", 1, MSG_DONTWAIT, (void *)&a, sizeof(a)) == 1)
		n++;
	say("%d more than the limit, then %s", n - most, t_errno(errno));
}

TEST(unix_room)
{
	static const size_t sizes[] = { 1, 192, 193, 704, 705, 1728, 1729, 3776, 3777, 4096, 5000,
		8192, 16064, 16065, 32768, 36544, 65536, 99000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill("stream", SOCK_STREAM, sizes[i]);
		fill("dgram", SOCK_DGRAM, sizes[i]);
		fill("seqpacket", SOCK_SEQPACKET, sizes[i]);
	}
	in_parts();
	strangers();
}
