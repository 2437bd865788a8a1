/* SPDX-License-Identifier: MIT */
/*
 * ldt.h: a program's own segments: the interface of modify_ldt(2)'s file for the files that load
 * segments for guest code. An entry may be changed by another thread meanwhile (modify_ldt(2)).
 */
#ifndef NESTLING_LDT_H
#define NESTLING_LDT_H

#include "kernel/lib/regs.h"

struct ldt;
struct space;

/* Queues orders for all entries in a space that is new to the mm. @l not NULL. pmap->lock held. */
void ldt_install(const struct ldt *l, struct space *s);
/*
 * Replaces by 0, before guest code runs, each of ds, es, fs and gs that names no loadable segment,
 * as Linux does when it switches to a task.
 */
void ldt_check(const struct ldt *l, struct regs *r);
/*
 * Returns the linear address, of 32 bits, of @offset in a segment of the table. Without a table or
 * such a segment the base is 0.
 */
u64 ldt_linear(const struct ldt *l, u64 selector, u64 offset);

#endif
