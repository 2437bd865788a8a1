/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of base.c: pages that are mapped from a state's file have the file's content, can be
 * written to, and keep their content when they are moved to the instance's own memory, also while
 * another thread writes to them. The state's file never changes.
 *
 * SOURCES: os-linux/state/base.c
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "os-linux/state/base.h"
#include "os-linux/os.h"

#define PAGE 4096UL
#define PAGES 400UL
#define AT (3 * PAGE)

/* os-linux/mem.c */
uint64_t os_mem_punches;

static char *memory;
static int file, own;

static void fill(char *page, uint64_t number)
{
	memset(page, 0, PAGE);
	memcpy(page, &number, sizeof(number));
	memset(page + 100, (int)(number % 251) + 1, 100);
}

/* Pages [0, 100), [110, 120) and [300, 400) have content. */
static bool has_content(uint64_t page)
{
	return page < 100 || (page >= 110 && page < 120) || page >= 300;
}

static void check_page(const char *p, uint64_t page)
{
	char want[PAGE] = { 0 };

	if (has_content(page))
		fill(want, page);
	assert_memory_equal(p, want, PAGE);
}

static void check_file(void)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		char got[PAGE];

		assert_int_equal(pread(file, got, PAGE, (off_t)(AT + page * PAGE)), PAGE);
		check_page(got, page);
	}
}

static void on_segv(int sig, siginfo_t *si, void *context)
{
	if (!base_wait((uint64_t)si->si_addr))
		_exit(100);
}

static int setup(void **state)
{
	char page[PAGE];

	file = memfd_create("state", 0);
	own = memfd_create("own", 0);
	if (file < 0 || own < 0 || ftruncate(file, AT + PAGES * PAGE) ||
		ftruncate(own, PAGES * PAGE))
		return -1;
	for (uint64_t i = 0; i < PAGES; i++) {
		fill(page, i);
		if (has_content(i) &&
			pwrite(file, page, PAGE, (off_t)(AT + i * PAGE)) != (ssize_t)PAGE)
			return -1;
	}
	memory = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || base_begin(memory, PAGES, file, AT, own, 1))
		return -1;
	base_has(0, 100);
	base_has(110, 10);
	base_has(300, 100);
	return base_ready() ? -1 : 0;
}

static bool in_base(uint64_t page)
{
	return os_base()[page / 64] >> page % 64 & 1;
}

static uint64_t shown_by_own(uint64_t page)
{
	uint64_t number = ~0UL;

	assert_int_equal(pread(own, &number, sizeof(number), (off_t)(page * PAGE)), sizeof(number));
	return number;
}

static void content(void **state)
{
	for (uint64_t page = 0; page < PAGES; page++)
		check_page(memory + page * PAGE, page);
	/* a small hole belongs to the base, a large one does not */
	assert_true(in_base(0) && in_base(105) && in_base(119) && in_base(399));
	assert_false(in_base(120) || in_base(299));
	memory[200 * PAGE] = 7;
	assert_int_equal(shown_by_own(200), 7);
	memory[200 * PAGE] = 0;
}

static void taken(void **state)
{
	memory[50 * PAGE + 8] = 'x'; /* the host copies the page */
	assert_int_equal(os_base_take(48, 4), 4);
	assert_true(in_base(47) && in_base(52));
	for (uint64_t page = 48; page < 52; page++) {
		assert_false(in_base(page));
		assert_int_equal(shown_by_own(page), page);
	}
	assert_int_equal(memory[50 * PAGE + 8], 'x');
	memory[50 * PAGE + 8] = 0;
	memory[51 * PAGE] = 'y';
	assert_int_equal(shown_by_own(51) & 0xff, 'y');
	memory[51 * PAGE] = 51;
	/* pages that were taken before, or were never in the base, are skipped */
	assert_int_equal(os_base_take(40, 200), 2);
	for (uint64_t page = 0; page < PAGES; page++) {
		assert_int_equal(in_base(page), page < 40 || page >= 300);
		check_page(memory + page * PAGE, page);
	}
	check_file();
}

static void dropped(void **state)
{
	static const char zeros[PAGE];

	memory[310 * PAGE] = 1;
	assert_int_equal(os_base_drop(305, 10), 0);
	for (uint64_t page = 305; page < 315; page++) {
		assert_false(in_base(page));
		assert_memory_equal(memory + page * PAGE, zeros, PAGE);
	}
	assert_true(in_base(304) && in_base(315));
	check_file();
}

static uint32_t stop;

static void *count_up(void *arg)
{
	uint64_t *words = arg, n = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		n++;
		for (uint64_t page = 0; page < 40; page++)
			__atomic_fetch_add(&words[page * PAGE / 8 + 64], 1, __ATOMIC_RELAXED);
	}
	return (void *)n;
}

/* No write of another thread is lost while pages are taken. */
static void taken_while_written(void **state)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER };
	pthread_t t[2];
	uint64_t sum = 0;

	/* replaces the handler that cmocka has set for each test */
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, count_up, memory), 0);
	for (uint64_t page = 0; page < 40; page++) {
		usleep(500);
		assert_in_range(os_base_take(page, 1), 0, 100);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++) {
		void *n;

		pthread_join(t[i], &n);
		sum += (uint64_t)n;
	}
	for (uint64_t page = 0; page < 40; page++)
		assert_int_equal(*(uint64_t *)(memory + page * PAGE + 512), sum);
	check_file();
}

/* Each block of 512 pages becomes one map. A block that is completely in the base stays there. */
static void merged(void **state)
{
	int n = 0;

	for (uint64_t page = 301; page < PAGES; page += 2)
		n = os_base_take(page, 1);
	assert_in_range(n, 80, 110);
	assert_in_range(os_base_merge(), 0, 2);
	for (uint64_t page = 0; page < PAGES; page++)
		assert_false(in_base(page));
	for (uint64_t page = 315; page < PAGES; page++)
		check_page(memory + page * PAGE, page);
	assert_int_equal(os_base_merge(), -ENOENT);
	check_file();
}

/* base_wait() gives up a fault that the base has not caused, if need be after some tries. */
static void other_faults(void **state)
{
	int i = 0;

	assert_false(base_wait((uint64_t)memory + PAGES * PAGE));
	assert_false(base_wait((uint64_t)memory - 1));
	while (base_wait((uint64_t)memory + 17) && i < 1000000)
		i++;
	assert_in_range(i, 1, 100000);
}

/* Gives pages back to the host. */
static void punch(uint64_t page, uint64_t pages)
{
	assert_int_equal(fallocate(own, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 (off_t)(page * PAGE), (off_t)(pages * PAGE)),
		0);
	os_mem_punches++;
}

/* base_put_back() restores all pages as they were at base_ready(), whichever were written to. */
static void put_back(void **state)
{
	assert_int_equal(base_view(), 0);
	punch(120, 180);
	for (int round = 0; round < 6; round++) {
		memory[50 * PAGE] = 1;
		memory[200 * PAGE] = 1;
		memory[399 * PAGE + 50] = 1;
		if (round == 2)
			memory[250 * PAGE] = 1;
		if (round == 4) { /* keeps the file's number of blocks */
			punch(200, 1);
			memory[260 * PAGE] = 1;
		}
		assert_int_equal(base_put_back(), 0);
		/* read the file: reading the memory would allocate pages in holes */
		for (uint64_t page = 0; page < PAGES; page++)
			assert_int_equal(
				shown_by_own(page), has_content(page) && page != 0 ? page : 0);
	}
	for (uint64_t page = 0; page < PAGES; page++)
		check_page(memory + page * PAGE, page);
	check_file();
}

/* After base_mark(), base_put_back() restores the pages as they were at the mark. */
static void marked(void **state)
{
	char *guest = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, AT);

	assert_ptr_not_equal(guest, MAP_FAILED);
	memory[60 * PAGE] = 'm';
	memory[210 * PAGE] = 'n';
	assert_int_equal(base_mark(guest), 0);
	assert_true(base_is_light(PAGES));
	assert_false(base_is_light(10));
	for (int round = 0; round < 3; round++) {
		memset(memory + 60 * PAGE, 1, PAGE);
		memset(memory + 210 * PAGE, 2, PAGE);
		memory[220 * PAGE] = 3;
		memory[5 * PAGE + 9] = 4;
		assert_int_equal(base_put_back(), 0);
		assert_int_equal(memory[60 * PAGE], 'm');
		assert_int_equal(memory[60 * PAGE + 1], 0);
		assert_int_equal(memory[210 * PAGE], 'n');
		assert_int_equal(memory[210 * PAGE + 1], 0);
		assert_int_equal(memory[220 * PAGE], 0);
		check_page(memory + 5 * PAGE, 5);
	}
	check_file();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content),
		cmocka_unit_test(taken),
		cmocka_unit_test(dropped),
		cmocka_unit_test(taken_while_written),
		cmocka_unit_test(merged),
		cmocka_unit_test(other_faults),
		cmocka_unit_test(put_back),
		cmocka_unit_test(marked),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
