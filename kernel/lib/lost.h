/* SPDX-License-Identifier: MIT */
/*
 * lost.h: counts data of the guest that the host failed to write, when no program waited for the
 * write.
 *
 * Each disk and each folder of the host has a count under its name. The counts are reported to the
 * user when the instance ends.
 */
#ifndef NESTLING_LIB_LOST_H
#define NESTLING_LIB_LOST_H

#include "kernel/lib/types.h"

/*
 * Adds @bytes (0: an unknown number) to the count of @name, which is copied, up to 127 bytes. @err:
 * -errno. Callable anywhere.
 */
void note_lost(const char *name, u64 bytes, int err);
/* True if @name has lost anything since boot. */
bool has_lost(const char *name);
/*
 * Writes one line about the @i-th name (from 0) that has lost data, at most LOST_LINE bytes with
 * its terminator. Returns its length; 0: there is no such name.
 */
#define LOST_LINE 288
int lost_line(u32 i, char *line, size_t size);
/*
 * Reports each name that has lost data since the last report, in the log and on standard error. If
 * there is one, the process ends with status 3 instead of 0.
 */
void report_losses(void);

/*
 * Limits lines in the log to ten per five seconds. The owner zeroes it at first. Protected by a
 * lock of lost.c.
 */
struct log_limit {
	/* ktime_get() when the current five seconds began */
	u64 begun;
	/* Lines printed and omitted in the current five seconds. */
	u32 said, missed;
};
/*
 * True if a line may be printed now. @now: ktime_get(). Prints "@name: N callbacks suppressed"
 * after omitted lines. Callable anywhere.
 */
bool may_log(struct log_limit *l, u64 now, const char *name);

#endif
