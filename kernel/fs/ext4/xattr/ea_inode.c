/* SPDX-License-Identifier: MIT */
/*
 * ea_inode.c: values of extended attributes that are too large for the owner's inode and its block
 * of attributes, and lie in their own inode (feature ea_inode).
 *
 * Such an inode is a file without a name. Its atime holds the checksum of its value, its ctime and
 * version the number of attribute entries that name it. Linux lets files share a value. This kernel
 * makes an inode for each new value, and maintains the counts of values that it finds shared. The
 * inode is freed with the last entry. The i_blocks of the attribute's owner counts the value,
 * rounded up to blocks. Values are written as metadata, through the journal. Callers hold a handle
 * for changes, and need no lock of the owner. The value's own i_data_sem protects its blocks and
 * its count.
 *
 * Source: linux-doc, filesystems/ext4/attributes; for the fields that hold these numbers, images
 * that Linux made.
 */
#include "kernel/fs/ext4/xattr/xattr.h"

#include "kernel/lib/string.h"

/* Returns the number of entries that name the value. The value's i_data_sem is held. */
static u64 count_of(const struct inode *inode)
{
	return (u64)(u32)inode->i_ctime.tv_sec << 32 | EXT4_I(inode)->disk_version;
}

/* Sets the number of entries that name the value, and writes the inode. Returns 0 or -errno. */
static int set_count(struct ext4_handle *h, struct inode *inode, u64 n)
{
	inode->i_ctime = (struct timespec64){ .tv_sec = (s64)(n >> 32) };
	EXT4_I(inode)->disk_version = (u32)n;
	return ext4_write_inode_raw(h, inode);
}

/*
 * Checks in the inode table, without ext4_iget(), that an inode holds a value. On a damaged image
 * it may be any inode, even one that is being evicted and waits for the inode whose entry names it:
 * ext4_iget() would then wait for ever. A value itself has no attributes with values in other
 * inodes (xattr_store.c). Returns 0 or -errno.
 */
static int check_slot(struct super_block *sb, u32 ino)
{
	const struct ext4_disk_inode *raw;
	struct ext4_buf *b;
	u64 block;
	u32 off;
	int err = ino < EXT4_SB(sb)->first_ino ? -EFSCORRUPTED :
						 ext4_locate_inode(sb, ino, &block, &off);

	if (err)
		return err;
	b = ext4_bread(EXT4_SB(sb), block, EXT4_USE(EXT4_INODES, 0));
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	raw = (const void *)(b->data + off);
	if (!S_ISREG(raw->i_mode) || !(raw->i_flags & EXT4_EA_INODE_FL) || !raw->i_links_count)
		err = -EFSCORRUPTED;
	ext4_brelse(b);
	return err;
}

/* Returns the value's inode, referenced, or ERR_PTR: -EFSCORRUPTED if it holds no value. */
static struct inode *get_value_inode(struct super_block *sb, u32 ino)
{
	int err = check_slot(sb, ino);
	struct inode *inode = err ? ERR_PTR(err) : ext4_iget(sb, ino);

	if (IS_ERR(inode))
		return inode;
	if (S_ISREG(inode->i_mode) && EXT4_I(inode)->i_flags & EXT4_EA_INODE_FL && inode->i_nlink)
		return inode;
	iput(inode);
	return ERR_PTR(-EFSCORRUPTED);
}

u32 ext4_value_hash(const struct ext4_sb *sbi, const void *value, u32 size)
{
	return ext4_csum(sbi->csum_seed, value, size);
}

/* Returns block @lblk of the value, newly allocated if @make is set, or ERR_PTR. */
static struct ext4_buf *value_block(struct ext4_handle *h, struct inode *inode, u32 lblk, bool make)
{
	struct ext4_map m = { .lblk = lblk, .len = 1 };
	u64 use = EXT4_USE(EXT4_DATA, inode->i_ino);
	int err = make ? ext4_reserve_meta(EXT4_SB(inode->i_sb), 1, false) : 0;

	if (err)
		return ERR_PTR(err);
	down_write(&EXT4_I(inode)->i_data_sem);
	err = make ? ext4_map_create(h, inode, &m, false) : ext4_map_blocks(inode, &m);
	up_write(&EXT4_I(inode)->i_data_sem);
	if (make)
		ext4_unreserve(EXT4_SB(inode->i_sb), 1);
	if (!err && !m.pblk)
		err = -EFSCORRUPTED;
	if (err)
		return ERR_PTR(err);
	return make ? ext4_bnew(EXT4_SB(inode->i_sb), m.pblk, use) :
		      ext4_bread(EXT4_SB(inode->i_sb), m.pblk, use);
}

/* Writes (@write) @size bytes into new blocks, or reads them. Returns 0 or -errno. */
static int copy_value(struct ext4_handle *h, struct inode *inode, u8 *value, u32 size, bool write)
{
	u32 bs = (u32)inode->i_sb->s_blocksize, done, n;

	for (done = 0; done < size; done += n) {
		struct ext4_buf *b = value_block(h, inode, done / bs, write);

		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		n = min(bs, size - done);
		if (write) {
			memcpy(b->data, value + done, n);
			ext4_dirty(h, b);
		} else {
			memcpy(value + done, b->data, n);
		}
		ext4_brelse(b);
	}
	return 0;
}

int ext4_value_read(struct super_block *sb, u32 ino, void *buf, u32 size)
{
	struct inode *inode = get_value_inode(sb, ino);
	int err;

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	err = inode->i_size == size ? copy_value(NULL, inode, buf, size, false) : -EFSCORRUPTED;
	if (!err && ext4_value_hash(EXT4_SB(sb), buf, size) != (u32)inode->i_atime.tv_sec)
		err = -EFSCORRUPTED;
	iput(inode);
	return err;
}

/* Makes the inode an orphan, which its last iput() frees. No entry names it any more. */
static void drop(struct ext4_handle *h, struct inode *inode)
{
	clear_nlink(inode);
	ext4_orphan_add(h, inode);
	ext4_write_inode_raw(h, inode);
}

int ext4_value_create(
	struct ext4_handle *h, struct inode *owner, const void *value, u32 size, u32 *ino)
{
	struct ext4_sb *sbi = EXT4_SB(owner->i_sb);
	struct inode *inode = ext4_new_inode(h, owner, S_IFREG | 0600);
	int err;

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	inode->i_uid = owner->i_uid;
	inode->i_gid = owner->i_gid;
	EXT4_I(inode)->i_flags = (EXT4_I(inode)->i_flags & EXT4_EXTENTS_FL) | EXT4_EA_INODE_FL;
	inode->i_atime = (struct timespec64){ .tv_sec = ext4_value_hash(sbi, value, size) };
	err = ext4_set_inode_ops(inode);
	if (!err)
		err = copy_value(h, inode, (u8 *)value, size, true);
	i_size_write(inode, size);
	EXT4_I(inode)->disksize = size;
	if (!err)
		err = set_count(h, inode, 1);
	if (err)
		drop(h, inode);
	*ino = (u32)inode->i_ino;
	unlock_new_inode(inode);
	iput(inode);
	return err;
}

struct inode *ext4_value_hold(struct super_block *sb, u32 ino)
{
	return get_value_inode(sb, ino);
}

int ext4_value_ref(struct ext4_handle *h, struct super_block *sb, u32 ino, int by)
{
	struct inode *inode = get_value_inode(sb, ino);
	u64 n;
	int err = 0;

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	/* Two inodes may share the value, and change its count at the same time. */
	down_write(&EXT4_I(inode)->i_data_sem);
	n = count_of(inode);
	if (by < 0 && n <= 1)
		drop(h, inode);
	else
		err = set_count(h, inode, n + (u64)(s64)by);
	up_write(&EXT4_I(inode)->i_data_sem);
	iput(inode);
	return err;
}
