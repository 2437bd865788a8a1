/* SPDX-License-Identifier: MIT */
/*
 * walk.c: the fast path walk, over the dentry cache alone.
 *
 *	walk_fast(dfd, name, flags, &path, last)    to the end, or with @last to the parent of the
 *	                                            last component: with references
 *	walk_look(dfd, name, flags, look, arg)      calls look() with the end of the path: no
 *	                                            reference is taken at all
 *
 * It follows pointers within one stretch of code that passes no boundary, so that nothing it sees
 * is freed, and checks at its end that no rename and no mount happened meanwhile. It gives up
 * (-ECHILD) on everything that is not plain: names that are not cached, permissions that need a
 * capability, magic links, revalidation. The caller then takes the slow walk (namei.c).
 *
 * Invariant of walk_look(): after look() has read it, the dentry is still hashed, or is the root of
 * a mounted file system. So its inode was not being evicted, even if another task removes the name,
 * and the answer was true at one moment of the call.
 *
 * Locks: none. Root and working directory are read under fs->seq.
 */
#include "kernel/vfs/name/namei.h"

#define MAX_NESTED 8 /* links in links */
/*
 * Limit for the folders visited when a walk up tests whether a mount contains a folder, and for
 * stacked mounts.
 */
#define MAX_CLIMB 1000

struct fast {
	struct mount *mnt;
	struct dentry *dentry;
	struct path root;
	const char *stack[MAX_NESTED];
	int depth, links, climbed;
	u32 rseq, mseq; /* when the walk began */
};

/*
 * True if current may search this directory. False if it may not, or if the test is too expensive
 * for the fast walk.
 */
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
 * Crosses to the top mount. Returns false if the fast walk cannot. Guests choose how many mounts
 * are stacked, and a path may cross them hundreds of times.
 */
static inline bool fast_cross_mounts(struct fast *f)
{
	while (unlikely(d_mounted_or_managed(f->dentry))) {
		struct mount *m;

		if (d_managed(f->dentry))
			return false; /* its file system may sleep */
		m = mount_lookup_rcu(f->mnt, f->dentry);
		if (!m)
			break;
		if (++f->climbed > MAX_CLIMB)
			return false;
		f->mnt = m;
		f->dentry = m->mnt_root;
	}
	return true;
}

/*
 * True if the mount shows the dentry that the walk has reached. Nothing else runs on this CPU
 * meanwhile, so a long way up is left to the other walk.
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
 * Goes to the parent. Returns false if the fast walk cannot. A folder that was moved out of the
 * mount's subtree has no parent in it.
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

/* Returns the text of a plain symlink, or NULL if the slow walk must read it. */
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

/* Reads root and working directory in one consistent state. */
static void fast_places(struct path *root, struct path *pwd)
{
	struct fs_struct *fs = current->fs;
	u32 seq;

	do {
		while (unlikely((seq = smp_load_acquire(&fs->seq)) & 1)) {
			/* wait for the writer, which may have lost its host CPU */
			spin_lock(&fs->lock);
			spin_unlock(&fs->lock);
		}
		*root = fs->root;
		*pwd = fs->pwd;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (unlikely(READ_ONCE(fs->seq) != seq));
}

/* Sets the start of the walk and f->root. The descriptor (if any) stays in @fd until the end. */
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

/* True if nothing is left to walk behind the links that are being followed. */
static bool fast_at_end(const struct fast *f)
{
	for (int i = 0; i < f->depth; i++)
		if (*f->stack[i])
			return false;
	return true;
}

/*
 * Walks @name from f. 0: f is at the end, or with @parent before the last component, which is in
 * *last. -ENOENT: there is a negative dentry (valid only if the sequence numbers did not change).
 * -ECHILD: needs the slow walk.
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
		if (!*name && slash && fast_at_end(f)) /* also of a link's text */
			flags |= LOOKUP_DIRECTORY;
		if (end && last) {
			if (f->links)
				return -ECHILD; /* the name may lie in a link's text */
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
 * Begins a walk. Called before it reads anything, so that walk_changed() detects a rename or a
 * mount in between.
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

/* Walks without references, from @dfd, whose file is kept in @fd. 0 or -errno. */
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
	 * the mount first: releasing a dentry needs its file system. A moved mount may have another
	 * parent by now
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
