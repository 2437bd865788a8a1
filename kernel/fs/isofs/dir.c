/* SPDX-License-Identifier: MIT */
/*
 * dir.c: directories: lookup and readdir, both of which walk over the records.
 *
 * A directory deeper than eight levels was moved when the image was made. At its original place, a
 * record with a CL entry names its new place. At the new place, its record has an RE entry and is
 * not shown. Positions of readdir: 0 is ".", 1 is "..", 2 is the first other record, and higher
 * positions are byte offsets in the directory (the records of "." and ".." take the first 68
 * bytes).
 */
#include <asm/errno.h>

#include "kernel/fs/isofs/isofs.h"

/* A walk through a directory, with the attributes and the name of its current record. */
struct look {
	struct iso_walk w;
	bool more; /* current record has ISO_NOT_FINAL */
	struct rock k;
	u32 len;
	char name[NAME_MAX + 1];
};

/* True if the current record is not shown. */
static bool hidden(const struct iso_sb *s, const struct look *l)
{
	const struct iso_dir_record *d = &l->w.r.d;

	return iso_is_dot(d, 0) || iso_is_dot(d, 1) ||
	       (d->flags & ISO_ASSOCIATED && !s->showassoc) || (d->flags & ISO_HIDDEN && s->hide) ||
	       l->k.have & ROCK_MOVED || !l->len;
}

/* Sets the name of the current record. len 0: it has none that can be shown. */
static void find_name(const struct iso_sb *s, struct look *l)
{
	if (l->k.have & ROCK_NAME) {
		l->len = l->k.name_len;
		memcpy(l->name, l->k.name, l->len);
		if (l->name[0] == '.' && (l->len == 1 || (l->len == 2 && l->name[1] == '.')))
			l->len = 0;
	} else {
		l->len = iso_plain_name(s, &l->w.r.d, l->name);
	}
}

/* Moves to the next visible record. Returns 1, 0 at the directory's end, or -errno. */
static int look_next(struct super_block *sb, struct look *l)
{
	struct iso_sb *s = ISO_SB(sb);
	int r;

	while ((r = iso_next(sb, &l->w)) == 1) {
		bool goes_on = l->more;

		l->more = l->w.r.d.flags & ISO_NOT_FINAL;
		if (goes_on)
			continue;
		l->k.have = l->k.name_len = 0;
		r = iso_rock(s, &l->w.r, &l->k);
		if (r)
			return r;
		find_name(s, l);
		if (!hidden(s, l))
			return 1;
	}
	return r;
}

/*
 * Returns the byte position on the device of the directory that the record names, or 0 if the
 * record names none.
 */
static u64 directory_at(const struct iso_sb *s, const struct look *l)
{
	if (l->k.have & ROCK_CHILD)
		return (u64)l->k.child << s->block_bits;
	return l->w.r.d.flags & ISO_DIRECTORY ? iso_extent(s, &l->w.r.d) : 0;
}

/*
 * Begins a walk at byte @pos of the directory. The caller frees it by kfree(). NULL: memory is
 * short.
 */
static struct look *look_begin(struct inode *dir, u64 pos)
{
	struct look *l = kzalloc(sizeof(*l), GFP_NOFS);

	if (!l)
		return NULL;
	l->w.at = ISO_I(dir)->dir_at;
	l->w.size = (u64)i_size_read(dir);
	l->w.pos = pos;
	return l;
}

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/*
 * True if the record's name matches @asked. Case is ignored with check=relaxed, and trailing dots
 * are ignored in Joliet names.
 */
static bool names_match(const struct iso_sb *s, const struct look *l, const struct qstr *asked)
{
	u32 n = l->len, len = asked->len, i;

	if (s->check != 'r' && !s->joliet)
		return n == len && !memcmp(l->name, asked->name, n);
	while (s->joliet && n > 1 && l->name[n - 1] == '.')
		n--;
	while (s->joliet && len > 1 && asked->name[len - 1] == '.')
		len--;
	if (n != len)
		return false;
	for (i = 0; i < n; i++)
		if (s->check == 'r' ? small(l->name[i]) != small((char)asked->name[i]) :
				      l->name[i] != (char)asked->name[i])
			return false;
	return true;
}

static struct dentry *iso_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct super_block *sb = dir->i_sb;
	struct inode *inode = NULL;
	struct look *l;
	u64 at;
	int r;

	if (d->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	l = look_begin(dir, 0);
	if (!l)
		return ERR_PTR(-ENOMEM);
	while ((r = look_next(sb, l)) == 1) {
		if (!names_match(ISO_SB(sb), l, &d->d_name))
			continue;
		at = directory_at(ISO_SB(sb), l);
		inode = at ? iso_iget_dir(sb, at) : iso_iget_file(sb, &l->w);
		break;
	}
	kfree(l);
	return r < 0 ? ERR_PTR(r) : d_splice_alias(inode, d);
}

/* Returns the record's type (DT_*). @dir: directory_at(). */
static u32 type_of(const struct look *l, u64 dir)
{
	if (dir)
		return 4;
	if (l->k.have & ROCK_ATTRS)
		return (l->k.mode & S_IFMT) >> 12;
	return 8;
}

static int iso_iterate(struct file *f, struct dir_context *ctx)
{
	struct inode *dir = f->f_inode;
	struct look *l;
	int r;

	if (!dir_emit_dots(f, ctx))
		return 0;
	l = look_begin(dir, ctx->pos <= 2 ? 0 : (u64)ctx->pos);
	if (!l)
		return -ENOMEM;
	while ((r = look_next(dir->i_sb, l)) == 1) {
		u64 at = directory_at(ISO_SB(dir->i_sb), l);

		ctx->pos = (loff_t)l->w.r_pos;
		if (!dir_emit(ctx, l->name, (int)l->len, at ? at : l->w.r.at, type_of(l, at)))
			break;
		ctx->pos = (loff_t)l->w.pos;
	}
	if (!r)
		ctx->pos = (loff_t)max(l->w.size, (u64)2);
	kfree(l);
	return min(r, 0);
}

const struct file_operations iso_dir_fops = {
	.llseek = generic_file_llseek,
	.iterate = iso_iterate,
};
const struct inode_operations iso_dir_iops = { .lookup = iso_lookup };
