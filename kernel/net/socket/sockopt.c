/* SPDX-License-Identifier: MIT */
/*
 * sockopt.c: getsockopt and setsockopt, level SOL_SOCKET: the options that all families share.
 * Other levels go to the family.
 * Source: socket(7).
 */
#include <asm/errno.h>
#include <linux/in6.h>
#include <asm/socket.h>
#include <linux/in.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/net/socket/async.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/internal.h"
#include "kernel/net/packet/packet.h"
#include "kernel/net/socket/opt_table.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define RCVBUF_MIN 2304U
#define SNDBUF_MIN (2 * RCVBUF_MIN)
#define BUF_MOST 0x3fffffffU
#define NSEC 1000000000UL
#define PRIORITY_FREE 6   /* higher ones need a capability */
#define BUDGET_MOST 65535 /* packets */

/*
 * Returns the buffer size in bytes for the option's value @val. As on Linux, a negative @val counts
 * as a large number.
 */
static u32 buffer_size(int val, u32 limit, u32 least)
{
	return max(min((u32)val, limit) * 2, least);
}

static int set_timeout(u64 *to, uaddr_t val, u32 len)
{
	struct {
		s64 sec, usec;
	} tv;

	if (len < sizeof(tv))
		return -EINVAL;
	if (get_user(tv, val))
		return -EFAULT;
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	if (tv.sec < 0)
		*to = 1; /* negative: the shortest timeout, 1 ns */
	else if (tv.sec > 1L << 33)
		*to = 0;
	else
		*to = (u64)tv.sec * NSEC + (u64)tv.usec * 1000;
	return 0;
}

static bool is_inet(const struct sock_common *sk)
{
	return opt_kind(sk) & KIND_INET;
}

static int reuseport_may(void *sk, const struct sock_opt *o, int n)
{
	return n && !is_inet(sk) ? -EOPNOTSUPP : 0;
}

/* Sets SO_REUSEADDR or SO_REUSEPORT, which control the sharing of ports. */
static int set_sharing(void *sk, const struct sock_opt *o, int n)
{
	bool *flag = (bool *)((u8 *)sk + o->at);
	struct inet_sock *i = container_of((struct sock_common *)sk, struct inet_sock, c);

	if (!is_inet(sk)) {
		*flag = n;
	} else if (*flag != (n != 0)) {
		inet_change_begin(i);
		*flag = n;
		inet_change_end(i);
	}
	return 0;
}

static int debug_may(void *sk, const struct sock_opt *o, int n)
{
	return n && !capable(CAP_NET_ADMIN) ? -EACCES : 0;
}

static int set_cpu(void *sock, const struct sock_opt *o, int cpu)
{
	struct sock_common *sk = sock;
	bool inet = is_inet(sk);

	if (inet)
		inet_change_begin(container_of(sk, struct inet_sock, c));
	sk->rare.incoming_cpu = cpu;
	sk->rare.cpu_wanted = cpu >= 0;
	if (inet)
		inet_change_end(container_of(sk, struct inet_sock, c));
	return 0;
}

static int set_buffer(void *sock, const struct sock_opt *o, int val)
{
	struct sock_common *sk = sock;
	bool force = o->opt == SO_SNDBUFFORCE || o->opt == SO_RCVBUFFORCE;
	bool snd = o->opt == SO_SNDBUF || o->opt == SO_SNDBUFFORCE;
	u32 most = (u32)(snd ? READ_ONCE(sysctl_wmem_max) : READ_ONCE(sysctl_rmem_max));

	if (force)
		val = max(val, 0);
	*(snd ? &sk->sndbuf : &sk->rcvbuf) = buffer_size(
		val, min(force ? BUF_MOST : most, BUF_MOST), snd ? SNDBUF_MIN : RCVBUF_MIN);
	sk->rare.buf_lock |= snd ? SOCK_SNDBUF_LOCK : SOCK_RCVBUF_LOCK;
	if (snd)
		wake_up_common(&sk->wait, TASK_NORMAL, 0, 0);
	return 0;
}

static int set_rcvlowat(void *sock, const struct sock_opt *o, int n)
{
	struct sock_common *sk = sock;

	sk->rcvlowat = n < 0 ? 0x7fffffff : max((u32)n, 1U);
	return 0;
}

/* Returns 0, or -EPERM if the caller lacks the capability for priority @n. */
static int priority_may(void *sock, const struct sock_opt *o, int n)
{
	const struct sock_common *sk = sock;

	if (n >= 0 && n <= PRIORITY_FREE)
		return 0;
	return net_capable(sk->net, CAP_NET_ADMIN) || net_capable(sk->net, CAP_NET_RAW) ? 0 :
											  -EPERM;
}

/* Accepts a budget. It has no effect, since sockets do not poll devices. */
static int set_budget(void *sk, const struct sock_opt *o, int n)
{
	if (n > 0 && !capable(CAP_NET_ADMIN))
		return -EPERM;
	return n < 0 || n > BUDGET_MOST ? -EINVAL : 0;
}

/* True for TCP and UDP. */
static bool knows_zerocopy(const struct sock_common *sk)
{
	if (sk->family != AF_INET && sk->family != AF_INET6)
		return false;
	return (sk->type == SOCK_STREAM && sk->protocol == IPPROTO_TCP) ||
	       (sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP);
}

/*
 * Sets SO_ZEROCOPY. Returns -EOPNOTSUPP for a socket that does not support it, whatever the value,
 * and -EINVAL for a bad value.
 */
static int set_zerocopy(void *sock, const struct sock_opt *o, int n)
{
	if (!knows_zerocopy(sock))
		return -EOPNOTSUPP;
	if (n < 0 || n > 1)
		return -EINVAL;
	opt_store(o, sock, n);
	return 0;
}

static int set_stamp(void *sock, const struct sock_opt *o, int n)
{
	struct sock_common *sk = sock;

	if (n) {
		sk->timestamp = (u8)o->arg;
		sk->rare.stamps_new = o->opt == SO_TIMESTAMP_NEW || o->opt == SO_TIMESTAMPNS_NEW;
	} else {
		sk->timestamp = 0;
	}
	return 0;
}

/*
 * Reads whether timestamps are enabled in this option's format. As on Linux, SO_TIMESTAMP_NEW is on
 * for either precision.
 */
static int get_stamp(void *sock, const struct sock_opt *o, int *n)
{
	const struct sock_common *sk = sock;
	bool new = o->opt == SO_TIMESTAMP_NEW || o->opt == SO_TIMESTAMPNS_NEW;
	bool exact = sk->timestamp == o->arg;

	*n = sk->rare.stamps_new == new && (exact || (o->opt == SO_TIMESTAMP_NEW && sk->timestamp));
	return 0;
}

/* Returns the error for attaching @fd as an eBPF program, since @fd is of no accepted type. */
static int no_program(int fd)
{
	struct file *f = fget(fd);

	if (!f)
		return -EBADF;
	fput(f);
	return -EINVAL;
}

static int set_passrights(void *sock, const struct sock_opt *o, int n)
{
	struct sock_common *sk = sock;

	sk->rare.no_passrights = !n;
	return 0;
}

static int get_passrights(void *sock, const struct sock_opt *o, int *n)
{
	const struct sock_common *sk = sock;

	*n = !sk->rare.no_passrights;
	return 0;
}

static int set_txrehash(void *sock, const struct sock_opt *o, int n)
{
	struct sock_common *sk = sock;

	sk->rare.no_txrehash = !n;
	return 0;
}

static int get_txrehash(void *sock, const struct sock_opt *o, int *n)
{
	const struct sock_common *sk = sock;

	*n = !sk->rare.no_txrehash;
	return 0;
}

/* Checks a change of SO_LOCK_FILTER: a locked filter cannot be unlocked. */
static int lock_filter_may(void *sock, const struct sock_opt *o, int n)
{
	const struct sock_common *sk = sock;

	return sk->rare.filter_locked && !n ? -EPERM : 0;
}

static int detach_filter(void *sk, const struct sock_opt *o, int n)
{
	return sock_detach_filter(sk);
}

static int attach_program(void *sk, const struct sock_opt *o, int fd)
{
	return sock_attach_program(sk, fd);
}

static int take_filter(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	return sock_attach_filter(sk, val, len);
}

/*
 * Refuses to attach a program that chooses among the sockets of a port (SO_REUSEPORT), for sockets
 * that have no such groups.
 */
static int no_reuse_program(void *sock, const struct sock_opt *o, int fd)
{
	const struct sock_common *sk = sock;

	if (o->opt != SO_ATTACH_REUSEPORT_EBPF)
		return -EINVAL;
	return sk->rare.filter_locked ? -EPERM : no_program(fd);
}

static int set_buf_lock(void *sk, const struct sock_opt *o, int n)
{
	if (n & ~SOCK_BUF_LOCK_MASK)
		return -EINVAL;
	opt_store(o, sk, n);
	return 0;
}

/* Refuses to reserve memory (SO_RESERVE_MEM). */
static int no_reserve(void *sk, const struct sock_opt *o, int n)
{
	return -EOPNOTSUPP;
}

static int take_linger(void *sock, const struct sock_opt *o, uaddr_t val, u32 len)
{
	struct sock_common *sk = sock;
	int linger[2];

	if (len < sizeof(sk->linger))
		return -EINVAL;
	if (get_user(linger, val))
		return -EFAULT;
	sk->linger.on = linger[0] != 0;
	if (linger[0])
		sk->linger.secs = linger[1];
	return 0;
}

static int take_timeout(void *sock, const struct sock_opt *o, uaddr_t val, u32 len)
{
	return set_timeout((u64 *)((u8 *)sock + o->arg), val, len);
}

static int take_device(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	return sock_bind_device(sk, o->opt, val, len);
}

/* Reads and clears the pending error, or if there is none the soft error. */
static int get_error(void *sock, const struct sock_opt *o, int *n)
{
	struct sock_common *sk = sock;

	*n = -xchg(&sk->err, 0);
	if (!*n)
		*n = -xchg(&sk->soft_err, 0);
	return 0;
}

/* Reads a value that is equal for all sockets. */
static int get_constant(void *sk, const struct sock_opt *o, int *n)
{
	*n = o->arg;
	return 0;
}

#define FIELD(f) OPT_FIELD(struct sock_common, f)
#define CONSTANT(v) .arg = (v), .get = get_constant
#define RO .flags = OPT_READ_ONLY
#define TIMEOUT(f)                                                                                 \
	.arg = offsetof(struct sock_common, f), .flags = OPT_OWN_LENGTH, .take = take_timeout
#define STAMP(unit) .arg = (unit), .set = set_stamp, .get = get_stamp
#define LOCAL (KIND_UNIX | KIND_NETLINK)

static const struct sock_opt socket_options[] = {
	{ SO_REUSEADDR, FIELD(reuseaddr), .set = set_sharing },
	{ SO_REUSEPORT, FIELD(reuseport), .may = reuseport_may, .set = set_sharing },
	{ SO_ERROR, .get = get_error },
	{ SO_TYPE, FIELD(type), RO },
	{ SO_DOMAIN, FIELD(family), RO },
	{ SO_PROTOCOL, FIELD(protocol), RO },
	{ SO_SNDBUF, FIELD(sndbuf), .set = set_buffer },
	{ SO_RCVBUF, FIELD(rcvbuf), .set = set_buffer },
	{ SO_SNDBUFFORCE, .right = OPT_HOST_ADMIN, .flags = OPT_RIGHT_ALWAYS, .set = set_buffer },
	{ SO_RCVBUFFORCE, .right = OPT_HOST_ADMIN, .flags = OPT_RIGHT_ALWAYS, .set = set_buffer },
	{ SO_BUF_LOCK, FIELD(rare.buf_lock), .set = set_buf_lock },
	{ SO_RESERVE_MEM, .set = no_reserve, .get = opt_get_zero },
	{ SO_RCVLOWAT, FIELD(rcvlowat), .set = set_rcvlowat },
	{ SO_SNDLOWAT, CONSTANT(1) },
	{ SO_RCVTIMEO_OLD, TIMEOUT(rcvtimeo) },
	{ SO_RCVTIMEO_NEW, TIMEOUT(rcvtimeo) },
	{ SO_SNDTIMEO_OLD, TIMEOUT(sndtimeo) },
	{ SO_SNDTIMEO_NEW, TIMEOUT(sndtimeo) },
	{ SO_LINGER, .take = take_linger },
	{ SO_KEEPALIVE, FIELD(keepalive) },
	{ SO_OOBINLINE, FIELD(oobinline) },
	{ SO_BROADCAST, FIELD(broadcast) },
	{ SO_DONTROUTE, FIELD(dontroute) },
	{ SO_BINDTODEVICE, .flags = OPT_OWN_LENGTH, .take = take_device },
	{ SO_BINDTOIFINDEX, .flags = OPT_OWN_LENGTH, .take = take_device },
	{ SO_PRIORITY, FIELD(priority), .may = priority_may },
	{ SO_MARK, FIELD(mark), .right = OPT_NET_RAW, .flags = OPT_RIGHT_ALWAYS },
	{ SO_DEBUG, FIELD(debug), .may = debug_may },
	{ SO_PASSCRED, FIELD(passcred), .kinds = LOCAL },
	/* without effect, since there are no security labels */
	{ SO_PASSSEC, FIELD(passsec), .kinds = LOCAL },
	{ SO_PASSPIDFD_, FIELD(rare.passpidfd), .kinds = KIND_UNIX },
	{ SO_PASSRIGHTS_, .kinds = KIND_UNIX, .set = set_passrights, .get = get_passrights },
	{ SO_PEEK_OFF, FIELD(peek_off), .kinds = KIND_UNIX | KIND_STREAM | KIND_DGRAM },
	{ SO_TIMESTAMP_OLD, STAMP(STAMP_USEC) },
	{ SO_TIMESTAMP_NEW, STAMP(STAMP_USEC) },
	{ SO_TIMESTAMPNS_OLD, STAMP(STAMP_NSEC) },
	{ SO_TIMESTAMPNS_NEW, STAMP(STAMP_NSEC) },
	{ SO_ATTACH_FILTER, .take = take_filter },
	{ SO_ATTACH_BPF, .flags = OPT_EXACT, .set = attach_program },
	{ SO_DETACH_FILTER, .set = detach_filter },
	{ SO_LOCK_FILTER, FIELD(rare.filter_locked), .may = lock_filter_may },
	{ SO_BPF_EXTENSIONS, CONSTANT(SKF_AD_MAX) },
	{ SO_ATTACH_REUSEPORT_EBPF, .flags = OPT_EXACT, .set = no_reuse_program },
	{ SO_ATTACH_REUSEPORT_CBPF, .set = no_reuse_program },
	{ SO_DETACH_REUSEPORT_BPF, .set = no_reuse_program },
	{ SO_INCOMING_CPU, FIELD(rare.incoming_cpu), .set = set_cpu },
	{ SO_INCOMING_NAPI_ID, .get = opt_get_zero },
	{ SO_BUSY_POLL, FIELD(rare.busy_poll), OPT_RANGE(0, 0x7fffffff) },
	{ SO_BUSY_POLL_BUDGET, .set = set_budget },
	{ SO_PREFER_BUSY_POLL, FIELD(rare.prefer_busy_poll), .right = OPT_HOST_ADMIN },
	{ SO_ZEROCOPY, FIELD(rare.zerocopy), .set = set_zerocopy },
	{ SO_TXREHASH, OPT_RANGE(-1, 1), .kinds = KIND_STREAM, .set = set_txrehash,
		.get = get_txrehash },
	{ SO_RXQ_OVFL, FIELD(rare.rxq_ovfl) },
	{ SO_RCVMARK, FIELD(rare.rcvmark) },
	{ SO_RCVPRIORITY_, FIELD(rare.rcvpriority) },
	{ SO_SELECT_ERR_QUEUE, FIELD(rare.select_err) },
	{ SO_WIFI_STATUS, FIELD(rare.wifi_status) },
	{ SO_NO_CHECK, FIELD(rare.no_check) },
	{ SO_NOFCS, FIELD(rare.nofcs) },
	{ SO_BSDCOMPAT, .set = opt_ignore, .get = opt_get_zero },
	/* without effect, since sockets cache no route that could be dropped */
	{ SO_CNX_ADVICE, .set = opt_ignore },
};

static const struct sock_opt *find(int opt)
{
	return opt_find(socket_options, ARRAY_SIZE(socket_options), opt);
}

static int set_common(struct socket *s, int opt, uaddr_t uval, u32 len)
{
	const struct sock_opt *o = find(opt);
	struct sock_common *sk = s->sk;
	int n;

	if (o && o->flags & OPT_OWN_LENGTH)
		return o->take(sk, o, uval, len);
	if (len < sizeof(int))
		return -EINVAL;
	if (get_user(n, uval))
		return -EFAULT;
	if (!o)
		return sock_set_long(s, opt, uval, len);
	if (len != sizeof(int) && o->flags & OPT_EXACT)
		return -EINVAL;
	if (!opt_has(o, sk))
		return -EOPNOTSUPP;
	if (o->take)
		return o->take(sk, o, uval, len);
	return opt_may_set(o, sk) ? opt_set(o, sk, n) : -ENOPROTOOPT;
}

long sock_setsockopt_file(struct file *f, int level, int optname, uaddr_t optval, int optlen)
{
	struct socket *s = file_socket(f);
	long err;

	if (!s)
		return -ENOTSOCK;
	if (optlen < 0)
		return -EINVAL;
	if (s->ops->setsockopt)
		err = s->ops->setsockopt(s, level, optname, optval, (u32)optlen);
	else
		err = level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
	if (err == -ENOPROTOOPT && level == SOL_SOCKET)
		err = set_common(s, optname, optval, (u32)optlen);
	return err;
}

long sys_setsockopt(int fd, int level, int optname, uaddr_t optval, int optlen)
{
	struct socket *s;
	struct file *f;
	long err;

	f = sock_get(fd, &s);
	if (IS_ERR(f))
		return PTR_ERR(f);
	err = optlen < 0 ? -EINVAL : sock_setsockopt_file(f, level, optname, optval, optlen);
	fput(f);
	return err;
}

/*
 * Gets an option. @val has room for 256 bytes. *len is the caller's room, and becomes the length of
 * the value.
 */
static int get_common(struct socket *s, int opt, void *val, u32 *len)
{
	const struct sock_opt *o = find(opt);
	struct sock_common *sk = s->sk;
	int number, err;

	if (o && o->take == take_timeout) {
		u64 t = *(const u64 *)((const u8 *)sk + o->arg);
		s64 tv[2] = { (s64)(t / NSEC), (s64)(t % NSEC / 1000) };

		*len = min(*len, (u32)sizeof(tv));
		memcpy(val, tv, *len);
		return 0;
	}
	if (opt == SO_LINGER) {
		*len = min(*len, (u32)sizeof(sk->linger));
		memcpy(val, &sk->linger, *len);
		return 0;
	}
	if (o && !opt_has(o, sk))
		return -EOPNOTSUPP;
	err = sock_get_long(s, opt, val, len);
	if (err != -ENOPROTOOPT)
		return err;
	number = s->listening;
	err = opt == SO_ACCEPTCONN ? 0 : opt_get(o, sk, &number);
	if (err)
		return err;
	*len = min(*len, (u32)sizeof(number));
	memcpy(val, &number, *len);
	return 0;
}

static int get_option(struct socket *s, int level, int opt, void *val, u32 *len)
{
	int err = level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;

	if (s->ops->getsockopt)
		err = s->ops->getsockopt(s, level, opt, val, len);
	if (err == -ENOPROTOOPT && level == SOL_SOCKET)
		err = get_common(s, opt, val, len);
	return err;
}

/*
 * Reads an option for io_uring. Refuses options that are lists of groups, whose length is not known
 * in advance.
 */
long sock_getsockopt_file(struct file *f, int level, int optname, uaddr_t optval, int optlen)
{
	struct socket *s = file_socket(f);
	u8 val[256] = { 0 };
	u32 len = min((u32)optlen, (u32)sizeof(val));
	int err;

	if (!s || level != SOL_SOCKET || optname == SO_PEERGROUPS)
		return -EOPNOTSUPP;
	if (optlen < 0)
		return -EINVAL;
	if (optname == SO_GET_FILTER)
		return sock_get_filter(s->sk, optval, (u32)optlen);
	if (optname == SO_PEERPIDFD_)
		return sock_peer_pidfd(s, optval, (u32)optlen, UADDR(0));
	err = get_option(s, level, optname, val, &len);
	if (err)
		return err;
	return copy_to_user(optval, val, min(len, (u32)optlen)) ? -EFAULT : (long)len;
}

long sys_getsockopt(int fd, int level, int optname, uaddr_t optval, uaddr_t optlen)
{
	u8 val[256] = { 0 };
	struct socket *s;
	struct file *f = sock_get(fd, &s);
	u32 len;
	int want;
	long err = 0;

	if (IS_ERR(f))
		return PTR_ERR(f);
	if (get_user(want, optlen))
		err = -EFAULT;
	else if (want < 0)
		err = -EINVAL;
	if (err)
		goto out;
	if (level == SOL_SOCKET && optname == SO_GET_FILTER) { /* lengths count instructions */
		err = sock_get_filter(s->sk, optval, (u32)want);
		if (err >= 0)
			err = put_user((int)err, optlen);
		goto out;
	}
	if (level == SOL_SOCKET && optname == SO_PEERGROUPS) {
		err = sock_peer_groups(s, optval, (u32)want, optlen);
		goto out;
	}
	if (level == SOL_SOCKET && optname == SO_PEERPIDFD_) {
		err = min(0L, sock_peer_pidfd(s, optval, (u32)want, optlen));
		goto out;
	}
	len = (u32)want;
	err = inet_mc_get(s, level, optname, optval, &len);
	if (err != -ENOPROTOOPT) {
		if (!err && put_user(len, optlen))
			err = -EFAULT;
		goto out;
	}
	err = 0;
	len = min((u32)want, (u32)sizeof(val));
	/* Some options of SOL_PACKET read a parameter from the buffer that gets the value. */
	if (level == SOL_PACKET && copy_from_user(val, optval, min(len, (u32)sizeof(int)))) {
		err = -EFAULT;
		goto out;
	}
	if (level == SOL_IPV6 && optname == IPV6_FLOWLABEL_MGR &&
		copy_from_user(val, optval, len)) {
		err = -EFAULT;
		goto out;
	}
	err = get_option(s, level, optname, val, &len);
	/* for a list of which the caller wants a part, @len is the length of the whole list */
	want = min(want, (int)sizeof(val));
	if (!err && (copy_to_user(optval, val, min(len, (u32)want)) || put_user(len, optlen)))
		err = -EFAULT;
out:
	fput(f);
	return err;
}
