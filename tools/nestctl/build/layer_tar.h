/* SPDX-License-Identifier: MIT */
/*
 * layer_tar.h: writes the files of an image or a layer as a tar. The image needs no program for it.
 */
#ifndef NESTLING_NESTCTL_LAYER_TAR_H
#define NESTLING_NESTCTL_LAYER_TAR_H

#include <archive.h>
#include <stddef.h>

#include "tools/nestctl/build/cache.h"

/* Size in bytes and SHA-256 of what was written to the descriptor. The caller ends the sum. */
struct tar_sum {
	struct sha256 sha256;
	size_t size;
};
/*
 * Writes the tar to @fd, which messages call @out and which stays open, through @filter (NULL:
 * uncompressed), a function of libarchive. Holes are written as zeros, so the total size of files
 * must not exceed that of the layer's file system. Dies on an error.
 */
struct tar_sum layer_tar(
	const struct layer *l, int fd, const char *out, int (*filter)(struct archive *));
/* Dies with libarchive's error message. */
void tar_not_written(const char *out, struct archive *a) __attribute__((noreturn));

#endif
