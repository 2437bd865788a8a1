/* SPDX-License-Identifier: MIT */
/*
 * netfilter.h: the public header of the packet filter: the hooks to which ip.c and forward.c pass
 * each packet.
 *
 * What the folder is for: hooks (core.c), connection tracking (conntrack.h, ct_proto.c), NAT
 * (nat.c), nf_tables (nft.h and nft_*.c), iptables' matches and targets (xt.h and xt_*.c),
 * rejections, copies, transparent proxies and logs (reject.c, dup.c, tproxy.c, log.c, nflog.c), and
 * its netlink protocol (nfnetlink.h).
 *
 *      in    ip_rcv() - PRE_ROUTING - local? - yes: LOCAL_IN - transport
 *                                              no:  FORWARD - POST_ROUTING - out
 *      out   ip_send() - LOCAL_OUT - rerouting - POST_ROUTING - fragmentation - out
 *
 * Call sequence: a caller tests nf_active() first, which costs one branch while no hook of the
 * namespace has a function:
 *
 *      if (unlikely(nf_active(net)) && nf_hook(net, NF_INET_FORWARD, skb, in, out))
 *              return;         (the packet was consumed)
 *
 * @skb begins with its network header, and is reassembled if nf_defrags(). A hook may change the
 * headers, so the caller parses them again.
 *
 * Locks: hooks run without a lock of their own, perhaps with a socket's c.lock held, and do not
 * sleep. nfnl_mutex serialises changes of rules. nn->lock (spin) of a namespace's nft_net protects
 * what rules read and write. ct->lock (conntrack.h) protects connections.
 *
 * May know: inet/, route/, socket/, netlink/. Other folders include only this header and
 * conntrack.h.
 */
#ifndef NESTLING_NET_NETFILTER_H
#define NESTLING_NET_NETFILTER_H

#include <linux/netfilter.h>

#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

/* limits of nf_state.work */
#define NFT_WORK_MAX (1U << 20)           /* for one packet at one hook */
#define NFT_WORK_COPY (NFT_WORK_MAX / 16) /* for a copy made by a rule */

/* A packet at a hook: the arguments of a hook function. */
struct nf_state {
	struct net *net;
	struct sk_buff *skb;
	struct net_device *in, *out; /* NULL: none, or not known at this hook */
	u8 hook;                     /* NF_INET_* */
	bool v6;
	/*
	 * cost so far of the packet at this hook: expressions evaluated, and steps of searches in
	 * their sets and lists
	 */
	u32 work;
	u32 copies; /* copies made by rules (dup.c) */
	/* a match could not be decided: the packet must be dropped */
	bool drop;
};

struct nf_hook_ops {
	/* Returns NF_ACCEPT, NF_DROP, or NF_STOLEN if it has consumed the packet. */
	u32 (*fn)(struct nf_state *s, void *priv);
	/* passed to fn(); functions run by priority, the lowest first */
	void *priv;
	int priority;
	u8 hook;
	bool v6;
	/*
	 * True for a NAT chain: nat.c calls @fn only for a connection's first packet, at the hooks
	 * where that packet is translated.
	 */
	bool nat;
};

/* True if a hook of the namespace has a function. */
static inline bool nf_active(const struct net *net)
{
	return READ_ONCE(net->nf.hooks) != 0;
}
/*
 * True if fragments are reassembled before the hooks see them. Else the hooks see each fragment,
 * except at LOCAL_IN, where packets are always whole.
 */
bool nf_defrags(const struct net *net);
/*
 * Passes @skb to the functions of @hook (NF_INET_*) by priority. @in, @out: devices of the packet,
 * NULL: none, or not known. Does not sleep. Returns 0 if all functions accepted @skb, or -EPERM if
 * it was consumed.
 */
int nf_hook(struct net *net, u8 hook, struct sk_buff *skb, struct net_device *in,
	struct net_device *out);
/*
 * Calls the NAT chains of s->hook in turn until one sets @bit in *@done or does not accept the
 * packet. Returns the last chain's NF_*, NF_ACCEPT if there is no chain.
 */
u32 nf_run_nat_chains(struct nf_state *s, const u32 *done, u32 bit);
/*
 * Registers a hook function. What @ops->priv points to must live until a grace period after
 * nf_unregister(). May sleep. Returns 0, -ENOMEM, or -E2BIG for too many functions.
 */
int nf_register(struct net *net, const struct nf_hook_ops *ops);
/*
 * Removes a function with these values. Packets may be inside it until a grace period has passed.
 * May sleep.
 */
void nf_unregister(struct net *net, const struct nf_hook_ops *ops);
/*
 * Registers the @n functions of @all for IPv4 and IPv6; ignores ops.v6. If one fails, registers
 * none, and returns its error. May sleep.
 */
int nf_register_both(struct net *net, const struct nf_hook_ops *all, u32 n);
/* Removes what nf_register_both() has registered. May sleep. */
void nf_unregister_both(struct net *net, const struct nf_hook_ops *all, u32 n);
/* Frees the packet filter of a namespace that is being destroyed. May sleep. */
void nf_net_end(struct net *net);
/* nft_trans.c: frees the tables of such a namespace. May sleep. */
void nft_net_end(struct net *net);
/* Sets the defaults of a new namespace. */
void nf_ct_conf_init(struct net *net);

/*
 * Returns the first @n bytes of @skb, contiguous and writable. @skb must have at least @n bytes,
 * and if they are not contiguous yet, @n is at most SKB_ROOM.
 */
u8 *nf_writable(struct sk_buff *skb, u32 n);
/*
 * Writes @n bytes at offset @at, which must be within the packet. Returns false if there is no
 * memory.
 */
bool nf_write(struct sk_buff *skb, u32 at, const void *from, u32 n);
/*
 * Updates the Internet checksum at offset @at after a change of bytes that it covers. @delta: from
 * nf_csum_delta(). @udp: a checksum of 0 means that there is none, and stays 0. Does nothing if
 * there is no memory, or the packet ends before the checksum.
 */
void nf_fix_sum(struct sk_buff *skb, u32 at, u32 delta, bool udp);
/*
 * Computes the transport checksum of a packet that has none because it was to stay on this machine.
 */
void nf_fill_checksum(struct sk_buff *skb);

struct nf_conn;
/* Take and drop a reference to the connection of a packet (conntrack.c). @ct is not NULL. */
void nf_conn_get(struct nf_conn *ct);
void nf_conn_put(struct nf_conn *ct);
/*
 * Clears the filter's data in a packet that moves to another namespace or another kind of network.
 */
static inline void nf_reset(struct sk_buff *skb)
{
	if (unlikely(skb->nfct)) {
		nf_conn_put(skb->nfct);
		skb->nfct = NULL;
	}
	skb->nf_info = 0;
	skb->proxy_port = 0;
	skb->is_copy = skb->is_answer = false;
}

#endif
