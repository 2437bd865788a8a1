/* SPDX-License-Identifier: MIT */
/*
 * epoll.h: epoll files and their items, shared by epoll.c, epoll_info.c and epoll_nest.c. epoll.c
 * has the locks and their order.
 */
#ifndef NESTLING_EVENT_EPOLL_H
#define NESTLING_EVENT_EPOLL_H

#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/lib/rbtree.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/vfs.h"

/* struct epoll_params of Linux 6.9, for EPIOCSPARAMS: kept, but without effect (busy polling). */
struct epoll_params_ {
	u32 usecs;      /* microseconds */
	u16 budget;     /* packets */
	u8 prefer, pad; /* 0 or 1; 0 */
};

struct eventpoll {
	/* one reference of the file, one of each item */
	atomic_t refs;
	struct mutex mutex;
	struct rb_root items;        /* under mutex */
	struct wait_queue_head wait; /* tasks in epoll_wait(2) */
	struct wait_queue_head poll; /* tasks that poll the epoll file itself */
	spinlock_t lock;
	struct list_head ready; /* item->ready_link of each; under lock */
	/*
	 * A task that holds mutex has taken items off the ready list and may put them back; under
	 * lock.
	 */
	bool scanning;
	struct file *file;           /* NULL once it is closed */
	struct user_struct *user;    /* charged for the items; immutable */
	struct epoll_params_ params; /* under mutex */
	/* Number of the last walk of epoll_nest.c that visited this epoll file; under nest_lock. */
	u64 walk;
	/* The depth, or -ELOOP, that the last walk for a depth has found; under nest_lock. */
	int found;
};

struct epoll_hook;
struct epoll_item {
	struct rb_node node; /* in ep->items */
	struct eventpoll *ep;
	struct file *file; /* without a reference */
	int fd;
	/* link in file->f_ep; under file->f_lock, as is dying */
	struct list_head file_link;
	/* eventpoll_release() is about to remove the item; other tasks leave it alone */
	bool dying;
	struct list_head ready_link; /* under ep->lock */
	/* true: the item is in ep->ready; under ep->lock */
	bool ready;
	struct epoll_event event; /* changes under ep->mutex and ep->lock */
	struct epoll_hook *hooks; /* set when the item is added */
	bool no_memory;           /* a hook could not be allocated */
};

extern const struct file_operations eventpoll_fops;
/* Returns the epoll file's state, without a reference, or NULL if @f is no epoll file. */
static inline struct eventpoll *file_ep(struct file *f)
{
	return f->f_op == &eventpoll_fops ? f->private_data : NULL;
}

/* epoll_info.c: file operations of an epoll file, with the contracts of struct file_operations */
int eventpoll_fdinfo(struct file *f, char *buf, size_t size);
long eventpoll_ioctl(struct file *f, u32 cmd, u64 arg);

/* Functions of file_watch_ops, which has their contracts (kernel/vfs/file/poll.h). */
struct file *eventpoll_target(struct file *ep, int fd, u32 nth);
void eventpoll_release(struct file *f);
/*
 * Serves epoll_ctl(2) for a caller that has read the guest's event already. @e is zeroed for
 * EPOLL_CTL_DEL, which reads no event. Returns 0 or -errno. May sleep.
 */
long epoll_ctl_event(int epfd, int op, int fd, const struct epoll_event *e);
/* Checks whether @ep may watch @child. Returns 0 or -ELOOP. nest_lock is held. */
long epoll_check_nesting(struct eventpoll *ep, struct eventpoll *child);
/*
 * True if @ep, or a file below it, is watched along too many paths. nest_lock is held, as for
 * epoll_file_crowded().
 */
bool epoll_crowded(struct eventpoll *ep);
/* True if the file, no epoll file, is watched along too many paths. */
bool epoll_file_crowded(struct file *f);

#endif
