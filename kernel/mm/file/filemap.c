/* SPDX-License-Identifier: MIT */
/*
 * filemap.c: the page cache: finds the frame of each cached page of a file.
 *
 *	p = find_get_page(m, index);            a reference or NULL
 *	p = grab_cache_page(m, index);          found or new, locked
 *	p = read_cache_page(m, index, file);    uptodate
 *	put_page(p);
 *
 * A page is added to the cache locked and not uptodate. a_ops->readpage fills it and unlocks it.
 * set_page_dirty() marks a page that was written to. a_ops->writepages locks a dirty page, calls
 * clear_page_dirty_for_io() and set_page_writeback(), and unlocks it. end_page_writeback() ends the
 * write. delete_from_page_cache() removes a locked page.
 *
 * Invariants:
 * 1. page->mapping and page->index change only with the page locked and m->lock held.
 * 2. The cache holds one reference.
 * 3. nrdirty counts the pages with PG_dirty; they lie within [dirty_first, dirty_last].
 *
 * Locks: m->lock for the tree and the counts. A reference to a page found in the tree may be taken
 * only under m->lock.
 */
#include "kernel/mm/internal.h"

#include "kernel/sched/sched.h"

#define CACHE_LINE 64
/* number of bytes to prefetch: after these the CPU's own prefetcher takes over */
#define PREFETCH_BYTES 1024

const struct mm_file_ops *mm_file_ops;

void address_space_init(
	struct address_space *m, struct inode *host, const struct address_space_operations *ops)
{
	memset(m, 0, sizeof(*m));
	m->host = host;
	m->a_ops = ops;
	spin_lock_init(&m->lock);
	INIT_LIST_HEAD(&m->i_mmap_list);
	INIT_LIST_HEAD(&m->dirty_link);
	init_rwsem(&m->i_mmap_sem);
	init_rwsem(&m->invalidate_lock);
	m->gfp = GFP_KERNEL;
	m->dirty_first = ~0UL;
}

loff_t mapping_size(struct address_space *m)
{
	return mm_file_ops->size(m->host);
}

/* ---- looking up ---- */

struct page *find_get_page(struct address_space *m, u64 index)
{
	struct page *p;

	spin_lock(&m->lock);
	p = radix_lookup(&m->pages, index);
	if (p)
		get_page(p);
	spin_unlock(&m->lock);
	return p;
}

u32 find_get_pages(struct address_space *m, u64 index, u64 end, u32 nr, struct page **pages)
{
	u32 n = 0;

	spin_lock(&m->lock);
	while (n < nr && index <= end) {
		struct page *p = radix_next(&m->pages, &index);

		if (!p || index > end)
			break;
		get_page(p);
		pages[n++] = p;
		if (!++index)
			break;
	}
	spin_unlock(&m->lock);
	return n;
}

/*
 * Prefetches the page's bytes before its reference is counted. If the page cache is larger than the
 * CPU's caches, the first access to a struct page misses them, and so does the first access to the
 * page's bytes. Counting a reference is an atomic operation, before whose end no later access
 * begins.
 */
static void prefetch_bytes(const struct page *p, u64 off)
{
	const char *from = (const char *)page_address(p) + off;
	u64 n = min_t(u64, PREFETCH_BYTES, PAGE_SIZE - off);

	for (u64 i = 0; i < n; i += CACHE_LINE)
		__builtin_prefetch(from + i);
}

u32 find_get_run(struct address_space *m, u64 pos, u32 nr, struct page **pages)
{
	u32 n;

	spin_lock(&m->lock);
	n = radix_run(&m->pages, pos >> PAGE_SHIFT, nr, (void **)pages);
	if (n)
		prefetch_bytes(pages[0], pos & (PAGE_SIZE - 1));
	for (u32 i = 0; i < n; i++)
		get_page(pages[i]);
	spin_unlock(&m->lock);
	return n;
}

struct page *find_lock_page(struct address_space *m, u64 index)
{
	for (;;) {
		struct page *p = find_get_page(m, index);

		if (!p)
			return NULL;
		lock_page(p);
		if (p->mapping == m && p->index == index)
			return p;
		unlock_page(p);
		put_page(p);
	}
}

/* ---- adding and removing ---- */

int add_to_page_cache(struct page *p, struct address_space *m, u64 index)
{
	int err;

	BUG_ON(!PageLocked(p));
	get_page(p);
	spin_lock(&m->lock);
	p->mapping = m;
	p->index = index;
	err = radix_insert(&m->pages, index, p);
	if (!err)
		m->nrpages++;
	else
		p->mapping = NULL;
	spin_unlock(&m->lock);
	if (err) {
		put_page(p);
		return err;
	}
	count_cached(m, 1);
	if (unlikely(p->memcg))
		mem_count_cached(p, m->a_ops->memory_only, 1);
	if (unlikely(PageDirect(p)))
		direct_added(p);
	else if (!m->a_ops->memory_only)
		lru_add(p);
	return 0;
}

/*
 * Removes the page from its mapping; m->lock is held. lru_del() must come later: reclaim puts an
 * isolated page back on its list while the page has a mapping, and would put this one back after
 * lru_del().
 */
static void take_out(struct page *p, struct address_space *m)
{
	radix_delete(&m->pages, p->index);
	m->nrpages--;
	p->mapping = NULL;
}

/* Ends the removal that take_out() began. m->lock is not held. */
static void taken_out(struct page *p, struct address_space *m)
{
	if (unlikely(PageDirect(p)))
		direct_removed(p);
	else
		lru_del(p);
	count_cached(m, -1);
	if (unlikely(p->memcg))
		mem_count_cached(p, m->a_ops->memory_only, -1);
	put_page(p);
}

void delete_from_page_cache(struct page *p)
{
	struct address_space *m = p->mapping;

	BUG_ON(!PageLocked(p) || !m);
	cancel_dirty_page(p);
	spin_lock(&m->lock);
	take_out(p, m);
	spin_unlock(&m->lock);
	taken_out(p, m);
}

bool remove_unused_page(struct page *p)
{
	struct address_space *m = p->mapping;

	BUG_ON(!PageLocked(p));
	spin_lock(&m->lock);
	/*
	 * A refcount of 2 means that only the cache and the caller have references. No task gets
	 * another one: m->lock is held, and reclaim, which finds pages by the lru, checks
	 * p->mapping.
	 */
	if (atomic_read(&p->refcount) != 2 || PageDirty(p)) {
		spin_unlock(&m->lock);
		return false;
	}
	take_out(p, m);
	spin_unlock(&m->lock);
	taken_out(p, m);
	return true;
}

/* Allocates a locked page for the cache, with one reference. May sleep. NULL: no memory. */
static struct page *new_locked_page(struct address_space *m, u64 index)
{
	gfp_t gfp = m->gfp | GFP_USER;
	struct page *p;

	if (!large_block_take(m, index, 1, gfp, &p))
		p = alloc_page(gfp);
	if (p)
		set_bit(PG_locked, &p->flags);
	return p;
}

/*
 * Adds a new page to the cache and returns it, locked and with a reference, or ERR_PTR(-EEXIST or
 * -ENOMEM).
 *
 * @read_in: its content will be read. A truncation or a hole punch holds invalidate_lock from
 * before it drops pages until their blocks are freed. A page added in between would be read from
 * those blocks, and stay. A page that was added before is locked, so the truncation waits for it.
 */
static struct page *add_new_page(struct address_space *m, u64 index, bool read_in)
{
	struct page *p = new_locked_page(m, index);
	int err;

	if (!p)
		return ERR_PTR(-ENOMEM);
	if (read_in)
		down_read(&m->invalidate_lock);
	err = add_to_page_cache(p, m, index);
	if (read_in)
		up_read(&m->invalidate_lock);
	if (!err)
		return p;
	ClearPageLocked(p);
	put_page(p);
	return ERR_PTR(err == -EEXIST ? err : -ENOMEM);
}

struct page *grab_cache_page(struct address_space *m, u64 index)
{
	struct page *p;

	do {
		p = find_lock_page(m, index);
		if (p)
			return p;
		p = add_new_page(m, index, false);
	} while (p == ERR_PTR(-EEXIST));
	return IS_ERR(p) ? NULL : p;
}

/* Frees frames [from, to) of the extent @p. A frame with PG_zero is freed as known to be zero. */
static void drop_extent_tail(struct page *p, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++) {
		if (test_bit(PG_zero, &p[i].flags))
			free_fresh_page(p + i);
		else
			put_page(p + i);
	}
}

/*
 * Adds @nr frames from @first on to the cache as locked pages. Returns how many were added: it
 * stops at an index that is in the cache already, or when memory is short.
 */
static u32 add_extent(
	struct address_space *m, u64 index, u32 nr, struct page *first, struct page **pages)
{
	u32 n;

	for (n = 0; n < nr; n++) {
		struct page *p = first + n;
		u64 zero = p->flags & BIT(PG_zero);

		p->flags = BIT(PG_locked);
		if (add_to_page_cache(p, m, index + n)) {
			p->flags = zero;
			break;
		}
		pages[n] = p;
	}
	return n;
}

/*
 * Allocates at most @nr consecutive frames and returns their number, or 0 if there is no memory.
 * The number is a power of two unless the frames are from a large block. Pages for these frames
 * from @index on do not cross an index at which a large block can begin.
 */
static u32 alloc_frames(struct address_space *m, u64 index, u32 nr, struct page **p)
{
	u32 order, n;

	nr = min_t(u64, nr, LARGE_BLOCK_PAGES - index % LARGE_BLOCK_PAGES);
	n = large_block_take(m, index, nr, m->gfp, p);
	if (n)
		return n;
	order = min_t(u32, 31 - __builtin_clz(nr), MAX_ORDER);
	while (!(*p = alloc_extent(m->gfp, order)) && order)
		order--;
	return *p ? 1U << order : 0;
}

u32 page_cache_alloc_run(struct address_space *m, u64 index, u32 nr, struct page **pages)
{
	u32 done = 0;

	while (done < nr) {
		struct page *p;
		u32 got = alloc_frames(m, index + done, nr - done, &p), n;

		if (!got)
			break;
		n = 0;
		/*
		 * the lock is needed as in add_new_page(), but is only tried: readahead is optional
		 */
		if (down_read_trylock(&m->invalidate_lock)) {
			n = add_extent(m, index + done, got, p, pages + done);
			up_read(&m->invalidate_lock);
		}
		drop_extent_tail(p, n, got);
		done += n;
		if (n < got)
			break;
	}
	return done;
}

/* ---- reading one page ---- */

/*
 * Waits for a page that is being read, or reads it. The caller has a reference. 0, PAGE_TRUNCATED
 * or -errno.
 */
int page_make_uptodate(struct address_space *m, struct page *p, struct file *file)
{
	int err;

	if (PageUptodate(p))
		return 0;
	if (m->a_ops->from_process) {
		err = lock_page_killable(p);
		if (err)
			return err;
	} else {
		lock_page(p);
	}
	if (p->mapping != m) {
		unlock_page(p);
		return PAGE_TRUNCATED;
	}
	if (PageUptodate(p)) {
		unlock_page(p);
		return 0;
	}
	ClearPageError(p);
	err = m->a_ops->readpage(file, p);
	if (err)
		return err;
	wait_on_page_locked(p);
	if (PageUptodate(p))
		return 0;
	return p->mapping == m ? -EIO : PAGE_TRUNCATED;
}

struct page *read_cache_page(struct address_space *m, u64 index, struct file *file)
{
	for (;;) {
		struct page *p = find_get_page(m, index);
		int err;

		if (!p) {
			bool direct;

			direct_fill(m, index, 1, &direct);
			p = add_new_page(m, index, true);
			if (p == ERR_PTR(-EEXIST))
				continue;
			if (IS_ERR(p))
				return p;
			unlock_page(p);
		}
		err = page_make_uptodate(m, p, file);
		if (!err)
			return p;
		put_page(p);
		if (err != PAGE_TRUNCATED)
			return ERR_PTR(err);
	}
}

struct page *page_for_write(struct address_space *m, u64 index, u32 len, struct file *file)
{
	struct page *p;

	for (;;) {
		p = grab_cache_page(m, index);
		if (!p)
			return ERR_PTR(-ENOMEM);
		if (PageUptodate(p) || len == PAGE_SIZE)
			break;
		/* the page is not locked while it is read, so it may leave the cache */
		unlock_page(p);
		put_page(p);
		p = read_cache_page(m, index, file);
		if (IS_ERR(p))
			return p;
		put_page(p);
	}
	wait_on_page_writeback(p);
	return p;
}
