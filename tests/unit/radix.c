/* SPDX-License-Identifier: MIT */
/*
 * radix.c: the index tree agrees with a plain array, frees its memory, and survives every failed
 * allocation.
 * SOURCES: kernel/lib/radix.c
 */
#include <linux/errno.h>

#include "kernel/lib/radix.h"
#include "unit.h"

#define N 5000
static bool present[N];
static char objects[N];

/* Returns the @i-th of ascending indices that are spread over the whole range. */
static u64 spread(u32 i)
{
	return (u64)i * i * i * 7919;
}

static u64 index_of(u32 i, bool sparse)
{
	return sparse ? spread(i) : i;
}

static void check_all(struct radix *r, bool sparse)
{
	u64 at = 0;

	for (u32 i = 0; i < N; i++) {
		assert_ptr_equal(
			radix_lookup(r, index_of(i, sparse)), present[i] ? &objects[i] : NULL);
		if (!present[i])
			continue;
		assert_ptr_equal(radix_next(r, &at), &objects[i]);
		assert_true(at == index_of(i, sparse));
		at++;
	}
	assert_null(radix_next(r, &at));
}

/* radix_run() returns entries without a gap, up to a multiple of 64 or the requested number. */
static void check_runs(const struct radix *r, bool sparse)
{
	void *got[70];

	for (u32 i = 0; i < N; i++) {
		u64 index = index_of(i, sparse);
		u32 nr = 1 + i % ARRAY_SIZE(got), want = 0;

		while (want < nr && i + want < N && present[i + want] &&
			(!want || (!sparse && (index + want) % 64)))
			want++;
		assert_int_equal(radix_run(r, index, nr, got), want);
		for (u32 n = 0; n < want; n++)
			assert_ptr_equal(got[n], &objects[i + n]);
	}
	assert_int_equal(radix_run(r, ~0UL, 2, got), 0);
}

static void random_operations(void **state)
{
	bool sparse = *state;
	struct radix r = RADIX_INIT;

	for (u32 i = 0; i < N; i++)
		present[i] = false;
	for (u32 n = 0; n < 30000; n++) {
		u32 i = fake_random() % N;

		if (present[i]) {
			assert_int_equal(
				radix_insert(&r, index_of(i, sparse), &objects[i]), -EEXIST);
			assert_ptr_equal(radix_delete(&r, index_of(i, sparse)), &objects[i]);
		} else {
			assert_null(radix_delete(&r, index_of(i, sparse)));
			assert_int_equal(radix_insert(&r, index_of(i, sparse), &objects[i]), 0);
		}
		present[i] = !present[i];
	}
	check_all(&r, sparse);
	check_runs(&r, sparse);
	for (u32 i = 0; i < N; i++)
		if (present[i])
			radix_delete(&r, index_of(i, sparse));
	assert_int_equal(fake_allocations, 0);
}

static void lowest_free(void **state)
{
	struct radix r = RADIX_INIT;

	for (u32 i = 0; i < 200; i++)
		assert_int_equal(radix_alloc(&r, 3, 202, &objects[i]), i + 3);
	assert_int_equal(radix_alloc(&r, 3, 202, &objects[0]), -ENOSPC);
	radix_delete(&r, 77);
	radix_delete(&r, 100);
	assert_int_equal(radix_alloc(&r, 3, 202, &objects[0]), 77);
	assert_int_equal(radix_alloc(&r, 3, 202, &objects[0]), 100);
	for (u32 i = 3; i < 203; i++)
		assert_non_null(radix_delete(&r, i));
	assert_int_equal(fake_allocations, 0);
}

static void out_of_memory(void **state)
{
	struct radix r = RADIX_INIT;

	for (u32 i = 0; i < 40; i++) {
		int err;

		for (fake_fail_after = 0;; fake_fail_after++) {
			long limit = fake_fail_after;

			err = radix_insert(&r, spread(i * 100), &objects[i]);
			if (!err)
				break;
			assert_int_equal(err, -ENOMEM);
			assert_null(radix_lookup(&r, spread(i * 100)));
			fake_fail_after = limit;
		}
		fake_fail_after = -1;
		assert_ptr_equal(radix_lookup(&r, spread(i * 100)), &objects[i]);
	}
	for (u32 i = 0; i < 40; i++)
		assert_non_null(radix_delete(&r, spread(i * 100)));
	assert_int_equal(fake_allocations, 0);
}

/*
 * A single entry at any index leaves no memory allocated after it was deleted, nor does one that
 * could not be inserted.
 */
static void alone(void **state)
{
	struct radix r = RADIX_INIT;

	for (u32 bit = 0; bit < 64; bit++) {
		u64 index = 1UL << bit;
		int err = -ENOMEM;

		for (long limit = 0; err; limit++) {
			fake_fail_after = limit;
			err = radix_insert(&r, index, objects);
			if (err)
				assert_int_equal(fake_allocations, 0);
		}
		fake_fail_after = -1;
		assert_ptr_equal(radix_lookup(&r, index), objects);
		assert_null(radix_lookup(&r, 0));
		assert_ptr_equal(radix_delete(&r, index), objects);
		assert_int_equal(fake_allocations, 0);
	}
}

/* A tree that could not grow for an index has no more nodes than before. */
static void not_grown(void **state)
{
	struct radix r = RADIX_INIT;
	unsigned long before;

	assert_int_equal(radix_insert(&r, 5, objects), 0);
	before = fake_allocations;
	for (long limit = 0; limit < 10; limit++) {
		fake_fail_after = limit;
		assert_int_equal(radix_insert(&r, 1UL << 63, objects), -ENOMEM);
		assert_int_equal(fake_allocations, before);
		assert_ptr_equal(radix_lookup(&r, 5), objects);
	}
	fake_fail_after = -1;
	assert_ptr_equal(radix_delete(&r, 5), objects);
	assert_int_equal(fake_allocations, 0);
}

UNIT_MAIN(cmocka_unit_test_prestate(random_operations, (void *)0),
	cmocka_unit_test_prestate(random_operations, (void *)1), cmocka_unit_test(lowest_free),
	cmocka_unit_test(out_of_memory), cmocka_unit_test(alone), cmocka_unit_test(not_grown))
