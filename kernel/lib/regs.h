/* SPDX-License-Identifier: MIT */
/*
 * regs.h: a guest thread's registers as the kernel keeps them while the thread is not in guest
 * code. The first twenty words have the order of the control page (skas/stub_abi.h asserts it).
 * orig_rax is the number of the system call that is being served, or -1 (as in Linux's pt_regs).
 */
#ifndef NESTLING_LIB_REGS_H
#define NESTLING_LIB_REGS_H

#include "kernel/lib/types.h"

struct regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 rip, cs, eflags, rsp, ss;
	u64 orig_rax;
	u64 fs_base, gs_base;
	/* Data segment selectors; usually 0. */
	u16 ds, es, fs, gs;
	/*
	 * Non-zero: the thread has set gs_base itself, even if to 0. Otherwise the stub may lend it
	 * the control page's address as gs base.
	 */
	u64 own_gs;
	/*
	 * Address of the AIO ring whose io_getevents() the stub can answer (arch.h's ring_offer()),
	 * or 0. Untrusted, as a register is.
	 */
	u64 ring;
};

/* Breakpoints and watchpoints of a thread, as x86's DR0 to DR3 and DR7; dr7 0: none. */
struct debug_regs {
	u64 addr[4], dr7;
};

#define USER_CS 0x33
#define USER_SS 0x2b
#define USER32_CS 0x23 /* in case a 64-bit program jumps to it */
#define CPU_SEG 0x7b   /* its limit is the number of the vCPU */
#define SEL_LDT 4      /* selector bit: selects the LDT */

/*
 * A guest thread's FPU state. While @runner is set, the current state is in that runner's newest
 * frame; skas_fpu_save() copies it to @area and clears @runner. @area is xstate_size bytes in
 * XSAVE's standard format, 64-byte aligned. Owned by the vCPU that runs the task; saved whenever
 * the task leaves its vCPU.
 */
struct runner;
struct fpu {
	u8 *area;
	struct runner *runner;
};

/* Results that the stub returns for getpid() and related calls. */
struct answers {
	/* Non-zero; sets with equal ids have equal contents. */
	u64 id;
	u32 pid, tid, ppid, uid, euid, gid, egid;
};

extern u32 xstate_size; /* bytes of @area; set once by skas_init */

#endif
