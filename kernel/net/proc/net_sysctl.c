/* SPDX-License-Identifier: MIT */
/*
 * net_sysctl.c: /proc/sys/net except the files of each device (netconf.c) and of multicast
 * (mcast_proc.c), as tcp(7), ip(7) and linux-doc's networking/ip-sysctl describe it. A setting that
 * would have no effect has no file, or one that accepts a single value. A few are stored and not
 * used: see `routes_max` and the comments "without effect" (tcp_net.h has most of them).
 * Locks: none; each number is a word, read and written without a lock.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/proc/net_sysctl.h"
#include "kernel/net/tcp/tcp.h"

/* Linux no longer uses these, and keeps the files for programs that write to them. */
static int routes_max = INT32_MAX, low_latency;

/* Values of the whole machine, like the rest of neigh/default. */
#define NEIGH_GC(dir, gc)                                                                          \
	SYSCTL_NUM(dir "gc_thresh1", (gc).thresh1, 0, 0x7fffffff),                                 \
		SYSCTL_NUM(dir "gc_thresh2", (gc).thresh2, 0, 0x7fffffff),                         \
		SYSCTL_NUM(dir "gc_thresh3", (gc).thresh3, 0, 0x7fffffff),                         \
		SYSCTL_NUM(dir "gc_interval", (gc).interval, 1, 0x7fffffff / 1000)

static const struct sysctl ints[] = {
	SYSCTL_NUM("net/ipv4/tcp_max_orphans", tcp_limits.max_orphans, 0, 0x7fffffff),
	SYSCTL_NUM("net/ipv4/route/redirect_load", icmp_limits.redirect_load, INT32_MIN, INT32_MAX),
	SYSCTL_NUM("net/ipv4/route/redirect_number", icmp_limits.redirect_number, INT32_MIN,
		INT32_MAX),
	SYSCTL_NUM("net/ipv4/route/redirect_silence", icmp_limits.redirect_silence, INT32_MIN,
		INT32_MAX),
	SYSCTL_NUM("net/ipv4/route/error_cost", icmp_limits.error_cost, INT32_MIN, INT32_MAX),
	SYSCTL_NUM("net/ipv4/route/error_burst", icmp_limits.error_burst, INT32_MIN, INT32_MAX),
	SYSCTL_NUM("net/ipv4/route/max_size", routes_max, INT32_MIN, INT32_MAX),
	SYSCTL_NUM("net/ipv4/tcp_low_latency", low_latency, INT32_MIN, INT32_MAX),
	SYSCTL_NUM("net/core/netdev_max_backlog", netdev_max_backlog, 0, INT32_MAX),
	SYSCTL_NUM("net/core/message_cost", icmp_limits.message_cost, 0, INT32_MAX / 250),
	SYSCTL_NUM("net/core/message_burst", icmp_limits.message_burst, INT32_MIN, INT32_MAX),
	NEIGH_GC("net/ipv4/neigh/default/", neigh_gc[0]),
	NEIGH_GC("net/ipv6/neigh/default/", neigh_gc[1]),
};

/* Sysctls with a single possible value, which describes the code; another number is refused. */
static int zero = 0, one = 1, two = 2;
#define AS_IT_IS(p, v, n) SYSCTL_NUM("net/" p, v, n, n)
static const struct sysctl as_it_is[] = {
	AS_IT_IS("ipv4/tcp_dsack", one, 1),
	AS_IT_IS("ipv4/tcp_frto", two, 2),
	AS_IT_IS("ipv4/tcp_recovery", one, 1),
	AS_IT_IS("ipv4/tcp_no_metrics_save", one, 1),
	AS_IT_IS("ipv4/tcp_mtu_probing", zero, 0),
	AS_IT_IS("ipv4/tcp_stdurg", zero, 0),
	AS_IT_IS("ipv4/tcp_autocorking", zero, 0),
	AS_IT_IS("ipv4/tcp_comp_sack_nr", zero, 0),
	AS_IT_IS("ipv4/tcp_migrate_req", zero, 0),
	AS_IT_IS("ipv4/tcp_no_ssthresh_metrics_save", one, 1),
	AS_IT_IS("ipv4/icmp_echo_enable_probe", zero, 0),
	AS_IT_IS("ipv4/ip_dynaddr", zero, 0),
	AS_IT_IS("ipv4/ipfrag_max_dist", zero, 0),
	AS_IT_IS("ipv4/fib_multipath_use_neigh", zero, 0),
	AS_IT_IS("core/bpf_jit_enable", zero, 0), /* programs are interpreted */
	AS_IT_IS("core/busy_poll", zero, 0),
	AS_IT_IS("core/busy_read", zero, 0),
	/* the port of a connection in TIME_WAIT is not reused */
	AS_IT_IS("ipv4/tcp_tw_reuse", zero, 0),
	AS_IT_IS("ipv4/tcp_shrink_window", zero, 0),
	AS_IT_IS("ipv4/tcp_fwmark_accept", zero, 0),
	AS_IT_IS("ipv4/tcp_reflect_tos", zero, 0),
	AS_IT_IS("ipv4/fwmark_reflect", zero, 0),
	AS_IT_IS("ipv4/ip_no_pmtu_disc", zero, 0),
	AS_IT_IS("ipv4/fib_multipath_hash_policy", zero, 0),
	AS_IT_IS("ipv6/fwmark_reflect", zero, 0),
	AS_IT_IS("ipv6/fib_multipath_hash_policy", zero, 0),
};

/* Files with one or more numbers. */
static const struct net_sysctl vectors[] = {
	{ "sys/net/ipv4/ip_local_port_range", &init_net.ports.min, 2, 1, 65535 },
	{ "sys/net/ipv4/ip_default_ttl", &init_net.ipv4.default_ttl, 1, 1, 255 },
	{ "sys/net/ipv4/ip_unprivileged_port_start", &init_net.ports.free, 1, 0, 65535 },
	{ "sys/net/ipv4/ip_nonlocal_bind", &init_net.ports.nonlocal_bind, 1, 0, 255 },
	{ "sys/net/ipv6/ip_nonlocal_bind", &init_net.ports.nonlocal_bind6, 1, 0, 255 },
	{ "sys/net/ipv6/bindv6only", &init_net.ports.v6only, 1, 0, 255 },
	{ "sys/net/ipv4/icmp_echo_ignore_all", &init_net.icmp.echo_ignore, 1, 0, 1 },
	{ "sys/net/ipv4/icmp_echo_ignore_broadcasts", &init_net.icmp.echo_ignore_many, 1, 0, 1 },
	{ "sys/net/ipv6/icmp/echo_ignore_all", &init_net.icmp.echo6_ignore, 1, 0, 255 },
	{ "sys/net/ipv6/icmp/echo_ignore_multicast", &init_net.icmp.echo6_ignore_many, 1, 0, 255 },
	{ "sys/net/ipv6/auto_flowlabels", &init_net.ipv6.auto_labels, 1, 0, 3 },
	{ "sys/net/ipv6/flowlabel_state_ranges", &init_net.ipv6.label_ranges, 1, 0, 255 },
	{ "sys/net/ipv6/flowlabel_reflect", &init_net.ipv6.label_reflect, 1, 0, 7 },
	{ "sys/net/ipv6/flowlabel_consistency", &init_net.ipv6.label_consistency, 1, 0, 255 },
	{ "sys/net/ipv6/max_hbh_opts_number", &init_net.ipv6.opts_max[0], 1, INT32_MIN, INT32_MAX },
	{ "sys/net/ipv6/max_dst_opts_number", &init_net.ipv6.opts_max[1], 1, INT32_MIN, INT32_MAX },
	{ "sys/net/ipv6/max_hbh_length", &init_net.ipv6.opts_len[0], 1, INT32_MIN, INT32_MAX },
	{ "sys/net/ipv6/max_dst_opts_length", &init_net.ipv6.opts_len[1], 1, INT32_MIN, INT32_MAX },
	{ "sys/net/ipv6/idgen_retries", &init_net.ipv6.idgen_retries, 1, INT32_MIN, INT32_MAX },
	{ "sys/net/ipv6/idgen_delay", &init_net.ipv6.idgen_delay, 1, INT32_MIN / 1000,
		INT32_MAX / 1000 },
	{ "sys/net/ipv6/route/min_adv_mss", &init_net.ipv6.min_adv_mss, 1, INT32_MIN, INT32_MAX },
	{ "sys/net/ipv6/route/mtu_expires", &init_net.ipv6.mtu_expires, 1, INT32_MIN / 1000,
		INT32_MAX / 1000 },
	{ "sys/net/ipv6/route/skip_notify_on_dev_down", &init_net.ipv6.route_silent, 1, 0, 1 },
	{ "sys/net/ipv4/ipfrag_time", &init_net.frags[0].time, 1, 0, 0x7fffffff },
	{ "sys/net/ipv6/ip6frag_time", &init_net.frags[1].time, 1, 0, 0x7fffffff },
	{ "sys/net/ipv4/tcp_mem", tcp_limits.mem, 3, 1, 0x7fffffff },
};
/* Values of each namespace: one number each, except three for sizes of buffers. */
#define TCP_OWN(name, field, min, max)                                                             \
	{                                                                                          \
		"sys/net/ipv4/tcp_" name, &init_net.tcp.field, 1, min, max                         \
	}
#define OWN(name, field, min, max)                                                                 \
	{                                                                                          \
		"sys/net/" name, &init_net.field, 1, min, max                                      \
	}
static const struct net_sysctl own[] = {
	TCP_OWN("max_syn_backlog", max_syn_backlog, INT32_MIN, INT32_MAX),
	TCP_OWN("abort_on_overflow", abort_on_overflow, 0, 255),
	TCP_OWN("reordering", reordering, 1, 300),
	TCP_OWN("max_reordering", max_reordering, 1, INT32_MAX),
	TCP_OWN("early_retrans", early_retrans, 0, 4),
	TCP_OWN("thin_linear_timeouts", thin_linear, 0, 255),
	TCP_OWN("rto_min_us", rto_min_us, 1, INT32_MAX),
	TCP_OWN("rto_max_ms", rto_max_ms, 1000, 120000),
	TCP_OWN("min_rtt_wlen", min_rtt_wlen, 0, 86400),
	TCP_OWN("min_snd_mss", min_snd_mss, TCP_SND_MSS_MIN, 65535),
	TCP_OWN("workaround_signed_windows", signed_windows, 0, 255),
	TCP_OWN("rfc1337", rfc1337, 0, 255),
	TCP_OWN("ecn_fallback", ecn_fallback, 0, 1),
	TCP_OWN("min_tso_segs", min_tso_segs, 1, 255),
	TCP_OWN("tso_rtt_log", tso_rtt_log, 0, 255),
	TCP_OWN("pacing_ss_ratio", pacing_ss, 0, 1000),
	TCP_OWN("pacing_ca_ratio", pacing_ca, 0, 1000),
	TCP_OWN("pingpong_thresh", pingpong_thresh, 1, 255),
	TCP_OWN("tso_win_divisor", tso_win_divisor, 0, 255),
	TCP_OWN("base_mss", base_mss, INT32_MIN, INT32_MAX),
	TCP_OWN("mtu_probe_floor", mtu_probe_floor, TCP_SND_MSS_MIN, 65535),
	TCP_OWN("probe_interval", probe_interval, 0, INT32_MAX / 250),
	TCP_OWN("probe_threshold", probe_threshold, INT32_MIN, INT32_MAX),
	TCP_OWN("retries1", retries1, 0, 255),
	TCP_OWN("limit_output_bytes", limit_output_bytes, INT32_MIN, INT32_MAX),
	TCP_OWN("syn_retries", syn_retries, 1, 127),
	TCP_OWN("synack_retries", synack_retries, 0, 255),
	TCP_OWN("retries2", retries2, 0, 255),
	TCP_OWN("fin_timeout", fin_timeout, 0, INT32_MAX / 250),
	TCP_OWN("keepalive_time", keep_time, 1, INT32_MAX / 250),
	TCP_OWN("keepalive_intvl", keep_intvl, 1, INT32_MAX / 250),
	TCP_OWN("keepalive_probes", keep_probes, 0, 255),
	TCP_OWN("max_tw_buckets", max_tw, INT32_MIN, INT32_MAX),
	TCP_OWN("syncookies", syncookies, 0, 255),
	TCP_OWN("sack", sack, 0, 255),
	TCP_OWN("timestamps", timestamps, 0, 255),
	TCP_OWN("ecn", ecn, 0, 2),
	TCP_OWN("fastopen", fastopen, INT32_MIN, INT32_MAX),
	TCP_OWN("syn_linear_timeouts", syn_linear, 0, 127),
	TCP_OWN("invalid_ratelimit", invalid_ratelimit, 0, INT32_MAX),
	TCP_OWN("window_scaling", window_scaling, 0, 255),
	TCP_OWN("orphan_retries", orphan_retries, 0, 255),
	TCP_OWN("slow_start_after_idle", slow_start_after_idle, 0, 255),
	TCP_OWN("moderate_rcvbuf", moderate_rcvbuf, 0, 255),
	{ "sys/net/ipv4/tcp_rmem", init_net.tcp.rmem, 3, 1, INT32_MAX },
	{ "sys/net/ipv4/tcp_wmem", init_net.tcp.wmem, 3, 1, INT32_MAX },
	OWN("core/somaxconn", tcp.somaxconn, 0, 65535),
	OWN("ipv4/ip_autobind_reuse", ports.autobind_reuse, 0, 1),
	OWN("ipv4/ip_forward_use_pmtu", ipv4.forward_use_pmtu, 0, 255),
	OWN("ipv4/icmp_ignore_bogus_error_responses", icmp.ignore_bogus, 0, 1),
	OWN("ipv4/icmp_msgs_per_sec", icmp.msgs_per_sec, 0, 0x7fffffff),
	OWN("ipv4/icmp_msgs_burst", icmp.msgs_burst, 0, 0x7fffffff),
	OWN("ipv4/icmp_ratelimit", icmp.ratelimit, 0, 0x7fffffff),
	OWN("ipv4/icmp_ratemask", icmp.ratemask, 0, 0x7fffffff),
	OWN("ipv6/icmp/ratelimit", icmp.ratelimit6, 0, 0x7fffffff),
	OWN("ipv4/icmp_errors_use_inbound_ifaddr", icmp.errors_by_inbound, 0, 1),
	OWN("ipv4/route/min_pmtu", ipv4.min_pmtu, 68, INT32_MAX),
	OWN("ipv4/route/mtu_expires", ipv4.mtu_expires, INT32_MIN / 250, INT32_MAX / 250),
	OWN("ipv4/route/min_adv_mss", ipv4.min_adv_mss, INT32_MIN, INT32_MAX),
	OWN("ipv4/udp_wmem_min", ipv4.udp_wmem_min, 1, INT32_MAX), /* without effect, as on Linux */
	OWN("core/tstamp_allow_data", ipv4.tstamp_allow_data, 0, 1),
	TCP_OWN("fack", fack, 0, 255), /* without effect, like adv_win_scale */
	TCP_OWN("adv_win_scale", adv_win_scale, -31, 31),
	TCP_OWN("challenge_ack_limit", challenge_limit, INT32_MIN, INT32_MAX),
};
BUILD_BUG_ON(offsetof(struct net, ports.max) != offsetof(struct net, ports.min) + sizeof(int));

/*
 * Returns the numbers of current's namespace, which are at the offset that @v->at has in init_net.
 */
static int *numbers(const struct net_sysctl *v)
{
	u64 off = (u64)v->at - (u64)&init_net;

	return off < sizeof(init_net) ? (int *)((u8 *)current_net() + off) : v->at;
}

static int show_vector(struct seq *s, void *arg)
{
	const struct net_sysctl *v = arg;

	for (u32 i = 0; i < v->n; i++)
		seq_printf(s, "%s%d", i ? "\t" : "", READ_ONCE(numbers(v)[i]));
	seq_puts(s, "\n");
	return 0;
}

/*
 * True if the range of ports for automatic binding is in order, and none of these ports needs a
 * capability.
 */
static bool ports_agree(const struct net_sysctl *v, const s64 *got, u32 n)
{
	const struct net *net = current_net();

	if (v->at == &init_net.ports.free)
		return got[0] <= READ_ONCE(net->ports.min);
	return v->at != &init_net.ports.min ||
	       (got[0] <= (n == 2 ? got[1] : READ_ONCE(net->ports.max)) &&
		       got[0] >= READ_ONCE(net->ports.free));
}

static int store_vector(char *text, size_t n, void *arg)
{
	const struct net_sysctl *v = arg;
	s64 got[3];
	u32 i = 0;

	for (char *word; i < v->n && (word = strsep(&text, " \t\n"));) {
		if (!*word)
			continue;
		if (sysctl_number(word, &got[i]) || got[i] < v->min || got[i] > v->max)
			return -EINVAL;
		i++;
	}
	if (i && !ports_agree(v, got, i))
		return -EINVAL;
	while (i--)
		WRITE_ONCE(numbers(v)[i], (int)got[i]);
	return 0;
}

int net_sysctl_own(const struct net_sysctl *table, u32 n)
{
	int err = 0;

	for (; n && !err; n--, table++) {
		err = proc_create(table->path, 0644, show_vector, store_vector, (void *)table);
		if (!err)
			err = proc_let(table->path, net_sysctl_may);
	}
	return err;
}

/* Thresholds in bytes, each an unsigned long. The low one is at most the high one. */
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

/* Shows ping_group_range, in ids of the reader's user namespace; the range 1 to 0 is empty. */
static int show_ping(struct seq *s, void *arg)
{
	const struct net *net = current_net();
	const struct user_namespace *ns = current_user_ns();

	seq_printf(s, "%u\t%u\n", from_kgid_munged(ns, READ_ONCE(net->ipv4.ping_gid_min)),
		from_kgid_munged(ns, READ_ONCE(net->ipv4.ping_gid_max)));
	return 0;
}

static int store_ping(char *text, size_t n, void *arg)
{
	struct net *net = current_net();
	kgid_t gid[2] = { READ_ONCE(net->ipv4.ping_gid_min), READ_ONCE(net->ipv4.ping_gid_max) };
	s64 got;
	u32 i = 0;

	for (char *word; i < 2 && (word = strsep(&text, " \t\n"));) {
		if (!*word)
			continue;
		if (sysctl_number(word, &got) || got < 0 || got > 0xfffffffeL)
			return -EINVAL;
		gid[i] = make_kgid(current_user_ns(), (u32)got);
		if (gid[i++] == (kgid_t)-1)
			return -EINVAL;
	}
	if (gid[1] < gid[0]) {
		gid[0] = 1;
		gid[1] = 0;
	}
	WRITE_ONCE(net->ipv4.ping_gid_min, gid[0]);
	WRITE_ONCE(net->ipv4.ping_gid_max, gid[1]);
	return 0;
}

/* ---- icmp/ratemask: the types of ICMPv6 messages whose rate is limited ---- */

#define ICMP6_TYPES 256U

static int show_ratemask6(struct seq *s, void *arg)
{
	bits_show(s, current_net()->icmp.ratemask6, ICMP6_TYPES);
	return 0;
}

static ssize_t store_ratemask6(char *text, size_t n, bool cut, loff_t pos)
{
	u64 fresh[ICMP6_TYPES / 64] = { 0 }, *bits = current_net()->icmp.ratemask6;
	ssize_t done = bits_take(text, n, cut, fresh, ICMP6_TYPES);

	for (u32 i = 0; done >= 0 && i < ARRAY_SIZE(fresh); i++)
		WRITE_ONCE(bits[i], pos ? bits[i] | fresh[i] : fresh[i]);
	return done;
}

/* ---- congestion control ---- */

static int show_congestion(struct seq *s, void *arg)
{
	seq_printf(s, "%s\n", tcp_cc_name(READ_ONCE(current_net()->tcp.reno)));
	return 0;
}

/* Sets the congestion control of sockets that are made from now on. */
static int store_congestion(char *text, size_t n, void *arg)
{
	bool reno;
	int err = tcp_cc_find(text, &reno);

	if (!err)
		WRITE_ONCE(current_net()->tcp.reno, reno);
	return err;
}

/* Shows the two existing congestion controls, which all users may select. */
static int show_congestions(struct seq *s, void *arg)
{
	seq_printf(s, "%s %s\n", tcp_cc_name(true), tcp_cc_name(false));
	return 0;
}

/* ---- fast open, tables ---- */

static int show_fast_keys(struct seq *s, void *arg)
{
	char buf[80];

	tcp_fast_show_keys(current_net(), buf, sizeof(buf));
	seq_printf(s, "%s\n", buf);
	return 0;
}

static int store_fast_keys(char *text, size_t n, void *arg)
{
	return tcp_fast_set_keys(current_net(), text + strspn(text, " \t"));
}

static int show_fast_pause(struct seq *s, void *arg)
{
	seq_printf(s, "%d\n", READ_ONCE(current_net()->tcp.fast_pause_sec));
	return 0;
}

static int store_fast_pause(char *text, size_t n, void *arg)
{
	s64 got;

	if (!*(text = strim(text)))
		return 0;
	if (sysctl_number(text, &got) || got < 0 || got > INT32_MAX)
		return -EINVAL;
	tcp_fast_set_pause(current_net(), (int)got);
	return 0;
}

static int show_notsent_lowat(struct seq *s, void *arg)
{
	seq_printf(s, "%u\n", READ_ONCE(current_net()->tcp.notsent_lowat));
	return 0;
}

/* Accepts values up to 2^32 - 1, which do not fit into an int. */
static int store_notsent_lowat(char *text, size_t n, void *arg)
{
	s64 got;

	if (!*(text = strim(text)))
		return 0;
	if (sysctl_number(text, &got) || got < 0 || got > 0xffffffffL)
		return -EINVAL;
	WRITE_ONCE(current_net()->tcp.notsent_lowat, (u32)got);
	return 0;
}

/*
 * Shows the number of buckets. The table is shared by all namespaces; those other than the first
 * show the number as negative.
 */
static int show_buckets(struct seq *s, void *arg)
{
	seq_printf(s, "%d\n", current_net() == &init_net ? TABLE_SIZE : -TABLE_SIZE);
	return 0;
}

static int show_nothing(struct seq *s, void *arg)
{
	seq_puts(s, "\n");
	return 0;
}

/* ---- registering ---- */

/* Files that the owner of a namespace may write. The others concern memory or the whole machine. */
static const char *const let[] = { "sys/net/ipv4/ip_local_port_range",
	"sys/net/ipv4/ip_default_ttl", "sys/net/ipv4/ping_group_range",
	"sys/net/ipv4/icmp_echo_ignore_all", "sys/net/ipv4/icmp_echo_ignore_broadcasts",
	"sys/net/ipv6/icmp/echo_ignore_all", "sys/net/ipv6/icmp/echo_ignore_multicast",
	"sys/net/ipv6/icmp/ratemask", "sys/net/ipv6/auto_flowlabels",
	"sys/net/ipv6/flowlabel_state_ranges", "sys/net/ipv6/flowlabel_reflect",
	"sys/net/ipv6/flowlabel_consistency", "sys/net/ipv6/idgen_retries",
	"sys/net/ipv6/idgen_delay", "sys/net/ipv6/max_hbh_opts_number",
	"sys/net/ipv6/max_dst_opts_number", "sys/net/ipv6/max_hbh_length",
	"sys/net/ipv6/max_dst_opts_length", "sys/net/ipv4/ip_unprivileged_port_start",
	"sys/net/ipv4/ip_nonlocal_bind", "sys/net/ipv6/ip_nonlocal_bind", "sys/net/ipv6/bindv6only",
	"sys/net/ipv4/tcp_congestion_control", "sys/net/ipv4/ip_local_reserved_ports",
	"sys/net/ipv4/tcp_fastopen_key", "sys/net/ipv4/tcp_notsent_lowat",
	"sys/net/ipv4/tcp_fastopen_blackhole_timeout_sec" };

/* Files that exist in the first namespace only. */
static const char *const only_first[] = { "ipv4/route/redirect_load", "ipv4/route/redirect_number",
	"ipv4/route/redirect_silence", "ipv4/route/error_cost", "ipv4/route/error_burst",
	"ipv4/route/max_size", "ipv4/tcp_low_latency", "ipv4/tcp_available_ulp", "ipv4/tcp_mem",
	"ipv4/tcp_max_orphans", "core/message_cost", "core/message_burst", "core/bpf_jit_enable",
	"core/busy_poll", "core/busy_read" };

static bool in_first_net(void *arg)
{
	return current_net() == &init_net;
}

static int hide_from_others(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "sys/net/%s", name);
	return proc_show_when(path, strrchr(name, '/') + 1, in_first_net, NULL);
}

static const struct {
	const char *path;
	umode_t mode;
	show_fn show;
	store_fn store;
} files[] = {
	{ "sys/net/ipv4/ping_group_range", 0644, show_ping, store_ping },
	{ "sys/net/ipv4/ip_local_reserved_ports", 0644, ports_show_reserved, NULL },
	{ "sys/net/ipv6/icmp/ratemask", 0644, show_ratemask6, NULL },
	{ "sys/net/ipv4/tcp_congestion_control", 0644, show_congestion, store_congestion },
	{ "sys/net/ipv4/tcp_available_congestion_control", 0444, show_congestions, NULL },
	{ "sys/net/ipv4/tcp_allowed_congestion_control", 0444, show_congestions, NULL },
	{ "sys/net/ipv4/tcp_fastopen_key", 0600, show_fast_keys, store_fast_keys },
	{ "sys/net/ipv4/tcp_fastopen_blackhole_timeout_sec", 0644, show_fast_pause,
		store_fast_pause },
	{ "sys/net/ipv4/tcp_notsent_lowat", 0644, show_notsent_lowat, store_notsent_lowat },
	{ "sys/net/ipv4/tcp_ehash_entries", 0444, show_buckets, NULL },
	{ "sys/net/ipv4/udp_hash_entries", 0444, show_buckets, NULL },
	{ "sys/net/ipv4/tcp_available_ulp", 0444, show_nothing, NULL }, /* there is no ULP */
};

/* Files whose value is not a number. */
static const char *const words[] = { "sys/net/ipv4/tcp_congestion_control",
	"sys/net/ipv4/tcp_available_congestion_control",
	"sys/net/ipv4/tcp_allowed_congestion_control", "sys/net/ipv4/tcp_fastopen_key" };

static int net_sysctl_init(void)
{
	int err = 0;

	for (u32 i = 0; !err && i < ARRAY_SIZE(vectors); i++)
		err = proc_create(
			vectors[i].path, 0644, show_vector, store_vector, (void *)&vectors[i]);
	if (!err)
		err = net_sysctl_own(own, ARRAY_SIZE(own));
	for (u32 i = 0; !err && i < ARRAY_SIZE(frag_threshs); i++)
		err = proc_create(frag_threshs[i].path, 0644, show_frag_thresh, store_frag_thresh,
			(void *)&frag_threshs[i]);
	for (u32 i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = proc_create(
			files[i].path, files[i].mode, files[i].show, files[i].store, NULL);
	for (u32 i = 0; !err && i < ARRAY_SIZE(words); i++)
		err = proc_is_words(words[i]);
	if (!err)
		err = proc_is_list("sys/net/ipv4/ip_local_reserved_ports", ports_store_reserved);
	if (!err)
		err = proc_is_list("sys/net/ipv6/icmp/ratemask", store_ratemask6);
	for (u32 i = 0; !err && i < ARRAY_SIZE(let); i++)
		err = proc_let(let[i], net_sysctl_may);
	if (!err)
		err = sysctl_register(as_it_is, ARRAY_SIZE(as_it_is));
	if (!err)
		err = sysctl_register(ints, ARRAY_SIZE(ints));
	for (u32 i = 0; !err && i < ARRAY_SIZE(only_first); i++)
		err = hide_from_others(only_first[i]);
	return err;
}
INITCALL(3, net_sysctl_init);
