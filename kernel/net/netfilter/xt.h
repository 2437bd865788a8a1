/* SPDX-License-Identifier: MIT */
/*
 * xt.h: matches and targets of iptables, which nft_compat.c calls. Their structures are Linux's
 * (<linux/netfilter/xt_*.h>).
 */
#ifndef NESTLING_NETFILTER_XT_H
#define NESTLING_NETFILTER_XT_H

#include "kernel/net/netfilter/nft.h"

struct xt_kind {
	const char *name;
	u32 rev;
	u8 family; /* 0: both families */
	u32 size;  /* least size of its structure, bytes */
	/* tracks: uses conntrack while a rule has it; nat_only: only in chains of type nat */
	bool tracks, nat_only;
	/* Returns 0, or -errno to refuse a rule with this structure. NULL: none is refused. */
	int (*check)(const void *info);
	/*
	 * match() and target() run under nn->lock, and must not sleep. target() returns
	 * NFT_CONTINUE, NF_* or NFT_RETURN.
	 */
	bool (*match)(const struct nft_pkt *p, const void *info);
	int (*target)(struct nft_pkt *p, const void *info);
	/*
	 * Allocates the state of a match or target in a rule, which close() frees with the rule.
	 * Packets use the state under nn->lock. Returns the state or an ERR_PTR.
	 */
	void *(*open)(struct nft_ctx *c, const void *info);
	void (*close)(struct nft_net *nn, void *state);
	bool (*keeps)(
		const struct nft_pkt *p, const void *info, void *state); /* match() with state */
	const char *table; /* only for this table; NULL: any */
	/* bits of NF_INET_*: allowed hooks of base chains; 0: any */
	u32 hooks;
	u8 proto;   /* protocol that the rule must have; 0: any */
	bool ports; /* the rule must be for TCP or UDP */
	/* Returns, instead of proto, the protocol that @info needs. NULL: proto applies. */
	u8 (*needs)(const void *info);
	/* once a rule has used this match or target, fragments are reassembled before the filter */
	bool whole;
};
/* Each array ends with an entry without a name. */
extern const struct xt_kind xt_matches[], xt_head_matches[], xt_keep_matches[], xt_rate_matches[],
	xt_bytes_matches[], xt_proto_matches[], xt_targets[], xt_edit_targets[],
	xt_socket_matches[], xt_proxy_targets[], xt_dup_targets[], xt_label_matches[],
	xt_npt_targets[];

/*
 * Copies @n bytes of the transport header to @to. Returns false if the packet is too short, or has
 * none.
 */
bool xt_read_l4(const struct nft_pkt *p, void *to, u32 n);
/* Returns the offset of TCP option @want in @opt, a header of @len bytes; 0: it is absent. */
u32 xt_tcp_option(const u8 *opt, u32 len, u8 want);
/* Returns the type of service or traffic class of a packet. */
u8 xt_tos(const struct nft_pkt *p);
/* True if @a equals @want, an address of the packet's family, in the bits of @mask. */
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
