/* SPDX-License-Identifier: MIT */
/* neigh_many: permanent neighbours: a namespace cannot use up the room of others. Guests only. */
#include "guest.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int fd, dev;

static struct rtattr *attr(struct nlmsghdr *h, int type, const void *data, int len)
{
	struct rtattr *a = (void *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));

	*a = (struct rtattr){ .rta_type = type, .rta_len = RTA_LENGTH(len) };
	memcpy(RTA_DATA(a), data, len);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_SPACE(len);
	return a;
}

static int ask(struct nlmsghdr *h)
{
	char buf[4096];

	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	if (send(fd, h, h->nlmsg_len, 0) == -1 || recv(fd, buf, sizeof(buf), 0) == -1)
		return errno;
	return -((struct nlmsgerr *)NLMSG_DATA(buf))->error;
}

/* Begins a network namespace with a card. */
static void begin(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		char attrs[64];
	} m = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(m.i)), .nlmsg_type = RTM_NEWLINK } };
	struct rtattr *info;

	NEED(unshare(CLONE_NEWNET));
	fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	attr(&m.h, IFLA_IFNAME, "d0", 3);
	info = attr(&m.h, IFLA_LINKINFO, "", 0);
	attr(&m.h, IFLA_INFO_KIND, "dummy", 5);
	info->rta_len = (char *)&m + m.h.nlmsg_len - (char *)info;
	if (ask(&m.h))
		_exit(77);
	dev = if_nametoindex("d0");
}

static int set(int n)
{
	struct {
		struct nlmsghdr h;
		struct ndmsg d;
		char attrs[64];
	} m = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(m.d)), .nlmsg_type = RTM_NEWNEIGH },
		.d = { .ndm_family = AF_INET, .ndm_ifindex = dev, .ndm_state = NUD_PERMANENT } };
	__u32 to = htonl(0x0a090000 + n);

	attr(&m.h, NDA_DST, &to, 4);
	attr(&m.h, NDA_LLADDR, "\2\0\0\0\0\1", 6);
	return ask(&m.h);
}

static int set_all(void)
{
	int err = 0, n = 0;

	for (; n < 5000 && !err; n++)
		err = set(n);
	return n > 500 ? err : 0;
}

/* Returns how many entries /proc/net/arp and RTM_GETNEIGH list, or -1 if they differ. */
static int listed(void)
{
	struct {
		struct nlmsghdr h;
		struct ndmsg d;
	} m = { .h = { sizeof(m), RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		.d = { .ndm_family = AF_INET } };
	static char buf[65536];
	int lines = -1, entries = 0;
	FILE *f = fopen("/proc/net/arp", "r");

	while (f && fgets(buf, sizeof(buf), f))
		lines++;
	NEED(send(fd, &m, sizeof(m), 0));
	for (;;) {
		struct nlmsghdr *h = (void *)buf;
		int n = NEED(recv(fd, buf, sizeof(buf), 0));

		for (; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return entries == lines ? entries : -1;
			entries++;
		}
	}
}

TEST(neigh_many)
{
	CHILD({
		if (in_guest())
			begin();
		GIS(set_all() == ENOBUFS);
		GIS(listed() > 500);
		CHILD({
			if (in_guest())
				begin();
			GIS(set(1) == 0);
			GIS(set(1) == EEXIST);
		});
	});
}
