/* SPDX-License-Identifier: MIT */
/*
 * super.h: superblocks, the file system types that make them, and the mounts that show them.
 *
 * A file system fills a struct file_system_type and calls register_filesystem(). Its mount
 * operation finds or builds a super_block by one of the mount_*() helpers, whose fill sets s_op and
 * s_root. kill_sb takes it down when the last reference (s_active) is dropped.
 *
 * Locks: s_umount (mounting, remounting, taking down), namespace_sem (the tree of mounts), and the
 * locks of each structure.
 *
 * All functions may sleep, unless their comment says otherwise or they only read a counter. Those
 * of type int return 0 or -errno. Functions that print return bytes without the NUL.
 */
#ifndef NESTLING_VFS_SUPER_H
#define NESTLING_VFS_SUPER_H

#include "kernel/vfs/vfs.h"

/* ---- superblocks ---- */
/*
 * The answer to statfs(2). f_blocks, f_bfree and f_bavail are in units of f_bsize, which is in
 * bytes.
 */
struct kstatfs {
	s64 f_type, f_bsize;
	u64 f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	u64 f_fsid;
	s64 f_namelen, f_frsize, f_flags;
};

/* Bits of s_flags, with the values of mount(2)'s MS_*. */
#define SB_RDONLY 1
#define SB_NOSUID 2
#define SB_NODEV 4
#define SB_NOEXEC 8
#define SB_SYNCHRONOUS 16
#define SB_DIRSYNC 128
#define SB_NOATIME 1024
#define SB_ACTIVE (1 << 30) /* mounted: unused inodes stay cached */

/*
 * The operations may sleep, unless their comment says otherwise. Those of type int return 0 or
 * -errno.
 */
struct super_operations {
	/*
	 * Allocates the file system's structure around an inode. vfs zeroes and fills in the struct
	 * inode alone. Returns a pointer to that, or NULL if there is no memory.
	 */
	struct inode *(*alloc_inode)(struct super_block *sb); /* NULL op: a plain struct inode */
	void (*free_inode)(struct inode *inode);              /* after a grace period */
	/* Writes the inode, not its pages, to the disk. @sync: also waits for that. */
	int (*write_inode)(struct inode *inode, bool sync);
	/* Called by mark_inode_dirty() and its variant, so that the inode can be journalled. */
	void (*dirty_inode)(
		struct inode *inode, u32 flags); /* @flags: the I_DIRTY_* bits to be set */
	/*
	 * Returns 1 if an unused inode is to be freed rather than cached. NULL op: 1 if nlink == 0.
	 * Called under i_lock, so it may not sleep.
	 */
	int (*drop_inode)(struct inode *inode);
	/*
	 * Ends an inode: calls truncate_inode_pages(), frees the inode's space on the disk if nlink
	 * == 0, and calls clear_inode().
	 */
	void (*evict_inode)(struct inode *inode);
	void (*put_super)(struct super_block *sb); /* after all evictions; frees s_fs_info */
	/*
	 * Returns the namespace that an inode of nsfs represents, without a reference. NULL: it
	 * represents none, as for all inodes if the op is NULL.
	 */
	struct ns_common *(*inode_ns)(const struct inode *inode);
	/* Writes the file system's own metadata, after all inodes. @wait: also waits for that. */
	int (*sync_fs)(struct super_block *sb, bool wait);
	/*
	 * Make the disk consistent and end that state. s_umount is held for writing. NULL op: the
	 * file system cannot be frozen.
	 */
	int (*freeze_fs)(struct super_block *sb);
	int (*unfreeze_fs)(struct super_block *sb);
	int (*statfs)(struct dentry *d, struct kstatfs *st);
	void (*umount_begin)(struct super_block *sb); /* umount -f: fails waiting requests */
	/*
	 * Applies a remount: *flags (SB_*), which it may change, and the options @data, or NULL.
	 * vfs then stores *flags. s_umount is held for writing.
	 */
	int (*remount)(struct super_block *sb, u32 *flags, char *data);
	/* Called after a write was refused with EROFS. May be NULL. */
	void (*write_refused)(struct inode *inode);
	/*
	 * Prints the options into @buf of @size bytes, and cuts what does not fit. Values that a
	 * user chose are printed by show_option_value(). Returns the number of bytes.
	 */
	int (*show_options)(
		struct super_block *sb, char *buf, size_t size); /* such as ",uid=1,ro" */
	/*
	 * Prints at the end of @buf how lists of mounts show @root. Returns the start of the text,
	 * or ERR_PTR. NULL op: lists show the path of @root in the file system.
	 */
	char *(*show_root)(struct dentry *root, char *buf, size_t size);
	/*
	 * Finds the inode that has the number and generation of a file handle. Returns it with a
	 * reference, or ERR_PTR(-ESTALE). NULL op: the file system has no handles.
	 */
	struct inode *(*handle_inode)(struct super_block *sb, u64 ino, u32 generation);
	struct inode *(*parent_inode)(struct inode *dir); /* new reference, or ERR_PTR */
	/*
	 * Inode numbers are unique, so an inode enters the hash only when its first handle is made.
	 */
	bool handle_hashes;
	/* A handle consists of the 64-bit inode number alone, and has kernfs's type of handle. */
	bool handle_is_number;
};
struct super_block {
	struct list_head s_list;           /* in super_blocks, under sb_lock */
	dev_t s_dev;                       /* st_dev of its files */
	u32 s_blocksize, s_blocksize_bits; /* bytes, and log2 of them */
	loff_t s_maxbytes;                 /* maximal size of a file */
	struct file_system_type *s_type;
	const struct super_operations *s_op;
	const struct dentry_operations *s_d_op; /* default d_op of its dentries */
	u32 s_flags;
	u64 s_magic;
	struct dentry *s_root; /* holds a reference; NULL until filled */
	struct rwsem s_umount;
	struct mutex s_rename_mutex; /* names and parents of its dentries */
	/*
	 * Number of walks over the list of superblocks that stand at this one, and of mounts that
	 * wait for its end; under sb_lock.
	 */
	u32 s_looks;
	/* The superblock is complete. Walks over the list skip it until then. */
	bool s_born;
	/* The superblock was taken down. The last holder of s_looks frees it; under sb_lock. */
	bool s_gone;
	atomic_t s_active;           /* references: of mounts and others */
	struct block_device *s_bdev; /* NULL: it has no disk */
	/* s_bdev is open for writing; under s_umount. */
	bool s_bdev_write;
	void *s_fs_info;            /* of the file system */
	u32 s_time_gran;            /* ns: granularity of file times */
	s64 s_time_min, s_time_max; /* seconds: limits of file times */
	char s_id[32];              /* device name for messages */
	char s_subtype[32];         /* ".sshfs" of "fuse.sshfs" */
	u8 s_uuid[16];
	/* STATX_ATTR_*: the attributes that files of this file system can have. */
	u64 s_stat_attrs;
	u64 s_fsid; /* of statfs(2); 0: s_dev */
	spinlock_t s_inode_list_lock;
	/* Landlock's objects for inodes of this superblock, under Landlock's lock. */
	struct list_head s_ruled;
	struct list_head s_inodes; /* all, under s_inode_list_lock */
	spinlock_t s_inode_wblist_lock;
	/* Dirty inodes, in the order of dirtied_when; under s_inode_wblist_lock. */
	struct list_head s_dirty;
	/* Inodes in writeback, in the order in which it began; under s_inode_wblist_lock. */
	struct list_head s_syncing;
	struct backing_dev *s_bdi; /* of s_bdev's disk, else default_bdi */
	/* The newest writeback error (-errno) of any file of this file system. */
	int s_wb_err;
	u32 s_wb_err_seq; /* number of such errors so far; atomic */
	/* Value of s_wb_err_seq at the last syncfs that returned an error. */
	u32 s_wb_err_seen;
	int s_iflags; /* SB_I_* */
#define SB_I_NODEV 1  /* device nodes cannot be opened */
#define SB_I_NOEXEC 2
#define SB_I_NOUSER 4   /* internal: cannot be mounted by users */
#define SB_I_POSIXACL 8 /* stores access control lists (acl.h) */
	/* lookup() runs with the directory's i_rwsem held for reading only (lookup.c). */
	bool s_shared_lookup;
	/* The user namespace that owns the superblock, with a reference; set at the first mount. */
	struct user_namespace *s_user_ns;
	/* A remount is making the file system read-only, so no write may begin; atomic. */
	bool s_going_ro;
	atomic64_t s_writers; /* mnt_keep_write() in force */
	/*
	 * FREEZE_* of the freezes in force. Nothing is written until all are thawed. Set under
	 * s_umount.
	 */
	u32 s_frozen;
#define FREEZE_USER 1     /* FIFREEZE */
#define FREEZE_SNAPSHOT 2 /* the management console's "snapshot" */
	/* Number of direct writes in progress, which bypass the page cache and the journal. */
	atomic_t s_direct_writes;
	/*
	 * No direct write may begin: the file system is frozen or about to be. Set under s_umount.
	 */
	bool s_direct_stopped;
	/* Number of changes of names and inodes in progress: mnt_want_write(). */
	atomic_t s_changes;
	bool s_changes_stopped; /* as s_direct_stopped, for s_changes */
	struct rcu_head s_rcu;
};
/*
 * Enclose a write that bypasses page cache and journal. sb_start_direct_write() waits while the
 * file system is frozen, so its caller may hold no lock. sb_end_direct_write() may be called in any
 * context.
 */
void sb_start_direct_write(struct super_block *sb);
void sb_end_direct_write(struct super_block *sb);
/*
 * Begin and end a change of names or inodes, as mnt_want_write() does. sb_start_change() waits
 * while the file system is frozen, and is called before locks that readers need. sb_end_change()
 * does not sleep.
 */
void sb_start_change(struct super_block *sb);
void sb_end_change(struct super_block *sb);
/* Drops a reference (s_active). The last one takes s_umount and takes the superblock down. */
void deactivate_super(struct super_block *sb);
/*
 * Adds @ns nanoseconds to the times of all inodes of file systems without a disk. The machine is
 * stopped (kernel/state).
 */
void supers_shift_times(u64 ns);
struct file_system_type {
	const char *name; /* immutable, never freed */
	int fs_flags;     /* FS_* */
#define FS_REQUIRES_DEV 1
#define FS_HAS_SUBTYPE 4 /* accepts types like "fuse.sshfs" */
#define FS_USERNS_MOUNT 8
/*
 * Of proc and sysfs: in a mount namespace that belongs to a user namespace other than the initial
 * one, a new mount requires a mount of the type that is wholly visible there
 * (mount_too_revealing()).
 */
#define FS_USERNS_VISIBLE 32
/* Its mounts may map ids: idmap.h. */
#define FS_ALLOW_IDMAP 64
/* quotactl() reports that quotas are off, not that they are unsupported. */
#define FS_QUOTA 16
	/*
	 * Its parameters for fsconfig(2) (fsparam.h); NULL: only the mount operation checks them.
	 */
	const struct fs_param *params;
	/*
	 * FS_USERNS_MOUNT: returns the user namespace, without a reference, in which the mounter
	 * must have the right to mount. NULL op: the mounter's own.
	 */
	struct user_namespace *(*owner)(void);
	/*
	 * FS_USERNS_VISIBLE: true if the directory is empty, so that a mount over it hides nothing.
	 */
	bool (*is_bare)(const struct inode *dir);
	/*
	 * Returns the root dentry with a reference, or ERR_PTR. The dentry's superblock is new or
	 * an existing one, with s_umount held for writing and s_active taken. @flags: SB_*. @dev:
	 * the source argument of mount(2). @data: the options, which mount() may change, or NULL.
	 */
	struct dentry *(*mount)(struct file_system_type *t, u32 flags, const char *dev, char *data);
	/*
	 * As mount, for fsconfig(2): each option of @list ends with a NUL, and an empty option ends
	 * the list. So a value may contain commas. NULL op: mount() gets a text.
	 */
	struct dentry *(*mount_list)(
		struct file_system_type *t, u32 flags, const char *dev, char *list);
	/* Undoes mount(), by generic_shutdown_super(). s_umount is held for writing. */
	void (*kill_sb)(struct super_block *sb);
	struct list_head list;
};
/* Adds a type for good. -EBUSY: its name is in use. Does not sleep. */
int register_filesystem(struct file_system_type *t);
/* Returns the type, or NULL. "fuse.sshfs" finds the type fuse. Does not sleep. */
struct file_system_type *get_fs_type(const char *name);
/* Prints line @i of /proc/filesystems. Returns 0 past the end. */
int filesystems_line(int i, char *buf, size_t size);
/* Calls @fn for the superblocks on the backing device @b, with s_umount held for reading. */
void for_each_super_of(
	struct backing_dev *b, void (*fn)(struct super_block *sb, void *arg), void *arg);
/* Starts the writeback thread of @b unless it already runs. Returns 0 or -ENOMEM. */
int writeback_start(struct backing_dev *b);
/*
 * automount.c: functions for file systems with automounts. They take mount_lock or namespace_sem.
 */
/*
 * Moves *p, with its references, from the root of a mount to its mountpoint. Returns false, with *p
 * unchanged, at the topmost mount.
 */
bool follow_up(struct path *p);
bool path_is_mountpoint(const struct path *p); /* true if a mount is on @p */
/* Finds the mount on @p, and sets *on, with references. Returns false if there is none. */
bool path_mounted_on(
	const struct path *p, struct path *on); /* true: sets *on to the mount's root */
/* True if mounts are on @p or below it. */
bool path_has_submounts(const struct path *p);
/* True if files of mounts on or below @p are in use. */
bool path_mounts_busy(const struct path *p);
/* True if @m and the mounts below it have together more than @mine references of other users. */
bool mnt_tree_busy(struct mount *m, int mine);
/* True if nothing is mounted on @m, and it has at most @mine references beside its parent's. */
bool mnt_may_umount(struct mount *m, int mine);
/*
 * Helpers for mount operations, with their result. fill(sb, data, silent) builds a new superblock,
 * and returns 0 or -errno, after which kill_sb is called. mount_bdev() and bdev_mount() share one
 * superblock for each device (-EBUSY: it is mounted with another SB_RDONLY), mount_single() one for
 * each type, and mount_nodev() makes a new one.
 */
struct dentry *mount_bdev(struct file_system_type *t, u32 flags, const char *dev, void *data,
	int (*fill)(struct super_block *sb, void *data, bool silent));
struct dentry *mount_nodev(struct file_system_type *t, u32 flags, void *data,
	int (*fill)(struct super_block *sb, void *data, bool silent));
struct dentry *mount_single(struct file_system_type *t, u32 flags, void *data,
	int (*fill)(struct super_block *sb, void *data, bool silent));
struct dentry *bdev_mount(struct file_system_type *t, u32 flags, struct block_device *b, void *data,
	int (*fill)(struct super_block *sb, void *data, bool silent));
void kill_block_super(struct super_block *sb); /* kill_sb after mount_bdev() */
void kill_anon_super(struct super_block *sb);  /* kill_sb after the others */
/*
 * Starts the writeback of all dirty inodes and pages, and waits for it if @sync is set. The caller
 * has set I_SYNC in no inode.
 */
void writeback_sb(struct super_block *sb, bool sync);
void evict_inodes(struct super_block *sb); /* evicts all unused inodes */
/*
 * Waits at unmounting for inodes that other tasks are about to release. Returns false if some
 * remain after 10 seconds.
 */
bool wait_for_inodes(struct super_block *sb);
/*
 * Takes a superblock down: drops dentries, writes back, evicts inodes and calls put_super. s_umount
 * is held for writing.
 */
void generic_shutdown_super(struct super_block *sb);
/*
 * Freeze and thaw a file system (FIFREEZE, FITHAW). While it is frozen, its disk is consistent and
 * does not change. Return 0; -EBUSY: it is frozen already, or freezes are forbidden, as during
 * thaw_all() and a power-off; -EINVAL: it is not frozen; -EOPNOTSUPP: it cannot be frozen.
 */
int freeze_super(struct super_block *sb);
int thaw_super(struct super_block *sb);
/*
 * Freezes all file systems on block devices for a snapshot. The youngest comes first, since its
 * device may be a file of an older one. File systems that cannot be frozen are written out. Returns
 * 0 or -errno. On an error, @failed (of @size bytes) holds the device of the file system that could
 * not be frozen, and the file systems frozen before it stay frozen.
 */
int freeze_for_snapshot(char *failed, size_t size);
/*
 * True if freeze_for_snapshot() has frozen every writable file system that can be frozen. It is
 * false if a file system was mounted since, or is being unmounted; the next freeze waits for that.
 */
bool frozen_for_snapshot(void);
void thaw_after_snapshot(void); /* ends what freeze_for_snapshot() froze */
/*
 * Calls @fn for each file system on a block device, with its device, its type, and the state in
 * which a snapshot taken now would find it. Does not wait.
 */
enum super_rest { SUPER_READ_ONLY, SUPER_FROZEN, SUPER_SYNCED };
void snapshot_supers(
	void (*fn)(const char *dev, const char *type, enum super_rest rest, void *arg), void *arg);
/*
 * Writes inodes, pages and metadata, and with @wait waits for them. Does nothing if the file system
 * is frozen or read-only. s_umount is held.
 */
int sync_filesystem(struct super_block *sb, bool wait);
void sync_all(void); /* syncs all file systems and waits */
/* Ends all freezes of all file systems, and releases held disks (queue_hold()). */
void thaw_all(void);
/*
 * Writes everything before power-off and marks every disk as clean. File systems are read-only
 * afterwards. @lasting: leaves out the file systems of temporary disks.
 */
void sync_and_quiesce_all(bool lasting);
/* Makes a damaged file system read-only at once. Callable in any context. */
void sb_error_remount_ro(struct super_block *sb);

/* ---- mounts ---- */
struct mount {
	/*
	 * Where it is attached, with references; itself and its root if it is not attached. Under
	 * namespace_sem and mount_lock.
	 */
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct dentry *mnt_root;    /* what it shows; referenced; immutable */
	struct super_block *mnt_sb; /* holds a reference (s_active) */
	/* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_RELATIME ... */
	u32 mnt_flags;
	atomic_t mnt_count; /* references */
	/* The link in mnt_parent->mnt_mounts, and the list of children; under namespace_sem. */
	struct list_head mnt_child, mnt_mounts;
	/* Links in two hash tables: by (parent, mountpoint), and by mountpoint. */
	struct hlist_node mnt_hash, mnt_on;
	struct rb_node mnt_node; /* in its namespace, by mnt_id_unique */
	/* Link in a list of copies that will be attached, or of mounts that are being unmounted. */
	struct list_head mnt_list;
	struct mnt_namespace *mnt_ns; /* NULL: not attached; no reference */
	char *mnt_devname;            /* owned, NUL-terminated */
	int mnt_id;                   /* of /proc/PID/mountinfo */
	u64 mnt_id_unique;            /* never reused */
	int mnt_group_id;             /* peer group; 0: none */
	u32 mnt_expiry;               /* 1: MNT_EXPIRE saw it unused; atomic */
	/*
	 * The ring of its peer group, the list of its slaves, and the link in its master's list of
	 * slaves (propagation.c); under namespace_sem.
	 */
	struct list_head mnt_share, mnt_slave_list, mnt_slave;
	struct list_head mnt_going; /* used while an unmount propagates */
	/* The mount whose events it repeats, without a reference, or NULL; under namespace_sem. */
	struct mount *mnt_master;
	/* Number of users of mnt_want_write(), which prevent a remount to read-only. */
	atomic_t mnt_writers;
	/* Maps the ids of this mount (idmap.h); holds a reference, set once. */
	struct user_namespace *mnt_idmap;
	/* MNT_* of vfs/internal.h; under namespace_sem. */
	u32 mnt_state;
	/*
	 * After an unmount: the path where it was mounted, until its references are dropped. In a
	 * copy that propagation has not attached yet: the path where it will be mounted.
	 */
	struct path mnt_dead_at;
	/*
	 * Frees the mount later, if the last reference is dropped where that is impossible:
	 * mntput_later().
	 */
	struct task_work mnt_work;
	struct rcu_head mnt_rcu;
};
struct mnt_namespace; /* kernel/vfs/mount/mount.h */
struct ns_common;
extern struct rwsem namespace_sem;
/*
 * Calls @fn for each mount of the mount namespace @ns, for /proc/PID/mounts. Without @keep, other
 * tasks may mount and unmount during a long list; the function then returns false, and the caller
 * starts again. With @keep such tasks wait until the list ends.
 */
bool mnt_ns_for_each(
	struct ns_common *ns, bool keep, void (*fn)(struct mount *m, void *arg), void *arg);
/* Returns a counter that changes at each mount and unmount in @ns. */
u64 mnt_ns_event(struct ns_common *ns);
struct wait_queue_head *mnt_ns_queue(struct ns_common *ns); /* woken at each such change */
bool mnt_in_current_ns(const struct mount *m);
extern u32 sysctl_mount_max;           /* mounts in a namespace, at most */
struct mount *mntget(struct mount *m); /* @m may be NULL */
/* True if current is in the kernel's initial mount namespace. */
bool in_first_mnt_ns(void);
/* Drops a reference, and frees the mount if it was the last. @m may be NULL. */
void mntput(struct mount *m);
/*
 * Begins a write. Waits while the file system is frozen, so the caller holds no lock that readers
 * need; a freeze waits until the write ends. Returns 0 or -EROFS. After 0 the caller calls
 * mnt_drop_write().
 */
int mnt_want_write(struct mount *m);
void mnt_drop_write(struct mount *m);
/*
 * Takes write access for as long as a file is open; a freeze does not wait for that. Returns 0 or
 * -EROFS. Neither this function nor mnt_drop_kept() sleeps.
 */
int mnt_keep_write(struct mount *m);
void mnt_drop_kept(struct mount *m);
/*
 * Id-mapped mounts (idmap.h): between mnt_enter() and mnt_leave() the ids of inodes are those seen
 * through @m. mnt_enter() returns the value that mnt_leave() must get. mnt_seen_uid() and
 * mnt_seen_gid() translate an id that the file system stores.
 */
struct user_namespace *mnt_enter(const struct mount *m);
void mnt_leave(struct user_namespace *was);
kuid_t mnt_seen_uid(const struct mount *m, kuid_t kept);
kgid_t mnt_seen_gid(const struct mount *m, kgid_t kept);
/*
 * Makes a private mount of the tree at @path. It is in no namespace and has the id map of the mount
 * of @path. mntput() ends it. Returns ERR_PTR on failure.
 */
struct mount *clone_private_mount(const struct path *path);
int vfs_statfs(const struct path *p, struct kstatfs *st); /* -ENOSYS: no s_op->statfs */
/* True if current's root is not the root of its mount namespace. */
bool current_chrooted(void);
/* Makes an internal mount, which is in no namespace. Returns it with one reference, or ERR_PTR. */
struct mount *kern_mount(struct file_system_type *t);
/* As kern_mount(), and passes @data to t->mount. */
struct mount *kern_mount_data(struct file_system_type *t, void *data);
/*
 * Mounts @dev on the path @dir, for init. @type: name of the file system; @flags: MS_*; @data:
 * options or NULL.
 */
int do_mount(const char *dev, const char *dir, const char *type, u32 flags, void *data);
/*
 * boot.c: mounts the device @dev (a name such as /dev/ubda, or 98:0) as the root, and read-only if
 * the device cannot be written. @types: types to try, NULL: all that need a device. @flags: MS_*.
 * Returns 0; -ENODEV: no such device; -EINVAL: no file system of a known type on it.
 */
int mount_root(const char *dev, const char *types, u32 flags, const char *data);
int mount_devtmpfs(const char *dir);              /* 0 if it is mounted there already */
int set_initial_root(struct file_system_type *t); /* the first mount of all: rootfs */
/*
 * Prints at the end of @buf (of @size bytes) which directory of its file system @m shows. Returns
 * the start of the text, or ERR_PTR.
 */
char *mount_root_name(const struct mount *m, char *buf, size_t size);
/*
 * Prints the line of @m in /proc/PID/mounts, mountinfo or mountstats, as @style says, with paths as
 * seen from @root. Returns bytes, 0 if @m is not visible from there, -ENOMEM, or -ENOSPC if @buf is
 * too small.
 */
int show_mounts_line(struct mount *m, const struct path *root, int style, char *buf,
	size_t size); /* @style 0: mounts, 1: -info, 2: -stats */
/*
 * Prints the value of a mount option for super_operations.show_options(), with blanks, tabs, line
 * feeds, commas and backslashes as octal escapes. Returns the number of bytes.
 */
int show_option_value(char *buf, size_t size, const char *value);

/* libfs.c: operations of file systems without a disk */
int simple_statfs(struct dentry *d, struct kstatfs *st);
int generic_delete_inode(struct inode *inode); /* for drop_inode: frees it */

/*
 * Returns the namespace that an inode of nsfs names, without a reference. NULL for inodes of other
 * file systems.
 */
static inline struct ns_common *inode_ns(const struct inode *inode)
{
	const struct super_operations *op = inode->i_sb->s_op;

	return op && op->inode_ns ? op->inode_ns(inode) : NULL;
}

/* Notifies a read-only file system of a write that was refused. May sleep. */
static inline void notify_write_refused(struct inode *inode)
{
	const struct super_operations *op = inode->i_sb->s_op;

	if (op && op->write_refused)
		op->write_refused(inode);
}

#endif
