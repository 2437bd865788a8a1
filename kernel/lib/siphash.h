/* SPDX-License-Identifier: MIT */
/*
 * siphash.h: SipHash-2-4 (Aumasson, Bernstein 2012), a keyed hash of short messages that looks
 * random without the key.
 */
#ifndef NESTLING_LIB_SIPHASH_H
#define NESTLING_LIB_SIPHASH_H

#include "kernel/lib/types.h"

/* Returns the hash of the @n words at @words under the key @key. @n is at most 31. */
u64 siphash(const u64 key[2], const u64 *words, u32 n);

#endif
