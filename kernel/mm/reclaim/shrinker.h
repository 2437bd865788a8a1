/* SPDX-License-Identifier: MIT */
/* shrinker.h: caches of objects that give memory back when it is short, and vm.drop_caches. */
#ifndef NESTLING_MM_SHRINKER_H
#define NESTLING_MM_SHRINKER_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

/* A cache of objects that can be freed when memory is short (dentries, inodes). */
struct shrinker {
	u64 (*count)(void);
	u64 (*scan)(u64 nr); /* returns how many were freed */
	struct list_head list;
};
void register_shrinker(struct shrinker *s);
/* vm.drop_caches: bits for clean pages of files, and for shrinkers */
#define DROP_PAGES 1
#define DROP_SLAB 2
void drop_caches(int what);
extern int sysctl_vfs_cache_pressure;

#endif
