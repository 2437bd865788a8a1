/* SPDX-License-Identifier: MIT */
/*
 * older.h: the older state with which a save compares the instance's pages. A page with equal
 * content there is not written again (save.c).
 */
#ifndef NESTLING_OS_STATE_OLDER_H
#define NESTLING_OS_STATE_OLDER_H

#include "os-linux/state/tables.h"

/*
 * limit of the runs of a state that are in older files: more would cost the restore too many maps,
 * so further pages are written again
 */
#define OLDER_RUNS_MAX 2000

struct state_older {
	bool is_open;
	struct state_tables t;
	/*
	 * [i][j]: source i of the older state is source j of the state from which this process
	 * continues
	 */
	bool same_file[STATE_SOURCES][STATE_SOURCES];
	/* the content of all its runs, in their order; NULL if pages are read when needed */
	char *pages;
	uint64_t size;   /* of pages, in bytes */
	uint64_t *first; /* where each run begins in pages */
};

/* the maps of one address, in the older state and in the state from which this process continues */
struct state_older_maps {
	uint32_t older, mine;
};

/*
 * Opens DIR/memory.1 of the folder @dir, if there is one that can be used, and reads its pages if
 * they are few. Called while the machine runs, to shorten the stop.
 */
void state_older_open(struct state_older *o, int dir);
/* Frees all of *o. Does nothing if no state is open. */
void state_older_close(struct state_older *o);

/* Returns the indices of the maps at @addr, each ~0 if there is none. */
struct state_older_maps state_older_maps(const struct state_older *o, uint64_t addr);
/*
 * Finds @page, which is page @number of the map @maps, in the older state, and sets *place. Returns
 * false if its content differs there. @same is true if this process maps the page from a file and
 * has not written it. Then the page is not read, and is equal if the older state names the same
 * place in the same file.
 */
bool state_older_find(const struct state_older *o, const struct state_older_maps *maps,
	const char *page, uint64_t number, bool same, struct state_place *place);

#endif
