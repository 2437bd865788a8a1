/* SPDX-License-Identifier: MIT */
/*
 * icmp.h: ICMP's header and types; <linux/icmp.h> needs libc. The rate limits take a spinlock of
 * icmp_limit.c and do not sleep. Source: RFC 792.
 */
#ifndef NESTLING_NET_ICMP_H
#define NESTLING_NET_ICMP_H

#include "kernel/lib/types.h"
#include "kernel/net/inet/addr.h"

struct net;
struct flow;

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_REDIRECT 5
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_FRAG_NEEDED 4 /* code of ICMP_DEST_UNREACH */
/* ICMPv6 types of neighbour discovery (RFC 4861): ND_RS to the last, without gaps. */
#define ND_RS 133
#define ND_RA 134
#define ND_NS 135
#define ND_NA 136
#define ND_REDIRECT 137

/* In network byte order. */
struct icmphdr {
	u8 type, code;
	u16 checksum;
	union {
		struct {
			u16 id, sequence; /* echo request and reply */
		};
		struct {
			u16 unused, mtu; /* DEST_UNREACH with ICMP_FRAG_NEEDED */
		};
		u32 word; /* the whole word; the MTU in ICMPv6 */
	};
};

/* Sysctls of icmp_limit.c that are of all namespaces. */
struct icmp_limits {
	/* sysctls in ipv4/route: ticks of 4 ms, except redirect_number, a count */
	int redirect_load, redirect_number, redirect_silence, error_cost, error_burst;
	/* net.core: at most message_burst log lines in message_cost seconds */
	int message_cost, message_burst;
};
extern struct icmp_limits icmp_limits;
/* Sets the defaults of a new namespace. */
void icmp_net_init(struct net *net);
/*
 * True if the rate limit allows an ICMP message of @type and @code along @f, the route that the
 * caller has looked up. Counts a message that it allows. @v6: the message is ICMPv6's.
 */
bool icmp_may_send(struct net *net, const struct flow *f, bool v6, u8 type, u8 code);
/* True if the rate limit allows a redirect to @to, the sender of the packet. Then counts it. */
bool icmp_may_redirect(const struct net *net, const ip_addr *to);
/* True if the rate limit allows a "no route" error to @to, the sender of the packet. Counts it. */
bool icmp_may_refuse(const struct net *net, const ip_addr *to);
/*
 * True if the rate limit of the machine allows one more log line about received packets. Counts it.
 */
bool net_may_warn(void);

#endif
