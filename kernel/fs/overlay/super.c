/* SPDX-License-Identifier: MIT */
/*
 * super.c: overlay superblocks: options, the layers, statfs.
 *
 * Options: lowerdir=DIR[:DIR...] (the first is the topmost; \: is a colon), lowerdir+=DIR (one more
 * layer below), upperdir=, workdir= (on upperdir's mount, neither inside the other),
 * redirect_dir=on|off|follow|nofollow, userxattr, volatile, metacopy=on|off. xino= and
 * default_permissions have no effect. index=off and nfs_export=off are accepted, =on is refused.
 * Data-only layers follow the lower layers, after "::" or by datadir+=DIR. Without upperdir the
 * overlay is read-only.
 *
 * Each layer has a private mount, so mounts and unmounts elsewhere do not affect it.
 */
#include "arch/um/machine/arch.h"
#include "kernel/fs/overlay/overlay.h"
#include "kernel/vfs/mount/fsparam.h"

#define WORK_NAME "work"

static struct kmem_cache *inode_cache;

/* ---- inodes' memory ---- */

static struct inode *ovl_alloc_inode(struct super_block *sb)
{
	struct ovl_inode *oi = kmem_cache_alloc(inode_cache, GFP_KERNEL);

	if (!oi)
		return NULL;
	mutex_setup(&oi->lock, OVL_LOCK_CLASS("lock", OVL_SB(sb)->depth));
	oi->upper = NULL;
	oi->lower = NULL;
	oi->nr_lower = 0;
	oi->data = (struct ovl_path){ .dentry = NULL };
	oi->no_data = oi->has_own_data = false;
	oi->opaque = false;
	oi->version = 0;
	oi->listing = NULL;
	oi->key = NULL;
	return &oi->vfs;
}

static void ovl_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, OVL_I(inode));
}

static void ovl_evict_inode(struct inode *inode)
{
	struct ovl_inode *oi = OVL_I(inode);
	struct inode *real = NULL;

	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	ovl_unhash(inode);
	while (oi->nr_lower)
		dput(oi->lower[--oi->nr_lower].dentry);
	kfree(oi->lower);
	oi->lower = NULL;
	dput(oi->data.dentry);
	oi->data.dentry = NULL;
	if (oi->upper && oi->upper->d_inode && !oi->upper->d_inode->i_nlink) {
		real = oi->upper->d_inode;
		ihold(real);
	}
	dput(oi->upper);
	oi->upper = NULL;
	iput_removed(real);
}

/* ---- options ---- */

/* Replaces *to by a copy of @v. Returns 0 or -ENOMEM. */
static int set_text(char **to, const char *v)
{
	char *copy = kstrdup(v);

	if (!copy)
		return -ENOMEM;
	kfree(*to);
	*to = copy;
	return 0;
}

static int parse_redirect(struct ovl_sb *ofs, const char *v)
{
	ofs->redirect_asked = true;
	ofs->redirect_dir = !strcmp(v, "on");
	ofs->redirect_follow = strcmp(v, "nofollow") != 0;
	ofs->follow_asked = ofs->redirect_follow;
	return !strcmp(v, "on") || !strcmp(v, "off") || !strcmp(v, "follow") ||
			       !strcmp(v, "nofollow") ?
		       0 :
		       -EINVAL;
}

/*
 * Adds a lower layer below the present ones to ofs->lowerdir. Colons and backslashes in @v are part
 * of the name. @data: a data-only layer. Returns 0 or -ENOMEM.
 */
static int add_lower_text(struct ovl_sb *ofs, const char *v, bool data)
{
	size_t had = ofs->lowerdir ? strlen(ofs->lowerdir) : 0;
	char *text = kmalloc(had + 2 * strlen(v) + 3, GFP_KERNEL), *to = text;

	if (!text)
		return -ENOMEM;
	if (had) {
		memcpy(to, ofs->lowerdir, had);
		to += had;
		*to++ = ':';
	}
	if (data)
		*to++ = ':';
	for (; *v; v++) {
		if (*v == ':' || *v == '\\')
			*to++ = '\\';
		*to++ = *v;
	}
	*to = 0;
	kfree(ofs->lowerdir);
	ofs->lowerdir = text;
	return 0;
}

/* @v: the value, or NULL if there is none. Returns 0, -EINVAL (unknown or refused) or -ENOMEM. */
static int parse_option(struct ovl_sb *ofs, const char *key, const char *v)
{
	if (!v) {
		if (!strcmp(key, "userxattr"))
			ofs->userxattr = true;
		else if (!strcmp(key, "volatile"))
			ofs->is_volatile = true;
		else
			return !strcmp(key, "default_permissions") ? 0 : -EINVAL;
		return 0;
	}
	if (!strcmp(key, "lowerdir"))
		return set_text(&ofs->lowerdir, v);
	if (!strcmp(key, "lowerdir+"))
		return add_lower_text(ofs, v, false);
	if (!strcmp(key, "datadir+"))
		return add_lower_text(ofs, v, true);
	if (!strcmp(key, "upperdir"))
		return set_text(&ofs->upperdir, v);
	if (!strcmp(key, "workdir"))
		return set_text(&ofs->workdir, v);
	if (!strcmp(key, "redirect_dir"))
		return parse_redirect(ofs, v);
	if (!strcmp(key, "xino"))
		return !strcmp(v, "on") || !strcmp(v, "off") || !strcmp(v, "auto") ? 0 : -EINVAL;
	if (!strcmp(key, "metacopy")) {
		ofs->metacopy = !strcmp(v, "on");
		return ofs->metacopy || !strcmp(v, "off") ? 0 : -EINVAL;
	}
	if (!strcmp(key, "index") || !strcmp(key, "nfs_export"))
		return !strcmp(v, "off") ? 0 : -EINVAL;
	return -EINVAL;
}

/*
 * Cuts the next option off *s and returns it. In a text, a comma that belongs to a name is written
 * "\,". In a @list (file_system_type.mount_list), a NUL ends an option. Returns NULL after the
 * last.
 */
static char *next_option(char **s, bool list)
{
	char *start = *s, *p;

	if (!start || !*start)
		return NULL;
	if (list) {
		*s += strlen(start) + 1;
		return start;
	}
	for (p = start; *p && *p != ','; p++)
		if (*p == '\\' && p[1])
			p++;
	*s = *p ? p + 1 : NULL;
	*p = 0;
	return start;
}

/*
 * Checks metacopy=on, which needs redirects, since a redirect leads to the data. Refuses it with
 * userxattr, with an upper layer and a redirect_dir= other than "on", and without an upper layer
 * with redirect_dir=nofollow. If redirect_dir= was not given, switches it on. Returns 0 or -EINVAL.
 */
static int resolve_metacopy(struct ovl_sb *ofs)
{
	bool enough = ofs->upperdir ? ofs->redirect_dir : ofs->redirect_follow;

	if (!ofs->metacopy)
		return 0;
	if (ofs->userxattr || (ofs->redirect_asked && !enough)) {
		pr_err("overlayfs: conflicting options: metacopy=on,%s\n",
			ofs->userxattr ? "userxattr" : "redirect_dir");
		return -EINVAL;
	}
	if (!ofs->redirect_asked)
		ofs->redirect_dir = true;
	return 0;
}

/*
 * Checks the right to use the marks trusted.overlay.*, which the option @what needs without
 * userxattr. Returns 0 or -EPERM.
 */
static int needs_marks(const struct ovl_sb *ofs, const char *what)
{
	if (ofs->userxattr || capable(CAP_SYS_ADMIN))
		return 0;
	pr_err("overlayfs: %s requires permission to access trusted xattrs\n", what);
	return -EPERM;
}

/* Checks the right to the options that need marks. Returns 0 or -EPERM. */
static int may_have(const struct ovl_sb *ofs)
{
	if (ofs->redirect_asked && ofs->redirect_follow)
		return needs_marks(ofs, "redirect_dir");
	return ofs->metacopy ? needs_marks(ofs, "metacopy") : 0;
}

/*
 * Sets the options in @ofs, and checks that they fit together. Modifies @data, a text or a @list.
 * Returns 0 or -errno.
 */
static int parse_options(struct ovl_sb *ofs, char *data, bool list)
{
	char *opt, *v;
	int err = 0;

	ofs->redirect_follow = true;
	while (!err && (opt = next_option(&data, list))) {
		if (!*opt)
			continue;
		v = strchr(opt, '=');
		if (v)
			*v++ = 0;
		err = parse_option(ofs, opt, v);
		if (err == -EINVAL)
			pr_err("overlayfs: unrecognized mount option \"%s\" or missing value\n",
				opt);
	}
	if (!err && (!ofs->lowerdir || !ofs->upperdir != !ofs->workdir)) {
		pr_err("overlayfs: missing '%s'\n", !ofs->lowerdir ? "lowerdir" :
						    ofs->upperdir  ? "workdir" :
								     "upperdir");
		err = -EINVAL;
	}
	if (!err)
		err = may_have(ofs);
	if (!err)
		err = resolve_metacopy(ofs);
	if (ofs->userxattr) { /* users could forge redirects */
		if (!err && ofs->follow_asked)
			err = -EINVAL;
		ofs->redirect_follow = false;
	}
	return err;
}

static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s;
	}
	*to = 0;
}

/* ---- layers ---- */

/* Finds a directory, whose @name is escaped. *path: with references. Returns 0 or -errno. */
static int find_dir(const char *name, struct path *path)
{
	char *copy = kstrdup(name);
	int err;

	if (!copy)
		return -ENOMEM;
	unescape(copy);
	err = *copy ? kern_path(copy, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, path) : -EINVAL;
	if (err)
		pr_err("overlayfs: failed to resolve '%s': %d\n", copy, err);
	kfree(copy);
	return err;
}

/*
 * Limits the depth of stacked overlays, since each level needs kernel stack. Returns 0 or -errno.
 */
static int check_depth(struct ovl_sb *ofs, const struct super_block *sb)
{
	u32 depth = sb->s_magic == OVERLAYFS_SUPER_MAGIC ? OVL_SB(sb)->depth : 0;

	ofs->depth = max(ofs->depth, depth + 1);
	return ofs->depth > OVL_MAX_DEPTH ? -EINVAL : 0;
}

/*
 * Returns the number of the file system of layer @n: a new number if no layer above @n is on that
 * file system.
 */
static u32 fsid_of(struct ovl_sb *ofs, u32 n, const struct super_block *sb)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (ofs->layer[i].mnt && ofs->layer[i].mnt->mnt_sb == sb)
			return ofs->layer[i].fsid;
	return ofs->nr_fs++;
}

/*
 * Makes layer @n from a directory. At a failure ovl_put_super() frees what is there. Returns 0 or
 * -errno.
 */
static int add_layer(struct ovl_sb *ofs, u32 n, const struct path *path)
{
	struct ovl_layer *l = &ofs->layer[n];
	int err = check_depth(ofs, path->dentry->d_sb);

	if (err) {
		pr_err("overlayfs: maximum fs stacking depth exceeded\n");
		return err;
	}
	/*
	 * An id-mapped upper layer is refused: the ids of new files would have to be mapped back.
	 */
	if (!n && path->mnt->mnt_idmap)
		return -EINVAL;
	l->fsid = fsid_of(ofs, n, path->dentry->d_sb);
	l->mnt = clone_private_mount(path);
	if (IS_ERR(l->mnt)) {
		err = (int)PTR_ERR(l->mnt);
		l->mnt = NULL;
		return err;
	}
	if (n)
		l->mnt->mnt_flags |= MS_RDONLY | MS_NOATIME;
	l->root = dget(path->dentry);
	return 0;
}

/* Adds all layers of ofs->lowerdir. Returns 0 or -errno. */
static int add_lowers(struct ovl_sb *ofs)
{
	char *copy = kstrdup(ofs->lowerdir), *at = copy, *start = copy;
	struct path path;
	bool more = true, data = false, data_next;
	int err = copy ? 0 : -ENOMEM;

	while (!err && more) {
		for (at = start; *at && *at != ':'; at++)
			if (*at == '\\' && at[1])
				at++;
		more = *at;
		data_next = more && at[1] == ':';
		*at = 0;
		if (ofs->nr_layers > OVL_MAX_LAYERS || (data && more && !data_next))
			err = -EINVAL; /* too many, or data-only ones not last */
		else
			err = data ? needs_marks(ofs, "a layer of data") : 0;
		if (!err)
			err = find_dir(start, &path);
		if (err)
			break;
		err = add_layer(ofs, ofs->nr_layers, &path);
		if (!err)
			ofs->nr_layers++;
		if (!err && data)
			ofs->nr_data++;
		path_put(&path);
		start = at + 1 + data_next;
		data |= data_next;
	}
	kfree(copy);
	return err;
}

/* True if the directories differ, and neither is in the other. */
static bool apart(const struct dentry *a, const struct dentry *b)
{
	const struct dentry *d;

	for (d = a; d != b && d->d_parent != d; d = d->d_parent)
		;
	if (d == b)
		return false;
	for (d = b; d != a && d->d_parent != d; d = d->d_parent)
		;
	return d != a;
}

/*
 * Makes an empty directory "work" in the directory that the option workdir= names. An old one is
 * emptied. Sets ofs->work. Returns 0 or -errno.
 */
static int make_work(struct ovl_sb *ofs, const struct path *work)
{
	struct inode *dir = work->dentry->d_inode;
	struct dentry *d;
	int err = mnt_want_write(ofs->layer[0].mnt);

	if (err)
		return err;
	down_write(&dir->i_rwsem);
	d = lookup_one_len(WORK_NAME, work->dentry, sizeof(WORK_NAME) - 1);
	if (!IS_ERR(d) && !d->d_inode) {
		err = vfs_mkdir(dir, d, 0700);
		if (err) {
			dput(d);
			d = ERR_PTR(err);
		}
	}
	up_write(&dir->i_rwsem);
	if (IS_ERR(d))
		err = (int)PTR_ERR(d);
	else if (!S_ISDIR(d->d_inode->i_mode))
		err = -ENOTDIR;
	if (!err)
		ovl_clear_tree(ofs->layer[0].mnt, d, 2);
	mnt_drop_write(ofs->layer[0].mnt);
	if (!err)
		ofs->work = d;
	else if (!IS_ERR(d))
		dput(d);
	return err;
}

/*
 * Tries to store a mark in the upper layer. If that fails, sets no_marks and switches off the
 * options that need marks.
 */
static void try_marks(struct ovl_sb *ofs)
{
	char buf[48];
	const char *name = ovl_xattr(ofs, OVL_OPAQUE, buf);
	int err = mnt_want_write(ofs->layer[0].mnt);

	if (!err) {
		err = ovl_set_xattr(ofs->work, name, "0", 1);
		if (!err)
			ovl_set_xattr(ofs->work, name, NULL, 0);
		mnt_drop_write(ofs->layer[0].mnt);
	}
	if (!err)
		return;
	ofs->no_marks = true;
	ofs->redirect_dir = ofs->metacopy = false;
	pr_warn("overlayfs: failed to set xattr on upper%s\n",
		err == -EPERM && !ofs->userxattr ? ": try mounting with 'userxattr'" : "");
}

/* Makes the upper layer and the work directory. Returns 0 or -errno. */
static int add_upper(struct ovl_sb *ofs)
{
	struct path upper, work;
	int err = find_dir(ofs->upperdir, &upper);

	if (err)
		return err;
	err = find_dir(ofs->workdir, &work);
	if (err)
		goto out_upper;
	err = -EINVAL;
	if (upper.mnt != work.mnt || !apart(upper.dentry, work.dentry)) {
		pr_err("overlayfs: workdir and upperdir must be separate subtrees of one mount\n");
		goto out_work;
	}
	if (upper.dentry->d_sb->s_flags & SB_RDONLY || upper.mnt->mnt_flags & MS_RDONLY) {
		pr_err("overlayfs: upper fs is r/o, try multi-lower layers mount\n");
		goto out_work;
	}
	err = add_layer(ofs, 0, &upper);
	if (!err)
		err = make_work(ofs, &work);
	if (!err)
		try_marks(ofs);
out_work:
	path_put(&work);
out_upper:
	path_put(&upper);
	return err;
}

/* Returns the overlay's root inode, or ERR_PTR. */
static struct inode *make_root(struct super_block *sb)
{
	struct ovl_sb *ofs = OVL_SB(sb);
	u32 i, n = ofs->nr_layers - 1 - ofs->nr_data;
	struct ovl_path *lower = kcalloc(n, sizeof(*lower), GFP_KERNEL);

	if (!lower)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < n; i++)
		lower[i] = (struct ovl_path){ i + 1, dget(ofs->layer[i + 1].root) };
	return ovl_get_inode(sb,
		&(struct ovl_found){ .upper = ofs->layer[0].mnt ? dget(ofs->layer[0].root) : NULL,
			.lower = lower,
			.nr_lower = n });
}

/* ---- the superblock ---- */

static void ovl_put_super(struct super_block *sb)
{
	struct ovl_sb *ofs = OVL_SB(sb);
	u32 i;

	if (!ofs)
		return;
	dput(ofs->work);
	for (i = 0; i <= OVL_MAX_LAYERS; i++) {
		dput(ofs->layer[i].root);
		mntput(ofs->layer[i].mnt);
	}
	if (ofs->creds)
		put_cred(ofs->creds);
	kfree(ofs->lowerdir);
	kfree(ofs->upperdir);
	kfree(ofs->workdir);
	kfree(ofs);
	sb->s_fs_info = NULL;
}

static int ovl_statfs(struct dentry *d, struct kstatfs *st)
{
	struct path real = ovl_real_path(d->d_sb->s_root->d_inode);
	int err = vfs_statfs(&real, st);

	st->f_type = OVERLAYFS_SUPER_MAGIC;
	st->f_namelen = min_t(s64, st->f_namelen, NAME_MAX);
	st->f_fsid = d->d_sb->s_dev;
	return err;
}

static int ovl_sync_fs(struct super_block *sb, bool wait)
{
	struct ovl_sb *ofs = OVL_SB(sb);
	struct super_block *upper;
	int err;

	if (!ofs->layer[0].mnt || ofs->is_volatile)
		return 0;
	upper = ofs->layer[0].mnt->mnt_sb;
	down_read(&upper->s_umount);
	err = sync_filesystem(upper, wait);
	up_read(&upper->s_umount);
	return err;
}

/* Prints an option such as ",upperdir=u". Returns the number of bytes. */
static int show_dir(char *buf, size_t size, const char *key, const char *value)
{
	int n = scnprintf(buf, size, ",%s=", key);

	return n + show_option_value(buf + n, size - (size_t)n, value);
}

static int ovl_show_options(struct super_block *sb, char *buf, size_t size)
{
	struct ovl_sb *ofs = OVL_SB(sb);
	int n = show_dir(buf, size, "lowerdir", ofs->lowerdir);

	if (ofs->upperdir) {
		n += show_dir(buf + n, size - (size_t)n, "upperdir", ofs->upperdir);
		n += show_dir(buf + n, size - (size_t)n, "workdir", ofs->workdir);
	}
	if (ofs->redirect_dir)
		n += scnprintf(buf + n, size - (size_t)n, ",redirect_dir=on");
	else if (!ofs->redirect_follow)
		n += scnprintf(buf + n, size - (size_t)n, ",redirect_dir=nofollow");
	if (ofs->metacopy)
		n += scnprintf(buf + n, size - (size_t)n, ",metacopy=on");
	if (ofs->userxattr)
		n += scnprintf(buf + n, size - (size_t)n, ",userxattr");
	if (ofs->is_volatile)
		n += scnprintf(buf + n, size - (size_t)n, ",volatile");
	return n;
}

static int ovl_remount(struct super_block *sb, u32 *flags, char *data)
{
	return !(*flags & SB_RDONLY) && !OVL_SB(sb)->layer[0].mnt ? -EROFS : 0;
}

static const struct super_operations ovl_sops = {
	.alloc_inode = ovl_alloc_inode,
	.free_inode = ovl_free_inode,
	.drop_inode = generic_delete_inode,
	.evict_inode = ovl_evict_inode,
	.put_super = ovl_put_super,
	.sync_fs = ovl_sync_fs,
	.statfs = ovl_statfs,
	.remount = ovl_remount,
	.show_options = ovl_show_options,
};

static int set_up(struct super_block *sb, struct ovl_sb *ofs, char *data, bool list)
{
	struct inode *root;
	int err = parse_options(ofs, data, list);

	ofs->nr_layers = 1;
	if (!err && ofs->upperdir)
		err = add_upper(ofs);
	else
		ofs->nr_fs = 1; /* fsid 0 stays the upper layer's */
	if (!err)
		err = add_lowers(ofs);
	if (err)
		return err;
	if (!ofs->upperdir)
		sb->s_flags |= SB_RDONLY;
	mutex_setup(&sb->s_rename_mutex, OVL_LOCK_CLASS("s_rename_mutex", ofs->depth));
	root = make_root(sb);
	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int fill_super(struct super_block *sb, char *data, bool list)
{
	struct ovl_sb *ofs = kzalloc(sizeof(*ofs), GFP_KERNEL);

	if (!ofs)
		return -ENOMEM;
	spin_lock_init(&ofs->hash_lock);
	ofs->creds = prepare_creds();
	sb->s_fs_info = ofs;
	sb->s_op = &ovl_sops;
	sb->s_magic = OVERLAYFS_SUPER_MAGIC;
	sb->s_iflags |= SB_I_POSIXACL; /* each layer decides: keeps_lists() */
	if (!ofs->creds)
		return -ENOMEM;
	return data ? set_up(sb, ofs, data, list) : -EINVAL;
}

static int ovl_fill_super(struct super_block *sb, void *data, bool silent)
{
	return fill_super(sb, data, false);
}

static int ovl_fill_from_list(struct super_block *sb, void *data, bool silent)
{
	return fill_super(sb, data, true);
}

static struct dentry *ovl_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, ovl_fill_super);
}

static struct dentry *ovl_mount_list(
	struct file_system_type *t, u32 flags, const char *dev, char *list)
{
	return mount_nodev(t, flags, list, ovl_fill_from_list);
}

static const char *const redirect_words[] = { "off", "follow", "nofollow", "on", NULL };
static const char *const on_off[] = { "on", "off", NULL };
static const char *const xino_words[] = { "off", "auto", "on", NULL };
static const struct fs_param params[] = {
	FS_PARAM("lowerdir", FSP_DIRS),
	{ .name = "lowerdir+", .kind = FSP_DIR, .not_after = "datadir+" },
	FS_PARAM("datadir+", FSP_DIR),
	FS_PARAM("upperdir", FSP_DIR_ESCAPED),
	FS_PARAM("workdir", FSP_DIR_ESCAPED),
	FS_PARAM_WORD("redirect_dir", redirect_words),
	FS_PARAM_WORD("index", on_off),
	FS_PARAM_WORD("metacopy", on_off),
	FS_PARAM_WORD("nfs_export", on_off),
	FS_PARAM_WORD("xino", xino_words),
	FS_PARAM("userxattr", FSP_FLAG),
	FS_PARAM("volatile", FSP_FLAG),
	FS_PARAM("default_permissions", FSP_FLAG),
	FS_PARAM_END,
};

static struct file_system_type ovl_type = {
	.name = "overlay",
	.fs_flags = FS_USERNS_MOUNT,
	.params = params,
	.mount = ovl_mount,
	.mount_list = ovl_mount_list,
	.kill_sb = kill_anon_super,
};

static int ovl_init(void)
{
	inode_cache =
		kmem_cache_create("ovl_inode", sizeof(struct ovl_inode), 64 | SLAB_RECLAIMABLE);
	return inode_cache ? register_filesystem(&ovl_type) : -ENOMEM;
}
INITCALL(3, ovl_init);
