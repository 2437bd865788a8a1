/* SPDX-License-Identifier: MIT */
/*
 * stat.c: statistics of a disk and of each of its partitions, counted when a bio goes to the driver
 * and when it ends.
 *
 *      disk_account_start(bio);     when the driver gets it
 *      disk_account_end(bio);
 *      disk_account_merge(bio, n)   when @n bios were merged into it
 *
 * Cost: some atomic additions and two clock readings a bio (about 0.1 us). A partition doubles the
 * additions, not the clock readings. The flush of a write with REQ_PREFLUSH counts as a flush; its
 * time is part of the write's. busy_ns counts the time in which at least one request is in flight,
 * as iostat's %util requires.
 */
#include "kernel/block/block.h"
#include "kernel/lib/atomic.h"
#include "kernel/sched/sched.h"

static void add(u64 *word, u64 n)
{
	__atomic_add_fetch(word, n, __ATOMIC_RELAXED);
}

static u32 group_of(const struct bio *bio)
{
	switch (bio->opf & REQ_OP_MASK) {
	case REQ_READ: return STAT_READ;
	case REQ_DISCARD: return STAT_DISCARD;
	case REQ_FLUSH: return STAT_FLUSH;
	}
	return STAT_WRITE;
}

static u64 inflight(const struct disk_stats *st)
{
	return READ_ONCE(st->inflight[0]) + READ_ONCE(st->inflight[1]);
}

/*
 * Adds the time since @changed to busy_ns if a request was in flight. Called before the number in
 * flight changes or is read. Of concurrent callers only one adds it.
 */
static void bring_up_to_date(struct disk_stats *st, u64 now)
{
	u64 last = READ_ONCE(st->changed);

	if (now > last &&
		__atomic_compare_exchange_n(
			&st->changed, &last, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
		inflight(st))
		add(&st->busy_ns, now - last);
}

static void start(struct disk_stats *st, u32 group, u64 now)
{
	bring_up_to_date(st, now);
	add(&st->inflight[group != STAT_READ], 1);
}

static void end(struct disk_stats *st, const struct bio *bio, u32 group, u64 now)
{
	bring_up_to_date(st, now);
	add(&st->inflight[group != STAT_READ], ~0UL);
	add(&st->group[group].ios, 1);
	add(&st->group[group].sectors, bio->bytes >> SECTOR_SHIFT);
	add(&st->group[group].ns, now - bio->start_ns);
	if (bio->opf & REQ_PREFLUSH)
		add(&st->group[STAT_FLUSH].ios, 1);
}

/*
 * Returns the statistics of the partition to which the bio was submitted, or NULL if it was
 * submitted to the whole disk.
 */
static struct disk_stats *part_stats(const struct bio *bio)
{
	return bio->part && bio->part->partno ? &bio->part->stat : NULL;
}

void disk_account_start(struct bio *bio)
{
	struct disk_stats *part = part_stats(bio);
	u64 now = ktime_get();

	bio->start_ns = now;
	start(&bio->bdev->disk->part[0]->stat, group_of(bio), now);
	if (part)
		start(part, group_of(bio), now);
}

void disk_account_end(struct bio *bio)
{
	struct disk_stats *part = part_stats(bio);
	u64 now = ktime_get();

	end(&bio->bdev->disk->part[0]->stat, bio, group_of(bio), now);
	if (part)
		end(part, bio, group_of(bio), now);
}

void disk_account_merge(struct bio *bio, u32 n)
{
	struct disk_stats *part = part_stats(bio);

	add(&bio->bdev->disk->part[0]->stat.group[group_of(bio)].merges, n);
	if (part)
		add(&part->group[group_of(bio)].merges, n);
}

static u64 ms(u64 ns)
{
	return ns / 1000000;
}

void disk_stat_fields(struct block_device *b, u64 *v)
{
	struct disk_stats *st = &b->stat;
	u64 all = 0;

	bring_up_to_date(st, ktime_get());
	for (u32 g = 0; g < STAT_GROUPS; g++)
		all += READ_ONCE(st->group[g].ns);
	for (u32 g = STAT_READ; g <= STAT_DISCARD; g++) {
		u64 *at = v + (g == STAT_DISCARD ? 11 : g * 4);

		at[0] = READ_ONCE(st->group[g].ios);
		at[1] = READ_ONCE(st->group[g].merges);
		at[2] = READ_ONCE(st->group[g].sectors);
		at[3] = ms(READ_ONCE(st->group[g].ns));
	}
	v[8] = inflight(st);
	v[9] = ms(READ_ONCE(st->busy_ns));
	v[10] = ms(all);
	v[15] = READ_ONCE(st->group[STAT_FLUSH].ios);
	v[16] = ms(READ_ONCE(st->group[STAT_FLUSH].ns));
}
