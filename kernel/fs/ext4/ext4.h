/* SPDX-License-Identifier: MIT */
/*
 * ext4.h: declarations that the files of kernel/fs/ext4 share: the mounted file system, inodes in
 * memory, metadata blocks, handles.
 *
 * Everything read from the disk is hostile: a number from disk is checked where it is read
 * (super.c, inode.c, extent.c, dir.c ...) before it is used as an index, a length or a block
 * number. A failed check is reported by ext4_error(), and the operation fails with -EFSCORRUPTED.
 *
 * Locks, outermost first: i_rwsem (vfs), page lock (mm), journal handle (journal.c), i_data_sem,
 * alloc_lock, orphan_lock, j->lock and buf_lock (spin). Pages are never locked under a handle. A
 * handle keeps its transaction from committing, so it is held only for as long as one consistent
 * change takes, and never while data is copied from or to user memory.
 *
 * Unless their comment says more, functions may sleep, those of type int return 0 or -errno, and a
 * returned buffer is referenced until ext4_brelse(). @h is an open handle with credits for the
 * change.
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
 * A metadata block in the file system's own cache, where it is found by its number. The bdev's page
 * cache is not used for metadata: the journal decides when each block may reach the disk. To change
 * its data, a task needs a handle and the lock of what the block describes (directory: i_rwsem,
 * extents: i_data_sem, bitmaps and descriptors: alloc_lock), and then calls ext4_dirty(), which
 * adds the block to the running transaction.
 */
struct ext4_buf {
	struct hlist_node hash; /* under sbi->buf_lock */
	struct list_head lru;   /* if unused; under sbi->buf_lock */
	struct ext4_sb *sbi;
	u64 block; /* immutable while hashed */
	u32 refs;  /* under sbi->buf_lock */
	u32 flags; /* BUF_*, atomic */
	/* EXT4_USE() of the block's first user, or 0 if it had none yet; atomic */
	u64 use;
	/*
	 * Held while the block is read from the disk, and while an inode is written into its slot
	 * in the block.
	 */
	struct mutex lock;
	u8 *data; /* block_size bytes */
	/* The members from here on belong to the journal and are under j->lock. */
	/* The running transaction in which the block is dirty, or NULL; references the buffer. */
	struct ext4_txn *txn;
	struct list_head t_list; /* link in txn->bufs */
	/*
	 * Content that was committed last, until a checkpoint has written it to the disk, or NULL.
	 * While it is set, the journal references the buffer. Only the journal thread sets it.
	 */
	u8 *copy;
	struct list_head cp_list; /* in j->checkpoint */
};
#define BUF_UPTODATE 1
/* the block's checksum and structure have been checked */
#define BUF_VERIFIED 2
/* a commit has taken the block from its transaction, but has not set b->copy yet */
#define BUF_LOGGING 8
/* the buffer stands for no block of the disk (inline.c), and is freed with its last reference */
#define BUF_PRIVATE 4

/*
 * What a block is used for. EXT4_USE() adds the inode's number if the block belongs to an inode. A
 * reader checks a block under the lock of the object that the block describes, and relies on the
 * check while it holds that lock. A damaged image may use one block in two places, which have
 * different locks. Then the first user owns the block while it is in the cache, or until it is
 * newly allocated (ext4_bnew()).
 */
enum ext4_kind {
	EXT4_SUPER = 1,
	EXT4_GROUPS, /* block group descriptors */
	EXT4_BITMAP,
	EXT4_INODES,
	/*
	 * attributes. Several inodes may share the block, so readers expect it to change
	 * (xattr_store.c).
	 */
	EXT4_ATTRS,
	EXT4_NODE, /* node of an inode's extent tree */
	EXT4_MAP,  /* indirect block of an inode */
	/* block of a directory, a long symlink, an attribute's value, or the orphan file */
	EXT4_DATA,
};
#define EXT4_USE(kind, ino) ((u64)(kind) << 32 | (u32)(ino))

/* State of a block group in memory, in addition to its descriptor. Under alloc_lock. */
struct ext4_group_info {
	/*
	 * Bitmap of blocks freed by a transaction that has not committed, or held by a trim. They
	 * cannot be allocated yet. NULL if there are none.
	 */
	u8 *held;
	u32 nr_held;
	u32 next; /* bit after the last allocation */
	bool bad; /* bitmap is damaged: group is unused */
};

/* Errors that were found since the last e2fsck (error.c). */
struct ext4_error_at {
	u64 time; /* in seconds since 1970; 0: never */
	u32 line, ino;
	char func[32];
};
struct ext4_errors {
	spinlock_t lock;
	u32 count;
	struct ext4_error_at first, last;
	bool writable; /* True if errors may be written to disk */
};

/*
 * Free blocks that are kept for later blocks of a file. Allocations for other files avoid them
 * while they find other free blocks (window.c).
 */
struct ext4_window {
	/*
	 * The disk blocks [first, first + len) are kept for the blocks [lblk, lblk + len) of the
	 * file with the inode number ino. ino 0: the window is unused.
	 */
	u64 ino, first;
	u32 lblk, len;
	u64 used; /* value of window_clock at last use */
};
#define EXT4_WINDOWS 32

struct ext4_sb {
	struct super_block *sb;
	/*
	 * opt: options of this mount, under s_umount. def_opt: options of a mount without an option
	 * string.
	 */
	struct ext4_options opt, def_opt;
	struct ext4_errors err;
	struct log_limit lost_limit; /* limits log lines of writeback */
	/* The superblock as read at mount. Its features and geometry never change. */
	struct ext4_disk_sb disk;
	/*
	 * The sizes are in bytes. All members from here to sectors_at_mount do not change after the
	 * mount.
	 */
	u32 block_size, blocks_per_group, inodes_per_group, inode_size, desc_size, descs_per_block;
	u32 nr_groups, first_data_block, gdt_blocks, csum_seed, first_ino;
	u64 blocks_count, overhead; /* overhead: blocks of metadata */
	u64 sectors_at_mount;       /* written to the device before */
	/* csum: metadata_csum; gdt_csum: uninit_bg; replayed: the mount has replayed the log. */
	bool csum, gdt_csum, unsigned_hash, replayed;
	bool read_only_features; /* can be mounted read-only only */
	/*
	 * With bigalloc: log2 of the blocks in a cluster. Such a file system can be mounted
	 * read-only only.
	 */
	u32 cluster_bits;
	struct ext4_buf **gdt;   /* blocks of descriptors; referenced */
	struct ext4_buf *sb_buf; /* block that has the superblock */
	u32 sb_off;              /* byte offset of superblock in sb_buf */
	bool failed;             /* ext4_error() was called */
	/* True from FS_IOC_SHUTDOWN until unmounting; atomic */
	bool shutdown;
	/* True if the device was written to while the mount was read-only */
	bool written_beside;
	bool last_mounted; /* True once s_last_mounted is written */
	bool tenant;       /* True while it is a bdev_tenant (block.h) */
	/* Held over each read-modify-write of the superblock on the disk. An innermost lock. */
	struct mutex sb_disk_lock;

	/*
	 * Protects the bitmaps, the descriptors and groups[] of all groups, and the members from
	 * here to trim_lock, except reserved_all.
	 */
	struct mutex alloc_lock;
	struct ext4_group_info *groups;
	/* reserved_root: blocks that only a privileged task may use */
	u64 free_blocks, free_inodes, reserved_root;
	/*
	 * Blocks reserved for nodes of extent trees, which not even root's data may use. Immutable.
	 */
	u64 reserved_all;
	struct ext4_window windows[EXT4_WINDOWS]; /* window.c */
	u64 window_clock;
	/* number of blocks that are promised to dirty pages but not allocated yet */
	u64 delayed;
	/*
	 * Held under a handle while a trim holds free blocks and discards them. Taken before
	 * alloc_lock.
	 */
	struct mutex trim_lock;
	/*
	 * Number of free blocks that a trim holds now. They may be promised to dirty pages. Under
	 * alloc_lock.
	 */
	u64 trimming;
	atomic_t generations; /* random start + number of new inodes */

	struct mutex orphan_lock;
	/* by ext4_orphan.link, newest first, as on disk; under orphan_lock */
	struct list_head orphans;
	u32 orphans_left; /* number of @orphans with @left set */

	struct ext4_journal *journal; /* NULL if mounted read-only */
	/* files in /sys/fs/ext4 (sysfs.c), or NULL */
	struct place *place;

	spinlock_t buf_lock;
	struct hlist_head *buf_hash;
	struct list_head buf_lru; /* unused buffers, oldest first */
	/* link in buffer.c's list of caches; under caches_lock */
	struct list_head buf_cache;
	u32 nr_bufs;
};
static inline struct ext4_sb *EXT4_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
#define EXT4_HAS(sbi, kind, f) (!!((sbi)->disk.s_feature_##kind & (f)))

/* An entry on the list of orphans. Under orphan_lock. */
struct ext4_orphan {
	struct list_head link;
	u32 ino;
	/* True if the inode left memory unfinished, so that the next mount has to finish it. */
	bool left;
};

struct ext4_inode {
	struct inode vfs;
	u32 i_flags; /* EXT4_*_FL */
	/* Root of the extent tree, block map, or text of a fast symlink. Under i_data_sem. */
	__le32 i_block[15];
	struct rwsem i_data_sem;
	u32 csum_seed;
	u16 extra_isize;
	u64 file_acl;
	/* As i_dtime on the disk; in an orphan: inode number of the next one, 0 in the last. */
	u32 dtime;
	/*
	 * Size on disk in bytes, smaller than i_size while new pages have no blocks yet. Under
	 * i_data_sem.
	 */
	loff_t disksize;
	struct ext4_orphan orphan;
	u32 disk_version; /* i_version as on disk */
	u32 sync_tid;     /* last transaction that changed it */
	/* for a regular file: last transaction that changed more than its times */
	u32 data_tid;
	/* number of blocks promised to its dirty pages; atomic */
	u64 delayed;
	/* Disk block after the last allocated one; under i_data_sem, as goal_lblk. */
	u64 goal;
	u32 goal_lblk; /* block of the file that fits at @goal */
	/*
	 * True if the file was truncated to zero, so that its new data is written to the disk at
	 * close.
	 */
	bool rewritten;
	/* True once this inode has replaced the earlier content of its slot on disk. */
	bool slot_clean;
};
static inline struct ext4_inode *EXT4_I(const struct inode *inode)
{
	return container_of(inode, struct ext4_inode, vfs);
}

void ext4_bufs_shrinker_init(void); /* called once, at boot */
/* Make and free a mount's cache. No buffer is in use at ext4_bufs_destroy(). */
int ext4_bufs_init(struct ext4_sb *sbi);
void ext4_bufs_destroy(struct ext4_sb *sbi);
/*
 * Reads the block and returns it. @use: EXT4_USE(). Waits for memory. Returns ERR_PTR on failure:
 * -EFSCORRUPTED (no such block, or it is used for something else) or -EIO.
 */
struct ext4_buf *ext4_bread(struct ext4_sb *sbi, u64 block, u64 use);
/*
 * Returns the buffer of a newly allocated block, zeroed and not read from the disk. Returns
 * ERR_PTR(-EFSCORRUPTED) if the block does not exist or is in use.
 */
struct ext4_buf *ext4_bnew(struct ext4_sb *sbi, u64 block, u64 use);
/* Returns the block's buffer if it is in the cache, or NULL. Does not sleep. */
struct ext4_buf *ext4_bfind(struct ext4_sb *sbi, u64 block);
/*
 * True if the block is in the cache and the disk has older content. Takes no reference: ext4_bnew()
 * would report a damaged bitmap.
 */
bool ext4_block_is_newer(struct ext4_sb *sbi, u64 block);
/*
 * Drops the block's buffer, if it is in the cache, so that the next user reads the block from the
 * disk. Returns false if the buffer is in use or newer than the disk.
 */
bool ext4_bdrop(struct ext4_sb *sbi, u64 block);
/* Returns a zeroed buffer that is in no cache and is never written to disk. Waits for memory. */
struct ext4_buf *ext4_bprivate(struct ext4_sb *sbi);
/* Take and drop a reference, under buf_lock. Neither sleeps. */
void ext4_bget(struct ext4_buf *b);
void ext4_brelse(struct ext4_buf *b);

/* Credits of common changes: the largest number of blocks that each may dirty. */
/* An allocation: bitmap, descriptor, and a split at every level. */
#define EXT4_ALLOC_CREDITS 12
#define EXT4_INODE_CREDITS 2
/* an entry added to an htree, with splits, but without their allocations */
#define EXT4_DIR_CREDITS 12

/* ---- super.c ---- */
/* Returns the superblock in its buffer. To change it needs a handle and alloc_lock. */
static inline struct ext4_disk_sb *ext4_live_sb(struct ext4_sb *sbi)
{
	return (void *)(sbi->sb_buf->data + sbi->sb_off);
}
/* Sets the checksum in @d, if the file system has checksums. */
void ext4_sb_set_csum(struct ext4_sb *sbi, struct ext4_disk_sb *d);
/*
 * error.c: Logs and counts an error, and acts as the option errors= says (it may panic). Sleeps,
 * since it writes to the superblock on disk.
 */
#define ext4_error(sb, ...) ext4_error_at(sb, __func__, __LINE__, __VA_ARGS__)
/* Reports an error and notifies watchers. The caller holds no ext4 lock but the inode's. */
#define ext4_error_inode(inode, ...) ext4_error_inode_at(inode, __func__, __LINE__, __VA_ARGS__)
void ext4_error_at(struct super_block *sb, const char *func, u32 line, const char *fmt, ...)
	__printf(4, 5);
void ext4_error_inode_at(struct inode *inode, const char *func, u32 line, const char *fmt, ...)
	__printf(4, 5);
/*
 * Makes the file system read-only and aborts the journal with @err, an -errno. Does nothing if it
 * is read-only already.
 */
void ext4_stop_writing(struct super_block *sb, int err);
void ext4_load_errors(struct ext4_sb *sbi);                            /* from sbi->disk */
void ext4_errors_to_disk(struct ext4_sb *sbi, struct ext4_disk_sb *d); /* also sets the checksum */
/* Logs, at a mount, the errors that earlier mounts had recorded. */
void ext4_report_errors(const struct ext4_sb *sbi);
/* Restores the errors that the superblock (@before) had recorded before a log replay. */
void ext4_keep_errors(struct ext4_sb *sbi, const struct ext4_disk_sb *before);
/*
 * geometry.c: Each function returns 0 or -errno, and logs the reason of a failure unless @silent.
 */
int ext4_refuse_mount(struct super_block *sb, bool silent, const char *why); /* returns -EINVAL */
/* Reads the superblock at opt.sb_block into sbi->disk. -EINVAL: there is no ext4 there. */
int ext4_read_super(struct super_block *sb, struct ext4_sb *sbi, bool silent);
/* May make the mount read-only (SB_RDONLY). */
int ext4_check_features(struct super_block *sb, struct ext4_sb *sbi, bool silent);
int ext4_check_geometry(struct super_block *sb, struct ext4_sb *sbi, bool silent);
/* True if @count is not 0 and all of [block, block+count) are blocks of the file system. */
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
/* Returns the number of blocks in the group. The last group may have fewer than the others. */
static inline u32 ext4_group_blocks(const struct ext4_sb *sbi, u32 group)
{
	return (u32)min_t(
		u64, sbi->blocks_per_group, sbi->blocks_count - ext4_group_first(sbi, group));
}

/* ---- group.c ---- */
/*
 * Returns the descriptor in its buffer, valid as long as the mount, or NULL if @group does not
 * exist. It changes under alloc_lock.
 */
struct ext4_disk_group *ext4_group(struct ext4_sb *sbi, u32 group);
/* Return block numbers: of the table's first block, and of the bitmaps. */
u64 ext4_group_inode_table(struct ext4_sb *sbi, const struct ext4_disk_group *g);
u64 ext4_group_block_bitmap(struct ext4_sb *sbi, const struct ext4_disk_group *g);
u64 ext4_group_inode_bitmap(struct ext4_sb *sbi, const struct ext4_disk_group *g);
/*
 * Sets the checksum of a changed descriptor and adds its block to the transaction. alloc_lock is
 * held.
 */
void ext4_group_dirty(struct ext4_handle *h, struct ext4_sb *sbi, u32 group);
/* True if the group begins with a copy of the superblock. */
bool ext4_has_backup_super(const struct ext4_sb *sbi, u32 group);
/*
 * Reads all descriptors from the disk into sbi->gdt again, and checks them. No task may write to
 * the file system meanwhile. Returns 0 or -errno.
 */
int ext4_reread_groups(struct super_block *sb, struct ext4_sb *sbi);
int ext4_read_groups(
	struct super_block *sb, struct ext4_sb *sbi); /* at mount; sbi->gdt then has the blocks */

/* ---- window.c ---- */
/*
 * Returns the length, in blocks, of the free run to look for when the file needs @len blocks from
 * @lblk on now: at least @len, and more if the file is expected to grow. @on: as for
 * ext4_alloc_data(). alloc_lock is held for this function and the next four.
 */
u32 ext4_window_room(struct ext4_sb *sbi, struct inode *inode, u32 lblk, bool on, u32 len);
bool ext4_window_small(struct inode *inode); /* True if any free run will do */
/* Returns the file's window that contains block @lblk, or NULL. */
struct ext4_window *ext4_window_find(struct ext4_sb *sbi, u64 ino, u32 lblk);
/* Makes a window: keeps disk blocks [first, first+len) for the file's blocks [lblk, lblk+len). */
void ext4_window_set(struct ext4_sb *sbi, u64 ino, u32 lblk, u64 first, u32 len);
/*
 * Returns how many of the free blocks [block, block+len) the file @ino may take. If that is 0, sets
 * *skip to the number of blocks that the search should skip.
 */
u32 ext4_window_clip(const struct ext4_sb *sbi, u64 ino, u64 block, u32 len, u32 *skip);
void ext4_window_closed(
	struct ext4_sb *sbi, struct inode *inode); /* at the last close of a writer */
/* Removes all windows of the inode. Takes alloc_lock, as ext4_window_closed() does. */
void ext4_window_drop(struct ext4_sb *sbi, const struct inode *inode);

/* ---- balloc.c, ialloc.c ---- */
/*
 * Allocates up to *len contiguous blocks at or near @goal, and counts them in i_blocks. Returns the
 * first block and sets *len to their number, or returns 0 and sets *err (-ENOSPC or another
 * -errno). Takes alloc_lock.
 */
u64 ext4_alloc_blocks(struct ext4_handle *h, struct inode *inode, u64 goal, u32 *len, int *err);
/*
 * Allocates blocks for the file's data from @lblk on, in the file's window if that has free blocks.
 * @on: a block at @goal would extend the file's last extent. Returns as ext4_alloc_blocks().
 */
u64 ext4_alloc_data(struct ext4_handle *h, struct inode *inode, u32 lblk, u64 goal, bool on,
	u32 *len, int *err);
/*
 * Frees the blocks and subtracts them from i_blocks. They can be allocated after the commit.
 * @metadata: calls ext4_forget() for each. Takes alloc_lock. A failure is reported by ext4_error(),
 * and the blocks that are left are lost.
 */
void ext4_free_blocks(
	struct ext4_handle *h, struct inode *inode, u64 block, u32 count, bool metadata);
/*
 * Returns the bitmap that freeing the block will change, referenced. A change that cannot be undone
 * gets it first, so that a read error cannot stop the change half way. Returns NULL if the bitmap
 * is damaged or the block does not exist: freeing then reports that, and the block is lost. Returns
 * ERR_PTR if the bitmap cannot be read.
 */
struct ext4_buf *ext4_hold_bitmap(struct ext4_handle *h, struct ext4_sb *sbi, u64 block);
/*
 * Promises @blocks free blocks until ext4_unreserve(). Both take alloc_lock. Returns 0 or -ENOSPC.
 * Before it returns -ENOSPC, a task without a handle commits and tries again, since the commit may
 * release held blocks.
 */
int ext4_reserve(struct ext4_sb *sbi, u32 blocks);
/*
 * Reserves blocks for metadata that has no promise, such as a directory's or an attribute's block,
 * without a commit. Takes no promised blocks. Takes root's share only if the task may use it or
 * @anyone is set. Returns 0 or -ENOSPC.
 */
int ext4_reserve_meta(struct ext4_sb *sbi, u32 blocks, bool anyone);
void ext4_unreserve(struct ext4_sb *sbi, u32 blocks);
/*
 * True if the caller should repeat a change that failed with @err, since freed blocks can be
 * allocated now. The caller has no handle, and sets *tries to 0 before the first call.
 */
bool ext4_try_again(struct super_block *sb, int err, u32 *tries);
u64 ext4_held_blocks(const struct ext4_sb *sbi); /* alloc_lock is held */
u64 ext4_max_blocks(const struct inode *inode);  /* most blocks that its map can hold */
/* Called before the file grows: write-protects the page that has the old end. */
void ext4_end_moves(struct inode *inode);
/* Returns how many blocks at the group's beginning the superblock and descriptors take. */
u32 ext4_base_blocks(struct ext4_sb *sbi, u32 group);
/* True if a block in the range has bitmaps, inode tables or descriptors. */
bool ext4_is_metadata(struct ext4_sb *sbi, u64 block, u32 count);
/*
 * Makes an inode, which is in the inode hash with I_NEW set, has its owner, and is in no directory
 * yet. The caller writes it and calls unlock_new_inode(). Returns ERR_PTR on failure.
 */
struct inode *ext4_new_inode(struct ext4_handle *h, struct inode *dir, umode_t mode);
/* Clears the inode's bit in the bitmap. Takes alloc_lock. Failures are reported by ext4_error(). */
void ext4_free_inode_number(struct ext4_handle *h, struct inode *inode);
/*
 * Returns the bitmap that freeing the inode's number will change, referenced, so that a read error
 * is found before anything has changed. Returns NULL if the bitmap is damaged, and ERR_PTR if it
 * cannot be read.
 */
struct ext4_buf *ext4_hold_inode_bitmap(
	struct ext4_handle *h, struct inode *inode); /* before ext4_free_inode_number() */

/* ---- inode.c ---- */
/* Sets i_dtime on disk of an inode that is not in memory. Returns 0 or -errno. */
int ext4_set_raw_dtime(struct ext4_handle *h, struct super_block *sb, u32 ino, u32 dtime);
/*
 * Returns the inode with a reference. Returns ERR_PTR(-ESTALE) if the slot is free or the inode has
 * no link, and another ERR_PTR if the inode is damaged or cannot be read.
 */
struct inode *ext4_iget(struct super_block *sb, ino_t ino);
/* Does the same for the list of orphans, whose inodes may have no link. */
struct inode *ext4_iget_orphan(struct super_block *sb, ino_t ino);
/*
 * Finds the inode of a file handle, as ext4_iget() does. @generation 0: any. -ESTALE if that inode
 * does not exist any more.
 */
struct inode *ext4_handle_inode(struct super_block *sb, u64 ino, u32 generation);
/* Finds the directory that ".." names. Takes @dir's i_rwsem. */
struct inode *ext4_parent_inode(struct inode *dir);
/* True if the inode's bit in the inode bitmap is set. False also if that cannot be read. */
bool ext4_inode_in_use(struct super_block *sb, u32 ino);
/*
 * Writes the inode into its block of the inode table, in the handle's transaction. Takes the lock
 * of that block's buffer.
 */
int ext4_write_inode_raw(struct ext4_handle *h, struct inode *inode);
/*
 * Records that the handle's transaction changes things that both fsync and fdatasync must bring to
 * the disk.
 */
void ext4_note_change(const struct ext4_handle *h, struct inode *inode);
/*
 * True if ext4_write_inode_raw() has changes to write. Attributes that are stored in the inode do
 * not count, since their writer writes them itself.
 */
bool ext4_inode_differs(struct inode *inode);
/* Finds the inode's block in the inode table, and its byte offset there. */
int ext4_locate_inode(struct super_block *sb, ino_t ino, u64 *block, u32 *off);
/* Sets the operations for i_mode. -EFSCORRUPTED: there is no such type. */
int ext4_set_inode_ops(struct inode *inode);
void ext4_init_csum_seed(struct inode *inode); /* from number and generation */
/*
 * Returns the buffer of the block with the raw inode, referenced, and sets *raw (for xattrs).
 * Returns ERR_PTR on failure.
 */
struct ext4_buf *ext4_raw_inode(struct inode *inode, struct ext4_disk_inode **raw);
/* Sets the checksum in @raw, if the file system has checksums. */
void ext4_raw_inode_csum(struct inode *inode, struct ext4_disk_inode *raw);

/* ---- aops.c, delalloc.c, writepages.c ---- */
static inline u32 ext4_blocks_per_page(const struct inode *inode)
{
	return (u32)(PAGE_SIZE >> inode->i_blkbits);
}
/*
 * Reserves blocks for bytes [from, to) of the locked page @p before they become dirty. Takes
 * i_data_sem. Returns 0, -ENOSPC (there would be no blocks for the bytes later), -EFBIG (the map
 * cannot hold them) or another -errno.
 */
int ext4_promise(struct inode *inode, struct page *p, u32 from, u32 to);
/*
 * Takes the page's reservation off the page and returns its number of blocks, which the caller
 * gives back later by ext4_give_back(). *mask: which of the page's blocks were written to.
 */
u32 ext4_take_promise(struct page *p, u8 *mask);
void ext4_give_back(struct inode *inode, u32 blocks);
/* Takes the reservation off the locked page and gives it back at once. */
void ext4_drop_promise(struct page *p);
int ext4_writepages(struct address_space *m, struct writeback_control *wbc); /* the operation */
extern const struct address_space_operations ext4_aops;

/* ---- extent.c looks up file blocks, extent_write.c changes the map; i_data_sem is held ---- */
struct ext4_map {
	/*
	 * The file blocks that the caller asks for. A lookup cuts len to the blocks that its answer
	 * covers.
	 */
	u32 lblk, len;
	u64 pblk;       /* first disk block; 0: a hole */
	bool unwritten; /* allocated, but reads as zeros */
	/*
	 * True if ext4_map_create() made the blocks written, but the disk still has stale data in
	 * them.
	 */
	bool fresh;
};
/*
 * Finds where block map->lblk lies, and sets all but @fresh. An inline file has holes only. -EFBIG:
 * a block map ends before that block.
 */
int ext4_map_blocks(struct inode *inode, struct ext4_map *map);
/* Checks the root of the extent tree. Returns 0 or -EFSCORRUPTED. */
int ext4_extent_check_root(struct inode *inode);
/*
 * Allocates missing blocks at the beginning of the range. map->len is cut to one extent.
 * @unwritten: marks them as unwritten (-EOPNOTSUPP without extents). i_data_sem is held for
 * writing. Returns 0 or -errno: -EIO for an inline file.
 */
int ext4_map_create(
	struct ext4_handle *h, struct inode *inode, struct ext4_map *map, bool unwritten);
/*
 * Frees the file's blocks @from to @last (inclusive). i_data_sem is held for writing. Restarts the
 * handle as needed: *h changes (NULL if none could begin), and i_data_sem is dropped meanwhile.
 * Returns 0 or -errno.
 */
int ext4_remove_space(struct ext4_handle **h, struct inode *inode, u32 from, u32 last);
/*
 * Moves the part in [@from, @last] of the last extent that has such a part by @by file blocks. Its
 * data stays in place on the disk. Returns 1 and sets *at to the part's old first block, 0 if there
 * is no such part, or -errno (-EFBIG: beyond what a map can hold). The caller has reserved room for
 * splits of nodes (ext4_reserve()).
 */
int ext4_shift_last(
	struct ext4_handle *h, struct inode *inode, u32 from, u32 last, s64 by, u32 *at);
/* Makes the map of a new inode: empty. */
void ext4_extent_init(struct inode *inode);
#define EXT4_REMOVE_CREDITS 48

/* A level of a search: a node, and the index of the entry in it that the search followed. */
struct ext4_path {
	struct ext4_buf *b; /* NULL for the root */
	struct ext4_extent_header *h;
	u32 i;
};
/*
 * Searches the extent tree for @lblk. @path: EXT4_MAX_DEPTH + 1 levels, whose nodes are referenced
 * until ext4_put_path(). Returns the depth, or -errno with nothing to put.
 */
int ext4_find_path(struct inode *inode, u32 lblk, struct ext4_path *path);
void ext4_put_path(struct ext4_path *path, int depth);

/* ---- orphan.c ---- */
/*
 * Puts the inode on the list of orphans and writes it. Does nothing if it is there. Returns 0, or
 * -errno with the list unchanged. Takes orphan_lock.
 */
int ext4_orphan_add(struct ext4_handle *h, struct inode *inode);
/*
 * Takes the inode off the list. Does nothing if it is not there. The caller writes the inode
 * afterwards. Returns 0, or -errno with the list unchanged. Takes orphan_lock, as the next two
 * functions do.
 */
int ext4_orphan_del(struct ext4_handle *h, struct inode *inode);
void ext4_orphan_evicted(struct inode *inode); /* when the inode leaves memory */
/*
 * Puts an inode back on the list of orphans if it was one when it left memory. The inode was just
 * read from @raw and is still locked.
 */
void ext4_orphan_back(struct inode *inode, const struct ext4_disk_inode *raw);
/* True if an orphan in memory has no name any more, so that its eviction will free it. */
bool ext4_orphans_removed(struct ext4_sb *sbi);
void ext4_orphans_free(struct ext4_sb *sbi);      /* at unmount */
void ext4_orphan_cleanup(struct super_block *sb); /* at a mount for writing */

/* ---- truncate.c ---- */
/*
 * Frees the blocks beyond i_size, behind which the page cache is empty. Opens a handle and takes
 * i_data_sem. After a failure the inode stays on the list of orphans. i_rwsem is held.
 */
int ext4_truncate(struct inode *inode);
/* Operations of inodes and open files, as the VFS declares them. */
void ext4_evict_inode(struct inode *inode);
int ext4_setattr(struct dentry *d, struct iattr *attr);
int ext4_extent_at(struct inode *inode, u64 pos, struct file_extent *e);
int ext4_get_flags(struct inode *inode, u32 *flags);
int ext4_set_flags(struct inode *inode, u32 flags);
#define EXT4_FLAG_OPS .get_flags = ext4_get_flags, .set_flags = ext4_set_flags
long ext4_fallocate(struct file *f, int mode, loff_t off, loff_t len);
/*
 * Allocates unwritten blocks for the hole at the beginning of @m or a part of it, but takes no
 * blocks that are promised to others. Cuts @m to these blocks, or to existing blocks at its
 * beginning. Moves the file's size up to the end of the blocks, at most to @end. @end 0: the size
 * stays. i_rwsem is held, no handle is open. Returns 0 or -errno.
 */
int ext4_alloc_unwritten(struct inode *inode, struct ext4_map *m, loff_t end);
extern const struct direct_ops ext4_direct_ops; /* dio.c */
/*
 * shift.c: i_rwsem is held. The caller has checked the range, but not against the file's size. @off
 * and @len are in bytes. -EINVAL: they are not whole blocks, or reach beyond the size. They take
 * the invalidate_lock.
 */
int ext4_collapse_range(struct inode *inode, loff_t off, loff_t len);
int ext4_insert_range(struct inode *inode, loff_t off, loff_t len);

/* ---- inline.c ---- */
static inline bool ext4_is_inline(const struct inode *inode)
{
	return READ_ONCE(EXT4_I(inode)->i_flags) & EXT4_INLINE_DATA_FL;
}
bool ext4_wants_inline(const struct inode *inode); /* True if new data may lie in the inode */
/*
 * Copies the file's bytes in the inode, at most @room, to @to. Takes i_data_sem. Returns their
 * number, or -ENODATA if the file is not inline.
 */
int ext4_inline_read(struct inode *inode, u8 *to, u32 room);
/*
 * Moves a file's content out of its inode into blocks, before its size or map changes. Opens a
 * handle and takes i_data_sem. @shorter: the file shrinks, so on a full disk root's reserve may be
 * used too. Returns 0 or -errno.
 */
int ext4_inline_out(struct inode *inode, bool shorter);
/*
 * Writes @page, a whole page at @index, into the inode. Takes i_data_sem. Returns 0 or -errno.
 * -ENOSPC: the file needs blocks, and content that lay in the inode is now in a block.
 */
int ext4_inline_write(struct ext4_handle *h, struct inode *inode, u64 index, const u8 *page);
/*
 * Returns the entries of an inline directory as a private leaf, or ERR_PTR. ext4_leaf_dirty() puts
 * it back into the inode after a change. Both take i_data_sem.
 */
struct ext4_buf *ext4_inline_dir(struct inode *dir);
int ext4_inline_dir_store(struct ext4_handle *h, struct inode *dir, struct ext4_buf *leaf);

/* ---- file.c, readdir.c, ioctl.c ---- */
extern const struct file_operations ext4_dir_fops, ext4_file_fops;
extern const struct inode_operations ext4_dir_iops, ext4_file_iops, ext4_symlink_iops,
	ext4_fast_symlink_iops, ext4_special_iops;
long ext4_ioctl(struct file *f, u32 cmd, u64 arg);
/*
 * Allocates blocks for written data that has none yet and starts its writeback (auto_da_alloc). The
 * caller has no handle and no page lock.
 */
void ext4_flush_new(struct inode *inode);
int ext4_fsync(struct file *f, loff_t start, loff_t end, bool datasync);

/* ---- xattr.c ---- */
ssize_t ext4_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
/* True if the inode may have attributes, in its raw inode @raw or in a block. */
bool ext4_has_xattrs(struct inode *inode,
	const struct ext4_disk_inode *raw); /* of @inode, as read from the disk */
int ext4_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t ext4_listxattr(struct inode *inode, char *buf, size_t size);
int ext4_xattr_extent(struct inode *inode, struct file_extent *e); /* for inode_operations */
/*
 * Drops the attributes of an inode that is being removed. Returns 0, or -errno if a block cannot be
 * read: the next mount then continues.
 */
int ext4_xattr_delete(
	struct ext4_handle *h, struct inode *inode); /* leaves damaged ones to e2fsck */

#include "kernel/fs/ext4/ext4_journal.h"

#endif
