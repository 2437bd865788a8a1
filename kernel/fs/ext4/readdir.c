/* SPDX-License-Identifier: MIT */
/*
 * readdir.c: listing a directory.
 *
 * A directory that has an index, or that would get one and has at most one block, is listed in the
 * order of its names' hashes, as on Linux, and a position is a hash. A reader that continues at a
 * position finds each name that existed throughout exactly once, whatever was created or removed
 * meanwhile. For a name's hash never changes, but its block changes when a leaf is split, and its
 * offset when another name is removed. The listing reads one leaf at a time, and sorts the names
 * that belong to it by their hashes. Other directories are listed in the order of their entries,
 * and a position is a byte offset.
 *
 *	position: 0 "."; 1 ".."; 2 the first name; hash (31 bits) << 32 | 32 more bits; DIR_END
 *
 * Names that share all these bits share a position. A reader that stops between two of them
 * continues at the recorded place of the next name in the directory (struct dir_place), which is
 * valid while none of these names is moved. If the index cannot be used, the listing starts again
 * by byte offsets, and may report names twice. The caller holds i_rwsem, and f_pos_lock for
 * private_data.
 */
#include "kernel/fs/ext4/dir.h"
#include "kernel/lib/sort.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

#define DIR_END ((loff_t)(~0UL >> 1))
#define FIRST_NAME 2

/* file->private_data. NULL if neither a place is recorded nor the listing is linear. */
struct dir_place {
	loff_t pos;
	/* the names at position @pos before this place were reported */
	u64 at;
	bool linear; /* True if the index could not be used */
};

struct listing {
	struct inode *dir;
	/*
	 * The names to take: from @from on, and if @cut is set only names below @end, since there
	 * was no room for more.
	 */
	struct sort_pair from, end;
	struct sort_pair *v; /* (position, place) of each name */
	u32 n, room;
	bool cut;
};

/* Returns the type (DT_*) of an entry, or 0 (unknown). */
static u32 dtype(const struct ext4_sb *sbi, u8 type)
{
	return EXT4_HAS(sbi, incompat, INCOMPAT_FILETYPE) && type < ARRAY_SIZE(ext4_dtype_of) ?
		       ext4_dtype_of[type] :
		       0;
}

/* ---- listing by byte offset ---- */

/*
 * Reports the names of a block from ctx->pos on. @base: byte offset of the block in the directory.
 * Returns 1 if the reader's buffer is full, else 0.
 */
static int list_block(struct ext4_sb *sbi, struct ext4_buf *b, u64 base, struct dir_context *ctx)
{
	u32 from = (u32)((u64)ctx->pos & (sbi->block_size - 1)), off, len;

	for (off = 0; off < sbi->block_size; off += len) {
		const struct ext4_dir_entry *de = (const void *)(b->data + off);

		len = ext4_rec_len(sbi, de);
		if (off < from || !de->inode)
			continue;
		ctx->pos = (loff_t)(base + off);
		if (!dir_emit(ctx, de->name, de->name_len, de->inode, dtype(sbi, de->file_type)))
			return 1;
	}
	return 0;
}

/* Lists the directory from the byte offset ctx->pos on. Returns 0 or -errno. */
static int list_linear(struct inode *dir, struct dir_context *ctx)
{
	struct ext4_sb *sbi = EXT4_SB(dir->i_sb);
	u64 lblk = (u64)ctx->pos >> dir->i_blkbits;

	for (; lblk < ext4_dir_nr_blocks(dir); lblk++) {
		struct ext4_buf *b = ext4_dir_block(dir, (u32)lblk);
		u64 base = lblk << dir->i_blkbits;

		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		if (b) {
			int full = list_block(sbi, b, base, ctx);

			ext4_brelse(b);
			if (full)
				return 0;
		}
		ctx->pos = (loff_t)(base + sbi->block_size);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* ---- listing by hash ---- */

/* True if the directory is listed by hash. */
static bool is_hashed(const struct inode *dir)
{
	return EXT4_HAS(EXT4_SB(dir->i_sb), compat, COMPAT_DIR_INDEX) &&
	       (ext4_dir_indexed(dir) || ext4_dir_nr_blocks(dir) <= 1);
}

/* Returns the position of a name with this hash. */
static u64 hash_pos(u32 hash, u32 minor)
{
	return max((u64)(hash >> 1) << 32 | minor, (u64)FIRST_NAME);
}

/* Returns a name's place in the directory: block << 32 | byte offset in it. */
static u64 place_of(u32 lblk, u32 off)
{
	return (u64)lblk << 32 | off;
}

static void sort_names(struct listing *l)
{
	sort_pairs(l->v, l->n);
}

/* Drops the upper half of the names when @v is full. A later call takes them. */
static void drop_half(struct listing *l)
{
	sort_names(l);
	l->n /= 2;
	l->end = l->v[l->n];
	l->cut = true;
}

/* Adds a name, unless it is outside the names to take. */
static void take_name(struct listing *l, struct sort_pair s)
{
	if (sort_pair_before(&s, &l->from) || (l->cut && !sort_pair_before(&s, &l->end)))
		return;
	if (l->n == l->room)
		drop_half(l);
	if (!l->cut || sort_pair_before(&s, &l->end))
		l->v[l->n++] = s;
}

static bool is_dots(const struct ext4_dir_entry *de)
{
	return de->name[0] == '.' &&
	       (de->name_len == 1 || (de->name_len == 2 && de->name[1] == '.'));
}

/*
 * Adds the names of a leaf (for ext4_htree_leaves()). @arg: the listing. Returns the number of
 * names so far, or -ENOENT.
 */
static int take_leaf(void *arg, u32 version, const struct ext4_buf *leaf, u32 lblk)
{
	struct listing *l = arg;
	struct ext4_sb *sbi = EXT4_SB(l->dir->i_sb);
	u32 off, hash, minor;

	for (off = 0; off < sbi->block_size;
		off += ext4_rec_len(sbi, (const void *)(leaf->data + off))) {
		const struct ext4_dir_entry *de = (const void *)(leaf->data + off);

		if (!de->inode || is_dots(de))
			continue;
		if (ext4_dirhash(sbi, version, de->name, de->name_len, &hash, &minor))
			return -ENOENT;
		take_name(l, (struct sort_pair){ hash_pos(hash, minor), place_of(lblk, off) });
	}
	return (int)l->n;
}

/* Adds the names of a directory without an index, of at most one block. Returns 0 or -errno. */
static int take_block(struct listing *l)
{
	struct ext4_buf *b = ext4_dir_nr_blocks(l->dir) ? ext4_dir_block(l->dir, 0) : NULL;
	int err;

	if (IS_ERR_OR_NULL(b))
		return (int)PTR_ERR(b);
	err = take_leaf(l, ext4_hash_version(EXT4_SB(l->dir->i_sb)), b, 0);
	ext4_brelse(b);
	return min(err, 0);
}

/*
 * Fills l->v with the next names from l->from on, in order. *next: the position after them if all
 * fitted. A name whose hash belongs to a later leaf than its own is not reported, since a lookup
 * does not find it either. Returns 0 or -errno.
 */
static int take_names(struct listing *l, u64 *next)
{
	u32 hash = l->from.a <= FIRST_NAME ? 0 : (u32)(l->from.a >> 32) << 1, behind = ~0U;
	int err;

	l->n = 0;
	l->cut = false;
	if (ext4_dir_indexed(l->dir) && !ext4_is_inline(l->dir))
		err = ext4_htree_leaves(l->dir, hash, take_leaf, l, &behind);
	else
		err = take_block(l);
	if (err)
		return err;
	if (behind != ~0U && (behind & ~1U) <= hash)
		return -ENOENT; /* the index is circular */
	sort_names(l);
	*next = behind == ~0U ? (u64)DIR_END : hash_pos(behind, 0);
	while (l->n && l->v[l->n - 1].a >= *next)
		l->n--;
	return 0;
}

/*
 * Reports the name at @place. Returns 0, 1 if the reader's buffer is full, or -errno. *held: the
 * block of the previous name, whose number is *held_lblk.
 */
static int report_name(struct listing *l, u64 place, struct ext4_buf **held, u64 *held_lblk,
	struct dir_context *ctx)
{
	struct ext4_sb *sbi = EXT4_SB(l->dir->i_sb);
	u32 off = (u32)place;
	const struct ext4_dir_entry *de;

	if (*held_lblk != place >> 32) {
		if (*held)
			ext4_brelse(*held);
		*held = ext4_dir_block(l->dir, (u32)(place >> 32));
		*held_lblk = place >> 32;
		if (IS_ERR_OR_NULL(*held)) {
			int err = *held ? (int)PTR_ERR(*held) : -EFSCORRUPTED;

			*held = NULL;
			return err;
		}
	}
	de = (const void *)((*held)->data + off);
	/* A damaged image may use this block twice, and the other use may have changed it. */
	if (!ext4_entry_ok(sbi, (*held)->data, off, sbi->block_size) || !de->inode)
		return 0;
	return !dir_emit(ctx, de->name, de->name_len, de->inode, dtype(sbi, de->file_type));
}

/* Returns the file's place, and allocates it if needed. NULL: memory is short. */
static struct dir_place *get_place(struct file *f)
{
	if (!f->private_data)
		f->private_data = kzalloc(sizeof(struct dir_place), GFP_KERNEL);
	return f->private_data;
}

/*
 * Records the place of the next name if the reader stops between two names of one position. If
 * memory is short, the names before it will be reported again.
 */
static void stop_between(struct file *f, struct sort_pair at)
{
	struct dir_place *p = get_place(f);

	if (p) {
		p->pos = (loff_t)at.a;
		p->at = at.b;
	}
}

/* Reports all names in l->v. Returns 0, 1 if the reader's buffer is full, or -errno. */
static int report_names(struct file *f, struct listing *l, struct dir_context *ctx)
{
	struct ext4_buf *held = NULL;
	u64 held_lblk = ~0UL;
	int r = 0;
	u32 i;

	for (i = 0; i < l->n && !r; i++) {
		ctx->pos = (loff_t)l->v[i].a;
		r = report_name(l, l->v[i].b, &held, &held_lblk, ctx);
		if (r > 0 && (i ? l->v[i - 1].a == l->v[i].a : l->from.a == l->v[i].a && l->from.b))
			stop_between(f, l->v[i]);
	}
	if (held)
		ext4_brelse(held);
	return r;
}

/*
 * Lists a directory in the order of hashes. Returns 0 or -errno: -ENOENT if its index cannot be
 * used.
 */
static int list_hashed(struct file *f, struct dir_context *ctx, struct listing *l)
{
	struct dir_place *p = f->private_data;
	int r = 0;

	l->from = (struct sort_pair){ (u64)ctx->pos, p && p->pos == ctx->pos ? p->at : 0 };
	if (p)
		p->pos = -1;
	while (ctx->pos != DIR_END) {
		u64 next;

		r = take_names(l, &next);
		if (!r)
			r = report_names(f, l, ctx);
		if (r)
			break;
		l->from = l->cut ? l->end : (struct sort_pair){ next, 0 };
		ctx->pos = (loff_t)l->from.a;
		if (l->from.b)
			stop_between(f, l->from);
		cond_resched();
	}
	return min(r, 0);
}

/* Lists the directory by hash from ctx->pos on. Returns as list_hashed(). */
static int iterate_hashed(struct file *f, struct dir_context *ctx)
{
	struct ext4_sb *sbi = EXT4_SB(f->f_inode->i_sb);
	struct listing l = { .dir = f->f_inode, .room = sbi->block_size / EXT4_DIR_REC_LEN(1) + 2 };
	int err;

	if (ctx->pos == DIR_END || !dir_emit_dots(f, ctx))
		return 0;
	l.v = kmalloc(l.room * sizeof(l.v[0]), GFP_KERNEL);
	if (!l.v)
		return -ENOMEM;
	err = list_hashed(f, ctx, &l);
	kfree(l.v);
	return err;
}

/* ---- the directory's operations ---- */

static bool is_linear(const struct file *f)
{
	const struct dir_place *p = f->private_data;

	return p && p->linear;
}

static int ext4_iterate(struct file *f, struct dir_context *ctx)
{
	struct dir_place *p = f->private_data;
	int err;

	if (!ctx->pos && p)
		*p = (struct dir_place){ 0 };
	if (is_hashed(f->f_inode) && !is_linear(f)) {
		err = iterate_hashed(f, ctx);
		if (err != -ENOENT)
			return err;
		p = get_place(f);
		if (!p)
			return -ENOMEM;
		p->linear = true;
		ctx->pos = 0;
	}
	return list_linear(f->f_inode, ctx);
}

static loff_t ext4_dir_llseek(struct file *f, loff_t off, int whence)
{
	if (is_hashed(f->f_inode) && !is_linear(f))
		return generic_llseek_size(f, off, whence, DIR_END, DIR_END);
	return generic_file_llseek(f, off, whence);
}

static int ext4_dir_release(struct inode *dir, struct file *f)
{
	kfree(f->private_data);
	return 0;
}

const struct file_operations ext4_dir_fops = {
	.llseek = ext4_dir_llseek,
	.iterate = ext4_iterate,
	.release = ext4_dir_release,
	.fsync = ext4_fsync,
	.ioctl = ext4_ioctl,
};
