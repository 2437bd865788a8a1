/* SPDX-License-Identifier: MIT */
/*
 * tmpfs.h: declarations that the files of tmpfs share, and that devtmpfs (tmpfs_fill_super()) and
 * hugetlbfs (a kind of tmpfs) use.
 */
#ifndef NESTLING_FS_TMPFS_H
#define NESTLING_FS_TMPFS_H

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/xattr/simple_xattr.h"
#include "kernel/vfs/super.h"

/* A kind of tmpfs: the operations of its regular files, and its restrictions. Immutable. */
struct tmpfs_kind {
	const struct inode_operations *iops;
	const struct file_operations *fops;
	const struct address_space_operations *aops;
	void (*init)(struct inode *inode);  /* called for new regular files; or NULL */
	void (*evict)(struct inode *inode); /* called before pages are freed; or NULL */
	/* True if the kind lacks symbolic links, extended attributes and inode flags. */
	bool bare;
};

/* Bytes that an inode takes from the allowance of nr_inodes=, which is max_inodes times as much. */
#define TMPFS_INODE_SPACE 1024
/* bytes that an attribute takes from that allowance, in addition to its name and value */
#define TMPFS_XATTR_SPACE 40

struct tmpfs_sb {
	const struct tmpfs_kind *kind; /* immutable */
	spinlock_t lock;
	u64 max_blocks, used_blocks; /* in pages; max 0: no limit; under lock */
	/* max 0: no limit. A file's second and further hard links count as inodes. Under lock. */
	u64 max_inodes, used_inodes;
	u64 xattr_bytes; /* of all attributes; under lock */
	atomic64_t next_ino;
	/* mode, uid, gid: options for the root directory */
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
};

/* Returns how many bytes of the allowance of nr_inodes= are used. s->lock is held. */
static inline u64 tmpfs_inode_space(const struct tmpfs_sb *s)
{
	return s->used_inodes * TMPFS_INODE_SPACE + s->xattr_bytes;
}

struct tmpfs_inode {
	struct inode vfs;
	spinlock_t lock;
	u32 flags; /* FS_*_FL, under i_rwsem */
	/* pages charged to the superblock for this file; under lock */
	u64 charged;
	/* this inode's share of tmpfs_sb.xattr_bytes; under tmpfs_sb.lock */
	u64 xattr_bytes;
	struct simple_xattrs xattrs;
};

static inline struct tmpfs_sb *tmpfs_sb(struct super_block *sb)
{
	return sb->s_fs_info;
}
static inline struct tmpfs_inode *tmpfs_inode(struct inode *inode)
{
	return container_of(inode, struct tmpfs_inode, vfs);
}

/* inode.c */
/*
 * Returns a new inode, counted in @sb, or ERR_PTR(-ENOSPC or -ENOMEM). @dir: its directory, for
 * owner and flags, or NULL. @mode includes the type; @rdev: the number of a device node.
 */
struct inode *tmpfs_new_inode(
	struct super_block *sb, struct inode *dir, umode_t mode, dev_t rdev); /* may sleep */
/* Operations of inodes (struct inode_operations). i_rwsem is held by callers of those that set. */
ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int tmpfs_setxattr(
	struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t tmpfs_listxattr(struct inode *inode, char *buf, size_t size);
int tmpfs_get_flags(struct inode *inode, u32 *flags);
int tmpfs_set_flags(struct inode *inode, u32 flags);
#define TMPFS_FLAG_OPS .get_flags = tmpfs_get_flags, .set_flags = tmpfs_set_flags
#define TMPFS_XATTR_OPS                                                                            \
	.getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr, .listxattr = tmpfs_listxattr
/* file.c */
extern const struct address_space_operations tmpfs_aops;
/*
 * Operations of address spaces, used by other kinds' a_ops too. tmpfs_readpage() gets a locked page
 * that is new in the page cache, charges and zeroes it, and unlocks it: 0 or -ENOSPC.
 * tmpfs_page_mkwrite() returns 0 with @p locked.
 */
int tmpfs_readpage(struct file *f, struct page *p);
int tmpfs_page_mkwrite(struct file *f, struct page *p);
extern const struct file_operations tmpfs_file_ops;
extern const struct inode_operations tmpfs_file_iops;
/*
 * Implements read_iter. @get returns the page at an index, referenced, or NULL for a hole, which
 * reads as zeros. Returns the number of bytes read, at most up to the end of the file, or -EFAULT.
 * Moves *pos. May sleep.
 */
ssize_t tmpfs_read_pages(struct inode *inode, struct iov_iter *to, loff_t *pos,
	struct page *(*get)(struct inode *inode, u64 index));
/*
 * Sets the inode's charge to the number of its pages in the page cache, and uncharges the dropped
 * pages.
 */
void tmpfs_recount(struct inode *inode);
/* super.c */
/*
 * Fills in the superblock of a mount of tmpfs. @data: options, which it overwrites, or NULL.
 * Returns 0 or -errno. May sleep.
 */
int tmpfs_fill_super(struct super_block *sb, void *data, bool silent);
/*
 * Fills a superblock of @kind for files that the kernel itself makes. It has no limits and no
 * options. Returns 0 or -ENOMEM.
 */
int tmpfs_fill_internal(struct super_block *sb, const struct tmpfs_kind *kind, u32 magic);
/*
 * Calls @option for each option in "key=value,word,...", with NULL as @v for a word. Overwrites
 * @data. Returns 0 or the first error, which is logged with the file system's name @fs.
 */
int tmpfs_parse_options(
	const char *fs, char *data, int (*option)(void *arg, const char *key, char *v), void *arg);
/*
 * Parses nr_inodes=, uid=, gid= or mode=. Returns 0, or -EINVAL if the value is invalid or the
 * option is another.
 */
int tmpfs_parse_option(struct tmpfs_sb *s, const char *key, const char *v);
/*
 * Parses a number of bytes, with k, m or g, or a percentage of @whole (bytes). Returns 0 or
 * -EINVAL.
 */
int tmpfs_parse_size(const char *v, u64 whole, u64 *bytes);
/* Prints uid= and gid= to @buf, and returns the length. */
int tmpfs_show_ids(const struct tmpfs_sb *s, char *buf, size_t size);
/*
 * Makes a nameless file of @size bytes with mode 0777, open for reading and writing, which is shown
 * as "/name (deleted)". Returns it with a reference, or ERR_PTR. May sleep.
 */
struct file *tmpfs_nameless_file(struct mount *mnt, const char *name, loff_t size);
/* Charge and uncharge @n pages. tmpfs_charge() returns 0 or -ENOSPC. They take tmpfs_sb.lock. */
int tmpfs_charge(struct super_block *sb, u64 n);
void tmpfs_uncharge(struct super_block *sb, u64 n);

#endif
