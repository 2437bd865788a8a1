/* SPDX-License-Identifier: MIT */
/*
 * backup_host.c: see backup_host.h.
 *
 * Each region has a bit, which is set when the region was copied. A writer first copies the regions
 * that it changes. So an uncopied region of the file still has its content as of backup_start(),
 * and bits or tables set since then belong to copied regions only. A region that had no data then
 * needs no copy.
 *
 * Locks: the image's backup_lock protects the bits and the copying of a region.
 */
#include "drivers/ubd/backup_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/copy_host.h"
#include "os-linux/calls.h"

#define REGION (64UL << 10)

struct backup {
	struct layer *from, *to; /* immutable */
	uint64_t *copied;        /* a bit for each region */
	int err;                 /* the first error, or 0 */
};

struct layer *backup_blank(const struct layer *of, int fd, const char *name, char *err, size_t n)
{
	uint32_t raw = of->ops == &layer_raw_ops ? IMAGE_RAW : 0;
	int bad = file_copy_part(of->fd, 0, fd, 0, (off_t)of->head);
	struct stat st;

	if (!bad && (host_fstat(of->fd, &st) || ftruncate(fd, st.st_size)))
		bad = -errno;
	if (!bad)
		return layer_open_fd(fd, name, raw, err, n);
	close(fd);
	snprintf(err, n, "%s: %s", name, strerror(-bad));
	return NULL;
}

static uint64_t regions(const struct layer *l)
{
	return (l->size + REGION - 1) / REGION;
}

struct backup *backup_new(struct layer *from, struct layer *to)
{
	struct backup *b = calloc(1, sizeof(*b));

	if (b)
		b->copied = calloc((regions(from) + 63) / 64, sizeof(*b->copied));
	if (!b || !b->copied) {
		free(b);
		layer_close(to, false);
		return NULL;
	}
	b->from = from;
	b->to = to;
	return b;
}

void backup_start(struct image *im, struct backup *b)
{
	__atomic_store_n(&im->backup, b, __ATOMIC_RELEASE);
}

void backup_stop(struct image *im)
{
	pthread_mutex_lock(&im->backup_lock);
	__atomic_store_n(&im->backup, NULL, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&im->backup_lock);
}

/*
 * Copies the data that the file itself has in [off, end). Packed clusters were copied with the
 * header.
 */
static int copy_range(struct backup *b, uint64_t off, uint64_t end)
{
	struct layer *from = b->from, *to = b->to;
	struct image_piece p;
	int err = 0;

	for (; !err && off < end; off += p.len) {
		err = from->ops->where(from, off, end - off, false, &p);
		if (err || p.fd != from->fd)
			continue;
		if (to->ops->begin)
			err = to->ops->begin(to, off, p.len);
		if (!err)
			err = file_copy_part(from->fd, (off_t)p.off, to->fd,
				(off_t)(to->base + off), (off_t)p.len);
		if (!err && to->ops->own)
			err = to->ops->own(to, off, p.len);
	}
	return err;
}

static void copy_region_locked(struct backup *b, uint64_t region)
{
	uint64_t bit = 1UL << (region % 64), off = region * REGION, end = off + REGION;

	if (b->err || b->copied[region / 64] & bit)
		return;
	b->err = copy_range(b, off, end < b->from->size ? end : b->from->size);
	b->copied[region / 64] |= bit;
}

void backup_region(struct image *im, uint64_t off, uint64_t len)
{
	pthread_mutex_lock(&im->backup_lock);
	if (im->backup && len)
		for (uint64_t r = off / REGION; r <= (off + len - 1) / REGION; r++)
			copy_region_locked(im->backup, r);
	pthread_mutex_unlock(&im->backup_lock);
}

/* Returns the offset on the disk of the first data at or after @off, or the disk's end. */
static uint64_t next_data(struct layer *l, uint64_t off)
{
	struct image_piece p;

	if (l->ops == &layer_raw_ops) {
		off_t data = lseek(l->fd, (off_t)off, SEEK_DATA);

		return data >= 0 ? (uint64_t)data : errno == ENXIO ? l->size : off;
	}
	for (; off < l->size; off += p.len)
		if (l->ops->where(l, off, l->size - off, false, &p) || p.fd == l->fd)
			break;
	return off;
}

int backup_run(struct image *im)
{
	struct backup *b = im->backup;
	uint64_t size = b->from->size, off;
	int err = 0;

	for (off = next_data(b->from, 0); !err && off < size;) {
		pthread_mutex_lock(&im->backup_lock);
		copy_region_locked(b, off / REGION);
		err = b->err;
		pthread_mutex_unlock(&im->backup_lock);
		off = (off / REGION + 1) * REGION;
		if (off < size)
			off = next_data(b->from, off);
	}
	return err;
}

int backup_end(struct image *im, struct backup *b)
{
	int err;

	backup_stop(im);
	err = b->err;
	if (!err && b->to->ops->seal)
		err = b->to->ops->seal(b->to);
	layer_close(b->to, false);
	free(b->copied);
	free(b);
	return err;
}
