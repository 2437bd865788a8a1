/* SPDX-License-Identifier: MIT */
/*
 * msg.c: the calls from sendto to recvmmsg: messages, their vectors and their ancillary data
 * (SCM_RIGHTS, SCM_CREDENTIALS).
 *
 * Ancillary data of a send is parsed into struct msg before the family sees it. Ancillary data of a
 * receive is put into the guest's buffer afterwards. Lengths in control messages are the guest's:
 * each header is read once into kernel memory and checked there.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/socket.h>
#include <linux/io_uring.h>
#include <linux/net_tstamp.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/net/socket/async.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/internal.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/socket/sock_cgroup.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"

/* The layout of x86-64. */
struct user_mmsghdr {
	struct user_msghdr hdr;
	u32 len;
	u32 pad;
};
struct user_cmsghdr {
	u64 len;
	int level, type;
};
#define CMSG_ALIGN(n) (((n) + 7) & ~7UL)
#define STAMPING_TX                                                                                \
	(SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | \
		SOF_TIMESTAMPING_TX_ACK)
#define CONTROL_MAX 20480
#define CTL_LONG 16384U /* most bytes of records to receive */

void msg_end(struct msg *m)
{
	ip6_ext_drop(m);
	while (m->nr_files)
		fput(m->files[--m->nr_files]);
	kfree(m->files);
	kfree(m->ctl_long);
}

/* ---- sending ---- */

static int parse_rights(struct msg *m, const int *fds, u64 n)
{
	u64 i;

	if (n > SCM_MAX_FD || m->nr_files + n > SCM_MAX_FD)
		return -EINVAL;
	if (!m->files)
		m->files = kcalloc(SCM_MAX_FD, sizeof(m->files[0]), GFP_KERNEL);
	if (!m->files)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct file *f = fget_raw(fds[i]);

		if (!f)
			return -EBADF;
		if (f->f_mode & FMODE_NOPASS) {
			fput(f);
			return -EINVAL;
		}
		m->files[m->nr_files++] = f;
	}
	return 0;
}

static bool may_claim(const struct ucred *c)
{
	const struct cred *me = current_cred();

	return (c->pid == (u32)current->tgid ||
		       ns_capable(current_pid_ns()->ns.owner, CAP_SYS_ADMIN)) &&
	       (c->uid == me->uid || c->uid == me->euid || c->uid == me->suid ||
		       ns_capable(me->user_ns, CAP_SETUID)) &&
	       (c->gid == me->gid || c->gid == me->egid || c->gid == me->sgid ||
		       ns_capable(me->user_ns, CAP_SETGID));
}

/* Translates the ids that current claims to have into the kernel's ids, and checks them. */
static int claim(struct msg *m, const struct ucred *said)
{
	struct pid *pid = find_get_pid((pid_t)said->pid);
	struct ucred c = { (u32)pid_nr(pid), make_kuid(current_user_ns(), said->uid),
		make_kgid(current_user_ns(), said->gid) };

	put_pid(pid);
	if (!uid_valid(c.uid) || !uid_valid(c.gid))
		return -EINVAL;
	if (!pid && ns_capable(current_pid_ns()->ns.owner, CAP_SYS_ADMIN))
		return -ESRCH;
	m->cred = c;
	m->has_cred = true;
	return may_claim(&m->cred) ? 0 : -EPERM;
}

/*
 * Parses a record of level SOL_SOCKET that AF_UNIX or AF_NETLINK sockets accept: SCM_RIGHTS or
 * SCM_CREDENTIALS.
 */
static int parse_scm(const struct socket *s, struct msg *m, const struct user_cmsghdr *h, u64 n)
{
	if (h->type == SCM_RIGHTS && s->sk->family == AF_UNIX)
		return parse_rights(m, (const int *)(h + 1), n / sizeof(int));
	if (h->type != SCM_CREDENTIALS || n != sizeof(struct ucred))
		return -EINVAL;
	return claim(m, (const struct ucred *)(h + 1));
}

static int parse_one(const struct socket *s, struct msg *m, const struct user_cmsghdr *h)
{
	u64 n = h->len - sizeof(*h);

	if (h->level != SOL_SOCKET)
		return s->ops->cmsg ? s->ops->cmsg(s, m, h->level, h->type, h + 1, n) : 0;
	if (s->sk->family == AF_UNIX || s->sk->family == AF_NETLINK)
		return parse_scm(s, m, h, n);
	switch (h->type) {
	case SCM_RIGHTS:
	case SCM_CREDENTIALS: return 0; /* ignored by these families */
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		if (n != sizeof(u32))
			return -EINVAL;
		memcpy(&m->tsflags, h + 1, sizeof(u32));
		m->has_tsflags = true;
		return m->tsflags & ~STAMPING_TX ? -EINVAL : 0;
	case SCM_TS_OPT_ID_:
		if (inet_is_tcp(s->sk) || !(s->sk->rare.tsflags & SOF_TIMESTAMPING_OPT_ID) ||
			n != sizeof(u32))
			return -EINVAL;
		memcpy(&m->ts_id, h + 1, sizeof(u32));
		m->has_ts_id = true;
		return 0;
	/*
	 * The time is for queueing disciplines that send packets at a given time. No such
	 * discipline exists, so the time is ignored.
	 */
	case SCM_TXTIME: return s->sk->rare.has_txtime && n == sizeof(u64) ? 0 : -EINVAL;
	case SO_MARK:
		if (n != sizeof(u32))
			return -EINVAL;
		if (!net_capable(s->sk->net, CAP_NET_ADMIN) &&
			!net_capable(s->sk->net, CAP_NET_RAW))
			return -EPERM;
		memcpy(&m->inet.mark, h + 1, sizeof(u32));
		m->inet.has_mark = true;
		return 0;
	}
	return -EINVAL;
}

static int parse_control(struct socket *s, struct msg *m, u64 ua, u64 len)
{
	char *buf;
	u64 off = 0;
	int err = 0;

	if (!len)
		return 0;
	if (len > CONTROL_MAX)
		return -ENOBUFS;
	buf = kmalloc(len, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (copy_from_user(buf, UADDR(ua), len))
		err = -EFAULT;
	else if (s->ops->may_send)
		err = s->ops->may_send(s);
	while (!err && len - off >= sizeof(struct user_cmsghdr)) {
		const struct user_cmsghdr *h = (const void *)(buf + off);

		if (h->len < sizeof(*h) || h->len > len - off)
			err = -EINVAL;
		else
			err = parse_one(s, m, h);
		if (err || CMSG_ALIGN(h->len) > len - off)
			break;
		off += CMSG_ALIGN(h->len);
	}
	kfree(buf);
	return err;
}

static ssize_t do_send(struct file *f, struct socket *s, struct msg *m)
{
	ssize_t n;

	m->nonblock = m->waits_later || f->f_flags & O_NONBLOCK || m->flags & MSG_DONTWAIT;
	if (!m->has_cred)
		m->cred = current_ucred();
	n = s->ops->sendmsg(s, m);
	if (n == -EPIPE && s->sk->type == SOCK_STREAM && !(m->flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, SEND_SIG_NOINFO);
	return n;
}

long sys_sendto(int fd, uaddr_t buf, size_t len, int flags, uaddr_t addr, int addrlen)
{
	struct sockaddr_buf a;
	struct msg m = { .flags = (u32)flags };
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long n = 0;

	if (IS_ERR(f))
		return PTR_ERR(f);
	if (addr.v) {
		n = sockaddr_from_user(&a, addr, addrlen);
		m.name = &a;
	}
	iov_iter_user(&m.iter, buf, min_t(size_t, len, 0x7ffff000));
	if (!n)
		n = do_send(f, s, &m);
	fput(f);
	return n;
}

long sock_header_import(struct sock_header *h, uaddr_t umsg, bool send)
{
	struct user_msghdr *u = &h->h;
	long err = 0;

	h->at = umsg;
	h->to.len = 0;
	h->vec = NULL;
	if (copy_from_user(u, umsg, sizeof(*u)))
		return -EFAULT;
	if (send && u->name && u->namelen)
		err = sockaddr_from_user(&h->to, UADDR(u->name), u->namelen);
	else if (!send && u->name && u->namelen < 0)
		err = -EINVAL;
	if (err)
		return err;
	return u->iovlen > 1024 ? -EMSGSIZE :
				  iov_iter_import(&h->iter, UADDR(u->iov), u->iovlen, &h->vec);
}

int sock_header_name(struct sock_header *h, uaddr_t addr, int addrlen)
{
	return sockaddr_from_user(&h->to, addr, addrlen);
}

void sock_header_release(struct sock_header *h)
{
	kfree(h->vec);
	h->vec = NULL;
}

void sock_header_free(struct sock_header *h)
{
	if (!h)
		return;
	sock_header_release(h);
	kfree(h);
}

/* True if the caller waits by its own means when an asynchronous call returns -EAGAIN. */
static bool waits_later(u32 flags)
{
	return !(flags & MSG_DONTWAIT);
}

/* Sends a message with a header. @later: this call does not wait; the caller waits after it. */
static long send_header(
	struct file *f, struct socket *s, struct sock_header *h, u32 flags, bool later)
{
	struct msg m = { .flags = flags,
		.name = h->to.len ? &h->to : NULL,
		.iter = h->iter,
		.waits_later = later };
	long n = parse_control(s, &m, h->h.control, h->h.controllen);

	if (s->ops->late_control && (n == -EINVAL || n == -EPERM)) {
		m.ctl_err = (int)n;
		n = 0;
	}
	if (!n)
		n = do_send(f, s, &m);
	msg_end(&m);
	/* io_uring calls again for the bytes that had no room; the ancillary data has been sent. */
	if (n > 0) {
		iov_iter_advance(&h->iter, (u64)n);
		h->h.control = h->h.controllen = 0;
	}
	return n;
}

static long send_one(struct file *f, struct socket *s, uaddr_t umsg, u32 flags)
{
	struct sock_header h;
	long n = sock_header_import(&h, umsg, true);

	if (!n)
		n = send_header(f, s, &h, flags, false);
	sock_header_release(&h);
	return n;
}

long sys_sendmsg(int fd, uaddr_t msg, int flags)
{
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long n;

	if (IS_ERR(f))
		return PTR_ERR(f);
	n = send_one(f, s, msg, (u32)flags);
	fput(f);
	return n;
}

long sys_sendmmsg(int fd, uaddr_t vec, u32 vlen, int flags)
{
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long n = 0;
	u32 i;

	if (IS_ERR(f))
		return PTR_ERR(f);
	for (i = 0; i < min(vlen, 1024U); i++) {
		uaddr_t at = uaddr_add(vec, i * sizeof(struct user_mmsghdr));

		n = send_one(f, s, at, (u32)flags);
		if (n >= 0 && put_user((u32)n, uaddr_add(at, offsetof(struct user_mmsghdr, len))))
			n = -EFAULT;
		if (n < 0)
			break;
		cond_resched();
	}
	fput(f);
	return i ? (long)i : n;
}

/* ---- receiving ---- */

struct control {
	u64 ua, room, used;
	u32 *out_flags;
};

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

/* Installs as many of the files as there is room for, and sets MSG_CTRUNC if others are dropped. */
static int put_rights(struct control *c, struct msg *m, u32 flags)
{
	u64 space = c->room - c->used;
	u32 fits, i, n = 0;
	int *fds, err;

	if (space < sizeof(struct user_cmsghdr) + sizeof(int)) {
		*c->out_flags |= MSG_CTRUNC;
		return 0;
	}
	fits = (u32)min_t(u64, (space - sizeof(struct user_cmsghdr)) / sizeof(int), m->nr_files);
	fds = kcalloc(fits, sizeof(int), GFP_KERNEL);
	if (!fds)
		return -ENOMEM;
	for (i = 0; i < fits; i++) {
		int fd = get_unused_fd(flags & MSG_CMSG_CLOEXEC ? O_CLOEXEC : 0);

		if (fd < 0)
			break;
		sock_cgroup_received(m->files[i]);
		fd_install(fd, get_file(m->files[i]));
		fds[n++] = fd;
	}
	if (n < m->nr_files)
		*c->out_flags |= MSG_CTRUNC;
	err = n ? put_cmsg(c, SOL_SOCKET, SCM_RIGHTS, fds, n * sizeof(int)) : 0;
	kfree(fds);
	return err;
}

/* Adds a pidfd of the sending process, or a negative errno if there is none. */
static int put_pidfd(struct control *c, const struct ucred *cred)
{
	struct pid *pid;
	struct file *f;
	int fd;

	if (c->room - c->used < sizeof(struct user_cmsghdr) + sizeof(fd)) {
		*c->out_flags |= MSG_CTRUNC;
		return 0;
	}
	pid = find_get_pid_ns((pid_t)cred->pid, &init_pid_ns);
	f = pid ? pidfd_file(pid, 0) : ERR_PTR(-ESRCH);
	put_pid(pid);
	fd = IS_ERR(f) ? (int)PTR_ERR(f) : get_unused_fd(O_CLOEXEC);
	if (fd >= 0)
		fd_install(fd, f);
	else if (!IS_ERR(f))
		fput(f);
	return put_cmsg(c, SOL_SOCKET, SCM_PIDFD_, &fd, sizeof(fd));
}

static const u8 *ctl_of(const struct msg *m)
{
	return m->ctl_long ? m->ctl_long : m->ctl;
}

static int put_control(struct socket *s, struct msg *m, struct control *c, u32 flags)
{
	int err = 0;

	if (s->sk->passcred && m->has_cred) {
		struct ucred cred = ucred_to_user(&m->cred);

		err = put_cmsg(c, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
	}
	if (!err && s->sk->rare.passpidfd && m->has_cred)
		err = put_pidfd(c, &m->cred);
	if (!err && m->nr_files)
		err = put_rights(c, m, flags);
	for (u32 at = 0; !err && at < m->ctl_len;) {
		struct user_cmsghdr h;

		memcpy(&h, ctl_of(m) + at, sizeof(h));
		err = put_cmsg(c, h.level, h.type, ctl_of(m) + at + sizeof(h), h.len);
		at += (u32)(sizeof(h) + CMSG_ALIGN(h.len));
	}
	return err;
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
	int err = put_control(s, m, &c, flags);

	/* The length of the name is returned even if the caller has no buffer for it. */
	if (!err && m->name) {
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
	h->iter = m.iter;
	return n;
}

static long recv_one(struct file *f, struct socket *s, uaddr_t umsg, u32 flags)
{
	struct sock_header h;
	long n = sock_header_import(&h, umsg, false);

	if (!n)
		n = recv_header(f, s, &h, flags, false);
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
	n = recv_one(f, s, msg, (u32)flags);
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
 * once one has been received. It is set to the time that remains. Returns the number of messages,
 * or -errno if there is none.
 */
static long recv_many(
	struct file *f, struct socket *s, uaddr_t vec, u32 vlen, u32 flags, struct mmsg_time *left)
{
	struct mmsg_time end = { 0 };
	long n = flags & MSG_ERRQUEUE ? 0 : xchg(&s->sk->err, 0);
	u32 i = 0;

	if (n)
		return n;
	if (left)
		end_of_span(&end, left);
	while (i < vlen) {
		uaddr_t at = uaddr_add(vec, i * sizeof(struct user_mmsghdr));

		n = recv_one(f, s, at, flags & ~(u32)MSG_WAITFORONE);
		if (n >= 0 && put_user((u32)n, uaddr_add(at, offsetof(struct user_mmsghdr, len))))
			n = -EFAULT;
		if (n < 0)
			break;
		i++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (left && !time_until(&end, left))
			break;
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

long sock_async_sendmsg(struct file *f, struct sock_header *h, u32 flags)
{
	struct socket *s = file_socket(f);

	return s ? send_header(f, s, h, flags, waits_later(flags)) : -ENOTSOCK;
}

long sock_async_recvmsg(struct file *f, struct sock_header *h, u32 flags)
{
	struct socket *s = file_socket(f);

	return s ? recv_header(f, s, h, flags, waits_later(flags)) : -ENOTSOCK;
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
	int err = put_control(s, m, &c, flags);

	if (!err &&
		copy_to_user(UADDR(name), m->name->data, min_t(u32, m->name->len, (u32)h->namelen)))
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
	struct msg m = { .flags = flags, .name = &a, .waits_later = waits_later(flags) };
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

long sock_async_send(struct file *f, struct iov_iter *it, struct sock_header *h, u32 flags)
{
	struct socket *s = file_socket(f);
	struct msg m = { .flags = flags,
		.name = h && h->to.len ? &h->to : NULL,
		.iter = *it,
		.waits_later = waits_later(flags) };

	return s ? do_send(f, s, &m) : -ENOTSOCK;
}

long sock_async_recv(struct file *f, const struct iov_iter *it, u32 flags)
{
	struct socket *s = file_socket(f);
	struct msg m = {
		.flags = flags, .iter = *it, .nonblock = true, .waits_later = waits_later(flags)
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
