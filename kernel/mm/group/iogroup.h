/* SPDX-License-Identifier: MIT */
/*
 * iogroup.h: groups of tasks whose reading and writing of disks is counted and limited (the io
 * controller).
 *
 *	io_account(dev, kind, bytes, page)   a request goes to the driver: block's
 *	io_dirtied(dev)                      current has made a page dirty that will be written
 *	                                     there
 *	io_pause()                           where nothing is held that others wait for: current
 *	                                     waits until it has paid
 *
 * The owner of a group keeps it while tasks are in it, and frees it after a grace period.
 */
#ifndef NESTLING_MM_IOGROUP_H
#define NESTLING_MM_IOGROUP_H

#include "kernel/lib/types.h"
#include "kernel/sched/sched.h"

enum { IO_READ, IO_WRITE, IO_DISCARD, IO_KINDS };
enum { IO_RBPS, IO_WBPS, IO_RIOPS, IO_WIOPS, IO_LIMITS }; /* a second */
#define IO_NO_LIMIT (~0UL)

/* The I/O of a group on one disk. */
struct io_node {
	struct io_node *next;               /* immutable once it is on the list */
	dev_t dev;                          /* of the whole disk */
	u64 bytes[IO_KINDS], ios[IO_KINDS]; /* atomic */
	/* read racily; written under limits_lock, as is the rest */
	u64 limit[IO_LIMITS];
	/* time at which the requests begun so far are within the limit; ktime */
	u64 paid_at[IO_LIMITS];
};

struct io_group {
	/* NULL: below the root, which counts nothing */
	struct io_group *parent;
	struct io_node *nodes; /* grows at its head; atomic */
};

struct page;

void io_group_init(struct io_group *g, struct io_group *parent);
void io_group_free(struct io_group *g);
void io_group_reset(struct io_group *g); /* no limits any more */
/* Sets the group's limits for the disk @dev. 0 or -ENOMEM. */
int io_group_limit(struct io_group *g, dev_t dev, const u64 *limit);
/*
 * Finds the group's record of a disk. NULL: it has done nothing with that disk, and has no limit.
 */
struct io_node *io_group_node(const struct io_group *g, dev_t dev);

/* Counts and charges a request. @page: the first page of a write. */
void io_account(dev_t dev, u32 kind, u64 bytes, const struct page *page);
void io_wait_until_paid(void);
void io_charge_dirty(dev_t dev);
extern u32 io_nr_limits; /* nodes with a limit; a racy hint */
/*
 * Pages of the cache have no owner: writing them is charged to the submitter, whichever task made
 * them dirty. As in version 1 of control groups, which has disks and memory in trees of their own.
 */
extern bool io_pages_unowned;

static inline void io_pause(void)
{
	if (unlikely(current->io_paid_at))
		io_wait_until_paid();
}

static inline void io_dirtied(dev_t dev)
{
	if (unlikely(READ_ONCE(io_nr_limits)) && current->io_group)
		io_charge_dirty(dev);
}

#endif
