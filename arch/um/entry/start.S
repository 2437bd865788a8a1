/* SPDX-License-Identifier: MIT */
/*
 * start.S: enters the kernel world: main(), in the host world, calls arch_start(), which calls
 * arch_main() on vCPU 0's boot stack. arch_go_over() in machine/switch.S changes the stack.
 */
#include "arch/um/layout.h"

	.text

/* arch_start(argc, argv, envp): calls arch_main() on vCPU 0's boot stack; does not return. */
	.globl arch_start
	.type arch_start, @function
arch_start:
	mov $boot_area + KSTACK_ALIGN - 1, %rax
	and $-KSTACK_ALIGN, %rax
	mov $arch_main, %r8
	jmp arch_go_over
	.size arch_start, . - arch_start

	.section .note.GNU-stack, "", @progbits
