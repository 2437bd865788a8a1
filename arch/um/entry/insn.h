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
 * Copies the bytes at linear address @at to @code, which has room for INSN_MAX bytes. Returns how
 * many were copied: INSN_MAX; only those up to the end of the page if the next page is not present;
 * or 0 on a fault. May sleep.
 */
u32 insn_read(u64 at, u8 *code);
/*
 * Called after the kernel has executed an instruction and moved rip behind it. Delivers the trap
 * that the CPU would have raised after the instruction, if any: for a hardware breakpoint of the
 * task, or for a single step (TF).
 */
void insn_stepped(struct task *t);

#endif
