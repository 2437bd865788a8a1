/* SPDX-License-Identifier: MIT */
/*
 * ldt.h: a program's own segments, between modify_ldt(2) and the files that load them for guest
 * code.
 */
#ifndef NESTLING_LDT_H
#define NESTLING_LDT_H

#include "kernel/lib/regs.h"

struct ldt;
struct space;

/* Queues all entries for a space that is new to the mm. Under pmap->lock. */
void ldt_install(const struct ldt *l, struct space *s);
/*
 * Replaces by 0, before guest code runs, each selector that names no loadable segment, as Linux
 * does when it switches to a task.
 */
void ldt_check(const struct ldt *l, struct regs *r);
/* Computes where the code at @offset of a segment of the table lies. */
u64 ldt_linear(const struct ldt *l, u64 selector, u64 offset);

#endif
