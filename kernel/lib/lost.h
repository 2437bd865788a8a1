/* SPDX-License-Identifier: MIT */
/*
 * lost.h: counts data of the guest that the host has refused, when no program waited for the write.
 *
 * Each disk and each folder of the host counts under its name. The end of the instance reports the
 * counts to the user.
 */
#ifndef NESTLING_LIB_LOST_H
#define NESTLING_LIB_LOST_H

#include "kernel/lib/types.h"

/* Adds @bytes (0: an unknown number) to the count of @name. @err: -errno. Callable anywhere. */
void note_lost(const char *name, u64 bytes, int err);
/* True if @name has lost anything since boot. */
bool has_lost(const char *name);
/* Writes what name @i has lost, a line. Returns its length; 0: there are no more names. */
#define LOST_LINE 288
int lost_line(u32 i, char *line, size_t size);
/*
 * Reports each name in the log and on standard error, once. The process then ends with status 3
 * instead of 0.
 */
void tell_lost(void);

/* Limits lines in the log to a few in five seconds. Protected by a lock of lost.c. */
struct log_limit {
	/* ktime of the first line of these five seconds */
	u64 begun;
	u32 said, missed;
};
/* True if a line may be printed now. Prints "@name: N callbacks suppressed" after omitted lines. */
bool may_log(struct log_limit *l, u64 now, const char *name);

#endif
