/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounts, remounts and unmounts, and updates the counters. geometry.c checks the
 * superblock, options.c parses the options, error.c implements errors=.
 *
 * A failed mount logs its reason in one line.
 *
 * Source: linux-doc, filesystems/ext4/{super,group_descr,checksums}.
 */
#include <linux/magic.h>

#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/bdev/bdev.h"
#include "kernel/vfs/fserror.h"

/* longest wait of wait_for_removed(), in ns */
#define REMOVED_WAIT 2000000000UL

bool ext4_block_valid(const struct ext4_sb *sbi, u64 block, u64 count)
{
	return block > sbi->first_data_block && count && block < sbi->blocks_count &&
	       count <= sbi->blocks_count - block;
}

/* ---- counters ---- */

static u64 count64(u32 lo, u32 hi)
{
	return lo | (u64)hi << 32;
}

u64 ext4_session_kbytes(const struct ext4_sb *sbi)
{
	const u64 *now = &sbi->sb->s_bdev->stat.group[STAT_WRITE].sectors;

	return (__atomic_load_n(now, __ATOMIC_RELAXED) - sbi->sectors_at_mount) >> 1;
}

u64 ext4_lifetime_kbytes(const struct ext4_sb *sbi)
{
	return sbi->disk.s_kbytes_written + ext4_session_kbytes(sbi);
}

/*
 * Computes the free counts from the groups, since the superblock's own counters may be outdated
 * after a crash.
 */
static void sum_groups(struct ext4_sb *sbi)
{
	u32 i;

	sbi->free_blocks = sbi->free_inodes = 0;
	for (i = 0; i < sbi->nr_groups; i++) {
		const struct ext4_disk_group *g = ext4_group(sbi, i);
		bool big = sbi->desc_size >= 64;

		sbi->free_blocks += min_t(u64, ext4_group_blocks(sbi, i),
			(g->bg_free_blocks_count_lo |
				(big ? (u32)g->bg_free_blocks_count_hi << 16 : 0))
				<< sbi->cluster_bits);
		sbi->free_inodes += min_t(u64, sbi->inodes_per_group,
			g->bg_free_inodes_count_lo |
				(big ? (u32)g->bg_free_inodes_count_hi << 16 : 0));
	}
	sbi->reserved_root = count64(sbi->disk.s_r_blocks_count_lo, sbi->disk.s_r_blocks_count_hi);
}

u64 ext4_held_blocks(const struct ext4_sb *sbi)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < sbi->nr_groups; i++)
		n += sbi->groups[i].nr_held;
	return n;
}

void ext4_sb_set_csum(struct ext4_sb *sbi, struct ext4_disk_sb *d)
{
	if (sbi->csum)
		d->s_checksum = ext4_csum(~0U, d, offsetof(struct ext4_disk_sb, s_checksum));
}

void ext4_sb_count(struct ext4_sb *sbi, struct ext4_disk_sb *d)
{
	u64 free = sbi->free_blocks + ext4_held_blocks(sbi); /* promised blocks are free on disk */

	d->s_free_blocks_count_lo = (u32)free;
	if (EXT4_HAS(sbi, incompat, INCOMPAT_64BIT))
		d->s_free_blocks_count_hi = (u32)(free >> 32);
	d->s_free_inodes_count = (u32)sbi->free_inodes;
	d->s_kbytes_written = ext4_lifetime_kbytes(sbi);
}

void ext4_sb_update(struct ext4_sb *sbi)
{
	struct ext4_disk_sb *d = ext4_live_sb(sbi);
	u64 now = ktime_get_real() / 1000000000;

	mutex_lock(&sbi->alloc_lock);
	ext4_sb_count(sbi, d);
	d->s_wtime = (u32)now;
	d->s_wtime_hi = (u8)(now >> 32);
	ext4_errors_to_disk(sbi, d);
	mutex_unlock(&sbi->alloc_lock);
}

/*
 * Writes the superblock straight to the disk, bypassing the journal, because its flags decide
 * whether the log must be replayed. The log must be empty. Returns 0 or -errno.
 */
static int write_sb(struct ext4_sb *sbi)
{
	int err;

	ext4_sb_update(sbi);
	mutex_lock(&sbi->sb_disk_lock);
	ext4_errors_to_disk(sbi, ext4_live_sb(sbi)); /* adds the errors and the checksum */
	err = bdev_rw(sbi->sb->s_bdev, REQ_WRITE | REQ_META | REQ_PREFLUSH | REQ_FUA,
		sbi->sb_buf->block * (sbi->block_size >> SECTOR_SHIFT), sbi->sb_buf->data,
		sbi->block_size);
	mutex_unlock(&sbi->sb_disk_lock);
	return err;
}

/* Marks the superblock, in memory, as in use until it is unmounted or frozen. */
static void mark_in_use(struct ext4_sb *sbi)
{
	struct ext4_disk_sb *d = ext4_live_sb(sbi);

	if (EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL))
		d->s_feature_incompat |= INCOMPAT_RECOVER;
	else
		d->s_state &= (u16)~EXT4_VALID_FS;
}

/* Writes the superblock, marked as unmounted cleanly. The log is empty. Returns 0 or -errno. */
static int write_clean(struct ext4_sb *sbi)
{
	ext4_live_sb(sbi)->s_feature_incompat &= ~(u32)INCOMPAT_RECOVER;
	if (!sbi->failed)
		ext4_live_sb(sbi)->s_state |= EXT4_VALID_FS;
	return write_sb(sbi);
}

/*
 * Opens the journal, and writes the superblock, marked as in use. Returns 0, or -errno with the
 * journal closed.
 */
static int begin_writing(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct ext4_disk_sb *d = ext4_live_sb(sbi);
	u64 now = ktime_get_real() / 1000000000;
	int err = ext4_journal_load(sb, true);

	if (err)
		return err;
	mark_in_use(sbi);
	d->s_mnt_count = (u16)(d->s_mnt_count + 1);
	d->s_mtime = (u32)now;
	d->s_mtime_hi = (u8)(now >> 32);
	err = write_sb(sbi);
	/* The log is empty. Its thread must end before the next attempt frees the journal. */
	if (err)
		ext4_journal_close(sbi);
	return err;
}

/* Closes the journal, if it is open, and marks the superblock as clean if the log is empty then. */
static void end_writing(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);

	if (!ext4_journal_open(sbi))
		return;
	/* If the log could not be emptied, the next mount replays it. */
	if (ext4_journal_close(sbi))
		return;
	write_clean(sbi);
}

/*
 * Freezes the file system. The disk becomes as clean as after unmounting, so that a mount or check
 * of it has nothing to replay. Returns 0 or -errno.
 */
static int ext4_freeze(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	int err = ext4_journal_open(sbi) ? ext4_journal_freeze(sb) : 0;

	if (!err && ext4_journal_open(sbi))
		err = write_clean(sbi);
	if (err && ext4_journal_frozen(sbi)) {
		mark_in_use(sbi);
		ext4_journal_thaw(sb);
	}
	return err;
}

/*
 * Thaws the file system. The superblock on the disk is marked as in use before the first change.
 * Returns 0 or -errno.
 */
static int ext4_unfreeze(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	u32 old = current->flags & PF_MEMALLOC;
	int err;

	if (!ext4_journal_frozen(sbi))
		return 0;
	if (ext4_alive(sbi)) { /* shut down: the disk stays clean */
		ext4_journal_thaw(sb);
		return 0;
	}
	mark_in_use(sbi);
	/*
	 * An OOM victim that frees memory may wait for this write, so it may use the memory
	 * reserves.
	 */
	current->flags |= PF_MEMALLOC;
	err = write_sb(sbi);
	current->flags = (current->flags & ~PF_MEMALLOC) | old;
	if (err)
		ext4_journal_abort(sbi, err);
	ext4_journal_thaw(sb);
	return err;
}

/* ---- options ---- */

static void set_acls(struct super_block *sb, const struct ext4_options *o)
{
	if (o->flags & EXT4_OPT_NOACL)
		sb->s_iflags &= ~SB_I_POSIXACL;
	else
		sb->s_iflags |= SB_I_POSIXACL;
}

/* ---- mount, unmount ---- */

static void free_sbi(struct ext4_sb *sbi)
{
	u32 i;

	for (i = 0; sbi->gdt && i < sbi->gdt_blocks; i++)
		if (sbi->gdt[i])
			ext4_brelse(sbi->gdt[i]);
	if (sbi->sb_buf)
		ext4_brelse(sbi->sb_buf);
	for (i = 0; sbi->groups && i < sbi->nr_groups; i++)
		kfree(sbi->groups[i].held);
	kfree(sbi->groups);
	kfree(sbi->gdt);
	ext4_bufs_destroy(sbi);
	kfree(sbi);
}

static void ext4_put_super(struct super_block *sb)
{
	if (!EXT4_SB(sb))
		return;
	ext4_tenant_leave(EXT4_SB(sb));
	ext4_sysfs_leave(EXT4_SB(sb));
	end_writing(sb);
	ext4_journal_free(EXT4_SB(sb));
	ext4_orphans_free(EXT4_SB(sb));
	free_sbi(EXT4_SB(sb));
	sb->s_fs_info = NULL;
}

static struct kmem_cache *inode_cache;

static struct inode *ext4_alloc_inode(struct super_block *sb)
{
	struct ext4_inode *ei = kmem_cache_zalloc(inode_cache, GFP_NOFS);

	if (!ei)
		return NULL;
	init_rwsem(&ei->i_data_sem);
	INIT_LIST_HEAD(&ei->orphan.link);
	return &ei->vfs;
}

static void ext4_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, EXT4_I(inode));
}

/* Adds the inode to the running transaction at once. Called by mark_inode_dirty(). */
static void ext4_dirty_inode(struct inode *inode, u32 flags)
{
	struct ext4_handle *h;

	if (!(flags & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)))
		return;
	h = ext4_start(inode->i_sb, EXT4_INODE_CREDITS);
	if (IS_ERR(h))
		return;
	ext4_write_inode_raw(h, inode);
	ext4_stop(h);
}

static int ext4_write_inode(struct inode *inode, bool sync)
{
	return sync ? min(ext4_commit_tid(EXT4_SB(inode->i_sb), EXT4_I(inode)->sync_tid), 0) : 0;
}

static int ext4_sync_fs(struct super_block *sb, bool wait)
{
	int err = ext4_force_commit(sb, wait);

	if (wait && !(sb->s_flags & SB_RDONLY) && !err)
		err = ext4_flush_disk(EXT4_SB(sb));
	return err;
}

static int ext4_statfs(struct dentry *d, struct kstatfs *st)
{
	struct ext4_sb *sbi = EXT4_SB(d->d_sb);
	u64 free, reserved;

	mutex_lock(&sbi->alloc_lock);
	free = sbi->free_blocks + ext4_held_blocks(sbi);
	free -= min(free, sbi->delayed);
	st->f_ffree = sbi->free_inodes;
	mutex_unlock(&sbi->alloc_lock);
	st->f_type = EXT4_SUPER_MAGIC;
	st->f_bsize = st->f_frsize = sbi->block_size;
	st->f_blocks =
		sbi->blocks_count -
		(sbi->opt.flags & EXT4_OPT_MINIXDF ? 0 : min(sbi->blocks_count, sbi->overhead));
	st->f_bfree = free;
	reserved = sbi->reserved_root + sbi->reserved_all;
	st->f_bavail = free > reserved ? free - reserved : 0;
	st->f_files = sbi->disk.s_inodes_count;
	st->f_namelen = NAME_MAX;
	st->f_fsid = d->d_sb->s_fsid;
	return 0;
}

/*
 * Waits until writeback has dropped removed files of which it is the last user, but for at most
 * REMOVED_WAIT. Removed files that are still open stay orphans.
 */
static void wait_for_removed(struct ext4_sb *sbi)
{
	struct wait_queue_head nobody;
	u64 end = ktime_get() + REMOVED_WAIT;

	init_waitqueue_head(&nobody);
	while (ext4_orphans_removed(sbi) && ktime_get() < end)
		wait_event_timeout(&nobody, false, ktime_get() + 5000000UL, false);
}

/*
 * Refuses a remount that would change an option that is fixed while the file system is mounted.
 * Returns 0 or -EINVAL.
 */
static int check_remount(
	struct super_block *sb, const struct ext4_options *was, struct ext4_options *o)
{
	const char *why = NULL;

	if (o->data != was->data && !(o->data == EXT4_DATA_ORDERED && !was->data))
		why = "the data mode cannot change";
	else if (o->sb_block != was->sb_block)
		why = "sb= cannot change";
	else if ((was->flags & ~o->flags) & EXT4_OPT_DELALLOC)
		why = "delalloc cannot be switched off";
	if (why) {
		printk(KERN_ERR "EXT4-fs (%s): remount: %s\n", sb->s_id, why);
		return -EINVAL;
	}
	return 0;
}

static void abort_by_user(struct super_block *sb)
{
	printk(KERN_CRIT "EXT4-fs (%s): abort forced by user\n", sb->s_id);
	EXT4_SB(sb)->failed = true;
	ext4_stop_writing(sb, -ESHUTDOWN);
	fsnotify_fs_error(sb, NULL, ESHUTDOWN);
}

/* Makes the mount read-only in any case. Returns 0, or the -errno of writing back its files. */
static int to_read_only(struct super_block *sb)
{
	int err;

	wait_for_removed(EXT4_SB(sb));
	err = sync_filesystem(sb, true);
	sb->s_flags |= SB_RDONLY;
	end_writing(sb);
	return err;
}

/*
 * Reads again the group descriptors and counters, which e2fsck may have changed during the
 * read-only mount. Returns 0 or -errno.
 */
static int reread(struct super_block *sb, struct ext4_sb *sbi)
{
	int err = ext4_reread_groups(sb, sbi);

	if (err)
		return err;
	sum_groups(sbi);
	sbi->written_beside = false;
	return 0;
}

/* Makes a read-only mount writable. Returns 0, or -errno with the mount still read-only. */
static int to_read_write(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	int err;

	if (sbi->read_only_features || sbi->failed || bdev_read_only(sb->s_bdev) ||
		sbi->opt.flags & EXT4_OPT_NOLOAD)
		return -EROFS;
	/*
	 * The journal's thread still exists, and buffers in memory have changes that were never
	 * committed. Only unmounting drops both.
	 */
	if (ext4_journal_is_aborted(sbi))
		return -EROFS;
	/* No task may read or write the device's file while the journal is replaced. */
	ext4_tenant_leave(sbi);
	ext4_sysfs_leave(sbi);
	err = sbi->written_beside ? reread(sb, sbi) : 0;
	if (!err)
		err = begin_writing(sb);
	ext4_tenant_enter(sbi);
	ext4_sysfs_enter(sbi);
	if (err) {
		end_writing(sb); /* also ends the thread, if it runs */
		return err;
	}
	sb->s_flags &= ~(u32)SB_RDONLY;
	ext4_orphan_cleanup(sb);
	return 0;
}

static int ext4_remount(struct super_block *sb, u32 *flags, char *data)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct ext4_options o = sbi->opt;
	int err = ext4_parse_options(sb, data, &o);

	if (!err)
		err = check_remount(sb, &sbi->opt, &o);
	if (err)
		return err;
	sbi->opt = o;
	sbi->opt.flags &= ~EXT4_OPT_ABORT;
	set_acls(sb, &o);
	if (o.flags & EXT4_OPT_ABORT)
		abort_by_user(sb);
	if (*flags & SB_RDONLY && !(sb->s_flags & SB_RDONLY))
		return to_read_only(sb);
	if (!(*flags & SB_RDONLY) && sb->s_flags & SB_RDONLY)
		return to_read_write(sb);
	return 0;
}

static int ext4_show_options(struct super_block *sb, char *buf, size_t size)
{
	return ext4_show_option_list(&EXT4_SB(sb)->opt, &EXT4_SB(sb)->def_opt, buf, size);
}

static const struct super_operations ext4_sops = {
	.alloc_inode = ext4_alloc_inode,
	.free_inode = ext4_free_inode,
	.dirty_inode = ext4_dirty_inode,
	.write_inode = ext4_write_inode,
	.evict_inode = ext4_evict_inode,
	.put_super = ext4_put_super,
	.sync_fs = ext4_sync_fs,
	.freeze_fs = ext4_freeze,
	.unfreeze_fs = ext4_unfreeze,
	.statfs = ext4_statfs,
	.remount = ext4_remount,
	.show_options = ext4_show_options,
	.handle_inode = ext4_handle_inode,
	.parent_inode = ext4_parent_inode,
};

/* Reads everything that a mount needs before the root directory. Returns 0 or -errno. */
static int load(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	u64 sb_at;
	int err = ext4_read_super(sb, sbi, silent);

	if (!err)
		err = ext4_check_features(sb, sbi, silent);
	if (!err)
		err = ext4_check_geometry(sb, sbi, silent);
	if (!err)
		err = ext4_bufs_init(sbi);
	if (err)
		return err;
	sbi->groups = kcalloc(sbi->nr_groups, sizeof(sbi->groups[0]), GFP_KERNEL);
	if (!sbi->groups)
		return -ENOMEM;
	ext4_load_errors(sbi);
	sb_at = (u64)sbi->opt.sb_block * EXT4_SB_OFFSET;
	sbi->sb_buf = ext4_bread(sbi, sb_at / sbi->block_size, EXT4_USE(EXT4_SUPER, 0));
	if (IS_ERR(sbi->sb_buf)) {
		err = (int)PTR_ERR(sbi->sb_buf);
		sbi->sb_buf = NULL;
		return err;
	}
	sbi->sb_off = (u32)(sb_at % sbi->block_size);
	err = ext4_read_groups(sb, sbi);
	if (err)
		return err;
	sum_groups(sbi);
	sbi->overhead = (u64)sbi->disk.s_overhead_clusters << sbi->cluster_bits;
	if (EXT4_HAS(sbi, incompat, INCOMPAT_EXTENTS)) /* as on Linux */
		sbi->reserved_all = min(sbi->blocks_count / 50, 4096UL << sbi->cluster_bits);
	sb->s_blocksize = sbi->block_size;
	sb->s_blocksize_bits = 10 + sbi->disk.s_log_block_size;
	sb->s_maxbytes = (loff_t)(((u64)sbi->block_size << 32) - sbi->block_size);
	return 0;
}

/* Makes a mount's struct ext4_sb, and sets sb->s_fs_info to it. Returns NULL if memory is short. */
static struct ext4_sb *sbi_new(struct super_block *sb)
{
	struct ext4_sb *sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);

	if (!sbi)
		return NULL;
	sbi->sb = sb;
	sbi->sectors_at_mount =
		__atomic_load_n(&sb->s_bdev->stat.group[STAT_WRITE].sectors, __ATOMIC_RELAXED);
	arch_random(&sbi->generations, sizeof(sbi->generations));
	mutex_init(&sbi->alloc_lock);
	mutex_init(&sbi->trim_lock);
	mutex_init(&sbi->sb_disk_lock);
	mutex_init(&sbi->orphan_lock);
	INIT_LIST_HEAD(&sbi->orphans);
	sb->s_fs_info = sbi;
	return sbi;
}

/*
 * Replays the log if needed. Returns 1 if it was replayed, so that all must be read again, 0 if
 * not, or -errno.
 */
static int recover(struct super_block *sb, struct ext4_sb *sbi)
{
	int err;

	if (!EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL) ||
		!EXT4_HAS(sbi, incompat, INCOMPAT_RECOVER))
		return 0;
	if (bdev_read_only(sb->s_bdev)) {
		printk(KERN_ERR "EXT4-fs (%s): it was not unmounted cleanly and its device is "
				"read-only: no recovery "
				"(mount option noload reads it as it is)\n",
			sb->s_id);
		return -EROFS;
	}
	err = ext4_journal_load(sb, false);
	return !err ? 1 : err == -EOPNOTSUPP ? err : -EIO;
}

/*
 * Parses the options and loads the file system. Parses the options twice: sb= is needed to read the
 * superblock, whose default options are overridden by the given ones. Returns 0 or -errno.
 */
static int load_with_options(struct super_block *sb, char *data, bool silent)
{
	struct ext4_sb *sbi = sbi_new(sb);
	char *copy = data ? kstrdup(data) : NULL;
	int err = sbi && (copy || !data) ? 0 : -ENOMEM;

	if (!err) {
		ext4_default_options(sb, NULL, &sbi->opt);
		err = ext4_parse_options(sb, copy, &sbi->opt);
	}
	kfree(copy);
	if (!err)
		err = ext4_read_super(sb, sbi, silent);
	if (err)
		return err;
	ext4_default_options(sb, &sbi->disk, &sbi->def_opt);
	copy = data ? kstrdup(data) : NULL;
	sbi->opt = sbi->def_opt;
	if (data && copy)
		err = ext4_parse_options(sb, copy, &sbi->opt);
	kfree(copy);
	if (data && !copy)
		err = -ENOMEM;
	return err ? err : load(sb, sbi, silent);
}

/* Loads the file system, and loads it anew after a replay of the log. Returns 0 or -errno. */
static int load_and_recover(struct super_block *sb, char *data, bool silent)
{
	int err = load_with_options(sb, data, silent);
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct ext4_options opt, def;
	struct ext4_disk_sb *before;

	if (!err && sbi->opt.flags & EXT4_OPT_NOLOAD)
		sb->s_flags |= SB_RDONLY;
	else if (!err)
		err = recover(sb, sbi);
	if (err != 1)
		return err;
	opt = sbi->opt;
	def = sbi->def_opt;
	before = kmalloc(sizeof(*before), GFP_KERNEL);
	if (!before)
		return -ENOMEM;
	*before = sbi->disk;
	evict_inodes(sb); /* evicts the journal's inode */
	free_sbi(sbi);
	sb->s_fs_info = NULL; /* for ext4_put_super(), if sbi_new() fails */
	sbi = sbi_new(sb);
	if (sbi) {
		sbi->replayed = true;
		sbi->opt = opt;
		sbi->def_opt = def;
	}
	err = sbi ? load(sb, sbi, silent) : -ENOMEM;
	if (!err)
		ext4_keep_errors(sbi, before);
	kfree(before);
	return err;
}

/* Sets sb->s_root. Returns 0 or -errno. */
static int get_root(struct super_block *sb)
{
	struct inode *root = ext4_iget(sb, EXT4_ROOT_INO);

	if (IS_ERR(root)) {
		printk(KERN_ERR "EXT4-fs (%s): the root inode cannot be read (%ld)\n", sb->s_id,
			PTR_ERR(root));
		return (int)PTR_ERR(root);
	}
	if (!S_ISDIR(root->i_mode) || !root->i_nlink) {
		iput(root);
		return ext4_refuse_mount(sb, false, "the root inode is no directory");
	}
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

/*
 * True if the file system may be mounted under the name of its type: ext2 and ext3 are for file
 * systems without extents, and ext3 needs a journal.
 */
static bool type_fits(const struct super_block *sb, const struct ext4_sb *sbi)
{
	if (!strcmp(sb->s_type->name, "ext4"))
		return true;
	if (EXT4_HAS(sbi, incompat, INCOMPAT_EXTENTS))
		return false;
	return !strcmp(sb->s_type->name, "ext2") || EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL);
}

/*
 * Counts the blocks that can never be part of a file: those before the first group, superblocks,
 * descriptors, bitmaps, inode tables, and the log.
 */
static u64 count_overhead(struct ext4_sb *sbi)
{
	u64 n = sbi->first_data_block, log = 0;
	struct inode *inode;
	u32 i;

	for (i = 0; i < sbi->nr_groups; i++)
		n += ext4_base_blocks(sbi, i) + 2 +
		     DIV_ROUND_UP(sbi->inodes_per_group, sbi->block_size / sbi->inode_size);
	if (EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL) && sbi->disk.s_journal_inum) {
		inode = ext4_iget(sbi->sb, sbi->disk.s_journal_inum);
		if (!IS_ERR(inode)) {
			log = (u64)inode->i_size >> inode->i_blkbits;
			iput(inode);
		}
	}
	return n + log;
}

static const char *mode_text(const struct ext4_sb *sbi)
{
	if (!sbi->journal || !EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL))
		return "no journal in use";
	return sbi->opt.data == EXT4_DATA_WRITEBACK ? "writeback data mode" : "ordered data mode";
}

static int ext4_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct ext4_sb *sbi;
	int err;

	sb->s_magic = EXT4_SUPER_MAGIC;
	sb->s_stat_attrs = STATX_ATTR_COMPRESSED | STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND |
			   STATX_ATTR_NODUMP | STATX_ATTR_ENCRYPTED | STATX_ATTR_VERITY;
	sb->s_op = &ext4_sops;
	sb->s_time_gran = 1;
	sb->s_time_min = -(1L << 31);
	sb->s_time_max = (1L << 34) - (1L << 31) - 1;
	err = sync_blockdev(sb->s_bdev); /* mounts bypass the page cache */
	if (!err)
		err = load_and_recover(sb, data, silent);
	sbi = EXT4_SB(sb);
	if (err)
		return err; /* put_super() frees everything */
	if (!type_fits(sb, sbi))
		return ext4_refuse_mount(sb, silent, "it is of a newer type");
	set_acls(sb, &sbi->opt);
	memcpy(sb->s_uuid, sbi->disk.s_uuid, 16);
	memcpy(&sb->s_fsid, sbi->disk.s_uuid, 8);
	if (!(sb->s_flags & SB_RDONLY)) {
		err = begin_writing(sb);
		if (err)
			return err;
	}
	err = get_root(sb);
	if (err)
		return err;
	ext4_tenant_enter(sbi);
	ext4_sysfs_enter(sbi);
	sbi->err.writable = !bdev_read_only(sb->s_bdev);
	if (!(sb->s_flags & SB_RDONLY))
		ext4_orphan_cleanup(sb);
	ext4_report_errors(sbi);
	if (!(sb->s_flags & SB_RDONLY) &&
		EXT4_HAS(sbi, ro_compat, RO_COMPAT_QUOTA | RO_COMPAT_PROJECT))
		printk(KERN_WARNING "EXT4-fs (%s): quotas are not kept: e2fsck will count anew "
				    "what files use\n",
			sb->s_id);
	if (!sbi->overhead) /* older mkfs tools leave it 0 */
		sbi->overhead = count_overhead(sbi);
	printk(KERN_INFO "EXT4-fs (%s): mounted filesystem %s with %s\n", sb->s_id,
		sb->s_flags & SB_RDONLY ? "ro" : "r/w", mode_text(sbi));
	return 0;
}

static struct dentry *ext4_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_bdev(t, flags, dev, data, ext4_fill_super);
}

static struct file_system_type ext4_type = {
	.name = "ext4",
	.fs_flags = FS_REQUIRES_DEV | FS_QUOTA | FS_ALLOW_IDMAP,
	.params = ext4_params,
	.mount = ext4_mount,
	.kill_sb = kill_block_super,
};

static struct file_system_type ext3_type = {
	.name = "ext3",
	.fs_flags = FS_REQUIRES_DEV | FS_QUOTA,
	.params = ext4_params,
	.mount = ext4_mount,
	.kill_sb = kill_block_super,
};
static struct file_system_type ext2_type = {
	.name = "ext2",
	.fs_flags = FS_REQUIRES_DEV | FS_QUOTA,
	.params = ext4_params,
	.mount = ext4_mount,
	.kill_sb = kill_block_super,
};

static int ext4_init(void)
{
	inode_cache = kmem_cache_create("ext4_inode", sizeof(struct ext4_inode), SLAB_RECLAIMABLE);
	ext4_bufs_shrinker_init();
	if (!inode_cache)
		return -ENOMEM;
	ext4_init_params();
	register_filesystem(&ext4_type);
	register_filesystem(&ext3_type);
	return register_filesystem(&ext2_type);
}
INITCALL(3, ext4_init);
