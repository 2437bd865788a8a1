/* SPDX-License-Identifier: MIT */
/*
 * net_snmp.c: /proc/net/snmp, snmp6 and netstat: counters of the protocols, in Linux's order and
 * under its names (RFC 1213, 4293), for netstat -s, nstat and ss -s. Counters of events that cannot
 * happen in Nestling are 0; TcpExt has only the events that are counted (stats.h).
 */
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/net/tcp/tcp.h"

/* ---- snmp: two lines for each protocol, with names and numbers ---- */

static void show_ip(struct seq *s)
{
	const struct ip_stats *n = &IP_STATS(current_net(), false);

	seq_puts(s, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams "
		    "InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes "
		    "ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates "
		    "OutTransmits\n");
	seq_printf(s,
		"Ip: %d %d %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu "
		"%lu %lu\n",
		current_net()->conf_all.v4[CONF4_FORWARDING] ? 1 : 2,
		current_net()->ipv4.default_ttl, n->in_receives, n->in_hdr_errors,
		n->in_addr_errors, n->forwarded, n->in_unknown, n->in_discards, n->in_delivers,
		n->out_requests, n->out_discards, n->out_noroutes, n->reasm_timeouts,
		n->reasm_reqds, n->reasm_oks, n->reasm_fails, n->frag_oks, n->frag_fails,
		n->frag_creates, n->out_transmits);
}

static void show_types(struct seq *s, const u64 *n, bool values, const char *name)
{
	for (u32 t = 0; t < 256; t++) {
		if (n[t] && values)
			seq_printf(s, " %lu", n[t]);
		else if (n[t])
			seq_printf(s, " %s%u", name, t);
	}
}

static void show_icmp(struct seq *s)
{
	static const u8 types[] = { 3, 11, 12, 4, 5, 8, 0, 13, 14, 17, 18 };
	const struct ip_stats *n = &IP_STATS(current_net(), false);

	seq_puts(s, "Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs "
		    "InSrcQuenchs InRedirects InEchos InEchoReps InTimestamps InTimestampReps "
		    "InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal "
		    "OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs "
		    "OutRedirects OutEchos OutEchoReps OutTimestamps OutTimestampReps OutAddrMasks "
		    "OutAddrMaskReps\n");
	seq_printf(s, "Icmp: %lu %lu %lu", n->icmp_in, n->icmp_in_errors, n->icmp_csum_errors);
	for (u32 k = 0; k < ARRAY_SIZE(types); k++)
		seq_printf(s, " %lu", n->icmp_types_in[types[k]]);
	seq_printf(s, " %lu 0 0 0", n->icmp_out);
	for (u32 k = 0; k < ARRAY_SIZE(types); k++)
		seq_printf(s, " %lu", n->icmp_types_out[types[k]]);
	seq_puts(s, "\n");
	if (!n->icmp_in && !n->icmp_out)
		return;
	for (int values = 0; values < 2; values++) {
		seq_puts(s, "IcmpMsg:");
		show_types(s, n->icmp_types_in, values, "InType");
		show_types(s, n->icmp_types_out, values, "OutType");
		seq_puts(s, "\n");
	}
}

static void show_tcp(struct seq *s)
{
	const struct tcp_stats *n = &current_net()->stats.tcp;

	seq_puts(s,
		"Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails "
		"EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n");
	seq_printf(s, "Tcp: 1 200 120000 -1 %lu %lu %lu %lu %u %lu %lu %lu %lu %lu %lu\n",
		n->active, n->passive, n->fails, n->resets, net_count_established(), n->in, n->out,
		n->retrans, n->in_errs, n->out_rsts, n->csum_errors);
}

static void show_udp(struct seq *s, const char *name, const struct udp_stats *n)
{
	seq_printf(s,
		"%s: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors "
		"InCsumErrors IgnoredMulti MemErrors\n",
		name);
	seq_printf(s, "%s: %lu %lu %lu %lu %lu 0 %lu 0 0\n", name, n->in, n->noports, n->in_errors,
		n->out, n->rcvbuf_errors, n->csum_errors);
}

static int show_snmp(struct seq *s, void *arg)
{
	show_ip(s);
	show_icmp(s);
	show_tcp(s);
	show_udp(s, "Udp", &IP_STATS(current_net(), false).udp);
	show_udp(s, "UdpLite", &IP_STATS(current_net(), false).udplite);
	return 0;
}

/* ---- snmp6: a line for each number ---- */

static void line6(struct seq *s, const char *name, u64 n)
{
	seq_printf(s, "%-32s\t%lu\n", name, n);
}

static void show_ip6(struct seq *s)
{
	const struct ip_stats *n = &IP_STATS(current_net(), true);
	const struct {
		const char *name;
		u64 n;
	} lines[] = {
		{ "Ip6InReceives", n->in_receives },
		{ "Ip6InHdrErrors", n->in_hdr_errors },
		{ "Ip6InTooBigErrors", 0 },
		{ "Ip6InNoRoutes", 0 },
		{ "Ip6InAddrErrors", n->in_addr_errors },
		{ "Ip6InUnknownProtos", n->in_unknown },
		{ "Ip6InTruncatedPkts", 0 },
		{ "Ip6InDiscards", n->in_discards },
		{ "Ip6InDelivers", n->in_delivers },
		{ "Ip6OutForwDatagrams", n->forwarded },
		{ "Ip6OutRequests", n->out_requests },
		{ "Ip6OutDiscards", n->out_discards },
		{ "Ip6OutNoRoutes", n->out_noroutes },
		{ "Ip6ReasmTimeout", n->reasm_timeouts },
		{ "Ip6ReasmReqds", n->reasm_reqds },
		{ "Ip6ReasmOKs", n->reasm_oks },
		{ "Ip6ReasmFails", n->reasm_fails },
		{ "Ip6FragOKs", n->frag_oks },
		{ "Ip6FragFails", n->frag_fails },
		{ "Ip6FragCreates", n->frag_creates },
		{ "Ip6InMcastPkts", n->in_mcast },
		{ "Ip6OutMcastPkts", n->out_mcast },
		{ "Ip6InOctets", n->in_octets },
		{ "Ip6OutOctets", n->out_octets },
		{ "Ip6InMcastOctets", n->in_mcast_octets },
		{ "Ip6OutMcastOctets", n->out_mcast_octets },
		{ "Ip6InBcastOctets", 0 },
		{ "Ip6OutBcastOctets", 0 },
		{ "Ip6InNoECTPkts", n->in_ecn[0] },
		{ "Ip6InECT1Pkts", n->in_ecn[1] },
		{ "Ip6InECT0Pkts", n->in_ecn[2] },
		{ "Ip6InCEPkts", n->in_ecn[3] },
		{ "Ip6OutTransmits", n->out_transmits },
	};

	for (u32 k = 0; k < ARRAY_SIZE(lines); k++)
		line6(s, lines[k].name, lines[k].n);
}

static void show_icmp6(struct seq *s)
{
	static const struct {
		u8 type;
		const char *name;
	} types[] = {
		{ 1, "DestUnreachs" },
		{ 2, "PktTooBigs" },
		{ 3, "TimeExcds" },
		{ 4, "ParmProblems" },
		{ 128, "Echos" },
		{ 129, "EchoReplies" },
		{ 130, "GroupMembQueries" },
		{ 131, "GroupMembResponses" },
		{ 132, "GroupMembReductions" },
		{ 133, "RouterSolicits" },
		{ 134, "RouterAdvertisements" },
		{ 135, "NeighborSolicits" },
		{ 136, "NeighborAdvertisements" },
		{ 137, "Redirects" },
		{ 143, "MLDv2Reports" },
	};
	const struct ip_stats *n = &IP_STATS(current_net(), true);
	char name[64];

	line6(s, "Icmp6InMsgs", n->icmp_in);
	line6(s, "Icmp6InErrors", n->icmp_in_errors);
	line6(s, "Icmp6OutMsgs", n->icmp_out);
	line6(s, "Icmp6OutErrors", 0);
	line6(s, "Icmp6InCsumErrors", n->icmp_csum_errors);
	line6(s, "Icmp6OutRateLimitHost", 0);
	for (int out = 0; out < 2; out++) {
		for (u32 k = 0; k < ARRAY_SIZE(types); k++) {
			snprintf(
				name, sizeof(name), "Icmp6%s%s", out ? "Out" : "In", types[k].name);
			line6(s, name, (out ? n->icmp_types_out : n->icmp_types_in)[types[k].type]);
		}
	}
	for (int out = 0; out < 2; out++) {
		const u64 *all = out ? n->icmp_types_out : n->icmp_types_in;

		for (u32 t = 0; t < 256; t++) {
			snprintf(name, sizeof(name), "Icmp6%sType%u", out ? "Out" : "In", t);
			if (all[t])
				line6(s, name, all[t]);
		}
	}
}

static void show_udp6(struct seq *s, const char *proto, const struct udp_stats *n, bool lite)
{
	const struct {
		const char *name;
		u64 n;
	} lines[] = {
		{ "InDatagrams", n->in },
		{ "NoPorts", n->noports },
		{ "InErrors", n->in_errors },
		{ "OutDatagrams", n->out },
		{ "RcvbufErrors", n->rcvbuf_errors },
		{ "SndbufErrors", 0 },
		{ "InCsumErrors", n->csum_errors },
		{ "IgnoredMulti", 0 },
		{ "MemErrors", 0 },
	};
	char name[64];

	for (u32 k = 0; k < ARRAY_SIZE(lines); k++) {
		snprintf(name, sizeof(name), "%s%s", proto, lines[k].name);
		if (!lite || k != 7)
			line6(s, name, lines[k].n);
	}
}

static int show_snmp6(struct seq *s, void *arg)
{
	show_ip6(s);
	show_icmp6(s);
	show_udp6(s, "Udp6", &IP_STATS(current_net(), true).udp, false);
	show_udp6(s, "UdpLite6", &IP_STATS(current_net(), true).udplite, true);
	return 0;
}

/* ---- netstat ---- */

static int show_netstat(struct seq *s, void *arg)
{
	static const char *const names[] = {
#define X(name) #name,
		TCP_EXT_COUNTERS(X)
#undef X
	};
	const struct ip_stats *n = &IP_STATS(current_net(), false);

	seq_puts(s, "TcpExt:");
	for (u32 k = 0; k < TCP_EXT_NR; k++)
		seq_printf(s, " %s", names[k]);
	seq_puts(s, "\nTcpExt:");
	for (u32 k = 0; k < TCP_EXT_NR; k++)
		seq_printf(s, " %lu", current_net()->stats.tcp_ext[k]);
	seq_puts(s, "\n");
	seq_puts(s, "IpExt: InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts "
		    "OutBcastPkts InOctets OutOctets InMcastOctets OutMcastOctets InBcastOctets "
		    "OutBcastOctets InCsumErrors InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts "
		    "ReasmOverlaps\n");
	seq_printf(s, "IpExt: 0 0 %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu 0 %lu %lu %lu %lu 0\n",
		n->in_mcast, n->out_mcast, n->in_bcast, n->out_bcast, n->in_octets, n->out_octets,
		n->in_mcast_octets, n->out_mcast_octets, n->in_bcast_octets, n->out_bcast_octets,
		n->in_ecn[0], n->in_ecn[1], n->in_ecn[2], n->in_ecn[3]);
	return 0;
}

static int net_snmp_init(void)
{
	int err = proc_create(".net/snmp", 0444, show_snmp, NULL, NULL);

	if (!err)
		err = proc_create(".net/snmp6", 0444, show_snmp6, NULL, NULL);
	return err ? err : proc_create(".net/netstat", 0444, show_netstat, NULL, NULL);
}
INITCALL(3, net_snmp_init);
