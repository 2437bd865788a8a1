/* SPDX-License-Identifier: MIT */
/*
 * dir.c: directories as files of entries: checks blocks, finds, adds and removes names. htree.c has
 * the index, readdir.c the listing.
 *
 * A directory is a file whose blocks have entries. The inner nodes of an htree look like one unused
 * entry, so a walk over all blocks finds every name without knowing the htree. Lengths and bounds
 * of a block's entries are checked at each use, since a damaged image may use the block for other
 * metadata too, whose changes overwrite the entries. A block's checksum is checked once
 * (BUF_VERIFIED). Source: linux-doc, filesystems/ext4/directory.
 */
#include "kernel/fs/ext4/dir.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

u32 ext4_rec_len(const struct ext4_sb *sbi, const struct ext4_dir_entry *de)
{
	u32 len = de->rec_len;

	return len == 0xffff || !len ? sbi->block_size : len;
}

/*
 * True if the name is not empty and has no slash and no zero byte. A name with a slash would be a
 * path to another place, and an empty name the directory itself.
 */
static bool name_ok(const struct ext4_dir_entry *de)
{
	u32 i;

	for (i = 0; i < de->name_len; i++)
		if (!de->name[i] || de->name[i] == '/')
			return false;
	return de->name_len;
}

bool ext4_entry_ok(const struct ext4_sb *sbi, const u8 *block, u32 off, u32 end)
{
	const struct ext4_dir_entry *de = (const void *)(block + off);
	u32 len;

	if (end - off < EXT4_DIR_REC_LEN(1))
		return false;
	len = ext4_rec_len(sbi, de);
	return len >= EXT4_DIR_REC_LEN(1) && !(len & 3) && len <= end - off &&
	       (!de->inode || (EXT4_DIR_REC_LEN(de->name_len) <= len &&
				      de->inode <= sbi->disk.s_inodes_count && name_ok(de)));
}

/*
 * True if the block looks like a node of the index: its directory entries (an unused one, or "."
 * and "..") reach to the block's end, and the index lies inside them. A node has its checksum in
 * another place than a leaf. The root may still seem to have a leaf's tail, since Linux does not
 * clear the tail of the leaf that the block was before.
 */
static bool is_index_block(const struct ext4_sb *sbi, const u8 *block)
{
	u32 first = ext4_rec_len(sbi, (const void *)block);

	return first == sbi->block_size ||
	       (first == EXT4_DIR_REC_LEN(1) &&
		       first + ext4_rec_len(sbi, (const void *)(block + first)) == sbi->block_size);
}

/* Returns the tail with a leaf's checksum, or NULL if the block has none. */
static struct ext4_dir_tail *dir_tail(const struct ext4_sb *sbi, u8 *block)
{
	struct ext4_dir_tail *t = (void *)(block + sbi->block_size - sizeof(*t));

	if (is_index_block(sbi, block))
		return NULL;
	return !t->det_reserved_zero1 && t->det_rec_len == sizeof(*t) && !t->det_reserved_zero2 &&
			       t->det_reserved_ft == EXT4_DIR_TAIL_FT ?
		       t :
		       NULL;
}

/* Checks the entries, and once the checksum. Returns 0, -EFSCORRUPTED or -EFSBADCRC. */
static int verify_block(struct inode *dir, struct ext4_buf *b, u32 lblk)
{
	const struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	const struct ext4_dir_tail *tail;
	u32 off;

	for (off = 0; off < sbi->block_size;
		off += ext4_rec_len(sbi, (const void *)(b->data + off)))
		if (!ext4_entry_ok(sbi, b->data, off, sbi->block_size)) {
			ext4_error(dir->i_sb, "directory %lu, block %u: bad entry at %u",
				dir->i_ino, lblk, off);
			return -EFSCORRUPTED;
		}
	if (b->flags & BUF_VERIFIED)
		return 0;
	tail = sbi->csum ? dir_tail(sbi, b->data) : NULL;
	if (tail && ext4_csum(EXT4_I(dir)->csum_seed, b->data,
			    (size_t)((const u8 *)tail - b->data)) != tail->det_checksum) {
		ext4_error(dir->i_sb, "directory %lu, block %u: bad checksum", dir->i_ino, lblk);
		return -EFSBADCRC;
	}
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
	return 0;
}

struct ext4_buf *ext4_dir_block(struct inode *dir, u32 lblk)
{
	struct ext4_map map = { .lblk = lblk, .len = 1 };
	struct ext4_buf *b;
	int err;

	if (ext4_is_inline(dir))
		return lblk ? NULL : ext4_inline_dir(dir);
	down_read(&EXT4_I(dir)->i_data_sem);
	err = ext4_map_blocks(dir, &map);
	up_read(&EXT4_I(dir)->i_data_sem);
	if (err)
		return ERR_PTR(err);
	/* Happens only in a damaged directory, which may consist of holes. */
	if (!map.pblk || map.unwritten) {
		cond_resched();
		return fatal_signal_pending(current) ? ERR_PTR(-EINTR) : NULL;
	}
	b = ext4_bread(EXT4_SB(dir->i_sb), map.pblk, EXT4_USE(EXT4_DATA, dir->i_ino));
	if (IS_ERR(b))
		return b;
	err = verify_block(dir, b, lblk);
	if (err) {
		ext4_brelse(b);
		return ERR_PTR(err);
	}
	return b;
}

u32 ext4_dir_nr_blocks(const struct inode *dir)
{
	if (ext4_is_inline(dir))
		return 1;
	return (u32)min_t(u64, (u64)dir->i_size >> dir->i_blkbits, 0xffffffffUL);
}

struct ext4_buf *ext4_link_block(struct inode *inode)
{
	struct ext4_map map = { .lblk = 0, .len = 1 };
	int err;

	down_read(&EXT4_I(inode)->i_data_sem);
	err = ext4_map_blocks(inode, &map);
	up_read(&EXT4_I(inode)->i_data_sem);
	if (!err && (!map.pblk || map.unwritten))
		err = -EFSCORRUPTED;
	return err ? ERR_PTR(err) :
		     ext4_bread(EXT4_SB(inode->i_sb), map.pblk, EXT4_USE(EXT4_DATA, inode->i_ino));
}

/* File type on disk to DT_*, which is also S_IFMT >> 12 of a mode. */
const u8 ext4_dtype_of[8] = { 0, 8, 4, 2, 6, 1, 12, 10 };

/* Returns the file type to store in an entry, or 0 if entries of this file system have no type. */
static u8 type_on_disk(const struct ext4_sb *sbi, umode_t mode)
{
	u8 i;

	if (!EXT4_HAS(sbi, incompat, INCOMPAT_FILETYPE))
		return 0;
	for (i = 1; i < ARRAY_SIZE(ext4_dtype_of); i++)
		if (ext4_dtype_of[i] == (mode & S_IFMT) >> 12)
			return i;
	return 0;
}

/* ---- one block of entries ---- */

u32 ext4_dir_space(const struct ext4_sb *sbi)
{
	return sbi->block_size - (sbi->csum ? (u32)sizeof(struct ext4_dir_tail) : 0);
}

void ext4_dir_set_csum(struct inode *dir, struct ext4_buf *b)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	struct ext4_dir_tail *t = sbi->csum ? dir_tail(sbi, b->data) : NULL;

	if (t)
		t->det_checksum =
			ext4_csum(EXT4_I(dir)->csum_seed, b->data, (size_t)((u8 *)t - b->data));
}

void ext4_leaf_init(struct ext4_sb *sbi, struct ext4_buf *b)
{
	struct ext4_dir_entry *de = (void *)b->data;
	struct ext4_dir_tail *t = (void *)(b->data + sbi->block_size - sizeof(*t));

	memset(b->data, 0, sbi->block_size);
	de->rec_len = (u16)ext4_dir_space(sbi);
	if (sbi->csum) {
		t->det_rec_len = sizeof(*t);
		t->det_reserved_ft = EXT4_DIR_TAIL_FT;
	}
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
}

/* Returns the byte offset at which the entries of this block end. */
static u32 entries_end(const struct ext4_sb *sbi, u8 *block)
{
	return sbi->csum && dir_tail(sbi, block) ? ext4_dir_space(sbi) : sbi->block_size;
}

struct ext4_dir_entry *ext4_leaf_find(const struct ext4_sb *sbi, u8 *block, const struct qstr *name)
{
	u32 off;

	for (off = 0; off < sbi->block_size;
		off += ext4_rec_len(sbi, (const void *)(block + off))) {
		struct ext4_dir_entry *de = (void *)(block + off);

		if (de->inode && de->name_len == name->len &&
			!memcmp(de->name, name->name, name->len))
			return de;
	}
	return NULL;
}

int ext4_leaf_dirty(struct ext4_handle *h, struct inode *dir, struct ext4_buf *b)
{
	if (b->flags & BUF_PRIVATE)
		return ext4_inline_dir_store(h, dir, b);
	ext4_dir_set_csum(dir, b);
	ext4_dirty(h, b);
	return 0;
}

static void fill_entry(const struct ext4_sb *sbi, struct ext4_dir_entry *de,
	const struct qstr *name, u32 ino, umode_t mode)
{
	de->inode = ino;
	de->name_len = (u8)name->len;
	de->file_type = type_on_disk(sbi, mode);
	memcpy(de->name, name->name, name->len);
}

int ext4_leaf_add(struct ext4_handle *h, struct inode *dir, struct ext4_buf *b,
	const struct qstr *name, u32 ino, umode_t mode)
{
	const struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	u32 need = EXT4_DIR_REC_LEN(name->len), end = entries_end(sbi, b->data), off, len, used;

	for (off = 0; off < end; off += len) {
		struct ext4_dir_entry *de = (void *)(b->data + off);

		len = ext4_rec_len(sbi, de);
		used = de->inode ? EXT4_DIR_REC_LEN(de->name_len) : 0;
		if (len < used + need)
			continue;
		if (used) {
			struct ext4_dir_entry *rest = (void *)(b->data + off + used);

			rest->rec_len = (u16)(len - used);
			de->rec_len = (u16)used;
			de = rest;
		}
		fill_entry(sbi, de, name, ino, mode);
		return ext4_leaf_dirty(h, dir, b);
	}
	return -ENOSPC;
}

struct ext4_buf *ext4_dir_append(struct ext4_handle *h, struct inode *dir, u32 *lblk)
{
	struct ext4_map m = { .lblk = ext4_dir_nr_blocks(dir), .len = 1 };
	u32 limit = EXT4_SB(dir->i_sb)->opt.max_dir_kb;
	struct ext4_buf *b;
	int err;

	if ((u64)dir->i_size + dir->i_sb->s_blocksize > 0xffffffffUL ||
		(limit && (u64)dir->i_size >> 10 >= limit))
		return ERR_PTR(-ENOSPC);
	err = ext4_reserve_meta(EXT4_SB(dir->i_sb), 1, false);
	if (err)
		return ERR_PTR(err);
	down_write(&EXT4_I(dir)->i_data_sem);
	err = ext4_map_create(h, dir, &m, false);
	up_write(&EXT4_I(dir)->i_data_sem);
	ext4_unreserve(EXT4_SB(dir->i_sb), 1);
	if (err)
		return ERR_PTR(err);
	b = ext4_bnew(EXT4_SB(dir->i_sb), m.pblk, EXT4_USE(EXT4_DATA, dir->i_ino));
	if (IS_ERR(b))
		return b;
	*lblk = m.lblk;
	i_size_write(dir, dir->i_size + (loff_t)dir->i_sb->s_blocksize);
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
	return b;
}

/* ---- whole directories ---- */

/* Finds a name as ext4_dir_find() does, by a search through all blocks. */
static struct ext4_buf *find_linear(
	struct inode *dir, const struct qstr *name, struct ext4_dir_entry **de)
{
	u32 lblk;

	for (lblk = 0; lblk < ext4_dir_nr_blocks(dir); lblk++) {
		struct ext4_buf *b = ext4_dir_block(dir, lblk);

		if (IS_ERR(b))
			return b;
		if (!b)
			continue;
		*de = ext4_leaf_find(EXT4_SB(dir->i_sb), b->data, name);
		if (*de)
			return b;
		ext4_brelse(b);
		cond_resched();
		/*
		 * In a damaged directory, 2^32 blocks of the file may be one block of the disk, so
		 * a fatal signal ends the search. With an open handle it does not: the caller may
		 * have made half of a change.
		 */
		if (!current->journal_info && fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
	}
	return NULL;
}

bool ext4_dir_indexed(const struct inode *dir)
{
	return EXT4_I(dir)->i_flags & EXT4_INDEX_FL &&
	       EXT4_HAS(EXT4_SB(dir->i_sb), compat, COMPAT_DIR_INDEX);
}

static bool is_dots(const struct qstr *name)
{
	return name->name[0] == '.' && (name->len == 1 || (name->len == 2 && name->name[1] == '.'));
}

struct ext4_buf *ext4_dir_find(
	struct inode *dir, const struct qstr *name, struct ext4_dir_entry **de)
{
	struct ext4_buf *b;

	if (name->len > 255)
		return NULL;
	if (ext4_dir_indexed(dir) && !is_dots(name)) {
		b = ext4_htree_find(dir, name, de);
		if (b != ERR_PTR(-ENOENT))
			return b;
	}
	return find_linear(dir, name, de);
}

/*
 * Adds an entry as ext4_dir_add() does, in the first block that has room. If the only block is
 * full, makes an index. Does not write the directory's inode.
 */
static int add_linear(
	struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, umode_t mode)
{
	struct ext4_buf *b;
	u32 lblk;
	int err;

	for (lblk = 0; lblk < ext4_dir_nr_blocks(dir); lblk++) {
		b = ext4_dir_block(dir, lblk);
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		if (!b)
			continue;
		err = ext4_leaf_add(h, dir, b, name, ino, mode);
		ext4_brelse(b);
		if (err != -ENOSPC)
			return err;
		cond_resched();
		if (!lblk && ext4_dir_nr_blocks(dir) == 1 &&
			EXT4_HAS(EXT4_SB(dir->i_sb), compat, COMPAT_DIR_INDEX)) {
			err = ext4_htree_make(h, dir);
			return err ? err : ext4_htree_add(h, dir, name, ino, mode);
		}
	}
	b = ext4_dir_append(h, dir, &lblk);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	ext4_leaf_init(EXT4_SB(dir->i_sb), b);
	err = ext4_leaf_add(h, dir, b, name, ino, mode);
	ext4_brelse(b);
	return err;
}

/*
 * Updates the directory's inode after a change of an entry. home_block() has already read the
 * inode's block. Returns 0 or -errno.
 */
static int note_entry(struct ext4_handle *h, struct inode *dir)
{
	dir->i_mtime = dir->i_ctime = current_time(dir);
	return ext4_write_inode_raw(h, dir);
}

/*
 * Reads the block with the directory's inode before an entry changes. The inode is written after
 * the entry, and a read error at that time would leave half of the change. Returns the block,
 * referenced, or ERR_PTR.
 */
static struct ext4_buf *home_block(struct inode *dir)
{
	struct ext4_disk_inode *raw;

	return ext4_raw_inode(dir, &raw);
}

int ext4_dir_add(
	struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, umode_t mode)
{
	struct ext4_buf *home = home_block(dir);
	int err = -ENOENT;

	if (IS_ERR(home))
		return (int)PTR_ERR(home);
	if (ext4_dir_indexed(dir))
		err = ext4_htree_add(h, dir, name, ino, mode);
	if (err == -ENOENT) {
		EXT4_I(dir)->i_flags &= ~(u32)EXT4_INDEX_FL; /* the index cannot be used */
		err = add_linear(h, dir, name, ino, mode);
	}
	/*
	 * Even a failed addition may have given @dir blocks or an index, into which its entries
	 * have moved, so the inode is written in any case.
	 */
	if (!err)
		err = note_entry(h, dir);
	else
		ext4_write_inode_raw(h, dir);
	ext4_brelse(home);
	return err;
}

int ext4_dir_remove(
	struct ext4_handle *h, struct inode *dir, struct ext4_buf *b, struct ext4_dir_entry *victim)
{
	const struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	struct ext4_buf *home = home_block(dir);
	struct ext4_dir_entry *before = NULL;
	u32 off;
	int err;

	if (IS_ERR(home))
		return (int)PTR_ERR(home);
	for (off = 0; off < sbi->block_size;
		off += ext4_rec_len(sbi, (const void *)(b->data + off))) {
		struct ext4_dir_entry *de = (void *)(b->data + off);

		if (de == victim)
			break;
		before = de;
	}
	if (off >= sbi->block_size) {
		ext4_brelse(home);
		return -EFSCORRUPTED;
	}
	if (before)
		before->rec_len = (u16)(ext4_rec_len(sbi, before) + ext4_rec_len(sbi, victim));
	victim->inode = 0;
	err = ext4_leaf_dirty(h, dir, b);
	if (!err)
		err = note_entry(h, dir);
	ext4_brelse(home);
	return err;
}
