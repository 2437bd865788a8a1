/* SPDX-License-Identifier: MIT */
/*
 * filefault.c: faults on mappings of files and shared memory.
 *
 * A read maps the page cache's frame, and all pages of the aligned window around it that are
 * uptodate and not locked (fault-around): 256 KiB, doubled up to 2 MiB while faults are sequential.
 * A private mapping gets them read-only with PTE_COW; a shared one gets the right to write only
 * after page_mkwrite() and set_page_dirty(), so that writeback can take it away again. Memory-only
 * mappings (tmpfs) need no such care: their pages are always the data, so they are writable at
 * once.
 *
 * A page is mapped with its lock held, after a check that it is still in the mapping and below the
 * end of the file: truncation sets the size, then unmaps each page under its lock.
 */
#include "kernel/mm/fault/fault.h"

/* 256 KiB, which take 6 us; a fault costs 11 us and more */
#define AROUND_ORDER 6
#define AROUND_ORDER_MAX 9 /* a leaf table's span */
#define AROUND_BATCH 16
/* number of pages that must be touched in order before pages are made ahead of their use */
#define STREAK 16
#define TABLE_SPAN (512 * PAGE_SIZE)

static bool beyond_end(struct address_space *m, u64 index)
{
	loff_t size = mapping_size(m);

	return size <= 0 || index > (u64)(size - 1) >> PAGE_SHIFT;
}

/*
 * Reads around the fault. Program text is read in long runs: all programs share it, and each maps a
 * run with one request.
 */
static void read_around(struct vm_area *v, u64 index)
{
	page_cache_readaround(v->vm_mapping, v->vm_file, index, v->vm_flags & VM_EXEC);
}

/*
 * True if the locked page is still at @index of the mapping, uptodate and within the file. Marks
 * such a page as accessed.
 */
static bool is_page_of(struct page *p, struct address_space *m, u64 index)
{
	if (p->mapping != m || p->index != index || !PageUptodate(p) || beyond_end(m, index))
		return false;
	mark_page_accessed(p);
	return true;
}

int owed_wait(struct vm_area *v, u64 addr)
{
	struct address_space *m = v->vm_mapping;
	u64 index = vma_index(v, addr & PAGE_MASK);
	struct file *f = v->vm_file;
	bool text = v->vm_flags & VM_EXEC, around = !(v->vm_flags & VM_RAND_READ);
	struct page *p;
	int err;

	mm_file_ops->get(f);
	up_read(&v->vm_mm->mmap_lock);
	p = find_get_page(m, index);
	if (p)
		put_page(p);
	else if (around)
		page_cache_readaround(m, f, index, text);
	p = read_cache_page(m, index, f);
	err = IS_ERR(p) ? (int)PTR_ERR(p) : lock_page_killable(p);
	if (!err)
		unlock_page(p);
	if (!IS_ERR(p))
		put_page(p);
	mm_file_ops->put(f);
	/* a killed task must not try again for ever, even if a server drops each page at once */
	return !err && wait_interrupted(TASK_KILLABLE) ? -EINTR : err;
}

/*
 * Returns the page at @index, uptodate and locked, with a reference; or ERR_PTR: -ENXIO beyond the
 * end of the file, OWED_FAULT if a process must provide the page, or an error of the read.
 */
static struct page *get_locked_page(struct vm_area *v, u64 index, struct fault_info *info)
{
	struct address_space *m = v->vm_mapping;

	for (;;) {
		struct page *p;
		int err = 0;

		if (beyond_end(m, index))
			return ERR_PTR(-ENXIO);
		p = find_get_page(m, index);
		if (unlikely(m->a_ops->from_process)) {
			if (p && PageUptodate(p) && trylock_page(p)) {
				if (is_page_of(p, m, index))
					return p;
				unlock_page(p);
			}
			if (p)
				put_page(p);
			info->major = true;
			return ERR_PTR(OWED_FAULT);
		}
		if (!p) {
			info->major = !m->a_ops->memory_only;
			if (!(v->vm_flags & VM_RAND_READ))
				read_around(v, index);
			p = read_cache_page(m, index, v->vm_file);
			if (IS_ERR(p))
				return p;
		} else if (!PageUptodate(p)) {
			info->major = !m->a_ops->memory_only;
			err = page_make_uptodate(m, p, v->vm_file);
		}
		if (err && err != PAGE_TRUNCATED) {
			put_page(p);
			return ERR_PTR(err);
		}
		if (test_bit(PG_readahead, &p->flags))
			page_cache_readahead_next(m, v->vm_file, p);
		lock_page(p);
		if (is_page_of(p, m, index))
			return p;
		unlock_page(p);
		put_page(p);
	}
}

/* Returns the bits of an entry that maps @p, a page of the cache, for a fault that reads. */
static pte_t read_bits(struct vm_area *v, struct page *p)
{
	pte_t bits = vma_rights(v);

	if (vma_is_cow(v))
		return (bits & ~PTE_RW) | PTE_COW;
	if (v->vm_mapping->a_ops->memory_only && !test_bit(PG_patched, &p->flags))
		return bits;
	return bits & ~PTE_RW;
}

/*
 * Maps the locked page @p, if the entry is still empty. Returns 0, after taking over the caller's
 * reference, or -ENOMEM.
 */
static int map_page(struct vm_area *v, u64 addr, struct page *p, pte_t bits)
{
	pte_t *e = entry_lock(v->vm_mm, addr);

	if (!e)
		return -ENOMEM;
	if (!pte_none(*e)) {
		entry_unlock(v->vm_mm);
		put_page(p);
		return 0;
	}
	entry_set(v, e, p, bits);
	entry_unlock(v->vm_mm);
	return 0;
}

/* ---- fault-around ---- */

/*
 * Computes the range in which to search for neighbours: an aligned window, doubled while faults are
 * sequential. Returns true if they are.
 */
static bool window(struct vm_area *v, u64 addr, u64 *start, u64 *end)
{
	bool sequential = addr == v->next_fault;
	u32 order = AROUND_ORDER;
	u64 size;

	if (v->vm_uffd) { /* each page must cause a fault */
		*start = addr;
		*end = addr + PAGE_SIZE;
		return false;
	}
	if (sequential)
		order = min_t(u32, max_t(u32, v->extent_order, AROUND_ORDER) + 1, AROUND_ORDER_MAX);
	v->extent_order = order;
	size = PAGE_SIZE << order;
	*start = max(v->vm_start, addr & ~(size - 1));
	*end = min(v->vm_end, (addr & ~(size - 1)) + size);
	v->next_fault = *end;
	return sequential;
}

/*
 * Locks those of @pages that may be mapped and moves them to the front; puts the others. Returns
 * how many are locked.
 */
static u32 lock_mappable(struct address_space *m, struct page **pages, u32 n)
{
	u32 kept = 0;

	for (u32 i = 0; i < n; i++) {
		struct page *p = pages[i];

		if (PageUptodate(p) && trylock_page(p)) {
			if (p->mapping == m && PageUptodate(p) && !beyond_end(m, p->index)) {
				pages[kept++] = p;
				continue;
			}
			unlock_page(p);
		}
		put_page(p);
	}
	return kept;
}

/* Fills the empty entries of one leaf table from locked pages. */
static void map_batch(struct vm_area *v, u64 start, u64 first, struct page **pages, u32 n)
{
	bool mapped[AROUND_BATCH] = { false };
	pte_t *table = n ? entry_lock(v->vm_mm, start) : NULL;

	for (u32 i = 0; i < n && table; i++) {
		pte_t *e = table + (pages[i]->index - first);

		if (*e)
			continue;
		entry_set(v, e, pages[i], read_bits(v, pages[i]));
		mapped[i] = true;
	}
	if (table)
		entry_unlock(v->vm_mm);
	for (u32 i = 0; i < n; i++) {
		unlock_page(pages[i]);
		if (!mapped[i])
			put_page(pages[i]);
	}
}

/* Maps the uptodate neighbours in the cache. All their entries are in one table. */
static void map_around(struct vm_area *v, u64 start, u64 end)
{
	u64 first = vma_index(v, start), last = first + ((end - start) >> PAGE_SHIFT) - 1,
	    index = first;
	struct page *pages[AROUND_BATCH];

	while (index <= last) {
		u32 n = find_get_pages(v->vm_mapping, index, last, AROUND_BATCH, pages);

		if (!n)
			break;
		index = pages[n - 1]->index + 1;
		n = lock_mappable(v->vm_mapping, pages, n);
		map_batch(v, start, first, pages, n);
	}
}

void file_map_resident(struct vm_area *v, u64 start, u64 end)
{
	while (start < end) {
		u64 stop = min(end, (start | (TABLE_SPAN - 1)) + 1);

		map_around(v, start, stop);
		start = stop;
	}
}

/*
 * True if shared memory is touched in order. A single fault at the end of a window does not prove
 * that. Pages made ahead are visible (SEEK_DATA, st_blocks, a userfaultfd on another mapping), so a
 * program that touches a few pages gets only these.
 */
static bool streak(struct vm_area *v, u64 addr)
{
	v->streak = addr == v->last_fault + PAGE_SIZE ? v->streak + 1 : 0;
	v->last_fault = addr;
	return v->streak >= STREAK;
}

/* Makes the pages of the window ahead of their use, in shared memory that is touched in order. */
static void make_ahead(struct vm_area *v, u64 addr, u64 end)
{
	struct address_space *m = v->vm_mapping;
	u64 index = vma_index(v, addr), left = (end - addr) >> PAGE_SHIFT;
	struct page *pages[AROUND_BATCH];

	while (left && !beyond_end(m, index + left - 1)) {
		u32 n = page_cache_alloc_run(m, index, min_t(u64, left, AROUND_BATCH), pages);
		int err = 0;

		for (u32 i = 0; i < n; i++) {
			err |= m->a_ops->readpage(v->vm_file, pages[i]);
			put_page(pages[i]);
		}
		if (!n || err)
			break;
		index += n;
		left -= n;
	}
}

/* Maps a private copy of the locked page @p, which it unlocks and puts. Returns 0 or -errno. */
static int private_write(struct vm_area *v, u64 addr, struct page *p, struct fault_info *info)
{
	struct page *copy = anon_page_alloc();
	int err = -ENOMEM;

	if (copy)
		copy_page(page_address(copy), page_address(p));
	if (copy && region_lost(page_address(p))) {
		put_page(copy);
		err = -EIO;
	} else if (copy) {
		err = map_page(v, addr, copy, vma_rights(v) | PTE_BROKEN | PTE_D);
		if (err)
			put_page(copy);
	}
	unlock_page(p);
	put_page(p);
	if (!err)
		map_around(v, info->start, info->end);
	return err;
}

int file_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info)
{
	bool sequential = window(v, addr, &info->start, &info->end);
	struct page *p;
	int err;

	/*
	 * info->populate stays false: for reads it is cheaper that the host maps the pages by its
	 * own faults, each for 64 KiB and more.
	 */
	if (v->vm_mapping->a_ops->memory_only && !vma_is_cow(v) && streak(v, addr) && sequential) {
		make_ahead(v, addr, info->end);
		v->last_fault = info->end - PAGE_SIZE;
	}
	p = get_locked_page(v, vma_index(v, addr), info);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	if (flags & FAULT_WRITE && vma_is_cow(v) && v->vm_flags & VM_WRITE)
		return private_write(v, addr, p, info);
	err = map_page(v, addr, p, read_bits(v, p));
	unlock_page(p);
	if (err)
		put_page(p);
	else
		map_around(v, info->start, info->end);
	return err;
}

/*
 * Prepares the first write to a shared page that is mapped read-only. Also returns 0 if it has
 * prepared nothing and the task must try again.
 */
int shared_write_fault(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info)
{
	struct address_space *m = v->vm_mapping;
	struct mm *mm = v->vm_mm;
	struct page *p;
	pte_t *ep;
	int err;

	if (!m)
		return -EFAULT;
	p = get_locked_page(v, vma_index(v, addr), info);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	if (PageDirect(p)) {
		p = cache_page_own(p);
		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		unlock_page(p); /* no entry maps the copy: try again */
		put_page(p);
		return 0;
	}
	if (m->a_ops->page_mkwrite) {
		unlock_page(p);
		err = m->a_ops->page_mkwrite(v->vm_file, p);
		if (err) {
			put_page(p);
			return err;
		}
		if (p->mapping != m) { /* truncated meanwhile: try again */
			unlock_page(p);
			put_page(p);
			return 0;
		}
	}
	wait_on_page_writeback(p);
	page_text_changed(p);
	set_page_dirty(p);
	spin_lock(&mm->page_table_lock);
	ep = pmap_pte(&mm->pmap, addr, false);
	/*
	 * a handler may have protected the page just now: UFFDIO_WRITEPROTECT also holds mmap_lock
	 * for reading
	 */
	if (ep && *ep && pte_pfn(*ep) == page_to_pfn(p) &&
		!(*ep & PTE_UFFD_WP && v->vm_flags & VM_UFFD_WP)) {
		*ep = (*ep & ~PTE_RIGHTS) | (vma_rights(v) & PTE_RIGHTS) | PTE_D |
		      (*ep & PTE_MAPPED ? PTE_STALE : 0);
		info->start = addr;
		info->end = addr + PAGE_SIZE;
		info->populate = true;
	}
	spin_unlock(&mm->page_table_lock);
	unlock_page(p);
	put_page(p);
	return 0;
}
