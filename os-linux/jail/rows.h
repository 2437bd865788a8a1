/* SPDX-License-Identifier: MIT */
/*
 * rows.h: macros for tables of calls: table.c has that of the kernel process, and
 * tools/nestctl/switch/jail.c that of nestctl switch. jail.h explains the rows.
 */
#ifndef NESTLING_OS_JAIL_ROWS_H
#define NESTLING_OS_JAIL_ROWS_H

#include <sys/syscall.h>

#include "os-linux/jail/jail.h"

/* clang-format off */
/*
 * Checks of argument @number. IS: it is one of the values. NONE_OF: it has none of @bits. MASKED:
 * those of its bits that are in @bits are one of the values.
 */
#define VALUES(...) .n = sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, .value = { __VA_ARGS__ }
#define IS(number, ...) { .arg = (number), .mask = ~0U, VALUES(__VA_ARGS__) }
#define NONE_OF(number, bits) { .arg = (number), .mask = (bits), VALUES(0) }
#define MASKED(number, bits, ...) { .arg = (number), .mask = (bits), VALUES(__VA_ARGS__) }

#define CALL(call, what, say, reason) \
	.name = #call, .nr = SYS_##call, .action = (what), .rule = (say), .why = (reason)
#define ROW(call, reason) { CALL(call, JAIL_ALLOW, "", reason) }
#define CHECKED(call, say, reason, ...) \
	{ CALL(call, JAIL_ALLOW, say, reason), .check = { __VA_ARGS__ } }
/* clang-format on */

#endif
