/* SPDX-License-Identifier: MIT */
/*
 * inet6_opt.c: getsockopt and setsockopt of level IPV6 (inet_opt.c calls them).
 * Sources: ipv6(7), RFC 3493, 3542.
 */
#include <asm/errno.h>
#include <linux/in6.h>

#include "kernel/net/inet/inet_opt.h"
#include "kernel/sched/task.h"

#define IPV6_RECVERR_ 25
#define IPV6_MULTICAST_ALL_ 29
#define PREFS_KINDS (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_PUBTMP_DEFAULT)
#define PREFS_HOMES (IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_COA)
#define PREFS_CGAS (IPV6_PREFER_SRC_CGA | IPV6_PREFER_SRC_NONCGA)
#define MTU6_MIN 1280
#define FRAG_MOST 65535U

/* ---- options whose value is not one number ---- */

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
 * IPV6_PKTINFO: sets the device that sent packets leave by where nothing else names one. The
 * address has no effect, as in Linux.
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
	i->sticky_if = p.ifindex;
	return 0;
}

/* ---- numbers ---- */

/* The option decides what is kept of received segments. */
static int heard_changed(void *sk, const struct sock_opt *o, int n)
{
	inet_tell_changed(sk);
	return 0;
}

static int autolabel_changed(void *sk, const struct sock_opt *o, int n)
{
	struct inet_sock *i = sk;

	i->autolabel_set = true;
	return 0;
}

static int get_autolabel(void *sk, const struct sock_opt *o, int *n)
{
	*n = inet_autolabel(sk);
	return 0;
}

/*
 * Sets preferences: at most one of each pair. No address of this machine is temporary, away from
 * home or made of keys, so they change no choice.
 */
static int set_prefs(void *sk, const struct sock_opt *o, int val)
{
	static const u32 groups[] = { PREFS_KINDS, PREFS_HOMES, PREFS_CGAS };
	struct inet_sock *i = sk;
	u32 n = (u32)val;

	for (u32 k = 0; k < ARRAY_SIZE(groups); k++)
		if ((n & groups[k]) & ((n & groups[k]) - 1))
			return -EINVAL;
	i->addr_prefs = n & (IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_COA);
	return 0;
}

static int get_prefs(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;
	u32 p = i->addr_prefs;

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

/* The family is fixed once the socket has a port; a raw socket has no choice. */
static int v6only_may(void *sk, const struct sock_opt *o, int n)
{
	const struct inet_sock *i = sk;

	return i->lport || i->c.type == SOCK_RAW ? -EINVAL : 0;
}

static int get_hops(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;

	*n = i->hops < 0 ? READ_ONCE(i->net->conf_all.v6[CONF6_HOP_LIMIT]) : i->hops;
	return 0;
}

static int get_multicast_hops(void *sk, const struct sock_opt *o, int *n)
{
	const struct inet_sock *i = sk;

	*n = i->mc_hops < 0 ? 1 : i->mc_hops;
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
		i->mc_if = found;
	return err;
}

/* Sets the traffic class, -1: 0. ECN's bits of a stream are TCP's own. */
static int set_tclass(void *sk, const struct sock_opt *o, int n)
{
	struct inet_sock *i = sk;

	i->tclass = n < 0 ? 0 : (u8)n;
	if (i->c.type == SOCK_STREAM)
		i->tclass &= (u8)~TOS_ECN;
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
	{ IPV6_V6ONLY, FIELD(v6only), .may = v6only_may },
	{ IPV6_TCLASS, FIELD(tclass), OPT_RANGE(-1, HOPS_MOST), .set = set_tclass },
	{ IPV6_UNICAST_HOPS, FIELD(hops), OPT_RANGE(-1, HOPS_MOST), .get = get_hops },
	{ IPV6_MINHOPCOUNT, FIELD(min_hops), OPT_RANGE(0, HOPS_MOST) },
	{ IPV6_MTU_DISCOVER, FIELD(pmtudisc6), OPT_RANGE(IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_OMIT) },
	{ IPV6_MTU, FIELD(frag_size6), .set = set_mtu, .get = inet_get_mtu },
	{ IPV6_DONTFRAG, FIELD(dontfrag6), SHORT },
	{ IPV6_AUTOFLOWLABEL, FIELD(autolabel), SHORT, .changed = autolabel_changed,
		.get = get_autolabel },
	{ IPV6_FLOWLABEL_MGR, .take = take_flowlabel },
	{ IPV6_FLOWINFO_SEND, FIELD(sends_flowinfo) },
	{ IPV6_RECVERR_, FIELD(recverr6), .changed = inet_recverr_changed },
	{ IPV6_RECVERR_RFC4884, FIELD(rfc4884_6), OPT_SWITCH },
	{ IPV6_PKTINFO, .take = take_pktinfo },
	{ IPV6_RECVPKTINFO, FIELD(pktinfo6), HEARD },
	{ IPV6_RECVHOPLIMIT, FIELD(recvhops), HEARD },
	{ IPV6_RECVTCLASS, FIELD(recvtclass), HEARD },
	{ IPV6_FLOWINFO, FIELD(recvflow6), HEARD },
	{ IPV6_2292PKTINFO, FIELD(pktinfo6_old), HEARD },
	{ IPV6_2292HOPLIMIT, FIELD(hoplimit_old), HEARD },
	{ IPV6_RECVORIGDSTADDR, FIELD(origdst6) },
	{ IPV6_RECVFRAGSIZE, FIELD(recvfragsize6), SHORT },
	{ IPV6_RECVHOPOPTS, FIELD(recvhop) },
	{ IPV6_RECVDSTOPTS, FIELD(recvdst) },
	{ IPV6_RECVRTHDR, FIELD(recvrt) },
	{ IPV6_2292HOPOPTS, FIELD(hop_old) },
	{ IPV6_2292DSTOPTS, FIELD(dst_old) },
	{ IPV6_2292RTHDR, FIELD(rt_old) },
	{ IPV6_HOPOPTS, .take = take_headers },
	{ IPV6_DSTOPTS, .take = take_headers },
	{ IPV6_FREEBIND, FIELD(freebind) },
	{ IPV6_TRANSPARENT, FIELD(transparent), .right = OPT_NET_RAW },
	{ IPV6_ADDR_PREFERENCES, .set = set_prefs, .get = get_prefs },
	{ IPV6_HDRINCL, FIELD(hdrincl), .kinds = KIND_RAW },
	{ IPV6_CHECKSUM, FIELD(csum_at), .kinds = KIND_RAW, .take = take_checksum },
	{ IPV6_MULTICAST_IF, FIELD(mc_if), NOT_STREAM, .set = set_multicast_if },
	{ IPV6_MULTICAST_HOPS, FIELD(mc_hops), OPT_RANGE(-1, HOPS_MOST), NOT_STREAM,
		.get = get_multicast_hops },
	{ IPV6_MULTICAST_LOOP, FIELD(mc_loop6), OPT_SWITCH },
	{ IPV6_MULTICAST_ALL_, FIELD(mc_all6) },
	{ IPV6_UNICAST_IF, FIELD(ucast_if6), .take = inet_take_unicast_if,
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
	/* a value at address 0 means 0 if it has enough bytes; some options take a short one for 0 */
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
