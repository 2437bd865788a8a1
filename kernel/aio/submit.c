/* SPDX-License-Identifier: MIT */
/*
 * submit.c: io_submit and io_cancel.
 *
 * Reads and writes of files open with O_DIRECT, if the file supports that (vfs/direct_io.h),
 * continue after io_submit has returned; their end, in any context, makes the event. All other
 * reads, writes and flushes are done within io_submit, as on Linux, and also report their result by
 * an event. A poll waits without a task (vfs/async_poll.h). Only polls can be cancelled by
 * io_cancel: a request that a disk is serving cannot be. The end of a context waits for all its
 * requests.
 *
 * Locks: ctx->lock for the list of waiting requests.
 */
#include <linux/eventpoll.h>
#include <linux/fs.h>

#include "kernel/aio/aio.h"
#include "kernel/event/eventfd.h"
#include "kernel/task/ioprio.h"
#include "kernel/task/signal/signal.h"

void aio_request_put(struct aio_request *r)
{
	if (!atomic_dec_and_test(&r->refs))
		return;
	fput(r->file);
	if (r->eventfd)
		fput(r->eventfd);
	aio_context_put(r->ctx);
	kfree(r);
}

/* ---- polls ---- */

static u32 mangle(u32 mask)
{
	return mask & 0xffff;
}

/* Ends a poll request: takes it off the list and completes it. */
static void poll_done(struct async_poll *p, u32 mask)
{
	struct aio_request *r = container_of(p, struct aio_request, poll);
	struct aio_context *c = r->ctx;

	spin_lock(&c->lock);
	list_del_init(&r->link);
	spin_unlock(&c->lock);
	aio_complete(c, r->user, r->data, mangle(mask), r->eventfd);
	aio_request_put(r);
}

/*
 * The submit functions start the request at the guest's address @user, for which an event is
 * reserved. They borrow the files. Return 0, after which the event will be completed, or -errno.
 */
static long submit_poll(struct aio_context *c, const struct iocb *io, uaddr_t user, struct file *f,
	struct file *eventfd)
{
	struct aio_request *r;
	int mask = 0;

	if (io->aio_buf != (u16)io->aio_buf || io->aio_offset || io->aio_nbytes || io->aio_rw_flags)
		return -EINVAL;
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	atomic_set(&r->refs, 2);
	r->ctx = c;
	atomic_inc(&c->refs);
	r->user = user;
	r->data = io->aio_data;
	r->file = get_file(f);
	r->eventfd = eventfd ? get_file(eventfd) : NULL;
	async_poll_setup(&r->poll, f, (u32)io->aio_buf | EPOLLERR | EPOLLHUP, poll_done);
	INIT_LIST_HEAD(&r->link);
	spin_lock(&c->lock);
	if (c->dead)
		/* The context cancels no further requests, so this request would wait for ever. */
		mask = -EINVAL;
	else
		list_add_tail(&r->link, &c->requests);
	spin_unlock(&c->lock);
	if (!mask)
		mask = async_poll_start(&r->poll);
	if (mask > 0) {
		poll_done(&r->poll, (u32)mask);
	} else if (mask < 0) {
		spin_lock(&c->lock);
		list_del_init(&r->link);
		spin_unlock(&c->lock);
		aio_request_put(r);
	}
	aio_request_put(r);
	return mask < 0 ? mask : 0;
}

/* ---- reads, writes, flushes ---- */

/* Imports the memory of a request: one buffer or a vector. Returns 0 or -errno. */
static int import(struct iov_iter *it, const struct iocb *io, bool vector, struct uvec **to_free)
{
	if (vector)
		return iov_iter_import(it, UADDR(io->aio_buf), io->aio_nbytes, to_free);
	if ((s64)io->aio_nbytes < 0)
		return -EINVAL;
	if (!access_ok(UADDR(io->aio_buf), io->aio_nbytes))
		return -EFAULT;
	iov_iter_user(it, UADDR(io->aio_buf), io->aio_nbytes);
	return 0;
}

static int check_rw(const struct iocb *io, const struct file *f, bool write)
{
	if (!(f->f_mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (write ? !f->f_op->write_iter : !f->f_op->read_iter)
		return -EINVAL;
	if (io->aio_rw_flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
		return -EOPNOTSUPP;
	if ((io->aio_rw_flags & RWF_NOWAIT) && !(f->f_mode & FMODE_NOWAIT))
		return -EOPNOTSUPP;
	if (f->f_mode & FMODE_PREAD && io->aio_offset < 0)
		return -EINVAL;
	return io->aio_flags & IOCB_FLAG_IOPRIO ? ioprio_check((u16)io->aio_reqprio) : 0;
}

/* A transfer that continues after io_submit(). */
struct aio_rw {
	struct io_async async;
	struct aio_context *ctx; /* reference, as file and eventfd are */
	struct file *file, *eventfd;
	uaddr_t user;
	u64 data;
};

static void rw_free(struct aio_rw *rw)
{
	if (rw->eventfd)
		fput(rw->eventfd);
	aio_context_put(rw->ctx);
	kfree(rw);
}

static void rw_done(struct io_async *a, ssize_t n)
{
	struct aio_rw *rw = container_of(a, struct aio_rw, async);

	/*
	 * This comes before the event: a task that reads the event may exit, and its parent may
	 * then unmount the file system.
	 */
	fput(rw->file);
	aio_complete(rw->ctx, rw->user, rw->data, n, rw->eventfd);
	rw_free(rw);
}

/*
 * Allocates an asynchronous transfer. Returns NULL if the transfer must be synchronous, or if there
 * is no memory.
 */
static struct aio_rw *rw_new(struct aio_context *c, const struct iocb *io, uaddr_t user,
	struct file *f, struct file *eventfd)
{
	struct aio_rw *rw;

	if (!(f->f_flags & O_DIRECT) || !f->f_op->direct)
		return NULL;
	rw = kmalloc(sizeof(*rw), GFP_KERNEL);
	if (!rw)
		return NULL;
	atomic_inc(&c->refs);
	*rw = (struct aio_rw){ .async = { rw_done },
		.ctx = c,
		.file = get_file(f),
		.eventfd = eventfd ? get_file(eventfd) : NULL,
		.user = user,
		.data = io->aio_data };
	return rw;
}

static ssize_t transfer(const struct iocb *io, struct file *f, struct iov_iter *it, bool write)
{
	loff_t pos = io->aio_offset, *at = f->f_mode & FMODE_PREAD ? &pos : NULL;
	ssize_t n;

	it->append = io->aio_rw_flags & RWF_APPEND;
	it->nowait = io->aio_rw_flags & RWF_NOWAIT;
	it->sync = io->aio_rw_flags & RWF_SYNC;
	it->dsync = io->aio_rw_flags & RWF_DSYNC;
	n = write ? vfs_write_iter(f, it, at) : vfs_read_iter(f, it, at);
	if (n > 0 && write && io->aio_rw_flags & (RWF_SYNC | RWF_DSYNC)) {
		int err = vfs_fsync_range(f, 0, S64_MAX, !(io->aio_rw_flags & RWF_SYNC));

		n = err ? err : n;
	}
	/* A request is not restarted, so its event reports EINTR. */
	return n <= -ERESTARTSYS && n >= -ERESTART_RESTARTBLOCK ? -EINTR : n;
}

static long submit_rw(struct aio_context *c, const struct iocb *io, uaddr_t user, struct file *f,
	struct file *eventfd)
{
	bool write =
		io->aio_lio_opcode == IOCB_CMD_PWRITE || io->aio_lio_opcode == IOCB_CMD_PWRITEV;
	bool vector =
		io->aio_lio_opcode == IOCB_CMD_PREADV || io->aio_lio_opcode == IOCB_CMD_PWRITEV;
	struct uvec *to_free = NULL;
	struct aio_rw *rw;
	struct iov_iter it;
	ssize_t n;
	int err = check_rw(io, f, write);

	if (!err)
		err = import(&it, io, vector, &to_free);
	if (err)
		return err;
	rw = rw_new(c, io, user, f, eventfd);
	it.async = rw ? &rw->async : NULL;
	n = transfer(io, f, &it, write);
	kfree(to_free);
	if (n == -EIOCBQUEUED)
		return 0;
	if (rw) {
		fput(rw->file);
		rw_free(rw);
	}
	aio_complete(c, user, io->aio_data, n, eventfd);
	return 0;
}

static long submit_fsync(struct aio_context *c, const struct iocb *io, uaddr_t user, struct file *f,
	struct file *eventfd)
{
	if (io->aio_buf || io->aio_offset || io->aio_nbytes || io->aio_rw_flags)
		return -EINVAL;
	if (!f->f_op->fsync)
		return -EINVAL;
	aio_complete(c, user, io->aio_data,
		vfs_fsync_range(f, 0, S64_MAX, io->aio_lio_opcode == IOCB_CMD_FDSYNC), eventfd);
	return 0;
}

/* ---- io_submit ---- */

static long submit_op(struct aio_context *c, const struct iocb *io, uaddr_t user, struct file *f,
	struct file *eventfd)
{
	switch (io->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV: return submit_rw(c, io, user, f, eventfd);
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC: return submit_fsync(c, io, user, f, eventfd);
	case IOCB_CMD_POLL: return submit_poll(c, io, user, f, eventfd);
	}
	return -EINVAL;
}

/* Submits a request for which an event has been reserved. */
static long submit_reserved(struct aio_context *c, const struct iocb *io, uaddr_t user)
{
	struct file *f = fget((int)io->aio_fildes), *eventfd = NULL;
	long ret = -EBADF;

	if (!f)
		return ret;
	if (io->aio_flags & IOCB_FLAG_RESFD) {
		eventfd = eventfd_fget((int)io->aio_resfd);
		ret = PTR_ERR(eventfd);
		if (IS_ERR(eventfd))
			goto out;
	}
	ret = -EFAULT;
	if (!put_user((u32)0, uaddr_add(user, offsetof(struct iocb, aio_key))))
		ret = submit_op(c, io, user, f, eventfd);
	if (eventfd)
		fput(eventfd);
out:
	fput(f);
	return ret;
}

static long submit_one(struct aio_context *c, uaddr_t user)
{
	struct iocb io;
	long ret;

	if (copy_from_user(&io, user, sizeof(io)))
		return -EFAULT;
	if (io.aio_reserved2 || (s64)io.aio_nbytes < 0)
		return -EINVAL;
	ret = aio_reserve(c);
	if (ret)
		return ret;
	ret = submit_reserved(c, &io, user);
	if (ret)
		aio_unreserve(c);
	return ret;
}

long sys_io_submit(u64 id, long nr, uaddr_t iocbpp)
{
	struct aio_context *c;
	long n, ret = 0;

	if (nr < 0)
		return -EINVAL;
	c = aio_find(id);
	if (!c)
		return -EINVAL;
	nr = min(nr, (long)c->nr);
	for (n = 0; n < nr; n++) {
		u64 user;

		ret = get_user(user, uaddr_add(iocbpp, (u64)n * sizeof(user)));
		if (!ret)
			ret = submit_one(c, UADDR(user));
		if (ret)
			break;
		cond_resched();
	}
	aio_context_put(c);
	return n ? n : ret;
}

/* ---- io_cancel ---- */

long sys_io_cancel(u64 id, uaddr_t user, uaddr_t result)
{
	struct aio_context *c;
	struct aio_request *r;
	long ret = -EINVAL;
	u32 key;

	if (get_user(key, uaddr_add(user, offsetof(struct iocb, aio_key))))
		return -EFAULT;
	if (key)
		return -EINVAL;
	c = aio_find(id);
	if (!c)
		return -EINVAL;
	spin_lock(&c->lock);
	list_for_each_entry(r, &c->requests, link) {
		if (r->user.v != user.v)
			continue;
		async_poll_cancel(&r->poll);
		ret = -EINPROGRESS;
		break;
	}
	spin_unlock(&c->lock);
	aio_context_put(c);
	return ret;
}
