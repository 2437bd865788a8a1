/* SPDX-License-Identifier: MIT */
/*
 * inet_opt.h: options of levels IP and IPV6, shared by inet_opt.c (IP, UDP, RAW, and the entry
 * points) and inet6_opt.c (IPV6).
 *
 * Both describe the options that are numbers in tables (kernel/net/socket/opt_table.h).
 * inet_setsockopt() holds inet_sock.op around these calls. Readers need no lock, since each option
 * is one word. A @val of type uaddr_t is in program memory, a void pointer is a kernel buffer;
 * *@len is its room, and becomes the length of the value. Functions that return int return 0 or
 * -errno, and may sleep.
 */
#ifndef NESTLING_NET_INET_INET_OPT_H
#define NESTLING_NET_INET_INET_OPT_H

#include "kernel/net/inet/inet.h"
#include "kernel/net/socket/opt_table.h"

/* the bits of TOS and of the traffic class that belong to ECN */
#define TOS_ECN 3
#define HOPS_MOST 255
/* from <linux/netfilter_ipv4.h>, which needs libc; also the number of level IPV6's option */
#define SO_ORIGINAL_DST 80

/* Set and read options of level IPV6. -ENOPROTOOPT: there is no such option. */
int inet6_set(struct inet_sock *i, int opt, uaddr_t val, u32 len);
int inet6_get(struct inet_sock *i, int opt, void *val, u32 *len);

/*
 * Reads an int from the program; with @byte_ok and a @len below that of an int, one byte. Returns
 * 0, -EINVAL or -EFAULT.
 */
int inet_opt_read(uaddr_t val, u32 len, bool byte_ok, int *n);
/*
 * Writes @n as an int, cut at *@len; as one byte if @byte_ok, the buffer is shorter than an int,
 * and @n fits. Returns 0.
 */
int inet_opt_put(int n, bool byte_ok, void *val, u32 *len);
/*
 * sock_opt.take and .get of IP_UNICAST_IF and IPV6_UNICAST_IF: a device index in network byte
 * order.
 */
int inet_take_unicast_if(void *sk, const struct sock_opt *o, uaddr_t val, u32 len);
int inet_get_unicast_if(void *sk, const struct sock_opt *o, int *n);
/*
 * sock_opt.get of IP_MTU and IPV6_MTU: the MTU of the route to the peer. Returns -ENOTCONN without
 * a peer.
 */
int inet_get_mtu(void *sk, const struct sock_opt *o, int *n);
/*
 * sock_opt.changed of IP_RECVERR and IPV6_RECVERR: drops queued errors when the option is cleared.
 */
int inet_recverr_changed(void *sk, const struct sock_opt *o, int n);
/*
 * Sets the offset of the checksum in a raw socket's packets (IPV6_CHECKSUM). @level: IPPROTO_IPV6
 * or IPPROTO_RAW. A negative value: no checksum is made or checked. An odd one is -EINVAL.
 */
int inet_set_checksum(struct inet_sock *i, int level, uaddr_t val, u32 len);
/*
 * Returns SO_ORIGINAL_DST or IP6T_SO_ORIGINAL_DST: the destination of the connection's first packet
 * before NAT. Leaves *@len as the caller set it, as Linux does.
 */
int inet_original_dst(const struct inet_sock *i, bool v6, void *val, const u32 *len);

#endif
