/* SPDX-License-Identifier: MIT */
/*
 * extent_write.c: changing extent trees: inserting, splitting, removing, and turning unwritten
 * extents into written ones.
 *
 * Every change is a search for the place, one small step, and a new search. If a leaf is full, one
 * node is split (or the tree grows at the root) and the search starts again, until the entry fits.
 * That sometimes costs a few more searches, but no step leaves an intermediate state that the next
 * step must handle.
 *
 * Invariants: entries of a node are sorted and do not overlap; an index entry has the first file
 * block of its child; no node but the root is empty at the end of a call. The caller holds
 * i_data_sem for writing and a handle.
 */
#include "kernel/fs/ext4/extent.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

#define ENTRY sizeof(struct ext4_extent)

static struct ext4_extent_header *root(struct inode *inode)
{
	return (void *)EXT4_I(inode)->i_block;
}

static struct ext4_extent *extents(struct ext4_extent_header *h)
{
	return (void *)(h + 1);
}

static struct ext4_extent_idx *indexes(struct ext4_extent_header *h)
{
	return (void *)(h + 1);
}

void ext4_extent_init(struct inode *inode)
{
	struct ext4_extent_header *h = root(inode);

	memset(EXT4_I(inode)->i_block, 0, sizeof(EXT4_I(inode)->i_block));
	/* Without extents, i_block stays zero: an empty block map, as on ext2 and ext3. */
	if (!EXT4_HAS(EXT4_SB(inode->i_sb), incompat, INCOMPAT_EXTENTS))
		return;
	h->eh_magic = EXT4_EXT_MAGIC;
	h->eh_max = (sizeof(EXT4_I(inode)->i_block) - sizeof(*h)) / ENTRY;
	EXT4_I(inode)->i_flags |= EXT4_EXTENTS_FL;
}

/* Returns how many entries fit into a node's block, with 4 bytes left for the checksum. */
static u16 node_max(const struct ext4_sb *sbi)
{
	return (u16)((sbi->block_size - sizeof(struct ext4_extent_header) - 4) / ENTRY);
}

static void set_start(struct ext4_extent *e, u64 block)
{
	e->ee_start_lo = (u32)block;
	e->ee_start_hi = (u16)(block >> 32);
}

static void set_idx(struct ext4_extent_idx *x, u32 lblk, u64 block)
{
	*x = (struct ext4_extent_idx){
		.ei_block = lblk, .ei_leaf_lo = (u32)block, .ei_leaf_hi = (u16)(block >> 32)
	};
}

static struct ext4_extent make_extent(u32 lblk, u64 pblk, u32 len, bool unwritten)
{
	struct ext4_extent e = { .ee_block = lblk,
		.ee_len = (u16)(unwritten ? len + EXT4_INIT_MAX_LEN : len) };

	set_start(&e, pblk);
	return e;
}

/*
 * Sets the checksum of a changed node and adds its block to the transaction. If the node is the
 * root, the caller writes the inode, which has it. fdatasync must bring both to the disk, even if
 * the inode does not differ otherwise.
 */
static void node_dirty(struct ext4_handle *h, struct inode *inode, struct ext4_path *p)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u32 at;
	u32 crc;

	ext4_note_change(h, inode);
	if (!p->b)
		return;
	if (sbi->csum) {
		at = (u32)(sizeof(*p->h) + p->h->eh_max * ENTRY);
		crc = ext4_csum(EXT4_I(inode)->csum_seed, p->b->data, at);
		memcpy(p->b->data + at, &crc, 4);
	}
	ext4_dirty(h, p->b);
}

void ext4_put_path(struct ext4_path *path, int depth)
{
	for (; depth >= 0; depth--)
		if (path[depth].b)
			ext4_brelse(path[depth].b);
}

int ext4_find_path(struct inode *inode, u32 lblk, struct ext4_path *path)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	int level = 0, err = ext4_extent_check_root(inode);

	if (err)
		return err;
	path[0] = (struct ext4_path){ NULL, root(inode), 0 };
	for (;;) {
		struct ext4_path *p = &path[level];
		struct ext4_buf *b;

		p->i = ext4_extent_find(p->h, lblk);
		if (!p->h->eh_depth)
			return level;
		if (!p->h->eh_entries) {
			err = -EFSCORRUPTED;
			break;
		}
		b = ext4_bread(
			sbi, idx_block(&indexes(p->h)[p->i]), EXT4_USE(EXT4_NODE, inode->i_ino));
		if (IS_ERR(b)) {
			err = (int)PTR_ERR(b);
			break;
		}
		path[level + 1] = (struct ext4_path){ b, (void *)b->data, 0 };
		err = ext4_extent_verify(inode, b, p->h->eh_depth - 1);
		level++;
		if (err)
			break;
	}
	ext4_put_path(path, level);
	return err;
}

/*
 * open_gap() makes a gap for an entry at @at, for which the node has room. close_gap() removes
 * entry @at.
 */
static void open_gap(struct ext4_extent_header *h, u32 at)
{
	struct ext4_extent *e = extents(h);

	memmove(&e[at + 1], &e[at], (h->eh_entries - at) * ENTRY);
	h->eh_entries++;
}

static void close_gap(struct ext4_extent_header *h, u32 at)
{
	struct ext4_extent *e = extents(h);

	h->eh_entries--;
	memmove(&e[at], &e[at + 1], (h->eh_entries - at) * ENTRY);
}

/* Allocates a block for a node, without entries. Returns its buffer, referenced, or ERR_PTR. */
static struct ext4_buf *new_node(struct ext4_handle *h, struct inode *inode, u16 depth)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_extent_header *n;
	struct ext4_buf *b;
	u32 len = 1;
	int err;
	/* goal 0: keep it away from the file's data */
	u64 block = ext4_alloc_blocks(h, inode, 0, &len, &err);

	if (!block)
		return ERR_PTR(err);
	b = ext4_bnew(sbi, block, EXT4_USE(EXT4_NODE, inode->i_ino));
	if (IS_ERR(b)) {
		ext4_free_blocks(h, inode, block, 1, false);
		return b;
	}
	n = (void *)b->data;
	n->eh_magic = EXT4_EXT_MAGIC;
	n->eh_max = node_max(sbi);
	n->eh_depth = depth;
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
	return b;
}

/*
 * Adds a level: moves the root's entries into a new node, to which the root then points. Returns 0
 * or -errno.
 */
static int grow(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_extent_header *r = root(inode), *n;
	struct ext4_path p = { 0 };
	struct ext4_buf *b;

	if (r->eh_depth >= EXT4_MAX_DEPTH)
		return -EFBIG;
	b = new_node(h, inode, r->eh_depth);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	n = (void *)b->data;
	n->eh_entries = r->eh_entries;
	memcpy(n + 1, r + 1, r->eh_entries * ENTRY);
	p.b = b;
	p.h = n;
	node_dirty(h, inode, &p);
	r->eh_depth++;
	r->eh_entries = 1;
	set_idx(indexes(r), r->eh_depth == 1 ? extents(n)->ee_block : indexes(n)->ei_block,
		b->block);
	ext4_brelse(b);
	return 0;
}

/*
 * Splits the full node path[level], which is not the root and whose parent has room. If block @lblk
 * comes after all entries of a leaf, the new leaf starts empty for it, so that a growing file fills
 * its leaves. Otherwise moves half of the entries. Returns 0 or -errno.
 */
static int split(
	struct ext4_handle *h, struct inode *inode, struct ext4_path *path, int level, u32 lblk)
{
	struct ext4_path *p = &path[level], *up = &path[level - 1], np = { 0 };
	struct ext4_extent_header *n;
	u32 keep = p->h->eh_entries / 2, moved, first;
	bool append = !p->h->eh_depth && extents(p->h)[p->h->eh_entries - 1].ee_block < lblk;
	struct ext4_buf *b = new_node(h, inode, p->h->eh_depth);

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	n = (void *)b->data;
	if (append)
		keep = p->h->eh_entries;
	moved = p->h->eh_entries - keep;
	memcpy(n + 1, &extents(p->h)[keep], moved * ENTRY);
	n->eh_entries = (u16)moved;
	p->h->eh_entries = (u16)keep;
	first = append ? lblk : extents(n)->ee_block;
	open_gap(up->h, up->i + 1);
	set_idx(&indexes(up->h)[up->i + 1], first, b->block);
	np.b = b;
	np.h = n;
	node_dirty(h, inode, &np);
	node_dirty(h, inode, p);
	node_dirty(h, inode, up);
	ext4_brelse(b);
	return 0;
}

/* Makes room for one more entry on the path to @lblk. Returns 0 (search again) or -errno. */
static int make_room(
	struct ext4_handle *h, struct inode *inode, struct ext4_path *path, int depth, u32 lblk)
{
	int level = depth;

	while (level > 0 && path[level - 1].h->eh_entries == path[level - 1].h->eh_max)
		level--;
	return level > 0 ? split(h, inode, path, level, lblk) : grow(h, inode);
}

/* True if @b follows @a in the file and on the disk, and one extent can hold both. */
static bool can_merge(const struct ext4_extent *a, const struct ext4_extent *b)
{
	u32 max_len = extent_unwritten(a) ? EXT4_INIT_MAX_LEN - 1 : EXT4_INIT_MAX_LEN;

	return extent_unwritten(a) == extent_unwritten(b) &&
	       a->ee_block + extent_len(a) == b->ee_block &&
	       extent_start(a) + extent_len(a) == extent_start(b) &&
	       extent_len(a) + extent_len(b) <= max_len;
}

/* Merges the new extent with a neighbour in the leaf. Returns false if neither fits. */
static bool try_merge(struct ext4_path *leaf, const struct ext4_extent *e)
{
	struct ext4_extent *at = extents(leaf->h);
	u32 n = leaf->h->eh_entries, i = leaf->i;

	if (!n)
		return false;
	if (can_merge(&at[i], e)) {
		at[i].ee_len = (u16)(at[i].ee_len + extent_len(e));
		if (i + 1 < n && can_merge(&at[i], &at[i + 1])) {
			at[i].ee_len = (u16)(at[i].ee_len + extent_len(&at[i + 1]));
			close_gap(leaf->h, i + 1);
		}
		return true;
	}
	if (at[i].ee_block < e->ee_block)
		i++;
	if (i < n && can_merge(e, &at[i])) {
		u16 len = (u16)(at[i].ee_len + extent_len(e));

		at[i].ee_block = e->ee_block;
		set_start(&at[i], extent_start(e));
		at[i].ee_len = len;
		return true;
	}
	return false;
}

/*
 * Corrects the index entries above the node at path[@depth], whose first block has changed: the
 * parent's entry, and entries further up as long as the changed entry is the first of its node.
 */
static void fix_indexes(
	struct ext4_handle *h, struct inode *inode, struct ext4_path *path, int depth)
{
	u32 first = extents(path[depth].h)->ee_block; /* index entries begin with it too */
	int level;

	for (level = depth - 1; level >= 0 && !path[level + 1].i; level--) {
		struct ext4_extent_idx *x = &indexes(path[level].h)[path[level].i];

		if (x->ei_block == first)
			return;
		x->ei_block = first;
		node_dirty(h, inode, &path[level]);
	}
}

/* Inserts @e, none of whose blocks is in the tree yet. Returns 0 or -errno. */
static int insert(struct ext4_handle *h, struct inode *inode, const struct ext4_extent *e)
{
	struct ext4_path path[EXT4_MAX_DEPTH + 1];
	struct ext4_extent *at;
	int depth, err;
	u32 i;

	for (;;) {
		struct ext4_path *leaf;

		depth = ext4_find_path(inode, e->ee_block, path);
		if (depth < 0)
			return depth;
		leaf = &path[depth];
		if (try_merge(leaf, e))
			break;
		if (leaf->h->eh_entries < leaf->h->eh_max) {
			at = extents(leaf->h);
			i = leaf->i;
			if (leaf->h->eh_entries && at[i].ee_block < e->ee_block)
				i++;
			open_gap(leaf->h, i);
			at[i] = *e;
			break;
		}
		err = make_room(h, inode, path, depth, e->ee_block);
		ext4_put_path(path, depth);
		if (err)
			return err;
	}
	node_dirty(h, inode, &path[depth]);
	fix_indexes(h, inode, path, depth);
	ext4_put_path(path, depth);
	return 0;
}

/* ---- removing ---- */

/* Frees the empty node at path[depth], and the ancestors that become empty. */
static void remove_node(
	struct ext4_handle *h, struct inode *inode, struct ext4_path *path, int depth)
{
	int level;

	for (level = depth; level > 0 && !path[level].h->eh_entries; level--) {
		u64 block = path[level].b->block;

		close_gap(path[level - 1].h, path[level - 1].i);
		ext4_brelse(path[level].b);
		path[level].b = NULL;
		ext4_free_blocks(h, inode, block, 1, true);
		node_dirty(h, inode, &path[level - 1]);
	}
	if (!root(inode)->eh_entries)
		root(inode)->eh_depth = 0;
	else
		fix_indexes(h, inode, path, level);
}

/* The file blocks to remove, [from, end), of an extent with file blocks [start, stop). */
struct cut {
	u32 start, stop, from, end;
	u64 pblk;
	bool unwritten;
};

/*
 * Finds the part in [from, last] of the last extent that has such a part. If no extent has such a
 * part, *c is empty. Returns the depth of the extent's leaf, with @path to put, or -errno.
 */
static int find_cut(struct inode *inode, u32 from, u32 last, struct ext4_path *path, struct cut *c)
{
	int depth = ext4_find_path(inode, last, path);
	const struct ext4_extent *e;

	*c = (struct cut){ 0 };
	if (depth < 0)
		return depth;
	e = &extents(path[depth].h)[path[depth].i];
	if (!path[depth].h->eh_entries || e->ee_block > last || e->ee_block + extent_len(e) <= from)
		return depth;
	c->start = e->ee_block;
	c->stop = c->start + extent_len(e);
	c->pblk = extent_start(e);
	c->unwritten = extent_unwritten(e);
	c->from = max(c->start, from);
	c->end = last == ~0U ? c->stop : min(c->stop, last + 1);
	return depth;
}

/* Shortens the range to its last part whose blocks lie in a single group. */
static void cut_to_group(struct ext4_sb *sbi, struct cut *c)
{
	u64 last = c->pblk + (c->end - 1 - c->start), first;

	if (!ext4_block_valid(sbi, last, 1))
		return;
	first = ext4_group_first(sbi, ext4_block_group(sbi, last));
	if (c->pblk + (c->from - c->start) < first)
		c->from = c->start + (u32)(first - c->pblk);
}

/* True if the removal leaves a piece of the extent on both sides. */
static bool in_two(const struct cut *c)
{
	return c->from > c->start && c->end < c->stop;
}

/*
 * References to the bitmaps that a removal will change: the data blocks' bitmap, and those of the
 * nodes that become empty. Since they are in memory, no later step can fail.
 */
struct held {
	struct ext4_buf *b[EXT4_MAX_DEPTH + 2];
	u32 n;
};

static void held_put(struct held *held)
{
	while (held->n)
		ext4_brelse(held->b[--held->n]);
}

static int hold_one(struct ext4_handle *h, struct ext4_sb *sbi, u64 block, struct held *held)
{
	struct ext4_buf *b = ext4_hold_bitmap(h, sbi, block);

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	if (b)
		held->b[held->n++] = b;
	return 0;
}

/*
 * Takes the references in @held, which held_put() drops. @data: as for remove_last(). Returns 0, or
 * -errno with nothing held.
 */
static int hold_bitmaps(struct ext4_handle *h, struct inode *inode, const struct ext4_path *path,
	int depth, const struct cut *c, bool data, struct held *held)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	bool empties = c->from == c->start && c->end == c->stop;
	int level, err = 0;

	held->n = 0;
	if (data)
		err = hold_one(h, sbi, c->pblk + (c->from - c->start), held);
	for (level = depth; !err && empties && level > 0 && path[level].h->eh_entries == 1; level--)
		err = hold_one(h, sbi, path[level].b->block, held);
	if (err)
		held_put(held);
	return err;
}

/*
 * Cuts the range out of its extent in the leaf, which has room for an entry for the second piece.
 */
static void cut_out(const struct ext4_path *leaf, const struct cut *c)
{
	struct ext4_extent *e = &extents(leaf->h)[leaf->i], rest;

	rest = make_extent(c->end, c->pblk + (c->end - c->start), c->stop - c->end, c->unwritten);
	if (in_two(c)) {
		open_gap(leaf->h, leaf->i + 1);
		e[1] = rest;
	}
	if (c->from > c->start)
		*e = make_extent(c->start, c->pblk, c->from - c->start, c->unwritten);
	else if (c->end < c->stop)
		*e = rest;
	else
		close_gap(leaf->h, leaf->i);
}

/*
 * Makes room for @n more entries in the leaf of the extent that begins at @start. Returns 0 or
 * -errno.
 */
static int make_leaf_room(struct ext4_handle *h, struct inode *inode, u32 start, u32 n)
{
	struct ext4_path path[EXT4_MAX_DEPTH + 1];
	bool done = false;
	int err = 0;

	while (!err && !done) {
		int depth = ext4_find_path(inode, start, path);

		if (depth < 0)
			return depth;
		done = path[depth].h->eh_entries + n <= path[depth].h->eh_max;
		if (!done)
			err = make_room(h, inode, path, depth, start);
		ext4_put_path(path, depth);
	}
	return err;
}

/*
 * Removes the part in [from, last] of the last extent that has such a part, or only the end of that
 * part. Returns 1 if it removed blocks, 0 if none are left, or -errno with nothing changed. @data:
 * also frees the data blocks.
 */
static int remove_last(struct ext4_handle *h, struct inode *inode, u32 from, u32 last, bool data)
{
	struct ext4_path path[EXT4_MAX_DEPTH + 1];
	int depth, err;
	struct held held;
	struct cut c;

	for (;;) {
		depth = find_cut(inode, from, last, path, &c);
		if (depth < 0)
			return depth;
		if (c.from == c.end) {
			ext4_put_path(path, depth);
			return 0;
		}
		if (data)
			cut_to_group(EXT4_SB(inode->i_sb), &c);
		if (!in_two(&c) || path[depth].h->eh_entries < path[depth].h->eh_max)
			break;
		ext4_put_path(path, depth);
		err = make_leaf_room(h, inode, c.start, 1);
		if (err)
			return err;
	}
	err = hold_bitmaps(h, inode, path, depth, &c, data, &held);
	if (!err) {
		cut_out(&path[depth], &c);
		node_dirty(h, inode, &path[depth]);
		if (data)
			ext4_free_blocks(h, inode, c.pblk + (c.from - c.start), c.end - c.from,
				!S_ISREG(inode->i_mode) ||
					EXT4_I(inode)->i_flags & EXT4_EA_INODE_FL);
		if (!path[depth].h->eh_entries)
			remove_node(h, inode, path, depth);
		else
			fix_indexes(h, inode, path, depth);
		held_put(&held);
	}
	ext4_put_path(path, depth);
	return err ? err : 1;
}

int ext4_restart(struct ext4_handle **h, struct inode *inode)
{
	int err;

	ext4_write_inode_raw(*h, inode);
	/*
	 * i_data_sem is dropped before the handle is stopped: writeback of this file may hold a
	 * handle and wait for it, and no transaction commits while a handle is open.
	 */
	up_write(&EXT4_I(inode)->i_data_sem);
	ext4_stop(*h);
	*h = ext4_start(inode->i_sb, EXT4_REMOVE_CREDITS);
	down_write(&EXT4_I(inode)->i_data_sem);
	if (!IS_ERR(*h))
		return 0;
	err = (int)PTR_ERR(*h);
	*h = NULL;
	return err;
}

int ext4_remove_space(struct ext4_handle **h, struct inode *inode, u32 from, u32 last)
{
	int r;

	if (!(EXT4_I(inode)->i_flags & EXT4_EXTENTS_FL))
		return ext4_ind_remove(h, inode, from, last);
	while ((r = remove_last(*h, inode, from, last, true)) > 0) {
		cond_resched();
		if (ext4_extend(*h, 8) == 0)
			continue;
		/*
		 * The transaction is full. The state so far is consistent: the inode is an orphan,
		 * or has a hole.
		 */
		r = ext4_restart(h, inode);
		if (r)
			return r;
	}
	return r;
}

/* ---- moving ---- */

/*
 * Finds the part in [@from, @last] of the last extent that has such a part, without removing it.
 * Returns 1 if it sets *part, 0 if there is no such part, or -errno.
 */
static int last_part(struct inode *inode, u32 from, u32 last, struct ext4_extent *part)
{
	struct ext4_path path[EXT4_MAX_DEPTH + 1];
	int depth = ext4_find_path(inode, last, path), found = 0;
	const struct ext4_extent *e;
	u64 start, end;

	if (depth < 0)
		return depth;
	e = &extents(path[depth].h)[path[depth].i];
	if (path[depth].h->eh_entries && e->ee_block <= last) {
		start = max(e->ee_block, from);
		end = min((u64)e->ee_block + extent_len(e), (u64)last + 1);
		found = start < end;
		if (found)
			*part = make_extent((u32)start, extent_start(e) + (start - e->ee_block),
				(u32)(end - start), extent_unwritten(e));
	}
	ext4_put_path(path, depth);
	return found;
}

int ext4_shift_last(struct ext4_handle *h, struct inode *inode, u32 from, u32 last, s64 by, u32 *at)
{
	struct ext4_extent e;
	s64 start;
	u32 len;
	int err = last_part(inode, from, last, &e);

	if (err <= 0)
		return err;
	*at = e.ee_block;
	len = extent_len(&e);
	start = (s64)e.ee_block + by;
	if (start + len > 0xffffffffL)
		return -EFBIG;
	err = remove_last(h, inode, e.ee_block, e.ee_block + len - 1, false);
	if (err < 0)
		return err;
	e.ee_block = (u32)start;
	/* Removes extents that a racing write through a mapping has put into the gap. */
	do
		err = remove_last(h, inode, e.ee_block, e.ee_block + len - 1, true);
	while (err > 0);
	if (!err)
		err = insert(h, inode, &e);
	if (!err)
		return 1;
	e.ee_block = *at; /* insert it at its old place */
	insert(h, inode, &e);
	return err;
}

/* ---- creating ---- */

/* Merges entry @i of a leaf with its neighbours if they fit. */
static void merge_around(struct ext4_extent_header *h, u32 i)
{
	struct ext4_extent *e = extents(h);

	if (i + 1 < h->eh_entries && can_merge(&e[i], &e[i + 1])) {
		e[i].ee_len = (u16)(e[i].ee_len + extent_len(&e[i + 1]));
		close_gap(h, i + 1);
	}
	if (i && can_merge(&e[i - 1], &e[i])) {
		e[i - 1].ee_len = (u16)(e[i - 1].ee_len + extent_len(&e[i]));
		close_gap(h, i);
	}
}

/*
 * Turns the unwritten blocks [lblk, lblk+len) of one extent into written ones. Returns 0, or -errno
 * with nothing changed.
 */
static int set_written(struct ext4_handle *h, struct inode *inode, u32 lblk, u32 len, u64 pblk)
{
	struct ext4_extent written = make_extent(lblk, pblk, len, false), *e;
	struct ext4_path path[EXT4_MAX_DEPTH + 1], *leaf;
	struct cut c;
	int depth = find_cut(inode, lblk, lblk + len - 1, path, &c), err;

	if (depth < 0)
		return depth;
	ext4_put_path(path, depth);
	if (c.from != lblk || c.end != lblk + len)
		return -EFSCORRUPTED;
	err = make_leaf_room(h, inode, c.start, (u32)(c.from > c.start) + (u32)(c.end < c.stop));
	if (err)
		return err;
	depth = find_cut(inode, lblk, lblk + len - 1, path, &c);
	if (depth < 0)
		return depth;
	leaf = &path[depth];
	if (c.from > c.start || c.end < c.stop) {
		cut_out(leaf, &c);
		leaf->i += c.from > c.start;
		open_gap(leaf->h, leaf->i);
	}
	e = &extents(leaf->h)[leaf->i];
	*e = written;
	merge_around(leaf->h, leaf->i);
	node_dirty(h, inode, leaf);
	ext4_put_path(path, depth);
	return 0;
}

/*
 * Chooses the goal for block @lblk: after the last allocated block if @lblk follows it in the file
 * (*on is set). Otherwise the goal is as far from a neighbour's disk block as the two blocks are
 * apart in the file, which leaves room for the blocks between them. Without that room, two writers
 * in two places of a file (such as fsync and the flusher) would fragment it.
 */
static u64 find_goal(struct inode *inode, u32 lblk, bool *on)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_path path[EXT4_MAX_DEPTH + 1];
	u64 goal = ei->goal, start;
	int depth;

	*on = goal && ei->goal_lblk == lblk;
	if (*on)
		return goal;
	depth = ext4_find_path(inode, lblk, path);
	if (depth < 0)
		return 0;
	if (path[depth].h->eh_entries) {
		struct ext4_extent *e = &extents(path[depth].h)[path[depth].i];
		u32 far = EXT4_SB(inode->i_sb)->blocks_per_group;

		start = extent_start(e);
		if (e->ee_block <= lblk)
			goal = start +
			       (lblk - e->ee_block <= far ? lblk - e->ee_block : extent_len(e));
		else if (e->ee_block - lblk <= far && e->ee_block - lblk < start)
			goal = start - (e->ee_block - lblk);
	}
	ext4_put_path(path, depth);
	return goal;
}

int ext4_map_create(
	struct ext4_handle *h, struct inode *inode, struct ext4_map *map, bool unwritten)
{
	struct ext4_extent e;
	u64 goal;
	u32 len;
	bool on;
	int err = ext4_map_blocks(inode, map);

	if (err || (map->pblk && (!map->unwritten || unwritten)))
		return err;
	if (ext4_is_inline(inode)) /* needs ext4_inline_out() first */
		return -EIO;
	map->fresh = !unwritten;
	/*
	 * A node of the tree may change without a change of the inode, and fsync must write it too.
	 */
	ext4_note_change(h, inode);
	if (!(EXT4_I(inode)->i_flags & EXT4_EXTENTS_FL))
		return unwritten ? -EOPNOTSUPP : ext4_ind_create(h, inode, map);
	if (map->pblk) {
		err = set_written(h, inode, map->lblk, map->len, map->pblk);
		map->unwritten = err != 0;
		return err;
	}
	len = min(map->len, (u32)(EXT4_INIT_MAX_LEN - 1));
	goal = find_goal(inode, map->lblk, &on);
	map->pblk = ext4_alloc_data(h, inode, map->lblk, goal, on, &len, &err);
	if (!map->pblk)
		return err;
	map->len = len;
	map->unwritten = unwritten;
	e = make_extent(map->lblk, map->pblk, len, unwritten);
	err = insert(h, inode, &e);
	if (err) {
		ext4_free_blocks(h, inode, map->pblk, len, false);
		map->pblk = 0;
		return err;
	}
	EXT4_I(inode)->goal = map->pblk + len;
	EXT4_I(inode)->goal_lblk = map->lblk + len;
	return 0;
}
