/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of the numbers of host objects: a number refers to its object until it is deleted,
 * also after a restore, which gives objects their old numbers in any order.
 *
 * SOURCES: os-linux/object.c
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os-linux/host.h"

#define MANY 100000
static uint64_t thing[MANY];
static int number[MANY];

static void drop(int first, int n)
{
	for (int i = first; i < first + n; i++)
		os_object_del(number[i]);
}

static void none(void **state)
{
	assert_null(os_object(0));
	assert_null(os_object(-1));
	assert_null(os_object(INT32_MAX));
	assert_null(os_object(INT32_MIN));
	os_object_del(0);
	os_object_del(-5);
	os_object_del(1 << 28);
	assert_int_equal(os_object_add_as(0, thing), -EINVAL);
	assert_int_equal(os_object_add_as(-1, thing), -EINVAL);
	assert_int_equal(os_object_add_as(INT32_MAX, thing), -EINVAL);
}

/*
 * After a rollback the guest may use numbers of objects that were deleted since the mark: such a
 * number refers to no object. Numbers of objects that were added since the mark are used again, so
 * that the table does not grow.
 */
static void kept(void **state)
{
	int old = os_object_add(&thing[0]), first, last, n;

	os_objects_keep(1);
	os_object_del(old);
	first = os_object_add(&thing[1]);
	assert_int_not_equal(first, old);
	for (int i = 0; i < 1000; i++) {
		os_object_del(first);
		n = os_object_add(&thing[2]);
		assert_int_not_equal(n, old);
		assert_null(os_object(old));
		first = n;
	}
	assert_true(n < old + 1000);
	/* another mark: the numbers of objects that were deleted before it are free */
	os_objects_keep(0);
	os_objects_keep(1);
	assert_int_equal(os_object_add(&thing[3]), old);
	os_object_del(old);
	last = os_object_add(&thing[4]);
	assert_int_not_equal(last, old);
	os_objects_keep(0);
	assert_int_equal(os_object_add(&thing[5]), old);
	os_object_del(old);
	os_object_del(last);
	os_object_del(first);
}

static void many(void **state)
{
	for (int i = 0; i < MANY; i++) {
		number[i] = os_object_add(&thing[i]);
		assert_true(number[i] > 0);
	}
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(os_object(number[i]), &thing[i]);
	for (int i = 0; i < MANY; i += 2) {
		os_object_del(number[i]);
		assert_null(os_object(number[i]));
		os_object_del(number[i]); /* has no effect */
	}
	for (int i = 1; i < MANY; i += 2)
		assert_ptr_equal(os_object(number[i]), &thing[i]);
	/* Free numbers are used before new ones. */
	for (int i = 0; i < MANY; i += 2) {
		number[i] = os_object_add(&thing[i]);
		assert_in_range(number[i], 1, MANY);
	}
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(os_object(number[i]), &thing[i]);
	drop(0, MANY);
}

static void any_order(void **state)
{
	static int order[1000];
	int at;

	for (int i = 0; i < 1000; i++) {
		int j = rand() % (i + 1);

		order[i] = order[j];
		order[j] = 200000 + 3 * i; /* above all used numbers, with gaps */
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(os_object_add_as(order[i], &thing[i]), 0);
	for (int i = 0; i < 1000; i++) {
		assert_ptr_equal(os_object(order[i]), &thing[i]);
		assert_int_equal(os_object_add_as(order[i], &thing[0]), -EEXIST);
		assert_ptr_equal(os_object(order[i]), &thing[i]);
	}
	/* os_object_add() chooses none of the numbers in use. */
	for (int i = 0; i < 5000; i++) {
		number[i] = os_object_add(&thing[i]);
		for (at = 0; at < 1000 && order[at] != number[i]; at++)
			;
		assert_int_equal(at, 1000);
	}
	drop(0, 5000);
	for (int i = 0; i < 1000; i++)
		os_object_del(order[i]);
	assert_int_equal(os_object_add_as(order[500], &thing[1]), 0);
	assert_ptr_equal(os_object(order[500]), &thing[1]);
	os_object_del(order[500]);
}

/* ---- several threads ---- */

static uint32_t wrong;

static void *churn(void *arg)
{
	uint64_t *mine = arg;
	int n[64];

	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 64; i++)
			n[i] = os_object_add(&mine[i]);
		for (int i = 0; i < 64; i++)
			if (os_object(n[i]) != &mine[i])
				__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		for (int i = 0; i < 64; i++)
			os_object_del(n[i]);
	}
	return NULL;
}

static void threads(void **state)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, churn, &thing[64 * i]), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
		cmocka_unit_test(kept),
		cmocka_unit_test(many),
		cmocka_unit_test(any_order),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
