/* SPDX-License-Identifier: MIT */
/*
 * recorded.h: for what hosts may be too old for, or refuse. Such a host prints what was recorded on
 * one that has it:
 *
 *	static const char expected[] =
 *	#include "NAME.inc"			made by tests/syscall/record NAME, on a host that
 *                                              has it
 *		;
 *	if (older_than(6, 18) || ...)		never in the guest
 *		RECORDED(expected);
 */
#ifndef TESTS_SYSCALL_RECORDED_H
#define TESTS_SYSCALL_RECORDED_H

#include "t.h"
#include <sys/utsname.h>

static T_UNUSED bool older_than(int major, int minor)
{
	struct utsname u;
	int a = 0, b = 0;

	NEED(uname(&u));
	sscanf(u.release, "%d.%d", &a, &b);
	return !strstr(u.release, "nestling") && (a < major || (a == major && b < minor));
}

#define RECORDED(text)                                                                             \
	do {                                                                                       \
		NEED(write(1, text, sizeof(text) - 1));                                            \
		return;                                                                            \
	} while (0)

#endif
