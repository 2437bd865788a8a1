/* SPDX-License-Identifier: MIT */
/*
 * attr.h: the attributes of a file: those that stat(2) shows, those that chmod(2), chown(2),
 * truncate(2) and utimensat(2) change, and the extended attributes.
 *
 * notify_change() calls the file system's setattr, which begins with setattr_prepare() (permission)
 * and ends with setattr_copy(). vfs_getattr() calls its getattr, which begins with
 * generic_fillattr().
 *
 * Functions of type int return 0 or -errno, and may sleep. Ids in a struct inode and a struct iattr
 * are kept ids (idmap.h).
 */
#ifndef NESTLING_VFS_ATTR_H
#define NESTLING_VFS_ATTR_H

#include "kernel/lib/types.h"

struct dentry;
struct file;
struct inode;
struct path;

struct timespec64 {
	s64 tv_sec;
	s64 tv_nsec;
};
/* Returns the current time, rounded down to the superblock's granularity. */
struct timespec64 current_time(struct inode *inode);

struct kstat {
	u32 result_mask; /* STATX_*: which members are valid */
	umode_t mode;
	u32 nlink;
	u32 blksize;                     /* bytes */
	u64 attributes, attributes_mask; /* STATX_ATTR_* */
	u64 ino;
	dev_t dev, rdev;
	kuid_t uid; /* kept id; vfs_getattr(): seen id */
	kgid_t gid;
	loff_t size; /* bytes */
	struct timespec64 atime, mtime, ctime, btime;
	u64 blocks; /* 512-byte units */
	u64 mnt_id;
	u32 dio_align; /* bytes; for STATX_DIOALIGN */
};

/* Bits of ia_valid: which members of a struct iattr setattr is to apply. */
#define ATTR_MODE 0x1
#define ATTR_UID 0x2
#define ATTR_GID 0x4
#define ATTR_SIZE 0x8
#define ATTR_ATIME 0x10
#define ATTR_MTIME 0x20
#define ATTR_CTIME 0x40
#define ATTR_ATIME_SET 0x80  /* ia_atime is given, not current time */
#define ATTR_MTIME_SET 0x100 /* as ATTR_ATIME_SET */
#define ATTR_KILL_SUID 0x800 /* clear the set-id bit */
#define ATTR_KILL_SGID 0x1000
#define ATTR_OPEN 0x8000 /* part of an open with O_TRUNC */
struct iattr {
	u32 ia_valid;    /* ATTR_* */
	umode_t ia_mode; /* type bits are ignored */
	/*
	 * For setattr: the set-id bits that ATTR_KILL_* remove. They are cleared in i_mode already.
	 */
	umode_t ia_killed;
	kuid_t ia_uid;
	kgid_t ia_gid;
	loff_t ia_size;
	struct timespec64 ia_atime, ia_mtime, ia_ctime;
	struct file *ia_file; /* file of ftruncate(2), or NULL */
};

/*
 * Reads an extended attribute without a permission check. Returns its size in bytes, or -errno;
 * -EOPNOTSUPP: the file system has none. @buf NULL: returns only the size.
 */
ssize_t vfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
/*
 * Checks whether current may read or write (@mask: MAY_*) the extended attribute, and whether its
 * name space exists. Access control lists are checked elsewhere. -ENODATA: current may not even
 * learn whether the attribute exists.
 */
int xattr_permission(struct inode *inode, const char *name, int mask);
/*
 * Checks whether current may make the change, and clears S_ISGID in ia_mode if current may not set
 * it. i_rwsem is held for writing.
 */
int setattr_prepare(struct dentry *dentry, struct iattr *attr);
/*
 * Stores all of @attr but the size in the inode in memory. i_rwsem is held for writing. The caller
 * marks the inode dirty.
 */
void setattr_copy(struct inode *inode, const struct iattr *attr);
/*
 * Changes attributes by i_op->setattr, which checks the rights of current, and notifies watchers.
 * Fills in the times in @attr, and turns ATTR_KILL_* into a new mode. i_rwsem is held for writing.
 */
int notify_change(struct dentry *dentry, struct iattr *attr);
/* Copies the inode's attributes to *st. May take i_lock, and does not sleep. */
void generic_fillattr(struct inode *inode, struct kstat *st);
/*
 * Fills *st as statx(2) does, with ids as seen through the mount. @request: STATX_*; @flags:
 * AT_STATX_*.
 */
int vfs_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags);
int file_update_time(struct file *f); /* sets mtime and ctime for a write by @f */
void file_accessed(struct file *f);   /* sets atime, if its mount wants it */
/* Clears set-id bits and file capabilities before a write by @f. i_rwsem is held for writing. */
int file_remove_privs(struct file *f);
/*
 * Checks a file's new size in bytes against RLIMIT_FSIZE and s_maxbytes. Returns 0, or -EFBIG after
 * sending SIGXFSZ to current if the rlimit is exceeded.
 */
int inode_newsize_ok(struct inode *inode, loff_t size);

#endif
