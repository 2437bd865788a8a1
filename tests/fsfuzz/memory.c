/* SPDX-License-Identifier: MIT */
/*
 * memory.c: kmalloc() and page frames for machine.c. Objects come from the host's allocator, so
 * that ASan knows the end of each. Pages, and buffers that a disk may get, come from a direct map
 * in which an inaccessible frame follows each run of frames.
 */
#include "kernel/lib/string.h"
#include "kernel/mm/internal.h"
#include "tests/fsfuzz/machine.h"
#include "tests/fsfuzz/world.h"

#define ALLOC_MAX (64UL << 20)

long machine_objects, machine_frames;
static u8 frame_used[FRAMES];
static struct page pages[FRAMES];
static u64 next_frame;

static struct page *take_frames(u64 n);

/*
 * True if an object of @n bytes may be given to a disk. It must lie in frames: at the end of the
 * last one, so that an access behind it fails.
 */
static bool is_buffer(size_t n)
{
	return n >= 512 && n % 512 == 0 && n <= 64 << 10;
}

static void *buffer_alloc(size_t n)
{
	u64 frames = (n + PAGE_SIZE - 1) >> PAGE_SHIFT, unused = (frames << PAGE_SHIFT) - n;
	struct page *p = take_frames(frames);
	u8 *start = p ? page_address(p) : NULL;

	if (!p)
		return NULL;
	p->private = frames;
	host_poison(start, unused);
	machine_frames -= (long)frames; /* counts as an object */
	return memset(start + unused, 0, n);
}

static bool in_frames(const void *p)
{
	return (u64)p >= KERNEL_MAP_BASE && (u64)p < KERNEL_MAP_BASE + (FRAMES << PAGE_SHIFT);
}

static void *allocate(size_t n)
{
	void *p = is_buffer(n) ? buffer_alloc(n) : n <= ALLOC_MAX ? host_alloc(n ? n : 1) : NULL;

	machine_objects += p != NULL;
	return p;
}

static size_t size_of(const void *p)
{
	if (!in_frames(p))
		return host_size(p);
	return (virt_to_page(p)->private << PAGE_SHIFT) - ((u64)p & (PAGE_SIZE - 1));
}

static void give_frames(u64 pfn, u64 n)
{
	for (u64 i = 0; i <= n; i++) {
		if (!frame_used[pfn + i])
			panic("frame %lu is free already", pfn + i);
		frame_used[pfn + i] = 0;
	}
	host_poison(pfn_to_virt(pfn), n << PAGE_SHIFT);
}

void *kmalloc(size_t n, gfp_t gfp)
{
	return allocate(n);
}

void *kzalloc(size_t n, gfp_t gfp)
{
	return allocate(n);
}

void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t all;

	return __builtin_mul_overflow(n, size, &all) ? NULL : allocate(all);
}

void kfree(const void *p)
{
	machine_objects -= p != NULL;
	if (in_frames(p))
		give_frames(((u64)p - KERNEL_MAP_BASE) >> PAGE_SHIFT, virt_to_page(p)->private);
	else
		host_free((void *)p);
}

void *krealloc(void *p, size_t n, gfp_t gfp)
{
	void *new = allocate(n);

	if (new &&p) {
		memcpy(new, p, min_t(size_t, n, size_of(p)));
		kfree(p);
	}
	return new;
}

void *kmemdup(const void *p, size_t n, gfp_t gfp)
{
	void *new = allocate(n);

	return new ? memcpy(new, p, n) : NULL;
}

struct kmem_cache {
	size_t size;
};

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *c = host_alloc(sizeof(*c));

	c->size = size;
	return c;
}

void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	return allocate(c->size);
}

void *kmem_cache_zalloc(struct kmem_cache *c, gfp_t gfp)
{
	return allocate(c->size);
}

void kmem_cache_free(struct kmem_cache *c, void *p)
{
	kfree(p);
}

static bool free_run(u64 pfn, u64 n)
{
	for (u64 i = 0; i < n; i++)
		if (frame_used[pfn + i])
			return false;
	return true;
}

/* Returns @n frames in a row, which an inaccessible frame follows, or NULL. */
static struct page *take_frames(u64 n)
{
	for (u64 tries = 0; tries < FRAMES; tries++) {
		u64 pfn = next_frame;

		if (pfn + n + 1 > FRAMES || !free_run(pfn, n + 1)) {
			next_frame = pfn + n + 1 >= FRAMES ? 1 : pfn + 1;
			continue;
		}
		for (u64 i = 0; i <= n; i++)
			frame_used[pfn + i] = 1;
		next_frame = pfn + n + 1;
		machine_frames += (long)n;
		host_unpoison(pfn_to_virt(pfn), n << PAGE_SHIFT);
		return mem_map + pfn;
	}
	return NULL;
}

struct page *alloc_pages(gfp_t gfp, u32 order)
{
	u64 n = 1UL << order;
	struct page *p = order <= MAX_ORDER ? take_frames(n) : NULL;

	if (!p)
		return NULL;
	for (u64 i = 0; i < n; i++)
		p[i] = (struct page){ 0 };
	INIT_LIST_HEAD(&p->lru);
	atomic_set(&p->refcount, 1);
	memset(page_address(p), gfp & __GFP_ZERO ? 0 : 0xa5, n << PAGE_SHIFT);
	return p;
}

void free_pages(struct page *p, u32 order)
{
	give_frames(page_to_pfn(p), 1UL << order);
	machine_frames -= 1L << order;
}

void free_fresh_page(struct page *p)
{
	free_pages(p, 0);
}

void *get_free_pages(gfp_t gfp, u32 order)
{
	struct page *p = alloc_pages(gfp, order);

	return p ? page_address(p) : NULL;
}

void free_pages_addr(void *addr, u32 order)
{
	if (addr)
		free_pages(virt_to_page(addr), order);
}

/* Returns a run of one frame, which callers must expect. */
struct page *alloc_extent(gfp_t gfp, u32 order)
{
	return order ? NULL : alloc_pages(gfp, 0);
}

void *host_map(void *at, unsigned long n);

void memory_boot(void)
{
	if (host_map((void *)KERNEL_MAP_BASE, FRAMES << PAGE_SHIFT) != (void *)KERNEL_MAP_BASE)
		host_die("no direct map");
	mem_map = pages;
	max_pfn = FRAMES;
	next_frame = 1;
	host_poison((void *)KERNEL_MAP_BASE, FRAMES << PAGE_SHIFT);
	page_waits_init();
}

/* There are no large blocks. */
u32 large_block_take(struct address_space *m, u64 index, u32 nr, gfp_t gfp, struct page **first)
{
	return 0;
}
