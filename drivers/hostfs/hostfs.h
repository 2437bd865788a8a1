/* SPDX-License-Identifier: MIT */
/*
 * hostfs.h: between the files of hostfs's kernel half: folders of the host as file systems of the guest.
 *
 *	super.c   parameters, mounting, options        inode.c   identity, attributes, what is still true
 *	dir.c     names                                readdir.c listings
 *	file.c    open files, writing                  pages.c   the page cache, requests to workers
 *
 * What is cached and for how long (cache=):
 *	a name         until the ktime in its dentry's d_fsdata; then one lookup on the host says whether it still means the same inode
 *	attributes     until hostfs_inode.until, and they come with each such lookup
 *	data, listings as long as mtime, ctime and size are what they were; opening asks the host anew
 * Writes go through to the host at once; shared mappings dirty pages, which are written back.
 *
 * Who changes a file (write, truncate, write-back) calls hostfs_change_begin() and _end(): attributes that somebody else asked the host
 * for in between say nothing about now, and are not taken.
 *
 * Locks: i_rwsem (size, and writes) -> hostfs_inode.open_lock (opening and closing the host's file) -> hostfs_inode.lock (spin: the rest).
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
#include "kernel/lib/lost.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/super.h"

#define HOSTFS_MAGIC 0x00c0ffee
#define HOSTFS_FOREVER (~0UL)
#define HOSTFS_KEPT 32 /* files of the host that stay open for the next reader */
#define HOSTFS_RUN 128 /* pages of one request */

struct hostfs_sb {
	struct hostfs_node *root;
	char *dir;              /* as mounted, for show_options */
	const char *folder;     /* the host's folder that is shared, for messages */
	u64 interval;           /* ns that names and attributes hold; 0 never, HOSTFS_FOREVER */
	bool real_ids;          /* the host's ids are the guest's: we may give files away */
	bool setid;             /* set-id bits of files are shown and stored */
	bool append;            /* files only grow */
	bool fixed_ro;          /* the user has said so: no remount for writing */
	u32 host_uid, host_gid; /* ours */
	kuid_t uid;             /* as what they appear, without real_ids */
	kgid_t gid;
	u64 root_dev;
	spinlock_t lock;
	struct inode
		*created; /* under lock: a new file, open for the open that follows; a reference */
	struct inode *kept[HOSTFS_KEPT]; /* under lock: kept.c; each a reference */
	u32 next_kept;                   /* under lock */
	u64 changes;                     /* under lock: hostfs_inode.changed counts with it */
};

struct hostfs_listing;
struct hostfs_inode {
	struct inode vfs;
	struct hostfs_node *node; /* immutable after I_NEW */
	u64 ino, dev;             /* of the host; immutable, as type and btime */
	struct mutex open_lock;
	u32 users;                    /* open files; under open_lock */
	bool idle;                    /* no users, and rfile waits for the next; under open_lock */
	bool kept;                    /* in hostfs_sb.kept; under its lock */
	struct timespec64 idle_ctime; /* with idle: the inode's then */
	spinlock_t lock;
	/* under lock; the files are set under open_lock too */
	struct hostfs_file *rfile,
		*wfile; /* to read from, to write to; each a reference, perhaps to the same */
	struct hostfs_file *lfile; /* one of them: has the locks */
	bool wreads;               /* wfile can be read as well */
	u64 until;                 /* ktime; read without the lock too */
	umode_t mode;              /* the 12 bits as the host was last seen to have them */
	bool stale;                /* the host has changed the data: cached pages must go */
	bool renamed;              /* its ctime has changed from here, and nobody knows to what */
	bool racy; /* it was changed so recently that another change may leave the same times */
	u32 changing;
	u64 changed; /* hostfs_sb.changes when it was changed last from here */
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

/* inode.c */
u64 hostfs_until(const struct hostfs_sb *hs);
u64 hostfs_sample(struct hostfs_sb
		*hs); /* before the host is asked: for hostfs_iget() and hostfs_take_attr() */
u64 hostfs_number(const struct hostfs_sb *hs, u64 dev, u64 ino);
/*
 * The inode for what the host has as @name in @dir (NULL: for @node, which is taken, also on failure); its attributes are taken if it has not
 * changed since @sample. ERR_PTR.
 */
struct inode *hostfs_iget(struct super_block *sb, struct hostfs_node *dir, const char *name,
	struct hostfs_node *node, const struct hostfs_attr *a, u64 sample);
bool hostfs_same(const struct inode *inode, const struct hostfs_attr *a);
void hostfs_take_attr(struct inode *inode, const struct hostfs_attr *a, u64 sample);
int hostfs_refresh(struct inode *inode);    /* asks the host: 0 or -errno; never sleeps */
int hostfs_revalidate(struct inode *inode); /* the same, when it is time */
void hostfs_forget_attr(struct inode *inode);
/* Drops cached pages where the host's data is newer; may sleep. */
int hostfs_check_data(struct inode *inode);
void hostfs_change_begin(struct inode *inode);
/* @a: what the host says now, or NULL. @size: it is the size, too (i_rwsem is held). */
void hostfs_change_end(struct inode *inode, const struct hostfs_attr *a, bool size);
int hostfs_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags);
int hostfs_setattr(struct dentry *d, struct iattr *attr);
ssize_t hostfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int hostfs_setxattr(
	struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t hostfs_listxattr(struct inode *inode, char *buf, size_t size);
#define HOSTFS_COMMON_OPS                                                                          \
	.getattr = hostfs_getattr, .getattr_plain = true, .setattr = hostfs_setattr,               \
	.getxattr = hostfs_getxattr, .setxattr = hostfs_setxattr, .listxattr = hostfs_listxattr

/* dir.c */
extern const struct inode_operations hostfs_dir_iops, hostfs_link_iops, hostfs_file_iops;
extern const struct dentry_operations hostfs_dops;

/* readdir.c */
extern const struct file_operations hostfs_dir_fops;
void hostfs_listing_put(struct hostfs_listing *l);

/* file.c */
extern const struct file_operations hostfs_file_fops;
/* A file that was created: kept open for the open that follows. Takes @f. */
void hostfs_adopt_file(struct inode *inode, struct hostfs_file *f);
void hostfs_drop_created(struct inode *inode);
void hostfs_close_files(struct inode *inode); /* nobody has it open any more */
/* What to read from or write to, with a reference; NULL. */
struct hostfs_file *hostfs_reader(struct hostfs_inode *hi);
struct hostfs_file *hostfs_writer(struct hostfs_inode *hi);

/* kept.c */
/* The last user has gone (open_lock): closes its files, or keeps them open. Whom hostfs_close_idle() is to be told of in return, or NULL. */
struct inode *hostfs_keep(struct inode *inode);
void hostfs_take_kept(struct inode *inode); /* before it is opened; open_lock */
/* Without open_lock: closes what only waits for the next open; takes the reference. */
void hostfs_close_idle(struct inode *inode);
void hostfs_drop_kept(struct hostfs_sb *hs, const struct inode *which); /* NULL: all */

/* pages.c */
extern const struct address_space_operations hostfs_aops;
int hostfs_requests_init(void);
/* A request to a worker, and waits: its result. The file or the node is the caller's. */
s64 hostfs_ask(u32 op, struct hostfs_file *f, struct hostfs_node *n, s32 mode, s64 off, s64 len);
/* Zeros behind the end of the file in the page where it lies, before the file grows. */
void hostfs_clean_tail(struct inode *inode);

#endif
