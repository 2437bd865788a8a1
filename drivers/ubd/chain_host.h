/* SPDX-License-Identifier: MIT */
/*
 * chain_host.h: an open image, between image_host.c (moves data) and chain_host.c (opens and
 * closes).
 */
#ifndef NESTLING_UBD_CHAIN_HOST_H
#define NESTLING_UBD_CHAIN_HOST_H

#include "drivers/ubd/layer_host.h"

struct image {
	struct layer *top; /* the first; immutable */
	uint64_t size;     /* whole sectors */
	bool rdonly;
	bool written; /* atomic: since the last flush began */
};

/*
 * Describes the owner of a lock on the file behind @fd: " (process 12, nestling)", or "" if
 * unknown. Returns @out.
 */
const char *file_holder(int fd, char *out, size_t size);

#endif
