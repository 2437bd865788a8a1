/* SPDX-License-Identifier: MIT */
/*
 * chain_host.h: an open image, between image_host.c (moves data) and chain_host.c (opens and
 * closes).
 */
#ifndef NESTLING_UBD_CHAIN_HOST_H
#define NESTLING_UBD_CHAIN_HOST_H

#include "drivers/ubd/layer_host.h"

struct backup;

struct image {
	/* the first layer; changed only by image_push(), image_pop() and image_replace() */
	struct layer *top;
	uint64_t size; /* bytes, whole sectors */
	bool rdonly;
	/* atomic; true: written to since the last flush */
	bool written;
	/* atomic: the copy in progress (backup_host.h), or NULL; changed with backup_lock held */
	struct backup *backup;
	pthread_mutex_t backup_lock;
};

/*
 * Opens and locks one file, without the layers below it; flags as for an image. The layer owns @fd,
 * also on failure; @path is for messages. Returns NULL with one line in @err, cut to @size bytes.
 */
struct layer *layer_open_fd(int fd, const char *path, uint32_t flags, char *err, size_t size);
/* Closes layers, from @l on down. @clean: all writes were flushed. NULL is allowed. */
void layer_close(struct layer *l, bool clean);
/*
 * Makes a file read-only for this process, or writable again, with its lock. Only for a file that
 * has no name, or whose name no other process knows yet.
 */
void layer_set_rdonly(struct layer *l, bool rdonly);

/*
 * image_push() puts an empty layer, which the image then owns, over the image's first one, which is
 * not written from then on but keeps its lock. image_pop() removes that layer, whose content is
 * then lost, and the caller owns it again. image_replace() replaces the first layer by an empty one
 * in the same way. No call may be in progress.
 */
void image_push(struct image *im, struct layer *l);
void image_pop(struct image *im);
void image_replace(struct image *im, struct layer *l);

/*
 * Describes the owner of a lock on the file behind @fd: " (process 12, nestling)", or "" if it is
 * unknown or this process. Returns @out, of @size bytes.
 */
const char *file_holder(int fd, char *out, size_t size);
struct flock;
/*
 * Locks the file as described by @fl. The locks of a killed process remain for some milliseconds
 * after its descriptors are gone, so a lock without a known holder is tried again, for half a
 * second. Returns 0 or -errno; after -EAGAIN (another process has it) @who has the text of
 * file_holder().
 */
int file_lock(int fd, struct flock *fl, char *who, size_t size);

#endif
