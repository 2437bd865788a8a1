/* SPDX-License-Identifier: MIT */
/*
 * error.c: errors of the file system: logs them, counts them in the superblock, and takes the
 * action that the option errors= sets.
 *
 * The superblock has the number of errors since the last e2fsck, and for the first and the last of
 * them its time, the function and line of this kernel that reported it, and the inode. The errors
 * in memory (sbi->err, under err.lock) go into the live superblock with each commit. They are also
 * written to the disk at once, bypassing the journal, since no commit follows errors=remount-ro or
 * panic. A replay of the log restores an older superblock, into which ext4_keep_errors() writes
 * them again.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/fserror.h"

void ext4_stop_writing(struct super_block *sb, int err)
{
	if (sb->s_flags & SB_RDONLY)
		return;
	if (EXT4_SB(sb)->journal && !ext4_journal_is_aborted(EXT4_SB(sb)))
		ext4_journal_abort(EXT4_SB(sb), err); /* logs the error */
	else
		printk(KERN_CRIT "EXT4-fs (%s): Remounting filesystem read-only\n", sb->s_id);
	sb->s_flags |= SB_RDONLY;
}

void ext4_load_errors(struct ext4_sb *sbi)
{
	const struct ext4_disk_sb *d = &sbi->disk;
	struct ext4_errors *e = &sbi->err;

	spin_lock_init(&e->lock);
	e->count = d->s_error_count;
	e->first.time = d->s_first_error_time | (u64)d->s_first_error_time_hi << 32;
	e->first.line = d->s_first_error_line;
	e->first.ino = d->s_first_error_ino;
	memcpy(e->first.func, d->s_first_error_func, sizeof(d->s_first_error_func));
	e->last.time = d->s_last_error_time | (u64)d->s_last_error_time_hi << 32;
	e->last.line = d->s_last_error_line;
	e->last.ino = d->s_last_error_ino;
	memcpy(e->last.func, d->s_last_error_func, sizeof(d->s_last_error_func));
}

void ext4_errors_to_disk(struct ext4_sb *sbi, struct ext4_disk_sb *d)
{
	struct ext4_errors *e = &sbi->err;

	if (!sbi->failed) {
		ext4_sb_set_csum(sbi, d);
		return;
	}
	spin_lock(&e->lock);
	d->s_state |= EXT4_ERROR_FS;
	d->s_error_count = e->count;
	d->s_first_error_time = (u32)e->first.time;
	d->s_first_error_time_hi = (u8)(e->first.time >> 32);
	d->s_first_error_line = e->first.line;
	d->s_first_error_ino = e->first.ino;
	d->s_first_error_errcode = EXT4_CODE_CORRUPTED;
	memcpy(d->s_first_error_func, e->first.func, sizeof(d->s_first_error_func));
	d->s_last_error_time = (u32)e->last.time;
	d->s_last_error_time_hi = (u8)(e->last.time >> 32);
	d->s_last_error_line = e->last.line;
	d->s_last_error_ino = e->last.ino;
	d->s_last_error_errcode = EXT4_CODE_CORRUPTED;
	memcpy(d->s_last_error_func, e->last.func, sizeof(d->s_last_error_func));
	spin_unlock(&e->lock);
	ext4_sb_set_csum(sbi, d);
}

/* Writes the errors into the superblock on the disk. If that fails, only logs it. */
static void write_errors(struct ext4_sb *sbi)
{
	struct ext4_disk_sb *d = kmalloc(sizeof(*d), GFP_NOFS);
	sector_t at = (u64)sbi->opt.sb_block * (EXT4_SB_OFFSET >> SECTOR_SHIFT);

	if (!d)
		return;
	/* A checkpoint must not write a newer superblock between this read and the write. */
	mutex_lock(&sbi->sb_disk_lock);
	if (!bdev_rw(sbi->sb->s_bdev, REQ_READ | REQ_META, at, d, sizeof(*d)) &&
		d->s_magic == EXT4_MAGIC) {
		ext4_errors_to_disk(sbi, d);
		if (bdev_rw(sbi->sb->s_bdev, REQ_WRITE | REQ_META | REQ_FUA, at, d, sizeof(*d)))
			printk(KERN_ERR
				"EXT4-fs (%s): the error could not be noted in the superblock\n",
				sbi->sb->s_id);
	}
	mutex_unlock(&sbi->sb_disk_lock);
	kfree(d);
}

void ext4_keep_errors(struct ext4_sb *sbi, const struct ext4_disk_sb *before)
{
	if (!(before->s_state & EXT4_ERROR_FS) || sbi->disk.s_state & EXT4_ERROR_FS)
		return;
	sbi->disk.s_state |= EXT4_ERROR_FS;
	memcpy(&sbi->disk.s_error_count, &before->s_error_count,
		offsetof(struct ext4_disk_sb, s_mount_opts) -
			offsetof(struct ext4_disk_sb, s_error_count));
	sbi->disk.s_first_error_time_hi = before->s_first_error_time_hi;
	sbi->disk.s_last_error_time_hi = before->s_last_error_time_hi;
	ext4_load_errors(sbi);
	sbi->failed = true;
	ext4_errors_to_disk(sbi, ext4_live_sb(sbi));
	write_errors(sbi);
	sbi->failed = false; /* no error of this mount */
}

/* Logs at mount the errors that earlier mounts recorded. */
void ext4_report_errors(const struct ext4_sb *sbi)
{
	const struct ext4_errors *e = &sbi->err;
	const char *id = sbi->sb->s_id;

	if (sbi->disk.s_state & EXT4_ERROR_FS)
		printk(KERN_WARNING "EXT4-fs (%s): warning: mounting fs with errors, running "
				    "e2fsck is recommended\n",
			id);
	if (!e->count)
		return;
	printk(KERN_NOTICE "EXT4-fs (%s): error count since last fsck: %u\n", id, e->count);
	printk(KERN_NOTICE "EXT4-fs (%s): initial error at time %lu: %.32s:%u: inode %u\n", id,
		e->first.time, e->first.func, e->first.line, e->first.ino);
	printk(KERN_NOTICE "EXT4-fs (%s): last error at time %lu: %.32s:%u: inode %u\n", id,
		e->last.time, e->last.func, e->last.line, e->last.ino);
}

static void record(struct ext4_sb *sbi, const char *func, u32 line, u32 ino)
{
	struct ext4_errors *e = &sbi->err;

	spin_lock(&e->lock);
	e->count += e->count != ~0U;
	e->last = (struct ext4_error_at){
		.time = ktime_get_real() / 1000000000, .line = line, .ino = ino
	};
	strscpy(e->last.func, func, sizeof(e->last.func));
	if (!e->first.time)
		e->first = e->last;
	sbi->failed = true;
	spin_unlock(&e->lock);
}

static __printf(5, 0) void report(
	struct super_block *sb, const char *func, u32 line, u32 ino, const char *fmt, va_list ap)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	char text[200];

	vsnprintf(text, sizeof(text), fmt, ap);
	printk(KERN_CRIT "EXT4-fs error (device %s): %s:%u: %s\n", sb->s_id, func, line, text);
	record(sbi, func, line, ino);
	if (sbi->err.writable && !(sb->s_flags & SB_RDONLY))
		write_errors(sbi);
	switch (sbi->opt.errors) {
	case EXT4_ERRORS_PANIC: panic("EXT4-fs (device %s): panic forced after error", sb->s_id);
	case EXT4_ERRORS_CONTINUE: break;
	default: ext4_stop_writing(sb, -EFSCORRUPTED);
	}
}

void ext4_error_at(struct super_block *sb, const char *func, u32 line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(sb, func, line, 0, fmt, ap);
	va_end(ap);
}

void ext4_error_inode_at(struct inode *inode, const char *func, u32 line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(inode->i_sb, func, line, (u32)inode->i_ino, fmt, ap);
	va_end(ap);
	fsnotify_fs_error(inode->i_sb, inode, EFSCORRUPTED);
}
