/* SPDX-License-Identifier: MIT */
/*
 * fuzz.c: opens, reads, checks and writes damaged COW files. Built with asan and ubsan; a crash or
 * a hang says which execution it was, and START runs that one alone.
 *
 *	fuzz SEED EXECUTIONS START FILE...     the files are valid; each execution changes one of
 *                                             them in some places
 *
 * Checksums would catch most of the damage: three of four executions correct them afterwards, so
 * that the code after these checks is tested too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <signal.h>
#include <unistd.h>
#include <zlib.h>
#include <sanitizer/common_interface_defs.h>

#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/cow4_host.h"
#include "tests/fuzz.h"

#define FILE_MAX (512UL << 10)
#define SEEDS 16
#define SECTOR 512UL

static struct {
	uint8_t *data;
	size_t size;
} seeds[SEEDS];
static int nr_seeds;
static unsigned long opened;

static void hangs(int sig)
{
	say_where();
	_exit(3);
}

/* ---- spoiling ---- */

static uint64_t interesting(void)
{
	static const uint64_t few[] = { 0, 1, 511, 512, 65535, 65536, 65537, 0x7fffffff, 0xffffffff,
		1UL << 47, 1UL << 48, 1UL << 62, ~0UL, ~0UL - 511, 1UL << 63 };

	return rnd() % 4 ? few[rnd() % (sizeof(few) / sizeof(few[0]))] :
			   (1UL << rnd() % 64) + rnd() % 3 - 1;
}

/* Returns a random offset, mostly in a field of a header, in the index or in a table. */
static size_t a_place(const uint8_t *p, size_t size)
{
	const struct cow4_header *h = (const void *)p;
	uint64_t at;

	switch (rnd() % 6) {
	case 0: at = h->index_off + rnd() % 256; break;
	case 1: at = h->table_off + rnd() % 8192; break;
	case 2: at = rnd() % size; break;
	case 3: at = 4096 + rnd() % 64; break; /* after the name, versions 2 and 3 */
	case 4: at = 256 + rnd() % 48; break;  /* in version 1 */
	default: at = rnd() % 128;
	}
	return at <= size - 8 ? at : rnd() % (size - 8); /* a damaged offset may be near 2^64 */
}

static size_t spoil(uint8_t *p, size_t size)
{
	unsigned int n = 1 + rnd() % 6;

	while (n--) {
		size_t at = a_place(p, size);
		uint64_t v = interesting();

		switch (rnd() % 5) {
		case 0: p[at] ^= (uint8_t)(1U << rnd() % 8); break;
		case 1: p[at] = (uint8_t)rnd(); break;
		case 2: memcpy(p + at / 4 * 4, &v, 4); break;
		case 3: memcpy(p + at / 8 * 8, &v, 8); break;
		default: memcpy(p + at, p + a_place(p, size), 8);
		}
	}
	return rnd() % 16 ? size : 1 + rnd() % size;
}

static uint32_t crc_without(const uint8_t *p, size_t n, size_t at)
{
	static const uint8_t none[4];
	uLong crc = crc32(crc32(0, p, (uInt)at), none, 4);

	return (uint32_t)crc32(crc, p + at + 4, (uInt)(n - at - 4));
}

static void mend_checksums(uint8_t *p, size_t size)
{
	struct cow4_header *h = (void *)p;
	size_t at, bytes;
	int i;

	if (size < COW4_FIRST)
		return;
	bytes = h->index_count * sizeof(struct cow4_packed);
	if (h->index_count < size && h->index_off < size && bytes < size - h->index_off)
		h->index_crc = (uint32_t)crc32_z(0, p + h->index_off, bytes);
	for (i = 0; i < 2; i++, h++)
		h->crc = crc_without((uint8_t *)h, COW4_HEADER, offsetof(struct cow4_header, crc));
	for (at = COW4_FIRST; at + COW4_TABLE <= size; at += COW4_TABLE) {
		struct cow4_table *t = (void *)(p + at);

		if (t->magic == COW4_TABLE_MAGIC)
			t->crc = crc_without(p + at, COW4_TABLE, offsetof(struct cow4_table, crc));
	}
}

/* ---- using ---- */

static void read_some(struct image *im)
{
	static uint8_t buf[96 << 10];
	uint64_t places[] = { 0, 60 << 10, image_size(im), rnd() % image_size(im) };
	struct image_piece p;

	for (unsigned int i = 0; i < 4; i++) {
		uint64_t off = places[i] / SECTOR * SECTOR, n = sizeof(buf);
		struct iovec iov[2];

		if (off + n > image_size(im))
			off = image_size(im) > n ? image_size(im) - n : 0;
		if (n > image_size(im) - off)
			n = image_size(im) - off;
		iov[0] = (struct iovec){ buf, n / 1024 * 512 };
		iov[1] = (struct iovec){ buf + iov[0].iov_len, n - iov[0].iov_len };
		(void)image_readv(im, off, iov, 2, rnd() % 2);
		(void)image_where(im, off, n, false, &p);
	}
}

static void write_some(struct image *im)
{
	static uint8_t buf[8192];

	for (unsigned int i = 0; i < 4; i++) {
		uint64_t n = (1 + rnd() % 16) * SECTOR,
			 off = rnd() % image_size(im) / SECTOR * SECTOR;
		struct iovec iov;

		if (off > 1 << 20) /* what the host's file can take */
			off = off % (1 << 20) / SECTOR * SECTOR;
		if (n > image_size(im) - off)
			n = image_size(im) - off;
		iov = (struct iovec){ buf, n };
		switch (rnd() % 4) {
		case 0: (void)image_zero(im, off, n); break;
		case 1: (void)image_discard(im, off, n); break;
		default: (void)image_writev(im, off, &iov, 1);
		}
	}
	(void)image_flush(im);
}

static void say(void *arg, const char *what)
{
}

static void use(const char *path, uint32_t flags)
{
	struct image_open o = { .file = path, .flags = flags };
	struct cow4_usage u;

	if (image_open(&o))
		return;
	opened++;
	read_some(o.image);
	if (o.image->top->ops == &layer_cow4_ops) {
		(void)cow4_check(o.image->top, say, NULL);
		(void)cow4_usage(o.image->top, &u);
	} else if (o.image->top->ops == &layer_cow3_ops) {
		(void)cow3_check_all(o.image->top, say, NULL);
	}
	if (!(flags & IMAGE_RDONLY))
		write_some(o.image);
	(void)image_close(o.image);
}

static void execute(uint64_t seed)
{
	static uint8_t p[FILE_MAX];
	char path[64];
	size_t size;
	int i, fd;

	rnd_begin(seed);
	i = (int)(rnd() % (unsigned int)nr_seeds);
	memcpy(p, seeds[i].data, seeds[i].size);
	size = spoil(p, seeds[i].size);
	if (rnd() % 4)
		mend_checksums(p, size);
	fd = memfd_create("cow", 0);
	if (fd < 0 || write(fd, p, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	use(path, IMAGE_RDONLY | IMAGE_ANY);
	use(path, IMAGE_ANY);
	use(path, IMAGE_ANY);
	close(fd);
}

static void load(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *p = calloc(1, FILE_MAX);

	seeds[nr_seeds].size = f ? fread(p, 1, FILE_MAX, f) : 0;
	seeds[nr_seeds].data = p;
	if (seeds[nr_seeds++].size < 1024)
		abort();
	fclose(f);
}

int main(int argc, char **argv)
{
	unsigned long runs = strtoul(argv[2], NULL, 0), start = strtoul(argv[3], NULL, 0);
	struct itimerval limit = { .it_value.tv_sec = 20 };

	for (int i = 4; i < argc; i++)
		load(argv[i]);
	__sanitizer_set_death_callback(say_where);
	signal(SIGPROF, hangs); /* CPU time: the host may be busy */
	for (execution = start; execution < start + runs; execution++) {
		if (execution % 128 == 0)
			setitimer(ITIMER_PROF, &limit, NULL);
		execute(strtoul(argv[1], NULL, 0));
	}
	printf("ok      %lu executions, %lu images opened\n", runs, opened);
	return opened ? 0 : 1;
}
