/* SPDX-License-Identifier: MIT */
/*
 * large.c: four memories that are so large that a save writes most of them before the stop. Their
 * pages are written in many ways, and random pages are compared with their keys again and again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "works.h"

#define PAGE 4096
#define PAGES (20 << 8) /* of each memory: 20 MiB */
#define CHANGES 30
#define LOOKS 150
#define HEAD 32 /* bytes compared at both ends */

static uint64_t row = 7;

/* the key of each page's content; 0: a page of zeros */
static uint64_t keys[4][PAGES];
static char *memory[4];
static int file;

static void look(int m, int page)
{
	char *at = memory[m] + (size_t)page * PAGE;

	if (keys[m][page]) {
		check("head", at, HEAD, keys[m][page]);
		check("tail", at + PAGE - HEAD, HEAD, keys[m][page] + 1);
	} else if (*(uint64_t *)at) {
		BAD("memory %d, page %d is not zero", m, page);
	}
}

static void write_page(char *at, uint64_t key)
{
	fill(at, HEAD, key);
	fill(at + PAGE - HEAD, HEAD, key + 1);
}

/* Lets the kernel write the page: by a read from a pipe. */
static void read_page(char *at, uint64_t key)
{
	static char buf[PAGE];
	int p[2];

	write_page(buf, key);
	MUST(!pipe(p));
	write_all(p[1], buf, PAGE);
	read_all(p[0], at, PAGE);
	close(p[0]);
	close(p[1]);
}

/* Lets a child write to a page of the shared memory @m, and to its own copy of a private page. */
static void child_writes(int m, int page, uint64_t key)
{
	char *at = memory[m] + (size_t)page * PAGE;
	int status;
	pid_t pid = fork();

	MUST(pid >= 0);
	if (!pid) {
		write_page(at, key);
		memset(memory[0] + (size_t)page * PAGE, 1, PAGE);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0) == pid && !status);
}

static void change(int m, int page)
{
	char *at = memory[m] + (size_t)page * PAGE;
	bool is_shared = m % 2;
	uint64_t key = 1 + (uint64_t)chance(&row, 1 << 30);

	look(m, page);
	switch (chance(&row, 40)) {
	case 0:
		if (is_shared)
			child_writes(m, page, key);
		else
			write_page(at, key);
		break;
	case 1:
		MUST(!mprotect(at, PAGE, PROT_READ));
		look(m, page);
		MUST(!mprotect(at, PAGE, PROT_READ | PROT_WRITE));
		write_page(at, key);
		break;
	case 2:
		if (!is_shared) {
			MUST(!madvise(at, PAGE, MADV_DONTNEED));
			key = 0;
		} else {
			write_page(at, key);
		}
		break;
	case 3:
		if (m == 3) {
			char buf[PAGE];

			write_page(buf, key);
			MUST(pwrite(file, buf, PAGE, (off_t)page * PAGE) == PAGE);
		} else {
			write_page(at, key);
		}
		break;
	case 4 ... 20: read_page(at, key); break;
	default: write_page(at, key);
	}
	keys[m][page] = key;
}

static void run_large(void)
{
	size_t size = (size_t)PAGES * PAGE;

	file = open("/tmp/large", O_RDWR | O_CREAT | O_TRUNC, 0600);
	MUST(file >= 0 && !ftruncate(file, size) && !unlink("/tmp/large"));
	for (int m = 0; m < 4; m++) {
		int flags = m % 2 ? MAP_SHARED : MAP_PRIVATE, fd = m == 3 ? file : -1;

		memory[m] = mmap(NULL, size, PROT_READ | PROT_WRITE,
			flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
		MUST(memory[m] != MAP_FAILED);
		for (int page = 0; page < PAGES; page++) {
			keys[m][page] = 1 + (uint64_t)chance(&row, 1 << 30);
			write_page(memory[m] + (size_t)page * PAGE, keys[m][page]);
		}
	}
	for (;; done()) {
		for (int i = 0; i < CHANGES; i++)
			change(chance(&row, 4), chance(&row, PAGES));
		for (int i = 0; i < LOOKS; i++)
			look(chance(&row, 4), chance(&row, PAGES));
	}
}
WORK_IF_NAMED(large, run_large);
