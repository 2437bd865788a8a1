/* SPDX-License-Identifier: MIT */
/*
 * bdev.c: a block device as a file: its page cache, /dev/ubda's operations, and exclusive opening.
 *
 * Each block_device has an inode on the internal "bdev" file system whose mapping caches the
 * device. All nodes in /dev with one device number share this inode: open sets file->f_mapping to
 * its mapping. A file system reads its metadata either through this mapping, or with bios of its
 * own (ext4), and is then the device's tenant. Reads and writes are in rw.c.
 *
 * Locks: block_device.lock is held while the device is opened or closed, and protects openers.
 * claim_lock protects holder. Pages are filled and written under the page lock.
 */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/blkpg.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/magic.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/bdev/internal.h"
#include "kernel/vfs/super.h"

#define RA_SECTORS_MAX 65536 /* 32 MiB */

static struct super_block *bdev_sb;

static struct block_device *bdev_of(const struct address_space *m)
{
	return m->host->i_bdev;
}

/* Returns how many bytes of the page at @index are on the device. */
static u32 page_bytes(const struct block_device *b, u64 index)
{
	u64 size = b->nr_sectors << SECTOR_SHIFT, pos = index << PAGE_SHIFT;

	if (pos >= size)
		return 0;
	return (u32)min_t(u64, PAGE_SIZE, size - pos);
}

/* ---- reading ---- */

static int bdev_readpage(struct file *file, struct page *page)
{
	struct block_device *b = bdev_of(page->mapping);
	u32 n = page_bytes(b, page->index);
	struct bio *bio;

	if (n < PAGE_SIZE)
		memset((char *)page_address(page) + n, 0, PAGE_SIZE - n);
	if (!n) {
		SetPageUptodate(page);
		unlock_page(page);
		return 0;
	}
	bio = bio_alloc(b, 1, REQ_READ, GFP_NOFS);
	if (!bio) {
		unlock_page(page);
		return -ENOMEM;
	}
	bio->sector = page->index << (PAGE_SHIFT - SECTOR_SHIFT);
	bio->end_io = bio_end_read_pages;
	bio_add_page(bio, page, n, 0);
	submit_bio(bio);
	return 0;
}

static void bdev_readahead(struct address_space *m, struct file *file, u64 index, u32 nr)
{
	struct block_device *b = bdev_of(m);
	struct blk_plug plug;

	blk_start_plug(&plug);
	for (; nr && page_bytes(b, index) == PAGE_SIZE; nr--, index++) {
		struct page *p = alloc_page(GFP_NOFS);

		if (!p)
			break;
		lock_page(p);
		if (add_to_page_cache(p, m, index))
			unlock_page(p);
		else
			bdev_readpage(file, p);
		put_page(p);
	}
	blk_finish_plug(&plug);
}

#define BYTES_AHEAD 16 /* pages read ahead */

static struct page *cached_page(struct address_space *m, u64 index)
{
	struct page *p = find_get_page(m, index);

	if (p && PageUptodate(p))
		return p;
	if (p)
		put_page(p);
	else
		force_readahead(m, NULL, index, BYTES_AHEAD);
	return read_cache_page(m, index, NULL);
}

int bdev_read_bytes(struct block_device *b, u64 pos, void *buf, size_t n)
{
	u64 size = b->nr_sectors << SECTOR_SHIFT;
	u8 *to = buf;

	if (pos > size || n > size - pos)
		return -EIO;
	while (n) {
		u32 off = (u32)(pos & (PAGE_SIZE - 1)), part = (u32)min_t(u64, n, PAGE_SIZE - off);
		struct page *p = cached_page(b->mapping, pos >> PAGE_SHIFT);

		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		memcpy(to, (u8 *)page_address(p) + off, part);
		put_page(p);
		to += part;
		pos += part;
		n -= part;
	}
	return 0;
}

/* ---- writing ---- */

static void end_write(struct bio *bio)
{
	struct page *p = bio->vec[0].page;

	if (bio->status) {
		SetPageError(p);
		mapping_set_error(p->mapping, bio->status);
		bio_lost(bio);
	}
	end_page_writeback(p);
	put_page(p);
	bio_put(bio);
}

/* Starts the writeback of @p, which is locked and dirty, and unlocks @p. Returns 0 or -errno. */
static int write_one(struct block_device *b, struct page *p)
{
	u32 n = page_bytes(b, p->index);
	struct bio *bio;

	if (!n)
		clear_page_dirty_for_io(p);
	if (!n || !PageDirty(p)) {
		unlock_page(p);
		return 0;
	}
	bio = bio_alloc(b, 1, REQ_WRITE | REQ_FROM_CACHE, GFP_NOFS);
	if (!bio) {
		unlock_page(p);
		return -ENOMEM;
	}
	/* This comes first, so that an fsync which finds the page clean waits for its writeback. */
	set_page_writeback(p);
	clear_page_dirty_for_io(p);
	get_page(p);
	unlock_page(p);
	bio->sector = p->index << (PAGE_SHIFT - SECTOR_SHIFT);
	bio->end_io = end_write;
	bio_add_page(bio, p, n, 0);
	submit_bio(bio);
	return 0;
}

static int bdev_writepages(struct address_space *m, struct writeback_control *wbc)
{
	struct block_device *b = bdev_of(m);
	u64 index = wbc->start >> PAGE_SHIFT, end = wbc->end >> PAGE_SHIFT;
	struct blk_plug plug;
	struct page *p;
	int err = 0;

	blk_start_plug(&plug);
	while (!err && wbc->nr_to_write && (p = next_dirty_page(m, &index, end))) {
		lock_page(p);
		if (p->mapping != m || !PageDirty(p)) {
			unlock_page(p);
		} else {
			if (PageWriteback(p)) {
				blk_finish_plug(&plug);
				wait_on_page_writeback(p);
				blk_start_plug(&plug);
			}
			err = write_one(b, p);
			wbc->nr_to_write--;
		}
		put_page(p);
		cond_resched();
	}
	blk_finish_plug(&plug);
	return err;
}

static int bdev_write_begin(struct file *file, struct address_space *m, loff_t pos, u32 len,
	struct page **page, void **fsdata)
{
	struct page *p = page_for_write(m, (u64)pos >> PAGE_SHIFT, len, file);

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	*page = p;
	return 0;
}

static int bdev_write_end(struct file *file, struct address_space *m, loff_t pos, u32 len,
	u32 copied, struct page *page, void *fsdata)
{
	if (!PageUptodate(page)) {
		if (copied == PAGE_SIZE)
			SetPageUptodate(page);
		else
			/* A short copy into a page that is not up to date counts as none. */
			copied = 0;
	}
	if (copied)
		set_page_dirty(page);
	unlock_page(page);
	put_page(page);
	return (int)copied;
}

static const struct address_space_operations bdev_aops = {
	.readpage = bdev_readpage,
	.readahead = bdev_readahead,
	.writepages = bdev_writepages,
	.write_begin = bdev_write_begin,
	.write_end = bdev_write_end,
};

/* ---- opening ---- */

static DEFINE_SPINLOCK(claim_lock); /* protects the holders of all devices */

/*
 * True if another holder excludes @holder from @b. The holder of a disk excludes others from its
 * partitions, and the holder of a partition excludes others from the disk.
 */
static bool others_hold(const struct block_device *b, const void *holder)
{
	const struct gendisk *d = b->disk;

	if (b->holder)
		return b->holder != holder;
	if (b->partno)
		return d->part[0]->holder;
	for (u32 i = 1; i < ARRAY_SIZE(d->part); i++)
		if (d->part[i] && d->part[i]->holder)
			return true;
	return false;
}

static int claim(struct block_device *b, void *holder)
{
	int err = 0;

	spin_lock(&claim_lock);
	if (others_hold(b, holder))
		err = -EBUSY;
	else
		b->holder = holder;
	spin_unlock(&claim_lock);
	return err;
}

static void unclaim(struct block_device *b, const void *holder)
{
	spin_lock(&claim_lock);
	if (b->holder == holder)
		b->holder = NULL;
	spin_unlock(&claim_lock);
}

/*
 * Does the driver's part of the first open, under b->lock. Returns 0 or -errno. The device may be
 * gone by then, since the driver's open may have waited for its removal.
 */
static int first_open(struct block_device *b, bool write)
{
	struct gendisk *d = b->disk;
	int err = d->ops->open ? d->ops->open(d, write) : 0;

	if (err || !READ_ONCE(b->gone))
		return err;
	if (d->ops->release)
		d->ops->release(d);
	return -ENXIO;
}

int bdev_open(struct block_device *b, bool write, void *holder)
{
	struct gendisk *d = b->disk;
	bool stale = false, had = holder && b->holder == holder;
	int err = 0;

	if (write && d->ro && !d->ro_opens)
		return -EROFS;
	if (write)
		err = writeback_start(d->bdi);
	if (err)
		return err;
	mutex_lock(&b->lock);
	if (b->gone)
		err = -ENXIO;
	else if (holder)
		err = claim(b, holder);
	if (!err && !b->openers)
		err = first_open(b, write);
	if (!err) {
		b->openers++;
		stale = !holder && b->holder;
	} else if (holder && !had) {
		unclaim(b, holder);
	}
	mutex_unlock(&b->lock);
	/*
	 * A file system holds the device and bypasses this page cache, so cached pages may be old.
	 */
	if (stale)
		invalidate_mapping_pages(b->mapping, 0, ~0UL);
	return err;
}

void bdev_close(struct block_device *b, bool write, void *holder)
{
	bool last;

	mutex_lock(&b->lock);
	last = b->openers == 1;
	mutex_unlock(&b->lock);
	/* A holder may have bypassed the page cache, so cached pages may be old. */
	if (last || holder) {
		sync_blockdev(b);
		invalidate_mapping_pages(b->mapping, 0, ~0UL);
	}
	mutex_lock(&b->lock);
	if (holder)
		unclaim(b, holder);
	if (!--b->openers && b->disk->ops->release)
		b->disk->ops->release(b->disk);
	mutex_unlock(&b->lock);
}

u32 bdev_frames(struct block_device *b, sector_t s, u32 nr, pfn_t *pfn)
{
	sector_t per = PAGE_SIZE >> SECTOR_SHIFT, at;

	*pfn = 0;
	if (!bdev_has_frames(b) || check_add_overflow(s, b->start, &at) || at % per ||
		s > b->nr_sectors || b->nr_sectors - s < nr * per)
		return nr;
	return b->disk->ops->frames(b->disk, at, nr, pfn);
}

int sync_blockdev(struct block_device *b)
{
	return filemap_write_and_wait_range(b->mapping, 0, S64_MAX);
}

/* ---- as a file ---- */

static struct block_device *file_bdev(const struct file *f)
{
	return f->private_data;
}

static int blkdev_open(struct inode *inode, struct file *f)
{
	struct block_device *b = bdev_by_dev(inode->i_rdev);
	int err;

	if (!b)
		return -ENXIO;
	err = bdev_open(b, f->f_mode & FMODE_WRITE, f->f_flags & O_EXCL ? f : NULL);
	if (err)
		return err;
	f->private_data = b;
	f->f_mapping = b->mapping;
	f->f_wb_err_seq = mapping_wb_sample(b->mapping);
	f->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	return 0;
}

static int blkdev_release(struct inode *inode, struct file *f)
{
	struct block_device *b = file_bdev(f);

	if (b)
		bdev_close(b, f->f_mode & FMODE_WRITE, b->holder == f ? f : NULL);
	return 0;
}

static loff_t blkdev_llseek(struct file *f, loff_t off, int whence)
{
	loff_t size = (loff_t)(file_bdev(f)->nr_sectors << SECTOR_SHIFT);

	if (whence > SEEK_END)
		return -EINVAL; /* no SEEK_DATA: a disk is all data */
	return generic_llseek_size(f, off, whence, size, size);
}

int blkdev_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct block_device *b = file_bdev(f);
	int err = filemap_write_and_wait_range(b->mapping, start, end), tenant = tenant_sync(b);
	int flush = bdev_read_only(b) ? 0 : bdev_flush(b);

	return err ? err : tenant ? tenant : flush;
}

/* Stores at @arg the geometry that fdisk expects of a disk without one. Returns 0 or -EFAULT. */
static long put_geometry(struct block_device *b, u64 arg)
{
	struct hd_geometry g;

	memset(&g, 0, sizeof(g)); /* clears the padding too */
	g.heads = 255;
	g.sectors = 63;
	g.cylinders = (u16)min_t(u64, b->disk->capacity / (255 * 63), 65535);
	g.start = b->start;
	return copy_to_user(UADDR(arg), &g, sizeof(g)) ? -EFAULT : 0;
}

static void drop_range(struct block_device *b, u64 from, u64 len)
{
	truncate_inode_pages_range(b->mapping, (loff_t)from, (loff_t)(from + len) - 1);
}

static long blk_discard_ioctl(struct block_device *b, struct file *f, u32 cmd, u64 arg)
{
	u64 r[2];
	u64 size = b->nr_sectors << SECTOR_SHIFT;
	int err;

	if (!(f->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!b->disk->discard)
		return -EOPNOTSUPP;
	if (bdev_read_only(b))
		return -EPERM;
	if (copy_from_user(r, UADDR(arg), sizeof(r)))
		return -EFAULT;
	if (((r[0] | r[1]) & 511) || !r[1])
		return -EINVAL;
	if (r[0] > size || r[1] > size - r[0])
		return -EINVAL;
	err = bdev_discard(b, r[0] >> SECTOR_SHIFT, r[1] >> SECTOR_SHIFT);
	/* After an error the range is kept: the cache may hold data that is not on the disk. */
	if (!err)
		drop_range(b, r[0], r[1]);
	return err;
}

static long set_read_only(struct block_device *b, uaddr_t ua)
{
	int on;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (get_user(on, ua))
		return -EFAULT;
	WRITE_ONCE(b->ro, on);
	return 0;
}

/*
 * Writes @len zeros at byte @from through the page cache, and waits until they are on the disk.
 * Returns 0 or -errno.
 */
static long write_zeros_cached(struct file *f, u64 from, u64 len)
{
	void *zero = get_free_page(GFP_KERNEL | __GFP_ZERO);
	loff_t pos = (loff_t)from;
	ssize_t n = 1;

	if (!zero)
		return -ENOMEM;
	while ((u64)pos < from + len && n > 0) {
		n = kernel_write(f, zero, min_t(u64, PAGE_SIZE, from + len - (u64)pos), &pos);
		cond_resched();
		if (n > 0 && wait_interrupted(TASK_KILLABLE))
			n = -EINTR;
	}
	free_page_addr(zero);
	if (n <= 0)
		return n ? n : -EIO;
	return filemap_write_and_wait_range(f->f_mapping, (loff_t)from, pos - 1);
}

/*
 * Writes zeros: by the driver if it has the operation (a hole in the host's file), else through the
 * page cache. Returns 0 or -errno.
 */
static long write_zeros(struct block_device *b, struct file *f, u64 from, u64 len)
{
	int err = filemap_write_and_wait_range(b->mapping, (loff_t)from, (loff_t)(from + len) - 1);

	if (!err) {
		drop_range(b, from, len);
		err = bdev_write_zeroes(b, from >> SECTOR_SHIFT, len >> SECTOR_SHIFT);
		drop_range(b, from, len); /* pages that were read meanwhile */
	}
	return err == -EOPNOTSUPP ? write_zeros_cached(f, from, len) : err;
}

static long blk_zeroout_ioctl(struct block_device *b, struct file *f, u64 arg)
{
	u64 r[2], size = b->nr_sectors << SECTOR_SHIFT;

	if (!(f->f_mode & FMODE_WRITE))
		return -EBADF;
	if (copy_from_user(r, UADDR(arg), sizeof(r)))
		return -EFAULT;
	if (((r[0] | r[1]) & 511) || !r[1] || r[0] > size || r[1] > size - r[0])
		return -EINVAL;
	return write_zeros(b, f, r[0], r[1]);
}

/*
 * Serves fallocate(2): makes a hole, which reads as zeros. With FALLOC_FL_KEEP_SIZE the range may
 * extend beyond the end of the disk.
 */
static long blkdev_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct block_device *b = file_bdev(f);
	u64 size = b->nr_sectors << SECTOR_SHIFT;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if ((u64)off >= size)
		return -EINVAL;
	if ((u64)(off + len) > size) {
		if (!(mode & FALLOC_FL_KEEP_SIZE))
			return -EINVAL;
		len = (loff_t)(size - (u64)off);
	}
	if ((u64)(off | len) & (b->disk->logical_block_size - 1))
		return -EINVAL;
	if (!(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		return -EOPNOTSUPP;
	return write_zeros(b, f, (u64)off, (u64)len);
}

/*
 * Checks a block size that the user sets. The size has no effect: the page cache always works in
 * pages.
 */
static long set_block_size(const struct block_device *b, const struct file *f, uaddr_t ua)
{
	int n;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (!ua.v)
		return -EINVAL;
	if (get_user(n, ua))
		return -EFAULT;
	if (n < (int)b->disk->logical_block_size || n > (int)PAGE_SIZE || n & (n - 1))
		return -EINVAL;
	return b->holder && b->holder != f ? -EBUSY : 0;
}

static long reread_partitions(struct block_device *b, const struct file *f)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (b->partno || b->disk->no_partscan)
		return -EINVAL;
	return b->holder && b->holder != f ? -EBUSY : disk_rescan(b->disk);
}

/*
 * Adds, deletes or resizes partitions (BLKPG), for programs such as partx and parted that read
 * partition tables which the kernel does not know.
 */
static long blkpg_ioctl(struct block_device *b, uaddr_t ua)
{
	u64 align = b->disk->logical_block_size - 1;
	struct blkpg_ioctl_arg a;
	struct blkpg_partition p;

	if (get_user(a, ua))
		return -EFAULT;
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (get_user(p, UADDR((u64)a.data)))
		return -EFAULT;
	if (b->partno || p.pno <= 0)
		return -EINVAL;
	if (a.op == BLKPG_DEL_PARTITION)
		return disk_del_partition(b->disk, (u32)p.pno);
	if (p.start < 0 || p.length <= 0 || p.length > S64_MAX - p.start ||
		(u64)(p.start | p.length) & align)
		return -EINVAL;
	p.start >>= SECTOR_SHIFT;
	p.length >>= SECTOR_SHIFT;
	switch (a.op) {
	case BLKPG_ADD_PARTITION:
		return disk_add_partition(b->disk, (u32)p.pno, (u64)p.start, (u64)p.length);
	case BLKPG_RESIZE_PARTITION:
		return disk_resize_partition(b->disk, (u32)p.pno, (u64)p.start, (u64)p.length);
	}
	return -EINVAL;
}

static long blkdev_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct block_device *b = file_bdev(f);
	uaddr_t ua = UADDR(arg);

	switch (cmd) {
	case BLKGETSIZE64: return put_user((u64)(b->nr_sectors << SECTOR_SHIFT), ua);
	case BLKGETSIZE: return put_user((u64)b->nr_sectors, ua);
	case BLKSSZGET:
	case BLKPBSZGET: return put_user((u32)b->disk->logical_block_size, ua);
	case BLKBSZGET: return put_user((u32)PAGE_SIZE, ua);
	case BLKBSZSET: return set_block_size(b, f, ua);
	case BLKIOMIN:
	case BLKIOOPT:
		return put_user((u32)(cmd == BLKIOMIN ? b->disk->logical_block_size : 0), ua);
	case BLKALIGNOFF:
	case BLKROTATIONAL: return cmd == BLKALIGNOFF ? put_user((u32)0, ua) : put_user((u16)0, ua);
	case BLKROGET: return put_user((u32)bdev_read_only(b), ua);
	case BLKRAGET:
	case BLKFRAGET:
		return put_user((u64)b->disk->bdi->ra_pages << (PAGE_SHIFT - SECTOR_SHIFT), ua);
	case BLKRASET:
	case BLKFRASET:
		if (!capable(CAP_SYS_ADMIN))
			return -EACCES;
		WRITE_ONCE(b->disk->bdi->ra_pages,
			(u32)(min_t(u64, arg, RA_SECTORS_MAX) >> (PAGE_SHIFT - SECTOR_SHIFT)));
		return 0;
	case BLKSECTGET: return put_user((u16)(BIO_MAX_VECS * (PAGE_SIZE >> SECTOR_SHIFT)), ua);
	case BLKGETZONESZ:
	case BLKGETNRZONES: return put_user((u32)0, ua); /* no device has zones */
	case BLKSECDISCARD: return f->f_mode & FMODE_WRITE ? -EOPNOTSUPP : -EBADF;
	case BLKROSET: return set_read_only(b, ua);
	case BLKZEROOUT: return blk_zeroout_ioctl(b, f, arg);
	case BLKFLSBUF:
		if (!capable(CAP_SYS_ADMIN))
			return -EACCES;
		sync_blockdev(b);
		invalidate_mapping_pages(b->mapping, 0, ~0UL);
		return 0;
	case BLKRRPART: return reread_partitions(b, f);
	case BLKPG: return blkpg_ioctl(b, ua);
	case BLKGETDISKSEQ: return put_user((u64)READ_ONCE(b->disk->diskseq), ua);
	case BLKDISCARD: return blk_discard_ioctl(b, f, cmd, arg);
	case BLKDISCARDZEROES: return put_user((u32)0, ua);
	case HDIO_GETGEO:
		if (b->disk->no_geometry)
			return -ENOTTY;
		return put_geometry(b, arg);
	}
	return b->disk->ops->ioctl ? b->disk->ops->ioctl(b->disk, f, cmd, arg) : -ENOTTY;
}

const struct file_operations def_blk_fops = {
	.open = blkdev_open,
	.release = blkdev_release,
	.llseek = blkdev_llseek,
	.read_iter = blkdev_read_iter,
	.write_iter = blkdev_write_iter,
	.fsync = blkdev_fsync,
	.fallocate = blkdev_fallocate,
	.mmap = generic_file_mmap,
	.ioctl = blkdev_ioctl,
	.direct = &blkdev_direct_ops,
};

/* ---- the devices' inodes ---- */

/*
 * Makes the inode whose page cache caches the device (disk_file_ops.create). Returns 0 or -ENOMEM.
 */
static int inode_create(struct block_device *b)
{
	struct inode *inode = new_inode(bdev_sb);

	if (!inode)
		return -ENOMEM;
	inode->i_mode = S_IFBLK | 0600;
	inode->i_ino = b->dev;
	inode->i_rdev = b->dev;
	inode->i_bdev = b;
	i_size_write(inode, (loff_t)(b->nr_sectors << SECTOR_SHIFT));
	inode->i_data.a_ops = &bdev_aops;
	/*
	 * Allocations must not enter file systems: a file system reads its device with locks held
	 * that its evict_inode takes.
	 */
	inode->i_data.gfp = GFP_NOFS;
	inode->i_data.bdi = b->disk->bdi;
	b->inode = inode;
	b->mapping = &inode->i_data;
	return 0;
}

static void inode_resize(struct block_device *b)
{
	i_size_write(b->inode, (loff_t)(b->nr_sectors << SECTOR_SHIFT));
}

static const struct super_operations bdev_sops = {
	.statfs = simple_statfs,
};

static int bdev_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct inode *root = new_inode(sb);

	if (!root)
		return -ENOMEM;
	root->i_mode = S_IFDIR | 0755;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = S64_MAX;
	sb->s_magic = BDEVFS_MAGIC;
	sb->s_op = &bdev_sops;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *bdevfs_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, bdev_fill_super);
}

static struct file_system_type bdev_type = {
	.name = "bdev",
	.mount = bdevfs_mount,
	.kill_sb = kill_anon_super,
};

static const struct disk_file_ops file_ops_for_disks = {
	.create = inode_create, .resize = inode_resize, .sync = sync_blockdev
};

static int bdev_init(void)
{
	/* Never freed. The pointer keeps the mount reachable for leak.c. */
	static struct mount *mount __used;

	mount = kern_mount(&bdev_type);
	if (IS_ERR(mount))
		return (int)PTR_ERR(mount);
	bdev_sb = mount->mnt_sb;
	disk_file_ops = &file_ops_for_disks;
	return 0;
}
INITCALL(2, bdev_init);
