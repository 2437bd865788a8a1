/* SPDX-License-Identifier: MIT */
/*
 * geometry.c: checks the superblock at mount: its magic, its features, and whether its sizes and
 * counts are consistent.
 *
 * A failed mount logs its reason in one line. Unknown features are refused (incompat) or make the
 * mount read-only (ro_compat), and the line names them.
 *
 * Source: linux-doc, filesystems/ext4/super.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

int ext4_refuse_mount(struct super_block *sb, bool silent, const char *why)
{
	if (!silent)
		printk(KERN_ERR "EXT4-fs (%s): %s\n", sb->s_id, why);
	return -EINVAL;
}

int ext4_read_super(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	u8 *buf = get_free_page(GFP_KERNEL);
	u64 at = (u64)sbi->opt.sb_block * (EXT4_SB_OFFSET >> SECTOR_SHIFT);
	int err;

	if (!buf)
		return -ENOMEM;
	err = bdev_rw(sb->s_bdev, REQ_READ, at, buf, sizeof(sbi->disk));
	if (!err)
		memcpy(&sbi->disk, buf, sizeof(sbi->disk));
	free_page_addr(buf);
	if (err) {
		ext4_refuse_mount(sb, silent, "unable to read superblock");
		return err;
	}
	if (sbi->disk.s_magic != EXT4_MAGIC)
		return ext4_refuse_mount(sb, silent, "can't find an ext4 file system");
	return 0;
}

/* ---- features ---- */

struct feature {
	u32 bit;
	const char *name;
};

static const struct feature incompat_names[] = {
	{ 0x1, "compression" },
	{ INCOMPAT_JOURNAL_DEV, "journal_dev" },
	{ INCOMPAT_MMP, "mmp" },
	{ INCOMPAT_EA_INODE, "ea_inode" },
	{ 0x1000, "dirdata" },
	{ INCOMPAT_INLINE_DATA, "inline_data" },
	{ INCOMPAT_ENCRYPT, "encrypt" },
	{ INCOMPAT_CASEFOLD, "casefold" },
};

static const struct feature ro_names[] = {
	{ 0x4, "btree_dir" },
	{ 0x80, "snapshot" },
	{ RO_COMPAT_QUOTA, "quota" },
	{ RO_COMPAT_BIGALLOC, "bigalloc" },
	{ 0x800, "replica" },
	{ RO_COMPAT_READONLY, "read-only" },
	{ RO_COMPAT_PROJECT, "project" },
	{ 0x4000, "shared_blocks" },
	{ RO_COMPAT_VERITY, "verity" },
	{ RO_COMPAT_ORPHAN_PRESENT, "orphan_present" },
};

/* Prints the names of the bits in @set into @buf. Prints a bit without a name as a number. */
static void name_features(const struct feature *f, u32 n, u32 set, char *buf, size_t size)
{
	int len = 0;
	u32 i;

	*buf = 0;
	for (i = 0; i < n; i++)
		if (set & f[i].bit) {
			len += scnprintf(buf + len, size - len, "%s%s", len ? " " : "", f[i].name);
			set &= ~f[i].bit;
		}
	if (set)
		scnprintf(buf + len, size - len, "%s0x%x", len ? " " : "", set);
}

/*
 * True if the superblock may be half old and half new, since it is two sectors, and power may be
 * lost while a checkpoint writes it. The log is kept until a checkpoint has reached the disk, so
 * its replay repairs the superblock. The fields that the replay needs never change.
 */
static bool may_be_torn(const struct ext4_sb *sbi)
{
	return !sbi->replayed && EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL) &&
	       EXT4_HAS(sbi, incompat, INCOMPAT_RECOVER) && !(sbi->opt.flags & EXT4_OPT_NOLOAD);
}

static int check_crc(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	u32 crc = ext4_csum(~0U, &sbi->disk, offsetof(struct ext4_disk_sb, s_checksum));

	if (!EXT4_HAS(sbi, ro_compat, RO_COMPAT_METADATA_CSUM))
		return 0;
	sbi->csum = true;
	if (sbi->disk.s_checksum_type == 1 && crc == sbi->disk.s_checksum)
		return 0;
	if (!may_be_torn(sbi))
		return ext4_refuse_mount(sb, silent, "superblock checksum does not match");
	printk(KERN_WARNING
		"EXT4-fs (%s): superblock checksum does not match: the log has a copy\n",
		sb->s_id);
	return 0;
}

int ext4_check_features(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	u32 incompat = sbi->disk.s_feature_incompat & ~INCOMPAT_SUPPORTED;
	u32 ro = sbi->disk.s_feature_ro_compat & ~RO_COMPAT_SUPPORTED;
	char names[120], text[160];

	if (sbi->disk.s_rev_level > 1)
		return ext4_refuse_mount(sb, false, "revision level too high");
	if (incompat) {
		name_features(
			incompat_names, ARRAY_SIZE(incompat_names), incompat, names, sizeof(names));
		scnprintf(text, sizeof(text), "incompatible features are not supported: %s", names);
		/* busybox sets @silent: ignore it */
		return ext4_refuse_mount(sb, false, text);
	}
	if (ro && !(sb->s_flags & SB_RDONLY)) {
		name_features(ro_names, ARRAY_SIZE(ro_names), ro, names, sizeof(names));
		printk(KERN_WARNING
			"EXT4-fs (%s): features can only be read, mounted read-only: %s\n",
			sb->s_id, names);
		sb->s_flags |= SB_RDONLY;
	}
	sbi->read_only_features = ro;
	sbi->gdt_csum = EXT4_HAS(sbi, ro_compat, RO_COMPAT_GDT_CSUM);
	if (EXT4_HAS(sbi, incompat, INCOMPAT_CSUM_SEED))
		sbi->csum_seed = sbi->disk.s_checksum_seed;
	else
		sbi->csum_seed = ext4_csum(~0U, sbi->disk.s_uuid, sizeof(sbi->disk.s_uuid));
	return check_crc(sb, sbi, silent);
}

static bool power_of_two(u32 v)
{
	return v && !(v & (v - 1));
}

/* Checks the sizes and counts on which all other code relies. Returns 0 or -errno. */
int ext4_check_geometry(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	const struct ext4_disk_sb *d = &sbi->disk;
	u64 groups;

	if (d->s_log_block_size > 2)
		return ext4_refuse_mount(sb, silent, "block sizes above 4096 are not supported");
	sbi->block_size = 1024U << d->s_log_block_size;
	sbi->inode_size = d->s_rev_level ? d->s_inode_size : EXT4_GOOD_OLD_INODE_SIZE;
	if (sbi->inode_size < EXT4_GOOD_OLD_INODE_SIZE || !power_of_two(sbi->inode_size) ||
		sbi->inode_size > sbi->block_size)
		return ext4_refuse_mount(sb, silent, "inode size makes no sense");
	sbi->desc_size =
		EXT4_HAS(sbi, incompat, INCOMPAT_64BIT) ? d->s_desc_size : EXT4_MIN_DESC_SIZE;
	if (sbi->desc_size < EXT4_MIN_DESC_SIZE || !power_of_two(sbi->desc_size) ||
		sbi->desc_size > 1024 ||
		(EXT4_HAS(sbi, incompat, INCOMPAT_64BIT) && sbi->desc_size < 64))
		return ext4_refuse_mount(sb, silent, "descriptor size makes no sense");
	sbi->descs_per_block = sbi->block_size / sbi->desc_size;
	sbi->blocks_per_group = d->s_blocks_per_group;
	sbi->inodes_per_group = d->s_inodes_per_group;
	sbi->cluster_bits = 0;
	if (EXT4_HAS(sbi, ro_compat, RO_COMPAT_BIGALLOC)) {
		if (d->s_log_cluster_size < d->s_log_block_size || d->s_log_cluster_size > 20)
			return ext4_refuse_mount(sb, silent, "cluster size makes no sense");
		sbi->cluster_bits = d->s_log_cluster_size - d->s_log_block_size;
	}
	if (!sbi->blocks_per_group ||
		sbi->blocks_per_group >> sbi->cluster_bits > sbi->block_size * 8 ||
		sbi->inodes_per_group < sbi->block_size / sbi->inode_size ||
		sbi->inodes_per_group > sbi->block_size * 8)
		return ext4_refuse_mount(sb, silent, "group sizes make no sense");
	sbi->first_data_block = d->s_first_data_block;
	sbi->blocks_count = d->s_blocks_count_lo;
	if (EXT4_HAS(sbi, incompat, INCOMPAT_64BIT))
		sbi->blocks_count |= (u64)d->s_blocks_count_hi << 32;
	/* With clusters, the first cluster begins at byte 0 and contains the superblock. */
	if (sbi->first_data_block != (sbi->block_size == 1024 && !sbi->cluster_bits) ||
		sbi->blocks_count <= sbi->first_data_block ||
		sbi->blocks_count > sb->s_bdev->nr_sectors / (sbi->block_size >> SECTOR_SHIFT))
		return ext4_refuse_mount(sb, silent,
			"bad geometry: the file system is larger than its device, or empty");
	groups = DIV_ROUND_UP(sbi->blocks_count - sbi->first_data_block, sbi->blocks_per_group);
	if (groups > 1U << 24 || groups * sbi->inodes_per_group != d->s_inodes_count)
		return ext4_refuse_mount(sb, silent, "bad geometry: groups and inodes disagree");
	sbi->nr_groups = (u32)groups;
	sbi->gdt_blocks = DIV_ROUND_UP(sbi->nr_groups, sbi->descs_per_block);
	/* The resize inode's indirect block has room for this many block numbers. */
	if (d->s_reserved_gdt_blocks > sbi->block_size / 4) {
		printk(KERN_ERR "EXT4-fs (%s): reserved descriptor blocks make no sense: %u\n",
			sb->s_id, d->s_reserved_gdt_blocks);
		return -EINVAL;
	}
	sbi->unsigned_hash = d->s_flags & EXT4_FLAGS_UNSIGNED_HASH;
	sbi->first_ino = d->s_rev_level ? d->s_first_ino : 11;
	if (sbi->first_ino < 11 || sbi->first_ino > d->s_inodes_count)
		return ext4_refuse_mount(sb, silent, "first inode makes no sense");
	return 0;
}
