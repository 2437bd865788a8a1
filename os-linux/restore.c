/* SPDX-License-Identifier: MIT */
/*
 * restore.c: maps the memory of a saved instance in a new process (state_file.h), before the first
 * vCPU has entered the kernel world.
 *
 * Nothing is read but the tables: base.c says how the file becomes the memory. The file is not
 * trusted to be whole or in order. That its content is a kernel's is taken on faith, since to
 * restore it is to run it as a program.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "os-linux/base.h"
#include "os-linux/internal.h"
#include "os-linux/state_file.h"

static void id_text(const uint8_t *id, char *text)
{
	for (int i = 0; i < STATE_BUILD_ID; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
}

/*
 * The parameters that say where an instance is: its name, and the files and devices of the host.
 * Only these may be given to a restore.
 */
static const char *const places[] = { "umid=", "con", "ssl", "eth", "ubd" };

/* Returns the length of the name that a parameter sets, with the "=", or 0: it is none of these. */
static size_t place_name(const char *word)
{
	const char *equals = strchr(word, '=');

	for (size_t i = 0; equals && i < sizeof(places) / sizeof(places[0]); i++)
		if (!strncmp(word, places[i], strlen(places[i])))
			return (size_t)(equals + 1 - word);
	return 0;
}

static struct os_restored restored;
static bool is_restored;
/* of hold=, or NULL */
static const char *hold_at;

const struct os_restored *os_restored(void)
{
	return is_restored ? &restored : NULL;
}

static void __attribute__((noreturn, format(printf, 1, 2))) refuse(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "nestling: restore=%s: ", restored.dir);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void read_all(int fd, void *to, size_t n, uint64_t at)
{
	while (n) {
		ssize_t done = pread(fd, to, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			refuse("memory: %s", strerror(errno));
		if (!done)
			refuse("memory: the file is cut off");
		to = (char *)to + done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
}

struct reader {
	int fd;
	struct state_header h;
	struct state_map *maps;
	struct state_run *runs;
	char *texts;
};

static void check_build(const struct state_header *h)
{
	uint8_t own[STATE_BUILD_ID];
	char a[2 * STATE_BUILD_ID + 1], b[2 * STATE_BUILD_ID + 1];

	state_build_id(own);
	if (!memcmp(own, h->build_id, STATE_BUILD_ID))
		return;
	id_text(h->build_id, a);
	id_text(own, b);
	refuse("saved by another build of the kernel (build id %s; this one is %s)", a, b);
}

static void read_header(struct reader *r)
{
	struct state_header *h = &r->h;
	struct stat st;
	uint32_t crc;

	if (fstat(r->fd, &st))
		refuse("memory: %s", strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid))
		refuse("memory: not a regular file of this user");
	read_all(r->fd, h, sizeof(*h), 0);
	if (memcmp(h->magic, STATE_MAGIC, sizeof(h->magic)))
		refuse("memory: not a saved state");
	if (h->version != STATE_VERSION)
		refuse("memory: version %u of the format, this kernel has %d", h->version,
			STATE_VERSION);
	check_build(h);
	crc = h->header_crc;
	h->header_crc = 0;
	if (crc != crc32(0, (const void *)h, sizeof(*h)))
		refuse("memory: the header is damaged");
	if (h->size != (uint64_t)st.st_size)
		refuse("memory: %llu bytes long, not %llu", (unsigned long long)st.st_size,
			(unsigned long long)h->size);
	if (!h->ncpus || h->ncpus > STATE_CPUS || h->nr_files > STATE_FILES ||
		h->nr_maps > STATE_MAX_MAPS || h->nr_runs > STATE_MAX_RUNS || !h->texts_size ||
		h->texts_size > STATE_MAX_TEXTS || h->nr_words > h->texts_size ||
		h->tables_at > h->size ||
		h->size - h->tables_at != h->nr_maps * sizeof(struct state_map) +
						  h->nr_runs * sizeof(struct state_run) +
						  h->texts_size)
		refuse("memory: the header is damaged");
}

static void read_tables(struct reader *r)
{
	size_t maps = r->h.nr_maps * sizeof(*r->maps), runs = r->h.nr_runs * sizeof(*r->runs);
	char *all = malloc(maps + runs + r->h.texts_size);

	if (!all)
		refuse("no memory for its tables");
	read_all(r->fd, all, maps + runs + r->h.texts_size, r->h.tables_at);
	if (r->h.tables_crc != crc32_z(0, (const void *)all, maps + runs + r->h.texts_size) ||
		all[maps + runs + r->h.texts_size - 1])
		refuse("memory: the tables are damaged");
	r->maps = (void *)all;
	r->runs = (void *)(all + maps);
	r->texts = all + maps + runs;
}

/*
 * Refuses a CPU that lacks a feature which the guest may use: it has seen the list, and chosen its
 * code by it.
 */
static void check_cpu(const struct reader *r)
{
	struct os_cpuinfo *cpu = calloc(1, sizeof(*cpu));
	char *have, *want = strdup(r->texts), *save, lacking[300] = "";

	if (!cpu || !want || asprintf(&have, " %s ", (os_cpuinfo(cpu), cpu->flags)) < 0)
		refuse("no memory");
	for (char *f = strtok_r(want, " ", &save); f; f = strtok_r(NULL, " ", &save)) {
		char word[64];

		snprintf(word, sizeof(word), " %s ", f);
		if (!strstr(have, word) && strlen(lacking) + strlen(f) + 2 < sizeof(lacking))
			strcat(strcat(lacking, " "), f);
	}
	if (lacking[0])
		refuse("this CPU lacks what the guest may use:%s", lacking);
	free(have);
	free(want);
	free(cpu);
}

static void make_files(const struct reader *r)
{
	for (uint32_t i = 0; i < r->h.nr_files; i++) {
		int file = os_mem_create(
			i ? i == 1 ? "arena" : "region" : "physmem", r->h.file_size[i]);

		if (file < 0)
			refuse("no memory: %s", os_why(file));
		restored.file[i] = file;
	}
}

static void check_map(const struct reader *r, uint32_t i)
{
	const struct state_map *m = &r->maps[i];
	const struct state_header *h = &r->h;

	if ((m->addr | m->len | m->off | m->at) % STATE_PAGE || !m->len || m->file < -1 ||
		m->file >= h->nr_files || m->addr + m->len < m->addr ||
		(m->file >= 0 && (m->off > h->file_size[m->file] ||
					 m->len > h->file_size[m->file] - m->off ||
					 m->at > h->tables_at || m->len > h->tables_at - m->at)))
		refuse("memory: map %u is damaged", i);
}

static void check_run(const struct reader *r, uint64_t i)
{
	const struct state_run *run = &r->runs[i];
	const struct state_map *m = &r->maps[run->map < r->h.nr_maps ? run->map : 0];
	uint64_t pages = m->len / STATE_PAGE;

	if (run->map >= r->h.nr_maps || m->file < 0 || run->page > pages ||
		run->pages > pages - run->page)
		refuse("memory: run %llu is damaged", (unsigned long long)i);
	if (i && (r->runs[i - 1].map > run->map ||
			 (r->runs[i - 1].map == run->map &&
				 r->runs[i - 1].page + r->runs[i - 1].pages > run->page)))
		refuse("memory: run %llu is out of order", (unsigned long long)i);
}

/* Maps the guest's memory, where each page is the state's or one of the fresh file. */
static int map_guest(const struct reader *r, uint32_t map)
{
	const struct state_map *m = &r->maps[map];
	int err = base_begin((void *)m->addr, m->len / STATE_PAGE, r->fd, m->at,
		os_handle_fd(restored.file[0]), r->h.ncpus > 1);

	for (uint64_t i = 0; i < r->h.nr_runs && !err; i++)
		if (r->runs[i].map == map)
			base_has(r->runs[i].page, r->runs[i].pages);
	return err ? err : base_ready();
}

/*
 * Maps all; the kernel's own data replace what is mapped there. Nothing of the kernel world runs
 * yet.
 */
static void map_all(const struct reader *r)
{
	for (uint32_t i = 0; i < r->h.nr_maps; i++)
		check_map(r, i);
	for (uint64_t i = 0; i < r->h.nr_runs; i++)
		check_run(r, i);
	for (uint32_t i = 0; i < r->h.nr_maps; i++) {
		const struct state_map *m = &r->maps[i];
		int err;

		if (m->file < 0)
			err = os_mem_map((void *)m->addr, m->len, 0, -1, 0, OS_MAP_REPLACE);
		else if (m->file)
			err = base_map((void *)m->addr, m->len, r->fd, m->at);
		else
			err = map_guest(r, i);
		if (err)
			refuse("memory: map %u at %#llx: %s", i, (unsigned long long)m->addr,
				os_why(err));
	}
}

/* the tables of the state, for a save of this instance */
static struct reader mine;

/* Returns the index of the first run of a map: runs are in the order of maps. */
static uint64_t first_run(uint32_t map)
{
	uint64_t low = 0, high = mine.h.nr_runs;

	while (low < high) {
		uint64_t mid = (low + high) / 2;

		if (mine.runs[mid].map < map)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void state_mark_restored(uint64_t addr, uint64_t *bits, uint64_t pages)
{
	static uint32_t map;
	uint32_t tries = mine.h.nr_maps;

	/* maps come in the same order, mostly */
	while (tries && (mine.maps[map].addr != addr || mine.maps[map].file < 0)) {
		map = (map + 1) % mine.h.nr_maps;
		tries--;
	}
	for (uint64_t i = first_run(map); tries && i < mine.h.nr_runs; i++) {
		const struct state_run *run = &mine.runs[i];

		if (run->map != map)
			break;
		for (uint64_t p = run->page; p < run->page + run->pages && p < pages; p++)
			bits[p / 64] |= 1UL << p % 64;
	}
}

static void set_clocks(const struct state_header *h)
{
	uint64_t real = os_clock_real(), gap = real > h->real ? real - h->real : 0;
	struct os_clock_shifts s = {
		.mono = h->mono - os_clock_mono(),
		.boot = h->boot + gap - os_clock_boot(),
		.raw = h->raw - os_clock_raw(),
	};

	os_clock_set_shifts(&s);
}

/* True if both set one thing: a disk's flags are no part of its name. */
static bool sets_same(const char *a, const char *b)
{
	size_t name = place_name(b), n = 3 + strspn(b + 3, "0123456789");

	if (strncmp(b, "ubd", 3))
		return !strncmp(a, b, name);
	return n > 3 && !strncmp(a, b, n) && !(a[n] >= '0' && a[n] <= '9') && place_name(a);
}

/* Sets or replaces a parameter by its name. What follows "--" is init's. */
static void set_word(char **words, uint32_t *n, char *word)
{
	uint32_t at = 1;

	for (; at < *n && strcmp(words[at], "--"); at++)
		if (sets_same(words[at], word)) {
			words[at] = word;
			return;
		}
	memmove(words + at + 1, words + at, (*n - at) * sizeof(*words));
	words[at] = word;
	++*n;
}

/*
 * Restores the command line of the boot, which a later reboot uses, with the places of this
 * process.
 */
static void set_command_line(const struct reader *r, char *program)
{
	char **words = calloc(r->h.nr_words + (size_t)restored.argc + 2, sizeof(*words));
	const char *end = r->texts + r->h.texts_size;
	char *text = r->texts + strlen(r->texts) + 1;
	uint32_t n = 0;

	if (!words)
		refuse("no memory");
	for (; n < r->h.nr_words; n++, text += strlen(text) + 1) {
		if (text >= end)
			refuse("memory: the tables are damaged");
		words[n] = text;
	}
	words[0] = program;
	n = n ? n : 1;
	for (int i = 0; i < restored.argc; i++)
		set_word(words, &n, restored.argv[i]);
	os_argv = words;
}

/* Returns the folder of restore=, or NULL, and gathers the other parameters. */
static const char *find_restore(int argc, char **argv)
{
	const char *dir = NULL, *other = NULL;

	restored.argv = calloc((size_t)argc + 1, sizeof(*restored.argv));
	if (!restored.argv)
		return NULL;
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "restore=", 8))
			dir = argv[i] + 8;
		else if (!strncmp(argv[i], "hold=", 5))
			hold_at = argv[i] + 5;
		else if (place_name(argv[i]))
			restored.argv[restored.argc++] = argv[i];
		else
			other = argv[i];
	}
	restored.dir = dir;
	if (dir && other)
		refuse("%s cannot be given to a restore, which keeps what the instance has", other);
	return dir;
}

uint64_t os_state_restore(int argc, char **argv)
{
	struct reader r = { .fd = -1 };
	char path[PATH_MAX];

	if (!find_restore(argc, argv))
		return 0;
	if (!*restored.dir)
		refuse("the folder is missing");
	if ((size_t)snprintf(path, sizeof(path), "%s/memory", restored.dir) >= sizeof(path))
		refuse("%s", strerror(ENAMETOOLONG));
	r.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (r.fd < 0)
		refuse("memory: %s", strerror(errno));
	read_header(&r);
	read_tables(&r);
	check_cpu(&r);
	set_command_line(&r, argv[0]);
	make_files(&r);
	map_all(&r);
	close(r.fd);
	mine = r;
	restored.stub_base = r.h.stub_base;
	restored.xfeatures = r.h.xfeatures;
	restored.xstate_size = r.h.xstate_size;
	if (hold_at && !state_hold(hold_at))
		refuse("hold=%s: the process that holds it does not let it go on", hold_at);
	set_clocks(&r.h);
	is_restored = true;
	return r.h.sp[0];
}

void os_restart_from(const char *dir)
{
	size_t n = 0;
	char **words, *first;

	while (os_argv[n])
		n++;
	words = calloc(n + 3, sizeof(*words));
	if (!words || asprintf(&first, "restore=%s", dir) < 0)
		os_restart();
	words[0] = os_argv[0];
	words[1] = first;
	n = 2;
	for (size_t i = 1; os_argv[i] && strcmp(os_argv[i], "--"); i++)
		if (place_name(os_argv[i]))
			words[n++] = os_argv[i];
	os_exec_again(words);
}
