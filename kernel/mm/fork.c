/* SPDX-License-Identifier: MIT */
/*
 * fork.c: copies an address space.
 *
 * For each area the child gets the parent's entries:
 *	- frames of files and shared memory: the same entry (private ones are PTE_COW already);
 *	- anonymous frames write-protected on both sides with PTE_COW: the parent's space (its host
 *	  process) gets one order (a system call to make, skas/skas.h) for each run of pages;
 *	- frames that were written to after an earlier fork (PTE_BROKEN), and the page of the stack
 *	  pointer, copied at once: they will be written to again, a COW fault costs 14 us and a copy
 *	  0.3. The parent's entry stays writable, without an order. Of a small process all frames
 *	  are copied. Copies use contiguous frames, so that one order maps several;
 *	- frames that are pinned (a direct read is under way), copied at once: the parent's entry
 *	  stays as it is;
 *	- frames that were mapped ahead and never touched: the child gets no entry, or in a small
 *	  area (.bss) another frame mapped ahead; the parent keeps its own.
 * A child's area that got anonymous frames belongs to a new family: it merges only with its own
 * pieces, as programs see in Linux's /proc/PID/maps. All orders to the parent's space are flushed
 * once, before another task of the parent or the parent itself runs guest code.
 *
 * Locks: the parent's mmap_lock for writing, so no fault changes anonymous entries meanwhile.
 */
#include "kernel/mm/frame/sibling.h"
#include "kernel/mm/debug/userbreak.h"
#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/swap/swap_internal.h"

#define COPY_AT_ONCE_MAX 256 /* most pages copied at once in one fork */
/* most anonymous pages (with those mapped ahead) of a process that is copied as a whole */
#define SMALL_RSS 128
/*
 * most pages of an area (.bss) of which the child of such a process also gets the untouched pages
 */
#define BSS_AREA 32
#define COPY_ORDER 4
/* most entries of a file copied under one hold of the locks */
#define BATCH 64

struct fork {
	struct mm *old, *new;
	u64 sp; /* page of the stack pointer */
	u32 copied;
	bool small;
	struct sibling *sibling; /* frames of the last child, for copies */
	struct frame_run frames; /* frames for further copies */
	/* true: entries of the area have lost PTE_RW */
	bool protect;
	bool anon; /* true: the area has anonymous pages */
	struct hole_cursor holes;
};

static pte_t child_bits(const struct vm_area *v, pte_t e)
{
	if (!(v->vm_flags & VM_UFFD_WP))
		e &= ~PTE_UFFD_WP;
	return e & ~(PTE_MAPPED | PTE_STALE | PTE_LAZY | PTE_PFN_MASK);
}

/*
 * Makes the child's entry for @p in the child's area @v. Takes over a reference of @p on success. 0
 * or -ENOMEM.
 */
static int child_entry(struct fork *f, struct vm_area *v, u64 va, struct page *p, pte_t bits)
{
	pte_t *e = entry_lock(f->new, va);

	if (!e)
		return -ENOMEM;
	entry_set(v, e, p, child_bits(v, bits));
	entry_unlock(f->new);
	return 0;
}

static struct page *frame_for(struct fork *f, u64 va)
{
	struct page *p = sibling_take(f->sibling, va);

	return p ? p : frame_run_take(&f->frames);
}

/* Gives the child a copy of the page of entry @e. 0 or -ENOMEM. */
static int copy_at_once(struct fork *f, struct vm_area *v, u64 va, pte_t e)
{
	struct page *copy = frame_for(f, va);
	int err;

	if (!copy)
		return -ENOMEM;
	copy_page(page_address(copy), pfn_to_virt(pte_pfn(e)));
	err = child_entry(
		f, v, va, copy, (e & ~(PTE_COW | PTE_RIGHTS)) | (vma_rights(v) & PTE_RIGHTS));
	if (err)
		put_page(copy);
	f->copied++;
	return err;
}

/*
 * Maps a zeroed page ahead for the child if the parent has not touched its page. Does nothing if
 * memory is short.
 */
static void reserve_for_child(struct fork *f, struct vm_area *v, u64 va)
{
	struct page *p;

	if (!f->small || vma_pages(v) > BSS_AREA)
		return;
	p = frame_for(f, va);
	if (!p)
		return;
	clear_page(page_address(p));
	if (child_entry(f, v, va, p, vma_rights(v) | PTE_RESERVED))
		put_page(p);
}

/* True if the child gets a copy of the page now, instead of sharing it. */
static bool wants_copy(const struct fork *f, u64 va, pte_t e)
{
	if (f->copied >= COPY_AT_ONCE_MAX || e & PTE_UFFD_WP) /* a copy would be writable */
		return false;
	if (f->small)
		return true;
	if (!(e & PTE_RW))
		return false;
	return e & PTE_BROKEN || va == f->sp;
}

/*
 * True if the page has more references than entries. Then a device may be writing to it, and the
 * data must reach the parent.
 */
static bool is_pinned(const struct page *p)
{
	return atomic_read(&p->refcount) > atomic_read(&p->mapcount);
}

/*
 * Copies the page at once, and the parent keeps its own. A reference protects @p from truncation
 * meanwhile. Drops page_table_lock. Returns 0 or -ENOMEM.
 */
static int copy_unlocked(struct fork *f, struct vm_area *v, u64 va, pte_t e, struct page *p)
{
	int err;

	get_page(p);
	spin_unlock(&f->old->page_table_lock);
	err = copy_at_once(f, v, va, e);
	put_page(p);
	return err;
}

/*
 * Copies the page of the parent's entry *@ep, or shares it with the child. Returns 0 or -ENOMEM.
 *
 * Entries of anonymous frames are stable, since mmap_lock is held; but in an area of a file a
 * truncation, which does not take mmap_lock, may drop a private copy at any time. So the entry is
 * read again under page_table_lock, and the frame is accessed with a reference only.
 */
static int share_anon(struct fork *f, struct vm_area *v, u64 va, pte_t *ep, struct page *p)
{
	struct mm *old = f->old;
	pte_t e;

	/* a refill of the parent's space may set PTE_MAPPED at any time */
	spin_lock(&old->page_table_lock);
	if (*ep && (wants_copy(f, va, *ep) || (*ep & PTE_RW && is_pinned(p)))) {
		*ep &= ~PTE_RESERVED;
		if (!copy_unlocked(f, v, va, *ep, p))
			return 0;
		spin_lock(&old->page_table_lock);   /* no memory: share the page */
		if (*ep & PTE_RW && is_pinned(p)) { /* the device's data would be the child's */
			spin_unlock(&old->page_table_lock);
			return -ENOMEM;
		}
	}
	if (!*ep) {
		spin_unlock(&old->page_table_lock);
		return 0;
	}
	if (*ep & PTE_RW && *ep & PTE_MAPPED)
		f->protect = true;
	*ep = e = (*ep & ~(PTE_RW | PTE_BROKEN | PTE_RESERVED)) | PTE_COW;
	get_page(p);
	if (!test_bit(PG_forked, &p->flags))
		set_bit(PG_forked, &p->flags);
	spin_unlock(&old->page_table_lock);
	if (!child_entry(f, v, va, p, e))
		return 0;
	put_page(p);
	return -ENOMEM;
}

static int fork_anon(struct fork *f, struct vm_area *v, u64 va, pte_t *ep, struct page *p)
{
	int err;

	if (READ_ONCE(*ep) & PTE_RESERVED) { /* never in an area of a file */
		if (page_is_untouched(p, &f->holes)) {
			reserve_for_child(f, v, va);
			return 0;
		}
		clear_bit(PG_zero, &p->flags);
	}
	f->anon = true;
	err = share_anon(f, v, va, ep, p);
	/* a truncation may have scanned the child's area before this entry existed */
	if (v->vm_mapping && !READ_ONCE(*ep))
		zap_pages(v, va, va + PAGE_SIZE);
	return err;
}

/*
 * Copies the parent's entry to the child, under both page_table_locks. -EAGAIN: the child has no
 * table for it.
 */
static int share_file_entry(struct fork *f, struct vm_area *v, u64 va, pte_t e)
{
	pte_t *child = pmap_pte(&f->new->pmap, va, true);
	struct page *p;

	if (!child)
		return -EAGAIN;
	p = pfn_to_page(pte_pfn(e));
	if (!vma_is_cow(v) && !v->vm_mapping->a_ops->memory_only)
		e &= ~(PTE_RW | PTE_D); /* the child's first write must fault */
	get_page(p);
	entry_set(v, child, p, child_bits(v, e));
	return 0;
}

/* True if the entry maps the file's own page, not a private copy. */
static bool is_file_entry(const struct vm_area *v, pte_t e)
{
	return e && !(e & PTE_SPECIAL) && !(vma_is_cow(v) && PageAnon(pfn_to_page(pte_pfn(e))));
}

/*
 * Copies entries of a file's pages from *ep on, at most @max, since the locks cost more than an
 * entry. Returns the number of entries scanned, or -ENOMEM.
 *
 * Truncation, which does not take mmap_lock, may remove frames of a file from the parent at any
 * time. It scans the parent's area, then the child's, which was linked later. So the child's entry
 * must exist before the parent's entry can be removed.
 */
static int fork_file(struct fork *f, struct vm_area *v, u64 va, pte_t *ep, int max)
{
	int n = 0;

	for (;;) {
		int err = 0;

		spin_lock_two(&f->old->page_table_lock, &f->new->page_table_lock);
		while (!err && n < max && is_file_entry(v, ep[n])) {
			err = share_file_entry(f, v, va + (u64)n * PAGE_SIZE, ep[n]);
			n += !err;
		}
		spin_unlock_two(&f->old->page_table_lock, &f->new->page_table_lock);
		if (!err)
			return max(n, 1);
		if (!entry_lock(f->new, va)) /* makes a missing table, may sleep */
			return -ENOMEM;
		entry_unlock(f->new);
	}
}

/* Copies a marker or an entry of a swap slot. 0 or -ENOMEM. */
static int fork_marker(struct fork *f, struct vm_area *v, u64 va, pte_t marker)
{
	bool swapped = marker & PTE_SWAP, ok;
	pte_t *e;

	if (!fork_keeps_marker(v, marker))
		return 0;
	e = entry_lock(f->new, va);
	if (!e)
		return -ENOMEM;
	ok = !swapped || swap_get(marker);
	if (ok)
		*e = marker;
	if (ok && swapped) {
		atomic_inc(&f->new->swapents);
		f->anon = true;
	}
	entry_unlock(f->new);
	return ok ? 0 : -ENOMEM;
}

/* Copies one entry, or up to @max entries of a file. Returns the number, or -errno. */
static int fork_entry(struct fork *f, struct vm_area *v, u64 va, pte_t *ep, int max)
{
	pte_t e = READ_ONCE(*ep);
	struct page *p;
	int err = 0;

	if (e && !(e & PTE_SPECIAL)) {
		p = pfn_to_page(pte_pfn(e));
		if (PageAnon(p) && vma_is_cow(v))
			err = fork_anon(f, v, va, ep, p);
		else if (!v->vm_ops || !v->vm_ops->fault || v->vm_flags & VM_SPECIAL_NAME)
			return fork_file(f, v, va, ep, max);
		/* the child faults in other pages */
	} else if (e) {
		err = fork_marker(f, v, va, e);
	}
	return err ? err : 1;
}

/* Copies the entries of @from to the child's area @v. 0 or -ENOMEM. */
static int fork_entries(struct fork *f, struct vm_area *v, struct vm_area *from)
{
	u64 va = from->vm_start;
	int n = 0;

	while (va < from->vm_end && n >= 0) {
		u64 end;
		pte_t *e;

		/* tables of existing areas are not freed while mmap_lock is held */
		spin_lock(&f->old->page_table_lock);
		e = pmap_next(&f->old->pmap, &va, from->vm_end);
		spin_unlock(&f->old->page_table_lock);
		if (!e)
			break;
		end = min(from->vm_end, (va | (512 * PAGE_SIZE - 1)) + 1);
		for (; va < end && n >= 0; e += n, va += (u64)n * PAGE_SIZE) {
			if (!READ_ONCE(*e))
				pmap_step(&e, &va);
			n = va < end ? fork_entry(f, v, va, e,
					       (int)min_t(u64, BATCH, (end - va) >> PAGE_SHIFT)) :
				       1;
			if (n < 0)
				break;
		}
	}
	return min(n, 0);
}

/* Makes and links the child's copy of the area. NULL: no memory. */
static struct vm_area *fork_area(struct fork *f, struct vm_area *from)
{
	struct vm_area *v = kmem_cache_alloc(vma_cache, GFP_KERNEL);

	if (!v)
		return NULL;
	memcpy(v, from, sizeof(*v));
	INIT_LIST_HEAD(&v->shared);
	v->vm_mm = f->new;
	v->vm_flags &= ~(u64)(VM_LOCKED | VM_LOCKONFAULT);
	v->vm_flags &= ~VM_UFFD_ALL;
	v->vm_uffd = NULL;
	if (uffd_note_fork(from, v)) {
		kmem_cache_free(vma_cache, v);
		return NULL;
	}
	v->next_fault = v->last_fault = ~0UL;
	v->extent_order = 0;
	v->streak = 0;
	if (v->vm_file)
		mm_file_ops->get(v->vm_file);
	if (v->vm_ops && v->vm_ops->open)
		v->vm_ops->open(v);
	vma_link(v);
	vm_stat_account(f->new, v->vm_flags, (s64)vma_pages(v));
	return v;
}

/*
 * Copies an area with its entries to the child. Both mmap_locks are held for writing. 0 or -errno.
 */
static int dup_area(struct fork *f, struct vm_area *from)
{
	static atomic64_t families;
	u64 pages = vma_pages(from);
	struct vm_area *v;
	int err = 0;

	if (from->vm_flags & VM_DONTCOPY)
		return 0;
	if (from->vm_flags & VM_ACCOUNT) {
		if (vm_enough_memory(pages))
			return -ENOMEM;
		f->new->committed += pages;
	}
	v = fork_area(f, from);
	if (!v) {
		if (from->vm_flags & VM_ACCOUNT) {
			vm_unacct_memory(pages);
			f->new->committed -= pages;
		}
		return -ENOMEM;
	}
	f->protect = f->anon = false;
	pmap_note_touched(&f->old->pmap, from->vm_start, from->vm_end);
	if (from->vm_flags & VM_HUGETLB)
		err = hugetlb_fork(v, from, &f->protect);
	else if (!(from->vm_flags & VM_WIPEONFORK))
		err = fork_entries(f, v, from);
	v->vm_family = 0;
	if (f->anon || (from->vm_family && !(from->vm_flags & VM_WIPEONFORK)))
		v->vm_family = (u64)atomic_inc_return(&families);
	if (f->protect)
		pmap_wrprotect(&f->old->pmap, from->vm_start, from->vm_end);
	return err;
}

struct mm *mm_dup(struct mm *old)
{
	struct fork f = { .old = old,
		.frames = { .order = COPY_ORDER },
		.sp = task_regs(current)->rsp & PAGE_MASK };
	struct vm_area *v;
	int err = 0;

	if (down_write_killable(&old->mmap_lock))
		return ERR_PTR(-EINTR);
	f.sibling = sibling_begin((u64)old);
	f.new = mm_alloc_like(old);
	if (!f.new) {
		sibling_end(f.sibling);
		up_write(&old->mmap_lock);
		return ERR_PTR(-ENOMEM);
	}
	f.new->pmap.image = (u64)old; /* all children of @old use one image */
	f.small = atomic_read(&old->rss_anon) <= SMALL_RSS;
	down_write(&f.new->mmap_lock);
	err = arch_patch_fork(f.new, old);
	if (!err)
		err = arch_ldt_fork(f.new, old);
	list_for_each_entry(v, &old->mmap_list, vm_list) {
		if (!err)
			err = dup_area(&f, v);
		if (err)
			break;
		cond_resched();
	}
	up_write(&f.new->mmap_lock);
	sibling_end(f.sibling);
	frame_run_end(&f.frames);
	pmap_settle(&old->pmap);
	if (err)
		uffd_drop_events(old);
	mmap_write_unlock(old);
	if (!err && unlikely(user_breaks_on))
		user_breaks_fork(f.new, old);
	if (!err)
		return f.new;
	mmput(f.new);
	return ERR_PTR(err);
}
