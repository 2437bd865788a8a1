/* SPDX-License-Identifier: MIT */
/*
 * nft_place: position of a new nf_tables rule that refers to a rule which the same batch has
 * replaced or deleted, as iptables-restore does.
 */
#include "guest.h"
#include "nft.h"

#include <endian.h>
#include <sched.h>

/*
 * Begins a request about the rule @handle, or about the place next to it; 0: neither. The rule's
 * user data is @name, one letter.
 */
static void rule(int type, int flags, int by, uint64_t handle, const char *name)
{
	nft(type, flags);
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

/* Returns the letter of a rule in a dump. */
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

static char found[32];

static void note(const struct nlmsghdr *h)
{
	size_t n = strlen(found);

	if (n < sizeof(found) - 1)
		found[n] = letter(h);
}

static const char *rules(void)
{
	memset(found, 0, sizeof(found));
	dump(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE, NFPROTO_IPV4, note);
	return found;
}

TEST(nft_place)
{
	GNEED(unshare(CLONE_NEWNET));
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	start();
	nft(NFT_MSG_NEWTABLE, NLM_F_CREATE);
	attr(NFTA_TABLE_NAME, "t", 2);
	nft(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
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
	insert(2, "n"); /* position from an earlier batch */
	G(finish(), "-1 ENOENT");
	start();
	insert(3, "n");
	replace(3, "C");
	replace(3, "D");
	append(3, "m");
	G(finish(), "0");
	GT(rules(), "zxnDmyc");
}
