/* SPDX-License-Identifier: MIT */
/*
 * nft_rename: chains of nf_tables that are renamed within one batch: two chains cannot get the same
 * name, and a batch that asks for it changes nothing. The host's side only prints.
 */
#include "guest.h"
#include "nft.h"

static unsigned long handle[2];
static int chains;

static void make(const char *name)
{
	nft(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	text(NFTA_CHAIN_TABLE, "t");
	text(NFTA_CHAIN_NAME, name);
}

static void rename_to(int which, const char *name)
{
	uint64_t h = htobe64(handle[which]);

	nft(NFT_MSG_NEWCHAIN, 0);
	text(NFTA_CHAIN_TABLE, "t");
	attr(NFTA_CHAIN_HANDLE, &h, 8);
	text(NFTA_CHAIN_NAME, name);
}

static void del(const char *name)
{
	nft(NFT_MSG_DELCHAIN, 0);
	text(NFTA_CHAIN_TABLE, "t");
	text(NFTA_CHAIN_NAME, name);
}

static char list[256];

static void note(const struct nlmsghdr *h)
{
	const struct nlattr *a = (void *)((char *)NLMSG_DATA(h) + sizeof(struct nfgenmsg));
	const char *end = (const char *)h + h->nlmsg_len;
	uint64_t v = 0;

	for (; (const char *)a < end; a = (void *)((char *)a + NLA_ALIGN(a->nla_len))) {
		if (a->nla_type == NFTA_CHAIN_NAME)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), " %s",
				(const char *)(a + 1));
		if (a->nla_type == NFTA_CHAIN_HANDLE)
			memcpy(&v, a + 1, 8);
	}
	if (chains < 2)
		handle[chains++] = be64toh(v);
}

static const char *names(void)
{
	list[0] = 0;
	dump(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN, NFPROTO_IPV4, note);
	return list;
}

static int both(const char *a, const char *b)
{
	start();
	rename_to(0, a);
	rename_to(1, b);
	return finish();
}

static int rename_and_make(const char *a, const char *b)
{
	start();
	rename_to(0, a);
	make(b);
	return finish();
}

static int delete_and_rename(const char *a, const char *b)
{
	start();
	del(a);
	rename_to(0, b);
	return finish();
}

TEST(nft_rename)
{
	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
		start();
		nft_table("t");
		make("a");
		make("b");
		NEED(finish());
	}
	GT(names(), " a b");
	G(both("x", "x"), "-1 EEXIST");
	GT(names(), " a b");
	G(rename_and_make("x", "x"), "-1 EEXIST");
	G(both("x", "a"), "-1 EEXIST");
	GT(names(), " a b");
	G(both("x", "y"), "0");
	GT(names(), " x y");
	G(rename_and_make("a", "c"), "0");
	GT(names(), " a y c");
	G(delete_and_rename("y", "y"), "0");
	GT(names(), " y c");
}
