/* SPDX-License-Identifier: MIT */
/*
 * ialloc.c: allocating and freeing inode numbers.
 *
 * A file goes into its directory's group. A directory goes into the first group, from its parent's
 * on, that has free blocks and at least the average number of free inodes, so that directory trees
 * spread over the disk. If that group has no free inode, the next one that has one is used. Lock:
 * alloc_lock. Source: linux-doc, filesystems/ext4/{group_descr,inodes}.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

/* Joins the halves of a count. The upper half counts only in a long descriptor. */
static u32 get16x2(const struct ext4_sb *sbi, u16 lo, u16 hi)
{
	return lo | (sbi->desc_size >= 64 ? (u32)hi << 16 : 0);
}

static u32 group_free_inodes(const struct ext4_sb *sbi, const struct ext4_disk_group *g)
{
	return get16x2(sbi, g->bg_free_inodes_count_lo,
		sbi->desc_size >= 64 ? g->bg_free_inodes_count_hi : 0);
}

static void set_free_inodes(const struct ext4_sb *sbi, struct ext4_disk_group *g, u32 n)
{
	g->bg_free_inodes_count_lo = (u16)n;
	if (sbi->desc_size >= 64)
		g->bg_free_inodes_count_hi = (u16)(n >> 16);
}

/* Adds @d (1 or -1) to the group's number of directories. */
static void add_used_dirs(const struct ext4_sb *sbi, struct ext4_disk_group *g, int d)
{
	u32 n = get16x2(
		sbi, g->bg_used_dirs_count_lo, sbi->desc_size >= 64 ? g->bg_used_dirs_count_hi : 0);

	n = d < 0 && !n ? 0 : n + (u32)d;
	g->bg_used_dirs_count_lo = (u16)n;
	if (sbi->desc_size >= 64)
		g->bg_used_dirs_count_hi = (u16)(n >> 16);
}

/* Updates the count of inodes at the table's end that were never used, now that @bit is in use. */
static void note_used(const struct ext4_sb *sbi, struct ext4_disk_group *g, u32 bit)
{
	u32 unused = get16x2(
		sbi, g->bg_itable_unused_lo, sbi->desc_size >= 64 ? g->bg_itable_unused_hi : 0);

	if (!(sbi->csum || sbi->gdt_csum) || bit + 1 <= sbi->inodes_per_group - unused)
		return;
	unused = sbi->inodes_per_group - bit - 1;
	g->bg_itable_unused_lo = (u16)unused;
	if (sbi->desc_size >= 64)
		g->bg_itable_unused_hi = (u16)(unused >> 16);
}

/* Sets the checksum of the inode bitmap @map, if the file system has checksums. */
static void set_csum(struct ext4_sb *sbi, struct ext4_disk_group *g, const u8 *map)
{
	u32 crc;

	if (!sbi->csum)
		return;
	crc = ext4_csum(sbi->csum_seed, map, sbi->inodes_per_group / 8);
	g->bg_inode_bitmap_csum_lo = (u16)crc;
	if (sbi->desc_size >= 64)
		g->bg_inode_bitmap_csum_hi = (u16)(crc >> 16);
}

static bool csum_ok(struct ext4_sb *sbi, const struct ext4_disk_group *g, const u8 *map)
{
	u32 crc, have = g->bg_inode_bitmap_csum_lo;

	if (!sbi->csum)
		return true;
	crc = ext4_csum(sbi->csum_seed, map, sbi->inodes_per_group / 8);
	if (sbi->desc_size < 64)
		return (u16)crc == have;
	return crc == (have | (u32)g->bg_inode_bitmap_csum_hi << 16);
}

/*
 * Returns the group's inode bitmap, referenced, or ERR_PTR. Makes it if the group is uninitialised,
 * which needs @h. alloc_lock is held.
 */
static struct ext4_buf *inode_bitmap(struct ext4_handle *h, struct ext4_sb *sbi, u32 group)
{
	struct ext4_disk_group *g = ext4_group(sbi, group);
	struct ext4_buf *b;
	u32 i;

	if (g->bg_flags & BG_INODE_UNINIT && (sbi->csum || sbi->gdt_csum)) {
		b = ext4_bnew(sbi, ext4_group_inode_bitmap(sbi, g), EXT4_USE(EXT4_BITMAP, 0));
		if (IS_ERR(b))
			return b;
		for (i = sbi->inodes_per_group; i < sbi->block_size * 8; i++)
			b->data[i / 8] |= (u8)(1U << (i % 8));
		__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
		g->bg_flags &= (u16)~BG_INODE_UNINIT;
		set_csum(sbi, g, b->data);
		ext4_dirty(h, b);
		ext4_group_dirty(h, sbi, group);
		return b;
	}
	b = ext4_bread(sbi, ext4_group_inode_bitmap(sbi, g), EXT4_USE(EXT4_BITMAP, 0));
	if (IS_ERR(b) || b->flags & BUF_VERIFIED)
		return b;
	if (!csum_ok(sbi, g, b->data)) {
		ext4_error(sbi->sb, "group %u: inode bitmap has a bad checksum", group);
		ext4_brelse(b);
		return ERR_PTR(-EFSBADCRC);
	}
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
	return b;
}

bool ext4_inode_in_use(struct super_block *sb, u32 ino)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	u32 group = (ino - 1) / sbi->inodes_per_group, bit = (ino - 1) % sbi->inodes_per_group;
	struct ext4_disk_group *g;
	struct ext4_buf *b;
	bool used = false;

	if (!ino || group >= sbi->nr_groups)
		return false;
	g = ext4_group(sbi, group);
	mutex_lock(&sbi->alloc_lock);
	if (!(g->bg_flags & BG_INODE_UNINIT && (sbi->csum || sbi->gdt_csum))) {
		b = inode_bitmap(NULL, sbi, group);
		if (!IS_ERR(b)) {
			used = b->data[bit / 8] & (1U << (bit % 8));
			ext4_brelse(b);
		}
	}
	mutex_unlock(&sbi->alloc_lock);
	return used;
}

/*
 * Takes a free inode number of the group and returns it. Returns 0 if there is none, and sets *err
 * if the bitmap cannot be read. alloc_lock is held.
 */
static u32 take_in_group(struct ext4_handle *h, struct ext4_sb *sbi, u32 group, bool dir, int *err)
{
	struct ext4_disk_group *g = ext4_group(sbi, group);
	struct ext4_buf *b;
	/* In small groups, reserved inodes may reach into the second group. */
	u64 first = (u64)group * sbi->inodes_per_group + 1;
	u32 bit = sbi->first_ino > first ? sbi->first_ino - (u32)first : 0;

	if (!group_free_inodes(sbi, g))
		return 0;
	b = inode_bitmap(h, sbi, group);
	if (IS_ERR(b)) {
		*err = (int)PTR_ERR(b);
		return 0;
	}
	while (bit < sbi->inodes_per_group && b->data[bit / 8] >> (bit % 8) & 1)
		bit += b->data[bit / 8] == 0xff && bit % 8 == 0 ? 8 : 1;
	if (bit >= sbi->inodes_per_group) {
		ext4_brelse(b);
		return 0;
	}
	b->data[bit / 8] |= (u8)(1U << (bit % 8));
	set_free_inodes(sbi, g, group_free_inodes(sbi, g) - 1);
	if (dir)
		add_used_dirs(sbi, g, 1);
	note_used(sbi, g, bit);
	set_csum(sbi, g, b->data);
	ext4_dirty(h, b);
	ext4_group_dirty(h, sbi, group);
	ext4_brelse(b);
	sbi->free_inodes--;
	return group * sbi->inodes_per_group + bit + 1;
}

/* Returns the group for a new directory. @parent: its parent's group. alloc_lock is held. */
static u32 group_for_dir(struct ext4_sb *sbi, u32 parent)
{
	u64 average = sbi->free_inodes / sbi->nr_groups;
	u32 i;

	for (i = 0; i < sbi->nr_groups; i++) {
		u32 group = (parent + i) % sbi->nr_groups;
		struct ext4_disk_group *g = ext4_group(sbi, group);

		if (group_free_inodes(sbi, g) >= max_t(u64, average, 1) &&
			g->bg_free_blocks_count_lo)
			return group;
	}
	return parent;
}

/*
 * Takes an inode number. Returns it, or 0 with *err set: -ENOSPC, or the error of the last bitmap
 * that could not be read. Takes alloc_lock.
 */
static u32 take_number(struct ext4_handle *h, struct inode *dir, bool is_dir, int *err)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	u32 parent = (u32)((dir->i_ino - 1) / sbi->inodes_per_group), start, i, ino = 0;

	mutex_lock(&sbi->alloc_lock);
	start = is_dir ? group_for_dir(sbi, parent) : parent;
	*err = -ENOSPC;
	for (i = 0; i < sbi->nr_groups && !ino; i++)
		ino = take_in_group(h, sbi, (start + i) % sbi->nr_groups, is_dir, err);
	mutex_unlock(&sbi->alloc_lock);
	return ino;
}

/* Frees an inode number. Takes alloc_lock. If the bitmap cannot be read, the number is lost. */
static void give_back(struct ext4_handle *h, struct ext4_sb *sbi, u32 ino, bool dir)
{
	u32 group = (ino - 1) / sbi->inodes_per_group, bit = (ino - 1) % sbi->inodes_per_group;
	struct ext4_disk_group *g;
	struct ext4_buf *b;

	mutex_lock(&sbi->alloc_lock);
	g = ext4_group(sbi, group);
	b = g ? inode_bitmap(h, sbi, group) : ERR_PTR(-EFSCORRUPTED);
	if (IS_ERR(b))
		goto out;
	if (b->data[bit / 8] >> (bit % 8) & 1) {
		b->data[bit / 8] &= (u8) ~(1U << (bit % 8));
		set_free_inodes(sbi, g, group_free_inodes(sbi, g) + 1);
		if (dir)
			add_used_dirs(sbi, g, -1);
		set_csum(sbi, g, b->data);
		ext4_dirty(h, b);
		ext4_group_dirty(h, sbi, group);
		sbi->free_inodes++;
	} else {
		ext4_error(sbi->sb, "inode %u is freed and is free already", ino);
	}
	ext4_brelse(b);
out:
	mutex_unlock(&sbi->alloc_lock);
}

struct ext4_buf *ext4_hold_inode_bitmap(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u32 group = (u32)((inode->i_ino - 1) / sbi->inodes_per_group);
	struct ext4_buf *b;

	mutex_lock(&sbi->alloc_lock);
	b = ext4_group(sbi, group) ? inode_bitmap(h, sbi, group) : NULL;
	mutex_unlock(&sbi->alloc_lock);
	return b == ERR_PTR(-EFSCORRUPTED) || b == ERR_PTR(-EFSBADCRC) ? NULL : b;
}

void ext4_free_inode_number(struct ext4_handle *h, struct inode *inode)
{
	give_back(h, EXT4_SB(inode->i_sb), (u32)inode->i_ino, S_ISDIR(inode->i_mode));
}

/* Returns the flags (EXT4_*_FL) that a new file inherits from its directory. */
static u32 inherited(const struct inode *dir, umode_t mode)
{
	u32 flags = EXT4_I(dir)->i_flags &
		    (EXT4_SECRM_FL | EXT4_UNRM_FL | EXT4_NOTAIL_FL | EXT4_COMPR_FL | EXT4_SYNC_FL |
			    EXT4_NODUMP_FL | EXT4_NOATIME_FL | EXT4_DIRSYNC_FL);

	return S_ISDIR(mode) ? flags : flags & ~(u32)EXT4_DIRSYNC_FL;
}

/*
 * Returns a new generation number, which distinguishes the inode from earlier inodes with its
 * number.
 */
static u32 next_generation(struct ext4_sb *sbi)
{
	return (u32)atomic_inc_return(&sbi->generations) * 0x9e3779b1U;
}

struct inode *ext4_new_inode(struct ext4_handle *h, struct inode *dir, umode_t mode)
{
	struct super_block *sb = dir->i_sb;
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct inode *inode = new_inode(sb);
	struct ext4_inode *ei;
	u32 ino;
	int err;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	ino = take_number(h, dir, S_ISDIR(mode), &err);
	if (!ino)
		goto err_put;
	ei = EXT4_I(inode);
	inode->i_ino = ino;
	inode_init_owner(inode, dir, mode);
	if (sbi->opt.flags & EXT4_OPT_GRPID) /* as on BSD */
		inode->i_gid = dir->i_gid;
	inode->i_blkbits = sb->s_blocksize_bits;
	inode->i_atime = inode->i_mtime = inode->i_ctime = inode->i_btime = current_time(inode);
	inode->i_generation = next_generation(sbi);
	ei->i_flags = inherited(dir, mode);
	inode_set_flags(inode, ei->i_flags);
	if (sbi->inode_size > EXT4_GOOD_OLD_INODE_SIZE)
		ei->extra_isize = (u16)min_t(u32, 32, sbi->inode_size - EXT4_GOOD_OLD_INODE_SIZE);
	if (EXT4_HAS(sbi, incompat, INCOMPAT_EXTENTS) &&
		(S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
		ext4_extent_init(inode);
	ext4_init_csum_seed(inode);
	err = insert_inode_locked(inode);
	if (err)
		/* An inode of this number is still in the inode hash. */
		goto err_number;
	return inode;

err_number:
	give_back(h, sbi, ino, S_ISDIR(mode));
err_put:
	clear_nlink(inode);
	inode->i_ino = 0;
	iput(inode);
	return ERR_PTR(err == -EBUSY ? -EIO : err);
}
