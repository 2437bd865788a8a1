/* SPDX-License-Identifier: MIT */
/* The agent as bytes in afl-nestling; AGENT_PATH comes from mk/tools.mk. */
	.section .rodata
	.globl agent_start, agent_end
	.balign 16
agent_start:
	.incbin AGENT_PATH
agent_end:
	.section .note.GNU-stack, "", @progbits
