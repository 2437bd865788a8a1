/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations that only the files of vfs share.
 *
 * Lock-free readers: dentries, inodes, mounts, files and superblocks are freed by call_rcu(), so a
 * stretch of kernel code that passes no boundary (docs/architecture.md: no schedule, cond_resched,
 * uaccess or allocation that may sleep) may read any of them that it found through a live pointer.
 * The result of such a stretch is valid only if the sequence numbers below did not change
 * meanwhile. A reference to what it found is taken by d_tryget() or mnt_tryget(), which fail for an
 * object that is being freed.
 *
 *	rename_seq  odd while a dentry changes its name or parent
 *	mount_seq   odd while the tree of mounts changes
 *
 * Comments call their spinlocks rename_lock (rename_seq.lock) and mount_lock (mount_seq.lock). They
 * order the writers.
 *
 * Locks: kernel/lib/lock_order, levels super to mounts (locks that sleep) and names (spinlocks).
 *
 * Functions of type int or long return 0 or -errno, and functions may sleep, unless their comment
 * says otherwise.
 */
#ifndef NESTLING_VFS_INTERNAL_H
#define NESTLING_VFS_INTERNAL_H

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/stat.h>

#include "kernel/lib/keyhash.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/ns.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/ident/thread_group.h"
#include "kernel/vfs/limits.h"
#include "kernel/vfs/super.h"

#define S_IRWXUGO 0777
#define S_IALLUGO 07777
#define S_IXUGO 0111

/*
 * A bit of i_state, used by stat.c and attr.c: the times have been read since the last write
 * changed them.
 */
#define I_TIMES_SEEN 0x80000000

/* ---- sequence counters ---- */
struct vfs_seq {
	u32 seq;
	spinlock_t lock;
};
extern struct vfs_seq rename_seq, mount_seq;
/*
 * Begins a stretch of lock-free reads. Waits while a writer is active. Returns the value for
 * vfs_seq_retry().
 */
static inline u32 vfs_seq_begin(struct vfs_seq *s)
{
	u32 v = smp_load_acquire(&s->seq);

	if (unlikely(v & 1)) {
		spin_lock(&s->lock);
		v = s->seq;
		spin_unlock(&s->lock);
	}
	return v;
}
/*
 * Ends a stretch of lock-free reads. Returns true if a writer came in between, so that the caller
 * must start again. Since both accesses are sequentially consistent, a writer that begins after
 * this call sees a refcount that the caller incremented before it.
 */
static inline bool vfs_seq_retry(struct vfs_seq *s, u32 v)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&s->seq, __ATOMIC_SEQ_CST) != v;
}
/* Enclose a change. The spinlock is held in between. */
static inline void vfs_seq_write_begin(struct vfs_seq *s)
{
	spin_lock(&s->lock);
	__atomic_add_fetch(&s->seq, 1, __ATOMIC_SEQ_CST);
}
static inline void vfs_seq_write_end(struct vfs_seq *s)
{
	__atomic_add_fetch(&s->seq, 1, __ATOMIC_SEQ_CST);
	spin_unlock(&s->lock);
}

/* ---- walk.c ---- */
/*
 * A function that reads what it needs from the end of a path to which no reference is held. It may
 * not sleep, and may not keep a pointer. Returns 0, an error, or -ECHILD if it needs a reference.
 */
typedef int walk_look_fn(const struct path *path, void *arg);
/*
 * Walks a path without taking references, calls @look for the end of the path, and returns @look's
 * result, or -ENOENT or -EBADF. On -ECHILD the caller must walk again, with references.
 */
int walk_look(int dfd, const char *name, u32 flags, walk_look_fn *look, void *arg);

/* ---- root and working directory: these two enclose every change of them ---- */
static inline void fs_write_begin(struct fs_struct *fs)
{
	spin_lock(&fs->lock);
	WRITE_ONCE(fs->seq, fs->seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void fs_write_end(struct fs_struct *fs)
{
	smp_store_release(&fs->seq, fs->seq + 1);
	spin_unlock(&fs->lock);
}

/* ---- dcache.c, dcache_shrink.c, mnt_copy.c ---- */
#define D_DEAD (-0x40000000) /* d_count of a dentry that is being freed */
/*
 * Notifies watchers, once, that the file of @d has been deleted. Does nothing if the file still has
 * a link. The caller is the last user of @d, so no file has it open.
 */
void d_notify_gone(struct dentry *d);
/* Takes a reference unless the dentry is being freed. */
static inline bool d_tryget(struct dentry *d)
{
	s32 c = atomic_read(&d->d_count);

	while (c >= 0)
		if (__atomic_compare_exchange_n(
			    &d->d_count.v, &c, c + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return true;
	return false;
}
/*
 * Finds the hashed child of @parent with that name, without taking a reference. The caller passes
 * no boundary until it has used the child. NULL: there is no such child, or a rename is moving it.
 */
struct dentry *d_find_rcu(const struct dentry *parent, const struct qstr *name);
/*
 * d_unhashed() is true if lookups do not find @d. d_unlinked() is true if, moreover, @d is part of
 * a tree, so that its name was removed. Without a lock the result may be out of date.
 */
static inline bool d_unhashed(const struct dentry *d)
{
	return READ_ONCE(d->d_flags) & DCACHE_UNHASHED;
}
static inline bool d_unlinked(const struct dentry *d)
{
	return d_unhashed(d) && !(d->d_flags & (DCACHE_ROOT | DCACHE_PSEUDO));
}
/* True if @d is unhashed for good: a rename in progress unhashes a dentry only for a moment. */
static inline bool d_gone(const struct dentry *d)
{
	bool gone;

	spin_lock(&rename_seq.lock);
	gone = d_unlinked(d);
	spin_unlock(&rename_seq.lock);
	return gone;
}
static inline bool d_mounted(const struct dentry *d)
{
	return READ_ONCE(d->d_flags) & DCACHE_MOUNTED;
}
/* True if a walk must look up a mount on @d, or ask a file system that manages automounts there. */
static inline bool d_mounted_or_managed(const struct dentry *d)
{
	return READ_ONCE(d->d_flags) & (DCACHE_MOUNTED | DCACHE_MANAGED);
}
void d_set_mounted(struct dentry *d, bool on); /* takes d_lock */
/* True if @a is @d or above it. Under s_rename_mutex or in a section of rename_seq. */
bool d_is_ancestor(const struct dentry *a, const struct dentry *d);
/* True if @d is @top or below it. May take rename_lock. */
bool d_is_below(const struct dentry *d, const struct dentry *top);
void shrink_dcache_parent(struct dentry *d); /* frees the unused dentries below @d */
/* Frees all dentries, also those that d_persist() keeps, and sets s_root to NULL. */
void shrink_dcache_for_umount(struct super_block *sb);
extern struct hash_key name_key; /* for full_name_hash() and the walks */
void dcache_init(void);

/* ---- inode.c, writeback.c ---- */
void inode_init(void);
/* Takes a reference without sleeping. The caller may have none. */
bool igrab(struct inode *inode); /* false: @inode is being freed */
/*
 * Returns the next inode after @at (NULL: the first) for which @wanted is true. After many for
 * which it is false, the function returns one of those, so that the caller can reschedule. Drops
 * the reference to @at and takes a reference to the returned inode. NULL: the end of the list.
 */
struct inode *sb_next_inode(
	struct super_block *sb, struct inode *at, bool (*wanted)(const struct inode *inode));
void fsnotify_unmount(struct super_block *sb); /* ends the watches of its inodes */
/*
 * Writes the dirty pages and the inode, and with @sync waits for that. Sets I_SYNC meanwhile, and
 * waits for another task that has set it.
 */
int writeback_inode(struct inode *inode, bool sync);
void writeback_kick(struct inode *inode); /* marks I_DIRTY_PAGES; does not sleep */
/* Waits until @bit (I_NEW, I_SYNC) is clear. The task that clears it calls wake_inode() then. */
void wait_on_inode_bit(struct inode *inode, u32 bit);
void wake_inode(struct inode *inode);

/* ---- freeze.c ---- */
#define FREEZE_ALL (FREEZE_USER | FREEZE_SNAPSHOT)
/* Drops the freezes whose holders (FREEZE_*) are in @who. s_umount is held for writing. */
void super_thaw_locked(struct super_block *sb, u32 who);
/* Forbids new freezes if @on, otherwise ends that. The calls are counted. */
void freeze_forbid(bool on);

/* ---- super.c, filesystems.c ---- */
extern struct list_head super_blocks; /* under sb_lock */
extern spinlock_t sb_lock;
/*
 * super_next() returns the superblock after @prev in the list (NULL: the first), or NULL at the
 * end. The superblock may be unmounted meanwhile, but its memory stays until the caller passes it
 * as @prev. super_prev() walks from the youngest to the oldest, and also returns superblocks that
 * are being taken down.
 */
struct super_block *super_next(struct super_block *prev);
struct super_block *super_prev(struct super_block *next);
/* Calls @fn for every superblock that is not being torn down, with s_umount held for reading. */
void for_each_super(void (*fn)(struct super_block *sb, void *arg), void *arg);
/*
 * Changes flags (SB_*) and options (@data, or NULL). s_umount is held for writing. -EBUSY: a change
 * to read-only while files are open for writing, or the file system is frozen.
 */
int do_remount_sb(struct super_block *sb, u32 flags, char *data);
/* Returns the owner of the superblock, without a reference. */
static inline struct user_namespace *sb_user_ns(const struct super_block *sb)
{
	return sb->s_user_ns ? sb->s_user_ns : &init_user_ns;
}
static inline bool sb_rdonly(const struct super_block *sb)
{
	return READ_ONCE(sb->s_flags) & SB_RDONLY;
}
struct file_system_type *filesystem_nth(int i); /* NULL past the end */

/* ---- mnt.c, mnt_copy.c, mount_fd.c ---- */
#define MNT_IN_NS 1    /* mnt_state: attached in a namespace */
#define MNT_INTERNAL 2 /* made by kern_mount() */
/*
 * umount(2) has found the mount unused and is about to detach it. Walks take no reference to it.
 * Set and cleared in write sections of mount_seq, while namespace_sem is held for writing.
 */
#define MNT_CLOSED 0x10000
void mnt_set_ns_root(struct mount *m); /* of init_mnt_ns; takes namespace_sem */
/* Makes a mount of @root in no namespace, with one reference. Takes a reference to @root. */
struct mount *mnt_alloc_internal(
	struct dentry *root, const char *name); /* copies @name; ERR_PTR on failure */
/* Takes a reference unless the mount is being freed. */
static inline bool mnt_tryget(struct mount *m)
{
	return atomic_inc_not_zero(&m->mnt_count);
}
/*
 * Finds the mount on top of @d in @m, without taking a reference; NULL if there is none. Called
 * under mount_lock or within a read section of mount_seq.
 */
struct mount *mount_lookup_rcu(struct mount *m, struct dentry *d);
/*
 * Finds the mount on top of @p, with a reference, or returns NULL. Waits for an umount of the
 * mount, which holds namespace_sem.
 */
struct mount *mount_lookup(const struct path *p);
bool path_is_under(const struct path *p, const struct path *root); /* takes its locks itself */
bool mnt_readonly(const struct mount *m); /* true also if its superblock is read-only */
/*
 * Unmounts a detached tree of mounts. Called when the file with FMODE_NEED_UNMOUNT is closed. Takes
 * namespace_sem, as does detach_mounts().
 */
void mnt_dissolve(struct mount *m);
bool is_mountpoint_here(struct dentry *d); /* in current's mount namespace */
void detach_mounts(struct dentry *d);      /* unmounts all on a removed dentry */

/* ---- namei.c, open.c, permission.c, fs_struct.c ---- */
struct open_how_k {
	u32 flags; /* O_* */
	umode_t mode;
	int acc;    /* MAY_* */
	u32 lookup; /* LOOKUP_* */
};
struct file *do_filp_open(int dfd, const char *name, const struct open_how_k *how); /* or ERR_PTR */
/*
 * Check whether current may make or remove the name @d in @dir, whose i_rwsem is held for writing.
 */
int may_create(struct inode *dir, struct dentry *d);
/* True if the file system can store current's fsuid and fsgid as the owner of a new file. */
bool has_kept_ids(const struct super_block *sb);
int may_delete(struct inode *dir, struct dentry *d, bool isdir); /* @isdir: as rmdir(2) */
/*
 * Get and set root and working directory of @fs. They take fs->lock. Getters return *p with
 * references. Setters take references of their own to *p, and drop those to the old path.
 */
void get_fs_root(struct fs_struct *fs, struct path *p);
void get_fs_pwd(struct fs_struct *fs, struct path *p);
void set_fs_root(struct fs_struct *fs, const struct path *p);
void set_fs_pwd(struct fs_struct *fs, const struct path *p);
extern int sysctl_protected_symlinks, sysctl_protected_hardlinks, sysctl_protected_fifos,
	sysctl_protected_regular;

struct fs_struct *fs_initial(void); /* of the first kernel thread */
void namei_caches_init(void);

/* ---- open.c, file_table.c, fdtable.c, fileattr.c, attr.c ---- */
bool inode_may_be_direct(const struct inode *inode); /* true if its data is on a disk */
#define ENOIOCTLCMD 515                              /* returned inside the kernel only */
/* Sets the STATX_ATTR_* flags of *st that correspond to the inode's flags. */
void fill_attributes(struct inode *inode, struct kstat *st);
long file_attr_ioctl(struct file *f, u32 cmd, u64 arg); /* -ENOIOCTLCMD: another ioctl */
/*
 * Opens a file whose f_path and f_mode are set: asks Landlock and watchers, breaks leases, sets
 * f_op and calls f_op->open. The mode bits have been checked. After an error the caller calls
 * fput().
 */
int vfs_open(struct file *f);
struct file *file_alloc(u32 flags); /* no path yet; ERR_PTR */
void file_free(struct file *f);     /* a file that was never opened */
/* Drops f_path, and the counts of readers and writers that open took. */
void file_drop_path(struct file *f);
struct file *path_file(const struct path *path); /* opens with O_PATH; ERR_PTR */
void file_table_init(void);
int fd_set_cloexec(int fd, bool on); /* 0, -EBADF */
/*
 * Makes a descriptor, not below @from, for @f, to which it takes a reference. @flags: O_CLOEXEC or
 * 0. Returns the descriptor or -errno.
 */
long f_dupfd(u32 from, struct file *f, u32 flags);
/*
 * Serves close(2) of a descriptor in @owner: calls f_op->flush, whose result it returns, removes
 * POSIX locks and drops the reference. No lock is held.
 */
int filp_close(struct file *f, struct files_struct *owner);
/*
 * Sets the size in bytes. @f: the open file, or NULL; @extra: further ATTR_*. Takes i_rwsem. The
 * caller has write access to the mount and the file.
 */
int do_truncate(const struct path *p, loff_t len, struct file *f, u32 extra);

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20 /* of a memfd: its x bits are fixed */
#endif

/* ---- read_write.c ---- */
#define MAX_RW_COUNT (0x7fffffffUL & PAGE_MASK) /* bytes of one transfer, at most */
/*
 * Checks that *pos (if @pos is set) and @n are not negative and their sum does not overflow. 0 or
 * -EINVAL.
 */
int rw_verify_area(int write, struct file *f, const loff_t *pos, size_t n);

/* ---- attr.c ---- */
bool atime_needs_update(const struct path *p, struct inode *inode); /* true if a read sets it */
/* Sets the access time if necessary, but not while a freeze is in force. */
void touch_atime(const struct path *p);

/* ---- lease.c ---- */
long fcntl_setlease(int fd, struct file *f, int type); /* @type: F_RDLCK, F_WRLCK, F_UNLCK */
long fcntl_getlease(struct file *f);                   /* returns the type */
void lease_remove_file(struct file *f);                /* called with the last reference */
/*
 * leases_lines() prints the leases at the position @at, as locks_lines() prints locks; leases come
 * after the locks. lease_fdinfo() prints the lease of @f as line @nr of its fdinfo. Both return the
 * number of bytes.
 */
int leases_lines(struct locks_at *at, const struct pid_namespace *ns, char *buf, size_t size);
int lease_fdinfo(struct file *f, int nr, char *buf, size_t size);
int lease_break_slow(struct inode *inode, const struct file *f, bool write, bool nonblock);
/*
 * Breaks the leases of a file before @f opens it (NULL: before a truncation): signals the holders
 * and waits for them. @write: read leases are broken too. Returns 0, -EAGAIN (@nonblock) or
 * -ERESTARTSYS. No lock is held.
 */
static inline int lease_break(struct inode *inode, const struct file *f, bool write, bool nonblock)
{
	if (likely(!__atomic_load_n(&inode->i_leases, __ATOMIC_SEQ_CST)))
		return 0;
	return lease_break_slow(inode, f, write, nonblock);
}

/* ---- fasync.c, fcntl.c, dnotify.c, locks.c ---- */
/* Sends SIGIO to the owner of @f, if there is one. @band: EPOLL*. Does not sleep. */
void kill_fasync(struct file *f, int fd, int band);
void fown_put(struct fown *o); /* drops the references that @o holds */
/* Makes current's process the owner that gets the file's signals, if there is no owner yet. */
void file_owned_by_us(struct file *f);
/* Removes the owner, so that no more events are reported, and resets F_SETSIG. */
void file_drop_owner(struct file *f);
/*
 * dnotify.c: fcntl_notify() serves fcntl(F_NOTIFY). dnotify_remove() removes its requests when a
 * descriptor is closed; @owner NULL: when the last reference to the file is dropped.
 */
long fcntl_notify(int fd, struct file *f, u32 mask);
void dnotify_remove(struct file *f, struct files_struct *owner);
/* Serves F_GETLK, F_SETLK, F_OFD_* and related commands of fcntl(2). */
long fcntl_lock(int fd, struct file *f, u32 cmd, uaddr_t arg);

/* ---- chrdev.c ---- */
extern const struct file_operations def_chr_fops, def_sock_fops;
void vfs_special_fops(struct inode *inode); /* sets i_fop of a device, FIFO or socket */

/* True if the inode is a directory, a regular file, a symlink. */
static inline bool is_dir(const struct inode *i)
{
	return (i->i_mode & S_IFMT) == S_IFDIR;
}
static inline bool is_reg(const struct inode *i)
{
	return (i->i_mode & S_IFMT) == S_IFREG;
}
static inline bool is_lnk(const struct inode *i)
{
	return (i->i_mode & S_IFMT) == S_IFLNK;
}
/* Returns the DT_* of a file with that mode. */
static inline u32 inode_dtype(umode_t mode)
{
	return (mode >> 12) & 15;
}

#endif
