/* SPDX-License-Identifier: MIT */
/*
 * state.c: writes the memory of an instance to a file (state_file.h), while all vCPUs but the
 * caller stand still. restore.c reads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "os-linux/internal.h"
#include "os-linux/state_copy.h"
#include "os-linux/state_tables.h"

#define RUN_MAX (1u << 20) /* pages */
/* bytes that are kept besides what was counted before the stop */
#define SPARE (4UL << 20)

void state_build_id(uint8_t *id)
{
	const ElfW(Phdr) *ph = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	size_t n = getauxval(AT_PHNUM);

	memset(id, 0, STATE_BUILD_ID);
	for (size_t i = 0; i < n; i++) {
		const char *p = (const char *)ph[i].p_vaddr, *end = p + ph[i].p_memsz;

		while (ph[i].p_type == PT_NOTE && end - p >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)p;
			const char *name = p + sizeof(*note);
			const char *desc = name + ((note->n_namesz + 3) & ~3u);

			if (note->n_type == NT_GNU_BUILD_ID && !strcmp(name, "GNU") &&
				note->n_descsz == STATE_BUILD_ID)
				memcpy(id, desc, STATE_BUILD_ID);
			p = desc + ((note->n_descsz + 3) & ~3u);
		}
	}
}

/* ---- writing ---- */

struct writer {
	struct os_state *s;
	int fd;
	/* of this process, or -1: it has no maps of a state's file */
	int pagemap;
	/* an older state, of which pages that are alike are not written again; or NULL */
	struct state_tables *older;
	uint64_t older_runs; /* runs that lie in older files */
	/* [i][j]: its source i is source j of the state that this process goes on from */
	bool same_file[STATE_SOURCES][STATE_SOURCES];
	bool used[STATE_SOURCES];
	uint64_t at; /* where the next map goes */
	struct state_map *maps;
	struct state_run *runs;
	uint64_t nr_runs, room;
};
/* the file of os_state_save(), for os_state_finish() */
static int written = -1;

static int failed(struct os_state *s, int err, const char *what)
{
	snprintf(s->why, sizeof(s->why), "%.300s: %s", what, strerror(-err));
	return err;
}

static bool is_zero(const char *page)
{
	const uint64_t *w = (const uint64_t *)page;

	for (size_t i = 0; i < STATE_PAGE / sizeof(*w); i += 8)
		if (w[i] | w[i + 1] | w[i + 2] | w[i + 3] | w[i + 4] | w[i + 5] | w[i + 6] |
			w[i + 7])
			return false;
	return true;
}

/* ---- which pages may have content: a bit for each page of a map ---- */

static void mark(uint64_t *bits, uint64_t page, uint64_t end)
{
	for (; page < end; page++)
		bits[page / 64] |= 1UL << page % 64;
}

/* Marks what the file of the memory has data for. */
static int mark_data(const struct writer *w, const struct os_state_map *m, uint64_t *bits)
{
	int fd = os_handle_fd(w->s->file[m->file]);
	uint64_t at = m->off, end = m->off + m->len;

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
		mark(bits, ((uint64_t)data - m->off) / STATE_PAGE,
			(at - m->off + STATE_PAGE - 1) / STATE_PAGE);
	}
	return 0;
}

#define PM_PRESENT (1UL << 63)
#define PM_SWAPPED (1UL << 62)
#define PM_FILE (1UL << 61)

/* Marks what this process has written where it maps the file of a state. */
static int mark_written(const struct writer *w, const struct os_state_map *m, uint64_t *bits)
{
	uint64_t pages = m->len / STATE_PAGE, buf[512];

	for (uint64_t page = 0; page < pages;) {
		size_t n = pages - page < 512 ? (size_t)(pages - page) : 512;
		ssize_t got = host_pread(w->pagemap, buf, n * sizeof(*buf),
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

/* Marks what the state had that this process goes on from. */
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

/* Drops the pages whose content nobody needs. */
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

/* The pages of a map: those that may have content, and of these, those that are as restored. */
struct pages {
	uint64_t *bits;
	uint64_t *same;
};

static bool is_marked(const uint64_t *bits, uint64_t page)
{
	return bits[page / 64] >> page % 64 & 1;
}

static int find_pages(const struct writer *w, const struct os_state_map *m, struct pages *p)
{
	uint64_t words = m->len / STATE_PAGE / 64 + 1;
	const uint64_t *base = m->file ? NULL : os_base();
	int err = mark_data(w, m, p->bits);

	if (!err && w->pagemap >= 0) {
		err = mark_written(w, m, p->same);
		for (uint64_t i = 0; i < words; i++) {
			uint64_t written = p->same[i];

			p->bits[i] |= written;
			p->same[i] = base && i < words - 1 ? base[i] & ~written : 0;
		}
		mark_restored(m, p->bits);
	}
	if (!err && !m->file && w->s->skip)
		unmark_skipped(w->s, m, p->bits);
	return err;
}

/* ---- pages that an older state has ---- */

/* with more such runs the restore would make too many maps: the rest is written again */
#define OLDER_RUNS_MAX 2000

static bool is_same_file(int a, int b)
{
	struct stat st, other;

	return a >= 0 && b >= 0 && !fstat(a, &st) && !fstat(b, &other) &&
	       st.st_ino == other.st_ino && st.st_dev == other.st_dev;
}

/*
 * What was read of an older file last. A call of the host for each page would cost as much as all
 * the rest; but pages that are not asked for one behind the other are not read ahead.
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

static const char *older_page(int fd, uint64_t at)
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

static bool same_content(int fd, uint64_t at, const char *page)
{
	const char *older = older_page(fd, at);

	return older && !memcmp(older, page, STATE_PAGE);
}

/* The two maps of one address: in the older state, and in the one that this process has. */
struct older_maps {
	uint32_t older, mine;
};

/*
 * Finds a page in the older state. What this process maps from a file and has not written is not
 * read: it is in the older state if that names the same place.
 */
static bool is_older(const struct writer *w, const struct older_maps *maps, const char *page,
	uint64_t number, bool same, struct state_place *place)
{
	struct state_place mine;

	if (!state_tables_find(w->older, maps->older, number, place))
		return false;
	if (same && state_tables_find(state_restored(), maps->mine, number, &mine) &&
		place->at == mine.at && w->same_file[place->source][mine.source])
		return true;
	return same_content(w->older->fd[place->source], place->at, page);
}

/* ---- the file ---- */

static int add_run(struct writer *w, const struct state_run *run)
{
	const struct os_state_map *m = &w->s->map[run->map];

	if (w->nr_runs == w->room) {
		uint64_t room = w->room ? 2 * w->room : 1024;
		struct state_run *more = realloc(w->runs, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->runs = more;
		w->room = room;
	}
	w->runs[w->nr_runs++] = *run;
	w->used[run->source] = true;
	w->older_runs += run->source != 0;
	if (run->source)
		return 0;
	return copy_put(w->fd, (const char *)m->addr + run->page * STATE_PAGE,
		(uint64_t)run->pages * STATE_PAGE, run->at);
}

/* Says where a page goes, or is already. False: it is zero. */
static bool place_of(const struct writer *w, const struct older_maps *maps, uint32_t map,
	uint64_t number, bool same, struct state_place *place)
{
	const char *page = (const char *)w->s->map[map].addr + number * STATE_PAGE;

	if (w->older && w->older_runs < OLDER_RUNS_MAX &&
		is_older(w, maps, page, number, same, place)) {
		place->source++;
		return true;
	}
	*place = (struct state_place){ 0, w->maps[map].at + number * STATE_PAGE };
	return !is_zero(page);
}

/* Appends a page to the run if it goes on there. */
static bool extend(struct state_run *run, uint64_t page, const struct state_place *place)
{
	if (!run->pages || run->page + run->pages != page || run->pages == RUN_MAX ||
		run->source != place->source || run->at + run->pages * STATE_PAGE != place->at)
		return false;
	run->pages++;
	return true;
}

/* Writes the pages of a map that are marked and not zero. */
static int write_pages(struct writer *w, uint32_t map, const struct pages *p)
{
	const struct os_state_map *m = &w->s->map[map];
	struct older_maps maps = { ~0U, ~0U };
	struct state_run run = { .map = map };
	uint64_t pages = m->len / STATE_PAGE;
	int err = 0;

	if (w->older) {
		maps.older = state_tables_map(w->older, m->addr);
		maps.mine = state_restored() ? state_tables_map(state_restored(), m->addr) : ~0U;
	}
	for (uint64_t page = 0; page < pages && !err; page++) {
		struct state_place place;

		if (page % 64 == 0 && !p->bits[page / 64])
			page |= 63;
		else if (is_marked(p->bits, page) &&
			 place_of(w, &maps, map, page, is_marked(p->same, page), &place) &&
			 !extend(&run, page, &place)) {
			if (run.pages)
				err = add_run(w, &run);
			run = (struct state_run){ map, 1, page, place.at, place.source, 0 };
		}
	}
	return !err && run.pages ? add_run(w, &run) : err;
}

static int write_map(struct writer *w, uint32_t map)
{
	const struct os_state_map *m = &w->s->map[map];
	uint64_t words = m->len / STATE_PAGE / 64 + 1;
	struct pages p;
	int err;

	w->maps[map] = (struct state_map){ m->addr, m->len, m->file, m->off, w->at };
	if (m->file < 0)
		return 0;
	p.bits = calloc(2 * words, sizeof(*p.bits));
	if (!p.bits)
		return -ENOMEM;
	p.same = p.bits + words;
	err = find_pages(w, m, &p);
	if (!err)
		err = write_pages(w, map, &p);
	free(p.bits);
	w->at += m->len;
	return err;
}

static void append(char **text, size_t *size, const char *word)
{
	size_t n = strlen(word) + 1;
	char *more = realloc(*text, *size + n);

	if (!more)
		return;
	memcpy(more + *size, word, n);
	*text = more;
	*size += n;
}

/* Read by os_state_prepare(), since that takes its time. */
static struct os_cpuinfo cpu;

static int write_tables(struct writer *w, struct state_header *h)
{
	size_t maps = h->nr_maps * sizeof(*w->maps), runs = w->nr_runs * sizeof(*w->runs);
	size_t texts_size = 0;
	char *texts = NULL;
	uint32_t crc;
	int err;

	append(&texts, &texts_size, cpu.flags);
	for (h->nr_words = 0; os_argv[h->nr_words]; h->nr_words++)
		append(&texts, &texts_size, os_argv[h->nr_words]);
	h->nr_runs = w->nr_runs;
	h->tables_at = w->at;
	h->texts_size = (uint32_t)texts_size;
	h->size = w->at + maps + runs + texts_size;
	crc = (uint32_t)crc32(0, (const void *)w->maps, (uInt)maps);
	crc = (uint32_t)crc32_z(crc, (const void *)w->runs, runs);
	h->tables_crc = (uint32_t)crc32(crc, (const void *)texts, (uInt)texts_size);
	err = copy_put(w->fd, w->maps, maps, w->at);
	if (!err)
		err = copy_put(w->fd, w->runs, runs, w->at + maps);
	if (!err)
		err = copy_put(w->fd, texts, texts_size, w->at + maps + runs);
	free(texts);
	return err;
}

static void fill_header(struct state_header *h, const struct os_state *s)
{
	memcpy(h->magic, STATE_MAGIC, sizeof(h->magic));
	h->version = STATE_VERSION;
	state_build_id(h->build_id);
	h->ncpus = s->ncpus;
	h->nr_files = s->nr_files;
	h->nr_maps = s->nr_maps;
	memcpy(h->file_size, s->size, sizeof(h->file_size));
	memcpy(h->sp, s->sp, sizeof(h->sp));
	h->stub_base = s->stub_base;
	h->xfeatures = s->xfeatures;
	h->xstate_size = s->xstate_size;
	h->mono = os_clock_mono();
	h->boot = os_clock_boot();
	h->raw = os_clock_raw();
	h->real = os_clock_real();
}

_Static_assert(sizeof(struct state_header) <= STATE_PAGE, "one page");

static void fill_sources(struct state_header *h, const struct writer *w)
{
	const struct state_header *older = w->older ? &w->older->h : NULL;

	if (w->used[1])
		h->source[1] = (struct state_source){ older->size, older->header_crc, 0 };
	for (int i = 2; i < STATE_SOURCES; i++)
		if (w->used[i])
			h->source[i] = older->source[i - 1];
}

static int write_file(struct writer *w)
{
	struct state_header h = { 0 };
	int err = 0;

	fill_header(&h, w->s);
	for (uint32_t i = 0; i < w->s->nr_maps && !err; i++)
		err = write_map(w, i);
	fill_sources(&h, w);
	if (!err)
		err = write_tables(w, &h);
	if (err)
		return err;
	h.header_crc = (uint32_t)crc32(0, (const void *)&h, sizeof(h));
	w->s->bytes = h.size;
	return copy_put(w->fd, &h, sizeof(h), 0);
}

/* Opens what the files of this process and of an older state are compared by. */
static int open_others(struct writer *w, int dir, struct state_tables *older)
{
	if (state_tables_open(older, dir, "memory.1", 1) &&
		!older->h.source[STATE_SOURCES - 1].size)
		w->older = older;
	for (int i = 0; w->older && state_restored() && i < STATE_SOURCES; i++)
		for (int j = 0; j < STATE_SOURCES; j++)
			w->same_file[i][j] = is_same_file(older->fd[i], state_restored()->fd[j]);
	w->maps = calloc(w->s->nr_maps, sizeof(*w->maps));
	if (!w->maps)
		return -ENOMEM;
	if (state_restored())
		w->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return state_restored() && w->pagemap < 0 ? -errno : 0;
}

static void remove_in(int dir, const char *name)
{
	char path[OS_NAME_AT];

	unlink(os_name_at(path, dir, name));
}

/* Removes the links to older files that were not needed. */
static void drop_unused(const struct writer *w, int dir)
{
	for (uint32_t i = 1; i < STATE_SOURCES; i++) {
		char name[32];

		snprintf(name, sizeof(name), STATE_OLDER, i);
		if (!w->used[i])
			remove_in(dir, name);
	}
}

static int save_to(struct os_state *s, int dir, const char *path)
{
	struct writer w = { .s = s, .pagemap = -1, .at = STATE_PAGE };
	char name[OS_NAME_AT];
	struct state_tables older;
	int err;

	memset(&ahead, 0, offsetof(typeof(ahead), buf));
	w.fd = open(os_name_at(name, dir, "memory"),
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w.fd < 0)
		return failed(s, -errno, path);
	err = open_others(&w, dir, &older);
	if (!err)
		err = write_file(&w);
	if (!err)
		drop_unused(&w, dir);
	state_tables_close(&older);
	if (w.pagemap >= 0)
		close(w.pagemap);
	free(w.maps);
	free(w.runs);
	if (err) {
		copy_drop();
		close(w.fd);
		remove_in(dir, "memory");
		return failed(s, err, path);
	}
	written = w.fd;
	return 0;
}

/* Moves the tables into one block, as state_tables_close() frees it. */
static bool keep_tables(struct writer *w, struct state_tables *t)
{
	size_t maps = w->s->nr_maps * sizeof(*w->maps), runs = w->nr_runs * sizeof(*w->runs);
	char *all = malloc(maps + runs);

	if (all) {
		memcpy(all, w->maps, maps);
		memcpy(all + maps, w->runs, runs);
	}
	free(w->maps);
	free(w->runs);
	t->maps = (void *)all;
	t->runs = (void *)(all + maps);
	if (!all)
		state_tables_close(t);
	return all;
}

int state_copy_to_memory(struct os_state *s, struct state_tables *t)
{
	struct writer w = { .s = s, .pagemap = -1, .at = STATE_PAGE };
	int err;

	memset(t, 0, sizeof(*t));
	for (int i = 0; i < STATE_SOURCES; i++)
		t->fd[i] = -1;
	w.fd = memfd_create("base", MFD_CLOEXEC);
	w.maps = calloc(s->nr_maps, sizeof(*w.maps));
	err = w.fd < 0 ? -errno : w.maps ? 0 : -ENOMEM;
	if (!err && state_restored()) {
		w.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		err = w.pagemap < 0 ? -errno : 0;
	}
	fill_header(&t->h, s);
	for (uint32_t i = 0; i < s->nr_maps && !err; i++)
		err = write_map(&w, i);
	/* holes at the end must be in the file: they are mapped */
	if (!err && ftruncate(w.fd, (off_t)w.at))
		err = -errno;
	if (w.pagemap >= 0)
		close(w.pagemap);
	if (err) {
		if (w.fd >= 0)
			close(w.fd);
		free(w.maps);
		free(w.runs);
		return failed(s, err, "the memory cannot be copied");
	}
	t->fd[0] = w.fd;
	t->h.nr_runs = w.nr_runs;
	return keep_tables(&w, t) ? 0 : failed(s, -ENOMEM, "the memory cannot be copied");
}

int os_state_save(const char *path, struct os_state *s)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (dir < 0)
		return failed(s, -errno, path);
	err = save_to(s, dir, path);
	close(dir);
	return err;
}

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/*
 * Has this process map all of the guest's memory that there is: to fault it in page by page would
 * take longer than to read it.
 */
static void touch_memory(const struct os_state *s)
{
	int fd = os_handle_fd(s->file[0]);
	const struct os_state_map *m = &s->map[0];
	off_t data, hole = 0;

	while ((data = lseek(fd, hole, SEEK_DATA)) >= 0 && (hole = lseek(fd, data, SEEK_HOLE)) >= 0)
		madvise((void *)(m->addr + (uint64_t)data), (size_t)(hole - data),
			MADV_POPULATE_READ);
}

/* A page that an older state has need not be copied. */
void os_state_prepare(const char *dir, struct os_state *s)
{
	const struct state_tables *t = state_restored();
	uint64_t bytes = 0;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/memory.1", dir);
	os_cpuinfo(&cpu);

	for (uint32_t i = 0; i < s->nr_files; i++) {
		struct stat st;

		if (!fstat(os_handle_fd(s->file[i]), &st))
			bytes += (uint64_t)st.st_blocks * 512;
	}
	for (uint64_t i = 0; t && i < t->h.nr_runs; i++)
		bytes += (uint64_t)t->runs[i].pages * STATE_PAGE;
	/* what a restored instance has not touched is not read */
	if (!t)
		touch_memory(s);
	copy_prepare(bytes + SPARE, access(path, F_OK) ? bytes : SPARE);
}

void os_state_drop(void)
{
	copy_drop();
}

/* the host thread that completes the file: whether it was started, and has ended with what */
static struct {
	bool started;
	int ended, err;
} completion;

static void complete_file(void *unused)
{
	completion.err = copy_flush(written);
	if (close(written) && !completion.err)
		completion.err = -errno;
	__atomic_store_n(&completion.ended, 1, __ATOMIC_RELEASE);
}

int os_state_finish(struct os_state *s)
{
	int err;

	if (written < 0)
		return 0;
	if (!completion.started) {
		completion.started = true;
		if (os_worker_start("state", complete_file, NULL))
			complete_file(NULL);
	}
	if (!__atomic_load_n(&completion.ended, __ATOMIC_ACQUIRE))
		return -EINPROGRESS;
	err = completion.err;
	memset(&completion, 0, sizeof(completion));
	written = -1;
	return err ? failed(s, err, "memory") : 0;
}
