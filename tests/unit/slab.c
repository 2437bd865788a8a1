/* SPDX-License-Identifier: MIT */
/*
 * slab.c: objects are aligned, do not overlap, keep their content, and their frames are freed.
 * SOURCES: kernel/mm/frame/buddy.c kernel/mm/frame/page_alloc.c kernel/mm/frame/page.c
 * SOURCES: kernel/mm/frame/region.c kernel/mm/frame/slab.c kernel/lib/string.c
 * SOURCES: kernel/lib/vsprintf.c
 */
#include "unit.h"
#include "frames.h"

static void test_sizes(void **state)
{
	for (size_t n = 1; n <= 100000; n += n / 7 + 1) {
		u8 *p = kmalloc(n, GFP_KERNEL), *q = kzalloc(n, GFP_KERNEL);

		assert_non_null(p);
		assert_non_null(q);
		assert_int_equal((u64)p & 15, 0);
		memset(p, 0x55, n);
		for (size_t i = 0; i < n; i += 61)
			assert_int_equal(q[i], 0);
		q = krealloc(q, n * 2, GFP_KERNEL);
		memset(q, 0xaa, n * 2);
		assert_int_equal(p[n - 1], 0x55);
		kfree(p);
		kfree(q);
	}
	assert_null(kmalloc(64UL << 20, GFP_KERNEL));
	assert_null(kcalloc(~0UL / 8, 16, GFP_KERNEL));
	kfree(NULL);
}

static void test_random(void **state)
{
	struct object {
		u8 *p;
		size_t n;
		u8 tag;
	} o[500] = { 0 };

	for (u32 round = 0; round < 50000; round++) {
		struct object *x = &o[fake_random() % ARRAY_SIZE(o)];

		if (x->p) {
			assert_int_equal(x->p[0], x->tag);
			assert_int_equal(x->p[x->n - 1], x->tag);
			kfree(x->p);
			x->p = NULL;
			continue;
		}
		x->n = fake_random() % 3000 + 1;
		x->tag = (u8)round;
		x->p = kmalloc(x->n, GFP_ATOMIC);
		assert_non_null(x->p);
		memset(x->p, x->tag, x->n);
	}
	for (u32 i = 0; i < ARRAY_SIZE(o); i++)
		kfree(o[i].p);
}

static void test_cache(void **state)
{
	struct kmem_cache *c = kmem_cache_create("test", 200, 64);
	void *o[1000];
	u64 before, with;
	char text[200];
	bool found = false;

	before = nr_free_frames();
	for (u32 i = 0; i < ARRAY_SIZE(o); i++) {
		o[i] = kmem_cache_zalloc(c, GFP_KERNEL);
		assert_int_equal((u64)o[i] & 63, 0);
		memset(o[i], (int)i, 200);
	}
	with = nr_free_frames();
	assert_true(before - with >= ARRAY_SIZE(o) * 200 / PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_SIZE(o); i++) {
		assert_int_equal(((u8 *)o[i])[199], (u8)i);
		kmem_cache_free(c, o[i]);
	}
	slab_shrink();
	assert_true(nr_free_frames() + 4 >= before);
	for (int i = 0; slabinfo_line(i, text, sizeof(text)); i++)
		found |= !strncmp(text, "test ", 5);
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, frames_setup, NULL);
}
