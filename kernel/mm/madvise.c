/* SPDX-License-Identifier: MIT */
/*
 * madvise.c: madvise(2), guests' advice on their use of memory. A table has a function for each
 * advice, which is called for each area of the range.
 *
 * Advice about huge pages is accepted and stored as on Linux, and has no effect, since frames are
 * allocated in extents anyway. pageout.c pages out, ksm.c merges pages. MADV_FREE drops pages at
 * once.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"

#include <asm/mman.h>

#include "arch/um/machine/arch.h"
#include "gen/syscalls.h"

#define MADV_DONTNEED_LOCKED_ 24
#define MADV_GUARD_INSTALL_ 102
#define MADV_GUARD_REMOVE_ 103
#define TABLE_SPAN (512 * PAGE_SIZE)

struct advice {
	int advice;
	/* true: the advice changes areas, so mmap_lock is held for writing */
	bool write;
	u64 set, clear;                                      /* vm_flags */
	int (*apply)(struct vm_area *v, u64 start, u64 end); /* or NULL */
};

/*
 * Returns the file that a shared area maps, or NULL if the file has no writeback. Writeback must
 * not run after entries are cleared and before the space (the address space of the mm on the host)
 * unmaps the pages. In between a thread can still write to a page, and writeback would miss that
 * write, since it finds no entry to protect.
 */
static struct address_space *written_back(const struct vm_area *v)
{
	struct address_space *m = v->vm_mapping;

	return m && !vma_is_cow(v) && !m->a_ops->memory_only ? m : NULL;
}

/* Drops the pages of [start, end) of @v. mmap_lock is held. May sleep. Returns 0. */
static int drop(struct vm_area *v, u64 start, u64 end)
{
	struct huge_file *huge = v->vm_flags & VM_HUGETLB ? v->vm_mapping->huge : NULL;
	struct address_space *m = written_back(v);

	/* faults see none or all of a huge page's entries */
	if (huge)
		mutex_lock(&huge->lock);
	zap_prepare(v->vm_mm, start, end);
	/*
	 * The space must unmap huge pages before their mapcount drops: another process that is then
	 * the only one to map a page after fork() writes to it in place.
	 */
	if (huge)
		pmap_flush(&v->vm_mm->pmap);
	if (m)
		down_write(&m->i_mmap_sem);
	zap_pages(v, start, end);
	if (m)
		up_write(&m->i_mmap_sem);
	if (huge)
		mutex_unlock(&huge->lock);
	return 0;
}

void zap_special_mapping(struct mm *mm, u64 addr)
{
	struct vm_area *v;

	down_write(&mm->mmap_lock);
	v = find_vma(mm, addr);
	if (v && v->vm_start == addr && v->vm_ops && !v->vm_file)
		drop(v, v->vm_start, v->vm_end);
	up_write(&mm->mmap_lock);
}

static int advise_dontneed_locked(struct vm_area *v, u64 start, u64 end)
{
	if (v->vm_flags & VM_PFNMAP)
		return -EINVAL;
	if (v->vm_flags & VM_HUGETLB && start & ~HPAGE_MASK)
		return -EINVAL;
	if (v->vm_flags & VM_HUGETLB)
		end &= HPAGE_MASK;
	return start < end ? drop(v, start, end) : 0;
}

static int advise_dontneed(struct vm_area *v, u64 start, u64 end)
{
	return v->vm_flags & VM_LOCKED ? -EINVAL : advise_dontneed_locked(v, start, end);
}

static int advise_free(struct vm_area *v, u64 start, u64 end)
{
	return !vma_is_anon(v) || v->vm_flags & VM_LOCKED ? -EINVAL : drop(v, start, end);
}

static int advise_willneed(struct vm_area *v, u64 start, u64 end)
{
	if (!v->vm_mapping)
		return 0;
	if (!v->vm_mapping->a_ops->memory_only)
		force_readahead(v->vm_mapping, v->vm_file, vma_index(v, start),
			(end - start) >> PAGE_SHIFT);
	return 0;
}

static int advise_dofork(struct vm_area *v, u64 start, u64 end)
{
	return v->vm_flags & VM_IO ? -EINVAL : 0;
}

static int advise_wipeonfork(struct vm_area *v, u64 start, u64 end)
{
	return vma_is_anon(v) && vma_is_cow(v) ? 0 : -EINVAL;
}

/* Serves MADV_KEEPONFORK: -EINVAL for droppable memory, which a child never gets. */
static int advise_keeponfork(struct vm_area *v, u64 start, u64 end)
{
	return v->vm_flags & VM_DROPPABLE ? -EINVAL : 0;
}

static int advise_dodump(struct vm_area *v, u64 start, u64 end)
{
	if (v->vm_flags & VM_DROPPABLE)
		return -EINVAL;
	return !(v->vm_flags & VM_HUGETLB) && v->vm_flags & (VM_DONTEXPAND | VM_PFNMAP) ? -EINVAL :
											  0;
}

/* result of apply(): the advice has no effect and is not stored, and the call succeeds */
#define IGNORED 1

static int advise_mergeable(struct vm_area *v, u64 start, u64 end)
{
	if (v->vm_flags &
		(VM_SHARED | VM_DROPPABLE | VM_HUGETLB | VM_IO | VM_DONTEXPAND | VM_PFNMAP))
		return IGNORED;
	ksm_note(v->vm_mm);
	return 0;
}

static int advise_collapse(struct vm_area *v, u64 start, u64 end)
{
	/* as on a Linux without transparent huge pages */
	return -EINVAL;
}

static bool may_have_guards(const struct vm_area *v)
{
	return !(v->vm_flags & (VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_SPECIAL_NAME | VM_HUGETLB));
}

/*
 * Sets guard markers in the entries of one table. They are empty or guards before, since mmap_lock
 * is held for writing. Returns the address of the next table; 0: no memory.
 */
static u64 install_in_table(struct mm *mm, u64 va, u64 end)
{
	pte_t *e = entry_lock(mm, va);

	if (!e)
		return 0;
	do
		*e++ = PTE_MARKER(PTE_GUARD);
	while (va += PAGE_SIZE, va < end && va & (TABLE_SPAN - 1));
	entry_unlock(mm);
	return va;
}

/*
 * Makes the pages of the range guards, and drops them. A guard page costs only its entry, and needs
 * no area of its own.
 */
static int advise_guard(struct vm_area *v, u64 start, u64 end)
{
	if (!may_have_guards(v) || v->vm_flags & VM_LOCKED)
		return -EINVAL;
	arch_patch_forget(v->vm_mm, start, end);
	drop(v, start, end);
	for (u64 va = start; va < end; cond_resched()) {
		va = install_in_table(v->vm_mm, va, end);
		if (!va)
			return -ENOMEM;
		if (wait_interrupted(TASK_KILLABLE)) /* the range may be a terabyte */
			return -EINTR;
	}
	return 0;
}

/* Serves MADV_GUARD_REMOVE. mmap_lock is held for reading. 0 or -EINVAL. */
static int advise_no_guard(struct vm_area *v, u64 start, u64 end)
{
	struct mm *mm = v->vm_mm;

	if (!may_have_guards(v))
		return -EINVAL;
	for (u64 va = start; va < end; cond_resched()) {
		bool any;
		pte_t *e;

		spin_lock(&mm->page_table_lock);
		e = pmap_next(&mm->pmap, &va, end);
		any = e;
		if (e)
			do
				if (*e & PTE_GUARD)
					*e = 0;
			while (e++, va += PAGE_SIZE, va < end && va & (TABLE_SPAN - 1));
		spin_unlock(&mm->page_table_lock);
		if (!any)
			break;
	}
	return 0;
}

static const struct advice advices[] = {
	{ MADV_NORMAL, true, 0, VM_SEQ_READ | VM_RAND_READ, NULL },
	{ MADV_RANDOM, true, VM_RAND_READ, VM_SEQ_READ, NULL },
	{ MADV_SEQUENTIAL, true, VM_SEQ_READ, VM_RAND_READ, NULL },
	{ MADV_WILLNEED, false, 0, 0, advise_willneed },
	{ MADV_DONTNEED, false, 0, 0, advise_dontneed },
	{ MADV_DONTNEED_LOCKED_, false, 0, 0, advise_dontneed_locked },
	{ MADV_FREE, false, 0, 0, advise_free },
	{ MADV_DONTFORK, true, VM_DONTCOPY, 0, NULL },
	{ MADV_DOFORK, true, 0, VM_DONTCOPY, advise_dofork },
	{ MADV_WIPEONFORK, true, VM_WIPEONFORK, 0, advise_wipeonfork },
	{ MADV_KEEPONFORK, true, 0, VM_WIPEONFORK, advise_keeponfork },
	{ MADV_DONTDUMP, true, VM_DONTDUMP, 0, NULL },
	{ MADV_DODUMP, true, 0, VM_DONTDUMP, advise_dodump },
	{ MADV_MERGEABLE, true, VM_MERGEABLE, 0, advise_mergeable },
	{ MADV_UNMERGEABLE, true, 0, VM_MERGEABLE, NULL },
	{ MADV_HUGEPAGE, true, VM_HUGEPAGE, VM_NOHUGEPAGE, NULL },
	{ MADV_NOHUGEPAGE, true, VM_NOHUGEPAGE, VM_HUGEPAGE, NULL },
	{ MADV_COLD, false, 0, 0, advise_cold },
	{ MADV_PAGEOUT, false, 0, 0, advise_pageout },
	{ 25, false, 0, 0, advise_collapse },
	{ MADV_GUARD_INSTALL_, true, 0, 0, advise_guard },
	{ MADV_GUARD_REMOVE_, false, 0, 0, advise_no_guard },
};

static const struct advice *find_advice(int advice)
{
	for (u32 i = 0; i < ARRAY_SIZE(advices); i++)
		if (advices[i].advice == advice)
			return &advices[i];
	return NULL;
}

/* True for advice that changes the content of memory, in this process or in a child. */
static bool discards(int advice)
{
	return advice == MADV_REMOVE || advice == MADV_DONTNEED ||
	       advice == MADV_DONTNEED_LOCKED_ || advice == MADV_FREE || advice == MADV_DONTFORK ||
	       advice == MADV_WIPEONFORK || advice == MADV_GUARD_INSTALL_;
}

/*
 * True if a seal forbids the advice: sealed private anonymous memory that cannot be written may not
 * be discarded.
 */
static bool seal_forbids(const struct vm_area *v, int advice)
{
	return v->vm_flags & VM_SEALED && discards(advice) && vma_is_anon(v) &&
	       !(v->vm_flags & (VM_SHARED | VM_WRITE));
}

/* Applies the advice to a part of @v. mmap_lock is held, for writing if a->write. 0 or -errno. */
static int apply_to_area(const struct advice *a, struct vm_area *v, u64 start, u64 end)
{
	u64 flags = (v->vm_flags | a->set) & ~a->clear;
	struct mm *mm = v->vm_mm;
	int err;

	if (seal_forbids(v, a->advice))
		return -EPERM;
	err = a->apply ? a->apply(v, start, end) : 0;
	if (err == IGNORED)
		return 0;
	if (err || !a->write || flags == v->vm_flags)
		return err;
	if (mm->map_count + 2 > sysctl_max_map_count)
		return -ENOMEM;
	err = vma_split_range(mm, start, end);
	if (err)
		return err;
	vma_lookup(mm, start)->vm_flags = flags;
	return 0;
}

/* Applies the advice to a range. -ENOMEM for holes is returned only after the rest was done. */
static int advise_range(const struct advice *a, struct mm *mm, u64 start, u64 end)
{
	int err = 0, hole = 0;
	u64 at = start;

	while (at < end && !err) {
		struct vm_area *v = find_vma(mm, at);
		u64 stop;

		if (!v || v->vm_start >= end)
			return -ENOMEM;
		if (v->vm_start > at)
			hole = -ENOMEM;
		at = max(at, v->vm_start);
		stop = min(end, v->vm_end);
		err = apply_to_area(a, v, at, stop);
		at = stop;
	}
	if (a->write)
		vma_merge_range(mm, start, end);
	return err ? err : hole;
}

/* Checks whether MADV_REMOVE applies to the area. 0 or -errno. */
static int may_remove(const struct vm_area *v)
{
	if (seal_forbids(v, MADV_REMOVE))
		return -EPERM;
	if (v->vm_flags & VM_LOCKED || !v->vm_file)
		return -EINVAL;
	return v->vm_mapping && (v->vm_flags & (VM_SHARED | VM_MAYWRITE)) ==
					(VM_SHARED | VM_MAYWRITE) ?
		       0 :
		       -EACCES;
}

/*
 * Serves MADV_REMOVE: punches a hole in the file of a shared mapping that is or can become
 * writable. No lock is held while the file system works. -ENOMEM for holes between areas is
 * returned only after the rest was done.
 */
static int remove_range(struct mm *mm, u64 start, u64 end)
{
	int err = 0, hole = 0;

	while (start < end && !err) {
		struct vm_area *v;
		struct file *f;
		u64 stop, off;

		down_read(&mm->mmap_lock);
		v = find_vma(mm, start);
		if (!v || v->vm_start >= end) {
			up_read(&mm->mmap_lock);
			return -ENOMEM;
		}
		if (v->vm_start > start) {
			hole = -ENOMEM;
			start = v->vm_start;
		}
		err = may_remove(v);
		if (err) {
			up_read(&mm->mmap_lock);
			return err;
		}
		stop = min(end, v->vm_end);
		off = vma_index(v, start) << PAGE_SHIFT;
		f = v->vm_file;
		mm_file_ops->get(f);
		up_read(&mm->mmap_lock);
		err = mm_file_ops->fallocate ?
			      mm_file_ops->fallocate(f, 3 /* PUNCH_HOLE | KEEP_SIZE */, (loff_t)off,
				      (loff_t)(stop - start)) :
			      -EOPNOTSUPP;
		mm_file_ops->put(f);
		start = stop;
	}
	return err ? err : hole;
}

/*
 * Returns the start of the first area in [start, end) without VM_READ, or @end. A fault does not
 * check this: it lets a write-only area be read, since the CPU has no write-only pages.
 */
static u64 readable_until(struct mm *mm, u64 start, u64 end)
{
	struct vm_area *v;

	down_read(&mm->mmap_lock);
	for (v = find_vma(mm, start); v && v->vm_start < end && v->vm_flags & VM_READ;)
		v = vma_next(v);
	if (v && v->vm_start < end)
		end = max(start, v->vm_start);
	up_read(&mm->mmap_lock);
	return end;
}

static int populate_range(struct mm *mm, u64 start, u64 end, u32 flags)
{
	u64 stop = flags & FAULT_WRITE ? end : readable_until(mm, start, end);
	int err = stop > start ? mm_populate(mm, start, stop, flags) : 0;

	if (!err && stop < end)
		err = -EFAULT;
	return err == -ENXIO || err == -EIO ? -EFAULT : err == -EFAULT ? -EINVAL : err;
}

int mm_madvise(struct mm *mm, u64 addr, u64 len, int advice)
{
	const struct advice *a = find_advice(advice);
	u64 end = addr + PAGE_ALIGN(len);
	int err;

	if (!a && advice != MADV_REMOVE && advice != MADV_POPULATE_READ &&
		advice != MADV_POPULATE_WRITE)
		return -EINVAL;
	if (addr & ~PAGE_MASK || (len && !PAGE_ALIGN(len)) || end < addr)
		return -EINVAL;
	if (end == addr)
		return 0;
	if (advice == MADV_REMOVE || advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED_ ||
		advice == MADV_FREE) {
		err = uffd_notify_removed(mm, addr, end, advice != MADV_REMOVE);
		if (err)
			return err;
	}
	if (advice == MADV_REMOVE)
		return remove_range(mm, addr, end);
	if (!a)
		return populate_range(mm, addr, end,
			advice == MADV_POPULATE_WRITE ? FAULT_WRITE : FAULT_READ_ONLY);
	if (a->write) {
		if (down_write_killable(&mm->mmap_lock))
			return -EINTR;
		err = advise_range(a, mm, addr, end);
		up_write(&mm->mmap_lock);
		if (!err && advice == MADV_UNMERGEABLE)
			err = ksm_part(mm, addr, end);
	} else {
		down_read(&mm->mmap_lock);
		err = advise_range(a, mm, addr, end);
		up_read(&mm->mmap_lock);
	}
	return err;
}

long sys_madvise(unsigned long addr, size_t len, int advice)
{
	return mm_madvise(current->mm, addr, len, advice);
}

/*
 * Drops the private pages of @mm in areas that have none of the flags @but. mmap_lock is held for
 * reading.
 */
static void reap_locked(struct mm *mm, u64 but)
{
	WRITE_ONCE(mm->reaped, true); /* before the first entry is cleared */
	for (struct vm_area *v = find_vma(mm, 0); v; v = vma_next(v))
		if (vma_is_cow(v) && !(v->vm_flags & but))
			drop(v, v->vm_start, v->vm_end);
}

void mm_reap(struct mm *mm)
{
	down_read(&mm->mmap_lock);
	reap_locked(mm, VM_PFNMAP);
	up_read(&mm->mmap_lock);
}

bool mm_reap_try(struct mm *mm)
{
	if (!down_read_trylock(&mm->mmap_lock))
		return false;
	/* a fault of another process may wait for memory with a huge file's lock held */
	reap_locked(mm, VM_PFNMAP | VM_HUGETLB);
	up_read(&mm->mmap_lock);
	return true;
}
