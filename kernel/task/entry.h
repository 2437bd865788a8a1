/* SPDX-License-Identifier: MIT */
/*
 * entry.h: the tasks' interface for the loop around guest code (arch/um/entry): signals, tracing,
 * debug registers, rseq.
 *
 * All functions work on current. They may sleep unless their comment says otherwise.
 */
#ifndef NESTLING_TASK_ENTRY_H
#define NESTLING_TASK_ENTRY_H

#include "kernel/lib/regs.h"
#include "kernel/lib/types.h"

struct debug_regs;
struct task;

/* Delivers pending signals; builds frames through arch_entry. */
void do_signal(struct regs *regs);
void force_sig_fault(int sig, int code, u64 addr, int trapno, u64 error);
/* Log a fault before it gets SIGSEGV, and a trap before its signal. */
void log_segfault(u64 addr, u64 error);
void log_trap(int sig, int trapno, u64 error);
/*
 * Called when TIF_SYSCALL_TRACE or one of its kin is set: before a system call, and after it,
 * before do_signal(). The first returns the number to serve; -1: skip the call, rax has its result.
 */
long syscall_trace_enter(struct regs *regs);
void syscall_trace_leave(struct regs *regs);
/*
 * Called when current->hw_debug is set: around a stay in guest code, and for a trap that it ended
 * with. hw_debug_arm() returns true if a signal came instead of the stay, hw_debug_trap() if the
 * trap is handled. @hits: the bits of DR6 that the CPU has set, or 0.
 */
bool hw_debug_arm(struct regs *regs);
void hw_debug_disarm(struct regs *regs);
bool hw_debug_trap(struct regs *regs, int trapno, u64 hits);
/* Returns the breakpoints that the CPU is to watch for @t, or NULL. */
const struct debug_regs *hw_debug_regs(const struct task *t);
void hw_debug_refused(int err); /* the CPU cannot, now and later */
/* Called on the way to guest code, and before a signal frame is built. */
void rseq_resume(struct regs *regs);
void rseq_signal(struct regs *regs);
/* Kills all users of current's mm, whose space was lost. */
void do_space_died(void);

#endif
