/* SPDX-License-Identifier: MIT */
/*
 * direct-guest.c: tests/mm/direct runs it in a guest: it reads, maps and writes a file of an image
 * that is mapped directly. Page i of the file begins with the number i + 1. Prints "ok NAME" and
 * "NOT OK NAME" lines.
 *
 *	direct-guest FILE            all tests without a cut
 *	direct-guest FILE cut        says @@cut-it and waits for a line: then the host has cut the
 *                                   image
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
/* frame numbers of regions; those of physmem are lower */
#define REGION_FIRST (1UL << 27)

static int fd, pagemap;

static void check(const char *name, int good)
{
	printf(good ? "ok      %s\n" : "NOT OK  %s\n", name);
	fflush(stdout);
}

static uint64_t frame_of(volatile const void *p)
{
	uint64_t e = 0;

	(void)*(volatile const char *)p;
	if (pread(pagemap, &e, sizeof(e), (off_t)((uintptr_t)p / PAGE * 8)) != sizeof(e))
		return 0;
	return e >> 63 ? e & ((1UL << 55) - 1) : 0;
}

static int is_direct(volatile const void *p)
{
	return frame_of(p) >= REGION_FIRST;
}

static uint64_t number_in_file(unsigned long page)
{
	uint64_t v = 0;

	return pread(fd, &v, sizeof(v), (off_t)(page * PAGE)) == sizeof(v) ? v : 0;
}

static long vmstat(const char *name)
{
	char line[128], key[64];
	long v = -1, value;
	FILE *f = fopen("/proc/vmstat", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", key, &value) == 2 && !strcmp(key, name))
			v = value;
	if (f)
		fclose(f);
	return v;
}

static volatile uint64_t *map(int prot, int flags, unsigned long page, unsigned long n)
{
	void *p = mmap(NULL, n * PAGE, prot, flags, fd, (off_t)(page * PAGE));

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}
#define AT(m, page) ((m)[(page)*PAGE / 8])

static void reading(volatile uint64_t *whole, unsigned long pages)
{
	unsigned long direct = 0, right = 0;

	for (unsigned long i = 0; i < pages; i++) {
		right += AT(whole, i) == i + 1;
		direct += is_direct(&AT(whole, i));
	}
	check("a mapping shows the file", right == pages);
	check("its frames are the image's", direct == pages);
	check("so does read(2)", number_in_file(5) == 6 && number_in_file(pages - 1) == pages);
	check("two mappings have one frame",
		frame_of(map(PROT_READ, MAP_PRIVATE, 3, 1)) == frame_of(&AT(whole, 3)));
	check("they are counted", vmstat("nr_direct_pages") >= (long)pages);
}

static void private_write(volatile uint64_t *whole)
{
	volatile uint64_t *m = map(PROT_READ | PROT_WRITE, MAP_PRIVATE, 8, 4);

	check("private: direct before", AT(m, 1) == 10 && is_direct(&AT(m, 1)));
	AT(m, 1) = 77;
	check("private: a copy after the write", AT(m, 1) == 77 && !is_direct(&AT(m, 1)));
	check("private: the file keeps its own", AT(whole, 9) == 10 && number_in_file(9) == 10);
	AT(map(PROT_READ | PROT_WRITE, MAP_PRIVATE, 10, 1), 0) = 5;
	check("private: first touch by a write", AT(whole, 10) == 11);
	if (!fork()) {
		AT(m, 2) = 88;
		_exit(AT(m, 2) != 88 || is_direct(&AT(m, 2)));
	}
	int status = 1;
	wait(&status);
	check("private: a child's write", !status && AT(m, 2) == 11);
}

static void shared_write(volatile uint64_t *whole)
{
	volatile uint64_t *m = map(PROT_READ | PROT_WRITE, MAP_SHARED, 16, 4);
	int status = 1, go[2], ready[2];
	char c;

	check("shared: direct before", AT(m, 0) == 17 && is_direct(&AT(m, 0)));
	if (pipe(go) < 0 || pipe(ready) < 0)
		exit(1);
	if (!fork()) { /* another space maps the frame */
		int good = AT(whole, 16) == 17 && write(ready[1], "x", 1) == 1 &&
			   read(go[0], &c, 1) == 1 && AT(whole, 16) == 99;

		_exit(!good);
	}
	if (read(ready[0], &c, 1) != 1)
		exit(1);
	AT(m, 0) = 99;
	if (write(go[1], "x", 1) != 1)
		exit(1);
	wait(&status);
	check("shared: a frame of its own after the write", !is_direct(&AT(m, 0)));
	check("shared: other mappings see it", AT(whole, 16) == 99 && !is_direct(&AT(whole, 16)));
	check("shared: other processes see it", !status);
	check("shared: read(2) sees it", number_in_file(16) == 99);
	check("shared: neighbours stay", AT(m, 1) == 18 && is_direct(&AT(m, 1)));
	AT(m, 3) = 100;
	check("shared: first touch by a write", AT(whole, 19) == 100 && number_in_file(19) == 100);
}

static void file_write(volatile uint64_t *whole)
{
	uint64_t v = 1234, w[2 * PAGE / 8];

	check("write: direct before", is_direct(&AT(whole, 24)));
	check("write: into a page", pwrite(fd, &v, sizeof(v), 24 * PAGE) == sizeof(v) &&
					    AT(whole, 24) == 1234 && !is_direct(&AT(whole, 24)) &&
					    AT(whole, 25) == 26);
	memset(w, 7, sizeof(w));
	check("write: over whole pages, across an edge",
		pwrite(fd, w, sizeof(w), 27 * PAGE + 8) == sizeof(w) && AT(whole, 27) == 28 &&
			number_in_file(28) == w[0] && AT(whole, 29) == w[0]);
	v = AT(whole, 30);
	check("write: from a mapping of itself",
		pwrite(fd, (void *)&AT(whole, 30), PAGE, 31 * PAGE) == (long)PAGE &&
			AT(whole, 31) == v);
	fsync(fd);
	check("write: still there after fsync", number_in_file(24) == 1234);
}

static void truncation(volatile uint64_t *whole, unsigned long pages)
{
	off_t half = (off_t)((pages - 4) * PAGE + 8);
	const char *rest = (const char *)&AT(whole, pages - 4) + 8;
	int zero = 1;

	(void)AT(whole, pages - 4);
	if (ftruncate(fd, half) || ftruncate(fd, (off_t)(pages * PAGE)))
		exit(1);
	for (unsigned long i = 0; i < PAGE - 8; i++)
		zero &= !rest[i];
	check("truncated: the number is there", AT(whole, pages - 4) == pages - 3);
	check("truncated: zeros behind it", zero);
	check("truncated: zeros in the pages behind",
		!AT(whole, pages - 3) && !number_in_file(pages - 1));
}

static void dropping(unsigned long pages)
{
	long before = vmstat("nr_direct_pages");
	int f = open("/proc/sys/vm/drop_caches", O_WRONLY);

	check("dropped: they go",
		write(f, "1", 1) == 1 && vmstat("nr_direct_pages") <= before - (long)pages / 2);
	check("dropped: the file is as it was",
		number_in_file(5) == 6 && number_in_file(24) == 1234 && number_in_file(16) == 99);
	check("dropped: what was written is not the image's",
		!is_direct(map(PROT_READ, MAP_SHARED, 24, 1)) &&
			is_direct(map(PROT_READ, MAP_SHARED, 40, 1)));
}

static sigjmp_buf back;

static void on_bus(int sig, siginfo_t *si, void *c)
{
	siglongjmp(back, si->si_code == BUS_ADRERR ? 1 : 2);
}

static int touch(volatile uint64_t *p)
{
	int got = sigsetjmp(back, 1);

	if (!got)
		(void)*p;
	return got;
}

static void cut(void)
{
	struct sigaction sa = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	volatile uint64_t *m = map(PROT_READ, MAP_SHARED, 0, 512);
	volatile uint64_t *w = map(PROT_READ | PROT_WRITE, MAP_PRIVATE, 0, 512);
	char line[16], buf[PAGE];
	int p[2];

	sigaction(SIGBUS, &sa, NULL);
	for (int i = 0; i < 512; i++)
		(void)AT(m, i);
	(void)AT(w, 64);
	if (pipe(p))
		exit(1);
	printf("@@cut-it\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
	check("cut: SIGBUS for a page that was mapped", touch(&AT(m, 100)) == 1);
	check("cut: and again", touch(&AT(m, 100)) == 1);
	check("cut: read(2) is EIO", pread(fd, buf, PAGE, 120 * PAGE) < 0 && errno == EIO);
	check("cut: and again", pread(fd, buf, PAGE, 120 * PAGE) < 0 && errno == EIO);
	check("cut: a system call's buffer is EFAULT",
		write(p[1], (void *)&AT(m, 140), 100) < 0 && errno == EFAULT);
	check("cut: a path in it is EFAULT",
		open((const char *)&AT(m, 150), O_RDONLY) < 0 && errno == EFAULT);
	if (!sigsetjmp(back, 1)) {
		AT(w, 64) = 1;
		check("cut: SIGBUS for a private write", 0);
	} else {
		check("cut: SIGBUS for a private write", 1);
	}
	check("cut: a write into such a page is EIO",
		pwrite(fd, "x", 1, 200 * PAGE) < 0 && errno == EIO);
	check("cut: a page that was never read is EIO",
		pread(fd, buf, PAGE, 580 * PAGE) < 0 && errno == EIO);
	check("cut: the rest of the system goes on", !access("/proc/self/stat", F_OK));
}

int main(int argc, char **argv)
{
	struct stat st;
	unsigned long pages;
	volatile uint64_t *whole;

	fd = open(argv[1], O_RDWR);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (fd < 0 || fstat(fd, &st)) {
		perror(argv[1]);
		return 1;
	}
	if (argc > 2) {
		cut();
		return 0;
	}
	pages = (unsigned long)st.st_size / PAGE;
	whole = map(PROT_READ, MAP_SHARED, 0, pages);
	reading(whole, pages);
	private_write(whole);
	shared_write(whole);
	file_write(whole);
	truncation(whole, pages);
	munmap((void *)whole, pages * PAGE);
	dropping(pages);
	return 0;
}
