/* SPDX-License-Identifier: MIT */
/*
 * walk.c: the fast path walk, which uses the dentry cache alone.
 *
 *	walk_fast(dfd, name, flags, &path, last)    to the end, or with @last to the parent of the
 *	                                            last component: with references
 *	walk_look(dfd, name, flags, look, arg)      calls look() with the end of the path: no
 *	                                            reference is taken at all
 *
 * It follows pointers within one stretch of code that passes no boundary, so that nothing it sees
 * is freed, and checks at its end that no rename and no mount happened meanwhile. It gives up
 * (-ECHILD) on all that is not plain: names that are not cached, permissions that need a
 * capability, magic links, revalidation. The caller then takes the slow walk (namei.c).
 *
 * Invariant of walk_look(): after look() has read it, the dentry is still hashed, or is the root of
 * a mounted file system. So its inode was not being evicted, even if another task removed the name
 * meanwhile, and the result was true at one moment of the call.
 *
 * Locks: none. Root and working directory are read under fs->seq.
 */
#include "kernel/vfs/name/namei.h"

#define MAX_NESTED 8 /* links within links, not followed deeper */
/*
 * Limit for stacked mounts, and for the directories visited when a walk upwards tests whether a
 * mount contains a directory.
 */
#define MAX_CLIMB 1000

struct fast {
	struct mount *mnt;
	struct dentry *dentry;
	struct path root;
	const char *stack[MAX_NESTED];
	int depth, links, climbed;
	u32 rseq, mseq; /* values at the start of the walk */
};

/* True if current may search this directory and the fast walk can decide that. */
static inline bool fast_may_exec(const struct mount *m, const struct inode *dir)
{
	umode_t mode = dir->i_mode;

	if (unlikely(dir->i_op->permission || READ_ONCE(dir->i_acl)))
		return false;
	if (likely((mode & S_IXUGO) == S_IXUGO))
		return true;
	return !m->mnt_idmap && generic_permission((struct inode *)dir, MAY_EXEC) == 0;
}

/*
 * Crosses to the topmost mount. Returns false if the fast walk cannot do that, as when a path
 * crosses too many mounts: guests choose how many are stacked.
 */
static inline bool fast_cross_mounts(struct fast *f)
{
	while (unlikely(d_mounted_or_managed(f->dentry))) {
		struct mount *m;

		if (d_managed(f->dentry))
			/* The d_manage() of the dentry's file system may sleep. */
			return false;
		m = mount_lookup_rcu(f->mnt, f->dentry);
		if (!m)
			break;
		if (++f->climbed > MAX_CLIMB || READ_ONCE(m->mnt_state) & MNT_CLOSED)
			return false;
		f->mnt = m;
		f->dentry = m->mnt_root;
	}
	return true;
}

/*
 * True if the mount shows the dentry that the walk has reached. Since the fast walk does not
 * reschedule, it leaves a long way up to the slow walk.
 */
static bool fast_connected(struct fast *f)
{
	const struct dentry *d = f->dentry, *root = f->mnt->mnt_root;

	if (likely(root == f->mnt->mnt_sb->s_root))
		return true;
	for (; d != root; d = READ_ONCE(d->d_parent))
		if (d == READ_ONCE(d->d_parent) || ++f->climbed > MAX_CLIMB)
			return false;
	return true;
}

/*
 * Goes to the parent. Returns false if the fast walk cannot do that. A directory that was moved out
 * of the mount's subtree has no parent there.
 */
static bool fast_dotdot(struct fast *f)
{
	for (;;) {
		if (f->dentry == f->root.dentry && f->mnt == f->root.mnt)
			break;
		if (f->dentry != f->mnt->mnt_root) {
			f->dentry = READ_ONCE(f->dentry->d_parent);
			if (!fast_connected(f))
				return false;
			break;
		}
		if (f->mnt->mnt_parent == f->mnt)
			break;
		if (++f->climbed > MAX_CLIMB)
			return false;
		f->dentry = f->mnt->mnt_mountpoint;
		f->mnt = f->mnt->mnt_parent;
	}
	return fast_cross_mounts(f);
}

/* Returns the text of a plain symlink, or NULL if only the slow walk can read it. */
static const char *fast_link(
	struct fast *f, struct inode *dir, struct dentry *d, struct inode *inode)
{
	struct path p = { f->mnt, d };

	if (!inode->i_link || inode->i_op->follow_link || ++f->links > MAX_LINKS)
		return NULL;
	if ((dir->i_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH) || f->depth >= MAX_NESTED)
		return NULL;
	if ((f->mnt->mnt_flags & MS_NOSYMFOLLOW) || atime_needs_update(&p, inode))
		return NULL;
	return inode->i_link;
}

/* Reads root and working directory, in a consistent state. */
static void fast_places(struct path *root, struct path *pwd)
{
	struct fs_struct *fs = current->fs;
	u32 seq;

	do {
		while (unlikely((seq = smp_load_acquire(&fs->seq)) & 1)) {
			/* Waits for the writer, whose vCPU may not be running on the host. */
			spin_lock(&fs->lock);
			spin_unlock(&fs->lock);
		}
		*root = fs->root;
		*pwd = fs->pwd;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (unlikely(READ_ONCE(fs->seq) != seq));
}

/*
 * Sets the start of the walk and f->root. If @dfd is a descriptor, @fd keeps its file until the
 * walk ends. Returns 0 or -errno.
 */
static int fast_start(struct fast *f, int dfd, const char *name, struct fd *fd)
{
	struct path from;

	fast_places(&f->root, &from);
	if (*name == '/')
		from = f->root;
	if (*name != '/' && dfd != AT_FDCWD) {
		*fd = fdget_raw(dfd);
		if (!fd->file)
			return -EBADF;
		from = fd->file->f_path;
	}
	f->mnt = from.mnt;
	f->dentry = from.dentry;
	return 0;
}

/* True if no text is left to walk in the links that are being followed. */
static bool fast_at_end(const struct fast *f)
{
	for (int i = 0; i < f->depth; i++)
		if (*f->stack[i])
			return false;
	return true;
}

/*
 * Walks @name from f. Returns 0 with f at the end; or, if @last is not NULL, with f at the parent
 * of the last component and that component in *last. -ENOENT: the name has a negative dentry, a
 * result that is valid only if the sequence numbers did not change. -ECHILD: the slow walk is
 * needed.
 */
static int fast_components(struct fast *f, const char *name, u32 flags, struct last *last)
{
	struct qstr q;

	for (;;) {
		struct inode *dir = f->dentry->d_inode, *inode;
		const char *link;
		struct dentry *d;
		bool end, slash;
		int type;

		while (*name == '/')
			name++;
		if (!*name) {
			if (!f->depth && (last || ((flags & LOOKUP_DIRECTORY) && !is_dir(dir))))
				return -ECHILD;
			if (!f->depth)
				return 0;
			name = f->stack[--f->depth];
			continue;
		}
		if (!is_dir(dir) || !fast_may_exec(f->mnt, dir))
			return -ECHILD;
		name = parse_component(name, &q);
		if (q.len > NAME_MAX)
			return -ECHILD;
		type = component_type(&q);
		slash = *name == '/';
		while (*name == '/')
			name++;
		end = !*name && !f->depth;
		if (end && slash)
			flags |= LOOKUP_FOLLOW;
		/* The path ends in a slash, which may be in a link's text. */
		if (!*name && slash && fast_at_end(f))
			flags |= LOOKUP_DIRECTORY;
		if (end && last) {
			if (f->links)
				return -ECHILD; /* the name may be in a link's text */
			*last = (struct last){ q, type, flags & LOOKUP_DIRECTORY };
			return 0;
		}
		if (type == LAST_DOT)
			goto next;
		if (type == LAST_DOTDOT) {
			if (!fast_dotdot(f))
				return -ECHILD;
			goto next;
		}
		d = d_find_rcu(f->dentry, &q);
		if (!d || d_must_ask(d))
			return -ECHILD;
		inode = smp_load_acquire(&d->d_inode);
		if (!inode)
			return unlikely(d_managed(d)) ? -ECHILD : -ENOENT;
		if (is_lnk(inode) && (!end || (flags & LOOKUP_FOLLOW))) {
			link = fast_link(f, dir, d, inode);
			if (!link)
				return -ECHILD;
			f->stack[f->depth++] = name;
			name = link;
			if (*link == '/') {
				f->mnt = f->root.mnt;
				f->dentry = f->root.dentry;
			}
			continue;
		}
		f->dentry = d;
		if (!fast_cross_mounts(f))
			return -ECHILD;
	next:
		if (end) {
			if ((flags & LOOKUP_DIRECTORY) && !is_dir(f->dentry->d_inode))
				return -ECHILD;
			return 0;
		}
	}
}

/*
 * Begins a walk. It is called before the walk reads anything, so that walk_changed() detects each
 * later rename or mount.
 */
static void walk_begin(struct fast *f)
{
	f->depth = f->links = f->climbed = 0;
	f->rseq = vfs_seq_begin(&rename_seq);
	f->mseq = vfs_seq_begin(&mount_seq);
}

static bool walk_changed(const struct fast *f)
{
	return vfs_seq_retry(&rename_seq, f->rseq) || vfs_seq_retry(&mount_seq, f->mseq);
}

/*
 * Walks from @dfd, whose file @fd keeps, without taking references. Returns 0 or -errno (-ECHILD:
 * the slow walk is needed).
 */
static int walk_without(
	struct fast *f, int dfd, const char *name, u32 flags, struct last *last, struct fd *fd)
{
	int err;

	walk_begin(f);
	err = fast_start(f, dfd, name, fd);
	return err ? err : fast_components(f, name, flags, last);
}

int walk_fast(int dfd, const char *name, u32 flags, struct path *out, struct last *last)
{
	struct fd fd = { NULL, false };
	struct fast f;
	int err = walk_without(&f, dfd, name, flags, last, &fd);

	/*
	 * The mount comes first, since dropping a dentry needs its file system. A mount that was
	 * moved may now have another parent.
	 */
	if (!err && !mnt_tryget(f.mnt))
		err = -ECHILD;
	else if (!err && (f.dentry->d_sb != f.mnt->mnt_sb || !d_tryget(f.dentry))) {
		mntput(f.mnt);
		err = -ECHILD;
	}
	if (err != -ECHILD && err != -EBADF && walk_changed(&f)) {
		if (!err) {
			dput(f.dentry);
			mntput(f.mnt);
		}
		err = -ECHILD;
	}
	if (!err)
		*out = (struct path){ f.mnt, f.dentry };
	fdput(fd);
	return err;
}

int walk_look(int dfd, const char *name, u32 flags, walk_look_fn *look, void *arg)
{
	struct fd fd = { NULL, false };
	struct fast f;
	int err = walk_without(&f, dfd, name, flags, NULL, &fd);

	if (!err) {
		struct path p = { f.mnt, f.dentry };

		err = look(&p, arg);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (d_unhashed(f.dentry) && !(f.dentry->d_flags & DCACHE_ROOT))
			err = -ECHILD;
	}
	if (err != -ECHILD && err != -EBADF && walk_changed(&f))
		err = -ECHILD;
	fdput(fd);
	return err;
}
