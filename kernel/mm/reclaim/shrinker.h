/* SPDX-License-Identifier: MIT */
/* shrinker.h: caches of objects that give memory back when it is short, and vm.drop_caches. */
#ifndef NESTLING_MM_SHRINKER_H
#define NESTLING_MM_SHRINKER_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

/* A cache of objects that can be freed when memory is short (dentries, inodes). */
struct shrinker {
	u64 (*count)(void); /* objects that might be freed */
	/*
	 * Looks at @nr objects and frees those that are unused. Returns how many were freed. Called
	 * by reclaim, with no spinlock held.
	 */
	u64 (*scan)(u64 nr);
	struct list_head list; /* owned by register_shrinker() */
};
/* Registers @s, for ever. */
void register_shrinker(struct shrinker *s);
/*
 * Drops what the bits of @what name, as vm.drop_caches does: DROP_PAGES: unused clean pages of
 * files; DROP_SLAB: objects of shrinkers. May sleep.
 */
#define DROP_PAGES 1
#define DROP_SLAB 2
void drop_caches(int what);
/* vm.vfs_cache_pressure: percentage by which reclaim scales how many objects it scans. */
extern int sysctl_vfs_cache_pressure;

#endif
