/* SPDX-License-Identifier: MIT */
/*
 * Thousands of random reads, writes, truncations, holes and mapped changes of one file through
 * several descriptors, checked against a copy in memory. The seeds are fixed.
 */
#include "rnd.h"

#define MAX (300 * 1024)

static unsigned char *want, *got, *map;
static long size;
static int fds[3], bad;

static void wrong(const char *what, long a, long b)
{
	if (bad++ < 5)
		say("%s: %ld %ld (size %ld)", what, a, b, size);
}

/* Returns the first or the second descriptor: pwrite() to the third, with O_APPEND, appends. */
static int any_fd(void)
{
	return fds[rnd(2)];
}

static long some_length(void)
{
	static const unsigned limit[] = { 10, 600, 5000, 70000 };

	return rnd(limit[rnd(4)]);
}

static void grow(long to)
{
	if (to > size) {
		memset(want + size, 0, to - size);
		size = to;
	}
}

static void do_write(void)
{
	long at = rnd(MAX), n = some_length(), i, r;

	if (at + n > MAX)
		n = MAX - at;
	for (i = 0; i < n; i++)
		got[i] = (unsigned char)rnd(256);
	r = pwrite(any_fd(), got, n, at);
	if (r != n)
		wrong("pwrite", r, n);
	if (n) {
		grow(at + n);
		memcpy(want + at, got, n);
	}
}

static void do_append(void)
{
	long n = some_length(), i, r;

	if (size + n > MAX)
		return;
	for (i = 0; i < n; i++)
		got[i] = (unsigned char)rnd(256);
	r = write(fds[2], got, n); /* O_APPEND */
	if (r != n)
		wrong("append", r, n);
	memcpy(want + size, got, n);
	size += n;
}

static void do_read(void)
{
	long at = rnd(MAX), n = some_length(), r,
	     expect = at >= size    ? 0 :
		      size - at < n ? size - at :
				      n;

	memset(got, 0xa5, n + 1);
	r = pread(any_fd(), got, n, at);
	if (r != expect || memcmp(got, want + at, expect) || got[n] != 0xa5)
		wrong("pread", at, r);
}

static void do_vector(void)
{
	struct iovec v[3];
	long at = rnd(MAX), n[3], r, total = 0, expect;
	int i;

	for (i = 0; i < 3; i++) {
		n[i] = some_length() / 3;
		v[i] = (struct iovec){ got + total, (size_t)n[i] };
		total += n[i];
	}
	expect = at >= size ? 0 : size - at < total ? size - at : total;
	r = preadv(any_fd(), v, 3, at);
	if (r != expect || memcmp(got, want + at, expect))
		wrong("preadv", at, r);
}

static void do_truncate(void)
{
	long to = rnd(4) ? rnd(MAX) : size - (long)rnd(5000);

	if (to < 0)
		to = 0;
	NEED(ftruncate(any_fd(), to));
	grow(to);
	size = to;
}

static void do_punch(void)
{
	long at = rnd(MAX), n = 1 + some_length();

	if (fallocate(fds[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, n) == -1) {
		wrong("punch", at, errno);
		return;
	}
	if (at < size)
		memset(want + at, 0, at + n > size ? size - at : n);
}

static void do_mapped(void)
{
	long at, n = some_length(), i;

	if (!size)
		return;
	at = rnd((unsigned)size);
	if (at + n > size)
		n = size - at;
	if (memcmp(map + at, want + at, n))
		wrong("mapped", at, n);
	for (i = 0; i < n; i++)
		map[at + i] = want[at + i] = (unsigned char)rnd(256);
}

static void do_copy(void)
{
	loff_t from = rnd(MAX), to = rnd(MAX);
	long n = some_length(), r, expect = from >= size ? 0 : size - from < n ? size - from : n;

	if (to + n > MAX || (from < to + n && to < from + n))
		return;
	r = copy_file_range(fds[0], &from, fds[1], &to, n, 0);
	if (r < 0 || r > expect) {
		wrong("copy_file_range", r, expect);
		return;
	}
	from -= r;
	to -= r;
	if (r) {
		memcpy(got, want + from, r);
		grow(to + r);
		memcpy(want + to, got, r);
	}
}

static void check(const char *what)
{
	struct stat st;
	long r, i;

	NEED(fstat(fds[0], &st));
	if (st.st_size != size)
		wrong("size", st.st_size, size);
	r = pread(fds[1], got, MAX, 0);
	if (r != size)
		wrong(what, r, size);
	for (i = 0; i < size; i++)
		if (got[i] != want[i]) {
			wrong(what, i, got[i] << 8 | want[i]);
			break;
		}
}

static void round_(uint64_t s, int steps)
{
	int i;

	rnd_seed = s;
	NEED(ftruncate(fds[0], 0));
	size = 0;
	for (i = 0; i < steps; i++) {
		switch (rnd(16)) {
		case 0 ... 3: do_write(); break;
		case 4: do_append(); break;
		case 5 ... 7: do_read(); break;
		case 8: do_vector(); break;
		case 9: do_truncate(); break;
		case 10: do_punch(); break;
		case 11 ... 12: do_mapped(); break;
		case 13: do_copy(); break;
		case 14:
			if (rnd(8) == 0)
				NEED(fsync(any_fd()));
			break;
		default:
			/* later reads come from the disk, if there is one */
			if (rnd(8) == 0)
				posix_fadvise(fds[0], 0, 0, POSIX_FADV_DONTNEED);
		}
		if (i % 50 == 0)
			check("contents");
	}
	check("contents at the end");
}

TEST(fuzz_file)
{
	int i;

	want = malloc(MAX);
	got = malloc(2 * MAX);
	fds[0] = NEED(open("f", O_RDWR | O_CREAT, 0600));
	fds[1] = NEED(open("f", O_RDWR));
	fds[2] = NEED(open("f", O_RDWR | O_APPEND));
	map = mmap(NULL, MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	for (i = 1; i <= 8; i++)
		round_((uint64_t)i * 104729, 600);
	say("wrong: %d", bad);
}
