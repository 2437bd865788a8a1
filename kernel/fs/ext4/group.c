/* SPDX-License-Identifier: MIT */
/*
 * group.c: group descriptors: where they lie on the disk, the blocks that they name, their
 * checksums.
 *
 * ext4_read_groups() at mount, and ext4_reread_groups() after writes to the device's file, check
 * each descriptor: its checksum, and that its blocks lie within the file system. Later uses do not
 * check it again. Descriptors are changed under alloc_lock, and each change ends with
 * ext4_group_dirty(). Source: linux-doc, filesystems/ext4/{group_descr,checksums}.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

bool ext4_has_backup_super(const struct ext4_sb *sbi, u32 group)
{
	u32 base, p;

	if (EXT4_HAS(sbi, compat, COMPAT_SPARSE_SUPER2))
		return !group || group == sbi->disk.s_backup_bgs[0] ||
		       group == sbi->disk.s_backup_bgs[1];
	if (group < 2 || !EXT4_HAS(sbi, ro_compat, RO_COMPAT_SPARSE_SUPER))
		return true;
	for (base = 3; base <= 7; base += 2) {
		for (p = base; p < group; p *= base)
			;
		if (p == group)
			return true;
	}
	return false;
}

/* Returns the number of the disk block that has the @i-th block of group descriptors. */
static u64 gdt_block(const struct ext4_sb *sbi, u32 i)
{
	u32 group;

	if (!EXT4_HAS(sbi, incompat, INCOMPAT_META_BG) || i < sbi->disk.s_first_meta_bg)
		return (sbi->block_size == EXT4_SB_OFFSET) + 1 + i; /* after the superblock */
	group = i * sbi->descs_per_block;
	return sbi->first_data_block + (u64)group * sbi->blocks_per_group +
	       ext4_has_backup_super(sbi, group);
}

struct ext4_disk_group *ext4_group(struct ext4_sb *sbi, u32 group)
{
	if (group >= sbi->nr_groups)
		return NULL;
	return (void *)(sbi->gdt[group / sbi->descs_per_block]->data +
			group % sbi->descs_per_block * sbi->desc_size);
}

static u64 wide(const struct ext4_sb *sbi, u32 lo, u32 hi)
{
	return sbi->desc_size >= 64 ? lo | (u64)hi << 32 : lo;
}

u64 ext4_group_inode_table(struct ext4_sb *sbi, const struct ext4_disk_group *g)
{
	return wide(sbi, g->bg_inode_table_lo, sbi->desc_size >= 64 ? g->bg_inode_table_hi : 0);
}

u64 ext4_group_block_bitmap(struct ext4_sb *sbi, const struct ext4_disk_group *g)
{
	return wide(sbi, g->bg_block_bitmap_lo, sbi->desc_size >= 64 ? g->bg_block_bitmap_hi : 0);
}

u64 ext4_group_inode_bitmap(struct ext4_sb *sbi, const struct ext4_disk_group *g)
{
	return wide(sbi, g->bg_inode_bitmap_lo, sbi->desc_size >= 64 ? g->bg_inode_bitmap_hi : 0);
}

static u16 group_csum(struct ext4_sb *sbi, u32 group, const struct ext4_disk_group *g)
{
	const u32 at = offsetof(struct ext4_disk_group, bg_checksum);
	const u8 *p = (const void *)g;
	__le32 nr = group;
	u16 zero = 0;

	if (sbi->csum) {
		u32 crc = ext4_csum(sbi->csum_seed, &nr, sizeof(nr));

		crc = ext4_csum(crc, p, at);
		crc = ext4_csum(crc, &zero, 2);
		return (u16)ext4_csum(crc, p + at + 2, sbi->desc_size - at - 2);
	}
	zero = crc16(0xffff, sbi->disk.s_uuid, sizeof(sbi->disk.s_uuid));
	zero = crc16(zero, &nr, sizeof(nr));
	zero = crc16(zero, p, at);
	if (sbi->desc_size > at + 2)
		zero = crc16(zero, p + at + 2, sbi->desc_size - at - 2);
	return zero;
}

static int check_group(struct super_block *sb, struct ext4_sb *sbi, u32 group)
{
	struct ext4_disk_group *g = ext4_group(sbi, group);
	u64 table = ext4_group_inode_table(sbi, g);
	u64 table_len = DIV_ROUND_UP(sbi->inodes_per_group, sbi->block_size / sbi->inode_size);
	bool checked = sbi->csum || sbi->gdt_csum;

	if (checked && group_csum(sbi, group, g) != g->bg_checksum) {
		printk(KERN_ERR "EXT4-fs (%s): group descriptor %u: bad checksum\n", sb->s_id,
			group);
		return -EFSBADCRC;
	}
	if (!ext4_block_valid(sbi, table, table_len) ||
		!ext4_block_valid(sbi, ext4_group_block_bitmap(sbi, g), 1) ||
		!ext4_block_valid(sbi, ext4_group_inode_bitmap(sbi, g), 1)) {
		printk(KERN_ERR
			"EXT4-fs (%s): group descriptor %u names blocks that are not there\n",
			sb->s_id, group);
		return -EFSCORRUPTED;
	}
	return 0;
}

void ext4_group_dirty(struct ext4_handle *h, struct ext4_sb *sbi, u32 group)
{
	struct ext4_disk_group *g = ext4_group(sbi, group);

	if (sbi->csum || sbi->gdt_csum)
		g->bg_checksum = group_csum(sbi, group, g);
	ext4_dirty(h, sbi->gdt[group / sbi->descs_per_block]);
}

int ext4_reread_groups(struct super_block *sb, struct ext4_sb *sbi)
{
	u8 *data = kmalloc(sbi->block_size, GFP_KERNEL);
	u32 i, group;
	int err = data ? 0 : -ENOMEM;

	for (i = 0; i < sbi->gdt_blocks && !err; i++) {
		struct ext4_buf *b = sbi->gdt[i];

		err = bdev_rw(sb->s_bdev, REQ_READ | REQ_META,
			b->block * (sbi->block_size >> SECTOR_SHIFT), data, sbi->block_size);
		if (err)
			break;
		mutex_lock(&sbi->alloc_lock);
		memcpy(b->data, data, sbi->block_size);
		mutex_unlock(&sbi->alloc_lock);
	}
	for (group = 0; group < sbi->nr_groups && !err; group++) {
		err = check_group(sb, sbi, group);
		cond_resched();
	}
	kfree(data);
	return err;
}

int ext4_read_groups(struct super_block *sb, struct ext4_sb *sbi)
{
	u32 i, group;
	int err = 0;

	sbi->gdt = kcalloc(sbi->gdt_blocks, sizeof(sbi->gdt[0]), GFP_KERNEL);
	if (!sbi->gdt)
		return -ENOMEM;
	for (i = 0; i < sbi->gdt_blocks && !err; i++) {
		u64 block = gdt_block(sbi, i);

		struct ext4_buf *b;

		if (!ext4_block_valid(sbi, block, 1))
			return -EFSCORRUPTED;
		b = ext4_bread(sbi, block, EXT4_USE(EXT4_GROUPS, 0));
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		sbi->gdt[i] = b;
	}
	for (group = 0; group < sbi->nr_groups && !err; group++) {
		err = check_group(sb, sbi, group);
		cond_resched();
	}
	return err;
}
