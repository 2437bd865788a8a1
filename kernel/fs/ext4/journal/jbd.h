/* SPDX-License-Identifier: MIT */
/*
 * jbd.h: the journal's structures on disk (all numbers are big-endian), and declarations that the
 * files of this folder and lost.c share. Source: linux-doc, filesystems/ext4/journal.
 */
#ifndef NESTLING_EXT4_JBD_H
#define NESTLING_EXT4_JBD_H

#include "kernel/fs/ext4/ext4.h"

#define JBD_MAGIC 0xc03b3998U
#define JBD_DESCRIPTOR 1
#define JBD_COMMIT 2
#define JBD_SUPER_V1 3
#define JBD_SUPER_V2 4
#define JBD_REVOKE 5

#define JBD_INCOMPAT_REVOKE 0x1
#define JBD_INCOMPAT_64BIT 0x2
#define JBD_INCOMPAT_ASYNC_COMMIT 0x4
#define JBD_INCOMPAT_CSUM_V2 0x8
#define JBD_INCOMPAT_CSUM_V3 0x10
#define JBD_INCOMPAT_FAST_COMMIT 0x20
#define JBD_CRC32C 4 /* value of checksum_type */
#define JBD_INCOMPAT_KNOWN                                                                         \
	(JBD_INCOMPAT_REVOKE | JBD_INCOMPAT_64BIT | JBD_INCOMPAT_ASYNC_COMMIT |                    \
		JBD_INCOMPAT_CSUM_V2 | JBD_INCOMPAT_CSUM_V3)

#define JBD_TAG_ESCAPE 1
#define JBD_TAG_SAME_UUID 2
#define JBD_TAG_LAST 8

struct jbd_header {
	__be32 magic, type, sequence;
} __packed;

struct jbd_super {
	struct jbd_header h;
	__be32 blocksize, maxlen, first, sequence, start, error;
	__be32 compat, incompat, ro_compat;
	u8 uuid[16];
	__be32 nr_users, dynsuper, max_transaction, max_trans_data;
	u8 checksum_type, pad2[3];
	__be32 num_fc_blks, head;
	u8 pad[160];
	__be32 checksum;
	u8 users[768];
} __packed;
_Static_assert(sizeof(struct jbd_super) == 1024, "journal superblock");

static inline u32 be32(__be32 v)
{
	return __builtin_bswap32((u32)v);
}
static inline __be32 to_be32(u32 v)
{
	return (__be32)__builtin_bswap32(v);
}
static inline u64 be64(const void *p)
{
	u64 v;

	__builtin_memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}

/* A transaction. The journal frees it after its commit. */
struct ext4_txn {
	u32 tid;
	/*
	 * updates: number of open handles. nr_bufs: length of @bufs. reserved: credits of the open
	 * handles. Under j->lock.
	 */
	u32 updates, nr_bufs, reserved;
	struct list_head bufs;  /* by ext4_buf.t_list; under j->lock */
	atomic_t data_inflight; /* bios of ext4_ordered_bio() in flight */
	bool data_failed;       /* True if such a bio failed */
	struct ext4_journal *j;
	struct ext4_freed *freed; /* under j->lock */
	u64 *revokes;             /* under j->lock */
	u32 nr_revokes, max_revokes;
	u64 started; /* monotonic time in ns */
};

struct ext4_journal {
	struct ext4_sb *sbi;
	struct inode *inode;
	u64 *map; /* map[log block]: device block */
	/*
	 * In log blocks. The log is [first, maxlen), which does not change. The next record goes to
	 * @head. Access to @head and @used: as to @checkpoint.
	 */
	u32 first, maxlen, head, used;
	bool wide; /* True if tags have 64-bit block numbers */
	/* True if every block of the log has a checksum (version 3). */
	bool csum;
	u32 csum_seed;
	/*
	 * True if there is no log (ext2): a commit then writes blocks directly to their places, and
	 * a crash may leave only some of them written.
	 */
	bool unlogged;
	struct jbd_super super; /* log's superblock as on disk */
	u8 *super_block;        /* log block that has it */

	spinlock_t lock; /* protects the members below; innermost */
	struct ext4_txn *running, *committing;
	bool barrier, stop, aborted;
	bool disk_refused; /* True if a disk error aborted the log */
	bool frozen;       /* True if no handle may begin until thaw */
	bool busy;         /* True during a commit or checkpoint */
	/* True if no handle may begin until the journal is opened again. */
	bool closed;
	u32 next_tid, committed_tid, wanted_tid;
	/* last transaction whose commit flushed the disk's cache */
	u32 flushed_tid;
	struct wait_queue_head wait_start, wait_updates, wait_done, wait_work;
	/* tasks without a handle that sleep, by ext4_journal_use(); the last wakes @wait_done */
	atomic_t users;
	struct task *thread;
	pid_t thread_nr; /* pid of @thread, for /sys */
	struct completion thread_done;
	/* failed bios of new blocks (lost.c); under j->lock */
	struct list_head lost;
	atomic_t nr_lost; /* bios in @lost, or soon to be added */
	struct mutex lost_mutex;
	/*
	 * Buffers whose copy must be written to its place, by ext4_buf.cp_list. Used only by the
	 * journal thread, and by the checkpoint of a freeze or close, while that thread is idle or
	 * has ended.
	 */
	struct list_head checkpoint;
	u32 nr_checkpoint;
};

/* journal.c: Adds @b to the transaction. Returns false if it already has @b. j->lock is held. */
bool ext4_txn_add_locked(struct ext4_txn *t, struct ext4_buf *b);

/*
 * journal.c: Keep a journal that was read from sbi->journal until the other call, while the task
 * sleeps without a handle. ext4_journal_use() comes before the first sleep after that read.
 */
void ext4_journal_use(struct ext4_journal *j);
void ext4_journal_unuse(struct ext4_journal *j);
/* journal.c: The body of the journal's thread, for kthread_run(). @journal: the journal. */
int ext4_journal_thread(void *journal);

/* commit.c: Commits @t. Only the journal thread calls it. */
void ext4_commit_txn(struct ext4_journal *j, struct ext4_txn *t);
/*
 * Writes all committed blocks to their places and empties the log. Called by the journal thread,
 * and in a freeze or close while that thread is idle or has ended. Returns 0 or -errno.
 */
int ext4_checkpoint(struct ext4_journal *j);
/*
 * Writes the log's superblock. @start: log block of the oldest transaction, 0: log is empty;
 * @sequence: its number. Does nothing if unlogged. Returns 0 or -errno.
 */
int ext4_log_write_super(struct ext4_journal *j, u32 start, u32 sequence);
/* Returns how many blocks of the log @n revoke records take. */
u32 ext4_log_revoke_blocks(const struct ext4_journal *j, u32 n);
/* Frees the copy, takes @b off j->checkpoint, and drops the reference. */
void ext4_log_drop_copy(struct ext4_journal *j, struct ext4_buf *b);

/* Returns how many blocks of the log may be in use at one time; less if memory is small. */
u32 ext4_journal_room(const struct ext4_journal *j);

#endif
