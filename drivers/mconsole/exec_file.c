/* SPDX-License-Identifier: MIT */
/*
 * exec_file.c: a stream socket of the client as a file of the guest. The command writes into the
 * socket itself, without a thread in between. So the client gets all output before the report of
 * the command's end, and when the client has closed its end, the command gets SIGPIPE.
 *
 * fstat(2) reports a pipe, so that programs treat it as one, and it can be reopened as /dev/stdout.
 * The socket is closed with the last file. A blocking call tries, then sleeps on exec_wait until
 * any event since the try, and tries again. Tries are cheap, and such files are few.
 *
 * Locks: inode->i_lock for inode->i_private and the count of files; a mutex for each direction's
 * buffer.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "arch/um/machine/uaccess.h"
#include "drivers/mconsole/exec.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

#define BUFFER 16384

struct exec_stream {
	struct exec_fd *fd;
	bool out;
	int files;          /* under the inode's i_lock */
	struct mutex mutex; /* protects @buffer and @from */
	/*
	 * Bytes @from to @from + @left of @buffer were received, and a read that met a page fault
	 * has not copied them. @left changes under the mutex, and is read without it too.
	 */
	u32 from, left;
	/* Atomic: a nonblocking caller has found the mutex taken. */
	u32 refused;
	u8 *buffer;
};

static const struct file_operations exec_fops;

static void stream_free(struct exec_stream *s)
{
	exec_fd_close(s->fd);
	kfree(s->buffer);
	kfree(s);
}

static int exec_open(struct inode *inode, struct file *f)
{
	struct exec_stream *s;
	u32 way = f->f_mode & (FMODE_READ | FMODE_WRITE);

	spin_lock(&inode->i_lock);
	s = inode->i_private;
	if (s && way == (s->out ? FMODE_WRITE : FMODE_READ))
		s->files++;
	else
		s = NULL;
	spin_unlock(&inode->i_lock);
	f->private_data = s;
	return s ? 0 : -ENXIO;
}

static int exec_release(struct inode *inode, struct file *f)
{
	struct exec_stream *s = f->private_data;
	bool last;

	if (!s)
		return 0;
	spin_lock(&inode->i_lock);
	last = !--s->files;
	if (last)
		inode->i_private = NULL;
	spin_unlock(&inode->i_lock);
	if (last)
		stream_free(s);
	return 0;
}

/* Sleeps until any event after @seen (exec_events()). Returns 0, -EAGAIN or -ERESTARTSYS. */
static int stream_wait(const struct file *f, const struct iov_iter *it, u32 seen)
{
	if (file_nonblock(f, it))
		return -EAGAIN;
	return wait_event_interruptible(&exec_wait, exec_events() != seen);
}

/*
 * Takes the mutex, whose holder may sleep for long (for the client, or in a page fault). Returns 0,
 * -EAGAIN or -ERESTARTSYS.
 */
static int stream_lock(struct exec_stream *s, const struct file *f, const struct iov_iter *it)
{
	if (!file_nonblock(f, it))
		return mutex_lock_interruptible(&s->mutex);
	if (mutex_trylock(&s->mutex))
		return 0;
	/*
	 * Full barrier: either the holder sees @refused, or this task sees that the mutex is free.
	 */
	xchg(&s->refused, 1);
	return mutex_trylock(&s->mutex) ? 0 : -EAGAIN;
}

static void stream_unlock(struct exec_stream *s)
{
	mutex_unlock(&s->mutex);
	/*
	 * A poller that found the file ready and then failed with -EAGAIN must be woken up again.
	 */
	if (xchg(&s->refused, 0))
		exec_wake();
}

/* Copies bytes to a reader. Returns their number, 0 at the end, or -errno. The mutex is held. */
static long receive(struct exec_stream *s, struct iov_iter *to)
{
	long n;
	u32 got;

	if (!s->left) {
		n = exec_host_recv(s->fd->host, s->buffer, min(to->count, (size_t)BUFFER));
		if (n <= 0)
			return n;
		s->from = 0;
		WRITE_ONCE(s->left, (u32)n);
	}
	got = (u32)copy_to_iter(s->buffer + s->from, min(to->count, (size_t)s->left), to);
	s->from += got;
	WRITE_ONCE(s->left, s->left - got);
	return got ? (long)got : -EFAULT;
}

static ssize_t exec_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct exec_stream *s = f->private_data;
	long n;

	while (to->count) {
		u32 seen = exec_events();

		n = stream_lock(s, f, to);
		if (n)
			return n;
		n = receive(s, to);
		stream_unlock(s);
		if (n != -EAGAIN)
			return n == -ECONNRESET ? 0 : n;
		n = stream_wait(f, to, seen);
		if (n)
			return n;
	}
	return 0;
}

/*
 * Sends @n bytes of the buffer. Returns how many were sent, or -errno if none was. The mutex is
 * held.
 */
static ssize_t send_buffer(struct exec_stream *s, struct file *f, struct iov_iter *it, size_t n)
{
	size_t done = 0;

	while (done < n) {
		u32 seen = exec_events();
		long put = exec_host_send(s->fd->host, s->buffer + done, n - done);

		if (put > 0) {
			done += (size_t)put;
			continue;
		}
		if (put == -EPIPE || put == -ECONNRESET) {
			send_sig(SIGPIPE, current, SEND_SIG_NOINFO);
			return done ? (ssize_t)done : -EPIPE;
		}
		if (put == -EAGAIN)
			put = stream_wait(f, it, seen);
		if (put)
			return done ? (ssize_t)done : put;
	}
	return (ssize_t)done;
}

static ssize_t exec_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct exec_stream *s = f->private_data;
	ssize_t done = 0, n = 0;

	n = stream_lock(s, f, from);
	if (n)
		return n;
	while (from->count) {
		size_t size = min(from->count, (size_t)BUFFER);
		size_t got = copy_from_iter(s->buffer, size, from);

		n = got ? send_buffer(s, f, from, got) : -EFAULT;
		if (n > 0)
			done += n;
		if (n < (ssize_t)got || got < size)
			break;
	}
	stream_unlock(s);
	return done ? done : n;
}

static u32 exec_poll(struct file *f, struct poll_table *pt)
{
	struct exec_stream *s = f->private_data;
	u32 mask = 0;
	int gone = 0;

	poll_wait(f, &exec_wait, pt);
	if (exec_host_ready(s->fd->host, s->out, &gone) || READ_ONCE(s->left))
		mask = s->out ? EPOLLOUT | EPOLLWRNORM : EPOLLIN | EPOLLRDNORM;
	if (gone)
		mask |= s->out ? EPOLLERR : EPOLLHUP;
	return mask;
}

static const struct file_operations exec_fops = {
	.open = exec_open,
	.release = exec_release,
	.read_iter = exec_read,
	.write_iter = exec_write,
	.poll = exec_poll,
	.llseek = no_llseek,
};

struct file *exec_file(struct exec_fd *fd, bool out, u32 uid)
{
	struct exec_stream *s = kzalloc(sizeof(*s), GFP_KERNEL);
	struct file *f;

	if (!s) {
		exec_fd_close(fd);
		return ERR_PTR(-ENOMEM);
	}
	*s = (struct exec_stream){ .fd = fd, .out = out, .files = 1 };
	mutex_init(&s->mutex);
	s->buffer = kmalloc(BUFFER, GFP_KERNEL);
	f = s->buffer ?
		    pseudo_file("exec", S_IFIFO | 0600, &exec_fops, s, out ? O_WRONLY : O_RDONLY) :
		    ERR_PTR(-ENOMEM);
	if (IS_ERR(f)) {
		stream_free(s);
		return f;
	}
	f->f_inode->i_uid = uid;
	spin_lock(&f->f_inode->i_lock);
	f->f_inode->i_private = s;
	spin_unlock(&f->f_inode->i_lock);
	return f;
}
