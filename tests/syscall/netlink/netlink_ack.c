/* SPDX-License-Identifier: MIT */
/*
 * netlink_ack: a request for one object with an acknowledgement gets both; a dump gets only its
 * end. The number of devices of a fresh namespace depends on the host, so messages of one type in a
 * row are printed once.
 */
#include "netns.h"

static void ask(int flags)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} q = { .h = { .nlmsg_len = sizeof(q),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags) } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), n;
	static char room[32768];
	int last = -1;

	q.i.ifi_index = flags & NLM_F_DUMP ? 0 : (int)if_nametoindex("lo");
	NEED(send(fd, &q, sizeof(q), 0));
	say("flags %x", flags);
	while ((n = (int)recv(fd, room, sizeof(room), MSG_DONTWAIT)) > 0)
		for (struct nlmsghdr *h = (void *)room; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type != last)
				say("  type %d", h->nlmsg_type);
			last = h->nlmsg_type;
		}
	close(fd);
}

TEST(netlink_ack)
{
	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	ask(0);
	ask(NLM_F_ACK);
	ask(NLM_F_DUMP);
	ask(NLM_F_DUMP | NLM_F_ACK);
}
