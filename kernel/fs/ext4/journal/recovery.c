/* SPDX-License-Identifier: MIT */
/*
 * recovery.c: replays the log after a crash, in three passes: it finds the log's end, collects the
 * revoked blocks, and writes the blocks to their places ("home").
 *
 * The log is read from its start as long as blocks have the right sequence number. A transaction is
 * complete if it has a commit block (with a correct checksum, in a log with checksums). A block
 * that transaction R revokes is not replayed from transactions up to R. If a descriptor or revoke
 * block of a complete transaction has a wrong checksum, the log is damaged and nothing is replayed.
 * A wrong checksum of another block is found by the last pass, and ends the replay at that block.
 * Exception: if the transaction's commit block is older than the previous commit block, the
 * transaction is left from an earlier use of the log, and the log ends before it. Everything in the
 * log is hostile: block numbers and lengths are checked, and the scan is bounded by the log's
 * length.
 */
#include "kernel/fs/ext4/journal/jbd.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

enum pass { PASS_SCAN, PASS_REVOKE, PASS_REPLAY };

struct recovery {
	struct super_block *sb;
	struct ext4_sb *sbi;
	const u64 *map;
	u32 first, maxlen, incompat, csum_seed;
	u32 start_tid, end_tid; /* replay tids in [start, end) */
	struct radix revoked;   /* by block: tid << 1 | 1, as a pointer */
	u8 *block, *data;
	u32 replayed;
	/* PASS_SCAN: a block of the current transaction has a wrong checksum */
	bool doubtful;
	u64 last_time; /* PASS_SCAN: last commit's time, seconds */
};

/* Reads block @at of the log. Returns 0 or -errno. */
static int read_log(struct recovery *r, u32 at, u8 *buf)
{
	return bdev_rw(r->sb->s_bdev, REQ_READ | REQ_META,
		r->map[at] * (r->sbi->block_size >> SECTOR_SHIFT), buf, r->sbi->block_size);
}

/* Returns the block of the log after @at. The log is circular. */
static u32 next_block(const struct recovery *r, u32 at)
{
	return at + 1 >= r->maxlen ? r->first : at + 1;
}

static bool has_csum(const struct recovery *r)
{
	return r->incompat & (JBD_INCOMPAT_CSUM_V2 | JBD_INCOMPAT_CSUM_V3);
}

/* Returns the length of a tag in bytes, without the UUID. */
static u32 tag_size(const struct recovery *r)
{
	if (r->incompat & JBD_INCOMPAT_CSUM_V3)
		return 16;
	return (r->incompat & JBD_INCOMPAT_64BIT ? 12 : 8) +
	       (r->incompat & JBD_INCOMPAT_CSUM_V2 ? 2 : 0);
}

/* A tag of a descriptor: a block's number on the device, JBD_TAG_*, and the block's checksum. */
struct tag {
	u64 block;
	u32 flags, csum;
};

static void read_tag(const struct recovery *r, const u8 *p, struct tag *t)
{
	const __be32 *w = (const void *)p;

	t->block = be32(w[0]);
	if (r->incompat & JBD_INCOMPAT_CSUM_V3) {
		t->flags = be32(w[1]);
		if (r->incompat & JBD_INCOMPAT_64BIT)
			t->block |= (u64)be32(w[2]) << 32;
		t->csum = be32(w[3]);
		return;
	}
	t->csum = (u32)p[4] << 8 | p[5];
	t->flags = (u32)p[6] << 8 | p[7];
	if (r->incompat & JBD_INCOMPAT_64BIT)
		t->block |= (u64)be32(w[2]) << 32;
}

/* True if the checksum of a block, as it lies in the log, is right, or the log has none. */
static bool data_csum_ok(const struct recovery *r, const struct tag *t, u32 tid, const u8 *data)
{
	__be32 seq = to_be32(tid);
	u32 crc;

	if (!has_csum(r))
		return true;
	crc = crc32c(crc32c(r->csum_seed, &seq, 4), data, r->sbi->block_size);
	return r->incompat & JBD_INCOMPAT_CSUM_V3 ? crc == t->csum : (crc & 0xffff) == t->csum;
}

/* True if the checksum at the end of a descriptor or revoke block is right, or the log has none. */
static bool tail_csum_ok(const struct recovery *r, u8 *block)
{
	u32 at = r->sbi->block_size - 4;
	__be32 have;
	u32 crc;

	if (!has_csum(r))
		return true;
	memcpy(&have, block + at, 4);
	memset(block + at, 0, 4);
	crc = crc32c(r->csum_seed, block, r->sbi->block_size);
	memcpy(block + at, &have, 4);
	return be32(have) == crc;
}

/* True if a commit block's checksum is right, or the log has none. */
static bool commit_csum_ok(const struct recovery *r, u8 *block)
{
	__be32 have, zero = 0;
	u32 crc;

	if (!has_csum(r))
		return true;
	memcpy(&have, block + 16, 4);
	memcpy(block + 16, &zero, 4);
	crc = crc32c(r->csum_seed, block, r->sbi->block_size);
	memcpy(block + 16, &have, 4);
	return be32(have) == crc;
}

/*
 * PASS_SCAN: checks a commit block whose own checksum is right. Returns 0 if its transaction is
 * complete, 1 if the log ends before it, or -EFSBADCRC.
 */
static int check_commit(struct recovery *r)
{
	u64 time = be64(r->block + 48); /* h_commit_sec */

	if (r->doubtful)
		return time < r->last_time ? 1 : -EFSBADCRC;
	r->last_time = time;
	return 0;
}

/* True if the block must not be replayed from transaction @tid. */
static bool is_revoked(const struct recovery *r, u64 block, u32 tid)
{
	void *v = radix_lookup(&r->revoked, block);

	return v && (s32)((u32)((u64)v >> 1) - tid) >= 0;
}

/* Writes block @at of the log to its place, unless it is revoked. Returns 0 or -errno. */
static int replay_block(struct recovery *r, const struct tag *t, u32 tid, u32 at)
{
	__be32 magic = to_be32(JBD_MAGIC);
	int err;

	if (is_revoked(r, t->block, tid))
		return 0;
	if (t->block >= r->sbi->blocks_count)
		return -EFSCORRUPTED;
	err = read_log(r, at, r->data);
	if (err)
		return err;
	if (!data_csum_ok(r, t, tid, r->data))
		return -EFSBADCRC;
	if (t->flags & JBD_TAG_ESCAPE)
		memcpy(r->data, &magic, 4);
	r->replayed++;
	return bdev_rw(r->sb->s_bdev, REQ_WRITE | REQ_META,
		t->block * (r->sbi->block_size >> SECTOR_SHIFT), r->data, r->sbi->block_size);
}

/*
 * Walks over the data blocks of a descriptor, and moves *at to the block after them. Replays them
 * in PASS_REPLAY. Returns 0 or -errno.
 */
static int walk_descriptor(struct recovery *r, enum pass pass, u32 tid, u32 *at)
{
	u32 size = tag_size(r), off = sizeof(struct jbd_header);
	u32 end = r->sbi->block_size - (has_csum(r) ? 4 : 0);
	struct tag t;
	int err;

	while (off + size <= end) {
		read_tag(r, r->block + off, &t);
		off += size + (t.flags & JBD_TAG_SAME_UUID ? 0 : 16);
		if (pass == PASS_REPLAY) {
			err = replay_block(r, &t, tid, *at);
			if (err)
				return err;
		}
		*at = next_block(r, *at);
		if (t.flags & JBD_TAG_LAST)
			break;
	}
	return 0;
}

/* Notes the revokes of the block in r->block. Returns 0 or -errno. */
static int note_revokes(struct recovery *r, u32 tid)
{
	u32 bytes = be32(*(const __be32 *)(r->block + 12)), off = 16;
	u32 size = r->incompat & JBD_INCOMPAT_64BIT ? 8 : 4;

	if (bytes > r->sbi->block_size)
		return -EFSCORRUPTED;
	for (; off + size <= bytes; off += size) {
		u64 block =
			size == 8 ? be64(r->block + off) : be32(*(const __be32 *)(r->block + off));
		void *v = (void *)((u64)tid << 1 | 1), *old = radix_lookup(&r->revoked, block);
		int err = 0;

		if (block >= r->sbi->blocks_count) /* needs no entry: no such block */
			continue;
		if (!old)
			err = radix_insert(&r->revoked, block, v);
		else if ((s32)(tid - (u32)((u64)old >> 1)) > 0)
			radix_replace(&r->revoked, block, v);
		if (err)
			return err;
	}
	return 0;
}

/* Returns the number of blocks, at least one, from @from to @to in the log, which is circular. */
static u32 distance(const struct recovery *r, u32 from, u32 to)
{
	return to > from ? to - from : to + (r->maxlen - r->first) - from;
}

/*
 * Walks over the log from block @at. PASS_SCAN sets r->end_tid, the others end there. Returns 0 or
 * -errno.
 */
static int run_pass(struct recovery *r, enum pass pass, u32 at)
{
	u32 tid = r->start_tid, steps = 0;
	int err = 0;

	while (!err && (pass == PASS_SCAN || tid != r->end_tid) && steps < r->maxlen - r->first) {
		const struct jbd_header *h = (const void *)r->block;
		u32 before = at;

		err = read_log(r, at, r->block);
		if (err || be32(h->magic) != JBD_MAGIC || be32(h->sequence) != tid)
			break;
		at = next_block(r, at);
		switch (be32(h->type)) {
		case JBD_DESCRIPTOR:
			r->doubtful |= pass == PASS_SCAN && !tail_csum_ok(r, r->block);
			err = walk_descriptor(r, pass, tid, &at);
			break;
		case JBD_REVOKE:
			r->doubtful |= pass == PASS_SCAN && !tail_csum_ok(r, r->block);
			if (pass == PASS_REVOKE)
				err = note_revokes(r, tid);
			break;
		case JBD_COMMIT:
			/* torn commit block: the log ends before this transaction */
			if (pass == PASS_SCAN && !commit_csum_ok(r, r->block))
				err = 1;
			else if (pass == PASS_SCAN)
				err = check_commit(r);
			tid += !err;
			break;
		default: err = 1;
		}
		steps += distance(r, before, at);
		cond_resched();
	}
	if (pass == PASS_SCAN)
		r->end_tid = tid;
	return err == 1 ? 0 : err;
}

int ext4_replay(struct super_block *sb, u64 *map, u32 first, u32 maxlen, u32 *next_tid)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct recovery r = { .sb = sb, .sbi = sbi, .map = map, .first = first, .maxlen = maxlen };
	struct jbd_super *js;
	u64 index = 0;
	u32 start;
	bool wanted;
	int err;

	r.block = kmalloc(sbi->block_size, GFP_KERNEL);
	r.data = kmalloc(sbi->block_size, GFP_KERNEL);
	err = r.block && r.data ? read_log(&r, 0, r.block) : -ENOMEM;
	if (err)
		goto out;
	js = (void *)r.block;
	start = be32(js->start);
	r.start_tid = be32(js->sequence);
	r.incompat = be32(js->h.type) == JBD_SUPER_V2 ? be32(js->incompat) : 0;
	r.csum_seed = crc32c(~0U, js->uuid, sizeof(js->uuid));
	*next_tid = r.start_tid;
	if (!start)
		goto out;
	err = -EFSCORRUPTED;
	if (start < first || start >= maxlen)
		goto out;
	/*
	 * Without INCOMPAT_RECOVER the superblock does not match the log: the metadata that was
	 * already read would not fit the blocks that a replay restores.
	 */
	wanted = ext4_live_sb(sbi)->s_feature_incompat & INCOMPAT_RECOVER;
	err = run_pass(&r, PASS_SCAN, start);
	if (!err && !wanted)
		printk(KERN_WARNING
			"EXT4-fs (%s): its log is not empty, but needs no recovery: not replayed\n",
			sb->s_id);
	if (!err && wanted)
		err = run_pass(&r, PASS_REVOKE, start);
	if (!err && wanted)
		err = run_pass(&r, PASS_REPLAY, start);
	/*
	 * Skips a number, so that what is left of the old log never looks like the next
	 * transaction.
	 */
	*next_tid = r.end_tid + 1;
	if (!err)
		err = bdev_flush(sb->s_bdev);
	if (!err && wanted)
		printk(KERN_INFO "EXT4-fs (%s): recovery: %u transactions, %u blocks\n", sb->s_id,
			r.end_tid - r.start_tid, r.replayed);
out:
	while (radix_next(&r.revoked, &index))
		radix_delete(&r.revoked, index);
	kfree(r.block);
	kfree(r.data);
	return err;
}
