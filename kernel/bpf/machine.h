/* SPDX-License-Identifier: MIT */
/* machine.h: a running program, shared by the machine (run.c) and the helpers (helper.c). */
#ifndef NESTLING_BPF_MACHINE_H
#define NESTLING_BPF_MACHINE_H

#include "kernel/bpf/internal.h"

/* A program's pointers (run.c). */
#define CTX_BASE 0x100000000ul
#define CTX_SPAN 4096ul
#define STACK_TOP 0x200000000ul
#define PACKET_BASE 0x300000000ul
#define MAP_BASE 0x400000000ul

/* Results of ebpf_type.read() for fields that are pointers: the packet's start, its end. */
#define CTX_PACKET (1ul << 63)
#define CTX_PACKET_END (1ul << 63 | 1)

struct ebpf_machine {
	u64 r[MAX_BPF_REG];
	const struct ebpf_code *code;
	const struct ebpf_code *next; /* a tail call continues with it */
	void *ctx;
	u64 result;
	u32 depth, back, tail_calls;
	u8 stack[EBPF_STACK] __aligned(8);
};

/* Returns @size bytes of the stack or of a value; NULL: the pointer leads nowhere. */
void *ebpf_memory(struct ebpf_machine *m, u64 at, u32 size);
struct bpf_map *ebpf_map(struct ebpf_machine *m, u64 at); /* NULL */
/*
 * Charges the program for the bytes that a helper examines. A program that has cost too much ends
 * with its next call.
 */
void ebpf_pay(struct ebpf_machine *m, u64 bytes);
/*
 * Returns a program's pointer to this CPU's value in @element of the map at @map (valid for
 * ebpf_map()); 0 for MAP_NONE.
 */
u64 ebpf_value_token(struct ebpf_machine *m, u64 map, u32 element);

#endif
