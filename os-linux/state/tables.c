/* SPDX-License-Identifier: MIT */
/* tables.c: the tables of a state's memory, read from a file that is not trusted. */
#include "os-linux/state/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "os-linux/internal.h"

static bool __attribute__((format(printf, 2, 3)))
bad(struct state_tables *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->why, sizeof(t->why), format, args);
	va_end(args);
	return false;
}

static bool read_all(struct state_tables *t, int fd, void *to, size_t n, uint64_t at)
{
	while (n) {
		ssize_t done = host_pread(fd, to, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return bad(t, "memory: %s", strerror(errno));
		if (!done)
			return bad(t, "memory: the file is cut off");
		to = (char *)to + done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return true;
}

static void id_text(const uint8_t *id, char *text)
{
	for (int i = 0; i < STATE_BUILD_ID; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
}

static bool check_build(struct state_tables *t, const struct state_header *h)
{
	uint8_t own[STATE_BUILD_ID];
	char a[2 * STATE_BUILD_ID + 1], b[2 * STATE_BUILD_ID + 1];

	state_build_id(own);
	if (!memcmp(own, h->build_id, STATE_BUILD_ID))
		return true;
	id_text(h->build_id, a);
	id_text(own, b);
	return bad(t, "saved by another build of the kernel (build id %s; this one is %s)", a, b);
}

/* Opens a file of a state and reads its header. Returns a descriptor, or -1 with t->why. */
static int open_file(struct state_tables *t, int dirfd, const char *name, struct state_header *h)
{
	char path[OS_NAME_AT];
	int fd =
		open(os_name_at(path, dirfd, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	uint32_t crc;
	bool good;

	if (fd < 0 || host_fstat(fd, &st)) {
		bad(t, "%s: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid)) {
		bad(t, "%s: not a regular file of this user", name);
		close(fd);
		return -1;
	}
	good = read_all(t, fd, h, sizeof(*h), 0);
	if (good && memcmp(h->magic, STATE_MAGIC, sizeof(h->magic)))
		good = bad(t, "%s: not a saved state", name);
	if (good && h->version != STATE_VERSION)
		good = bad(t, "%s: version %u of the format, this kernel has %d", name, h->version,
			STATE_VERSION);
	good = good && check_build(t, h);
	crc = h->header_crc;
	h->header_crc = 0;
	if (good && crc != crc32(0, (const void *)h, sizeof(*h)))
		good = bad(t, "%s: the header is damaged", name);
	h->header_crc = crc;
	if (good && h->size != (uint64_t)st.st_size)
		good = bad(t, "%s: %llu bytes long, not %llu", name, (unsigned long long)st.st_size,
			(unsigned long long)h->size);
	if (!good) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool check_header(struct state_tables *t)
{
	const struct state_header *h = &t->h;

	if (!h->ncpus || h->ncpus > STATE_CPUS || h->nr_files > STATE_FILES ||
		h->nr_maps > STATE_MAX_MAPS || h->nr_runs > STATE_MAX_RUNS || !h->texts_size ||
		h->texts_size > STATE_MAX_TEXTS || h->nr_words > h->texts_size ||
		h->tables_at > h->size ||
		h->size - h->tables_at != h->nr_maps * sizeof(struct state_map) +
						  h->nr_runs * sizeof(struct state_run) +
						  h->texts_size)
		return bad(t, "memory: the header is damaged");
	return true;
}

static bool read_tables(struct state_tables *t)
{
	size_t maps = t->h.nr_maps * sizeof(*t->maps), runs = t->h.nr_runs * sizeof(*t->runs);
	size_t size = maps + runs + t->h.texts_size;
	char *all = malloc(size);

	if (!all)
		return bad(t, "no memory for its tables");
	t->maps = (void *)all;
	t->runs = (void *)(all + maps);
	t->texts = all + maps + runs;
	if (!read_all(t, t->fd[0], all, size, t->h.tables_at))
		return false;
	if (t->h.tables_crc != crc32_z(0, (const void *)all, size) || all[size - 1])
		return bad(t, "memory: the tables are damaged");
	return true;
}

/*
 * Opens the files that the tables name, and checks that each one is still the saved file. Returns
 * false with t->why.
 */
static bool open_sources(struct state_tables *t, int dirfd, uint32_t shift)
{
	for (uint32_t i = 1; i < STATE_SOURCES; i++) {
		struct state_header h;
		char name[32];

		if (!t->h.source[i].size)
			continue;
		snprintf(name, sizeof(name), STATE_OLDER, i + shift);
		t->fd[i] = open_file(t, dirfd, name, &h);
		if (t->fd[i] < 0)
			return false;
		if (h.size != t->h.source[i].size || h.header_crc != t->h.source[i].header_crc)
			return bad(t, "%s: belongs to another state", name);
	}
	return true;
}

static bool check_map(struct state_tables *t, uint32_t i)
{
	const struct state_map *m = &t->maps[i];
	const struct state_header *h = &t->h;

	if ((m->addr | m->len | m->off | m->at) % STATE_PAGE || !m->len || m->file < -1 ||
		m->file >= h->nr_files || m->addr + m->len < m->addr ||
		(m->file >= 0 && (m->off > h->file_size[m->file] ||
					 m->len > h->file_size[m->file] - m->off ||
					 m->at > h->tables_at || m->len > h->tables_at - m->at)))
		return bad(t, "memory: map %u is damaged", i);
	for (uint32_t other = 0; !m->file && other < i; other++)
		if (!t->maps[other].file)
			return bad(t, "memory: map %u is the guest's memory once more", i);
	if (!m->file && m->off)
		return bad(t, "memory: map %u does not begin with the guest's memory", i);
	return true;
}

static bool check_run(struct state_tables *t, uint64_t i)
{
	const struct state_run *run = &t->runs[i], *before = i ? run - 1 : NULL;
	const struct state_map *m = &t->maps[run->map < t->h.nr_maps ? run->map : 0];
	uint64_t pages = m->len / STATE_PAGE, bytes = (uint64_t)run->pages * STATE_PAGE, size;

	if (run->map >= t->h.nr_maps || m->file < 0 || run->page > pages || !run->pages ||
		run->pages > pages - run->page || run->source >= STATE_SOURCES)
		return bad(t, "memory: run %llu is damaged", (unsigned long long)i);
	size = run->source ? t->h.source[run->source].size : t->h.tables_at;
	if (run->at % STATE_PAGE || run->at > size || bytes > size - run->at ||
		(!run->source && run->at != m->at + run->page * STATE_PAGE))
		return bad(t, "memory: run %llu is damaged", (unsigned long long)i);
	if (before && (before->map > run->map || (before->map == run->map &&
							 before->page + before->pages > run->page)))
		return bad(t, "memory: run %llu is out of order", (unsigned long long)i);
	return true;
}

bool state_tables_may_have(const char *dir, bool (*is)(const char *word))
{
	struct state_tables *t = calloc(1, sizeof(*t));
	char *path, *texts = NULL, *at, *end;
	bool may = true;
	int fd;

	if (!t || asprintf(&path, "%s/memory", dir) < 0) {
		free(t);
		return true;
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && read_all(t, fd, &t->h, sizeof(t->h), 0) &&
		!memcmp(t->h.magic, STATE_MAGIC, sizeof(t->h.magic)) && check_header(t))
		texts = malloc(t->h.texts_size);
	end = texts ? texts + t->h.texts_size : NULL;
	if (texts && read_all(t, fd, texts, t->h.texts_size, t->h.size - t->h.texts_size) &&
		!end[-1]) {
		may = false;
		for (at = texts; at < end && !may; at += strlen(at) + 1)
			may = is(at);
	}
	if (fd >= 0)
		close(fd);
	free(texts);
	free(path);
	free(t);
	return may;
}

bool state_tables_open(struct state_tables *t, int dirfd, const char *name, uint32_t shift)
{
	bool good;

	memset(t, 0, sizeof(*t));
	for (int i = 0; i < STATE_SOURCES; i++)
		t->fd[i] = -1;
	t->fd[0] = open_file(t, dirfd, name, &t->h);
	good = t->fd[0] >= 0 && check_header(t) && read_tables(t) && open_sources(t, dirfd, shift);
	for (uint32_t i = 0; good && i < t->h.nr_maps; i++)
		good = check_map(t, i);
	for (uint64_t i = 0; good && i < t->h.nr_runs; i++)
		good = check_run(t, i);
	return good;
}

void state_tables_close(struct state_tables *t)
{
	for (int i = 0; i < STATE_SOURCES; i++)
		if (t->fd[i] >= 0)
			close(t->fd[i]);
	free(t->maps);
	t->maps = NULL;
}

uint32_t state_tables_map(const struct state_tables *t, uint64_t addr)
{
	static uint32_t map;

	/* pages are mostly requested in the order of the maps */
	for (uint32_t tries = t->h.nr_maps; tries; tries--, map++) {
		map = map < t->h.nr_maps ? map : 0;
		if (t->maps[map].addr == addr && t->maps[map].file >= 0)
			return map;
	}
	return ~0U;
}

uint64_t state_tables_run(const struct state_tables *t, uint32_t map, uint64_t page)
{
	uint64_t low = 0, high = t->h.nr_runs;

	while (low < high) {
		uint64_t mid = (low + high) / 2;
		const struct state_run *run = &t->runs[mid];

		if (run->map < map || (run->map == map && run->page + run->pages <= page))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool state_tables_find(
	const struct state_tables *t, uint32_t map, uint64_t page, struct state_place *place)
{
	uint64_t i = map == ~0U ? t->h.nr_runs : state_tables_run(t, map, page);
	const struct state_run *run = &t->runs[i];

	if (i == t->h.nr_runs || run->map != map || run->page > page)
		return false;
	place->source = run->source;
	place->at = run->at + (page - run->page) * STATE_PAGE;
	place->run = i;
	return true;
}
