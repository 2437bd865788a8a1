/* SPDX-License-Identifier: MIT */
/*
 * ksm_control.h: merging of equal pages as /sys/kernel/mm/ksm, prctl(2) and the rest of mm see it
 * (ksm.c).
 */
#ifndef NESTLING_MM_KSM_CONTROL_H
#define NESTLING_MM_KSM_CONTROL_H

#include "kernel/lib/types.h"

struct mm;
struct page;
struct vm_area;

/* ksm.c: equal pages become one. */
enum { KSM_STOP, KSM_MERGE, KSM_PART };
/* pages, but for run, max_sharing and rounds */
struct ksm_numbers {
	u64 run, max_sharing, shared, sharing, unshared, changed, scanned, rounds, skipped;
	u64 across_nodes, use_zero;
	u64 zero; /* that are the one page of zeros now */
	/* contents with more than one merged page; these pages */
	u64 chains, twins;
	s64 profit; /* bytes */
};
#define KSM_PAGES_TO_SCAN 100
/* between two sleeps of ksmd; how long one is */
extern u64 ksm_pages_to_scan, ksm_sleep_ms;
/* how long an unmapped merged page may stay */
extern u64 ksm_prune_ms;
extern u64 ksm_smart_scan;
extern struct ksm_advisor {
	bool on;
	u64 max_cpu;                       /* percent */
	u64 min_pages, max_pages, seconds; /* how long a round is to take */
} ksm_advisor;                             /* read without a lock */
void ksm_set_advisor(bool on);
void ksm_set_pace(u64 *what, u64 value); /* @what: a field of ksm_advisor */
int ksm_set_across_nodes(u64 value);     /* 0, -EINVAL, -EBUSY: pages are merged */
void ksm_set_use_zero(bool on);
bool ksm_is_zero(const struct page *p);      /* of an entry's page */
bool ksm_may_merge(const struct vm_area *v); /* under mmap_lock */
/* True if ksm scans pages of the area. */
bool ksm_watches(const struct vm_area *v);
/* Returns how many bytes ksm.c needs for records of so many pages. */
u64 ksm_overhead(u64 pages);
void ksm_numbers(struct ksm_numbers *k);
int ksm_set_all(struct mm *mm, bool on);             /* prctl(PR_SET_MEMORY_MERGE): 0 or -errno */
void ksm_exec(struct mm *new, const struct mm *old); /* @new is not published yet */
/* Sets /sys/kernel/mm/ksm/run, KSM_*: 0, -EINVAL, -ENOMEM; may sleep long. */
int ksm_set_run(u64 value);
/* Sets how many entries may share a merged page: 0, -EINVAL; -EBUSY: there are merged pages. */
int ksm_set_max_sharing(u64 value);

#endif
