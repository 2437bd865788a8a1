/* SPDX-License-Identifier: MIT */
/*
 * inet_opt.c: getsockopt and setsockopt of levels IP, IPV6, UDP and RAW (as control messages: inet_cmsg.c).
 * Options that would need what is not built (IPsec, router alert) are refused with ENOPROTOOPT.
 * Sources: ip(7), ipv6(7), udp(7), raw(7), RFC 3493, 3542.
 */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/in6.h>
#include <linux/udp.h>

#include "kernel/lib/string.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/task.h"
#include "kernel/ident/cred.h"

#define SOL_UDPLITE 136
#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11
#define ICMP_FILTER 1
#define ICMPV6_FILTER 1
#define IPV6_RECVERR_ 25
#define IPV6_MULTICAST_ALL_ 29
#define TOS_ECN 3
#define RAW_CHECKSUM IPV6_CHECKSUM /* at SOL_RAW, too */
/* younger than the headers that we are built with */
#define IP_LOCAL_PORT_RANGE_ 51
#define IP_PROTOCOL_ 52
#define SO_ORIGINAL_DST 80 /* <linux/netfilter_ipv4.h>, which needs libc */
#define IP6T_SO_ORIGINAL_DST 80
#define PREFS_KINDS (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_PUBTMP_DEFAULT)
#define PREFS_HOMES (IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_COA)
#define PREFS_CGAS (IPV6_PREFER_SRC_CGA | IPV6_PREFER_SRC_NONCGA)
#define MTU6_MIN 1280

struct mreqn {
	u32 group, iface;
	int ifindex;
};
struct mreq6 {
	ip_addr group;
	u32 ifindex;
};

/* A number as programs write it: an int, or one byte (IP level only). */
static int read_number(uaddr_t val, u32 len, bool byte_ok, int *n)
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

/* ---- flags: option and where it is kept ---- */

static bool *flag4(struct inet_sock *i, int opt)
{
	switch (opt) {
	case IP_PKTINFO: return &i->pktinfo;
	case IP_RECVTTL: return &i->recvttl;
	case IP_RECVTOS: return &i->recvtos;
	case IP_RECVERR: return &i->recverr;
	case IP_RECVERR_RFC4884: return &i->rfc4884;
	case IP_RECVORIGDSTADDR: return &i->origdst;
	case IP_FREEBIND: return &i->freebind;
	case IP_MULTICAST_LOOP: return &i->mc_loop;
	case IP_MULTICAST_ALL: return &i->mc_all;
	case IP_NODEFRAG: return &i->nodefrag;
	case IP_PASSSEC: return &i->passsec4;
	case IP_BIND_ADDRESS_NO_PORT: return &i->bind_no_port;
	case IP_RECVOPTS: return &i->recvopts;
	case IP_RETOPTS: return &i->retopts;
	}
	return NULL;
}

static bool *flag6(struct inet_sock *i, int opt)
{
	switch (opt) {
	case IPV6_RECVPKTINFO: return &i->pktinfo6;
	case IPV6_RECVHOPLIMIT: return &i->recvhops;
	case IPV6_RECVTCLASS: return &i->recvtclass;
	case IPV6_RECVERR_: return &i->recverr6;
	case IPV6_RECVERR_RFC4884: return &i->rfc4884_6;
	case IPV6_RECVORIGDSTADDR: return &i->origdst6;
	case IPV6_FREEBIND: return &i->freebind;
	case IPV6_MULTICAST_LOOP: return &i->mc_loop6;
	case IPV6_2292PKTINFO: return &i->pktinfo6_old;
	case IPV6_2292HOPLIMIT: return &i->hoplimit_old;
	case IPV6_MULTICAST_ALL_: return &i->mc_all6;
	case IPV6_TRANSPARENT: return &i->transparent;
	case IPV6_FLOWINFO: return &i->recvflow6;
	case IPV6_FLOWINFO_SEND: return &i->sends_flowinfo;
	case IPV6_RECVHOPOPTS: return &i->recvhop;
	case IPV6_RECVDSTOPTS: return &i->recvdst;
	case IPV6_RECVRTHDR: return &i->recvrt;
	case IPV6_2292HOPOPTS: return &i->hop_old;
	case IPV6_2292DSTOPTS: return &i->dst_old;
	case IPV6_2292RTHDR: return &i->rt_old;
	}
	return NULL;
}

static int read_mreqn(uaddr_t val, u32 len, struct mreqn *r)
{
	*r = (struct mreqn){ 0 };
	if (len < 8)
		return -EINVAL;
	return copy_from_user(r, val, min(len, (u32)sizeof(*r))) ? -EFAULT : 0;
}

static int multicast_if(struct inet_sock *i, uaddr_t val, u32 len)
{
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
		i->mc_if = 0;
		i->mc_addr = IP_ANY;
		return 0;
	}
	err = inet_mc_device(i, &any, r.ifindex, r.iface, &found, &id);
	if (err)
		return err == -ENODEV ? -EADDRNOTAVAIL : err;
	i->mc_if = found;
	i->mc_addr = r.iface ? ip_v4(r.iface) : IP_ANY;
	return 0;
}

/* ---- setting ---- */

/* The device's number is in network order (ip(7)). */
static int unicast_if(struct inet_sock *i, int *to, uaddr_t val, u32 len)
{
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
	*to = (int)n;
	return 0;
}

static bool empty_is_zero(int opt)
{
	switch (opt) {
	case IP_TOS:
	case IP_HDRINCL:
	case IP_PKTINFO:
	case IP_MTU_DISCOVER:
	case IP_RECVERR:
	case IP_RECVERR_RFC4884:
	case IP_RECVTTL:
	case IP_RECVTOS:
	case IP_RECVORIGDSTADDR:
	case IP_NODEFRAG:
	case IP_RECVOPTS:
	case IP_RETOPTS:
	case IP_RECVFRAGSIZE:
	case IP_PASSSEC:
	case IP_BIND_ADDRESS_NO_PORT: return true;
	}
	return false;
}

/* Where the checksum of a raw socket's packets is; -1: nobody looks. */
static int set_checksum(struct inet_sock *i, int level, uaddr_t val, u32 len)
{
	int n;

	if (len < sizeof(n))
		return -EINVAL;
	if (get_user(n, val))
		return -EFAULT;
	if ((i->c.protocol == IPPROTO_ICMPV6 && level == SOL_IPV6) || (n > 0 && n & 1))
		return -EINVAL;
	i->csum_at = n < 0 ? -1 : n;
	return 0;
}

/* Two ports, the higher one in the upper half; 0: no bound. */
static int set_port_range(struct inet_sock *i, uaddr_t val, u32 len)
{
	u32 v;

	if (len != sizeof(v))
		return -EINVAL;
	if (get_user(v, val))
		return -EFAULT;
	if ((v & 0xffff) && v >> 16 && (v & 0xffff) > v >> 16)
		return -EINVAL;
	i->range_low = (u16)v;
	i->range_high = (u16)(v >> 16);
	return 0;
}

static bool known4(int opt, const bool *flag)
{
	return flag || opt == IP_TOS || opt == IP_TTL || opt == IP_MULTICAST_TTL ||
	       opt == IP_HDRINCL || opt == IP_MTU_DISCOVER || opt == IP_TRANSPARENT ||
	       opt == IP_MINTTL || opt == IP_RECVFRAGSIZE;
}

/* Those that are 0 or 1 and nothing else. */
static bool is_strict(int opt)
{
	return opt == IP_MULTICAST_ALL || opt == IP_RECVERR_RFC4884;
}

static int set_ip(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	bool *flag = flag4(i, opt);
	int n, err = inet_mc_set(i, false, opt, val, len);

	if (err != -ENOPROTOOPT)
		return err;
	switch (opt) {
	case IP_MULTICAST_IF: return multicast_if(i, val, len);
	case IP_UNICAST_IF: return unicast_if(i, &i->ucast_if, val, len);
	case IP_OPTIONS:
		err = ip4_opts_set(i, val, len);
		if (!err && i->c.type == SOCK_STREAM)
			tcp_opts_changed(i);
		return err;
	case IP_LOCAL_PORT_RANGE_: return set_port_range(i, val, len);
	}
	if (!known4(opt, flag))
		return -ENOPROTOOPT;
	if (opt == IP_NODEFRAG && i->c.type != SOCK_RAW)
		return -ENOPROTOOPT;
	n = 0; /* what nothing means, where it means something */
	err = !len && empty_is_zero(opt) ? 0 : read_number(val, len, true, &n);
	if (err)
		return err;
	if (flag) {
		if (is_strict(opt) && n != 0 && n != 1)
			return -EINVAL;
		*flag = n;
		if (opt == IP_RECVERR && !n)
			errq_purge(&i->c);
		inet_tell_changed(i);
		return 0;
	}
	switch (opt) {
	case IP_MINTTL:
		if (n < 0 || n > 255)
			return -EINVAL;
		WRITE_ONCE(i->min_ttl, (u8)n);
		return 0;
	case IP_RECVFRAGSIZE:
		if (i->c.type != SOCK_RAW && i->c.type != SOCK_DGRAM)
			return -EINVAL;
		i->recvfragsize = n;
		return 0;
	case IP_TOS:
		i->tos = (u8)(i->c.type == SOCK_STREAM ? (n & ~TOS_ECN) | (i->tos & TOS_ECN) : n);
		return 0;
	case IP_TTL:
		if (n != -1 && (n < 1 || n > 255))
			return -EINVAL;
		i->ttl = n;
		return 0;
	case IP_MULTICAST_TTL:
		if (i->c.type == SOCK_STREAM || n < -1 || n > 255)
			return -EINVAL;
		i->mc_ttl = n == -1 ? 1 : n;
		return 0;
	case IP_HDRINCL:
		if (i->c.type != SOCK_RAW)
			return -ENOPROTOOPT;
		i->hdrincl = n;
		return 0;
	case IP_MTU_DISCOVER:
		if (n < 0 || n > 5)
			return -EINVAL;
		i->pmtudisc = n;
		return 0;
	case IP_TRANSPARENT:
		if (n && !net_capable(i->net, CAP_NET_ADMIN) && !net_capable(i->net, CAP_NET_RAW))
			return -EPERM;
		i->transparent = n;
		return 0;
	}
	return -ENOPROTOOPT;
}

static bool known6(int opt, const bool *flag)
{
	return flag || opt == IPV6_V6ONLY || opt == IPV6_UNICAST_HOPS ||
	       opt == IPV6_MULTICAST_HOPS || opt == IPV6_MULTICAST_IF || opt == IPV6_TCLASS ||
	       opt == IPV6_MTU_DISCOVER || opt == IPV6_AUTOFLOWLABEL || opt == IPV6_MINHOPCOUNT ||
	       opt == IPV6_ADDR_PREFERENCES || opt == IPV6_MTU;
}

/* One of each pair. All our addresses are public, at home and not made of keys: it is kept, and changes no choice. */
static int set_prefs(struct inet_sock *i, u32 n)
{
	static const u32 groups[] = { PREFS_KINDS, PREFS_HOMES, PREFS_CGAS };

	for (u32 k = 0; k < ARRAY_SIZE(groups); k++)
		if ((n & groups[k]) & ((n & groups[k]) - 1))
			return -EINVAL;
	i->addr_prefs = n & (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_COA);
	return 0;
}

static u32 shown_prefs(const struct inet_sock *i)
{
	u32 p = i->addr_prefs;

	if (!(p & (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC)))
		p |= IPV6_PREFER_SRC_PUBTMP_DEFAULT;
	return p | (p & IPV6_PREFER_SRC_COA ? 0U : (u32)IPV6_PREFER_SRC_HOME);
}

/* Written where less than a number is taken for 0. */
static bool short_is_zero(int opt)
{
	return opt == IPV6_DONTFRAG || opt == IPV6_AUTOFLOWLABEL || opt == IPV6_RECVFRAGSIZE;
}

static bool *short_flag(struct inet_sock *i, int opt)
{
	return opt == IPV6_DONTFRAG      ? &i->dontfrag6 :
	       opt == IPV6_AUTOFLOWLABEL ? &i->autolabel :
					   &i->recvfragsize6;
}

/* The device that what the socket sends leaves by, where nothing else says one. As in Linux, the address changes nothing. */
static int sticky_info(struct inet_sock *i, uaddr_t val, u32 len)
{
	struct mreq6 p;

	if (len < sizeof(p))
		return -EINVAL;
	if (get_user(p, val))
		return -EFAULT;
	if (i->bound_if && (int)p.ifindex != i->bound_if)
		return -EINVAL;
	i->sticky_if = (int)p.ifindex;
	return 0;
}

static int set_ipv6(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	bool *flag = flag6(i, opt);
	int n, err;

	err = inet_mc_set(i, true, opt, val, len);
	if (err != -ENOPROTOOPT)
		return err;
	if (opt == IPV6_ADDRFORM) {
		err = read_number(val, len, false, &n);
		return err ? err : inet_become_v4(i, n);
	}
	if (opt == IPV6_HOPOPTS || opt == IPV6_DSTOPTS)
		return ip6_ext_set(i, opt, val, len);
	if (opt == IPV6_FLOWLABEL_MGR)
		return flowlabel_set(i, val, len);
	if (opt == IPV6_PKTINFO)
		return sticky_info(i, val, len);
	if (opt == IPV6_UNICAST_IF)
		return unicast_if(i, &i->ucast_if6, val, len);
	if (opt == IPV6_CHECKSUM && i->c.type == SOCK_RAW)
		return set_checksum(i, SOL_IPV6, val, len);
	if (short_is_zero(opt)) {
		flag = short_flag(i, opt);
		i->autolabel_set |= opt == IPV6_AUTOFLOWLABEL;
		if (len < sizeof(n)) {
			*flag = false;
			return 0;
		}
	}
	if (opt == IPV6_HDRINCL && i->c.type == SOCK_RAW)
		flag = &i->hdrincl;
	if ((opt == IPV6_MULTICAST_IF || opt == IPV6_MULTICAST_HOPS) && i->c.type == SOCK_STREAM)
		return -ENOPROTOOPT;
	if (!known6(opt, flag))
		return -ENOPROTOOPT;
	n = 0; /* what is nowhere */
	err = val.v || len < sizeof(n) ? read_number(val, len, false, &n) : 0;
	if (err)
		return err;
	if (opt == IPV6_TRANSPARENT && n && !net_capable(i->net, CAP_NET_ADMIN) &&
		!net_capable(i->net, CAP_NET_RAW))
		return -EPERM;
	if ((opt == IPV6_MULTICAST_LOOP || opt == IPV6_RECVERR_RFC4884) && n != 0 && n != 1)
		return -EINVAL;
	if (flag) {
		*flag = n;
		if (opt == IPV6_RECVERR_ && !n)
			errq_purge(&i->c);
		inet_tell_changed(i);
		return 0;
	}
	switch (opt) {
	case IPV6_MINHOPCOUNT:
		if (n < 0 || n > 255)
			return -EINVAL;
		WRITE_ONCE(i->min_hops, (u8)n);
		return 0;
	case IPV6_ADDR_PREFERENCES: return set_prefs(i, (u32)n);
	case IPV6_MTU:
		if (n && n < MTU6_MIN)
			return -EINVAL;
		i->frag_size6 = (u16)min((u32)n, 65535U);
		return 0;
	case IPV6_V6ONLY:
		if (i->lport || i->c.type == SOCK_RAW)
			return -EINVAL;
		i->v6only = n;
		return 0;
	case IPV6_UNICAST_HOPS:
	case IPV6_MULTICAST_HOPS:
		if (n < -1 || n > 255)
			return -EINVAL;
		*(opt == IPV6_UNICAST_HOPS ? &i->hops : &i->mc_hops) = n;
		return 0;
	case IPV6_MULTICAST_IF: {
		ip_addr any = IP_ANY;
		int found = 0;
		u64 id;

		err = n ? inet_mc_device(i, &any, n, 0, &found, &id) : 0;
		if (!err)
			i->mc_if = found;
		return err;
	}
	case IPV6_TCLASS:
		if (n < -1 || n > 255)
			return -EINVAL;
		i->tclass = n < 0 ? 0 : (u8)n;
		if (i->c.type == SOCK_STREAM)
			i->tclass &= (u8)~TOS_ECN;
		return 0;
	case IPV6_MTU_DISCOVER:
		if (n < 0 || n > 5)
			return -EINVAL;
		i->pmtudisc6 = n;
		return 0;
	}
	return -ENOPROTOOPT;
}

static bool is_udp(const struct inet_sock *i)
{
	return i->table == &udp_ports || i->table == &udplite_ports;
}

static int set_udp(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	int n, err = read_number(val, len, false, &n);

	if (err)
		return err;
	switch (opt) {
	case UDP_CORK: i->corked = n; return n ? 0 : udp_push_pending(i);
	case UDP_ENCAP: return n ? -ENOPROTOOPT : 0; /* IPsec's and its kin */
	case UDP_NO_CHECK6_TX: i->no_check6_tx = n; return 0;
	case UDP_NO_CHECK6_RX: i->no_check6_rx = n; return 0;
	case UDP_SEGMENT:
		if (n < 0 || n > 65535)
			return -EINVAL;
		i->segment = (u16)n;
		return 0;
	case UDP_GRO: i->gro = n; return 0;
	case UDPLITE_SEND_CSCOV:
	case UDPLITE_RECV_CSCOV:
		if (i->table != &udplite_ports)
			return -ENOPROTOOPT;
		if (n && n < 8) /* at least the header */
			n = 8;
		*(opt == UDPLITE_SEND_CSCOV ? &i->cov_send : &i->cov_recv) = (u16)min(n, 65535);
		return 0;
	}
	return -ENOPROTOOPT;
}

static int number_udp(const struct inet_sock *i, int opt, int *n)
{
	switch (opt) {
	case UDP_CORK: *n = i->corked; return 0;
	case UDP_ENCAP: *n = 0; return 0;
	case UDP_NO_CHECK6_TX: *n = i->no_check6_tx; return 0;
	case UDP_NO_CHECK6_RX: *n = i->no_check6_rx; return 0;
	case UDP_SEGMENT: *n = i->segment; return 0;
	case UDP_GRO: *n = i->gro; return 0;
	case UDPLITE_SEND_CSCOV: *n = i->cov_send; return 0;
	case UDPLITE_RECV_CSCOV: *n = i->cov_recv; return 0;
	}
	return -ENOPROTOOPT;
}

static int set_raw(struct inet_sock *i, int level, int opt, uaddr_t val, u32 len)
{
	if (level == SOL_RAW && opt == ICMP_FILTER && i->c.protocol == IPPROTO_ICMP)
		return copy_from_user(&i->icmp_filter, val, min(len, 4U)) ? -EFAULT : 0;
	if (level == SOL_RAW && opt == ICMP_FILTER && !i->v6)
		return -EOPNOTSUPP;
	if (level == SOL_RAW && i->v6 && (opt == RAW_CHECKSUM || len < sizeof(int)))
		return len < sizeof(int) ? -EINVAL : set_checksum(i, level, val, len);
	if (level == IPPROTO_ICMPV6 && i->v6 && i->c.protocol != IPPROTO_ICMPV6)
		return -EOPNOTSUPP;
	if (level == IPPROTO_ICMPV6 && opt == ICMPV6_FILTER && i->c.protocol == IPPROTO_ICMPV6)
		return copy_from_user(i->icmp6_filter, val, min(len, 32U)) ? -EFAULT : 0;
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

/* What of SOL_SOCKET the internet families have to themselves. */
static int set_socket(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	switch (opt) {
	case SO_ATTACH_REUSEPORT_CBPF: return reuse_program(i, val, len);
	case SO_ATTACH_REUSEPORT_EBPF: return len == sizeof(int) ? reuse_extended(i, val) : -EINVAL;
	case SO_DETACH_REUSEPORT_BPF: return inet_reuse_program(i, NULL);
	}
	return -ENOPROTOOPT;
}

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
	case SOL_IPV6: err = i->v6 ? set_ipv6(i, opt, val, len) : -ENOPROTOOPT; break;
	case SOL_UDP:
	case SOL_UDPLITE: /* either name does for both */
		if (is_udp(i))
			err = set_udp(i, opt, val, len);
		break;
	default: err = i->c.type == SOCK_RAW ? set_raw(i, level, opt, val, len) : -ENOPROTOOPT;
	}
	mutex_unlock(&i->op);
	return err;
}

/* ---- reading ---- */

static int number4(struct inet_sock *i, int opt, int *n)
{
	bool *flag = flag4(i, opt);
	struct flow f;

	if (flag) {
		*n = *flag;
		return 0;
	}
	switch (opt) {
	case IP_TOS: *n = i->tos; return 0;
	case IP_TTL: *n = i->ttl < 0 ? i->net->default_ttl : i->ttl; return 0;
	case IP_MULTICAST_TTL: *n = i->mc_ttl; return 0;
	case IP_HDRINCL: *n = i->hdrincl; return 0;
	case IP_MTU_DISCOVER: *n = i->pmtudisc; return 0;
	case IP_TRANSPARENT: *n = i->transparent; return 0;
	case IP_UNICAST_IF: *n = (int)htonl((u32)i->ucast_if); return 0;
	case IP_MINTTL: *n = i->min_ttl; return 0;
	case IP_RECVFRAGSIZE: *n = i->recvfragsize; return 0;
	case IP_LOCAL_PORT_RANGE_: *n = (int)((u32)i->range_high << 16 | i->range_low); return 0;
	case IP_PROTOCOL_:
		if (i->c.type != SOCK_RAW)
			return -ENOPROTOOPT;
		*n = (int)i->c.protocol;
		return 0;
	case IP_MTU:
		if (ip_is_any(&i->raddr))
			return -ENOTCONN;
		inet_flow(i, &i->raddr, &f);
		if (route_output(i->net, &f))
			return -ENOTCONN;
		*n = (int)min(f.mtu, ip_is_v4(&i->raddr) ? 65535U : 65575U);
		return 0;
	}
	return -ENOPROTOOPT;
}

static int number6(struct inet_sock *i, int opt, int *n)
{
	bool *flag = flag6(i, opt);

	if (flag) {
		*n = *flag;
		return 0;
	}
	switch (opt) {
	case IPV6_ADDRFORM: *n = AF_INET6; return 0;
	case IPV6_V6ONLY: *n = i->v6only; return 0;
	case IPV6_UNICAST_HOPS:
		*n = i->hops < 0 ? READ_ONCE(i->net->conf_all.v6[CONF6_HOP_LIMIT]) : i->hops;
		return 0;
	case IPV6_MULTICAST_HOPS: *n = i->mc_hops < 0 ? 1 : i->mc_hops; return 0;
	case IPV6_MULTICAST_IF: *n = i->mc_if; return 0;
	case IPV6_TCLASS: *n = i->tclass; return 0;
	case IPV6_MTU_DISCOVER: *n = i->pmtudisc6; return 0;
	case IPV6_MTU: return number4(i, IP_MTU, n);
	case IPV6_DONTFRAG: *n = i->dontfrag6; return 0;
	case IPV6_AUTOFLOWLABEL: *n = inet_autolabel(i); return 0;
	case IPV6_RECVFRAGSIZE: *n = i->recvfragsize6; return 0;
	case IPV6_MINHOPCOUNT: *n = i->min_hops; return 0;
	case IPV6_ADDR_PREFERENCES: *n = (int)shown_prefs(i); return 0;
	case IPV6_HDRINCL:
		if (i->c.type != SOCK_RAW)
			return -ENOPROTOOPT;
		*n = i->hdrincl;
		return 0;
	case IPV6_UNICAST_IF: *n = (int)htonl((u32)i->ucast_if6); return 0;
	case IPV6_CHECKSUM:
		if (i->c.type != SOCK_RAW)
			return -ENOPROTOOPT;
		*n = i->csum_at;
		return 0;
	}
	return -ENOPROTOOPT;
}

/* One byte where the caller asks for less than an int and the value fits, as IP has it. */
static int put_number(int n, bool byte_ok, void *val, u32 *len)
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

/*
 * Answers SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST: the destination of the connection's first
 * packet before translation. Leaves *@len as the caller set it, as Linux does.
 */
static int original_dst(const struct inet_sock *i, bool v6, void *val, const u32 *len)
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
		to6.sin6_flowinfo = htonl(i->flowinfo & 0xfffff);
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
			return get_blob(&i->mc_addr.w[3], 4, val, len);
		if (opt == SO_ORIGINAL_DST)
			return original_dst(i, false, val, len);
		err = number4(i, opt, &n);
		return err ? err : put_number(n, true, val, len);
	case SOL_IPV6:
		if (!i->v6)
			return -EOPNOTSUPP;
		if (opt == IPV6_ADDRFORM && !inet_has_peer(i))
			return -ENOTCONN;
		if (opt == IPV6_HOPOPTS || opt == IPV6_DSTOPTS)
			return ip6_ext_read(i, opt, val, len);
		if (opt == IPV6_FLOWLABEL_MGR)
			return flowlabel_get(i, val, len);
		if (opt == IPV6_2292PKTOPTIONS)
			return inet_pktoptions(i, true, val, len);
		if (opt == IP6T_SO_ORIGINAL_DST)
			return original_dst(i, true, val, len);
		err = number6(i, opt, &n);
		return err ? err : put_number(n, false, val, len);
	case SOL_UDP:
	case SOL_UDPLITE:
		if (!is_udp(i))
			break;
		err = number_udp(i, opt, &n);
		return err ? err : put_number(n, false, val, len);
	case SOL_RAW:
		if (i->c.type == SOCK_RAW && i->c.protocol == IPPROTO_ICMP && opt == ICMP_FILTER)
			return get_blob(&i->icmp_filter, 4, val, len);
		if (i->c.type != SOCK_RAW || (opt == ICMP_FILTER && !i->v6))
			break;
		if (i->v6 && opt == RAW_CHECKSUM)
			return put_number(i->csum_at, false, val, len);
		return -ENOPROTOOPT;
	case IPPROTO_ICMPV6:
		if (i->c.type == SOCK_RAW && i->c.protocol == IPPROTO_ICMPV6 &&
			opt == ICMPV6_FILTER)
			return get_blob(i->icmp6_filter, 32, val, len);
		if (i->c.type == SOCK_RAW && i->v6 && i->c.protocol != IPPROTO_ICMPV6)
			return -EOPNOTSUPP;
		break;
	}
	return i->v6 ? -ENOPROTOOPT : -EOPNOTSUPP;
}
