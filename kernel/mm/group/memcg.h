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

enum mem_event {
	MEM_LOW,
	MEM_HIGH,
	MEM_MAX,
	MEM_OOM,
	MEM_OOM_KILL,
	MEM_OOM_GROUP_KILL,
	MEM_EVENTS
};

/* Pages of files that a group can lose, in lru.c's hands. */
struct mem_lru {
	struct list_head lists[2]; /* inactive, active */
	u64 counts[2];
	struct list_head busy; /* where there are any */
	u64 due, rest;
};

void mem_lru_init(struct mem_lru *l);

/* Huge pages, hugetlb_group.c's: those in use, those promised. */
enum huge_kind { HUGE_USED, HUGE_RESERVED, HUGE_KINDS };
#define HUGE_NO_LIMIT (~0UL >> 1)
struct huge_group {
	atomic64_t pages[HUGE_KINDS];
	u64 max[HUGE_KINDS];
	u64 peak[HUGE_KINDS]; /* racy */
	u64 hits[HUGE_KINDS]; /* charges that this limit refused; atomic */
	/* charges to this group and to groups below; atomic */
	u64 refused, refused_local;
};
struct mem_group;
int huge_group_limit(struct mem_group *g, enum huge_kind kind, u64 pages); /* 0, -EBUSY */
void huge_group_reset(struct mem_group *g);

/* memcg_keep.c */
enum mem_keep { KEEP_MIN, KEEP_LOW, KEEPS };
/* protected memory: none, min, low too */
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
	MEM_STATS
};

struct mem_group {
	/* immutable; NULL for the root, which counts nothing */
	struct mem_group *parent;
	/* the io group of its cgroup, or NULL; immutable */
	struct io_group *io;
	atomic64_t usage; /* pages, with all below */
	/*
	 * charges of its own, without groups below; while not 0, it holds a reference to its owner
	 * (mem_group_ops)
	 */
	atomic64_t local;
	/* pages of usage in the page cache; of these in memory-only files */
	atomic64_t file, shmem;
	atomic64_t stat[MEM_STATS]; /* pages */
	atomic64_t sock;            /* of usage: what sockets have */
	u64 min, low, high, max;    /* pages; read racily */
	bool keeps;                 /* has asked for min or low once */
	/* part of @usage that the parent counts as protected by min and low, in pages; atomic */
	u64 told[KEEPS];
	/* sum over the groups below, as reported by them */
	atomic64_t below[KEEPS];
	/* the peak in pages: ever, and since a mem_watch was reset */
	u64 peak, watched;
	atomic64_t swap;         /* pages in swap areas, with all below */
	u64 swap_max, swap_high; /* pages; read racily */
	u64 swap_peak, swap_watched;
	u64 swap_events[MEM_SWAP_EVENTS]; /* atomic, with all below */
	/* of struct mem_watch, under memcg.c's watch_lock */
	struct list_head watches, swap_watches;
	bool oom_group;
	u64 events[MEM_EVENTS], local_events[MEM_EVENTS]; /* atomic */
	u64 reclaimed;                                    /* pages, atomic */
	struct mem_lru lru;
	struct huge_group huge;

	/*
	 * its owner is a group of version 1; both_max and both_peak are then the limit and the peak
	 * of memory and swap areas together
	 */
	bool v1; /* immutable */
	/* tasks out of memory wait, and none is killed; racy */
	bool oom_waits;
	/* 0: its limits swap nothing out; negative: vm.swappiness applies; read racily */
	int swappiness;
	u64 both_max, both_peak;
	/* charges that these limits refused; atomic */
	u64 hits, both_hits;
	/*
	 * bounds: mem_group_ops->crossed() is called when its pages fall below the first or reach
	 * the second
	 */
	u64 tell_below, tell_from;
};

/*
 * The highest usage since the last mem_watch_begin(), or ever if there was none. Begins zeroed. In
 * pages.
 */
struct mem_watch {
	struct list_head list;
	bool on;
	/* the peak before others reset theirs */
	u64 most;
};

void mem_watch_begin(struct mem_group *g, struct mem_watch *w);
u64 mem_watch_peak(struct mem_group *g, const struct mem_watch *w);
/* Begins a watch of swap usage. */
void mem_swap_watch_begin(struct mem_group *g, struct mem_watch *w);
u64 mem_swap_watch_peak(struct mem_group *g, const struct mem_watch *w);
void mem_watch_end(struct mem_watch *w);

void mem_group_init(struct mem_group *g, struct mem_group *parent);
void mem_group_reset(struct mem_group *g);
/* True if a limit of the group or of one above may have a task killed or delayed. */
bool mem_group_is_limited(const struct mem_group *g);
/* Recomputes after min or low was set, or usage of such a group changed. */
void mem_keeps_set(struct mem_group *g);
void mem_keeps_told(struct mem_group *g);
static inline void mem_keeps_changed(struct mem_group *g)
{
	if (unlikely(READ_ONCE(g->keeps)))
		mem_keeps_told(g);
}
extern bool mem_keeps_recursive; /* the mount option memory_recursiveprot */
/* Counts the pages of files on the lists of @g and of groups below. */
void mem_group_lru(const struct mem_group *g, u64 *inactive, u64 *active);
/*
 * Returns how many pages of @g (or NULL) reclaim for @top (NULL: the machine) may take; ~0: all. In
 * any context.
 */
u64 mem_overage(const struct mem_group *g, const struct mem_group *top, enum mem_spare spare);
static inline bool mem_spared(
	const struct mem_group *g, const struct mem_group *top, enum mem_spare spare)
{
	return !mem_overage(g, top, spare);
}
/* Counts that reclaim for @top takes these pages although memory.low covers them. */
void mem_note_low(struct page **pages, u32 n, const struct mem_group *top);
void mem_group_count_low(struct mem_group *g);
/* Shrinks the group to @pages after a limit was lowered, and kills if it must. */
void mem_group_shrink_to(struct mem_group *g, u64 pages, bool kill);
/* Takes pages of files from the group: how many. May sleep. */
u64 mem_group_reclaim(struct mem_group *g, u64 pages);
/* Makes a task over memory.high reclaim and wait, on the way to user mode with TIF_CGROUP. */
void mem_group_pay(void);
/* Pays within a long call, which holds no lock, if it has charged much since. */
void mem_group_pay_on_the_way(void);

/*
 * Charge memory of a socket's queues. mem_sock_begin() chooses the payer when the socket is made:
 * current's group with a reference, which mem_sock_end() drops; NULL: none. Pages (negative: given
 * back) are charged beyond limits, too, and push out other memory of the group. In any context.
 */
struct mem_group *mem_sock_begin(void);
void mem_sock_charge(struct mem_group *g, s64 pages);
void mem_sock_end(struct mem_group *g);

/*
 * Charges a page of the group's that moves from memory to a swap area. Returns false if a limit
 * forbids it; *full, if it is NULL, becomes the group whose limit forbids it, with a reference, for
 * mem_swap_refused(), which counts and reports that. With spinlocks held.
 */
bool mem_swap_charge(struct mem_group *g, struct mem_group **full);
void mem_swap_uncharge(struct mem_group *g);
void mem_swap_refused(struct mem_group *full);

/* Counts a kill for the group, or a kill of the whole group. */
void mem_group_killed(struct mem_group *g);
void mem_group_killed_all(struct mem_group *g);

/*
 * Operations of the owner of memory groups, kernel/cgroup, which registers them before any group is
 * made.
 */
struct mem_group_ops {
	/*
	 * Called when the first page is charged, and when the last one is uncharged. Locks may be
	 * held.
	 */
	void (*hold)(struct mem_group *g);
	void (*release)(struct mem_group *g);
	/*
	 * Takes a reference, which release() gives back; false where the owner is about to be
	 * freed.
	 */
	bool (*tryget)(struct mem_group *g);
	bool (*oom_kill)(struct mem_group *g); /* true when a task of the group dies */
	void (*event)(struct mem_group *g);
	void (*huge_event)(struct mem_group *g); /* a huge page was refused */
	void (*crossed)(struct mem_group *g);    /* tell_from was crossed; in any context */
	/*
	 * Returns the group that pays for current's huge pages, as mem_sock_begin() does for
	 * sockets.
	 */
	struct mem_group *(*huge_begin)(void);
};
extern const struct mem_group_ops *mem_group_ops;

#endif
