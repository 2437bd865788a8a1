/* SPDX-License-Identifier: MIT */
/*
 * audit.h: `nestctl run --audit`: carries the lines of the kernel and of its slirp helper to files
 * and descriptors, and numbers them (docs/policy.md).
 *
 *	audit_add("events.jsonl")     each --audit, while options are read
 *	audit_prepare(r)              opens files, makes the pipe, adds the kernel's parameter
 *	audit_begin()                 the kernel has its end: lines flow
 *	audit_tell("refused", ...)    a line of nestctl's own
 *	audit_finish(status, hurry)   the kernel has ended
 *
 * Each function does nothing without --audit.
 */
#ifndef NESTLING_NESTCTL_AUDIT_H
#define NESTLING_NESTCTL_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

struct run;

/* Adds FILE or fd:N. Dies if the descriptor cannot be written. */
void audit_add(const char *text);
/*
 * Sets the bytes that each file may have; of two sizes the smaller counts. Returns false if that is
 * too few.
 */
#define AUDIT_SIZE_MIN_KIB 256 /* more than is written at once */
bool audit_size(uint64_t size);
/* Forgets each FILE: the supervisor of a detached instance reads the options again. */
void audit_clear(void);
/* Has @f called with each line, terminated, by a thread of its own (learn.c). */
void audit_listen(void (*f)(const char *line));
/* Dies if a file cannot be written. */
void audit_prepare(struct run *r);
void audit_begin(void);
/* Writes a line with one field of text. Lost where there is no room, and counted. */
void audit_tell(const char *event, const char *key, const char *value);
/*
 * Waits until all lines are written; once @hurry() is true, not for a reader that takes nothing.
 * Then writes the line "end" with @status. Returns false if lines are missing, which is reported.
 */
bool audit_finish(int status, bool (*hurry)(void));

#endif
