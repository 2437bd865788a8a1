/* SPDX-License-Identifier: MIT */
/*
 * early.c: see early.h. One save at a time uses it.
 *
 * A page may be written in three ways, and each is noted:
 *
 *	this process, and host calls     userfaultfd, in its asynchronous mode: the first write
 *	to its memory                    after early_prepare() costs a fault of the host, which sets
 *	                                 a bit in the page table (Linux 6.7)
 *	a program                        its space has to map the page writable first, which
 *	                                 os_state_note() notes; at early_begin() spaces map no page
 *	the page is given to the host    os_mem_punch() calls early_punched()
 *
 * A request that the host works on may write to pages that it pinned before early_prepare(). None
 * is in progress at early_begin(), and early_copy() reads after that.
 */
#include "os-linux/state/early.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/state/copy.h"
#include "os-linux/state/pagemap.h"

#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define REGIONS 512
#define WRITE_MAX 256 /* pages of a batch */
/*
 * bytes that are unregistered with one call, during which the host keeps other threads from
 * changing the page tables
 */
#define RELEASE_STEP (32UL << 20)

static int uffd = -1;
static struct {
	bool is_prepared, has_begun;
	int file; /* handle of the guest's memory */
	int pagemap;
	uint64_t addr, len, pages;
	/* what early_copy() has found: an enum early_page; EARLY_OLDER + i for run i */
	uint32_t *found;
} early = { .pagemap = -1 };
/*
 * A bit for each page that was written since early_begin(). Atomic. It is kept for the next save,
 * since os_state_note() may be using it at any time.
 */
static uint64_t *written;
static uint64_t written_pages;
/* atomic: 1 while os_state_note() has to mark pages as written */
static int notes;

void early_init(void)
{
	struct uffdio_api api = { .api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
			    UFFD_FEATURE_WP_ASYNC };

	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		uffd = -1;
	}
}

bool early_is_prepared(void)
{
	return early.is_prepared;
}

bool early_has_begun(void)
{
	return early.has_begun;
}

/* ---- which pages are written ---- */

/* Write-protects the pages that this process maps. */
static int protect(void)
{
	struct scan s = { .size = sizeof(s),
		.flags = SCAN_PROTECT | SCAN_CHECK_ASYNC,
		.start = early.addr,
		.end = early.addr + early.len,
		.all_of = IS_WRITTEN | IS_PRESENT };

	while (s.start < s.end) {
		int n = ioctl(early.pagemap, SCAN, &s);

		if (n < 0 && errno != EINTR)
			return -errno;
		s.start = s.walk_end;
	}
	return 0;
}

static void mark_pages(uint64_t page, uint64_t end)
{
	for (; page < end && page < written_pages; page++)
		__atomic_fetch_or(&written[page / 64], 1UL << page % 64, __ATOMIC_RELAXED);
}

void os_state_note(uint64_t off, uint64_t len)
{
	if (__atomic_load_n(&notes, __ATOMIC_ACQUIRE))
		mark_pages(off / STATE_PAGE, (off + len + STATE_PAGE - 1) / STATE_PAGE);
}

void early_punched(int file, uint64_t off, uint64_t len)
{
	if (file == early.file)
		os_state_note(off, len);
}

/* Marks the pages that are not write-protected any more, or that were never mapped here. */
static int collect(void)
{
	struct region r[REGIONS];
	struct scan s = { .size = sizeof(s),
		.start = early.addr,
		.end = early.addr + early.len,
		.regions = (uint64_t)(uintptr_t)r,
		.nr_regions = REGIONS,
		.all_of = IS_WRITTEN,
		.return_mask = IS_WRITTEN };

	while (s.start < s.end) {
		int n = ioctl(early.pagemap, SCAN, &s);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++)
			mark_pages((r[i].start - early.addr) / STATE_PAGE,
				(r[i].end - early.addr) / STATE_PAGE);
		s.start = s.walk_end;
	}
	return 0;
}

/* ---- the copy ---- */

/* pages that are written with one call */
struct batch {
	uint64_t first, nr;
	int fd;
	uint64_t at; /* offset of page 0 */
};

static int write_batch(struct batch *b)
{
	uint64_t from = b->first * STATE_PAGE, n = b->nr * STATE_PAGE;

	b->nr = 0;
	return n ? copy_write(b->fd, (const char *)early.addr + from, n, b->at + from) : 0;
}

static int add_page(struct batch *b, uint64_t page)
{
	int err = 0;

	if (b->nr && (b->first + b->nr != page || b->nr == WRITE_MAX))
		err = write_batch(b);
	if (!b->nr)
		b->first = page;
	b->nr++;
	return err;
}

/*
 * the older state, or NULL; the indices of map 0; how many runs of the older state are used so far;
 * the run that was used last
 */
struct older_use {
	const struct state_older *o;
	struct state_older_maps maps;
	uint64_t runs, last;
};

/* Finds out where the content of page @number is. Returns the value for early.found[]. */
static uint32_t look_at(struct older_use *u, uint64_t number)
{
	const char *page = (const char *)early.addr + number * STATE_PAGE;
	struct state_place place;

	if (u->o && u->runs < OLDER_RUNS_MAX &&
		state_older_find(u->o, &u->maps, page, number, false, &place)) {
		u->runs += place.run != u->last;
		u->last = place.run;
		return EARLY_OLDER + (uint32_t)place.run;
	}
	return page_is_zero(page) ? EARLY_ZERO : EARLY_HERE;
}

int early_copy(const struct finder *f, const struct state_older *older, int fd, uint64_t at)
{
	struct batch batch = { .fd = fd, .at = at };
	struct older_use use = { .o = older, .last = ~0UL };
	struct pages p = { calloc(2 * (early.pages / 64 + 1), sizeof(*p.bits)), NULL };
	int err = p.bits ? 0 : -ENOMEM;

	p.same = p.bits + early.pages / 64 + 1;
	if (older)
		use.maps = state_older_maps(older, early.addr);
	if (!err)
		err = find_pages(f, &f->s->map[0], &p);
	for (uint64_t page = 0; page < early.pages && !err; page++) {
		if (!is_marked(p.bits, page))
			continue;
		early.found[page] = look_at(&use, page);
		if (early.found[page] == EARLY_HERE)
			err = add_page(&batch, page);
	}
	if (!err)
		err = write_batch(&batch);
	free(p.bits);
	return err;
}

enum early_page early_find(
	const struct state_older *older, uint64_t number, struct state_place *place)
{
	uint32_t found = is_marked(written, number) ? EARLY_UNKNOWN : early.found[number];
	const struct state_run *run;

	if (found < EARLY_OLDER)
		return (enum early_page)found;
	run = &older->t.runs[found - EARLY_OLDER];
	*place = (struct state_place){ run->source, run->at + (number - run->page) * STATE_PAGE,
		found - EARLY_OLDER };
	return EARLY_OLDER;
}

void early_keep(uint64_t number)
{
	early.found[number] = EARLY_UNKNOWN;
}

/* Makes a range of the file read as zeros. */
static int clear(int fd, uint64_t at, uint64_t len)
{
	static const char zeros[STATE_PAGE];
	int err = 0;

	if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)len))
		return 0;
	for (uint64_t end = at + len; at < end && !err; at += STATE_PAGE)
		err = copy_write(fd, zeros, STATE_PAGE, at);
	return err;
}

int early_clean(int fd, uint64_t at)
{
	int err = 0;

	for (uint64_t page = 0, end; page < early.pages && !err; page = end + 1) {
		for (end = page; end < early.pages && early.found[end] == EARLY_HERE; end++)
			;
		if (end > page)
			err = clear(fd, at + page * STATE_PAGE, (end - page) * STATE_PAGE);
	}
	return err;
}

/* ---- the steps ---- */

static bool make_room(uint64_t pages)
{
	if (pages > written_pages) {
		free(written);
		written = calloc(pages / 64 + 1, sizeof(*written));
		written_pages = written ? pages : 0;
	}
	early.found = calloc(pages, sizeof(*early.found));
	return written && early.found;
}

void early_prepare(const struct os_state *s)
{
	const struct os_state_map *m = &s->map[0];
	struct uffdio_register reg = { .range = { m->addr, m->len },
		.mode = UFFDIO_REGISTER_MODE_WP };

	if (uffd < 0 || early.is_prepared)
		return;
	early.file = s->file[0];
	early.addr = m->addr;
	early.len = m->len;
	early.pages = m->len / STATE_PAGE;
	early.is_prepared = true;
	early.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (early.pagemap < 0 || !make_room(early.pages) || ioctl(uffd, UFFDIO_REGISTER, &reg) ||
		protect())
		early_end();
}

void early_begin(void)
{
	memset(written, 0, (written_pages / 64 + 1) * sizeof(*written));
	early.has_begun = true;
	__atomic_store_n(&notes, 1, __ATOMIC_RELEASE);
}

void early_collect(void)
{
	/* if the host does not answer, each page may have been written */
	if (collect())
		mark_pages(0, early.pages);
}

void early_end(void)
{
	if (!early.is_prepared)
		return;
	__atomic_store_n(&notes, 0, __ATOMIC_RELEASE);
	for (uint64_t at = 0; at < early.len; at += RELEASE_STEP) {
		uint64_t left = early.len - at;
		struct uffdio_range range = { early.addr + at,
			left < RELEASE_STEP ? left : RELEASE_STEP };

		ioctl(uffd, UFFDIO_UNREGISTER, &range);
	}
	if (early.pagemap >= 0)
		close(early.pagemap);
	free(early.found);
	memset(&early, 0, sizeof(early));
	early.pagemap = -1;
}
