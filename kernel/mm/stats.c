/* SPDX-License-Identifier: MIT */
/*
 * stats.c: counts for /proc: meminfo, vmstat, smaps. They are racy: the only locks are
 * page_table_lock, where entries are read, and mm_list_lock, where the list of mms is walked.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/page_kinds.h"
#include "kernel/mm/swap/swap_internal.h"

atomic64_t nr_anon_pages, nr_mapped_pages, nr_file_pages, nr_shmem_pages, nr_table_pages;

void count_cached(struct address_space *m, s64 n)
{
	if (m->a_ops->memory_only)
		atomic_add(n, &nr_shmem_pages);
	else
		atomic_add(n, &nr_file_pages);
}

static u64 count_of(const atomic64_t *a)
{
	s64 n = atomic_read(a);

	return n > 0 ? (u64)n : 0;
}

static void sum_mms(struct meminfo *mi)
{
	struct mm *mm;

	spin_lock(&mm_list_lock);
	list_for_each_entry(mm, &mm_list, mm_list) {
		mi->page_tables += mm->pmap.nr_tables;
		mi->mapped += count_of(&mm->rss_file) + count_of(&mm->rss_shmem);
	}
	spin_unlock(&mm_list_lock);
}

u64 mm_used_frames(void)
{
	u64 file = count_of(&nr_file_pages), other;

	file -= min(file, nr_direct_pages()); /* not part of the total */
	other = nr_free_frames() + file;
	return nr_managed_frames() - min(other, nr_managed_frames());
}

void si_meminfo(struct meminfo *mi)
{
	u64 reserve = zone_marks.low, file;

	memset(mi, 0, sizeof(*mi));
	mi->total = nr_managed_frames();
	mi->free = nr_free_frames();
	mi->shmem = count_of(&nr_shmem_pages);
	file = count_of(&nr_file_pages);
	/*
	 * cached frames of a disk image (direct.c) are not part of total, so the sum is limited:
	 * otherwise no memory might seem to be in use
	 */
	mi->cached = min(file + mi->shmem, mi->total - min(mi->free, mi->total));
	mi->slab = nr_slab_frames();
	mi->slab_reclaimable = min(nr_reclaimable_slab_frames(), mi->slab);
	mi->anon = count_of(&nr_anon_pages);
	mi->dirty = nr_dirty_pages();
	mi->writeback = nr_writeback_pages();
	mi->active_file = nr_lru_pages(true);
	mi->inactive_file = nr_lru_pages(false);
	mi->active_anon = mi->anon;
	mi->inactive_anon = mi->shmem;
	mi->committed = vm_committed();
	mi->commit_limit = vm_commit_limit();
	mi->swap_total = nr_swap_pages();
	mi->swap_free = nr_swap_free();
	mi->swap_cached = nr_swap_cached();
	file -= min(file, nr_direct_pages()); /* dropping these frees no memory */
	mi->available = mi->free + file - min(file, mi->dirty + mi->writeback);
	/* some objects are in use, or share a slab with objects in use */
	mi->available += mi->slab_reclaimable - min(mi->slab_reclaimable / 2, reserve);
	mi->available -= min(mi->available, reserve);
	sum_mms(mi);
	mi->mapped = min(mi->mapped, mi->cached);
}

void mm_memory_kinds(struct memory_kinds *k)
{
	struct hugetlb_numbers huge;
	struct meminfo mi;
	u64 file = count_of(&nr_file_pages);

	si_meminfo(&mi);
	hugetlb_numbers(&huge);
	*k = (struct memory_kinds){
		.total = mi.total,
		.free = mi.free,
		.anon = mi.anon,
		.file = file - min(file, nr_direct_pages()),
		.shmem = mi.shmem,
		.slab = mi.slab - min(mi.slab, nr_large_frames()),
		.large = nr_large_frames(),
		.tables = mi.page_tables,
		.huge = huge.total << HPAGE_ORDER,
		.free_backed = nr_free_resident(),
		.direct = nr_direct_pages(),
		.frame_table = PAGE_ALIGN(max_pfn * sizeof(struct page)) >> PAGE_SHIFT,
	};
}

/* ---- one area ---- */

/*
 * Adds the page of an entry to *st. @shmem: its area's file is in memory only. The page may have
 * left its file meanwhile, so the file is not looked for by the page.
 */
static void add_entry(struct mem_walk_stats *st, pte_t e, bool shmem)
{
	struct page *p = pfn_to_page(pte_pfn(e));
	u64 maps = max(atomic_read(&p->mapcount), 1);
	bool dirty = PageAnon(p) || PageDirty(p);

	if (PageHuge(p)) {
		*(maps > 1 ? &st->shared_hugetlb : &st->private_hugetlb) += PAGE_SIZE;
		return;
	}
	st->rss += PAGE_SIZE;
	st->pss_shift12 += (PAGE_SIZE << 12) / maps;
	if (PageAnon(p))
		st->pss_anon += (PAGE_SIZE << 12) / maps;
	else if (shmem)
		st->pss_shmem += (PAGE_SIZE << 12) / maps;
	st->referenced += PAGE_SIZE;
	st->most_maps = max(st->most_maps, maps);
	if (test_bit(PG_active, &p->flags))
		st->active += PAGE_SIZE;
	if (PageAnon(p))
		st->anonymous += PAGE_SIZE;
	if (test_bit(PG_ksm, &p->flags)) {
		st->ksm += PAGE_SIZE;
		st->ksm_zero += ksm_is_zero(p);
	}
	if (maps > 1)
		*(dirty ? &st->shared_dirty : &st->shared_clean) += PAGE_SIZE;
	else
		*(dirty ? &st->private_dirty : &st->private_clean) += PAGE_SIZE;
}

#define CHUNK PAGE_KINDS_BATCH

/* Records in the entries that copy_entries() reads next which of their pages were touched. */
static void note_next(struct mm *mm, u64 va, u64 end)
{
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_next(&mm->pmap, &va, end);
	spin_unlock(&mm->page_table_lock);
	if (e)
		pmap_note_touched(&mm->pmap, va, min(end, va + CHUNK * PAGE_SIZE));
}

/*
 * Copies up to CHUNK entries from *va on, and advances *va behind them. Returns their number (0:
 * none up to @end). *first: the address of the first. A copy is needed because the host must be
 * asked about frames that were mapped ahead, which is not possible under page_table_lock.
 */
static u32 copy_entries(struct mm *mm, u64 *va, u64 end, pte_t *to, u64 *first)
{
	u32 n = 0;
	pte_t *e;

	if (unlikely(READ_ONCE(mm->pmap.lazy)))
		note_next(mm, *va, end);
	spin_lock(&mm->page_table_lock);
	e = pmap_next(&mm->pmap, va, end);
	*first = *va;
	if (e)
		do
			to[n++] = *e++;
		while (*va += PAGE_SIZE, n < CHUNK && *va < end && *va & (512 * PAGE_SIZE - 1));
	spin_unlock(&mm->page_table_lock);
	return n;
}

bool entry_touched(pte_t e, struct hole_cursor *c)
{
	if (!e || e & PTE_SPECIAL)
		return false;
	return !(e & PTE_RESERVED) || !page_is_untouched(pfn_to_page(pte_pfn(e)), c);
}

static void add_swapped(struct mem_walk_stats *st, pte_t e)
{
	bool held;

	st->swap += PAGE_SIZE;
	st->swap_pss_shift12 += (PAGE_SIZE << 12) / max(swap_look(e, &held), 1U);
}

void vma_stats(struct vm_area *v, struct mem_walk_stats *st)
{
	u64 va = v->vm_start, first, anonymous = st->anonymous;
	bool shmem = v->vm_mapping && v->vm_mapping->a_ops->memory_only;
	struct hole_cursor c = { 0 };
	pte_t chunk[CHUNK];
	u32 n;

	while (va < v->vm_end && (n = copy_entries(v->vm_mm, &va, v->vm_end, chunk, &first)))
		for (u32 i = 0; i < n; i++)
			if (entry_touched(chunk[i], &c))
				add_entry(st, chunk[i], shmem);
			else if (chunk[i] & PTE_SWAP)
				add_swapped(st, chunk[i]);
	if (ksm_watches(v))
		st->ksm_watched += (st->anonymous - anonymous) >> PAGE_SHIFT;
}

#define PM_PRESENT BIT(63)
#define PM_SWAP BIT(62) /* also for a marker, as on Linux */
#define PM_GUARD BIT(58)
#define PM_UFFD_WP BIT(57)
#define PM_FILE BIT(61) /* file page or shared anonymous page */
#define PM_EXCLUSIVE BIT(56)

/* Returns the 64 bits of /proc/PID/pagemap for an entry. */
static u64 pagemap_entry(pte_t e, bool pfns, struct hole_cursor *c)
{
	u64 out = PM_PRESENT | (e & PTE_UFFD_WP ? PM_UFFD_WP : 0);
	struct page *p;

	/* only a reader that may see frame numbers sees the slot */
	if (e & PTE_SWAP)
		return PM_SWAP | (pfns ? swap_slot(e) << 5 | swap_type(e) : 0);
	if (e & PTE_SPECIAL)
		return PM_SWAP | (e & PTE_GUARD ? PM_GUARD : 0) | (out & PM_UFFD_WP);
	if (!entry_touched(e, c))
		return 0;
	p = pfn_to_page(pte_pfn(e));
	if (!PageAnon(p))
		out |= PM_FILE;
	if (atomic_read(&p->mapcount) == 1)
		out |= PM_EXCLUSIVE;
	return out | (pfns ? pte_pfn(e) : 0);
}

void mm_pagemap(struct mm *mm, u64 va, u64 nr, u64 *out, bool pfns)
{
	u64 start = va, end = va + (nr << PAGE_SHIFT), first;
	struct hole_cursor c = { 0 };
	pte_t chunk[CHUNK];
	u32 n;

	memset(out, 0, nr * sizeof(*out));
	while (va < end && (n = copy_entries(mm, &va, end, chunk, &first)))
		for (u32 i = 0; i < n; i++)
			out[((first - start) >> PAGE_SHIFT) + i] =
				pagemap_entry(chunk[i], pfns, &c);
}

/* Returns the PAGE_KIND_* bits of an entry. */
static u32 entry_kinds(pte_t e, struct hole_cursor *c)
{
	u32 kinds = e & PTE_UFFD_WP ? 0 : PAGE_KIND_WRITTEN;
	struct page *p;

	if (e & PTE_SPECIAL)
		return kinds | PAGE_KIND_SWAPPED | (e & PTE_GUARD ? PAGE_KIND_GUARD : 0);
	if (!entry_touched(e, c))
		return kinds;
	p = pfn_to_page(pte_pfn(e));
	if (PageHuge(p))
		kinds |= PAGE_KIND_HUGE;
	if (!PageAnon(p))
		kinds |= PAGE_KIND_FILE;
	return kinds | PAGE_KIND_PRESENT;
}

u32 mm_page_kinds(struct mm *mm, u64 va, u64 end, u32 *kinds, u64 *next)
{
	struct hole_cursor c = { 0 };
	pte_t chunk[CHUNK];
	u64 at = va, first;
	u32 n = copy_entries(mm, &at, end, chunk, &first);

	*next = n ? first : end;
	if (!n || first > va)
		return 0;
	for (u32 i = 0; i < n; i++)
		kinds[i] = entry_kinds(chunk[i], &c);
	*next = at;
	return n;
}

static const struct {
	u64 flags;
	char name[3];
} flag_names[] = {
	{ VM_READ, "rd" },
	{ VM_WRITE, "wr" },
	{ VM_EXEC, "ex" },
	/* a shared mapping without VM_MAYWRITE shows "ms" alone */
	{ VM_SHARED | VM_MAYWRITE, "sh" },
	{ VM_MAYREAD, "mr" },
	{ VM_MAYWRITE, "mw" },
	{ VM_MAYEXEC, "me" },
	{ VM_SHARED, "ms" },
	{ VM_GROWSDOWN, "gd" },
	{ VM_PFNMAP, "pf" },
	{ VM_LOCKED, "lo" },
	{ VM_IO, "io" },
	{ VM_SEQ_READ, "sr" },
	{ VM_RAND_READ, "rr" },
	{ VM_DONTCOPY, "dc" },
	{ VM_DONTEXPAND, "de" },
	{ VM_LOCKONFAULT, "lf" },
	{ VM_ACCOUNT, "ac" },
	{ VM_NORESERVE, "nr" },
	{ VM_HUGETLB, "ht" },
	{ VM_SYNC, "sf" },
	{ VM_WIPEONFORK, "wf" },
	{ VM_DONTDUMP, "dd" },
	{ VM_HUGEPAGE, "hg" },
	{ VM_NOHUGEPAGE, "nh" },
	{ VM_MERGEABLE, "mg" },
	{ VM_UFFD_MISSING, "um" },
	{ VM_UFFD_WP, "uw" },
	{ VM_UFFD_MINOR, "ui" },
	{ VM_SEALED, "sl" },
	{ VM_DROPPABLE, "dp" },
};

int mm_status_vma_flags(u64 vm_flags, char *buf, size_t size)
{
	int n = 0;

	if (size)
		buf[0] = 0;
	for (u32 i = 0; i < ARRAY_SIZE(flag_names); i++)
		if ((vm_flags & flag_names[i].flags) == flag_names[i].flags)
			n += scnprintf(buf + n, size - n, "%s ", flag_names[i].name);
	return n;
}
