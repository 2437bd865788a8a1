/* SPDX-License-Identifier: MIT */
/*
 * balloc.c: allocating and freeing blocks.
 *
 * A search begins at the goal (after the file's last block, else in its inode's group) and takes
 * the first free run of the wanted length. If no group has such a run, it takes the longest run
 * found. The wanted length for a file's data is what the file will soon need (window.c). Blocks
 * that a running transaction has freed are marked free on disk but held in memory (group_info.held)
 * until it commits: after a crash before that, they must have their old content.
 *
 * Invariant: free_blocks counts bits that are free and not held.
 *
 * Lock: alloc_lock. Source: linux-doc, filesystems/ext4/{bitmaps,group_descr,checksums}.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/* ---- bits ---- */

static bool bit_test(const u8 *map, u32 n)
{
	return map[n / 8] >> (n % 8) & 1;
}

static void bits_set(u8 *map, u32 from, u32 n)
{
	for (; n; n--, from++)
		map[from / 8] |= (u8)(1U << (from % 8));
}

static void bits_clear(u8 *map, u32 from, u32 n)
{
	for (; n; n--, from++)
		map[from / 8] &= (u8) ~(1U << (from % 8));
}

/* Returns eight bytes of the bitmap from @byte on as a word, in which held blocks count as used. */
static u64 word_at(const u8 *map, const u8 *held, u32 byte)
{
	u64 w, h;

	memcpy(&w, map + byte, 8);
	if (held) {
		memcpy(&h, held + byte, 8);
		w |= h;
	}
	return w;
}

static bool taken(const u8 *map, const u8 *held, u32 n)
{
	return bit_test(map, n) || (held && bit_test(held, n));
}

/* Returns the first free bit at or after @from, or @end if there is none below @end. */
static u32 next_free(const u8 *map, const u8 *held, u32 from, u32 end)
{
	while (from < end) {
		u64 w;

		if (from % 64 || from + 64 > end) {
			if (!taken(map, held, from))
				return from;
			from++;
			continue;
		}
		w = word_at(map, held, from / 8);
		if (~w)
			return from + (u32)__builtin_ctzl(~w);
		from += 64;
	}
	return end;
}

/* Returns how many bits are free from @from on without a gap, at most @max. */
static u32 free_run(const u8 *map, const u8 *held, u32 from, u32 end, u32 max)
{
	u32 n = 0;

	while (n < max && from + n < end) {
		if ((from + n) % 64 == 0 && max - n >= 64 && from + n + 64 <= end &&
			!word_at(map, held, (from + n) / 8)) {
			n += 64;
			continue;
		}
		if (taken(map, held, from + n))
			break;
		n++;
	}
	return n;
}

/* ---- a group's bitmap ---- */

static u32 bitmap_csum(const struct ext4_sb *sbi, const u8 *map)
{
	return ext4_csum(sbi->csum_seed, map, sbi->blocks_per_group / 8);
}

static void set_bitmap_csum(struct ext4_sb *sbi, struct ext4_disk_group *g, const u8 *map)
{
	u32 crc;

	if (!sbi->csum)
		return;
	crc = bitmap_csum(sbi, map);
	g->bg_block_bitmap_csum_lo = (u16)crc;
	if (sbi->desc_size >= 64)
		g->bg_block_bitmap_csum_hi = (u16)(crc >> 16);
}

static bool bitmap_csum_ok(struct ext4_sb *sbi, const struct ext4_disk_group *g, const u8 *map)
{
	u32 crc, have = g->bg_block_bitmap_csum_lo;

	if (!sbi->csum)
		return true;
	crc = bitmap_csum(sbi, map);
	if (sbi->desc_size < 64)
		return (u16)crc == have;
	return crc == (have | (u32)g->bg_block_bitmap_csum_hi << 16);
}

/* Marks those of the blocks [block, block+n) that lie in @group as used. */
static void mark_range(struct ext4_sb *sbi, u8 *map, u32 group, u64 block, u64 n)
{
	u64 first = ext4_group_first(sbi, group), end = first + ext4_group_blocks(sbi, group);

	for (; n; n--, block++)
		if (block >= first && block < end)
			bits_set(map, (u32)(block - first), 1);
}

/* Returns how many blocks at the group's beginning the superblock and the descriptors take. */
u32 ext4_base_blocks(struct ext4_sb *sbi, u32 group)
{
	bool super = ext4_has_backup_super(sbi, group);
	u32 n = super, gdt;

	if (EXT4_HAS(sbi, incompat, INCOMPAT_META_BG) &&
		group / sbi->descs_per_block >= sbi->disk.s_first_meta_bg) {
		u32 in_meta = group % sbi->descs_per_block;

		return n + (in_meta == 0 || in_meta == 1 || in_meta == sbi->descs_per_block - 1);
	}
	/* The descriptors of meta groups lie in those groups. */
	gdt = EXT4_HAS(sbi, incompat, INCOMPAT_META_BG) ?
		      min(sbi->gdt_blocks, sbi->disk.s_first_meta_bg) :
		      sbi->gdt_blocks;
	return super ? n + gdt + sbi->disk.s_reserved_gdt_blocks : 0;
}

/* Returns the number of blocks of a group's inode table. */
static u32 table_blocks(const struct ext4_sb *sbi)
{
	return DIV_ROUND_UP(sbi->inodes_per_group, sbi->block_size / sbi->inode_size);
}

/* Makes the bitmap of a group that has never been used: only its metadata blocks are in use. */
static void init_bitmap(struct ext4_sb *sbi, u8 *map, u32 group)
{
	bool sane = sbi->disk.s_log_groups_per_flex < 24;
	u32 n = ext4_group_blocks(sbi, group), g;
	u32 flex = sane ? 1U << sbi->disk.s_log_groups_per_flex : 1, from = group & ~(flex - 1);

	memset(map, 0, sbi->block_size);
	/*
	 * min(): the superblock's number of reserved descriptor blocks may exceed the group or the
	 * bitmap.
	 */
	bits_set(map, 0, min(ext4_base_blocks(sbi, group), n));
	for (g = from; g < sbi->nr_groups && g < from + flex; g++) {
		struct ext4_disk_group *d = ext4_group(sbi, g);

		mark_range(sbi, map, group, ext4_group_block_bitmap(sbi, d), 1);
		mark_range(sbi, map, group, ext4_group_inode_bitmap(sbi, d), 1);
		mark_range(sbi, map, group, ext4_group_inode_table(sbi, d), table_blocks(sbi));
	}
	bits_set(map, n, sbi->block_size * 8 - n);
}

/* Reports a damaged bitmap and stops using its group. Returns -EFSCORRUPTED. */
static int group_bad(struct ext4_sb *sbi, u32 group, const char *why)
{
	if (!sbi->groups[group].bad)
		ext4_error(sbi->sb, "group %u: %s", group, why);
	sbi->groups[group].bad = true;
	return -EFSCORRUPTED;
}

/* Checks a bitmap once after it was read. Returns 0 or -EFSCORRUPTED. */
static int verify_bitmap(struct ext4_sb *sbi, u32 group, struct ext4_buf *b)
{
	struct ext4_disk_group *g = ext4_group(sbi, group);
	u64 first = ext4_group_first(sbi, group), own = ext4_group_block_bitmap(sbi, g);

	if (b->flags & BUF_VERIFIED)
		return 0;
	if (!bitmap_csum_ok(sbi, g, b->data))
		return group_bad(sbi, group, "block bitmap has a bad checksum");
	if (own >= first && own < first + ext4_group_blocks(sbi, group) &&
		!bit_test(b->data, (u32)(own - first)))
		return group_bad(sbi, group, "block bitmap does not count itself");
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
	return 0;
}

/*
 * Returns the group's bitmap, referenced, or ERR_PTR. Makes it if the group is uninitialised.
 * alloc_lock is held for this function and those that follow, up to wait_for_trim().
 */
static struct ext4_buf *group_bitmap(struct ext4_handle *h, struct ext4_sb *sbi, u32 group)
{
	struct ext4_disk_group *g = ext4_group(sbi, group);
	struct ext4_buf *b;
	int err;

	if (sbi->groups[group].bad)
		return ERR_PTR(-EFSCORRUPTED);
	if (g->bg_flags & BG_BLOCK_UNINIT && (sbi->csum || sbi->gdt_csum)) {
		b = ext4_bnew(sbi, ext4_group_block_bitmap(sbi, g), EXT4_USE(EXT4_BITMAP, 0));
		if (IS_ERR(b))
			return b;
		init_bitmap(sbi, b->data, group);
		__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
		g->bg_flags &= (u16)~BG_BLOCK_UNINIT;
		set_bitmap_csum(sbi, g, b->data);
		ext4_dirty(h, b);
		ext4_group_dirty(h, sbi, group);
		return b;
	}
	b = ext4_bread(sbi, ext4_group_block_bitmap(sbi, g), EXT4_USE(EXT4_BITMAP, 0));
	if (IS_ERR(b))
		return b;
	err = verify_bitmap(sbi, group, b);
	if (!err)
		return b;
	ext4_brelse(b);
	return ERR_PTR(err);
}

/* Returns the number of free blocks in the descriptor, which includes held blocks. */
static u32 group_free(const struct ext4_sb *sbi, const struct ext4_disk_group *g)
{
	return g->bg_free_blocks_count_lo |
	       (sbi->desc_size >= 64 ? (u32)g->bg_free_blocks_count_hi << 16 : 0);
}

static void set_group_free(const struct ext4_sb *sbi, struct ext4_disk_group *g, u32 n)
{
	g->bg_free_blocks_count_lo = (u16)n;
	if (sbi->desc_size >= 64)
		g->bg_free_blocks_count_hi = (u16)(n >> 16);
}

/* ---- allocating ---- */

/* A free run of this many blocks ends a search. */
#define ENOUGH 2048U
/* After FAR groups, a run of this many blocks ends a search. */
#define DECENT 64U
#define FAR 16 /* in groups */
/* After this many groups, a run of search.need blocks ends a search if that is less than DECENT. */
#define FAR_FEW 2

struct search {
	/*
	 * the inode whose windows (free blocks kept for a file's later blocks, window.c) may be
	 * used; 0: no inode's
	 */
	u64 ino;
	bool anyone; /* True if all windows are ignored */
	/*
	 * In blocks. A run of @want ends the search at once, a run of @enough ends it after the
	 * group that has the run. best_*: length in blocks, first bit and group of the longest run
	 * so far.
	 */
	u32 want, enough, best_len, best_bit, best_group;
	u32 need; /* blocks of @want that are needed now */
};

/*
 * Returns how many of the @n free blocks from @bit on the file may take. If that is 0, sets *skip
 * to the number of blocks to skip, which another file's window covers.
 */
static u32 allowed(
	struct ext4_sb *sbi, const struct search *s, u32 group, u32 bit, u32 n, u32 *skip)
{
	*skip = 0;
	return s->anyone ?
		       n :
		       ext4_window_clip(sbi, s->ino, ext4_group_first(sbi, group) + bit, n, skip);
}

/*
 * Searches a group from bit @from on, and records the longest run in best_*. Returns true if that
 * has the wanted length.
 */
static bool search_group(struct ext4_sb *sbi, struct search *s, u32 group, const u8 *map, u32 from)
{
	const u8 *held = sbi->groups[group].held;
	u32 end = ext4_group_blocks(sbi, group), at = from;

	while ((at = next_free(map, held, at, end)) < end) {
		u32 skip, n = allowed(
				  sbi, s, group, at, free_run(map, held, at, end, s->want), &skip);

		if (n > s->best_len) {
			s->best_len = n;
			s->best_bit = at;
			s->best_group = group;
		}
		if (n == s->want)
			return true;
		at += n + skip;
	}
	return false;
}

/* Allocates the run best_*. Returns its first block, or 0 with *err set. */
static u64 take(struct ext4_handle *h, struct ext4_sb *sbi, struct search *s, int *err)
{
	struct ext4_disk_group *g = ext4_group(sbi, s->best_group);
	struct ext4_buf *b = group_bitmap(h, sbi, s->best_group);
	u64 block = ext4_group_first(sbi, s->best_group) + s->best_bit;

	if (IS_ERR(b)) {
		*err = (int)PTR_ERR(b);
		return 0;
	}
	if (ext4_is_metadata(sbi, block, s->best_len)) {
		*err = group_bad(sbi, s->best_group, "block bitmap has metadata as free");
		ext4_brelse(b);
		return 0;
	}
	bits_set(b->data, s->best_bit, s->best_len);
	set_group_free(sbi, g, group_free(sbi, g) - min(s->best_len, group_free(sbi, g)));
	set_bitmap_csum(sbi, g, b->data);
	ext4_dirty(h, b);
	ext4_group_dirty(h, sbi, s->best_group);
	ext4_brelse(b);
	sbi->groups[s->best_group].next = s->best_bit + s->best_len;
	sbi->free_blocks -= s->best_len;
	return block;
}

/*
 * Searches the groups in order, beginning with the goal's. Stops at the first run of the wanted
 * length, or after a group if the longest run so far is good enough.
 */
static void search_all(struct ext4_handle *h, struct ext4_sb *sbi, u64 goal, struct search *s)
{
	u32 group = ext4_block_group(sbi, goal), i;
	bool found = false;

	for (i = 0; i < sbi->nr_groups && !found; i++) {
		u32 g = (group + i) % sbi->nr_groups;
		struct ext4_group_info *gi = &sbi->groups[g];
		u32 from = i ? gi->next : (u32)(goal - ext4_group_first(sbi, g));
		struct ext4_buf *b;

		if (gi->bad || group_free(sbi, ext4_group(sbi, g)) <= gi->nr_held)
			continue;
		if (s->best_len && group_free(sbi, ext4_group(sbi, g)) - gi->nr_held <= s->best_len)
			continue;
		b = group_bitmap(h, sbi, g);
		if (IS_ERR(b))
			continue;
		found = search_group(
			sbi, s, g, b->data, from < ext4_group_blocks(sbi, g) ? from : 0);
		if (!found && from)
			found = search_group(sbi, s, g, b->data, 0);
		ext4_brelse(b);
		/*
		 * A longer run is not worth a walk to far groups once a DECENT run is found. Room
		 * for later blocks is not worth it once a run for the few blocks that are needed
		 * now is found.
		 */
		if (s->best_len >= s->enough || (i > FAR && s->best_len >= DECENT) ||
			(i > FAR_FEW && s->need < DECENT && s->best_len >= s->need))
			break;
	}
}

/*
 * Finds the best free run at or near @goal for @want contiguous blocks. Prefers a longer run, up to
 * @room blocks. In the result best_len is 0 if there is no free block.
 */
static struct search find_place(
	struct ext4_handle *h, struct ext4_sb *sbi, u64 ino, u64 goal, u32 want, u32 room)
{
	u32 enough = min(min(room, ENOUGH), 64 * want); /* a request for few blocks searches less */
	struct search s = { .ino = ino, .want = room, .need = want, .enough = max(want, enough) },
		      any = { .anyone = true, .want = want, .need = want, .enough = want };

	search_all(h, sbi, goal, &s);
	/* A run in another file's window is better than a run that is too short. */
	if (s.best_len < want)
		search_all(h, sbi, goal, &any);
	return any.best_len > s.best_len ? any : s;
}

/* Searches only at @goal itself. A run of less than @least blocks counts as none. */
static struct search find_there(
	struct ext4_handle *h, struct ext4_sb *sbi, u64 ino, u64 goal, u32 least, u32 room)
{
	struct search s = { .ino = ino };
	struct ext4_group_info *gi;
	struct ext4_buf *b;
	u32 skip, n;

	s.best_group = ext4_block_group(sbi, goal);
	s.best_bit = (u32)(goal - ext4_group_first(sbi, s.best_group));
	gi = &sbi->groups[s.best_group];
	b = group_bitmap(h, sbi, s.best_group);
	if (IS_ERR(b))
		return s;
	n = free_run(b->data, gi->held, s.best_bit, ext4_group_blocks(sbi, s.best_group), room);
	ext4_brelse(b);
	n = n ? allowed(sbi, &s, s.best_group, s.best_bit, n, &skip) : 0;
	s.best_len = n >= least ? n : 0;
	return s;
}

/* Returns the first block of the inode's group that is valid (ext4_block_valid()). */
static u64 default_goal(struct ext4_sb *sbi, struct inode *inode)
{
	u64 goal = ext4_group_first(sbi, (u32)((inode->i_ino - 1) / sbi->inodes_per_group));

	return goal > sbi->first_data_block ? goal : sbi->first_data_block + 1;
}

/*
 * Takes at most *len blocks of the run that the search has found, and sets *len to their number.
 * Returns the first block, or 0 with *err set if there is none.
 */
static u64 take_found(
	struct ext4_handle *h, struct inode *inode, struct search *s, u32 *len, int *err)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u64 block;

	*err = s->best_len ? 0 : -ENOSPC;
	if (*err)
		return 0;
	s->best_len = *len = min(*len, s->best_len);
	block = take(h, sbi, s, err);
	if (block)
		inode_add_bytes(inode, (s64)*len << inode->i_blkbits);
	return block;
}

/*
 * Waits for the end of a trim, which holds free blocks while the disk discards them. Called when a
 * search has found no block. Returns true if there was a trim: the caller then searches again with
 * trim_lock held, so that no other trim begins.
 */
static bool wait_for_trim(struct ext4_sb *sbi)
{
	if (!sbi->trimming)
		return false;
	mutex_unlock(&sbi->alloc_lock);
	mutex_lock(&sbi->trim_lock);
	mutex_lock(&sbi->alloc_lock);
	return true;
}

u64 ext4_alloc_blocks(struct ext4_handle *h, struct inode *inode, u64 goal, u32 *len, int *err)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct search s;
	bool waited;
	u64 block;

	if (!ext4_block_valid(sbi, goal, 1))
		goal = default_goal(sbi, inode);
	mutex_lock(&sbi->alloc_lock);
	s = find_place(h, sbi, 0, goal, *len, *len);
	waited = !s.best_len && wait_for_trim(sbi);
	if (waited)
		s = find_place(h, sbi, 0, goal, *len, *len);
	block = take_found(h, inode, &s, len, err);
	mutex_unlock(&sbi->alloc_lock);
	if (waited)
		mutex_unlock(&sbi->trim_lock);
	return block;
}

u64 ext4_alloc_data(
	struct ext4_handle *h, struct inode *inode, u32 lblk, u64 goal, bool on, u32 *len, int *err)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u32 want = *len, room, keep;
	bool small = ext4_window_small(inode), waited;
	struct ext4_window *w;
	struct search s = { 0 };
	u64 block;

	mutex_lock(&sbi->alloc_lock);
	w = ext4_window_find(sbi, inode->i_ino, lblk);
	room = ext4_window_room(sbi, inode, lblk, on, want);
	if (w && !on)
		goal = w->first + (lblk - w->lblk);
	if (ext4_block_valid(sbi, goal, 1))
		s = find_there(h, sbi, inode->i_ino, goal, on ? 1 : want, room);
	else
		goal = default_goal(sbi, inode);
	if (!s.best_len)
		s = find_place(h, sbi, inode->i_ino, goal, want, small ? want : room);
	waited = !s.best_len && wait_for_trim(sbi);
	if (waited) {
		s = find_place(h, sbi, inode->i_ino, goal, want, small ? want : room);
		w = ext4_window_find(sbi, inode->i_ino, lblk);
	}
	keep = small ? room : s.best_len;
	block = take_found(h, inode, &s, len, err);
	if (block && !s.anyone && keep > *len && !(w && block == w->first + (lblk - w->lblk)))
		ext4_window_set(sbi, inode->i_ino, lblk, block, keep);
	mutex_unlock(&sbi->alloc_lock);
	if (waited)
		mutex_unlock(&sbi->trim_lock);
	return block;
}

/* ---- freeing ---- */

#define HOLD_RUNS 64

/* Holds @n blocks from bit @bit on: they cannot be allocated. alloc_lock is held. */
static void hold(struct ext4_sb *sbi, u32 group, u32 bit, u32 n)
{
	struct ext4_group_info *gi = &sbi->groups[group];

	if (!gi->held)
		gi->held = kzalloc(sbi->block_size, GFP_NOFS | __GFP_NOFAIL);
	bits_set(gi->held, bit, n);
	gi->nr_held += n;
}

/* Frees blocks of one group. alloc_lock is held. Returns 0, or -errno with nothing changed. */
static int free_in_group(struct ext4_handle *h, struct ext4_sb *sbi, u32 group, u32 bit, u32 n)
{
	struct ext4_disk_group *g = ext4_group(sbi, group);
	struct ext4_freed *f;
	struct ext4_buf *b;
	u32 i;

	b = group_bitmap(h, sbi, group);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	for (i = 0; i < n; i++)
		if (!bit_test(b->data, bit + i)) {
			ext4_brelse(b);
			return group_bad(sbi, group, "a block is freed that is free already");
		}
	f = kmalloc(sizeof(*f), GFP_NOFS | __GFP_NOFAIL);
	hold(sbi, group, bit, n);
	*f = (struct ext4_freed){ .block = ext4_group_first(sbi, group) + bit, .count = n };
	ext4_txn_freed(h, f);
	bits_clear(b->data, bit, n);
	set_group_free(sbi, g, group_free(sbi, g) + n);
	set_bitmap_csum(sbi, g, b->data);
	ext4_dirty(h, b);
	ext4_group_dirty(h, sbi, group);
	ext4_brelse(b);
	return 0;
}

void ext4_free_blocks(
	struct ext4_handle *h, struct inode *inode, u64 block, u32 count, bool metadata)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u32 i;

	if (!ext4_block_valid(sbi, block, count) || ext4_is_metadata(sbi, block, count)) {
		ext4_error(inode->i_sb, "inode %lu frees blocks %lu+%u, which are no data",
			inode->i_ino, block, count);
		return;
	}
	for (i = 0; metadata && i < count; i++)
		ext4_forget(h, sbi, block + i);
	mutex_lock(&sbi->alloc_lock);
	while (count) {
		u32 group = ext4_block_group(sbi, block);
		u32 bit = (u32)(block - ext4_group_first(sbi, group));
		u32 n = min(count, ext4_group_blocks(sbi, group) - bit);

		/*
		 * The other blocks stay lost until e2fsck. free_in_group() has reported damage, or
		 * the bitmap could not be read.
		 */
		if (free_in_group(h, sbi, group, bit, n))
			break;
		inode_add_bytes(inode, -((s64)n << inode->i_blkbits));
		block += n;
		count -= n;
	}
	mutex_unlock(&sbi->alloc_lock);
}

struct ext4_buf *ext4_hold_bitmap(struct ext4_handle *h, struct ext4_sb *sbi, u64 block)
{
	struct ext4_buf *b;

	if (!ext4_block_valid(sbi, block, 1))
		return NULL;
	mutex_lock(&sbi->alloc_lock);
	b = group_bitmap(h, sbi, ext4_block_group(sbi, block));
	mutex_unlock(&sbi->alloc_lock);
	return b == ERR_PTR(-EFSCORRUPTED) || b == ERR_PTR(-EFSBADCRC) ? NULL : b;
}

/* Makes held blocks allocatable, and frees the list. alloc_lock is held. */
static void release_locked(struct ext4_sb *sbi, struct ext4_freed *list)
{
	while (list) {
		struct ext4_freed *f = list;
		u32 group = ext4_block_group(sbi, f->block);
		struct ext4_group_info *gi = &sbi->groups[group];

		list = f->next;
		bits_clear(gi->held, (u32)(f->block - ext4_group_first(sbi, group)), f->count);
		gi->nr_held -= f->count;
		sbi->free_blocks += f->count;
		if (!gi->nr_held) {
			kfree(gi->held);
			gi->held = NULL;
		}
		kfree(f);
	}
}

void ext4_release_held(struct ext4_sb *sbi, struct ext4_freed *list)
{
	mutex_lock(&sbi->alloc_lock);
	release_locked(sbi, list);
	mutex_unlock(&sbi->alloc_lock);
}

void ext4_release_trimmed(struct ext4_sb *sbi, struct ext4_freed *list)
{
	mutex_lock(&sbi->alloc_lock);
	release_locked(sbi, list);
	sbi->trimming = 0; /* trim_lock is held: no other trim runs */
	mutex_unlock(&sbi->alloc_lock);
}

int ext4_hold_free(struct ext4_handle *h, struct ext4_sb *sbi, u32 group, u32 *from, u32 end,
	u32 min_len, struct ext4_freed **list)
{
	struct ext4_buf *b;
	u32 n, runs = 0;

	*list = NULL;
	mutex_lock(&sbi->alloc_lock);
	b = group_bitmap(h, sbi, group);
	if (IS_ERR(b)) {
		mutex_unlock(&sbi->alloc_lock);
		return (int)PTR_ERR(b);
	}
	for (; runs < HOLD_RUNS; *from += n) {
		struct ext4_freed *f;

		*from = next_free(b->data, sbi->groups[group].held, *from, end);
		if (*from >= end)
			break;
		n = free_run(b->data, sbi->groups[group].held, *from, end, end - *from);
		if (n < min_len)
			continue;
		f = kmalloc(sizeof(*f), GFP_NOFS | __GFP_NOFAIL);
		hold(sbi, group, *from, n);
		*f = (struct ext4_freed){ *list, ext4_group_first(sbi, group) + *from, n };
		*list = f;
		sbi->free_blocks -= min((u64)n, sbi->free_blocks);
		sbi->trimming += n;
		runs++;
	}
	mutex_unlock(&sbi->alloc_lock);
	ext4_brelse(b);
	return 0;
}

/* ---- blocks that never hold data ---- */

/* True if the blocks [a, a+n) and [b, b+m) have one in common. */
static bool overlaps(u64 a, u64 n, u64 b, u64 m)
{
	return n && m && a < b + m && b < a + n;
}

bool ext4_is_metadata(struct ext4_sb *sbi, u64 block, u32 count)
{
	u32 group, flex = sbi->disk.s_log_groups_per_flex < 24 ?
				  1U << sbi->disk.s_log_groups_per_flex :
				  1;
	u32 first = ext4_block_group(sbi, block), last = ext4_block_group(sbi, block + count - 1);

	for (group = first; group <= last; group++)
		if (overlaps(block, count, ext4_group_first(sbi, group),
			    ext4_base_blocks(sbi, group)))
			return true;
	first &= ~(flex - 1);
	for (group = first; group < sbi->nr_groups && group < (last | (flex - 1)) + 1; group++) {
		struct ext4_disk_group *g = ext4_group(sbi, group);

		if (overlaps(block, count, ext4_group_block_bitmap(sbi, g), 1) ||
			overlaps(block, count, ext4_group_inode_bitmap(sbi, g), 1) ||
			overlaps(block, count, ext4_group_inode_table(sbi, g), table_blocks(sbi)))
			return true;
	}
	return false;
}
