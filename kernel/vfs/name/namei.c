/* SPDX-License-Identifier: MIT */
/*
 * namei.c: from a path to a dentry.
 *
 *   path_lookupat(dfd, name, flags, &path)     the whole path
 *   nd_parent(&nd, dfd, name, flags)           its parent directory, with the last component in
 *                                              nd.last
 *
 * There are two walks. The fast one (walk_fast in walk.c) takes no lock, and no reference except at
 * its end. It returns -ECHILD for what it cannot decide without sleeping, such as a name that is
 * not cached. The slow one (nd_walk) then walks the whole path again with references, and may
 * sleep. Paths with restrictions (LOOKUP_RESTRICTED) go to the slow walk at once.
 *
 * Invariants of the slow walk: nd->path and nd->root hold references; nd->stack[] holds copies of
 * the link texts that are being walked. A walk follows at most 40 links, as on Linux.
 *
 * Locks: a directory's i_rwsem around the file system's lookup (lookup.c); none is held on return,
 * except where a function says so.
 */
#include "kernel/vfs/mount/given.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/libfs.h"
#include "kernel/vfs/name/namei.h"

int sysctl_protected_symlinks = 1, sysctl_protected_hardlinks = 1;
int sysctl_protected_fifos = 1, sysctl_protected_regular = 2;

static struct kmem_cache *names_cache;

/* ---- names ---- */

char *getname_flags(uaddr_t ua, u32 flags)
{
	char *name = kmem_cache_alloc(names_cache, GFP_KERNEL);
	ssize_t n;

	if (!name)
		return ERR_PTR(-ENOMEM);
	n = given_name_copy(name, ua);
	if (n < 0)
		n = strncpy_from_user(name, ua, PATH_MAX);
	if (n == PATH_MAX)
		n = -ENAMETOOLONG;
	else if (n == 0 && !(flags & LOOKUP_EMPTY))
		n = -ENOENT;
	if (n >= 0)
		return name;
	kmem_cache_free(names_cache, name);
	return ERR_PTR(n);
}

char *getname(uaddr_t ua)
{
	return getname_flags(ua, 0);
}

void putname(char *name)
{
	if (!IS_ERR_OR_NULL(name))
		kmem_cache_free(names_cache, name);
}

void namei_caches_init(void)
{
	names_cache = kmem_cache_create("names_cache", PATH_MAX, 64);
	if (!names_cache)
		panic("no memory for names");
	looking_init();
}

/* ---- the slow walk ---- */

static void nd_set_path(struct nameidata *nd, struct path to)
{
	path_put(&nd->path);
	nd->path = to;
}

static bool nd_at_root(const struct nameidata *nd)
{
	return nd->path.mnt == nd->root.mnt && nd->path.dentry == nd->root.dentry;
}

static int nd_to_root(struct nameidata *nd)
{
	struct path to = nd->root;

	if (nd->flags & LOOKUP_BENEATH)
		return -EXDEV;
	if ((nd->flags & LOOKUP_NO_XDEV) && nd->path.mnt != nd->root.mnt)
		return -EXDEV;
	path_get(&to);
	nd_set_path(nd, to);
	return 0;
}

/*
 * Reschedules between two mounts, since guests choose how many are stacked. Returns -EINTR if a
 * fatal signal is pending.
 */
static int nd_rest(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/*
 * Asks the file system of nd->path to mount something there. Returns 0 or -errno; -EISDIR if no
 * mount is wanted, as for a system call that only reads attributes, such as stat(2).
 */
static int nd_automount(struct nameidata *nd)
{
	const struct dentry *d = nd->path.dentry;

	if (!d->d_op->d_automount || (d->d_inode && !nd->trigger))
		return -EISDIR;
	if (nd->flags & LOOKUP_CACHED)
		return -EAGAIN;
	if (++nd->links > MAX_LINKS)
		return -ELOOP;
	return d->d_op->d_automount(&nd->path);
}

/* Moves nd->path to the topmost mount on it. Returns 0 or -errno. */
int nd_cross_mounts(struct nameidata *nd)
{
	struct mount *m;
	bool managed;
	int err = 0;

	while (!err && d_mounted_or_managed(nd->path.dentry)) {
		managed = d_managed(nd->path.dentry);
		if (managed && nd->flags & LOOKUP_CACHED)
			return -EAGAIN;
		if (managed && nd->path.dentry->d_op->d_manage)
			err = nd->path.dentry->d_op->d_manage(&nd->path);
		if (err)
			break;
		m = d_mounted(nd->path.dentry) ? mount_lookup(&nd->path) : NULL;
		if (!m && !managed)
			break;
		if (!m) {
			err = nd_automount(nd);
			continue;
		}
		if (nd->flags & LOOKUP_NO_XDEV) {
			mntput(m);
			return -EXDEV;
		}
		nd_set_path(nd, (struct path){ m, dget(m->mnt_root) });
		err = nd_rest();
	}
	return err == -EISDIR ? 0 : err;
}

/*
 * True if nd->path, which the walk has reached upwards from @from, is in the tree that its mount
 * shows. All directories between it and the mount's root are in that tree too. So a sequence of
 * ".." needs the full test only once, unless a rename comes in between.
 */
static bool nd_connected(struct nameidata *nd, const struct dentry *from)
{
	const struct path *p = &nd->path;
	u32 seq;

	if (p->mnt->mnt_root == p->mnt->mnt_sb->s_root)
		return true;
	seq = vfs_seq_begin(&rename_seq);
	if (nd->seen.mnt != p->mnt || nd->seen.dentry != from || nd->seen_seq != seq) {
		cond_resched();
		if (!d_is_below(p->dentry, p->mnt->mnt_root))
			return false;
	}
	nd->seen = *p;
	nd->seen_seq = seq;
	return true;
}

int nd_dotdot(struct nameidata *nd)
{
	const struct dentry *from;
	struct path to;
	int err;

	if (nd_at_root(nd)) {
		if (nd->flags & LOOKUP_BENEATH)
			return -EXDEV;
		return nd_cross_mounts(nd);
	}
	while (nd->path.dentry == nd->path.mnt->mnt_root) {
		to = nd->path;
		path_get(&to);
		if (!follow_up(&to)) {
			path_put(&to);
			return 0;
		}
		if (nd->flags & LOOKUP_NO_XDEV) {
			path_put(&to);
			return -EXDEV;
		}
		nd_set_path(nd, to);
		if (nd_at_root(nd))
			return nd_cross_mounts(nd);
		err = nd_rest();
		if (err)
			return err;
	}
	from = nd->path.dentry;
	to.mnt = mntget(nd->path.mnt);
	to.dentry = dget_parent(nd->path.dentry);
	nd_set_path(nd, to);
	if (!nd_connected(nd, from))
		return -ENOENT; /* moved out of the mount's subtree */
	if ((nd->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) &&
		(vfs_seq_retry(&rename_seq, nd->rseq) || vfs_seq_retry(&mount_seq, nd->mseq)))
		return -EAGAIN;
	return nd_cross_mounts(nd);
}

/*
 * Applies the sysctl protected_symlinks: at the end of a path, in a sticky world-writable
 * directory, a link is followed only if it belongs to the directory's owner or to the caller.
 * Returns 0 or -EACCES.
 */
static int may_follow_link(const struct inode *dir, const struct inode *inode)
{
	if (!sysctl_protected_symlinks || current_fsuid() == seen_uid(inode))
		return 0;
	if ((dir->i_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH))
		return 0;
	return uid_valid(seen_uid(dir)) && dir->i_uid == inode->i_uid ? 0 : -EACCES;
}

static int nd_push(struct nameidata *nd, const char *rest)
{
	if (nd->depth >= MAX_LINKS)
		return -ELOOP;
	nd->stack[nd->depth].rest = rest;
	nd->stack[nd->depth++].text = NULL;
	return 0;
}

/*
 * Follows a magic link of /proc, which leads directly to a path. Takes over the reference to @d.
 * Returns 0 or -errno.
 */
static int nd_jump(struct nameidata *nd, struct dentry *d)
{
	struct path to;
	int err;

	if (nd->flags & LOOKUP_NO_MAGICLINKS)
		err = -ELOOP;
	else
		err = d->d_inode->i_op->follow_link(d, d->d_inode, &to);
	dput(d);
	if (err)
		return err;
	if ((nd->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) ||
		((nd->flags & LOOKUP_NO_XDEV) && to.mnt != nd->path.mnt)) {
		path_put(&to);
		return -EXDEV;
	}
	nd_set_path(nd, to);
	nd->jumped = true;
	return 0;
}

/*
 * Follows the symlink @d found in nd->path, and takes over the reference to @d. Returns 0 or
 * -errno. Sets *name to the link's text, but leaves *name unchanged if the link led directly to a
 * path.
 */
int nd_follow(struct nameidata *nd, struct dentry *d, const char **name, bool last)
{
	struct inode *inode = d->d_inode, *dir = nd->path.dentry->d_inode;
	struct path link = { nd->path.mnt, d };
	struct user_namespace *was;
	char *to_free = NULL;
	const char *text;
	int err;

	was = idmap_enter(nd->path.mnt);
	err = last ? may_follow_link(dir, inode) : 0;
	idmap_leave(was);
	if (nd->flags & LOOKUP_NO_SYMLINKS || ++nd->links > MAX_LINKS ||
		(nd->path.mnt->mnt_flags & MS_NOSYMFOLLOW))
		err = -ELOOP;
	if (!err && nd->flags & LOOKUP_CACHED && inode->i_op->get_link != simple_get_link)
		err = -EAGAIN; /* the link's text may not be cached */
	if (err)
		goto out;
	touch_atime(&link);
	if (inode->i_op->follow_link)
		return nd_jump(nd, d);
	text = vfs_get_link(d, &to_free);
	err = PTR_ERR(text);
	if (IS_ERR(text))
		goto out;
	err = -ENOENT;
	if (!*text)
		goto out;
	err = nd_push(nd, *name);
	if (err)
		goto out;
	if (!to_free)
		to_free = kstrdup(text);
	err = -ENOMEM;
	nd->stack[nd->depth - 1].text = to_free;
	if (!to_free)
		goto out;
	*name = to_free;
	to_free = NULL;
	err = **name == '/' ? nd_to_root(nd) : 0;
out:
	kfree(to_free);
	dput(d);
	return err;
}

static const char *nd_pop(struct nameidata *nd)
{
	struct nd_link *l = &nd->stack[--nd->depth];

	kfree(l->text);
	l->text = NULL;
	return l->rest;
}

/* True if @rest is the end of the whole path. Sets *slash if slashes are all that follows. */
static bool nd_at_end(const struct nameidata *nd, const char *rest, bool *slash)
{
	const char *p = rest;

	*slash = *p == '/';
	while (*p == '/')
		p++;
	if (*p)
		return false;
	for (int i = nd->depth; i-- > 0;) {
		p = nd->stack[i].rest;
		*slash = *slash || *p == '/';
		while (*p == '/')
			p++;
		if (*p)
			return false;
	}
	return true;
}

static int nd_search(struct nameidata *nd)
{
	struct inode *dir = nd->path.dentry->d_inode;
	int err = is_dir(dir) ? path_permission(&nd->path, MAY_EXEC) : -ENOTDIR;

	return err && nd->flags & LOOKUP_CACHED ? -EAGAIN : err; /* as on Linux */
}

/* Looks up a name without calling a file system, for LOOKUP_CACHED. */
static struct dentry *nd_cached(struct nameidata *nd, const struct qstr *q)
{
	struct dentry *d = d_lookup(nd->path.dentry, q);

	if (d && !d_must_ask(d))
		return d;
	dput(d);
	return ERR_PTR(-EAGAIN);
}

/*
 * Lets a file system with automounts create the name of the negative dentry @d, whose reference it
 * takes over. Returns @d, the root of a mount on it, or ERR_PTR.
 */
static struct dentry *nd_make_name(struct nameidata *nd, struct dentry *d)
{
	struct path p = { nd->path.mnt, d };
	int err = d->d_op->d_manage ? d->d_op->d_manage(&p) : 0;

	if (!err && nd->flags & LOOKUP_CACHED)
		err = -EAGAIN;
	if (!err && d->d_op->d_automount)
		err = d->d_op->d_automount(&p);
	if (!err || err == -EISDIR)
		return p.dentry;
	dput(p.dentry);
	return ERR_PTR(err);
}

/*
 * True if the walk continues below the component, or if the caller opens or uses it together with
 * a mount on it.
 */
static bool is_use(const struct nameidata *nd, bool last, bool slash)
{
	return !last || slash ||
	       nd->flags & (LOOKUP_DIRECTORY | LOOKUP_OPEN | LOOKUP_CREATE | LOOKUP_AUTOMOUNT);
}

/*
 * Walks one component other than "." and "..". Returns 0 or -errno. If it is a link to be followed,
 * *name becomes the link's text.
 */
static int nd_step(
	struct nameidata *nd, const struct qstr *q, const char **name, bool follow, bool last)
{
	struct dentry *d =
		nd->flags & LOOKUP_CACHED ? nd_cached(nd, q) : lookup_name(nd->path.dentry, q, 0);

	if (IS_ERR(d))
		return PTR_ERR(d);
	if (!d->d_inode && d_managed(d))
		d = nd_make_name(nd, d);
	if (IS_ERR(d))
		return PTR_ERR(d);
	if (!d->d_inode) {
		dput(d);
		return -ENOENT;
	}
	if (follow && is_lnk(d->d_inode))
		return nd_follow(nd, d, name, last);
	nd_set_path(nd, (struct path){ mntget(nd->path.mnt), d });
	return nd_cross_mounts(nd);
}

int nd_walk(struct nameidata *nd, const char *name, bool parent)
{
	bool slash, end;
	struct qstr q;
	int err, type;

	if (!nd->root.mnt)
		get_fs_root(current->fs, &nd->root);
	if (*name == '/') {
		err = nd_to_root(nd);
		if (err)
			return err;
	}
	nd->last.type = LAST_ROOT;
	for (;;) {
		while (*name == '/')
			name++;
		if (!*name) {
			if (!nd->depth)
				return 0;
			name = nd_pop(nd);
			continue;
		}
		err = nd_search(nd);
		if (err)
			return err;
		name = parse_component(name, &q);
		type = component_type(&q);
		end = nd_at_end(nd, name, &slash);
		if (end && parent) {
			nd->last = (struct last){ q, type, slash };
			return 0;
		}
		if (q.len > NAME_MAX)
			return -ENAMETOOLONG;
		if (type == LAST_NORM)
			nd->seen.mnt = NULL;
		nd->trigger = is_use(nd, end, slash);
		if (type == LAST_DOTDOT)
			err = nd_dotdot(nd);
		else if (type == LAST_NORM)
			err = nd_step(
				nd, &q, &name, !end || slash || (nd->flags & LOOKUP_FOLLOW), end);
		if (err)
			return err;
		if (end && slash)
			nd->want_dir = true;
	}
}

/*
 * True if current may link to the file of the descriptor: current has the opener's credentials, or
 * the capability to read all files in the opener's user namespace.
 */
static bool is_opener(const struct file *f)
{
	return f->f_cred == current_cred() || ns_capable(f->f_cred->user_ns, CAP_DAC_READ_SEARCH);
}

int nd_start(struct nameidata *nd, int dfd, const char *name, u32 flags)
{
	struct fd fd;

	memset(nd, 0, offsetof(struct nameidata, stack));
	nd->flags = flags;
	nd->rseq = vfs_seq_begin(&rename_seq);
	nd->mseq = vfs_seq_begin(&mount_seq);
	if (*name == '/' && (flags & LOOKUP_BENEATH))
		return -EXDEV;
	get_fs_root(current->fs, &nd->root);
	if (*name == '/' && !(flags & LOOKUP_IN_ROOT)) {
		nd->path = nd->root;
		path_get(&nd->path);
		return 0;
	}
	if (dfd == AT_FDCWD) {
		get_fs_pwd(current->fs, &nd->path);
	} else {
		fd = fdget_raw(dfd);
		if (!fd.file)
			return -EBADF;
		if ((flags & LOOKUP_OPENER) && !is_opener(fd.file)) {
			fdput(fd);
			return -ENOENT;
		}
		nd->path = fd.file->f_path;
		path_get(&nd->path);
		fdput(fd);
	}
	if (*name && !is_dir(nd->path.dentry->d_inode))
		return -ENOTDIR;
	if (flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) {
		path_put(&nd->root);
		nd->root = nd->path;
		path_get(&nd->root);
	}
	return 0;
}

void nd_end(struct nameidata *nd)
{
	while (nd->depth)
		nd_pop(nd);
	if (nd->path.mnt)
		path_put(&nd->path);
	if (nd->root.mnt)
		path_put(&nd->root);
}

#define LOOKUP_RESTRICTED                                                                          \
	(LOOKUP_NO_XDEV | LOOKUP_NO_MAGICLINKS | LOOKUP_NO_SYMLINKS | LOOKUP_BENEATH |             \
		LOOKUP_IN_ROOT | LOOKUP_OPENER)

static int lookup_slow(int dfd, const char *name, u32 flags, struct path *path)
{
	struct nameidata nd;
	int err = nd_start(&nd, dfd, name, flags);

	if (!err)
		err = nd_walk(&nd, name, false);
	if (!err && (nd.want_dir || (flags & LOOKUP_DIRECTORY)) && !is_dir(nd.path.dentry->d_inode))
		err = -ENOTDIR;
	if (!err) {
		*path = nd.path;
		nd.path.mnt = NULL;
	}
	nd_end(&nd);
	return err;
}

int path_lookupat(int dfd, const char *name, u32 flags, struct path *path)
{
	int err = -ECHILD;

	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (!(flags & LOOKUP_RESTRICTED))
		err = walk_fast(dfd, name, flags, path, NULL);
	if (err == -ECHILD)
		err = lookup_slow(dfd, name, flags, path);
	return err;
}

int nd_parent(struct nameidata *nd, int dfd, const char *name, u32 flags)
{
	int err = -ECHILD;

	if (!*name)
		return -ENOENT;
	if (!(flags & LOOKUP_RESTRICTED)) {
		memset(nd, 0, offsetof(struct nameidata, stack));
		nd->flags = flags;
		err = walk_fast(dfd, name, flags & ~LOOKUP_DIRECTORY, &nd->path, &nd->last);
	}
	if (err == -ECHILD || err == -ENOENT) {
		err = nd_start(nd, dfd, name, flags);
		if (!err)
			err = nd_walk(nd, name, true);
	}
	if (!err && nd->last.type == LAST_NORM && nd->last.name.len > NAME_MAX)
		err = -ENAMETOOLONG;
	if (err)
		nd_end(nd);
	return err;
}

int kern_path(const char *name, u32 flags, struct path *path)
{
	return path_lookupat(AT_FDCWD, name, flags, path);
}

int user_path_at(int dfd, uaddr_t ua, u32 flags, struct path *path)
{
	char *name = getname_flags(ua, flags);
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	err = path_lookupat(dfd, name, flags, path);
	putname(name);
	return err;
}

struct dentry *lookup_one_len(const char *name, struct dentry *base, int len)
{
	struct qstr q = { name, len, full_name_hash(name, len) };
	int err;

	if (len <= 0 || len > NAME_MAX || component_type(&q) != LAST_NORM ||
		memchr(name, '/', len) || memchr(name, 0, len))
		return ERR_PTR(-EACCES);
	err = inode_permission(base->d_inode, MAY_EXEC);
	return err ? ERR_PTR(err) : lookup_hash(base, &q, 0);
}

struct dentry *lookup_one_unlocked(const char *name, struct dentry *base, int len)
{
	struct qstr q = { name, len, full_name_hash(name, len) };
	struct dentry *d;
	int err = inode_permission(base->d_inode, MAY_EXEC);

	if (err)
		return ERR_PTR(err);
	d = len > 0 && len <= NAME_MAX ? lookup_cached(base, &q, 0) : NULL;
	if (d)
		return d;
	if (down_write_killable(&base->d_inode->i_rwsem))
		return ERR_PTR(-EINTR);
	d = lookup_one_len(name, base, len);
	up_write(&base->d_inode->i_rwsem);
	return d;
}

/*
 * Finds @name in the directory that contains @at. If @at is a mountpoint, that is the directory of
 * the covered file.
 */
int path_beside(const struct path *at, const char *name, struct path *beside)
{
	struct path p = *at;
	struct dentry *parent, *d;
	struct mount *m;

	path_get(&p);
	while (p.dentry == p.mnt->mnt_root && follow_up(&p))
		;
	parent = dget_parent(p.dentry);
	d = S_ISDIR(d_inode(parent)->i_mode) ?
		    lookup_one_unlocked(name, parent, (int)strlen(name)) :
		    ERR_PTR(-ENOTDIR);
	dput(parent);
	if (!IS_ERR(d) && !d_inode(d)) {
		dput(d);
		d = ERR_PTR(-ENOENT);
	}
	if (IS_ERR(d)) {
		path_put(&p);
		return (int)PTR_ERR(d);
	}
	dput(p.dentry);
	p.dentry = d;
	while (d_mounted(p.dentry) && (m = mount_lookup(&p))) {
		path_put(&p);
		p = (struct path){ m, dget(m->mnt_root) };
	}
	*beside = p;
	return 0;
}

const char *vfs_get_link(struct dentry *d, char **to_free)
{
	struct inode *inode = d->d_inode;

	*to_free = NULL;
	if (inode->i_link)
		return inode->i_link;
	if (!inode->i_op->get_link)
		return ERR_PTR(-EINVAL);
	return inode->i_op->get_link(d, inode, to_free);
}

/* ---- paths; root and working directory of a process ---- */

void path_get(const struct path *p)
{
	mntget(p->mnt);
	dget(p->dentry);
}

void path_put(const struct path *p)
{
	dput(p->dentry);
	mntput(p->mnt);
}

void get_fs_root(struct fs_struct *fs, struct path *p)
{
	spin_lock(&fs->lock);
	*p = fs->root;
	path_get(p);
	spin_unlock(&fs->lock);
}

void get_fs_pwd(struct fs_struct *fs, struct path *p)
{
	spin_lock(&fs->lock);
	*p = fs->pwd;
	path_get(p);
	spin_unlock(&fs->lock);
}

static void set_fs_path(struct fs_struct *fs, struct path *where, const struct path *p)
{
	struct path old;

	path_get(p);
	fs_write_begin(fs);
	old = *where;
	*where = *p;
	fs_write_end(fs);
	if (old.mnt)
		path_put(&old);
}

void set_fs_root(struct fs_struct *fs, const struct path *p)
{
	set_fs_path(fs, &fs->root, p);
}

void set_fs_pwd(struct fs_struct *fs, const struct path *p)
{
	set_fs_path(fs, &fs->pwd, p);
}
