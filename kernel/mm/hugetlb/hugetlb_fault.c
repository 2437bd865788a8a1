/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_fault.c: makes the entries of huge areas: 512 at a time, for one huge page.
 *
 *	no entry, shared        the file's page, made if it is missing
 *	no entry, private       a new page, or the file's page: read-only
 *	                        (PTE_COW), or for a write a copy
 *	write, PTE_COW          a copy, or reuse of a page with no other user
 *	fork                    private pages become read-only with PTE_COW in parent and child
 *	userfaultfd             what its handler chooses: a page with its content, the file's, or
 *	                        a mark that the page is lost
 *
 * Private pages were promised to the process that mapped them, not to the children that it forks.
 * If no page is left for the process's own copy, its children lose theirs: their entries are
 * removed, and their areas become HUGE_LOST. A child's access then raises SIGBUS, and never finds
 * zeros.
 *
 * Locks: mmap_lock for reading (fork: both for writing). huge_file.lock is held from the search for
 * a page until it is mapped, so two faults at one index never take two pages.
 *
 * Cost: 2 MiB are zeroed or copied, and mapped by one mmap() on the host.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"

#define RETIRE_BATCH 64

static struct huge_file *huge_file_of(const struct vm_area *v)
{
	return v->vm_mapping->huge;
}

static u64 huge_index(const struct vm_area *v, u64 addr)
{
	return vma_index(v, addr & HPAGE_MASK) >> HPAGE_ORDER;
}

/*
 * Returns the page that the entry at @addr maps, or NULL. *e: the entry, or 0. The file's lock is
 * held, so the page stays.
 */
static struct page *mapped_page(struct mm *mm, u64 addr, pte_t *e)
{
	pte_t *p;

	spin_lock(&mm->page_table_lock);
	p = pmap_pte(&mm->pmap, addr & HPAGE_MASK, false);
	*e = p && !pte_none(*p) ? *p : 0;
	spin_unlock(&mm->page_table_lock);
	return *e && !(*e & PTE_SPECIAL) ? pfn_to_page(pte_pfn(*e)) : NULL;
}

/* ---- making entries ---- */

/*
 * Maps the 512 frames of @head at @addr. Takes over a reference of each on success. 0 or -ENOMEM.
 */
static int map_page(struct vm_area *v, u64 addr, struct page *head, pte_t bits)
{
	pte_t *e = entry_lock(v->vm_mm, addr & HPAGE_MASK);

	if (!e)
		return -ENOMEM;
	for (u64 i = 0; i < HPAGE_FRAMES; i++)
		entry_set(v, e + i, head + i, bits);
	entry_unlock(v->vm_mm);
	return 0;
}

/* Sets markers in all entries of a huge page; 0 removes them. 0 or -ENOMEM. */
static int set_markers(struct vm_area *v, u64 addr, pte_t marker)
{
	pte_t *e = entry_lock(v->vm_mm, addr & HPAGE_MASK);

	if (!e)
		return -ENOMEM;
	for (u64 i = 0; i < HPAGE_FRAMES; i++)
		e[i] = marker;
	entry_unlock(v->vm_mm);
	return 0;
}

/*
 * Makes the table for the entries before a promise is used, which could not be given back, so that
 * map_page() cannot fail.
 */
static bool make_table(struct vm_area *v, u64 addr)
{
	pte_t *e = entry_lock(v->vm_mm, addr & HPAGE_MASK);

	if (e)
		entry_unlock(v->vm_mm);
	return e;
}

static pte_t read_only(pte_t bits)
{
	return (bits & ~PTE_RW) | PTE_COW;
}

static void copy_huge_page(struct page *to, struct page *from)
{
	for (u64 i = 0; i < HPAGE_FRAMES; i++) {
		copy_page(page_address(to + i), page_address(from + i));
		if (!(i % 64))
			cond_resched();
	}
}

/* Takes a zeroed page for a private area. */
static struct page *private_page(struct vm_area *v, u64 index)
{
	struct page *head;

	if (v->vm_private == HUGE_LOST)
		return NULL;
	head = huge_take_charged(huge_file_of(v)->quota, v, index);
	return IS_ERR(head) ? NULL : head;
}

/*
 * Chooses the page to map at @index of a private area, with references. *bits: its entry bits.
 * ERR_PTR(-ENOSPC).
 */
static struct page *page_for_private(struct vm_area *v, u64 index, u32 flags, pte_t *bits)
{
	struct page *of_file = huge_file_page(huge_file_of(v), index, false), *head;

	if (of_file && !(flags & FAULT_WRITE)) {
		huge_page_get(of_file);
		*bits = read_only(*bits);
		return of_file;
	}
	head = private_page(v, index);
	if (!head)
		return ERR_PTR(-ENOSPC);
	if (of_file)
		copy_huge_page(head, of_file);
	return head;
}

static struct page *page_for_shared(struct vm_area *v, u64 index)
{
	struct page *head = huge_file_page(huge_file_of(v), index, true);

	if (!IS_ERR(head))
		huge_page_get(head);
	return head;
}

static bool beyond_end(const struct vm_area *v, u64 index)
{
	return index >= (u64)mapping_size(v->vm_mapping) >> HPAGE_SHIFT;
}

/*
 * True if the handler must resolve the fault, since the file has got or lost the page after
 * userfault_check().
 */
static bool is_handlers(const struct vm_area *v, u64 index)
{
	bool there = huge_file_page(huge_file_of(v), index, false);

	return v->vm_flags & (there ? VM_UFFD_MINOR : VM_UFFD_MISSING);
}

/* Serves a fault where there is no entry. huge_file.lock is held. 0, -ENXIO, -ENOSPC or -ENOMEM. */
static int fill_locked(struct vm_area *v, u64 addr, u32 flags)
{
	u64 index = huge_index(v, addr);
	pte_t bits = vma_rights(v), e;
	struct page *head;

	if (mapped_page(v->vm_mm, addr, &e) || e)
		return 0; /* another thread has made the entries */
	if (beyond_end(v, index))
		return -ENXIO;
	if (is_handlers(v, index))
		return 0;
	if (!make_table(v, addr))
		return -ENOMEM;
	head = vma_is_cow(v) ? page_for_private(v, index, flags, &bits) : page_for_shared(v, index);
	if (IS_ERR(head))
		return (int)PTR_ERR(head);
	if (!map_page(v, addr, head, bits))
		return 0;
	huge_page_put(head);
	return -ENOMEM;
}

/* Sets *info so that the space maps the whole huge page, all of which will be touched. */
static void whole_page(u64 addr, struct fault_info *info)
{
	info->start = addr & HPAGE_MASK;
	info->end = info->start + HPAGE_SIZE;
	info->populate = true;
}

/*
 * Serves a fault. If no page is left the guest gets SIGBUS, as for an access behind the end of the
 * file.
 */
int hugetlb_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info)
{
	struct huge_file *f = huge_file_of(v);
	int err;

	mutex_lock(&f->lock);
	err = fill_locked(v, addr, flags);
	mutex_unlock(&f->lock);
	whole_page(addr, info);
	return err == -ENOSPC ? -ENXIO : err;
}

/* ---- copies on write ---- */

/* True if only this area maps the page, and the page does not belong to the file. */
static bool sole_owner(struct vm_area *v, u64 index, struct page *head)
{
	return atomic_read(&head->mapcount) == 1 &&
	       head != huge_file_page(huge_file_of(v), index, false);
}

static bool is_protected(const struct vm_area *v, pte_t e)
{
	return v->vm_flags & VM_UFFD_WP && e & PTE_UFFD_WP;
}

/* Gives the page's entries the rights of the area, unless a userfaultfd protects them. */
static void make_writable(struct vm_area *v, u64 addr)
{
	pte_t rights = vma_rights(v) & PTE_RIGHTS, *e = entry_lock(v->vm_mm, addr & HPAGE_MASK);

	/*
	 * a handler may have protected the page just now: UFFDIO_WRITEPROTECT also holds mmap_lock
	 * for reading
	 */
	for (u64 i = 0; e && !is_protected(v, *e) && i < HPAGE_FRAMES; i++)
		e[i] = (e[i] & ~(PTE_COW | PTE_RIGHTS)) | rights | PTE_D |
		       (e[i] & PTE_MAPPED ? PTE_STALE : 0);
	if (e)
		entry_unlock(v->vm_mm);
}

/*
 * Replaces @old by @new in the entries. References to @old are dropped when no space maps it any
 * more. Until then the entries are read-only: otherwise a device could write to a page pinned in
 * @new, and a thread whose space still maps @old would not see that.
 */
static void replace_page(struct vm_area *v, u64 addr, struct page *old, struct page *new)
{
	struct page *batch[RETIRE_BATCH];
	struct mm *mm = v->vm_mm;
	pte_t bits = vma_rights(v) | PTE_D, *e, had = 0;

	addr &= HPAGE_MASK;
	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	bits = is_protected(v, *e) ? entry_protected(v, bits) : read_only(bits);
	for (u64 i = 0; i < HPAGE_FRAMES; i++) {
		had |= e[i];
		account_rss(mm, old + i, -1);
		atomic_dec(&old[i].mapcount);
		entry_set(
			v, e + i, new + i, bits | (e[i] & PTE_MAPPED ? PTE_MAPPED | PTE_STALE : 0));
	}
	spin_unlock(&mm->page_table_lock);
	if (had & PTE_MAPPED)
		pmap_replace(&mm->pmap, addr, addr + HPAGE_SIZE, true);
	for (u64 i = 0; i < HPAGE_FRAMES; i += RETIRE_BATCH) {
		for (u64 k = 0; k < RETIRE_BATCH; k++)
			batch[k] = old + i + k;
		pmap_retire(&mm->pmap, batch, RETIRE_BATCH);
	}
	make_writable(v, addr);
}

/*
 * Unmaps @head, of which @v needs a copy, from the other private areas of the file. An area without
 * a promise becomes HUGE_LOST.
 */
static void take_from_others(struct vm_area *v, u64 addr, struct page *head)
{
	u64 index = vma_index(v, addr & HPAGE_MASK);
	struct address_space *m = v->vm_mapping;
	struct vm_area *o;

	down_read(&m->i_mmap_sem);
	list_for_each_entry(o, &m->i_mmap_list, shared) {
		u64 at = o->vm_start + ((index - o->vm_pgoff) << PAGE_SHIFT);
		pte_t e;

		if (o == v || !vma_is_cow(o) || index < o->vm_pgoff ||
			index - o->vm_pgoff >= vma_pages(o) ||
			mapped_page(o->vm_mm, at, &e) != head)
			continue;
		if (!o->vm_private)
			WRITE_ONCE(o->vm_private, HUGE_LOST);
		pmap_change_begin(&o->vm_mm->pmap);
		zap_prepare(o->vm_mm, at, at + HPAGE_SIZE);
		zap_range(o, at, at + HPAGE_SIZE);
		pmap_change_end(&o->vm_mm->pmap);
	}
	up_read(&m->i_mmap_sem);
}

/* Serves a write fault that has read the entry @expected. huge_file.lock is held. 0 or -ENOSPC. */
static int copy_locked(struct vm_area *v, u64 addr, pte_t expected)
{
	struct page *old, *new;
	u64 index = huge_index(v, addr);
	pte_t e;

	old = mapped_page(v->vm_mm, addr, &e);
	if (!old || pte_pfn(e) != (pte_pfn(expected) & ~(HPAGE_FRAMES - 1)) || !(e & PTE_COW))
		return 0; /* check the entry again */
	if (sole_owner(v, index, old)) {
		make_writable(v, addr);
		return 0;
	}
	new = private_page(v, index);
	if (!new && v->vm_private &&
		v->vm_private != HUGE_LOST &&old != huge_file_page(huge_file_of(v), index, false)) {
		take_from_others(v, addr, old);
		if (sole_owner(v, index, old)) {
			make_writable(v, addr);
			return 0;
		}
		new = private_page(v, index);
	}
	if (!new)
		return -ENOSPC;
	copy_huge_page(new, old);
	replace_page(v, addr, old, new);
	return 0;
}

int hugetlb_cow(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info)
{
	struct huge_file *f = huge_file_of(v);
	int err;

	/* ptrace cannot write to a huge page to which the program may not write */
	if (!(v->vm_flags & VM_WRITE))
		return -EFAULT;
	mutex_lock(&f->lock);
	err = copy_locked(v, addr, e);
	mutex_unlock(&f->lock);
	whole_page(addr, info);
	return err == -ENOSPC ? -ENXIO : err;
}

int hugetlb_write_fault(struct vm_area *v, u64 addr, struct fault_info *info)
{
	struct huge_file *f = huge_file_of(v);
	pte_t e;

	mutex_lock(&f->lock);
	if (mapped_page(v->vm_mm, addr, &e))
		make_writable(v, addr);
	mutex_unlock(&f->lock);
	whole_page(addr, info);
	return 0;
}

/* ---- fork ---- */

/*
 * True if the page has more references than entries: a device may be writing to it for the parent.
 * A pin checks the entry and takes its reference under one hold of page_table_lock. So a page that
 * is not pinned under the lock can be write-protected, and then no pin for writing can follow.
 */
static bool is_pinned(struct page *head)
{
	for (u64 i = 0; i < HPAGE_FRAMES; i++)
		if (atomic_read(&head[i].refcount) > atomic_read(&head[i].mapcount))
			return true;
	return false;
}

/* Returns a copy of the parent's page @old for the child. NULL: no page is left. */
static struct page *copy_for_child(struct vm_area *v, struct page *old, pte_t *bits)
{
	struct page *new = huge_take_charged(huge_file_of(v)->quota, NULL, 0);

	if (IS_ERR(new))
		return NULL;
	copy_huge_page(new, old);
	*bits = vma_rights(v) | PTE_D;
	return new;
}

/*
 * Returns the page of the parent's entries, write-protected if needed, and its bits for the child.
 * NULL: no page; or *pinned is set: the page must be copied, and nothing was done. If @pinned is
 * NULL, a pinned page is shared too.
 */
static struct page *share_page(
	struct vm_area *from, u64 addr, pte_t *bits, bool *protect, struct page **pinned)
{
	struct mm *mm = from->vm_mm;
	struct page *head = NULL;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	if (e && !pte_none(*e) && !(*e & PTE_SPECIAL))
		head = pfn_to_page(pte_pfn(*e));
	if (head && pinned && vma_is_cow(from) && *e & PTE_RW && is_pinned(head)) {
		*pinned = head;
		head = NULL;
	}
	if (head) {
		for (u64 i = 0; vma_is_cow(from) && i < HPAGE_FRAMES; i++) {
			*protect |= (e[i] & (PTE_RW | PTE_MAPPED)) == (PTE_RW | PTE_MAPPED);
			e[i] = read_only(e[i]);
		}
		*bits = *e & ~(PTE_MAPPED | PTE_STALE | PTE_PFN_MASK);
		huge_page_get(head);
	}
	spin_unlock(&mm->page_table_lock);
	return head;
}

/*
 * Returns the page for the child at @addr, with references. The file's lock is held, so a pinned
 * page stays while it is copied.
 */
static struct page *page_for_child(
	struct vm_area *v, struct vm_area *from, u64 addr, pte_t *bits, bool *protect)
{
	struct page *pinned = NULL, *head;

	head = share_page(from, addr, bits, protect, &pinned);
	if (pinned)
		head = copy_for_child(v, pinned, bits);
	if (pinned && !head)
		head = share_page(from, addr, bits, protect, NULL);
	return head;
}

/* Copies a marker of @from to the child's area. 0 or -ENOMEM. */
static int fork_markers(struct vm_area *v, struct vm_area *from, u64 addr)
{
	pte_t *e, marker;

	spin_lock(&from->vm_mm->page_table_lock);
	e = pmap_pte(&from->vm_mm->pmap, addr, false);
	marker = e ? *e : 0;
	spin_unlock(&from->vm_mm->page_table_lock);
	return marker && fork_keeps_marker(v, marker) ? set_markers(v, addr, marker) : 0;
}

int hugetlb_fork(struct vm_area *v, struct vm_area *from, bool *protect)
{
	struct huge_file *f = huge_file_of(from);
	int err = 0;

	for (u64 addr = from->vm_start; addr < from->vm_end && !err; addr += HPAGE_SIZE) {
		struct page *head;
		pte_t bits = 0;

		mutex_lock(&f->lock);
		/* HUGE_LOST may have been set since the area was copied */
		huge_area_follows(v, from);
		head = page_for_child(v, from, addr, &bits, protect);
		if (!(v->vm_flags & VM_UFFD_WP))
			bits &= ~PTE_UFFD_WP;
		if (head)
			err = map_page(v, addr, head, bits);
		if (err)
			huge_page_put(head);
		if (!head)
			err = fork_markers(v, from, addr);
		mutex_unlock(&f->lock);
		cond_resched();
	}
	return err;
}

/* ---- pages from a handler of faults ---- */

/*
 * Returns 0 if a new page may be mapped at @addr, -EEXIST if there is one already, or -EFAULT
 * beyond the end of the file.
 */
static int fill_refused(struct vm_area *v, u64 addr)
{
	u64 index = huge_index(v, addr);
	pte_t e;

	if (mapped_page(v->vm_mm, addr, &e))
		return -EEXIST;
	if (vma_is_cow(v))
		return 0;
	if (huge_file_page(huge_file_of(v), index, false))
		return -EEXIST;
	return beyond_end(v, index) ? -EFAULT : 0;
}

/*
 * Maps a filled page, also over markers: the handler has chosen its write protection. The caller's
 * references are consumed. 0 or -ENOMEM.
 */
static int map_filled(struct vm_area *v, u64 addr, struct page *head, pte_t bits)
{
	int err = set_markers(v, addr, 0);

	if (!err)
		err = map_page(v, addr, head, bits);
	if (err)
		huge_page_put(head);
	return err;
}

static int copy_in(struct vm_area *v, u64 addr, void **from, pte_t bits)
{
	u64 index = huge_index(v, addr);
	struct page *head;

	if (!make_table(v, addr))
		return -ENOMEM;
	head = vma_is_cow(v) ? private_page(v, index) : page_for_shared(v, index);
	if (IS_ERR_OR_NULL(head))
		return -ENOMEM;
	for (u64 i = 0; i < HPAGE_FRAMES; i++)
		copy_page(page_address(head + i), from[i]);
	return map_filled(v, addr, head, bits);
}

int hugetlb_fill(struct vm_area *v, u64 addr, void **from, pte_t bits)
{
	struct huge_file *f = huge_file_of(v);
	int err;

	mutex_lock(&f->lock);
	err = fill_refused(v, addr);
	if (!err && from)
		err = copy_in(v, addr, from, bits);
	mutex_unlock(&f->lock);
	return err;
}

/* Maps the file's page. huge_file.lock is held. 0 or -errno. */
static int continue_locked(struct vm_area *v, u64 addr, pte_t bits)
{
	u64 index = huge_index(v, addr);
	struct page *head = huge_file_page(huge_file_of(v), index, false);
	pte_t e;

	if (!head || beyond_end(v, index))
		return -EFAULT;
	if (mapped_page(v->vm_mm, addr, &e))
		return -EEXIST;
	huge_page_get(head);
	return map_filled(v, addr, head, bits);
}

int hugetlb_continue(struct vm_area *v, u64 addr, pte_t bits)
{
	struct huge_file *f = huge_file_of(v);
	int err;

	mutex_lock(&f->lock);
	err = continue_locked(v, addr, bits);
	mutex_unlock(&f->lock);
	return err;
}

int hugetlb_poison(struct vm_area *v, u64 addr)
{
	struct huge_file *f = huge_file_of(v);
	pte_t *e, old;

	mutex_lock(&f->lock);
	e = entry_lock(v->vm_mm, addr);
	old = e ? *e : 0;
	if (e)
		entry_unlock(v->vm_mm);
	if (e && !old)
		set_markers(v, addr, PTE_MARKER(PTE_POISON)); /* the table of the page exists */
	mutex_unlock(&f->lock);
	return !e ? -ENOMEM : old ? -EEXIST : 0;
}
