/* SPDX-License-Identifier: MIT */
/*
 * swap-use: tests what programs see of swap areas. Each call runs a step and prints a line that
 * says whether all was right:
 *
 *	on PATH [FLAGS]     off PATH     swapon(2) and swapoff(2), with the error
 *	big MIB             that much memory, written and read three times, in and out of order
 *	out                 MADV_PAGEOUT: what mincore, smaps, pagemap and the counters say, and the
 *                          bytes
 *	fork                children of pages that are in an area, and their own writes
 *	ends                mremap, mprotect, DONTNEED, munmap, mlock, direct reads into swapped
 *                          memory
 *	uffd                userfaultfd: registering, moving
 *	bus                 reads memory whose area fails: which pages were SIGBUS
 *	stress SECONDS      processes and threads that write, read, page out, fork, zap, move
 *	mapped PATH         an area in a file that is mapped writable: stores, new mappings,
 *                          mprotect
 *	hold MIB            keeps that much, prints a line, and ends when its input does
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define PAGE 4096UL
#define MIB (1UL << 20)

typedef uint64_t u64;

static char *map(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static u64 word(u64 page, u64 seed)
{
	u64 x = page * 0x9e3779b97f4a7c15 + seed * 0xbf58476d1ce4e5b9 + 1;

	x ^= x >> 31;
	x *= 0x94d049bb133111eb;
	return x ^ x >> 29;
}

static void put(char *p, u64 page, u64 seed)
{
	u64 *w = (u64 *)(p + page * PAGE), v = word(page, seed);

	for (unsigned i = 0; i < PAGE / 8; i += 8)
		w[i] = v + i;
	w[511] = v;
}

static int is(const char *p, u64 page, u64 seed)
{
	const u64 *w = (const u64 *)(p + page * PAGE);
	u64 v = word(page, seed);

	for (unsigned i = 0; i < PAGE / 8; i += 8)
		if (w[i] != v + i)
			return 0;
	return w[511] == v;
}

static u64 wrong_pages(const char *p, u64 pages, u64 seed)
{
	u64 n = 0;

	for (u64 i = 0; i < pages; i++)
		n += !is(p, i, seed);
	return n;
}

/* Returns the number after @key in a file of /proc, or -1. */
static long number(const char *file, const char *key)
{
	char line[256];
	FILE *f = fopen(file, "r");
	long v = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			v = strtol(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return v;
}

/* Returns the number after @key for the mapping that begins at @p, or -1. */
static long smaps(const char *p, const char *key)
{
	char line[256], start[32];
	FILE *f = fopen("/proc/self/smaps", "r");
	int in = 0;
	long v = -1;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)p);
	while (f && fgets(line, sizeof(line), f)) {
		char *dash = strchr(line, '-');

		if (dash && strspn(line, "0123456789abcdef") == (size_t)(dash - line))
			in = !strncmp(line, start, strlen(start));
		else if (in && !strncmp(line, key, strlen(key)))
			v = strtol(line + strlen(key), NULL, 10);
	}
	if (f)
		fclose(f);
	return v;
}

static u64 pagemap(const char *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	u64 v = 0;

	if (pread(fd, &v, 8, (off_t)((u64)p / PAGE * 8)) != 8)
		v = 0;
	close(fd);
	return v;
}

static int say(const char *what, int ok)
{
	printf("%s %s\n", what, ok ? "ok" : "WRONG");
	return !ok;
}

static void page_out(char *p, size_t n)
{
	if (madvise(p, n, MADV_PAGEOUT))
		perror("MADV_PAGEOUT");
}

/* ---- big ---- */

static int big(u64 mib)
{
	u64 pages = mib * (MIB / PAGE), bad = 0;
	char *p = map(pages * PAGE);

	for (u64 round = 1; round <= 3; round++) {
		for (u64 i = 0; i < pages; i++)
			put(p, i, round);
		bad += wrong_pages(p, pages, round);
		for (u64 i = 0, at = 7; i < pages / 8; i++, at = (at * 5 + 12345) % pages)
			bad += !is(p, at, round);
	}
	if (bad)
		printf("%lu pages are wrong\n", (unsigned long)bad);
	return say("big", !bad);
}

/* ---- out ---- */

#define OUT 600UL

static int out(void)
{
	char *p = map(OUT * PAGE);
	unsigned char core[OUT];
	u64 there = 0, swapped = 0, bad = 0;
	long in = number("/proc/vmstat", "pswpin"), was = number("/proc/vmstat", "pswpout"), swap;

	for (u64 i = 0; i < OUT; i++)
		put(p, i, 1);
	page_out(p, OUT * PAGE);
	for (int t = 0; t < 1000 && number("/proc/vmstat", "pswpout") < was + (long)OUT; t++)
		usleep(10000);
	mincore(p, OUT * PAGE, core);
	for (u64 i = 0; i < OUT; i++) {
		there += core[i] & 1;
		swapped += (pagemap(p + i * PAGE) >> 62) == 1;
	}
	swap = smaps(p, "Swap:");
	printf("%lu there, %lu swapped, Swap %ld, SwapPss %ld, VmSwap %d\n", (unsigned long)there,
		(unsigned long)swapped, swap, smaps(p, "SwapPss:"),
		number("/proc/self/status", "VmSwap:") >= swap);
	bad = wrong_pages(p, OUT, 1);
	printf("%lu wrong, Swap %ld, read %d\n", (unsigned long)bad, smaps(p, "Swap:"),
		number("/proc/vmstat", "pswpin") - in >= (long)OUT);
	return say("out", !bad && !there && swapped == OUT);
}

/* ---- fork ---- */

static int child_of(char *p, u64 pages, int n)
{
	for (u64 i = n % 3; i < pages; i += 3)
		put(p, i, 100 + n);
	for (u64 i = 0; i < pages; i++)
		if (!is(p, i, i % 3 == (u64)n % 3 ? 100 + n : 1))
			return 1;
	page_out(p, pages * PAGE);
	for (u64 i = 0; i < pages; i++)
		if (!is(p, i, i % 3 == (u64)n % 3 ? 100 + n : 1))
			return 2;
	return 0;
}

static int forks(void)
{
	u64 pages = 500;
	char *p = map(pages * PAGE);
	int bad = 0, status;

	for (u64 i = 0; i < pages; i++)
		put(p, i, 1);
	page_out(p, pages * PAGE);
	for (int n = 0; n < 12; n++)
		if (!fork())
			_exit(child_of(p, pages, n));
	bad += wrong_pages(p, pages, 1) != 0;
	page_out(p, pages * PAGE);
	while (wait(&status) > 0)
		bad += status != 0;
	bad += wrong_pages(p, pages, 1) != 0;
	return say("fork", !bad);
}

/* ---- ends ---- */

static int ends(void)
{
	u64 n = 64;
	char *p = map(n * PAGE), *q;
	int bad = 0, fd;
	char byte = 0;

	for (u64 i = 0; i < n; i++)
		put(p, i, 1);
	page_out(p, n * PAGE);
	q = map(2 * n * PAGE);
	q = mremap(p, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	bad |= q == MAP_FAILED || wrong_pages(q, n, 1);
	page_out(q, n * PAGE);
	bad |= (mprotect(q, n * PAGE, PROT_READ) || wrong_pages(q, n, 1)) << 1;
	page_out(q, n * PAGE);
	bad |= (mprotect(q, n * PAGE, PROT_NONE) || mprotect(q, n * PAGE, PROT_READ | PROT_WRITE) ||
		       wrong_pages(q, n, 1))
	       << 2;
	put(q, 3, 1);
	page_out(q, n * PAGE);
	madvise(q, 8 * PAGE, MADV_DONTNEED);
	for (u64 i = 0; i < 8 * PAGE; i++)
		byte |= q[i];
	bad |= (byte != 0) << 3;
	for (u64 i = 0; i < 8; i++)
		put(q, i, 1);
	page_out(q, n * PAGE);
	bad |= (mlock(q, n * PAGE) || smaps(q, "Swap:") != 0) << 4;
	madvise(q, n * PAGE, MADV_PAGEOUT); /* EINVAL: locked */
	bad |= (smaps(q, "Swap:") != 0) << 5;
	munlock(q, n * PAGE);
	page_out(q, n * PAGE);
	fd = open("/proc/self/mem", O_RDWR);
	for (u64 i = 0; i < n; i++) {
		u64 v = word(i, 1), got = 0;

		bad |= (pread(fd, &got, 8, (off_t)(q + i * PAGE)) != 8 || got != v) << 6;
	}
	page_out(q, n * PAGE);
	lseek(fd, 0, SEEK_SET);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY | O_DIRECT);
	if (fd >= 0 && read(fd, q, 4 * PAGE) != 4 * PAGE)
		bad |= 1 << 7;
	if (fd >= 0 && memcmp(q, "\177ELF", 4) != 0)
		bad |= 1 << 8;
	close(fd);
	munmap(q, n * PAGE);
	if (bad)
		printf("bits %#x\n", bad);
	return say("ends", !bad);
}

/* ---- userfaultfd ---- */

struct move {
	unsigned long long dst, src, len, mode;
	long long move;
};
#define MOVE _IOWR(UFFDIO, 5, struct move)

static int uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 1 << 16 };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), bad = 0;
	u64 n = 32;
	char *p = map(n * PAGE), *q = map(n * PAGE);
	struct move m = { (u64)q, (u64)p, n * PAGE, 0, 0 };

	bad |= fd < 0 || ioctl(fd, UFFDIO_API, &api);
	for (u64 i = 0; i < n; i++)
		put(p, i, 1);
	page_out(p, n * PAGE);
	r.range.start = (u64)p;
	r.range.len = n * PAGE;
	bad |= (ioctl(fd, UFFDIO_REGISTER, &r) != 0) << 1;
	bad |= (wrong_pages(p, n, 1) != 0) << 2;
	bad |= (ioctl(fd, UFFDIO_UNREGISTER, &r.range) != 0) << 3;
	r.range.start = (u64)q;
	bad |= (ioctl(fd, UFFDIO_REGISTER, &r) != 0) << 4;
	page_out(p, n * PAGE);
	bad |= (ioctl(fd, MOVE, &m) != 0 || m.move != (long long)(n * PAGE)) << 5;
	bad |= (wrong_pages(q, n, 1) != 0) << 6;
	if (bad)
		printf("bits %#x\n", bad);
	return say("uffd", !bad);
}

/* ---- an area that fails ---- */

static sigjmp_buf back;

static void on_bus(int sig)
{
	siglongjmp(back, sig);
}

static int bus(void)
{
	volatile u64 lost = 0, bad = 0;
	volatile int efault = 0;
	u64 n = 256;
	char *p = map(n * PAGE);
	long was = number("/proc/vmstat", "pswpout");
	int pipes[2];

	signal(SIGBUS, on_bus);
	for (u64 i = 0; i < n; i++)
		put(p, i, 1);
	page_out(p, n * PAGE);
	for (int t = 0; t < 100 && number("/proc/vmstat", "pswpout") < was + (long)n; t++)
		usleep(10000);
	if (pipe(pipes))
		return 1;
	for (u64 i = 0; i < n; i++) {
		if (sigsetjmp(back, 1)) {
			lost++;
			efault += write(pipes[1], p + i * PAGE, 1) < 0 && errno == EFAULT;
			continue;
		}
		bad += !is(p, i, 1);
	}
	printf("lost %s, EFAULT %s, wrong %lu\n", lost ? "some" : "none",
		efault == (int)lost ? "as many" : "not as many", (unsigned long)bad);
	return say("bus", !bad);
}

/* ---- stress ---- */

#define AREAS 4
#define AREA 700UL /* pages */

static volatile int stop;

struct worker {
	char *p;
	u64 seed[AREA], rounds;
	unsigned random;
	int failed;
};

static unsigned rnd(struct worker *w)
{
	w->random = w->random * 1103515245 + 12345;
	return w->random >> 8;
}

static int check_all(const struct worker *w)
{
	for (u64 i = 0; i < AREA; i++)
		if (w->seed[i] ? !is(w->p, i, w->seed[i]) : w->p[i * PAGE] != 0)
			return 1;
	return 0;
}

static void step(struct worker *w)
{
	u64 at = rnd(w) % AREA, n = rnd(w) % 64 + 1;
	char *q;

	if (at + n > AREA)
		n = AREA - at;
	switch (rnd(w) % 8) {
	case 0:
	case 1:
		for (u64 i = at; i < at + n; i++)
			put(w->p, i, w->seed[i] = rnd(w) + 1);
		break;
	case 2: madvise(w->p + at * PAGE, n * PAGE, MADV_PAGEOUT); break;
	case 3:
		madvise(w->p, AREA * PAGE, MADV_PAGEOUT);
		w->failed |= check_all(w);
		break;
	case 4:
		madvise(w->p + at * PAGE, n * PAGE, MADV_DONTNEED);
		memset(w->seed + at, 0, n * sizeof(w->seed[0]));
		break;
	case 5:
		q = mremap(w->p, AREA * PAGE, AREA * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
		if (q != MAP_FAILED) {
			munmap(w->p, AREA * PAGE);
			w->p = q;
		}
		break;
	case 6:
		for (u64 i = at; i < at + n; i++)
			w->failed |= w->seed[i] && !is(w->p, i, w->seed[i]);
		break;
	case 7:
		mprotect(w->p + at * PAGE, n * PAGE, PROT_READ);
		w->failed |= w->seed[at] && !is(w->p, at, w->seed[at]);
		mprotect(w->p + at * PAGE, n * PAGE, PROT_READ | PROT_WRITE);
	}
}

static void *thread(void *arg)
{
	struct worker *w = arg;

	while (!stop && !w->failed) {
		step(w);
		w->rounds++;
		if (w->rounds % 97 == 0)
			w->failed |= check_all(w) << 1;
	}
	return NULL;
}

static void on_alarm(int sig)
{
	stop = 1;
}

static int stress_process(unsigned seed, int seconds)
{
	static struct worker w[AREAS];
	pthread_t t[AREAS];
	int bad = 0, status;
	time_t end = time(NULL) + seconds;

	for (int i = 0; i < AREAS; i++) {
		w[i].p = map(AREA * PAGE);
		w[i].random = seed * 77 + i;
		pthread_create(&t[i], NULL, thread, &w[i]);
	}
	char *own = map(AREA * PAGE);

	for (u64 i = 0; i < AREA; i++)
		put(own, i, seed);
	while (time(NULL) < end && !bad) {
		pid_t pid = fork();

		if (!pid) {
			put(own, seed % AREA, seed + 1);
			madvise(own, AREA * PAGE, MADV_PAGEOUT);
			for (u64 i = 0; i < AREA; i++)
				if (!is(own, i, seed + (i == seed % AREA)))
					_exit(1);
			_exit(0);
		}
		madvise(own, AREA * PAGE, MADV_PAGEOUT);
		bad |= wrong_pages(own, AREA, seed) != 0;
		if (pid > 0 && waitpid(pid, &status, 0) == pid)
			bad |= (status != 0) << 1;
	}
	stop = 1;
	for (int i = 0; i < AREAS; i++) {
		pthread_join(t[i], NULL);
		bad |= w[i].failed << 2;
		bad |= check_all(&w[i]) << 4;
	}
	if (bad)
		printf("process %u: bits %#x\n", seed, bad);
	return bad;
}

static int stress(int seconds)
{
	int status, bad = 0;

	signal(SIGALRM, on_alarm);
	for (unsigned i = 1; i <= 4; i++)
		if (!fork())
			exit(stress_process(i, seconds) != 0);
	while (wait(&status) > 0) {
		if (status)
			printf("status %#x\n", status);
		bad |= status;
	}
	return say("stress", !bad);
}

/* ---- calls ---- */

static int call(const char *what, int err)
{
	printf("%s: %s\n", what, err ? strerror(errno) : "ok");
	return err != 0;
}

static sigjmp_buf no_store;

static void on_no_store(int sig)
{
	siglongjmp(no_store, 1);
}

static const char *store(volatile char *p)
{
	if (sigsetjmp(no_store, 1))
		return "SIGBUS";
	*p = 'x';
	return "ok";
}

/* Page 1 is clean at swapon(2), page 2 is dirty; the mapping has written both before. */
static int mapped(const char *path)
{
	int fd = open(path, O_RDWR);
	char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *q;

	if (fd < 0 || p == MAP_FAILED)
		return say("mapped", 0);
	signal(SIGBUS, on_no_store);
	p[PAGE] = 'a';
	msync(p, 16 * PAGE, MS_SYNC);
	p[2 * PAGE] = 'b';
	call("on", swapon(path, 0));
	printf("read: %c%c\n", p[PAGE], p[2 * PAGE]);
	printf("stores: %s %s %s\n", store(p + PAGE), store(p + 2 * PAGE), store(p + 3 * PAGE));
	call("map to write",
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	call("map to read", q == MAP_FAILED);
	call("mprotect", mprotect(q, PAGE, PROT_READ | PROT_WRITE));
	printf("store: %s\n", store(q));
	call("off", swapoff(path));
	printf("stores: %s %s %s\n", store(p + PAGE), store(p + 2 * PAGE), store(q));
	return say("mapped", 1);
}

static int hold(u64 mib)
{
	u64 pages = mib * (MIB / PAGE);
	char *p = map(pages * PAGE);

	for (u64 i = 0; i < pages; i++)
		put(p, i, 9);
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return say("hold", !wrong_pages(p, pages, 9));
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int flags = argc > 3 ? (int)strtol(argv[3], NULL, 0) : 0;
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (!strcmp(what, "on"))
		return call("on", swapon(argv[2], flags));
	if (!strcmp(what, "off"))
		return call("off", swapoff(argv[2]));
	if (!strcmp(what, "big"))
		return big(n);
	if (!strcmp(what, "out"))
		return out();
	if (!strcmp(what, "fork"))
		return forks();
	if (!strcmp(what, "ends"))
		return ends();
	if (!strcmp(what, "uffd"))
		return uffd();
	if (!strcmp(what, "bus"))
		return bus();
	if (!strcmp(what, "stress"))
		return stress(n);
	if (!strcmp(what, "mapped"))
		return mapped(argv[2]);
	if (!strcmp(what, "hold"))
		return hold(n);
	return 2;
}
