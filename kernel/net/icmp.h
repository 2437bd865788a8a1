/* SPDX-License-Identifier: MIT */
/* icmp.h: ICMP's header and types; <linux/icmp.h> needs libc. Source: RFC 792. */
#ifndef NESTLING_NET_ICMP_H
#define NESTLING_NET_ICMP_H

#include "kernel/lib/types.h"

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_REDIRECT 5
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_FRAG_NEEDED 4 /* code of DEST_UNREACH */

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

#endif
