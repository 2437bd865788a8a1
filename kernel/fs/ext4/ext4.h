/* SPDX-License-Identifier: MIT */
/*
 * ext4.h: what the files of kernel/fs/ext4 share: the mounted file system, inodes in memory,
 * metadata blocks, handles.
 *
 * Everything read from the disk is hostile: a number from disk is checked where it is read
 * (super.c, inode.c, extent.c, dir.c ...) before it is used as an index, a length or a block
 * number. A failed check is reported by ext4_error(), and the operation fails with -EFSCORRUPTED.
 *
 * Locks, outermost first: i_rwsem (vfs), page lock (mm), journal handle (journal.c), i_data_sem,
 * alloc_lock, orphan_lock, j->lock and buf_lock (spin). Pages are never locked under a handle. A
 * handle keeps its transaction from committing, so it is held for as long as one consistent change
 * takes and never over user copies.
 */
#ifndef NESTLING_EXT4_H
#define NESTLING_EXT4_H

#include <asm/errno.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/block/block.h"
#include "kernel/fs/ext4/disk.h"
#include "kernel/fs/ext4/options.h"
#include "kernel/lib/crc.h"
#include "kernel/lib/lost.h"
#include "kernel/vfs/super.h"

#define EFSCORRUPTED EUCLEAN
#define EFSBADCRC EBADMSG

struct ext4_sb;
struct ext4_journal;
struct ext4_txn;
struct ext4_handle;

/* ---- metadata blocks (buffer.c) ---- */

/*
 * A block of metadata in the file system's own cache, found by its number. The bdev's page cache is
 * not used for metadata: the journal decides when each block may reach the disk. The data is
 * changed under a handle and the lock of what it describes (directory: i_rwsem, extents:
 * i_data_sem, bitmaps and descriptors: alloc_lock), then ext4_dirty() puts it into the running
 * transaction.
 */
struct ext4_buf {
	struct hlist_node hash; /* under sbi->buf_lock */
	struct list_head lru;   /* while unused; under sbi->buf_lock */
	struct ext4_sb *sbi;
	u64 block; /* immutable while hashed */
	u32 refs;  /* under sbi->buf_lock */
	u32 flags; /* BUF_*, atomic */
	/* the EXT4_USE() of its first user, or 0 if there was none; atomic */
	u64 use;
	/* held while the block is read in, and while an inode is written into its slot of it */
	struct mutex lock;
	u8 *data; /* block_size bytes */
	/* journal: under j->lock */
	/* the running transaction in which the block is dirty, or NULL; it holds a reference */
	struct ext4_txn *txn;
	struct list_head t_list;
	/*
	 * the last committed content, until a checkpoint has written it home; it holds a reference.
	 * Only the journal thread sets it.
	 */
	u8 *copy;
	struct list_head cp_list; /* in j->checkpoint */
};
#define BUF_UPTODATE 1
/* its checksum and structure have been checked */
#define BUF_VERIFIED 2
/* a commit has taken the block from its transaction and has not set b->copy yet */
#define BUF_LOGGING 8
/* the buffer belongs to no block of the disk (inline.c); its last reference frees it */
#define BUF_PRIVATE 4

/*
 * The use of a block, with its inode's number if it belongs to an inode. A reader checks a block
 * under the lock of the object that the block describes, and relies on the check while it holds
 * that lock. A damaged image may name one block in two places, which have two locks. Then the first
 * user owns the block while it is in the cache, or until it is allocated again (ext4_bnew()).
 */
enum ext4_kind {
	EXT4_SUPER = 1,
	EXT4_GROUPS, /* descriptors */
	EXT4_BITMAP,
	EXT4_INODES,
	/* inodes may share it: readers expect it to change (xattr_store.c) */
	EXT4_ATTRS,
	EXT4_NODE, /* a node of the inode's extent tree */
	EXT4_MAP,  /* an indirect block of the inode */
	/* a block of a directory, a long symlink, an attribute's value, or the orphan file */
	EXT4_DATA,
};
#define EXT4_USE(kind, ino) ((u64)(kind) << 32 | (u32)(ino))

/* State of a block group in memory, besides its descriptor; under alloc_lock. */
struct ext4_group_info {
	/*
	 * bitmap of blocks freed by a transaction that has not committed, which cannot be allocated
	 * yet; NULL: none
	 */
	u8 *held;
	u32 nr_held;
	u32 next; /* bit behind the last allocation */
	bool bad; /* its bitmap is damaged: not used */
};

/* Errors that were found since the last e2fsck (error.c). */
struct ext4_error_at {
	u64 time; /* seconds; 0: never */
	u32 line, ino;
	char func[32];
};
struct ext4_errors {
	spinlock_t lock;
	u32 count;
	struct ext4_error_at first, last;
	bool writable; /* the errors may be written to disk */
};

/*
 * Free blocks that are kept for a file's later blocks: allocations for other files avoid them while
 * they find others (window.c).
 */
struct ext4_window {
	/* ino 0: the window is unused; first: the disk's block for the file's block @lblk */
	u64 ino, first;
	u32 lblk, len;
	u64 used; /* window_clock at the last use */
};
#define EXT4_WINDOWS 32

struct ext4_sb {
	struct super_block *sb;
	/*
	 * opt: the options of this mount, under s_umount; def_opt: those of a mount that names none
	 */
	struct ext4_options opt, def_opt;
	struct ext4_errors err;
	struct log_limit lost_limit; /* for log lines of writeback */
	/* the superblock as read at mount; features and geometry never change */
	struct ext4_disk_sb disk;
	u32 block_size, blocks_per_group, inodes_per_group, inode_size, desc_size, descs_per_block;
	u32 nr_groups, first_data_block, gdt_blocks, csum_seed, first_ino;
	u64 blocks_count, overhead;
	u64 sectors_at_mount; /* device's write count at mount */
	bool csum, gdt_csum, unsigned_hash, replayed;
	bool read_only_features; /* may never be mounted rw */
	/* bigalloc: log2 of the blocks in a cluster; such a file system is mounted read-only */
	u32 cluster_bits;
	struct ext4_buf **gdt;   /* blocks of group descriptors, referenced */
	struct ext4_buf *sb_buf; /* the block with the superblock */
	u32 sb_off;              /* byte offset in sb_buf */
	bool failed;             /* ext4_error() was called */
	/* true from FS_IOC_SHUTDOWN to unmounting; atomic */
	bool shutdown;
	/* the device was written to while the mount was read-only */
	bool written_beside;
	bool last_mounted; /* s_last_mounted is written */
	bool tenant;       /* this mount is the device's tenant */
	/* held over each read-modify-write of the superblock on the disk; the innermost lock */
	struct mutex sb_disk_lock;

	/* of all groups: protects bitmaps, descriptors, groups[] and the counters below */
	struct mutex alloc_lock;
	struct ext4_group_info *groups;
	u64 free_blocks, free_inodes, reserved_root;
	/* immutable: blocks for nodes of extent trees, which not even root's data may use */
	u64 reserved_all;
	struct ext4_window windows[EXT4_WINDOWS]; /* window.c */
	u64 window_clock;
	/* blocks promised to dirty pages and not allocated yet */
	u64 delayed;
	/* held under a handle while a trim holds free blocks to discard them; outside alloc_lock */
	struct mutex trim_lock;
	/*
	 * free blocks that a trim holds now; they may be promised to dirty pages; under alloc_lock
	 */
	u64 trimming;
	u32 next_dir_group;
	atomic_t generations; /* random number + inodes made */

	struct mutex orphan_lock;
	/* of ext4_orphan.link, newest first, as on disk */
	struct list_head orphans;
	u32 orphans_left; /* how many of them have @left set */

	struct ext4_journal *journal; /* NULL: read-only */
	/* files in /sys/fs/ext4; NULL: none (sysfs.c) */
	struct place *place;

	spinlock_t buf_lock;
	struct hlist_head *buf_hash;
	struct list_head buf_lru; /* unused buffers, oldest first */
	/* link in buffer.c's list of caches; under its caches_lock */
	struct list_head buf_cache;
	u32 nr_bufs;
};
static inline struct ext4_sb *EXT4_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
#define EXT4_HAS(sbi, kind, f) (!!((sbi)->disk.s_feature_##kind & (f)))

/* A place on the list of orphans; under orphan_lock. */
struct ext4_orphan {
	struct list_head link;
	u32 ino;
	/* its inode has left memory unfinished, and waits for the next mount */
	bool left;
};

struct ext4_inode {
	struct inode vfs;
	u32 i_flags; /* EXT4_*_FL */
	/* root of the extent tree, block map, or text of a fast symlink; under i_data_sem */
	__le32 i_block[15];
	struct rwsem i_data_sem;
	u32 csum_seed;
	u16 extra_isize;
	u64 file_acl;
	u32 dtime; /* of an orphan: the next one's number */
	/*
	 * the size on disk, in bytes: smaller than i_size while new pages have no blocks yet; under
	 * i_data_sem
	 */
	loff_t disksize;
	struct ext4_orphan orphan;
	u32 disk_version; /* i_version as on disk */
	u32 sync_tid;     /* last transaction that changed the inode */
	/* of a regular file: the last transaction that changed more than its times */
	u32 data_tid;
	/* blocks promised to its dirty pages; atomic */
	u64 delayed;
	/* the disk's block behind the last allocated one; under i_data_sem */
	u64 goal;
	u32 goal_lblk; /* the file's block that belongs at goal */
	/* true if the file was truncated to zero: new data are written to the disk at close */
	bool rewritten;
	/* true once a new inode has replaced the earlier content of its slot on disk */
	bool slot_clean;
};
static inline struct ext4_inode *EXT4_I(const struct inode *inode)
{
	return container_of(inode, struct ext4_inode, vfs);
}

void ext4_bufs_shrinker_init(void); /* once */
int ext4_bufs_init(struct ext4_sb *sbi);
void ext4_bufs_destroy(struct ext4_sb *sbi);
/*
 * Reads the block and returns a reference, which ext4_brelse() drops. ERR_PTR: -EFSCORRUPTED (no
 * such block, or it has another use), -EIO or -ENOMEM.
 */
struct ext4_buf *ext4_bread(struct ext4_sb *sbi, u64 block, u64 use);
/* Returns a newly allocated block, zeroed, without reading it. ERR_PTR. */
struct ext4_buf *ext4_bnew(struct ext4_sb *sbi, u64 block, u64 use);
/* Returns a reference to the block if it is in the cache, or NULL. */
struct ext4_buf *ext4_bfind(struct ext4_sb *sbi, u64 block);
bool ext4_buf_is_newer(const struct ext4_buf *b); /* true: the disk has an older state */
/*
 * Drops the buffer of a block, so that the next user reads it from the disk. Returns false if it is
 * in use or newer than the disk.
 */
bool ext4_bdrop(struct ext4_sb *sbi, u64 block);
/* Returns a buffer that is in no cache and never written, or NULL. */
struct ext4_buf *ext4_bprivate(struct ext4_sb *sbi);
void ext4_bget(struct ext4_buf *b);
void ext4_brelse(struct ext4_buf *b);

/* ---- the journal (journal.c) ---- */

/* Replays the log if needed, and opens it for writing if @write. */
int ext4_journal_load(struct super_block *sb, bool write);
/*
 * Commits, checkpoints, and lets no handle begin any more. Returns 0, or -errno if the log is not
 * empty.
 */
int ext4_journal_close(struct ext4_sb *sbi);
void ext4_journal_free(struct ext4_sb *sbi); /* frees a closed journal */
/*
 * Writes all changes to their places and empties the log; new handles wait for the thaw. The
 * journal must be open.
 */
int ext4_journal_freeze(struct super_block *sb);
void ext4_journal_thaw(struct super_block *sb);
bool ext4_journal_frozen(const struct ext4_sb *sbi);
bool ext4_journal_open(const struct ext4_sb *sbi); /* loaded and not closed */
/*
 * Begins a handle on the running transaction, for a change of at most @credits blocks. Handles
 * nest. ERR_PTR: -EROFS (the journal is aborted), -EIO (the file system is shut down).
 */
struct ext4_handle *ext4_start(struct super_block *sb, u32 credits);
void ext4_stop(struct ext4_handle *h);
/* Adds credits to the handle. Returns 0, or -EAGAIN: the caller must stop it and start another. */
int ext4_extend(struct ext4_handle *h, u32 credits);
void ext4_dirty(struct ext4_handle *h, struct ext4_buf *b);
/*
 * Notes that a metadata block is freed: copies of it that are in the log must not be replayed, and
 * must not be written home after this transaction has committed.
 */
void ext4_forget(struct ext4_handle *h, struct ext4_sb *sbi, u64 block);
/*
 * Counts a bio whose data must reach the disk before the handle's transaction commits. The bio's
 * end calls ext4_ordered_done().
 */
struct ext4_txn *ext4_ordered_bio(struct ext4_handle *h);
void ext4_ordered_done(struct ext4_txn *t, bool failed);
/*
 * lost.c: handles new blocks whose data could not be written. ext4_lost_begin() is called before
 * the pages of such a bio end, ext4_lost_end(), which takes the bio, afterwards and before
 * ext4_ordered_done(). Neither sleeps. ext4_settle_lost() returns when all these blocks are zeroed
 * or the log is given up. It sleeps, and may be called with a handle or without one.
 */
/* Called while the journal is open; true if this mount hides lost blocks. */
bool ext4_hides_lost(const struct ext4_sb *sbi);
void ext4_lost_begin(struct ext4_txn *t);
void ext4_lost_end(struct ext4_txn *t, struct bio *bio);
bool ext4_has_lost(const struct ext4_sb *sbi);
void ext4_settle_lost(struct ext4_sb *sbi);
/* Zeroes @nr sectors at once, for a caller that itself waited for the failed write. */
void ext4_zero_lost(struct ext4_sb *sbi, struct block_device *b, sector_t s, u64 nr);
u32 ext4_handle_tid(const struct ext4_handle *h);
u32 ext4_latest_tid(const struct ext4_sb *sbi); /* the last that has begun */
/*
 * Waits until the transaction has committed. Returns 0 if its commit flushed the disk's cache after
 * this call began, 1 if perhaps not, or -EIO if the journal is aborted.
 */
int ext4_commit_tid(struct ext4_sb *sbi, u32 tid);
int ext4_force_commit(struct super_block *sb, bool wait);
/* Flushes the disk's write cache; does nothing with nobarrier. */
int ext4_flush_disk(struct ext4_sb *sbi);
void ext4_journal_abort(struct ext4_sb *sbi, int err);
bool ext4_journal_is_aborted(const struct ext4_sb *sbi);
/* Stops the log without making the file system read-only; see shutdown.c. */
void ext4_journal_give_up(struct ext4_sb *sbi);
/* Returns 0, or -EIO after FS_IOC_SHUTDOWN. */
static inline int ext4_alive(const struct ext4_sb *sbi)
{
	return unlikely(__atomic_load_n(&sbi->shutdown, __ATOMIC_ACQUIRE)) ? -EIO : 0;
}
long ext4_shutdown(struct super_block *sb, uaddr_t from); /* FS_IOC_SHUTDOWN */
/* True if the log was given up because the disk has refused a request, not because of damage. */
bool ext4_lost_by_disk(const struct ext4_sb *sbi);
/* Blocks that a transaction freed: balloc.c lets them be allocated again when it has committed. */
struct ext4_freed {
	struct ext4_freed *next;
	u64 block;
	u32 count;
};
void ext4_release_held(struct ext4_sb *sbi, struct ext4_freed *list);
/*
 * Holds some of the free runs of at least @min_len blocks in bits [*from, end) of a group, and
 * returns them as a list for ext4_release_trimmed(). trim_lock stays held between the two calls: an
 * allocation that finds nothing waits for it.
 */
int ext4_hold_free(struct ext4_handle *h, struct ext4_sb *sbi, u32 group, u32 *from, u32 end,
	u32 min_len, struct ext4_freed **list);
void ext4_release_trimmed(struct ext4_sb *sbi, struct ext4_freed *list);
void ext4_discard_freed(
	struct ext4_sb *sbi, const struct ext4_freed *list); /* trim.c, after a commit */
long ext4_fitrim(struct super_block *sb, uaddr_t arg);
void ext4_txn_freed(struct ext4_handle *h, struct ext4_freed *f);
/* super.c: Writes the counters into the superblock's block, in the barrier of a commit. */
void ext4_sb_update(struct ext4_sb *sbi);
void ext4_sb_count(
	struct ext4_sb *sbi, struct ext4_disk_sb *d); /* fills in the counters; alloc_lock held */
/* Return the KiB written to the device: the first since the mount, the second ever. */
u64 ext4_session_kbytes(const struct ext4_sb *sbi);
u64 ext4_lifetime_kbytes(const struct ext4_sb *sbi);
/*
 * tenant.c: Begin and end serving reads and writes of the device's file (bdev_tenant). The root
 * must exist before.
 */
void ext4_tenant_enter(struct ext4_sb *sbi);
void ext4_tenant_leave(struct ext4_sb *sbi);
/* sysfs.c: Show and hide /sys/fs/ext4/DEVICE. */
void ext4_sysfs_enter(struct ext4_sb *sbi);
void ext4_sysfs_leave(struct ext4_sb *sbi);
/* value of s_first_error_errcode and s_last_error_errcode on disk */
#define EXT4_CODE_CORRUPTED 5
int ext4_replay(
	struct super_block *sb, u64 *map, u32 first, u32 maxlen, u32 *next_tid); /* recovery.c */

/* Credits of common changes: the most blocks that each may dirty. */
/* an allocation: bitmap, descriptor, a split of every level */
#define EXT4_ALLOC_CREDITS 12
#define EXT4_INODE_CREDITS 2
/* an entry into an htree with splits, without the allocations */
#define EXT4_DIR_CREDITS 12

/* ---- super.c ---- */
/* Returns the superblock in its buffer. It is changed under a handle and alloc_lock. */
static inline struct ext4_disk_sb *ext4_live_sb(struct ext4_sb *sbi)
{
	return (void *)(sbi->sb_buf->data + sbi->sb_off);
}
void ext4_sb_set_csum(struct ext4_sb *sbi, struct ext4_disk_sb *d);
/* error.c: logs and counts an error, and follows errors=. */
#define ext4_error(sb, ...) ext4_error_at(sb, __func__, __LINE__, __VA_ARGS__)
/* Reports an error and notifies watchers; no ext4 lock is held but the inode's. */
#define ext4_error_inode(inode, ...) ext4_error_inode_at(inode, __func__, __LINE__, __VA_ARGS__)
void ext4_error_at(struct super_block *sb, const char *func, u32 line, const char *fmt, ...)
	__printf(4, 5);
void ext4_error_inode_at(struct inode *inode, const char *func, u32 line, const char *fmt, ...)
	__printf(4, 5);
/* Makes the file system read-only and aborts the journal. */
void ext4_stop_writing(struct super_block *sb, int err);
void ext4_load_errors(struct ext4_sb *sbi);                            /* from sbi->disk */
void ext4_errors_to_disk(struct ext4_sb *sbi, struct ext4_disk_sb *d); /* and sets the checksum */
void ext4_tell_errors(const struct ext4_sb *sbi);
/* Restores the errors that the superblock recorded before a replay (@before). */
void ext4_keep_errors(struct ext4_sb *sbi, const struct ext4_disk_sb *before);
/* geometry.c: Each returns 0 or -errno, and logs the reason unless @silent. */
int ext4_refuse_mount(struct super_block *sb, bool silent, const char *why); /* -EINVAL */
int ext4_read_super(struct super_block *sb, struct ext4_sb *sbi, bool silent);
int ext4_check_features(struct super_block *sb, struct ext4_sb *sbi, bool silent);
int ext4_check_geometry(struct super_block *sb, struct ext4_sb *sbi, bool silent);
bool ext4_block_valid(const struct ext4_sb *sbi, u64 block, u64 count);
static inline u32 ext4_csum(u32 crc, const void *p, size_t n)
{
	return crc32c(crc, p, n);
}
static inline u32 ext4_block_group(const struct ext4_sb *sbi, u64 block)
{
	return (u32)((block - sbi->first_data_block) / sbi->blocks_per_group);
}
static inline u64 ext4_group_first(const struct ext4_sb *sbi, u32 group)
{
	return sbi->first_data_block + (u64)group * sbi->blocks_per_group;
}
/* Returns the number of blocks in the group; the last group may have fewer. */
static inline u32 ext4_group_blocks(const struct ext4_sb *sbi, u32 group)
{
	return (u32)min_t(
		u64, sbi->blocks_per_group, sbi->blocks_count - ext4_group_first(sbi, group));
}

/* ---- group.c ---- */
struct ext4_disk_group *ext4_group(struct ext4_sb *sbi, u32 group); /* NULL: no such group */
u64 ext4_group_inode_table(struct ext4_sb *sbi, const struct ext4_disk_group *g);
u64 ext4_group_block_bitmap(struct ext4_sb *sbi, const struct ext4_disk_group *g);
u64 ext4_group_inode_bitmap(struct ext4_sb *sbi, const struct ext4_disk_group *g);
/*
 * Sets the checksum of a changed descriptor and adds its block to the transaction. alloc_lock held.
 */
void ext4_group_dirty(struct ext4_handle *h, struct ext4_sb *sbi, u32 group);
bool ext4_has_backup_super(const struct ext4_sb *sbi, u32 group);
/* Reads all descriptors in memory again and checks them; no writer may run. 0 or -errno. */
int ext4_reread_groups(struct super_block *sb, struct ext4_sb *sbi);
int ext4_read_groups(
	struct super_block *sb, struct ext4_sb *sbi); /* at mount; sbi owns the result */

/* ---- window.c ---- */
/*
 * Returns how many blocks from @lblk on should find room together when the file asks for @len of
 * them. alloc_lock is held for this function and the next four.
 */
u32 ext4_window_room(struct ext4_sb *sbi, struct inode *inode, u32 lblk, bool on, u32 len);
bool ext4_window_small(struct inode *inode); /* true: the first free run will do */
/* Finds the window that has a place for the block, or NULL. */
struct ext4_window *ext4_window_find(struct ext4_sb *sbi, u64 ino, u32 lblk);
void ext4_window_set(struct ext4_sb *sbi, u64 ino, u32 lblk, u64 first, u32 len);
/*
 * Returns how many of the free blocks [block, block+len) the file @ino may take. If that is 0, the
 * search skips *skip blocks.
 */
u32 ext4_window_clip(const struct ext4_sb *sbi, u64 ino, u64 block, u32 len, u32 *skip);
void ext4_window_closed(
	struct ext4_sb *sbi, struct inode *inode); /* at the last close of a writer */
void ext4_window_drop(struct ext4_sb *sbi, const struct inode *inode);

/* ---- balloc.c, ialloc.c ---- */
/*
 * Allocates up to *len contiguous blocks at or near @goal. Returns the first and sets *len to their
 * number, or returns 0 and sets *err.
 */
u64 ext4_alloc_blocks(struct ext4_handle *h, struct inode *inode, u64 goal, u32 *len, int *err);
/*
 * Allocates blocks for the file from @lblk on, in its window if that has free ones. @on: true if a
 * block at @goal would extend the file's last extent.
 */
u64 ext4_alloc_data(struct ext4_handle *h, struct inode *inode, u32 lblk, u64 goal, bool on,
	u32 *len, int *err);
void ext4_free_blocks(
	struct ext4_handle *h, struct inode *inode, u64 block, u32 count, bool metadata);
/*
 * Returns a reference to the bitmap that freeing the block will change. A change that cannot be
 * undone takes it first, so that a read error cannot stop it half way. NULL: the bitmap is damaged
 * or there is no such block; freeing then reports it, and the block is lost. ERR_PTR: the bitmap
 * cannot be read.
 */
struct ext4_buf *ext4_hold_bitmap(struct ext4_handle *h, struct ext4_sb *sbi, u64 block);
int ext4_reserve(struct ext4_sb *sbi, u32 blocks); /* for delayed allocation: 0 or -ENOSPC */
/*
 * Reserves blocks for metadata that has no promise, such as a directory's or an attribute's block,
 * without a commit. It takes no promised blocks, and takes root's share only if the caller may use
 * it or @anyone is set. Returns 0 or -ENOSPC.
 */
int ext4_reserve_meta(struct ext4_sb *sbi, u32 blocks, bool anyone);
void ext4_unreserve(struct ext4_sb *sbi, u32 blocks);
/*
 * Returns true if the caller should repeat a change that failed with @err, since freed blocks can
 * be allocated now. No handle is open; *tries is 0 at first.
 */
bool ext4_try_again(struct super_block *sb, int err, u32 *tries);
u64 ext4_held_blocks(const struct ext4_sb *sbi); /* under alloc_lock */
u64 ext4_max_blocks(const struct inode *inode);  /* the most its map can hold */
void ext4_end_moves(struct inode *inode);        /* before the size of a file grows */
/* Returns how many blocks the superblock and descriptors take at the group's beginning. */
u32 ext4_base_blocks(struct ext4_sb *sbi, u32 group);
/* True if the range holds a block of bitmaps, inode tables or descriptors. */
bool ext4_is_metadata(struct ext4_sb *sbi, u64 block, u32 count);
/*
 * Makes an inode, I_NEW and locked in the hash, with its owner set. It is not yet in any directory.
 * ERR_PTR.
 */
struct inode *ext4_new_inode(struct ext4_handle *h, struct inode *dir, umode_t mode);
void ext4_free_inode_number(struct ext4_handle *h, struct inode *inode);
/*
 * Returns a reference to the bitmap that freeing the inode's number will change. NULL: the bitmap
 * is damaged. ERR_PTR: it cannot be read.
 */
struct ext4_buf *ext4_hold_inode_bitmap(
	struct ext4_handle *h, struct inode *inode); /* ext4_free_inode_number() follows */

/* ---- inode.c ---- */
/* Sets i_dtime of an inode that is not in memory. 0 or -errno. */
int ext4_set_raw_dtime(struct ext4_handle *h, struct super_block *sb, u32 ino, u32 dtime);
struct inode *ext4_iget(struct super_block *sb, ino_t ino);
/* Finds the inode of a file handle. ERR_PTR(-ESTALE): that inode does not exist any more. */
struct inode *ext4_handle_inode(struct super_block *sb, u64 ino, u32 generation);
struct inode *ext4_parent_inode(struct inode *dir);      /* by its ".." */
bool ext4_inode_in_use(struct super_block *sb, u32 ino); /* true if the bitmap says so */
/* Writes the inode into its block of the inode table, in this transaction. */
int ext4_write_inode_raw(struct ext4_handle *h, struct inode *inode);
/* Notes that the handle changes what both fsync and fdatasync must bring to the disk. */
void ext4_note_change(const struct ext4_handle *h, struct inode *inode);
/*
 * True if ext4_write_inode_raw() has something to write. Attributes in the inode's own space do not
 * count: their writer writes them.
 */
bool ext4_inode_differs(struct inode *inode);
int ext4_locate_inode(struct super_block *sb, ino_t ino, u64 *block, u32 *off);
int ext4_set_inode_ops(struct inode *inode);
void ext4_init_csum_seed(struct inode *inode);
/* Finds the raw inode in its block (for xattrs) and returns a reference to the buffer. ERR_PTR. */
struct ext4_buf *ext4_raw_inode(struct inode *inode, struct ext4_disk_inode **raw);
void ext4_raw_inode_csum(struct inode *inode, struct ext4_disk_inode *raw);

/* ---- aops.c, delalloc.c, writepages.c ---- */
static inline u32 ext4_blocks_per_page(const struct inode *inode)
{
	return (u32)(PAGE_SIZE >> inode->i_blkbits);
}
/*
 * Reserves blocks for bytes [from, to) before they become dirty. @p is locked unless it is NULL.
 * -ENOSPC: their blocks could not be allocated later.
 */
int ext4_promise(struct inode *inode, struct page *p, u32 from, u32 to);
/*
 * Takes the page's reservation, and returns its number of blocks, which the caller gives back
 * later. *mask: which of the page's blocks were written to.
 */
u32 ext4_take_promise(struct page *p, u8 *mask);
void ext4_give_back(struct inode *inode, u32 blocks);
void ext4_drop_promise(struct page *p);
int ext4_writepages(struct address_space *m, struct writeback_control *wbc);
extern const struct address_space_operations ext4_aops;

/* ---- extent.c: where file blocks are; extent_write.c: changing that. i_data_sem held. ---- */
struct ext4_map {
	/*
	 * the blocks that the caller asks for; a lookup cuts len to the blocks that its answer
	 * covers
	 */
	u32 lblk, len;
	u64 pblk;       /* 0: a hole */
	bool unwritten; /* allocated, reads as zeros */
	/* ext4_map_create() made the blocks written, but the disk still holds stale data in them */
	bool fresh;
};
int ext4_map_blocks(struct inode *inode, struct ext4_map *map);
int ext4_extent_check_root(struct inode *inode);
/*
 * Allocates missing blocks at the beginning of the range (len is cut to one extent); @unwritten:
 * marks them unwritten.
 */
int ext4_map_create(
	struct ext4_handle *h, struct inode *inode, struct ext4_map *map, bool unwritten);
/*
 * Frees blocks from @from up to and with @last. Restarts the handle as needed: *h changes, and
 * i_data_sem is dropped meanwhile.
 */
int ext4_remove_space(struct ext4_handle **h, struct inode *inode, u32 from, u32 last);
/*
 * Moves the part in [@from, @last] of the last extent that has such a part by @by blocks; its data
 * stays in place. Returns 1 and sets *at to where the part began, 0 if there is none, or -errno.
 * The caller has reserved room for the splits (ext4_reserve).
 */
int ext4_shift_last(
	struct ext4_handle *h, struct inode *inode, u32 from, u32 last, s64 by, u32 *at);
void ext4_extent_init(struct inode *inode);
#define EXT4_REMOVE_CREDITS 48

/* A level of a search: the node, and the entry in it that was followed. */
struct ext4_path {
	struct ext4_buf *b; /* NULL at the root */
	struct ext4_extent_header *h;
	u32 i;
};
int ext4_find_path(struct inode *inode, u32 lblk, struct ext4_path *path); /* depth, or -errno */
void ext4_put_path(struct ext4_path *path, int depth);

/* ---- orphan.c ---- */
int ext4_orphan_add(struct ext4_handle *h, struct inode *inode);
int ext4_orphan_del(
	struct ext4_handle *h, struct inode *inode); /* the caller writes the inode afterwards */
void ext4_orphan_evicted(struct inode *inode);       /* called when the inode leaves memory */
/*
 * Takes an inode that was just read from @raw, and is still locked, back on the list of orphans if
 * it had left memory as one.
 */
void ext4_orphan_back(struct inode *inode, const struct ext4_disk_inode *raw);
bool ext4_orphans_removed(struct ext4_sb *sbi); /* true: one in memory has no name */
void ext4_orphans_free(struct ext4_sb *sbi);
void ext4_orphan_cleanup(struct super_block *sb); /* at mount for writing */

/* ---- truncate.c ---- */
int ext4_truncate(struct inode *inode); /* frees blocks beyond i_size */
void ext4_evict_inode(struct inode *inode);
int ext4_setattr(struct dentry *d, struct iattr *attr);
int ext4_extent_at(struct inode *inode, u64 pos, struct file_extent *e);
int ext4_get_flags(struct inode *inode, u32 *flags);
int ext4_set_flags(struct inode *inode, u32 flags);
#define EXT4_FLAG_OPS .get_flags = ext4_get_flags, .set_flags = ext4_set_flags
long ext4_fallocate(struct file *f, int mode, loff_t off, loff_t len);
/*
 * Allocates unwritten blocks for the hole at the beginning of @m or for a part of that hole, but
 * none that are promised to others. Cuts @m to these blocks, or to existing blocks at its
 * beginning. Moves the file's size up to the end of the blocks, at most to @end; with @end 0 the
 * size stays. i_rwsem held, no handle.
 */
int ext4_alloc_unwritten(struct inode *inode, struct ext4_map *m, loff_t end);
extern const struct direct_ops ext4_direct_ops; /* dio.c */
/*
 * shift.c: i_rwsem is held. The caller has checked the range against everything but the file's
 * size.
 */
int ext4_collapse_range(struct inode *inode, loff_t off, loff_t len);
int ext4_insert_range(struct inode *inode, loff_t off, loff_t len);

/* ---- inline.c ---- */
static inline bool ext4_is_inline(const struct inode *inode)
{
	return READ_ONCE(EXT4_I(inode)->i_flags) & EXT4_INLINE_DATA_FL;
}
bool ext4_wants_inline(const struct inode *inode); /* true: new data may lie in the inode */
/*
 * Copies the bytes that lie in the inode, at most @room, and returns their number. -ENODATA: the
 * file is not inline.
 */
int ext4_inline_read(struct inode *inode, u8 *to, u32 room);
/*
 * Moves a file out of its inode into blocks, before its size or map changes. No handle needed.
 * @shorter: the file shrinks, so on a full disk root's reserve may be used too.
 */
int ext4_inline_out(struct inode *inode, bool shorter);
/* Writes page @index into the inode. -ENOSPC: it needs blocks. */
int ext4_inline_write(struct ext4_handle *h, struct inode *inode, u64 index, const u8 *page);
/*
 * Returns the entries of an inline directory as a private leaf, which ext4_leaf_dirty() puts back
 * after a change. ERR_PTR.
 */
struct ext4_buf *ext4_inline_dir(struct inode *dir);
int ext4_inline_dir_store(struct ext4_handle *h, struct inode *dir, struct ext4_buf *leaf);

/* ---- file.c, dir.c, readdir.c, namei.c, htree.c ---- */
/*
 * Sets the checksum of a changed leaf and adds it to the transaction; the leaf of an inline
 * directory goes back into the inode. 0 or -errno.
 */
int ext4_leaf_dirty(struct ext4_handle *h, struct inode *dir, struct ext4_buf *b);
bool ext4_dir_indexed(const struct inode *dir); /* true if it has EXT4_INDEX_FL */
extern const u8 ext4_dtype_of[8];               /* file type on disk -> DT_* */
bool ext4_entry_ok(const struct ext4_sb *sbi, const u8 *block, u32 off, u32 end);
extern const struct file_operations ext4_dir_fops, ext4_file_fops;
extern const struct inode_operations ext4_dir_iops, ext4_file_iops, ext4_symlink_iops,
	ext4_fast_symlink_iops, ext4_special_iops;
long ext4_ioctl(struct file *f, u32 cmd, u64 arg); /* ioctl.c */
/*
 * Allocates blocks for written data that has none yet and starts writing it (auto_da_alloc). The
 * caller has no handle and no page lock.
 */
void ext4_flush_new(struct inode *inode);
int ext4_fsync(struct file *f, loff_t start, loff_t end, bool datasync);
/* Returns a directory's block, checked. NULL: a hole. ERR_PTR. */
struct ext4_buf *ext4_dir_block(struct inode *dir, u32 lblk);
u32 ext4_rec_len(const struct ext4_sb *sbi, const struct ext4_dir_entry *de);
u32 ext4_dir_nr_blocks(const struct inode *dir);
struct ext4_dir_entry *ext4_leaf_find(
	const struct ext4_sb *sbi, u8 *block, const struct qstr *name);
void ext4_dir_set_csum(struct inode *dir, struct ext4_buf *b); /* of a leaf; before ext4_dirty() */
u32 ext4_dir_space(const struct ext4_sb *sbi);                 /* bytes for entries in a leaf */
/*
 * Finds a name. Returns a reference to its block and sets *de to its entry; NULL: there is none.
 * ERR_PTR.
 */
struct ext4_buf *ext4_dir_find(
	struct inode *dir, const struct qstr *name, struct ext4_dir_entry **de);
int ext4_dir_add(
	struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, umode_t mode);
int ext4_dir_remove(
	struct ext4_handle *h, struct inode *dir, struct ext4_buf *b, struct ext4_dir_entry *de);
/* Adds an entry to this leaf if there is room: 0, -ENOSPC or -EEXIST. */
int ext4_leaf_add(struct ext4_handle *h, struct inode *dir, struct ext4_buf *b,
	const struct qstr *name, u32 ino, umode_t mode);
struct ext4_buf *ext4_link_block(struct inode *inode); /* of a long symlink. ERR_PTR */
struct ext4_buf *ext4_dir_append(
	struct ext4_handle *h, struct inode *dir, u32 *lblk); /* a new block, zeroed. ERR_PTR */
/* Makes the block an empty leaf: an unused entry and the tail. */
void ext4_leaf_init(struct ext4_sb *sbi, struct ext4_buf *b);
/*
 * htree.c: Both fail with -ENOENT if the index cannot be used. The caller then searches linearly.
 */
struct ext4_buf *ext4_htree_find(
	struct inode *dir, const struct qstr *name, struct ext4_dir_entry **de);
int ext4_htree_add(
	struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, umode_t mode);
/*
 * Calls @take for the leaf that has names of hash @from, and for each following leaf while it
 * continues names of one hash with the leaf before, or while no name was taken. @take returns the
 * total number of names so far, or -errno. *next: the first hash of the next leaf, ~0 if there is
 * none. Returns -ENOENT if the index cannot be used.
 */
int ext4_htree_leaves(struct inode *dir, u32 from,
	int (*take)(void *arg, u32 version, const struct ext4_buf *leaf, u32 lblk), void *arg,
	u32 *next);
/* after ".." in it was changed */
void ext4_htree_root_csum(struct inode *dir, struct ext4_buf *root);
/* Gives a directory of one full leaf an index. */
int ext4_htree_make(struct ext4_handle *h, struct inode *dir);
/*
 * hash.c: Computes a name's hash of the given version, and 32 more bits unless @minor is NULL. 0 or
 * -EINVAL.
 */
int ext4_dirhash(
	const struct ext4_sb *sbi, u32 version, const char *name, u32 len, u32 *hash, u32 *minor);
/* Returns the hash version for the index of a directory that has no index yet. */
static inline u32 ext4_hash_version(const struct ext4_sb *sbi)
{
	return sbi->disk.s_def_hash_version <= 2 ? sbi->disk.s_def_hash_version : 1;
}

/* ---- xattr.c ---- */
ssize_t ext4_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
bool ext4_has_xattrs(struct inode *inode,
	const struct ext4_disk_inode *raw); /* True if the inode may have attributes. */
int ext4_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t ext4_listxattr(struct inode *inode, char *buf, size_t size);
int ext4_xattr_extent(struct inode *inode, struct file_extent *e); /* for inode_operations */
int ext4_xattr_delete(
	struct ext4_handle *h, struct inode *inode); /* of an inode that is being removed */

#endif
