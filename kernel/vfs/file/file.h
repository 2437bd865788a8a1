/* SPDX-License-Identifier: MIT */
/*
 * file.h: open files, the operations behind them, and files without a name.
 *
 * alloc_file(), filp_open(), open_path(), anon_file() and pseudo_file() make a file with one
 * reference; get_file() takes another. fput() drops one. The last fput() arranges that
 * f_op->release is called later, without locks. Descriptors are in fdtable.h.
 *
 * Positions and lengths are in bytes. Functions of type int return 0 or -errno. All functions but
 * get_file(), fput() and the predicates may sleep, unless their comment says otherwise. A text that
 * is passed ends with a NUL.
 *
 * Locks: f_lock, a spinlock, for f_flags and f_owner; f_pos_lock, which sleeps, around read, write,
 * lseek and readdir of a file with FMODE_ATOMIC_POS.
 */
#ifndef NESTLING_VFS_FILE_H
#define NESTLING_VFS_FILE_H

#include <asm-generic/fcntl.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/name/dentry.h"

struct cred;
struct direct_ops;
struct fasync_entry;
struct file_lock;
struct inode;
struct landlock_domain;
struct pid;
struct poll_table;
struct super_operations;
struct vm_area;

/* Bits of f_mode. */
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_LSEEK 0x4 /* positions can be set */
#define FMODE_PREAD 0x8 /* pread(2) is allowed */
#define FMODE_PWRITE 0x10
#define FMODE_EXEC 0x20              /* opened to be executed */
#define FMODE_PATH 0x4000            /* O_PATH */
#define FMODE_ATOMIC_POS 0x8000      /* read and write hold f_pos_lock */
#define FMODE_STREAM 0x200000        /* has no position at all */
#define FMODE_NOWAIT 0x8000000       /* honours iov_iter.nowait */
#define FMODE_CREATED 0x100000       /* this open made the file */
#define FMODE_WRITER_COUNTED 0x10000 /* counts in i_writecount */
/* The file is a running program: writes to it are denied until its last reference is dropped. */
#define FMODE_DENY_WRITE 0x400000
#define FMODE_READER_COUNTED 0x800 /* counts in i_readcount */
/* It may not be sent over a socket (SCM_RIGHTS), since it may itself hold sockets. */
#define FMODE_NOPASS 0x800000
#define FMODE_MNT_WRITER 0x20000 /* holds mnt_keep_write() */
/* It may not be mapped with PROT_EXEC, as on a noexec mount. */
#define FMODE_NOEXEC 0x1000
#define FMODE_CAN_ODIRECT 0x80000 /* set by f_op->open: O_DIRECT is allowed */
#define FMODE_NONOTIFY 0x4000000  /* its use causes no events for watchers */
/* SPLICE_F_NONBLOCK applies to reading this file too, not only to the pipe. */
#define FMODE_SPLICE_NOWAIT 0x2000000
/* Its last close unmounts a tree of mounts that was never attached. */
#define FMODE_NEED_UNMOUNT 0x10000000
#define FMODE_NO_TRUNCATE 0x20000000 /* Landlock forbids ftruncate() */
#define FMODE_NO_IOCTL 0x40000000    /* Landlock forbids a device's ioctls */
/* f_op->open has succeeded, so f_op->release will be called. */
#define FMODE_OPENED 0x40000

struct dir_context {
	/*
	 * Handles one entry. Returns false if the buffer is full. Reading the directory then stops,
	 * and later continues with this entry, at its position. @name has @len bytes, without a
	 * NUL. @type: DT_*. The directory's i_rwsem is held for reading.
	 */
	bool (*actor)(
		struct dir_context *ctx, const char *name, int len, loff_t pos, u64 ino, u32 type);
	/* Position of the next entry: a cookie of the file system; 0 is the start. */
	loff_t pos;
};
/*
 * Emits the entry at ctx->pos. Returns false if the buffer is full. The caller then leaves ctx->pos
 * unchanged, otherwise it moves ctx->pos to the next entry.
 */
static inline bool dir_emit(struct dir_context *ctx, const char *name, int len, u64 ino, u32 type)
{
	return ctx->actor(ctx, name, len, ctx->pos, ino, type);
}
/* Emits "." and ".." at positions 0 and 1. Returns false if the buffer is full. */
bool dir_emit_dots(struct file *f, struct dir_context *ctx);

/*
 * The operations of open files. Those of type int return 0 or -errno. All but lock may sleep, and
 * run without a lock except for f_pos_lock and the locks that their comments name.
 */
struct file_operations {
	/* Sets f_pos. Returns the new position or -errno. @whence: SEEK_*. */
	loff_t (*llseek)(struct file *f, loff_t off, int whence);
	/*
	 * Transfer at *pos and advance *pos. Return bytes, which may be fewer than requested, or
	 * -errno. Streams get NULL or ignore *pos.
	 */
	ssize_t (*read_iter)(struct file *f, struct iov_iter *to, loff_t *pos);
	ssize_t (*write_iter)(struct file *f, struct iov_iter *from, loff_t *pos);
	/*
	 * Emits entries from ctx->pos on, by dir_emit(), until that returns false or the directory
	 * ends. Returns 0 in both cases.
	 */
	int (*iterate)(
		struct file *f, struct dir_context *ctx); /* directory i_rwsem held for reading */
	/* Returns EPOLLIN and so on. NULL op: always readable and writable. */
	u32 (*poll)(struct file *f, struct poll_table *pt);
	/*
	 * Serves ioctl(2). @cmd decides whether @arg is a number or a guest address. -ENOTTY:
	 * unknown @cmd.
	 */
	long (*ioctl)(struct file *f, u32 cmd, u64 arg);
	/* Prepares a new @vma, which is in no tree yet. mmap_lock is held for writing. */
	int (*mmap)(struct file *f, struct vm_area *vma);
	int (*open)(struct inode *inode, struct file *f);
	int (*flush)(struct file *f);                        /* called by every close(2) */
	int (*release)(struct inode *inode, struct file *f); /* called for the last reference */
	/*
	 * Writes the bytes @start to @end, inclusive, and the metadata to the disk, and waits.
	 * @datasync: only the metadata that a read of the data needs.
	 */
	int (*fsync)(struct file *f, loff_t start, loff_t end, bool datasync);
	/*
	 * Serves sync_file_range(2), after writepages; @end is inclusive. NULL op: writepages
	 * suffices.
	 */
	int (*sync_range)(struct file *f, loff_t start, loff_t end, u32 flags);
	/* Starts or ends SIGIO for the file (fasync.h). @fd is -1 when the file is released. */
	int (*fasync)(int fd, struct file *f, bool on);
	/*
	 * Locks the host's file behind @f. @cmd F_SETLK: takes the lock *fl, or for FLK_NONE
	 * releases the range; returns 0 or -EAGAIN. F_GETLK: returns 1 if a lock on the host
	 * conflicts, and changes *fl into that lock; else 0. Runs under a spinlock. NULL op: the
	 * host takes no locks on the file.
	 */
	int (*lock)(struct file *f, int cmd, struct file_lock *fl);
	/*
	 * splice() and sendfile() refuse the file, as Linux refuses files that have only read() and
	 * write().
	 */
	bool no_splice_read, no_splice_write;
	/*
	 * read_iter honours iov_iter.nowait (RWF_NOWAIT). Pipes, sockets and disk files set
	 * FMODE_NOWAIT instead.
	 */
	bool nowait;
	/*
	 * Sends from @in into this file, a pipe, for sendfile(2). @pos: a position, or NULL to use
	 * that of @in. Returns bytes or -errno.
	 */
	ssize_t (*send_stream)(struct file *to, struct file *in, loff_t *pos, size_t n);
	/* A splice() transfers one whole message, by a single read or write. */
	bool splice_message;
	long (*fallocate)(struct file *f, int mode, loff_t off, loff_t len); /* 0 or -errno */
	/* Checks fcntl(F_SETFL): 0, or -errno to refuse the flags. */
	int (*setfl)(struct file *f, u32 flags);
	/*
	 * Prints extra lines of /proc/PID/fdinfo into @buf of @size bytes, by scnprintf(), until
	 * @buf is full. Returns bytes. A full buffer makes the caller try again with a larger one.
	 */
	int (*show_fdinfo)(struct file *f, char *buf, size_t size);
	/* The operations for O_DIRECT (direct_io.h); NULL: O_DIRECT uses the page cache. */
	const struct direct_ops *direct;
};

struct file {
	atomic_t f_count;
	u32 f_mode;  /* FMODE_* */
	u32 f_flags; /* O_*; under f_lock */
	spinlock_t f_lock;
	struct mutex f_pos_lock;
	loff_t f_pos; /* under f_pos_lock if FMODE_ATOMIC_POS */
	struct path f_path;
	/*
	 * For a file that overlayfs opened below itself: the path in the overlay, with references.
	 * Otherwise empty.
	 */
	struct path f_shown;
	struct inode *f_inode; /* kept by f_path */
	const struct file_operations *f_op;
	struct address_space *f_mapping; /* page cache of the data */
	const struct cred *f_cred;       /* of the opener; holds a reference */
	void *private_data;              /* of the file's operations */
	struct file_ra f_ra;
	/* Value of the mapping's count of writeback errors up to which fsync has reported them. */
	u32 f_wb_err_seq;
	/* Value of s_wb_err_seq up to which syncfs on this file has reported errors. */
	u32 f_sb_err_seq;
	/* Of a terminal: number of its hangups up to the open of this file. */
	u32 f_hangups;
	/*
	 * Entries on lists for SIGIO, which exist even while FASYNC is clear in f_flags; under
	 * fasync.c's lock.
	 */
	struct fasync_entry *f_fasync;
	struct list_head f_ep; /* epoll items that watch it; under f_lock */
	struct fown {
		struct pid *pid;  /* referenced; NULL: no owner */
		int type;         /* PIDTYPE_* */
		kuid_t uid, euid; /* of the task that set it */
		int signum;       /* of F_SETSIG; 0: SIGIO */
		/*
		 * The Landlock domain of the task that set the owner, and that task's process if it
		 * has a domain. References, or NULL.
		 */
		struct landlock_domain *landlock;
		struct pid *setter;
	} f_owner; /* set by F_SETOWN; under f_lock */
	union {
		struct task_work f_work; /* queued by the last fput */
		struct rcu_head f_rcu;
	};
};

/*
 * True if a transfer must not wait, because of O_NONBLOCK or because the request is asynchronous.
 * For files that can be polled.
 */
static inline bool file_nonblock(const struct file *f, const struct iov_iter *it)
{
	return f->f_flags & O_NONBLOCK || it->nowait;
}
/*
 * Return the path and the inode that /proc/PID/maps shows for @f. No reference is taken: they stay
 * as long as the caller's reference to @f.
 */
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
/*
 * Drops a reference. The release after the last one runs later, as task work, so locks may be held.
 * @f may be NULL.
 */
void fput(struct file *f);
/* Drops a reference, and releases the file at once if it was the last. No lock may be held. */
void fput_now(struct file *f);
/*
 * Makes an open file with the operations @fop on @path, to which it takes references. @flags: O_*.
 * Neither f_op->open is called nor is a permission checked. Returns ERR_PTR on failure.
 */
struct file *alloc_file(const struct path *path, u32 flags, const struct file_operations *fop);
/*
 * Makes an anonymous file named "[name]" (eventfd, epoll and others) on the inode that all
 * anonymous files share. @priv becomes private_data, which f_op->release frees; on failure
 * (ERR_PTR) it stays the caller's. @flags: O_*.
 */
struct file *anon_file(const char *name, const struct file_operations *fop, void *priv, u32 flags);
/*
 * Make an anonymous file, with @priv as in anon_file(), and a descriptor for it, with O_CLOEXEC
 * from @flags. Return the descriptor or -errno. After anon_fd_prepare() the caller owns *f and
 * publishes it by fd_install(), or gives up by put_unused_fd() and fput().
 */
int anon_fd_prepare(const char *name, const struct file_operations *fop, void *priv, u32 flags,
	struct file **f);
int anon_fd(const char *name, const struct file_operations *fop, void *priv, u32 flags);
/*
 * Makes a file with a new inode on the pseudo file system @fsname (pipes, sockets). Its path is
 * "name:[ino]". @priv and @flags are as in anon_file(). Returns ERR_PTR on failure.
 */
struct file *pseudo_file(
	const char *fsname, umode_t mode, const struct file_operations *fop, void *priv, u32 flags);
/* Sets the super_operations of a pseudo file system, before its first pseudo_file(). */
int pseudo_set_super(const char *fsname, const struct super_operations *op);

/*
 * Serve F_SETOWN and F_GETOWN. The owner is a pid, a process group as a negative number, or 0 for
 * none, all in current's pid namespace. file_setown() returns -ESRCH if there is no such process or
 * group, and -EINVAL for -2^31. These functions and the next two do not sleep.
 */
int file_setown(struct file *f, s32 who);
long file_getown(struct file *f);
/*
 * Makes the process or group @pid (@type: PIDTYPE_*; NULL: none) the owner, which gets SIGIO. Takes
 * a reference to @pid of its own.
 */
void file_set_owner(struct file *f, struct pid *pid, int type);
/* Sends SIGURG to the file's owner, whether or not O_ASYNC is set. */
void file_sigurg(struct file *f);

/*
 * Open, read and write for the kernel itself. filp_open() walks and checks as open(2) of current
 * does, and returns ERR_PTR on failure. The other two transfer up to @n bytes at *pos, advance *pos
 * and return bytes or -errno; they do not use f_pos.
 */
struct file *filp_open(const char *path, u32 flags, umode_t mode);
ssize_t kernel_read(struct file *f, void *buf, size_t n, loff_t *pos);
ssize_t kernel_write(struct file *f, const void *buf, size_t n, loff_t *pos);
/*
 * Transfer between file and memory at *pos (a stream's may be NULL), which they advance, after
 * checking f_mode (-EBADF), position and length. Return bytes, perhaps fewer than requested, or
 * -errno.
 */
ssize_t vfs_read_iter(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t vfs_write_iter(struct file *f, struct iov_iter *from, loff_t *pos);
bool file_may_be_direct(const struct file *f); /* true if O_DIRECT may be set */
/*
 * Calls f_op->fsync for the bytes @start to @end, inclusive. Returns an earlier writeback error of
 * the file too, once for each open file. -EINVAL: there is no f_op->fsync.
 */
int vfs_fsync_range(struct file *f, loff_t start, loff_t end, bool datasync);
/* True if a write must be on the disk on return: O_DSYNC, or inode_is_sync(). */
bool file_is_sync(const struct file *f);
long vfs_ioctl(struct file *f, u32 cmd, u64 arg); /* -ENOTTY: no such ioctl */
/*
 * Reads directory entries from f_pos on, and advances f_pos. The caller holds f_pos_lock, or is the
 * only user of @f; the function takes i_rwsem for reading. Returns 0, also if ctx->actor has
 * stopped it, or -errno.
 */
int iterate_dir(struct file *f, struct dir_context *ctx);
/*
 * Opens a regular file to execute it: checks the permission and denies writes until exe_file_put().
 * @at_flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. Returns ERR_PTR on failure.
 */
struct file *open_exec(int dfd, const char *name, u32 at_flags);
/*
 * Denies writes to the file until allow_write_access(). Returns -ETXTBSY if it is open for writing.
 * Does not sleep.
 */
int deny_write_access(struct file *f);
/*
 * Takes write access for a change of a file by its name, until put_write_access(). Returns 0, or
 * -ETXTBSY if the file is being executed. Does not sleep.
 */
int get_write_access(struct inode *inode);
void put_write_access(struct inode *inode);
void allow_write_access(struct file *f);
void exe_file_put(struct file *f); /* allow_write_access() and fput() */

/*
 * Opens the file at @path with the checks of open(2), and takes over the references of @path, even
 * on failure (ERR_PTR). @flags: O_*, of which O_CREAT and O_TMPFILE are ignored.
 */
struct file *open_path(struct path *path, u32 flags);
/*
 * Opens a file without a permission check. The references of @path stay the caller's. @fmode:
 * FMODE_NONOTIFY or 0. Returns ERR_PTR on failure.
 */
struct file *dentry_open(const struct path *path, u32 flags, u32 fmode);

/*
 * Operations (struct file_operations) for file systems. The whole file counts as data for
 * SEEK_DATA. generic_llseek_size() takes the largest position and the end of the file as arguments.
 */
loff_t generic_file_llseek(struct file *f, loff_t off, int whence);
loff_t generic_llseek_size(struct file *f, loff_t off, int whence, loff_t maxsize, loff_t eof);
loff_t no_llseek(struct file *f, loff_t off, int whence);   /* returns -ESPIPE */
loff_t noop_llseek(struct file *f, loff_t off, int whence); /* returns f_pos, unchanged */
/* Reads through the page cache, or past it with O_DIRECT. Takes no i_rwsem. */
ssize_t generic_file_read_iter(struct file *f, struct iov_iter *to, loff_t *pos);
/*
 * Writes through the page cache, or past it with O_DIRECT. Takes i_rwsem, and handles O_APPEND,
 * limits and O_SYNC. Returns bytes or -errno.
 */
ssize_t generic_file_write_iter(struct file *f, struct iov_iter *from, loff_t *pos);
/*
 * Sets *pos for O_APPEND and cuts from->count to the limits. Returns the bytes to write or -errno
 * (-EFBIG, with SIGXFSZ for RLIMIT_FSIZE). i_rwsem is held for writing.
 */
ssize_t generic_write_checks(struct file *f, struct iov_iter *from, loff_t *pos);
int generic_file_mmap(struct file *f, struct vm_area *vma); /* for files with readpage */
/* Writes out the pages of the range and then the inode, by s_op->write_inode. */
int generic_file_fsync(struct file *f, loff_t start, loff_t end, bool datasync);
int nonseekable_open(struct inode *inode, struct file *f); /* forbids lseek, pread, pwrite */
int stream_open(struct inode *inode, struct file *f);      /* nonseekable, and f_pos is not used */

#endif
