/* SPDX-License-Identifier: MIT */
/*
 * fuse.h: file systems that a guest program serves through /dev/fuse (linux-doc: filesystems/fuse;
 * the protocol: <linux/fuse.h>).
 *
 *	req.c     connections and requests         dev.c    /dev/fuse: the server's side
 *	super.c   mounting, INIT, inodes           dir.c    names, attributes
 *	file.c    open files, their data           pages.c  the page cache
 *	readdir.c listings                         xattr.c  extended attributes
 *	poll.c    polls                            notify.c what the server tells unasked
 *	ioctl.c   ioctls                           old.c    servers of protocols before 7.13
 *
 * The server is a guest program and hostile. Whatever it answers is checked: lengths against what
 * was asked, types, numbers, names, sizes. It may never answer: every wait for it ends when the
 * task is killed (the request is then abandoned: its memory is its own) or the connection ends,
 * which closing /dev/fuse, umount -f and unmounting do. Nothing that the kernel does for others
 * waits for a server: write-back sends copies and goes on, release and forget need no answer.
 *
 * States of a request: PENDING (in fc->pending) -> SENT (in fc->sent, the server has it) -> DONE;
 * an abort makes all DONE.
 *
 * Locks: fuse_conn.lock (the lists, the states; innermost but for wait queues), fuse_inode.lock
 * (counts and files of an inode).
 */
#ifndef NESTLING_FS_FUSE_H
#define NESTLING_FS_FUSE_H

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>

#include "kernel/lib/keyhash.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/super.h"

#define FUSE_MAX_IO (32 * PAGE_SIZE) /* of one READ or WRITE */
#define FUSE_MAX_ASYNC 64            /* writes on their way in the background */
/* limit of a connection's pages that mappings have made dirty, with those on their way */
#define FUSE_MAX_DIRTY 2048
#define FUSE_NAME_LEN 1024
/* limit of answers to RETRIEVE, of at most FUSE_MAX_IO each, that wait for the server */
#define FUSE_MAX_RETRIEVED 64
/* limit of FLUSH requests of processes that have ended; beyond it no FLUSH is sent */
#define FUSE_MAX_FLUSHES 4096

struct fuse_conn {
	atomic_t refs;
	/* set while mounting and by INIT, then immutable */
	struct super_block *sb; /* NULL after unmounting */
	/* namespaces of the mounter, with references: the server's ids and numbers are in them */
	struct user_namespace *user_ns;
	struct pid_namespace *pid_ns;
	struct hash_key owner_key; /* of owners of locks */
	kuid_t user_id;
	kgid_t group_id;
	u32 rootmode, max_read, max_write, minor;
	u32 max_read_asked; /* the option, 0: none */
	/*
	 * written data waits in the page cache; this kernel then keeps the sizes and times of files
	 */
	bool writeback;
	/*
	 * handle_killpriv: the server itself clears set-id bits at writes, truncations and changes
	 * of owner
	 */
	bool default_permissions, allow_other, atomic_trunc, auto_inval, dont_mask, handle_killpriv;
	bool no_open, no_opendir, no_access, no_create, no_flush, no_fsync, no_fsyncdir,
		no_getxattr, no_setxattr, no_listxattr, no_removexattr, no_rename2, no_fallocate,
		no_lseek, no_poll, no_interrupt; /* the server has said ENOSYS; set once */

	spinlock_t lock; /* all below */
	bool connected, initialized;
	u32 nr_devs; /* open /dev/fuse that serve it */
	u64 next_unique;
	struct list_head pending, sent, interrupts;
	struct list_head forgets; /* of fuse_forget.list */
	/* sent requests that have an answer, by number */
	struct rb_root answers;
	/* of fuse_file.poll_node: files that were polled, by poll_kh */
	struct rb_root polls;
	u32 nr_async, nr_dirty;
	/* FLUSH requests of processes that have ended, without an answer yet */
	atomic_t nr_flushes;
	/* answers to RETRIEVE that the server has not read */
	u32 nr_retrieved;
	struct wait_queue_head readers; /* servers that wait for work */
	struct wait_queue_head waiters; /* INIT, room for writes */
	/* counts how often the server has invalidated names */
	u64 entry_version;
	/*
	 * counts changes of size that this kernel has made or seen, and INVAL_INODE, of all inodes;
	 * atomic
	 */
	u64 attr_version;
};

struct fuse_forget {
	struct list_head list;
	u64 nodeid, nlookup;
	/*
	 * references of the inode itself, and of requests that must be answered before the server
	 * gets the forget
	 */
	atomic_t refs;
};

enum { FUSE_PENDING, FUSE_SENT, FUSE_DONE };

struct fuse_req {
	atomic_t refs;
	struct fuse_conn *fc;
	struct list_head list, intr; /* under fc->lock; intr: of fc->interrupts */
	struct rb_node node;         /* of fc->answers, while it is SENT */
	int state;                   /* under fc->lock */
	bool interrupted;            /* under fc->lock */
	/* an answer is being read, or was; under the lock */
	bool answered;
	bool async;
	/* it is done when the server has read it; its number is the server's */
	bool oneway;
	struct fuse_in_header h;
	/* behind the header: h.len - sizeof(h) bytes */
	void *in;
	void *out;
	u32 out_size, out_len; /* room, and what came */
	bool out_var;          /* less may come */
	/* bytes missing from an old server's answer: old.c */
	u32 out_cut;
	int err;
	struct wait_queue_head wait;
	void (*end)(struct fuse_req *r); /* async: answered, or an error */
	void *priv;
	/* the next four are for a WRITE in the background */
	struct fuse_file *ff;
	struct list_head flight; /* of fuse_inode.flights */
	u64 first, nr;           /* its pages */
};

struct fuse_inode {
	struct inode vfs;
	/* made with the inode, so that it cannot fail */
	struct fuse_forget *forget;
	u64 nodeid, ino;
	spinlock_t lock; /* all below */
	u64 nlookup;
	u64 attr_until; /* ktime until which the attributes hold */
	/*
	 * attr_version at the last change of size: an answer to an earlier request has no valid
	 * size
	 */
	u64 attr_version;
	/*
	 * attr_version at the last INVAL_INODE: an answer to an earlier request holds, but not for
	 * long
	 */
	u64 inval_version;
	struct list_head writers; /* of fuse_file.link: open for writing */
	u32 nr_async;             /* writes on their way */
	/*
	 * writes under way, by fuse_req.flight: a page is not sent again before its older data was
	 * answered
	 */
	struct list_head flights;
	/* mtime and ctime have changed, and were not sent to the server */
	bool times_ours;
	/* made by CREATE, for the open that follows */
	struct fuse_file *created;
	/*
	 * set with the first attributes: this kernel keeps size, mtime and ctime
	 * (fuse_conn.writeback)
	 */
	bool ours;
	struct wait_queue_head wait;
};

struct fuse_file {
	struct fuse_conn *fc;
	struct list_head link; /* of fuse_inode.writers */
	/* in fuse_conn.polls, if @polled; under fc->lock */
	struct rb_node poll_node;
	bool polled;
	u64 fh, nodeid, poll_kh;
	u32 flags; /* FOPEN_* */
	/*
	 * Users: the struct file, and writes under way. The last one sends RELEASE. Protected by
	 * fuse_inode.lock.
	 */
	u32 users;
	u32 close_flags; /* f_flags at the end */
	bool none;       /* the server knows no opening: no RELEASE */
	/* the request for its end; fuse_file_release() and fuse_file_drop() take it */
	struct fuse_req *release;
	bool dir;
	struct task *maker; /* of a created one, to compare only */
	/*
	 * polls by workers, under fc->lock: the server is being asked; it has answered revents; it
	 * has reported an event since it was asked
	 */
	bool asking, known, notified;
	u32 revents;
	struct wait_queue_head poll;
	struct rcu_head rcu;
};

static inline struct fuse_inode *FUSE_I(const struct inode *inode)
{
	return container_of((struct inode *)inode, struct fuse_inode, vfs);
}
static inline struct fuse_conn *fuse_conn_of(const struct inode *inode)
{
	return inode->i_sb->s_fs_info;
}

/* req.c */
struct fuse_conn *fuse_conn_new(void);
void fuse_conn_get(struct fuse_conn *fc);
void fuse_conn_put(struct fuse_conn *fc);
void fuse_abort(struct fuse_conn *fc);
/*
 * Makes a request with @in_len bytes at req->in to fill, and room for @out_size at req->out.
 * ERR_PTR.
 */
struct fuse_req *fuse_req_new(
	struct fuse_conn *fc, u32 opcode, u64 nodeid, size_t in_len, size_t out_size);
/* Make a RELEASE while opening a file can still fail, and set later what it releases. */
struct fuse_req *fuse_release_new(struct fuse_conn *fc);
void fuse_release_set(struct fuse_req *r, u64 nodeid, bool dir);
void fuse_req_put(struct fuse_req *r);
int fuse_send(struct fuse_req *r); /* and wait: 0 or -errno */
void fuse_send_async(struct fuse_req *r, void (*end)(struct fuse_req *r)); /* takes the reference */
void fuse_req_done_locked(struct fuse_req *r, int err);
/* Wakes and drops a request that is done and off all lists. */
void fuse_req_finish(struct fuse_req *r);
void fuse_queue_forget(struct fuse_conn *fc, struct fuse_forget *f);
/*
 * Drops a reference to an inode's forget. With the last it is queued, if there is anything to
 * forget.
 */
void fuse_forget_put(struct fuse_conn *fc, struct fuse_forget *f);
/*
 * Sends a request with up to two arguments and receives an answer of exactly @outn bytes. 0 or
 * -errno.
 */
int fuse_call(struct fuse_conn *fc, u32 opcode, u64 nodeid, const void *a, size_t an, const void *b,
	size_t bn, void *out, size_t outn);

/* old.c */
void fuse_fit_request(struct fuse_req *r); /* after INIT, before it is queued */
void fuse_fit_answer(struct fuse_req *r);  /* after a successful answer */

/* super.c */
void fuse_send_init(struct fuse_conn *fc);
/* Returns the inode for what a LOOKUP or its kin has found, and counts one more lookup; ERR_PTR. */
struct inode *fuse_iget(struct super_block *sb, const struct fuse_entry_out *e, u64 asked);
bool fuse_valid_entry(const struct fuse_entry_out *e); /* but nodeid 0 */
/*
 * Adopts attributes. @asked: fuse_asking() before the request; ~0: the size cannot have changed
 * since.
 */
void fuse_set_attr(struct inode *inode, const struct fuse_attr *a, u64 until, u64 asked);
u64 fuse_asking(struct fuse_conn *fc);
void fuse_grow(struct inode *inode, loff_t size); /* the file ends at @size or later */
/*
 * Notes that the file now has @size bytes (@grow: at least), and that its attributes are out of
 * date.
 */
void fuse_set_size(struct inode *inode, loff_t size, bool grow);
u64 fuse_until(u64 sec, u32 nsec);                      /* ktime of a time-out from now */
void fuse_forget_one(struct fuse_conn *fc, u64 nodeid); /* of a lookup that we cannot keep */

/* dir.c */
void fuse_set_ops(struct inode *inode);
int fuse_update_attr(struct inode *inode, struct file *f); /* when they are out of date */
/* Sends times to the server that this kernel has set and the server does not know. */
int fuse_flush_times(struct inode *inode, struct file *f);
int fuse_refresh_attr(struct inode *inode, struct file *f);
bool fuse_allowed(const struct fuse_conn *fc);
extern const struct dentry_operations fuse_dops;
void fuse_stale_attr(struct inode *inode);

/* file.c */
extern const struct file_operations fuse_file_fops;
int fuse_open_common(struct inode *inode, struct file *f, bool dir);
/* Drops a file that the server has not opened. */
void fuse_file_drop(struct fuse_file *ff);
void fuse_file_release(struct inode *inode, struct fuse_file *ff, u32 flags);
int fuse_send_and_forget(struct inode *inode, struct fuse_conn *fc, u32 opcode, u64 nodeid,
	const void *in, size_t n, size_t out);
struct fuse_file *fuse_file_new(struct fuse_conn *fc, u64 nodeid);
int fuse_fsync_common(struct file *f, bool datasync, u32 opcode, bool *no);
/*
 * Sends a READ or READDIR of at most @n bytes and returns the request with its answer (out,
 * out_len), for fuse_req_put(). ERR_PTR.
 */
struct fuse_req *fuse_ask_data(struct fuse_file *ff, u32 opcode, loff_t pos, size_t n, u32 flags);
/* Reads into @buf: bytes, fewer at the end of the file, or -errno. */
ssize_t fuse_read_data(struct fuse_file *ff, void *buf, size_t n, loff_t pos, u32 flags);

/* poll.c */
u32 fuse_poll(struct file *f, struct poll_table *pt);
void fuse_poll_end(struct fuse_file *ff); /* ends all reports */
int fuse_notify_poll(struct fuse_conn *fc, u64 kh);

/* notify.c */
/* Handles a message of FUSE_NOTIFY_@code, whose body is the rest of @from. Returns 0 or -errno. */
int fuse_notify(struct fuse_conn *fc, int code, struct iov_iter *from);

/* ioctl.c */
long fuse_ioctl(struct file *f, u32 cmd, u64 arg); /* of files and directories */

/* pages.c */
extern const struct address_space_operations fuse_aops;
/* Sends dirty pages and waits, unless killed. */
int fuse_flush_pages(struct inode *inode);
/* Sends all dirty pages without waiting: they could not be sent later. */
void fuse_send_all(struct inode *inode);
/* Waits until the copies of an aborted connection have let go of their inodes. */
void fuse_await_writes(struct fuse_conn *fc);

/*
 * Returns the page, locked, with a reference; ERR_PTR(-EINTR): the caller was killed while it
 * waited for the page's content.
 */
struct page *fuse_grab_page(struct address_space *m, u64 index);

/* readdir.c */
extern const struct file_operations fuse_dir_fops;

/* xattr.c */
ssize_t fuse_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int fuse_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t fuse_listxattr(struct inode *inode, char *buf, size_t size);

/* dev.c */
/*
 * Attaches the connection to an open /dev/fuse: 0, -EINVAL (another file) or -EBUSY (it has one).
 */
int fuse_dev_attach(struct file *f, struct fuse_conn *fc);

#endif
