/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of kernel/state. */
#ifndef NESTLING_STATE_INTERNAL_H
#define NESTLING_STATE_INTERNAL_H

#include "kernel/state/state.h"

extern const struct state_part __start_state_parts[] __weak;
extern const struct state_part __stop_state_parts[] __weak;
#define for_each_part(p)                                                                           \
	for (const struct state_part *p = __start_state_parts; p < __stop_state_parts; p++)

/*
 * Brackets what stops the machine: one task at a time. state_begin() says false where another one
 * is at it.
 */
bool state_begin(void);
void state_end(void);
/*
 * Waits, with the machine stopped, for requests that the host has nearly done. -EAGAIN: one does
 * not end, and @why names it.
 */
s64 state_quiet(struct state_why *why);
/*
 * put_back.c: notes what a process that was put back by exec has, and marks it. True each time that
 * it has gone back there. state_go_back() goes back if that is what @dir has; it returns -errno.
 */
bool state_mark_restored(void);
int state_go_back(const char *dir, struct state_why *why);
/* Returns @err; sets @why to @text if it says nothing yet. */
s64 state_fail(struct state_why *why, s64 err, const char *text);
/* Lets all other tasks of the first vCPU run for a moment. */
void state_pause(u64 ns);

#endif
