/* SPDX-License-Identifier: MIT */
/*
 * cow4_table_host.h: an open COW file of version 4, between cow4_host.c (the layer) and
 * cow4_table_host.c (its tables). @index is the number of a table; @first, @n and @max count
 * sectors in a table. Functions take the lock that they need, unless their comment says otherwise.
 */
#ifndef NESTLING_UBD_COW4_TABLE_HOST_H
#define NESTLING_UBD_COW4_TABLE_HOST_H

#include "drivers/ubd/cow4_host.h"

/* changed tables above which the writer flushes: 4 MiB of copies */
#define CHANGED_MAX 1024

struct table {
	struct cow4_table disk; /* bits atomic, the rest under flush_lock */
	/* slot of the last complete write; protected by flush_lock */
	unsigned int slot;
	uint64_t index;
	/* next changed table; protected by lock */
	struct table *next;
	bool changed;      /* in the list */
	struct table *all; /* next loaded table; under lock */
};
extern struct table cow4_empty; /* read only */

struct copy {
	struct cow4_table disk;
	struct table *of;
};

struct cow4 {
	struct cow4_header header; /* flags and seq under lock */
	int slot;                  /* of the header */
	/* true: the file was found dirty, so a slot may be torn */
	bool torn_is_fine;
	bool session; /* atomic; true: dirty flag is on disk */
	uint64_t nr_tables;
	struct table **tables; /* atomic pointers */
	struct table *all;     /* list of loaded tables; under lock */
	struct cow4_pack *pack;

	pthread_mutex_t lock;
	struct table *changed;
	uint64_t nr_changed;

	pthread_mutex_t flush_lock;
	struct copy *copies;
	uint64_t room; /* capacity in copies */
	/* atomic. begun: number of flushes begun. ended_well: number of the last that succeeded */
	uint64_t begun, ended_well;
};

/* Returns the table, loading it if needed: &cow4_empty if it has no bits, or NULL with *err. */
struct table *table_get(struct layer *l, uint64_t index, int *err);
/* Returns a table that may be written to, never &cow4_empty; or NULL with *err. */
struct table *table_get_own(struct layer *l, uint64_t index, int *err);
/* Returns the table, or NULL if it is not loaded. */
struct table *table_peek(const struct cow4 *c, uint64_t index);
/*
 * Reads the table from the file without entering it. Returns memory of the caller, &cow4_empty, or
 * NULL with *err. *cut is set if one of its slots is torn.
 */
struct table *table_read(struct layer *l, uint64_t index, bool *cut, int *err);
/*
 * Enters a table in c->tables, which owns it then. lock held, or no other thread has the file yet.
 */
void table_enter(struct cow4 *c, uint64_t index, struct table *t);
/*
 * Returns the index of the first table, from @index on, for which the file may have data, or
 * nr_tables.
 */
uint64_t table_next(struct layer *l, uint64_t index);

/*
 * Returns the number of bits from @first on that are equal, at most @max, within the table. *set:
 * their value.
 */
uint64_t table_run(const struct table *t, uint64_t first, uint64_t max, bool *set);
/*
 * Sets [first, first + n) of the table and marks it as changed in one step, so that a thread which
 * finds the bits set and then flushes flushes them too. Returns how many tables the next flush will
 * write, or 0 if all bits were already set.
 */
uint64_t table_own(struct cow4 *c, struct table *t, uint64_t first, uint64_t n);
uint64_t table_count(const struct table *t); /* of set bits */
/* Marks a table for the next flush. Returns how many tables that flush will write. */
uint64_t table_changed(struct cow4 *c, struct table *t);
/*
 * Makes data and bits that were set before the call durable (fdatasync). Returns 0 or -errno. Takes
 * flush_lock, then lock.
 */
int cow4_flush(struct layer *l);
/*
 * Flushes at the end of the process, without allocating and without waiting for locks, which stay
 * held. Returns 0, -EBUSY if a lock is held, or another -errno.
 */
int cow4_flush_at_exit(struct layer *l);

#endif
