/* SPDX-License-Identifier: MIT */
/*
 * super.h: superblocks, the types of file systems that make them, and the mounts through which they
 * are seen.
 *
 * A file system fills a struct file_system_type and calls register_filesystem(). Its mount
 * operation finds or builds a super_block by one of the mount_*() helpers, whose fill sets s_op and
 * s_root. kill_sb takes it down when the last reference, s_active, goes.
 *
 * Locks: s_umount (mounting, remounting, taking down), namespace_sem (the tree of mounts), and the
 * locks of each structure.
 */
#ifndef NESTLING_VFS_SUPER_H
#define NESTLING_VFS_SUPER_H

#include "kernel/vfs/vfs.h"

/* ---- superblocks ---- */
struct kstatfs {
	s64 f_type, f_bsize;
	u64 f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	u64 f_fsid;
	s64 f_namelen, f_frsize, f_flags;
};

/* s_flags: as mount(2)'s MS_* */
#define SB_RDONLY 1
#define SB_NOSUID 2
#define SB_NODEV 4
#define SB_NOEXEC 8
#define SB_SYNCHRONOUS 16
#define SB_NOATIME 1024
#define SB_ACTIVE (1 << 30)

struct super_operations {
	struct inode *(*alloc_inode)(struct super_block *sb); /* NULL op: plain struct inode */
	void (*free_inode)(struct inode *inode);
	int (*write_inode)(struct inode *inode, bool sync);
	void (*dirty_inode)(
		struct inode *inode, u32 flags); /* mark_inode_dirty notifies the journal */
	/* 1: do not keep it when unused; NULL op: nlink == 0 */
	int (*drop_inode)(struct inode *inode);
	/* ends an inode: truncate_inode_pages, delete when nlink == 0, clear_inode */
	void (*evict_inode)(struct inode *inode);
	void (*put_super)(struct super_block *sb);
	/*
	 * Returns the namespace of an inode of nsfs, without a reference, or NULL. NULL op: NULL.
	 */
	struct ns_common *(*inode_ns)(const struct inode *inode);
	int (*sync_fs)(struct super_block *sb, bool wait);
	int (*freeze_fs)(struct super_block *sb);
	int (*unfreeze_fs)(struct super_block *sb);
	int (*statfs)(struct dentry *d, struct kstatfs *st);
	void (*umount_begin)(struct super_block *sb); /* umount -f: fail waiting requests */
	int (*remount)(struct super_block *sb, u32 *flags, char *data);
	/* Called when a write was refused with EROFS. May sleep; may be NULL. */
	void (*write_refused)(struct inode *inode);
	int (*show_options)(
		struct super_block *sb, char *buf, size_t size); /* ",opt=..." ; bytes */
	/*
	 * Prints how @root appears in a list of mounts, at the end of buf; ERR_PTR. NULL op: its
	 * path.
	 */
	char *(*show_root)(struct dentry *root, char *buf, size_t size);
	/*
	 * Finds the inode of a file handle by number and generation: a reference; ERR_PTR(-ESTALE).
	 * NULL op: there are none.
	 */
	struct inode *(*handle_inode)(struct super_block *sb, u64 ino, u32 generation);
	struct inode *(*parent_inode)(struct inode *dir); /* a reference, ERR_PTR */
	/* inode numbers are unique, and an inode is in the hash from its first handle on */
	bool handle_hashes;
	/* handles are the number alone, all 64 bits, and of kernfs's type */
	bool handle_is_number;
};
struct super_block {
	struct list_head s_list;
	dev_t s_dev;
	u32 s_blocksize, s_blocksize_bits;
	loff_t s_maxbytes;
	struct file_system_type *s_type;
	const struct super_operations *s_op;
	const struct dentry_operations *s_d_op; /* default d_op of its dentries */
	u32 s_flags;
	u64 s_magic;
	struct dentry *s_root;
	struct rwsem s_umount;
	struct mutex s_rename_mutex;
	/* number of walks that hold it, and of mounts that wait for its end; under sb_lock */
	u32 s_looks;
	/* the superblock is complete: until then walks skip it, however long that takes */
	bool s_born;
	/* dead, and freed by the last walk that holds it; under sb_lock */
	bool s_gone;
	atomic_t s_active;
	struct block_device *s_bdev;
	/* s_bdev is open for writing; under s_umount */
	bool s_bdev_write;
	void *s_fs_info;
	u32 s_time_gran;
	s64 s_time_min, s_time_max;
	char s_id[32];
	char s_subtype[32]; /* ".sshfs" of "fuse.sshfs" */
	u8 s_uuid[16];
	/* STATX_ATTR_*: which of them its files can have, of any type */
	u64 s_stat_attrs;
	u64 s_fsid;
	spinlock_t s_inode_list_lock;
	struct list_head s_ruled; /* landlock.c's objects, under its lock */
	struct list_head s_inodes;
	spinlock_t s_inode_wblist_lock;
	struct list_head s_dirty;   /* inodes by dirtied_when */
	struct list_head s_syncing; /* inodes being written, by start time */
	struct backing_dev *s_bdi;  /* of s_bdev's disk, else default_bdi */
	/* the newest error of writeback of any of its files ... */
	int s_wb_err;
	u32 s_wb_err_seq; /* ... how many there were: atomic */
	/* ... and its number up to which a syncfs has returned errors */
	u32 s_wb_err_seen;
	int s_iflags;
#define SB_I_NODEV 1 /* device nodes do not open */
#define SB_I_NOEXEC 2
#define SB_I_NOUSER 4   /* internal: cannot be mounted by anyone */
#define SB_I_POSIXACL 8 /* keeps access control lists: acl.h */
	/* lookup() is called with the directory's i_rwsem held for reading: lookup.c */
	bool s_shared_lookup;
	/* its owner, a reference; set by its mount */
	struct user_namespace *s_user_ns;
	/* atomic: a remount makes it read-only, and no write begins any more */
	bool s_going_ro;
	atomic64_t s_writers;
	/*
	 * FREEZE_* of the holders: nothing is written until all have thawed it; set under s_umount
	 */
	u32 s_frozen;
#define FREEZE_USER 1     /* FIFREEZE */
#define FREEZE_SNAPSHOT 2 /* the management console's "snapshot" */
	/* direct writes under way, past the page cache and the journal */
	atomic_t s_direct_writes;
	/* no direct write may begin: it is frozen, or about to be; as s_frozen */
	bool s_direct_stopped;
	/* changes of names and inodes under way: mnt_want_write() */
	atomic_t s_changes;
	bool s_changes_stopped; /* as s_direct_stopped */
	struct rcu_head s_rcu;
};
/*
 * Enclose a write that bypasses page cache and journal. The first waits while the file system is
 * frozen, and is called without a lock; the second may be called anywhere.
 */
void sb_start_direct_write(struct super_block *sb);
void sb_end_direct_write(struct super_block *sb);
/* Begins a change of names and inodes; mnt_want_write() calls it. */
void sb_start_change(struct super_block *sb);
void sb_end_change(struct super_block *sb);
void deactivate_super(struct super_block *sb); /* drops a count of s_active */
/*
 * Adds @ns to the times of all inodes of file systems that are on no disk. The machine is stopped
 * (kernel/state).
 */
void supers_shift_times(u64 ns);
struct file_system_type {
	const char *name;
	int fs_flags;
#define FS_REQUIRES_DEV 1
#define FS_HAS_SUBTYPE 4 /* "type.more" */
#define FS_USERNS_MOUNT 8
/*
 * like proc and sysfs: a new mount requires another one that is wholly visible,
 * mount_too_revealing()
 */
#define FS_USERNS_VISIBLE 32
#define FS_ALLOW_IDMAP 64 /* its mounts may be id-mapped: idmap.h */
/* quotactl() finds quotas switched off */
#define FS_QUOTA 16
	/* its parameters for fsconfig(2) (fsparam.h); NULL: they are checked when it is mounted */
	const struct fs_param *params;
	/*
	 * FS_USERNS_MOUNT: returns the user namespace over which the mounter needs rights, if not
	 * its own
	 */
	struct user_namespace *(*owner)(void);
	/* FS_USERNS_VISIBLE: true if that folder is empty. It may be covered then. */
	bool (*is_bare)(const struct inode *dir);
	/*
	 * Returns the root dentry with a reference (of a new or an existing superblock, s_umount
	 * held for writing and s_active taken), or ERR_PTR. @dev: source text.
	 */
	struct dentry *(*mount)(struct file_system_type *t, u32 flags, const char *dev, char *data);
	/* undoes mount, ending in generic_shutdown_super() */
	void (*kill_sb)(struct super_block *sb);
	struct list_head list;
};
int register_filesystem(struct file_system_type *t);
struct file_system_type *get_fs_type(const char *name);
int filesystems_line(int i, char *buf, size_t size); /* /proc/filesystems; 0 past the end */
/* Calls @fn for the superblocks of a backing device, s_umount held for reading. */
void for_each_super_of(
	struct backing_dev *b, void (*fn)(struct super_block *sb, void *arg), void *arg);
/* Starts the thread that writes to the device, where there is none yet: 0 or -ENOMEM. */
int writeback_start(struct backing_dev *b);
/* automount.c: questions of file systems with automounts */
bool follow_up(struct path *p); /* to the mountpoint; false at the top */
bool path_is_mountpoint(const struct path *p);
bool path_mounted_on(
	const struct path *p, struct path *on); /* true: a mount; its root with a reference */
bool path_has_submounts(const struct path *p);  /* on or below it, within its mount */
/* True if files of mounts on or below it are in use. */
bool path_mounts_busy(const struct path *p);
/* True if the mount or a mount below it is in use, besides @mine references. */
bool mnt_tree_busy(struct mount *m, int mine);
/* True if nothing is mounted on it and it is not in use. */
bool mnt_may_umount(struct mount *m, int mine);
/* Helpers for mount operations: fill(sb, data, silent) builds a new superblock. */
struct dentry *mount_bdev(struct file_system_type *t, u32 flags, const char *dev, void *data,
	int (*fill)(struct super_block *sb, void *data, bool silent));
struct dentry *mount_nodev(struct file_system_type *t, u32 flags, void *data,
	int (*fill)(struct super_block *sb, void *data, bool silent));
struct dentry *mount_single(struct file_system_type *t, u32 flags, void *data,
	int (*fill)(struct super_block *sb, void *data, bool silent));
struct dentry *bdev_mount(struct file_system_type *t, u32 flags, struct block_device *b, void *data,
	int (*fill)(struct super_block *sb, void *data, bool silent));
void kill_block_super(struct super_block *sb);
void kill_anon_super(struct super_block *sb);
/*
 * Starts the writeback of everything that is dirty; @sync: and waits for it. The caller holds no
 * inode's I_SYNC.
 */
void writeback_sb(struct super_block *sb, bool sync);
void evict_inodes(struct super_block *sb); /* evicts all unused inodes */
/*
 * Waits, at unmounting, for inodes that are just being released. Returns false after a time limit.
 */
bool wait_for_inodes(struct super_block *sb);
/* Drops dentries, writes back, evicts inodes and calls put_super. */
void generic_shutdown_super(struct super_block *sb);
/*
 * Freeze and thaw a file system (FIFREEZE, FITHAW): frozen, its disk is consistent and does not
 * change. 0, -EBUSY (it is frozen), -EINVAL (it is not), -EOPNOTSUPP.
 */
int freeze_super(struct super_block *sb);
int thaw_super(struct super_block *sb);
/*
 * Freezes, for a snapshot, all file systems that lie on block devices, the youngest first, since it
 * may lie in a file of an older one. Those that cannot be frozen are written out. On -errno,
 * @failed of @size bytes is the device of the file system that could not be frozen, and the others
 * stay frozen.
 */
int freeze_for_snapshot(char *failed, size_t size);
/*
 * True if every file system that can be frozen is frozen by freeze_for_snapshot(). A file system
 * that was mounted since is not frozen, nor one that is being unmounted, for which the next freeze
 * waits.
 */
bool frozen_for_snapshot(void);
void thaw_after_snapshot(void);
/*
 * Calls @fn for each file system on a block device, with its device, its type, and its state in a
 * snapshot taken now. Does not wait.
 */
enum super_rest { SUPER_READ_ONLY, SUPER_FROZEN, SUPER_SYNCED };
void snapshot_supers(
	void (*fn)(const char *dev, const char *type, enum super_rest rest, void *arg), void *arg);
int sync_filesystem(struct super_block *sb, bool wait);
void sync_all(void);
/* Thaws all file systems, however they were frozen, and disks that are held. */
void thaw_all(void);
/*
 * Writes everything before power-off and marks every disk as clean; file systems are read-only
 * afterwards.
 */
void sync_and_quiesce_all(void);
void sb_error_remount_ro(struct super_block *sb);

/* ---- mounts ---- */
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	/* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_RELATIME ... */
	u32 mnt_flags;
	atomic_t mnt_count;
	struct list_head mnt_child, mnt_mounts; /* tree; under the namespace sem */
	struct hlist_node mnt_hash, mnt_on;     /* by (parent, mountpoint); by mountpoint */
	struct rb_node mnt_node;                /* of the namespace, by mnt_id_unique */
	/* link in lists of copies that are to be attached, or of mounts that go */
	struct list_head mnt_list;
	struct mnt_namespace *mnt_ns;
	char *mnt_devname;
	int mnt_id;
	u64 mnt_id_unique; /* never used again */
	int mnt_group_id;
	u32 mnt_expiry;
	struct list_head mnt_share, mnt_slave_list, mnt_slave;
	struct list_head mnt_going; /* while an umount propagates */
	struct mount *mnt_master;
	/* mnt_want_write; against a remount to read-only */
	atomic_t mnt_writers;
	struct user_namespace *mnt_idmap; /* a reference, set once: idmap.h */
	/* MNT_*, vfs/internal.h; under namespace_sem */
	u32 mnt_state;
	/* after umount: where it was, until the references are dropped */
	struct path mnt_dead_at;
	/* once the last reference is gone: mntput_later() */
	struct task_work mnt_work;
	struct rcu_head mnt_rcu;
};
struct mnt_namespace; /* kernel/vfs/mount/mount.h */
struct ns_common;
extern struct rwsem namespace_sem;
/*
 * Calls @fn for each mount of the namespace that contains @ns, for /proc/PID/mounts. In a long tree
 * other tasks may mount and unmount in between. Returns false if they did, and the caller starts
 * again. With @keep they wait.
 */
bool mnt_ns_for_each(
	struct ns_common *ns, bool keep, void (*fn)(struct mount *m, void *arg), void *arg);
u64 mnt_ns_event(struct ns_common *ns); /* changes with every mount and umount */
struct wait_queue_head *mnt_ns_queue(struct ns_common *ns);
bool mnt_in_current_ns(const struct mount *m);
extern u32 sysctl_mount_max;
struct mount *mntget(struct mount *m);
/* True if current is in the mount namespace that the kernel began with. */
bool in_first_mnt_ns(void);
void mntput(struct mount *m);
/*
 * Begins a write. It waits while the file system is frozen, and a freeze waits for its end. 0 or
 * -EROFS.
 */
int mnt_want_write(struct mount *m);
void mnt_drop_write(struct mount *m);
/* Takes write access for as long as a file is open; no freeze waits for it. */
int mnt_keep_write(struct mount *m);
void mnt_drop_kept(struct mount *m);
/*
 * Id-mapped mounts (idmap.h): between mnt_enter() and mnt_leave(), ids of inodes are those seen
 * through @m. mnt_seen_uid() and mnt_seen_gid() translate a stored id.
 */
struct user_namespace *mnt_enter(const struct mount *m);
void mnt_leave(struct user_namespace *was);
kuid_t mnt_seen_uid(const struct mount *m, kuid_t kept);
kgid_t mnt_seen_gid(const struct mount *m, kgid_t kept);
/*
 * Makes a private mount of the tree at @path, in no namespace and id-mapped like it; mntput() ends
 * it. ERR_PTR.
 */
struct mount *clone_private_mount(const struct path *path);
int vfs_statfs(const struct path *p, struct kstatfs *st);
/* True if current's root is not that of its mount namespace. */
bool current_chrooted(void);
struct mount *kern_mount(struct file_system_type *t); /* internal, not in any namespace */
struct mount *kern_mount_data(struct file_system_type *t, void *data); /* @data for t->mount */
/* Mounts on a path, for init; 0 or -errno. */
int do_mount(const char *dev, const char *dir, const char *type, u32 flags, void *data);
/*
 * init.c: makes @dev (a name such as /dev/ubda or 98:0) the root, with the given type (NULL: tries
 * all that need a device). 0; -ENODEV: no such device; -EINVAL: no file system of a known type on
 * it.
 */
int mount_root(const char *dev, const char *types, u32 flags, const char *data);
int mount_devtmpfs(const char *dir);
int set_initial_root(struct file_system_type *t); /* rootfs, before anything else is mounted */
/* Prints which part of its file system @m shows, at the end of buf; ERR_PTR. */
char *mount_root_name(const struct mount *m, char *buf, size_t size);
int show_mounts_line(struct mount *m, const struct path *root, int style, char *buf,
	size_t size); /* 0 mounts, 1 mountinfo, 2 mountstats */

/* libfs.c: operations of file systems without a disk */
int simple_statfs(struct dentry *d, struct kstatfs *st);
int generic_delete_inode(struct inode *inode); /* drop_inode: never kept */

/*
 * Returns the namespace of an inode of nsfs, without a reference; NULL for inodes of other file
 * systems.
 */
static inline struct ns_common *inode_ns(const struct inode *inode)
{
	const struct super_operations *op = inode->i_sb->s_op;

	return op && op->inode_ns ? op->inode_ns(inode) : NULL;
}

/* Tells a read-only file system that a write was refused. May sleep. */
static inline void tell_write_refused(struct inode *inode)
{
	const struct super_operations *op = inode->i_sb->s_op;

	if (op && op->write_refused)
		op->write_refused(inode);
}

#endif
