/* SPDX-License-Identifier: MIT */
/*
 * rw.c: READ, WRITE, READV, WRITEV, READ_FIXED, WRITE_FIXED, READ_MULTISHOT.
 *
 * A file that can be polled is polled first, and then read or written without waiting. If it is not
 * ready, the request waits for it, even if the file has O_NONBLOCK. Files with O_DIRECT that
 * support it (vfs/direct_io.h) are read and written while the task continues. Other files are read
 * and written at once.
 */
#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/inotify.h>

#include "kernel/io_uring/uring.h"
#include "kernel/task/ioprio.h"

#define RWF_OK (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

static bool is_write(const struct uring_req *r)
{
	return r->sqe.opcode == IORING_OP_WRITE || r->sqe.opcode == IORING_OP_WRITEV ||
	       r->sqe.opcode == IORING_OP_WRITE_FIXED;
}

/*
 * Reads the length for a request whose buffer the kernel chooses: a single vector, which gives only
 * the length. Stores it in r->sqe.len. Returns 0 or -errno.
 */
static int take_length(struct uring_req *r)
{
	struct uring_buffer one;

	if (r->sqe.len != 1)
		return -EINVAL;
	if (copy_from_user(&one, UADDR(r->sqe.addr), sizeof(one)))
		return -EFAULT;
	r->sqe.len = (u32)min_t(u64, one.len, 0x7ffff000);
	return 0;
}

int rw_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	int err = s->ioprio ? ioprio_check(s->ioprio) : 0;

	if (err || (s->opcode != IORING_OP_READV && s->opcode != IORING_OP_WRITEV))
		return err;
	if (s->flags & IOSQE_BUFFER_SELECT)
		return take_length(r);
	return iov_iter_import(&r->iter, UADDR(s->addr), s->len, &r->vec);
}

int uring_check_fixed(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	const struct uring_buffer *b;
	u64 end;

	if (!uring_take_buffer(r))
		return -EFAULT;
	b = &r->buffer->buffer;
	if (check_add_overflow((u64)s->addr, (u64)s->len, &end) || s->addr < b->base ||
		end > b->base + b->len)
		return -EFAULT;
	return 0;
}

static int import_fixed(struct uring_req *r, struct iov_iter *it)
{
	int err = uring_check_fixed(r);

	if (!err)
		iov_iter_user(it, UADDR(r->sqe.addr), r->sqe.len);
	return err;
}

static int import_chosen(struct uring_req *r, struct iov_iter *it)
{
	u32 len = r->sqe.len ? min(r->sqe.len, r->buf.len) : r->buf.len;

	if (!access_ok(UADDR(r->buf.addr), len))
		return -EFAULT;
	iov_iter_user(it, UADDR(r->buf.addr), len);
	return 0;
}

/* Sets *it to the memory of the request. Returns 0 or -errno. */
static int import(struct uring_req *r, struct iov_iter *it)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->flags & IOSQE_BUFFER_SELECT)
		return import_chosen(r, it);
	switch (s->opcode) {
	case IORING_OP_READV:
	case IORING_OP_WRITEV: *it = r->iter; return 0;
	case IORING_OP_READ_FIXED:
	case IORING_OP_WRITE_FIXED: return import_fixed(r, it);
	}
	if (!access_ok(UADDR(s->addr), s->len))
		return -EFAULT;
	iov_iter_user(it, UADDR(s->addr), s->len);
	return 0;
}

static int check(struct uring_req *r, bool write)
{
	const struct file *f = r->file;
	bool fixed =
		r->sqe.opcode == IORING_OP_READ_FIXED || r->sqe.opcode == IORING_OP_WRITE_FIXED;
	int err = fixed ? uring_check_fixed(r) : 0;

	if (err)
		return err;
	if (!(f->f_mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (r->sqe.rw_flags & ~(u32)RWF_OK)
		return -EOPNOTSUPP;
	if (r->sqe.rw_flags & RWF_NOWAIT && !(f->f_mode & FMODE_NOWAIT))
		return -EOPNOTSUPP;
	/* Nestling has no device that can be polled for completions. */
	if (r->ring->flags & IORING_SETUP_IOPOLL)
		return -EOPNOTSUPP;
	return r->sqe.rw_flags & RWF_HIPRI ? -EINVAL : 0;
}

/*
 * Returns -errno if a read or write of this form fails even if the file is ready, else 0.
 */
static int cannot(const struct uring_req *r, bool write, size_t n)
{
	const struct file *f = r->file;
	loff_t pos = (loff_t)r->sqe.off;

	/* The page cache may have no room, which cannot be tested before. */
	if (write && S_ISREG(f->f_inode->i_mode) && r->sqe.rw_flags & RWF_NOWAIT &&
		!(f->f_flags & O_DIRECT))
		return -EAGAIN;
	if (pos < -1)
		return -EINVAL;
	if (S_ISSOCK(f->f_inode->i_mode) && pos > 0)
		return -ESPIPE;
	if (write ? f->f_op->write_iter != NULL : f->f_op->read_iter != NULL)
		return 0;
	if (!S_ISDIR(f->f_inode->i_mode) || write)
		return -EINVAL;
	return n ? -EISDIR : 0;
}

/*
 * True if the file can be read or written without polling it first, since the operation itself
 * returns -EAGAIN if the file is not ready.
 */
static bool says_itself(const struct file *f, bool write)
{
	return f->f_mode & FMODE_NOWAIT &&
	       (!write || S_ISSOCK(f->f_inode->i_mode) || S_ISFIFO(f->f_inode->i_mode));
}

static ssize_t at_position(struct file *f, struct iov_iter *it, loff_t *pos, bool write)
{
	return write ? vfs_write_iter(f, it, pos) : vfs_read_iter(f, it, pos);
}

/*
 * Transfers at the position of the entry; -1: at f_pos, under f_pos_lock. Returns bytes or -errno.
 */
static ssize_t transfer(struct uring_req *r, struct iov_iter *it, bool write)
{
	struct file *f = r->file;
	loff_t pos = (loff_t)r->sqe.off;
	ssize_t n;

	if (f->f_mode & FMODE_STREAM || !(f->f_mode & FMODE_PREAD)) {
		pos = max(pos, (loff_t)0); /* a stream ignores the position */
		return at_position(f, it, f->f_mode & FMODE_STREAM ? NULL : &pos, write);
	}
	if (pos != -1)
		return at_position(f, it, &pos, write);
	mutex_lock(&f->f_pos_lock);
	pos = f->f_pos;
	n = at_position(f, it, &pos, write);
	if (n >= 0)
		f->f_pos = pos;
	mutex_unlock(&f->f_pos_lock);
	return n;
}

/* ---- direct transfers ---- */

static void disk_done(struct io_async *a, ssize_t n)
{
	struct uring_req *r = container_of(a, struct uring_req, async);

	r->failed = n >= 0 && (size_t)n < r->want;
	if (uring_delist(r))
		uring_finish_elsewhere(r, n);
	uring_req_put(r);
}

/*
 * True if the transfer may continue without its task. A transfer at the file's position, or into a
 * chosen buffer, needs the task.
 */
static bool may_continue(const struct uring_req *r)
{
	return r->file->f_flags & O_DIRECT && r->file->f_op->direct && (s64)r->sqe.off != -1 &&
	       !(r->sqe.flags & IOSQE_BUFFER_SELECT);
}

/* Transfers as transfer() does, or returns URING_QUEUED if the transfer will end in disk_done(). */
static ssize_t transfer_direct(struct uring_req *r, struct iov_iter *it, bool write)
{
	ssize_t n;

	r->poll.file = NULL;
	if (!uring_enlist(r, ON_DISK))
		return -ECANCELED;
	atomic_add(2, &r->refs); /* for disk_done() and this function */
	r->async.done = disk_done;
	r->want = it->count;
	it->async = &r->async;
	n = transfer(r, it, write);
	if (n == -EIOCBQUEUED) {
		fsnotify_file(
			/* reported in this task, since an event names the task that caused it */
			r->file, write ? IN_MODIFY : IN_ACCESS);
		n = URING_QUEUED;
	} else {
		uring_delist(r);
		uring_req_put(r);
	}
	uring_req_put(r);
	return n;
}

/*
 * Transfers once. @polled: without waiting, so -EAGAIN means that the caller should wait for
 * @events. Returns bytes, -errno or URING_QUEUED.
 */
static ssize_t try_once(struct uring_req *r, bool write, bool polled, u32 events)
{
	struct iov_iter it;
	size_t want;
	ssize_t n;
	int err = import(r, &it);

	if (err)
		return err;
	if (polled && !says_itself(r->file, write) &&
		!(vfs_poll(r->file, NULL) & (events | EPOLLERR | EPOLLHUP)))
		return -EAGAIN;
	err = cannot(r, write, it.count);
	if (err || (!write && !r->file->f_op->read_iter))
		return err;
	it.nowait = polled || r->sqe.rw_flags & RWF_NOWAIT;
	it.waits_later = !(r->sqe.rw_flags & RWF_NOWAIT);
	it.append = r->sqe.rw_flags & RWF_APPEND;
	it.sync = r->sqe.rw_flags & RWF_SYNC;
	it.dsync = r->sqe.rw_flags & RWF_DSYNC;
	want = it.count;
	uring_quiet(!polled);
	n = may_continue(r) ? transfer_direct(r, &it, write) : transfer(r, &it, write);
	uring_quiet(false);
	if (n == URING_QUEUED) /* @r may already be freed */
		return n;
	r->failed = n >= 0 && (size_t)n < want;
	if (n > 0 && write && r->file->f_op->fsync && r->sqe.rw_flags & (RWF_SYNC | RWF_DSYNC)) {
		err = vfs_fsync_range(r->file, 0, S64_MAX, !(r->sqe.rw_flags & RWF_SYNC));
		n = err ? err : n;
	}
	return n;
}

static ssize_t try(struct uring_req *r, bool write, bool polled, u32 events)
{
	ssize_t n;

	if (!(r->sqe.flags & IOSQE_BUFFER_SELECT))
		return try_once(r, write, polled, events);
	n = uring_choose(r);
	if (n)
		return n;
	n = try_once(r, write, polled, events);
	if (n > 0 || (!n && r->sqe.opcode != URING_OP_READ_MULTISHOT))
		r->cflags = uring_use(r, (size_t)n);
	else
		uring_unchoose(r);
	return n;
}

/*
 * Reports the result @n of a read, and waits until the file can be read again. Returns 0 to read
 * again, URING_QUEUED, -errno, or @n if it must be the last result.
 */
static long next_shot(struct uring_req *r, long n)
{
	if (n <= 0 || !uring_post_more(r, n, r->cflags))
		return n;
	r->cflags = 0;
	r->tries = 0;
	cond_resched();
	return uring_wait_file(r, EPOLLIN);
}

/*
 * Checks that the group has a buffer. A lack of buffers is reported before errors of the file.
 * Returns 0 or -ENOBUFS.
 */
static int has_buffer(struct uring_req *r)
{
	int err = r->sqe.flags & IOSQE_BUFFER_SELECT ? uring_choose(r) : 0;

	uring_unchoose(r);
	return err;
}

int read_shots_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return !(s->flags & IOSQE_BUFFER_SELECT) || s->addr || s->len ? -EINVAL : rw_prep(r);
}

/*
 * READ_MULTISHOT: reads data as it arrives, each time into another buffer, until there is no
 * buffer, an error, or the end of the file.
 */
long read_shots_issue(struct uring_req *r)
{
	long n;

	if (!r->file->f_op->poll || S_ISREG(r->file->f_inode->i_mode))
		return -EBADFD;
	n = has_buffer(r);
	if (!n)
		n = check(r, false);
	while (!n) {
		n = try(r, false, true, EPOLLIN);
		r->failed = false;
		if (n == -EAGAIN && !uring_in_vain(r))
			n = uring_wait_file(r, EPOLLIN);
		else if (n > 0)
			n = next_shot(r, n);
		else
			return n;
	}
	return n;
}

long rw_issue(struct uring_req *r)
{
	bool write = is_write(r),
	     polled = r->file->f_op->poll && !S_ISREG(r->file->f_inode->i_mode);
	u32 events = write ? EPOLLOUT : EPOLLIN;
	long n = has_buffer(r);

	if (!n)
		n = check(r, write);
	if (n)
		return n;
	for (;;) {
		n = try(r, write, polled, events);
		if (n != -EAGAIN || !polled || r->sqe.rw_flags & RWF_NOWAIT || uring_in_vain(r))
			return n;
		n = uring_wait_file(r, events);
		if (n)
			return n;
		cond_resched();
	}
}
