/* SPDX-License-Identifier: MIT */
/*
 * uninit.h: finds kernel memory that reaches guests uninitialised. Debug builds fill memory with
 * UNINIT_BYTE when it is allocated, and the unused part of the kernel stack when a system call
 * begins. Each copy to guest memory is searched for the byte. In other builds every function of
 * this header is empty.
 */
#ifndef NESTLING_MM_UNINIT_H
#define NESTLING_MM_UNINIT_H

#include "kernel/lib/types.h"

/* also the byte of gcc's -ftrivial-auto-var-init=pattern */
#define UNINIT_BYTE 0xfe

#if defined(CONFIG_DEBUG) && !defined(__NESTLING_UNIT__)
/* Fills the unused part of the stack with UNINIT_BYTE. */
void uninit_stack(void);
/*
 * Reports the first run of UNINIT_BYTE in @n bytes at @p that is too long to be chance. In a short
 * copy also reports the first 8-byte word that is a kernel address. Each caller is reported once.
 */
void uninit_check(const void *p, size_t n);
/* Fills newly allocated memory with UNINIT_BYTE. */
void uninit_fill(void *p, size_t n);
#else
static inline void uninit_stack(void)
{
}
static inline void uninit_check(const void *p, size_t n)
{
}
static inline void uninit_fill(void *p, size_t n)
{
}
#endif

#endif
