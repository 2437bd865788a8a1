/* SPDX-License-Identifier: MIT */
/* start.S: from the host world's main() to arch_main() on vCPU 0's boot stack; machine/switch.S goes over. */
#include "arch/um/layout.h"

	.text

/* arch_start(argc, argv, envp): host world's main() to vCPU 0's boot stack. */
	.globl arch_start
	.type arch_start, @function
arch_start:
	mov $boot_area + KSTACK_ALIGN - 1, %rax
	and $-KSTACK_ALIGN, %rax
	mov $arch_main, %r8
	jmp arch_go_over
	.size arch_start, . - arch_start

	.section .note.GNU-stack, "", @progbits
