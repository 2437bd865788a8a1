/* SPDX-License-Identifier: MIT */
/* The built-in init as bytes in nestctl; INIT_PATH comes from mk/tools.mk. */
	.section .rodata
	.globl init_start, init_end
	.balign 16
init_start:
	.incbin INIT_PATH
init_end:
	.section .note.GNU-stack, "", @progbits
