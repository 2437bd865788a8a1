/* SPDX-License-Identifier: MIT */
/*
 * mount.h: between mnt.c (the tree of mounts), mnt_copy.c (making and copying), namespace.c
 * (mount(2) and umount(2)), propagation.c and mounts_show.c.
 */
#ifndef NESTLING_VFS_MOUNT_H
#define NESTLING_VFS_MOUNT_H

#include <linux/sched.h>

#include "kernel/vfs/internal.h"

/* umount2(2)'s flags: no UAPI header has them. */
#define MNT_FORCE 1
#define MNT_DETACH 2
#define MNT_EXPIRE 4
#define UMOUNT_NOFOLLOW 8

/* Per-mount flags, as in mnt_flags. */
#define MNT_ATIME_FLAGS (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
#define MNT_USER_FLAGS                                                                             \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MNT_ATIME_FLAGS)

/* mnt_state, besides internal.h's: */
#define MNT_UNBINDABLE 16
/* came from a more privileged namespace: it may not be unmounted from the place that it covers */
#define MNT_LOCKED 32
#define MNT_TO_RDONLY 64   /* mount_setattr is making it read-only */
#define MNT_VISITED 0x2000 /* propagation.c's marks */
#define MNT_GOING 0x4000
/* its flags that must not be lifted */
#define MNT_LOCK_READONLY 0x100
#define MNT_LOCK_NODEV 0x200
#define MNT_LOCK_NOSUID 0x400
#define MNT_LOCK_NOEXEC 0x800
#define MNT_LOCK_ATIME 0x1000
/* unmounted, but still on its parent, which holds a reference to it */
#define MNT_STUCK 0x8000

/* least mnt_id_unique, so that neither kind of id is taken for the other */
#define MNT_FIRST_UNIQUE (1UL << 31)

/* How a tree is copied. */
#define COPY_RECURSIVE 1
#define COPY_UNBINDABLE 2 /* also copy unbindable mounts */
#define COPY_NS_FILES 4   /* and bind mounts of mount namespaces */
/* copies of shared mounts are slaves of the originals */
#define COPY_SLAVE 8
#define COPY_PRIVATE 16 /* copies are in no peer group */

struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;    /* under namespace_sem */
	struct rb_root mounts; /* by mnt_id_unique; under namespace_sem */
	u64 event;             /* changes with the tree */
	struct wait_queue_head poll;
	u32 nr_mounts; /* under namespace_sem, as the next */
	u32 nr_coming; /* copies that are about to be attached */
	/* younger namespaces have more: a bind mount of a namespace may only be in an older one */
	u64 order;
	/*
	 * all namespaces but detached ones, from the oldest on; init_mnt_ns's is the head. Under
	 * namespace_sem
	 */
	struct list_head siblings;
	/* made by open_tree or fsmount: the tree of one descriptor, of no task */
	bool detached;
};
extern struct mnt_namespace init_mnt_ns;
/* Returns the oldest mount of the namespace; namespace_sem held. */
static inline struct mount *mnt_ns_first_mount(const struct mnt_namespace *ns)
{
	return rb_entry_safe(rb_first(&ns->mounts), struct mount, mnt_node);
}
static inline struct mount *mnt_ns_next_mount(const struct mount *m)
{
	return rb_entry_safe(rb_next(&m->mnt_node), struct mount, mnt_node);
}
/* Returns the id of the namespace for statmount() and NS_GET_MNTNS_ID. It is never reused. */
static inline u64 mnt_ns_unique(const struct mnt_namespace *ns)
{
	return ns->order + 1;
}
static inline struct mnt_namespace *current_mnt_ns(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_MNT], struct mnt_namespace, ns) : &init_mnt_ns;
}
/* True if the mount is in current's tree of mounts. Without namespace_sem the answer may be old. */
static inline bool mnt_is_ours(const struct mount *m)
{
	return m->mnt_ns == current_mnt_ns();
}
/* True if current has rights over the mounts of its namespace. */
static inline bool may_mount(void)
{
	return ns_capable(current_mnt_ns()->ns.owner, CAP_SYS_ADMIN);
}
u32 mnt_tree_size(struct mount *m);
/*
 * Checks whether the namespace has room for @n more mounts, besides those that are already planned.
 * 0 or -ENOSPC. namespace_sem held.
 */
int mnt_ns_room(const struct mnt_namespace *ns, u32 n);
struct mnt_namespace *mnt_ns_new(
	struct user_namespace *owner, bool detached); /* without a tree; ERR_PTR */
/*
 * Find a namespace by its unique id, or the next younger or @older one over which current has
 * CAP_SYS_ADMIN: a reference, or NULL.
 */
struct mnt_namespace *mnt_ns_find(u64 unique);
struct mnt_namespace *mnt_ns_neighbour(struct mnt_namespace *ns, bool older);
/* Finds the topmost mount at the namespace's root, with references. */
void mnt_ns_top(struct mnt_namespace *ns, struct path *top);
u32 mnt_ns_count(struct mnt_namespace *ns); /* its mounts */
/* Locks the mounts of a tree that comes from a more privileged namespace. */
void mnt_lock_tree(struct mount *m);
void mnt_ns_add_tree(struct mnt_namespace *ns, struct mount *m);
/*
 * Removes the root of a detached namespace from it. Returns the namespace, whose reference passes
 * to the caller.
 */
struct mnt_namespace *mnt_ns_del_tree(struct mount *m);
void mnt_ns_changed(struct mnt_namespace *ns);

/*
 * Makes a mount of @root, to which it takes a reference. The mount is attached nowhere; the caller
 * counts s_active. ERR_PTR.
 */
struct mount *mnt_alloc(struct dentry *root, const char *devname, u32 flags);
/*
 * Copy a mount, or its subtree, so that the copy shows @root; it is attached nowhere. namespace_sem
 * held. ERR_PTR.
 */
struct mount *mnt_clone(struct mount *m, struct dentry *root, u32 how);
struct mount *mnt_copy_tree(struct mount *m, struct dentry *root, u32 how);
/*
 * Attaches @m with its subtree, and consumes the reference to @m, which becomes the tree's.
 * namespace_sem held for writing.
 */
void mnt_attach(struct mount *m, const struct path *where);
/* Detaches @m with its children. The caller gets the tree's reference. */
void mnt_detach(struct mount *m);
/*
 * Moves @m with its subtree from its place to @where, in one step: no walk sees the place that it
 * covered uncovered, or the mount nowhere.
 */
void mnt_move(struct mount *m, const struct path *where);
/* Puts @m, attached or as for mnt_attach(), at the place of @top, which covers it from then on. */
void mnt_slip_below(struct mount *m, struct mount *top);
/*
 * Moves @old, in whose tree @new is, to @put_old in the tree of @new, and @new to the place of
 * @old.
 */
void mnt_pivot(struct mount *new, struct mount *old, const struct path *put_old);
/*
 * Detaches @m and all mounts below. A mount that is locked on its parent stays on it, so that an
 * opener of the parent does not see the files below it. The references to drop (with namespace_sem
 * released) gather on @dead.
 */
void mnt_umount_tree(struct mount *m, struct list_head *dead);
void mnt_put_list(struct list_head *dead);
/* Returns the next mount of the subtree, parents first. */
struct mount *mnt_next(struct mount *m, struct mount *top);
/* Walk the other way: from the last mount of the subtree up to its top. */
struct mount *mnt_last(struct mount *top);
struct mount *mnt_prev(struct mount *m);
void mnt_umount_one(
	struct mount *m, struct list_head *dead); /* its children have gone, or follow */
/*
 * True if the mount has uses besides the tree's and @mine. Under a mount_seq write section the
 * answer holds.
 */
bool mnt_busy(struct mount *m, int mine);
bool mnt_is_below(struct mount *m, struct mount *top); /* true also if both are one */

void mnt_put_keep_expiry(struct mount *m);

/* namespace.c */
/* True if current may make a file system of this type. */
bool mount_capable(const struct file_system_type *t);
/*
 * True if a new mount @m would show more than its namespace shows already; it may not be made less
 * restricted later either. namespace_sem held.
 */
bool mount_too_revealing(struct mount *m);
/* Moves @from, attached or not, to the top of @where. Takes namespace_sem. */
int move_tree(const struct path *from, struct path *where);
/* Moves @from below the mount with root @top, which covers it afterwards. */
int move_beneath(const struct path *from, const struct path *top);

/* mount_fd.c */
int mnt_flags_of_attr(u64 attr); /* MOUNT_ATTR_* as mnt_flags, or -EINVAL */
/*
 * Makes a descriptor for a tree that is attached nowhere; takes the tree's reference, also on
 * failure.
 */
long mnt_tree_fd(struct mount *m, u32 oflags);

/* propagation.c: namespace_sem held for writing */
/*
 * Copies @m for all mounts that @where propagates to; on failure for none, and the mounts to drop
 * are on @dead.
 */
int propagate_mount(struct mount *m, const struct path *where, struct list_head *dead);
void propagate_umount(
	struct mount *m, bool whole, struct list_head *dead); /* @whole: with all below */
bool propagation_busy(struct mount *m);
int mnt_set_type(struct mount *m, u32 type);
void mnt_leave_group(struct mount *m);
/* Gives @to the peers and the master of @from. */
void mnt_copy_group(struct mount *to, struct mount *from);
bool mnt_is_shared(const struct mount *m);
/* namespace.c: namespace_sem held */
bool may_bind(const struct path *old, bool recursive);
bool has_locked_children(struct mount *m, struct dentry *d);
int mnt_set_flags(struct mount *m, u32 flags); /* sets MS_*; -EBUSY: there are writers */
bool may_lift(const struct mount *m, u32 flags);
int mnt_make_group(struct mount *m);

#endif
