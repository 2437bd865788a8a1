/* SPDX-License-Identifier: MIT */
/*
 * entry.h: what the loop around guest code (arch/um/entry) calls: signals, tracing, debug
 * registers, rseq.
 *
 * All functions work on current. They may sleep unless their comment says otherwise.
 */
#ifndef NESTLING_TASK_ENTRY_H
#define NESTLING_TASK_ENTRY_H

#include "kernel/lib/regs.h"
#include "kernel/lib/types.h"

struct debug_regs;
struct task;

/*
 * Delivers pending signals; builds signal frames through arch_entry. Does not return if a signal
 * ends current.
 */
void do_signal(struct regs *regs);
/*
 * Forces a signal on current, even if it is blocked or ignored. @addr: si_addr; @code: si_code.
 * @trapno and @error, of the fault, are not used: the frame's come from t->arch.
 */
void force_sig_fault(int sig, int code, u64 addr, int trapno, u64 error);
/*
 * log_segfault() logs a fault that is about to raise SIGSEGV, log_trap() a trap that is about to
 * raise @sig, if debug.exception-trace is set and the program does not handle the signal.
 */
void log_segfault(u64 addr, u64 error);
void log_trap(int sig, int trapno, u64 error);
/*
 * syscall_trace_enter() is called before a system call, syscall_trace_leave() after it but before
 * do_signal(), if TIF_SYSCALL_TRACE or another flag of system-call work is set.
 * syscall_trace_enter() returns the number of the call to serve, or -1 to skip the call; rax then
 * has its result.
 */
long syscall_trace_enter(struct regs *regs);
void syscall_trace_leave(struct regs *regs);
/*
 * Called if current->hw_debug is set: hw_debug_arm() before guest code runs, hw_debug_disarm()
 * after it, hw_debug_trap() for a trap that ended the run. hw_debug_arm() returns true if guest
 * code must not run, since a signal is pending. hw_debug_trap() returns true if it has handled the
 * trap. @hits: the bits of DR6 that the CPU has set, or 0.
 */
bool hw_debug_arm(struct regs *regs);
void hw_debug_disarm(struct regs *regs);
bool hw_debug_trap(struct regs *regs, int trapno, u64 hits);
/* Returns the breakpoints that the CPU must watch for @t, or NULL. */
const struct debug_regs *hw_debug_regs(const struct task *t);
/* Notes that this CPU refused breakpoints (@err), so that no further attempt is made. */
void hw_debug_refused(int err);
/*
 * Update current's rseq area: rseq_resume() before guest code runs, rseq_signal() before a signal
 * frame is built.
 */
void rseq_resume(struct regs *regs);
void rseq_signal(struct regs *regs);
/*
 * Kills all users of current's mm, because the host process that holds its memory has died.
 */
void do_space_died(void);

#endif
