/* SPDX-License-Identifier: MIT */
/*
 * tmpfs.h: shared by the files of tmpfs; devtmpfs uses tmpfs_fill_super(); hugetlbfs is a kind of
 * tmpfs.
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

/* Properties of regular files of a kind of tmpfs. Immutable. */
struct tmpfs_kind {
	const struct inode_operations *iops;
	const struct file_operations *fops;
	const struct address_space_operations *aops;
	void (*init)(struct inode *inode);  /* of a new regular file; or NULL */
	void (*evict)(struct inode *inode); /* before an inode's pages go; or NULL */
	/* no symbolic links, extended attributes and flags */
	bool bare;
};

/* bytes of the allowance for each of max_inodes, of which an inode takes as many */
#define TMPFS_INODE_SPACE 1024
/* bytes of the allowance that an attribute takes beside name and value */
#define TMPFS_XATTR_SPACE 40

struct tmpfs_sb {
	const struct tmpfs_kind *kind; /* immutable */
	spinlock_t lock;
	u64 max_blocks, used_blocks; /* pages; max 0: no limit. Under lock */
	/* limit and use; a file's further names count as inodes */
	u64 max_inodes, used_inodes;
	u64 xattr_bytes; /* of all inodes' attributes; under lock */
	atomic64_t next_ino;
	umode_t mode; /* of the root: for show_options */
	kuid_t uid;
	kgid_t gid;
};

/* Returns how much of the allowance of nr_inodes= is used. Under lock. */
static inline u64 tmpfs_inode_space(const struct tmpfs_sb *s)
{
	return s->used_inodes * TMPFS_INODE_SPACE + s->xattr_bytes;
}

struct tmpfs_inode {
	struct inode vfs;
	spinlock_t lock;
	u32 flags; /* FS_*_FL, under i_rwsem */
	/* pages accounted to the superblock, under lock */
	u64 charged;
	/* bytes of its attributes in tmpfs_sb.xattr_bytes; under that one's lock */
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
int tmpfs_readpage(struct file *f, struct page *p); /* for other kinds' a_ops */
int tmpfs_page_mkwrite(struct file *f, struct page *p);
extern const struct file_operations tmpfs_file_ops;
extern const struct inode_operations tmpfs_file_iops;
/*
 * Reads to the end of the file, for read_iter, from the pages that @get finds, with a reference;
 * NULL: a hole, zeros. Returns bytes or -EFAULT.
 */
ssize_t tmpfs_read_pages(struct inode *inode, struct iov_iter *to, loff_t *pos,
	struct page *(*get)(struct inode *inode, u64 index));
/* Accounts the pages that the page cache holds now; uncharges dropped ones. */
void tmpfs_recount(struct inode *inode);
/* super.c */
int tmpfs_fill_super(struct super_block *sb, void *data, bool silent);
/* Fills a superblock for files that the kernel makes, of @kind: without limits and options. */
int tmpfs_fill_internal(struct super_block *sb, const struct tmpfs_kind *kind, u32 magic);
/*
 * Calls @option for each of "key=value,word,...": v is NULL for a word. Its first error is the
 * answer, and logged with the name @fs.
 */
int tmpfs_parse_options(
	const char *fs, char *data, int (*option)(void *arg, const char *key, char *v), void *arg);
/* Parses nr_inodes=, uid=, gid= or mode=: 0, or -EINVAL, also for any other option. */
int tmpfs_parse_option(struct tmpfs_sb *s, const char *key, const char *v);
/* Parses bytes, with k, m, g, or as a percentage of @whole: 0 or -EINVAL. */
int tmpfs_parse_size(const char *v, u64 whole, u64 *bytes);
int tmpfs_show_ids(const struct tmpfs_sb *s, char *buf, size_t size); /* uid=, gid= */
/*
 * Makes a nameless file with all rights, open for reading and writing: "/name (deleted)". ERR_PTR.
 */
struct file *tmpfs_nameless_file(struct mount *mnt, const char *name, loff_t size);
/* Accounts @n pages: 0 or -ENOSPC. */
int tmpfs_charge(struct super_block *sb, u64 n);
void tmpfs_uncharge(struct super_block *sb, u64 n);

#endif
