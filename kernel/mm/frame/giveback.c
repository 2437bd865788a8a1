/* SPDX-License-Identifier: MIT */
/*
 * giveback.c: gives free frames back to the host, by punching holes in physmem, about a second
 * after they were freed.
 *
 * Twice a second a timer counts the free frames that the host backs, while there are more than
 * KEEP. The lower of the last two counts is the number of frames that no allocation needed
 * meanwhile. Of these, all beyond KEEP are given back, largest blocks first. When there is nothing
 * to give back the timer is not armed, so an idle instance sleeps. page_alloc.c arms it
 * (giveback_kick()) when it drains half of a vCPU's full cache and the count exceeds KEEP. Nor is
 * the timer armed again while memory is short: nothing can be given back then until frames are
 * freed, which calls giveback_kick().
 *
 * While a block is punched it is on no list, so few are punched at a time. Cost: 0.6 us for a page
 * that is given back, 2.4 us when it is touched again.
 */
#include "kernel/mm/internal.h"

#define KEEP GIVEBACK_KEEP
#define PERIOD 500000000UL /* ns */
#define BATCH 64
#define SLICE (1UL << MM_MAX_ORDER) /* most frames punched at a time */

static struct ktimer timer;
static struct work work;
static bool ready;
/* last count of free frames that the host backs; set racily by the work and giveback_kick() */
static u64 last_free;

/*
 * True if enough frames are free. Allocators cannot use frames that are being punched, and must not
 * reclaim or kill for that reason.
 */
static bool is_plenty(void)
{
	return nr_free_frames() > 2 * zone_marks.high + SLICE;
}

/* Gives up to @frames free frames to the host, while there are plenty. May call the host. */
static void give_back(u64 frames)
{
	while (frames && is_plenty()) {
		pfn_t pfn[BATCH];
		u8 order[BATCH];
		u32 n = buddy_isolate_resident(pfn, order, BATCH, min(frames, SLICE));

		if (!n)
			return;
		for (u32 i = 0; i < n; i++) {
			bool gone = physmem_release(pfn[i], 1UL << order[i]) == 0;

			large_block_gone(pfn[i], 1UL << order[i]);
			buddy_return(pfn[i], order[i], gone);
			frames -= min(frames, 1UL << order[i]);
			cond_resched();
		}
	}
}

static void work_func(struct work *w)
{
	u64 now = nr_free_resident(), idle = min(now, last_free);

	if (idle > KEEP)
		give_back(idle - KEEP);
	last_free = nr_free_resident();
	if (last_free > KEEP && is_plenty())
		timer_start(&timer, ktime_get() + PERIOD);
}

static void timer_func(struct ktimer *t)
{
	work_queue(&work);
}

void giveback_kick(void)
{
	if (!READ_ONCE(ready) || timer_armed(&timer))
		return;
	last_free = nr_free_resident();
	timer_start(&timer, ktime_get() + PERIOD);
}

static int giveback_init(void)
{
	timer_setup(&timer, timer_func);
	work_setup(&work, work_func);
	WRITE_ONCE(ready, true);
	return 0;
}
INITCALL(2, giveback_init);
