/* SPDX-License-Identifier: MIT */
/*
 * cache_files.h: the files of the cache of builds (cache.h), for nestctl itself: what they take,
 * and their removal.
 */
#ifndef NESTLING_NESTCTL_BUILD_CACHE_FILES_H
#define NESTLING_NESTCTL_BUILD_CACHE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the path of NAME with SUFFIX in the cache's folder. */
const char *cache_path(const char *name, const char *suffix);
/* Makes the folder and opens the file that is locked shared while a build runs. */
int cache_lock(void);
/* Removes the files that @wanted takes. Returns their bytes on the disk. */
uint64_t cache_sweep(bool (*wanted)(const char *name));
/*
 * Removes files until the others take at most @keep bytes on the disk: those that no build has used
 * for the longest time, and of one build's the last steps first. Dies if a build runs. Returns the
 * bytes of what is gone.
 */
uint64_t cache_prune(uint64_t keep);
/* Likewise, for a build that ends, whose lock is @fd. Does nothing if another build runs. */
void cache_trim(int fd);
/* Notes a file as used by this build. */
void cache_note(const char *path);

struct cache_sum {
	/* layers, images and folders of --mount=type=cache */
	size_t files;
	uint64_t bytes; /* on the disk */
	bool in_use;    /* a build runs */
};
struct cache_sum cache_sum(void);

#endif
