/* SPDX-License-Identifier: MIT */
/*
 * pages.c: see pages.h. The memory file has data where the guest has written; a restored instance
 * also has the pages of its state, and private copies of those that this process has written.
 */
#include "os-linux/state/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/state/tables.h"

static void mark(uint64_t *bits, uint64_t page, uint64_t end)
{
	for (; page < end; page++)
		bits[page / 64] |= 1UL << page % 64;
}

/* Finds which pages of the file have data. Each range costs two host calls. */
static int find_data(int fd, struct file_data *d)
{
	uint64_t end = d->pages * STATE_PAGE, at = 0;

	while (at < end) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			return -errno;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		if ((uint64_t)data >= end)
			break;
		at = (uint64_t)hole < end ? (uint64_t)hole : end;
		mark(d->bits, (uint64_t)data / STATE_PAGE, (at + STATE_PAGE - 1) / STATE_PAGE);
	}
	return 0;
}

/*
 * Makes f->data[@file] valid. The file still has data in the same pages if its block count is
 * unchanged and nothing was given back to the host meanwhile.
 */
static int know_data(const struct finder *f, int64_t file)
{
	struct file_data *d = &f->data[file];
	int fd = os_handle_fd(f->s->file[file]), err;
	uint64_t punches = __atomic_load_n(&os_mem_punches, __ATOMIC_ACQUIRE);
	uint64_t pages = f->s->size[file] / STATE_PAGE;
	struct stat st;

	if (d->is_checked)
		return 0;
	if (host_fstat(fd, &st))
		return -errno;
	if (d->bits && d->blocks == st.st_blocks && d->punches == punches && d->pages == pages) {
		d->is_checked = true;
		return 0;
	}
	free(d->bits);
	*d = (struct file_data){ calloc(pages / 64 + 2, sizeof(*d->bits)), pages, st.st_blocks,
		punches, true };
	err = d->bits ? find_data(fd, d) : -ENOMEM;
	if (err) {
		free(d->bits);
		*d = (struct file_data){ 0 };
	}
	return err;
}

void finder_forget(struct file_data *data)
{
	for (int i = 0; i < STATE_FILES; i++)
		free(data[i].bits);
	memset(data, 0, STATE_FILES * sizeof(*data));
}

/* Marks the pages for which the memory file has data. */
static int mark_data(const struct finder *f, const struct os_state_map *m, uint64_t *bits)
{
	uint64_t first = m->off / STATE_PAGE, n = m->len / STATE_PAGE, words = (n + 63) / 64;
	int err = know_data(f, m->file), shift = (int)(first % 64);
	const uint64_t *from = f->data[m->file].bits + first / 64;

	if (err)
		return err;
	if (first + n > f->data[m->file].pages)
		return -EINVAL;
	for (uint64_t i = 0; i < words; i++)
		bits[i] = shift ? from[i] >> shift | from[i + 1] << (64 - shift) : from[i];
	if (n % 64)
		bits[words - 1] &= (1UL << n % 64) - 1;
	return 0;
}

#define PM_PRESENT (1UL << 63)
#define PM_SWAPPED (1UL << 62)
#define PM_FILE (1UL << 61)

/* Marks the pages that this process has written in its mappings of a state's file. */
static int mark_written(const struct finder *f, const struct os_state_map *m, uint64_t *bits)
{
	uint64_t pages = m->len / STATE_PAGE, buf[512];

	for (uint64_t page = 0; page < pages;) {
		size_t n = pages - page < 512 ? (size_t)(pages - page) : 512;
		ssize_t got = host_pread(f->pagemap, buf, n * sizeof(*buf),
			(off_t)((m->addr / STATE_PAGE + page) * sizeof(*buf)));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || got % (ssize_t)sizeof(*buf))
			return got < 0 ? -errno : -EIO;
		n = (size_t)got / sizeof(*buf);
		for (size_t i = 0; i < n; i++)
			if (buf[i] & (PM_PRESENT | PM_SWAPPED) && !(buf[i] & PM_FILE))
				mark(bits, page + i, page + i + 1);
		page += n;
	}
	return 0;
}

/* Marks the pages that have data in the state that this process continues from. */
static void mark_restored(const struct os_state_map *m, uint64_t *bits)
{
	const struct state_tables *t = state_restored();
	uint32_t map = state_tables_map(t, m->addr);
	uint64_t pages = m->len / STATE_PAGE;

	if (map == ~0U)
		return;
	for (uint64_t i = state_tables_run(t, map, 0); i < t->h.nr_runs; i++) {
		const struct state_run *run = &t->runs[i];
		uint64_t end = run->page + run->pages;

		if (run->map != map)
			break;
		mark(bits, run->page, end < pages ? end : pages);
	}
}

/* Unmarks the pages whose content is not needed. */
static void unmark_skipped(const struct os_state *s, const struct os_state_map *m, uint64_t *bits)
{
	for (uint64_t page = 0; page < m->len / STATE_PAGE; page++) {
		uint64_t i = m->off / STATE_PAGE + page;

		if (page % 64 == 0 && !bits[page / 64])
			page |= 63;
		else if (s->skip[i / 8] >> i % 8 & 1)
			bits[page / 64] &= ~(1UL << page % 64);
	}
}

int find_pages(const struct finder *f, const struct os_state_map *m, struct pages *p)
{
	uint64_t words = m->len / STATE_PAGE / 64 + 1;
	const uint64_t *base = m->file ? NULL : os_base();
	int err = mark_data(f, m, p->bits);

	if (!err && f->pagemap >= 0) {
		err = mark_written(f, m, p->same);
		for (uint64_t i = 0; i < words; i++) {
			uint64_t written = p->same[i];

			p->bits[i] |= written;
			p->same[i] = base && i < words - 1 ? base[i] & ~written : 0;
		}
		mark_restored(m, p->bits);
	}
	if (!err && !m->file && f->s->skip)
		unmark_skipped(f->s, m, p->bits);
	return err;
}

/*
 * Opens the page map, which shows the pages of a state's file that this process has written.
 * Returns 0 or -errno.
 */
static int open_pagemap(struct finder *f)
{
	if (state_restored())
		f->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return state_restored() && f->pagemap < 0 ? -errno : 0;
}

int finder_begin(struct finder *f, const struct os_state *s, struct file_data *data)
{
	for (int i = 0; i < STATE_FILES; i++)
		data[i].is_checked = false;
	*f = (struct finder){ s, data, -1 };
	return open_pagemap(f);
}

void finder_end(struct finder *f)
{
	if (f->pagemap >= 0)
		close(f->pagemap);
	f->pagemap = -1;
}
