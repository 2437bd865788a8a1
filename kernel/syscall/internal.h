/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by dispatch.c, trace.c, trace_control.c and names.c. */
#ifndef NESTLING_SYSCALL_INTERNAL_H
#define NESTLING_SYSCALL_INTERNAL_H

#include "kernel/syscall/syscall.h"

/*
 * Calls the handler of @d, the entry of @nr, and records the call as syscall_strace and the filter
 * require. Returns the result of the handler, as syscall_dispatch() does.
 */
long syscall_traced(u32 nr, const struct syscall_desc *d, const u64 *args);

/* Bits of syscall_strace. */
#define TRACE_CALLS_LOG 1   /* prints lines to the kernel log */
#define TRACE_CALLS_BEGIN 2 /* also a line when a call begins */
#define TRACE_CALLS_RING 4  /* prints lines to the trace ring */
#define TRACE_CALLS_TIMES 8 /* counts times, prints nothing */

/* Selects tasks and calls. Written by trace_control.c, read racily by each call. */
struct trace_filter {
	/* Number of a process or thread in the initial namespace; 0: all. */
	pid_t pid;
	bool follow; /* also tasks with task->traced_calls */
	bool some;   /* true: only the calls in @calls */
	u64 calls[(NR_SYSCALLS + 63) / 64];
};
extern struct trace_filter trace_filter;
/* Counts a call of @nr (below NR_SYSCALLS) that took @ns. */
void trace_count_call(u32 nr, u64 ns, bool failed);

/* Returns "EBADF" for 9 (not -9); NULL for an unknown errno. */
const char *errno_name(int err);

/*
 * Appends argument @v, formatted as @type, to the terminated text of length @len in @buf, as far as
 * it fits in @size bytes. Returns the new length, always below @size. Reads no guest memory: a path
 * is printed as its address.
 */
size_t format_arg(char *buf, size_t size, size_t len, enum syscall_arg type, u64 v);

/*
 * Appends the @n bytes at @text in quotes, with unprintable characters escaped, and "..." behind it
 * if @more. Cuts and returns as format_arg() does.
 */
size_t format_quoted(char *buf, size_t size, size_t len, const char *text, size_t n, bool more);

#endif
