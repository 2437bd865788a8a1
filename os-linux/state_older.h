/* SPDX-License-Identifier: MIT */
/*
 * state_older.h: the older state that a save compares the instance's pages with: a page that is
 * alike there is not written again (state.c).
 */
#ifndef NESTLING_OS_STATE_OLDER_H
#define NESTLING_OS_STATE_OLDER_H

#include "os-linux/state_tables.h"

struct state_older {
	bool is_open;
	struct state_tables t;
	/* [i][j]: its source i is source j of the state that this process goes on from */
	bool same_file[STATE_SOURCES][STATE_SOURCES];
	/* the content of all its runs, in their order; NULL: a page is read when needed */
	char *pages;
	uint64_t size;   /* of pages, in bytes */
	uint64_t *first; /* where each run begins in pages */
};

/* The two maps of one address: in the older state, and in the one that this process has. */
struct state_older_maps {
	uint32_t older, mine;
};

/*
 * Opens DIR/memory.1 of the folder @dir, if there is one that can be used, and reads its pages if
 * they are few. Called while the machine runs: what is read here need not be read at the stop.
 */
void state_older_open(struct state_older *o, int dir);
void state_older_close(struct state_older *o);

struct state_older_maps state_older_maps(const struct state_older *o, uint64_t addr);
/*
 * Finds @page, the page @number of a map, in the older state. False: it has another content there.
 * @same: this process maps the page from a file and has not written it. Then it is not read: it is
 * alike if the older state names the same place.
 */
bool state_older_find(const struct state_older *o, const struct state_older_maps *maps,
	const char *page, uint64_t number, bool same, struct state_place *place);

#endif
