/* SPDX-License-Identifier: MIT */
/*
 * tmpfs.h: what the files of tmpfs share, and what devtmpfs (tmpfs_fill_super()) and hugetlbfs (a
 * kind of tmpfs) use.
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

/* A kind of tmpfs: the operations of its regular files, and what it lacks. Immutable. */
struct tmpfs_kind {
	const struct inode_operations *iops;
	const struct file_operations *fops;
	const struct address_space_operations *aops;
	void (*init)(struct inode *inode);  /* for a new regular file; or NULL */
	void (*evict)(struct inode *inode); /* before pages are freed; or NULL */
	/* true: no symbolic links, extended attributes and inode flags */
	bool bare;
};

/* bytes that an inode takes; max_inodes times this is the allowance for inodes and attributes */
#define TMPFS_INODE_SPACE 1024
/* bytes that an attribute takes from that allowance, besides its name and value */
#define TMPFS_XATTR_SPACE 40

struct tmpfs_sb {
	const struct tmpfs_kind *kind; /* immutable */
	spinlock_t lock;
	u64 max_blocks, used_blocks; /* pages; max 0: no limit. Under lock */
	/* max 0: no limit. A file's further hard links count as inodes. Under lock */
	u64 max_inodes, used_inodes;
	u64 xattr_bytes; /* of all inodes' attributes; under lock */
	atomic64_t next_ino;
	umode_t mode; /* mode, uid, gid: options for the root */
	kuid_t uid;
	kgid_t gid;
};

/* Returns the used bytes of the allowance of nr_inodes=. Under lock. */
static inline u64 tmpfs_inode_space(const struct tmpfs_sb *s)
{
	return s->used_inodes * TMPFS_INODE_SPACE + s->xattr_bytes;
}

struct tmpfs_inode {
	struct inode vfs;
	spinlock_t lock;
	u32 flags; /* FS_*_FL, under i_rwsem */
	/* pages charged to the superblock; under lock */
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
struct inode *tmpfs_new_inode(
	struct super_block *sb, struct inode *dir, umode_t mode, dev_t rdev); /* ERR_PTR */
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
int tmpfs_readpage(struct file *f, struct page *p); /* also for other kinds' a_ops */
int tmpfs_page_mkwrite(struct file *f, struct page *p);
extern const struct file_operations tmpfs_file_ops;
extern const struct inode_operations tmpfs_file_iops;
/*
 * Implements read_iter. @get returns the page at an index, with a reference, or NULL for a hole,
 * which reads as zeros. Returns the bytes read, at most up to the end of the file, or -EFAULT.
 */
ssize_t tmpfs_read_pages(struct inode *inode, struct iov_iter *to, loff_t *pos,
	struct page *(*get)(struct inode *inode, u64 index));
/* Sets the inode's charge to the number of pages in the page cache; uncharges dropped pages. */
void tmpfs_recount(struct inode *inode);
/* super.c */
int tmpfs_fill_super(struct super_block *sb, void *data, bool silent);
/* Fills a superblock of @kind for files that the kernel makes: without limits and options. */
int tmpfs_fill_internal(struct super_block *sb, const struct tmpfs_kind *kind, u32 magic);
/*
 * Calls @option for each option in "key=value,word,..."; @v is NULL for a word. Returns the first
 * error, which is logged with the name @fs.
 */
int tmpfs_parse_options(
	const char *fs, char *data, int (*option)(void *arg, const char *key, char *v), void *arg);
/*
 * Parses nr_inodes=, uid=, gid= or mode=. Returns 0, or -EINVAL for an invalid value or another
 * option.
 */
int tmpfs_parse_option(struct tmpfs_sb *s, const char *key, const char *v);
/* Parses a number of bytes, with k, m or g, or a percentage of @whole. 0 or -EINVAL. */
int tmpfs_parse_size(const char *v, u64 whole, u64 *bytes);
int tmpfs_show_ids(const struct tmpfs_sb *s, char *buf, size_t size); /* uid=, gid= */
/*
 * Makes a nameless file with mode 0777, open for reading and writing, and shown as "/name
 * (deleted)". ERR_PTR.
 */
struct file *tmpfs_nameless_file(struct mount *mnt, const char *name, loff_t size);
/* Charges @n pages: 0 or -ENOSPC. */
int tmpfs_charge(struct super_block *sb, u64 n);
void tmpfs_uncharge(struct super_block *sb, u64 n);

#endif
