/* SPDX-License-Identifier: MIT */
/*
 * cut.c: simulates power cuts of a COW file of version 4. It replaces media_host.c and records all
 * writes. At random calls the power fails: each sector that was not flushed by then is dropped,
 * kept, torn at 512 bytes or reordered. The file that this leaves must open, show for each sector
 * what a flush had acknowledged or a later write, and pass the check.
 *
 *	cut FOLDER ROUNDS SEED
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/cow4_host.h"
#include "drivers/ubd/media_host.h"

#define SECTOR 512UL
#define DISK (48UL << 20)
#define SECTORS (DISK / SECTOR)
#define SPOTS 24 /* places of the disk that are written to */
#define SPOT 64  /* sectors of each */
#define VERSIONS 65536
#define PENDING 4096

static char cow_path[4096], cut_path[4096], base_path[4096];
static int live = -1; /* the fd whose calls are recorded */
static bool passing;  /* it records the checker's writes */
static unsigned long cuts, odds = 40;

static void fatal(const char *what)
{
	printf("NOT OK  %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- what is on the disk, and what may be ---- */

static struct op {
	uint64_t off, len;
	uint8_t *data; /* NULL: zeros */
} pending[PENDING];
static int nr_pending;
static uint64_t durable_len;
static int durable = -1; /* a file with what was flushed */

static void apply(int fd, const struct op *o, uint64_t off, uint64_t len)
{
	static const uint8_t zeros[SECTOR];

	for (uint64_t done = 0; done < len; done += SECTOR) {
		uint64_t n = len - done < SECTOR ? len - done : SECTOR;

		if (pwrite(fd, o->data ? o->data + (off - o->off) + done : zeros, n,
			    (off_t)(off + done)) != (ssize_t)n)
			fatal("apply");
	}
}

static void record(uint64_t off, const struct iovec *iov, int nr, uint64_t len)
{
	struct op *o = &pending[nr_pending++];

	if (nr_pending == PENDING)
		fatal("too many writes without a flush");
	*o = (struct op){ off, len, iov ? malloc(len) : NULL };
	for (uint64_t at = 0; nr--; at += iov++->iov_len)
		memcpy(o->data + at, iov->iov_base, iov->iov_len);
}

static void all_durable(void)
{
	struct stat st;

	fstat(live, &st);
	durable_len = (uint64_t)st.st_size;
	for (int i = 0; i < nr_pending; i++) {
		apply(durable, &pending[i], pending[i].off, pending[i].len);
		free(pending[i].data);
	}
	nr_pending = 0;
}

/* ---- the model: versions of each sector; 0 is the backing file's ---- */

static uint32_t newest[SECTORS], flushed[SECTORS], at_flush[SECTORS];

static void fill(uint8_t *p, uint64_t sector, uint32_t version)
{
	uint64_t *w = (uint64_t *)p;

	for (unsigned int i = 0; i < SECTOR / 8; i++)
		w[i] = version % 7 == 6 ? 0 : (sector << 32 | version) * 0x9e3779b97f4a7c15UL;
}

static bool may_be(const uint8_t *p, uint64_t sector)
{
	uint8_t want[SECTOR];

	for (uint32_t v = flushed[sector]; v <= newest[sector]; v++) {
		fill(want, sector, v);
		if (!memcmp(p, want, SECTOR))
			return true;
	}
	return false;
}

static uint64_t spot(unsigned int i)
{
	return i < 4 ? COW4_TABLE_SECTORS - 32 + (i & 1) * COW4_TABLE_SECTORS + (i & 2) * 40 :
		       (uint64_t)i * 7919 % (SECTORS - SPOT);
}

static void check_contents(struct image *im, const char *when)
{
	uint8_t buf[SPOT * SECTOR];

	for (unsigned int i = 0; i < SPOTS; i++) {
		struct iovec iov = { buf, sizeof(buf) };

		if (image_readv(im, spot(i) * SECTOR, &iov, 1, false))
			fatal("a read fails after the cut");
		for (unsigned int s = 0; s < SPOT; s++)
			if (!may_be(buf + s * SECTOR, spot(i) + s)) {
				printf("NOT OK  after cut %lu, %s: sector %lu is neither what was "
				       "flushed nor newer\n",
					cuts, when, spot(i) + s);
				exit(1);
			}
	}
}

static void say(void *arg, const char *what)
{
	printf("NOT OK  check after cut %lu: %s\n", cuts, what);
	exit(1);
}

static void check_cut(void)
{
	struct image_open o = { .file = cut_path, .flags = IMAGE_RDONLY };

	if (image_open(&o))
		goto refused;
	check_contents(o.image, "read-only");
	if (cow4_check(o.image->top, say, NULL))
		fatal("check");
	image_close(o.image);
	o.flags = 0;
	if (image_open(&o))
		goto refused;
	check_contents(o.image, "recovered");
	image_close(o.image);
	/* the file is clean now: a torn slot would be damage */
	o.flags = IMAGE_RDONLY;
	if (image_open(&o))
		goto refused;
	check_contents(o.image, "clean");
	if (cow4_check(o.image->top, say, NULL))
		fatal("check");
	image_close(o.image);
	return;
refused:
	printf("NOT OK  after cut %lu: %s\n", cuts, o.err);
	exit(1);
}

/* ---- the cut ---- */

/* Makes a sparse copy of what was flushed. Returns its descriptor. */
static int copy_durable(void)
{
	int fd = open(cut_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	static char buf[1 << 16];
	off_t at = 0, end;

	if (fd < 0 || ftruncate(fd, (off_t)durable_len))
		fatal(cut_path);
	while ((at = lseek(durable, at, SEEK_DATA)) >= 0) {
		end = lseek(durable, at, SEEK_HOLE);
		while (at < end) {
			size_t n = end - at < (off_t)sizeof(buf) ? (size_t)(end - at) : sizeof(buf);

			if (pread(durable, buf, n, at) != (ssize_t)n ||
				pwrite(fd, buf, n, at) != (ssize_t)n)
				fatal("copy");
			at += (off_t)n;
		}
	}
	return fd;
}

static void power_cut(void)
{
	int fd = copy_durable(), kind = rand() % 4, order[PENDING];
	struct stat st;

	cuts++;
	passing = true;
	fstat(live, &st);
	if (rand() % 2 && ftruncate(fd, st.st_size))
		fatal("length");
	for (int i = 0; i < nr_pending; i++)
		order[i] = i;
	for (int i = nr_pending - 1; kind == 3 && i > 0; i--) {
		int j = rand() % (i + 1), t = order[i];

		order[i] = order[j];
		order[j] = t;
	}
	for (int i = 0; i < nr_pending; i++) {
		const struct op *o = &pending[order[i]];
		int keep = rand() % 100;

		for (uint64_t at = 0; at < o->len; at += SECTOR)
			if (kind == 0 || (kind == 1 && keep < 50) || (kind > 1 && rand() % 2))
				apply(fd, o, o->off + at,
					o->len - at < SECTOR ? o->len - at : SECTOR);
	}
	close(fd);
	check_cut();
	passing = false;
}

static void maybe_cut(int fd)
{
	if (fd == live && !passing && !(rand() % odds))
		power_cut();
}

/* ---- in the place of media_host.c ---- */

ssize_t media_pwritev(int fd, const struct iovec *iov, int nr, uint64_t off)
{
	uint64_t len = 0;

	for (int i = 0; i < nr; i++)
		len += iov[i].iov_len;
	if (fd == live && !passing)
		record(off, iov, nr, len);
	maybe_cut(fd);
	return pwritev(fd, iov, nr, (off_t)off);
}

ssize_t media_preadv2(int fd, const struct iovec *iov, int nr, uint64_t off, int flags)
{
	return preadv2(fd, iov, nr, (off_t)off, flags);
}

bool media_watches(void)
{
	return true;
}

int media_punch(int fd, uint64_t off, uint64_t len)
{
	if (fd == live && !passing)
		record(off, NULL, 0, len);
	maybe_cut(fd);
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
}

int media_fdatasync(int fd)
{
	maybe_cut(fd);
	if (fd == live && !passing)
		all_durable();
	maybe_cut(fd);
	return 0;
}

/* ---- the work ---- */

static void make_files(void)
{
	struct cow4_header h;
	struct cow4_new n = { .backing = base_path, .size = DISK, .backing_raw = true };
	uint8_t buf[SECTOR];
	char why[400];
	int fd, slot = 1;

	n.backing_fd = open(base_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (n.backing_fd < 0 || ftruncate(n.backing_fd, DISK))
		fatal(base_path);
	for (unsigned int i = 0; i < SPOTS; i++)
		for (uint64_t s = spot(i); s < spot(i) + SPOT; s++) {
			fill(buf, s, 0);
			if (pwrite(n.backing_fd, buf, SECTOR, (off_t)(s * SECTOR)) != SECTOR)
				fatal(base_path);
		}
	if (cow4_init_header(&h, &n, why, sizeof(why)))
		fatal(why);
	fd = open(cow_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	passing = true;
	if (fd < 0 || cow4_write_header(fd, &h, &slot))
		fatal(cow_path);
	passing = false;
	pwrite(durable, &h, sizeof(h), 0);
	durable_len = sizeof(h);
	close(fd);
	close(n.backing_fd);
}

static void change(struct image *im)
{
	uint64_t s = spot((unsigned int)rand() % SPOTS) + (uint64_t)rand() % SPOT, n, i;
	uint8_t buf[16 * SECTOR];
	struct iovec iov = { buf, 0 };

	n = 1 + (uint64_t)rand() % 16;
	if (s + n > SECTORS)
		n = SECTORS - s;
	for (i = 0; i < n; i++)
		fill(buf + i * SECTOR, s + i, ++newest[s + i]);
	iov.iov_len = n * SECTOR;
	if (image_writev(im, s * SECTOR, &iov, 1))
		fatal("write");
}

static void zero(struct image *im)
{
	uint64_t s = spot((unsigned int)rand() % SPOTS) + (uint64_t)rand() % (SPOT - 8), i;

	for (i = s; i < s + 8; i++) /* the next version: zeros */
		do {
			newest[i]++;
		} while (newest[i] % 7 != 6);
	if (image_zero(im, s * SECTOR, 8 * SECTOR))
		fatal("zero");
}

static void flush(struct image *im)
{
	memcpy(at_flush, newest, sizeof(newest));
	if (image_flush(im))
		fatal("flush");
	memcpy(flushed, at_flush, sizeof(flushed));
}

static void session(int steps)
{
	struct image_open o = { .file = cow_path };

	passing = true;
	if (image_open(&o)) {
		printf("NOT OK  %s\n", o.err);
		exit(1);
	}
	live = image_fd(o.image);
	passing = false;
	while (steps--) {
		int what = rand() % 100;

		if (what < 80)
			change(o.image);
		else if (what < 85)
			zero(o.image);
		else
			flush(o.image);
	}
	check_contents(o.image, "live");
	memcpy(at_flush, newest, sizeof(newest));
	if (image_close(o.image))
		fatal("close");
	memcpy(flushed, at_flush, sizeof(flushed));
	live = -1;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 10, i;
	char path[4096];

	srand(argc > 3 ? (unsigned int)atoi(argv[3]) : 1);
	snprintf(cow_path, sizeof(cow_path), "%s/live.cow", argv[1]);
	snprintf(cut_path, sizeof(cut_path), "%s/cut.cow", argv[1]);
	snprintf(base_path, sizeof(base_path), "%s/base", argv[1]);
	snprintf(path, sizeof(path), "%s/durable", argv[1]);
	durable = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	make_files();
	for (i = 0; i < rounds; i++)
		session(100);
	printf("ok      %lu power cuts in %d sessions\n", cuts, rounds);
	return cuts ? 0 : 1;
}
