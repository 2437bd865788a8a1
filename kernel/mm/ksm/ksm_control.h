/* SPDX-License-Identifier: MIT */
/*
 * ksm_control.h: the interface of KSM, the merging of equal pages (ksm.c), for /sys/kernel/mm/ksm,
 * prctl(2) and the rest of mm. Functions that set or count something may sleep.
 */
#ifndef NESTLING_MM_KSM_CONTROL_H
#define NESTLING_MM_KSM_CONTROL_H

#include "kernel/lib/types.h"

struct mm;
struct page;
struct vm_area;

/* values of /sys/kernel/mm/ksm/run */
enum { KSM_STOP, KSM_MERGE, KSM_PART };
/*
 * The files of /sys/kernel/mm/ksm. run, max_sharing, across_nodes and use_zero are settings; rounds
 * is a count of rounds; the other members are numbers of pages unless a comment says otherwise.
 */
struct ksm_numbers {
	u64 run, max_sharing, shared, sharing, unshared, changed, scanned, rounds, skipped;
	u64 across_nodes, use_zero;
	u64 zero; /* mappings of the merged page of zeros */
	/* chains: contents that have several merged pages; twins: the number of these pages */
	u64 chains, twins;
	s64 profit; /* bytes */
};
#define KSM_PAGES_TO_SCAN 100
/* pages that ksmd scans between two sleeps; length of a sleep in ms */
extern u64 ksm_pages_to_scan, ksm_sleep_ms;
/* ms for which a merged page without mappings may stay */
extern u64 ksm_prune_ms;
/* not 0: pages whose content no other page had for several rounds are skipped for some rounds */
extern u64 ksm_smart_scan;
/* settings of the advisor; read without a lock */
extern struct ksm_advisor {
	bool on;
	u64 max_cpu;                       /* percent */
	u64 min_pages, max_pages, seconds; /* seconds: wanted length of a round */
} ksm_advisor;
/*
 * Switches the advisor, which adjusts ksm_pages_to_scan. A switch sets that to min_pages (on) or to
 * KSM_PAGES_TO_SCAN (off).
 */
void ksm_set_advisor(bool on);
/* Sets *@what, one of the settings above, and wakes up ksmd. */
void ksm_set_pace(u64 *what, u64 value);
/* Sets merge_across_nodes: 0, -EINVAL (not 0 or 1), or -EBUSY if merged pages exist. */
int ksm_set_across_nodes(u64 value);
void ksm_set_use_zero(bool on);
bool ksm_is_zero(const struct page *p); /* true for the merged page of zeros */
/* True if pages of the area may be merged. Under mmap_lock. */
bool ksm_may_merge(const struct vm_area *v);
/* True if merging was ever enabled and pages of the area may be merged. Under mmap_lock. */
bool ksm_watches(const struct vm_area *v);
/* Returns the bytes that ksm.c needs for records of @pages pages. */
u64 ksm_overhead(u64 pages);
void ksm_numbers(struct ksm_numbers *k);
/* Serves prctl(PR_SET_MEMORY_MERGE). Takes mmap_lock. 0 or -errno. */
int ksm_set_all(struct mm *mm, bool on);
/* Gives @new the PR_SET_MEMORY_MERGE setting of @old at exec. @new is not published yet. */
void ksm_exec(struct mm *new, const struct mm *old);
/*
 * Sets /sys/kernel/mm/ksm/run to one of KSM_*. Returns 0, -EINVAL or -ENOMEM. KSM_PART copies all
 * merged pages, which may take long.
 */
int ksm_set_run(u64 value);
/*
 * Sets how many entries may share a merged page, 2 to INT32_MAX. Returns 0, -EINVAL, or -EBUSY if
 * merged pages exist.
 */
int ksm_set_max_sharing(u64 value);

#endif
