/* SPDX-License-Identifier: MIT */
/*
 * save.c: writes the memory of an instance to a file (file.h), while all vCPUs but the
 * caller's are stopped. restore.c reads it.
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
#include "os-linux/state/copy.h"
#include "os-linux/state/early.h"
#include "os-linux/state/older.h"
#include "os-linux/state/pages.h"
#include "os-linux/state/tables.h"

#define RUN_MAX (1u << 20) /* pages */
/*
 * bytes allocated for copies beyond the size that was counted before the stop; with an older state,
 * also the bytes that are faulted in before the stop
 */
#define SPARE (4UL << 20)
/* bytes: a larger memory is written early */
#define EARLY_MIN (64UL << 20)
/* bytes faulted in for the pages that have to be copied in the stop after an early copy */
#define EARLY_REST (16UL << 20)

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
	struct finder find;
	int fd;
	/* the older state, whose equal pages are not written again; or NULL */
	const struct state_older *older;
	uint64_t older_runs; /* number of runs in older files */
	/* pages of the current map that are adjacent and still to be copied to their place */
	uint64_t copy_from, copy_pages;
	bool used[STATE_SOURCES]; /* a run lies in this source */
	bool rehearses;           /* true: rehearse() uses this writer */
	uint64_t at;              /* offset of the next map in the file */
	struct state_map *maps;
	struct state_run *runs;
	uint64_t nr_runs, room;
};
/*
 * Prepared by os_state_prepare() for os_state_save() and os_state_finish(): the folder, the new
 * memory file in it, and the older state.
 */
static struct {
	int dir, file;
	struct state_older older;
	struct file_data data[STATE_FILES];
	bool used[STATE_SOURCES];
	/* true: all is written except copy.c's data */
	bool is_written;
	struct state_header header; /* of the last memory file that was written */
} ready = { .dir = -1, .file = -1 };

static int failed(struct os_state *s, int err, const char *what)
{
	snprintf(s->why, sizeof(s->why), "%.300s: %s", what, strerror(-err));
	return err;
}

/* ---- the file ---- */

/* Adds a run to the tables. Returns 0 or -errno. */
static int add_run(struct writer *w, const struct state_run *run)
{
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
	return 0;
}

/* Copies the pages that gather_copy() has gathered. */
static int copy_gathered(struct writer *w, uint32_t map)
{
	const char *from = (const char *)w->s->map[map].addr + w->copy_from * STATE_PAGE;
	uint64_t n = w->copy_pages * STATE_PAGE;

	w->copy_pages = 0;
	if (!n)
		return 0;
	if (w->rehearses)
		return copy_rehearse(from, n);
	return copy_put(w->fd, from, n, w->maps[map].at + w->copy_from * STATE_PAGE);
}

static int gather_copy(struct writer *w, uint32_t map, uint64_t page)
{
	int err = 0;

	if (w->copy_from + w->copy_pages != page || w->copy_pages == RUN_MAX)
		err = copy_gathered(w, map);
	if (!w->copy_pages)
		w->copy_from = page;
	w->copy_pages++;
	return err;
}

/*
 * In a debug build, ends the process if a page was written and not noted: the state would be wrong.
 */
static void check_early(const struct writer *w, uint64_t number, enum early_page early)
{
#ifdef CONFIG_DEBUG
	const char *page = (const char *)w->s->map[0].addr + number * STATE_PAGE;
	char copy[STATE_PAGE];
	bool same = true;

	if (early == EARLY_ZERO)
		same = page_is_zero(page);
	if (early == EARLY_HERE)
		same = host_pread(w->fd, copy, STATE_PAGE,
			       (off_t)(w->maps[0].at + number * STATE_PAGE)) == STATE_PAGE &&
		       !memcmp(page, copy, STATE_PAGE);
	if (same)
		return;
	fprintf(stderr, "nestling: state: page %lu was written, and that was not noted\n",
		(unsigned long)number);
	abort();
#endif
}

static enum early_page find_early(
	const struct writer *w, uint32_t map, uint64_t number, struct state_place *place)
{
	enum early_page early;

	if (map || w->rehearses || !early_has_begun())
		return EARLY_UNKNOWN;
	early = early_find(w->older, number, place);
	check_early(w, number, early);
	return early;
}

/*
 * Finds the place in a file where the page already is or is to be written. Returns false if the
 * page is zero. Sets *copy to true if the page is still to be written there, else to false.
 */
static bool place_of(const struct writer *w, const struct state_older_maps *maps, uint32_t map,
	uint64_t number, bool same, struct state_place *place, bool *copy)
{
	const char *page = (const char *)w->s->map[map].addr + number * STATE_PAGE;
	enum early_page early = find_early(w, map, number, place);

	*copy = false;
	if (early == EARLY_ZERO)
		return false;
	if (early == EARLY_OLDER && w->older_runs < OLDER_RUNS_MAX) {
		place->source++;
		return true;
	}
	if (early != EARLY_HERE && w->older && w->older_runs < OLDER_RUNS_MAX &&
		state_older_find(w->older, maps, page, number, same, place)) {
		place->source++;
		return true;
	}
	*place = (struct state_place){ .at = w->maps[map].at + number * STATE_PAGE };
	*copy = early != EARLY_HERE && !page_is_zero(page);
	if (!*copy && early != EARLY_HERE)
		return false;
	if (!map && !w->rehearses && early_has_begun())
		early_keep(number);
	return true;
}

/* Appends a page to the run if page and place continue it; else returns false. */
static bool extend(struct state_run *run, uint64_t page, const struct state_place *place)
{
	if (!run->pages || run->page + run->pages != page || run->pages == RUN_MAX ||
		run->source != place->source || run->at + run->pages * STATE_PAGE != place->at)
		return false;
	run->pages++;
	return true;
}

/* Writes the marked pages of a map that are not zero. */
static int write_pages(struct writer *w, uint32_t map, const struct pages *p)
{
	const struct os_state_map *m = &w->s->map[map];
	struct state_older_maps maps = { ~0U, ~0U };
	struct state_run run = { .map = map };
	uint64_t pages = m->len / STATE_PAGE;
	int err = 0;

	if (w->older)
		maps = state_older_maps(w->older, m->addr);
	for (uint64_t page = 0; page < pages && !err; page++) {
		struct state_place place;
		bool copy;

		if (page % 64 == 0 && !p->bits[page / 64]) {
			page |= 63;
			continue;
		}
		if (!is_marked(p->bits, page) ||
			!place_of(w, &maps, map, page, is_marked(p->same, page), &place, &copy))
			continue;
		if (copy)
			err = gather_copy(w, map, page);
		if (!extend(&run, page, &place)) {
			if (run.pages && !err)
				err = add_run(w, &run);
			run = (struct state_run){ map, 1, page, place.at, place.source, 0 };
		}
	}
	if (!err)
		err = copy_gathered(w, map);
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
	err = find_pages(&w->find, m, &p);
	if (!err)
		err = write_pages(w, map, &p);
	free(p.bits);
	w->at += m->len;
	return err;
}

/* Appends a word with its terminator. Returns 0 or -ENOMEM. */
static int append(char **text, size_t *size, const char *word)
{
	size_t n = strlen(word) + 1;
	char *more = realloc(*text, *size + n);

	if (!more)
		return -ENOMEM;
	memcpy(more + *size, word, n);
	*text = more;
	*size += n;
	return 0;
}

/* read by os_state_prepare(), since reading it takes long */
static struct os_cpuinfo cpu;

static int write_tables(struct writer *w, struct state_header *h)
{
	size_t maps = h->nr_maps * sizeof(*w->maps), runs = w->nr_runs * sizeof(*w->runs);
	size_t texts_size = 0;
	char *texts = NULL;
	uint32_t crc;
	int err;

	err = append(&texts, &texts_size, cpu.flags);
	for (h->nr_words = 0; !err && os_argv[h->nr_words]; h->nr_words++)
		err = append(&texts, &texts_size, os_argv[h->nr_words]);
	if (err) {
		free(texts);
		return err;
	}
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
	const struct state_header *older = w->older ? &w->older->t.h : NULL;

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
	ready.header = h;
	return copy_put(w->fd, &h, sizeof(h), 0);
}

static int begin_writer(struct writer *w, struct file_data *data)
{
	int err = finder_begin(&w->find, w->s, data);

	w->at = STATE_PAGE;
	w->maps = calloc(w->s->nr_maps, sizeof(*w->maps));
	return w->maps ? err : -ENOMEM;
}

static void end_writer(struct writer *w)
{
	finder_end(&w->find);
	free(w->maps);
	free(w->runs);
}

int os_state_save(const char *path, struct os_state *s)
{
	struct writer w = {
		.s = s, .fd = ready.file, .older = ready.older.is_open ? &ready.older : NULL
	};
	int err = begin_writer(&w, ready.data);

	if (early_has_begun())
		early_collect();
	if (!err)
		err = write_file(&w);
	end_writer(&w);
	if (err)
		return failed(s, err, path);
	memcpy(ready.used, w.used, sizeof(ready.used));
	ready.is_written = true;
	return 0;
}

const struct state_header *state_written(void)
{
	return &ready.header;
}

int state_each_map(struct os_state *s, state_map_fn *fn)
{
	struct file_data data[STATE_FILES] = { 0 };
	struct writer w = { .s = s };
	int err = begin_writer(&w, data);

	for (uint32_t i = 0; i < s->nr_maps && !err; i++) {
		uint64_t words = s->map[i].len / STATE_PAGE / 64 + 1;
		struct pages p = { 0 };

		if (s->map[i].file < 0)
			continue;
		p.bits = calloc(2 * words, sizeof(*p.bits));
		p.same = p.bits + words;
		err = p.bits ? find_pages(&w.find, &s->map[i], &p) : -ENOMEM;
		if (!err)
			err = fn(i, p.bits);
		free(p.bits);
	}
	finder_forget(data);
	end_writer(&w);
	return err;
}

/*
 * Moves the tables into one block for state_tables_close(). Without memory returns false, and
 * closes @t.
 */
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
	struct file_data data[STATE_FILES] = { 0 };
	struct writer w = { .s = s };
	int err = begin_writer(&w, data);

	memset(t, 0, sizeof(*t));
	for (int i = 0; i < STATE_SOURCES; i++)
		t->fd[i] = -1;
	w.fd = memfd_create("base", MFD_CLOEXEC);
	if (w.fd < 0 && !err)
		err = -errno;
	fill_header(&t->h, s);
	for (uint32_t i = 0; i < s->nr_maps && !err; i++)
		err = write_map(&w, i);
	finder_forget(data);
	/* the file includes holes at its end, since they are mapped */
	if (!err && ftruncate(w.fd, (off_t)w.at))
		err = -errno;
	finder_end(&w.find);
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

/* ---- before the stop ---- */

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/*
 * Makes this process map all of the guest's memory that has data: faulting it in page by page would
 * take longer than reading it.
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

static void remove_file(const char *name)
{
	char path[OS_NAME_AT];

	unlink(os_name_at(path, ready.dir, name));
}

/* Closes and frees what the save has. Called by the worker, or while no worker runs. */
static void drop(void)
{
	copy_drop();
	early_end();
	state_older_close(&ready.older);
	finder_forget(ready.data);
	if (ready.file >= 0) {
		close(ready.file);
		remove_file("memory");
	}
	if (ready.dir >= 0)
		close(ready.dir);
	ready.dir = ready.file = -1;
	ready.is_written = false;
}

/*
 * Opens the folder, the new file in it, and the older state, unless an earlier attempt has done so.
 */
static int open_files(const char *path)
{
	char name[OS_NAME_AT];

	if (ready.file >= 0)
		return 0;
	if (ready.dir < 0)
		ready.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ready.dir < 0)
		return -errno;
	ready.file = open(os_name_at(name, ready.dir, "memory"),
		O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ready.file < 0)
		return -errno;
	state_older_open(&ready.older, ready.dir);
	return 0;
}

/* memory that fits into the caches of a CPU */
#define REHEARSE_MAX (16UL << 20)

/*
 * Reads the data that the stop will read, and writes to the memory that it will write. The stop
 * then takes half the time, since memory, page tables and code are in the CPU's caches.
 */
static void rehearse(struct os_state *s)
{
	struct writer w = { .s = s,
		.fd = -1,
		.older = ready.older.is_open ? &ready.older : NULL,
		.rehearses = true };
	int err = begin_writer(&w, ready.data);

	for (uint32_t i = 0; i < s->nr_maps && !err; i++)
		err = write_map(&w, i);
	end_writer(&w);
	copy_again();
}

/* Returns an upper bound of the instance's memory, in bytes. */
static uint64_t count_bytes(const struct os_state *s)
{
	const struct state_tables *t = state_restored();
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < s->nr_files; i++) {
		struct stat st;

		if (!host_fstat(os_handle_fd(s->file[i]), &st))
			bytes += (uint64_t)st.st_blocks * 512;
	}
	for (uint64_t i = 0; t && i < t->h.nr_runs; i++)
		bytes += (uint64_t)t->runs[i].pages * STATE_PAGE;
	return bytes;
}

/* ns between two checks of the worker that os_state_drop() waits for */
#define WAIT_NS 200000

/* The present job of the worker (work()), of which there is one at a time. */
static struct {
	bool started;
	int ended, err;
	const char *path;
	struct os_state *s;
} job;

static void prepare(void *unused)
{
	uint64_t bytes = count_bytes(job.s);

	os_cpuinfo(&cpu);
	job.err = open_files(job.path);
	/* pages that a restored instance has not touched are not read */
	if (!state_restored())
		touch_memory(job.s);
	if (bytes > EARLY_MIN && !state_restored() && !job.err)
		early_prepare(job.s);
	/* pages that an older state has, or that are written early, need not be copied */
	copy_prepare(bytes + SPARE, early_is_prepared() ? EARLY_REST :
				    ready.older.is_open ? SPARE :
							  bytes);
	if (!job.err && bytes <= REHEARSE_MAX)
		rehearse(job.s);
	__atomic_store_n(&job.ended, 1, __ATOMIC_RELEASE);
}

static void copy_early(void *unused)
{
	struct finder f;

	job.err = finder_begin(&f, job.s, ready.data);
	if (!job.err)
		job.err = early_copy(
			&f, ready.older.is_open ? &ready.older : NULL, ready.file, STATE_PAGE);
	finder_end(&f);
	__atomic_store_n(&job.ended, 1, __ATOMIC_RELEASE);
}

static void complete_file(void *unused)
{
	job.err = early_has_begun() ? early_clean(ready.file, STATE_PAGE) : 0;
	if (!job.err)
		job.err = copy_flush(ready.file);
	if (close(ready.file) && !job.err)
		job.err = -errno;
	ready.file = -1;
	/* remove links to older files that were not needed */
	for (uint32_t i = 1; i < STATE_SOURCES; i++) {
		char name[32];

		snprintf(name, sizeof(name), STATE_OLDER, i);
		if (!ready.used[i])
			remove_file(name);
	}
	if (job.err)
		remove_file("memory");
	drop();
	__atomic_store_n(&job.ended, 1, __ATOMIC_RELEASE);
}

/*
 * Starts the thread for a job, or checks whether the thread has finished. Returns -EINPROGRESS, 0
 * or -errno.
 */
static int work(void (*fn)(void *unused), const char *path, struct os_state *s)
{
	int err;

	if (!job.started) {
		job.started = true;
		job.path = path;
		job.s = s;
		if (os_worker_start("state", fn, NULL))
			fn(NULL);
	}
	if (!__atomic_load_n(&job.ended, __ATOMIC_ACQUIRE))
		return -EINPROGRESS;
	err = job.err;
	memset(&job, 0, sizeof(job));
	return err ? failed(s, err, path) : 0;
}

/*
 * Waits for the worker first, which uses what drop() closes, and would leave open what it opens
 * later.
 */
void os_state_drop(void)
{
	while (job.started && !__atomic_load_n(&job.ended, __ATOMIC_ACQUIRE))
		os_sleep_until(os_clock_mono() + WAIT_NS);
	memset(&job, 0, sizeof(job));
	drop();
}

int os_state_prepare(const char *path, struct os_state *s)
{
	return work(prepare, path, s);
}

int os_state_wants_early(void)
{
	return early_is_prepared() && !early_has_begun();
}

void os_state_early_begin(void)
{
	early_begin();
}

int os_state_early(struct os_state *s)
{
	return work(copy_early, "memory", s);
}

int os_state_finish(struct os_state *s)
{
	return ready.is_written || job.started ? work(complete_file, "memory", s) : 0;
}
