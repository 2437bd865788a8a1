/* SPDX-License-Identifier: MIT */
/*
 * log.c: logs packets to the kernel log in Linux's format, for programs that parse firewall logs
 * (fail2ban, psad, logwatch). A line has devices, link header, addresses, the fields of IP and of
 * the transport, the packet quoted by an ICMP error, and the mark. NF_LOG_* flags add sequence
 * numbers, options and the owner. At most LINES a second are logged, so that packets cannot flood
 * the log.
 *
 * Rules hold nn->lock here; connection tracking, which logs invalid packets, holds no lock. A
 * truncated packet is logged as INCOMPLETE, and never read beyond its end.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter/nf_log.h>

#include "kernel/lib/printk.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/netfilter/conntrack.h"

#define LINES 50U
#define LINE 960

int nf_log_all_netns;

struct line {
	const struct sk_buff *skb;
	u32 flags; /* NF_LOG_* */
	int n;
	char text[LINE];
};
#define PUT(l, ...)                                                                                \
	((l)->n += scnprintf((l)->text + (l)->n, sizeof((l)->text) - (size_t)(l)->n, __VA_ARGS__))

static bool may_log(void)
{
	static atomic64_t second, lines;
	s64 now = (s64)(ktime_get() / NSEC_PER_SEC);

	if (atomic_read(&second) != now) {
		atomic_set(&second, now);
		atomic_set(&lines, 0);
	}
	return atomic_inc_return(&lines) <= LINES;
}

static u32 left_from(const struct line *l, u32 off)
{
	u32 len = skb_len(l->skb);

	return off < len ? len - off : 0;
}

/*
 * Copies @n bytes at offset @off. Returns false if the packet is too short; the line then has the
 * word INCOMPLETE.
 */
static bool get(struct line *l, u32 off, void *to, u32 n)
{
	u32 left = left_from(l, off);

	if (left < n) {
		PUT(l, "INCOMPLETE [%u bytes] ", left);
		return false;
	}
	skb_copy(l->skb, off, to, n);
	return true;
}

static u16 be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static u32 be32(const u8 *p)
{
	return (u32)be16(p) << 16 | be16(p + 2);
}

static void put_addr4(struct line *l, const char *name, const u8 *a)
{
	PUT(l, "%s=%u.%u.%u.%u ", name, a[0], a[1], a[2], a[3]);
}

static void put_addr6(struct line *l, const char *name, const u8 *a)
{
	PUT(l, "%s=", name);
	for (u32 i = 0; i < 16; i += 2)
		PUT(l, "%02x%02x%s", a[i], a[i + 1], i < 14 ? ":" : " ");
}

/* Prints the options of a header, @n bytes at @off. */
static void put_options(struct line *l, u32 off, u32 n)
{
	u8 bytes[40];

	if (!n || n > sizeof(bytes) || !get(l, off, bytes, n))
		return;
	PUT(l, "OPT (");
	for (u32 i = 0; i < n; i++)
		PUT(l, "%02X", bytes[i]);
	PUT(l, ") ");
}

static void put_tcp(struct line *l, u32 off, bool fragment)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE",
		"CWR" };
	u8 h[20];

	PUT(l, "PROTO=TCP ");
	if (fragment || !get(l, off, h, sizeof(h)))
		return;
	PUT(l, "SPT=%u DPT=%u ", be16(h), be16(h + 2));
	if (l->flags & NF_LOG_TCPSEQ)
		PUT(l, "SEQ=%u ACK=%u ", be32(h + 4), be32(h + 8));
	PUT(l, "WINDOW=%u RES=0x%02x ", be16(h + 14), (h[12] & 15U) << 2);
	for (int i = 7; i >= 0; i--)
		if (h[13] & 1U << i)
			PUT(l, "%s ", names[i]);
	PUT(l, "URGP=%u ", be16(h + 18));
	if (l->flags & NF_LOG_TCPOPT && (h[12] >> 4) > 5)
		put_options(l, off + sizeof(h), (h[12] >> 4) * 4U - sizeof(h));
}

static void put_udp(struct line *l, u32 off, bool fragment, const char *name)
{
	u8 h[8];

	PUT(l, "PROTO=%s ", name);
	if (!fragment && get(l, off, h, sizeof(h)))
		PUT(l, "SPT=%u DPT=%u LEN=%u ", be16(h), be16(h + 2), be16(h + 4));
}

static void put_spi(struct line *l, u32 off, bool fragment, const char *name, u32 at)
{
	u8 h[12];

	PUT(l, "PROTO=%s ", name);
	if (!fragment && get(l, off, h, at + 4))
		PUT(l, "SPI=0x%x ", be32(h + at));
}

static void put_ip4(struct line *l, u32 off, bool quoted);
static void put_ip6(struct line *l, u32 off, bool quoted);

/* Prints the packet that an ICMP error quotes, but not a quote in a quote. */
static void put_quote(struct line *l, u32 off, bool quoted, void (*put)(struct line *, u32, bool))
{
	if (quoted)
		return;
	PUT(l, "[");
	put(l, off, true);
	PUT(l, "] ");
}

/*
 * Writes the fields of the ICMP header at @off. @fragment: the packet is a fragment without the
 * ICMP header. @quoted: the packet is the one that an ICMP error quotes.
 */
static void put_icmp(struct line *l, u32 off, bool fragment, bool quoted)
{
	/*
	 * by ICMP type: bytes that must follow the first four, else the packet is INCOMPLETE; 0:
	 * the type has no fields to print
	 */
	static const u8 needs[19] = { [0] = 4,
		[3] = 28,
		[4] = 28,
		[5] = 28,
		[8] = 4,
		[11] = 28,
		[12] = 28,
		[13] = 20,
		[14] = 20,
		[17] = 12,
		[18] = 12 };
	u8 h[8] = { 0 };

	PUT(l, "PROTO=ICMP ");
	if (fragment || !get(l, off, h, 4))
		return;
	PUT(l, "TYPE=%u CODE=%u ", h[0], h[1]);
	if (h[0] >= sizeof(needs) || !needs[h[0]])
		return;
	if (left_from(l, off) - 4 < needs[h[0]]) {
		PUT(l, "INCOMPLETE [%u bytes] ", left_from(l, off));
		return;
	}
	skb_copy(l->skb, off, h, 8);
	if (h[0] == 0 || h[0] == 8)
		PUT(l, "ID=%u SEQ=%u ", be16(h + 4), be16(h + 6));
	else if (h[0] == 12)
		PUT(l, "PARAMETER=%u ", h[4]);
	if (h[0] == 5)
		put_addr4(l, "GATEWAY", h + 4);
	if (h[0] == 3 || h[0] == 4 || h[0] == 5 || h[0] == 11)
		put_quote(l, off + 8, quoted, put_ip4);
	if (h[0] == 3 && h[1] == 4)
		PUT(l, "MTU=%u ", be16(h + 6));
}

static void put_icmp6(struct line *l, u32 off, bool fragment, bool quoted)
{
	u8 h[8];

	PUT(l, "PROTO=ICMPv6 ");
	if (fragment || !get(l, off, h, sizeof(h)))
		return;
	PUT(l, "TYPE=%u CODE=%u ", h[0], h[1]);
	if (h[0] == 128 || h[0] == 129)
		PUT(l, "ID=%u SEQ=%u ", be16(h + 4), be16(h + 6));
	if (h[0] == 4)
		PUT(l, "POINTER=%08x ", be32(h + 4));
	if (h[0] >= 1 && h[0] <= 4)
		put_quote(l, off + 8, quoted, put_ip6);
	if (h[0] == 2)
		PUT(l, "MTU=%u ", be32(h + 4));
}

static void put_transport(struct line *l, u8 proto, u32 off, bool fragment, bool quoted)
{
	switch (proto) {
	case IPPROTO_TCP: put_tcp(l, off, fragment); break;
	case IPPROTO_UDP: put_udp(l, off, fragment, "UDP"); break;
	case IPPROTO_UDPLITE: put_udp(l, off, fragment, "UDPLITE"); break;
	case IPPROTO_ICMP: put_icmp(l, off, fragment, quoted); break;
	case IPPROTO_ICMPV6: put_icmp6(l, off, fragment, quoted); break;
	case IPPROTO_AH: put_spi(l, off, fragment, "AH", 4); break;
	case IPPROTO_ESP: put_spi(l, off, fragment, "ESP", 0); break;
	default: PUT(l, "PROTO=%u ", proto);
	}
}

static void put_ip4(struct line *l, u32 off, bool quoted)
{
	u32 frag, len;
	u8 h[20];

	if (!get(l, off, h, sizeof(h)))
		return;
	len = (h[0] & 15U) * 4;
	frag = be16(h + 6);
	put_addr4(l, "SRC", h + 12);
	put_addr4(l, "DST", h + 16);
	PUT(l, "LEN=%u TOS=0x%02X PREC=0x%02X TTL=%u ID=%u ", be16(h + 2), h[1] & 0x1eU,
		h[1] & 0xe0U, h[8], be16(h + 4));
	PUT(l, "%s%s%s", frag & 0x8000 ? "CE " : "", frag & 0x4000 ? "DF " : "",
		frag & 0x2000 ? "MF " : "");
	if (frag & 0x1fff)
		PUT(l, "FRAG:%u ", frag & 0x1fff);
	if (l->flags & NF_LOG_IPOPT && len > sizeof(h))
		put_options(l, off + sizeof(h), len - sizeof(h));
	put_transport(l, h[9], off + len, frag & 0x1fff, quoted);
}

static bool is_extension(u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH;
}

/*
 * Prints the extension headers. Returns the offset of the transport header, and its protocol in
 * *@proto; 0: there is none.
 */
static u32 put_extensions(struct line *l, u32 off, u8 *proto, bool *fragment)
{
	u8 h[8];

	for (; is_extension(*proto) && !*fragment; *proto = h[0]) {
		u8 what = *proto;

		if (!get(l, off, h, sizeof(h)))
			return 0;
		if (l->flags & NF_LOG_IPOPT)
			PUT(l, "OPT ( ");
		if (what == IPPROTO_FRAGMENT) {
			PUT(l, "FRAG:%u ", be16(h + 2) & 0xfff8U);
			PUT(l, "%sID:%08x ", h[3] & 1 ? "INCOMPLETE " : "", be32(h + 4));
			*fragment = be16(h + 2) & 0xfff8;
		} else if (what == IPPROTO_AH && l->flags & NF_LOG_IPOPT) {
			PUT(l, "AH SPI=0x%x ", be32(h + 4));
		}
		if (l->flags & NF_LOG_IPOPT)
			PUT(l, ") ");
		off += what == IPPROTO_FRAGMENT ? 8U :
		       what == IPPROTO_AH       ? (h[1] + 2U) * 4 :
						  (h[1] + 1U) * 8;
	}
	return off;
}

static void put_ip6(struct line *l, u32 off, bool quoted)
{
	bool fragment = false;
	u8 h[40], proto;

	if (!get(l, off, h, sizeof(h)))
		return;
	put_addr6(l, "SRC", h + 8);
	put_addr6(l, "DST", h + 24);
	PUT(l, "LEN=%u TC=%u HOPLIMIT=%u FLOWLBL=%u ", be16(h + 4) + 40U, be32(h) >> 20 & 0xff,
		h[7], be32(h) & 0xfffff);
	proto = h[6];
	off = put_extensions(l, off + sizeof(h), &proto, &fragment);
	if (off)
		put_transport(l, proto, off, fragment, quoted);
}

/* Prints the link header of a received packet; for loopback with zero addresses. */
static void put_link(struct line *l, const struct nf_state *s)
{
	u8 lo[ETH_HLEN] = { [12] = (u8)(s->skb->protocol >> 8), [13] = (u8)s->skb->protocol };
	const u8 *mac = s->in->flags & IFF_LOOPBACK ? lo : NULL;

	if (!mac && s->skb->mac_len >= ETH_HLEN && !skb_headlen(s->skb))
		mac = skb_payload(s->skb) - s->skb->mac_len;
	if (l->flags & NF_LOG_MACDECODE && mac && mac != lo) {
		PUT(l, "MACSRC=%02x:%02x:%02x:%02x:%02x:%02x ", mac[6], mac[7], mac[8], mac[9],
			mac[10], mac[11]);
		PUT(l, "MACDST=%02x:%02x:%02x:%02x:%02x:%02x ", mac[0], mac[1], mac[2], mac[3],
			mac[4], mac[5]);
		PUT(l, "MACPROTO=%04x ", be16(mac + 12));
		return;
	}
	PUT(l, "MAC=");
	for (u32 i = 0; mac && i < ETH_HLEN; i++)
		PUT(l, "%s%02x", i ? ":" : "", mac[i]);
	PUT(l, " ");
}

/*
 * Logs a packet. Packets of other namespaces than the first are logged only if nf_log_all_netns is
 * set.
 */
void nf_log_packet(const struct nf_state *s, u32 level, u32 flags, const char *prefix)
{
	struct line *l;

	if ((s->net != &init_net && !READ_ONCE(nf_log_all_netns)) || !may_log())
		return;
	l = kmalloc(sizeof(*l), GFP_ATOMIC);
	if (!l)
		return;
	l->skb = s->skb;
	l->flags = flags;
	l->n = 0;
	PUT(l, "%sIN=%s OUT=%s ", prefix, s->in ? s->in->name : "", s->out ? s->out->name : "");
	if (s->in)
		put_link(l, s);
	(s->v6 ? put_ip6 : put_ip4)(l, 0, false);
	if (flags & NF_LOG_UID && s->skb->owned)
		PUT(l, "UID=%u GID=%u ", from_kuid_munged(s->net->ns.owner, s->skb->uid),
			from_kgid_munged(s->net->ns.owner, s->skb->gid));
	if (s->skb->mark)
		PUT(l, "MARK=0x%x ", s->skb->mark);
	printk("\001%c%s\n", (int)('0' + min(level, 7U)), l->text);
	kfree(l);
}
