/* SPDX-License-Identifier: MIT */
/*
 * netlink_quote: an error quotes the whole request, however long it is, and the extended
 * acknowledgement is behind it.
 */
#include "netns.h"

static struct {
	struct nlmsghdr h;
	struct ifaddrmsg a;
	char room[80000];
} q;

/* Finds the text of the error as libmnl does: behind the quoted request. */
static const char *text_of(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	unsigned at = NLMSG_LENGTH(sizeof(*e));
	static char text[200];

	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += e->msg.nlmsg_len - NLMSG_HDRLEN;
	at = NLMSG_ALIGN(at);
	while (at + sizeof(struct rtattr) <= h->nlmsg_len) {
		const struct rtattr *a = (const void *)((const char *)h + at);

		if (a->rta_len < sizeof(*a))
			break;
		if (a->rta_type == NLMSGERR_ATTR_MSG) {
			snprintf(text, sizeof(text), "%s", (const char *)RTA_DATA(a));
			return text;
		}
		at += RTA_ALIGN(a->rta_len);
	}
	return "none";
}

/* @more: bytes of an attribute that is skipped. */
static void ask(int fd, unsigned more)
{
	static char room[100000];
	struct nlmsghdr *h = (void *)room;
	struct nlmsgerr *e = NLMSG_DATA(h);
	struct rtattr *a = (void *)q.room;
	ssize_t n;

	q.h = (struct nlmsghdr){ .nlmsg_type = RTM_NEWADDR,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE,
		.nlmsg_seq = more,
		.nlmsg_len = NLMSG_LENGTH(sizeof(q.a)) };
	q.a = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 99, .ifa_index = 1 };
	*a = (struct rtattr){ .rta_type = IFA_LOCAL, .rta_len = RTA_LENGTH(4) };
	memcpy(RTA_DATA(a), "\12\1\1\1", 4);
	q.h.nlmsg_len += RTA_SPACE(4);
	a = (void *)(q.room + RTA_SPACE(4));
	*a = (struct rtattr){ .rta_type = 200, .rta_len = (unsigned short)RTA_LENGTH(more) };
	for (unsigned i = 0; i < more; i++)
		((char *)RTA_DATA(a))[i] = (char)(i * 7 + i / 251);
	q.h.nlmsg_len += RTA_LENGTH(more);
	T(send(fd, &q, NLMSG_ALIGN(q.h.nlmsg_len), 0) == NLMSG_ALIGN(q.h.nlmsg_len));
	n = NEED(recv(fd, room, sizeof(room), 0));
	say(" request %u: %zd bytes, type %d flags %#x error %d, quoted length %u", q.h.nlmsg_len,
		n, h->nlmsg_type, h->nlmsg_flags, e->error, e->msg.nlmsg_len);
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		say(" %s", memcmp(&e->msg, &q, q.h.nlmsg_len) ? "differs" : "the same");
	say(" text: %s", text_of(h));
}

TEST(netlink_quote)
{
	static const unsigned lengths[] = { 0, 900, 970, 1000, 1021, 3000, 4000, 5001, 60000 };
	int on = 1, big = 300000, fd;

	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	for (unsigned i = 0; i < 9; i++)
		ask(fd, lengths[i]);
	NEED(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)));
	for (unsigned i = 0; i < 9; i++)
		ask(fd, lengths[i]);
	NEED(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)));
	ask(fd, 5001);
}
