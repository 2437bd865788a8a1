// SPDX-License-Identifier: MIT
/*
 * cut.c: what a power cut may leave on the disks whose writes were recorded by cutlog=
 * (drivers/ubd/media_host.h).
 *
 *	cut LOG					how many records, and which is the first behind the
 *                                              first acknowledgement
 *	cut LOG POSITION SEED DISK FILE ACKDISK ACKFILE the files, copies of what they were when the
 *	record began, become what they
 *						may be when the power goes at that record
 *	cut flatten COW BACKING OUT		what a COW file of version 3 and its backing file
 *                                              say, as one file
 *
 * What had ended before a flush began that has ended is there. Of the rest each write, or each of
 * its sectors, is there or not: the seed chooses how. On ACKDISK all that was begun is there: it is
 * how the guest tells us, no disk.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/media_host.h"

#define SECTOR 512

struct op {
	const struct media_rec *r;
	long ended; /* record number, or -1 */
	int durable;
};
static struct op *ops;
static long nr_ops, nr_records;
static const uint8_t *log_start, *log_end;
static uint64_t rng;

static void die(const char *what)
{
	fprintf(stderr, "cut: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double chance(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (double)(rng >> 11) / (double)(1ULL << 53);
}

static const struct media_rec *next_rec(const struct media_rec *r)
{
	const uint8_t *p =
		r ? (const uint8_t *)(r + 1) +
				(r->type == MEDIA_WRITE || r->type == MEDIA_FILE ? r->len : 0) :
		    log_start;
	const struct media_rec *n = (const void *)p;

	if (p + sizeof(*n) > log_end || n->magic != MEDIA_MAGIC)
		return NULL;
	if ((n->type == MEDIA_WRITE || n->type == MEDIA_FILE) &&
		(uint64_t)(log_end - p) - sizeof(*n) < n->len)
		return NULL;
	return n;
}

static void map_log(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		die(path);
	log_start = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (log_start == MAP_FAILED)
		die(path);
	log_end = log_start + st.st_size;
}

/* Everything up to record @position; durable is decided. */
static void read_log(long position)
{
	const struct media_rec *r;
	long at = 0, i, *by_id, first = 0, max = 1 << 16;

	by_id = calloc((size_t)max, sizeof(long));
	ops = calloc((size_t)max, sizeof(*ops));
	for (r = next_rec(NULL); r && (position < 0 || at < position); r = next_rec(r), at++) {
		if (nr_ops + 2 >= max || (long)r->id + 2 >= max) {
			by_id = realloc(by_id, 2 * (size_t)max * sizeof(long));
			ops = realloc(ops, 2 * (size_t)max * sizeof(*ops));
			max *= 2;
		}
		if (r->type != MEDIA_END) {
			by_id[r->id] = nr_ops;
			/*
			 * a flush remembers where it began in .durable's stead: the record's number
			 */
			ops[nr_ops++] = (struct op){ r, -1, r->type == MEDIA_FLUSH ? (int)at : 0 };
			continue;
		}
		i = by_id[r->id];
		ops[i].ended = r->status ? -1 : at;
		if (ops[i].r->type != MEDIA_FLUSH || r->status)
			continue;
		for (long k = first; k < i; k++)
			if (ops[k].r->type != MEDIA_FLUSH && ops[k].r->file == ops[i].r->file &&
				ops[k].ended >= 0 && ops[k].ended < ops[i].durable)
				ops[k].durable = 1;
		while (first < nr_ops && ops[first].r->type != MEDIA_FLUSH && ops[first].durable)
			first++;
	}
	nr_records = at;
}

static void put(int fd, const struct media_rec *r, uint64_t from, uint64_t n)
{
	if (r->type == MEDIA_PUNCH) {
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    (off_t)(r->off + from), (off_t)n))
			die("punching");
	} else if (pwrite(fd, (const uint8_t *)(r + 1) + from, n, (off_t)(r->off + from)) !=
		   (ssize_t)n) {
		die("writing");
	}
}

/* Sector by sector; the file's sectors, not the write's. */
static void put_some(int fd, const struct media_rec *r, double p)
{
	uint64_t at = 0, n;

	for (; at < r->len; at += n) {
		n = SECTOR - (r->off + at) % SECTOR;
		if (n > r->len - at)
			n = r->len - at;
		if (chance() < p)
			put(fd, r, at, n);
	}
}

enum { DROP, SOME_WRITES, SOME_SECTORS, IN_ORDER, ALL_BUT_ONE, KEEP, NR_MODES };
static const char *const modes[] = { "dropped", "some writes", "some sectors",
	"in order, the last one torn", "all but one", "all there" };

static void lose_power(uint32_t disk, int fd, uint32_t ack_disk, int ack_fd)
{
	int mode = (int)(chance() * NR_MODES);
	double p = chance();
	long i, k = 0, open = 0, chosen;

	for (i = 0; i < nr_ops; i++)
		open += (ops[i].r->type == MEDIA_WRITE || ops[i].r->type == MEDIA_PUNCH) &&
			ops[i].r->file == disk && !ops[i].durable;
	chosen = (long)(chance() * (double)open);
	for (i = 0; i < nr_ops; i++) {
		const struct media_rec *r = ops[i].r;

		if (r->type != MEDIA_WRITE && r->type != MEDIA_PUNCH)
			continue;
		if (r->file == ack_disk)
			put(ack_fd, r, 0, r->len);
		if (r->file != disk)
			continue;
		if (ops[i].durable || mode == KEEP || (mode == SOME_WRITES && chance() < p) ||
			(mode == IN_ORDER && k < chosen) || (mode == ALL_BUT_ONE && k != chosen))
			put(fd, r, 0, r->len);
		else if (mode == SOME_SECTORS || (mode == IN_ORDER && k == chosen))
			put_some(fd, r, p);
		k += !ops[i].durable;
	}
	printf("%ld records, %ld writes open, %s\n", nr_records, open, modes[mode]);
}

static void summary(uint32_t ack_disk)
{
	long i, first = 0;
	const struct media_rec *r = NULL;

	while ((r = next_rec(r)))
		nr_records++;
	for (r = next_rec(NULL), i = 0; r && !first; r = next_rec(r), i++)
		if (r->type == MEDIA_WRITE && r->file == ack_disk)
			first = i;
	printf("%ld %ld\n", nr_records, first);
}

/* ---- COW files of version 3 ---- */

static void flatten(const char *cow, const char *backing, const char *out)
{
	static uint8_t h[4128], buf[SECTOR];
	int c = open(cow, O_RDONLY), b = open(backing, O_RDONLY),
	    o = open(out, O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint64_t size, align, bitmap, data, s;
	uint32_t w;
	uint8_t *map;

	if (c < 0 || b < 0 || o < 0 || pread(c, h, sizeof(h), 0) != sizeof(h))
		die(cow);
	memcpy(&size, h + 12, 8);
	size = be64toh(size);
	memcpy(&w, h + 24, 4);
	align = be32toh(w);
	bitmap = (sizeof(h) + align - 1) / align * align;
	data = (bitmap + (size / SECTOR + 7) / 8 + align - 1) / align * align;
	map = calloc(1, size / SECTOR / 8 + 8);
	if (pread(c, map, size / SECTOR / 8, (off_t)bitmap) < 0 || ftruncate(o, (off_t)size))
		die(cow);
	for (s = 0; s < size / SECTOR; s++) {
		int mine = map[s / 8] >> (s % 8) & 1;

		if (pread(mine ? c : b, buf, SECTOR, (off_t)(s * SECTOR + (mine ? data : 0))) !=
			SECTOR)
			die("reading");
		if ((buf[0] || memcmp(buf, buf + 1, SECTOR - 1)) &&
			pwrite(o, buf, SECTOR, (off_t)(s * SECTOR)) != SECTOR)
			die(out);
	}
}

int main(int argc, char **argv)
{
	int fd, ack;

	if (argc == 5 && !strcmp(argv[1], "flatten")) {
		flatten(argv[2], argv[3], argv[4]);
		return 0;
	}
	if (argc != 3 && argc != 8)
		return 2;
	map_log(argv[1]);
	if (argc == 3) {
		summary((uint32_t)atoi(argv[2]));
		return 0;
	}
	rng = strtoull(argv[3], NULL, 10) * 0x9e3779b97f4a7c15ULL + 99;
	chance();
	read_log(atol(argv[2]));
	fd = open(argv[5], O_RDWR);
	ack = open(argv[7], O_RDWR);
	if (fd < 0 || ack < 0)
		die("opening");
	lose_power((uint32_t)atoi(argv[4]), fd, (uint32_t)atoi(argv[6]), ack);
	return 0;
}
