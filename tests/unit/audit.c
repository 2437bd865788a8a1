/* SPDX-License-Identifier: MIT */
/*
 * audit.c: lines of the audit: whatever text comes from a guest, a line stays one line, has only
 * the fields that were written, and is never too long.
 * SOURCES: kernel/task/audit/line.c kernel/lib/string.c kernel/lib/vsprintf.c
 */
#include "kernel/task/audit/line.h"
#include "kernel/lib/string.h"
#include "unit.h"

static char last[AUDIT_LINE + 1];
static size_t last_len;
static unsigned int lost;

static void add(const char *line, size_t n)
{
	assert_in_range(n, 1, AUDIT_LINE);
	memcpy(last, line, n);
	last[n] = 0;
	last_len = n;
}

static void lose(void)
{
	lost++;
}

static const struct audit_ops ops = { .add = add, .lose = lose };

static const char *line_with(const char *text, size_t n, u32 most)
{
	struct audit a;

	audit_ops = &ops;
	assert_true(audit_begin(&a, "exec"));
	audit_text(&a, "exe", text, n, most);
	audit_number(&a, "pid", -7);
	audit_end(&a);
	return last;
}

#define SAME(text, want)                                                                           \
	assert_string_equal(line_with(text, sizeof(text) - 1, 1000),                               \
		"\"event\":\"exec\",\"exe\":\"" want "\",\"pid\":-7}")

static void escapes(void **state)
{
	SAME("/bin/ls", "/bin/ls");
	SAME("", "");
	SAME("\",\"pid\":1,\"x\":\"", "\\\",\\\"pid\\\":1,\\\"x\\\":\\\"");
	SAME("a\\", "a\\\\");
	SAME("a\nb\r\t\x1b[31m\x7f", "a\\u000ab\\u000d\\u0009\\u001b[31m\\u007f");
	SAME("a\0b", "a\\u0000b");
	SAME("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9a", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9a");
	SAME("\xc2\x9b", "\\u009b"); /* a terminal's CSI */
	SAME("\xc2\xa0", "\xc2\xa0");
}

static void is_no_utf8(void **state)
{
	SAME("\xff", "\\ufffd");
	SAME("\xc3", "\\ufffd");       /* cut off */
	SAME("\xc3\"", "\\ufffd\\\""); /* the quote is kept */
	SAME("\xe2\x82", "\\ufffd\\ufffd");
	SAME("\xc0\xaf", "\\ufffd\\ufffd");            /* overlong */
	SAME("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"); /* a surrogate */
	SAME("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd");
	SAME("\x80", "\\ufffd");
}

static void bounds(void **state)
{
	static char text[10000];
	struct audit a;

	memset(text, 'x', sizeof(text));
	assert_string_equal(line_with(text, 5, 4),
		"\"event\":\"exec\",\"exe\":\"xxxx\",\"pid\":-7,\"cut\":true}");
	assert_string_equal(line_with("xx\n", 3, 7),
		"\"event\":\"exec\",\"exe\":\"xx\",\"pid\":-7,\"cut\":true}");
	line_with(text, sizeof(text), ~0U / 2);
	assert_non_null(strstr(last, "x\",\"pid\":-7,\"cut\":true}"));

	assert_true(audit_begin(&a, "exec"));
	audit_text(&a, "exe", text, sizeof(text), AUDIT_PATH);
	audit_list(&a, "argv");
	while (audit_text(&a, NULL, text, 100, 2000))
		;
	audit_list_end(&a);
	audit_end(&a);
	assert_non_null(strstr(last, "\"],\"cut\":true}"));
}

/* Empty texts take room too: with any beginning, the line ends as it should. */
static void empty_texts(void **state)
{
	static char text[AUDIT_PATH];

	memset(text, 'x', sizeof(text));
	for (u32 first = 0; first < 8; first++) {
		struct audit a;
		u32 n = 0;

		assert_true(audit_begin(&a, "exec"));
		audit_text(&a, "exe", text, first, AUDIT_PATH);
		audit_list(&a, "argv");
		while (audit_text(&a, NULL, "", 0, 2000))
			assert_in_range(++n, 1, AUDIT_LINE);
		audit_list_end(&a);
		assert_false(audit_text(&a, "more", "", 0, 1));
		audit_end(&a);
		assert_true(last_len <= AUDIT_LINE);
		assert_non_null(strstr(last, ",\"\",\"\"],\"cut\":true}"));
	}
}

/* Returns the end of the text @s. Fails the test if the text has bytes that must be escaped. */
static const char *end_of_text(const char *s)
{
	for (; *s != '"'; s++) {
		assert_true((unsigned char)*s >= 0x20 && *s != 0x7f);
		if (*s != '\\')
			continue;
		s++;
		assert_true(*s == '"' || *s == '\\' || *s == 'u');
		if (*s == 'u')
			s += 4;
	}
	return s;
}

static void any_bytes(void **state)
{
	static const char favoured[] = "\"\\\n\xc2\xe2\xf0\x80\x9b{}:,u";
	u32 seed = 7;

	for (int round = 0; round < 3000; round++) {
		char text[600];
		const char *end;
		u32 n;

		seed = seed * 1103515245 + 12345;
		n = seed >> 8 & 511;
		for (u32 i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = seed & 0x10000 ? favoured[(seed >> 20) % (sizeof(favoured) - 1)] :
						   (char)(seed >> 24);
		}
		line_with(text, n, seed >> 12 & 2047);
		assert_memory_equal(last, "\"event\":\"exec\",\"exe\":\"", 22);
		end = end_of_text(last + 22);
		assert_true(!strcmp(end, "\",\"pid\":-7}") ||
			    !strcmp(end, "\",\"pid\":-7,\"cut\":true}"));
	}
}

static void no_memory(void **state)
{
	struct audit a;

	audit_ops = &ops;
	fake_fail_after = 0;
	assert_false(audit_begin(&a, "exec"));
	fake_fail_after = -1;
	assert_int_equal(lost, 1);
}

UNIT_MAIN(cmocka_unit_test(escapes), cmocka_unit_test(is_no_utf8), cmocka_unit_test(bounds),
	cmocka_unit_test(empty_texts), cmocka_unit_test(any_bytes), cmocka_unit_test(no_memory))
