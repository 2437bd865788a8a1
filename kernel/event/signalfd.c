/* SPDX-License-Identifier: MIT */
/*
 * signalfd.c: signalfd(2): pending signals of the reader, read as data.
 *
 * The file holds only a mask. A read takes pending signals of current, and a poll looks at them. So
 * a file that is passed to another process shows the signals of that process. Readers and pollers
 * wait on their own sighand->signalfd_wqh. A kernel worker, which has no such signals, leaves the
 * poll to the task that it works for (ASYNC_POLL_ASK).
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/signalfd.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/async_poll.h"
#include "kernel/vfs/vfs.h"

struct signalfd {
	/*
	 * Set of signals that a read takes. A single word, written by signalfd4() and read without
	 * a lock.
	 */
	u64 mask;
};

static u64 pending_in(u64 mask)
{
	return (READ_ONCE(current->pending->signal) |
		       READ_ONCE(current->signal->shared_pending.signal)) &
	       mask;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->private_data;

	if (current->flags & PF_KTHREAD)
		return EPOLLIN | ASYNC_POLL_ASK;
	poll_wait(f, &current->sighand->signalfd_wqh, pt);
	return pending_in(READ_ONCE(s->mask)) ? EPOLLIN : 0;
}

/*
 * True if the signal says which descriptor is ready: SIGPOLL, or another signal without codes of
 * its own that F_SETSIG has chosen.
 */
static bool is_poll(const siginfo_t *i)
{
	switch (i->si_signo) {
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP:
	case SIGSYS:
	case SIGCHLD: return i->si_code == SI_SIGIO;
	default: return i->si_code == SI_SIGIO || (i->si_code > 0 && i->si_code <= NSIGPOLL);
	}
}

static void fill(struct signalfd_siginfo *o, const siginfo_t *i)
{
	memset(o, 0, sizeof(*o));
	o->ssi_signo = (u32)i->si_signo;
	o->ssi_errno = i->si_errno;
	o->ssi_code = i->si_code;
	if (i->si_code == SI_TIMER) {
		o->ssi_tid = (u32)i->si_tid;
		o->ssi_overrun = (u32)i->si_overrun;
		o->ssi_ptr = (u64)i->si_ptr;
		o->ssi_int = i->si_int;
		return;
	}
	if (is_poll(i)) {
		o->ssi_band = (u32)i->si_band;
		o->ssi_fd = i->si_fd;
		return;
	}
	switch (i->si_code <= 0 ? 0 : i->si_signo) {
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP: o->ssi_addr = (u64)i->si_addr; return;
	case SIGCHLD:
		o->ssi_status = i->si_status;
		o->ssi_utime = (u64)i->si_utime;
		o->ssi_stime = (u64)i->si_stime;
		break;
	default: o->ssi_ptr = (u64)i->si_ptr; o->ssi_int = i->si_int;
	}
	o->ssi_pid = (u32)i->si_pid;
	o->ssi_uid = (u32)i->si_uid;
}

/* Dequeues a signal of the mask. Returns 1 with *info set, or 0 if none is pending. */
static int take(struct signalfd *s, siginfo_t *info)
{
	return dequeue_signal(READ_ONCE(s->mask), info) ? 1 : 0;
}

static ssize_t signalfd_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct signalfd *s = f->private_data;
	struct signalfd_siginfo out;
	ssize_t total = 0;
	siginfo_t info;
	int err;

	if (to->count < sizeof(out))
		return -EINVAL;
	while (to->count >= sizeof(out)) {
		if (!take(s, &info)) {
			if (total)
				break;
			if (file_nonblock(f, to))
				return -EAGAIN;
			err = wait_event_interruptible(
				&current->sighand->signalfd_wqh, take(s, &info));
			if (err)
				return err;
		}
		fill(&out, &info);
		if (copy_to_iter(&out, sizeof(out), to) != sizeof(out))
			return total ? total : -EFAULT;
		total += (ssize_t)sizeof(out);
	}
	return total;
}

static int signalfd_release(struct inode *inode, struct file *f)
{
	kfree(f->private_data);
	return 0;
}

static int signalfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct signalfd *s = f->private_data;

	return scnprintf(buf, size, "sigmask:\t%016lx\n", (unsigned long)s->mask);
}

static const struct file_operations signalfd_fops = {
	.llseek = noop_llseek,
	.read_iter = signalfd_read,
	.nowait = true,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.show_fdinfo = signalfd_fdinfo,
};

static long change(int fd, u64 mask)
{
	struct file *f = fget(fd);
	long ret = fd;

	if (!f)
		return -EBADF;
	if (f->f_op == &signalfd_fops) {
		WRITE_ONCE(((struct signalfd *)f->private_data)->mask, mask);
		wake_up_all(&current->sighand->signalfd_wqh);
	} else {
		ret = -EINVAL;
	}
	fput(f);
	return ret;
}

long sys_signalfd4(int fd, uaddr_t mask, size_t sigsetsize, int flags)
{
	struct signalfd *s;
	u64 set;

	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK) || sigsetsize != sizeof(set))
		return -EINVAL;
	if (get_user(set, mask))
		return -EFAULT;
	set &= ~UNMASKABLE;
	if (fd != -1)
		return change(fd, set);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	s->mask = set;
	fd = anon_fd(
		"[signalfd]", &signalfd_fops, s, O_RDWR | (flags & (SFD_CLOEXEC | SFD_NONBLOCK)));
	if (fd < 0)
		kfree(s);
	return fd;
}

long sys_signalfd(int fd, uaddr_t mask, size_t sigsetsize)
{
	return sys_signalfd4(fd, mask, sigsetsize, 0);
}
