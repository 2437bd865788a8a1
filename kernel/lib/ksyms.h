/* SPDX-License-Identifier: MIT */
/*
 * ksyms.h: the names of the kernel's own functions at run time, for back-traces and oopses.
 *
 * The build makes the table from the functions of kernel.o (mk/ksyms.awk); it is read-only and
 * complete, static functions included.
 */
#ifndef NESTLING_LIB_KSYMS_H
#define NESTLING_LIB_KSYMS_H

#include "kernel/lib/types.h"

/*
 * Returns the name of the function that contains @addr and, in *offset, the distance from its
 * start. NULL outside the kernel world's code.
 */
const char *ksym_lookup(u64 addr, u64 *offset);
/* Returns the address of a function by its name, or 0. */
u64 ksym_address(const char *name);
/*
 * Returns the name of the @n-th function by address (from 0) and sets *addr; NULL behind the last.
 */
const char *ksym_nth(u32 n, u64 *addr);

#endif
