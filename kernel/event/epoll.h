/* SPDX-License-Identifier: MIT */
/*
 * epoll.h: epoll files and their items, between epoll.c and epoll_nest.c. The locks and their
 * order: epoll.c.
 */
#ifndef NESTLING_EVENT_EPOLL_H
#define NESTLING_EVENT_EPOLL_H

#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/lib/rbtree.h"
#include "kernel/sched/task.h"
#include "kernel/vfs/vfs.h"

struct epoll_params_ {
	u32 usecs;
	u16 budget;
	u8 prefer, pad;
};

struct eventpoll {
	atomic_t refs; /* the file's, and one of each item */
	struct mutex mutex;
	struct rb_root items;        /* under mutex */
	struct wait_queue_head wait; /* epoll_wait */
	struct wait_queue_head poll; /* tasks that poll the epoll file itself */
	spinlock_t lock;
	struct list_head ready; /* of item->ready_link, under lock */
	/* a task holds mutex and has taken items off ready that may return; under lock */
	bool scanning;
	struct file *file;           /* NULL: it has been closed */
	struct user_struct *user;    /* immutable: pays for the items */
	struct epoll_params_ params; /* under mutex */
	/* the last that came through here, and what it found; under nest_lock */
	u64 walk;
	int found;
};

struct epoll_hook;
struct epoll_item {
	struct rb_node node; /* of ep->items */
	struct eventpoll *ep;
	struct file *file; /* no reference */
	int fd;
	/* of file->f_ep, under file->f_lock, as the next */
	struct list_head file_link;
	/* eventpoll_release() has it, and alone removes it */
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

/* For file_watch_ops (kernel/vfs/vfs.h). */
struct file *eventpoll_target(struct file *ep, int fd, u32 nth);
void eventpoll_release(struct file *f);
/* epoll_ctl(2) with an event that was read already. */
long epoll_ctl_event(int epfd, int op, int fd, const struct epoll_event *e);
/* Both with nest_lock held. May @ep watch @child? 0 or -ELOOP. */
long epoll_check_nesting(struct eventpoll *ep, struct eventpoll *child);
/* Is @ep, or an epoll file below it, watched along too many ways? */
bool epoll_crowded(struct eventpoll *ep);

#endif
