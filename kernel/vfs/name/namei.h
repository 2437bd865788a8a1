/* SPDX-License-Identifier: MIT */
/* namei.h: the state of a path walk, between namei.c, dirops.c, rename.c and open.c. */
#ifndef NESTLING_VFS_NAMEI_H
#define NESTLING_VFS_NAMEI_H

#include "kernel/vfs/internal.h"

#define MAX_LINKS 40

enum { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };

struct last {
	/* points into the text that is being walked */
	struct qstr name;
	int type;
	bool slash; /* slashes follow it */
};

struct nd_link {
	/* rest of the path behind the link */
	const char *rest;
	char *text; /* of the link, kfree */
};

struct nameidata {
	struct path path, root; /* references, or mnt NULL */
	struct last last;
	u32 flags;
	int depth, links;
	bool want_dir, jumped;
	/* the next component is used, and not only named: automounts are mounted */
	bool trigger;
	u32 rseq, mseq; /* at the start, for restricted lookups */
	/*
	 * behind "..": the path that was last found to lie below its mount's root, at rename_seq
	 * @seen_seq; only compared
	 */
	struct path seen;
	u32 seen_seq;
	struct nd_link stack[MAX_LINKS];
};

/* Parses the component at @name into @q, with its length and hash, and returns its end. */
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

static inline int component_type(const struct qstr *q)
{
	if (q->name[0] != '.' || q->len > 2)
		return LAST_NORM;
	if (q->len == 1)
		return LAST_DOT;
	return q->name[1] == '.' ? LAST_DOTDOT : LAST_NORM;
}

/* Walks without references (walk.c). */
int walk_fast(int dfd, const char *name, u32 flags, struct path *out, struct last *last);

/* Goes one step up, as far as the walk's flags allow. */
int nd_dotdot(struct nameidata *nd);
/* Walks to the parent of the last component. 0: nd_end() must follow; else it was called. */
int nd_parent(struct nameidata *nd, int dfd, const char *name, u32 flags);
/*
 * Walk by hand: nd_start(), nd_walk() any number of times, nd_end(). nd_end() follows whatever
 * these return.
 */
int nd_start(struct nameidata *nd, int dfd, const char *name, u32 flags);
int nd_walk(struct nameidata *nd, const char *name, bool parent);
void nd_end(struct nameidata *nd);
/*
 * Looks up a name in a directory whose i_rwsem is held for writing: a positive or negative dentry,
 * or ERR_PTR.
 */
struct dentry *lookup_hash(struct dentry *parent, const struct qstr *name, u32 flags);
/*
 * Follows the symlink @d (consumed) in nd->path: *name becomes its text, except after a jump
 * (nd->jumped). @last: the link is the end of the path.
 */
int nd_follow(struct nameidata *nd, struct dentry *d, const char **name, bool last);
int nd_cross_mounts(struct nameidata *nd);
/*
 * Returns a cached dentry (consumed) if its file system finds it still valid, else NULL or ERR_PTR.
 */
/* True if the file system must revalidate the name. */
static inline bool d_must_ask(const struct dentry *d)
{
	const struct dentry_operations *op = d->d_op;

	return unlikely(op && op->d_revalidate && !(op->d_fresh && op->d_fresh(d)));
}
struct dentry *revalidate(struct dentry *d, u32 flags);
/*
 * Looks up a name in the cache (lookup_cached(): NULL where it is not there) or the file system.
 * May be negative.
 */
struct dentry *lookup_cached(struct dentry *parent, const struct qstr *name, u32 flags);
struct dentry *lookup_name(struct dentry *parent, const struct qstr *name, u32 flags);
void looking_init(void);

#endif
