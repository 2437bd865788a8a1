/* SPDX-License-Identifier: MIT */
/*
 * rtnl_qdisc: the dump of RTM_GETQDISC, as tc(8) shows it, with devices that are up and have no
 * queue.
 */
#include "netns.h"

static void list(unsigned len)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg t;
	} q = { .h = { .nlmsg_len = len,
			.nlmsg_type = RTM_GETQDISC,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	static char room[16384];
	char name[IF_NAMESIZE];
	bool more = true;

	NEED(send(fd, &q, q.h.nlmsg_len, 0));
	while (more) {
		int n = (int)NEED(recv(fd, room, sizeof(room), 0));

		for (struct nlmsghdr *h = (void *)room; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			struct tcmsg *t = NLMSG_DATA(h);
			int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*t));

			if (h->nlmsg_type != RTM_NEWQDISC) {
				say("end: %d", *(int *)NLMSG_DATA(h));
				more = false;
				break;
			}
			say("%s: family %d handle %x parent %x info %u",
				if_indextoname((unsigned)t->tcm_ifindex, name), t->tcm_family,
				t->tcm_handle, t->tcm_parent, t->tcm_info);
			for (struct rtattr *a = (void *)(t + 1); RTA_OK(a, left);
				a = RTA_NEXT(a, left)) {
				if (a->rta_type == TCA_KIND)
					say("  %s", (char *)RTA_DATA(a));
				else
					say("  attribute %d of %d bytes, the first %d", a->rta_type,
						a->rta_len, *(char *)RTA_DATA(a));
			}
		}
	}
	close(fd);
}

TEST(rtnl_qdisc)
{
	if (unshare(CLONE_NEWNET)) {
		say("no namespace");
		return;
	}
	list(sizeof(struct nlmsghdr) + sizeof(struct tcmsg));
	lo_up();
	veth_pair("a", "b");
	list(sizeof(struct nlmsghdr) + sizeof(struct tcmsg));
	set_up("a", 1);
	list(sizeof(struct nlmsghdr) + sizeof(struct tcmsg));
	list(sizeof(struct nlmsghdr) + 4);
}
