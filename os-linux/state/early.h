/* SPDX-License-Identifier: MIT */
/*
 * early.h: writes most of a large memory to the state's file before the stop, while the instance
 * runs. The stop then only copies the pages that were written since.
 *
 *	early_init()       at the start of the process, before the jail
 *	early_prepare()    a thread: from now on the host notes what this process writes
 *	early_begin()      a short stop: spaces lose their mappings; from now on os_state_note()
 *	                   notes what programs may write
 *	early_copy()       a thread: writes the pages to the file
 *	early_collect()    the stop of the save
 *	early_find()       for each page that is to be saved
 *	early_clean()      a thread, when the instance runs again
 *	early_end()
 *
 * Used only for an instance that has booted, not for a restored one: userfaultfd does not note
 * writes to private mappings of a state's file. Functions that return int return 0 or -errno.
 */
#ifndef NESTLING_OS_STATE_EARLY_H
#define NESTLING_OS_STATE_EARLY_H

#include <stdbool.h>
#include <stdint.h>

#include "os-linux/os.h"
#include "os-linux/state/older.h"
#include "os-linux/state/pages.h"

/* True if early_prepare() has succeeded and early_end() was not called. */
bool early_is_prepared(void);
/* True from early_begin() to early_end(). */
bool early_has_begun(void);
/*
 * Begins to note writes to the guest's memory (map 0 of @s), all of which this process has mapped
 * already. Does nothing if the host cannot note writes, or after an earlier call.
 */
void early_prepare(const struct os_state *s);
/* Begins to note what os_state_note() reports. Called in a stop, after early_prepare(). */
void early_begin(void);
/*
 * Writes the pages of map 0 to @fd, at @at and following, except those that @older (or NULL) has or
 * that are zero.
 */
int early_copy(const struct finder *f, const struct state_older *older, int fd, uint64_t at);
/* Determines which pages were written since early_copy() read them. The machine is stopped. */
void early_collect(void);

enum early_page {
	/* not known: the save compares the page in the stop */
	EARLY_UNKNOWN,
	EARLY_ZERO,
	EARLY_HERE, /* early_copy() has written it */
	EARLY_OLDER /* the older state has it, at *place */
};
/* Returns what is known of page @number. Called after early_collect(). */
enum early_page early_find(
	const struct state_older *older, uint64_t number, struct state_place *place);
/* Notes that the file is to have page @number, so that early_clean() leaves it. */
void early_keep(uint64_t number);
/*
 * Clears the pages that early_copy() has written and that were not named to early_keep(): a page
 * that a restore maps and no run names has to read as zeros. @fd, @at: as in early_copy().
 */
int early_clean(int fd, uint64_t at);
/* Ends the noting of writes, and frees its memory. Does nothing if early_is_prepared() is false. */
void early_end(void);

#endif
