/* SPDX-License-Identifier: MIT */
/*
 * vfs.h: inodes, dentries, open files, mounts, and the tables through which file systems plug in.
 *
 * Interface, for a file system: fill a struct file_system_type, register_filesystem(); its mount
 * operation builds a super_block whose root dentry holds a root inode; inodes carry i_op, i_fop and
 * (for cached files) i_mapping->a_ops. For the rest of the kernel: path lookups (namei),
 * filp_open/kernel_read/kernel_write, file descriptors.
 *
 * Locks: kernel/lib/lock_order. Directory operations run with the directory's i_rwsem held for
 * writing (lookup: for reading or writing), rename with both directories' and the superblock's
 * s_rename_mutex.
 */
#ifndef NESTLING_VFS_H
#define NESTLING_VFS_H

#include <asm-generic/fcntl.h>
#include <linux/stat.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/task.h"
#include "kernel/sched/timer.h"

struct cred;
struct dentry;
struct file;
struct file_lock;
struct inode;
struct kstatfs;
struct mount;
struct mnt_namespace;
struct poll_table;
struct super_block;
struct super_operations;
struct path;
struct pid;
struct pid_namespace;
struct task;
struct vm_area;
struct block_device;

struct timespec64 {
	s64 tv_sec;
	s64 tv_nsec;
};
/* the clock, cut to the superblock's granularity */
struct timespec64 current_time(struct inode *inode);

/* ---- names ---- */

#define NAME_MAX 255
#define PATH_MAX 4096

struct qstr {
	const char *name; /* not terminated */
	u32 len;
	u32 hash;
};

/* ---- inodes ---- */

struct kstat {
	u32 result_mask;
	umode_t mode;
	u32 nlink;
	u32 blksize;
	u64 attributes, attributes_mask;
	u64 ino;
	dev_t dev, rdev;
	kuid_t uid;
	kgid_t gid;
	loff_t size;
	struct timespec64 atime, mtime, ctime, btime;
	u64 blocks; /* 512-byte units */
	u64 mnt_id;
	u32 dio_align; /* STATX_DIOALIGN */
};

#define ATTR_MODE 0x1
#define ATTR_UID 0x2
#define ATTR_GID 0x4
#define ATTR_SIZE 0x8
#define ATTR_ATIME 0x10
#define ATTR_MTIME 0x20
#define ATTR_CTIME 0x40
#define ATTR_ATIME_SET 0x80
#define ATTR_MTIME_SET 0x100
#define ATTR_KILL_SUID 0x800
#define ATTR_KILL_SGID 0x1000
#define ATTR_OPEN 0x8000 /* O_TRUNC */
struct iattr {
	u32 ia_valid;
	umode_t ia_mode;
	/* for setattr: the set-id bits that ATTR_KILL_* stood for; i_mode has lost them already */
	umode_t ia_killed;
	kuid_t ia_uid;
	kgid_t ia_gid;
	loff_t ia_size;
	struct timespec64 ia_atime, ia_mtime, ia_ctime;
	struct file *ia_file;
};

/* i_state, under i_lock */
#define I_NEW 0x1
#define I_DIRTY_SYNC 0x2     /* times and the like */
#define I_DIRTY_DATASYNC 0x4 /* what fdatasync needs: size, blocks */
#define I_DIRTY_PAGES 0x8
#define I_DIRTY (I_DIRTY_SYNC | I_DIRTY_DATASYNC | I_DIRTY_PAGES)
#define I_FREEING 0x10
#define I_SYNC 0x20
#define I_LINKABLE 0x40 /* O_TMPFILE */
/* the file system itself uses it until put_super */
#define I_OWN 0x80

/* i_flags */
#define S_IMMUTABLE 0x1
#define S_APPEND 0x2
#define S_NOATIME 0x4
#define S_SYNC 0x8
#define S_DEAD 0x10 /* removed directory */
#define S_PRIVATE 0x20
#define S_DIRSYNC 0x40
#define S_SWAPFILE 0x100 /* a swap area: stays as it is */
/* no set-id bits, no security xattrs to clear on write */
#define S_NOSEC 0x80

struct file_extent {
	u64 pos, len, phys; /* bytes; phys on the device */
	u32 flags;
};
#define FILE_EXTENT_HOLE 0x1
#define FILE_EXTENT_UNWRITTEN 0x2 /* allocated, reads as zeros */
#define FILE_EXTENT_INLINE 0x8    /* within a block of other things */
/* the file knows blocks, no extents: neighbours are one */
#define FILE_EXTENT_BLOCKS 0x4

struct inode_operations {
	/*
	 * Attaches the inode to @dentry by d_splice_alias/d_add (negative: NULL inode). NULL,
	 * another dentry to use, or ERR_PTR.
	 */
	struct dentry *(*lookup)(struct inode *dir, struct dentry *dentry, u32 flags);
	int (*create)(struct inode *dir, struct dentry *dentry, umode_t mode, bool excl);
	int (*link)(struct dentry *old, struct inode *dir, struct dentry *dentry);
	int (*unlink)(struct inode *dir, struct dentry *dentry);
	int (*symlink)(struct inode *dir, struct dentry *dentry, const char *target);
	int (*mkdir)(struct inode *dir, struct dentry *dentry, umode_t mode);
	int (*rmdir)(struct inode *dir, struct dentry *dentry);
	int (*mknod)(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev);
	/*
	 * @flags: vfs handles RENAME_NOREPLACE; the file system handles RENAME_EXCHANGE and
	 * RENAME_WHITEOUT or returns -EINVAL.
	 */
	int (*rename)(struct inode *odir, struct dentry *old, struct inode *ndir,
		struct dentry *new_dentry, u32 flags);
	int (*tmpfile)(struct inode *dir, struct dentry *dentry, umode_t mode);
	/*
	 * The target in a buffer that stays valid (kfree'd by the caller when *to_free is set).
	 * ERR_PTR.
	 */
	const char *(*get_link)(struct dentry *dentry, struct inode *inode, char **to_free);
	/* Magic links of /proc: jumps to a path instead. NULL for ordinary symlinks. */
	int (*follow_link)(struct dentry *dentry, struct inode *inode, struct path *to);
	int (*permission)(struct inode *inode, int mask); /* MAY_*; NULL: generic_permission */
	int (*getattr)(const struct path *path, struct kstat *st, u32 request, u32 flags);
	/* getattr does not sleep, and can do without references */
	bool getattr_plain;
	int (*setattr)(struct dentry *dentry, struct iattr *attr);
	/*
	 * Names with their prefix ("user.x"). Size or -errno; buf NULL: size only. flags
	 * XATTR_CREATE/REPLACE; value NULL: remove.
	 */
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t size);
	int (*setxattr)(
		struct inode *inode, const char *name, const void *value, size_t size, int flags);
	ssize_t (*listxattr)(struct inode *inode, char *buf, size_t size);
	/*
	 * FS_*_FL of linux/fs.h; set_flags with i_rwsem held: -EOPNOTSUPP for what the file system
	 * cannot keep.
	 */
	int (*get_flags)(struct inode *inode, u32 *flags);
	int (*set_flags)(struct inode *inode, u32 flags);
	/* The extent, or the hole, that byte @pos of the file is in. */
	int (*extent_at)(struct inode *inode, u64 pos, struct file_extent *e);
	/* extent_at is for FIBMAP: FIEMAP is EOPNOTSUPP */
	bool only_fibmap;
	/* The bytes of the device that its attributes lie in, pos 0: a hole, there are none. */
	int (*xattr_extent)(struct inode *inode, struct file_extent *e);
};
/* What set_flags ends with: the flags that vfs looks at. */
void inode_set_flags(struct inode *inode, u32 flags);

struct inode {
	umode_t i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	u32 i_flags;
	const struct inode_operations *i_op;
	const struct file_operations *i_fop; /* what open installs */
	struct super_block *i_sb;
	struct posix_acl *i_acl;         /* what acl.h says; NULL: none */
	struct address_space *i_mapping; /* usually &i_data */
	struct address_space i_data;
	ino_t i_ino;
	/* under i_rwsem of the inode or of its directories */
	u32 i_nlink;
	dev_t i_rdev;
	/* written under i_rwsem; read by i_size_read */
	loff_t i_size;
	struct timespec64 i_atime, i_mtime, i_ctime, i_btime;
	u64 i_blocks; /* 512-byte units */
	u32 i_blkbits;
	u32 i_generation;
	u64 i_version;
	spinlock_t i_lock; /* i_state, i_blocks, counters */
	struct rwsem i_rwsem;
	u32 i_state;
	atomic_t i_count; /* references */
	/* direct transfers under way: inode_dio_wait() */
	atomic_t i_dio_count;
	atomic_t i_writecount;      /* > 0 writers, < 0 denied (executing) */
	struct hlist_node i_hash;   /* inode hash, under its bucket lock */
	struct list_head i_sb_list; /* under s_inode_list_lock */
	/* sb's dirty inodes, under s_inode_wblist_lock */
	struct list_head i_dirty_list;
	struct list_head i_lru;
	struct list_head i_dentry; /* aliases (dentry.d_alias), under i_lock */
	u64 dirtied_when;
	struct list_head i_flock; /* locks, under flc_lock (locks.c) */
	void *i_pipe;             /* struct pipe_inode_info of a FIFO or pipe */
	struct block_device *i_bdev;
	void *i_cdev;
	/* fast symlink target: immutable, valid until i_free */
	char *i_link;
	u8 i_write_hint; /* RWH_*, a word that anyone reads */
	/* F_SEAL_* of a memfd, with SEALS_ALLOWED; under i_rwsem */
	u32 i_seals;
#define SEALS_ALLOWED 0x80000000
	void *i_fsnotify;       /* inotify marks */
	struct lease *i_leases; /* under lease_lock */
	/* files that have it open for reading only: for leases */
	atomic_t i_readcount;
	struct posix_acl *i_default_acl;
	struct dnotify *i_dnotify; /* requests of F_NOTIFY, under dnotify_lock */
	/* entries of a directory of a memory file system, under i_rwsem */
	struct simple_dir *i_sdir;
	struct rcu_head i_rcu;
	/* s_op->free_inode, or the plain one; immutable */
	void (*i_free)(struct inode *inode);
	void *i_private; /* of the file system */
};
static inline loff_t i_size_read(const struct inode *i)
{
	return READ_ONCE(i->i_size);
}
static inline void i_size_write(struct inode *i, loff_t size)
{
	WRITE_ONCE(i->i_size, size);
}

struct inode *new_inode(struct super_block *sb); /* count 1, no number, not hashed; NULL */
/*
 * By number: from the hash, or a new one with I_NEW for the caller to fill and unlock_new_inode().
 * ERR_PTR(-ENOMEM).
 */
struct inode *iget_locked(struct super_block *sb, ino_t ino);
struct inode *ilookup(struct super_block *sb, ino_t ino);
void unlock_new_inode(struct inode *inode);
/* I_NEW inode that could not be filled: removes and puts it */
void iget_failed(struct inode *inode);
/* it is not found by its number any more; still used */
void inode_unhash(struct inode *inode);
/* a created inode into the hash with I_NEW; 0 or -EBUSY */
int insert_inode_locked(struct inode *inode);
/* Hashes an inode in use under its own number: ilookup() finds it from now on. */
void inode_hash_late(struct inode *inode);
void inode_init_owner(
	struct inode *inode, struct inode *dir, umode_t mode); /* fsuid/gid, setgid directories */
void ihold(struct inode *inode);
void iput(struct inode *inode);
/*
 * Drops a reference after the last name or file may have gone: its space is free afterwards, even
 * if it was being written back. While another file has it open there is no wait. The caller holds
 * nothing that a write or a removal could wait for. NULL is fine.
 */
void iput_removed(struct inode *inode);
/*
 * True if the file was removed meanwhile and the flusher has the only reference: dirty pages go
 * with it when the flusher lets go. A waiting caller (wbc->sync) may have the file open, which is
 * the one reference.
 */
static inline bool inode_only_flushed(const struct inode *inode)
{
	return !inode->i_nlink && atomic_read(&inode->i_count) == 1;
}
void clear_inode(struct inode *inode);           /* end of evict_inode */
void mark_inode_dirty(struct inode *inode);      /* all of I_DIRTY_SYNC|DATASYNC */
void mark_inode_dirty_sync(struct inode *inode); /* times only */
void inc_nlink(struct inode *inode);
void drop_nlink(struct inode *inode);
void clear_nlink(struct inode *inode);
void set_nlink(struct inode *inode, u32 n);
void init_special_inode(struct inode *inode, umode_t mode, dev_t rdev);
void inode_add_bytes(struct inode *inode, s64 n);
int generic_permission(struct inode *inode, int mask);
#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4
#define MAY_APPEND 8
#define MAY_ACCESS 16
#define MAY_OPEN 32
#define MAY_CHDIR 64
int inode_permission(struct inode *inode, int mask);
/* checks permission through a mount: idmap.h */
int path_permission(const struct path *p, int mask);
bool inode_owner_or_capable(const struct inode *inode);
bool path_owner_or_capable(const struct path *p); /* through a mount */
/* Translates an id of the file system of @f, such as i_uid, through its mount; -1: unmapped. */
kuid_t file_seen_uid(const struct file *f, kuid_t kept);
kgid_t file_seen_gid(const struct file *f, kgid_t kept);
ssize_t vfs_getxattr(struct inode *inode, const char *name, void *buf,
	size_t size); /* no permission is asked for; -EOPNOTSUPP */
/*
 * May current read or write (@mask) the attribute? 0, -EPERM, -ENODATA: it may not know; not of
 * access control lists.
 */
int xattr_permission(struct inode *inode, const char *name, int mask);
int setattr_prepare(struct dentry *dentry, struct iattr *attr);
void setattr_copy(struct inode *inode, const struct iattr *attr);
int notify_change(struct dentry *dentry, struct iattr *attr); /* i_rwsem held */
void generic_fillattr(struct inode *inode, struct kstat *st);
int vfs_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags);
int file_update_time(struct file *f);
void file_accessed(struct file *f);
int file_remove_privs(struct file *f);
int inode_newsize_ok(struct inode *inode, loff_t size); /* RLIMIT_FSIZE, s_maxbytes */

/* ---- dentries ---- */

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
/* of a pipe, socket, memfd: no place in a tree */
#define DCACHE_PSEUDO 0x100
#define DCACHE_ROOT 0x200
#define DCACHE_GONE_TOLD 0x400 /* watchers know that its file is gone */
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
	 * DCACHE_MANAGED: mounts here, where nothing is mounted. May sleep, and may replace
	 * p->dentry by a positive one. 0: look again.
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
/* negative -> positive; takes the inode reference */
void d_instantiate(struct dentry *d, struct inode *inode);
void d_instantiate_new(struct dentry *d, struct inode *inode); /* and unlock_new_inode */
/*
 * Instantiates a directory, unless it has a live name elsewhere: false, and the reference stays the
 * caller's.
 */
bool d_instantiate_only(struct dentry *d, struct inode *inode);
void d_add(struct dentry *d, struct inode *inode); /* instantiate and hash; inode may be NULL */
/* lookup's result; takes the inode; inode may be ERR_PTR */
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
 * The path as seen from @root (current's when NULL), written at the end of buf: its start, or
 * ERR_PTR(-ENAMETOOLONG). Unreachable ones begin with "(unreachable)", deleted ones end in "
 * (deleted)".
 */
char *d_path(const struct path *p, char *buf, int len);
char *d_path_root(const struct path *p, const struct path *root, char *buf, int len);
void shrink_dcache_sb(struct super_block *sb);
/*
 * Dentries of memory file systems: d_persist hands the caller's wish "stay" over (takes a
 * reference), d_unpersist drops it.
 */
void d_persist(struct dentry *d);
void d_unpersist(struct dentry *d);

/* ---- open files ---- */

/* f_mode */
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_LSEEK 0x4
#define FMODE_PREAD 0x8
#define FMODE_PWRITE 0x10
#define FMODE_EXEC 0x20
#define FMODE_PATH 0x4000
#define FMODE_ATOMIC_POS 0x8000 /* read and write hold f_pos_lock */
#define FMODE_STREAM 0x200000
#define FMODE_NOWAIT 0x8000000
#define FMODE_CREATED 0x100000
#define FMODE_WRITER_COUNTED 0x10000 /* i_writecount is held */
/* a running program: writes are denied until the last reference goes */
#define FMODE_DENY_WRITE 0x400000
#define FMODE_READER_COUNTED 0x800 /* i_readcount is held */
/* not over a socket (SCM_RIGHTS): it may hold sockets itself */
#define FMODE_NOPASS 0x800000
#define FMODE_MNT_WRITER 0x20000 /* mnt_want_write is held */
/* not to be mapped with PROT_EXEC, as on a noexec mount */
#define FMODE_NOEXEC 0x1000
#define FMODE_CAN_ODIRECT 0x80000 /* set by f_op->open: O_DIRECT is welcome */
#define FMODE_NONOTIFY 0x4000000  /* no watcher is told of its events */
/* SPLICE_F_NONBLOCK says something of reading it, too, and not only of the pipe */
#define FMODE_SPLICE_NOWAIT 0x2000000
/* the last close takes a tree of mounts apart that has found no place */
#define FMODE_NEED_UNMOUNT 0x10000000
#define FMODE_NO_TRUNCATE 0x20000000 /* landlock.h: neither ftruncate() */
#define FMODE_NO_IOCTL 0x40000000    /* nor the device's ioctls */
/* f_op->open has succeeded: release will be called */
#define FMODE_OPENED 0x40000

struct dir_context {
	/* false: the buffer is full, stop (the entry will be offered again at its pos) */
	bool (*actor)(
		struct dir_context *ctx, const char *name, int len, loff_t pos, u64 ino, u32 type);
	/* the next entry's; the file system defines cookies, 0 is the start */
	loff_t pos;
};
static inline bool dir_emit(struct dir_context *ctx, const char *name, int len, u64 ino, u32 type)
{
	return ctx->actor(ctx, name, len, ctx->pos, ino, type);
}
/* "." and ".." at positions 0 and 1; false: full */
bool dir_emit_dots(struct file *f, struct dir_context *ctx);

struct file_operations {
	loff_t (*llseek)(struct file *f, loff_t off, int whence);
	ssize_t (*read_iter)(struct file *f, struct iov_iter *to, loff_t *pos);
	ssize_t (*write_iter)(struct file *f, struct iov_iter *from, loff_t *pos);
	int (*iterate)(
		struct file *f, struct dir_context *ctx); /* directory i_rwsem held for reading */
	/* EPOLLIN..., NULL: always readable and writable */
	u32 (*poll)(struct file *f, struct poll_table *pt);
	long (*ioctl)(struct file *f, u32 cmd, u64 arg); /* -ENOTTY for unknown */
	int (*mmap)(struct file *f, struct vm_area *vma);
	int (*open)(struct inode *inode, struct file *f);
	int (*flush)(struct file *f);                        /* every close(2) */
	int (*release)(struct inode *inode, struct file *f); /* the last reference */
	int (*fsync)(struct file *f, loff_t start, loff_t end, bool datasync);
	/* sync_file_range(2); @end inclusive. NULL: writepages is enough */
	int (*sync_range)(struct file *f, loff_t start, loff_t end, u32 flags);
	int (*fasync)(int fd, struct file *f, bool on);
	int (*lock)(struct file *f, int cmd, struct file_lock *fl);
	/*
	 * splice() and sendfile() refuse, as Linux does where only read() and write() are written
	 * for
	 */
	bool no_splice_read, no_splice_write;
	/*
	 * read_iter heeds iov_iter.nowait (RWF_NOWAIT): pipes, sockets and disk files say so in
	 * f_mode
	 */
	bool nowait;
	/* Of pipes: sendfile(2) into one; @pos: NULL, or where in @in. */
	ssize_t (*send_stream)(struct file *to, struct file *in, loff_t *pos, size_t n);
	/* a splice() is a single read or write of the whole: a message */
	bool splice_message;
	long (*fallocate)(struct file *f, int mode, loff_t off, loff_t len);
	int (*setfl)(struct file *f, u32 flags);                    /* may refuse fcntl(F_SETFL) */
	int (*show_fdinfo)(struct file *f, char *buf, size_t size); /* extra lines; bytes */
	/* O_DIRECT goes to the disk: direct_io.h. NULL: through the cache */
	const struct direct_ops *direct;
};

struct file {
	atomic_t f_count;
	u32 f_mode;
	u32 f_flags; /* O_*; under f_lock */
	spinlock_t f_lock;
	struct mutex f_pos_lock;
	loff_t f_pos; /* under f_pos_lock (FMODE_ATOMIC_POS) */
	struct path f_path;
	/* of an overlay's real file: what was opened, references; or NULL */
	struct path f_shown;
	struct inode *f_inode;
	const struct file_operations *f_op;
	struct address_space *f_mapping;
	const struct cred *f_cred;
	void *private_data;
	struct file_ra f_ra;
	u32 f_wb_err_seq; /* write-back errors already reported */
	u32 f_sb_err_seq; /* errors of the superblock seen by syncfs */
	/* a terminal's: how often it had been hung up when this was opened */
	u32 f_hangups;
	/* on lists for SIGIO, whatever f_flags say: under fcntl.c's lock */
	struct fasync_entry *f_fasync;
	/* epoll items that watch it, under the global epoll lock */
	struct list_head f_ep;
	struct fown {
		struct pid *pid;
		int type;
		kuid_t uid, euid;
		int signum;
		/*
		 * The Landlock domain of the setter, and its process if there is a domain.
		 * References, or NULL.
		 */
		struct landlock_domain *landlock;
		struct pid *setter;
	} f_owner; /* F_SETOWN; under f_lock */
	union {
		struct task_work f_work; /* the last fput */
		struct rcu_head f_rcu;
	};
};

/*
 * Must a transfer not wait? For files that can be polled: O_NONBLOCK, or an asynchronous request.
 */
static inline bool file_nonblock(const struct file *f, const struct iov_iter *it)
{
	return f->f_flags & O_NONBLOCK || it->nowait;
}
/* What a mapping of @f is called, and whose numbers it has (/proc/PID/maps). */
static inline const struct path *file_shown(const struct file *f)
{
	return f->f_shown.dentry ? &f->f_shown : &f->f_path;
}
static inline const struct inode *file_shown_inode(const struct file *f)
{
	return f->f_shown.dentry ? f->f_shown.dentry->d_inode : f->f_inode;
}
static inline struct file *get_file(struct file *f)
{
	atomic_inc(&f->f_count);
	return f;
}
/* the final release comes later, by task work: callable with locks held */
void fput(struct file *f);
/* the final release at once: no lock may be held */
void fput_now(struct file *f);
struct file *alloc_file(const struct path *path, u32 flags,
	const struct file_operations *fop); /* ERR_PTR; takes path refs */
/* Makes a pipe (pipe/pipe.c): ends[0] to read from, ends[1] to write to. 0 or -errno. */
int create_pipe(struct file *ends[2]);
/*
 * Ends the writing of @f to a pipe, and waits until its data is read or no reader is left, or for a
 * signal.
 */
void pipe_wait_readers(struct file *f);
/* An anonymous file "[name]" (eventfd, epoll, ...): a file on the shared anon inode. ERR_PTR. */
struct file *anon_file(const char *name, const struct file_operations *fop, void *priv, u32 flags);
/*
 * And a descriptor (O_CLOEXEC from @flags), or -errno. The first leaves fd_install() to the caller.
 */
int anon_fd_prepare(const char *name, const struct file_operations *fop, void *priv, u32 flags,
	struct file **f);
int anon_fd(const char *name, const struct file_operations *fop, void *priv, u32 flags);
/* A file with an inode of its own on a pseudo file system (pipes, sockets): "name:[ino]". */
struct file *pseudo_file(
	const char *fsname, umode_t mode, const struct file_operations *fop, void *priv, u32 flags);
/* Before the first of them: that file system's inodes end as @op says. 0 or -errno. */
int pseudo_set_super(const char *fsname, const struct super_operations *op);

/* Kernel-side use. ERR_PTR / bytes or -errno. */
struct file *filp_open(const char *path, u32 flags, umode_t mode);
ssize_t kernel_read(struct file *f, void *buf, size_t n, loff_t *pos);
ssize_t kernel_write(struct file *f, const void *buf, size_t n, loff_t *pos);
ssize_t vfs_read_iter(struct file *f, struct iov_iter *to, loff_t *pos); /* checks modes, counts */
ssize_t vfs_write_iter(struct file *f, struct iov_iter *from, loff_t *pos);
bool file_may_be_direct(const struct file *f); /* may O_DIRECT be set? */
int vfs_fsync_range(struct file *f, loff_t start, loff_t end, bool datasync);
long vfs_ioctl(struct file *f, u32 cmd, u64 arg);
int iterate_dir(struct file *f, struct dir_context *ctx);
/* checks exec permission, denies writers. ERR_PTR */
struct file *open_exec(int dfd, const char *name, u32 at_flags);
int deny_write_access(struct file *f);
/* For the length of a change by name: -ETXTBSY while the file is executed. */
int get_write_access(struct inode *inode);
void put_write_access(struct inode *inode);
void allow_write_access(struct file *f);
void exe_file_put(struct file *f); /* allow_write_access and fput */

/*
 * Opens what stands at @path (its references are taken over) with the checks of open(2); ERR_PTR.
 */
struct file *open_path(struct path *path, u32 flags);
/*
 * Opens without a check of permissions; @path's references stay the caller's. @fmode:
 * FMODE_NONOTIFY or 0.
 */
struct file *dentry_open(const struct path *path, u32 flags, u32 fmode);

/* ---- file handles (export.c) ---- */
bool inode_has_handle(const struct inode *inode);
u32 inode_handle(struct inode *inode, u32 fh[3]); /* bytes: 8 or 12 */
int inode_handle_type(const struct inode *inode);

/* Generic pieces for file systems. */
loff_t generic_file_llseek(struct file *f, loff_t off, int whence);
loff_t generic_llseek_size(struct file *f, loff_t off, int whence, loff_t maxsize, loff_t eof);
loff_t no_llseek(struct file *f, loff_t off, int whence); /* -ESPIPE */
loff_t noop_llseek(struct file *f, loff_t off, int whence);
ssize_t generic_file_read_iter(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t generic_file_write_iter(struct file *f, struct iov_iter *from,
	loff_t *pos); /* takes i_rwsem, O_APPEND, limits, O_SYNC */
ssize_t generic_write_checks(struct file *f, struct iov_iter *from,
	loff_t *pos); /* bytes to write, 0, -errno; i_rwsem held */
int generic_file_mmap(struct file *f, struct vm_area *vma);
int generic_file_fsync(struct file *f, loff_t start, loff_t end, bool datasync);
int nonseekable_open(struct inode *inode, struct file *f);
int stream_open(struct inode *inode, struct file *f);

/* ---- polling ---- */
struct poll_table {
	/* queues the caller on @q; NULL: only ask */
	void (*queue)(struct file *f, struct wait_queue_head *q, struct poll_table *pt);
	u64 key; /* events asked for */
	/*
	 * an implementation that would have to ask others answers what it knows, and wakes the
	 * queue when it knows more
	 */
	bool no_wait;
};
static inline void poll_wait(struct file *f, struct wait_queue_head *q, struct poll_table *pt)
{
	if (pt && pt->queue && q)
		pt->queue(f, q, pt);
}
static inline u32 vfs_poll(struct file *f, struct poll_table *pt);
/* A dentry's name as it was at one moment, whatever renames do: kept until it is put. */
struct name_snapshot {
	struct qstr name;
	char text[DNAME_INLINE];
};
void d_keep_name(struct dentry *d, struct name_snapshot *s);
void d_drop_name(struct name_snapshot *s);
/* What watches files, epoll: kernel/event registers it before any file is watched. */
struct file_watch_ops {
	/* @f, whose f_ep is not empty, is about to be freed */
	void (*release)(struct file *f);
	/*
	 * Returns the @nth of the files that the epoll file @ep watches as @fd, with a reference.
	 * ERR_PTR(-EINVAL): no epoll file, ERR_PTR(-ENOENT).
	 */
	struct file *(*target)(struct file *ep, int fd, u32 nth);
	void (*signal)(struct file *eventfd, u64 n); /* adds to an eventfd; with spinlocks held */
};
extern const struct file_watch_ops *file_watch_ops;
/* F_SETOWN, F_GETOWN: a process, a group (negative), or 0. */
int file_setown(struct file *f, s32 who);
long file_getown(struct file *f);
void file_set_owner(struct file *f, struct pid *pid, int type); /* of SIGIO; PIDTYPE_* */
/* SIGURG to f_owner, whether O_ASYNC or not */
void file_sigurg(struct file *f);

/* ---- descriptors ---- */
#define FD_LEAF 64
struct fdtable {
	u32 max_fds;
	u64 *open_fds, *close_on_exec; /* a bit each */
	/* [fd / FD_LEAF][fd % FD_LEAF]; NULL: none of those 64 was ever open */
	struct file ***leaf;
};
struct files_struct {
	atomic_t count;
	spinlock_t lock;
	struct fdtable fdt; /* under @lock; files are read under it too */
	u32 next_fd;
};
struct fs_struct {
	atomic_t users;
	spinlock_t lock;
	int umask;
	u32 seq; /* odd while they change */
	/* under lock: set while it must not be shared */
	bool in_exec;
	/* under lock; read under seq too, in a stretch without a boundary */
	struct path root, pwd;
};
struct files_struct *files_alloc(void);
struct files_struct *files_dup(struct files_struct *old, u32 max); /* fork; ERR_PTR */
void files_put(struct files_struct *f);
/* a table of one's own, with what is below @max */
int unshare_files(u32 max);
void files_close_on_exec(struct files_struct *f);
struct fs_struct *fs_dup(struct fs_struct *old);
void fs_put(struct fs_struct *fs);
/* a reference for a child; false: its owner is in an exec */
bool fs_share(struct fs_struct *fs);
/* current's becomes @fs (or NULL) and the old one is put */
void fs_exchange(struct fs_struct *fs);
int get_unused_fd(u32 flags); /* O_CLOEXEC; -EMFILE */
int get_unused_fd_from(u32 min, u32 flags);
void put_unused_fd(int fd);
void fd_install(int fd, struct file *f); /* takes the reference */
/* as dup3: @fd, -EBADF, -EBUSY; with a reference of its own */
long replace_fd(u32 fd, struct file *f, u32 flags);
struct file *fget(int fd); /* NULL: bad, or O_PATH */
/* For the length of one system call: no reference is taken while the table has a single user. */
struct fd {
	struct file *file; /* NULL: bad, or O_PATH */
	bool put;
};
struct fd fdget(int fd);
struct fd fdget_raw(int fd);
static inline void fdput(struct fd f)
{
	if (f.put)
		fput(f.file);
}
struct file *fget_raw(int fd); /* O_PATH too */
struct file *fget_task(struct task *t, int fd);
int close_fd(int fd);
/* for /proc/PID/fd: the first open fd >= *fd of @t with a reference, or NULL */
struct file *fget_task_next(struct task *t, int *fd);
bool fd_is_cloexec(struct task *t, int fd);

/* ---- lookups ---- */
#define LOOKUP_FOLLOW 0x1
#define LOOKUP_DIRECTORY 0x2
#define LOOKUP_AUTOMOUNT 0x4
#define LOOKUP_EMPTY 0x8
#define LOOKUP_PARENT 0x10
#define LOOKUP_CREATE 0x20
#define LOOKUP_EXCL 0x40
#define LOOKUP_OPEN 0x80
#define LOOKUP_RENAME_TARGET 0x100
#define LOOKUP_NO_XDEV 0x200
#define LOOKUP_NO_MAGICLINKS 0x400
#define LOOKUP_NO_SYMLINKS 0x800
#define LOOKUP_BENEATH 0x1000
#define LOOKUP_IN_ROOT 0x2000
#define LOOKUP_CACHED 0x4000
/* a descriptor may be the start only for its opener: linkat */
#define LOOKUP_OPENER 0x8000

/*
 * A path from guest memory: terminated, kfree'd by putname. ERR_PTR(-EFAULT, -ENAMETOOLONG, -ENOENT
 * for "" without LOOKUP_EMPTY).
 */
char *getname(uaddr_t name);
char *getname_flags(uaddr_t name, u32 lookup_flags);
void putname(char *name);
int kern_path(const char *name, u32 flags, struct path *path); /* from current's root and cwd */
int path_lookupat(int dfd, const char *name, u32 flags, struct path *path);
int user_path_at(int dfd, uaddr_t name, u32 flags, struct path *path);
/*
 * For creation: the parent locked (i_rwsem) and want_write taken, the negative dentry;
 * done_path_create undoes. ERR_PTR.
 */
struct dentry *path_create(int dfd, const char *name, struct path *parent, u32 flags);
void done_path_create(struct path *parent, struct dentry *d);
struct dentry *lookup_one_len(
	const char *name, struct dentry *base, int len); /* base's i_rwsem held */
/* Looks up without the lock: current must be allowed to search @base, also for a cached name. */
struct dentry *lookup_one_unlocked(const char *name, struct dentry *base, int len);
/* @name in the folder of @at, with what is mounted on it. */
int path_beside(const struct path *at, const char *name, struct path *beside);
int vfs_create(struct inode *dir, struct dentry *d, umode_t mode, bool excl);
int vfs_mkdir(struct inode *dir, struct dentry *d, umode_t mode);
int vfs_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev);
int vfs_unlink(struct inode *dir, struct dentry *d);
/* as unlink(2), from current's root and cwd */
int kern_unlink(const char *name);
int vfs_rmdir(struct inode *dir, struct dentry *d);
int vfs_symlink(struct inode *dir, struct dentry *d, const char *target);
int vfs_link(struct dentry *old, struct inode *dir, struct dentry *d);
const char *vfs_get_link(struct dentry *d, char **to_free);
/*
 * O_TMPFILE: a file in @dir without a name; @linkable: it may get one. A dentry with a reference,
 * ERR_PTR.
 */
struct dentry *vfs_tmpfile(const struct path *dir, umode_t mode, bool linkable);
/*
 * Both parents locked by lock_rename(), which gives the child through which one lies above the
 * other, or NULL.
 */
int vfs_rename(
	struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new, u32 flags);
struct dentry *lock_rename(struct dentry *a, struct dentry *b);
void unlock_rename(struct dentry *a, struct dentry *b);

/* ---- devices ---- */
int register_chrdev(
	u32 major, u32 first_minor, u32 count, const char *name, const struct file_operations *fop);
void unregister_chrdev(u32 major, u32 first_minor, u32 count);
/* /proc/devices */
int chrdev_line(int i, char *buf, size_t size);

/*
 * Checks the use of devices beyond the mode bits of their nodes; kernel/bpf registers it, NULL: no
 * check.
 */
enum { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4 };
struct device_guard_ops {
	/* Returns 0 or -errno: may current make, read, write that device? @mode: its type. */
	int (*permission)(umode_t mode, dev_t dev, int what);
};
extern const struct device_guard_ops *device_guard;

/* ---- FIFOs: kernel/vfs/pipe/pipe.c ---- */
extern const struct file_operations pipefifo_fops; /* i_fop of S_IFIFO inodes */
/* F_SETPIPE_SZ, F_GETPIPE_SZ; -EBADF: no pipe */
long pipe_fcntl(struct file *f, u32 cmd, u64 arg);

/* ---- locks ---- */
void locks_remove_file(struct file *f); /* flock and OFD locks at the last fput */
void locks_remove_posix(struct file *f, struct files_struct *owner); /* at every close */
/*
 * Writes the next lines of /proc/locks that fit, with holders' numbers as in @ns; holders without a
 * number there are left out. Bytes, 0 at the end. A line takes up to LOCK_LINE_MAX, and each call
 * walks all locks, so the buffer should be large.
 */
#define LOCK_LINE_MAX 192
struct locks_at { /* how many were gone through; begins at 0 */
	u32 locks, leases;
};
int locks_lines(struct locks_at *at, const struct pid_namespace *ns, char *buf, size_t size);
/* The lock: lines of /proc/PID/fdinfo for @f in a process with the table @files; bytes. */
int locks_fdinfo(struct file *f, const void *files, char *buf, size_t size);

/* ---- notification (inotify): calls are cheap without watchers ---- */
void fsnotify_inode(struct inode *inode, u32 mask);
void fsnotify_name(
	struct inode *dir, u32 mask, struct inode *child, const char *name, u32 len, u32 cookie);
/* to the watches of the inode and of its folder */
void fsnotify_dentry(struct dentry *d, u32 mask);
void fsnotify_file(struct file *f, u32 mask);
void fsnotify_rename(struct inode *odir, struct inode *ndir, struct inode *child, const char *was,
	u32 was_len, const char *name, u32 len); /* both sides at once, for fanotify */
/* Asks the listeners that may forbid it; may sleep, no lock held. 0, -EPERM. */
int fsnotify_permission(struct file *f, u32 mask);
#define FSNOTIFY_OPEN_PERM 0x10000
#define FSNOTIFY_ACCESS_PERM 0x20000
void fsnotify_mount_gone(struct mount *m);
void fsnotify_sb_gone(struct super_block *sb);
void fsnotify_inode_gone(struct inode *inode);
/*
 * Tells the users of F_NOTIFY of an event in @dir. @in: IN_*; @renamed: within it. Only where
 * i_dnotify is set.
 */
void dnotify_tell(struct inode *dir, u32 in, bool renamed);

u32 vfs_default_poll(void);
static inline u32 vfs_poll(struct file *f, struct poll_table *pt)
{
	return f->f_op->poll ? f->f_op->poll(f, pt) : vfs_default_poll();
}

#endif
