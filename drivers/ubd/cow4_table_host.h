/* SPDX-License-Identifier: MIT */
/* cow4_table_host.h: an open COW file of version 4, between cow4_host.c (the layer) and cow4_table_host.c (its tables). */
#ifndef NESTLING_UBD_COW4_TABLE_HOST_H
#define NESTLING_UBD_COW4_TABLE_HOST_H

#include "drivers/ubd/cow4_host.h"

#define CHANGED_MAX 1024 /* tables; more make the writer flush: 4 MiB of copies */

struct table {
	struct cow4_table disk; /* bits atomic, the rest under flush_lock */
	unsigned int slot;      /* that holds what was last known to be on the disk; flush_lock */
	uint64_t index;
	struct table *next; /* in the list of those that have changed; lock */
	bool changed;       /* in the list */
	struct table *all;  /* that are loaded; lock */
};
extern struct table cow4_empty; /* read only */

struct copy {
	struct cow4_table disk;
	struct table *of;
};

struct cow4 {
	struct cow4_header header; /* flags and seq under lock */
	int slot;                  /* of the header */
	bool torn_is_fine;         /* the file was dirty: a slot may be cut */
	bool session;              /* atomic: the dirty flag is on the disk */
	uint64_t nr_tables;
	struct table **tables; /* atomic pointers */
	struct table *all;     /* lock */
	struct cow4_pack *pack;

	pthread_mutex_t lock;
	struct table *changed;
	uint64_t nr_changed;

	pthread_mutex_t flush_lock;
	struct copy *copies;
	uint64_t room;              /* of copies */
	uint64_t begun, ended_well; /* numbers of flushes; atomic */
};

/* Loaded where it was not: &cow4_empty for one that says nothing, or NULL with *err. */
struct table *table_get(struct layer *l, uint64_t index, int *err);
/* Never &cow4_empty: one that may be written to. */
struct table *table_get_own(struct layer *l, uint64_t index, int *err);
/* NULL: it is not loaded. */
struct table *table_peek(const struct cow4 *c, uint64_t index);
/* The table as the file has it, not entered; *cut: one of its slots is not whole. */
struct table *table_read(struct layer *l, uint64_t index, bool *cut, int *err);
/* Enters one; under lock, or before anybody else knows the file. */
void table_enter(struct cow4 *c, uint64_t index, struct table *t);
/* Of the next table that the file may hold something of, from @index on; nr_tables: none. */
uint64_t table_next(struct layer *l, uint64_t index);

/* How many bits from @first on are as that one, at most @max, within the table. */
uint64_t table_run(const struct table *t, uint64_t first, uint64_t max, bool *set);
/*
 * Sets [first, first + n) of the table, and marks it as changed in one: who finds bits set and asks for a flush is told by it of them too.
 * How many tables are to be written by the next flush; 0: all bits were set.
 */
uint64_t table_own(struct cow4 *c, struct table *t, uint64_t first, uint64_t n);
uint64_t table_count(const struct table *t);
/* It is to be written by the next flush. How many are? */
uint64_t table_changed(struct cow4 *c, struct table *t);
int cow4_flush(struct layer *l);
/* A flush without memory of its own and without waiting for locks: 0, or why it could not be. */
int cow4_flush_at_exit(struct layer *l);

#endif
