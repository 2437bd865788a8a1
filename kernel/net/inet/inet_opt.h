/* SPDX-License-Identifier: MIT */
/*
 * inet_opt.h: options of levels IP and IPV6, shared by inet_opt.c (IP, UDP, RAW, and the entry
 * points) and inet6_opt.c (IPV6).
 *
 * Both files have a table of the options whose value is a number (kernel/net/socket/opt_table.h).
 * inet_setsockopt() holds inet_sock.op around the functions that set. Those that read need no lock,
 * since each number is one word. A @val of type uaddr_t is the value in program memory, of @len
 * bytes. A @val of type void pointer is a kernel buffer of *@len bytes; *@len becomes the length of
 * the value. The functions return 0 or -errno, and may sleep.
 */
#ifndef NESTLING_NET_INET_INET_OPT_H
#define NESTLING_NET_INET_INET_OPT_H

#include "kernel/net/inet/inet.h"
#include "kernel/net/socket/opt_table.h"

/* the bits of TOS and of the traffic class that belong to ECN */
#define TOS_ECN 3
#define HOPS_MOST 255 /* greatest TTL and hop limit */
/* from <linux/netfilter_ipv4.h>, which needs libc; IP6T_SO_ORIGINAL_DST of level IPV6 is 80 too */
#define SO_ORIGINAL_DST 80

/* Set and read options of level IPV6. -ENOPROTOOPT: there is no such option. */
int inet6_set(struct inet_sock *i, int opt, uaddr_t val, u32 len);
int inet6_get(struct inet_sock *i, int opt, void *val, u32 *len);

/*
 * Reads an int from the program. If @len is less than an int's: reads one byte with @byte_ok, else
 * -EINVAL. Returns 0, -EINVAL or -EFAULT.
 */
int inet_opt_read(uaddr_t val, u32 len, bool byte_ok, int *n);
/*
 * Writes @n as an int, cut at *@len bytes. Writes one byte instead if @byte_ok, the buffer is
 * shorter than an int, and @n fits in a byte. Returns 0.
 */
int inet_opt_put(int n, bool byte_ok, void *val, u32 *len);
/*
 * sock_opt.take and .get of IP_UNICAST_IF and IPV6_UNICAST_IF: a device index in network byte
 * order.
 */
int inet_take_unicast_if(void *sk, const struct sock_opt *o, uaddr_t val, u32 len);
int inet_get_unicast_if(void *sk, const struct sock_opt *o, int *n);
/*
 * sock_opt.get of IP_MTU and IPV6_MTU: the MTU of the route to the peer, in bytes. Returns
 * -ENOTCONN without a peer or a route.
 */
int inet_get_mtu(void *sk, const struct sock_opt *o, int *n);
/*
 * sock_opt.changed of IP_RECVERR and IPV6_RECVERR: drops queued errors when the option is cleared.
 */
int inet_recverr_changed(void *sk, const struct sock_opt *o, int n);
/*
 * Sets the offset of the checksum in a raw socket's packets (IPV6_CHECKSUM). @level: SOL_IPV6 or
 * SOL_RAW. A negative value: no checksum is made or checked. Returns -EINVAL for a positive odd
 * value, and for an ICMPv6 socket at SOL_IPV6.
 */
int inet_set_checksum(struct inet_sock *i, int level, uaddr_t val, u32 len);
/*
 * Reads SO_ORIGINAL_DST or, with @v6, IP6T_SO_ORIGINAL_DST: the destination of the connection's
 * first packet before NAT. Writes a struct sockaddr_in or sockaddr_in6 to @val. Leaves *@len as the
 * caller set it, as Linux does. Returns 0, -EINVAL if *@len is too small, -ENOENT if the connection
 * is not tracked or the peer's address is of the other family, or -ENOPROTOOPT unless the socket is
 * TCP's.
 */
int inet_original_dst(const struct inet_sock *i, bool v6, void *val, const u32 *len);

#endif
