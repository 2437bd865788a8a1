/* SPDX-License-Identifier: MIT */
/*
 * libgcc.c: helper functions that gcc calls for operations without an instruction in baseline
 * x86-64.
 */
#include "kernel/lib/types.h"

int __popcountdi2(u64 v);
int __popcountdi2(u64 v)
{
	v -= v >> 1 & 0x5555555555555555;
	v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (int)(v * 0x0101010101010101 >> 56);
}
