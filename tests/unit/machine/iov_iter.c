/* SPDX-License-Identifier: MIT */
/*
 * iov_iter.c: iterators whose bytes a function moves: copies and zeros reach it in order, nothing
 * needs to be faulted in, and a move back is a bug.
 *
 * SOURCES: arch/um/machine/iov_iter.c kernel/lib/string.c
 */
#include <asm/errno.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "unit.h"

/* ---- fakes ---- */

static jmp_buf bug;
static bool faulted;

int user_make_present(uaddr_t ua, bool write)
{
	faulted = true;
	return -EFAULT;
}

size_t copy_from_user(void *dst, uaddr_t src, size_t n)
{
	return n;
}
size_t copy_to_user(uaddr_t dst, const void *src, size_t n)
{
	return n;
}
size_t copy_from_user_nofault(void *dst, uaddr_t src, size_t n)
{
	return n;
}
size_t copy_to_user_nofault(uaddr_t dst, const void *src, size_t n)
{
	return n;
}
size_t clear_user(uaddr_t dst, size_t n)
{
	return n;
}
bool access_ok(uaddr_t a, size_t n)
{
	return true;
}
s32 get_user_pages(u64 addr, u32 nr, u32 flags, struct page **pages)
{
	return -EFAULT;
}
struct page *virt_to_page(const void *p)
{
	return NULL;
}

void panic(const char *fmt, ...)
{
	longjmp(bug, 1);
}

/* ---- tests ---- */

static char seen[2000];
static size_t nr_seen, room;

static size_t see(struct iov_iter *it, void *buf, size_t n)
{
	n = min(n, room - nr_seen);
	memcpy(seen + nr_seen, buf, n);
	nr_seen += n;
	return n;
}

static struct iov_iter make(size_t n, size_t space)
{
	struct iov_iter it;

	memset(seen, 'x', sizeof(seen));
	nr_seen = 0;
	room = space;
	iov_iter_call(&it, see, NULL, n);
	return it;
}

static void zeros(void **state)
{
	struct iov_iter it = make(1100, 1050);

	assert_int_equal(copy_to_iter("head", 4, &it), 4);
	assert_int_equal(iov_iter_zero(0, &it), 0);
	assert_int_equal(iov_iter_zero(1000, &it), 1000);
	assert_int_equal(it.count, 96);
	assert_int_equal(copy_to_iter("tail", 4, &it), 4);
	assert_int_equal(nr_seen, 1008);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(seen[4 + i], 0);
	assert_memory_equal(seen, "head", 4);
	assert_memory_equal(seen + 1004, "tail", 4);
	assert_int_equal(iov_iter_zero(1000, &it), 42); /* the function has no more room */
	assert_int_equal(it.count, 50);
	room = sizeof(seen);
	assert_int_equal(iov_iter_zero(1000, &it), 50); /* the iterator ends */
}

static void present(void **state)
{
	struct iov_iter it = make(100, 100);

	assert_int_equal(iov_iter_fault_in(&it, 100, true), 0);
	assert_false(faulted);
}

static void moves(void **state)
{
	static struct iov_iter it;
	static volatile int bugs;
	struct page *page;
	u32 off;

	it = make(100, 100);
	copy_to_iter("head", 4, &it);
	iov_iter_advance(&it, 0);
	iov_iter_revert(&it, 0);
	if (setjmp(bug))
		bugs++;
	switch (bugs) {
	case 0: iov_iter_revert(&it, 4); break;
	case 1: iov_iter_advance(&it, 4); break;
	case 2: iov_iter_get_pages(&it, 4, true, &page, 1, &off); break;
	}
	assert_int_equal(bugs, 3);
	assert_int_equal(it.count, 96);
}

UNIT_MAIN(cmocka_unit_test(zeros), cmocka_unit_test(present), cmocka_unit_test(moves))
