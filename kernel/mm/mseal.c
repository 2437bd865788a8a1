/* SPDX-License-Identifier: MIT */
/*
 * mseal.c: mseal(2): seals areas, so that they cannot be moved, removed or given other rights until
 * the process ends or executes another program.
 *
 * VM_SEALED is checked by munmap_locked() (and so by mmap and mremap to an address in use, and by
 * brk), mprotect, mremap, and by madvise if it would discard private anonymous memory that cannot
 * be written. A child inherits seals, and a seal is never removed.
 */
#include "kernel/mm/internal.h"

#include "gen/syscalls.h"

bool areas_sealed(struct vm_area *v, u64 end)
{
	for (; v && v->vm_start < end; v = vma_next(v))
		if (v->vm_flags & VM_SEALED)
			return true;
	return false;
}

static bool range_has_hole(struct mm *mm, u64 start, u64 end)
{
	for (struct vm_area *v = vma_lookup(mm, start); start < end; v = vma_next(v)) {
		if (!v || v->vm_start > start)
			return true;
		start = v->vm_end;
	}
	return false;
}

/*
 * Seals the areas of the range. mmap_lock is held for writing. Returns 0, -ENOMEM, or -EINVAL if an
 * end of the range is inside a huge page.
 */
static int seal_range(struct mm *mm, u64 start, u64 end)
{
	int err;

	if (range_has_hole(mm, start, end))
		return -ENOMEM;
	if (mm->map_count + 2 > sysctl_max_map_count)
		return -ENOMEM;
	err = vma_split_range(mm, start, end);
	for (struct vm_area *v = find_vma(mm, start); !err && v && v->vm_start < end;
		v = vma_next(v))
		v->vm_flags |= VM_SEALED;
	vma_merge_range(mm, start, end);
	return err;
}

long sys_mseal(unsigned long addr, size_t len, unsigned long flags)
{
	struct mm *mm = current->mm;
	u64 end = addr + PAGE_ALIGN(len);
	int err;

	if (flags || addr & ~PAGE_MASK || (len && !PAGE_ALIGN(len)) || end < addr)
		return -EINVAL;
	if (end == addr)
		return 0;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	err = seal_range(mm, addr, end);
	up_write(&mm->mmap_lock);
	return err;
}
