/* SPDX-License-Identifier: MIT */
/*
 * readahead.c: reads pages before they are requested, into contiguous frames, so that one host mmap
 * maps many of them.
 *
 * Each open file has a window (struct file_ra): the range of pages that was read last. Its last
 * part, @async pages, was read before a reader needed it. The first page of that part has
 * PG_readahead: reaching it starts the next window, which is two or four times as large, up to the
 * device's limit (/sys/block/DISK/queue/read_ahead_kb). So a sequential reader never waits for a
 * whole window. What a miss reads depends on its position:
 *
 * - at the beginning, or just behind the page that was read last (a sequential reader): a window of
 *   four times the request
 * - behind a run of cached pages (one of several readers of one open file): a window as long as
 *   that run and the request
 * - anywhere else: exactly the request. So a backward or random reader reads no more than it wants.
 *
 * A page with PG_readahead outside the window belongs to another stream of reads. The next window
 * then begins behind the run of cached pages that follows this page. When pages of the last window
 * are missing, since reclaim was faster than the reader, the window is halved.
 *
 * A fault reads around its page, a quarter of the pages before it; program text is read in long
 * aligned runs. When faults on an open file keep missing, each reads only its own page.
 *
 * POSIX_FADV_SEQUENTIAL doubles the limit. With POSIX_FADV_RANDOM only the requested pages are
 * read.
 *
 * Locks: none; the state is racy: two threads that read one open file make windows small, not
 * wrong.
 */
#include "kernel/mm/internal.h"

#define RA_MIN 4
#define RA_STREAM_MAX 256 /* pages checked for a cached run */
#define RA_MISSES 100     /* misses after which read-around stops */
#define AROUND_TEXT 128
/* most pages that one call reads (16 MiB); an advice may cover a hole of terabytes */
#define RA_FORCED 4096

static u64 last_index(struct address_space *m)
{
	loff_t size = mapping_size(m);

	return size > 0 ? (u64)(size - 1) >> PAGE_SHIFT : 0;
}

/* Reads page by page, for a file system without a readahead operation. */
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

/*
 * Reads the missing pages of [index, index + nr), perhaps only up to the first cached page behind a
 * missing one.
 */
static void read_missing(struct address_space *m, struct file *f, u64 index, u64 nr)
{
	/* a run ends at the first cached page */
	for (; nr && is_cached(m, index); nr--)
		index++;
	if (!nr)
		return;
	if (m->a_ops->readahead)
		m->a_ops->readahead(m, f, index, nr);
	else
		read_by_page(m, f, index, nr);
}

/* Starts reading, except for pages that can be frames of the disk image (direct.c). */
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

static struct file_ra *ra_of(struct file *f)
{
	return f && mm_file_ops->ra ? mm_file_ops->ra(f) : NULL;
}

static u32 ra_max(const struct address_space *m, const struct file_ra *ra)
{
	u32 max = READ_ONCE(mapping_bdi(m)->ra_pages);

	return ra->advice & RA_SEQUENTIAL ? 2 * max : max;
}

/* Returns how many pages directly before @index are cached, at most @max. */
static u32 run_before(struct address_space *m, u64 index, u32 max)
{
	u32 n = 0;

	while (n < max && n < index && is_cached(m, index - 1 - n))
		n++;
	return n;
}

/* Reads the window. The first page that was not requested gets the mark PG_readahead. */
static void submit_window(struct address_space *m, struct file *f, struct file_ra *ra)
{
	start_read(m, f, ra->start, ra->size);
	if (ra->async)
		set_mark(m, ra->start + ra->size - ra->async);
}

static void set_window(struct file_ra *ra, u64 start, u32 size, u32 async)
{
	ra->start = start;
	ra->size = size;
	ra->async = min(async, size);
}

/*
 * Returns the size of the next window in pages: four times @size while that is small, else twice,
 * and at most @max.
 */
static u32 grown(u32 size, u32 max)
{
	return min(size < max / 16 ? 4 * size : 2 * size, max);
}

static u32 first_size(u64 wanted, u32 max)
{
	u64 n = max_t(u64, wanted, RA_MIN);

	return (u32)min_t(u64, n <= max / 4 ? 4 * n : max, max);
}

void page_cache_readahead(struct address_space *m, struct file *f, u64 index, u64 wanted)
{
	struct file_ra *ra = ra_of(f);
	u32 max, run;

	if (m->a_ops->memory_only)
		return;
	max = ra ? ra_max(m, ra) : 0;
	if (!max || ra->advice & RA_RANDOM) {
		start_read(m, f, index, min(wanted, (u64)RA_FORCED));
		return;
	}
	if (index >= ra->start && index < ra->start + ra->size &&
		index) { /* the page was read, and was reclaimed */
		u32 size = max_t(u32, ra->size / 2, RA_MIN);

		set_window(ra, index, size, size / 2);
	} else if (ra->size && index == ra->start + ra->size) {
		u32 size = grown(ra->size, max);

		set_window(ra, index, size, size);
	} else if (!index || index == ra->prev + 1 || index == ra->prev) {
		u32 size = first_size(wanted, max);

		set_window(ra, index, size, size > wanted ? size - (u32)wanted : size / 2);
	} else {
		run = run_before(m, index, min_t(u32, max, RA_STREAM_MAX));
		if (run <= min_t(u64, wanted, RA_MIN)) {
			start_read(m, f, index, min(wanted, (u64)max));
			return;
		}
		set_window(ra, index, (u32)min_t(u64, run + wanted, max), 1);
	}
	submit_window(m, f, ra);
}

/*
 * Returns how many pages from @index on are cached, at most RA_STREAM_MAX. A stream's last window
 * ends behind them.
 */
static u32 run_behind(struct address_space *m, u64 index)
{
	u32 n = 0;

	while (n < RA_STREAM_MAX && is_cached(m, index + n))
		n++;
	return n;
}

void page_cache_readahead_next(struct address_space *m, struct file *f, struct page *p)
{
	struct file_ra *ra = ra_of(f);
	u32 max, size;

	clear_bit(PG_readahead, &p->flags);
	max = ra ? ra_max(m, ra) : 0;
	if (!max || ra->advice & RA_RANDOM)
		return;
	if (p->index >= ra->start && p->index < ra->start + ra->size) {
		size = grown(ra->size, max);
		set_window(ra, ra->start + ra->size, size, size);
	} else {
		u32 behind = run_behind(m, p->index);

		if (behind == RA_STREAM_MAX)
			return; /* all pages are cached */
		size = grown(max_t(u32, behind, RA_MIN), max);
		set_window(ra, p->index + behind, size, size);
	}
	submit_window(m, f, ra);
}

void page_cache_readaround(struct address_space *m, struct file *f, u64 index, bool text)
{
	struct file_ra *ra = ra_of(f);
	u32 n, max;

	if (m->a_ops->memory_only || !ra)
		return;
	max = ra_max(m, ra);
	if (!max || ra->advice & RA_RANDOM)
		return;
	if (ra->size && index == ra->start + ra->size) { /* sequential faults */
		ra->misses = 0;
		page_cache_readahead(m, f, index, 1);
		return;
	}
	if (!text && ++ra->misses > RA_MISSES)
		return;
	n = text ? AROUND_TEXT : min_t(u32, max, 32);
	set_window(
		ra, text ? index & ~(u64)(n / 2 - 1) : index - min_t(u64, index, n / 4), n, n / 4);
	submit_window(m, f, ra);
}

void force_readahead(struct address_space *m, struct file *f, u64 index, u64 nr)
{
	u64 last = last_index(m);

	if (index > last || m->a_ops->memory_only)
		return;
	nr = min(nr, min(last - index + 1, (u64)RA_FORCED));
	while (nr) {
		u64 n = min_t(u64, nr, 128);

		start_read(m, f, index, n);
		index += n;
		nr -= n;
		cond_resched();
	}
}
