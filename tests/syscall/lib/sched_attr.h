/* SPDX-License-Identifier: MIT */
/*
 * sched_attr.h: the argument of sched_setattr(2) and sched_getattr(2), which libc does not define.
 */
#ifndef TESTS_SYSCALL_SCHED_ATTR_H
#define TESTS_SYSCALL_SCHED_ATTR_H

#include "t.h"

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	/* ns */
	uint64_t runtime, deadline, period;
};

#endif
