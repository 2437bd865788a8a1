/* SPDX-License-Identifier: MIT */
/*
 * cow_convert.c: converts an image into a new file: raw and sparse, UML's version 3, or version 4
 * with its clusters compressed.
 *
 * Version 4 is written front to back: room for the headers, the clusters in order, the index. The
 * header is written last and completes the file. A cluster that would not shrink by a sixteenth is
 * stored uncompressed. A cluster of zeros takes no space.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/cow4_host.h"
#include "drivers/ubd/cow_host.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"

/* ---- pieces with data ---- */

/* True if the file has no data from the start of the piece to its end. */
static bool is_hole(const struct image_piece *p)
{
	off_t data = lseek(p->fd, (off_t)p->off, SEEK_DATA);

	return data < 0 ? errno == ENXIO : (uint64_t)data >= p->off + p->len;
}

bool next_piece(
	struct image *im, uint64_t from, uint64_t max, bool top, uint64_t *off, uint64_t *len)
{
	struct image_piece p;
	int err;

	for (; from < image_size(im); from += p.len) {
		uint64_t n = max - from % max;

		if (n > image_size(im) - from)
			n = image_size(im) - from;
		err = image_where(im, from, n, false, &p);
		if (err)
			die("%s: %s", im->top->path, strerror(-err));
		if (top ? p.depth > 0 || (p.fd == IMAGE_ZEROS && !im->top->below) :
			  p.fd == IMAGE_ZEROS || (p.fd >= 0 && is_hole(&p)))
			continue;
		*off = from;
		*len = p.len;
		return true;
	}
	return false;
}

static bool all_zeros(const uint8_t *p, uint64_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

static void must_write(int fd, const void *p, uint64_t n, uint64_t off, const char *out)
{
	int err = layer_pwrite(fd, p, n, off);

	if (err)
		die("%s: %s", out, strerror(-err));
}

/* ---- raw ---- */

/* Writes the image's contents to a raw file, with holes for zeros. */
static void to_raw(struct image *im, int fd, const char *out)
{
	uint64_t off = 0, len, max = 1 << 20;
	uint8_t *buf = xalloc(max);

	if (ftruncate(fd, (off_t)image_size(im)))
		die("%s: %s", out, strerror(errno));
	for (; next_piece(im, off, max, false, &off, &len); off += len) {
		image_must_read(im, off, buf, len);
		if (!all_zeros(buf, len))
			must_write(fd, buf, len, off, out);
		progress("convert to", out, off, image_size(im));
	}
	free(buf);
}

/* ---- version 3 ---- */

/*
 * Writes the sectors of the top layer to a new file of version 3. Dies unless the layer below is a
 * raw file of the disk's size.
 */
static void to_v3(struct image *im, int fd, const char *out)
{
	struct layer *below = im->top->below;
	uint64_t off = 0, len, max = 1 << 20, s;
	struct cow_info info;
	char why[400];
	uint8_t *buf = xalloc(max), *bits;

	if (!below || below->ops != &layer_raw_ops || below->size != image_size(im))
		die("%s: version 3 needs a raw backing file of the disk's size; --to raw makes one "
		    "file of all",
			im->top->path);
	write_empty(fd, out, below->path, FORMAT_V3, 0);
	if (cow_read_header(fd, &info, why, sizeof(why)))
		die("%s: %s", out, why);
	bits = xalloc(info.bitmap_len);
	for (; next_piece(im, off, max, true, &off, &len); off += len) {
		image_must_read(im, off, buf, len);
		must_write(fd, buf, len, info.data_off + off, out);
		for (s = off / COW_SECTOR; s < (off + len) / COW_SECTOR; s++)
			bits[s / 8] |= (uint8_t)(1U << s % 8);
		progress("convert to", out, off, image_size(im));
	}
	must_write(fd, bits, info.bitmap_len, info.bitmap_off, out);
	free(bits);
	free(buf);
}

/* ---- version 4 ---- */

struct packer {
	int fd;
	const char *out;
	uint64_t end; /* where the written data ends */
	struct cow4_packed *index;
	uint64_t count, room;
};

/* Adds an entry to the index. The pointer is valid until the next call. */
static struct cow4_packed *new_entry(struct packer *p, uint64_t cluster)
{
	if (p->count == p->room) {
		p->room = p->room ? p->room * 2 : 4096;
		p->index = realloc(p->index, p->room * sizeof(p->index[0]));
		if (!p->index)
			die("out of memory");
	}
	p->index[p->count] = (struct cow4_packed){ .cluster = cluster };
	return &p->index[p->count++];
}

/*
 * Writes a cluster of @n bytes, compressed if that saves enough, and its entry. Zeros have an entry
 * only.
 */
static void pack_cluster(struct packer *p, uint64_t cluster, const uint8_t *data, uint32_t n)
{
	static uint8_t small[COW4_CLUSTER];
	struct cow4_packed *e = new_entry(p, cluster);
	/* compress only if it saves at least a sixteenth */
	uLongf got = n - n / 16;

	e->crc = (uint32_t)crc32_z(0, data, n);
	e->off = p->end;
	if (all_zeros(data, n)) {
		e->type = COW4_ZERO;
	} else if (compress2(small, &got, data, n, Z_DEFAULT_COMPRESSION) == Z_OK) {
		e->type = COW4_ZLIB;
		e->len = (uint32_t)got;
		must_write(p->fd, small, got, p->end, p->out);
	} else {
		e->type = COW4_PLAIN;
		e->len = n;
		must_write(p->fd, data, n, p->end, p->out);
	}
	p->end += e->len;
}

static void finish_v4(struct packer *p, struct cow4_header *h)
{
	uint64_t bytes = p->count * sizeof(p->index[0]);
	int slot = 1, err;

	if (p->count) {
		h->index_off = (p->end + 63) / 64 * 64;
		h->index_count = p->count;
		h->index_crc = (uint32_t)crc32_z(0, (const void *)p->index, bytes);
		must_write(p->fd, p->index, bytes, h->index_off, p->out);
		p->end = h->index_off + bytes;
	}
	cow4_lay_out(h, p->end);
	/* the data must be on the disk before the header that refers to it */
	err = fdatasync(p->fd) ? -errno : cow4_write_header(p->fd, h, &slot);
	if (err)
		die("%s: %s", p->out, strerror(-err));
}

static void to_v4(struct image *im, int fd, bool flat, const char *out)
{
	struct layer *below = flat ? NULL : im->top->below;
	struct cow4_new n = { .size = image_size(im), .backing_fd = -1 };
	struct packer p = { .fd = fd, .out = out, .end = COW4_FIRST };
	uint8_t *buf = xalloc(COW4_CLUSTER);
	struct cow4_header h;
	uint64_t off = 0, len;
	char why[400];

	if (below) {
		n.backing = below->path;
		n.backing_fd = below->fd;
		n.backing_raw = below->ops == &layer_raw_ops;
	}
	if (cow4_init_header(&h, &n, why, sizeof(why)))
		die("%s: %s", out, why);
	for (; next_piece(im, off, COW4_CLUSTER, below, &off, &len); off += len) {
		off = off / COW4_CLUSTER * COW4_CLUSTER;
		len = image_size(im) - off < COW4_CLUSTER ? image_size(im) - off : COW4_CLUSTER;
		image_must_read(im, off, buf, len);
		if (below || !all_zeros(buf, len))
			pack_cluster(&p, off / COW4_CLUSTER, buf, (uint32_t)len);
		progress("convert to", out, off, image_size(im));
	}
	finish_v4(&p, &h);
	free(p.index);
	free(buf);
}

void convert_into(struct image *im, enum format to, bool flat, int fd, const char *out)
{
	switch (to) {
	case FORMAT_V3: to_v3(im, fd, out); break;
	case FORMAT_V4: to_v4(im, fd, flat, out); break;
	default: to_raw(im, fd, out); break;
	}
	progress_end();
}

void convert(struct image *im, enum format to, bool flat, const char *out)
{
	int fd = output_open(out);

	convert_into(im, to, flat, fd, out);
	output_finish(fd, out, false);
	if (!flat && to != FORMAT_RAW && im->top->below)
		layer_remember(out, im->top->below->path);
}

/* ---- empty layers ---- */

static void write_empty_v4(int fd, const char *file, const struct cow4_new *n)
{
	struct cow4_header h;
	struct stat st;
	int slot = 1, err;
	char why[400];

	if (cow4_init_header(&h, n, why, sizeof(why)))
		die("%s: %s", file, why);
	if (fstat(fd, &st) == 0 && ftruncate(fd, (off_t)(h.data_off + h.size)) == 0)
		h.flags |= COW4_F_FULL;
	err = cow4_write_header(fd, &h, &slot);
	if (err)
		die("%s: %s", file, strerror(-err));
}

void write_empty(int fd, const char *file, const char *backing, enum format format, uint64_t size)
{
	struct cow4_new n = { .backing = backing, .backing_fd = -1, .size = size };
	struct image *im = NULL;
	int err;

	if (backing) {
		im = image_must_open(backing, NULL, IMAGE_RDONLY);
		n.backing_fd = im->top->fd;
		n.backing_raw = im->top->ops == &layer_raw_ops;
		n.size = size ? size : image_size(im);
		if (n.size < image_size(im))
			die("--size: the backing file is larger");
	}
	if (format == FORMAT_NONE)
		format = im && n.backing_raw && n.size == image_size(im) ? FORMAT_V3 : FORMAT_V4;
	if (format == FORMAT_V4) {
		write_empty_v4(fd, file, &n);
	} else {
		if (!im || !n.backing_raw || n.size != image_size(im))
			die("%s: version 3 needs a raw backing file and has its size; --format v4 "
			    "does "
			    "not",
				file);
		struct stat st;

		fstat(im->top->fd, &st);
		err = cow_init(fd, backing, im->top->fd,
			S_ISREG(st.st_mode) ? (uint64_t)st.st_size : n.size);
		if (err)
			die("%s: %s", file, strerror(-err));
	}
	image_close(im);
}
