/* SPDX-License-Identifier: MIT */
/*
 * neigh_told: RTM_DELNEIGH reports the last state of a neighbour that is deleted by hand, with the
 * link, or with the device.
 */
#include "netns.h"
#include <linux/neighbour.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

static const struct {
	const char *addr;
	int family, nud;
} all[] = {
	{ "10.9.0.11", AF_INET, NUD_PERMANENT },
	{ "10.9.0.12", AF_INET, NUD_NOARP },
	{ "10.9.0.13", AF_INET, NUD_REACHABLE },
	{ "10.9.0.14", AF_INET, NUD_STALE },
	{ "10.9.0.15", AF_INET, NUD_FAILED },
	{ "2001:db8::11", AF_INET6, NUD_PERMANENT },
	{ "2001:db8::12", AF_INET6, NUD_NOARP },
	{ "2001:db8::13", AF_INET6, NUD_REACHABLE },
	{ "2001:db8::14", AF_INET6, NUD_STALE },
	{ "2001:db8::15", AF_INET6, NUD_FAILED },
};
#define ALL (sizeof(all) / sizeof(all[0]))

static int change(unsigned i, int type)
{
	struct nl_msg m = { .h = { .nlmsg_type = (unsigned short)type,
				    .nlmsg_flags =
					    type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_REPLACE : 0,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)) } };
	struct ndmsg *d = NLMSG_DATA(&m.h);
	char bin[16];

	d->ndm_family = (unsigned char)all[i].family;
	d->ndm_ifindex = (int)if_nametoindex("va0");
	d->ndm_state = (unsigned short)all[i].nud;
	inet_pton(all[i].family, all[i].addr, bin);
	nl_add(&m, NDA_DST, bin, all[i].family == AF_INET ? 4 : 16);
	nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\2", 6);
	return nl_do(&m);
}

static void add_all(void)
{
	for (unsigned i = 0; i < ALL; i++)
		NEED(change(i, RTM_NEWNEIGH) ? -1 : 0);
}

static struct {
	unsigned type, state;
	bool mac;
} told[ALL][4];
static unsigned times[ALL];

static void note(const struct nlmsghdr *h)
{
	const struct ndmsg *d = NLMSG_DATA(h);
	int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(sizeof(*d)), who = -1;
	struct rtattr *a = (void *)((char *)d + NLMSG_ALIGN(sizeof(*d)));
	bool mac = false;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		mac |= a->rta_type == NDA_LLADDR;
		for (unsigned i = 0; a->rta_type == NDA_DST && i < ALL; i++) {
			char bin[16];

			inet_pton(all[i].family, all[i].addr, bin);
			if (d->ndm_family == all[i].family &&
				!memcmp(RTA_DATA(a), bin, RTA_PAYLOAD(a)))
				who = (int)i;
		}
	}
	if (who < 0 || times[who] == 4)
		return;
	told[who][times[who]].type = h->nlmsg_type;
	told[who][times[who]].state = d->ndm_state;
	told[who][times[who]++].mac = mac;
}

/* Prints what has come, in the order of all[]. */
static void heard(const char *what, int fd)
{
	static char buf[32768];
	ssize_t len;

	memset(times, 0, sizeof(times));
	while ((len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)len);
			h = NLMSG_NEXT(h, len))
			note(h);
	say("%s:", what);
	for (unsigned i = 0; i < ALL; i++)
		for (unsigned k = 0; k < times[i]; k++)
			say("  %s: %s %#x%s", all[i].addr,
				told[i][k].type == RTM_DELNEIGH ? "gone" : "is", told[i][k].state,
				told[i][k].mac ? " with its address" : "");
}

/*
 * Linux sends the event of a change a little later, but at once to a caller that requests it like
 * this.
 */
static void settle(void)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GLINK };
	struct ifreq r = { .ifr_data = (char *)&v };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strcpy(r.ifr_name, "va0");
	NEED(ioctl(fd, SIOCETHTOOL, &r));
	close(fd);
}

TEST(neigh_told)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH };
	int fd;

	own_net();
	fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	NEED(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	add_all();
	heard("made", fd);
	for (unsigned i = 0; i < ALL; i++)
		say("%s: %d", all[i].addr, change(i, RTM_DELNEIGH));
	heard("by hand", fd);
	say("once more: %d", change(0, RTM_DELNEIGH));
	add_all();
	heard("again", fd);
	set_up("vb0", 0);
	settle();
	heard("the link is lost", fd);
	set_up("vb0", 1);
	settle();
	add_all();
	heard("again", fd);
	set_mac("va0", 7);
	heard("another address", fd);
	add_all();
	heard("again", fd);
	set_up("va0", 0);
	heard("down", fd);
	close(fd);
}
