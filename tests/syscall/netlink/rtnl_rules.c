/* SPDX-License-Identifier: MIT */
/*
 * rtnl_rules: policy rules by user, protocol and ports, rules with a goto or an inverted match, and
 * rules that suppress too general routes: what is accepted, how rules are dumped, and the routes of
 * our own and of forwarded packets.
 */
#include "netns.h"
#include <linux/fib_rules.h>
#include <poll.h>

struct ask {
	struct nl_msg m;
	struct fib_rule_hdr *h;
};

static void begin(struct ask *a, int type, int action, unsigned prio)
{
	memset(a, 0, sizeof(*a));
	a->m.h.nlmsg_type = (unsigned short)type;
	a->m.h.nlmsg_flags = type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0;
	a->m.h.nlmsg_len = NLMSG_LENGTH(sizeof(struct fib_rule_hdr));
	a->h = NLMSG_DATA(&a->m.h);
	a->h->family = AF_INET;
	a->h->action = (unsigned char)action;
	if (prio)
		nl_add(&a->m, FRA_PRIORITY, &prio, 4);
}

static void add32(struct ask *a, int type, unsigned v)
{
	nl_add(&a->m, type, &v, 4);
}

static void add_uids(struct ask *a, unsigned from, unsigned to)
{
	struct fib_rule_uid_range u = { from, to };

	nl_add(&a->m, FRA_UID_RANGE, &u, sizeof(u));
}

static void add_ports(struct ask *a, int type, int from, int to)
{
	struct fib_rule_port_range p = { (uint16_t)from, (uint16_t)to };

	nl_add(&a->m, type, &p, sizeof(p));
}

static void add8(struct ask *a, int type, int v)
{
	unsigned char b = (unsigned char)v;

	nl_add(&a->m, type, &b, 1);
}

static void take(const char *what, struct ask *a)
{
	int err = nl_do(&a->m);

	say("%s: %s", what, err ? t_errno(-err) : "0");
}

static void drop(unsigned prio)
{
	struct ask a;

	begin(&a, RTM_DELRULE, 0, prio);
	take("gone", &a);
}

/* Prints a rule, without attributes of later kernels. */
static void tell(const struct nlmsghdr *h)
{
	const struct fib_rule_hdr *r = NLMSG_DATA(h);
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(sizeof(*r)));
	int left = (int)NLMSG_PAYLOAD(h, sizeof(*r));
	char text[512];
	int n = sprintf(text, "rule %d/%d/%d table %d action %d flags %x:", r->family, r->src_len,
		r->dst_len, r->table, r->action, r->flags);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const unsigned char *p = RTA_DATA(a);

		if (a->rta_type > FRA_DPORT_RANGE)
			continue;
		n += sprintf(text + n, " %d=", a->rta_type);
		for (unsigned k = 0; k < RTA_PAYLOAD(a); k++)
			n += sprintf(text + n, "%02x", p[k]);
	}
	say("%s", text);
}

static void dump(void)
{
	struct ask q;
	char buf[32768];
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

	begin(&q, RTM_GETRULE, 0, 0);
	q.m.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	NEED(send(fd, &q.m, q.m.h.nlmsg_len, 0));
	for (;;) {
		struct nlmsghdr *h = (void *)buf;
		int n = (int)NEED(recv(fd, buf, sizeof(buf), 0));

		for (; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE) {
				close(fd);
				return;
			}
			tell(h);
		}
	}
}

static void what_is_taken(void)
{
	struct ask a;

#define RULE(what, action, prio, ...)                                                              \
	do {                                                                                       \
		begin(&a, RTM_NEWRULE, action, prio);                                              \
		__VA_ARGS__;                                                                       \
		take(what, &a);                                                                    \
	} while (0)
#define TABLE(...) RULE(__VA_ARGS__, add32(&a, FRA_TABLE, 100))
	TABLE("users", FR_ACT_TO_TBL, 101, add_uids(&a, 0, 0));
	TABLE("users turned round", FR_ACT_TO_TBL, 102, add_uids(&a, 1, 0));
	TABLE("users that there are not", FR_ACT_TO_TBL, 102, add_uids(&a, 0, 0xffffffff));
	TABLE("protocol", FR_ACT_TO_TBL, 103, add8(&a, FRA_IP_PROTO, IPPROTO_TCP));
	TABLE("ports from", FR_ACT_TO_TBL, 104, add_ports(&a, FRA_SPORT_RANGE, 5, 9));
	TABLE("ports to", FR_ACT_TO_TBL, 105, add_ports(&a, FRA_DPORT_RANGE, 5, 65534));
	TABLE("port 0", FR_ACT_TO_TBL, 106, add_ports(&a, FRA_SPORT_RANGE, 0, 5));
	TABLE("ports turned round", FR_ACT_TO_TBL, 106, add_ports(&a, FRA_DPORT_RANGE, 7, 5));
	TABLE("port 65535", FR_ACT_TO_TBL, 106, add_ports(&a, FRA_DPORT_RANGE, 7, 65535));
	TABLE("suppress 0", FR_ACT_TO_TBL, 107, add32(&a, FRA_SUPPRESS_PREFIXLEN, 0));
	TABLE("suppress 33", FR_ACT_TO_TBL, 108, add32(&a, FRA_SUPPRESS_PREFIXLEN, 33));
	TABLE("suppress a group", FR_ACT_TO_TBL, 109, add32(&a, FRA_SUPPRESS_IFGROUP, 5));
	TABLE("not", FR_ACT_TO_TBL, 110, a.h->flags = FIB_RULE_INVERT,
		add32(&a, FRA_FWMARK, 51820));
	RULE("jump back", FR_ACT_GOTO, 111, add32(&a, FRA_GOTO, 50));
	RULE("jump to itself", FR_ACT_GOTO, 111, add32(&a, FRA_GOTO, 111));
	RULE("jump nowhere", FR_ACT_GOTO, 111, );
	TABLE("a table and a jump", FR_ACT_TO_TBL, 111, add32(&a, FRA_GOTO, 200));
	RULE("jump", FR_ACT_GOTO, 111, add32(&a, FRA_GOTO, 200));
	RULE("jump to main", FR_ACT_GOTO, 112, add32(&a, FRA_GOTO, 32766));
	RULE("nothing", FR_ACT_NOP, 113, );
	TABLE("the first bit of TOS", FR_ACT_TO_TBL, 114, a.h->tos = 1);
	TABLE("a bit of precedence", FR_ACT_TO_TBL, 114, a.h->tos = 0x20);
	TABLE("no family", FR_ACT_TO_TBL, 114, a.h->family = 0);
	TABLE("a device that is not there", FR_ACT_TO_TBL, 114,
		nl_add(&a.m, FRA_OIFNAME, "none", 5));
	TABLE("twice", FR_ACT_TO_TBL, 105, add_ports(&a, FRA_DPORT_RANGE, 5, 65534));
	TABLE("other ports", FR_ACT_TO_TBL, 105, add_ports(&a, FRA_DPORT_RANGE, 5, 65533));
	dump();
	RULE("where the jump leads", FR_ACT_NOP, 200, );
	begin(&a, RTM_DELRULE, 0, 0);
	add_ports(&a, FRA_SPORT_RANGE, 5, 8);
	take("no such ports", &a);
	begin(&a, RTM_DELRULE, 0, 0);
	add_ports(&a, FRA_SPORT_RANGE, 5, 9);
	take("those ports", &a);
	begin(&a, RTM_DELRULE, 0, 0);
	add32(&a, FRA_SUPPRESS_PREFIXLEN, 33);
	take("that prefix", &a);
	begin(&a, RTM_DELRULE, 0, 0);
	add8(&a, FRA_IP_PROTO, IPPROTO_UDP);
	take("no such protocol", &a);
	begin(&a, RTM_DELRULE, 0, 0);
	add_uids(&a, 0, 0);
	take("those users", &a);
	dump();
	for (int k = 0; k < 10; k++)
		drop((const unsigned[]){ 103, 105, 105, 107, 109, 110, 111, 112, 113, 114 }[k]);
	drop(200);
}

static void route(const char *to, int prefix, unsigned table, const char *dev, const char *via)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWROUTE,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) } };
	struct rtmsg *r = NLMSG_DATA(&m.h);
	unsigned dst = inet_addr(to), gw = via ? inet_addr(via) : 0, index = if_nametoindex(dev);

	*r = (struct rtmsg){ .rtm_family = AF_INET,
		.rtm_dst_len = (unsigned char)prefix,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST };
	nl_add(&m, RTA_DST, &dst, 4);
	nl_add(&m, RTA_TABLE, &table, 4);
	nl_add(&m, RTA_OIF, &index, 4);
	if (via)
		nl_add(&m, RTA_GATEWAY, &gw, 4);
	NEED0(nl_do(&m));
}

/* Prints the result of a route lookup. @sport 0: the kernel chooses the port. */
static void way(const char *what, int type, int sport, int dport, int mark)
{
	struct sockaddr_in from = at("0.0.0.0", sport), to = at("192.0.2.1", dport);
	int fd = NEED(socket(AF_INET, type | SOCK_NONBLOCK, 0));

	if (sport)
		NEED(bind(fd, SA(&from), sizeof(from)));
	if (mark)
		NEED(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	say("%s: %s", what,
		!connect(fd, SA(&to), sizeof(to)) || errno == EINPROGRESS ? "a way" :
									    t_errno(errno));
	close(fd);
}

static void which_way(void)
{
	struct ask a;

	way("without rules", SOCK_DGRAM, 0, 7, 0);
	TABLE("for this user", FR_ACT_TO_TBL, 100, add_uids(&a, 0, 0));
	way("this user's", SOCK_DGRAM, 0, 7, 0);
	way("this user's", SOCK_STREAM, 0, 7, 0);
	drop(100);
	TABLE("for others", FR_ACT_TO_TBL, 100, add_uids(&a, 0, 0), a.h->flags = FIB_RULE_INVERT);
	way("another's", SOCK_DGRAM, 0, 7, 0);
	drop(100);
	TABLE("for UDP", FR_ACT_TO_TBL, 100, add8(&a, FRA_IP_PROTO, IPPROTO_UDP));
	way("UDP", SOCK_DGRAM, 0, 7, 0);
	way("TCP", SOCK_STREAM, 0, 7, 0);
	drop(100);
	TABLE("to some ports", FR_ACT_TO_TBL, 100, add_ports(&a, FRA_DPORT_RANGE, 7, 9));
	for (int port = 6; port <= 10; port++) {
		way("UDP to a port", SOCK_DGRAM, 0, port, 0);
		way("TCP to a port", SOCK_STREAM, 0, port, 0);
	}
	drop(100);
	TABLE("from some ports", FR_ACT_TO_TBL, 100, add_ports(&a, FRA_SPORT_RANGE, 7001, 7001));
	way("UDP from it", SOCK_DGRAM, 7001, 7, 0);
	way("UDP from another", SOCK_DGRAM, 7002, 7, 0);
	way("TCP from it", SOCK_STREAM, 7001, 7, 0);
	way("TCP from another", SOCK_STREAM, 7002, 7, 0);
	way("TCP from any", SOCK_STREAM, 0, 7, 0);
	drop(100);
	TABLE("all but the tunnel's", FR_ACT_TO_TBL, 100, add32(&a, FRA_FWMARK, 51820),
		a.h->flags = FIB_RULE_INVERT);
	way("of no mark", SOCK_DGRAM, 0, 7, 0);
	way("of another mark", SOCK_DGRAM, 0, 7, 5);
	way("of the mark", SOCK_DGRAM, 0, 7, 51820);
	RULE("jump over it", FR_ACT_GOTO, 50, add32(&a, FRA_GOTO, 150));
	way("nowhere yet", SOCK_DGRAM, 0, 7, 0);
	RULE("there", FR_ACT_NOP, 150, );
	way("jumped over", SOCK_DGRAM, 0, 7, 0);
	drop(150);
	drop(50);
	RULE("nothing", FR_ACT_NOP, 50, );
	way("behind nothing", SOCK_DGRAM, 0, 7, 0);
	drop(50);
	RULE("refused", FR_ACT_PROHIBIT, 50, add8(&a, FRA_IP_PROTO, IPPROTO_TCP));
	way("UDP", SOCK_DGRAM, 0, 7, 0);
	way("TCP", SOCK_STREAM, 0, 7, 0);
	drop(50);
	drop(100);
}

static void set_group(const char *dev, unsigned group)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_SETLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };

	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = (int)if_nametoindex(dev);
	nl_add(&m, IFLA_GROUP, &group, 4);
	NEED0(nl_do(&m));
}

/* What wg-quick(8) does: all but the default route of the table counts. */
static void too_general(void)
{
	struct ask a;

	for (int prefix = -1; prefix <= 24; prefix += prefix < 22 ? 23 : 1) {
		RULE("suppress", FR_ACT_TO_TBL, 100, add32(&a, FRA_TABLE, 100),
			add32(&a, FRA_SUPPRESS_PREFIXLEN, (unsigned)prefix));
		way("by a route of 24 bits", SOCK_DGRAM, 0, 7, 0);
		drop(100);
	}
	RULE("suppress group 5", FR_ACT_TO_TBL, 100, add32(&a, FRA_TABLE, 100),
		add32(&a, FRA_SUPPRESS_IFGROUP, 5));
	way("by a device of group 0", SOCK_DGRAM, 0, 7, 0);
	set_group("va0", 5);
	way("by a device of group 5", SOCK_DGRAM, 0, 7, 0);
	drop(100);
}

/* Rules for ports of forwarded packets: a router's answer tells which rule matched. */
static void others(void)
{
	int there[2], go[2], status;
	char c;
	struct nl_msg m = { .h = { .nlmsg_type = RTM_SETLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	struct ask a;
	pid_t pid;

	put_text("/proc/sys/net/ipv4/ip_forward", "1");
	RULE("refused to port 7", FR_ACT_PROHIBIT, 100, add_ports(&a, FRA_DPORT_RANGE, 7, 7),
		add8(&a, FRA_IP_PROTO, IPPROTO_UDP));
	pipe(there);
	pipe(go);
	pid = NEED(fork());
	if (!pid) {
		NEED(unshare(CLONE_NEWNET));
		write(there[1], "", 1);
		read(go[0], &c, 1);
		set_up("vb0", 1);
		add_addr("vb0", AF_INET, "10.9.0.2", 24);
		route("0.0.0.0", 0, RT_TABLE_MAIN, "vb0", "10.9.0.1");
		for (int port = 7; port <= 8; port++) {
			struct sockaddr_in to = at("198.51.100.1", port);
			int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
			struct pollfd p = { .fd = fd };

			set(fd, IPPROTO_IP, IP_RECVERR, 1);
			NEED(connect(fd, SA(&to), sizeof(to)));
			NEED(send(fd, "x", 1, 0));
			NEED(poll(&p, 1, -1));
			T(send(fd, "x", 1, 0));
			close(fd);
		}
		fflush(NULL);
		_exit(0);
	}
	read(there[0], &c, 1);
	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = (int)if_nametoindex("vb0");
	nl_add(&m, IFLA_NET_NS_PID, &pid, 4);
	NEED0(nl_do(&m));
	write(go[1], "", 1);
	NEED(waitpid(pid, &status, 0));
	say("status %d", status);
	drop(100);
}

TEST(rtnl_rules)
{
	char map[32];

	/* as root or not, this user is 0 and the only one */
	sprintf(map, "0 %d 1", getuid());
	NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	put_text("/proc/self/uid_map", map);
	own_net();
	what_is_taken();
	route("192.0.2.0", 24, 100, "va0", NULL);
	which_way();
	too_general();
	others();
}
