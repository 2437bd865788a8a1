/* SPDX-License-Identifier: MIT */
/*
 * overlay.h: one tree from several: an upper directory that takes all changes, over lower
 * directories that never change.
 *
 *	super.c    options, mounting, statfs
 *	lookup.c   names through the layers, inodes
 *	inode.c    attributes, xattrs, permissions
 *	readdir.c  merged listings
 *	file.c     open files, which refer to real files
 *	copyup.c   from lower to upper before the first change
 *	dir.c      making and removing, whiteouts
 *	rename.c   renaming, opaque directories and redirects
 *	flags.c    chattr's flags
 *
 * An overlay inode has a real inode in the upper layer, or in a lower one, or (a directory) in
 * several. The marks on disk are Linux's (user.overlay.* with the option userxattr):
 *
 *	character device 0/0         a whiteout
 *	trusted.overlay.opaque "y"   hides the lower contents of a directory
 *	trusted.overlay.redirect     tells where the lower parts of a renamed directory are
 *	trusted.overlay.origin       names the inode that was copied up, so its number stays
 *	trusted.overlay.impure       marks directories in which some entries have an origin
 *
 * A file that is marked trusted.overlay.metacopy has attributes only. Its data is in a layer below,
 * under its name or where its redirect says, or in one of the data-only layers at the bottom, which
 * have no names in the tree. With metacopy=on such files can be read, and a changed file gets all
 * its data: the driver understands metacopy files that other systems made, but makes none.
 *
 * Crash safety: a copy-up is made in the work directory, synced, and moved into place by one
 * rename; a name is exchanged with its whiteout by one rename. The next mount removes what a crash
 * has left in the work directory.
 *
 * Locks, outer to inner: the overlay directory's i_rwsem (vfs), ovl_inode.lock (copying up: parents
 * before children), then all locks of the real file systems. Where those are overlays too, their
 * locks are of another class (OVL_LOCK_CLASS). Operations on the layers run with the credentials of
 * the mounter: ovl_enter(), ovl_leave().
 */
#ifndef NESTLING_FS_OVERLAY_H
#define NESTLING_FS_OVERLAY_H

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <linux/xattr.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/super.h"

#define OVL_MAX_LAYERS 128
#define OVL_HASH 1024
#define OVL_MAX_DEPTH 2 /* overlays on overlays */

/*
 * The class of a lock of an overlay that is stacked on @depth - 1 others: an upper overlay's lock
 * is taken first.
 */
#define OVL_LOCK_CLASS(name, depth) ((depth) > 1 ? "overlay2:" name : "overlay:" name)

struct ovl_layer {
	struct mount *mnt; /* private */
	struct dentry *root;
	/* equal for layers on one file system; 0 is the upper's */
	u32 fsid;
};

struct ovl_sb {
	/* [0] is the upper one (mnt NULL: none); immutable */
	struct ovl_layer layer[OVL_MAX_LAYERS + 1];
	u32 nr_layers; /* with [0] */
	u32 nr_data;   /* of these, at the end, have data only */
	u32 nr_fs;
	struct dentry *work; /* under the upper layer's mount, or NULL */
	const struct cred *creds;
	char *lowerdir, *upperdir, *workdir; /* as given, for show_options */
	bool redirect_dir, redirect_follow, follow_asked, userxattr, is_volatile, metacopy;
	bool redirect_asked;
	/*
	 * the upper file system does not store the overlay's attributes, or not for the mounter;
	 * immutable
	 */
	bool no_marks;
	u32 depth;
	u64 tmp_count; /* atomic: names in the work directory */
	spinlock_t hash_lock;
	/* ovl_inode.node, hashed by the real inode; under hash_lock */
	struct hlist_head hash[OVL_HASH];
};

struct ovl_path {
	u32 layer;
	struct dentry *dentry; /* a reference */
};

struct ovl_inode {
	struct inode vfs;
	struct mutex lock;      /* copying up */
	struct dentry *upper;   /* set once, by copying up; a reference */
	struct ovl_path *lower; /* immutable */
	u32 nr_lower;
	/* the place of the data, in a file that has none of its own; immutable */
	struct ovl_path data;
	bool no_data; /* it is nowhere */
	/* the file was copied up, so @data does not count; set once, as @upper */
	bool has_own_data;
	bool opaque; /* under the parent's i_rwsem */
	/*
	 * OVL_PROT: those bits of i_flags that the upper file only records. Written before the
	 * inode is seen, or under i_rwsem or @lock
	 */
	u32 prot;
	/* counts changes of a directory's names; atomic */
	u64 version;
	/* the newest listing, while a file has it; under hash_lock */
	struct listing *listing;
	struct hlist_node node; /* of files: under hash_lock */
	struct inode *key;
};

static inline struct ovl_sb *OVL_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
static inline struct ovl_inode *OVL_I(const struct inode *inode)
{
	return container_of((struct inode *)inode, struct ovl_inode, vfs);
}
static inline struct dentry *ovl_upper(const struct inode *inode)
{
	return smp_load_acquire(&OVL_I(inode)->upper);
}
static inline struct dentry *ovl_real(const struct inode *inode)
{
	struct dentry *upper = ovl_upper(inode);

	return upper ? upper : OVL_I(inode)->lower[0].dentry;
}
static inline struct path ovl_real_path(const struct inode *inode)
{
	struct dentry *upper = ovl_upper(inode);
	struct ovl_sb *ofs = OVL_SB(inode->i_sb);
	const struct ovl_path *low = OVL_I(inode)->lower;

	if (upper)
		return (struct path){ ofs->layer[0].mnt, upper };
	return (struct path){ ofs->layer[low->layer].mnt, low->dentry };
}
/* True if the file's data is not where its attributes are. */
static inline bool ovl_data_elsewhere(const struct inode *inode)
{
	const struct ovl_inode *oi = OVL_I(inode);

	return (oi->data.dentry || oi->no_data) && !smp_load_acquire(&oi->has_own_data);
}
/* Returns where the file's data is; a path without a dentry: nowhere. */
static inline struct path ovl_data_path(const struct inode *inode)
{
	const struct ovl_path *data = &OVL_I(inode)->data;

	if (!ovl_data_elsewhere(inode))
		return ovl_real_path(inode);
	return (struct path){ data->dentry ? OVL_SB(inode->i_sb)->layer[data->layer].mnt : NULL,
		data->dentry };
}
static inline struct inode *ovl_data_inode(const struct inode *inode)
{
	struct dentry *d = ovl_data_path(inode).dentry;

	return d ? d->d_inode : NULL;
}
/* True if it is a directory with parts below the topmost one. */
static inline bool ovl_is_merged(const struct inode *inode)
{
	return OVL_I(inode)->nr_lower > (ovl_upper(inode) ? 0U : 1U);
}
static inline bool ovl_is_whiteout(const struct dentry *d)
{
	const struct inode *inode = d->d_inode;

	return inode && S_ISCHR(inode->i_mode) && !inode->i_rdev;
}
static inline const struct cred *ovl_enter(const struct super_block *sb)
{
	return override_creds(OVL_SB(sb)->creds);
}
static inline void ovl_leave(const struct cred *old)
{
	revert_creds(old);
}
/* Begins a change of the upper file system: 0 or -EROFS. */
static inline int ovl_want_write(const struct super_block *sb)
{
	return OVL_SB(sb)->layer[0].mnt ? mnt_want_write(OVL_SB(sb)->layer[0].mnt) : -EROFS;
}
static inline void ovl_drop_write(const struct super_block *sb)
{
	mnt_drop_write(OVL_SB(sb)->layer[0].mnt);
}

/* lookup.c */
struct dentry *ovl_lookup(struct inode *dir, struct dentry *d, u32 flags);
struct ovl_found {
	struct dentry *upper;
	struct ovl_path *lower;
	u32 nr_lower;
	bool opaque;
	struct ovl_path data; /* of a file that has none of its own */
	bool no_data;
};
/*
 * Returns the inode for the result of a lookup, or ERR_PTR; takes over the references, also on
 * failure. Uses the mounter's credentials.
 */
struct inode *ovl_get_inode(struct super_block *sb, const struct ovl_found *found);
bool ovl_is_opaque(const struct super_block *sb, struct dentry *real); /* as the mounter */
void ovl_rehash(struct inode *inode, struct inode *key);
void ovl_unhash(struct inode *inode);
/* Asks whether a lower layer has @name in @dir, not whited out: 1, 0 or -errno. */
int ovl_lower_has(struct inode *dir, const char *name, int len);
/* Returns the number that a file in @layer shows; an upper file may show its origin's. */
u64 ovl_ino(const struct super_block *sb, u32 layer, u64 ino);

/*
 * flags.c: what forbids all changes (chattr +i, +a) would forbid those that are made below, too:
 * the upper file only remembers it, in an attribute. @prot: S_IMMUTABLE, S_APPEND.
 */
#define OVL_PROT (S_IMMUTABLE | S_APPEND)
u32 ovl_read_prot(const struct ovl_sb *ofs, struct dentry *upper);
int ovl_write_prot(const struct super_block *sb, struct dentry *upper, u32 prot);

/* inode.c */
int ovl_copy_up_inode(struct inode *inode); /* by one of its names; -ESTALE */
const char *ovl_xattr(const struct ovl_sb *ofs, int which, char buf[48]);
enum { OVL_OPAQUE, OVL_REDIRECT, OVL_ORIGIN, OVL_IMPURE, OVL_METACOPY, OVL_PROTATTR };
int ovl_set_xattr(struct dentry *upper, const char *name, const void *value, size_t n);
ssize_t ovl_get_xattr(struct dentry *real, const char *name, void *buf, size_t n);
/* Sets a mark of the list above: -EOPNOTSUPP where the upper layer has no xattrs. */
int ovl_set_own_xattr(
	const struct super_block *sb, struct dentry *upper, int which, const void *value, size_t n);
bool ovl_private_xattr(const struct ovl_sb *ofs, const char *name);
void ovl_copy_attr(struct inode *inode); /* from the real one */
void ovl_set_ops(struct inode *inode);
int ovl_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags);
int ovl_get_flags(struct inode *inode, u32 *flags);
int ovl_set_flags(struct inode *inode, u32 flags);
int ovl_setattr(struct dentry *d, struct iattr *attr);
int ovl_permission(struct inode *inode, int mask);
ssize_t ovl_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int ovl_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t ovl_listxattr(struct inode *inode, char *buf, size_t size);
#define OVL_COMMON_OPS                                                                             \
	.getattr = ovl_getattr, .setattr = ovl_setattr, .permission = ovl_permission,              \
	.getxattr = ovl_getxattr, .setxattr = ovl_setxattr, .listxattr = ovl_listxattr,            \
	.get_flags = ovl_get_flags, .set_flags = ovl_set_flags
/* Returns the number of the origin that an upper file remembers, with the layer's mark, or 0. */
u64 ovl_origin_ino(const struct super_block *sb, struct dentry *upper);
int ovl_set_origin(const struct super_block *sb, struct dentry *upper, const struct ovl_path *from);

/* copyup.c: these take on the mounter's credentials themselves. */
int ovl_copy_up(struct dentry *d);                        /* and all above it */
int ovl_copy_up_truncated(struct dentry *d, loff_t size); /* no more than that of its data */
/*
 * Makes a file or directory in the work directory under a name of its own: a reference, or ERR_PTR.
 */
struct dentry *ovl_make_temp(struct super_block *sb, umode_t mode, dev_t rdev, const char *link);
void ovl_remove_temp(struct super_block *sb, struct dentry *temp);

static inline void ovl_dir_changed(struct inode *dir)
{
	__atomic_add_fetch(&OVL_I(dir)->version, 1, __ATOMIC_SEQ_CST);
}

/* dir.c */
extern const struct inode_operations ovl_dir_iops;
int ovl_whiteout(struct super_block *sb, struct dentry **white); /* in the work directory */
/*
 * Renames between the work directory and @dir (upper). @to NULL: a name that must be free or is
 * replaced.
 */
int ovl_place(struct super_block *sb, struct dentry *temp, struct dentry *dir, const char *name,
	int len, u32 flags);
int ovl_set_opaque(
	struct inode *inode, struct dentry *upper, int none); /* @none: where there are no marks */

/* rename.c */
int ovl_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags);

/* readdir.c */
extern const struct file_operations ovl_dir_fops;
int ovl_dir_empty(struct inode *dir); /* 0, -ENOTEMPTY, -errno */
/* Removes the whiteouts in an upper directory that is about to go. */
int ovl_clear_whiteouts(struct super_block *sb, struct dentry *upper);
/* Removes everything below @dir (the work directory, at mount). */
void ovl_clear_tree(struct mount *m, struct dentry *dir, u32 depth);

/*
 * file.c: Opens a file of a layer with the mounter's credentials: a file that the mounter may not
 * open, no caller opens through the overlay. A file's data can lie elsewhere than its attributes,
 * by which the caller is checked. Of a merged directory only the topmost part is.
 */
struct file *ovl_open_layer(const struct path *real, u32 flags); /* ERR_PTR */
extern const struct file_operations ovl_file_ops;

#endif
