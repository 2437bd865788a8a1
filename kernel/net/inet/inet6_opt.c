/* SPDX-License-Identifier: MIT */
/*
 * inet6_opt.c: getsockopt(2) and setsockopt(2) of level IPV6, called by inet_opt.c.
 * Sources: ipv6(7), RFC 3493, 3542.
 */
#include <asm/errno.h>
#include <linux/in6.h>

#include "kernel/net/inet/inet_opt.h"
#include "kernel/sched/sched.h"

#define IPV6_RECVERR_ 25
#define IPV6_MULTICAST_ALL_ 29
#define PREFS_KINDS (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_PUBTMP_DEFAULT)
#define PREFS_HOMES (IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_COA)
#define PREFS_CGAS (IPV6_PREFER_SRC_CGA | IPV6_PREFER_SRC_NONCGA)
#define MTU6_MIN 1280
#define FRAG_MOST 65535U

/* ---- options whose value is not a single number ---- */

static int take_addrform(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	int n, err = inet_opt_read(val, len, false, &n);

	return err ? err : inet_become_v4(sk, n);
}

static int take_headers(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	return ip6_ext_set(sk, o->opt, val, len);
}

static int take_flowlabel(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	return flowlabel_set(sk, val, len);
}

static int take_checksum(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	return inet_set_checksum(sk, SOL_IPV6, val, len);
}

/*
 * IPV6_PKTINFO: sets the device for sent packets if nothing else names one. The address has no
 * effect, as on Linux.
 */
static int take_pktinfo(void *sk, const struct sock_opt *o, uaddr_t val, u32 len)
{
	struct inet_sock *i = sk;
	struct {
		ip_addr addr;
		int ifindex;
	} p;

	if (len < sizeof(p))
		return -EINVAL;
	if (get_user(p, val))
		return -EFAULT;
	if (i->bound_if && p.ifindex != i->bound_if)
		return -EINVAL;
	i->opts.sticky_if = p.ifindex;
	return 0;
}

/* ---- options that are numbers ---- */

/* Recomputes recv.keeps_last, which depends on this option. */
static int heard_changed(void *sk, const struct sock_opt *o, int n)
{
	inet_report_changed(sk);
	return 0;
}

static int autolabel_changed(void *sk, const struct sock_opt *o, int n)
{
	struct inet_sock *i = sk;

	i->opts.autolabel_set = true;
	return 0;
}

static int get_autolabel(void *sk, const struct sock_opt *o, int *n)
{
	*n = inet_autolabel(sk);
	return 0;
}

/*
 * Sets address preferences: at most one of each pair. They have no effect, since no address of this
 * machine is temporary, a care-of address or cryptographically generated.
 */
static int set_prefs(void *sk, const struct sock_opt *o, int val)
{
	static const u32 groups[] = { PREFS_KINDS, PREFS_HOMES, PREFS_CGAS };
	struct inet_sock *i = sk;
	u32 n = (u32)val;

	for (u32 k = 0; k < ARRAY_SIZE(groups); k++)
		if ((n & groups[k]) & ((n & groups[k]) - 1))
			return -EINVAL;
	i->opts.addr_prefs =
		n & (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_COA);
	return 0;
}

static int get_prefs(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;
	u32 p = i->opts.addr_prefs;

	if (!(p & (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC)))
		p |= IPV6_PREFER_SRC_PUBTMP_DEFAULT;
	*n = (int)(p | (p & IPV6_PREFER_SRC_COA ? 0U : (u32)IPV6_PREFER_SRC_HOME));
	return 0;
}

static int set_mtu(void *sk, const struct sock_opt *o, int n)
{
	if (n && n < MTU6_MIN)
		return -EINVAL;
	opt_store(o, sk, (int)min((u32)n, FRAG_MOST));
	return 0;
}

/* Refuses a change once the socket has a port, and for raw sockets. */
static int v6only_may(void *sk, const struct sock_opt *o, int n)
{
	const struct inet_sock *i = sk;

	return i->lport || i->c.type == SOCK_RAW ? -EINVAL : 0;
}

static int get_hops(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;

	*n = i->opts.hops < 0 ? READ_ONCE(i->net->conf_all.v6[CONF6_HOP_LIMIT]) : i->opts.hops;
	return 0;
}

static int get_multicast_hops(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;

	*n = i->mc.hops < 0 ? 1 : i->mc.hops;
	return 0;
}

static int set_multicast_if(void *sk, const struct sock_opt *o, int n)
{
	struct inet_sock *i = sk;
	ip_addr any = IP_ANY;
	int found = 0, err;
	u64 id;

	err = n ? inet_mc_device(i, &any, n, 0, &found, &id) : 0;
	if (!err)
		i->mc.ifindex = found;
	return err;
}

/* Sets the traffic class; @n -1 means 0. TCP sockets keep their ECN bits. */
static int set_tclass(void *sk, const struct sock_opt *o, int n)
{
	struct inet_sock *i = sk;

	i->opts.tclass = n < 0 ? 0 : (u8)n;
	if (i->c.type == SOCK_STREAM)
		i->opts.tclass &= (u8)~TOS_ECN;
	return 0;
}

static int get_family(void *sk, const struct sock_opt *o, int *n)
{
	*n = AF_INET6;
	return 0;
}

#define FIELD(f) OPT_FIELD(struct inet_sock, f)
#define HEARD .changed = heard_changed
#define SHORT .flags = OPT_SHORT_IS_0
#define NOT_STREAM .set_kinds = KIND_DGRAM | KIND_RAW

static const struct sock_opt ipv6_options[] = {
	{ IPV6_ADDRFORM, .take = take_addrform, .get = get_family },
	{ IPV6_V6ONLY, FIELD(opts.v6only), .may = v6only_may },
	{ IPV6_TCLASS, FIELD(opts.tclass), OPT_RANGE(-1, HOPS_MOST), .set = set_tclass },
	{ IPV6_UNICAST_HOPS, FIELD(opts.hops), OPT_RANGE(-1, HOPS_MOST), .get = get_hops },
	{ IPV6_MINHOPCOUNT, FIELD(opts.min_hops), OPT_RANGE(0, HOPS_MOST) },
	{ IPV6_MTU_DISCOVER, FIELD(opts.pmtudisc6),
		OPT_RANGE(IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_OMIT) },
	{ IPV6_MTU, FIELD(opts.frag_size6), .set = set_mtu, .get = inet_get_mtu },
	{ IPV6_DONTFRAG, FIELD(opts.dontfrag6), SHORT },
	{ IPV6_AUTOFLOWLABEL, FIELD(opts.autolabel), SHORT, .changed = autolabel_changed,
		.get = get_autolabel },
	{ IPV6_FLOWLABEL_MGR, .take = take_flowlabel },
	{ IPV6_FLOWINFO_SEND, FIELD(opts.sends_flowinfo) },
	{ IPV6_RECVERR_, FIELD(opts.recverr6), .changed = inet_recverr_changed },
	{ IPV6_RECVERR_RFC4884, FIELD(opts.rfc4884_6), OPT_SWITCH },
	{ IPV6_PKTINFO, .take = take_pktinfo },
	{ IPV6_RECVPKTINFO, FIELD(recv.pktinfo6), HEARD },
	{ IPV6_RECVHOPLIMIT, FIELD(recv.hops), HEARD },
	{ IPV6_RECVTCLASS, FIELD(recv.tclass), HEARD },
	{ IPV6_FLOWINFO, FIELD(recv.flow6), HEARD },
	{ IPV6_2292PKTINFO, FIELD(recv.pktinfo6_old), HEARD },
	{ IPV6_2292HOPLIMIT, FIELD(recv.hops_old), HEARD },
	{ IPV6_RECVORIGDSTADDR, FIELD(recv.origdst6) },
	{ IPV6_RECVFRAGSIZE, FIELD(recv.fragsize6), SHORT },
	{ IPV6_RECVHOPOPTS, FIELD(recv.hopopts) },
	{ IPV6_RECVDSTOPTS, FIELD(recv.dstopts) },
	{ IPV6_RECVRTHDR, FIELD(recv.rthdr) },
	{ IPV6_2292HOPOPTS, FIELD(recv.hopopts_old) },
	{ IPV6_2292DSTOPTS, FIELD(recv.dstopts_old) },
	{ IPV6_2292RTHDR, FIELD(recv.rthdr_old) },
	{ IPV6_HOPOPTS, .take = take_headers },
	{ IPV6_DSTOPTS, .take = take_headers },
	{ IPV6_FREEBIND, FIELD(opts.freebind) },
	{ IPV6_TRANSPARENT, FIELD(opts.transparent), .right = OPT_NET_RAW },
	{ IPV6_ADDR_PREFERENCES, .set = set_prefs, .get = get_prefs },
	{ IPV6_HDRINCL, FIELD(opts.hdrincl), .kinds = KIND_RAW },
	{ IPV6_CHECKSUM, FIELD(raw.csum_at), .kinds = KIND_RAW, .take = take_checksum },
	{ IPV6_MULTICAST_IF, FIELD(mc.ifindex), NOT_STREAM, .set = set_multicast_if },
	{ IPV6_MULTICAST_HOPS, FIELD(mc.hops), OPT_RANGE(-1, HOPS_MOST), NOT_STREAM,
		.get = get_multicast_hops },
	{ IPV6_MULTICAST_LOOP, FIELD(mc.loop6), OPT_SWITCH },
	{ IPV6_MULTICAST_ALL_, FIELD(mc.all6) },
	{ IPV6_UNICAST_IF, FIELD(opts.ucast_if6), .take = inet_take_unicast_if,
		.get = inet_get_unicast_if },
};

int inet6_set(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	const struct sock_opt *o = opt_find(ipv6_options, ARRAY_SIZE(ipv6_options), opt);
	int n = 0, err = inet_mc_set(i, true, opt, val, len);

	if (err != -ENOPROTOOPT)
		return err;
	if (!opt_may_set(o, &i->c))
		return -ENOPROTOOPT;
	if (o->take)
		return o->take(i, o, val, len);
	/*
	 * A NULL @val with @len of at least an int sets 0. Options with OPT_SHORT_IS_0 take a
	 * shorter value as 0.
	 */
	if (len < sizeof(n) ? !(o->flags & OPT_SHORT_IS_0) : val.v != 0) {
		err = inet_opt_read(val, len, false, &n);
		if (err)
			return err;
	}
	return opt_set(o, &i->c, n);
}

int inet6_get(struct inet_sock *i, int opt, void *val, u32 *len)
{
	int n = 0, err;

	switch (opt) {
	case IPV6_ADDRFORM:
		if (!inet_has_peer(i))
			return -ENOTCONN;
		break;
	case IPV6_HOPOPTS:
	case IPV6_DSTOPTS: return ip6_ext_read(i, opt, val, len);
	case IPV6_FLOWLABEL_MGR: return flowlabel_get(i, val, len);
	case IPV6_2292PKTOPTIONS: return inet_pktoptions(i, true, val, len);
	case SO_ORIGINAL_DST: return inet_original_dst(i, true, val, len);
	}
	err = opt_get(opt_find(ipv6_options, ARRAY_SIZE(ipv6_options), opt), &i->c, &n);
	return err ? err : inet_opt_put(n, false, val, len);
}
