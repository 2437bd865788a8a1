/* SPDX-License-Identifier: MIT */
/*
 * filefault.c: faults on mappings of files and shared memory.
 *
 * A read maps the page cache's frame, and all pages of the aligned 64 KiB around it that are uptodate and not locked (fault-around).
 * A private mapping gets them read-only with PTE_COW; a shared one gets the right to write only after page_mkwrite() and
 * set_page_dirty(), so that write-back can take it away again. Memory-only mappings (tmpfs) need no such care: their pages are
 * always the data, so they are writable at once.
 *
 * A page is mapped with its lock held, after a look whether it is still in the mapping and below the end of the file: truncation
 * sets the size, then unmaps each page under its lock.
 */
#include "kernel/mm/fault.h"

#define AROUND_PAGES 16

static bool beyond_end(struct address_space *m, u64 index)
{
	loff_t size = mapping_size(m);

	return size <= 0 || index > (u64)(size - 1) >> PAGE_SHIFT;
}

/* The page, uptodate and locked. */
static struct page *get_locked_page(struct vm_area *v, u64 index, struct fault_info *info)
{
	struct address_space *m = v->vm_mapping;

	for (;;) {
		struct page *p;
		int err = 0;

		if (beyond_end(m, index))
			return ERR_PTR(-ENXIO);
		p = find_get_page(m, index);
		if (!p) {
			info->major = !m->a_ops->memory_only;
			if (!(v->vm_flags & VM_RAND_READ))
				page_cache_readahead(m, v->vm_file, index & ~(AROUND_PAGES - 1UL), AROUND_PAGES * 2);
			p = read_cache_page(m, index, v->vm_file);
			if (IS_ERR(p))
				return p;
		} else if (!PageUptodate(p)) {
			info->major = true;
			err = page_make_uptodate(m, p, v->vm_file);
		}
		if (err && err != PAGE_TRUNCATED) {
			put_page(p);
			return ERR_PTR(err);
		}
		if (test_bit(PG_readahead, &p->flags))
			page_cache_readahead_next(m, v->vm_file, p);
		lock_page(p);
		if (p->mapping == m && p->index == index && PageUptodate(p) && !beyond_end(m, index)) {
			mark_page_accessed(p);
			return p;
		}
		unlock_page(p);
		put_page(p);
	}
}

/* Entry bits of a page of the cache that has just been read. */
static pte_t read_bits(struct vm_area *v, struct page *p)
{
	pte_t bits = vma_rights(v);

	if (vma_is_cow(v))
		return (bits & ~PTE_RW) | PTE_COW;
	if (v->vm_mapping->a_ops->memory_only)
		return bits;
	return bits & ~PTE_RW;
}

/* Maps @p (locked, a reference that is taken over) if the entry is still empty. */
static int map_page(struct vm_area *v, u64 addr, struct page *p, pte_t bits)
{
	pte_t *e = entry_lock(v->vm_mm, addr);

	if (!e)
		return -ENOMEM;
	if (*e) {
		entry_unlock(v->vm_mm);
		put_page(p);
		return 0;
	}
	entry_set(v, e, p, bits);
	entry_unlock(v->vm_mm);
	return 0;
}

/* The uptodate neighbours in the cache. All in one leaf table; only empty entries are filled. */
static void map_around(struct vm_area *v, u64 addr, struct fault_info *info)
{
	u64 span = AROUND_PAGES * PAGE_SIZE;
	u64 start = max(v->vm_start, addr & ~(span - 1)), end = min(v->vm_end, (addr & ~(span - 1)) + span);
	struct address_space *m = v->vm_mapping;
	struct page *pages[AROUND_PAGES];
	u64 first = vma_index(v, start);
	u32 n = find_get_pages(m, first, first + ((end - start) >> PAGE_SHIFT) - 1, AROUND_PAGES, pages);

	for (u32 i = 0; i < n; i++) {
		struct page *p = pages[i];
		u64 va = start + ((p->index - first) << PAGE_SHIFT);

		if (va == addr || !PageUptodate(p) || !trylock_page(p)) {
			put_page(p);
			continue;
		}
		if (p->mapping != m || !PageUptodate(p) || beyond_end(m, p->index) ||
			map_page(v, va, p, read_bits(v, p))) {
			unlock_page(p);
			put_page(p);
			continue;
		}
		unlock_page(p);
	}
	info->start = start;
	info->end = end;
	info->populate = false;
}

static int private_write(struct vm_area *v, u64 addr, struct page *p, struct fault_info *info)
{
	struct page *copy = anon_page_alloc(false);
	int err = -ENOMEM;

	if (copy) {
		copy_page(page_address(copy), page_address(p));
		err = map_page(v, addr, copy, vma_rights(v) | PTE_BROKEN | PTE_D);
		if (err)
			put_page(copy);
	}
	unlock_page(p);
	put_page(p);
	info->start = addr;
	info->end = addr + PAGE_SIZE;
	info->populate = true;
	return err;
}

int file_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info)
{
	struct page *p = get_locked_page(v, vma_index(v, addr), info);
	int err;

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	if (flags & FAULT_WRITE && vma_is_cow(v) && v->vm_flags & VM_WRITE)
		return private_write(v, addr, p, info);
	err = map_page(v, addr, p, read_bits(v, p));
	unlock_page(p);
	if (err)
		put_page(p);
	else
		map_around(v, addr, info);
	return err;
}

/* A shared page that is mapped read-only is about to be written to. */
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
	if (m->a_ops->page_mkwrite) {
		unlock_page(p);
		err = m->a_ops->page_mkwrite(v->vm_file, p);
		if (err) {
			put_page(p);
			return err;
		}
		if (p->mapping != m) { /* truncated meanwhile: look again */
			unlock_page(p);
			put_page(p);
			return 0;
		}
	}
	wait_on_page_writeback(p);
	set_page_dirty(p);
	spin_lock(&mm->page_table_lock);
	ep = pmap_pte(&mm->pmap, addr, false);
	if (ep && *ep && pte_pfn(*ep) == page_to_pfn(p)) {
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
