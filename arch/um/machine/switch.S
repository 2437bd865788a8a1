/* SPDX-License-Identifier: MIT */
/*
 * switch.S: from host stacks to kernel stacks, and between kernel stacks.
 *
 * Going over from the host leaves the host's stack pointer in struct kstack_head, where the doors find it. It never comes back:
 * a vCPU's host thread runs the kernel world until the process ends.
 */
#include "arch/um/layout.h"

	.text
	.cfi_sections .debug_frame

/* vcpu_enter(block): a vCPU's host thread to its idle task's stack. */
	.globl vcpu_enter
	.type vcpu_enter, @function
vcpu_enter:
	mov %rdi, %rax
	mov $vcpu_main, %r8
	.globl arch_go_over
/* rax: the block of the kernel stack; r8: the function to call there, with rdi, rsi, rdx as they are. */
arch_go_over:
	.cfi_startproc
	.cfi_undefined %rip /* a stack begins here */
	and $-16, %rsp
	mov %rsp, KSTACK_SIZE + KSTACK_HEAD_HOST_SP(%rax)
	lea KSTACK_ALIGN - 16(%rax), %rsp
	xor %ebp, %ebp
	call *%r8
	ud2
	.cfi_endproc
	.size vcpu_enter, . - vcpu_enter

/* switch_stack(u64 *save_sp, u64 load_sp, prev): goes on where load_sp was saved, with this call's prev as the result. */
	.globl switch_stack
	.type switch_stack, @function
switch_stack:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	mov %rdx, %rax
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size switch_stack, . - switch_stack

/* The first words of a task: the task that ran before is in rax, what to do in rbx with r12. */
	.globl task_first
	.type task_first, @function
task_first:
	.cfi_startproc
	.cfi_undefined %rip
	mov %rax, %rdi
	call schedule_tail
	mov %r12, %rdi
	call *%rbx
	ud2
	.cfi_endproc
	.size task_first, . - task_first

	.section .note.GNU-stack, "", @progbits
