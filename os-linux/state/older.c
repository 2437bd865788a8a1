/* SPDX-License-Identifier: MIT */
/* older.c: see older.h. One save at a time uses it. */
#include "os-linux/state/older.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "os-linux/internal.h"

/* an older state of at most this size is read whole, since it fits into the caches of a CPU */
#define WHOLE_MAX (16UL << 20)

/* ---- reading a part at a time ---- */

/*
 * The part of an older file that was read last. A host call for each page would cost as much as all
 * other work. There is no read-ahead when pages are requested in no sequence.
 */
#define AHEAD_MAX (64 * STATE_PAGE)
static struct {
	int fd;
	uint64_t at;
	size_t len, next;
	char buf[AHEAD_MAX];
} ahead;

static bool is_read(int fd, uint64_t at)
{
	return fd == ahead.fd && at >= ahead.at && at + STATE_PAGE <= ahead.at + ahead.len;
}

static const char *page_ahead(int fd, uint64_t at)
{
	bool goes_on = fd == ahead.fd && at == ahead.at + ahead.len;
	size_t n = goes_on && ahead.next ? ahead.next : STATE_PAGE;
	ssize_t got;

	if (is_read(fd, at))
		return ahead.buf + (at - ahead.at);
	got = host_pread(fd, ahead.buf, n, (off_t)at);
	ahead.fd = fd;
	ahead.at = at;
	ahead.len = got < 0 ? 0 : (size_t)got;
	ahead.next = 2 * n < AHEAD_MAX ? 2 * n : AHEAD_MAX;
	return is_read(fd, at) ? ahead.buf : NULL;
}

/* ---- reading all ---- */

static bool read_run(const struct state_older *o, const struct state_run *run, char *to)
{
	uint64_t size = (uint64_t)run->pages * STATE_PAGE, done = 0;

	while (done < size) {
		ssize_t got = host_pread(
			o->t.fd[run->source], to + done, size - done, (off_t)(run->at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (uint64_t)got;
	}
	return true;
}

static void drop_pages(struct state_older *o)
{
	if (o->pages)
		munmap(o->pages, o->size);
	free(o->first);
	o->pages = NULL;
	o->first = NULL;
}

static void read_all(struct state_older *o)
{
	uint64_t size = 0, n = o->t.h.nr_runs;
	void *p;

	for (uint64_t i = 0; i < n && size <= WHOLE_MAX; i++)
		size += (uint64_t)o->t.runs[i].pages * STATE_PAGE;
	if (!size || size > WHOLE_MAX)
		return;
	o->first = calloc(n, sizeof(*o->first));
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	o->pages = p == MAP_FAILED ? NULL : p;
	o->size = size;
	if (!o->first || !o->pages) {
		drop_pages(o);
		return;
	}
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_HUGEPAGE);
	size = 0;
	for (uint64_t i = 0; i < n; i++) {
		o->first[i] = size;
		if (!read_run(o, &o->t.runs[i], o->pages + size)) {
			drop_pages(o);
			return;
		}
		size += (uint64_t)o->t.runs[i].pages * STATE_PAGE;
	}
}

/* ---- the whole ---- */

static bool is_same_file(int a, int b)
{
	struct stat st, other;

	return a >= 0 && b >= 0 && !host_fstat(a, &st) && !host_fstat(b, &other) &&
	       st.st_ino == other.st_ino && st.st_dev == other.st_dev;
}

void state_older_open(struct state_older *o, int dir)
{
	memset(o, 0, sizeof(*o));
	memset(&ahead, 0, offsetof(typeof(ahead), buf));
	/*
	 * A state that uses all source numbers cannot be used: its file becomes source 1 of the new
	 * state, and the number of each of its sources grows by one.
	 */
	if (!state_tables_open(&o->t, dir, "memory.1", 1) ||
		o->t.h.source[STATE_SOURCES - 1].size) {
		state_tables_close(&o->t);
		return;
	}
	o->is_open = true;
	for (int i = 0; state_restored() && i < STATE_SOURCES; i++)
		for (int j = 0; j < STATE_SOURCES; j++)
			o->same_file[i][j] = is_same_file(o->t.fd[i], state_restored()->fd[j]);
	read_all(o);
}

void state_older_close(struct state_older *o)
{
	if (!o->is_open)
		return;
	drop_pages(o);
	state_tables_close(&o->t);
	o->is_open = false;
}

struct state_older_maps state_older_maps(const struct state_older *o, uint64_t addr)
{
	return (struct state_older_maps){
		.older = o->is_open ? state_tables_map(&o->t, addr) : ~0U,
		.mine = o->is_open && state_restored() ? state_tables_map(state_restored(), addr) :
							 ~0U,
	};
}

static const char *older_page(const struct state_older *o, const struct state_place *place)
{
	if (o->pages)
		return o->pages + o->first[place->run] + (place->at - o->t.runs[place->run].at);
	return page_ahead(o->t.fd[place->source], place->at);
}

bool state_older_find(const struct state_older *o, const struct state_older_maps *maps,
	const char *page, uint64_t number, bool same, struct state_place *place)
{
	struct state_place mine;
	const char *older;

	if (!state_tables_find(&o->t, maps->older, number, place))
		return false;
	if (same && state_tables_find(state_restored(), maps->mine, number, &mine) &&
		place->at == mine.at && o->same_file[place->source][mine.source])
		return true;
	older = older_page(o, place);
	return older && !memcmp(older, page, STATE_PAGE);
}
