/* SPDX-License-Identifier: MIT */
/*
 * droppable.c: anonymous memory that the kernel may drop (mmap(2): MAP_DROPPABLE). When memory is
 * short its pages are dropped, and then read as zeros. The OOM killer does not run while there are
 * such pages.
 *
 *	droppable_note(mm)      the mm has such an area: called by mmap and fork
 *	droppable_shrink(...)   called by reclaim, for the machine or for a group
 *	droppable_drop(...)     called for MADV_PAGEOUT of the program
 *
 * A page is dropped as for MADV_DONTNEED, with mmap_lock held for reading. Pages with more
 * references than entries are in use by a call and stay. Pages of groups that memory.min protects
 * stay too, unless their own program drops them. The mms take turns, and each loses the pages at
 * its lowest addresses first.
 *
 * Locks: list_lock for the list of mms. mmap_lock is only tried, since the caller of reclaim may
 * hold other locks.
 */
#include "kernel/mm/internal.h"

#define RUN 64 /* pages that are dropped at a time */

static DEFINE_SPINLOCK(list_lock);
/* mms that have, or had, such an area; by mm->droppable */
static LIST_HEAD(mms);
/* length of the list; a hint without the lock */
static u32 nr_mms;

struct drop {
	bool (*chosen)(const struct page *p, void *arg); /* NULL: no condition */
	void *arg;
	u64 wanted, freed;
	bool asked; /* the program itself has called madvise() */
};

void droppable_note(struct mm *mm)
{
	spin_lock(&list_lock);
	if (list_empty(&mm->droppable)) {
		list_add_tail(&mm->droppable, &mms);
		WRITE_ONCE(nr_mms, nr_mms + 1);
	}
	spin_unlock(&list_lock);
}

void droppable_mm_gone(struct mm *mm)
{
	spin_lock(&list_lock);
	if (!list_empty(&mm->droppable)) {
		list_del_init(&mm->droppable);
		WRITE_ONCE(nr_mms, nr_mms - 1);
	}
	spin_unlock(&list_lock);
}

bool droppable_any(void)
{
	return READ_ONCE(nr_mms);
}

/* Returns the next mm of the list, in rotation, with mmgrab(). NULL: the list is empty. */
static struct mm *next_one(void)
{
	struct mm *mm = NULL;

	spin_lock(&list_lock);
	if (!list_empty(&mms)) {
		mm = list_first_entry(&mms, struct mm, droppable);
		list_move_tail(&mm->droppable, &mms);
		mmgrab(mm);
	}
	spin_unlock(&list_lock);
	return mm;
}

static bool may_go(struct mm *mm, u64 va, const struct drop *d)
{
	struct page *p = NULL;
	bool may;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, va, false);
	if (e && *e && !(*e & PTE_SPECIAL))
		p = pfn_to_page(pte_pfn(*e));
	may = p && atomic_read(&p->refcount) == atomic_read(&p->mapcount) &&
	      (d->asked || !mem_spared(p->memcg, d->arg, SPARE_MIN)) &&
	      (!d->chosen || d->chosen(p, d->arg));
	spin_unlock(&mm->page_table_lock);
	return may;
}

static void drop_area(struct vm_area *v, u64 start, u64 end, struct drop *d)
{
	struct mm *mm = v->vm_mm;
	u64 va = mm_next_entry(mm, start, end);

	while (va < end && d->freed < d->wanted) {
		u64 stop = va, most = min(end, va + RUN * PAGE_SIZE);

		while (stop < most && may_go(mm, stop, d))
			stop += PAGE_SIZE;
		if (stop > va)
			zap_pages(v, va, stop);
		d->freed += (stop - va) >> PAGE_SHIFT;
		va = mm_next_entry(mm, max(stop, va + PAGE_SIZE), end);
		cond_resched();
	}
}

/*
 * Drops pages of @mm. The caller does not hold mm_users: if the last user ends, the areas are
 * removed under mmap_lock, so holding it is enough.
 */
static void drop_some(struct mm *mm, struct drop *d)
{
	struct vm_area *v;

	if (!down_read_trylock(&mm->mmap_lock))
		return;
	pmap_change_begin(&mm->pmap);
	if (atomic_read(&mm->mm_users))
		list_for_each_entry(v, &mm->mmap_list, vm_list)
			if (v->vm_flags & VM_DROPPABLE)
				drop_area(v, v->vm_start, v->vm_end, d);
	pmap_change_end(&mm->pmap);
	up_read(&mm->mmap_lock);
}

u64 droppable_shrink(u64 wanted, bool (*chosen)(const struct page *p, void *arg), void *arg)
{
	struct drop d = { .chosen = chosen, .arg = arg, .wanted = wanted };

	for (u32 n = READ_ONCE(nr_mms); n && d.freed < wanted; n--) {
		struct mm *mm = next_one();

		if (!mm)
			break;
		drop_some(mm, &d);
		mmdrop(mm);
	}
	return d.freed;
}

int droppable_drop(struct vm_area *v, u64 start, u64 end)
{
	struct drop d = { .wanted = ~0UL, .asked = true };

	drop_area(v, start, end, &d);
	return 0;
}
