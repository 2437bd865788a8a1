/* SPDX-License-Identifier: MIT */
/*
 * pipe.c: pipes and FIFOs: a ring of page buffers from writers to readers.
 *
 * - pipe(2), pipe2(2): a new inode on a pseudo file system with two files.
 * - FIFOs: vfs sets pipefifo_fops as i_fop of their inodes; open waits for the other side.
 * - fcntl(F_SETPIPE_SZ, F_GETPIPE_SZ): pipe_fcntl().
 *
 * A write of at most PIPE_BUF (one page) is atomic: it is appended to the last page, if it fits
 * there, or goes into a new page. The ring's size is counted in pages, as on Linux, so small writes
 * may fill a pipe of 64 KiB with less data. Readers are woken up when the pipe was empty and
 * writers when it was full, one task at a time and after the mutex is dropped. So a reader and a
 * writer on one vCPU need one switch for each message.
 *
 * Invariants: tail <= head <= tail + ring_size; a buffer has len > 0; p->files is the number of
 * open files and the pipe is freed with the last of them.
 *
 * Locks: p->mutex; inode->i_lock for inode->i_pipe and p->files. Guest memory is copied with the
 * mutex held, since a mutex may sleep.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/watch_queue.h>

#include "gen/syscalls.h"
#include "kernel/vfs/pipe/pipe.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/process_ops.h"

#define PIPE_DEF_BUFS 16

/*
 * Sysctls fs.pipe-*: the size limit of one pipe in bytes, and the limits for all pipes of one user
 * in pages (0: no limit).
 */
static int pipe_max_size = 1 << 20;
static int pipe_user_pages_soft = 16384, pipe_user_pages_hard;

static const struct file_operations pipe_fops;

/* ---- creation and end ---- */

/*
 * True if @pages, the pages of all pipes of a user, exceed @limit and current has no capability to
 * exceed it.
 */
static bool over_limit(s64 pages, int limit)
{
	return limit && pages > limit && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

static struct pipe_inode_info *pipe_alloc(void)
{
	struct pipe_inode_info *p = kzalloc(sizeof(*p), GFP_KERNEL);
	struct user_struct *u = current_cred()->user;
	u32 n = PIPE_DEF_BUFS;
	s64 pages;

	if (!p)
		return NULL;
	pages = atomic_add_return(n, &u->pipe_pages);
	if (over_limit(pages, READ_ONCE(pipe_user_pages_hard))) {
		atomic_sub(n, &u->pipe_pages);
		kfree(p);
		return NULL;
	}
	if (over_limit(pages, READ_ONCE(pipe_user_pages_soft))) {
		atomic_sub(n - 2, &u->pipe_pages);
		n = 2;
	}
	p->bufs = kcalloc(n, sizeof(*p->bufs), GFP_KERNEL);
	if (!p->bufs) {
		atomic_sub(n, &u->pipe_pages);
		kfree(p);
		return NULL;
	}
	atomic_inc(&u->usage);
	p->user = u;
	p->ring_size = n;
	mutex_init(&p->mutex);
	init_waitqueue_head(&p->rd_wait);
	init_waitqueue_head(&p->wr_wait);
	fasync_list_init(&p->rd_async);
	fasync_list_init(&p->wr_async);
	return p;
}

static void pipe_free(struct pipe_inode_info *p)
{
	while (!pipe_empty(p))
		put_page(pipe_slot(p, p->tail++)->page);
	for (u32 i = 0; i < ARRAY_SIZE(p->spare); i++)
		if (p->spare[i])
			put_page(p->spare[i]);
	atomic_sub(p->ring_size, &p->user->pipe_pages);
	put_uid_user(p->user);
	kfree(p->bufs);
	kfree(p);
}

/* Drops the reference that an open file holds. The last one frees the pipe. */
static void pipe_put(struct inode *inode, struct pipe_inode_info *p)
{
	bool last;

	spin_lock(&inode->i_lock);
	last = !--p->files;
	if (last)
		inode->i_pipe = NULL;
	spin_unlock(&inode->i_lock);
	if (last)
		pipe_free(p);
}

struct pipe_inode_info *file_pipe(struct file *f)
{
	return f->f_op == &pipe_fops || f->f_op == &pipefifo_fops ? f->private_data : NULL;
}

/* ---- buffers ---- */

struct page *pipe_page_get(struct pipe_inode_info *p)
{
	for (u32 i = 0; i < ARRAY_SIZE(p->spare); i++) {
		struct page *page = p->spare[i];

		if (page) {
			p->spare[i] = NULL;
			return page;
		}
	}
	return alloc_page(GFP_KERNEL | __GFP_ACCOUNT);
}

void pipe_buf_release(struct pipe_inode_info *p, struct pipe_buf *b)
{
	struct page *page = b->page;

	b->page = NULL;
	if (atomic_read(&page->refcount) == 1) {
		for (u32 i = 0; i < ARRAY_SIZE(p->spare); i++) {
			if (!p->spare[i]) {
				p->spare[i] = page;
				return;
			}
		}
	}
	put_page(page);
}

void pipe_consume(struct pipe_inode_info *p, u32 n)
{
	struct pipe_buf *b = pipe_slot(p, p->tail);

	b->offset += n;
	b->len -= n;
	if (!b->len) {
		pipe_buf_release(p, b);
		WRITE_ONCE(p->tail, p->tail + 1);
	}
}

void pipe_lock_two(struct pipe_inode_info *a, struct pipe_inode_info *b)
{
	mutex_lock(a < b ? &a->mutex : &b->mutex);
	if (a != b)
		mutex_lock(a < b ? &b->mutex : &a->mutex);
}

void pipe_unlock_two(struct pipe_inode_info *a, struct pipe_inode_info *b)
{
	mutex_unlock(&a->mutex);
	if (a != b)
		mutex_unlock(&b->mutex);
}

/* ---- waiting ---- */

void pipe_wake_readers(struct pipe_inode_info *p)
{
	wake_up_poll(&p->rd_wait, EPOLLIN | EPOLLRDNORM);
	kill_fasync_list(&p->rd_async, EPOLLIN | EPOLLRDNORM);
}

void pipe_wake_writers(struct pipe_inode_info *p)
{
	wake_up_poll(&p->wr_wait, EPOLLOUT | EPOLLWRNORM);
	kill_fasync_list(&p->wr_async, EPOLLOUT | EPOLLWRNORM);
}

/*
 * Waits on @queue for @condition with the pipe unlocked. A wake-up wakes up one of the tasks that
 * wait there. The value is 0 or -errno.
 */
#define pipe_sleep(p, queue, condition)                                                            \
	({                                                                                         \
		int err_;                                                                          \
                                                                                                   \
		mutex_unlock(&(p)->mutex);                                                         \
		err_ = wait_event_interruptible_exclusive(queue, condition);                       \
		mutex_lock(&(p)->mutex);                                                           \
		err_;                                                                              \
	})

int pipe_wait_readable(struct pipe_inode_info *p, bool nonblock, bool *waited)
{
	int err;

	while (pipe_empty(p)) {
		if (!p->writers)
			return 0;
		if (nonblock)
			return -EAGAIN;
		*waited = true;
		err = pipe_sleep(p, &p->rd_wait, !pipe_empty(p) || !READ_ONCE(p->writers));
		if (err)
			return err;
	}
	return 1;
}

int pipe_wait_writable(struct pipe_inode_info *p, bool nonblock, bool *waited)
{
	int err;

	for (;;) {
		if (!p->readers) {
			send_io_signal(SIGPIPE, SEND_SIG_NOINFO);
			return -EPIPE;
		}
		if (!pipe_full(p))
			return 0;
		if (nonblock)
			return -EAGAIN;
		*waited = true;
		err = pipe_sleep(p, &p->wr_wait, !pipe_full(p) || !READ_ONCE(p->readers));
		if (err)
			return err;
	}
}

/* ---- reading ---- */

ssize_t pipe_read_buf(struct pipe_inode_info *p, struct iov_iter *to, bool keep)
{
	struct pipe_buf *b = pipe_slot(p, p->tail);
	u32 n = min_t(u32, b->len, min_t(u64, to->count, PAGE_SIZE));

	size_t done = copy_to_iter((char *)page_address(b->page) + b->offset, n, to);

	if (region_lost(page_address(b->page))) {
		iov_iter_revert(to, done);
		return -EIO;
	}
	if (done < n)
		return -EFAULT;
	pipe_consume(p, b->packet && !keep ? b->len : n);
	return (ssize_t)n;
}

static ssize_t pipe_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct pipe_inode_info *p = f->private_data;
	ssize_t total = 0, n = 0;
	bool room = false, packet = false, waited = false;

	if (!to->count)
		return 0;
	mutex_lock(&p->mutex);
	n = pipe_wait_readable(p, file_nonblock(f, to), &waited);
	while (n > 0 && to->count && !pipe_empty(p) && !packet) {
		bool full = pipe_full(p);

		packet = pipe_slot(p, p->tail)->packet;
		n = pipe_read_buf(p, to, false);
		if (n > 0)
			total += n;
		room = room || (full && !pipe_full(p));
	}
	mutex_unlock(&p->mutex);
	if (total && room) /* the pipe was full before */
		pipe_wake_writers(p);
	else if (total)
		kill_fasync_list(&p->wr_async, EPOLLOUT | EPOLLWRNORM);
	if (waited && !pipe_empty(p))
		pipe_wake_readers(p);
	if (total && p->is_fifo)
		file_accessed(f);
	return total ? total : n;
}

/* ---- writing ---- */

/* Appends to the last page. Returns bytes; 0 if the data does not fit there; or -EFAULT. */
static ssize_t append(struct pipe_inode_info *p, struct iov_iter *from)
{
	struct pipe_buf *b = pipe_slot(p, p->head - 1);
	size_t n = from->count & (PAGE_SIZE - 1);

	if (pipe_empty(p) || !b->merge || b->packet || !n || b->offset + b->len + n > PAGE_SIZE)
		return 0;
	if (copy_from_iter((char *)page_address(b->page) + b->offset + b->len, n, from) < n)
		return -EFAULT;
	b->len += (u32)n;
	return (ssize_t)n;
}

static ssize_t write_page(struct pipe_inode_info *p, struct iov_iter *from, bool packet)
{
	struct page *page = pipe_page_get(p);
	struct pipe_buf b = { .page = page, .merge = true, .packet = packet };
	size_t n = min_t(u64, from->count, PAGE_SIZE);

	if (!page)
		return -ENOMEM;
	if (copy_from_iter(page_address(page), n, from) < n) {
		pipe_buf_release(p, &b);
		return -EFAULT;
	}
	b.len = (u32)n;
	*pipe_slot(p, p->head) = b;
	WRITE_ONCE(p->head, p->head + 1);
	return (ssize_t)n;
}

static ssize_t write_locked(
	struct file *f, struct pipe_inode_info *p, struct iov_iter *from, bool *waited)
{
	bool nonblock = file_nonblock(f, from), packet = f->f_flags & O_DIRECT;
	ssize_t total = 0, n = 0;

	if (p->readers && !packet)
		n = append(p, from);
	if (n < 0)
		return n;
	total = n;
	while (from->count) {
		/* Wake up readers before waiting for room. */
		if (pipe_full(p) && total && !nonblock) {
			mutex_unlock(&p->mutex);
			pipe_wake_readers(p);
			mutex_lock(&p->mutex);
		}
		n = pipe_wait_writable(p, nonblock, waited);
		if (!n)
			n = write_page(p, from, packet);
		if (n < 0)
			return total ? total : n;
		total += n;
	}
	return total;
}

static ssize_t pipe_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct pipe_inode_info *p = f->private_data;
	bool wake, more, waited = false;
	ssize_t ret;

	if (!from->count)
		return 0;
	mutex_lock(&p->mutex);
	wake = pipe_empty(p) || p->poll_usage || from->count > PAGE_SIZE;
	ret = write_locked(f, p, from, &waited);
	more = !pipe_full(p);
	mutex_unlock(&p->mutex);
	/*
	 * While this writer waited for room, readers may have drained the pipe and gone to sleep.
	 */
	if (ret > 0 && (wake || waited))
		pipe_wake_readers(p);
	else if (ret > 0)
		/* Each write signals the owners of files with O_ASYNC. */
		kill_fasync_list(&p->rd_async, EPOLLIN | EPOLLRDNORM);
	if (waited && more)
		pipe_wake_writers(p);
	if (ret > 0 && p->is_fifo)
		file_update_time(f);
	return ret;
}

/* ---- poll, ioctl, release ---- */

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe_inode_info *p = f->private_data;
	u32 mask = 0;

	WRITE_ONCE(p->poll_usage, true);
	if (f->f_mode & FMODE_READ)
		poll_wait(f, &p->rd_wait, pt);
	if (f->f_mode & FMODE_WRITE)
		poll_wait(f, &p->wr_wait, pt);
	if (f->f_mode & FMODE_READ) {
		if (!pipe_empty(p))
			mask |= EPOLLIN | EPOLLRDNORM;
		if (!READ_ONCE(p->writers) && (u64)f->f_pos != READ_ONCE(p->w_counter))
			mask |= EPOLLHUP;
	}
	if (f->f_mode & FMODE_WRITE) {
		if (!pipe_full(p))
			mask |= EPOLLOUT | EPOLLWRNORM;
		if (!READ_ONCE(p->readers))
			mask |= EPOLLERR;
	}
	return mask;
}

static long pipe_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct pipe_inode_info *p = f->private_data;
	u32 n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->mutex);
	for (u32 i = p->tail; i != p->head; i++)
		n += pipe_slot(p, i)->len;
	mutex_unlock(&p->mutex);
	return put_user(n, UADDR(arg));
}

static int pipe_fasync(int fd, struct file *f, bool on)
{
	struct pipe_inode_info *p = f->private_data;
	int err = 0;

	if (f->f_mode & FMODE_READ)
		err = fasync_helper(fd, f, on, &p->rd_async);
	if (!err && (f->f_mode & FMODE_WRITE))
		err = fasync_helper(fd, f, on, &p->wr_async);
	return err;
}

static int pipe_release(struct inode *inode, struct file *f)
{
	struct pipe_inode_info *p = f->private_data;
	bool rest;

	mutex_lock(&p->mutex);
	if (f->f_mode & FMODE_READ)
		p->readers--;
	if (f->f_mode & FMODE_WRITE)
		p->writers--;
	rest = !p->readers != !p->writers; /* true if only one side is left */
	mutex_unlock(&p->mutex);
	if (rest) {
		wake_up_common(
			&p->rd_wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP);
		wake_up_common(
			&p->wr_wait, TASK_NORMAL, 0, EPOLLOUT | EPOLLWRNORM | EPOLLERR | EPOLLHUP);
		kill_fasync_list(&p->rd_async, EPOLLIN);
		kill_fasync_list(&p->wr_async, EPOLLOUT);
	}
	pipe_put(inode, p);
	return 0;
}

void pipe_wait_readers(struct file *f)
{
	struct pipe_inode_info *p = file_pipe(f);

	mutex_lock(&p->mutex);
	p->writers--;
	/* This task counts as a reader too, so the wait ends when the count is 1. */
	p->readers++;
	mutex_unlock(&p->mutex);
	pipe_wake_readers(p);
	wait_event_interruptible(&p->wr_wait, READ_ONCE(p->readers) <= 1);
	mutex_lock(&p->mutex);
	p->readers--;
	p->writers++;
	mutex_unlock(&p->mutex);
}

/* ---- FIFOs ---- */

static struct pipe_inode_info *fifo_get(struct inode *inode)
{
	struct pipe_inode_info *p, *fresh = NULL;

	spin_lock(&inode->i_lock);
	if (!inode->i_pipe) {
		spin_unlock(&inode->i_lock);
		fresh = pipe_alloc();
		if (!fresh)
			return NULL;
		fresh->is_fifo = true;
		spin_lock(&inode->i_lock);
		if (!inode->i_pipe) {
			inode->i_pipe = fresh;
			fresh = NULL;
		}
	}
	p = inode->i_pipe;
	p->files++;
	spin_unlock(&inode->i_lock);
	if (fresh)
		pipe_free(fresh);
	return p;
}

/*
 * Waits until the other side is opened after the beginning of the call, so that *counter changes.
 * The mutex is held on entry and exit. Returns 0 or -errno.
 */
static int wait_for_partner(struct pipe_inode_info *p, struct wait_queue_head *q, u32 *counter)
{
	u32 seen = *counter;
	int err;

	mutex_unlock(&p->mutex);
	err = wait_event_interruptible(q, READ_ONCE(*counter) != seen);
	mutex_lock(&p->mutex);
	return err;
}

static int open_read(struct pipe_inode_info *p, struct file *f, bool nonblock)
{
	int err = 0;

	p->r_counter++;
	if (!p->readers++)
		wake_up_all(&p->wr_wait);
	/* A pipe of pipe(2) that is opened by /proc/PID/fd does not wait for a writer. */
	if (p->writers || !p->is_fifo)
		;
	else if (nonblock)
		/* Until a writer has opened the FIFO, poll() does not report EPOLLHUP. */
		f->f_pos = p->w_counter;
	else
		err = wait_for_partner(p, &p->rd_wait, &p->w_counter);
	if (err && !--p->readers)
		wake_up_all(&p->wr_wait);
	return err;
}

static int open_write(struct pipe_inode_info *p, bool nonblock)
{
	int err = 0;

	if (p->is_fifo && nonblock && !p->readers)
		return -ENXIO;
	p->w_counter++;
	if (!p->writers++)
		wake_up_all(&p->rd_wait);
	if (p->is_fifo && !p->readers)
		err = wait_for_partner(p, &p->wr_wait, &p->r_counter);
	if (err && !--p->writers)
		wake_up_all(&p->rd_wait);
	return err;
}

static void open_both(struct pipe_inode_info *p)
{
	p->r_counter++;
	p->w_counter++;
	p->readers++;
	p->writers++;
	wake_up_all(&p->rd_wait);
	wake_up_all(&p->wr_wait);
}

static int fifo_open(struct inode *inode, struct file *f)
{
	struct pipe_inode_info *p = fifo_get(inode);
	bool nonblock = f->f_flags & O_NONBLOCK;
	int err = 0;

	if (!p)
		return -ENOMEM;
	f->private_data = p;
	f->f_pos = 0;
	stream_open(inode, f);
	mutex_lock(&p->mutex);
	switch (f->f_mode & (FMODE_READ | FMODE_WRITE)) {
	case FMODE_READ: err = open_read(p, f, nonblock); break;
	case FMODE_WRITE: err = open_write(p, nonblock); break;
	case FMODE_READ | FMODE_WRITE: open_both(p); break;
	default: err = -EINVAL;
	}
	mutex_unlock(&p->mutex);
	if (err)
		pipe_put(inode, p);
	return err;
}

const struct file_operations pipefifo_fops = {
	.llseek = no_llseek,
	.open = fifo_open,
	.read_iter = pipe_read,
	.write_iter = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.fasync = pipe_fasync,
	.release = pipe_release,
	.send_stream = pipe_send_stream,
};
static const struct file_operations pipe_fops = {
	.llseek = no_llseek,
	.read_iter = pipe_read,
	.write_iter = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.fasync = pipe_fasync,
	.release = pipe_release,
	.send_stream = pipe_send_stream,
};

/* ---- pipe(2) ---- */

static int pipe_files(struct file *files[2], u32 flags)
{
	struct pipe_inode_info *p = pipe_alloc();
	struct file *rd, *wr;

	if (!p)
		return -ENFILE;
	rd = pseudo_file("pipe", S_IFIFO | 0600, &pipe_fops, p, O_RDONLY | (flags & O_NONBLOCK));
	if (IS_ERR(rd)) {
		pipe_free(p);
		return (int)PTR_ERR(rd);
	}
	p->readers = p->files = p->r_counter = 1;
	rd->f_inode->i_pipe = p;
	rd->f_inode->i_fop = &pipefifo_fops; /* for opens by /proc/PID/fd/N */
	wr = alloc_file(&rd->f_path, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)), &pipe_fops);
	if (IS_ERR(wr)) {
		fput(rd); /* also frees the pipe */
		return (int)PTR_ERR(wr);
	}
	wr->private_data = p;
	rd->f_mode |= FMODE_NOWAIT;
	wr->f_mode |= FMODE_NOWAIT;
	p->writers = p->w_counter = 1;
	p->files = 2;
	files[0] = rd;
	files[1] = wr;
	return 0;
}

int create_pipe(struct file *ends[2])
{
	return pipe_files(ends, 0);
}

long sys_pipe2(uaddr_t ufds, int flags)
{
	struct file *files[2] = { NULL, NULL };
	int fds[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_NOTIFICATION_PIPE))
		return -EINVAL;
	if (flags & O_NOTIFICATION_PIPE)
		return -ENOPKG; /* as a Linux without watch queues */
	err = pipe_files(files, (u32)flags);
	if (err)
		return err;
	err = fds[0] = get_unused_fd((u32)flags);
	if (err < 0)
		goto err_put_files;
	err = fds[1] = get_unused_fd((u32)flags);
	if (err < 0)
		goto err_put_fd0;
	if (copy_to_user(ufds, fds, sizeof(fds))) {
		err = -EFAULT;
		goto err_put_fd1;
	}
	fd_install(fds[0], files[0]);
	fd_install(fds[1], files[1]);
	return 0;
err_put_fd1:
	put_unused_fd(fds[1]);
err_put_fd0:
	put_unused_fd(fds[0]);
err_put_files:
	fput(files[0]);
	fput(files[1]);
	return err;
}

long sys_pipe(uaddr_t fds)
{
	return sys_pipe2(fds, 0);
}

/* ---- fcntl ---- */

/*
 * Moves the buffers to a ring of @n pages; the mutex is held. Returns 0, -EBUSY if more entries are
 * used or reserved, or -ENOMEM.
 */
static long resize(struct pipe_inode_info *p, u32 n)
{
	struct pipe_buf *bufs;
	u32 used = p->head - p->tail;

	if (n < used + p->reserved)
		return -EBUSY;
	bufs = kcalloc(n, sizeof(*bufs), GFP_KERNEL);
	if (!bufs)
		return -ENOMEM;
	for (u32 i = 0; i < used; i++)
		bufs[i] = *pipe_slot(p, p->tail + i);
	kfree(p->bufs);
	p->bufs = bufs;
	p->tail = 0;
	p->head = used;
	p->ring_size = n;
	return 0;
}

/*
 * Resizes the pipe, and counts the pages of its user. The pages are counted before the check, since
 * several pipes of the user may grow at once. The mutex is held. Returns 0 or -errno.
 */
static long resize_counted(struct pipe_inode_info *p, u32 n)
{
	s64 more = (s64)n - (s64)p->ring_size,
	    pages = atomic_add_return(more, &p->user->pipe_pages);
	long err = 0;

	if (more > 0 && (over_limit(pages, READ_ONCE(pipe_user_pages_hard)) ||
				over_limit(pages, READ_ONCE(pipe_user_pages_soft))))
		err = -EPERM;
	if (!err)
		err = resize(p, n);
	if (err)
		atomic_sub(more, &p->user->pipe_pages);
	return err;
}

static long set_size(struct pipe_inode_info *p, u64 size)
{
	u32 n = 1;
	long err;

	if (size > (1UL << 31))
		return -EINVAL;
	while (n * PAGE_SIZE < size)
		n *= 2;
	if (n > p->ring_size && n * PAGE_SIZE > (u32)READ_ONCE(pipe_max_size) &&
		!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	mutex_lock(&p->mutex);
	err = resize_counted(p, n);
	mutex_unlock(&p->mutex);
	wake_up_all(&p->wr_wait);
	return err ? err : (long)(n * PAGE_SIZE);
}

long pipe_fcntl(struct file *f, u32 cmd, u64 arg)
{
	struct pipe_inode_info *p = file_pipe(f);

	if (!p)
		return -EBADF;
	switch (cmd) {
	case F_SETPIPE_SZ: return set_size(p, arg);
	case F_GETPIPE_SZ: return (long)(READ_ONCE(p->ring_size) * PAGE_SIZE);
	default: return -EINVAL;
	}
}

/* Rounds the size limit up to a power of two of pages. */
static void round_max_size(void)
{
	int size = PAGE_SIZE;

	while (size < pipe_max_size && size < 1 << 30)
		size *= 2;
	WRITE_ONCE(pipe_max_size, size);
}

static const struct sysctl pipe_sysctls[] = {
	{ .path = "fs/pipe-max-size",
		.kind = SYSCTL_INT,
		.mode = 0644,
		.data = &pipe_max_size,
		.min = 0, /* rounded up by round_max_size() */
		.max = 0x7fffffff,
		.changed = round_max_size },
	SYSCTL_NUM("fs/pipe-user-pages-soft", pipe_user_pages_soft, 0, 0x7fffffff),
	SYSCTL_NUM("fs/pipe-user-pages-hard", pipe_user_pages_hard, 0, 0x7fffffff),
};

static int pipe_sysctl_init(void)
{
	return sysctl_register(pipe_sysctls, ARRAY_SIZE(pipe_sysctls));
}
INITCALL(3, pipe_sysctl_init);
