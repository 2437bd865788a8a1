/* SPDX-License-Identifier: MIT */
/*
 * zap.c: removes pages from page tables, and frees their frames after the space has unmapped them.
 *
 *	zap_range(v, start, end)      munmap, exit: all entries
 *	zap_pages(v, start, end)      DONTNEED, truncate: guards (MADV_GUARD_INSTALL) stay, and
 *	                              write protection of a file's pages
 *	zap_untouched(v, start, end)  untouched frames that were mapped ahead of an anonymous
 *	                              fault
 *
 * They work in batches. Entries are cleared under page_table_lock, and their frames are kept. If
 * the space (the host process of the mm) maps any of them, a munmap() of the range is queued.
 * Then the frames are retired, which means freed after the next flush (pmap.c). For a large range
 * the caller first lets the space unmap all of it (zap_prepare()), so that the batches find nothing
 * mapped.
 *
 * Frames that were mapped ahead (PTE_RESERVED) and never touched need not be zeroed for their next
 * user. Frames that were holes on the host (PG_zero) are checked with the host's mincore(), one
 * call for each run of frames. Recycled frames are not checked.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/swap/swap_internal.h"

#define BATCH 64
/*
 * page tables after which the lock is dropped, since tables that contain only markers fill no batch
 */
#define BATCH_TABLES 64
#define BATCH_SWAPPED 512
/*
 * entries after which a search for untouched pages drops the lock, even if it finds only touched
 * pages
 */
#define BATCH_ENTRIES 4096

void account_rss(struct mm *mm, struct page *p, s64 n)
{
	if (PageAnon(p)) {
		atomic_add(n, &mm->rss_anon);
		atomic_add(n, &nr_anon_pages);
	} else if (PageHuge(p)) {
		atomic_add(n, &mm->hugetlb);
	} else if (p->mapping && p->mapping->a_ops->memory_only) {
		atomic_add(n, &mm->rss_shmem);
	} else {
		atomic_add(n, &mm->rss_file);
	}
}

/* ---- freeing ---- */

/*
 * Frees contiguous PG_zero frames, of which only the caller has references. Those that still are
 * holes on the host are freed as fresh.
 */
static void free_zero_run(struct page *p, u32 n)
{
	u8 backed[BATCH];

	physmem_backed(page_to_pfn(p), n, backed);
	for (u32 i = 0; i < n; i++) {
		if (backed[i])
			free_pages(p + i, 0);
		else
			free_fresh_page(p + i);
	}
}

static bool last_zero_ref(struct page *p)
{
	return test_bit(PG_zero, &p->flags) && atomic_read(&p->refcount) == 1;
}

void free_page_batch(struct page **pages, u32 n)
{
	for (u32 i = 0; i < n;) {
		u32 run = 1;

		if (!last_zero_ref(pages[i])) {
			put_page(pages[i++]);
			continue;
		}
		while (run < BATCH && i + run < n && pages[i + run] == pages[i] + run &&
			last_zero_ref(pages[i + run]))
			run++;
		free_zero_run(pages[i], run);
		i += run;
	}
}

static bool all_zero(const u64 *p)
{
	for (u32 i = 0; i < PAGE_SIZE / 8; i += 4)
		if (p[i] | p[i + 1] | p[i + 2] | p[i + 3])
			return false;
	return true;
}

bool page_is_untouched(struct page *p, struct hole_cursor *c)
{
	pfn_t pfn = page_to_pfn(p);

	/* zeros count as untouched, although a program may have written them (pmap_touched.c) */
	if (!test_bit(PG_zero, &p->flags))
		return all_zero(page_address(p));
	if (pfn - c->start >= c->nr) {
		c->start = pfn;
		c->nr = min_t(u64, HOLE_CURSOR, max_pfn - pfn);
		physmem_backed(pfn, c->nr, c->backed);
	}
	if (!c->backed[pfn - c->start])
		return true;
	/* the host may back it only as a part of a large page: untouched if all zeros */
	return large_block_backs(pfn) && all_zero(page_address(p));
}

/* ---- taking entries away ---- */

struct zap_batch {
	/* range that the space maps; last is exclusive, 0: none */
	u64 first, last;
	bool keep_guards;
	bool beside; /* guest code may run during the batch */
	/* the batch has ended at a page of a file to which guest code can write */
	bool writable;
	u32 n;
	u32 swapped; /* number of pages that were in swap areas */
	struct page *pages[BATCH];
};

static void __noinline forget_swapped(struct mm *mm, struct zap_batch *b, pte_t e)
{
	swap_put(e);
	atomic_dec(&mm->swapents);
	b->swapped++;
}

/* Clears an entry and notes its frame in the batch. page_table_lock is held. */
static void zap_entry(struct vm_area *v, struct zap_batch *b, u64 va, pte_t *e)
{
	struct page *p;

	bool protected =
		b->keep_guards && v->vm_flags & VM_UFFD_WP && *e & PTE_UFFD_WP && !vma_is_anon(v);

	if ((b->keep_guards && *e & PTE_GUARD) || (protected && *e == PTE_WP_MARKER))
		return;
	if (*e & PTE_MAPPED) {
		if (!b->last)
			b->first = va;
		b->last = va + PAGE_SIZE;
	}
	if (!(*e & PTE_SPECIAL)) {
		p = pfn_to_page(pte_pfn(*e));
		account_rss(v->vm_mm, p, -1);
		if (!(*e & PTE_RESERVED))
			clear_bit(PG_zero, &p->flags);
		if (atomic_dec_and_test(&p->mapcount))
			mem_count_mapped(p, -1);
		b->pages[b->n++] = p;
	} else if (unlikely(*e & PTE_SWAP)) {
		forget_swapped(v->vm_mm, b, *e);
	}
	*e = protected ? PTE_WP_MARKER : 0;
}

/*
 * True if a write could be lost: while the entry is cleared and the space still maps the page,
 * writeback finds no entry, does not wait for a flush, and takes the page for clean.
 */
static bool may_lose_writes(const struct vm_area *v, pte_t e)
{
	return e & PTE_RW && e & PTE_MAPPED && v->vm_flags & VM_SHARED && v->vm_mapping &&
	       !v->vm_mapping->a_ops->memory_only;
}

/* Clears entries from *va on until the batch is full. */
static void zap_entries(struct vm_area *v, struct zap_batch *b, u64 *va, u64 end)
{
	struct mm *mm = v->vm_mm;
	u32 tables = 0;

	spin_lock(&mm->page_table_lock);
	while (!b->writable && b->n < BATCH && *va < end && tables++ < BATCH_TABLES &&
		b->swapped < BATCH_SWAPPED) {
		pte_t *e = pmap_next(&mm->pmap, va, end);

		if (!e) {
			*va = end;
			break;
		}
		do {
			b->writable = b->beside && may_lose_writes(v, *e);
			if (b->writable)
				break;
			if (*e)
				zap_entry(v, b, *va, e);
			else
				pmap_step(&e, va);
		} while (e++, *va += PAGE_SIZE,
			b->n < BATCH && *va < end && *va & (512 * PAGE_SIZE - 1));
	}
	spin_unlock(&mm->page_table_lock);
}

/* The body of zap_range() and zap_pages(). */
static void zap(struct vm_area *v, u64 start, u64 end, bool keep_guards)
{
	struct zap_batch b = { .keep_guards = keep_guards };

	while (start < end) {
		b.n = b.swapped = 0;
		b.last = 0;
		b.writable = false;
		b.beside = pmap_runs_beside(&v->vm_mm->pmap);
		zap_entries(v, &b, &start, end);
		if (b.last)
			pmap_drop(&v->vm_mm->pmap, b.first, b.last);
		if (b.n)
			pmap_retire(&v->vm_mm->pmap, b.pages, b.n);
		else
			pmap_settle(&v->vm_mm->pmap);
		/* a thread has mapped the page since zap_prepare(): protect it, then clear it */
		if (b.writable)
			pmap_wrprotect_now(
				&v->vm_mm->pmap, start, min(end, start + BATCH * PAGE_SIZE));
		cond_resched();
	}
}

void zap_range(struct vm_area *v, u64 start, u64 end)
{
	zap(v, start, end, false);
}

void zap_pages(struct vm_area *v, u64 start, u64 end)
{
	zap(v, start, end, true);
}

/*
 * Records the peak of memory usage (getrusage's maxrss, VmHWM) before the usage falls. Written
 * without a lock; a lost maximum is recorded again soon.
 */
static void note_peak(struct mm *mm)
{
	s64 rss = (s64)READ_ONCE(mm->rss_anon.v) + READ_ONCE(mm->rss_file.v) +
		  READ_ONCE(mm->rss_shmem.v);

	if (rss > (s64)READ_ONCE(mm->hiwater_rss))
		WRITE_ONCE(mm->hiwater_rss, (u64)rss);
}

void zap_prepare(struct mm *mm, u64 start, u64 end)
{
	note_peak(mm);
	/* other tasks may have queued an unmap of a part of the range, and not flushed it yet */
	if (pmap_drop_mapped(&mm->pmap, start, end) || READ_ONCE(mm->pmap.queued))
		pmap_settle(&mm->pmap);
}

/* ---- reservations ---- */

struct reserved {
	u64 va;
	pte_t e;
};

/*
 * Takes entries of pages that were mapped ahead out of the table, from *va on, and moves *va.
 * Returns their number, at most BATCH.
 */
static u32 take_reserved(struct vm_area *v, struct reserved *r, u64 *va, u64 end)
{
	struct mm *mm = v->vm_mm;
	u32 n = 0, looked = 0;

	spin_lock(&mm->page_table_lock);
	while (n < BATCH && *va < end && looked++ < BATCH_ENTRIES) {
		pte_t *e = pmap_next(&mm->pmap, va, end);

		if (!e)
			*va = end;
		else if ((*e & (PTE_RESERVED | PTE_MAPPED)) == PTE_RESERVED) {
			r[n++] = (struct reserved){ *va, *e };
			*e = 0;
		}
		*va += PAGE_SIZE;
	}
	spin_unlock(&mm->page_table_lock);
	return n;
}

/* Puts back an entry that take_reserved() took, without PTE_RESERVED: the page was touched. */
static void give_back_reserved(struct vm_area *v, struct reserved *r)
{
	struct mm *mm = v->vm_mm;

	spin_lock(&mm->page_table_lock);
	*pmap_pte(&mm->pmap, r->va, false) =
		/* the entry's table exists while mmap_lock is held */
		r->e & ~PTE_RESERVED;
	spin_unlock(&mm->page_table_lock);
	clear_bit(PG_zero, &pfn_to_page(pte_pfn(r->e))->flags);
}

u64 zap_untouched(struct vm_area *v, u64 start, u64 end)
{
	struct reserved r[BATCH];
	struct hole_cursor c = { 0 };
	u64 freed = 0;

	assert_rwsem_held_write(&v->vm_mm->mmap_lock);
	pmap_note_touched(&v->vm_mm->pmap, start, end);
	pmap_drop_mapped(&v->vm_mm->pmap, start, end);
	/* flushes earlier unmaps too, since the frames that this function frees are not retired */
	pmap_flush(&v->vm_mm->pmap);
	while (start < end) {
		u32 n = take_reserved(v, r, &start, end);

		for (u32 i = 0; i < n; i++) {
			struct page *p = pfn_to_page(pte_pfn(r[i].e));

			if (atomic_read(&p->refcount) != 1 || !page_is_untouched(p, &c)) {
				give_back_reserved(v, &r[i]);
				continue;
			}
			account_rss(v->vm_mm, p, -1);
			atomic_dec(&p->mapcount);
			free_page_batch(&p, 1);
			freed++;
		}
		cond_resched();
	}
	return freed;
}
