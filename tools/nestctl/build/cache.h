/* SPDX-License-Identifier: MIT */
/*
 * cache.h: the cache of builds in $XDG_DATA_HOME/nestling/build:
 *
 *	KEY.cow      the files that a step has written: a layer over that of the step before
 *	KEY.ext4     an image that a build has made as its start, and its KEY.ext4.config
 *	cache-ID.ext4   the folder of --mount=type=cache, a file system of its own
 *	cache-ID.lock   locked while a build uses that folder
 *	.lock        locked shared while a build runs
 *
 * cache_files.h measures and removes these files.
 *
 * KEY is a digest of everything on which the content depends. A file gets its name when it is
 * complete. Texts are never freed. Every failure dies.
 */
#ifndef NESTLING_NESTCTL_BUILD_CACHE_H
#define NESTLING_NESTCTL_BUILD_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/nestctl/build/cache_files.h"
#include "tools/nestctl/image/sha256.h"

/* The files of an image during a build: a raw image, or a chain of layers over one. */
struct layer {
	const char *file; /* absolute path */
	/* terminated; "" for an instance's layer */
	char key[65];
	int depth; /* layers in its chain */
};

/*
 * Makes the cache's folder and locks it shared for a build, until the process ends. Waits while it
 * is locked exclusively. Removes unfinished files of killed builds. Returns the lock's descriptor,
 * for cache_trim().
 */
int cache_open(void);
/*
 * True if the cache has the file KEY with @suffix (".cow" or ".ext4") behind it. Then records that
 * this build uses it.
 */
bool cache_has(const char *key, const char *suffix);
/*
 * Returns the path of the disk for the cache folder @id, which is made if it is missing and is
 * locked until the build ends. Waits while another build has it locked.
 */
const char *cache_disk(const char *id);

/*
 * Functions that make keys from strings. Each string is hashed with its length. key_begin() starts
 * the digest from the key @parent (or "") and the kind @what of the step; sha256_end() writes the
 * key.
 */
void key_begin(struct sha256 *s, const char *parent, const char *what);
void key_add(struct sha256 *s, const char *text);
void key_list(struct sha256 *s, char *const *list);

/*
 * Returns an image, from the store or a path, as the first layer of a build. Its key depends on the
 * file's path, device, inode, size and mtime, so that a new image has a new key.
 */
struct layer layer_of_image(const char *file);
/*
 * Returns a copy of the layer and those below it as one file of the cache, for a chain that has
 * become long.
 */
struct layer layer_flat(const struct layer *l);
/*
 * layer_scratch() returns an empty file system of @size bytes. layer_grown() returns a copy of @l
 * of @size bytes, or @l itself if it is large enough. Both are files of the cache.
 */
struct layer layer_scratch(uint64_t size);
struct layer layer_grown(const struct layer *l, uint64_t size);
/*
 * Writes the layer and those below it as the raw image @path, with the configuration @text of @size
 * bytes (image_config_write()). The image appears complete or not at all, and replaces an existing
 * one.
 */
void layer_store(const struct layer *l, const char *path, const char *text, size_t size);

#endif
