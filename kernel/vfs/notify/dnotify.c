/* SPDX-License-Identifier: MIT */
/*
 * dnotify.c: fcntl(F_NOTIFY), which inotify superseded: a signal for events in a directory.
 *
 *	fcntl(fd, F_NOTIFY, DN_...) -> a request of (file, fd, files)
 *	    -> freed by an event of its mask (unless DN_MULTISHOT), by a mask of 0, or by close
 *
 * Requests are on a list of the directory's inode (i_dnotify), so an event in a directory without
 * requests costs one test. The files keep the inode, and a request is freed with its file at the
 * latest. Locks: dnotify_lock, a mutex, for all requests.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>

#include "kernel/lib/sysctl.h"
#include "kernel/mm/mm.h"
#include "kernel/vfs/internal.h"

#define ALL_EVENTS (DN_ACCESS | DN_MODIFY | DN_CREATE | DN_DELETE | DN_RENAME | DN_ATTRIB)

struct dnotify {
	struct dnotify *next;
	/* Holds no reference: the end of the file frees the request. */
	struct file *file;
	/* The table of descriptors in which a close of @fd frees the request; only compared. */
	struct files_struct *owner;
	int fd;
	u32 mask; /* DN_*; under dnotify_lock */
};

static DEFINE_MUTEX(dnotify_lock);

static u32 events_of(u32 in)
{
	return (in & IN_ACCESS ? DN_ACCESS : 0) | (in & IN_MODIFY ? DN_MODIFY : 0) |
	       (in & (IN_CREATE | IN_MOVED_TO) ? DN_CREATE : 0) |
	       (in & (IN_DELETE | IN_MOVED_FROM) ? DN_DELETE : 0) |
	       (in & IN_ATTRIB ? DN_ATTRIB : 0);
}

static void signal_locked(struct inode *dir, u32 events)
{
	struct dnotify **at = &dir->i_dnotify, *d;

	assert_mutex_held(&dnotify_lock);
	while ((d = *at)) {
		cond_resched(); /* guests choose how many there are */
		if (d->mask & events)
			kill_fasync(d->file, d->fd, EPOLLMSG);
		if ((d->mask & events) && !(d->mask & DN_MULTISHOT)) {
			WRITE_ONCE(*at, d->next);
			kfree(d);
		} else {
			at = &d->next;
		}
	}
}

void dnotify_signal(struct inode *dir, u32 in, bool renamed)
{
	u32 events = events_of(in) | (renamed ? DN_RENAME : 0);

	if (!events || !S_ISDIR(dir->i_mode))
		return;
	mutex_lock(&dnotify_lock);
	signal_locked(dir, events);
	mutex_unlock(&dnotify_lock);
}

void dnotify_remove(struct file *f, struct files_struct *owner)
{
	struct dnotify **at, *d;

	mutex_lock(&dnotify_lock);
	for (at = &f->f_inode->i_dnotify; (d = *at);) {
		if (d->file != f || (owner && d->owner != owner)) {
			at = &d->next;
			continue;
		}
		WRITE_ONCE(*at, d->next);
		kfree(d);
	}
	mutex_unlock(&dnotify_lock);
}

/*
 * Adds @mask to the existing request of this file and table, whose descriptor becomes @fd, or else
 * adds @fresh. Returns true if it added @fresh.
 */
static bool add_locked(int fd, struct file *f, u32 mask, struct dnotify *fresh)
{
	struct inode *dir = f->f_inode;
	struct dnotify *d;

	assert_mutex_held(&dnotify_lock);
	for (d = dir->i_dnotify; d; d = d->next)
		if (d->file == f && d->owner == current->files) {
			d->mask |= mask;
			d->fd = fd;
			return false;
		}
	*fresh = (struct dnotify){ dir->i_dnotify, f, current->files, fd, mask };
	WRITE_ONCE(dir->i_dnotify, fresh);
	return true;
}

static int enabled = 1; /* fs.dir-notify-enable */

long fcntl_notify(int fd, struct file *f, u32 mask)
{
	struct dnotify *fresh;
	struct file *now;
	bool taken = false;

	if (!READ_ONCE(enabled))
		return -EINVAL;
	if (!(mask & ALL_EVENTS)) {
		if (is_dir(f->f_inode))
			dnotify_remove(f, current->files);
		return 0;
	}
	if (!is_dir(f->f_inode))
		return -ENOTDIR;
	fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	mutex_lock(&dnotify_lock);
	/*
	 * A concurrent close either finds the request, or came before this fget(), which then does
	 * not return @f.
	 */
	now = fget(fd);
	if (now == f) {
		file_owned_by_us(f);
		taken = add_locked(fd, f, mask, fresh);
	}
	mutex_unlock(&dnotify_lock);
	if (now)
		fput(now);
	if (!taken)
		kfree(fresh);
	return 0;
}

static const struct sysctl knobs[] = {
	SYSCTL_NUM("fs/dir-notify-enable", enabled, -0x80000000L, 0x7fffffff),
};

static int dnotify_init(void)
{
	return sysctl_register(knobs, ARRAY_SIZE(knobs));
}
INITCALL(4, dnotify_init);
