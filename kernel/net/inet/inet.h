/* SPDX-License-Identifier: MIT */
/*
 * inet.h: the public header of AF_INET and AF_INET6: sockets with addresses, and the internet
 * protocols below TCP.
 *
 * What the folder is for: IPv4 and IPv6 packets in and out (ip.c, frag.c, icmp.c), and the sockets
 * that use them: UDP, raw, ping. A TCP socket also begins with a struct inet_sock. IPv4 addresses
 * are kept as IPv4-mapped IPv6 addresses (addr.h), so both families share their code.
 *
 * Headers, one noun each:
 *     inet_sock.h                   struct inet_sock, its groups of fields
 *     port_table.h                  ports: which socket has them, which socket a packet is for
 *     dgram.h                       queue and sending of UDP, raw and ping sockets
 *     sock_hdrs.h                   extension headers, IPv4's options, flow labels
 *     inet_opt.h                    options of levels IP and IPV6
 *     ip.h, icmp.h, frag.h, addr.h  packets, errors, fragments, addresses
 *
 * Call sequence: socket.c calls a create function by af_inet.c; proto_ops of udp.c, raw.c and tcp/
 * do the rest. A received packet comes from link/ by ip_rcv(), its socket is looked up in a
 * port_table, and it is queued there. For a sent packet the route is looked up (route/), and it
 * leaves by ip_output().
 * Locks: inet_sock.op (mutex), then inet_sock.c.lock (spin), then port_table.lock (spin); net->lock
 * is taken under none of the spin locks.
 * May know: socket/, route/, neigh/, mcast/, link/, netfilter's hooks; of tcp/ its create function
 * and state alone.
 */
#ifndef NESTLING_NET_INET_H
#define NESTLING_NET_INET_H

#include "kernel/net/inet/dgram.h"
#include "kernel/net/inet/inet_sock.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/inet/port_table.h"
#include "kernel/net/inet/sock_hdrs.h"
#include "kernel/net/internal.h"
#include "kernel/net/mcast/mcast_sock.h"
#include "kernel/net/socket/skb.h"

#define SOL_IP 0
#define SOL_TCP 6
#define SOL_UDP 17
#define SOL_IPV6 41
#define SOL_RAW 255
#define MSG_DONTROUTE 4
/* least bytes of a sockaddr_in6, without sin6_scope_id (RFC 2133) */
#define SOCKADDR_V6_MIN 24

/* ---- af_inet.c ---- */

/*
 * Sets the defaults of a new socket, which is all 0; create functions of all protocols call it. The
 * caller owns the first reference; the socket takes one to current's namespace.
 */
void inet_init_sock(struct inet_sock *i, const struct socket *s, int family, int type, int protocol,
	struct port_table *table);
/*
 * Sends SIGIO to the owner of the file, if FASYNC is enabled. @band: EPOLL* events. Does not sleep.
 */
void inet_sigio(struct inet_sock *i, int band);
/*
 * True if the socket may be bound to @addr although no device has it: by IP_FREEBIND and its
 * relatives, and as on Linux while the namespace has not had any IPv4 address yet.
 */
static inline bool inet_may_have(const struct inet_sock *i, const ip_addr *addr)
{
	return i->opts.freebind || i->opts.transparent ||
	       (ip_is_v4(addr) && unlikely(!READ_ONCE(i->net->addr.had_v4))) ||
	       READ_ONCE(*(ip_is_v4(addr) ? &i->net->ports.nonlocal_bind :
					    &i->net->ports.nonlocal_bind6));
}
/*
 * Reads the address and port of @a. *@port is in host byte order. *@scope: the device index for a
 * link-local or multicast address of IPv6, else 0. Returns 0, -EINVAL or -EAFNOSUPPORT.
 */
int inet_read_addr(const struct inet_sock *i, const struct sockaddr_buf *a, ip_addr *addr,
	u16 *port, int *scope);
/*
 * Reads the address of a peer like inet_read_addr(). IPv6 sockets of UDP also accept an AF_INET
 * address.
 */
int inet_read_peer(const struct inet_sock *i, const struct sockaddr_buf *a, ip_addr *addr,
	u16 *port, int *scope);
/*
 * Fills *@a with an address for a program. @port: in host byte order. @scope: device index of a
 * link-local @addr.
 */
void inet_write_addr(const struct inet_sock *i, struct sockaddr_buf *a, const ip_addr *addr,
	u16 port, int scope);
/*
 * True if an IPv6 address is valid on one link only: fe80::/10, and multicast groups of interface
 * or link scope.
 */
bool inet_needs_link(const ip_addr *addr);
/*
 * Finds *@link, the value of link_if for peer @to: the device index @scope (0: none) of its
 * address, or else the socket's device; 0 unless inet_needs_link(@to). Returns 0, or -EINVAL if
 * there is no device, or @scope is not bound_if.
 */
int inet_link_of(const struct inet_sock *i, const ip_addr *to, int scope, int *link);
/* Operations of struct proto_ops for sockets of all protocols. */
int inet_bind(struct socket *s, struct sockaddr_buf *a);
int inet_getname(struct socket *s, struct sockaddr_buf *a, bool peer);
int inet_accept_name(struct socket *s, struct sockaddr_buf *a);
/* True if the socket is connected. Takes no lock, so without op held this is only a hint. */
bool inet_has_peer(struct inet_sock *i);
/*
 * Serves IPV6_ADDRFORM: turns an IPv6 socket whose peer has an IPv4 address into an AF_INET socket.
 * Returns 0, -EINVAL unless @family is AF_INET, or another -errno. op held; takes c.lock.
 */
int inet_become_v4(struct inet_sock *i, int family);
/* Returns the automatic flow label for packets to @daddr, host byte order, 0: none. */
u32 inet_flow_label(const struct inet_sock *i, const ip_addr *daddr);
/* True if packets get automatic flow labels, by the socket's setting or else the namespace's. */
bool inet_autolabel(const struct inet_sock *i);
/*
 * Fills @f for a packet to @daddr, from the socket's addresses and options. Borrows what it points
 * to; the route is not looked up.
 */
void inet_flow(const struct inet_sock *i, const ip_addr *daddr, struct flow *f);
/* True if the socket is an IPv6 one bound to an IPv4 address, and @to is not an IPv4 address. */
static inline bool inet_wrong_family(const struct inet_sock *i, const ip_addr *to)
{
	return i->v6 && ip_is_v4(&i->laddr) && !ip_is_v4(to) && !ip_is_any(to);
}
/*
 * Returns the address the socket is bound to, or any if that is a multicast or broadcast address.
 */
ip_addr inet_source(const struct inet_sock *i);

/* ---- udp.c, raw.c ---- */

/*
 * Create sockets of current's namespace; called by af_inet.c. Set s->ops and s->sk. Return 0,
 * -ENOMEM, or an error about rights or protocol.
 */
int udp_create(struct socket *s, int family, int type, int protocol);
int raw_create(struct socket *s, int family, int type, int protocol);
int ping_create(struct socket *s, int family, int type, int protocol);
/*
 * Sends the datagram that UDP_CORK and MSG_MORE have collected, if there is one. op held. Returns 0
 * or -errno.
 */
int udp_push_pending(struct inet_sock *i);

/* ---- inet_opt.c, inet_cmsg.c ---- */

/* Operations of struct proto_ops. inet_setsockopt() takes op. */
int inet_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len);
int inet_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len);
int inet_cmsg(const struct socket *s, struct msg *m, int level, int type, const void *data, u64 n);

/* ---- inet_recv_cmsg.c: control messages about received packets, enabled by socket options ---- */

/* Fills @h from the received packet @skb, which is parsed and has a device. */
void inet_hear(struct inet_heard *h, const struct sk_buff *skb);
/*
 * Writes the control messages for a packet that was freed, from @h. @spec_dst: ipi_spec_dst of
 * IP_PKTINFO. @v6: as for a packet of IPv6.
 */
void inet_report_heard(
	struct inet_sock *i, struct msg *m, const struct inet_heard *h, u32 spec_dst, bool v6);
/* Writes the control messages for the received packet @skb of a datagram or raw socket. */
void inet_put_cmsgs(struct inet_sock *i, struct msg *m, const struct sk_buff *skb);
/* Recomputes recv.keeps_last after a change of options. op held. */
void inet_report_changed(struct inet_sock *i);
/*
 * Serves IP_PKTOPTIONS, or with @v6 IPV6_2292PKTOPTIONS: writes the control messages of a TCP
 * socket to the kernel buffer @val of *@len bytes, and cuts what does not fit. *@len becomes the
 * number of bytes written. Takes c.lock. Returns 0, or -ENOPROTOOPT for another socket.
 */
int inet_pktoptions(struct inet_sock *i, bool v6, void *val, u32 *len);

#endif
