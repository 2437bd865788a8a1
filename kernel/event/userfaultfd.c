/* SPDX-License-Identifier: MIT */
/*
 * userfaultfd.c: the file of userfaultfd(2): its ioctls, messages and polling. kernel/mm/userfault/
 * handles the memory.
 *
 * UFFDIO_API must come first: other ioctls and reads are refused before it. A read returns messages
 * of faults and events (fork, mremap and so on) that were not read yet. After a fault the reader
 * must fill the page and wake up the faulting tasks. The ioctls that fill a page also wake up,
 * unless they get the mode DONTWAKE. poll() gives EPOLLERR unless the file is non-blocking.
 *
 * Locks: u->readers.lock (kernel/mm/userfault/userfault.h).
 */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>

#include "gen/syscalls.h"
#include "kernel/block/block.h"
#include "kernel/lib/string.h"
#include "kernel/mm/userfault/userfault.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/vfs.h"

#define FEATURES                                                                                   \
	(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MISSING_SHMEM |                             \
		UFFD_FEATURE_MISSING_HUGETLBFS | UFFD_FEATURE_MINOR_HUGETLBFS |                    \
		UFFD_FEATURE_SIGBUS | UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_MINOR_SHMEM |          \
		UFFD_FEATURE_EXACT_ADDRESS | UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |  \
		UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_POISON |       \
		UFFD_FEATURE_MOVE | UFFD_FEATURE_WP_HUGETLBFS_SHMEM |                              \
		UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_ASYNC)

#define MISC_MAJOR 10
#define UFFD_MINOR 126 /* as on Linux: its first dynamic minor */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

/* ---- the ioctls ---- */

/*
 * True if current may request these features. Reading a fork event adds a descriptor to the
 * reader's table, and an unprivileged program could make a privileged one read it.
 */
static bool may_have(u64 features)
{
	return !(features & UFFD_FEATURE_EVENT_FORK) || capable(CAP_SYS_PTRACE);
}

static bool make_ready(struct uffd *u, u64 features)
{
	bool first;

	spin_lock(&u->readers.lock);
	first = !u->ready;
	if (first) {
		u->ready = true;
		u->features = features;
	}
	spin_unlock(&u->readers.lock);
	return first;
}

static long ioctl_api(struct uffd *u, uaddr_t arg)
{
	struct uffdio_api api;
	long err = 0;

	if (copy_from_user(&api, arg, sizeof(api)))
		return -EFAULT;
	/* asynchronous write protection sends no messages, so all pages can be protected */
	if (api.features & UFFD_FEATURE_WP_ASYNC)
		api.features |= UFFD_FEATURE_WP_UNPOPULATED;
	if (api.api != UFFD_API)
		err = -EINVAL;
	else if (!may_have(api.features))
		err = -EPERM;
	else if (api.features & ~(u64)FEATURES || !make_ready(u, api.features))
		err = -EINVAL;
	memset(&api, 0, sizeof(api));
	if (!err) {
		api.api = UFFD_API;
		api.features = FEATURES;
		api.ioctls = UFFD_API_IOCTLS;
	}
	return copy_to_user(arg, &api, sizeof(api)) ? -EFAULT : err;
}

static long ioctl_register(struct uffd *u, uaddr_t arg)
{
	struct uffdio_register r;
	u64 ioctls;
	int err;

	if (copy_from_user(&r, arg, offsetof(struct uffdio_register, ioctls)))
		return -EFAULT;
	err = uffd_register(u, r.range.start, r.range.len, r.mode, &ioctls);
	if (err)
		return err;
	return put_user(ioctls, uaddr_add(arg, offsetof(struct uffdio_register, ioctls))) ?
		       -EFAULT :
		       0;
}

static long ioctl_range(struct uffd *u, uaddr_t arg, int (*op)(struct uffd *u, u64 start, u64 len))
{
	struct uffdio_range r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	return op(u, r.start, r.len);
}

/*
 * Stores how many bytes an ioctl that fills pages has filled, in the field after its arguments.
 * Returns 0, -errno, or -EAGAIN if that is less than all.
 */
static long report(uaddr_t field, s64 done, u64 len)
{
	if (put_user(done, field))
		return -EFAULT;
	if (done < 0)
		return (long)done;
	return (u64)done == len ? 0 : -EAGAIN;
}

static long ioctl_copy(struct uffd *u, uaddr_t arg)
{
	struct uffdio_copy c;
	u64 modes = UFFDIO_COPY_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP;
	s64 done;

	if (copy_from_user(&c, arg, offsetof(struct uffdio_copy, copy)))
		return -EFAULT;
	if (uffd_check_range(c.dst, c.len) || c.src + c.len <= c.src || c.mode & ~modes)
		return -EINVAL;
	done = uffd_copy(u, c.dst, UADDR(c.src), c.len, false, c.mode & UFFDIO_COPY_MODE_WP,
		!(c.mode & UFFDIO_COPY_MODE_DONTWAKE));
	if (done == -ESRCH)
		return done;
	return report(uaddr_add(arg, offsetof(struct uffdio_copy, copy)), done, c.len);
}

static long ioctl_zeropage(struct uffd *u, uaddr_t arg)
{
	struct uffdio_zeropage z;
	s64 done;

	if (copy_from_user(&z, arg, offsetof(struct uffdio_zeropage, zeropage)))
		return -EFAULT;
	if (uffd_check_range(z.range.start, z.range.len) || z.mode & ~UFFDIO_ZEROPAGE_MODE_DONTWAKE)
		return -EINVAL;
	done = uffd_copy(u, z.range.start, UNULL, z.range.len, true, false,
		!(z.mode & UFFDIO_ZEROPAGE_MODE_DONTWAKE));
	if (done == -ESRCH)
		return done;
	return report(
		uaddr_add(arg, offsetof(struct uffdio_zeropage, zeropage)), done, z.range.len);
}

static long ioctl_continue(struct uffd *u, uaddr_t arg)
{
	u64 modes = UFFDIO_CONTINUE_MODE_DONTWAKE | UFFDIO_CONTINUE_MODE_WP;
	struct uffdio_continue c;
	s64 done;

	if (copy_from_user(&c, arg, offsetof(struct uffdio_continue, mapped)))
		return -EFAULT;
	if (uffd_check_range(c.range.start, c.range.len) || c.mode & ~modes)
		return -EINVAL;
	done = uffd_continue(u, c.range.start, c.range.len, c.mode & UFFDIO_CONTINUE_MODE_WP,
		!(c.mode & UFFDIO_CONTINUE_MODE_DONTWAKE));
	if (done == -ESRCH)
		return done;
	return report(uaddr_add(arg, offsetof(struct uffdio_continue, mapped)), done, c.range.len);
}

static long ioctl_poison(struct uffd *u, uaddr_t arg)
{
	struct uffdio_poison p;
	s64 done;

	if (copy_from_user(&p, arg, offsetof(struct uffdio_poison, updated)))
		return -EFAULT;
	if (uffd_check_range(p.range.start, p.range.len) || p.mode & ~UFFDIO_POISON_MODE_DONTWAKE)
		return -EINVAL;
	done = uffd_poison(u, p.range.start, p.range.len, !(p.mode & UFFDIO_POISON_MODE_DONTWAKE));
	if (done == -ESRCH)
		return done;
	return report(uaddr_add(arg, offsetof(struct uffdio_poison, updated)), done, p.range.len);
}

static long ioctl_move(struct uffd *u, uaddr_t arg)
{
	u64 modes = UFFDIO_MOVE_MODE_DONTWAKE | UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES;
	struct uffdio_move m;
	s64 done;

	if (copy_from_user(&m, arg, offsetof(struct uffdio_move, move)))
		return -EFAULT;
	if (u->mm != current->mm || uffd_check_range(m.dst, m.len) ||
		uffd_check_range(m.src, m.len) || m.mode & ~modes)
		return -EINVAL;
	done = uffd_move(u, m.dst, m.src, m.len, m.mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
		!(m.mode & UFFDIO_MOVE_MODE_DONTWAKE));
	return report(uaddr_add(arg, offsetof(struct uffdio_move, move)), done, m.len);
}

static long ioctl_writeprotect(struct uffd *u, uaddr_t arg)
{
	struct uffdio_writeprotect w;
	bool on, wake;
	int err;

	if (copy_from_user(&w, arg, sizeof(w)))
		return -EFAULT;
	if (w.mode & ~(u64)(UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE))
		return -EINVAL;
	on = w.mode & UFFDIO_WRITEPROTECT_MODE_WP;
	wake = !(w.mode & UFFDIO_WRITEPROTECT_MODE_DONTWAKE);
	if (on && !wake)
		return -EINVAL;
	err = uffd_writeprotect(u, w.range.start, w.range.len, on);
	if (!err && !on && wake)
		uffd_wake(u, w.range.start, w.range.len);
	return err;
}

static long userfaultfd_ioctl(struct file *f, u32 cmd, u64 argument)
{
	struct uffd *u = f->private_data;
	uaddr_t arg = UADDR(argument);

	if (cmd != UFFDIO_API && !READ_ONCE(u->ready))
		return -EINVAL;
	switch (cmd) {
	case UFFDIO_API: return ioctl_api(u, arg);
	case UFFDIO_REGISTER: return ioctl_register(u, arg);
	case UFFDIO_UNREGISTER: return ioctl_range(u, arg, uffd_unregister);
	case UFFDIO_WAKE: return ioctl_range(u, arg, uffd_wake);
	case UFFDIO_COPY: return ioctl_copy(u, arg);
	case UFFDIO_ZEROPAGE: return ioctl_zeropage(u, arg);
	case UFFDIO_WRITEPROTECT: return ioctl_writeprotect(u, arg);
	case UFFDIO_CONTINUE: return ioctl_continue(u, arg);
	case UFFDIO_POISON: return ioctl_poison(u, arg);
	case UFFDIO_MOVE: return ioctl_move(u, arg);
	default: return -EINVAL;
	}
}

/* ---- the file ---- */

static const struct file_operations userfaultfd_fops;

/*
 * Installs the descriptor of a forked child's userfaultfd in the reader's table and puts it into
 * the message. Returns 0 or -errno; on an error @child still belongs to the event.
 */
static int deliver_child(struct uffd *child, struct uffd_msg *msg, struct iov_iter *to)
{
	int fd = get_unused_fd(child->file_flags), err = -EFAULT;
	struct file *f;

	if (fd < 0)
		return fd;
	f = anon_file("[userfaultfd]", &userfaultfd_fops, child,
		O_RDONLY | (child->file_flags & O_NONBLOCK));
	if (IS_ERR(f)) {
		err = (int)PTR_ERR(f);
		goto err_fd;
	}
	msg->arg.fork.ufd = (u32)fd;
	if (copy_to_iter(msg, sizeof(*msg), to) != sizeof(*msg))
		goto err_file;
	fd_install(fd, f);
	return 0;

err_file:
	f->private_data = NULL;
	fput(f);
err_fd:
	put_unused_fd(fd);
	return err;
}

/* Reads an event. Returns its size, 0 if there is none, or -errno. */
static ssize_t read_event(struct uffd *u, struct iov_iter *to)
{
	struct uffd *child = NULL;
	struct uffd_msg msg;
	struct uffd_event *e = uffd_take_event(u, &msg, &child);
	int err = 0;

	if (!e)
		return 0;
	if (child)
		err = deliver_child(child, &msg, to);
	else if (copy_to_iter(&msg, sizeof(msg), to) != sizeof(msg))
		err = -EFAULT;
	if (err) {
		uffd_event_back(e);
		return err;
	}
	uffd_event_read(e);
	return sizeof(msg);
}

/*
 * Reads the next message, a fault before an event. Returns its size, 0 if there is none, or -errno.
 */
static ssize_t read_message(struct uffd *u, struct iov_iter *to)
{
	struct uffd_msg msg;

	if (!uffd_take_message(u, &msg))
		return read_event(u, to);
	return copy_to_iter(&msg, sizeof(msg), to) == sizeof(msg) ? (ssize_t)sizeof(msg) : -EFAULT;
}

static ssize_t userfaultfd_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct uffd *u = f->private_data;
	ssize_t done = 0, n;
	int err;

	if (!READ_ONCE(u->ready) || to->count < sizeof(struct uffd_msg))
		return -EINVAL;
	while (to->count >= sizeof(struct uffd_msg)) {
		n = read_message(u, to);
		if (n < 0)
			return done ? done : n;
		if (n) {
			done += n;
			continue;
		}
		if (done || file_nonblock(f, to))
			return done ? done : -EAGAIN;
		err = wait_event_interruptible(&u->readers, uffd_has_message(u));
		if (err)
			return err;
	}
	return done;
}

static u32 userfaultfd_poll(struct file *f, struct poll_table *pt)
{
	struct uffd *u = f->private_data;

	poll_wait(f, &u->readers, pt);
	if (!READ_ONCE(u->ready) || !(f->f_flags & O_NONBLOCK))
		return EPOLLERR;
	return uffd_has_message(u) ? EPOLLIN : 0;
}

static int userfaultfd_release(struct inode *inode, struct file *f)
{
	/* NULL for a child's file that could not be delivered to a reader. */
	if (f->private_data)
		uffd_release(f->private_data);
	return 0;
}

static int userfaultfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct uffd *u = f->private_data;
	u64 pending, total;

	uffd_counts(u, &pending, &total);
	return scnprintf(buf, size, "pending:\t%lu\ntotal:\t%lu\nAPI:\t%lx:%lx:%lx\n", pending,
		total, (u64)UFFD_API, u->features, (u64)(UFFD_API_IOCTLS | UFFD_RANGE_IOCTLS));
}

static const struct file_operations userfaultfd_fops = {
	.llseek = noop_llseek,
	.read_iter = userfaultfd_read,
	.poll = userfaultfd_poll,
	.ioctl = userfaultfd_ioctl,
	.release = userfaultfd_release,
	.show_fdinfo = userfaultfd_fdinfo,
};

static long new_userfaultfd(int flags)
{
	bool user_only = flags & UFFD_USER_MODE_ONLY;
	struct uffd *u;
	int fd;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY))
		return -EINVAL;
	u = uffd_alloc(current->mm, user_only, (u32)flags & (O_CLOEXEC | O_NONBLOCK));
	if (!u)
		return -ENOMEM;
	fd = anon_fd("[userfaultfd]", &userfaultfd_fops, u,
		O_RDONLY | (flags & (O_CLOEXEC | O_NONBLOCK)));
	if (fd < 0)
		uffd_put(u);
	return fd;
}

long sys_userfaultfd(int flags)
{
	if (!(flags & UFFD_USER_MODE_ONLY) && !sysctl_unprivileged_userfaultfd &&
		!capable(CAP_SYS_PTRACE))
		return -EPERM;
	return new_userfaultfd(flags);
}

/* ---- /dev/userfaultfd: a caller that may open it needs no other right ---- */

static long device_ioctl(struct file *f, u32 cmd, u64 arg)
{
	return cmd == USERFAULTFD_IOC_NEW ? new_userfaultfd((int)arg) : -EINVAL;
}

static const struct file_operations device_fops = {
	.llseek = noop_llseek,
	.ioctl = device_ioctl,
};

static int userfaultfd_init(void)
{
	int err = register_chrdev(MISC_MAJOR, UFFD_MINOR, 1, "misc", &device_fops);

	return err ? err :
		     dev_node_ops->create(
			     "userfaultfd", S_IFCHR | 0600, MKDEV(MISC_MAJOR, UFFD_MINOR));
}
INITCALL(4, userfaultfd_init);
