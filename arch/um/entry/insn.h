/* SPDX-License-Identifier: MIT */
/*
 * insn.h: helpers to execute single instructions on behalf of guest code (tsc.c, ioport.c). All
 * functions work on the task that faulted, which is current.
 */
#ifndef NESTLING_ARCH_UM_INSN_H
#define NESTLING_ARCH_UM_INSN_H

#include "kernel/lib/types.h"

#define INSN_MAX 15 /* bytes */
#define TRAPNO_DB 1
#define TRAPNO_GP 13
#define EFLAGS_TF 0x100UL
#define EFLAGS_DF 0x400UL

struct task;

/*
 * Copies at most INSN_MAX bytes at linear address @at to @code, which has room for them, and
 * returns their number, which is smaller if the readable memory ends before, 0 on a fault. May
 * sleep.
 */
u32 insn_read(u64 at, u8 *code);
/*
 * Delivers the trap of the trap flag (TF) after an instruction that the kernel has executed, with
 * rip behind it. The CPU did not raise the trap, since it did not execute the instruction.
 */
void insn_stepped(struct task *t);

#endif
