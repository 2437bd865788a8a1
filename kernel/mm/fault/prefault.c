/* SPDX-License-Identifier: MIT */
/*
 * prefault.c: makes entries for pages that a program will surely touch, so that they are mapped
 * together with its new space.
 *
 *	mm_prefault(mm, exe)   at exec, when all areas exist and before the first run
 *	mmap_ahead(...)        the loader has mapped one segment of a library, or a small file
 *
 * A fault costs more than 20 us (an event and a wake-up of the mapper), an unused entry 0.1 us. So
 * exec makes entries for:
 * - areas of files, up to FILE_PAGES each: only pages in the page cache, none is read from the disk
 * - data of a few pages, which is copied at once (cow.c's small_data): every start-up writes to its
 *   first page
 * - the first frames of anonymous areas (.bss), ANON_PAGES at most, and the part of the stack below
 *   its pointer (exec has written the part above)
 * - the pages of the vDSO
 *
 * These are guesses: errors are ignored, and faults make the missing entries.
 */
#include "kernel/mm/fault/fault.h"

#define FILE_PAGES 512
#define ANON_PAGES 32
#define SPECIAL_PAGES 8
#define AHEAD_ORDERS 16
#define STACK_PAGES 2
#define DATA_PAGES 16 /* pages, as SMALL_DATA in cow.c */

static bool resident(struct vm_area *v, u64 addr)
{
	struct page *p = find_get_page(v->vm_mapping, vma_index(v, addr));
	bool uptodate = p && PageUptodate(p);

	if (p)
		put_page(p);
	return uptodate;
}

static void prefault_special(struct vm_area *v)
{
	u64 end = min(v->vm_end, v->vm_start + SPECIAL_PAGES * PAGE_SIZE);

	for (u64 va = v->vm_start; va < end; va += PAGE_SIZE)
		if (fault_in_locked(v, va, 0))
			break;
}

/* Maps the range window by window: each fault makes all entries of its window. */
static void prefault_anon(struct vm_area *v, u64 start, u64 end)
{
	end = min(end, start + ANON_PAGES * PAGE_SIZE);
	for (u64 va = start; va < end; va = v->next_fault)
		if (fault_in_locked(v, va, FAULT_WRITE) || v->next_fault <= va)
			break;
}

static void prefault_file(struct vm_area *v, u64 start, u64 end)
{
	if (!resident(v, start))
		return;
	file_map_resident(v, start, min(end, start + FILE_PAGES * PAGE_SIZE));
	fault_count_ahead();
	if (v->vm_flags & VM_WRITE && vma_is_cow(v) && vma_pages(v) <= DATA_PAGES)
		fault_in_locked(v, start, FAULT_WRITE);
}

static void prefault_area(struct vm_area *v, u64 start, u64 end)
{
	if (!(v->vm_flags & VM_ACCESS))
		return;
	if (v->vm_ops && v->vm_ops->fault)
		prefault_special(v);
	else if (v->vm_mapping)
		prefault_file(v, start, end);
	else if (v->vm_flags & VM_WRITE && !(v->vm_flags & VM_STACK))
		prefault_anon(v, start, end);
}

void mm_prefault(struct mm *mm, struct file *exe)
{
	struct vm_area *v;

	/* spaces of earlier runs of this program have similar mappings */
	mm->pmap.image = (u64)mm_file_ops->mapping(exe);
	down_read(&mm->mmap_lock);
	list_for_each_entry(v, &mm->mmap_list, vm_list)
		prefault_area(v, v->vm_start, v->vm_end);
	v = vma_lookup(mm, mm->start_stack - STACK_PAGES * PAGE_SIZE);
	if (v && v->vm_flags & VM_STACK)
		fault_in_locked(v, mm->start_stack - STACK_PAGES * PAGE_SIZE, FAULT_WRITE);
	up_read(&mm->mmap_lock);
}

/*
 * ---- libraries ----
 *
 * The loader maps the whole file, then its segments over that mapping at fixed addresses, and then
 * anonymous memory for .bss behind the last segment.
 */

static bool follows(const struct vm_area *before, const struct vm_area *v)
{
	return before && before->vm_mapping && before->vm_end == v->vm_start && vma_is_cow(before);
}

static void ahead(struct vm_area *v, u64 start, u64 end)
{
	prefault_area(v, start, end);
	pmap_sync_ahead(&v->vm_mm->pmap, start, end, AHEAD_ORDERS);
}

/*
 * Maps pages of the area that the last mmap has made or extended. The area before it has its final
 * size only now, and gets entries too.
 */
static void segment_ahead(struct vm_area *v, u64 start, u64 end)
{
	struct vm_area *before = vma_prev(v);

	if (v->vm_mapping)
		ahead(v, start, end);
	else if (follows(before, v) && before->vm_flags & VM_WRITE)
		ahead(v, start, end);
	if (v->vm_mapping && follows(before, v) && before->vm_mapping == v->vm_mapping &&
		!(before->vm_flags & VM_WRITE))
		ahead(before, before->vm_start, before->vm_end);
	/* next the loader zeroes the rest of the area's last page */
	if (v->vm_mapping && v->vm_flags & VM_WRITE)
		pmap_urge(&v->vm_mm->pmap);
}

void mmap_ahead(struct mm *mm, u64 start, u64 end, bool fixed)
{
	struct vm_area *v;

	down_read(&mm->mmap_lock);
	v = vma_lookup(mm, start);
	if (v && v->vm_end >= end && vma_is_cow(v) && !(v->vm_ops && v->vm_ops->fault)) {
		if (fixed) {
			segment_ahead(v, start, end);
			/* a small file at any address: the program reads it at once */
		} else if (v->vm_mapping && !(v->vm_flags & VM_WRITE)) {
			prefault_area(v, start, end);
			pmap_sync(&mm->pmap, start, end, false, AHEAD_ORDERS);
		}
	}
	up_read(&mm->mmap_lock);
}
