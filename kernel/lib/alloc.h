/* SPDX-License-Identifier: MIT */
/*
 * alloc.h: the heap's door: kmalloc() and caches of objects (kernel/mm/frame/slab.c). Every room
 * may know it. The heap takes its pages from the page allocator, and calls nothing else above
 * kernel/lib.
 */
#ifndef NESTLING_LIB_ALLOC_H
#define NESTLING_LIB_ALLOC_H

#include "kernel/lib/types.h"
#include <asm/errno.h>

/* gfp flags */
typedef u32 gfp_t;
#define GFP_KERNEL 0x0 /* may sleep, reclaim */
/* spinlocks may be held: no sleep, may use the reserve */
#define GFP_ATOMIC 0x1
#define __GFP_ZERO 0x2
/* may sleep, reclaim does not enter a file system */
#define GFP_NOFS 0x4
/* for guests: fails (OOM) before the reserve is touched */
#define GFP_USER 0x8
#define __GFP_NOFAIL 0x10
/* charged to the memory group of current, as GFP_USER is */
#define __GFP_ACCOUNT 0x40
/* fails rather than cause an OOM kill: the caller has more to try */
#define __GFP_NOOOM 0x20
/* optional: a group that has no room refuses it, and nothing is reclaimed */
#define __GFP_SPARE 0x80

void *kmalloc(size_t n, gfp_t gfp); /* 16-byte aligned, up to 4 MiB; NULL */
void *kzalloc(size_t n, gfp_t gfp);
void *kcalloc(size_t n, size_t size, gfp_t gfp);
void *krealloc(void *p, size_t n, gfp_t gfp);
/*
 * Allocates the largest of *n, *n / 2, ... that can be had easily, at least @least bytes, and sets
 * *n. For buffers that need not be large.
 */
void *kmalloc_most(size_t *n, size_t least, gfp_t gfp);
void *kmemdup(const void *p, size_t n, gfp_t gfp);
/* Returns the bytes that an object of kmalloc really has. */
size_t ksize(const void *p);
void kfree(const void *p); /* NULL is fine */
struct kmem_cache;
/* @align, and SLAB_RECLAIMABLE where a shrinker frees unused objects: dentries, inodes. */
#define SLAB_RECLAIMABLE BIT(31)
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align);
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp);
void *kmem_cache_zalloc(struct kmem_cache *c, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *c, void *p);
/* Prints a line of /proc/slabinfo, one cache each; 0: @i is past the last. */
int slabinfo_line(int i, char *buf, size_t size);

/* The heap's interface for kernel/mm, from which it takes its pages. */
void slab_init(void);
u64 nr_slab_frames(void);
u64 nr_reclaimable_slab_frames(void); /* of caches that shrinkers empty */
u64 nr_large_frames(void);            /* of them: blocks of kmalloc above 8 KiB */
/* Gives empty slabs back; frames freed. */
u64 slab_shrink(void);

#endif
