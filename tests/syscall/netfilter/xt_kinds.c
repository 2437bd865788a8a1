/* SPDX-License-Identifier: MIT */
/*
 * xt_kinds: matches and targets of iptables, as iptables-nft sends them: which packets a match
 * takes (it drops them at output, so that the sender gets an error), what a target changes, and
 * structures that are refused. The host's side prints what Linux does.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

#include <linux/if_packet.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_CHECKSUM.h>
#include <linux/netfilter/xt_TCPOPTSTRIP.h>
#include <linux/netfilter/xt_bpf.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_ecn.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_ipcomp.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter/xt_quota.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_string.h>
#include <linux/netfilter/xt_u32.h>
#include <linux/netfilter_ipv4/ipt_ECN.h>
#include <linux/netfilter_ipv6/ip6t_ah.h>
#include <linux/netfilter_ipv6/ip6t_mh.h>
#include <linux/netfilter_ipv6/ip6t_opts.h>
#include <net/ethernet.h>

/* ---- rules ---- */

static void new_chain(const char *table, int hook)
{
	nft_table(table);
	nft_chain(table, "out", "filter", hook, 0);
}

static void over(const char *table)
{
	start();
	nft_no_table(table);
	finish();
}

static void of_proto(unsigned char proto)
{
	nft_meta(NFT_META_L4PROTO);
	equal(&proto, 1);
}

/* Makes a rule with only this match or target, for @proto (0: any). Returns 0, or -1 with errno. */
static int only_at(int hook, const char *kind, const char *table, const char *name, int rev,
	const void *info, unsigned n, int proto)
{
	unsigned x, c;

	start();
	new_chain(table, hook);
	x = nft_rule(table, "out");
	if (proto)
		of_proto(proto);
	compat(kind, name, rev, info, n);
	if (*kind == 'm')
		drop_it();
	end(x);
	if (proto) {
		c = nest(NFTA_RULE_COMPAT);
		be32(NFTA_RULE_COMPAT_PROTO, proto);
		be32(NFTA_RULE_COMPAT_FLAGS, 0);
		end(c);
	}
	return finish();
}

/* ---- packets ---- */

#define TCP_OPTS "\2\4\5\xb4\4\2\10\12\0\0\0\1\0\0\0\0\1\3\3\7"

struct packet {
	unsigned char proto, tos;
	/* of the transport's header and more; ports 1000 to 2000 */
	const char *bytes;
	unsigned n;
};
#define BYTES(s) s, sizeof(s) - 1
#define PORTS "\x03\xe8\x07\xd0"
static const struct packet packets4[] = {
	{ 17, 0, BYTES(PORTS "\0\x1c\0\0GET /index.html HTTP") },
	{ 6, 0, BYTES(PORTS "\0\0\0\1\0\0\0\0\xa0\xc2\xff\xff\0\0\0\0" TCP_OPTS) },
	{ 6, 2, BYTES(PORTS "\0\0\0\1\0\0\0\1\x50\x10\xff\xff\0\0\0\0get") },
	{ 132, 0, BYTES(PORTS "\0\0\0\0\0\0\0\0\0\3\0\24\0\0\0\1\0\0\0\0\0\0\0\0abcd\3\0\0\4") },
	{ 132, 0, BYTES("\0\1\0\2\0\0\0\0\0\0\0\0\1\0\0\4") },
	{ 132, 0, BYTES(PORTS "\0\0\0\0\0\0\0\0\1\0\0\0") }, /* a chunk without a length */
	{ 33, 0, BYTES(PORTS "\5\0\0\0\0\0\0\0\0\0\0\7\x2a\2\0\0") },
	{ 108, 0, BYTES("\x04\0\0\x12") },
};
static const struct packet packets6[] = {
	{ 0, 0, BYTES("\x3b\0\5\2\0\0\1\0") },    /* hop by hop: a router alert, then nothing */
	{ 60, 0, BYTES("\x3b\0\x1e\2\1\2\1\0") }, /* for the destination */
	{ 51, 0, BYTES("\x3b\1\0\0\0\0\0\7\0\0\0\0") }, /* authentication */
	{ 135, 0, BYTES("\x3b\0\5\0\0\0\0\0") },        /* mobility: a binding update */
};

static int raw4, raw6, sink;

static int send4(const struct packet *p, const char *from)
{
	unsigned char b[128] = { 0x45, p->tos, 0, 0, 0, 1, 0, 0, 64, p->proto };
	struct sockaddr_in a = at("127.0.0.1", 0), s = at(from, 0);

	memcpy(b + 12, &s.sin_addr, 4);
	memcpy(b + 16, &a.sin_addr, 4);
	memcpy(b + 20, p->bytes, p->n);
	return sendto(raw4, b, 20 + p->n, 0, SA(&a), sizeof(a)) < 0;
}

static int send6(const struct packet *p)
{
	unsigned char b[128] = { 0x60, 0, 0, 0, 0, p->n, p->proto, 64 };
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	memcpy(b + 8, &a.sin6_addr, 16);
	memcpy(b + 24, &a.sin6_addr, 16);
	memcpy(b + 40, p->bytes, p->n);
	return sendto(raw6, b, 40 + p->n, 0, SA(&a), sizeof(a)) < 0;
}

/* Returns which packets a match takes, a digit for each, or why the rule is refused. */
static const char *taken(const char *name, int rev, const void *info, unsigned n, int proto)
{
	static char s[16];
	bool v6 = nft_family == NFPROTO_IPV6;
	unsigned all =
		v6 ? sizeof(packets6) / sizeof(*packets6) : sizeof(packets4) / sizeof(*packets4);

	if (only_at(NF_INET_LOCAL_OUT, "match", "t", name, rev, info, n, proto))
		return t_errno(errno);
	for (unsigned i = 0; i < all; i++)
		s[i] = '0' + (v6 ? send6(&packets6[i]) : send4(&packets4[i], "127.0.0.1"));
	s[all] = 0;
	over("t");
	return s;
}

/* ---- matches without a memory ---- */

static const char *string(const char *what, const char *algo, int from, int to, int flags)
{
	struct xt_string_info m = { .from_offset = from, .to_offset = to, .u.v1.flags = flags };

	strncpy(m.algo, algo, sizeof(m.algo) - 1);
	m.patlen = strlen(what);
	memcpy(m.pattern, what, m.patlen);
	return taken("string", 1, &m, sizeof(m), 0);
}

static void strings(void)
{
	GT(string("index", "bm", 0, 65535, 0), "10000000");
	GT(string("INDEX", "kmp", 0, 65535, 0), "00000000");
	GT(string("INDEX", "kmp", 0, 65535, XT_STRING_FLAG_IGNORECASE), "10000000");
	GT(string("get", "bm", 0, 65535, XT_STRING_FLAG_IGNORECASE), "10100000");
	GT(string("get", "bm", 0, 65535, XT_STRING_FLAG_INVERT), "11011111");
	GT(string("GET", "bm", 28, 100, 0), "10000000");
	GT(string("GET", "bm", 29, 100, 0), "00000000");
	GT(string("GET", "bm", 10, 51, 0), "10000000");
	GT(string("GET", "bm", 10, 31, 0), "10000000");
	GT(string("GET", "bm", 10, 30, 0), "00000000");
	GT(string("GET", "bm", 28, 28, 0), "00000000");
	GT(string("GET", "bm", 9, 8, 0), "EINVAL");
	GT(string("GET", "none", 0, 100, 0), "ENOENT");
	GT(string("", "bm", 0, 100, 0), "EINVAL");
	GT(string("GET", "bm", 0, 100, 4), "EINVAL");
}

/* Tests u32: the word at @at behind the IP header, whose length it reads, is from @lo to @hi. */
static const char *word(unsigned at, unsigned lo, unsigned hi, bool invert)
{
	struct xt_u32 m = { .ntests = 1, .invert = invert };
	struct xt_u32_test *t = m.tests;

	t->nnums = 5;
	t->nvalues = 1;
	t->location[1] = (struct xt_u32_location_element){ 22, XT_U32_RIGHTSH };
	t->location[2] = (struct xt_u32_location_element){ 0x3c, XT_U32_AND };
	t->location[3] = (struct xt_u32_location_element){ at, XT_U32_AT };
	t->location[4] = (struct xt_u32_location_element){ 0, XT_U32_LEFTSH };
	t->value[0] = (struct xt_u32_value_element){ lo, hi };
	return taken("u32", 0, &m, sizeof(m), 0);
}

static void words(void)
{
	struct xt_u32 m = { .ntests = 12 };

	GT(word(0, 0x03e80000, 0x03e8ffff, false), "11110110");
	GT(word(0, 0x03e80000, 0x03e8ffff, true), "00001001");
	GT(word(8, 0x47455420, 0x47455420, false), "10000000");
	GT(word(0xfffffff0, 0, 0xffffffff, false), "00000000");
	GT(word(0, 1, 0, true), "11111111");
	GT(taken("u32", 0, &m, sizeof(m), 0), "EINVAL");
	m.ntests = 1;
	m.tests[0].nnums = 12;
	GT(taken("u32", 0, &m, sizeof(m), 0), "EINVAL");
	m.ntests = 0;
	GT(taken("u32", 0, &m, sizeof(m), 0), "11111111");
}

static const char *ecn(int op, int invert, int ect, int proto)
{
	struct xt_ecn_info m = { .operation = op, .invert = invert, .ip_ect = ect };

	return taken("ecn", 0, &m, sizeof(m), proto);
}

static void congestion(void)
{
	GT(ecn(XT_ECN_OP_MATCH_IP, 0, 2, 0), "00100000");
	GT(ecn(XT_ECN_OP_MATCH_IP, XT_ECN_OP_MATCH_IP, 2, 0), "11011111");
	GT(ecn(XT_ECN_OP_MATCH_ECE, 0, 0, 6), "01000000");
	GT(ecn(XT_ECN_OP_MATCH_CWR, XT_ECN_OP_MATCH_CWR, 0, 6), "00100000");
	GT(ecn(XT_ECN_OP_MATCH_ECE, 0, 0, 0), "EINVAL");
	GT(ecn(2, 0, 0, 0), "EINVAL");
}

static const char *sctp(int flags, int inv, int how, unsigned types)
{
	struct xt_sctp_info m = { .dpts = { 2000, 2000 },
		.spts = { 1000, 1001 },
		.chunkmap = { types },
		.chunk_match_type = how,
		.flags = flags,
		.invflags = inv };

	return taken("sctp", 0, &m, sizeof(m), 132);
}

static void transports(void)
{
	struct xt_dccp_info d = { .flags = XT_DCCP_TYPE, .typemask = 1 };
	struct xt_ipcomp c = { .spis = { 18, 20 } };

	GT(sctp(XT_SCTP_SRC_PORTS, 0, 0, 0), "00010100");
	GT(sctp(XT_SCTP_DEST_PORTS, XT_SCTP_DEST_PORTS, 0, 0), "00001000");
	GT(sctp(XT_SCTP_CHUNK_TYPES, 0, SCTP_CHUNK_MATCH_ANY, 1 << 3 | 1 << 9), "00010100");
	GT(sctp(XT_SCTP_CHUNK_TYPES, 0, SCTP_CHUNK_MATCH_ALL, 1 << 0 | 1 << 3), "00010100");
	GT(sctp(XT_SCTP_CHUNK_TYPES, 0, SCTP_CHUNK_MATCH_ALL, 1 << 0 | 1 << 9), "00000100");
	GT(sctp(XT_SCTP_CHUNK_TYPES, 0, SCTP_CHUNK_MATCH_ONLY, 1 << 1), "00001100");
	GT(sctp(XT_SCTP_CHUNK_TYPES, XT_SCTP_CHUNK_TYPES, SCTP_CHUNK_MATCH_ONLY, 1 << 1),
		"00010100");
	GT(sctp(XT_SCTP_CHUNK_TYPES, 0, 0, 1), "EINVAL");
	GT(sctp(0, XT_SCTP_SRC_PORTS, 0, 0), "EINVAL");
	GT(taken("dccp", 0, &d, sizeof(d), 33), "00000010");
	d.typemask = 2;
	GT(taken("dccp", 0, &d, sizeof(d), 33), "00000000");
	d.flags = XT_DCCP_OPTION;
	d.option = 42;
	GT(taken("dccp", 0, &d, sizeof(d), 33), "00000010");
	d.invflags = XT_DCCP_OPTION;
	GT(taken("dccp", 0, &d, sizeof(d), 33), "00000000");
	GT(taken("ipcomp", 0, &c, sizeof(c), 108), "00000001");
	c.invflags = XT_IPCOMP_INV_SPI;
	GT(taken("ipcomp", 0, &c, sizeof(c), 108), "00000000");
	GT(taken("ipcomp", 0, &c, sizeof(c), 6), "EINVAL");
}

static void around(void)
{
	struct xt_policy_info p = { .flags = XT_POLICY_MATCH_OUT | XT_POLICY_MATCH_NONE };
	struct xt_physdev_info b = { .bitmask = XT_PHYSDEV_OP_BRIDGED };
	struct xt_bpf_info f = { .bpf_program_num_elem = 4,
		.bpf_program = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 1), BPF_STMT(BPF_RET | BPF_K, 1),
			BPF_STMT(BPF_RET | BPF_K, 0) } };

	GT(taken("policy", 0, &p, sizeof(p), 0), "11111111");
	p.flags = XT_POLICY_MATCH_OUT;
	GT(taken("policy", 0, &p, sizeof(p), 0), "00000000");
	p.flags = XT_POLICY_MATCH_IN;
	GT(taken("policy", 0, &p, sizeof(p), 0), "EINVAL");
	GT(taken("physdev", 0, &b, sizeof(b), 0), "00000000");
	b.invert = XT_PHYSDEV_OP_BRIDGED;
	GT(taken("physdev", 0, &b, sizeof(b), 0), "11111111");
	b.bitmask = XT_PHYSDEV_OP_OUT;
	GT(taken("physdev", 0, &b, sizeof(b), 0), "EINVAL");
	GT(taken("bpf", 0, &f, sizeof(f), 0), "10000000");
	f.bpf_program[1].jt = 9;
	GT(taken("bpf", 0, &f, sizeof(f), 0), "EINVAL");
}

static void sixth(void)
{
	struct ip6t_opts o = { .hdrlen = 8, .flags = IP6T_OPTS_LEN | IP6T_OPTS_OPTS, .optsnr = 1 };
	struct ip6t_ah a = { .spis = { 7, 7 } };
	struct ip6t_mh m = { .types = { 4, 5 } };

	nft_family = NFPROTO_IPV6;
	o.opts[0] = 0x0502;
	GT(taken("hbh", 0, &o, sizeof(o), 0), "1000");
	o.opts[0] = 0x05ff;
	GT(taken("hbh", 0, &o, sizeof(o), 0), "1000");
	o.opts[0] = 0x0503;
	GT(taken("hbh", 0, &o, sizeof(o), 0), "0000");
	o.opts[0] = 0x1e02;
	GT(taken("dst", 0, &o, sizeof(o), 0), "0100");
	o.invflags = IP6T_OPTS_INV_LEN;
	GT(taken("dst", 0, &o, sizeof(o), 0), "0000");
	o.flags |= IP6T_OPTS_NSTRICT;
	GT(taken("dst", 0, &o, sizeof(o), 0), "EINVAL");
	GT(taken("ah", 0, &a, sizeof(a), 0), "0010");
	a.hdrlen = 16;
	GT(taken("ah", 0, &a, sizeof(a), 0), "0000");
	a.invflags = IP6T_AH_INV_LEN;
	GT(taken("ah", 0, &a, sizeof(a), 0), "0010");
	GT(taken("mh", 0, &m, sizeof(m), 135), "0001");
	m.types[0] = 6;
	GT(taken("mh", 0, &m, sizeof(m), 135), "0000");
	nft_family = NFPROTO_IPV4;
}

/* Packets on lo have no MAC address that eui64 could compare: the rule does not match. */
static const char *eui64_on_lo(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		.sin6_port = htons(2001) };
	int info = 0, fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	const char *s = "passed";
	char c;

	NEED(bind(fd, SA(&a), sizeof(a)));
	nft_family = NFPROTO_IPV6;
	if (only_at(NF_INET_LOCAL_IN, "match", "t", "eui64", 0, &info, sizeof(info), 0))
		s = t_errno(errno);
	else if (sendto(fd, "x", 1, 0, SA(&a), sizeof(a)) != 1 ||
		 recv(fd, &c, 1, MSG_DONTWAIT) != 1)
		s = "dropped";
	over("t");
	nft_family = NFPROTO_IPV4;
	close(fd);
	return s;
}

/* ---- matches that count ---- */

/* Returns which packets from two addresses in turn a match takes, or the error. */
static const char *turns(const char *name, int rev, const void *info, unsigned n)
{
	static char s[16];

	if (only_at(NF_INET_LOCAL_OUT, "match", "t", name, rev, info, n, 0))
		return t_errno(errno);
	for (unsigned i = 0; i < 10; i++)
		s[i] = '0' + send4(&packets4[i == 9 ? 2 : 0], i & 1 ? "127.0.0.2" : "127.0.0.1");
	over("t");
	return s;
}

static const char *hashlimit(unsigned mode, unsigned avg, unsigned burst, unsigned max)
{
	static int nth; /* for a different table each time */
	struct xt_hashlimit_mtinfo3 m = { .cfg = { .avg = avg,
						  .burst = burst,
						  .mode = mode,
						  .max = max,
						  .size = max ? 1 : 0,
						  .gc_interval = 1000,
						  .expire = 60000,
						  .interval =
							  mode & XT_HASHLIMIT_RATE_MATCH ? 60 : 0,
						  .srcmask = 32,
						  .dstmask = 32 } };

	sprintf(m.name, "h%d", nth++);
	return turns("hashlimit", 3, &m, sizeof(m));
}

#define MINUTE (60 * 1000000)

static void limits(void)
{
	struct xt_hashlimit_mtinfo1 m1 = { .name = "h",
		.cfg = { .mode = XT_HASHLIMIT_HASH_SIP,
			.avg = 60 * XT_HASHLIMIT_SCALE,
			.burst = 2,
			.gc_interval = 1000,
			.expire = 60000,
			.srcmask = 24 } };

	GT(hashlimit(XT_HASHLIMIT_HASH_SIP, MINUTE, 2, 0), "1111000000");
	GT(hashlimit(XT_HASHLIMIT_HASH_SIP | XT_HASHLIMIT_INVERT, MINUTE, 2, 0), "0000111111");
	GT(hashlimit(XT_HASHLIMIT_HASH_DIP, MINUTE, 3, 0), "1110000000");
	GT(hashlimit(XT_HASHLIMIT_HASH_SPT | XT_HASHLIMIT_HASH_DPT, MINUTE, 3, 0), "1110000000");
	GT(hashlimit(0, MINUTE, 5, 0), "1111100000");
	GT(hashlimit(XT_HASHLIMIT_BYTES, 1U << 30, 3, 0), "1111000000");
	GT(hashlimit(XT_HASHLIMIT_HASH_SIP | XT_HASHLIMIT_RATE_MATCH, 500000, 1, 0), "1111110000");
	GT(hashlimit(XT_HASHLIMIT_HASH_SIP, MINUTE, 2, 1), "1111010101");
	GT(hashlimit(0, MINUTE, 0, 0), "ERANGE");
	GT(hashlimit(128, MINUTE, 1, 0), "EINVAL");
	GT(turns("hashlimit", 1, &m1, sizeof(m1)), "1100000000");
	m1.cfg.srcmask = 33;
	GT(turns("hashlimit", 1, &m1, sizeof(m1)), "EINVAL");
	m1.cfg.srcmask = 32;
	strcpy(m1.name, "a/b");
	GT(turns("hashlimit", 1, &m1, sizeof(m1)), "EINVAL");
}

static void quotas(void)
{
	struct xt_quota_info q = { .quota = 48 * 3 + 47 };

	GT(turns("quota", 0, &q, sizeof(q)), "1110000000");
	q.flags = XT_QUOTA_INVERT;
	GT(turns("quota", 0, &q, sizeof(q)), "0001111111");
	q.flags = 2;
	GT(turns("quota", 0, &q, sizeof(q)), "EINVAL");
}

/* ---- targets ---- */

static int tap;

static unsigned sum16(const unsigned char *p, unsigned n, unsigned sum)
{
	for (unsigned i = 0; i < n; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/*
 * Returns the first outgoing TCP or UDP frame: its type of service, TCP flags and options, and
 * whether its checksums hold.
 */
static const char *frame(void)
{
	static char s[160];
	unsigned char f[2048], *ip = f + 14, *l4 = ip + 20;
	struct sockaddr_ll a;
	socklen_t alen = sizeof(a);
	int n, k = 0;

	do {
		alen = sizeof(a);
		n = (int)recvfrom(tap, f, sizeof(f), 0, SA(&a), &alen);
	} while (n > 0 && (a.sll_pkttype == PACKET_OUTGOING || (ip[9] != 6 && ip[9] != 17)));
	if (n < 34)
		return "nothing";
	k = sprintf(s, "tos %d, sums %s %s", ip[1], sum16(ip, 20, 0) == 0xffff ? "right" : "wrong",
		sum16(l4, n - 34, sum16(ip + 12, 8, ip[9] + n - 34)) == 0xffff ? "right" : "wrong");
	for (int i = 0; ip[9] == 6 && i < 1 + (l4[12] >> 4) * 4 - 20; i++)
		k += sprintf(s + k, " %x", i ? l4[19 + i] : l4[13]);
	while (recv(tap, f, sizeof(f), MSG_DONTWAIT) > 0)
		;
	return s;
}

/*
 * Returns what a target leaves of a packet (TCP with a checksum). @fd: returns what the target
 * sends instead.
 */
static const char *changed(const char *name, const void *info, unsigned n, int proto, int fd)
{
	struct packet p = packets4[1];
	struct sockaddr_in to = at("127.0.0.1", 2000);
	static char b[64];
	unsigned sum;

	if (only_at(NF_INET_LOCAL_OUT, "target", "mangle", name, 0, info, n, proto))
		return t_errno(errno);
	memcpy(b, p.bytes, p.n);
	sum = sum16((void *)b, p.n, 0x7f00 + 1 + 0x7f00 + 1 + 6 + p.n);
	b[16] = ~sum >> 8;
	b[17] = ~sum;
	p.bytes = b;
	if (fd < 0)
		send4(&p, "127.0.0.1");
	else
		sendto(fd, "hello", 5, 0, SA(&to), sizeof(to));
	over("mangle");
	return frame();
}

static void targets(void)
{
	struct xt_tcpoptstrip_target_info t = { { 1 << 2 | 1 << 8 } };
	struct ipt_ECN_info e = { .operation = IPT_ECN_OP_SET_IP, .ip_ect = 1 };
	struct xt_CHECKSUM_info c = { XT_CHECKSUM_OP_FILL };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	GT(changed("TCPOPTSTRIP", &t, sizeof(t), 6, -1),
		"tos 0, sums right right c2 1 1 1 1 4 2 1 1 1 1 1 1 1 1 1 1 1 3 3 7");
	GT(changed("TCPOPTSTRIP", &t, sizeof(t), 0, -1), "EINVAL");
	GT(changed("ECN", &e, sizeof(e), 0, -1),
		"tos 1, sums right right c2 2 4 5 b4 4 2 8 a 0 0 0 1 0 0 0 0 1 3 3 7");
	e.operation = IPT_ECN_OP_SET_ECE | IPT_ECN_OP_SET_CWR;
	GT(changed("ECN", &e, sizeof(e), 6, -1),
		"tos 0, sums right right 2 2 4 5 b4 4 2 8 a 0 0 0 1 0 0 0 0 1 3 3 7");
	GT(changed("ECN", &e, sizeof(e), 0, -1), "EINVAL");
	GT(changed("CHECKSUM", &c, sizeof(c), 0, fd), "tos 0, sums right right");
	c.operation = 2;
	GT(changed("CHECKSUM", &c, sizeof(c), 0, fd), "EINVAL");
}

static void setup(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	struct sockaddr_in any = at("0.0.0.0", 2000); /* so that no port is unreachable */
	struct timeval limit = { .tv_sec = 100 };

	NEED(unshare(CLONE_NEWNET));
	lo_up();
	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	sink = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(bind(sink, SA(&any), sizeof(any)));
	raw4 = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
	raw6 = NEED(socket(AF_INET6, SOCK_RAW, IPPROTO_RAW));
	tap = NEED(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP)));
	ll.sll_ifindex = (int)if_nametoindex("lo");
	NEED(bind(tap, SA(&ll), sizeof(ll)));
	setsockopt(tap, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

TEST(xt_kinds)
{
	if (in_guest())
		setup();
	strings();
	words();
	congestion();
	transports();
	around();
	sixth();
	GT(eui64_on_lo(), "passed");
	limits();
	quotas();
	if (in_guest()) /* frames of earlier packets */
		for (char b[256]; recv(tap, b, sizeof(b), MSG_DONTWAIT) > 0;)
			;
	targets();
}
