/* SPDX-License-Identifier: MIT */
/* agent_blob.S: the agent of a build (agent/), which nestctl-image carries. */
	.section .rodata
	.globl	build_agent_start, build_agent_end
	.balign	16
build_agent_start:
	.incbin	AGENT_PATH
build_agent_end:
	.byte	0
	.section .note.GNU-stack,"",@progbits
