/* SPDX-License-Identifier: MIT */
/*
 * file.c: the contents of files.
 *
 * A file consists of blocks of block_size bytes (before compression), one after the other on disk,
 * and a tail end that may lie in a fragment, a block that several files share. The list of the
 * blocks' lengths on disk follows the inode, 0 for a hole. A block begins at the sum of the lengths
 * before it. struct sqfs_list holds the part of the list that was used last, and for each part that
 * was already read the sum at its beginning. So finding a block there reads at most one part.
 *
 * Reading decompresses whole blocks: a request for one page reads all missing pages of its block.
 * They are decompressed straight into their frames if these are contiguous (page_cache_alloc_run()
 * tries to allocate them so), otherwise through a work space. Read-ahead is rounded to blocks.
 * Readers on several vCPUs decompress at the same time.
 *
 * Locks: list_lock, inside it only locks for metadata. A task that fills pages holds their page
 * locks, and waits for no other page.
 */
#include <asm/errno.h>

#include "kernel/fs/squashfs/squashfs.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/libfs.h"

#define PART 512U /* lengths in one part of the list */
#define MAX_BLOCK_PAGES (1U << (SQFS_MAX_LOG - PAGE_SHIFT))

struct sqfs_mark {
	struct sqfs_cursor c; /* position of the part's first length */
	u64 pos;              /* position of its first block */
};
struct sqfs_list {
	struct sqfs_mark *marks; /* of the parts 0..nr_marks - 1 */
	u64 nr_marks, room;      /* room: of @marks */
	u64 part;                /* number of the part in @sizes, or ~0 */
	u32 n;
	__le32 sizes[]; /* @n lengths of blocks on disk */
};

/* ---- the list ---- */

u64 sqfs_nr_blocks(const struct sqfs_inode *si)
{
	const struct sqfs_sb *s = SQFS_SB(si->vfs.i_sb);
	u64 size = (u64)si->vfs.i_size;

	return (size >> s->block_log) + (!si->has_fragment && size & (s->block_size - 1));
}

void sqfs_list_free(struct sqfs_list *l)
{
	if (l)
		kfree(l->marks);
	kfree(l);
}

/* Makes the file's list, with the mark of part 0. Returns NULL if memory is short. */
static struct sqfs_list *list_new(struct sqfs_sb *s, struct sqfs_inode *si)
{
	u32 n = (u32)min_t(u64, sqfs_nr_blocks(si), PART);
	struct sqfs_list *l = kzalloc(sizeof(*l) + n * sizeof(l->sizes[0]), GFP_NOFS);

	if (!l)
		return NULL;
	l->room = 4;
	l->marks = kmalloc(l->room * sizeof(l->marks[0]), GFP_NOFS);
	if (!l->marks) {
		kfree(l);
		return NULL;
	}
	l->marks[0].c = (struct sqfs_cursor){
		.block = si->more_block, .offset = si->more_offset, .end = s->directory_table
	};
	l->marks[0].pos = si->start;
	l->nr_marks = 1;
	l->part = ~0UL;
	return l;
}

static int add_mark(struct sqfs_list *l, const struct sqfs_mark *m)
{
	if (l->nr_marks == l->room) {
		struct sqfs_mark *more = krealloc(l->marks, 2 * l->room * sizeof(*m), GFP_NOFS);

		if (!more)
			return -ENOMEM;
		l->marks = more;
		l->room *= 2;
	}
	l->marks[l->nr_marks++] = *m;
	return 0;
}

/* Returns the block's length in bytes. @size: as in the list. */
static u32 disk_length(u32 size)
{
	return size & ~SQFS_BLOCK_PLAIN;
}

/*
 * Loads part @part of the list, whose mark is known, into l->sizes, and adds the mark of the next
 * part. Returns 0 or -errno.
 */
static int load_part(struct sqfs_sb *s, struct sqfs_inode *si, struct sqfs_list *l, u64 part)
{
	struct sqfs_mark m = l->marks[part];
	u32 n = (u32)min_t(u64, sqfs_nr_blocks(si) - part * PART, PART), i;
	int err;

	l->part = ~0UL;
	err = sqfs_read(s, &m.c, l->sizes, n * sizeof(l->sizes[0]));
	if (err)
		return err;
	for (i = 0; i < n;
		/* a sum that wraps does no harm: sqfs_decode_data() checks each block */
		i++)
		m.pos += disk_length(l->sizes[i]);
	if (m.pos > s->bytes_used)
		return sqfs_error(s, "a file goes beyond the end", si->vfs.i_ino);
	l->part = part;
	l->n = n;
	return part + 1 == l->nr_marks ? add_mark(l, &m) : 0;
}

/*
 * Finds the position of block @block on the device, and its length as in the list (0: hole).
 * Returns 0 or -errno.
 */
static int find_block(struct sqfs_inode *si, u64 block, u64 *pos, u32 *size)
{
	struct sqfs_sb *s = SQFS_SB(si->vfs.i_sb);
	u64 part = block / PART, i;
	struct sqfs_list *l;
	int err = 0;

	mutex_lock(&si->list_lock);
	if (!si->list)
		si->list = list_new(s, si);
	l = si->list;
	if (!l)
		err = -ENOMEM;
	while (!err && l->nr_marks <= part) {
		err = load_part(s, si, l, l->nr_marks - 1);
		cond_resched();
	}
	if (!err && l->part != part)
		err = load_part(s, si, l, part);
	if (!err) {
		*pos = l->marks[part].pos;
		for (i = 0; i < block % PART; i++)
			*pos += disk_length(l->sizes[i]);
		*size = l->sizes[block % PART];
	}
	mutex_unlock(&si->list_lock);
	return err;
}

/* ---- pages ---- */

/*
 * The pages of one block that are to be filled. NULL stands for a page that is already cached or
 * that another task fills.
 */
struct block_pages {
	u64 first; /* page index */
	u32 n;
	struct page *page[MAX_BLOCK_PAGES];
};

/* Returns how many bytes of the file are in block @block. */
static u32 block_bytes(const struct sqfs_inode *si, u64 block)
{
	const struct sqfs_sb *s = SQFS_SB(si->vfs.i_sb);

	return (u32)min_t(u64, (u64)si->vfs.i_size - (block << s->block_log), s->block_size);
}

/* Fills a page with @n bytes (@from NULL: they are there already) and zeros, and unlocks it. */
static void finish(struct page *p, const u8 *from, u32 n)
{
	u8 *to = page_address(p);

	if (from)
		memcpy(to, from, n);
	memset(to + n, 0, PAGE_SIZE - n);
	SetPageUptodate(p);
	unlock_page(p);
}

/*
 * Fills the pages with @n bytes from @from and the rest with zeros, marks them as up to date and
 * unlocks them. @from NULL: the @n bytes are already in the pages.
 */
static void deal_out(struct block_pages *bp, const u8 *from, u32 n)
{
	u32 i;

	for (i = 0; i < bp->n; i++) {
		u32 off = i << PAGE_SHIFT, part = off < n ? min_t(u32, n - off, PAGE_SIZE) : 0;

		if (bp->page[i])
			finish(bp->page[i], part && from ? from + off : NULL, part);
	}
}

/* Unlocks the pages after an error. */
static void deal_error(struct block_pages *bp)
{
	u32 i;

	for (i = 0; i < bp->n; i++)
		if (bp->page[i]) {
			SetPageError(bp->page[i]);
			unlock_page(bp->page[i]);
		}
}

/*
 * Returns the address of all pages' frames if they are contiguous and no page is missing, else
 * NULL.
 */
static u8 *one_piece(const struct block_pages *bp)
{
	u8 *base = bp->page[0] ? page_address(bp->page[0]) : NULL;
	u32 i;

	for (i = 1; base && i < bp->n; i++)
		if (!bp->page[i] || (u8 *)page_address(bp->page[i]) != base + (i << PAGE_SHIFT))
			return NULL;
	return base;
}

/*
 * Fill the pages with the @n bytes of the block, and unlock them. Return 0, or -errno with the
 * pages still locked.
 */
static int fill_from_fragment(struct sqfs_inode *si, struct block_pages *bp, u32 n)
{
	struct sqfs_sb *s = SQFS_SB(si->vfs.i_sb);
	struct sqfs_cached *b = sqfs_fragment_get(s, si->fragment_pos, si->fragment_size);
	int err = 0;

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	if (si->offset > b->len || n > b->len - si->offset)
		err = sqfs_error(s, "a file goes beyond its fragment", si->vfs.i_ino);
	else
		deal_out(bp, b->data + si->offset, n);
	sqfs_cached_put(&s->fragment, b);
	return err;
}

static int fill_from_block(struct sqfs_inode *si, struct block_pages *bp, u64 pos, u32 size, u32 n)
{
	struct sqfs_sb *s = SQFS_SB(si->vfs.i_sb);
	struct sqfs_space *w = sqfs_space_get(s);
	u8 *direct = one_piece(bp);
	long r = sqfs_decode_data(s, w, pos, size, direct ? direct : w->out, n);

	if (r >= 0 && r != n)
		r = sqfs_error(s, "a block has another length than its file says", si->vfs.i_ino);
	if (r >= 0)
		deal_out(bp, direct ? NULL : w->out, n);
	sqfs_space_put(s, w);
	return r < 0 ? (int)r : 0;
}

/* Fills and unlocks the locked pages of block @block. Returns 0 or -errno. */
static int fill_pages(struct sqfs_inode *si, struct block_pages *bp, u64 block)
{
	u32 n = block_bytes(si, block), size = 0;
	u64 pos;
	int err;

	if (block >= sqfs_nr_blocks(si)) {
		err = fill_from_fragment(si, bp, n);
	} else {
		err = find_block(si, block, &pos, &size);
		if (!err && !size)
			deal_out(bp, NULL, 0);
		else if (!err)
			err = fill_from_block(si, bp, pos, size, n);
	}
	if (err)
		deal_error(bp);
	return err;
}

/*
 * Adds new, locked pages for the pages of the block that are not cached. @locked, or NULL: a page
 * that the caller has already locked.
 */
static void take_pages(struct address_space *m, struct block_pages *bp, struct page *locked)
{
	u32 i = 0;

	memset(bp->page, 0, bp->n * sizeof(bp->page[0]));
	if (locked)
		bp->page[locked->index - bp->first] = locked;
	while (i < bp->n) {
		u32 end = i;

		while (end < bp->n && !bp->page[end])
			end++;
		if (end > i)
			end = i + page_cache_alloc_run(m, bp->first + i, end - i, bp->page + i);
		i = max(end, i + 1);
	}
}

/* Returns the block that has page @index. */
static u64 block_of(const struct sqfs_sb *s, u64 index)
{
	return s->block_log >= PAGE_SHIFT ? index >> (s->block_log - PAGE_SHIFT) : index;
}

/* Sets bp->first and bp->n to the pages that block @block of the file covers. */
static void set_range(struct sqfs_inode *si, struct block_pages *bp, u64 block)
{
	u32 shift = SQFS_SB(si->vfs.i_sb)->block_log - PAGE_SHIFT;

	bp->first = block << shift;
	bp->n = (block_bytes(si, block) + (u32)PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Drops the references to the pages, except to @but. */
static void put_taken(struct block_pages *bp, const struct page *but)
{
	u32 i;

	for (i = 0; i < bp->n; i++)
		if (bp->page[i] && bp->page[i] != but)
			put_page(bp->page[i]);
}

static int sqfs_readpage(struct file *file, struct page *page)
{
	struct inode *inode = page->mapping->host;
	struct sqfs_inode *si = SQFS_I(inode);
	u64 block = block_of(SQFS_SB(inode->i_sb), page->index);
	struct block_pages *bp;
	int err;

	if (page->index > ((u64)i_size_read(inode) - 1) >> PAGE_SHIFT || !i_size_read(inode)) {
		finish(page, NULL, 0);
		return 0;
	}
	bp = kmalloc(sizeof(*bp), GFP_NOFS);
	if (!bp) {
		SetPageError(page);
		unlock_page(page);
		return -ENOMEM;
	}
	set_range(si, bp, block);
	take_pages(page->mapping, bp, page);
	err = fill_pages(si, bp, block);
	put_taken(bp, page);
	kfree(bp);
	return err;
}

static void sqfs_readahead(struct address_space *m, struct file *file, u64 index, u32 nr)
{
	struct sqfs_inode *si = SQFS_I(m->host);
	struct sqfs_sb *s = SQFS_SB(m->host->i_sb);
	u64 size = (u64)i_size_read(m->host), block, last;
	struct block_pages *bp;

	if (!nr || !size || index > (size - 1) >> PAGE_SHIFT)
		return;
	last = block_of(s, min(index + nr - 1, (size - 1) >> PAGE_SHIFT));
	bp = kmalloc(sizeof(*bp), GFP_NOFS);
	if (!bp)
		return;
	for (block = block_of(s, index); block <= last; block++) {
		u32 i;

		set_range(si, bp, block);
		take_pages(m, bp, NULL);
		for (i = 0; i < bp->n && !bp->page[i]; i++)
			;
		/* The error is reported later, to the reader that needs the page. */
		if (i < bp->n && fill_pages(si, bp, block))
			last = block;
		put_taken(bp, NULL);
		cond_resched();
	}
	kfree(bp);
}

const struct address_space_operations sqfs_aops = {
	.readpage = sqfs_readpage,
	.readahead = sqfs_readahead,
};

const struct file_operations sqfs_file_fops = {
	.llseek = generic_file_llseek,
	.read_iter = generic_file_read_iter,
	.mmap = generic_file_mmap,
};
const struct inode_operations sqfs_file_iops = {
	.getxattr = sqfs_getxattr,
	.listxattr = sqfs_listxattr,
};
const struct inode_operations sqfs_symlink_iops = {
	.get_link = simple_get_link,
	.getxattr = sqfs_getxattr,
	.listxattr = sqfs_listxattr,
};
