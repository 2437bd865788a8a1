/* SPDX-License-Identifier: MIT */
/*
 * conntrack.h: connections that packets belong to, and their translation.
 *
 *      conntrack.c  the table; a packet's connection
 *      ct_proto.c   TCP's states, timeouts, ICMP errors
 *      ctnetlink.c  conntrack(8), /proc/net/nf_conntrack
 *      nat.c        chooses addresses, rewrites packets
 *      reject.c     refusals
 *      log.c        the log
 *
 * A connection has two tuples: the first is that of its first packet, the second that of the
 * answers as they arrive at this machine. Translation changes the second before the connection is
 * entered; packets are rewritten so that they are the opposite of the other direction's tuple.
 *
 * States: new (a packet holds it, in no table) -> confirmed (its first packet has passed: in the
 * table, both tuples) -> gone (timeout, early drop, conntrack -D).
 *
 * Locks: ct->lock of the namespace (spin), inside nn->lock; a reference keeps the memory.
 */
#ifndef NESTLING_NETFILTER_CONNTRACK_H
#define NESTLING_NETFILTER_CONNTRACK_H

#include <linux/netfilter/nf_conntrack_tuple_common.h>

#include "kernel/net/netfilter/netfilter.h"

#define NF_PRI_CONNTRACK (-200)
#define NF_PRI_NAT_DST (-100)
#define NF_PRI_NAT_SRC 100
#define NF_PRI_LAST 0x7fffffff
/* a value of skb->nf_info; others are 1 + enum ip_conntrack_info, or 0: not tracked yet */
#define NF_UNTRACKED 16
#define CT_BUCKETS 4096U

/* The transport's header of a packet. */
struct nf_l4 {
	u8 proto;
	u32 off;
	u16 frag_off;
};
/* Finds the transport header. Returns false if there is none. */
bool nf_find_l4(const struct sk_buff *skb, bool v6, struct nf_l4 *l4);

/*
 * Ports in network order; of ICMP both are the identifier, and type and code (of the request, then
 * of the answer).
 */
struct nf_tuple {
	ip_addr src, dst;
	u16 sport, dport;
	u8 proto, type, code;
};

struct nf_conn;
struct nf_conn_dir {
	struct hlist_node node; /* under ct->lock */
	struct nf_conn *ct;
	struct nf_tuple t;
	u64 packets, bytes;
};

struct nf_conn {
	atomic_t refs;
	struct net *net;           /* not a reference: the table ends with it */
	struct nf_conn_dir dir[2]; /* IP_CT_DIR_* */
	struct list_head all;      /* under ct->lock: the oldest first */
	u32 status;                /* IPS_*, under ct->lock */
	u32 mark, id;
	/* 128 bits that rules and programs set; bit 0 is the lowest of the first */
	u32 labels[4];
	u64 expires, started; /* ktime_get() */
	/* wall clock, where `stamped`; ended 0: not yet */
	u64 began, ended;
	u8 tcp_state; /* TCP_CONNTRACK_* */
	bool gone;
	/* the settings of nf_conntrack_acct, _timestamp and _events when the connection began */
	bool counted, stamped, silent;
	struct {
		u32 seq, ack, end;
		u16 window;
		u8 dir, times; /* repeated so often */
	} last;                /* acknowledgement of TCP */
};

struct nf_ct_net {
	spinlock_t lock;
	struct hlist_head table[CT_BUCKETS];
	struct list_head all;
	u32 count, users, nat_users; /* users under nfnl_mutex */
	u32 seed, next_id, gc_at;
};

enum ip_conntrack_info;
static inline struct nf_conn *nf_ct_get(const struct sk_buff *skb, int *info)
{
	*info = skb->nf_info && skb->nf_info < NF_UNTRACKED ? (int)skb->nf_info - 1 : -1;
	return skb->nfct;
}
static inline int nf_ct_dir(int info)
{
	return info >= IP_CT_IS_REPLY ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
}

/* Sets the labels to (labels & ~mask) ^ value, four words (xt_more.c). Takes no lock. */
void nf_ct_set_labels(struct nf_conn *ct, const u32 *value, const u32 *mask);

/* ---- conntrack.c ---- */

/*
 * Takes a use of connection tracking, which is on while there is a use. Called under nfnl_mutex. 0,
 * -ENOMEM.
 */
int nf_ct_use(struct net *net);
void nf_ct_unuse(struct net *net);
void nf_ct_net_end(struct net *net);
extern u32 nf_ct_max; /* of one namespace */
/* Logs a packet that belongs to no connection, if nf_conntrack_log_invalid names its protocol. */
void nf_ct_log_invalid(const struct nf_state *s, const struct nf_l4 *l4, const char *why);
void nf_ct_invert(struct nf_tuple *to, const struct nf_tuple *from);
bool nf_ct_tuple(const struct sk_buff *skb, bool v6, u32 base, struct nf_tuple *t);
/* Returns the direction of a connection that has this tuple, with a reference, or NULL. */
struct nf_conn_dir *nf_ct_find(struct net *net, const struct nf_tuple *t);
/*
 * Reads the destination of a connection's first packet before translation. @local: the tuple of
 * packets that the caller's end sends. Takes ct->lock. 0, or -ENOENT: not tracked.
 */
int nf_ct_original_dst(struct net *net, const struct nf_tuple *local, ip_addr *dst, u16 *port);
/*
 * Removes the connection from the table. True: it was there, and the caller gets the table's
 * reference. ct->lock held.
 */
bool nf_ct_unlink(struct nf_conn *ct);
/* Calls @fn for each connection, without a lock and with a reference. */
int nf_ct_each(struct net *net, int (*fn)(struct nf_conn *ct, void *arg), void *arg);
void nf_ct_kill(struct nf_conn *ct);
/*
 * Tells listeners to NFNLGRP_CONNTRACK_NEW, _UPDATE, _DESTROY (ctnetlink.c). Does not sleep;
 * ct->lock may be held.
 */
void nf_ct_tell(const struct nf_conn *ct, u32 group);

/* ---- ct_proto.c ---- */

/*
 * Sets the state and timeout that a packet brings. ct->lock held. NF_ACCEPT, NF_DROP (invalid),
 * NF_REPEAT (it belongs to another connection).
 */
u32 nf_ct_packet(struct nf_conn *ct, const struct sk_buff *skb, const struct nf_l4 *l4, int dir);
/* True if the packet may begin a connection. */
bool nf_ct_may_begin(const struct net *net, const struct sk_buff *skb, const struct nf_l4 *l4);
/* True if the transport's checksum is right, or there is none. */
bool nf_ct_sum_holds(const struct nf_state *s, const struct nf_l4 *l4);
const char *nf_ct_tcp_name(u8 state);

/*
 * True if the packet is an ICMP error or belongs to no connection by its type. An error gets the
 * connection of the packet that it quotes, if there is one.
 */
bool nf_ct_error(struct nf_state *s, const struct nf_l4 *l4);

/* ---- nat.c ---- */

struct nf_range {
	u32 flags; /* NF_NAT_RANGE_* */
	ip_addr min, max;
	u16 port_min, port_max; /* network order */
	u16 port_base;
};
enum { NF_NAT_SRC, NF_NAT_DST };
int nf_nat_get(struct net *net);
void nf_nat_put(struct net *net);
/* Gives @ct another source or destination. NF_ACCEPT, NF_DROP (there is no room). */
u32 nf_nat_setup(struct nf_conn *ct, const struct nf_range *r, int manip);
/* Translate for masquerade and redirect, by a range with the address of the device. NF_*. */
u32 nf_nat_masquerade(struct nf_state *s, const struct nf_range *r);
u32 nf_nat_redirect(struct nf_state *s, const struct nf_range *r);

/* ---- reject.c ---- */

/* Refuses a packet; @type is NFT_REJECT_*, @code the family's own code. */
void nf_reject(struct nf_state *s, int type, int code);
/* ---- log.c ---- */

extern int nf_log_all_netns; /* and not init_net alone */
void nf_log_packet(const struct nf_state *s, u32 level, u32 flags, const char *prefix);

/* ---- checksums ---- */

/* Returns the difference to a checksum when the @n bytes (an even number) of @old become @new. */
static inline u32 nf_csum_delta(const void *old, const void *new, u32 n)
{
	const u16 *a = old, *b = new;
	u32 sum = 0;

	for (u32 i = 0; i < n / 2; i++)
		sum += (u16)~a[i] + (u32)b[i];
	return sum;
}
static inline u16 nf_csum_apply(u16 check, u32 delta)
{
	u64 sum = (u64)(u16)~check + delta;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16) ~((sum & 0xffff) + (sum >> 16));
}

/* ---- addresses of packets (nft_expr_pkt.c) ---- */

void nf_addrs(const struct sk_buff *skb, bool v6, ip_addr *src, ip_addr *dst);
/* RTN_*. */
struct nft_pkt;
u32 nf_addr_type(const struct nft_pkt *p, const ip_addr *a, int ifindex);
/* Returns the packet's bit of `ct state` (nft_expr_ct.c). */
u32 nf_ct_state_bit(const struct sk_buff *skb);

#endif
