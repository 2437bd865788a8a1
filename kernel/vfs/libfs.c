/* SPDX-License-Identifier: MIT */
/*
 * libfs.c: code that memory file systems share: directories whose entries exist in the dentry cache
 * only, and small operations.
 *
 * In a simple directory each entry is a dentry that stays in the cache (d_persist), and the
 * directory's inode has a table from cookie to dentry (i_sdir). So readdir continues after its last
 * entry in constant time, whatever was added and removed meanwhile. Cookies only increase and are
 * never reused; 0 and 1 are "." and "..". A reader sees only entries that existed when it began
 * (the limit is in the file's private_data), so a reader that renames or adds entries while it
 * reads comes to an end. A rename within a directory keeps the cookie.
 *
 * Locks: i_sdir and d_cookie under the directory's i_rwsem.
 */
#include <linux/magic.h>

#include "kernel/vfs/internal.h"
#include "kernel/vfs/libfs.h"

struct simple_dir {
	struct radix entries; /* d_cookie -> dentry */
	u64 next;
	u64 count;
};

static struct simple_dir *sdir_of(struct inode *dir)
{
	if (!dir->i_sdir) {
		dir->i_sdir = kzalloc(sizeof(*dir->i_sdir), GFP_KERNEL);
		if (dir->i_sdir)
			dir->i_sdir->next = 2;
	}
	return dir->i_sdir;
}

/*
 * Adds @d to the directory's table, without a reference to @d. Sets *cookie. Returns 0 or -errno.
 */
static int sdir_insert(struct inode *dir, struct dentry *d, u64 *cookie)
{
	struct simple_dir *s = sdir_of(dir);
	int err;

	if (!s)
		return -ENOMEM;
	err = radix_insert(&s->entries, s->next, d);
	if (err)
		return err;
	*cookie = s->next++;
	s->count++;
	return 0;
}

static void sdir_delete(struct inode *dir, u64 cookie)
{
	radix_delete(&dir->i_sdir->entries, cookie);
	dir->i_sdir->count--;
}

int simple_dir_add(struct inode *dir, struct dentry *d)
{
	int err;

	assert_rwsem_held_write(&dir->i_rwsem);
	err = sdir_insert(dir, d, &d->d_cookie);
	if (!err)
		d_persist(d);
	return err;
}

int simple_dir_add_new(struct inode *dir, struct dentry *d, struct inode *inode)
{
	int err = simple_dir_add(dir, d);

	if (err) {
		clear_nlink(inode);
		iput(inode);
		return err;
	}
	dir->i_mtime = dir->i_ctime = current_time(dir);
	d_instantiate(d, inode);
	return 0;
}

void simple_dir_remove(struct inode *dir, struct dentry *d)
{
	assert_rwsem_held_write(&dir->i_rwsem);
	sdir_delete(dir, d->d_cookie);
	d->d_cookie = 0;
	d_unpersist(d);
}

bool simple_dir_empty(struct inode *dir)
{
	return !dir->i_sdir || !dir->i_sdir->count;
}

void simple_dir_free(struct inode *dir)
{
	u64 at = 0;

	if (!dir->i_sdir)
		return;
	while (radix_next(&dir->i_sdir->entries, &at))
		radix_delete(&dir->i_sdir->entries, at++);
	kfree(dir->i_sdir);
	dir->i_sdir = NULL;
}

static int simple_iterate(struct file *f, struct dir_context *ctx)
{
	struct inode *dir = f->f_inode;
	u64 limit = (u64)f->private_data, at;
	struct dentry *d;

	if (ctx->pos == 0 || !limit) {
		limit = dir->i_sdir ? dir->i_sdir->next : 2;
		f->private_data = (void *)limit;
	}
	if (!dir_emit_dots(f, ctx) || !dir->i_sdir)
		return 0;
	for (at = ctx->pos; (d = radix_next(&dir->i_sdir->entries, &at)) && at < limit; at++) {
		ctx->pos = at;
		if (!dir_emit(ctx, d->d_name.name, d->d_name.len, d->d_inode->i_ino,
			    inode_dtype(d->d_inode->i_mode)))
			return 0;
		ctx->pos = at + 1;
	}
	return 0;
}

static loff_t simple_dir_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == SEEK_END)
		return -EINVAL;
	return generic_llseek_size(f, off, whence, ~0UL >> 1, 0);
}

static int simple_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	return 0;
}

const struct file_operations simple_dir_operations = {
	.llseek = simple_dir_llseek,
	.iterate = simple_iterate,
	.fsync = simple_fsync,
};

/* ---- inode operations ---- */

struct dentry *simple_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	if (d->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	d_add(d, NULL);
	return NULL;
}

static void touch_dir(struct inode *dir)
{
	dir->i_mtime = dir->i_ctime = current_time(dir);
}

int simple_link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *inode = old->d_inode;
	int err = simple_dir_add(dir, d);

	if (err)
		return err;
	touch_dir(dir);
	inode->i_ctime = dir->i_ctime;
	inc_nlink(inode);
	ihold(inode);
	d_instantiate(d, inode);
	return 0;
}

int simple_unlink(struct inode *dir, struct dentry *d)
{
	touch_dir(dir);
	d->d_inode->i_ctime = dir->i_ctime;
	drop_nlink(d->d_inode);
	simple_dir_remove(dir, d);
	return 0;
}

int simple_rmdir(struct inode *dir, struct dentry *d)
{
	if (!simple_dir_empty(d->d_inode))
		return -ENOTEMPTY;
	drop_nlink(d->d_inode);
	simple_unlink(dir, d);
	drop_nlink(dir);
	return 0;
}

static void exchange_entries(
	struct inode *odir, struct dentry *a, struct inode *ndir, struct dentry *b)
{
	u64 t = a->d_cookie;

	radix_replace(&odir->i_sdir->entries, a->d_cookie, b);
	radix_replace(&ndir->i_sdir->entries, b->d_cookie, a);
	a->d_cookie = b->d_cookie;
	b->d_cookie = t;
	if (odir != ndir && is_dir(a->d_inode) != is_dir(b->d_inode)) {
		drop_nlink(is_dir(a->d_inode) ? odir : ndir);
		inc_nlink(is_dir(a->d_inode) ? ndir : odir);
	}
}

/*
 * Moves an entry, and removes the file that @nd names. i_rwsem of both directories is held for
 * writing. Returns 0, -ENOTEMPTY or -ENOMEM.
 */
static int move_entry(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *nd)
{
	bool dir = is_dir(old->d_inode);
	u64 cookie = old->d_cookie;
	int err;

	if (nd->d_inode && is_dir(nd->d_inode) && !simple_dir_empty(nd->d_inode))
		return -ENOTEMPTY;
	if (odir != ndir) {
		err = sdir_insert(ndir, old, &cookie);
		if (err)
			return err;
		sdir_delete(odir, old->d_cookie);
	}
	old->d_cookie = cookie;
	if (nd->d_inode) {
		bool was_dir = is_dir(nd->d_inode);

		simple_unlink(ndir, nd);
		if (was_dir) {
			drop_nlink(nd->d_inode);
			drop_nlink(ndir);
		}
	}
	if (dir && odir != ndir) {
		drop_nlink(odir);
		inc_nlink(ndir);
	}
	return 0;
}

int simple_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *nd, u32 flags)
{
	int err = 0;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		exchange_entries(odir, old, ndir, nd);
	else
		err = move_entry(odir, old, ndir, nd);
	if (err)
		return err;
	touch_dir(odir);
	touch_dir(ndir);
	old->d_inode->i_ctime = odir->i_ctime;
	if (nd->d_inode)
		nd->d_inode->i_ctime = odir->i_ctime;
	return 0;
}

/*
 * Changes attributes. A new size is accepted but has no effect, since the file's content is
 * generated.
 */
int simple_setattr(struct dentry *d, struct iattr *a)
{
	int err = setattr_prepare(d, a);

	if (err)
		return err;
	setattr_copy(d->d_inode, a);
	return 0;
}

const char *simple_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	*to_free = NULL;
	return inode->i_link;
}

int simple_statfs(struct dentry *d, struct kstatfs *st)
{
	st->f_type = d->d_sb->s_magic;
	st->f_bsize = PAGE_SIZE;
	st->f_namelen = NAME_MAX;
	return 0;
}

/* ---- trees that the kernel fills ---- */

struct dentry *simple_add_entry(struct dentry *parent, const char *name, struct inode *inode)
{
	struct inode *dir = parent->d_inode;
	struct qstr q = { name, strlen(name), full_name_hash(name, strlen(name)) };
	struct dentry *d;
	int err = -EEXIST;

	down_write(&dir->i_rwsem);
	d = d_lookup(parent, &q);
	if (d && d->d_inode)
		goto err_put;
	if (!d) {
		d = d_alloc(parent, &q);
		err = -ENOMEM;
		if (!d)
			goto err_unlock;
		d_add(d, NULL);
	}
	err = simple_dir_add(dir, d);
	if (err)
		goto err_put;
	if (is_dir(inode))
		inc_nlink(dir);
	touch_dir(dir);
	d_instantiate(d, inode);
	up_write(&dir->i_rwsem);
	return d;
err_put:
	dput(d);
err_unlock:
	up_write(&dir->i_rwsem);
	iput(inode);
	return ERR_PTR(err);
}

/* Returns the first entry of a directory with a reference, or NULL. */
static struct dentry *first_entry(struct inode *dir)
{
	struct dentry *d = NULL;
	u64 at = 0;

	down_read(&dir->i_rwsem);
	if (dir->i_sdir)
		d = dget(radix_next(&dir->i_sdir->entries, &at));
	up_read(&dir->i_rwsem);
	return d;
}

static void remove_leaf(struct dentry *d)
{
	struct dentry *parent = dget_parent(d);
	struct inode *dir = parent->d_inode;

	down_write(&dir->i_rwsem);
	if (d->d_cookie) {
		if (is_dir(d->d_inode)) {
			d->d_inode->i_flags |= S_DEAD;
			drop_nlink(dir);
			clear_nlink(d->d_inode);
			simple_dir_remove(dir, d);
			touch_dir(dir);
		} else {
			simple_unlink(dir, d);
		}
		d_drop(d);
	}
	up_write(&dir->i_rwsem);
	dput(parent);
}

void simple_remove_entry(struct dentry *top)
{
	struct dentry *d = dget(top), *down, *up;

	for (;;) {
		down = is_dir(d->d_inode) ? first_entry(d->d_inode) : NULL;
		if (down) {
			dput(d);
			d = down;
			continue;
		}
		up = d == top ? NULL : dget_parent(d);
		remove_leaf(d);
		dput(d);
		if (!up)
			break;
		d = up;
	}
}
