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
 * Frame an operation that stops the machine; one task at a time. state_begin() returns false if
 * another task is in such an operation.
 */
bool state_begin(void);
void state_end(void);
/*
 * Waits, with the machine stopped, for requests that the host has nearly completed. Returns -EAGAIN
 * if one does not end; @why then names its part.
 */
s64 state_quiet(struct state_why *why);
/*
 * put_back.c: state_mark_restored() marks a process that was put back to a state by exec. It
 * returns true each time that the machine has returned to that mark. state_mark_saved() marks the
 * state that machine_save() has just written, in the same stop. state_go_back() returns to the mark
 * if it is the state in @dir; it returns only -errno.
 */
bool state_mark_restored(void);
void state_mark_saved(void);
int state_go_back(const char *dir, struct state_why *why);
/* Returns @err. Sets @why to @text unless it has a text already. */
s64 state_fail(struct state_why *why, s64 err, const char *text);
/* Lets all other tasks of the first vCPU run for @ns. */
void state_pause(u64 ns);

#endif
