/* SPDX-License-Identifier: MIT */
/*
 * script_line.c: parses first lines of scripts, valid, odd and hostile ones.
 * SOURCES: kernel/task/exec/script_line.c kernel/lib/string.c
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/task/exec/script_line.h"
#include "unit.h"

#define SIZE 256

static char buf[SIZE];
static struct script_line line;

static int parse(const char *text)
{
	memset(buf, 0, sizeof(buf));
	memcpy(buf, text, min(strlen(text), sizeof(buf)));
	return script_parse(buf, sizeof(buf), &line);
}

static void expect(const char *text, const char *interp, const char *arg)
{
	assert_int_equal(parse(text), 0);
	assert_string_equal(line.interp, interp);
	if (arg)
		assert_string_equal(line.arg, arg);
	else
		assert_null(line.arg);
}

static void plain(void **state)
{
	expect("#!/bin/sh\necho\n", "/bin/sh", NULL);
	expect("#!/bin/sh", "/bin/sh", NULL);
	expect("#! /bin/sh\n", "/bin/sh", NULL);
	expect("#! \t /bin/sh \t \n", "/bin/sh", NULL);
	expect("#!sh\n", "sh", NULL);
}

static void one_argument(void **state)
{
	expect("#!/usr/bin/env python3\n", "/usr/bin/env", "python3");
	expect("#!/usr/bin/awk -f -v x \t\n", "/usr/bin/awk", "-f -v x");
	expect("#!/bin/sh\t-e\n", "/bin/sh", "-e");
}

static void refused(void **state)
{
	assert_int_equal(parse(""), -ENOEXEC);
	assert_int_equal(parse("#"), -ENOEXEC);
	assert_int_equal(parse("#!"), -ENOEXEC);
	assert_int_equal(parse("#!\n"), -ENOEXEC);
	assert_int_equal(parse("#!   \t\n"), -ENOEXEC);
	assert_int_equal(parse("!#/bin/sh\n"), -ENOEXEC);
	assert_int_equal(parse("\x7f"
			       "ELF"),
		-ENOEXEC);
}

/*
 * A line that is too long is refused if that cuts the interpreter's name. Otherwise the argument is
 * cut.
 */
static void too_long(void **state)
{
	char text[SIZE + 64];

	memset(text, 'x', sizeof(text));
	memcpy(text, "#!/", 3);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(parse(text), -ENOEXEC);

	memcpy(text, "#!/bin/sh ", 10);
	assert_int_equal(parse(text), 0);
	assert_string_equal(line.interp, "/bin/sh");
	assert_int_equal(strlen(line.arg), SIZE - 1 - 10);
}

UNIT_MAIN(cmocka_unit_test(plain), cmocka_unit_test(one_argument), cmocka_unit_test(refused),
	cmocka_unit_test(too_long))
