/* SPDX-License-Identifier: MIT */
/*
 * swap_out.c: writes anonymous pages of programs to a swap area.
 *
 *	swap_shrink(wanted, ...)          for reclaim: takes the mms in turn, each from the
 *	                                  address where its previous turn ended
 *	swap_out_range(v, start, end)     MADV_PAGEOUT
 *
 * Both work in batches of entries that lie in one table:
 * 1. Under page_table_lock the entries of pages with no other user are replaced by those of slots;
 *    the frames now belong to the slots (held), locked.
 * 2. The host mappings of the range are dropped and flushed. The flush is needed even if no entry
 *    is mapped, since an mremap may have queued an unmap. From then on no task writes to the
 *    frames, and they are unlocked. A fault waits for a locked frame, and copies an unlocked one.
 * 3. With no lock held the frames are written; at the end of the write they are freed. If the write
 *    of a page fails, its frame stays in memory and belongs to the slot.
 *
 * mmap_lock is held for reading during steps 1 and 2, so fork, munmap and mremap run before or
 * after both.
 *
 * The guest may touch pages that were mapped ahead until step 2 ends. Then those that it has not
 * touched are dropped.
 *
 * Locks: mmap_lock for reading, which reclaim only tries; page locks are only tried.
 */
#include "kernel/mm/group/memcg.h"
#include "kernel/mm/swap/swap_internal.h"

#define TURN_LEAST 32 /* least pages that an mm gives in its turn */
#define TURN_MOST 512 /* most; else an eighth of its rss */
/* pages in a row that cannot be swapped out, after which the mm is skipped */
#define MISSES 1024
#define KEEPS_OUT                                                                                  \
	(VM_EXEC | VM_LOCKED | VM_LOCKONFAULT | VM_PFNMAP | VM_IO | VM_DROPPABLE | VM_UFFD_ALL |   \
		VM_HUGETLB | VM_SPECIAL_NAME)

/* A task that waits for the writes that it has begun. */
struct waiter {
	atomic_t pending; /* writes, and 1 for the waiter */
	atomic_t freed;   /* number of frames */
	struct completion end;
};

/* A request to swap out pages. */
struct goal {
	bool (*chosen)(const struct page *p, void *arg); /* NULL: no condition */
	void *arg;
	bool reclaim; /* spares what memory.min protects */
	/* pages to swap out; pages whose entries were replaced */
	u64 wanted, left;
	u32 misses;
	struct waiter *waiter; /* or NULL */
	/* batches (struct batch) to write once no lock is held */
	struct list_head writes;
};

/* An entry that was replaced. */
struct left {
	u64 va;
	pte_t old, now;
};

/* Pages whose entries were replaced, in consecutive slots, to be written together. */
struct batch {
	struct list_head link;
	struct swap_slots slots;
	struct waiter *waiter;
	u32 n;
	struct page *pages[SWAP_BATCH];
	struct left left[SWAP_BATCH];
};

bool vma_may_swap(const struct vm_area *v)
{
	return vma_is_anon(v) && vma_is_cow(v) && !v->vm_ops && !v->vm_uffd &&
	       !(v->vm_flags & KEEPS_OUT);
}

/* ---- the end of a write, which may not sleep ---- */

/* Called at the end of a write: frees the frames. May not sleep. */
static void batch_ended(void *arg, int status)
{
	struct batch *b = arg;
	struct waiter *w = b->waiter;
	s64 freed = 0;

	for (u32 i = 0; i < b->n; i++)
		freed += swap_slot_written(&b->slots, i, b->pages[i], status);
	if (!status)
		count_vm(pswpout, b->n);
	kfree(b);
	if (!w)
		return;
	atomic_add((s32)freed, &w->freed);
	if (atomic_dec_and_test(&w->pending))
		complete(&w->end);
}

static void begin_writes(struct goal *g)
{
	struct batch *b, *next;

	list_for_each_entry_safe(b, next, &g->writes, link) {
		list_del(&b->link);
		swap_slots_write(&b->slots, b->pages, b->n, batch_ended, b);
	}
}

/* ---- which pages can be swapped out ---- */

/*
 * True if the page may be swapped out: its entry has the only reference. So there is no pin, no
 * child that shares it, and no unmapping that waits for a flush. Under page_table_lock.
 */
static bool may_go(const struct goal *g, pte_t e)
{
	struct page *p;

	if (!e || e & (PTE_SPECIAL | PTE_UFFD_WP))
		return false;
	p = pfn_to_page(pte_pfn(e));
	if (!PageAnon(p) || atomic_read(&p->mapcount) != 1 || atomic_read(&p->refcount) != 1 ||
		p->flags & (BIT(PG_ksm) | BIT(PG_patched) | BIT(PG_huge) | BIT(PG_locked)))
		return false;
	if (g->reclaim && mem_spared(p->memcg, g->arg, SPARE_MIN))
		return false;
	return !g->chosen || g->chosen(p, g->arg);
}

/*
 * Finds the first page from *va on that may be swapped out, in at most one table. Returns false if
 * there is none; then *va is behind the pages that were searched.
 */
static bool find_first(struct mm *mm, u64 *va, u64 end, struct goal *g)
{
	bool found = false;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_next(&mm->pmap, va, end);
	if (!e)
		*va = end;
	while (e && *va < end) {
		found = may_go(g, *e);
		if (found)
			break;
		g->misses += *e && !(*e & PTE_SPECIAL);
		e++;
		*va += PAGE_SIZE;
		if (!(*va & (512 * PAGE_SIZE - 1)))
			break;
	}
	spin_unlock(&mm->page_table_lock);
	return found;
}

/* ---- swapping out ---- */

/*
 * Replaces the entry *e of the page at @va by one of a slot, and locks the page. page_table_lock is
 * held. Returns false if the page cannot be swapped out now.
 */
static bool leave_one(struct vm_area *v, struct batch *b, u64 va, pte_t *e, struct mem_group **full)
{
	struct page *p = pfn_to_page(pte_pfn(*e));
	pte_t now;

	if (!trylock_page(p))
		return false;
	now = swap_slot_fill(&b->slots, b->n, p, full);
	if (!now) {
		unlock_page(p);
		return false;
	}
	b->left[b->n] = (struct left){ va, *e, now };
	b->pages[b->n++] = p;
	account_rss(v->vm_mm, p, -1);
	mem_count(p, MEM_SCANNED, 1);
	atomic_dec(&p->mapcount);
	atomic_inc(&v->vm_mm->swapents);
	*e = now;
	return true;
}

/* Does step 1 in one table: replaces entries from *va on, and advances *va past them. */
static void leave(struct vm_area *v, u64 *va, u64 end, struct goal *g, struct batch *b,
	struct mem_group **full)
{
	struct mm *mm = v->vm_mm;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_next(&mm->pmap, va, end);
	if (!e)
		*va = end;
	while (e && *va < end && b->n < b->slots.n && g->left < g->wanted) {
		if (may_go(g, *e) && leave_one(v, b, *va, e, full)) {
			g->left++;
			g->misses = 0;
		}
		e++;
		*va += PAGE_SIZE;
		if (!(*va & (512 * PAGE_SIZE - 1)))
			break;
	}
	spin_unlock(&mm->page_table_lock);
}

/*
 * Drops a page that was mapped ahead and not touched: empties its entry and frees its slot. Returns
 * false if the entry has changed.
 */
static bool give_up(struct mm *mm, const struct left *l)
{
	bool same;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, l->va, false);
	same = e && *e == l->now;
	if (same) {
		*e = 0;
		atomic_dec(&mm->swapents);
		swap_put(l->now);
	}
	spin_unlock(&mm->page_table_lock);
	return same;
}

/* Does step 2. Returns how many pages need not be written. */
static u32 settle(struct mm *mm, struct batch *b)
{
	const struct left *l = b->left;
	struct hole_cursor holes = { 0 };
	u64 first = 0, last = 0;
	u32 untouched = 0;

	for (u32 i = 0; i < b->n; i++) {
		if (!(l[i].old & PTE_MAPPED))
			continue;
		if (!last)
			first = l[i].va;
		last = l[i].va + PAGE_SIZE;
	}
	if (last)
		pmap_drop(&mm->pmap, first, last);
	pmap_flush(&mm->pmap);
	for (u32 i = 0; i < b->n; i++) {
		if (l[i].old & PTE_RESERVED && page_is_untouched(b->pages[i], &holes) &&
			give_up(mm, &l[i]))
			untouched++;
		unlock_page(b->pages[i]);
	}
	return untouched;
}

/* Prepares a write of up to @want pages. Does not sleep. NULL: no memory, or no slots. */
static struct batch *batch_begin(u32 want)
{
	struct batch *b = kmalloc(sizeof(*b), GFP_ATOMIC);

	if (!b)
		return NULL;
	b->n = 0;
	if (swap_slots_take(&b->slots, want))
		return b;
	kfree(b);
	return NULL;
}

/* Ends a batch of which no page need be written. */
static void batch_drop(struct batch *b, struct waiter *w)
{
	swap_slots_cancel(&b->slots);
	swap_slots_return(&b->slots, b->n);
	for (u32 i = 0; i < b->n; i++)
		if (swap_slot_written(&b->slots, i, b->pages[i], 0) && w)
			atomic_inc(&w->freed);
	kfree(b);
}

static void batch_end(struct mm *mm, struct batch *b, struct goal *g)
{
	if (settle(mm, b) == b->n) {
		batch_drop(b, g->waiter);
		return;
	}
	swap_slots_return(&b->slots, b->n);
	b->waiter = g->waiter;
	if (b->waiter)
		atomic_inc(&b->waiter->pending);
	list_add_tail(&b->link, &g->writes);
}

/*
 * Swaps out the pages in one table from *va on, at most one batch. Returns false if swap areas are
 * full, or there is no memory for the write.
 */
static bool out_of_table(struct vm_area *v, u64 *va, u64 end, struct goal *g)
{
	struct mem_group *full = NULL;
	struct mm *mm = v->vm_mm;
	struct batch *b;

	if (!find_first(mm, va, end, g))
		return true;
	b = batch_begin((u32)min(g->wanted - g->left, (u64)SWAP_BATCH));
	if (!b)
		return false;
	pmap_note_touched(&mm->pmap, *va, min(end, (*va | (512 * PAGE_SIZE - 1)) + 1));
	pmap_change_begin(&mm->pmap);
	leave(v, va, end, g, b, &full);
	if (b->n)
		batch_end(mm, b, g);
	else
		batch_drop(b, NULL);
	pmap_change_end(&mm->pmap);
	if (full)
		mem_swap_refused(full);
	return true;
}

/* ---- reclaim ---- */

/* Swaps out pages of the areas in [start, end). Returns false as out_of_table() does. */
static bool out_of_areas(struct mm *mm, u64 start, u64 end, struct goal *g)
{
	struct vm_area *v = find_vma(mm, start);

	for (; v && v->vm_start < end && g->left < g->wanted && g->misses < MISSES;
		v = vma_next(v)) {
		u64 va = max(start, v->vm_start), stop = min(end, v->vm_end);

		while (vma_may_swap(v) && va < stop && g->left < g->wanted && g->misses < MISSES) {
			if (!out_of_table(v, &va, stop, g))
				return false;
			cond_resched();
		}
		WRITE_ONCE(mm->swap_cursor, min(va, stop));
	}
	return true;
}

/*
 * Swaps out pages of an mm: first from its cursor on, then those before. Returns false as
 * out_of_table() does. The caller does not hold mm_users: if the last user ends, the areas are
 * removed under mmap_lock, so holding that is enough.
 */
static bool out_of_mm(struct mm *mm, struct goal *g)
{
	u64 all = g->wanted, rss = (u64)max(atomic_read(&mm->rss_anon), 0L), from;
	bool room = true;

	if (!down_read_trylock(&mm->mmap_lock))
		return true;
	if (atomic_read(&mm->mm_users)) {
		g->wanted = min(all, g->left + clamp(rss / 8, (u64)TURN_LEAST, (u64)TURN_MOST));
		g->misses = 0;
		from = READ_ONCE(mm->swap_cursor);
		room = out_of_areas(mm, from, mm->task_size, g);
		if (room && from && g->left < g->wanted && g->misses < MISSES)
			room = out_of_areas(mm, 0, from, g);
		g->wanted = all;
	}
	up_read(&mm->mmap_lock);
	return room;
}

u64 swap_shrink(u64 wanted, bool (*chosen)(const struct page *p, void *arg), void *arg)
{
	struct waiter w = { .pending = ATOMIC_INIT(1) };
	struct goal g = { .chosen = chosen, .arg = arg, .reclaim = true, .wanted = wanted };
	bool room = true;

	if (!nr_swap_free())
		return 0;
	init_completion(&w.end);
	INIT_LIST_HEAD(&g.writes);
	g.waiter = &w;
	for (u32 n = count_mms(); n && room && g.left < wanted; n--) {
		struct mm *mm = next_mm();

		if (!mm)
			break;
		if (atomic_read(&mm->rss_anon) > 0)
			room = out_of_mm(mm, &g);
		mmdrop(mm);
		begin_writes(&g);
		cond_resched();
	}
	if (!atomic_dec_and_test(&w.pending))
		wait_for_completion(&w.end);
	return (u64)atomic_read(&w.freed);
}

/* ---- madvise(MADV_PAGEOUT) ---- */

int swap_out_range(struct vm_area *v, u64 start, u64 end)
{
	struct goal g = { .wanted = ~0UL };

	if (!vma_may_swap(v) || !nr_swap_free())
		return 0;
	INIT_LIST_HEAD(&g.writes);
	while (start < end && out_of_table(v, &start, end, &g)) {
		begin_writes(&g);
		if (wait_interrupted(TASK_KILLABLE))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
