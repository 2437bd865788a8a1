/* SPDX-License-Identifier: MIT */
/*
 * ip_rules: policy routing: the initial rules of a namespace, adding and removing rules
 * (RTM_*RULE), and the routes that they choose. The host's side prints what Linux does.
 */
#include "guest.h"
#include "inet.h"
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

static int nl;

struct request {
	struct nlmsghdr h;
	union {
		struct fib_rule_hdr rule;
		struct rtmsg route;
	} u;
	char attrs[256];
};

static struct request begin(int type, int flags, size_t fixed)
{
	struct request r = { .h = { NLMSG_LENGTH(fixed), type, NLM_F_REQUEST | NLM_F_ACK | flags, 1,
				     0 } };

	return r;
}

static void attr(struct request *r, int type, const void *data, int n)
{
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + RTA_LENGTH(n);
}

/* Sends a request. Returns 0, or -1 with errno. */
static int ask(struct request *r)
{
	char buf[4096];
	struct nlmsghdr *h = (void *)buf;

	send(nl, r, r->h.nlmsg_len, 0);
	if (recv(nl, buf, sizeof(buf), 0) < 0 || h->nlmsg_type != NLMSG_ERROR)
		return 0;
	errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
	return errno ? -1 : 0;
}

static int rule(int type, int flags, const char *to, unsigned prio, unsigned table, int action,
	unsigned mark)
{
	struct request r = begin(type, flags, sizeof(struct fib_rule_hdr));
	uint32_t addr = to ? inet_addr(to) : 0;

	r.u.rule.family = AF_INET;
	r.u.rule.action = action;
	r.u.rule.dst_len = to ? 32 : 0;
	if (to)
		attr(&r, FRA_DST, &addr, 4);
	if (table)
		attr(&r, FRA_TABLE, &table, 4);
	if (prio)
		attr(&r, FRA_PRIORITY, &prio, 4);
	if (mark)
		attr(&r, FRA_FWMARK, &mark, 4);
	return ask(&r);
}

static int route(const char *to, unsigned table)
{
	struct request r = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct rtmsg));
	uint32_t addr = inet_addr(to);
	int lo = 1;

	r.u.route = (struct rtmsg){ .rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST,
		.rtm_scope = RT_SCOPE_LINK };
	attr(&r, RTA_DST, &addr, 4);
	attr(&r, RTA_OIF, &lo, 4);
	attr(&r, RTA_TABLE, &table, 4);
	return ask(&r);
}

/* Returns the number of rules of IPv4. */
static int count(void)
{
	struct request r = begin(RTM_GETRULE, NLM_F_DUMP, sizeof(struct fib_rule_hdr));
	char buf[16384];
	int n, found = 0;

	r.u.rule.family = AF_INET;
	send(nl, &r, r.h.nlmsg_len, 0);
	for (;;) {
		struct nlmsghdr *h = (void *)buf;

		n = recv(nl, buf, sizeof(buf), 0);
		if (n <= 0)
			return -1;
		for (; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return found;
			found += h->nlmsg_type == RTM_NEWRULE;
		}
	}
}

/* True if there is a route. */
static int way(const char *to, int mark)
{
	struct sockaddr_in a = at(to, 9);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), r;

	if (mark)
		set(fd, SOL_SOCKET, SO_MARK, mark);
	r = connect(fd, SA(&a), sizeof(a));
	close(fd);
	return r;
}

/* Adds a rule that prohibits what has a type of service. */
static int prohibit(unsigned tos)
{
	struct request r =
		begin(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct fib_rule_hdr));
	unsigned prio = 40;

	r.u.rule.family = AF_INET;
	r.u.rule.tos = tos;
	r.u.rule.action = FR_ACT_PROHIBIT;
	attr(&r, FRA_PRIORITY, &prio, 4);
	return ask(&r);
}

/* Connects a socket with the type of service. Its congestion bits and precedence are no part. */
static int served(int tos)
{
	struct sockaddr_in a = at("192.0.2.1", 9);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), r;

	set(fd, SOL_SOCKET, SO_MARK, 7);
	set(fd, IPPROTO_IP, IP_TOS, tos);
	r = connect(fd, SA(&a), sizeof(a));
	close(fd);
	return r;
}

TEST(ip_rules)
{
	GNEED(unshare(CLONE_NEWNET));
	if (in_guest())
		lo_up();
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	G(count(), "3");
	G(way("192.0.2.1", 0), "-1 ENETUNREACH");
	G(route("192.0.2.1", 1000), "0");
	G(way("192.0.2.1", 0), "-1 ENETUNREACH");
	G(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, NULL, 100, 1000, FR_ACT_TO_TBL, 7), "0");
	G(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, NULL, 100, 1000, FR_ACT_TO_TBL, 7),
		"-1 EEXIST");
	G(count(), "4");
	G(way("192.0.2.1", 0), "-1 ENETUNREACH");
	G(way("192.0.2.1", 7), "0");
	G(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, "192.0.2.1", 50, 0, FR_ACT_PROHIBIT, 0),
		"0");
	G(way("192.0.2.1", 7), "-1 EACCES");
	G(rule(RTM_DELRULE, 0, NULL, 50, 0, 0, 0), "0");
	G(way("192.0.2.1", 7), "0");
	G(prohibit(0x10), "0");
	G(served(0), "0");
	G(served(0x10), "-1 EACCES");
	G(served(0x13), "-1 EACCES");
	G(served(0xb0), "-1 EACCES");
	G(served(0xb8), "0");
	G(rule(RTM_DELRULE, 0, NULL, 40, 0, 0, 0), "0");
	G(rule(RTM_DELRULE, 0, NULL, 51, 0, 0, 0), "-1 ENOENT");
	G(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, "192.0.2.1", 60, 0, FR_ACT_UNREACHABLE, 0),
		"0");
	G(way("192.0.2.1", 7), "-1 ENETUNREACH");
	G(way("127.0.0.1", 0), "0");
}
