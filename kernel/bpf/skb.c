/* SPDX-License-Identifier: MIT */
/*
 * skb.c: programs that read packets. Those of sockets are attached by SO_ATTACH_BPF
 * (kernel/net/packet/filter.c passes the packet). Those of control groups can be loaded, but not
 * attached (cgroup.c), so they never run. The context is struct __sk_buff (linux/bpf.h). Only its
 * field cb is in memory. A read of any other field computes the value.
 *
 * Fields that no device of this kernel sets are 0: queues, hashes, NAPI ids.
 */
#include "arch/um/machine/arch.h"
#include "kernel/bpf/machine.h"
#include "kernel/bpf/skb.h"
#include "kernel/bpf/types.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/link/netdev.h"
#include "kernel/net/socket/skb.h"

#define AT(field) ((u32)offsetof(struct __sk_buff, field))
#define AFTER(field) (AT(field) + (u32)sizeof(((struct __sk_buff *)0)->field))

static bool in_cb(u32 off, u32 size)
{
	return off >= AT(cb) && off + size <= AFTER(cb);
}

/* ---- readable and writable fields ---- */

static bool within(u32 off, u32 size, u32 from, u32 to)
{
	return off >= from && off + size <= to;
}

static enum ebpf_field socket_field(const struct ebpf_rights *r, u32 off, u32 size, bool write)
{
	if (in_cb(off, size))
		return FIELD_NUMBER;
	if (write || size > 4)
		return FIELD_NONE;
	return within(off, size, 0, AT(cb)) || within(off, size, AT(hash), AFTER(hash)) ||
			       within(off, size, AT(napi_id), AFTER(napi_id)) ||
			       within(off, size, AT(gso_segs), AFTER(gso_segs)) ||
			       within(off, size, AT(gso_size), AFTER(gso_size)) ?
		       FIELD_NUMBER :
		       FIELD_NONE;
}

static enum ebpf_field group_field(const struct ebpf_rights *r, u32 off, u32 size, bool write)
{
	if (off == AT(data) && size == 4 && !write)
		return FIELD_PACKET;
	if (off == AT(data_end) && size == 4 && !write)
		return FIELD_PACKET_END;
	if (write && size == 4 && (off == AT(mark) || off == AT(priority)))
		return FIELD_NUMBER;
	if (off == AT(tstamp) && size == 8 && !write)
		return FIELD_NUMBER;
	return socket_field(r, off, size, write);
}

/* ---- fields ---- */

static u32 field_of(const struct ebpf_skb *s, u32 off)
{
	const struct sk_buff *skb = s->view->skb;
	const struct net_device *dev = skb ? skb->dev : NULL;

	switch (off) {
	case AT(len): return s->view->in.len;
	case AT(pkt_type): return s->view->pkt_type;
	case AT(mark): return skb ? skb->mark : 0;
	case AT(protocol): return skb ? __builtin_bswap16(skb->protocol) : 0;
	case AT(vlan_present): return skb && skb->vlan_proto;
	case AT(vlan_tci): return skb && skb->vlan_proto ? skb->vlan_tci : 0;
	case AT(vlan_proto): return skb ? __builtin_bswap16(skb->vlan_proto) : 0;
	case AT(priority): return skb ? skb->priority : 0;
	case AT(ifindex): return dev ? (u32)dev->ifindex : 0;
	case AT(ingress_ifindex):
		return dev && skb->pkt_type != PKT_OUTGOING ? (u32)dev->ifindex : 0;
	case AT(gso_size): return skb ? skb->gso : 0;
	default: return 0;
	}
}

static u64 skb_read(void *ctx, u32 off, u32 size)
{
	const struct ebpf_skb *s = ctx;
	u64 v = 0;

	if (in_cb(off, size)) {
		memcpy(&v, (const u8 *)s->cb + off - AT(cb), size);
		return v;
	}
	if (off == AT(data) && size == 4)
		return CTX_PACKET;
	if (off == AT(data_end) && size == 4)
		return CTX_PACKET_END;
	if (off == AT(tstamp))
		return s->view->skb ? s->view->skb->stamp >> 1 << 1 & S64_MAX : 0;
	v = field_of(s, off & ~3u) >> (off & 3) * 8;
	return size < 4 ? v & ((1ul << size * 8) - 1) : v;
}

static void skb_write_field(void *ctx, u32 off, u32 size, u64 v)
{
	struct ebpf_skb *s = ctx;

	if (in_cb(off, size))
		memcpy((u8 *)s->cb + off - AT(cb), &v, size);
	else if (s->mine && off == AT(mark))
		s->mine->mark = (u32)v;
	else if (s->mine && off == AT(priority))
		s->mine->priority = (u32)v;
}

static u32 packet_len(void *ctx)
{
	const struct ebpf_skb *s = ctx;

	return s->view->in.len;
}

static bool packet_read(void *ctx, s64 off, u32 n, void *to, bool legacy)
{
	const struct ebpf_skb *s = ctx;

	return filter_view_bytes(s->view, off, n, to, legacy);
}

const struct ebpf_type ebpf_type_socket = { .type = BPF_PROG_TYPE_SOCKET_FILTER,
	.packet = true,
	.field = socket_field,
	.read = skb_read,
	.write = skb_write_field,
	.packet_len = packet_len,
	.packet_read = packet_read };

const struct ebpf_type ebpf_type_cgroup_skb = { .type = BPF_PROG_TYPE_CGROUP_SKB,
	.net_admin = false,
	.packet = true,
	.verdict = true,
	.field = group_field,
	.read = skb_read,
	.write = skb_write_field,
	.packet_len = packet_len,
	.packet_read = packet_read };

/* ---- for sockets ---- */

static void *prog_for_socket(int fd)
{
	return bpf_prog_of_fd((u32)fd, BPF_PROG_TYPE_SOCKET_FILTER);
}

static void prog_put(void *prog)
{
	bpf_prog_put(prog);
}

static u32 run_on_view(const void *prog, struct filter_view *v)
{
	const struct bpf_prog *p = prog;
	struct ebpf_skb s = { .view = v };

	return (u32)ebpf_run(&p->code, &s);
}

static const struct filter_programs programs = { prog_for_socket, prog_put, run_on_view };

static int skb_init(void)
{
	filter_programs = &programs;
	return 0;
}
INITCALL(4, skb_init);
