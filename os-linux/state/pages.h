/* SPDX-License-Identifier: MIT */
/*
 * pages.h: finds which pages of the guest's memory may have content, for a save.
 *
 *	finder_begin(&f, s, data)   data: what earlier finders of this save have found out
 *	find_pages(&f, map, &p)     for each map
 *	finder_end(&f)
 *	finder_forget(data)         after the last finder
 *
 * Functions that return int return 0 or -errno. The machine is stopped; otherwise the result is
 * only a hint.
 */
#ifndef NESTLING_OS_STATE_PAGES_H
#define NESTLING_OS_STATE_PAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "os-linux/os.h"
#include "os-linux/state/file.h"

/* which pages of a memory file have data */
struct file_data {
	uint64_t *bits; /* a bit for each page; NULL: not known */
	uint64_t pages;
	/* block count of the file, and os_mem_punches, when bits was made */
	blkcnt_t blocks;
	uint64_t punches;
	bool is_checked; /* true: bits is valid for the finder */
};

struct finder {
	const struct os_state *s;
	struct file_data *data; /* indexed by file: STATE_FILES entries */
	/* /proc/self/pagemap, or -1 if this process maps no state's file */
	int pagemap;
};

/*
 * Bits for the pages of a map: those that may have content, and among them those unchanged since
 * the restore.
 */
struct pages {
	uint64_t *bits;
	uint64_t *same;
};

static inline bool is_marked(const uint64_t *bits, uint64_t page)
{
	return bits[page / 64] >> page % 64 & 1;
}

static inline bool page_is_zero(const char *page)
{
	const uint64_t *w = (const uint64_t *)page;

	for (size_t i = 0; i < STATE_PAGE / sizeof(*w); i += 8)
		if (w[i] | w[i + 1] | w[i + 2] | w[i + 3] | w[i + 4] | w[i + 5] | w[i + 6] |
			w[i + 7])
			return false;
	return true;
}

/*
 * Prepares @f. @s and the STATE_FILES entries of @data, zeroed before the first finder of a save,
 * stay the caller's and must stay valid until finder_end(), which may also follow a failure.
 */
int finder_begin(struct finder *f, const struct os_state *s, struct file_data *data);
/* Closes what finder_begin() has opened. */
void finder_end(struct finder *f);
/* Frees the bits of all entries, and zeroes the entries. */
void finder_forget(struct file_data *data);
/* Sets the bits of @p, which are 0 before: m->len / STATE_PAGE / 64 + 1 words each. */
int find_pages(const struct finder *f, const struct os_state_map *m, struct pages *p);

#endif
