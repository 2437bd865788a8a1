/* SPDX-License-Identifier: MIT */
/*
 * iogroup.h: groups of tasks whose reading and writing of disks is counted and limited (the io
 * controller).
 *
 *	io_account(dev, kind, bytes, page)   kernel/block calls it when a request goes to the
 *	                                     driver
 *	io_dirtied(dev)                      current has made dirty a page that will be written
 *	                                     to the disk dev
 *	io_pause()                           called where no lock is held: current waits until
 *	                                     its group is below its limits again
 *
 * kernel/cgroup keeps a group while tasks are in it, and frees it after a grace period.
 */
#ifndef NESTLING_MM_IOGROUP_H
#define NESTLING_MM_IOGROUP_H

#include "kernel/lib/types.h"
#include "kernel/sched/sched.h"

enum { IO_READ, IO_WRITE, IO_DISCARD, IO_KINDS };
enum { IO_RBPS, IO_WBPS, IO_RIOPS, IO_WIOPS, IO_LIMITS }; /* limits per second: bytes or requests */
#define IO_NO_LIMIT (~0UL)

/* The I/O of a group on one disk. */
struct io_node {
	struct io_node *next;               /* immutable once listed */
	dev_t dev;                          /* number of the whole disk */
	u64 bytes[IO_KINDS], ios[IO_KINDS]; /* atomic */
	/* bytes or requests per second, or IO_NO_LIMIT; written under limits_lock, read racily */
	u64 limit[IO_LIMITS];
	/* ktime from which on the group is within each limit again; locks as for limit */
	u64 paid_at[IO_LIMITS];
};

struct io_group {
	/* NULL: the parent is the root, which counts nothing; immutable */
	struct io_group *parent;
	struct io_node *nodes; /* new nodes are put in front; atomic */
};

struct page;

/*
 * io_group_init() makes an empty group, without limits; @parent must outlive it. io_group_free()
 * frees the nodes of a group; before that, the caller removes the limits by io_group_reset(), and
 * waits for a grace period (sched/timer.h), so that no task uses the group. Neither sleeps.
 */
void io_group_init(struct io_group *g, struct io_group *parent);
void io_group_free(struct io_group *g);
/* Removes all limits. Does not sleep. */
void io_group_reset(struct io_group *g);
/*
 * Sets the group's limits for the disk @dev: IO_LIMITS elements, IO_NO_LIMIT for none. May sleep. 0
 * or -ENOMEM.
 */
int io_group_limit(struct io_group *g, dev_t dev, const u64 *limit);
/*
 * Returns the group's record of a disk, which exists as long as the group. NULL: the group has
 * neither used that disk nor has a limit for it.
 */
struct io_node *io_group_node(const struct io_group *g, dev_t dev);

/*
 * Counts and charges a request of current: @kind is IO_READ, IO_WRITE or IO_DISCARD. @page: the
 * first page of a write, or NULL. Does not sleep, but may let the next io_pause() wait.
 */
void io_account(dev_t dev, u32 kind, u64 bytes, const struct page *page);
/*
 * The bodies of io_pause() and io_dirtied(). Only io_wait_until_paid() sleeps, until the limits are
 * met or current is killed.
 */
void io_wait_until_paid(void);
void io_charge_dirty(dev_t dev);
extern u32 io_nr_limits; /* nodes with a limit; a racy hint */
/*
 * True if writes of cached pages are charged to the task that submits them, not to the task that
 * made the pages dirty. Set for version 1 of control groups, where disks and memory have separate
 * trees.
 */
extern bool io_pages_unowned;

/* Sleeps until current's group is below its limits again, or current is killed. No lock held. */
static inline void io_pause(void)
{
	if (unlikely(current->io_paid_at))
		io_wait_until_paid();
}

/* Charges the write that the page needs that current has just made dirty. Does not sleep. */
static inline void io_dirtied(dev_t dev)
{
	if (unlikely(READ_ONCE(io_nr_limits)) && current->io_group)
		io_charge_dirty(dev);
}

#endif
