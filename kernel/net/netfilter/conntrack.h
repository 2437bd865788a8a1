/* SPDX-License-Identifier: MIT */
/*
 * conntrack.h: connection tracking: the connections that packets belong to, and NAT.
 *
 *      conntrack.c  the table of connections; finds a packet's connection
 *      ct_proto.c   TCP's states, timeouts, ICMP errors
 *      ctnetlink.c  conntrack(8), /proc/net/nf_conntrack
 *      nat.c        chooses addresses and ports, rewrites packets
 *      reject.c     ICMP errors and TCP resets for rejected packets
 *      log.c        the firewall log
 *
 * A connection has two tuples: that of its first packet, and that of the replies as they arrive at
 * this machine. NAT changes the second tuple before the connection enters the table. Each packet is
 * rewritten to the inverse of the other direction's tuple.
 *
 * States: new (held by a packet, not in the table) -> confirmed (the first packet has passed all
 * hooks; both tuples are in the table) -> gone (timeout, early drop, conntrack -D).
 *
 * Locks: "ct->lock" in comments is the spin lock net->nf.ct->lock, one for each network namespace;
 * struct nf_conn has no lock. It is taken inside of nn->lock (nft.h). A reference to a connection
 * keeps its memory. No function sleeps, unless its comment says so.
 */
#ifndef NESTLING_NETFILTER_CONNTRACK_H
#define NESTLING_NETFILTER_CONNTRACK_H

#include <linux/netfilter/nf_conntrack_tuple_common.h>

#include "kernel/net/netfilter/netfilter.h"

#define NF_PRI_CONNTRACK (-200)
#define NF_PRI_NAT_DST (-100)
#define NF_PRI_NAT_SRC 100
#define NF_PRI_LAST 0x7fffffff
/*
 * skb->nf_info of a packet that must not be tracked. Other values: 0 (not tracked yet), and 1 +
 * enum ip_conntrack_info.
 */
#define NF_UNTRACKED 16
#define CT_BUCKETS 4096U

/*
 * The transport header of a packet: protocol, and offset in bytes. frag_off is nonzero only for a
 * fragment other than the first; its unit is 8 bytes for IPv4 and a byte for IPv6.
 */
struct nf_l4 {
	u8 proto;
	u32 off;
	u16 frag_off;
};
/*
 * Finds the transport header of @skb, which begins with its network header; l4->off is relative to
 * that. Returns false if there is no transport header, as in a fragment other than the first.
 */
bool nf_find_l4(const struct sk_buff *skb, bool v6, struct nf_l4 *l4);

/*
 * Ports are in network byte order. For ICMP both ports hold the identifier; type and code are those
 * of the request in the first tuple, those of the reply in the second.
 */
struct nf_tuple {
	ip_addr src, dst;
	u16 sport, dport;
	u8 proto, type, code;
};

struct nf_conn;
struct nf_conn_dir {
	struct hlist_node node; /* in the table; protected by ct->lock */
	struct nf_conn *ct;
	struct nf_tuple t;  /* not changed once it is in the table */
	u64 packets, bytes; /* so far; written under ct->lock */
};

struct nf_conn {
	atomic_t refs;
	/* Without a reference: the end of the namespace removes all connections from the table. */
	struct net *net;
	struct nf_conn_dir dir[2]; /* by IP_CT_DIR_* */
	struct list_head all;      /* in nf_ct_net.all; ct->lock */
	u32 status;                /* IPS_*; ct->lock */
	/* mark: connmark, set by rules and programs, read without a lock; id: immutable */
	u32 mark, id;
	/*
	 * connlabel bits, set by rules and programs without a lock; bit 0 is the lowest bit of
	 * labels[0].
	 */
	u32 labels[4];
	/* ktime_get(). expires: end of the connection, if no packet comes; started: first packet */
	u64 expires, started;
	/*
	 * Times by ktime_get_real(), in ns: when the connection entered the table, and when it was
	 * removed (0 before). Both are 0 unless `stamped`.
	 */
	u64 began, ended;
	u8 tcp_state; /* TCP_CONNTRACK_*; ct->lock */
	bool gone;    /* left the table; ct->lock */
	/*
	 * Sysctls when the connection was made: counted is nf_conntrack_acct, stamped is
	 * nf_conntrack_timestamp, and silent is true if nf_conntrack_events was 0.
	 */
	bool counted, stamped, silent;
	/* of TCP: the last segment with ACK, but without SYN, FIN and RST; ct->lock */
	struct {
		u32 seq, ack, end;
		u16 window;
		u8 dir, times; /* times: number of repetitions */
	} last;
};

/* Connection tracking of a network namespace. */
struct nf_ct_net {
	spinlock_t lock;
	struct hlist_head table[CT_BUCKETS]; /* of nf_conn_dir; ct->lock */
	struct list_head all;                /* of nf_conn; ct->lock */
	/*
	 * count: connections in the table, under ct->lock. users: of nf_ct_use(), nat_users: of
	 * nf_nat_get(), under nfnl_mutex
	 */
	u32 count, users, nat_users;
	/* seed: of the table's hash, immutable; next_id: id of the newest connection, ct->lock */
	u32 seed, next_id;
};

enum ip_conntrack_info;
/*
 * Returns the packet's connection without a reference, or NULL. Sets *@info to the packet's enum
 * ip_conntrack_info, or to -1 if the packet was not tracked.
 */
static inline struct nf_conn *nf_ct_get(const struct sk_buff *skb, int *info)
{
	*info = skb->nf_info && skb->nf_info < NF_UNTRACKED ? (int)skb->nf_info - 1 : -1;
	return skb->nfct;
}
/* Returns the direction, IP_CT_DIR_*, for an enum ip_conntrack_info. */
static inline int nf_ct_dir(int info)
{
	return info >= IP_CT_IS_REPLY ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
}

/* Sets the four words of labels to (labels & ~mask) ^ value (xt_more.c). Takes no lock. */
void nf_ct_set_labels(struct nf_conn *ct, const u32 *value, const u32 *mask);

/* ---- conntrack.c ---- */

/*
 * Adds a user of connection tracking, which is on while it has users. nfnl_mutex held; may sleep.
 * Returns 0, -ENOMEM or -E2BIG.
 */
int nf_ct_use(struct net *net);
/* Drops a user. nfnl_mutex held; may sleep. */
void nf_ct_unuse(struct net *net);
/* Frees the table of a namespace that ends, if it has one. May sleep. */
void nf_ct_net_end(struct net *net);
extern u32 nf_ct_max; /* most connections of one namespace */
/* Logs an invalid packet if nf_conntrack_log_invalid names its protocol. */
void nf_ct_log_invalid(const struct nf_state *s, const struct nf_l4 *l4, const char *why);
/* Computes the tuple of packets in the other direction. */
void nf_ct_invert(struct nf_tuple *to, const struct nf_tuple *from);
/*
 * Fills *@t with the tuple of the packet whose network header is at offset @base (bytes) of @skb.
 * Returns false if the packet has no tuple.
 */
bool nf_ct_tuple(const struct sk_buff *skb, bool v6, u32 base, struct nf_tuple *t);
/*
 * Returns the direction that has this tuple, with a reference to its connection, or NULL. Takes
 * ct->lock, and removes a connection that it finds expired.
 */
struct nf_conn_dir *nf_ct_find(struct net *net, const struct nf_tuple *t);
/*
 * Stores the destination that a connection's first packet had before NAT. @local: the tuple of
 * packets that the local end sends. *@port is in network byte order. Takes ct->lock. Returns 0, or
 * -ENOENT if the connection is not tracked.
 */
int nf_ct_original_dst(struct net *net, const struct nf_tuple *local, ip_addr *dst, u16 *port);
/*
 * Removes the connection from the table. Returns true if it was there; the caller then owns the
 * table's reference. ct->lock held.
 */
bool nf_ct_unlink(struct nf_conn *ct);
/*
 * Calls @fn for each connection, with a reference and without a lock, until @fn returns nonzero.
 * Returns that value, 0, or -ENOMEM. May sleep, as may @fn.
 */
int nf_ct_each(struct net *net, int (*fn)(struct nf_conn *ct, void *arg), void *arg);
/*
 * Removes the connection from the table, if it is there. Takes ct->lock; the caller's reference
 * stays.
 */
void nf_ct_kill(struct nf_conn *ct);
/*
 * Notifies listeners of @group: NFNLGRP_CONNTRACK_NEW, _UPDATE or _DESTROY (ctnetlink.c). ct->lock
 * may be held.
 */
void nf_ct_notify(const struct nf_conn *ct, u32 group);

/* ---- ct_proto.c ---- */

/*
 * Updates state and timeout of @ct by a packet in direction @dir (IP_CT_DIR_*). ct->lock held.
 * Returns NF_ACCEPT, or NF_REPEAT if the packet begins a new connection with the tuple of @ct,
 * which has ended.
 */
u32 nf_ct_packet(struct nf_conn *ct, const struct sk_buff *skb, const struct nf_l4 *l4, int dir);
/* True if the packet may begin a connection. */
bool nf_ct_may_begin(const struct net *net, const struct sk_buff *skb, const struct nf_l4 *l4);
/* True if the transport checksum is right, or need not be checked. */
bool nf_ct_sum_holds(const struct nf_state *s, const struct nf_l4 *l4);
/* Returns the name of a TCP_CONNTRACK_* state; "NONE" for another number. */
const char *nf_ct_tcp_name(u8 state);

/*
 * Handles ICMP messages that belong to no connection of their own. Returns true for an error, to
 * which it attaches the connection of the quoted packet, if there is one. Also returns true for
 * neighbour discovery and router messages, which it marks NF_UNTRACKED. Takes ct->lock.
 */
bool nf_ct_error(struct nf_state *s, const struct nf_l4 *l4);

/* ---- nat.c ---- */

struct nf_range {
	u32 flags; /* NF_NAT_RANGE_* */
	ip_addr min, max;
	u16 port_min, port_max; /* network byte order */
};
enum { NF_NAT_SRC, NF_NAT_DST };
/*
 * Adds a user of NAT, which is also a user of connection tracking. nfnl_mutex held; may sleep.
 * Returns 0 or an error of nf_ct_use().
 */
int nf_nat_get(struct net *net);
/* Drops a user of NAT. nfnl_mutex held; may sleep. */
void nf_nat_put(struct net *net);
/*
 * Translates the source or destination (@manip: NF_NAT_SRC, NF_NAT_DST) of the new connection @ct
 * to an address and port in @r. Takes ct->lock. Returns NF_DROP if none of the ports that it tries
 * is free, else NF_ACCEPT. Changes nothing if that part was decided before, or if @ct is in the
 * table already.
 */
u32 nf_nat_setup(struct nf_conn *ct, const struct nf_range *r, int manip);
/*
 * Translates the source of the packet's new connection to an address of s->out, and a port in @r.
 * Takes ct->lock. Returns NF_ACCEPT or NF_DROP.
 */
u32 nf_nat_masquerade(struct nf_state *s, const struct nf_range *r);
/*
 * Translates the destination of the packet's new connection to an address of s->in, or to the
 * loopback address for a packet of this machine, and a port in @r. Takes ct->lock. Returns
 * NF_ACCEPT or NF_DROP.
 */
u32 nf_nat_redirect(struct nf_state *s, const struct nf_range *r);

/* ---- reject.c ---- */

/*
 * Answers a rejected packet, which the caller still has to drop, unless the packet is itself such
 * an answer. @type: NFT_REJECT_*. @code: for NFT_REJECT_ICMPX_UNREACH an NFT_REJECT_ICMPX_*, for
 * NFT_REJECT_ICMP_UNREACH the ICMP code of the packet's family.
 */
void nf_reject(struct nf_state *s, int type, int code);
/* ---- log.c ---- */

/* sysctl; nonzero: packets of namespaces other than init_net are logged too */
extern int nf_log_all_netns;
/*
 * Logs a packet behind @prefix. @level: of syslog(2); @flags: NF_LOG_*. Packets beyond 50 a second
 * are not logged.
 */
void nf_log_packet(const struct nf_state *s, u32 level, u32 flags, const char *prefix);

/* ---- checksums ---- */

/*
 * Returns the change of a checksum, for nf_csum_apply(), when the @n bytes at @old are replaced by
 * those at @new. @n is even.
 */
static inline u32 nf_csum_delta(const void *old, const void *new, u32 n)
{
	const u16 *a = old, *b = new;
	u32 sum = 0;

	for (u32 i = 0; i < n / 2; i++)
		sum += (u16)~a[i] + (u32)b[i];
	return sum;
}
/* Returns the checksum @check after a change by @delta. */
static inline u16 nf_csum_apply(u16 check, u32 delta)
{
	u64 sum = (u64)(u16)~check + delta;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16) ~((sum & 0xffff) + (sum >> 16));
}

/* ---- addresses of packets (nft_expr_pkt.c) ---- */

/* Reads the addresses of @skb, which begins with its network header. */
void nf_addrs(const struct sk_buff *skb, bool v6, ip_addr *src, ip_addr *dst);
struct nft_pkt;
/*
 * Returns the type RTN_* of the address @a in the namespace of @p. With @ifindex not 0, only
 * addresses of that device count as local.
 */
u32 nf_addr_type(const struct nft_pkt *p, const ip_addr *a, int ifindex);
/* Returns the packet's bit of `ct state`: one of NF_CT_STATE_* as a mask (nft_expr_ct.c). */
u32 nf_ct_state_bit(const struct sk_buff *skb);

#endif
