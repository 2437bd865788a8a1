/* SPDX-License-Identifier: MIT */
/*
 * net_proc.c: /proc/net and /proc/sys/net, as proc(5), tcp(7) and ip(7) describe them, column by column: netstat, ss, lsof and many
 * programs parse them.
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/sysctl.h"
#include "kernel/lib/printk.h"
#include "kernel/net/icmp.h"
#include "kernel/net/tcp.h"

#define USER_HZ 100
#define SHORT_LIST                                                                                 \
	65536 /* of text: what is told of devices, addresses and routes, with the rest left out */

/* ---- sockets ---- */

static void show_addr(struct seq *s, const ip_addr *a, u16 port, bool v6)
{
	if (v6)
		seq_printf(s, "%08X%08X%08X%08X:%04X", a->w[0], a->w[1], a->w[2], a->w[3], port);
	else
		seq_printf(s, "%08X:%04X", a->w[3], port);
}

static void show_tcp_sock(struct seq *s, const struct inet_sock *i, u32 n)
{
	const struct tcp_sock *t = container_of(i, const struct tcp_sock, inet);
	u32 rxq = t->state == TCP_LISTEN ? t->nr_accept : t->rcv_nxt - t->copied_seq;

	seq_printf(s, "%4u: ", n);
	show_addr(s, &i->saddr, i->lport, i->v6);
	seq_puts(s, " ");
	show_addr(s, &i->raddr, i->rport, i->v6);
	seq_printf(s,
		" %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d 0000000000000000 %lu %lu %u %u "
		"%d\n",
		t->state, t->write_seq - t->snd_una, i->rport || t->state == TCP_LISTEN ? rxq : 0,
		t->packets_out        ? 1 :
		timer_armed(&t->keep) ? 2 :
					0,
		0UL, t->retries, i->uid, t->probes, i->c.ino, atomic_read(&i->refs),
		t->rto / (NSEC_PER_SEC / USER_HZ), (u64)(ATO_MIN / (NSEC_PER_SEC / USER_HZ)),
		(t->quick << 1) | t->pingpong, t->cwnd,
		t->ssthresh > 0xffffff ? -1 : (int)t->ssthresh);
}

static void show_dgram_sock(struct seq *s, const struct inet_sock *i, u32 n)
{
	seq_printf(s, "%5u: ", n);
	show_addr(s, &i->saddr,
		i->lport ? i->lport : (u16)(i->table == &raw_socks ? i->c.protocol : 0), i->v6);
	seq_puts(s, " ");
	show_addr(s, &i->raddr, i->rport, i->v6);
	seq_printf(s, " %02X %08X:%08X 00:00000000 00000000 %5u %8d %lu %d 0000000000000000 %u\n",
		ip_is_any(&i->raddr) ? TCP_CLOSE : TCP_ESTABLISHED, (u32)atomic_read(&i->wmem),
		i->rmem, i->uid, 0, i->c.ino, atomic_read(&i->refs), i->drops);
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
};

static void show_head(struct seq *s, const struct listing *l)
{
	const char *pad = l->v6 ? "                        " : "";

	if (l->table->stream)
		seq_printf(s,
			"  sl  local_address %s rem_address  %s st tx_queue rx_queue tr tm->when "
			"retrnsmt   uid  timeout inode%s\n",
			pad, pad,
			l->v6 ? "" : "                                                     ");
	else
		seq_printf(s,
			"   sl  local_address %srem_address  %s st tx_queue rx_queue tr tm->when "
			"retrnsmt   uid  timeout inode ref pointer drops\n",
			pad, pad);
}

#define LINE_MAX 256
#define LINES_MAX 100000U

u32 net_count_socks(struct port_table *t, bool v6)
{
	struct inet_sock *i;
	u32 n = 0;

	spin_lock(&t->lock);
	for (u32 b = 0; b < TABLE_SIZE; b++)
		hlist_for_each_entry(i, &t->by_port[b], port_node)
			n += i->v6 == v6;
	hlist_for_each_entry(i, &t->raw, port_node)
		n += i->v6 == v6;
	spin_unlock(&t->lock);
	return n;
}

static void show_bucket(
	struct seq *s, const struct listing *l, struct hlist_head *h, u32 *n, u32 most)
{
	struct inet_sock *i;

	hlist_for_each_entry(i, h, port_node) {
		if (i->net != current_net() || i->v6 != l->v6 || *n == most)
			continue;
		if (!l->table->stream)
			show_dgram_sock(s, i, (*n)++);
		else if (i->rport || i->listening)
			show_tcp_sock(s, i, (*n)++);
	}
}

static int show_socks(struct seq *s, void *arg)
{
	const struct listing *l = arg;
	u32 n = 0, most = min(net_count_socks(l->table, l->v6) + 16, LINES_MAX);

	show_head(s, l);
	seq_reserve(s, (size_t)(most + 1) * LINE_MAX);
	if (s->full)
		return 0;
	spin_lock(&l->table->lock);
	for (u32 b = 0; b < TABLE_SIZE; b++)
		show_bucket(s, l, &l->table->by_port[b], &n, most);
	show_bucket(s, l, &l->table->raw, &n, most);
	spin_unlock(&l->table->lock);
	return 0;
}

/* ---- devices, addresses, routes ---- */

/* For one more line, without memory: net->lock is held. What finds none is left out. */
static bool has_room(const struct seq *s)
{
	return s->len + 256 <= s->size;
}

static int show_dev(struct seq *s, void *arg)
{
	struct net *net = current_net();
	struct net_device *d;

	seq_puts(s, "Inter-|   Receive                                                |  Transmit\n"
		    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
		    "packets errs drop fifo colls carrier compressed\n");
	seq_reserve(s, SHORT_LIST);
	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devices, list) {
		if (!has_room(s))
			break;
		seq_printf(s,
			"%6s: %7lu %7lu %4lu %4lu    0     0          0         0 %8lu %7lu %4lu "
			"%4lu    0     0       0          0\n",
			d->name, d->stats.rx_bytes, d->stats.rx_packets, d->stats.rx_errors,
			d->stats.rx_dropped, d->stats.tx_bytes, d->stats.tx_packets,
			d->stats.tx_errors, d->stats.tx_dropped);
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
	list_for_each_entry(r, &net->routes, list) {
		u32 bits = r->prefix - 96, gw = ip_is_any(&r->gateway) ? 0 : r->gateway.w[3];

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

/* Routes of all tables, this machine's addresses, and the end of the main table, where nothing is reached. */
static int show_ipv6_route(struct seq *s, void *arg)
{
	static const ip_addr any;
	struct net *net = current_net();
	struct ifaddr *a;
	struct route *r;

	seq_reserve(s, SHORT_LIST);
	spin_lock(&net->lock);
	list_for_each_entry(r, &net->routes, list)
		if (!ip_is_v4(&r->dst))
			put_ipv6(s, &r->dst, r->prefix, &r->gateway, r->metric, route_flags(r),
				r->dev->name);
	list_for_each_entry(a, &net->addrs, list)
		if (!ip_is_v4(&a->addr) && !(a->flags & IFA_F_TENTATIVE))
			put_ipv6(s, &a->addr, 128, NULL, 0, RTF_UP | RTF_NONEXTHOP | RTF_LOCAL,
				a->dev->name);
	put_ipv6(s, &any, 0, NULL, ~0U, RTF_REJECT | RTF_NONEXTHOP, "lo");
	spin_unlock(&net->lock);
	return 0;
}

static int show_if_inet6(struct seq *s, void *arg)
{
	struct net *net = current_net();
	struct ifaddr *a;

	seq_reserve(s, SHORT_LIST);
	spin_lock(&net->lock);
	list_for_each_entry(a, &net->addrs, list)
		if (!ip_is_v4(&a->addr) && has_room(s))
			seq_printf(s, "%08x%08x%08x%08x %02x %02x %02x %02x %8s\n",
				ntohl(a->addr.w[0]), ntohl(a->addr.w[1]), ntohl(a->addr.w[2]),
				ntohl(a->addr.w[3]), a->dev->ifindex, a->prefix,
				a->scope == RT_SCOPE_HOST ? 0x10 : 0, 0x80, a->dev->name);
	spin_unlock(&net->lock);
	return 0;
}

/* ---- counters ---- */

static int show_sockstat(struct seq *s, void *arg)
{
	u32 tcp = net_count_socks(&tcp_ports, false), tw = (u32)atomic_read(&tcp_time_waits);

	seq_printf(s, "sockets: used %u\n",
		tcp + net_count_socks(&udp_ports, false) + net_count_socks(&raw_socks, false));
	seq_printf(s, "TCP: inuse %u orphan %d tw %u alloc %u mem %d\n", tcp > tw ? tcp - tw : 0,
		tcp_orphans(), tw, tcp, tcp_mem_used());
	seq_printf(s,
		"UDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse %u\nFRAG: inuse 0 memory 0\n",
		net_count_socks(&udp_ports, false), net_count_socks(&raw_socks, false));
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

/* ---- /proc/sys/net ---- */

static const struct sysctl ints[] = {
	SYSCTL_NUM("net/ipv4/tcp_syn_retries", tcp_limits.syn_retries, 1, 127),
	SYSCTL_NUM("net/ipv4/tcp_synack_retries", tcp_limits.synack_retries, 0, 255),
	SYSCTL_NUM("net/ipv4/tcp_retries2", tcp_limits.retries2, 0, 255),
	SYSCTL_NUM("net/ipv4/tcp_fin_timeout", tcp_limits.fin_timeout, 0, 3600),
	SYSCTL_NUM("net/ipv4/tcp_keepalive_time", tcp_limits.keep_time, 1, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/tcp_keepalive_intvl", tcp_limits.keep_intvl, 1, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/tcp_keepalive_probes", tcp_limits.keep_probes, 0, 255),
	SYSCTL_NUM("net/ipv4/tcp_max_orphans", tcp_limits.max_orphans, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/tcp_max_tw_buckets", tcp_limits.max_tw, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/tcp_syncookies", tcp_limits.syncookies, 0, 2),
	SYSCTL_NUM("net/ipv4/tcp_sack", tcp_limits.sack, 0, 1),
	SYSCTL_NUM("net/ipv4/tcp_timestamps", tcp_limits.timestamps, 0, 1),
	SYSCTL_NUM("net/ipv4/tcp_ecn", tcp_limits.ecn, 0, 2),
	SYSCTL_NUM("net/ipv4/tcp_fastopen", tcp_limits.fastopen, 0, 0xffff),
	SYSCTL_NUM("net/ipv4/tcp_syn_linear_timeouts", tcp_limits.syn_linear, 0, 127),
	SYSCTL_NUM("net/ipv4/icmp_ratelimit", icmp_limits.ratelimit, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/icmp_ratemask", icmp_limits.ratemask, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/icmp_msgs_per_sec", icmp_limits.msgs_per_sec, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/icmp_msgs_burst", icmp_limits.msgs_burst, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv6/icmp/ratelimit", icmp_limits.ratelimit6, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/tcp_invalid_ratelimit", tcp_limits.invalid_ratelimit, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/tcp_window_scaling", tcp_limits.window_scaling, 0, 1),
	SYSCTL_NUM("net/core/somaxconn", tcp_limits.somaxconn, 0, 65535),
};

/* Several numbers in one file. */
struct vector {
	const char *path;
	int *at;
	u32 n;
	int min, max;
};
static const struct vector vectors[] = {
	{ "sys/net/ipv4/ip_local_port_range", &init_net.port_min, 2, 1, 65535 },
	{ "sys/net/ipv4/ip_default_ttl", &init_net.default_ttl, 1, 1, 255 },
	{ "sys/net/ipv4/icmp_echo_ignore_all", &init_net.echo_ignore, 1, 0, 1 },
	{ "sys/net/ipv4/icmp_echo_ignore_broadcasts", &init_net.echo_ignore_many, 1, 0, 1 },
	{ "sys/net/ipv6/icmp/echo_ignore_all", &init_net.echo6_ignore, 1, 0, 1 },
	{ "sys/net/ipv4/ipfrag_time", &init_net.frags[0].time, 1, 0, 0x7fffffff },
	{ "sys/net/ipv6/ip6frag_time", &init_net.frags[1].time, 1, 0, 0x7fffffff },
	{ "sys/net/ipv4/tcp_mem", tcp_limits.mem, 3, 1, 0x7fffffff },
	{ "sys/net/ipv4/tcp_rmem", tcp_limits.rmem, 3, 1, 0x7fffffff },
	{ "sys/net/ipv4/tcp_wmem", tcp_limits.wmem, 3, 1, 0x7fffffff },
};
BUILD_BUG_ON(offsetof(struct net, port_max) != offsetof(struct net, port_min) + sizeof(int));

/* What stands in init_net stands in each namespace. */
static int *numbers(const struct vector *v)
{
	u64 off = (u64)v->at - (u64)&init_net;

	return off < sizeof(init_net) ? (int *)((u8 *)current_net() + off) : v->at;
}

static int show_vector(struct seq *s, void *arg)
{
	const struct vector *v = arg;

	for (u32 i = 0; i < v->n; i++)
		seq_printf(s, "%s%d", i ? "\t" : "", READ_ONCE(numbers(v)[i]));
	seq_puts(s, "\n");
	return 0;
}

static int store_vector(char *text, size_t n, void *arg)
{
	const struct vector *v = arg;
	s64 got[3];
	u32 i = 0;

	for (char *word; i < v->n && (word = strsep(&text, " \t\n"));) {
		if (!*word)
			continue;
		if (kstrtos64(word, 10, &got[i]) || got[i] < v->min || got[i] > v->max)
			return -EINVAL;
		i++;
	}
	if (v->at == &init_net.port_min && i && got[0] > (i == 2 ? got[1] : numbers(v)[1]))
		return -EINVAL;
	while (i--)
		WRITE_ONCE(numbers(v)[i], (int)got[i]);
	return 0;
}

/* Bytes, an unsigned long each; the low one is never above the high one. */
static const struct frag_thresh {
	const char *path;
	u32 v6;
	bool low;
} frag_threshs[] = {
	{ "sys/net/ipv4/ipfrag_high_thresh", 0, false },
	{ "sys/net/ipv4/ipfrag_low_thresh", 0, true },
	{ "sys/net/ipv6/ip6frag_high_thresh", 1, false },
	{ "sys/net/ipv6/ip6frag_low_thresh", 1, true },
};

static int show_frag_thresh(struct seq *s, void *arg)
{
	const struct frag_thresh *t = arg;
	const struct net_frags *of = &current_net()->frags[t->v6];

	seq_printf(s, "%lu\n", READ_ONCE(*(t->low ? &of->low_thresh : &of->high_thresh)));
	return 0;
}

static int store_frag_thresh(char *text, size_t n, void *arg)
{
	const struct frag_thresh *t = arg;
	struct net_frags *of = &current_net()->frags[t->v6];
	char *word;
	u64 got;

	do {
		word = strsep(&text, " \t\n");
	} while (word && !*word);
	if (!word || *word < '0' || *word > '9' || kstrtou64(word, 0, &got))
		return -EINVAL;
	if (t->low ? got > READ_ONCE(of->high_thresh) : got < READ_ONCE(of->low_thresh))
		return -EINVAL;
	WRITE_ONCE(*(t->low ? &of->low_thresh : &of->high_thresh), got);
	return 0;
}

/* ping_group_range: groups as the reader's user namespace calls them; 1 to 0 is nobody. */
static int show_ping(struct seq *s, void *arg)
{
	const struct net *net = current_net();
	const struct user_namespace *ns = current_user_ns();

	seq_printf(s, "%u\t%u\n", from_kgid_munged(ns, READ_ONCE(net->ping_gid_min)),
		from_kgid_munged(ns, READ_ONCE(net->ping_gid_max)));
	return 0;
}

static int store_ping(char *text, size_t n, void *arg)
{
	struct net *net = current_net();
	kgid_t gid[2] = { READ_ONCE(net->ping_gid_min), READ_ONCE(net->ping_gid_max) };
	s64 got;
	u32 i = 0;

	for (char *word; i < 2 && (word = strsep(&text, " \t\n"));) {
		if (!*word)
			continue;
		if (kstrtos64(word, 10, &got) || got < 0 || got > 0xfffffffeL)
			return -EINVAL;
		gid[i] = make_kgid(current_user_ns(), (u32)got);
		if (gid[i++] == (kgid_t)-1)
			return -EINVAL;
	}
	if (gid[1] < gid[0]) {
		gid[0] = 1;
		gid[1] = 0;
	}
	WRITE_ONCE(net->ping_gid_min, gid[0]);
	WRITE_ONCE(net->ping_gid_max, gid[1]);
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
};

/* What the owner of a namespace may set there. The others count memory or are the machine's. */
static const char *const let[] = { "sys/net/ipv4/ip_local_port_range",
	"sys/net/ipv4/ip_default_ttl", "sys/net/ipv4/ping_group_range",
	"sys/net/ipv4/icmp_echo_ignore_all", "sys/net/ipv4/icmp_echo_ignore_broadcasts",
	"sys/net/ipv6/icmp/echo_ignore_all" };

static int net_proc_init(void)
{
	int err = 0;

	for (u32 i = 0; !err && i < ARRAY_SIZE(listings); i++)
		err = proc_create(listings[i].path, 0444, show_socks, NULL, (void *)&listings[i]);
	for (u32 i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = proc_create(files[i].path, 0444, files[i].show, NULL, NULL);
	for (u32 i = 0; !err && i < ARRAY_SIZE(vectors); i++)
		err = proc_create(
			vectors[i].path, 0644, show_vector, store_vector, (void *)&vectors[i]);
	for (u32 i = 0; !err && i < ARRAY_SIZE(frag_threshs); i++)
		err = proc_create(frag_threshs[i].path, 0644, show_frag_thresh, store_frag_thresh,
			(void *)&frag_threshs[i]);
	if (!err)
		err = proc_create(
			"sys/net/ipv4/ping_group_range", 0644, show_ping, store_ping, NULL);
	for (u32 i = 0; !err && i < ARRAY_SIZE(let); i++)
		err = proc_let(let[i], net_sysctl_may);
	return err ? err : sysctl_register(ints, ARRAY_SIZE(ints));
}
INITCALL(3, net_proc_init);
