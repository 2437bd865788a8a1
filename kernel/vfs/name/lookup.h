/* SPDX-License-Identifier: MIT */
/*
 * lookup.h: from a path to a dentry, and changes of names.
 *
 * path_lookupat() and its relatives return a path with references, which path_put() drops. To
 * change names, path_create() or lock_rename() takes the locks; then vfs_mkdir() and so on check
 * the permission and call the file system.
 *
 * Locks: the directory's i_rwsem for writing. A rename takes that of both directories, and if they
 * differ first the superblock's s_rename_mutex.
 *
 * Functions of type int return 0 or -errno, and all may sleep. @dfd: the descriptor of the
 * directory where a relative path begins, or AT_FDCWD. @flags: LOOKUP_*. A path that is returned
 * has references, one that is passed is borrowed. Names end with a NUL, unless a length is passed.
 */
#ifndef NESTLING_VFS_LOOKUP_H
#define NESTLING_VFS_LOOKUP_H

#include "kernel/lib/types.h"

struct dentry;
struct inode;
struct path;

#define LOOKUP_FOLLOW 0x1    /* follow a symlink at the path's end */
#define LOOKUP_DIRECTORY 0x2 /* the path's end must be a directory */
#define LOOKUP_AUTOMOUNT 0x4 /* trigger an automount at the end */
#define LOOKUP_EMPTY 0x8     /* the path may be "" */
/* What the name is looked up for, for the file system's lookup and d_revalidate. */
#define LOOKUP_CREATE 0x20
#define LOOKUP_OPEN 0x80
#define LOOKUP_RENAME_TARGET 0x100
/* As RESOLVE_* of openat2(2). */
#define LOOKUP_NO_XDEV 0x200
#define LOOKUP_NO_MAGICLINKS 0x400
#define LOOKUP_NO_SYMLINKS 0x800
#define LOOKUP_BENEATH 0x1000
#define LOOKUP_IN_ROOT 0x2000
#define LOOKUP_CACHED 0x4000
/*
 * Only the task that opened a descriptor may use it as the start of a walk: linkat(2) with
 * AT_EMPTY_PATH.
 */
#define LOOKUP_OPENER 0x8000

/*
 * Copies a path from guest memory, NUL-terminated. putname() frees it. On failure returns
 * ERR_PTR(-EFAULT, -ENAMETOOLONG, -ENOMEM), or -ENOENT for "" without LOOKUP_EMPTY.
 */
char *getname(uaddr_t name);
char *getname_flags(uaddr_t name, u32 lookup_flags);
void putname(char *name);                                      /* @name may be NULL or ERR_PTR */
int kern_path(const char *name, u32 flags, struct path *path); /* from current's root and cwd */
int path_lookupat(int dfd, const char *name, u32 flags, struct path *path);
int user_path_at(int dfd, uaddr_t name, u32 flags, struct path *path);
/*
 * Prepares the creation of a name: locks the parent (i_rwsem, for writing), takes mnt_want_write(),
 * enters the mount's id map, and returns the negative dentry with a reference, or ERR_PTR(-EEXIST
 * and others). done_path_create() undoes all of it, and drops the references to @parent and @d.
 * @flags: LOOKUP_DIRECTORY allows slashes after the name.
 */
struct dentry *path_create(int dfd, const char *name, struct path *parent, u32 flags);
void done_path_create(struct path *parent, struct dentry *d);
/*
 * Looks up one name of @len bytes in the directory @base, in which current must have search
 * permission. Returns a dentry with a reference, perhaps negative, or ERR_PTR. -EACCES also if the
 * name is "", "." or "..", is too long, or contains a slash.
 */
struct dentry *lookup_one_len(
	const char *name, struct dentry *base, int len); /* base's i_rwsem held */
/*
 * As lookup_one_len(), but takes i_rwsem itself, if the name is not cached; -EINTR: current is
 * being killed.
 */
struct dentry *lookup_one_unlocked(const char *name, struct dentry *base, int len);
/*
 * Finds @name in the directory that contains @at, and crosses to the mount on it. Returns 0 with
 * references in *beside, or -errno; -ENOENT: there is no such name.
 */
int path_beside(const struct path *at, const char *name, struct path *beside);
/*
 * Changes of names. They check the permission of current, call the file system and notify watchers.
 * The caller holds i_rwsem of @dir for writing, write access to the mount (mnt_want_write(), not
 * needed on internal mounts), and references to the dentries. They take i_rwsem of the file that
 * loses or gains a name. @d is a child of @dir, negative in the functions that make a file. @mode
 * has been masked by the umask.
 */
int vfs_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl);
int vfs_mkdir(struct inode *dir, struct dentry *d, umode_t mode);
int vfs_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev);
int vfs_unlink(struct inode *dir, struct dentry *d);
/* Removes a name as unlink(2) does, from current's root and working directory. No lock is held. */
int kern_unlink(const char *name);
int vfs_rmdir(struct inode *dir, struct dentry *d);
int vfs_symlink(struct inode *dir, struct dentry *d, const char *target);
int vfs_link(struct dentry *old, struct inode *dir, struct dentry *d);
/*
 * Returns the target of a symlink, or ERR_PTR; -EINVAL: it has no text. The caller frees *to_free
 * by kfree(); it may be NULL, and the text is then valid as long as the inode.
 */
const char *vfs_get_link(struct dentry *d, char **to_free);
/*
 * Makes a file without a name in @dir (O_TMPFILE); @linkable: linkat(2) may name it later. Returns
 * a dentry with a reference, or ERR_PTR. Masks @mode as acl_umask() does. i_rwsem of @dir is not
 * held.
 */
struct dentry *vfs_tmpfile(const struct path *dir, umode_t mode, bool linkable);
/*
 * Rename. lock_rename() locks both parents, of one superblock, for vfs_rename(); @a and @b may be
 * one directory. If one parent is an ancestor of the other, lock_rename() returns the ancestor's
 * child on the path between them, without a reference, else NULL. The caller refuses to rename or
 * replace that child. vfs_rename() returns 0 and does nothing if both names lead to one file.
 * @flags: RENAME_*.
 */
int vfs_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags);
struct dentry *lock_rename(struct dentry *a, struct dentry *b);
void unlock_rename(struct dentry *a, struct dentry *b);

#endif
