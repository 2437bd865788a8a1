/* SPDX-License-Identifier: MIT */
/*
 * image_host.h: disk images of any format, for the ubd driver's back end and nestctl. Host world.
 *
 * An image is a chain of layers: the named file and, if that is a COW file, its backing file, and
 * so on. Only the first layer is ever written; the others are open for reading and locked against
 * writers. Data that no layer holds is zeros.
 *
 *      struct image_open o = { .file = "my.cow", .flags = IMAGE_RDONLY };
 *      if (image_open(&o)) complain(o.err);
 *      image_readv(o.image, off, iov, nr, false); ... image_close(o.image);
 *
 * Offsets and lengths are bytes, multiples of 512 within the image's size. All functions but open
 * and close may be called from several threads at once. Two concurrent writes to a sector leave one
 * or the other. Errors are -errno.
 */
#ifndef NESTLING_UBD_IMAGE_HOST_H
#define NESTLING_UBD_IMAGE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct image;
struct layer;

#define IMAGE_RDONLY 1
#define IMAGE_SHARED 2  /* no locks */
#define IMAGE_RAW 4     /* a raw image whatever its content */
#define IMAGE_DIRECT 32 /* image_where_direct() is wanted */
/* refuses a raw image that ends within a sector */
#define IMAGE_SECTORS 16
/* accepts a backing file that differs from the one in the COW header */
#define IMAGE_ANY 8
/* believes headers that name backing files anywhere: the data is shown to the caller only */
#define IMAGE_TRUST 64

#define IMAGE_DEPTH 16 /* layers of a chain */

/* A file, open for reading, of an image's chain. */
struct image_part {
	int fd;
	const char *name; /* for messages */
};

struct image_open {
	/* is made as a COW file (version 3) if it does not exist and backing is set */
	const char *file;
	/* backing file that replaces the header's, or NULL */
	const char *backing;
	uint32_t flags;
	/* the first file, open already: @file only names it; 0: it is opened by that name */
	int fd;
	/* further parts of the changes, below the first file and over the backing file */
	const struct image_part *parts;
	int nr_parts;
	/* answers */
	struct image *image;
	uint64_t size; /* bytes, whole sectors */
	/* asked for, or the host allows no writing (which a note says) */
	bool rdonly;
	bool damaged; /* the content of a file was wrong */
	char note[256];
	/* one line that names the file, on failure */
	char err[512];
};

/*
 * Opens an image. Returns 0 or -errno with o->err. Makes nothing on failure. Descriptors in @o are
 * taken over in any case.
 */
int image_open(struct image_open *o);
/*
 * Flushes, marks the file as closed, unlocks. Returns 0 or the flush's error. No call may be under
 * way. NULL is allowed.
 */
int image_close(struct image *im);

/*
 * Flushes and marks the file as closed at the end of the process, as far as possible.
 * Async-signal-safe. Other threads may still be in calls; data that they write from now on may be
 * lost. Nothing is freed or unlocked. Returns the flush's result; -EBUSY: a flush is under way.
 */
int image_at_exit(struct image *im);

uint64_t image_size(const struct image *im);
/* Returns the descriptor of the file that is written, which stays the image's. */
int image_fd(const struct image *im);

/*
 * Returns the descriptor of the raw image at the end of the chain, which stays the image's. All
 * data lies in it at its offset on the disk, and it is never written: it is a backing file, or the
 * chain is read-only. -EROFS: it is written; -EOPNOTSUPP: the last file is not raw.
 */
int image_base_fd(const struct image *im);
/* Calls @fn with each file of the chain: its path as it was opened, and whether it is written. */
void image_each(const struct image *im, void (*fn)(int fd, const char *path, bool written));

/*
 * Describes the file at @depth of the chain, 0 the first: "ro|rw|part FORMAT FD NAME". A part is
 * a file with changes that belong to those of the file above it, and no backing file. FORMAT is raw
 * or v1 to v4, FD this process's descriptor (a file need not have a name), NAME the host's present
 * name for it. -ENOENT: the chain is shorter.
 */
int image_tell(const struct image *im, uint32_t depth, char *text, size_t size);

/* ---- where bytes live ---- */

#define IMAGE_ZEROS (-1) /* in no file: zeros */
/* compressed; image_readv() decodes it */
#define IMAGE_DECODED (-2)

struct image_piece {
	int fd; /* the image's, or one of the above */
	/* 0: the file that is written; more: a backing file, which never changes */
	int depth;
	uint64_t off, len;
};
/*
 * Finds the first piece of [off, off + len); if p->len == len, all of it lies in one place. Past
 * the end of its file a piece is zeros. The result holds until the range is written. @nowait:
 * returns -EAGAIN rather than read a table from the disk.
 */
int image_where(struct image *im, uint64_t off, uint64_t len, bool nowait, struct image_piece *p);

/*
 * If all of [off, off + len) lies uncompressed in one file, returns a descriptor for reading past
 * the host's cache, which stays the image's, and its offset in *at. -EAGAIN: it does not, or
 * finding out would wait, or the host has no O_DIRECT there.
 */
int image_where_direct(struct image *im, uint64_t off, uint64_t len, uint64_t *at);

/*
 * Returns 1 if these bytes, which lie at @at of @fd, are in the host's page cache, 0 if not, or
 * -errno if the host does not say. Reads none of them.
 */
int image_is_cached(int fd, uint64_t at, uint64_t len);

/* ---- moving data: the iovec is not changed ---- */

/* @nowait: returns -EAGAIN rather than wait for a disk; the buffer then has undefined content. */
int image_readv(struct image *im, uint64_t off, const struct iovec *iov, int nr, bool nowait);
/* Reads past the host's cache. Returns 0 or -errno; -EAGAIN: the caller uses image_readv(). */
int image_readv_direct(struct image *im, uint64_t off, const struct iovec *iov, int nr);
/*
 * True if the range may be written: the first file is no copy-on-write layer, has it already, or
 * takes at most @most bytes of the host with it. Other threads may write meanwhile.
 */
bool image_has_room(struct image *im, uint64_t off, uint64_t len, uint64_t most);
/*
 * Writes data into the file, in the host's cache; image_flush() brings it to the disk. -ENOSPC,
 * -EIO ...
 */
int image_writev(struct image *im, uint64_t off, const struct iovec *iov, int nr);
/* Makes the range read as zeros. */
int image_zero(struct image *im, uint64_t off, uint64_t len);
/*
 * Discards contents that are no longer needed; the host gets back what it can. -EOPNOTSUPP if the
 * host cannot.
 */
int image_discard(struct image *im, uint64_t off, uint64_t len);
/* Brings to the disk all data that was written before the call. */
int image_flush(struct image *im);

#endif
