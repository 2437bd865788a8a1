/* SPDX-License-Identifier: MIT */
/*
 * cache.h: what builds keep, in $XDG_DATA_HOME/nestling/build:
 *
 *	KEY.cow      what a step has written, a layer over the file of the step before it
 *	KEY.ext4     an image that a build has made to begin with, and its KEY.ext4.config
 *	cache-ID.ext4   the folder of --mount=type=cache, a file system of its own
 *	.lock        locked shared while a build runs
 *
 * cache_files.h has what the folder takes, and its removal.
 *
 * KEY is a digest of all that the content follows from. A file has its name once it is whole.
 */
#ifndef NESTLING_NESTCTL_BUILD_CACHE_H
#define NESTLING_NESTCTL_BUILD_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/nestctl/build/cache_files.h"
#include "tools/nestctl/image/sha256.h"

/* The files of an image while it is built: a raw image, or a chain of layers over one. */
struct layer {
	const char *file; /* its full path */
	char key[65];
	int depth; /* files in its chain */
};

/*
 * Makes the folder and locks it for a build, until the process ends. Removes what is left over.
 * Returns the lock, for cache_trim().
 */
int cache_open(void);
/* True if the file of a key is there; then this build uses it. */
bool cache_has(const char *key, const char *suffix);
/* Returns the disk of a cache folder, locked for this build. Waits for another build's. */
const char *cache_disk(const char *id);

/* Keys: a list of strings, each of which counts with its length. */
void key_begin(struct sha256 *s, const char *parent, const char *what);
void key_add(struct sha256 *s, const char *text);
void key_list(struct sha256 *s, char *const *list);

/*
 * Returns an image of the store or of a path as a build's first layer. Its key follows from the
 * file's number, size and times: a new image is another one.
 */
struct layer layer_of_image(const char *file);
/* Returns a flat copy of the layer, for a chain that has grown long. */
struct layer layer_flat(const struct layer *l);
/* Returns an empty file system; and a larger copy, unless it has that size. @size: bytes. */
struct layer layer_scratch(uint64_t size);
struct layer layer_grown(const struct layer *l, uint64_t size);
/*
 * Writes the layer, with what is below it, as the raw image @path with the configuration @text,
 * whole or not at all; replaces an existing one.
 */
void layer_store(const struct layer *l, const char *path, const char *text, size_t size);

#endif
