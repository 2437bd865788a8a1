/* SPDX-License-Identifier: MIT */
/*
 * inject.h: decides whether an allocation fails for the sake of a test (fault=). Only debug builds
 * let any fail.
 */
#ifndef NESTLING_MM_INJECT_H
#define NESTLING_MM_INJECT_H

#include "kernel/mm/mm.h"

/*
 * True if an allocation with @gfp by current must fail. Only allocations that may sleep fail, and
 * only those of guest processes.
 */
#ifdef CONFIG_DEBUG
bool alloc_should_fail(gfp_t gfp);
#else
static inline bool alloc_should_fail(gfp_t gfp)
{
	return false;
}
#endif

#endif
