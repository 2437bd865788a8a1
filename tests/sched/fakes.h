/* SPDX-License-Identifier: MIT */
/* fakes.h: variables of the fakes of mm, skas and task, for scheduler.c. */
#ifndef NESTLING_TEST_SCHED_FAKES_H
#define NESTLING_TEST_SCHED_FAKES_H

#include "kernel/lib/types.h"

/*
 * objects of kmalloc() that are not freed. fakes.c changes it with its lock held. The tests read it
 * without the lock, while no other thread runs.
 */
extern s64 allocated;
/* tasks of guests do not move to an idle vCPU */
extern bool share_idle;
/* the host is busy: it takes half of the time of each vCPU */
extern bool steal_half;

#endif
