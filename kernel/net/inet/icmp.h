/* SPDX-License-Identifier: MIT */
/* icmp.h: ICMP's header and types; <linux/icmp.h> needs libc. Source: RFC 792. */
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
#define ICMP_FRAG_NEEDED 4 /* code of DEST_UNREACH */
/* Types of ICMPv6 that are neighbour discovery (RFC 4861), without gaps. */
#define ND_RS 133
#define ND_RA 134
#define ND_NS 135
#define ND_NA 136
#define ND_REDIRECT 137

struct icmphdr {
	u8 type, code;
	u16 checksum;
	union {
		struct {
			u16 id, sequence; /* echo */
		};
		struct {
			u16 unused, mtu; /* ICMP_FRAG_NEEDED */
		};
		u32 word; /* ICMPv6: the mtu */
	};
};

/*
 * Sysctls of icmp_limit.c: milliseconds between errors to one destination; the types that count;
 * the errors in a second to all destinations, and those at one time.
 */
struct icmp_limits {
	int ratelimit, ratemask, msgs_per_sec, msgs_burst, ratelimit6;
	/* sysctls in route/: ticks of 4 ms, but for redirect_number, which is a number */
	int redirect_load, redirect_number, redirect_silence, error_cost, error_burst;
	/* net.core: so many lines in so many seconds */
	int message_cost, message_burst;
};
extern struct icmp_limits icmp_limits;
void icmp_net_init(struct net *net);
/*
 * True if the rate limit lets an error or an answer go out by @f, which the caller has looked up.
 * Then it is counted.
 */
bool icmp_may_send(const struct net *net, const struct flow *f, bool v6, u8 type, u8 code);
/* True if the rate limit permits another redirect, or a "no route" error, to the sender @to. */
bool icmp_may_redirect(const struct net *net, const ip_addr *to);
bool icmp_may_refuse(const struct net *net, const ip_addr *to);
/* True if a packet from outside may make another line in the log. */
bool net_may_warn(void);

#endif
