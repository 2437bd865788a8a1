/* SPDX-License-Identifier: MIT */
/*
 * asan.h: the address sanitizer of MODE=asan. In other builds every function of this header is
 * empty.
 *
 * A shadow byte describes eight bytes of the direct map. 0: all are valid; 1 to 7: only that many
 * at the start are valid; above 0x7f: none is, and the value is the reason. The slab allocator
 * writes the shadow. gcc's -fsanitize=kernel-address calls this code before every load and store of
 * the kernel world, and string.c before its long copies. Memory outside the direct map is not
 * checked.
 */
#ifndef NESTLING_LIB_ASAN_H
#define NESTLING_LIB_ASAN_H

#include "kernel/lib/types.h"

enum {
	/* An object that is free. */
	ASAN_FREED = 0xfb,
	ASAN_REDZONE = 0xfc, /* behind an object */
};

#ifdef CONFIG_ASAN
/*
 * Sets the shadow memory for the first @size bytes of the direct map (arch/um/machine/asan.c).
 * Before this call nothing is checked.
 */
void asan_start(void *shadow, u64 size);
/*
 * Mark a range as invalid or valid. @p and @n are multiples of eight bytes. @why: ASAN_FREED or
 * ASAN_REDZONE.
 */
void asan_poison(const void *p, size_t n, u8 why);
void asan_unpoison(const void *p, size_t n);
/* Panics if a byte of the range is invalid. @write: how it is going to be accessed. */
void asan_check(const void *p, size_t n, bool write);
/*
 * Marks the first @used bytes of a block of @size bytes at @p as valid, the rest as redzone. @p and
 * @size are multiples of eight.
 */
void asan_object(const void *p, size_t used, size_t size);
#else
static inline void asan_poison(const void *p, size_t n, u8 why)
{
}
static inline void asan_unpoison(const void *p, size_t n)
{
}
static inline void asan_check(const void *p, size_t n, bool write)
{
}
static inline void asan_object(const void *p, size_t used, size_t size)
{
}
#endif

#endif
