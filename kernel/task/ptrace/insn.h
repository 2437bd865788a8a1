/* SPDX-License-Identifier: MIT */
/*
 * insn.h: which memory the next instruction accesses, for watchpoints
 * (kernel/task/ptrace/ptrace_debug.c).
 */
#ifndef NESTLING_TASK_INSN_H
#define NESTLING_TASK_INSN_H

#include "kernel/lib/regs.h"

#define INSN_MAX_LEN 15
#define INSN_TOUCHES 3

struct insn_touch {
	u64 addr;
	u32 len; /* bytes */
	bool write;
};

/*
 * Decodes the 64-bit code at r->rip, of which @n bytes are in @code. Fills in @t, at most
 * INSN_TOUCHES accesses, and returns their number. An unknown instruction counts as a read of its
 * operand in memory if its opcode begins with 0F or a VEX prefix, else as no access.
 */
u32 insn_touches(const struct regs *r, const u8 *code, u32 n, struct insn_touch *t);

#endif
