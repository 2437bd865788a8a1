/* SPDX-License-Identifier: MIT */
/* regs.c: what all rooms know of the CPU's state (regs.h). */
#include "kernel/lib/regs.h"

u32 xstate_size; /* set once, by skas at the start */
