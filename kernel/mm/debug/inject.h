/* SPDX-License-Identifier: MIT */
/*
 * inject.h: decides whether an allocation fails for the sake of a test (fault=). Only debug builds
 * let any fail.
 */
#ifndef NESTLING_MM_INJECT_H
#define NESTLING_MM_INJECT_H

#include "kernel/mm/mm.h"

/* True if the allocation must fail. Only those that may sleep do, and only of guests' processes. */
#ifdef CONFIG_DEBUG
bool alloc_should_fail(gfp_t gfp);
#else
static inline bool alloc_should_fail(gfp_t gfp)
{
	return false;
}
#endif

#endif
