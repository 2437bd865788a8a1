/* SPDX-License-Identifier: MIT */
/*
 * vsprintf.c: the kernel's formatting agrees with libc's, and its number parsing with Linux's
 * rules.
 * SOURCES: kernel/lib/vsprintf.c kernel/lib/string.c
 */
#include <linux/errno.h>

#include "kernel/lib/string.h"
#include "unit.h"

/* libc's snprintf(), whose usual name the kernel's own one has. */
int __snprintf_chk(char *buf, size_t size, int flag, size_t max, const char *fmt, ...);

#define AGREE(...)                                                                                 \
	do {                                                                                       \
		char ours[200], libcs[200];                                                        \
		int a = snprintf(ours, sizeof(ours), __VA_ARGS__);                                 \
		int b = __snprintf_chk(libcs, sizeof(libcs), 0, sizeof(libcs), __VA_ARGS__);       \
		assert_string_equal(ours, libcs);                                                  \
		assert_int_equal(a, b);                                                            \
	} while (0)

static void integers(void **state)
{
	static const long values[] = { 0, 1, -1, 42, 0x7fffffff, -0x7fffffffL - 1,
		0x7fffffffffffffff, -0x7fffffffffffffff - 1 };

	for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
		AGREE("%d %i %u %x %X %o", (int)values[i], (int)values[i], (u32)values[i],
			(u32)values[i], (u32)values[i], (u32)values[i]);
		AGREE("%ld %lu %lx %#lx %#lo", values[i], values[i], values[i], values[i],
			values[i]);
		AGREE("[%20ld] [%-20ld] [%020ld] [%+ld] [% ld]", values[i], values[i], values[i],
			values[i], values[i]);
		AGREE("[%.5ld] [%10.5ld] [%-10.5ld] [%*.*ld]", values[i], values[i], values[i], 12,
			4, values[i]);
		AGREE("%hhd %hd %lld %zu %jd %td", (signed char)values[i], (short)values[i],
			(long long)values[i], (size_t)values[i], values[i], values[i]);
		AGREE("[%08lx] [%#10lx] [%-#12lx]", values[i], values[i], values[i]);
	}
}

static void strings(void **state)
{
	AGREE("%s|%10s|%-10s|%.3s|%10.3s|%c|%5c|%-5c|%%", "hello", "hello", "hello", "hello",
		"hello", 'x', 'y', 'z');
	AGREE("%.*s", 2, "abc");
}

static void truncation(void **state)
{
	char buf[8] = "@@@@@@@";

	assert_int_equal(snprintf(buf, 5, "%s", "abcdefgh"), 8);
	assert_string_equal(buf, "abcd");
	assert_int_equal(buf[5], '@');
	assert_int_equal(scnprintf(buf, 5, "%s", "abcdefgh"), 4);
	assert_int_equal(snprintf(NULL, 0, "%d", 12345), 5);
}

static void numbers(void **state)
{
	u64 u;
	s64 s;

	assert_int_equal(kstrtou64("18446744073709551615", 10, &u), 0);
	assert_true(u == ~0ull);
	assert_int_equal(kstrtou64("18446744073709551616", 10, &u), -ERANGE);
	assert_int_equal(kstrtou64("0x1f\n", 0, &u), 0);
	assert_int_equal(u, 31);
	assert_int_equal(kstrtou64("017", 0, &u), 0);
	assert_int_equal(u, 15);
	assert_int_equal(kstrtou64("", 10, &u), -EINVAL);
	assert_int_equal(kstrtou64("12x", 10, &u), -EINVAL);
	assert_int_equal(kstrtos64("-9223372036854775808", 10, &s), 0);
	assert_int_equal(kstrtos64("-9223372036854775809", 10, &s), -ERANGE);
	assert_int_equal(kstrtosize("512M", &u), 0);
	assert_int_equal(u, 512 << 20);
	assert_int_equal(kstrtosize("1g", &u), 0);
	assert_int_equal(u, 1 << 30);
	assert_int_equal(kstrtosize("lots", &u), -EINVAL);
	assert_int_equal(kstrtosize("99999999999999999g", &u), -ERANGE);
}

static void copying(void **state)
{
	char buf[8], move[] = "0123456789";

	assert_int_equal(strscpy(buf, "abc", sizeof(buf)), 3);
	assert_int_equal(strscpy(buf, "abcdefghij", sizeof(buf)), -E2BIG);
	assert_string_equal(buf, "abcdefg");
	memmove(move + 2, move, 5);
	assert_memory_equal(move, "0101234789", 10);
	memmove(move, move + 2, 5);
	assert_memory_equal(move, "0123434789", 10);
	assert_true(memcmp("\xff", "\x01", 1) > 0);
	assert_ptr_equal(strstr("haystack", "zz"), NULL);
}

UNIT_MAIN(cmocka_unit_test(integers), cmocka_unit_test(strings), cmocka_unit_test(truncation),
	cmocka_unit_test(numbers), cmocka_unit_test(copying))
