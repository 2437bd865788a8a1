/* SPDX-License-Identifier: MIT */
/*
 * page.c: the array of struct page, references, and the page bits that a task can wait for.
 *
 *	lock_page(p); ... unlock_page(p);            PG_locked: I/O or truncation in progress
 *	set_page_writeback(p); ... end_page_writeback(p);
 *
 * Waiters queue in a table of wait queues hashed by the page and set PG_waiters: without that flag
 * no queue is searched for waiters. A wake-up wakes the whole queue and clears PG_waiters; a task
 * that still has to wait sets it again.
 *
 * Frame numbers are global: region 0 is physmem, whose array is mem_map; region.c has the other
 * regions.
 */
#include "kernel/lib/debug/contention.h"
#include "kernel/mm/hugetlb/hugetlb_internal.h"

#include "kernel/sched/sched.h"

struct page *mem_map;
u64 max_pfn;
struct vmstat_counters vmstat;

/* ---- frames to pages ---- */

struct page *pfn_to_page(pfn_t pfn)
{
	return likely(pfn < max_pfn) ? mem_map + pfn : region_pfn_to_page(pfn);
}

pfn_t page_to_pfn(const struct page *p)
{
	u64 pfn = (u64)(p - mem_map);

	return likely(pfn < max_pfn) ? pfn : region_page_to_pfn(p);
}

struct page *virt_to_page(const void *p)
{
	return pfn_to_page(((u64)p - KERNEL_MAP_BASE) >> PAGE_SHIFT);
}

/*
 * Zeroes those parts of the frames that have content in the host's file. A new physmem file reads
 * as zeros; one that was used before does not.
 */
static void zero_frames(pfn_t pfn, pfn_t end)
{
	while ((pfn = physmem_next(pfn, end, true)) < end) {
		pfn_t hole = physmem_next(pfn, end, false);

		memset(pfn_to_virt(pfn), 0, (hole - pfn) << PAGE_SHIFT);
		pfn = hole;
	}
}

/* Returns how many frames are needed for the struct pages of @end frames and for buddy.c's bits. */
static u64 table_frames(pfn_t end)
{
	return (PAGE_ALIGN(end * sizeof(struct page)) + PAGE_ALIGN(DIV_ROUND_UP(end, 64) * 8)) >>
	       PAGE_SHIFT;
}

/*
 * Sets up memory. Frames behind @end can be added later, up to @limit (plug.c). Their struct pages
 * exist already, untouched. To make up for the frames that these struct pages take, memory ends
 * that many frames behind @end.
 */
void mm_init_frames(pfn_t first_free, pfn_t end, pfn_t limit)
{
	u64 frames = PAGE_ALIGN(limit * sizeof(struct page)) >> PAGE_SHIFT;
	u64 for_more = table_frames(limit) - table_frames(end);

	mem_map = pfn_to_virt(first_free);
	max_pfn = limit;
	zero_frames(first_free, first_free + frames);
	for (pfn_t pfn = 0; pfn < first_free; pfn++) {
		mem_map[pfn].flags = BIT(PG_reserved);
		atomic_set(&mem_map[pfn].refcount, 1);
	}
	buddy_init(first_free + frames, min(end + for_more, limit), limit);
	page_waits_init();
	slab_init();
}

void put_page(struct page *p)
{
	if (!atomic_dec_and_test(&p->refcount))
		return;
	if (likely(!(p->flags & (BIT(PG_direct) | BIT(PG_huge)))))
		free_pages(p, 0);
	else if (PageDirect(p))
		region_page_free(p);
	else
		huge_frame_free(p);
}

/* ---- waiting for bits ---- */

#define WAIT_TABLE 256
static struct wait_queue_head page_waits[WAIT_TABLE];

static struct wait_queue_head *page_wait_queue(const struct page *p)
{
	return &page_waits[hash_u64((u64)p) % WAIT_TABLE];
}

void page_waits_init(void)
{
	for (int i = 0; i < WAIT_TABLE; i++)
		init_waitqueue_head(&page_waits[i]);
}

/* Sleeps in @state until @bit is clear. 0, or -EINTR if a signal ends the sleep. */
static int wait_on_page_bit_state(struct page *p, int bit, u32 state)
{
	struct wait_queue_head *q = page_wait_queue(p);
	struct wait_queue_entry e;
	int err = 0;
	bool io;

	io = io_wait_begin();
	init_wait_entry(&e);
	for (;;) {
		prepare_to_wait(q, &e, state);
		set_bit(PG_waiters, &p->flags);
		if (!test_bit(bit, &p->flags))
			break;
		if (wait_interrupted(state)) {
			err = -EINTR;
			break;
		}
		schedule();
	}
	finish_wait(q, &e);
	io_wait_end(io);
	return err;
}

void wait_on_page_bit(struct page *p, int bit)
{
	wait_on_page_bit_state(p, bit, TASK_UNINTERRUPTIBLE);
}

void clear_page_bit_wake(struct page *p, int bit)
{
	u64 mask = BIT(bit) | BIT(PG_waiters);
	u64 old = __atomic_fetch_and(&p->flags, ~mask, __ATOMIC_SEQ_CST);

	if (unlikely(old & BIT(PG_waiters)))
		wake_up_all(page_wait_queue(p));
}

bool trylock_page(struct page *p)
{
	return !test_and_set_bit(PG_locked, &p->flags);
}

void lock_page(struct page *p)
{
	u64 since;

	if (likely(trylock_page(p)))
		return;
	since = contention_begin();
	do
		wait_on_page_bit(p, PG_locked);
	while (!trylock_page(p));
	contention_end("page", __builtin_return_address(0), since);
}

int lock_page_killable(struct page *p)
{
	u64 since;
	int err = 0;

	if (likely(trylock_page(p)))
		return 0;
	since = contention_begin();
	do
		err = wait_on_page_bit_state(p, PG_locked, TASK_KILLABLE);
	while (!err && !trylock_page(p));
	contention_end("page", __builtin_return_address(0), since);
	return err;
}

void unlock_page(struct page *p)
{
	BUG_ON(!PageLocked(p));
	clear_page_bit_wake(p, PG_locked);
}

void end_page_read(struct page *p, int err)
{
	if (err)
		SetPageError(p);
	else
		SetPageUptodate(p);
	unlock_page(p);
}

void wait_on_page_locked(struct page *p)
{
	if (PageLocked(p))
		wait_on_page_bit(p, PG_locked);
}

void wait_on_page_writeback(struct page *p)
{
	while (PageWriteback(p))
		wait_on_page_bit(p, PG_writeback);
}
