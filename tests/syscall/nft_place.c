/* SPDX-License-Identifier: MIT */
/* nf_tables: where a rule goes that names a place by a rule which the same batch has replaced or deleted, as iptables-restore does. */
#include "guest.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

static int nl;
static unsigned char out[4096];
static unsigned len;
static struct nlmsghdr *last;

static void msg(int type, int flags)
{
	bool batch = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END;
	struct nfgenmsg *g;

	last = (void *)(out + len);
	memset(last, 0, NLMSG_SPACE(sizeof(*g)));
	last->nlmsg_type = batch ? type : NFNL_SUBSYS_NFTABLES << 8 | type;
	last->nlmsg_flags = NLM_F_REQUEST | flags;
	last->nlmsg_len = NLMSG_SPACE(sizeof(*g));
	g = NLMSG_DATA(last);
	g->nfgen_family = batch ? AF_UNSPEC : NFPROTO_IPV4;
	g->res_id = htons(batch ? NFNL_SUBSYS_NFTABLES : 0);
	len += last->nlmsg_len;
}

static void attr(int type, const void *data, unsigned n)
{
	struct nlattr *a = (void *)(out + len);

	memset(a, 0, NLA_ALIGN(NLA_HDRLEN + n));
	a->nla_type = (unsigned short)type;
	a->nla_len = (unsigned short)(NLA_HDRLEN + n);
	memcpy(a + 1, data, n);
	len += NLA_ALIGN(a->nla_len);
	last->nlmsg_len += NLA_ALIGN(a->nla_len);
}

static void start(void)
{
	len = 0;
	msg(NFNL_MSG_BATCH_BEGIN, 0);
}

/* A request about the rule @handle, or about a place by it; 0: none. The rule's name, one letter, is its user's data. */
static void rule(int type, int flags, int by, uint64_t handle, const char *name)
{
	msg(type, flags);
	attr(NFTA_RULE_TABLE, "t", 2);
	attr(NFTA_RULE_CHAIN, "c", 2);
	handle = htobe64(handle);
	if (handle)
		attr(by, &handle, 8);
	if (name)
		attr(NFTA_RULE_USERDATA, name, 2);
}

static void insert(uint64_t at, const char *name)
{
	rule(NFT_MSG_NEWRULE, NLM_F_CREATE, NFTA_RULE_POSITION, at, name);
}

static void append(uint64_t at, const char *name)
{
	rule(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFTA_RULE_POSITION, at, name);
}

static void replace(uint64_t old, const char *name)
{
	rule(NFT_MSG_NEWRULE, NLM_F_REPLACE, NFTA_RULE_HANDLE, old, name);
}

static void delete (uint64_t handle)
{
	rule(NFT_MSG_DELRULE, 0, NFTA_RULE_HANDLE, handle, NULL);
}

/* Sends the batch: the first error, or 0. */
static int finish(void)
{
	static char buf[16384];
	int err = 0;
	long n;

	msg(NFNL_MSG_BATCH_END, 0);
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

/* The letter of a rule in a dump. */
static char letter(const struct nlmsghdr *h)
{
	const struct nlattr *a = (void *)((char *)NLMSG_DATA(h) + sizeof(struct nfgenmsg));
	const char *last_byte = (const char *)h + h->nlmsg_len;

	while ((const char *)(a + 1) <= last_byte && a->nla_len >= NLA_HDRLEN) {
		if (a->nla_type == NFTA_RULE_USERDATA)
			return *(const char *)(a + 1);
		a = (void *)((char *)a + NLA_ALIGN(a->nla_len));
	}
	return '?';
}

static const char *rules(void)
{
	static char buf[16384], found[32];
	unsigned at = 0;
	long n;

	len = 0;
	msg(NFT_MSG_GETRULE, NLM_F_DUMP);
	send(nl, out, len, 0);
	memset(found, 0, sizeof(found));
	while ((n = recv(nl, buf, sizeof(buf), 0)) > 0)
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)n);
			h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return found;
			if (at < sizeof(found) - 1)
				found[at++] = letter(h);
		}
	return found;
}

TEST(nft_place)
{
	GNEED(unshare(CLONE_NEWNET));
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	start();
	msg(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
	attr(NFTA_TABLE_NAME, "t", 2);
	msg(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	attr(NFTA_CHAIN_TABLE, "t", 2);
	attr(NFTA_CHAIN_NAME, "c", 2); /* handle 1, the rules 2, 3, 4 */
	append(0, "a");
	append(0, "b");
	append(0, "c");
	G(finish(), "0");
	GT(rules(), "abc");
	start();
	replace(3, "B"); /* has the same handle */
	insert(3, "x");
	append(3, "y");
	G(finish(), "0");
	GT(rules(), "axByc");
	start();
	delete (2);
	insert(2, "z");
	G(finish(), "0");
	GT(rules(), "zxByc");
	start();
	delete (4);
	delete (4);
	G(finish(), "-1 ENOENT");
	start();
	delete (4);
	replace(4, "n");
	G(finish(), "-1 ENOENT");
	start();
	insert(2, "n"); /* of a former batch */
	G(finish(), "-1 ENOENT");
	start();
	insert(3, "n");
	replace(3, "C");
	replace(3, "D");
	append(3, "m");
	G(finish(), "0");
	GT(rules(), "zxnDmyc");
}
