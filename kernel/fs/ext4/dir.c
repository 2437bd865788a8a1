/* SPDX-License-Identifier: MIT */
/*
 * dir.c: directories: checking a block, listing, looking a name up.
 *
 * A directory is a file of blocks of entries. The blocks of an htree's inner nodes look like one empty entry to who does not know the tree,
 * so a walk over all blocks finds every name. Each block is checked once (BUF_VERIFIED): lengths, bounds, checksum.
 * Positions handed to readdir are byte offsets; what changes in between may be seen or not, as POSIX allows.
 * Source: linux-doc, filesystems/ext4/directory.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"

u32 ext4_rec_len(const struct ext4_sb *sbi, const struct ext4_dir_entry *de)
{
	u32 len = de->rec_len;

	return len == 0xffff || !len ? sbi->block_size : len;
}

static bool entry_ok(const struct ext4_sb *sbi, const u8 *block, u32 off, u32 end)
{
	const struct ext4_dir_entry *de = (const void *)(block + off);
	u32 len;

	if (end - off < EXT4_DIR_REC_LEN(1))
		return false;
	len = ext4_rec_len(sbi, de);
	return len >= EXT4_DIR_REC_LEN(1) && !(len & 3) && len <= end - off &&
	       (!de->inode || (de->name_len && EXT4_DIR_REC_LEN(de->name_len) <= len &&
			       de->inode <= sbi->disk.s_inodes_count));
}

static const struct ext4_dir_tail *dir_tail(const struct ext4_sb *sbi, const u8 *block)
{
	const struct ext4_dir_tail *t = (const void *)(block + sbi->block_size - sizeof(*t));

	return !t->det_reserved_zero1 && t->det_rec_len == sizeof(*t) && !t->det_reserved_zero2 &&
			       t->det_reserved_ft == EXT4_DIR_TAIL_FT
		       ? t
		       : NULL;
}

static int verify_block(struct inode *dir, struct ext4_buf *b, u32 lblk)
{
	const struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	const struct ext4_dir_tail *tail;
	u32 off;

	if (b->flags & BUF_VERIFIED)
		return 0;
	for (off = 0; off < sbi->block_size;
	     off += ext4_rec_len(sbi, (const void *)(b->data + off)))
		if (!entry_ok(sbi, b->data, off, sbi->block_size)) {
			ext4_error(dir->i_sb, "directory %lu, block %u: bad entry at %u", dir->i_ino, lblk, off);
			return -EFSCORRUPTED;
		}
	tail = sbi->csum ? dir_tail(sbi, b->data) : NULL;
	if (tail && ext4_csum(EXT4_I(dir)->csum_seed, b->data, (size_t)((const u8 *)tail - b->data)) !=
			    tail->det_checksum) {
		ext4_error(dir->i_sb, "directory %lu, block %u: bad checksum", dir->i_ino, lblk);
		return -EFSBADCRC;
	}
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
	return 0;
}

struct ext4_buf *ext4_dir_block(struct inode *dir, u32 lblk)
{
	struct ext4_map map = {.lblk = lblk, .len = 1};
	struct ext4_buf *b;
	int err;

	down_read(&EXT4_I(dir)->i_data_sem);
	err = ext4_map_blocks(dir, &map);
	up_read(&EXT4_I(dir)->i_data_sem);
	if (err)
		return ERR_PTR(err);
	if (!map.pblk || map.unwritten)
		return NULL;
	b = ext4_bread(EXT4_SB(dir->i_sb), map.pblk);
	if (IS_ERR(b))
		return b;
	err = verify_block(dir, b, lblk);
	if (err) {
		ext4_brelse(b);
		return ERR_PTR(err);
	}
	return b;
}

static u32 nr_blocks(const struct inode *dir)
{
	return (u32)min_t(u64, (u64)dir->i_size >> dir->i_blkbits, 0xffffffffUL);
}

static u32 to_dtype(const struct ext4_sb *sbi, u8 type)
{
	static const u8 map[] = {0, 8, 4, 2, 6, 1, 12, 10};

	return EXT4_HAS(sbi, incompat, INCOMPAT_FILETYPE) && type < ARRAY_SIZE(map) ? map[type] : 0;
}

static int ext4_iterate(struct file *f, struct dir_context *ctx)
{
	struct inode *dir = f->f_inode;
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	u32 lblk = (u32)((u64)ctx->pos >> dir->i_blkbits);

	for (; lblk < nr_blocks(dir); lblk++) {
		struct ext4_buf *b = ext4_dir_block(dir, lblk);
		u32 off, from = (u32)((u64)ctx->pos & (sbi->block_size - 1)), len;
		u64 base = (u64)lblk << dir->i_blkbits;

		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		for (off = 0; b && off < sbi->block_size; off += len) {
			const struct ext4_dir_entry *de = (const void *)(b->data + off);

			len = ext4_rec_len(sbi, de);
			if (off < from || !de->inode)
				continue;
			ctx->pos = (loff_t)(base + off);
			if (!dir_emit(ctx, de->name, de->name_len, de->inode, to_dtype(sbi, de->file_type))) {
				ext4_brelse(b);
				return 0;
			}
		}
		if (b)
			ext4_brelse(b);
		ctx->pos = (loff_t)(base + sbi->block_size);
		cond_resched();
	}
	return 0;
}

static u32 find_in_block(const struct ext4_sb *sbi, const u8 *block, const struct qstr *name)
{
	u32 off;

	for (off = 0; off < sbi->block_size;
	     off += ext4_rec_len(sbi, (const void *)(block + off))) {
		const struct ext4_dir_entry *de = (const void *)(block + off);

		if (de->inode && de->name_len == name->len && !memcmp(de->name, name->name, name->len))
			return de->inode;
	}
	return 0;
}

static struct dentry *ext4_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	u32 lblk, ino = 0;

	if (d->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	for (lblk = 0; lblk < nr_blocks(dir) && !ino; lblk++) {
		struct ext4_buf *b = ext4_dir_block(dir, lblk);

		if (IS_ERR(b))
			return ERR_CAST(b);
		if (!b)
			continue;
		ino = find_in_block(sbi, b->data, &d->d_name);
		ext4_brelse(b);
	}
	return d_splice_alias(ino ? ext4_iget(dir->i_sb, ino) : NULL, d);
}

const struct file_operations ext4_dir_fops = {
	.llseek = generic_file_llseek,
	.iterate = ext4_iterate,
};
const struct inode_operations ext4_dir_iops = {.lookup = ext4_lookup};
