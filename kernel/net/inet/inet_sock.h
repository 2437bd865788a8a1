/* SPDX-License-Identifier: MIT */
/*
 * inet_sock.h: struct inet_sock, the common part of all AF_INET and AF_INET6 sockets: addresses,
 * ports, options, a queue of datagrams.
 *
 *      inet_sock <- udp, raw and ping sockets; struct tcp_sock (tcp_sock.h) begins with one
 *
 * Call sequence: inet_init_sock() in a protocol's create function; inet_get_port() and
 * inet_set_peer() give it a name (ports.c); inet_unhash() removes it from the tables; inet_put() of
 * the last reference frees it.
 * References: the file, each armed timer and each lookup hold one. The tables hold none: a socket
 * leaves them before its last reference is dropped.
 * Locks: op (mutex): one bind, connect, listen or change of options at a time; outside of the other
 * locks. c.lock (spin): queues and protocol state. table->lock (spin), inside of c.lock: membership
 * of the port table, and names of the sockets in it.
 */
#ifndef NESTLING_NET_INET_SOCK_H
#define NESTLING_NET_INET_SOCK_H

#include "kernel/net/inet/ip.h"
#include "kernel/net/internal.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/lock.h"

struct inet_sock;
struct reuse_group;

/*
 * A set of equal sockets (ports_crowd.c): one is linked in a hash bucket, the others in its list.
 */
struct port_crowd {
	struct hlist_node node;
	struct list_head kin;
};
/* A set of equal sockets by age. The youngest is linked in the bucket, and holds the tree. */
struct port_row {
	struct hlist_node node;
	struct rb_node at;
	struct rb_root all;
	bool in;
};

/* The places of a socket in its port table. Protected by table->lock. */
struct inet_place {
	struct hlist_node port_node, peer_node; /* in by_port (or raw), by_peer */
	struct port_crowd kind, place;          /* in kinds, places */
	/*
	 * its place in ways; of raw sockets only the node is used, in raw, by namespace and
	 * protocol
	 */
	struct port_row way;
	/* PORT_*, as they were when the socket entered; kinds and places are made from them */
	u32 traits;
	/* the number of its entry into the table; in a list the highest comes first */
	u64 entered;
	/* like entered, but renewed when the socket drops its peer: lookups choose the highest */
	u64 age;
	/* sockets that share the port by SO_REUSEPORT (ports_group.c), or NULL */
	struct reuse_group *group;
	/* its place in the group, from 1; 0: packets do not choose it */
	u32 group_at;
	/* processor whose packets the socket prefers, -1: any */
	int group_cpu;
	/* it got a program before it was bound */
	bool own_group;
	bool in_table;
	/* the port was chosen by bind(2), not by the kernel */
	bool by_user;
	/* laddr was chosen by connect(2) of a datagram socket, and goes with the peer */
	bool addr_by_connect;
	/* the port that TCP gave back; as on Linux, getsockname() returns it until the next bind */
	u16 old_port;
};

/*
 * Options for sent packets and for binding. Protected by op; read without it, since each is one
 * word.
 */
struct inet_opts {
	bool v6only, hdrincl, freebind, transparent, nodefrag;
	bool dontfrag6;
	bool recverr, recverr6; /* errors are queued */
	/* errors report where extensions begin in the packet that they quote */
	bool rfc4884, rfc4884_6;
	/* bind(2) to an address alone leaves the port to connect(2) */
	bool bind_no_port;
	/* no effect: no security module gives labels */
	bool passsec4;
	/* flow labels are made up (autolabel), if that was set; else the namespace decides */
	bool autolabel, autolabel_set;
	bool sends_flowinfo; /* IPV6_FLOWINFO_SEND */
	/* a listener's children answer with the label that came */
	bool reflects_label;
	u8 tos, tclass;
	u8 min_ttl, min_hops;    /* TCP: segments with less are dropped */
	int ttl, hops;           /* -1: the default */
	int pmtudisc, pmtudisc6; /* IP_PMTUDISC_* */
	/* device for packets to one machine, 0: any */
	int ucast_if, ucast_if6;
	/* IPV6_PKTINFO: device to use where nothing else names one, 0: any */
	int sticky_if;
	/* IPV6_ADDR_PREFERENCES; have no effect, as no address is special */
	u32 addr_prefs;
	/* class and label that connect(2) was given, host order */
	u32 flowinfo;
	/* IPV6_MTU: bytes to which packets are cut, 0: to the route's MTU */
	u16 frag_size6;
	/* ports that the kernel may choose, 0: by the namespace's bound */
	u16 range_low, range_high;
};

/* Options that enable control messages for the reader. Protected by op. */
struct inet_tells {
	bool pktinfo, ttl, tos, origdst; /* IPv4 */
	/* IPv4's options; as an answer would have them */
	bool opts, retopts;
	bool pktinfo6, hops, tclass, origdst6, flow6; /* IPv6 */
	bool pktinfo6_old, hops_old;                  /* as RFC 2292 has them */
	bool hopopts, dstopts, rthdr;                 /* extension headers */
	bool hopopts_old, dstopts_old, rthdr_old;     /* as RFC 2292 has them */
	bool fragsize, fragsize6;                     /* size of the largest fragment */
	/* TCP: heard_last is kept; written under op, read without */
	bool keeps_last;
};

/* The facts kept of a received packet that was freed. */
struct inet_heard {
	ip_addr daddr;
	int ifindex; /* 0: no segment was kept */
	u32 label;   /* IPv6's flow label */
	u8 ttl, tos;
};

/* Multicast (mcast_sock.c). Options are protected by op; members change under op and c.lock. */
struct inet_mc {
	/* takes also packets to groups that only other sockets are in */
	bool all, all6;
	/* multicasts sent also go to members on this machine */
	bool loop, loop6;
	int ttl, hops;            /* hops -1: the default */
	int ifindex;              /* device to send by, 0: the route's */
	ip_addr addr;             /* its address, as set by IP_MULTICAST_IF */
	struct list_head members; /* of mc_member */
};

/* The queue of received data, and the unfreed sent bytes. Protected by c.lock. */
struct inet_queue {
	struct list_head rq; /* sk_buffs for the reader */
	u32 rmem;            /* true sizes of rq, bytes */
	/* true sizes of sent datagrams that are not freed yet, bytes; no lock */
	atomic_t wmem;
	struct mutex read_mutex; /* one reader at a time; outside of c.lock */
	/* ktime of the last datagram read, for SIOCGSTAMP, ns */
	u64 last_stamp;
	/* packets dropped because the queue was full */
	u32 drops;
};

/* A datagram in the making (MSG_MORE, UDP_CORK). Protected by op. */
struct inet_cork {
	u8 *data; /* NULL: none */
	u32 len;  /* bytes */
	struct flow flow;
	u16 port;
};

/* Options of UDP and UDP-Lite. Protected by op. */
struct inet_udp {
	bool corked;                     /* UDP_CORK */
	bool gro;                        /* UDP_GRO */
	bool no_check6_tx, no_check6_rx; /* UDP_NO_CHECK6_* */
	u16 segment;                     /* UDP_SEGMENT, bytes, 0: none */
	/* UDP-Lite: bytes that the checksum covers, 0: all */
	u16 cov_send;
	u16 cov_recv; /* the least that is taken, 0: any */
};

/* Options of raw sockets. Protected by op. */
struct inet_raw {
	/* offset of the checksum in packets sent and received, -1: none */
	int csum_at;
	u32 icmp_filter;     /* types that are not wanted, a bit each */
	u32 icmp6_filter[8]; /* as icmp_filter, of ICMPv6 */
};

struct inet_sock {
	struct sock_common c;
	atomic_t refs;
	struct mutex op;
	struct net *net;          /* a reference; immutable */
	struct port_table *table; /* immutable */
	/* the file's socket, NULL after the file was closed; protected by c.lock */
	struct socket *sock;
	void (*free)(struct inet_sock *i); /* frees it without references, NULL: kfree */

	struct inet_place in;

	/* its name; laddr is written under table->lock while the socket is in the table */
	ip_addr laddr; /* bound to; any */
	/* source address of sent packets: laddr, or the one that connect(2) has chosen */
	ip_addr saddr;
	ip_addr raddr;    /* the peer; any */
	u16 lport, rport; /* host order, 0: none */
	int bound_if;     /* SO_BINDTODEVICE, 0: any */
	/* the device at which a link-local peer is, 0: none, or this machine */
	int link_if;
	bool v6; /* of AF_INET6 */
	bool listening;
	bool accepted; /* by a listener */
	/* laddr is a group's or a broadcast address: it is no source of packets */
	bool bound_to_many;
	/* accepted: address the listener is bound to */
	ip_addr listened_at;
	u32 uid, gid; /* of its creator */

	struct inet_opts opts;
	struct inet_tells tells;
	struct inet_queue queue;
	struct inet_mc mc;
	/*
	 * headers added to sent packets: refcounted and immutable; the pointers are protected by
	 * c.lock
	 */
	struct ip6_ext *ext6;     /* IPv6's extension headers, NULL: none */
	struct ip4_opts *opts4;   /* IPv4's options, NULL: none */
	struct hlist_head leases; /* of flow labels (flowlabel.c) */
	struct inet_udp udp;
	struct inet_raw raw;
	struct inet_cork cork;
	/* The next two are of streams (IP_PKTOPTIONS); protected by c.lock. */
	/* the segment that began a connection which was accepted */
	struct inet_heard heard_syn;
	/* the newest segment over IPv6, while tells.keeps_last */
	struct inet_heard heard_last;
};
static inline struct inet_sock *INET(struct socket *s)
{
	return container_of(s->sk, struct inet_sock, c);
}
static inline void inet_get(struct inet_sock *i)
{
	atomic_inc(&i->refs);
}
void inet_put(struct inet_sock *i);
static inline bool inet_is_tcp(const struct sock_common *c)
{
	return (c->family == AF_INET || c->family == AF_INET6) && c->type == SOCK_STREAM;
}
/* True for TCP, UDP and UDP-Lite, whose lport and rport are on the wire. */
static inline bool inet_has_ports(const struct inet_sock *i)
{
	return i->c.protocol == IPPROTO_TCP || i->c.protocol == IPPROTO_UDP ||
	       i->c.protocol == IPPROTO_UDPLITE;
}
/* Returns the link of the socket's own address or its peer's, for addresses that need one. */
static inline int inet_scope(const struct inet_sock *i)
{
	return i->bound_if ? i->bound_if : i->link_if;
}

#endif
