/* SPDX-License-Identifier: MIT */
/*
 * netfilter.h: the door of the packet filter: the hooks at which ip.c and forward.c pass each
 * packet to it.
 *
 * What the folder is for: hooks (core.c), connections (conntrack.h, ct_proto.c), NAT (nat.c),
 * nf_tables (nft.h and nft_*.c), iptables' matches and targets (xt.h and xt_*.c), rejections,
 * copies, transparent proxies and logs (reject.c, dup.c, tproxy.c, log.c, nflog.c), and its netlink
 * protocol (nfnetlink.h).
 *
 *      in    ip_rcv() - PRE_ROUTING - ours? - LOCAL_IN - transport
 *                                     no? - FORWARD - POST_ROUTING - out
 *      out   ip_send() - LOCAL_OUT - rerouting - POST_ROUTING - fragmentation - out
 *
 * Call sequence: a caller tests nf_active() first, which is one branch while no hook of the
 * namespace has a function:
 *
 *      if (unlikely(nf_active(net)) && nf_hook(net, NF_INET_FORWARD, skb, in, out))
 *              return;         (the packet has gone)
 *
 * @skb begins with its network header, and fragments have been reassembled. A hook may change the
 * headers, so the caller parses them again.
 *
 * Locks: hooks run without a lock of their own, perhaps with a socket's c.lock held, and do not
 * sleep. nfnl_mutex makes changes of rules one at a time; nn->lock (spin) of a namespace's nft_net
 * protects what rules read and write. Connections have locks of their buckets.
 *
 * May know: inet/, route/, socket/, netlink/; nothing above includes more than this header and
 * conntrack.h.
 */
#ifndef NESTLING_NET_NETFILTER_H
#define NESTLING_NET_NETFILTER_H

#include <linux/netfilter.h>

#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

/* Limits, and the arguments of a hook function. */
#define NFT_WORK_MAX (1U << 20)           /* of one packet at one hook */
#define NFT_WORK_COPY (NFT_WORK_MAX / 16) /* of one copy made by a rule */

struct nf_state {
	struct net *net;
	struct sk_buff *skb;
	struct net_device *in, *out; /* NULL: none, or not known yet */
	u8 hook;                     /* NF_INET_* */
	bool v6;
	/*
	 * expressions evaluated for the packet at this hook, with the cost of searches in their
	 * sets and lists
	 */
	u32 work;
	u32 copies; /* copies that rules have made (dup.c) */
	/* a match was not decidable: the packet is dropped */
	bool drop;
};

struct nf_hook_ops {
	/* Returns NF_ACCEPT, NF_DROP, or NF_STOLEN if it has freed the packet. */
	u32 (*fn)(struct nf_state *s, void *priv);
	void *priv;
	int priority;
	u8 hook;
	bool v6;
	/*
	 * True if @fn is called for the first packet of a connection only (nat.c), in the place
	 * where that packet is translated.
	 */
	bool nat;
};

static inline bool nf_active(const struct net *net)
{
	return READ_ONCE(net->nf.hooks) != 0;
}
/*
 * True if fragments are reassembled before the hooks. Otherwise hooks see each fragment, but
 * packets for this machine are whole at LOCAL_IN.
 */
bool nf_defrags(const struct net *net);
/*
 * Passes @skb to the hooks, in the order of their priorities. 0: accepted; -EPERM: consumed or
 * freed.
 */
int nf_hook(struct net *net, u8 hook, struct sk_buff *skb, struct net_device *in,
	struct net_device *out);
/* Runs the NAT chains in turn until one has set @bit in *done. NF_*. */
u32 nf_run_nat_chains(struct nf_state *s, const u32 *done, u32 bit);
/*
 * Registers a hook function. The caller keeps @ops until a grace period after nf_unregister(). May
 * sleep. 0 or -ENOMEM.
 */
int nf_register(struct net *net, const struct nf_hook_ops *ops);
void nf_unregister(struct net *net, const struct nf_hook_ops *ops);
/*
 * Registers the @n functions of @all for IPv4 and IPv6; the v6 member of @all is ignored. On
 * -ENOMEM none is registered.
 */
int nf_register_both(struct net *net, const struct nf_hook_ops *all, u32 n);
void nf_unregister_both(struct net *net, const struct nf_hook_ops *all, u32 n);
/* Ends the filter of a namespace that has no user any more. May sleep. */
void nf_net_end(struct net *net);
void nft_net_end(struct net *net);
void nf_ct_conf_init(struct net *net); /* a namespace begins */

/* Returns the first @n bytes of @skb, which has as many, in one piece that may be written to. */
u8 *nf_writable(struct sk_buff *skb, u32 n);
/*
 * Writes @n bytes at @at, which is within the packet, in its headers or payload. Returns false if
 * there is no memory.
 */
bool nf_write(struct sk_buff *skb, u32 at, const void *from, u32 n);
/*
 * Corrects the Internet checksum at @at after a change of the bytes that it covers; @delta is from
 * nf_csum_delta(). @udp: a value of 0 means no checksum, and stays. Does nothing without memory, or
 * if the packet ends before the checksum.
 */
void nf_fix_sum(struct sk_buff *skb, u32 at, u32 delta, bool udp);
/*
 * Computes the transport's checksum of a packet that has none yet, because it was not to leave this
 * machine.
 */
void nf_fill_checksum(struct sk_buff *skb);

/* The connection that a packet belongs to (conntrack.c): a reference. */
struct nf_conn;
void nf_conn_get(struct nf_conn *ct);
void nf_conn_put(struct nf_conn *ct);
/*
 * Clears the filter's data of a packet that leaves for another namespace or another kind of
 * network.
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
