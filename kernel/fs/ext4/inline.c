/* SPDX-License-Identifier: MIT */
/*
 * inline.c: small files and directories that lie in their inode (feature inline_data): 60 bytes in
 * place of the block map, the rest as the attribute system.data after the inode's fields.
 *
 * Files: reading fills page 0 from the inode. Writing goes through the page cache as for other
 * files. Writeback (ext4_inline_write) puts the page into the inode if the whole file fits and has
 * no blocks yet. Any other change of a file (size, holes, later pages) first moves its content into
 * blocks: ext4_inline_out(). The data is written to the block before the handle ends, so no crash
 * finds the block without its data.
 *
 * Directories: the first word is the parent's inode number, and the entries follow it.
 * ext4_inline_dir() makes an ordinary leaf of them in a separate buffer, which callers read and
 * change like a block. ext4_leaf_dirty() packs it into the inode again, or gives the directory a
 * block if it does not fit.
 *
 * Locks: i_data_sem. Sources: linux-doc, filesystems/ext4/inlinedata; and images that Linux made,
 * in which a file that fits into i_block has the attribute too, with an empty value.
 */
#include "kernel/fs/ext4/dir.h"
#include "kernel/fs/ext4/xattr/xattr.h"

#include "kernel/lib/string.h"

#define IN_MAP 60U /* sizeof(i_block) */
#define PARENT 4U  /* bytes for the parent's inode number */

bool ext4_wants_inline(const struct inode *inode)
{
	const struct ext4_sb *sbi = EXT4_SB(inode->i_sb);

	return EXT4_HAS(sbi, incompat, INCOMPAT_INLINE_DATA) &&
	       sbi->inode_size > EXT4_GOOD_OLD_INODE_SIZE &&
	       !(EXT4_I(inode)->i_flags & EXT4_EA_INODE_FL);
}

/*
 * Copies the content, at most @room bytes, to @to. Returns its length or -errno. i_data_sem is
 * held.
 */
static int get(struct inode *inode, u8 *to, u32 room)
{
	u32 size, n = min(room, IN_MAP);
	u8 *value;
	int err = ext4_system_data(inode, &value, &size);

	if (err && err != -ENODATA)
		return err;
	memcpy(to, EXT4_I(inode)->i_block, n);
	if (!err) {
		memcpy(to + n, value, min(size, room - n));
		n += min(size, room - n);
	}
	if (!err)
		kfree(value);
	return (int)n;
}

/*
 * Sets the content to @size bytes. i_data_sem is held for writing. The caller writes the inode.
 * Returns 0 or -errno: -ENOSPC if it does not fit.
 */
static int put(struct ext4_handle *h, struct inode *inode, const u8 *data, u32 size)
{
	struct ext4_inode *ei = EXT4_I(inode);
	int err = ext4_set_system_data(
		h, inode, data + min(size, IN_MAP), size > IN_MAP ? size - IN_MAP : 0);

	if (err)
		return err;
	memset(ei->i_block, 0, IN_MAP);
	memcpy(ei->i_block, data, min(size, IN_MAP));
	ei->i_flags = (ei->i_flags & ~(u32)EXT4_EXTENTS_FL) | EXT4_INLINE_DATA_FL;
	return 0;
}

int ext4_inline_read(struct inode *inode, u8 *to, u32 room)
{
	int n = -ENODATA;

	down_read(&EXT4_I(inode)->i_data_sem);
	if (ext4_is_inline(inode))
		n = get(inode, to, room);
	up_read(&EXT4_I(inode)->i_data_sem);
	return n;
}

/*
 * Gives the inode block 0 instead of its inline content, and sets *block to the block's number.
 * First writes @data there, unless it is NULL: then the caller writes the content through the
 * journal. Returns 0, or -errno with nothing changed. i_data_sem is held for writing.
 */
static int give_block(struct ext4_handle *h, struct inode *inode, u8 *data, u64 *block)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_map m = { .lblk = 0, .len = 1 };
	u32 flags = ei->i_flags, bs = (u32)inode->i_sb->s_blocksize;
	__le32 saved[15];
	int err;

	memcpy(saved, ei->i_block, sizeof(saved));
	ei->i_flags &= ~(u32)EXT4_INLINE_DATA_FL;
	ext4_extent_init(inode);
	err = ext4_map_create(h, inode, &m, false);
	if (!err && data)
		err = bdev_rw(
			inode->i_sb->s_bdev, REQ_WRITE, m.pblk * (bs >> SECTOR_SHIFT), data, bs);
	if (!err)
		err = ext4_set_system_data(h, inode, NULL, 0);
	if (err) {
		if (m.pblk)
			ext4_free_blocks(h, inode, m.pblk, 1, false);
		memcpy(ei->i_block, saved, sizeof(saved));
		ei->i_flags = flags;
		/* Another writer of the inode may have stored the new state meanwhile. */
		ext4_write_inode_raw(h, inode);
	}
	*block = m.pblk;
	return err;
}

/* Moves the file's content into a block. Returns 0 or -errno. i_data_sem is held for writing. */
static int out_locked(struct ext4_handle *h, struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	u8 *data = kzalloc(sb->s_blocksize, GFP_NOFS);
	u64 block;
	int err = data ? get(inode, data, (u32)sb->s_blocksize) : -ENOMEM;

	if (err >= 0 &&
		(u64)err > (u64)EXT4_I(inode)->disksize) /* clear the bytes beyond the end */
		memset(data + EXT4_I(inode)->disksize, 0,
			(size_t)err - (size_t)EXT4_I(inode)->disksize);
	if (err >= 0)
		err = give_block(h, inode, data, &block);
	if (!err)
		err = ext4_write_inode_raw(h, inode);
	kfree(data);
	return err;
}

int ext4_inline_out(struct inode *inode, bool shorter)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_handle *h;
	int err;

	if (!ext4_is_inline(inode))
		return 0;
	err = ext4_reserve(sbi, 1);
	if (err && shorter)
		err = ext4_reserve_meta(sbi, 1, true);
	if (err)
		return err;
	h = ext4_start(inode->i_sb, 2 * EXT4_ALLOC_CREDITS + EXT4_INODE_CREDITS);
	if (IS_ERR(h)) {
		ext4_unreserve(sbi, 1);
		return (int)PTR_ERR(h);
	}
	down_write(&EXT4_I(inode)->i_data_sem);
	if (ext4_is_inline(inode))
		err = out_locked(h, inode);
	up_write(&EXT4_I(inode)->i_data_sem);
	ext4_stop(h);
	ext4_unreserve(sbi, 1);
	return err;
}

/* True if the extent tree is empty. i_data_sem is held. */
static bool has_no_blocks(const struct inode *inode)
{
	const struct ext4_inode *ei = EXT4_I(inode);
	const struct ext4_extent_header *root = (const void *)ei->i_block;

	return ei->i_flags & EXT4_EXTENTS_FL && !root->eh_entries;
}

int ext4_inline_write(struct ext4_handle *h, struct inode *inode, u64 index, const u8 *page)
{
	struct ext4_inode *ei = EXT4_I(inode);
	int err = -ENOSPC;
	u64 size;

	if (!ext4_wants_inline(inode) || !S_ISREG(inode->i_mode))
		return -ENOSPC;
	down_write(&ei->i_data_sem);
	/*
	 * i_size is read under i_data_sem: a truncation that extends the file sets it under this
	 * lock too, and only if the file has no inline data then (make_longer() in truncate.c).
	 */
	size = (u64)i_size_read(inode);
	if (!ext4_is_inline(inode) && !has_no_blocks(inode))
		goto out;
	if (!index && size && size <= EXT4_SB(inode->i_sb)->inode_size)
		err = put(h, inode, page, (u32)size);
	if (!err) {
		ei->disksize = (loff_t)size;
		err = ext4_write_inode_raw(h, inode);
	} else if (err == -ENOSPC && ext4_is_inline(inode)) {
		err = out_locked(h, inode);
		err = err ? err : -ENOSPC; /* has a block now: caller writes it */
	}
out:
	up_write(&ei->i_data_sem);
	return err;
}

/* ---- directories ---- */

/*
 * Copies the entries of [from, from+n) into the leaf at *at, and moves *at to their end. Returns 0
 * or -errno.
 */
static int unpack(const struct ext4_sb *sbi, struct ext4_buf *b, const u8 *from, u32 n, u32 *at)
{
	u32 off, len, room = ext4_dir_space(sbi);

	for (off = 0; off < n; off += len) {
		const struct ext4_dir_entry *de = (const void *)(from + off);
		struct ext4_dir_entry *to = (void *)(b->data + *at);

		if (!ext4_entry_ok(sbi, from, off, n))
			return -EFSCORRUPTED;
		len = de->rec_len;
		if (!de->inode)
			continue;
		if (*at + EXT4_DIR_REC_LEN(de->name_len) > room)
			return -EFSCORRUPTED;
		memcpy(to, de, 8U + de->name_len);
		to->rec_len = (u16)EXT4_DIR_REC_LEN(de->name_len);
		*at += to->rec_len;
	}
	return 0;
}

/* Writes "." and ".." into the leaf. Returns the byte offset after them. */
static u32 put_dots(const struct ext4_sb *sbi, struct ext4_buf *b, u32 self, u32 parent)
{
	struct ext4_dir_entry *dot = (void *)b->data, *dots = (void *)(b->data + 12);
	u8 type = EXT4_HAS(sbi, incompat, INCOMPAT_FILETYPE) ? 2 : 0;

	*dot = (struct ext4_dir_entry){
		.inode = self, .rec_len = 12, .name_len = 1, .file_type = type
	};
	*dots = (struct ext4_dir_entry){
		.inode = parent, .rec_len = 12, .name_len = 2, .file_type = type
	};
	dot->name[0] = dots->name[0] = dots->name[1] = '.';
	return 24;
}

/* Extends the last entry, which ends at @at, to the end of the leaf. */
static void stretch_last(const struct ext4_sb *sbi, struct ext4_buf *b, u32 at)
{
	u32 off = 0;

	for (;;) {
		struct ext4_dir_entry *de = (void *)(b->data + off);

		if (off + de->rec_len >= at) {
			de->rec_len = (u16)(ext4_dir_space(sbi) - off);
			return;
		}
		off += de->rec_len;
	}
}

struct ext4_buf *ext4_inline_dir(struct inode *dir)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	struct ext4_buf *b = ext4_bprivate(sbi);
	u8 *data = kmalloc(sbi->block_size, GFP_NOFS);
	int n = b && data ? ext4_inline_read(dir, data, sbi->block_size) : -ENOMEM, err = min(n, 0);
	u32 at;

	if (!err) {
		ext4_leaf_init(sbi, b);
		at = put_dots(sbi, b, (u32)dir->i_ino, *(__le32 *)data);
		if (*(__le32 *)data < EXT4_ROOT_INO || *(__le32 *)data > sbi->disk.s_inodes_count)
			err = -EFSCORRUPTED;
		if (!err)
			err = unpack(sbi, b, data + PARENT, IN_MAP - PARENT, &at);
		if (!err && (u32)n > IN_MAP)
			err = unpack(sbi, b, data + IN_MAP, (u32)n - IN_MAP, &at);
		stretch_last(sbi, b, at);
		ext4_dir_set_csum(dir, b);
	}
	kfree(data);
	if (!err)
		return b;
	if (b)
		ext4_brelse(b);
	if (err == -EFSCORRUPTED)
		ext4_error(
			dir->i_sb, "directory %lu: what lies in its inode is damaged", dir->i_ino);
	return ERR_PTR(err);
}

/* Packs the leaf's entries into @data in the format of an inode. Returns their length in bytes. */
static u32 pack(const struct ext4_sb *sbi, const struct ext4_buf *b, u8 *data)
{
	u32 at = PARENT, end = IN_MAP, last = 0, off, len;

	memset(data, 0, sbi->block_size);
	memcpy(data, b->data + 12, 4); /* ".." */
	for (off = 24; off < ext4_dir_space(sbi); off += len) {
		const struct ext4_dir_entry *de = (const void *)(b->data + off);
		struct ext4_dir_entry *to;

		len = ext4_rec_len(sbi, de);
		if (!de->inode)
			continue;
		if (at < IN_MAP && at + EXT4_DIR_REC_LEN(de->name_len) > IN_MAP) {
			to = (void *)(data + (last ? last : PARENT));
			to->rec_len = (u16)(IN_MAP - (last ? last : PARENT));
			at = IN_MAP;
		}
		to = (void *)(data + at);
		memcpy(to, de, 8U + de->name_len);
		to->rec_len = (u16)EXT4_DIR_REC_LEN(de->name_len);
		last = at;
		at += to->rec_len;
		end = max(at, IN_MAP);
	}
	if (at < IN_MAP) {
		struct ext4_dir_entry *to = (void *)(data + (last ? last : PARENT));

		to->rec_len = (u16)(IN_MAP - (last ? last : PARENT));
	}
	return end;
}

/*
 * Turns the leaf into the directory's first block. Returns 0 or -errno. i_data_sem is held for
 * writing.
 */
static int to_block(struct ext4_handle *h, struct inode *dir, struct ext4_buf *leaf)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	struct ext4_buf *b;
	u64 block;
	int err = ext4_reserve_meta(sbi, 1, false);

	if (err)
		return err;
	err = give_block(h, dir, NULL, &block);
	ext4_unreserve(sbi, 1);
	if (err)
		return err;
	b = ext4_bnew(sbi, block, EXT4_USE(EXT4_DATA, dir->i_ino));
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	memcpy(b->data, leaf->data, sbi->block_size);
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
	ext4_dir_set_csum(dir, b);
	ext4_dirty(h, b);
	ext4_brelse(b);
	i_size_write(dir, (loff_t)sbi->block_size);
	return 0;
}

int ext4_inline_dir_store(struct ext4_handle *h, struct inode *dir, struct ext4_buf *leaf)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	u8 *data = kmalloc(sbi->block_size + IN_MAP, GFP_NOFS);
	u32 n;
	int err;

	if (!data)
		return -ENOMEM;
	n = pack(sbi, leaf, data);
	down_write(&EXT4_I(dir)->i_data_sem);
	err = n > sbi->inode_size ? -ENOSPC : put(h, dir, data, n);
	if (!err)
		i_size_write(dir, n);
	else if (err == -ENOSPC)
		err = to_block(h, dir, leaf);
	EXT4_I(dir)->disksize = dir->i_size;
	if (!err)
		err = ext4_write_inode_raw(h, dir);
	up_write(&EXT4_I(dir)->i_data_sem);
	kfree(data);
	return err;
}
