/* SPDX-License-Identifier: MIT */
/*
 * disk.h: the structures of ext4 on disk, which are little-endian, and their constants. Source:
 * linux-doc, filesystems/ext4 (the layout documentation).
 */
#ifndef NESTLING_EXT4_DISK_H
#define NESTLING_EXT4_DISK_H

#include "kernel/lib/types.h"

#define EXT4_MAGIC 0xef53
#define EXT4_ROOT_INO 2
#define EXT4_RESIZE_INO 7
#define EXT4_JOURNAL_INO 8
#define EXT4_SB_OFFSET 1024

struct ext4_disk_sb {
	__le32 s_inodes_count, s_blocks_count_lo, s_r_blocks_count_lo, s_free_blocks_count_lo;
	__le32 s_free_inodes_count, s_first_data_block, s_log_block_size, s_log_cluster_size;
	__le32 s_blocks_per_group, s_clusters_per_group, s_inodes_per_group, s_mtime;
	__le32 s_wtime;
	__le16 s_mnt_count, s_max_mnt_count, s_magic, s_state, s_errors, s_minor_rev_level;
	__le32 s_lastcheck, s_checkinterval, s_creator_os, s_rev_level;
	__le16 s_def_resuid, s_def_resgid;
	__le32 s_first_ino;
	__le16 s_inode_size, s_block_group_nr;
	__le32 s_feature_compat, s_feature_incompat, s_feature_ro_compat;
	u8 s_uuid[16];
	char s_volume_name[16], s_last_mounted[64];
	__le32 s_algorithm_usage_bitmap;
	u8 s_prealloc_blocks, s_prealloc_dir_blocks;
	__le16 s_reserved_gdt_blocks;
	u8 s_journal_uuid[16];
	__le32 s_journal_inum, s_journal_dev, s_last_orphan, s_hash_seed[4];
	u8 s_def_hash_version, s_jnl_backup_type;
	__le16 s_desc_size;
	__le32 s_default_mount_opts, s_first_meta_bg, s_mkfs_time, s_jnl_blocks[17];
	__le32 s_blocks_count_hi, s_r_blocks_count_hi, s_free_blocks_count_hi;
	__le16 s_min_extra_isize, s_want_extra_isize;
	__le32 s_flags;
	__le16 s_raid_stride, s_mmp_interval;
	__le64 s_mmp_block;
	__le32 s_raid_stripe_width;
	u8 s_log_groups_per_flex, s_checksum_type, s_encryption_level, s_reserved_pad;
	__le64 s_kbytes_written;
	__le32 s_snapshot_inum, s_snapshot_id;
	__le64 s_snapshot_r_blocks_count;
	__le32 s_snapshot_list, s_error_count, s_first_error_time, s_first_error_ino;
	__le64 s_first_error_block;
	u8 s_first_error_func[32];
	__le32 s_first_error_line, s_last_error_time, s_last_error_ino, s_last_error_line;
	__le64 s_last_error_block;
	u8 s_last_error_func[32], s_mount_opts[64];
	__le32 s_usr_quota_inum, s_grp_quota_inum, s_overhead_clusters, s_backup_bgs[2];
	u8 s_encrypt_algos[4], s_encrypt_pw_salt[16];
	__le32 s_lpf_ino, s_prj_quota_inum, s_checksum_seed;
	u8 s_wtime_hi, s_mtime_hi, s_mkfs_time_hi, s_lastcheck_hi, s_first_error_time_hi,
		s_last_error_time_hi, s_first_error_errcode, s_last_error_errcode;
	__le16 s_encoding, s_encoding_flags;
	__le32 s_orphan_file_inum, s_reserved[94], s_checksum;
} __packed;
_Static_assert(sizeof(struct ext4_disk_sb) == 1024, "superblock");

/* s_state */
#define EXT4_VALID_FS 1
#define EXT4_ERROR_FS 2
#define EXT4_ORPHAN_FS 4
/* s_errors */
#define EXT4_ERRORS_CONTINUE 1
#define EXT4_ERRORS_RO 2
#define EXT4_ERRORS_PANIC 3
/* s_flags */
#define EXT4_FLAGS_SIGNED_HASH 1
#define EXT4_FLAGS_UNSIGNED_HASH 2

#define COMPAT_DIR_PREALLOC 0x1
#define COMPAT_HAS_JOURNAL 0x4
#define COMPAT_EXT_ATTR 0x8
#define COMPAT_RESIZE_INODE 0x10
#define COMPAT_DIR_INDEX 0x20
#define COMPAT_SPARSE_SUPER2 0x200
#define COMPAT_ORPHAN_FILE 0x1000

#define INCOMPAT_FILETYPE 0x2
#define INCOMPAT_RECOVER 0x4
#define INCOMPAT_JOURNAL_DEV 0x8
#define INCOMPAT_META_BG 0x10
#define INCOMPAT_EXTENTS 0x40
#define INCOMPAT_64BIT 0x80
#define INCOMPAT_MMP 0x100
#define INCOMPAT_FLEX_BG 0x200
#define INCOMPAT_EA_INODE 0x400
#define INCOMPAT_CSUM_SEED 0x2000
#define INCOMPAT_LARGEDIR 0x4000
#define INCOMPAT_INLINE_DATA 0x8000
#define INCOMPAT_ENCRYPT 0x10000
#define INCOMPAT_CASEFOLD 0x20000
#define INCOMPAT_SUPPORTED                                                                         \
	(INCOMPAT_FILETYPE | INCOMPAT_RECOVER | INCOMPAT_META_BG | INCOMPAT_EXTENTS |              \
		INCOMPAT_64BIT | INCOMPAT_FLEX_BG | INCOMPAT_CSUM_SEED | INCOMPAT_LARGEDIR |       \
		INCOMPAT_EA_INODE | INCOMPAT_INLINE_DATA)

#define RO_COMPAT_SPARSE_SUPER 0x1
#define RO_COMPAT_LARGE_FILE 0x2
#define RO_COMPAT_HUGE_FILE 0x8
#define RO_COMPAT_GDT_CSUM 0x10
#define RO_COMPAT_DIR_NLINK 0x20
#define RO_COMPAT_EXTRA_ISIZE 0x40
#define RO_COMPAT_QUOTA 0x100
#define RO_COMPAT_BIGALLOC 0x200
#define RO_COMPAT_METADATA_CSUM 0x400
#define RO_COMPAT_READONLY 0x1000
#define RO_COMPAT_PROJECT 0x2000
#define RO_COMPAT_VERITY 0x8000
#define RO_COMPAT_ORPHAN_PRESENT 0x10000
/* A file system with any RO_COMPAT feature that is not listed can be mounted read-only only. */
#define RO_COMPAT_SUPPORTED                                                                        \
	(RO_COMPAT_SPARSE_SUPER | RO_COMPAT_LARGE_FILE | RO_COMPAT_HUGE_FILE |                     \
		RO_COMPAT_GDT_CSUM | RO_COMPAT_DIR_NLINK | RO_COMPAT_EXTRA_ISIZE |                 \
		RO_COMPAT_METADATA_CSUM | RO_COMPAT_QUOTA | RO_COMPAT_PROJECT |                    \
		RO_COMPAT_ORPHAN_PRESENT)

struct ext4_disk_group {
	__le32 bg_block_bitmap_lo, bg_inode_bitmap_lo, bg_inode_table_lo;
	__le16 bg_free_blocks_count_lo, bg_free_inodes_count_lo, bg_used_dirs_count_lo, bg_flags;
	__le32 bg_exclude_bitmap_lo;
	__le16 bg_block_bitmap_csum_lo, bg_inode_bitmap_csum_lo, bg_itable_unused_lo, bg_checksum;
	__le32 bg_block_bitmap_hi, bg_inode_bitmap_hi, bg_inode_table_hi;
	__le16 bg_free_blocks_count_hi, bg_free_inodes_count_hi, bg_used_dirs_count_hi,
		bg_itable_unused_hi;
	__le32 bg_exclude_bitmap_hi;
	__le16 bg_block_bitmap_csum_hi, bg_inode_bitmap_csum_hi;
	__le32 bg_reserved;
} __packed;
_Static_assert(sizeof(struct ext4_disk_group) == 64, "group descriptor");
#define EXT4_MIN_DESC_SIZE 32
#define BG_INODE_UNINIT 1
#define BG_BLOCK_UNINIT 2
#define BG_INODE_ZEROED 4

struct ext4_disk_inode {
	__le16 i_mode, i_uid;
	__le32 i_size_lo, i_atime, i_ctime, i_mtime, i_dtime;
	__le16 i_gid, i_links_count;
	__le32 i_blocks_lo, i_flags, i_version;
	__le32 i_block[15];
	__le32 i_generation, i_file_acl_lo, i_size_high, i_obso_faddr;
	__le16 i_blocks_high, i_file_acl_high, i_uid_high, i_gid_high, i_checksum_lo, i_reserved;
	/* beyond the first 128 bytes, in file systems with larger inodes */
	__le16 i_extra_isize, i_checksum_hi;
	__le32 i_ctime_extra, i_mtime_extra, i_atime_extra, i_crtime, i_crtime_extra, i_version_hi,
		i_projid;
} __packed;
_Static_assert(sizeof(struct ext4_disk_inode) == 160, "inode");
#define EXT4_GOOD_OLD_INODE_SIZE 128

/* i_flags */
/* these three are accepted without effect */
#define EXT4_SECRM_FL 0x1
#define EXT4_UNRM_FL 0x2
#define EXT4_COMPR_FL 0x4
#define EXT4_SYNC_FL 0x8
#define EXT4_IMMUTABLE_FL 0x10
#define EXT4_APPEND_FL 0x20
#define EXT4_NODUMP_FL 0x40
#define EXT4_NOATIME_FL 0x80
#define EXT4_INDEX_FL 0x1000
#define EXT4_NOTAIL_FL 0x8000 /* accepted without effect */
#define EXT4_DIRSYNC_FL 0x10000
#define EXT4_TOPDIR_FL 0x20000
#define EXT4_HUGE_FILE_FL 0x40000
#define EXT4_EXTENTS_FL 0x80000
#define EXT4_EA_INODE_FL 0x200000
#define EXT4_INLINE_DATA_FL 0x10000000

/*
 * Masks of i_flags: what lsattr shows, what chattr may change, and what this kernel refuses to set
 * (journaled data, blocks beyond the end, DAX, project ids, case-insensitive names, and extents for
 * a file without them). Changes of all other flags are ignored.
 */
#define EXT4_USER_VISIBLE 0x725bdfffU
#define EXT4_USER_CHANGES                                                                          \
	(EXT4_SECRM_FL | EXT4_UNRM_FL | EXT4_COMPR_FL | EXT4_SYNC_FL | EXT4_IMMUTABLE_FL |         \
		EXT4_APPEND_FL | EXT4_NODUMP_FL | EXT4_NOATIME_FL | EXT4_NOTAIL_FL |               \
		EXT4_DIRSYNC_FL | EXT4_TOPDIR_FL)
#define EXT4_USER_REFUSED 0x62484000U

#define EXT4_NDIR_BLOCKS 12

struct ext4_extent_header {
	__le16 eh_magic, eh_entries, eh_max, eh_depth;
	__le32 eh_generation;
} __packed;
struct ext4_extent_idx {
	__le32 ei_block, ei_leaf_lo;
	__le16 ei_leaf_hi, ei_unused;
} __packed;
struct ext4_extent {
	__le32 ee_block;
	__le16 ee_len, ee_start_hi;
	__le32 ee_start_lo;
} __packed;
_Static_assert(sizeof(struct ext4_extent) == 12, "extent");
#define EXT4_EXT_MAGIC 0xf30a
/*
 * Longest written extent, in blocks. A larger ee_len marks an unwritten extent of ee_len -
 * EXT4_INIT_MAX_LEN blocks.
 */
#define EXT4_INIT_MAX_LEN 32768
#define EXT4_MAX_DEPTH 5

struct ext4_dir_entry {
	__le32 inode;
	__le16 rec_len;
	u8 name_len, file_type;
	char name[];
} __packed;
struct ext4_dir_tail {
	__le32 det_reserved_zero1;
	__le16 det_rec_len;
	u8 det_reserved_zero2, det_reserved_ft;
	__le32 det_checksum;
} __packed;
#define EXT4_DIR_TAIL_FT 0xde
#define EXT4_DIR_REC_LEN(n) (((u32)(n) + 8 + 3) & ~3U)

#endif
