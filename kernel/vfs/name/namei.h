/* SPDX-License-Identifier: MIT */
/*
 * namei.h: the state of a path walk, shared by namei.c, dirops.c, rename.c and open.c. Functions of
 * type int return 0 or -errno, and all may sleep, unless their comment says otherwise. @flags:
 * LOOKUP_*. Names are NUL-terminated.
 */
#ifndef NESTLING_VFS_NAMEI_H
#define NESTLING_VFS_NAMEI_H

#include "kernel/vfs/internal.h"

#define MAX_LINKS 40

enum { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };

struct last {
	/* Points into the path that is being walked. */
	struct qstr name;
	int type;   /* LAST_* */
	bool slash; /* slashes follow the name */
};

struct nd_link {
	/* Rest of the path after the link; points into the text of the link before, or the path. */
	const char *rest;
	char *text; /* the link's target, freed by kfree() */
};

struct nameidata {
	struct path path, root; /* hold references, or mnt is NULL */
	struct last last;
	u32 flags;        /* LOOKUP_* */
	int depth, links; /* used entries of @stack; links followed */
	/*
	 * want_dir: slashes follow the path, so its end must be a directory. jumped: a magic link
	 * was followed; no code reads this.
	 */
	bool want_dir, jumped;
	/* The next component is used itself, so an automount on it is mounted. */
	bool trigger;
	/* Sequence numbers of rename_seq and mount_seq at the start, for restricted lookups. */
	u32 rseq, mseq;
	/*
	 * The last path after a ".." that was found to be below its mount's root. seen_seq is the
	 * value of rename_seq at that time. Only compared.
	 */
	struct path seen;
	u32 seen_seq;
	struct nd_link stack[MAX_LINKS];
};

/*
 * Parses the component at @name into @q: name, length and hash. Returns the end of the component.
 */
static inline const char *parse_component(const char *name, struct qstr *q)
{
	const char *p = name;
	struct keyhash h;

	keyhash_init(&h, &name_key);
	for (; *p && *p != '/'; p++)
		keyhash_byte(&h, &name_key, (u8)*p);
	*q = (struct qstr){ name, p - name, keyhash_end(&h, &name_key) };
	return p;
}

/* Returns LAST_NORM, LAST_DOT or LAST_DOTDOT. */
static inline int component_type(const struct qstr *q)
{
	if (q->name[0] != '.' || q->len > 2)
		return LAST_NORM;
	if (q->len == 1)
		return LAST_DOT;
	return q->name[1] == '.' ? LAST_DOTDOT : LAST_NORM;
}

/*
 * Walks without taking references on the way (walk.c), and does not sleep. Returns 0 with
 * references in *out, -ECHILD if the caller must walk again with references, or -errno. @last NULL:
 * walks to the end; else to the parent of the last component, which it stores in *last.
 */
int walk_fast(int dfd, const char *name, u32 flags, struct path *out, struct last *last);

/* Goes up one directory, as far as the walk's flags allow. */
int nd_dotdot(struct nameidata *nd);
/*
 * Walks to the parent of the last component. Returns 0, after which the caller must call nd_end();
 * or -errno, after which it must not.
 */
int nd_parent(struct nameidata *nd, int dfd, const char *name, u32 flags);
/*
 * A walk step by step: nd_start(), nd_walk() any number of times, nd_end(). nd_end() must be called
 * even after an error of the other two. @parent: stops before the last component, which nd_walk()
 * stores in nd->last.
 */
int nd_start(struct nameidata *nd, int dfd, const char *name, u32 flags);
int nd_walk(struct nameidata *nd, const char *name, bool parent);
void nd_end(struct nameidata *nd);
/*
 * Looks up a name in a directory whose i_rwsem is held for writing. Returns a positive or negative
 * dentry with a reference, or ERR_PTR.
 */
struct dentry *lookup_hash(struct dentry *parent, const struct qstr *name, u32 flags);
/*
 * Follows the symlink @d, whose reference it takes over, in nd->path. *name becomes the link's
 * text; a magic link moves nd->path and leaves *name unchanged. @last: the link is the last
 * component. Returns 0 or -errno.
 */
int nd_follow(struct nameidata *nd, struct dentry *d, const char **name, bool last);
int nd_cross_mounts(struct nameidata *nd); /* to the topmost mount on nd->path */
/* True if the file system must be asked whether the cached name is still valid. */
static inline bool d_must_ask(const struct dentry *d)
{
	const struct dentry_operations *op = d->d_op;

	return unlikely(op && op->d_revalidate && !(op->d_fresh && op->d_fresh(d)));
}
/*
 * Returns the cached dentry @d if its file system finds it still valid. Otherwise drops the
 * reference to @d and returns NULL or ERR_PTR.
 */
struct dentry *revalidate(struct dentry *d, u32 flags);
/*
 * Look up a name in the cache and, except for lookup_cached(), in the file system. Return a dentry
 * with a reference, which may be negative, or ERR_PTR. lookup_cached() returns NULL for a name that
 * is not cached. lookup_name() takes the parent's i_rwsem; -EINTR: current is being killed.
 */
struct dentry *lookup_cached(struct dentry *parent, const struct qstr *name, u32 flags);
struct dentry *lookup_name(struct dentry *parent, const struct qstr *name, u32 flags);
void looking_init(void);

#endif
