/* SPDX-License-Identifier: MIT */
/*
 * filter.c: the packet loads of socket filters, and the options that attach programs. filter.h
 * describes how programs are kept.
 *
 * Loads read values in network byte order. Offsets from SKF_NET_OFF and SKF_LL_OFF are relative to
 * the network and the link header; those from SKF_AD_OFF load values about the packet
 * (networking/filter.rst). A load outside of the packet ends the program, which drops the packet.
 */
#include <asm/errno.h>
#include <linux/in6.h>
#include <linux/netlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/sched.h"

#define EXT_MAX 8 /* extension headers of IPv6 */
/* bytes of the Ethernet header, the only link header of our devices */
#define LINK_LEN 14

/* ---- bytes ---- */

/* Returns the lowest offset that can be read: the network header may be before the view. */
static s64 lowest(const struct filter_view *v)
{
	return min(v->net, 0);
}

static u8 byte_at(const struct filter_view *v, s64 off)
{
	s64 at;
	u8 b;

	if (v->flat)
		return v->flat[off];
	off -= v->back;
	at = off + v->back - v->net; /* offset in the network header */
	if (off < 0 && at >= 0 && at < v->skb->ip.hdr_len && skb_network_apart(v->skb))
		return skb_network(v->skb)[at];
	if (off < 0)
		return skb_has_pulled(v->skb, (u32)-off) ? *skb_pulled(v->skb, (u32)-off) : 0;
	skb_copy(v->skb, (u32)off, &b, 1);
	return b;
}

static bool read_bytes(const struct filter_view *v, s64 off, u32 n, u32 *a)
{
	if (off < lowest(v) || off + n > v->in.len)
		return false;
	*a = 0;
	while (n--)
		*a = *a << 8 | byte_at(v, off++);
	return true;
}

/*
 * Loads from the link header. A view that begins behind the link header is read as if it had that
 * of lo: zeros, then the protocol.
 */
static bool read_link(const struct filter_view *v, s64 off, u32 n, u32 *a)
{
	u32 part;

	if (v->flat || v->net >= LINK_LEN || off >= LINK_LEN)
		return read_bytes(v, v->flat ? off : off - LINK_LEN + v->net, n, a);
	*a = 0;
	while (n--) {
		if (off < LINK_LEN - 2)
			part = 0;
		else if (off < LINK_LEN)
			part = v->skb->protocol >> (off == LINK_LEN - 2 ? 8 : 0) & 0xff;
		else if (!read_bytes(v, off - LINK_LEN + v->net, 1, &part))
			return false;
		*a = *a << 8 | part;
		off++;
	}
	return true;
}

static bool read_at(const struct filter_view *v, s64 off, u32 n, u32 *a)
{
	if (off >= 0)
		return read_bytes(v, off, n, a);
	if (off >= SKF_NET_OFF)
		return read_bytes(v, off - SKF_NET_OFF + v->net, n, a);
	return off >= SKF_LL_OFF && read_link(v, off - SKF_LL_OFF, n, a);
}

/* ---- ancillary loads ---- */

/*
 * Returns the offset of the attribute of type @type in the list from @at to @end; 0: there is none.
 */
static u32 find_nlattr(const struct filter_view *v, u32 at, u32 end, u32 type)
{
	u8 h[4];
	struct nlattr a;

	while (at + sizeof(a) <= end) {
		for (u32 i = 0; i < sizeof(h); i++)
			h[i] = byte_at(v, at + i);
		memcpy(&a, h, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > end - at)
			return 0;
		if ((a.nla_type & NLA_TYPE_MASK) == type)
			return at;
		at += NLA_ALIGN((u32)a.nla_len);
	}
	return 0;
}

static u32 nested_nlattr(const struct filter_view *v, u32 at, u32 type)
{
	u16 len;
	u8 h[2];

	if (at > v->in.len - sizeof(struct nlattr))
		return 0;
	h[0] = byte_at(v, at);
	h[1] = byte_at(v, at + 1);
	memcpy(&len, h, 2);
	if (len > v->in.len - at)
		return 0;
	return find_nlattr(v, at + sizeof(struct nlattr), at + len, type);
}

/*
 * Moves *@at behind IPv6's extension headers. *@proto: the type of the first header, which becomes
 * that of the header at the new *@at. Returns true if the packet is a fragment but not the first.
 */
static bool skip_extensions(const struct filter_view *v, u32 *at, u32 *proto)
{
	u32 n, next;

	for (int i = 0; i < EXT_MAX; i++) {
		bool frag = *proto == IPPROTO_FRAGMENT;

		if (*proto != IPPROTO_HOPOPTS && *proto != IPPROTO_ROUTING &&
			*proto != IPPROTO_DSTOPTS && !frag)
			return false;
		if (!read_bytes(v, *at, 1, &next) ||
			!read_bytes(v, *at + (frag ? 2 : 1), frag ? 2 : 1, &n))
			return false;
		*proto = next;
		*at += frag ? 8 : (n + 1) * 8;
		if (frag && n & 0xfff8)
			return true;
	}
	return false;
}

/*
 * Returns the offset of the transport layer's payload. For a later fragment, and for protocols
 * other than TCP, UDP, UDP-Lite and ICMP, returns the end of the network headers.
 */
static u32 payload_offset(const struct filter_view *v)
{
	u32 first, proto = 0, at = (u32)v->net, n;

	if (!read_bytes(v, v->net, 1, &first))
		return 0;
	if (first >> 4 == 4) {
		at += (first & 15) * 4;
		read_bytes(v, v->net + 9, 1, &proto);
		if (read_bytes(v, v->net + 6, 2, &n) && n & 0x1fff)
			return at;
	} else {
		at += 40;
		if (!read_bytes(v, v->net + 6, 1, &proto))
			return 0;
		if (skip_extensions(v, &at, &proto))
			return at;
	}
	switch (proto) {
	case 6: return read_bytes(v, (s32)at + 12, 1, &n) ? at + max(20U, (n >> 4) * 4) : at;
	case 17:
	case 136: return at + 8;
	case 1:
	case 58: return at + 8;
	}
	return at;
}

/*
 * Loads an ancillary value. Returns false, which ends the program, for a value of the packet's
 * device if it has none.
 */
static bool ancillary(const struct filter_view *v, u32 what, u32 x, u32 *a)
{
	const struct net_device *dev = v->skb ? v->skb->dev : NULL;
	bool nl = v->in.len >= sizeof(struct nlattr) && *a <= v->in.len - sizeof(struct nlattr);

	switch (what) {
	case SKF_AD_PROTOCOL: *a = v->skb ? v->skb->protocol : 0; return true;
	case SKF_AD_PKTTYPE: *a = v->pkt_type; return true;
	case SKF_AD_IFINDEX: *a = dev ? (u32)dev->ifindex : 0; return dev;
	case SKF_AD_HATYPE: *a = dev ? dev->type : 0; return dev;
	case SKF_AD_NLATTR: *a = nl ? find_nlattr(v, *a, v->in.len, x) : 0; return true;
	case SKF_AD_NLATTR_NEST: *a = nl ? nested_nlattr(v, *a, x) : 0; return true;
	case SKF_AD_MARK: *a = v->skb ? v->skb->mark : 0; return true;
	case SKF_AD_CPU: *a = (u32)smp_processor_id(); return true;
	case SKF_AD_ALU_XOR_X: *a ^= x; return true;
	case SKF_AD_PAY_OFFSET: *a = payload_offset(v); return true;
	case SKF_AD_RANDOM: arch_random(a, sizeof(*a)); return true;
	}
	*a = 0; /* not supported: queue, hash, VLAN */
	return true;
}

static bool load(const struct bpf_input *in, const struct sock_filter *i, u32 x, u32 *a)
{
	const struct filter_view *v = container_of(in, const struct filter_view, in);
	u32 size = BPF_SIZE(i->code) == BPF_W ? 4 : BPF_SIZE(i->code) == BPF_H ? 2 : 1;

	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		if (i->k >= (u32)SKF_AD_OFF)
			return ancillary(v, i->k - (u32)SKF_AD_OFF, x, a);
		return read_at(v, (s32)i->k, size, a);
	case BPF_IND: return read_at(v, (s32)(i->k + x), size, a);
	}
	/* BPF_MSH: the length of an IPv4 header */
	if (!read_at(v, (s32)i->k, 1, a))
		return false;
	*a = (*a & 15) * 4;
	return true;
}

/* ---- for extended programs ---- */

const struct filter_programs *filter_programs;

bool filter_view_bytes(const struct filter_view *v, s64 off, u32 n, void *to, bool legacy)
{
	u32 part;

	/* read_at() returns a number; @to gets it in network byte order */
	if (legacy) {
		if (!read_at(v, off, n, &part))
			return false;
		for (u32 i = 0; i < n; i++)
			((u8 *)to)[i] = (u8)(part >> 8 * (n - 1 - i));
		return true;
	}
	if (off < 0 || off + n > v->in.len)
		return false;
	for (u32 i = 0; i < n; i++)
		((u8 *)to)[i] = byte_at(v, off + i);
	return true;
}

/* ---- running ---- */

u32 sock_filter_view(const struct sk_filter *f, struct filter_view *v, u32 len)
{
	v->in = (struct bpf_input){ len, load };
	if (f->extended)
		return filter_programs->run(f->extended, v);
	return bpf_run(f->insn, &v->in);
}

bool sock_filter_skb(const struct sock_common *c, struct sk_buff *skb, u32 back)
{
	const struct sk_filter *f = READ_ONCE(c->filter);
	struct filter_view v = { .skb = skb,
		.back = (s32)back,
		.net = (s32)(back - skb_network_back(skb)),
		.pkt_type = skb->pkt_type };
	u32 keep;

	if (likely(!f))
		return true;
	keep = sock_filter_view(f, &v, skb_len(skb) + back);
	if (keep && keep < skb_len(skb) + back)
		skb_trim(skb, keep > back ? keep - back : 0);
	return keep;
}

bool sock_filter_bytes(const struct sock_common *c, const void *data, u32 *len)
{
	const struct sk_filter *f = READ_ONCE(c->filter);
	struct filter_view v = { .flat = data };
	u32 keep;

	if (likely(!f))
		return true;
	keep = sock_filter_view(f, &v, *len);
	*len = min(*len, keep);
	return keep;
}

/* ---- attaching ---- */

struct sk_filter *filter_get(struct sk_filter *f)
{
	if (f)
		atomic_inc(&f->refs);
	return f;
}

struct sk_filter *filter_get_of(struct sock_common *c)
{
	struct sk_filter *f;

	if (likely(!READ_ONCE(c->filter)))
		return NULL;
	/* Without the lock the filter could be freed before the reference is taken. */
	spin_lock(&c->lock);
	f = filter_get(c->filter);
	spin_unlock(&c->lock);
	return f;
}

static void free_rcu(struct rcu_head *h)
{
	struct sk_filter *f = container_of(h, struct sk_filter, rcu);

	if (f->extended)
		filter_programs->put(f->extended);
	kfree(f);
}

void filter_put(struct sk_filter *f)
{
	if (f && atomic_dec_and_test(&f->refs))
		call_rcu(&f->rcu, free_rcu);
}

struct sk_filter *filter_read(uaddr_t uprog, u32 len)
{
	struct {
		u16 len;
		u8 pad[6];
		u64 filter;
	} prog;
	struct sk_filter *f;
	size_t bytes;
	int err;

	if (len != sizeof(prog))
		return ERR_PTR(-EINVAL);
	if (copy_from_user(&prog, uprog, sizeof(prog)))
		return ERR_PTR(-EFAULT);
	if (!prog.filter || !prog.len || prog.len > BPF_MAXINSNS)
		return ERR_PTR(-EINVAL);
	bytes = prog.len * sizeof(struct sock_filter);
	f = kmalloc(sizeof(*f) + bytes, GFP_KERNEL | __GFP_ACCOUNT);
	if (!f)
		return ERR_PTR(-ENOMEM);
	atomic_set(&f->refs, 1);
	f->extended = NULL;
	f->len = prog.len;
	err = copy_from_user(f->insn, UADDR(prog.filter), bytes) ? -EFAULT :
								   bpf_check(f->insn, f->len);
	if (!err)
		return f;
	kfree(f);
	return ERR_PTR(err);
}

struct sk_filter *filter_extended(int fd)
{
	void *prog = filter_programs->get(fd);
	struct sk_filter *f;

	if (IS_ERR(prog))
		return prog;
	f = kzalloc(sizeof(*f), GFP_KERNEL | __GFP_ACCOUNT);
	if (!f) {
		filter_programs->put(prog);
		return ERR_PTR(-ENOMEM);
	}
	atomic_set(&f->refs, 1);
	f->extended = prog;
	return f;
}

static void replace(struct sock_common *c, struct sk_filter *f)
{
	spin_lock(&c->lock);
	f = xchg(&c->filter, f);
	spin_unlock(&c->lock);
	filter_put(f);
}

int sock_attach_filter(struct sock_common *c, uaddr_t val, u32 len)
{
	struct sk_filter *f = filter_read(val, len);

	if (len == 16 && c->rare.filter_locked) {
		if (!IS_ERR(f))
			filter_put(f);
		return -EPERM;
	}
	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	replace(c, f);
	return 0;
}

int sock_attach_program(struct sock_common *c, int fd)
{
	struct sk_filter *f = c->rare.filter_locked ? ERR_PTR(-EPERM) : filter_extended(fd);

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	replace(c, f);
	return 0;
}

int sock_detach_filter(struct sock_common *c)
{
	if (c->rare.filter_locked)
		return -EPERM;
	if (!c->filter)
		return -ENOENT;
	replace(c, NULL);
	return 0;
}

long sock_get_filter(struct sock_common *c, uaddr_t val, u32 room)
{
	struct sk_filter *f;
	long n = 0;

	f = filter_get_of(c);
	if (!f)
		return 0;
	n = f->len;
	if (f->extended)
		/* an eBPF program cannot be read */
		n = -EACCES;
	else if (room && room < f->len)
		n = -EINVAL;
	else if (room && copy_to_user(val, f->insn, f->len * sizeof(f->insn[0])))
		n = -EFAULT;
	filter_put(f);
	return n;
}
