/* SPDX-License-Identifier: MIT */
/*
 * buddy.c: blocks are aligned, never overlap and merge again, and frames that were never used are
 * known to be zero.
 * SOURCES: kernel/mm/frame/buddy.c kernel/mm/frame/page_alloc.c kernel/mm/frame/page.c
 * SOURCES: kernel/mm/frame/region.c kernel/mm/frame/slab.c kernel/lib/string.c
 * SOURCES: kernel/lib/vsprintf.c
 */
#include "unit.h"
#include "frames.h"

static void test_alignment(void **state)
{
	for (u32 order = 0; order <= MAX_ORDER; order++) {
		struct page *p = alloc_pages(GFP_KERNEL, order);

		assert_non_null(p);
		assert_int_equal(page_to_pfn(p) & (BIT(order) - 1), 0);
		assert_int_equal(atomic_read(&p->refcount), 1);
		free_pages(p, order);
	}
}

/*
 * Random allocations of all sizes, each filled with its own number: no two overlap, and at the end
 * all frames are free again.
 */
static void test_random(void **state)
{
	struct block {
		u8 *p;
		u32 order;
		u8 tag;
	} b[300] = { 0 };
	u64 free = nr_free_frames();

	for (u32 round = 0; round < 20000; round++) {
		struct block *x = &b[fake_random() % ARRAY_SIZE(b)];

		if (x->p) {
			u64 n = PAGE_SIZE << x->order;

			assert_int_equal(x->p[0], x->tag);
			assert_int_equal(x->p[n / 2], x->tag);
			assert_int_equal(x->p[n - 1], x->tag);
			free_pages_addr(x->p, x->order);
			x->p = NULL;
			continue;
		}
		x->order = fake_random() % 5;
		x->tag = (u8)round;
		x->p = get_free_pages(GFP_ATOMIC, x->order);
		if (x->p)
			memset(x->p, x->tag, PAGE_SIZE << x->order);
	}
	for (u32 i = 0; i < ARRAY_SIZE(b); i++)
		if (b[i].p)
			free_pages_addr(b[i].p, b[i].order);
	assert_int_equal(nr_free_frames(), free);
}

static void test_zero(void **state)
{
	u8 *p = get_free_pages(GFP_KERNEL, 3);
	struct page *q;

	memset(p, 0xff, 8 * PAGE_SIZE);
	free_pages_addr(p, 3);
	p = get_free_pages(GFP_KERNEL | __GFP_ZERO, 3);
	for (u64 i = 0; i < 8 * PAGE_SIZE; i++)
		assert_int_equal(p[i], 0);
	free_pages_addr(p, 3);

	/* Frames that were used before are allocated first, without PG_zero. */
	q = alloc_extent(GFP_USER, 3);
	assert_false(test_bit(PG_zero, &q->flags));
	for (u32 i = 0; i < 8; i++) {
		assert_int_equal(atomic_read(&q[i].refcount), 1);
		put_page(q + i);
	}
}

static void test_extents_ascend(void **state)
{
	struct page *last = alloc_extent(GFP_USER, 4);
	u32 neighbours = 0;

	for (u32 i = 0; i < 64; i++) {
		struct page *p = alloc_extent(GFP_USER, 4);

		neighbours += p && p == last + 16;
		last = p;
	}
	assert_true(neighbours > 40);
}

/*
 * alloc_frames_at() allocates the given frames if they are free, whatever block they are in. All of
 * them become free again.
 */
static void test_by_name(void **state)
{
	u64 free = nr_free_frames();
	struct page *b = alloc_pages(GFP_KERNEL, 5), *single = alloc_page(GFP_KERNEL);
	pfn_t pfn = page_to_pfn(b);

	free_pages(b, 5);
	for (u32 first = 0; first < 32; first += 5)
		for (u32 n = 1; first + n <= 32; n += 3) {
			assert_int_equal(alloc_frames_at(pfn + first, n), n);
			assert_int_equal(nr_free_frames(), free - 1 - n);
			assert_int_equal(alloc_frames_at(pfn + first, 1), 0);
			if (first)
				assert_int_equal(alloc_frames_at(pfn, 32), first);
			for (u32 i = 0; i < first + n; i++) {
				assert_int_equal(atomic_read(&b[i].refcount), 1);
				memset(page_address(b + i), 0x55, PAGE_SIZE);
				put_page(b + i);
			}
			assert_int_equal(nr_free_frames(), free - 1);
		}
	assert_int_equal(alloc_frames_at(page_to_pfn(single), 1), 0);
	put_page(single);
	assert_int_equal(alloc_frames_at(page_to_pfn(single), 1), 1); /* from the vCPU's cache */
	put_page(single);
	assert_int_equal(alloc_frames_at(mm_first_wild(), 1), 0);
	assert_int_equal(nr_free_frames(), free);
}

/*
 * A memory group without room: alloc_frames_at() marks its request as dispensable (__GFP_SPARE),
 * and frees the frames when the charge is refused.
 */
static gfp_t charged_as;
int mem_charge(struct page *p, u32 n, gfp_t gfp)
{
	charged_as = gfp;
	return -ENOMEM;
}

static void test_by_name_refused(void **state)
{
	struct page *p = alloc_page(GFP_KERNEL);
	pfn_t pfn = page_to_pfn(p);
	u64 free;

	put_page(p);
	free = nr_free_frames();
	current->mem_group = (struct mem_group *)8;
	assert_int_equal(alloc_frames_at(pfn, 1), -ENOMEM);
	current->mem_group = NULL;
	assert_true(charged_as & __GFP_SPARE);
	assert_int_equal(atomic_read(&p->refcount), 0);
	assert_int_equal(nr_free_frames(), free);
	assert_int_equal(alloc_frames_at(pfn, 1), 1);
	put_page(p);
}

static void test_reserve(void **state)
{
	struct page *p, *list = NULL;
	u64 n = 0;

	while ((p = alloc_page(GFP_ATOMIC))) {
		p->private = (u64)list;
		list = p;
		n++;
	}
	assert_int_equal(reclaim_calls, 0);
	assert_null(alloc_page(GFP_USER));
	assert_true(reclaim_calls > 0);
	assert_true(nr_free_frames() <= zone_marks.min);
	while (list) {
		p = list;
		list = (struct page *)p->private;
		put_page(p);
	}
	assert_true(n > 100);
}

static void test_isolate(void **state)
{
	pfn_t pfn[16];
	u8 order[16];
	u64 resident = nr_free_resident(), free = nr_free_frames(), frames = 0;
	u32 n = buddy_isolate_resident(pfn, order, 16, 64);

	assert_true(n > 0);
	for (u32 i = 0; i < n; i++)
		frames += 1UL << order[i];
	assert_true(frames <= 64);
	assert_int_equal(nr_free_frames(), free - frames);
	for (u32 i = 0; i < n; i++) {
		memset(pfn_to_virt(pfn[i]), 0, PAGE_SIZE << order[i]);
		buddy_return(pfn[i], order[i], true);
	}
	assert_int_equal(nr_free_frames(), free);
	assert_true(nr_free_resident() < resident);
}

/*
 * Frames are unplugged and plugged again: first never used ones from the end, then free blocks. A
 * given number of free frames is kept, and the watermarks follow the number of frames.
 */
static void test_plug(void **state)
{
	u64 managed = nr_managed_frames(), free = nr_free_frames(),
	    wild = buddy_unplug_wild(~0UL, 64);
	struct zone_marks marks = zone_marks;
	pfn_t pfn[FRAMES];
	u32 order[FRAMES], n = 0;
	u64 taken = wild;
	bool backed;

	assert_int_equal(buddy_beyond(), wild);
	assert_int_equal(nr_managed_frames(), managed - wild);
	assert_int_equal(buddy_unplug_wild(1, 0), 0);
	assert_false(buddy_unplug(1, free, &pfn[0], &order[0], &backed));
	while (buddy_unplug(777, 64, &pfn[n], &order[n], &backed)) {
		assert_true(1UL << order[n] <= 777);
		assert_int_equal(pfn[n] & ((1UL << order[n]) - 1), 0);
		taken += 1UL << order[n++];
	}
	assert_true(n > 0);
	assert_int_equal(nr_managed_frames(), managed - taken);
	assert_int_equal(nr_free_frames(), free - taken);
	assert_true(zone_marks.min <= marks.min);
	while (n--) {
		memset(pfn_to_virt(pfn[n]), 0, PAGE_SIZE << order[n]);
		buddy_plug(pfn[n], order[n], true);
	}
	assert_int_equal(buddy_plug_wild(~0UL), wild);
	assert_int_equal(nr_managed_frames(), managed);
	assert_int_equal(nr_free_frames(), free);
	assert_int_equal(zone_marks.min, marks.min);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_isolate),
		cmocka_unit_test(test_plug),
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_by_name_refused),
		cmocka_unit_test(test_extents_ascend),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, frames_setup, NULL);
}
