/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_pool.c: the pool of huge pages, and quotas of mounts.
 *
 *	hugetlb_resize(n)                   an administrator sets pages aside, or gives them back
 *	huge_reserve(q, n)                  promises n pages: mmap and shmget
 *	head = huge_take(q, true)           a fault takes a promised page; (q, false): one without
 *	                                    a promise
 *	put_page(frame) ...                 the last of 512 gives the page back
 *	huge_unreserve(q, n)                gives promises up
 *
 * States of a page: in the buddy allocator -> free (in pool.free; its first frame has PG_zero if
 * the page is known to be zero) -> in use (PG_huge in all frames; ->private of the first counts
 * frames with references, that of the second is its quota, those of the next two are the groups
 * that pay) -> free, or to the buddy allocator if it is surplus.
 *
 * Invariants:
 * 1. reserved <= free, so a promised page can be taken.
 * 2. surplus <= total.
 * 3. A surplus page is never free unless it is promised.
 *
 * Memory is reclaimed for a pool that grows, but no page is moved. If free memory is fragmented,
 * the pool becomes smaller than requested.
 *
 * Locks: pool.lock protects all counts and quotas, innermost: frames are allocated and freed
 * outside of it. resize_lock is held over a change of size.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"

#define RECLAIM_ROUNDS 8

static struct {
	spinlock_t lock;
	struct list_head free;
	u64 total, nr_free, reserved, surplus, overcommit;
} pool = { .lock = SPINLOCK_INIT(pool.lock), .free = LIST_HEAD_INIT(pool.free) };
static DEFINE_MUTEX(resize_lock);

void hugetlb_numbers(struct hugetlb_numbers *n)
{
	spin_lock(&pool.lock);
	*n = (struct hugetlb_numbers){ pool.total, pool.nr_free, pool.reserved, pool.surplus,
		pool.overcommit };
	spin_unlock(&pool.lock);
}

/* ---- frames ---- */

/*
 * Reclaims until the frames for a huge page are free beyond the watermarks. Returns false if that
 * fails.
 */
static bool memory_to_spare(void)
{
	u64 least = HPAGE_FRAMES + 2 * zone_marks.high;

	for (int round = 0; nr_free_frames() < least && round < RECLAIM_ROUNDS; round++)
		if (!try_to_free_pages(GFP_KERNEL, HPAGE_ORDER))
			break;
	return nr_free_frames() >= least;
}

/* Allocates 512 zeroed frames, which are not in the pool yet; NULL: no memory. May sleep. */
static struct page *frames_get(void)
{
	struct page *head;

	if (!memory_to_spare())
		return NULL;
	head = alloc_pages(GFP_KERNEL | __GFP_ZERO, HPAGE_ORDER);
	if (head)
		set_bit(PG_zero, &head->flags);
	return head;
}

static void frames_free(struct page *head)
{
	head->flags = 0;
	free_pages(head, HPAGE_ORDER);
}

/* ---- under pool.lock ---- */

static void add_free(struct page *head)
{
	assert_spin_held(&pool.lock);
	list_add(&head->lru, &pool.free);
	pool.nr_free++;
}

/* Takes a free page of the pool, of which there must be one. pool.lock is held. */
static struct page *take_free(void)
{
	struct page *head;

	assert_spin_held(&pool.lock);
	BUG_ON(!pool.nr_free);
	head = list_first_entry(&pool.free, struct page, lru);
	list_del(&head->lru);
	pool.nr_free--;
	return head;
}

static bool may_have_surplus(void)
{
	return pool.surplus < pool.overcommit;
}

/* ---- size ---- */

/* Adds a page to the pool. May sleep. Returns false if there is no memory. */
static bool grow_by_one(void)
{
	struct page *head = frames_get();

	if (!head)
		return false;
	spin_lock(&pool.lock);
	pool.total++;
	add_free(head);
	spin_unlock(&pool.lock);
	return true;
}

/*
 * Removes a free page that is not promised from the pool, if the pool has more than @count
 * persistent pages. Returns false if none was removed.
 */
static bool shrink_by_one(u64 count)
{
	struct page *head = NULL;

	spin_lock(&pool.lock);
	if (pool.total - pool.surplus > count && pool.nr_free > pool.reserved) {
		head = take_free();
		pool.total--;
	}
	spin_unlock(&pool.lock);
	if (head)
		frames_free(head);
	return head;
}

/*
 * Makes surplus pages persistent until @count pages are. If more than @count are persistent, makes
 * the excess surplus: these pages are freed when they are unused. Returns the number of persistent
 * pages.
 */
static u64 recount_surplus(u64 count)
{
	u64 persistent;

	spin_lock(&pool.lock);
	persistent = pool.total - pool.surplus;
	if (persistent < count)
		pool.surplus -= min(pool.surplus, count - persistent);
	else
		pool.surplus += persistent - count;
	persistent = pool.total - pool.surplus;
	spin_unlock(&pool.lock);
	return persistent;
}

void hugetlb_resize(u64 count)
{
	u64 persistent;

	mutex_lock(&resize_lock);
	while (shrink_by_one(count))
		cond_resched();
	for (persistent = recount_surplus(count); persistent < count && grow_by_one();
		persistent++) {
		cond_resched();
		if (wait_interrupted(TASK_KILLABLE))
			break;
	}
	mutex_unlock(&resize_lock);
}

void hugetlb_set_overcommit(u64 count)
{
	spin_lock(&pool.lock);
	pool.overcommit = count;
	spin_unlock(&pool.lock);
}

/* ---- surplus ---- */

/* Frees surplus pages that are not promised any more. */
static void drop_surplus(void)
{
	for (;;) {
		struct page *head = NULL;

		spin_lock(&pool.lock);
		if (pool.surplus && pool.nr_free > pool.reserved) {
			head = take_free();
			pool.surplus--;
			pool.total--;
		}
		spin_unlock(&pool.lock);
		if (!head)
			return;
		frames_free(head);
	}
}

/*
 * Adds a surplus page for a promise or an allocation. Returns false if none is allowed or
 * available.
 */
static bool add_surplus(void)
{
	struct page *head =
		READ_ONCE(pool.surplus) < READ_ONCE(pool.overcommit) ? frames_get() : NULL;
	bool taken = false;

	if (!head)
		return false;
	spin_lock(&pool.lock);
	if (may_have_surplus()) {
		pool.surplus++;
		pool.total++;
		add_free(head);
		taken = true;
	}
	spin_unlock(&pool.lock);
	if (!taken)
		frames_free(head);
	return taken;
}

/* ---- quotas, under pool.lock; q->reserved is max(0, min - used), promised by the pool ---- */

static bool quota_allows(const struct huge_quota *q, u64 n)
{
	return !q || (n <= q->max && q->used <= q->max - n);
}

/*
 * Returns how many of @n more pages the pool must promise. The others come from the pages kept for
 * the mount.
 */
static u64 of_pool(const struct huge_quota *q, u64 n)
{
	return q ? n - min(n, q->reserved) : n;
}

static void quota_charge(struct huge_quota *q, u64 n)
{
	if (!q)
		return;
	q->reserved -= min(n, q->reserved);
	q->used += n;
}

/*
 * Returns how many of @n pages that are given back the pool need not promise any more. The others
 * are kept for the mount. *last: true if the quota must be freed.
 */
static u64 quota_uncharge(struct huge_quota *q, u64 n, bool *last)
{
	u64 own = 0;

	*last = false;
	if (!q)
		return n;
	q->used -= n;
	if (q->used < q->min)
		own = min(n, q->min - q->used - q->reserved);
	q->reserved += own;
	*last = q->gone && !q->used;
	return n - own;
}

/* ---- promises ---- */

/* Promises @n pages. Returns 1: done; 0: the pool is too small; -ENOMEM: the mount's limit. */
static int try_reserve(struct huge_quota *q, u64 n)
{
	int done = -ENOMEM;

	spin_lock(&pool.lock);
	if (quota_allows(q, n)) {
		u64 more = of_pool(q, n);

		done = pool.nr_free - pool.reserved >= more;
		if (done) {
			pool.reserved += more;
			quota_charge(q, n);
		}
	}
	spin_unlock(&pool.lock);
	return done;
}

int huge_reserve(struct huge_quota *q, u64 n)
{
	int done;

	do
		done = try_reserve(q, n);
	while (!done && add_surplus());
	if (done > 0)
		return 0;
	drop_surplus();
	return -ENOMEM;
}

void huge_unreserve(struct huge_quota *q, u64 n)
{
	bool last;

	if (!n)
		return;
	spin_lock(&pool.lock);
	pool.reserved -= quota_uncharge(q, n, &last);
	spin_unlock(&pool.lock);
	drop_surplus();
	if (last)
		kfree(q);
}

struct huge_quota *huge_quota_new(u64 max, u64 min)
{
	struct huge_quota *q = kzalloc(sizeof(*q), GFP_KERNEL);

	if (!q)
		return NULL;
	if (huge_reserve(NULL, min)) {
		kfree(q);
		return NULL;
	}
	q->max = max;
	q->min = q->reserved = min;
	return q;
}

/*
 * Drops a mount's quota. Pages that were kept for the mount and are not used become free for
 * others.
 */
void huge_quota_put(struct huge_quota *q)
{
	bool last;

	if (!q)
		return;
	spin_lock(&pool.lock);
	pool.reserved -= q->reserved;
	q->reserved = q->min = 0;
	q->gone = true;
	last = !q->used;
	spin_unlock(&pool.lock);
	drop_surplus();
	if (last)
		kfree(q);
}

u64 huge_quota_used(struct huge_quota *q)
{
	u64 n;

	spin_lock(&pool.lock);
	n = q->used;
	spin_unlock(&pool.lock);
	return n;
}

/* ---- pages ---- */

/* Takes, under pool.lock, a page that is not promised, or one that is kept for the mount. */
static struct page *try_take(struct huge_quota *q)
{
	u64 more = of_pool(q, 1);

	if (!quota_allows(q, 1) || pool.nr_free - pool.reserved < more)
		return NULL;
	pool.reserved -= 1 - more;
	quota_charge(q, 1);
	return take_free();
}

/*
 * Takes a page that no promise needs, or adds a surplus page and takes it. The loop ends: each
 * surplus page that another task takes first brings the pool nearer to its limit.
 */
static struct page *take_left_over(struct huge_quota *q)
{
	struct page *head;
	bool allowed;

	do {
		spin_lock(&pool.lock);
		allowed = quota_allows(q, 1);
		head = try_take(q);
		spin_unlock(&pool.lock);
	} while (!head && allowed && add_surplus());
	return head;
}

/* Takes a page that a promise has kept. */
static struct page *take_promised(void)
{
	struct page *head;

	spin_lock(&pool.lock);
	BUG_ON(!pool.reserved);
	pool.reserved--;
	head = take_free();
	spin_unlock(&pool.lock);
	return head;
}

static void clear_huge_page(struct page *head)
{
	if (test_bit(PG_zero, &head->flags))
		return;
	for (u64 i = 0; i < HPAGE_FRAMES; i++)
		clear_page(page_address(head + i));
}

struct page *huge_take(struct huge_quota *q, bool promised)
{
	struct page *head = promised ? take_promised() : take_left_over(q);

	if (!head)
		return NULL;
	clear_huge_page(head);
	for (u64 i = 0; i < HPAGE_FRAMES; i++) {
		head[i].flags = BIT(PG_huge) | BIT(PG_uptodate);
		atomic_set(&head[i].mapcount, 0);
		atomic_set(&head[i].refcount, 1);
	}
	head->private = HPAGE_FRAMES;
	head[1].private = (u64)q;
	return head;
}

void huge_page_owned(struct page *head, struct mem_group *used, struct mem_group *reserved)
{
	head[2].private = (u64)used;
	head[3].private = (u64)reserved;
}

struct page *huge_take_charged(struct huge_quota *q, struct vm_area *v, u64 index)
{
	struct mem_group *used = huge_charge(HUGE_USED, 1), *reserved = NULL;
	struct page *head;
	bool promised;

	if (IS_ERR(used))
		return ERR_PTR(-ENOSPC);
	promised = v && huge_promise_spend(v, index);
	if (!promised)
		reserved = huge_charge(HUGE_RESERVED, 1);
	head = IS_ERR(reserved) ? NULL : huge_take(q, promised);
	if (head) {
		huge_page_owned(head, used, reserved);
		return head;
	}
	if (!IS_ERR(reserved))
		huge_uncharge(HUGE_RESERVED, reserved, 1);
	huge_uncharge(HUGE_USED, used, 1);
	return ERR_PTR(-ENOSPC);
}

void huge_page_get(struct page *head)
{
	for (u64 i = 0; i < HPAGE_FRAMES; i++)
		get_page(head + i);
}

void huge_page_put(struct page *head)
{
	for (u64 i = 0; i < HPAGE_FRAMES; i++)
		put_page(head + i);
}

/* Gives a page without references back to the pool, or a surplus page to the allocator. */
static void page_free(struct page *head)
{
	struct huge_quota *q = (struct huge_quota *)head[1].private;
	struct mem_group *used = (struct mem_group *)head[2].private;
	struct mem_group *reserved = (struct mem_group *)head[3].private;
	bool surplus, last;
	u64 own;

	for (u64 i = 0; i < HPAGE_FRAMES; i++) {
		head[i].flags = 0;
		head[i].private = 0;
	}
	spin_lock(&pool.lock);
	own = 1 - quota_uncharge(q, 1, &last);
	surplus = pool.surplus && !own;
	if (surplus) {
		pool.surplus--;
		pool.total--;
	} else {
		add_free(head);
		pool.reserved += own;
	}
	spin_unlock(&pool.lock);
	if (surplus)
		frames_free(head);
	if (last)
		kfree(q);
	huge_uncharge(HUGE_USED, used, 1);
	huge_uncharge(HUGE_RESERVED, reserved, 1);
}

void huge_frame_free(struct page *p)
{
	struct page *head = huge_head(p);

	BUG_ON(atomic_read(&p->mapcount));
	if (!__atomic_sub_fetch(&head->private, 1, __ATOMIC_ACQ_REL))
		page_free(head);
}
