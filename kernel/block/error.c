/* SPDX-License-Identifier: MIT */
/*
 * error.c: logs failed requests in Linux's words, and counts data lost by those for which no task
 * waits.
 *
 *      bio_report_error(bio)   bio_endio(): "I/O error, dev ubda, sector N op 0x1:(WRITE) ..."
 *      bio_lost(bio)         the end_io of writeback: "Buffer I/O error on dev ubda, logical ..."
 *      bdev_lost(b, n, err)  a count of lost data that never became a bio
 *
 * Data lost on a disk that is a file of the host is counted, and reported when the instance ends
 * (kernel/lib/lost.h). A loop device is not such a disk. Of each of the two messages at most ten
 * lines are logged in five seconds.
 */
#include <asm/errno.h>

#include "kernel/block/block.h"
#include "kernel/lib/lost.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

static struct log_limit request_limit, buffer_limit;

/* Returns Linux's name of the error. */
static const char *error_name(int err)
{
	switch (err) {
	case -ENOSPC: return "critical space allocation";
	case -EOPNOTSUPP: return "operation not supported";
	case -ETIMEDOUT: return "timeout";
	}
	return "I/O";
}

/* Names and numbers of operations and flags as Linux prints them. */
static const struct {
	u32 number;
	const char *name;
} ops[] = {
	[REQ_READ] = { 0, "READ" },
	[REQ_WRITE] = { 1, "WRITE" },
	[REQ_DISCARD] = { 3, "DISCARD" },
	[REQ_FLUSH] = { 2, "FLUSH" },
	[REQ_WRITE_ZEROES] = { 9, "WRITE_ZEROES" },
};

static u32 linux_flags(u32 opf)
{
	return (opf & REQ_SYNC ? 0x800U : 0) | (opf & REQ_META ? 0x1000U : 0) |
	       (opf & REQ_FUA ? 0x20000U : 0) | (opf & REQ_PREFLUSH ? 0x40000U : 0);
}

void bio_report_error(const struct bio *bio)
{
	u32 op = bio->opf & REQ_OP_MASK;

	if (op >= ARRAY_SIZE(ops) || !may_log(&request_limit, ktime_get(), "blk_print_req_error"))
		return;
	printk(KERN_ERR
		"%s error, dev %s, sector %lu op 0x%x:(%s) flags 0x%x phys_seg %u prio class 0\n",
		error_name(bio->status), bio->bdev->disk->name, (unsigned long)bio->sector,
		ops[op].number, ops[op].name, linux_flags(bio->opf), bio->nr_vecs);
}

void bdev_lost(struct block_device *b, u64 bytes, int err)
{
	const struct gendisk *d = b->disk;
	char name[128];

	if (!d->host_file)
		return;
	if (*d->host_file)
		scnprintf(name, sizeof(name), "%s (%s)", d->name, d->host_file);
	else
		strscpy(name, d->name, sizeof(name));
	note_lost(name, bytes, err);
}

static void log_lost_page(const struct bio *bio, u64 block)
{
	char name[32];

	if (!may_log(&buffer_limit, ktime_get(), "buffer_io_error"))
		return;
	bdev_name(bio->part, name, sizeof(name));
	printk(KERN_ERR "Buffer I/O error on dev %s, logical block %lu, lost async page write\n",
		name, (unsigned long)block);
}

void bio_lost(const struct bio *bio)
{
	u64 first = (bio->sector - bio->part->start) >> (PAGE_SHIFT - SECTOR_SHIFT), n, i;

	n = DIV_ROUND_UP(bio->bytes, PAGE_SIZE);
	for (i = 0; i < n; i++)
		log_lost_page(bio, first + i);
	bdev_lost(bio->part, bio->bytes, bio->status);
}
