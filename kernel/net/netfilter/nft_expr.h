/* SPDX-License-Identifier: MIT */
/* nft_expr.h: the types of expressions. */
#ifndef NESTLING_NETFILTER_NFT_EXPR_H
#define NESTLING_NETFILTER_NFT_EXPR_H

#include "kernel/net/netfilter/nft.h"

extern const struct nft_expr_type nft_cmp, nft_range, nft_bitwise, nft_byteorder, nft_immediate;
extern const struct nft_expr_type nft_payload, nft_meta, nft_exthdr, nft_fib, nft_numgen, nft_hash;
extern const struct nft_expr_type nft_counter, nft_limit, nft_quota, nft_log_expr, nft_objref,
	nft_lookup, nft_dynset;
extern const struct nft_expr_type nft_ct, nft_nat, nft_masq, nft_redir, nft_notrack, nft_reject;
extern const struct nft_expr_type nft_match, nft_target, nft_connlimit, nft_rt, nft_socket,
	nft_tproxy, nft_dup;

/* Returns the chain that an immediate verdict jumps to, or NULL. */
struct nft_chain *nft_immediate_chain(const struct nft_expr *e);

#endif
