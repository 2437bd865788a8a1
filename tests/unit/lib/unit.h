/* SPDX-License-Identifier: MIT */
/*
 * unit.h: makes cmocka usable beside kernel headers, and declares what tests/unit/fakes.c has for
 * tests.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/lib/types.h"

/* tests/unit/fakes.c */
extern unsigned long fake_allocations; /* live objects of kmalloc() etc. */
/* how many allocations succeed before all later ones fail; negative: all succeed */
extern long fake_fail_after;
/* Returns the next number of a fixed sequence, so that failures can be repeated. */
unsigned int fake_random(void);

/* Defines main(), which runs the given tests by cmocka. */
#define UNIT_MAIN(...)                                                                             \
	int main(void)                                                                             \
	{                                                                                          \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };                                 \
		return cmocka_run_group_tests(tests, NULL, NULL);                                  \
	}
int main(void);

#endif
