/* SPDX-License-Identifier: MIT */
/*
 * writepages.c: writeback of files: allocates blocks for runs of dirty pages and writes them in
 * large bios.
 *
 * The data of blocks that a transaction allocates is submitted before the handle ends, and the
 * commit waits for it (ordered mode), so no crash shows stale blocks. The size on disk (disksize)
 * follows the blocks.
 *
 * Order: pages are locked, then the handle begins, then the pages are put under writeback and
 * mapped to blocks. No page is ever locked under a handle. A file system with blocks smaller than a
 * page is written page by page, with a wait for each, since only small images have such blocks.
 * Blocks of a dirty page that were not written to (the page's edge may have been zeroed) are
 * written if they are allocated.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

/*
 * Largest run, in pages. The arrays of such a run fit into a page, so that fragmented memory does
 * not stop writeback.
 */
#define RUN_MAX 448U

/* Logs and counts the pages that writeback could not write. */
static void log_lost_pages(const struct bio *bio)
{
	struct inode *inode = bio->vec[0].page->mapping->host;
	u64 block = (bio->sector - bio->part->start) >> (inode->i_blkbits - SECTOR_SHIFT);

	bio_lost(bio);
	if (may_log(&EXT4_SB(inode->i_sb)->lost_limit, ktime_get(), "ext4_end_bio"))
		printk(KERN_WARNING "EXT4-fs warning (device %s): I/O error %d writing to inode "
				    "%lu starting block %lu\n",
			inode->i_sb->s_id, bio->status, inode->i_ino, (unsigned long)block);
}

/* Ends writeback of the bio's pages, with its error. */
static void end_pages(const struct bio *bio)
{
	u32 i;

	if (bio->status)
		log_lost_pages(bio);
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
}

static void end_write(struct bio *bio)
{
	struct ext4_txn *txn = bio->private;
	bool failed = bio->status;

	end_pages(bio);
	bio_put(bio);
	if (txn)
		ext4_ordered_done(txn, failed);
}

/*
 * Ends a write to new blocks as end_write() does. After an error, also records the blocks, which
 * must be zeroed (lost.c).
 */
static void end_fresh_write(struct bio *bio)
{
	struct ext4_txn *txn = bio->private;

	if (!bio->status) {
		end_write(bio);
		return;
	}
	/* A later writer of these pages must find the lost blocks recorded. */
	ext4_lost_begin(txn);
	end_pages(bio);
	ext4_lost_end(txn, bio);
	ext4_ordered_done(txn, true);
}

/*
 * Submits a bio of data. With data=writeback no commit waits for it, so a crash may expose a
 * block's old content.
 */
static void submit_run_bio(struct ext4_handle *h, struct inode *inode, struct bio *bio, bool fresh)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	bool ordered = sbi->opt.data != EXT4_DATA_WRITEBACK;

	bio->private = ordered ? ext4_ordered_bio(h) : NULL;
	bio->end_io = fresh && ext4_hides_lost(sbi) ? end_fresh_write : end_write;
	submit_bio(bio);
}

/*
 * Writes pages, which are under writeback, to the blocks of @m. @opf: REQ_SYNC if a task waits for
 * the write.
 */
static void write_extent(struct ext4_handle *h, struct inode *inode, struct page **pages,
	const struct ext4_map *m, u32 opf)
{
	struct bio *bio = NULL;
	u32 i;

	for (i = 0; i < m->len; i++) {
		if (bio && !bio_add_page(bio, pages[i], PAGE_SIZE, 0)) {
			submit_run_bio(h, inode, bio, m->fresh);
			bio = NULL;
		}
		if (!bio) {
			bio = bio_alloc(inode->i_sb->s_bdev, min(m->len - i, (u32)BIO_SURE_VECS),
				REQ_WRITE | opf, GFP_NOFS | __GFP_NOFAIL);
			bio->sector = (m->pblk + i) << (PAGE_SHIFT - SECTOR_SHIFT);
			bio_add_page(bio, pages[i], PAGE_SIZE, 0);
		}
	}
	if (bio)
		submit_run_bio(h, inode, bio, m->fresh);
}

/*
 * Allocates blocks for the pages and sets the size on disk under one hold of i_data_sem, since a
 * crash must not find blocks beyond the size. @size: the file's size when writeback began. If the
 * file was truncated meanwhile, the truncation frees the blocks after this, and sets the size on
 * disk. Returns 0 or -errno.
 */
static int create_blocks(struct ext4_handle *h, struct inode *inode, struct ext4_map *m, u64 size)
{
	struct ext4_inode *ei = EXT4_I(inode);
	int err = ext4_map_create(h, inode, m, false); /* also makes unwritten blocks written */
	u64 end = min((u64)(m->lblk + (u64)m->len) << inode->i_blkbits, size);

	if (!err && (loff_t)end > ei->disksize)
		ei->disksize = (loff_t)end;
	return err;
}

/*
 * Finds the block of a piece of a page (a piece is as large as a block). @wanted: the piece was
 * written to, so a missing block is allocated. Otherwise m->pblk becomes 0 if the piece reads as
 * zeros. Returns 0 or -errno.
 */
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

/*
 * Consecutive pieces of a page whose blocks are contiguous on disk. at: the first piece; n: their
 * number.
 */
struct piece_run {
	u64 pblk;
	u32 at, n;
	bool fresh;
};

/*
 * Writes a run of pieces. After an earlier error @err writes nothing, but zeroes new blocks, so
 * that they do not show their old content. Returns 0 or -errno.
 */
static int write_piece_run(struct inode *inode, struct page *p, struct piece_run *r, int err)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u32 bs = sbi->block_size, n = r->n;
	sector_t at = r->pblk * (bs >> SECTOR_SHIFT);

	r->n = 0;
	if (!n)
		return err;
	if (!err)
		err = bdev_rw(inode->i_sb->s_bdev, REQ_WRITE, at,
			(u8 *)page_address(p) + r->at * bs, n * bs);
	if (err && r->fresh && ext4_hides_lost(sbi))
		ext4_zero_lost(sbi, inode->i_sb->s_bdev, at, n * (bs >> SECTOR_SHIFT));
	return err;
}

/*
 * Writes a page that consists of several blocks, and waits. Pieces that are contiguous on disk are
 * written in one request. Returns 0 or -errno.
 */
static int write_page_pieces(
	struct ext4_handle *h, struct inode *inode, struct page *p, u64 size, u8 mask)
{
	u32 per = ext4_blocks_per_page(inode), i;
	struct piece_run run = { 0 };
	int err = 0;

	for (i = 0; i < per && !err; i++) {
		struct ext4_map m = { .lblk = (u32)(p->index * per + i), .len = 1 };

		if (((u64)m.lblk << inode->i_blkbits) >= size)
			break;
		err = piece_block(h, inode, &m, size, mask & 1U << i);
		if (err || !m.pblk)
			continue;
		if (!run.n || m.pblk != run.pblk + run.n || i != run.at + run.n ||
			m.fresh != run.fresh) {
			err = write_piece_run(inode, p, &run, 0);
			run.pblk = m.pblk;
			run.at = i;
			run.fresh = m.fresh;
		}
		run.n++;
	}
	err = write_piece_run(inode, p, &run, err);
	if (err) {
		mapping_set_error(p->mapping, err);
		bdev_lost(inode->i_sb->s_bdev, PAGE_SIZE, err);
	}
	end_page_writeback(p);
	return err;
}

/* Moves the size on disk up to @end. All written bytes below @end have blocks now. */
static void advance_disksize(struct ext4_handle *h, struct inode *inode, u64 end)
{
	struct ext4_inode *ei = EXT4_I(inode);
	loff_t size;

	down_write(&ei->i_data_sem);
	/*
	 * A truncation does not wait for these pages, since they are already written. It changes
	 * i_size first and then sets disksize under i_data_sem. So i_size is read under that lock:
	 * it is the new size, or the truncation sets disksize afterwards.
	 */
	size = (loff_t)min_t(u64, end, (u64)i_size_read(inode));
	if (size > ei->disksize)
		ei->disksize = size;
	up_write(&ei->i_data_sem);
	/* Overwriting existing blocks needs no transaction. */
	if (ext4_inode_differs(inode))
		ext4_write_inode_raw(h, inode);
}

/* Ends writeback of @n pages with the error @err. */
static void fail_pages(struct page **pages, u32 n, int err)
{
	while (n--) {
		SetPageError(*pages);
		mapping_set_error((*pages)->mapping, err);
		end_page_writeback(*pages++);
	}
}

/*
 * Allocates blocks for a run of pages that are under writeback, and writes them, within the handle.
 * @size: the file's size when their writeback began. Returns 0 or -errno.
 */
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
	ext4_settle_lost(EXT4_SB(inode->i_sb));
	while (i < n && !err) {
		struct ext4_map m = { .lblk = (u32)pages[i]->index, .len = n - i };

		if (ext4_blocks_per_page(inode) > 1) {
			err = write_page_pieces(h, inode, pages[i], size, masks[i]);
			i++;
			continue;
		}
		down_write(&EXT4_I(inode)->i_data_sem);
		err = create_blocks(h, inode, &m, size);
		up_write(&EXT4_I(inode)->i_data_sem);
		if (err)
			break;
		write_extent(h, inode, pages + i, &m, opf);
		i += m.len;
	}
	if (err) {
		if (i < n)
			end = pages[i]->index << PAGE_SHIFT;
		printk(KERN_ERR "EXT4-fs (%s): inode %lu: write-back failed (%d): data is lost\n",
			inode->i_sb->s_id, inode->i_ino, err);
		if (err == -EIO)
			bdev_lost(inode->i_sb->s_bdev, (u64)(n - i) << PAGE_SHIFT, err);
		fail_pages(pages + i, n - i, err);
	}
	advance_disksize(h, inode, end);
	return err;
}

/*
 * Locks dirty pages with consecutive indexes, from the first dirty page at or after *index on, and
 * stores them in @pages with a reference each. Moves *index behind them. Returns their number, at
 * most RUN_MAX.
 */
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

/*
 * Zeroes the bytes beyond the end of the file if @p has the end. A mapping may have written there.
 */
static void zero_tail(struct inode *inode, struct page *p)
{
	u64 size = (u64)i_size_read(inode);

	if (p->index == size >> PAGE_SHIFT && size & (PAGE_SIZE - 1))
		memset((u8 *)page_address(p) + (size & (PAGE_SIZE - 1)), 0,
			PAGE_SIZE - (size & (PAGE_SIZE - 1)));
}

/*
 * Puts locked pages under writeback and unlocks them. A page beyond the end of the file stays
 * dirty: the truncation that moved the end drops it. Returns how many pages are under writeback,
 * and moves them to the front of @pages. *promised: their reservations, in blocks, which are kept
 * until blocks are allocated. Otherwise another writer could take the blocks meanwhile.
 */
static u32 begin_writeback(
	struct inode *inode, struct page **pages, u32 n, u32 *promised, u8 *masks)
{
	u64 nr_pages = DIV_ROUND_UP((u64)i_size_read(inode), PAGE_SIZE);
	u32 kept = 0, i;

	for (i = 0; i < n; i++) {
		struct page *p = pages[i];

		if (p->index >= nr_pages || !PageDirty(p)) {
			unlock_page(p);
			put_page(p);
			continue;
		}
		/*
		 * Set before the page becomes clean, so that an fsync that finds it clean finds it
		 * under writeback.
		 */
		set_page_writeback(p);
		clear_page_dirty_for_io(p);
		zero_tail(inode, p);
		*promised += ext4_take_promise(p, &masks[kept]);
		unlock_page(p);
		pages[kept++] = p;
	}
	return kept;
}

/* Unlocks the pages, and drops the references to them. */
static void unlock_all(struct page **pages, u32 n)
{
	while (n--) {
		unlock_page(*pages);
		put_page(*pages++);
	}
}

/* True if writing the pages up to the one at @index will change the size on disk. */
static bool grows(struct inode *inode, u64 index)
{
	u64 end = min((index + 1) << PAGE_SHIFT, (u64)i_size_read(inode));

	return end > (u64)READ_ONCE(EXT4_I(inode)->disksize);
}

/*
 * Writes @n locked pages, and drops the references to them. Opens a handle. @masks: memory for @n
 * bytes. Returns 0 or -errno.
 */
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
		/*
		 * The journal is aborted, or the file system shut down, so the data can never be
		 * written.
		 */
		for (i = 0; i < n; i++)
			if ((err == -EROFS || ext4_alive(EXT4_SB(inode->i_sb))) &&
				clear_page_dirty_for_io(pages[i])) {
				ext4_drop_promise(pages[i]);
				if (ext4_lost_by_disk(EXT4_SB(inode->i_sb)))
					bdev_lost(inode->i_sb->s_bdev, PAGE_SIZE, err);
			}
		unlock_all(pages, n);
		return err;
	}
	/*
	 * Noted before a page is under writeback: an fsync that waits for the page must wait for
	 * this transaction too. For new blocks, ext4_map_create() notes it before their bio is
	 * submitted. Overwriting existing blocks needs no transaction.
	 */
	if (grows(inode, pages[n - 1]->index))
		ext4_note_change(h, inode);
	kept = begin_writeback(inode, pages, n, &promised, masks);
	if (kept)
		err = write_run(h, inode, pages, kept, size, masks, opf);
	ext4_give_back(inode, promised);
	ext4_stop(h);
	for (i = 0; i < kept; i++)
		put_page(pages[i]);
	return err;
}

int ext4_writepages(struct address_space *m, struct writeback_control *wbc)
{
	struct inode *inode = m->host;
	u64 index = wbc->start >> PAGE_SHIFT, end = wbc->end >> PAGE_SHIFT;
	struct page **pages = kmalloc(RUN_MAX * (sizeof(pages[0]) + 1), GFP_NOFS | __GFP_NOFAIL);
	u8 *masks = (u8 *)(pages + RUN_MAX);
	int err = 0, r;

	while (wbc->nr_to_write && (wbc->sync || !inode_only_flushed(inode))) {
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
