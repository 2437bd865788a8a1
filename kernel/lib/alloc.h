/* SPDX-License-Identifier: MIT */
/*
 * alloc.h: the interface of the heap: kmalloc() and caches of objects (kernel/mm/frame/slab.c).
 * Every room may include it. The heap takes its pages from the page allocator, and calls no other
 * function of rooms above kernel/lib.
 */
#ifndef NESTLING_LIB_ALLOC_H
#define NESTLING_LIB_ALLOC_H

#include "kernel/lib/types.h"
#include <asm/errno.h>

/* gfp flags */
typedef u32 gfp_t;
#define GFP_KERNEL 0x0 /* may sleep and reclaim */
/* Does not sleep, so spinlocks may be held; may use the reserve. */
#define GFP_ATOMIC 0x1
#define __GFP_ZERO 0x2
/* May sleep; reclaim does not enter a file system. */
#define GFP_NOFS 0x4
/* For memory of guests: fails, perhaps after an OOM kill, before it would use the reserve. */
#define GFP_USER 0x8
/*
 * Retries until memory is available, and may use a part of the reserve. For callers that may sleep.
 */
#define __GFP_NOFAIL 0x10
/* Charged to current's memory group, as GFP_USER is. */
#define __GFP_ACCOUNT 0x40
/* Fails instead of causing an OOM kill: the caller has an alternative. */
#define __GFP_NOOOM 0x20
/* Optional memory: fails without reclaim if the memory group has no room. */
#define __GFP_SPARE 0x80

/*
 * Allocate up to 4 MiB, 16-byte aligned; above 8 KiB whole pages. NULL: no memory. kcalloc()
 * zeroes, and gives NULL if @n * @size overflows. May sleep unless @gfp has GFP_ATOMIC.
 */
void *kmalloc(size_t n, gfp_t gfp);
void *kzalloc(size_t n, gfp_t gfp);
void *kcalloc(size_t n, size_t size, gfp_t gfp);
/*
 * Resizes a block of kmalloc(), or allocates if @p is NULL. Keeps the contents up to the smaller
 * size; the rest is not zeroed. NULL: no memory, and @p is unchanged.
 */
void *krealloc(void *p, size_t n, gfp_t gfp);
/*
 * Allocates a buffer of *n, *n / 2, ... bytes: the largest that is available without an OOM kill,
 * else one of @least bytes, or NULL. Sets *n to its size. For buffers that need not be large.
 */
void *kmalloc_most(size_t *n, size_t least, gfp_t gfp);
/* Returns a copy of the @n bytes at @p, which kfree() frees. NULL: no memory. */
void *kmemdup(const void *p, size_t n, gfp_t gfp);
/* Returns the real size of an object of kmalloc, in bytes. */
size_t ksize(const void *p);
/* Frees what the functions above returned, or nothing for NULL. Does not sleep. */
void kfree(const void *p);
struct kmem_cache;
/* A flag to add to @align: a shrinker frees unused objects of the cache (dentries, inodes). */
#define SLAB_RECLAIMABLE BIT(31)
/*
 * Creates a cache of objects of @size bytes, for ever. @name is kept by pointer. @align: a power of
 * two; 0: 16. May sleep. NULL: no memory.
 */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align);
/*
 * Allocate and free an object of the cache @c, as kmalloc(), kzalloc() and kfree() do for blocks.
 */
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp);
void *kmem_cache_zalloc(struct kmem_cache *c, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *c, void *p);
/*
 * Prints the line of cache @i (from 0) for /proc/slabinfo. Returns its length; 0: there is no cache
 * @i.
 */
int slabinfo_line(int i, char *buf, size_t size);

/* For kernel/mm. */
void slab_init(void);
/* Returns the frames that all slabs and large kmalloc blocks occupy. */
u64 nr_slab_frames(void);
u64 nr_reclaimable_slab_frames(void); /* of caches that shrinkers empty */
u64 nr_large_frames(void);            /* frames of kmalloc blocks above 8 KiB */
/*
 * Frees the empty slabs of all caches, after emptying this vCPU's magazines. Returns the number of
 * frames freed. Does not sleep.
 */
u64 slab_shrink(void);

#endif
