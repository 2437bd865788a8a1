/* SPDX-License-Identifier: MIT */
/*
 * netlink_flood: a process sends netlink requests and never reads: the waiting answers are bounded.
 * Only the guest does this, since Linux makes a dump while it is read.
 */
#include "guest.h"
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define REQUESTS 5000

static long kib(const char *what)
{
	char text[200] = "", *p;
	int fd = NEED(open("/proc/meminfo", O_RDONLY));

	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	p = strstr(text, what);
	return p ? strtol(p + strlen(what), NULL, 10) : -1;
}

TEST(netlink_flood)
{
	static struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} all[REQUESTS];
	char buf[4096];
	long before;
	int fd, lost = 0, n, sends;

	if (!in_guest())
		goto expected;
	for (int i = 0; i < REQUESTS; i++) {
		all[i].h = (struct nlmsghdr){ .nlmsg_len = sizeof(all[i]),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP };
		all[i].g.rtgen_family = AF_UNSPEC;
	}
	fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	before = kib("MemFree:");
	/* a sixteenth, as slabs count it: with red zones an eighth */
	sends = (int)(kib("MemTotal:") / 8 / 4096); /* some 5 MiB of answers each */
	for (int i = 0; i < sends; i++)
		NEED(send(fd, all, sizeof(all), 0));
	GIS(before - kib("MemFree:") < kib("MemTotal:") / 7);
	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0 || errno != EAGAIN)
		lost += n == -1 && errno == ENOBUFS;
	GIS(lost > 0);
	NEED(send(fd, all, sizeof(all[0]), 0));
	GIS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0);
	return;
expected:
	say("before - kib(\"MemFree:\") < kib(\"MemTotal:\") / 7: yes\nlost > 0: yes\nrecv(fd, "
	    "buf, sizeof(buf), "
	    "MSG_DONTWAIT) > 0: yes");
}
