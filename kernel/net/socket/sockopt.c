/* SPDX-License-Identifier: MIT */
/*
 * sockopt.c: getsockopt and setsockopt, level SOL_SOCKET: what is the same for all families. Others go to the family.
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
#include "kernel/sched/task.h"
#include "kernel/ident/cred.h"

#define RCVBUF_MIN 2304U
#define SNDBUF_MIN (2 * RCVBUF_MIN)
#define BUF_MOST 0x3fffffffU
#define NSEC 1000000000UL

/* A number below zero is taken for a large one, as Linux takes it. */
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
		*to = 1; /* has passed already */
	else if (tv.sec > 1L << 33)
		*to = 0;
	else
		*to = (u64)tv.sec * NSEC + (u64)tv.usec * 1000;
	return 0;
}

/* Who may receive control messages of these kinds: -EOPNOTSUPP for the others. */
static bool has_option(const struct sock_common *sk, int opt)
{
	bool local = sk->family == AF_UNIX, inet = sk->family == AF_INET || sk->family == AF_INET6;

	switch (opt) {
	case SO_PASSCRED:
	case SO_PASSSEC: return local || sk->family == AF_NETLINK;
	case SO_PASSPIDFD_:
	case SO_PASSRIGHTS_: return local;
	case SO_PEEK_OFF: return local || (inet && sk->type != SOCK_RAW);
	case SO_TXREHASH: return inet && sk->type == SOCK_STREAM;
	}
	return true;
}

static bool *flag_option(struct sock_common *sk, int opt)
{
	switch (opt) {
	case SO_REUSEADDR: return &sk->reuseaddr;
	case SO_REUSEPORT: return &sk->reuseport;
	case SO_KEEPALIVE: return &sk->keepalive;
	case SO_BROADCAST: return &sk->broadcast;
	case SO_DONTROUTE: return &sk->dontroute;
	case SO_OOBINLINE: return &sk->oobinline;
	case SO_PASSCRED: return &sk->passcred;
	case SO_DEBUG: return &sk->debug;
	case SO_PASSSEC: return &sk->passsec; /* no security module: there is no label to pass */
	case SO_NO_CHECK: return &sk->rare.no_check;
	case SO_RXQ_OVFL: return &sk->rare.rxq_ovfl;
	case SO_NOFCS: return &sk->rare.nofcs;
	case SO_SELECT_ERR_QUEUE: return &sk->rare.select_err;
	case SO_WIFI_STATUS: return &sk->rare.wifi_status;
	case SO_PREFER_BUSY_POLL: return &sk->rare.prefer_busy_poll;
	case SO_RCVMARK: return &sk->rare.rcvmark;
	case SO_RCVPRIORITY_: return &sk->rare.rcvpriority;
	case SO_PASSPIDFD_: return &sk->rare.passpidfd;
	}
	return NULL;
}

static void set_sharing(struct inet_sock *i, bool *flag, bool val)
{
	if (*flag == val)
		return;
	inet_change_begin(i);
	*flag = val;
	inet_change_end(i);
}

static int set_flag(struct sock_common *sk, int opt, bool *flag, int val)
{
	bool inet = sk->family == AF_INET || sk->family == AF_INET6;

	if (opt == SO_REUSEPORT && val && !inet)
		return -EOPNOTSUPP;
	if ((opt == SO_DEBUG || opt == SO_PREFER_BUSY_POLL) && val && !capable(CAP_NET_ADMIN))
		return opt == SO_DEBUG ? -EACCES : -EPERM;
	if (inet && (opt == SO_REUSEADDR || opt == SO_REUSEPORT))
		set_sharing(container_of(sk, struct inet_sock, c), flag, val);
	else
		*flag = val;
	return 0;
}

static void set_cpu(struct sock_common *sk, int cpu)
{
	bool inet = sk->family == AF_INET || sk->family == AF_INET6;

	if (inet)
		inet_change_begin(container_of(sk, struct inet_sock, c));
	sk->rare.incoming_cpu = cpu;
	sk->rare.cpu_wanted = cpu >= 0;
	if (inet)
		inet_change_end(container_of(sk, struct inet_sock, c));
}

static int set_buffer(struct sock_common *sk, int opt, int val)
{
	bool force = opt == SO_SNDBUFFORCE || opt == SO_RCVBUFFORCE;
	bool snd = opt == SO_SNDBUF || opt == SO_SNDBUFFORCE;
	u32 most = (u32)(snd ? READ_ONCE(sysctl_wmem_max) : READ_ONCE(sysctl_rmem_max));

	if (force && !capable(CAP_NET_ADMIN)) /* it is the machine's memory */
		return -EPERM;
	if (force)
		val = max(val, 0);
	*(snd ? &sk->sndbuf : &sk->rcvbuf) = buffer_size(
		val, min(force ? BUF_MOST : most, BUF_MOST), snd ? SNDBUF_MIN : RCVBUF_MIN);
	sk->rare.buf_lock |= snd ? SOCK_SNDBUF_LOCK : SOCK_RCVBUF_LOCK;
	if (snd)
		wake_up_common(&sk->wait, TASK_NORMAL, 0, 0);
	return 0;
}

/* A number that takes a right to set. */
static int set_privileged(struct sock_common *sk, int opt, int val)
{
	bool may = net_capable(sk->net, CAP_NET_ADMIN);

	switch (opt) {
	case SO_PRIORITY:
		if ((val < 0 || val > 6) && !may && !net_capable(sk->net, CAP_NET_RAW))
			return -EPERM;
		sk->priority = (u32)val;
		return 0;
	case SO_MARK:
		if (!may && !net_capable(sk->net, CAP_NET_RAW))
			return -EPERM;
		sk->mark = (u32)val;
		return 0;
	case SO_BUSY_POLL:
		if (val < 0)
			return -EINVAL;
		sk->rare.busy_poll = val;
		return 0;
	case SO_BUSY_POLL_BUDGET:
		if (val > 0 && !capable(CAP_NET_ADMIN))
			return -EPERM;
		return (u32)val > 65535 ? -EINVAL : 0;
	}
	return -ENOPROTOOPT;
}

/* TCP and UDP. */
static bool knows_zerocopy(const struct sock_common *sk)
{
	if (sk->family != AF_INET && sk->family != AF_INET6)
		return false;
	return (sk->type == SOCK_STREAM && sk->protocol == IPPROTO_TCP) ||
	       (sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP);
}

static void set_stamp(struct sock_common *sk, int opt, int val)
{
	if (val) {
		sk->timestamp = opt == SO_TIMESTAMP_OLD || opt == SO_TIMESTAMP_NEW ? STAMP_USEC :
										     STAMP_NSEC;
		sk->rare.stamps_new = opt == SO_TIMESTAMP_NEW || opt == SO_TIMESTAMPNS_NEW;
	} else {
		sk->timestamp = 0;
	}
}

/* No descriptor is that of a program. */
static int no_program(int fd)
{
	struct file *f = fget(fd);

	if (!f)
		return -EBADF;
	fput(f);
	return -EINVAL;
}

static int set_number(struct sock_common *sk, int opt, int val)
{
	switch (opt) {
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_NEW: set_stamp(sk, opt, val); return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE: return set_buffer(sk, opt, val);
	case SO_RCVLOWAT: sk->rcvlowat = val < 0 ? 0x7fffffff : max((u32)val, 1U); return 0;
	case SO_PASSRIGHTS_: sk->rare.no_passrights = !val; return 0;
	case SO_PEEK_OFF: WRITE_ONCE(sk->peek_off, val); return 0;
	case SO_LOCK_FILTER:
		if (sk->rare.filter_locked && !val)
			return -EPERM;
		sk->rare.filter_locked = val;
		return 0;
	case SO_DETACH_FILTER: return sock_detach_filter(sk);
	case SO_ATTACH_BPF: return sock_attach_program(sk, val);
	case SO_ATTACH_REUSEPORT_EBPF: return sk->rare.filter_locked ? -EPERM : no_program(val);
	case SO_INCOMING_CPU: set_cpu(sk, val); return 0;
	case SO_ATTACH_REUSEPORT_CBPF:
	case SO_DETACH_REUSEPORT_BPF:
		return -EINVAL; /* in no group: a family that has them takes it before */
	case SO_CNX_ADVICE:     /* no route is remembered that could be given up */
	case SO_BSDCOMPAT: return 0;
	case SO_BUF_LOCK:
		if (val & ~SOCK_BUF_LOCK_MASK)
			return -EINVAL;
		sk->rare.buf_lock = (u8)val;
		return 0;
	case SO_TXREHASH:
		if (val < -1 || val > 1)
			return -EINVAL;
		sk->rare.no_txrehash = !val;
		return 0;
	case SO_RESERVE_MEM: return -EOPNOTSUPP; /* no memory is set aside */
	case SO_ZEROCOPY:
		if (!knows_zerocopy(sk))
			return -EOPNOTSUPP;
		if (val < 0 || val > 1)
			return -EINVAL;
		WRITE_ONCE(sk->rare.zerocopy, val);
		return 0;
	}
	return set_privileged(sk, opt, val);
}

static int set_common(struct socket *s, int opt, uaddr_t uval, u32 len)
{
	struct sock_common *sk = s->sk;
	bool *flag = flag_option(sk, opt);
	int val, linger[2];

	if (opt == SO_RCVTIMEO_OLD || opt == SO_SNDTIMEO_OLD || opt == SO_RCVTIMEO_NEW ||
		opt == SO_SNDTIMEO_NEW)
		return set_timeout(opt == SO_RCVTIMEO_OLD || opt == SO_RCVTIMEO_NEW ?
					   &sk->rcvtimeo :
					   &sk->sndtimeo,
			uval, len);
	if (opt == SO_BINDTODEVICE || opt == SO_BINDTOIFINDEX)
		return sock_bind_device(sk, opt, uval, len);
	if (len < sizeof(int))
		return -EINVAL;
	if (get_user(val, uval))
		return -EFAULT;
	if ((opt == SO_ATTACH_BPF || opt == SO_ATTACH_REUSEPORT_EBPF) && len != sizeof(int))
		return -EINVAL;
	if (!has_option(sk, opt))
		return -EOPNOTSUPP;
	if (flag)
		return set_flag(sk, opt, flag, val);
	switch (opt) {
	case SO_LINGER:
		if (len < sizeof(sk->linger))
			return -EINVAL;
		if (get_user(linger, uval))
			return -EFAULT;
		sk->linger.on = linger[0] != 0;
		if (linger[0])
			sk->linger.secs = linger[1];
		return 0;
	case SO_ATTACH_FILTER: return sock_attach_filter(sk, uval, len);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
	case SO_MAX_PACING_RATE:
	case SO_TXTIME: return sock_set_long(s, opt, uval, len);
	}
	return set_number(sk, opt, val);
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

static int get_number(struct socket *s, int opt, int *val)
{
	struct sock_common *sk = s->sk;
	bool *flag = flag_option(sk, opt);
	u8 stamp = sk->timestamp;
	bool new = sk->rare.stamps_new;

	if (flag) {
		*val = *flag;
		return 0;
	}
	switch (opt) {
	case SO_TIMESTAMP_OLD: *val = stamp == STAMP_USEC && !new; return 0;
	case SO_TIMESTAMPNS_OLD: *val = stamp == STAMP_NSEC && !new; return 0;
	case SO_TIMESTAMP_NEW: *val = stamp && new; return 0; /* of either precision, as on Linux */
	case SO_TIMESTAMPNS_NEW: *val = stamp == STAMP_NSEC && new; return 0;
	case SO_TYPE: *val = sk->type; return 0;
	case SO_DOMAIN: *val = sk->family; return 0;
	case SO_PROTOCOL: *val = (int)sk->protocol; return 0;
	case SO_ERROR:
		*val = -xchg(&sk->err, 0);
		if (!*val)
			*val = -xchg(&sk->soft_err, 0);
		return 0;
	case SO_SNDBUF: *val = (int)sk->sndbuf; return 0;
	case SO_RCVBUF: *val = (int)sk->rcvbuf; return 0;
	case SO_RCVLOWAT: *val = (int)sk->rcvlowat; return 0;
	case SO_SNDLOWAT: *val = 1; return 0;
	case SO_ACCEPTCONN: *val = s->listening; return 0;
	case SO_PRIORITY: *val = (int)sk->priority; return 0;
	case SO_MARK: *val = (int)sk->mark; return 0;
	case SO_LOCK_FILTER: *val = sk->rare.filter_locked; return 0;
	case SO_PEEK_OFF: *val = sk->peek_off; return 0;
	case SO_PASSRIGHTS_: *val = !sk->rare.no_passrights; return 0;
	case SO_BUSY_POLL: *val = sk->rare.busy_poll; return 0;
	case SO_BPF_EXTENSIONS: *val = SKF_AD_MAX; return 0;
	case SO_INCOMING_CPU: *val = sk->rare.incoming_cpu; return 0;
	case SO_INCOMING_NAPI_ID: *val = 0; return 0;
	case SO_BSDCOMPAT: *val = 0; return 0;
	case SO_ZEROCOPY: *val = sk->rare.zerocopy; return 0;
	case SO_BUF_LOCK: *val = sk->rare.buf_lock; return 0;
	case SO_RESERVE_MEM: *val = 0; return 0;
	case SO_TXREHASH: *val = !sk->rare.no_txrehash; return 0;
	}
	return -ENOPROTOOPT;
}

/* @val has room for 256 bytes; *len in: what the caller takes, out: what there is. */
static int get_common(struct socket *s, int opt, void *val, u32 *len)
{
	struct sock_common *sk = s->sk;
	int number, err;

	if (opt == SO_RCVTIMEO_OLD || opt == SO_SNDTIMEO_OLD || opt == SO_RCVTIMEO_NEW ||
		opt == SO_SNDTIMEO_NEW) {
		u64 t = opt == SO_RCVTIMEO_OLD || opt == SO_RCVTIMEO_NEW ? sk->rcvtimeo :
									   sk->sndtimeo;
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
	if (!has_option(sk, opt))
		return -EOPNOTSUPP;
	err = sock_get_long(s, opt, val, len);
	if (err != -ENOPROTOOPT)
		return err;
	err = get_number(s, opt, &number);
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

/* Lists of groups, whose length is not known here, are refused. */
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
	if (level == SOL_SOCKET && optname == SO_GET_FILTER) { /* counts instructions */
		err = sock_get_filter(s->sk, optval, (u32)want);
		if (err >= 0)
			err = put_user((int)err, optlen);
		goto out;
	}
	if (level == SOL_SOCKET && optname == SO_PEERGROUPS) {
		err = sock_peer_groups(s, optval, (u32)want, optlen);
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
	/* a question that comes in the answer's place */
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
	/* what there is may be more than was asked for (a list of groups) */
	if (!err && (copy_to_user(optval, val, min(len, (u32)want)) || put_user(len, optlen)))
		err = -EFAULT;
out:
	fput(f);
	return err;
}
