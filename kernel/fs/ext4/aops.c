/* SPDX-License-Identifier: MIT */
/*
 * aops.c: the pages of files: reading in large bios, writing with delayed allocation.
 *
 * A write only puts data into the page cache and reserves blocks (page->private counts the promise); blocks are allocated when the pages are
 * written out, a whole run of dirty pages at once, so a large file gets few extents and large bios. The data of blocks that a transaction
 * allocates is on its way before the handle ends and is waited for by the commit (ordered mode), so no crash shows stale blocks. The size on
 * disk (disksize) follows the blocks.
 *
 * Order in writepages: pages are locked, then the handle begins, then pages are marked under write-back and mapped; no page is ever locked
 * under a handle. A file system with blocks smaller than a page goes page by page and waits; it is for small images. There page->private
 * also says which blocks of the page were written to, so that holes beside them stay holes (struct promise).
 * Invariants: a dirty page either has its blocks or a promise (PG_private); a promise is given back when the page is allocated,
 * truncated or dropped. Blocks of a dirty page that were not written to (its edge may have been zeroed) are written if they are there.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/rmap.h"
#include "kernel/sched/task.h"

/* ---- reading ---- */

/* A page with blocks smaller than it: each piece by itself, waiting. */
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
	if (err)
		SetPageError(p);
	else
		SetPageUptodate(p);
	unlock_page(p);
	return err;
}

/* Reads locked pages [0, n) of consecutive indices: one bio for what is contiguous on disk. */
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

/* @n bytes of the page came from the inode; what is behind the end of the file is zero. */
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
	if (inode->i_sb->s_blocksize < PAGE_SIZE)
		return read_pieces(inode, page);
	return read_pages(inode, &page, 1);
}

/* Blocks that lie in an image which is mapped directly need not be read: only whole pages can be mapped. */
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
		return; /* page by page */
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

/* ---- promises ---- */

static u32 blocks_per_page(const struct inode *inode)
{
	return (u32)(PAGE_SIZE >> inode->i_blkbits);
}

/* page->private under PG_private, under the page lock: blocks that are promised, and a bit for each block that was written to. */
#define PROMISE_MASK 0xffUL
#define PROMISE_SHIFT 8

/* The page's promise goes over to the caller, who gives it back: how many blocks. @mask: which blocks were written to. */
static u32 take_promise(struct page *p, u8 *mask)
{
	u64 v = PagePrivate(p) ? p->private : 0;

	*mask = (u8)(v & PROMISE_MASK);
	if (!v)
		return 0;
	p->private = 0;
	ClearPagePrivate(p);
	return (u32)(v >> PROMISE_SHIFT);
}

static void give_back(struct inode *inode, u32 blocks)
{
	if (!blocks)
		return;
	__atomic_sub_fetch(&EXT4_I(inode)->delayed, blocks, __ATOMIC_RELAXED);
	ext4_unreserve(EXT4_SB(inode->i_sb), blocks);
}

static void drop_promise(struct page *p)
{
	u8 mask;

	give_back(p->mapping->host, take_promise(p, &mask));
}

/* How many of the page's blocks in @mask are not there (neither written nor preallocated). */
static int count_missing(struct inode *inode, struct page *p, u8 mask, u32 *missing)
{
	u32 per = blocks_per_page(inode), i;
	int err = 0;

	*missing = 0;
	down_read(&EXT4_I(inode)->i_data_sem);
	for (i = 0; i < per && !err; i++) {
		struct ext4_map m = { .lblk = (u32)(p->index * per + i), .len = 1 };

		if (!(mask & 1U << i))
			continue;
		err = ext4_map_blocks(inode, &m);
		*missing += !m.pblk;
	}
	up_read(&EXT4_I(inode)->i_data_sem);
	return err;
}

/* The blocks of bytes [from, to) of a page. */
static u8 blocks_mask(const struct inode *inode, u32 from, u32 to)
{
	u32 first = from >> inode->i_blkbits,
	    end = (to + (1U << inode->i_blkbits) - 1) >> inode->i_blkbits;

	return (u8)((1U << end) - (1U << first));
}

/* Bytes [from, to) of a locked page are about to be dirtied: 0, or -ENOSPC when their blocks could not be had later. */
static int promise(struct inode *inode, struct page *p, u32 from, u32 to)
{
	u64 have = PagePrivate(p) ? p->private : 0;
	u8 mask = blocks_mask(inode, from, to) & ~(u8)(have & PROMISE_MASK);
	u32 missing;
	int err;

	if (!mask || (PageDirty(p) && blocks_per_page(inode) == 1))
		return 0;
	if (p->index >= ext4_max_blocks(inode) / blocks_per_page(inode))
		return -EFBIG;
	err = count_missing(inode, p, mask, &missing);
	if (err || (!missing && blocks_per_page(inode) == 1))
		return err;
	err = missing ? ext4_reserve(EXT4_SB(inode->i_sb), missing) : 0;
	if (err)
		return err;
	p->private = have + ((u64)missing << PROMISE_SHIFT | mask);
	SetPagePrivate(p);
	__atomic_add_fetch(&EXT4_I(inode)->delayed, missing, __ATOMIC_RELAXED);
	return 0;
}

/*
 * The file is about to grow beyond the page that its end lies in: who writes to that page through a mapping must ask again, since only the
 * blocks up to the old end are promised.
 */
void ext4_end_moves(struct inode *inode)
{
	u64 size = (u64)i_size_read(inode);

	if (blocks_per_page(inode) > 1 && size & (PAGE_SIZE - 1))
		mapping_wrprotect_range(inode->i_mapping, size >> PAGE_SHIFT, size >> PAGE_SHIFT);
}

/* ---- writing into the cache ---- */

static int ext4_write_begin(struct file *file, struct address_space *m, loff_t pos, u32 len,
	struct page **page, void **fsdata)
{
	struct inode *inode = m->host;
	u64 index = (u64)pos >> PAGE_SHIFT;
	u32 off = (u32)((u64)pos & (PAGE_SIZE - 1));
	struct page *p;
	int err;

	if (inode->i_sb->s_flags & SB_RDONLY)
		return -EROFS;
	for (;;) {
		p = grab_cache_page(m, index);
		if (!p)
			return -ENOMEM;
		p = cache_page_own(p);
		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		if (PageUptodate(p) || len == PAGE_SIZE)
			break;
		if ((u64)i_size_read(inode) <= index << PAGE_SHIFT ||
			(!off && pos + len >= i_size_read(inode))) {
			/* nothing of the file's is in the rest of the page */
			memset(page_address(p), 0, off);
			memset((u8 *)page_address(p) + off + len, 0, PAGE_SIZE - off - len);
			break;
		}
		unlock_page(p);
		put_page(p);
		p = read_cache_page(m, index, file);
		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		put_page(p);
	}
	wait_on_page_writeback(p);
	err = promise(inode, p, off, off + len);
	if (err) {
		unlock_page(p);
		put_page(p);
		return err;
	}
	*page = p;
	return 0;
}

static int ext4_write_end(struct file *file, struct address_space *m, loff_t pos, u32 len,
	u32 copied, struct page *page, void *fsdata)
{
	struct inode *inode = m->host;

	if (copied < len && !PageUptodate(page)) {
		if (!PageDirty(page))
			drop_promise(page);
		copied = 0; /* the rest of the page is not there: do it again */
	}
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

/* The page comes unlocked and goes back locked; the fault looks whether it was truncated meanwhile. */
static int ext4_page_mkwrite(struct file *file, struct page *page)
{
	struct inode *inode = file->f_mapping->host;
	u64 start = page->index << PAGE_SHIFT, size;
	int err;

	if (inode->i_sb->s_flags & SB_RDONLY)
		return -EROFS;
	file_update_time(file);
	lock_page(page);
	size = (u64)i_size_read(inode);
	if (page->mapping != &inode->i_data || start >= size)
		return 0;
	err = promise(inode, page, 0, (u32)min(size - start, PAGE_SIZE));
	if (err)
		unlock_page(page);
	return err;
}

static void ext4_invalidatepage(struct page *page, u32 offset)
{
	if (!offset)
		drop_promise(page);
}

static bool ext4_releasepage(struct page *page)
{
	return !PagePrivate(page);
}

/* ---- writing out ---- */

#define RUN_MAX 1024U

static void end_write(struct bio *bio)
{
	struct ext4_txn *txn = bio->private;
	bool failed = bio->status;
	u32 i;

	for (i = 0; i < bio->nr_vecs; i++) {
		struct page *p = bio->vec[i].page;
		u32 left = bio->vec[i].len;

		for (;; p++) {
			if (bio->status) {
				SetPageError(p);
				mapping_set_error(p->mapping, bio->status);
			}
			end_page_writeback(p);
			if (left <= PAGE_SIZE)
				break;
			left -= PAGE_SIZE;
		}
	}
	bio_put(bio);
	if (txn)
		ext4_ordered_done(txn, failed);
}

/* data=writeback: no commit waits for data, and a crash may show what a block held before. */
static void submit_run_bio(struct ext4_handle *h, struct inode *inode, struct bio *bio)
{
	bool ordered = EXT4_SB(inode->i_sb)->opt.data != EXT4_DATA_WRITEBACK;

	bio->private = ordered ? ext4_ordered_bio(h) : NULL;
	submit_bio(bio);
}

/* Pages [0, n), under write-back, onto blocks that begin at @pblk. @opf: REQ_SYNC where somebody waits. */
static int write_extent(
	struct ext4_handle *h, struct inode *inode, struct page **pages, u32 n, u64 pblk, u32 opf)
{
	struct bio *bio = NULL;
	u32 i;

	for (i = 0; i < n; i++) {
		if (bio && !bio_add_page(bio, pages[i], PAGE_SIZE, 0)) {
			submit_run_bio(h, inode, bio);
			bio = NULL;
		}
		if (!bio) {
			bio = bio_alloc(inode->i_sb->s_bdev, min(n - i, (u32)BIO_MAX_VECS),
				REQ_WRITE | opf, GFP_NOFS | __GFP_NOFAIL);
			bio->sector = (pblk + i) << (PAGE_SHIFT - SECTOR_SHIFT);
			bio->end_io = end_write;
			bio_add_page(bio, pages[i], PAGE_SIZE, 0);
		}
	}
	if (bio)
		submit_run_bio(h, inode, bio);
	return 0;
}

/*
 * Blocks for what is written, and the size on disk goes along under the same lock: a crash must not find blocks beyond it. @size: the file's
 * when write-back began. It may be cut meanwhile: then the blocks are taken away after this, and the size on disk with them.
 */
static int create_blocks(struct ext4_handle *h, struct inode *inode, struct ext4_map *m, u64 size)
{
	struct ext4_inode *ei = EXT4_I(inode);
	int err = ext4_map_create(h, inode, m, false); /* unwritten ones become written */
	u64 end = min((u64)(m->lblk + (u64)m->len) << inode->i_blkbits, size);

	if (!err && (loff_t)end > ei->disksize)
		ei->disksize = (loff_t)end;
	return err;
}

/* The block of a piece: allocated if it was written to (@wanted), else where it is, 0 for what reads as zeros. */
static int piece_block(
	struct ext4_handle *h, struct inode *inode, struct ext4_map *m, u64 size, bool wanted)
{
	int err;

	down_write(&EXT4_I(inode)->i_data_sem);
	if (wanted)
		err = create_blocks(h, inode, m, size);
	else
		err = ext4_map_blocks(inode, m);
	if (!wanted && m->unwritten)
		m->pblk = 0;
	up_write(&EXT4_I(inode)->i_data_sem);
	return err;
}

/* Pieces of a page that lie one behind the other on disk. */
struct piece_run {
	u64 pblk;
	u32 at, n;
};

static int write_piece_run(struct inode *inode, struct page *p, struct piece_run *r)
{
	u32 bs = (u32)inode->i_sb->s_blocksize, n = r->n;

	r->n = 0;
	return n ? bdev_rw(inode->i_sb->s_bdev, REQ_WRITE, r->pblk * (bs >> SECTOR_SHIFT),
			   (u8 *)page_address(p) + r->at * bs, n * bs) :
		   0;
}

/* Blocks smaller than a page: what is together on disk is written at once, and waited for. */
static int write_page_pieces(
	struct ext4_handle *h, struct inode *inode, struct page *p, u64 size, u8 mask)
{
	u32 per = blocks_per_page(inode), i;
	struct piece_run run = { 0 };
	int err = 0;

	for (i = 0; i < per && !err; i++) {
		struct ext4_map m = { .lblk = (u32)(p->index * per + i), .len = 1 };

		if (((u64)m.lblk << inode->i_blkbits) >= size)
			break;
		err = piece_block(h, inode, &m, size, mask & 1U << i);
		if (err || !m.pblk)
			continue;
		if (!run.n || m.pblk != run.pblk + run.n || i != run.at + run.n) {
			err = write_piece_run(inode, p, &run);
			run.pblk = m.pblk;
			run.at = i;
		}
		run.n++;
	}
	if (!err)
		err = write_piece_run(inode, p, &run);
	if (err)
		mapping_set_error(p->mapping, err);
	end_page_writeback(p);
	return err;
}

/* The size on disk follows what has blocks now. */
static void advance_disksize(struct ext4_handle *h, struct inode *inode, u64 end)
{
	struct ext4_inode *ei = EXT4_I(inode);
	loff_t size = (loff_t)min_t(u64, end, (u64)i_size_read(inode));

	down_write(&ei->i_data_sem);
	if (size > ei->disksize)
		ei->disksize = size;
	up_write(&ei->i_data_sem);
	if (ext4_inode_differs(inode)) /* blocks that were there already need no transaction */
		ext4_write_inode_raw(h, inode);
}

static void fail_pages(struct page **pages, u32 n, int err)
{
	while (n--) {
		SetPageError(*pages);
		mapping_set_error((*pages)->mapping, err);
		end_page_writeback(*pages++);
	}
}

/* Allocates and writes a run of pages under write-back, within the handle; @size: the file's when they came under it. */
static int write_run(struct ext4_handle *h, struct inode *inode, struct page **pages, u32 n,
	u64 size, const u8 *masks, u32 opf)
{
	u64 end = (pages[n - 1]->index + 1) << PAGE_SHIFT;
	u32 i = 0;
	int err = n == 1 || ext4_is_inline(inode) ?
			  ext4_inline_write(
				  h, inode, n == 1 ? pages[0]->index : 1, page_address(pages[0])) :
			  -ENOSPC;

	if (!err) {
		end_page_writeback(pages[0]);
		return 0;
	}
	err = err == -ENOSPC ? 0 : err;
	while (i < n && !err) {
		struct ext4_map m = { .lblk = (u32)pages[i]->index, .len = n - i };

		if (blocks_per_page(inode) > 1) {
			err = write_page_pieces(h, inode, pages[i], size, masks[i]);
			i++;
			continue;
		}
		down_write(&EXT4_I(inode)->i_data_sem);
		err = create_blocks(h, inode, &m, size);
		up_write(&EXT4_I(inode)->i_data_sem);
		if (err)
			break;
		write_extent(h, inode, pages + i, m.len, m.pblk, opf);
		i += m.len;
	}
	if (err) {
		if (i < n)
			end = pages[i]->index << PAGE_SHIFT;
		printk(KERN_ERR "EXT4-fs (%s): inode %lu: write-back failed (%d): data is lost\n",
			inode->i_sb->s_id, inode->i_ino, err);
		fail_pages(pages + i, n - i, err);
	}
	advance_disksize(h, inode, end);
	return err;
}

/* Locked dirty pages with consecutive indices, from the first dirty one on; how many. */
static u32 collect(struct address_space *m, struct writeback_control *wbc, u64 *index, u64 end,
	struct page **pages)
{
	u32 n = 0;

	while (n < RUN_MAX && *index <= end) {
		u64 want = *index;
		struct page *p = n ? find_get_page(m, want) : next_dirty_page(m, index, end);

		if (!p)
			break;
		if (n && (!PageDirty(p) || PageWriteback(p) || !trylock_page(p))) {
			put_page(p);
			break;
		}
		if (!n)
			lock_page(p);
		if (p->mapping != m || !PageDirty(p) || (PageWriteback(p) && !wbc->sync)) {
			unlock_page(p);
			put_page(p);
			if (n)
				break;
			continue;
		}
		if (!n)
			wait_on_page_writeback(p);
		pages[n++] = p;
		*index = p->index + 1;
	}
	return n;
}

/* The part of the last page beyond the end of the file is zeroed: a mapping may have written there. */
static void zero_tail(struct inode *inode, struct page *p)
{
	u64 size = (u64)i_size_read(inode);

	if (p->index == size >> PAGE_SHIFT && size & (PAGE_SIZE - 1))
		memset((u8 *)page_address(p) + (size & (PAGE_SIZE - 1)), 0,
			PAGE_SIZE - (size & (PAGE_SIZE - 1)));
}

/*
 * From locked to under write-back; pages beyond the end of the file are just clean. How many are left. Their promises (*promised blocks) hold
 * until the blocks are allocated, or a writer would be promised the same blocks in between.
 */
static u32 begin_writeback(
	struct inode *inode, struct page **pages, u32 n, u32 *promised, u8 *masks)
{
	u64 nr_pages = DIV_ROUND_UP((u64)i_size_read(inode), PAGE_SIZE);
	u32 kept = 0, i;

	for (i = 0; i < n; i++) {
		struct page *p = pages[i];

		if (p->index >= nr_pages || !clear_page_dirty_for_io(p)) {
			unlock_page(p);
			put_page(p);
			continue;
		}
		zero_tail(inode, p);
		set_page_writeback(p);
		*promised += take_promise(p, &masks[kept]);
		unlock_page(p);
		pages[kept++] = p;
	}
	return kept;
}

static void unlock_all(struct page **pages, u32 n)
{
	while (n--) {
		unlock_page(*pages);
		put_page(*pages++);
	}
}

/* Will the size on disk change when the pages up to the one at @index have been written? */
static bool grows(struct inode *inode, u64 index)
{
	u64 end = min((index + 1) << PAGE_SHIFT, (u64)i_size_read(inode));

	return end > (u64)READ_ONCE(EXT4_I(inode)->disksize);
}

static int write_collected(struct inode *inode, struct page **pages, u32 n, u8 *masks, u32 opf)
{
	struct ext4_handle *h =
		ext4_start(inode->i_sb, 2 * EXT4_ALLOC_CREDITS + n / 64 + EXT4_INODE_CREDITS);
	u64 size = (u64)i_size_read(inode);
	u32 i, kept, promised = 0;
	int err = 0;

	if (IS_ERR(h)) {
		err = (int)PTR_ERR(h);
		mapping_set_error(inode->i_mapping, err);
		for (i = 0; i < n; i++) /* aborted: the data can go nowhere any more */
			if (err == -EROFS && clear_page_dirty_for_io(pages[i]))
				drop_promise(pages[i]);
		unlock_all(pages, n);
		return err;
	}
	/*
	 * Before a page is seen under write-back: an fsync that waits for it must wait for this transaction as well. New blocks are noted by
	 * ext4_map_create(), before their bio goes; a write within the file's own blocks needs no transaction.
	 */
	if (grows(inode, pages[n - 1]->index))
		ext4_note_change(h, inode);
	kept = begin_writeback(inode, pages, n, &promised, masks);
	if (kept)
		err = write_run(h, inode, pages, kept, size, masks, opf);
	give_back(inode, promised);
	ext4_stop(h);
	for (i = 0; i < kept; i++)
		put_page(pages[i]);
	return err;
}

/*
 * The file was removed meanwhile and nobody else has it: what is dirty goes with it, as soon as the caller lets go. Asked by the
 * flusher, which has a reference of its own; who waits (wbc->sync) may have the file open, and that is the one reference.
 */
static bool only_writeback_left(const struct inode *inode)
{
	return !inode->i_nlink && atomic_read(&inode->i_count) == 1;
}

static int ext4_writepages(struct address_space *m, struct writeback_control *wbc)
{
	struct inode *inode = m->host;
	u64 index = wbc->start >> PAGE_SHIFT, end = wbc->end >> PAGE_SHIFT;
	struct page **pages = kmalloc(RUN_MAX * (sizeof(pages[0]) + 1), GFP_NOFS | __GFP_NOFAIL);
	u8 *masks = (u8 *)(pages + RUN_MAX);
	int err = 0, r;

	while (wbc->nr_to_write && (wbc->sync || !only_writeback_left(inode))) {
		u32 n = collect(m, wbc, &index, end, pages);

		if (!n)
			break;
		r = write_collected(inode, pages, n, masks, wbc->sync ? REQ_SYNC : 0);
		err = err ? err : r;
		wbc->nr_to_write -= min((u64)n, wbc->nr_to_write);
		cond_resched();
	}
	kfree(pages);
	return err;
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
