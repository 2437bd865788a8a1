/* SPDX-License-Identifier: MIT */
/*
 * insn.c: helpers for the files that execute an instruction on behalf of guest code.
 *
 * Locks: none.
 */
#include <asm/signal.h>

#include "arch/um/entry/insn.h"
#include "arch/um/internal.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/sched/sched.h"
#include "kernel/task/entry.h"

#define TRAP_TRACE_CODE 2 /* TRAP_TRACE of <asm-generic/siginfo.h> */

u32 insn_read(u64 at, u8 *code)
{
	u32 first = (u32)min(PAGE_SIZE - at % PAGE_SIZE, (u64)INSN_MAX);

	if (copy_from_user(code, UADDR(at), first))
		return 0;
	/*
	 * The next page is read only if it is present. If the instruction continues there, the
	 * processor has just fetched from that page, so it is present.
	 */
	if (first < INSN_MAX &&
		!copy_from_user_nofault(code + first, UADDR(at + first), INSN_MAX - first))
		first = INSN_MAX;
	return first;
}

void insn_stepped(struct task *t)
{
	struct regs *r = &t->arch.regs;

	if (t->hw_debug && hw_debug_trap(r, TRAPNO_DB, 0))
		return;
	if (!(r->eflags & EFLAGS_TF))
		return;
	t->arch.trapno = TRAPNO_DB;
	t->arch.error = 0;
	force_sig_fault(SIGTRAP, TRAP_TRACE_CODE, r->rip, TRAPNO_DB, 0);
}
