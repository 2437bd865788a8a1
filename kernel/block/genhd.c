/* SPDX-License-Identifier: MIT */
/*
 * genhd.c: the list of disks and their partitions, and what /proc says of them.
 *
 * add_disk() makes the bdev of the whole disk (partition 0), reads the partition table, and makes the nodes in /dev. Disks come and
 * go at boot and by hot-plug. Lock: disks_lock (a mutex) for the list; a block_device lives as long as its disk.
 */
#include <asm/errno.h>
#include <linux/major.h>

#include "arch/um/arch.h"
#include "kernel/block/block.h"
#include "kernel/block/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/vfs.h"

static DEFINE_MUTEX(disks_lock);
static LIST_HEAD(disks); /* of gendisk.list, in the order of registration */

int disk_name(const struct gendisk *d, u32 partno, char *buf, size_t size)
{
	size_t n = strlen(d->name);

	if (!partno)
		return snprintf(buf, size, "%s", d->name);
	/* a digit at the end wants a p between: loop0p1 */
	return snprintf(buf, size,
		n && d->name[n - 1] >= '0' && d->name[n - 1] <= '9' ? "%sp%u" : "%s%u", d->name,
		partno);
}

static int add_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr)
{
	struct block_device *b = kzalloc(sizeof(*b), GFP_KERNEL);
	char name[24];
	int err;

	if (!b)
		return -ENOMEM;
	b->disk = d;
	b->partno = partno;
	b->dev = MKDEV(d->major, d->first_minor + partno);
	b->start = start;
	b->nr_sectors = nr;
	mutex_init(&b->lock);
	err = bdev_inode_create(b);
	if (err) {
		kfree(b);
		return err;
	}
	d->part[partno] = b;
	disk_name(d, partno, name, sizeof(name));
	return devtmpfs_create(name, S_IFBLK | 0660, b->dev);
}

static void del_partition(struct gendisk *d, u32 partno)
{
	struct block_device *b = d->part[partno];
	char name[24];

	if (!b)
		return;
	disk_name(d, partno, name, sizeof(name));
	devtmpfs_remove(name);
	d->part[partno] = NULL;
	bdev_inode_destroy(b);
	kfree(b);
}

static int found_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr)
{
	if (!partno || partno >= ARRAY_SIZE(d->part) || partno >= d->minors || !nr ||
		start > d->capacity || nr > d->capacity - start)
		return -EINVAL;
	return add_partition(d, partno, start, nr);
}

int add_disk(struct gendisk *d)
{
	int err = add_partition(d, 0, 0, d->capacity);

	if (err)
		return err;
	mutex_lock(&disks_lock);
	list_add_tail(&d->list, &disks);
	mutex_unlock(&disks_lock);
	scan_partitions(d, found_partition);
	return 0;
}

/* Forgets the partitions and looks again (BLKRRPART); -EBUSY while one is in use. */
int rescan_partitions(struct gendisk *d)
{
	u32 i;

	for (i = 1; i < ARRAY_SIZE(d->part); i++)
		if (d->part[i] && d->part[i]->openers)
			return -EBUSY;
	for (i = 1; i < ARRAY_SIZE(d->part); i++)
		del_partition(d, i);
	scan_partitions(d, found_partition);
	return 0;
}

void del_gendisk(struct gendisk *d)
{
	u32 i;

	mutex_lock(&disks_lock);
	list_del_init(&d->list);
	mutex_unlock(&disks_lock);
	for (i = ARRAY_SIZE(d->part); i-- > 0;)
		del_partition(d, i);
}

struct block_device *bdev_by_dev(dev_t dev)
{
	struct block_device *found = NULL;
	struct gendisk *d;

	mutex_lock(&disks_lock);
	list_for_each_entry(d, &disks, list) {
		u32 i = MINOR(dev) - d->first_minor;

		if (d->major == MAJOR(dev) && MINOR(dev) >= d->first_minor && i < d->minors &&
			i < ARRAY_SIZE(d->part)) {
			found = d->part[i];
			break;
		}
	}
	mutex_unlock(&disks_lock);
	return found;
}

struct block_device *bdev_by_name(const char *name)
{
	struct block_device *found = NULL;
	struct gendisk *d;
	char buf[24];
	u32 i;

	mutex_lock(&disks_lock);
	list_for_each_entry(d, &disks, list)
		for (i = 0; i < ARRAY_SIZE(d->part) && !found; i++) {
			disk_name(d, i, buf, sizeof(buf));
			if (d->part[i] && !strcmp(buf, name))
				found = d->part[i];
		}
	mutex_unlock(&disks_lock);
	return found;
}

/* ---- figures ---- */

/* The i-th bdev in order, under disks_lock. */
static struct block_device *nth_bdev(int i)
{
	struct gendisk *d;
	u32 k;

	list_for_each_entry(d, &disks, list)
		for (k = 0; k < ARRAY_SIZE(d->part); k++)
			if (d->part[k] && i-- == 0)
				return d->part[k];
	return NULL;
}

int diskstats_line(int i, char *buf, size_t size)
{
	struct block_device *b;
	struct gendisk *d;
	char name[24];
	int n = 0;

	mutex_lock(&disks_lock);
	b = nth_bdev(i);
	if (b) {
		static const struct gendisk none;
		const struct gendisk *st =
			b->partno ? &none : b->disk; /* counted for whole disks */

		d = b->disk;
		disk_name(d, b->partno, name, sizeof(name));
		n = scnprintf(buf, size,
			"%4u %7u %s %lu 0 %lu %lu %lu 0 %lu %lu %lu %lu %lu 0 0 0 0 0 0\n",
			MAJOR(b->dev), MINOR(b->dev), name, st->stat.ios[0], st->stat.sectors[0],
			st->stat.ns[0] / 1000000, st->stat.ios[1], st->stat.sectors[1],
			st->stat.ns[1] / 1000000, st->stat.inflight,
			(st->stat.ns[0] + st->stat.ns[1]) / 1000000,
			(st->stat.ns[0] + st->stat.ns[1]) / 1000000);
	}
	mutex_unlock(&disks_lock);
	return n;
}

int partitions_line(int i, char *buf, size_t size)
{
	struct block_device *b;
	char name[24];
	int n = 0;

	mutex_lock(&disks_lock);
	b = nth_bdev(i);
	if (b) {
		disk_name(b->disk, b->partno, name, sizeof(name));
		n = scnprintf(buf, size, "%4u  %7u %10lu %s\n", MAJOR(b->dev), MINOR(b->dev),
			b->nr_sectors / 2, name);
	}
	mutex_unlock(&disks_lock);
	return n;
}

/* A line of /proc/devices for each block major; 0 past the last. */
int blkdev_major_line(int i, char *buf, size_t size)
{
	struct gendisk *d;
	u32 last = 0;
	int n = 0;

	mutex_lock(&disks_lock);
	list_for_each_entry(d, &disks, list) {
		if (d->major == last)
			continue;
		last = d->major;
		if (i-- == 0) {
			n = scnprintf(buf, size, "%3u %.3s\n", d->major, d->name);
			break;
		}
	}
	mutex_unlock(&disks_lock);
	return n;
}

void disk_account_start(struct bio *bio)
{
	struct gendisk *d = bio->bdev->disk;

	bio->start_ns = ktime_get();
	__atomic_add_fetch(&d->stat.inflight, 1, __ATOMIC_RELAXED);
}

void disk_account_end(struct bio *bio)
{
	struct gendisk *d = bio->bdev->disk;
	int w = (bio->opf & REQ_OP_MASK) != REQ_READ;

	__atomic_sub_fetch(&d->stat.inflight, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&d->stat.ios[w], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&d->stat.sectors[w], bio->bytes >> SECTOR_SHIFT, __ATOMIC_RELAXED);
	__atomic_add_fetch(&d->stat.ns[w], ktime_get() - bio->start_ns, __ATOMIC_RELAXED);
}
