/* SPDX-License-Identifier: MIT */
/*
 * sockopt.c: getsockopt and setsockopt, level SOL_SOCKET: what is the same for all families. Others go to the family.
 * Source: socket(7).
 */
#include <asm/errno.h>
#include <asm/socket.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/net/internal.h"
#include "kernel/sched/task.h"
#include "kernel/task/cred.h"

#define BUF_MIN 2304U
#define NSEC 1000000000UL

static u32 buffer_size(int val, int limit)
{
	u32 v = (u32)max(val, 0);

	v = min(v, (u32)limit);
	return max(min(v, 0x3fffffffU) * 2, BUF_MIN * 2);
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
	}
	return NULL;
}

static int set_common(struct socket *s, int opt, uaddr_t uval, u32 len)
{
	struct sock_common *sk = s->sk;
	bool *flag = flag_option(sk, opt);
	int val;

	if (opt == SO_RCVTIMEO_OLD || opt == SO_SNDTIMEO_OLD || opt == SO_RCVTIMEO_NEW ||
		opt == SO_SNDTIMEO_NEW)
		return set_timeout(opt == SO_RCVTIMEO_OLD || opt == SO_RCVTIMEO_NEW ?
					   &sk->rcvtimeo :
					   &sk->sndtimeo,
			uval, len);
	if (len < sizeof(int))
		return -EINVAL;
	if (get_user(val, uval))
		return -EFAULT;
	if (opt == SO_DEBUG && val && !capable(CAP_NET_ADMIN))
		return -EACCES;
	if (flag) {
		*flag = val;
		return 0;
	}
	switch (opt) {
	case SO_TIMESTAMP_OLD: sk->timestamp = val ? 1 : 0; return 0;
	case SO_TIMESTAMPNS_OLD: sk->timestamp = val ? 2 : 0; return 0;
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		if (!net_capable(current_net(), CAP_NET_ADMIN))
			return -EPERM;
		*(opt == SO_SNDBUFFORCE ? &sk->sndbuf : &sk->rcvbuf) = buffer_size(val, 0x3fffffff);
		return 0;
	case SO_SNDBUF:
		sk->sndbuf = buffer_size(val, READ_ONCE(sysctl_wmem_max));
		wake_up_common(&sk->wait, TASK_NORMAL, 0, 0);
		return 0;
	case SO_RCVBUF: sk->rcvbuf = buffer_size(val, READ_ONCE(sysctl_rmem_max)); return 0;
	case SO_RCVLOWAT: sk->rcvlowat = val < 0 ? 0x7fffffff : max((u32)val, 1U); return 0;
	case SO_PRIORITY:
		if ((val < 0 || val > 6) && !net_capable(current_net(), CAP_NET_ADMIN))
			return -EPERM;
		sk->priority = (u32)val;
		return 0;
	case SO_MARK:
		if (!net_capable(current_net(), CAP_NET_ADMIN))
			return -EPERM;
		sk->mark = (u32)val;
		return 0;
	case SO_LINGER:
		if (len < sizeof(sk->linger))
			return -EINVAL;
		return get_user(sk->linger, uval);
	}
	return -ENOPROTOOPT;
}

long sys_setsockopt(int fd, int level, int optname, uaddr_t optval, int optlen)
{
	struct socket *s;
	struct file *f;
	long err;

	if (optlen < 0)
		return -EINVAL;
	f = sock_get(fd, &s);
	if (IS_ERR(f))
		return PTR_ERR(f);
	if (s->ops->setsockopt)
		err = s->ops->setsockopt(s, level, optname, optval, (u32)optlen);
	else
		err = level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
	if (err == -ENOPROTOOPT && level == SOL_SOCKET)
		err = set_common(s, optname, optval, (u32)optlen);
	fput(f);
	return err;
}

static int get_number(struct socket *s, int opt, int *val)
{
	struct sock_common *sk = s->sk;
	bool *flag = flag_option(sk, opt);

	if (flag) {
		*val = *flag;
		return 0;
	}
	switch (opt) {
	case SO_TIMESTAMP_OLD: *val = sk->timestamp == 1; return 0;
	case SO_TIMESTAMPNS_OLD: *val = sk->timestamp == 2; return 0;
	case SO_TYPE: *val = sk->type; return 0;
	case SO_DOMAIN: *val = sk->family; return 0;
	case SO_PROTOCOL: *val = (int)sk->protocol; return 0;
	case SO_ERROR: *val = -xchg(&sk->err, 0); return 0;
	case SO_SNDBUF: *val = (int)sk->sndbuf; return 0;
	case SO_RCVBUF: *val = (int)sk->rcvbuf; return 0;
	case SO_RCVLOWAT: *val = (int)sk->rcvlowat; return 0;
	case SO_SNDLOWAT: *val = 1; return 0;
	case SO_ACCEPTCONN: *val = s->listening; return 0;
	case SO_PRIORITY: *val = (int)sk->priority; return 0;
	case SO_MARK: *val = (int)sk->mark; return 0;
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
	err = get_number(s, opt, &number);
	if (err)
		return err;
	*len = min(*len, (u32)sizeof(number));
	memcpy(val, &number, *len);
	return 0;
}

long sys_getsockopt(int fd, int level, int optname, uaddr_t optval, uaddr_t optlen)
{
	u8 val[256];
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
	len = min((u32)want, (u32)sizeof(val));
	if (s->ops->getsockopt)
		err = s->ops->getsockopt(s, level, optname, val, &len);
	else
		err = level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
	if (err == -ENOPROTOOPT && level == SOL_SOCKET)
		err = get_common(s, optname, val, &len);
	if (!err && (copy_to_user(optval, val, len) || put_user(len, optlen)))
		err = -EFAULT;
out:
	fput(f);
	return err;
}
