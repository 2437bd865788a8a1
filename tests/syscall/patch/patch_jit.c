/* SPDX-License-Identifier: MIT */
/*
 * Code that is written at run time: sites that change after they were hot, in every kind of mapping
 * that allows it.
 */
#include "site.h"

static const struct {
	uint32_t nr;
	pid_t (*fn)(void);
} calls[] = {
	{ NR(getpid), getpid },
	{ NR(getppid), getppid },
	{ NR(gettid), gettid },
	{ NR(getpgrp), getpgrp },
};

/* Writes another call to one place each time. @to: where it is written, @at: where it runs. */
static void rewritten(const char *what, char *to, char *at)
{
	long bad = 0;
	int i;

	for (i = 0; i < 8; i++) {
		site_write(to, calls[i % 4].nr);
		bad += site_heat(at, calls[i % 4].fn());
	}
	say("%s, the function: %ld wrong", what, bad);
	for (i = 0, bad = 0; i < 8; i++) {
		memcpy(to + 4, &calls[i % 4].nr, 4);
		bad += site_heat(at, calls[i % 4].fn());
	}
	say("%s, the number: %ld wrong", what, bad);
	for (i = 0, bad = 0; i < 4; i++) { /* mov $77,%eax; nop; nop, and a call again */
		site_write(to, 77);
		memset(to + SITE_SYSCALL, 0x90, 2);
		bad += site_call(at) != 77;
		site_write(to, NR(getppid));
		bad += site_heat(at, getppid());
	}
	say("%s, no call any more: %ld wrong", what, bad);
}

static void writable(void)
{
	char *p = site_page(PROT_READ | PROT_WRITE | PROT_EXEC);

	rewritten("private", p, p);
	say("it reads back what it wrote: %d", (site_write(p, NR(getuid)), p[4]) == NR(getuid));
	munmap(p, PAGE);
}

/* Tests code that is written through one mapping and run through another. */
static void aliased(void)
{
	int fd = NEED(memfd_create("jit", 0));
	char *w, *x;

	NEED(ftruncate(fd, PAGE));
	w = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	x = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	NEED(w == MAP_FAILED || x == MAP_FAILED ? -1 : 0);
	rewritten("two mappings", w, x);
	close(fd);
	munmap(w, PAGE);
	munmap(x, PAGE);
}

/* Tests a page that is never writable and executable at once. */
static void flipped(void)
{
	char *p = site_page(PROT_READ | PROT_WRITE);
	long bad = 0;
	int i;

	for (i = 0; i < 12; i++) {
		NEED(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
		site_write(p + 16 * (i % 3), calls[i % 4].nr);
		NEED(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
		bad += site_heat(p + 16 * (i % 3), calls[i % 4].fn());
	}
	say("mprotect: %ld wrong", bad);
	munmap(p, PAGE);
}

/* Tests a site with its first bytes in one page, the rest in the next. */
static void across(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long bad = 0;
	int i, cut;

	NEED(p == MAP_FAILED ? -1 : 0);
	for (cut = 3; cut < SITE_BYTES; cut++)
		for (i = 0; i < 2; i++) {
			site_write(p + PAGE - cut, calls[(cut + i) % 4].nr);
			bad += site_heat(p + PAGE - cut, calls[(cut + i) % 4].fn());
		}
	say("across two pages: %ld wrong", bad);
	munmap(p, 2 * PAGE);
}

/* Tests many sites in a page, also with numbers of no system call. */
static void dense(void)
{
	char *p = site_page(PROT_READ | PROT_WRITE | PROT_EXEC);
	long bad = 0;
	int i, k;

	for (i = 0; i < PAGE / 16; i++)
		site_write(p + 16 * i, calls[i % 4].nr);
	for (k = 0; k < 100; k++)
		for (i = 0; i < PAGE / 16; i++)
			bad += site_call(p + 16 * i) != calls[i % 4].fn();
	say("256 sites in a page: %ld wrong", bad);
	site_write(p, 1000);
	say("no such call: %ld wrong", site_heat(p, -ENOSYS));
	site_write(p, 0x7fffffff);
	say("nor this: %ld wrong", site_heat(p, -ENOSYS));
	munmap(p, PAGE);
}

TEST(patch_jit)
{
	writable();
	aliased();
	flipped();
	across();
	dense();
}
