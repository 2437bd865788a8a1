/* SPDX-License-Identifier: MIT */
/*
 * nft_elems: elements of nf_tables sets that batches and packets add and delete at the same time:
 * an expired element that is added again, a set that is flushed and filled in the same batch,
 * elements that packets end while a listener is notified; a jump of all other keys that a batch
 * deletes before it adds the jump back; and a chain of which not all hooks can be
 * registered.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

#include <endian.h>

static void named(int type, int flags, int table, int name, const char *what)
{
	nft(type, flags);
	text(table, "t");
	text(name, what);
}

static void new_set(const char *name, int id, int flags)
{
	named(NFT_MSG_NEWSET, NLM_F_CREATE, NFTA_SET_TABLE, NFTA_SET_NAME, name);
	be32(NFTA_SET_KEY_LEN, 2);
	be32(NFTA_SET_ID, id);
	be32(NFTA_SET_FLAGS, flags);
}

/* Adds or deletes @n ports from @port on. @ms: their timeout, 0: none. */
static void elems(int type, const char *set, int port, int n, uint64_t ms)
{
	unsigned l, e, k;

	named(type, NLM_F_CREATE, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, set);
	l = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
	for (; n--; port++) {
		uint16_t be = htons(port);
		uint64_t left = htobe64(ms);

		e = nest(NFTA_LIST_ELEM);
		k = nest(NFTA_SET_ELEM_KEY);
		attr(NFTA_DATA_VALUE, &be, 2);
		end(k);
		if (ms)
			attr(NFTA_SET_ELEM_TIMEOUT, &left, 8);
		end(e);
	}
	end(l);
}

static void flush(const char *set)
{
	named(NFT_MSG_DELSETELEM, 0, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, set);
}

/* Begins a rule that loads a datagram's destination port into register 1. Returns its list. */
static unsigned rule_of_ports(void)
{
	unsigned x;

	named(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFTA_RULE_TABLE, NFTA_RULE_CHAIN,
		"out");
	x = nest(NFTA_RULE_EXPRESSIONS);
	nft_load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	return x;
}

static void drop_those_of(const char *set)
{
	unsigned x = rule_of_ports(), d, e = expr("lookup", &d);

	text(NFTA_LOOKUP_SET, set);
	be32(NFTA_LOOKUP_SREG, NFT_REG_1);
	end(d);
	end(e);
	drop_it();
	end(x);
}

static void delete_from(const char *set)
{
	unsigned x = rule_of_ports(), d, e = expr("dynset", &d);

	text(NFTA_DYNSET_SET_NAME, set);
	be32(NFTA_DYNSET_OP, NFT_DYNSET_OP_DELETE);
	be32(NFTA_DYNSET_SREG_KEY, NFT_REG_1);
	end(d);
	end(e);
	end(x);
}

static int sender;

static long send_to(int port)
{
	struct sockaddr_in a = at("127.0.0.1", port);

	return sendto(sender, "x", 1, MSG_DONTWAIT, SA(&a), sizeof(a));
}

static void setup(void)
{
	unsigned h;

	start();
	nft_table("t");
	named(NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, "out");
	h = nest(NFTA_CHAIN_HOOK);
	be32(NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	be32(NFTA_HOOK_PRIORITY, 0);
	end(h);
	text(NFTA_CHAIN_TYPE, "filter");
	new_set("timed", 1, NFT_SET_TIMEOUT);
	new_set("plain", 2, 0);
	new_set("ended", 3, NFT_SET_EVAL);
	new_set("ranges", 4, NFT_SET_INTERVAL | NFT_SET_TIMEOUT);
	drop_those_of("timed");
	drop_those_of("plain");
	drop_those_of("ranges");
	delete_from("ended");
	G(finish(), "0");
}

static int one(int type, const char *set, int port, uint64_t ms)
{
	start();
	elems(type, set, port, 1, ms);
	return finish();
}

/* An expired element that is not freed yet is not in the way of its successor. */
static void again(void)
{
	G(one(NFT_MSG_NEWSETELEM, "timed", 7001, 1), "0");
	if (in_guest())
		T_WAIT(send_to(7001) == 1);
	G(one(NFT_MSG_NEWSETELEM, "timed", 7001, 3600000), "0");
	G(send_to(7001), "-1 EPERM");
	G(one(NFT_MSG_DELSETELEM, "timed", 7001, 0), "0");
	G(send_to(7001), "1");
}

static void bound_of(int port, int flags, uint64_t ms)
{
	uint64_t left = htobe64(ms);
	uint16_t be = htons(port);
	unsigned e = nest(NFTA_LIST_ELEM), k = nest(NFTA_SET_ELEM_KEY);

	attr(NFTA_DATA_VALUE, &be, 2);
	end(k);
	if (flags)
		be32(NFTA_SET_ELEM_FLAGS, flags);
	else
		attr(NFTA_SET_ELEM_TIMEOUT, &left, 8);
	end(e);
}

/* Adds the ports from @first to before @next to the set of intervals. */
static int interval(int first, int next, uint64_t ms)
{
	unsigned l;

	start();
	named(NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET,
		"ranges");
	l = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
	bound_of(first, 0, ms);
	bound_of(next, NFT_SET_ELEM_INTERVAL_END, 0);
	end(l);
	return finish();
}

#define HOUR 3600000

/* The end of an expired interval is not left within a later interval. */
static void intervals(void)
{
	G(interval(7310, 7320, 1), "0");
	if (in_guest())
		T_WAIT(send_to(7315) == 1);
	G(interval(7312, 7330, HOUR), "0");
	G(send_to(7311), "1");
	G(send_to(7325), "-1 EPERM");
	G(send_to(7330), "1");
	/* over an expired interval, with its end, which is where another interval begins */
	G(interval(7350, 7360, HOUR), "0");
	G(interval(7340, 7350, 1), "0");
	if (in_guest())
		T_WAIT(send_to(7345) == 1);
	G(interval(7335, 7350, HOUR), "0");
	/* a second later, the next change frees what has expired */
	if (in_guest())
		usleep(1100000);
	G(interval(7370, 7380, HOUR), "0");
	G(send_to(7334), "1");
	G(send_to(7345), "-1 EPERM");
	G(send_to(7355), "-1 EPERM");
	G(send_to(7360), "1");
}

/* Adds or deletes the catch-all element of set "timed". @ms: its timeout, 0: none. */
static int for_all(int type, uint64_t ms)
{
	uint64_t left = htobe64(ms);
	unsigned l, e;

	start();
	named(type, NLM_F_CREATE, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, "timed");
	l = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
	e = nest(NFTA_LIST_ELEM);
	be32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_CATCHALL);
	if (ms)
		attr(NFTA_SET_ELEM_TIMEOUT, &left, 8);
	end(e);
	end(l);
	return finish();
}

static void all_again(void)
{
	G(for_all(NFT_MSG_NEWSETELEM, 1), "0");
	if (in_guest())
		T_WAIT(send_to(7001) == 1);
	G(for_all(NFT_MSG_NEWSETELEM, 3600000), "0");
	G(send_to(7001), "-1 EPERM");
	G(for_all(NFT_MSG_DELSETELEM, 0), "0");
	G(send_to(7001), "1");
}

/* Adds or removes the element of map "ways" that stands for all: a jump to the chain @to. */
static void way_for_all(int type, const char *to)
{
	unsigned l, e, d, v;

	named(type, NLM_F_CREATE, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, "ways");
	l = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
	e = nest(NFTA_LIST_ELEM);
	be32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_CATCHALL);
	if (to) {
		d = nest(NFTA_SET_ELEM_DATA);
		v = nest(NFTA_DATA_VERDICT);
		be32(NFTA_VERDICT_CODE, (uint32_t)NFT_JUMP);
		text(NFTA_VERDICT_CHAIN, to);
		end(v);
		end(d);
	}
	end(e);
	end(l);
}

static void jump(const char *from, const char *to)
{
	unsigned x = nft_rule("t", from), d, e = expr("immediate", &d), w, v;

	be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	w = nest(NFTA_IMMEDIATE_DATA);
	v = nest(NFTA_DATA_VERDICT);
	be32(NFTA_VERDICT_CODE, (uint32_t)NFT_JUMP);
	text(NFTA_VERDICT_CHAIN, to);
	end(v);
	end(w);
	end(d);
	end(e);
	end(x);
}

static void lookup_way(const char *from)
{
	unsigned x, d, e;

	named(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, from);
	x = nest(NFTA_RULE_EXPRESSIONS);
	nft_load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	e = expr("lookup", &d);
	text(NFTA_LOOKUP_SET, "ways");
	be32(NFTA_LOOKUP_SREG, NFT_REG_1);
	be32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	end(d);
	end(e);
	end(x);
}

static int ways(void)
{
	start();
	named(NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, "a");
	named(NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, "b");
	new_set("ways", 5, NFT_SET_MAP);
	be32(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	lookup_way("a");
	jump("out", "a");
	way_for_all(NFT_MSG_NEWSETELEM, "b");
	return finish();
}

/* Adds a jump back from b to a. @gone: the batch removes the map's jump from a to b before. */
static int way_back(bool gone)
{
	start();
	if (gone)
		way_for_all(NFT_MSG_DELSETELEM, NULL);
	jump("b", "a");
	return finish();
}

static void no_loop(void)
{
	G(ways(), "0");
	G(way_back(false), "-1 EMLINK");
	G(way_back(true), "0");
	G(send_to(7001), "1");
}

static volatile int stop;
static int passed;

static void *knock(void *arg)
{
	while (!stop)
		passed += send_to(7002) == 1;
	return NULL;
}

/* Flushes and refills a set in one batch: no packet meets an empty set. */
static void swap(void)
{
	pthread_t t;
	int failed = 0;

	if (!in_guest())
		return;
	one(NFT_MSG_NEWSETELEM, "plain", 7002, 0);
	pthread_create(&t, NULL, knock, NULL);
	for (int i = 0; i < 300; i++) {
		start();
		flush("plain");
		elems(NFT_MSG_NEWSETELEM, "plain", 7000, 50, 0);
		failed += finish() != 0;
	}
	stop = 1;
	pthread_join(t, NULL);
	if (failed)
		say("%d batches failed", failed);
}

#define FIRST 0x4242
#define MANY 60

static void *end_them(void *arg)
{
	while (!stop)
		for (int p = 0; p < MANY; p++)
			send_to(FIRST + p);
	return NULL;
}

/* Returns the key of a message's only element, or 0. */
static int key_of(const struct nlmsghdr *h)
{
	const unsigned char *p = (const unsigned char *)h, *last_byte = p + h->nlmsg_len;

	/*
	 * list, element, key, value: the headers of four attributes one after another, then two
	 * bytes
	 */
	for (p += NLMSG_SPACE(sizeof(struct nfgenmsg)); p + 18 <= last_byte; p += 4)
		if ((p[2] & 0x3f) == NFTA_SET_ELEM_LIST_ELEMENTS &&
			(p[6] & 0x3f) == NFTA_LIST_ELEM && (p[10] & 0x3f) == NFTA_SET_ELEM_KEY &&
			(p[14] & 0x3f) == NFTA_DATA_VALUE && p[12] == 6)
			return p[16] << 8 | p[17];
	return 0;
}

/* Notifications have the added elements, even if packets end those at once. */
static void told(void)
{
	static char buf[65536];
	int s, group = NFNLGRP_NFTABLES, room = 8 << 20, n, seen = 0, wrong = 0;
	pthread_t t;

	if (!in_guest())
		return;
	s = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	NEED(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
	stop = 0;
	pthread_create(&t, NULL, end_them, NULL);
	for (int i = 0; i < 200; i++) {
		start();
		elems(NFT_MSG_NEWSETELEM, "ended", FIRST, MANY, 0);
		if (finish())
			say("batch: %s", t_errno(errno));
		while ((n = recv(s, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
			const struct nlmsghdr *h = (void *)buf;
			int key = key_of(h);

			if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
				continue;
			seen++;
			wrong += key < FIRST || key >= FIRST + MANY;
		}
	}
	stop = 1;
	pthread_join(t, NULL);
	close(s);
	if (seen < MANY || wrong)
		say("told of %d, %d of them wrong", seen, wrong);
}

static void base(const char *name, int family)
{
	unsigned h;

	named(NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, name);
	((struct nfgenmsg *)NLMSG_DATA((struct nlmsghdr *)(out + last)))->nfgen_family = family;
	h = nest(NFTA_CHAIN_HOOK);
	be32(NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	be32(NFTA_HOOK_PRIORITY, 5);
	end(h);
	text(NFTA_CHAIN_TYPE, "filter");
	be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
}

static void table_of(int family)
{
	nft_table("t");
	((struct nfgenmsg *)NLMSG_DATA((struct nlmsghdr *)(out + last)))->nfgen_family = family;
}

static void *send_many(void *arg)
{
	while (!stop)
		send_to(7200);
	return NULL;
}

/*
 * IPv6's list is full, IPv4's is not: a chain of both gets none, and packets that were about to
 * enter it do no harm.
 */
static void no_room(void)
{
	char name[16];
	int err = 0, as_expected = 0;
	pthread_t t;

	if (!in_guest())
		return;
	for (int i = 0; i < 1024; i++) {
		if (i % 256 == 0) {
			start();
			table_of(NFPROTO_IPV6);
		}
		snprintf(name, sizeof(name), "c%d", i);
		base(name, NFPROTO_IPV6);
		if (i % 256 == 255)
			err |= finish();
	}
	stop = 0;
	pthread_create(&t, NULL, send_many, NULL);
	for (int i = 0; i < 30; i++) {
		start();
		table_of(NFPROTO_INET);
		base("both", NFPROTO_INET);
		as_expected += finish() == -1 && errno == E2BIG;
	}
	stop = 1;
	pthread_join(t, NULL);
	if (err || as_expected != 30)
		say("chains: %d, refused: %d", err, as_expected);
}

TEST(nft_elems)
{
	GNEED(unshare(CLONE_NEWNET));
	if (in_guest())
		lo_up();
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	sender = socket(AF_INET, SOCK_DGRAM, 0);
	setup();
	again();
	intervals();
	all_again();
	no_loop();
	swap();
	G(passed, "0");
	told();
	no_room();
	G(send_to(7200), "1");
}
