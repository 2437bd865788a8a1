/* SPDX-License-Identifier: MIT */
/* oops.h: what the machine can tell of a task for people to read (oops.c). */
#ifndef NESTLING_OOPS_H
#define NESTLING_OOPS_H

struct task;

/* Where another task stands in the kernel, into the log; of one that is running, nothing. The caller holds a reference. */
void arch_dump_task(struct task *t);

#endif
