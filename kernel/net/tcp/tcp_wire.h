/* SPDX-License-Identifier: MIT */
/*
 * tcp_wire.h: the format of TCP segments: flags, options, sequence numbers.
 *
 * tcp_parse.c parses a segment into skb->tcp (struct tcp_meta, skb.h) and struct tcp_opts;
 * tcp_out.c writes it. This header has no state and no lock.
 * Sources: RFC 9293 (3.1, 3.2), 7323, 2018, 7413, 6994.
 */
#ifndef NESTLING_NET_TCP_WIRE_H
#define NESTLING_NET_TCP_WIRE_H

#include "kernel/lib/types.h"

/* tcp_meta.flags: bits of the header. */
#define TH_FIN 1
#define TH_SYN 2
#define TH_RST 4
#define TH_PSH 8
#define TH_ACK 16
#define TH_URG 32
#define TH_ECE 64
#define TH_CWR 128

/* Kinds of options, and the lengths of those with a fixed length. */
#define TCPOPT_END 0
#define TCPOPT_PAD 1
#define TCPOPT_MSS 2
#define TCPOPT_WSCALE 3
#define TCPOPT_SACK_OK 4
#define TCPOPT_SACK 5
#define TCPOPT_STAMPS 8
#define TCPOPT_FASTOPEN 34
#define TCPOPT_EXP 254
#define TCPOLEN_MSS 4
#define TCPOLEN_WSCALE 3
#define TCPOLEN_SACK_OK 2
#define TCPOLEN_STAMPS 10
/* marks Fast Open in the experimental option (RFC 6994) */
#define FASTOPEN_MAGIC 0xf989U

#define MSS_DEFAULT 536U
/* bytes of the timestamp option with padding */
#define TS_SPACE 12
/* least value of TCP_MAXSEG, and of rcv.mss */
#define MSS_MIN 88U
#define MAX_SACKS 4
#define WSCALE_MAX 14

/* True if sequence number @a is before @b, or after @b. */
#define before(a, b) ((s32)((u32)(a) - (u32)(b)) < 0)
#define after(a, b) before(b, a)

struct sack_block {
	/* sequence numbers; @end is the first that is not in the block */
	u32 start, end;
};

/* A Fast Open cookie. */
struct fast_cookie {
	u8 len; /* bytes of @val, 0: a request for a cookie */
	u8 val[16];
	bool exp; /* came in the experimental option */
};

/* The options of a received segment. */
struct tcp_opts {
	u16 mss;   /* bytes, 0: the option is absent */
	u8 wscale; /* bits, at most WSCALE_MAX */
	bool has_wscale, sack_ok, saw_ts, has_cookie;
	struct fast_cookie cookie; /* valid when has_cookie */
	u32 tsval, tsecr;          /* valid when saw_ts */
	struct sack_block sacks[MAX_SACKS];
	u32 nr_sacks;
};

#endif
