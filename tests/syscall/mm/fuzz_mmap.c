/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mmap: thousands of random mmap, munmap, mprotect, mremap, madvise and fork calls on one
 * area, checked against a model of the contents and rights of each page. The seeds are fixed, so
 * that a failure repeats. Whether an unwritten private page follows its file is unspecified
 * (mmap(2)): it may hold what the file held at any time since it was mapped.
 */
#include "rnd.h"
#include <setjmp.h>

#define PAGES 96
#define FILE_PAGES 64

enum { HOLE, ANON, PRIVATE_FILE, SHARED_FILE, SHARED_ANON };

struct page {
	/* file_page: of PRIVATE_FILE (until it is written) and SHARED_FILE */
	int kind, prot, file_page;
	int own;             /* PRIVATE_FILE: has a private copy */
	unsigned char value; /* of pages with private contents */
	/* PRIVATE_FILE, not own: the values that the file has had since */
	uint64_t may[4];
};

static char *area;
static struct page model[PAGES];
static unsigned char file_value[FILE_PAGES];
static int fd;
static sigjmp_buf back;
static int bad;

static void on_fault(int sig)
{
	siglongjmp(back, 1);
}

/* Returns the byte at an address, or -1 where it may not be read. */
static int peek(volatile unsigned char *p)
{
	return sigsetjmp(back, 1) ? -1 : *p;
}

static int poke(volatile unsigned char *p, unsigned char v)
{
	if (sigsetjmp(back, 1))
		return -1;
	*p = v;
	return 0;
}

static void may_hold(struct page *p, unsigned char v)
{
	p->may[v / 64] |= 1ull << v % 64;
}

static void file_changes(int file_page, unsigned char v)
{
	int i;

	file_value[file_page] = v;
	for (i = 0; i < PAGES; i++)
		if (model[i].kind == PRIVATE_FILE && model[i].file_page == file_page)
			may_hold(&model[i], v);
}

static int expected(const struct page *p)
{
	if (p->kind == HOLE || !(p->prot & (PROT_READ | PROT_WRITE)))
		return -1;
	if (p->kind == SHARED_FILE || (p->kind == PRIVATE_FILE && !p->own))
		return file_value[p->file_page];
	return p->value;
}

static void wrong(const char *what, int page, int want, int got)
{
	if (bad++ < 5)
		say("%s: page %d kind %d prot %d: want %d, got %d", what, page, model[page].kind,
			model[page].prot, want, got);
}

static void check(const char *what)
{
	int i, got;

	for (i = 0; i < PAGES; i++) {
		got = peek((unsigned char *)area + i * PAGE + (i * 37) % PAGE);
		if (got >= 0 && model[i].kind == PRIVATE_FILE && !model[i].own &&
			(model[i].may[got / 64] >> got % 64 & 1) && expected(&model[i]) >= 0)
			continue;
		if (got != expected(&model[i]))
			wrong(what, i, expected(&model[i]), got);
	}
}

/* Writes @v to all bytes of a page, so that half-copied pages show. */
static void write_page(int i, unsigned char v)
{
	struct page *p = &model[i];
	int may = p->kind != HOLE && (p->prot & PROT_WRITE), j;

	if (poke((unsigned char *)area + i * PAGE, v) != (may ? 0 : -1))
		wrong("write", i, may, !may);
	if (!may)
		return;
	for (j = 0; j < PAGE; j++)
		area[i * PAGE + j] = (char)v;
	if (p->kind == SHARED_FILE) {
		file_changes(p->file_page, v);
	} else {
		p->value = v;
		p->own = 1;
	}
}

static int random_prot(void)
{
	static const int prots[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_NONE };

	return prots[rnd(4)];
}

static void map(int from, int n)
{
	int kind = 1 + (int)rnd(4), prot = random_prot(),
	    first = (int)rnd(FILE_PAGES - (unsigned)n + 1), i;
	int flags = kind == ANON || kind == PRIVATE_FILE ? MAP_PRIVATE : MAP_SHARED;
	int file = kind == PRIVATE_FILE || kind == SHARED_FILE;

	if (mmap(area + from * PAGE, n * PAGE, prot, flags | MAP_FIXED | (file ? 0 : MAP_ANONYMOUS),
		    file ? fd : -1, file ? first * PAGE : 0) == MAP_FAILED) {
		wrong("mmap", from, 0, errno);
		return;
	}
	for (i = 0; i < n; i++) {
		model[from + i] =
			(struct page){ .kind = kind, .prot = prot, .file_page = first + i };
		may_hold(&model[from + i], file_value[first + i]);
	}
}

static void unmap(int from, int n)
{
	NEED(munmap(area + from * PAGE, n * PAGE));
	while (n--)
		model[from + n] = (struct page){ .kind = HOLE };
}

static void protect(int from, int n)
{
	int prot = random_prot(), i;

	mprotect(area + from * PAGE, n * PAGE, prot); /* changes all up to the first hole */
	for (i = 0; i < n && model[from + i].kind != HOLE; i++)
		model[from + i].prot = prot;
}

static void dont_need(int from, int n)
{
	int i;

	madvise(area + from * PAGE, n * PAGE, MADV_DONTNEED);
	for (i = 0; i < n; i++) {
		struct page *p = &model[from + i];

		if (p->kind == ANON)
			p->value = 0;
		if (p->kind == PRIVATE_FILE) {
			p->own = 0;
			memset(p->may, 0, sizeof(p->may));
			may_hold(p, file_value[p->file_page]);
		}
	}
}

/* Moves a piece of a mapping to another place. */
static void move(int from, int n, int to)
{
	int i;

	for (i = 1; i < n; i++)
		if (model[from + i].kind != model[from].kind ||
			model[from + i].prot != model[from].prot ||
			(model[from].kind != ANON &&
				model[from + i].file_page != model[from].file_page + i))
			return;
	if (model[from].kind == HOLE || model[from].kind == SHARED_ANON ||
		(to < from + n && from < to + n))
		return;
	if (mremap(area + from * PAGE, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    area + to * PAGE) == MAP_FAILED) {
		/* neighbours of one kind may be two mappings */
		if (errno != EFAULT)
			wrong("mremap", from, 0, errno);
		return;
	}
	for (i = 0; i < n; i++) {
		model[to + i] = model[from + i];
		model[from + i] = (struct page){ .kind = HOLE };
	}
}

static void forked(void)
{
	int status, i;
	pid_t pid = NEED(fork());

	if (!pid) {
		bad = 0;
		check("child");
		for (i = 0; i < PAGES; i++)
			if (model[i].kind == ANON || model[i].kind == PRIVATE_FILE)
				write_page(i, (unsigned char)rnd(256));
		check("child, written");
		_exit(bad != 0);
	}
	/* while the child runs: pages that it shares must stay */
	for (i = 0; i < 4; i++) {
		int page = (int)rnd(PAGES);

		if (model[page].kind == ANON || model[page].kind == PRIVATE_FILE)
			write_page(page, (unsigned char)rnd(256));
	}
	NEED(waitpid(pid, &status, 0));
	if (status)
		wrong("fork", 0, 0, status);
}

static void file_write(void)
{
	unsigned char buf[PAGE];
	int page = (int)rnd(FILE_PAGES);

	memset(buf, (int)rnd(256), PAGE);
	file_changes(page, buf[0]);
	NEED(pwrite(fd, buf, PAGE, page * PAGE));
}

static void round_(uint64_t s, int steps)
{
	int i, j;

	rnd_seed = s;
	NEED(munmap(area, PAGES * PAGE));
	memset(model, 0, sizeof(model));
	for (i = 0; i < steps; i++) {
		int from = (int)rnd(PAGES), n = 1 + (int)rnd(12);

		if (from + n > PAGES)
			n = PAGES - from;
		switch (rnd(16)) {
		case 0 ... 3: map(from, n); break;
		case 4: unmap(from, n); break;
		case 5 ... 6: protect(from, n); break;
		case 7: dont_need(from, n); break;
		case 8 ... 9: move(from, n, (int)rnd(PAGES - (unsigned)n + 1)); break;
		case 10: file_write(); break;
		case 11:
			if (rnd(4) == 0)
				forked();
			break;
		default:
			for (j = 0; j < n; j++)
				write_page(from + j, (unsigned char)rnd(256));
		}
		if (i % 8 == 0)
			check("step");
	}
	check("end");
}

TEST(fuzz_mmap)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	unsigned char zero[PAGE] = { 0 };
	int i;

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	for (i = 0; i < FILE_PAGES; i++)
		NEED(write(fd, zero, PAGE));
	area = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 1; i <= 12; i++)
		round_((uint64_t)i * 7919, 400);
	say("pages that were wrong: %d", bad);
}
