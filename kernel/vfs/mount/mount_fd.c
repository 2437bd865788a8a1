/* SPDX-License-Identifier: MIT */
/*
 * mount_fd.c: mounts by descriptor: open_tree(2), open_tree_attr(2), move_mount(2),
 * mount_setattr(2).
 *
 * A detached tree (of fsmount, OPEN_TREE_CLONE) is in a separate mount namespace without tasks. Its
 * descriptor is an O_PATH file with FMODE_NEED_UNMOUNT: if it is closed before the tree is
 * attached, the tree is unmounted.
 *
 * Locks: namespace_sem.
 */
#include <linux/mount.h>

#include "gen/syscalls.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/landlock/landlock.h"
#include "kernel/vfs/mount/mount.h"

#define ATTR_SIMPLE                                                                                \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |            \
		MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)
#define MS_TYPES (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* ---- attributes ---- */

static u32 simple_flags(u64 attr)
{
	return (attr & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0) |
	       (attr & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0) |
	       (attr & MOUNT_ATTR_NODEV ? MS_NODEV : 0) |
	       (attr & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0) |
	       (attr & MOUNT_ATTR_NODIRATIME ? MS_NODIRATIME : 0) |
	       (attr & MOUNT_ATTR_NOSYMFOLLOW ? MS_NOSYMFOLLOW : 0);
}

/*
 * Returns the flags of mnt_flags for the attribute that selects how access times change:
 * MS_NOATIME, MS_RELATIME, or 0 for strictatime; or -EINVAL.
 */
static int atime_flags(u64 attr)
{
	switch (attr & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_RELATIME: return MS_RELATIME;
	case MOUNT_ATTR_NOATIME: return MS_NOATIME;
	case MOUNT_ATTR_STRICTATIME: return 0;
	}
	return -EINVAL;
}

int mnt_flags_of_attr(u64 attr)
{
	int atime = atime_flags(attr);

	if (attr & ~(u64)(ATTR_SIMPLE | MOUNT_ATTR__ATIME))
		return -EINVAL;
	return atime < 0 ? atime : (int)simple_flags(attr) | atime;
}

/* ---- detached trees ---- */

/* Opens a descriptor for @f, a file or ERR_PTR(-errno), and takes its reference. */
static long file_fd(struct file *f, u32 oflags)
{
	int fd;

	if (IS_ERR(f))
		return PTR_ERR(f);
	fd = get_unused_fd(oflags);
	if (fd < 0)
		fput(f);
	else
		fd_install(fd, f);
	return fd;
}

static void ns_of_tree_put(struct mnt_namespace *ns)
{
	ns_put(&ns->ns);
}

/*
 * Returns a file of the detached tree @m, which is unmounted with the file unless it is moved
 * before then. On failure returns ERR_PTR(-errno), and the tree is unmounted.
 */
static struct file *tree_file(struct mount *m)
{
	struct mnt_namespace *ns = mnt_ns_new(current_user_ns(), true);
	struct path path = { m, m->mnt_root };
	LIST_HEAD(dead);
	struct file *f;

	if (IS_ERR(ns)) {
		down_write(&namespace_sem);
		mnt_umount_tree(m, &dead);
		up_write(&namespace_sem);
		mnt_put_list(&dead);
		return ERR_CAST(ns);
	}
	down_write(&namespace_sem);
	ns->root = m;
	mnt_ns_add_tree(ns, m);
	up_write(&namespace_sem);
	f = path_file(&path);
	if (IS_ERR(f))
		ns_of_tree_put(ns);
	else
		f->f_mode |= FMODE_NEED_UNMOUNT;
	return f;
}

long mnt_tree_fd(struct mount *m, u32 oflags)
{
	return file_fd(tree_file(m), oflags);
}

void mnt_dissolve(struct mount *m)
{
	struct mnt_namespace *ns;
	LIST_HEAD(dead);

	down_write(&namespace_sem);
	ns = m->mnt_ns;
	if (ns && !(ns->detached && ns->root == m))
		ns = NULL;
	/*
	 * The tree is unmounted under the lock: a move_mount() that comes later finds the tree in
	 * no namespace, and leaves the namespace to this function.
	 */
	if (ns) {
		ns->root = NULL;
		mnt_umount_tree(m, &dead);
	}
	up_write(&namespace_sem);
	mnt_put_list(&dead);
	if (ns)
		ns_of_tree_put(ns);
}

/* ---- open_tree ---- */

static struct file *open_detached_copy(const struct path *path, bool recursive)
{
	struct mount *m = ERR_PTR(-EINVAL);

	down_write(&namespace_sem);
	if (may_bind(path, recursive))
		m = mnt_copy_tree(
			path->mnt, path->dentry, COPY_NS_FILES | (recursive ? COPY_RECURSIVE : 0));
	up_write(&namespace_sem);
	return IS_ERR(m) ? ERR_CAST(m) : tree_file(m);
}

/* Does what open_tree(2) does, but returns the file, or ERR_PTR(-errno). */
static struct file *open_tree_file(int dfd, uaddr_t ua, int uflags)
{
	u32 flags = (u32)uflags, lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
					  (flags & AT_NO_AUTOMOUNT ? 0 : LOOKUP_AUTOMOUNT);
	bool clone = flags & OPEN_TREE_CLONE;
	struct path path;
	struct file *f;
	long err;

	if (flags & ~(u32)(AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC))
		return ERR_PTR(-EINVAL);
	if ((flags & AT_RECURSIVE) && !clone)
		return ERR_PTR(-EINVAL);
	if (clone && !may_mount())
		return ERR_PTR(-EPERM);
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = user_path_at(dfd, ua, lookup, &path);
	if (err)
		return ERR_PTR(err);
	f = clone ? open_detached_copy(&path, flags & AT_RECURSIVE) : path_file(&path);
	path_put(&path);
	return f;
}

long sys_open_tree(int dfd, uaddr_t ua, int flags)
{
	return file_fd(open_tree_file(dfd, ua, flags), (u32)flags & O_CLOEXEC);
}

/* ---- move_mount ---- */

/* From Linux 6.5, missing in older headers. */
#define MOVE_MOUNT_BENEATH_ 0x200
#define BENEATH_OR_GROUP (MOVE_MOUNT_BENEATH_ | MOVE_MOUNT_SET_GROUP)

/*
 * Gives a private mount, @to, the peer group and the master of @from, another mount of its file
 * system. Mounts then propagate to @to from the peers and the master, so @to must show a subtree of
 * what @from shows, and no locked mount on @from may cover a part of that subtree. Returns 0,
 * -EPERM, or -EINVAL, also if @from has neither peer group nor master.
 */
static int set_group(const struct path *from, const struct path *to)
{
	struct mount *f = from->mnt, *t = to->mnt;

	if (from->dentry != f->mnt_root || to->dentry != t->mnt_root)
		return -EINVAL;
	if (!f->mnt_ns || !t->mnt_ns)
		return -EINVAL;
	if (!ns_capable(f->mnt_ns->ns.owner, CAP_SYS_ADMIN) ||
		!ns_capable(t->mnt_ns->ns.owner, CAP_SYS_ADMIN))
		return -EPERM;
	if (mnt_is_shared(t) || t->mnt_master || f->mnt_sb != t->mnt_sb)
		return -EINVAL;
	if (!d_is_below(t->mnt_root, f->mnt_root) || has_locked_children(f, t->mnt_root))
		return -EINVAL;
	if (!mnt_is_shared(f) && !f->mnt_master)
		return -EINVAL;
	mnt_copy_group(t, f);
	return 0;
}

static int do_set_group(const struct path *from, const struct path *to)
{
	int err;

	down_write(&namespace_sem);
	err = set_group(from, to);
	up_write(&namespace_sem);
	return err;
}

long sys_move_mount(int from_fd, uaddr_t ufrom, int to_fd, uaddr_t uto, int flags)
{
	u32 lfrom = (flags & MOVE_MOUNT_F_SYMLINKS ? LOOKUP_FOLLOW : 0) |
		    (flags & MOVE_MOUNT_F_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	u32 lto = (flags & MOVE_MOUNT_T_SYMLINKS ? LOOKUP_FOLLOW : 0) |
		  (flags & MOVE_MOUNT_T_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path from, to;
	int err;

	if (!may_mount())
		return -EPERM;
	if ((flags & ~(MOVE_MOUNT__MASK | MOVE_MOUNT_BENEATH_)) ||
		(flags & BENEATH_OR_GROUP) == BENEATH_OR_GROUP)
		return -EINVAL;
	err = user_path_at(from_fd, ufrom, lfrom, &from);
	if (err)
		return err;
	err = user_path_at(to_fd, uto, lto, &to);
	if (err)
		goto out_from;
	err = landlock_mount();
	if (err)
		;
	else if (flags & MOVE_MOUNT_SET_GROUP)
		err = do_set_group(&from, &to);
	else if (flags & MOVE_MOUNT_BENEATH_)
		err = move_beneath(&from, &to);
	else
		err = move_tree(&from, &to);
	path_put(&to);
out_from:
	path_put(&from);
	return err;
}

/* ---- mount_setattr ---- */

struct change {
	u32 set, clear;               /* bits of mnt_flags */
	u32 type;                     /* MS_SHARED and so on; 0: keep */
	struct user_namespace *idmap; /* holds a reference; NULL: keep */
};

/*
 * Checks the argument of mount_setattr(2) and fills in *c, which change_put() releases. Returns 0
 * or -errno.
 */
static int build_change(const struct mount_attr *a, struct change *c)
{
	u64 known = ATTR_SIMPLE | MOUNT_ATTR__ATIME | MOUNT_ATTR_IDMAP;
	int atime;

	if ((a->propagation & ~(u64)MS_TYPES) || (a->propagation & (a->propagation - 1)))
		return -EINVAL;
	if ((a->attr_set | a->attr_clr) & ~known)
		return -EINVAL;
	c->type = (u32)a->propagation;
	c->set = simple_flags(a->attr_set);
	c->clear = simple_flags(a->attr_clr);
	/*
	 * The field for access times has one of three values, so a change must clear the whole
	 * field.
	 */
	if (a->attr_clr & MOUNT_ATTR__ATIME) {
		atime = atime_flags(a->attr_set);
		if ((a->attr_clr & MOUNT_ATTR__ATIME) != MOUNT_ATTR__ATIME || atime < 0)
			return -EINVAL;
		c->clear |= MS_RELATIME | MS_NOATIME;
		c->set |= (u32)atime;
	} else if (a->attr_set & MOUNT_ATTR__ATIME) {
		return -EINVAL;
	}
	c->idmap = NULL;
	if (a->attr_clr & MOUNT_ATTR_IDMAP)
		return -EINVAL; /* an id map can never be removed */
	if (a->attr_set & MOUNT_ATTR_IDMAP)
		c->idmap = idmap_of_fd(a->userns_fd);
	return IS_ERR(c->idmap) ? (int)PTR_ERR(c->idmap) : 0;
}

static void change_put(struct change *c)
{
	if (c->idmap)
		put_user_ns(c->idmap);
}

static u32 changed(const struct mount *m, const struct change *c)
{
	return (m->mnt_flags & ~c->clear) | c->set;
}

/*
 * Changes all mounts or none. The steps that can fail come first, and are undone on failure.
 * Returns 0 or -errno.
 */
static int change_flags(struct mount *top, const struct change *c, bool recursive)
{
	struct mount *m, *bad = NULL;
	int err = 0;

	for (m = top; m; m = recursive ? mnt_next(m, top) : NULL)
		if (!may_lift(m, changed(m, c)))
			return -EPERM;
		else if (c->idmap && (err = may_idmap(m, c->idmap)))
			return err;
	for (m = top; m && !err; m = recursive ? mnt_next(m, top) : NULL) {
		if (!(c->set & MS_RDONLY) || (m->mnt_flags & MS_RDONLY))
			continue;
		m->mnt_state |= MNT_TO_RDONLY;
		err = mnt_set_flags(m, m->mnt_flags | MS_RDONLY);
		if (err)
			bad = m;
	}
	for (m = top; m; m = recursive ? mnt_next(m, top) : NULL) {
		if (err && m != bad && (m->mnt_state & MNT_TO_RDONLY))
			mnt_set_flags(m, m->mnt_flags & ~(u32)MS_RDONLY);
		m->mnt_state &= ~MNT_TO_RDONLY;
		if (!err)
			mnt_set_flags(m, changed(m, c));
		if (!err && c->idmap)
			smp_store_release(&m->mnt_idmap, get_user_ns(c->idmap));
	}
	return err;
}

static int do_setattr(const struct path *path, const struct change *c, bool recursive)
{
	struct mount *top = path->mnt, *m;
	int err = -EINVAL;

	if (path->dentry != top->mnt_root)
		return -EINVAL;
	down_write(&namespace_sem);
	if (!top->mnt_ns || !(top->mnt_parent != top ? mnt_is_ours(top) :
						       top->mnt_ns->detached || mnt_is_ours(top)))
		goto out;
	err = change_flags(top, c, recursive);
	for (m = top; m && !err && c->type; m = recursive ? mnt_next(m, top) : NULL)
		err = mnt_set_type(m, c->type);
	mnt_ns_changed(top->mnt_ns);
out:
	up_write(&namespace_sem);
	return err;
}

/*
 * Reads and checks the argument of mount_setattr(2). Returns 1 with *c filled in, 0 if the argument
 * requests no change, or -errno.
 */
static int get_change(uaddr_t uattr, size_t size, struct change *c)
{
	struct mount_attr a;
	int err;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < MOUNT_ATTR_SIZE_VER0)
		return -EINVAL;
	if (!may_mount())
		return -EPERM;
	err = copy_struct_from_user(&a, sizeof(a), uattr, size);
	if (err)
		return err;
	if (!a.attr_set && !a.attr_clr && !a.propagation)
		return 0;
	err = build_change(&a, c);
	return err ? err : 1;
}

long sys_open_tree_attr(int dfd, uaddr_t ua, int flags, uaddr_t uattr, size_t size)
{
	struct change c;
	struct file *f;
	bool made;
	int err;

	if (!uattr.v != !size)
		return -EINVAL;
	err = size ? get_change(uattr, size, &c) : 0;
	if (err < 0)
		return err;
	made = err > 0;
	f = open_tree_file(dfd, ua, flags);
	/* The descriptor is opened last: until then no other thread can use or close it. */
	if (made && !IS_ERR(f)) {
		err = do_setattr(&f->f_path, &c, flags & AT_RECURSIVE);
		if (err) {
			fput(f);
			f = ERR_PTR(err);
		}
	}
	if (made)
		change_put(&c);
	return file_fd(f, (u32)flags & O_CLOEXEC);
}

long sys_mount_setattr(int dfd, uaddr_t ua, int flags, uaddr_t uattr, size_t size)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct change c;
	struct path path;
	int err;

	if (flags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -EINVAL;
	err = get_change(uattr, size, &c);
	if (err <= 0)
		return err;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = user_path_at(dfd, ua, lookup, &path);
	if (!err) {
		err = do_setattr(&path, &c, flags & AT_RECURSIVE);
		path_put(&path);
	}
	change_put(&c);
	return err;
}
