/* SPDX-License-Identifier: MIT */
/*
 * readdir.c: merged listings.
 *
 * At the start of a listing (position 0) the directory is read in all layers, from the top down: a
 * name's entry comes from the first layer that has the name, and a whiteout hides the name in the
 * layers below. The open file keeps the result until it is read from the start again. A position is
 * an index into the result, so telldir() and seekdir() stay valid whatever is added and removed
 * meanwhile. As on Linux, the layers are not read if another open file has a listing and the
 * overlay has changed no name of the directory since (ovl_inode.version): the files then share it.
 *
 * Locks: a listing is filled under the directory's i_rwsem, before other tasks see it. Afterwards
 * only its refcount changes, under hash_lock. An open file's pointer to its listing is protected by
 * f_pos_lock.
 */
#include "kernel/fs/overlay/overlay.h"

struct entry {
	/*
	 * layer, ino: the topmost layer that has the name, and the inode number there. low_layer,
	 * low_ino: for an upper directory, the first lower layer that has a directory of this name,
	 * and that directory's inode number. low_layer 0: there is no such layer.
	 */
	u64 ino, low_ino;
	u32 layer, low_layer;
	u32 len, hash;
	u8 type; /* DT_*: 4 is DT_DIR, 2 is DT_CHR */
	/* True if the entry is a whiteout. Set by check_whiteouts(). */
	bool white;
	char name[];
};

struct listing {
	struct dir_context ctx;
	struct entry **entries;
	u32 nr, room, *table, table_size; /* table: hash of index + 1; 0: free */
	u32 layer;                        /* layer that is being read */
	u32 refs;                         /* open files that use the listing */
	u64 version;                      /* ovl_inode.version when read */
	int err;
};

/* ---- the list ---- */

/* Returns the listing's entry of this name, or NULL. */
static struct entry *find_entry(struct listing *l, const char *name, u32 len, u32 hash)
{
	u32 i;

	if (!l->table_size)
		return NULL;
	for (i = hash & (l->table_size - 1); l->table[i]; i = (i + 1) & (l->table_size - 1)) {
		struct entry *e = l->entries[l->table[i] - 1];

		if (e->hash == hash && e->len == len && !memcmp(e->name, name, len))
			return e;
	}
	return NULL;
}

/* Adds entry @index to the table, which has room. */
static void table_put(struct listing *l, u32 hash, u32 index)
{
	u32 i = hash & (l->table_size - 1);

	while (l->table[i])
		i = (i + 1) & (l->table_size - 1);
	l->table[i] = index + 1;
}

/*
 * Makes room for one more entry, in the list and in the table (at most half full). Returns 0 or
 * -ENOMEM.
 */
static int grow(struct listing *l)
{
	u32 room = l->room ? l->room * 2 : 64, i;
	struct entry **entries;
	u32 *table;

	if (l->nr < l->room)
		return 0;
	/* the array of entries is one allocation, of at most 4 MiB */
	if (room > 1U << 19)
		return -ENOMEM;
	entries = krealloc(l->entries, room * sizeof(*entries), GFP_KERNEL | __GFP_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	l->entries = entries;
	table = kzalloc(room * 2 * sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	kfree(l->table);
	l->table = table;
	l->table_size = room * 2;
	l->room = room;
	for (i = 0; i < l->nr; i++) {
		table_put(l, l->entries[i]->hash, i);
		if (!(i & 1023))
			cond_resched();
	}
	return 0;
}

/*
 * Adds a name of the layer that is being read. Returns false, with l->err set, if memory is short.
 */
static bool add_actor(
	struct dir_context *ctx, const char *name, int len, loff_t pos, u64 ino, u32 type)
{
	struct listing *l = container_of(ctx, struct listing, ctx);
	u32 hash = full_name_hash(name, (u32)len);
	struct entry *e;

	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return true;
	e = find_entry(l, name, (u32)len, hash);
	if (e) {
		if (!e->layer && !e->low_layer && e->type == 4 && type == 4) {
			e->low_ino = ino;
			e->low_layer = l->layer;
		}
		return true;
	}
	l->err = grow(l);
	e = l->err ? NULL : kmalloc(sizeof(*e) + (size_t)len + 1, GFP_KERNEL | __GFP_ACCOUNT);
	if (!e) {
		l->err = -ENOMEM;
		return false;
	}
	*e = (struct entry){
		.ino = ino, .layer = l->layer, .len = (u32)len, .hash = hash, .type = (u8)type
	};
	memcpy(e->name, name, (size_t)len);
	e->name[len] = 0;
	l->entries[l->nr] = e;
	table_put(l, hash, l->nr++);
	return true;
}

/* Frees the entries. The listing is then empty. */
static void listing_clear(struct listing *l)
{
	while (l->nr) {
		kfree(l->entries[--l->nr]);
		if (!(l->nr & 1023))
			cond_resched();
	}
	kfree(l->entries);
	kfree(l->table);
	memset(l, 0, sizeof(*l));
	l->ctx.actor = add_actor;
}

/*
 * Marks the entries that are whiteouts. Only entries with the type of a character device, or
 * without a type, are looked up. @from: index of the first entry to check. Returns 0 or -errno.
 */
static int check_whiteouts(struct listing *l, struct dentry *dir, u32 from)
{
	u32 i;

	for (i = from; i < l->nr; i++) {
		struct entry *e = l->entries[i];
		struct dentry *d;

		if (e->type != 2 && e->type != 0)
			continue;
		d = lookup_one_unlocked(e->name, dir, (int)e->len);
		if (IS_ERR(d))
			return (int)PTR_ERR(d);
		e->white = ovl_is_whiteout(d);
		dput(d);
		cond_resched();
	}
	return 0;
}

/*
 * Adds the names of a layer's directory @dir. The mounter's credentials are in use. Returns 0 or
 * -errno.
 */
static int read_layer(struct super_block *sb, struct listing *l, u32 layer, struct dentry *dir)
{
	struct path path = { OVL_SB(sb)->layer[layer].mnt, dir };
	struct file *f = ovl_open_layer(&path, O_RDONLY | O_DIRECTORY);
	struct user_namespace *was;
	u32 from = l->nr;
	int err;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	l->layer = layer;
	l->ctx.pos = 0;
	err = iterate_dir(f, &l->ctx);
	fput(f);
	if (!err)
		err = l->err;
	if (err)
		return err;
	was = mnt_enter(path.mnt);
	err = check_whiteouts(l, dir, from);
	mnt_leave(was);
	return err;
}

/* Reads the directory in all layers. Returns 0, or -errno with the listing empty. */
static int read_all(struct inode *dir, struct listing *l)
{
	struct ovl_inode *oi = OVL_I(dir);
	const struct cred *old = ovl_enter(dir->i_sb);
	struct dentry *upper = ovl_upper(dir);
	int err = 0;
	u32 i;

	listing_clear(l);
	if (upper)
		err = read_layer(dir->i_sb, l, 0, upper);
	for (i = 0; i < oi->nr_lower && !err; i++)
		err = read_layer(dir->i_sb, l, oi->lower[i].layer, oi->lower[i].dentry);
	ovl_leave(old);
	if (err)
		listing_clear(l);
	return err;
}

/* ---- shared listings ---- */

/* Drops a reference, and frees the listing with the last. @l may be NULL. Takes hash_lock. */
static void listing_put(struct inode *dir, struct listing *l)
{
	struct ovl_sb *ofs = OVL_SB(dir->i_sb);
	bool last;

	if (!l)
		return;
	spin_lock(&ofs->hash_lock);
	last = !--l->refs;
	if (last && OVL_I(dir)->listing == l)
		OVL_I(dir)->listing = NULL;
	spin_unlock(&ofs->hash_lock);
	if (!last)
		return;
	listing_clear(l);
	kfree(l);
}

/*
 * Returns the directory's newest listing, referenced, if its version is @version. Otherwise makes
 * @mine the newest listing and returns it, or returns NULL if @mine is NULL.
 */
static struct listing *listing_share(struct inode *dir, u64 version, struct listing *mine)
{
	struct ovl_sb *ofs = OVL_SB(dir->i_sb);
	struct ovl_inode *oi = OVL_I(dir);
	struct listing *l;

	spin_lock(&ofs->hash_lock);
	l = oi->listing;
	if (l && l->version == version)
		l->refs++;
	else
		l = mine;
	if (l && l == mine)
		oi->listing = l;
	spin_unlock(&ofs->hash_lock);
	return l;
}

/* Returns an up-to-date listing, referenced, or ERR_PTR. */
static struct listing *listing_get(struct inode *dir)
{
	u64 version = __atomic_load_n(&OVL_I(dir)->version, __ATOMIC_SEQ_CST);
	struct listing *l = listing_share(dir, version, NULL), *mine;
	int err;

	if (l)
		return l;
	mine = kzalloc(sizeof(*mine), GFP_KERNEL);
	if (!mine)
		return ERR_PTR(-ENOMEM);
	err = read_all(dir, mine);
	if (err) {
		kfree(mine);
		return ERR_PTR(err);
	}
	mine->refs = 1;
	mine->version = version;
	l = listing_share(dir, version, mine);
	if (l != mine)
		listing_put(dir, mine);
	return l;
}

/* ---- listing a directory ---- */

/* True if upper files in the directory may show the inode numbers of their origins. */
static bool is_impure(struct inode *dir)
{
	struct dentry *upper = ovl_upper(dir);
	const struct cred *old;
	char name[48], v;
	ssize_t n;

	if (!upper)
		return false;
	old = ovl_enter(dir->i_sb);
	n = ovl_get_xattr(upper, ovl_xattr(OVL_SB(dir->i_sb), OVL_IMPURE, name), &v, 1);
	ovl_leave(old);
	return n == 1;
}

/*
 * Returns the inode number that an upper entry shows instead of its own, or 0. A file shows its
 * origin's number, a directory that is not opaque its lower directory's.
 */
static u64 upper_ino(struct inode *dir, const struct entry *e)
{
	struct super_block *sb = dir->i_sb;
	const struct cred *old = ovl_enter(sb);
	struct dentry *d = lookup_one_unlocked(e->name, ovl_upper(dir), (int)e->len);
	char name[48], v;
	u64 ino = 0;

	if (IS_ERR(d) || !d->d_inode) {
		ino = 0;
	} else if (e->type != 4) {
		ino = ovl_origin_ino(sb, d);
	} else {
		ovl_xattr(OVL_SB(sb), OVL_OPAQUE, name);
		if (ovl_get_xattr(d, name, &v, 1) != 1)
			ino = ovl_ino(sb, e->low_layer, e->low_ino);
	}
	if (!IS_ERR(d))
		dput(d);
	ovl_leave(old);
	return ino;
}

/* Returns the inode number that stat() will show for the entry. */
static u64 entry_ino(struct file *f, const struct entry *e, bool impure)
{
	struct qstr q = { e->name, e->len, e->hash };
	struct dentry *d = d_lookup(f->f_path.dentry, &q);
	u64 ino = d && d->d_inode ? d->d_inode->i_ino : 0;

	dput(d);
	if (!ino && !e->layer && (e->low_layer || (impure && e->type != 4)))
		ino = upper_ino(f->f_inode, e);
	return ino ? ino : ovl_ino(f->f_inode->i_sb, e->layer, e->ino);
}

static int ovl_iterate(struct file *f, struct dir_context *ctx)
{
	struct listing *l = f->private_data;
	bool impure = is_impure(f->f_inode);

	if (!ctx->pos || !l) {
		/*
		 * Drops the old listing first. If no other file shares it, the layers are read
		 * again, so that changes made directly in a layer are seen.
		 */
		f->private_data = NULL;
		listing_put(f->f_inode, l);
		l = listing_get(f->f_inode);
		if (IS_ERR(l))
			return (int)PTR_ERR(l);
		f->private_data = l;
	}
	if (!dir_emit_dots(f, ctx))
		return 0;
	for (; ctx->pos - 2 < (loff_t)l->nr; ctx->pos++) {
		struct entry *e = l->entries[ctx->pos - 2];

		if (!(ctx->pos & 1023))
			cond_resched();
		if (!e->white &&
			!dir_emit(ctx, e->name, (int)e->len, entry_ino(f, e, impure), e->type))
			break;
	}
	return 0;
}

static int ovl_dir_open(struct inode *inode, struct file *f)
{
	f->private_data = NULL;
	return 0;
}

static int ovl_dir_release(struct inode *inode, struct file *f)
{
	listing_put(inode, f->private_data);
	return 0;
}

static int ovl_dir_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct dentry *upper = ovl_upper(f->f_inode);
	struct path path = { OVL_SB(f->f_inode->i_sb)->layer[0].mnt, upper };
	const struct cred *old;
	struct file *real;
	int err;

	if (!upper || OVL_SB(f->f_inode->i_sb)->is_volatile)
		return 0;
	old = ovl_enter(f->f_inode->i_sb);
	real = ovl_open_layer(&path, O_RDONLY | O_DIRECTORY);
	ovl_leave(old);
	if (IS_ERR(real))
		return (int)PTR_ERR(real);
	err = vfs_fsync_range(real, start, end, datasync);
	fput(real);
	return err;
}

const struct file_operations ovl_dir_fops = {
	.open = ovl_dir_open,
	.release = ovl_dir_release,
	.llseek = generic_file_llseek,
	.iterate = ovl_iterate,
	.fsync = ovl_dir_fsync,
};

/* ---- for removal ---- */

int ovl_dir_empty(struct inode *dir)
{
	struct listing l = { .ctx.actor = add_actor };
	int err = read_all(dir, &l);
	u32 i;

	for (i = 0; i < l.nr && !err; i++)
		if (!l.entries[i]->white)
			err = -ENOTEMPTY;
	listing_clear(&l);
	return err;
}

/* Removes the whiteouts that @l lists. Takes the i_rwsem of @dir. Returns 0 or -errno. */
static int remove_listed(struct dentry *dir, struct listing *l)
{
	int err = 0;
	u32 i;

	for (i = 0; i < l->nr && !err; i++) {
		struct entry *e = l->entries[i];
		struct dentry *d;

		if (!e->white)
			continue;
		down_write(&dir->d_inode->i_rwsem);
		d = lookup_one_len(e->name, dir, (int)e->len);
		err = IS_ERR(d) ? (int)PTR_ERR(d) : 0;
		if (!err && ovl_is_whiteout(d))
			err = vfs_unlink(dir->d_inode, d);
		if (!IS_ERR(d))
			dput(d);
		up_write(&dir->d_inode->i_rwsem);
		cond_resched();
	}
	return err;
}

int ovl_clear_whiteouts(struct super_block *sb, struct dentry *upper)
{
	struct listing l = { .ctx.actor = add_actor };
	int err = read_layer(sb, &l, 0, upper);

	if (!err)
		err = remove_listed(upper, &l);
	listing_clear(&l);
	return err;
}

/* Removes a name of a layer's directory, with at most @depth levels below it. */
static void clear_entry(struct mount *m, struct dentry *dir, const struct entry *e, u32 depth)
{
	struct dentry *d = lookup_one_unlocked(e->name, dir, (int)e->len);

	if (IS_ERR(d))
		return;
	if (d->d_inode && S_ISDIR(d->d_inode->i_mode) && depth)
		ovl_clear_tree(m, d, depth - 1);
	down_write(&dir->d_inode->i_rwsem);
	if (d->d_parent == dir && d->d_inode) {
		if (S_ISDIR(d->d_inode->i_mode))
			vfs_rmdir(dir->d_inode, d);
		else
			vfs_unlink(dir->d_inode, d);
	}
	up_write(&dir->d_inode->i_rwsem);
	dput(d);
}

void ovl_clear_tree(struct mount *m, struct dentry *dir, u32 depth)
{
	struct listing l = { .ctx.actor = add_actor };
	struct path path = { m, dir };
	struct file *f = ovl_open_layer(&path, O_RDONLY | O_DIRECTORY);
	u32 i;

	if (IS_ERR(f))
		return;
	iterate_dir(f, &l.ctx);
	fput(f);
	for (i = 0; i < l.nr; i++)
		clear_entry(m, dir, l.entries[i], depth);
	listing_clear(&l);
}
