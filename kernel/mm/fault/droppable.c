/* SPDX-License-Identifier: MIT */
/*
 * droppable.c: anonymous memory that its program can do without (mmap(2): MAP_DROPPABLE). Under
 * pressure its pages are dropped, and then read as zeros; the OOM killer does not run while there
 * are any.
 *
 *	droppable_note(mm)      it has such an area: mmap, fork
 *	droppable_shrink(...)   from reclaim, of the machine or of a group
 *	droppable_drop(...)     MADV_PAGEOUT: its program says when
 *
 * A page goes as MADV_DONTNEED takes it, with mmap_lock for reading. Pages with more references
 * than entries are in use by a call and stay, as do those of groups that memory.min protects,
 * unless their program asks. The mms take turns, and each loses its lowest pages first.
 *
 * Locks: list_lock; mmap_lock is only tried, as reclaim holds locks already.
 */
#include "kernel/mm/internal.h"

#define RUN 64 /* pages that are taken at a time */

static DEFINE_SPINLOCK(list_lock);
/* with an area, or that had one: mm->droppable */
static LIST_HEAD(mms);
static u32 nr_mms; /* on it; read without the lock as a hint */

struct drop {
	bool (*chosen)(const struct page *p, void *arg); /* NULL: any */
	void *arg;
	u64 wanted, freed;
	bool asked; /* by the program itself */
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

/* Returns the next mm round the list, with mmgrab(), or NULL. */
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
 * Drops pages of @mm. The caller is no user of it: without a user its areas are removed under
 * mmap_lock.
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
