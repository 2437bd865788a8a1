/* SPDX-License-Identifier: MIT */
/*
 * base.c: memory of a restored instance that is still in the file of its state.
 *
 *	                the kernel process maps                    a space maps
 *	base page       the state's file, privately                never
 *	own page        the memory file of this instance, shared   this memory file, as in an
 *	                                                           instance that has booted
 *
 * So a restore reads nothing, and instances started from one state share the pages that none of
 * them writes. When the kernel process writes to a base page, the host makes a private copy. A page
 * is mapped by spaces, or is given to the host as the target of a request, as an own page only:
 * os_base_take() copies its content into the memory file and maps that in its place.
 *
 * os_base_take() copies pages while other vCPUs run, which must not write to them meanwhile. So
 * with several vCPUs the pages are write-protected during the copy, and a thread that writes to
 * them waits in the handler of SIGSEGV (base_wait()). A system call that writes to them would fail,
 * so the target pages of a request are taken before the request is submitted.
 *
 * Each page that is taken alone costs two maps (VMAs) of this process; the host allows some 65,000.
 * When there are many, os_base_merge() takes whole blocks while the machine is stopped.
 *
 * The guest's memory has a bit for each page, set while it is a base page. The kernel's own data
 * and stacks, and the arrays of regions, are never in a space: they stay base pages for ever.
 *
 * Lock: lock, held for some microseconds by vCPUs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/state/base.h"
#include "os-linux/internal.h"

#define PAGE 4096UL
#define WORD 64UL
/* a hole of the state's file with at least this many pages gets own pages at once */
#define HOLE_MIN 64UL
#define HOLES_MAX 1000
/* pages that os_base_merge() takes together: 2 MiB */
#define BLOCK 512UL
/* how often one instruction may be repeated because of a page that was just taken */
#define RETRIES 1000

static struct {
	/* address of the guest's memory; NULL if this instance has no base */
	char *addr;
	uint64_t pages;
	uint64_t words; /* of bits, and of first */
	uint64_t *bits;
	uint64_t *first; /* bits as of base_ready() or base_mark() */
	bool is_mapped;  /* base_mapped() was called */
	/* descriptors of the state's file and of the memory file, or -1 */
	int fd, own;
	uint64_t at; /* offset of the memory in fd, in bytes */
	int several; /* true if there are several vCPUs */
	/* approximate number of host maps (VMAs) of the memory */
	uint32_t pieces;
} base = { .fd = -1, .own = -1 };
static uint32_t lock;

/*
 * Runs of pages that were never base pages and had data in the memory file when it was last
 * searched. While that file's block count and os_mem_punches are unchanged, the list is valid, and
 * the file need not be searched for holes again.
 */
#define RUNS_MAX 256
static struct {
	bool known;
	blkcnt_t blocks;
	uint64_t punches; /* os_mem_punches at that search */
	int nr;
	struct {
		uint64_t page, end;
	} run[RUNS_MAX];
} others;

static void take_lock(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void drop_lock(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

static uint64_t word_of(uint64_t page)
{
	return __atomic_load_n(&base.bits[page / WORD], __ATOMIC_ACQUIRE);
}

static bool is_base(uint64_t page)
{
	return word_of(page) >> page % WORD & 1;
}

static void set_bits(uint64_t page, uint64_t end)
{
	for (; page < end; page++)
		base.bits[page / WORD] |= 1UL << page % WORD;
}

static void clear_bits(uint64_t page, uint64_t end)
{
	for (; page < end; page++)
		__atomic_fetch_and(
			&base.bits[page / WORD], ~(1UL << page % WORD), __ATOMIC_RELEASE);
}

/*
 * Returns the first page in [page, end) that is a base page (@is true) or is none (@is false), or
 * @end if there is no such page.
 */
static uint64_t next_page(uint64_t page, uint64_t end, bool is)
{
	uint64_t none = is ? 0 : ~0UL; /* a word of bits without a wanted page */

	while (page < end && is_base(page) != is)
		page += page % WORD == 0 && end - page >= WORD && word_of(page) == none ? WORD : 1;
	return page;
}

static int map_own(uint64_t page, uint64_t end)
{
	void *p = base.addr + page * PAGE;

	if (mmap(p, (end - page) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, base.own,
		    (off_t)(page * PAGE)) == MAP_FAILED)
		return -errno;
	/*
	 * all of the memory must have this advice, or the maps would not merge; base_mapped() sets
	 * it at a restore
	 */
	if (base.is_mapped)
		madvise(p, (end - page) * PAGE, MADV_DONTDUMP);
	return 0;
}

/* ---- at the restore ---- */

int base_map(void *addr, uint64_t len, int fd, uint64_t at)
{
	if (mmap(addr, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd,
		    (off_t)at) == MAP_FAILED)
		return -errno;
	return 0;
}

void base_mapped(void *addr, uint64_t len)
{
	madvise(addr, len, MADV_DONTDUMP);
	if (addr == base.addr)
		base.is_mapped = true;
}

/*
 * Returns @n words of zeros, or NULL. They occupy memory only where they are written: most of a
 * guest's memory is not in use, and has no bit set.
 */
static uint64_t *new_bits(uint64_t n)
{
	void *p = mmap(NULL, n * sizeof(uint64_t), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Copies the bits to base.first. */
static void note_first(void)
{
	for (uint64_t w = 0; w < base.words; w++)
		if (base.first[w] != base.bits[w])
			base.first[w] = base.bits[w];
}

int base_begin(void *addr, uint64_t pages, int fd, uint64_t at, int own, int several)
{
	uint64_t words = (pages + WORD - 1) / WORD;

	/* release an earlier base */
	others.known = false;
	if (base.bits)
		munmap(base.bits, base.words * 2 * sizeof(*base.bits));
	if (base.fd >= 0)
		close(base.fd);
	base.words = words;
	base.bits = new_bits(2 * words);
	base.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (!base.bits || base.fd < 0)
		return base.bits ? -errno : -ENOMEM;
	base.first = base.bits + words;
	base.pieces = 0;
	base.is_mapped = false;
	base.addr = addr;
	base.pages = pages;
	base.at = at;
	base.own = own;
	base.several = several;
	return base_map(addr, pages * PAGE, fd, at);
}

void base_has(uint64_t page, uint64_t pages)
{
	set_bits(page, page + pages);
}

/* Small holes stay base pages: an own page there would cost two maps of the process. */
int base_ready(void)
{
	uint64_t page = 0, end;
	int holes = 0, err = 0;

	while (page < base.pages && !err) {
		page = next_page(page, base.pages, false);
		end = next_page(page, base.pages, true);
		if (end - page >= HOLE_MIN && holes++ < HOLES_MAX) {
			err = map_own(page, end);
			base.pieces += 2;
		} else {
			set_bits(page, end);
		}
		page = end;
	}
	note_first();
	return err;
}

/* ---- going back in place ---- */

/* above this number of adjacent pages, own pages are given back to the host instead of cleared */
#define CLEAR_MAX 512UL

/* the host takes back this many pages in the time of comparing one */
#define DROPPED 4

uint64_t base_pages_back;

/*
 * Views of both whole files, beside the guest's memory. A page is compared and copied there without
 * a host call, and without a fault after the first time.
 */
static struct {
	char *base, *own;
	/* true: the caller of base_mark() owns base */
	bool lent;
} view;

static int view_own(void)
{
	size_t len = base.pages * PAGE;

	if (view.own)
		return 0;
	view.own = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, base.own, 0);
	if (view.own == MAP_FAILED) {
		view.own = NULL;
		return -errno;
	}
	madvise(view.own, len, MADV_DONTDUMP);
	return 0;
}

int base_view(void)
{
	size_t len = base.pages * PAGE;

	if (view.base && !view.lent)
		munmap(view.base, len);
	view.lent = false;
	view.base = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_NORESERVE, base.fd, (off_t)base.at);
	if (view.base == MAP_FAILED) {
		view.base = NULL;
		return -errno;
	}
	return view_own();
}

/*
 * Makes the present own pages count as base pages for base_put_back(): copies their content into
 * view.base.
 */
static int note_own_pages(void)
{
	off_t data, hole = 0;

	while ((data = lseek(base.own, hole, SEEK_DATA)) >= 0) {
		hole = lseek(base.own, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		for (uint64_t page = (uint64_t)data / PAGE; page * PAGE < (uint64_t)hole; page++) {
			if (is_base(page))
				continue;
			base.first[page / WORD] |= 1UL << page % WORD;
			memcpy(view.base + page * PAGE, view.own + page * PAGE, PAGE);
		}
	}
	return errno == ENXIO ? 0 : -errno;
}

int base_mark(char *guest)
{
	int err = base.addr ? view_own() : -EINVAL;

	if (err)
		return err;
	view.base = guest;
	view.lent = true;
	others.known = false;
	note_first();
	err = note_own_pages();
	/* the caller unmaps @guest then */
	if (err) {
		view.base = NULL;
		view.lent = false;
	}
	return err;
}

uint64_t base_at(void)
{
	return base.at;
}

bool base_is_light(uint64_t most)
{
	uint64_t words = (base.pages + WORD - 1) / WORD, taken = 0;
	struct stat st;

	for (uint64_t w = 0; w < words; w++)
		taken += (uint64_t)__builtin_popcountl(base.first[w] & ~base.bits[w]);
	return taken <= most && !host_fstat(base.own, &st) &&
	       (uint64_t)st.st_blocks * 512 <= DROPPED * most * PAGE;
}

/* Restores the content of a page that was taken since base_ready() or base_mark(). */
static void give_back(uint64_t page)
{
	const char *from = view.base + page * PAGE;
	char *to = view.own + page * PAGE;

	if (!memcmp(to, from, PAGE))
		return;
	memcpy(to, from, PAGE);
	base_pages_back++;
}

static void give_back_taken(void)
{
	uint64_t words = (base.pages + WORD - 1) / WORD;

	for (uint64_t w = 0; w < words; w++)
		for (uint64_t taken = base.first[w] & ~base.bits[w]; taken; taken &= taken - 1)
			give_back(w * WORD + (uint64_t)__builtin_ctzll(taken));
}

/* Clears own pages from @page to @end that were no base pages. */
static int clear_run(uint64_t page, uint64_t end)
{
	base_pages_back += end - page;
	if (end - page <= CLEAR_MAX) {
		memset(view.own + page * PAGE, 0, (end - page) * PAGE);
		return 0;
	}
	return fallocate(base.own, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(page * PAGE),
		       (off_t)((end - page) * PAGE)) ?
		       -errno :
		       0;
}

static bool was_base(uint64_t page)
{
	return base.first[page / WORD] >> page % WORD & 1;
}

static int note_run(uint64_t page, uint64_t end)
{
	if (others.nr < RUNS_MAX) {
		others.run[others.nr].page = page;
		others.run[others.nr++].end = end;
	} else {
		others.known = false;
	}
	return clear_run(page, end);
}

static int clear_pages(uint64_t page, uint64_t end)
{
	int err = 0;

	while (page < end && !err) {
		uint64_t stop = page;

		while (stop < end && !was_base(stop))
			stop++;
		err = stop > page ? note_run(page, stop) : 0;
		for (page = stop; page < end && was_base(page);)
			page++;
	}
	return err;
}

static int clear_data(void)
{
	off_t data, hole = 0;
	int err = 0;

	while (!err && (data = lseek(base.own, hole, SEEK_DATA)) >= 0) {
		hole = lseek(base.own, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		err = clear_pages((uint64_t)data / PAGE, ((uint64_t)hole + PAGE - 1) / PAGE);
	}
	return err || errno == ENXIO ? err : -errno;
}

static int clear_others(void)
{
	uint64_t punches = __atomic_load_n(&os_mem_punches, __ATOMIC_RELAXED);
	struct stat st;
	int err = 0;

	if (host_fstat(base.own, &st))
		return -errno;
	if (others.known && others.blocks == st.st_blocks && others.punches == punches) {
		for (int i = 0; i < others.nr && !err; i++)
			err = clear_run(others.run[i].page, others.run[i].end);
		return err;
	}
	others.known = true;
	others.blocks = st.st_blocks;
	others.punches = punches;
	others.nr = 0;
	return clear_data();
}

int base_put_back(void)
{
	base_pages_back = 0;
	give_back_taken();
	return clear_others();
}

const uint64_t *os_base(void)
{
	return base.bits;
}

/* ---- while it runs ---- */

static int copy_to_own(uint64_t page, uint64_t end)
{
	uint64_t at = page * PAGE, to = end * PAGE;

	while (at < to) {
		ssize_t n = host_pwrite(base.own, base.addr + at, to - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		at += (uint64_t)n;
	}
	return 0;
}

/* Updates the number of maps. Called before the bits of a run of base pages are cleared. */
static void count_pieces(uint64_t page, uint64_t end)
{
	uint32_t own = (page && !is_base(page - 1)) + (end < base.pages && !is_base(end));

	base.pieces += 2 - 2 * own;
}

static int take_run(uint64_t page, uint64_t end)
{
	void *p = base.addr + page * PAGE;
	size_t len = (end - page) * PAGE;
	int err;

	if (base.several && mprotect(p, len, PROT_READ))
		return -errno;
	err = copy_to_own(page, end);
	if (!err)
		err = map_own(page, end);
	if (err) {
		mprotect(p, len, PROT_READ | PROT_WRITE);
		return err;
	}
	count_pieces(page, end);
	clear_bits(page, end);
	return 0;
}

static int take_all(uint64_t page, uint64_t end)
{
	uint64_t stop;
	int err = 0;

	for (; !err && (page = next_page(page, end, true)) < end; page = stop) {
		stop = next_page(page, end, false);
		err = take_run(page, stop);
	}
	return err;
}

int os_base_take(uint64_t page, uint64_t n)
{
	int err;

	take_lock();
	err = take_all(page, page + n);
	err = err ? err : (int)base.pieces;
	drop_lock();
	return err;
}

/* True if some pages of the block are base pages, and some are not. */
static bool is_mixed(uint64_t page)
{
	uint64_t end = page + BLOCK < base.pages ? page + BLOCK : base.pages;

	return next_page(page, end, true) < end && next_page(page, end, false) < end;
}

int os_base_merge(void)
{
	static uint64_t at;
	uint64_t tries = base.pages / BLOCK + 1;
	int err;

	while (tries && !is_mixed(at)) {
		at = at + BLOCK < base.pages ? at + BLOCK : 0;
		tries--;
	}
	take_lock();
	err = tries ? take_all(at, at + BLOCK < base.pages ? at + BLOCK : base.pages) : -ENOENT;
	err = err ? err : (int)base.pieces;
	drop_lock();
	return err;
}

int os_base_drop(uint64_t page, uint64_t n)
{
	uint64_t end = page + n, stop;
	int err = 0;

	take_lock();
	for (; !err && (page = next_page(page, end, true)) < end; page = stop) {
		stop = next_page(page, end, false);
		err = map_own(page, stop);
		if (err)
			break;
		count_pieces(page, stop);
		clear_bits(page, stop);
	}
	drop_lock();
	return err;
}

/* The lock is held while pages are replaced, so taking it waits for that. */
bool base_wait(uint64_t addr)
{
	static __thread uint64_t last;
	static __thread int times;

	if (!base.addr || addr - (uint64_t)base.addr >= base.pages * PAGE)
		return false;
	times = addr == last ? times + 1 : 0;
	last = addr;
	if (times > RETRIES)
		return false;
	take_lock();
	drop_lock();
	return true;
}
