/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounting: the superblock, features, options, counters, errors.
 *
 * What makes a mount fail says so in one printk line. Features that we do not know are refused (incompat) or make the mount read-only
 * (ro_compat). A corruption that is found later goes through ext4_error(), which follows the errors= policy.
 * Source: linux-doc, filesystems/ext4/{super,group_descr,checksums}.
 */
#include <linux/magic.h>

#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"
#include "kernel/vfs/fserror.h"

#define REMOVED_WAIT 2000000000UL /* ns */

static void stop_writing(struct super_block *sb, int err)
{
	if (sb->s_flags & SB_RDONLY)
		return;
	printk(KERN_CRIT "EXT4-fs (%s): remounting filesystem read-only\n", sb->s_id);
	if (EXT4_SB(sb)->journal)
		ext4_journal_abort(EXT4_SB(sb), err);
	sb->s_flags |= SB_RDONLY;
}

static __printf(2, 0) void report(struct super_block *sb, const char *fmt, va_list ap)
{
	char text[200];

	vsnprintf(text, sizeof(text), fmt, ap);
	printk(KERN_CRIT "EXT4-fs error (device %s): %s\n", sb->s_id, text);
	EXT4_SB(sb)->failed = true;
	switch (EXT4_SB(sb)->errors) {
	case EXT4_ERRORS_PANIC: panic("EXT4-fs (device %s): panic forced after error", sb->s_id);
	case EXT4_ERRORS_CONTINUE: break;
	default: stop_writing(sb, -EFSCORRUPTED);
	}
}

void ext4_error(struct super_block *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(sb, fmt, ap);
	va_end(ap);
}

void ext4_error_inode(struct inode *inode, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(inode->i_sb, fmt, ap);
	va_end(ap);
	fsnotify_fs_error(inode->i_sb, inode, EFSCORRUPTED);
}

bool ext4_block_valid(const struct ext4_sb *sbi, u64 block, u64 count)
{
	return block > sbi->first_data_block && count && block < sbi->blocks_count &&
	       count <= sbi->blocks_count - block;
}

/* ---- the superblock ---- */

static int refuse_mount(struct super_block *sb, bool silent, const char *why)
{
	if (!silent)
		printk(KERN_ERR "EXT4-fs (%s): %s\n", sb->s_id, why);
	return -EINVAL;
}

static int read_disk_sb(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	u8 *buf = get_free_page(GFP_KERNEL);
	int err;

	if (!buf)
		return -ENOMEM;
	err = bdev_rw(sb->s_bdev, REQ_READ, EXT4_SB_OFFSET >> SECTOR_SHIFT, buf, sizeof(sbi->disk));
	if (!err)
		memcpy(&sbi->disk, buf, sizeof(sbi->disk));
	free_page_addr(buf);
	if (err)
		return refuse_mount(sb, silent, "unable to read superblock");
	if (sbi->disk.s_magic != EXT4_MAGIC)
		return refuse_mount(sb, silent, "can't find an ext4 file system");
	return 0;
}

static int check_features(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	u32 incompat = sbi->disk.s_feature_incompat & ~INCOMPAT_SUPPORTED;
	u32 ro = sbi->disk.s_feature_ro_compat & ~RO_COMPAT_SUPPORTED;
	char text[100];

	if (sbi->disk.s_rev_level > 1)
		return refuse_mount(sb, silent, "revision level too high");
	if (incompat) {
		scnprintf(text, sizeof(text), "unsupported incompatible features 0x%x", incompat);
		return refuse_mount(sb, silent, text);
	}
	if (ro && !(sb->s_flags & SB_RDONLY)) {
		printk(KERN_WARNING
			"EXT4-fs (%s): features 0x%x can only be read: mounted read-only\n",
			sb->s_id, ro);
		sb->s_flags |= SB_RDONLY;
	}
	sbi->read_only_features = ro;
	sbi->gdt_csum = EXT4_HAS(sbi, ro_compat, RO_COMPAT_GDT_CSUM);
	if (EXT4_HAS(sbi, ro_compat, RO_COMPAT_METADATA_CSUM)) {
		u32 crc = ext4_csum(~0U, &sbi->disk, offsetof(struct ext4_disk_sb, s_checksum));

		if (sbi->disk.s_checksum_type != 1 || crc != sbi->disk.s_checksum)
			return refuse_mount(sb, silent, "superblock checksum does not match");
		sbi->csum = true;
	}
	if (EXT4_HAS(sbi, incompat, INCOMPAT_CSUM_SEED))
		sbi->csum_seed = sbi->disk.s_checksum_seed;
	else
		sbi->csum_seed = ext4_csum(~0U, sbi->disk.s_uuid, sizeof(sbi->disk.s_uuid));
	return 0;
}

static bool power_of_two(u32 v)
{
	return v && !(v & (v - 1));
}

/* Sizes and counts that everything else relies on. */
static int check_geometry(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	const struct ext4_disk_sb *d = &sbi->disk;
	u64 groups;

	if (d->s_log_block_size > 2)
		return refuse_mount(sb, silent, "block sizes above 4096 are not supported");
	sbi->block_size = 1024U << d->s_log_block_size;
	sbi->inode_size = d->s_rev_level ? d->s_inode_size : EXT4_GOOD_OLD_INODE_SIZE;
	if (sbi->inode_size < EXT4_GOOD_OLD_INODE_SIZE || !power_of_two(sbi->inode_size) ||
		sbi->inode_size > sbi->block_size)
		return refuse_mount(sb, silent, "inode size makes no sense");
	sbi->desc_size =
		EXT4_HAS(sbi, incompat, INCOMPAT_64BIT) ? d->s_desc_size : EXT4_MIN_DESC_SIZE;
	if (sbi->desc_size < EXT4_MIN_DESC_SIZE || !power_of_two(sbi->desc_size) ||
		sbi->desc_size > 1024 ||
		(EXT4_HAS(sbi, incompat, INCOMPAT_64BIT) && sbi->desc_size < 64))
		return refuse_mount(sb, silent, "descriptor size makes no sense");
	sbi->descs_per_block = sbi->block_size / sbi->desc_size;
	sbi->blocks_per_group = d->s_blocks_per_group;
	sbi->inodes_per_group = d->s_inodes_per_group;
	if (!sbi->blocks_per_group || sbi->blocks_per_group > sbi->block_size * 8 ||
		!sbi->inodes_per_group || sbi->inodes_per_group > sbi->block_size * 8)
		return refuse_mount(sb, silent, "group sizes make no sense");
	sbi->first_data_block = d->s_first_data_block;
	sbi->blocks_count = d->s_blocks_count_lo;
	if (EXT4_HAS(sbi, incompat, INCOMPAT_64BIT))
		sbi->blocks_count |= (u64)d->s_blocks_count_hi << 32;
	if (sbi->first_data_block != (sbi->block_size == 1024) ||
		sbi->blocks_count <= sbi->first_data_block ||
		sbi->blocks_count > sb->s_bdev->nr_sectors / (sbi->block_size >> SECTOR_SHIFT))
		return refuse_mount(sb, silent,
			"bad geometry: the file system is larger than its device, or empty");
	groups = DIV_ROUND_UP(sbi->blocks_count - sbi->first_data_block, sbi->blocks_per_group);
	if (groups > 1U << 24 || groups * sbi->inodes_per_group != d->s_inodes_count)
		return refuse_mount(sb, silent, "bad geometry: groups and inodes disagree");
	sbi->nr_groups = (u32)groups;
	sbi->gdt_blocks = DIV_ROUND_UP(sbi->nr_groups, sbi->descs_per_block);
	sbi->unsigned_hash = d->s_flags & EXT4_FLAGS_UNSIGNED_HASH;
	sbi->first_ino = d->s_rev_level ? d->s_first_ino : 11;
	if (sbi->first_ino < 11 || sbi->first_ino > sbi->inodes_per_group)
		return refuse_mount(sb, silent, "first inode makes no sense");
	sbi->errors = d->s_errors;
	return 0;
}

/* ---- counters ---- */

static u64 count64(u32 lo, u32 hi)
{
	return lo | (u64)hi << 32;
}

/* What the groups say is the truth; the superblock's own counters may be old after a crash. */
static void sum_groups(struct ext4_sb *sbi)
{
	u32 i;

	sbi->free_blocks = sbi->free_inodes = 0;
	for (i = 0; i < sbi->nr_groups; i++) {
		const struct ext4_disk_group *g = ext4_group(sbi, i);
		bool big = sbi->desc_size >= 64;

		sbi->free_blocks += min_t(u64, ext4_group_blocks(sbi, i),
			g->bg_free_blocks_count_lo |
				(big ? (u32)g->bg_free_blocks_count_hi << 16 : 0));
		sbi->free_inodes += min_t(u64, sbi->inodes_per_group,
			g->bg_free_inodes_count_lo |
				(big ? (u32)g->bg_free_inodes_count_hi << 16 : 0));
	}
	sbi->reserved_root = count64(sbi->disk.s_r_blocks_count_lo, sbi->disk.s_r_blocks_count_hi);
}

static u64 held_blocks(const struct ext4_sb *sbi)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < sbi->nr_groups; i++)
		n += sbi->groups[i].nr_held;
	return n;
}

static void sb_set_csum(struct ext4_sb *sbi, struct ext4_disk_sb *d)
{
	if (sbi->csum)
		d->s_checksum = ext4_csum(~0U, d, offsetof(struct ext4_disk_sb, s_checksum));
}

void ext4_sb_update(struct ext4_sb *sbi)
{
	struct ext4_disk_sb *d = ext4_live_sb(sbi);
	u64 free, now = ktime_get_real() / 1000000000;

	mutex_lock(&sbi->alloc_lock);
	free = sbi->free_blocks + held_blocks(sbi); /* held ones are free on disk */
	d->s_free_blocks_count_lo = (u32)free;
	if (EXT4_HAS(sbi, incompat, INCOMPAT_64BIT))
		d->s_free_blocks_count_hi = (u32)(free >> 32);
	d->s_free_inodes_count = (u32)sbi->free_inodes;
	d->s_wtime = (u32)now;
	d->s_wtime_hi = (u8)(now >> 32);
	if (sbi->failed)
		d->s_state |= EXT4_ERROR_FS;
	sb_set_csum(sbi, d);
	mutex_unlock(&sbi->alloc_lock);
}

/* Straight to the disk, past the journal: flags that say whether it must be replayed. Nothing is in the log. */
static int write_sb(struct ext4_sb *sbi)
{
	ext4_sb_update(sbi);
	return bdev_rw(sbi->sb->s_bdev, REQ_WRITE | REQ_META | REQ_PREFLUSH | REQ_FUA,
		sbi->sb_buf->block * (sbi->block_size >> SECTOR_SHIFT), sbi->sb_buf->data,
		sbi->block_size);
}

static int begin_writing(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct ext4_disk_sb *d = ext4_live_sb(sbi);
	u64 now = ktime_get_real() / 1000000000;
	int err = ext4_journal_load(sb, true);

	if (err)
		return err;
	if (EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL))
		d->s_feature_incompat |= INCOMPAT_RECOVER;
	else
		d->s_state &= (u16)~EXT4_VALID_FS; /* until it is unmounted */
	d->s_mnt_count = (u16)(d->s_mnt_count + 1);
	d->s_mtime = (u32)now;
	d->s_mtime_hi = (u8)(now >> 32);
	return write_sb(sbi);
}

static void end_writing(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	bool aborted;

	if (!ext4_journal_open(sbi))
		return;
	aborted = sbi->failed;
	ext4_journal_close(sbi);
	if (aborted)
		return;
	ext4_live_sb(sbi)->s_feature_incompat &= ~(u32)INCOMPAT_RECOVER;
	ext4_live_sb(sbi)->s_state |= EXT4_VALID_FS;
	write_sb(sbi);
}

/* ---- options ---- */

struct ext4_options {
	int errors;
	bool noload, noacl;
	bool abort; /* of a remount: stop writing now, as after an error */
};

/* What is asked for by habit and has no effect is accepted, and the log says so; what would change what is seen is refused. */
static int parse_options(struct super_block *sb, char *data, struct ext4_options *o)
{
	/* what is done anyway, and what is left out, which is said */
	static const char *const as_it_is[] = { "user_xattr", "barrier", "barrier=1", "delalloc",
		"data=ordered", "relatime", "nodiscard" };
	static const char *const no_effect[] = { "discard", "auto_da_alloc", "init_itable",
		"noinit_itable", "block_validity", "noblock_validity", "journal_checksum",
		"nojournal_checksum", "nodelalloc" };
	char *word;
	u32 i;

	while (data && (word = strsep(&data, ","))) {
		for (i = 0; i < ARRAY_SIZE(as_it_is) && strcmp(word, as_it_is[i]); i++)
			;
		if (!*word || i < ARRAY_SIZE(as_it_is))
			continue;
		for (i = 0; i < ARRAY_SIZE(no_effect) && strcmp(word, no_effect[i]); i++)
			;
		if (i < ARRAY_SIZE(no_effect) || !strncmp(word, "commit=", 7)) {
			printk(KERN_NOTICE "EXT4-fs (%s): mount option \"%s\" has no effect here\n",
				sb->s_id, word);
			continue;
		}
		if (!strcmp(word, "errors=continue"))
			o->errors = EXT4_ERRORS_CONTINUE;
		else if (!strcmp(word, "errors=remount-ro"))
			o->errors = EXT4_ERRORS_RO;
		else if (!strcmp(word, "errors=panic"))
			o->errors = EXT4_ERRORS_PANIC;
		else if (!strcmp(word, "noload") || !strcmp(word, "norecovery"))
			o->noload = true;
		else if (!strcmp(word, "abort"))
			o->abort = true;
		else if (!strcmp(word, "acl") || !strcmp(word, "noacl"))
			o->noacl = *word == 'n';
		else {
			printk(KERN_ERR "EXT4-fs (%s): mount option \"%s\" is not known\n",
				sb->s_id, word);
			return -EINVAL;
		}
	}
	return 0;
}

static void set_acls(struct super_block *sb, const struct ext4_options *o)
{
	if (o->noacl)
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
	end_writing(sb);
	ext4_journal_free(EXT4_SB(sb));
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
	INIT_LIST_HEAD(&ei->orphan);
	return &ei->vfs;
}

static void ext4_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, EXT4_I(inode));
}

/* mark_inode_dirty(): into the journal at once. */
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
		err = bdev_flush(sb->s_bdev);
	return err;
}

static int ext4_statfs(struct dentry *d, struct kstatfs *st)
{
	struct ext4_sb *sbi = EXT4_SB(d->d_sb);
	u64 free;

	mutex_lock(&sbi->alloc_lock);
	free = sbi->free_blocks + held_blocks(sbi);
	free -= min(free, sbi->delayed);
	st->f_ffree = sbi->free_inodes;
	mutex_unlock(&sbi->alloc_lock);
	st->f_type = EXT4_SUPER_MAGIC;
	st->f_bsize = st->f_frsize = sbi->block_size;
	st->f_blocks = sbi->blocks_count - min(sbi->blocks_count, sbi->overhead);
	st->f_bfree = free;
	st->f_bavail = free > sbi->reserved_root ? free - sbi->reserved_root : 0;
	st->f_files = sbi->disk.s_inodes_count;
	st->f_namelen = NAME_MAX;
	st->f_fsid = d->d_sb->s_fsid;
	return 0;
}

static bool has_removed(struct ext4_sb *sbi)
{
	struct ext4_inode *ei;
	bool any = false;

	mutex_lock(&sbi->orphan_lock);
	list_for_each_entry(ei, &sbi->orphans, orphan)
		any |= !ei->vfs.i_nlink;
	mutex_unlock(&sbi->orphan_lock);
	return any;
}

/*
 * Removed files that write-back was the last to have are on their way out; those that somebody still has open stay orphans, which is why
 * this has an end.
 */
static void wait_for_removed(struct ext4_sb *sbi)
{
	struct wait_queue_head nobody;
	u64 end = ktime_get() + REMOVED_WAIT;

	init_waitqueue_head(&nobody);
	while (has_removed(sbi) && ktime_get() < end)
		wait_event_timeout(&nobody, false, ktime_get() + 5000000UL, false);
}

static int ext4_remount(struct super_block *sb, u32 *flags, char *data)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct ext4_options o = { .errors = sbi->errors, .noacl = !(sb->s_iflags & SB_I_POSIXACL) };
	int err = parse_options(sb, data, &o);

	if (err)
		return err;
	sbi->errors = o.errors;
	set_acls(sb, &o);
	if (o.abort) {
		printk(KERN_CRIT "EXT4-fs (%s): abort forced by user\n", sb->s_id);
		sbi->failed = true;
		stop_writing(sb, -ESHUTDOWN);
		fsnotify_fs_error(sb, NULL, ESHUTDOWN);
	}
	if (*flags & SB_RDONLY && !(sb->s_flags & SB_RDONLY)) {
		wait_for_removed(sbi);
		err = sync_filesystem(sb, true);
		sb->s_flags |= SB_RDONLY;
		end_writing(sb);
		return err;
	}
	if (!(*flags & SB_RDONLY) && sb->s_flags & SB_RDONLY) {
		if (sbi->read_only_features || sbi->failed || sb->s_bdev->disk->ro)
			return -EROFS;
		err = begin_writing(sb);
		if (err)
			return err;
		sb->s_flags &= ~(u32)SB_RDONLY;
		ext4_orphan_cleanup(sb);
	}
	return 0;
}

static int ext4_show_options(struct super_block *sb, char *buf, size_t size)
{
	int e = EXT4_SB(sb)->errors;

	if (e == EXT4_SB(sb)->disk.s_errors) /* as it is on disk */
		return 0;
	return scnprintf(buf, size, ",errors=%s",
		e == EXT4_ERRORS_CONTINUE ? "continue" :
		e == EXT4_ERRORS_PANIC    ? "panic" :
					    "remount-ro");
}

static const struct super_operations ext4_sops = {
	.alloc_inode = ext4_alloc_inode,
	.free_inode = ext4_free_inode,
	.dirty_inode = ext4_dirty_inode,
	.write_inode = ext4_write_inode,
	.evict_inode = ext4_evict_inode,
	.put_super = ext4_put_super,
	.sync_fs = ext4_sync_fs,
	.statfs = ext4_statfs,
	.remount = ext4_remount,
	.show_options = ext4_show_options,
	.handle_inode = ext4_handle_inode,
	.parent_inode = ext4_parent_inode,
};

/* Everything that a mount reads before the root: 0 or -errno. */
static int load(struct super_block *sb, struct ext4_sb *sbi, bool silent)
{
	int err = read_disk_sb(sb, sbi, silent);

	if (!err)
		err = check_features(sb, sbi, silent);
	if (!err)
		err = check_geometry(sb, sbi, silent);
	if (!err)
		err = ext4_bufs_init(sbi);
	if (err)
		return err;
	sbi->groups = kcalloc(sbi->nr_groups, sizeof(sbi->groups[0]), GFP_KERNEL);
	if (!sbi->groups)
		return -ENOMEM;
	sbi->sb_buf = ext4_bread(sbi, sbi->first_data_block);
	if (IS_ERR(sbi->sb_buf)) {
		err = (int)PTR_ERR(sbi->sb_buf);
		sbi->sb_buf = NULL;
		return err;
	}
	sbi->sb_off = sbi->block_size > EXT4_SB_OFFSET ? EXT4_SB_OFFSET : 0;
	err = ext4_read_groups(sb, sbi);
	if (err)
		return err;
	sum_groups(sbi);
	sbi->overhead = sbi->disk.s_overhead_clusters;
	sb->s_blocksize = sbi->block_size;
	sb->s_blocksize_bits = 10 + sbi->disk.s_log_block_size;
	sb->s_maxbytes = (loff_t)(((u64)sbi->block_size << 32) - sbi->block_size);
	return 0;
}

static struct ext4_sb *sbi_new(struct super_block *sb)
{
	struct ext4_sb *sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);

	if (!sbi)
		return NULL;
	sbi->sb = sb;
	arch_random(&sbi->generations, sizeof(sbi->generations));
	mutex_init(&sbi->alloc_lock);
	mutex_init(&sbi->orphan_lock);
	INIT_LIST_HEAD(&sbi->orphans);
	sb->s_fs_info = sbi;
	return sbi;
}

/* A log that must be replayed changes what was read: replay, and read again. 1: done, read again; 0: nothing to do. */
static int recover(struct super_block *sb, struct ext4_sb *sbi)
{
	if (!EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL) ||
		!EXT4_HAS(sbi, incompat, INCOMPAT_RECOVER))
		return 0;
	if (sb->s_bdev->disk->ro) {
		printk(KERN_ERR "EXT4-fs (%s): it was not unmounted cleanly and its device is "
				"read-only: no recovery "
				"(mount option noload reads it as it is)\n",
			sb->s_id);
		return -EROFS;
	}
	return ext4_journal_load(sb, false) ? -EIO : 1;
}

static int load_and_recover(struct super_block *sb, bool silent, const struct ext4_options *o)
{
	struct ext4_sb *sbi = sbi_new(sb);
	int err = sbi ? load(sb, sbi, silent) : -ENOMEM;

	if (!err && !o->noload)
		err = recover(sb, sbi);
	if (err != 1)
		return err;
	evict_inodes(sb); /* the journal's */
	free_sbi(sbi);
	sbi = sbi_new(sb);
	return sbi ? load(sb, sbi, silent) : -ENOMEM;
}

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
		return refuse_mount(sb, false, "the root inode is no directory");
	}
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

/* The older names are for file systems without extents; an ext3 has a journal. */
static bool type_fits(const struct super_block *sb, const struct ext4_sb *sbi)
{
	if (!strcmp(sb->s_type->name, "ext4"))
		return true;
	if (EXT4_HAS(sbi, incompat, INCOMPAT_EXTENTS))
		return false;
	return !strcmp(sb->s_type->name, "ext2") || EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL);
}

static int ext4_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct ext4_options o = { 0 };
	struct ext4_sb *sbi;
	int err = parse_options(sb, data, &o);

	if (err)
		return err;
	set_acls(sb, &o);
	sb->s_magic = EXT4_SUPER_MAGIC;
	sb->s_op = &ext4_sops;
	sb->s_time_gran = 1;
	sb->s_time_min = -(1L << 31);
	sb->s_time_max = (1L << 34) - (1L << 31) - 1;
	if (o.noload)
		sb->s_flags |= SB_RDONLY;
	err = load_and_recover(sb, silent, &o);
	sbi = EXT4_SB(sb);
	if (err)
		return err; /* put_super gives back what there is */
	if (!type_fits(sb, sbi))
		return refuse_mount(sb, silent, "it is of a newer type");
	if (o.errors)
		sbi->errors = o.errors;
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
	if (!(sb->s_flags & SB_RDONLY))
		ext4_orphan_cleanup(sb);
	printk(KERN_INFO "EXT4-fs (%s): mounted filesystem %s with %s\n", sb->s_id,
		sb->s_flags & SB_RDONLY ? "ro" : "r/w",
		sbi->journal && EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL) ? "ordered data mode" :
									    "no journal in use");
	return 0;
}

static struct dentry *ext4_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_bdev(t, flags, dev, data, ext4_fill_super);
}

static struct file_system_type ext4_type = {
	.name = "ext4",
	.fs_flags = FS_REQUIRES_DEV,
	.mount = ext4_mount,
	.kill_sb = kill_block_super,
};

static struct file_system_type ext3_type = {
	.name = "ext3",
	.fs_flags = FS_REQUIRES_DEV,
	.mount = ext4_mount,
	.kill_sb = kill_block_super,
};
static struct file_system_type ext2_type = {
	.name = "ext2",
	.fs_flags = FS_REQUIRES_DEV,
	.mount = ext4_mount,
	.kill_sb = kill_block_super,
};

static int ext4_init(void)
{
	inode_cache = kmem_cache_create("ext4_inode", sizeof(struct ext4_inode), 0);
	ext4_bufs_shrinker_init();
	if (!inode_cache)
		return -ENOMEM;
	register_filesystem(&ext4_type);
	register_filesystem(&ext3_type);
	return register_filesystem(&ext2_type);
}
INITCALL(3, ext4_init);
