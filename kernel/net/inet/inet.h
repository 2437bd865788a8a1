/* SPDX-License-Identifier: MIT */
/*
 * inet.h: what all AF_INET and AF_INET6 sockets have: addresses, ports, options, a queue of datagrams.
 *
 *	inet_sock <- udp, raw and ping sockets as it is, struct tcp_sock (tcp.h)
 *
 * Lifetime: counted. The file, each armed timer and each lookup hold a reference; the tables hold none, a socket leaves them
 * (inet_unhash()) before the last reference goes.
 * Locks: op (mutex): one bind, connect, listen or change of options at a time; outside of everything here. c.lock (spin):
 * queues and protocol state. The port table's lock (spin) is inside c.lock: it guards membership and the addresses and
 * ports of who is in the table.
 */
#ifndef NESTLING_NET_INET_H
#define NESTLING_NET_INET_H

#include "kernel/net/internal.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/lock.h"

#define SOL_IP 0
#define SOL_TCP 6
#define SOL_UDP 17
#define SOL_IPV6 41
#define SOL_RAW 255
#define MSG_DONTROUTE 4

#define TABLE_BITS 10
#define TABLE_SIZE (1 << TABLE_BITS)
#define WAYS_SIZE 4096
#define PEER_WORDS 10 /* two addresses, two ports, a namespace */

struct inet_sock;
struct reuse_group;

/* The ports of one protocol. */
struct port_table {
	spinlock_t lock;
	struct hlist_head
		by_port[TABLE_SIZE]; /* inet_sock.port_node of all that have a local port */
	struct hlist_head
		kinds[TABLE_SIZE]; /* the same, but one for all that are alike: inet_sock.kind */
	struct hlist_head places
		[WAYS_SIZE]; /* one for all that are alike and have an address and port: .place */
	struct hlist_head by_peer[WAYS_SIZE]; /* .peer_node of streams that have a peer */
	struct hlist_head ways
		[WAYS_SIZE]; /* .way of those that packets may find otherwise: listeners, datagrams' */
	u64 peer_key[PEER_WORDS + 1]; /* of the last three; all 0 until it is used first */
	struct hlist_head raw;        /* raw sockets have no ports */
	u64 entered;                  /* how many have come into by_port and raw */
	bool stream;
};
extern struct port_table tcp_ports, udp_ports, udplite_ports, raw_socks;
extern struct port_table ping_ids; /* of ping sockets: an identifier is a port */

/* ports_crowd.c: sockets that are alike. One of them stands in a bucket for all; it has the others as kin. */
struct port_crowd {
	struct hlist_node node;
	struct list_head kin;
};
/* The same by age: the youngest stands for them, and holds the tree. */
struct port_row {
	struct hlist_node node;
	struct rb_node at;
	struct rb_root all;
	bool in;
};

/* What a receiver may be told of a packet. */
struct inet_heard {
	ip_addr daddr;
	int ifindex; /* 0: nothing was heard */
	u32 label;
	u8 ttl, tos;
};

struct inet_sock {
	struct sock_common c;
	atomic_t refs;
	struct mutex op;
	struct net *net; /* a reference; immutable, as is table */
	struct port_table *table;
	struct socket *sock;               /* while a program has it open, under c.lock */
	void (*free)(struct inet_sock *i); /* the last reference has gone; NULL: kfree */

	/* written under table->lock while in the table */
	struct hlist_node port_node, peer_node;
	struct port_crowd kind, place;
	struct port_row way; /* of raw sockets way.node alone, by namespace and protocol */
	u32 traits;          /* that make kinds and places, as they were when it came there */
	u64 entered; /* in_table: its number in the row of who came there; in a list the highest stands first */
	u64 age; /* the same, but that who gives up a peer gets a new one: the highest gets what comes */
	ip_addr laddr; /* bound to; any */
	ip_addr saddr; /* that packets bear: laddr, or chosen by connect */
	ip_addr raddr;
	u16 lport, rport; /* host order; 0: none */
	u16 old_port; /* TCP's that it has given back; its name bears it, as on Linux, until it has another */
	struct reuse_group
		*group; /* SO_REUSEPORT: those that share the port, ports_group.c; NULL */
	u32 group_at;   /* its place there, 0: packets do not choose it; else counted from 1 */
	int group_cpu;  /* it wants what comes in on that one, -1: on any */
	bool own_group; /* it was given a program before it was bound */
	bool in_table;
	bool port_by_user; /* by bind, not of our choice */
	bool addr_by_connect; /* of datagrams: laddr is the one that connect(2) has found, and goes with the peer */
	bool accepted;
	ip_addr listened_at; /* accepted: what the listener is bound to */
	bool listening;
	u32 uid, gid;
	int bound_if;
	int link_if; /* of a link-local peer: the device it is at; 0: none, or it is this machine */

	/* options, under op */
	bool v6, v6only, hdrincl, freebind, recverr, recverr6, transparent, mc_all, mc_all6,
		mc_loop, mc_loop6, nodefrag;
	bool dontfrag6;
	bool bound_to_many;        /* laddr is a group's or a broadcast: it is nobody's source */
	bool rfc4884, rfc4884_6;   /* errors say where extensions begin in what they quote */
	u8 min_ttl, min_hops;      /* of TCP: what comes with less is not heard */
	bool bind_no_port;         /* bind(2) to an address alone leaves the port to connect */
	u16 range_low, range_high; /* of ports of our choice, within the namespace's; 0: its */
	bool recvfragsize, recvfragsize6;
	bool passsec4;                 /* no security module: there is no label to pass */
	bool autolabel, autolabel_set; /* a program has said which; else the namespace does */
	bool recvflow6;                /* IPv6's flow label: made up; told with the class */
	u32 addr_prefs; /* IPV6_ADDR_PREFERENCES: all addresses are public, and at home */
	int sticky_if;  /* IPV6_PKTINFO: what says no device leaves by that one */
	u16 frag_size6; /* IPV6_MTU: what is longer is cut, 0: the way's */
	u16 segment;    /* UDP_SEGMENT */
	bool gro, no_check6_tx, no_check6_rx; /* of UDP */
	bool pktinfo6_old, hoplimit_old;      /* in RFC 2292's form */
	int csum_at; /* raw sockets of IPv6: where the checksum is, -1: nowhere */
	bool pktinfo, recvttl, recvtos, origdst;
	bool pktinfo6, recvhops, recvtclass, origdst6;
	bool corked;
	u8 tos, tclass;
	int ttl, hops, mc_ttl, mc_hops; /* -1: the default */
	int mc_if;
	int ucast_if, ucast_if6; /* that packets to one machine leave by, 0: any */
	ip_addr mc_addr;
	int pmtudisc, pmtudisc6;
	bool sends_flowinfo,
		reflects_label; /* IPV6_FLOWINFO_SEND; of a listener: children answer with the label that came */
	u32 flowinfo;             /* that connect(2) was told: class and label; host order */
	struct hlist_head leases; /* of flow labels: flowlabel.c's */
	struct list_head members; /* of mc_member: changed under op and c.lock */

	/* datagrams, under c.lock */
	struct list_head rq;
	u32 rmem;      /* true sizes in rq */
	atomic_t wmem; /* true sizes on their way */
	struct mutex read_mutex;
	u64 last_stamp;
	u32 drops;
	/* a datagram in the making (MSG_MORE, UDP_CORK), under op */
	u8 *cork;
	u32 cork_len;
	struct flow cork_flow;
	u16 cork_port;
	struct ip6_ext *ext;    /* of what is sent, under c.lock; NULL */
	struct ip4_opts *opts;  /* the same */
	bool recvopts, retopts; /* IPv4's options that came, and for an answer */
	bool recvhop, recvdst, recvrt, hop_old, dst_old,
		rt_old; /* IPv6's extension headers, in RFC 2292's form */
	u16 cov_send,
		cov_recv; /* UDP-Lite: bytes that the checksum covers, 0: all; the least that is taken */
	/* of streams (IP_PKTOPTIONS), under c.lock */
	struct inet_heard syn;  /* what a connection began with, that we have accepted */
	struct inet_heard last; /* the newest segment over IPv6 that came while keeps_last */
	bool keeps_last;        /* a program wants to be told */
	u32 icmp_filter;
	u32 icmp6_filter[8]; /* bit set: not wanted */
};
static inline struct inet_sock *INET(struct socket *s)
{
	return container_of(s->sk, struct inet_sock, c);
}
static inline void inet_get(struct inet_sock *i)
{
	atomic_inc(&i->refs);
}
static inline bool inet_is_tcp(const struct sock_common *c)
{
	return (c->family == AF_INET || c->family == AF_INET6) && c->type == SOCK_STREAM;
}
/* TCP, UDP, UDP-Lite: what stands in lport and rport is on the wire. */
static inline bool inet_has_ports(const struct inet_sock *i)
{
	return i->c.protocol == IPPROTO_TCP || i->c.protocol == IPPROTO_UDP ||
	       i->c.protocol == IPPROTO_UDPLITE;
}
void inet_put(struct inet_sock *i);
/* SIGIO for who has asked for it. */
void inet_sigio(struct inet_sock *i, int band);
#define SOCKADDR_V6_MIN 24 /* without the scope, RFC 2133 */

/* af_inet.c: a sock_create_fn's common part: defaults of a fresh socket. */
void inet_init_sock(struct inet_sock *i, const struct socket *s, int family, int type, int protocol,
	struct port_table *table);
/* May it be bound to @addr even if that is nobody's here? (IP_FREEBIND and its kin; Linux asks nobody until there is a table of local ways) */
static inline bool inet_may_have(const struct inet_sock *i, const ip_addr *addr)
{
	return i->freebind || i->transparent ||
	       (ip_is_v4(addr) && unlikely(!READ_ONCE(i->net->had_v4))) ||
	       READ_ONCE(*(ip_is_v4(addr) ? &i->net->nonlocal_bind : &i->net->nonlocal_bind6));
}
/* Reads an address for this socket. 0, -EINVAL, -EAFNOSUPPORT; *scope: of link-local ones, 0. */
int inet_read_addr(const struct inet_sock *i, const struct sockaddr_buf *a, ip_addr *addr,
	u16 *port, int *scope);
/* The same for whom it talks to: UDP of IPv6 takes an address of IPv4 as it is. */
int inet_read_peer(const struct inet_sock *i, const struct sockaddr_buf *a, ip_addr *addr,
	u16 *port, int *scope);
/* @scope: the device that @addr, if it is link-local, is at. */
void inet_write_addr(const struct inet_sock *i, struct sockaddr_buf *a, const ip_addr *addr,
	u16 port, int scope);
/* The same of the socket's own address or its peer's. */
static inline int inet_scope(const struct inet_sock *i)
{
	return i->bound_if ? i->bound_if : i->link_if;
}
/* Whether an address of IPv6 means something on one link only: fe80::/10, groups of an interface or a link. */
bool inet_needs_link(const ip_addr *addr);
/* The device that the peer @to is at, which @scope says, for link_if: 0 or -EINVAL: an address of the link alone needs one. */
int inet_link_of(const struct inet_sock *i, const ip_addr *to, int scope, int *link);
int inet_bind(struct socket *s, struct sockaddr_buf *a);
/* IPV6_ADDRFORM: whether it has a connection; makes one of IPv6 that talks to a machine of IPv4 one of @family. i->op held. */
bool inet_has_peer(struct inet_sock *i);
int inet_become_v4(struct inet_sock *i, int family);
int inet_getname(struct socket *s, struct sockaddr_buf *a, bool peer);
int inet_accept_name(struct socket *s, struct sockaddr_buf *a);
/* The flow to a destination, with the socket's options. */
/* The flow label of what it sends to @daddr, 0: none; is it asked for? */
u32 inet_flow_label(const struct inet_sock *i, const ip_addr *daddr);
bool inet_autolabel(const struct inet_sock *i);
void inet_flow(const struct inet_sock *i, const ip_addr *daddr, struct flow *f);
/* Bound to an address of IPv4 a socket of IPv6 reaches none of IPv6. */
static inline bool inet_wrong_family(const struct inet_sock *i, const ip_addr *to)
{
	return i->v6 && ip_is_v4(&i->laddr) && !ip_is_v4(to) && !ip_is_any(to);
}
/* The address that it is bound to, where packets can come from that; else any. */
ip_addr inet_source(const struct inet_sock *i);

/* ports.c */
/* A port for the socket: @port, or 0 for one of our choice. 0, -EADDRINUSE. Takes table->lock. */
int inet_get_port(struct inet_sock *i, const ip_addr *laddr, u16 port, bool by_user);
/* Peer and source; a stream takes a free port if it has none. 0, -EADDRNOTAVAIL. */
int inet_set_peer(struct inet_sock *i, const ip_addr *saddr, const ip_addr *raddr, u16 rport);
void inet_drop_peer(struct inet_sock *i); /* of datagrams; the port stays */
void inet_unhash(struct inet_sock *i);
/* A child of a listener, with its four numbers: 0 or -EADDRINUSE. */
int inet_enter_child(
	struct inet_sock *i, const ip_addr *local, u16 lport, const ip_addr *remote, u16 rport);
int inet_start_listening(struct inet_sock *i); /* 0 or -EADDRINUSE */
void inet_stop_listening(struct inet_sock *i);
/* A connection that has ended may begin another; a port of our choice is given back. */
void inet_forget_peer(struct inet_sock *i);
/* Those that a packet is for, with a reference; NULL. */
struct inet_sock *inet_lookup_peer(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex);
struct inet_sock *inet_lookup_port(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex);
/* The same for the numbers of @skb, where a program may choose by its payload, @skip bytes behind its front. */
struct inet_sock *inet_lookup_packet(
	struct port_table *t, struct net *net, const struct sk_buff *skb, u32 skip);
/* All that a packet to many is for. */
struct dgram_crowd;
void inet_lookup_all(
	struct port_table *t, struct net *net, const struct sk_buff *skb, struct dgram_crowd *c);
/* ports_reserved.c: may nobody be given it? And the file. */
bool port_is_reserved(const struct net *net, u16 port);
/* A map of @nr bits as a list of ranges, "1,5-9"; what of a text, which may go on (@cut), was taken into such a map, or -EINVAL. */
void bits_show(struct seq *s, const u64 *bits, u32 nr);
ssize_t bits_take(char *text, size_t n, bool cut, u64 *bits, u32 nr);
int ports_show_reserved(struct seq *s, void *arg);
ssize_t ports_store_reserved(char *text, size_t n, bool cut, loff_t pos); /* proc_is_list() */
/* A socket that begins. */
void inet_init_ports(struct inet_sock *i);
void ports_drop_group(
	struct inet_sock *i); /* the last reference has gone: a group of its own goes too */
/*
 * What decides who may share a port changes: SO_REUSEADDR and SO_REUSEPORT, the device, the family, the processor that is wanted. Between the two
 * table->lock is held.
 */
void inet_change_begin(struct inet_sock *i);
void inet_change_end(struct inet_sock *i);
/* For all that share the socket's port: 0, -EINVAL (it shares none); -ENOENT (there is no program). Takes the reference. */
int inet_reuse_program(struct inet_sock *i, struct sk_filter *f);
/* Would the socket take a packet from there to there? table->lock held. */
bool inet_matches(const struct inet_sock *i, struct net *net, const ip_addr *local, u16 lport,
	const ip_addr *remote, u16 rport, int ifindex);

/* table->lock held: it enters by_port's list, or raw's. */
void inet_enter_list(struct inet_sock *i, struct hlist_head *h);
/* Where raw sockets of @net that want @proto stand, by way.node: others' do not stand in a packet's way. */
struct hlist_head *inet_raw_bucket(const struct net *net, u32 proto);
/*
 * A walk over all that have a port, or are raw, some at a time:
 *
 *	struct port_walk w = { .table = t };
 *	while (ports_walk(&w, 128, fn, arg))	calls @fn with table->lock held, for so many at most; false: that was all
 *		cond_resched();
 *	ports_walk_end(&w);
 *
 * Who is there from the walk's beginning to its end is met once; who comes meanwhile is not, so it ends.
 */
struct port_walk {
	struct port_table *table;
	u32 bucket;
	u64 newest;           /* the last that had come when it began */
	u64 behind;           /* the last one that was met in the bucket; 0: none yet */
	struct inet_sock *at; /* that one, with a reference; NULL: none */
};
bool ports_walk(
	struct port_walk *w, u32 most, void (*fn)(struct inet_sock *i, void *arg), void *arg);
void ports_walk_end(struct port_walk *w);
/* net_proc.c: sockets of a family. May sleep. */
u32 net_count_socks(struct port_table *t, bool v6);

/* inet_opt.c */
int inet_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len);
int inet_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len);
/* inet_cmsg.c */
int inet_cmsg(const struct socket *s, struct msg *m, int level, int type, const void *data, u64 n);
/* inet_tell.c: what a program is told of packets that came, as its options ask. */
void inet_hear(struct inet_heard *h, const struct sk_buff *skb);
/* The same of a packet that is gone, over IPv6 or IPv4: what is known of its header. @spec_dst: IP_PKTINFO's. */
void inet_tell_heard(
	struct inet_sock *i, struct msg *m, const struct inet_heard *h, u32 spec_dst, bool v6);
/* A datagram, or a raw packet. */
void inet_tell(struct inet_sock *i, struct msg *m, const struct sk_buff *skb);
/* The options of @i have changed: keeps_last. */
void inet_tell_changed(struct inet_sock *i);
/* IP_PKTOPTIONS (or, of IPv6, IPV6_2292PKTOPTIONS): the records of a stream, in @val, cut at @len. */
int inet_pktoptions(struct inet_sock *i, bool v6, void *val, u32 *len);

/* ip6_ext.c: IPv6's extension headers of sockets (RFC 3542). NULL is fine for _get and _put. */
struct ip6_ext *ip6_ext_get(struct ip6_ext *x);
void ip6_ext_put(struct ip6_ext *x);
void ip6_ext_drop(struct msg *m); /* and IPv4's options */
/* IPV6_HOPOPTS and IPV6_DSTOPTS; -ENOPROTOOPT: neither. */
int ip6_ext_set(struct inet_sock *i, int opt, uaddr_t val, u32 len);
int ip6_ext_read(struct inet_sock *i, int opt, void *val, u32 *len);
int ip6_ext_cmsg(struct net *net, struct inet_control *c, int type, const void *data, u64 n);
/* The socket's, with a reference. */
struct ip6_ext *ip6_ext_of(struct inet_sock *i);
u32 ip6_ext_len(const struct ip6_ext *x); /* NULL is fine, too */
void ip6_ext_tell(struct inet_sock *i, struct msg *m, const struct sk_buff *skb);

/* ip4_opt.c: options of IPv4. NULL is fine for _get, _put and _len. */
#define IP4_OPTS_MAX 40
struct ip4_opts *ip4_opts_get(struct ip4_opts *x);
void ip4_opts_put(struct ip4_opts *x);
u32 ip4_opts_len(const struct ip4_opts *x);
/* The socket's, with a reference. */
struct ip4_opts *ip4_opts_of(struct inet_sock *i);
/* IP_OPTIONS, and IP_RETOPTS of one message: 0, -EINVAL, -EPERM, -EOPNOTSUPP (source routes). op held. */
int ip4_opts_set(struct inet_sock *i, uaddr_t val, u32 len);
void ip4_opts_read(struct inet_sock *i, void *val, u32 *len);
int ip4_opts_cmsg(struct net *net, struct inet_control *c, const void *data, u64 n);
void ip4_opts_tell(struct inet_sock *i, struct msg *m, const struct sk_buff *skb);

/* flowlabel.c: leases of flow labels. IPV6_FLOWLABEL_MGR: op held. */
int flowlabel_set(struct inet_sock *i, uaddr_t val, u32 len);
int flowlabel_get(const struct inet_sock *i, void *val, u32 *len); /* *val: the question */
/* 0 or -EINVAL: others have it, or might. @label 0: none. */
int flowlabel_may_send(const struct inet_sock *i, u32 label);
/* The class and label that the name @a says, where the socket sends them: 0 or -EINVAL. */
int flowlabel_named(const struct inet_sock *i, const struct sockaddr_buf *a, u32 *flowinfo);
void flowlabel_drop(struct inet_sock *i); /* nobody else has it */
void flowlabel_net_end(struct net *net);
int flowlabel_show(struct seq *s, void *arg);

/* mcast_sock.c: the socket's multicast groups. */
extern int sysctl_mld_max_msf;
/* Is @skb for a group, and the socket does not want it? False then. */
bool inet_wants_group(struct inet_sock *i, const struct sk_buff *skb);
/* The device of a group, by number, address or route: 0 or -ENODEV; its number and id. */
int inet_mc_device(
	struct inet_sock *i, const ip_addr *group, int ifindex, u32 by_addr, int *out, u64 *id);
/* Options of groups and sources; -ENOPROTOOPT: none of these. op held. */
int inet_mc_set(struct inet_sock *i, bool v6, int opt, uaddr_t val, u32 len);
/* IP_MSFILTER and MCAST_MSFILTER, whose answer is written where the question stands. -ENOPROTOOPT: neither. */
int inet_mc_get(struct socket *s, int level, int opt, uaddr_t val, u32 *len);
/* It leaves all of them; nobody else has it. */
void inet_mc_drop(struct inet_sock *i);
void inet_mc_drop_v6(struct inet_sock *i); /* i->op held */

/* dgram.c: the queue of datagrams and raw packets. */
/* @skb, with @skip bytes of header, goes into the queue: consumed. False: no room. */
bool dgram_queue(struct inet_sock *i, struct sk_buff *skb);
/*
 * For packets that many get: those sockets, few or a page of references at a time, which are taken with the table's lock held; nothing is copied under it.
 * dgram_for_each() then gives each a copy, and with it the reference. Where there is no memory for a page those that follow get none.
 */
struct dgram_crowd {
	u32 nr_few;
	struct inet_sock *few[8];
	struct dgram_crowd_page *first, *last;
};
void dgram_crowd_add(struct dgram_crowd *c, struct inet_sock *i);
void dgram_for_each(struct dgram_crowd *c, const struct sk_buff *skb,
	void (*hand_over)(struct inet_sock *i, struct sk_buff *copy));
/* The next one, taken out (peek: left in, with one more reference on nothing: a clone). ERR_PTR. */
struct sk_buff *dgram_wait(struct inet_sock *i, struct msg *m);
ssize_t dgram_recvmsg(struct socket *s, struct msg *m);
u32 dgram_poll(struct socket *s, struct file *f, struct poll_table *pt);
int dgram_release(struct socket *s);
int dgram_shutdown(struct socket *s, int how);
long dgram_ioctl(struct socket *s, u32 cmd, u64 arg);
int dgram_queued(struct socket *s, u32 cmd);
/* Makes room for @size bytes on their way, or waits: 0, -EAGAIN, -ERESTARTSYS. */
int dgram_wait_wmem(struct inet_sock *i, const struct msg *m);
void dgram_charge(struct inet_sock *i, struct sk_buff *skb, const struct flow *f);
/* An error about a packet to @dest; of the quoted one @skip bytes behind the transport header's start are no payload. */
void dgram_error(
	struct inet_sock *i, const struct ip_error *e, const ip_addr *dest, u16 port, u32 skip);
/* Marks @skb, which is about to leave, for what the socket wants to know of it. */
void dgram_want_stamps(struct inet_sock *i, struct sk_buff *skb, const struct msg *m);
/* Where a message without a name goes, or with one. 0 or -errno. */
int dgram_destination(struct inet_sock *i, struct msg *m, struct flow *f, u16 *port);
int dgram_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock);

#endif
