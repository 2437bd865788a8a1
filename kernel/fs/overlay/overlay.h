/* SPDX-License-Identifier: MIT */
/*
 * overlay.h: overlayfs: one tree merged from an upper directory, which takes all changes, and lower
 * directories below it, which never change.
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
 * An overlay inode has a real inode in the upper layer or in a lower one; a directory may have one
 * in each of several layers. The marks on disk are Linux's (user.overlay.* with the option
 * userxattr):
 *
 *	character device 0/0         a whiteout
 *	trusted.overlay.opaque "y"   hides the lower contents of a directory
 *	trusted.overlay.redirect     has the name or path of the lower parts of a renamed directory
 *	trusted.overlay.origin       names the inode that was copied up, so its number stays
 *	trusted.overlay.impure       marks directories in which some entries have an origin
 *	trusted.overlay.metacopy     marks a file that has attributes only
 *	trusted.overlay.protattr     records the flags +i and +a of chattr (flags.c)
 *
 * The data of a metacopy file is in a layer below, under its name or its redirect, or in one of the
 * data-only layers at the bottom, whose names do not appear in the merged tree. With metacopy=on,
 * metacopy files can be read, and a write copies all data up. Otherwise a lookup of such a file
 * gives EPERM. This driver reads the metacopy files that other kernels made, but makes none.
 *
 * Crash safety: a copy-up is made in the work directory, its data is synced (not with the option
 * volatile), and one rename moves it into place. One rename also exchanges a name with its
 * whiteout. The next mount removes what a crash left in the work directory.
 *
 * Locks, outer to inner: the overlay directory's i_rwsem (vfs), ovl_inode.lock (never two of one
 * overlay), then all locks of the real file systems. If those are overlays too, their locks have
 * another lockdep class (OVL_LOCK_CLASS). Operations on the layers run with the credentials of the
 * mounter: ovl_enter(), ovl_leave().
 *
 * Functions may sleep. Those of type int return 0 or -errno, unless their comment says more.
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
#define OVL_REDIRECT_MAX 256 /* bytes of a redirect, with a NUL */
#define OVL_MAX_DEPTH 2      /* most overlays stacked on each other */

/*
 * Lockdep class of a lock of an overlay with this @depth (ovl_sb.depth). The lock of the topmost
 * overlay is taken first.
 */
#define OVL_LOCK_CLASS(name, depth) ((depth) > 1 ? "overlay2:" name : "overlay:" name)

struct ovl_layer {
	struct mount *mnt; /* private mount of this layer */
	struct dentry *root;
	/*
	 * Number of the layer's file system, from 0. Layers on one file system share a number. 0 is
	 * the number of the upper layer.
	 */
	u32 fsid;
};

struct ovl_sb {
	/* layer[0] is the upper layer (its mnt is NULL if there is none); immutable */
	struct ovl_layer layer[OVL_MAX_LAYERS + 1];
	u32 nr_layers;       /* including layer[0] */
	u32 nr_data;         /* data-only layers, the last in @layer */
	u32 nr_fs;           /* numbers in use for fsid, 0 included */
	struct dentry *work; /* work directory's "work", or NULL */
	/* The mounter's credentials, with a reference. */
	const struct cred *creds;
	char *lowerdir, *upperdir, *workdir; /* options' text, for show_options */
	/*
	 * redirect_dir: directories may be renamed with a redirect. redirect_follow: redirects are
	 * followed. follow_asked: the option redirect_dir= was given with a value that follows
	 * them. redirect_asked: that option was given, with any value. is_volatile: the option
	 * volatile.
	 */
	bool redirect_dir, redirect_follow, follow_asked, userxattr, is_volatile, metacopy;
	bool redirect_asked;
	/*
	 * True if the upper file system cannot store the overlay's marks, or the mounter may not
	 * set them. Immutable.
	 */
	bool no_marks;
	/* Number of overlays stacked here, including this one: 1 to OVL_MAX_DEPTH. */
	u32 depth;
	u64 tmp_count; /* number in temporary names; atomic */
	spinlock_t hash_lock;
	/* overlay inodes by ovl_inode.node, hashed by their real inode; under hash_lock */
	struct hlist_head hash[OVL_HASH];
};

struct ovl_path {
	u32 layer;
	struct dentry *dentry; /* referenced */
};

struct ovl_inode {
	struct inode vfs;
	struct mutex lock;      /* held while copying up and removing */
	struct dentry *upper;   /* referenced; set once, by copying up */
	struct ovl_path *lower; /* immutable, topmost first */
	u32 nr_lower;
	/* For a metacopy file: the lower file that has its data; immutable. */
	struct ovl_path data;
	bool no_data; /* @data was not found; immutable */
	/*
	 * True once the data of a metacopy file is copied up, so that @data is no longer used. Set
	 * once.
	 */
	bool has_own_data;
	/* True if the lowest part of the directory is marked opaque. Under the parent's i_rwsem. */
	bool opaque;
	/*
	 * Bits of OVL_PROT, which the upper file's xattr only records. Written before other tasks
	 * see the inode, or under i_rwsem or @lock.
	 */
	u32 prot;
	/* Number of changes of a directory's names; atomic. */
	u64 version;
	/* The newest merged listing, while an open file uses it; under hash_lock. */
	struct listing *listing;
	struct hlist_node node; /* in ovl_sb.hash; under hash_lock */
	/* the real inode by which it is hashed, or NULL; under hash_lock */
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
/*
 * Return a layer's dentry, without a reference, which is valid as long as @inode. ovl_upper()
 * returns the upper one, or NULL before the copy-up; after it, the dentry never changes. ovl_real()
 * returns the upper one, or else the topmost lower one.
 */
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
/* True if the file's data lies in another real inode than its attributes. */
static inline bool ovl_data_elsewhere(const struct inode *inode)
{
	const struct ovl_inode *oi = OVL_I(inode);

	return (oi->data.dentry || oi->no_data) && !smp_load_acquire(&oi->has_own_data);
}
/* Returns the path of the real file with the data; without a dentry if the data is missing. */
static inline struct path ovl_data_path(const struct inode *inode)
{
	const struct ovl_path *data = &OVL_I(inode)->data;

	if (!ovl_data_elsewhere(inode))
		return ovl_real_path(inode);
	return (struct path){ data->dentry ? OVL_SB(inode->i_sb)->layer[data->layer].mnt : NULL,
		data->dentry };
}
/* Returns the real inode with the data, or NULL if the data is missing. */
static inline struct inode *ovl_data_inode(const struct inode *inode)
{
	struct dentry *d = ovl_data_path(inode).dentry;

	return d ? d->d_inode : NULL;
}
/* True if the directory has a part in more than one layer. */
static inline bool ovl_is_merged(const struct inode *inode)
{
	return OVL_I(inode)->nr_lower > (ovl_upper(inode) ? 0U : 1U);
}
static inline bool ovl_is_whiteout(const struct dentry *d)
{
	const struct inode *inode = d->d_inode;

	return inode && S_ISCHR(inode->i_mode) && !inode->i_rdev;
}
/* Switches to the mounter's credentials. Returns those that ovl_leave() must get. */
static inline const struct cred *ovl_enter(const struct super_block *sb)
{
	return override_creds(OVL_SB(sb)->creds);
}
static inline void ovl_leave(const struct cred *old)
{
	revert_creds(old);
}
/* Gets write access to the upper file system, until ovl_drop_write(). Returns 0 or -EROFS. */
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
/* The result of a lookup through the layers, whose members become those of a struct ovl_inode. */
struct ovl_found {
	struct dentry *upper;
	struct ovl_path *lower;
	u32 nr_lower;
	bool opaque;
	/* the lower file with a metacopy file's data */
	struct ovl_path data;
	bool no_data;
};
/*
 * Returns the overlay inode for the result of a lookup, or ERR_PTR. Takes over the references in
 * @found, also on failure. Uses the mounter's credentials.
 */
struct inode *ovl_get_inode(struct super_block *sb, const struct ovl_found *found);
/*
 * Return 1 if @real has the mark "opaque", 0 if it has not, or -errno; and the length of its
 * redirect, which is written to @text with a NUL, 0 if it has none, or -errno. Use the mounter's
 * credentials.
 */
int ovl_is_opaque(const struct super_block *sb, struct dentry *real);
int ovl_get_redirect(
	const struct super_block *sb, struct dentry *real, char text[OVL_REDIRECT_MAX]);
/* Make lookups of the real inode @key find @inode, and end that. Take hash_lock. */
void ovl_rehash(struct inode *inode, struct inode *key);
void ovl_unhash(struct inode *inode);
/*
 * Returns 1 if @name (@len bytes) in @dir is visible in the lower layers (it exists and is not
 * whited out), 0 if it is not, or -errno. The caller has the mounter's credentials.
 */
int ovl_lower_has(struct inode *dir, const char *name, int len);
/* Returns the inode number that the overlay shows for inode @ino of @layer. */
u64 ovl_ino(const struct super_block *sb, u32 layer, u64 ino);

/*
 * flags.c: on the upper file, the flags +i and +a of chattr would also forbid the overlay's own
 * changes, so an xattr of the upper file only records them. @prot: S_IMMUTABLE, S_APPEND.
 */
#define OVL_PROT (S_IMMUTABLE | S_APPEND)
/*
 * Read the record (0 if there is none), and replace it: -EOPNOTSUPP if the upper layer cannot store
 * it. The mounter's credentials are in use.
 */
u32 ovl_read_prot(const struct ovl_sb *ofs, struct dentry *upper);
int ovl_write_prot(const struct super_block *sb, struct dentry *upper, u32 prot);

/* inode.c */
/* Copies the inode up under any of its names, if that is not done. -ESTALE: it has no name. */
int ovl_copy_up_inode(struct inode *inode);
/* Writes the name of the mark @which (OVL_*), terminated, to @buf, and returns @buf. */
const char *ovl_xattr(const struct ovl_sb *ofs, int which, char buf[48]);
enum { OVL_OPAQUE, OVL_REDIRECT, OVL_ORIGIN, OVL_IMPURE, OVL_METACOPY, OVL_PROTATTR };
/*
 * Set (@value NULL: remove) and get an xattr of a file in a layer, with the mounter's permissions.
 * ovl_set_xattr() takes the file's i_rwsem. ovl_get_xattr() returns the length or -errno, -ERANGE
 * if @n is not 0 and too small.
 */
int ovl_set_xattr(struct dentry *upper, const char *name, const void *value, size_t n);
ssize_t ovl_get_xattr(struct dentry *real, const char *name, void *buf, size_t n);
/* Sets the mark @which (OVL_*) of @upper. -EOPNOTSUPP: the upper layer cannot store it. */
int ovl_set_own_xattr(
	const struct super_block *sb, struct dentry *upper, int which, const void *value, size_t n);
/* True if @name is a mark of overlayfs, which the overlay hides. */
bool ovl_private_xattr(const struct ovl_sb *ofs, const char *name);
/* Copies mode, owner, times, flags, size and link count from the real inode to @inode. */
void ovl_copy_attr(struct inode *inode);
/* Sets the operations of a new inode for its i_mode. */
void ovl_set_ops(struct inode *inode);
/* Operations of inodes (struct inode_operations); they switch to the mounter's credentials. */
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
/*
 * Returns the inode number of the file's origin, as the overlay shows it, or 0 if the upper file
 * has no usable origin. The caller has the mounter's credentials, here and for ovl_set_origin().
 */
u64 ovl_origin_ino(const struct super_block *sb, struct dentry *upper);
/*
 * Records @from as the origin of its copy @upper. Returns 0 too if the upper layer cannot store the
 * record, or if @from can have no usable one: it has several hard links, or its file system has no
 * file handles.
 */
int ovl_set_origin(const struct super_block *sb, struct dentry *upper, const struct ovl_path *from);

/*
 * copyup.c. The first two functions switch to the mounter's credentials themselves, get write
 * access, and take ovl_inode.lock. They copy @d up, after the parent directories that are not
 * copied up. If @d is an upper metacopy file, they copy only its data. If nothing is to be copied,
 * they do nothing. ovl_copy_up_truncated() copies at most @size bytes of data. -EROFS: there is no
 * upper layer. -ERESTARTSYS: a signal came.
 */
int ovl_copy_up(struct dentry *d);
int ovl_copy_up_truncated(struct dentry *d, loff_t size);
/*
 * Makes a file or directory with an unused name in the work directory; @link: target of a symbolic
 * link. Returns its dentry with a reference, or ERR_PTR. The caller has write access and the
 * mounter's credentials, here and for ovl_remove_temp(), ovl_whiteout(), ovl_place() and
 * ovl_set_opaque().
 */
struct dentry *ovl_make_temp(struct super_block *sb, umode_t mode, dev_t rdev, const char *link);
/* Removes @temp, if it is in the work directory. The caller keeps its reference. */
void ovl_remove_temp(struct super_block *sb, struct dentry *temp);

/* Called after a change of names in @dir, so that merged listings are made again. */
static inline void ovl_dir_changed(struct inode *dir)
{
	__atomic_add_fetch(&OVL_I(dir)->version, 1, __ATOMIC_SEQ_CST);
}

/* dir.c */
extern const struct inode_operations ovl_dir_iops;
/* Makes a whiteout in the work directory. Returns 0 and its dentry (referenced), or -errno. */
int ovl_whiteout(struct super_block *sb, struct dentry **white);
/*
 * Renames @temp from the work directory to @name (@len bytes) in @dir, an upper directory. @flags:
 * RENAME_*. -ESTALE: @temp is not in the work directory. Takes the i_rwsem of both directories.
 */
int ovl_place(struct super_block *sb, struct dentry *temp, struct dentry *dir, const char *name,
	int len, u32 flags);
/*
 * Marks the directory @upper of the upper layer as opaque. @inode: any inode of the overlay.
 * Returns 0, -errno, or @none if the upper layer cannot store the mark.
 */
int ovl_set_opaque(struct inode *inode, struct dentry *upper, int none);

/*
 * rename.c: implements rename(). vfs holds the i_rwsem of both directories, and s_rename_mutex if
 * they differ. @flags: RENAME_NOREPLACE and RENAME_EXCHANGE, others give -EINVAL. -EXDEV: a
 * directory with lower parts cannot get a redirect.
 */
int ovl_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags);

/* readdir.c */
extern const struct file_operations ovl_dir_fops;
/* Returns 0 if the merged directory shows no names, -ENOTEMPTY, or another -errno. */
int ovl_dir_empty(struct inode *dir);
/* Removes the whiteouts in an upper directory that is about to be removed. */
int ovl_clear_whiteouts(struct super_block *sb, struct dentry *upper);
/*
 * Removes everything below @dir, @depth levels deep, and ignores errors. Called at mount for the
 * work directory.
 */
void ovl_clear_tree(struct mount *m, struct dentry *dir, u32 depth);

/*
 * file.c: opens the file @real of a layer, and returns it with a reference, or ERR_PTR. Called with
 * the mounter's credentials, and checks the mounter's permission on @real: the caller's own
 * permission was checked on another real file, if @real has only the data of a metacopy file or is
 * not the topmost part of a merged directory.
 */
struct file *ovl_open_layer(const struct path *real, u32 flags);
extern const struct file_operations ovl_file_ops;

#endif
