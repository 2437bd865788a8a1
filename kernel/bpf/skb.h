/* SPDX-License-Identifier: MIT */
/* skb.h: the context of programs that read packets. */
#ifndef NESTLING_BPF_SKB_H
#define NESTLING_BPF_SKB_H

#include "kernel/net/packet/filter.h"

struct ebpf_skb {
	struct filter_view *view; /* the packet, borrowed */
	/*
	 * The packet, if the program may write its mark and priority, else NULL. Always NULL so
	 * far: only programs of control groups may write them, and these never run.
	 */
	struct sk_buff *mine;
	u32 cb[5]; /* scratch memory for the program */
};

#endif
