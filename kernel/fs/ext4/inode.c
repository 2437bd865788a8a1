/* SPDX-License-Identifier: MIT */
/*
 * inode.c: reads inodes from the disk and writes them back.
 *
 * ext4_iget() checks an inode's number, checksum, extra size and block map before it is used.
 * ext4_write_inode_raw() puts an inode into its table block in the caller's transaction.
 * mark_inode_dirty() calls it at once, so no inode is dirty without being in the journal. Source:
 * linux-doc, filesystems/ext4/{inodes,ifork}.
 */
#include "kernel/fs/ext4/dir.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/xattr/acl.h"

/* ---- inodes ---- */

/*
 * Finds the block of the inode table that contains the inode, and the inode's byte offset in it.
 * Returns 0 or -errno.
 */
int ext4_locate_inode(struct super_block *sb, ino_t ino, u64 *block, u32 *off)
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

/*
 * Computes the inode's checksum as if the two checksum fields were 0. Returns only 16 bits if the
 * inode has no field for the upper half.
 */
static u32 inode_csum(const struct ext4_sb *sbi, u32 seed, const struct ext4_disk_inode *raw)
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
			       sbi->inode_size - EXT4_GOOD_OLD_INODE_SIZE) &
		       0xffff;
	crc = ext4_csum(crc, p + EXT4_GOOD_OLD_INODE_SIZE, hi - EXT4_GOOD_OLD_INODE_SIZE);
	crc = ext4_csum(crc, zero, 2);
	return ext4_csum(crc, p + hi + 2, sbi->inode_size - hi - 2);
}

static u32 raw_csum_seed(const struct ext4_sb *sbi, u32 ino, u32 generation)
{
	__le32 nr = ino, gen = generation;

	return ext4_csum(ext4_csum(sbi->csum_seed, &nr, 4), &gen, 4);
}

void ext4_init_csum_seed(struct inode *inode)
{
	EXT4_I(inode)->csum_seed =
		raw_csum_seed(EXT4_SB(inode->i_sb), (u32)inode->i_ino, inode->i_generation);
}

static struct timespec64 get_time(u32 sec, u32 extra)
{
	return (struct timespec64){ (s32)sec + ((s64)(extra & 3) << 32),
		min_t(u32, extra >> 2, 999999999) };
}

#define HAS_EXTRA(ei, field)                                                                       \
	(EXT4_GOOD_OLD_INODE_SIZE + (size_t)(ei)->extra_isize >=                                   \
		offsetof(struct ext4_disk_inode, field) +                                          \
			sizeof(((struct ext4_disk_inode *)0)->field))
/*
 * The second half of a time may lie beyond the end of a short inode, and even of its block, so it
 * is read only if extra_isize covers it.
 */
#define GET_TIME(ei, raw, field)                                                                   \
	get_time((raw)->field, HAS_EXTRA(ei, field##_extra) ? (raw)->field##_extra : 0)

/* Sets the VFS's flags (S_*) for the flags on disk. */
static void set_flags(struct inode *inode, u32 flags)
{
	static const struct {
		u32 disk, vfs;
	} map[] = {
		{ EXT4_SYNC_FL, S_SYNC },
		{ EXT4_APPEND_FL, S_APPEND },
		{ EXT4_IMMUTABLE_FL, S_IMMUTABLE },
		{ EXT4_NOATIME_FL, S_NOATIME },
		{ EXT4_DIRSYNC_FL, S_DIRSYNC },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (flags & map[i].disk)
			inode->i_flags |= map[i].vfs;
}

/* Fills @inode from the raw inode. extra_isize is set and checked. */
static void fill_common(struct inode *inode, const struct ext4_disk_inode *raw)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	bool no32 = sbi->opt.flags & EXT4_OPT_NOUID32;
	u64 blocks = raw->i_blocks_lo;

	inode->i_mode = raw->i_mode;
	inode->i_uid = raw->i_uid | (u32)(no32 ? 0 : raw->i_uid_high) << 16;
	inode->i_gid = raw->i_gid | (u32)(no32 ? 0 : raw->i_gid_high) << 16;
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
	ei->dtime = raw->i_dtime;
	ei->disk_version = raw->i_version;
	ei->file_acl = raw->i_file_acl_lo | (u64)raw->i_file_acl_high << 32;
	i_size_write(inode, (loff_t)(raw->i_size_lo | (u64)raw->i_size_high << 32));
	inode->i_atime = GET_TIME(ei, raw, i_atime);
	inode->i_mtime = GET_TIME(ei, raw, i_mtime);
	inode->i_ctime = GET_TIME(ei, raw, i_ctime);
	if (HAS_EXTRA(ei, i_crtime))
		inode->i_btime = GET_TIME(ei, raw, i_crtime);
}

/*
 * Returns the number of sectors in the map's blocks: i_blocks without the block of attributes. 0
 * means that a symlink's text lies in the inode.
 */
static u64 map_sectors(const struct inode *inode)
{
	u64 acl = EXT4_I(inode)->file_acl ? inode->i_sb->s_blocksize >> SECTOR_SHIFT : 0;

	return inode->i_blocks > acl ? inode->i_blocks - acl : 0;
}

/*
 * True if the symlink's text lies in the inode. With the feature ea_inode, i_blocks may also count
 * the values of attributes, so only the size decides, as on Linux.
 */
static bool is_fast_symlink(const struct inode *inode)
{
	const struct ext4_inode *ei = EXT4_I(inode);

	return S_ISLNK(inode->i_mode) && !(ei->i_flags & (EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL)) &&
	       (u64)inode->i_size < sizeof(ei->i_block) &&
	       (EXT4_HAS(EXT4_SB(inode->i_sb), incompat, INCOMPAT_EA_INODE) || !map_sectors(inode));
}

int ext4_set_inode_ops(struct inode *inode)
{
	struct ext4_inode *ei = EXT4_I(inode);
	dev_t dev;

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
		dev = ei->i_block[0] ?
			      MKDEV((ei->i_block[0] >> 8) & 0xff, ei->i_block[0] & 0xff) :
			      MKDEV((ei->i_block[1] >> 8) & 0xfff,
				      (ei->i_block[1] & 0xff) | ((ei->i_block[1] >> 12) & 0xfff00));
		init_special_inode(inode, inode->i_mode, dev);
		inode->i_op = &ext4_special_iops;
		return 0;
	default: return -EFSCORRUPTED;
	}
	if (ei->i_flags & EXT4_EXTENTS_FL)
		return ext4_extent_check_root(inode);
	return 0;
}

/*
 * True for a directory that is longer than the disk. Directories have no holes, so its size is
 * wrong, and a search in it would take hours.
 */
static bool is_too_long(const struct inode *inode)
{
	return S_ISDIR(inode->i_mode) &&
	       (u64)inode->i_size >> inode->i_blkbits > EXT4_SB(inode->i_sb)->blocks_count;
}

/*
 * Checks the raw inode and fills @inode. Returns 0, -ESTALE (a free slot, or no link and not
 * @orphan), -EFSBADCRC or -EFSCORRUPTED.
 */
static int fill_inode(struct inode *inode, const struct ext4_disk_inode *raw, bool orphan)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_inode *ei = EXT4_I(inode);

	/* The last iput() of an inode without links frees its blocks. */
	if (!raw->i_links_count && !(raw->i_mode && orphan))
		return -ESTALE;
	inode->i_generation = raw->i_generation;
	ext4_init_csum_seed(inode);
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
	if (inode->i_size < 0 || is_too_long(inode) ||
		(S_ISREG(inode->i_mode) && inode->i_size > inode->i_sb->s_maxbytes) ||
		(ei->i_flags & EXT4_INLINE_DATA_FL &&
			(!EXT4_HAS(sbi, incompat, INCOMPAT_INLINE_DATA) ||
				ei->i_flags & EXT4_EXTENTS_FL ||
				inode->i_size > (loff_t)sbi->inode_size)) ||
		(ei->i_flags & EXT4_EA_INODE_FL && !EXT4_HAS(sbi, incompat, INCOMPAT_EA_INODE)) ||
		(ei->file_acl && !ext4_block_valid(sbi, ei->file_acl, 1)))
		return -EFSCORRUPTED;
	ei->disksize = inode->i_size;
	/* The inode may have access control lists, so the next permission check must read them. */
	if (ext4_has_xattrs(inode, raw))
		acl_changed(inode);
	return ext4_set_inode_ops(inode);
}

/* Implements ext4_iget(), and ext4_iget_orphan() if @orphan is set. */
static struct inode *get_inode(struct super_block *sb, ino_t ino, bool orphan)
{
	struct inode *inode = iget_locked(sb, ino);
	struct ext4_buf *b;
	u64 block;
	u32 off;
	int err;

	if (IS_ERR(inode) || !(inode->i_state & I_NEW))
		return inode;
	err = ext4_locate_inode(sb, ino, &block, &off);
	if (err)
		goto err_fail;
	b = ext4_bread(EXT4_SB(sb), block, EXT4_USE(EXT4_INODES, 0));
	if (IS_ERR(b)) {
		err = (int)PTR_ERR(b);
		goto err_fail;
	}
	/*
	 * The inode may be an orphan that left memory. Then set_next() of its neighbour on the list
	 * may be writing to its slot.
	 */
	mutex_lock(&b->lock);
	err = fill_inode(inode, (const void *)(b->data + off), orphan);
	mutex_unlock(&b->lock);
	if (!err)
		ext4_orphan_back(inode, (const void *)(b->data + off));
	ext4_brelse(b);
	if (err)
		goto err_fail;
	/* The inode may have been changed and evicted since the last commit. */
	EXT4_I(inode)->sync_tid = EXT4_I(inode)->data_tid = ext4_latest_tid(EXT4_SB(sb));
	unlock_new_inode(inode);
	return inode;

err_fail:
	if (err != -ESTALE && err != -ENOMEM && err != -EIO)
		ext4_error_inode(inode, "inode %lu: damaged (%d)", ino, err);
	iget_failed(inode);
	return ERR_PTR(err);
}

struct inode *ext4_iget(struct super_block *sb, ino_t ino)
{
	return get_inode(sb, ino, false);
}

struct inode *ext4_iget_orphan(struct super_block *sb, ino_t ino)
{
	return get_inode(sb, ino, true);
}

/*
 * Finds the inode of a file handle. Its number comes from the guest, so the bitmap is checked
 * before the slot is read as an inode. Returns ERR_PTR on failure.
 */
struct inode *ext4_handle_inode(struct super_block *sb, u64 ino, u32 generation)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct inode *inode;

	if (ino > (u32)~0U || (ino < sbi->first_ino && ino != EXT4_ROOT_INO) ||
		!ext4_inode_in_use(sb, (u32)ino))
		return ERR_PTR(-ESTALE);
	inode = ext4_iget(sb, ino);
	if (IS_ERR(inode))
		return inode;
	if (inode->i_nlink && !(EXT4_I(inode)->i_flags & EXT4_EA_INODE_FL) &&
		(!generation || inode->i_generation == generation))
		return inode;
	iput(inode);
	return ERR_PTR(-ESTALE);
}

struct inode *ext4_parent_inode(struct inode *dir)
{
	struct qstr dots = { "..", 2, full_name_hash("..", 2) };
	struct ext4_dir_entry *de;
	struct ext4_buf *b;
	u32 ino = 0;

	down_read(&dir->i_rwsem);
	b = ext4_dir_find(dir, &dots, &de);
	if (!IS_ERR_OR_NULL(b)) {
		ino = de->inode;
		ext4_brelse(b);
	}
	up_read(&dir->i_rwsem);
	if (IS_ERR_OR_NULL(b))
		return b ? ERR_CAST(b) : ERR_PTR(-ESTALE);
	return ext4_handle_inode(dir->i_sb, ino, 0);
}

/* ---- writing ---- */

struct ext4_buf *ext4_raw_inode(struct inode *inode, struct ext4_disk_inode **raw)
{
	struct ext4_buf *b;
	u64 block;
	u32 off;
	int err = ext4_locate_inode(inode->i_sb, inode->i_ino, &block, &off);

	if (err)
		return ERR_PTR(err);
	b = ext4_bread(EXT4_SB(inode->i_sb), block, EXT4_USE(EXT4_INODES, 0));
	if (!IS_ERR(b))
		*raw = (void *)(b->data + off);
	return b;
}

/* Sets the checksum, if the file system has checksums. */
static void put_csum(const struct ext4_sb *sbi, u32 seed, struct ext4_disk_inode *raw)
{
	u32 crc;

	if (!sbi->csum)
		return;
	crc = inode_csum(sbi, seed, raw);
	raw->i_checksum_lo = (u16)crc;
	if (sbi->inode_size > EXT4_GOOD_OLD_INODE_SIZE && raw->i_extra_isize >= 4)
		raw->i_checksum_hi = (u16)(crc >> 16);
}

void ext4_raw_inode_csum(struct inode *inode, struct ext4_disk_inode *raw)
{
	put_csum(EXT4_SB(inode->i_sb), EXT4_I(inode)->csum_seed, raw);
}

int ext4_set_raw_dtime(struct ext4_handle *h, struct super_block *sb, u32 ino, u32 dtime)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct ext4_disk_inode *raw;
	struct ext4_buf *b;
	u64 block;
	u32 off, seed;
	int err = ext4_locate_inode(sb, ino, &block, &off);

	if (err)
		return err;
	b = ext4_bread(sbi, block, EXT4_USE(EXT4_INODES, 0));
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	mutex_lock(&b->lock);
	raw = (void *)(b->data + off);
	raw->i_dtime = dtime;
	seed = raw_csum_seed(sbi, ino, raw->i_generation);
	put_csum(sbi, seed, raw);
	mutex_unlock(&b->lock);
	ext4_dirty(h, b);
	ext4_brelse(b);
	return 0;
}

/* Returns the extra word of a time: nanoseconds << 2 | bits 32 and 33 of the seconds. */
static u32 time_extra(struct timespec64 t)
{
	return (u32)(((t.tv_sec - (s32)t.tv_sec) >> 32) & 3) | (u32)t.tv_nsec << 2;
}

/* Sets flags and i_blocks, in blocks instead of sectors if the number is too large. */
static void put_blocks(struct inode *inode, struct ext4_disk_inode *raw)
{
	u64 blocks = inode->i_blocks;

	raw->i_flags = EXT4_I(inode)->i_flags & ~(u32)EXT4_HUGE_FILE_FL;
	if (blocks >> 48 ||
		(blocks >> 32 && !EXT4_HAS(EXT4_SB(inode->i_sb), ro_compat, RO_COMPAT_HUGE_FILE))) {
		raw->i_flags |= EXT4_HUGE_FILE_FL;
		blocks >>= inode->i_blkbits - SECTOR_SHIFT;
	}
	raw->i_blocks_lo = (u32)blocks;
	raw->i_blocks_high = (u16)(blocks >> 32);
}

/* Sets all fields but the times and the checksum. */
static void put_common(struct inode *inode, struct ext4_disk_inode *raw)
{
	struct ext4_inode *ei = EXT4_I(inode);
	u64 size = (u64)(S_ISREG(inode->i_mode) ? ei->disksize : inode->i_size);
	bool no32 = EXT4_SB(inode->i_sb)->opt.flags & EXT4_OPT_NOUID32;

	raw->i_mode = (u16)inode->i_mode;
	raw->i_uid = (u16)inode->i_uid;
	raw->i_uid_high = no32 ? 0 : (u16)(inode->i_uid >> 16);
	raw->i_gid = (u16)inode->i_gid;
	raw->i_gid_high = no32 ? 0 : (u16)(inode->i_gid >> 16);
	raw->i_links_count = (u16)inode->i_nlink;
	raw->i_generation = inode->i_generation;
	raw->i_dtime = ei->dtime;
	raw->i_version = ei->disk_version;
	raw->i_size_lo = (u32)size;
	raw->i_size_high = (u32)(size >> 32);
	raw->i_file_acl_lo = (u32)ei->file_acl;
	raw->i_file_acl_high = (u16)(ei->file_acl >> 32);
	memcpy(raw->i_block, ei->i_block, sizeof(ei->i_block));
	put_blocks(inode, raw);
}

static void put_times(struct inode *inode, struct ext4_disk_inode *raw)
{
	struct ext4_inode *ei = EXT4_I(inode);

	raw->i_atime = (u32)inode->i_atime.tv_sec;
	raw->i_mtime = (u32)inode->i_mtime.tv_sec;
	raw->i_ctime = (u32)inode->i_ctime.tv_sec;
	if (HAS_EXTRA(ei, i_atime_extra)) { /* the extra fields are adjacent */
		raw->i_atime_extra = time_extra(inode->i_atime);
		raw->i_mtime_extra = time_extra(inode->i_mtime);
		raw->i_ctime_extra = time_extra(inode->i_ctime);
	}
	if (HAS_EXTRA(ei, i_crtime_extra)) {
		raw->i_crtime = (u32)inode->i_btime.tv_sec;
		raw->i_crtime_extra = time_extra(inode->i_btime);
	}
}

bool ext4_inode_differs(struct inode *inode)
{
	struct ext4_disk_inode *raw, now;
	struct ext4_buf *b = ext4_raw_inode(inode, &raw);
	u32 n = min_t(u32, EXT4_SB(inode->i_sb)->inode_size, sizeof(now));
	bool differs;

	if (IS_ERR(b))
		return true;
	memcpy(&now, raw, n);
	put_common(inode, &now);
	put_times(inode, &now);
	differs = memcmp(&now, raw, n);
	ext4_brelse(b);
	return differs;
}

void ext4_note_change(const struct ext4_handle *h, struct inode *inode)
{
	u32 tid = ext4_handle_tid(h);

	WRITE_ONCE(EXT4_I(inode)->sync_tid, tid);
	WRITE_ONCE(EXT4_I(inode)->data_tid, tid);
}

/*
 * Calls put_common(). Returns true if that changed the raw inode, or if inline data was written
 * there before, which may have changed it.
 */
static bool put_changes(struct inode *inode, struct ext4_disk_inode *raw)
{
	struct ext4_disk_inode old;
	u32 n = min_t(u32, EXT4_SB(inode->i_sb)->inode_size, sizeof(old));

	memcpy(&old, raw, n);
	put_common(inode, raw);
	return ext4_is_inline(inode) || memcmp(&old, raw, n);
}

int ext4_write_inode_raw(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_disk_inode *raw;
	struct ext4_buf *b = ext4_raw_inode(inode, &raw);
	bool changed;

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	/*
	 * Under b->lock, the last writer stores the newest state. Without it an older size, or a
	 * wrong checksum, could stay.
	 */
	mutex_lock(&b->lock);
	if (inode->i_state & I_NEW && !ei->slot_clean) { /* drop the earlier inode's content */
		memset(raw, 0, sbi->inode_size);
		ei->slot_clean = true;
	}
	if (sbi->inode_size > EXT4_GOOD_OLD_INODE_SIZE)
		raw->i_extra_isize = ei->extra_isize;
	changed = put_changes(inode, raw);
	put_times(inode, raw);
	ext4_raw_inode_csum(inode, raw);
	/* Noted under b->lock: a later writer finds no difference and does not note the change. */
	if (changed)
		ext4_note_change(h, inode);
	else
		WRITE_ONCE(ei->sync_tid, ext4_handle_tid(h));
	mutex_unlock(&b->lock);
	ext4_dirty(h, b);
	ext4_brelse(b);
	return 0;
}
