/* SPDX-License-Identifier: MIT */
/*
 * namespace.c: mount(2), umount2(2), pivot_root(2), and mounting at boot.
 *
 * Each operation looks paths up without locks, takes namespace_sem for writing, repeats the checks
 * that may have become invalid, changes the tree (mnt.c), and releases namespace_sem. Then it drops
 * references, which may end a superblock.
 *
 * Locks: namespace_sem, one for all namespaces. It is taken inside s_umount (do_remount()) and
 * inside a directory's i_rwsem (detach_mounts()). So it is not held over a path walk, a file
 * system's mount operation, or the end of a superblock.
 */
#include <linux/fs.h>

#include "gen/syscalls.h"
#include "kernel/vfs/landlock/landlock.h"
#include "kernel/vfs/mount/mount.h"

/* Those flags of mount(2) that name an operation and not a property of the mount. */
#define MS_TYPES (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

static u32 sb_flags_of(u32 flags)
{
	return flags & (SB_RDONLY | SB_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_SILENT |
			       MS_LAZYTIME | MS_I_VERSION | MS_POSIXACL);
}

static u32 mnt_flags_of(u32 flags)
{
	u32 m = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW |
				MS_NOATIME | MS_NODIRATIME);

	if (flags & MS_STRICTATIME)
		return m & ~(u32)MS_NOATIME;
	return m & MS_NOATIME ? m : m | MS_RELATIME;
}

/* ---- attaching ---- */

/* Moves @where to the root of the topmost mount on it. namespace_sem is held. */
static void to_top(struct path *where)
{
	struct mount *m;

	while ((m = mount_lookup(where))) {
		path_put(where);
		*where = (struct path){ m, dget(m->mnt_root) };
	}
}

/*
 * Attaches the unattached tree @m on the topmost mount at @where, to which @where moves, and copies
 * @m to all mounts to which that mount propagates. Returns 0, in which case the caller's reference
 * to @m passes to the tree; or -errno, in which case @dead has the copies to drop. namespace_sem is
 * held for writing.
 */
static int graft(struct mount *m, struct path *where, struct list_head *dead)
{
	int err;

	to_top(where);
	if (!mnt_is_ours(where->mnt))
		return -EINVAL;
	err = mnt_ns_room(where->mnt->mnt_ns, mnt_tree_size(m));
	if (err)
		return err;
	if (d_gone(where->dentry))
		return -ENOENT;
	if (is_dir(where->dentry->d_inode) != is_dir(m->mnt_root->d_inode))
		return -ENOTDIR;
	err = propagate_mount(m, where, dead);
	if (err)
		return err;
	mnt_attach(m, where);
	return 0;
}

bool mount_capable(const struct file_system_type *t)
{
	if (!(t->fs_flags & FS_USERNS_MOUNT))
		return capable(CAP_SYS_ADMIN);
	return ns_capable(t->owner ? t->owner() : current_user_ns(), CAP_SYS_ADMIN);
}

/* True if all mounts that are locked on @m cover empty directories. */
static bool is_whole(const struct mount *m, const struct file_system_type *t)
{
	struct mount *c;

	list_for_each_entry(c, &m->mnt_mounts, mnt_child)
		if ((c->mnt_state & MNT_LOCKED) && !t->is_bare(c->mnt_mountpoint->d_inode))
			return false;
	return true;
}

bool mount_too_revealing(struct mount *m)
{
	const struct file_system_type *t = m->mnt_sb->s_type;
	const struct mnt_namespace *ns = current_mnt_ns();
	struct mount *other;

	if (ns->ns.owner == &init_user_ns || !(t->fs_flags & FS_USERNS_VISIBLE))
		return false;
	for (other = mnt_ns_first_mount(ns); other; other = mnt_ns_next_mount(other)) {
		u32 s = other->mnt_state;

		if (other->mnt_sb->s_type != t || other->mnt_root != other->mnt_sb->s_root)
			continue;
		if (sb_rdonly(other->mnt_sb))
			s |= MNT_LOCK_READONLY;
		if ((s & MNT_LOCK_READONLY) && !(m->mnt_flags & MS_RDONLY))
			continue;
		if ((s & MNT_LOCK_ATIME) && ((other->mnt_flags ^ m->mnt_flags) & MNT_ATIME_FLAGS))
			continue;
		if (!is_whole(other, t))
			continue;
		m->mnt_state |= s & (MNT_LOCK_READONLY | MNT_LOCK_ATIME);
		return false;
	}
	return true;
}

/* Mounts a new file system of @type on top of @where. Returns 0 or -errno. */
static int do_new_mount(
	struct path *where, const char *type, u32 flags, const char *dev, char *data)
{
	struct file_system_type *t = get_fs_type(type);
	struct dentry *root;
	struct mount *m;
	LIST_HEAD(dead);
	int err;

	if (!t)
		return -ENODEV;
	if (!mount_capable(t))
		return -EPERM;
	root = t->mount(t, sb_flags_of(flags), dev, data);
	if (IS_ERR(root))
		return PTR_ERR(root);
	if ((t->fs_flags & FS_HAS_SUBTYPE) && strchr(type, '.'))
		strscpy(root->d_sb->s_subtype, strchr(type, '.'), sizeof(root->d_sb->s_subtype));
	up_write(&root->d_sb->s_umount);
	m = mnt_alloc(root, dev, mnt_flags_of(flags));
	if (IS_ERR(m)) {
		dput(root);
		deactivate_super(root->d_sb);
		return PTR_ERR(m);
	}
	dput(root);
	down_write(&namespace_sem);
	to_top(where);
	if (where->mnt->mnt_sb == m->mnt_sb && where->mnt->mnt_root == where->dentry)
		err = -EBUSY;
	/* A FUSE server chooses the type of its root, which must not be a symlink. */
	else if (is_lnk(m->mnt_root->d_inode))
		err = -EINVAL;
	else
		err = mount_too_revealing(m) ? -EPERM : graft(m, where, &dead);
	up_write(&namespace_sem);
	mnt_put_list(&dead);
	if (err)
		mntput(m);
	return err;
}

/*
 * True if locked mounts are on @d or below it. To show @d without them would reveal what a more
 * privileged namespace has covered. namespace_sem is held.
 */
bool has_locked_children(struct mount *m, struct dentry *d)
{
	struct mount *c;

	list_for_each_entry(c, &m->mnt_mounts, mnt_child)
		if ((c->mnt_state & MNT_LOCKED) && d_is_below(c->mnt_mountpoint, d))
			return true;
	return false;
}

/*
 * True if a mount of the namespace file @d could make a namespace hold a reference to itself,
 * directly or through other namespaces.
 */
static bool ns_file_loops(const struct dentry *d)
{
	const struct ns_common *ns = inode_ns(d->d_inode);

	return ns && ns->ops->flag == CLONE_NEWNS &&
	       container_of(ns, struct mnt_namespace, ns)->order <= current_mnt_ns()->order;
}

bool may_bind(const struct path *old, bool recursive)
{
	if (old->mnt->mnt_state & MNT_UNBINDABLE)
		return false;
	if (!mnt_is_ours(old->mnt) && !inode_ns(old->dentry->d_inode))
		return false;
	return recursive || !has_locked_children(old->mnt, old->dentry);
}

/*
 * Mounts the directory or file at @from, and with @recursive also the mounts below it, on top of
 * @where.
 */
static int do_bind(struct path *where, const char *from, bool recursive)
{
	struct path old;
	struct mount *m;
	LIST_HEAD(dead);
	int err;

	if (!from || !*from)
		return -EINVAL;
	err = kern_path(from, LOOKUP_FOLLOW | LOOKUP_AUTOMOUNT, &old);
	if (err)
		return err;
	down_write(&namespace_sem);
	err = -EINVAL;
	if (ns_file_loops(old.dentry) || !may_bind(&old, recursive))
		goto out;
	m = mnt_copy_tree(old.mnt, old.dentry, COPY_NS_FILES | (recursive ? COPY_RECURSIVE : 0));
	err = PTR_ERR(m);
	if (IS_ERR(m))
		goto out;
	err = graft(m, where, &dead);
	if (err)
		mnt_umount_tree(m, &dead);
out:
	up_write(&namespace_sem);
	mnt_put_list(&dead);
	path_put(&old);
	return err;
}

static bool has_unbindable(struct mount *top)
{
	struct mount *m;

	for (m = top; m; m = mnt_next(m, top))
		if (m->mnt_state & MNT_UNBINDABLE)
			return true;
	return false;
}

/*
 * True if the tree has a mount of a namespace file that would make a loop (ns_file_loops()). A
 * detached tree may have been made in another namespace.
 */
static bool has_ns_file_loop(struct mount *top)
{
	struct mount *m;

	for (m = top; m; m = mnt_next(m, top))
		if (ns_file_loops(m->mnt_root))
			return true;
	return false;
}

/*
 * Checks whether the mount of @old may be moved: it is attached in current's namespace, or is the
 * root of a detached tree. namespace_sem is held. Returns 0 or -errno.
 */
static int may_move(const struct path *old, const struct path *where)
{
	struct mount *m = old->mnt;
	bool attached = m->mnt_parent != m;

	if (!mnt_is_ours(where->mnt) || !m->mnt_ns)
		return -EINVAL;
	if (!(attached ? mnt_is_ours(m) : m->mnt_ns->detached))
		return -EINVAL;
	if ((m->mnt_state & MNT_LOCKED) || old->dentry != m->mnt_root)
		return -EINVAL;
	if (is_dir(where->dentry->d_inode) != is_dir(m->mnt_root->d_inode))
		return -EINVAL;
	if (attached && mnt_is_shared(m->mnt_parent))
		return -EINVAL;
	if (mnt_is_shared(where->mnt) && has_unbindable(m))
		return -EINVAL;
	if (mnt_is_below(where->mnt, m) || has_ns_file_loop(m))
		return -ELOOP;
	if (d_gone(where->dentry))
		return -ENOENT;
	return attached ? 0 : mnt_ns_room(where->mnt->mnt_ns, mnt_tree_size(m));
}

int move_tree(const struct path *from, struct path *where)
{
	/* A detached namespace that has lost its tree by the move. */
	struct mnt_namespace *left = NULL;
	LIST_HEAD(dead);
	struct mount *m = from->mnt;
	int err;

	down_write(&namespace_sem);
	to_top(where);
	err = may_move(from, where);
	if (!err)
		err = propagate_mount(m, where, &dead);
	if (!err) {
		if (m->mnt_parent != m) {
			mnt_move(m, where);
		} else {
			left = mnt_ns_del_tree(m);
			mnt_attach(m, where);
		}
	}
	up_write(&namespace_sem);
	mnt_put_list(&dead);
	if (left)
		ns_put(&left->ns);
	return err;
}

/* True if @m is @t, or is mounted on or below @t. */
static bool is_mounted_within(const struct mount *m, const struct mount *t)
{
	for (; m != t; m = m->mnt_parent)
		if (m->mnt_parent == m)
			return false;
	return true;
}

/*
 * Checks whether a mount may be placed between @top and the mountpoint of @top. Returns 0 or
 * -EINVAL. The move is refused if the parent has peers or slaves, since propagated copies would
 * have to be placed beneath other mounts, which Linux can do for some of them. namespace_sem is
 * held.
 */
static int may_go_beneath(const struct path *from, const struct path *top)
{
	struct mount *t = top->mnt, *p = t->mnt_parent, *m = from->mnt;

	if (top->dentry != t->mnt_root || p == t || (t->mnt_state & MNT_LOCKED))
		return -EINVAL;
	if (t == current->fs->root.mnt || is_mounted_within(m, t) ||
		mount_lookup_rcu(m, m->mnt_root))
		return -EINVAL;
	if (!list_empty(&p->mnt_share) || !list_empty(&p->mnt_slave_list))
		return -EINVAL;
	return 0;
}

int move_beneath(const struct path *from, const struct path *top)
{
	struct mount *m = from->mnt, *t = top->mnt;
	struct mnt_namespace *left = NULL;
	struct path where;
	LIST_HEAD(dead);
	int err;

	down_write(&namespace_sem);
	where = (struct path){ t->mnt_parent, t->mnt_mountpoint };
	err = may_go_beneath(from, top);
	if (!err)
		err = may_move(from, &where);
	if (!err)
		err = propagate_mount(m, &where, &dead);
	if (!err) {
		if (m->mnt_parent == m)
			left = mnt_ns_del_tree(m);
		mnt_slip_below(m, t);
	}
	up_write(&namespace_sem);
	mnt_put_list(&dead);
	if (left)
		ns_put(&left->ns);
	return err;
}

static int do_move_mount(struct path *where, const char *from)
{
	struct path old;
	int err;

	if (!from || !*from)
		return -EINVAL;
	err = kern_path(from, LOOKUP_FOLLOW, &old);
	if (err)
		return err;
	err = move_tree(&old, where);
	path_put(&old);
	return err;
}

static int do_change_type(struct path *where, u32 flags)
{
	u32 type = flags & MS_TYPES;
	struct mount *m, *top = where->mnt;
	int err = 0;

	if (!type || (type & (type - 1)) || (flags & ~(MS_TYPES | MS_REC | MS_SILENT)))
		return -EINVAL;
	if (where->dentry != top->mnt_root)
		return -EINVAL;
	down_write(&namespace_sem);
	if (!top->mnt_ns)
		err = -EINVAL;
	else if (!ns_capable(top->mnt_ns->ns.owner, CAP_SYS_ADMIN))
		/* The caller reached the mount by a file of another namespace. */
		err = -EPERM;
	for (m = top; m && !err; m = flags & MS_REC ? mnt_next(m, top) : NULL)
		err = mnt_set_type(m, type);
	up_write(&namespace_sem);
	return err;
}

/* ---- remounting ---- */

int mnt_set_flags(struct mount *m, u32 flags)
{
	u32 old = m->mnt_flags;

	if ((flags & MS_RDONLY) && !(old & MS_RDONLY)) {
		__atomic_or_fetch(&m->mnt_flags, MS_RDONLY, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&m->mnt_writers.v, __ATOMIC_SEQ_CST)) {
			__atomic_and_fetch(&m->mnt_flags, ~MS_RDONLY, __ATOMIC_SEQ_CST);
			return -EBUSY;
		}
	}
	WRITE_ONCE(m->mnt_flags, (old & ~MNT_USER_FLAGS) | (flags & MNT_USER_FLAGS));
	return 0;
}

/*
 * Returns the flags for a remount. If no option for access times is given, the mount keeps its
 * present flags for these.
 */
static u32 remount_flags(const struct mount *m, u32 flags)
{
	u32 f = mnt_flags_of(flags);

	if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
		f = (f & ~MNT_ATIME_FLAGS) | (m->mnt_flags & MNT_ATIME_FLAGS);
	return f;
}

/* True if @flags keeps all flags of the mount that a more privileged namespace has locked. */
bool may_lift(const struct mount *m, u32 flags)
{
	u32 s = m->mnt_state;

	return !(((s & MNT_LOCK_READONLY) && !(flags & MS_RDONLY)) ||
		 ((s & MNT_LOCK_NODEV) && !(flags & MS_NODEV)) ||
		 ((s & MNT_LOCK_NOSUID) && !(flags & MS_NOSUID)) ||
		 ((s & MNT_LOCK_NOEXEC) && !(flags & MS_NOEXEC)) ||
		 ((s & MNT_LOCK_ATIME) && ((m->mnt_flags ^ flags) & MNT_ATIME_FLAGS)));
}

static int do_remount(struct path *where, u32 flags, char *data)
{
	struct super_block *sb = where->mnt->mnt_sb;
	int err;

	if (where->dentry != where->mnt->mnt_root || !mnt_is_ours(where->mnt))
		return -EINVAL;
	if (!may_lift(where->mnt, remount_flags(where->mnt, flags)))
		return -EPERM;
	down_write(&sb->s_umount);
	if (flags & MS_BIND)
		err = 0;
	else if (!ns_capable(sb->s_user_ns ? sb->s_user_ns : &init_user_ns, CAP_SYS_ADMIN))
		err = -EPERM;
	else
		err = do_remount_sb(sb, sb_flags_of(flags), data);
	if (!err) {
		down_write(&namespace_sem);
		err = mnt_set_flags(where->mnt, remount_flags(where->mnt, flags));
		mnt_ns_changed(where->mnt->mnt_ns);
		up_write(&namespace_sem);
	}
	up_write(&sb->s_umount);
	return err;
}

static int mount_at(struct path *where, const char *dev, const char *type, u32 flags, char *data)
{
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	if (flags & MS_NOUSER)
		return -EINVAL;
	if (flags & MS_REMOUNT)
		return do_remount(where, flags, data);
	if (flags & MS_BIND)
		return do_bind(where, dev, flags & MS_REC);
	if (flags & MS_TYPES)
		return do_change_type(where, flags);
	if (flags & MS_MOVE)
		return do_move_mount(where, dev);
	return type ? do_new_mount(where, type, flags, dev, data) : -EINVAL;
}

int do_mount(const char *dev, const char *dir, const char *type, u32 flags, void *data)
{
	struct path where;
	int err = kern_path(dir, LOOKUP_FOLLOW, &where);

	if (err)
		return err;
	err = mount_at(&where, dev, type, flags, data);
	path_put(&where);
	return err;
}

/*
 * Copies a string argument of mount(2), which must be shorter than a page. Returns NULL for a null
 * pointer, or ERR_PTR.
 */
static char *mount_string(uaddr_t ua)
{
	char *s;
	ssize_t n;

	if (!ua.v)
		return NULL;
	s = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(s, ua, PAGE_SIZE);
	if (n >= 0 && n < (ssize_t)PAGE_SIZE)
		return s;
	kfree(s);
	return ERR_PTR(n < 0 ? n : -EINVAL);
}

/*
 * Copies the page of mount(2)'s data argument, or that part of the page that is readable. Returns
 * NULL for a null pointer, or ERR_PTR.
 */
static char *mount_data(uaddr_t ua)
{
	size_t left;
	char *s;

	if (!ua.v)
		return NULL;
	s = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	left = copy_from_user(s, ua, PAGE_SIZE - 1);
	if (left < PAGE_SIZE - 1)
		return s;
	kfree(s);
	return ERR_PTR(-EFAULT);
}

static void free_arg(char *s)
{
	if (!IS_ERR_OR_NULL(s))
		kfree(s);
}

long sys_mount(uaddr_t source, uaddr_t target, uaddr_t fstype, u64 flags, uaddr_t udata)
{
	char *type, *dev, *data;
	struct path where;
	int err;

	type = mount_string(fstype);
	if (IS_ERR(type))
		return PTR_ERR(type);
	dev = mount_string(source);
	data = mount_data(udata);
	err = IS_ERR(dev) ? PTR_ERR(dev) : IS_ERR(data) ? PTR_ERR(data) : 0;
	if (err)
		goto out;
	err = user_path_at(AT_FDCWD, target, LOOKUP_FOLLOW, &where);
	if (err)
		goto out;
	err = may_mount() ? landlock_mount() : -EPERM;
	if (!err)
		err = mount_at(&where, dev, type, flags, data);
	path_put(&where);
out:
	free_arg(data);
	free_arg(dev);
	free_arg(type);
	return err;
}

/* ---- umount ---- */

/*
 * Serves an unmount of the root file system. The file system cannot be unmounted while init runs on
 * it, so it becomes read-only, as on Linux.
 */
static int umount_root(struct super_block *sb)
{
	int err = 0;

	down_write(&sb->s_umount);
	if (!sb_rdonly(sb))
		err = do_remount_sb(sb, sb->s_flags | SB_RDONLY, NULL);
	up_write(&sb->s_umount);
	return err;
}

/*
 * Unmounts @m. namespace_sem is held, and the caller's path has one reference to @m. Returns 0 or
 * -errno.
 */
static int umount_locked(struct mount *m, int flags, struct list_head *dead)
{
	if (!mnt_is_ours(m) || m->mnt_parent == m || (m->mnt_state & MNT_LOCKED))
		return -EINVAL;
	if (flags & MNT_EXPIRE) {
		if (mnt_busy(m, 1) || !list_empty(&m->mnt_mounts))
			return -EBUSY;
		if (!xchg(&m->mnt_expiry, 1))
			return -EAGAIN;
	}
	if (flags & MNT_DETACH) {
		propagate_umount(m, true, dead);
		mnt_umount_tree(m, dead);
		return 0;
	}
	if (!list_empty(&m->mnt_mounts) || !close_unused(m))
		return -EBUSY;
	propagate_umount(m, false, dead);
	mnt_umount_tree(m, dead);
	return 0;
}

static int do_umount(struct mount *m, int flags)
{
	bool owner = ns_capable(sb_user_ns(m->mnt_sb), CAP_SYS_ADMIN);
	LIST_HEAD(dead);
	int err;

	if (!mnt_is_ours(m))
		return -EINVAL;
	if ((flags & MNT_FORCE) && !owner)
		return -EPERM;
	if (m == current->fs->root.mnt && !(flags & MNT_DETACH)) {
		if (flags & MNT_EXPIRE)
			return -EINVAL;
		return owner ? umount_root(m->mnt_sb) : -EPERM;
	}
	if ((flags & MNT_FORCE) && m->mnt_sb->s_op->umount_begin)
		m->mnt_sb->s_op->umount_begin(m->mnt_sb);
	down_write(&namespace_sem);
	err = umount_locked(m, flags, &dead);
	up_write(&namespace_sem);
	mnt_put_list(&dead);
	return err;
}

long sys_umount2(uaddr_t target, int flags)
{
	struct path path;
	int err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	err = user_path_at(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	down_read(&namespace_sem);
	/* Other mounts may cover ".", the working directory. */
	to_top(&path);
	up_read(&namespace_sem);
	if (!may_mount())
		err = -EPERM;
	else if ((flags & MNT_EXPIRE) && (flags & (MNT_FORCE | MNT_DETACH)))
		err = -EINVAL;
	else
		err = path.dentry == path.mnt->mnt_root ? landlock_mount() : -EINVAL;
	if (!err)
		err = do_umount(path.mnt, flags);
	dput(path.dentry);
	mnt_put_keep_expiry(path.mnt);
	return err;
}

/* ---- pivot_root ---- */

static int move_root(struct path *p, const struct path *old, const struct path *new)
{
	if (p->mnt != old->mnt || p->dentry != old->dentry)
		return 0;
	path_get(new);
	*p = *new;
	return 1;
}

static int move_task_root(struct task *t, const struct path *old, const struct path *new)
{
	struct fs_struct *fs;
	int n = 0;

	spin_lock(&t->alloc_lock);
	fs = t->fs;
	if (fs) {
		fs_write_begin(fs);
		n += move_root(&fs->root, old, new);
		n += move_root(&fs->pwd, old, new);
		fs_write_end(fs);
	}
	spin_unlock(&t->alloc_lock);
	return n;
}

/* Moves the roots and working directories of all processes from the path @old to @new. */
static void chroot_all(const struct path *old, const struct path *new)
{
	struct task *p, *t;
	int n = 0;

	read_lock(&tasklist_lock);
	list_for_each_entry(p, &all_processes, tasks)
		list_for_each_entry(t, &p->signal->threads, thread_node)
			n += move_task_root(t, old, new);
	read_unlock(&tasklist_lock);
	while (n--)
		path_put(old); /* the references of the moved paths */
}

/* Checks the arguments of pivot_root(2). namespace_sem is held. Returns 0 or -errno. */
static int pivot_allowed(
	const struct path *new, const struct path *put_old, const struct path *root)
{
	struct mount *nm = new->mnt, *rm = root->mnt;

	if (!mnt_is_ours(rm) || !mnt_is_ours(nm) || !mnt_is_ours(put_old->mnt))
		return -EINVAL;
	if (nm == rm || put_old->mnt == rm)
		return -EBUSY;
	if (root->dentry != rm->mnt_root || rm->mnt_parent == rm)
		return -EINVAL;
	if (new->dentry != nm->mnt_root || nm->mnt_parent == nm)
		return -EINVAL;
	if (mnt_is_shared(put_old->mnt) || mnt_is_shared(nm->mnt_parent) ||
		mnt_is_shared(rm->mnt_parent))
		return -EINVAL;
	if (nm->mnt_state & MNT_LOCKED)
		return -EINVAL;
	if (d_gone(new->dentry) || d_gone(put_old->dentry))
		return -ENOENT;
	if (!path_is_under(put_old, new) || !path_is_under(new, root))
		return -EINVAL;
	return 0;
}

static int do_pivot(struct path *new, struct path *put_old, struct path *root)
{
	int err;

	down_write(&namespace_sem);
	to_top(put_old);
	err = pivot_allowed(new, put_old, root);
	if (!err) {
		mnt_pivot(new->mnt, root->mnt, put_old);
		/*
		 * MNT_LOCKED belongs to the mount at the root: from now on the new root may not be
		 * unmounted, and the old one may.
		 */
		new->mnt->mnt_state |= root->mnt->mnt_state &MNT_LOCKED;
		root->mnt->mnt_state &= ~MNT_LOCKED;
	}
	up_write(&namespace_sem);
	if (!err)
		chroot_all(root, new);
	return err;
}

long sys_pivot_root(uaddr_t new_root, uaddr_t put_old)
{
	struct path new, old, root;
	int err;

	if (!may_mount())
		return -EPERM;
	err = user_path_at(AT_FDCWD, new_root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (err)
		return err;
	err = user_path_at(AT_FDCWD, put_old, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	if (err)
		goto out_put_new;
	get_fs_root(current->fs, &root);
	err = landlock_mount();
	if (!err)
		err = do_pivot(&new, &old, &root);
	path_put(&root);
	path_put(&old);
out_put_new:
	path_put(&new);
	return err;
}
