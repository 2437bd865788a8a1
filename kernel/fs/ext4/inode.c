/* SPDX-License-Identifier: MIT */
/*
 * inode.c: inodes from the disk, and the pages of files.
 *
 * ext4_iget() checks an inode's number, checksum, extra size and block map before anybody uses it. A file's pages are read by bios over
 * whatever is contiguous on disk; holes and unwritten extents read as zeros.
 * Source: linux-doc, filesystems/ext4/{inodes,ifork}.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/* ---- inodes ---- */

/* Where the inode lies: its block and the offset in it. */
static int locate(struct super_block *sb, ino_t ino, u64 *block, u32 *off)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	u32 index, per_block = sbi->block_size / sbi->inode_size;
	struct ext4_disk_group *g;

	if (ino < 1 || ino > sbi->disk.s_inodes_count)
		return -EFSCORRUPTED;
	g = ext4_group(sbi, (u32)((ino - 1) / sbi->inodes_per_group));
	if (!g)
		return -EFSCORRUPTED;
	index = (u32)((ino - 1) % sbi->inodes_per_group);
	*block = ext4_group_inode_table(sbi, g) + index / per_block;
	*off = index % per_block * sbi->inode_size;
	return 0;
}

static u32 inode_csum(struct ext4_sb *sbi, u32 seed, const struct ext4_disk_inode *raw)
{
	const u8 *p = (const void *)raw;
	const u32 lo = offsetof(struct ext4_disk_inode, i_checksum_lo),
		  hi = offsetof(struct ext4_disk_inode, i_checksum_hi);
	static const u8 zero[2];
	u32 crc = ext4_csum(seed, p, lo);

	crc = ext4_csum(crc, zero, 2);
	crc = ext4_csum(crc, p + lo + 2, EXT4_GOOD_OLD_INODE_SIZE - lo - 2);
	if (sbi->inode_size == EXT4_GOOD_OLD_INODE_SIZE)
		return crc & 0xffff;
	if (raw->i_extra_isize < 4) /* no room for the upper half */
		return ext4_csum(crc, p + EXT4_GOOD_OLD_INODE_SIZE,
				 sbi->inode_size - EXT4_GOOD_OLD_INODE_SIZE) & 0xffff;
	crc = ext4_csum(crc, p + EXT4_GOOD_OLD_INODE_SIZE, hi - EXT4_GOOD_OLD_INODE_SIZE);
	crc = ext4_csum(crc, zero, 2);
	return ext4_csum(crc, p + hi + 2, sbi->inode_size - hi - 2);
}

static struct timespec64 get_time(u32 sec, u32 extra, bool has_extra)
{
	struct timespec64 t = {(s32)sec, 0};

	if (has_extra) {
		t.tv_sec += (s64)(extra & 3) << 32;
		t.tv_nsec = min_t(u32, extra >> 2, 999999999);
	}
	return t;
}

#define HAS_EXTRA(ei, field)                                                                       \
	(EXT4_GOOD_OLD_INODE_SIZE + (size_t)(ei)->extra_isize >=                                           \
	 offsetof(struct ext4_disk_inode, field) + sizeof(((struct ext4_disk_inode *)0)->field))

static void set_flags(struct inode *inode, u32 flags)
{
	static const struct {
		u32 disk, vfs;
	} map[] = {
		{EXT4_SYNC_FL, S_SYNC},	      {EXT4_APPEND_FL, S_APPEND},   {EXT4_IMMUTABLE_FL, S_IMMUTABLE},
		{EXT4_NOATIME_FL, S_NOATIME}, {EXT4_DIRSYNC_FL, S_DIRSYNC},
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (flags & map[i].disk)
			inode->i_flags |= map[i].vfs;
}

static void fill_common(struct inode *inode, const struct ext4_disk_inode *raw)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u64 blocks = raw->i_blocks_lo;

	inode->i_mode = raw->i_mode;
	inode->i_uid = raw->i_uid | (u32)raw->i_uid_high << 16;
	inode->i_gid = raw->i_gid | (u32)raw->i_gid_high << 16;
	set_nlink(inode, raw->i_links_count);
	inode->i_generation = raw->i_generation;
	inode->i_blkbits = inode->i_sb->s_blocksize_bits;
	if (EXT4_HAS(sbi, ro_compat, RO_COMPAT_HUGE_FILE)) {
		blocks |= (u64)raw->i_blocks_high << 32;
		if (raw->i_flags & EXT4_HUGE_FILE_FL)
			blocks <<= inode->i_blkbits - SECTOR_SHIFT;
	}
	inode->i_blocks = blocks;
	ei->i_flags = raw->i_flags;
	set_flags(inode, raw->i_flags);
	memcpy(ei->i_block, raw->i_block, sizeof(ei->i_block));
	ei->file_acl = raw->i_file_acl_lo | (u64)raw->i_file_acl_high << 32;
	i_size_write(inode, (loff_t)(raw->i_size_lo | (u64)raw->i_size_high << 32));
	inode->i_atime = get_time(raw->i_atime, raw->i_atime_extra, HAS_EXTRA(ei, i_atime_extra));
	inode->i_mtime = get_time(raw->i_mtime, raw->i_mtime_extra, HAS_EXTRA(ei, i_mtime_extra));
	inode->i_ctime = get_time(raw->i_ctime, raw->i_ctime_extra, HAS_EXTRA(ei, i_ctime_extra));
	if (HAS_EXTRA(ei, i_crtime))
		inode->i_btime = get_time(raw->i_crtime, raw->i_crtime_extra, HAS_EXTRA(ei, i_crtime_extra));
}

static bool is_fast_symlink(const struct inode *inode)
{
	const struct ext4_inode *ei = EXT4_I(inode);

	return S_ISLNK(inode->i_mode) && !(ei->i_flags & EXT4_EXTENTS_FL) &&
	       (u64)inode->i_size < sizeof(ei->i_block) && !inode->i_blocks;
}

static int set_operations(struct inode *inode, const struct ext4_disk_inode *raw)
{
	struct ext4_inode *ei = EXT4_I(inode);
	u32 dev;

	inode->i_data.a_ops = &ext4_aops;
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &ext4_file_iops;
		inode->i_fop = &ext4_file_fops;
		break;
	case S_IFDIR:
		inode->i_op = &ext4_dir_iops;
		inode->i_fop = &ext4_dir_fops;
		break;
	case S_IFLNK:
		if (is_fast_symlink(inode)) {
			inode->i_op = &ext4_fast_symlink_iops;
			inode->i_link = (char *)ei->i_block;
			inode->i_link[inode->i_size] = 0;
			return 0;
		}
		if (inode->i_size >= (loff_t)inode->i_sb->s_blocksize)
			return -EFSCORRUPTED;
		inode->i_op = &ext4_symlink_iops;
		break;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		dev = raw->i_block[0] ? MKDEV((raw->i_block[0] >> 8) & 0xff, raw->i_block[0] & 0xff)
				      : MKDEV((raw->i_block[1] >> 8) & 0xfff,
					      (raw->i_block[1] & 0xff) | ((raw->i_block[1] >> 12) & 0xfff00));
		init_special_inode(inode, inode->i_mode, dev);
		inode->i_op = &ext4_special_iops;
		return 0;
	default:
		return -EFSCORRUPTED;
	}
	if (ei->i_flags & EXT4_EXTENTS_FL)
		return ext4_extent_check_root(inode);
	return 0;
}

static int fill_inode(struct inode *inode, const struct ext4_disk_inode *raw)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_inode *ei = EXT4_I(inode);
	__le32 nr = (u32)inode->i_ino, gen = raw->i_generation;

	if (!raw->i_links_count && !raw->i_mode)
		return -ESTALE;
	ei->csum_seed = ext4_csum(ext4_csum(sbi->csum_seed, &nr, 4), &gen, 4);
	if (sbi->inode_size > EXT4_GOOD_OLD_INODE_SIZE) {
		ei->extra_isize = raw->i_extra_isize;
		if (ei->extra_isize & 3 ||
		    ei->extra_isize > sbi->inode_size - EXT4_GOOD_OLD_INODE_SIZE)
			return -EFSCORRUPTED;
	}
	if (sbi->csum) {
		u32 want = raw->i_checksum_lo;

		if (sbi->inode_size > EXT4_GOOD_OLD_INODE_SIZE && raw->i_extra_isize >= 4)
			want |= (u32)raw->i_checksum_hi << 16;
		if (inode_csum(sbi, ei->csum_seed, raw) != want)
			return -EFSBADCRC;
	}
	fill_common(inode, raw);
	if (inode->i_size < 0 || (ei->i_flags & (EXT4_INLINE_DATA_FL | EXT4_EA_INODE_FL)) ||
	    (ei->file_acl && !ext4_block_valid(sbi, ei->file_acl, 1)))
		return -EFSCORRUPTED;
	return set_operations(inode, raw);
}

struct inode *ext4_iget(struct super_block *sb, ino_t ino)
{
	struct inode *inode = iget_locked(sb, ino);
	struct ext4_buf *b;
	u64 block;
	u32 off;
	int err;

	if (IS_ERR(inode) || !(inode->i_state & I_NEW))
		return inode;
	err = locate(sb, ino, &block, &off);
	if (err)
		goto err_fail;
	b = ext4_bread(EXT4_SB(sb), block);
	if (IS_ERR(b)) {
		err = (int)PTR_ERR(b);
		goto err_fail;
	}
	err = fill_inode(inode, (const void *)(b->data + off));
	ext4_brelse(b);
	if (err)
		goto err_fail;
	unlock_new_inode(inode);
	return inode;

err_fail:
	if (err != -ESTALE && err != -ENOMEM && err != -EIO)
		ext4_error(sb, "inode %lu: damaged (%d)", ino, err);
	iget_failed(inode);
	return ERR_PTR(err);
}

/* ---- pages ---- */

static void end_read(struct bio *bio)
{
	u32 i;

	for (i = 0; i < bio->nr_vecs; i++) {
		struct page *p = bio->vec[i].page;
		u32 left = bio->vec[i].off + bio->vec[i].len;

		for (;; p++) {
			if (bio->status)
				SetPageError(p);
			else
				SetPageUptodate(p);
			unlock_page(p);
			if (left <= PAGE_SIZE)
				break;
			left -= PAGE_SIZE;
		}
	}
	bio_put(bio);
}

/* A page with blocks smaller than it: each piece by itself, waiting. */
static int read_pieces(struct inode *inode, struct page *p)
{
	u32 bs = (u32)inode->i_sb->s_blocksize, per = (u32)(PAGE_SIZE / bs), i;
	u8 *to = page_address(p);
	int err = 0;

	for (i = 0; i < per && !err; i++, to += bs) {
		struct ext4_map map = {.lblk = (u32)(p->index * per + i), .len = 1};

		down_read(&EXT4_I(inode)->i_data_sem);
		err = ext4_map_blocks(inode, &map);
		up_read(&EXT4_I(inode)->i_data_sem);
		if (err)
			break;
		if (!map.pblk || map.unwritten)
			memset(to, 0, bs);
		else
			err = bdev_rw(inode->i_sb->s_bdev, REQ_READ, map.pblk * (bs >> SECTOR_SHIFT), to, bs);
	}
	if (err)
		SetPageError(p);
	else
		SetPageUptodate(p);
	unlock_page(p);
	return err;
}

/* Reads locked pages [0, n) of consecutive indices: one bio for what is contiguous on disk. */
static int read_pages(struct inode *inode, struct page **pages, u32 n)
{
	struct ext4_map map = {.len = 0};
	struct bio *bio = NULL;
	u64 next_pblk = 0;
	u32 i;
	int err = 0;

	for (i = 0; i < n; i++) {
		struct page *p = pages[i];
		u32 lblk = (u32)p->index;

		if (p->index > 0xffffffffUL - 1) {
			err = -EFBIG;
			break;
		}
		if (!map.len) {
			map.lblk = lblk;
			map.len = n - i;
			down_read(&EXT4_I(inode)->i_data_sem);
			err = ext4_map_blocks(inode, &map);
			up_read(&EXT4_I(inode)->i_data_sem);
			if (err)
				break;
		}
		map.len--;
		if (!map.pblk || map.unwritten) {
			memset(page_address(p), 0, PAGE_SIZE);
			SetPageUptodate(p);
			unlock_page(p);
			continue;
		}
		if (bio && (map.pblk != next_pblk || !bio_add_page(bio, p, PAGE_SIZE, 0))) {
			submit_bio(bio);
			bio = NULL;
		}
		if (!bio) {
			bio = bio_alloc(inode->i_sb->s_bdev, min(n - i, (u32)BIO_MAX_VECS), REQ_READ, GFP_NOFS);
			if (!bio) {
				err = -ENOMEM;
				break;
			}
			bio->sector = map.pblk << (PAGE_SHIFT - SECTOR_SHIFT);
			bio->end_io = end_read;
			bio_add_page(bio, p, PAGE_SIZE, 0);
		}
		next_pblk = ++map.pblk;
	}
	if (bio)
		submit_bio(bio);
	for (; i < n; i++) {
		SetPageError(pages[i]);
		unlock_page(pages[i]);
	}
	return err;
}

static int ext4_readpage(struct file *file, struct page *page)
{
	struct inode *inode = page->mapping->host;

	if (inode->i_sb->s_blocksize < PAGE_SIZE)
		return read_pieces(inode, page);
	return read_pages(inode, &page, 1);
}

#define RA_CHUNK 256

static void ext4_readahead(struct address_space *m, struct file *file, u64 index, u32 nr)
{
	struct inode *inode = m->host;
	struct page **pages;
	u32 i, n;

	if (inode->i_sb->s_blocksize < PAGE_SIZE)
		return; /* page by page */
	pages = kmalloc(RA_CHUNK * sizeof(pages[0]), GFP_NOFS);
	if (!pages)
		return;
	while (nr) {
		n = page_cache_alloc_run(m, index, min(nr, (u32)RA_CHUNK), pages);
		if (!n)
			break;
		read_pages(inode, pages, n);
		for (i = 0; i < n; i++)
			put_page(pages[i]);
		index += n;
		nr -= n;
	}
	kfree(pages);
}

const struct address_space_operations ext4_aops = {
	.readpage = ext4_readpage,
	.readahead = ext4_readahead,
};

/* ---- files and links ---- */

const struct file_operations ext4_file_fops = {
	.llseek = generic_file_llseek,
	.read_iter = generic_file_read_iter,
	.mmap = generic_file_mmap,
};

static const char *ext4_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	struct page *p = read_cache_page(&inode->i_data, 0, NULL);
	char *text;

	if (IS_ERR(p))
		return ERR_CAST(p);
	text = kmalloc((size_t)inode->i_size + 1, GFP_KERNEL);
	if (text) {
		memcpy(text, page_address(p), (size_t)inode->i_size);
		text[inode->i_size] = 0;
	}
	put_page(p);
	*to_free = text;
	return text ? text : ERR_PTR(-ENOMEM);
}

const struct inode_operations ext4_file_iops = {0};
const struct inode_operations ext4_special_iops = {0};
const struct inode_operations ext4_symlink_iops = {.get_link = ext4_get_link};
const struct inode_operations ext4_fast_symlink_iops = {.get_link = simple_get_link};
