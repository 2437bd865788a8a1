/* SPDX-License-Identifier: MIT */
/* internal.h: between dispatch.c, trace.c and names.c. */
#ifndef NESTLING_SYSCALL_INTERNAL_H
#define NESTLING_SYSCALL_INTERNAL_H

#include "kernel/syscall/syscall.h"

/* Runs the call with a line in the kernel log about its arguments and its result. */
long syscall_traced(u32 nr, const struct syscall_desc *d, const u64 *args);

/* "EBADF" for 9; NULL where there is no such errno. */
const char *errno_name(int err);

/*
 * Appends @v, as an argument of the kind @type, to the text of length @len in @buf; returns the new
 * length, always below @size. Reads no guest memory: a path is printed as its address.
 */
size_t format_arg(char *buf, size_t size, size_t len, enum syscall_arg type, u64 v);

/*
 * Appends text in quotes with everything unprintable escaped; @more adds "..." behind it. Returns
 * the new length.
 */
size_t format_quoted(char *buf, size_t size, size_t len, const char *text, size_t n, bool more);

#endif
