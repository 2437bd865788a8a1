/* SPDX-License-Identifier: MIT */
/*
 * ip.h: the network layer of both versions: packets in and out, ICMP, and the functions by which
 * the transports take part.
 * Sources: RFC 791, 792, 1122, 4443, 8200.
 */
#ifndef NESTLING_NET_IP_H
#define NESTLING_NET_IP_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/rtnetlink.h>

#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

/* Receives a packet from a device and consumes it. */
void ip_rcv(struct sk_buff *skb);
/*
 * Adds the network header and sends @skb by the route that route_output() has found. Consumes @skb.
 * 0, -EMSGSIZE (larger than the device takes), -errno of the device.
 */
int ip_send(struct net *net, struct sk_buff *skb, const struct flow *f);
/* Sends a packet that has its own header (raw sockets with IP_HDRINCL), like ip_send(). */
int ip_send_raw(struct net *net, struct sk_buff *skb, const struct flow *f);
/*
 * Forwards a packet by @f, which has the packet's addresses. A packet that is larger than the
 * device takes is dropped. Consumes @skb, and returns as ip_send() does.
 */
int ip_send_on(struct net *net, struct sk_buff *skb, const struct flow *f);
/*
 * Returns the device by which an answer to @skb must leave, since its sender's address means
 * something on that link only; 0: any.
 */
int ip_answer_by(const struct sk_buff *skb);

/*
 * ip6_ext.c: Puts extension headers in front of @skb; *next: the kind of the first. Consumes it.
 * NULL: no memory.
 */
struct sk_buff *ip6_ext_push(struct sk_buff *skb, const struct ip6_ext *x, u8 *next);

/*
 * ip4_opt.c: Puts @f's options in front of @skb, with this machine's address and the time where
 * they ask for them.
 */
void ip4_opts_push(struct net *net, struct sk_buff *skb, const struct flow *f);
/* Checks and fills in the options of a packet for this machine. Returns false if it is refused. */
bool ip4_opts_rcv(struct net *net, struct sk_buff *skb);
/*
 * ip6_ext.c: true if the options of IPv6 are acceptable. @dst: those for the destination, else
 * hop-by-hop options. The sender may get an ICMP error about them.
 */
bool ip6_options_hold(struct net *net, struct sk_buff *skb, bool dst);
/*
 * Check and fill in the options of a packet that is forwarded by @f, in two steps. The packet
 * begins with its network header, which the second step may write to.
 */
bool ip4_opts_may_forward(struct net *net, struct sk_buff *skb);
struct iphdr;
void ip4_opts_forward(struct net *net, struct iphdr *h, const struct flow *f);
/* Changes @n bytes of options into those that all pieces but the first have. */
void ip4_opts_later(u8 *o, u32 n);
/* Returns a reference to the options of an answer to @skb, which has options; NULL: none. */
struct ip4_opts *ip4_opts_answer(const struct sk_buff *skb);
void ip4_opts_put(struct ip4_opts *x);
u32 ip4_opts_len(const struct ip4_opts *x);

/* Sends @skb, which has its header, to the next hop. Consumes it. */
int ip_output(struct sk_buff *skb, const struct flow *f);

/* forward.c. @skb begins with its network header, and is parsed. */
/*
 * True if the packet's source address is plausible for its device (RFC 1812, 5.3.7 and 5.3.8; RFC
 * 3704).
 */
bool ip_source_valid(struct net *net, const struct sk_buff *skb);
/* Forwards a packet for another host; consumes it. */
void ip_forward(struct net *net, struct sk_buff *skb);
/* True if a route, not an address, makes the packet local. It begins with its network header. */
bool ip_routed_here(struct net *net, const struct sk_buff *skb);

/* An error about a packet of this machine, received by ICMP or returned by route_output(). */
struct ip_error {
	int err; /* as a socket sees it, positive */
	bool fatal;
	u8 type, code;
	/* MTU; for IPv6 the word of the ICMP header */
	u32 info;
	/* offset of extensions in the quote (RFC 4884), 0: none */
	u32 ext_at;
	ip_addr offender;
	const struct sk_buff *quote; /* of the packet that it is about */
	/* offset of the transport header in the quote */
	u32 quote_at;
};

/*
 * Reads the IPv4 header at the front of @skb into skb->ip, and trims bytes behind the packet.
 * Returns true if the header is valid.
 */
bool ip_parse_v4(struct sk_buff *skb);
/* Makes a packet that was parsed begin with its network header again. */
void ip_rewind(struct sk_buff *skb);
/*
 * Sends an error to @skb's sender, unless RFC 1122, 3.2.2 forbids it. @skb is as the transport got
 * it: parsed, its header not yet pulled. Does not consume it.
 */
void icmp_unreachable(struct net *net, struct sk_buff *skb, u8 code4, u8 code6);
/*
 * Sends an error of either version's @type and @code about @skb, which begins with its network
 * header, to its sender. Does not consume it. @word: the error's second word.
 */
void icmp_error(struct net *net, struct sk_buff *skb, u8 type, u8 code, u32 word);
/*
 * Reports EHOSTUNREACH to the local socket that sent @skb, which begins with its network header.
 * Does not consume it.
 */
void icmp_no_host(struct net *net, struct net_device *dev, struct sk_buff *skb);
void icmp_rcv(struct net *net, struct sk_buff *skb);
void icmp6_rcv(struct net *net, struct sk_buff *skb);

/*
 * The transports. *_rcv() take a packet and consume it. *_err() take an error about a packet from
 * @local to @remote, whose first 8 bytes are @hdr.
 */
void tcp_rcv(struct net *net, struct sk_buff *skb);
void udp_rcv(struct net *net, struct sk_buff *skb);
void tcp_err(struct net *net, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e);
void udp_err(struct net *net, u8 proto, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e);
/*
 * Take an error about a packet of raw sockets and of ping sockets. Its transport header is at
 * @e->quote_at.
 */
void raw_err(struct net *net, u8 proto, const ip_addr *local, const ip_addr *remote,
	const struct ip_error *e);
void ping_err(struct net *net, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e);
/*
 * Gives copies to raw sockets, with the network header (IPv4) or without (IPv6). True: a socket
 * took one.
 */
bool raw_rcv(struct net *net, struct sk_buff *skb);
/* Delivers an echo reply to the ping socket that sent the request. */
void ping_rcv(struct net *net, struct sk_buff *skb);

/* Counts an ICMP message that @net sends. */
void icmp_count_out(struct net *net, u8 type, bool v6);

#endif
