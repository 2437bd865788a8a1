/* SPDX-License-Identifier: MIT */
/*
 * tables.h: reading the tables of a state's memory (file.h), for a restore and for a
 * save that writes only what differs from an older state.
 */
#ifndef NESTLING_OS_STATE_TABLES_H
#define NESTLING_OS_STATE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "os-linux/state/file.h"

struct state_tables {
	int fd[STATE_SOURCES]; /* of each source in use, or -1 */
	struct state_header h;
	struct state_map *maps;
	struct state_run *runs;
	char *texts;
	char why[300];
};

/*
 * Opens DIR/@name of the folder @dirfd and its sources, whose numbers are @shift higher there than
 * in the file, and reads the tables. On failure returns false with the reason in t->why; the caller
 * calls state_tables_close() in any case. Checks that maps, runs and sources lie within their
 * files, but not their addresses. @dirfd stays the caller's.
 */
bool state_tables_open(struct state_tables *t, int dirfd, const char *name, uint32_t shift);
/* Closes the descriptors and frees the tables. Called once. */
void state_tables_close(struct state_tables *t);

/*
 * True if the command line of the state in folder @dir has a word for which @is returns true, or if
 * it cannot be read. Only a hint, since the state has not been checked yet.
 */
bool state_tables_may_have(const char *dir, bool (*is)(const char *word));

/* The place of a page's content. */
struct state_place {
	uint32_t source;
	uint64_t at;  /* offset in the file of the source */
	uint64_t run; /* the index of its run */
};
/*
 * Returns the index of the map with content at @addr, or ~0 if there is none. The search begins at
 * the index that the last call has returned. Not thread-safe.
 */
uint32_t state_tables_map(const struct state_tables *t, uint64_t addr);
/*
 * Returns the index of the first run that ends behind @page of the map. If the map has none, that
 * is the first run of a later map, or nr_runs.
 */
uint64_t state_tables_run(const struct state_tables *t, uint32_t map, uint64_t page);
/* Finds the place of a page's content. Returns false if the page is zero, or @map is ~0. */
bool state_tables_find(
	const struct state_tables *t, uint32_t map, uint64_t page, struct state_place *place);

#endif
