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
 * and close may be called from several threads at once. Of two concurrent writes to a sector, one
 * or the other remains. Errors are -errno; functions that return int return 0 on success, unless
 * their comment says otherwise. Those that move, discard or flush data may wait for the host's
 * disk.
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
/* accepts backing files anywhere from headers: only the caller itself sees the data */
#define IMAGE_TRUST 64
/*
 * the first file's layer goes with this process: its backing file is not recorded for later opens
 */
#define IMAGE_PASSING 128

#define IMAGE_DEPTH 16 /* layers of a chain */

/* a file, open for reading, of an image's chain */
struct image_part {
	int fd;
	const char *name; /* for messages */
};

struct image_open {
	/*
	 * name of the first file; it is made as a COW file (version 3) if it does not exist and
	 * backing is set
	 */
	const char *file;
	/* backing file that replaces the header's, or NULL */
	const char *backing;
	uint32_t flags;
	/*
	 * descriptor of the first file, which @file then only names; 0: it is opened by that name
	 */
	int fd;
	/*
	 * further parts of the changes, below the first file and over the backing file, in this
	 * order
	 */
	const struct image_part *parts;
	int nr_parts;
	/* results */
	struct image *image;
	uint64_t size; /* bytes, whole sectors */
	/* true if requested, or if the host does not allow writing (which the note reports) */
	bool rdonly;
	bool damaged; /* true: a file's content was invalid */
	char note[256];
	/* one line that names the file, on failure */
	char err[512];
};

/*
 * Opens an image. Returns 0 or -errno with o->err. Creates nothing on failure. The image owns the
 * descriptors in @o, also on failure.
 */
int image_open(struct image_open *o);
/*
 * Flushes, marks the file as closed, unlocks. Returns 0 or the flush's error. No call may be in
 * progress. NULL is allowed.
 */
int image_close(struct image *im);

/*
 * Flushes and marks the file as closed at the end of the process, as far as possible.
 * Async-signal-safe. Other threads may still be in calls; data that they write from now on may be
 * lost. Nothing is freed or unlocked. Returns the flush's result; -EBUSY: a flush is in progress.
 */
int image_at_exit(struct image *im);

uint64_t image_size(const struct image *im);
/* Returns the descriptor of the file that is written. The image still owns it. */
int image_fd(const struct image *im);

/*
 * Returns the descriptor of the raw file at the end of the chain. The image still owns it. All of
 * the file's data lies at its offset on the disk, and it is never written: it is a backing file, or
 * the chain is read-only. -EROFS: it is written; -EOPNOTSUPP: the last file is not raw.
 */
int image_base_fd(const struct image *im);
/* Calls @fn with each file of the chain: its path as it was opened, and whether it is written. */
void image_each(const struct image *im, void (*fn)(int fd, const char *path, bool written));

/*
 * Describes the file at @depth of the chain, 0 the first: "ro|rw|part FORMAT FD NAME". A part has
 * changes of the same disk as the file above it, and is no backing file (part_host.h). FORMAT is
 * raw or v1 to v4, FD this process's descriptor (a file need not have a name), NAME the host's
 * present name for it. Cut to @size bytes. -ENOENT: the chain is shorter.
 */
int image_describe(const struct image *im, uint32_t depth, char *text, size_t size);

/* ---- places of data ---- */

#define IMAGE_ZEROS (-1) /* in no file: zeros */
/* compressed; image_readv() decodes it */
#define IMAGE_DECODED (-2)

struct image_piece {
	/* a descriptor of the image, or IMAGE_* */
	int fd;
	/* 0: the file that is written; higher: a file below it, which never changes */
	int depth;
	uint64_t off, len; /* offset in that file; bytes */
};
/*
 * Finds the first piece of [off, off + len); if p->len == len, all of it lies in one place. Past
 * the end of its file a piece is zeros. The result holds until the range is written. @nowait:
 * returns -EAGAIN rather than read a table from the disk.
 */
int image_where(struct image *im, uint64_t off, uint64_t len, bool nowait, struct image_piece *p);

/*
 * If all of [off, off + len) lies uncompressed in one file, returns a descriptor (owned by the
 * image) for reading past the host's cache, and sets *at to the offset in it. -EAGAIN: the data is
 * elsewhere, or finding out would wait, or the host has no O_DIRECT for the file.
 */
int image_where_direct(struct image *im, uint64_t off, uint64_t len, uint64_t *at);

/*
 * Returns 1 if these bytes, which lie at @at of @fd, are in the host's page cache, 0 if not, or
 * -errno if the host does not report it. Does not read them.
 */
int image_is_cached(int fd, uint64_t at, uint64_t len);

/* ---- moving data: the iovec is not changed ---- */

/*
 * Reads all bytes of the iovec. @nowait: returns -EAGAIN rather than wait for a disk; the buffer
 * then has undefined content.
 */
int image_readv(struct image *im, uint64_t off, const struct iovec *iov, int nr, bool nowait);
/* Reads past the host's cache. Returns 0 or -errno; -EAGAIN: the caller uses image_readv(). */
int image_readv_direct(struct image *im, uint64_t off, const struct iovec *iov, int nr);
/*
 * True if the range may be written: the first file is no copy-on-write layer, uses at most @most
 * bytes on the host with @room bytes for it, or has blocks for the whole range already. If @room is
 * 0, having the range without blocks is enough. Other threads may write meanwhile.
 */
bool image_has_room(struct image *im, uint64_t off, uint64_t len, uint64_t room, uint64_t most);
/*
 * Writes data to the file, in the host's cache; image_flush() brings it to the disk. After an error
 * (-ENOSPC, -EIO ...) a part may be written.
 */
int image_writev(struct image *im, uint64_t off, const struct iovec *iov, int nr);
/*
 * Makes the range a hole of the file, which reads as zeros. -EOPNOTSUPP: the host cannot; the range
 * has its old data.
 */
int image_punch(struct image *im, uint64_t off, uint64_t len);
/* Makes the range read as zeros: a hole, or written zeros if the host cannot make one. */
int image_zero(struct image *im, uint64_t off, uint64_t len);
/*
 * Discards contents that are no longer needed; the host gets back what it can. -EOPNOTSUPP if the
 * host cannot.
 */
int image_discard(struct image *im, uint64_t off, uint64_t len);
/*
 * Brings to the disk all data that was written before the call. Once the host has failed to sync,
 * all later calls fail (layer_sync()).
 */
int image_flush(struct image *im);

#endif
