/* SPDX-License-Identifier: MIT */
/*
 * ip.h: the network layer of both IP versions: packets in and out, ICMP, and the functions that the
 * transports provide to it. None sleeps. Functions that send may be called under spinlocks;
 * functions that receive run in net_rx_flush(), without locks.
 * Sources: RFC 791, 792, 1122, 4443, 8200.
 */
#ifndef NESTLING_NET_IP_H
#define NESTLING_NET_IP_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/rtnetlink.h>

#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

/* bits of an IPv4 header's frag_off: do not fragment; more fragments follow */
#define IP_DF 0x4000
#define IP_MF 0x2000

/* Receives a packet from a device and consumes it. */
void ip_rcv(struct sk_buff *skb);
/*
 * Adds the network header and sends @skb along @f, the route found by route_output(). Consumes
 * @skb. Returns 0, -EMSGSIZE if the packet exceeds 64 KB, or exceeds the MTU and must not be
 * fragmented, -ENOBUFS without memory, or another -errno.
 */
int ip_send(struct net *net, struct sk_buff *skb, const struct flow *f);
/* Returns a new identification for an IPv4 packet without DF, in host byte order. */
u16 ip_next_id(void);
/*
 * Sends a packet that already has its network header (IP_HDRINCL of raw sockets). It is never
 * fragmented: -EMSGSIZE if it exceeds the MTU. Otherwise like ip_send().
 */
int ip_send_raw(struct net *net, struct sk_buff *skb, const struct flow *f);
/*
 * Sends @skb, which has its network header, along the route @f for its addresses. Drops it if it
 * exceeds the MTU. Consumes @skb, and returns what ip_send() returns.
 */
int ip_send_on(struct net *net, struct sk_buff *skb, const struct flow *f);
/*
 * Returns the index of the device by which a reply to @skb must leave because its sender's address
 * is link-local; 0: any device.
 */
int ip_answer_by(const struct sk_buff *skb);

/*
 * ip6_ext.c: Returns @skb with extension headers in front. *@next: in, the type of what follows;
 * out, the type of the first. Consumes @skb. Returns NULL if there is no memory.
 */
struct sk_buff *ip6_ext_push(struct sk_buff *skb, const struct ip6_ext *x, u8 *next);

/*
 * ip4_opt.c: Puts @f's options, which are not NULL, in front of @skb, and fills in this machine's
 * address and the time in options that record them.
 */
void ip4_opts_push(struct net *net, struct sk_buff *skb, const struct flow *f);
/*
 * Checks the options of a packet for this machine and fills in what they record. Returns false if
 * the caller must drop the packet. @skb begins with its network header.
 */
bool ip4_opts_rcv(struct net *net, struct sk_buff *skb);
/*
 * ip6_ext.c: True if the options of an IPv6 header of a parsed packet with extension headers are
 * acceptable. @dst: a destination options header, else hop-by-hop. If they are not, sends an ICMP
 * error where RFC 8200 demands one.
 */
bool ip6_options_hold(struct net *net, struct sk_buff *skb, bool dst);
/*
 * Checks the options of a packet that is to be forwarded; @skb begins with its network header.
 * Returns false if the caller must drop the packet.
 */
bool ip4_opts_may_forward(struct net *net, struct sk_buff *skb);
struct iphdr;
/*
 * Fills in what the options of a forwarded packet record. @h: the packet's header with its options,
 * in one piece; @f: its route.
 */
void ip4_opts_forward(struct net *net, struct iphdr *h, const struct flow *f);
/* Overwrites with no-ops the options, among @n bytes at @o, that only a first fragment has. */
void ip4_opts_later(u8 *o, u32 n);
/* Returns a reference to the options for a reply to @skb, which has options; NULL: none. */
struct ip4_opts *ip4_opts_answer(const struct sk_buff *skb);
/* Drops a reference. @x may be NULL. */
void ip4_opts_put(struct ip4_opts *x);
/* Returns the bytes of the options; 0 if @x is NULL. */
u32 ip4_opts_len(const struct ip4_opts *x);

/* Sends @skb, which has its network header, to the next hop. Consumes it. Returns 0 or -errno. */
int ip_output(struct sk_buff *skb, const struct flow *f);

/* forward.c. @skb is parsed and begins with its network header. */
/*
 * True if the packet's source address is plausible for its device (RFC 1812, 5.3.7 and 5.3.8; RFC
 * 3704).
 */
bool ip_source_valid(struct net *net, const struct sk_buff *skb);
/* Forwards a packet for another host; consumes it. */
void ip_forward(struct net *net, struct sk_buff *skb);
/* True if the packet is for this machine by a local route, although no device has its address. */
bool ip_routed_here(struct net *net, const struct sk_buff *skb);

/* An error about a packet sent by this machine: received by ICMP, or from icmp_no_host(). */
struct ip_error {
	/* errno for the socket, positive */
	int err;
	bool fatal;    /* ends a connection */
	u8 type, code; /* of the ICMP message */
	/* MTU; for ICMPv6 the second word of the header */
	u32 info;
	/* offset of extensions in the quoted packet (RFC 4884), 0: none */
	u32 ext_at;
	ip_addr offender;            /* the machine that reported the error */
	const struct sk_buff *quote; /* the quoted start of the packet */
	/* offset of the transport header in `quote` */
	u32 quote_at;
};

/*
 * Pulls the IPv4 header at the front of @skb into skb->ip, and trims bytes behind the packet.
 * Returns true if the header is valid; does not free @skb.
 */
bool ip_parse_v4(struct sk_buff *skb);
/* Undoes the pulls of a parsed packet, so that it begins with its network header again. */
void ip_rewind(struct sk_buff *skb);
/*
 * Sends a "destination unreachable" error to @skb's sender, unless RFC 1122, 3.2.2 forbids it.
 * @code4 and @code6: the code for each version. @skb is parsed, and its transport header is not
 * pulled yet. Does not consume it.
 */
void icmp_unreachable(struct net *net, struct sk_buff *skb, u8 code4, u8 code6);
/*
 * Sends an ICMP or ICMPv6 error of @type and @code to the sender of @skb, which begins with its
 * network header. @word: the second word of the ICMP header. Does not consume @skb.
 */
void icmp_error(struct net *net, struct sk_buff *skb, u8 type, u8 code, u32 word);
/*
 * Reports EHOSTUNREACH to the local socket that sent @skb, which begins with its network header.
 * Does not consume it.
 */
void icmp_no_host(struct net *net, struct net_device *dev, struct sk_buff *skb);
/* Receive a message of ICMP or ICMPv6, whose network header was pulled, and consume it. */
void icmp_rcv(struct net *net, struct sk_buff *skb);
void icmp6_rcv(struct net *net, struct sk_buff *skb);

/*
 * Functions of the transports. *_rcv() receive a packet and consume it. *_err() handle an ICMP
 * error about a packet from @local to @remote, whose transport header begins with the 8 bytes at
 * @hdr, and borrow @e.
 */
void tcp_rcv(struct net *net, struct sk_buff *skb);
void udp_rcv(struct net *net, struct sk_buff *skb);
void tcp_err(struct net *net, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e);
void udp_err(struct net *net, u8 proto, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e);
/*
 * Handle an ICMP error about a packet of raw and of ping sockets. Its transport header is at
 * @e->quote_at.
 */
void raw_err(struct net *net, u8 proto, const ip_addr *local, const ip_addr *remote,
	const struct ip_error *e);
void ping_err(struct net *net, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e);
/*
 * Queues copies of @skb to matching raw sockets, with the network header (IPv4) or without it
 * (IPv6). Returns true if a raw socket matched. Does not consume @skb.
 */
bool raw_rcv(struct net *net, struct sk_buff *skb);
/* Queues an echo reply to the ping socket that sent the request. Consumes @skb. */
void ping_rcv(struct net *net, struct sk_buff *skb);

/* Counts an ICMP message that @net sends. */
void icmp_count_out(struct net *net, u8 type, bool v6);

#endif
