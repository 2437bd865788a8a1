/* SPDX-License-Identifier: MIT */
/*
 * genhd.c: the list of disks and their partitions, and their lines in /proc.
 *
 * add_disk() makes the bdev of the whole disk (partition 0), reads the partition table, and makes
 * the nodes in /dev. Disks are added at boot and by hot-plug. Lock: disks_lock (a mutex) for the
 * list. A block_device lives as long as its disk: that of a removed partition is only marked as
 * gone, so that a pointer from an earlier lookup stays valid.
 */
#include <asm/errno.h>
#include <linux/major.h>
#include <linux/stat.h>

#include "arch/um/machine/arch.h"
#include "kernel/block/block.h"
#include "kernel/block/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

static DEFINE_MUTEX(disks_lock);
static DEFINE_MUTEX(scan_mutex); /* one scan for partitions at a time */
/* List of gendisk.list, in the order of registration. */
static LIST_HEAD(disks);
static u64 last_diskseq; /* atomic */

int disk_name(const struct gendisk *d, u32 partno, char *buf, size_t size)
{
	size_t n = strlen(d->name);

	if (!partno)
		return snprintf(buf, size, "%s", d->name);
	/* If the name ends in a digit, a p separates the number: loop0p1. */
	return snprintf(buf, size,
		n && d->name[n - 1] >= '0' && d->name[n - 1] <= '9' ? "%sp%u" : "%s%u", d->name,
		partno);
}

int bdev_name(const struct block_device *b, char *buf, size_t size)
{
	return disk_name(b->disk, b->partno, buf, size);
}

const struct disk_file_ops *disk_file_ops;
const struct dev_node_ops *dev_node_ops;
const struct disk_sysfs_ops *disk_sysfs_ops;

void disk_event(struct block_device *b, const char *action)
{
	if (disk_sysfs_ops)
		disk_sysfs_ops->event(b, action);
}

static void next_diskseq(struct gendisk *d)
{
	WRITE_ONCE(d->diskseq, __atomic_add_fetch(&last_diskseq, 1, __ATOMIC_RELAXED));
}

void disk_changed(struct gendisk *d)
{
	next_diskseq(d);
	disk_event(d->part[0], "change");
}

static dev_t partition_dev(const struct gendisk *d, u32 partno)
{
	if (partno && d->minors == 1)
		return MKDEV(BLOCK_EXT_MAJOR, d->ext_first + partno);
	return MKDEV(d->major, d->first_minor + partno);
}

static void bdev_resize(struct block_device *b, u64 nr)
{
	u64 old = b->nr_sectors;

	b->nr_sectors = nr;
	disk_file_ops->resize(b);
	if (nr < old)
		truncate_inode_pages(b->mapping, (loff_t)(nr << SECTOR_SHIFT));
}

/* Reuses the block_device of a removed partition with that number for a new partition. */
static int revive_partition(struct block_device *b, sector_t start, u64 nr)
{
	char name[24];
	int err;

	truncate_inode_pages(b->mapping, 0);
	b->start = start;
	WRITE_ONCE(b->ro, false);
	bdev_resize(b, nr);
	disk_name(b->disk, b->partno, name, sizeof(name));
	err = dev_node_ops->create(name, S_IFBLK | 0660, b->dev);
	/* For the whole disk the error makes add_disk() fail, so the disk must stay unopenable. */
	if (err && !b->partno)
		return err;
	b->gone = false;
	disk_event(b, "add");
	return err;
}

/*
 * Adds a partition, or the disk itself (0), with its inode and its node in /dev. The range is
 * within the disk. Returns 0, -EBUSY if it exists already, or -errno.
 */
static int add_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr)
{
	struct block_device *b = d->part[partno];
	char name[24];
	int err;

	if (b)
		return b->gone ? revive_partition(b, start, nr) : -EBUSY;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	b->disk = d;
	b->partno = partno;
	b->dev = partition_dev(d, partno);
	b->start = start;
	b->nr_sectors = nr;
	mutex_init(&b->lock);
	init_rwsem(&b->tenant_lock);
	err = disk_file_ops->create(b);
	if (err) {
		kfree(b);
		return err;
	}
	d->part[partno] = b;
	disk_name(d, partno, name, sizeof(name));
	err = dev_node_ops->create(name, S_IFBLK | 0660, b->dev);
	/* A disk without its node stays gone, a partition without its node does not. */
	b->gone = err && !partno;
	if (!err && partno && disk_sysfs_ops)
		disk_sysfs_ops->part_appeared(b);
	return err;
}

/* Removes the partition @b, which is already marked as gone. */
static void leave_partition(struct block_device *b)
{
	char name[24];

	disk_name(b->disk, b->partno, name, sizeof(name));
	dev_node_ops->remove(name);
	disk_event(b, "remove");
	disk_file_ops->sync(b);
	truncate_inode_pages(b->mapping, 0);
}

static void del_partition(struct gendisk *d, u32 partno)
{
	struct block_device *b = d->part[partno];

	if (!b || b->gone)
		return;
	b->gone = true;
	leave_partition(b);
}

/*
 * Adds a partition of a table or of BLKPG. Returns 0, -errno, or -EINVAL if the disk cannot have
 * it.
 */
static int found_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr)
{
	if (!partno || partno >= ARRAY_SIZE(d->part) || (partno >= d->minors && d->minors > 1) ||
		!nr || start > d->capacity || nr > d->capacity - start)
		return -EINVAL;
	return add_partition(d, partno, start, nr);
}

int add_disk(struct gendisk *d)
{
	int err;

	d->bdi = bdi_get(MKDEV(d->major, d->first_minor));
	if (!d->bdi)
		return -ENOMEM;
	next_diskseq(d);
	err = add_partition(d, 0, 0, d->capacity);
	if (err)
		return err;
	mutex_lock(&disks_lock);
	list_add_tail(&d->list, &disks);
	mutex_unlock(&disks_lock);
	mutex_lock(&scan_mutex);
	scan_partitions(d, found_partition);
	mutex_unlock(&scan_mutex);
	return 0;
}

void disk_set_capacity(struct gendisk *d, u64 sectors)
{
	d->capacity = sectors;
	bdev_resize(d->part[0], sectors);
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

/*
 * Marks @b as gone if it is not open. If its lock is taken, an open may be in progress, which
 * counts as in use. scan_mutex held.
 */
static int mark_one_gone(struct block_device *b)
{
	int err = -EBUSY;

	if (!mutex_trylock(&b->lock))
		return err;
	if (!b->openers) {
		b->gone = true;
		err = 0;
	}
	mutex_unlock(&b->lock);
	return err;
}

/*
 * Marks all partitions from number @first on as gone, or none of them. Sets *marked to the bit mask
 * of their numbers. Returns 0 or -EBUSY.
 */
static int mark_gone(struct gendisk *d, u32 first, u32 *marked)
{
	int err = 0;
	u32 i;

	*marked = 0;
	for (i = first; i < ARRAY_SIZE(d->part) && !err; i++) {
		struct block_device *b = d->part[i];

		if (!b || b->gone)
			continue;
		err = mark_one_gone(b);
		*marked |= err ? 0 : 1U << i;
	}
	for (i = first; i < ARRAY_SIZE(d->part) && err; i++)
		if (*marked & 1U << i)
			d->part[i]->gone = false;
	return err;
}

/* Removes all partitions from number @first on, or none if one is open. Returns 0 or -EBUSY. */
static int leave_from(struct gendisk *d, u32 first)
{
	u32 marked;
	int err = mark_gone(d, first, &marked);

	for (u32 i = ARRAY_SIZE(d->part); i-- > first && !err;)
		if (marked & 1U << i)
			leave_partition(d->part[i]);
	return err;
}

int disk_withdraw(struct gendisk *d)
{
	int err;

	mutex_lock(&scan_mutex);
	err = leave_from(d, 0);
	mutex_unlock(&scan_mutex);
	return err;
}

int disk_rescan(struct gendisk *d)
{
	int err;

	mutex_lock(&scan_mutex);
	err = leave_from(d, 1);
	if (!err)
		scan_partitions(d, found_partition);
	mutex_unlock(&scan_mutex);
	return err;
}

void disk_lose_medium(struct gendisk *d)
{
	u32 i;

	mutex_lock(&scan_mutex);
	for (i = 1; i < ARRAY_SIZE(d->part); i++)
		del_partition(d, i);
	/* Afterwards no partition can be added, since none would lie within the disk. */
	disk_set_capacity(d, 0);
	mutex_unlock(&scan_mutex);
}

/* ---- partitions that a program adds and deletes: BLKPG ---- */

static struct block_device *partition_of(const struct gendisk *d, u32 partno)
{
	struct block_device *b = partno < ARRAY_SIZE(d->part) ? d->part[partno] : NULL;

	return b && !b->gone ? b : NULL;
}

static bool overlaps(const struct gendisk *d, sector_t start, u64 nr, u32 but)
{
	for (u32 i = 1; i < ARRAY_SIZE(d->part); i++) {
		const struct block_device *b = partition_of(d, i);

		if (b && i != but && start < b->start + b->nr_sectors && b->start < start + nr)
			return true;
	}
	return false;
}

int disk_add_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr)
{
	int err = -EBUSY;

	mutex_lock(&scan_mutex);
	if (d->part[0]->gone)
		err = -ENXIO;
	else if (start >= d->capacity || nr > d->capacity - start)
		err = -EINVAL;
	else if (!overlaps(d, start, nr, 0) && !partition_of(d, partno))
		err = found_partition(d, partno, start, nr);
	mutex_unlock(&scan_mutex);
	return err;
}

int disk_del_partition(struct gendisk *d, u32 partno)
{
	struct block_device *b;
	int err = -ENXIO;

	mutex_lock(&scan_mutex);
	b = partition_of(d, partno);
	if (b)
		err = mark_one_gone(b);
	if (!err)
		leave_partition(b);
	mutex_unlock(&scan_mutex);
	return err;
}

int disk_resize_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr)
{
	struct block_device *b;
	int err = 0;

	mutex_lock(&scan_mutex);
	b = partition_of(d, partno);
	if (!b)
		err = -ENXIO;
	else if (start != b->start || start >= d->capacity || nr > d->capacity - start)
		err = -EINVAL;
	else if (overlaps(d, start, nr, partno))
		err = -EBUSY;
	else
		bdev_resize(b, nr);
	mutex_unlock(&scan_mutex);
	return err;
}

int disk_return(struct gendisk *d)
{
	int err;

	mutex_lock(&scan_mutex);
	next_diskseq(d);
	err = add_partition(d, 0, 0, d->capacity);
	if (!err)
		scan_partitions(d, found_partition);
	mutex_unlock(&scan_mutex);
	return err;
}

void disks_release(void)
{
	struct gendisk *d;

	mutex_lock(&disks_lock);
	list_for_each_entry(d, &disks, list)
		queue_release(d);
	mutex_unlock(&disks_lock);
}

struct block_device *bdev_by_dev(dev_t dev)
{
	struct block_device *found = NULL;
	struct gendisk *d;

	mutex_lock(&disks_lock);
	list_for_each_entry(d, &disks, list) {
		u32 i;

		for (i = 0; i < ARRAY_SIZE(d->part) && !found; i++)
			if (d->part[i] && d->part[i]->dev == dev)
				found = d->part[i];
		if (found)
			break;
	}
	mutex_unlock(&disks_lock);
	return found && !found->gone ? found : NULL;
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
			if (d->part[i] && !d->part[i]->gone && !strcmp(buf, name))
				found = d->part[i];
		}
	mutex_unlock(&disks_lock);
	return found;
}

/* ---- lines of /proc ---- */

/*
 * Returns the @i-th bdev in order, with @sized counting only those with a size. Under disks_lock.
 */
static struct block_device *nth_bdev(int i, bool sized)
{
	struct gendisk *d;
	u32 k;

	list_for_each_entry(d, &disks, list)
		for (k = 0; k < ARRAY_SIZE(d->part); k++)
			if (d->part[k] && !d->part[k]->gone && (!sized || d->part[k]->nr_sectors) &&
				i-- == 0)
				return d->part[k];
	return NULL;
}

void disks_stat(void (*fn)(const struct block_device *b, const u64 *v, void *arg), void *arg)
{
	struct gendisk *d;

	mutex_lock(&disks_lock);
	list_for_each_entry(d, &disks, list) {
		u64 v[DISK_STAT_FIELDS] = { 0 };

		disk_stat_fields(d->part[0], v);
		fn(d->part[0], v, arg);
	}
	mutex_unlock(&disks_lock);
}

int diskstats_line(int i, char *buf, size_t size)
{
	struct block_device *b;
	char name[24];
	int n = 0;

	mutex_lock(&disks_lock);
	b = nth_bdev(i, false);
	if (b) {
		u64 v[DISK_STAT_FIELDS];

		disk_stat_fields(b, v);
		disk_name(b->disk, b->partno, name, sizeof(name));
		n = scnprintf(buf, size, "%4u %7u %s", MAJOR(b->dev), MINOR(b->dev), name);
		for (u32 k = 0; k < DISK_STAT_FIELDS; k++)
			n += scnprintf(buf + n, size - (size_t)n, " %lu", v[k]);
		n += scnprintf(buf + n, size - (size_t)n, "\n");
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
	b = nth_bdev(i, true);
	if (b) {
		disk_name(b->disk, b->partno, name, sizeof(name));
		n = scnprintf(buf, size, "%4u  %7u %10lu %s\n", MAJOR(b->dev), MINOR(b->dev),
			b->nr_sectors / 2, name);
	}
	mutex_unlock(&disks_lock);
	return n;
}

/* Returns the length of the driver's name: "loop" of loop0, "ubd" of ubda. */
static int driver_name(const struct gendisk *d)
{
	size_t n = strlen(d->name);

	if (n && d->name[n - 1] >= '0' && d->name[n - 1] <= '9')
		return (int)strcspn(d->name, "0123456789");
	return n > 1 ? (int)n - 1 : (int)n;
}

/* Writes the @i-th block major's line of /proc/devices. Returns its length; 0 past the last. */
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
			n = scnprintf(buf, size, "%3u %.*s\n", d->major, driver_name(d), d->name);
			break;
		}
	}
	mutex_unlock(&disks_lock);
	return n;
}

/* ---- numbers ---- */

/*
 * Parses a number that ends with the character @end, and moves *text behind it. Returns false if
 * there is no such number.
 */
static bool take_number(char **text, char end, u32 *v)
{
	char *p = *text;
	u64 n = 0;

	if (*p < '0' || *p > '9')
		return false;
	while (*p >= '0' && *p <= '9' && n <= ~0U)
		n = n * 10 + (u64)(*p++ - '0');
	if (n > ~0U || (*p != end && !(end == ' ' && (*p == '\t' || !*p))))
		return false;
	*v = (u32)n;
	*text = *p ? p + 1 : p;
	return true;
}

int disk_parse_number(char **text, dev_t *dev)
{
	const struct block_device *b;
	u32 major, minor;

	if (!take_number(text, ':', &major) || !take_number(text, ' ', &minor))
		return -EINVAL;
	b = major < 1U << 12 && minor < 1U << 20 ? bdev_by_dev(MKDEV(major, minor)) : NULL;
	if (!b || b->partno)
		/* Limits apply to the disk, not to a partition. */
		return -ENODEV;
	*dev = b->dev;
	return 0;
}
