/* SPDX-License-Identifier: MIT */
/*
 * socket.c: sockets as files, and the system calls that make and name them. Messages are in msg.c,
 * options in sockopt.c.
 *
 * A socket is a pseudo file "socket:[ino]" whose private_data is the struct socket. When the last
 * reference to the file is dropped, the family's release() is called.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/sockios.h>

#include "gen/syscalls.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/net/socket/async.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/internal.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/socket/sock_cgroup.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/process_ops.h"
#include "kernel/vfs/landlock/landlock.h"
#include "kernel/vfs/libfs.h"

static sock_create_fn families[AF_MAX]; /* written at boot */

/* sysctls of net.core */
static int somaxconn = 4096, rmem_default = 212992, wmem_default = 212992;
int sysctl_rmem_max = 212992, sysctl_wmem_max = 212992, sysctl_optmem_max = 131072;

void sock_register(int family, sock_create_fn create)
{
	families[family] = create;
}

void sock_init_common(struct sock_common *sk, u16 family, u16 type, u32 protocol)
{
	sk->family = family;
	sk->type = type;
	sk->protocol = protocol;
	spin_lock_init(&sk->lock);
	init_waitqueue_head(&sk->wait);
	fasync_list_init(&sk->async);
	errq_init(sk);
	sk->sndbuf = (u32)READ_ONCE(wmem_default);
	sk->rcvbuf = (u32)READ_ONCE(rmem_default);
	sk->rcvlowat = 1;
	sk->net = current_net();
	sk->peek_off = sk->rare.incoming_cpu = -1;
}

struct ucred current_ucred(void)
{
	return (struct ucred){ (u32)current->tgid, current_uid(), current_cred()->gid };
}

struct ucred current_peercred(void)
{
	return (struct ucred){ (u32)current->tgid, current_euid(), current_cred()->egid };
}

struct ucred ucred_to_user(const struct ucred *c)
{
	const struct user_namespace *ns = current_user_ns();

	return (struct ucred){ (u32)pid_from_global((pid_t)c->pid), from_kuid_munged(ns, c->uid),
		from_kgid_munged(ns, c->gid) };
}

/* ---- as files ---- */

static ssize_t sock_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct msg m = { .iter = *to,
		.nonblock = file_nonblock(f, to),
		.waits_later = to->waits_later && !(f->f_flags & O_NONBLOCK) };
	struct socket *s = f->private_data;
	ssize_t n;

	if (!to->count)
		return 0;
	n = s->ops->recvmsg(s, &m);
	msg_end(&m);
	*to = m.iter;
	return n;
}

static ssize_t sock_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct socket *s = f->private_data;
	struct msg m = {
		.iter = *from, .nonblock = file_nonblock(f, from), .cred = current_ucred()
	};
	ssize_t n = s->ops->sendmsg(s, &m);

	*from = m.iter;
	if (n == -EPIPE && s->sk->type == SOCK_STREAM)
		send_io_signal(SIGPIPE, SEND_SIG_NOINFO);
	return n;
}

static u32 sock_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->private_data;

	return s->ops->poll(s, f, pt);
}

int skb_queue_bytes(u32 cmd, const struct list_head *rq, spinlock_t *lock, atomic_t *wmem)
{
	struct sk_buff *skb;
	int n = 0;

	if (cmd == SIOCOUTQ)
		return (int)atomic_read(wmem);
	spin_lock(lock);
	skb = list_first_entry_or_null(rq, struct sk_buff, list);
	if (skb)
		n = (int)skb_len(skb);
	spin_unlock(lock);
	return n;
}

long skb_queue_ioctl(u32 cmd, u64 arg, const struct list_head *rq, spinlock_t *lock, atomic_t *wmem)
{
	if (cmd != SIOCOUTQ && cmd != FIONREAD)
		return -ENOTTY;
	return put_user(skb_queue_bytes(cmd, rq, lock, wmem), UADDR(arg));
}

long sock_queued_file(struct file *f, bool out)
{
	struct socket *s = file_socket(f);

	return s && s->ops->queued ? s->ops->queued(s, out ? SIOCOUTQ : FIONREAD) : -EOPNOTSUPP;
}

static long sock_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct socket *s = f->private_data;
	long err;
	int who;

	switch (cmd) {
	case FIOSETOWN:
	case SIOCSPGRP: return get_user(who, UADDR(arg)) ? -EFAULT : file_setown(f, who);
	case FIOGETOWN:
	case SIOCGPGRP: return put_user((int)file_getown(f), UADDR(arg));
	}
	err = s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;
	return err == -ENOTTY ? net_ioctl(s->sk, cmd, arg) : err;
}

static int sock_mmap(struct file *f, struct vm_area *v)
{
	struct socket *s = f->private_data;

	return s->ops->mmap ? s->ops->mmap(s, f, v) : -ENODEV;
}

static int sock_fasync(int fd, struct file *f, bool on)
{
	struct socket *s = f->private_data;

	return fasync_helper(fd, f, on, &s->sk->async);
}

static int sock_release(struct inode *inode, struct file *f)
{
	struct socket *s = f->private_data;

	if (!s)
		return 0;
	if (s->ops)
		s->ops->release(s);
	kfree(s);
	return 0;
}

/* ---- the extended attribute with the protocol's name, which strace and lsfd read ---- */

static const char *protocol_name(const struct sock_common *c)
{
	bool v6 = c->family == AF_INET6;

	switch (c->family) {
	case AF_UNIX: return c->type == SOCK_STREAM ? "UNIX-STREAM" : "UNIX";
	case AF_NETLINK: return "NETLINK";
	case AF_PACKET: return "PACKET";
	}
	if (c->type == SOCK_STREAM)
		return v6 ? "TCPv6" : "TCP";
	if (c->type == SOCK_RAW)
		return v6 ? "RAWv6" : "RAW";
	switch (c->protocol) {
	case IPPROTO_UDPLITE: return v6 ? "UDPLITEv6" : "UDP-Lite";
	case IPPROTO_ICMP: return "PING";
	case IPPROTO_ICMPV6: return "PINGv6";
	}
	return v6 ? "UDPv6" : "UDP";
}

/* Copies text with its terminating zero byte, which all these values have on Linux. */
static ssize_t put_text(const char *text, void *buf, size_t size)
{
	size_t n = strlen(text) + 1;

	if (size && size < n)
		return -ERANGE;
	if (size)
		memcpy(buf, text, n);
	return (ssize_t)n;
}

#define PROTOCOL_NAME "system.sockprotoname"

static ssize_t sock_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	return strcmp(name, PROTOCOL_NAME) ? -EOPNOTSUPP : put_text(inode->i_private, buf, size);
}

static ssize_t sock_listxattr(struct inode *inode, char *buf, size_t size)
{
	return put_text(PROTOCOL_NAME, buf, size);
}

static const struct inode_operations socket_iops = {
	.setattr = simple_setattr,
	.getxattr = sock_getxattr,
	.listxattr = sock_listxattr,
};

static const struct file_operations socket_fops = {
	.llseek = no_llseek,
	.read_iter = sock_read_iter,
	.write_iter = sock_write_iter,
	.poll = sock_poll,
	.ioctl = sock_ioctl,
	.mmap = sock_mmap,
	.release = sock_release,
	.fasync = sock_fasync,
};

struct socket *file_socket(struct file *f)
{
	return f->f_op == &socket_fops ? f->private_data : NULL;
}

/* Returns a new socket without a file, or ERR_PTR(-errno). */
static struct socket *sock_create(int family, int type, int protocol)
{
	struct socket *s;
	int err;

	if (family < 0 || family >= AF_MAX)
		return ERR_PTR(-EAFNOSUPPORT);
	if (type < 0 || type > 10)
		return ERR_PTR(-EINVAL);
	if (!families[family])
		return ERR_PTR(-EAFNOSUPPORT);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	err = families[family](s, type, protocol);
	if (err) {
		kfree(s);
		return ERR_PTR(err);
	}
	sock_cgroup_own(s->sk);
	return s;
}

static void sock_destroy(struct socket *s)
{
	s->ops->release(s);
	kfree(s);
}

/*
 * Returns a new file that owns the socket. On failure returns ERR_PTR(-errno), and the socket was
 * destroyed.
 */
static struct file *sock_file(struct socket *s, u32 flags)
{
	struct file *f = pseudo_file(
		"socket", S_IFSOCK | 0777, &socket_fops, s, O_RDWR | (flags & O_NONBLOCK));

	if (IS_ERR(f)) {
		sock_destroy(s);
		return f;
	}
	s->file = f;
	f->f_mode |= FMODE_NOWAIT;
	s->sk->ino = f->f_inode->i_ino;
	if (s->sk->family == AF_UNIX && s->sk->type == SOCK_STREAM) /* as on Linux, streams only */
		f->f_mode |= FMODE_SPLICE_NOWAIT;
	f->f_inode->i_op = &socket_iops;
	f->f_inode->i_private = (void *)protocol_name(s->sk);
	if (s->ops->opened)
		s->ops->opened(s);
	return f;
}

static int install(struct socket *s, u32 flags)
{
	struct file *f = sock_file(s, flags);
	int fd;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	fd = get_unused_fd(flags & O_CLOEXEC);
	if (fd < 0) {
		fput(f);
		return fd;
	}
	fd_install(fd, f);
	return fd;
}

struct file *sock_get(int fd, struct socket **s)
{
	struct file *f = fget(fd);

	if (!f)
		return ERR_PTR(-EBADF);
	*s = file_socket(f);
	if (!*s) {
		fput(f);
		return ERR_PTR(-ENOTSOCK);
	}
	return f;
}

static bool bad_type_flags(int type)
{
	return (u32)type & ~(u32)(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK);
}

long sys_socket(int family, int type, int protocol)
{
	struct socket *s;

	if (bad_type_flags(type))
		return -EINVAL;
	s = sock_create(family, type & SOCK_TYPE_MASK, protocol);
	return IS_ERR(s) ? PTR_ERR(s) : install(s, (u32)type);
}

/*
 * Makes two connected sockets, and stores their files, which own them, in @f. Returns 0 or -errno.
 */
static int pair_files(int family, int type, int protocol, struct file *f[2])
{
	struct socket *a = sock_create(family, type & SOCK_TYPE_MASK, protocol), *b;
	int err;

	if (IS_ERR(a))
		return (int)PTR_ERR(a);
	b = sock_create(family, type & SOCK_TYPE_MASK, protocol);
	if (IS_ERR(b)) {
		sock_destroy(a);
		return (int)PTR_ERR(b);
	}
	err = a->ops->pair ? a->ops->pair(a, b) : -EOPNOTSUPP;
	if (err) {
		sock_destroy(a);
		sock_destroy(b);
		return err;
	}
	f[0] = sock_file(a, (u32)type);
	if (IS_ERR(f[0])) {
		sock_destroy(b);
		return (int)PTR_ERR(f[0]);
	}
	f[1] = sock_file(b, (u32)type);
	if (IS_ERR(f[1])) {
		fput(f[0]);
		return (int)PTR_ERR(f[1]);
	}
	return 0;
}

/*
 * As on Linux, the numbers are reserved and written first, also for sockets that cannot be made.
 * Only then are the descriptors opened: another thread may close or replace an open one.
 */
long sys_socketpair(int family, int type, int protocol, uaddr_t fds)
{
	struct file *f[2] = { NULL };
	int fd[2], err;

	if (bad_type_flags(type))
		return -EINVAL;
	fd[0] = get_unused_fd((u32)type & O_CLOEXEC);
	if (fd[0] < 0)
		return fd[0];
	fd[1] = get_unused_fd((u32)type & O_CLOEXEC);
	err = fd[1];
	if (fd[1] < 0)
		goto err_first;
	err = copy_to_user(fds, fd, sizeof(fd)) ? -EFAULT : pair_files(family, type, protocol, f);
	if (err)
		goto err_both;
	fd_install(fd[0], f[0]);
	fd_install(fd[1], f[1]);
	return 0;

err_both:
	put_unused_fd(fd[1]);
err_first:
	put_unused_fd(fd[0]);
	return err;
}

/* ---- addresses ---- */

int sockaddr_from_user(struct sockaddr_buf *a, uaddr_t ua, int len)
{
	if (len < 0 || (u32)len > sizeof(a->data))
		return -EINVAL;
	memset(a->data, 0, sizeof(a->data));
	a->len = (u32)len;
	return copy_from_user(a->data, ua, (u32)len) ? -EFAULT : 0;
}

/* Writes as much of the address as there is room for, and its true length. */
int sockaddr_to_user(const struct sockaddr_buf *a, uaddr_t ua, uaddr_t ulen)
{
	int room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(ua, a->data, min((u32)room, a->len)))
		return -EFAULT;
	return put_user(a->len, ulen);
}

/* Checks the ports of TCP against the Landlock rules of current. */
static int landlock_port(const struct socket *s, const struct sockaddr_buf *a, bool connect)
{
	const struct sock_common *sk = s->sk;

	if (sk->type != SOCK_STREAM || (sk->family != AF_INET && sk->family != AF_INET6))
		return 0;
	return landlock_tcp(sk->family, a->data, a->len, connect);
}

static long bind_to(struct socket *s, struct sockaddr_buf *a)
{
	int err = landlocked() ? landlock_port(s, a, false) : 0;

	if (err)
		return err;
	return s->ops->bind ? s->ops->bind(s, a) : -EOPNOTSUPP;
}

long sys_bind(int fd, uaddr_t addr, int addrlen)
{
	struct sockaddr_buf a;
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = sockaddr_from_user(&a, addr, addrlen);
	if (!err)
		err = bind_to(s, &a);
	fput(f);
	return err;
}

long sock_async_bind(struct file *f, struct sock_header *h)
{
	struct socket *s = file_socket(f);

	return s ? bind_to(s, &h->to) : -ENOTSOCK;
}

static long connect_to(struct socket *s, struct sockaddr_buf *to, bool nonblock)
{
	int err = landlocked() ? landlock_port(s, to, true) : 0;

	if (err)
		return err;
	return s->ops->connect ? s->ops->connect(s, to, nonblock) : -EOPNOTSUPP;
}

long sys_connect(int fd, uaddr_t addr, int addrlen)
{
	struct sockaddr_buf to;
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = sockaddr_from_user(&to, addr, addrlen);
	if (!err)
		err = connect_to(s, &to, f->f_flags & O_NONBLOCK);
	fput(f);
	return err;
}

long sock_async_connect(struct file *f, struct sock_header *h)
{
	struct socket *s = file_socket(f);

	return s ? connect_to(s, &h->to, true) : -ENOTSOCK;
}

long sock_listen_file(struct file *f, int backlog)
{
	struct socket *s = file_socket(f);

	if (!s)
		return -ENOTSOCK;
	if ((u32)backlog > (u32)READ_ONCE(somaxconn))
		backlog = READ_ONCE(somaxconn);
	return s->ops->listen ? s->ops->listen(s, backlog) : -EOPNOTSUPP;
}

long sys_listen(int fd, int backlog)
{
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = sock_listen_file(f, backlog);
	fput(f);
	return err;
}

/*
 * Accepts a connection, for current. @addr: where the program wants the peer's address, or 0.
 * Returns a new descriptor or -errno. A connection whose address cannot be written is closed.
 */
static long accept_from(
	struct socket *s, uaddr_t addr, uaddr_t addrlen, int flags, enum sock_patience patience)
{
	struct socket *to;
	struct sockaddr_buf a;
	struct file *nf;
	long err;
	int nfd;

	if (!s->ops->accept)
		return -EOPNOTSUPP;
	to = sock_create(s->sk->family, s->sk->type, (int)s->sk->protocol);
	if (IS_ERR(to))
		return PTR_ERR(to);
	nfd = get_unused_fd((u32)flags & O_CLOEXEC);
	if (nfd < 0) {
		sock_destroy(to);
		return nfd;
	}
	nf = sock_file(to, (u32)flags);
	if (IS_ERR(nf)) {
		err = PTR_ERR(nf);
		goto err_fd;
	}
	err = s->ops->accept(s, to, patience);
	if (!err && addr.v) {
		err = to->ops->accept_name ? to->ops->accept_name(to, &a) :
					     to->ops->getname(to, &a, true);
		if (!err)
			err = sockaddr_to_user(&a, addr, addrlen);
		else
			err = -ECONNABORTED;
	}
	if (err) {
		fput(nf);
		goto err_fd;
	}
	fd_install(nfd, nf);
	return nfd;

err_fd:
	put_unused_fd(nfd);
	return err;
}

static long accept_file(
	struct file *f, uaddr_t addr, uaddr_t addrlen, int flags, enum sock_patience patience)
{
	struct socket *s = file_socket(f);

	if (flags & ~(int)(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	return s ? accept_from(s, addr, addrlen, flags, patience) : -ENOTSOCK;
}

long sys_accept4(int fd, uaddr_t addr, uaddr_t addrlen, int flags)
{
	struct file *f = fget(fd);
	long ret;

	if (!f)
		return -EBADF;
	ret = accept_file(
		f, addr, addrlen, flags, f->f_flags & O_NONBLOCK ? SOCK_TRIES : SOCK_WAITS);
	fput(f);
	return ret;
}

long sock_accept_file(struct file *f, uaddr_t addr, uaddr_t addrlen, int flags)
{
	return accept_file(
		f, addr, addrlen, flags, f->f_flags & O_NONBLOCK ? SOCK_TRIES : SOCK_WAITS_LATER);
}

long sys_accept(int fd, uaddr_t addr, uaddr_t addrlen)
{
	return sys_accept4(fd, addr, addrlen, 0);
}

static long getname_common(int fd, uaddr_t addr, uaddr_t addrlen, bool peer)
{
	struct sockaddr_buf a;
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = s->ops->getname(s, &a, peer);
	if (!err)
		err = sockaddr_to_user(&a, addr, addrlen);
	fput(f);
	return err;
}

long sys_getsockname(int fd, uaddr_t addr, uaddr_t addrlen)
{
	return getname_common(fd, addr, addrlen, false);
}

long sys_getpeername(int fd, uaddr_t addr, uaddr_t addrlen)
{
	return getname_common(fd, addr, addrlen, true);
}

long sock_shutdown_file(struct file *f, int how)
{
	struct socket *s = file_socket(f);

	if (!s)
		return -ENOTSOCK;
	if (!s->ops->shutdown)
		return -EOPNOTSUPP;
	return how < 0 || how > 2 ? -EINVAL : s->ops->shutdown(s, how + 1);
}

long sys_shutdown(int fd, int how)
{
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	long err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = sock_shutdown_file(f, how);
	fput(f);
	return err;
}

static const struct sysctl core_sysctls[] = {
	SYSCTL_NUM("net/core/somaxconn", somaxconn, 0, 0x7fffffff),
	SYSCTL_NUM("net/core/rmem_default", rmem_default, 2304, 0x7fffffff),
	SYSCTL_NUM("net/core/wmem_default", wmem_default, 4608, 0x7fffffff),
	SYSCTL_NUM("net/core/rmem_max", sysctl_rmem_max, 2304, 0x7fffffff),
	SYSCTL_NUM("net/core/wmem_max", sysctl_wmem_max, 4608, 0x7fffffff),
	SYSCTL_NUM("net/core/optmem_max", sysctl_optmem_max, 0, 0x7fffffff),
	SYSCTL_NUM("net/unix/max_dgram_qlen", unix_max_dgram_qlen, 0, 0x7fffffff),
};

static int core_sysctl_init(void)
{
	return sysctl_register(core_sysctls, ARRAY_SIZE(core_sysctls));
}
INITCALL(3, core_sysctl_init);
