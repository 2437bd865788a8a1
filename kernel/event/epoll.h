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

struct epoll_params_ {
	u32 usecs;
	u16 budget;
	u8 prefer, pad;
};

struct eventpoll {
	atomic_t refs; /* one of the file, one of each item */
	struct mutex mutex;
	struct rb_root items;        /* under mutex */
	struct wait_queue_head wait; /* epoll_wait */
	struct wait_queue_head poll; /* tasks that poll the epoll file itself */
	spinlock_t lock;
	struct list_head ready; /* of item->ready_link, under lock */
	/* Under lock: a task holds mutex and has taken items off ready that may return. */
	bool scanning;
	struct file *file;           /* NULL: closed */
	struct user_struct *user;    /* immutable: pays for the items */
	struct epoll_params_ params; /* under mutex */
	/* The last walk of epoll_nest.c that visited this set, and its result; under nest_lock. */
	u64 walk;
	int found;
};

struct epoll_hook;
struct epoll_item {
	struct rb_node node; /* of ep->items */
	struct eventpoll *ep;
	struct file *file; /* no reference */
	int fd;
	/* in file->f_ep, under file->f_lock, like the next */
	struct list_head file_link;
	/* eventpoll_release() removes it, and no other task */
	bool dying;
	struct list_head ready_link; /* under ep->lock */
	bool ready;
	struct epoll_event event; /* changed under ep->mutex and ep->lock */
	struct epoll_hook *hooks; /* set while the item is added */
	bool no_memory;
};

extern const struct file_operations eventpoll_fops;
static inline struct eventpoll *file_ep(struct file *f)
{
	return f->f_op == &eventpoll_fops ? f->private_data : NULL;
}

/* epoll_info.c: operations of an epoll file. */
int eventpoll_fdinfo(struct file *f, char *buf, size_t size);
long eventpoll_ioctl(struct file *f, u32 cmd, u64 arg);

/* For file_watch_ops (kernel/vfs/vfs.h). */
struct file *eventpoll_target(struct file *ep, int fd, u32 nth);
void eventpoll_release(struct file *f);
/* Serves epoll_ctl(2) with an event that was read already. */
long epoll_ctl_event(int epfd, int op, int fd, const struct epoll_event *e);
/* Checks whether @ep may watch @child: 0 or -ELOOP. nest_lock held. */
long epoll_check_nesting(struct eventpoll *ep, struct eventpoll *child);
/* True if @ep, or an epoll file below it, is watched along too many paths. nest_lock held. */
bool epoll_crowded(struct eventpoll *ep);

#endif
