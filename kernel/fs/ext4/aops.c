/* SPDX-License-Identifier: MIT */
/*
 * aops.c: the pages of files: reading in large bios, and writing into the cache. A write reserves
 * blocks (delalloc.c) but allocates none. Writeback allocates (writepages.c), a whole run of dirty
 * pages at once, so that a large file gets few extents and large bios.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/file/rmap.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/bdev/bdev.h"

/* ---- reading ---- */

/* Reads a page that consists of several blocks, one block after the other. Waits for each. */
static int read_pieces(struct inode *inode, struct page *p)
{
	u32 bs = (u32)inode->i_sb->s_blocksize, per = (u32)(PAGE_SIZE / bs), i;
	u8 *to = page_address(p);
	int err = 0;

	for (i = 0; i < per && !err; i++, to += bs) {
		struct ext4_map map = { .lblk = (u32)(p->index * per + i), .len = 1 };

		down_read(&EXT4_I(inode)->i_data_sem);
		err = ext4_map_blocks(inode, &map);
		up_read(&EXT4_I(inode)->i_data_sem);
		if (err)
			break;
		if (!map.pblk || map.unwritten)
			memset(to, 0, bs);
		else
			err = bdev_rw(inode->i_sb->s_bdev, REQ_READ,
				map.pblk * (bs >> SECTOR_SHIFT), to, bs);
	}
	end_page_read(p, err);
	return err;
}

/*
 * Reads locked pages [0, n) of consecutive indexes, with one bio for each run that is contiguous on
 * disk. Returns 0 or -errno.
 */
static int read_pages(struct inode *inode, struct page **pages, u32 n)
{
	struct ext4_map map = { .len = 0 };
	struct bio *bio = NULL;
	u64 next_pblk = 0;
	u32 i;
	int err = 0;

	for (i = 0; i < n; i++) {
		struct page *p = pages[i];
		u32 lblk = (u32)p->index;

		if (p->index > 0xffffffffUL - 1) {
			err = -EFBIG;
			break;
		}
		if (!map.len) {
			map.lblk = lblk;
			map.len = n - i;
			down_read(&EXT4_I(inode)->i_data_sem);
			err = ext4_map_blocks(inode, &map);
			up_read(&EXT4_I(inode)->i_data_sem);
			if (err)
				break;
		}
		map.len--;
		if (!map.pblk || map.unwritten) {
			memset(page_address(p), 0, PAGE_SIZE);
			SetPageUptodate(p);
			unlock_page(p);
			continue;
		}
		if (bio && (map.pblk != next_pblk || !bio_add_page(bio, p, PAGE_SIZE, 0))) {
			submit_bio(bio);
			bio = NULL;
		}
		if (!bio) {
			bio = bio_alloc(inode->i_sb->s_bdev, min(n - i, (u32)BIO_MAX_VECS),
				REQ_READ, GFP_NOFS);
			if (!bio) {
				err = -ENOMEM;
				break;
			}
			bio->sector = map.pblk << (PAGE_SHIFT - SECTOR_SHIFT);
			bio->end_io = bio_end_read_pages;
			bio_add_page(bio, p, PAGE_SIZE, 0);
		}
		next_pblk = ++map.pblk;
	}
	if (bio)
		submit_bio(bio);
	for (; i < n; i++) {
		SetPageError(pages[i]);
		unlock_page(pages[i]);
	}
	return err;
}

/*
 * Ends the read of a page whose @n bytes were copied from the inode. Zeroes the part beyond the end
 * of the file.
 */
static int read_inline(struct inode *inode, struct page *page, u32 n)
{
	u64 size = (u64)i_size_read(inode);
	u32 keep = (u32)min_t(u64, n, size);

	memset((u8 *)page_address(page) + keep, 0, PAGE_SIZE - keep);
	SetPageUptodate(page);
	unlock_page(page);
	return 0;
}

static int ext4_readpage(struct file *file, struct page *page)
{
	struct inode *inode = page->mapping->host;

	int n = ext4_is_inline(inode) && !page->index ?
			ext4_inline_read(inode, page_address(page), PAGE_SIZE) :
			-ENODATA;

	if (n >= 0)
		return read_inline(inode, page, (u32)n);
	if (n != -ENODATA) {
		end_page_read(page, n);
		return n;
	}
	if (inode->i_sb->s_blocksize < PAGE_SIZE)
		return read_pieces(inode, page);
	return read_pages(inode, &page, 1);
}

/*
 * If the image is mapped directly, finds the frames that hold the file's pages from @index on,
 * which then need not be read. Only whole pages can be mapped, so blocks must be as large as pages.
 * Sets *pfn to the first frame and returns their number, or sets *pfn to 0 and returns the number
 * of pages without such frames.
 */
static u32 ext4_direct(struct address_space *m, u64 index, u32 nr, pfn_t *pfn)
{
	struct inode *inode = m->host;
	struct block_device *bdev = inode->i_sb->s_bdev;
	struct ext4_map map = { .lblk = (u32)index, .len = nr };
	int err;

	*pfn = 0;
	if (!bdev_has_frames(bdev) || inode->i_sb->s_blocksize != PAGE_SIZE ||
		index > 0xffffffffUL - nr)
		return nr;
	down_read(&EXT4_I(inode)->i_data_sem);
	err = ext4_map_blocks(inode, &map);
	up_read(&EXT4_I(inode)->i_data_sem);
	if (err || !map.len)
		return nr;
	if (!map.pblk || map.unwritten)
		return map.len;
	return bdev_frames(bdev, map.pblk << (PAGE_SHIFT - SECTOR_SHIFT), map.len, pfn);
}

#define RA_CHUNK 256

static void ext4_readahead(struct address_space *m, struct file *file, u64 index, u32 nr)
{
	struct inode *inode = m->host;
	struct page **pages;
	u32 i, n;

	if (inode->i_sb->s_blocksize < PAGE_SIZE || ext4_is_inline(inode))
		return; /* readpage() reads page by page */
	pages = kmalloc(RA_CHUNK * sizeof(pages[0]), GFP_NOFS);
	if (!pages)
		return;
	while (nr) {
		n = page_cache_alloc_run(m, index, min(nr, (u32)RA_CHUNK), pages);
		if (!n)
			break;
		read_pages(inode, pages, n);
		for (i = 0; i < n; i++)
			put_page(pages[i]);
		index += n;
		nr -= n;
	}
	kfree(pages);
}

/* ---- writing into the cache ---- */

static int begin_write(
	struct file *file, struct address_space *m, loff_t pos, u32 len, struct page **page)
{
	struct inode *inode = m->host;
	u64 index = (u64)pos >> PAGE_SHIFT;
	u32 off = (u32)((u64)pos & (PAGE_SIZE - 1));
	/* True if the file has no other bytes in the page than those that are written. */
	bool all = (u64)i_size_read(inode) <= index << PAGE_SHIFT ||
		   (!off && pos + len >= i_size_read(inode));
	struct page *p;
	int err = ext4_alive(EXT4_SB(inode->i_sb));

	if (err)
		return err;
	if (inode->i_sb->s_flags & SB_RDONLY)
		return -EROFS;
	if (pos > i_size_read(inode))
		pagecache_zero_tail(m, i_size_read(inode)); /* the gap must read as zeros */
	p = page_for_write(m, index, all ? PAGE_SIZE : len, file);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	p = cache_page_own(p);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	if (!PageUptodate(p) && len < PAGE_SIZE) {
		memset(page_address(p), 0, off);
		memset((u8 *)page_address(p) + off + len, 0, PAGE_SIZE - off - len);
	}
	err = ext4_promise(inode, p, off, off + len);
	if (err) {
		unlock_page(p);
		put_page(p);
		return err;
	}
	*page = p;
	return 0;
}

/*
 * Begins a write. Reservations for delayed writes also keep back blocks for the map, most of which
 * are never used. So if the disk is nearly full, writeback of all delayed data replaces
 * reservations by blocks, and the write is tried once more.
 */
static int ext4_write_begin(struct file *file, struct address_space *m, loff_t pos, u32 len,
	struct page **page, void **fsdata)
{
	struct super_block *sb = m->host->i_sb;
	int err = begin_write(file, m, pos, len, page);

	if (err != -ENOSPC || current->journal_info || !READ_ONCE(EXT4_SB(sb)->delayed))
		return err;
	writeback_sb(sb, false);
	return begin_write(file, m, pos, len, page);
}

static int ext4_write_end(struct file *file, struct address_space *m, loff_t pos, u32 len,
	u32 copied, struct page *page, void *fsdata)
{
	struct inode *inode = m->host;

	/* A short copy into a page that was not read counts as none, and the caller repeats it. */
	if (copied < len && !PageUptodate(page))
		copied = 0;
	/* If nothing was written, the reservation would keep the page in memory. */
	if (!copied && !PageDirty(page))
		ext4_drop_promise(page);
	if (copied) {
		SetPageUptodate(page);
		set_page_dirty(page);
		if (pos + copied > i_size_read(inode)) {
			ext4_end_moves(inode);
			i_size_write(inode, pos + copied);
		}
	}
	unlock_page(page);
	put_page(page);
	return (int)copied;
}

/*
 * Prepares a page for writes through a mapping. Called without the page lock, returns with it held.
 * The fault handler then checks whether the page was truncated meanwhile.
 *
 * The page becomes dirty before invalidate_lock is dropped: shift.c, which writes pages out and
 * drops them under that lock, would lose the coming write if it did not see a dirty page.
 */
static int ext4_page_mkwrite(struct file *file, struct page *page)
{
	struct inode *inode = file->f_mapping->host;
	u64 start = page->index << PAGE_SHIFT, size;
	int err = ext4_alive(EXT4_SB(inode->i_sb));

	if (err)
		return err;
	if (inode->i_sb->s_flags & SB_RDONLY)
		return -EROFS;
	file_update_time(file);
	down_read(&inode->i_data.invalidate_lock);
	lock_page(page);
	size = (u64)i_size_read(inode);
	/*
	 * Tested with the page locked: settle_file() (swapon.c) relies on no page becoming dirty.
	 */
	if (inode->i_flags & S_SWAPFILE) {
		err = -ETXTBSY;
	} else if (page->mapping == &inode->i_data && start < size) {
		err = ext4_promise(inode, page, 0, (u32)min(size - start, PAGE_SIZE));
		if (!err)
			set_page_dirty(page);
	}
	up_read(&inode->i_data.invalidate_lock);
	if (err)
		unlock_page(page);
	return err;
}

static void ext4_invalidatepage(struct page *page, u32 offset)
{
	if (!offset)
		ext4_drop_promise(page);
}

static bool ext4_releasepage(struct page *page)
{
	return !PagePrivate(page);
}

const struct address_space_operations ext4_aops = {
	.readpage = ext4_readpage,
	.readahead = ext4_readahead,
	.direct = ext4_direct,
	.writepages = ext4_writepages,
	.write_begin = ext4_write_begin,
	.write_end = ext4_write_end,
	.page_mkwrite = ext4_page_mkwrite,
	.invalidatepage = ext4_invalidatepage,
	.releasepage = ext4_releasepage,
};
