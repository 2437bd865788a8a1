/* SPDX-License-Identifier: MIT */
/*
 * idmap.h: id-mapped mounts: the users and groups to which the files below a mount seem to belong.
 *
 * Such a mount has a user namespace, mnt_idmap, whose map translates ids. Example: the file system
 * stores uid 1000. Through this mount, the file's owner is the user whose uid inside mnt_idmap is
 * 1000. A kept id is the file system's, as in i_uid and in the argument of setattr. A seen id is
 * the one that programs see and that all permission checks use. On every other mount the kept id
 * and the seen id are equal.
 *
 *	was = idmap_enter(path.mnt);
 *	err = inode_permission(inode, MAY_WRITE);	everything between uses seen_uid(inode),
 *	                                                seen_gid(inode)
 *	idmap_leave(was);
 *
 * Checks are made deep in file systems, which know inodes but not mounts. So the map of the mount
 * that current works through is state of the task (task->idmap), and not an argument of every
 * operation. Only file systems with FS_ALLOW_IDMAP can have id-mapped mounts.
 *
 * Invariants:
 * 1. A mount's map is set once, before other tasks can find the mount, and lives as long as the
 *    mount. Between the two calls the task's path keeps the mount.
 * 2. task->idmap is NULL except between the two calls, which a task makes within one system call.
 */
#ifndef NESTLING_VFS_IDMAP_H
#define NESTLING_VFS_IDMAP_H

#include "kernel/vfs/internal.h"

/* Returns the value that idmap_leave() must get. @m NULL: no map. */
static inline struct user_namespace *idmap_enter(const struct mount *m)
{
	struct user_namespace *was = current->idmap;
	struct user_namespace *now = m ? smp_load_acquire(&m->mnt_idmap) : NULL;

	if (unlikely(was != now))
		current->idmap = now;
	return was;
}
static inline void idmap_leave(struct user_namespace *was)
{
	if (unlikely(current->idmap != was))
		current->idmap = was;
}

/*
 * Translate between kept ids and the ids seen through a mount with @map. They return -1 if the id
 * has no counterpart.
 */
kuid_t idmap_uid(const struct user_namespace *map, const struct super_block *sb, kuid_t kept);
kgid_t idmap_gid(const struct user_namespace *map, const struct super_block *sb, kgid_t kept);
kuid_t idmap_kept_uid(const struct user_namespace *map, const struct super_block *sb, kuid_t seen);
kgid_t idmap_kept_gid(const struct user_namespace *map, const struct super_block *sb, kgid_t seen);

/*
 * Translate between kept and seen ids through the mount that current works through, or return -1.
 */
static inline kuid_t sb_seen_uid(const struct super_block *sb, kuid_t kept)
{
	return likely(!current->idmap) ? kept : idmap_uid(current->idmap, sb, kept);
}
static inline kgid_t sb_seen_gid(const struct super_block *sb, kgid_t kept)
{
	return likely(!current->idmap) ? kept : idmap_gid(current->idmap, sb, kept);
}
static inline kuid_t sb_kept_uid(const struct super_block *sb, kuid_t seen)
{
	return likely(!current->idmap) ? seen : idmap_kept_uid(current->idmap, sb, seen);
}
static inline kgid_t sb_kept_gid(const struct super_block *sb, kgid_t seen)
{
	return likely(!current->idmap) ? seen : idmap_kept_gid(current->idmap, sb, seen);
}
static inline kuid_t seen_uid(const struct inode *inode)
{
	return sb_seen_uid(inode->i_sb, inode->i_uid);
}
static inline kgid_t seen_gid(const struct inode *inode)
{
	return sb_seen_gid(inode->i_sb, inode->i_gid);
}
/* True if owner and group have seen ids on this mount. Otherwise the inode cannot be changed. */
static inline bool inode_ids_are_mapped(const struct inode *inode)
{
	return uid_valid(seen_uid(inode)) && uid_valid(seen_gid(inode));
}
/*
 * Returns true if current has capability @cap over the inode's owner and group, as
 * capable_wrt_ids() decides.
 */
static inline bool capable_wrt_inode(const struct inode *inode, int cap)
{
	return capable_wrt_ids(seen_uid(inode), seen_gid(inode), cap);
}
/* True if current is in the group whose kept id is @kept: an inode's i_gid, or its future value. */
static inline bool in_kept_group(const struct inode *inode, kgid_t kept)
{
	return in_group(sb_seen_gid(inode->i_sb, kept));
}

/*
 * Returns, with a reference, the user namespace to which @fd refers, for mount_setattr(2). Returns
 * ERR_PTR(-EBADF, -EINVAL, -EPERM) on failure.
 */
struct user_namespace *idmap_of_fd(u64 fd);
/*
 * Checks whether current may give @m the map @map. Returns 0; -EINVAL: @m is attached, its type
 * does not allow maps, or @map is the superblock's own namespace; -EPERM: @m has a map already, or
 * current lacks CAP_SYS_ADMIN over the superblock; -EBUSY: @m has writers.
 * namespace_sem is held.
 */
int may_idmap(const struct mount *m, const struct user_namespace *map);

#endif
