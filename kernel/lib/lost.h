/* SPDX-License-Identifier: MIT */
/*
 * lost.h: data that programs have written and that the host has refused, when no program waited for the write.
 *
 * A disk or a mounted folder of the host notes it under its name as it happens; the end of the instance tells the user.
 */
#ifndef NESTLING_LIB_LOST_H
#define NESTLING_LIB_LOST_H

#include "kernel/lib/types.h"

/* Adds @bytes (0: an unknown number) to what @name has lost by error @err (-errno). Callable anywhere. */
void note_lost(const char *name, u64 bytes, int err);
/* True if @name has lost anything since boot. */
bool has_lost(const char *name);
/* Tells of each name in the log and on standard error, once; the process ends with status 3 then, instead of 0. */
void tell_lost(void);

/* Limits lines in the log to a few in five seconds. Protected by a lock of lost.c. */
struct log_limit {
	u64 begun; /* ktime of the first line of these five seconds */
	u32 said, missed;
};
/* True if a line may be printed now. Prints "@name: N callbacks suppressed" when lines were left out before. */
bool may_log(struct log_limit *l, u64 now, const char *name);

#endif
