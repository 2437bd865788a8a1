/* SPDX-License-Identifier: MIT */
/* mount.h: between mnt.c (the tree of mounts), namespace.c (mount(2) and umount(2)), propagation.c and mounts_show.c. */
#ifndef NESTLING_VFS_MOUNT_H
#define NESTLING_VFS_MOUNT_H

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

/* A mount of @root (which it takes a reference of) that is attached nowhere; s_active is counted by the caller. ERR_PTR. */
struct mount *mnt_alloc(struct dentry *root, const char *devname, u32 flags);
/* A copy of a mount, or of its subtree (with @recursive), that shows @root; attached nowhere. namespace_sem held. ERR_PTR. */
struct mount *mnt_clone(struct mount *m, struct dentry *root);
struct mount *mnt_copy_tree(struct mount *m, struct dentry *root, bool recursive);
/* namespace_sem held for writing. Attach consumes the reference to @m (it becomes the tree's); the subtree comes along. */
void mnt_attach(struct mount *m, const struct path *where);
void mnt_detach(struct
	mount *m); /* the reverse: the caller has the tree's reference again; its children stay on it */
/* Detaches @m and all below; the references to drop (with namespace_sem released) gather on @dead (mnt_expire_list of mounts). */
void mnt_umount_tree(struct mount *m, struct list_head *dead);
void mnt_put_list(struct list_head *dead);
/* All mounts of the subtree, parents first. */
struct mount *mnt_next(struct mount *m, struct mount *top);
/* Uses besides the tree's and @mine. Under a mount_seq write section the answer holds. */
bool mnt_busy(struct mount *m, int mine);
bool mnt_is_below(struct mount *m, struct mount *top); /* or the same */

void mnt_put_keep_expiry(struct mount *m);

/* propagation.c: namespace_sem held for writing */
int propagate_mount(struct mount *m, const struct path *where, struct list_head *copies);
void propagate_umount(struct mount *m, struct list_head *dead);
bool propagation_busy(struct mount *m);
int mnt_set_type(struct mount *m, u32 type);
void mnt_leave_group(struct mount *m);
bool mnt_is_shared(const struct mount *m);
int mnt_make_group(struct mount *m);

#endif
