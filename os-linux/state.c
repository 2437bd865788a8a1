/* SPDX-License-Identifier: MIT */
/*
 * state.c: writes the memory of an instance to a file, and maps it in a new process.
 *
 * Both happen while nothing else of the kernel world runs: before the first vCPU has entered it, or
 * while all vCPUs but the caller stand still. The format is state_file.h's. A file that is read is
 * not trusted to be whole or in order; that its content is a kernel's is taken on faith, since to
 * restore it is to run it as a program.
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

#define BUILD_ID_SIZE 20
#define RUN_MAX (1u << 20) /* pages */

/* ---- what both need ---- */

/* Copies the build id of this program; zeros if it has none. */
static void build_id(uint8_t *id)
{
	const ElfW(Phdr) *ph = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	size_t n = getauxval(AT_PHNUM);

	memset(id, 0, BUILD_ID_SIZE);
	for (size_t i = 0; i < n; i++) {
		const char *p = (const char *)ph[i].p_vaddr, *end = p + ph[i].p_memsz;

		while (ph[i].p_type == PT_NOTE && end - p >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)p;
			const char *name = p + sizeof(*note);
			const char *desc = name + ((note->n_namesz + 3) & ~3u);

			if (note->n_type == NT_GNU_BUILD_ID && !strcmp(name, "GNU") &&
				note->n_descsz == BUILD_ID_SIZE)
				memcpy(id, desc, BUILD_ID_SIZE);
			p = desc + ((note->n_descsz + 3) & ~3u);
		}
	}
}

static void id_text(const uint8_t *id, char *text)
{
	for (int i = 0; i < BUILD_ID_SIZE; i++)
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

/* ---- writing ---- */

struct writer {
	struct os_state *s;
	int fd;
	uint64_t at; /* where the next content goes */
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

static bool is_skipped(const struct os_state *s, const struct os_state_map *m, uint64_t page)
{
	uint64_t i = m->off / STATE_PAGE + page;

	return !m->file && s->skip && s->skip[i / 8] >> i % 8 & 1;
}

static int add_run(struct writer *w, uint32_t map, uint64_t page, uint64_t pages)
{
	const struct os_state_map *m = &w->s->map[map];
	size_t bytes = pages * STATE_PAGE;
	int err;

	if (w->nr_runs == w->room) {
		uint64_t room = w->room ? 2 * w->room : 1024;
		struct state_run *more = realloc(w->runs, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->runs = more;
		w->room = room;
	}
	err = write_all(w->fd, (const char *)m->addr + page * STATE_PAGE, bytes, w->at);
	if (err)
		return err;
	w->runs[w->nr_runs++] = (struct state_run){
		.map = map, .pages = (uint32_t)pages, .page = page, .at = w->at
	};
	w->at += bytes;
	return 0;
}

/* Writes the pages [page, end) of a map that have content. */
static int write_pages(struct writer *w, uint32_t map, uint64_t page, uint64_t end)
{
	const struct os_state_map *m = &w->s->map[map];
	uint64_t start = page;
	int err = 0;

	for (; page < end && !err; page++) {
		bool wanted = !is_skipped(w->s, m, page) &&
			      !is_zero((const char *)m->addr + page * STATE_PAGE);

		if (wanted && page - start < RUN_MAX)
			continue;
		if (page > start)
			err = add_run(w, map, start, page - start);
		start = wanted ? page : page + 1;
	}
	if (!err && page > start)
		err = add_run(w, map, start, page - start);
	return err;
}

/* Writes what the file of the memory has data for; the rest is zero. */
static int write_map(struct writer *w, uint32_t map)
{
	const struct os_state_map *m = &w->s->map[map];
	int fd = m->file < 0 ? -1 : os_handle_fd(w->s->file[m->file]), err = 0;
	uint64_t at = m->off, end = m->off + m->len;

	while (fd >= 0 && at < end && !err) {
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
		err = write_pages(w, map, ((uint64_t)data - m->off) / STATE_PAGE,
			(at - m->off + STATE_PAGE - 1) / STATE_PAGE);
	}
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
	size_t maps = h->nr_maps * sizeof(struct state_map), runs = w->nr_runs * sizeof(*w->runs);
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
	crc = (uint32_t)crc32(0, (const void *)w->s->map, (uInt)maps);
	crc = (uint32_t)crc32_z(crc, (const void *)w->runs, runs);
	h->tables_crc = (uint32_t)crc32(crc, (const void *)texts, (uInt)texts_size);
	err = write_all(w->fd, w->s->map, maps, w->at);
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
	build_id(h->build_id);
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

_Static_assert(sizeof(struct state_map) == sizeof(struct os_state_map), "written as they are");
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
	struct writer w = { .s = s, .at = STATE_PAGE };
	char path[PATH_MAX];
	int err;

	if ((size_t)snprintf(path, sizeof(path), "%s/memory", dir) >= sizeof(path))
		return failed(s, -ENAMETOOLONG, dir);
	w.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w.fd < 0)
		return failed(s, -errno, path);
	err = write_file(&w);
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

/* ---- reading ---- */

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
	uint8_t own[BUILD_ID_SIZE];
	char a[2 * BUILD_ID_SIZE + 1], b[2 * BUILD_ID_SIZE + 1];

	build_id(own);
	if (!memcmp(own, h->build_id, BUILD_ID_SIZE))
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

/*
 * Maps the files; the kernel's own data replace what is mapped there. Nothing of the kernel world
 * runs yet.
 */
static void map_files(const struct reader *r)
{
	for (uint32_t i = 0; i < r->h.nr_maps; i++) {
		const struct state_map *m = &r->maps[i];
		int file = -1, prot = 0, err;

		if ((m->addr | m->len | m->off) % STATE_PAGE || !m->len || m->file < -1 ||
			m->file >= r->h.nr_files || m->addr + m->len < m->addr ||
			(m->file >= 0 && (m->off > r->h.file_size[m->file] ||
						 m->len > r->h.file_size[m->file] - m->off)))
			refuse("memory: map %u is damaged", i);
		if (m->file >= 0) {
			file = restored.file[m->file];
			prot = OS_PROT_READ | OS_PROT_WRITE;
		}
		err = os_mem_map((void *)m->addr, m->len, prot, file, m->off, OS_MAP_REPLACE);
		if (err)
			refuse("memory: map %u at %#llx: %s", i, (unsigned long long)m->addr,
				os_why(err));
	}
}

static void read_pages(const struct reader *r)
{
	for (uint64_t i = 0; i < r->h.nr_runs; i++) {
		const struct state_run *run = &r->runs[i];
		const struct state_map *m = &r->maps[run->map < r->h.nr_maps ? run->map : 0];
		uint64_t pages = m->len / STATE_PAGE, bytes = (uint64_t)run->pages * STATE_PAGE;

		if (run->map >= r->h.nr_maps || m->file < 0 || run->page > pages ||
			run->pages > pages - run->page || run->at > r->h.tables_at ||
			bytes > r->h.tables_at - run->at)
			refuse("memory: run %llu is damaged", (unsigned long long)i);
		read_all(r->fd, (void *)(m->addr + run->page * STATE_PAGE), bytes, run->at);
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
	map_files(&r);
	read_pages(&r);
	close(r.fd);
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
