/* SPDX-License-Identifier: MIT */
/* fakes.h: what scheduler.c asks of the fakes of mm, skas and task. */
#ifndef NESTLING_TEST_SCHED_FAKES_H
#define NESTLING_TEST_SCHED_FAKES_H

#include "kernel/lib/types.h"

/* by kmalloc and not freed; under no lock: to be read when nobody else runs */
extern s64 allocated;
/* tasks of guests are not to go to a vCPU that is idle */
extern bool share_idle;
/* the host is busy: it takes half of each vCPU's time */
extern bool steal_half;

#endif
