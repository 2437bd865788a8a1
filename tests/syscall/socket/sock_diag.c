/* SPDX-License-Identifier: MIT */
/*
 * sock_diag: NETLINK_SOCK_DIAG about the test's sockets (TCP with tcp_info, UDP, AF_UNIX), the
 * generic family's controller, messages between netlink sockets of programs, groups and options of
 * netlink sockets, /proc/net/unix.
 */
#include "inet.h"
#include <linux/genetlink.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/un.h>

static int nl;
static char buf[65536];

static ino_t ino_of(int fd)
{
	struct stat st;

	fstat(fd, &st);
	return st.st_ino;
}

static struct nlmsghdr *ask(int type, int flags, const void *body, size_t n)
{
	struct {
		struct nlmsghdr h;
		char body[256];
	} r = { .h = { NLMSG_LENGTH(n), type, NLM_F_REQUEST | flags, 7, 0 } };

	memcpy(r.body, body, n);
	NEED(send(nl, &r, r.h.nlmsg_len, 0));
	return (void *)buf;
}

/* Calls @fn for each answer. Prints how the dump ended. */
static void answers(const char *what, void (*fn)(struct nlmsghdr *h))
{
	for (;;) {
		struct nlmsghdr *h = (void *)buf;
		int n = recv(nl, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0) {
			say("%s: %s", what, t_errno(errno));
			return;
		}
		for (; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE) {
				say("%s: done", what);
				return;
			}
			if (h->nlmsg_type == NLMSG_ERROR) {
				say("%s: %s", what,
					t_errno(-((struct nlmsgerr *)NLMSG_DATA(h))->error));
				return;
			}
			fn(h);
			if (!(h->nlmsg_flags & NLM_F_MULTI))
				return;
		}
	}
}

static int ours[6], nr_ours;

static void show_inet(struct nlmsghdr *h)
{
	struct inet_diag_msg *d = NLMSG_DATA(h);
	struct rtattr *a = (void *)(d + 1);
	int left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*d)), who = -1;
	unsigned seen = 0;

	for (int i = 0; i < nr_ours; i++)
		if (d->idiag_inode && d->idiag_inode == ino_of(ours[i]))
			who = i;
	if (who < 0)
		return;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type < 32)
			seen |= 1U << a->rta_type;
		if (a->rta_type == INET_DIAG_INFO) {
			struct tcp_info *t = RTA_DATA(a);

			say(" info: state %d, options %d", t->tcpi_state, t->tcpi_options & 7);
		}
		if (a->rta_type == INET_DIAG_CONG)
			IS(strlen(RTA_DATA(a)) > 2);
	}
	say(" socket %d: family %d state %d rqueue %u wqueue %u timer %d src %x sport %d dport %d",
		who, d->idiag_family, d->idiag_state, d->idiag_rqueue, d->idiag_wqueue,
		d->idiag_timer, ntohl(d->id.idiag_src[0]), d->id.idiag_sport != 0,
		d->id.idiag_dport != 0);
	say(" attributes: meminfo %d info %d cong %d skmeminfo %d shutdown %d",
		!!(seen & 1 << INET_DIAG_MEMINFO), !!(seen & 1 << INET_DIAG_INFO),
		!!(seen & 1 << INET_DIAG_CONG), !!(seen & 1 << INET_DIAG_SKMEMINFO),
		!!(seen & 1 << INET_DIAG_SHUTDOWN));
}

/*
 * Asks for single UDP sockets, bound and connected. For Linux the request's destination is the own
 * address, and its source is the peer.
 */
static void udp_single(const struct inet_diag_req_v2 *of)
{
	struct inet_diag_req_v2 r = *of;
	struct in_addr self = { htonl(INADDR_LOOPBACK) };
	uint16_t bound_port = htons(port_of(ours[0])), port;

	ours[1] = bound(SOCK_DGRAM, "127.0.0.1");
	NEED(reach(ours[1], ntohs(bound_port)));
	nr_ours = 2;
	port = htons(port_of(ours[1]));
	for (int swapped = 0; swapped < 2; swapped++) {
		r.id = (struct inet_diag_sockid){ .idiag_cookie = { ~0U, ~0U } };
		*(swapped ? r.id.idiag_dst : r.id.idiag_src) = self.s_addr;
		*(swapped ? &r.id.idiag_dport : &r.id.idiag_sport) = bound_port;
		ask(SOCK_DIAG_BY_FAMILY, 0, &r, sizeof(r));
		answers("bound", show_inet);
		r.id.idiag_src[0] = r.id.idiag_dst[0] = self.s_addr;
		r.id.idiag_sport = swapped ? bound_port : port;
		r.id.idiag_dport = swapped ? port : bound_port;
		ask(SOCK_DIAG_BY_FAMILY, 0, &r, sizeof(r));
		answers("connected", show_inet);
	}
	r.id.idiag_cookie[0] = 77;
	ask(SOCK_DIAG_BY_FAMILY, 0, &r, sizeof(r));
	answers("wrong cookie", show_inet);
	close(ours[1]);
	nr_ours = 1;
}

static void inet(void)
{
	struct inet_diag_req_v2 r = { .sdiag_family = AF_INET,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = ~0U,
		.idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_MEMINFO - 1) |
			     1 << (INET_DIAG_CONG - 1) | 1 << (INET_DIAG_SKMEMINFO - 1) };

	ours[0] = listener(3);
	ours[1] = socket(AF_INET, SOCK_STREAM, 0);
	NEED(reach(ours[1], port_of(ours[0])));
	ours[2] = accept(ours[0], NULL, NULL);
	NEED(send(ours[1], "hello", 5, 0));
	await(ours[2], POLLIN);
	nr_ours = 3;
	r.id.idiag_sport = htons(port_of(ours[0]));
	/* the listener and the accepted one, each by its state: their order is the kernel's */
	r.idiag_states = 1 << 10;
	ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r));
	answers("tcp", show_inet);
	r.idiag_states = 1 << 1;
	ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r));
	answers("tcp", show_inet);
	r.idiag_states = 1 << 7;
	ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r));
	answers("tcp", show_inet);
	r.sdiag_protocol = IPPROTO_UDP;
	ours[0] = bound(SOCK_DGRAM, "127.0.0.1");
	nr_ours = 1;
	r.id.idiag_sport = htons(port_of(ours[0]));
	ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r));
	answers("udp", show_inet);
	udp_single(&r);
	memset(&r.id, 0, sizeof(r.id));
	/* no socket has these numbers */
	r.sdiag_protocol = IPPROTO_TCP;
	r.id.idiag_sport = htons(1);
	ask(SOCK_DIAG_BY_FAMILY, 0, &r, sizeof(r));
	answers("nobody", show_inet);
	ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, 10);
	answers("short", show_inet);
	ask(99, NLM_F_DUMP, &r, sizeof(r));
	answers("no such request", show_inet);
}

static void show_unix(struct nlmsghdr *h)
{
	struct unix_diag_msg *d = NLMSG_DATA(h);
	struct rtattr *a = (void *)(d + 1);
	int left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*d));
	int fd[2] = { ours[0], ours[1] };

	if (d->udiag_ino != ino_of(fd[0]))
		return;
	say(" unix: family %d type %d state %d", d->udiag_family, d->udiag_type, d->udiag_state);
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == UNIX_DIAG_NAME)
			say(" name: %d bytes %s", (int)RTA_PAYLOAD(a), (char *)RTA_DATA(a) + 1);
		if (a->rta_type == UNIX_DIAG_PEER)
			IS(*(uint32_t *)RTA_DATA(a) == ino_of(fd[1]));
		if (a->rta_type == UNIX_DIAG_RQLEN) {
			struct unix_diag_rqlen *q = RTA_DATA(a);

			say(" queues %u", q->udiag_rqueue);
		}
	}
}

static void local(void)
{
	struct unix_diag_req r = { .sdiag_family = AF_UNIX,
		.udiag_states = ~0U,
		.udiag_cookie = { ~0U, ~0U },
		.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN };
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0nestling-diag" };
	char line[512];
	FILE *f;
	int found = 0;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ours));
	NEED(send(ours[1], "abc", 3, 0));
	ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r));
	answers("unix", show_unix);
	r.udiag_ino = ino_of(ours[0]);
	ask(SOCK_DIAG_BY_FAMILY, 0, &r, sizeof(r));
	answers("one", show_unix);
	r.udiag_cookie[0] = r.udiag_cookie[1] = 77;
	ask(SOCK_DIAG_BY_FAMILY, 0, &r, sizeof(r));
	answers("wrong cookie", show_unix);
	r.udiag_ino = 1;
	ask(SOCK_DIAG_BY_FAMILY, 0, &r, sizeof(r));
	answers("nobody", show_unix);
	ours[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	NEED(bind(ours[0], SA(&a), 2 + 14));
	NEED(listen(ours[0], 5));
	r = (struct unix_diag_req){
		.sdiag_family = AF_UNIX, .udiag_states = 1 << 10, .udiag_show = UDIAG_SHOW_NAME
	};
	ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r));
	answers("listening", show_unix);
	f = fopen("/proc/net/unix", "r");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "@nestling-diag") && strstr(line, " 00000000 00010000 0001 01 "))
			found = 1;
	T(found);
}

static void show_family(struct nlmsghdr *h)
{
	struct genlmsghdr *g = NLMSG_DATA(h);
	struct rtattr *a = (void *)(g + 1);
	int left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*g));

	if (!RTA_OK(a, left) || a->rta_type != CTRL_ATTR_FAMILY_NAME ||
		strcmp(RTA_DATA(a), "nlctrl"))
		return;
	a = RTA_NEXT(a, left);
	say(" cmd %d version %d family %s, id %d", g->cmd, g->version, "nlctrl",
		*(uint16_t *)RTA_DATA(a));
}

static void generic(void)
{
	struct {
		struct genlmsghdr g;
		struct rtattr a;
		char name[8];
	} r = { { CTRL_CMD_GETFAMILY, 1, 0 }, { RTA_LENGTH(7), CTRL_ATTR_FAMILY_NAME }, "nlctrl" };

	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC));
	ask(GENL_ID_CTRL, 0, &r, sizeof(r));
	answers("by name", show_family);
	ask(GENL_ID_CTRL, NLM_F_DUMP, &r, sizeof(r.g));
	answers("all", show_family);
	ask(GENL_ID_CTRL, 0, &r, sizeof(r.g));
	answers("nothing said", show_family);
	strcpy(r.name, "nosuch");
	ask(GENL_ID_CTRL, 0, &r, sizeof(r));
	answers("unknown", show_family);
	ask(4000, 0, &r, sizeof(r));
	answers("no such family", show_family);
	close(nl);
}

static void programs(void)
{
	int a = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK)),
	    b = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK));
	struct sockaddr_nl n = { .nl_family = AF_NETLINK, .nl_pid = 0x70001234 }, from = { 0 };
	socklen_t len = sizeof(from);
	char text[16] = "";

	T(bind(b, SA(&n), sizeof(n)));
	T(bind(a, SA(&n), sizeof(n)));
	T(sendto(a, "hello", 6, 0, SA(&n), sizeof(n)));
	T(recvfrom(b, text, sizeof(text), MSG_DONTWAIT, SA(&from), &len));
	say("%s from another: %d, groups %u", text, from.nl_pid != 0 && from.nl_pid != n.nl_pid,
		from.nl_groups);
	n.nl_pid = 0x70004321;
	T(sendto(a, "hello", 6, 0, SA(&n), sizeof(n)));
	T(send(a, "hello", 6, 0));
	T(set(b, 270, NETLINK_ADD_MEMBERSHIP, 0));
	T(set(b, 270, NETLINK_ADD_MEMBERSHIP, 10000));
	if (!geteuid()) {
		T(set(b, 270, NETLINK_ADD_MEMBERSHIP, 3));
		T(set(b, 270, NETLINK_PKTINFO, 1));
		T(number(b, 270, NETLINK_PKTINFO));
		n.nl_pid = 0;
		n.nl_groups = 1 << 2;
		T(sendto(a, "group", 6, 0, SA(&n), sizeof(n)));
		T(recvfrom(b, text, sizeof(text), MSG_DONTWAIT, SA(&from), &len));
		say("%s groups %u", text, from.nl_groups);
		T(set(b, 270, NETLINK_DROP_MEMBERSHIP, 3));
		T(sendto(a, "group", 6, 0, SA(&n), sizeof(n)));
		T(recv(b, text, sizeof(text), MSG_DONTWAIT));
	}
	T(set(b, 270, 77, 1));
	T(number(b, 270, 77));
	close(a);
	close(b);
}

TEST(sock_diag)
{
	lo_up();
	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
	inet();
	local();
	close(nl);
	generic();
	programs();
}
