/* SPDX-License-Identifier: MIT */
/*
 * lock_range.c: the algebra of record locks agrees with an array of bytes, for random requests of
 * three owners.
 * SOURCES: kernel/vfs/lock/lock_range.c
 */
#include "kernel/lib/string.h"
#include "kernel/vfs/lock/locks.h"
#include "unit.h"

void *calloc(size_t n, size_t size);
void free(void *p);

#define BYTES 64
#define OWNERS 3

static LIST_HEAD(list);
/* type (FLK_*) of each owner's lock on each byte; the last element: all bytes from BYTES on */
static u8 model[OWNERS][BYTES + 1];
static int owners[OWNERS];

static void apply(const struct file_lock *req)
{
	struct file_lock *spare[2] = { calloc(1, sizeof(*req)), calloc(1, sizeof(*req)) };
	LIST_HEAD(gone);

	lock_range_apply(&list, req, spare, &gone);
	while (!list_empty(&gone)) {
		struct file_lock *l = list_first_entry(&gone, struct file_lock, list);

		list_del(&l->list);
		free(l);
	}
	free(spare[0]);
	free(spare[1]);
}

/* Checks that the list agrees with the model, is sorted by start, and has merged neighbours. */
static void check(void)
{
	struct file_lock *l;

	for (int o = 0; o < OWNERS; o++) {
		loff_t last_end = -1;
		u8 last_type = FLK_NONE, seen[BYTES + 1];

		memset(seen, FLK_NONE, sizeof(seen));
		list_for_each_entry(l, &list, list) {
			if (l->owner != &owners[o])
				continue;
			assert_true(l->start <= l->end && l->start > last_end);
			assert_false(
				l->start == last_end + 1 && l->type == last_type && last_end >= 0);
			for (loff_t b = l->start; b <= BYTES && b <= l->end; b++)
				seen[b] = l->type;
			last_end = l->end;
			last_type = l->type;
		}
		assert_memory_equal(seen, model[o], sizeof(seen));
	}
}

static void test_random(void **state)
{
	memset(model, FLK_NONE, sizeof(model));
	for (int i = 0; i < 100000; i++) {
		int o = fake_random() % OWNERS;
		struct file_lock req = {
			.owner = &owners[o], .kind = FLK_POSIX, .type = fake_random() % 3
		};

		req.start = fake_random() % BYTES;
		req.end = req.start + fake_random() % 20;
		if (req.end >= BYTES || fake_random() % 16 == 0)
			req.end = FLK_END;
		apply(&req);
		for (loff_t b = req.start; b <= BYTES && b <= req.end; b++)
			model[o][b] = req.type;
		check();
	}
}

static void test_conflicts(void **state)
{
	struct file_lock a = { .owner = &owners[0], .type = FLK_READ, .start = 0, .end = 9 };
	struct file_lock b = { .owner = &owners[1], .type = FLK_READ, .start = 9, .end = 20 };

	assert_false(locks_conflict(&a, &b));
	b.type = FLK_WRITE;
	assert_true(locks_conflict(&a, &b));
	b.start = 10;
	assert_false(locks_conflict(&a, &b));
	b.start = 0;
	b.owner = a.owner;
	assert_false(locks_conflict(&a, &b));
	b.kind = FLK_OFD;
	assert_true(locks_conflict(&a, &b));
	b.kind = FLK_FLOCK;
	assert_false(locks_conflict(&a, &b));
}

UNIT_MAIN(cmocka_unit_test(test_random), cmocka_unit_test(test_conflicts))
