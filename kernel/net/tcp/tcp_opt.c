/* SPDX-License-Identifier: MIT */
/* tcp_opt.c: getsockopt and setsockopt of level TCP (tcp(7)). */
#include <asm/errno.h>
#include <asm/socket.h>

#include <linux/eventpoll.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/task.h"
#include "kernel/ident/cred.h"

#define KEEP_IDLE_MAX 32767
#define KEEP_COUNT_MAX 127
#define CC_NAME 16
#define TCP_IS_MPTCP_ 43 /* younger than the headers that we are built with */

/* ---- setting ---- */

static int in_range(int n, int low, int high)
{
	return n < low || n > high ? -EINVAL : 0;
}

int tcp_cc_find(const char *name, bool *reno)
{
	*reno = !strcmp(name, tcp_cc_name(true));
	return *reno || !strcmp(name, tcp_cc_name(false)) ? 0 : -ENOENT;
}

static int set_congestion(struct tcp_sock *t, uaddr_t val, u32 len)
{
	char name[CC_NAME] = { 0 };
	bool reno;
	int err;

	if (!len || copy_from_user(name, val, min(len, (u32)sizeof(name) - 1)))
		return len ? -EFAULT : -EINVAL;
	err = tcp_cc_find(name, &reno);
	if (!err)
		t->reno = reno;
	return err;
}

static void set_nodelay(struct tcp_sock *t, bool on)
{
	t->nodelay = on;
	if (on)
		tcp_push(t, false);
}

static int set_idle(struct tcp_sock *t, int n)
{
	if (in_range(n, 1, KEEP_IDLE_MAX))
		return -EINVAL;
	t->keep_idle = (u32)n;
	tcp_arm_keepalive(t);
	return 0;
}

/* TCP_DEFER_ACCEPT is told in seconds, and counted in SYN+ACKs: one after 1 s, 2 s more, and so on. */
static int secs_of(u32 tries)
{
	u32 wait = 1, all = 0;

	for (; tries; tries--) {
		all += wait;
		wait = min(2 * wait, (u32)(RTO_MAX / NSEC_PER_SEC));
	}
	return (int)all;
}

static u32 tries_of(int secs)
{
	u32 n = secs > 0;

	while (n && n < 255 && secs_of(n) < secs)
		n++;
	return n;
}

/* Connections are not moved (CRIU's work): who may ask is told that, the others what Linux tells them; to switch it off is no news. */
static int set_repair(struct tcp_sock *t, int n)
{
	if (!net_capable(t->inet.net, CAP_NET_ADMIN) || t->state == TCP_LISTEN)
		return -EPERM;
	if (in_range(n, -1, 1))
		return -EINVAL;
	return n > 0 ? -EOPNOTSUPP : 0;
}

/* What is told to a connection under repair, of one that never is. */
static int refuse_repair(const struct tcp_sock *t, int opt)
{
	if (opt == TCP_REPAIR_OPTIONS || (opt == TCP_QUEUE_SEQ && t->state == TCP_CLOSE))
		return -EINVAL;
	return -EPERM;
}

/* c.lock held. */
static int set_number(struct tcp_sock *t, int opt, int n)
{
	switch (opt) {
	case TCP_NODELAY: set_nodelay(t, n); return 0;
	case TCP_CORK:
		t->corked = n;
		if (!n)
			tcp_push(t, false);
		return 0;
	case TCP_MAXSEG:
		if (n && in_range(n, (int)MSS_MIN, 32767))
			return -EINVAL;
		t->user_mss = (u16)n;
		return 0;
	case TCP_KEEPIDLE: return set_idle(t, n);
	case TCP_KEEPINTVL:
		if (in_range(n, 1, KEEP_IDLE_MAX))
			return -EINVAL;
		t->keep_intvl = (u32)n;
		return 0;
	case TCP_KEEPCNT:
		if (in_range(n, 1, KEEP_COUNT_MAX))
			return -EINVAL;
		t->keep_cnt = (u32)n;
		return 0;
	case TCP_SYNCNT:
		if (in_range(n, 1, KEEP_COUNT_MAX))
			return -EINVAL;
		t->syn_cnt = (u32)n;
		return 0;
	case TCP_LINGER2: t->linger2 = n < 0 ? -1 : n > 120 ? 120 : n; return 0;
	case TCP_DEFER_ACCEPT: t->defer_tries = tries_of(n); return 0;
	case TCP_WINDOW_CLAMP:
		if (!n && t->state != TCP_CLOSE)
			return -EINVAL;
		t->window_clamp = n ? (u32)max(n, 1152) : (u32)tcp_net(t)->rmem[2];
		return 0;
	case TCP_QUICKACK:
		t->pingpong = !n;
		t->exchanges = 0;
		if (n) {
			t->quick = 16;
			if (t->ack_due &&
				tcp_in(t, TCPF_SENDING | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)))
				tcp_send_ack(t);
		} else {
			t->quick = 0;
		}
		return 0;
	case TCP_USER_TIMEOUT:
		if (n < 0)
			return -EINVAL;
		t->user_timeout = (u32)n;
		return 0;
	case TCP_NOTSENT_LOWAT: t->notsent_lowat = (u32)n; return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		if (in_range(n, 0, 1))
			return -EINVAL;
		t->thin_linear = n;
		return 0;
	case TCP_THIN_DUPACK: return in_range(n, 0, 1); /* RACK finds losses of thin streams, too */
	case TCP_SAVE_SYN:
		if (in_range(n, 0, 1))
			return -EINVAL;
		t->save_syn = (u8)n;
		return 0;
	case TCP_REPAIR: return set_repair(t, n);
	case TCP_TIMESTAMP:
	case TCP_REPAIR_QUEUE:
	case TCP_QUEUE_SEQ:
	case TCP_REPAIR_OPTIONS:
	case TCP_REPAIR_WINDOW: return refuse_repair(t, opt);
	case TCP_INQ:
		if (in_range(n, 0, 1))
			return -EINVAL;
		t->tell_inq = n;
		return 0;
	case TCP_FASTOPEN:
		if (n < 0 || !tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)))
			return -EINVAL;
		t->fast_qlen = (u32)min(n, tcp_net(t)->somaxconn);
		tcp_fast_need_key(t->inet.net);
		return 0;
	case TCP_FASTOPEN_CONNECT:
		if (in_range(n, 0, 1))
			return -EINVAL;
		if (!(tcp_net(t)->fastopen & FAST_CLIENT))
			return -EOPNOTSUPP;
		if (t->state != TCP_CLOSE)
			return -EINVAL;
		t->fast_connect = n;
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
		if (in_range(n, 0, 1) || !tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)))
			return -EINVAL;
		t->fast_no_cookie = n;
		return 0;
	}
	return -ENOPROTOOPT;
}

/* No more than half of what the buffer may grow to, which it then has to be at least. */
static void set_lowat(struct tcp_sock *t, int n)
{
	struct sock_common *c = &t->inet.c;
	u32 most = t->rcvbuf_fixed ? c->rcvbuf : (u32)tcp_net(t)->rmem[2];

	c->rcvlowat = max(min(n < 0 ? 0x7fffffffU : (u32)n, most / 2), 1U);
	if (tcp_enough(t, t->rcv_nxt - t->copied_seq))
		tcp_wake(t, EPOLLIN | EPOLLRDNORM);
	if (!t->rcvbuf_fixed)
		c->rcvbuf = max(c->rcvbuf, 2 * c->rcvlowat);
}

/* Sets one key, or two. */
static int set_fast_keys(struct tcp_sock *t, uaddr_t val, u32 len)
{
	u64 keys[2][2];

	if (len != sizeof(keys[0]) && len != sizeof(keys))
		return -EINVAL;
	if (copy_from_user(keys, val, len))
		return -EFAULT;
	tcp_fast_set_own_keys(t, keys, len / sizeof(keys[0]));
	return 0;
}

/* What all families have, where TCP has to know of it. */
static int set_socket(struct socket *s, int opt, uaddr_t val, u32 len)
{
	struct tcp_sock *t = TCP(INET(s));
	int n;

	if (opt == SO_SNDBUF || opt == SO_SNDBUFFORCE)
		t->sndbuf_fixed = true;
	if (opt == SO_RCVBUF || opt == SO_RCVBUFFORCE)
		t->rcvbuf_fixed = true;
	if (opt == SO_RCVLOWAT) {
		if (len < sizeof(int))
			return -EINVAL;
		if (get_user(n, val))
			return -EFAULT;
		spin_lock(&t->inet.c.lock);
		set_lowat(t, n);
		spin_unlock(&t->inet.c.lock);
		return 0;
	}
	if (opt == SO_KEEPALIVE) {
		if (len < sizeof(int))
			return -EINVAL;
		if (get_user(n, val))
			return -EFAULT;
		spin_lock(&t->inet.c.lock);
		t->inet.c.keepalive = n;
		tcp_arm_keepalive(t);
		spin_unlock(&t->inet.c.lock);
		return 0;
	}
	return inet_setsockopt(s, SOL_SOCKET, opt, val, len);
}

int tcp_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len)
{
	struct tcp_sock *t = TCP(INET(s));
	int n, err;

	if (level == SOL_SOCKET)
		return set_socket(s, opt, val, len);
	if (level != SOL_TCP)
		return inet_setsockopt(s, level, opt, val, len);
	if (opt == TCP_CONGESTION)
		return set_congestion(t, val, len);
	if (opt == TCP_ULP) /* we know none */
		return len ? -ENOENT : -EINVAL;
	if (opt == TCP_FASTOPEN_KEY)
		return set_fast_keys(t, val, len);
	if (len < sizeof(int))
		return -EINVAL;
	if (get_user(n, val))
		return -EFAULT;
	spin_lock(&t->inet.c.lock);
	err = set_number(t, opt, n);
	spin_unlock(&t->inet.c.lock);
	net_rx_flush();
	return err;
}

/* ---- reading ---- */

static int get_number(struct tcp_sock *t, int opt, int *n)
{
	switch (opt) {
	case TCP_NODELAY: *n = t->nodelay; return 0;
	case TCP_CORK: *n = t->corked; return 0;
	case TCP_MAXSEG:
		*n = tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)) ?
			     (t->user_mss ? t->user_mss : (int)MSS_DEFAULT) :
			     t->mss;
		return 0;
	case TCP_KEEPIDLE: *n = t->keep_idle ? (int)t->keep_idle : tcp_net(t)->keep_time; return 0;
	case TCP_KEEPINTVL:
		*n = t->keep_intvl ? (int)t->keep_intvl : tcp_net(t)->keep_intvl;
		return 0;
	case TCP_KEEPCNT: *n = t->keep_cnt ? (int)t->keep_cnt : tcp_net(t)->keep_probes; return 0;
	case TCP_SYNCNT: *n = t->syn_cnt ? (int)t->syn_cnt : tcp_net(t)->syn_retries; return 0;
	case TCP_LINGER2: *n = t->linger2 ? t->linger2 : tcp_net(t)->fin_timeout; return 0;
	case TCP_DEFER_ACCEPT: *n = secs_of(t->defer_tries); return 0;
	case TCP_WINDOW_CLAMP: /* 0: none, as long as there is no connection */
		*n = t->state == TCP_CLOSE && t->window_clamp == (u32)tcp_net(t)->rmem[2] ?
			     0 :
			     (int)t->window_clamp;
		return 0;
	case TCP_QUICKACK: *n = !t->pingpong; return 0;
	case TCP_USER_TIMEOUT: *n = (int)t->user_timeout; return 0;
	case TCP_NOTSENT_LOWAT: *n = (int)t->notsent_lowat; return 0;
	case TCP_THIN_LINEAR_TIMEOUTS: *n = t->thin_linear; return 0;
	case TCP_THIN_DUPACK:
	case TCP_REPAIR:
	case TCP_IS_MPTCP_: *n = 0; return 0;
	case TCP_REPAIR_QUEUE:
	case TCP_QUEUE_SEQ: return -EINVAL;
	case TCP_SAVE_SYN: *n = t->save_syn; return 0;
	case TCP_TIMESTAMP: *n = (int)tcp_ts(t); return 0;
	case TCP_INQ: *n = t->tell_inq; return 0;
	case TCP_FASTOPEN: *n = (int)t->fast_qlen; return 0;
	case TCP_FASTOPEN_CONNECT: *n = t->fast_connect; return 0;
	case TCP_FASTOPEN_NO_COOKIE: *n = t->fast_no_cookie; return 0;
	}
	return -ENOPROTOOPT;
}

/* Once: who has read it has it. -EINVAL: there is too little room, and it stays. */
static int get_saved_syn(struct tcp_sock *t, void *val, u32 *len)
{
	u8 *saved;
	u32 n;

	spin_lock(&t->inet.c.lock);
	saved = t->saved_syn;
	n = saved ? t->saved_len : 0;
	if (*len >= n)
		t->saved_syn = NULL;
	spin_unlock(&t->inet.c.lock);
	if (*len < n)
		return -EINVAL;
	*len = n;
	if (saved)
		memcpy(val, saved, n);
	kfree(saved);
	return 0;
}

int tcp_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len)
{
	struct tcp_sock *t = TCP(INET(s));
	struct tcp_info_all info;
	int n, err;

	if (level != SOL_TCP)
		return inet_getsockopt(s, level, opt, val, len);
	if (opt == TCP_CONGESTION) {
		char name[CC_NAME] = { 0 };

		strscpy(name, tcp_cc_name(t->reno), sizeof(name));
		*len = min(*len, (u32)CC_NAME);
		memcpy(val, name, *len);
		return 0;
	}
	if (opt == TCP_ULP ||
		opt == TCP_CC_INFO) { /* there is none; ours tell nothing of themselves */
		*len = 0;
		return 0;
	}
	if (opt == TCP_FASTOPEN_KEY) {
		u64 keys[2][2];

		*len = min(*len, tcp_fast_get_keys(t, keys) * (u32)sizeof(keys[0]));
		memcpy(val, keys, *len);
		return 0;
	}
	if (opt == TCP_REPAIR_WINDOW)
		return *len == sizeof(struct tcp_repair_window) ? -EPERM : -EINVAL;
	if (opt == TCP_SAVED_SYN)
		return get_saved_syn(t, val, len);
	spin_lock(&t->inet.c.lock);
	if (opt == TCP_INFO) {
		tcp_fill_info(t, &info);
		*len = min(*len, (u32)sizeof(info));
		memcpy(val, &info, *len);
	}
	err = opt == TCP_INFO ? 0 : get_number(t, opt, &n);
	spin_unlock(&t->inet.c.lock);
	if (err || opt == TCP_INFO)
		return err;
	*len = min(*len, (u32)sizeof(n));
	memcpy(val, &n, *len);
	return 0;
}
