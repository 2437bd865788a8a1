/* SPDX-License-Identifier: MIT */
/*
 * xt.h: matches and targets of iptables, as used by nft_compat.c. Their structures are Linux's
 * (<linux/netfilter/xt_*.h>).
 */
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
	/*
	 * Allocates the private state of a match or target, which ends with the rule; packets use
	 * it under nn->lock. Returns it or an ERR_PTR.
	 */
	void *(*open)(struct nft_ctx *c, const void *info);
	void (*close)(struct nft_net *nn, void *state);
	bool (*keeps)(
		const struct nft_pkt *p, const void *info, void *state); /* instead of match */
	const char *table; /* the table it is for; NULL: any */
	/* bits of NF_INET_*, for base chains; 0: any */
	u32 hooks;
	u8 proto;                      /* its rule must be for; 0: any */
	bool ports;                    /* for TCP or UDP only */
	u8 (*needs)(const void *info); /* needs that depend on its structure */
	/* fragments are put together before the filter, once it was there */
	bool whole;
};
/* Each ended by one without a name. */
extern const struct xt_kind xt_matches[], xt_head_matches[], xt_keep_matches[], xt_rate_matches[],
	xt_bytes_matches[], xt_proto_matches[], xt_targets[], xt_edit_targets[],
	xt_socket_matches[], xt_proxy_targets[], xt_dup_targets[], xt_label_matches[],
	xt_npt_targets[];

/* Reads @n bytes of the transport's header; false: the packet is too short. */
bool xt_read_l4(const struct nft_pkt *p, void *to, u32 n);
/* Returns the offset of TCP's option @want in @opt, a header of @len bytes; 0: it is absent. */
u32 xt_tcp_option(const u8 *opt, u32 len, u8 want);
/* Returns the type of service of a packet, or its traffic class. */
u8 xt_tos(const struct nft_pkt *p);
/* True if @a equals @want, which is of the packet's family, in the bits of @mask. */
static inline bool xt_masked(
	const ip_addr *a, const union nf_inet_addr *want, const union nf_inet_addr *mask)
{
	if (ip_is_v4(a))
		return !((a->w[3] ^ want->ip) & mask->ip);
	for (u32 i = 0; i < 4; i++)
		if ((a->w[i] ^ want->ip6[i]) & mask->ip6[i])
			return false;
	return true;
}

#endif
