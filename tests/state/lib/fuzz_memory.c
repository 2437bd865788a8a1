/* SPDX-License-Identifier: MIT */
/*
 * fuzz_memory.c: damaged files of a state's memory. The reader is os-linux/state/restore.c itself,
 * with tables.c, built with asan and ubsan; the calls that map are replaced by functions that check
 * their arguments. Most executions correct the checksums, so that the checks behind them are
 * reached.
 *
 *	fuzz_memory SEED EXECUTIONS START FOLDER
 *
 * A file is used, or refused with a single line. A crash says which execution it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <sanitizer/common_interface_defs.h>

#include "os-linux/state/base.h"
#include "os-linux/internal.h"
#include "os-linux/state/tables.h"

static jmp_buf left;
static FILE *said;

static void __attribute__((noreturn)) leave(int status)
{
	longjmp(left, status);
}

#undef stderr
#define stderr said
#define exit(status) leave(status)
#include "os-linux/state/restore.c"
#include "tests/fuzz.h"
#include "tests/state/lib/clocks.h"
#undef exit
#undef stderr

#define FILE_MAX (64UL << 10)
#define MAPS 5
#define RUNS 7
#define OLDER_SIZE (3UL * STATE_PAGE)

char **os_argv;
static unsigned long used;
static uint8_t file[FILE_MAX];
static uint64_t base_pages;
static int begun;
/* header checksum of memory.1 */
static uint32_t older_crc;

int os_worker_start(const char *name, void (*fn)(void *arg), void *arg)
{
	return -ENOSYS;
}

static void wrong(const char *what)
{
	dprintf(2, "ERROR: %s\n", what);
	say_where();
	abort();
}

/* ---- what the reader calls ---- */

void state_build_id(uint8_t *id)
{
	memset(id, 7, STATE_BUILD_ID);
}

int os_cpuinfo(struct os_cpuinfo *info)
{
	strcpy(info->flags, "fpu sse sse2 avx");
	return 0;
}

int os_mem_create(const char *name, uint64_t size)
{
	if (size > 1UL << 46)
		return -ENOMEM;
	return 100;
}

int os_handle_fd(int handle)
{
	if (handle != 100)
		wrong("a memory file that was not made");
	return 100;
}

const char *os_why(int err)
{
	return "no";
}

int os_mem_map(void *addr, size_t len, int prot, int handle, uint64_t off, unsigned flags)
{
	if (((uintptr_t)addr | len | off) % STATE_PAGE || !len || handle != -1)
		wrong("a mapping that is none");
	return 0;
}

static void check_content(int fd, uint64_t at, uint64_t len)
{
	struct stat st;

	if (fstat(fd, &st) || at % STATE_PAGE || at > (uint64_t)st.st_size ||
		len > (uint64_t)st.st_size - at)
		wrong("content behind the end of the file");
}

int base_map(void *addr, uint64_t len, int fd, uint64_t at)
{
	if ((uintptr_t)addr % STATE_PAGE || !len || len % STATE_PAGE)
		wrong("a mapping of content that is none");
	check_content(fd, at, len);
	return 0;
}

void base_mapped(void *addr, uint64_t len)
{
}

int base_begin(void *addr, uint64_t pages, int fd, uint64_t at, int own, int several)
{
	if (begun++)
		wrong("the guest's memory twice");
	if ((uintptr_t)addr % STATE_PAGE || !pages)
		wrong("no memory of the guest's");
	check_content(fd, at, pages * STATE_PAGE);
	base_pages = pages;
	return 0;
}

void base_has(uint64_t page, uint64_t pages)
{
	if (page > base_pages || pages > base_pages - page)
		wrong("pages behind the guest's memory");
}

int base_ready(void)
{
	return 0;
}

void os_clock_set_shifts(const struct os_clock_shifts *s)
{
}

bool state_hold_files(const char *hold)
{
	return true;
}

bool state_hold(void)
{
	return true;
}

bool os_jailed(void)
{
	return false;
}

void os_restart(void)
{
	abort();
}

void os_exec_again(char **argv, const char *dir)
{
	abort();
}

/* ---- files ---- */

static void add_text(char **at, const char *text)
{
	strcpy(*at, text);
	*at += strlen(text) + 1;
}

/* Makes a valid memory file. Returns its size. */
static size_t make(void)
{
	struct state_header *h = (void *)file;
	uint64_t tables = 12UL * STATE_PAGE;
	struct state_map *m = (void *)(file + tables);
	struct state_run *r = (void *)(m + MAPS);
	char *text = (char *)(r + RUNS), *end = text;

	memset(file, 0, sizeof(file));
	memcpy(h->magic, STATE_MAGIC, sizeof(h->magic));
	h->version = STATE_VERSION;
	memset(h->build_id, 7, STATE_BUILD_ID);
	h->ncpus = 2;
	h->nr_files = 3;
	h->nr_maps = MAPS;
	h->nr_runs = RUNS;
	h->file_size[0] = 6UL * STATE_PAGE;
	h->file_size[1] = 4UL * STATE_PAGE;
	h->file_size[2] = STATE_PAGE;
	m[0] = (struct state_map){ 1UL << 32, 6UL * STATE_PAGE, 0, 0, STATE_PAGE };
	m[1] = (struct state_map){ 1UL << 33, 2UL * STATE_PAGE, 1, 0, 7UL * STATE_PAGE };
	m[2] = (struct state_map){ 3UL << 32, 2UL * STATE_PAGE, 1, 2UL * STATE_PAGE,
		9UL * STATE_PAGE };
	m[3] = (struct state_map){ 1UL << 34, 1UL << 20, -1, 0, 0 };
	m[4] = (struct state_map){ 5UL << 32, STATE_PAGE, 2, 0, 11UL * STATE_PAGE };
	for (uint32_t i = 0; i < RUNS; i++) {
		uint32_t map = i < 3 ? 0 : i < 5 ? 1 : i < 6 ? 2 : 4;

		r[i] = (struct state_run){ .map = map, .pages = 1, .page = i < 3 ? 2 * i : i == 4 };
		r[i].source = i % 3 == 1;
		r[i].at = r[i].source ? STATE_PAGE : m[map].at + r[i].page * STATE_PAGE;
	}
	h->source[1] = (struct state_source){ OLDER_SIZE, older_crc, 0 };
	add_text(&end, "fpu sse");
	add_text(&end, "nestling");
	add_text(&end, "ubd0m=/a,/b");
	add_text(&end, "con0=fd:0,fd:1");
	add_text(&end, "--");
	add_text(&end, "umid=no");
	h->nr_words = 5;
	h->texts_size = (uint32_t)(end - text);
	h->tables_at = tables;
	h->size = (uint64_t)((uint8_t *)end - file);
	return h->size;
}

static uint64_t interesting(void)
{
	static const uint64_t few[] = { 0, 1, 2, 4095, 4096, 4097, 0x7fffffff, 0xffffffff,
		1UL << 47, 1UL << 52, ~0UL, ~0UL - 4095, 1UL << 63 };

	return rnd() % 4 ? few[rnd() % (sizeof(few) / sizeof(few[0]))] :
			   (1UL << rnd() % 64) + rnd() % 3 - 1;
}

static size_t spoil(size_t size)
{
	unsigned int n = (unsigned int)(rnd() % 5);

	while (n--) {
		size_t tables = 12UL * STATE_PAGE;
		size_t at = rnd() % 2 ? rnd() % 400 : tables + rnd() % (size - tables);
		uint64_t v = interesting();

		at = at <= size - 8 ? at : size - 8;
		switch (rnd() % 6) {
		case 0: file[at] ^= (uint8_t)(1U << rnd() % 8); break;
		case 1: file[at] = (uint8_t)rnd(); break;
		case 2: memcpy(file + at / 4 * 4, &v, 4); break;
		case 3: memcpy(file + at / 8 * 8, &v, 8); break;
		case 4: memcpy(file + at / 8 * 8, file + tables + rnd() % 400 / 8 * 8, 8); break;
		default:
			memcpy(file + tables + rnd() % MAPS * 40, file + tables + rnd() % MAPS * 40,
				40);
		}
	}
	return rnd() % 16 ? size : rnd() % size;
}

static void mend(size_t size)
{
	struct state_header *h = (void *)file;

	if (size < sizeof(*h))
		return;
	if (rnd() % 2)
		memcpy(h->magic, STATE_MAGIC, sizeof(h->magic));
	if (rnd() % 2)
		h->size = size;
	if (h->tables_at < size)
		h->tables_crc =
			(uint32_t)crc32(0, file + h->tables_at, (uInt)(size - h->tables_at));
	h->header_crc = 0;
	h->header_crc = (uint32_t)crc32(0, file, sizeof(*h));
}

/* ---- executions ---- */

static void find_all(void)
{
	const struct state_tables *t = state_restored();
	struct state_place place;

	for (uint32_t i = 0; i < t->h.nr_maps; i++) {
		uint32_t map = state_tables_map(t, t->maps[i].addr);

		for (uint64_t page = 0; page < 40; page++)
			if (state_tables_find(t, map, page, &place) && t->fd[place.source] < 0)
				wrong("a page of no file");
	}
	for (char **word = os_argv; *word; word++)
		if (strlen(*word) > FILE_MAX)
			wrong("a word");
}

/* Makes the older memory file, of which a page is used. */
static void make_older(const char *dir)
{
	struct state_header h = { .version = STATE_VERSION, .ncpus = 1, .size = OLDER_SIZE };
	char path[200];
	int fd;

	memcpy(h.magic, STATE_MAGIC, sizeof(h.magic));
	memset(h.build_id, 7, STATE_BUILD_ID);
	older_crc = h.header_crc = (uint32_t)crc32(0, (const void *)&h, sizeof(h));
	snprintf(path, sizeof(path), "%s/memory.1", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, &h, sizeof(h), 0) != sizeof(h) || ftruncate(fd, OLDER_SIZE))
		abort();
	close(fd);
}

static void execute(uint64_t seed, const char *dir)
{
	static char text[1 << 16];
	char restore[200], path[200];
	char *argv[] = { "nestling", restore, "umid=x", "ubd0=/c,/b", "con0=null", NULL };
	size_t size, n;
	int fd;

	rnd_begin(seed);
	size = spoil(make());
	if (rnd() % 8)
		mend(size);
	snprintf(restore, sizeof(restore), "restore=%s", dir);
	snprintf(path, sizeof(path), "%s/memory", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, file, size) != (ssize_t)size)
		abort();
	close(fd);
	memset(&restored, 0, sizeof(restored));
	is_restored = false;
	begun = 0;
	said = fmemopen(text, sizeof(text), "w");
	if (!setjmp(left)) {
		os_state_restore(5, argv);
		used++;
		find_all();
		fclose(said);
	} else {
		fclose(said);
		n = strlen(text);
		if (!n || strchr(text, '\n') != text + n - 1)
			wrong("not one line");
	}
	state_tables_close(&mine);
	/* a refusal leaves these descriptors open until the process ends */
	close_range(3, ~0U, 0);
}

int main(int argc, char **argv)
{
	unsigned long runs = strtoul(argv[2], NULL, 0), start = strtoul(argv[3], NULL, 0);

	make_older(argv[4]);
	__sanitizer_set_death_callback(say_where);
	for (execution = start; execution < start + runs; execution++)
		execute(strtoul(argv[1], NULL, 0), argv[4]);
	printf("ok      %lu executions, %lu files used\n", runs, used);
	return used ? 0 : 1;
}
