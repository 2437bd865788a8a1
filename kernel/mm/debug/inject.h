/* SPDX-License-Identifier: MIT */
/*
 * inject.h: should this allocation fail for the sake of a test (fault=)? Never, but in debug
 * builds.
 */
#ifndef NESTLING_MM_INJECT_H
#define NESTLING_MM_INJECT_H

#include "kernel/mm/mm.h"

#ifdef CONFIG_DEBUG
bool alloc_should_fail(gfp_t gfp);
#else
static inline bool alloc_should_fail(gfp_t gfp)
{
	return false;
}
#endif

#endif
