/* SPDX-License-Identifier: MIT */
/*
 * net_proc.c: /proc/net, column by column as proc(5) describes it: netstat, ss, lsof and many other
 * programs parse it.
 */
#include <asm/errno.h>
#include <linux/if_addr.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/tcp/tcp.h"

#define USER_HZ 100
/* bytes of text for lists of devices, addresses and routes; the rest is omitted */
#define SHORT_LIST 65536

/* ---- sockets ---- */

static void show_addr(struct seq *s, const ip_addr *a, u16 port, bool v6)
{
	if (v6)
		seq_printf(s, "%08X%08X%08X%08X:%04X", a->w[0], a->w[1], a->w[2], a->w[3], port);
	else
		seq_printf(s, "%08X:%04X", a->w[3], port);
}

/*
 * The values of a socket's line. They are read while the socket's table is locked, which blocks
 * packets, and printed after that.
 */
struct line {
	ip_addr saddr, raddr;
	u16 lport, rport;
	bool v6;
	u8 state;
	u32 txq, rxq, uid, drops;
	u64 ino;
	int refs;
	/* TCP only; rto in ns */
	u8 timer;
	u32 retries, probes, quick, cwnd, ssthresh;
	u64 rto;
};

static void look_at(struct line *l, const struct inet_sock *i)
{
	*l = (struct line){
		.saddr = i->saddr,
		.raddr = i->raddr,
		.lport = i->lport,
		.rport = i->rport,
		.v6 = i->v6,
		.uid = i->uid,
		.ino = i->c.ino,
		.refs = atomic_read(&i->refs),
	};
}

static void look_at_tcp(struct line *l, const struct inet_sock *i)
{
	const struct tcp_sock *t = container_of(i, const struct tcp_sock, inet);
	u32 rxq = t->state == TCP_LISTEN ? t->listen.nr_accept : t->rcv.nxt - t->rcv.copied;

	look_at(l, i);
	l->state = (u8)t->state;
	l->txq = t->snd.write_seq - t->snd.una;
	l->rxq = i->rport || t->state == TCP_LISTEN ? rxq : 0;
	l->timer = t->loss.packets_out ? 1 : timer_armed(&t->timers.keep) ? 2 : 0;
	l->retries = t->timers.retries;
	l->probes = t->timers.probes;
	l->quick = (u32)(t->ack.quick << 1) | t->ack.pingpong;
	l->cwnd = t->cc.cwnd;
	l->ssthresh = t->cc.ssthresh;
	l->rto = t->rtt.rto;
}

static void look_at_dgram(struct line *l, const struct inet_sock *i)
{
	look_at(l, i);
	if (!l->lport && i->table == &raw_socks)
		l->lport = (u16)i->c.protocol;
	l->state = ip_is_any(&i->raddr) ? TCP_CLOSE : TCP_ESTABLISHED;
	l->txq = (u32)atomic_read(&i->queue.wmem);
	l->rxq = i->queue.rmem;
	l->drops = i->queue.drops;
}

static void show_addrs(struct seq *s, const struct line *l)
{
	show_addr(s, &l->saddr, l->lport, l->v6);
	seq_puts(s, " ");
	show_addr(s, &l->raddr, l->rport, l->v6);
}

static void show_tcp_sock(struct seq *s, const struct line *l, u32 n)
{
	seq_printf(s, "%4u: ", n);
	show_addrs(s, l);
	seq_printf(s,
		" %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d 0000000000000000 %lu %lu %u %u "
		"%d\n",
		l->state, l->txq, l->rxq, l->timer, 0UL, l->retries, l->uid, l->probes, l->ino,
		l->refs, l->rto / (NSEC_PER_SEC / USER_HZ),
		(u64)(ATO_MIN / (NSEC_PER_SEC / USER_HZ)), l->quick, l->cwnd,
		l->ssthresh > 0xffffff ? -1 : (int)l->ssthresh);
}

static void show_dgram_sock(struct seq *s, const struct line *l, u32 n)
{
	seq_printf(s, "%5u: ", n);
	show_addrs(s, l);
	seq_printf(s, " %02X %08X:%08X 00:00000000 00000000 %5u %8d %lu %d 0000000000000000 %u\n",
		l->state, l->txq, l->rxq, l->uid, 0, l->ino, l->refs, l->drops);
}

struct listing {
	const char *path;
	struct port_table *table;
	bool v6;
};
static const struct listing listings[] = {
	{ ".net/tcp", &tcp_ports, false },
	{ ".net/tcp6", &tcp_ports, true },
	{ ".net/udp", &udp_ports, false },
	{ ".net/udp6", &udp_ports, true },
	{ ".net/udplite", &udplite_ports, false },
	{ ".net/udplite6", &udplite_ports, true },
	{ ".net/raw", &raw_socks, false },
	{ ".net/raw6", &raw_socks, true },
	{ ".net/icmp", &ping_ids, false },
	{ ".net/icmp6", &ping_ids, true },
};

/*
 * Shows the headings exactly as Linux does: all lines of TCP and UDP over IPv4 have one length,
 * including the headings.
 */
static void show_head(struct seq *s, const struct listing *l)
{
	const char *local =
		l->v6 ? "  sl  local_address                         remote_address           "
			"             st" :
			"  sl  local_address rem_address   st";
	const char *spaces = "                                                     ";
	bool raw = l->table == &raw_socks, ping = l->table == &ping_ids,
	     udp = !l->v6 && !l->table->stream && !raw && !ping;
	u32 pad = l->v6 || raw ? 0 : ping ? 13 : udp ? 12 : 53;

	seq_printf(s, "%s%s tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%s%s\n",
		udp ? " " : "", local, l->table->stream ? "" : " ref pointer drops",
		spaces + 53 - pad);
}

#define LINE_MAX 256
#define LINES_MAX 100000U
#define BATCH 128U /* lines */
#define COUNT_BATCH 4096U

/*
 * Numbers of sockets: in the caller's namespace those of IPv4 [0] and IPv6 [1], those in TIME-WAIT,
 * and those in ESTABLISHED and CLOSE-WAIT; and all in all namespaces.
 */
struct count {
	u32 n[2], time_wait, established, all;
};

static void count_one(struct inet_sock *i, void *arg)
{
	struct count *c = arg;
	struct tcp_sock *t = i->table->stream ? container_of(i, struct tcp_sock, inet) : NULL;
	bool waits = t && t->life.waits_out;

	c->all += !waits;
	if (i->net != current_net())
		return;
	c->n[i->v6] += !waits;
	c->time_wait += waits;
	c->established += t && TCPF(READ_ONCE(t->state)) & TCPF_SENDING;
}

static struct count count_socks(struct port_table *t)
{
	struct port_walk w = { .table = t };
	struct count c = { 0 };

	while (ports_walk(&w, COUNT_BATCH, count_one, &c))
		cond_resched();
	return c;
}

u32 net_count_socks(struct port_table *t, bool v6)
{
	return count_socks(t).n[v6];
}

u32 net_count_established(void)
{
	return count_socks(&tcp_ports).established;
}

/* A batch of lines. */
struct lines {
	const struct listing *l;
	u32 n;
	struct line at[BATCH];
};

static void look_at_one(struct inet_sock *i, void *arg)
{
	struct lines *to = arg;

	if (i->net != current_net() || i->v6 != to->l->v6)
		return;
	if (!to->l->table->stream)
		look_at_dgram(&to->at[to->n++], i);
	else if (i->rport || i->listening)
		look_at_tcp(&to->at[to->n++], i);
}

static void show_lines(struct seq *s, const struct lines *b, u32 done)
{
	for (u32 k = 0; k < b->n && done + k < LINES_MAX; k++)
		if (b->l->table->stream)
			show_tcp_sock(s, &b->at[k], done + k);
		else
			show_dgram_sock(s, &b->at[k], done + k);
}

static int show_socks(struct seq *s, void *arg)
{
	struct lines *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct port_walk w = { 0 };
	u32 done = 0;
	bool more;

	if (!b)
		return -ENOMEM;
	b->l = arg;
	w.table = b->l->table;
	show_head(s, b->l);
	do {
		b->n = 0;
		more = ports_walk(&w, BATCH, look_at_one, b);
		seq_reserve(s, (size_t)(b->n + 1) * LINE_MAX);
		show_lines(s, b, done);
		done += b->n;
		cond_resched();
	} while (more && done < LINES_MAX && !s->full);
	ports_walk_end(&w);
	kfree(b);
	return 0;
}

/* ---- devices, addresses, routes ---- */

/*
 * True if there is room for one more line. Lines without room are omitted: no memory is allocated,
 * since net->lock is held.
 */
static bool has_room(const struct seq *s)
{
	return s->len + 256 <= s->size;
}

static int show_dev(struct seq *s, void *arg)
{
	struct net *net = current_net();
	struct netdev_stats st;
	struct net_device *d;

	seq_puts(s, "Inter-|   Receive                                                |  Transmit\n"
		    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
		    "packets errs drop fifo colls carrier compressed\n");
	seq_reserve(s, SHORT_LIST);
	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list) {
		if (!has_room(s))
			break;
		netdev_sum(d, &st);
		seq_printf(s,
			"%6s: %7lu %7lu %4lu %4lu    0     0          0         0 %8lu %7lu %4lu "
			"%4lu    0     0       0          0\n",
			d->name, st.rx_bytes, st.rx_packets, st.rx_errors, st.rx_dropped,
			st.tx_bytes, st.tx_packets, st.tx_errors, st.tx_dropped);
	}
	spin_unlock(&net->lock);
	return 0;
}

#define RTF_UP 1U
#define RTF_GATEWAY 2U
#define RTF_HOST 4U
#define RTF_REJECT 0x200U
#define RTF_NONEXTHOP 0x200000U
#define RTF_LOCAL 0x80000000U

static u32 route_flags(const struct route *r)
{
	if (r->type != RTN_UNICAST)
		return ip_is_v4(&r->dst) ? RTF_UP | RTF_REJECT : RTF_REJECT | RTF_NONEXTHOP;
	return ip_is_any(&r->gateway) ? RTF_UP : RTF_UP | RTF_GATEWAY;
}

static int show_route(struct seq *s, void *arg)
{
	struct net *net = current_net();
	struct route *r;
	char line[128];

	seq_printf(s, "%-127s\n",
		"Iface\tDestination\tGateway "
		"\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	seq_reserve(s, SHORT_LIST);
	spin_lock(&net->lock);
	list_for_each_entry(r, &net->route.list, list) {
		u32 bits = r->prefix - 96,
		    gw = ip_is_any(&r->gateway) || !ip_is_v4(&r->gateway) ? 0 : r->gateway.w[3];

		if (!ip_is_v4(&r->dst) || r->table != RT_TABLE_MAIN || !has_room(s))
			continue;
		snprintf(line, sizeof(line), "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t%u\t0\t0",
			r->type == RTN_UNICAST ? r->dev->name : "*", r->dst.w[3], gw,
			route_flags(r) | (bits == 32 ? RTF_HOST : 0), r->metric,
			bits ? htonl(~0U << (32 - bits)) : 0, r->advmss ? r->advmss + 40 : 0);
		seq_printf(s, "%-127s\n", line);
	}
	spin_unlock(&net->lock);
	return 0;
}

static void put_ipv6(struct seq *s, const ip_addr *a, u32 prefix, const ip_addr *via, u32 metric,
	u32 flags, const char *dev)
{
	static const ip_addr any;

	if (!has_room(s))
		return;
	via = via ? via : &any;
	seq_printf(s,
		"%08x%08x%08x%08x %02x %032x 00 %08x%08x%08x%08x %08x 00000001 00000000 %08x %8s\n",
		ntohl(a->w[0]), ntohl(a->w[1]), ntohl(a->w[2]), ntohl(a->w[3]), prefix, 0,
		ntohl(via->w[0]), ntohl(via->w[1]), ntohl(via->w[2]), ntohl(via->w[3]), metric,
		flags, dev);
}

/*
 * Shows the IPv6 routes of all tables, the addresses of this machine, and the last entry of the
 * main table, which makes all other destinations unreachable.
 */
static int show_ipv6_route(struct seq *s, void *arg)
{
	static const ip_addr any;
	struct net *net = current_net();
	struct ifaddr *a;
	struct route *r;

	seq_reserve(s, SHORT_LIST);
	spin_lock(&net->lock);
	list_for_each_entry(r, &net->route.list, list)
		if (!ip_is_v4(&r->dst))
			put_ipv6(s, &r->dst, r->prefix, &r->gateway, r->metric, route_flags(r),
				r->dev->name);
	list_for_each_entry(a, &net->addr.list, list)
		if (!ip_is_v4(&a->addr) && !(a->flags & IFA_F_TENTATIVE))
			put_ipv6(s, &a->addr, 128, NULL, 0, RTF_UP | RTF_NONEXTHOP | RTF_LOCAL,
				a->dev->name);
	put_ipv6(s, &any, 0, NULL, ~0U, RTF_REJECT | RTF_NONEXTHOP, "lo");
	spin_unlock(&net->lock);
	return 0;
}

static bool is_permanent(const struct ifaddr *a)
{
	return !a->expires || a->expires == ~0UL;
}

/* Returns the scope in the format of this file. */
static u8 inet6_scope(const struct ifaddr *a)
{
	return ip_is_linklocal(&a->addr) ? 0x20 : a->scope == RT_SCOPE_HOST ? 0x10 : 0;
}

static int show_if_inet6(struct seq *s, void *arg)
{
	struct net *net = current_net();
	struct ifaddr *a;

	seq_reserve(s, SHORT_LIST);
	spin_lock(&net->lock);
	list_for_each_entry(a, &net->addr.list, list)
		if (!ip_is_v4(&a->addr) && has_room(s))
			seq_printf(s, "%08x%08x%08x%08x %02x %02x %02x %02x %8s\n",
				ntohl(a->addr.w[0]), ntohl(a->addr.w[1]), ntohl(a->addr.w[2]),
				ntohl(a->addr.w[3]), a->dev->ifindex, a->prefix, inet6_scope(a),
				(u8)(a->flags | (is_permanent(a) ? IFA_F_PERMANENT : 0)),
				a->dev->name);
	spin_unlock(&net->lock);
	return 0;
}

/*
 * Shows each address with its device. No other file in /proc has IPv4's addresses; `nestctl
 * inspect` reads this one.
 */
static int show_addresses(struct seq *s, void *arg)
{
	struct net *net = current_net();
	struct ifaddr *a;

	seq_reserve(s, SHORT_LIST);
	spin_lock(&net->lock);
	list_for_each_entry(a, &net->addr.list, list) {
		const u8 *m = a->dev->addr, *b = (const u8 *)a->addr.w;

		if (!has_room(s))
			break;
		seq_printf(s, "%s %02x:%02x:%02x:%02x:%02x:%02x ", a->dev->name, m[0], m[1], m[2],
			m[3], m[4], m[5]);
		if (ip_is_v4(&a->addr)) {
			seq_printf(s, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
		} else {
			for (u32 i = 0; i < 16; i += 2)
				seq_printf(s, "%s%x", i ? ":" : "", b[i] << 8 | b[i + 1]);
		}
		seq_printf(s, "/%u%s\n", a->prefix, a->dev->carrier ? "" : " no-carrier");
	}
	spin_unlock(&net->lock);
	return 0;
}

/* ---- counters ---- */

static int show_sockstat(struct seq *s, void *arg)
{
	struct count tcp = count_socks(&tcp_ports), udp = count_socks(&udp_ports),
		     raw = count_socks(&raw_socks);

	seq_printf(s, "sockets: used %u\n",
		tcp.n[0] + tcp.n[1] + udp.n[0] + udp.n[1] + raw.n[0] + raw.n[1]);
	seq_printf(s, "TCP: inuse %u orphan %d tw %u alloc %u mem %d\n", tcp.n[0], tcp_orphans(),
		tcp.time_wait, tcp.all, tcp_mem_used());
	seq_printf(s,
		"UDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse %u\nFRAG: inuse 0 memory 0\n",
		udp.n[0], raw.n[0]);
	return 0;
}

static int show_sockstat6(struct seq *s, void *arg)
{
	seq_printf(s,
		"TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\nRAW6: inuse %u\nFRAG6: inuse 0 "
		"memory 0\n",
		net_count_socks(&tcp_ports, true), net_count_socks(&udp_ports, true),
		net_count_socks(&raw_socks, true));
	return 0;
}

static const struct {
	const char *path;
	show_fn show;
} files[] = {
	{ ".net/dev", show_dev },
	{ ".net/route", show_route },
	{ ".net/ipv6_route", show_ipv6_route },
	{ ".net/if_inet6", show_if_inet6 },
	{ ".net/sockstat", show_sockstat },
	{ ".net/sockstat6", show_sockstat6 },
	{ "nestling/addresses", show_addresses },
};

static int net_proc_init(void)
{
	int err = 0;

	for (u32 i = 0; !err && i < ARRAY_SIZE(listings); i++)
		err = proc_create(listings[i].path, 0444, show_socks, NULL, (void *)&listings[i]);
	for (u32 i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = proc_create(files[i].path, 0444, files[i].show, NULL, NULL);
	return err;
}
INITCALL(3, net_proc_init);
