/* SPDX-License-Identifier: MIT */
/*
 * insn.h: which memory the next instruction touches: for watchpoints
 * (kernel/task/ptrace/ptrace_debug.c).
 */
#ifndef NESTLING_TASK_INSN_H
#define NESTLING_TASK_INSN_H

#include "kernel/lib/regs.h"

#define INSN_MAX_LEN 15
#define INSN_TOUCHES 3

struct insn_touch {
	u64 addr;
	u32 len;
	bool write;
};

/*
 * Decodes 64-bit code at r->rip, of which @n bytes are in @code. Fills @t, at most INSN_TOUCHES;
 * how many. What it does not know counts as a read of 16 bytes at its operand.
 */
u32 insn_touches(const struct regs *r, const u8 *code, u32 n, struct insn_touch *t);

#endif
