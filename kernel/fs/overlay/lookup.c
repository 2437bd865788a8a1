/* SPDX-License-Identifier: MIT */
/*
 * lookup.c: looks up a name through the layers, and makes the overlay inode for the result.
 *
 * The search for a directory goes down from layer to layer until a file that is no directory, a
 * whiteout, or an opaque directory ends it. The search for a file ends at the first file. If that
 * is a metacopy file, the search goes on for the data, at last in the data-only layers. A redirect
 * changes the name, or the path from the root, that is looked up in the layers below.
 *
 * Names that are hard links of one file in the upper layer share an overlay inode: ovl_sb.hash
 * finds the overlay inode by the real one. A lower file with several names becomes several overlay
 * inodes, since only one of its names is copied up at a time.
 */
#include "kernel/fs/overlay/overlay.h"
#include "kernel/vfs/xattr/acl.h"

/* ---- one name in one layer ---- */

/*
 * Looks up a name in a directory of a layer. Returns a positive dentry, referenced, NULL if the
 * name does not exist or @dir is no directory, or ERR_PTR.
 */
static struct dentry *lookup_one(struct dentry *dir, const char *name, int len)
{
	struct dentry *d;

	if (!S_ISDIR(dir->d_inode->i_mode))
		return NULL;
	d = lookup_one_unlocked(name, dir, len);
	if (IS_ERR(d))
		return PTR_ERR(d) == -ENOENT || PTR_ERR(d) == -ENAMETOOLONG ? NULL : d;
	if (d->d_inode)
		return d;
	dput(d);
	return NULL;
}

/* Follows a path of directories from the root of a layer. Returns as lookup_one(). */
static struct dentry *lookup_from_root(struct dentry *root, const char *path)
{
	struct dentry *d = dget(root), *next;

	while (!IS_ERR_OR_NULL(d)) {
		const char *end;

		while (*path == '/')
			path++;
		if (!*path)
			break;
		for (end = path; *end && *end != '/'; end++)
			;
		next = lookup_one(d, path, (int)(end - path));
		dput(d);
		d = next;
		path = end;
		if (!IS_ERR_OR_NULL(d) && ovl_is_whiteout(d)) {
			dput(d);
			d = NULL;
		}
	}
	return d;
}

/* True if @err, of ovl_get_xattr(), means that the file has no such mark. */
static bool no_mark(ssize_t err)
{
	return err == -ENODATA || err == -EOPNOTSUPP;
}

int ovl_is_opaque(const struct super_block *sb, struct dentry *d)
{
	char name[48], v;
	ssize_t n = ovl_get_xattr(d, ovl_xattr(OVL_SB(sb), OVL_OPAQUE, name), &v, 1);

	if (n < 0)
		return no_mark(n) || n == -ERANGE ? 0 : (int)n;
	return n == 1 && v == 'y';
}

int ovl_get_redirect(const struct super_block *sb, struct dentry *d, char text[OVL_REDIRECT_MAX])
{
	char name[48];
	ssize_t n = ovl_get_xattr(
		d, ovl_xattr(OVL_SB(sb), OVL_REDIRECT, name), text, OVL_REDIRECT_MAX - 1);

	if (n < 0)
		return no_mark(n) ? 0 : n == -ERANGE ? -EIO : (int)n;
	text[n] = 0;
	if (strlen(text) != (size_t)n || (text[0] != '/' && strchr(text, '/')))
		return -EIO;
	return (int)n;
}

/* ---- the search: the mounter's credentials are in use ---- */

struct search {
	struct super_block *sb;
	const char *name; /* name to look up in the layers below */
	int len;
	/* storage for @name after a redirect; @absolute: @name is a path from the layer's root */
	char redirect[OVL_REDIRECT_MAX];
	bool absolute;
	struct dentry *upper;
	struct ovl_path *lower;
	u32 nr_lower;
	/*
	 * stop: the layers below are not searched. opaque: as in struct ovl_found. is_dir: a
	 * directory was found.
	 */
	bool stop, opaque, is_dir;
	/* The layer is the last one for directories, whose marks there say nothing. */
	bool last;
	/* a metacopy file was found, so the layers below are searched for its data */
	bool wants_data;
	struct ovl_path data;
	bool no_data;
};

/*
 * Applies the redirect of @d, if it has one, to the name that is looked up below. Returns 0 or
 * -errno: -EPERM if redirects are not followed, -EIO if the redirect is malformed or too long.
 */
static int read_redirect(struct search *s, struct dentry *d)
{
	struct ovl_sb *ofs = OVL_SB(s->sb);
	char text[OVL_REDIRECT_MAX];
	ssize_t at = 0;
	int n = ovl_get_redirect(s->sb, d, text);

	if (n <= 0)
		return n;
	if (!ofs->redirect_follow)
		return -EPERM;
	/* A redirect without slashes replaces the last component of an absolute path. */
	if (s->absolute && text[0] != '/') {
		for (at = s->len; s->redirect[at - 1] != '/'; at--)
			;
		if ((size_t)(at + n) >= sizeof(s->redirect))
			return -EIO;
	}
	memcpy(s->redirect + at, text, (size_t)n + 1);
	s->absolute = s->redirect[0] == '/';
	s->name = s->redirect;
	s->len = (int)(at + n);
	return 0;
}

/*
 * Returns 1 if the file has the mark "metacopy", 0 if it has not, or -errno. As on Linux, a file
 * whose user.* attributes the mounter may not read has none.
 */
static int is_metacopy(const struct search *s, struct dentry *d)
{
	const struct ovl_sb *ofs = OVL_SB(s->sb);
	char name[48];
	ssize_t n;

	if (!S_ISREG(d->d_inode->i_mode))
		return 0;
	n = ovl_get_xattr(d, ovl_xattr(ofs, OVL_METACOPY, name), NULL, 0);
	if (n >= 0)
		return 1;
	return no_mark(n) || (ofs->userxattr && n == -EACCES) ? 0 : (int)n;
}

/*
 * Evaluates the marks of @d, which was found in a layer: decides whether the search stops, and sets
 * the name or path that is looked up in the layers below. Returns 0 or -errno: -EPERM for a
 * metacopy file without metacopy=on.
 */
static int look_at(struct search *s, struct dentry *d)
{
	int yes;

	if (!S_ISDIR(d->d_inode->i_mode)) {
		yes = is_metacopy(s, d);
		s->wants_data = yes > 0;
		s->stop = !s->wants_data;
		if (s->stop)
			return yes;
		return OVL_SB(s->sb)->metacopy ? read_redirect(s, d) : -EPERM;
	}
	s->is_dir = true;
	if (s->last)
		return 0;
	yes = ovl_is_opaque(s->sb, d);
	if (!yes)
		return read_redirect(s, d);
	s->stop = s->opaque = true;
	return min(yes, 0);
}

/* Looks the name up in the upper directory @dir. Returns 0, also if there is none, or -errno. */
static int search_upper(struct search *s, struct dentry *dir)
{
	struct dentry *d = lookup_one(dir, s->name, s->len);

	if (IS_ERR_OR_NULL(d))
		return (int)PTR_ERR(d);
	if (ovl_is_whiteout(d)) {
		s->stop = true;
		dput(d);
		return 0;
	}
	s->upper = d;
	return look_at(s, d);
}

/*
 * Handles a candidate for the data of a metacopy file: @d has the data, or is a metacopy file too,
 * whose redirect may change the path. Takes over the reference to @d. Returns 0 or -errno.
 */
static int look_for_data(struct search *s, u32 layer, struct dentry *d)
{
	int err = look_at(s, d);

	if (!err && !s->wants_data)
		s->data = (struct ovl_path){ layer, d };
	else
		dput(d);
	return err;
}

/*
 * Looks the name up in @dir of a lower layer, or, if it is absolute, from the layer's root. Returns
 * 0, also if there is none, or -errno.
 */
static int search_lower(struct search *s, u32 layer, struct dentry *dir)
{
	const struct ovl_layer *l = &OVL_SB(s->sb)->layer[layer];
	struct user_namespace *was = mnt_enter(l->mnt);
	struct dentry *d =
		s->absolute ? lookup_from_root(l->root, s->name) : lookup_one(dir, s->name, s->len);
	int err;

	if (IS_ERR_OR_NULL(d)) {
		err = (int)PTR_ERR(d);
	} else if (ovl_is_whiteout(d) || (s->is_dir && !S_ISDIR(d->d_inode->i_mode)) ||
		   (s->wants_data && !S_ISREG(d->d_inode->i_mode))) {
		s->stop = true;
		dput(d);
		err = 0;
	} else if (s->wants_data) {
		err = look_for_data(s, layer, d);
	} else {
		s->lower[s->nr_lower++] = (struct ovl_path){ layer, d };
		err = look_at(s, d);
	}
	mnt_leave(was);
	return err;
}

/*
 * Searches the lower layers in which the parent directory exists. After an absolute redirect,
 * searches all layers below from their roots.
 */
static int search_lowers(struct search *s, struct inode *dir)
{
	struct ovl_inode *oi = OVL_I(dir);
	struct ovl_sb *ofs = OVL_SB(s->sb);
	u32 i, next = 1, end = ofs->nr_layers - ofs->nr_data;
	int err = 0;

	for (i = 0; i < oi->nr_lower && !s->stop && !err && !s->absolute; i++) {
		next = oi->lower[i].layer + 1;
		s->last = ofs->redirect_follow ? next == end : i + 1 == oi->nr_lower;
		err = search_lower(s, oi->lower[i].layer, oi->lower[i].dentry);
	}
	if (!s->absolute)
		return err;
	for (i = next; i < end && !s->stop && !err; i++) {
		s->last = i + 1 == end;
		err = search_lower(s, i, NULL);
	}
	return err;
}

/*
 * Looks for a file's data in the data-only layers. Their names do not appear in the merged tree, so
 * only an absolute redirect leads there. If such a redirect leads to no data, sets no_data: the
 * file can be stat'ed, but not opened. Returns 0 or -errno: -EIO without an absolute redirect, or
 * without data-only layers.
 */
static int search_data(struct search *s)
{
	struct ovl_sb *ofs = OVL_SB(s->sb);
	u32 i;
	int err = 0;

	if (!s->absolute || !ofs->nr_data)
		return -EIO;
	s->stop = false;
	for (i = ofs->nr_layers - ofs->nr_data; i < ofs->nr_layers && !s->stop && !err; i++)
		err = search_lower(s, i, NULL);
	s->no_data = !s->data.dentry;
	return err;
}

/* Drops the references of the search. */
static void drop_found(struct search *s)
{
	while (s->nr_lower)
		dput(s->lower[--s->nr_lower].dentry);
	kfree(s->lower);
	dput(s->upper);
	dput(s->data.dentry);
}

/*
 * Returns the inode for what was found, NULL for nothing, or ERR_PTR. Takes over the references of
 * the search.
 */
static struct inode *found_inode(struct search *s)
{
	struct ovl_path *lower = NULL;

	if (!s->upper && !s->nr_lower) {
		drop_found(s);
		return NULL;
	}
	if (s->nr_lower) {
		lower = kmemdup(s->lower, s->nr_lower * sizeof(*lower), GFP_KERNEL);
		if (!lower) {
			drop_found(s);
			return ERR_PTR(-ENOMEM);
		}
	}
	kfree(s->lower);
	return ovl_get_inode(s->sb, &(struct ovl_found){ s->upper, lower, s->nr_lower, s->opaque,
					    s->data, s->no_data });
}

struct dentry *ovl_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct search *s;
	const struct cred *old;
	struct inode *inode;
	int err = 0;

	if (d->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	s->sb = dir->i_sb;
	s->name = d->d_name.name;
	s->len = (int)d->d_name.len;
	s->lower = kcalloc(OVL_SB(s->sb)->nr_layers, sizeof(*s->lower), GFP_KERNEL);
	if (!s->lower) {
		kfree(s);
		return ERR_PTR(-ENOMEM);
	}
	s->last = !OVL_SB(s->sb)->redirect_follow && !OVL_I(dir)->nr_lower;
	old = ovl_enter(s->sb);
	if (ovl_upper(dir))
		err = search_upper(s, ovl_upper(dir));
	if (!err && !s->stop)
		err = search_lowers(s, dir);
	if (!err && s->wants_data)
		err = search_data(s);
	if (err)
		drop_found(s);
	inode = err ? ERR_PTR(err) : found_inode(s);
	ovl_leave(old);
	kfree(s);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	return d_splice_alias(inode, d);
}

int ovl_lower_has(struct inode *dir, const char *name, int len)
{
	const struct ovl_sb *ofs = OVL_SB(dir->i_sb);
	struct ovl_inode *oi = OVL_I(dir);
	u32 i;

	for (i = 0; i < oi->nr_lower; i++) {
		struct user_namespace *was = mnt_enter(ofs->layer[oi->lower[i].layer].mnt);
		struct dentry *d = lookup_one(oi->lower[i].dentry, name, len);
		bool there;

		mnt_leave(was);
		if (IS_ERR(d))
			return (int)PTR_ERR(d);
		if (!d)
			continue;
		there = !ovl_is_whiteout(d);
		dput(d);
		return there;
	}
	return 0;
}

/* ---- inodes ---- */

u64 ovl_ino(const struct super_block *sb, u32 layer, u64 ino)
{
	struct ovl_sb *ofs = OVL_SB(sb);
	u64 mark = (u64)ofs->layer[layer].fsid << 56;

	return ofs->nr_fs > 1 && !(ino >> 56) ? ino | mark : ino;
}

static struct hlist_head *bucket(struct ovl_sb *ofs, const struct inode *key)
{
	return &ofs->hash[((u64)key >> 7) % OVL_HASH];
}

/*
 * Finds the overlay inode for the real inode @key and takes a reference. Skips an inode that is
 * being evicted, although it is still hashed.
 */
static struct inode *find_locked(struct ovl_sb *ofs, const struct inode *key)
{
	struct ovl_inode *oi;

	assert_spin_held(&ofs->hash_lock);
	hlist_for_each_entry(oi, bucket(ofs, key), node)
		if (oi->key == key && atomic_inc_not_zero(&oi->vfs.i_count))
			return &oi->vfs;
	return NULL;
}

/* As find_locked(), but takes hash_lock. */
static struct inode *find_hashed(struct ovl_sb *ofs, const struct inode *key)
{
	struct inode *found;

	spin_lock(&ofs->hash_lock);
	found = find_locked(ofs, key);
	spin_unlock(&ofs->hash_lock);
	return found;
}

void ovl_unhash(struct inode *inode)
{
	struct ovl_sb *ofs = OVL_SB(inode->i_sb);
	struct ovl_inode *oi = OVL_I(inode);

	spin_lock(&ofs->hash_lock);
	if (oi->key)
		hlist_del_init(&oi->node);
	oi->key = NULL;
	spin_unlock(&ofs->hash_lock);
}

static void hash_locked(struct inode *inode, struct inode *key)
{
	struct ovl_inode *oi = OVL_I(inode);

	assert_spin_held(&OVL_SB(inode->i_sb)->hash_lock);
	oi->key = key;
	hlist_add_head(&oi->node, bucket(OVL_SB(inode->i_sb), key));
}

void ovl_rehash(struct inode *inode, struct inode *key)
{
	struct ovl_sb *ofs = OVL_SB(inode->i_sb);

	ovl_unhash(inode);
	spin_lock(&ofs->hash_lock);
	hash_locked(inode, key);
	spin_unlock(&ofs->hash_lock);
}

/*
 * Hashes a new inode for the real inode @key and returns it. If a lookup of another hard link has
 * hashed an inode for @key meanwhile, drops @inode and returns the hashed one.
 */
static struct inode *hash_first(struct inode *inode, struct inode *key)
{
	struct ovl_sb *ofs = OVL_SB(inode->i_sb);
	struct inode *other;

	spin_lock(&ofs->hash_lock);
	other = find_locked(ofs, key);
	if (!other)
		hash_locked(inode, key);
	spin_unlock(&ofs->hash_lock);
	if (!other)
		return inode;
	iput(inode);
	return other;
}

static void put_found(const struct ovl_found *found)
{
	u32 n = found->nr_lower;

	while (n)
		dput(found->lower[--n].dentry);
	kfree(found->lower);
	dput(found->upper);
	dput(found->data.dentry);
}

/* Returns the inode number that the overlay shows. */
static u64 number_of(struct super_block *sb, const struct ovl_inode *oi)
{
	bool dir = S_ISDIR(oi->vfs.i_mode);
	u64 ino = 0;

	if (oi->upper && !dir)
		ino = ovl_origin_ino(sb, oi->upper);
	if (ino)
		return ino;
	if (oi->upper && (!dir || !oi->nr_lower))
		return ovl_ino(sb, 0, oi->upper->d_inode->i_ino);
	return ovl_ino(sb, oi->lower[0].layer, oi->lower[0].dentry->d_inode->i_ino);
}

struct inode *ovl_get_inode(struct super_block *sb, const struct ovl_found *found)
{
	struct dentry *upper = found->upper;
	struct inode *real = upper ? upper->d_inode : found->lower[0].dentry->d_inode, *inode;
	bool hash = !S_ISDIR(real->i_mode) && (upper || real->i_nlink == 1);
	struct ovl_inode *oi;

	inode = hash ? find_hashed(OVL_SB(sb), real) : NULL;
	if (inode) {
		put_found(found);
		return inode;
	}
	inode = new_inode(sb);
	if (!inode) {
		put_found(found);
		return ERR_PTR(-ENOMEM);
	}
	rwsem_setup(&inode->i_rwsem, OVL_LOCK_CLASS("i_rwsem", OVL_SB(sb)->depth));
	oi = OVL_I(inode);
	oi->upper = upper;
	oi->lower = found->lower;
	oi->nr_lower = found->nr_lower;
	oi->opaque = found->opaque;
	oi->data = found->data;
	oi->no_data = found->no_data;
	inode->i_mode = real->i_mode;
	inode->i_ino = number_of(sb, oi);
	inode->i_generation = real->i_generation;
	inode->i_rdev = real->i_rdev;
	oi->prot = upper ? ovl_read_prot(OVL_SB(sb), upper) : 0;
	ovl_copy_attr(inode);
	ovl_set_ops(inode);
	acl_changed(inode); /* @real may have ACLs */
	return hash ? hash_first(inode, real) : inode;
}
