/* SPDX-License-Identifier: MIT */
/*
 * truncate.c: removes pages from the cache whose part of the file is gone, or that are not needed.
 *
 *	truncate_pagecache(m, size)              after i_size was set
 *	pagecache_zero_tail(m, size)             before i_size grows: a mapping may have written
 *	                                         behind it
 *	truncate_inode_pages_range(m, a, b)      hole punching; the file system holds
 *	                                         invalidate_lock for writing
 *	invalidate_mapping_pages(m, i, j)        only clean pages that are not in use
 *	drop_clean_pages(m, i, j)                clean pages, used or not: the disk has newer
 *	                                         data
 *
 * A fault that finds the page under the page lock checks that it is still in its mapping and below
 * the end of the file; truncation sets the size first and unmaps each page under its lock, so
 * nothing stays mapped that is not in the cache.
 */
#include "kernel/mm/internal.h"

#define BATCH 16

/* Unmaps a page and removes it from the cache, if it still is in @m. Sleeps. */
static void drop_page(struct page *p, struct address_space *m)
{
	lock_page(p);
	wait_on_page_writeback(p);
	if (p->mapping == m) {
		if (atomic_read(&p->mapcount))
			page_unmap_all(p);
		if (PagePrivate(p) && m->a_ops->invalidatepage)
			m->a_ops->invalidatepage(p, 0);
		delete_from_page_cache(p);
	}
	unlock_page(p);
}

static void drop_at(struct address_space *m, u64 index)
{
	struct page *p = find_get_page(m, index);

	if (!p)
		return;
	drop_page(p, m);
	put_page(p);
}

/* Zeroes bytes [from, to) of the page at @index if it is cached. */
static void zero_part(struct address_space *m, u64 index, u32 from, u32 to)
{
	struct page *p = find_lock_page(m, index);

	if (!p)
		return;
	wait_on_page_writeback(p);
	p = cache_page_own(p);
	/* The content cannot be read, or memory is short. The next reader reads the file again. */
	if (IS_ERR(p)) {
		drop_at(m, index);
		return;
	}
	if (p->mapping == m && PageUptodate(p)) {
		memset((char *)page_address(p) + from, 0, to - from);
		page_text_changed(p);
		if (to == PAGE_SIZE && PagePrivate(p) && m->a_ops->invalidatepage)
			m->a_ops->invalidatepage(p, from);
	}
	unlock_page(p);
	put_page(p);
}

/*
 * Zeroes the rest of the last page. A clean page of a disk's file has zeros there: writeback puts
 * them there, and a write to a mapping makes it dirty. A page under writeback may get its zeros
 * late: zero_part() waits for that.
 */
void pagecache_zero_tail(struct address_space *m, loff_t size)
{
	u64 index = (u64)size >> PAGE_SHIFT;
	struct page *p = size & (PAGE_SIZE - 1) ? find_get_page(m, index) : NULL;
	bool zero = p && (m->a_ops->memory_only || PageDirty(p) || PageWriteback(p));

	if (p)
		put_page(p);
	if (zero)
		zero_part(m, index, size & (PAGE_SIZE - 1), PAGE_SIZE);
}

static void drop_whole_pages(struct address_space *m, u64 index, u64 last)
{
	struct page *pages[BATCH];
	u32 n;

	while (index <= last && (n = find_get_pages(m, index, last, BATCH, pages))) {
		index = pages[n - 1]->index + 1;
		for (u32 i = 0; i < n; i++) {
			drop_page(pages[i], m);
			put_page(pages[i]);
		}
		cond_resched();
	}
}

void truncate_inode_pages_range(struct address_space *m, loff_t start, loff_t end)
{
	u64 first = DIV_ROUND_UP((u64)start, PAGE_SIZE);
	/* first page that stays, as a whole or in part */
	u64 beyond = ((u64)end + 1) >> PAGE_SHIFT;
	u32 head = start & (PAGE_SIZE - 1), tail = (end + 1) & (PAGE_SIZE - 1);
	bool to_the_end = end == -1 || end == (loff_t)(~0UL >> 1);

	if (to_the_end) {
		beyond = ~0UL;
		tail = 0;
	}
	if (!READ_ONCE(m->nrpages))
		return;
	if (head)
		zero_part(m, start >> PAGE_SHIFT, head, first > beyond ? tail : PAGE_SIZE);
	if (tail && first <= beyond)
		zero_part(m, beyond, 0, tail);
	if (first < beyond)
		drop_whole_pages(m, first, to_the_end ? ~0UL : beyond - 1);
}

void truncate_inode_pages(struct address_space *m, loff_t start)
{
	truncate_inode_pages_range(m, start, -1);
}

void truncate_pagecache(struct address_space *m, loff_t size)
{
	unmap_mapping_range(m, DIV_ROUND_UP((u64)size, PAGE_SIZE), 0);
	truncate_inode_pages(m, size);
	/* a fault may have made a private copy of a page in between */
	unmap_mapping_range(m, DIV_ROUND_UP((u64)size, PAGE_SIZE), 0);
}

/* Drops a locked page if it is clean, and only the cache and the caller have references. */
bool try_drop_clean_page(struct page *p, struct address_space *m)
{
	if (p->mapping != m || PageDirty(p) || PageWriteback(p) || atomic_read(&p->mapcount))
		return false;
	if (PagePrivate(p) && (!m->a_ops->releasepage || !m->a_ops->releasepage(p)))
		return false;
	return remove_unused_page(p);
}

u64 invalidate_mapping_pages(struct address_space *m, u64 start, u64 end)
{
	struct page *pages[BATCH];
	u64 dropped = 0;
	u32 n;

	if (m->a_ops->memory_only)
		return 0;
	while (start <= end && (n = find_get_pages(m, start, end, BATCH, pages))) {
		start = pages[n - 1]->index + 1;
		for (u32 i = 0; i < n; i++) {
			if (trylock_page(pages[i])) {
				dropped += try_drop_clean_page(pages[i], m);
				unlock_page(pages[i]);
			}
			put_page(pages[i]);
		}
		if (!start)
			break;
		cond_resched();
	}
	return dropped;
}

/*
 * As drop_page(), but leaves a page that is dirty or has private data of the file system. Returns
 * false if it stays in the cache.
 */
static bool drop_unless_dirty(struct page *p, struct address_space *m)
{
	bool dropped = true;

	lock_page(p);
	wait_on_page_writeback(p);
	if (p->mapping == m) {
		if (atomic_read(&p->mapcount))
			page_unmap_all(p);
		dropped = !PageDirty(p) && !PagePrivate(p);
		if (dropped)
			delete_from_page_cache(p);
	}
	unlock_page(p);
	return dropped;
}

int drop_clean_pages(struct address_space *m, u64 start, u64 end)
{
	struct page *pages[BATCH];
	int err = 0;
	u32 n;

	while (start <= end && (n = find_get_pages(m, start, end, BATCH, pages))) {
		start = pages[n - 1]->index + 1;
		for (u32 i = 0; i < n; i++) {
			if (!drop_unless_dirty(pages[i], m))
				err = -EBUSY;
			put_page(pages[i]);
		}
		cond_resched();
	}
	return err;
}
