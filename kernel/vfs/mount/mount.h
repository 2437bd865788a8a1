/* SPDX-License-Identifier: MIT */
/*
 * mount.h: declarations shared by mnt.c (the tree of mounts), mnt_copy.c (making and copying),
 * namespace.c (mount(2) and umount(2)), propagation.c and mounts_show.c.
 *
 * Functions that change or walk the tree are called with namespace_sem held, for writing if they
 * change it, unless their comment says that they take it. Functions of type int return 0 or -errno.
 */
#ifndef NESTLING_VFS_MOUNT_H
#define NESTLING_VFS_MOUNT_H

#include <linux/sched.h>

#include "kernel/vfs/internal.h"

/* umount2(2)'s flags, which no UAPI header has. */
#define MNT_FORCE 1
#define MNT_DETACH 2
#define MNT_EXPIRE 4
#define UMOUNT_NOFOLLOW 8

/* Flags in mnt_flags that belong to a mount, not to its superblock. */
#define MNT_ATIME_FLAGS (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
#define MNT_USER_FLAGS                                                                             \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MNT_ATIME_FLAGS)

/* Further bits of mnt_state (internal.h). */
#define MNT_UNBINDABLE 16
/*
 * The mount came from a more privileged namespace. It may not be unmounted, since that would show
 * what it covers.
 */
#define MNT_LOCKED 32
#define MNT_TO_RDONLY 64   /* mount_setattr(2) makes it read-only */
#define MNT_VISITED 0x2000 /* propagation.c has been there */
#define MNT_GOING 0x4000   /* propagation.c will unmount it */
/* Bits for flags of the mount that may not be cleared. */
#define MNT_LOCK_READONLY 0x100
#define MNT_LOCK_NODEV 0x200
#define MNT_LOCK_NOSUID 0x400
#define MNT_LOCK_NOEXEC 0x800
#define MNT_LOCK_ATIME 0x1000
/* The mount was unmounted, but is still on its parent, which holds a reference to it. */
#define MNT_STUCK 0x8000

/*
 * Every mnt_id_unique is above this number and every mnt_id below it, so that neither kind of id is
 * taken for the other.
 */
#define MNT_FIRST_UNIQUE (1UL << 31)

/* Flags for copying a mount or a tree. */
#define COPY_RECURSIVE 1
#define COPY_UNBINDABLE 2 /* also copy unbindable mounts */
#define COPY_NS_FILES 4   /* also bind mounts of mount namespaces */
/* Copies of shared mounts become slaves of the originals. */
#define COPY_SLAVE 8
#define COPY_PRIVATE 16 /* copies are in no peer group */

struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;          /* under namespace_sem */
	struct rb_root mounts;       /* by mnt_id_unique; under namespace_sem */
	u64 event;                   /* incremented at each change of the tree */
	struct wait_queue_head poll; /* woken up with each event */
	u32 nr_mounts;               /* under namespace_sem, as is nr_coming */
	u32 nr_coming;               /* copies about to be attached */
	/*
	 * Number in the order of creation. Bind mounts of a namespace may only be in older
	 * namespaces.
	 */
	u64 order;
	/*
	 * Link in the list of all namespaces except detached ones, the oldest first; init_mnt_ns
	 * has the list's head. Under namespace_sem.
	 */
	struct list_head siblings;
	/*
	 * True if open_tree() or fsmount() has made the namespace: it holds the tree of one
	 * descriptor, and no task is in it.
	 */
	bool detached;
};
extern struct mnt_namespace init_mnt_ns;
/* Returns the oldest mount of the namespace; namespace_sem is held. */
static inline struct mount *mnt_ns_first_mount(const struct mnt_namespace *ns)
{
	return rb_entry_safe(rb_first(&ns->mounts), struct mount, mnt_node);
}
static inline struct mount *mnt_ns_next_mount(const struct mount *m)
{
	return rb_entry_safe(rb_next(&m->mnt_node), struct mount, mnt_node);
}
/* Returns the id of the namespace for statmount(2) and NS_GET_MNTNS_ID. Ids are never reused. */
static inline u64 mnt_ns_unique(const struct mnt_namespace *ns)
{
	return ns->order + 1;
}
static inline struct mnt_namespace *current_mnt_ns(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_MNT], struct mnt_namespace, ns) : &init_mnt_ns;
}
/*
 * True if the mount is in current's mount namespace. Without namespace_sem the result may be out of
 * date.
 */
static inline bool mnt_is_ours(const struct mount *m)
{
	return m->mnt_ns == current_mnt_ns();
}
/* True if current may change the mounts of its namespace. */
static inline bool may_mount(void)
{
	return ns_capable(current_mnt_ns()->ns.owner, CAP_SYS_ADMIN);
}
u32 mnt_tree_size(struct mount *m); /* number of mounts in the tree, with @m */
/*
 * Checks whether the namespace may get @n more mounts, in addition to those that are about to be
 * attached. Returns 0 or -ENOSPC.
 */
int mnt_ns_room(const struct mnt_namespace *ns, u32 n);
/*
 * Makes a namespace without a tree, and takes a reference to @owner for it. Takes namespace_sem.
 * Returns it with one reference, or ERR_PTR.
 */
struct mnt_namespace *mnt_ns_new(
	struct user_namespace *owner, bool detached); /* @detached: mnt_namespace.detached */
/*
 * mnt_ns_find() finds a mount namespace by its unique id. mnt_ns_neighbour() finds the next
 * younger, or with @older the next older one, over which current has CAP_SYS_ADMIN. Both return it
 * with a reference, or NULL. They take namespace_sem.
 */
struct mnt_namespace *mnt_ns_find(u64 unique);
struct mnt_namespace *mnt_ns_neighbour(struct mnt_namespace *ns, bool older);
/*
 * Sets *top to the root of the topmost mount at the namespace's root, with references. The caller
 * has a reference to @ns, which has a tree; namespace_sem need not be held.
 */
void mnt_ns_top(struct mnt_namespace *ns, struct path *top);
u32 mnt_ns_count(struct mnt_namespace *ns); /* takes namespace_sem */
/* Sets MNT_LOCKED in the mounts of a tree that comes from a more privileged namespace. */
void mnt_lock_tree(struct mount *m);
void mnt_ns_add_tree(struct mnt_namespace *ns, struct mount *m); /* puts the tree @m into @ns */
/*
 * Removes the tree @m from its detached namespace. Returns the namespace, whose reference passes to
 * the caller.
 */
struct mnt_namespace *mnt_ns_del_tree(struct mount *m);
/* Counts an event and wakes up ns->poll. @ns may be NULL. */
void mnt_ns_changed(struct mnt_namespace *ns);

/*
 * Makes a mount of @root, to which it takes a reference. The mount is not attached, and has one
 * reference, the caller's. The caller takes the mount's reference in s_active. @devname is copied;
 * @flags: MS_*. Takes no lock. Returns ERR_PTR on failure.
 */
struct mount *mnt_alloc(struct dentry *root, const char *devname, u32 flags);
/*
 * Copy a mount, or its subtree, so that the copy shows @root. The copy is not attached, and has one
 * reference, the caller's. @how: COPY_*. namespace_sem is held for writing. Return ERR_PTR on
 * failure. mnt_copy_tree() returns -EINVAL if @how forbids to copy @m itself, and -EPERM if a mount
 * below @m is both unbindable and locked.
 */
struct mount *mnt_clone(struct mount *m, struct dentry *root, u32 how);
struct mount *mnt_copy_tree(struct mount *m, struct dentry *root, u32 how);
/*
 * Attaches @m with its subtree at @where, to which it takes references. The caller's reference to
 * @m becomes the tree's.
 */
void mnt_attach(struct mount *m, const struct path *where);
/* Detaches @m with its children. The tree's reference passes to the caller. */
void mnt_detach(struct mount *m);
/*
 * Moves @m with its subtree to @where in one step: a walk finds @m either at its old mountpoint or
 * at @where.
 */
void mnt_move(struct mount *m, const struct path *where);
/* Puts @m (attached, or as for mnt_attach()) on the mountpoint of @top, and @top on top of @m. */
void mnt_slip_below(struct mount *m, struct mount *top);
/*
 * Moves @new, which is in the tree of @old, to the mountpoint of @old, and @old to @put_old in the
 * tree of @new.
 */
void mnt_pivot(struct mount *new, struct mount *old, const struct path *put_old);
/*
 * Detaches @m and all mounts below it. A mount that is locked on its parent stays on the parent, so
 * that a task that has the parent open does not see the files below the locked mount. Collects on
 * @dead the mounts whose references the caller must drop after it has released namespace_sem.
 */
void mnt_umount_tree(struct mount *m, struct list_head *dead);
/*
 * Drops the references of such a list. May sleep. namespace_sem is not held, unless each mount on
 * the list is a copy of a mount that stays.
 */
void mnt_put_list(struct list_head *dead);
/*
 * Returns the mount after @m in the subtree of @top, parents first, without a reference; NULL at
 * the end.
 */
struct mount *mnt_next(struct mount *m, struct mount *top);
/* Walk a subtree backwards: mnt_last() returns its last mount, mnt_prev() the one before @m. */
struct mount *mnt_last(struct mount *top);
struct mount *mnt_prev(struct mount *m);
/* Detaches @m alone, and adds it to @dead, whose references mnt_put_list() drops. */
void mnt_umount_one(
	struct mount *m, struct list_head *dead); /* its children were unmounted or follow */
/*
 * True if the mount has references in addition to the tree's and to @mine. In a write section of
 * mount_seq a true result stays true.
 */
bool mnt_busy(struct mount *m, int mine);
bool mnt_is_below(struct mount *m, struct mount *top); /* true if @m is @top or below it */

/*
 * Drops a reference that was taken only to test whether the mount is in use, so mnt_expiry stays.
 */
void mnt_put_keep_expiry(struct mount *m);

/* namespace.c */
/* True if current may mount a file system of this type. */
bool mount_capable(const struct file_system_type *t);
/*
 * True if mounting @m would show more files than the namespace's mounts show already. If it is
 * false, @m has also got the flags that may not be lifted later. namespace_sem is held.
 */
bool mount_too_revealing(struct mount *m);
/* Moves @from, which may be detached, to the top of @where. Takes namespace_sem. */
int move_tree(const struct path *from, struct path *where);
/*
 * Moves @from below the mount whose root is @top, so that the latter covers @from. Takes
 * namespace_sem.
 */
int move_beneath(const struct path *from, const struct path *top);

/* mount_fd.c */
int mnt_flags_of_attr(u64 attr); /* mnt_flags for MOUNT_ATTR_*, or -EINVAL */
/*
 * Makes a descriptor for a tree that is not attached. Takes over the reference to the tree, even on
 * failure. @oflags: O_*. Takes namespace_sem. Returns the descriptor or -errno.
 */
long mnt_tree_fd(struct mount *m, u32 oflags);

/* propagation.c: called with namespace_sem held for writing */
/*
 * Copies @m for all mounts to which a mount at @where propagates. Returns 0 or -errno. On failure
 * there are no copies, and @dead has the mounts to drop.
 */
int propagate_mount(struct mount *m, const struct path *where, struct list_head *dead);
/* Unmounts the copies of @m and, with @whole, of all mounts below @m. Adds the copies to @dead. */
void propagate_umount(
	struct mount *m, bool whole, struct list_head *dead); /* @m and its children stay */
/*
 * Sets MNT_CLOSED in @m, to which the caller has one reference, and in its copies without children
 * other than a cover. A copy that goes only because its child goes stays open. Returns false and
 * changes nothing if one of these mounts is in use. The caller then detaches the mounts before it
 * releases namespace_sem.
 */
bool close_unused(struct mount *m);
int mnt_set_type(struct mount *m, u32 type); /* @type: MS_SHARED, MS_SLAVE ... */
void mnt_leave_group(struct mount *m);       /* leaves peers and master */
/* mnt_copy.c: adds @to to the peer group of @from, and makes @to a slave of @from's master. */
void mnt_copy_group(struct mount *to, struct mount *from);
bool mnt_is_shared(const struct mount *m);
/* namespace.c: called with namespace_sem held */
bool may_bind(const struct path *old, bool recursive); /* true if @old can be bound elsewhere */
/* True if locked mounts of @m are on @d or below it, so that @d may not be shown without them. */
bool has_locked_children(struct mount *m, struct dentry *d);
int mnt_set_flags(struct mount *m, u32 flags); /* sets MS_*; -EBUSY if it has writers */
/* True if @flags keeps all flags of @m that a more privileged namespace has locked. */
bool may_lift(const struct mount *m, u32 flags);
int mnt_make_group(struct mount *m); /* makes @m shared; returns 0 */

#endif
