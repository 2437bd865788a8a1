/* SPDX-License-Identifier: MIT */
/*
 * dentry.h: names in the tree of files. A dentry connects a name in a directory to an inode, or to
 * none if it is negative. A path is a dentry together with a mount that shows it.
 *
 * d_alloc() makes an unhashed dentry. A file system ends a lookup with d_add() or d_splice_alias(),
 * and a creation with d_instantiate(). dget() and dput() count references; unused dentries stay
 * cached.
 *
 * Locks: kernel/lib/lock_order, level names. A name and a parent change under rename_lock
 * (vfs/internal.h), a parent also under s_rename_mutex, other members under the locks that their
 * comments name. The functions take the spinlocks themselves. Those that may drop the last
 * reference to a dentry may sleep: dput(), path_put(), d_move(), d_prune_aliases(), d_invalidate(),
 * d_splice_alias(), shrink_dcache_sb().
 */
#ifndef NESTLING_VFS_DENTRY_H
#define NESTLING_VFS_DENTRY_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

struct dentry;
struct file;
struct inode;
struct mount;
struct path;
struct super_block;

#define NAME_MAX 255  /* bytes, without a NUL */
#define PATH_MAX 4096 /* bytes, with the NUL */

struct qstr {
	const char *name; /* not NUL-terminated */
	u32 len;          /* bytes */
	u32 hash;         /* full_name_hash() */
};

/* Bits of d_flags. */
#define DCACHE_MOUNTED 0x2     /* mounts are on it, in any namespace */
#define DCACHE_UNHASHED 0x4    /* lookups do not find it */
#define DCACHE_DONTCACHE 0x10  /* is freed once it is unused */
#define DCACHE_REFERENCED 0x20 /* used since the last scan of the LRU */
/* On the LRU list of unused dentries, though it may be in use again. */
#define DCACHE_LRU 0x40
/*
 * The file system holds a reference, since the directory of the dentry exists in the dcache only
 * (tmpfs).
 */
#define DCACHE_PERSISTENT 0x80
/* Of a pipe, socket or memfd, which is in no tree. */
#define DCACHE_PSEUDO 0x100
#define DCACHE_ROOT 0x200 /* of a file system */
/* Watchers were notified that the file was deleted. */
#define DCACHE_GONE_NOTIFIED 0x400
/* Walks call d_op's d_manage() and d_automount(). */
#define DCACHE_MANAGED 0x800

/* All may be NULL. Operations of type int return what their comments say, else 0 or -errno. */
struct dentry_operations {
	/*
	 * Returns 1 if a cached dentry is still valid, 0 if it must be dropped, or -errno. @flags:
	 * LOOKUP_*. May sleep.
	 */
	int (*d_revalidate)(struct dentry *d, u32 flags);
	/*
	 * Returns true if the dentry is valid without a call of d_revalidate. The fast walk calls
	 * this without references, so it may not sleep.
	 */
	bool (*d_fresh)(const struct dentry *d);
	/* Returns 1 if an unused dentry is not to be cached. Under d_lock, so it may not sleep. */
	int (*d_delete)(const struct dentry *d);
	void (*d_release)(struct dentry *d); /* frees d_fsdata; no lock is held */
	/*
	 * Writes the name that /proc shows, such as "pipe:[123]", at the end of @buf. Returns the
	 * start of the text, or ERR_PTR.
	 */
	char *(*d_dname)(
		struct dentry *d, char *buf, int len); /* @len: bytes of @buf, with the NUL */
	/*
	 * With DCACHE_MANAGED: called by a walk before it crosses to a mount. May sleep. Returns 0
	 * to cross, or -EISDIR to stay here without an automount.
	 */
	int (*d_manage)(const struct path *p);
	/*
	 * With DCACHE_MANAGED: mounts a file system on a path that has no mount. May sleep, and may
	 * replace p->dentry by a positive dentry. Returns 0, after which the walk looks up the
	 * mount again, or -errno.
	 */
	int (*d_automount)(struct path *p);
};

#define DNAME_INLINE 40
struct dentry {
	u32 d_flags;      /* DCACHE_*; under d_lock */
	atomic_t d_count; /* references; negative: dead */
	spinlock_t d_lock;
	struct hlist_node d_hash; /* in the dcache, under its bucket lock */
	/* The parent, with a reference; a root is its own. Under rename_lock and s_rename_mutex. */
	struct dentry *d_parent;
	struct qstr d_name; /* with a NUL; under rename_lock */
	/* Referenced; NULL: negative. Set once, under i_lock, and read without a lock. */
	struct inode *d_inode;
	char d_iname[DNAME_INLINE];
	struct super_block *d_sb;
	const struct dentry_operations *d_op;
	void *d_fsdata; /* of the file system */
	/* Position in a simple directory (libfs.c), under the directory's i_rwsem. */
	u64 d_cookie;
	/* Link in d_parent->d_subdirs, under the parent's d_lock. */
	struct list_head d_child;
	struct list_head d_subdirs; /* children, by d_child; under d_lock */
	struct list_head d_alias;   /* in d_inode->i_dentry, under i_lock */
	struct list_head d_lru;     /* under the LRU list's lock */
	struct rcu_head d_rcu;
};

/* Holds a reference to each, unless a comment says otherwise. */
struct path {
	struct mount *mnt;
	struct dentry *dentry;
};
void path_get(const struct path *p);
void path_put(const struct path *p); /* members may be NULL */

/*
 * Makes an unhashed child with one reference, which takes a reference to @parent. May sleep.
 * Returns NULL if there is no memory.
 */
struct dentry *d_alloc(
	struct dentry *parent, const struct qstr *name); /* copies the text of @name */
/*
 * Makes the root dentry for @inode. Takes over the caller's reference to @inode, even on failure
 * (NULL).
 */
struct dentry *d_make_root(struct inode *inode);
/*
 * Makes a dentry with DCACHE_PSEUDO, without a parent. @name is copied, and cut to NAME_MAX. NULL:
 * no memory.
 */
struct dentry *d_alloc_pseudo(struct super_block *sb, const char *name);
/*
 * Attaches the inode to a negative dentry. Takes over the caller's reference to the inode. @inode
 * NULL: the dentry stays negative.
 */
void d_instantiate(struct dentry *d, struct inode *inode);
/* As d_instantiate(), and then calls unlock_new_inode(). */
void d_instantiate_new(struct dentry *d, struct inode *inode);
/*
 * Makes @d positive and returns true, unless the directory @inode has a live dentry elsewhere. If
 * it returns false, the caller keeps its reference to the inode.
 */
bool d_instantiate_only(struct dentry *d, struct inode *inode);
/* As d_instantiate(), and then hashes @d, so that lookups find it. @inode NULL: @d is negative. */
void d_add(struct dentry *d, struct inode *inode);
/*
 * Ends a lookup of @d. Takes over the caller's reference to the inode, which may be NULL or
 * ERR_PTR. Returns NULL if @d has got the inode, a dentry (with a reference) to use instead of @d,
 * or ERR_PTR.
 */
struct dentry *d_splice_alias(struct inode *inode, struct dentry *d);
void d_drop(struct dentry *d);        /* makes @d unhashed */
void d_set_managed(struct dentry *d); /* sets DCACHE_MANAGED for its lifetime */
static inline bool d_managed(const struct dentry *d)
{
	return READ_ONCE(d->d_flags) & DCACHE_MANAGED;
}
/* Called after unlink: makes @d unhashed. */
void d_delete(struct dentry *d);
/*
 * After a rename: @d gets the name and the parent of @target, which becomes unhashed; or both swap
 * names and parents. s_rename_mutex is held unless both are in one directory.
 */
void d_move(struct dentry *d, struct dentry *target);
void d_exchange(struct dentry *a, struct dentry *b);
/*
 * Return a dentry with a reference, or NULL. d_lookup() finds the cached child with that name and
 * hash, which may be negative. d_find_alias() finds a hashed name of a file, or any of a directory.
 */
struct dentry *d_lookup(struct dentry *parent, const struct qstr *name);
struct dentry *d_find_alias(struct inode *inode);
/* Frees the unused dentries of @inode, except those whose d_lock another task holds just then. */
void d_prune_aliases(struct inode *inode);
/* Unhashes @d, drops the unused dentries below it, and unmounts what is on it. */
void d_invalidate(struct dentry *d);
struct dentry *dget(struct dentry *d);        /* @d may be NULL */
struct dentry *dget_parent(struct dentry *d); /* takes a reference to the parent */
void dput(struct dentry *d);                  /* @d may be NULL */
static inline struct inode *d_inode(const struct dentry *d)
{
	return d->d_inode;
}
static inline bool d_is_negative(const struct dentry *d)
{
	return !READ_ONCE(d->d_inode);
}
u32 full_name_hash(const char *name, u32 len); /* for qstr.hash */
/*
 * Write the path as seen from @root (d_path(): current's root) at the end of @buf, which has @len
 * bytes. Return the start of the path, NUL-terminated, or ERR_PTR(-ENAMETOOLONG). Paths of deleted
 * files end with " (deleted)". In d_path_root() alone, paths that cannot be reached from @root
 * begin with "(unreachable)".
 */
char *d_path(const struct path *p, char *buf, int len);
char *d_path_root(const struct path *p, const struct path *root, char *buf, int len);
/*
 * Writes the path from the file system's root, with the results of d_path(). Deleted paths end with
 * "//deleted".
 */
char *dentry_path(struct dentry *d, char *buf, int len);
void shrink_dcache_sb(struct super_block *sb); /* frees all unused dentries */
/*
 * For dentries of memory file systems: d_persist() takes the reference that keeps a name in the
 * dcache, and d_unpersist() drops it.
 */
void d_persist(struct dentry *d);
void d_unpersist(struct dentry *d);

/* A dentry's name at one moment, unaffected by later renames. Valid until d_drop_name(). */
struct name_snapshot {
	struct qstr name;
	char text[DNAME_INLINE];
};
void d_keep_name(struct dentry *d, struct name_snapshot *s);
void d_drop_name(struct name_snapshot *s); /* s->name.name may be NULL */

#endif
