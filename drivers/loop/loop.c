/* SPDX-License-Identifier: MIT */
/*
 * loop.c: loop devices, which make files usable as disks: the table of units, /dev/loop-control,
 * opening and closing of a unit.
 *
 *      loop.c   the table of units
 *      bind.c   the file of a unit, ioctls, /sys
 *      io.c     the thread that reads and writes it
 *
 * loop0 to loop7 exist from the start, others (up to loop63) are created by LOOP_CTL_ADD and
 * LOOP_CTL_GET_FREE. A unit's memory is never freed: LOOP_CTL_REMOVE removes its node and makes
 * opens fail, so a pointer to a removed unit stays valid. Unit N is (7, N); its partitions have
 * minors of the extended block major.
 *
 * Locks: loop_mutex (the table) -> bdev->lock -> loop.lock -> loop.queue_lock.
 */
#include <asm/errno.h>
#include <linux/major.h>

#include "arch/um/machine/arch.h"
#include "drivers/loop/loop.h"
#include "kernel/fs/devtmpfs/devtmpfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/vfs.h"

#define LOOP_CTRL_MINOR 237 /* of the misc major: devices.txt */

DEFINE_MUTEX(loop_mutex);
struct loop *loop_units[LOOP_MAX];

/* ---- a unit as a disk ---- */

static int loop_open(struct gendisk *d, bool write)
{
	struct loop *lo = d->private;
	int err = 0;

	mutex_lock(&lo->lock);
	if (!READ_ONCE(lo->present))
		err = -ENXIO;
	else
		lo->users++;
	mutex_unlock(&lo->lock);
	return err;
}

static void loop_release(struct gendisk *d)
{
	struct loop *lo = d->private;

	mutex_lock(&lo->lock);
	if (!--lo->users && lo->state == LOOP_BOUND && (lo->flags & LO_FLAGS_AUTOCLEAR))
		loop_clear(lo);
	mutex_unlock(&lo->lock);
}

/*
 * Pins the file and its offset until loop_unpin(). Returns the file with a reference and its offset
 * in *@off, or ERR_PTR(-EINVAL) if the unit is not bound or read-only.
 */
static struct file *loop_pin(struct gendisk *d, u64 *off)
{
	struct loop *lo = d->private;
	struct file *f = ERR_PTR(-EINVAL);

	mutex_lock(&lo->lock);
	if (lo->state == LOOP_BOUND && !(lo->flags & LO_FLAGS_READ_ONLY)) {
		f = get_file(lo->file);
		*off = lo->offset;
		lo->pins++;
	}
	mutex_unlock(&lo->lock);
	return f;
}

static void loop_unpin(struct gendisk *d)
{
	struct loop *lo = d->private;

	mutex_lock(&lo->lock);
	lo->pins--;
	mutex_unlock(&lo->lock);
}

static const struct block_device_operations loop_disk_ops = {
	.submit = loop_submit,
	.open = loop_open,
	.release = loop_release,
	.ioctl = loop_ioctl,
	.pin = loop_pin,
	.unpin = loop_unpin,
};

static struct loop *loop_alloc(u32 n)
{
	struct loop *lo = kzalloc(sizeof(*lo), GFP_KERNEL);

	if (!lo)
		return NULL;
	lo->number = n;
	mutex_init(&lo->lock);
	spin_lock_init(&lo->queue_lock);
	INIT_LIST_HEAD(&lo->queue);
	init_waitqueue_head(&lo->wait);
	scnprintf(lo->disk.name, sizeof(lo->disk.name), "loop%u", n);
	lo->disk.major = LOOP_MAJOR;
	lo->disk.first_minor = n;
	lo->disk.minors = 1;
	lo->disk.ext_first = n * LOOP_PARTS;
	lo->disk.ops = &loop_disk_ops;
	lo->disk.private = lo;
	lo->disk.logical_block_size = 512;
	lo->disk.write_cache = true;
	lo->disk.ro_opens = lo->disk.no_geometry = lo->disk.no_partscan = true;
	return lo;
}

/* ---- the table ---- */

/* Creates unit @n or re-adds it, and returns @n or -errno. loop_mutex is held. */
static long loop_add(u32 n)
{
	struct loop *lo = loop_units[n];
	char name[16];
	int err;

	if (lo && lo->present)
		return -EEXIST;
	if (!lo) {
		lo = loop_alloc(n);
		if (!lo)
			return -ENOMEM;
		err = add_disk(&lo->disk);
		if (err) {
			kfree(lo);
			return err;
		}
		loop_units[n] = lo;
		err = loop_sysfs_add(lo);
		if (err)
			return err;
	} else {
		scnprintf(name, sizeof(name), "loop%u", n);
		err = devtmpfs_create(name, S_IFBLK | 0660, MKDEV(LOOP_MAJOR, n));
		if (err)
			return err;
	}
	WRITE_ONCE(lo->present, true);
	return n;
}

static long loop_add_any(long n)
{
	if (n >= LOOP_MAX)
		return -ENOSPC;
	if (n >= 0)
		return loop_add((u32)n);
	for (n = 0; n < LOOP_MAX; n++)
		if (!loop_units[n] || !loop_units[n]->present)
			return loop_add((u32)n);
	return -ENOSPC;
}

static long loop_remove(long n)
{
	struct loop *lo = n >= 0 && n < LOOP_MAX ? loop_units[n] : NULL;
	char name[16];

	if (n < 0)
		return -EINVAL;
	if (!lo || !lo->present)
		return -ENODEV;
	mutex_lock(&lo->lock);
	if (lo->state != LOOP_UNBOUND || lo->users) {
		mutex_unlock(&lo->lock);
		return -EBUSY;
	}
	WRITE_ONCE(lo->present, false);
	mutex_unlock(&lo->lock);
	scnprintf(name, sizeof(name), "loop%ld", n);
	devtmpfs_remove(name);
	return n;
}

static long loop_get_free(void)
{
	long n;

	for (n = 0; n < LOOP_MAX; n++)
		if (loop_units[n] && loop_units[n]->present &&
			READ_ONCE(loop_units[n]->state) == LOOP_UNBOUND)
			return n;
	return loop_add_any(-1);
}

static long control_ioctl(struct file *f, u32 cmd, u64 arg)
{
	long ret = -ENOSYS;

	mutex_lock(&loop_mutex);
	switch (cmd) {
	case LOOP_CTL_ADD: ret = loop_add_any((int)arg); break;
	case LOOP_CTL_REMOVE: ret = loop_remove((int)arg); break;
	case LOOP_CTL_GET_FREE: ret = loop_get_free(); break;
	}
	mutex_unlock(&loop_mutex);
	return ret;
}

static const struct file_operations control_fops = {
	.ioctl = control_ioctl,
	.llseek = noop_llseek,
};

static int loop_init(void)
{
	dev_t dev = MKDEV(MISC_MAJOR, LOOP_CTRL_MINOR);
	int err = register_chrdev(MISC_MAJOR, LOOP_CTRL_MINOR, 1, "misc", &control_fops);
	u32 n;

	if (!err)
		err = devtmpfs_create("loop-control", S_IFCHR | 0660, dev);
	mutex_lock(&loop_mutex);
	for (n = 0; n < LOOP_FIRST && !err; n++)
		err = loop_add(n) < 0 ? -ENOMEM : 0;
	mutex_unlock(&loop_mutex);
	return err;
}
INITCALL(5, loop_init);
