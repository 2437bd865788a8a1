/* SPDX-License-Identifier: MIT */
/*
 * layer_host.h: one file of an image's chain, shared by image_host.c and the formats. A format is a
 * table of operations over the places of bytes; image_host.c moves the data.
 */
#ifndef NESTLING_UBD_LAYER_HOST_H
#define NESTLING_UBD_LAYER_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "drivers/ubd/image_host.h"

#define LAYER_SECTOR 512UL
/* descriptor of a piece that the layer below has */
#define LAYER_BELOW (-3)

struct layer {
	const struct layer_ops *ops;
	void *state; /* owned by the format */
	int fd;
	/* this file open for reading with O_DIRECT, or -1 */
	int direct_fd;
	bool rdonly;
	char *path;    /* for messages */
	uint64_t size; /* of the disk that it shows, bytes */
	/* uncompressed data lies at this plus its offset on the disk */
	uint64_t base;
	/* bytes at the beginning of the file that change in no way that matters while it is open */
	uint64_t head;
	/* bytes that it holds or lacks as a whole: 512 or a larger power of two */
	uint64_t unit;
	dev_t dev; /* identity of the file */
	ino_t ino;
	/* atomic: ns, the last time that a file without a name was brought to the host's disk */
	uint64_t synced;
	/* atomic: error of the first failed flush, or 0 */
	int lost;
	/* atomic: it was written, and not flushed before it was the first no more */
	bool unflushed;
	/*
	 * true if the layer below is a part of the same disk's changes (part_host.h), not its image
	 */
	bool more;
	struct layer *below;       /* NULL: zeros */
	pthread_mutex_t fill_lock; /* units being completed from below */
};

struct layer_open;
struct layer_ops {
	const char *name;
	/*
	 * Finds the first piece of [off, off + len), which lies within the layer's size: p->fd (or
	 * LAYER_BELOW), p->off, p->len.
	 */
	int (*where)(
		struct layer *l, uint64_t off, uint64_t len, bool nowait, struct image_piece *p);
	/* Decodes a piece that where() called IMAGE_DECODED, or its beginning. */
	int (*decode)(struct layer *l, uint64_t off, const struct iovec *iov, int nr, bool nowait);
	/* Called before data of the range is changed in the file. NULL: not needed. */
	int (*begin)(struct layer *l, uint64_t off, uint64_t len);
	/* Called after the range, whole units, was written. NULL: it was the layer's before. */
	int (*own)(struct layer *l, uint64_t off, uint64_t len);
	int (*flush)(struct layer *l);
	/* See image_at_exit(). NULL: no state is held back. */
	int (*at_exit)(struct layer *l);
	/*
	 * Makes the file complete, as a close does; no thread writes to it any more. NULL: it is
	 * complete after each write.
	 */
	int (*seal)(struct layer *l);
	/* Returns 0 if @below, which is open, is the file in the header. NULL: no such header. */
	int (*check)(struct layer *l, struct layer_open *lo);
	/* Makes another file the layer below, and records that on the disk. */
	int (*rebase)(struct layer *l, const char *path, int fd, bool raw);
	/* Frees state after a flush. @clean: the file may be marked as clean. */
	void (*close)(struct layer *l, bool clean);
};

extern const struct layer_ops layer_raw_ops, layer_cow3_ops, layer_cow4_ops;

/*
 * An opened file: the format sets ops, state, size, base and unit of the layer, or returns -errno
 * with one line in @why. *backing is the name in its header (freed by the caller), or NULL.
 */
struct layer_open {
	char *backing;
	/* the backing file is raw; its content is not examined */
	bool backing_raw;
	char why[400];
};
int layer_open_raw(struct layer *l, struct layer_open *lo);
int layer_open_cow3(struct layer *l, struct layer_open *lo);
/* Returns 1, 2 or 3. */
uint32_t cow3_version(const struct layer *l);
/* Checks like cow4_check(): finds bits of the bitmap whose data is missing. */
int cow3_check_all(struct layer *l, void (*say)(void *arg, const char *what), void *arg);
int cow4_open(struct layer *l, struct layer_open *lo);
/*
 * Reads or writes all bytes, or returns -errno; past the end the file reads as zeros. @iov is used
 * up.
 */
int layer_transfer(int fd, bool write, struct iovec *iov, int nr, uint64_t off, bool nowait);
/*
 * Reads a raw file. -EIO if the file was truncated since it was opened; its last sector may be
 * partial.
 */
int layer_read_raw(struct layer *l, struct iovec *iov, int nr, uint64_t off, bool nowait);
/*
 * True if the file has no name: it is gone with the process, or at a loss of power. A jailed
 * process may ask.
 */
bool layer_is_nameless(const struct layer *l);
/*
 * Brings the file's data to the host's disk; that of a file without a name once a second at most,
 * which is when the host's errors are seen. Returns 0 or -errno. The host reports a failed write
 * once, and a later call would report success. So after a failed flush each one fails, as long as
 * the file is open.
 */
int layer_sync(struct layer *l);
int layer_pwrite(int fd, const void *p, uint64_t n, uint64_t off);
int layer_pread(int fd, void *p, uint64_t n, uint64_t off);

#endif
