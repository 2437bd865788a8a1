/* SPDX-License-Identifier: MIT */
/* regs.c: the variable of regs.h. */
#include "kernel/lib/regs.h"

u32 xstate_size; /* set once, by skas_init() */
