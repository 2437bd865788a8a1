/* SPDX-License-Identifier: MIT */
/*
 * inode.h: a file of a file system, apart from its names (name/dentry.h) and from the open files
 * that lead to it (file/file.h).
 *
 * A file system gets an inode by iget_locked(), which finds it or makes a new one with I_NEW; or by
 * new_inode() and insert_inode_locked(). It fills in the new inode, mainly i_op and i_fop, and
 * calls unlock_new_inode(). ihold() and iput() count references. After the last iput() an inode
 * that still has a name stays cached; otherwise s_op->evict_inode frees its content.
 *
 * Locks: kernel/lib/lock_order. Operations on a directory run with its i_rwsem held for writing,
 * lookup with it held for reading or writing. The members of struct inode are grouped by lock.
 */
#ifndef NESTLING_VFS_INODE_H
#define NESTLING_VFS_INODE_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"
#include "kernel/vfs/attr.h"

struct block_device;
struct dentry;
struct dnotify;
struct file;
struct file_operations;
struct lease;
struct path;
struct posix_acl;
struct simple_dir;
struct super_block;

/* Bits of i_state, under i_lock. */
#define I_NEW 0x1            /* being filled in; lookups wait */
#define I_DIRTY_SYNC 0x2     /* times and other attributes */
#define I_DIRTY_DATASYNC 0x4 /* attributes that fdatasync writes: size */
#define I_DIRTY_PAGES 0x8
#define I_DIRTY (I_DIRTY_SYNC | I_DIRTY_DATASYNC | I_DIRTY_PAGES)
#define I_FREEING 0x10  /* being evicted: igrab() fails */
#define I_SYNC 0x20     /* being written back by one task */
#define I_LINKABLE 0x40 /* of O_TMPFILE: may get its first name */
/* The file system itself has a reference to the inode until put_super. */
#define I_OWN 0x80

/* Bits of i_flags. */
#define S_IMMUTABLE 0x1
#define S_APPEND 0x2
#define S_NOATIME 0x4
#define S_SYNC 0x8       /* writes are on the disk on return */
#define S_DEAD 0x10      /* a removed directory */
#define S_PRIVATE 0x20   /* exempt from Landlock; set nowhere */
#define S_DIRSYNC 0x40   /* the same for changes of names */
#define S_SWAPFILE 0x100 /* a swap area: cannot be changed */
/* Cache of a check: the inode has no set-id bits and no security xattrs that a write must clear. */
#define S_NOSEC 0x80

struct file_extent {
	/* In bytes: the first byte in the file, the length, and the first byte on the device. */
	u64 pos, len, phys;
	u32 flags; /* FILE_EXTENT_* */
};
#define FILE_EXTENT_HOLE 0x1
#define FILE_EXTENT_UNWRITTEN 0x2 /* allocated, reads as zeros */
#define FILE_EXTENT_INLINE 0x8    /* within a block that holds other data */
/* The file system reports single blocks instead of extents. FIEMAP joins adjacent ones. */
#define FILE_EXTENT_BLOCKS 0x4

/*
 * The operations of a file system's inodes. They may sleep. Those of type int return 0 or -errno.
 * For a change of names, vfs has checked the permission, and holds i_rwsem for writing: of each
 * directory, though not for tmpfile, and of the inode that gains or loses a name. The file system
 * attaches a new inode to the negative @dentry by d_instantiate() or d_instantiate_new(). vfs moves
 * and unhashes dentries. @mode has been masked by the umask. @excl: open(2) had O_EXCL.
 */
struct inode_operations {
	/*
	 * Attaches the inode to @dentry by d_splice_alias() or d_add(), with a NULL inode if the
	 * name does not exist. Returns NULL, another dentry (with a reference) to use instead, or
	 * ERR_PTR. @flags: LOOKUP_*.
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
	 * Returns the target, NUL-terminated, or ERR_PTR. The caller frees *to_free by kfree(). If
	 * the operation leaves *to_free NULL, the text is valid as long as the inode.
	 */
	const char *(*get_link)(struct dentry *dentry, struct inode *inode, char **to_free);
	/*
	 * Sets *to to the target, with references, for the magic links of /proc, whose target has
	 * no text. NULL for ordinary symlinks.
	 */
	int (*follow_link)(struct dentry *dentry, struct inode *inode, struct path *to);
	int (*permission)(struct inode *inode, int mask); /* MAY_*; NULL: generic_permission */
	/*
	 * Fills *st, which is zeroed. @request: STATX_*; @flags: AT_STATX_*. NULL op:
	 * generic_fillattr().
	 */
	int (*getattr)(const struct path *path, struct kstat *st, u32 request, u32 flags);
	/* getattr does not sleep, so path walks without references may call it. */
	bool getattr_plain;
	/*
	 * Checks and makes the changes in @attr. i_rwsem is held for writing. NULL op: changes the
	 * inode in memory only.
	 */
	int (*setattr)(struct dentry *dentry, struct iattr *attr);
	/*
	 * Extended attributes by full name ("user.x"). @size is in bytes. getxattr and listxattr
	 * return the size or -errno; buf NULL: only the size. listxattr stores names that each end
	 * with a NUL. setxattr runs with i_rwsem held for writing; @flags: XATTR_CREATE or
	 * XATTR_REPLACE; value NULL: removes the attribute.
	 */
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t size);
	int (*setxattr)(
		struct inode *inode, const char *name, const void *value, size_t size, int flags);
	ssize_t (*listxattr)(struct inode *inode, char *buf, size_t size);
	/*
	 * Get and set flags (FS_*_FL of linux/fs.h). set_flags is called with i_rwsem held for
	 * writing, and returns -EOPNOTSUPP for flags that the file system cannot store.
	 */
	int (*get_flags)(struct inode *inode, u32 *flags);
	int (*set_flags)(struct inode *inode, u32 flags);
	/* Finds the extent, or the hole, that contains byte @pos of the file. */
	int (*extent_at)(struct inode *inode, u64 pos, struct file_extent *e);
	/* extent_at serves only FIBMAP: FIEMAP returns -EOPNOTSUPP. */
	bool only_fibmap;
	/*
	 * Finds the bytes of the device that hold the inode's extended attributes. If there are
	 * none, sets FILE_EXTENT_HOLE.
	 */
	int (*xattr_extent)(struct inode *inode, struct file_extent *e);
};
/* Sets those i_flags that vfs itself uses from @flags (FS_*_FL). Called at the end of set_flags. */
void inode_set_flags(struct inode *inode, u32 flags);
/* True if writes of the file must be on the disk on return: chattr +S, or mount -o sync. */
bool inode_is_sync(const struct inode *inode);
/*
 * True if changes of names in the directory must be on the disk on return: inode_is_sync(), chattr
 * +D, or mount -o dirsync.
 */
bool inode_is_dirsync(const struct inode *inode);

struct inode {
	/*
	 * Type, mode and owner. They are set before lookups can find the inode. After that, mode,
	 * owner and flags change under i_rwsem (S_DEAD: or that of the parent), and are read
	 * without a lock. A path walk reads little else, so this group comes first.
	 */
	umode_t i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	u32 i_flags; /* S_* above */
	const struct inode_operations *i_op;
	const struct file_operations *i_fop; /* becomes file->f_op at open */
	struct super_block *i_sb;
	/* Access ACL: NULL (none), a list, or a state in which it is unread (acl.h); atomic. */
	struct posix_acl *i_acl;

	/* Content: the page cache, which has its own locks (kernel/mm/file/address_space.h). */
	struct address_space *i_mapping; /* usually &i_data */
	struct address_space i_data;

	/*
	 * Attributes for stat(2). Written under i_rwsem of the inode; i_nlink also under i_rwsem of
	 * its directories, i_blocks under i_lock. The times are also written without a lock
	 * (attr.c). Read without a lock, the size by i_size_read().
	 */
	ino_t i_ino; /* immutable once hashed */
	u32 i_nlink;
	dev_t i_rdev; /* immutable */
	loff_t i_size;
	struct timespec64 i_atime, i_mtime, i_ctime, i_btime;
	u64 i_blocks;  /* 512-byte units */
	u32 i_blkbits; /* log2 of st_blksize; immutable */
	/*
	 * Distinguishes, in file handles, files that have used the same inode number one after the
	 * other.
	 */
	u32 i_generation;

	/* Locks, and the members that i_lock protects. */
	spinlock_t i_lock;
	struct rwsem i_rwsem;
	u32 i_state; /* I_* */

	/* Counters, all atomic. */
	/* References; goes from 0 to 1 only under i_lock. */
	atomic_t i_count;
	/* Direct transfers in progress, for which inode_dio_wait() waits. */
	atomic_t i_dio_count;
	/* > 0: number of writers; < 0: writing is denied (executing) */
	atomic_t i_writecount;
	/* Number of open files that can only read; for leases. */
	atomic_t i_readcount;

	/* Lists that the inode is on, each with its own lock. */
	struct hlist_node i_hash;   /* inode hash, under its bucket lock */
	struct list_head i_sb_list; /* under s_inode_list_lock */
	/*
	 * Link in its superblock's s_dirty, in the order of dirtied_when, or in s_syncing. This and
	 * dirtied_when are under s_inode_wblist_lock.
	 */
	struct list_head i_dirty_list;
	u64 dirtied_when;          /* ktime_get(), ns */
	struct list_head i_lru;    /* in inode_lru, under inode_lru_lock */
	struct list_head i_dentry; /* aliases (dentry.d_alias), under i_lock */

	/* Members that only some types of files use. */
	/* pipe_inode_info of a FIFO or pipe, under i_lock. */
	void *i_pipe;
	/* For block_device.inode: the device. NULL in nodes of a file system, such as in /dev. */
	struct block_device *i_bdev;
	/* Target of a fast symlink: immutable, valid until i_free. */
	char *i_link;
	/* Entries of a directory of a memory file system, under i_rwsem. */
	struct simple_dir *i_sdir;
	/* ACL that new files in this directory get. It has the states of i_acl; atomic. */
	struct posix_acl *i_default_acl;
	/* F_SEAL_* of a memfd, and SEALS_ALLOWED if it can have seals; under i_rwsem. */
	u32 i_seals;
	/*
	 * Number of swap areas whose slots lie in this file, behind a loop device. Unless it is 0,
	 * the file's blocks must not move. Under i_rwsem.
	 */
	u32 i_pins;
#define SEALS_ALLOWED 0x80000000
	u8 i_write_hint; /* RWH_*, accessed without a lock */

	/* File locks and watchers: NULL or empty for most inodes. */
	struct list_head i_flock;  /* under its bucket's lock (locks.c) */
	struct lease *i_leases;    /* under lease_lock */
	void *i_fsnotify;          /* marks of inotify, under its watch_lock */
	struct dnotify *i_dnotify; /* requests of F_NOTIFY, under dnotify_lock */

	/* Freeing: i_free() runs after an RCU grace period. */
	struct rcu_head i_rcu;
	/* Frees the memory: s_op->free_inode or a generic function; immutable. */
	void (*i_free)(struct inode *inode);

	void *i_private; /* the file system's own data */
};
static inline loff_t i_size_read(const struct inode *i)
{
	return READ_ONCE(i->i_size);
}
static inline void i_size_write(struct inode *i, loff_t size)
{
	WRITE_ONCE(i->i_size, size);
}

/*
 * Returns a new inode with one reference, which has no number and is not in the hash; or NULL if
 * there is no memory. May sleep.
 */
struct inode *new_inode(struct super_block *sb);
/*
 * Finds an inode by its number in the hash, or adds a new one with I_NEW, which the caller fills in
 * before it calls unlock_new_inode(). Returns it with a reference, or ERR_PTR(-ENOMEM). May sleep.
 */
struct inode *iget_locked(struct super_block *sb, ino_t ino);
/*
 * Finds an inode in the hash, and sleeps while it has I_NEW. Returns it with a reference, or NULL
 * if the hash does not contain it.
 */
struct inode *ilookup(struct super_block *sb, ino_t ino);
/*
 * Clears I_NEW and wakes up the lookups that wait for the inode. The reference stays the caller's.
 */
void unlock_new_inode(struct inode *inode);
/* Drops an I_NEW inode that could not be filled in, and removes it from the hash. May sleep. */
void iget_failed(struct inode *inode);
/*
 * Removes an inode from the hash while it is in use, so that lookups by number no longer find it.
 */
void inode_unhash(struct inode *inode);
/*
 * Enters a new inode, whose i_ino is set, into the hash with I_NEW. Returns 0, or -EBUSY if its
 * number is in use. May sleep.
 */
int insert_inode_locked(struct inode *inode);
/*
 * Enters an inode, whose i_ino is set, into the hash while it is in use, so that ilookup() finds it
 * from now on. Does nothing if the inode is in the hash or is being freed. Does not sleep.
 */
void inode_hash_late(struct inode *inode);
/*
 * Sets owner, group and mode of a file that current makes in @dir. @dir NULL: there is no parent,
 * so the group is current's fsgid.
 */
void inode_init_owner(
	struct inode *inode, struct inode *dir, umode_t mode); /* owner as of open(2) */
void ihold(struct inode *inode); /* the caller has a reference already */
/*
 * Drops a reference. The last one may write the inode and evict it, so iput() may sleep. @inode may
 * be NULL.
 */
void iput(struct inode *inode);
/*
 * Drops a reference when the last name or the last open file may be gone. If that was the last use,
 * the inode's blocks have been freed on return, even if its writeback was running. The function
 * does not wait while another file has the inode open. It may sleep, and the caller holds no lock
 * for which a write or a removal could wait. @inode may be NULL.
 */
void iput_removed(struct inode *inode);
/*
 * True if the file was removed during its writeback and the flusher holds the only reference. Its
 * dirty pages are then dropped with the inode, when the flusher drops that reference. With
 * wbc->sync the only reference may belong to the waiting caller, which has the file open.
 */
static inline bool inode_only_flushed(const struct inode *inode)
{
	return !inode->i_nlink && atomic_read(&inode->i_count) == 1;
}
/* Called at the end of evict_inode, when no page is cached any more. */
void clear_inode(struct inode *inode);
/*
 * Mark the inode for writeback after a change in memory. They call s_op->dirty_inode, which may
 * sleep. Nothing happens if the file system has neither write_inode nor writepages.
 */
void mark_inode_dirty(struct inode *inode);      /* I_DIRTY_SYNC and I_DIRTY_DATASYNC */
void mark_inode_dirty_sync(struct inode *inode); /* I_DIRTY_SYNC: times only */
/*
 * Change i_nlink in memory only, under the locks of that member. The caller marks the inode dirty.
 */
void inc_nlink(struct inode *inode);
void drop_nlink(struct inode *inode);
void clear_nlink(struct inode *inode);
void set_nlink(struct inode *inode, u32 n);
/* Sets i_mode, i_rdev and i_fop of a new device, FIFO or socket. */
void init_special_inode(struct inode *inode, umode_t mode, dev_t rdev);
/* Adds @n bytes, a multiple of 512, perhaps negative, to i_blocks. Takes i_lock. */
void inode_add_bytes(struct inode *inode, s64 n);

#endif
