/* SPDX-License-Identifier: MIT */
/*
 * cow3_host.c: UML's COW files as a layer: a bitmap in memory and in the file. cow_host.h has the
 * header and the layout.
 *
 * A write first writes the data to the file, then the bytes of the bitmap to the file, and then
 * sets the bits in memory. If the kernel is killed in between, the sectors read as in the backing
 * file. So acknowledged data is complete, and of unacknowledged data each sector is old or new. A
 * write that fails (host disk full) sets no bit. A power cut may bring bits to the disk before the
 * data: version 4 prevents that.
 *
 * Invariants:
 * 1. A bit is set in the file only after its sector's data was written.
 * 2. The bitmap in memory never has a bit that the one in the file lacks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/ubd/cow_host.h"
#include "drivers/ubd/layer_host.h"
#include "drivers/ubd/media_host.h"

struct cow3 {
	struct cow_info info;
	/* atomic bytes; info.bitmap_len of them, and 8 more; NULL until loaded */
	uint8_t *bits;
	pthread_mutex_t lock; /* protects bits and their write */
};

static bool bit_get(const struct cow3 *c, uint64_t n)
{
	return __atomic_load_n(&c->bits[n / 8], __ATOMIC_ACQUIRE) >> (n % 8) & 1;
}

/* Returns how many bits from @first on are equal, at most @max. */
static uint64_t bit_run(const struct cow3 *c, uint64_t first, uint64_t max)
{
	bool bit = bit_get(c, first);
	uint8_t full = bit ? 0xff : 0;
	uint64_t n = 1;

	while (n < max) {
		uint64_t s = first + n;

		if (s % 8 == 0 && max - n >= 8 &&
			__atomic_load_n(&c->bits[s / 8], __ATOMIC_ACQUIRE) == full)
			n += 8;
		else if (bit_get(c, s) == bit)
			n++;
		else
			break;
	}
	return n;
}

/*
 * Sets the bits of [first, first + n) in the file and then in memory. The order matters, since
 * another write to these sectors ends at once if it finds the bits set in memory. On failure none
 * is set in memory; bits that were set in the file have their data.
 */
static int bits_set(struct layer *l, uint64_t first, uint64_t n)
{
	struct cow3 *c = l->state;
	uint64_t from = first / 8, bytes = (first + n - 1) / 8 - from + 1, s;
	uint8_t *next;
	int err;

	if (bit_get(c, first) && bit_run(c, first, n) == n)
		return 0;
	next = malloc(bytes);
	if (!next)
		return -ENOMEM;
	pthread_mutex_lock(&c->lock);
	memcpy(next, c->bits + from, bytes);
	for (s = first; s < first + n; s++)
		next[s / 8 - from] |= (uint8_t)(1U << (s % 8));
	err = layer_pwrite(l->fd, next, bytes, c->info.bitmap_off + from);
	for (s = 0; !err && s < bytes; s++)
		__atomic_store_n(&c->bits[from + s], next[s], __ATOMIC_RELEASE);
	pthread_mutex_unlock(&c->lock);
	free(next);
	return err;
}

/* ---- the operations ---- */

static int cow3_where(
	struct layer *l, uint64_t off, uint64_t len, bool nowait, struct image_piece *p)
{
	struct cow3 *c = l->state;
	uint64_t first = off / l->unit, end = (off + len - 1) / l->unit + 1;
	uint64_t until = (first + bit_run(c, first, end - first)) * l->unit;

	p->fd = bit_get(c, first) ? l->fd : LAYER_BELOW;
	p->off = l->base + off;
	p->len = until < off + len ? until - off : len;
	return 0;
}

static int cow3_own(struct layer *l, uint64_t off, uint64_t len)
{
	uint64_t first = off / l->unit;

	/* the range need not begin at a unit; the last unit that it touches is included */
	return bits_set(l, first, (off + len - 1) / l->unit + 1 - first);
}

/* Returns zeroed memory for the bitmap. It stays untouched where the bitmap has holes. */
static uint8_t *bits_new(const struct cow3 *c)
{
	void *p = mmap(NULL, c->info.bitmap_len + 8, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void bits_free(const struct cow3 *c)
{
	if (c->bits)
		munmap(c->bits, c->info.bitmap_len + 8);
}

static void cow3_close(struct layer *l, bool clean)
{
	struct cow3 *c = l->state;

	bits_free(c);
	free(c);
}

static int cow3_check(struct layer *l, struct layer_open *lo)
{
	struct cow3 *c = l->state;

	return cow_check_backing(&c->info, l->below->fd, lo->why, sizeof(lo->why));
}

static int cow3_rebase(struct layer *l, const char *path, int fd, bool raw)
{
	struct cow3 *c = l->state;

	return cow_set_backing(l->fd, &c->info, path, fd);
}

const struct layer_ops layer_cow3_ops = {
	.name = "UML COW",
	.where = cow3_where,
	.own = cow3_own,
	.flush = layer_sync,
	.check = cow3_check,
	.rebase = cow3_rebase,
	.close = cow3_close,
};

/* ---- opening ---- */

/* bytes read at once */
#define PIECE_MAX (1UL << 20)

/* Returns how much of [at, end) of the file, from @at on, is data; at most about PIECE_MAX. */
static uint64_t data_at(int fd, uint64_t at, uint64_t end)
{
	off_t hole = lseek(fd, (off_t)at, SEEK_HOLE);

	if (hole > 0 && (uint64_t)hole > at && (uint64_t)hole < end)
		end = (uint64_t)hole;
	return end - at < PIECE_MAX ? end - at : PIECE_MAX;
}

/* Loads the bitmap. Holes in it are not read, since most disks have been written in few places. */
static int load_bits(struct layer *l, struct cow3 *c)
{
	uint64_t begin = c->info.bitmap_off, at = begin, end = begin + c->info.bitmap_len, n;
	int err = 0;

	for (; !err && at < end; at += n) {
		off_t data = lseek(l->fd, (off_t)at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		if (data > 0 && (uint64_t)data > at)
			at = (uint64_t)data;
		if (at >= end)
			break;
		n = data_at(l->fd, at, end);
		err = layer_pread(l->fd, c->bits + (at - begin), n, at);
	}
	return err;
}

int layer_open_cow3(struct layer *l, struct layer_open *lo)
{
	struct cow3 *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = cow_read_header(l->fd, &c->info, lo->why, sizeof(lo->why));
	if (err)
		goto err_free;
	err = -ENOMEM;
	c->bits = bits_new(c);
	lo->backing = strdup(c->info.backing);
	if (!c->bits || !lo->backing)
		goto err_free;
	err = load_bits(l, c);
	if (err)
		goto err_free;
	pthread_mutex_init(&c->lock, NULL);
	lo->backing_raw = true;
	l->ops = &layer_cow3_ops;
	l->state = c;
	l->size = (c->info.size + LAYER_SECTOR - 1) / LAYER_SECTOR * LAYER_SECTOR;
	l->base = c->info.data_off;
	l->head = c->info.bitmap_off;
	l->unit = c->info.unit;
	return 0;

err_free:
	bits_free(c);
	free(c);
	return err;
}

uint32_t cow3_version(const struct layer *l)
{
	const struct cow3 *c = l->state;

	return c->info.version;
}

int cow3_check_all(struct layer *l, void (*say)(void *arg, const char *what), void *arg)
{
	const struct cow3 *c = l->state;
	uint64_t units = (c->info.size + l->unit - 1) / l->unit, i, last = 0, run;
	off_t end = lseek(l->fd, 0, SEEK_END);
	int bad = 0;

	for (i = 0; i < units; i += run) {
		run = bit_run(c, i, units - i);
		if (bit_get(c, i))
			last = i + run;
	}
	if (end >= 0 && last && (uint64_t)end <= l->base + (last - 1) * l->unit) {
		say(arg, "the file is cut short: data that the bitmap names is not there");
		bad++;
	}
	for (i = units; i < c->info.bitmap_len * 8; i++)
		if (bit_get(c, i)) {
			say(arg, "the bitmap has bits beyond the end of the disk");
			return bad + 1;
		}
	return bad;
}
