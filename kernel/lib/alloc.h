/* SPDX-License-Identifier: MIT */
/*
 * alloc.h: the part of the slab allocator's door (kernel/mm) that kernel/lib itself needs. mm
 * implements it; lib is below mm and must not include its door. @gfp: 0 may sleep, 1 (GFP_ATOMIC)
 * may not.
 */
#ifndef NESTLING_LIB_ALLOC_H
#define NESTLING_LIB_ALLOC_H

#include "kernel/lib/types.h"
#include <asm/errno.h>

void *kmalloc(size_t n, u32 gfp);
void *kzalloc(size_t n, u32 gfp);
void kfree(const void *p);

#endif
