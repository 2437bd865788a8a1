/* SPDX-License-Identifier: MIT */
/*
 * msg.c: sendto(2), sendmsg(2) and sendmmsg(2): messages, their vectors and their ancillary data
 * (SCM_RIGHTS, SCM_CREDENTIALS), which is parsed into struct msg before the family sees it.
 * Receiving is in msg_recv.c.
 *
 * Lengths in control messages are the guest's: each header is read once into kernel memory and
 * checked there.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/socket.h>
#include <linux/net_tstamp.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/internal.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/socket/user_msg.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"

#define STAMPING_TX                                                                                \
	(SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | \
		SOF_TIMESTAMPING_TX_ACK)
#define CONTROL_MAX 20480

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
	h->oob = false;
	if (copy_from_user(u, umsg, sizeof(*u)))
		return -EFAULT;
	/* as on Linux, a name that is too long is cut in a header, and refused by sendto(2) */
	if (send && u->name && u->namelen)
		err = sockaddr_from_user(
			&h->to, UADDR(u->name), min(u->namelen, (int)sizeof(h->to.data)));
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

/* ---- for asynchronous I/O ---- */

long sock_async_sendmsg(struct file *f, struct sock_header *h, u32 flags)
{
	struct socket *s = file_socket(f);

	return s ? send_header(f, s, h, flags, msg_waits_later(flags)) : -ENOTSOCK;
}

long sock_async_send(struct file *f, struct iov_iter *it, struct sock_header *h, u32 flags)
{
	struct socket *s = file_socket(f);
	struct msg m = { .flags = flags,
		.name = h && h->to.len ? &h->to : NULL,
		.iter = *it,
		.waits_later = msg_waits_later(flags) };

	return s ? do_send(f, s, &m) : -ENOTSOCK;
}
