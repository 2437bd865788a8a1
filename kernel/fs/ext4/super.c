/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounting: the superblock, group descriptors, features, errors.
 *
 * What makes a mount fail says so in one printk line. Features that we do not know are refused (incompat) or make the mount read-only
 * (ro_compat). A corruption that is found later goes through ext4_error(), which follows the errors= policy.
 * Source: linux-doc, filesystems/ext4/{super,group_descr,checksums}.
 */
#include <linux/magic.h>

#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"

void ext4_error(struct super_block *sb, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printk(KERN_CRIT "EXT4-fs error (device %s): %s\n", sb->s_id, text);
	switch (EXT4_SB(sb)->disk.s_errors) {
	case EXT4_ERRORS_PANIC:
		panic("EXT4-fs (device %s): panic forced after error", sb->s_id);
	case EXT4_ERRORS_CONTINUE:
		break;
	default:
		if (!(sb->s_flags & SB_RDONLY)) {
			printk(KERN_CRIT "EXT4-fs (%s): remounting filesystem read-only\n", sb->s_id);
			sb->s_flags |= SB_RDONLY;
		}
	}
}

bool ext4_block_valid(const struct ext4_sb *sbi, u64 block, u64 count)
{
	return block > sbi->first_data_block && count && block < sbi->blocks_count &&
	       count <= sbi->blocks_count - block;
}

/* ---- the superblock ---- */

static int refuse_mount(struct super_block *sb, bool silent, const char *why)
{
	if (!silent)
		printk(KERN_ERR "EXT4-fs (%s): %s\n", sb->s_id, why);
	return -EINVAL;
}

static int read_disk_sb(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	u8 *buf = get_free_page(GFP_KERNEL);
	int err;

	if (!buf)
		return -ENOMEM;
	err = bdev_rw(sb->s_bdev, REQ_READ, EXT4_SB_OFFSET >> SECTOR_SHIFT, buf, sizeof(sbi->disk));
	if (!err)
		memcpy(&sbi->disk, buf, sizeof(sbi->disk));
	free_page_addr(buf);
	if (err)
		return refuse_mount(sb, silent, "unable to read superblock");
	if (sbi->disk.s_magic != EXT4_MAGIC)
		return refuse_mount(sb, silent, "can't find an ext4 file system");
	return 0;
}

static int check_features(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	u32 incompat = sbi->disk.s_feature_incompat & ~INCOMPAT_SUPPORTED;
	u32 ro = sbi->disk.s_feature_ro_compat & ~RO_COMPAT_SUPPORTED;
	char text[100];

	if (sbi->disk.s_rev_level > 1)
		return refuse_mount(sb, silent, "revision level too high");
	if (incompat) {
		scnprintf(text, sizeof(text), "unsupported incompatible features 0x%x", incompat);
		return refuse_mount(sb, silent, text);
	}
	if (ro && !(sb->s_flags & SB_RDONLY)) {
		printk(KERN_WARNING "EXT4-fs (%s): features 0x%x can only be read: mounted read-only\n", sb->s_id,
		       ro);
		sb->s_flags |= SB_RDONLY;
	}
	if (EXT4_HAS(sbi, ro_compat, RO_COMPAT_METADATA_CSUM)) {
		u32 crc = ext4_csum(~0U, &sbi->disk, offsetof(struct ext4_disk_sb, s_checksum));

		if (sbi->disk.s_checksum_type != 1 || crc != sbi->disk.s_checksum)
			return refuse_mount(sb, silent, "superblock checksum does not match");
		sbi->csum = true;
	}
	if (EXT4_HAS(sbi, incompat, INCOMPAT_CSUM_SEED))
		sbi->csum_seed = sbi->disk.s_checksum_seed;
	else
		sbi->csum_seed = ext4_csum(~0U, sbi->disk.s_uuid, sizeof(sbi->disk.s_uuid));
	return 0;
}

static bool power_of_two(u32 v)
{
	return v && !(v & (v - 1));
}

/* Sizes and counts that everything else relies on. */
static int check_geometry(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	const struct ext4_disk_sb *d = &sbi->disk;
	u64 groups;

	if (d->s_log_block_size > 2)
		return refuse_mount(sb, silent, "block sizes above 4096 are not supported");
	sbi->block_size = 1024U << d->s_log_block_size;
	sbi->inode_size = d->s_rev_level ? d->s_inode_size : EXT4_GOOD_OLD_INODE_SIZE;
	if (sbi->inode_size < EXT4_GOOD_OLD_INODE_SIZE || !power_of_two(sbi->inode_size) ||
	    sbi->inode_size > sbi->block_size)
		return refuse_mount(sb, silent, "inode size makes no sense");
	sbi->desc_size = EXT4_HAS(sbi, incompat, INCOMPAT_64BIT) ? d->s_desc_size : EXT4_MIN_DESC_SIZE;
	if (sbi->desc_size < EXT4_MIN_DESC_SIZE || !power_of_two(sbi->desc_size) || sbi->desc_size > 1024 ||
	    (EXT4_HAS(sbi, incompat, INCOMPAT_64BIT) && sbi->desc_size < 64))
		return refuse_mount(sb, silent, "descriptor size makes no sense");
	sbi->descs_per_block = sbi->block_size / sbi->desc_size;
	sbi->blocks_per_group = d->s_blocks_per_group;
	sbi->inodes_per_group = d->s_inodes_per_group;
	if (!sbi->blocks_per_group || sbi->blocks_per_group > sbi->block_size * 8 || !sbi->inodes_per_group ||
	    sbi->inodes_per_group > sbi->block_size * 8)
		return refuse_mount(sb, silent, "group sizes make no sense");
	sbi->first_data_block = d->s_first_data_block;
	sbi->blocks_count = d->s_blocks_count_lo;
	if (EXT4_HAS(sbi, incompat, INCOMPAT_64BIT))
		sbi->blocks_count |= (u64)d->s_blocks_count_hi << 32;
	if (sbi->first_data_block != (sbi->block_size == 1024) || sbi->blocks_count <= sbi->first_data_block ||
	    sbi->blocks_count > sb->s_bdev->nr_sectors / (sbi->block_size >> SECTOR_SHIFT))
		return refuse_mount(sb, silent, "bad geometry: the file system is larger than its device, or empty");
	groups = DIV_ROUND_UP(sbi->blocks_count - sbi->first_data_block, sbi->blocks_per_group);
	if (groups > 1U << 24 || groups * sbi->inodes_per_group != d->s_inodes_count)
		return refuse_mount(sb, silent, "bad geometry: groups and inodes disagree");
	sbi->nr_groups = (u32)groups;
	sbi->gdt_blocks = DIV_ROUND_UP(sbi->nr_groups, sbi->descs_per_block);
	sbi->unsigned_hash = d->s_flags & EXT4_FLAGS_UNSIGNED_HASH;
	return 0;
}

/* ---- group descriptors ---- */

static bool has_backup_super(const struct ext4_sb *sbi, u32 group)
{
	u32 base, p;

	if (EXT4_HAS(sbi, compat, COMPAT_SPARSE_SUPER2))
		return !group || group == sbi->disk.s_backup_bgs[0] || group == sbi->disk.s_backup_bgs[1];
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

/* Where the i-th block of group descriptors lies. */
static u64 gdt_block(const struct ext4_sb *sbi, u32 i)
{
	u32 group;

	if (!EXT4_HAS(sbi, incompat, INCOMPAT_META_BG) || i < sbi->disk.s_first_meta_bg)
		return sbi->first_data_block + 1 + i;
	group = i * sbi->descs_per_block;
	return sbi->first_data_block + (u64)group * sbi->blocks_per_group + has_backup_super(sbi, group);
}

struct ext4_disk_group *ext4_group(struct ext4_sb *sbi, u32 group)
{
	if (group >= sbi->nr_groups)
		return NULL;
	return (void *)(sbi->gdt[group / sbi->descs_per_block] +
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
	bool checked = sbi->csum || EXT4_HAS(sbi, ro_compat, RO_COMPAT_GDT_CSUM);

	if (checked && group_csum(sbi, group, g) != g->bg_checksum) {
		printk(KERN_ERR "EXT4-fs (%s): group descriptor %u: bad checksum\n", sb->s_id, group);
		return -EFSBADCRC;
	}
	if (!ext4_block_valid(sbi, table, table_len) ||
	    !ext4_block_valid(sbi, wide(sbi, g->bg_block_bitmap_lo, sbi->desc_size >= 64 ? g->bg_block_bitmap_hi : 0), 1) ||
	    !ext4_block_valid(sbi, wide(sbi, g->bg_inode_bitmap_lo, sbi->desc_size >= 64 ? g->bg_inode_bitmap_hi : 0), 1)) {
		printk(KERN_ERR "EXT4-fs (%s): group descriptor %u names blocks that are not there\n", sb->s_id,
		       group);
		return -EFSCORRUPTED;
	}
	return 0;
}

static int read_gdt(struct super_block *sb, struct ext4_sb *sbi)
{
	u32 i, group;
	int err = 0;

	sbi->gdt = kcalloc(sbi->gdt_blocks, sizeof(sbi->gdt[0]), GFP_KERNEL);
	if (!sbi->gdt)
		return -ENOMEM;
	for (i = 0; i < sbi->gdt_blocks && !err; i++) {
		u64 block = gdt_block(sbi, i);

		sbi->gdt[i] = kmalloc(sbi->block_size, GFP_KERNEL);
		if (!sbi->gdt[i])
			return -ENOMEM;
		if (!ext4_block_valid(sbi, block, 1))
			return -EFSCORRUPTED;
		err = bdev_rw(sb->s_bdev, REQ_READ | REQ_META, block * (sbi->block_size >> SECTOR_SHIFT),
			      sbi->gdt[i], sbi->block_size);
	}
	for (group = 0; group < sbi->nr_groups && !err; group++) {
		err = check_group(sb, sbi, group);
		cond_resched();
	}
	return err;
}

/* ---- mount, unmount ---- */

static void free_sbi(struct ext4_sb *sbi)
{
	u32 i;

	for (i = 0; sbi->gdt && i < sbi->gdt_blocks; i++)
		kfree(sbi->gdt[i]);
	kfree(sbi->gdt);
	ext4_bufs_destroy(sbi);
	kfree(sbi);
}

static void ext4_put_super(struct super_block *sb)
{
	free_sbi(EXT4_SB(sb));
	sb->s_fs_info = NULL;
}

static struct kmem_cache *inode_cache;

static struct inode *ext4_alloc_inode(struct super_block *sb)
{
	struct ext4_inode *ei = kmem_cache_zalloc(inode_cache, GFP_NOFS);

	if (!ei)
		return NULL;
	init_rwsem(&ei->i_data_sem);
	return &ei->vfs;
}

static void ext4_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, EXT4_I(inode));
}

static void ext4_evict_inode(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
}

static u64 count64(u32 lo, u32 hi)
{
	return lo | (u64)hi << 32;
}

static int ext4_statfs(struct dentry *d, struct kstatfs *st)
{
	struct ext4_sb *sbi = EXT4_SB(d->d_sb);
	const struct ext4_disk_sb *s = &sbi->disk;
	u64 free = count64(s->s_free_blocks_count_lo, s->s_free_blocks_count_hi);
	u64 reserved = count64(s->s_r_blocks_count_lo, s->s_r_blocks_count_hi);

	st->f_type = EXT4_SUPER_MAGIC;
	st->f_bsize = st->f_frsize = sbi->block_size;
	st->f_blocks = sbi->blocks_count - s->s_overhead_clusters;
	st->f_bfree = free;
	st->f_bavail = free > reserved ? free - reserved : 0;
	st->f_files = s->s_inodes_count;
	st->f_ffree = s->s_free_inodes_count;
	st->f_namelen = NAME_MAX;
	st->f_fsid = d->d_sb->s_fsid;
	return 0;
}

static const struct super_operations ext4_sops = {
	.alloc_inode = ext4_alloc_inode,
	.free_inode = ext4_free_inode,
	.evict_inode = ext4_evict_inode,
	.put_super = ext4_put_super,
	.statfs = ext4_statfs,
};

static int ext4_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct ext4_sb *sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);
	struct inode *root;
	int err;

	if (!sbi)
		return -ENOMEM;
	sbi->sb = sb;
	sb->s_fs_info = sbi;
	err = read_disk_sb(sb, sbi, silent);
	if (!err)
		err = check_features(sb, sbi, silent);
	if (!err)
		err = check_geometry(sb, sbi, silent);
	if (!err)
		err = ext4_bufs_init(sbi);
	if (!err)
		err = read_gdt(sb, sbi);
	if (err)
		goto err_free;
	sb->s_blocksize = sbi->block_size;
	sb->s_blocksize_bits = 10 + sbi->disk.s_log_block_size;
	sb->s_maxbytes = (loff_t)(((u64)sbi->block_size << 32) - sbi->block_size);
	sb->s_magic = EXT4_SUPER_MAGIC;
	sb->s_op = &ext4_sops;
	sb->s_time_gran = 1;
	memcpy(sb->s_uuid, sbi->disk.s_uuid, 16);
	memcpy(&sb->s_fsid, sbi->disk.s_uuid, 8);
	if (!(sb->s_flags & SB_RDONLY)) {
		printk(KERN_NOTICE "EXT4-fs (%s): no journal yet: mounted read-only\n", sb->s_id);
		sb->s_flags |= SB_RDONLY;
	}
	root = ext4_iget(sb, EXT4_ROOT_INO);
	if (IS_ERR(root)) {
		err = (int)PTR_ERR(root);
		goto err_free;
	}
	if (!S_ISDIR(root->i_mode)) {
		iput(root);
		err = refuse_mount(sb, false, "the root inode is no directory");
		goto err_free;
	}
	sb->s_root = d_make_root(root);
	if (sb->s_root)
		return 0;
	err = -ENOMEM;

err_free:
	sb->s_fs_info = NULL;
	sb->s_op = NULL;
	free_sbi(sbi);
	return err;
}

static struct dentry *ext4_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_bdev(t, flags, dev, data, ext4_fill_super);
}

static struct file_system_type ext4_type = {
	.name = "ext4",
	.fs_flags = FS_REQUIRES_DEV,
	.mount = ext4_mount,
	.kill_sb = kill_block_super,
};

static int ext4_init(void)
{
	inode_cache = kmem_cache_create("ext4_inode", sizeof(struct ext4_inode), 0);
	return inode_cache ? register_filesystem(&ext4_type) : -ENOMEM;
}
INITCALL(3, ext4_init);
