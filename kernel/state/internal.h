/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of kernel/state. */
#ifndef NESTLING_STATE_INTERNAL_H
#define NESTLING_STATE_INTERNAL_H

#include "kernel/state/state.h"

/* All parts, in the order of the linker. */
extern const struct state_part __start_state_parts[] __weak;
extern const struct state_part __stop_state_parts[] __weak;
#define for_each_part(p)                                                                           \
	for (const struct state_part *p = __start_state_parts; p < __stop_state_parts; p++)

/*
 * Begins an operation that stops the machine. Returns false if another one is in progress. After
 * true the caller calls state_end(). Does not sleep.
 */
bool state_begin(void);
/* Ends the operation. Does not sleep. */
void state_end(void);
/*
 * Waits, with the machine stopped, for requests that the host has nearly completed, up to 20 ms.
 * Returns 0 or, if one does not end, -EAGAIN; @why then names its part. Blocks the vCPU.
 */
s64 state_quiet(struct state_why *why);
/*
 * put_back.c: called with the machine stopped, in a process that continues from a state. If exec
 * put the process back to that state (a rollback), marks the machine. Returns false if it has made
 * the mark or could not make it, and true each time that the machine has returned to that mark.
 */
bool state_mark_restored(void);
/*
 * Marks the state that machine_save() has just written, in the same stop. If that is not possible,
 * drops an earlier mark of a state.
 */
void state_mark_saved(void);
/*
 * Returns to the mark, which is the state in @dir. Called by a kernel thread, may sleep. Returns
 * only -errno, with @why set: -EBUSY, or the first error of a part.
 */
int state_go_back(const char *dir, struct state_why *why);
/* Returns @err. Sets @why to @text unless it has a text already. */
s64 state_fail(struct state_why *why, s64 err, const char *text);
/*
 * Lets all other tasks of the first vCPU run for @ns. Called by a kernel thread that is bound to
 * the first vCPU.
 */
void state_pause(u64 ns);

#endif
