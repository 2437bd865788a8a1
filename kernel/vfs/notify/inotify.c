/* SPDX-License-Identifier: MIT */
/*
 * inotify.c: inotify(7): reports events of files and directories to programs.
 *
 * fsnotify.c calls inotify_event(). An event of an inode without watches costs one test of
 * inode->i_fsnotify. An instance (the inotify file) has watches, each on one inode, numbered from
 * 1; a watch queues events of its inode at its instance. An event that equals the last one in the
 * queue is not queued again; a full queue gets one IN_Q_OVERFLOW.
 *
 *	inotify_add_watch -> watch
 *	watch -> (inotify_rm_watch, IN_ONESHOT, end of the inode) -> IN_IGNORED, freed
 *
 * A watch holds a reference to its inode. When an inode loses its last link, its watches report
 * IN_DELETE_SELF and are freed, so that the inode can be freed too.
 *
 * Invariants: a watch is in its inode's list and its instance's radix, or in neither; list and
 * radix change together.
 *
 * Locks: watch_lock, a mutex, for the lists of inodes and the radix trees; instance->wqh.lock for
 * the queue. An event takes watch_lock only if the inode is watched. Reclaim takes it when it drops
 * a name whose file has no link any more, because a FUSE server or the host removed it. So
 * allocations with the lock held are GFP_NOFS.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>

#include "gen/syscalls.h"
#include "kernel/vfs/notify/notify.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/lock/fasync.h"
#include "kernel/vfs/super.h"

static int max_queued_events = 16384; /* sysctl fs.inotify.max_queued_events */
#define EVENT_BITS IN_ALL_EVENTS
/* Reported to every watch, whatever its mask is. */
#define UNASKED IN_UNMOUNT
#define CONTROL_BITS                                                                               \
	(IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ONESHOT)
#define REPORTED_BITS                                                                              \
	(IN_UNMOUNT | IN_ISDIR | IN_Q_OVERFLOW | IN_IGNORED) /* ignored in a watch's mask */

struct instance {
	struct wait_queue_head wqh;
	struct list_head events; /* event->list of each; under wqh.lock */
	u32 nr_events;           /* under wqh.lock */
	u32 max_events;          /* immutable */
	struct radix watches;    /* by watch descriptor; under watch_lock */
	/*
	 * The last watch descriptor. It grows up to 2^31 - 1 before a number is used again, so that
	 * a late event is not mistaken for an event of a newer watch. Under watch_lock.
	 */
	int last_wd;
	/*
	 * Limits the number of instances and watches of the user. The file keeps the user namespace
	 * alive.
	 */
	struct ucounts *uc;
	struct fasync_list async; /* O_ASYNC: owners that get SIGIO */
};

struct watch {
	struct list_head list; /* link in marks->list, under watch_lock */
	struct instance *in;
	struct inode *inode; /* with a reference */
	u32 mask;            /* under watch_lock */
	int wd;
};

/* What inode->i_fsnotify points to while the inode is watched. */
struct marks {
	struct list_head list;
};

struct event {
	struct list_head list;
	struct inotify_event ev;
	char name[];
};

static DEFINE_MUTEX(watch_lock);
static const struct file_operations inotify_fops;

/* ---- the queue ---- */

/*
 * True if two events are equal. Cookies are not compared: two moves in a row to one name are
 * reported once, as on Linux.
 */
static bool same_event(const struct event *a, const struct event *b)
{
	return a->ev.wd == b->ev.wd && a->ev.mask == b->ev.mask && a->ev.len == b->ev.len &&
	       !memcmp(a->name, b->name, a->ev.len);
}

/* Allocates an event. Names are padded with zeros to a multiple of the event header's size. */
static struct event *event_new(int wd, u32 mask, u32 cookie, const char *name, u32 len)
{
	u32 padded = len ? (u32)round_up(len + 1, sizeof(struct inotify_event)) : 0;
	struct event *e = kzalloc(sizeof(*e) + padded, GFP_NOFS);

	if (!e)
		return NULL;
	e->ev.wd = wd;
	e->ev.mask = mask;
	e->ev.cookie = cookie;
	e->ev.len = padded;
	memcpy(e->name, name, len);
	return e;
}

/*
 * Queues the event, which then belongs to the queue, or returns false: it equals the last one, or
 * the queue is full. wqh.lock is held.
 */
static bool queue_locked(struct instance *in, struct event *e)
{
	if (!list_empty(&in->events) &&
		same_event(list_last_entry(&in->events, struct event, list), e))
		return false;
	if (in->nr_events > in->max_events)
		return false;
	/* The last event of a full queue becomes IN_Q_OVERFLOW. */
	if (in->nr_events == in->max_events) {
		e->ev.wd = -1;
		e->ev.mask = IN_Q_OVERFLOW;
		e->ev.cookie = e->ev.len = 0;
	}
	list_add_tail(&e->list, &in->events);
	in->nr_events++;
	wake_up_common_locked(&in->wqh, TASK_NORMAL, 1, EPOLLIN | EPOLLRDNORM);
	return true;
}

static void queue_event(
	struct instance *in, int wd, u32 mask, u32 cookie, const char *name, u32 len)
{
	struct event *e = event_new(wd, mask, cookie, name, len);
	bool queued;

	if (!e)
		return;
	spin_lock(&in->wqh.lock);
	queued = queue_locked(in, e);
	spin_unlock(&in->wqh.lock);
	if (queued)
		kill_fasync_list(&in->async, EPOLLIN | EPOLLRDNORM);
	if (!queued)
		kfree(e);
}

/* ---- watches; under watch_lock ---- */

/* Removes the watch. Returns its inode, whose reference the caller drops without the lock. */
static struct inode *watch_remove(struct watch *w)
{
	struct inode *inode = w->inode;
	struct marks *m = inode->i_fsnotify;

	list_del(&w->list);
	radix_delete(&w->in->watches, (u64)w->wd);
	if (list_empty(&m->list)) {
		WRITE_ONCE(inode->i_fsnotify, NULL);
		kfree(m);
	}
	ucounts_uncharge(w->in->uc, UCOUNT_INOTIFY_WATCHES);
	queue_event(w->in, w->wd, IN_IGNORED, 0, NULL, 0);
	kfree(w);
	return inode;
}

static struct watch *watch_find(struct instance *in, struct inode *inode)
{
	struct marks *m = inode->i_fsnotify;
	struct watch *w;

	if (m)
		list_for_each_entry(w, &m->list, list)
			if (w->in == in)
				return w;
	return NULL;
}

/*
 * Gives the watch its descriptor and links it into instance and inode. watch_lock is held. Returns
 * 0 or -errno.
 */
static int watch_link(struct instance *in, struct inode *inode, struct watch *w)
{
	struct marks *m = inode->i_fsnotify;
	s64 wd;

	if (!m) {
		m = kzalloc(sizeof(*m), GFP_NOFS);
		if (!m)
			return -ENOMEM;
		INIT_LIST_HEAD(&m->list);
	}
	wd = radix_alloc(&in->watches, (u64)in->last_wd + 1, 0x7fffffff, w);
	if (wd == -ENOSPC)
		wd = radix_alloc(&in->watches, 1, 0x7fffffff, w);
	if (wd < 0) {
		if (!inode->i_fsnotify)
			kfree(m);
		return (int)wd;
	}
	w->wd = in->last_wd = (int)wd;
	list_add_tail(&w->list, &m->list);
	WRITE_ONCE(inode->i_fsnotify, m);
	return 0;
}

/*
 * Adds a watch, which takes a reference to the inode. watch_lock is held. Returns the watch
 * descriptor or -errno.
 */
static long watch_new(struct instance *in, struct inode *inode, u32 mask)
{
	struct ucounts *uc = ucounts_charge(in->uc->ns, in->uc->uid, UCOUNT_INOTIFY_WATCHES);
	struct watch *w;
	int err;

	if (IS_ERR(uc))
		return PTR_ERR(uc);
	err = -ENOMEM;
	w = kzalloc(sizeof(*w), GFP_NOFS);
	if (!w)
		goto err_uncount;
	w->in = in;
	w->inode = inode;
	w->mask = mask;
	err = watch_link(in, inode, w);
	if (err)
		goto err_free;
	ihold(inode);
	return w->wd;
err_free:
	kfree(w);
err_uncount:
	ucounts_uncharge(uc, UCOUNT_INOTIFY_WATCHES);
	return err;
}

static long watch_set(struct instance *in, struct inode *inode, u32 mask)
{
	struct watch *w = watch_find(in, inode);
	u32 keep = mask & (EVENT_BITS | IN_ONESHOT | IN_EXCL_UNLINK);

	if (!w)
		return watch_new(in, inode, keep);
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	w->mask = mask & IN_MASK_ADD ? w->mask | keep : keep;
	return w->wd;
}

/* ---- interface for vfs ---- */

/*
 * Reports an event to all watches of @inode. @mask may have IN_ISDIR. A one-shot watch is removed,
 * and the reference to its inode is dropped without the lock.
 */
static void notify(
	struct inode *inode, u32 mask, u32 cookie, const char *name, u32 len, bool unlinked)
{
	struct watch *w, *next;
	struct marks *m;
	u32 drop = 0;

	mutex_lock(&watch_lock);
	m = inode->i_fsnotify;
	if (m) {
		/*
		 * The list head may be freed together with the last watch, so the end is tested
		 * first.
		 */
		bool last = list_empty(&m->list);

		for (w = list_first_entry(&m->list, struct watch, list); !last; w = next) {
			last = w->list.next == &m->list;
			next = last ? NULL : list_next_entry(w, list);
			if (!(mask & ((w->mask & EVENT_BITS) | UNASKED)) ||
				(unlinked && (w->mask & IN_EXCL_UNLINK)))
				continue;
			queue_event(w->in, w->wd, mask, cookie, name, len);
			if (w->mask & IN_ONESHOT) {
				watch_remove(w);
				drop++;
			}
		}
	}
	mutex_unlock(&watch_lock);
	while (drop--)
		iput(inode);
}

static void notify_inode(struct inode *inode, u32 mask, bool unlinked)
{
	/* As on Linux, IN_ISDIR is not set for a directory's own move or removal. */
	if (mask & (IN_DELETE_SELF | IN_MOVE_SELF))
		mask &= ~(u32)IN_ISDIR;
	else if (S_ISDIR(inode->i_mode))
		mask |= IN_ISDIR;
	notify(inode, mask, 0, NULL, 0, unlinked);
}

void inotify_event(const struct fs_event *e)
{
	u32 mask = e->mask & (FS_INOTIFY_EVENTS | IN_ISDIR);

	if (!(mask & FS_INOTIFY_EVENTS))
		return;
	if (e->dir && READ_ONCE(e->dir->i_fsnotify)) { /* the directory's watches come first */
		u32 is_dir = e->inode && S_ISDIR(e->inode->i_mode) ? IN_ISDIR : 0;

		notify(e->dir, mask | is_dir, e->cookie, e->name, e->len, e->unlinked);
	}
	if (!e->dirent && READ_ONCE(e->inode->i_fsnotify))
		notify_inode(e->inode, mask, e->unlinked);
}

/*
 * Removes the watches of an inode, since its last link was removed or its file system is being
 * unmounted.
 */
void inotify_inode_gone(struct inode *inode)
{
	struct marks *m;
	u32 drop = 0;

	if (!READ_ONCE(inode->i_fsnotify))
		return;
	mutex_lock(&watch_lock);
	while ((m = inode->i_fsnotify)) {
		watch_remove(list_first_entry(&m->list, struct watch, list));
		drop++;
	}
	mutex_unlock(&watch_lock);
	while (drop--)
		iput(inode);
}

/* ---- the instance as a file ---- */

/*
 * Takes the first event off the queue; the caller frees it. NULL: there is none, or with *err set
 * to -EINVAL, it does not fit into @room bytes.
 */
static struct event *take_event(struct instance *in, size_t room, int *err)
{
	struct event *e;

	*err = 0;
	spin_lock(&in->wqh.lock);
	e = list_first_entry_or_null(&in->events, struct event, list);
	if (e && sizeof(e->ev) + e->ev.len > room) {
		*err = -EINVAL;
		e = NULL;
	} else if (e) {
		list_del(&e->list);
		in->nr_events--;
	}
	spin_unlock(&in->wqh.lock);
	return e;
}

static ssize_t put_event(struct event *e, struct iov_iter *to)
{
	size_t n = sizeof(e->ev) + e->ev.len;
	bool ok = copy_to_iter(&e->ev, sizeof(e->ev), to) == sizeof(e->ev) &&
		  copy_to_iter(e->name, e->ev.len, to) == e->ev.len;

	kfree(e);
	return ok ? (ssize_t)n : -EFAULT;
}

static ssize_t inotify_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct instance *in = f->private_data;
	ssize_t total = 0, n;
	struct event *e;
	int err;

	for (;;) {
		e = take_event(in, to->count, &err);
		if (e) {
			n = put_event(e, to);
			/* EFAULT, also after other events: this one is lost */
			if (n < 0)
				return n;
			total += n;
			continue;
		}
		if (total || err)
			return total ? total : err;
		if (file_nonblock(f, to))
			return -EAGAIN;
		err = wait_event_interruptible(&in->wqh, !list_empty(&in->events));
		if (err)
			return err;
	}
}

static u32 inotify_poll(struct file *f, struct poll_table *pt)
{
	struct instance *in = f->private_data;

	poll_wait(f, &in->wqh, pt);
	return list_empty(&in->events) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static long inotify_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct instance *in = f->private_data;
	struct event *e;
	u32 n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	spin_lock(&in->wqh.lock);
	list_for_each_entry(e, &in->events, list)
		n += (u32)sizeof(e->ev) + e->ev.len;
	spin_unlock(&in->wqh.lock);
	return put_user(n, UADDR(arg));
}

static int inotify_fasync(int fd, struct file *f, bool on)
{
	struct instance *in = f->private_data;

	return fasync_helper(fd, f, on, &in->async);
}

static int inotify_release(struct inode *unused, struct file *f)
{
	struct instance *in = f->private_data;
	struct event *e, *next;
	struct watch *w;

	for (;;) {
		struct inode *inode = NULL;
		u64 wd = 0;

		mutex_lock(&watch_lock);
		w = radix_next(&in->watches, &wd);
		if (w)
			inode = watch_remove(w);
		mutex_unlock(&watch_lock);
		if (!w)
			break;
		iput(inode);
	}
	list_for_each_entry_safe(e, next, &in->events, list)
		kfree(e);
	ucounts_uncharge(in->uc, UCOUNT_INOTIFY_INSTANCES);
	kfree(in);
	return 0;
}

static int inotify_fdinfo(struct file *f, char *buf, size_t size)
{
	struct instance *in = f->private_data;
	struct watch *w;
	int len = 0;
	u64 wd = 0;

	mutex_lock(&watch_lock);
	for (; (size_t)len + 1 < size && (w = radix_next(&in->watches, &wd)); wd++)
		len += scnprintf(buf + len, size - (size_t)len,
			"inotify wd:%x ino:%lx sdev:%x mask:%x ignored_mask:0\n", (u32)w->wd,
			(unsigned long)w->inode->i_ino, w->inode->i_sb->s_dev, w->mask);
	mutex_unlock(&watch_lock);
	return len;
}

static const struct file_operations inotify_fops = {
	.llseek = noop_llseek,
	.read_iter = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.fasync = inotify_fasync,
	.release = inotify_release,
	.show_fdinfo = inotify_fdinfo,
};

long sys_inotify_init1(int flags)
{
	struct instance *in;
	struct ucounts *uc;
	int fd;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	uc = ucounts_charge(current_user_ns(), current_euid(), UCOUNT_INOTIFY_INSTANCES);
	if (IS_ERR(uc))
		return PTR_ERR(uc) == -ENOSPC ? -EMFILE : PTR_ERR(uc);
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in) {
		ucounts_uncharge(uc, UCOUNT_INOTIFY_INSTANCES);
		return -ENOMEM;
	}
	init_waitqueue_head(&in->wqh);
	INIT_LIST_HEAD(&in->events);
	fasync_list_init(&in->async);
	in->max_events = (u32)READ_ONCE(max_queued_events);
	in->uc = uc;
	fd = anon_fd("inotify", &inotify_fops, in, O_RDONLY | (flags & (IN_CLOEXEC | IN_NONBLOCK)));
	if (fd < 0) {
		ucounts_uncharge(uc, UCOUNT_INOTIFY_INSTANCES);
		kfree(in);
	}
	return fd;
}

long sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

/* Returns the file of an inotify descriptor, or ERR_PTR(-EBADF, -EINVAL). */
static struct file *inotify_get(int fd)
{
	struct file *f = fget(fd);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->f_op != &inotify_fops) {
		fput(f);
		return ERR_PTR(-EINVAL);
	}
	return f;
}

long sys_inotify_add_watch(int fd, uaddr_t name, u32 mask)
{
	struct path path;
	struct file *f;
	u32 lookup = mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW;
	long ret;

	if (!mask || (mask & ~(EVENT_BITS | CONTROL_BITS | REPORTED_BITS)))
		return -EINVAL;
	if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE))
		return -EINVAL;
	f = inotify_get(fd);
	if (IS_ERR(f))
		return PTR_ERR(f);
	ret = user_path_at(
		AT_FDCWD, name, lookup | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0), &path);
	if (ret)
		goto out_put;
	ret = path_permission(&path, MAY_READ);
	if (!ret) {
		mutex_lock(&watch_lock);
		ret = watch_set(f->private_data, path.dentry->d_inode, mask);
		mutex_unlock(&watch_lock);
	}
	path_put(&path);
out_put:
	fput(f);
	return ret;
}

long sys_inotify_rm_watch(int fd, int wd)
{
	struct file *f = inotify_get(fd);
	struct inode *inode = NULL;
	struct instance *in;
	struct watch *w;

	if (IS_ERR(f))
		return PTR_ERR(f);
	in = f->private_data;
	mutex_lock(&watch_lock);
	w = wd > 0 ? radix_lookup(&in->watches, (u64)wd) : NULL;
	if (w)
		inode = watch_remove(w);
	mutex_unlock(&watch_lock);
	fput(f);
	if (!w)
		return -EINVAL;
	iput(inode);
	return 0;
}

static const struct sysctl inotify_sysctls[] = {
	SYSCTL_NUM("fs/inotify/max_queued_events", max_queued_events, 0, 0x7fffffff),
	SYSCTL_BIG("fs/inotify/max_user_instances",
		init_user_ns.ucount_max[UCOUNT_INOTIFY_INSTANCES], 0, 0x7fffffff),
	SYSCTL_BIG("fs/inotify/max_user_watches", init_user_ns.ucount_max[UCOUNT_INOTIFY_WATCHES],
		0, 0x7fffffff),
};

static int inotify_init(void)
{
	return sysctl_register(inotify_sysctls, ARRAY_SIZE(inotify_sysctls));
}
INITCALL(3, inotify_init);
