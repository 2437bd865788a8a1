/* SPDX-License-Identifier: MIT */
/*
 * mremap(2): growing in place and by moving, shrinking, fixed, DONTUNMAP, shared duplicates,
 * errors.
 */
#include "t.h"

static int failed(void *p)
{
	return p == MAP_FAILED ? errno : 0;
}
#define ERR(e)                                                                                     \
	({                                                                                         \
		int err_ = failed(e);                                                              \
		say("%s: %s", #e, err_ ? t_errno(err_) : "ok");                                    \
	})

static char *fresh(int pages)
{
	char *p = mmap(
		NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	for (i = 0; i < pages; i++)
		p[i * PAGE] = (char)('a' + i);
	return p;
}

static int mapped(void *p)
{
	unsigned char vec;

	return mincore(p, PAGE, &vec) == 0;
}

/*
 * The area that DONTUNMAP leaves is not locked any more. It is additional memory, which RLIMIT_AS
 * counts.
 */
static void dontunmap_limits(void)
{
	size_t n = 64UL << 20;
	char *p = fresh(3), *q;

	NEED(mlock(p, 3 * PAGE));
	q = mremap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | 4, NULL);
	T(madvise(p + PAGE, PAGE, MADV_DONTNEED));
	T(madvise(q + PAGE, PAGE, MADV_DONTNEED));
	say("moved %c, left %d", q[0], p[0]);
	CHILD({
		struct rlimit rl = { 80 << 20, 80 << 20 };

		p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		NEED(setrlimit(RLIMIT_AS, &rl));
		q = (char *)(1UL << 40);
		ERR(mremap(p, n, n, MREMAP_MAYMOVE | 4, NULL));
		ERR(mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_FIXED | 4, q));
		ERR(mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, q));
	});
}

TEST(mremap)
{
	char *p = fresh(8), *q;
	int fd;

	say("shrink: %d", mremap(p, 8 * PAGE, 4 * PAGE, 0) == p);
	say("%d %d", mapped(p + 3 * PAGE), mapped(p + 4 * PAGE));
	say("grow again in place: %d", mremap(p, 4 * PAGE, 6 * PAGE, 0) == p);
	say("%c %d", p[3 * PAGE], p[4 * PAGE]);
	mmap(p + 6 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ERR(mremap(p, 6 * PAGE, 8 * PAGE, 0)); /* a neighbour is in the way */
	q = mremap(p, 6 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	say("moved: %d, contents %c %c, old gone %d", q != p && q != MAP_FAILED, q[0], q[3 * PAGE],
		!mapped(p));
	p = fresh(4);
	say("fixed: %d", mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
	say("%c %c %c", p[0], p[PAGE], p[2 * PAGE]);
	say("the rest stays: %d %d", mapped(q), mapped(q + 2 * PAGE));
	ERR(mremap(p, PAGE, PAGE, MREMAP_FIXED, q));
	ERR(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE)); /* overlap */
	ERR(mremap(p + 1, PAGE, PAGE, 0));
	ERR(mremap(p, PAGE, 0, 0));
	ERR(mremap(p, PAGE, PAGE, 0x100));
	ERR(mremap(t_unmapped(), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	/* the old range would end after all memory */
	for (int i = 47; i < 64; i++) {
		size_t len = (1UL << i) - (i == 63 ? (unsigned long)p : 0);

		say("shrink from 2^%d", i);
		ERR(mremap(p, len, PAGE, 0));
		ERR(mremap(p, len, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fresh(1)));
		ERR(mremap(t_unmapped(), len, PAGE, 0));
	}
	q = fresh(4);
	NEED(mprotect(q + PAGE, PAGE, PROT_READ));
	munmap(q + 2 * PAGE, PAGE);
	say("shrunk and moved over others' borders: %d",
		mremap(q, 4 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
	say("%c, gone %d", p[0], !mapped(q + PAGE) && !mapped(q + 3 * PAGE));
	ERR(mremap(p, -PAGE, PAGE, 0));
	ERR(mremap(p, -(size_t)p, PAGE, 0));
	say("all is there: %c", p[0]);
	p = fresh(2);
	NEED(mprotect(p + PAGE, PAGE, PROT_READ));
	ERR(mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE)); /* two mappings */
	p = fresh(3);
	q = mremap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | 4 /* DONTUNMAP */, NULL);
	say("DONTUNMAP: %d, moved %c, left %d", q != MAP_FAILED, q[PAGE], p[PAGE]);
	ERR(mremap(p, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | 4, NULL));
	dontunmap_limits();

	/* of files: the offset goes along; an old size of 0 duplicates a shared mapping */
	fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	NEED(ftruncate(fd, 8 * PAGE));
	NEED(pwrite(fd, "X", 1, 5 * PAGE));
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 3 * PAGE);
	p[0] = 'Y';
	q = mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	say("file: %c %c", q[0], q[2 * PAGE]);
	p = mremap(q, 0, PAGE, MREMAP_MAYMOVE);
	say("duplicate: %d", p != MAP_FAILED && p != q);
	p[1] = 'Z';
	say("one page: %c", q[1]);
	p = fresh(1);
	ERR(mremap(p, 0, PAGE, MREMAP_MAYMOVE)); /* private: refused */

	/* a move keeps what fork shares apart */
	p = fresh(2);
	CHILD({
		q = mremap(p, 2 * PAGE, 400 * PAGE, MREMAP_MAYMOVE);
		q[0] = 'c';
		say("child %c %c", q[0], q[PAGE]);
	});
	say("parent %c %c", p[0], p[PAGE]);
}
