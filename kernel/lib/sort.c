/* SPDX-License-Identifier: MIT */
/* sort.c: Shell's sort: it needs no memory and no recursion. */
#include "kernel/lib/sort.h"

void sort_numbers(s32 *v, s64 n)
{
	s64 gap, i, j;

	for (gap = n / 2; gap; gap /= 2)
		for (i = gap; i < n; i++) {
			s32 x = v[i];

			for (j = i; j >= gap && v[j - gap] > x; j -= gap)
				v[j] = v[j - gap];
			v[j] = x;
		}
}
