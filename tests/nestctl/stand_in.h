/* SPDX-License-Identifier: MIT */
/*
 * stand_in.h: functions of tools/nestctl/core/util.c, for a program that links files of nestctl
 * without it. They abort where the originals call die(). Included once.
 */
#ifndef NESTLING_TESTS_STAND_IN_H
#define NESTLING_TESTS_STAND_IN_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/nestctl/core/nestctl.h"

char *format(const char *fmt, ...)
{
	va_list args;
	char *out;

	va_start(args, fmt);
	if (vasprintf(&out, fmt, args) < 0)
		abort();
	va_end(args);
	return out;
}

void *xalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

#endif
