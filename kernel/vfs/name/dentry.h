/* SPDX-License-Identifier: MIT */
/*
 * dentry.h: names in the tree of files. A dentry connects a name in a directory to an inode, or to
 * none (negative); a path is a dentry and the mount through which it is seen.
 *
 * d_alloc() gives an unhashed dentry, d_add() and d_splice_alias() end a lookup, d_instantiate()
 * ends a creation. dget() and dput() count references; unused dentries stay cached.
 *
 * Locks: kernel/lib/lock_order, level names. A dentry's name and parent change under
 * s_rename_mutex, the rest under the locks that the fields name.
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

#define NAME_MAX 255
#define PATH_MAX 4096

struct qstr {
	const char *name; /* not terminated */
	u32 len;
	u32 hash;
};

/* d_flags */
#define DCACHE_NEGATIVE 0x1
#define DCACHE_MOUNTED 0x2
#define DCACHE_UNHASHED 0x4
#define DCACHE_REVALIDATE 0x8
#define DCACHE_DONTCACHE 0x10
#define DCACHE_REFERENCED 0x20
/* on the list of unused ones (perhaps in use again) */
#define DCACHE_LRU 0x40
/* the file system holds a reference: the dentry is the data (tmpfs) */
#define DCACHE_PERSISTENT 0x80
/* of a pipe, socket or memfd, without a place in a tree */
#define DCACHE_PSEUDO 0x100
#define DCACHE_ROOT 0x200
/* watchers were notified that the file is gone */
#define DCACHE_GONE_TOLD 0x400
/* walks call d_op's d_manage() and d_automount() */
#define DCACHE_MANAGED 0x800

struct dentry_operations {
	int (*d_revalidate)(struct dentry *d, u32 flags); /* 1 valid, 0 drop it, -errno */
	/*
	 * True if it is valid without d_revalidate. For the fast walk: called without references,
	 * may not sleep.
	 */
	bool (*d_fresh)(const struct dentry *d);
	int (*d_delete)(const struct dentry *d); /* 1: do not keep it unused */
	void (*d_release)(struct dentry *d);
	char *(*d_dname)(
		struct dentry *d, char *buf, int len); /* pipe:[123]; writes at the end of buf */
	/*
	 * DCACHE_MANAGED: called by a walk before it crosses to a mount. May sleep. 0: cross;
	 * -EISDIR: stay, without an automount.
	 */
	int (*d_manage)(const struct path *p);
	/*
	 * DCACHE_MANAGED: mounts a file system on a path without mount. May sleep, and may replace
	 * p->dentry by a positive one. 0: test for a mount again.
	 */
	int (*d_automount)(struct path *p);
};

#define DNAME_INLINE 40
struct dentry {
	u32 d_flags; /* under d_lock */
	atomic_t d_count;
	spinlock_t d_lock;
	struct hlist_node d_hash; /* dcache, under its bucket lock */
	/* itself for a root; changed under s_rename_mutex and d_lock */
	struct dentry *d_parent;
	struct qstr d_name;    /* changed as d_parent */
	struct inode *d_inode; /* NULL: negative; under d_lock */
	char d_iname[DNAME_INLINE];
	struct super_block *d_sb;
	const struct dentry_operations *d_op;
	void *d_fsdata;
	/* place in a simple directory, under the directory's i_rwsem */
	u64 d_cookie;
	/* of d_parent->d_subdirs, under the parent's d_lock */
	struct list_head d_child;
	struct list_head d_subdirs;
	struct list_head d_alias; /* of d_inode->i_dentry */
	struct list_head d_lru;
	struct rcu_head d_rcu;
};

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};
void path_get(const struct path *p);
void path_put(const struct path *p);

struct dentry *d_alloc(
	struct dentry *parent, const struct qstr *name); /* count 1, not hashed; NULL */
struct dentry *d_make_root(struct inode *inode); /* takes the inode, also on failure (NULL) */
struct dentry *d_alloc_pseudo(struct super_block *sb, const char *name);
/* Makes a negative dentry positive; takes the inode reference. */
void d_instantiate(struct dentry *d, struct inode *inode);
void d_instantiate_new(struct dentry *d, struct inode *inode); /* and unlock_new_inode */
/*
 * Instantiates a directory and returns true, unless it has a live name elsewhere; then the caller
 * keeps the reference.
 */
bool d_instantiate_only(struct dentry *d, struct inode *inode);
void d_add(struct dentry *d, struct inode *inode); /* instantiate and hash; inode may be NULL */
/* Ends a lookup; takes the inode, which may be ERR_PTR. */
struct dentry *d_splice_alias(struct inode *inode, struct dentry *d);
void d_drop(struct dentry *d);
void d_set_managed(struct dentry *d); /* DCACHE_MANAGED for its lifetime */
static inline bool d_managed(const struct dentry *d)
{
	return READ_ONCE(d->d_flags) & DCACHE_MANAGED;
}
void d_delete(struct dentry *d); /* after unlink: negative or dropped */
void d_move(struct dentry *d, struct dentry *target);
void d_exchange(struct dentry *a, struct dentry *b);
struct dentry *d_lookup(struct dentry *parent, const struct qstr *name);
struct dentry *d_find_alias(struct inode *inode);
void d_prune_aliases(struct inode *inode);
void d_invalidate(struct dentry *d); /* drops it and everything unused below */
struct dentry *dget(struct dentry *d);
struct dentry *dget_parent(struct dentry *d);
void dput(struct dentry *d);
static inline struct inode *d_inode(const struct dentry *d)
{
	return d->d_inode;
}
static inline bool d_is_negative(const struct dentry *d)
{
	return !READ_ONCE(d->d_inode);
}
u32 full_name_hash(const char *name, u32 len);
/*
 * Write the path as seen from @root (current's when NULL) at the end of buf, and return its start,
 * or ERR_PTR(-ENAMETOOLONG). Unreachable paths begin with "(unreachable)", deleted ones end in "
 * (deleted)".
 */
char *d_path(const struct path *p, char *buf, int len);
char *d_path_root(const struct path *p, const struct path *root, char *buf, int len);
/* Writes the names from the file system's root on, as d_path() does. */
char *dentry_path(struct dentry *d, char *buf, int len);
void shrink_dcache_sb(struct super_block *sb);
/*
 * Dentries of memory file systems: d_persist hands the caller's wish "stay" over (takes a
 * reference), d_unpersist drops it.
 */
void d_persist(struct dentry *d);
void d_unpersist(struct dentry *d);

/* A dentry's name at one moment, unaffected by later renames. It is kept until it is put. */
struct name_snapshot {
	struct qstr name;
	char text[DNAME_INLINE];
};
void d_keep_name(struct dentry *d, struct name_snapshot *s);
void d_drop_name(struct name_snapshot *s);

#endif
