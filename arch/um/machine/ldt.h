/* SPDX-License-Identifier: MIT */
/*
 * ldt.h: segments of a program's own, between modify_ldt(2) and the files that bring it to guest
 * code.
 */
#ifndef NESTLING_LDT_H
#define NESTLING_LDT_H

#include "kernel/lib/regs.h"

struct ldt;
struct space;

/* A space that is new to the mm gets all entries, queued. Under pmap->lock. */
void ldt_install(const struct ldt *l, struct space *s);
/*
 * Before guest code: selectors that name nothing that can be loaded become 0, as on Linux when a
 * task is switched to.
 */
void ldt_check(const struct ldt *l, struct regs *r);
/* Where the code at @offset of a segment of the table lies. */
u64 ldt_linear(const struct ldt *l, u64 selector, u64 offset);

#endif
