/* SPDX-License-Identifier: MIT */
/*
 * nft.h: messages of the packet filter (NETLINK_NETFILTER): batches of requests, and their results.
 * Functions add to the message that was begun last.
 */
#ifndef TESTS_SYSCALL_NFT_H
#define TESTS_SYSCALL_NFT_H

#include "t.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

static int nl;                        /* the test's socket */
static unsigned char out[65536];      /* the batch */
static unsigned len, last;            /* its bytes; where its last message is */
static int nft_family = NFPROTO_IPV4; /* family of the tables in requests */

/* Begins a message with its nfnetlink header. @type: subsystem << 8 | message. */
static T_UNUSED void begin(int type, int flags, int family, int res_id)
{
	struct nlmsghdr *h = (void *)(out + len);
	struct nfgenmsg *g = NLMSG_DATA(h);

	last = len;
	memset(h, 0, NLMSG_SPACE(sizeof(*g)));
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = 1;
	h->nlmsg_len = NLMSG_SPACE(sizeof(*g));
	g->nfgen_family = family;
	g->res_id = htons(res_id);
	len += h->nlmsg_len;
}

/* Begins a message NFT_MSG_* that is acknowledged. */
static T_UNUSED void nft(int type, int flags)
{
	begin(NFNL_SUBSYS_NFTABLES << 8 | type, flags | NLM_F_ACK, nft_family, 0);
}

/* Corrects the length of the last message. */
static T_UNUSED void grow(void)
{
	((struct nlmsghdr *)(out + last))->nlmsg_len = len - last;
}

/* Adds an attribute of @n bytes. text() adds a terminated text, be32() a big-endian number. */
static T_UNUSED void attr(int type, const void *data, unsigned n)
{
	struct nlattr *a = (void *)(out + len);

	memset(a, 0, NLA_ALIGN(NLA_HDRLEN + n));
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + n;
	if (n)
		memcpy(a + 1, data, n);
	len += NLA_ALIGN(a->nla_len);
	grow();
}

static T_UNUSED void text(int type, const char *s)
{
	attr(type, s, strlen(s) + 1);
}

static T_UNUSED void be32(int type, uint32_t v)
{
	v = htonl(v);
	attr(type, &v, 4);
}

/* Begins a nested attribute. Returns its place for end(), which closes it. */
static T_UNUSED unsigned nest(int type)
{
	unsigned at = len;

	attr(type | NLA_F_NESTED, NULL, 0);
	return at;
}

static T_UNUSED void end(unsigned at)
{
	((struct nlattr *)(out + at))->nla_len = len - at;
}

/* Begins a batch. */
static T_UNUSED void start(void)
{
	len = 0;
	begin(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

/*
 * Sends the batch, and reads the answers that have come. Returns 0, or -1 with the first error in
 * errno.
 */
static T_UNUSED int finish(void)
{
	static char buf[65536];
	int err = 0, n;

	begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	if (send(nl, out, len, 0) < 0)
		return -1;
	while ((n = recv(nl, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)n);
			h = NLMSG_NEXT(h, n))
			if (h->nlmsg_type == NLMSG_ERROR && !err)
				err = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
	errno = err;
	return err ? -1 : 0;
}

/*
 * Calls @each for each message of a dump. Returns false if it ends neither with NLMSG_DONE nor with
 * an error. Discards the batch.
 */
static T_UNUSED bool dump(int subsys, int type, int family, void (*each)(const struct nlmsghdr *))
{
	static char buf[65536];
	int n;

	len = 0;
	begin(subsys << 8 | type, NLM_F_DUMP, family, 0);
	send(nl, out, len, 0);
	while ((n = recv(nl, buf, sizeof(buf), 0)) > 0) {
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)n);
			h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return true;
			each(h);
		}
	}
	return false;
}

/* ---- tables, chains, rules ---- */

/* Makes a table of nft_family. nft_no_table() removes it. */
static T_UNUSED void nft_table(const char *name)
{
	nft(NFT_MSG_NEWTABLE, NLM_F_CREATE);
	text(NFTA_TABLE_NAME, name);
}

static T_UNUSED void nft_no_table(const char *name)
{
	nft(NFT_MSG_DELTABLE, 0);
	text(NFTA_TABLE_NAME, name);
}

/* Makes a chain of @kind ("filter", "nat") at @hook. The caller may add its policy. */
static T_UNUSED void nft_chain(
	const char *table, const char *name, const char *kind, int hook, int priority)
{
	unsigned h;

	nft(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	text(NFTA_CHAIN_TABLE, table);
	text(NFTA_CHAIN_NAME, name);
	h = nest(NFTA_CHAIN_HOOK);
	be32(NFTA_HOOK_HOOKNUM, hook);
	be32(NFTA_HOOK_PRIORITY, priority);
	end(h);
	text(NFTA_CHAIN_TYPE, kind);
}

/* Begins a rule, the last of its chain. Returns the list of expressions, which the caller ends. */
static T_UNUSED unsigned nft_rule(const char *table, const char *chain)
{
	nft(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	text(NFTA_RULE_TABLE, table);
	text(NFTA_RULE_CHAIN, chain);
	return nest(NFTA_RULE_EXPRESSIONS);
}

/* ---- expressions of a rule ---- */

/* Begins an expression; the caller ends *@data and the returned list. */
static T_UNUSED unsigned expr(const char *name, unsigned *data)
{
	unsigned at = nest(NFTA_LIST_ELEM);

	text(NFTA_EXPR_NAME, name);
	*data = nest(NFTA_EXPR_DATA);
	return at;
}

/* Sets register @reg to the @n bytes at @v. */
static T_UNUSED void nft_immediate(int reg, const void *v, unsigned n)
{
	unsigned d, e = expr("immediate", &d), w;

	be32(NFTA_IMMEDIATE_DREG, reg);
	w = nest(NFTA_IMMEDIATE_DATA);
	attr(NFTA_DATA_VALUE, v, n);
	end(w);
	end(d);
	end(e);
}

/* Loads @n bytes at @offset of the header @base (NFT_PAYLOAD_*) into register 1. */
static T_UNUSED void nft_load(int base, int offset, int n)
{
	unsigned d, e = expr("payload", &d);

	be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
	be32(NFTA_PAYLOAD_BASE, base);
	be32(NFTA_PAYLOAD_OFFSET, offset);
	be32(NFTA_PAYLOAD_LEN, n);
	end(d);
	end(e);
}

/* Writes @n bytes of register 1 into the packet; no checksum follows. */
static T_UNUSED void nft_store(int base, int offset, int n)
{
	unsigned d, e = expr("payload", &d);

	be32(NFTA_PAYLOAD_SREG, NFT_REG_1);
	be32(NFTA_PAYLOAD_BASE, base);
	be32(NFTA_PAYLOAD_OFFSET, offset);
	be32(NFTA_PAYLOAD_LEN, n);
	end(d);
	end(e);
}

/* Loads a property of the packet (NFT_META_*) into register 1. */
static T_UNUSED void nft_meta(int key)
{
	unsigned d, e = expr("meta", &d);

	be32(NFTA_META_KEY, key);
	be32(NFTA_META_DREG, NFT_REG_1);
	end(d);
	end(e);
}

/* Loads the state of the packet's connection into register 1: so connections are tracked. */
static T_UNUSED void nft_ct_state(void)
{
	unsigned d, e = expr("ct", &d);

	be32(NFTA_CT_KEY, NFT_CT_STATE);
	be32(NFTA_CT_DREG, NFT_REG_1);
	end(d);
	end(e);
}

/* Adds a match or target of iptables. @kind: "match" or "target". @info: its data, @n bytes. */
static T_UNUSED void compat(
	const char *kind, const char *name, int rev, const void *info, unsigned n)
{
	unsigned d, e = expr(kind, &d);

	text(NFTA_MATCH_NAME, name);
	be32(NFTA_MATCH_REV, rev);
	attr(NFTA_MATCH_INFO, info, n);
	end(d);
	end(e);
}

/* Ends the rule here unless register 1 has the @n bytes at @v. */
static T_UNUSED void equal(const void *v, unsigned n)
{
	unsigned d, e = expr("cmp", &d), w;

	be32(NFTA_CMP_SREG, NFT_REG_1);
	be32(NFTA_CMP_OP, NFT_CMP_EQ);
	w = nest(NFTA_CMP_DATA);
	attr(NFTA_DATA_VALUE, v, n);
	end(w);
	end(d);
	end(e);
}

/* Drops the packet. */
static T_UNUSED void drop_it(void)
{
	unsigned d, e = expr("immediate", &d), w, v;

	be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	w = nest(NFTA_IMMEDIATE_DATA);
	v = nest(NFTA_DATA_VERDICT);
	be32(NFTA_VERDICT_CODE, NF_DROP);
	end(v);
	end(w);
	end(d);
	end(e);
}

#endif
