/* SPDX-License-Identifier: MIT */
/*
 * mqueue.h: POSIX message queues, shared by mqueue.c (messages), mqueue_fs.c (the file system),
 * mqueue_calls.c (names and attributes) and mqueue_notify.c.
 */
#ifndef NESTLING_IPC_MQUEUE_H
#define NESTLING_IPC_MQUEUE_H

#include <linux/mqueue.h>

#include "kernel/ipc/sysv.h"
#include "kernel/vfs/vfs.h"

struct mq_message {
	struct list_head link;
	u32 prio;
	u64 size; /* bytes of @text */
	u8 text[];
};

/* A queue, which is the inode of its file. */
struct mq_inode {
	struct inode vfs;
	struct user_struct *user; /* charged for the queue; immutable */
	/* bytes charged to user->mq_bytes; immutable */
	u64 charged;
	s64 max_msgs, msg_size;              /* msg_size: bytes; immutable */
	spinlock_t lock;                     /* for all members below */
	s64 nr;                              /* queued messages */
	u64 bytes;                           /* of their texts */
	struct list_head messages;           /* by priority, then oldest first */
	struct list_head receivers, senders; /* mq_waiter, the most urgent task first */
	struct wait_queue_head wait;         /* tasks that poll the queue */
	struct mq_notify {
		struct pid *owner; /* NULL: no notification */
		/* how: SIGEV_*; signo: the signal to send with SIGEV_SIGNAL */
		int how, signo;
		/* the owner's exec_id at the request: after an exec the owner is not signalled */
		u32 exec_id;
		u64 value; /* sigev_value of the signal */
		/* SIGEV_THREAD: socket that gets the cookie */
		struct file *sock;
		u8 cookie[NOTIFY_COOKIE_LEN];
	} notify;
};
static inline struct mq_inode *MQ(const struct inode *inode)
{
	return container_of(inode, struct mq_inode, vfs);
}

extern const struct file_operations mqueue_file_ops;

/*
 * Returns the root mount of the namespace's queues with a reference, or ERR_PTR (mqueue_fs.c). May
 * sleep.
 */
struct mount *mq_mount_get(struct ipc_namespace *ns);
/*
 * Makes a queue with the name of @d, whose directory is locked. @mode: permissions; @attr NULL:
 * default attributes. Returns 0, or -errno, such as -EACCES after the end of the namespace, -EINVAL
 * for @attr, -ENOSPC and -EMFILE beyond a limit. May sleep.
 */
int mq_create(struct inode *dir, struct dentry *d, umode_t mode, const struct mq_attr *attr);
/* Sets the default limits of a new namespace. */
void mq_namespace_init(struct ipc_namespace *ns);
/* Drops the mount of a namespace that ends. May sleep. */
void mq_namespace_exit(struct ipc_namespace *ns);

/* Frees all messages of a queue that no task uses any more. */
void mq_drop_messages(struct mq_inode *q);
/*
 * Returns the open queue of a descriptor, for fdput(), and sets *err to 0. If there is none, file
 * is NULL and *err is -EBADF.
 */
struct fd mq_fd(int fd, int *err);

/*
 * Moves the notification request with its references from the queue to @n, when a message has come
 * to an empty queue. Without a request sets n->owner to NULL. q->lock is held. mq_notify_send()
 * follows (mqueue_notify.c).
 */
void mq_notify_take(struct mq_inode *q, struct mq_notify *n);
/*
 * Sends the notification @n of mq_notify_take() and drops its references, or does nothing if
 * n->owner is NULL. Called without locks.
 */
void mq_notify_send(struct mq_notify *n);
/*
 * Ends the notification request of current's process, or with @any that of any process. Takes
 * q->lock.
 */
void mq_notify_end(struct mq_inode *q, bool any);

#endif
