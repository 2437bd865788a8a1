/* SPDX-License-Identifier: MIT */
/*
 * cache_files.h: the size and removal of the files in the cache of builds (cache.h). nestctl itself
 * has this code, unlike the rest of the folder.
 */
#ifndef NESTLING_NESTCTL_BUILD_CACHE_FILES_H
#define NESTLING_NESTCTL_BUILD_CACHE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the path of NAME followed by SUFFIX in the cache's folder. The text is never freed. */
const char *cache_path(const char *name, const char *suffix);
/*
 * Makes the folder and opens the lock file, which each running build holds locked shared. Returns a
 * descriptor, not locked yet, for the caller to close. Dies on an error.
 */
int cache_lock(void);
/*
 * Removes the files of the cache for whose name @wanted returns true. Returns how many bytes on the
 * disk that has freed. Errors are ignored.
 */
uint64_t cache_sweep(bool (*wanted)(const char *name));
/*
 * Removes files until the others have at most @keep bytes on the disk; 0: all. First go files that
 * no build has used for the longest time, and of the files of one build the last steps. Dies if a
 * build runs. Returns the number of bytes removed.
 */
uint64_t cache_prune(uint64_t keep);
/*
 * As cache_prune(), with the default limit, for a build that ends and whose lock is @fd, of
 * cache_open(). Removes nothing if another build runs.
 */
void cache_trim(int fd);
/* Records that this build uses a file, for cache_trim(). @path must stay valid. */
void cache_note(const char *path);

struct cache_sum {
	/* number of layers, images and cache folders */
	size_t files;
	uint64_t bytes; /* of all its files on the disk */
	bool in_use;    /* a build runs */
};
/* Measures the cache; all zeros if there is none. */
struct cache_sum cache_sum(void);

#endif
