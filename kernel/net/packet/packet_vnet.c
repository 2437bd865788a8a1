/* SPDX-License-Identifier: MIT */
/*
 * packet_vnet.c: PACKET_VNET_HDR: each packet of a socket begins with a struct virtio_net_hdr,
 * which describes the work that is left: to fill in a checksum, to cut the packet into segments.
 *
 *     a program sends  checksums and segments of TCP, and datagrams of UDP, are left to the card,
 *                      as for our own protocols. Other checksums that the header requests are
 *                      computed in this file, and a datagram to be sent in fragments is cut here
 *     a program reads  packets are uncut, and their checksum is that of the pseudo header alone, as
 *                      our protocols leave them
 *
 * Every number in the header comes from the program: none is used before it was checked against the
 * packet.
 */
#include <asm/errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/packet/packet.h"
#include "kernel/net/link/tun.h"

/* VIRTIO_NET_HDR_GSO_UDP_L4, missing in older headers */
#define GSO_UDP_L4 5

int packet_vnet_size(int opt, int n)
{
	if (opt == PACKET_VNET_HDR)
		return n ? (int)sizeof(struct virtio_net_hdr) : 0;
	return !n || n == sizeof(struct virtio_net_hdr) ||
			       n == sizeof(struct virtio_net_hdr_mrg_rxbuf) ?
		       n :
		       -EINVAL;
}

/* ---- packets that a program sends ---- */

/*
 * True if the requested checksum is the one that gso.c computes, which covers the whole transport
 * packet. Others (a trailer behind the packet, another position) are computed as the header
 * requests.
 */
static bool usual_sum(const struct sk_buff *skb, u32 link, const struct virtio_net_hdr *v)
{
	struct gso_about a;
	u8 be[2];

	if (!gso_about(skb, link, &a) || a.csum_start != v->csum_start ||
		v->csum_offset != (a.tcp ? 16 : 6))
		return false;
	skb_copy(skb, a.ip + (a.v6 ? 4 : 2), be, sizeof(be));
	return skb_len(skb) == a.ip + (a.v6 ? 40U : 0) + ((u32)be[0] << 8 | be[1]);
}

/* Fills in a checksum. The frame's buffer is not shared, since a program has sent it. */
static int fill_in_sum(struct sk_buff *skb, const struct virtio_net_hdr *v)
{
	u32 at = (u32)v->csum_start + v->csum_offset, len = skb_len(skb);
	u16 sum;

	if (at + 2 > len)
		return -EINVAL;
	sum = csum_fold(skb_sum(skb, v->csum_start, len - v->csum_start, 0));
	/* As on Linux, for each protocol: in UDP, 0 means that there is no checksum. */
	sum = sum ? sum : 0xffff;
	memcpy(skb_payload(skb) + at, &sum, 2);
	return 0;
}

static int sum_up(struct sk_buff *skb, u32 link, const struct virtio_net_hdr *v)
{
	if (!usual_sum(skb, link, v))
		return fill_in_sum(skb, v);
	skb->csum_owed = skb->csum_ok = true;
	return 0;
}

/* ---- a datagram in fragments (VIRTIO_NET_HDR_GSO_UDP) ---- */

/* Returns the size of the payload of each fragment, or -errno; 0: the datagram is sent whole. */
static int in_pieces(struct sk_buff *skb, u32 link, const struct virtio_net_hdr *v)
{
	struct gso_about a;

	if (!v->gso_size || !(v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !gso_about(skb, link, &a))
		return -EINVAL;
	if (a.tcp || a.csum_start != v->csum_start)
		return -EINVAL;
	if (skb_len(skb) - a.csum_start + 8 <= v->gso_size)
		return sum_up(skb, link, v); /* the datagram fits into one packet */
	/* makes ip_fragment() compute the checksum before it cuts the datagram */
	skb->csum_owed = true;
	return v->gso_size;
}

struct cutter {
	/* only flow.dev is used: fragments are counted in the device's namespace */
	struct flow flow;
	struct packet_sock *p;
	const struct packet_to *to;
	u32 link;
	u16 protocol; /* protocol of the link header */
	u8 head[SKB_ROOM];
};

static int send_piece(struct sk_buff *skb, const struct flow *f)
{
	const struct cutter *c = container_of(f, struct cutter, flow);

	memcpy(skb_push(skb, c->link), c->head, c->link);
	skb->protocol = c->protocol;
	return packet_leave(c->p, skb, c->to);
}

int packet_vnet_pieces(
	struct packet_sock *p, struct sk_buff *skb, const struct packet_to *to, u32 link, u32 size)
{
	struct cutter c = { .flow.dev = to->dev, .p = p, .to = to };
	struct gso_about a;
	u8 first;

	if (!gso_about(skb, link, &a)) {
		kfree_skb(skb);
		return -EINVAL;
	}
	c.link = a.ip; /* the link header includes VLAN tags */
	c.protocol = skb->protocol;
	skb_copy(skb, 0, c.head, a.ip);
	skb_pull(skb, a.ip);
	skb_copy(skb, 0, &first, 1);
	skb->protocol = a.v6 ? ETH_P_IPV6 : ETH_P_IP;
	size += a.v6 ? 40 + 8 : (first & 15U) * 4;
	return ip_fragment(skb, size, &c.flow, send_piece);
}

/* ---- packets that are not cut ---- */

static int keep_whole(struct sk_buff *skb, u32 link, const struct virtio_net_hdr *v)
{
	u8 type = v->gso_type & (u8)~VIRTIO_NET_HDR_GSO_ECN;
	bool v4 = type == VIRTIO_NET_HDR_GSO_TCPV4, v6 = type == VIRTIO_NET_HDR_GSO_TCPV6;
	struct gso_about a;

	if ((!v4 && !v6 && type != GSO_UDP_L4) || !v->gso_size ||
		!(v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return -EINVAL;
	if (!gso_about(skb, link, &a) || a.tcp != (v4 || v6) || (v4 && a.v6) || (v6 && !a.v6) ||
		a.csum_start != v->csum_start || a.head_len >= skb_len(skb))
		return -EINVAL;
	skb->gso = v->gso_size;
	skb->csum_owed = skb->csum_ok = true;
	return 0;
}

int packet_vnet_take(const struct packet_sock *p, struct sk_buff *skb, u32 link, u32 *pieces)
{
	struct virtio_net_hdr v;
	u32 size = READ_ONCE(p->vnet), head;
	int n;

	/* PACKET_VNET_HDR was switched off since the caller's check */
	if (!size)
		return 0;
	if (skb_len(skb) < size)
		return -EINVAL;
	skb_copy(skb, 0, &v, sizeof(v));
	skb_pull(skb, size);
	head = v.hdr_len;
	if (v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		head = max(head, v.csum_start + v.csum_offset + 2U);
	if (head > skb_len(skb))
		return -EINVAL;
	if (v.gso_type == VIRTIO_NET_HDR_GSO_UDP && pieces) {
		n = in_pieces(skb, link, &v);
		*pieces = n > 0 ? (u32)n : 0;
		return min(n, 0);
	}
	if (v.gso_type)
		return keep_whole(skb, link, &v);
	return v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM ? sum_up(skb, link, &v) : 0;
}

/* ---- packets that a program reads ---- */

/* True if the packet's transport checksum is not filled in. */
static bool lacks_sum(const struct sk_buff *skb)
{
	return skb->gso || skb->csum_head || skb->csum_owed || skb->csum_ok;
}

struct sk_buff *packet_vnet_show(struct sk_buff *skb)
{
	struct gso_about a;
	struct sk_buff *own;

	if (!lacks_sum(skb) || !gso_about(skb, packet_link_len(skb->pkt.hatype), &a))
		return skb;
	own = skb_linear(skb, GFP_ATOMIC);
	if (own) {
		gso_pseudo_sum(skb_payload(own), &a);
		own->pkt = skb->pkt;
		own->pkt_type = skb->pkt_type;
		own->csum_owed = true;
	}
	kfree_skb(skb);
	return own;
}

static void describe(const struct sk_buff *skb, struct virtio_net_hdr *v)
{
	struct gso_about a;

	if (!skb->csum_owed || !gso_about(skb, packet_link_len(skb->pkt.hatype), &a)) {
		v->flags = skb->csum_ok ? VIRTIO_NET_HDR_F_DATA_VALID : 0;
		return;
	}
	v->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	v->csum_start = (u16)a.csum_start;
	v->csum_offset = a.tcp ? 16 : 6;
	if (!skb->gso)
		return;
	v->gso_type = !a.tcp ? GSO_UDP_L4 :
		      a.v6   ? VIRTIO_NET_HDR_GSO_TCPV6 :
			       VIRTIO_NET_HDR_GSO_TCPV4;
	v->gso_size = skb->gso;
	v->hdr_len = (u16)a.head_len;
}

int packet_vnet_put(const struct packet_sock *p, const struct sk_buff *skb, struct iov_iter *to)
{
	struct virtio_net_hdr_mrg_rxbuf v = { 0 };
	u32 size = READ_ONCE(p->vnet);

	if (to->count < size)
		return -EINVAL;
	describe(skb, &v.hdr);
	return copy_to_iter(&v, size, to) == size ? 0 : -EFAULT;
}
