/* SPDX-License-Identifier: MIT */
/*
 * sort.h: sorts @n elements in place, in ascending order: numbers, and pairs by their first and
 * then their second number. Allocates no memory and does not sleep.
 */
#ifndef NESTLING_LIB_SORT_H
#define NESTLING_LIB_SORT_H

#include "kernel/lib/types.h"

struct sort_pair {
	u64 a, b;
};

static inline bool sort_pair_before(const struct sort_pair *x, const struct sort_pair *y)
{
	return x->a < y->a || (x->a == y->a && x->b < y->b);
}

void sort_numbers(s32 *v, s64 n);
void sort_pairs(struct sort_pair *v, s64 n);

#endif
