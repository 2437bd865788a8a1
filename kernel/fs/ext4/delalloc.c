/* SPDX-License-Identifier: MIT */
/*
 * delalloc.c: delayed allocation: a page that is written to in the cache gets no blocks at first,
 * but a promise: a reservation of as many blocks. Writeback turns it into blocks.
 *
 * If PG_private is set, page->private has the number of promised blocks (under the page lock). If
 * blocks are smaller than pages, it also has a bit for each of the page's blocks that was written
 * to, so that holes beside them stay holes.
 *
 * Invariants:
 * 1. A dirty page has either its blocks or a promise. A promise is given back when the page gets
 *    its blocks, or is truncated or dropped.
 * 2. Promised (sbi->delayed) and allocated blocks never exceed the blocks of the file system, so
 *    writeback of promised pages does not fail. The nodes of their trees come from slack(), blocks
 *    that are kept back in addition to the promises.
 *
 * Lock: alloc_lock for the sum of promises.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/mm/file/rmap.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

/* ---- promises of the whole file system ---- */

/*
 * Returns how many blocks to keep back for the trees that will map @delayed promised blocks. A
 * block that is far from all others may need four new nodes: splits at three levels and one new
 * level, or as many indirect blocks of a block map. If many blocks are promised, most of them are
 * neighbours and share nodes.
 */
static u64 slack(u64 delayed)
{
	return delayed / 256 + min(4 * delayed, 64UL);
}

static bool may_use_reserve(const struct ext4_sb *sbi)
{
	return capable(CAP_SYS_RESOURCE) || current_fsuid() == sbi->opt.resuid ||
	       (sbi->opt.resgid && in_group(sbi->opt.resgid));
}

static bool reserve_locked(struct ext4_sb *sbi, u32 blocks, bool root)
{
	u64 want = sbi->delayed + blocks;
	u64 need = want + max(slack(want), sbi->reserved_all) + (root ? 0 : sbi->reserved_root);

	if (sbi->free_blocks + sbi->trimming < need)
		return false;
	sbi->delayed = want;
	return true;
}

int ext4_reserve(struct ext4_sb *sbi, u32 blocks)
{
	bool root = may_use_reserve(sbi), ok, held;
	u32 tries;

	for (tries = 0; tries < 3; tries++) {
		mutex_lock(&sbi->alloc_lock);
		ok = reserve_locked(sbi, blocks, root);
		mutex_unlock(&sbi->alloc_lock);
		if (ok)
			return 0;
		held = current->journal_info == NULL && !ext4_force_commit(sbi->sb, true);
		if (!held)
			break;
	}
	return -ENOSPC;
}

int ext4_reserve_meta(struct ext4_sb *sbi, u32 blocks, bool anyone)
{
	u64 kept = anyone || may_use_reserve(sbi) ? 0 : sbi->reserved_root;
	int err = -ENOSPC;

	mutex_lock(&sbi->alloc_lock);
	if (sbi->free_blocks + sbi->trimming >= sbi->delayed + sbi->delayed / 256 + blocks + kept) {
		sbi->delayed += blocks;
		err = 0;
	}
	mutex_unlock(&sbi->alloc_lock);
	return err;
}

void ext4_unreserve(struct ext4_sb *sbi, u32 blocks)
{
	mutex_lock(&sbi->alloc_lock);
	sbi->delayed -= min((u64)blocks, sbi->delayed);
	mutex_unlock(&sbi->alloc_lock);
}

#define MORE_TRIES 2

bool ext4_try_again(struct super_block *sb, int err, u32 *tries)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	bool held;

	if (err != -ENOSPC || current->journal_info || *tries == MORE_TRIES)
		return false;
	++*tries;
	mutex_lock(&sbi->alloc_lock);
	held = ext4_held_blocks(sbi);
	mutex_unlock(&sbi->alloc_lock);
	return held && !ext4_force_commit(sb, true);
}

/* ---- the promise of a page ---- */

#define PROMISE_MASK 0xffUL
#define PROMISE_SHIFT 8

u32 ext4_take_promise(struct page *p, u8 *mask)
{
	u64 v = PagePrivate(p) ? p->private : 0;

	*mask = (u8)(v & PROMISE_MASK);
	if (!v)
		return 0;
	p->private = 0;
	ClearPagePrivate(p);
	return (u32)(v >> PROMISE_SHIFT);
}

void ext4_give_back(struct inode *inode, u32 blocks)
{
	if (!blocks)
		return;
	__atomic_sub_fetch(&EXT4_I(inode)->delayed, blocks, __ATOMIC_RELAXED);
	ext4_unreserve(EXT4_SB(inode->i_sb), blocks);
}

void ext4_drop_promise(struct page *p)
{
	u8 mask;

	ext4_give_back(p->mapping->host, ext4_take_promise(p, &mask));
}

/*
 * Counts the page's blocks in @mask that are neither written nor preallocated. Returns 0 or -errno.
 */
static int count_missing(struct inode *inode, struct page *p, u8 mask, u32 *missing)
{
	u32 per = ext4_blocks_per_page(inode), i;
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

/* Returns the mask of the blocks that hold bytes [from, to) of a page. */
static u8 blocks_mask(const struct inode *inode, u32 from, u32 to)
{
	u32 first = from >> inode->i_blkbits,
	    end = (to + (1U << inode->i_blkbits) - 1) >> inode->i_blkbits;

	return (u8)((1U << end) - (1U << first));
}

int ext4_promise(struct inode *inode, struct page *p, u32 from, u32 to)
{
	u64 have = PagePrivate(p) ? p->private : 0;
	u8 mask = blocks_mask(inode, from, to) & ~(u8)(have & PROMISE_MASK);
	u32 missing;
	int err;

	if (!mask || (PageDirty(p) && ext4_blocks_per_page(inode) == 1))
		return 0;
	if (p->index >= ext4_max_blocks(inode) / ext4_blocks_per_page(inode))
		return -EFBIG;
	err = count_missing(inode, p, mask, &missing);
	if (err || (!missing && ext4_blocks_per_page(inode) == 1))
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
 * Write-protects the page that contains the file's end, before the file grows. Blocks are reserved
 * only up to the old end, so the next write to the page through a mapping must fault and reserve
 * more.
 */
void ext4_end_moves(struct inode *inode)
{
	u64 size = (u64)i_size_read(inode);

	if (ext4_blocks_per_page(inode) > 1 && size & (PAGE_SIZE - 1))
		mapping_wrprotect_range(inode->i_mapping, size >> PAGE_SHIFT, size >> PAGE_SHIFT);
}
