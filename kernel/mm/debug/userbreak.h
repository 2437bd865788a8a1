/* SPDX-License-Identifier: MIT */
/*
 * userbreak.h: breakpoints in guest programs, set by a debugger that has the kernel under gdb
 * (`nest ubreak` of tools/gdb). The debugger writes the table; the kernel applies it from entry.c,
 * when a task enters guest code and returns from it.
 */
#ifndef NESTLING_USERBREAK_H
#define NESTLING_USERBREAK_H

#include "kernel/lib/regs.h"
#include "kernel/mm/mm.h"

struct user_break {
	/*
	 * written by the debugger, which stops all tasks before it writes; an entry without mm is
	 * free, so mm is set first
	 */
	struct mm *mm;
	u64 addr;
	bool wanted;
	/* the kernel's, under its lock */
	bool in;     /* the breakpoint instruction is in memory */
	bool failed; /* there is no memory that could be written */
	bool armed, stepped;
	u8 was;
	/* the task that steps over the instruction, while the breakpoint is not in memory */
	struct task *stepper;
};

/* set by the debugger; without it breakpoints cost no more than the test of this flag */
extern u32 user_breaks_on;

void user_breaks_enter(struct regs *r);            /* current goes to guest code. May sleep */
void user_breaks_leave(struct regs *r);            /* it has come back */
bool user_breaks_trap(struct regs *r, int trapno); /* with that trap: true: it was the table's */
void user_breaks_fork(struct mm *new, struct mm *old);
void user_breaks_task_gone(const struct task *t); /* it gives its mm up */
void user_breaks_mm_gone(const struct mm *mm);

#endif
