/* SPDX-License-Identifier: MIT */
/*
 * unit.h: cmocka beside kernel headers, and the few functions of libc that a test wants under names
 * of their own.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/lib/types.h"

/* fakes.c */
extern unsigned long fake_allocations; /* live objects of kmalloc and friends */
/* this many allocations succeed, then one fails; negative: none fails */
extern long fake_fail_after;
/* a fixed sequence, so that failures repeat */
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
