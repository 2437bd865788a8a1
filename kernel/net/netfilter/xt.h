/* SPDX-License-Identifier: MIT */
/* xt.h: matches and targets of iptables that nft_compat.c knows. Their structures are Linux's (<linux/netfilter/xt_*.h>). */
#ifndef NESTLING_NETFILTER_XT_H
#define NESTLING_NETFILTER_XT_H

#include "kernel/net/netfilter/nft.h"

struct xt_kind {
	const char *name;
	u32 rev;
	u8 family; /* 0: both */
	u32 size;  /* of its structure, at least */
	bool tracks, nat_only;
	int (*check)(const void *info);
	bool (*match)(const struct nft_pkt *p, const void *info);
	int (*target)(struct nft_pkt *p, const void *info); /* NFT_CONTINUE, NF_*, NFT_RETURN */
};
extern const struct xt_kind xt_matches[], xt_targets[]; /* ended by one without a name */

#endif
