/* SPDX-License-Identifier: MIT */
/*
 * put_back_saved.c: goes back in place to a state that this process has saved itself (put_back.c).
 *
 * The save does no work for this: it makes neither a base nor a list of written pages. Going back
 * reads the state's files, compares each page of the memory with them, and copies what differs. For
 * the few megabytes of a small instance that takes less time than exec, which has to set up a
 * process. Larger instances go back by exec.
 *
 *	saved_mark()         the state that was just written becomes the one to go back to
 *	saved_can_go_back()  the machine runs: opens the files of the state
 *	saved_put_back()     the machine is stopped: compares and copies
 *
 * Locks: none, as in put_back.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/state/pages.h"
#include "os-linux/state/tables.h"

/* most pages of a state, and of this process's memory files, for a return in place */
#define STATE_MAX 4096UL
#define HAVE_MAX 16384UL
/* from this number of adjacent pages on, pages are given back to the host instead of cleared */
#define CLEAR_MAX 512UL

static struct {
	/* handles of this instance's memory files */
	int file[STATE_FILES];
	struct state_header h;
	struct state_tables t; /* valid while is_open */
	bool is_open;
	struct os_state_map *maps; /* of the state, for state_each_map() */
	uint64_t pages_back;
} saved;

const struct state_header *saved_mark(const struct os_state *s)
{
	saved.h = *state_written();
	memcpy(saved.file, s->file, sizeof(saved.file));
	return &saved.h;
}

static void close_files(void)
{
	if (saved.is_open)
		state_tables_close(&saved.t);
	free(saved.maps);
	saved.maps = NULL;
	saved.is_open = false;
}

/* ---- while the machine runs ---- */

static bool has_few_pages(const struct state_tables *t)
{
	uint64_t pages = 0;

	for (uint64_t i = 0; i < t->h.nr_runs; i++)
		pages += t->runs[i].pages;
	return pages <= STATE_MAX;
}

static bool make_maps(void)
{
	const struct state_tables *t = &saved.t;

	saved.maps = calloc(t->h.nr_maps, sizeof(*saved.maps));
	for (uint32_t i = 0; saved.maps && i < t->h.nr_maps; i++)
		saved.maps[i] = (struct os_state_map){ t->maps[i].addr, t->maps[i].len,
			t->maps[i].file, t->maps[i].off };
	return saved.maps;
}

/* True if the memory files have few pages: each will be compared or cleared. */
static bool is_small(void)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < saved.h.nr_files; i++) {
		struct stat st;

		if (host_fstat(os_handle_fd(saved.file[i]), &st))
			return false;
		pages += (uint64_t)st.st_blocks * 512 / STATE_PAGE;
	}
	return pages <= HAVE_MAX;
}

bool saved_can_go_back(const char *dir)
{
	int fd = is_small() ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool can;

	close_files();
	if (fd < 0)
		return false;
	can = state_tables_open(&saved.t, fd, "memory", 0);
	saved.is_open = true;
	close(fd);
	can = can && saved.t.h.header_crc == saved.h.header_crc &&
	      !memcmp(&saved.t.h, &saved.h, sizeof(saved.h)) && has_few_pages(&saved.t) &&
	      make_maps();
	if (!can)
		close_files();
	return can;
}

void saved_forget(void)
{
	close_files();
}

/* ---- while the machine is stopped ---- */

/*
 * Gives @n pages back to the host if they are many and this instance has booted, so that no file of
 * a state has their content. Returns false if they have to be cleared instead.
 */
static bool drop_pages(const struct os_state_map *m, uint64_t page, uint64_t n)
{
	return n >= CLEAR_MAX && !state_restored() &&
	       !os_mem_punch(saved.file[m->file], m->off + page * STATE_PAGE, n * STATE_PAGE);
}

static bool has_data(const uint64_t *bits, uint64_t page)
{
	return bits[page / 64] >> page % 64 & 1;
}

/* Clears the pages with data from @page to @end, which the state does not have. */
static void clear(const struct os_state_map *m, const uint64_t *bits, uint64_t page, uint64_t end)
{
	while (page < end) {
		uint64_t stop = page;

		if (page % 64 == 0 && !bits[page / 64]) {
			page += 64;
			continue;
		}
		while (stop < end && has_data(bits, stop))
			stop++;
		saved.pages_back += stop - page;
		if (stop > page && !drop_pages(m, page, stop - page))
			for (; page < stop; page++) {
				char *at = (char *)m->addr + page * STATE_PAGE;

				if (!page_is_zero(at))
					memset(at, 0, STATE_PAGE);
			}
		page = stop + 1;
	}
}

/*
 * Part of a state's file. It is read in pieces that the CPU's caches hold: to map the file and to
 * unmap it would take longer, and to read it over the memory would make each page of a restored
 * instance a private copy.
 */
static char piece[16 * STATE_PAGE];

static int read_piece(int fd, size_t n, uint64_t at)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = host_pread(fd, piece + done, n - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		done += (size_t)got;
	}
	return 0;
}

/* Restores the pages of a run that differ, and counts them. Returns 0 or -errno. */
static int copy_run(const struct os_state_map *m, const struct state_run *run)
{
	uint64_t left = run->pages * (uint64_t)STATE_PAGE, at = run->at;
	char *to = (char *)m->addr + run->page * STATE_PAGE;
	int err = 0;

	while (left && !err) {
		size_t n = left < sizeof(piece) ? left : sizeof(piece);

		err = read_piece(saved.t.fd[run->source], n, at);
		for (size_t i = 0; i < n && !err; i += STATE_PAGE) {
			if (!memcmp(to + i, piece + i, STATE_PAGE))
				continue;
			memcpy(to + i, piece + i, STATE_PAGE);
			saved.pages_back++;
		}
		to += n;
		at += n;
		left -= n;
	}
	return err;
}

static int put_back_map(uint32_t map, const uint64_t *bits)
{
	const struct os_state_map *m = &saved.maps[map];
	const struct state_tables *t = &saved.t;
	uint64_t page = 0;
	int err = 0;

	for (uint64_t i = state_tables_run(t, map, 0); i < t->h.nr_runs && !err; i++) {
		const struct state_run *run = &t->runs[i];

		if (run->map != map)
			break;
		clear(m, bits, page, run->page);
		err = copy_run(m, run);
		page = run->page + run->pages;
	}
	clear(m, bits, page, m->len / STATE_PAGE);
	return err;
}

int saved_put_back(uint64_t *pages)
{
	struct os_state s = {
		.nr_files = saved.h.nr_files, .nr_maps = saved.h.nr_maps, .map = saved.maps
	};
	int err;

	if (!saved.is_open)
		return -EINVAL;
	memcpy(s.file, saved.file, sizeof(s.file));
	memcpy(s.size, saved.h.file_size, sizeof(s.size));
	saved.pages_back = 0;
	err = state_each_map(&s, put_back_map);
	close_files();
	*pages = saved.pages_back;
	return err;
}
