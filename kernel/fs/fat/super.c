/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounting vfat and msdos: the boot sector, the dirty bit, FSINFO, statfs.
 *
 * The volume is marked dirty while it is mounted for writing. Unmounting and remounting read-only
 * write FSINFO. They also clear the mark, unless the volume was already dirty at mount or damage
 * was found. A failed mount prints its reason in one line.
 */
#include <asm/errno.h>
#include <linux/magic.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/fat/fat.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/bdev/bdev.h"

#define SAY_EVERY 1000000000UL /* ns between two messages */

int fat_error(struct fat_sb *s, const char *what, u64 where)
{
	struct super_block *sb = s->sb;
	u64 now = ktime_get();

	if (s->opt.panics)
		panic("FAT-fs (%s): %s (%llx)", sb->s_id, what, (unsigned long long)where);
	if (!READ_ONCE(s->said) || now - READ_ONCE(s->said) > SAY_EVERY) {
		WRITE_ONCE(s->said, now);
		printk(KERN_ERR "FAT-fs (%s): error, %s (%llx)\n", sb->s_id, what,
			(unsigned long long)where);
	}
	s->was_dirty = true; /* leaves the volume dirty, for fsck */
	if (!s->opt.goes_on && !sb_is_rdonly(sb)) {
		sb->s_flags |= SB_RDONLY;
		printk(KERN_ERR "FAT-fs (%s): filesystem has been set read-only\n", sb->s_id);
	}
	return -EIO;
}

/* Logs why a mount is refused, unless @silent. Returns -EINVAL. */
static int refuse_mount(struct super_block *sb, bool silent, const char *why)
{
	if (!silent)
		printk(KERN_ERR "FAT-fs (%s): %s\n", sb->s_id, why);
	return -EINVAL;
}

/* ---- the boot sector ---- */

static bool power_of_two(u32 v)
{
	return v && !(v & (v - 1));
}

/* Checks the fields of the boot sector one by one. Returns 0 or -EINVAL. */
static int check_boot(struct super_block *sb, const struct fat_boot *b, bool silent)
{
	if (!power_of_two(b->sector_size) || b->sector_size < 512 || b->sector_size > 4096)
		return refuse_mount(sb, silent, "bogus logical sector size");
	if (!power_of_two(b->cluster_sectors) ||
		b->cluster_sectors * (u32)b->sector_size > 1U << 18)
		return refuse_mount(sb, silent, "bogus sectors per cluster");
	if (!b->reserved || !b->fats || b->fats > 8)
		return refuse_mount(sb, silent, "bogus number of reserved sectors, or of FATs");
	if (b->media != 0xf0 && b->media < 0xf8)
		return refuse_mount(sb, silent, "invalid media value");
	if (b->root_entries * 32U % b->sector_size)
		return refuse_mount(sb, silent, "bogus directory size");
	if (!b->fat_sectors16 && (!b->f32.fat_sectors || b->root_entries))
		return refuse_mount(sb, silent, "bogus number of FAT sectors");
	return 0;
}

static void set_fat32(struct fat_sb *s, const struct fat_boot *b)
{
	u32 active = b->f32.flags & 15;

	s->root_cluster = b->f32.root;
	s->state_at = offsetof(struct fat_boot, f32.state);
	if (b->f32.flags & FAT32_ONE_ACTIVE && active < s->fats) {
		s->mirrored = false;
		s->active = active;
	}
	if (b->f32.fsinfo && b->f32.fsinfo < b->reserved)
		s->fsinfo_at = (u64)b->f32.fsinfo * s->sector_size;
}

/*
 * Computes the positions and sizes in @s, in bytes, and checks them against the device. Returns 0
 * or -EINVAL.
 */
static int set_geometry(
	struct super_block *sb, struct fat_sb *s, const struct fat_boot *b, bool silent)
{
	u64 fat = b->fat_sectors16 ? b->fat_sectors16 : b->f32.fat_sectors, clusters, room;
	u64 total = b->sectors16 ? b->sectors16 : b->sectors32, before;

	s->sector_size = b->sector_size;
	s->cluster_size = b->sector_size * (u32)b->cluster_sectors;
	s->cluster_bits = 31 - (u32)__builtin_clz(s->cluster_size);
	s->fats = b->fats;
	s->mirrored = true;
	s->root_size = b->root_entries * 32U;
	before = b->reserved + s->fats * fat + s->root_size / s->sector_size;
	if (total <= before || (total - before) / b->cluster_sectors == 0)
		return refuse_mount(sb, silent, "there is no room for data");
	if (total * s->sector_size > sb->s_bdev->nr_sectors << SECTOR_SHIFT)
		return refuse_mount(sb, silent, "the file system is larger than its device");
	clusters = (total - before) / b->cluster_sectors;
	s->bits = !b->fat_sectors16 ? 32 : clusters < 4085 ? 12 : 16;
	s->fat_at = (u64)b->reserved * s->sector_size;
	s->fat_size = fat * s->sector_size;
	s->root_at = s->fat_at + s->fats * s->fat_size;
	s->data_at = before * s->sector_size;
	room = s->fat_size * 8 / s->bits;
	s->end = (u32)min(min(clusters + FAT_FIRST, room), (u64)0x0ffffff0);
	s->hint = FAT_FIRST;
	if (s->bits == 16 && s->end > 65524 + FAT_FIRST)
		return refuse_mount(sb, silent, "too many clusters");
	if (s->bits == 32)
		set_fat32(s, b);
	else
		s->state_at = offsetof(struct fat_boot, f16.state);
	if (s->end <= FAT_FIRST ||
		(s->bits == 32 && (s->root_cluster < FAT_FIRST || s->root_cluster >= s->end)))
		return refuse_mount(sb, silent, "bogus clusters");
	return 0;
}

/* Reads and checks the boot sector. Returns 0 or -errno. */
static int read_boot(struct super_block *sb, struct fat_sb *s, bool silent)
{
	struct fat_boot *b = kmalloc(sizeof(*b), GFP_KERNEL);
	int err = b ? bdev_read_bytes(sb->s_bdev, 0, b, sizeof(*b)) : -ENOMEM;

	if (!err)
		err = check_boot(sb, b, silent);
	if (!err)
		err = set_geometry(sb, s, b, silent);
	if (!err) {
		s->was_dirty = (s->bits == 32 ? b->f32.state : b->f16.state) & FAT_STATE_DIRTY;
		sb->s_fsid = s->bits == 32 ? b->f32.serial : b->f16.serial;
	}
	kfree(b);
	return err;
}

/* ---- FSINFO and the dirty mark ---- */

/* Sets or clears the dirty mark, unless the volume was dirty before. Returns 0 or -errno. */
static int set_state(struct fat_sb *s, bool dirty)
{
	u8 state;
	int err;

	if (s->was_dirty)
		return 0;
	err = bdev_read_bytes(s->sb->s_bdev, s->state_at, &state, 1);
	state = (u8)(dirty ? state | FAT_STATE_DIRTY : state & ~FAT_STATE_DIRTY);
	return err ? err : fat_write(s, s->state_at, &state, 1);
}

/*
 * Writes FSINFO, if the volume has a valid one and the free clusters are counted. Takes s->lock.
 * Returns 0 or -errno.
 */
static int write_fsinfo(struct fat_sb *s)
{
	struct fat_fsinfo *i;
	int err;

	if (!s->fsinfo_at)
		return 0;
	i = kmalloc(sizeof(*i), GFP_NOFS);
	err = i ? bdev_read_bytes(s->sb->s_bdev, s->fsinfo_at, i, sizeof(*i)) : -ENOMEM;
	mutex_lock(&s->lock);
	if (!err && s->counted && i->signature1 == FSINFO_SIG1 && i->signature2 == FSINFO_SIG2) {
		i->free = s->free;
		i->next = s->hint;
		err = fat_write(s, s->fsinfo_at, i, sizeof(*i));
	}
	mutex_unlock(&s->lock);
	kfree(i);
	return err;
}

/* Marks the volume as dirty, on the disk. Returns 0 or -errno. */
static int begin_writing(struct fat_sb *s)
{
	int err = set_state(s, true);

	if (s->was_dirty)
		printk(KERN_WARNING
			"FAT-fs (%s): Volume was not properly unmounted. Some data may be corrupt. "
			"Please run fsck.\n",
			s->sb->s_id);
	s->marked = !err;
	return err ? err : sync_blockdev(s->sb->s_bdev);
}

/* Writes FSINFO and all data and clears the mark, if begin_writing() has succeeded. */
static void end_writing(struct fat_sb *s)
{
	if (!s->marked)
		return;
	write_fsinfo(s);
	sync_blockdev(s->sb->s_bdev); /* all other data first */
	set_state(s, false);
	s->marked = false;
	sync_blockdev(s->sb->s_bdev);
}

/* ---- mount, unmount ---- */

static void fat_put_super(struct super_block *sb)
{
	struct fat_sb *s = FAT_SB(sb);

	if (!s)
		return;
	end_writing(s);
	kfree(s);
	sb->s_fs_info = NULL;
}

static int fat_sync_fs(struct super_block *sb, bool wait)
{
	int err = sb_is_rdonly(sb) ? 0 : write_fsinfo(FAT_SB(sb));

	if (err || !wait)
		return err;
	err = sync_blockdev(sb->s_bdev);
	if (sb->s_root)
		fat_note_lost(d_inode(sb->s_root));
	return err || sb_is_rdonly(sb) ? err : bdev_flush(sb->s_bdev);
}

static int fat_statfs(struct dentry *d, struct kstatfs *st)
{
	struct fat_sb *s = FAT_SB(d->d_sb);
	int err;

	mutex_lock(&s->lock);
	err = fat_count_free(s);
	st->f_bfree = st->f_bavail = s->free;
	mutex_unlock(&s->lock);
	st->f_type = MSDOS_SUPER_MAGIC;
	st->f_bsize = st->f_frsize = s->cluster_size;
	st->f_blocks = s->end - FAT_FIRST;
	st->f_namelen = s->vfat ? NAME_MAX : 12;
	st->f_fsid = d->d_sb->s_fsid;
	return err;
}

static int fat_remount(struct super_block *sb, u32 *flags, char *data)
{
	struct fat_sb *s = FAT_SB(sb);
	struct fat_options o = s->opt;
	bool rdonly = *flags & SB_RDONLY;
	int err = fat_parse_options(sb, &o, data);

	if (!err && !rdonly && !s->marked)
		err = begin_writing(s);
	if (err)
		return err;
	s->opt = o;
	if (rdonly && s->marked) {
		sync_filesystem(sb, true);
		end_writing(s);
	}
	return 0;
}

static const struct super_operations fat_sops = {
	.alloc_inode = fat_alloc_inode,
	.free_inode = fat_free_inode,
	.write_inode = fat_write_inode,
	.evict_inode = fat_evict_inode,
	.put_super = fat_put_super,
	.sync_fs = fat_sync_fs,
	.statfs = fat_statfs,
	.remount = fat_remount,
	.show_options = fat_show_options,
};

/* Makes and sets sb->s_fs_info. Returns NULL if memory is short. */
static struct fat_sb *new_sb(struct super_block *sb)
{
	struct fat_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->sb = sb;
	s->vfat = !strcmp(sb->s_type->name, "vfat");
	s->opt.utf8 = true;
	s->opt.uid = current_fsuid();
	s->opt.gid = current_fsgid();
	s->opt.fmask = s->opt.dmask = current->fs ? (u32)current->fs->umask & 0777 : 022;
	mutex_init(&s->lock);
	mutex_init(&s->entry_lock);
	spin_lock_init(&s->hash_lock);
	sb->s_fs_info = s;
	return s;
}

static int fat_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct fat_sb *s = new_sb(sb);
	struct inode *root;
	int err;

	if (!s)
		return -ENOMEM;
	sb->s_op = &fat_sops;
	sb->s_d_op = &fat_dops;
	sb->s_magic = MSDOS_SUPER_MAGIC;
	sb->s_time_gran = 1000000000;
	sb->s_time_min = 315532800;  /* 1980, in seconds since 1970 */
	sb->s_time_max = 4354819199; /* end of 2107 */
	sb->s_maxbytes = 0xffffffff;
	err = fat_parse_options(sb, &s->opt, data);
	if (!err)
		err = read_boot(sb, s, silent);
	if (err)
		return err;
	sb->s_blocksize = s->sector_size;
	sb->s_blocksize_bits = 31 - (u32)__builtin_clz(s->sector_size);
	root = fat_root(sb);
	if (IS_ERR(root))
		return PTR_ERR(root) == -EIO ?
			       refuse_mount(sb, silent, "the root directory is damaged") :
			       (int)PTR_ERR(root);
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;
	return sb_is_rdonly(sb) ? 0 : begin_writing(s);
}

static struct dentry *fat_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_bdev(t, flags, dev, data, fat_fill_super);
}

static struct file_system_type vfat_type = {
	.name = "vfat",
	.fs_flags = FS_REQUIRES_DEV,
	.mount = fat_mount,
	.kill_sb = kill_block_super,
};
static struct file_system_type msdos_type = {
	.name = "msdos",
	.fs_flags = FS_REQUIRES_DEV,
	.mount = fat_mount,
	.kill_sb = kill_block_super,
};

static int fat_init(void)
{
	int err = fat_inode_cache_init();

	if (!err)
		err = register_filesystem(&vfat_type);
	return err ? err : register_filesystem(&msdos_type);
}
INITCALL(3, fat_init);
