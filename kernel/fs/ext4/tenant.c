/* SPDX-License-Identifier: MIT */
/*
 * tenant.c: handles reads and writes of the device's file (such as /dev/ubda) while it is mounted.
 * The file system is the device's tenant (block.h: bdev_tenant).
 *
 * A read gets metadata from memory where the disk has an older state, because the block is in the
 * running transaction, on its way into the log, or committed and not checkpointed. The superblock
 * is read with current counters and a valid checksum.
 *
 * A write to the superblock changes its buffer, under a handle and so in the log, so that no commit
 * and no crash restores the old superblock. tune2fs(8) needs that. Fields that describe this mount
 * keep their values. The mount keeps the features and sizes in sbi->disk, and never reads them from
 * the buffer. Other blocks are written to the disk by vfs/bdev/rw.c. An unused buffer of such a
 * block is dropped, so its next user reads and checks it again. A buffer that is in use, or newer
 * than the disk, stays, and later overrides the write, since its holder has checked it. Group
 * descriptors, which a mount always holds, are read again when a read-only mount becomes writable.
 *
 * Locks: the device's tenant_lock, which is taken before the others; alloc_lock for superblock,
 * descriptors and bitmaps; b->lock for other blocks; sb_disk_lock.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/bdev/bdev.h"

/* True if changes now go into a transaction. */
static bool is_journalled(const struct ext4_sb *sbi)
{
	return ext4_journal_open(sbi) && !ext4_journal_frozen(sbi) && !ext4_journal_is_aborted(sbi);
}

/* ---- reading ---- */

/* True if memory has a newer state of the block than the disk. */
static bool block_is_newer(struct ext4_sb *sbi, u64 block)
{
	/* After a shutdown, the disk is read as it is. */
	if (ext4_alive(sbi))
		return false;
	if (block == sbi->sb_buf->block)
		return ext4_journal_open(sbi);
	return ext4_block_is_newer(sbi, block);
}

static u32 tenant_newer(void *arg, u64 block, u32 nr)
{
	u32 mask = 0;

	for (u32 i = 0; i < nr; i++)
		if (block_is_newer(arg, block + i))
			mask |= 1U << i;
	return mask;
}

/* Copies the superblock's block to @to. Takes alloc_lock. */
static void read_super(struct ext4_sb *sbi, u8 *to)
{
	struct ext4_disk_sb *d = (void *)(to + sbi->sb_off);

	mutex_lock(&sbi->alloc_lock);
	memcpy(to, sbi->sb_buf->data, sbi->block_size);
	ext4_sb_count(sbi, d);
	ext4_errors_to_disk(sbi, d); /* also sets the checksum */
	mutex_unlock(&sbi->alloc_lock);
}

static void tenant_read(void *arg, u64 block, u8 *to)
{
	struct ext4_sb *sbi = arg;
	struct ext4_buf *b;
	struct mutex *lock;
	u64 kind;

	if (block == sbi->sb_buf->block) {
		read_super(sbi, to);
		return;
	}
	b = ext4_bfind(sbi, block);
	if (!b)
		return;
	kind = __atomic_load_n(&b->use, __ATOMIC_RELAXED) >> 32;
	lock = kind == EXT4_GROUPS || kind == EXT4_BITMAP ? &sbi->alloc_lock : &b->lock;
	mutex_lock(lock);
	if (smp_load_acquire(&b->flags) & BUF_UPTODATE)
		memcpy(to, b->data, sbi->block_size);
	mutex_unlock(lock);
	ext4_brelse(b);
}

/* ---- writing ---- */

/*
 * Fields of the superblock that describe this mount. A writer of the device's file cannot know
 * them, so they are restored after its write.
 */
struct own_fields {
	u32 last_orphan, incompat, ro_compat;
	u16 state;
};
#define OWN_INCOMPAT INCOMPAT_RECOVER
#define OWN_RO_COMPAT RO_COMPAT_ORPHAN_PRESENT

static struct own_fields keep_own(const struct ext4_disk_sb *d)
{
	return (struct own_fields){ .last_orphan = d->s_last_orphan,
		.incompat = d->s_feature_incompat & OWN_INCOMPAT,
		.ro_compat = d->s_feature_ro_compat & OWN_RO_COMPAT,
		.state = d->s_state };
}

static void restore_own(struct ext4_disk_sb *d, const struct own_fields *own)
{
	d->s_last_orphan = own->last_orphan;
	d->s_feature_incompat = (d->s_feature_incompat & ~(u32)OWN_INCOMPAT) | own->incompat;
	d->s_feature_ro_compat = (d->s_feature_ro_compat & ~(u32)OWN_RO_COMPAT) | own->ro_compat;
	if (!(own->state & EXT4_VALID_FS)) /* no log: stays marked as in use */
		d->s_state &= (u16)~EXT4_VALID_FS;
}

/*
 * Changes bytes in the superblock's block. If the mount is writable, restores its own fields and
 * computes a new checksum.
 */
static void change(struct ext4_sb *sbi, u8 *block, u32 off, const u8 *from, u32 n)
{
	struct ext4_disk_sb *d = (void *)(block + sbi->sb_off);
	struct own_fields own = keep_own(d);

	memcpy(block + off, from, n);
	if (!ext4_journal_open(sbi))
		return;
	restore_own(d, &own);
	ext4_sb_set_csum(sbi, d);
}

/* Changes bytes of the superblock on the disk, bypassing the journal. Returns 0 or -errno. */
static int change_place(struct ext4_sb *sbi, u32 off, const u8 *from, u32 n)
{
	sector_t at = sbi->sb_buf->block * (sbi->block_size >> SECTOR_SHIFT);
	u8 *block = kmalloc(sbi->block_size, GFP_NOFS);
	int err;

	if (!block)
		return -ENOMEM;
	mutex_lock(&sbi->sb_disk_lock);
	err = bdev_rw(sbi->sb->s_bdev, REQ_READ | REQ_META, at, block, sbi->block_size);
	if (!err) {
		change(sbi, block, off, from, n);
		err = bdev_rw(sbi->sb->s_bdev, REQ_WRITE | REQ_META, at, block, sbi->block_size);
	}
	mutex_unlock(&sbi->sb_disk_lock);
	kfree(block);
	return err;
}

/* Changes bytes of the superblock in memory. Takes alloc_lock. */
static void change_live(struct ext4_sb *sbi, u32 off, const u8 *from, u32 n)
{
	mutex_lock(&sbi->alloc_lock);
	change(sbi, sbi->sb_buf->data, off, from, n);
	mutex_unlock(&sbi->alloc_lock);
}

static int tenant_write(void *arg, u64 block, u32 off, const u8 *from, u32 n)
{
	struct ext4_sb *sbi = arg;
	struct ext4_handle *h;
	int err;

	if (block != sbi->sb_buf->block) {
		ext4_bdrop(sbi, block);
		return 0;
	}
	if (!is_journalled(sbi)) {
		err = change_place(sbi, off, from, n);
		if (!err)
			change_live(sbi, off, from, n);
		return err ? err : 1;
	}
	h = ext4_start(sbi->sb, 1);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	change_live(sbi, off, from, n);
	ext4_dirty(h, sbi->sb_buf);
	ext4_stop(h);
	return 1;
}

static void tenant_written(void *arg, u64 block, u32 nr)
{
	struct ext4_sb *sbi = arg;

	while (nr--)
		if (!ext4_bdrop(sbi, block++) && !ext4_journal_open(sbi))
			sbi->written_beside = true;
}

static int tenant_sync(void *arg)
{
	struct ext4_sb *sbi = arg;

	return ext4_journal_open(sbi) && !ext4_alive(sbi) ? ext4_force_commit(sbi->sb, true) : 0;
}

static const struct bdev_tenant tenant = {
	.newer = tenant_newer,
	.read = tenant_read,
	.write = tenant_write,
	.written = tenant_written,
	.sync = tenant_sync,
};

void ext4_tenant_enter(struct ext4_sb *sbi)
{
	sbi->tenant = true;
	bdev_set_tenant(sbi->sb->s_bdev, &tenant, sbi, sbi->block_size);
}

void ext4_tenant_leave(struct ext4_sb *sbi)
{
	if (sbi->tenant)
		bdev_set_tenant(sbi->sb->s_bdev, NULL, NULL, 0);
	sbi->tenant = false;
}
