/* SPDX-License-Identifier: MIT */
/*
 * sigselect.c: which of several pending signals comes first. Pure: tests/unit/sigselect.c.
 *
 * Signals that an instruction has caused come before all others (their handler must see the
 * registers of that instruction), then the lowest number comes first. So standard signals come
 * before real-time signals (signal(7)).
 */
#include "kernel/task/signal/sigselect.h"

#define BIT_OF(sig) (1UL << ((sig)-1))

/* SIGILL 4, SIGTRAP 5, SIGBUS 7, SIGFPE 8, SIGSEGV 11, SIGSYS 31 */
#define SYNCHRONOUS (BIT_OF(4) | BIT_OF(5) | BIT_OF(7) | BIT_OF(8) | BIT_OF(11) | BIT_OF(31))

int next_signal(u64 pending, u64 mask)
{
	u64 ready = pending & ~mask;

	if (!ready)
		return 0;
	if (ready & SYNCHRONOUS)
		ready &= SYNCHRONOUS;
	return __builtin_ctzl(ready) + 1;
}
