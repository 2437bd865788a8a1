/* SPDX-License-Identifier: MIT */
/* machine.h: the state of a running program, shared by run.c and helper.c. */
#ifndef NESTLING_BPF_MACHINE_H
#define NESTLING_BPF_MACHINE_H

#include "kernel/bpf/internal.h"

/* Bases of the numbers that a program uses as pointers (run.c). */
#define CTX_BASE 0x100000000ul
#define CTX_SPAN 4096ul
#define STACK_TOP 0x200000000ul
#define PACKET_BASE 0x300000000ul
#define MAP_BASE 0x400000000ul

/* Results of ebpf_type.read() for fields that are pointers to the packet's start and end. */
#define CTX_PACKET (1ul << 63)
#define CTX_PACKET_END (1ul << 63 | 1)

struct ebpf_machine {
	u64 r[MAX_BPF_REG];           /* the program's registers */
	const struct ebpf_code *code; /* the running code */
	const struct ebpf_code *next; /* target of a tail call, or NULL */
	void *ctx;
	u64 result; /* r0 at the end */
	/*
	 * depth: functions that called the running one. back: backward jumps and calls of helpers
	 * that are still permitted (ebpf_pay()). tail_calls: tail calls so far.
	 */
	u32 depth, back, tail_calls;
	u8 stack[EBPF_STACK] __aligned(8);
};

/*
 * Returns the memory to which the program's pointer @at points, in the stack or a map's value, or
 * NULL if @size bytes are not valid there.
 */
void *ebpf_memory(struct ebpf_machine *m, u64 at, u32 size);
struct bpf_map *ebpf_map(struct ebpf_machine *m, u64 at); /* NULL if @at is no map */
/*
 * Charges the program for bytes that a helper processes, one backward jump for each 64. If the
 * program has exceeded its limit, its next backward jump or call of a helper ends it.
 */
void ebpf_pay(struct ebpf_machine *m, u64 bytes);
/*
 * Returns the number that the program gets as pointer to this CPU's value of @element, in the map
 * for which the program's number is @map. Returns 0 if @element is MAP_NONE.
 */
u64 ebpf_value_token(struct ebpf_machine *m, u64 map, u32 element);

#endif
