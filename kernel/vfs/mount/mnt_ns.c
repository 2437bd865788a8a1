/* SPDX-License-Identifier: MIT */
/*
 * mnt_ns.c: mount namespaces: each has its own tree of mounts (mount_namespaces(7)).
 *
 * A new namespace begins with a copy of its maker's tree. The copies of shared mounts join their
 * peer groups, so mounts still propagate. If another user namespace owns the new namespace, the
 * copies become slaves instead, and all its mounts are locked in place (MNT_LOCKED). The end of a
 * namespace unmounts its tree lazily, without propagation.
 *
 * Locks: namespace_sem for the trees.
 */
#include "kernel/vfs/mount/mount.h"

static u64 last_order; /* under namespace_sem */

static void mnt_ns_free(struct ns_common *ns)
{
	struct mnt_namespace *m = container_of(ns, struct mnt_namespace, ns);
	LIST_HEAD(dead);

	down_write(&namespace_sem);
	if (m->root)
		mnt_umount_tree(m->root, &dead);
	list_del_init(&m->siblings);
	up_write(&namespace_sem);
	mnt_put_list(&dead);
	if (m->detached)
		put_user_ns(ns->owner);
	else
		ns_fini(ns);
	kfree(m);
}

static struct ns_common *mnt_ns_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs);

void mnt_ns_top(struct mnt_namespace *ns, struct path *top)
{
	struct mount *m;

	*top = (struct path){ mntget(ns->root), dget(ns->root->mnt_root) };
	while ((m = mount_lookup(top))) {
		path_put(top);
		*top = (struct path){ m, dget(m->mnt_root) };
	}
}

static int mnt_ns_install(struct nsset *set, struct ns_common *ns)
{
	struct mnt_namespace *m = container_of(ns, struct mnt_namespace, ns);
	struct user_namespace *mine = set->cred ? set->cred->user_ns : current_user_ns();
	const struct cred *c = set->cred ? set->cred : current_cred();
	struct path top;

	if (!ns_capable(ns->owner, CAP_SYS_ADMIN) || !cred_ns_capable(c, mine, CAP_SYS_CHROOT) ||
		!cred_ns_capable(c, mine, CAP_SYS_ADMIN))
		return -EPERM;
	if (m->detached || atomic_read(&set->fs->users) != 1)
		return -EINVAL;
	mnt_ns_top(m, &top);
	set_fs_root(set->fs, &top);
	set_fs_pwd(set->fs, &top);
	path_put(&top);
	return 0;
}

static const struct ns_ops mnt_ns_ops = {
	.name = "mnt",
	.flag = CLONE_NEWNS,
	.count = UCOUNT_MNT,
	.copy = mnt_ns_copy,
	.free = mnt_ns_free,
	.install = mnt_ns_install,
};

struct mnt_namespace *mnt_ns_new(struct user_namespace *owner, bool detached)
{
	struct mnt_namespace *m = kzalloc(sizeof(*m), GFP_KERNEL);
	int err;

	if (!m)
		return ERR_PTR(-ENOMEM);
	err = detached ? 0 : ns_init(&m->ns, &mnt_ns_ops, owner);
	if (err) {
		kfree(m);
		return ERR_PTR(err);
	}
	/* A detached namespace is neither counted nor shown, so it needs no number. */
	if (detached) {
		atomic_set(&m->ns.count, 1);
		m->ns.ops = &mnt_ns_ops;
		m->ns.owner = get_user_ns(owner);
	}
	m->mounts = RB_ROOT;
	init_waitqueue_head(&m->poll);
	m->detached = detached;
	down_write(&namespace_sem);
	m->order = ++last_order;
	INIT_LIST_HEAD(&m->siblings);
	if (!detached)
		list_add_tail(&m->siblings, &init_mnt_ns.siblings);
	up_write(&namespace_sem);
	return m;
}

/* ---- all namespaces ---- */

/*
 * Takes a reference to the namespace. Returns false if it has no tree yet or is being freed.
 * namespace_sem is held.
 */
static bool hold(struct mnt_namespace *m)
{
	return m->root && atomic_inc_not_zero(&m->ns.count);
}

struct mnt_namespace *mnt_ns_find(u64 unique)
{
	struct mnt_namespace *m = &init_mnt_ns, *found = NULL;

	down_read(&namespace_sem);
	do {
		if (mnt_ns_unique(m) == unique)
			found = hold(m) ? m : NULL;
		m = list_entry(m->siblings.next, struct mnt_namespace, siblings);
	} while (!found && m != &init_mnt_ns);
	up_read(&namespace_sem);
	return found;
}

struct mnt_namespace *mnt_ns_neighbour(struct mnt_namespace *ns, bool older)
{
	struct mnt_namespace *m = ns, *found = NULL;

	down_read(&namespace_sem);
	while (!found) {
		if (older && m == &init_mnt_ns)
			break;
		m = list_entry(older ? m->siblings.prev : m->siblings.next, struct mnt_namespace,
			siblings);
		if (!older && m == &init_mnt_ns)
			break;
		if (ns_capable(m->ns.owner, CAP_SYS_ADMIN) && hold(m))
			found = m;
	}
	up_read(&namespace_sem);
	return found;
}

u32 mnt_ns_count(struct mnt_namespace *ns)
{
	u32 n;

	down_read(&namespace_sem);
	n = ns->nr_mounts;
	up_read(&namespace_sem);
	return n;
}

/* If @p is on the mount @from, moves it to the copy @to. */
static void move_path(struct path *p, struct mount *from, struct mount *to)
{
	if (p->mnt != from)
		return;
	mntget(to);
	p->mnt = to;
	/* Not the last reference: the old tree holds another. */
	mntput(from);
}

/*
 * Moves root and working directory of @fs from mounts of the tree @orig to their copies in @copy.
 * namespace_sem is held.
 */
static void move_fs(struct fs_struct *fs, struct mount *copy, struct mount *orig)
{
	struct mount *c = copy, *o = orig;

	while (c && o) {
		fs_write_begin(fs);
		move_path(&fs->root, o, c);
		move_path(&fs->pwd, o, c);
		fs_write_end(fs);
		c = mnt_next(c, copy);
		o = mnt_next(o, orig);
		/*
		 * Skips mounts that were not copied: if the roots differ, @c is the copy of a later
		 * mount.
		 */
		while (c && o && c->mnt_root != o->mnt_root) {
			while (!list_empty(&o->mnt_mounts))
				o = list_last_entry(&o->mnt_mounts, struct mount, mnt_child);
			o = mnt_next(o, orig);
		}
	}
}

static struct ns_common *mnt_ns_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	struct mnt_namespace *from = container_of(old, struct mnt_namespace, ns), *m;
	bool less = owner != from->ns.owner;
	struct mount *copy;

	m = mnt_ns_new(owner, false);
	if (IS_ERR(m))
		return ERR_CAST(m);
	down_write(&namespace_sem);
	copy = mnt_copy_tree(from->root, from->root->mnt_root,
		COPY_RECURSIVE | COPY_UNBINDABLE | (less ? COPY_SLAVE : 0));
	if (!IS_ERR(copy)) {
		if (less)
			mnt_lock_tree(copy);
		m->root = copy;
		mnt_ns_add_tree(m, copy);
		if (fs)
			move_fs(fs, copy, from->root);
	}
	up_write(&namespace_sem);
	if (!IS_ERR(copy))
		return &m->ns;
	ns_put(&m->ns);
	return ERR_CAST(copy);
}

bool current_chrooted(void)
{
	struct path top, root;
	bool yes;

	down_read(&namespace_sem);
	mnt_ns_top(current_mnt_ns(), &top);
	up_read(&namespace_sem);
	get_fs_root(current->fs, &root);
	yes = top.mnt != root.mnt || top.dentry != root.dentry;
	path_put(&root);
	path_put(&top);
	return yes;
}

static int mnt_ns_init(void)
{
	ns_register(NS_MNT, &mnt_ns_ops, &init_mnt_ns.ns);
	return 0;
}
INITCALL(1, mnt_ns_init);
