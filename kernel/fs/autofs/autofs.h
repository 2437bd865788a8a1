/* SPDX-License-Identifier: MIT */
/*
 * autofs.h: directories on which a daemon mounts a file system when they are first used (linux-doc:
 * filesystems/autofs), protocols 3 to 5.
 *
 *	super.c   mounting, options, inodes        root.c    names and path walks
 *	wait.c    requests to the daemon           expire.c  mounts that may be unmounted
 *	dev.c     /dev/autofs, ioctls of a mount
 *
 * An autofs mount is a trigger as a whole (direct, offset), or each name in its root is a trigger
 * (indirect). A path walk that reaches a trigger makes a request: a packet with a token, written
 * into the daemon's pipe. The walk waits until the daemon answers READY or FAIL for that token. The
 * processes of the daemon's process group see the bare directories, without requests (autofs_oz()).
 * When the pipe breaks, or by an ioctl, the mount becomes catatonic: all requests fail, and all
 * processes see the bare directories.
 *
 * Locks: autofs_sb.lock (requests, autofs_info, and members of autofs_sb); pipe_lock during a write
 * to the pipe, so that packets are not interleaved. They are not nested, and neither is held while
 * a process waits for an answer.
 */
#ifndef NESTLING_FS_AUTOFS_H
#define NESTLING_FS_AUTOFS_H

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/stat.h>

#include "kernel/lib/string.h"

/* <linux/auto_fs.h> includes headers of libc, which the kernel world lacks. */
#define _SYS_IOCTL_H 1
#define _LINUX_STRING_H_
#include <linux/auto_dev-ioctl.h>

#include "kernel/ident/cred.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/super.h"

struct autofs_sb {
	struct super_block *sb;
	/* AUTOFS_TYPE_*. Immutable, like the five members that follow. */
	u32 type;
	bool strictexpire, ignore;
	int min_proto, max_proto;
	/* protocol version (3 to 5), which decides the layout and types of packets */
	int version;
	/*
	 * For show_options(): the options fd= and pgrp=, or the values of the daemon that has
	 * replaced the pipe. Changed under lock, read without it.
	 */
	int pipe_fd, pgrp;
	/* inode number of the pipe, for show_options(); changed under lock, read without it */
	u64 pipe_ino;
	u64 last_ino;           /* atomic */
	struct mutex pipe_lock; /* held during a write to the pipe */
	struct mutex lock;      /* protects the members below */
	struct file *pipe;      /* referenced; NULL: closed */
	struct pid *oz_pgrp;    /* daemon's process group; referenced */
	bool catatonic;
	u64 timeout; /* ns; 0: mounts never expire */
	u32 last_token;
	struct list_head requests; /* by autofs_request.link */
	/* names in the root, by autofs_info.link, newest first */
	struct list_head names;
	/* tasks that wait until an expiry has ended */
	struct wait_queue_head expired;
};

/*
 * d_fsdata of the root's dentry and, in an indirect mount, of the dentry of each name in the root.
 * Protected by autofs_sb.lock, except that path walks set last_used and read expiring without it.
 */
struct autofs_info {
	/* in autofs_sb.names while the name has an inode */
	struct list_head link;
	struct dentry *dentry; /* owns this; no reference */
	u64 last_used;         /* ktime of the last use (ns) */
	/* true while the daemon is asked to unmount it */
	bool expiring;
	/* uid and gid of the last process whose request succeeded; -1: none */
	kuid_t uid;
	kgid_t gid;
};

static inline struct autofs_sb *AUTOFS_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
static inline struct autofs_info *autofs_info(const struct dentry *d)
{
	return d->d_fsdata;
}
/* True if the mount is a trigger as a whole. */
static inline bool autofs_is_trigger(const struct autofs_sb *s)
{
	return s->type != AUTOFS_TYPE_INDIRECT;
}

/* super.c */
/*
 * Returns a new inode with the root's owner and group, or NULL if memory is short. @mode has the
 * type, too.
 */
struct inode *autofs_new_inode(struct super_block *sb, umode_t mode);
/*
 * Checks that @f is the writable end of a pipe, and sets it to packet mode and blocking writes.
 * Returns 0 or -EINVAL. Takes no reference.
 */
int autofs_use_pipe(struct file *f);
extern struct file_operations autofs_root_fops, autofs_dir_fops;

/* root.c */
extern const struct dentry_operations autofs_dops;
extern const struct inode_operations autofs_dir_iops;
/*
 * True if current sees the bare directories (see the file top). autofs_oz() takes s->lock, the
 * caller of autofs_oz_locked() holds it.
 */
bool autofs_oz(struct autofs_sb *s);
bool autofs_oz_locked(const struct autofs_sb *s);
/* Makes the autofs_info of @d, which has none. Returns 0 or -ENOMEM. */
int autofs_info_new(struct dentry *d);

/* wait.c */
/*
 * Requests the daemon to mount a file system at @p, or with @expire to unmount it, and waits for
 * the answer. The caller holds no lock. Returns 0, the daemon's error, -EINTR, -ENOMEM,
 * -ENAMETOOLONG or -ENOENT (catatonic, or the task has no pid in the daemon's namespace).
 */
int autofs_ask(struct autofs_sb *s, const struct path *p, bool expire);
/*
 * Ends the request @token: the tasks that wait for it get @status, 0 or -errno. Returns 0, or
 * -EINVAL if there is no such request. Takes s->lock.
 */
int autofs_answer(struct autofs_sb *s, u32 token, int status);
/* Makes the mount catatonic (see the file top) until it gets a new pipe. Takes s->lock. */
void autofs_catatonic(struct autofs_sb *s);
/* Waits until no expiry of @d is in progress. Takes s->lock. Returns 0 or -EINTR (killed). */
int autofs_await_expiry(struct autofs_sb *s, const struct dentry *d);

/*
 * expire.c: chooses a trigger of the mount @m on which the file system may be unmounted: a name, or
 * the root (@how: AUTOFS_EXP_*). Requests the daemon to unmount it. Returns 0, -EAGAIN if there is
 * no candidate, or an error of autofs_ask(). Takes s->lock; sleeps.
 */
int autofs_expire(struct autofs_sb *s, struct mount *m, u32 how);
/*
 * Fills in name (not terminated) and len of @p for a name that the daemon may unmount, without a
 * request (protocol 3). Takes s->lock. Returns 0, or -EAGAIN if there is none.
 */
int autofs_expire_name(struct autofs_sb *s, struct mount *m, struct autofs_packet_expire *p);

/* dev.c: serves ioctl() on the root of a mount */
long autofs_mount_ioctl(struct file *f, u32 cmd, u64 arg);

#endif
