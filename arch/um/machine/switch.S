/* SPDX-License-Identifier: MIT */
/*
 * switch.S: changes from host stacks to kernel stacks, and from one kernel stack to another.
 *
 * The change from the host leaves the host's stack pointer in struct kstack_head, where the doors
 * find it. It never returns: a vCPU's host thread runs the kernel world until the process ends.
 */
#include "arch/um/layout.h"

	.text
	.cfi_sections .debug_frame

/*
 * vcpu_enter(block): calls vcpu_main() on the stack of the vCPU's idle task, which lies in @block;
 * does not return. The caller is the vCPU's host thread.
 */
	.globl vcpu_enter
	.type vcpu_enter, @function
vcpu_enter:
	mov %rdi, %rax
	mov $vcpu_main, %r8
	.globl arch_go_over
/*
 * Calls the function in r8 on the kernel stack whose block is in rax, with its arguments in rdi,
 * rsi and rdx, which stay unchanged.
 */
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

/*
 * machine_park(u64 *sp, u64 (*fn)(void *), void *arg): saves this vCPU's stack pointer in *sp, and
 * returns fn(arg). In a process that continues from a saved state it returns a second time, with
 * ~0, by arch_unpark(*sp).
 */
	.globl machine_park
	.type machine_park, @function
machine_park:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	sub $8, %rsp
	mov %rdx, %rdi
	call *%rsi
	add $8, %rsp
unpark:	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size machine_park, . - machine_park

/*
 * arch_unpark(sp): a vCPU's host thread continues at the stack pointer that machine_park() saved.
 */
	.globl arch_unpark
	.type arch_unpark, @function
arch_unpark:
	mov %rdi, %rax
	and $-KSTACK_ALIGN, %rax
	and $-16, %rsp
	mov %rsp, KSTACK_SIZE + KSTACK_HEAD_HOST_SP(%rax)
	mov %rdi, %rsp
	mov $-1, %rax
	jmp unpark
	.size arch_unpark, . - arch_unpark

/*
 * switch_stack(u64 *save_sp, u64 load_sp, prev): saves the stack pointer in *save_sp and continues
 * the task whose stack pointer is load_sp. That task's own call of switch_stack() returns the prev
 * of this call.
 */
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

/*
 * Begins a new task: rax is the task that ran before, rbx the function that the new task runs, r12
 * the function's argument. switch_stack() took rbx and r12 from the stack (struct first_frame).
 */
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
