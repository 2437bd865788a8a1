/* SPDX-License-Identifier: MIT */
/* sigselect.h: the order in which pending signals are delivered. */
#ifndef NESTLING_TASK_SIGSELECT_H
#define NESTLING_TASK_SIGSELECT_H

#include "kernel/lib/types.h"

/*
 * Returns the number of the signal to be delivered first: one that is in @pending and not in @mask,
 * both masks of signals; or 0.
 */
int next_signal(u64 pending, u64 mask);

#endif
