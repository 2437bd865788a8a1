/* SPDX-License-Identifier: MIT */
/*
 * layer_host.h: one file of an image's chain, shared by image_host.c and the formats. A format is a
 * table of operations that find and record where data is; image_host.c moves the data.
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
/* p->fd of a piece that is in the layer below */
#define LAYER_BELOW (-3)

struct layer {
	const struct layer_ops *ops;
	void *state; /* owned by the format */
	int fd;
	/* this file open for reading with O_DIRECT, or -1 */
	int direct_fd;
	bool rdonly;
	char *path;    /* for messages */
	uint64_t size; /* bytes of the disk that it shows */
	/* file offset of the disk's uncompressed data: byte n of the disk lies at base + n */
	uint64_t base;
	/*
	 * size of the file's beginning that does not change in a relevant way while the file is
	 * open
	 */
	uint64_t head;
	/* bytes of a unit, which the layer has or lacks as a whole: 512 or a larger power of two */
	uint64_t unit;
	dev_t dev; /* identity of the file */
	ino_t ino;
	/* atomic: time in ns when a file without a name was last synced to the host's disk */
	uint64_t synced;
	/* atomic: error of the first failed flush, or 0 */
	int lost;
	/* atomic: true if it was written and then replaced as the first layer without a flush */
	bool unflushed;
	/*
	 * true if the layer below is a part of the same disk's changes (part_host.h), not its image
	 */
	bool more;
	struct layer *below;       /* NULL: zeros */
	pthread_mutex_t fill_lock; /* held while units are completed */
};

struct layer_open;
/* Those that return int return 0 or -errno. Ranges are bytes of the disk, whole sectors. */
struct layer_ops {
	const char *name;
	/*
	 * Finds the first piece of [off, off + len), which lies within the layer's size: p->fd (or
	 * LAYER_BELOW), p->off, p->len.
	 */
	int (*where)(
		struct layer *l, uint64_t off, uint64_t len, bool nowait, struct image_piece *p);
	/* Decodes a piece, or its beginning, for which where() has returned IMAGE_DECODED. */
	int (*decode)(struct layer *l, uint64_t off, const struct iovec *iov, int nr, bool nowait);
	/* Called before data of the range is changed in the file. NULL: not needed. */
	int (*begin)(struct layer *l, uint64_t off, uint64_t len);
	/*
	 * Called after the range, whole units, was written. NULL: the layer has all units from the
	 * start.
	 */
	int (*own)(struct layer *l, uint64_t off, uint64_t len);
	/* Makes all data that was written before the call durable. */
	int (*flush)(struct layer *l);
	/* as image_at_exit(); NULL: the layer has no unwritten state */
	int (*at_exit)(struct layer *l);
	/*
	 * Makes the file complete, as a close does; no thread writes to it any more. NULL: it is
	 * complete after each write.
	 */
	int (*seal)(struct layer *l);
	/*
	 * Returns 0 if l->below, which is open, is the file named in the header, else -errno with a
	 * line in lo->why. NULL: no such header.
	 */
	int (*check)(struct layer *l, struct layer_open *lo);
	/* Records in the header that the file @path, open as @fd, is the layer below. */
	int (*rebase)(struct layer *l, const char *path, int fd, bool raw);
	/* Frees state after a flush. @clean: the file may be marked as clean. */
	void (*close)(struct layer *l, bool clean);
};

extern const struct layer_ops layer_raw_ops, layer_cow3_ops, layer_cow4_ops;

/*
 * Results of opening a file beside the layer's members. The format sets ops, state, size, base and
 * unit of the layer, or returns -errno with one line in @why.
 */
struct layer_open {
	/* The backing file's name in the header, which the caller frees, or NULL. */
	char *backing;
	/* the backing file is raw; its content is not examined */
	bool backing_raw;
	char why[400];
};
/* l->fd is open and stays the caller's on failure. */
int layer_open_raw(struct layer *l, struct layer_open *lo);
int layer_open_cow3(struct layer *l, struct layer_open *lo); /* versions 1 to 3 */
/* Returns the header's version: 1, 2 or 3. */
uint32_t cow3_version(const struct layer *l);
/*
 * As cow4_check(): finds bits of the bitmap whose data is missing, and bits beyond the end of the
 * disk.
 */
int cow3_check_all(struct layer *l, void (*say)(void *arg, const char *what), void *arg);
int cow4_open(struct layer *l, struct layer_open *lo);
/*
 * Reads or writes all bytes at @off of the file, and returns 0 or -errno; past the end the file
 * reads as zeros. @iov is used up. @nowait: a read returns -EAGAIN rather than wait for the disk.
 */
int layer_transfer(int fd, bool write, struct iovec *iov, int nr, uint64_t off, bool nowait);
/*
 * Reads a raw file. -EIO if the file was truncated since it was opened; its last sector may be
 * partial.
 */
int layer_read_raw(struct layer *l, struct iovec *iov, int nr, uint64_t off, bool nowait);
/*
 * True if the file has no name, so that it is lost with the process or at a power cut. Callable in
 * a jail.
 */
bool layer_is_nameless(const struct layer *l);
/*
 * Syncs the file's data to the host's disk; a file without a name at most once a second, only to
 * learn of the host's errors. Returns 0 or -errno. The host reports a failed write only once, and a
 * later call would report success. So after a failed flush all later ones fail while the file is
 * open.
 */
int layer_sync(struct layer *l);
/* As layer_transfer(), for one buffer of @n bytes. */
int layer_pwrite(int fd, const void *p, uint64_t n, uint64_t off);
int layer_pread(int fd, void *p, uint64_t n, uint64_t off);

#endif
