/* SPDX-License-Identifier: MIT */
/*
 * Hot sites whose page changes under them: the program's own text made writable, files that are
 * written, cut or replaced while they run, pages that are unmapped, moved, dropped.
 */
#include "site.h"

/* a site that has a page of the program's text for itself */
__asm__(".pushsection .text\n\t.balign 4096\n\t.globl change_site\nchange_site:\n\t"
	"mov %rcx, %r10\n\tmov $110, %eax\n\tsyscall\n\tret\n\t.balign 4096\n\t.popsection");
extern char change_site[];

static void own_text(void)
{
	long bad = site_heat(change_site, getppid());

	NEED(mprotect(change_site, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	site_write(change_site, NR(getpid));
	bad += site_heat(change_site, getpid());
	change_site[4] = NR(gettid) & 255;
	bad += site_heat(change_site, gettid());
	NEED(mprotect(change_site, PAGE, PROT_READ | PROT_EXEC));
	bad += site_heat(change_site, gettid());
	say("own text: %ld wrong", bad);
}

/* Writes the site through /proc/self/mem, as some debuggers do. */
static void proc_mem(void)
{
	char code[SITE_BYTES];
	int fd = NEED(open("/proc/self/mem", O_RDWR));
	long bad = 0;

	site_write(code, NR(getppid));
	T(pwrite(fd, code, sizeof(code), (long)change_site));
	bad += site_heat(change_site, getppid());
	site_write(code, NR(getpid));
	T(pwrite(fd, code, sizeof(code), (long)change_site));
	bad += site_heat(change_site, getpid());
	say("/proc/self/mem: %ld wrong", bad);
	close(fd);
}

/* Maps a file with one page of code, and then writes it with write(). */
static void file(const char *what, int flags)
{
	char code[PAGE] = { 0 }, *p, *q;
	long bad = 0;
	int fd = NEED(open("code", O_RDWR | O_CREAT | O_TRUNC, 0700));

	site_write(code, NR(getppid));
	NEED(pwrite(fd, code, PAGE, 0));
	p = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, flags, fd, 0);
	q = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, flags, fd, 0);
	NEED(p == MAP_FAILED || q == MAP_FAILED ? -1 : 0);
	bad += site_heat(p, getppid());
	site_write(code, NR(getpid));
	NEED(pwrite(fd, code, PAGE, 0));
	bad += site_heat(p, getpid());
	bad += site_heat(q, getpid());
	code[4] = NR(getuid);
	NEED(pwrite(fd, code + 4, 1, 4));
	bad += site_heat(p, getuid());
	bad += site_heat(q, getuid());
	say("%s: %ld wrong", what, bad);
	CHILD({
		code[4] = NR(getpgrp);
		NEED(pwrite(fd, code + 4, 1, 4));
		_exit(site_heat(p, getpgrp()) != 0);
	});
	say("a child wrote it: %d", site_call(p) == getpgrp());
	NEED(munmap(p, PAGE));
	say("the other mapping: %ld wrong", site_heat(q, getpgrp()));
	NEED(ftruncate(fd, 0));
	CHILD(site_call(q));
	NEED(munmap(q, PAGE));
	close(fd);
}

static char *replaced_at(char *at, uint32_t nr)
{
	char *p = mmap(at, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	site_write(p, nr);
	return p;
}

/* Tests another page at one address, and one page at another address. */
static void moved(void)
{
	char *p = site_page(PROT_READ | PROT_WRITE | PROT_EXEC), *q;
	long bad = 0, zeros = 0;
	int i, k;

	for (i = 0; i < 50; i++) {
		p = replaced_at(p, i & 1 ? NR(getpid) : NR(getppid));
		bad += site_heat(p, i & 1 ? getpid() : getppid());
		if (i % 3 == 0)
			NEED(munmap(p, PAGE));
	}
	say("replaced: %ld wrong", bad);
	for (i = 0, bad = 0; i < 20; i++) {
		p = replaced_at(p, NR(getppid));
		bad += site_heat(p, getppid());
		q = site_page(PROT_NONE);
		q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
		NEED(q == MAP_FAILED ? -1 : 0);
		bad += site_heat(q, getppid());
		NEED(munmap(q, PAGE));
	}
	say("moved: %ld wrong", bad);
	p = replaced_at(p, NR(getppid));
	for (i = 0, bad = 0; i < 20; i++) {
		site_write(p, NR(getppid));
		bad += site_heat(p, getppid());
		NEED(madvise(p, PAGE, MADV_DONTNEED));
		for (k = 0; k < SITE_BYTES; k++)
			zeros += p[k] == 0;
	}
	say("dropped: %ld wrong, %ld zeros", bad, zeros);
	munmap(p, PAGE);
}

TEST(patch_text_change)
{
	own_text();
	proc_mem();
	file("a shared file", MAP_SHARED);
	file("a private file", MAP_PRIVATE);
	moved();
	say("own text at the end: %ld wrong", site_heat(change_site, getpid()));
}
