/* SPDX-License-Identifier: MIT */
/* dcache.h: declarations shared by dcache.c, dcache_shrink.c and dcache_splice.c only. */
#ifndef NESTLING_VFS_DCACHE_H
#define NESTLING_VFS_DCACHE_H

#include "kernel/vfs/internal.h"

struct dentry_lru {
	spinlock_t lock;
	struct list_head list; /* linked by d_lru, oldest last */
	u64 nr;                /* length of @list */
};
extern struct dentry_lru dentry_lru;
extern atomic64_t nr_dentries;

/*
 * Makes an unused dentry dead and removes it from the hash and the LRU list. Returns false if the
 * dentry is in use. d_lock is held.
 */
bool dentry_condemn(struct dentry *d);
/*
 * Unlinks a dead dentry from its parent and inode, and frees it after a grace period. Returns its
 * parent, whose reference passes to the caller, or NULL. No lock is held. May sleep.
 */
struct dentry *dentry_bury(struct dentry *d);
void dcache_shrinker_init(void);
void d_rehash(struct dentry *d); /* hashes @d, unless it is hashed */
/*
 * Does what d_move() does, for two names in one directory. Returns false, having done nothing, if
 * the target is in another directory.
 */
bool d_move_within(struct dentry *d, struct dentry *target);

#endif
