/* SPDX-License-Identifier: MIT */
/*
 * msg_recv.c: recvfrom(2), recvmsg(2) and recvmmsg(2). The family receives a message into struct
 * msg. Its ancillary data (descriptors, credentials, timestamps and other records) is then put into
 * the guest's buffer.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/socket.h>
#include <linux/io_uring.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/net/internal.h"
#include "kernel/net/socket/sock_cgroup.h"
#include "kernel/net/socket/user_msg.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"

#define CTL_LONG 16384U /* most bytes of records to receive */

struct control {
	u64 ua, room, used;
	u32 *out_flags;
};

/*
 * Adds a control message, or as much of it as there is room for. Returns -EFAULT, with nothing
 * added, if it cannot be written, else 0.
 */
static int put_cmsg(struct control *c, int level, int type, const void *data, u64 n)
{
	struct user_cmsghdr h = { sizeof(h) + n, level, type };

	if (c->room - c->used < sizeof(h)) {
		*c->out_flags |= MSG_CTRUNC;
		return 0;
	}
	if (h.len > c->room - c->used) {
		*c->out_flags |= MSG_CTRUNC;
		h.len = c->room - c->used;
		n = h.len - sizeof(h);
	}
	if (copy_to_user(UADDR(c->ua + c->used), &h, sizeof(h)) ||
		copy_to_user(UADDR(c->ua + c->used + sizeof(h)), data, n))
		return -EFAULT;
	c->used += min(CMSG_ALIGN(h.len), c->room - c->used);
	return 0;
}

/*
 * Installs as many of the files as there is room for, and sets MSG_CTRUNC if others are dropped.
 * Each number is written before its descriptor is opened. What cannot be written is dropped.
 */
static void put_rights(struct control *c, struct msg *m, u32 flags)
{
	u64 space = c->room - c->used, at = c->ua + c->used;
	struct user_cmsghdr h = { 0, SOL_SOCKET, SCM_RIGHTS };
	u32 fits = 0, n;

	if (space >= sizeof(h) + sizeof(int))
		fits = (u32)min_t(u64, (space - sizeof(h)) / sizeof(int), m->nr_files);
	for (n = 0; n < fits; n++) {
		int fd = get_unused_fd(flags & MSG_CMSG_CLOEXEC ? O_CLOEXEC : 0);

		if (fd < 0)
			break;
		if (put_user(fd, UADDR(at + sizeof(h) + n * sizeof(fd)))) {
			put_unused_fd(fd);
			break;
		}
		sock_cgroup_received(m->files[n]);
		fd_install(fd, get_file(m->files[n]));
	}
	if (n < m->nr_files)
		*c->out_flags |= MSG_CTRUNC;
	h.len = sizeof(h) + n * sizeof(int);
	if (n && !copy_to_user(UADDR(at), &h, sizeof(h)))
		c->used += min(CMSG_ALIGN(h.len), space);
}

/* Adds a pidfd of the sending process, or a negative errno if there is none. */
static void put_pidfd(struct control *c, const struct ucred *cred)
{
	struct pid *pid;
	struct file *f;
	int fd;

	if (c->room - c->used < sizeof(struct user_cmsghdr) + sizeof(fd)) {
		*c->out_flags |= MSG_CTRUNC;
		return;
	}
	pid = find_get_pid_ns((pid_t)cred->pid, &init_pid_ns);
	f = pid ? pidfd_file(pid, 0) : ERR_PTR(-ESRCH);
	put_pid(pid);
	fd = IS_ERR(f) ? (int)PTR_ERR(f) : get_unused_fd(O_CLOEXEC);
	if (put_cmsg(c, SOL_SOCKET, SCM_PIDFD_, &fd, sizeof(fd)) && fd >= 0) {
		put_unused_fd(fd);
		fd = -EFAULT;
	}
	if (fd >= 0)
		fd_install(fd, f);
	else if (!IS_ERR(f))
		fput(f);
}

static const u8 *ctl_of(const struct msg *m)
{
	return m->ctl_long ? m->ctl_long : m->ctl;
}

/* As on Linux, control messages whose memory cannot be written are left out. */
static void put_control(struct socket *s, struct msg *m, struct control *c, u32 flags)
{
	if (s->sk->passcred && m->has_cred) {
		struct ucred cred = ucred_to_user(&m->cred);

		put_cmsg(c, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
	}
	if (s->sk->rare.passpidfd && m->has_cred)
		put_pidfd(c, &m->cred);
	if (m->nr_files)
		put_rights(c, m, flags);
	for (u32 at = 0; at < m->ctl_len;) {
		struct user_cmsghdr h;

		memcpy(&h, ctl_of(m) + at, sizeof(h));
		put_cmsg(c, h.level, h.type, ctl_of(m) + at + sizeof(h), h.len);
		at += (u32)(sizeof(h) + CMSG_ALIGN(h.len));
	}
}

/*
 * Makes room for @n more bytes of ancillary data. If the small buffer is too short, allocates one
 * that has room for all options of any packet. Returns false if there is no memory or no room in
 * that buffer.
 */
static bool make_room(struct msg *m, u32 n)
{
	if (m->ctl_len + n <= (m->ctl_long ? CTL_LONG : sizeof(m->ctl)))
		return true;
	if (m->ctl_long || m->ctl_len + n > CTL_LONG)
		return false;
	m->ctl_long = kmalloc(CTL_LONG, GFP_ATOMIC);
	if (!m->ctl_long)
		return false;
	memcpy(m->ctl_long, m->ctl, m->ctl_len);
	return true;
}

void msg_put_cmsg(struct msg *m, int level, int type, const void *data, u32 n)
{
	struct user_cmsghdr h = { n, level, type }; /* msg_flatten() adds the length */

	u8 *to;

	if (!make_room(m, (u32)(sizeof(h) + CMSG_ALIGN(n)))) {
		m->out_flags |= MSG_CTRUNC;
		return;
	}
	to = (u8 *)ctl_of(m) + m->ctl_len;
	memcpy(to, &h, sizeof(h));
	memcpy(to + sizeof(h), data, n);
	m->ctl_len += (u32)(sizeof(h) + CMSG_ALIGN(n));
}

u32 msg_flatten(const struct msg *m, u8 *to, u32 room)
{
	u32 used = 0;

	for (u32 at = 0; at < m->ctl_len;) {
		struct user_cmsghdr h;
		u32 n;

		memcpy(&h, ctl_of(m) + at, sizeof(h));
		if (room - used < sizeof(h))
			break;
		n = (u32)min_t(u64, h.len, room - used - sizeof(h));
		memcpy(to + used + sizeof(h), ctl_of(m) + at + sizeof(h), n);
		at += (u32)(sizeof(h) + CMSG_ALIGN(h.len));
		h.len = sizeof(h) + n;
		memcpy(to + used, &h, sizeof(h));
		used += (u32)min_t(u64, CMSG_ALIGN(h.len), room - used);
	}
	return used;
}

long sys_recvfrom(int fd, uaddr_t buf, size_t len, int flags, uaddr_t addr, uaddr_t addrlen)
{
	struct sockaddr_buf a = { .len = 0 };
	struct msg m = { .flags = (u32)flags, .name = addr.v ? &a : NULL };
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long n;
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	m.nonblock = f->f_flags & O_NONBLOCK || flags & MSG_DONTWAIT;
	iov_iter_user(&m.iter, buf, min_t(size_t, len, 0x7ffff000));
	n = s->ops->recvmsg(s, &m);
	msg_end(&m);
	if (n >= 0 && addr.v) {
		err = sockaddr_to_user(&a, addr, addrlen);
		if (err)
			n = err;
	}
	fput(f);
	return n;
}

static long finish_receive(
	struct socket *s, struct msg *m, struct user_msghdr *h, uaddr_t umsg, u32 flags)
{
	struct control c = { h->control, h->control ? h->controllen : 0, 0, &m->out_flags };
	int err = 0;

	put_control(s, m, &c, flags);
	/* The length of the name is returned even if the caller has no buffer for it. */
	if (m->name) {
		u32 n = min_t(u32, m->name->len, (u32)h->namelen);

		if (copy_to_user(UADDR(h->name), m->name->data, n) ||
			put_user((int)m->name->len,
				uaddr_add(umsg, offsetof(struct user_msghdr, namelen))))
			err = -EFAULT;
	}
	if (!err &&
		put_user((u64)c.used, uaddr_add(umsg, offsetof(struct user_msghdr, controllen))))
		err = -EFAULT;
	if (!err && put_user((u32)(m->out_flags | (flags & MSG_CMSG_CLOEXEC)),
			    uaddr_add(umsg, offsetof(struct user_msghdr, flags))))
		err = -EFAULT;
	return err;
}

/* Receives a message with a header. @later: this call does not wait; the caller waits after it. */
static long recv_header(
	struct file *f, struct socket *s, struct sock_header *h, u32 flags, bool later)
{
	struct sockaddr_buf a = { .len = 0 };
	struct msg m = {
		.flags = flags, .name = h->h.name ? &a : NULL, .iter = h->iter, .waits_later = later
	};
	long n;
	int err;

	m.nonblock = later || f->f_flags & O_NONBLOCK || flags & MSG_DONTWAIT;
	n = s->ops->recvmsg(s, &m);
	if (n >= 0) {
		err = (int)finish_receive(s, &m, &h->h, h->at, flags);
		if (err)
			n = err;
	}
	msg_end(&m);
	h->oob = m.out_flags & MSG_OOB;
	h->iter = m.iter;
	return n;
}

/*
 * Receives one message. Sets *@oob to true if it was out-of-band data, else to false; @oob may be
 * NULL.
 */
static long recv_one(struct file *f, struct socket *s, uaddr_t umsg, u32 flags, bool *oob)
{
	struct sock_header h;
	long n = sock_header_import(&h, umsg, false);

	if (!n)
		n = recv_header(f, s, &h, flags, false);
	if (oob)
		*oob = h.oob;
	sock_header_release(&h);
	return n;
}

long sys_recvmsg(int fd, uaddr_t msg, int flags)
{
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long n;

	if (IS_ERR(f))
		return PTR_ERR(f);
	n = recv_one(f, s, msg, (u32)flags, NULL);
	fput(f);
	return n;
}

struct mmsg_time {
	s64 sec, nsec;
};

/* Sets *at to the time @span from now, or to the end of time if that is too far away. */
static void end_of_span(struct mmsg_time *at, const struct mmsg_time *span)
{
	u64 now = ktime_get();

	at->nsec = span->nsec + (s64)(now % NSEC_PER_SEC);
	if (check_add_overflow(
		    span->sec, (s64)(now / NSEC_PER_SEC) + at->nsec / (s64)NSEC_PER_SEC, &at->sec))
		at->sec = S64_MAX;
	at->nsec %= (s64)NSEC_PER_SEC;
}

/* Sets *left to the time until @end. Returns false if that has passed. */
static bool time_until(const struct mmsg_time *end, struct mmsg_time *left)
{
	u64 now = ktime_get();

	left->sec = end->sec - (s64)(now / NSEC_PER_SEC);
	left->nsec = end->nsec - (s64)(now % NSEC_PER_SEC);
	if (left->nsec < 0) {
		left->nsec += (s64)NSEC_PER_SEC;
		left->sec--;
	}
	if (left->sec < 0)
		*left = (struct mmsg_time){ 0 };
	return left->sec || left->nsec;
}

/*
 * Keeps an error that recvmmsg(2) cannot return for the next call or SO_ERROR. An interrupted wait
 * is no error of the socket.
 */
static void keep_error(struct socket *s, long err)
{
	if (err != -EAGAIN && err > -ERESTARTSYS)
		WRITE_ONCE(s->sk->err, (int)err);
}

/*
 * Receives up to @vlen messages. @left: NULL, or the time after which no further message is awaited
 * once one has been received. It is set to the time that remains. No message is received after
 * out-of-band data. Returns the number of messages, or -errno if there is none.
 */
static long recv_many(
	struct file *f, struct socket *s, uaddr_t vec, u32 vlen, u32 flags, struct mmsg_time *left)
{
	struct mmsg_time end = { 0 };
	long n = flags & MSG_ERRQUEUE ? 0 : xchg(&s->sk->err, 0);
	bool oob = false, over = false;
	u32 i = 0;

	if (n)
		return n;
	if (left)
		end_of_span(&end, left);
	while (i < vlen && !oob && !over) {
		uaddr_t at = uaddr_add(vec, i * sizeof(struct user_mmsghdr));

		n = recv_one(f, s, at, flags & ~(u32)MSG_WAITFORONE, &oob);
		if (n >= 0 && put_user((u32)n, uaddr_add(at, offsetof(struct user_mmsghdr, len))))
			n = -EFAULT;
		if (n < 0)
			break;
		i++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		over = left && !time_until(&end, left);
		cond_resched();
	}
	if (i && n < 0)
		keep_error(s, n);
	return i ? (long)i : n;
}

long sys_recvmmsg(int fd, uaddr_t vec, u32 vlen, int flags, uaddr_t timeout)
{
	struct mmsg_time ts;
	struct socket *s;
	struct file *f;
	long n;

	if (timeout.v) {
		if (get_user(ts, timeout))
			return -EFAULT;
		if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)NSEC_PER_SEC)
			return -EINVAL;
	}
	f = sock_get(fd, &s);
	if (IS_ERR(f))
		return PTR_ERR(f);
	n = recv_many(f, s, vec, min(vlen, 1024U), (u32)flags, timeout.v ? &ts : NULL);
	fput(f);
	if (n > 0 && timeout.v && put_user(ts, timeout))
		return -EFAULT;
	return n;
}

/* ---- for asynchronous I/O ---- */

long sock_async_recvmsg(struct file *f, struct sock_header *h, u32 flags)
{
	struct socket *s = file_socket(f);

	return s ? recv_header(f, s, h, flags, msg_waits_later(flags)) : -ENOTSOCK;
}

/*
 * Writes a received message: struct io_uring_recvmsg_out, then the name and the ancillary data. The
 * payload is already behind these.
 */
static long put_out(
	struct socket *s, struct msg *m, const struct user_msghdr *h, u64 at, long n, u32 flags)
{
	u64 name = at + sizeof(struct io_uring_recvmsg_out), control = name + (u32)h->namelen;
	struct control c = { control, h->controllen, 0, &m->out_flags };
	struct io_uring_recvmsg_out out = { .namelen = m->name->len, .payloadlen = (u32)n };
	int err = 0;

	put_control(s, m, &c, flags);
	if (copy_to_user(UADDR(name), m->name->data, min_t(u32, m->name->len, (u32)h->namelen)))
		err = -EFAULT;
	out.controllen = (u32)c.used;
	out.flags = m->out_flags | (flags & MSG_CMSG_CLOEXEC);
	if (!err && copy_to_user(UADDR(at), &out, sizeof(out)))
		err = -EFAULT;
	return err;
}

long sock_async_recvmsg_out(
	struct file *f, struct sock_header *h, uaddr_t buf, size_t len, u32 flags)
{
	struct socket *s = file_socket(f);
	struct sockaddr_buf a = { .len = 0 };
	struct msg m = { .flags = flags, .name = &a, .waits_later = msg_waits_later(flags) };
	u64 head = sizeof(struct io_uring_recvmsg_out) + (u32)h->h.namelen + h->h.controllen;
	long n, err;

	if (!s)
		return -ENOTSOCK;
	if (h->h.controllen > len || head > len)
		return -EFAULT;
	m.nonblock = true;
	iov_iter_user(&m.iter, uaddr_add(buf, head), min_t(u64, len - head, 0x7ffff000));
	n = s->ops->recvmsg(s, &m);
	if (n > 0 || (n == 0 && s->sk->type != SOCK_STREAM)) {
		err = put_out(s, &m, &h->h, buf.v, n, flags);
		/* with MSG_TRUNC, @n may exceed the buffer */
		n = err ? err : (long)min_t(u64, head + (u64)n, len);
	}
	msg_end(&m);
	return n;
}

long sock_async_recv(struct file *f, const struct iov_iter *it, u32 flags)
{
	struct socket *s = file_socket(f);
	struct msg m = {
		.flags = flags, .iter = *it, .nonblock = true, .waits_later = msg_waits_later(flags)
	};
	long n;

	if (!s)
		return -ENOTSOCK;
	n = s->ops->recvmsg(s, &m);
	msg_end(&m);
	return n;
}

long sock_recv_file(struct file *f, uaddr_t buf, size_t len, u32 flags)
{
	struct iov_iter it;

	iov_iter_user(&it, buf, min_t(size_t, len, 0x7ffff000));
	return sock_async_recv(f, &it, flags);
}
