/* SPDX-License-Identifier: MIT */
/*
 * memcg.h: groups of tasks whose memory is counted and limited (the memory controller).
 *
 * A frame that is allocated for a guest (GFP_USER, page cache) is charged to the group of the
 * allocating task, and to all groups above, until it is freed. The kernel's own memory is charged
 * if it is allocated with __GFP_ACCOUNT.
 */
#ifndef NESTLING_MM_MEMCG_H
#define NESTLING_MM_MEMCG_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct page;
struct task;

#define MEM_NO_LIMIT (~0UL >> 13) /* pages */

/* Events counted for memory.events. */
enum mem_event {
	MEM_LOW,
	MEM_HIGH,
	MEM_MAX,
	MEM_OOM,
	MEM_OOM_KILL,
	MEM_OOM_GROUP_KILL,
	MEM_EVENTS
};

/* The cached pages of a group that reclaim can drop; used by lru.c, under its lru_lock. */
struct mem_lru {
	struct list_head lists[2]; /* inactive, active: by page->lru */
	u64 counts[2];             /* pages in lists[] */
	/* in lru.c's list of groups with pages */
	struct list_head busy;
	/* due: pages to give in the next turn of reclaim; rest: the fraction left over (lru.c) */
	u64 due, rest;
};

/* Initialises @l without pages. */
void mem_lru_init(struct mem_lru *l);

/* Kinds of counts of huge pages (hugetlb_group.c): pages in use, and pages reserved. */
enum huge_kind { HUGE_USED, HUGE_RESERVED, HUGE_KINDS };
#define HUGE_NO_LIMIT (~0UL >> 1)
/* The numbers of a group, in huge pages. */
struct huge_group {
	atomic64_t pages[HUGE_KINDS]; /* charged, with groups below */
	u64 max[HUGE_KINDS];          /* limits, or HUGE_NO_LIMIT */
	u64 peak[HUGE_KINDS];         /* highest pages[]; racy */
	u64 hits[HUGE_KINDS];         /* charges that max refused; atomic */
	/*
	 * Numbers of refused charges of this group, whichever group's limit refused them. refused:
	 * with those of groups below. refused_local: without. Atomic.
	 */
	u64 refused, refused_local;
};
struct mem_group;
/*
 * Sets a limit, in huge pages. Returns 0, or -EBUSY with the limit unchanged: more are in use.
 * huge_group_reset() removes all limits. Neither sleeps.
 */
int huge_group_limit(struct mem_group *g, enum huge_kind kind, u64 pages);
void huge_group_reset(struct mem_group *g);

/* memcg_keep.c: the two kinds of protection: memory.min and memory.low. */
enum mem_keep { KEEP_MIN, KEEP_LOW, KEEPS };
/* which memory reclaim spares: none; memory.min; memory.min and memory.low */
enum mem_spare { SPARE_NONE, SPARE_MIN, SPARE_LOW };

struct io_group;
enum mem_swap_event { MEM_SWAP_HIGH, MEM_SWAP_MAX, MEM_SWAP_FAIL, MEM_SWAP_EVENTS };

/* Kinds of memory that are counted apart from usage, including groups below. */
enum mem_stat {
	MEM_KERNEL,
	MEM_SLAB,
	MEM_SLAB_RECLAIMABLE,
	MEM_FILE_MAPPED,
	MEM_FILE_DIRTY,
	MEM_FILE_WRITEBACK,
	/* all pages ever that reclaim took off the lists or out of processes; that it freed */
	MEM_SCANNED,
	MEM_STOLEN,
	MEM_STATS
};

struct mem_group {
	/* immutable; NULL for the root, which counts nothing */
	struct mem_group *parent;
	/* the io group of its cgroup, or NULL; immutable */
	struct io_group *io;
	atomic64_t usage; /* pages, with all groups below */
	/*
	 * charges of this group without groups below; while not 0, the group has a reference to its
	 * owner (mem_group_ops)
	 */
	atomic64_t local;
	/* file: pages of usage that are page cache. shmem: pages of @file in memory-only files. */
	atomic64_t file, shmem;
	atomic64_t stat[MEM_STATS]; /* pages */
	atomic64_t sock;            /* pages of usage: memory of sockets */
	u64 min, low, high, max;    /* pages; read racily */
	bool keeps;                 /* true once min or low was set */
	/* pages of @usage that are reported to the parent as protected by min and low; atomic */
	u64 claim[KEEPS];
	/* sum of claim[] over the groups below */
	atomic64_t below[KEEPS];
	/* Highest usage in pages. peak: ever. watched: since the latest mem_watch was begun. */
	u64 peak, watched;
	atomic64_t swap;         /* pages in swap areas, with all below */
	u64 swap_max, swap_high; /* pages; read racily */
	/* Highest @swap in pages: as peak and watched are of usage. */
	u64 swap_peak, swap_watched;
	u64 swap_events[MEM_SWAP_EVENTS]; /* atomic, with all below */
	/* lists of struct mem_watch, under memcg.c's watch_lock */
	struct list_head watches, swap_watches;
	bool oom_group;                                   /* memory.oom.group */
	u64 events[MEM_EVENTS], local_events[MEM_EVENTS]; /* atomic */
	struct mem_lru lru;
	struct huge_group huge;

	/*
	 * True if its owner is a group of version 1: then both_max limits, and both_peak records,
	 * memory and swap together. Immutable.
	 */
	bool v1;
	/* True if tasks that run out of memory wait, and none is killed; racy. */
	bool oom_waits;
	/* 0: reclaim by its limits does not swap; negative: vm.swappiness applies; read racily */
	int swappiness;
	u64 both_max, both_peak; /* pages */
	/* Numbers of charges that max (hits) and both_max (both_hits) refused; atomic. */
	u64 hits, both_hits;
	/*
	 * In pages. mem_group_ops->crossed() is called when usage falls below notify_below, or
	 * reaches notify_from.
	 */
	u64 notify_below, notify_from;
};

/*
 * Records the highest usage in pages since mem_watch_begin(), or ever if that was not called. The
 * owner zeroes it at first. Under memcg.c's watch_lock.
 */
struct mem_watch {
	struct list_head list; /* in watches or swap_watches */
	bool on;               /* begun; mem_watch_end() leaves it */
	/* highest usage (pages) up to the begin of the watch begun next */
	u64 most;
};

/*
 * mem_watch_begin() begins a watch, or begins it anew; mem_watch_peak() returns its peak in pages;
 * mem_watch_end() ends it. The caller owns @w, and keeps it until the end. They do not sleep.
 */
void mem_watch_begin(struct mem_group *g, struct mem_watch *w);
u64 mem_watch_peak(struct mem_group *g, const struct mem_watch *w);
/* Begin a watch of swap usage, and return its peak in pages. mem_watch_end() ends it. */
void mem_swap_watch_begin(struct mem_group *g, struct mem_watch *w);
u64 mem_swap_watch_peak(struct mem_group *g, const struct mem_watch *w);
void mem_watch_end(struct mem_watch *w);

/*
 * mem_group_init() initialises a zeroed group, without limits; @parent must outlive it.
 * mem_group_reset() removes all limits and protection. Neither sleeps.
 */
void mem_group_init(struct mem_group *g, struct mem_group *parent);
void mem_group_reset(struct mem_group *g);
/* True if a limit of the group or of one above can cause a task to be killed or delayed. */
bool mem_group_is_limited(const struct mem_group *g);
/*
 * Recompute the claim[] of @g, and its parent's below[]: mem_keeps_set() after min or low was set,
 * mem_keeps_update() after the usage of a group with protection has changed. mem_keeps_changed() is
 * called after any change of usage. In any context.
 */
void mem_keeps_set(struct mem_group *g);
void mem_keeps_update(struct mem_group *g);
static inline void mem_keeps_changed(struct mem_group *g)
{
	if (unlikely(READ_ONCE(g->keeps)))
		mem_keeps_update(g);
}
extern bool mem_keeps_recursive; /* the mount option memory_recursiveprot */
/* Counts the pages of files on the inactive and active lists of @g and of groups below. */
void mem_group_lru(const struct mem_group *g, u64 *inactive, u64 *active);
/*
 * Returns how many pages of @g (or NULL) reclaim for @top (NULL: the machine) may take; ~0: all.
 * mem_spared() is true if it may take none. In any context.
 */
u64 mem_overage(const struct mem_group *g, const struct mem_group *top, enum mem_spare spare);
static inline bool mem_spared(
	const struct mem_group *g, const struct mem_group *top, enum mem_spare spare)
{
	return !mem_overage(g, top, spare);
}
/*
 * Counts events MEM_LOW of the groups of these @n pages: reclaim for @top takes the pages although
 * memory.low protects them. mem_group_count_low() counts one such event of @g.
 */
void mem_note_low(struct page **pages, u32 n, const struct mem_group *top);
void mem_group_count_low(struct mem_group *g);
/*
 * Reclaims until the group has at most @pages, after its limit was lowered, or gives up. @kill:
 * kills a task if reclaim fails. May sleep.
 */
void mem_group_shrink_to(struct mem_group *g, u64 pages, bool kill);
/*
 * Reclaims about @pages pages of the group: cached, droppable and swappable ones. Returns how many;
 * or 1 after a wait for writeback. May sleep, and does nothing if a spinlock is held.
 */
u64 mem_group_reclaim(struct mem_group *g, u64 pages);
/*
 * Makes current reclaim and wait if its group, or a group above, is over memory.high or
 * memory.swap.high. Called on the way to user mode with TIF_CGROUP. May sleep; no lock is held.
 */
void mem_group_pay(void);
/*
 * As mem_group_pay(), but in the middle of a long call that holds no lock, and only if current has
 * charged many pages above memory.high since it last paid.
 */
void mem_group_pay_on_the_way(void);

/*
 * Charge the memory of a socket's queues. mem_sock_begin() is called when the socket is made, and
 * returns the group to charge, current's, with a reference; NULL: none. mem_sock_end() drops that
 * reference. mem_sock_charge() charges @pages, or uncharges them if negative. It may exceed limits:
 * other memory of the group is then reclaimed later. @g may be NULL. In any context.
 */
struct mem_group *mem_sock_begin(void);
void mem_sock_charge(struct mem_group *g, s64 pages);
void mem_sock_end(struct mem_group *g);

/*
 * mem_swap_charge() charges a page of @g that moves to a swap area; mem_swap_uncharge() uncharges
 * it. mem_swap_charge() returns false if a limit forbids the move. Then *full, if it was NULL,
 * becomes the group with that limit, with a reference: the caller later calls mem_swap_refused(),
 * which counts and reports the refusal, and drops the reference. All may be called with spinlocks
 * held.
 */
bool mem_swap_charge(struct mem_group *g, struct mem_group **full);
void mem_swap_uncharge(struct mem_group *g);
void mem_swap_refused(struct mem_group *full);

/* Count events: MEM_OOM_KILL (a task of @g was killed), MEM_OOM_GROUP_KILL (all tasks were). */
void mem_group_killed(struct mem_group *g);
void mem_group_killed_all(struct mem_group *g);

/* Operations of the owner of memory groups; kernel/cgroup registers them before a group is made. */
struct mem_group_ops {
	/*
	 * hold() takes a reference to @g's owner when the first page is charged, release() drops it
	 * when the last page is uncharged. Locks may be held.
	 */
	void (*hold)(struct mem_group *g);
	void (*release)(struct mem_group *g);
	/*
	 * Takes a reference to @g's owner, which release() puts. Returns false if the owner is
	 * about to be freed.
	 */
	bool (*tryget)(struct mem_group *g);
	/* Kills a task of the group, or waits for room. True if a task of the group dies. */
	bool (*oom_kill)(struct mem_group *g);
	void (*event)(struct mem_group *g);      /* events[] or swap_events[] has changed */
	void (*huge_event)(struct mem_group *g); /* called when a huge page was refused */
	void (*crossed)(struct mem_group *g);    /* a bound was crossed; in any context */
	/* Returns the group to charge for current's huge pages, with a reference. */
	struct mem_group *(*huge_begin)(void);
};
extern const struct mem_group_ops *mem_group_ops;

#endif
