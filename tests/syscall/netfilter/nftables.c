/* SPDX-License-Identifier: MIT */
/*
 * nftables: the packet filter's own messages (NETLINK_NETFILTER): batches that succeed or fail,
 * tables, chains, rules and sets, their effect on packets, connections and their translation; and
 * hostile messages. The host's side prints what Linux does.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_recent.h>

static int found;

static void one_more(const struct nlmsghdr *h)
{
	found++;
}

/* Returns how many messages a dump has, or -1. */
static int count(int subsys, int type)
{
	found = 0;
	return dump(subsys, type, AF_UNSPEC, one_more) ? found : -1;
}

/* ---- tables, chains, rules ---- */

static void table(int type, const char *name, int flags)
{
	nft(type, flags);
	text(NFTA_TABLE_NAME, name);
}

static void chain(const char *t, const char *name, int hook, int prio, const char *kind, int policy)
{
	unsigned h;

	nft(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	text(NFTA_CHAIN_TABLE, t);
	text(NFTA_CHAIN_NAME, name);
	if (hook < 0)
		return;
	h = nest(NFTA_CHAIN_HOOK);
	be32(NFTA_HOOK_HOOKNUM, hook);
	be32(NFTA_HOOK_PRIORITY, prio);
	end(h);
	text(NFTA_CHAIN_TYPE, kind);
	be32(NFTA_CHAIN_POLICY, policy);
}

static void verdict(int code, const char *to)
{
	unsigned d, e = expr("immediate", &d), w, v;

	be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	w = nest(NFTA_IMMEDIATE_DATA);
	v = nest(NFTA_DATA_VERDICT);
	be32(NFTA_VERDICT_CODE, code);
	if (to)
		text(NFTA_VERDICT_CHAIN, to);
	end(v);
	end(w);
	end(d);
	end(e);
}

static void simple(const char *name)
{
	unsigned d, e = expr(name, &d);

	end(d);
	end(e);
}

static void reject(void)
{
	unsigned d, e = expr("reject", &d);

	be32(NFTA_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
	attr(NFTA_REJECT_ICMP_CODE, "\3", 1);
	end(d);
	end(e);
}

/* Adds a rule for UDP to a port, with what @then() adds to it. */
static void udp_to(int port, const char *c, void (*then)(void))
{
	uint16_t be = htons(port);
	unsigned x = nft_rule("t", c);

	nft_load(NFT_PAYLOAD_NETWORK_HEADER, 9, 1);
	equal("\x11", 1);
	nft_load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	equal(&be, 2);
	then();
	end(x);
}

static void drop(void)
{
	simple("counter");
	verdict(NF_DROP, NULL);
}

static void redirect(void)
{
	unsigned d, e = expr("immediate", &d), w;
	uint16_t be = htons(5353);

	be32(NFTA_IMMEDIATE_DREG, NFT_REG_1);
	w = nest(NFTA_IMMEDIATE_DATA);
	attr(NFTA_DATA_VALUE, &be, 2);
	end(w);
	end(d);
	end(e);
	e = expr("redir", &d);
	be32(NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
	end(d);
	end(e);
}

static void jump(const char *from, const char *to)
{
	unsigned x = nft_rule("t", from);

	verdict(NFT_JUMP, to);
	end(x);
}

/* Adds the match "recent" of iptables. */
static void recent(int what, unsigned hits)
{
	struct xt_recent_mtinfo_v1 m = {
		.seconds = hits ? 60 : 0, .hit_count = hits, .check_set = what, .name = "seen"
	};

	memset(&m.mask, 0xff, sizeof(m.mask));
	compat("match", "recent", 1, &m, sizeof(m));
}

static void seen(void)
{
	recent(XT_RECENT_SET, 0);
}

static void often(void)
{
	recent(XT_RECENT_UPDATE, 3);
	verdict(NF_DROP, NULL);
}

static void of_nobody(void)
{
	nft_meta(NFT_META_SKUID);
	equal("\xfe\xff\0\0", 4);
	verdict(NF_DROP, NULL);
}

/* ---- packets ---- */

/* Sends a datagram to @port. Returns 1 if an echo comes back within @ms. */
static int echo_within(int port, int ms)
{
	struct sockaddr_in a = at("127.0.0.1", port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), r;
	struct pollfd p = { fd, POLLIN, 0 };
	char c;

	connect(fd, SA(&a), sizeof(a));
	r = send(fd, "x", 1, 0);
	if (r > 0)
		r = poll(&p, 1, ms) ? recv(fd, &c, 1, MSG_DONTWAIT) : 0;
	close(fd);
	return r;
}

/* Waits for a datagram or an error, since a thread answers when it may run. */
static int echo(int port)
{
	return echo_within(port, 100000);
}

/* Returns 0 if no echo comes within 100 ms, or else 1. */
static int lost(int port)
{
	return echo_within(port, 100);
}

static void serve(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	char c;

	while (recvfrom(fd, &c, 1, 0, SA(&a), &n) == 1)
		sendto(fd, &c, 1, 0, SA(&a), n);
}

static void *server(void *arg)
{
	serve((int)(long)arg);
	return NULL;
}

static void listen_at(int port)
{
	struct sockaddr_in a = at("127.0.0.1", port);
	long fd = socket(AF_INET, SOCK_DGRAM, 0);
	pthread_t t;

	bind(fd, SA(&a), sizeof(a));
	pthread_create(&t, NULL, server, (void *)fd);
}

/* ---- hostile messages ---- */

static uint32_t seed = 12345;

static uint32_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^= seed << 5;
}

static void mangle(unsigned from)
{
	for (uint32_t n = any() % 6 + 1; n; n--)
		out[from + any() % (len - from)] = any() % 3 ? any() : any() % 8;
}

/* Adds a structure of iptables with random contents, of a random length. */
static void foreign(void)
{
	static const char *const names[] = { "recent", "statistic", "connlimit", "ttl", "tos",
		"dscp", "length", "mac", "iprange", "tcpmss", "esp", "ah", "owner", "rpfilter",
		"time", "cpu", "connbytes", "helper", "conntrack", "multiport", "tcp", "udp",
		"addrtype", "hashlimit", "quota", "string", "u32", "ecn", "sctp", "dccp", "ipcomp",
		"bpf", "policy", "physdev" };
	unsigned x = nft_rule("t", any() % 2 ? "in" : "out"), info[512];

	for (unsigned i = 0; i < 512; i++)
		info[i] = any() % 3 ? any() & 0x01010103 : any();
	if (any() % 2)
		strcpy((char *)info + 10, "seen");
	compat("match", names[any() % 34], any() % 4, info,
		any() % 2 ? any() % 2048 : 24 + any() % 240);
	end(x);
}

static void rubbish(void)
{
	static const char *const exprs[] = { "cmp", "range", "bitwise", "byteorder", "immediate",
		"payload", "meta", "exthdr", "fib", "numgen", "hash", "counter", "limit", "quota",
		"log", "objref", "lookup", "dynset", "ct", "nat", "masq", "redir", "notrack",
		"reject", "match", "target", "connlimit", "rt" };
	unsigned x, d, e, first;

	start();
	first = len;
	switch (any() % 5) {
	case 4: foreign(); break;
	case 0: udp_to(any() % 100, any() % 2 ? "in" : "nat", any() % 2 ? redirect : reject); break;
	case 1:
		nft(any() % 26, any());
		for (int i = 0; i < 8; i++)
			attr(any() % 16, out + any() % len, any() % 40);
		break;
	default:
		x = nft_rule("t", "in");
		e = expr(exprs[any() % 28], &d);
		for (int i = 0; i < 6; i++)
			be32(any() % 10, any() % 24);
		end(d);
		end(e);
		end(x);
	}
	if (any() % 2)
		mangle(first);
	finish();
}

/* Sends random messages while packets pass. Returns true, if the kernel lives. */
static bool survives(void)
{
	for (int i = 0; i < 3000; i++) {
		rubbish();
		if (i % 50 == 0)
			lost(50 + i % 9);
	}
	for (int i = 0; i < 500; i++) {
		len = 0;
		begin(any() % 12 << 8 | any() % 30, any() & ~NLM_F_DUMP, any() % 12, any());
		for (int k = 0; k < 5; k++)
			attr(any() % 20, out, any() % 64);
		mangle(8);
		send(nl, out, len, 0);
		while (recv(nl, out + 60000, 5000, MSG_DONTWAIT) > 0)
			;
	}
	return true;
}

static void filter(void)
{
	start();
	table(NFT_MSG_NEWTABLE, "t", NLM_F_CREATE);
	chain("t", "in", NF_INET_LOCAL_IN, 0, "filter", NF_ACCEPT);
	chain("t", "out", NF_INET_LOCAL_OUT, 0, "filter", NF_ACCEPT);
	chain("t", "a", -1, 0, NULL, 0);
	chain("t", "b", -1, 0, NULL, 0);
	udp_to(51, "in", drop);
	udp_to(52, "in", reject);
	udp_to(53, "out", drop);
	G(finish(), "0");
	G(count(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE), "3");
	G(echo(50), "1");
	G(lost(51), "0");
	G(echo(52), "-1 ECONNREFUSED");
	G(echo(53), "-1 EPERM");
}

static void batches(void)
{
	start();
	table(NFT_MSG_NEWTABLE, "u", NLM_F_CREATE);
	udp_to(60, "nowhere", drop);
	G(finish(), "-1 ENOENT");
	G(count(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE), "1");
	start();
	table(NFT_MSG_NEWTABLE, "t", NLM_F_CREATE | NLM_F_EXCL);
	G(finish(), "-1 EEXIST");
	start();
	jump("a", "b");
	jump("b", "a");
	jump("in", "a");
	G(finish(), "-1 EMLINK");
	start();
	chain("t", "x", NF_INET_FORWARD, 0, "nat", NF_ACCEPT);
	G(finish(), "-1 EOPNOTSUPP");
	start();
	udp_to(60, "in", redirect);
	G(finish(), "-1 EOPNOTSUPP");
	G(count(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE), "3");
}

static void translation(void)
{
	start();
	chain("t", "nat", NF_INET_LOCAL_OUT, -100, "nat", NF_ACCEPT);
	udp_to(54, "nat", redirect);
	G(finish(), "0");
	G(echo(54), "1");
	G(count(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET), "1");
}

/*
 * A sender that sets NLM_F_ECHO gets the results of a batch. Prints how many answers name a handle.
 */
static void told(void)
{
	static char buf[8192];
	int n, found = 0;

	start();
	udp_to(61, "a", drop);
	((struct nlmsghdr *)(out + last))->nlmsg_flags |= NLM_F_ECHO;
	udp_to(62, "a", drop);
	begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	send(nl, out, len, 0);
	while ((n = recv(nl, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		struct nlmsghdr *h = (void *)buf;
		struct nlattr *a = (void *)(buf + NLMSG_SPACE(sizeof(struct nfgenmsg)));

		if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
			continue;
		for (; (char *)a < buf + n; a = (void *)((char *)a + NLA_ALIGN(a->nla_len)))
			found += a->nla_type == NFTA_RULE_HANDLE && h->nlmsg_seq == 1;
	}
	G(found, "1");
}

/* Tests the events for a datagram and its answer. */
static void ct_events(void)
{
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), n, begun = 0, changed = 0;
	char buf[4096];

	for (int g = NFNLGRP_CONNTRACK_NEW; g <= NFNLGRP_CONNTRACK_DESTROY; g++)
		setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &g, sizeof(g));
	G(echo(50), "1");
	while ((n = recv(s, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		begun += !!(((struct nlmsghdr *)buf)->nlmsg_flags & NLM_F_CREATE);
		changed += !((struct nlmsghdr *)buf)->nlmsg_flags;
	}
	close(s);
	G(begun, "1");
	G(changed, "1");
}

/* Adds an expression that adds the port in register 1 to the set of ports. */
static void note_port(void)
{
	unsigned d, e = expr("dynset", &d);

	text(NFTA_DYNSET_SET_NAME, "ports");
	be32(NFTA_DYNSET_OP, NFT_DYNSET_OP_ADD);
	be32(NFTA_DYNSET_SREG_KEY, NFT_REG_1);
	end(d);
	end(e);
}

static void set_of_ports(void)
{
	nft(NFT_MSG_NEWSET, NLM_F_CREATE);
	text(NFTA_SET_TABLE, "t");
	text(NFTA_SET_NAME, "ports");
	be32(NFTA_SET_KEY_LEN, 2);
	be32(NFTA_SET_ID, 9);
	be32(NFTA_SET_FLAGS, NFT_SET_EVAL);
}

/* A packet finds no room for its element, whose expressions go again. */
static void full_set(void)
{
	unsigned x, d;

	start();
	set_of_ports();
	d = nest(NFTA_SET_DESC);
	be32(NFTA_SET_DESC_SIZE, 1);
	end(d);
	x = nest(NFTA_SET_EXPR);
	text(NFTA_EXPR_NAME, "connlimit");
	d = nest(NFTA_EXPR_DATA);
	be32(NFTA_CONNLIMIT_COUNT, 100);
	end(d);
	end(x);
	x = nft_rule("t", "out");
	nft_load(NFT_PAYLOAD_NETWORK_HEADER, 9, 1);
	equal("\x11", 1);
	nft_load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	note_port();
	end(x);
	G(finish(), "0");
	G(echo(50), "1");
	G(echo(55), "1");
	G(echo(50), "1");
}

/* Makes the message that was begun last one about a table of both families. */
static void of_inet(void)
{
	struct nfgenmsg *g = NLMSG_DATA((struct nlmsghdr *)(out + last));

	g->nfgen_family = NFPROTO_INET;
}

/*
 * Kinds of iptables for one family are refused in a table of both: they would read an IPv6 packet's
 * fields where IPv4's are.
 */
static void of_one_family(void)
{
	static const char info[20] = { 1 };
	unsigned x;

	start();
	table(NFT_MSG_NEWTABLE, "both", NLM_F_CREATE);
	of_inet();
	chain("both", "c", NF_INET_LOCAL_OUT, -100, "nat", NF_ACCEPT);
	of_inet();
	x = nft_rule("both", "c");
	of_inet();
	compat("target", "REDIRECT", 0, info, sizeof(info));
	end(x);
	G(finish(), "-1 ENOENT");
}

/* Makes the rule that was begun last one for @proto, or for all other protocols. */
static void for_proto(int proto, int flags)
{
	unsigned c = nest(NFTA_RULE_COMPAT);

	be32(NFTA_RULE_COMPAT_PROTO, proto);
	be32(NFTA_RULE_COMPAT_FLAGS, flags);
	end(c);
}

static int tcp_rule(int proto, int flags)
{
	static const char info[12];
	unsigned x;

	start();
	x = nft_rule("p", "c");
	compat("match", "tcp", 0, info, sizeof(info));
	end(x);
	if (proto)
		for_proto(proto, flags);
	return finish();
}

/* Targets that use ports need a rule of a protocol with ports. */
static void of_one_protocol(void)
{
	start();
	table(NFT_MSG_NEWTABLE, "p", NLM_F_CREATE);
	chain("p", "c", -1, 0, NULL, 0);
	G(finish(), "0");
	G(tcp_rule(0, 0), "-1 EINVAL");
	G(tcp_rule(IPPROTO_TCP, NFT_RULE_COMPAT_F_INV), "-1 EINVAL");
	G(tcp_rule(IPPROTO_UDP, 0), "-1 EINVAL");
	G(tcp_rule(IPPROTO_TCP, 0), "0");
}

/* Matches of iptables: the fourth datagram within a minute does not come through. */
static void remembers(void)
{
	start();
	udp_to(55, "in", seen);
	udp_to(55, "in", often);
	udp_to(50, "out", of_nobody);
	G(finish(), "0");
	G(echo(55), "1");
	G(echo(55), "1");
	G(lost(55), "0");
	G(echo(50), "1");
	G(setegid(65534) || seteuid(65534), "0");
	G(echo(50), "-1 EPERM");
	G(seteuid(0) || setegid(0), "0");
}

/* Adds a dynset whose expression is a dynset, and so on, @depth times. */
static void nested_dynset(int depth)
{
	unsigned d, e;

	text(NFTA_EXPR_NAME, "dynset");
	d = nest(NFTA_EXPR_DATA);
	text(NFTA_DYNSET_SET_NAME, "ports");
	be32(NFTA_DYNSET_OP, NFT_DYNSET_OP_ADD);
	be32(NFTA_DYNSET_SREG_KEY, NFT_REG_1);
	if (depth) {
		e = nest(NFTA_DYNSET_EXPR);
		nested_dynset(depth - 1);
		end(e);
	}
	end(d);
}

static void too_deep(void)
{
	unsigned x, e;

	start();
	table(NFT_MSG_NEWTABLE, "t", NLM_F_CREATE);
	chain("t", "out", NF_INET_LOCAL_OUT, 0, "filter", NF_ACCEPT);
	set_of_ports();
	G(finish(), "0");
	start();
	x = nft_rule("t", "out");
	e = nest(NFTA_LIST_ELEM);
	nested_dynset(800);
	end(e);
	end(x);
	G(finish(), "-1 EOPNOTSUPP");
}

/* Jumps that end only after 10^15 rules: packets that meet them are lost. */
static void endless(void)
{
	char from[] = "out", to[] = "ja";

	start();
	for (int c = 0; c < 15; c++, to[1]++)
		chain("t", to, -1, 0, NULL, 0);
	G(finish(), "0");
	start();
	to[1] = 'a';
	for (int c = 0; c < 15; c++, to[1]++) {
		for (int k = 0; k < 10; k++)
			jump(from, to);
		strcpy(from, to);
	}
	G(finish(), "0");
	G(echo(51), "-1 EPERM");
}

/* ---- a map of verdicts ---- */

static void by_map(const char *c)
{
	unsigned x = nft_rule("m", c), d, e;

	nft_load(NFT_PAYLOAD_NETWORK_HEADER, 9, 1);
	e = expr("lookup", &d);
	text(NFTA_LOOKUP_SET, "verdicts");
	be32(NFTA_LOOKUP_SREG, NFT_REG_1);
	be32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	end(d);
	end(e);
	end(x);
}

static void leads(unsigned char key, int code, const char *to)
{
	unsigned e = nest(NFTA_LIST_ELEM), k = nest(NFTA_SET_ELEM_KEY), d, v;

	attr(NFTA_DATA_VALUE, &key, 1);
	end(k);
	d = nest(NFTA_SET_ELEM_DATA);
	v = nest(NFTA_DATA_VERDICT);
	be32(NFTA_VERDICT_CODE, code);
	if (to)
		text(NFTA_VERDICT_CHAIN, to);
	end(v);
	end(d);
	end(e);
}

/* Sends a message with two elements, the second of which jumps to @to. */
static int two_elements(unsigned char first, const char *to)
{
	unsigned l;

	start();
	nft(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
	text(NFTA_SET_ELEM_LIST_TABLE, "m");
	text(NFTA_SET_ELEM_LIST_SET, "verdicts");
	l = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
	leads(first, NF_ACCEPT, NULL);
	leads((unsigned char)(first + 1), NFT_JUMP, to);
	end(l);
	return finish();
}

/*
 * A message with elements that make a circle of chains, at its end or before, is refused: none of
 * its elements stays.
 */
static void map_in_a_circle(void)
{
	start();
	table(NFT_MSG_NEWTABLE, "m", NLM_F_CREATE);
	chain("m", "on", NF_INET_FORWARD, 0, "filter", NF_ACCEPT);
	chain("m", "a", -1, 0, NULL, 0);
	chain("m", "b", -1, 0, NULL, 0);
	nft(NFT_MSG_NEWSET, NLM_F_CREATE);
	text(NFTA_SET_TABLE, "m");
	text(NFTA_SET_NAME, "verdicts");
	be32(NFTA_SET_KEY_LEN, 1);
	be32(NFTA_SET_ID, 1);
	be32(NFTA_SET_FLAGS, NFT_SET_MAP);
	be32(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	by_map("on");
	by_map("a");
	G(finish(), "0");
	G(two_elements(1, "a"), "-1 EMLINK");
	G(two_elements(1, "b"), "0");
	G(two_elements(1, "b"), "-1 EEXIST");
	G(two_elements(3, "a"), "-1 EMLINK");
	G(two_elements(3, "b"), "0");
}

TEST(nftables)
{
	GNEED(unshare(CLONE_NEWNET));
	if (in_guest())
		lo_up();
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (in_guest()) {
		listen_at(50);
		listen_at(51);
		listen_at(53);
		listen_at(55);
		listen_at(5353);
	}
	filter();
	batches();
	translation();
	told();
	ct_events();
	full_set();
	of_one_family();
	of_one_protocol();
	remembers();
	GIS(survives());
	start();
	nft(NFT_MSG_DELTABLE, 0); /* all of them */
	G(finish(), "0");
	G(count(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE), "0");
	G(echo(51), "1");
	G(echo(50), "1");
	too_deep();
	endless();
	map_in_a_circle();
}
