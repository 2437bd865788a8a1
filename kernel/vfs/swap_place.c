/* SPDX-License-Identifier: MIT */
/*
 * swap_place.c: finds the disk blocks of swap areas and keeps them in place (swap_place.h).
 *
 * A file behind a loop device that contains an area may still be written, since the loop device has
 * other content too. But it must keep its blocks: while inode.i_pins is not 0, truncation and holes
 * are refused (ETXTBSY), and a pinned loop device keeps its offset (block_device_operations.pin).
 *
 * In each file behind a loop device, slots begin at a multiple of a page. So no page of the file's
 * cache holds both bytes of a slot and other bytes, whose writeback would overwrite the slot.
 *
 * Locks: none while files are pinned; the i_rwsem of each file while its extents are looked up.
 */
#include <asm/errno.h>
#include <linux/falloc.h>

#include "kernel/vfs/direct_io.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/swap_place.h"

const struct swap_extent *swap_extent_at(const struct swap_place *pl, u64 slot)
{
	u32 lo = 0, hi = pl->nr_extents;

	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (pl->extents[mid].slot <= slot)
			lo = mid;
		else
			hi = mid;
	}
	return &pl->extents[lo];
}

/* ---- the files below the area ---- */

/*
 * Returns the block device of @f, which is a block device or a file on one. NULL if @f cannot hold
 * a swap area.
 */
static struct block_device *device_of(const struct file *f)
{
	const struct inode *inode = f->f_mapping->host;

	if (S_ISBLK(f->f_inode->i_mode))
		return inode->i_bdev;
	if (!S_ISREG(f->f_inode->i_mode) || !f->f_op->direct || !f->f_op->direct->map)
		return NULL;
	return inode->i_sb->s_bdev;
}

static void pin_inode(struct inode *inode, int n)
{
	down_write(&inode->i_rwsem);
	inode->i_pins += (u32)n;
	if (n > 0)
		inode_dio_wait(inode);
	up_write(&inode->i_rwsem);
}

/* Pins the file behind the loop device @b. Returns 1, 0 if @b is a real disk, or -errno. */
static int pin_under(struct swap_place *pl, struct block_device *b)
{
	const struct block_device_operations *ops = b->disk->ops;
	struct file *f;
	u64 off;

	if (!ops->pin)
		return 0;
	if (pl->nr_under == SWAP_DEPTH)
		return -EINVAL;
	f = ops->pin(b->disk, &off);
	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	pin_inode(f->f_mapping->host, 1);
	pl->under[pl->nr_under].bdev = b;
	pl->under[pl->nr_under].f = f;
	pl->under[pl->nr_under++].off = off;
	return 1;
}

static void unpin_all(struct swap_place *pl)
{
	while (pl->nr_under) {
		u32 i = --pl->nr_under;
		struct gendisk *d = pl->under[i].bdev->disk;

		pin_inode(pl->under[i].f->f_mapping->host, -1);
		/* Drop pages that other tasks have read since the pin, which may be out of date. */
		invalidate_mapping_pages(pl->under[i].f->f_mapping, 0, ~0UL);
		fput(pl->under[i].f);
		d->ops->unpin(d);
	}
}

int swap_place_pin(struct swap_place *pl, struct file *f)
{
	int err;

	do {
		pl->bdev = device_of(f);
		err = pl->bdev ? pin_under(pl, pl->bdev) : -EINVAL;
		if (err > 0)
			f = pl->under[pl->nr_under - 1].f;
	} while (err > 0);
	if (err)
		unpin_all(pl);
	return err;
}

void swap_place_release(struct swap_place *pl)
{
	unpin_all(pl);
	kfree(pl->extents);
	pl->extents = NULL;
	pl->nr_extents = pl->max_extents = 0;
}

/* ---- extents ---- */

/*
 * Adds an extent of @len bytes, or extends the extent before it if they are adjacent. Returns 0 or
 * -ENOMEM. count_in_slots() will convert bytes to slots.
 */
static int add_extent(struct swap_place *pl, u64 pos, u64 len, sector_t sector)
{
	struct swap_extent *last = pl->nr_extents ? &pl->extents[pl->nr_extents - 1] : NULL;

	if (last && last->sector + (last->n >> SECTOR_SHIFT) == sector) {
		last->n += len;
		return 0;
	}
	if (pl->nr_extents == pl->max_extents) {
		u32 max = pl->max_extents ? pl->max_extents * 2 : 16;
		struct swap_extent *more =
			krealloc(pl->extents, max * sizeof(pl->extents[0]), GFP_KERNEL);

		if (!more)
			return -ENOMEM;
		pl->extents = more;
		pl->max_extents = max;
	}
	pl->extents[pl->nr_extents++] = (struct swap_extent){ pos, len, sector };
	return 0;
}

/*
 * Converts the extents from bytes to slots and returns the number of slots. A slot must be
 * contiguous, so the bytes after the last whole page of an extent are not used. Such bytes exist if
 * blocks are smaller than pages. Slot 0 is the header.
 */
static s64 count_in_slots(struct swap_place *pl)
{
	u64 slot = 0;
	u32 kept = 0;

	if (!pl->nr_extents || pl->extents[0].n < PAGE_SIZE)
		return -EINVAL;
	for (u32 i = 0; i < pl->nr_extents; i++) {
		struct swap_extent e = pl->extents[i];

		e.slot = slot;
		e.n >>= PAGE_SHIFT;
		slot += e.n;
		if (e.n)
			pl->extents[kept++] = e;
	}
	pl->nr_extents = kept;
	return (s64)slot;
}

/*
 * Adds the extents of @len bytes from @pos of a file on @b. Stops at a hole. Sets *done to the
 * number of bytes mapped. Returns 0 or -errno.
 */
static int map_range(struct swap_place *pl, struct file *f, const struct block_device *b, u64 pos,
	u64 len, u64 *done)
{
	struct inode *inode = f->f_mapping->host;
	int err = 0;

	*done = 0;
	down_read(&inode->i_rwsem);
	if (pos + len > (u64)i_size_read(inode))
		err = -EINVAL;
	while (*done < len && !err) {
		struct direct_extent e;
		u64 n;

		err = f->f_op->direct->map(inode, (loff_t)(pos + *done), len - *done, &e);
		if (err || e.kind == DIRECT_HOLE)
			break;
		n = min(e.len, len - *done);
		err = e.bdev == b ? add_extent(pl, pos + *done, n, e.sector) : -EINVAL;
		if (!err)
			*done += n;
		cond_resched();
	}
	up_read(&inode->i_rwsem);
	return err == -ENOTBLK ? -EINVAL : err;
}

/*
 * Maps @len bytes of the file behind a loop device, after filling its holes. Returns 0 or -errno.
 */
static int map_below(struct swap_place *pl, struct file *f, u64 pos, u64 len)
{
	const struct block_device *b = device_of(f);
	bool filled = false;

	while (len) {
		u64 done;
		int err = map_range(pl, f, b, pos, len, &done);

		if (err)
			return err;
		pos += done;
		len -= done;
		if (!len)
			break;
		if ((filled && !done) || !f->f_op->fallocate)
			return -EINVAL;
		err = (int)f->f_op->fallocate(f, FALLOC_FL_KEEP_SIZE, (loff_t)pos, (loff_t)len);
		if (err)
			return err == -EOPNOTSUPP ? -EINVAL : err;
		filled = true;
	}
	return 0;
}

/*
 * Replaces the extents, which are on the loop device pl->under[@i].bdev, by the extents of the file
 * behind that device. Returns 0 or -errno.
 */
static int descend(struct swap_place *pl, u32 i)
{
	u64 base = pl->under[i].off + (pl->under[i].bdev->start << SECTOR_SHIFT);
	struct swap_extent *upper = pl->extents;
	struct file *f = pl->under[i].f;
	u32 nr = pl->nr_extents;
	int err = vfs_fsync_range(f, 0, S64_MAX, false);

	pl->extents = NULL;
	pl->nr_extents = pl->max_extents = 0;
	for (u32 k = 0; k < nr && !err; k++) {
		u64 pos = base + (upper[k].sector << SECTOR_SHIFT), end = pos + upper[k].n;

		pos = PAGE_ALIGN(pos);
		end &= PAGE_MASK;
		if (pos >= end)
			continue;
		err = map_below(pl, f, pos, end - pos);
		invalidate_mapping_pages(f->f_mapping, pos >> PAGE_SHIFT, (end >> PAGE_SHIFT) - 1);
	}
	kfree(upper);
	return err;
}

s64 swap_place_map(struct swap_place *pl, struct file *f, u64 slots)
{
	u64 size = slots << PAGE_SHIFT, done = size;
	int err;

	if (S_ISREG(f->f_inode->i_mode))
		err = map_range(pl, f, device_of(f), 0, size, &done);
	else
		err = add_extent(pl, 0, size, 0);
	if (!err && done < size)
		err = -EINVAL; /* the file has a hole */
	for (u32 i = 0; i < pl->nr_under && !err; i++)
		err = descend(pl, i);
	return err ? err : count_in_slots(pl);
}
