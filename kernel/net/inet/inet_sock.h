/* SPDX-License-Identifier: MIT */
/*
 * inet_sock.h: struct inet_sock, the common part of all AF_INET and AF_INET6 sockets: addresses,
 * ports, options, a queue of datagrams.
 *
 *      inet_sock <- udp, raw and ping sockets; struct tcp_sock (tcp_sock.h) begins with one
 *
 * Call sequence: inet_init_sock() in a protocol's create function; inet_get_port() binds the
 * socket, inet_set_peer() connects it (ports.c); inet_unhash() removes it from the tables;
 * inet_put() of the last reference frees it.
 * References: the file, each armed timer and each lookup hold a reference. The tables hold none: a
 * socket leaves them before its last reference is dropped.
 * Locks: op (mutex), outside of the other locks, serialises bind, connect, listen and changes of
 * options. c.lock (spin) protects queues and protocol state. table->lock (spin), inside of c.lock,
 * protects membership of the port table, and addresses and ports of the sockets in it.
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
 * A socket's link in a set of sockets that are equal for one kind of lookup (ports_crowd.c). One
 * socket of the set is linked in the hash bucket by `node`; `kin` links all of them.
 */
struct port_crowd {
	struct hlist_node node;
	struct list_head kin;
};
/*
 * A socket's link in a set of equal sockets, sorted by age (inet_place.age). The youngest socket is
 * linked in the hash bucket, and holds the root of the tree.
 */
struct port_row {
	struct hlist_node node;
	struct rb_node at;
	struct rb_root all;
	bool in;
};

/* The places of a socket in its port table. Protected by table->lock. */
struct inet_place {
	struct hlist_node port_node, peer_node; /* in by_port or raw; in by_peer */
	struct port_crowd kind, place;          /* in port_table.kinds; in .places */
	/*
	 * in port_table.ways; raw sockets use its node alone, to be hashed by namespace and
	 * protocol
	 */
	struct port_row way;
	/* PORT_* flags and compared properties, copied when the socket entered kinds and places */
	u32 traits;
	/* serial number of the socket's entry into the table; each list has the highest first */
	u64 entered;
	/*
	 * like `entered`, but renewed when the socket drops its peer; a lookup prefers the socket
	 * with the highest age
	 */
	u64 age;
	/* the sockets that share the port by SO_REUSEPORT (ports_group.c), or NULL */
	struct reuse_group *group;
	/* the socket's index in reuse_group.all plus 1; 0: it is not a candidate for packets */
	u32 group_at;
	/* CPU whose packets the socket prefers (SO_INCOMING_CPU), -1: any */
	int group_cpu;
	/*
	 * a BPF program was attached before the socket was bound, so it has a reuseport group of
	 * its own
	 */
	bool own_group;
	bool in_table;
	/* bind(2) named the port; else the kernel chose the port */
	bool by_user;
	/* connect(2) of a datagram socket chose laddr, which is dropped with the peer */
	bool addr_by_connect;
	/*
	 * port that a closed TCP connection has given back; as on Linux, getsockname() returns it
	 * until the next bind
	 */
	u16 old_port;
};

/*
 * Options for sent packets and for binding. Written under op, and read without a lock, since each
 * is one word.
 */
struct inet_opts {
	bool v6only, hdrincl, freebind, transparent, nodefrag;
	bool dontfrag6;
	bool recverr, recverr6; /* errors are queued for MSG_ERRQUEUE */
	/* queued errors report the offset of ICMP extensions in the quoted packet */
	bool rfc4884, rfc4884_6;
	/* bind(2) to an address without a port leaves the choice to connect(2) */
	bool bind_no_port;
	/* no effect, as there are no security labels */
	bool passsec4;
	/*
	 * automatic flow labels are on, valid if autolabel_set; else the namespace's sysctl decides
	 */
	bool autolabel, autolabel_set;
	bool sends_flowinfo; /* sends flow information of sockaddr_in6 */
	/* a listener's children answer with the flow label of the SYN */
	bool reflects_label;
	u8 tos, tclass;
	u8 min_ttl, min_hops;    /* TCP: segments with less are dropped */
	int ttl, hops;           /* IP_TTL, hop limit; -1: default */
	int pmtudisc, pmtudisc6; /* IP_PMTUDISC_* */
	/* device index for unicast packets (IP_UNICAST_IF), 0: any */
	int ucast_if, ucast_if6;
	/* IPV6_PKTINFO: device index, used if no other option names a device; 0: any */
	int sticky_if;
	/* IPV6_ADDR_PREFERENCES; no effect, as there are no temporary or home addresses */
	u32 addr_prefs;
	/* class and flow label given to connect(2), host byte order */
	u32 flowinfo;
	/* IPV6_MTU: bytes above which packets are fragmented, 0: the route's MTU */
	u16 frag_size6;
	/* bounds of ports that the kernel may choose, 0: the namespace's */
	u16 range_low, range_high;
};

/* Options that enable control messages with received packets. Protected by op. */
struct inet_recv_opts {
	bool pktinfo, ttl, tos, origdst; /* IPv4 */
	/* opts: IPv4's options; retopts: the options that a reply would have */
	bool opts, retopts;
	bool pktinfo6, hops, tclass, origdst6, flow6; /* of IPv6 */
	bool pktinfo6_old, hops_old;                  /* in the form of RFC 2292 */
	bool hopopts, dstopts, rthdr;                 /* extension headers */
	bool hopopts_old, dstopts_old, rthdr_old;     /* in the form of RFC 2292 */
	bool fragsize, fragsize6;                     /* size of the largest fragment */
	/* TCP updates heard_last; written under op, read without a lock */
	bool keeps_last;
};

/* Values of a received packet that are kept for control messages after the packet was freed. */
struct inet_heard {
	ip_addr daddr;
	int ifindex; /* 0: nothing was kept */
	u32 label;   /* IPv6's flow label */
	u8 ttl, tos;
};

/* Multicast (mcast_sock.c). Options are protected by op; members change under op and c.lock. */
struct inet_mc {
	/* also receives multicasts to groups that only other sockets have joined */
	bool all, all6;
	/* sent multicasts also go to members on this machine */
	bool loop, loop6;
	int ttl, hops;            /* of sent multicasts; hops -1: the default */
	int ifindex;              /* device index to send by, 0: the route's */
	ip_addr addr;             /* set by IP_MULTICAST_IF */
	struct list_head members; /* of mc_member */
};

/*
 * The queue of received packets, and the count of sent bytes that are not freed yet. Protected by
 * c.lock.
 */
struct inet_queue {
	struct list_head rq; /* received sk_buffs, in order */
	u32 rmem;            /* bytes, true sizes of the skbs in rq */
	/* bytes, truesizes of sent skbs that are not freed yet; no lock */
	atomic_t wmem;
	struct mutex read_mutex; /* held by a reader; taken before c.lock */
	/* packets dropped because the queue was full */
	u32 drops;
};

/* A datagram that is being collected (MSG_MORE, UDP_CORK). Protected by op. */
struct inet_cork {
	u8 *data;      /* NULL: there is none */
	u32 len, room; /* bytes of data; size of the buffer */
	struct flow flow;
	/* the destination's, host byte order */
	u16 port;
};

/* Options of UDP and UDP-Lite. Protected by op. */
struct inet_udp {
	bool corked;                     /* UDP_CORK */
	bool gro;                        /* UDP_GRO */
	bool no_check6_tx, no_check6_rx; /* UDP_NO_CHECK6_* */
	u16 segment;                     /* UDP_SEGMENT, bytes, 0: no segmentation */
	/* UDP-Lite: bytes of a sent packet that the checksum covers, 0: all */
	u16 cov_send;
	u16 cov_recv; /* least coverage accepted, bytes, 0: any */
};

/* Options of raw sockets. Protected by op. */
struct inet_raw {
	/* offset of the checksum in packets sent and received, bytes, -1: none */
	int csum_at;
	u32 icmp_filter;     /* a bit for each type that is dropped */
	u32 icmp6_filter[8]; /* a bit for each ICMPv6 type dropped */
};

struct inet_sock {
	struct sock_common c;
	atomic_t refs;
	struct mutex op;
	struct net *net;          /* a reference; immutable */
	struct port_table *table; /* immutable */
	/* the open file's socket, NULL after close; protected by c.lock */
	struct socket *sock;
	/* frees the socket after its last reference is dropped; NULL: kfree() */
	void (*free)(struct inet_sock *i);

	struct inet_place in;

	/*
	 * Addresses and ports. laddr is written under table->lock while the socket is in the table.
	 */
	ip_addr laddr; /* bound address, or any */
	/* source address of sent packets: laddr, or the address that connect(2) chose */
	ip_addr saddr;
	ip_addr raddr;    /* address of the peer, or any */
	u16 lport, rport; /* host byte order, 0: none */
	int bound_if;     /* device index (SO_BINDTODEVICE), 0: any */
	/* device index of a link-local peer; 0: none, or the peer is this machine */
	int link_if;
	bool v6; /* a socket of AF_INET6 */
	bool listening;
	bool accepted; /* a child that a listener made */
	/* laddr is a multicast or broadcast address, so it is never a source address */
	bool bound_to_many;
	/* of an accepted socket: the address that its listener is bound to */
	ip_addr listened_at;
	u32 uid, gid; /* uid and gid of the socket's creator */

	struct inet_opts opts;
	struct inet_recv_opts recv;
	struct inet_queue queue;
	struct inet_mc mc;
	/*
	 * headers added to sent packets; the objects are refcounted and immutable, the pointers are
	 * protected by c.lock
	 */
	struct ip6_ext *ext6;     /* IPv6's extension headers, NULL: none */
	struct ip4_opts *opts4;   /* IPv4's options, NULL: none */
	struct hlist_head leases; /* leases of flow labels (flowlabel.c) */
	struct inet_udp udp;
	struct inet_raw raw;
	struct inet_cork cork;
	/* The next two fields are TCP's, for IP_PKTOPTIONS. Protected by c.lock. */
	/* the SYN of an accepted connection */
	struct inet_heard heard_syn;
	/* the newest IPv6 segment, kept while recv.keeps_last */
	struct inet_heard heard_last;
};
/* Returns the structure of an AF_INET or AF_INET6 socket, without a reference. */
static inline struct inet_sock *INET(struct socket *s)
{
	return container_of(s->sk, struct inet_sock, c);
}
/* Takes a reference. */
static inline void inet_get(struct inet_sock *i)
{
	atomic_inc(&i->refs);
}
/* Drops a reference. The last one frees the socket, with its queues, options and groups. */
void inet_put(struct inet_sock *i);
/* True for a TCP socket of either family. */
static inline bool inet_is_tcp(const struct sock_common *c)
{
	return (c->family == AF_INET || c->family == AF_INET6) && c->type == SOCK_STREAM;
}
/* True for TCP, UDP and UDP-Lite, whose packets carry lport and rport. */
static inline bool inet_has_ports(const struct inet_sock *i)
{
	return i->c.protocol == IPPROTO_TCP || i->c.protocol == IPPROTO_UDP ||
	       i->c.protocol == IPPROTO_UDPLITE;
}
/* Returns the device index that sin6_scope_id reports for link-local addresses of the socket. */
static inline int inet_scope(const struct inet_sock *i)
{
	return i->bound_if ? i->bound_if : i->link_if;
}

#endif
