/* SPDX-License-Identifier: MIT */
/*
 * inet_opt.c: getsockopt(2) and setsockopt(2) of levels IP, UDP and RAW; level IPV6 is in
 * inet6_opt.c, control messages are in inet_cmsg.c. Options of missing features (IPsec, router
 * alert) are refused with ENOPROTOOPT.
 * Sources: ip(7), udp(7), raw(7), RFC 3493, 3542.
 */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/in6.h>
#include <linux/udp.h>

#include "kernel/lib/string.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/inet/inet_opt.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define SOL_UDPLITE 136
#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11
/* least checksum coverage of UDP-Lite, bytes */
#define UDP_HEADER 8
#define SEGMENT_MOST 65535
#define ICMP_FILTER 1
#define ICMPV6_FILTER 1
#define RAW_CHECKSUM IPV6_CHECKSUM /* also at level SOL_RAW */
/* options that the build's kernel headers may lack */
#define IP_LOCAL_PORT_RANGE_ 51
#define IP_PROTOCOL_ 52

struct mreqn {
	u32 group, iface;
	int ifindex;
};

int inet_opt_read(uaddr_t val, u32 len, bool byte_ok, int *n)
{
	u8 byte;

	if (len >= sizeof(int))
		return get_user(*n, val);
	if (!byte_ok || !len)
		return -EINVAL;
	if (get_user(byte, val))
		return -EFAULT;
	*n = byte;
	return 0;
}

/* ---- level IP ---- */

static int read_mreqn(uaddr_t val, u32 len, struct mreqn *r)
{
	*r = (struct mreqn){ 0 };
	if (len < 8)
		return -EINVAL;
	return copy_from_user(r, val, min(len, (u32)sizeof(*r))) ? -EFAULT : 0;
}

/* Sets IP_MULTICAST_IF. @val: an address, a struct ip_mreq or a struct ip_mreqn. */
static int take_multicast_if(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	struct inet_sock *i = sk;
	struct mreqn r = { 0 };
	ip_addr any = ip_v4(0);
	u64 id;
	int err, found;

	if (i->c.type == SOCK_STREAM)
		return -EINVAL;
	if (len >= 8)
		err = read_mreqn(val, len, &r);
	else if (len >= 4)
		err = get_user(r.iface, val);
	else
		err = -EINVAL;
	if (err)
		return err;
	if (!r.ifindex && !r.iface) {
		i->mc.ifindex = 0;
		i->mc.addr = IP_ANY;
		return 0;
	}
	err = inet_mc_device(i, &any, r.ifindex, r.iface, &found, &id);
	if (err)
		return err == -ENODEV ? -EADDRNOTAVAIL : err;
	i->mc.ifindex = found;
	i->mc.addr = r.iface ? ip_v4(r.iface) : IP_ANY;
	return 0;
}

int inet_take_unicast_if(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	struct inet_sock *i = sk;
	struct net_device *d;
	u32 n;

	if (len != sizeof(n))
		return -EINVAL;
	if (get_user(n, val))
		return -EFAULT;
	n = ntohl(n);
	d = n ? netdev_find_index(i->net, (int)n) : NULL;
	if (n && !d)
		return -EADDRNOTAVAIL;
	if (n && i->bound_if && i->bound_if != (int)n)
		return -EINVAL;
	opt_store(o, i, (int)n);
	return 0;
}

int inet_get_unicast_if(void *sk, const struct sock_opt *o, int *n)
{
	*n = (int)htonl(READ_ONCE(*(const u32 *)((const u8 *)sk + o->at)));
	return 0;
}

static int take_options(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	struct inet_sock *i = sk;
	int err = ip4_opts_set(i, val, len);

	if (!err && i->c.type == SOCK_STREAM)
		tcp_opts_changed(i);
	return err;
}

/*
 * Sets the bounds of ports that the kernel may choose: the lower in the low half of the value, the
 * higher in the high half; 0 in a half sets no bound.
 */
static int take_port_range(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	struct inet_sock *i = sk;
	u32 v;

	if (len != sizeof(v))
		return -EINVAL;
	if (get_user(v, val))
		return -EFAULT;
	if ((v & 0xffff) && v >> 16 && (v & 0xffff) > v >> 16)
		return -EINVAL;
	i->opts.range_low = (u16)v;
	i->opts.range_high = (u16)(v >> 16);
	return 0;
}

static int get_port_range(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;

	*n = (int)((u32)i->opts.range_high << 16 | i->opts.range_low);
	return 0;
}

int inet_recverr_changed(void *sk, const struct sock_opt *o, int n)
{
	struct inet_sock *i = sk;

	if (!n)
		errq_purge(&i->c);
	return 0;
}

/* Sets the type of service. TCP sockets keep their ECN bits. */
static int set_tos(void *sk, const struct sock_opt *o, int n)
{
	struct inet_sock *i = sk;

	i->opts.tos = (u8)(i->c.type == SOCK_STREAM ? (n & ~TOS_ECN) | (i->opts.tos & TOS_ECN) : n);
	return 0;
}

static int ttl_not_zero(void *sk, const struct sock_opt *o, int n)
{
	return n ? 0 : -EINVAL;
}

static int get_ttl(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;

	*n = i->opts.ttl < 0 ? i->net->ipv4.default_ttl : i->opts.ttl;
	return 0;
}

static int not_stream(void *sk, const struct sock_opt *o, int n)
{
	const struct inet_sock *i = sk;

	return i->c.type == SOCK_STREAM ? -EINVAL : 0;
}

static int raw_only(void *sk, const struct sock_opt *o, int n)
{
	const struct inet_sock *i = sk;

	return i->c.type == SOCK_RAW ? 0 : -ENOPROTOOPT;
}

static int set_multicast_ttl(void *sk, const struct sock_opt *o, int n)
{
	opt_store(o, sk, n == -1 ? 1 : n);
	return 0;
}

static int get_protocol(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;

	*n = (int)i->c.protocol;
	return 0;
}

int inet_get_mtu(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;
	struct flow f;

	if (ip_is_any(&i->raddr))
		return -ENOTCONN;
	inet_flow(i, &i->raddr, &f);
	if (route_output(i->net, &f))
		return -ENOTCONN;
	*n = (int)min(f.mtu, ip_is_v4(&i->raddr) ? 65535U : 65575U);
	return 0;
}

#define FIELD(f) OPT_FIELD(struct inet_sock, f)
#define EMPTY .flags = OPT_EMPTY_IS_0

static const struct sock_opt ip_options[] = {
	{ IP_TOS, FIELD(opts.tos), EMPTY, .set = set_tos },
	{ IP_TTL, FIELD(opts.ttl), OPT_RANGE(-1, HOPS_MOST), .may = ttl_not_zero, .get = get_ttl },
	{ IP_MTU_DISCOVER, FIELD(opts.pmtudisc), OPT_RANGE(IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT),
		EMPTY },
	{ IP_MTU, .get = inet_get_mtu },
	{ IP_RECVERR, FIELD(opts.recverr), EMPTY, .changed = inet_recverr_changed },
	{ IP_RECVERR_RFC4884, FIELD(opts.rfc4884), OPT_SWITCH, EMPTY },
	{ IP_PKTINFO, FIELD(recv.pktinfo), EMPTY },
	{ IP_RECVTTL, FIELD(recv.ttl), EMPTY },
	{ IP_RECVTOS, FIELD(recv.tos), EMPTY },
	{ IP_RECVOPTS, FIELD(recv.opts), EMPTY },
	{ IP_RETOPTS, FIELD(recv.retopts), EMPTY },
	{ IP_RECVORIGDSTADDR, FIELD(recv.origdst), EMPTY },
	{ IP_RECVFRAGSIZE, FIELD(recv.fragsize), EMPTY, .may = not_stream },
	{ IP_PASSSEC, FIELD(opts.passsec4), EMPTY },
	{ IP_FREEBIND, FIELD(opts.freebind) },
	{ IP_TRANSPARENT, FIELD(opts.transparent), .right = OPT_NET_RAW },
	{ IP_BIND_ADDRESS_NO_PORT, FIELD(opts.bind_no_port), EMPTY },
	{ IP_LOCAL_PORT_RANGE_, .take = take_port_range, .get = get_port_range },
	{ IP_HDRINCL, FIELD(opts.hdrincl), EMPTY, .may = raw_only },
	{ IP_NODEFRAG, FIELD(opts.nodefrag), EMPTY, .set_kinds = KIND_RAW },
	{ IP_MINTTL, FIELD(opts.min_ttl), OPT_RANGE(0, HOPS_MOST) },
	{ IP_OPTIONS, .take = take_options },
	{ IP_MULTICAST_IF, .take = take_multicast_if },
	{ IP_MULTICAST_TTL, FIELD(mc.ttl), OPT_RANGE(-1, HOPS_MOST), .may = not_stream,
		.set = set_multicast_ttl },
	{ IP_MULTICAST_LOOP, FIELD(mc.loop) },
	{ IP_MULTICAST_ALL, FIELD(mc.all), OPT_SWITCH },
	{ IP_UNICAST_IF, FIELD(opts.ucast_if), .take = inet_take_unicast_if,
		.get = inet_get_unicast_if },
	{ IP_PROTOCOL_, .kinds = KIND_RAW, .get = get_protocol },
};

static int set_ip(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	const struct sock_opt *o = opt_find(ip_options, ARRAY_SIZE(ip_options), opt);
	int n = 0, err = inet_mc_set(i, false, opt, val, len);

	if (err != -ENOPROTOOPT)
		return err;
	if (!opt_may_set(o, &i->c))
		return -ENOPROTOOPT;
	if (o->take)
		return o->take(i, o, val, len);
	err = !len && o->flags & OPT_EMPTY_IS_0 ? 0 : inet_opt_read(val, len, true, &n);
	return err ? err : opt_set(o, &i->c, n);
}

/* ---- levels UDP and UDPLITE ---- */

static bool is_udp(const struct inet_sock *i)
{
	return i->table == &udp_ports || i->table == &udplite_ports;
}

static int cork_changed(void *sk, const struct sock_opt *o, int n)
{
	return n ? 0 : udp_push_pending(sk);
}

/* Refuses all encapsulations, which are for missing features such as IPsec. */
static int set_encap(void *sk, const struct sock_opt *o, int n)
{
	return n ? -ENOPROTOOPT : 0;
}

static int udplite_only(void *sk, const struct sock_opt *o, int n)
{
	const struct inet_sock *i = sk;

	return i->table == &udplite_ports ? 0 : -ENOPROTOOPT;
}

static int set_coverage(void *sk, const struct sock_opt *o, int n)
{
	opt_store(o, sk, n ? min(max(n, UDP_HEADER), 65535) : 0);
	return 0;
}

static const struct sock_opt udp_options[] = {
	{ UDP_CORK, FIELD(udp.corked), .changed = cork_changed },
	{ UDP_ENCAP, .set = set_encap, .get = opt_get_zero },
	{ UDP_NO_CHECK6_TX, FIELD(udp.no_check6_tx) },
	{ UDP_NO_CHECK6_RX, FIELD(udp.no_check6_rx) },
	{ UDP_SEGMENT, FIELD(udp.segment), OPT_RANGE(0, SEGMENT_MOST) },
	{ UDP_GRO, FIELD(udp.gro) },
	{ UDPLITE_SEND_CSCOV, FIELD(udp.cov_send), .may = udplite_only, .set = set_coverage },
	{ UDPLITE_RECV_CSCOV, FIELD(udp.cov_recv), .may = udplite_only, .set = set_coverage },
};

static const struct sock_opt *udp_option(int opt)
{
	return opt_find(udp_options, ARRAY_SIZE(udp_options), opt);
}

static int set_udp(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	const struct sock_opt *o = udp_option(opt);
	int n, err = inet_opt_read(val, len, false, &n);

	if (err)
		return err;
	return opt_may_set(o, &i->c) ? opt_set(o, &i->c, n) : -ENOPROTOOPT;
}

/* ---- levels RAW and ICMPV6 ---- */

int inet_set_checksum(struct inet_sock *i, int level, uaddr_t val, u32 len)
{
	int n;

	if (len < sizeof(n))
		return -EINVAL;
	if (get_user(n, val))
		return -EFAULT;
	if ((i->c.protocol == IPPROTO_ICMPV6 && level == SOL_IPV6) || (n > 0 && n & 1))
		return -EINVAL;
	i->raw.csum_at = n < 0 ? -1 : n;
	return 0;
}

static int set_raw(struct inet_sock *i, int level, int opt, uaddr_t val, u32 len)
{
	if (level == SOL_RAW && opt == ICMP_FILTER && i->c.protocol == IPPROTO_ICMP)
		return copy_from_user(&i->raw.icmp_filter, val, min(len, 4U)) ? -EFAULT : 0;
	if (level == SOL_RAW && opt == ICMP_FILTER && !i->v6)
		return -EOPNOTSUPP;
	if (level == SOL_RAW && i->v6 && (opt == RAW_CHECKSUM || len < sizeof(int)))
		return len < sizeof(int) ? -EINVAL : inet_set_checksum(i, level, val, len);
	if (level == IPPROTO_ICMPV6 && i->v6 && i->c.protocol != IPPROTO_ICMPV6)
		return -EOPNOTSUPP;
	if (level == IPPROTO_ICMPV6 && opt == ICMPV6_FILTER && i->c.protocol == IPPROTO_ICMPV6)
		return copy_from_user(i->raw.icmp6_filter, val, min(len, 32U)) ? -EFAULT : 0;
	return -ENOPROTOOPT;
}

static int reuse_program(struct inet_sock *i, uaddr_t val, u32 len)
{
	struct sk_filter *f = filter_read(val, len);

	return IS_ERR(f) ? (int)PTR_ERR(f) : inet_reuse_program(i, f);
}

static int reuse_extended(struct inet_sock *i, uaddr_t val)
{
	struct sk_filter *f;
	int fd;

	if (get_user(fd, val))
		return -EFAULT;
	if (i->c.rare.filter_locked)
		return -EPERM;
	f = filter_extended(fd);
	return IS_ERR(f) ? (int)PTR_ERR(f) : inet_reuse_program(i, f);
}

/* Sets those options of SOL_SOCKET that only the internet families have. */
static int set_socket(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	switch (opt) {
	case SO_ATTACH_REUSEPORT_CBPF: return reuse_program(i, val, len);
	case SO_ATTACH_REUSEPORT_EBPF: return len == sizeof(int) ? reuse_extended(i, val) : -EINVAL;
	case SO_DETACH_REUSEPORT_BPF: return inet_reuse_program(i, NULL);
	}
	return -ENOPROTOOPT;
}

/* ---- all levels ---- */

int inet_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len)
{
	struct inet_sock *i = INET(s);
	int err = -ENOPROTOOPT;

	mutex_lock(&i->op);
	switch (level) {
	case SOL_SOCKET: err = set_socket(i, opt, val, len); break;
	case SOL_IP:
		if (!i->v6 || i->c.type != SOCK_RAW)
			err = set_ip(i, opt, val, len);
		break;
	case SOL_IPV6: err = i->v6 ? inet6_set(i, opt, val, len) : -ENOPROTOOPT; break;
	case SOL_UDP:
	/* UDP and UDPLITE accept all options of both */
	case SOL_UDPLITE:
		if (is_udp(i))
			err = set_udp(i, opt, val, len);
		break;
	default: err = i->c.type == SOCK_RAW ? set_raw(i, level, opt, val, len) : -ENOPROTOOPT;
	}
	mutex_unlock(&i->op);
	return err;
}

/* ---- reading ---- */

int inet_opt_put(int n, bool byte_ok, void *val, u32 *len)
{
	if (byte_ok && *len < sizeof(int) && *len > 0 && n >= 0 && n <= 255) {
		*(u8 *)val = (u8)n;
		*len = 1;
		return 0;
	}
	*len = min(*len, (u32)sizeof(int));
	memcpy(val, &n, *len);
	return 0;
}

static int get_blob(const void *from, u32 size, void *val, u32 *len)
{
	*len = min(*len, size);
	memcpy(val, from, *len);
	return 0;
}

int inet_original_dst(const struct inet_sock *i, bool v6, void *val, const u32 *len)
{
	struct nf_tuple t = { .src = i->saddr,
		.dst = i->raddr,
		.sport = htons(i->lport),
		.dport = htons(i->rport),
		.proto = IPPROTO_TCP };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	ip_addr dst;
	u16 port;
	int err;

	if (i->c.protocol != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (*len < (v6 ? sizeof(to6) : sizeof(to4)))
		return -EINVAL;
	if (v6 == ip_is_v4(&i->raddr))
		return -ENOENT;
	err = nf_ct_original_dst(i->net, &t, &dst, &port);
	if (err)
		return err;
	if (v6) {
		to6.sin6_port = port;
		to6.sin6_flowinfo = htonl(i->opts.flowinfo & 0xfffff);
		memcpy(&to6.sin6_addr, &dst, sizeof(to6.sin6_addr));
		if (inet_needs_link(&dst))
			to6.sin6_scope_id = (u32)i->bound_if;
		memcpy(val, &to6, sizeof(to6));
	} else {
		to4.sin_port = port;
		memcpy(&to4.sin_addr, &dst.w[3], 4);
		memcpy(val, &to4, sizeof(to4));
	}
	return 0;
}

int inet_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len)
{
	struct inet_sock *i = INET(s);
	int n = 0, err;

	switch (level) {
	case SOL_SOCKET: return -ENOPROTOOPT;
	case SOL_IP:
		if (i->v6 && i->c.type == SOCK_RAW)
			return -ENOPROTOOPT;
		if (opt == IP_OPTIONS) {
			ip4_opts_read(i, val, len);
			return 0;
		}
		if (opt == IP_PKTOPTIONS)
			return inet_pktoptions(i, false, val, len);
		if (opt == IP_MULTICAST_IF)
			return get_blob(&i->mc.addr.w[3], 4, val, len);
		if (opt == SO_ORIGINAL_DST)
			return inet_original_dst(i, false, val, len);
		err = opt_get(opt_find(ip_options, ARRAY_SIZE(ip_options), opt), &i->c, &n);
		return err ? err : inet_opt_put(n, true, val, len);
	case SOL_IPV6: return i->v6 ? inet6_get(i, opt, val, len) : -EOPNOTSUPP;
	case SOL_UDP:
	case SOL_UDPLITE:
		if (!is_udp(i))
			break;
		err = opt_get(udp_option(opt), &i->c, &n);
		return err ? err : inet_opt_put(n, false, val, len);
	case SOL_RAW:
		if (i->c.type == SOCK_RAW && i->c.protocol == IPPROTO_ICMP && opt == ICMP_FILTER)
			return get_blob(&i->raw.icmp_filter, 4, val, len);
		if (i->c.type != SOCK_RAW || (opt == ICMP_FILTER && !i->v6))
			break;
		if (i->v6 && opt == RAW_CHECKSUM)
			return inet_opt_put(i->raw.csum_at, false, val, len);
		return -ENOPROTOOPT;
	case IPPROTO_ICMPV6:
		if (i->c.type == SOCK_RAW && i->c.protocol == IPPROTO_ICMPV6 &&
			opt == ICMPV6_FILTER)
			return get_blob(i->raw.icmp6_filter, 32, val, len);
		if (i->c.type == SOCK_RAW && i->v6 && i->c.protocol != IPPROTO_ICMPV6)
			return -EOPNOTSUPP;
		break;
	}
	return i->v6 ? -ENOPROTOOPT : -EOPNOTSUPP;
}
