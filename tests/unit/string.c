/* SPDX-License-Identifier: MIT */
/*
 * string.c: copies and fills of every length around the sizes for which the code has special cases,
 * at several alignments, change exactly the requested bytes.
 * SOURCES: kernel/lib/string.c
 */
#include "kernel/lib/string.h"
#include "unit.h"

#define ROOM 4600
#define MARK 0x5a

static u8 from[ROOM], to[ROOM], want[ROOM];

static void prepare(void)
{
	for (size_t i = 0; i < ROOM; i++) {
		from[i] = (u8)(i * 7 + i / 251);
		to[i] = want[i] = MARK;
	}
}

static void same(void)
{
	for (size_t i = 0; i < ROOM; i++)
		if (to[i] != want[i])
			fail_msg("byte %lu", (unsigned long)i);
}

static size_t next_length(size_t n)
{
	return n < 600 ? n + 1 : n + 331;
}

static void copies(void **state)
{
	for (size_t n = 0; n < 4200; n = next_length(n))
		for (size_t off = 0; off < 9; off += 1 + n % 3) {
			prepare();
			for (size_t i = 0; i < n; i++)
				want[32 + off + i] = from[40 - off + i];
			assert_ptr_equal(memcpy(to + 32 + off, from + 40 - off, n), to + 32 + off);
			same();
		}
}

/*
 * memcpy() copies in another way if the target's offset in its page is a little above the source's.
 */
static void copies_behind(void **state)
{
	static u8 pages[4 * 4096] __attribute__((aligned(4096)));

	for (size_t n = 500; n < 4200; n = next_length(n))
		for (size_t by = 0; by < 40; by += 1 + n % 3) {
			u8 *src = pages + 7, *dst = pages + 2 * 4096 + 7 + by;

			for (size_t i = 0; i < sizeof(pages); i++)
				pages[i] = (u8)(i * 7 + i / 256);
			assert_ptr_equal(memcpy(dst, src, n), dst);
			for (size_t i = 0; i < n; i++)
				if (dst[i] != src[i])
					fail_msg("byte %lu", (unsigned long)i);
			assert_int_equal(dst[-1], (u8)((size_t)(dst - 1 - pages) * 7 +
							  (size_t)(dst - 1 - pages) / 256));
			assert_int_equal(dst[n], (u8)((size_t)(dst + n - pages) * 7 +
							 (size_t)(dst + n - pages) / 256));
		}
}

static void fills(void **state)
{
	for (size_t n = 0; n < 4200; n = next_length(n))
		for (size_t off = 0; off < 9; off += 1 + n % 3) {
			prepare();
			for (size_t i = 0; i < n; i++)
				want[32 + off + i] = 0xc3;
			memset(to + 32 + off, 0xc3, n);
			same();
		}
}

/* memmove() in both directions, by less and by more than the length. */
static void moves(void **state)
{
	for (size_t n = 0; n < 700; n++)
		for (size_t off = 0; off < 120; off += 13) {
			prepare();
			for (size_t i = 0; i < ROOM; i++)
				to[i] = want[i] = from[i];
			for (size_t i = 0; i < n; i++)
				want[60 + i] = from[off + i];
			memmove(to + 60, to + off, n);
			same();
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(copies_behind),
		cmocka_unit_test(fills),
		cmocka_unit_test(moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
