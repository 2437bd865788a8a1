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
#include "os-linux/state_file.h"

#define RUN_MAX (1u << 20) /* pages */

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

static int write_all(int fd, const void *from, size_t n, uint64_t at)
{
	while (n) {
		ssize_t done = pwrite(fd, from, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENOSPC;
		from = (const char *)from + done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
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
		ssize_t got = pread(w->pagemap, buf, n * sizeof(*buf),
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

/* Drops the pages whose content nobody needs. */
static void unmark_skipped(const struct os_state *s, const struct os_state_map *m, uint64_t *bits)
{
	for (uint64_t page = 0; page < m->len / STATE_PAGE; page++) {
		uint64_t i = m->off / STATE_PAGE + page;

		if (s->skip[i / 8] >> i % 8 & 1)
			bits[page / 64] &= ~(1UL << page % 64);
	}
}

static int find_pages(const struct writer *w, const struct os_state_map *m, uint64_t *bits)
{
	int err = mark_data(w, m, bits);

	if (!err && w->pagemap >= 0) {
		err = mark_written(w, m, bits);
		state_mark_restored(m->addr, bits, m->len / STATE_PAGE);
	}
	if (!err && !m->file && w->s->skip)
		unmark_skipped(w->s, m, bits);
	return err;
}

/* ---- the file ---- */

static int add_run(struct writer *w, uint32_t map, uint64_t page, uint64_t end)
{
	const struct os_state_map *m = &w->s->map[map];

	if (w->nr_runs == w->room) {
		uint64_t room = w->room ? 2 * w->room : 1024;
		struct state_run *more = realloc(w->runs, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->runs = more;
		w->room = room;
	}
	w->runs[w->nr_runs++] =
		(struct state_run){ .map = map, .pages = (uint32_t)(end - page), .page = page };
	return write_all(w->fd, (const char *)m->addr + page * STATE_PAGE,
		(end - page) * STATE_PAGE, w->maps[map].at + page * STATE_PAGE);
}

/* Writes the pages of a map that are marked and not zero. */
static int write_pages(struct writer *w, uint32_t map, const uint64_t *bits)
{
	const struct os_state_map *m = &w->s->map[map];
	uint64_t start = 0, pages = m->len / STATE_PAGE;
	int err = 0;

	for (uint64_t page = 0; page < pages && !err; page++) {
		if (page % 64 == 0 && !bits[page / 64] && page == start) {
			page += 63;
			start = page + 1;
			continue;
		}
		bool wanted = bits[page / 64] >> page % 64 & 1 &&
			      !is_zero((const char *)m->addr + page * STATE_PAGE);

		if (wanted && page - start < RUN_MAX)
			continue;
		if (page > start)
			err = add_run(w, map, start, page);
		start = wanted ? page : page + 1;
	}
	if (!err && pages > start)
		err = add_run(w, map, start, pages);
	return err;
}

static int write_map(struct writer *w, uint32_t map)
{
	const struct os_state_map *m = &w->s->map[map];
	uint64_t *bits;
	int err;

	w->maps[map] = (struct state_map){ m->addr, m->len, m->file, m->off, w->at };
	if (m->file < 0)
		return 0;
	bits = calloc(m->len / STATE_PAGE / 64 + 1, sizeof(*bits));
	if (!bits)
		return -ENOMEM;
	err = find_pages(w, m, bits);
	if (!err)
		err = write_pages(w, map, bits);
	free(bits);
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

static int write_tables(struct writer *w, struct state_header *h)
{
	struct os_cpuinfo *cpu = calloc(1, sizeof(*cpu));
	size_t maps = h->nr_maps * sizeof(*w->maps), runs = w->nr_runs * sizeof(*w->runs);
	size_t texts_size = 0;
	char *texts = NULL;
	uint32_t crc;
	int err;

	if (!cpu)
		return -ENOMEM;
	os_cpuinfo(cpu);
	append(&texts, &texts_size, cpu->flags);
	free(cpu);
	for (h->nr_words = 0; os_argv[h->nr_words]; h->nr_words++)
		append(&texts, &texts_size, os_argv[h->nr_words]);
	h->nr_runs = w->nr_runs;
	h->tables_at = w->at;
	h->texts_size = (uint32_t)texts_size;
	h->size = w->at + maps + runs + texts_size;
	crc = (uint32_t)crc32(0, (const void *)w->maps, (uInt)maps);
	crc = (uint32_t)crc32_z(crc, (const void *)w->runs, runs);
	h->tables_crc = (uint32_t)crc32(crc, (const void *)texts, (uInt)texts_size);
	err = write_all(w->fd, w->maps, maps, w->at);
	if (!err)
		err = write_all(w->fd, w->runs, runs, w->at + maps);
	if (!err)
		err = write_all(w->fd, texts, texts_size, w->at + maps + runs);
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

static int write_file(struct writer *w)
{
	struct state_header h = { 0 };
	int err = 0;

	fill_header(&h, w->s);
	for (uint32_t i = 0; i < w->s->nr_maps && !err; i++)
		err = write_map(w, i);
	if (!err)
		err = write_tables(w, &h);
	if (err)
		return err;
	h.header_crc = (uint32_t)crc32(0, (const void *)&h, sizeof(h));
	w->s->bytes = h.size;
	return write_all(w->fd, &h, sizeof(h), 0);
}

int os_state_save(const char *dir, struct os_state *s)
{
	struct writer w = { .s = s, .pagemap = -1, .at = STATE_PAGE };
	char path[PATH_MAX];
	int err;

	if ((size_t)snprintf(path, sizeof(path), "%s/memory", dir) >= sizeof(path))
		return failed(s, -ENAMETOOLONG, dir);
	w.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w.fd < 0)
		return failed(s, -errno, path);
	w.maps = calloc(s->nr_maps, sizeof(*w.maps));
	err = w.maps ? 0 : -ENOMEM;
	if (!err && os_restored()) {
		w.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		err = w.pagemap < 0 ? -errno : 0;
	}
	if (!err)
		err = write_file(&w);
	if (w.pagemap >= 0)
		close(w.pagemap);
	free(w.maps);
	free(w.runs);
	if (err) {
		close(w.fd);
		unlink(path);
		return failed(s, err, path);
	}
	written = w.fd;
	return 0;
}

int os_state_finish(struct os_state *s)
{
	int err = close(written) ? -errno : 0;

	written = -1;
	return err ? failed(s, err, "memory") : 0;
}
