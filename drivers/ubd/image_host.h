/* SPDX-License-Identifier: MIT */
/*
 * image_host.h: disk images as the ubd driver's back end and nestctl see them, whatever their format. Host world.
 *
 * An image is a chain of layers: the file that was named and, where that is a COW file, its backing file, and so on. Only the first
 * layer is ever written; the others are open for reading and locked against writers. What no layer holds is zeros.
 *
 *	struct image_open o = { .file = "my.cow", .flags = IMAGE_RDONLY };
 *	if (image_open(&o)) complain(o.err);
 *	image_readv(o.image, off, iov, nr, false); ... image_close(o.image);
 *
 * Offsets and lengths are bytes, multiples of 512 within the image's size. All functions but open and close may be called from several
 * threads at once; what two writes to the same bytes leave is one or the other, sector by sector. Errors are -errno.
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
#define IMAGE_SHARED 2   /* no locks */
#define IMAGE_RAW 4      /* a raw image whatever it looks like */
#define IMAGE_DIRECT 32  /* image_where_direct() is wanted */
#define IMAGE_SECTORS 16 /* a raw image that ends within a sector is refused */
#define IMAGE_ANY                                                                                  \
	8 /* a backing file that is not what the COW file was made for is taken all the same */

#define IMAGE_DEPTH 16 /* layers of a chain */

struct image_open {
	const char
		*file; /* a COW file that does not exist is made when backing is set (version 3) */
	const char *
		backing; /* what the COW file is to use in place of the name in its header; or NULL */
	uint32_t flags;
	/* answers */
	struct image *image;
	uint64_t size; /* bytes, whole sectors */
	bool rdonly;   /* asked for, or the host gives no permission to write (which a note says) */
	bool damaged;  /* it failed because of what is in a file */
	char note[256];
	char err[512]; /* one line that names the file, when it failed */
};

/* 0 or -errno with o->err. Nothing is made when it fails. */
int image_open(struct image_open *o);
/* Flushes, marks the file as closed, unlocks; 0 or what the flush said. No call may be under way. NULL is fine. */
int image_close(struct image *im);

/*
 * The process ends: a flush and the mark of a close, as far as they can be had now. Async-signal-safe; other threads may be in calls
 * still, what they write from now on may be lost. Nothing is freed or unlocked. Returns the flush's
 * result; -EBUSY: a flush is under way.
 */
int image_at_exit(struct image *im);

uint64_t image_size(const struct image *im);
/* The file that is written to: an fd that stays the image's. */
int image_fd(const struct image *im);

/*
 * The raw image at the end of the chain, if nobody writes to it (a backing file, or all is read-only): an fd that stays the image's, in
 * which everything lies at its offset on the disk. -EROFS: it is written to; -EOPNOTSUPP: the last file is not a raw one.
 */
int image_base_fd(const struct image *im);

/*
 * The file at @depth of the chain, 0 the first: "ro|rw FORMAT FD NAME", FORMAT raw or v1 to v4, FD this process's descriptor of it (a file need not
 * have a name), NAME as the host gives it now. -ENOENT: there are fewer.
 */
int image_tell(const struct image *im, uint32_t depth, char *text, size_t size);

/* ---- where bytes live ---- */

#define IMAGE_ZEROS (-1)   /* nowhere: they are zeros */
#define IMAGE_DECODED (-2) /* in no file as they are (compressed): image_readv() has them */

struct image_piece {
	int fd;    /* the image's, or one of the above */
	int depth; /* 0: the file that is written to; more: a backing file, which nobody changes */
	uint64_t off, len;
};
/*
 * The first piece of [off, off + len): all of it lives in one place when p->len == len. Past the end of its file a piece is zeros. True
 * for as long as nobody writes there. @nowait: -EAGAIN rather than read a table from the disk.
 */
int image_where(struct image *im, uint64_t off, uint64_t len, bool nowait, struct image_piece *p);

/*
 * If all of [off, off + len) lies in one file as it is: a descriptor of that file for reading past the host's cache, which stays the image's, and
 * *at, where it lies there. -EAGAIN: it does not, or there is no telling without waiting, or the host has no O_DIRECT there.
 */
int image_where_direct(struct image *im, uint64_t off, uint64_t len, uint64_t *at);

/* Are these bytes, which lie at @at of @fd, in the host's page cache? 1 or 0 without reading any of them, or -errno: the host does not say. */
int image_is_cached(int fd, uint64_t at, uint64_t len);

/* ---- moving data: the iovec is not changed ---- */

/* @nowait: -EAGAIN rather than wait for a disk; what has been read by then is not said. */
int image_readv(struct image *im, uint64_t off, const struct iovec *iov, int nr, bool nowait);
/* Past the host's cache; 0, or -errno, of which -EAGAIN says: by image_readv(), please. */
int image_readv_direct(struct image *im, uint64_t off, const struct iovec *iov, int nr);
/* When it has returned the data is in the file, in the host's cache; image_flush() brings it to the disk. -ENOSPC, -EIO ... */
int image_writev(struct image *im, uint64_t off, const struct iovec *iov, int nr);
/* Reads as zeros from then on. */
int image_zero(struct image *im, uint64_t off, uint64_t len);
/* Nobody needs the contents any more: what the host can have back it gets. -EOPNOTSUPP where the host cannot. */
int image_discard(struct image *im, uint64_t off, uint64_t len);
/* What had been written when this began is on the disk when it has ended. */
int image_flush(struct image *im);

#endif
