/* SPDX-License-Identifier: MIT */
/*
 * sock_hdrs.h: headers that a socket adds to packets it sends, and reports of packets it receives:
 * IPv6's extension headers (ip6_ext.c), IPv4's options (ip4_opt.c), flow labels (flowlabel.c).
 *
 * struct ip6_ext and struct ip4_opts are immutable and refcounted: a socket, a message and a corked
 * datagram each hold a reference. The _get, _put and _len functions accept NULL, which means no
 * headers; _get returns its argument, _len a number of bytes.
 * Locks: inet_sock.ext6 and opts4 are protected by c.lock, which functions take; setsockopt() also
 * holds op. A @val of type uaddr_t is in program memory, a void pointer is a kernel buffer of *@len
 * bytes; *@len becomes the length of the value. Functions that return int return 0 or -errno.
 */
#ifndef NESTLING_NET_SOCK_HDRS_H
#define NESTLING_NET_SOCK_HDRS_H

#include "kernel/net/inet/inet_sock.h"

/* ---- ip6_ext.c (RFC 3542) ---- */

struct ip6_ext *ip6_ext_get(struct ip6_ext *x);
void ip6_ext_put(struct ip6_ext *x);
u32 ip6_ext_len(const struct ip6_ext *x);
/* Drops a message's references to extension headers and IPv4 options. */
void ip6_ext_drop(struct msg *m);
/*
 * Sets IPV6_HOPOPTS or IPV6_DSTOPTS. op held; may sleep. Returns -ENOPROTOOPT for TCP sockets,
 * -EPERM without CAP_NET_RAW.
 */
int ip6_ext_set(struct inet_sock *i, int opt, uaddr_t val, u32 len);
/* Reads IPV6_HOPOPTS or IPV6_DSTOPTS; no bytes if there is none. Takes c.lock. Returns 0. */
int ip6_ext_read(struct inet_sock *i, int opt, void *val, u32 *len);
/* Sets a header of one message, from the @n bytes at @data in the kernel; replaces c->ext. */
int ip6_ext_cmsg(struct net *net, struct inet_control *c, int type, const void *data, u64 n);
/* Returns the socket's extension headers, with a reference, or NULL. */
struct ip6_ext *ip6_ext_of(struct inet_sock *i);
/*
 * Adds the control messages about the extension headers of @skb that the socket's options enable.
 */
void ip6_ext_put_cmsgs(struct inet_sock *i, struct msg *m, const struct sk_buff *skb);

/* ---- ip4_opt.c ---- */

#define IP4_OPTS_MAX 40
struct ip4_opts *ip4_opts_get(struct ip4_opts *x);
void ip4_opts_put(struct ip4_opts *x);
u32 ip4_opts_len(const struct ip4_opts *x);
/* Returns the socket's options, with a reference, or NULL. */
struct ip4_opts *ip4_opts_of(struct inet_sock *i);
/*
 * Sets IP_OPTIONS. May sleep. Returns 0, -EINVAL, -EPERM, -ENOBUFS, -EFAULT, or -EOPNOTSUPP for
 * source routes. op held.
 */
int ip4_opts_set(struct inet_sock *i, uaddr_t val, u32 len);
/* Reads IP_OPTIONS. */
void ip4_opts_read(struct inet_sock *i, void *val, u32 *len);
/* Sets the options of one message (IP_RETOPTS); fails as ip4_opts_set() does. */
int ip4_opts_cmsg(struct net *net, struct inet_control *c, const void *data, u64 n);
/* Adds the control messages about the IPv4 options of @skb that the socket's options enable. */
void ip4_opts_put_cmsgs(struct inet_sock *i, struct msg *m, const struct sk_buff *skb);

/* ---- flowlabel.c: leases of flow labels ---- */

/* Sets IPV6_FLOWLABEL_MGR: gets, renews or releases a lease. May sleep. op held. */
int flowlabel_set(struct inet_sock *i, uaddr_t val, u32 len);
/*
 * Reads IPV6_FLOWLABEL_MGR. @val: the request, which the answer replaces. Needs no lock. Returns 0,
 * -EINVAL, or -ENOENT if the socket has no lease of its flow label.
 */
int flowlabel_get(const struct inet_sock *i, void *val, u32 *len);
/*
 * Returns 0 if the socket may send @label (host byte order), else -EINVAL. It may if @label is 0,
 * if it has a lease of @label, or if the namespace has no exclusive lease.
 */
int flowlabel_may_send(const struct inet_sock *i, u32 label);
/*
 * Stores in *@flowinfo the traffic class and flow label (host byte order) of the address @a, or 0
 * if the socket does not send them. Returns 0 or -EINVAL.
 */
int flowlabel_named(const struct inet_sock *i, const struct sockaddr_buf *a, u32 *flowinfo);
/* Ends the leases of a socket whose last reference is dropped. */
void flowlabel_drop(struct inet_sock *i);
/* Frees the leases of a namespace that ends. */
void flowlabel_net_end(struct net *net);
/* Prints /proc/net/ip6_flowlabel. */
int flowlabel_show(struct seq *s, void *arg);

#endif
