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
	 * Written by the debugger, while all tasks are stopped. An entry whose mm is NULL is free.
	 * The debugger sets @mm last, and clears @wanted to remove the breakpoint.
	 */
	struct mm *mm;
	u64 addr;
	bool wanted;
	/* the rest is written by the kernel, under its breaks_lock (@stepped also without it) */
	bool in;     /* the breakpoint instruction is in memory */
	bool failed; /* no memory could be written at addr */
	/*
	 * armed: the trap flag of the step is the kernel's, and not the program's own. stepped: the
	 * step's trap has come.
	 */
	bool armed, stepped;
	u8 was; /* the program's byte at addr */
	/*
	 * the task that steps over the instruction, while the breakpoint instruction is not in
	 * memory
	 */
	struct task *stepper;
};

/* set by the debugger; while 0, a breakpoint check costs only the test of this flag */
extern u32 user_breaks_on;

/* Called while user_breaks_on is set. All may sleep, except user_breaks_leave(). */
void user_breaks_enter(struct regs *r);            /* current is about to run guest code */
void user_breaks_leave(struct regs *r);            /* current has left guest code */
bool user_breaks_trap(struct regs *r, int trapno); /* true if the trap was a breakpoint's */
/* Restores the program's bytes in @new, which fork has copied from @old with the breakpoints. */
void user_breaks_fork(struct mm *new, struct mm *old);
void user_breaks_task_gone(const struct task *t); /* @t gives its mm up */
/* Frees the entries of @mm, whose last user has gone. */
void user_breaks_mm_gone(const struct mm *mm);

#endif
