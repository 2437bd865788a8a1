/* SPDX-License-Identifier: MIT */
/*
 * sort.c: sorts numbers in random, equal, ascending and descending order, and pairs in random
 * order. No number or pair is lost.
 * SOURCES: kernel/lib/sort.c kernel/lib/string.c
 */
#include "kernel/lib/sort.h"

#include "unit.h"

static u32 seed = 1;

static u32 rnd(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static void numbers_are_in_order(void **state)
{
	static s32 v[1000];

	for (s64 n = 0; n <= 1000; n += n < 20 ? 1 : 490)
		for (int how = 0; how < 4; how++) {
			s64 sum = 0;

			for (s64 i = 0; i < n; i++) {
				v[i] = how == 0 ? (s32)rnd() - 5000000 :
				       how == 1 ? 7 :
				       how == 2 ? (s32)i :
						  -(s32)i;
				sum += v[i];
			}
			sort_numbers(v, n);
			for (s64 i = 0; i < n; i++) {
				assert_true(!i || v[i - 1] <= v[i]);
				sum -= v[i];
			}
			assert_int_equal(sum, 0);
		}
}

static void pairs_are_in_order(void **state)
{
	static struct sort_pair v[500];
	u64 sum = 0;

	for (int i = 0; i < 500; i++) {
		v[i] = (struct sort_pair){ rnd() % 20, rnd() };
		sum += v[i].a * 31 + v[i].b;
	}
	sort_pairs(v, 500);
	for (int i = 0; i < 500; i++) {
		assert_true(!i || !sort_pair_before(&v[i], &v[i - 1]));
		sum -= v[i].a * 31 + v[i].b;
	}
	assert_int_equal(sum, 0);
}

UNIT_MAIN(cmocka_unit_test(numbers_are_in_order), cmocka_unit_test(pairs_are_in_order))
