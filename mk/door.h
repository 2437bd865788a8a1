/* SPDX-License-Identifier: MIT */
/*
 * A door: the way out of the kernel world. `DOOR X` defines door_X, which runs the host world's X
 * on the vCPU's host stack and returns. The host stack is found from the kernel stack: stacks are
 * aligned to KSTACK_ALIGN, the guard is the lower half, and struct kstack_head lies at the bottom
 * of the upper half:
 *
 *	(rsp & -KSTACK_ALIGN) + KSTACK_SIZE:  struct task *task;  u64 host_sp;
 *
 * Invariants: at most six arguments, all of them integers or pointers; the result is in rax (and
 * rdx); host_sp is aligned to 16; the caller is on a kernel stack; X never calls back into the
 * kernel world through another door.
 *
 * A door first tests whether it is to be counted (arch/um/machine/doors.c). It keeps the chain of
 * frame pointers, so a back-trace crosses it. For gdb a door is marked as a signal handler: gdb
 * takes any other frame whose caller lies on a lower stack for the end of a damaged stack.
 */
/* clang-format off */
#include "arch/um/layout.h"

	.section .kbss, "aw", @nobits
	.globl door_counting, door_counts
	.balign 64
door_counting:
	.zero 64
door_counts:
	.zero 8 * MAX_DOORS

	.text
	.cfi_sections .debug_frame
	.set doors, 0
	.macro DOOR name
	.globl door_\name
	.type door_\name, @function
	.balign 16
door_\name:
	.cfi_startproc
	.cfi_signal_frame
	cmpb $0, door_counting(%rip)
	jne 2f
1:	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	mov %rsp, %r10
	and $-KSTACK_ALIGN, %r10
	mov KSTACK_SIZE + 8(%r10), %rsp
	xor %eax, %eax
	call \name
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
2:	lock incq door_counts + 8 * doors(%rip)
	jmp 1b
	.cfi_endproc
	.size door_\name, . - door_\name
	.set doors, doors + 1
	.if doors > MAX_DOORS
	.error "more doors than MAX_DOORS"
	.endif
	.pushsection .rodata.str1.1, "aMS", @progbits, 1
9:	.asciz "\name"
	.popsection
	.pushsection door_names, "a", @progbits
	.quad 9b
	.popsection
	.endm

	.section .note.GNU-stack, "", @progbits
	.text
