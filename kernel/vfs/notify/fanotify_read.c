/* SPDX-License-Identifier: MIT */
/*
 * fanotify_read.c: a group as a file: reading events, answering permission events, closing.
 *
 * An event is read whole or not at all. Groups without file identifiers get an open file with each
 * event. Groups with file identifiers get records after the metadata, each a multiple of four
 * bytes.
 */
#include <asm/ioctls.h>
#include <linux/eventpoll.h>

#include "kernel/vfs/notify/fanotify.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/process_ops.h"
#include "kernel/vfs/super.h"

#define FILEID_INVALID 0xff
/* bytes: header, fsid, handle's head */
#define FID_HEAD (sizeof(struct fanotify_event_info_header) + 8 + 8)

/* ---- records ---- */

static u32 fid_len(const struct fan_fid *f, const char *name)
{
	if (!f->bytes)
		return 0;
	return (u32)round_up(FID_HEAD + f->bytes + (name ? strlen(name) + 1 : 0), 4);
}

static char *put_fid(char *to, u8 type, const struct fan_fid *f, const char *name)
{
	struct fanotify_event_info_header h = { type, 0, (u16)fid_len(f, name) };
	s32 head[2] = { (s32)f->bytes, f->type };
	char *p = to;

	if (!f->bytes)
		return to;
	memset(to, 0, h.len);
	memcpy(p, &h, sizeof(h));
	p += sizeof(h);
	memcpy(p, f->fsid, 8);
	memcpy(p + 8, head, 8);
	memcpy(p + 16, f->fh, f->bytes);
	if (name)
		memcpy(p + 16 + f->bytes, name, strlen(name) + 1);
	return to + h.len;
}

/*
 * Returns the length of the records of FAN_FS_ERROR: one for the file, with an empty handle if no
 * file is damaged, and one for the error.
 */
static u32 error_len(const struct fan_event *e)
{
	return (u32)(round_up(FID_HEAD + e->object.bytes, 4) +
		     sizeof(struct fanotify_event_info_error));
}

static char *put_error(char *p, const struct fan_event *e)
{
	struct fanotify_event_info_error r = { { FAN_EVENT_INFO_TYPE_ERROR, 0, sizeof(r) },
		e->error, e->error_count };

	if (e->object.bytes) {
		p = put_fid(p, FAN_EVENT_INFO_TYPE_FID, &e->object, NULL);
	} else {
		struct fanotify_event_info_header h = { FAN_EVENT_INFO_TYPE_FID, 0, FID_HEAD };
		u32 handle[2] = { 0, FILEID_INVALID };

		memcpy(p, &h, sizeof(h));
		memcpy(p + sizeof(h), e->object.fsid, 8);
		memcpy(p + sizeof(h) + 8, handle, 8);
		p += FID_HEAD;
	}
	memcpy(p, &r, sizeof(r));
	return p + sizeof(r);
}

/*
 * Returns the name in a directory's record, or NULL. For a group that reports names, the name of an
 * event of the directory itself is ".".
 */
static const char *dir_name(const struct fan_group *g, const struct fan_event *e)
{
	if (!(g->flags & FAN_REPORT_NAME))
		return NULL;
	return e->name ? e->name : ".";
}

/*
 * Returns the type of a record without a name. For a group with FAN_REPORT_DIR_FID alone, an event
 * of the directory or of its entries has a directory's record. An event of a child has the
 * directory's identifier in a file's record.
 */
static u8 plain_type(const struct fan_group *g, const struct fan_event *e)
{
	bool dirs_only = (g->flags & FAN_FID_BITS) == FAN_REPORT_DIR_FID;

	if (dirs_only && !(e->mask & (FAN_DIRENT_EVENTS | FAN_ONDIR)))
		return FAN_EVENT_INFO_TYPE_FID;
	return FAN_EVENT_INFO_TYPE_DFID;
}

static u32 event_len(const struct fan_group *g, const struct fan_event *e)
{
	u32 n = FAN_EVENT_METADATA_LEN;

	if (e->error)
		n += error_len(e);
	else
		n += fid_len(&e->dir, dir_name(g, e)) + fid_len(&e->new_dir, e->new_name) +
		     fid_len(&e->object, NULL);
	if (g->flags & FAN_REPORT_PIDFD)
		n += sizeof(struct fanotify_event_info_pidfd);
	return n;
}

static char *put_records(char *p, const struct fan_group *g, const struct fan_event *e, int pidfd)
{
	bool named = g->flags & FAN_REPORT_NAME;

	if (e->error) {
		p = put_error(p, e);
	} else if (e->mask & FAN_RENAME) {
		p = put_fid(p, FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, &e->dir, dir_name(g, e));
		p = put_fid(p, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, &e->new_dir, e->new_name);
	} else {
		p = put_fid(p, named ? FAN_EVENT_INFO_TYPE_DFID_NAME : plain_type(g, e), &e->dir,
			dir_name(g, e));
	}
	if (!e->error)
		p = put_fid(p, FAN_EVENT_INFO_TYPE_FID, &e->object, NULL);
	if (g->flags & FAN_REPORT_PIDFD) {
		struct fanotify_event_info_pidfd r = { { FAN_EVENT_INFO_TYPE_PIDFD, 0, sizeof(r) },
			pidfd };

		memcpy(p, &r, sizeof(r));
		p += sizeof(r);
	}
	return p;
}

/* ---- reading ---- */

/*
 * Opens the event's file for the listener. Returns a reserved descriptor, or -errno. Sets *f to the
 * file to be installed there.
 */
static int event_fd(struct fan_group *g, struct fan_event *e, struct file **f)
{
	int fd;

	*f = NULL;
	if (!e->path.dentry || e->mask & FAN_Q_OVERFLOW)
		return FAN_NOFD;
	fd = get_unused_fd(g->event_f_flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	*f = dentry_open(&e->path, g->event_f_flags, FMODE_NONOTIFY);
	if (IS_ERR(*f)) {
		put_unused_fd(fd);
		fd = (int)PTR_ERR(*f);
		*f = NULL;
	}
	return fd;
}

static int event_pidfd(struct fan_group *g, struct fan_event *e, struct file **f)
{
	int fd;

	*f = NULL;
	/* There is no pidfd either for a process that has ended and was reaped. */
	if (!(g->flags & FAN_REPORT_PIDFD) || e->mask & FAN_Q_OVERFLOW || !e->pid ||
		!pid_vnr(e->pid) || list_empty(&e->pid->tasks[PIDTYPE_TGID]))
		return FAN_NOPIDFD;
	*f = process_ops->pidfd_file(e->pid, 0);
	if (IS_ERR(*f)) {
		int err = (int)PTR_ERR(*f);

		*f = NULL;
		return err == -ESRCH ? FAN_NOPIDFD : FAN_EPIDFD;
	}
	fd = get_unused_fd(O_CLOEXEC);
	if (fd >= 0)
		return fd;
	fput(*f);
	*f = NULL;
	return FAN_EPIDFD;
}

static s32 shown_pid(const struct fan_group *g, const struct fan_event *e)
{
	if (!e->pid || e->mask & FAN_Q_OVERFLOW ||
		(g->unprivileged && e->pid != current->group_leader->thread_pid))
		return 0;
	return pid_vnr(e->pid);
}

static void drop_fd(int fd, struct file *f)
{
	if (f) {
		put_unused_fd(fd);
		fput(f);
	}
}

/*
 * Writes an event that no other task can free. Returns bytes or -errno. Sets *fd to the descriptor
 * that the listener will name in its answer to a permission event.
 */
static ssize_t put_event(struct fan_group *g, struct fan_event *e, struct iov_iter *to, int *fd)
{
	struct fanotify_event_metadata m = { .event_len = event_len(g, e),
		.vers = FANOTIFY_METADATA_VERSION,
		.metadata_len = FAN_EVENT_METADATA_LEN,
		.mask = e->mask,
		.fd = FAN_NOFD,
		.pid = shown_pid(g, e) };
	struct file *f, *pf;
	char *buf = kzalloc(m.event_len, GFP_KERNEL);
	int pidfd;
	size_t n = m.event_len;

	if (!buf)
		return -ENOMEM;
	*fd = m.fd = event_fd(g, e, &f);
	if (m.fd < FAN_NOFD) {
		kfree(buf);
		return m.fd;
	}
	pidfd = event_pidfd(g, e, &pf);
	memcpy(buf, &m, sizeof(m));
	put_records(buf + sizeof(m), g, e, pidfd);
	if (copy_to_iter(buf, n, to) != n) {
		drop_fd(m.fd, f);
		drop_fd(pidfd, pf);
		kfree(buf);
		return -EFAULT;
	}
	if (f)
		fd_install(m.fd, f);
	if (pf)
		fd_install(pidfd, pf);
	kfree(buf);
	return (ssize_t)n;
}

/*
 * Removes the first event from the queue and returns it, or NULL. If *permission is set, the event
 * belongs to the task that waits for the answer. That task may be killed and free the event, so
 * without the lock only the event's address may be used.
 */
static struct fan_event *take_event(struct fan_group *g, size_t room, int *err, bool *permission)
{
	struct fan_event *e;

	*err = 0;
	*permission = false;
	spin_lock(&g->wqh.lock);
	e = list_first_entry_or_null(&g->events, struct fan_event, link);
	if (e && event_len(g, e) > room) {
		*err = -EINVAL;
		e = NULL;
	} else if (e) {
		g->nr_events--;
		*permission = e->permission;
		/*
		 * Moves the event to the list of events to be answered, where the waiting task
		 * finds it if it is killed.
		 */
		if (*permission) {
			list_move_tail(&e->link, &g->asked);
			e->fd = -2; /* not FAN_NOFD: it is off @events */
		} else {
			list_del_init(&e->link);
		}
	}
	spin_unlock(&g->wqh.lock);
	return e;
}

/*
 * Writes a permission event. Its waiting task may be killed and free the event. So the content is
 * copied under the lock, and the event is later found again by its address.
 */
static ssize_t put_permission(struct fan_group *g, struct fan_event *asked, struct iov_iter *to)
{
	struct fan_event copy, *e;
	bool there = false;
	ssize_t n;
	int fd;

	spin_lock(&g->wqh.lock);
	list_for_each_entry(e, &g->asked, link)
		if (e == asked) {
			copy = *e;
			path_get(&copy.path);
			copy.pid = get_pid(e->pid);
			there = true;
			break;
		}
	spin_unlock(&g->wqh.lock);
	if (!there)
		return 0;
	n = put_event(g, &copy, to, &fd);
	spin_lock(&g->wqh.lock);
	list_for_each_entry(e, &g->asked, link)
		if (e == asked) {
			if (n > 0)
				e->fd = fd;
			else
				e->response = FAN_DENY;
			break;
		}
	spin_unlock(&g->wqh.lock);
	if (n <= 0)
		wake_up_all(&g->wqh);
	path_put(&copy.path);
	put_pid(copy.pid);
	return n;
}

static ssize_t read_one(struct fan_group *g, struct iov_iter *to, bool *none)
{
	struct fan_event *e;
	bool permission;
	ssize_t n;
	int err, fd;

	e = take_event(g, to->count, &err, &permission);
	*none = !e && !err;
	if (!e)
		return err;
	if (permission)
		return put_permission(g, e, to);
	n = put_event(g, e, to, &fd);
	fan_event_free(e);
	return n;
}

static ssize_t fanotify_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct fan_group *g = f->private_data;
	ssize_t total = 0, n;
	bool none;

	for (;;) {
		n = read_one(g, to, &none);
		if (n < 0)
			return total && n != -EFAULT ? total : n;
		total += n;
		if (!none)
			continue;
		if (total)
			return total;
		if (file_nonblock(f, to))
			return -EAGAIN;
		n = wait_event_interruptible(&g->wqh, !list_empty(&g->events));
		if (n)
			return n;
	}
}

static ssize_t fanotify_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct fan_group *g = f->private_data;
	struct fanotify_response r;
	struct fan_event *e;
	int err = -ENOENT;

	if (!(g->flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT)))
		return -EINVAL;
	if (from->count < sizeof(r))
		return -EINVAL;
	if (copy_from_iter(&r, sizeof(r), from) != sizeof(r))
		return -EFAULT;
	if (r.response != FAN_ALLOW && r.response != FAN_DENY)
		return -EINVAL;
	if (r.fd < 0)
		return -EINVAL;
	spin_lock(&g->wqh.lock);
	list_for_each_entry(e, &g->asked, link)
		if (e->fd == r.fd) {
			e->response = r.response;
			list_del_init(&e->link);
			err = 0;
			break;
		}
	spin_unlock(&g->wqh.lock);
	if (err)
		return err;
	wake_up_all(&g->wqh);
	return sizeof(r);
}

static u32 fanotify_poll(struct file *f, struct poll_table *pt)
{
	struct fan_group *g = f->private_data;

	poll_wait(f, &g->wqh, pt);
	return list_empty(&g->events) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static long fanotify_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct fan_group *g = f->private_data;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user((u32)(READ_ONCE(g->nr_events) * FAN_EVENT_METADATA_LEN), UADDR(arg));
}

/*
 * Ends the events of a dead group: wakes up the tasks that wait for answers, and frees unread
 * events.
 */
void fan_release_events(struct fan_group *g)
{
	struct fan_event *e, *next;
	LIST_HEAD(gone);

	spin_lock(&g->wqh.lock);
	g->dead = true;
	list_for_each_entry_safe(e, next, &g->events, link) {
		if (e->permission)
			list_del_init(&e->link);
		else
			list_move_tail(&e->link, &gone);
	}
	list_for_each_entry_safe(e, next, &g->asked, link)
		list_del_init(&e->link);
	g->nr_events = 0;
	spin_unlock(&g->wqh.lock);
	wake_up_all(&g->wqh);
	list_for_each_entry_safe(e, next, &gone, link) {
		list_del_init(&e->link);
		fan_event_free(e);
	}
}

static int fanotify_fdinfo(struct file *f, char *buf, size_t size)
{
	struct fan_group *g = f->private_data;
	struct fan_mark *m;
	int n = scnprintf(
		buf, size, "fanotify flags:%x event-flags:%x\n", g->flags, g->event_f_flags);

	mutex_lock(&fanotify_lock);
	list_for_each_entry(m, &g->marks, group_link) {
		const struct inode *inode = m->object;
		const struct mount *mnt = m->object;
		const struct super_block *sb = m->object;

		if ((size_t)n + 1 >= size)
			break;
		if (m->type == FAN_ON_INODE)
			n += scnprintf(buf + n, size - (size_t)n, "fanotify ino:%lx sdev:%x ",
				(unsigned long)inode->i_ino, inode->i_sb->s_dev);
		else if (m->type == FAN_ON_MOUNT)
			n += scnprintf(
				buf + n, size - (size_t)n, "fanotify mnt_id:%x ", (u32)mnt->mnt_id);
		else
			n += scnprintf(buf + n, size - (size_t)n, "fanotify sdev:%x ", sb->s_dev);
		n += scnprintf(buf + n, size - (size_t)n, "mflags:%x mask:%x ignored_mask:%x\n",
			m->flags, m->mask, m->ignored);
	}
	mutex_unlock(&fanotify_lock);
	return n;
}

const struct file_operations fanotify_fops = {
	.llseek = noop_llseek,
	.read_iter = fanotify_read,
	.write_iter = fanotify_write,
	.poll = fanotify_poll,
	.ioctl = fanotify_ioctl,
	.release = fanotify_release,
	.show_fdinfo = fanotify_fdinfo,
};
