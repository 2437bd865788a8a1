/* SPDX-License-Identifier: MIT */
/*
 * mlock.c: locked memory, msync and mincore.
 *
 * Locked memory is faulted in when it is locked, accounted against RLIMIT_MEMLOCK, and refuses
 * MADV_DONTNEED. It is not swapped out, and its clean pages of files stay mapped: reclaim calls
 * page_memory_locked().
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/swap/swap_internal.h"

#include <asm/mman.h>
#include <linux/capability.h>
#include <linux/mman.h>

#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"

/*
 * Returns where to split areas for a boundary at @at. Huge pages are never reclaimed, so their
 * areas are neither marked nor split.
 */
static u64 cut_at(struct mm *mm, u64 at)
{
	struct vm_area *v = vma_lookup(mm, at);

	return v && v->vm_flags & VM_HUGETLB ? v->vm_start : at;
}

/* Sets the lock flags of the areas in the range, up to the first hole, which gives -ENOMEM. */
static int set_lock(struct mm *mm, u64 start, u64 end, u64 flags)
{
	u64 at = start;
	int hole;

	for (struct vm_area *v = vma_lookup(mm, start); v && v->vm_start <= at && at < end;
		v = vma_next(v))
		at = v->vm_end;
	hole = at < end ? -ENOMEM : 0;
	end = min(end, at);
	if (start == end)
		return hole;
	if (mm->map_count + 2 > sysctl_max_map_count ||
		vma_split_range(mm, cut_at(mm, start), cut_at(mm, end)))
		return -ENOMEM;
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v)) {
		u64 new = (v->vm_flags & ~(u64)(VM_LOCKED | VM_LOCKONFAULT)) | flags;

		if (v->vm_flags &
				(VM_IO | VM_PFNMAP | VM_SPECIAL_NAME | VM_HUGETLB | VM_DROPPABLE) ||
			vma_is_secret(v)) /* secret memory stays locked */
			continue;
		if ((new ^ v->vm_flags) & VM_LOCKED)
			mm->locked_vm += new &VM_LOCKED ? vma_pages(v) : -vma_pages(v);
		v->vm_flags = new;
	}
	vma_merge_range(mm, start, end);
	return hole;
}

static u64 locked_in_range(struct mm *mm, u64 start, u64 end)
{
	u64 n = 0;

	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v))
		if (v->vm_flags & VM_LOCKED)
			n += (min(v->vm_end, end) - max(v->vm_start, start)) >> PAGE_SHIFT;
	return n;
}

/* Serves mlock(2) and mlock2(2). @flags: VM_LOCKED, VM_LOCKONFAULT. May sleep. 0 or -errno. */
static int lock_range(u64 start, size_t len, u64 flags)
{
	struct mm *mm = current->mm;
	u64 end = PAGE_ALIGN(start + len);
	int err;

	start &= PAGE_MASK;
	if (!mmap_limit(RLIMIT_MEMLOCK) && !mm_capable(CAP_IPC_LOCK))
		return -EPERM;
	if (end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	err = check_lock_limit(mm, ((end - start) >> PAGE_SHIFT) - locked_in_range(mm, start, end));
	if (err)
		err = -ENOMEM;
	else
		err = set_lock(mm, start, end, flags);
	up_write(&mm->mmap_lock);
	if (err || flags & VM_LOCKONFAULT)
		return err;
	err = mm_populate(mm, start, end, 0);
	if (err == -EFAULT || err == -ENXIO || err == -EHWPOISON)
		return -ENOMEM;
	return err == -ENOMEM ? -EAGAIN : err;
}

long sys_mlock(unsigned long addr, size_t len)
{
	return lock_range(addr, len, VM_LOCKED);
}

long sys_mlock2(unsigned long addr, size_t len, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock_range(addr, len, VM_LOCKED | (flags & MLOCK_ONFAULT ? VM_LOCKONFAULT : 0));
}

long sys_munlock(unsigned long addr, size_t len)
{
	struct mm *mm = current->mm;
	u64 start = addr & PAGE_MASK, end = PAGE_ALIGN(addr + len);
	int err;

	if (end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	err = set_lock(mm, start, end, 0);
	up_write(&mm->mmap_lock);
	return err;
}

static void lock_all(struct mm *mm, u64 flags)
{
	struct vm_area *v, *next;

	for (v = find_vma(mm, 0); v; v = next) {
		u64 end = v->vm_end;

		set_lock(mm, v->vm_start, end, flags);
		next = find_vma(mm, end);
	}
}

/* Faults in all accessible pages. Takes mmap_lock. Errors are ignored. */
static void populate_all(struct mm *mm)
{
	u64 at = 0;

	for (;;) {
		struct vm_area *v;
		u64 start = 0, end = 0;

		down_read(&mm->mmap_lock);
		for (v = find_vma(mm, at); v && !(v->vm_flags & VM_ACCESS); v = vma_next(v))
			;
		if (v) {
			start = v->vm_start;
			end = v->vm_end;
		}
		up_read(&mm->mmap_lock);
		if (!end || mm_populate(mm, start, end, 0) == -EINTR)
			return;
		at = end;
	}
}

long sys_mlockall(int flags)
{
	struct mm *mm = current->mm;
	u64 lock = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
	int err;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!mm_capable(CAP_IPC_LOCK) && !mmap_limit(RLIMIT_MEMLOCK))
		return -EPERM;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	err = flags & MCL_CURRENT ?
		      check_lock_limit(mm, mm->total_vm - min(mm->total_vm, mm->locked_vm)) :
		      0;
	if (!err) {
		mm->def_flags &= ~(u64)(VM_LOCKED | VM_LOCKONFAULT);
		if (flags & MCL_FUTURE)
			mm->def_flags |= lock;
		if (flags & MCL_CURRENT)
			lock_all(mm, lock);
	}
	up_write(&mm->mmap_lock);
	if (err)
		return -ENOMEM;
	if (flags & MCL_CURRENT && !(flags & MCL_ONFAULT))
		populate_all(mm);
	return 0;
}

long sys_munlockall(void)
{
	struct mm *mm = current->mm;

	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	mm->def_flags &= ~(u64)(VM_LOCKED | VM_LOCKONFAULT);
	lock_all(mm, 0);
	up_write(&mm->mmap_lock);
	return 0;
}

/* ---- msync ---- */

/*
 * Syncs the part of the range that lies in one area, and moves *start behind it. mmap_lock is
 * dropped while the file system works.
 */
static int sync_area(struct mm *mm, u64 *start, u64 end, int flags, bool *hole)
{
	struct vm_area *v;
	struct file *f = NULL;
	u64 off = 0, stop = end;
	int err = 0;

	down_read(&mm->mmap_lock);
	v = find_vma(mm, *start);
	if (!v || v->vm_start >= end) {
		*hole = true;
	} else {
		*hole |= v->vm_start > *start;
		*start = max(*start, v->vm_start);
		stop = min(end, v->vm_end);
		if (flags & MS_INVALIDATE && v->vm_flags & VM_LOCKED)
			err = -EBUSY;
		else if (flags & MS_SYNC && v->vm_file && v->vm_flags & VM_SHARED && v->vm_mapping)
			f = v->vm_file;
		if (f) {
			off = vma_index(v, *start) << PAGE_SHIFT;
			mm_file_ops->get(f);
		}
	}
	up_read(&mm->mmap_lock);
	if (f) {
		if (mm_file_ops->fsync)
			err = mm_file_ops->fsync(
				f, (loff_t)off, (loff_t)(off + (stop - *start) - 1));
		mm_file_ops->put(f);
	}
	*start = stop;
	return err;
}

long sys_msync(unsigned long addr, size_t len, int flags)
{
	u64 at = addr, end = addr + PAGE_ALIGN(len);
	bool hole = false;
	int err = 0;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || addr & ~PAGE_MASK)
		return -EINVAL;
	if ((flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (end < addr)
		return -ENOMEM;
	while (at < end && !err)
		err = sync_area(current->mm, &at, end, flags, &hole);
	return err ? err : hole ? -ENOMEM : 0;
}

/* ---- mincore ---- */

/*
 * True if current may learn which pages of the area's file are cached. That requires the right to
 * write to the file: otherwise a program could observe other programs by their shared pages. Other
 * callers see all pages as present.
 */
bool vma_may_watch(const struct vm_area *v)
{
	return !v->vm_mapping || !v->vm_file || mm_file_ops->may_watch(v->vm_file);
}

/*
 * Returns whether mincore() reports the page as present. A page that was mapped ahead is present
 * only once it was touched.
 */
static u8 page_in_core(struct vm_area *v, u64 va, struct hole_cursor *holes)
{
	struct mm *mm = v->vm_mm;
	struct page *p = NULL;
	bool held = false;
	pte_t *e;
	u8 in;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, va, false);
	in = e && *e && !(*e & PTE_SPECIAL); /* a marker is no page */
	if (e && *e & PTE_SWAP)
		swap_look(*e, &held);
	if (in && *e & PTE_RESERVED) {
		p = pfn_to_page(pte_pfn(*e));
		get_page(p);
	}
	spin_unlock(&mm->page_table_lock);
	if (p) {
		in = !page_is_untouched(p, holes);
		put_page(p);
	}
	if (in || !v->vm_mapping)
		return in || held;
	p = find_get_page(v->vm_mapping, vma_index(v, va));
	if (!p)
		return 0;
	in = PageUptodate(p);
	put_page(p);
	return in;
}

#define CORE_BATCH 256

long sys_mincore(unsigned long addr, size_t len, uaddr_t vec)
{
	struct mm *mm = current->mm;
	u64 end = addr + PAGE_ALIGN(len);
	struct hole_cursor holes = { 0 };
	u8 buf[CORE_BATCH];

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (len > mm->task_size)
		return -ENOMEM;
	if (end < addr || end > mm->task_size || !access_ok(vec, (end - addr) >> PAGE_SHIFT))
		return end < addr || end > mm->task_size ? -ENOMEM : -EFAULT;
	for (u64 va = addr; va < end;) {
		const struct vm_area *asked = NULL;
		bool may = true;
		u32 n = 0;

		down_read(&mm->mmap_lock);
		pmap_note_touched(&mm->pmap, va, min(end, va + CORE_BATCH * PAGE_SIZE));
		for (; n < CORE_BATCH && va < end; va += PAGE_SIZE) {
			struct vm_area *v = vma_lookup(mm, va);

			if (!v) {
				up_read(&mm->mmap_lock);
				return -ENOMEM;
			}
			if (v != asked) {
				may = vma_may_watch(v);
				asked = v;
			}
			buf[n++] = !may || page_in_core(v, va, &holes);
		}
		up_read(&mm->mmap_lock);
		if (copy_to_user(vec, buf, n))
			return -EFAULT;
		vec = uaddr_add(vec, n);
	}
	return 0;
}
