/* SPDX-License-Identifier: MIT */
/*
 * bpf.h: classic BPF, the machine of socket filters and of seccomp: one accumulator, one index
 * register, sixteen words of scratch memory, jumps that only go forward. The caller defines what a
 * load from the packet (or from seccomp_data) means.
 *
 *      bpf_check(insn, n)         once, when the guest installs the program
 *      bpf_run(insn, &input)      for each packet or system call
 *
 * A checked program needs no checks at run time except for division by zero and for its loads.
 * Source: Linux's documentation of socket filters (networking/filter.rst), McCanne and Jacobson
 * 1993.
 */
#ifndef NESTLING_LIB_BPF_H
#define NESTLING_LIB_BPF_H

#include <linux/bpf_common.h>
#include <linux/filter.h>

#include "kernel/lib/types.h"

struct bpf_input {
	u32 len; /* result of BPF_LEN */
	/*
	 * Loads a value other than a constant, the length or scratch memory. @x: the index
	 * register. @a: the destination register, which holds its old value. Returns false if the
	 * program must end with result 0.
	 */
	bool (*load)(const struct bpf_input *in, const struct sock_filter *i, u32 x, u32 *a);
};

/*
 * Checks a program of @len instructions. May sleep. Returns 0, -ENOMEM, or -EINVAL: the program is
 * invalid, or @len is not between 1 and BPF_MAXINSNS.
 */
int bpf_check(const struct sock_filter *insn, u32 len);
/*
 * Runs a checked program and returns its result: 0 if it divides by zero or a load fails. Sleeps
 * only if @in->load does.
 */
u32 bpf_run(const struct sock_filter *insn, const struct bpf_input *in);

#endif
