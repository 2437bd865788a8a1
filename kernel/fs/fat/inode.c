/* SPDX-License-Identifier: MIT */
/*
 * inode.c: inodes: fills them from a directory's slot and the mount's options, and writes them back
 * to the slot; attributes and times.
 *
 * An inode is found by the position of its slot (slot_at), which rename changes. So there is a hash
 * of slot positions besides the VFS's hash of inode numbers. An inode's number is computed from the
 * position where its slot was first found. If another inode still has that number, the inode gets a
 * number that no position gives (OTHER_INOS). Times are in UTC, in units of two seconds.
 */
#include <asm/errno.h>

#include "kernel/fs/fat/fat.h"
#include "kernel/vfs/bdev/bdev.h"

#define OTHER_INOS (1UL << 44) /* numbers that no slot position gives */

static struct kmem_cache *inode_cache;

int fat_inode_cache_init(void)
{
	inode_cache = kmem_cache_create("fat_inode", sizeof(struct fat_inode), SLAB_RECLAIMABLE);
	return inode_cache ? 0 : -ENOMEM;
}

struct inode *fat_alloc_inode(struct super_block *sb)
{
	struct fat_inode *fi = kmem_cache_zalloc(inode_cache, GFP_NOFS);

	if (!fi)
		return NULL;
	mutex_init(&fi->lock);
	if (sb->s_bdev)
		fi->dev_errors = mapping_wb_sample(sb->s_bdev->mapping);
	return &fi->vfs;
}

void fat_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, FAT_I(inode));
}

/* ---- the hash of slot positions ---- */

static struct hlist_head *bucket(struct fat_sb *s, u64 at)
{
	return &s->hash[hash_u64(at) % FAT_HASH];
}

/* Returns the number of the inode whose slot is at byte @at, or 0. Takes hash_lock. */
static u64 find_ino(struct fat_sb *s, u64 at)
{
	struct fat_inode *fi;
	u64 ino = 0;

	spin_lock(&s->hash_lock);
	hlist_for_each_entry(fi, bucket(s, at), hash)
		if (fi->slot_at == at)
			ino = fi->vfs.i_ino;
	spin_unlock(&s->hash_lock);
	return ino;
}

u64 fat_known_ino(struct fat_sb *s, u64 at)
{
	u64 ino = find_ino(s, at);

	return ino ? ino : at >> 5;
}

void fat_attach(struct inode *inode, struct inode *dir, const struct fat_entry *e)
{
	struct fat_sb *s = FAT_SB(inode->i_sb);
	struct fat_inode *fi = FAT_I(inode);

	mutex_lock(&s->entry_lock);
	spin_lock(&s->hash_lock);
	fi->slot_at = e->at;
	fi->dir_ino = dir->i_ino;
	fi->name_hash[0] = fat_name_hash(e->name.units, e->name.n);
	fi->name_hash[1] = fat_name_hash(e->short_units, e->short_n);
	hlist_add_head(&fi->hash, bucket(s, e->at));
	spin_unlock(&s->hash_lock);
	mutex_unlock(&s->entry_lock);
}

void fat_detach(struct inode *inode)
{
	struct fat_sb *s = FAT_SB(inode->i_sb);
	struct fat_inode *fi = FAT_I(inode);

	mutex_lock(&s->entry_lock);
	spin_lock(&s->hash_lock);
	if (fi->slot_at)
		hlist_del_init(&fi->hash);
	fi->slot_at = 0;
	spin_unlock(&s->hash_lock);
	mutex_unlock(&s->entry_lock);
}

void fat_evict_inode(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	if (!inode->i_nlink && !(inode->i_state & I_NEW) && FAT_I(inode)->start &&
		!sb_is_rdonly(inode->i_sb))
		fat_shrink(FAT_I(inode), 0);
	fat_detach(inode);
	fat_forget_runs(FAT_I(inode));
	clear_inode(inode);
}

/* ---- times ---- */

/* Returns the days from 1970 to a date. @y must not be before 1980. */
static s64 days(s64 y, u32 m, u32 d)
{
	y -= m <= 2;
	return y / 400 * 146097 + y % 400 * 365 + y % 400 / 4 - y % 400 / 100 +
	       (153 * (s64)(m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1 - 719468;
}

/* Convert between FAT's date and time and seconds since 1970. */
static s64 get_time(u16 date, u16 time)
{
	u32 m = clamp(date >> 5 & 15U, 1U, 12U), d = max(date & 31U, 1U);

	return days(1980 + (date >> 9), m, d) * 86400 + (time >> 11) * 3600L +
	       (time >> 5 & 63) * 60L + (time & 31) * 2L;
}

static void put_time(s64 t, u16 *date, u16 *time)
{
	s64 day = t / 86400, y = 1970 + day / 366;
	u32 m = 12, of_day = (u32)(t % 86400);

	if (t < days(1980, 1, 1) * 86400L) {
		*date = 1 << 5 | 1;
		*time = 0;
		return;
	}
	while (days(y + 1, 1, 1) <= day)
		y++;
	while (days(y, m, 1) > day)
		m--;
	*date = (u16)((y - 1980) << 9 | m << 5 | (u32)(day - days(y, m, 1) + 1));
	*time = (u16)(of_day / 3600 << 11 | of_day / 60 % 60 << 5 | of_day % 60 / 2);
}

void fat_slot_times(struct fat_slot *d, const struct inode *inode)
{
	u16 date, time;

	put_time(inode->i_mtime.tv_sec, &date, &time);
	d->date = date;
	d->time = time;
	put_time(inode->i_atime.tv_sec, &date, &time);
	d->adate = date;
	if (!FAT_SB(inode->i_sb)->vfat)
		return;
	put_time(inode->i_btime.tv_sec, &date, &time);
	d->cdate = date;
	d->ctime = time;
	d->ctime_cs =
		(u8)((u64)inode->i_btime.tv_sec % 2 * 100 + (u64)inode->i_btime.tv_nsec / 10000000);
}

static void read_times(struct inode *inode, const struct fat_slot *d)
{
	inode->i_mtime = inode->i_ctime = (struct timespec64){ get_time(d->date, d->time), 0 };
	inode->i_atime = inode->i_mtime;
	if (!FAT_SB(inode->i_sb)->vfat)
		return;
	inode->i_atime = (struct timespec64){ get_time(d->adate, 0), 0 };
	inode->i_btime = (struct timespec64){ get_time(d->cdate, d->ctime) + d->ctime_cs / 100,
		d->ctime_cs % 100 * 10000000L };
}

/* ---- from a slot ---- */

/* True if the name's extension is that of a DOS program. */
static bool is_program(const struct fat_slot *d)
{
	return !memcmp(d->name + 8, "EXE", 3) || !memcmp(d->name + 8, "COM", 3) ||
	       !memcmp(d->name + 8, "BAT", 3);
}

static void set_mode(struct inode *inode, const struct fat_slot *d)
{
	const struct fat_sb *s = FAT_SB(inode->i_sb);
	umode_t mode = d->attr & FAT_ATTR_RO && !(d->attr & FAT_ATTR_DIR) ? 0555 : 0777;

	inode->i_uid = s->opt.uid;
	inode->i_gid = s->opt.gid;
	if (d->attr & FAT_ATTR_DIR)
		inode->i_mode = S_IFDIR | (mode & ~s->opt.dmask);
	else if (s->opt.showexec && !is_program(d))
		inode->i_mode = S_IFREG | (mode & 0666 & ~s->opt.fmask);
	else
		inode->i_mode = S_IFREG | (mode & ~s->opt.fmask);
}

static void set_ops(struct inode *inode)
{
	if (S_ISDIR(inode->i_mode)) {
		inode->i_op = &fat_dir_iops;
		inode->i_fop = &fat_dir_fops;
		return;
	}
	inode->i_op = &fat_file_iops;
	inode->i_fop = &fat_file_fops;
	inode->i_data.a_ops = &fat_aops;
}

void fat_fill(struct inode *inode, const struct fat_slot *d)
{
	struct fat_sb *s = FAT_SB(inode->i_sb);
	struct fat_inode *fi = FAT_I(inode);

	fi->start = d->start | (s->bits == 32 ? (u32)d->start_high << 16 : 0);
	fi->attr = d->attr;
	set_mode(inode, d);
	set_nlink(inode, 1);
	read_times(inode, d);
	inode->i_blkbits = s->cluster_bits;
	i_size_write(inode, (loff_t)d->size);
	inode->i_blocks =
		d->size ? round_up((u64)d->size, (u64)s->cluster_size) >> SECTOR_SHIFT : 0;
	set_ops(inode);
}

/* Fills an inode from its slot, and checks a directory's clusters. Returns 0 or -errno. */
static int fill_inode(struct inode *inode, const struct fat_slot *d)
{
	struct fat_sb *s = FAT_SB(inode->i_sb);
	struct fat_inode *fi = FAT_I(inode);
	u64 bytes;
	int err = 0;

	fat_fill(inode, d);
	if (fi->start == s->root_cluster && fi->start) /* a second path to the root directory */
		return -EIO;
	if (S_ISDIR(inode->i_mode)) {
		bytes = fat_chain_bytes(fi, &err);
		i_size_write(inode, (loff_t)bytes);
		inode->i_blocks = bytes >> SECTOR_SHIFT;
		if (!err && (!bytes || bytes > FAT_MAX_DIR + s->cluster_size))
			err = fat_error(s, "a directory without clusters, or too large", d->start);
	}
	return err;
}

int fat_number(struct inode *inode, u64 at)
{
	struct fat_sb *s = FAT_SB(inode->i_sb);

	inode->i_ino = at >> 5;
	while (insert_inode_locked(inode)) {
		spin_lock(&s->hash_lock);
		inode->i_ino = OTHER_INOS + s->next_ino++;
		spin_unlock(&s->hash_lock);
	}
	return 0;
}

/*
 * Returns the inode for the slot of @e, or ERR_PTR. The caller holds the directory's i_rwsem, so no
 * other task makes an inode for the slot meanwhile.
 */
struct inode *fat_iget(struct inode *dir, const struct fat_entry *e)
{
	struct fat_sb *s = FAT_SB(dir->i_sb);
	u64 ino = find_ino(s, e->at);
	struct inode *inode = ino ? ilookup(dir->i_sb, ino) : NULL;
	int err;

	if (inode && FAT_I(inode)->slot_at == e->at)
		return inode;
	if (inode)
		iput(inode);
	inode = new_inode(dir->i_sb);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	fat_number(inode, e->at);
	err = fill_inode(inode, &e->slot);
	if (err) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	fat_attach(inode, dir, e);
	unlock_new_inode(inode);
	return inode;
}

struct inode *fat_root(struct super_block *sb)
{
	struct fat_sb *s = FAT_SB(sb);
	struct inode *inode = iget_locked(sb, FAT_ROOT_INO);
	int err = 0;

	if (IS_ERR(inode))
		return inode;
	FAT_I(inode)->start = s->bits == 32 ? s->root_cluster : 0;
	FAT_I(inode)->attr = FAT_ATTR_DIR;
	inode->i_uid = s->opt.uid;
	inode->i_gid = s->opt.gid;
	inode->i_mode = S_IFDIR | (0777 & ~s->opt.dmask);
	inode->i_blkbits = s->cluster_bits;
	set_nlink(inode, 1);
	set_ops(inode);
	i_size_write(inode,
		s->bits == 32 ? (loff_t)fat_chain_bytes(FAT_I(inode), &err) : (loff_t)s->root_size);
	if (!err && !inode->i_size)
		err = -EIO;
	if (err) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	unlock_new_inode(inode);
	return inode;
}

/* ---- back to the slot ---- */

int fat_set_start(struct fat_slot *d, u32 start)
{
	d->start = (u16)start;
	d->start_high = (u16)(start >> 16);
	return 0;
}

int fat_write_inode(struct inode *inode, bool sync)
{
	struct fat_sb *s = FAT_SB(inode->i_sb);
	struct fat_inode *fi = FAT_I(inode);
	struct fat_slot d;
	int err = 0;

	if (inode->i_ino == FAT_ROOT_INO)
		return 0;
	mutex_lock(&s->entry_lock);
	if (fi->slot_at)
		err = bdev_read_bytes(inode->i_sb->s_bdev, fi->slot_at, &d, sizeof(d));
	if (fi->slot_at && !err) {
		d.attr = fi->attr;
		d.size = S_ISDIR(inode->i_mode) ? 0 : (u32)i_size_read(inode);
		fat_set_start(&d, READ_ONCE(fi->start));
		fat_slot_times(&d, inode);
		err = fat_write(s, fi->slot_at, &d, sizeof(d));
	}
	mutex_unlock(&s->entry_lock);
	return err || !sync ? err : sync_blockdev(inode->i_sb->s_bdev);
}

/* ---- attributes ---- */

int fat_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;

	generic_fillattr(inode, st);
	st->blksize = FAT_SB(inode->i_sb)->cluster_size;
	st->btime = inode->i_btime;
	if (inode->i_btime.tv_sec)
		st->result_mask |= STATX_BTIME;
	return 0;
}

/* True if FAT can store @mode under the mount's mask. It stores one bit of a mode: read-only. */
static bool holds_mode(const struct inode *inode, umode_t mode)
{
	const struct fat_sb *s = FAT_SB(inode->i_sb);
	umode_t mask = S_ISDIR(inode->i_mode) ? s->opt.dmask : s->opt.fmask, write = 0222 & ~mask;

	if ((mode & 0555 & ~mask) != (inode->i_mode & 0555 & ~mask))
		return false;
	mode &= write;
	return mode == write || (!mode && write && !S_ISDIR(inode->i_mode));
}

/*
 * Returns -EPERM for an owner or group other than the mount's, or for one of the bits 07000, which
 * FAT cannot store, otherwise 0. Other changes of mode that FAT cannot store are silently dropped,
 * as on Linux.
 */
static int check_wish(struct inode *inode, struct iattr *a)
{
	const struct fat_sb *s = FAT_SB(inode->i_sb);
	umode_t mask = S_ISDIR(inode->i_mode) ? s->opt.dmask : s->opt.fmask;

	if ((a->ia_valid & ATTR_UID && a->ia_uid != s->opt.uid) ||
		(a->ia_valid & ATTR_GID && a->ia_gid != s->opt.gid))
		return -EPERM;
	if (!(a->ia_valid & ATTR_MODE))
		return 0;
	if (a->ia_mode & 07000)
		return -EPERM;
	if (holds_mode(inode, a->ia_mode))
		a->ia_mode &= ~mask;
	else
		a->ia_valid &= ~(u32)ATTR_MODE;
	return 0;
}

/* Sets the size in bytes. i_rwsem is held. Returns 0 or -errno. */
static int set_size(struct inode *inode, loff_t size);

int fat_setattr(struct dentry *d, struct iattr *a)
{
	struct inode *inode = d->d_inode;
	struct fat_inode *fi = FAT_I(inode);
	int err = setattr_prepare(d, a);

	if (!err && a->ia_valid & ATTR_SIZE)
		err = set_size(inode, a->ia_size);
	if (err)
		return err;
	err = check_wish(inode, a);
	if (err && !FAT_SB(inode->i_sb)->opt.quiet)
		return err;
	if (err)
		a->ia_valid &= ~(u32)(ATTR_MODE | ATTR_UID | ATTR_GID);
	setattr_copy(inode, a);
	if (a->ia_valid & ATTR_MODE && S_ISREG(inode->i_mode))
		fi->attr = (u8)(inode->i_mode & 0222 ? fi->attr & ~FAT_ATTR_RO :
						       fi->attr | FAT_ATTR_RO);
	mark_inode_dirty(inode);
	return 0;
}

static int set_size(struct inode *inode, loff_t size)
{
	loff_t had = i_size_read(inode);
	int err;

	if ((u64)size > 0xffffffffUL)
		return -EFBIG;
	if (size > had)
		return fat_extend(inode, size);
	i_size_write(inode, size);
	truncate_pagecache(&inode->i_data, size);
	err = fat_shrink(FAT_I(inode), (u64)size);
	inode->i_mtime = inode->i_ctime = current_time(inode);
	mark_inode_dirty(inode);
	return err;
}
