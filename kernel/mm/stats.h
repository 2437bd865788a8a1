/* SPDX-License-Identifier: MIT */
/*
 * stats.h: counts of memory for /proc: meminfo, vmstat, /proc/nestling/memory, smaps and pagemap.
 * Counters are read without a lock.
 */
#ifndef NESTLING_MM_STATS_H
#define NESTLING_MM_STATS_H

#include "kernel/lib/types.h"

struct mm;
struct vm_area;

/* Pages, with the meanings of /proc/meminfo. */
struct meminfo {
	u64 total, free, available, cached, buffers, shmem, slab, slab_reclaimable, anon, mapped,
		dirty, writeback, active_anon, inactive_anon, active_file, inactive_file,
		page_tables, kernel_stack, committed, commit_limit, swap_total, swap_free,
		swap_cached;
};
/* Fills in *mi. Does not sleep. */
void si_meminfo(struct meminfo *mi);
/*
 * Returns the number of frames that are neither free nor page cache. Cheap enough to be called for
 * each process.
 */
u64 mm_used_frames(void);
/* Events since boot. The unit is pages where Linux counts pages. */
struct vmstat_counters {
	/* sectors that were submitted to block devices */
	u64 pgpgin, pgpgout;
	u64 pgfault, pgmajfault, pgalloc, pgfree, oom_kill, dirtied, written, pgactivate,
		pgdeactivate, scan_kswapd, scan_direct, steal_kswapd, steal_direct, allocstall,
		slabs_scanned, drop_pagecache, drop_slab, pswpin, pswpout;
};
extern struct vmstat_counters vmstat;
/* Adds @n to a counter of vmstat. In any context. */
#define count_vm(field, n) ((void)__atomic_fetch_add(&vmstat.field, (n), __ATOMIC_RELAXED))
/*
 * Use of the frames, for /proc/nestling/memory. The fields from free to huge, and frames with other
 * uses, add up to total. All numbers are frames.
 */
struct memory_kinds {
	/* large: blocks of kmalloc() above 8 KiB; tables: page tables; huge: huge pages */
	u64 total, free, anon, file, shmem, slab, large, tables, huge;
	/* free frames for which the host has memory */
	u64 free_backed;
	/* page cache in frames of a mapped disk image (region.h); not part of total */
	u64 direct;
	u64 frame_table; /* frames of struct page; not part of total */
};
void mm_memory_kinds(struct memory_kinds *k);

/*
 * Sums over areas, for /proc/PID/smaps, in bytes unless a comment says otherwise. The members of
 * pss and swap_pss are in bytes << 12: each page counts divided by the number of its mappings.
 */
struct mem_walk_stats {
	u64 rss, pss_shift12, pss_anon, pss_shmem, shared_clean, shared_dirty, private_clean,
		private_dirty, referenced, anonymous, swap, swap_pss_shift12, shared_hugetlb,
		private_hugetlb, active, ksm;
	/* pages: of merged zero pages; of areas that ksm.c scans */
	u64 ksm_zero, ksm_watched;
	/* number of mappings of the most often mapped page; not a sum */
	u64 most_maps;
};
/* Adds the area's pages to *st. Under mmap_lock. May sleep. */
void vma_stats(struct vm_area *vma, struct mem_walk_stats *st);
/*
 * Writes the entries of /proc/PID/pagemap for @nr pages from @va on. @pfns: the reader may see
 * frame numbers. Under mmap_lock. May sleep.
 */
void mm_pagemap(struct mm *mm, u64 va, u64 nr, u64 *out, bool pfns);
/*
 * Writes VM_* flags to @buf of @size bytes as in VmFlags of smaps, "rd wr mr mw ", terminated.
 * Returns the length in bytes.
 */
int mm_status_vma_flags(u64 vm_flags, char *buf, size_t size);

#endif
