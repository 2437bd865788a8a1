/* SPDX-License-Identifier: MIT */
/*
 * dir.c: directories: lookup and readdir.
 *
 * A listing is a sequence of headers, each followed by up to 256 entries. Names are sorted by their
 * bytes. A directory of more than one metadata block has an index after its inode: the first name
 * of about every block. A search for a name or a position starts where the index allows.
 * Positions of readdir: 0 is ".", 1 is "..", then DIR_BASE + byte offset in the listing.
 */
#include <asm/errno.h>

#include "kernel/fs/squashfs/squashfs.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

#define DIR_BASE 3

struct walk {
	struct sqfs_cursor c;
	u32 at, end; /* byte offsets in the listing */
	u32 left;    /* entries left of the current header */
	struct sqfs_disk_dir_header head;
	/*
	 * The entry that was read last. pos: its byte offset in the listing. place: as for
	 * sqfs_iget().
	 */
	u32 pos, name_len, type, number;
	u64 place;
	char name[NAME_MAX + 2];
};

static int walk_begin(struct walk *w, struct inode *dir)
{
	struct sqfs_sb *s = SQFS_SB(dir->i_sb);
	struct sqfs_inode *si = SQFS_I(dir);

	w->c = (struct sqfs_cursor){
		.block = si->start, .offset = si->offset, .end = s->directory_end
	};
	w->at = w->left = 0;
	w->end = si->listing;
	return 0;
}

static int compare(const char *a, u32 an, const char *b, u32 bn)
{
	int r = memcmp(a, b, min(an, bn));

	return r ? r : an < bn ? -1 : an > bn;
}

/*
 * Begins the walk at the last entry of the index that is not after @name, or if @name is NULL, not
 * after byte @pos of the listing. Without an index, begins at the start of the listing. Uses
 * w->name as a buffer. Returns 0 or -errno.
 */
static int walk_seek(struct walk *w, struct inode *dir, const struct qstr *name, u32 pos)
{
	struct sqfs_sb *s = SQFS_SB(dir->i_sb);
	struct sqfs_inode *si = SQFS_I(dir);
	struct sqfs_cursor c = {
		.block = si->more_block, .offset = si->more_offset, .end = s->directory_table
	};
	struct sqfs_disk_dir_index x;
	u32 i;
	int err = walk_begin(w, dir);

	for (i = 0; i < si->indices && !err; i++) {
		err = sqfs_read(s, &c, &x, sizeof(x));
		if (!err && x.size >= NAME_MAX + 1)
			err = sqfs_error(s, "a damaged index of a directory", dir->i_ino);
		if (!err)
			err = sqfs_read(s, &c, w->name, x.size + 1);
		if (err)
			break;
		if (name ? compare(w->name, x.size + 1, name->name, name->len) > 0 : x.index > pos)
			break;
		if (x.index >= w->end || x.index < w->at)
			return sqfs_error(s, "a damaged index of a directory", dir->i_ino);
		err = boundary_or_killed();
		w->at = x.index;
		w->c.block = s->directory_table + x.start_block;
		w->c.offset = (u32)(((u64)si->offset + x.index) % SQFS_META_SIZE);
	}
	return err;
}

static int next_header(struct sqfs_sb *s, struct walk *w)
{
	int err;

	if (w->end - w->at < sizeof(w->head))
		return -EIO;
	err = sqfs_read(s, &w->c, &w->head, sizeof(w->head));
	w->at += sizeof(w->head);
	w->left = w->head.count + 1;
	if (!err && (!w->left || w->left > SQFS_DIR_RUN))
		err = -EIO;
	return err;
}

/*
 * True if the name has no slash and no zero byte, and is not "." or "..", so that it cannot lead to
 * another directory.
 */
static bool name_ok(const struct walk *w)
{
	return !memchr(w->name, 0, w->name_len) && !memchr(w->name, '/', w->name_len) &&
	       !(w->name[0] == '.' &&
		       (w->name_len == 1 || (w->name_len == 2 && w->name[1] == '.')));
}

/*
 * Reads the next entry into @w. Returns 1, 0 at the listing's end, or -errno. Reschedules and
 * honours fatal signals, since a small image may declare a listing of gigabytes.
 */
static int walk_next(struct inode *dir, struct walk *w)
{
	struct sqfs_sb *s = SQFS_SB(dir->i_sb);
	struct sqfs_disk_dir_entry e;
	int err = boundary_or_killed();

	if (err)
		return err;
	if (!w->left && w->at >= w->end)
		return 0;
	if (!w->left)
		err = next_header(s, w);
	w->pos = w->at;
	if (!err && w->end - w->at < sizeof(e))
		err = -EIO;
	if (!err)
		err = sqfs_read(s, &w->c, &e, sizeof(e));
	if (err)
		goto bad;
	w->at += sizeof(e);
	w->name_len = e.size + 1U;
	if (w->name_len > NAME_MAX || w->name_len > w->end - w->at || !e.type ||
		e.type > SQFS_SOCKET) {
		err = -EIO;
		goto bad;
	}
	err = sqfs_read(s, &w->c, w->name, w->name_len);
	if (!err && !name_ok(w))
		err = -EIO;
	if (err)
		goto bad;
	w->at += w->name_len;
	w->left--;
	w->type = e.type;
	w->number = w->head.number + (u32)e.number;
	w->place = (u64)w->head.start_block << 16 | e.offset;
	return 1;
bad:
	return err == -EIO ? sqfs_error(s, "a damaged directory", dir->i_ino) : err;
}

static struct dentry *sqfs_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct inode *inode = NULL;
	struct walk *w;
	int r;

	if (d->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	w = kmalloc(sizeof(*w), GFP_NOFS);
	if (!w)
		return ERR_PTR(-ENOMEM);
	r = walk_seek(w, dir, &d->d_name, 0);
	while (!r && (r = walk_next(dir, w)) == 1) {
		int order = compare(w->name, w->name_len, d->d_name.name, d->d_name.len);

		r = 0;
		if (order > 0)
			break; /* sorted: the name cannot follow */
		if (order)
			continue;
		inode = w->number ? sqfs_iget(dir->i_sb, w->place, w->number) : ERR_PTR(-EIO);
		break;
	}
	kfree(w);
	return r < 0 ? ERR_PTR(r) : d_splice_alias(inode, d);
}

static int sqfs_iterate(struct file *f, struct dir_context *ctx)
{
	static const u8 dtypes[] = { 0, 4, 8, 10, 6, 2, 1, 12 };
	struct inode *dir = f->f_inode;
	struct walk *w;
	u32 from;
	int r;

	if (!dir_emit_dots(f, ctx))
		return 0;
	if (ctx->pos < DIR_BASE)
		ctx->pos = DIR_BASE;
	if (ctx->pos - DIR_BASE >= SQFS_I(dir)->listing)
		return 0;
	from = (u32)(ctx->pos - DIR_BASE);
	w = kmalloc(sizeof(*w), GFP_NOFS);
	if (!w)
		return -ENOMEM;
	r = walk_seek(w, dir, NULL, from);
	while (!r && (r = walk_next(dir, w)) == 1) {
		r = 0;
		if (w->pos < from)
			continue;
		ctx->pos = (loff_t)w->pos + DIR_BASE;
		if (!dir_emit(ctx, w->name, (int)w->name_len, w->number, dtypes[w->type]))
			goto out;
		ctx->pos = (loff_t)w->at + DIR_BASE;
	}
	if (!r)
		ctx->pos = (loff_t)w->end + DIR_BASE;
out:
	kfree(w);
	return r;
}

const struct file_operations sqfs_dir_fops = {
	.llseek = generic_file_llseek,
	.iterate = sqfs_iterate,
};
const struct inode_operations sqfs_dir_iops = {
	.lookup = sqfs_lookup,
	.getxattr = sqfs_getxattr,
	.listxattr = sqfs_listxattr,
};
