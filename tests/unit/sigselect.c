/* SPDX-License-Identifier: MIT */
/*
 * sigselect.c: which pending signal is delivered first.
 * SOURCES: kernel/task/signal/sigselect.c
 */
#include "kernel/task/signal/sigselect.h"
#include "unit.h"

#define SIG(n) (1UL << ((n)-1))

static void nothing_pending(void **state)
{
	assert_int_equal(next_signal(0, 0), 0);
	assert_int_equal(next_signal(SIG(15), SIG(15)), 0);
	assert_int_equal(next_signal(~0UL, ~0UL), 0);
}

static void lowest_first(void **state)
{
	assert_int_equal(next_signal(SIG(15) | SIG(2), 0), 2);
	assert_int_equal(next_signal(SIG(15) | SIG(2), SIG(2)), 15);
	assert_int_equal(next_signal(SIG(64) | SIG(34), 0), 34);
	assert_int_equal(next_signal(SIG(64), 0), 64);
	assert_int_equal(next_signal(SIG(34) | SIG(17), 0), 17);
}

static void synchronous_before_all(void **state)
{
	assert_int_equal(next_signal(SIG(1) | SIG(11), 0), 11);
	assert_int_equal(next_signal(SIG(1) | SIG(31) | SIG(7), 0), 7);
	assert_int_equal(next_signal(SIG(1) | SIG(11), SIG(11)), 1);
	assert_int_equal(next_signal(SIG(9) | SIG(5), 0), 5);
}

UNIT_MAIN(cmocka_unit_test(nothing_pending), cmocka_unit_test(lowest_first),
	cmocka_unit_test(synchronous_before_all))
