/* SPDX-License-Identifier: MIT */
/*
 * rw.c: reads and writes of a block device as a file, also while it has a tenant.
 *
 * A mounted file system that bypasses the device's page cache is its tenant (block.h). The tenant
 * may have metadata that is not on the disk yet. With a tenant:
 * - a read drops clean pages of the cache if the disk has changed since (disk->changed), and copies
 *   newer blocks from the tenant;
 * - a write offers each block to the tenant. Blocks that the tenant does not take are on the disk
 *   when the write returns. So both sides see each other's changes. O_DIRECT reads the disk; a
 *   write with O_DIRECT is treated as any other write. Mappings of the device see changes only when
 *   its page cache does.
 *
 * Lock: tenant_lock for reading around each call, for writing when the tenant is set or removed.
 */
#include <asm/errno.h>
#include <asm/fcntl.h>

#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/direct_io.h"
#include "kernel/vfs/bdev/internal.h"
#include "kernel/vfs/super.h"

static struct block_device *file_bdev(const struct file *f)
{
	return f->private_data;
}

/* ---- O_DIRECT ---- */

/* Maps the bytes of the device to its sectors, as one extent. */
static int blkdev_map(struct inode *inode, loff_t pos, u64 len, struct direct_extent *e)
{
	*e = (struct direct_extent){ .bdev = inode->i_bdev,
		.sector = (u64)pos >> SECTOR_SHIFT,
		.len = len,
		.kind = DIRECT_DATA };
	return 0;
}

const struct direct_ops blkdev_direct_ops = { .map = blkdev_map };

static ssize_t write_direct(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_mapping->host;

	sb_start_direct_write(inode->i_sb);
	down_write(&inode->i_rwsem);
	return direct_write_unlock(f, from, pos);
}

/* ---- the tenant ---- */

void bdev_set_tenant(struct block_device *b, const struct bdev_tenant *t, void *arg, u32 block)
{
	down_write(&b->tenant_lock);
	b->tenant = t;
	b->tenant_arg = arg;
	b->tenant_block = block;
	__atomic_store_n(&b->cached_at, ~0UL, __ATOMIC_RELAXED);
	up_write(&b->tenant_lock);
}

int tenant_sync(struct block_device *b)
{
	int err;

	down_read(&b->tenant_lock);
	err = b->tenant ? b->tenant->sync(b->tenant_arg) : 0;
	up_read(&b->tenant_lock);
	return err;
}

/*
 * Drops clean pages if the disk has changed since the last call (b->cached_at). Changes that
 * complete during the call are left to the next call.
 */
static void refresh_cache(struct block_device *b)
{
	u64 changed = __atomic_load_n(&b->disk->changed, __ATOMIC_SEQ_CST);

	if (__atomic_load_n(&b->cached_at, __ATOMIC_RELAXED) == changed)
		return;
	drop_clean_pages(b->mapping, 0, ~0UL);
	__atomic_store_n(&b->cached_at, changed, __ATOMIC_RELAXED);
}

/*
 * Reads @n bytes at @pos, which lie on one page. @page is a buffer for that page, in which the
 * bytes are stored at their offset within the page. Returns bytes, 0 at the end, or -errno.
 */
static ssize_t read_page_beside(
	struct file *f, struct block_device *b, u8 *page, u32 n, loff_t pos, bool nowait)
{
	u32 size = b->tenant_block, at = (u32)pos & ((u32)PAGE_SIZE - 1), newer;
	u64 first = ((u64)pos & PAGE_MASK) / size;
	loff_t from = pos;
	struct iov_iter it;
	ssize_t got;

	newer = b->tenant->newer(
		/* The tenant is asked before the disk is read. */
		b->tenant_arg, first, (u32)PAGE_SIZE / size);
	refresh_cache(b);
	iov_iter_kernel(&it, page + at, n);
	it.nowait = nowait;
	got = filemap_read(f, f->f_mapping, &it, &from);
	for (u32 i = 0; got > 0 && i < (u32)PAGE_SIZE / size; i++)
		if (newer & BIT(i))
			b->tenant->read(b->tenant_arg, first + i, page + i * size);
	return got;
}

/*
 * Reads from a device with a tenant, page by page. tenant_lock is held for reading. Returns bytes
 * or -errno.
 */
static ssize_t read_beside(struct file *f, struct block_device *b, struct iov_iter *to, loff_t *pos)
{
	u8 *page = get_free_page(GFP_KERNEL);
	ssize_t done = 0, n = 1;

	if (!page)
		return -ENOMEM;
	while (to->count && n > 0) {
		u32 at = (u32)*pos & ((u32)PAGE_SIZE - 1);
		size_t copied;

		n = read_page_beside(
			f, b, page, (u32)min_t(u64, to->count, PAGE_SIZE - at), *pos, to->nowait);
		if (n <= 0)
			break;
		copied = copy_to_iter(page + at, (size_t)n, to);
		*pos += (loff_t)copied;
		done += (ssize_t)copied;
		if (copied < (size_t)n)
			n = -EFAULT;
		else if (wait_interrupted(TASK_KILLABLE))
			n = -EINTR;
		cond_resched();
	}
	free_page_addr(page);
	return done ? done : n;
}

/* Writes @n bytes within one page through the cache to the disk. Returns 0 or -errno. */
static int write_through(struct file *f, const u8 *data, u32 n, loff_t pos)
{
	loff_t at = pos;
	struct iov_iter it;
	ssize_t done;

	iov_iter_kernel(&it, (void *)data, n);
	done = filemap_write(f, f->f_mapping, &it, &at);
	if (done < 0)
		return (int)done;
	if (done < n)
		return -EIO;
	return filemap_write_and_wait_range(f->f_mapping, pos, pos + n - 1);
}

/*
 * Offers each block of a page to the tenant, and writes blocks that the tenant does not take to the
 * disk. Returns bytes, or -errno if the first block failed.
 */
static ssize_t write_page_beside(
	struct file *f, struct block_device *b, const u8 *data, u32 n, loff_t pos)
{
	u32 size = b->tenant_block, done = 0;

	while (done < n) {
		u64 block = ((u64)pos + done) / size;
		u32 off = (u32)(((u64)pos + done) % size), part = min(n - done, size - off);
		int r = b->tenant->write(b->tenant_arg, block, off, data + done, part);

		if (!r) {
			refresh_cache(b);
			r = write_through(f, data + done, part, pos + done);
			b->tenant->written(b->tenant_arg, block, 1);
		}
		if (r < 0)
			return done ? (ssize_t)done : r;
		done += part;
	}
	return (ssize_t)done;
}

/*
 * Writes to a device with a tenant, page by page. tenant_lock is held for reading. Returns bytes or
 * -errno.
 */
static ssize_t write_with_tenant(
	struct file *f, struct block_device *b, struct iov_iter *from, loff_t *pos)
{
	u8 *page = get_free_page(GFP_KERNEL);
	ssize_t done = 0, n = 1;

	if (!page)
		return -ENOMEM;
	while (from->count && n > 0) {
		u32 at = (u32)*pos & ((u32)PAGE_SIZE - 1);
		size_t got = copy_from_iter(page, min_t(u64, from->count, PAGE_SIZE - at), from);

		n = got ? write_page_beside(f, b, page, (u32)got, *pos) : -EFAULT;
		if (n <= 0)
			break;
		*pos += n;
		done += n;
		if ((size_t)n < got)
			break;
		if (wait_interrupted(TASK_KILLABLE))
			n = -EINTR;
		cond_resched();
	}
	free_page_addr(page);
	return done ? done : n;
}

/* Writes to a device with a tenant. Returns bytes or -errno; -ENOTBLK: the device has no tenant. */
static ssize_t write_beside_tenant(
	struct file *f, struct block_device *b, struct iov_iter *from, loff_t *pos)
{
	ssize_t n = -ENOTBLK;

	if (!READ_ONCE(b->tenant))
		return n;
	if (from->nowait)
		return -EAGAIN;
	down_read(&b->tenant_lock);
	if (b->tenant)
		n = write_with_tenant(f, b, from, pos);
	up_read(&b->tenant_lock);
	return n;
}

/* ---- the file ---- */

ssize_t blkdev_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct block_device *b = file_bdev(f);
	ssize_t n = -ENOTBLK;

	if (!to->count)
		return 0;
	if (READ_ONCE(b->tenant) && !(f->f_flags & O_DIRECT && !to->cached)) {
		down_read(&b->tenant_lock);
		if (b->tenant)
			n = read_beside(f, b, to, pos);
		up_read(&b->tenant_lock);
	}
	return n == -ENOTBLK ? generic_file_read_iter(f, to, pos) : n;
}

ssize_t blkdev_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct block_device *b = file_bdev(f);
	loff_t size = (loff_t)(b->nr_sectors << SECTOR_SHIFT), start = *pos;
	ssize_t n;

	if (b->inode->i_flags & S_SWAPFILE)
		return -ETXTBSY;
	if (bdev_read_only(b))
		return -EPERM;
	if (!from->count)
		return 0;
	if (*pos >= size)
		return -ENOSPC;
	if (f->f_flags & O_DIRECT && !from->cached &&
		!direct_io_aligned(f->f_mapping->host, from, *pos))
		return -EINVAL;
	if ((u64)from->count > (u64)(size - *pos))
		from->count = (u64)(size - *pos);
	n = file_update_time(f);
	if (n)
		return n;
	n = write_beside_tenant(f, b, from, pos);
	if (n == -ENOTBLK && file_goes_direct(f, from))
		n = write_direct(f, from, pos);
	if (n == -ENOTBLK)
		n = filemap_write(f, f->f_mapping, from, pos);
	if (n > 0 && f->f_flags & (O_DSYNC | __O_SYNC)) {
		int err = blkdev_fsync(f, start, start + n - 1, true);

		if (err)
			return err;
	} else if (n > 0 && f->f_flags & O_DIRECT) {
		/* O_DIRECT requires that the disk has the data, but no flush of its cache. */
		int err = filemap_write_and_wait_range(f->f_mapping, start, start + n - 1);

		if (err)
			return err;
	}
	return n;
}
