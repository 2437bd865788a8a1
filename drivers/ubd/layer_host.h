/* SPDX-License-Identifier: MIT */
/*
 * layer_host.h: one file of an image's chain, as image_host.c and the formats share it. A format is a table of operations over the places
 * of bytes; the moving of data is image_host.c's.
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
#define LAYER_BELOW (-3) /* as the fd of a piece: the layer below has it */

struct layer {
	const struct layer_ops *ops;
	void *state; /* the format's */
	int fd;
	int direct_fd; /* the same file for reading with O_DIRECT, or -1 */
	bool rdonly;
	char *path;    /* for messages */
	uint64_t size; /* of the disk that it shows, bytes */
	uint64_t
		base; /* data that this layer holds as it is lives in its file at this + its offset on the disk */
	uint64_t
		unit; /* it holds or does not hold so many bytes at a time: 512 or a larger power of two */
	dev_t dev; /* which file it is */
	ino_t ino;
	int lost;                  /* atomic: 0, or what the first flush that failed said */
	struct layer *below;       /* NULL: zeros */
	pthread_mutex_t fill_lock; /* of units that are completed from below */
};

struct layer_open;
struct layer_ops {
	const char *name;
	/* The first piece of [off, off + len), which lies within the layer's size: p->fd (or LAYER_BELOW), p->off, p->len. */
	int (*where)(
		struct layer *l, uint64_t off, uint64_t len, bool nowait, struct image_piece *p);
	/* A piece that where() called IMAGE_DECODED, or the beginning of one. */
	int (*decode)(struct layer *l, uint64_t off, const struct iovec *iov, int nr, bool nowait);
	/* Before data of the range is changed in the file. NULL: nothing to be done. */
	int (*begin)(struct layer *l, uint64_t off, uint64_t len);
	/* Behind: the range, whole units, is in the file now. NULL: it always was. */
	int (*own)(struct layer *l, uint64_t off, uint64_t len);
	int (*flush)(struct layer *l);
	/* See image_at_exit(). NULL: nothing is kept back. */
	int (*at_exit)(struct layer *l);
	/* Is @below, which is open, what the header was made for? NULL: it has no such header. */
	int (*check)(struct layer *l, struct layer_open *lo);
	/* The layer below is another file from now on, and the file says so on the disk. */
	int (*rebase)(struct layer *l, const char *path, int fd, bool raw);
	/* Frees state. What is to be written has been flushed; @clean: and it may say so in the file. */
	void (*close)(struct layer *l, bool clean);
};

extern const struct layer_ops layer_raw_ops, layer_cow3_ops, layer_cow4_ops;

/*
 * From an open file: sets ops, state, size, base and unit. *backing is the name that its header gives (freed by the caller), NULL where it
 * has none. -errno with one line in @why.
 */
struct layer_open {
	char *backing;
	bool backing_raw; /* the backing file is not to be looked into: it is raw */
	char why[400];
};
int layer_open_raw(struct layer *l, struct layer_open *lo);
int layer_open_cow3(struct layer *l, struct layer_open *lo);
/* 1, 2 or 3 */
uint32_t cow3_version(const struct layer *l);
/* As cow4_check(): bits of the bitmap whose data is not there. */
int cow3_check_all(struct layer *l, void (*say)(void *arg, const char *what), void *arg);
int cow4_open(struct layer *l, struct layer_open *lo);
/* Reads and writes of all of it, or -errno; past the end it reads as zeros. @iov is used up. */
int layer_transfer(int fd, bool write, struct iovec *iov, int nr, uint64_t off, bool nowait);
/* Of a raw file, which somebody may have cut short since it was opened: -EIO then. Its last sector may always be a part of one. */
int layer_read_raw(struct layer *l, struct iovec *iov, int nr, uint64_t off, bool nowait);
/*
 * What was written to the file is on the host's disk: 0 or -errno. The host tells of what it could not write once, and has forgotten it then: who asks
 * again would be told that all is well. So after one that failed each fails, as long as the file is open.
 */
int layer_sync(struct layer *l);
int layer_pwrite(int fd, const void *p, uint64_t n, uint64_t off);
int layer_pread(int fd, void *p, uint64_t n, uint64_t off);

#endif
