/* SPDX-License-Identifier: MIT */
/*
 * lost.c: lost data is counted once a name, also if the name is longer than the table keeps.
 * SOURCES: kernel/lib/lost.c kernel/lib/string.c kernel/lib/vsprintf.c
 */
#include "kernel/lib/lost.h"

#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "unit.h"

const char *arch_strerror(int err)
{
	return "an error";
}

void arch_early_write(const char *s, size_t n)
{
}

void arch_note_lost(void)
{
}

static void counts_names(void **state)
{
	char line[LOST_LINE], name[301];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(has_lost(name));
	note_lost("short", 1024, -EIO);
	note_lost(name, 1024, -EIO);
	note_lost(name, 2048, -EIO);
	note_lost("short", 1024, -EIO);
	assert_true(has_lost(name));
	assert_true(has_lost("short"));
	assert_false(has_lost("shor"));
	assert_false(has_lost("shorter"));
	assert_true(lost_line(0, line, sizeof(line)) > 0);
	assert_string_equal(line, "short: 2 KiB that were written are lost: an error\n");
	assert_true(lost_line(1, line, sizeof(line)) > 0);
	assert_string_equal(line + 127, ": 3 KiB that were written are lost: an error\n");
	assert_int_equal(lost_line(2, line, sizeof(line)), 0);
}

UNIT_MAIN(cmocka_unit_test(counts_names))
