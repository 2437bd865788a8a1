/* SPDX-License-Identifier: MIT */
/*
 * eventfd.c: a counter that a task can wait for.
 *
 * A write adds to the counter. A read returns the counter and resets it to 0 or, with
 * EFD_SEMAPHORE, returns 1 and subtracts 1. A read waits while the counter is 0. A write waits
 * while it would make the counter ULLONG_MAX or more, but a write of ULLONG_MAX itself gives
 * EINVAL. With O_NONBLOCK, EAGAIN takes the place of waiting. Only eventfd_signal_from() can make
 * the counter ULLONG_MAX.
 *
 * Locks: wqh.lock for the counter, so that a change and its wake-up are one step.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "gen/syscalls.h"
#include "kernel/event/eventfd.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/vfs.h"

#define EFD_SEMAPHORE 1
#define EFD_CLOEXEC O_CLOEXEC
#define EFD_NONBLOCK O_NONBLOCK

struct eventfd {
	struct wait_queue_head wqh;
	u64 count;      /* under wqh.lock */
	bool semaphore; /* immutable, as is id */
	/* shown in fdinfo, so that programs see which descriptors share a counter */
	u32 id;
};

static atomic_t last_id;

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->private_data;
	u32 mask = 0;
	u64 n;

	poll_wait(f, &e->wqh, pt);
	n = READ_ONCE(e->count);
	if (n > 0)
		mask |= EPOLLIN;
	if (n == ~0UL)
		mask |= EPOLLERR;
	if (n < ~0UL - 1)
		mask |= EPOLLOUT;
	return mask;
}

static bool take(struct eventfd *e, u64 *value)
{
	spin_lock(&e->wqh.lock);
	*value = e->semaphore && e->count ? 1 : e->count;
	e->count -= *value;
	if (*value)
		wake_up_common_locked(&e->wqh, TASK_NORMAL, 1, EPOLLOUT);
	spin_unlock(&e->wqh.lock);
	return *value;
}

static bool add(struct eventfd *e, u64 value)
{
	bool fits;

	spin_lock(&e->wqh.lock);
	/* eventfd_signal_from() may have set count to ULLONG_MAX, where no value fits. */
	fits = e->count != ~0UL && value <= ~0UL - 1 - e->count;
	if (fits) {
		e->count += value;
		wake_up_common_locked(&e->wqh, TASK_NORMAL, 1, EPOLLIN);
	}
	spin_unlock(&e->wqh.lock);
	return fits;
}

static ssize_t eventfd_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct eventfd *e = f->private_data;
	u64 value;
	int err = 0;

	if (to->count < sizeof(value))
		return -EINVAL;
	if (!take(e, &value)) {
		if (file_nonblock(f, to))
			return -EAGAIN;
		err = wait_event_interruptible(&e->wqh, take(e, &value));
	}
	if (err)
		return err;
	return copy_to_iter(&value, sizeof(value), to) == sizeof(value) ? (ssize_t)sizeof(value) :
									  -EFAULT;
}

/* Adds the value of a buffer of @n bytes. Returns 0 or -errno. */
static int write_value(struct eventfd *e, struct file *f, struct iov_iter *from, size_t n)
{
	u64 value;

	if (n != sizeof(value))
		return -EINVAL;
	if (copy_from_iter(&value, sizeof(value), from) != sizeof(value))
		return -EFAULT;
	if (value == ~0UL)
		return -EINVAL;
	if (!add(e, value)) {
		if (file_nonblock(f, from))
			return -EAGAIN;
		return wait_event_interruptible(&e->wqh, add(e, value));
	}
	return 0;
}

/* Each buffer of writev(2) is a write of its own, which ends with the first error. */
static ssize_t eventfd_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t done = 0;
	int err;

	do {
		size_t n = iov_iter_first_len(from);

		err = write_value(f->private_data, f, from, n);
		done += err ? 0 : (ssize_t)n;
	} while (!err && from->count);
	return done ? done : err;
}

static int eventfd_release(struct inode *inode, struct file *f)
{
	kfree(f->private_data);
	return 0;
}

static int eventfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct eventfd *e = f->private_data;

	return scnprintf(buf, size, "eventfd-count: %16lx\neventfd-id: %u\neventfd-semaphore: %d\n",
		(unsigned long)READ_ONCE(e->count), e->id, e->semaphore);
}

static const struct file_operations eventfd_fops = {
	.llseek = noop_llseek,
	.read_iter = eventfd_read,
	.nowait = true,
	.write_iter = eventfd_write,
	.no_splice_write = true,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.show_fdinfo = eventfd_fdinfo,
};

struct file *eventfd_fget(int fd)
{
	struct file *f = fget(fd);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->f_op == &eventfd_fops)
		return f;
	fput(f);
	return ERR_PTR(-EINVAL);
}

void eventfd_signal_from(struct file *f, u64 n, u64 key)
{
	struct eventfd *e = f->private_data;

	spin_lock(&e->wqh.lock);
	e->count = min(e->count, ~0UL - n) + n;
	wake_up_common_locked(&e->wqh, TASK_NORMAL, 1, EPOLLIN | key);
	spin_unlock(&e->wqh.lock);
}

long sys_eventfd2(u32 count, int flags)
{
	struct eventfd *e;
	int fd;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	init_waitqueue_head(&e->wqh);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	e->id = (u32)atomic_add_return(1, &last_id);
	fd = anon_fd(
		"[eventfd]", &eventfd_fops, e, O_RDWR | (flags & (EFD_CLOEXEC | EFD_NONBLOCK)));
	if (fd < 0)
		kfree(e);
	return fd;
}

long sys_eventfd(u32 count)
{
	return sys_eventfd2(count, 0);
}
