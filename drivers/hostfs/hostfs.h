/* SPDX-License-Identifier: MIT */
/*
 * hostfs.h: declarations shared by the files of hostfs's kernel half, which mounts folders of the
 * host as file systems of the guest.
 *
 *      super.c    parameters, mounting, options
 *      inode.c    identity, attributes, how long they are valid
 *      dir.c      names
 *      readdir.c  listings
 *      file.c     open files, writing
 *      pages.c    the page cache, requests to workers
 *      kept.c     files that stay open for the next reader
 *      devs.c     the host's other file systems, for sync(2)
 *      open.c     open files of the host, by number
 *      restore.c  folders, nodes and files of a restored instance
 *      audit.c    lines of the audit
 *
 * What is cached and for how long (cache=):
 *      a name          until the ktime in its dentry's d_fsdata; then one lookup on the host shows
 *                      whether it still means this inode
 *      attributes      until hostfs_inode.until; each such lookup renews them
 *      data, listings  while mtime, ctime and size are unchanged; an open reads these again
 * Writes go through to the host at once; shared mappings dirty pages, which are written back.
 *
 * A change of a file (write, truncate, writeback) is framed by hostfs_change_begin() and
 * hostfs_change_end(): attributes that another task reads from the host in between may be stale,
 * and are dropped.
 *
 * Locks: i_rwsem (size, and writes) -> hostfs_inode.open_lock (opening and closing the host's file)
 * -> hostfs_inode.lock (spin: the rest). Functions that return int return 0 or -errno.
 */
#ifndef NESTLING_HOSTFS_H
#define NESTLING_HOSTFS_H

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/stat.h>

#include "arch/um/machine/arch.h"
#include "drivers/hostfs/hostfs_host.h"
#include "kernel/task/audit/line.h"
#include "kernel/lib/lost.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/super.h"

#define HOSTFS_MAGIC 0x00c0ffee
#define HOSTFS_FOREVER (~0UL)
/* Number of files of the host that stay open for the next reader, for each mount. */
#define HOSTFS_KEPT 32
#define HOSTFS_RUN 128 /* maximum pages of a request */

struct hostfs_share {
	const char *dir; /* on the host; NULL: none */
	/* The only name in @dir that guests may use, or NULL. */
	const char *only;
	/* ro: guests may not write. append: guests may only append to files. */
	bool ro, append;
};
struct hostfs_sb {
	struct super_block *sb;
	struct list_head list; /* entry in hostfs_sbs */
	const struct hostfs_share *share;
	int root;  /* the node of the root */
	char *dir; /* as mounted, for show_options */
	/* The shared folder of the host, for messages. */
	const char *folder;
	/*
	 * Time in ns for which names and attributes are valid; 0: never valid; or HOSTFS_FOREVER.
	 */
	u64 interval;
	/* True if ids are stored on the host as they are, since this process may change owners. */
	bool real_ids;
	/* True if set-id bits of files are shown and stored. */
	bool setid;
	bool append; /* files only grow */
	/* The user shared the folder read-only: it cannot be remounted for writing. */
	bool fixed_ro;
	u32 host_uid, host_gid; /* ids of this process on the host */
	/* Without real_ids: the owner, in the guest, of the user's own files. */
	kuid_t uid;
	kgid_t gid;
	u64 root_dev;
	/* devs.c: a folder of each other device, a reference, by next_dev; under @lock. */
	struct hostfs_inode *devs;
	spinlock_t lock;
	/*
	 * A created file, which stays open on the host for the guest's open that follows; a
	 * reference, under lock.
	 */
	struct inode *created;
	struct inode *kept[HOSTFS_KEPT]; /* kept.c; references, under lock */
	u32 next_kept;                   /* under lock */
	/* Counter of changes by this guest, for hostfs_inode.changed; under lock. */
	u64 changes;
};

/* An open file of the host. */
struct hostfs_inode;
struct hostfs_file {
	struct list_head list; /* entry in hostfs_files (open.c) */
	atomic_t refs;
	/* Its number in hostfs_host.h; 0: the file is gone, after a restore. */
	int host;
	u32 how; /* HOSTFS_READ, HOSTFS_WRITE; 0: a folder */
	/* The inode that uses it. NULL: a folder, or not set yet. */
	struct hostfs_inode *owner;
};

struct hostfs_listing;
struct hostfs_inode {
	struct inode vfs;
	/*
	 * The node's number in hostfs_host.h, immutable after I_NEW; 0: the object is gone, after a
	 * restore.
	 */
	int node;
	/*
	 * The host's inode and device number. Immutable, like type and btime, but @dev may change
	 * at a restore.
	 */
	u64 ino, dev;
	struct hostfs_inode *next_dev; /* in hostfs_sb.devs */
	struct mutex open_lock;
	u32 users; /* open files; under open_lock */
	/* No file of the guest is open, and rfile is kept for the next open; under open_lock. */
	bool idle;
	bool kept;                    /* in hostfs_sb.kept; under its lock */
	struct timespec64 idle_ctime; /* with idle: the inode's ctime */
	spinlock_t lock;
	/* The members below are under @lock; the files are set under open_lock too. */
	/*
	 * The host's files for reading and for writing. Each is a reference; both may be one file.
	 */
	struct hostfs_file *rfile, *wfile;
	struct hostfs_file *lfile; /* that of the two which holds all locks */
	bool wreads;               /* wfile can also be read */
	/* ktime until which the attributes are valid; also read without the lock */
	u64 until;
	/* The 12 mode bits that the guest sees, as of the last read from the host. */
	umode_t mode;
	/* A process of the host has changed the data: cached pages must be dropped. */
	bool stale;
	/* The guest has changed the object's ctime, to a value not read yet. */
	bool renamed;
	/* The last change is so recent that another one may leave equal times. */
	bool racy;
	/* The node's name was removed, and hostfs_host_keep() keeps its descriptor open; atomic. */
	bool nameless;
	/* Number of changes between hostfs_change_begin() and hostfs_change_end(). */
	u32 changing;
	/* Value of hostfs_sb.changes at the last change by this guest. */
	u64 changed;
	/* A folder's cached listing (readdir.c), a reference, or NULL. */
	struct hostfs_listing *list;
};

static inline struct hostfs_inode *HOSTFS_I(const struct inode *inode)
{
	return container_of((struct inode *)inode, struct hostfs_inode, vfs);
}
static inline struct hostfs_sb *hostfs_sb_of(const struct inode *inode)
{
	return inode->i_sb->s_fs_info;
}

/* super.c */
extern struct kmem_cache *hostfs_inode_cache;
extern struct list_head hostfs_sbs; /* under hostfs_sbs_lock */
extern spinlock_t hostfs_sbs_lock;

/* inode.c */
/* Returns until when (ktime_get()) names and attributes read now are valid, 0 or HOSTFS_FOREVER. */
u64 hostfs_until(const struct hostfs_sb *hs);
/*
 * Returns a sample to be taken before attributes are read from the host, for hostfs_iget() and
 * hostfs_take_attr().
 */
u64 hostfs_sample(struct hostfs_sb *hs);
/* Returns the guest's inode number of an object, which is no proof of identity (hostfs_same()). */
u64 hostfs_number(const struct hostfs_sb *hs, u64 dev, u64 ino);
/*
 * Returns the inode for the host's object @name in @dir, with a reference, or ERR_PTR. With @dir 0
 * it is the object of @node, whose reference is consumed, also on failure. Applies the attributes
 * @a if this guest has changed nothing since @sample. May sleep.
 */
struct inode *hostfs_iget(struct super_block *sb, int dir, const char *name, int node,
	const struct hostfs_attr *a, u64 sample);
/*
 * Records that the inode's object was found as @name in the folder of node @dir, by which the node
 * is opened from now on.
 */
void hostfs_found_as(struct inode *inode, int dir, const char *name);
/* True if @a are the attributes of the inode's object. */
bool hostfs_same(const struct inode *inode, const struct hostfs_attr *a);
/* Applies @a unless the inode was changed by this guest since @sample. Takes hostfs_inode.lock. */
void hostfs_take_attr(struct inode *inode, const struct hostfs_attr *a, u64 sample);
/*
 * Reads the attributes from the host and applies them. Never sleeps. -ESTALE: the object has lost
 * its name, and is not open.
 */
int hostfs_refresh(struct inode *inode);
/* Does as hostfs_refresh(), if the attributes have expired. */
int hostfs_revalidate(struct inode *inode);
/* Makes the attributes expire now. */
void hostfs_forget_attr(struct inode *inode);
/* Writes back and drops cached pages if a process of the host has changed the data; may sleep. */
int hostfs_check_data(struct inode *inode);
/* Begins a change of the object by this guest; hostfs_change_end() follows. */
void hostfs_change_begin(struct inode *inode);
/*
 * Ends a change. @a: the host's present attributes, or NULL. @size: also sets the inode's size
 * (i_rwsem is held).
 */
void hostfs_change_end(struct inode *inode, const struct hostfs_attr *a, bool size);
int hostfs_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags);
int hostfs_setattr(struct dentry *d, struct iattr *attr);
ssize_t hostfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int hostfs_setxattr(
	struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t hostfs_listxattr(struct inode *inode, char *buf, size_t size);
/* The five functions above are inode_operations, with the contracts of kernel/vfs. */
#define HOSTFS_COMMON_OPS                                                                          \
	.getattr = hostfs_getattr, .getattr_plain = true, .setattr = hostfs_setattr,               \
	.getxattr = hostfs_getxattr, .setxattr = hostfs_setxattr, .listxattr = hostfs_listxattr

/* dir.c */
extern const struct inode_operations hostfs_dir_iops, hostfs_link_iops, hostfs_file_iops;
extern const struct dentry_operations hostfs_dops;

/* readdir.c */
extern const struct file_operations hostfs_dir_fops;
/* Drops a reference. @l may be NULL. */
void hostfs_listing_put(struct hostfs_listing *l);

/*
 * open.c: opens files of the host, each returned with a reference, or ERR_PTR. @how is HOSTFS_READ
 * | HOSTFS_WRITE; @a is set to the attributes of a new file, *node to its node. The calls of the
 * host are made on the vCPU. May sleep for memory.
 */
extern struct list_head hostfs_files; /* used while the machine is stopped */
struct hostfs_file *hostfs_open_data(int node, u32 how);
struct hostfs_file *hostfs_open_dir(int node);
struct hostfs_file *hostfs_create_file(
	int dir, const char *name, const struct hostfs_new *new, struct hostfs_attr *a);
struct hostfs_file *hostfs_create_tmpfile(
	int dir, const struct hostfs_new *new, int *node, struct hostfs_attr *a);
void hostfs_file_get(struct hostfs_file *f);
void hostfs_file_put(struct hostfs_file *f); /* the last put closes the host's file */

/*
 * restore.c: how often this instance was restored. Nodes from before a restore that have no inode
 * are gone.
 */
extern u32 hostfs_restores;

/* file.c */
extern const struct file_operations hostfs_file_fops;
/*
 * Keeps a created file open for the open that follows. Consumes the reference @f. Takes open_lock.
 */
void hostfs_adopt_file(struct inode *inode, struct hostfs_file *f);
/* Closes such a file unless it is in use, and drops the reference to @inode. Takes open_lock. */
void hostfs_drop_created(struct inode *inode);
/* Closes the host's files. Called at the guest's last close, with open_lock held. */
void hostfs_close_files(struct inode *inode);
/* Return the host's file for reading or for writing, with a reference, or NULL. Take hi->lock. */
struct hostfs_file *hostfs_reader(struct hostfs_inode *hi);
struct hostfs_file *hostfs_writer(struct hostfs_inode *hi);

/* kept.c */
/*
 * Called with open_lock held when the last user has gone: closes the files, or keeps them open.
 * Returns another inode, to be passed to hostfs_close_idle() after the unlock, or NULL.
 */
struct inode *hostfs_keep(struct inode *inode);
/*
 * Called before an open, with open_lock held: closes a kept file if the inode's ctime has changed
 * since, so that the host checks the permission again.
 */
void hostfs_take_kept(struct inode *inode);
/*
 * Close files that are only kept for the next open. Called without open_lock. May sleep.
 * hostfs_close_idle() consumes the reference to @inode.
 */
void hostfs_close_idle(struct inode *inode);
/* Drops the kept files of @which, or with NULL all of the mount. */
void hostfs_drop_kept(struct hostfs_sb *hs, const struct inode *which);

/* devs.c */
/*
 * Remembers a folder for hostfs_sync_devs() if it is the first one of its device. @mount: it is the
 * root of a mount of the host, and takes the place of an earlier folder. May sleep.
 */
void hostfs_note_dev(struct inode *inode, bool mount);
/* Writes back the host's file systems that the guest has met below the root's. */
int hostfs_sync_devs(struct hostfs_sb *hs);
/* Forgets all folders, at the end of the mount. */
void hostfs_drop_devs(struct hostfs_sb *hs);

/* audit.c */
void hostfs_audit_slow(const char *event, struct dentry *d, struct dentry *to);
/* Logs that the guest has done @event to @d. @to: the new name of a rename, else NULL. */
static inline void hostfs_audit(const char *event, struct dentry *d, struct dentry *to)
{
	if (audit_on())
		hostfs_audit_slow(event, d, to);
}
/* Logs that the guest was refused to write to a read-only share. */
void hostfs_write_refused(struct inode *inode);

/* pages.c */
extern const struct address_space_operations hostfs_aops;
int hostfs_requests_init(void);  /* at boot */
int hostfs_requests_again(void); /* after a restore */
bool hostfs_requests_none(void); /* true if no worker has a request */
/*
 * Gives a request HOSTFS_OP_* other than READ to a worker, sleeps until it is done, and returns its
 * result, 0 or -errno. Uses the caller's references to the file or node. @off and @len are bytes.
 */
s64 hostfs_ask(u32 op, struct hostfs_file *f, int node, s32 mode, s64 off, s64 len);
/*
 * Zeroes the part of the last page that is behind the end of the file, before the file grows. Locks
 * the page. i_rwsem is held.
 */
void hostfs_clean_tail(struct inode *inode);

#endif
