/* SPDX-License-Identifier: MIT */
/*
 * trace.h: tracepoints that are switched on at run time, and the ring of text lines to which they
 * and the system-call tracer write.
 *
 *      TRACE(switch, "%s[%d] -> %s[%d]", ...);
 *
 * A point that is off costs one bit test. Only the list below names the points;
 * /proc/nestling/tracepoints shows and switches them, as does `nestctl trace --point`.
 */
#ifndef NESTLING_LIB_TRACE_H
#define NESTLING_LIB_TRACE_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"

#define TRACE_POINTS(POINT)                                                                        \
	POINT(switch, "a vCPU goes from one task to another")                                      \
	POINT(wake, "a task is woken")                                                             \
	POINT(fault, "a page fault of a guest: address, instruction, error code")                  \
	POINT(fork, "a task is born")                                                              \
	POINT(exec, "a program replaces another")                                                  \
	POINT(exit, "a task ends")                                                                 \
	POINT(signal, "a signal is queued")                                                        \
	POINT(block, "a request goes to a disk")                                                   \
	POINT(irq, "the handler of an interrupt line runs")

#define TRACE_ENUM(name, text) TRACE_##name,
enum trace_point { TRACE_POINTS(TRACE_ENUM) TRACE_NR };
#undef TRACE_ENUM

extern u64 trace_points; /* bits of the points that are on */

#define TRACE(point, ...)                                                                          \
	do {                                                                                       \
		if (unlikely(READ_ONCE(trace_points) & BIT(TRACE_##point)))                        \
			trace_print(#point, __VA_ARGS__);                                          \
	} while (0)

/*
 * Appends a line with time and name ("": none) to the ring, cut at 638 bytes; any lock may be held.
 * Without a ring the line is lost.
 */
void trace_print(const char *name, const char *fmt, ...) __printf(2, 3);
/* Returns the name of point @i and sets *text to its description; NULL past the last. */
const char *trace_point_name(int i, const char **text);
/* Switches a point, or all points if @name is "all". Returns false for an unknown name. */
bool trace_point_set(const char *name, bool on);

/*
 * Sets the ring's memory, once and for ever; @size in bytes is a power of two. Returns false if the
 * ring has memory already: @buf then stays the caller's.
 */
bool trace_ring_set(void *buf, u64 size);
/* True if trace_ring_set() has set the ring's memory. */
bool trace_ring_there(void);
/*
 * Copies whole lines from position *pos on, and advances *pos; ~0: skips to the end, for new lines
 * only. Returns the bytes copied, without a terminator; a buffer shorter than the next line (at
 * most 640 bytes) gets none. *lost: bytes that were overwritten before they were read.
 */
size_t trace_read(u64 *pos, char *buf, size_t size, u64 *lost);

#endif
