/* SPDX-License-Identifier: MIT */
/*
 * fuse.h: file systems that a guest program serves through /dev/fuse (linux-doc: filesystems/fuse;
 * the protocol: <linux/fuse.h>).
 *
 *	req.c     connections and requests         dev.c    /dev/fuse: the server's side
 *	super.c   mounting, INIT, inodes           dir.c    names, attributes
 *	file.c    open files, their data           pages.c  the page cache
 *	readdir.c listings                         xattr.c  extended attributes
 *	poll.c    polls                            notify.c unsolicited messages
 *	ioctl.c   ioctls                           old.c    servers of protocols before 7.12
 *
 * The server is a guest program and untrusted. Every answer is checked: lengths against the
 * request, types, numbers, names, sizes. Since the server may never answer, each wait for it ends
 * when the waiting task is killed, or when the connection ends: at the last close of /dev/fuse, or
 * umount -f, or unmounting. A killed task abandons its request, which owns its buffers. Work that
 * the kernel does for other tasks never waits for a server: writeback sends copies without waiting,
 * and RELEASE and FORGET need no answer.
 *
 * States of a request: PENDING (in fc->pending) -> SENT (in fc->sent, the server has read it) ->
 * DONE. An abort makes all requests DONE.
 *
 * Locks: fuse_conn.lock (lists and states of requests; only wait queues' locks are inside it),
 * fuse_inode.lock (counts, open files and validity of attributes of an inode).
 *
 * Functions that ask the server sleep until it answers, whatever signals come. They return -EINTR
 * if the task is killed; -ENOTCONN without a connection; -ECONNABORTED after an abort; else the
 * server's error.
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

#define FUSE_MAX_IO (32 * PAGE_SIZE) /* most bytes of one READ or WRITE */
#define FUSE_MAX_ASYNC 64            /* most unanswered background writes */
/* limit of a connection's dirty pages plus unanswered background writes */
#define FUSE_MAX_DIRTY 2048
#define FUSE_NAME_LEN 1024 /* most bytes of a name */
/* limit of RETRIEVE replies (at most FUSE_MAX_IO bytes each) that the server has not read yet */
#define FUSE_MAX_RETRIEVED 64
/* limit of unanswered FLUSH requests of exiting processes. Beyond it, no FLUSH is sent. */
#define FUSE_MAX_FLUSHES 4096

struct fuse_conn {
	atomic_t refs;
	/*
	 * The members above @lock are set while mounting and by INIT. Later they change only as
	 * noted.
	 */
	struct super_block *sb; /* NULL after unmounting */
	/*
	 * The mounter's namespaces, referenced, to which the uids, gids and pids in messages
	 * belong.
	 */
	struct user_namespace *user_ns;
	struct pid_namespace *pid_ns;
	struct hash_key owner_key; /* key of fuse_lock_owner() */
	kuid_t user_id;
	kgid_t group_id;
	/* max_read and max_write are in bytes. minor: the server speaks protocol 7.minor. */
	u32 rootmode, max_read, max_write, minor;
	u32 max_read_asked; /* option max_read= in bytes; 0: not set */
	/*
	 * True after FUSE_WRITEBACK_CACHE: written data waits in the page cache, and this kernel,
	 * not the server, keeps the sizes and times of files.
	 */
	bool writeback;
	/*
	 * The first two are mount options. The others are flags of INIT: FUSE_ATOMIC_O_TRUNC,
	 * FUSE_AUTO_INVAL_DATA and FUSE_HANDLE_KILLPRIV (the server itself clears set-id bits at
	 * writes, truncations and changes of owner).
	 */
	bool default_permissions, allow_other, atomic_trunc, auto_inval, handle_killpriv;
	bool no_open, no_opendir, no_access, no_create, no_flush, no_fsync, no_fsyncdir,
		no_getxattr, no_setxattr, no_listxattr, no_removexattr, no_rename2, no_fallocate,
		no_lseek, no_poll, no_interrupt; /* the server answered ENOSYS */

	spinlock_t lock; /* protects the members below */
	bool connected;
	bool initialized; /* INIT is answered; read without lock */
	u32 nr_devs;      /* open files of /dev/fuse */
	u64 next_unique;
	/* PENDING and SENT requests by fuse_req.list; INTERRUPTs to send by fuse_req.intr. */
	struct list_head pending, sent, interrupts;
	struct list_head forgets; /* by fuse_forget.list */
	/* SENT requests that need an answer, ordered by h.unique */
	struct rb_root answers;
	/* polled files by fuse_file.poll_node, ordered by poll_kh */
	struct rb_root polls;
	/* Numbers of unanswered background writes and of dirty pages. */
	u32 nr_async, nr_dirty;
	/* Number of unanswered FLUSH requests of exiting processes. */
	atomic_t nr_flushes;
	/* Number of RETRIEVE replies that the server has not read. */
	u32 nr_retrieved;
	struct wait_queue_head readers; /* server tasks waiting for requests */
	/* tasks that wait for INIT, for background writes, or for room for dirty pages */
	struct wait_queue_head waiters;
	/* counts the server's invalidations of names (INVAL_ENTRY and others) */
	u64 entry_version;
	/*
	 * Counts, over all inodes, the changes of size that this kernel made or learned, and the
	 * server's INVAL_INODE messages. Atomic.
	 */
	u64 attr_version;
};

struct fuse_forget {
	struct list_head list;
	u64 nodeid, nlookup;
	/*
	 * One reference for the inode, and one for each request that must be answered before FORGET
	 * is sent. The last one queues the FORGET.
	 */
	atomic_t refs;
};

enum { FUSE_PENDING, FUSE_SENT, FUSE_DONE };

struct fuse_req {
	atomic_t refs;
	struct fuse_conn *fc;
	struct list_head list, intr; /* under fc->lock */
	struct rb_node node;         /* in fc->answers while SENT, not oneway */
	int state;                   /* under fc->lock */
	bool interrupted;            /* under fc->lock */
	/* True if its waiter was killed before the server had read the request. */
	bool unread;
	/* True once the server has begun to write an answer. Under fc->lock. */
	bool answered;
	bool async; /* sent by fuse_send_async() */
	/*
	 * True if the request needs no answer, so that it is DONE when the server has read it. The
	 * server chose h.unique.
	 */
	bool oneway;
	struct fuse_in_header h;
	/* arguments behind the header, h.len - sizeof(h) bytes */
	void *in;
	void *out;
	/* Sizes in bytes: of @out, and of the answer in it. */
	u32 out_size, out_len;
	bool out_var; /* answer may be shorter than out_size */
	/* bytes by which an old server's answer is shorter than out_size (old.c) */
	u32 out_cut;
	int err; /* result once DONE: 0 or -errno */
	struct wait_queue_head wait;
	void (*end)(struct fuse_req *r); /* if async: called when DONE */
	void *priv;                      /* for use by @end */
	/* the members below are used only by a background WRITE */
	struct fuse_file *ff;
	struct list_head flight; /* in fuse_inode.flights */
	u64 first, nr;           /* range of page indexes */
	u64 seq;                 /* fuse_inode.flight_seq at the claim */
};

struct fuse_inode {
	struct inode vfs;
	/* memory for a FORGET, allocated with the inode, so that eviction cannot fail */
	struct fuse_forget *forget;
	u64 nodeid, ino;
	spinlock_t lock; /* protects the members below */
	u64 nlookup;
	/* ktime (ns) until which attributes are valid */
	u64 attr_until;
	/*
	 * fc->attr_version at the last change of size. Answers to requests sent before it have an
	 * outdated size.
	 */
	u64 attr_version;
	/*
	 * fc->attr_version at the last INVAL_INODE. Attributes in answers to requests sent before
	 * it are taken, but expire at once.
	 */
	u64 inval_version;
	struct list_head writers; /* fuse_file.link, open for writing */
	u32 nr_async;             /* unanswered background writes */
	/*
	 * the unanswered background writes, by fuse_req.flight. A page is not sent again before the
	 * WRITE of its older data is answered.
	 */
	struct list_head flights;
	u64 flight_seq; /* background writes up to now */
	/* True if this kernel changed mtime or ctime and has not sent them to the server. */
	bool times_ours;
	/*
	 * Handle that CREATE opened, until the open that follows takes it. Changed by xchg(),
	 * without @lock.
	 */
	struct fuse_file *created;
	/*
	 * True if this kernel, not the server, keeps size, mtime and ctime (fuse_conn.writeback).
	 * Set with the first attributes.
	 */
	bool ours;
	struct wait_queue_head wait; /* tasks waiting for background writes */
};

struct fuse_file {
	struct fuse_conn *fc;
	struct list_head link; /* in fuse_inode.writers */
	/* in fuse_conn.polls, if @polled; under fc->lock */
	struct rb_node poll_node;
	bool polled;
	/* the server's handle and node, and the number by which it reports events */
	u64 fh, nodeid, poll_kh;
	u32 flags; /* FOPEN_* */
	/*
	 * Users of the handle: the struct file and each unanswered background write. The last user
	 * sends RELEASE. Under fuse_inode.lock.
	 */
	u32 users;
	u32 close_flags; /* f_flags at the close */
	bool none;       /* no OPEN was sent, so no RELEASE */
	/*
	 * the RELEASE request, allocated at open. fuse_file_release() and fuse_file_drop() consume
	 * it.
	 */
	struct fuse_req *release;
	bool dir;
	struct task *maker; /* task that sent CREATE; only compared */
	/*
	 * State of polls by workers, under fc->lock. asking: a POLL is unanswered. known: revents
	 * is the server's last answer. notified: the server reported an event since that POLL was
	 * sent.
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
/* Returns a connection with one reference, in current's namespaces, or NULL without memory. */
struct fuse_conn *fuse_conn_new(void);
void fuse_conn_get(struct fuse_conn *fc);
void fuse_conn_put(struct fuse_conn *fc);
/*
 * Ends the connection: all requests end with -ECONNABORTED. No lock is held. May be called again.
 */
void fuse_abort(struct fuse_conn *fc);
/*
 * Makes a request of current with a zeroed argument of @in_len bytes at req->in, which the caller
 * fills, and room for @out_size bytes of answer at req->out. Returns it with one reference, which
 * fuse_req_put() or fuse_send_async() drops, or ERR_PTR(-ENOMEM).
 */
struct fuse_req *fuse_req_new(
	struct fuse_conn *fc, u32 opcode, u64 nodeid, size_t in_len, size_t out_size);
/*
 * Make a RELEASE request. fuse_release_new() allocates it at open, which can still fail, and
 * returns ERR_PTR(-ENOMEM) on failure. fuse_release_set() fills it in at the close. @dir: it is a
 * RELEASEDIR.
 */
struct fuse_req *fuse_release_new(struct fuse_conn *fc);
void fuse_release_set(struct fuse_req *r, u64 nodeid, bool dir);
void fuse_req_put(struct fuse_req *r);
/*
 * Sends the request and waits for its answer, which is in r->out, r->out_len bytes, at success. The
 * caller keeps its reference. Returns 0 or -errno: also -EOVERFLOW if current's ids have no
 * mapping.
 */
int fuse_send(struct fuse_req *r);
/*
 * Waits until the server has answered INIT, or the connection has ended. Returns 0, or -EINTR if
 * the task is killed.
 */
int fuse_await_init(struct fuse_conn *fc);
/*
 * Sends the request without waiting, and takes over the caller's reference. @end is called once,
 * when the request is DONE, perhaps before this function returns, with no lock held; r->err is then
 * 0 or -errno.
 */
void fuse_send_async(struct fuse_req *r, void (*end)(struct fuse_req *r));
/*
 * Takes @r off all lists and makes it DONE. fc->lock is held; the caller drops it, and then calls
 * fuse_req_finish().
 */
void fuse_req_done_locked(struct fuse_req *r, int err);
/*
 * Queues the INTERRUPT of a request that is SENT and interrupted, unless the server knows none.
 * Returns true if it did: the caller then wakes up a reader. fc->lock is held.
 */
bool fuse_queue_interrupt(struct fuse_req *r);
/* Wakes up the waiter of a DONE request, or calls its end(), and drops the queue's reference. */
void fuse_req_finish(struct fuse_req *r);
/* Queues the FORGET @f, or frees it without a connection. Takes over @f. Does not sleep. */
void fuse_queue_forget(struct fuse_conn *fc, struct fuse_forget *f);
/*
 * Drops a reference to an inode's forget. The last drop queues the FORGET if the server has counted
 * lookups of the node, else frees it.
 */
void fuse_forget_put(struct fuse_conn *fc, struct fuse_forget *f);
/*
 * Sends a request with up to two arguments (@a of @an bytes, @b of @bn bytes) and waits for an
 * answer of exactly @outn bytes, which it copies to @out. Returns 0 or -errno, as fuse_send().
 */
int fuse_call(struct fuse_conn *fc, u32 opcode, u64 nodeid, const void *a, size_t an, const void *b,
	size_t bn, void *out, size_t outn);

/*
 * old.c: convert a request to the older protocol of the server, before it is queued, and a
 * successful answer back. They do nothing from protocol 7.12 on.
 */
void fuse_fit_request(struct fuse_req *r);
void fuse_fit_answer(struct fuse_req *r);

/* super.c */
/* Sends INIT without waiting. Without memory it aborts the connection. */
void fuse_send_init(struct fuse_conn *fc);
/*
 * Returns the inode for the valid entry in an answer to LOOKUP, MKNOD and others, with a reference,
 * and counts one more lookup of its node. Returns ERR_PTR on failure, after a FORGET of that
 * lookup. @asked: fuse_asking() before the request.
 */
struct inode *fuse_iget(struct super_block *sb, const struct fuse_entry_out *e, u64 asked);
/* True if the entry's attributes and nodeid are plausible. nodeid may be 0. */
bool fuse_valid_entry(const struct fuse_entry_out *e);
/*
 * Adopts attributes from an answer. @until: ktime until which they are valid. @asked: fuse_asking()
 * before the request, or ~0 if the size cannot have changed since.
 */
void fuse_set_attr(struct inode *inode, const struct fuse_attr *a, u64 until, u64 asked);
/*
 * Returns fc->attr_version. The caller reads it before a request, and passes it as @asked with the
 * attributes in the answer.
 */
u64 fuse_asking(struct fuse_conn *fc);
/* Raises the file's size to @size bytes, unless the file is larger. Takes fuse_inode.lock. */
void fuse_grow(struct inode *inode, loff_t size);
/*
 * Sets the file's size to @size bytes, or with @grow to at least @size, and marks its attributes as
 * out of date. Takes fuse_inode.lock.
 */
void fuse_set_size(struct inode *inode, loff_t size, bool grow);
/*
 * Returns the ktime at which a validity of @sec seconds and @nsec ns ends, counted from now: 0 for
 * a validity of 0, ~0 if it never ends.
 */
u64 fuse_until(u64 sec, u32 nsec);
/* Undoes one lookup of @nodeid by a FORGET. Without memory it does nothing. */
void fuse_forget_one(struct fuse_conn *fc, u64 nodeid);

/* dir.c */
/* Sets the operations of a new inode by its file type. */
void fuse_set_ops(struct inode *inode);
/*
 * Asks the server for attributes if the known ones are out of date. @f: an open file of @inode, or
 * NULL. Returns 0 or -errno: -EIO if the answer has another file type.
 */
int fuse_update_attr(struct inode *inode, struct file *f);
/*
 * Sends mtime and ctime to the server if this kernel has changed them. @f is an open file of
 * @inode. Returns 0 or -errno. Does not wait if current is exiting (PF_EXITING).
 */
int fuse_flush_times(struct inode *inode, struct file *f);
/*
 * Asks the server for attributes even if the known ones are up to date. @f and the result are those
 * of fuse_update_attr().
 */
int fuse_refresh_attr(struct inode *inode, struct file *f);
/*
 * True if current may use the mount: its ids are the mounter's, or with allow_other it is in the
 * mounter's user namespace or below.
 */
bool fuse_allowed(const struct fuse_conn *fc);
extern const struct dentry_operations fuse_dops;
/* Marks the attributes as out of date. Takes fuse_inode.lock. */
void fuse_stale_attr(struct inode *inode);

/* file.c */
extern const struct file_operations fuse_file_fops;
/*
 * Implements open(): sets f->private_data to a fuse_file that the server has opened. Returns 0 or
 * -errno.
 */
int fuse_open_common(struct inode *inode, struct file *f, bool dir);
/*
 * Frees a handle that the server has not opened, so no RELEASE is sent. fuse_file_release() frees
 * the handle of @inode. Unless ff->none is set, it first sends RELEASE, without waiting. @flags:
 * f_flags of the open file.
 */
void fuse_file_drop(struct fuse_file *ff);
void fuse_file_release(struct inode *inode, struct fuse_file *ff, u32 flags);
/*
 * Sends a request with the @n bytes at @in without waiting for its answer, which has @out bytes and
 * is discarded. FORGET for the node of @inode waits for that answer; @nodeid may be another node.
 * Returns 0, even if memory was short.
 */
int fuse_send_and_forget(struct inode *inode, struct fuse_conn *fc, u32 opcode, u64 nodeid,
	const void *in, size_t n, size_t out);
/* Returns a handle with one user, not opened by the server yet, or NULL without memory. */
struct fuse_file *fuse_file_new(struct fuse_conn *fc, u64 nodeid);
/*
 * Sends FSYNC or FSYNCDIR (@opcode), unless *no is set. Sets *no if the server answers ENOSYS,
 * which counts as success. Returns 0 or -errno.
 */
int fuse_fsync_common(struct file *f, bool datasync, u32 opcode, bool *no);
/*
 * Sends a READ or READDIR at @pos of at most @n bytes, and waits. @flags: f_flags of the open file.
 * Returns the request with its answer (out, out_len), which the caller drops by fuse_req_put(), or
 * ERR_PTR.
 */
struct fuse_req *fuse_ask_data(struct fuse_file *ff, u32 opcode, loff_t pos, size_t n, u32 flags);
/*
 * Reads up to @n bytes at @pos into @buf, a buffer of the kernel. Returns the number of bytes, less
 * than @n at the end of the file, or -errno.
 */
ssize_t fuse_read_data(struct fuse_file *ff, void *buf, size_t n, loff_t pos, u32 flags);

/* poll.c */
/* Implements poll(). Sleeps, except for kernel threads and if pt->no_wait is set. */
u32 fuse_poll(struct file *f, struct poll_table *pt);
void fuse_poll_end(struct fuse_file *ff); /* takes @ff off fuse_conn.polls */
/*
 * Wakes up the pollers of the file whose poll_kh is @kh, for which the server has reported an
 * event. Returns 0, also if there is no such file.
 */
int fuse_notify_poll(struct fuse_conn *fc, u64 kh);

/* notify.c */
/*
 * Handles a message of type @code (FUSE_NOTIFY_*), whose body is the rest of @from. Returns 0 or
 * -errno.
 */
int fuse_notify(struct fuse_conn *fc, int code, struct iov_iter *from);

/* ioctl.c: implements ioctl() of files and directories */
long fuse_ioctl(struct file *f, u32 cmd, u64 arg);

/*
 * file.c: in writeback mode, sets the times of a file whose data this kernel has changed. They are
 * sent to the server later.
 */
void fuse_was_written(struct inode *inode);

/* pages.c */
extern const struct address_space_operations fuse_aops;
/*
 * Sends the pages that are dirty in the range of bytes from @start to @end, and waits until the
 * server has answered. A page that becomes dirty meanwhile may stay so. Returns 0, or -EINTR if the
 * task is killed. For an exiting task it sends all pages of the file, and returns 0 without
 * waiting.
 */
int fuse_flush_range(struct inode *inode, loff_t start, loff_t end);
static inline int fuse_flush_pages(struct inode *inode)
{
	return fuse_flush_range(inode, 0, S64_MAX);
}
/*
 * Sends all dirty pages without waiting, regardless of the limits. For a task that closes a file
 * and cannot wait, since no other task might send the pages later.
 */
void fuse_send_all(struct inode *inode);
/* Waits until all background writes of an aborted connection have dropped their inodes. */
void fuse_await_writes(struct fuse_conn *fc);

/*
 * Returns the page at @index, locked and referenced, perhaps not up to date. ERR_PTR(-EINTR): the
 * task was killed while it waited for a READ of the page. ERR_PTR(-ENOMEM).
 */
struct page *fuse_grab_page(struct address_space *m, u64 index);

/* readdir.c */
extern const struct file_operations fuse_dir_fops;

/* xattr.c: operations of inodes. fuse_setxattr() removes the attribute if @value is NULL. */
ssize_t fuse_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int fuse_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t fuse_listxattr(struct inode *inode, char *buf, size_t size);

/* dev.c */
/*
 * Attaches the connection to an open file of /dev/fuse, which takes a reference to it. Returns 0,
 * -EINVAL (@f is no such file) or -EBUSY (@f already has a connection).
 */
int fuse_dev_attach(struct file *f, struct fuse_conn *fc);

#endif
