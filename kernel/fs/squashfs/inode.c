/* SPDX-License-Identifier: MIT */
/*
 * inode.c: inodes from the disk.
 *
 * An inode is read from its position in the table of inodes (which a directory's entry, the
 * superblock or the export table gives) and identified by its number. On disk, inodes of basic
 * types have only the fields that most files need, those of long types have all. Both are converted
 * to struct sqfs_inode.
 */
#include <asm/errno.h>

#include "kernel/fs/squashfs/squashfs.h"

static struct kmem_cache *inode_cache;

int sqfs_inode_cache_init(void)
{
	inode_cache =
		kmem_cache_create("squashfs_inode", sizeof(struct sqfs_inode), SLAB_RECLAIMABLE);
	return inode_cache ? 0 : -ENOMEM;
}

struct inode *sqfs_alloc_inode(struct super_block *sb)
{
	struct sqfs_inode *si = kmem_cache_zalloc(inode_cache, GFP_NOFS);

	if (!si)
		return NULL;
	mutex_init(&si->list_lock);
	si->xattr = SQFS_NONE32;
	return &si->vfs;
}

/* Frees an inode at once. The VFS waits for RCU first: lockless path walks read i_link. */
void sqfs_free_inode(struct inode *inode)
{
	kfree(inode->i_link);
	kmem_cache_free(inode_cache, SQFS_I(inode));
}

void sqfs_evict_inode(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	sqfs_list_free(SQFS_I(inode)->list);
	SQFS_I(inode)->list = NULL;
	clear_inode(inode);
}

/* ---- the types: fill_...() reads the rest of an inode at @c, and returns 0 or -errno ---- */

/* Sets the size, and i_blocks for @allocated, both in bytes. */
static void set_size(struct inode *inode, u64 size, u64 allocated)
{
	i_size_write(inode, (loff_t)size);
	inode->i_blocks = (allocated >> SECTOR_SHIFT) + !!(allocated & 511);
}

/*
 * Checks a file: the table of inodes must have room for its list of blocks. A metadata block takes
 * at least 3 bytes of the table and has at most SQFS_META_SIZE / 4 lengths. Returns 0 or -errno.
 */
static int check_file(struct sqfs_sb *s, struct sqfs_inode *si)
{
	u64 table = s->directory_table - s->inode_table;

	if (si->vfs.i_size < 0 || (si->has_fragment && si->offset >= s->block_size))
		return -EIO;
	return sqfs_nr_blocks(si) > (table / 3 + 1) * (SQFS_META_SIZE / 4) ? -EIO : 0;
}

/*
 * Sets where the tail end's fragment lies. @index SQFS_NONE32: there is none. Returns 0 or -errno.
 */
static int set_fragment(struct sqfs_sb *s, struct sqfs_inode *si, u32 index)
{
	struct sqfs_disk_fragment f;
	int err;

	if (index == SQFS_NONE32)
		return 0;
	if (index >= s->fragments)
		return -EIO;
	err = sqfs_read_entry(s, s->fragment_table, index, sizeof(f), &f);
	si->has_fragment = true;
	si->fragment_pos = f.start;
	si->fragment_size = f.size;
	return err;
}

static int fill_reg(struct sqfs_sb *s, struct sqfs_inode *si, struct sqfs_cursor *c, bool long_one)
{
	struct inode *inode = &si->vfs;
	struct sqfs_disk_lreg l;
	struct sqfs_disk_reg r;
	int err = long_one ? sqfs_read(s, c, &l, sizeof(l)) : sqfs_read(s, c, &r, sizeof(r));

	if (err)
		return err;
	if (!long_one)
		l = (struct sqfs_disk_lreg){ .start_block = r.start_block,
			.size = r.size,
			.nlink = 1,
			.fragment = r.fragment,
			.offset = r.offset,
			.xattr = SQFS_NONE32 };
	set_nlink(inode, l.nlink);
	set_size(inode, l.size, l.size - min_t(u64, l.sparse, l.size));
	si->xattr = l.xattr;
	si->start = l.start_block;
	si->offset = l.offset;
	si->more_block = c->block;
	si->more_offset = c->offset;
	inode->i_op = &sqfs_file_iops;
	inode->i_fop = &sqfs_file_fops;
	inode->i_data.a_ops = &sqfs_aops;
	err = set_fragment(s, si, l.fragment);
	return err ? err : check_file(s, si);
}

static int fill_dir(struct sqfs_sb *s, struct sqfs_inode *si, struct sqfs_cursor *c, bool long_one)
{
	struct sqfs_disk_ldir l;
	struct sqfs_disk_dir d;
	int err = long_one ? sqfs_read(s, c, &l, sizeof(l)) : sqfs_read(s, c, &d, sizeof(d));

	if (err)
		return err;
	if (!long_one)
		l = (struct sqfs_disk_ldir){ .nlink = d.nlink,
			.size = d.size,
			.start_block = d.start_block,
			.parent = d.parent,
			.offset = d.offset,
			.xattr = SQFS_NONE32 };
	set_nlink(&si->vfs, l.nlink);
	set_size(&si->vfs, l.size, l.size);
	si->xattr = l.xattr;
	si->parent = l.parent;
	si->listing = l.size > SQFS_DIR_EXTRA ? l.size - SQFS_DIR_EXTRA : 0;
	si->start = s->directory_table + l.start_block;
	si->offset = l.offset;
	si->indices = l.indices;
	si->more_block = c->block;
	si->more_offset = c->offset;
	si->vfs.i_op = &sqfs_dir_iops;
	si->vfs.i_fop = &sqfs_dir_fops;
	return 0;
}

static int fill_symlink(
	struct sqfs_sb *s, struct sqfs_inode *si, struct sqfs_cursor *c, bool long_one)
{
	struct sqfs_disk_symlink l;
	int err = sqfs_read(s, c, &l, sizeof(l));
	__le32 xattr;
	char *target;

	if (err)
		return err;
	if (!l.size || l.size >= PATH_MAX)
		return -EIO;
	target = kmalloc(l.size + 1, GFP_NOFS);
	if (!target)
		return -ENOMEM;
	si->vfs.i_link = target; /* sqfs_free_inode() frees it */
	err = sqfs_read(s, c, target, l.size);
	target[l.size] = 0;
	if (!err && strlen(target) != l.size)
		err = -EIO;
	if (!err && long_one) {
		err = sqfs_read(s, c, &xattr, sizeof(xattr));
		si->xattr = xattr;
	}
	set_nlink(&si->vfs, l.nlink);
	set_size(&si->vfs, l.size, 0);
	si->vfs.i_op = &sqfs_symlink_iops;
	return err;
}

static int fill_special(struct sqfs_sb *s, struct sqfs_inode *si, struct sqfs_cursor *c,
	umode_t fmt, bool device, bool long_one)
{
	struct sqfs_disk_dev d = { .xattr = SQFS_NONE32 };
	struct sqfs_disk_ipc i = { .xattr = SQFS_NONE32 };
	int err;

	if (device)
		err = sqfs_read(s, c, &d, sizeof(d) - (long_one ? 0 : sizeof(d.xattr)));
	else
		err = sqfs_read(s, c, &i, sizeof(i) - (long_one ? 0 : sizeof(i.xattr)));
	if (err)
		return err;
	set_nlink(&si->vfs, device ? d.nlink : i.nlink);
	si->xattr = device ? d.xattr : i.xattr;
	si->vfs.i_mode = fmt | (si->vfs.i_mode & 07777);
	init_special_inode(&si->vfs, si->vfs.i_mode,
		device ? MKDEV((d.rdev & 0xfff00) >> 8,
				 (d.rdev & 0xff) | ((d.rdev >> 12) & 0xfff00)) :
			 0);
	si->vfs.i_op = &sqfs_file_iops;
	return 0;
}

static int fill_kind(struct sqfs_sb *s, struct sqfs_inode *si, struct sqfs_cursor *c, u32 type)
{
	static const umode_t formats[] = { [SQFS_DIR] = S_IFDIR,
		[SQFS_REG] = S_IFREG,
		[SQFS_SYMLINK] = S_IFLNK,
		[SQFS_BLKDEV] = S_IFBLK,
		[SQFS_CHRDEV] = S_IFCHR,
		[SQFS_FIFO] = S_IFIFO,
		[SQFS_SOCKET] = S_IFSOCK };
	bool long_one = type >= SQFS_LDIR;
	u32 kind = long_one ? type - SQFS_LDIR + SQFS_DIR : type;

	if (!kind || kind >= ARRAY_SIZE(formats))
		return -EIO;
	si->vfs.i_mode = (si->vfs.i_mode & 07777) | formats[kind];
	switch (kind) {
	case SQFS_DIR: return fill_dir(s, si, c, long_one);
	case SQFS_REG: return fill_reg(s, si, c, long_one);
	case SQFS_SYMLINK: return fill_symlink(s, si, c, long_one);
	default:
		return fill_special(s, si, c, formats[kind],
			kind == SQFS_BLKDEV || kind == SQFS_CHRDEV, long_one);
	}
}

/* ---- an inode ---- */

/* Returns a cursor at the inode. @place: as for sqfs_iget(). */
static struct sqfs_cursor inode_cursor(const struct sqfs_sb *s, u64 place)
{
	return (struct sqfs_cursor){ .block = s->inode_table + (place >> 16),
		.offset = (u32)(place & 0xffff),
		.end = s->directory_table };
}

/* Fills an inode. @c: behind the common fields @d. Returns 0 or -errno. */
static int fill_inode(struct sqfs_sb *s, struct inode *inode, struct sqfs_cursor *c,
	const struct sqfs_disk_inode *d)
{
	int err;

	if (d->uid >= s->nr_ids || d->gid >= s->nr_ids)
		return -EIO;
	inode->i_mode = d->mode;
	inode->i_uid = s->ids[d->uid];
	inode->i_gid = s->ids[d->gid];
	inode->i_mtime = inode->i_atime = inode->i_ctime = (struct timespec64){ (s64)d->mtime, 0 };
	inode->i_blkbits = s->sb->s_blocksize_bits;
	err = fill_kind(s, SQFS_I(inode), c, d->type);
	if (!err && !inode->i_nlink)
		err = -EIO;
	return err;
}

struct inode *sqfs_iget(struct super_block *sb, u64 place, u32 number)
{
	struct sqfs_sb *s = SQFS_SB(sb);
	struct sqfs_cursor c = inode_cursor(s, place);
	struct sqfs_disk_inode d;
	struct inode *inode;
	int err = 0;

	/* @number is 0 for the root: the superblock has its position, but not its number. */
	if (!number) {
		err = sqfs_read(s, &c, &d, sizeof(d));
		if (err)
			return ERR_PTR(err);
		number = d.number;
		c = inode_cursor(s, place);
	}
	inode = number ? iget_locked(sb, number) : ERR_PTR(-EIO);
	if (IS_ERR(inode) || !(inode->i_state & I_NEW))
		return inode;
	err = sqfs_read(s, &c, &d, sizeof(d));
	if (!err && d.number != number)
		err = -EIO;
	if (!err)
		err = fill_inode(s, inode, &c, &d);
	if (!err) {
		unlock_new_inode(inode);
		return inode;
	}
	if (err == -EIO)
		sqfs_error(s, "a damaged inode", number);
	iget_failed(inode);
	return ERR_PTR(err);
}

/* ---- file handles: the export table maps a number to the inode's position ---- */

struct inode *sqfs_handle_inode(struct super_block *sb, u64 ino, u32 generation)
{
	struct sqfs_sb *s = SQFS_SB(sb);
	__le64 place;
	int err;

	if (!ino || ino > s->inodes || generation)
		return ERR_PTR(-ESTALE);
	err = sqfs_read_entry(s, s->export_table, ino - 1, sizeof(place), &place);
	return err ? ERR_PTR(err) : sqfs_iget(sb, place, (u32)ino);
}

struct inode *sqfs_parent_inode(struct inode *dir)
{
	return sqfs_handle_inode(dir->i_sb, SQFS_I(dir)->parent, 0);
}
