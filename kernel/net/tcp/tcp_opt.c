/* SPDX-License-Identifier: MIT */
/* tcp_opt.c: getsockopt(2) and setsockopt(2) of level TCP (tcp(7)). */
#include <asm/errno.h>
#include <asm/socket.h>

#include <linux/eventpoll.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/socket/opt_table.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define KEEP_IDLE_MAX 32767
#define KEEP_COUNT_MAX 127
#define MAXSEG_MOST 32767
#define LINGER2_MOST 120 /* s */
#define CLAMP_LEAST 1152 /* bytes */
#define INT_MOST 0x7fffffff
#define CC_NAME 16
/* an option that the build's kernel headers may lack */
#define TCP_IS_MPTCP_ 43

/* ---- setting ---- */

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
		t->cc.reno = reno;
	return err;
}

static int nodelay_changed(void *sk, const struct sock_opt *o, int n)
{
	if (n)
		tcp_push(sk, false);
	return 0;
}

static int cork_changed(void *sk, const struct sock_opt *o, int n)
{
	if (!n)
		tcp_push(sk, false);
	return 0;
}

/* Wakes up writers if the new limit allows them to write. */
static int notsent_changed(void *sk, const struct sock_opt *o, int n)
{
	tcp_write_space(sk);
	return 0;
}

static int maxseg_may(void *sk, const struct sock_opt *o, int n)
{
	return n && n < (int)MSS_MIN ? -EINVAL : 0;
}

/* Returns the MSS in use; before there is a connection, the limit that was set. */
static int get_maxseg(void *sk, const struct sock_opt *o, int *n)
{
	const struct tcp_sock *t = sk;

	*n = !tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)) ? t->snd.mss :
	     t->snd.user_mss                                ? t->snd.user_mss :
							      (int)MSS_DEFAULT;
	return 0;
}

static int keepidle_changed(void *sk, const struct sock_opt *o, int n)
{
	tcp_arm_keepalive(sk);
	return 0;
}

/*
 * Reads an option whose value 0 means the namespace's default, at offset o->arg of struct tcp_net.
 */
static int get_or_net(void *sk, const struct sock_opt *o, int *n)
{
	const int *field = (const int *)((const u8 *)sk + o->at);

	*n = *field ? *field : *(const int *)((const u8 *)tcp_net(sk) + o->arg);
	return 0;
}

static int set_linger2(void *sk, const struct sock_opt *o, int n)
{
	opt_store(o, sk, n < 0 ? -1 : min(n, LINGER2_MOST));
	return 0;
}

/*
 * Returns the seconds until @tries SYN-ACKs have timed out (TCP_DEFER_ACCEPT): 1 for the first, 2
 * more for the second, and so on.
 */
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

static int set_defer(void *sk, const struct sock_opt *o, int n)
{
	struct tcp_sock *t = sk;

	t->opts.defer_tries = tries_of(n);
	return 0;
}

static int get_defer(void *sk, const struct sock_opt *o, int *n)
{
	const struct tcp_sock *t = sk;

	*n = secs_of(t->opts.defer_tries);
	return 0;
}

/* Sets TCP_WINDOW_CLAMP. 0 means the namespace's limit, and is allowed only for a closed socket. */
static int set_clamp(void *sk, const struct sock_opt *o, int n)
{
	struct tcp_sock *t = sk;

	if (!n && t->state != TCP_CLOSE)
		return -EINVAL;
	t->rcv.clamp = n ? (u32)max(n, CLAMP_LEAST) : (u32)tcp_net(t)->rmem[2];
	return 0;
}

static int get_clamp(void *sk, const struct sock_opt *o, int *n)
{
	const struct tcp_sock *t = sk;
	bool none = t->state == TCP_CLOSE && t->rcv.clamp == (u32)tcp_net(t)->rmem[2];

	*n = none ? 0 : (int)t->rcv.clamp;
	return 0;
}

static int set_quickack(void *sk, const struct sock_opt *o, int n)
{
	struct tcp_sock *t = sk;

	t->ack.pingpong = !n;
	t->ack.exchanges = 0;
	t->ack.quick = n ? TCP_QUICK_ACKS : 0;
	if (n && t->ack.due && tcp_in(t, TCPF_SENDING | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)))
		tcp_send_ack(t);
	return 0;
}

static int get_quickack(void *sk, const struct sock_opt *o, int *n)
{
	const struct tcp_sock *t = sk;

	*n = !t->ack.pingpong;
	return 0;
}

static int get_timestamp(void *sk, const struct sock_opt *o, int *n)
{
	*n = (int)tcp_ts(sk);
	return 0;
}

/*
 * Refuses to enter repair mode (CRIU), since connections cannot be moved. Leaving it has no effect.
 * As on Linux, a caller without the capability gets EPERM first.
 */
static int set_repair(void *sk, const struct sock_opt *o, int n)
{
	const struct tcp_sock *t = sk;

	if (!net_capable(t->inet.net, CAP_NET_ADMIN) || t->state == TCP_LISTEN)
		return -EPERM;
	if (n < -1 || n > 1)
		return -EINVAL;
	return n > 0 ? -EOPNOTSUPP : 0;
}

/* Refuses options that can be set only in repair mode. */
static int refuse_repair(void *sk, const struct sock_opt *o, int n)
{
	const struct tcp_sock *t = sk;

	if (o->opt == TCP_REPAIR_OPTIONS || (o->opt == TCP_QUEUE_SEQ && t->state == TCP_CLOSE))
		return -EINVAL;
	return -EPERM;
}

static int get_repair_queue(void *sk, const struct sock_opt *o, int *n)
{
	return -EINVAL;
}

static int no_connection(void *sk, const struct sock_opt *o, int n)
{
	return tcp_in(sk, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)) ? 0 : -EINVAL;
}

static int set_fastopen(void *sk, const struct sock_opt *o, int n)
{
	struct tcp_sock *t = sk;

	WRITE_ONCE(t->fast.qlen, (u32)min(n, tcp_net(t)->somaxconn));
	tcp_fast_need_key(t->inet.net);
	return 0;
}

static int fast_connect_may(void *sk, const struct sock_opt *o, int n)
{
	const struct tcp_sock *t = sk;

	if (!(tcp_net(t)->fastopen & FAST_CLIENT))
		return -EOPNOTSUPP;
	return t->state == TCP_CLOSE ? 0 : -EINVAL;
}

#define FIELD(f) OPT_FIELD(struct tcp_sock, f)
#define OR_NET(f) .arg = offsetof(struct tcp_net, f), .get = get_or_net

/*
 * Options that are set and read with c.lock held. TCP_THIN_DUPACK has no effect, since RACK finds
 * losses of thin streams anyway.
 */
static const struct sock_opt tcp_options[] = {
	{ TCP_NODELAY, FIELD(snd.nodelay), .changed = nodelay_changed },
	{ TCP_CORK, FIELD(snd.corked), .changed = cork_changed },
	{ TCP_QUICKACK, .set = set_quickack, .get = get_quickack },
	{ TCP_MAXSEG, FIELD(snd.user_mss), OPT_RANGE(0, MAXSEG_MOST), .may = maxseg_may,
		.get = get_maxseg },
	{ TCP_KEEPIDLE, FIELD(opts.keep_idle), OPT_RANGE(1, KEEP_IDLE_MAX),
		.changed = keepidle_changed, OR_NET(keep_time) },
	{ TCP_KEEPINTVL, FIELD(opts.keep_intvl), OPT_RANGE(1, KEEP_IDLE_MAX), OR_NET(keep_intvl) },
	{ TCP_KEEPCNT, FIELD(opts.keep_cnt), OPT_RANGE(1, KEEP_COUNT_MAX), OR_NET(keep_probes) },
	{ TCP_SYNCNT, FIELD(opts.syn_cnt), OPT_RANGE(1, KEEP_COUNT_MAX), OR_NET(syn_retries) },
	{ TCP_LINGER2, FIELD(opts.linger2), .set = set_linger2, OR_NET(fin_timeout) },
	{ TCP_USER_TIMEOUT, FIELD(opts.timeout), OPT_RANGE(0, INT_MOST) },
	{ TCP_DEFER_ACCEPT, .set = set_defer, .get = get_defer },
	{ TCP_WINDOW_CLAMP, .set = set_clamp, .get = get_clamp },
	{ TCP_NOTSENT_LOWAT, FIELD(snd.notsent_lowat), .changed = notsent_changed },
	{ TCP_INQ, FIELD(rcv.report_inq), OPT_SWITCH },
	{ TCP_SAVE_SYN, FIELD(opts.save_syn), OPT_SWITCH },
	{ TCP_THIN_LINEAR_TIMEOUTS, FIELD(opts.thin_linear), OPT_SWITCH },
	{ TCP_THIN_DUPACK, OPT_SWITCH, .set = opt_ignore, .get = opt_get_zero },
	{ TCP_TIMESTAMP, .set = refuse_repair, .get = get_timestamp },
	{ TCP_REPAIR, .set = set_repair, .get = opt_get_zero },
	{ TCP_REPAIR_QUEUE, .set = refuse_repair, .get = get_repair_queue },
	{ TCP_QUEUE_SEQ, .set = refuse_repair, .get = get_repair_queue },
	{ TCP_REPAIR_OPTIONS, .set = refuse_repair },
	{ TCP_REPAIR_WINDOW, .set = refuse_repair },
	{ TCP_FASTOPEN, FIELD(fast.qlen), OPT_RANGE(0, INT_MOST), .may = no_connection,
		.set = set_fastopen },
	{ TCP_FASTOPEN_CONNECT, FIELD(opts.fast_connect), OPT_SWITCH, .may = fast_connect_may },
	{ TCP_FASTOPEN_NO_COOKIE, FIELD(opts.fast_no_cookie), OPT_SWITCH, .may = no_connection },
	{ TCP_IS_MPTCP_, .get = opt_get_zero },
};

static const struct sock_opt *find(int opt)
{
	return opt_find(tcp_options, ARRAY_SIZE(tcp_options), opt);
}

/*
 * Sets SO_RCVLOWAT, to at most half of the receive buffer's limit. The buffer grows to at least
 * twice the value.
 */
static void set_lowat(struct tcp_sock *t, int n)
{
	struct sock_common *c = &t->inet.c;
	u32 most = t->snd.rcvbuf_fixed ? c->rcvbuf : (u32)tcp_net(t)->rmem[2];

	c->rcvlowat = max(min(n < 0 ? 0x7fffffffU : (u32)n, most / 2), 1U);
	if (tcp_enough(t, t->rcv.nxt - t->rcv.copied))
		tcp_wake(t, EPOLLIN | EPOLLRDNORM);
	if (!t->snd.rcvbuf_fixed)
		c->rcvbuf = max(c->rcvbuf, 2 * c->rcvlowat);
}

/* Sets one key or two (TCP_FASTOPEN_KEY). */
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

/*
 * Sets an option of SOL_SOCKET. Handles the options that change TCP state, and leaves the others to
 * the common code.
 */
static int set_socket(struct socket *s, int opt, uaddr_t val, u32 len)
{
	struct tcp_sock *t = TCP(INET(s));
	int n;

	if (opt == SO_SNDBUF || opt == SO_SNDBUFFORCE)
		t->snd.sndbuf_fixed = true;
	if (opt == SO_RCVBUF || opt == SO_RCVBUFFORCE)
		t->snd.rcvbuf_fixed = true;
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
	const struct sock_opt *o;
	int n, err;

	if (level == SOL_SOCKET)
		return set_socket(s, opt, val, len);
	if (level != SOL_TCP)
		return inet_setsockopt(s, level, opt, val, len);
	if (opt == TCP_CONGESTION)
		return set_congestion(t, val, len);
	if (opt == TCP_ULP) /* there is no ULP */
		return len ? -ENOENT : -EINVAL;
	if (opt == TCP_FASTOPEN_KEY)
		return set_fast_keys(t, val, len);
	if (len < sizeof(int))
		return -EINVAL;
	if (get_user(n, val))
		return -EFAULT;
	o = find(opt);
	if (!opt_may_set(o, s->sk))
		return -ENOPROTOOPT;
	spin_lock(&t->inet.c.lock);
	err = opt_set(o, s->sk, n);
	spin_unlock(&t->inet.c.lock);
	net_rx_flush();
	return err;
}

/* ---- reading ---- */

/*
 * Returns the saved SYN, which can be read once. Returns -EINVAL if there is too little room; then
 * it can be read later.
 */
static int get_saved_syn(struct tcp_sock *t, void *val, u32 *len)
{
	u8 *saved;
	u32 n;

	spin_lock(&t->inet.c.lock);
	saved = t->child.saved_syn;
	n = saved ? t->child.saved_len : 0;
	if (*len >= n)
		t->child.saved_syn = NULL;
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

		strscpy(name, tcp_cc_name(t->cc.reno), sizeof(name));
		*len = min(*len, (u32)CC_NAME);
		memcpy(val, name, *len);
		return 0;
	}
	/* There is no ULP, and the congestion control algorithms have no statistics. */
	if (opt == TCP_ULP || opt == TCP_CC_INFO) {
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
	err = opt == TCP_INFO ? 0 : opt_get(find(opt), s->sk, &n);
	spin_unlock(&t->inet.c.lock);
	if (err || opt == TCP_INFO)
		return err;
	*len = min(*len, (u32)sizeof(n));
	memcpy(val, &n, *len);
	return 0;
}
