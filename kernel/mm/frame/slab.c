/* SPDX-License-Identifier: MIT */
/*
 * slab.c: memory for the kernel's own objects (Bonwick, "The Slab Allocator", 1994; magazines:
 * Bonwick and Adams, 2001).
 *
 *	p = kmalloc(n, GFP_KERNEL); kfree(p);                       the smallest class of size that
 *	                                                            fits, above 8 KiB whole blocks
 *	c = kmem_cache_create("inode", size, 0);
 *	p = kmem_cache_alloc(c, GFP_KERNEL); kmem_cache_free(c, p);
 *
 * A slab is a block of 2^order frames cut into equal objects. The fields of its first page hold its
 * state:
 *	->mapping    the first free object (each free object points to the next)
 *	->index      the number of objects in use
 *	->lru        link in the cache's list of slabs with a free object; a full slab is on no list
 *	->private    of every page of the slab: the cache
 *	->mapcount   of every page: its place in the slab and the slab's order
 * A cache has an order that it prefers; when memory is fragmented, a slab is only as large as one
 * object needs. A block of kmalloc above 8 KiB has no PG_slab and its order in ->private.
 *
 * Each vCPU has a magazine for each cache: up to MAG_SIZE free objects, which it allocates and
 * frees without a lock, since kernel code is not preempted.
 *
 * Locks: cache->lock for slabs and lists; caches_lock for the list of caches. Frames are allocated
 * without them.
 *
 * Debug builds: a free object is filled with 0x6b and its end with 0xa5, which is checked at the
 * next allocation; a new object is filled with UNINIT_BYTE. Behind each object lies a red zone of
 * 16 bytes, checked by the free. A free of an address that is no object panics. Behind the red zone
 * is struct slab_tail, which names the allocating caller (leak.c).
 */
#include "kernel/lib/debug/asan.h"
#include "kernel/mm/debug/uninit.h"
#include "kernel/mm/debug/inject.h"
#include "kernel/mm/internal.h"
#include "kernel/mm/debug/leak.h"

#define MAG_SIZE 30
#define SLAB_ALIGN 16

struct magazine {
	u32 count;
	void *obj[MAG_SIZE];
};

struct kmem_cache {
	spinlock_t lock;
	/* size of an object with red zone and tail; immutable */
	u32 size;
	u32 usable; /* bytes for the caller; immutable */
	/* preferred order of a slab, and the least order; immutable */
	u32 order, least_order;
	/* greatest number of objects in a magazine; immutable */
	u32 mag_limit;
	bool reclaimable;         /* immutable */
	struct list_head partial; /* slabs with a free object, by ->lru */
	/* under lock; nr_objs: objects in use or in magazines */
	u64 nr_slabs, nr_empty, nr_objs;
	/* number of objects for which the slabs have room */
	u64 room;
	const char *name;
	struct list_head list;          /* in the list of caches; caches_lock */
	struct magazine *mag[MAX_CPUS]; /* each used by its vCPU only */
};

static DEFINE_SPINLOCK(caches_lock);
static LIST_HEAD(caches);
/* frames; large: blocks of kmalloc() above MAX_CLASS */
static atomic64_t slab_frames, large_frames;
static atomic64_t reclaimable_frames; /* frames of caches that shrinkers empty */

static const u16 class_sizes[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048,
	4096, 8192 };
static const char *const class_names[] = { "kmalloc-16", "kmalloc-32", "kmalloc-48", "kmalloc-64",
	"kmalloc-96", "kmalloc-128", "kmalloc-192", "kmalloc-256", "kmalloc-384", "kmalloc-512",
	"kmalloc-768", "kmalloc-1k", "kmalloc-2k", "kmalloc-4k", "kmalloc-8k" };
#define NR_CLASSES ARRAY_SIZE(class_sizes)
#define MAX_CLASS 8192
static struct kmem_cache classes[NR_CLASSES];
static u8 class_of[1024 / 16 + 1]; /* by size / 16, up to 1 KiB */
static struct kmem_cache cache_cache, mag_cache;

/* ---- debugging ---- */

#ifdef CONFIG_DEBUG
#define REDZONE 16
#define TAIL (REDZONE + sizeof(struct slab_tail)) /* bytes behind an object */
#define FREE_BYTE 0x6b
#define FREE_END 0xa5
#define NEW_BYTE UNINIT_BYTE
#define ZONE_BYTE 0xbb

static struct slab_tail *tail_of(const struct kmem_cache *c, void *obj)
{
	return (struct slab_tail *)((u8 *)obj + c->size - sizeof(struct slab_tail));
}

/* Fills a free object with a pattern, except its first word, which links the free list. */
static void poison(struct kmem_cache *c, void *obj)
{
	memset(obj, FREE_BYTE, c->size - TAIL);
	((u8 *)obj)[c->size - TAIL - 1] = FREE_END;
	memset((u8 *)obj + c->size - TAIL, ZONE_BYTE, REDZONE);
	memset(tail_of(c, obj), 0, sizeof(struct slab_tail));
}

/* Panics if a free object was written to; then fills it as a new one. */
static void check_poison(struct kmem_cache *c, void *obj)
{
	u8 *p = obj;
	u32 end = (u32)(c->size - TAIL - 1);

	for (u32 i = sizeof(void *); i < end; i++)
		if (p[i] != FREE_BYTE)
			panic("slab %s: object %p was written at +%u after it was freed", c->name,
				obj, i);
	if (end >= sizeof(void *) && p[end] != FREE_END)
		panic("slab %s: end of free object %p was overwritten", c->name, obj);
	/* also overwrites FREE_END, by which check_object() recognises a freed object */
	memset(obj, NEW_BYTE, c->size - TAIL);
}

/* Panics unless @obj is an object in use whose red zone is intact. */
static void check_object(struct kmem_cache *c, void *obj)
{
	struct page *p = virt_to_page(obj);
	u8 *zone = (u8 *)obj + c->size - TAIL;

	if (!test_bit(PG_slab, &p->flags) || p->private != (u64)c)
		panic("slab %s: %p is none of its objects", c->name, obj);
	for (u32 i = 0; i < REDZONE; i++)
		if (zone[i] != ZONE_BYTE)
			panic("slab %s: written past the end of %p, or freed twice", c->name, obj);
	/* a double free: the object still has the pattern of poison() */
	for (u32 i = sizeof(void *); i < c->size - TAIL - 1; i++)
		if (((u8 *)obj)[i] != FREE_BYTE)
			return;
	if (c->size - TAIL > sizeof(void *) && zone[-1] == FREE_END)
		panic("slab %s: %p is freed twice", c->name, obj);
}

static __noinline void remember_callers(struct kmem_cache *c, void *obj)
{
	struct slab_tail *t = tail_of(c, obj);

	memset(t, 0, sizeof(*t));
	leak_callers(t->site);
}
#else
#define TAIL 0
static inline void remember_callers(struct kmem_cache *c, void *obj)
{
}
static inline void poison(struct kmem_cache *c, void *obj)
{
}
static inline void check_poison(struct kmem_cache *c, void *obj)
{
}
static inline void check_object(struct kmem_cache *c, void *obj)
{
}
#endif

/* ---- slabs; under cache->lock unless the comment differs ---- */

#define PLACE 0xffffU /* place in the slab, of ->mapcount */

/* Returns the order of the slab whose first page is @s. */
static u32 order_of(const struct page *s)
{
	return (u32)atomic_read(&s->mapcount) >> 16;
}

static u32 objects_in(const struct kmem_cache *c, u32 order)
{
	return (u32)((PAGE_SIZE << order) / c->size);
}

/* Returns the first page of the slab that contains @obj. */
static struct page *slab_of(const void *obj)
{
	struct page *p = virt_to_page((void *)((u64)obj & ~(PAGE_SIZE - 1)));

	return p - (atomic_read(&p->mapcount) & PLACE);
}

/*
 * Allocates the frames of a slab, of the order that the cache prefers or of its least one. NULL: no
 * memory. No lock is held; may sleep as @gfp allows.
 */
static struct page *slab_frames_of(struct kmem_cache *c, gfp_t gfp, u32 *order)
{
	struct page *s;

	gfp &= ~__GFP_ZERO;
	*order = c->order;
	s = alloc_pages(*order > c->least_order ? gfp | __GFP_NOOOM : gfp, *order);
	if (s || *order == c->least_order)
		return s;
	*order = c->least_order;
	return alloc_pages(gfp, *order);
}

/* Counts a slab that is charged to a memory group. */
static void count_paid(const struct kmem_cache *c, const struct page *p, s64 n)
{
	if (likely(!p->memcg))
		return;
	mem_count(p, MEM_SLAB, n);
	if (c->reclaimable)
		mem_count(p, MEM_SLAB_RECLAIMABLE, n);
}

static void count_frames(const struct kmem_cache *c, s64 n)
{
	atomic_add(n, &slab_frames);
	if (c->reclaimable)
		atomic_add(n, &reclaimable_frames);
}

/* Makes a slab, which is on no list yet. No lock is held. NULL: no memory. */
static struct page *slab_new(struct kmem_cache *c, gfp_t gfp)
{
	u32 order;
	struct page *s = slab_frames_of(c, gfp, &order);
	char *base;
	void *next = NULL;

	if (!s)
		return NULL;
	base = page_address(s);
	for (s64 i = objects_in(c, order) - 1; i >= 0; i--) {
		void *obj = base + i * c->size;

		poison(c, obj);
		*(void **)obj = next;
		next = obj;
	}
	asan_poison(base, PAGE_SIZE << order, ASAN_FREED);
	s->mapping = next;
	s->index = 0;
	for (u32 i = 0; i < 1U << order; i++) {
		s[i].private = (u64)c;
		atomic_set(&s[i].mapcount, (int)(order << 16 | i));
		smp_store_release(&s[i].flags, /* pairs with slab_object_at() */
			BIT(PG_slab) | (s[i].flags & BIT(PG_kmem)));
		count_paid(c, s + i, 1);
	}
	count_frames(c, 1L << order);
	return s;
}

/* Resets the fields of the slab's pages. */
static void forget_slab(struct page *s, u32 order)
{
	for (u32 i = 0; i < 1U << order; i++) {
		count_paid((struct kmem_cache *)s[i].private, s + i, -1);
		s[i].flags &= BIT(PG_kmem);
		s[i].private = 0;
		atomic_set(&s[i].mapcount, 0);
	}
	s->mapping = NULL;
}

/*
 * Slabs that became empty while leak.c walks over slabs (debug builds, @on is true). They are freed
 * after the walk, so that it finds the fields of every slab intact.
 */
static struct {
	spinlock_t lock;
	bool on;
	struct list_head slabs;
} held = { .lock = SPINLOCK_INIT(held.lock), .slabs = LIST_HEAD_INIT(held.slabs) };

/*
 * Adds an empty slab to the held ones and returns true, if slabs are held. Otherwise resets the
 * fields of its pages and returns false: the caller frees it.
 */
static bool hold_slab(struct page *s, u32 order)
{
	bool on;

	spin_lock(&held.lock);
	on = held.on;
	if (on)
		list_add(&s->lru, &held.slabs);
	else
		forget_slab(s, order);
	spin_unlock(&held.lock);
	return on;
}

/* Frees an empty slab that is on no list. No lock is held. */
static void slab_release(struct kmem_cache *c, struct page *s)
{
	u32 order = order_of(s);

	if (!LEAK_SCAN)
		forget_slab(s, order);
	else if (hold_slab(s, order))
		return;
	asan_unpoison(page_address(s), PAGE_SIZE << order);
	count_frames(c, -(1L << order));
	free_pages(s, order);
}

void slabs_hold(bool on)
{
	LIST_HEAD(gone);

	spin_lock(&held.lock);
	held.on = on;
	if (!on)
		list_splice_tail_init(&held.slabs, &gone);
	spin_unlock(&held.lock);
	while (!list_empty(&gone)) {
		struct page *s = list_first_entry(&gone, struct page, lru);

		list_del(&s->lru);
		slab_release((struct kmem_cache *)s->private, s);
	}
}

/* Counts an empty slab that joins or leaves the cache. c->lock is held. */
static void count_slab(struct kmem_cache *c, const struct page *s, s64 by)
{
	c->nr_slabs += (u64)by;
	c->nr_empty += (u64)by;
	c->room += (u64)(by * objects_in(c, order_of(s)));
}

/* Takes the first free object of a slab that has one. */
static void *slab_take(struct kmem_cache *c, struct page *s)
{
	void *obj = s->mapping;

	if (!s->index++)
		c->nr_empty--;
	s->mapping = *(void **)obj;
	if (!s->mapping)
		list_del(&s->lru);
	c->nr_objs++;
	return obj;
}

/*
 * Frees an object. If its slab is empty then and not needed as a spare, returns the slab, which is
 * on no list any more.
 */
static struct page *slab_give(struct kmem_cache *c, void *obj)
{
	struct page *s = slab_of(obj);

	if (!s->mapping)
		list_add(&s->lru, &c->partial);
	*(void **)obj = s->mapping;
	s->mapping = obj;
	c->nr_objs--;
	if (--s->index)
		return NULL;
	if (c->nr_empty++) {
		list_del(&s->lru);
		count_slab(c, s, -1);
		return s;
	}
	list_move_tail(&s->lru, &c->partial);
	return NULL;
}

#ifdef CONFIG_DEBUG
bool slab_starts_at(const struct page *p)
{
	return !(atomic_read(&p->mapcount) & PLACE);
}

bool slab_object_at(void *p, struct slab_object *o)
{
	struct page *page = virt_to_page((void *)((u64)p & PAGE_MASK));
	struct kmem_cache *c;
	u64 n;

	if (!(smp_load_acquire(&page->flags) & BIT(PG_slab)))
		return false;
	c = (struct kmem_cache *)page->private;
	page = slab_of(p);
	n = (u64)((u8 *)p - (u8 *)page_address(page)) / c->size;
	if (n >= objects_in(c, order_of(page)))
		return false;
	o->start = (u8 *)page_address(page) + n * c->size;
	o->tail = tail_of(c, o->start);
	o->size = c->size;
	o->usable = c->usable;
	o->cache = c->name;
	o->slab = page;
	return true;
}
#endif

/* ---- magazines ---- */

/*
 * Returns a free object, or NULL: all slabs are full. Also fills half of the magazine @m, which may
 * be NULL. Takes c->lock.
 */
static void *objects_take(struct kmem_cache *c, struct magazine *m)
{
	void *obj = NULL;

	spin_lock(&c->lock);
	if (!list_empty(&c->partial))
		obj = slab_take(c, list_first_entry(&c->partial, struct page, lru));
	while (obj && m && m->count < c->mag_limit / 2 && !list_empty(&c->partial))
		m->obj[m->count++] = slab_take(c, list_first_entry(&c->partial, struct page, lru));
	spin_unlock(&c->lock);
	return obj;
}

/* Frees objects of the magazine until @keep are left. Takes c->lock. */
static void objects_give(struct kmem_cache *c, struct magazine *m, u32 keep)
{
	struct page *empty[MAG_SIZE];
	u32 n = 0;

	spin_lock(&c->lock);
	while (m->count > keep) {
		struct page *s = slab_give(c, m->obj[--m->count]);

		if (s)
			empty[n++] = s;
	}
	spin_unlock(&c->lock);
	while (n)
		slab_release(c, empty[--n]);
}

/* Allocates an object when the magazine is empty. NULL: no memory. */
static void *cache_alloc_slow(struct kmem_cache *c, gfp_t gfp);

/* Returns the magazine of this vCPU for the cache, made at the first use; NULL: no memory. */
static struct magazine *magazine(struct kmem_cache *c, int cpu)
{
	struct magazine *m = c->mag[cpu];

	if (likely(m) || c == &mag_cache)
		return m;
	m = cache_alloc_slow(&mag_cache, GFP_ATOMIC);
	if (m)
		m->count = 0;
	return c->mag[cpu] = m;
}

static void *cache_alloc_slow(struct kmem_cache *c, gfp_t gfp)
{
	struct magazine *m = magazine(c, smp_processor_id());
	void *obj;

	while (!(obj = objects_take(c, m))) {
		struct page *s = slab_new(c, gfp); /* may sleep and return on another vCPU */

		if (!s)
			return NULL;
		spin_lock(&c->lock);
		list_add(&s->lru, &c->partial);
		count_slab(c, s, 1);
		spin_unlock(&c->lock);
		m = magazine(c, smp_processor_id());
	}
	return obj;
}

void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	struct magazine *m = c->mag[smp_processor_id()];
	void *obj;

	if (!(gfp & GFP_ATOMIC))
		might_sleep();
	if (alloc_should_fail(gfp))
		return NULL;
	if (likely(m && m->count))
		obj = m->obj[--m->count];
	else
		obj = cache_alloc_slow(c, gfp);
	if (!obj)
		return NULL;
	/* check_poison() accesses the whole object */
	asan_unpoison(obj, c->size);
	check_poison(c, obj);
	remember_callers(c, obj);
	asan_object(obj, c->usable, c->size);
	if (gfp & __GFP_ZERO)
		memset(obj, 0, c->usable);
	return obj;
}

void *kmem_cache_zalloc(struct kmem_cache *c, gfp_t gfp)
{
	return kmem_cache_alloc(c, gfp | __GFP_ZERO);
}

void kmem_cache_free(struct kmem_cache *c, void *p)
{
	struct magazine *m = magazine(c, smp_processor_id());
	struct page *s;

	if (!p)
		return;
	check_object(c, p);
	asan_unpoison(p, c->size);
	poison(c, p);
	asan_poison(p, c->size, ASAN_FREED);
	if (likely(m)) {
		if (m->count == c->mag_limit)
			objects_give(c, m, c->mag_limit / 2);
		m->obj[m->count++] = p;
		return;
	}
	spin_lock(&c->lock);
	s = slab_give(c, p);
	spin_unlock(&c->lock);
	if (s)
		slab_release(c, s);
}

/* ---- caches ---- */

/*
 * Returns the least order, up to 3, of which a slab holds at least eight objects or wastes at most
 * an eighth. If there is none, returns 3. If one object needs more, returns the order it needs.
 */
static u32 slab_order(u32 size)
{
	u32 order = 0;

	while (order < 3 && ((PAGE_SIZE << order) / size < 8) &&
		(PAGE_SIZE << order) % size > (PAGE_SIZE << order) / 8)
		order++;
	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

/* Initialises a cache and lists it, for ever. @size in bytes; @align: a power of two, or 0. */
static void cache_setup(struct kmem_cache *c, const char *name, u32 size, u32 align)
{
	memset(c, 0, sizeof(*c));
	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->partial);
	align = max(align, (u32)SLAB_ALIGN);
	c->name = name;
	c->usable = size;
	c->size = round_up(max(size, (u32)SLAB_ALIGN) + (u32)TAIL, align);
	c->order = slab_order(c->size);
	while ((PAGE_SIZE << c->least_order) < c->size)
		c->least_order++;
	c->mag_limit = clamp((u32)(32768 / c->size), 4U, (u32)MAG_SIZE);
	spin_lock(&caches_lock);
	list_add_tail(&c->list, &caches);
	spin_unlock(&caches_lock);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *c = kmem_cache_alloc(&cache_cache, GFP_KERNEL);

	if (c) {
		cache_setup(c, name, size, (u32)(align & ~SLAB_RECLAIMABLE));
		c->reclaimable = align & SLAB_RECLAIMABLE;
	}
	return c;
}

void slab_init(void)
{
	u32 class = 0;

	spin_lock_init(&caches_lock);
	cache_setup(&mag_cache, "magazine", sizeof(struct magazine), 0);
	cache_setup(&cache_cache, "kmem_cache", sizeof(struct kmem_cache), 64);
	for (u32 i = 0; i < NR_CLASSES; i++)
		cache_setup(&classes[i], class_names[i], class_sizes[i],
			class_sizes[i] & (class_sizes[i] - 1) ? 16 : class_sizes[i]);
	for (u32 i = 0; i < ARRAY_SIZE(class_of); i++) {
		while (class_sizes[class] < i * 16)
			class ++;
		class_of[i] = class;
	}
}

u64 nr_slab_frames(void)
{
	return atomic_read(&slab_frames);
}

u64 nr_reclaimable_slab_frames(void)
{
	return atomic_read(&reclaimable_frames);
}

u64 nr_large_frames(void)
{
	return atomic_read(&large_frames);
}

/* Frees the empty slabs of a cache. Returns the number of frames. */
static u64 cache_shrink(struct kmem_cache *c)
{
	struct magazine *m = c->mag[smp_processor_id()];
	u64 freed = 0;

	if (m)
		objects_give(c, m, 0);
	for (;;) {
		struct page *s = NULL;

		spin_lock(&c->lock);
		if (!list_empty(&c->partial))
			s = list_last_entry(&c->partial, struct page, lru);
		if (s && s->index)
			s = NULL;
		if (s) {
			list_del(&s->lru);
			count_slab(c, s, -1);
		}
		spin_unlock(&c->lock);
		if (!s)
			return freed;
		freed += 1UL << order_of(s);
		slab_release(c, s);
	}
}

/* Shrinks all caches. Caches are never destroyed, so the walk need not hold the list's lock. */
u64 slab_shrink(void)
{
	struct kmem_cache *c;
	u64 freed = 0;

	list_for_each_entry(c, &caches, list)
		freed += cache_shrink(c);
	return freed;
}

int slabinfo_line(int i, char *buf, size_t size)
{
	struct kmem_cache *c;

	list_for_each_entry(c, &caches, list) {
		if (i--)
			continue;
		return scnprintf(buf, size,
			"%-17s %6lu %6lu %6u %4u %4u : tunables %4u %4u %4u : slabdata %6lu %6lu "
			"%6u\n",
			c->name, (unsigned long)c->nr_objs, (unsigned long)c->room, c->usable,
			objects_in(c, c->order), 1U << c->order, 0U, 0U, 0U,
			(unsigned long)(c->nr_slabs - c->nr_empty), (unsigned long)c->nr_slabs, 0U);
	}
	return 0;
}

/* ---- kmalloc ---- */

/* Returns the cache for a block of @n bytes, at most MAX_CLASS. */
static struct kmem_cache *class_for(size_t n)
{
	if (likely(n <= 1024))
		return &classes[class_of[(n + 15) / 16]];
	return &classes[NR_CLASSES - (n <= 2048 ? 3 : n <= 4096 ? 2 : 1)];
}

/* Returns the order of a block of @n bytes. */
static u32 order_for(size_t n)
{
	return n <= PAGE_SIZE ? 0 : 64 - __builtin_clzl((n - 1) >> PAGE_SHIFT);
}

/* Allocates a block above MAX_CLASS. NULL: no memory, or too large. */
static void *large_alloc(size_t n, gfp_t gfp)
{
	u32 order = order_for(n);
	struct page *p = NULL;

	if (order <= MAX_ORDER && !alloc_should_fail(gfp))
		p = alloc_pages(gfp, order);
	if (!p)
		return NULL;
	p->private = order;
	atomic_add(1L << order, &slab_frames);
	atomic_add(1L << order, &large_frames);
	return page_address(p);
}

void *kmalloc(size_t n, gfp_t gfp)
{
	void *p;

	if (unlikely(n > MAX_CLASS))
		return large_alloc(n, gfp);
	p = kmem_cache_alloc(class_for(n), gfp);
	if (p)
		asan_object(p, n, class_for(n)->size);
	return p;
}

void *kmalloc_most(size_t *n, size_t least, gfp_t gfp)
{
	for (; *n > least; *n /= 2) {
		void *p = kmalloc(*n, gfp | __GFP_NOOOM);

		if (p)
			return p;
	}
	*n = least;
	return kmalloc(least, gfp);
}

void *kzalloc(size_t n, gfp_t gfp)
{
	return kmalloc(n, gfp | __GFP_ZERO);
}

void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t all;

	if (check_mul_overflow(n, size, &all))
		return NULL;
	return kmalloc(all, gfp | __GFP_ZERO);
}

void kfree(const void *p)
{
	struct page *page;
	u32 order;

	if (!p)
		return;
	page = virt_to_page(p);
	if (likely(test_bit(PG_slab, &page->flags))) {
		kmem_cache_free((struct kmem_cache *)page->private, (void *)p);
		return;
	}
	order = page->private;
	BUG_ON((u64)p & (PAGE_SIZE - 1) || order > MAX_ORDER || atomic_read(&page->refcount) != 1);
	atomic_add(-(1L << order), &slab_frames);
	atomic_add(-(1L << order), &large_frames);
	free_pages(page, order);
}

size_t ksize(const void *p)
{
	struct page *page = virt_to_page(p);

	if (test_bit(PG_slab, &page->flags))
		return ((struct kmem_cache *)page->private)->usable;
	return PAGE_SIZE << page->private;
}

void *krealloc(void *p, size_t n, gfp_t gfp)
{
	size_t old = p ? ksize(p) : 0;
	void *fresh;

	if (p && n <= old && n > old / 4) {
		if (n <= MAX_CLASS)
			asan_object(p, n, old);
		return p;
	}
	fresh = kmalloc(n, gfp);
	if (!fresh)
		return NULL;
	if (p && old <= MAX_CLASS)
		asan_unpoison(p, old);
	memcpy(fresh, p, min(n, old));
	kfree(p);
	return fresh;
}

void *kmemdup(const void *p, size_t n, gfp_t gfp)
{
	void *copy = kmalloc(n, gfp & ~__GFP_ZERO);

	return copy ? memcpy(copy, p, n) : NULL;
}
