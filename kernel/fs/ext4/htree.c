/* SPDX-License-Identifier: MIT */
/*
 * htree.c: the index of a directory: leads from a name's hash to the block that has the name.
 *
 * Block 0 is the root: "." and "..", then a header and sorted pairs (hash, block). If the pairs do
 * not fit into a block, there is a level of nodes between the root and the leaves (two with
 * largedir). The first pair covers all hashes below that of the second pair, so it needs no hash,
 * and its word holds limit and count instead. A hash with its lowest bit set means that the leaf
 * before has names of this hash too.
 *
 * Adding a name is a loop, as in extent_write.c. Each round searches for the leaf. If the leaf is
 * full, the round makes room by one step (splits the leaf, splits a node, or adds a level), and
 * another round follows. A damaged index gives -ENOENT, and the directory is then searched block by
 * block. The caller holds the directory's i_rwsem. Source: linux-doc, filesystems/ext4/directory.
 */
#include "kernel/fs/ext4/dir.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

struct dx_entry {
	/* in the first entry: limit in the low half, count in the high half */
	__le32 hash;
	__le32 block;
} __packed;
struct dx_root_info {
	__le32 reserved;
	u8 hash_version, info_length, levels, flags;
} __packed;

#define ROOT_INFO_OFF 24
#define ROOT_ENTRIES_OFF 32
#define NODE_ENTRIES_OFF 8
#define BLOCK_MASK 0x0fffffffU
#define MAX_LEVELS 3

struct frame {
	struct ext4_buf *b;
	struct dx_entry *e; /* entries in @b */
	/* off: byte offset of the entries in @b; i: index of the entry that the search followed */
	u32 off, i;
};
struct search {
	struct inode *dir;
	struct ext4_sb *sbi;
	u32 hash, version;
	int levels; /* f[0..levels] are used */
	struct frame f[MAX_LEVELS];
};

/*
 * limit_of() returns how many entries the frame's block can hold, count_of() how many it has. Both
 * include the first entry.
 */
static u32 limit_of(const struct frame *f)
{
	return f->e[0].hash & 0xffff;
}

static u32 count_of(const struct frame *f)
{
	return f->e[0].hash >> 16;
}

static void set_count(struct frame *f, u32 n)
{
	f->e[0].hash = (f->e[0].hash & 0xffff) | n << 16;
}

/* Returns how many entries fit into a block from byte @off on. */
static u32 max_entries(const struct ext4_sb *sbi, u32 off)
{
	return (sbi->block_size - off - (sbi->csum ? 8 : 0)) / (u32)sizeof(struct dx_entry);
}

/* Computes the checksum of the frame's entries. @reserved: word before the checksum on disk. */
static u32 dx_csum(struct inode *dir, const struct frame *f, u32 reserved)
{
	u32 crc = ext4_csum(
		EXT4_I(dir)->csum_seed, f->b->data, f->off + count_of(f) * sizeof(struct dx_entry));
	static const u8 zero[4];

	crc = ext4_csum(crc, &reserved, 4);
	return ext4_csum(crc, zero, 4);
}

/* True if the frame's entries are in order, its counts fit and its checksum is right. */
static bool frame_ok(struct search *s, struct frame *f)
{
	u32 n = count_of(f), limit = limit_of(f), tail[2], i;

	if (limit != max_entries(s->sbi, f->off) || !n || n > limit)
		return false;
	for (i = 2; i < n; i++)
		if (f->e[i].hash < f->e[i - 1].hash)
			return false;
	if (!s->sbi->csum)
		return true;
	memcpy(tail, &f->e[limit], sizeof(tail));
	return dx_csum(s->dir, f, tail[0]) == tail[1];
}

/* Sets the checksum of a changed frame and adds its block to the transaction. */
static void frame_dirty(struct ext4_handle *h, struct inode *dir, struct frame *f)
{
	u32 tail[2] = { 0, 0 };

	if (EXT4_SB(dir->i_sb)->csum) {
		tail[1] = dx_csum(dir, f, 0);
		memcpy(&f->e[limit_of(f)], tail, sizeof(tail));
	}
	ext4_dirty(h, f->b);
}

void ext4_htree_root_csum(struct inode *dir, struct ext4_buf *root)
{
	struct frame f = { root, (void *)(root->data + ROOT_ENTRIES_OFF), ROOT_ENTRIES_OFF, 0 };
	u32 tail[2] = { 0, 0 };

	if (!EXT4_SB(dir->i_sb)->csum || limit_of(&f) != max_entries(EXT4_SB(dir->i_sb), f.off) ||
		count_of(&f) > limit_of(&f))
		return;
	tail[1] = dx_csum(dir, &f, 0);
	memcpy(&f.e[limit_of(&f)], tail, sizeof(tail));
}

static void put_frames(struct search *s)
{
	int i;

	for (i = 0; i < MAX_LEVELS; i++)
		if (s->f[i].b)
			ext4_brelse(s->f[i].b);
	memset(s->f, 0, sizeof(s->f));
}

static struct dx_root_info *root_info(struct search *s)
{
	return (void *)(s->f[0].b->data + ROOT_INFO_OFF);
}

/* Sets f->i to the entry for @hash. */
static void pick(struct frame *f, u32 hash)
{
	u32 lo = 1, hi = count_of(f);

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (f->e[mid].hash <= hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	f->i = lo - 1;
}

/*
 * Reads block @lblk, whose entries begin at byte @off, into a frame. Returns 0, -ENOENT (a hole) or
 * another -errno.
 */
static int read_frame(struct search *s, int level, u32 lblk, u32 off)
{
	struct frame *f = &s->f[level];
	struct ext4_buf *b = ext4_dir_block(s->dir, lblk);

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	if (!b)
		return -ENOENT;
	*f = (struct frame){ b, (void *)(b->data + off), off, 0 };
	return 0;
}

/* Checks the header and sets levels and version. Returns 0, or -ENOENT if it cannot be used. */
static int check_root(struct search *s)
{
	struct dx_root_info *info = root_info(s);
	u32 max_levels = EXT4_HAS(s->sbi, incompat, INCOMPAT_LARGEDIR) ? 3 : 2;

	if (info->reserved || info->hash_version > 2 || info->info_length != 8 || info->flags & 1 ||
		info->levels >= max_levels)
		return -ENOENT;
	s->levels = info->levels;
	s->version = info->hash_version;
	return 0;
}

/*
 * Fills the frames from the root down to the node above the leaf of @name, or of @hash if @name is
 * NULL. Returns 0, -ENOENT (damaged index) or another -errno. The caller calls put_frames() in any
 * case.
 */
static int dx_search(struct search *s, struct inode *dir, const struct qstr *name, u32 hash)
{
	int level, err;

	memset(s, 0, sizeof(*s));
	s->dir = dir;
	s->sbi = EXT4_SB(dir->i_sb);
	s->hash = hash;
	err = read_frame(s, 0, 0, ROOT_ENTRIES_OFF);
	if (!err)
		err = check_root(s);
	if (!err && name)
		err = ext4_dirhash(s->sbi, s->version, name->name, name->len, &s->hash, NULL);
	for (level = 0; !err; level++) {
		if (!frame_ok(s, &s->f[level])) {
			ext4_error(dir->i_sb, "directory %lu: its index is damaged", dir->i_ino);
			return -ENOENT;
		}
		pick(&s->f[level], s->hash);
		if (level == s->levels)
			break;
		err = read_frame(s, level + 1, s->f[level].e[s->f[level].i].block & BLOCK_MASK,
			NODE_ENTRIES_OFF);
	}
	return err;
}

/*
 * Returns the leaf to which the frames lead, referenced, or ERR_PTR. Refuses a block that is one of
 * the frames: entries written into it would be taken for counts of the index.
 */
static struct ext4_buf *leaf_of(struct search *s)
{
	struct frame *f = &s->f[s->levels];
	struct ext4_buf *b = ext4_dir_block(s->dir, f->e[f->i].block & BLOCK_MASK);
	int i;

	if (IS_ERR_OR_NULL(b))
		return b ? b : ERR_PTR(-ENOENT);
	for (i = 0; i <= s->levels; i++) {
		if (s->f[i].b != b)
			continue;
		ext4_brelse(b);
		ext4_error(s->dir->i_sb, "directory %lu: its index names itself as a leaf",
			s->dir->i_ino);
		return ERR_PTR(-EFSCORRUPTED);
	}
	return b;
}

/*
 * Sets *hash to the first hash of the next leaf, and returns the level of the frame whose next
 * entry leads to that leaf. Returns -1 if there is no next leaf.
 */
static int peek_next(const struct search *s, u32 *hash)
{
	int level = s->levels;

	while (level >= 0 && s->f[level].i + 1 >= count_of(&s->f[level]))
		level--;
	if (level >= 0)
		*hash = s->f[level].e[s->f[level].i + 1].hash;
	return level;
}

/* Moves the frames to the next leaf. @level: result of peek_next(). Returns 0 or -errno. */
static int step(struct search *s, int level)
{
	int err;

	s->f[level].i++;
	for (; level < s->levels; level++) {
		if (s->f[level + 1].b)
			ext4_brelse(s->f[level + 1].b);
		s->f[level + 1].b = NULL;
		err = read_frame(s, level + 1, s->f[level].e[s->f[level].i].block & BLOCK_MASK,
			NODE_ENTRIES_OFF);
		if (err)
			return err;
		if (!frame_ok(s, &s->f[level + 1]))
			return -ENOENT;
	}
	return 0;
}

/*
 * Moves the frames to the next leaf if names of this hash continue there. Returns 1 if the frames
 * moved, 0 if they did not, or -errno.
 */
static int next_leaf(struct search *s)
{
	u32 hash = 0;
	int level = peek_next(s, &hash), err;

	if (level < 0 || (hash & ~1U) != s->hash)
		return 0;
	err = step(s, level);
	return err ? err : 1;
}

int ext4_htree_leaves(struct inode *dir, u32 from,
	int (*take)(void *arg, u32 version, const struct ext4_buf *leaf, u32 lblk), void *arg,
	u32 *next)
{
	struct search s;
	int err = dx_search(&s, dir, NULL, from), level;

	*next = ~0U;
	while (!err) {
		const struct frame *f = &s.f[s.levels];
		u32 lblk = f->e[f->i].block & BLOCK_MASK;
		struct ext4_buf *leaf = leaf_of(&s);

		err = IS_ERR(leaf) ? (int)PTR_ERR(leaf) : take(arg, s.version, leaf, lblk);
		if (!IS_ERR(leaf))
			ext4_brelse(leaf);
		if (err < 0)
			break;
		level = peek_next(&s, next);
		if (level < 0) {
			*next = ~0U;
			err = 0;
			break;
		}
		if (err && !(*next & 1)) {
			err = 0;
			break;
		}
		cond_resched();
		err = fatal_signal_pending(current) ? -EINTR : step(&s, level);
	}
	put_frames(&s);
	return err;
}

struct ext4_buf *ext4_htree_find(
	struct inode *dir, const struct qstr *name, struct ext4_dir_entry **de)
{
	struct search s;
	struct ext4_buf *b = NULL;
	int err = dx_search(&s, dir, name, 0);

	while (!err) {
		b = leaf_of(&s);
		if (IS_ERR(b))
			break;
		*de = ext4_leaf_find(s.sbi, b->data, name);
		if (*de)
			break;
		ext4_brelse(b);
		b = NULL;
		err = next_leaf(&s);
		if (err == 0)
			break;
		err = min(err, 0);
	}
	put_frames(&s);
	return err ? ERR_PTR(err) : b;
}

/* ---- making room ---- */

/* Inserts an entry after the one that the search followed. The frame has room. */
static void insert_index(struct frame *f, u32 hash, u32 lblk)
{
	u32 at = f->i + 1, n = count_of(f);

	memmove(&f->e[at + 1], &f->e[at], (n - at) * sizeof(f->e[0]));
	f->e[at] = (struct dx_entry){ hash, lblk };
	set_count(f, n + 1);
}

/*
 * Makes a new node block, which is empty except for the directory entry that hides the index. Sets
 * *f, with a reference to it, and *lblk. Returns 0 or -errno.
 */
static int new_node(struct ext4_handle *h, struct search *s, struct frame *f, u32 *lblk)
{
	struct ext4_buf *b = ext4_dir_append(h, s->dir, lblk);
	struct ext4_dir_entry *fake;

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	fake = (void *)b->data;
	fake->rec_len = (u16)s->sbi->block_size;
	*f = (struct frame){ b, (void *)(b->data + NODE_ENTRIES_OFF), NODE_ENTRIES_OFF, 0 };
	f->e[0].hash = max_entries(s->sbi, NODE_ENTRIES_OFF);
	return 0;
}

/* Adds a level: moves the root's entries into a new node. Returns 0 or -errno. */
static int add_level(struct ext4_handle *h, struct search *s)
{
	u32 max_levels = EXT4_HAS(s->sbi, incompat, INCOMPAT_LARGEDIR) ? 2 : 1, lblk, n;
	struct frame *r = &s->f[0], node;
	int err;

	if (root_info(s)->levels >= max_levels)
		return -ENOSPC;
	err = new_node(h, s, &node, &lblk);
	if (err)
		return err;
	n = count_of(r);
	memcpy(&node.e[1], &r->e[1], (n - 1) * sizeof(r->e[0]));
	node.e[0].block = r->e[0].block;
	set_count(&node, n);
	set_count(r, 1);
	r->e[0].block = lblk;
	root_info(s)->levels++;
	frame_dirty(h, s->dir, &node);
	frame_dirty(h, s->dir, r);
	ext4_brelse(node.b);
	return 0;
}

/*
 * Moves the upper half of a full node into a new node. The frame above has room. Returns 0 or
 * -errno.
 */
static int split_node(struct ext4_handle *h, struct search *s, int level)
{
	struct frame *f = &s->f[level], *up = &s->f[level - 1], node;
	u32 n = count_of(f), keep = n / 2, lblk;
	int err = new_node(h, s, &node, &lblk);

	if (err)
		return err;
	memcpy(&node.e[1], &f->e[keep + 1], (n - keep - 1) * sizeof(f->e[0]));
	node.e[0].block = f->e[keep].block;
	set_count(&node, n - keep);
	insert_index(up, f->e[keep].hash, lblk);
	set_count(f, keep);
	frame_dirty(h, s->dir, &node);
	frame_dirty(h, s->dir, f);
	frame_dirty(h, s->dir, up);
	ext4_brelse(node.b);
	return 0;
}

/*
 * Returns 1 if the node above the leaf has room for another entry. Otherwise makes one step towards
 * that, and returns 0 (search again) or -errno.
 */
static int index_room(struct ext4_handle *h, struct search *s)
{
	int level = s->levels;

	if (count_of(&s->f[level]) < limit_of(&s->f[level]))
		return 1;
	while (level > 0 && count_of(&s->f[level - 1]) == limit_of(&s->f[level - 1]))
		level--;
	return level ? split_node(h, s, level) : add_level(h, s);
}

/* An entry of a leaf: the hash of its name, and its offset and length in bytes. */
struct leaf_map {
	u32 hash;
	u16 off, size;
};

/* Lists the leaf's entries in @map, sorted by hash, and returns their number. */
static u32 map_leaf(struct search *s, const u8 *block, struct leaf_map *map)
{
	u32 off, n = 0, k;

	for (off = 0; off < s->sbi->block_size;
		off += ext4_rec_len(s->sbi, (const void *)(block + off))) {
		const struct ext4_dir_entry *de = (const void *)(block + off);
		struct leaf_map m = { .off = (u16)off };

		if (!de->inode)
			continue;
		m.size = (u16)EXT4_DIR_REC_LEN(de->name_len);
		ext4_dirhash(s->sbi, s->version, de->name, de->name_len, &m.hash, NULL);
		for (k = n++; k && map[k - 1].hash > m.hash; k--)
			map[k] = map[k - 1];
		map[k] = m;
	}
	return n;
}

/* Packs the entries map[0, n) of @from into @to, as its whole content. */
static void pack_leaf(
	struct search *s, const u8 *from, const struct leaf_map *map, u32 n, struct ext4_buf *to)
{
	struct ext4_dir_entry *de = NULL;
	u32 at = 0, i;

	ext4_leaf_init(s->sbi, to);
	for (i = 0; i < n; i++) {
		de = (void *)(to->data + at);
		memcpy(de, from + map[i].off, map[i].size);
		de->rec_len = map[i].size;
		at += map[i].size;
	}
	if (de)
		de->rec_len = (u16)(ext4_dir_space(s->sbi) - (u32)((u8 *)de - to->data));
}

/* Returns how many of the @n (2 or more) entries the old leaf keeps: about half of @total bytes. */
static u32 split_point(const struct leaf_map *map, u32 n, u32 total)
{
	u32 size = 0, i;

	for (i = 0; i < n - 1 && size < total / 2; i++)
		size += map[i].size;
	return max(i, 1U);
}

/*
 * Splits a full leaf; its frame has room. @map and @copy: scratch memory. Returns 0, -ENOSPC (the
 * leaf has a single entry) or another -errno.
 */
static int split_leaf_with(struct ext4_handle *h, struct search *s, struct ext4_buf *leaf,
	struct leaf_map *map, u8 *copy)
{
	struct frame *f = &s->f[s->levels];
	u32 n, at, lblk, hash;
	struct ext4_buf *b;

	memcpy(copy, leaf->data, s->sbi->block_size);
	n = map_leaf(s, copy, map);
	if (n < 2)
		return -ENOSPC;
	b = ext4_dir_append(h, s->dir, &lblk);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	at = split_point(map, n, ext4_dir_space(s->sbi));
	hash = map[at].hash | (map[at].hash == map[at - 1].hash);
	pack_leaf(s, copy, map + at, n - at, b);
	pack_leaf(s, copy, map, at, leaf);
	insert_index(f, hash, lblk);
	ext4_dir_set_csum(s->dir, b);
	ext4_dir_set_csum(s->dir, leaf);
	ext4_dirty(h, b);
	ext4_dirty(h, leaf);
	frame_dirty(h, s->dir, f);
	ext4_brelse(b);
	return 0;
}

/*
 * Splits a full leaf as split_leaf_with() does, with scratch memory of its own. Returns 0 or
 * -errno.
 */
static int split_leaf(struct ext4_handle *h, struct search *s, struct ext4_buf *leaf)
{
	u32 max_n = s->sbi->block_size / EXT4_DIR_REC_LEN(1) + 1;
	struct leaf_map *map = kmalloc(max_n * sizeof(*map), GFP_NOFS);
	u8 *copy = kmalloc(s->sbi->block_size, GFP_NOFS);
	int err = map && copy ? split_leaf_with(h, s, leaf, map, copy) : -ENOMEM;

	kfree(copy);
	kfree(map);
	return err;
}

int ext4_htree_add(
	struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, umode_t mode)
{
	struct search s;
	struct ext4_buf *leaf;
	int err, tries;

	for (tries = 0; tries < 16; tries++) {
		err = dx_search(&s, dir, name, 0);
		leaf = err ? NULL : leaf_of(&s);
		if (!err && IS_ERR(leaf)) {
			err = (int)PTR_ERR(leaf);
			leaf = NULL;
		}
		if (!err)
			err = ext4_leaf_add(h, dir, leaf, name, ino, mode);
		if (err == -ENOSPC && leaf) {
			err = index_room(h, &s);
			if (err == 1)
				err = split_leaf(h, &s, leaf);
			if (!err)
				err = 1; /* search again */
		}
		if (leaf)
			ext4_brelse(leaf);
		put_frames(&s);
		if (err <= 0)
			return err;
	}
	return -ENOSPC;
}

/* ---- from one block to an index ---- */

/* Turns block 0, whose entries have moved to block @leaf, into the root. */
static void build_root(struct ext4_sb *sbi, struct ext4_buf *root, u32 leaf)
{
	struct ext4_dir_entry *dot = (void *)root->data,
			      *dotdot = (void *)(root->data + EXT4_DIR_REC_LEN(1));
	struct dx_root_info *info = (void *)(root->data + ROOT_INFO_OFF);
	struct dx_entry *e = (void *)(root->data + ROOT_ENTRIES_OFF);

	memset(root->data + ROOT_INFO_OFF, 0, sbi->block_size - ROOT_INFO_OFF);
	dot->rec_len = EXT4_DIR_REC_LEN(1);
	dotdot->rec_len = (u16)(sbi->block_size - EXT4_DIR_REC_LEN(1));
	info->hash_version = (u8)ext4_hash_version(sbi);
	info->info_length = 8;
	e[0].hash = max_entries(sbi, ROOT_ENTRIES_OFF) | 1U << 16;
	e[0].block = leaf;
}

/* Moves all entries that follow ".." in @from into the leaf @to. */
static void move_entries(struct ext4_sb *sbi, const u8 *from, struct ext4_buf *to)
{
	u32 off = EXT4_DIR_REC_LEN(1), at = 0;
	struct ext4_dir_entry *last = NULL;

	off += ext4_rec_len(sbi, (const void *)(from + off));
	ext4_leaf_init(sbi, to);
	for (; off < sbi->block_size; off += ext4_rec_len(sbi, (const void *)(from + off))) {
		const struct ext4_dir_entry *de = (const void *)(from + off);
		u32 size = EXT4_DIR_REC_LEN(de->name_len);

		if (!de->inode)
			continue;
		last = (void *)(to->data + at);
		memcpy(last, de, size);
		last->rec_len = (u16)size;
		at += size;
	}
	if (last)
		last->rec_len = (u16)(ext4_dir_space(sbi) - (u32)((u8 *)last - to->data));
}

int ext4_htree_make(struct ext4_handle *h, struct inode *dir)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	struct ext4_buf *root = ext4_dir_block(dir, 0), *leaf;
	const struct ext4_dir_entry *dot;
	struct frame f;
	u32 lblk;

	if (IS_ERR_OR_NULL(root))
		return root ? (int)PTR_ERR(root) : -EFSCORRUPTED;
	dot = (const void *)root->data;
	if (dot->name_len != 1 || dot->name[0] != '.' ||
		ext4_rec_len(sbi, dot) != EXT4_DIR_REC_LEN(1)) {
		ext4_brelse(root);
		return -EFSCORRUPTED;
	}
	leaf = ext4_dir_append(h, dir, &lblk);
	if (IS_ERR(leaf)) {
		ext4_brelse(root);
		return (int)PTR_ERR(leaf);
	}
	move_entries(sbi, root->data, leaf);
	build_root(sbi, root, lblk);
	EXT4_I(dir)->i_flags |= EXT4_INDEX_FL;
	f = (struct frame){ root, (void *)(root->data + ROOT_ENTRIES_OFF), ROOT_ENTRIES_OFF, 0 };
	frame_dirty(h, dir, &f);
	ext4_dir_set_csum(dir, leaf);
	ext4_dirty(h, leaf);
	ext4_brelse(leaf);
	ext4_brelse(root);
	return 0;
}
