/* SPDX-License-Identifier: MIT */
/*
 * crc.c: compares the checksums with their bit by bit definitions, at all lengths around the sizes
 * for which the code has special cases.
 * SOURCES: kernel/lib/crc.c
 */
#include "kernel/lib/crc.h"
#include "unit.h"

#define SIZE 9000

static u8 data[SIZE];

static u32 by_bits(u32 poly, u32 crc, const u8 *p, size_t n)
{
	while (n--) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? (crc >> 1) ^ poly : crc >> 1;
	}
	return crc;
}

static void fill(void)
{
	u32 v = 12345;

	for (size_t i = 0; i < SIZE; i++) {
		v = v * 1664525U + 1013904223U;
		data[i] = (u8)(v >> 24);
	}
}

static void check_at(size_t off, size_t n)
{
	assert_int_equal(crc32c(~0U, data + off, n), by_bits(0x82f63b78U, ~0U, data + off, n));
	assert_int_equal(crc32_le(7, data + off, n), by_bits(0xedb88320U, 7, data + off, n));
}

static void lengths(void **state)
{
	static const size_t around[] = { 0, 336, 1008, 1024, 2016, 4032, 4084, 4096, 8000 };

	fill();
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++)
		for (size_t d = 0; d < 40; d++)
			check_at(d % 9, around[i] + d > 20 ? around[i] + d - 20 : d);
}

/* The examples of RFC 3720, appendix B.4. */
static void known(void **state)
{
	static const u8 zeros[32];

	assert_int_equal(~crc32c(~0U, zeros, 32), 0x8a9136aa);
	assert_int_equal(~crc32c(~0U, "123456789", 9), 0xe3069283);
}

/* A sum may be computed in pieces of any sizes. */
static void pieces(void **state)
{
	u32 whole = crc32c(~0U, data, SIZE);

	for (size_t cut = 0; cut < SIZE; cut += 97)
		assert_int_equal(crc32c(crc32c(~0U, data, cut), data + cut, SIZE - cut), whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(known),
		cmocka_unit_test(pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
