/* SPDX-License-Identifier: MIT */
/*
 * mremap.c: extends, shrinks and moves areas.
 *
 * A move takes the entries with their frames from one place in the page tables to another. The
 * space unmaps the old range first, and maps the new one by faults. While entries of a file's area
 * move, i_mmap_sem is held for writing, so that truncation finds each entry in one of the two
 * places.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"

#include <asm/mman.h>
#include <linux/mman.h>

#include "gen/syscalls.h"

struct remap {
	struct mm *mm;
	u64 addr, old_len, new_len, new_addr;
	int flags;
	/* result: the part behind old_len must be faulted in (locked memory) */
	bool populate;
};

/* ---- entries ---- */

/*
 * Moves one entry, and sets *@mapped if it was mapped. Returns 0 or -ENOMEM (no table for the new
 * place); entries moved before stay moved.
 */
static int move_entry(struct mm *mm, u64 from, u64 to, bool *mapped)
{
	pte_t *old, *new;
	int err = 0;

	spin_lock(&mm->page_table_lock);
	old = pmap_pte(&mm->pmap, from, false);
	if (old && *old) {
		new = pmap_pte(&mm->pmap, to, true);
		if (new) {
			*mapped |= (*old & PTE_MAPPED) != 0;
			*new = *old & ~(PTE_MAPPED | PTE_STALE | PTE_LAZY);
			*old = 0;
		} else {
			err = -ENOMEM;
		}
	}
	spin_unlock(&mm->page_table_lock);
	return err;
}

u64 mm_next_entry(struct mm *mm, u64 va, u64 end)
{
	spin_lock(&mm->page_table_lock);
	if (!pmap_next(&mm->pmap, &va, end))
		va = end;
	spin_unlock(&mm->page_table_lock);
	return va;
}

/* Moves the entries of [from, from + len) in @v to @to in @n. 0 or -ENOMEM. */
static int move_entries(struct vm_area *v, struct vm_area *n, u64 from, u64 to, u64 len)
{
	struct address_space *m = v->vm_mapping;
	struct mm *mm = v->vm_mm;
	bool mapped = false;
	int err = 0;

	pmap_note_touched(&mm->pmap, from, from + len);
	zap_prepare(mm, from, from + len);
	if (m)
		down_write(&m->i_mmap_sem);
	for (u64 va = from; (va = mm_next_entry(mm, va, from + len)) < from + len && !err;
		va += PAGE_SIZE)
		err = move_entry(mm, va, to + (va - from), &mapped);
	/*
	 * another thread has mapped pages at the old place again: unmap them, since writeback does
	 * not scan that place
	 */
	if (mapped) {
		pmap_drop(&mm->pmap, from, from + len);
		pmap_settle(&mm->pmap);
	}
	huge_area_follows(n, v);
	if (m)
		up_write(&m->i_mmap_sem);
	return err;
}

/* ---- moving an area ---- */

/*
 * Makes an area at @at like @v that is not linked yet. @pgoff: its offset in the file, in pages.
 * NULL: no memory.
 */
static struct vm_area *copy_area(struct vm_area *v, u64 at, u64 len, u64 pgoff)
{
	struct vm_area *n = vma_alloc(v->vm_mm, at, at + len, v->vm_flags & ~VM_UFFD_ALL);

	if (!n)
		return NULL;
	n->vm_file = v->vm_file;
	n->vm_mapping = v->vm_mapping;
	n->vm_ops = v->vm_ops;
	n->vm_private = v->vm_private;
	n->vm_name = v->vm_name;
	n->vm_policy = v->vm_policy;
	n->vm_family = v->vm_family;
	if (!vma_is_anon(v))
		n->vm_pgoff = pgoff;
	if (n->vm_file)
		mm_file_ops->get(n->vm_file);
	if (n->vm_ops && n->vm_ops->open)
		n->vm_ops->open(n);
	return n;
}

/*
 * Makes the area that MREMAP_DONTUNMAP leaves unlocked. Otherwise each such call would double the
 * memory that a program can lock. If only a part of @v was moved, the rest is unlocked too.
 */
static void leave_unlocked(struct vm_area *v)
{
	struct mm *mm = v->vm_mm;
	u64 start = v->vm_start, end = v->vm_end;

	if (v->vm_flags & VM_LOCKED)
		mm->locked_vm -= vma_pages(v);
	v->vm_flags &= ~(u64)(VM_LOCKED | VM_LOCKONFAULT);
	vma_merge_range(mm, start, end);
}

/*
 * Moves the range to @to, where nothing is mapped. mmap_lock is held for writing, as for all
 * functions from here to remap(). Returns the address, or -errno: then nothing was moved.
 */
static u64 move_area(struct remap *r, struct vm_area *v, u64 to)
{
	struct mm *mm = r->mm;
	u64 pages = r->new_len >> PAGE_SHIFT, moved = min(r->old_len, r->new_len);
	bool account = v->vm_flags & VM_ACCOUNT;
	struct vm_area *n;
	int err;

	if (mm->map_count + 3 > sysctl_max_map_count)
		return -ENOMEM;
	if (r->flags & MREMAP_DONTUNMAP && !may_expand_vm(mm, v->vm_flags, pages))
		return -ENOMEM;
	/* only areas of huge pages: the part that stays keeps its own promise of free huge pages */
	if (v->vm_flags & VM_HUGETLB) {
		err = vma_split_range(mm, r->addr, r->addr + r->old_len);
		if (err)
			return err;
		v = vma_lookup(mm, r->addr);
	}
	if (account && vm_enough_memory(pages))
		return -ENOMEM;
	n = copy_area(v, to, r->new_len, vma_index(v, r->addr));
	if (!n) {
		if (account)
			vm_unacct_memory(pages);
		return -ENOMEM;
	}
	if (account)
		mm->committed += pages;
	vma_link(n);
	vm_stat_account(mm, n->vm_flags, (s64)pages);
	err = move_entries(v, n, r->addr, to, moved);
	if (!err)
		err = uffd_note_remap(v, n, r->addr, moved);
	/* move the entries back: the tables of the old place still exist */
	if (err) {
		move_entries(n, v, to, r->addr, moved);
		if (n->vm_flags & VM_HUGETLB)
			huge_promise_moved(mm, to, r->new_len);
		munmap_locked(mm, to, r->new_len);
		return err;
	}
	if (v->vm_flags & ~n->vm_flags & VM_UFFD_WP)
		uffd_forget_protection(n, to, to + moved);
	if (n->vm_mapping && !list_empty(&mm->aio_contexts))
		mm_aio_ops->moved(n);
	r->populate = vm_locked_now(n->vm_flags) && r->new_len > r->old_len;
	if (v->vm_flags & VM_HUGETLB)
		huge_promise_moved(mm, r->addr, r->old_len);
	if (r->flags & MREMAP_DONTUNMAP)
		leave_unlocked(v);
	else if (r->old_len)
		munmap_locked(mm, r->addr, r->old_len);
	vma_merge_range(mm, to, to + r->new_len);
	return to;
}

/* ---- growing in place ---- */

/* True if the area can grow up to @end. */
static bool can_extend(struct mm *mm, struct vm_area *v, u64 end)
{
	struct vm_area *next = vma_next(v);

	if (end < v->vm_end || end > mm->task_size)
		return false;
	if (!next)
		return true;
	return end <= next->vm_start &&
	       (!(next->vm_flags & VM_GROWSDOWN) || end + STACK_GUARD_GAP <= next->vm_start);
}

static u64 extend(struct remap *r, struct vm_area *v)
{
	u64 pages = (r->new_len - r->old_len) >> PAGE_SHIFT;
	struct mm *mm = r->mm;

	if (v->vm_flags & VM_ACCOUNT) {
		if (vm_enough_memory(pages))
			return -ENOMEM;
		mm->committed += pages;
	}
	vm_stat_account(mm, v->vm_flags, (s64)pages);
	vma_resize(v, v->vm_start, r->addr + r->new_len);
	r->populate = vm_locked_now(v->vm_flags);
	vma_merge_range(mm, r->addr, r->addr + r->new_len);
	return r->addr;
}

/* Returns the area of the request, or ERR_PTR(-errno) if it may not be remapped. */
static struct vm_area *check_area(struct remap *r)
{
	struct vm_area *v = vma_lookup(r->mm, r->addr);
	u64 grown = r->new_len > r->old_len ? (r->new_len - r->old_len) >> PAGE_SHIFT : 0;

	if (!v)
		return ERR_PTR(-EFAULT);
	if (!r->old_len && !(v->vm_flags & VM_SHARED))
		return ERR_PTR(-EINVAL);
	if (r->flags & MREMAP_DONTUNMAP && v->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return ERR_PTR(-EINVAL);
	if (r->old_len > v->vm_end - r->addr)
		return ERR_PTR(-EFAULT);
	if (r->new_len == r->old_len)
		return v;
	if (v->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return ERR_PTR(-EFAULT);
	if (!vma_is_anon(v) && vma_index(v, r->addr) + (r->new_len >> PAGE_SHIFT) < v->vm_pgoff)
		return ERR_PTR(-EINVAL);
	if (v->vm_flags & VM_LOCKED && check_lock_limit(r->mm, grown))
		return ERR_PTR(-EAGAIN);
	if (!may_expand_vm(r->mm, v->vm_flags, grown))
		return ERR_PTR(-ENOMEM);
	return v;
}

/*
 * Checks the target address, or, with MREMAP_DONTUNMAP alone, the address that the caller prefers.
 */
static int check_target(const struct remap *r)
{
	u64 top = r->mm->task_size;

	if (!(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return 0;
	if (r->new_addr & ~PAGE_MASK || r->new_len > top || r->new_addr > top - r->new_len)
		return -EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -EINVAL;
	return r->flags & MREMAP_FIXED && r->new_addr < MMAP_MIN_ADDR ? -EPERM : 0;
}

/* Serves MREMAP_FIXED. Returns the address or -errno. */
static u64 remap_to(struct remap *r)
{
	u64 gone = r->old_len > r->new_len ? r->old_len - r->new_len : 0;
	struct mm *mm = r->mm;
	struct vm_area *v;
	int err;

	r->old_len -= gone; /* the part to unmap is not checked */
	v = check_area(r);
	if (IS_ERR(v))
		return PTR_ERR(v);
	if (r->flags & MREMAP_FIXED) {
		err = munmap_locked(mm, r->new_addr, r->new_len);
		if (err)
			return err;
	}
	if (gone) {
		err = munmap_checked(mm, r->addr + r->new_len, gone);
		if (err)
			return err;
	}
	v = check_area(r);
	return IS_ERR(v) ? (u64)PTR_ERR(v) : move_area(r, v, r->new_addr);
}

static u64 remap_anywhere(struct remap *r)
{
	struct mm *mm = r->mm;
	struct vm_area *v;
	u64 to;
	int err;

	if (r->old_len >= r->new_len && !(r->flags & MREMAP_DONTUNMAP)) {
		if (!vma_lookup(mm, r->addr))
			return -EFAULT;
		if (r->old_len == r->new_len)
			return r->addr;
		err = munmap_checked(mm, r->addr + r->new_len, r->old_len - r->new_len);
		return err ? (u64)err : r->addr;
	}
	v = check_area(r);
	if (IS_ERR(v))
		return PTR_ERR(v);
	if (r->old_len && !(r->flags & MREMAP_DONTUNMAP) && r->addr + r->old_len == v->vm_end &&
		can_extend(mm, v, r->addr + r->new_len))
		return extend(r, v);
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	to = find_free_area(
		mm, r->flags & MREMAP_DONTUNMAP ? r->new_addr : 0, r->new_len, PAGE_SIZE, 0);
	return IS_ERR_VALUE(to) ? to : move_area(r, v, to);
}

/* Aligns a request for an area of huge pages. They move as a whole, and the area cannot grow. */
static int align_huge(struct remap *r, const struct vm_area *v)
{
	if (!v || !(v->vm_flags & VM_HUGETLB))
		return 0;
	r->old_len = round_up(r->old_len, HPAGE_SIZE);
	r->new_len = round_up(r->new_len, HPAGE_SIZE);
	if ((r->addr | r->new_addr) & ~HPAGE_MASK || r->new_len > r->old_len)
		return -EINVAL;
	return 0;
}

/* Serves mremap(2) with mmap_lock held. Returns the address or -errno. */
static u64 remap(struct remap *r)
{
	int err = align_huge(r, vma_lookup(r->mm, r->addr));

	if (!err)
		err = check_target(r);
	if (err)
		return err;
	if (areas_sealed(vma_lookup(r->mm, r->addr), r->addr + 1))
		return -EPERM;
	arch_patch_forget(r->mm, r->addr, r->addr + r->old_len);
	return r->flags & MREMAP_FIXED ? remap_to(r) : remap_anywhere(r);
}

long sys_mremap(unsigned long addr, unsigned long old_len, unsigned long new_len, int flags,
	unsigned long new_addr)
{
	struct remap r = { .mm = current->mm,
		.addr = addr,
		.old_len = PAGE_ALIGN(old_len),
		.new_len = PAGE_ALIGN(new_len),
		.new_addr = new_addr,
		.flags = flags };
	u64 grown_from = r.old_len, ret;

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && r.old_len != r.new_len)
		return -EINVAL;
	if (addr & ~PAGE_MASK || !r.new_len)
		return -EINVAL;
	if (r.new_len > r.mm->task_size)
		return -EINVAL;
	if (addr + r.old_len < addr)
		return -EINVAL;
	if (down_write_killable(&r.mm->mmap_lock))
		return -EINTR;
	ret = remap(&r);
	mmap_write_unlock(r.mm);
	if (r.populate && !IS_ERR_VALUE(ret))
		mm_populate(r.mm, ret + grown_from, ret + r.new_len, 0);
	return (long)ret;
}
