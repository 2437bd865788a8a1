/* SPDX-License-Identifier: MIT */
/*
 * file.c: the contents of files: pages that are copies of parts of the device's page cache.
 *
 * FAT has no holes: a write beyond the end also writes zeros between the end and its position.
 * Clusters are allocated by write(), so that write() reports ENOSPC. Writeback of a page copies it
 * into device pages. fsync and sync write these to the disk.
 */
#include <asm/errno.h>
#include <linux/fs.h>

#include "kernel/fs/fat/fat.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/bdev/bdev.h"

/*
 * Fills a page of a file from the device's page cache, or with @write copies the page there, up to
 * the file's size. Returns 0 or -errno.
 */
static int copy_page_range(struct inode *inode, struct page *p, bool write)
{
	struct fat_sb *s = FAT_SB(inode->i_sb);
	u64 pos = p->index << PAGE_SHIFT, size = (u64)i_size_read(inode), at;
	u64 left = pos < size ? min(size - pos, PAGE_SIZE) : 0, n;
	u8 *mem = page_address(p);
	int err = 0;

	if (!write)
		memset(mem + left, 0, PAGE_SIZE - left);
	for (; left && !err; mem += n, pos += n, left -= n) {
		n = left;
		err = fat_map(FAT_I(inode), pos, &at, &n);
		if (err)
			break;
		err = write ? fat_write(s, at, mem, n) :
			      bdev_read_bytes(inode->i_sb->s_bdev, at, mem, n);
	}
	return err == -ENODATA ?
		       fat_error(s, "a file has fewer clusters than its size needs", inode->i_ino) :
		       err;
}

static int fat_readpage(struct file *file, struct page *page)
{
	int err = copy_page_range(page->mapping->host, page, false);

	end_page_read(page, err);
	return err;
}

/* ---- writing ---- */

static int fat_write_begin(struct file *file, struct address_space *m, loff_t pos, u32 len,
	struct page **page, void **fsdata)
{
	u64 index = (u64)pos >> PAGE_SHIFT;
	struct page *p;
	int err;

	if (sb_is_rdonly(m->host->i_sb))
		return -EROFS;
	if ((u64)pos + len > 0xffffffffUL)
		return -EFBIG;
	/*
	 * Zeroes the space between the old end and @pos, which has old data of other files. The
	 * size cannot change meanwhile, since i_rwsem is held.
	 */
	err = pos > i_size_read(m->host) ? fat_extend(m->host, pos) : 0;
	if (!err)
		err = fat_grow(FAT_I(m->host), (u64)pos + len);
	if (err)
		return err;
	p = page_for_write(m, index, len, file);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	*page = p;
	return 0;
}

static int fat_write_end(struct file *file, struct address_space *m, loff_t pos, u32 len,
	u32 copied, struct page *page, void *fsdata)
{
	struct inode *inode = m->host;

	/* A short copy into a page that was not read counts as none, and the caller repeats it. */
	if (copied < len && !PageUptodate(page))
		copied = 0;
	if (copied) {
		SetPageUptodate(page);
		set_page_dirty(page);
		if (pos + copied > i_size_read(inode))
			i_size_write(inode, pos + copied);
		FAT_I(inode)->attr |= FAT_ATTR_ARCH;
		mark_inode_dirty(inode);
	}
	unlock_page(page);
	put_page(page);
	return (int)copied;
}

static int fat_page_mkwrite(struct file *file, struct page *page)
{
	if (sb_is_rdonly(file->f_mapping->host->i_sb))
		return -EROFS;
	file_update_time(file);
	/* No allocation is needed: all bytes below the size have clusters. */
	lock_page(page);
	return 0;
}

static int fat_writepages(struct address_space *m, struct writeback_control *wbc)
{
	u64 index = wbc->start >> PAGE_SHIFT, end = wbc->end >> PAGE_SHIFT;
	struct page *p;
	int err = 0, r;

	while (wbc->nr_to_write && (wbc->sync || !inode_only_flushed(m->host)) &&
		(p = next_dirty_page(m, &index, end))) {
		lock_page(p);
		if (p->mapping == m && PageDirty(p)) {
			wait_on_page_writeback(p);
			/*
			 * Set before the page becomes clean, so that an fsync that finds it clean
			 * waits for the copy.
			 */
			set_page_writeback(p);
			clear_page_dirty_for_io(p);
			r = copy_page_range(m->host, p, true);
			end_page_writeback(p);
			if (r) {
				SetPageError(p);
				mapping_set_error(m, r);
			}
			err = err ? err : r;
			wbc->nr_to_write--;
		}
		unlock_page(p);
		put_page(p);
		cond_resched();
	}
	return err;
}

const struct address_space_operations fat_aops = {
	.readpage = fat_readpage,
	.writepages = fat_writepages,
	.write_begin = fat_write_begin,
	.write_end = fat_write_end,
	.page_mkwrite = fat_page_mkwrite,
};

/*
 * Extends the file to @size bytes, with zeros from the old end on, a page at a time. Returns 0 or
 * -errno.
 */
int fat_extend(struct inode *inode, loff_t size)
{
	struct address_space *m = &inode->i_data;
	loff_t pos = i_size_read(inode);
	struct page *p;
	int err;

	if ((u64)size > 0xffffffffUL)
		return -EFBIG;
	err = fat_grow(FAT_I(inode), (u64)size);
	while (!err && pos < size) {
		u32 off = (u32)((u64)pos & (PAGE_SIZE - 1)),
		    n = (u32)min_t(u64, PAGE_SIZE - off, (u64)(size - pos));

		err = fat_write_begin(NULL, m, pos, n, &p, NULL);
		if (err)
			break;
		memset((u8 *)page_address(p) + off, 0, n);
		if (n == PAGE_SIZE)
			SetPageUptodate(p);
		fat_write_end(NULL, m, pos, n, n, p, NULL);
		pos += n;
		if (fatal_signal_pending(current))
			err = -EINTR;
		balance_dirty_pages(m);
		cond_resched();
	}
	if (err)
		fat_shrink(FAT_I(inode), (u64)i_size_read(inode));
	inode->i_mtime = inode->i_ctime = current_time(inode);
	mark_inode_dirty(inode);
	return err;
}

static ssize_t fat_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_inode;
	ssize_t n = generic_file_write_iter(f, from, pos);

	/* Frees clusters that were allocated but not written to. */
	if (n < 0 || from->count) {
		down_write(&inode->i_rwsem);
		fat_shrink(FAT_I(inode), (u64)i_size_read(inode));
		up_write(&inode->i_rwsem);
	}
	return n;
}

/*
 * Notes lost data. Writeback copies into device pages. A later write of these may fail, and the
 * error does not identify the file that lost data. So every file on the device reports it at its
 * next check, once for each open file.
 */
void fat_note_lost(struct inode *inode)
{
	int err = mapping_wb_check(inode->i_sb->s_bdev->mapping, &FAT_I(inode)->dev_errors);

	mapping_set_error(&inode->i_data, err);
}

int fat_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct super_block *sb = f->f_inode->i_sb;
	int err = 0, r;

	/*
	 * After damage has made the file system read-only, data that is already dirty is still
	 * written.
	 */
	if (sb_is_rdonly(sb) && !FAT_SB(sb)->marked)
		return 0;
	if (S_ISREG(f->f_inode->i_mode))
		err = filemap_write_and_wait_range(f->f_inode->i_mapping, start, end);
	r = fat_write_inode(f->f_inode, false);
	err = err ? err : r;
	r = sync_blockdev(sb->s_bdev);
	fat_note_lost(f->f_inode);
	err = err ? err : r;
	r = bdev_flush(sb->s_bdev);
	return err ? err : r;
}

/*
 * Implements sync_file_range(2): writes the device pages into which writeback of the file has
 * copied its pages, and waits for them. Other data in the same device pages is written too.
 */
static int fat_sync_range(struct file *f, loff_t start, loff_t end, u32 flags)
{
	struct inode *inode = f->f_inode;
	struct address_space *dev = inode->i_sb->s_bdev->mapping;
	u64 pos = (u64)start, size = (u64)i_size_read(inode), last = min((u64)end, size - 1), at, n;
	int err = 0;

	if (!flags || !size || pos > last)
		return 0;
	for (; pos <= last && !err; pos += n) {
		n = last - pos + 1;
		err = fat_map(FAT_I(inode), pos, &at, &n);
		if (err)
			break;
		if (flags & SYNC_FILE_RANGE_WAIT_BEFORE)
			filemap_fdatawait_range(dev, (loff_t)at, (loff_t)(at + n - 1));
		if (flags & SYNC_FILE_RANGE_WRITE) {
			struct writeback_control wbc = { .nr_to_write = ~0UL,
				.start = (loff_t)at,
				.end = (loff_t)(at + n - 1) };

			err = dev->a_ops->writepages(dev, &wbc);
		}
		if (flags & SYNC_FILE_RANGE_WAIT_AFTER)
			filemap_fdatawait_range(dev, (loff_t)at, (loff_t)(at + n - 1));
		cond_resched();
	}
	fat_note_lost(inode);
	return err == -ENODATA ? 0 : err; /* -ENODATA: truncated meanwhile */
}

/* Maps byte @pos to its position on the device, for FIBMAP. There are no holes below the size. */
static int fat_extent_at(struct inode *inode, u64 pos, struct file_extent *e)
{
	u64 size = (u64)i_size_read(inode), n = size - pos, at;
	int err = pos < size ? fat_map(FAT_I(inode), pos, &at, &n) : -ENODATA;

	if (err == -ENODATA) {
		*e = (struct file_extent){ .pos = pos, .len = 1, .flags = FILE_EXTENT_HOLE };
		return 0;
	}
	if (!err)
		*e = (struct file_extent){ .pos = pos, .len = n, .phys = at };
	return err;
}

const struct file_operations fat_file_fops = {
	.llseek = generic_file_llseek,
	.read_iter = generic_file_read_iter,
	.write_iter = fat_write_iter,
	.mmap = generic_file_mmap,
	.fsync = fat_fsync,
	.sync_range = fat_sync_range,
};
const struct inode_operations fat_file_iops = {
	.setattr = fat_setattr,
	.getattr = fat_getattr,
	.extent_at = fat_extent_at,
	.only_fibmap = true,
};
