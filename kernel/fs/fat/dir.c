/* SPDX-License-Identifier: MIT */
/*
 * dir.c: directories: arrays of slots of 32 bytes. The slots of a long name come before the slot of
 * its short name, and the last part of the name comes first.
 *
 * fat_next() reads the slots in order. It uses a long name only if all of its slots exist, in
 * order, with the checksum of the short name. Positions of readdir: 0 is ".", 1 is "..", then
 * FAT_DOTS_DIR + byte offset in the directory.
 */
#include <asm/errno.h>

#include "kernel/fs/fat/fat.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/bdev/bdev.h"

/*
 * Sets *at to the position on the device, in bytes, of the slot at byte @off of the directory.
 * Returns 0, -ENODATA if the directory ends before that slot, or another -errno.
 */
static int slot_at(struct inode *dir, u32 off, u64 *at)
{
	struct fat_sb *s = FAT_SB(dir->i_sb);
	u64 n = sizeof(struct fat_slot);

	if (off >= FAT_MAX_DIR)
		return -ENODATA;
	if (dir->i_ino != FAT_ROOT_INO || s->bits == 32)
		return fat_map(FAT_I(dir), off, at, &n);
	*at = s->root_at + off;
	return off < s->root_size ? 0 : -ENODATA;
}

/*
 * Reads the slot at byte @off of the directory. *at: its position on the device. Returns as
 * slot_at().
 */
static int read_slot(struct inode *dir, u32 off, struct fat_slot *d, u64 *at)
{
	int err = slot_at(dir, off, at);

	return err ? err : bdev_read_bytes(dir->i_sb->s_bdev, *at, d, sizeof(*d));
}

/* ---- walking ---- */

/* A long name that is being assembled from slots. */
struct assembly {
	/*
	 * first: byte offset in the directory of the name's first slot; left: number of slots still
	 * missing, or 0 if no long name is being assembled
	 */
	u32 first, left;
	u8 sum;
	bool done;
};

/*
 * Adds a slot at byte @off of the directory to the long name. A slot with FAT_LONG_LAST begins a
 * new name. Another slot that does not continue the name drops it.
 */
static void add_part(
	struct assembly *a, const struct fat_long_slot *l, u32 off, struct fat_name *name)
{
	u32 seq = l->seq & ~(u32)FAT_LONG_LAST, i;
	u16 *to;

	if (l->seq & FAT_LONG_LAST) {
		*a = (struct assembly){ .first = off, .left = seq, .sum = l->sum };
		name->n = seq * FAT_LONG_UNITS;
		if (!seq || seq > FAT_LONG_MAX)
			a->left = 0;
	}
	if (!a->left || seq != a->left || l->sum != a->sum || (seq - 1) * FAT_LONG_UNITS >= 256) {
		a->left = 0;
		a->done = false;
		return;
	}
	to = name->units + (seq - 1) * FAT_LONG_UNITS;
	for (i = 0; i < FAT_LONG_UNITS && (seq - 1) * FAT_LONG_UNITS + i < 256; i++)
		to[i] = i < 5 ? l->name1[i] : i < 11 ? l->name2[i - 5] : l->name3[i - 11];
	a->done = !--a->left;
}

/* Cuts a long name at its first 0. */
static void end_name(struct fat_name *name)
{
	u32 i;

	for (i = 0; i < min(name->n, 255U) && name->units[i]; i++)
		;
	name->n = i;
}

/* Fills in the names of an entry, whose slot is set. */
static void fill_entry(struct fat_sb *s, struct fat_entry *e, const struct assembly *a)
{
	e->short_n = fat_short_units(s, &e->slot, e->short_units);
	e->has_long = s->vfat && a->done && a->sum == fat_short_sum(e->slot.name);
	if (e->has_long)
		end_name(&e->name);
	if (!e->has_long || !e->name.n) {
		e->name.n = e->short_n;
		memcpy(e->name.units, e->short_units, e->short_n * sizeof(u16));
		e->has_long = false;
	}
	e->first = e->has_long ? a->first : e->off;
}

int fat_next(struct inode *dir, u32 *off, struct fat_entry *e)
{
	struct fat_sb *s = FAT_SB(dir->i_sb);
	struct assembly a = { 0 };
	int err;

	for (;; *off += sizeof(struct fat_slot)) {
		err = read_slot(dir, *off, &e->slot, &e->at);
		if (err)
			return err == -ENODATA ? 0 : err;
		if (!e->slot.name[0])
			return 0;
		err = *off % 4096 ? 0 : boundary_or_killed();
		if (err)
			return err;
		if (e->slot.name[0] == FAT_DELETED) {
			a.left = a.done = 0;
		} else if ((e->slot.attr & 0x3f) == FAT_ATTR_LONG) {
			add_part(&a, (const void *)&e->slot, *off, &e->name);
		} else if (e->slot.attr & FAT_ATTR_VOLUME || e->slot.name[0] == '.') {
			a.left = a.done = 0; /* volume label, "." or ".." */
		} else {
			break;
		}
	}
	e->off = *off;
	fill_entry(s, e, &a);
	*off += sizeof(struct fat_slot);
	return 1;
}

int fat_find(struct inode *dir, const struct fat_name *name, struct fat_entry *e)
{
	u32 off = 0;
	int r;

	while ((r = fat_next(dir, &off, e)) == 1)
		if (fat_name_same(e->name.units, e->name.n, name->units, name->n) ||
			fat_name_same(e->short_units, e->short_n, name->units, name->n))
			return 0;
	return r ? r : -ENOENT;
}

int fat_is_empty(struct inode *dir)
{
	struct fat_entry *e = kmalloc(sizeof(*e), GFP_NOFS);
	u32 off = 0;
	int r = e ? fat_next(dir, &off, e) : -ENOMEM;

	kfree(e);
	return r == 1 ? -ENOTEMPTY : r;
}

static int fat_iterate(struct file *f, struct dir_context *ctx)
{
	struct inode *dir = f->f_inode;
	struct fat_sb *s = FAT_SB(dir->i_sb);
	struct fat_entry *e;
	char *name;
	u32 off;
	int r = 0;

	if (!dir_emit_dots(f, ctx))
		return 0;
	if (ctx->pos - FAT_DOTS_DIR >= FAT_MAX_DIR)
		return 0;
	off = round_down((u32)(ctx->pos - FAT_DOTS_DIR), (u32)sizeof(struct fat_slot));
	e = kmalloc(sizeof(*e) + NAME_MAX + 1, GFP_NOFS);
	if (!e)
		return -ENOMEM;
	name = (char *)(e + 1);
	while ((r = fat_next(dir, &off, e)) == 1) {
		u32 len = fat_name_put(s, e->name.units, e->name.n, name);

		ctx->pos = (loff_t)e->first + FAT_DOTS_DIR;
		if (len && !dir_emit(ctx, name, (int)len, fat_known_ino(s, e->at),
				   e->slot.attr & FAT_ATTR_DIR ? 4 : 8))
			break;
		ctx->pos = (loff_t)off + FAT_DOTS_DIR;
	}
	kfree(e);
	return min(r, 0);
}

const struct file_operations fat_dir_fops = {
	.llseek = generic_file_llseek,
	.iterate = fat_iterate,
	.fsync = fat_fsync,
};

/* ---- changing ---- */

/*
 * Extends the directory to at least @bytes with zeroed clusters. Returns 0 or -errno, such as
 * -ENOSPC. After an error the directory has its old size.
 */
static int grow_dir(struct inode *dir, u32 bytes)
{
	struct fat_sb *s = FAT_SB(dir->i_sb);
	u64 had, at, n, pos;
	void *zero;
	int err;

	if (dir->i_ino == FAT_ROOT_INO && s->bits != 32)
		return -ENOSPC;
	if (bytes > FAT_MAX_DIR)
		return -ENOSPC;
	had = fat_chain_bytes(FAT_I(dir), &err);
	zero = kzalloc(s->cluster_size, GFP_NOFS);
	if (!zero)
		return -ENOMEM;
	if (!err)
		err = fat_grow(FAT_I(dir), bytes);
	for (pos = had; !err && pos < bytes; pos += s->cluster_size) {
		n = s->cluster_size;
		err = fat_map(FAT_I(dir), pos, &at, &n);
		if (!err)
			err = fat_write(s, at, zero, s->cluster_size);
	}
	/* If new clusters could not be zeroed, free them. */
	if (err)
		fat_shrink(FAT_I(dir), had);
	else
		i_size_write(dir, (loff_t)fat_chain_bytes(FAT_I(dir), &err));
	kfree(zero);
	return err;
}

/*
 * Puts an end mark at byte @off, behind slots that are about to overwrite the old end mark. The
 * disk may have anything there, which would be read as entries. Returns 0 or -errno.
 */
static int move_end(struct inode *dir, u32 off)
{
	struct fat_slot d;
	u64 at;
	int err = off < FAT_MAX_DIR ? read_slot(dir, off, &d, &at) : -ENODATA;

	if (err || !d.name[0])
		return err == -ENODATA ? 0 : err;
	memset(&d, 0, sizeof(d));
	return fat_write(FAT_SB(dir->i_sb), at, &d, sizeof(d));
}

/*
 * Finds @n consecutive free slots, and extends the directory if needed. *first: their byte offset.
 * If the slots include the directory's end mark, puts a new one behind them. Returns 0 or -errno.
 */
static int find_room(struct inode *dir, u32 n, u32 *first)
{
	struct fat_slot d;
	u32 off, have = 0;
	bool end = false;
	u64 at;
	int err;

	for (off = 0; have < n && off < FAT_MAX_DIR; off += sizeof(d)) {
		err = read_slot(dir, off, &d, &at);
		if (err == -ENODATA) {
			err = grow_dir(dir, off + (n - have) * (u32)sizeof(d));
			if (err)
				return err;
			memset(&d, 0, sizeof(d));
		} else if (err) {
			return err;
		}
		end |= !d.name[0];
		have = end || d.name[0] == FAT_DELETED ? have + 1 : 0;
	}
	*first = off - n * (u32)sizeof(d);
	if (have < n)
		return -ENOSPC;
	return end ? move_end(dir, off) : 0;
}

/* Writes a slot at byte @off of the directory. Returns 0 or -errno. */
static int write_slot(struct inode *dir, u32 off, const void *slot)
{
	u64 at;
	int err = slot_at(dir, off, &at);

	return err ? (err == -ENODATA ? -EIO : err) :
		     fat_write(FAT_SB(dir->i_sb), at, slot, sizeof(struct fat_slot));
}

/* Fills slot @seq (1 to @parts) of a long name. @sum: checksum of the short name. */
static void make_part(
	struct fat_long_slot *l, const struct fat_name *name, u32 seq, u32 parts, u8 sum)
{
	u32 i, at = (seq - 1) * FAT_LONG_UNITS;

	memset(l, 0, sizeof(*l));
	l->seq = (u8)(seq | (seq == parts ? FAT_LONG_LAST : 0));
	l->attr = FAT_ATTR_LONG;
	l->sum = sum;
	for (i = 0; i < FAT_LONG_UNITS; i++, at++) {
		u16 c = at < name->n ? name->units[at] : at == name->n ? 0 : 0xffff;

		if (i < 5)
			l->name1[i] = c;
		else if (i < 11)
			l->name2[i - 5] = c;
		else
			l->name3[i - 11] = c;
	}
}

/* Returns 0 if the short name is unused, -EEXIST if it is used, or another -errno. */
static int short_taken(struct inode *dir, const u8 name[11], struct fat_entry *e)
{
	u32 off = 0;
	int r;

	while ((r = fat_next(dir, &off, e)) == 1)
		if (!memcmp(e->slot.name, name, 11))
			return -EEXIST;
	return r;
}

/*
 * Chooses an unused short name. *parts: number of slots that a long name needs in addition. Returns
 * 0 or -errno.
 */
static int choose_short(struct inode *dir, const struct fat_name *name, struct fat_slot *slot,
	struct fat_entry *e, u32 *parts)
{
	struct fat_sb *s = FAT_SB(dir->i_sb);
	u8 base[11];
	u32 tries;
	int r = -EEXIST;
	bool exact = fat_short_make(s, name, base, &slot->lcase);

	*parts = exact ? 0 : DIV_ROUND_UP(name->n, FAT_LONG_UNITS);
	memcpy(slot->name, base, 11);
	if (exact)
		return short_taken(dir, slot->name, e);
	if (!s->vfat)
		return -EINVAL;
	slot->lcase = 0;
	for (tries = 0; r == -EEXIST && tries < 1000; tries++) {
		memcpy(slot->name, base, 11);
		fat_short_tail(slot->name, tries, fat_name_hash(name->units, name->n));
		r = short_taken(dir, slot->name, e);
	}
	return r;
}

int fat_add(struct inode *dir, const struct fat_name *name, const struct fat_slot *slot,
	struct fat_entry *e)
{
	struct fat_slot d = *slot;
	struct fat_long_slot l;
	u32 parts, i, first = 0;
	int err = choose_short(dir, name, &d, e, &parts);

	if (!err)
		err = find_room(dir, parts + 1, &first);
	for (i = 0; i < parts && !err; i++) {
		make_part(&l, name, parts - i, parts, fat_short_sum(d.name));
		err = write_slot(dir, first + i * (u32)sizeof(d), &l);
	}
	if (!err)
		err = write_slot(dir, first + parts * (u32)sizeof(d), &d);
	if (err)
		return err;
	e->first = first;
	e->off = first + parts * (u32)sizeof(d);
	e->slot = d;
	e->name = *name;
	e->short_n = fat_short_units(FAT_SB(dir->i_sb), &d, e->short_units);
	e->has_long = parts;
	return slot_at(dir, e->off, &e->at);
}

int fat_take_away(struct inode *dir, const struct fat_entry *e)
{
	u32 off;
	int err = 0;

	for (off = e->first; off <= e->off && !err; off += sizeof(struct fat_slot)) {
		struct fat_slot d;
		u64 at;

		err = read_slot(dir, off, &d, &at);
		d.name[0] = FAT_DELETED;
		if (!err)
			err = fat_write(FAT_SB(dir->i_sb), at, &d, sizeof(d));
	}
	return err;
}
