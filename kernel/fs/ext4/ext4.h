/* SPDX-License-Identifier: MIT */
/*
 * ext4.h: what the files of kernel/fs/ext4 share: the mounted file system, inodes in memory, metadata blocks.
 *
 * Everything read from the disk is hostile: a number from disk is checked where it is read (super.c, inode.c, extent.c, dir.c) before it
 * is used as an index, a length or a block number; what fails is reported by ext4_error() and answered with -EUCLEAN.
 */
#ifndef NESTLING_EXT4_H
#define NESTLING_EXT4_H

#include <asm/errno.h>

#include "kernel/block/block.h"
#include "kernel/fs/ext4/disk.h"
#include "kernel/vfs/vfs.h"

#define EFSCORRUPTED EUCLEAN
#define EFSBADCRC EBADMSG

/* ---- metadata blocks (buffer.c) ---- */

/*
 * One block of metadata, by number, in the file system's own cache. The bdev's page cache is not used for them: the journal must decide
 * when each block may reach the disk.
 */
struct ext4_sb;
struct ext4_buf {
	struct hlist_node hash;   /* under sbi->buf_lock */
	struct list_head lru;     /* while unused; under sbi->buf_lock */
	struct ext4_sb *sbi;
	u64 block;                /* immutable while hashed */
	u32 refs;                 /* under sbi->buf_lock */
	u32 flags;
	struct mutex lock;        /* reading it in; changing it */
	u8 *data;                 /* s_blocksize bytes */
};
#define BUF_UPTODATE 1
#define BUF_VERIFIED 2            /* its checksum and structure have been checked */

struct ext4_sb {
	struct super_block *sb;
	struct ext4_disk_sb disk; /* as read */
	u32 block_size, blocks_per_group, inodes_per_group, inode_size, desc_size, descs_per_block;
	u32 nr_groups, first_data_block, gdt_blocks, csum_seed;
	u64 blocks_count;
	bool csum, unsigned_hash;
	u8 **gdt;                 /* blocks of group descriptors */

	spinlock_t buf_lock;
	struct hlist_head *buf_hash;
	struct list_head buf_lru; /* unused ones, oldest first */
	u32 nr_bufs;
};
static inline struct ext4_sb *EXT4_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
#define EXT4_HAS(sbi, kind, f) (!!((sbi)->disk.s_feature_##kind & (f)))

struct ext4_inode {
	struct inode vfs;
	u32 i_flags;              /* EXT4_*_FL */
	__le32 i_block[15];       /* extent root, block map or fast symlink; under i_data_sem */
	struct rwsem i_data_sem;
	u32 csum_seed;
	u16 extra_isize;
	u64 file_acl;
};
static inline struct ext4_inode *EXT4_I(const struct inode *inode)
{
	return container_of(inode, struct ext4_inode, vfs);
}

int ext4_bufs_init(struct ext4_sb *sbi);
void ext4_bufs_destroy(struct ext4_sb *sbi);
/* The block, read: a reference for ext4_brelse(). ERR_PTR(-EFSCORRUPTED: no such block, -EIO, -ENOMEM). */
struct ext4_buf *ext4_bread(struct ext4_sb *sbi, u64 block);
void ext4_brelse(struct ext4_buf *b);

/* super.c */
void ext4_error(struct super_block *sb, const char *fmt, ...) __printf(2, 3);
struct ext4_disk_group *ext4_group(struct ext4_sb *sbi, u32 group); /* NULL: no such group */
u64 ext4_group_inode_table(struct ext4_sb *sbi, const struct ext4_disk_group *g);
bool ext4_block_valid(const struct ext4_sb *sbi, u64 block, u64 count);
static inline u32 ext4_csum(u32 crc, const void *p, size_t n);

/* inode.c */
struct inode *ext4_iget(struct super_block *sb, ino_t ino);
extern const struct address_space_operations ext4_aops;

/* extent.c: where file blocks are. */
struct ext4_map {
	u32 lblk, len;     /* asked; len is cut to what the answer holds for */
	u64 pblk;          /* 0: a hole */
	bool unwritten;    /* allocated, reads as zeros */
};
int ext4_map_blocks(struct inode *inode, struct ext4_map *map);
int ext4_extent_check_root(struct inode *inode);

/* dir.c, namei.c */
extern const struct file_operations ext4_dir_fops, ext4_file_fops;
extern const struct inode_operations ext4_dir_iops, ext4_file_iops, ext4_symlink_iops, ext4_fast_symlink_iops,
	ext4_special_iops;
/* A directory's block, checked: ERR_PTR. NULL: a hole. */
struct ext4_buf *ext4_dir_block(struct inode *dir, u32 lblk);
u32 ext4_rec_len(const struct ext4_sb *sbi, const struct ext4_dir_entry *de);

#include "kernel/lib/crc.h"
static inline u32 ext4_csum(u32 crc, const void *p, size_t n)
{
	return crc32c(crc, p, n);
}

#endif
