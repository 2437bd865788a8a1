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
/* came from a more privileged namespace: not to be taken from what it covers */
#define MNT_LOCKED 32
/* and what of its flags is not to be lifted: */
#define MNT_TO_RDONLY 64   /* mount_setattr is making it read-only */
#define MNT_VISITED 0x2000 /* propagation.c's marks */
#define MNT_GOING 0x4000
#define MNT_LOCK_READONLY 0x100
#define MNT_LOCK_NODEV 0x200
#define MNT_LOCK_NOSUID 0x400
#define MNT_LOCK_NOEXEC 0x800
#define MNT_LOCK_ATIME 0x1000
/* unmounted, but still on its parent, which has it and not the reverse */
#define MNT_STUCK 0x8000

/* mnt_id_unique: neither kind of id is ever taken for the other */
#define MNT_FIRST_UNIQUE (1UL << 31)

/* How a tree is copied. */
#define COPY_RECURSIVE 1
#define COPY_UNBINDABLE 2 /* those, too */
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
	/* younger ones have more: a bind mount of a namespace may only be in an older one */
	u64 order;
	/*
	 * of all but detached ones, from the oldest on; init_mnt_ns's is the head. Under
	 * namespace_sem
	 */
	struct list_head siblings;
	/* made by open_tree, fsmount: the tree of one descriptor, in no task */
	bool detached;
};
extern struct mnt_namespace init_mnt_ns;
/* From the oldest on; namespace_sem held. */
static inline struct mount *mnt_ns_first_mount(const struct mnt_namespace *ns)
{
	return rb_entry_safe(rb_first(&ns->mounts), struct mount, mnt_node);
}
static inline struct mount *mnt_ns_next_mount(const struct mount *m)
{
	return rb_entry_safe(rb_next(&m->mnt_node), struct mount, mnt_node);
}
/* What statmount() and NS_GET_MNTNS_ID call it: never used again. */
static inline u64 mnt_ns_unique(const struct mnt_namespace *ns)
{
	return ns->order + 1;
}
static inline struct mnt_namespace *current_mnt_ns(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_MNT], struct mnt_namespace, ns) : &init_mnt_ns;
}
/* Is it in current's tree of mounts? namespace_sem, or the answer may be old. */
static inline bool mnt_is_ours(const struct mount *m)
{
	return m->mnt_ns == current_mnt_ns();
}
/* Rights over the mounts of current's namespace. */
static inline bool may_mount(void)
{
	return ns_capable(current_mnt_ns()->ns.owner, CAP_SYS_ADMIN);
}
u32 mnt_tree_size(struct mount *m);
/* Room for @n more, besides those that are coming? 0 or -ENOSPC. namespace_sem held. */
int mnt_ns_room(const struct mnt_namespace *ns, u32 n);
struct mnt_namespace *mnt_ns_new(
	struct user_namespace *owner, bool detached); /* without a tree; ERR_PTR */
/*
 * By its unique id, or the next younger or @older one that current has CAP_SYS_ADMIN over: a
 * reference; NULL.
 */
struct mnt_namespace *mnt_ns_find(u64 unique);
struct mnt_namespace *mnt_ns_neighbour(struct mnt_namespace *ns, bool older);
/* The top of what is mounted at the namespace's root, with references. */
void mnt_ns_top(struct mnt_namespace *ns, struct path *top);
u32 mnt_ns_count(struct mnt_namespace *ns); /* its mounts */
/* what comes from a more privileged namespace */
void mnt_lock_tree(struct mount *m);
void mnt_ns_add_tree(struct mnt_namespace *ns, struct mount *m);
/*
 * The root of a detached namespace leaves it: the namespace, whose reference is the caller's now.
 */
struct mnt_namespace *mnt_ns_del_tree(struct mount *m);
void mnt_ns_changed(struct mnt_namespace *ns);

/*
 * A mount of @root (which it takes a reference of) that is attached nowhere; s_active is counted by
 * the caller. ERR_PTR.
 */
struct mount *mnt_alloc(struct dentry *root, const char *devname, u32 flags);
/*
 * A copy of a mount, or of its subtree (with @recursive), that shows @root; attached nowhere.
 * namespace_sem held. ERR_PTR.
 */
struct mount *mnt_clone(struct mount *m, struct dentry *root, u32 how);
struct mount *mnt_copy_tree(struct mount *m, struct dentry *root, u32 how);
/*
 * namespace_sem held for writing. Attach consumes the reference to @m (it becomes the tree's); the
 * subtree comes along.
 */
void mnt_attach(struct mount *m, const struct path *where);
/* The reverse: the caller has the tree's reference again; its children stay on it. */
void mnt_detach(struct mount *m);
/*
 * Several steps at once: no walk sees what is covered bare, nor a mount nowhere. Subtrees come
 * along. @m from its place to @where.
 */
void mnt_move(struct mount *m, const struct path *where);
/* @m, attached or as for mnt_attach(), to the place of @top, which covers it from then on. */
void mnt_slip_below(struct mount *m, struct mount *top);
/* @old, in whose tree @new is, to @put_old in the tree of @new, and @new to the place of @old. */
void mnt_pivot(struct mount *new, struct mount *old, const struct path *put_old);
/*
 * Detaches @m and all mounts below. A mount that is locked on its parent stays on it, so that an
 * opener of the parent does not see what it covers. The references to drop (with namespace_sem
 * released) gather on @dead.
 */
void mnt_umount_tree(struct mount *m, struct list_head *dead);
void mnt_put_list(struct list_head *dead);
/* All mounts of the subtree, parents first. */
struct mount *mnt_next(struct mount *m, struct mount *top);
/* The other way round: from the last of the subtree up to its top. */
struct mount *mnt_last(struct mount *top);
struct mount *mnt_prev(struct mount *m);
void mnt_umount_one(
	struct mount *m, struct list_head *dead); /* its children have gone, or follow */
/* Uses besides the tree's and @mine. Under a mount_seq write section the answer holds. */
bool mnt_busy(struct mount *m, int mine);
bool mnt_is_below(struct mount *m, struct mount *top); /* true also if both are one */

void mnt_put_keep_expiry(struct mount *m);

/* namespace.c */
/* may current make a file system of this type? */
bool mount_capable(const struct file_system_type *t);
/*
 * Would new @m show more than what its namespace shows already? It may not be lifted further than
 * that either. namespace_sem held.
 */
bool mount_too_revealing(struct mount *m);
/* @from, attached or not, to the top of @where. Takes namespace_sem. */
int move_tree(const struct path *from, struct path *where);
/* Moves @from below the mount whose root @top is, and which covers it from then on. */
int move_beneath(const struct path *from, const struct path *top);

/* mount_fd.c */
int mnt_flags_of_attr(u64 attr); /* MOUNT_ATTR_* as mnt_flags, or -EINVAL */
/* A descriptor for a tree that is attached nowhere; takes the tree's reference, also on failure. */
long mnt_tree_fd(struct mount *m, u32 oflags);

/* propagation.c: namespace_sem held for writing */
/*
 * Copies of @m for all that repeat @where; on failure none, and what is to be dropped is on @dead.
 */
int propagate_mount(struct mount *m, const struct path *where, struct list_head *dead);
void propagate_umount(
	struct mount *m, bool whole, struct list_head *dead); /* @whole: with all below */
bool propagation_busy(struct mount *m);
int mnt_set_type(struct mount *m, u32 type);
void mnt_leave_group(struct mount *m);
/* gives @to the peers and master of the other */
void mnt_copy_group(struct mount *to, struct mount *from);
bool mnt_is_shared(const struct mount *m);
/* namespace.c: namespace_sem held */
bool may_bind(const struct path *old, bool recursive);
bool has_locked_children(struct mount *m, struct dentry *d);
int mnt_set_flags(struct mount *m, u32 flags); /* sets MS_*; -EBUSY: there are writers */
bool may_lift(const struct mount *m, u32 flags);
int mnt_make_group(struct mount *m);

#endif
