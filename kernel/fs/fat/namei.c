/* SPDX-License-Identifier: MIT */
/*
 * namei.c: names: lookup, creation, removal and renaming.
 *
 * The VFS's dentry cache is case-sensitive, but FAT is not. So one file may have several dentries,
 * and a name that did not exist may be created in another spelling. fat_revalidate() accepts a
 * dentry only if its inode still has that name in that directory, and never a negative dentry.
 */
#include <asm/errno.h>
#include <linux/fs.h>

#include "kernel/fs/fat/fat.h"
#include "kernel/vfs/bdev/bdev.h"

/* A name, and its entry once it is found or made. Too large for the stack. */
struct found {
	struct fat_name name;
	struct fat_entry e;
};

/* Returns a parsed name, to free by kfree(), or ERR_PTR: as fat_name_parse(), or -ENOMEM. */
static struct found *found_new(struct inode *dir, const struct qstr *q)
{
	struct found *f = kmalloc(sizeof(*f), GFP_NOFS);
	int err = f ? fat_name_parse(FAT_SB(dir->i_sb), q, &f->name) : -ENOMEM;

	if (!err)
		return f;
	kfree(f);
	return ERR_PTR(err);
}

/*
 * Returns a parsed name that is to be made, to free by kfree(). Returns ERR_PTR if found_new()
 * does, and ERR_PTR(-EINVAL) if the last character is a blank.
 */
static struct found *found_to_make(struct inode *dir, const struct qstr *q)
{
	struct found *f = found_new(dir, q);

	if (IS_ERR(f) || f->name.units[f->name.n - 1] != ' ')
		return f;
	kfree(f);
	return ERR_PTR(-EINVAL);
}

static struct dentry *fat_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct found *f;
	struct inode *inode = NULL;
	int err;

	if (d->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	f = found_new(dir, &d->d_name);
	if (f == ERR_PTR(-EINVAL) || f == ERR_PTR(-ENOENT)) /* no file can have such a name */
		return d_splice_alias(NULL, d);
	if (IS_ERR(f))
		return ERR_CAST(f);
	err = fat_find(dir, &f->name, &f->e);
	if (!err)
		inode = fat_iget(dir, &f->e);
	kfree(f);
	return err && err != -ENOENT ? ERR_PTR(err) : d_splice_alias(inode, d);
}

static int fat_revalidate(struct dentry *d, u32 flags)
{
	struct inode *inode = d->d_inode, *dir = d->d_parent->d_inode;
	const struct fat_inode *fi;
	struct fat_name *name;
	u32 hash;
	int ok;

	if (!inode || !dir)
		return 0;
	fi = FAT_I(inode);
	if (inode->i_ino == FAT_ROOT_INO)
		return 1;
	if (!READ_ONCE(fi->slot_at) || READ_ONCE(fi->dir_ino) != dir->i_ino)
		return 0;
	name = kmalloc(sizeof(*name), GFP_NOFS);
	if (!name)
		return -ENOMEM;
	ok = !fat_name_parse(FAT_SB(d->d_sb), &d->d_name, name);
	hash = ok ? fat_name_hash(name->units, name->n) : 0;
	kfree(name);
	return ok && (hash == fi->name_hash[0] || hash == fi->name_hash[1]);
}
const struct dentry_operations fat_dops = { .d_revalidate = fat_revalidate };

/* Sets the directory's times. */
static void touch(struct inode *dir)
{
	dir->i_mtime = dir->i_ctime = current_time(dir);
	mark_inode_dirty(dir);
}

/* ---- making ---- */

/* Returns the first cluster, as ".." names it: 0 for the root. */
static u32 start_of(const struct inode *dir)
{
	return dir->i_ino == FAT_ROOT_INO ? 0 : FAT_I(dir)->start;
}

/* Fills the first cluster of a new directory with ".", ".." and zeros. Returns 0 or -errno. */
static int make_dots(struct inode *dir, struct inode *inode, const struct fat_slot *like)
{
	struct fat_sb *s = FAT_SB(dir->i_sb);
	struct fat_inode *fi = FAT_I(inode);
	struct fat_slot *d = kzalloc(s->cluster_size, GFP_NOFS);
	int err = d ? fat_grow(fi, s->cluster_size) : -ENOMEM;

	if (!err) {
		d[0] = d[1] = *like;
		memcpy(d[0].name, ".          ", 11);
		memcpy(d[1].name, "..         ", 11);
		fat_set_start(&d[0], fi->start);
		fat_set_start(&d[1], start_of(dir));
		err = fat_write(s, fat_cluster_at(s, fi->start), d, s->cluster_size);
	}
	kfree(d);
	return err;
}

/* Makes a file or directory. Returns 0 or -errno. */
static int make(struct inode *dir, struct dentry *dentry, bool is_dir)
{
	struct fat_sb *s = FAT_SB(dir->i_sb);
	struct fat_slot slot = { .attr = is_dir ? FAT_ATTR_DIR : FAT_ATTR_ARCH };
	struct found *f = found_to_make(dir, &dentry->d_name);
	struct inode *inode;
	int err = 0;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	inode = new_inode(dir->i_sb);
	if (!inode) {
		kfree(f);
		return -ENOMEM;
	}
	inode->i_mtime = inode->i_atime = inode->i_ctime = inode->i_btime = current_time(inode);
	fat_slot_times(&slot, inode);
	if (is_dir)
		err = make_dots(dir, inode, &slot);
	fat_set_start(&slot, FAT_I(inode)->start);
	if (!err)
		err = fat_add(dir, &f->name, &slot, &f->e);
	if (err) {
		clear_nlink(inode);
		iput(inode); /* also frees its cluster */
		kfree(f);
		return err;
	}
	fat_number(inode, f->e.at);
	fat_fill(inode, &f->e.slot);
	if (is_dir) {
		i_size_write(inode, s->cluster_size);
		inode->i_blocks = s->cluster_size >> SECTOR_SHIFT;
	}
	fat_attach(inode, dir, &f->e);
	d_instantiate_new(dentry, inode);
	touch(dir);
	kfree(f);
	return 0;
}

static int fat_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl)
{
	return make(dir, d, false);
}

static int fat_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	return make(dir, d, true);
}

/* ---- removing ---- */

/* Finds the slots of @inode's name in @dir. Returns 0, -ENOENT or another -errno. */
static int find_slots(struct inode *dir, const struct inode *inode, struct fat_entry *e)
{
	u32 off = 0;
	int r;

	while ((r = fat_next(dir, &off, e)) == 1)
		if (e->at == FAT_I(inode)->slot_at)
			return 0;
	return r ? r : -ENOENT;
}

static int fat_unlink(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->d_inode;
	struct fat_entry *e = kmalloc(sizeof(*e), GFP_NOFS);
	int err = e ? find_slots(dir, inode, e) : -ENOMEM;

	if (!err)
		err = fat_take_away(dir, e);
	if (!err) {
		fat_detach(inode);
		clear_nlink(inode);
		inode->i_ctime = current_time(inode);
		touch(dir);
	}
	kfree(e);
	return err;
}

static int fat_rmdir(struct inode *dir, struct dentry *d)
{
	int err = fat_is_empty(d->d_inode);

	return err ? err : fat_unlink(dir, d);
}

/* ---- renaming ---- */

static u64 dotdot_at(const struct inode *inode)
{
	return fat_cluster_at(FAT_SB(inode->i_sb), FAT_I(inode)->start) + sizeof(struct fat_slot);
}

/*
 * Makes *d, the slot ".." of the directory @inode, lead to @dir, and writes the slot. A failure is
 * reported as an error of the file system and not returned: the names are changed by then.
 */
static void set_dotdot(struct inode *inode, struct inode *dir, struct fat_slot *d)
{
	struct fat_sb *s = FAT_SB(inode->i_sb);

	fat_set_start(d, start_of(dir));
	if (fat_write(s, dotdot_at(inode), d, sizeof(*d)))
		fat_error(s, "no '..' for a moved directory", dotdot_at(inode));
}

/*
 * Redirects the target's slots to the renamed inode. The name in them keeps its spelling. Returns 0
 * or -errno.
 */
static int take_over(struct inode *ndir, struct inode *target, const struct fat_entry *from,
	struct fat_entry *to)
{
	int err = S_ISDIR(target->i_mode) ? fat_is_empty(target) : 0;
	struct fat_slot d = from->slot;

	if (!err)
		err = find_slots(ndir, target, to);
	if (err)
		return err;
	memcpy(d.name, to->slot.name, sizeof(d.name));
	d.lcase = to->slot.lcase;
	fat_detach(target);
	err = fat_write(FAT_SB(ndir->i_sb), to->at, &d, sizeof(d));
	if (!err)
		clear_nlink(target);
	return err;
}

/*
 * Renames. @from and @to: memory for both entries; to->name is the new name. Returns 0 or -errno.
 */
static int move(struct inode *odir, struct inode *inode, struct inode *ndir, struct dentry *new,
	struct found *from, struct found *to)
{
	bool up = S_ISDIR(inode->i_mode) && odir != ndir;
	int err = fat_write_inode(inode, false); /* updates its slot */
	struct fat_slot dotdot;

	if (!err && up)
		err = bdev_read_bytes(
			inode->i_sb->s_bdev, dotdot_at(inode), &dotdot, sizeof(dotdot));
	if (!err)
		err = find_slots(odir, inode, &from->e);
	if (err)
		return err;
	if (new->d_inode)
		err = take_over(ndir, new->d_inode, &from->e, &to->e);
	else
		err = fat_add(ndir, &to->name, &from->e.slot, &to->e);
	if (!err)
		err = fat_take_away(odir, &from->e);
	if (err)
		return err;
	fat_detach(inode);
	fat_attach(inode, ndir, &to->e);
	if (up)
		set_dotdot(inode, ndir, &dotdot);
	return 0;
}

static int fat_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags)
{
	struct found *from, *to;
	int err;

	if (flags & ~(u32)RENAME_NOREPLACE)
		return -EINVAL;
	to = found_to_make(ndir, &new->d_name);
	if (IS_ERR(to))
		return (int)PTR_ERR(to);
	from = kmalloc(sizeof(*from), GFP_NOFS);
	err = from ? move(odir, old->d_inode, ndir, new, from, to) : -ENOMEM;
	kfree(from);
	kfree(to);
	if (err)
		return err;
	old->d_inode->i_ctime = current_time(old->d_inode);
	mark_inode_dirty(old->d_inode);
	touch(odir);
	touch(ndir);
	return 0;
}

const struct inode_operations fat_dir_iops = {
	.lookup = fat_lookup,
	.create = fat_create,
	.unlink = fat_unlink,
	.mkdir = fat_mkdir,
	.rmdir = fat_rmdir,
	.rename = fat_rename,
	.setattr = fat_setattr,
	.getattr = fat_getattr,
};
