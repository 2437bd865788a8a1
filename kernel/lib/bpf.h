/* SPDX-License-Identifier: MIT */
/*
 * bpf.h: classic BPF, the machine of socket filters and of seccomp: one accumulator, one index register, sixteen words of scratch
 * memory, jumps that only go forward. What a load from the packet (or from seccomp_data) means is its user's.
 *
 *	bpf_check(insn, n)		once, when the program comes from the guest
 *	bpf_run(insn, &input)		each time
 *
 * A program that was checked needs no checks while it runs but for division by zero and for what it loads.
 * Source: the kernel's documentation of socket filters (networking/filter.rst), McCanne and Jacobson 1993.
 */
#ifndef NESTLING_LIB_BPF_H
#define NESTLING_LIB_BPF_H

#include <linux/bpf_common.h>
#include <linux/filter.h>

#include "kernel/lib/types.h"

struct bpf_input {
	u32 len; /* what BPF_LEN tells */
	/* A load that is neither of a constant, the length nor scratch memory. False: the program ends with 0. */
	bool (*load)(const struct bpf_input *in, const struct sock_filter *i, u32 x, u32 *a);
};

/* 0, -EINVAL, -ENOMEM. @len: 1 to BPF_MAXINSNS. */
int bpf_check(const struct sock_filter *insn, u32 len);
u32 bpf_run(const struct sock_filter *insn, const struct bpf_input *in);

#endif
