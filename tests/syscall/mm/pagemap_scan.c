/* SPDX-License-Identifier: MIT */
/*
 * pagemap_scan: PAGEMAP_SCAN, an ioctl of /proc/PID/pagemap: ranges of pages by category, in more
 * or less room.
 */
#include "recorded.h"
#include <sys/ioctl.h>

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof, ret;
};
struct region {
	uint64_t start, end, kinds;
};
#define SCAN _IOWR('f', 16, struct scan)
#define WPALLOWED 1
#define WRITTEN 2
#define FILE_ 4
#define PRESENT 8
#define SWAPPED 0x10
#define SOFT_DIRTY 0x80
#define GUARD 0x100
#define N 64

static int pagemap;
static char *base;
static struct region r[4096];

static void tell(const char *what, struct scan s, uint64_t len)
{
	char line[1024] = "";
	long n;
	int at = 0;

	memset(r, 0xff, sizeof(r));
	s.size = sizeof(s);
	s.vec = (uintptr_t)r;
	s.vec_len = len;
	s.walk_end = 77;
	n = ioctl(pagemap, SCAN, &s);
	if (n < 0) {
		say("%s: %s, end %ld", what, t_errno(errno),
			s.walk_end == 77 ? -1 : ((long)s.walk_end - (long)base) / PAGE);
		return;
	}
	for (long i = 0; i < n && at < 900; i++)
		at += sprintf(line + at, " %ld-%ld:%#lx", ((long)r[i].start - (long)base) / PAGE,
			((long)r[i].end - (long)base) / PAGE, (long)r[i].kinds);
	say("%s: %ld, end %ld:%s%s", what, n, ((long)s.walk_end - (long)base) / PAGE, line,
		r[n].start == -1UL ? "" : " and more");
}

#define SCAN_AT(what, len, ...)                                                                    \
	tell(what,                                                                                 \
		(struct scan){ .start = (uintptr_t)base,                                           \
			.end = (uintptr_t)base + N * PAGE,                                         \
			__VA_ARGS__ },                                                             \
		len)

static void make(void)
{
	int fd = NEED(open("file", O_RDWR | O_CREAT, 0600)), m = NEED(memfd_create("m", 0));

	NEED(ftruncate(fd, 8 * PAGE));
	NEED(ftruncate(m, 8 * PAGE));
	base = mmap(NULL, N * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	munmap(base, N * PAGE);
#define AT(page, n, prot, flags, fd, off)                                                          \
	NEED(mmap(base + (page)*PAGE, (n)*PAGE, prot, (flags) | MAP_FIXED, fd, (off)*PAGE) ==      \
				MAP_FAILED ?                                                       \
			-1 :                                                                       \
			0)
	AT(0, 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	AT(20, 4, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	AT(24, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE, m, 4);
	AT(32, 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	AT(34, 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	AT(40, 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 2; i < 16; i += 3)
		base[i * PAGE] = base[(i + 1) * PAGE] = 1;
	for (int i = 20; i < 24; i++)
		base[i * PAGE] = 1;
	base[24 * PAGE] = base[26 * PAGE] = 1;
	madvise(base + 40 * PAGE, 3 * PAGE, 102);
	for (int i = 43; i < 64; i++)
		base[i * PAGE] = 1;
	close(fd);
	close(m);
}

static void kinds(void)
{
	SCAN_AT("present", 100, .mask = PRESENT, .ret = PRESENT);
	SCAN_AT("present, all told", 100, .mask = PRESENT, .ret = 0x1ff & ~SOFT_DIRTY);
	SCAN_AT("nothing told", 100, .mask = PRESENT);
	SCAN_AT("everything", 100, .ret = PRESENT | FILE_ | GUARD | SWAPPED);
	SCAN_AT("of files", 100, .mask = FILE_, .ret = PRESENT | FILE_);
	SCAN_AT("not of files", 100, .mask = FILE_ | PRESENT, .inverted = FILE_, .ret = PRESENT);
	SCAN_AT("absent", 100, .mask = PRESENT, .inverted = PRESENT, .ret = PRESENT);
	SCAN_AT("guards", 100, .mask = GUARD, .ret = GUARD);
	SCAN_AT("any", 100, .anyof = GUARD | FILE_, .ret = GUARD | FILE_ | PRESENT);
	SCAN_AT("any, inverted", 100, .anyof = PRESENT | FILE_, .inverted = PRESENT,
		.ret = PRESENT | FILE_);
	SCAN_AT("swapped", 100, .mask = SWAPPED, .ret = SWAPPED | PRESENT);
	SCAN_AT("to be protected", 100, .mask = WPALLOWED, .ret = WPALLOWED);
	SCAN_AT("not to be protected", 100, .mask = WPALLOWED | PRESENT, .inverted = WPALLOWED,
		.ret = WPALLOWED | PRESENT);
	SCAN_AT("must be asynchronous", 100, .flags = 2, .mask = PRESENT, .ret = PRESENT);
}

static void room(void)
{
	char what[32];

	for (int i = 0; i < 5; i++) {
		snprintf(what, sizeof(what), "room for %d", i);
		SCAN_AT(what, i, .mask = PRESENT, .ret = PRESENT);
	}
	for (int i = 1; i < 8; i++) {
		snprintf(what, sizeof(what), "%d pages", i);
		SCAN_AT(what, 100, .mask = PRESENT, .ret = PRESENT, .max_pages = i);
	}
	SCAN_AT("1 page of everything", 100, .ret = PRESENT, .max_pages = 1);
	SCAN_AT("17 pages of everything", 100, .ret = PRESENT, .max_pages = 17);
	SCAN_AT("3 in 1", 1, .mask = PRESENT, .ret = PRESENT, .max_pages = 3);
	SCAN_AT("2 in 1", 1, .mask = PRESENT, .ret = PRESENT, .max_pages = 2);
	SCAN_AT("all of them", 100, .mask = PRESENT, .ret = PRESENT, .max_pages = 37);
	tell("an odd end",
		(struct scan){ .start = (uintptr_t)base,
			.end = (uintptr_t)base + 3 * PAGE + 5,
			.ret = PRESENT },
		9);
	tell("nothing", (struct scan){ .start = (uintptr_t)base, .end = (uintptr_t)base }, 9);
	tell("no areas",
		(struct scan){
			.start = (uintptr_t)base + 16 * PAGE, .end = (uintptr_t)base + 20 * PAGE },
		9);
}

/* Scans every other page of many: more regions than any buffer of the kernel holds. */
static void many(void)
{
	enum { MANY = 3000 };
	char *p = t_pages(2 * MANY);
	struct scan s = { .size = sizeof(s),
		.start = (uintptr_t)p,
		.end = (uintptr_t)p + 2 * MANY * PAGE,
		.mask = PRESENT,
		.ret = PRESENT,
		.vec = (uintptr_t)r,
		.vec_len = 4096 };
	long n, bad = 0;

	madvise(p, 2 * MANY * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < MANY; i++)
		p[2 * i * PAGE] = 1;
	n = ioctl(pagemap, SCAN, &s);
	for (long i = 0; i < n; i++)
		bad += r[i].start != (uintptr_t)p + 2 * i * PAGE || r[i].end != r[i].start + PAGE ||
		       r[i].kinds != PRESENT;
	say("many: %ld, bad %ld", n, bad);
	s.vec_len = 2999;
	n = ioctl(pagemap, SCAN, &s);
	say("not quite: %ld, end %ld", n, ((long)s.walk_end - (long)p) / PAGE);
	munmap(p, 2 * MANY * PAGE);
	/* a terabyte in which there is nothing */
	p = mmap(NULL, 1UL << 40, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	madvise(p, 1UL << 40, MADV_NOHUGEPAGE);
	p[1UL << 39] = 1;
	s.start = (uintptr_t)p;
	s.end = s.start + (1UL << 40);
	n = ioctl(pagemap, SCAN, &s);
	say("one in a terabyte: %ld, %d", n, r[0].start == (uintptr_t)p + (1UL << 39));
	munmap(p, 1UL << 40);
}

static void errors(void)
{
	struct scan good = { .size = sizeof(good),
		.start = (uintptr_t)base,
		.end = (uintptr_t)base + N * PAGE,
		.vec = (uintptr_t)r,
		.vec_len = 10 },
		    s;
	int status;

	T(ioctl(pagemap, SCAN, NULL));
	s = good, s.size--;
	T(ioctl(pagemap, SCAN, &s));
	s = good, s.flags = 4;
	T(ioctl(pagemap, SCAN, &s));
	s = good, s.mask = 0x200;
	T(ioctl(pagemap, SCAN, &s));
	s = good, s.start++;
	T(ioctl(pagemap, SCAN, &s));
	s = good, s.end = -PAGE;
	T(ioctl(pagemap, SCAN, &s));
	s = good, s.vec = 0;
	T(ioctl(pagemap, SCAN, &s));
	s = good, s.vec = 0, s.vec_len = 0, s.max_pages = 1;
	T(ioctl(pagemap, SCAN, &s));
	say("end %d", s.walk_end == s.end);
	s = good, s.vec = 8;
	T(ioctl(pagemap, SCAN, &s));
	s = good, s.vec_len = 1UL << 60;
	T(ioctl(pagemap, SCAN, &s));
	T(ioctl(pagemap, _IOWR('f', 18, struct scan), &s));
	if (!fork()) { /* the parent's, through its descriptor */
		munmap(base, N * PAGE);
		s = good, s.mask = PRESENT;
		T(ioctl(pagemap, SCAN, &s));
		_exit(0);
	}
	wait(&status);
}

static const char expected[] =
#include "pagemap_scan.inc"
	;

TEST(pagemap_scan)
{
	if (older_than(6, 15))
		RECORDED(expected);
	pagemap = NEED(open("/proc/self/pagemap", O_RDONLY));
	make();
	kinds();
	room();
	many();
	errors();
}
