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
	 * the debugger's, which stops everybody before it writes; mm first to be set: an entry
	 * without one is free
	 */
	struct mm *mm;
	u64 addr;
	bool wanted;
	/* the kernel's, under its lock */
	bool in;     /* the breakpoint instruction is in memory */
	bool failed; /* there is no memory that could be written */
	bool armed, stepped;
	u8 was;
	/* is stepping over it: it is not in memory meanwhile */
	struct task *stepper;
};

/* the debugger sets it: nothing of this costs more than its test before */
extern u32 user_breaks_on;

void user_breaks_enter(struct regs *r);            /* current goes to guest code. May sleep */
void user_breaks_leave(struct regs *r);            /* it has come back */
bool user_breaks_trap(struct regs *r, int trapno); /* with that trap: true: it was the table's */
void user_breaks_fork(struct mm *new, struct mm *old);
void user_breaks_task_gone(const struct task *t); /* it gives its mm up */
void user_breaks_mm_gone(const struct mm *mm);

#endif
