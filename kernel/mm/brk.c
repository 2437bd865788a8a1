/* SPDX-License-Identifier: MIT */
/*
 * brk.c: areas that the kernel itself makes: the heap of brk, the stack, and special mappings.
 *
 * Locks: mmap_lock, for writing, around all changes. The callers of expand_stack() hold it; the
 * other functions of this file's interface take it.
 */
#include <asm/mman.h>
#include <linux/mman.h>

#include "gen/syscalls.h"
#include "kernel/mm/internal.h"

/* ---- brk ---- */

/*
 * Maps a private anonymous area in a free range of whole pages. @flags: VM_*, in addition to those
 * that every such area has. Returns 0, -ENOMEM, or -EAGAIN if too much would be locked. mmap_lock
 * is held for writing.
 */
static int map_anon(struct mm *mm, u64 addr, u64 len, u64 flags)
{
	u64 pages = len >> PAGE_SHIFT;
	struct vm_area *v;

	flags |= VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT | mm->def_flags;
	if (!may_expand_vm(mm, flags, pages) || mm->map_count > sysctl_max_map_count)
		return -ENOMEM;
	if (flags & VM_LOCKED && check_lock_limit(mm, pages))
		return -EAGAIN;
	if (vm_enough_memory(pages))
		return -ENOMEM;
	v = vma_alloc(mm, addr, addr + len, flags);
	if (!v) {
		vm_unacct_memory(pages);
		return -ENOMEM;
	}
	mm->committed += pages;
	vma_link(v);
	vm_stat_account(mm, flags, pages);
	vma_merge_range(mm, addr, addr + len);
	return 0;
}

int vm_brk(struct mm *mm, u64 addr, u64 len, u64 flags)
{
	int err;

	len = PAGE_ALIGN(len + (addr & ~PAGE_MASK));
	addr &= PAGE_MASK;
	if (!len)
		return 0;
	if (len > mm->task_size || addr > mm->task_size - len)
		return -ENOMEM;
	down_write(&mm->mmap_lock);
	err = munmap_locked(mm, addr, len);
	if (!err)
		err = map_anon(mm, addr, len, VM_READ | VM_WRITE | (flags & VM_EXEC));
	mmap_write_unlock(mm);
	return err;
}

/*
 * True if the heap may grow to @brk: RLIMIT_DATA allows it, and nothing is mapped from the present
 * break to a page beyond @brk. A stack must be STACK_GUARD_GAP further away. If the heap has merged
 * with an area behind it, the merged area extends beyond the present break and forbids all growth.
 */
static bool brk_allowed(struct mm *mm, u64 brk)
{
	u64 limit = mmap_limit(RLIMIT_DATA), gap;
	struct vm_area *next;

	if (limit < ~0UL && brk - mm->start_brk + (mm->end_data - mm->start_data) > limit)
		return false;
	next = find_vma(mm, PAGE_ALIGN(mm->brk));
	if (PAGE_ALIGN(brk) > mm->task_size)
		return false;
	if (!next)
		return true;
	gap = next->vm_flags & VM_GROWSDOWN ? STACK_GUARD_GAP : 0;
	return PAGE_ALIGN(brk) + PAGE_SIZE + gap <= next->vm_start;
}

/*
 * Sets the break to @brk, and maps or unmaps the difference. Returns false, with nothing changed,
 * if that is not possible. mmap_lock is held for writing.
 */
static bool set_brk(struct mm *mm, u64 brk)
{
	u64 new = PAGE_ALIGN(brk), old = PAGE_ALIGN(mm->brk);

	if (brk < mm->start_brk || brk > mm->task_size)
		return false;
	if (new < old && munmap_locked(mm, new, old - new))
		return false;
	if (new > old &&
		(!brk_allowed(mm, brk) || map_anon(mm, old, new - old, VM_READ | VM_WRITE)))
		return false;
	mm->brk = brk;
	return true;
}

long sys_brk(unsigned long brk)
{
	struct mm *mm = current->mm;
	u64 old, now;
	bool lock;

	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	old = mm->brk;
	set_brk(mm, brk);
	now = mm->brk;
	lock = vm_locked_now(mm->def_flags);
	mmap_write_unlock(mm);
	if (lock && now > old)
		mm_populate(mm, PAGE_ALIGN(old), PAGE_ALIGN(now), 0);
	else if (PAGE_ALIGN(now) > PAGE_ALIGN(old)) /* the program will touch the new heap */
		fault_ahead(mm, PAGE_ALIGN(old), FAULT_WRITE);
	return (long)now;
}

/* ---- stacks ---- */

int mm_setup_stack(struct mm *mm, u64 top, u64 flags)
{
	u64 size = 32 * PAGE_SIZE; /* initially; expand_stack() extends it */
	int err;

	top &= PAGE_MASK;
	down_write(&mm->mmap_lock);
	err = map_anon(mm, top - size, size, VM_READ | VM_WRITE | VM_GROWSDOWN | VM_STACK | flags);
	if (!err)
		mm->start_stack = top;
	up_write(&mm->mmap_lock);
	return err;
}

/*
 * Extends the stack @v down to @addr's page. Returns 0, also if it extends so far already; -EFAULT
 * if @v is no stack or @addr is below MMAP_MIN_ADDR; or -ENOMEM for a limit, an area in the way, or
 * lack of memory. mmap_lock is held for writing.
 */
int expand_stack(struct vm_area *v, u64 addr)
{
	struct mm *mm = v->vm_mm;
	struct vm_area *prev = vma_prev(v);
	u64 pages;

	addr &= PAGE_MASK;
	if (!(v->vm_flags & VM_GROWSDOWN) || addr < MMAP_MIN_ADDR)
		return -EFAULT;
	if (addr >= v->vm_start)
		return 0;
	if (v->vm_end - addr > mmap_limit(RLIMIT_STACK))
		return -ENOMEM;
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) && prev->vm_flags & VM_ACCESS &&
		addr - prev->vm_end < STACK_GUARD_GAP)
		return -ENOMEM;
	if (prev && prev->vm_end > addr)
		return -ENOMEM;
	pages = (v->vm_start - addr) >> PAGE_SHIFT;
	if (!may_expand_vm(mm, v->vm_flags, pages))
		return -ENOMEM;
	if (v->vm_flags & VM_LOCKED && check_lock_limit(mm, pages))
		return -ENOMEM;
	if (v->vm_flags & VM_ACCOUNT) {
		if (vm_enough_memory(pages))
			return -ENOMEM;
		mm->committed += pages;
	}
	vm_stat_account(mm, v->vm_flags, pages);
	vma_resize(v, addr, v->vm_end);
	return 0;
}

/* ---- special mappings ---- */

struct vm_area *install_special_mapping(struct mm *mm, u64 addr, u64 len, u64 flags,
	const struct vm_operations *ops, void *private, const char *name)
{
	struct vm_area *v = vma_alloc(mm, addr, addr + PAGE_ALIGN(len), flags | VM_SPECIAL_NAME);
	struct vm_area *other;

	if (!v)
		return ERR_PTR(-ENOMEM);
	v->vm_ops = ops;
	v->vm_private = private;
	v->vm_name = name;
	v->vm_pgoff = 0;
	down_write(&mm->mmap_lock);
	other = find_vma(mm, addr);
	if (other && other->vm_start < v->vm_end) {
		up_write(&mm->mmap_lock);
		vma_free(v);
		return ERR_PTR(-EEXIST);
	}
	vma_link(v);
	vm_stat_account(mm, v->vm_flags, vma_pages(v));
	up_write(&mm->mmap_lock);
	return v;
}
