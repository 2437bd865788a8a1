/* SPDX-License-Identifier: MIT */
/*
 * nft_walk: thousands of expired elements with the same key, and rules that look up that key again
 * and again. The kernel counts the elements that it passes, and drops a packet that has cost too
 * much. Linux goes on: the host's side only prints.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

#define ELEMENTS 6000
#define RULES 8
#define LOOKUPS 120

static void element(void)
{
	unsigned e = nest(NFTA_LIST_ELEM), k = nest(NFTA_SET_ELEM_KEY);
	static const uint64_t none;

	attr(NFTA_DATA_VALUE, "\1\2\3\4", 4);
	end(k);
	attr(NFTA_SET_ELEM_EXPIRATION, &none, 8);
	end(e);
}

static void new_set(void)
{
	static const unsigned char second[8] = { [6] = 1000 >> 8, [7] = 1000 & 255 };

	nft_table("t");
	nft(NFT_MSG_NEWSET, NLM_F_CREATE);
	text(NFTA_SET_TABLE, "t");
	text(NFTA_SET_NAME, "s");
	be32(NFTA_SET_FLAGS, NFT_SET_TIMEOUT);
	be32(NFTA_SET_KEY_TYPE, 7);
	be32(NFTA_SET_KEY_LEN, 4);
	be32(NFTA_SET_ID, 1);
	attr(NFTA_SET_TIMEOUT, second, 8);
}

static int elements(int n)
{
	unsigned list;

	start();
	new_set();
	for (int k = 0; k < n; k++) {
		if (k % 1000 == 0) {
			if (k)
				end(list);
			nft(NFT_MSG_NEWSETELEM, NLM_F_CREATE);
			text(NFTA_SET_ELEM_LIST_TABLE, "t");
			text(NFTA_SET_ELEM_LIST_SET, "s");
			list = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
		}
		element();
	}
	end(list);
	return finish();
}

/* Adds output rules that look up the key often, and go on if it is not in the set. */
static int rules(void)
{
	unsigned x, e, d, w;

	start();
	nft_chain("t", "out", "filter", NF_INET_LOCAL_OUT, 0);
	while (len < sizeof(out) - 16384) {
		x = nft_rule("t", "out");
		for (int k = 0; k < LOOKUPS; k++) {
			e = nest(NFTA_LIST_ELEM);
			text(NFTA_EXPR_NAME, k ? "lookup" : "immediate");
			d = nest(NFTA_EXPR_DATA);
			if (k) {
				text(NFTA_LOOKUP_SET, "s");
				be32(NFTA_LOOKUP_SREG, NFT_REG_1);
				be32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
			} else {
				be32(NFTA_IMMEDIATE_DREG, NFT_REG_1);
				w = nest(NFTA_IMMEDIATE_DATA);
				attr(NFTA_DATA_VALUE, "\1\2\3\4", 4);
				end(w);
			}
			end(d);
			end(e);
		}
		end(x);
	}
	return finish();
}

/*
 * Expired elements are collected once a second, when one is added. Then there is too little to walk
 * over, and all are added again.
 */
static int costs_too_much(int fd, const struct sockaddr_in *a)
{
	for (int tries = 0; tries < 100; tries++) {
		for (int k = 0; k < ELEMENTS / 1000; k++)
			NEED(elements(1000));
		if (sendto(fd, "x", 1, 0, SA(a), sizeof(*a)) < 0)
			return -1;
	}
	return 0;
}

TEST(nft_walk)
{
	struct sockaddr_in a = at("127.0.0.1", 4246);
	int fd = -1;

	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
		NEED(setsockopt(nl, SOL_SOCKET, SO_SNDBUFFORCE, &(int){ 1 << 20 }, sizeof(int)));
		fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	}
	G(elements(1), "0");
	for (int k = 0; k < RULES; k++) /* as many as fit in a message */
		GNEED(rules());
	G(sendto(fd, "x", 1, 0, SA(&a), sizeof(a)), "1");
	G(costs_too_much(fd, &a), "-1 EPERM");
}
