/* SPDX-License-Identifier: MIT */
/*
 * recorded.h: for features that hosts may be too old for, or refuse. Such a host prints the output
 * that was recorded on a host with the feature:
 *
 *	static const char expected[] =
 *	#include "NAME.inc"			made by tests/syscall/record NAME on such a host
 *		;
 *	if (older_than(6, 18) || ...)		never in the guest
 *		RECORDED(expected);
 */
#ifndef TESTS_SYSCALL_RECORDED_H
#define TESTS_SYSCALL_RECORDED_H

#include "t.h"
#include <sys/utsname.h>

/* True on a host whose kernel is older than this version. False in the guest. */
static T_UNUSED bool older_than(int major, int minor)
{
	struct utsname u;
	int a = 0, b = 0;

	NEED(uname(&u));
	sscanf(u.release, "%d.%d", &a, &b);
	return !strstr(u.release, "nestling") && (a < major || (a == major && b < minor));
}

/* Prints the text, an array of char, and returns from the test. */
#define RECORDED(text)                                                                             \
	do {                                                                                       \
		NEED(write(1, text, sizeof(text) - 1));                                            \
		return;                                                                            \
	} while (0)

#endif
