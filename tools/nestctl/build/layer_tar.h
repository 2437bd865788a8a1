/* SPDX-License-Identifier: MIT */
/* layer_tar.h: the files of an image or a layer as a tar, which needs no program of theirs. */
#ifndef NESTLING_NESTCTL_LAYER_TAR_H
#define NESTLING_NESTCTL_LAYER_TAR_H

#include <archive.h>
#include <stddef.h>

#include "tools/nestctl/build/cache.h"

/* What was written: its bytes, and the sum, which the caller ends. */
struct tar_sum {
	struct sha256 sha256;
	size_t size;
};
/*
 * Writes the tar to @fd, which messages call @out, through @filter (NULL: plain). Holes become
 * zeros, so the files may not have more bytes than the layer's file system. Dies on an error.
 */
struct tar_sum layer_tar(
	const struct layer *l, int fd, const char *out, int (*filter)(struct archive *));
/* Dies with libarchive's reason. */
void tar_not_written(const char *out, struct archive *a) __attribute__((noreturn));

#endif
