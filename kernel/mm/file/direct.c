/* SPDX-License-Identifier: MIT */
/*
 * direct.c: cached pages that are pages of the disk image itself: frames of a region (region.c), so
 * that nothing is copied.
 *
 *	n = direct_fill(m, index, nr, &done);    before pages are read
 *	p = cache_page_own(p);                   before a page of the cache is written to
 *	direct_drop_unused();                    drop_caches
 *
 * a_ops->direct of the file system returns the frame of a page. It is called twice. At the second
 * call the frame is in the cache and locked, so neither writeback nor truncation can pass it, and
 * the result stays valid. A page whose blocks were written meanwhile is removed again.
 *
 * All code that writes to pages of the cache locks the page and calls cache_page_own() first:
 * write(2), the first write of a shared mapping, truncation inside a page. The copy replaces the
 * frame for all users: first all entries that map the frame are removed, under the page lock; later
 * faults map the copy. Writes to private mappings copy the page as for any other file (cow.c).
 *
 * These pages are on no lru list: dropping them gives the guest no memory. They are on a list of
 * their own for vm.drop_caches.
 *
 * Lock: list_lock for the list and the count.
 */
#include "kernel/mm/internal.h"

static DEFINE_SPINLOCK(list_lock);
static LIST_HEAD(pages_list); /* linked by page->lru */
static u64 nr_pages;

u64 nr_direct_pages(void)
{
	return READ_ONCE(nr_pages);
}

void direct_added(struct page *p)
{
	spin_lock(&list_lock);
	list_add(&p->lru, &pages_list);
	nr_pages++;
	spin_unlock(&list_lock);
}

void direct_removed(struct page *p)
{
	spin_lock(&list_lock);
	list_del(&p->lru);
	nr_pages--;
	spin_unlock(&list_lock);
}

/* ---- into the cache ---- */

#define BATCH 32

/*
 * Adds a frame to the cache: locked, not uptodate, with a reference. NULL: the frame is in use, or
 * the page is in the cache.
 */
static struct page *add_frame(struct address_space *m, u64 index, pfn_t pfn)
{
	struct page *p = region_page_take(pfn);

	if (!p)
		return NULL;
	set_bit(PG_locked, &p->flags);
	if (!add_to_page_cache(p, m, index))
		return p;
	ClearPageLocked(p);
	put_page(p);
	return NULL;
}

/*
 * Makes @nr frames of a region the cached pages from @index on. invalidate_lock is held for
 * reading.
 */
static void fill_batch(struct address_space *m, u64 index, u32 nr, pfn_t pfn)
{
	struct page *pages[BATCH];
	pfn_t again = 0;
	u32 good = 0;

	for (u32 i = 0; i < nr; i++)
		pages[i] = add_frame(m, index + i, pfn + i);
	/* no task writes the blocks now: check again */
	while (good < nr) {
		u32 n = m->a_ops->direct(m, index + good, nr - good, &again);

		if (again != pfn + good)
			break;
		good += n;
	}
	for (u32 i = 0; i < nr; i++) {
		if (!pages[i])
			continue;
		if (i < good)
			SetPageUptodate(pages[i]);
		else
			delete_from_page_cache(pages[i]);
		unlock_page(pages[i]);
		put_page(pages[i]);
	}
}

u32 direct_fill(struct address_space *m, u64 index, u32 nr, bool *done)
{
	pfn_t pfn = 0;
	u32 n;

	*done = false;
	if (!m->a_ops->direct || !nr)
		return nr;
	/*
	 * A task that holds the lock for writing changes the file's blocks, or is the caller
	 * itself: then the page is read instead.
	 */
	if (!down_read_trylock(&m->invalidate_lock))
		return nr;
	n = m->a_ops->direct(m, index, nr, &pfn);
	for (u32 i = 0; pfn && i < n; i += BATCH)
		fill_batch(m, index + i, min_t(u32, n - i, BATCH), pfn + i);
	up_read(&m->invalidate_lock);
	*done = pfn != 0;
	return n;
}

/* ---- replacing a frame by a copy ---- */

/* Returns a locked copy with one reference, or ERR_PTR(-ENOMEM or -EIO). */
static struct page *copy_frame(struct address_space *m, struct page *p)
{
	struct page *copy = alloc_page(m->gfp | GFP_USER);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	copy_page(page_address(copy), page_address(p));
	if (region_lost(page_address(p))) {
		put_page(copy);
		return ERR_PTR(-EIO);
	}
	copy->flags = BIT(PG_locked) | BIT(PG_uptodate);
	return copy;
}

/*
 * Replaces @p by @copy in the cache. Both pages are locked. The cache's reference moves from @p to
 * @copy.
 */
static void replace_page(struct address_space *m, struct page *p, struct page *copy)
{
	get_page(copy);
	spin_lock(&m->lock);
	copy->mapping = m;
	copy->index = p->index;
	radix_replace(&m->pages, p->index, copy);
	p->mapping = NULL;
	spin_unlock(&m->lock);
	direct_removed(p);
	lru_add(copy);
	if (unlikely(copy->memcg))
		mem_count_cached(copy, false, 1);
	put_page(p);
}

struct page *cache_page_own(struct page *p)
{
	struct address_space *m = p->mapping;
	struct page *copy;

	BUG_ON(!PageLocked(p));
	if (likely(!PageDirect(p)))
		return p;
	copy = copy_frame(m, p);
	if (!IS_ERR(copy)) {
		page_text_changed(p);
		if (atomic_read(&p->mapcount))
			page_unmap_all(p);
		replace_page(m, p, copy);
	}
	unlock_page(p);
	put_page(p);
	return copy;
}

/* ---- dropping frames ---- */

/*
 * Returns the next page of the list that only the cache uses, with a reference. Checks at most
 * *left pages, decrements *left for each, and moves it to the list's end.
 */
static struct page *next_unused(u64 *left)
{
	struct page *found = NULL;

	spin_lock(&list_lock);
	while (*left && !found && !list_empty(&pages_list)) {
		struct page *p = list_first_entry(&pages_list, struct page, lru);

		list_move_tail(&p->lru, &pages_list);
		(*left)--;
		if (!atomic_read(&p->mapcount) && atomic_inc_not_zero(&p->refcount))
			found = p;
	}
	spin_unlock(&list_lock);
	return found;
}

void direct_drop_unused(void)
{
	u64 left = nr_direct_pages();
	struct page *p;

	while ((p = next_unused(&left))) {
		if (trylock_page(p)) {
			if (p->mapping)
				try_drop_clean_page(p, p->mapping);
			unlock_page(p);
		}
		put_page(p);
		cond_resched();
	}
}

/* ---- frames that the host cannot provide ---- */

/*
 * Returns the frame that @addr's entry maps, with a reference, if it is a frame of another region;
 * or NULL.
 */
static struct page *direct_frame_at(struct mm *mm, u64 addr)
{
	struct page *p = NULL;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	if (e && *e && !(*e & PTE_SPECIAL))
		p = pfn_to_page(pte_pfn(*e));
	if (p && PageDirect(p))
		get_page(p);
	else
		p = NULL;
	spin_unlock(&mm->page_table_lock);
	return p;
}

bool handle_bus_error(struct mm *mm, u64 addr)
{
	struct page *p = direct_frame_at(mm, addr & PAGE_MASK);
	bool lost;

	if (!p)
		return false;
	/* this read fails too, or the host has recovered */
	(void)READ_ONCE(*(u8 *)page_address(p));
	lost = region_lost(page_address(p));
	lock_page(p);
	if (lost && p->mapping) {
		page_unmap_all(p);
		/* the next reader reads the page from the disk and gets the error */
		delete_from_page_cache(p);
	}
	unlock_page(p);
	put_page(p);
	return !lost;
}
