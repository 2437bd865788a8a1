/* SPDX-License-Identifier: MIT */
/*
 * readahead.c: reads pages before they are asked for, into contiguous frames, so that one host mmap maps many of them.
 *
 * A miss starts a window at the missing page: as long as the read that missed, at least RA_MIN pages; where the last window ended
 * just there, twice as long as that one, up to RA_MAX. Half-way into a window lies a page with PG_readahead; reaching it
 * starts the next window, so that a sequential reader never waits for a whole one.
 *
 * The state (where the last window ended, its size) belongs to the mapping: two readers of one file at different places make the
 * windows small, not wrong. Under m->lock.
 */
#include "kernel/mm/internal.h"

#define RA_MIN 8
#define RA_MAX 128 /* 512 KiB */
#define RA_FORCED                                                                                  \
	4096 /* 16 MiB: of what a call asks for; the advice may cover a hole of terabytes */

static u64 last_index(struct address_space *m)
{
	loff_t size = mapping_size(m);

	return size > 0 ? (u64)(size - 1) >> PAGE_SHIFT : 0;
}

/* Without an operation of the file system: page by page. */
static void read_by_page(struct address_space *m, struct file *f, u64 index, u32 nr)
{
	struct page *pages[32];

	while (nr) {
		u32 n = page_cache_alloc_run(m, index, min_t(u32, nr, 32), pages);

		for (u32 i = 0; i < n; i++) {
			if (m->a_ops->readpage(f, pages[i]))
				SetPageError(pages[i]);
			put_page(pages[i]);
		}
		index += max(n, 1U);
		nr -= max(n, 1U);
	}
}

static bool is_cached(struct address_space *m, u64 index)
{
	struct page *p = find_get_page(m, index);

	if (p)
		put_page(p);
	return p;
}

/* The pages from @index on that are not there yet, up to the first that is. */
static void read_missing(struct address_space *m, struct file *f, u64 index, u64 nr)
{
	for (; nr && is_cached(m, index); nr--) /* a run ends at the first page that is there */
		index++;
	if (!nr)
		return;
	if (m->a_ops->readahead)
		m->a_ops->readahead(m, f, index, nr);
	else
		read_by_page(m, f, index, nr);
}

/* What the image itself holds is not read (direct.c). */
static void start_read(struct address_space *m, struct file *f, u64 index, u64 nr)
{
	u64 last = last_index(m);

	if (index > last || m->a_ops->memory_only)
		return;
	nr = min(nr, last - index + 1);
	while (nr) {
		bool direct;
		u64 n = direct_fill(m, index, (u32)min_t(u64, nr, RA_FORCED), &direct);

		if (!direct)
			read_missing(m, f, index, n);
		index += n;
		nr -= n;
	}
}

static void set_mark(struct address_space *m, u64 index)
{
	struct page *p = find_get_page(m, index);

	if (!p)
		return;
	set_bit(PG_readahead, &p->flags);
	put_page(p);
}

void page_cache_readahead(struct address_space *m, struct file *f, u64 index, u64 wanted)
{
	u64 nr = clamp(wanted, (u64)RA_MIN, (u64)RA_MAX);

	if (m->a_ops->memory_only)
		return;
	spin_lock(&m->lock);
	if (index && index == m->ra_next)
		nr = clamp(m->ra_size * 2, nr, (u64)RA_MAX);
	m->ra_next = index + nr;
	m->ra_size = nr;
	spin_unlock(&m->lock);
	start_read(m, f, index, nr);
	set_mark(m, index + nr / 2);
}

void page_cache_readahead_next(struct address_space *m, struct file *f, struct page *p)
{
	u64 index, nr;

	clear_bit(PG_readahead, &p->flags);
	spin_lock(&m->lock);
	index = m->ra_next;
	nr = clamp(m->ra_size * 2, (u64)RA_MIN, (u64)RA_MAX);
	if (p->index >= index || index - p->index > RA_MAX) {
		spin_unlock(&m->lock); /* not of the last window */
		return;
	}
	m->ra_next = index + nr;
	m->ra_size = nr;
	spin_unlock(&m->lock);
	start_read(m, f, index, nr);
	set_mark(m, index + nr / 2);
}

void force_readahead(struct address_space *m, struct file *f, u64 index, u64 nr)
{
	u64 last = last_index(m);

	if (index > last || m->a_ops->memory_only)
		return;
	nr = min(nr, min(last - index + 1, (u64)RA_FORCED));
	while (nr) {
		u64 n = min_t(u64, nr, RA_MAX);

		start_read(m, f, index, n);
		index += n;
		nr -= n;
		cond_resched();
	}
}
