/* SPDX-License-Identifier: MIT */
/*
 * stub.S: the kernel's own code in a guest's address space: the mapper, the set-up of a runner, the
 * signal handlers of a runner and its hand-off to the kernel.
 *
 * Invariants:
 * 1. No code of the stub depends on memory that a guest can write, except a runner on its own
 *    behalf. The mapper lives in registers and reads the order area, which is read-only in the
 *    space. A new runner uses registers and read-only memory until its filter is in place, or on a
 *    host without filters until it is traced. A signal before that ends the runner, since it has no
 *    stack yet.
 * 2. Every address is relative to rip: the window may be at any address.
 * 3. Each slot has a system call instruction of its own (futex_gates) and its filter admits only
 *    the address behind it. So the code behind the instruction knows by constants alone which
 *    runner it is. It trusts no register.
 * 4. There is no rt_sigreturn: handlers leave by xrstor and iretq, so a guest cannot change its
 *    signal mask.
 *
 * States of a runner, by rip (the rules for kicks at in_stub use these labels):
 *
 *      guest ---signal---> h_all .. wait_turn     entry: registers go to the control page; an event
 *                                                 is on its way
 *      wait_turn .. go                            the kernel has the turn (or has just given it
 *                                                 back)
 *      go .. go_live                              leaving; the FPU state is still in the saved
 *                                                 frame (EXIT_FRAME, EXIT_SWAP), or it is live
 *      go_live .. go_end                          leaving; the FPU state is live, the control page
 *                                                 holds the registers
 *      ring_take .. ring_end                      within go_live .. go_end: io_getevents is
 *                                                 answered, or not
 *      tramp .. h_all                             entry by a patched call, or EXIT_SAVE; an event
 *                                                 is on its way
 *      ring_no .. in_stub                         io_getevents goes to the kernel; an event is on
 *                                                 its way
 *      answer_take .. answer_end                  within tramp .. h_all: a call is answered, or not
 */
#include "skas/stub_abi.h"
#include "skas/stub/host.inc"
#include <asm/prctl.h>
#include <asm/unistd.h>

	.section .stub, "ax"
	.globl stub_text
stub_text:

#include "skas/stub/mapper.inc"
#include "skas/stub/runner.inc"

/*
 * ---- a patched call site ----
 *
 * Entered from a thunk: r11 points to its record (T_*), rcx is free. All other registers are the
 * guest's, flags and stack included. gs base leads to the control page, unless the guest has set
 * its own. In that case bits 24 to 55 differ from the window's, since a guest can map nothing in
 * the window's 16 MiB; skas_init() writes the window's negated bits into the lea. No flag changes
 * before the jecxz.
 *
 * Without FSGSBASE, skas_init() replaces the three instructions that need it. The address of the
 * control page is then read from the page itself. If gs base leads nowhere, the read faults, and
 * in_stub sends the call to the kernel by the thunk's own system call instruction.
 */
	/* writes only a register that has changed: an unwritten line stays in both caches */
	.macro KEEP reg, at
	cmp \reg, \at(%rbx)
	je keep\@
	mov \reg, \at(%rbx)
keep\@:
	.endm

	.balign 64
	.globl tramp
	.globl tramp_window
tramp:
	rdgsbase %rcx				/* tramp_find_rcx, without FSGSBASE */
	.nops 4
	rorx $24, %rcx, %rcx
tramp_window:
	.byte 0x8d, 0x89			/* lea disp32(%rcx), %ecx */
	.long 0
	jecxz 1f
	jmp *T_SYSCALL(%r11)
1:	mov %rbx, %gs:C_OWNRBX
	mov %rsp, %gs:C_OWNRSP
	.globl tramp_rbx
tramp_rbx:
	rdgsbase %rbx				/* tramp_find_rbx */
	.nops 4
	lea C_OWNFLAGS + 8(%rbx), %rsp
	pushfq
	lea SLOT_STRIDE - SLOT_CTL - ALT_TOP(%rbx), %rsp
	mov %eax, %ecx
	cmp $ANSWERS, %ecx
	jae call
	cmpl $NO_ANSWER, C_ANSWERS(%rbx, %rcx, 4)
	je call

/*
 * Answers getpid() and similar calls, and sched_yield(), without a hand-off if the kernel has
 * allowed it. Until the last jump no effect is visible: if a signal arrives before it, the call
 * goes to the kernel (in_stub). The answer is as of the read of C_KNOWN.
 */
	mov %rax, C_OWNRAX(%rbx)
	mov %r11, C_OWNR11(%rbx)
answer_take:
	mov $KNOWN_SELF, %eax
	cmp $__NR_sched_yield, %ecx
	jne 1f
	mov $KNOWN_YIELD, %eax
	decl C_YIELDS(%rbx)
	jns 1f
	movl $YIELDS, C_YIELDS(%rbx)
	jmp answer_no
1:	test %eax, C_KNOWN(%rbx)
	jz answer_no
	mov C_ANSWERS(%rbx, %rcx, 4), %eax
	mov T_RESUME(%r11), %rcx
	mov %rcx, C_JUMP(%rbx)
	mov T_RET(%r11), %rcx
	lea C_OWNFLAGS(%rbx), %rsp
	popfq
	mov C_OWNFLAGS(%rbx), %r11
	mov C_OWNRSP(%rbx), %rsp
	mov C_OWNRBX(%rbx), %rbx
	jmp *%gs:C_JUMP
answer_end:

/* Only rbx is valid here: in_stub comes here from any instruction since answer_take. */
answer_no:
	lea SLOT_STRIDE - SLOT_CTL - ALT_TOP(%rbx), %rsp
	mov C_OWNRAX(%rbx), %rax
	mov C_OWNR11(%rbx), %r11
call:
	KEEP %r15, C_R15
	KEEP %r14, C_R14
	KEEP %r13, C_R13
	KEEP %r12, C_R12
	KEEP %rbp, C_RBP
	KEEP %r10, C_R10
	KEEP %r9, C_R9
	KEEP %r8, C_R8
	KEEP %rsp, C_FRSP
	mov C_OWNRBX(%rbx), %rcx
	KEEP %rcx, C_RBX
	mov C_OWNRSP(%rbx), %rcx
	KEEP %rcx, C_RSP
	.globl tramp_fs
tramp_fs:
	rdfsbase %rcx				/* tramp_skip */
	KEEP %rcx, C_FS
tramp_fs_end:
	mov T_RESUME(%r11), %rcx
	mov %rcx, C_JUMP(%rbx)
	mov %rdi, C_RDI(%rbx)
	mov %rsi, C_RSI(%rbx)
	mov %rdx, C_RDX(%rbx)
	mov %rax, C_RAX(%rbx)
	mov T_RET(%r11), %rcx
	mov %rcx, C_RIP(%rbx)
	mov C_OWNFLAGS(%rbx), %rcx
	mov %rcx, C_EFLAGS(%rbx)
	movl $EXIT_IRET, C_EXIT(%rbx)
	movl $EVT_CALL, C_EV(%rbx)
	cmp $__NR_io_getevents, %eax
	je ring_take
call_kernel:
	cmp %eax, C_CALLNR(%rbx)
	jne handoff

	/*
	 * The kernel will probably need the FPU state of this call, as it did for the last one with
	 * that number.
	 */
	mov C_CALLFP(%rbx), %rdi
	ALL_STATES xsave64
	mov %rdi, C_FP(%rbx)
	movl $EVT_CALL_SAVED, C_EV(%rbx)
	jmp handoff

/* EXIT_SAVE: the kernel needs the live FPU state. */
save_fpu:
	mov C_SAVE(%rbx), %rdi
	ALL_STATES xsave64
	mov %rdi, C_FP(%rbx)
	movl $EVT_SAVED, C_EV(%rbx)
	jmp handoff

/*
 * ---- entry for every signal of a runner: edi signal, rsi siginfo, rdx ucontext, rsp in its alt
 * stack ----
 */
	.balign 64
	.globl h_all
h_all:
	pushq $FLAGS_CLEAN
	popfq
	mov %rsp, %rbx
	and $-SLOT_STRIDE, %rbx
	add $SLOT_CTL, %rbx
	mov UC_RIP(%rdx), %rcx
	lea stub_text(%rip), %rax
	mov %rcx, %r8
	sub %rax, %r8
	cmp $STUB_TEXT_SIZE, %r8
	jb in_stub

	mov UC_R15(%rdx), %rax
	mov %rax, C_R15(%rbx)
	mov UC_R14(%rdx), %rax
	mov %rax, C_R14(%rbx)
	mov UC_R13(%rdx), %rax
	mov %rax, C_R13(%rbx)
	mov UC_R12(%rdx), %rax
	mov %rax, C_R12(%rbx)
	mov UC_R11(%rdx), %rax
	mov %rax, C_R11(%rbx)
	mov UC_R10(%rdx), %rax
	mov %rax, C_R10(%rbx)
	mov UC_R9(%rdx), %rax
	mov %rax, C_R9(%rbx)
	mov UC_R8(%rdx), %rax
	mov %rax, C_R8(%rbx)
	mov UC_RBP(%rdx), %rax
	mov %rax, C_RBP(%rbx)
	mov UC_RDI(%rdx), %rax
	mov %rax, C_RDI(%rbx)
	mov UC_RSI(%rdx), %rax
	mov %rax, C_RSI(%rbx)
	mov UC_RDX(%rdx), %rax
	mov %rax, C_RDX(%rbx)
	mov UC_RCX(%rdx), %rax
	mov %rax, C_RCX(%rbx)
	mov UC_RBX(%rdx), %rax
	mov %rax, C_RBX(%rbx)
	mov UC_RAX(%rdx), %rax
	mov %rax, C_RAX(%rbx)
	mov %rcx, C_RIP(%rbx)
	movzwl UC_CS(%rdx), %eax
	mov %rax, C_CS(%rbx)
	mov UC_EFLAGS(%rdx), %rax
	mov %rax, C_EFLAGS(%rbx)
	mov UC_RSP(%rdx), %rax
	mov %rax, C_RSP(%rbx)
	movzwl UC_SS(%rdx), %eax
	mov %rax, C_SS(%rbx)
	movq $0, C_STUBRIP(%rbx)
	mov %ds, C_DS(%rbx)
	mov %es, C_ES(%rbx)
	mov %fs, C_FSSEL(%rbx)
	mov %gs, C_GSSEL(%rbx)
	testl $OF_FSGSBASE, stub_text + STUB_ORDERS + O_FLAGS(%rip)
	jz h_event				/* the kernel knows the bases */
	rdfsbase %rax
	mov %rax, C_FS(%rbx)
	rdgsbase %rax
	mov %rax, C_GS(%rbx)

/* The control page holds the registers, this frame the FPU state. */
h_event:
	movl $EXIT_FRAME, C_EXIT(%rbx)
	mov UC_FPSTATE(%rdx), %rax
	mov %rax, C_FP(%rbx)
	mov UC_ERR(%rdx), %rax
	mov %rax, C_ERROR(%rbx)
	mov UC_TRAPNO(%rdx), %rax
	mov %rax, C_TRAPNO(%rbx)
	mov UC_CR2(%rdx), %rax
	mov %rax, C_CR2(%rbx)
	mov SI_ADDR(%rsi), %rax
	mov %rax, C_SIADDR(%rbx)
	mov SI_SYS(%rsi), %rax
	mov %rax, C_SYS(%rbx)
	mov SI_CODE(%rsi), %eax
	mov %eax, C_CODE(%rbx)
	mov %rsp, C_FRSP(%rbx)
	mov %edi, C_EV(%rbx)

/* ---- hand-off: rbx is the control page ---- */
handoff:
	xor %eax, %eax
	xchg %eax, C_TURN(%rbx)
wait_turn:
	cmpl $0, C_KWAIT(%rbx)
	je wait_spin
	lea C_TURN(%rbx), %rdi
	mov $FUTEX_WAKE, %esi
	mov $1, %edx
	jmp call_futex
wait_spin:
	mov C_RSPIN(%rbx), %ecx
1:	mov C_TURN(%rbx), %edx
	cmp $TURN_RUN, %edx
	je go
	cmp $TURN_PARK, %edx
	je wait_sleep
	mov C_RPAUSE(%rbx), %esi
3:	pause
	dec %esi
	jg 3b
	dec %ecx
	jg 1b
wait_sleep:
	WORDS rdi
	mov C_PASS(%rbx), %eax
	test %eax, %eax
	jnz pass
	mov O_WORD + stub_text + STUB_ORDERS(%rip), %eax
	add %rax, %rdi
	mov (%rdi), %r10d			/* the waker changes this word first */
	movl $1, C_RSLEEP(%rbx)
	/*
	 * A full barrier: the waker writes the turn word before it reads C_RSLEEP. So either the
	 * waker sees the flag, or this runner sees the changed turn word.
	 */
	lock orl $0, C_RSLEEP(%rbx)
	cmp %edx, C_TURN(%rbx)
	jne awake
	mov %r10d, %edx
	mov $FUTEX_WAIT, %esi
	jmp call_futex

/* Wakes the next runner, which uses this CPU, before this runner sleeps. */
pass:
	movl $0, C_PASS(%rbx)
	and $WORDS_SIZE - 4, %eax
	add %rax, %rdi
	mov $FUTEX_WAKE, %esi
	mov $1, %edx

/* Makes a futex call through the gate of this slot. rdi: word, esi: operation, edx: value. */
call_futex:
	lea stub_text + STUB_SLOTS(%rip), %rax
	mov %rbx, %rcx
	sub %rax, %rcx
	shr $SLOT_SHIFT, %rcx
	shl $4, %ecx				/* size of a gate */
	lea futex_gates(%rip), %rax
	add %rax, %rcx
	mov $__NR_futex, %eax
	xor %r10d, %r10d
	jmp *%rcx

	.balign 16
	.globl futex_gates
futex_gates:
	.set slot, 0
	.rept STUB_MAX_SLOTS
	.balign 16
	syscall
	lea stub_text + STUB_SLOTS + slot * SLOT_STRIDE + SLOT_CTL(%rip), %rbx
	jmp after_futex
	.set slot, slot + 1
	.endr

/* Only rbx is known here: a guest may have jumped to the gate itself. */
after_futex:
	mov C_FRSP(%rbx), %rsp
	pushq $FLAGS_CLEAN
	popfq
	cmpl $0, C_RSLEEP(%rbx)
	je wait_spin				/* the call woke the kernel or a runner */
/*
 * The turn word changed before this runner slept, or the runner was woken, perhaps spuriously. If
 * it does not have the turn, it sleeps again at once: spinning is not worthwhile.
 */
awake:
	movl $0, C_RSLEEP(%rbx)
	mov C_TURN(%rbx), %edx
	cmp $TURN_RUN, %edx
	je go
	jmp wait_sleep

/* ---- the kernel gave the turn: back to the guest ---- */
go:
	mov C_EXIT(%rbx), %eax
	cmp $EXIT_JUMP, %eax
	je go_jump
	cmp $EXIT_SAVE, %eax
	je save_fpu
	cmp $EXIT_SWAP, %eax
	jne 1f
	mov C_SAVE(%rbx), %rdi
	ALL_STATES xsave64
	movl $EXIT_FRAME, C_EXIT(%rbx)
	movq $0, C_SAVE(%rbx)
1:	cmpl $0, C_SEGS(%rbx)
	je 1f
	/* a load faults if a sibling has removed the segment; in_stub handles that */
go_segs:
	mov C_DS(%rbx), %ds
	mov C_ES(%rbx), %es
	mov C_FSSEL(%rbx), %fs
	mov C_GSSEL(%rbx), %gs
go_segs_end:
	movl $BASE_FS | BASE_GS, C_BASES(%rbx)	/* a selector changes its base */
1:	testl $OF_FSGSBASE, stub_text + STUB_ORDERS + O_FLAGS(%rip)
	jz load_bases
	mov C_FS(%rbx), %rax
	wrfsbase %rax
	mov C_GS(%rbx), %rax
	wrgsbase %rax
bases_loaded:
	cmpl $EXIT_IRET, C_EXIT(%rbx)
	je 1f
	mov C_FP(%rbx), %rdi
	ALL_STATES xrstor64
	jmp go_live
1:	pushq $FLAGS_CLEAN			/* iretq fails with NT set */
	popfq
	jmp go_live

/*
 * Without FSGSBASE in seccomp mode, the host loads the bases that C_BASES names, one by one. A bit
 * is cleared after its call, so a kick at any time leaves none out. A selector other than 0 to 3
 * has brought its own base, and the call would set the selector to 0.
 */
load_bases:
	testl $OF_BASES, stub_text + STUB_ORDERS + O_FLAGS(%rip)
	jz bases_loaded				/* the kernel loads them by ptrace */
	mov C_BASES(%rbx), %eax
	mov C_FS(%rbx), %rsi
	movzwl C_FSSEL(%rbx), %ecx
	mov $ARCH_SET_FS, %edi
	mov $BASE_FS, %edx
	test %edx, %eax
	jnz 1f
	mov C_GS(%rbx), %rsi
	movzwl C_GSSEL(%rbx), %ecx
	mov $ARCH_SET_GS, %edi
	mov $BASE_GS, %edx
	test %edx, %eax
	jz bases_loaded
1:	mov %edx, C_BASENOW(%rbx)
	cmp $3, %ecx
	ja base_loaded
	lea stub_text + STUB_SLOTS(%rip), %rax
	mov %rbx, %rcx
	sub %rax, %rcx
	shr $SLOT_SHIFT, %rcx
	shl $4, %ecx				/* size of a gate */
	lea base_gates(%rip), %rax
	add %rax, %rcx
	mov $__NR_arch_prctl, %eax
	jmp *%rcx

	.balign 16
	.globl base_gates
base_gates:
	.set slot, 0
	.rept STUB_MAX_SLOTS
	.balign 16
	syscall
	lea stub_text + STUB_SLOTS + slot * SLOT_STRIDE + SLOT_CTL(%rip), %rbx
	jmp after_base
	.set slot, slot + 1
	.endr

/* Only rbx is known here: a guest may have jumped to the gate itself. */
after_base:
	mov C_FRSP(%rbx), %rsp
	pushq $FLAGS_CLEAN
	popfq
base_loaded:
	mov C_BASENOW(%rbx), %eax
	not %eax
	and %eax, C_BASES(%rbx)
	jmp load_bases

go_live:
	lea C_IRET + IRET_SIZE(%rbx), %rsp
	pushq C_SS(%rbx)
	pushq C_RSP(%rbx)
	pushq C_EFLAGS(%rbx)
	pushq C_CS(%rbx)
	pushq C_RIP(%rbx)
	mov C_R15(%rbx), %r15
	mov C_R14(%rbx), %r14
	mov C_R13(%rbx), %r13
	mov C_R12(%rbx), %r12
	mov C_R11(%rbx), %r11
	mov C_R10(%rbx), %r10
	mov C_R9(%rbx), %r9
	mov C_R8(%rbx), %r8
	mov C_RBP(%rbx), %rbp
	mov C_RDI(%rbx), %rdi
	mov C_RSI(%rbx), %rsi
	mov C_RDX(%rbx), %rdx
	mov C_RCX(%rbx), %rcx
	mov C_RAX(%rbx), %rax
	mov C_RBX(%rbx), %rbx
	iretq

/*
 * io_getevents through a patched site. If the kernel has named the ring and it has enough events,
 * they are taken without a hand-off. The control page holds the registers as the kernel will need
 * them. rdi: the ring, rsi: minimum number, rdx: maximum, r10: buffer, r8: timeout.
 *
 * There is no effect until the new head is stored. Any signal before that, a kick or a fault of the
 * ring's or the caller's memory, sends the call to the kernel (in_stub). After that the control
 * page has the call's result.
 */
ring_take:
	test %rdi, %rdi
	jz ring_no
	cmp %rdi, C_RING(%rbx)
	jne ring_no
	cmpl $RING_MAGIC, RING_MAGIC_AT(%rdi)
	jne ring_no
	/* the timeout itself does not matter, but it must be readable */
	test %r8, %r8
	jz 1f
	mov (%r8), %rax
	mov 8(%r8), %rax
1:	mov RING_NR(%rdi), %r11d
	mov RING_HEAD(%rdi), %ecx
	mov RING_TAIL(%rdi), %eax
	cmp %r11d, %ecx
	jae ring_no
	cmp %r11d, %eax
	jae ring_no
	sub %ecx, %eax
	je ring_no
	jae 2f
	add %r11d, %eax
2:	test %rsi, %rsi
	js ring_no				/* the kernel checks wrong arguments */
	cmp %rdx, %rsi
	jg ring_no
	test %rdx, %rdx
	jz ring_no
	cmp %rsi, %rax
	jl ring_no				/* too few: the kernel sleeps */
	cmp %rdx, %rax
	cmovg %edx, %eax
	mov %eax, %esi
	mov %eax, %edx
3:	mov %ecx, %eax
	shl $EVENT_SHIFT, %rax
	lea RING_EVENTS(%rdi, %rax), %rax
	mov (%rax), %r8
	mov 8(%rax), %r9
	mov %r8, (%r10)
	mov %r9, 8(%r10)
	mov 16(%rax), %r8
	mov 24(%rax), %r9
	mov %r8, 16(%r10)
	mov %r9, 24(%r10)
	add $1 << EVENT_SHIFT, %r10
	inc %ecx
	cmp %r11d, %ecx
	jb 4f
	xor %ecx, %ecx
4:	dec %edx
	jnz 3b
	mov %rsi, C_RAX(%rbx)
	mov %ecx, RING_HEAD(%rdi)
ring_end:
	mov C_R8(%rbx), %r8
	mov C_R9(%rbx), %r9
/*
 * Restores the registers that the wait has used. rbx comes last; gs still points to the control
 * page.
 */
go_jump:
	pushq C_EFLAGS(%rbx)
	popfq
	mov C_RAX(%rbx), %rax
	mov C_RIP(%rbx), %rcx
	mov C_RDX(%rbx), %rdx
	mov C_RSI(%rbx), %rsi
	mov C_RDI(%rbx), %rdi
	mov C_R10(%rbx), %r10
	mov C_EFLAGS(%rbx), %r11
	mov C_RSP(%rbx), %rsp
	mov C_RBX(%rbx), %rbx
	jmp *%gs:C_JUMP
go_end:

ring_no:
	mov $__NR_io_getevents, %eax
	mov %rax, C_RAX(%rbx)
	jmp call_kernel

/* ---- a signal that interrupted the stub itself, at address rcx ---- */
in_stub:
	lea tramp(%rip), %rax
	cmp %rax, %rcx
	jne 1f
	cmp $SIGSEGV, %edi
	jne 1f
	/* the thread has a gs base of its own; its patched call becomes a system call */
	mov UC_R11(%rdx), %rax
	mov T_SYSCALL(%rax), %rax
	mov %rax, UC_RIP(%rdx)
	jmp resume

1:	lea answer_take(%rip), %rax
	cmp %rax, %rcx
	jb 1f
	lea answer_end(%rip), %rax
	cmp %rax, %rcx
	jae 2f
	lea answer_no(%rip), %rax
	mov %rax, UC_RIP(%rdx)
	mov %rbx, UC_RBX(%rdx)
	jmp resume

	/*
	 * A kick during entry: the stub does not answer the call but sends it to the kernel, or the
	 * kick would be lost.
	 */
1:	lea tramp(%rip), %rax
	cmp %rax, %rcx
	jb 1f
	movl $0, C_KNOWN(%rbx)
2:	lea call_kernel(%rip), %rax
	cmp %rax, %rcx
	jae 1f
	movq $0, C_RING(%rbx)

/* A ring that faulted is not tried again until the kernel has named it again. */
1:	lea ring_take(%rip), %rax
	cmp %rax, %rcx
	jb 1f
	lea ring_end(%rip), %rax
	cmp %rax, %rcx
	jae 1f
	movq $0, C_RING(%rbx)
	lea ring_no(%rip), %rax
	mov %rax, UC_RIP(%rdx)
	jmp resume

1:	lea go_live(%rip), %rax
	cmp %rax, %rcx
	jb 1f
	lea go_end(%rip), %rax
	cmp %rax, %rcx
	jae 1f
	/*
	 * Leaving, with a live FPU state, after a kick or a fault of iretq: the control page has
	 * the registers, this frame the FPU state. With EXIT_JUMP the page lacks rcx and r11, which
	 * get rip and eflags.
	 */
	lea ring_take(%rip), %rax
	cmp %rax, %rcx
	jb h_leaving
h_jumping:
	mov C_RIP(%rbx), %rax
	mov %rax, C_RCX(%rbx)
	mov C_EFLAGS(%rbx), %rax
	mov %rax, C_R11(%rbx)
h_leaving:
	mov %rcx, C_STUBRIP(%rbx)
	jmp h_event

	/* a segment was removed: treated as a kick, and the kernel finds out which one */
1:	lea go_segs(%rip), %rax
	cmp %rax, %rcx
	jb 1f
	lea go_segs_end(%rip), %rax
	cmp %rax, %rcx
	jae 1f
	mov $SIG_KICK, %edi
1:	cmp $SIG_KICK, %edi
	jne stub_broken
	lea wait_turn(%rip), %rax
	cmp %rax, %rcx
	jb resume				/* entry: an event is on its way */
	lea go_live(%rip), %rax
	cmp %rax, %rcx
	jae resume				/* ring_no, or handling an earlier kick */
	lea go(%rip), %rax
	cmp %rax, %rcx
	jae 2f
	cmpl $TURN_RUN, C_TURN(%rbx)
	/* the kernel has the turn: nothing to do */
	jne resume
	/*
	 * The turn was given and not used yet. Give it back, with the frame that holds the FPU
	 * state: this frame or the saved one.
	 */
2:	movl $0, C_RSLEEP(%rbx)			/* the interrupted code is abandoned */
	cmpl $EXIT_FRAME, C_EXIT(%rbx)
	je 4f
	cmpl $EXIT_SWAP, C_EXIT(%rbx)
	jne 3f
	/* the other task's state is saved first, from this frame */
	mov UC_FPSTATE(%rdx), %rdi
	ALL_STATES xrstor64
	mov C_SAVE(%rbx), %rdi
	ALL_STATES xsave64
	movl $EXIT_FRAME, C_EXIT(%rbx)
	movq $0, C_SAVE(%rbx)
4:	mov C_FRSP(%rbx), %rsp
	mov %rcx, C_STUBRIP(%rbx)
	movl $SIG_KICK, C_EV(%rbx)
	jmp handoff
3:	cmpl $EXIT_JUMP, C_EXIT(%rbx)
	je h_jumping
	jmp h_leaving

/*
 * Returns to the instruction in the stub that the signal interrupted. The iret frame is built in
 * the frame's own slots of rsp, rip, flags, cs and err. So rsp never rises above this frame, and
 * another kick cannot overwrite an older one.
 */
resume:
	mov %rdx, %r8
	mov UC_FPSTATE(%r8), %rdi
	ALL_STATES xrstor64
	mov UC_RSP(%r8), %rax
	mov UC_RIP(%r8), %rcx
	mov %rcx, UC_RSP(%r8)
	mov %rax, UC_CS(%r8)			/* rsp slot of the iret frame */
	movq $USER_CS, UC_RIP(%r8)
	movq $USER_SS, UC_ERR(%r8)
	lea UC_R8(%r8), %rsp
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rax
	pop %rcx
	iretq

stub_broken:
	mov %rcx, C_STUBRIP(%rbx)
	mov UC_CR2(%rdx), %rax
	mov %rax, C_CR2(%rbx)
	mov %edi, C_CODE(%rbx)
	movl $EVT_BROKEN, C_EV(%rbx)
	jmp handoff

	.globl stub_end
stub_end:

/* ---- read-only data ---- */
	.section .stub.rodata, "a"
	.balign 64
	.globl stub_filters
stub_filters:
	.space FILTERS_SIZE
	.globl stub_xfeatures
stub_xfeatures:				/* written by skas_init() */
	.quad 0
/* what skas_init() writes to tramp, tramp_rbx and tramp_fs if the host has no FSGSBASE */
	.globl tramp_find_rcx
tramp_find_rcx:
	mov %gs:C_SELF, %rcx
	.globl tramp_find_rbx
tramp_find_rbx:
	mov %gs:C_SELF, %rbx
	.globl tramp_skip
tramp_skip:
	.byte 0xeb, tramp_fs_end - tramp_fs - 2	/* jmp tramp_fs_end */
	.globl stub_bytes
stub_bytes:
	.set n, 0
	.rept 256
	.byte n
	.set n, n + 1
	.endr

	.section .note.GNU-stack, "", @progbits
