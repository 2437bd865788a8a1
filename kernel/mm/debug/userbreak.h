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
	 * Written by the debugger, while all tasks are stopped. An entry whose mm is NULL is free,
	 * so the debugger sets mm first.
	 */
	struct mm *mm;
	u64 addr;
	bool wanted;
	/* written by the kernel, under its breaks_lock */
	bool in;     /* the breakpoint instruction is in memory */
	bool failed; /* no memory could be written at addr */
	bool armed, stepped;
	u8 was;
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
/* @new has copies of the breakpoint instructions of @old: restores its text. */
void user_breaks_fork(struct mm *new, struct mm *old);
void user_breaks_task_gone(const struct task *t); /* @t gives its mm up */
/* The last user of @mm has gone: frees its entries. */
void user_breaks_mm_gone(const struct mm *mm);

#endif
