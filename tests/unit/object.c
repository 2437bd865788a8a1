/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of numbers for host objects: each is given once, also when a restore takes numbers in
 * any order, and a freed one comes back.
 *
 * SOURCES: os-linux/object.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os-linux/host.h"

#define MOST 5000
static uint64_t things[MOST];
static char used[100000];

/* Gets a number for things[@i] and checks that no other thing has it. */
static int add(int i)
{
	int n = os_object_add(&things[i]);

	assert_true(n > 0 && n < (int)sizeof(used));
	assert_false(used[n]);
	used[n] = 1;
	assert_ptr_equal(os_object(n), &things[i]);
	return n;
}

static void test_restore_in_any_order(void **state)
{
	/* 1009 is prime: the numbers 1 to 1008 in an order of jumps. */
	for (int i = 1; i < 1009; i += 2) {
		int n = i * 700 % 1009;

		assert_int_equal(os_object_add_as(n, &things[n]), 0);
		used[n] = 1;
	}
	assert_int_equal(os_object_add_as(700, &things[0]), -EEXIST);
	assert_int_equal(os_object_add_as(0, &things[0]), -EINVAL);
	assert_int_equal(os_object_add_as(-3, &things[0]), -EINVAL);
	assert_null(os_object(1400 % 1009));
	/* The numbers that are left come first, each once, then new ones. */
	for (int i = 0; i < 2000; i++)
		add(i);
	for (int n = 1; n < 1009; n++)
		assert_true(used[n]);
	assert_ptr_equal(os_object(700), &things[700]);
}

static void test_free_and_claim(void **state)
{
	int n[20];

	for (int i = 0; i < 20; i++)
		n[i] = add(i);
	for (int i = 0; i < 20; i++) {
		os_object_del(n[i]);
		assert_null(os_object(n[i]));
	}
	/* From the middle, the end and the front of the list of free numbers. */
	assert_int_equal(os_object_add_as(n[7], &things[7]), 0);
	assert_int_equal(os_object_add_as(n[0], &things[0]), 0);
	assert_int_equal(os_object_add_as(n[19], &things[19]), 0);
	assert_int_equal(os_object_add_as(n[7], &things[8]), -EEXIST);
	for (int i = 0; i < 20; i++)
		used[n[i]] = i == 7 || i == 0 || i == 19;
	for (int i = 0; i < 20; i++)
		add(i);
	assert_ptr_equal(os_object(n[7]), &things[7]);
	assert_null(os_object(1 << 30));
	os_object_del(1 << 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restore_in_any_order),
		cmocka_unit_test(test_free_and_claim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
