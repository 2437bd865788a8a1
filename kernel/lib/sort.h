/* SPDX-License-Identifier: MIT */
/* sort.h: numbers in ascending order, in place. */
#ifndef NESTLING_LIB_SORT_H
#define NESTLING_LIB_SORT_H

#include "kernel/lib/types.h"

void sort_numbers(s32 *v, s64 n);

#endif
