/* SPDX-License-Identifier: MIT */
/*
 * sockopt_long.c: options of SOL_SOCKET with values longer than one number: timestamping, pacing,
 * cookies, memory, the peer's groups.
 * Source: socket(7), networking/timestamping.rst.
 */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <linux/time.h>

#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/process.h"

/* flags known to Linux, which are more than our headers define */
#define STAMPING_ALL ((1U << 19) - 1)

u64 sock_cookie(struct sock_common *sk)
{
	static u64 last;
	u64 mine, none = 0;

	if (!READ_ONCE(sk->cookie)) {
		mine = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
		__atomic_compare_exchange_n(
			&sk->cookie, &none, mine, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return sk->cookie;
}

void sock_meminfo(struct socket *s, struct sock_common *sk, u32 *n)
{
	memset(n, 0, SK_MEMINFO_VARS * sizeof(*n));
	if (s && s->ops->meminfo)
		s->ops->meminfo(sk, n);
	n[SK_MEMINFO_OPTMEM] += READ_ONCE(sk->errq.notices);
	n[SK_MEMINFO_RCVBUF] = sk->rcvbuf;
	n[SK_MEMINFO_SNDBUF] = sk->sndbuf;
}

/* ---- setting ---- */

/* Returns the field with the ifindex of the device that the socket is bound to. */
static int *bound_if(struct sock_common *sk)
{
	return sk->family == AF_INET || sk->family == AF_INET6 ?
		       &container_of(sk, struct inet_sock, c)->bound_if :
		       &sk->rare.bound_if;
}

static void set_bound_if(struct sock_common *sk, int n)
{
	bool inet = sk->family == AF_INET || sk->family == AF_INET6;

	if (inet)
		inet_change_begin(container_of(sk, struct inet_sock, c));
	*bound_if(sk) = n;
	if (inet)
		inet_change_end(container_of(sk, struct inet_sock, c));
}

/* Binds to a device by number without checking that it exists, as on Linux. */
static int bind_number(struct sock_common *sk, uaddr_t val, u32 len)
{
	int n;

	if (len < sizeof(n))
		return -EINVAL;
	if (get_user(n, val))
		return -EFAULT;
	if (*bound_if(sk) && !net_capable(sk->net, CAP_NET_RAW))
		return -EPERM;
	if (n < 0)
		return -EINVAL;
	set_bound_if(sk, n);
	return 0;
}

int sock_bind_device(struct sock_common *sk, int opt, uaddr_t val, u32 len)
{
	char name[IFNAMSIZ] = { 0 };
	struct net_device *d;
	int n = 0;

	if (opt == SO_BINDTOIFINDEX)
		return bind_number(sk, val, len);
	if (copy_from_user(name, val, min(len, (u32)IFNAMSIZ - 1)))
		return -EFAULT;
	if (name[0]) {
		spin_lock(&sk->net->lock);
		d = netdev_by_name(sk->net, name);
		n = d ? d->ifindex : 0;
		spin_unlock(&sk->net->lock);
		if (!n)
			return -ENODEV;
	}
	if (*bound_if(sk) && !net_capable(sk->net, CAP_NET_RAW))
		return -EPERM;
	set_bound_if(sk, n);
	return 0;
}

/*
 * Sets SO_TIMESTAMPING. Numbers (OPT_ID) start with the next packet that is sent, or in a stream
 * with the next byte.
 */
static int set_stamping(struct socket *s, int opt, uaddr_t uval, u32 len)
{
	struct sock_common *sk = s->sk;
	bool id, had = sk->rare.tsflags & SOF_TIMESTAMPING_OPT_ID;
	int err = 0;
	u32 flags;

	if (get_user(flags, uval))
		return -EFAULT;
	id = flags & SOF_TIMESTAMPING_OPT_ID;
	if (flags & ~STAMPING_ALL)
		return -EINVAL;
	if (flags & SOF_TIMESTAMPING_OPT_ID_TCP_ && !id)
		return -EINVAL;
	if (flags & SOF_TIMESTAMPING_OPT_STATS && !(flags & SOF_TIMESTAMPING_OPT_TSONLY))
		return -EINVAL;
	if (id && !had) {
		if (s->ops->stamp_start)
			err = s->ops->stamp_start(s, flags);
		else
			sk->rare.tskey = 0;
	}
	if (!err && flags & SOF_TIMESTAMPING_BIND_PHC)
		err = *bound_if(sk) ? -EINVAL : -EOPNOTSUPP; /* no card has a clock */
	if (err)
		return err;
	sk->rare.stamps_new = opt == SO_TIMESTAMPING_NEW;
	WRITE_ONCE(sk->rare.tsflags, flags);
	return 0;
}

static int set_txtime(struct sock_common *sk, uaddr_t uval, u32 len)
{
	struct {
		int clock;
		u32 flags;
	} t;

	if (len != sizeof(t))
		return -EINVAL;
	if (get_user(t, uval))
		return -EFAULT;
	if (t.flags & ~3U)
		return -EINVAL;
	if (t.clock != CLOCK_MONOTONIC && !net_capable(sk->net, CAP_NET_ADMIN))
		return -EPERM;
	if (t.clock != CLOCK_MONOTONIC && t.clock != CLOCK_REALTIME && t.clock != CLOCK_TAI)
		return -EINVAL;
	memcpy(&sk->rare.txtime, &t, sizeof(t));
	sk->rare.has_txtime = true;
	return 0;
}

int sock_set_long(struct socket *s, int opt, uaddr_t uval, u32 len)
{
	struct sock_common *sk = s->sk;
	u32 v32;
	u64 v64;

	switch (opt) {
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW: return set_stamping(s, opt, uval, len);
	case SO_TXTIME: return set_txtime(sk, uval, len);
	case SO_MAX_PACING_RATE:
		if (len == sizeof(v64)) {
			if (get_user(v64, uval))
				return -EFAULT;
		} else {
			if (get_user(v32, uval))
				return -EFAULT;
			v64 = v32 == ~0U ? ~0UL : v32;
		}
		sk->rare.pacing = ~v64; /* inverted, so that 0 means no limit */
		return 0;
	}
	return -ENOPROTOOPT;
}

/* ---- reading ---- */

static int give(const void *from, u32 size, void *val, u32 *len)
{
	*len = min(*len, size);
	memcpy(val, from, *len);
	return 0;
}

static int get_pacing(const struct sock_common *sk, void *val, u32 *len)
{
	u64 rate = ~sk->rare.pacing;
	u32 narrow = (u32)min(rate, (u64)~0U);

	return *len >= sizeof(rate) ? give(&rate, sizeof(rate), val, len) :
				      give(&narrow, sizeof(narrow), val, len);
}

static int get_stamping(const struct sock_common *sk, int opt, void *val, u32 *len)
{
	struct {
		u32 flags;
		int bind_phc;
	} t = { 0 };

	if (opt == SO_TIMESTAMPING_OLD || sk->rare.stamps_new)
		t.flags = sk->rare.tsflags;
	return give(&t, sizeof(t), val, len);
}

static int get_peer_name(struct socket *s, void *val, u32 *len)
{
	struct sockaddr_buf a;
	int err = s->ops->getname(s, &a, true);

	if (err)
		return s->sk->family == AF_NETLINK ? -EINVAL : -ENOTCONN;
	if (a.len < *len)
		return -EINVAL;
	return give(a.data, *len, val, len);
}

static int get_device(struct sock_common *sk, void *val, u32 *len)
{
	int n = *bound_if(sk);
	struct net_device *d;

	if (!n) {
		*len = 0;
		return 0;
	}
	if (*len < IFNAMSIZ)
		return -EINVAL;
	spin_lock(&sk->net->lock);
	d = netdev_by_index(sk->net, n);
	strscpy(val, d ? d->name : "", IFNAMSIZ);
	spin_unlock(&sk->net->lock);
	*len = (u32)strlen(val) + 1;
	return d ? 0 : -ENODEV;
}

int sock_get_long(struct socket *s, int opt, void *val, u32 *len)
{
	struct sock_common *sk = s->sk;
	u32 mem[SK_MEMINFO_VARS];
	u64 v;

	switch (opt) {
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW: return get_stamping(sk, opt, val, len);
	case SO_MAX_PACING_RATE: return get_pacing(sk, val, len);
	case SO_TXTIME: return give(&sk->rare.txtime, sizeof(sk->rare.txtime), val, len);
	case SO_BINDTODEVICE: return get_device(sk, val, len);
	case SO_BINDTOIFINDEX: return give(bound_if(sk), sizeof(int), val, len);
	case SO_PEERNAME: return get_peer_name(s, val, len);
	case SO_MEMINFO: sock_meminfo(s, sk, mem); return give(mem, sizeof(mem), val, len);
	case SO_COOKIE:
		if (*len < sizeof(v))
			return -EINVAL;
		v = sock_cookie(sk);
		return give(&v, sizeof(v), val, len);
	case SO_NETNS_COOKIE:
		if (*len != sizeof(v))
			return -EINVAL;
		v = sk->net == &init_net ? 1 : sk->net->ns.inum;
		return give(&v, sizeof(v), val, len);
	case SO_PEERCRED:
		return give(&(struct ucred){ 0, ~0U, ~0U }, sizeof(struct ucred), val, len);
	}
	return -ENOPROTOOPT;
}

/*
 * Copies the supplementary groups of the peer to the program. Returns -ERANGE if they do not fit
 * into @room bytes, and stores the bytes that they need at @ulen.
 */
int sock_peer_groups(struct socket *s, uaddr_t val, u32 room, uaddr_t ulen)
{
	const struct group_info *g = s->ops->peer_groups ? s->ops->peer_groups(s) : NULL;
	u32 size, one;
	int err = 0;

	if (!g)
		return -ENODATA;
	size = g->ngroups * (u32)sizeof(u32);
	if (room < size)
		err = put_user(size, ulen) ? -EFAULT : -ERANGE;
	for (u32 i = 0; !err && i < g->ngroups; i++) {
		one = from_kgid_munged(current_user_ns(), g->gid[i]);
		if (put_user(one, uaddr_add(val, i * sizeof(one))))
			err = -EFAULT;
	}
	if (!err && put_user(size, ulen))
		err = -EFAULT;
	return err;
}

long sock_peer_pidfd(struct socket *s, uaddr_t val, u32 room, uaddr_t ulen)
{
	struct pid *pid = s->ops->peer_pid ? s->ops->peer_pid(s) : NULL;
	u32 n = min(room, (u32)sizeof(int));
	struct file *f;
	int fd;

	if (!pid)
		return -ENODATA;
	f = pidfd_file(pid, 0);
	if (IS_ERR(f))
		return PTR_ERR(f);
	fd = get_unused_fd(O_CLOEXEC);
	if (fd < 0) {
		fput(f);
		return fd;
	}
	if (copy_to_user(val, &fd, n) || (ulen.v && put_user(n, ulen))) {
		put_unused_fd(fd);
		fput(f);
		return -EFAULT;
	}
	fd_install(fd, f);
	return n;
}
