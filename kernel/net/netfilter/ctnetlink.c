/* SPDX-License-Identifier: MIT */
/*
 * ctnetlink.c: connections over netlink (conntrack(8): -L, -D, -F, -C, -E), changes of mark, labels
 * and timeout, and /proc/net/nf_conntrack. Netlink cannot make a connection. Listeners are notified
 * when connections begin, change their state, and end.
 */
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/sysctl.h"
#include "kernel/net/proc/net_sysctl.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nfnetlink.h"

/* Resolution of shown timeouts, so that a new connection shows all of its seconds. */
#define TICK (10 * NSEC_PER_MSEC)

/* ---- messages ---- */

static void put_tuple(struct nfb *b, u16 type, const struct nf_tuple *t)
{
	bool v4 = ip_is_v4(&t->src), icmp = t->proto == IPPROTO_ICMP,
	     icmp6 = t->proto == IPPROTO_ICMPV6;
	u32 nest = nfb_nest(b, type), sub = nfb_nest(b, CTA_TUPLE_IP);

	nfb_attr(b, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, v4 ? &t->src.w[3] : &t->src.w[0],
		v4 ? 4 : 16);
	nfb_attr(b, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, v4 ? &t->dst.w[3] : &t->dst.w[0],
		v4 ? 4 : 16);
	nfb_nest_end(b, sub);
	sub = nfb_nest(b, CTA_TUPLE_PROTO);
	nfb_u8(b, CTA_PROTO_NUM, t->proto);
	if (icmp || icmp6) {
		nfb_be16(b, icmp ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, ntohs(t->sport));
		nfb_u8(b, icmp ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE, t->type);
		nfb_u8(b, icmp ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE, t->code);
	} else {
		nfb_be16(b, CTA_PROTO_SRC_PORT, ntohs(t->sport));
		nfb_be16(b, CTA_PROTO_DST_PORT, ntohs(t->dport));
	}
	nfb_nest_end(b, sub);
	nfb_nest_end(b, nest);
}

static u64 seconds_left(const struct nf_conn *ct)
{
	u64 now = ktime_get();

	return ct->expires > now ? (ct->expires - now + TICK) / NSEC_PER_SEC : 0;
}

static void put_counters(struct nfb *b, u16 type, const struct nf_conn_dir *d)
{
	u32 nest = nfb_nest(b, type);

	nfb_be64(b, CTA_COUNTERS_PACKETS, d->packets);
	nfb_be64(b, CTA_COUNTERS_BYTES, d->bytes);
	nfb_nest_end(b, nest);
}

static void put_times(struct nfb *b, const struct nf_conn *ct)
{
	u32 nest = nfb_nest(b, CTA_TIMESTAMP);

	nfb_be64(b, CTA_TIMESTAMP_START, ct->began);
	if (ct->ended)
		nfb_be64(b, CTA_TIMESTAMP_STOP, ct->ended);
	nfb_nest_end(b, nest);
}

/*
 * Writes a connection as a message of @type, IPCTNL_MSG_CT_*. @event: for listeners, so without the
 * use count, and with counters and times only once the connection is gone.
 */
static void put_ct(
	struct nfb *b, const struct nfb_to *to, u8 type, const struct nf_conn *ct, bool event)
{
	const struct nf_tuple *t = &ct->dir[0].t;
	u32 info, tcp;

	nfb_begin(b, to, (u16)(NFNL_SUBSYS_CTNETLINK << 8 | type),
		ip_is_v4(&t->src) ? AF_INET : AF_INET6, 0);
	put_tuple(b, CTA_TUPLE_ORIG, t);
	put_tuple(b, CTA_TUPLE_REPLY, &ct->dir[1].t);
	nfb_be32(b, CTA_STATUS, ct->status);
	nfb_be32(b, CTA_TIMEOUT, (u32)seconds_left(ct));
	if (t->proto == IPPROTO_TCP) {
		info = nfb_nest(b, CTA_PROTOINFO);
		tcp = nfb_nest(b, CTA_PROTOINFO_TCP);
		nfb_u8(b, CTA_PROTOINFO_TCP_STATE, ct->tcp_state);
		nfb_nest_end(b, tcp);
		nfb_nest_end(b, info);
	}
	if (ct->counted && (!event || ct->gone)) {
		put_counters(b, CTA_COUNTERS_ORIG, &ct->dir[0]);
		put_counters(b, CTA_COUNTERS_REPLY, &ct->dir[1]);
	}
	if (ct->stamped && (!event || ct->gone))
		put_times(b, ct);
	if (!event || ct->mark)
		nfb_be32(b, CTA_MARK, ct->mark);
	if (ct->labels[0] | ct->labels[1] | ct->labels[2] | ct->labels[3])
		nfb_attr(b, CTA_LABELS, ct->labels, sizeof(ct->labels));
	nfb_be32(b, CTA_ID, ct->id);
	if (!event)
		/* without the reference that this request holds */
		nfb_be32(b, CTA_USE, (u32)atomic_read(&ct->refs) - 1);
	nfb_end(b);
}

void nf_ct_notify(const struct nf_conn *ct, u32 group)
{
	struct nfb_to to = { .flags = group == NFNLGRP_CONNTRACK_NEW ? NLM_F_CREATE | NLM_F_EXCL :
								       0 };
	struct nfb b = { 0 };

	if (ct->silent || !nl_has_listeners(ct->net, NETLINK_NETFILTER, group))
		return;
	put_ct(&b, &to,
		group == NFNLGRP_CONNTRACK_DESTROY ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW, ct,
		true);
	nfnl_notify(ct->net, group, &b, NULL);
}

/* ---- requests ---- */

struct walk {
	struct nfnl_req *r;
	struct nfb b;
	struct nfb_to to;
	bool get;
	u32 mark, mask;
};

static int visit(struct nf_conn *ct, void *arg)
{
	struct walk *w = arg;
	bool v4 = ip_is_v4(&ct->dir[0].t.src);

	if ((w->r->family && w->r->family != (v4 ? AF_INET : AF_INET6)) ||
		(ct->mark & w->mask) != w->mark)
		return 0;
	if (!w->get) {
		nf_ct_kill(ct);
		return 0;
	}
	put_ct(&w->b, &w->to, IPCTNL_MSG_CT_NEW, ct, false);
	return nfnl_dump(w->r, &w->b);
}

/* Reads a tuple from a CTA_TUPLE_* attribute. Returns 0 or -EINVAL. */
static int parse_tuple(nla_t a, u8 family, struct nf_tuple *t)
{
	nla_t tb[CTA_TUPLE_MAX + 1], ip[CTA_IP_MAX + 1], pr[CTA_PROTO_MAX + 1];
	bool v4 = family == AF_INET;
	nla_t src, dst, id, type, code;
	u32 n = v4 ? 4 : 16;

	memset(t, 0, sizeof(*t));
	nla_parse_nested(tb, CTA_TUPLE_MAX, a);
	if (!tb[CTA_TUPLE_IP] || !tb[CTA_TUPLE_PROTO])
		return -EINVAL;
	nla_parse_nested(ip, CTA_IP_MAX, tb[CTA_TUPLE_IP]);
	nla_parse_nested(pr, CTA_PROTO_MAX, tb[CTA_TUPLE_PROTO]);
	src = ip[v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC];
	dst = ip[v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST];
	if (!src || !dst || nla_len(src) < n || nla_len(dst) < n ||
		nla_u8(pr[CTA_PROTO_NUM], &t->proto))
		return -EINVAL;
	t->src = t->dst = ip_v4(0);
	memcpy(v4 ? &t->src.w[3] : &t->src.w[0], nla_data(src), n);
	memcpy(v4 ? &t->dst.w[3] : &t->dst.w[0], nla_data(dst), n);
	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6) {
		v4 = t->proto == IPPROTO_ICMP;
		id = pr[v4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID];
		type = pr[v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE];
		code = pr[v4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE];
		if (nla_be16(id, &t->sport) || nla_u8(type, &t->type) || nla_u8(code, &t->code))
			return -EINVAL;
		t->sport = t->dport = htons(t->sport);
		return 0;
	}
	if (pr[CTA_PROTO_SRC_PORT] && nla_be16(pr[CTA_PROTO_SRC_PORT], &t->sport))
		return -EINVAL;
	if (pr[CTA_PROTO_DST_PORT] && nla_be16(pr[CTA_PROTO_DST_PORT], &t->dport))
		return -EINVAL;
	t->sport = htons(t->sport);
	t->dport = htons(t->dport);
	return 0;
}

/*
 * Finds the connection that a request names. Returns it with a reference, or ERR_PTR(-EINVAL) or
 * ERR_PTR(-ENOENT).
 */
static struct nf_conn *named(struct nfnl_req *r, nla_t *tb)
{
	nla_t which = tb[CTA_TUPLE_ORIG] ? tb[CTA_TUPLE_ORIG] : tb[CTA_TUPLE_REPLY];
	struct nf_conn_dir *d;
	struct nf_tuple t;
	u32 id;
	int err = which ? parse_tuple(which, r->family, &t) : -EINVAL;

	if (err)
		return ERR_PTR(err);
	d = nf_ct_find(r->net, &t);
	if (!d)
		return ERR_PTR(-ENOENT);
	if (tb[CTA_ID] && (nla_be32(tb[CTA_ID], &id) || id != d->ct->id)) {
		nf_conn_put(d->ct);
		return ERR_PTR(-ENOENT);
	}
	return d->ct;
}

/* Changes the labels of @ct that the mask attribute selects; without a mask, all of them. */
static int change_labels(struct nf_conn *ct, nla_t *tb)
{
	static const u32 all[4] = { ~0U, ~0U, ~0U, ~0U };
	u32 value[4], mask[4];

	if (!tb[CTA_LABELS])
		return 0;
	if (nla_len(tb[CTA_LABELS]) != sizeof(value) ||
		(tb[CTA_LABELS_MASK] && nla_len(tb[CTA_LABELS_MASK]) != sizeof(mask)))
		return -EINVAL;
	memcpy(value, nla_data(tb[CTA_LABELS]), sizeof(value));
	memcpy(mask, tb[CTA_LABELS_MASK] ? nla_data(tb[CTA_LABELS_MASK]) : all, sizeof(mask));
	nf_ct_set_labels(ct, value, mask);
	return 0;
}

/* Changes mark, labels or timeout of a connection. Nothing else can be changed. */
static int change(struct nfnl_req *r, nla_t *tb)
{
	u32 mark = 0, mask = ~0U, timeout = 0;
	struct nf_ct_net *c = r->net->nf.ct;
	struct nf_conn *ct = named(r, tb);

	if (IS_ERR(ct))
		return PTR_ERR(ct) == -ENOENT && r->h->nlmsg_flags & NLM_F_CREATE ?
			       -EOPNOTSUPP :
			       (int)PTR_ERR(ct);
	if (r->h->nlmsg_flags & NLM_F_EXCL) {
		nf_conn_put(ct);
		return -EEXIST;
	}
	if (nla_opt32(tb[CTA_MARK], &mark) || nla_opt32(tb[CTA_MARK_MASK], &mask) ||
		nla_opt32(tb[CTA_TIMEOUT], &timeout) || change_labels(ct, tb)) {
		nf_conn_put(ct);
		return -EINVAL;
	}
	spin_lock(&c->lock);
	if (tb[CTA_MARK])
		ct->mark = (ct->mark & ~mask) ^ (mark & mask);
	if (tb[CTA_TIMEOUT])
		ct->expires = ktime_get() + timeout * NSEC_PER_SEC;
	spin_unlock(&c->lock);
	nf_ct_notify(ct, NFNLGRP_CONNTRACK_UPDATE);
	nf_conn_put(ct);
	return 0;
}

static int one(struct nfnl_req *r, nla_t *tb, bool get)
{
	struct nfb_to to = nfnl_to(r);
	struct nf_conn *ct = named(r, tb);
	struct nfb b = { 0 };

	if (IS_ERR(ct))
		return PTR_ERR(ct);
	if (get)
		put_ct(&b, &to, IPCTNL_MSG_CT_NEW, ct, false);
	else
		nf_ct_kill(ct);
	nf_conn_put(ct);
	return get ? nfnl_answer(r, &b) : 0;
}

/*
 * Sends (@get) or deletes the connections of the request's family (0: of both), or of these only
 * those whose mark the request selects.
 */
static int all(struct nfnl_req *r, nla_t *tb, bool get)
{
	struct walk w = { .r = r, .to = nfnl_to(r), .get = get };
	int err;

	w.to.flags = NLM_F_MULTI;
	if (nla_opt32(tb[CTA_MARK], &w.mark))
		return -EINVAL;
	w.mask = tb[CTA_MARK] ? ~0U : 0;
	if (nla_opt32(tb[CTA_MARK_MASK], &w.mask))
		return -EINVAL;
	err = nf_ct_each(r->net, visit, &w);
	nfb_free(&w.b);
	if (err)
		return err;
	return get ? nfnl_done(r) : 0;
}

static int put_stats(struct nfnl_req *r)
{
	struct nfb_to to = nfnl_to(r);
	struct nfb b = { 0 };

	nfb_begin(&b, &to, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, 0, 0);
	nfb_be32(&b, CTA_STATS_GLOBAL_ENTRIES, r->net->nf.ct ? r->net->nf.ct->count : 0);
	nfb_be32(&b, CTA_STATS_GLOBAL_MAX_ENTRIES, nf_ct_max);
	nfb_end(&b);
	return nfnl_answer(r, &b);
}

int ctnl_serve(struct nfnl_req *r)
{
	nla_t tb[CTA_MAX + 1];
	bool given;

	nla_parse(tb, CTA_MAX, r->attrs, r->len);
	given = tb[CTA_TUPLE_ORIG] || tb[CTA_TUPLE_REPLY];
	switch (r->type) {
	case IPCTNL_MSG_CT_GET:
		if (r->h->nlmsg_flags & NLM_F_DUMP)
			return all(r, tb, true);
		return given ? one(r, tb, true) : -EINVAL;
	case IPCTNL_MSG_CT_DELETE: return given ? one(r, tb, false) : all(r, tb, false);
	case IPCTNL_MSG_CT_NEW: return change(r, tb);
	case IPCTNL_MSG_CT_GET_STATS: return put_stats(r);
	case IPCTNL_MSG_CT_GET_STATS_CPU:
	case IPCTNL_MSG_CT_GET_DYING:
	case IPCTNL_MSG_CT_GET_UNCONFIRMED: return nfnl_done(r);
	default: return -EOPNOTSUPP;
	}
}

/* ---- /proc ---- */

static void show_tuple(struct seq *s, const struct nf_tuple *t)
{
	const u8 *a = (const u8 *)&t->src, *b = (const u8 *)&t->dst;

	if (ip_is_v4(&t->src)) {
		seq_printf(s, "src=%u.%u.%u.%u dst=%u.%u.%u.%u ", a[12], a[13], a[14], a[15], b[12],
			b[13], b[14], b[15]);
	} else {
		for (u32 i = 0; i < 16; i += 2)
			seq_printf(s, "%s%02x%02x", i ? ":" : "src=", a[i], a[i + 1]);
		for (u32 i = 0; i < 16; i += 2)
			seq_printf(s, "%s%02x%02x", i ? ":" : " dst=", b[i], b[i + 1]);
		seq_puts(s, " ");
	}
	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6)
		seq_printf(s, "type=%u code=%u id=%u ", t->type, t->code, ntohs(t->sport));
	else if (t->proto == IPPROTO_TCP || t->proto == IPPROTO_UDP || t->proto == IPPROTO_UDPLITE)
		seq_printf(s, "sport=%u dport=%u ", ntohs(t->sport), ntohs(t->dport));
}

static const char *proto_name(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_ICMPV6: return "icmpv6";
	case IPPROTO_UDPLITE: return "udplite";
	default: return "unknown";
	}
}

static void show_counters(struct seq *s, const struct nf_conn *ct, u32 dir)
{
	if (ct->counted)
		seq_printf(s, "packets=%lu bytes=%lu ", ct->dir[dir].packets, ct->dir[dir].bytes);
}

static int show_one(struct nf_conn *ct, void *arg)
{
	const struct nf_tuple *t = &ct->dir[0].t;
	bool v4 = ip_is_v4(&t->src);
	struct seq *s = arg;

	seq_printf(s, "%-8s %u %-8s %u %lu ", v4 ? "ipv4" : "ipv6", v4 ? 2U : 10U,
		proto_name(t->proto), t->proto, seconds_left(ct));
	if (t->proto == IPPROTO_TCP)
		seq_printf(s, "%s ", nf_ct_tcp_name(ct->tcp_state));
	show_tuple(s, t);
	show_counters(s, ct, 0);
	if (!(ct->status & IPS_SEEN_REPLY))
		seq_puts(s, "[UNREPLIED] ");
	show_tuple(s, &ct->dir[1].t);
	show_counters(s, ct, 1);
	if (ct->status & IPS_ASSURED)
		seq_puts(s, "[ASSURED] ");
	seq_printf(s, "mark=%u zone=0 ", ct->mark);
	if (ct->stamped)
		seq_printf(s, "delta-time=%lu ", (ktime_get_real() - ct->began) / NSEC_PER_SEC);
	seq_printf(s, "use=%d\n", (int)atomic_read(&ct->refs));
	return 0;
}

static int show_conntrack(struct seq *s, void *arg)
{
	return nf_ct_each(current_net(), show_one, s);
}

static int show_count(struct seq *s, void *arg)
{
	const struct nf_ct_net *c = current_net()->nf.ct;

	seq_printf(s, "%u\n", c ? c->count : 0);
	return 0;
}

static int buckets = CT_BUCKETS, always = 1;
static const struct sysctl ints[] = {
	/* always 1: windows are not tracked, so no packet is outside of its window */
	SYSCTL_NUM("net/netfilter/nf_conntrack_tcp_be_liberal", always, 1, 1),
	SYSCTL_NUM("net/netfilter/nf_conntrack_tcp_ignore_invalid_rst", always, 1, 1),
	SYSCTL_NUM("net/netfilter/nf_log_all_netns", nf_log_all_netns, 0, 1),
	{ .path = "net/netfilter/nf_conntrack_buckets", .mode = 0444, .data = &buckets },
	SYSCTL_NUM("net/netfilter/nf_conntrack_max", nf_ct_max, 1, 1 << 20),
	SYSCTL_NUM("net/nf_conntrack_max", nf_ct_max, 1, 1 << 20),
};

#define OWN(name, field, min, max)                                                                 \
	{                                                                                          \
		"sys/net/netfilter/nf_conntrack_" name, &init_net.nf.ct_conf.field, 1, min, max    \
	}
static const struct net_sysctl own[] = {
	OWN("acct", acct, 0, 1),
	OWN("timestamp", timestamp, 0, 1),
	OWN("events", events, 0, 2),
	OWN("checksum", checksum, 0, 1),
	OWN("log_invalid", log_invalid, 0, 255),
	OWN("tcp_loose", tcp_loose, 0, 1),
	OWN("tcp_max_retrans", tcp_max_retrans, 0, 255),
	OWN("tcp_timeout_max_retrans", tcp_timeout_max_retrans, 0, INT32_MAX / 100),
};

static bool in_first_net(void *arg)
{
	return current_net() == &init_net;
}

static int ct_proc_init(void)
{
	int err = proc_create(".net/nf_conntrack", 0440, show_conntrack, NULL, NULL);

	if (!err)
		err = sysctl_register(ints, ARRAY_SIZE(ints));
	if (!err)
		err = net_sysctl_own(own, ARRAY_SIZE(own));
	if (!err)
		err = proc_show_when("sys/net/netfilter/nf_log_all_netns", "nf_log_all_netns",
			in_first_net, NULL);
	return err ? err :
		     proc_create(
			     "sys/net/netfilter/nf_conntrack_count", 0444, show_count, NULL, NULL);
}
INITCALL(3, ct_proc_init);
