/* SPDX-License-Identifier: MIT */
/*
 * madvise_guard: MADV_GUARD_INSTALL and MADV_GUARD_REMOVE: pages that fault when touched, without
 * areas of their own.
 */
#include "recorded.h"
#include <setjmp.h>

#define GUARD 102
#define NO_GUARD 103
#define N 16

static sigjmp_buf out;
static int sig, code;
static char *fault_at;

static void caught(int s, siginfo_t *info, void *context)
{
	sig = s;
	code = info->si_code;
	fault_at = info->si_addr;
	siglongjmp(out, 1);
}

static void touch(const char *what, volatile char *p, bool write)
{
	if (sigsetjmp(out, 1)) {
		say("%s: signal %d code %d%s", what, sig, code, fault_at == p ? "" : " elsewhere");
		return;
	}
	if (write)
		*p = 9;
	say("%s: %d", what, *p);
}

/* Prints a character for each page: its contents, G for a guard page, or B. */
static void show(const char *what, char *p, int n)
{
	char line[N + 1] = "";

	for (int i = 0; i < n; i++) {
		if (sigsetjmp(out, 1))
			line[i] = sig == SIGSEGV ? 'G' : 'B';
		else
			line[i] = (char)('0' + ((volatile char *)p)[i * PAGE]);
	}
	say("%s: %s", what, line);
}

static char *anon(void)
{
	char *p = t_pages(N);

	for (int i = 0; i < N; i += 2)
		p[i * PAGE] = (char)(i / 2 + 1);
	return p;
}

static long areas(const char *p)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to, at = (unsigned long)p;
	char line[512];
	long n = 0;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from < at + N * PAGE && to > at)
			n++;
	fclose(f);
	return n;
}

static unsigned long long pagemap(char *p)
{
	unsigned long long e = 0;
	int fd = NEED(open("/proc/self/pagemap", O_RDONLY));

	NEED(pread(fd, &e, 8, (off_t)((uintptr_t)p / PAGE * 8)));
	close(fd);
	return e >> 57 << 57 & ~(1ULL << 57);
}

static void anonymous(void)
{
	char *p = anon(), buf[8] = "";
	unsigned char vec[N];
	int ends[2], status;

	T(madvise(p + 4 * PAGE, 4 * PAGE, GUARD));
	touch("read", p + 4 * PAGE, false);
	touch("write", p + 7 * PAGE + 5, true);
	touch("before", p + 4 * PAGE - 1, true);
	touch("behind", p + 8 * PAGE, true);
	say("one area: %d", areas(p) == 1);
	T(mincore(p, N * PAGE, vec));
	say("core %d %d %d", vec[3] & 1, vec[4] & 1, vec[8] & 1);
	say("pagemap %d %d", (int)(pagemap(p + 9 * PAGE) >> 58 & 0x2f),
		(int)(pagemap(p + 5 * PAGE) >> 58 & 0x3f));
	NEED(pipe(ends));
	T(write(ends[1], p + 5 * PAGE, 8));
	NEED(write(ends[1], "12345678", 8));
	T(read(ends[0], p + 5 * PAGE, 8));
	T(write(ends[1], p + 4 * PAGE - 4, 8));
	int mem = NEED(open("/proc/self/mem", O_RDWR));
	T(pread(mem, buf, 8, (off_t)(uintptr_t)p + 4 * PAGE));
	T(pwrite(mem, buf, 8, (off_t)(uintptr_t)p + 4 * PAGE));
	close(mem);
	T(madvise(p, N * PAGE, MADV_DONTNEED));
	show("dontneed", p, N);
	T(madvise(p, N * PAGE, MADV_FREE));
	T(mprotect(p + 2 * PAGE, 4 * PAGE, PROT_READ));
	T(mprotect(p + 2 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE));
	show("protected and back", p, N);
	T(madvise(p, N * PAGE, MADV_POPULATE_READ));
	T(madvise(p, N * PAGE, MADV_POPULATE_WRITE));
	T(mlock(p, N * PAGE));
	T(madvise(p, PAGE, GUARD));
	T(madvise(p + 7 * PAGE, PAGE, NO_GUARD));
	T(munlock(p, N * PAGE));
	show("one gone", p, N);
	if (!fork()) {
		show("a child", p, N);
		T(madvise(p + 4 * PAGE, PAGE, NO_GUARD));
		show("its own", p, N);
		_exit(0);
	}
	wait(&status);
	show("the parent", p, N);
	T(madvise(p, N * PAGE, NO_GUARD));
	show("all gone", p, N);
	T(madvise(p, N * PAGE, GUARD));
	T(madvise(p, N * PAGE, GUARD));
	show("all", p, N);
	munmap(p + 3 * PAGE, PAGE);
	T(madvise(p, N * PAGE, NO_GUARD));
	T(madvise(p, N * PAGE, GUARD));
	T(madvise(p + 3 * PAGE, PAGE, GUARD));
	NEED(mmap(p + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ?
			-1 :
			0);
	show("a new one", p, N);
	munmap(p, N * PAGE);
}

static void moved(void)
{
	char *p = anon(), *q = t_pages(2 * N), *r;

	T(madvise(p + 2 * PAGE, 3 * PAGE, GUARD));
	r = mremap(p, N * PAGE, N * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	say("moved: %d", r == q);
	show("there", q, N);
	munmap(q, 2 * N * PAGE);
	p = anon();
	T(madvise(p, PAGE, MADV_WIPEONFORK));
	T(madvise(p, 2 * PAGE, GUARD));
	if (!fork()) {
		show("wiped", p, 4);
		_exit(0);
	}
	wait(NULL);
	munmap(p, N * PAGE);
}

/* Ranges larger and smaller than the span of a page table, many times. */
static void large(void)
{
	size_t size = 4UL << 20;
	char *p = t_pages(size / PAGE);
	volatile int bad = 0;

	for (int round = 0; round < 8; round++) {
		memset(p, round, size);
		T(madvise(p + PAGE, size - 2 * PAGE, GUARD));
		for (size_t at = PAGE; at < size - PAGE; at += 37 * PAGE)
			if (sigsetjmp(out, 1) == 0) {
				(void)*(volatile char *)(p + at);
				bad = bad + 1;
			}
		T(madvise(p, size, NO_GUARD));
		for (size_t at = PAGE; at < size - PAGE; at += PAGE)
			bad = bad + (p[at] != 0);
	}
	say("bad %d, ends %d %d", bad, p[0], p[size - 1]);
	munmap(p, size);
}

static void files(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	char *p, *q;

	NEED(ftruncate(fd, 8 * PAGE));
	p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	for (int i = 0; i < 8; i++)
		p[i * PAGE] = (char)i;
	T(madvise(p + 2 * PAGE, 3 * PAGE, GUARD));
	show("shared", p, 8);
	T(madvise(q + PAGE, PAGE, GUARD));
	show("private, read-only", q, 8);
	T(ftruncate(fd, 4 * PAGE));
	show("cut", p, 8);
	T(ftruncate(fd, 8 * PAGE));
	show("longer", p, 8);
	T(madvise(p, 8 * PAGE, MADV_DONTNEED));
	T(madvise(p, 8 * PAGE, NO_GUARD));
	T(madvise(q, 8 * PAGE, NO_GUARD));
	show("gone", p, 8);
	show("gone", q, 8);
	munmap(p, 8 * PAGE);
	munmap(q, 8 * PAGE);
	close(fd);
}

static void errors(void)
{
	char *p = t_pages(4);

	T(madvise(p + 1, PAGE, GUARD));
	T(madvise(p, 0, GUARD));
	T(mlock(p, PAGE));
	T(madvise(p, PAGE, GUARD));
	T(madvise(p, PAGE, NO_GUARD));
	T(munlock(p, PAGE));
	T(mprotect(p, 4 * PAGE, PROT_NONE));
	T(madvise(p, 4 * PAGE, GUARD));
	touch("no access", p, false);
	T(mprotect(p, 4 * PAGE, PROT_READ | PROT_WRITE));
	touch("access", p, false);
	T(madvise(p, 4 * PAGE, 104));
	munmap(p, 4 * PAGE);
}

static const char expected[] =
#include "madvise_guard.inc"
	;

TEST(madvise_guard)
{
	struct sigaction sa = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };

	if (older_than(6, 15))
		RECORDED(expected);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	anonymous();
	moved();
	large();
	files();
	errors();
}
